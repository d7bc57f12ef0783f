"""Time a training step (forward, backward, SGD update) of two networks: ours and PyTorch eager, in one process, in turns.

``mlp``: 784-128-10 with relu at batch 64. ``cnn``: convolution 8@3x3, pool, convolution 16@3x3, pool, linear, on 28x28 at
batch 64. Both libraries have one thread, then two. Weights and data are the same, and gradients are compared first. It
needs `pip install -e . threadpoolctl torch==2.13.0`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import nn
from tests.benchmarks.timing import in_turns, ratio, rounds, seconds, show, write_shown

BATCH = 64
RATE = 0.01
Step = Callable[[], Any]


def our_model(name: str, dtype: str) -> nn.Module:
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 128, dtype=dtype, rng=0), nn.ReLU(), nn.Linear(128, 10, dtype=dtype, rng=1))
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, dtype=dtype, rng=0), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, dtype=dtype, rng=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 10, dtype=dtype, rng=2),
    )  # fmt: skip


def batch(name: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (BATCH, 784) if name == "mlp" else (BATCH, 1, 28, 28)
    return rng.normal(size=shape).astype(dtype), rng.integers(0, 10, BATCH)


def ours(name: str, dtype: str) -> tuple[Step, Callable[[], list[np.ndarray]]]:
    model, (x, y) = our_model(name, dtype), batch(name, dtype)
    optimiser = nn.SGD(model.parameters(), lr=RATE)

    def step() -> None:
        loss = nn.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step, lambda: [p.grad for p in model.parameters()]


def pytorch(name: str, dtype: str) -> tuple[Step, Callable[[], list[np.ndarray]]]:
    import torch

    kind = getattr(torch, dtype)
    if name == "mlp":
        model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)).to(kind)
    else:
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(8, 16, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Flatten(), torch.nn.Linear(400, 10),
        ).to(kind)  # fmt: skip
    model.load_state_dict({key: torch.tensor(array) for key, array in our_model(name, dtype).state_dict().items()})
    x, y = map(torch.tensor, batch(name, dtype))
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE)

    def step() -> None:
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step, lambda: [p.grad.numpy() for p in model.parameters()]


def compare(name: str, dtype: str, steps: int, threads: int) -> None:
    """Print the times of one network in one dtype."""
    made = {"valuegrad": ours(name, dtype), "PyTorch eager": pytorch(name, dtype)}
    for step, _ in made.values():
        step()
    for found, right in zip(made["valuegrad"][1](), made["PyTorch eager"][1](), strict=True):
        np.testing.assert_allclose(found, right, rtol=0.0, atol=1e-12 if dtype == "float64" else 1e-5)
    times = in_turns({key: partial(seconds, step, steps) for key, (step, _) in made.items()}, rounds(41))
    show(f"{name}, one step, {dtype}, threads: {threads}, gradients agree", times, "valuegrad")
    print(f"valuegrad takes {ratio(times, 'valuegrad', 'PyTorch eager'):.2f} times as long as PyTorch")


def main() -> None:
    import torch
    from threadpoolctl import threadpool_limits

    print(f"PyTorch {torch.__version__} eager")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with threadpool_limits(threads, "blas"):
            for name, steps in (("mlp", 30), ("cnn", 5)):
                for dtype in ("float64", "float32"):
                    compare(name, dtype, steps, threads)
    write_shown("steps")


if __name__ == "__main__":
    main()

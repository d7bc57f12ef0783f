"""Time a training step of a small network on arrays, (100, 2) -> 16 -> 16 -> 1: ours, PyTorch eager, NumPy by hand.

The loss is the hinge loss on two moons, the optimiser plain SGD, in float64 and float32. All run in turns in one process,
with one thread: at this size, time is spent on the overhead of operations, not on arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

import nn
from tests.benchmarks.moons import SIZES, moons, parameters
from tests.benchmarks.timing import in_turns, rounds, seconds, show, write_shown

RATE = 0.02
STEPS = 50  # in one measurement
Grads = list[np.ndarray]
Step = Callable[[], Any]


def ours(dtype: str) -> tuple[Step, Callable[[], Grads]]:
    """Return our step, and a function that returns the gradients of the last one."""
    points, labels = moons()
    x, y = points.astype(dtype), labels.astype(dtype)[:, None]
    first, second, third = (nn.Linear(m, n, dtype=dtype) for m, n in pairwise(SIZES))
    model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)
    for layer, (weight, bias) in zip((first, second, third), parameters(), strict=True):
        layer.weight.data, layer.bias.data = weight, bias
    optimiser = nn.SGD(model.parameters(), lr=RATE)

    def step() -> None:
        loss = nn.hinge_loss(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step, lambda: [p.grad for p in model.parameters()]


def by_hand(dtype: str) -> tuple[Step, Callable[[], Grads]]:
    """Return the same step with its derivative by hand: the least time that NumPy takes."""
    points, labels = moons()
    x, y = points.astype(dtype), labels.astype(dtype)[:, None]
    start = [(weight.astype(dtype), bias.astype(dtype)) for weight, bias in parameters()]
    w1, b1, w2, b2, w3, b3 = (array for pair in start for array in pair)
    grads: Grads = []

    def step() -> None:
        h1 = np.maximum(x @ w1.T + b1, 0.0)  # (samples, 16)
        h2 = np.maximum(h1 @ w2.T + b2, 0.0)  # (samples, 16)
        margin = 1.0 - y * (h2 @ w3.T + b3)  # (samples, 1)
        np.maximum(margin, 0.0).mean()
        d3 = (margin > 0.0) * y * (-1.0 / len(x))
        d2 = (d3 @ w3) * (h2 > 0.0)
        d1 = (d2 @ w2) * (h1 > 0.0)
        grads[:] = d1.T @ x, d1.sum(0), d2.T @ h1, d2.sum(0), d3.T @ h2, d3.sum(0)
        for array, grad in zip((w1, b1, w2, b2, w3, b3), grads, strict=True):
            array -= RATE * grad

    return step, lambda: grads


def pytorch(dtype: str) -> tuple[Step, Callable[[], Grads]]:
    """Return the same step in PyTorch, eager."""
    import torch

    torch.set_num_threads(1)
    points, labels = moons()
    x, y = (torch.tensor(array, dtype=getattr(torch, dtype)) for array in (points, labels[:, None]))
    first, second, third = (torch.nn.Linear(m, n, dtype=getattr(torch, dtype)) for m, n in pairwise(SIZES))
    model = torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU(), third)
    with torch.no_grad():
        for layer, (weight, bias) in zip((first, second, third), parameters(), strict=True):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE)

    def step() -> None:
        loss = torch.relu(1.0 - y * model(x)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step, lambda: [p.grad.numpy() for p in model.parameters()]


def one_blas_thread() -> Any:
    """Return a context in which NumPy's matrix products use one thread, if that can be set."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        print("NumPy: BLAS with its default threads (pip install threadpoolctl for one)")
        return nullcontext()
    print("NumPy: one BLAS thread")
    return threadpool_limits(1, "blas")


def compare(makers: dict[str, Callable[[str], tuple[Step, Callable[[], Grads]]]], repeats: int) -> None:
    """Time the steps of all makers in turns, after a comparison of their gradients with NumPy's; PyTorch if it is installed."""
    try:
        import torch

        print(f"PyTorch {torch.__version__}: one thread, eager")
    except ImportError:
        print('PyTorch is missing here; for its figures: pip install "torch==2.13.0"')
        makers = {name: make for name, make in makers.items() if name != "PyTorch eager"}
    with one_blas_thread():
        for dtype in ("float64", "float32"):
            made = {f"{name}, {dtype}": make(dtype) for name, make in makers.items()}
            for step, _ in made.values():
                step()
            within = 1e-12 if dtype == "float64" else 1e-5
            for name, (_, grads) in made.items():
                for found, right in zip(grads(), made[f"NumPy by hand, {dtype}"][1](), strict=True):
                    np.testing.assert_allclose(found, right, rtol=0.0, atol=within, err_msg=name)
            timers = {name: partial(seconds, step, repeats) for name, (step, _) in made.items()}
            show(f"one step, {dtype}, gradients agree", in_turns(timers, rounds(41)), f"valuegrad, {dtype}")


def main() -> None:
    compare({"NumPy by hand": by_hand, "valuegrad": ours, "PyTorch eager": pytorch}, STEPS)
    write_shown("vectorised")


if __name__ == "__main__":
    main()

"""Time what guards add to a training step: check(), and the whole step without it.

The networks are dense, a small CNN, and scalar, neuron by neuron. check() is timed alone, right after a step, on its gradients
and with its cache: noise would hide the difference of two step times.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import nn
from tests.benchmarks.moons import moons
from tests.benchmarks.tables import markdown, write_table
from tests.benchmarks.timing import rounds


def dense(dtype: str) -> tuple[nn.Module, Callable[[], Any]]:
    """Return the model 784-128-10 and its loss at batch 64."""
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 784)).astype(dtype), rng.integers(10, size=64)
    model = nn.Sequential(nn.Linear(784, 128, dtype=dtype, rng=rng), nn.ReLU(), nn.Linear(128, 10, dtype=dtype, rng=rng))
    return model, lambda: nn.cross_entropy(model(x), y)


def convolutional() -> tuple[nn.Module, Callable[[], Any]]:
    """Return the model conv 8@3x3, pool, conv 16@3x3, pool, linear and its loss on 28x28 at batch 64."""
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 1, 28, 28)), rng.integers(10, size=64)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, rng=rng), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, rng=rng), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 5 * 5, 10, rng=rng),
    )  # fmt: skip
    return model, lambda: nn.cross_entropy(model(x), y)


def scalar() -> tuple[nn.Module, Callable[[], Any]]:
    """Return micrograd's moons network and its loss: 337 scalar parameters, 100 points."""
    points, labels = moons()
    model = nn.MLP(2, [16, 16, 1], rng=0)
    return model, lambda: sum((1.0 - label * model(point)).relu() for point, label in zip(points, labels, strict=True)) / 100.0


def measure(name: str, model: nn.Module, loss: Callable[[], Any], steps: int) -> list[str]:
    """Print the time of a step and of the check of its gradients, and return them as the cells of a row."""
    optimiser = nn.SGD(model.parameters(), lr=0.01, guards=False)
    guard = nn.Guard()
    whole, checks = [], []
    for step in range(steps + steps // 10):
        start = perf_counter()
        optimiser.zero_grad()
        loss().backward()
        middle = perf_counter()
        guard.check(optimiser)
        checked = perf_counter()
        optimiser.step()
        end = perf_counter()
        if step >= steps // 10:
            checks.append(checked - middle)
            whole.append(end - checked + middle - start)
    share = median(check / other for check, other in zip(checks, whole, strict=True))
    print(f"{name:<28}{1e6 * median(whole):>12.0f}{1e6 * median(checks):>12.1f}{100 * share:>10.2f}")
    return [name, f"{1e6 * median(whole):.0f}", f"{1e6 * median(checks):.1f}", f"{100 * share:.2g}"]


def main() -> None:
    count = rounds(1000)
    print(f"{'':<28}{'step us':>12}{'check us':>12}{'percent':>10}")
    rows = [measure(f"784-128-10, {dtype}", *dense(dtype), count) for dtype in ("float64", "float32")]
    rows.append(measure("CNN, float64", *convolutional(), count // 10))
    rows.append(measure("scalar 2-16-16-1", *scalar(), count // 20))
    write_table("guards", markdown(["network", "step, us", "check, us", "percent"], rows))


if __name__ == "__main__":
    main()

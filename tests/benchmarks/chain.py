"""A chain of 1,000 elementwise operations on ten numbers, forward and backward: ours, PyTorch eager, NumPy by hand.

It measures the cost of an operation besides its arithmetic. All run in turns in one process, with one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Value, grad
from tests.benchmarks.timing import in_turns, rounds, seconds, show, write_shown

LENGTH = 1000
START = np.linspace(-1.0, 1.0, 10)


def chain(x: Any, sin: Callable[[Any], Any]) -> Any:
    """Apply LENGTH operations, sin, times, plus and minus in turns, and sum the result."""
    for _ in range(LENGTH // 4):
        x = sin(x)
        x = x * 1.5
        x = x + 0.1
        x = x - 0.2
    return x.sum()


def ours(sin: Callable[[Any], Any]) -> Callable[[], np.ndarray]:
    def step() -> np.ndarray:
        x = Value(START)
        chain(x, sin).backward()
        return x.grad

    return step


def transform() -> Callable[[], np.ndarray]:
    derivative = grad(lambda x: chain(x, np.sin))
    return lambda: derivative(START)


def by_hand() -> Callable[[], np.ndarray]:
    def step() -> np.ndarray:
        x, inputs = START, []
        for _ in range(LENGTH // 4):
            inputs.append(x)
            x = np.sin(x) * 1.5 + 0.1 - 0.2
        x.sum()
        g = np.ones(10)
        for x in reversed(inputs):
            g = g * 1.5 * np.cos(x)
        return g

    return step


def pytorch() -> Callable[[], np.ndarray]:
    import torch

    torch.set_num_threads(1)

    def step() -> np.ndarray:
        x = torch.tensor(START, requires_grad=True)
        chain(x, torch.sin).backward()
        return x.grad.numpy()

    return step


def main() -> None:
    steps = {
        "NumPy by hand": by_hand(), "valuegrad, v.sin()": ours(Value.sin), "valuegrad, np.sin(v)": ours(np.sin),
        "valuegrad, grad(f)": transform(),
    }  # fmt: skip
    try:
        steps["PyTorch eager"] = pytorch()
    except ImportError:
        print('PyTorch is missing here; for its figures: pip install "torch==2.13.0"', file=sys.stderr)
    right = by_hand()()
    for name, step in steps.items():
        np.testing.assert_allclose(step(), right, rtol=1e-9, err_msg=name)
    timers = {name: lambda step=step: seconds(step, 5) for name, step in steps.items()}
    show(f"{LENGTH} operations on 10 numbers, gradients agree", in_turns(timers, rounds(15)), "valuegrad, v.sin()")
    write_shown("chain")


if __name__ == "__main__":
    main()

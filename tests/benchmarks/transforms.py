"""Measure the cost of transforms in gradient evaluations: hvp, jvp, the Jacobian and the Hessian of functions of n inputs.

Each row divides the time of a transform by that of one gradient (or, for the Jacobian of a vector, of one vjp with its
forward pass) of the same function, in turns within one run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from autograd import grad, hessian, hvp, jacobian, jvp, vjp
from tests.benchmarks.tables import markdown, write_table
from tests.benchmarks.timing import in_turns, ratio, rounds, seconds

RNG = np.random.default_rng(0)


def wave(x: Any) -> Any:
    """Compute forty elementwise operations and a sum."""
    for _ in range(10):
        x = np.sin(x) * 1.1 + x * 0.5
    return np.sum(x * x)


def network(n: int, outputs: int) -> Callable[[Any], Any]:
    """Return a network of n inputs, two layers of 50, and `outputs` outputs."""
    weights = [RNG.normal(size=shape) / 7.0 for shape in ((50, n), (50, 50), (outputs, 50))]

    def function(x: Any) -> Any:
        for w in weights:
            x = np.tanh(w @ x)
        return x

    return function


def cases() -> dict[str, tuple[str, Callable[[], Any], Callable[[], Any], int]]:
    """Return tuples (unit of the cost, the transform, one pass, calls in one measurement) by name."""
    found = {}
    for n in (10, 1_000, 100_000):
        x, v = RNG.normal(size=n), RNG.normal(size=n)
        calls = 20 if n < 100_000 else 1
        found[f"hvp, {n} inputs"] = "gradients", partial(hvp, wave, x, v), partial(grad(wave), x), calls
        found[f"jvp, {n} inputs"] = "gradients", partial(jvp, wave, x, v), partial(grad(wave), x), calls
    for n in (10, 100):
        x = RNG.normal(size=n)
        wide, tall = network(n, 5), network(n, 10 * n)
        total = network(n, 1)

        def loss(x: Any, f: Callable[[Any], Any] = total) -> Any:
            return np.sum(f(x) ** 2)

        found[f"Hessian, {n} inputs"] = "gradients", partial(hessian(loss), x), partial(grad(loss), x), 2
        found[f"Jacobian, {n} inputs, 5 results"] = "vjps", partial(jacobian(wide), x), partial(one_vjp, wide, x), 2
        found[f"Jacobian, {n} inputs, {10 * n} results"] = "vjps", partial(jacobian(tall), x), partial(one_vjp, tall, x), 2
    return found


def one_vjp(f: Callable[[Any], Any], x: np.ndarray) -> Any:
    out, pullback = vjp(f, x)
    return pullback(np.ones_like(out))


def main() -> None:
    rows = []
    print(f"{'':<40}{'one pass, ms':>14}{'transform, ms':>15}{'ratio':>8}")
    for name, (unit, transform, single, calls) in cases().items():
        times = in_turns({"pass": partial(seconds, single, calls), "transform": partial(seconds, transform, calls)}, rounds(9))
        one, whole = (1e3 * median(times[key]) for key in ("pass", "transform"))
        print(f"{name:<40}{one:>14.3f}{whole:>15.3f}{ratio(times, 'transform', 'pass'):>8.2f} {unit}")
        rows.append([name, f"{ratio(times, 'transform', 'pass'):.2g} {unit}"])
    write_table("transforms", markdown(["transform", "cost"], rows))


if __name__ == "__main__":
    main()

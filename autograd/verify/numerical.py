"""A numerical gradient check: extrapolated central differences, along coordinates or random directions.

It has one tolerance for all functions; it does not choose its step by the function's noise and curvature.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.backward import gradient
from autograd.value import Value


@dataclass(frozen=True)
class GradientReport:
    """What a check found; true if all is well.

    Attributes:
        ok: whether every slope agreed.
        checked: how many slopes were compared.
        worst: the largest difference, relative to the largest slope.
        where: the input and index, or the direction, of the worst one.
        claimed, measured: the slope there, from the graph and from differences.
    """

    ok: bool
    checked: int
    worst: float
    where: str
    claimed: float
    measured: float

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        verdict = "gradients agree" if self.ok else "GRADIENTS DIFFER"
        return (
            f"{verdict}: {self.checked} slopes compared, worst relative difference {self.worst:.1e} "
            f"at {self.where} (claimed {self.claimed:.9g}, measured {self.measured:.9g})"
        )


def check_gradients(
    f: Callable[..., Value], *inputs: Any, order: int = 1, directions: int | None = None, seed: int = 0
) -> GradientReport:
    """Compare the gradient of `f` with extrapolated central differences.

    Args:
        f: a function of Values; a tensor it returns is summed with fixed random weights.
        inputs: floats, arrays or leaf Values. f is called with Values of their data in float64; leaf Values
            are passed as they are, changed in place and restored, so that f may also reach them by itself.
        order: 2 checks the second derivatives, along a random direction, as well.
        directions: compare slopes along so many random directions, instead of along every coordinate.
        seed: of the random numbers.

    Returns:
        A GradientReport. Slopes agree if they differ by at most 1e-6 of the largest slope, plus 1e-9; where a
        leaf Value is of lower precision than float64, by 1e-2 of it, plus 1e-4.

    >>> print(check_gradients(lambda x: (x * x).sum(), [1.0, 2.0, 3.0]))
    gradients agree: 3 slopes compared, worst relative difference ...
    """
    rng = np.random.default_rng(seed)
    leaves = [item if isinstance(item, Value) else Value(np.asarray(item, dtype=float)) for item in inputs]
    weights: list[Any] = []

    def scalar(*values: Value) -> Value:
        out = f(*values)
        if not isinstance(out, Value):
            raise TypeError(f"the function must return a Value, but it returned {type(out).__name__}")
        if not weights:
            weights.append(rng.uniform(0.5, 1.5, out.shape))
        return (out * weights[0]).sum()

    function: Callable[..., Value] = scalar
    for _ in range(order - 1):
        function = directional(function, [rng.uniform(0.5, 1.5, leaf.shape) for leaf in leaves])
    functions = [scalar] if order == 1 else [scalar, function]
    reports = [compare(g, leaves, directions, rng) for g in functions]
    return max(reports, key=lambda report: (not report.ok, report.worst))


def directional(function: Callable[..., Value], along: list[Any]) -> Callable[..., Value]:
    """The slope of a function along a direction, as a function that can be differentiated again."""

    def slope(*values: Value) -> Value:
        slopes = gradient(function(*values), list(values))
        terms = [(g * v).sum() for g, v in zip(slopes, along, strict=True)]
        return sum(terms[1:], terms[0])

    return slope


def compare(
    function: Callable[..., Value], leaves: list[Value], directions: int | None, rng: np.random.Generator
) -> GradientReport:
    """The slopes of a scalar function from its graph and from differences."""
    claims = [np.asarray(g.data, dtype=float) for g in gradient(function(*leaves), leaves)]
    exact = all(leaf.dtype == np.float64 for leaf in leaves)
    rows = []
    before = [np.array(leaf.data) for leaf in leaves]
    try:
        for where, move in moves(before, directions, rng):
            claimed = sum(float(np.sum(g * m)) for g, m in zip(claims, move, strict=True))
            # Large steps measure best, but may cross a kink: the closest of several is taken.
            closest = np.inf
            for step in (2e-3, 1e-4, 3e-6) if exact else (5e-2, 1e-2):
                measured = difference(function, leaves, before, move, step)
                if abs(measured - claimed) < abs(closest - claimed):
                    closest = measured
                if abs(closest - claimed) <= (1e-8 if exact else 1e-4) * abs(claimed):
                    break
            rows.append((where, claimed, closest))
    finally:
        for leaf, data in zip(leaves, before, strict=True):
            leaf.data = data
    scale = max(abs(slope) for row in rows for slope in row[1:]) if rows else 0.0
    errors = [abs(claimed - measured) for _, claimed, measured in rows]
    worst = int(np.argmax(np.nan_to_num(errors, nan=np.inf))) if rows else 0
    where, claimed, measured = rows[worst] if rows else ("no element", 0.0, 0.0)
    error = errors[worst] if rows else 0.0
    ok = error <= (1e-6 * scale + 1e-9 if exact else 1e-2 * scale + 1e-4)
    return GradientReport(bool(ok), len(rows), error / (scale or 1.0), where, claimed, measured)


def moves(before: list[Any], directions: int | None, rng: np.random.Generator) -> Any:
    """(description, a direction for each input): every coordinate, or random directions of length 1."""
    if directions is None:
        for number, data in enumerate(before):
            for index in itertools.product(*map(range, data.shape)):
                move = [np.zeros(other.shape) for other in before]
                move[number][index] = 1.0
                yield f"input {number}, index {index}", move
    else:
        for number in range(directions):
            move = [rng.standard_normal(data.shape) for data in before]
            length = np.sqrt(sum(float(np.sum(m * m)) for m in move)) or 1.0
            yield f"random direction {number}", [m / length for m in move]


def difference(function: Callable[..., Value], leaves: list[Value], before: list[Any], move: list[Any], step: float) -> float:
    """The slope along `move`: central differences of steps h and h/2, extrapolated (Richardson 1911)."""

    def at(distance: float) -> float:
        for leaf, data, m in zip(leaves, before, move, strict=True):
            leaf.data = data + distance * m
        return function(*leaves).item()

    size = max([1.0, *(float(np.max(np.abs(data[m != 0.0]), initial=0.0)) for data, m in zip(before, move, strict=True))])
    h = step * size
    wide, narrow = ((at(width) - at(-width)) / (2.0 * width) for width in (h, h / 2.0))
    return (4.0 * narrow - wide) / 3.0

"""Choose the widths of steps: the size of the input, or where it is zero, enough to move the function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.verify.measure.differences import Line, Point
from autograd.verify.subjects.subject import Leaf, Subject

Array = np.ndarray

#: The steps, in powers of two of the input, that show whether a function moves at all.
AFAR = (40, 200, 600, 1000)
#: The most that a smooth function moves at the first step that moves it, in units of its rounding.
ABRUPT = 32.0


def power_of_two(size: Any) -> Any:
    """Return the largest power of two that is not above a positive number."""
    with np.errstate(divide="ignore"):
        return 2.0 ** np.clip(np.floor(np.log2(size)), -1074, 1000)


def magnitudes(subject: Subject) -> tuple[Array, Array]:
    """Return powers of two: the size of each coordinate, and at least that of a typical one of its leaf."""
    own, typical = np.ones_like(subject.point), np.ones_like(subject.point)
    for leaf in subject.leaves:
        size = abs(subject.point[leaf.part])
        known = size[(size > 0.0) & np.isfinite(size)]
        middle = power_of_two(np.median(known)) if known.size else 1.0
        own[leaf.part] = np.where(size > 0.0, power_of_two(size), middle)
        typical[leaf.part] = np.maximum(own[leaf.part], middle)
    return own, typical


def first_exponent(low: int, high: int, moves: Callable[[int], bool]) -> int:
    """Return the first exponent above `low` from which on steps of 2**exponent move the function; `high` if none below does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if moves(middle) else (middle, high)
    return high


def size_at_zero(subject: Subject, leaf: Leaf, epsilon: float) -> float:
    """Return the width of steps where a leaf is zero and has no size: 1 if a step of about that size changes the function.

    Otherwise it changes the function by its own size, extrapolated from where half of its digits change; it is 1 where the
    function is zero as well.
    """
    known = np.isfinite(subject.output.vector) & (subject.output.vector != 0.0)
    middle = subject.output.vector[known]
    size = leaf.stop - leaf.start
    rng = np.random.default_rng(size)
    along = rng.choice([-1.0, 1.0], size) * rng.integers(4, 13, size) / 8.0
    digits = -math.log2(epsilon) / 2.0

    def change(exponent: int) -> float:
        """Return the largest relative change of an output; inf where it is not finite, or the input not."""
        found = 0.0
        for side in (1.0, -1.0):
            vector = subject.point.copy()
            vector[leaf.part] = side * math.ldexp(1.0, exponent) * along
            vector = subject.rounded(vector)
            if not np.isfinite(vector[leaf.part]).all():
                return math.inf
            try:
                moved = subject.outputs(vector)[known]
            except MemoryError:
                return math.inf
            found = max(found, float(np.max(abs(moved - middle) / abs(middle), initial=0.0)))
            found = math.inf if np.isnan(moved).any() else found
        return found

    with np.errstate(all="ignore"):
        if not known.any() or 2.0**-digits <= change(-10) <= 16.0:
            return 1.0
        exponent = first_exponent(-1060, 1000, lambda exponent: change(exponent) > 2.0**-digits)
        first, later = change(exponent), change(exponent + 3)
        if exponent >= 1000 or not 0.0 < first < 1.0:
            return 1.0
        power = min(max(math.log2(later / first) / 3.0, 0.4), 4.0) if math.isfinite(later) else 1.0
        return math.ldexp(1.0, min(exponent + round(digits / power), 1000))


def wider_steps(line: Line, still: Array) -> Array:
    """Return for each component that is still over the size of the input, the exponent of the step that first moves it.

    A slope may hide there, such as that of 1 + x at 1e-200. The exponent is 0 where no step moves the component, or where the
    first one moves it by more than it moves a smooth function, as behind a kink or a jump. Use it only where all components
    are still: otherwise the size of the input matters, and far away functions may take very long.
    """
    found = np.zeros(len(still), dtype=int)

    def ends(exponent: int) -> list[Point]:
        return [afar(line, side * 2.0**exponent) for side in (1.0, -1.0)]

    def change(exponent: int) -> Array:
        return np.fmax.reduce([abs(end.outputs - line.middle) for end in ends(exponent)])

    def moves(component: int) -> Callable[[int], bool]:
        return lambda exponent: bool(change(exponent)[component] > 0.0)

    with np.errstate(all="ignore"):
        for low, high in zip((0, *AFAR[:-1]), AFAR, strict=True):
            for c in np.flatnonzero(still & (found == 0) & (change(high) > 0.0)):
                exponent = first_exponent(low, high, moves(int(c)))
                smooth = change(exponent)[c] <= ABRUPT * line.noise_at(*ends(exponent))[c]
                found[c] = exponent if smooth else -1
    return np.maximum(found, 0)


def afar(line: Line, t: float) -> Point:
    """Return the function far away; nan where that takes too much memory, such as an array whose length is the input."""
    try:
        return line.point(t)
    except MemoryError:
        return Point(np.full_like(line.middle, np.nan), t)

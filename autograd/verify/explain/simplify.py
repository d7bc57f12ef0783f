"""Simplify a failing input, to zeros, small integers and numbers of few digits, while the check still fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from autograd.verify.subjects.subject import Leaf

Array = np.ndarray

TRIES = 250  # the most inputs
ELEMENTS = 40  # the most elements that are simplified one by one


def simplified(point: Array, leaves: Sequence[Leaf], fails: Callable[[Array], bool]) -> Array:
    """Return a simpler input than `point` for which `fails` is true, or `point` if none is found.

    Args:
        point: the failing input, as one vector.
        leaves: its parts.
        fails: whether the check fails at another input.
    """
    known: dict[bytes, bool] = {point.tobytes(): True}

    def try_it(vector: Array) -> bool:
        key = vector.tobytes()
        if key not in known:
            known[key] = len(known) <= TRIES and fails(vector)
        return known[key]

    for _ in range(3):
        before = point
        for leaf in leaves:
            point = one_number(point, leaf, try_it)
        point = zeros(point, try_it)
        places = np.flatnonzero(point)
        for place in places[np.argsort(-abs(point[places]), kind="stable")][:ELEMENTS]:
            point = element(point, int(place), try_it)
        if np.array_equal(before, point) or len(known) > TRIES:
            break
    return point


def one_number(point: Array, leaf: Leaf, fails: Callable[[Array], bool]) -> Array:
    """Return the point with zeros or ones in a whole leaf, if that fails as well."""
    for number in (0.0, 1.0):
        candidate = point.copy()
        candidate[leaf.part] = number
        if (point[leaf.part] != number).any() and (point[leaf.part] != 0.0).any() and fails(candidate):
            return candidate
    return point


def zeros(point: Array, fails: Callable[[Array], bool]) -> Array:
    """Return the point with as many zeros as possible: in halves first, then in smaller parts (delta debugging)."""
    size = max(1, int(np.count_nonzero(point)) // 2)
    while True:
        places = np.flatnonzero(point)
        for start in range(0, len(places), size):
            candidate = point.copy()
            candidate[places[start : start + size]] = 0.0
            if fails(candidate):
                point = candidate
        if size == 1:
            return point
        size //= 2


def element(point: Array, place: int, fails: Callable[[Array], bool]) -> Array:
    """Return the point with the simplest number for one element."""
    for number in simpler(float(point[place])):
        candidate = point.copy()
        candidate[place] = number
        if fails(candidate):
            return candidate
    return point


def simpler(number: float) -> Iterator[float]:
    """Yield numbers simpler than `number`, the simplest first: small integers, numbers of few digits, and without its sign.

    >>> list(simpler(3.7))
    [0.0, 1.0, 2.0, 3.0, 4.0]
    >>> list(simpler(-0.25))[:4]
    [0.0, 1.0, 0.25, -1.0]
    """
    if not np.isfinite(number):
        return
    sign, size = (-1.0, -number) if number < 0.0 else (1.0, number)
    power = int(np.floor(np.log10(size))) if size else 0
    found = [0.0, 1.0] + [abs(number)] * (sign < 0.0)
    found += [sign * digit for digit in (range(1, min(9, math.ceil(size)) + 1) if power >= 0 else [1, 0.5])]
    steps = range(1, power + 1) if power > 0 else range(-1, power - 1, -1)
    found += [sign * float(f"{digit}e{step}") for step in steps for digit in (1, 2, 5)]
    found += [sign * float(f"{size:.{digits}e}") for digits in range(3)]
    for place, candidate in enumerate(found):
        if candidate == number:
            return
        if candidate not in found[:place]:
            yield candidate

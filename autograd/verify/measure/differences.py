"""Measure the slope of a function along a line, with an error bar: differences at many step widths, and which to believe.

No step and no tolerance is chosen beforehand. Slopes at widths far apart are extrapolated to width 0 (Richardson 1911,
Ridders 1982), the rounding noise of the function is measured (Moré and Wild 2011), and where widths disagree
the narrower ones are right. This file knows neither the claimed gradient nor Values.

Words: a *level* is a step width t = 2**-k, in units of the size of the inputs; a function has several *components*
(its outputs), and arrays here have the shape (levels, components), the widest level first.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray


class Kind(enum.IntEnum):
    """The shape of a function along a line, at one point."""

    SMOOTH = 0
    KINK = 1  # the one-sided slopes differ
    STEEP = 2  # the slope grows without bound, on all sides where there is a function
    JUMP = 3
    MISSING = 4  # not finite, at any width
    STAIRS = 5  # locally constant, but with a slope from afar: rounded, or a step function
    BESIDE = 6  # too near to an edge of the domain, or to a pole, for any step


class Point(NamedTuple):
    """The outputs after a step, the length of the step after rounding, and how much that rounding moves the outputs."""

    outputs: Array
    distance: float
    slack: Any = 0.0


@dataclass
class Slopes:
    """The slope of each component, with its error bar.

    Attributes:
        value, bar: the slope and a bound of its error.
        left, right: the one-sided slopes, at kinks.
        kind: a Kind each.
        far, far_bar: the slope from afar, where the function is rough.
        amplitude: how much a rough function differs from a smooth one; 0 where it is not rough.
        span: the largest change of the function over a wide step, divided by its width.
        still: whether the function does not change at all.
    """

    value: Array
    bar: Array
    left: Array
    right: Array
    kind: Array
    far: Array
    far_bar: Array
    amplitude: Array
    span: Array
    still: Array


class Widths(NamedTuple):
    """The levels (exponents k) to look at in a dtype."""

    quick: tuple[int, ...]
    narrowest: int
    noise: int  # the level at which noise is measured


def widths(bits: int) -> Widths:
    """Return the levels for a number of bits of precision: 52 in float64, 23 in float32, 10 in float16."""
    step = max(1, round(bits / 10.4))
    first = max(1, round(bits / 5.8))
    quick = tuple(first + step * i for i in range(4))
    return Widths(quick, bits - 6 if bits > 16 else bits - 3, round(bits * 0.7))


class Line:
    """A function along a line through a point, evaluated once for each step."""

    def __init__(self, at: Callable[[float], Point], middle: Array, noise: Array, epsilon: Any) -> None:
        self.at, self.middle, self.noise, self.epsilon = at, middle, noise, epsilon
        self.known: dict[float, Point] = {}

    def point(self, t: float) -> Point:
        if t not in self.known:
            self.known[t] = self.at(t)
        return self.known[t]

    def noise_at(self, *points: Point) -> Array:
        """Return the noise of the outputs at some points."""
        with np.errstate(all="ignore"):
            largest = np.fmax.reduce([abs(point.outputs) for point in points])
            slack = np.maximum.reduce([point.slack + 0.0 * self.middle for point in points])
            return np.maximum(self.noise, self.epsilon * np.nan_to_num(largest)) + slack

    def noise_of(self, component: int) -> float:
        """Return the noise of one output in the middle."""
        here = np.maximum(self.noise, self.epsilon * abs(self.middle))
        return float(here[component])

    def samples(self, levels: Iterable[int], size: float = 1.0) -> Samples:
        """Return the function on both sides at each level, where the input is rounded like a number of that size."""
        levels = list(levels)
        plus = [self.point(2.0**-k) for k in levels]
        minus = [self.point(-(2.0**-k)) for k in levels]
        steps = np.array([[2.0**-k] for k in levels])
        return Samples.of(plus, minus, steps / size, self.middle, self.noise, self.epsilon)


@dataclass
class Samples:
    """Differences to the middle on both sides; shapes (levels, components)."""

    rise: Array  # f(t) - f(0)
    drop: Array  # f(0) - f(-t)
    ahead: Array  # the length of t after rounding
    behind: Array
    noise: Array  # of one value of f

    @classmethod
    def of(cls, plus: list[Point], minus: list[Point], steps: Array, middle: Array, noise: Array, epsilon: float) -> Samples:
        above, below = (np.array([point.outputs for point in side]) for side in (plus, minus))
        ahead, behind = (np.array([abs(point.distance) for point in side])[:, None] + 0.0 * middle for side in (plus, minus))
        slack = np.array([np.maximum(p.slack, m.slack) + 0.0 * middle for p, m in zip(plus, minus, strict=True)])
        with np.errstate(all="ignore"):
            largest = np.fmax(np.fmax(abs(above), abs(below)), abs(middle))
            rise, drop = above - middle, middle - below
            # Even an accurate function is as far off as if its input were off by a unit in the last place.
            rounding = epsilon * (0.5 * largest + np.fmin(abs(rise), abs(drop)) / steps)
            return cls(rise, drop, ahead, behind, np.fmax(noise, rounding) + slack)

    @classmethod
    def side_by_side(cls, several: list[Samples]) -> Samples:
        """Return several lines at the same levels, with their components in one row."""
        names = ("rise", "drop", "ahead", "behind", "noise")
        return cls(*(np.concatenate([getattr(samples, name) for samples in several], axis=1) for name in names))

    def sides(self) -> tuple[Array, Array, Array]:
        """Return forward, backward and central slopes; the central one is of second order also where the two widths differ."""
        with np.errstate(all="ignore"):
            forward, backward = self.rise / self.ahead, self.drop / self.behind
            return forward, backward, forward + (backward - forward) * (self.ahead / (self.ahead + self.behind))

    @property
    def width(self) -> Array:
        return np.fmin(self.ahead, self.behind)


def candidates(slopes: Array, z: Array, noise: Array) -> tuple[Array, Array, Array, Array]:
    """Return estimates of the limit of slopes for z -> 0: (estimate, error bar, narrowest level, whether narrower contradict).

    Each pair of neighbouring levels is a candidate, and each triple is one after extrapolation.
    """
    with np.errstate(all="ignore"):  # in units of the largest, as products of small slopes and small steps would be zero
        unit = np.fmax.reduce(np.where(np.isfinite(slopes), abs(slopes), 0.0), axis=0)
        unit = 2.0 ** np.where(unit > 0.0, np.clip(np.floor(np.log2(unit)), -1020, 1020), 0.0)
    slopes, noise, z = slopes / unit, noise / unit, z / z[:1]
    first, second = slopes[:-1], slopes[1:]
    # Without extrapolation the remainder of a pair is a geometric series in the ratio of the last two differences.
    change = abs(second - first)
    ratio = np.concatenate([change[:1] * 0.0, np.minimum(change[1:] / change[:-1], 0.97)])
    slow = np.where((ratio > 0.6) & (change > 4.0 * noise[1:]), ratio / (1.0 - ratio), 1.0)
    estimates, bars, ends = [second], [2.0 * change * np.maximum(slow, 1.0) + noise[1:]], [np.arange(1, len(slopes))]
    if len(slopes) > 2:
        z1, z2, z3 = z[:-2], z[1:-1], z[2:]
        coarse = (z1 * slopes[1:-1] - z2 * slopes[:-2]) / (z1 - z2)
        fine = (z2 * slopes[2:] - z3 * slopes[1:-1]) / (z2 - z3)
        amplified = (z2 * noise[2:] + z3 * noise[1:-1]) / (z2 - z3)
        before, after = abs(slopes[1:-1] - slopes[:-2]), abs(slopes[2:] - slopes[1:-1])
        regular = after <= 2.5 * (z2 - z3) / (z1 - z2) * before + 2.0 * (noise[2:] + noise[1:-1])
        regular &= (after <= 0.6 * before) | (after <= 2.0 * noise[2:])
        estimates.append((z1 * fine - z3 * coarse) / (z1 - z3))
        bars.append(np.where(regular, abs(fine - coarse) + amplified, np.inf))
        ends.append(np.arange(2, len(slopes)))
    estimate, bar, end = np.concatenate(estimates), np.concatenate(bars), np.concatenate(ends)
    bar = np.where(np.isfinite(estimate) & np.isfinite(bar), bar, np.inf)
    # A narrower level may be off by the error bar, by its own noise (thrice, as there are many levels), and by
    # the rest of the curvature.
    left = 2.0 * abs(slopes[end] - estimate)[:, None] * (z[None] / z[end][:, None])
    apart = abs(slopes[None] - estimate[:, None]) > bar[:, None] + 3.0 * noise[None] + left  # (candidate, level, component)
    wrong = (apart & (np.arange(len(slopes))[None] > end[:, None])[:, :, None]).any(axis=1)
    return estimate * unit, bar * unit, end, wrong


def limit(slopes: Array, z: Array, noise: Array) -> tuple[Array, Array]:
    """Return the limit of slopes for z -> 0, where z is the width or its square, and an error bar.

    It is the candidate with the smallest error bar among those that no narrower level contradicts beyond its noise.
    """
    with np.errstate(all="ignore"):
        estimate, bar, _, wrong = candidates(slopes, z, noise)
        score = np.where(wrong, np.inf, bar)
        best = np.argmin(score, axis=0)
        chosen = np.take_along_axis(score, best[None], 0)[0]
        return np.where(np.isfinite(chosen), np.take_along_axis(estimate, best[None], 0)[0], np.nan), chosen


def quick_look(samples: Samples) -> tuple[Array, Array, Array]:
    """Return the slope and its error bar from a few levels, and whether no kink, edge or jump shows there."""
    forward, backward, central = samples.sides()
    width = samples.width
    with np.errstate(all="ignore"):
        value, bar = limit(central, width**2, samples.noise / width)
        gap, gap_bar = limit(forward - backward, width, 4.0 * samples.noise / width)
        bend = abs(samples.rise - samples.drop)  # of a smooth function it shrinks with the square of the width
        shrinks = (bend[-1] <= 0.7 * bend[-2]) | (bend[-1] <= 8.0 * samples.noise[-1])
        return value, bar, np.isfinite(bar) & np.isfinite(gap_bar) & (abs(gap) <= gap_bar) & shrinks


def plain_kinks(samples: Samples) -> tuple[Array, Array, Array]:
    """Return where a few levels show a kink at the point, and the slopes on its left and right.

    The gap between the one-sided slopes is the same at the three narrowest of them, far above the noise.
    """
    forward, backward, _ = samples.sides()
    with np.errstate(all="ignore"):
        gaps, noise = forward - backward, 4.0 * samples.noise / samples.width
        clear = (abs(gaps[-3:]) > 1e4 * noise[-3:]).all(axis=0)
        same = (abs(np.diff(gaps[-3:], axis=0)) <= [[1e-2], [1e-4]] * abs(gaps[-1])).all(axis=0)
        return clear & same, backward[-1], forward[-1]


def is_still(samples: Samples) -> Array:
    """Return where the function does not change at the narrowest step, nor at any other where it is finite."""
    sides = np.array([samples.rise, samples.drop])
    return np.asarray(((sides == 0.0) | ~np.isfinite(sides)).all(axis=(0, 1)) & (sides[:, -1] == 0.0).all(axis=0))


def long_look(samples: Samples, reach: float = 4.0) -> Slopes:
    """Return the slope from many levels, ordered from the widest to the narrowest, and the shape of the function.

    Steps wider than `reach` do not count for the span.
    """
    forward, backward, central = samples.sides()
    width = samples.width
    with np.errstate(all="ignore"):
        measured = samples.noise
        noise = samples.noise = heard_noise(central, width, measured)
        value, bar = limit(central, width**2, noise / width)
        right, right_bar = limit(forward, samples.ahead, 2.0 * noise / samples.ahead)
        left, left_bar = limit(backward, samples.behind, 2.0 * noise / samples.behind)
        no_right, no_left = (~np.isfinite(side).any(axis=0) for side in (forward, backward))
        jumps = jumping(samples.rise, measured) | jumping(samples.drop, measured)
        steep_right, steep_left = growing(forward, samples.rise, measured), growing(backward, samples.drop, measured)
        right, left = np.where(steep_right != 0.0, steep_right, right), np.where(steep_left != 0.0, steep_left, left)
        right_bar, left_bar = np.where(steep_right != 0.0, 0.0, right_bar), np.where(steep_left != 0.0, 0.0, left_bar)
        gap = abs(right - left)
        kinks = (gap > 2.0 * (right_bar + left_bar)) & persistent(forward - backward, right - left, 4.0 * noise / width)
        kinks |= (np.isinf(right) != np.isinf(left)) & ~no_right & ~no_left | np.isinf(gap)
        steep = np.isinf(right) & (no_left | (left == right)) | (np.isinf(left) & no_right)
        one_sided = no_left ^ no_right
        value = np.where(one_sided, np.where(no_left, right, left), value)
        bar = np.where(one_sided, np.where(no_left, right_bar, left_bar), bar)
        value = np.where(steep, np.where(no_right, left, right), value)
        bar = np.where(steep, 0.0, bar)
        kind = np.select(
            [no_left & no_right, jumps, steep, kinks & ~one_sided], [Kind.MISSING, Kind.JUMP, Kind.STEEP, Kind.KINK], Kind.SMOOTH
        )
        rises = np.nan_to_num(np.fmax(abs(samples.rise), abs(samples.drop)), posinf=0.0)
        still = is_still(samples)
        wide = (width >= 0.25) & (width <= reach) & (rises > 20.0 * noise)
        span = np.where(wide, rises / width, 0.0).max(axis=0)
        far, far_bar, amplitude, rounded, stairs = from_afar(samples, central, value, bar)
        value, bar = np.where(rounded, far, value), np.where(rounded, far_bar, bar)
        amplitude = np.where(rounded, 0.0, amplitude)
        kind = np.where(stairs & (kind == Kind.SMOOTH), Kind.STAIRS, np.where(rounded, Kind.SMOOTH, kind))
        kink = kind == Kind.KINK
        bar = np.where(kink, right_bar + left_bar, bar)
        return Slopes(
            value, bar, np.where(kink, left, value), np.where(kink, right, value), kind, far, far_bar, amplitude, span, still
        )


def close_look(line: Line, levels: Iterable[int]) -> tuple[Array, Array]:
    """Return the slope and its error bar from seven neighbouring inputs, at the spacing with the smallest error bar.

    Where the function is regular from one input to the next, it does not round its inputs, and steps of a few units in
    their last place are wide enough; nan and inf where it is not.
    """
    value, best = np.full_like(line.middle, np.nan), np.full_like(line.middle, np.inf)
    for level in levels:
        h = 2.0**-level
        points = [line.point(i * h) if i else Point(line.middle, 0.0) for i in range(-3, 4)]
        if any(point.distance != i * h for i, point in zip(range(-3, 4), points, strict=True)):
            continue
        values = np.array([point.outputs for point in points])
        with np.errstate(all="ignore"):
            changes = np.diff(values, axis=0)
            ratio = changes[1:] / changes[:-1]
            one, two, three = ((values[3 + i] - values[3 - i]) / (2.0 * i * h) for i in (1, 2, 3))
            fourth, sixth = (4.0 * one - two) / 3.0, (15.0 * one - 6.0 * two + three) / 10.0
            fifth, last = abs(np.diff(changes, 4, axis=0)).max(axis=0) / 252**0.5, abs(np.diff(changes, 5, axis=0))[0] / 924**0.5
            noise = np.maximum(3.0 * np.maximum(fifth, last), 2.0**-52 * abs(line.middle))
            bar = abs(sixth - fourth) + 2.0 * noise / h
            better = ((ratio > 0.3) & (ratio < 3.0)).all(axis=0) & (bar < best)
        value, best = np.where(better, sixth, value), np.where(better, bar, best)
    return value, best


def heard_noise(central: Array, width: Array, noise: Array) -> Array:
    """Return the noise measured before, or that at the narrowest levels of a line where it is larger.

    Rounding errors of intermediate results may be rare spikes, which a few points do not show.
    """
    amplitudes = np.nan_to_num(abs(np.diff(central, axis=0)) * width[1:])
    return np.maximum(noise, np.minimum(amplitudes[-max(4, len(amplitudes) // 3) :].max(axis=0), 30.0 * noise))


def jumping(change: Array, noise: Array) -> Array:
    """Return whether a change stays the same, however narrow the step."""
    last, loud = abs(change[-6:]), noise[-6:]
    with np.errstate(all="ignore"):
        return (last > 20.0 * loud).all(axis=0) & (last.min(axis=0) > 0.7 * last.max(axis=0))


def growing(slopes: Array, change: Array, noise: Array) -> Array:
    """Return inf or -inf where the slopes grow without bound as the step narrows, such as those of sqrt at 0; else 0."""
    last, heard = slopes[-9:], (abs(change) > 8.0 * noise)[-9:]
    with np.errstate(all="ignore"):
        size, step = abs(last), abs(np.diff(last, axis=0))
        steady = (size[1:] > 1.01 * size[:-1]).all(axis=0) & (step[1:] > 0.8 * step[:-1]).all(axis=0) & heard.all(axis=0)
        return np.where(steady, np.sign(last[-1]) * np.inf, 0.0)


def persistent(gaps: Array, gap: Array, noise: Array) -> Array:
    """Return whether the one-sided slopes stay equally far apart at the three narrowest levels above the noise."""
    with np.errstate(all="ignore"):
        heard = (abs(gap) > 4.0 * noise) & np.isfinite(gaps)
        fits = abs(gaps - gap) <= 0.2 * abs(gap) + noise
        rank = np.cumsum(heard[::-1], axis=0)[::-1]  # 1 at the narrowest level that is heard
        narrow = heard & (rank <= 3)
        return (narrow.sum(axis=0) == 3) & (fits | ~narrow).all(axis=0)


def from_afar(samples: Samples, central: Array, value: Array, bar: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return the slope of a rough function from afar, and how rough it is.

    A function is rough if it differs from a smooth one by an amount that does not shrink with the width: rounding to a
    table, a solver that stops early, a tiny fast oscillation. If it is locally constant as well, it is a staircase. Fine
    steps are rounding, and only the view from afar makes sense; coarser ones may be meant either way.

    Returns:
        far, far_bar, amplitude, and whether there are fine steps, or coarser ones.
    """
    width, noise = samples.width, samples.noise
    with np.errstate(all="ignore"):
        changes = np.nan_to_num(np.fmax(abs(samples.rise), abs(samples.drop)), posinf=0.0)
        still = (changes[-4:] == 0.0).all(axis=0) & (changes > 0.0).any(axis=0)
        last = len(changes) - 1 - np.argmax((changes > 0.0)[::-1], axis=0)  # the narrowest level where it moves
        step, tread = np.take_along_axis(changes, last[None], 0)[0], np.take_along_axis(width, last[None], 0)[0]
        amplitudes = np.nan_to_num(abs(np.diff(central, axis=0)) * width[1:])
        amplitude = amplitudes[len(amplitudes) // 3 :].max(axis=0)  # narrower, where smooth functions differ by noise only
        amplitude = np.where(still, np.maximum(amplitude, step), amplitude)
        forward, backward, _ = samples.sides()
        gaps = (forward - backward)[: max(4, (3 * len(forward)) // 5)]
        alike = (abs(np.diff(gaps, axis=0)) <= 0.1 * abs(gaps[1:])) & (abs(gaps[1:]) > 10.0 * (noise / width)[1 : len(gaps)])
        bent = (alike[1:] & alike[:-1]).any(axis=0)  # a kink near by, and no roughness
        far, far_bar = limit(central, width**2, np.maximum(noise, 3.0 * amplitude) / width)
        rough = (amplitude > 8.0 * noise[-1]) & ~bent & (abs(far - value) > far_bar + bar)
        steps = rough & still & (far_bar <= 0.2 * abs(far))
        fine = tread <= 2.0**-20
        return (
            far,
            far_bar,
            np.where(rough, amplitude, 0.0),
            steps & fine & (far_bar <= 3e-2 * abs(far)),
            steps & ~fine & (tread < 2.0**-6),
        )


def noise_of(values: Array) -> Array:
    """Return the rounding noise of a function from values at seven or more equally spaced close points (Moré and Wild 2011).

    Args:
        values: (points, components).

    Returns:
        The standard deviation of each component's noise, from differences of third to sixth order, which leave
        nothing of the smooth part; inf where a value is not finite.
    """
    largest = abs(values).max(axis=0)
    largest = np.where(np.isfinite(largest) & (largest > 0.0), largest, 1.0)  # squares of small numbers are zero
    differences, sizes = values / largest, []
    factor = 1.0
    with np.errstate(all="ignore"):
        for order in range(1, 7):
            differences = np.diff(differences, axis=0)
            factor *= order / (2.0 * (2.0 * order - 1.0))
            if order > 2:
                sizes.append(np.sqrt(factor * np.mean(differences**2, axis=0)))
        found = np.max(sizes, axis=0) * largest
    return np.where(np.isfinite(found), found, np.inf)

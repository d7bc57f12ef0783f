"""One line through a point: the claimed slope along it against the measured one, and the verdict.

A claim is accepted if it is as near to the measured slope as the error bar of the measurement and the rounding of the claim
allow, and if that error bar is short enough to tell. All of it is in the units of this one slope, so that no verdict changes
with the units of an input or a result:
- the error bar, from the noise of this very output (differences.py);
- the rounding of the claim: what random changes of a unit in the last place, of everything that flows on the way back to this
  coordinate, change of it, and how much it varies over neighbouring inputs. What cancels in this slope counts with its size
  before it did; slopes of other coordinates and outputs do not count at all.
A measurement far outside of its error bar is never set aside. Where the error bar is too wide, a claim is accepted only as
"zero but for rounding": if claim and measured slope are both within the rounding of what cancels there, or if exactly zero is
claimed and the function moves by no more than its own rounding. Else nothing can be told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd.verify.measure.differences import (
    Kind,
    Line,
    Point,
    Samples,
    Slopes,
    Widths,
    close_look,
    long_look,
    noise_of,
    plain_kinks,
    quick_look,
    still,
    widths,
)
from autograd.verify.measure.opinions import complex_step, forward_mode, jump_nearby, neighbours, refuted, taylor, torn
from autograd.verify.report import SEVERITY, Verdict
from autograd.verify.subjects.subject import OUTSIDE, Leaf, Subject, smallest_of

Array = np.ndarray

#: Inputs of at most so many elements are compared coordinate by coordinate, larger ones along random directions.
COORDINATES = 64
#: So many rows of a Jacobian are compared one by one; of more, random combinations.
OUTPUTS = 64
COMBINATIONS = 2
#: In so many classes, of outputs that move about as much as each other.
CLASSES = 20
#: A coordinate is resolved if its error bar is at most this part of the claim; where the slope is zero, as at a minimum, this
#: part of the slopes over wide steps. One of a direction is, if the error bar is at most this part of its claim, or of the
#: largest there (parts of other slopes than its own are at least the square root of the precision, as float32 and float16
#: reach less far).
OF_CLAIM, OF_WIDE, OF_EACH, OF_LARGEST = 1e-2, 1e-6, 0.1, 1e-4
#: What is rounding and nothing else: at most so many times its estimate, measured with an error bar of at most so many.
ROUNDED, HEARD = 8.0, 1e4
#: Second opinions on at most so many wrong slopes.
CONFIRM = 3
#: So many coordinates at zero are looked at with steps that are narrower than is of use elsewhere.
NARROWED = 8
#: Relative differences below it are no mistakes in a formula.
TINY = 5e-7
#: To tell what the slopes around a point are, so many points there.
NEARBY = 16
#: To see whether a function moves at all, steps so many powers of two wider than the input, and how many times the rounding
#: of the function a smooth one may move when it first does; no step is wider than the last.
AFAR, ABRUPT, WIDEST = (40, 200, 600, 1000), 32.0, 1000
ELSEWHERE = "near zero the function has another slope over very narrow steps, which may be rounding"
HIDDEN = "its error bar is too wide: the rounding noise of the function hides the slope"


def merged(where: Array, one: Slopes, other: Slopes) -> Slopes:
    """Of two looks at a line the one for some components, the other for the rest."""
    return Slopes(**{name: np.where(where, getattr(one, name), old) for name, old in vars(other).items()})


def afar(line: Line, t: float) -> Point:
    """The function far away, as far as that is an input at all."""
    try:
        return line.point(t)
    except MemoryError:  # it makes arrays of a length that is its input, perhaps
        return Point(np.full_like(line.middle, np.nan), t)


@dataclass(frozen=True)
class Finding:
    """What one comparison found: a single coordinate, or a direction through several."""

    places: Array  # in the flat vector
    component: int
    verdict: Verdict
    claimed: float
    measured: float
    bar: float
    reason: str = ""
    between: tuple[float, float] | None = None
    unresolved: tuple[int, ...] = ()

    @property
    def excess(self) -> float:
        """The difference in units of the error bar."""
        difference = abs(self.claimed - self.measured)
        if math.isnan(difference) or (difference and not self.bar):
            return math.inf
        return difference / self.bar if difference else 0.0

    @property
    def rank(self) -> tuple[int, float]:
        return SEVERITY.index(self.verdict), self.excess


class Inconclusive(Exception):
    """Nothing can be measured at all."""


class Comparison:
    """What is claimed of one subject, and how a line through the point is compared with it.

    Attributes:
        claims: the claimed derivatives, (k, n), of each output, or of random combinations of them where there are many.
        mix: these combinations, (k, m), or None.
        noise: the rounding noise of each compared output, (k,).
        found: what was found so far.
        evidence: what second opinions said.
    """

    def __init__(self, subject: Subject, order: int, seed: int) -> None:
        self.subject, self.order = subject, order
        self.rng = np.random.default_rng([seed, order])
        self.evidence: list[str] = []
        self.found: list[Finding] = []
        self.doubt: Array | None = None
        self.confirmations = 0
        self.mix: Array | None = None
        self.sizes, self.typical = self.magnitudes()
        self.narrowed = 0
        self.unsized = np.zeros(len(subject.point), dtype=bool)  # in leaves of zeros
        for leaf in subject.leaves:
            if leaf.stop > leaf.start and not subject.point[leaf.part].any():
                self.unsized[leaf.part] = True
                self.sizes[leaf.part] = self.typical[leaf.part] = self.size_at_zero(leaf)
        self.measure_noise()
        self.read_claims()

    # --- before the comparison -----------------------------------------------------------------

    def magnitudes(self) -> tuple[Array, Array]:
        """Powers of two: the size of each coordinate, and at least that of a typical one of its leaf."""
        point = self.subject.point
        own, typical = np.ones_like(point), np.ones_like(point)
        for leaf in self.subject.leaves:
            size = abs(point[leaf.part])
            known = size[(size > 0.0) & np.isfinite(size)]
            middle = power_of_two(np.median(known)) if known.size else 1.0
            own[leaf.part] = np.where(size > 0.0, power_of_two(size), middle)
            typical[leaf.part] = np.maximum(own[leaf.part], middle)
        return own, typical

    def size_at_zero(self, leaf: Leaf) -> float:
        """How large steps are to be where an input is zero, and has no size of its own: 1, if the function changes with it.

        Else about as large as makes the function change as much as it is large, seen from where it moves by half of its
        digits. A function that is zero as well tells nothing.
        """
        subject, middle = self.subject, self.subject.output.vector
        known = np.isfinite(middle) & (middle != 0.0)
        places = np.arange(leaf.start, leaf.stop)
        rng = np.random.default_rng(len(places))
        along = rng.choice([-1.0, 1.0], len(places)) * rng.integers(4, 13, len(places)) / 8.0
        digits = -math.log2(self.epsilon(places)) / 2.0

        def change(exponent: int) -> float:
            """By how much of itself the function changes; inf where there is none, or no such input."""
            found = 0.0
            for side in (1.0, -1.0):
                vector = subject.point.copy()
                vector[places] = side * math.ldexp(1.0, exponent) * along
                vector = subject.rounded(vector)
                if not np.isfinite(vector[places]).all():
                    return math.inf
                try:
                    moved = subject.outputs(vector)[known]
                except MemoryError:
                    return math.inf
                found = max(found, float(np.max(abs(moved - middle[known]) / abs(middle[known]), initial=0.0)))
                found = math.inf if np.isnan(moved).any() else found
            return found

        with np.errstate(all="ignore"):
            if not known.any() or 2.0**-digits <= change(-10) <= 16.0:
                return 1.0
            low, high = -1060, 1000
            while high - low > 1:
                middle_one = (low + high) // 2
                low, high = (low, middle_one) if change(middle_one) > 2.0**-digits else (middle_one, high)
            first, later = change(high), change(high + 3)
            if high >= 1000 or not 0.0 < first < 1.0:
                return 1.0
            power = min(max(math.log2(later / first) / 3.0, 0.4), 4.0) if math.isfinite(later) else 1.0
            return math.ldexp(1.0, min(high + round(digits / power), 1000))

    def input_epsilon(self, places: Array) -> float:
        """The precision of the coarsest input among some coordinates."""
        start, stop = places[0], places[-1]
        each = [leaf.dtype for leaf in self.subject.leaves if leaf.start <= stop and start < leaf.stop and leaf.dtype.kind == "f"]
        return max([2.0**-52, *(float(np.finfo(dtype).eps) for dtype in each)])

    def epsilon(self, places: Array) -> float:
        """That of the coarsest input or output."""
        return max(self.input_epsilon(places), float(self.subject.output.epsilon.max(initial=0.0)))

    def bits(self, places: Array) -> Widths:
        """The levels for a line through these coordinates."""
        return widths(round(-math.log2(self.epsilon(places))))

    def direction(self, places: Array, sizes: Array | None = None) -> Array:
        """A random direction through some coordinates: no element near zero, and all of few bits, so that steps are exact.

        Each is as long as a typical element of its leaf, or as `sizes` says.
        """
        bits = {52: 10, 23: 6}.get(-int(math.log2(self.input_epsilon(places))), 2)
        parts = 2**bits
        factors = self.rng.integers(parts // 2, parts + parts // 2, len(places)) / parts
        signs = 2.0 * self.rng.integers(0, 2, len(places)) - 1.0
        return signs * factors * (self.typical if sizes is None else sizes)[places]

    def measure_noise(self) -> None:
        """The rounding noise near the point; Inconclusive where the function is not deterministic or not finite."""
        subject = self.subject
        middle = subject.output.vector
        if not np.isfinite(middle).any() and middle.size:
            raise Inconclusive(f"the function is not finite at this point: it gives {middle[:3].tolist()}")
        self.spread = np.zeros_like(middle)
        noise = np.zeros_like(middle)
        places = np.arange(len(subject.point))
        if places.size and middle.size:
            with np.errstate(all="ignore"):
                floor = np.maximum(subject.output.epsilon * abs(middle), subject.output.smallest)
                noise = np.full_like(middle, np.inf)
                along, level = self.direction(places, self.sizes), self.bits(places)
                spacing = 2.0**-level.noise * (1.0 + 0.679)  # of many bits, so that rounding errors are those of any input
                for side in (1.0, -1.0):
                    away = side * 2.0 ** -(level.noise // 3)  # not at the point itself, which may be a kink or an edge
                    values = np.array([self.at(away + side * i * spacing, along) for i in range(7)])
                    noise = np.fmin(noise, 3.0 * noise_of(values))
                    self.spread = np.fmax(self.spread, np.nan_to_num(abs(values[0] - middle)))
                    if (noise <= 1e3 * floor).all():
                        break
                    if level.noise > 30:  # a fast oscillation is no noise at a narrower spacing
                        values = np.array([self.at(away + side * i * spacing / 64.0, along) for i in range(7)])
                        noise = np.fmin(noise, 3.0 * noise_of(values))
                noise = np.fmax(
                    np.where(np.isfinite(noise), noise, floor), np.fmax(subject.noise_floor(), subject.output.smallest)
                )
            self.warm_up(along, 2.0 ** -(level.noise // 3))
        again = subject.outputs(subject.point)
        different = ~((again == middle) | (np.isnan(again) & np.isnan(middle)))
        if (abs(again - middle)[different] > 4.0 * (subject.output.epsilon * abs(middle))[different]).any():
            change = float(np.nanmax(abs(again - middle)[different]))
            raise Inconclusive(
                f"the function is not deterministic: two calls at one point differ by {change:.2g}; fix its seed, stop dropout"
            )
        self.noise = noise

    def at(self, t: float, along: Array) -> Array:
        return self.subject.outputs(self.subject.rounded(self.subject.point + t * along))

    def warm_up(self, along: Array, t: float) -> None:
        """Ask for the gradient somewhere else first: a stale one then shows itself at the point."""
        subject = self.subject
        cotangent = np.ones((1, len(subject.output.vector)))
        try:
            with np.errstate(all="ignore"):
                subject.pull(cotangent, subject.rounded(subject.point + t * along))
        except OUTSIDE:
            return

    def read_claims(self) -> None:
        """The claimed derivatives; of many outputs those of random combinations."""
        subject = self.subject
        count = len(subject.output.vector)
        if count > OUTPUTS:
            self.mix = self.combinations(count)
            subject.notes.append(f"of the {count:,} outputs of order {self.order} random combinations were compared")
        finite = np.isfinite(subject.output.vector)
        cotangents = self.cotangents()
        with np.errstate(all="ignore"):
            self.claims = subject.pull(cotangents) if count else np.zeros((0, len(subject.point)))
            again = subject.pull(cotangents[:1]) if count else self.claims
            self.middle = self.mixed(subject.output.vector)
            if self.mix is not None:
                each = np.maximum(self.noise, subject.output.epsilon * abs(subject.output.vector))
                self.noise = abs(self.mix) @ np.where(finite, each, 0.0)
        epsilon = max(map(subject.claim_epsilon, subject.leaves), default=0.0)
        if not np.allclose(again, self.claims[:1], rtol=64.0 * epsilon, atol=0.0, equal_nan=True):
            raise Inconclusive("the gradient is not deterministic: two calls at one point differ")
        self.claim_epsilon = np.ones(len(subject.point))
        for leaf in subject.leaves:
            self.claim_epsilon[leaf.part] = subject.claim_epsilon(leaf)
        sizes = np.where(np.isfinite(self.claims), abs(self.claims), 0.0)
        with np.errstate(over="ignore"):  # its slope would overflow
            steepest = np.isinf(2.0**24 * sizes.max(axis=0, initial=0.0) * np.maximum(self.sizes, self.typical))
        self.sizes[steepest] *= 2.0**-20
        self.typical[steepest] *= 2.0**-20

    def combinations(self, count: int) -> Array:
        """Random combinations of outputs that move about as much as each other, so that none hides behind a larger one."""
        moves = self.spread / (float(self.spread.max(initial=0.0)) or 1.0)
        with np.errstate(divide="ignore"):
            classes = np.where(moves > 0.0, np.clip(np.floor(np.log10(moves) / 4.0), -CLASSES, 0), -CLASSES - 1)
        rows = []
        for number in np.unique(classes):
            weights = self.rng.uniform(0.5, 1.5, (COMBINATIONS, count)) * (
                2.0 * self.rng.integers(0, 2, (COMBINATIONS, count)) - 1.0
            )
            rows.append(np.where((classes == number) & np.isfinite(self.subject.output.vector), weights, 0.0))
        return np.concatenate(rows)

    def cotangents(self) -> Array:
        """One cotangent of the outputs for each compared component."""
        return np.eye(len(self.subject.output.vector)) if self.mix is None else self.mix

    def mixed(self, outputs: Array) -> Array:
        return outputs if self.mix is None else self.mix @ np.where(np.isfinite(self.subject.output.vector), outputs, 0.0)

    # --- lines ----------------------------------------------------------------------------------

    def line(self, places: Array, along: Array) -> Line:
        """The line through the point in a direction that is zero outside of some coordinates."""
        subject, single = self.subject, len(places) == 1
        claims = abs(np.where(np.isfinite(self.claims), self.claims, 0.0)[:, places]) if not single else None

        def at(t: float) -> Point:
            vector = subject.point.copy()
            vector[places] += t * along
            vector = subject.rounded(vector)
            moved = vector[places] - subject.point[places]
            if not moved.any() or not np.isfinite(moved).all():
                return Point(np.full_like(self.middle, np.nan), t)
            outputs = self.mixed(subject.outputs(vector))
            if single:
                return Point(outputs, float(moved[0] / along[0]))
            return Point(outputs, t, claims @ abs(moved - t * along))

        epsilon = subject.output.epsilon if self.mix is None else float(subject.output.epsilon.max(initial=0.0))
        return Line(at, self.middle, self.noise, np.maximum(epsilon, self.input_epsilon(places)))

    def claimed(self, places: Array, along: Array) -> tuple[Array, Array]:
        """The claimed slopes along a direction, and how far off they may be because they were rounded."""
        parts = self.claims[:, places] * along
        with np.errstate(all="ignore"):
            allowance = 8.0 * length(np.nan_to_num(parts * self.claim_epsilon[places], posinf=0.0, neginf=0.0))
            allowance += 2.0**-52 * abs(np.nan_to_num(parts, posinf=0.0, neginf=0.0)).sum(axis=1)
            if self.doubt is not None:
                allowance += (self.doubt[:, places] * abs(along)).sum(axis=1)
            least = np.concatenate([np.full(leaf.stop - leaf.start, smallest_of(leaf.dtype)) for leaf in self.subject.leaves])
            allowance += 2.0 * (least[places] * abs(along)).sum()
            claim = parts.sum(axis=1) if len(places) > 1 else parts[:, 0]
            finest = min(float(self.claim_epsilon[places].max()) ** 0.6, 5e-3)  # 4e-10 in float64: nobody's formula is better
            return claim, np.maximum(allowance, np.nan_to_num(finest * abs(claim), posinf=0.0))

    def steepness(self) -> Array:
        """Powers of two: how much each compared output moves with the size of the inputs, as is claimed; 1 for none."""
        if len(self.claims) == 1:
            return np.ones(1)
        with np.errstate(all="ignore"):
            sizes = np.nan_to_num(abs(self.claims), posinf=0.0)
            moves = (np.where(sizes > self.uncertain(), sizes, 0.0) * self.typical).max(axis=1, initial=0.0)
            moves = np.maximum(moves, 2.0**-10 * abs(self.middle))  # what moves less is not to be all rounding
        return np.asarray(power_of_two(np.where((moves > 0.0) & np.isfinite(moves), moves, 1.0)))

    def uncertain(self) -> Array:
        """By how much each claim may be off: rounded on its way, or as noisy as it is at neighbouring inputs."""
        if self.doubt is None:
            cotangents = self.cotangents()
            jitter = neighbours(self.subject, cotangents, self.claims)
            self.doubt = ROUNDED * self.subject.rounding(cotangents) + 4.0 * jitter
        return self.doubt

    def at_least(self, part: float, places: Array) -> float:
        """A part of a slope that an error bar may have, or as much as differences in this precision need."""
        return max(part, self.epsilon(places) ** 0.5)

    def overflow(self, places: Array, along: Array) -> float:
        """The slope along a coordinate that is too large for its dtype; of a direction none is."""
        dtype = next(leaf.dtype for leaf in self.subject.leaves if leaf.has(places))
        return float(np.finfo(dtype).max) * float(abs(along[0])) if len(places) == 1 and dtype.kind == "f" else math.inf

    def sharp(self, places: Array) -> float:
        """The part of a slope that the error bar of a good measurement has."""
        return max(1e-6, 4.0 * float(self.claim_epsilon[places].max()) ** 0.5)

    def by_itself(self, places: Array) -> bool:
        """Whether these are a coordinate of an input whose coordinates are compared one by one."""
        return len(places) == 1 and len(self.subject.point) <= COORDINATES

    def limits(self, places: Array, along: Array) -> Array:
        """The error bar below which each coordinate of a line is resolved, for each component, (k, places).

        In the units of the function: what a coordinate contributes along the line, beside what the largest there does. The
        slopes of other coordinates do not count, as they say nothing of this one.
        """
        size = np.where(np.isfinite(self.claims[:, places]), abs(self.claims[:, places]), 0.0) * abs(along)
        if self.by_itself(places):
            return max(OF_CLAIM, 5.0 * self.epsilon(places) ** 0.5) * size
        return np.maximum(OF_EACH * size, self.at_least(OF_LARGEST, places) * size.max(axis=1, keepdims=True))

    def needed(self, places: Array, along: Array) -> Array:
        """The error bar below which all coordinates of a line are resolved, for each component."""
        return self.limits(places, along).min(axis=1)

    def still_claimed(self, places: Array) -> Array:
        """For each component, whether all slopes along some coordinates are claimed to be zero."""
        return ~(self.claims[:, places] != 0.0).any(axis=1)

    # --- comparison -----------------------------------------------------------------------------

    def compare(self, sets: Sequence[tuple[Array, Array]], roughly: bool = False, keep: bool = False) -> list[list[Finding]]:
        """Findings for each of several lines: a first look at all together, and a long one where that did not do.

        Args:
            sets: for each line the coordinates it runs through, and their parts of the direction.
            keep: whether each finding is added to those that were found at once, so that none is lost with the budget.
            roughly: whether a FAIL of the first look is enough, where only the way to the wrong coordinate is sought.
        """
        lines = [self.line(places, along) for places, along in sets]
        by_levels: dict[tuple[int, ...], list[int]] = {}
        for number, (places, _) in enumerate(sets):
            level = self.bits(places)
            by_levels.setdefault((*self.own_size(places), *level.quick), []).append(number)
        looks: dict[int, Any] = {}
        for levels, numbers in by_levels.items():
            samples = Samples.side_by_side([lines[number].samples(levels) for number in numbers])
            found = (*quick_look(samples), still(samples), *plain_kinks(samples))
            shaped = [item.reshape(len(numbers), -1) for item in found]
            looks.update({number: tuple(item[i] for item in shaped) for i, number in enumerate(numbers)})
        results = []
        for number, (places, along) in enumerate(sets):
            value, bar, smooth, flat, *kinks = looks[number]
            hidden = self.hidden(lines[number], flat) if flat.all() else np.zeros(len(flat), dtype=int)
            look = (value, bar, smooth, flat & (hidden == 0) & self.still_claimed(places), *kinks)
            verdicts = self.first_verdicts(places, along, look, roughly)
            verdicts = verdicts or self.look_long(places, along, lines[number], hidden)
            if len(places) == 1 and self.unsized[places[0]]:
                others = self.elsewhere(places, along, self.deeper(lines[number]))
                verdicts = [
                    replace(f, verdict=Verdict.INCONCLUSIVE, reason=ELSEWHERE)
                    if others[f.component] and f.verdict is Verdict.PASS
                    else f
                    for f in verdicts
                ]
            results.append(verdicts)
            self.found += verdicts if keep else []
        return results

    def own_size(self, places: Array) -> tuple[int, ...]:
        """For a coordinate by itself a step as wide as it is large."""
        return (0,) if self.by_itself(places) else ()

    def hidden(self, line: Line, still: Array) -> Array:
        """For components that do not move over the size of the input: how much wider a step moves them just above rounding.

        There a slope may hide, as that of 1 + x at 1e-200. Only where no component moves over the size of the input: else that
        is a size that matters, and far away functions may take very long. 0 where they never move, or at once by more than a
        smooth function does, as behind a kink or a jump.
        """
        found = np.zeros(len(still), dtype=int)

        def change(exponent: int) -> Array:
            ends = [afar(line, side * 2.0**exponent) for side in (1.0, -1.0)]
            return np.fmax.reduce([abs(end.outputs - line.middle) for end in ends])

        with np.errstate(all="ignore"):
            for low, high in zip((0, *AFAR[:-1]), AFAR, strict=True):
                for c in np.flatnonzero(still & (found == 0) & (change(high) > 0.0)):
                    ends = [low, high]
                    while ends[1] - ends[0] > 1:
                        middle = sum(ends) // 2
                        ends[int(change(middle)[c] > 0.0)] = middle
                    first = line.noise_at(*(afar(line, side * 2.0 ** ends[1]) for side in (1.0, -1.0)))
                    found[c] = ends[1] if change(ends[1])[c] <= ABRUPT * first[c] else -1
        return np.maximum(found, 0)

    def first_verdicts(self, places: Array, along: Array, look: Any, roughly: bool) -> list[Finding]:
        """Findings from the first look, or none if it takes a longer one."""
        value, bar, smooth, flat, kink, left, right = look
        claim, allowance = self.claimed(places, along)
        with np.errstate(all="ignore"):
            goal = self.sharp(places) * abs(claim) if self.by_itself(places) else self.needed(places, along)
            known = smooth & ((bar <= goal) | flat)
            known &= (len(places) == 1) | (allowance <= goal)
            agrees = abs(claim - value) <= bar + allowance
            differs = smooth & (abs(claim - value) > 3.0 * (bar + allowance))
            low, high = np.fmin(left, right), np.fmax(left, right)
            margin = 1e-6 * (abs(low) + abs(high))
            kink &= (low - margin <= claim) & (claim <= high + margin)
        if kink.any() and (kink | (known & agrees)).all():
            size = float(along[0]) if len(places) == 1 else 1.0
            sides = [(left[c], right[c]) if kink[c] else None for c in range(len(claim))]
            verdicts = [Verdict.KINK if item else Verdict.PASS for item in kink]
            several = zip(verdicts, claim, value, bar + allowance, sides, strict=True)
            return [
                scaled(Finding(places, c, verdict, one, two, error, "", between), size)
                for c, (verdict, one, two, error, between) in enumerate(several)
            ]
        verdicts = [Verdict.PASS if agree else Verdict.FAIL for agree in known & agrees]
        if not (known & agrees).all() and not (roughly and ((known & agrees) | differs).all()):
            return []
        size = float(along[0]) if len(places) == 1 else 1.0  # a coordinate in its own units
        claim, value, bar = claim / size, value / size, (bar + allowance) / abs(size)
        return [Finding(places, c, verdicts[c], claim[c], value[c], bar[c]) for c in range(len(claim))]

    def look_long(self, places: Array, along: Array, line: Line, hidden: Array) -> list[Finding]:
        """Findings from all levels that make sense, and wider ones as long as that helps.

        Args:
            hidden: the components whose slopes hide at these levels, as hidden() gives them.
        """
        level = self.bits(places)
        step = 2 if level.narrowest > 30 else 1
        levels = list(range(0, level.narrowest + 1, step))
        samples = line.samples(levels)
        slopes = long_look(samples)
        if hidden.any():
            widest, narrowest = min(int(hidden.max()) + level.narrowest, WIDEST), int(hidden[hidden > 0].min())
            levels = [*range(-widest, min(4 - narrowest, 0), step), *levels]
            samples = line.samples(levels)
            wider = long_look(samples, 2.0**widest)
            wider.span[~self.still_claimed(places)] = 0.0  # what it does so far away is no measure of a slope here
            slopes = merged(hidden > 0, wider, slopes)
        slopes, close = self.beside(places, line, samples, slopes)
        if len(places) == 1 and self.unsized[places[0]]:
            slopes, closer = self.narrower(places, along, line, slopes)
            close |= closer
        for _ in range(10):  # a wider step hears more over the noise
            claim, _ = self.claimed(places, along)
            zero = slopes.flat & self.still_claimed(places)
            with np.errstate(all="ignore"):
                quiet = (slopes.kind == Kind.SMOOTH) & (slopes.bar > 0.3 * OF_CLAIM * abs(claim)) & ~zero
                quiet &= abs(claim - slopes.value) <= 3.0 * slopes.bar
            if not quiet.any() or levels[0] - 3 * step < -WIDEST:
                break
            levels = [levels[0] - 3 * step, levels[0] - 2 * step, levels[0] - step, *levels]
            more = line.samples(levels)
            wider = long_look(more)
            with np.errstate(all="ignore"):
                lost = quiet & (abs(claim - wider.value) > 3.0 * wider.bar)  # too wide to tell of this point
            if lost.any() or not (wider.bar < 0.7 * slopes.bar)[quiet].any():
                break
            samples, slopes = more, merged(close, slopes, wider)
        return self.decide(places, along, line, slopes, samples, close)

    def narrower(self, places: Array, along: Array, line: Line, slopes: Slopes) -> tuple[Slopes, Array]:
        """The slopes of a coordinate at zero, where steps may be as narrow as is needed, and where narrower ones told.

        They are asked where wider ones do not tell of the point: where they find no slope, none that a claim could be
        compared with, or another one than is claimed.
        """
        level = self.bits(places)
        claim, allowance = self.claimed(places, along)
        told = np.zeros(len(claim), dtype=bool)
        nonzero, sharp = ~self.still_claimed(places), self.sharp(places)

        def open_ones() -> Array:
            apart = abs(claim - slopes.value) > slopes.bar + allowance
            vague = nonzero & (slopes.bar > sharp * abs(claim))
            none = (slopes.kind == Kind.MISSING) | (slopes.kind == Kind.JUMP)
            return np.asarray(none | (slopes.kind == Kind.SMOOTH) & np.isfinite(claim) & (apart | vague))

        with np.errstate(all="ignore"):
            asked = open_ones()
            self.narrowed += bool(asked.any())
            start = level.narrowest
            while asked.any() and self.narrowed <= NARROWED and start + level.narrowest < WIDEST:
                there = [line.point(2.0**-start * (1.0 + 1.679 * i * 2.0**-level.noise)).outputs for i in range(7)]
                noise = np.fmax(3.0 * noise_of(np.array(there)), self.subject.output.smallest.max(initial=0.0))
                closer = Line(line.at, line.middle, noise, line.epsilon)
                levels = range(start, start + level.narrowest + 1, max(1, level.narrowest // 8))
                window = long_look(closer.samples(levels, 2.0**-start))
                found = asked & (window.kind == Kind.SMOOTH) & ~window.flat
                found &= window.bar <= OF_CLAIM * np.maximum(abs(window.value), abs(claim))
                other = abs(window.value - slopes.value) > 3.0 * (window.bar + slopes.bar)
                found &= (slopes.kind != Kind.SMOOTH) | (window.bar < slopes.bar) | other
                slopes = merged(found, window, slopes)
                told |= found
                start += level.narrowest
                if window.flat.all():
                    break
                if not (asked & open_ones()).any():
                    break
        return slopes, told

    def elsewhere(self, places: Array, along: Array, slopes: Array) -> Array:
        """Whether slopes are clearly others than claimed; False for nan."""
        claim, allowance = self.claimed(places, along)
        return np.asarray(abs(claim - slopes) > 2.0 * allowance)

    def deeper(self, line: Line) -> Array:
        """Where both are zero, a coordinate and the function: the slope over two very narrow steps, if it is the same; else nan.

        Nothing has a size there: wider steps may see another function, or narrower ones some rounding of intermediate results.
        """
        found = np.full(len(self.middle), np.nan)
        if self.middle.all():
            return found
        epsilon = float(np.max(line.epsilon))
        with np.errstate(all="ignore"):
            for narrow in ((400, 500), (100, 200)) if epsilon <= 2.0**-52 else ((30, 60),):
                _, _, central = line.samples(narrow).sides()
                same = abs(central[0] - central[1]) <= 4.0 * epsilon * abs(central[1])
                told = (self.middle == 0.0) & same & (central[1] != 0.0) & np.isnan(found)
                found = np.where(told, central[1], found)
        return found

    def beside(self, places: Array, line: Line, samples: Samples, slopes: Slopes) -> tuple[Slopes, Array]:
        """The slopes, after a look at neighbouring inputs where the domain ends near by or slopes are steepest; where it told.

        The narrowest step that makes sense elsewhere leads to the other side of an edge or a pole.
        """
        if len(places) > 1 or not self.subject.point[places].all():
            return slopes, np.zeros(len(slopes.value), dtype=bool)
        forward, backward, central = samples.sides()
        with np.errstate(all="ignore"):
            sizes = abs(np.where(np.isfinite(central), central, 0.0))
            edge = ~(np.isfinite(forward) & np.isfinite(backward)).all(axis=0) | (sizes[-1] > 1e3 * sizes[0])
            odd = np.isin(slopes.kind, (Kind.STEEP, Kind.JUMP)) | ~(np.isfinite(slopes.left) & np.isfinite(slopes.right))
            odd |= ~np.isfinite(slopes.bar)
            unsure = (edge | odd) & (slopes.kind != Kind.MISSING)
            unsure &= odd | ~(slopes.bar <= 0.3 * OF_CLAIM * abs(slopes.value)) | ~np.isfinite(forward).any(axis=0)
            unsure |= edge & ~(np.isfinite(forward).any(axis=0) & np.isfinite(backward).any(axis=0))
            if not unsure.any():
                return slopes, unsure
            last = round(-math.log2(self.epsilon(places)))
            value, bar = close_look(line, range(last, last - 14, -1))
            ends = [line.point(side * 2.0**-last).outputs for side in (1.0, -1.0)]
            better = unsure & np.isfinite(bar) & (odd | (bar < slopes.bar)) & (bar <= 0.3 * abs(value))
            # A jump goes on down to the last place; at an edge there is nothing on the other side.
            ratio = (ends[0] - ends[1]) / (samples.rise[-1] + samples.drop[-1])
            goes_on = ~((ratio > 0.7) & (ratio < 1.4))
            one_sided = ~np.isfinite(forward).any(axis=0) | ~np.isfinite(backward).any(axis=0)
            near = unsure & ~better & np.isfinite(ends).all(axis=0) & (one_sided | odd & goes_on & (slopes.kind == Kind.JUMP))
        kind = np.where(better, Kind.SMOOTH, np.where(near, Kind.BESIDE, slopes.kind))
        values, bars = np.where(better, value, slopes.value), np.where(better, bar, slopes.bar)
        sides = {side: np.where(better, value, getattr(slopes, side)) for side in ("left", "right")}
        return replace(slopes, value=values, bar=bars, kind=kind, **sides), better

    def decide(self, places: Array, along: Array, line: Line, slopes: Slopes, samples: Samples, close: Array) -> list[Finding]:
        """The verdict on each component of a line."""
        claim, allowance = self.claimed(places, along)
        slopes.flat &= self.still_claimed(places)
        with np.errstate(all="ignore"):
            apart = (slopes.kind == Kind.SMOOTH) & (abs(claim - slopes.value) > slopes.bar + allowance)
            needed = self.needed(places, along)
            # Where the slope is zero, as at a minimum, those over steps as wide as the input are the measure.
            zero = (abs(claim) <= slopes.bar) & (len(places) == 1)
            needed = np.maximum(needed, np.where(zero, self.at_least(OF_WIDE, places) * slopes.span, 0.0))
            # Where nothing moves near by, and things jump further off: zero to eight digits of the function.
            rest = self.still_claimed(places) & (slopes.value == 0.0) & (slopes.bar <= 1e-8 * abs(self.middle))
            needed = np.where(rest, np.inf, needed)
            if self.doubt is None and (apart | (slopes.bar > needed)).any():
                self.doubt = self.uncertain()
                claim, allowance = self.claimed(places, along)
            # Zero to the rounding of the function: no difference could tell more.
            floor = 1e3 * self.epsilon(places) * abs(self.middle)
            quiet = self.still_claimed(places) & (abs(slopes.value) <= 3.0 * slopes.bar) & (slopes.bar <= floor)
            needed = np.where(quiet, np.inf, needed)
            slopes.bar[quiet] = np.maximum(slopes.bar, abs(slopes.value))[quiet]
            if self.doubt is not None:  # zero but for the rounding of what cancels in this very slope
                least = (self.doubt[:, places] * abs(along)).sum(axis=1)
                rest = (abs(claim) <= least) & (abs(slopes.value) <= least + slopes.bar) & (slopes.bar <= HEARD * least)
                needed = np.where(rest, np.inf, needed)
        findings = []
        for c in range(len(claim)):
            verdict, value, bar, reason, between = judge(
                float(claim[c]), float(allowance[c]), slopes, c, float(needed[c]), self.overflow(places, along)
            )
            finding = Finding(places, c, verdict, float(claim[c]), value, bar, reason, between)
            from_several = close[c] or slopes.kind[c] != Kind.SMOOTH
            if verdict is Verdict.FAIL and not from_several and not refuted(samples, float(claim[c]), c):
                reason = "only one step width tells them apart, which may be chance"
                finding = replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason)
            if finding.verdict is Verdict.FAIL:
                finding = self.confirmed(finding, along, line, float(slopes.far[c]), float(slopes.far_bar[c]), not close[c])
            if finding.verdict is Verdict.INCONCLUSIVE and finding.reason == HIDDEN:
                limits = self.limits(places, along)[c]
                finding = replace(finding, unresolved=tuple(places[slopes.bar[c] > limits].tolist()))
            if finding.verdict is Verdict.FAIL and len(places) == 1:
                finding = tiny_difference(finding)
            if slopes.kind[c] == Kind.STEEP and len(places) > 1:  # hides all other slopes of the direction
                finding = replace(finding, verdict=Verdict.INCONCLUSIVE, reason="the slope grows without bound")
            findings.append(scaled(finding, float(along[0])) if len(places) == 1 else finding)
        return findings

    def near_by(self, finding: Finding, along: Array) -> bool:
        """Whether the claim is among different slopes at points around: in Clarke's generalised gradient at a kink."""
        subject, places = self.subject, finding.places
        bits = self.bits(np.arange(len(subject.point))).narrowest
        around, step = 2.0 ** -(2 * bits // 3), 2.0 ** -(4 * bits // 5)
        own = np.zeros_like(subject.point)
        own[places] = along / self.sizes[places]
        signs = [np.ones_like(own), -np.ones_like(own), own, -own, *self.rng.uniform(-1.0, 1.0, (NEARBY, len(own)))]
        slopes = []
        for sign in signs:
            middle = subject.point + around * sign * self.sizes
            ends = []
            for side in (1.0, -1.0):
                vector = middle.copy()
                vector[places] += side * step * along
                ends.append(self.mixed(subject.outputs(subject.rounded(vector)))[finding.component])
            slopes.append((ends[0] - ends[1]) / (2.0 * step))
        slopes = [slope for slope in slopes if math.isfinite(slope)]
        if not slopes:
            return False
        low, high = min(slopes), max(slopes)
        noise = float(self.noise[finding.component]) / step
        if high - low <= 1e-3 * max(abs(low), abs(high)) + 4.0 * noise:
            return False
        margin = 0.02 * (high - low) + noise
        return low - margin <= finding.claimed <= high + margin

    def confirmed(self, finding: Finding, along: Array, line: Line, far: float, far_bar: float, wide: bool) -> Finding:
        """A FAIL after second opinions, which may turn it into INCONCLUSIVE, or into KINK at a tie of several inputs.

        Those that look at wide steps are asked only if the slope was measured with such.
        """
        c, claimed, measured, bar = finding.component, finding.claimed, finding.measured, finding.bar
        if self.confirmations >= CONFIRM or not (math.isfinite(claimed) and math.isfinite(measured)):
            return finding
        wide &= finding.between is None
        if wide and len(finding.places) == 1 < len(self.subject.point) and self.near_by(finding, along):
            reason = "it is a tie, or another kink of several inputs: the slopes at points around lie on both sides of the claim"
            return replace(finding, verdict=Verdict.KINK, reason=reason)
        size = float(along[0]) if len(finding.places) == 1 else 1.0  # a coordinate is spoken of in its own units
        whole = np.zeros_like(self.subject.point)
        whole[finding.places] = along / size
        cotangent = self.cotangents()[c]
        asked = [taylor(line, claimed, c)] if wide else []
        if self.mix is None:
            asked.append(complex_step(self.subject, whole * size, claimed, measured, bar, c, size))
        if wide:
            asked += [torn(line, claimed, measured, far, far_bar, c), jump_nearby(line, claimed, measured, c)]
        asked.append(forward_mode(self.subject, whole, claimed / size, cotangent))
        opinions = [opinion for opinion in asked if opinion is not None]
        support = next((opinion for opinion in opinions if opinion.for_claim), None)
        if support is not None:
            return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=support.sentence)
        self.confirmations += 1
        if not self.evidence:
            at = f"at {self.subject.name_of(int(finding.places[0]))}, " if len(finding.places) == 1 else ""
            self.evidence += [at + opinion.sentence for opinion in opinions]
        return finding


def judge(
    claim: float, allowance: float, slopes: Slopes, c: int, needed: float, overflow: float
) -> tuple[Verdict, float, float, str, tuple[float, float] | None]:
    """The verdict on one claimed slope: (verdict, measured, error bar, reason, the one-sided slopes at a kink)."""
    value, bar, kind = float(slopes.value[c]), float(slopes.bar[c]), slopes.kind[c]
    left, right = float(slopes.left[c]), float(slopes.right[c])
    tolerance = bar + allowance

    def result(verdict: Verdict, reason: str = "", between: Any = None) -> Any:
        return verdict, value, tolerance, reason, between

    if kind == Kind.MISSING:
        return result(Verdict.INCONCLUSIVE, "the function is not finite on either side of this point")
    if kind == Kind.BESIDE:
        return result(Verdict.INCONCLUSIVE, "an edge of the domain, or a pole, is so near that no step is narrow enough")
    if kind == Kind.JUMP:
        return result(Verdict.JUMP, "the function jumps at this point")
    if math.isnan(claim):
        return result(Verdict.FAIL, "the claimed slope is not a number")
    if kind == Kind.STEEP:
        if claim == value:
            return result(Verdict.PASS)
        return result(Verdict.FAIL, f"the slope grows without bound, to {value}")
    if kind == Kind.KINK:
        low, high = min(left, right), max(left, right)
        slack = 3.0 * tolerance + 1e-6 * (abs(low) + abs(high) if math.isfinite(low) and math.isfinite(high) else 0.0)
        inside = low - slack <= claim <= high + slack
        reason = f"the one-sided slopes are {left:.6g} and {right:.6g}"
        return result(Verdict.KINK if inside else Verdict.FAIL, reason, (left, right))
    if kind == Kind.STAIRS:
        far = float(slopes.far[c])
        if claim == 0.0 or abs(claim - far) <= 3.0 * float(slopes.far_bar[c]):
            reason = f"the function goes in steps: its slope is 0 on each of them, and {far:.6g} seen from afar"
            return result(Verdict.INCONCLUSIVE, reason)
        return result(Verdict.FAIL)
    if not math.isfinite(value) or not math.isfinite(bar):
        return result(Verdict.INCONCLUSIVE, "no difference converges: the function is too rough here")
    if math.isinf(claim) and claim * value > 0.0 and abs(value) + tolerance >= overflow:
        return result(Verdict.PASS)  # no number of this dtype is larger
    if math.isinf(claim):
        return result(Verdict.FAIL, "the claimed slope is infinite, the measured one is not")
    if abs(claim - value) <= tolerance:
        if bar <= needed or slopes.flat[c]:
            return result(Verdict.PASS)
        return result(Verdict.INCONCLUSIVE, HIDDEN)
    far, far_bar = float(slopes.far[c]), float(slopes.far_bar[c])
    if slopes.amplitude[c] > 0.0 and abs(claim - far) <= far_bar + allowance and far_bar <= OF_CLAIM * abs(far):
        return result(
            Verdict.INCONCLUSIVE,
            f"the function is rough: seen from afar its slope is {far:.6g}, as claimed, but closely {value:.6g}",
        )
    if abs(claim - value) <= 3.0 * tolerance:
        return result(Verdict.INCONCLUSIVE, "the difference is within three times the error bar: the noise is too large to tell")
    return result(Verdict.FAIL)


def scaled(finding: Finding, size: float) -> Finding:
    """The finding of a coordinate in units of that coordinate."""
    between, reason = finding.between, finding.reason
    if between is not None:
        between = (between[0] / size, between[1] / size)
        reason = f"the one-sided slopes are {between[0]:.6g} and {between[1]:.6g}"
    return replace(
        finding, claimed=finding.claimed / size, measured=finding.measured / size, bar=finding.bar / abs(size), between=between,
        reason=reason,
    )  # fmt: skip


def tiny_difference(finding: Finding) -> Finding:
    """INCONCLUSIVE for a FAIL by less than half a millionth: that is no mistake in a formula, but some approximation."""
    claimed, measured = finding.claimed, finding.measured
    if not abs(claimed - measured) < TINY * max(abs(claimed), abs(measured)):
        return finding
    reason = (
        f"they differ by {abs(claimed - measured) / abs(measured):.1g} of the slope, more than the error bar, but too little "
        "for a mistake: one of them is an approximation, as of a solver that stops early"
    )
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason)


def length(rows: Array) -> Array:
    """The Euclidean length of each row, without overflow."""
    largest = abs(rows).max(axis=1, initial=0.0)
    largest = np.where(largest > 0.0, largest, 1.0)
    return largest * np.sqrt(((rows / largest[:, None]) ** 2).sum(axis=1))


def power_of_two(size: Any) -> Any:
    """The largest power of two that is not above a positive number."""
    with np.errstate(divide="ignore"):
        return 2.0 ** np.clip(np.floor(np.log2(size)), -1074, 1000)

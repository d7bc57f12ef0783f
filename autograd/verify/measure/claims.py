"""Ask a subject for its claims, and measure the noise of its outputs and the rounding of the claims."""

from __future__ import annotations

import contextlib
import math

import numpy as np

from autograd.verify.measure.differences import Line, Point, Widths, noise_of, widths
from autograd.verify.measure.scales import magnitudes, power_of_two, size_at_zero
from autograd.verify.subjects.subject import OUTSIDE, Subject, epsilon_of, smallest_of

Array = np.ndarray

#: The number of elements up to which inputs are compared coordinate by coordinate; larger ones along random directions.
COORDINATES = 64
#: The number of outputs up to which they are compared one by one; of more, random combinations.
OUTPUTS = 64
#: The number of classes of outputs that move about as much as each other, and of combinations in each class.
CLASSES, COMBINATIONS = 20, 2
#: A coordinate is resolved if its error bar is at most this part of its claim.
OF_CLAIM = 1e-2
#: A coordinate of a direction is resolved if the error bar is at most this part of its claim, or of the largest claim there.
#: OF_LARGEST is at least the square root of the precision: float32 and float16 resolve less.
OF_EACH, OF_LARGEST = 0.1, 1e-4
#: A claim may be off by this many times the estimate of its rounding.
ROUNDED = 8.0


class Inconclusive(Exception):
    """Nothing can be measured at all."""


class Claims:
    """The claimed derivatives of a subject, with the sizes and the noise that they are compared with.

    Attributes:
        claims: the claimed derivatives, (k, n), of each output, or of random combinations of them where there are many.
        mix: these combinations, (k, m), or None.
        middle, noise: each compared output at the point, and its rounding noise, (k,).
        rounded: the least rounding of each compared output by its arithmetic, (k,).
        sizes, typical: the width of a step along each coordinate, and along a typical one of its leaf, (n,).
        unsized: where a leaf is all zeros, and so has no size, (n,).
        epsilons, claim_epsilons: the unit in the last place of each input and of each claim, as a fraction of it, (n,).
        doubt: by how much each claim may be off, (k, n); None until uncertain() computes it.
    """

    def __init__(self, subject: Subject, order: int, seed: int) -> None:
        self.subject, self.order = subject, order
        self.rng = np.random.default_rng([seed, order])
        self.doubt: Array | None = None
        self.mix: Array | None = None
        self.sizes, self.typical = magnitudes(subject)
        self.unsized = np.zeros(len(subject.point), dtype=bool)
        self.epsilons, self.smallest, self.claim_epsilons = (np.ones(len(subject.point)) for _ in range(3))
        for leaf in subject.leaves:
            self.epsilons[leaf.part], self.smallest[leaf.part] = epsilon_of(leaf.dtype), smallest_of(leaf.dtype)
        for leaf in subject.leaves:
            if leaf.stop > leaf.start and not subject.point[leaf.part].any():
                self.unsized[leaf.part] = True
                size = size_at_zero(subject, leaf, self.epsilon(np.arange(leaf.start, leaf.stop)))
                self.sizes[leaf.part] = self.typical[leaf.part] = size
        self.measure_noise()
        self.read_claims()

    def measure_noise(self) -> None:
        """Measure the rounding noise near the point; raise Inconclusive if the function is not deterministic or not finite."""
        subject = self.subject
        middle = subject.output.vector
        if not np.isfinite(middle).any() and middle.size:
            raise Inconclusive(f"the function is not finite at this point: it gives {middle[:3].tolist()}")
        self.spread = np.zeros_like(middle)
        self.noise, self.rounded = np.zeros_like(middle), subject.noise_floor()
        places = np.arange(len(subject.point))
        if places.size and middle.size:
            along, level = self.direction(places, self.sizes), self.bits(places)
            spacing = 2.0**-level.noise * (1.0 + 0.679)  # of many bits, so that rounding errors are those of any input
            away = 2.0 ** -(level.noise // 3)  # not at the point itself, which may be a kink or an edge

            def values(side: float, spacing: float) -> Array:
                steps = side * (away + np.arange(7) * spacing)
                return np.array([subject.outputs(subject.rounded(subject.point + t * along)) for t in steps])

            with np.errstate(all="ignore"):
                floor = np.maximum(subject.output.epsilon * abs(middle), subject.output.smallest)
                noise = np.full_like(middle, np.inf)
                for side in (1.0, -1.0):
                    near = values(side, spacing)
                    noise = np.fmin(noise, 3.0 * noise_of(near))
                    self.spread = np.fmax(self.spread, np.nan_to_num(abs(near[0] - middle)))
                    if (noise <= 1e3 * floor).all():
                        break
                    if level.noise > 30:  # a fast oscillation is no noise at a narrower spacing
                        noise = np.fmin(noise, 3.0 * noise_of(values(side, spacing / 64.0)))
                least = np.fmax(self.rounded, subject.output.smallest)
                self.noise = np.fmax(np.where(np.isfinite(noise), noise, floor), least)
                with contextlib.suppress(*OUTSIDE):  # a gradient that is kept from an earlier call is then wrong at the point
                    subject.pull(np.ones((1, len(middle))), subject.rounded(subject.point + away * along))
        again = subject.outputs(subject.point)
        different = ~((again == middle) | (np.isnan(again) & np.isnan(middle)))
        if (abs(again - middle)[different] > 4.0 * (subject.output.epsilon * abs(middle))[different]).any():
            change = float(np.nanmax(abs(again - middle)[different]))
            raise Inconclusive(
                f"the function is not deterministic: two calls at one point differ by {change:.2g}; fix its "
                "seed, or turn off dropout"
            )

    def read_claims(self) -> None:
        """Ask for the claimed derivatives; of many outputs those of random combinations."""
        subject = self.subject
        count = len(subject.output.vector)
        if count > OUTPUTS:
            self.mix = self.combinations(count)
            subject.notes.append(f"compared random combinations of the {count:,} outputs of order {self.order}")
        finite = np.isfinite(subject.output.vector)
        cotangents = self.cotangents()
        with np.errstate(all="ignore"):
            self.claims = subject.pull(cotangents) if count else np.zeros((0, len(subject.point)))
            again = subject.pull(cotangents[:1]) if count else self.claims
            self.middle = self.mixed(subject.output.vector)
            if self.mix is not None:
                each = np.maximum(self.noise, subject.output.epsilon * abs(subject.output.vector))
                self.noise = abs(self.mix) @ np.where(finite, each, 0.0)
                self.rounded = abs(self.mix) @ np.where(finite, self.rounded, 0.0)
        for leaf in subject.leaves:
            self.claim_epsilons[leaf.part] = subject.claim_epsilon(leaf)
        epsilon = self.claim_epsilons.max(initial=0.0)
        if not np.allclose(again, self.claims[:1], rtol=64.0 * epsilon, atol=0.0, equal_nan=True):
            raise Inconclusive("the gradient is not deterministic: two calls at one point differ")
        slopes = np.where(np.isfinite(self.claims), abs(self.claims), 0.0).max(axis=0, initial=0.0)
        with np.errstate(over="ignore"):
            steepest = np.isinf(2.0**24 * slopes * np.maximum(self.sizes, self.typical))  # steps so wide would overflow
        self.sizes[steepest] *= 2.0**-20
        self.typical[steepest] *= 2.0**-20

    def combinations(self, count: int) -> Array:
        """Return random combinations of outputs that move about as much as each other, so that none hides behind a larger one."""
        moves = self.spread / (float(self.spread.max(initial=0.0)) or 1.0)
        with np.errstate(divide="ignore"):
            classes = np.where(moves > 0.0, np.clip(np.floor(np.log10(moves) / 4.0), -CLASSES, 0), -CLASSES - 1)
        rows = []
        for number in np.unique(classes):
            weights = self.rng.uniform(0.5, 1.5, (COMBINATIONS, count))
            weights *= 2.0 * self.rng.integers(0, 2, (COMBINATIONS, count)) - 1.0
            rows.append(np.where((classes == number) & np.isfinite(self.subject.output.vector), weights, 0.0))
        return np.concatenate(rows)

    def cotangents(self) -> Array:
        """Return one cotangent of the outputs for each compared component."""
        return np.eye(len(self.subject.output.vector)) if self.mix is None else self.mix

    def mixed(self, outputs: Array) -> Array:
        """Return the outputs, or their combinations where there are many."""
        return outputs if self.mix is None else self.mix @ np.where(np.isfinite(self.subject.output.vector), outputs, 0.0)

    # --- lines ------------------------------------------------------------------------------------

    def epsilon(self, places: Array, outputs: bool = True) -> float:
        """Return the coarsest unit in the last place of all inputs between some coordinates, and of the outputs."""
        inputs = float(self.epsilons[places[0] : places[-1] + 1].max())
        return max(inputs, float(self.subject.output.epsilon.max(initial=0.0))) if outputs else inputs

    def bits(self, places: Array) -> Widths:
        """Return the levels for a line through these coordinates."""
        return widths(round(-math.log2(self.epsilon(places))))

    def direction(self, places: Array, sizes: Array | None = None) -> Array:
        """Return a random direction through some coordinates: no element near zero, and all of few bits, so that steps are exact.

        Each is as long as a typical element of its leaf, or as `sizes` says.
        """
        bits = {52: 10, 23: 6}.get(-int(math.log2(self.epsilon(places, outputs=False))), 2)
        parts = 2**bits
        factors = self.rng.integers(parts // 2, parts + parts // 2, len(places)) / parts
        signs = 2.0 * self.rng.integers(0, 2, len(places)) - 1.0
        return signs * factors * (self.typical if sizes is None else sizes)[places]

    def line(self, places: Array, along: Array) -> Line:
        """Return the line through the point in a direction that is zero outside of some coordinates."""
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
        return Line(at, self.middle, self.noise, np.maximum(epsilon, self.epsilon(places, outputs=False)))

    def claimed(self, places: Array, along: Array) -> tuple[Array, Array]:
        """Return the claimed slopes along a direction, and how far off they may be because they were rounded."""
        parts = self.claims[:, places] * along
        with np.errstate(all="ignore"):
            allowance = 8.0 * length(np.nan_to_num(parts * self.claim_epsilons[places], posinf=0.0, neginf=0.0))
            allowance += 2.0**-52 * abs(np.nan_to_num(parts, posinf=0.0, neginf=0.0)).sum(axis=1)
            if self.doubt is not None:
                allowance += (self.doubt[:, places] * abs(along)).sum(axis=1)
            allowance += 2.0 * (self.smallest[places] * abs(along)).sum()
            claim = parts.sum(axis=1) if len(places) > 1 else parts[:, 0]
            finest = min(float(self.claim_epsilons[places].max()) ** 0.6, 5e-3)  # 4e-10 in float64: no formula is better
            return claim, np.maximum(allowance, np.nan_to_num(finest * abs(claim), posinf=0.0))

    # --- how far off a claim may be ---------------------------------------------------------------

    def uncertain(self) -> Array:
        """Return by how much each claim may be off: the rounding on its way, and its noise at neighbouring inputs."""
        if self.doubt is None:
            cotangents = self.cotangents()
            self.doubt = ROUNDED * self.subject.rounding(cotangents) + 4.0 * self.jitter(cotangents)
        return self.doubt

    def jitter(self, cotangents: Array) -> Array:
        """Return the noise of the claims: how far they depart from a straight line over a few neighbouring inputs.

        It is measured on each side of the point, and the smaller one counts: a step of the gradient at the point is no noise.
        The inputs move with random signs: multiplied by one factor, they may be rounded alike.
        """
        subject = self.subject
        signs = np.random.default_rng(0).choice([-1.0, 1.0], len(subject.point))
        spreads = []
        for side in (signs, -signs):
            found = []
            for number in range(1, 6):
                vector = subject.rounded(subject.point * (1.0 + side * number * self.epsilons))
                try:
                    with np.errstate(all="ignore"):
                        found.append(subject.pull(cotangents, vector))
                except OUTSIDE:
                    break
            if len(found) == 5:
                spreads.append(abs(np.diff(found, 2, axis=0)).max(axis=0))
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.minimum.reduce(spreads), posinf=0.0) if spreads else np.zeros_like(self.claims)

    def steepness(self) -> Array:
        """Return powers of two: how much each compared output moves over the size of the inputs, as claimed; 1 if it does not."""
        if len(self.claims) == 1:
            return np.ones(1)
        with np.errstate(all="ignore"):
            sizes = np.nan_to_num(abs(self.claims), posinf=0.0)
            moves = (np.where(sizes > self.uncertain(), sizes, 0.0) * self.typical).max(axis=1, initial=0.0)
            moves = np.maximum(moves, 2.0**-10 * abs(self.middle))  # so that an output that moves less is not all rounding
        return np.asarray(power_of_two(np.where((moves > 0.0) & np.isfinite(moves), moves, 1.0)))

    def by_itself(self, places: Array) -> bool:
        """Return whether this is one coordinate of an input whose coordinates are compared one by one."""
        return len(places) == 1 and len(self.subject.point) <= COORDINATES

    def at_least(self, part: float, places: Array) -> float:
        """Return `part`, or, if larger, the smallest part of a slope that differences in this precision resolve."""
        return max(part, self.epsilon(places) ** 0.5)

    def sharp(self, places: Array) -> float:
        """Return the error bar of a good measurement, as a part of the slope."""
        return max(1e-6, 4.0 * float(self.claim_epsilons[places].max()) ** 0.5)

    def limits(self, places: Array, along: Array) -> Array:
        """Return the error bar below which each coordinate of a line is resolved, for each component, (k, places).

        It is in the units of the function: a part of the coordinate's contribution along the line, or of the largest one there.
        The slopes of other coordinates do not count, as they say nothing about this one.
        """
        size = np.where(np.isfinite(self.claims[:, places]), abs(self.claims[:, places]), 0.0) * abs(along)
        if self.by_itself(places):
            return max(OF_CLAIM, 5.0 * self.epsilon(places) ** 0.5) * size
        return np.maximum(OF_EACH * size, self.at_least(OF_LARGEST, places) * size.max(axis=1, keepdims=True))

    def zero_claimed(self, places: Array) -> Array:
        """Return, for each component, whether all slopes along some coordinates are claimed to be zero."""
        return ~(self.claims[:, places] != 0.0).any(axis=1)


def length(rows: Array) -> Array:
    """Return the Euclidean length of each row, without overflow."""
    largest = abs(rows).max(axis=1, initial=0.0)
    largest = np.where(largest > 0.0, largest, 1.0)
    return largest * np.sqrt(((rows / largest[:, None]) ** 2).sum(axis=1))

"""Guess why a gradient is wrong, from how its claimed slopes differ from the measured ones.

A guess must explain every difference within the error bars, and these must be so small that it would not do so by chance.
The most specific such guess is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from autograd.verify.measure.differences import Kind, long_look, quick_look
from autograd.verify.measure.examination import Examination
from autograd.verify.measure.verdicts import Finding
from autograd.verify.report import Verdict, brackets, rank
from autograd.verify.subjects.numpy_functions import NumPySubject
from autograd.verify.subjects.subject import OUTSIDE, Leaf
from autograd.verify.subjects.values import ValueSubject

Array = np.ndarray

#: The number of elements of a leaf that are all measured; of larger leaves some: the worst, the largest, random ones, partners.
WHOLE, LARGEST, RANDOM, PARTNERS = 24, 4, 10, 24
#: The number of evaluations after which no further leaf gets a guess.
EVALUATIONS = 1_000
#: Slopes differ if they are APART error bars apart; a slope is known well if it is CLEAR error bars long.
APART, CLEAR = 3.0, 30.0
#: The largest probability with which numbers other than those measured may fit a guess.
CHANCE = 1e-3
#: Where some elements are called wrong and others right, the wrong ones are off by GAP times the most that the right ones may be.
GAP = 10.0
#: Signs tell the wrong elements only if there are at least CHOICES ways to choose as many.
CHOICES = 10


def cause_of(examination: Examination, leaf: Leaf, found: list[Finding]) -> tuple[str, str]:
    """Return a guess at the cause, to follow "perhaps", or "", and the largest differences. It never raises.

    Args:
        examination: after its run; further evaluations count.
        leaf: a leaf whose gradient failed.
        found: its findings.
    """
    failed = [finding for finding in found if finding.verdict is Verdict.FAIL]
    try:
        with np.errstate(all="ignore"):
            if failed:
                evidence = Evidence(examination, leaf, failed)
                return evidence.guess(), evidence.differences()
    except Exception:  # the budget is spent, or the function raises at another input: then there is no guess
        pass
    return "", ""


class Evidence:
    """Claimed and measured slopes of one leaf, side by side.

    Attributes:
        places: the coordinates of the leaf that are compared, (k,).
        component: that of the worst finding.
        claimed, measured, bar: of all components, (components, k).
        wrong, clear: where they differ; where the measured slope is known well and is not zero.
    """

    def __init__(self, examination: Examination, leaf: Leaf, failed: list[Finding]) -> None:
        self.examination, self.subject, self.leaf = examination, examination.subject, leaf
        self.component = max(failed, key=rank).component
        self.known: dict[int, tuple[Array, Array]] = {}
        self.places = self.chosen([int(finding.places[0]) for finding in failed if len(finding.places) == 1])
        slopes = [self.slopes(place) for place in self.places]
        self.claimed = examination.claims[:, self.places]
        self.measured, self.bar = (np.array(rows).T for rows in zip(*slopes, strict=True))
        self.wrong = abs(self.claimed - self.measured) > APART * self.bar
        self.clear = abs(self.measured) > CLEAR * self.bar

    def chosen(self, failed: list[int]) -> Array:
        """Return the coordinates to compare."""
        inside = np.arange(self.leaf.start, self.leaf.stop)
        if len(inside) <= WHOLE:
            return inside
        largest = np.argsort(-abs(self.examination.claims[self.component, inside]), kind="stable")[:LARGEST]
        spread = np.random.default_rng(len(inside)).choice(inside, RANDOM, replace=False)
        return np.unique([*failed[:LARGEST], *inside[largest], *spread])

    def slopes(self, place: int) -> tuple[Array, Array]:
        """Return the measured slope of every component at one coordinate, and its error bar: infinite where there is no slope."""
        if place not in self.known:
            one = np.array([place])
            along = self.examination.sizes[one]
            line, level = self.examination.line(one, along), self.examination.bits(one)
            claim, allowance = self.examination.claimed(one, along)
            value, bar, smooth = quick_look(line.samples([*self.examination.own_size(one), *level.quick]))
            if not (smooth & (bar <= 1e-3 * np.maximum(abs(value), abs(claim)))).all():
                looked = long_look(line.samples(range(0, level.narrowest + 1, 2 if level.narrowest > 30 else 1)))
                value, bar, smooth = looked.value, looked.bar, looked.kind == Kind.SMOOTH
            bar = np.where(smooth & np.isfinite(value), bar + allowance, np.inf)
            self.known[place] = np.nan_to_num(value) / along[0], bar / abs(along[0])
        return self.known[place]

    def guess(self) -> str:
        """Return the most specific guess that the evidence supports."""
        if not np.isfinite(self.claimed).all() or not self.wrong.any():
            return ""
        exact = (self.stale, self.cut, self.scaled, self.turned, self.by_input, self.fixed)
        in_part = (self.one_sided, self.offset, self.few)
        return next((text for text in (guess() for guess in exact + in_part) if text), "")

    def explained(self, expected: Array, bar: Array, part: Array, fitted: int = 0) -> bool:
        """Return whether a guess explains the claims, within its error bars, and not by chance.

        The chance is that of random numbers as far off as the claims; the `fitted` best ones do not count.

        Args:
            expected: the claims by the guess, (components, k). bar: their error bars.
            part: the claims that the guess is about, which must include all wrong ones.
            fitted: how many numbers the guess took from the claims.
        """
        if (self.wrong & ~part).any() or not (self.wrong & part).any():
            return False
        off, difference = abs(self.claimed - expected), abs(self.claimed - self.measured)
        if not (off <= APART * bar)[part].all():
            return False
        known = part & (difference > APART * bar)
        ratios = np.sort((APART * bar / difference)[known])[fitted:]
        return bool(ratios.size) and float(ratios.prod()) <= CHANCE

    # --- claims that do not move ------------------------------------------------------------------

    def stale(self) -> str:
        close = (abs(self.claimed - self.measured) <= 0.1 * abs(self.measured) + APART * self.bar).all()
        return "stale, the gradient of an earlier call: it stays the same when the input moves" if close and self.stays() else ""

    def fixed(self) -> str:
        return "computed from other data than the input: it stays the same when the input moves" if self.stays() else ""

    def stays(self) -> bool:
        """Return whether the claim is the same at another input, although the slope there differs."""
        subject, examination, c = self.subject, self.examination, self.component
        if isinstance(subject, NumPySubject) and not callable(subject.claimed):  # arrays, which cannot move
            return False
        pulled = []
        for step in (0.375, 2.0**-4):
            moved = subject.rounded(subject.point + step * examination.sizes)
            try:
                pulled.append(subject.pull(examination.cotangents()[[c]], moved)[0, self.leaf.part])
            except OUTSIDE:
                continue
        here = examination.claims[c, self.leaf.part]
        if not pulled or any(not np.array_equal(there, here) for there in pulled):
            return False
        along = np.zeros_like(subject.point)
        along[self.leaf.part] = 2.0 ** -(examination.bits(self.places).noise // 3) * examination.sizes[self.leaf.part]
        ends = [subject.rounded(middle + side * along) for middle in (subject.point, moved) for side in (1.0, -1.0)]
        up, down, later_up, later_down = (examination.mixed(subject.outputs(end))[c] for end in ends)
        before, later = up - down, later_up - later_down
        return bool(abs(later - before) > 1e-2 * max(abs(later), abs(before)) + 8.0 * examination.noise[c])

    def cut(self) -> str:
        if self.examination.claims[:, self.leaf.part].any():
            return ""
        if not isinstance(self.subject, ValueSubject):
            return "no gradient arrives: all claims are zero"
        what = "the graph" if self.examination.order == 1 else "the rule of an operation"
        return f"no gradient arrives, all claims are zero: is {what} cut by .data, .item(), detach() or no_grad()?"

    # --- factors ----------------------------------------------------------------------------------

    def scaled(self) -> str:
        """Return words for a constant factor, in every component or in the component of the worst slope."""
        row = np.zeros_like(self.wrong)
        row[self.component] = True
        for part in (np.ones_like(row), row):
            factor, error = self.factor(part)
            name = self.name_of(factor, error, part) if factor else ""
            if name:
                return name
            if factor and self.fits(factor, part) and not self.added():  # for equal slopes they are the same
                return f"a constant factor: claimed = {written(factor)} * measured"
        return ""

    def fits(self, factor: float, part: Array, fitted: int = 1) -> bool:
        """Return whether a constant factor explains a part of the claims."""
        return self.explained(factor * self.measured, (1.0 + abs(factor)) * self.bar, part, fitted)

    def factor(self, part: Array, times: Array | float = 1.0) -> tuple[float, float]:
        """Return the factor from measured slopes, times other numbers, to the claims, and its error; zero if it is unknown."""
        expected = self.measured * times
        known = part & self.clear & (expected != 0.0)
        best = np.unravel_index(np.argmax(np.where(known, abs(self.measured) / self.bar, 0.0)), known.shape)
        if not known[best]:
            return 0.0, 0.0
        factor = float(self.claimed[best] / expected[best])
        error = float(APART * self.bar[best] * (abs(1.0 / expected[best]) + abs(factor / self.measured[best])))
        simple = float(Fraction(factor).limit_denominator(max(1, min(1000, int((0.01 / error) ** 0.5)))))
        return (simple if abs(simple - factor) <= error else factor), error

    def name_of(self, factor: float, error: float, part: Array) -> str:
        """Return the words for a known factor: a sign, 2 or 1/2, or a length."""
        known = {
            -1.0: "the sign: claimed = -measured", 2.0: "a factor of 2 too much", 0.5: "a factor of 2 missing",
            -2.0: "the sign, and a factor of 2 too much", -0.5: "the sign, and a factor of 2 missing",
        }  # fmt: skip
        for length, what, own in self.lengths():
            as_a_mean = "as in a mean in place of a sum" if own else "or not summed over it"
            known.setdefault(1.0 / length, f"divided by {what} once too often, {as_a_mean}")
            not_a_mean = f"{what} as in a sum in place of a mean" if own else what.rstrip(",")
            known.setdefault(float(length), f"not divided by {not_a_mean}")
        for number, text in known.items():
            if abs(factor - number) <= error and self.fits(number, part, 0):
                return text
        return ""

    def lengths(self) -> Iterator[tuple[int, str, bool]]:
        """Yield (length, words for it, whether it belongs to this leaf)."""
        shapes = [(leaf.name, leaf.shape) for leaf in self.subject.leaves if leaf is not self.leaf]
        shapes += [("the result", shape) for _, shape, _ in self.subject.output.parts]
        for name, shape in [(self.leaf.name, self.leaf.shape), *shapes]:
            numbers = [(length, f"{length}, the length of axis {axis} of {name},") for axis, length in enumerate(shape)]
            numbers.append((math.prod(shape), f"{math.prod(shape)}, the number of elements of {name},"))
            yield from ((number, text, name == self.leaf.name) for number, text in numbers if number > 2)

    def by_input(self) -> str:
        """Return words for the input as a factor, such as a chain rule that is applied twice or not at all."""
        x = np.broadcast_to(self.subject.point[self.places], self.measured.shape)
        if len(np.unique(abs(x[self.clear]))) < 2:
            return ""
        whole = np.ones_like(self.wrong)
        for sign, times in (("*", x), ("/", np.where(x != 0.0, 1.0 / x, 1.0))):
            factor, _ = self.factor(whole, times)
            bar = (1.0 + abs(factor * times)) * self.bar
            if factor and self.explained(factor * times * self.measured, bar, whole, int(factor != 1.0)):
                number, what = "" if factor == 1.0 else f"{written(factor)} * ", "too much" if sign == "*" else "missing"
                return f"the input as a factor {what}: claimed = {number}measured {sign} input"
        return ""

    # --- the right numbers in other places --------------------------------------------------------

    def turned(self) -> str:
        """Return words for slopes that are transposed, reversed, shifted, or those of another input."""
        if self.transposed_jacobian():
            return "the Jacobian is transposed: claimed[i, j] = measured[j, i]"
        for text, order in orders(self.leaf.shape):
            if self.permuted(self.leaf.start + order.reshape(-1)):
                return text
        for leaf in self.subject.leaves:
            if leaf is not self.leaf and leaf.shape == self.leaf.shape and self.permuted(np.arange(leaf.start, leaf.stop), True):
                return f"exchanged with the gradient of {leaf.name}"
        return ""

    def transposed_jacobian(self) -> bool:
        count = len(self.places)
        if count < 2 or self.examination.mix is not None or self.examination.claims.shape != (count, count):
            return False
        return self.explained(self.measured.T, self.bar + self.bar.T, np.ones_like(self.wrong))

    def permuted(self, partners: Array, both_ways: bool = False) -> bool:
        """Return whether the claim at each place is the slope measured at its partner, and with `both_ways` the reverse."""
        agreeing, chance = 0, 1.0
        first = np.argsort(~self.wrong[self.component], kind="stable")  # the wrong ones first: they tell the most
        for place in self.places[first].tolist():
            partner = int(partners[place - self.leaf.start])
            for claimed, other in [(place, partner)] + [(partner, place)] * both_ways:
                if other not in self.known and len(self.known) >= len(self.places) + PARTNERS:
                    continue
                (own, own_bars), (slopes, bars) = self.slopes(claimed), self.slopes(other)
                claims = self.examination.claims[:, claimed]
                if (abs(claims - slopes) > APART * (bars + own_bars)).any():
                    return False
                apart = abs(own - slopes) > 2.0 * APART * (bars + own_bars)
                agreeing += bool(apart.any())
                chance *= float(np.where(apart, APART * (bars + own_bars) / abs(claims - own), 1.0).min())
        return agreeing >= 2 and chance <= CHANCE

    # --- right in part ----------------------------------------------------------------------------

    @property
    def wrong_places(self) -> Array:
        return np.asarray(self.wrong.any(axis=0))

    @property
    def right_places(self) -> Array:
        """Where every component is right, and at least one is known well and is not zero."""
        return np.asarray(~self.wrong_places & self.clear.any(axis=0))

    def one_sided(self) -> str:
        """Return "right only where ...", if the signs of the input, or of the slope, tell the wrong elements."""
        wrong, right = self.wrong_places, self.right_places
        there = self.claims_there(wrong)  # otherwise the signs may be chance
        if min(wrong.sum(), right.sum()) < 2 or not there or not self.apart(wrong):
            return ""
        if math.comb(len(wrong), int(wrong.sum())) < CHOICES:  # so few elements have those signs by chance
            return ""
        rows = np.argmax(np.where(self.clear, abs(self.measured), 0.0), axis=0)
        steepest = self.measured[rows, np.arange(len(self.places))]
        for what, numbers in (("the input", self.subject.point[self.places]), ("the slope", steepest)):
            for sign, word in ((1.0, "positive"), (-1.0, "negative")):
                if (sign * numbers[right] > 0.0).all() and (sign * numbers[wrong] <= 0.0).all():
                    return f"right only where {what} is {word}{there.replace('there', 'elsewhere')}"
        return ""

    def few(self) -> str:
        """Return "wrong only at ...", for a few elements or one slice."""
        wrong, right = self.wrong_places, self.right_places
        if right.sum() < 2 or not self.apart(wrong):
            return ""
        indices = [self.leaf.index(int(place)) for place in self.places]
        number, there = int(wrong.sum()), self.claims_there(wrong)
        others = int((~wrong & np.isfinite(self.bar).all(axis=0)).sum())
        if number == 1 or 4 * number <= len(wrong):
            names = ", ".join(brackets(index) for index, is_wrong in zip(indices, wrong, strict=True) if is_wrong)
            return f"wrong only at {names}, not at the {others} others that were compared{there}"
        for axis, along in enumerate(np.array(indices).T):
            inside = along == along[wrong][0]
            if len(self.leaf.shape) > 1 and inside[wrong].all() and not (right & inside).any():
                return f"wrong only where the index of axis {axis} is {along[wrong][0]}{there}"
        return ""

    def apart(self, wrong: Array) -> bool:
        """Return whether the wrong elements are off by much more, relative to their slopes, than the others may be."""
        with np.errstate(all="ignore"):
            off = (abs(self.claimed - self.measured) / abs(self.measured))[self.wrong]
            others = ((abs(self.claimed - self.measured) + self.bar) / abs(self.measured))[self.clear & ~wrong]
        return bool(off.min(initial=np.inf) > GAP * others.max(initial=0.0))

    def claims_there(self, wrong: Array) -> str:
        """Return how claims and slopes are related where they differ, or ""."""
        part = np.broadcast_to(wrong, self.wrong.shape)
        if not self.claimed[part].any():
            return "; there zero is claimed"
        factor, _ = self.factor(part)
        fitted = int(factor not in (-1.0, 2.0, 0.5))
        if not factor or not self.fits(factor, part, fitted):
            return ""
        return f"; there claimed = {'-' if factor == -1.0 else f'{written(factor)} * '}measured"

    def offset(self) -> str:
        """Return words for a number that is added everywhere, if no factor fits."""
        whole = np.ones_like(self.wrong)
        number, factor = self.added(), self.factor(whole)[0]
        if not number or (factor and self.fits(factor, whole)):
            return ""
        return f"a constant added: claimed = measured + {number:.4g}".replace("+ -", "- ")

    def added(self) -> float:
        """Return the number that is added to every slope of the results that are wrong, or zero."""
        difference = self.claimed - self.measured
        best = np.unravel_index(int(np.argmin(np.where(self.wrong, self.bar, np.inf))), self.bar.shape)
        part = np.broadcast_to(self.wrong.any(axis=1, keepdims=True), self.wrong.shape)
        some_right = (part & ~self.wrong & np.isfinite(self.bar)).any()
        if difference.shape[1] < 3 or some_right:
            return 0.0
        number = float(difference[best])
        return number if self.explained(self.measured + number, self.bar + self.bar[best], part, 1) else 0.0

    def differences(self) -> str:
        """Return words for the largest differences."""
        difference = self.claimed[self.component] - self.measured[self.component]
        order = np.argsort(-abs(difference) * self.wrong[self.component], kind="stable")
        shown = [place for place in order[:3] if self.wrong[self.component, place]]
        parts = [f"{difference[i]:.4g} at {brackets(self.leaf.index(int(self.places[i])))}" for i in shown]
        return f"claimed - measured is {', '.join(parts)}" if len(self.places) > 1 and shown else ""


def orders(shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """Yield (words, the place of each element) for orders that the elements of a leaf may have by mistake."""
    own = np.arange(math.prod(shape)).reshape(shape)
    if len(shape) > 1 and shape[-1] == shape[-2]:
        dots = "..., " * (len(shape) > 2)
        yield f"transposed: claimed[{dots}i, j] = measured[{dots}j, i]", own.swapaxes(-1, -2)
    if len(shape) > 2 and shape == shape[::-1]:
        yield "transposed: all axes in reverse order", own.T
    if len(shape) > 1 and shape != shape[::-1]:
        yield "the elements of the transpose, in a wrong shape", own.T.reshape(shape)
    for axis, length in enumerate(shape):
        if length > 1:
            yield f"in reverse order along axis {axis}", np.flip(own, axis)
        if length > 2:
            yield f"shifted by one along axis {axis}", np.roll(own, 1, axis)
            yield f"shifted by one along axis {axis}", np.roll(own, -1, axis)
    if len(shape) > 1:
        yield "in reverse order along all axes", np.flip(own)


def written(factor: float) -> str:
    """Return a factor in a formula: "3", "3/7", "0.3183", "(1 + 1e-06)"."""
    if abs(factor - 1.0) < 5e-3:
        return f"(1 {'+' if factor > 1.0 else '-'} {abs(factor - 1.0):.3g})"
    fraction = Fraction(factor).limit_denominator(20)
    fits = math.isclose(float(fraction), factor, rel_tol=1e-12) and not math.isclose(
        float(f"{factor:.3g}"), factor, rel_tol=1e-12
    )
    return str(fraction) if fits else f"{factor:.4g}"

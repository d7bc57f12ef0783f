"""A guess at what is wrong with a gradient that failed, from how its claimed slopes differ from the measured ones.

A guess needs several coordinates that agree within their error bars. The most specific one that fits is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from autograd.verify.differences import Kind, long_look, quick_look
from autograd.verify.examination import Examination, Finding
from autograd.verify.report import Verdict, brackets
from autograd.verify.subjects import OUTSIDE, Leaf, PlainSubject, ValueSubject

Array = np.ndarray

#: Leaves of so many elements are measured wholly; of larger ones the worst, the largest and random ones, and partners of these.
WHOLE, LARGEST, RANDOM, PARTNERS = 24, 4, 10, 24
#: How many of its error bars apart slopes are different, and how many in size one is known well.
APART, CLEAR = 3.0, 30.0


def cause_of(examination: Examination, leaf: Leaf, found: list[Finding]) -> str:
    """A guess at the cause, which reads well after "perhaps", or "". It never raises; what it measures counts as evaluations.

    Args:
        examination: after its run.
        leaf: one whose gradient failed.
        found: its findings.
    """
    failed = [finding for finding in found if finding.verdict is Verdict.FAIL]
    try:
        with np.errstate(all="ignore"):
            return Evidence(examination, leaf, failed).guess() if failed else ""
    except Exception:  # the budget is spent, or the function raises at another input: the verdict stands without a guess
        return ""


class Evidence:
    """Claimed and measured slopes of one leaf, side by side.

    Attributes:
        claims: (components, inputs), as in the examination. c: the component of the worst finding.
        places: the coordinates of the leaf that are compared, and below them each array has one row for each component.
        claimed, measured, bar: (components, places).
    """

    def __init__(self, examination: Examination, leaf: Leaf, failed: list[Finding]) -> None:
        self.examination, self.subject, self.leaf = examination, examination.subject, leaf
        self.claims = examination.claims
        worst = max(failed, key=lambda finding: finding.rank)
        self.c = worst.component
        self.known: dict[int, tuple[Array, Array]] = {}
        self.places = self.chosen([int(finding.places[0]) for finding in failed if len(finding.places) == 1])
        slopes = [self.slopes(place) for place in self.places]
        self.claimed = self.claims[:, self.places]
        self.measured, self.bar = (np.array(rows).T for rows in zip(*slopes, strict=True))
        self.wrong = abs(self.claimed - self.measured) > APART * self.bar
        self.clear = abs(self.measured) > CLEAR * self.bar

    def chosen(self, failed: list[int]) -> Array:
        """The coordinates to compare: all of a small leaf."""
        inside = np.arange(self.leaf.start, self.leaf.stop)
        if len(inside) <= WHOLE:
            return inside
        largest = np.argsort(-abs(self.claims[self.c, inside]), kind="stable")[:LARGEST]
        spread = np.random.default_rng(len(inside)).choice(inside, RANDOM, replace=False)
        return np.unique([*failed[:LARGEST], *inside[largest], *spread])

    def slopes(self, place: int) -> tuple[Array, Array]:
        """The measured slope of every component at one coordinate, and the error bars; infinite where there is none."""
        if place not in self.known:
            one = np.array([place])
            along = self.examination.sizes[one]
            line, level = self.examination.line(one, along), self.examination.bits(one)
            claim, allowance = self.examination.claimed(one, along)
            value, bar, smooth = quick_look(line.samples([*self.examination.wide(one), *level.quick]))
            if not (smooth & (bar <= 1e-3 * np.maximum(abs(value), abs(claim)))).all():
                looked = long_look(line.samples(range(0, level.narrowest + 1, 2 if level.narrowest > 30 else 1)))
                value, bar, smooth = looked.value, looked.bar, looked.kind == Kind.SMOOTH
            bar = np.where(smooth & np.isfinite(value), bar + allowance, np.inf)
            self.known[place] = np.nan_to_num(value) / along[0], bar / abs(along[0])
        return self.known[place]

    # --- guesses --------------------------------------------------------------------------------

    def guess(self) -> str:
        """The most specific guess that the evidence supports."""
        if not np.isfinite(self.claimed).all() or not self.wrong.any():
            return ""
        guesses = (self.frozen, self.cut, self.scaled, self.turned, self.by_input, self.one_sided, self.offset, self.few)
        return next((text for text in (guess() for guess in guesses) if text), "") or self.rest()

    def frozen(self) -> str:
        """The claim of another call: it stays when the input moves, though the slope does not."""
        subject, claims = self.subject, self.claims[:, self.leaf.part]
        fixed = isinstance(subject, PlainSubject) and not callable(subject.claimed)  # arrays, which cannot move
        if fixed or not claims.any() or self.examination.mix is not None:
            return ""
        moved = subject.rounded(subject.point + 2.0**-4 * self.examination.sizes)
        try:
            there = subject.pull(self.examination.cotangents(), moved)[:, self.leaf.part]
        except OUTSIDE:
            return ""
        if not np.array_equal(there, claims):
            return ""
        along = np.zeros_like(subject.point)
        along[self.leaf.part] = self.examination.sizes[self.leaf.part]
        step = 2.0 ** -(self.examination.bits(self.places).noise // 3)
        ends = [subject.outputs(subject.rounded(at + side * step * along)) for at in (subject.point, moved) for side in (1, -1)]
        here, later = ends[0] - ends[1], ends[2] - ends[3]
        changed = abs(later - here) > 1e-2 * np.maximum(abs(later), abs(here)) + 8.0 * self.examination.noise
        return "the gradient of another input: it stays the same when the input moves, as if kept from another call" * bool(
            changed.any()
        )

    def cut(self) -> str:
        if self.claims[:, self.leaf.part].any():
            return ""
        if isinstance(self.subject, ValueSubject):
            how = "a rule of an operation" if self.examination.order > 1 else "the graph"
            return f"no gradient arrives, all claims are zero: is {how} cut by .data, .detach(), .item() or no_grad()?"
        return "no gradient arrives: all claims are zero"

    def scaled(self) -> str:
        """A constant factor, in every component or in that of the worst slope."""
        everywhere = np.ones_like(self.wrong)
        one = np.zeros_like(self.wrong)
        one[self.c] = True
        single = self.leaf.stop - self.leaf.start == 1
        for part in (everywhere, one):
            factor = self.factor(part)
            named = self.name_of(factor) if factor else ""
            if factor and (named or (part & self.clear).sum() > 1):
                return named or f"a constant factor: claimed = {written(factor)} * measured"
            if single and factor:
                return ""
        return ""

    def factor(self, part: Array, times: Array | None = None) -> float:
        """The factor between measured slopes, or these times other numbers, and the claims; 0.0 if there is none but 1."""
        times = np.ones_like(self.measured) if times is None else times
        known = part & self.clear & (times != 0.0)
        if not known.any() or np.isinf(self.bar[part]).all():
            return 0.0
        best = np.unravel_index(np.argmax(np.where(known, abs(self.measured) / self.bar, 0.0)), known.shape)
        factor = self.claimed[best] / (self.measured[best] * times[best])
        error = APART * self.bar[best] * (1.0 + abs(factor)) / abs(self.measured[best])
        simple = float(Fraction(factor).limit_denominator(1000)) if math.isfinite(factor) else 0.0
        factor = simple if abs(simple - factor) <= error else factor
        size = abs(factor * times)
        fits = abs(self.claimed - factor * times * self.measured) <= APART * (1.0 + size) * self.bar
        return 0.0 if not fits[part].all() or abs(factor - 1.0) <= error and (times == 1.0).all() else float(factor)

    def name_of(self, factor: float) -> str:
        """What a factor is known as: a sign, 2 or 1/2, or a length."""
        known = {-1.0: "the sign: claimed = -measured", 2.0: "a factor of 2 too much", 0.5: "a factor of 1/2 too much"}
        known |= {-2.0: "the sign, and a factor of 2 too much", -0.5: "the sign, and a factor of 1/2 too much"}
        for key, text in known.items():
            if math.isclose(factor, key, rel_tol=1e-12):
                return text
        for number, what, own in self.lengths():
            if math.isclose(factor, 1.0 / number, rel_tol=1e-12):
                rest = "as in a mean in place of a sum" if own else "or not summed over it"
                return f"divided by {what} once too often, {rest}"
            if math.isclose(factor, number, rel_tol=1e-12):
                return f"not divided by {what}" + ", as in a sum in place of a mean" * own
        return ""

    def lengths(self) -> Iterator[tuple[int, str, bool]]:
        """(length, what it is of, whether of this leaf)."""
        others = [leaf for leaf in self.subject.leaves if leaf is not self.leaf]
        for leaf in (self.leaf, *others):
            own = leaf is self.leaf
            named = [(n, f"the length {n} of axis {axis} of {leaf.name}") for axis, n in enumerate(leaf.shape)]
            named += [(leaf.stop - leaf.start, f"the number of elements of {leaf.name}, {leaf.stop - leaf.start}")]
            yield from ((number, text, own) for number, text in named if number > 2)
        for _, shape, _ in self.subject.output.parts:
            named = [(n, f"the length {n} of axis {axis} of the result") for axis, n in enumerate(shape)]
            yield from ((number, text, False) for number, text in named if number > 2)

    def turned(self) -> str:
        """The right numbers in other places: transposed, reversed, shifted, or those of another input."""
        if self.transposed_jacobian():
            return "the Jacobian is transposed: claimed[i, j] = measured[j, i]"
        size, shape = self.leaf.stop - self.leaf.start, self.leaf.shape
        own = np.arange(size).reshape(shape)
        orders: dict[str, Array] = {}
        if len(shape) > 1 and shape[-1] == shape[-2]:
            orders["transposed: claimed[..., i, j] = measured[..., j, i]".replace("..., ", "" if len(shape) == 2 else "..., ")] = (
                own.swapaxes(-1, -2)
            )
        if len(shape) > 2 and shape == shape[::-1]:
            orders["transposed: all axes in reverse order"] = own.T
        if len(shape) > 1 and shape != shape[::-1]:
            orders["in Fortran order in place of C order"] = own.T.reshape(shape)
        for axis, length in enumerate(shape):
            if length > 1:
                orders[f"in reverse order along axis {axis}"] = np.flip(own, axis)
            if length > 2:
                orders[f"shifted by one along axis {axis}"] = np.roll(own, 1, axis)
                orders[f"shifted by one along axis {axis}, to the front"] = np.roll(own, -1, axis)
        if len(shape) > 1:
            orders["in reverse order"] = own.reshape(-1)[::-1].reshape(shape)
        for text, order in orders.items():
            if self.permuted(self.leaf.start + order.reshape(-1)):
                return text
        for leaf in self.subject.leaves:
            if leaf is not self.leaf and leaf.shape == shape and self.permuted(np.arange(leaf.start, leaf.stop), leaf):
                return f"exchanged with the gradient of {leaf.name}"
        return ""

    def transposed_jacobian(self) -> bool:
        square = self.examination.mix is None and self.claims.shape == self.measured.shape and len(self.claims) == len(self.places)
        if not square or len(self.places) < 2:
            return False
        bars = APART * (self.bar + self.bar.T)
        differs = abs(self.measured - self.measured.T) > bars
        return bool(differs.any() and (abs(self.claimed - self.measured.T) <= bars).all())

    def permuted(self, partners: Array, other: Leaf | None = None) -> bool:
        """Whether the claim at each place is the slope measured at its partner, and for another leaf also the other way."""
        agreeing = 0
        order = np.argsort(-self.wrong[self.c].astype(int), kind="stable")  # the wrong ones first, as they tell the most
        for place in self.places[order]:
            partner = int(partners[place - self.leaf.start])
            pairs = [(place, partner)] if other is None else [(place, partner), (partner, place)]
            for claimed, measured in pairs:
                if measured not in self.known and len(self.known) >= len(self.places) + PARTNERS:
                    continue
                slopes, bars = self.slopes(measured)
                own = self.slopes(claimed)[0]
                if (abs(self.claims[:, claimed] - slopes) > APART * bars).any():
                    return False
                agreeing += bool((abs(own - slopes) > 2.0 * APART * bars).any())
        return agreeing >= 2

    def by_input(self) -> str:
        """The input itself as a factor, as where a chain rule is forgotten or applied twice."""
        x = np.broadcast_to(self.subject.point[self.places], self.measured.shape)
        several = len(np.unique(abs(x[self.clear]))) > 1
        everywhere = np.ones_like(self.wrong)
        for times, what in ((x, "times the input"), (np.where(x != 0.0, 1.0 / x, 1.0), "divided by the input")):
            factor = self.factor(everywhere, times) if several else 0.0
            if factor:
                return f"{what}: claimed = {'' if factor == 1.0 else f'{written(factor)} * '}measured{what[0] == 't' and ' *' or ' /'} input"
        return ""

    def one_sided(self) -> str:
        """Right only where the input, or the slope, is positive, or only where it is negative."""
        wrong, right = self.wrong_places(), self.right_places()
        if wrong.sum() < 2 or right.sum() < 2:
            return ""
        rows = np.argmax(np.where(np.isfinite(self.bar), abs(self.measured), 0.0), axis=0)
        steepest = self.measured[rows, np.arange(len(self.places))]
        for what, number in (("the input", self.subject.point[self.places]), ("the slope", steepest)):
            for sign, word in ((1.0, "positive"), (-1.0, "negative")):
                if (sign * number[right] > 0.0).all() and (sign * number[wrong] <= 0.0).all():
                    return f"right only where {what} is {word}{self.elsewhere(wrong)}"
        return ""

    def elsewhere(self, wrong: Array) -> str:
        """What the claims are where they are wrong."""
        part = np.broadcast_to(wrong, self.wrong.shape)
        if not self.claimed[part].any():
            return ", and zero elsewhere"
        factor = self.factor(part)
        return f", elsewhere claimed = {'-' if factor == -1.0 else f'{written(factor)} * '}measured" if factor else ""

    def wrong_places(self) -> Array:
        return np.asarray(self.wrong.any(axis=0))

    def right_places(self) -> Array:
        """Where every component is right, and one at least is known well and not zero."""
        return np.asarray(~self.wrong_places() & (self.clear & ~self.wrong).any(axis=0))

    def offset(self) -> str:
        """The same number added everywhere."""
        difference, bar = self.claimed[self.c] - self.measured[self.c], self.bar[self.c]
        if len(difference) < 3 or not np.isfinite(bar).all():
            return ""
        best = int(np.argmin(bar))
        same = abs(difference - difference[best]) <= APART * (bar + bar[best])
        if same.all() and abs(difference[best]) > CLEAR * bar[best]:
            return f"a constant added: claimed = measured + {difference[best]:.4g}".replace("+ -", "- ")
        return ""

    def few(self) -> str:
        """Wrong at a few elements only, or in one slice."""
        wrong, right = self.wrong_places(), self.right_places()
        number, names = int(wrong.sum()), [brackets(self.leaf.index(int(place))) for place in self.places[wrong]]
        if right.sum() < 2 or np.isinf(self.bar).any():
            return ""
        rest = self.elsewhere(wrong).replace(", and zero elsewhere", ": zero is claimed there").replace(", elsewhere", ": there")
        if number == 1 or 4 * number <= len(wrong):
            return f"wrong only at {', '.join(names)}, right at the other {len(wrong) - number} that were compared{rest}"
        indices = np.array([self.leaf.index(int(place)) for place in self.places])
        for axis in range(indices.shape[1]) if indices.shape[1] > 1 else ():
            there = np.unique(indices[wrong, axis])
            if len(there) == 1 and not (right & (indices[:, axis] == there[0])).any():
                return f"wrong only where the index of axis {axis} is {there[0]}{rest}"
        return ""

    def rest(self) -> str:
        """What is left: the differences themselves."""
        order = np.argsort(-abs(self.claimed - self.measured)[self.c] * self.wrong[self.c], kind="stable")
        shown = [place for place in order[:3] if self.wrong[self.c, place]]
        if len(self.places) < 2 or not shown:
            return ""
        parts = [
            f"{self.claimed[self.c, place] - self.measured[self.c, place]:.4g} at {brackets(self.leaf.index(int(self.places[place])))}"
            for place in shown
        ]
        return f"a term is missing or wrong: claimed - measured is {', '.join(parts)}"


def written(factor: float) -> str:
    """A factor in a formula: "3/7", "0.3183", "(1 + 1e-06)"."""
    if abs(factor - 1.0) < 5e-3:
        return f"({1} {'+' if factor > 1.0 else '-'} {abs(factor - 1.0):.3g})"
    fraction = Fraction(factor).limit_denominator(100)
    return str(fraction) if math.isclose(float(fraction), factor, rel_tol=1e-12) else f"{factor:.4g}"

"""Compare the claimed slope with the measured one along a line through the point.

A claim is accepted if it is as near to the measured slope as the error bar of the measurement and the rounding of the claim
allow, and if that error bar is short enough. Both are in the units of this one slope, so that no verdict changes with the units
of an input or a result:
- the error bar comes from the noise of this output (differences.py);
- the rounding of the claim is how much it changes when everything on the way back to this coordinate changes at random by a
  unit in the last place, and how much it varies over neighbouring inputs. Terms that cancel in this slope count with their
  sizes before; slopes of other coordinates and outputs do not count.
A claim far outside of the error bar is never accepted. Where the error bar is too wide, a claim is accepted only as "zero but
for rounding": if claim and measured slope are both within the rounding of what cancels there, or if exactly zero is claimed and
the function moves by no more than its own rounding. Otherwise the verdict is INCONCLUSIVE.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd.verify.measure.claims import OF_CLAIM, Claims
from autograd.verify.measure.differences import (
    Kind,
    Line,
    Samples,
    Slopes,
    close_look,
    is_still,
    long_look,
    noise_of,
    plain_kinks,
    quick_look,
)
from autograd.verify.measure.opinions import complex_step, forward_mode, jump_nearby, near_by, refuted, taylor, torn
from autograd.verify.measure.scales import wider_steps
from autograd.verify.measure.verdicts import HIDDEN, Finding, judge, tiny_difference
from autograd.verify.report import Verdict
from autograd.verify.subjects.subject import Subject

Array = np.ndarray

#: Where the slope is zero, as at a minimum, a coordinate is resolved if its error bar is at most this part of the slopes over
#: wide steps.
OF_WIDE = 1e-6
#: The largest error bar with which rounding is told from a slope, in units of its estimate.
HEARD = 1e4
#: The number of wrong slopes on which there are second opinions.
CONFIRM = 3
#: The number of coordinates at zero that are measured with steps narrower than elsewhere.
NARROWED = 8
#: The widest step, as a power of two.
WIDEST = 1000
ELSEWHERE = "near zero the function has another slope over very narrow steps, which may be rounding"


def merged(where: Array, one: Slopes, other: Slopes) -> Slopes:
    """Return the slopes of one look at a line for some components, and of another look for the rest."""
    return Slopes(**{name: np.where(where, getattr(one, name), old) for name, old in vars(other).items()})


class Comparison(Claims):
    """The claims of a subject, compared with the slopes along lines through the point.

    Attributes:
        found: the findings so far.
        evidence: the sentences of second opinions.
    """

    def __init__(self, subject: Subject, order: int, seed: int) -> None:
        super().__init__(subject, order, seed)
        self.found: list[Finding] = []
        self.evidence: list[str] = []
        self.confirmations = self.narrowed = 0

    def compare(self, sets: Sequence[tuple[Array, Array]], roughly: bool = False, keep: bool = False) -> list[list[Finding]]:
        """Return findings for each of several lines: a first look at all together, and a long one where that does not decide.

        Args:
            sets: for each line the coordinates it runs through, and their parts of the direction.
            roughly: whether a FAIL of the first look is enough, while only the wrong coordinate is sought.
            keep: whether to add the findings of each line to `found` at once, so that none is lost when the budget is spent.
        """
        lines = [self.line(places, along) for places, along in sets]
        by_levels: dict[tuple[int, ...], list[int]] = {}
        for number, (places, _) in enumerate(sets):
            level = self.bits(places)
            by_levels.setdefault((*self.own_size(places), *level.quick), []).append(number)
        looks: dict[int, Any] = {}
        for levels, numbers in by_levels.items():
            samples = Samples.side_by_side([lines[number].samples(levels) for number in numbers])
            found = (*quick_look(samples), is_still(samples), *plain_kinks(samples))
            shaped = [item.reshape(len(numbers), -1) for item in found]
            looks.update({number: tuple(item[i] for item in shaped) for i, number in enumerate(numbers)})
        results = []
        for number, (places, along) in enumerate(sets):
            value, bar, smooth, still, *kinks = looks[number]
            hidden = wider_steps(lines[number], still) if still.all() else np.zeros(len(still), dtype=int)
            look = (value, bar, smooth, still & (hidden == 0) & self.zero_claimed(places), *kinks)
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
        """Return the level of a step as wide as the coordinate is large, where coordinates are compared one by one."""
        return (0,) if self.by_itself(places) else ()

    def first_verdicts(self, places: Array, along: Array, look: Any, roughly: bool) -> list[Finding]:
        """Return findings from the first look, or none if it does not decide."""
        value, bar, smooth, still, kink, left, right = look
        claim, allowance = self.claimed(places, along)
        with np.errstate(all="ignore"):
            goal = self.sharp(places) * abs(claim) if self.by_itself(places) else self.limits(places, along).min(axis=1)
            known = smooth & ((bar <= goal) | still)
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
                Finding(places, c, verdict, one, two, error, "", between).per(size)
                for c, (verdict, one, two, error, between) in enumerate(several)
            ]
        verdicts = [Verdict.PASS if agree else Verdict.FAIL for agree in known & agrees]
        if not (known & agrees).all() and not (roughly and ((known & agrees) | differs).all()):
            return []
        size = float(along[0]) if len(places) == 1 else 1.0  # a coordinate in its own units
        claim, value, bar = claim / size, value / size, (bar + allowance) / abs(size)
        return [Finding(places, c, verdicts[c], claim[c], value[c], bar[c]) for c in range(len(claim))]

    def look_long(self, places: Array, along: Array, line: Line, hidden: Array) -> list[Finding]:
        """Return findings from all levels that make sense, and from wider ones while they help.

        Args:
            hidden: the exponents of the steps that first move each component, as wider_steps() gives them.
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
            wider.span[~self.zero_claimed(places)] = 0.0  # a change so far away does not measure a slope here
            slopes = merged(hidden > 0, wider, slopes)
        slopes, close = self.beside(places, line, samples, slopes)
        if len(places) == 1 and self.unsized[places[0]]:
            slopes, closer = self.narrower(places, along, line, slopes)
            close |= closer
        for _ in range(10):  # wider steps rise above the noise
            claim, _ = self.claimed(places, along)
            zero = slopes.still & self.zero_claimed(places)
            with np.errstate(all="ignore"):
                quiet = (slopes.kind == Kind.SMOOTH) & (slopes.bar > 0.3 * OF_CLAIM * abs(claim)) & ~zero
                quiet &= abs(claim - slopes.value) <= 3.0 * slopes.bar
            if not quiet.any() or levels[0] - 3 * step < -WIDEST:
                break
            levels = [levels[0] - 3 * step, levels[0] - 2 * step, levels[0] - step, *levels]
            more = line.samples(levels)
            wider = long_look(more)
            with np.errstate(all="ignore"):
                lost = quiet & (abs(claim - wider.value) > 3.0 * wider.bar)  # too wide for this point
            if lost.any() or not (wider.bar < 0.7 * slopes.bar)[quiet].any():
                break
            samples, slopes = more, merged(close | zero, slopes, wider)
        return self.decide(places, along, line, slopes, samples, close)

    def narrower(self, places: Array, along: Array, line: Line, slopes: Slopes) -> tuple[Slopes, Array]:
        """Return the slopes of a coordinate at zero, where steps may be as narrow as is needed, and where narrower ones decide.

        They are tried where wider ones find no slope, one too vague to compare, or one that differs from the claim.
        """
        level = self.bits(places)
        claim, allowance = self.claimed(places, along)
        told = np.zeros(len(claim), dtype=bool)
        nonzero, sharp = ~self.zero_claimed(places), self.sharp(places)

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
                found = asked & (window.kind == Kind.SMOOTH) & ~window.still
                found &= window.bar <= OF_CLAIM * np.maximum(abs(window.value), abs(claim))
                other = abs(window.value - slopes.value) > 3.0 * (window.bar + slopes.bar)
                found &= (slopes.kind != Kind.SMOOTH) | (window.bar < slopes.bar) | other
                slopes = merged(found, window, slopes)
                told |= found
                start += level.narrowest
                if window.still.all():
                    break
                if not (asked & open_ones()).any():
                    break
        return slopes, told

    def elsewhere(self, places: Array, along: Array, slopes: Array) -> Array:
        """Return whether slopes clearly differ from the claims; False for nan."""
        claim, allowance = self.claimed(places, along)
        return np.asarray(abs(claim - slopes) > 2.0 * allowance)

    def deeper(self, line: Line) -> Array:
        """Return the slope over two very narrow steps where a coordinate and the function are zero, if both agree; elsewhere nan.

        Nothing has a size there: wider steps may show another function, and narrower ones the rounding of intermediate results.
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
        """Return the slopes after a look at neighbouring inputs, near an end of the domain or a pole, and where it decides.

        The narrowest step that makes sense elsewhere leads beyond an edge or a pole.
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
            # A jump persists down to the last place; at an edge there is nothing on the other side.
            ratio = (ends[0] - ends[1]) / (samples.rise[-1] + samples.drop[-1])
            goes_on = ~((ratio > 0.7) & (ratio < 1.4))
            one_sided = ~np.isfinite(forward).any(axis=0) | ~np.isfinite(backward).any(axis=0)
            near = unsure & ~better & np.isfinite(ends).all(axis=0) & (one_sided | odd & goes_on & (slopes.kind == Kind.JUMP))
        kind = np.where(better, Kind.SMOOTH, np.where(near, Kind.BESIDE, slopes.kind))
        values, bars = np.where(better, value, slopes.value), np.where(better, bar, slopes.bar)
        sides = {side: np.where(better, value, getattr(slopes, side)) for side in ("left", "right")}
        return replace(slopes, value=values, bar=bars, kind=kind, **sides), better

    def decide(self, places: Array, along: Array, line: Line, slopes: Slopes, samples: Samples, close: Array) -> list[Finding]:
        """Return the verdict on each component of a line."""
        claim, allowance = self.claimed(places, along)
        slopes.still &= self.zero_claimed(places)
        with np.errstate(all="ignore"):
            apart = (slopes.kind == Kind.SMOOTH) & (abs(claim - slopes.value) > slopes.bar + allowance)
            needed = self.limits(places, along).min(axis=1)
            # Where the slope is zero, as at a minimum, it is measured by the slopes over steps as wide as the input.
            zero = (abs(claim) <= slopes.bar) & (len(places) == 1)
            needed = np.maximum(needed, np.where(zero, self.at_least(OF_WIDE, places) * slopes.span, 0.0))
            # Where nothing moves nearby, and the function jumps further off: zero to eight digits of the function.
            rest = self.zero_claimed(places) & (slopes.value == 0.0) & (slopes.bar <= 1e-8 * abs(self.middle))
            needed = np.where(rest, np.inf, needed)
            if self.doubt is None and (apart | (slopes.bar > needed)).any():
                self.doubt = self.uncertain()
                claim, allowance = self.claimed(places, along)
            # Zero to the rounding of the function: no difference could show more.
            floor = 1e3 * np.fmax(self.epsilon(places) * abs(self.middle), self.rounded)
            quiet = self.zero_claimed(places) & (abs(slopes.value) <= 3.0 * slopes.bar) & (slopes.bar <= floor)
            needed = np.where(quiet, np.inf, needed)
            slopes.bar[quiet] = np.maximum(slopes.bar, abs(slopes.value))[quiet]
            if self.doubt is not None:  # zero but for the rounding of what cancels in this slope
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
                reason = "only one step width tells claim and measurement apart, which may be chance"
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
            findings.append(finding.per(float(along[0])) if len(places) == 1 else finding)
        return findings

    def overflow(self, places: Array, along: Array) -> float:
        """Return the slope along a coordinate that is too large for its dtype; infinite for a direction."""
        dtype = next(leaf.dtype for leaf in self.subject.leaves if leaf.has(places))
        return float(np.finfo(dtype).max) * float(abs(along[0])) if len(places) == 1 and dtype.kind == "f" else math.inf

    def confirmed(self, finding: Finding, along: Array, line: Line, far: float, far_bar: float, wide: bool) -> Finding:
        """Return a FAIL after second opinions, which may turn it into INCONCLUSIVE, or into KINK at a tie of several inputs.

        With `wide` the slope was measured with wide steps, and opinions that need such steps count as well.
        """
        c, claimed, measured, bar = finding.component, finding.claimed, finding.measured, finding.bar
        if self.confirmations >= CONFIRM or not (math.isfinite(claimed) and math.isfinite(measured)):
            return finding
        wide &= finding.between is None
        if wide and len(finding.places) == 1 < len(self.subject.point) and near_by(self, finding, along):
            reason = "a tie, or another kink of several inputs: the slopes at points around lie on both sides of the claim"
            return replace(finding, verdict=Verdict.KINK, reason=reason)
        size = float(along[0]) if len(finding.places) == 1 else 1.0  # sentences use the units of a coordinate
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

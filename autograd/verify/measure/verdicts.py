"""Judge one claimed slope by the shape of the function along a line."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd.verify.measure.claims import OF_CLAIM
from autograd.verify.measure.differences import Kind, Slopes
from autograd.verify.report import Verdict

Array = np.ndarray

#: A relative difference below this is no mistake in a formula.
TINY = 5e-7
HIDDEN = "its error bar is too wide: the rounding noise of the function hides the slope"


@dataclass(frozen=True)
class Finding:
    """The result of one comparison: of a single coordinate, or of a direction through several."""

    places: Array  # in the flat vector
    component: int
    verdict: Verdict
    claimed: float
    measured: float
    bar: float
    reason: str = ""
    between: tuple[float, float] | None = None
    unresolved: tuple[int, ...] = ()

    def per(self, size: float) -> Finding:
        """Return the finding along a step of that size, per unit of the coordinate."""
        between, reason = self.between, self.reason
        if between is not None:
            between = (between[0] / size, between[1] / size)
            reason = one_sided(*between)
        return replace(
            self, claimed=self.claimed / size, measured=self.measured / size, bar=self.bar / abs(size), between=between,
            reason=reason,
        )  # fmt: skip


def one_sided(left: float, right: float) -> str:
    return f"the one-sided slopes are {left:.6g} and {right:.6g}"


def judge(
    claim: float, allowance: float, slopes: Slopes, c: int, needed: float, overflow: float
) -> tuple[Verdict, float, float, str, tuple[float, float] | None]:
    """Judge one claimed slope: (verdict, measured, error bar, reason, the one-sided slopes at a kink)."""
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
        reason = one_sided(left, right)
        return result(Verdict.KINK if inside else Verdict.FAIL, reason, (left, right))
    if kind == Kind.STAIRS:
        far = float(slopes.far[c])
        if claim == 0.0 or abs(claim - far) <= 3.0 * float(slopes.far_bar[c]):
            reason = f"the function is a staircase: its slope is 0 on each step, and {far:.6g} from afar"
            return result(Verdict.INCONCLUSIVE, reason)
        return result(Verdict.FAIL)
    if not math.isfinite(value) or not math.isfinite(bar):
        return result(Verdict.INCONCLUSIVE, "no difference converges: the function is too rough here")
    if math.isinf(claim) and claim * value > 0.0 and abs(value) + tolerance >= overflow:
        return result(Verdict.PASS)  # no number of this dtype is larger
    if math.isinf(claim):
        return result(Verdict.FAIL, "the claimed slope is infinite, the measured one is not")
    if abs(claim - value) <= tolerance:
        if bar <= needed or slopes.still[c]:
            return result(Verdict.PASS)
        return result(Verdict.INCONCLUSIVE, HIDDEN)
    far, far_bar = float(slopes.far[c]), float(slopes.far_bar[c])
    if slopes.amplitude[c] > 0.0 and abs(claim - far) <= far_bar + allowance and far_bar <= OF_CLAIM * abs(far):
        return result(
            Verdict.INCONCLUSIVE,
            f"the function is rough: from afar its slope is {far:.6g}, as claimed, but close by {value:.6g}",
        )
    if abs(claim - value) <= 3.0 * tolerance:
        return result(
            Verdict.INCONCLUSIVE, "the difference is within three times the error bar: the noise is too large to decide"
        )
    return result(Verdict.FAIL)


def tiny_difference(finding: Finding) -> Finding:
    """Turn a FAIL into INCONCLUSIVE if the slopes differ by less than TINY: not a mistake in a formula, but an approximation."""
    claimed, measured = finding.claimed, finding.measured
    if not abs(claimed - measured) < TINY * max(abs(claimed), abs(measured)):
        return finding
    reason = (
        f"they differ by {abs(claimed - measured) / abs(measured):.1g} of the slope, more than the error bar, but too little "
        "for a mistake: one of them is an approximation, such as from a solver that stops early"
    )
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason)

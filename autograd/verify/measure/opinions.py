"""Second opinions on a slope that looks wrong, by other means than the differences that disagree with it.

Each is a sentence of evidence; one that supports the claim turns FAIL into INCONCLUSIVE.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from autograd.backward import Pullback
from autograd.op import is_value
from autograd.value import Value
from autograd.verify.measure.claims import Claims
from autograd.verify.measure.differences import Line, Samples, candidates
from autograd.verify.measure.verdicts import Finding
from autograd.verify.subjects.numpy_functions import NumPySubject
from autograd.verify.subjects.subject import Subject, as_vector
from autograd.verify.subjects.values import ValueSubject

Array = np.ndarray

#: The number of points around a kink at which slopes are measured.
NEARBY = 16


class Opinion(NamedTuple):
    """A sentence, and whether it supports the claim."""

    sentence: str
    for_claim: bool = False


def refuted(samples: Samples, claimed: float, component: int) -> bool:
    """Return whether estimates from two step widths far apart contradict a claimed slope: one alone may be chance."""
    _, _, central = samples.sides()
    if not np.isfinite(central[:, component]).any() or not np.isfinite(claimed):
        return True  # at an edge of the domain there is only one side, and no central difference
    width = samples.width[:, component : component + 1]
    with np.errstate(all="ignore"):
        noise = samples.noise[:, component : component + 1] / width
        estimate, bar, end, wrong = candidates(central[:, component : component + 1], width**2, noise)
        against = ~wrong[:, 0] & np.isfinite(bar[:, 0]) & (abs(estimate[:, 0] - claimed) > 1.5 * bar[:, 0])
    ends = samples.width[end[against], component]
    return bool(against.any()) and float(ends.max()) >= 8.0 * float(ends.min())


def taylor(line: Line, claimed: float, component: int) -> Opinion | None:
    """Return how the remainder ``f(t) - f(-t) - 2 t claimed`` shrinks: like t^3 with the right slope, like t with a wrong one."""
    steps = sorted({t for t in line.known if t > 0.0 and -t in line.known})
    heard: list[tuple[float, float]] = []
    for t in steps:  # the narrowest first
        plus, minus = line.known[t], line.known[-t]
        ahead, behind = abs(plus.distance), abs(minus.distance)
        rest = abs(float(plus.outputs[component] - minus.outputs[component]) - (ahead + behind) * claimed)
        noise = float(np.broadcast_to(line.noise_at(plus, minus), line.middle.shape)[component])
        if math.isfinite(rest) and rest > 8.0 * noise and (not heard or t >= 4.0 * heard[-1][0]):
            heard.append((t, rest))
        if len(heard) == 2:
            break
    if len(heard) < 2 or heard[0][1] == 0.0:
        return None
    power = math.log(heard[1][1] / heard[0][1]) / math.log(heard[1][0] / heard[0][0])
    return Opinion(
        f"the Taylor remainder shrinks like h^{power:.2f} with the step h; with the right slope it shrinks like h^3",
        power > 2.2,
    )


def complex_step(
    subject: Subject, along: Array, claimed: float, measured: float, bar: float, component: int, unit: float
) -> Opinion | None:
    """Return the slope from one imaginary step, where the function takes complex numbers. It is exact if f is analytic.

    All slopes are along a direction; the sentence divides them by `unit`.
    """
    found = subject.complex_step(along) if isinstance(subject, NumPySubject) else None
    if found is None or not math.isfinite(found[component]):
        return None
    slope = float(found[component])
    near = 1e-9 * abs(slope)
    if abs(slope - claimed) <= near:
        sharp = bar < 1e-3 * abs(claimed - measured)  # then the function is not analytic, and the measured slope is right
        return Opinion(f"the complex step gives {slope / unit:.9g}, as claimed", not sharp)
    if abs(slope - measured) <= bar + near:
        return Opinion(f"the complex step gives {slope / unit:.9g}, as measured")
    return None


def forward_mode(subject: Subject, along: Array, claimed: float, cotangent: Array) -> Opinion | None:
    """Run the dot-product test: forward mode, derived from the same rules, must give the same slope as reverse mode."""
    if not isinstance(subject, ValueSubject):
        return None
    try:
        with np.errstate(all="ignore"):
            subject.move(subject.point)
            results = [item if is_value(item) else Value(item) for _, item in subject.results()]
            seeds = [Value(np.linspace(0.5, 1.5, item.size).reshape(item.shape).astype(item.dtype)) for item in results]
            terms = [
                (c * leaf.shaped(along)).sum()
                for item, seed in zip(results, seeds, strict=True)
                for leaf, c in zip(subject.leaves, Pullback(item, subject.values)(seed, on_values=True), strict=True)
                if is_value(c)
            ]
            if not terms:
                return None
            tangents = Pullback(sum(terms[1:], terms[0]), seeds)(1.0)
            slope = float(np.dot(as_vector(tangents), cotangent))
    except Exception:  # perhaps a rule cannot be differentiated again
        return None
    if not math.isfinite(slope):
        return None
    same = abs(slope - claimed) <= 1e-6 * max(abs(slope), abs(claimed))
    which = "as in reverse mode: the rules agree" if same else "not as in reverse mode: a rule is not linear in its cotangent"
    return Opinion(f"forward mode along the same direction gives {slope:.9g}, {which}")


def torn(line: Line, claimed: float, measured: float, far: float, far_bar: float, component: int) -> Opinion | None:
    """Return an opinion if the function is in pieces with slopes unlike its slope from afar, such as with coarse rounding.

    It is sampled over a few times the width at which the measured slope still holds.
    """
    if not abs(claimed - far) <= far_bar or not far_bar <= 1e-2 * abs(measured):
        return None
    holds = 0.0
    for t, point in line.known.items():
        slope = (point.outputs[component] - line.middle[component]) / t
        if abs(slope - measured) <= 0.1 * abs(measured):
            holds = max(holds, abs(t))
    if not holds:
        return None
    values = np.array([line.at(4.0 * holds * i / 32.0).outputs[component] for i in range(1, 33)])
    steps = abs(np.diff(values))
    beside = np.maximum(steps[:-2], steps[2:])
    jumps = (steps[1:-1] > 8.0 * beside) & (steps[1:-1] > 20.0 * line.noise_of(component))
    if np.isfinite(values).all() and jumps.any():
        return Opinion(
            f"the function is in pieces of a width of about {holds:.1g} of the input, with jumps between them; from afar "
            f"its slope is within {far_bar:.2g} of the claim",
            True,
        )
    return None


def jump_nearby(line: Line, claimed: float, measured: float, component: int) -> Opinion | None:
    """Return an opinion if the function jumps nearby, by enough to explain the difference of the slopes."""
    reach, count = 0.25, 64

    def at(t: float) -> float:
        return float(line.at(t).outputs[component]) if t else float(line.middle[component])

    places = np.linspace(-reach, reach, count + 1)
    values = np.array([at(t) for t in places])
    if not np.isfinite(values).all():
        return None
    fifth = abs(np.diff(values, 5))
    typical, largest = float(np.median(fifth)), float(fifth.max())
    if largest < 200.0 * line.noise_of(component):
        return None
    if largest < 30.0 * typical:  # everywhere alike: noise, or a fast oscillation
        again = float(np.median(abs(np.diff(values, 6))))
        size = typical / 16.0 if again > 1.2 * typical else 0.0
    else:
        place = int(np.argmax(fifth)) + 2
        low, high, sizes = places[place - 1], places[min(place + 2, count)], []
        for _ in range(6):  # into the steepest eighth: the change across it stays if it is a jump
            inside = np.linspace(low, high, 9)
            change = abs(np.diff([at(t) for t in inside]))
            steepest = int(np.argmax(abs(change - np.median(change))))
            low, high = inside[steepest], inside[steepest + 1]
            sizes.append(float(change[steepest]))
        size = sizes[-1] if sizes[-1] > max(0.5 * sizes[2], 20.0 * line.noise_of(component)) else 0.0
    small = size < 1e-3 * float(np.ptp(values))  # larger jumps are not unevenness, but the shape of the function
    if size and small and abs(claimed - measured) * reach <= 4.0 * size:
        sentence = f"the function is uneven nearby, by {size:.2g}: its slope over a wider step cannot be told from the claim"
        return Opinion(sentence, True)
    return None


def near_by(claims: Claims, finding: Finding, along: Array) -> bool:
    """Return whether the claim is among different slopes at points around: in Clarke's generalised gradient at a kink."""
    subject, places, c = claims.subject, finding.places, finding.component
    bits = claims.bits(np.arange(len(subject.point))).narrowest
    around, step = 2.0 ** -(2 * bits // 3), 2.0 ** -(4 * bits // 5)
    own = np.zeros_like(subject.point)
    own[places] = along / claims.sizes[places]
    signs = [np.ones_like(own), -np.ones_like(own), own, -own, *claims.rng.uniform(-1.0, 1.0, (NEARBY, len(own)))]
    slopes = []
    for sign in signs:
        ends = []
        for side in (1.0, -1.0):
            vector = subject.point + around * sign * claims.sizes
            vector[places] += side * step * along
            ends.append(claims.mixed(subject.outputs(subject.rounded(vector)))[c])
        slopes.append((ends[0] - ends[1]) / (2.0 * step))
    slopes = [slope for slope in slopes if math.isfinite(slope)]
    if not slopes:
        return False
    low, high = min(slopes), max(slopes)
    noise = float(claims.noise[c]) / step
    if high - low <= 1e-3 * max(abs(low), abs(high)) + 4.0 * noise:
        return False
    margin = 0.02 * (high - low) + noise
    return low - margin <= finding.claimed <= high + margin

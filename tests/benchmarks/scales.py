"""Check the written cases at many scales: a verdict on a gradient must not depend on the units of the result or of an input.

``python -m tests.benchmarks.scales`` multiplies every result, all inputs together and each of several inputs by powers of two,
as far as the dtype holds values and slopes in full precision, and counts verdicts. ``--part 1/4`` runs a part of the cases.
"""

from __future__ import annotations

import argparse
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.verify import check_gradients
from tests.benchmarks.tables import markdown, write_table
from tests.verify.gradient_cases import CASES, Case

#: The exponents of the powers of two, by the dtype of the inputs.
EXPONENTS = {
    "float64": (-300, -100, -30, -7, 7, 30, 100, 300),
    "float32": (-60, -30, -15, -6, 6, 15, 30, 60),
    "float16": (-6, -4, -2, -1, 1, 2, 4, 6),
}  # fmt: skip
RESULT = -1  # what is scaled: the result, or an input, or all of them
ALL = -2
ACCEPTED, OPEN = ("PASS", "KINK"), ("INCONCLUSIVE", "JUMP")


class Scaled(NamedTuple):
    """A case in other units.

    Attributes:
        case, number: the case as written, and its number.
        what: RESULT, ALL inputs, or the number of an input.
        exponent: the exponent of the power of two to multiply by.
    """

    case: Case
    number: int
    what: int
    exponent: int

    def __str__(self) -> str:
        name = {RESULT: "result", ALL: "inputs"}.get(self.what, f"input {self.what}")
        return f"{name} * 2^{self.exponent}: {self.case.family}: {self.case.name}"

    def scales(self) -> list[int]:
        """Return the exponent for each input."""
        numbers = range(len(self.case.inputs))
        return [self.exponent if self.what in (ALL, number) else 0 for number in numbers]

    @property
    def inputs(self) -> tuple[Any, ...]:
        return tuple(times(item, e) for item, e in zip(self.case.inputs, self.scales(), strict=True))

    def function(self, *inputs: Any) -> Any:
        result = self.case.function(*self.unscaled(inputs))
        return times(result, self.exponent) if self.what == RESULT else result

    def gradient(self, *inputs: Any) -> Any:
        claims = self.case.gradient(*self.unscaled(inputs))
        parts = claims if isinstance(claims, tuple) else (claims,)
        own = [self.exponent if self.what == RESULT else -e for e in self.scales()]
        found = tuple(times(part, e) for part, e in zip(parts, own, strict=True))
        return found if isinstance(claims, tuple) else found[0]

    def unscaled(self, inputs: Sequence[Any]) -> list[Any]:
        return [times(item, -e) for item, e in zip(inputs, self.scales(), strict=True)]

    def fits(self) -> bool:
        """Whether inputs, values and slopes are in the range of the dtype, in full precision."""
        with np.errstate(all="ignore"):
            here = [*self.inputs, self.function(*self.inputs), *each(self.gradient(*self.inputs))]
            before = [*self.case.inputs, self.case.function(*self.case.inputs), *each(self.case.gradient(*self.case.inputs))]
        return all(map(in_range, here, before))


def each(claims: Any) -> Any:
    return claims if isinstance(claims, tuple) else (claims,)


def in_range(item: Any, before: Any) -> bool:
    """Whether scaling is exact, and far enough from the ends of the range that steps are exact, too."""
    array = np.asarray(item)
    limits = np.finfo(array.dtype if array.dtype.kind == "f" else float)
    largest = float(np.max(abs(np.nan_to_num(array, posinf=0.0, neginf=0.0)), initial=0.0))
    small = 0.0 < largest < float(limits.tiny) / float(limits.eps) ** 0.75
    lost = np.count_nonzero(array) < np.count_nonzero(before) or (~np.isfinite(array)).sum() > (~np.isfinite(before)).sum()
    return not (small or lost or largest > float(limits.max) * float(limits.eps) ** 0.25)


def times(item: Any, exponent: int) -> Any:
    """Return a number or array times a power of two, in the same type and dtype."""
    if not exponent:
        return item
    with np.errstate(all="ignore"):
        scaled = np.ldexp(item, exponent)
    if isinstance(item, np.ndarray):
        return np.asarray(scaled)
    return float(scaled) if isinstance(item, (float, int)) and not isinstance(item, np.floating) else scaled


def scaled_cases(cases: Sequence[Case] = CASES) -> Iterator[Scaled]:
    """Yield all cases at all scales that fit."""
    for number, case in enumerate(cases):
        dtype = np.result_type(*(np.asarray(item).dtype for item in case.inputs)).name
        for what in (RESULT, ALL, *(range(len(case.inputs)) if len(case.inputs) > 1 else ())):
            for exponent in EXPONENTS[dtype]:
                scaled = Scaled(case, number, what, exponent)
                if scaled.fits():
                    yield scaled


def verdict_on(scaled: Scaled | Case) -> str:
    return check_gradients(scaled.function, *scaled.inputs, gradient=scaled.gradient, explain=False).verdict.name


@functools.cache
def written(number: int) -> str:
    """Return the verdict on a case as it is written."""
    return verdict_on(CASES[number])


def outcome(right: bool | None, verdict: str) -> str:
    """Classify a verdict on a claim that is right, wrong, or without a derivative (None)."""
    if verdict in ACCEPTED:
        return "accepted right" if right else "accepted wrong"
    if verdict in OPEN:
        return "no derivative" if right is None else "jump of a right" if right and verdict == "JUMP" else "inconclusive"
    return "rejected right" if right else "rejected wrong"


def run(chosen: Sequence[Scaled], say: Callable[[str], None] = print) -> Counter[str]:
    """Count outcomes, and name those that are wrong, or differ from the outcome at the written scale."""
    counts: Counter[str] = Counter(cases=len({scaled.number for scaled in chosen}), scaled=len(chosen))
    for scaled in chosen:
        right, verdict = scaled.case.right, verdict_on(scaled)
        what, before = outcome(right, verdict), outcome(right, written(scaled.number))
        counts[what] += 1
        counts["other than as written"] += what != before
        if what != before or what in ("accepted wrong", "rejected right", "jump of a right"):
            say(f"{what}, as written {before}: {scaled}")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", default="1/1", help="the part of the cases to run: 2/5 for the second of five")
    parser.add_argument("--write", action="store_true", help="write the table to the README beside this file")
    number, count = map(int, parser.parse_args().part.split("/"))
    counts = run([s for s in scaled_cases() if s.number % count == number - 1])
    for what, total in counts.items():
        print(f"{total:8,} {what}")
    write_table("scales", markdown(["verdicts", "number"], [[what, f"{total:,}"] for what, total in counts.items()]))


if __name__ == "__main__":
    main()

"""Check a gradient at several points: random ones around the given input, or those of points=. Simplify a failing one.

Points outside of the domain, where the function raises or is not finite, are counted and skipped.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np

from autograd.verify.explain.code import code_of
from autograd.verify.explain.simplify import simplified
from autograd.verify.report import GradientReport, Points, Row, Verdict, counted, rank, truncated, worst_of
from autograd.verify.subjects.subject import OUTSIDE, Leaf, Subject

Array = np.ndarray
Run = Callable[[Subject, bool], GradientReport]

DRAWN = 50  # points from a function of a Generator or a strategy of Hypothesis
MOST = 1_000  # points from an iterable
DIGITS = 3  # of the numbers of a random input, to be readable
FAILED = (Verdict.FAIL, Verdict.JUMP)


class Outside(Exception):
    """A point is outside of the domain of the function; the text is the reason."""


def check_points(
    make: Callable[[tuple[Any, ...]], Subject], run: Run, inputs: tuple[Any, ...] | None, points: Any, seed: int, budget: int
) -> GradientReport:
    """Check several points, and return the report on the first that fails, simplified, or on all together.

    Args:
        make: returns the subject at some inputs.
        run: checks one subject; with True it explains a FAIL.
        inputs: the first point; None where all points are from `points`.
        points: a number of random ones around the inputs, an iterable of inputs, a generator function, a function of a
            numpy.random.Generator that returns inputs, or a strategy of Hypothesis.
        seed: the seed of the random points.
        budget: the most evaluations at each point, and once more to simplify a failing one.

    Raises:
        ValueError: for a number of points below 1.
        TypeError: for a number of points without inputs, and for `points` of another type.
    """
    if is_number(points) and points < 1:
        raise ValueError(f"points is the number of random inputs to check as well, at least 1, got {points!r}")
    if is_number(points) and inputs is None:
        raise TypeError("points=<a number> draws random inputs around the given ones: give these as well, or points=[x, ...]")
    origin = None if inputs is None else make(inputs)
    try:
        search = PointSearch(make, run, origin, seed, budget)
        search.all_of(points)
        return search.report()
    finally:
        if origin is not None:
            origin.restore()


class PointSearch:
    """The search for a point at which the check fails.

    Attributes:
        origin: the subject at the given inputs, or None; given: the report on it.
        decided, undecided: the reports on other points. skipped: the reason for each skipped point.
        failed: the subject that failed, and its report. first: with Hypothesis, the subject that failed first.
        random: whether the points are random. tried: how many were tried. asked: the number given as points=, or 0.
    """

    def __init__(
        self, make: Callable[[tuple[Any, ...]], Subject], run: Run, origin: Subject | None, seed: int, budget: int
    ) -> None:
        self.make, self.run, self.origin, self.seed, self.budget = make, run, origin, seed, budget
        self.given: GradientReport | None = None
        self.decided: list[GradientReport] = []
        self.undecided: list[GradientReport] = []
        self.skipped: list[str] = []
        self.failed: tuple[Subject, GradientReport] | None = None
        self.first: Subject | None = None
        self.random, self.tried, self.asked = False, 0, 0
        self.notes: tuple[str, ...] = ()
        self.evaluations = self.gradients = 0

    # --- points -----------------------------------------------------------------------------------

    def all_of(self, points: Any) -> None:
        """Check one point after the other, until one fails."""
        if self.origin is not None:
            self.given = self.examine(self.origin)
            if self.given.verdict in FAILED:
                self.failed = self.origin, self.given
                return
        if is_number(points):
            assert self.origin is not None
            self.random, self.asked = True, int(points)
            vectors = around(self.origin.point, self.origin.leaves, np.random.default_rng([self.seed, 29]))
            self.look_at(self.origin.at, itertools.islice(vectors, self.asked))
        elif is_strategy(points):
            self.random = True
            self.by_hypothesis(points)
        else:
            self.random = callable(points) and not inspect.isgeneratorfunction(points)
            self.look_at(self.subject_of, inputs_from(points, np.random.default_rng([self.seed, 31])))

    def look_at(self, subject_at: Callable[[Any], Subject], items: Iterable[Any]) -> None:
        for item in items:
            if self.tried >= MOST and not self.asked:
                self.notes = (f"checked the first {MOST:,} of points=",)
                return
            self.look(subject_at, item)
            if self.failed is not None:
                return

    def subject_of(self, item: Any) -> Subject:
        """Return the subject at inputs: a tuple, or a single one."""
        return self.make(item if type(item) is tuple else (item,))

    def look(self, subject_at: Callable[[Any], Subject], item: Any) -> None:
        """Check one point; skip it if it is outside of the domain."""
        self.tried += 1
        try:
            subject = inside(subject_at, item)
        except Outside as why:
            self.skipped.append(str(why))
            return
        try:
            report = self.examine(subject)
        except Exception as error:
            error.add_note(f"at the input {truncated(code_of(subject.shown()), 300)}")
            raise
        finally:
            subject.restore()
        by_chance = report.verdict is Verdict.JUMP and self.random  # says nothing about the gradient
        if report.verdict in FAILED and not by_chance:
            self.failed = subject, report
        else:
            (self.decided if report.ok else self.undecided).append(report)

    def examine(self, subject: Subject, explain: bool = False) -> GradientReport:
        report = self.run(subject, explain)
        self.evaluations += report.evaluations
        self.gradients += report.gradients
        return report

    def by_hypothesis(self, strategy: Any) -> None:
        """Check points from a strategy; Hypothesis simplifies the failing one."""
        from hypothesis import HealthCheck, Phase, given, settings
        from hypothesis import seed as seeded

        class Failing(Exception):
            """The check of a point failed."""

        known: dict[str, tuple[Subject, GradientReport] | None] = {}
        most = 0

        def look(item: Any) -> None:
            nonlocal most
            code = code_of(item)
            if code not in known:
                self.failed = None
                if self.first is None or self.evaluations <= most:  # afterwards it is simple enough
                    self.look(self.subject_of, item)
                known[code] = self.failed
            self.failed = known[code]
            if self.failed is not None:
                if self.first is None:
                    self.first, most = self.failed[0], self.evaluations + self.budget
                raise Failing

        quiet = settings(
            max_examples=DRAWN, database=None, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink),
        )  # fmt: skip
        with contextlib.suppress(Failing):  # the last one that failed is the simplest
            seeded(self.seed)(quiet(given(strategy)(look)))()

    # --- reports ----------------------------------------------------------------------------------

    def report(self) -> GradientReport:
        if self.failed is not None:
            return self.of_the_failed(*self.failed)
        several = [self.given] * (self.given is not None) + self.decided + self.undecided * (not self.random)
        first = next((report for report in several if report is not None), GradientReport(()))
        return GradientReport(
            together(several), (), self.reason(), (*first.notes, *self.notes), None, (), self.evaluations, self.gradients,
            self.budget, self.seed, self.points(),
        )  # fmt: skip

    def reason(self) -> str:
        """Return why the verdict is INCONCLUSIVE although no point failed, or ""."""
        if not self.tried:
            return "there are no points: points= is empty"
        if self.tried == len(self.skipped):
            return (
                f"none of the {counted(self.tried, 'point')} of points= is in the domain of the function ({self.skipped[0]}): "
                "give a function of a numpy.random.Generator that returns inputs in the domain"
            )
        if self.given is not None and self.given.reason:
            return self.given.reason
        if self.random and len(self.undecided) > len(self.decided):
            several = f"{len(self.undecided):,} of the {len(self.undecided) + len(self.decided):,} points of points="
            return f"{several} could not be decided: {remark_of(self.undecided[0])}"
        return "" if self.random else next((report.reason for report in self.undecided if report.reason), "")

    def points(self) -> Points:
        """Return how many points were checked, undecided and skipped."""
        undecided = next(map(remark_of, self.undecided), "")
        checked = len(self.decided) + len(self.undecided) + (self.given is not None)
        return Points(checked, len(self.undecided), undecided, len(self.skipped), next(iter(self.skipped), ""))

    def of_the_failed(self, subject: Subject, report: GradientReport) -> GradientReport:
        """Return the report on a failing point, simplified and explained."""
        original = code_of((self.first or subject).shown())
        point, leaves, subject_at = subject.movable()
        simple = point
        if self.first is None and any(row.verdict in FAILED for row in report.rows):
            simple = simplified(point, leaves, self.fails_like(report, subject_at))
        for vector in (simple, point):  # the second only if noise hides the failure at the first
            failing = subject_at(vector)
            code = code_of(failing.shown())
            explained = self.examine(failing, True)
            failing.restore()
            if signature(explained) == signature(report):
                break
        points = self.points()
        points = replace(
            points, checked=points.checked + (subject is not self.origin), failing=code, original=original, place=self.place()
        )
        notes = (*explained.notes, *self.notes)
        return replace(explained, notes=notes, points=points, evaluations=self.evaluations, gradients=self.gradients)

    def place(self) -> str:
        """Return which point failed, in words."""
        if self.failed is not None and self.failed[0] is self.origin:
            return "the given input"
        if self.first is not None:
            return "of Hypothesis"
        return f"random point {self.tried:,} of {self.asked:,}" if self.asked else f"point {self.tried:,} of points="

    def fails_like(self, report: GradientReport, subject_at: Callable[[Array], Subject]) -> Callable[[Array], bool]:
        """Return a function that tells whether the check fails in the same way at another input, while the budget lasts."""
        wanted, most = signature(report), self.evaluations + self.budget

        def fails(vector: Array) -> bool:
            if self.evaluations >= most:
                return False
            try:
                return signature(self.examine(inside(subject_at, vector))) == wanted
            except Exception:  # not the failure that was found
                return False

        return fails


def inside(subject_at: Callable[[Any], Subject], item: Any) -> Subject:
    """Return the subject at a point, or raise Outside."""
    try:
        with np.errstate(all="ignore"):
            subject = subject_at(item)
    except OUTSIDE as error:
        raise Outside(f"{type(error).__name__}: {error}") from None
    if not np.isfinite(subject.output.vector).all():
        number = subject.output.vector[~np.isfinite(subject.output.vector)][0]
        subject.restore()
        raise Outside(f"the result is {number}")
    return subject


def signature(report: GradientReport) -> tuple[Any, ...]:
    """Return how a check fails. A point that fails differently shows another mistake, and not a simpler form of this one."""
    rows = [row for row in report.rows if row.verdict in FAILED]
    finite = {bool(np.isfinite(row.claimed)) for row in rows}
    return report.verdict, bool(report.broken), bool(rows), max((row.order for row in rows), default=0), frozenset(finite)


def together(reports: Iterable[GradientReport | None]) -> tuple[Row, ...]:
    """Return one row for each parameter and order: the worst one, with the number of slopes of all."""
    found: dict[tuple[str, int], list[Row]] = {}
    for report in reports:
        for row in report.rows if report is not None else ():
            found.setdefault((row.name, row.order), []).append(row)
    worst = [max(rows, key=rank) for rows in found.values()]
    return tuple(
        replace(row, compared=sum(each.compared for each in rows)) for row, rows in zip(worst, found.values(), strict=True)
    )


def remark_of(report: GradientReport) -> str:
    """Return why a point could not be decided."""
    verdict = worst_of(row.verdict for row in report.rows)
    return report.reason or next((row.reason for row in report.rows if row.verdict is verdict and row.reason), verdict.name)


# --- where points come from -----------------------------------------------------------------------


def is_number(points: Any) -> bool:
    """Return True for a whole number, which is a number of random points."""
    return isinstance(points, Integral) and not isinstance(points, (bool, np.bool_))


def is_strategy(points: Any) -> bool:
    """Return True for a strategy of Hypothesis, without importing it."""
    return any(kind.__module__.startswith("hypothesis.") and kind.__name__ == "SearchStrategy" for kind in type(points).__mro__)


def inputs_from(points: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Yield the inputs of points=, one after the other."""
    if callable(points):
        takes = not inspect.signature(points).parameters
        arguments = () if takes else (rng,)
        if inspect.isgeneratorfunction(points):
            yield from points(*arguments)
            return
        for _ in range(DRAWN):
            drawn = points(*arguments)
            if inspect.isgenerator(drawn):
                yield from drawn
                return
            yield drawn
        return
    if isinstance(points, (str, dict, float, bool)) or not hasattr(points, "__iter__"):
        raise TypeError(
            f"points= is a number of random points, an iterable of inputs, a generator function, a function of a "
            f"numpy.random.Generator that returns inputs, or a strategy of Hypothesis, got {points!r:.80}"
        )
    yield from points


def around(point: Array, leaves: list[Leaf], rng: np.random.Generator) -> Iterator[Array]:
    """Yield random inputs with the same leaves: in turn near and far, large and small, with the signs of `point` or any.

    Steps of the golden ratio cover an interval evenly with few points.
    """
    count = len(point)
    typical = np.ones(count)
    for leaf in leaves:
        known = abs(point[leaf.part])
        known = known[(known > 0.0) & np.isfinite(known)]
        typical[leaf.part] = np.median(known) if known.size else 1.0
    sign = np.where(point < 0.0, -1.0, 1.0)
    sizes = np.where(point != 0.0, abs(point), typical)
    start = rng.uniform(0.4, 0.9, size=(2, count))
    for number in itertools.count():
        turn, form = divmod(number, 6)
        even, other = ((start + 0.6180339887498949 * turn) % 1.0)[:: 1 - turn % 2 * 2]
        normal = rng.standard_normal(count)
        if form == 0:  # the signs of the input, as the domain may have one sign only
            found = sign * 10.0 * even
        elif form == 1:
            found = 20.0 * other - 10.0
        elif form == 2:
            found = sign * sizes * np.exp(1.5 * normal)
        elif form == 3:
            found = point + 2.0 * typical * normal
        elif form == 4:
            found = typical * 10.0 ** (8.0 * even[:1] - 4.0) * normal
        else:  # between 0 and 1
            found = sign * even
        yield of_few_digits(found)


def of_few_digits(vector: Array) -> Array:
    """Return the numbers rounded to DIGITS digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where(vector == 0.0, 0.0, np.floor(np.log10(abs(vector)))) - (DIGITS - 1)
    whole = np.round(vector / 10.0**power)
    return np.where(power < 0.0, whole / 10.0**-power, whole * 10.0**power)

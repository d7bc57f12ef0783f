"""The result of a check: a verdict, one row for each input or parameter, and how they print."""

from __future__ import annotations

import enum
import json
import math
from dataclasses import dataclass
from html import escape
from typing import Any

from autograd.web import jsonable


class Verdict(enum.Enum):
    """The verdict on a gradient. Only PASS and KINK accept it."""

    PASS = "pass"
    KINK = "kink"  # the one-sided slopes differ, and the claimed one lies between them
    INCONCLUSIVE = "inconclusive"  # no difference of the function can tell; the report says why
    JUMP = "jump"  # the function itself is discontinuous at this point
    FAIL = "fail"

    @property
    def ok(self) -> bool:
        return self in (Verdict.PASS, Verdict.KINK)


#: From best to worst: the verdict of a whole is that of its worst part, and the worst parts are printed first.
SEVERITY = list(Verdict)


def worst_of(verdicts: Any) -> Verdict:
    """Return the worst of several verdicts; PASS if there are none."""
    return max(verdicts, key=SEVERITY.index, default=Verdict.PASS)


@dataclass(frozen=True)
class Row:
    """One input or parameter, at one order of differentiation.

    Attributes:
        name: ``"x"``, ``"p['w']"``, ``"layers.0.weight"``.
        order: 1 for the gradient, 2 for the second derivatives.
        shape, dtype: of the input.
        verdict, reason: the verdict, and why it is not PASS.
        index: the worst coordinate, or None where only directions were compared.
        output: the index of its output, with the name first where there are several results; None if the result is one number.
        claimed, measured, bar: the slope there as claimed and as measured, and the error bar of their difference.
        between: the two one-sided slopes, at a kink.
        compared: how many slopes were compared.
        unresolved: the first of the coordinates that no difference could resolve.
        cause: a guess at the mistake, or "".
    """

    name: str
    order: int
    shape: tuple[int, ...]
    dtype: str
    verdict: Verdict
    reason: str = ""
    index: tuple[int, ...] | None = None
    output: tuple[int | str, ...] | None = None
    claimed: float = 0.0
    measured: float = 0.0
    bar: float = 0.0
    between: tuple[float, float] | None = None
    compared: int = 0
    unresolved: tuple[tuple[int, ...], ...] = ()
    cause: str = ""


@dataclass(frozen=True)
class Blame:
    """The first recorded operation whose rule disagrees with its own function.

    Attributes:
        op: its name. line: the source line that called it. path: the module path it was called in, or "".
        argument: the position of the input. claimed, measured, bar: as in a Row. checked: how many operations were checked.
    """

    op: str
    line: str
    path: str
    argument: int
    claimed: float
    measured: float
    bar: float
    checked: int


@dataclass(frozen=True)
class Points:
    """The points of a check at several points.

    Attributes:
        checked: how many were checked.
        undecided: how many of them are INCONCLUSIVE; why: the reason for the first.
        skipped: how many more are outside of the domain of the function; outside: the reason for the first.
        failing: the failing input, simplified, as Python code; "" where none failed. The report is on this one.
        original: the failing input before it was simplified, as Python code; place: which point it was.
    """

    checked: int
    undecided: int = 0
    why: str = ""
    skipped: int = 0
    outside: str = ""
    failing: str = ""
    original: str = ""
    place: str = ""


@dataclass(frozen=True)
class GradientReport:
    """The result of a check; true if the gradient is accepted.

    Attributes:
        rows: one for each input or parameter and order.
        broken: contracts that do not hold, each in a sentence.
        reason: why nothing could be measured at all, or "".
        notes: further remarks.
        blame: the first wrong operation, or None.
        evidence: the second opinions that support a FAIL.
        evaluations, gradients, budget: calls of the function and of its gradient, and the limit of the former.
        seed: of the random directions.
        points: how many points were checked, and which failed; None for a check at one point.
    """

    rows: tuple[Row, ...]
    broken: tuple[str, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()
    blame: Blame | None = None
    evidence: tuple[str, ...] = ()
    evaluations: int = 0
    gradients: int = 0
    budget: int = 0
    seed: int = 0
    points: Points | None = None

    @property
    def verdict(self) -> Verdict:
        whole = [Verdict.INCONCLUSIVE] * bool(self.reason) + [Verdict.FAIL] * bool(self.broken)
        return worst_of(whole + [row.verdict for row in self.rows])

    @property
    def ok(self) -> bool:
        return self.verdict.ok

    @property
    def worst(self) -> Row | None:
        """The row with the worst verdict, and of those the one with the largest difference in error bars."""
        return max(self.rows, key=rank, default=None)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<GradientReport {headline(self)}>"

    def __str__(self) -> str:
        lines = [headline(self)]
        if needs_table(self):
            lines += aligned(*table_of(self))
        return "\n".join(lines + remarks(self))

    def _repr_html_(self) -> str:
        """Return HTML for notebooks."""
        verdict, _, rest = headline(self).partition(": ")
        shown = html_table(*table_of(self)) if needs_table(self) else ""
        lines = "".join(f'<div style="white-space: pre-wrap">{escape(text)}</div>' for text in remarks(self))
        return f"<div>{pill(self.verdict, verdict)} {escape(rest)}</div>{shown}{lines}"

    def to_json(self) -> str:
        """Return the whole report as JSON on one line.

        Fields have the names they have here; ``verdict``, ``ok`` and ``summary``, the first line of the text, are added.
        A verdict is its name, which ``Verdict[name]`` reads. JSON has no numbers for nan and the infinities: they are
        the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, so that ``float()`` reads every slope back.

        >>> row = Row("x", 1, (2,), "float64", Verdict.FAIL, claimed=float("inf"), compared=2)
        >>> data = json.loads(GradientReport((row,)).to_json())
        >>> Verdict[data["verdict"]], float(data["rows"][0]["claimed"])
        (<Verdict.FAIL: 'fail'>, inf)
        """
        whole = {"verdict": self.verdict, "ok": self.ok, "summary": headline(self)}
        return json.dumps(jsonable(whole) | jsonable(self), allow_nan=False)


def excess(found: Any) -> float:
    """Return the difference of a claimed and a measured slope in units of the error bar; infinite where it is not a number."""
    difference = abs(found.claimed - found.measured)
    if math.isnan(difference) or math.isnan(found.bar):
        return math.inf
    return difference / found.bar if found.bar else math.inf if difference else 0.0


def rank(found: Any) -> tuple[int, float]:
    """Return a key to sort by, the worst last: the verdict, and then the difference in units of the error bar."""
    return SEVERITY.index(found.verdict), excess(found)


class GradientError(AssertionError):
    """A gradient was not accepted; the text is the report, which `.report` holds."""

    def __init__(self, report: GradientReport) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:  # other exceptions are rebuilt from their text
        return type(self), (self.report,)


# --- words ----------------------------------------------------------------------------------------

#: The words of the first line for a parameter with each verdict.
WORDS = {
    Verdict.PASS: "right",
    Verdict.KINK: "at a kink",
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.JUMP: "at a jump",
    Verdict.FAIL: "wrong",
}
#: The largest number of rows with remarks: more would hide the blame below them.
REMARKS = 10


def headline(report: GradientReport) -> str:
    """Return the verdict and the counts: "FAIL: 1 of 6 parameters wrong, 52 slopes compared, 56 evaluations"."""
    parts = [counted(len(report.broken), "broken contract")] if report.broken else []
    if report.rows or not report.reason:
        several_points = f" at {counted(report.points.checked, 'point')}" if report.points and not report.points.failing else ""
        parts += [parameters(report), f"{counted(sum(row.compared for row in report.rows), 'slope')} compared{several_points}"]
    else:
        parts.append("nothing could be measured")
    most = f" of at most {report.budget:,}{' a point' * (report.points is not None)}" if report.budget else ""
    parts.append(f"{counted(report.evaluations, 'evaluation')}{most}")
    return f"{report.verdict.name}{', accepted' * (report.verdict is Verdict.KINK)}: {', '.join(parts)}"


def parameters(report: GradientReport) -> str:
    """Return "6 parameters", or with verdicts other than PASS "2 of 6 parameters wrong, 1 at a kink"; a single one by name."""
    verdicts = [worst_of(row.verdict for row in rows) for rows in by_name(report).values()]
    total = counted(len(verdicts), "parameter")
    counts = {verdict: verdicts.count(verdict) for verdict in reversed(SEVERITY) if verdict is not Verdict.PASS}
    found = [f"{count:,} {WORDS[verdict]}" for verdict, count in counts.items() if count]
    if len(verdicts) == 1:
        name = f"{report.rows[0].name} of shape {report.rows[0].shape}".removesuffix(" of shape ()")
        return f"{name} {WORDS[verdicts[0]]}" if found else name
    return ", ".join([found[0].replace(" ", f" of {total} ", 1), *found[1:]]) if found else total


def by_name(report: GradientReport) -> dict[str, list[Row]]:
    """Return the rows of each parameter: one for each order."""
    found: dict[str, list[Row]] = {}
    for row in report.rows:
        found.setdefault(row.name, []).append(row)
    return found


def needs_table(report: GradientReport) -> bool:
    """Return whether to print a table: for a single parameter that passes, two lines are enough."""
    return len(by_name(report)) > 1 or any(row.verdict is not Verdict.PASS for row in report.rows)


def worst_first(rows: tuple[Row, ...]) -> list[Row]:
    """Return the rows by verdict, and then in the order of the model."""
    return sorted(rows, key=lambda row: -SEVERITY.index(row.verdict))


def remarks(report: GradientReport) -> list[str]:
    """Return the lines below the table: why rows did not pass, broken contracts, the operation to blame, evidence and notes."""
    failed = [row for row in worst_first(report.rows) if row.verdict is not Verdict.PASS]
    lines = at_points(report.points) if report.points else []
    lines += [remark(row) for row in failed[:REMARKS]]
    if len(failed) > REMARKS:
        lines.append(f"... and {counted(len(failed) - REMARKS, 'more row')} that did not pass")
    if report.worst is not None and report.worst.compared and not needs_table(report):
        lines.append(largest_difference(report.worst))
    lines += [f"reason: {report.reason}"] * bool(report.reason)
    lines += [f"broken contract: {text}" for text in report.broken]
    lines += [first_wrong_operation(report.blame)] if report.blame is not None else []
    return lines + [f"evidence: {text}" for text in report.evidence] + [f"note: {text}" for text in report.notes]


def at_points(points: Points) -> list[str]:
    """Return the lines on points: the failing input, and how many points were skipped or undecided."""
    lines = []
    if points.failing:
        found = "" if points.failing == points.original else f", simplified from {truncated(points.original)}"
        lines.append(f"failing input: {truncated(points.failing)}{found} ({points.place})")
    if points.skipped:
        verb = "was" if points.skipped == 1 else "were"
        which = f"{counted(points.skipped, 'point')} outside of the domain of the function {verb} skipped"
        lines.append(f"{which}: {truncated(points.outside)}")
    if points.undecided:
        lines.append(f"{counted(points.undecided, 'point')} could not be decided: {truncated(points.why)}")
    return lines


def truncated(text: str, most: int = 400) -> str:
    """Return a text, cut off where it is too long."""
    return text if len(text) <= most else f"{text[:most]}..."


def remark(row: Row) -> str:
    """Return why a row did not pass: "FAIL w[3, 1]: off by 0.5, 5e+08 error bars; ...; perhaps a sign is missing"."""
    parts = []
    if row.verdict is Verdict.FAIL and math.isfinite(row.claimed - row.measured):
        times = f", {digits(excess(row), 2)} error bars" if row.bar else ""
        parts.append(f"off by {digits(abs(row.claimed - row.measured), 2)}{times}")
    if row.between is not None and "one-sided slopes are" not in row.reason:
        parts.append(f"one-sided slopes {digits(row.between[0])} and {digits(row.between[1])}")
    parts += [row.reason] * bool(row.reason)
    if any(row.unresolved):  # a scalar has no index to name
        first = ", ".join(map(brackets, row.unresolved[:3]))
        parts.append(f"unresolved at {first}{', ...' * (len(row.unresolved) > 3)}")
    parts += [f"perhaps {row.cause}"] * bool(row.cause)
    order = f" in order {row.order}" * (row.order > 1)
    return f"{row.verdict.name} {row.name}{order}: {'; '.join(parts) or WORDS[row.verdict]}"


def largest_difference(row: Row) -> str:
    """Return the line for a single parameter that passes, in place of a table."""
    where = " ".join(filter(None, [f"at {worst_place(row)}" * bool(worst_place(row)), f"in order {row.order}" * (row.order > 1)]))
    return f"largest difference{f' {where}' * bool(where)}: {slopes_of(row)}"


def first_wrong_operation(blame: Any) -> str:
    inside = f" in {blame.path}" * bool(blame.path)
    return (
        f"first wrong operation: {blame.op} at {blame.line}{inside}, argument {blame.argument}: {slopes_of(blame)} "
        f"({counted(blame.checked, 'operation')} checked)"
    )


def slopes_of(found: Any) -> str:
    """Return the numbers of a Row or a Blame."""
    return f"claimed {digits(found.claimed)}, measured {digits(found.measured)}, error bar {digits(found.bar, 2)}"


def worst_place(row: Row) -> str:
    """Return where the worst slope is: "[3, 1]", "[3, 1] of output [2]", or "a direction"."""
    here = "a direction" if row.index is None else brackets(row.index)
    return here if row.output is None else f"{here} of output {brackets(row.output) or '[]'}".strip()


def brackets(index: tuple[int | str, ...]) -> str:
    """Return an index in Python's notation: "[3, 1]", "" for a number, "w[3, 1]" where a name comes first."""
    name = index[0] if index and isinstance(index[0], str) else ""
    rest = list(index[bool(name) :])
    return f"{name}{rest or ''}"


def digits(number: float, count: int = 6) -> str:
    return f"{number:.{count}g}"


def counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


# --- the table, as text, HTML and JSON ------------------------------------------------------------

#: The columns, and whether they hold numbers. The column of orders is omitted where only gradients were checked.
COLUMNS = {
    "name": False, "order": True, "shape": False, "verdict": False, "slopes": True,
    "worst at": False, "claimed": True, "measured": True, "error bar": True,
}  # fmt: skip
#: The verdicts' colours, transparent, with text in the colour of the page: they fit light and dark pages.
TINTS = {
    Verdict.PASS: "rgba(46, 160, 67, 0.28)",
    Verdict.KINK: "rgba(56, 139, 253, 0.28)",
    Verdict.INCONCLUSIVE: "rgba(139, 148, 158, 0.35)",
    Verdict.JUMP: "rgba(210, 153, 34, 0.38)",
    Verdict.FAIL: "rgba(248, 81, 73, 0.42)",
}


def table_of(report: GradientReport) -> tuple[list[str], list[tuple[Verdict, list[str]]]]:
    """Return the columns, and for each row its verdict and the texts of its cells."""
    columns = [name for name in COLUMNS if name != "order" or any(row.order > 1 for row in report.rows)]
    return columns, [(row.verdict, [cells(row)[name] for name in columns]) for row in worst_first(report.rows)]


def cells(row: Row) -> dict[str, str]:
    """Return the texts of a row, by column; no numbers where nothing was compared."""
    shape = f"{row.shape}" + f" {row.dtype}" * (row.dtype != "float64")
    shown = row.compared or row.index is not None
    numbers = [worst_place(row), digits(row.claimed), digits(row.measured), digits(row.bar, 2)] if shown else [""] * 4
    return dict(zip(COLUMNS, [row.name, f"{row.order}", shape, row.verdict.name, f"{row.compared:,}", *numbers], strict=True))


def aligned(columns: list[str], rows: list[tuple[Verdict, list[str]]]) -> list[str]:
    """Return the lines of the table, in columns of equal width."""
    lines = [columns, *(texts for _, texts in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    pads = [f"{{:{'>' if COLUMNS[name] else '<'}{width}}}" for name, width in zip(columns, widths, strict=True)]
    pattern = "  " + "  ".join(pads)
    return [pattern.format(*texts).rstrip() for texts in lines]


def html_table(columns: list[str], rows: list[tuple[Verdict, list[str]]]) -> str:
    """Return the table as HTML with inline styles: notebooks and their viewers drop style sheets. A long table scrolls."""
    cell = "white-space: pre; padding: 0.2em 0.7em; font-variant-numeric: tabular-nums; text-align:"
    sides = [f"{cell} {'right' if COLUMNS[name] else 'left'}" for name in columns]
    head = "".join(f'<th style="{side}">{name}</th>' for side, name in zip(sides, columns, strict=True))
    body = ""
    for verdict, texts in rows:
        shown = [pill(verdict, text) if name == "verdict" else escape(text) for name, text in zip(columns, texts, strict=True)]
        line = "".join(f'<td style="{side}">{text}</td>' for side, text in zip(sides, shown, strict=True))
        body += f"<tr>{line}</tr>"
    style = "font-size: inherit; margin: 0; border-collapse: collapse"
    lines = f'<table style="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div style="max-height: 32em; overflow: auto; margin: 0.4em 0">{lines}</div>'


def pill(verdict: Verdict, text: str) -> str:
    return f'<span style="background: {TINTS[verdict]}; padding: 0 0.5em; border-radius: 0.6em">{escape(text)}</span>'

"""Reports of gradient checks: the verdict of the whole, and the report as text, in a notebook, and as JSON."""

from __future__ import annotations

import copy
import json
import math
import pickle
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from autograd.verify.report import COLUMNS, REMARKS, TINTS, WORDS, Blame, GradientError, GradientReport, Row, Verdict, excess

RIGHT = Row("layers.0.bias", 1, (16,), "float32", Verdict.PASS, index=(3,), claimed=-1.5, measured=-1.5, bar=2e-4, compared=16)
WRONG = Row(
    "layers.0.weight", 1, (16, 2), "float64", Verdict.FAIL, index=(3, 1), output=(2,), claimed=0.123456789,
    measured=0.2469135782, bar=1.3e-10, compared=32, cause="a factor of 2 is missing",
)  # fmt: skip
KINK = Row("p['a']", 1, (), "float64", Verdict.KINK, index=(), measured=0.5, bar=1e-9, between=(-1.0, 1.0), compared=1)
JUMP = Row("<s>", 1, (3,), "float64", Verdict.JUMP, "it jumps by 2 here", (1,), claimed=1.0, measured=1e9, bar=1e3, compared=3)
UNDECIDED = Row(
    "noisy", 1, (5,), "float64", Verdict.INCONCLUSIVE, "repeated calls differ by 0.001", claimed=math.nan, bar=math.inf,
    unresolved=((0,), (1,), (2,), (3,)),
)  # fmt: skip
ROWS = {row.verdict: row for row in (RIGHT, KINK, UNDECIDED, JUMP, WRONG)}
BLAME = Blame("mul", "model.py:12", "MLP.layers.0", 1, 1.0, 2.0, 1e-9, 14)
EVERYTHING = GradientReport(
    (RIGHT, KINK, UNDECIDED, JUMP, WRONG), ("backward() and gradient() differ",), notes=("3 of 9 slopes",), blame=BLAME,
    evidence=("complex step: 0.246914",), evaluations=56, gradients=3, budget=10_000, seed=7,
)  # fmt: skip


def numbered(count: int, *wrong: int) -> GradientReport:
    """A report of `count` parameters, some of them wrong."""
    rows = (replace(WRONG if number in wrong else RIGHT, name=f"layers.{number}.w") for number in range(count))
    return GradientReport(tuple(rows), evaluations=1)


# --- the verdict ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", Verdict)
def test_the_verdict_of_the_whole_is_that_of_its_worst_row(verdict: Verdict) -> None:
    order = [Verdict.PASS, Verdict.KINK, Verdict.INCONCLUSIVE, Verdict.JUMP, Verdict.FAIL]
    report = GradientReport(tuple(ROWS[better] for better in order[: order.index(verdict) + 1]))
    assert report.verdict is verdict
    assert report.worst is ROWS[verdict]
    assert report.ok == bool(report) == verdict.ok == (verdict in (Verdict.PASS, Verdict.KINK))


def test_broken_contracts_fail_and_unmeasured_gradients_are_inconclusive() -> None:
    assert GradientReport((RIGHT,), broken=("the dtype is wrong",)).verdict is Verdict.FAIL
    assert GradientReport((), reason="the function gives nan").verdict is Verdict.INCONCLUSIVE
    assert GradientReport((WRONG,), reason="the budget was spent").verdict is Verdict.FAIL
    assert GradientReport(()).verdict is Verdict.PASS
    assert GradientReport(()).worst is None


def test_the_worst_of_equal_verdicts_has_the_largest_difference_for_its_error_bar() -> None:
    small, large, broken = (replace(WRONG, name="other", measured=measured) for measured in (0.12346, 9.0, math.nan))
    assert GradientReport((small, large, WRONG)).worst is large
    assert GradientReport((small, broken, large)).worst is broken
    assert [excess(replace(RIGHT, bar=0.0)), excess(replace(WRONG, bar=0.0)), excess(UNDECIDED)] == [0.0, math.inf, math.inf]


# --- the text -------------------------------------------------------------------------------------


def test_a_report_of_every_verdict() -> None:
    assert str(EVERYTHING).splitlines() == [
        "FAIL: 1 broken contract, 1 of 5 parameters wrong, 1 at a jump, 1 undecided, 1 at a kink, 52 slopes compared, "
        "56 evaluations of at most 10,000",
        "  name             shape          verdict       slopes  worst at               claimed  measured  error bar",
        "  layers.0.weight  (16, 2)        FAIL              32  [3, 1] of output [2]  0.123457  0.246914    1.3e-10",
        "  <s>              (3,)           JUMP               3  [1]                          1     1e+09      1e+03",
        "  noisy            (5,)           INCONCLUSIVE       0",
        "  p['a']           ()             KINK               1                               0       0.5      1e-09",
        "  layers.0.bias    (16,) float32  PASS              16  [3]                       -1.5      -1.5     0.0002",
        "FAIL layers.0.weight: off by 0.12, 9.5e+08 error bars; perhaps a factor of 2 is missing",
        "JUMP <s>: it jumps by 2 here",
        "INCONCLUSIVE noisy: repeated calls differ by 0.001; unresolved at [0], [1], [2], ...",
        "KINK p['a']: one-sided slopes -1 and 1",
        "broken contract: backward() and gradient() differ",
        "first wrong operation: mul at model.py:12 in MLP.layers.0, argument 1: claimed 1, measured 2, error bar 1e-09 "
        "(14 operations checked)",
        "evidence: complex step: 0.246914",
        "note: 3 of 9 slopes",
    ]


def test_a_single_parameter_that_passes_takes_two_lines() -> None:
    report = GradientReport((replace(RIGHT, name="x", shape=(3,), index=(2,), compared=3),), evaluations=14, budget=10_000)
    assert str(report).splitlines() == [
        "PASS: x of shape (3,), 3 slopes compared, 14 evaluations of at most 10,000",
        "largest difference at [2]: claimed -1.5, measured -1.5, error bar 0.0002",
    ]
    scalar = replace(RIGHT, name="x", shape=(), index=(), compared=1)
    assert str(GradientReport((scalar,), evaluations=1)).splitlines() == [
        "PASS: x, 1 slope compared, 1 evaluation",
        "largest difference: claimed -1.5, measured -1.5, error bar 0.0002",
    ]
    both = str(GradientReport((scalar, replace(scalar, order=2, measured=-1.50001)), evaluations=9))
    assert both.splitlines()[1] == "largest difference in order 2: claimed -1.5, measured -1.50001, error bar 0.0002"
    empty = GradientReport((replace(RIGHT, name="x", shape=(0,), index=None, compared=0),))
    assert str(empty) == "PASS: x of shape (0,), 0 slopes compared, 0 evaluations"


@pytest.mark.parametrize("verdict", WORDS)
def test_the_first_line_names_a_single_parameter_and_its_verdict(verdict: Verdict) -> None:
    row = ROWS[verdict]
    first = str(GradientReport((row,))).splitlines()[0]
    assert first.startswith(f"{verdict.name}, accepted: " if verdict is Verdict.KINK else f"{verdict.name}: {row.name}")
    assert (WORDS[verdict] in first) == (verdict is not Verdict.PASS)


def test_nothing_was_measured() -> None:
    report = GradientReport((), reason="the function gives nan at the point itself", evaluations=1, budget=100)
    assert str(report).splitlines() == [
        "INCONCLUSIVE: nothing could be measured, 1 evaluation of at most 100",
        "reason: the function gives nan at the point itself",
    ]
    assert str(GradientReport(())) == "PASS: 0 parameters, 0 slopes compared, 0 evaluations"


def test_second_orders_have_a_column_and_count_as_one_parameter() -> None:
    report = GradientReport((RIGHT, replace(RIGHT, order=2), WRONG, replace(WRONG, order=2, claimed=math.inf)))
    first, header, *lines = str(report).splitlines()
    assert first.startswith("FAIL: 1 of 2 parameters wrong, 96 slopes compared")
    assert header.split()[:3] == ["name", "order", "shape"]
    assert [line.split()[1] for line in lines[:4]] == ["1", "2", "1", "2"]
    assert lines[4:] == [
        "FAIL layers.0.weight: off by 0.12, 9.5e+08 error bars; perhaps a factor of 2 is missing",
        "FAIL layers.0.weight in order 2: perhaps a factor of 2 is missing",  # inf is not a difference to speak of
    ]
    assert " inf " in lines[1]


def test_one_sided_slopes_are_printed_once() -> None:
    said = replace(KINK, reason="the one-sided slopes are -1 and 1")
    assert str(GradientReport((said,))).endswith("KINK p['a']: the one-sided slopes are -1 and 1")


def test_a_direction_and_a_difference_without_an_error_bar() -> None:
    text = str(GradientReport((replace(WRONG, index=None, output=None, bar=0.0, cause=""),)))
    assert "  a direction  " in text
    assert text.endswith("FAIL layers.0.weight: off by 0.12")
    assert str(GradientReport((replace(JUMP, reason=""),))).endswith("JUMP <s>: at a jump")


def test_outputs_are_named_by_index_and_key() -> None:
    texts = [str(GradientReport((replace(WRONG, output=output),))) for output in ((), (2, 0), ("x", 0), ("loss",))]
    for text, words in zip(texts, ("output []", "output [2, 0]", "output x[0]", "output loss"), strict=True):
        assert f"  [3, 1] of {words}  " in text


def test_many_parameters_are_aligned_and_those_that_failed_come_first() -> None:
    text = str(numbered(200, 150, 40)).splitlines()
    assert text[0].startswith("FAIL: 2 of 200 parameters wrong, 3,232 slopes compared")
    assert len(text) == 2 + 200 + 2
    assert [line.split()[0] for line in text[2:6]] == ["layers.40.w", "layers.150.w", "layers.0.w", "layers.1.w"]
    assert len({len(line) for line in text[1:202]}) == 1
    assert max(map(len, text)) <= 120


def test_remarks_on_many_rows_are_cut() -> None:
    text = str(numbered(200, *range(50))).splitlines()
    assert text[-1] == f"... and {50 - REMARKS} more rows that did not pass"
    assert sum(line.startswith("FAIL layers") for line in text) == REMARKS
    assert str(numbered(REMARKS + 1, *range(REMARKS + 1))).endswith("... and 1 more row that did not pass")


def test_repr_is_one_line() -> None:
    assert repr(GradientReport((KINK,), evaluations=3)) == (
        "<GradientReport KINK, accepted: p['a'] at a kink, 1 slope compared, 3 evaluations>"
    )


def test_blame_without_a_module() -> None:
    text = str(GradientReport((WRONG,), blame=replace(BLAME, path="", checked=1)))
    assert "first wrong operation: mul at model.py:12, argument 1: claimed 1," in text
    assert text.endswith("(1 operation checked)")


# --- JSON -----------------------------------------------------------------------------------------


def test_json_has_every_field_and_reads_back() -> None:
    text = EVERYTHING.to_json()
    data = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert data.keys() == {"verdict", "ok", "summary"} | {field.name for field in fields(GradientReport)}
    assert (data["verdict"], data["ok"]) == ("FAIL", False)
    assert data["summary"] == str(EVERYTHING).splitlines()[0]
    assert (data["evaluations"], data["gradients"], data["budget"], data["seed"]) == (56, 3, 10_000, 7)
    assert (data["notes"], data["evidence"], data["reason"]) == (["3 of 9 slopes"], ["complex step: 0.246914"], "")
    assert "\n" not in text
    rebuilt = tuple(row_of(item) for item in data["rows"])
    assert rebuilt == (RIGHT, KINK, replace(UNDECIDED, claimed=rebuilt[2].claimed), JUMP, WRONG)
    assert math.isnan(rebuilt[2].claimed)
    assert Blame(**data["blame"]) == BLAME


def row_of(item: dict[str, Any]) -> Row:
    """The row that JSON was made from."""
    slopes = {name: float(item[name]) for name in ("claimed", "measured", "bar")}
    pairs = {name: None if item[name] is None else tuple(item[name]) for name in ("shape", "index", "output", "between")}
    unresolved = tuple(map(tuple, item["unresolved"]))
    return Row(**{**item, **slopes, **pairs, "unresolved": unresolved, "verdict": Verdict[item["verdict"]]})


def test_json_takes_numbers_of_numpy_and_writes_nan_and_inf_as_strings() -> None:
    row = replace(
        RIGHT, index=(np.int64(3),), claimed=np.float32(0.5), measured=np.nan, bar=np.float64(np.inf), compared=np.int32(1)
    )
    report = GradientReport((row, replace(row, between=(-math.inf, 0.0))), evaluations=np.int64(5))
    first, second = json.loads(report.to_json())["rows"]
    assert [first[name] for name in ("index", "claimed", "measured", "bar", "compared")] == [[3], 0.5, "NaN", "Infinity", 1]
    assert second["between"] == ["-Infinity", 0.0]
    assert json.loads(report.to_json())["blame"] is None


# --- HTML -----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The texts of the cells by row, all texts, and a check that every tag is closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.styles.append(dict(attributes).get("style") or "")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def test_html_has_the_same_words_as_the_text() -> None:
    html = EVERYTHING._repr_html_()
    page = Page(html)
    lines = str(EVERYTHING).splitlines()
    assert "".join(page.texts[:2]).replace("FAIL ", "FAIL: ", 1) == lines[0]
    assert page.rows[0] == [name for name in COLUMNS if name != "order"]
    assert [" ".join(filter(None, row)) for row in page.rows] == [" ".join(line.split()) for line in lines[1:7]]
    assert page.texts[-8:] == lines[7:]
    assert "<s>" not in html
    assert "&lt;s&gt;" in html


def test_html_is_coloured_by_verdict_with_text_in_the_colour_of_the_page() -> None:
    for verdict, row in ROWS.items():
        styles = " ".join(Page(GradientReport((row,))._repr_html_()).styles)
        assert [other for other in Verdict if TINTS[other] in styles] == [verdict]
        assert "color:" not in styles.replace("background-color:", "")


def test_html_of_a_single_parameter_that_passes_has_no_table() -> None:
    report = GradientReport((replace(RIGHT, name="a & b"),), evaluations=2)
    page = Page(report._repr_html_())
    assert not page.rows
    assert page.texts == ["PASS", *(text for text in [" " + str(report).splitlines()[0][6:], str(report).splitlines()[1]])]
    assert len(Page(numbered(200)._repr_html_()).rows) == 201


# --- the error ------------------------------------------------------------------------------------


def test_the_error_carries_the_report_and_survives_copies() -> None:
    error = GradientError(EVERYTHING)
    assert isinstance(error, AssertionError)
    assert str(error) == str(EVERYTHING)
    for other in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert isinstance(other, GradientError)
        assert str(other.report) == str(EVERYTHING) == str(other)

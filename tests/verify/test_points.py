"""Verification at several points: a mistake elsewhere is found, and the failing input simplified and shown as code."""

from __future__ import annotations

import itertools
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import nn
from autograd import Value, assert_gradients, check_gradients, check_model, primitive
from autograd.op import raw
from autograd.verify import GradientError, GradientReport, Points, Verdict
from autograd.verify import points as points_module
from autograd.verify.command import main
from autograd.verify.explain.code import code_of
from autograd.verify.explain.simplify import simplified
from autograd.verify.points import around
from autograd.verify.subjects.subject import leaves_of
from autograd.verify.testing import gradient_test


def square(x: Any) -> Any:
    return np.sum(x * x)


def wrong_above_3(x: Any) -> Any:
    return 2.0 * np.where(np.asarray(x) > 3.0, 1.5 * np.asarray(x), x)


def found(report: GradientReport) -> Points:
    """Where a check failed."""
    assert report.verdict is Verdict.FAIL, str(report)
    assert report.points is not None and report.points.failing
    assert f"failing input: {report.points.failing}" in str(report)
    return report.points


# --- a number -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [10, 20, 50])
def test_a_mistake_above_3_is_found_from_one_half(count: int, seed: int) -> None:
    assert check_gradients(square, 0.5, gradient=wrong_above_3).ok
    points = found(check_gradients(square, 0.5, gradient=wrong_above_3, points=count, seed=seed))
    assert points.failing == "4.0"
    assert float(points.original) > 3.0
    assert re.fullmatch(rf"random point \d+ of {count}", points.place)


@pytest.mark.parametrize(
    ("wrong", "start"),
    [
        (lambda x: x < -2.0, 0.5), (lambda x: x > 100.0, 0.5), (lambda x: abs(x) < 0.01, 0.5), (lambda x: x > 3.0, -0.5),
        (lambda x: x < 0.0, 1e-3), (lambda x: abs(x) > 1e3, 5.0), (lambda x: -1.0 < x < -0.6, -3.0), (lambda x: x > 3.0, 0.0),
    ],
)  # fmt: skip
def test_mistakes_of_other_sizes_and_signs_are_found(wrong: Any, start: float) -> None:
    report = check_gradients(lambda x: x * x, start, gradient=lambda x: 3.0 * x if wrong(x) else 2.0 * x, points=40)
    points = found(report)
    assert wrong(float(points.failing)) and wrong(float(points.original))
    assert len(points.failing) <= 6


def test_a_right_gradient_is_accepted_at_all_points() -> None:
    report = check_gradients(square, [0.5, -1.0], points=20, order=2)
    assert report.verdict is Verdict.PASS, str(report)
    assert report.points == Points(21)
    assert [row.compared for row in report.rows] == [42, 84]
    assert str(report).startswith("PASS: x of shape (2,), 126 slopes compared at 21 points, ")
    assert " evaluations of at most 10,000 a point" in str(report)
    for f in (np.sin, np.exp, lambda x: np.sum(np.maximum(x, 0.0)), lambda x: np.linalg.norm(x)):
        assert check_gradients(f, np.array([0.5, -2.0]), points=12).ok


def test_the_same_call_gives_the_same_report_and_another_seed_other_points() -> None:
    def check(seed: int, points: Any = 20) -> GradientReport:
        return check_gradients(square, [0.5, 1.0], gradient=wrong_above_3, points=points, seed=seed)

    assert check(0) == check(0)
    assert found(check(0)).original != found(check(1)).original
    drawn = lambda rng: rng.uniform(0.0, 5.0, 2)  # noqa: E731
    assert check(3, drawn) == check(3, drawn)
    assert check(3, st.floats(-9.0, 9.0)) == check(3, st.floats(-9.0, 9.0))


def test_random_points_have_the_shapes_and_dtypes_of_the_input() -> None:
    seen = set()

    def f(p: Any, y: Any, flag: Any) -> Any:
        seen.add((p["a"].shape, p["a"].dtype, np.shape(y), type(flag)))
        return np.sum(p["a"]) * y

    gradient = lambda p, y, flag: ({"a": np.full_like(p["a"], y)}, float(np.sum(p["a"])))  # noqa: E731
    inputs = {"a": np.ones((2, 3), np.float32)}, 0.5
    assert check_gradients(lambda p, y: f(p, y, True), *inputs, gradient=lambda p, y: gradient(p, y, True), points=12).ok
    assert seen == {((2, 3), np.dtype(np.float32), (), bool)}


def test_random_points_are_of_several_scales_and_both_signs() -> None:
    point = np.array([0.5, -2.0, 0.0])
    rng = np.random.default_rng(0)
    vectors = around(point, leaves_of([("x", point)]), rng)
    drawn = np.array([next(vectors) for _ in range(60)])
    assert (drawn > 0.0).any(axis=0).all() and (drawn < 0.0).any(axis=0).all()
    assert (abs(drawn) > 100.0).any() and (abs(drawn) < 1e-2).any()
    of_one_sign = [vector for vector in drawn if vector[0] > 0.0 > vector[1]]
    assert len(of_one_sign) >= 30  # domains are often those of one sign
    assert all(float(f"{number:.2e}") == number for number in drawn.ravel())


def test_points_outside_of_the_domain_are_counted_and_skipped() -> None:
    report = check_gradients(np.log, 0.5, points=20)
    assert report.verdict is Verdict.PASS and report.points is not None
    assert report.points.skipped > 0 and report.points.outside == "the result is nan"
    assert report.points.checked + report.points.skipped == 21
    assert f"{report.points.skipped} points outside of the domain of the function were skipped: the result is nan" in str(report)
    raising = check_gradients(lambda x: math.log(x), 0.5, gradient=lambda x: 1.0 / x, points=20)
    assert raising.ok and raising.points is not None and raising.points.outside.startswith("ValueError: ")
    matrix = check_gradients(lambda a: np.log(np.linalg.det(a @ a.T)), np.eye(2), points=[np.zeros((2, 2)), np.eye(2) + 0.1])
    assert matrix.ok and matrix.points == Points(2, 0, "", 1, "the result is -inf")
    cholesky = check_gradients(np.linalg.cholesky, np.eye(2), points=6)
    assert cholesky.points is not None and cholesky.points.outside.startswith("LinAlgError: ")


def test_where_every_point_is_outside_of_the_domain_nothing_is_accepted() -> None:
    report = check_gradients(lambda x: math.sqrt(x), 2.0, gradient=lambda x: 0.5 / math.sqrt(x), points=[-1.0, -2.0])
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reason.startswith("none of the 2 points of points= is in the domain of the function (ValueError: ")
    assert report.reason.endswith("): give a function of a numpy.random.Generator that returns inputs in the domain")
    assert f"reason: {report.reason}" in str(report)
    report = check_gradients(np.log, points=[-1.0])
    assert (report.verdict, report.points) == (Verdict.INCONCLUSIVE, Points(0, 0, "", 1, "the result is nan"))
    assert check_gradients(np.log, 1.0, points=[]).reason == "there are no points: points= is empty"


def test_the_given_input_is_the_first_point() -> None:
    report = check_gradients(square, [4.123, 0.77], gradient=wrong_above_3, points=5)
    points = found(report)
    assert (points.place, points.original, points.failing) == (
        "the given input",
        "np.array([4.123, 0.77])",
        "np.array([4.0, 0.0])",
    )
    with pytest.raises(ZeroDivisionError):
        check_gradients(lambda x: 1.0 / x, 0.0, gradient=lambda x: -1.0 / x**2, points=5)
    assert not check_gradients(np.log, -1.0, points=5).ok


def test_a_broken_contract_elsewhere_is_found() -> None:
    def gradient(x: Any) -> Any:
        return x if np.max(x) > 3.0 else x + 0.0

    report = check_gradients(lambda x: 0.5 * square(x), [0.5, 0.5], gradient=gradient, points=10)
    assert found(report) and report.broken[0].startswith("the gradient returns its input x")


# --- other sorts of points ------------------------------------------------------------------------


def generator() -> Iterator[float]:
    yield from (1.0, 2.5, 7.25)


def drawn_by(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield float(rng.uniform(-5.0, 5.0))


@pytest.mark.parametrize(
    "points",
    [
        [1.0, 2.5, 7.25], (1.0, 7.25), np.array([1.0, 7.25]), generator, generator(), iter([7.25]), range(1, 9), drawn_by,
        lambda rng: rng.uniform(0.0, 5.0), lambda: 7.25, st.floats(-10.0, 10.0), st.sampled_from([1.0, 4.0]),
    ],
    ids=["list", "tuple", "array", "generator function", "generator", "iterator", "range", "generator of rng", "function of rng",
         "function", "floats", "sampled"],
)  # fmt: skip
def test_points_from_iterables_functions_and_strategies(points: Any) -> None:
    place = found(check_gradients(square, gradient=wrong_above_3, points=points))
    assert place.failing == "4.0"


def test_several_inputs_are_a_tuple() -> None:
    def gradient(x: Any, y: Any) -> Any:
        return (y if y < 2.0 else 2.0 * y), x

    product = lambda x, y: x * y  # noqa: E731
    assert found(check_gradients(product, gradient=gradient, points=[(1.0, 1.0), (3.0, 5.5)])).failing == "(0.0, 2.0)"
    assert found(check_gradients(product, 1.0, 1.0, gradient=gradient, points=lambda rng: (1.0, 5.5))).failing == "(0.0, 2.0)"
    strategy = st.tuples(st.floats(0.5, 9.0), st.floats(0.5, 9.0))
    place = found(check_gradients(product, gradient=gradient, points=strategy))
    assert place.place == "of Hypothesis" and float(place.failing.strip("()").split(", ")[1]) >= 2.0
    shapes = [(np.ones(n), np.ones((n, 2))) for n in (1, 2, 5)]
    assert check_gradients(lambda x, w: np.sum(x @ w), points=shapes).ok


def test_given_points_that_are_undecided_are_not_accepted() -> None:
    rng = np.random.default_rng(0)
    rough = lambda x: x * x + 1e3 * rng.normal() * (x > 3.0)  # noqa: E731
    listed = check_gradients(rough, gradient=lambda x: 2.0 * x, points=[1.0, 5.0])
    assert listed.verdict is Verdict.INCONCLUSIVE
    assert listed.reason.startswith("the function is not deterministic")
    random = check_gradients(rough, 0.5, gradient=lambda x: 2.0 * x, points=12)
    assert random.points is not None and random.points.undecided > 0
    assert random.ok and " could not be decided: the function is not deterministic" in str(random)
    everywhere = check_gradients(lambda x: x * x + rng.normal() * (x != 0.5), 0.5, gradient=lambda x: 2.0 * x, points=12)
    assert not everywhere.ok


@pytest.mark.parametrize(
    ("points", "error", "text"),
    [
        (0, ValueError, "points is the number of random inputs to check as well, at least 1, got 0"),
        (-3, ValueError, "at least 1, got -3"),
        (2.5, TypeError, "points= is a number of random points, an iterable of inputs, a generator function, .* got 2.5"),
        (True, TypeError, "got True"),
        ("10", TypeError, "got '10'"),
        ({"x": 1.0}, TypeError, "got {'x': 1.0}"),
    ],
)
def test_invalid_points_are_refused(points: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        check_gradients(square, 0.5, points=points)


def test_a_number_of_points_needs_an_input() -> None:
    with pytest.raises(TypeError, match=r"draws random inputs around the given ones: give these as well, or points=\[x, ...\]"):
        check_gradients(square, points=5)


def test_an_error_of_the_gradient_names_the_input() -> None:
    def gradient(x: Any) -> Any:
        if x > 3.0:
            raise IndexError("no such row")
        return 2.0 * x

    with pytest.raises(IndexError) as error:
        check_gradients(square, 0.5, gradient=gradient, points=[1.0, 4.5])
    assert error.value.__notes__ == ["at the input 4.5"]


def test_endless_points_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points_module, "MOST", 30)
    report = check_gradients(lambda x: x, gradient=lambda x: 1.0, points=itertools.count())
    assert report.ok and report.notes == ("checked the first 30 of points=",)
    assert check_gradients(lambda x: x, 0.5, gradient=lambda x: 1.0, points=40).points == Points(41)


def test_points_do_not_change_data_of_the_caller() -> None:
    x, leaf = np.array([0.5, 1.0]), Value([0.5, 1.0])
    model = nn.Linear(2, 1, rng=0)
    before = model.weight.data.copy()
    check_gradients(lambda x, leaf, model: (model(x * leaf) ** 2).sum(), x, leaf, model, points=7)
    assert x.tolist() == leaf.data.tolist() == [0.5, 1.0]
    assert np.array_equal(model.weight.data, before)


# --- simple inputs --------------------------------------------------------------------------------


def test_the_failing_input_is_code_that_fails_again() -> None:
    rng = np.random.default_rng(0)
    report = check_gradients(square, rng.normal(size=(3, 4)), gradient=wrong_above_3, points=9)
    place = found(report)
    for code in (place.failing, place.original):
        assert not check_gradients(square, eval(code, {"np": np}), gradient=wrong_above_3).ok
    simple = eval(place.failing, {"np": np})
    assert simple.shape == (3, 4) and sorted(simple.ravel().tolist()) == [0.0] * 11 + [4.0]
    assert report.rows[0].claimed != report.rows[0].measured == pytest.approx(8.0)


def test_a_large_failing_input_is_short() -> None:
    x = np.random.default_rng(0).normal(size=(30, 30))
    report = check_gradients(square, x, gradient=wrong_above_3, points=[x * 1.5, x * 3.0])
    place = found(report)
    assert re.fullmatch(r"np\.bincount\(\[\d+\], \[4\.0\], 900\)\.reshape\(\(30, 30\)\)", place.failing)
    assert not check_gradients(square, eval(place.failing, {"np": np}), gradient=wrong_above_3).ok
    assert len(str(report)) < 3_000


def test_simplified_inputs_fail_in_the_same_way() -> None:
    """At zero the claim is nan, a different mistake from the one above 3."""
    slope = lambda x: (x * 3.0 if x > 3.0 else 2.0 * x) if x else np.nan  # noqa: E731
    assert found(check_gradients(square, gradient=slope, points=[1.0, 7.3])).failing == "4.0"


def test_numbers_become_simple() -> None:
    def smallest(start: float, fails: Any) -> float:
        point = np.array([start])
        return float(simplified(point, leaves_of([("x", point)]), lambda v: bool(fails(v[0])))[0])

    assert smallest(7.31, lambda x: x > 3.0) == 4.0
    assert smallest(-7.31, lambda x: x < -3.0) == -4.0
    assert smallest(0.731, lambda x: 0.0 < x < 0.8) == 0.5
    assert smallest(7345.2, lambda x: x > 1000.0) == 2000.0
    assert smallest(1e-7, lambda x: 0.0 < x < 1e-5) == 5e-6 or smallest(1e-7, lambda x: 0.0 < x < 1e-5) < 1e-5
    assert smallest(3.14159, lambda x: abs(x - 3.14159) < 1e-9) == 3.14159
    assert smallest(-2.0, lambda x: True) == 0.0
    assert smallest(-3.5, lambda x: abs(x) > 3.0) == 4.0


@dataclass
class Options:
    rate: float
    weights: Any


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (0.5, "0.5"), (np.float64(0.1), "0.1"), (np.float32(0.1), "np.float32(0.1)"), (np.nan, "np.nan"), (-np.inf, "-np.inf"),
        (True, "True"), (3, "3"), (None, "None"), (np.array(2.5), "np.array(2.5)"), (np.zeros((2, 3)), "np.zeros((2, 3))"),
        (np.zeros(0), "np.zeros(0)"), (np.full(3, 2.0, np.float32), "np.full(3, 2.0, dtype=np.float32)"),
        (np.array([[1.5, np.inf]]), "np.array([[1.5, np.inf]])"), (np.array([True, False]), "np.array([True, False])"),
        (np.array([1, 2]), "np.array([1, 2], dtype=np.int64)"), ((1.0,), "(1.0,)"), ([1.0, (2.0, 3.0)], "[1.0, (2.0, 3.0)]"),
        (np.array([1.0, 2.0], np.float16), "np.array([1.0, 2.0], dtype=np.float16)"), ({"a": "word"}, "{'a': 'word'}"),
        (Options(0.1, np.ones(3)), "Options(rate=0.1, weights=np.full(3, 1.0))"), (Value([1.0, 2.0]), "np.array([1.0, 2.0])"),
    ],
)  # fmt: skip
def test_code_of_inputs(item: Any, code: str) -> None:
    assert code_of(item) == code
    if not isinstance(item, Value):
        again = eval(code, {"np": np, "Options": Options})
        np.testing.assert_equal(again, item) if not isinstance(item, Options) else None


def test_code_of_a_large_array_has_all_of_it() -> None:
    x = np.random.default_rng(0).normal(size=(11, 12)).astype(np.float32)
    again = eval(code_of(x), {"np": np})
    assert again.dtype == x.dtype and np.array_equal(again, x)
    sparse = np.zeros((20, 20), np.float32)
    sparse[3, 4], sparse[7, 1] = 0.1, -2.0
    again = eval(code_of(sparse), {"np": np})
    assert len(code_of(sparse)) < 100 and again.dtype == np.float32 and np.array_equal(again, sparse)


# --- models, the command and pytest ---------------------------------------------------------------


@primitive(x=lambda g, out, x: g * 2.0 * x * (raw(x) < 3.0))
def square_of_small(x: Any) -> Any:
    """A square whose rule is wrong from 3 on."""
    return x * x


def loss(prediction: Any, target: Any) -> Any:
    return square_of_small(prediction - target).mean()


def test_the_parameters_of_a_model_are_moved() -> None:
    model = nn.Linear(2, 1, rng=0)
    x, y = np.array([[0.5, -0.5]]), np.zeros((1, 1))
    assert check_model(model, loss, x, y).ok
    report = check_model(model, loss, x, y, points=10)
    state = eval(found(report).failing, {"np": np})
    assert state.keys() == {"weight", "bias"}
    model.load_state_dict(state)
    assert not check_model(model, loss, x, y).ok
    assert check_model(nn.Linear(2, 1, rng=0), nn.mse_loss, x, y, points=10).ok


def test_batches_of_a_model() -> None:
    model = nn.Linear(2, 1, rng=0)
    batch = lambda rng: (rng.normal(size=(3, 2)), 10.0 * rng.normal(size=(3, 1)))  # noqa: E731
    place = found(check_model(model, loss, np.zeros((3, 2)), np.zeros((3, 1)), points=batch))
    x, y = eval(place.failing, {"np": np})
    assert x.shape == (3, 2) and y.shape == (3, 1) and np.count_nonzero(x) + np.count_nonzero(y) <= 2
    assert not check_model(model, loss, x, y).ok
    labels = lambda rng: (rng.normal(size=(4, 2)), rng.integers(0, 3, 4))  # noqa: E731
    assert check_model(nn.Linear(2, 3, rng=0), nn.cross_entropy, points=labels).ok


def test_assert_gradients_raises_with_the_failing_input() -> None:
    assert assert_gradients(square, 0.5, points=5).ok
    with pytest.raises(GradientError, match=r"failing input: 4\.0, simplified from "):
        assert_gradients(square, 0.5, gradient=wrong_above_3, points=20)


def test_a_test_of_a_strategy() -> None:
    gradient_test(np.tanh, points=arrays(float, 3, elements=st.floats(-5.0, 5.0)))()
    made = gradient_test(square, gradient=wrong_above_3, points=st.floats(-100.0, 100.0))
    with pytest.raises(GradientError) as error:
        made()
    assert "failing input: 4.0, simplified from " in str(error.value) and "(of Hypothesis)" in str(error.value)
    assert error.value.__context__ is None or "Failing" not in str(error.value.__context__)
    outside = check_gradients(np.log, points=st.floats(-5.0, -1.0))
    assert outside.verdict is Verdict.INCONCLUSIVE and "of points= is in the domain" in outside.reason


def test_hypothesis_is_imported_where_it_is_used(tmp_path: Path) -> None:
    program = (
        "import sys, autograd.verify.testing as t; t.gradient_test(abs, 0.5, points=3)(); print('hypothesis' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_the_command_takes_a_number_of_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import numpy as np\ndef f(x):\n    return x * x\ndef slope(x):\n    return 2.0 * x if x < 3.0 else 1.0\n"
    (tmp_path / "squares_of_points.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["squares_of_points:f", "--input", "value=0.5", "--gradient", "squares_of_points:slope"]
    assert main(words) == 0
    capsys.readouterr()
    assert main([*words, "--points", "20"]) == 1
    assert "failing input: 3.0, simplified from " in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*words, "--points", "0"])
    assert "argument --points: '0' is not a whole number from 1 on" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--power", "--points", "3"])
    assert "leave out points, or --power" in capsys.readouterr().err


def test_points_are_in_the_json() -> None:
    data = json.loads(check_gradients(square, 0.5, gradient=wrong_above_3, points=20).to_json())
    assert data["points"]["failing"] == "4.0"
    assert json.loads(check_gradients(square, 0.5).to_json())["points"] is None

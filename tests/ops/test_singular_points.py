"""First and second derivatives at kinks, ties and singular points: the subgradient of least norm per op, exact where smooth."""

from __future__ import annotations

import math
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd import Value, gradient
from autograd.verify import check_gradients
from tests.benchmarks.singular_points import CASES, IDENTITY, INF, OURS, Case, Missing, table, weighted
from tests.sweeps import sweep

#: Second derivatives of det at (a, b; c, d): its gradient is (d, -c, -b, a).
DET = [[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]
#: Second derivatives of the nuclear norm at the identity: the antisymmetric part of a step turns the polar factor.
NUCLEAR = [[0, 0, 0, 0], [0, 0.5, -0.5, 0], [0, -0.5, 0.5, 0], [0, 0, 0, 0]]
LN2 = math.log(2.0)

#: The first derivatives with respect to each element of each input, and all second ones; a number stands for all of them.
EXPECTED: dict[str, tuple[Any, Any]] = {
    "where(x > 0, sqrt(x), 0) at 0": (0, 0),
    "where(x > 0, log(x), 0) at 0": (0, 0),
    "where(x > 0, x * log(x), 0) at 0": (0, 0),
    "where(x > -1, log1p(x), 0) at -1": (0, 0),
    "where(x < 1, exp(x), 1 + x) at 1000": (1, 0),
    "x ** 0 at 0": (0, 0),
    "x ** 1 at 0": (1, 0),
    "x ** 2 at 0": (0, 2),
    "0 ** x at 0": (0, 0),
    "x ** y at (0, 0)": (0, 0),
    "x ** y at (0, 2)": (0, [[2, 0], [0, 0]]),
    "x ** y at (2, 0)": ([0, LN2], [[0, 0.5], [0.5, LN2**2]]),
    "sqrt(x) at 0": (INF, -INF),
    "abs(x) ** 1.5 at 0": (0, 0),
    "abs(x) ** 2 at 0": (0, 0),  # 2 is lost: the slope of abs at its kink is the constant 0
    "abs(x) at 0": (0, 0),
    "relu(x) at 0": (0, 0),
    "maximum(x, 0) at 0": (0, 0),
    "clip(x, 0, 1) at 0": (0, 0),
    "clip(x, 0, 1) at 1": (0, 0),
    "maximum(x, y) at (1, 1)": (0.5, 0),
    "sign(x) at 0": (0, 0),
    "floor(x) at 1": (0, 0),
    "round(x) at 1": (0, 0),
    "mod(x, y) at (4, 2)": ([1, -2], 0),
    "interp, slopes 1 and 2 at the knot": (1, 0),
    "interp, slopes 1 and -1 at the knot": (0, 0),
    "hypot(x, y) at (0, 0)": (0, 0),
    "arctan2(x, y) at (0, 0)": (0, 0),
    "logaddexp(x, y) at (-inf, -inf)": (0, 0),
    "logaddexp(x, y) at (inf, inf)": (0.5, 0),
    "logaddexp(x, y) at (-inf, 0)": ([0, 1], 0),
    "xlogy(x, y) at (0, 0)": (0, 0),
    "xlogy(x, y) at (0, 1)": (0, [[0, 1], [1, 0]]),
    "sinc(x) at 0": (0, -(math.pi**2) / 3),
    "sigmoid(x) at 1000": (0, 0),
    "sigmoid(x) at -1000": (0, 0),
    "softplus(x) at 1000": (1, 0),
    "softplus(x) at -1000": (0, 0),
    "tanh(x) at 1000": (0, 0),
    "log_softmax(x)[0] at (1000, -1000)": (0, 0),
    "log_softmax(x)[0] at (-1000, 1000)": ([1, -1], 0),
    "logsumexp(x) at (-inf, 0)": ([0, 1], 0),
    "logsumexp(x) at (inf, inf)": (0.5, 0),
    "logsumexp(x) at (-inf, -inf)": (0, 0),
    "prod(x) at (0, 2, 3)": ([6, 0, 0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]]),
    "prod(x) at (0, 0, 3)": (0, [[0, 3, 0], [3, 0, 0], [0, 0, 0]]),
    "cumprod(x) @ (1, 2, 3) at (0, 2, 3)": ([23, 0, 0], [[0, 11, 6], [11, 0, 0], [6, 0, 0]]),
    "cumprod(x) @ (1, 2, 3) at (0, 0, 3)": ([1, 0, 0], [[0, 11, 0], [11, 0, 0], [0, 0, 0]]),
    "max(x) at (1, 2, 2)": ([0, 0.5, 0.5], 0),
    "sort(x) @ (1, 2, 3) at (1, 2, 2)": ([1, 2.5, 2.5], 0),
    "median(x) at (1, 2, 2)": ([0, 0.5, 0.5], 0),
    "median(x) at (1, 2, 2, 3)": ([0, 0.5, 0.5, 0], 0),
    "var(x) at (2, 2)": (0, [[0.5, -0.5], [-0.5, 0.5]]),
    "std(x) at (2, 2)": (0, 0),
    "std(x) at (0.1, 0.1, 0.1)": (0, 0),  # though np.std is 1e-17 there
    **{f"{name}(x, axis={axis}) at shape (0, 3)": ([], 0) for name in ("sum", "prod", "mean") for axis in (0, 1)},
    "max(x, axis=1) at shape (0, 3)": ([], 0),
    "norm(x) at (0, 0)": (0, 0),
    "norm(x) ** 2 at (0, 0)": (0, 0),  # as abs(x) ** 2
    "norm(x, 1) at (0, 0)": (0, 0),
    "norm(x, 3) at (0, 0)": (0, 0),
    "norm(x, 3) at (0, 2)": ([0, 1], 0),
    "norm(x, inf) at (0, 0)": (0, 0),
    "norm(x) at shape (0,)": ([], 0),
    "norm(x, 'nuc') at the identity": ([1, 0, 0, 1], NUCLEAR),
    "norm(x, 'nuc') at zeros of shape (2, 2)": (0, 0),
    "sum(svdvals(x)) at the identity": ([1, 0, 0, 1], NUCLEAR),
    "svdvals(x)[0] at the identity": ([0.5, 0, 0, 0.5], None),
    "det(x) at ((1, 2), (2, 4))": ([4, -2, -2, 1], DET),
    "det(x) at zeros of shape (2, 2)": (0, DET),
}

#: Ties and kinks that the table of the benchmark leaves out.
MORE: list[tuple[Case, Any, Any]] = [
    (Case("fmax(x, y)", "(1, 1)", lambda n, x, y: n.fmax(x, y), (1.0, 1.0)), 0.5, 0),
    (Case("fmin(x, y)", "(nan, 1)", lambda n, x, y: n.fmin(x, y), (math.nan, 1.0)), [0, 1], 0),
    (Case("maximum(x, y)", "(inf, inf)", lambda n, x, y: n.maximum(x, y), (INF, INF)), 0.5, 0),
    (Case("copysign(x, y)", "(0, 1)", lambda n, x, y: n.copysign(x, y), (0.0, 1.0)), 0, 0),
    (Case("heaviside(x, y)", "(0, 0.5)", lambda n, x, y: n.heaviside(x, y), (0.0, 0.5)), [0, 1], 0),
    (Case("x // y", "(4, 2)", lambda n, x, y: x // y, (4.0, 2.0)), 0, 0),
    (Case("fmod(x, y)", "(-4, 2)", lambda n, x, y: n.fmod(x, y), (-4.0, 2.0)), [1, 2], 0),
    (Case("x * abs(x)", "0", lambda n, x: x * abs(x), (0.0,)), 0, 0),
    (Case("x ** 3", "0", lambda n, x: x**3, (0.0,)), 0, 0),
    (Case("1 / x ** 2, chosen away", "0", lambda n, x: n.where(x > 0, 1 / x**2, x), (0.0,)), 1, 0),
    (Case("arccos(x), chosen away", "1", lambda n, x: n.where(abs(x) < 1, n.arccos(x), 0.0), (1.0,)), 0, 0),
    (Case("logaddexp2(x, y)", "(inf, inf)", lambda n, x, y: n.logaddexp2(x, y), (INF, INF)), 0.5, 0),
    (Case("logaddexp(x, y)", "(0, inf)", lambda n, x, y: n.logaddexp(x, y), (0.0, INF)), [0, 1], 0),
    (Case("logsumexp(x)", "(inf, 0)", lambda n, x: n.logsumexp(x, 0), ([INF, 0.0],)), [1, 0], 0),
    (Case("xlogy(x, y)", "(0, 2)", lambda n, x, y: n.xlogy(x, y), (0.0, 2.0)), [LN2, 0], [[0, 0.5], [0.5, 0]]),
    (Case("xlog1py(x, y)", "(0, -1)", lambda n, x, y: n.xlog1py(x, y), (0.0, -1.0)), 0, 0),
    (Case("softplus(x)", "inf", lambda n, x: n.softplus(x), (INF,)), 1, 0),
    (Case("tanh(x)", "-inf", lambda n, x: n.tanh(x), (-INF,)), 0, 0),
    (Case("sinc(x)", "1", lambda n, x: n.sinc(x), (1.0,)), -1, 2),
    (Case("interp", "an end", lambda n, x: n.interp(x, np.array([0.0, 1.0]), np.array([0.0, 1.0])), (1.0,)), 0, 0),
    (Case("prod(x)", "(0, 0, 0)", lambda n, x: n.prod(x), ([0.0, 0.0, 0.0],)), 0, 0),
    (Case("ptp(x)", "(2, 2)", lambda n, x: n.ptp(x), ([2.0, 2.0],)), 0, 0),
    (Case("min(x)", "((1, 1), (2, 1))", lambda n, x: n.min(x), ([[1.0, 1.0], [2.0, 1.0]],)), [1 / 3, 1 / 3, 0, 1 / 3], 0),
    (Case("max(x)", "(-inf, -inf)", lambda n, x: n.max(x), ([-INF, -INF],)), 0.5, 0),
    (Case("quantile(x, 0.25)", "(1, 1, 2, 3)", lambda n, x: n.quantile(x, 0.25), ([1.0, 1.0, 2.0, 3.0],)), [0.5, 0.5, 0, 0], 0),
    (Case("unique(x) @ (1, 2)", "(2, 1, 2)", lambda n, x: weighted(n.unique(x)), ([2.0, 1.0, 2.0],)), [1, 1, 1], 0),
    (Case("std(x)", "one element", lambda n, x: n.std(x), ([2.0],)), 0, 0),
    (Case("norm(x, -inf)", "(0, 0)", lambda n, x: n.norm(x, -INF), ([0.0, 0.0],)), 0, 0),
    (Case("norm(x, 0)", "(0, 1)", lambda n, x: n.norm(x, 0), ([0.0, 1.0],)), 0, 0),
    (Case("norm(x, 'fro')", "zeros of shape (2, 2)", lambda n, x: n.norm(x, "fro"), (0.0 * IDENTITY,)), 0, 0),
    (Case("norm(x, 1)", "the identity", lambda n, x: n.norm(x, 1), (IDENTITY,)), [0.5, 0, 0, 0.5], 0),
    (Case("det(x)", "a matrix of one zero", lambda n, x: n.det(x), ([[0.0]],)), 1, 0),
]

#: A case without elements that NumPy itself refuses.
REFUSED = "max(x, axis=0) at shape (0, 3)"
#: Equal singular values: their vectors are not determined, and a warning says so where a second derivative needs them.
COINCIDING = {
    "norm(x, 'nuc') at the identity",
    "norm(x, 'nuc') at zeros of shape (2, 2)",
    "sum(svdvals(x)) at the identity",
    "svdvals(x)[0] at the identity",
}
INFINITE = "sqrt(x) at 0"
#: Smooth cases, which differences can check.
SMOOTH = {
    "x ** 1 at 0", "x ** 2 at 0", "x ** y at (2, 0)", "xlogy(x, y) at (0, 1)", "sinc(x) at 0", "sigmoid(x) at 1000",
    "softplus(x) at 1000", "tanh(x) at 1000", "log_softmax(x)[0] at (-1000, 1000)", "prod(x) at (0, 2, 3)",
    "prod(x) at (0, 0, 3)", "cumprod(x) @ (1, 2, 3) at (0, 2, 3)", "cumprod(x) @ (1, 2, 3) at (0, 0, 3)", "var(x) at (2, 2)",
    "norm(x, 'nuc') at the identity", "sum(svdvals(x)) at the identity", "det(x) at ((1, 2), (2, 4))",
    "det(x) at zeros of shape (2, 2)",
}  # fmt: skip

POINTS = [(case, *EXPECTED[case.name]) for case in CASES if case.name in EXPECTED] + MORE


class Formed(NamedTuple):
    """A point as Python floats or as arrays of a dtype, with its derivatives."""

    case: Case
    first: Any
    second: Any
    form: str

    def __str__(self) -> str:
        return f"{self.case.name} {self.form}"


def formed(case: Case, first: Any, second: Any) -> list[Formed]:
    forms = ["float", "float64", "float32"] if elementwise(case) else ["float64", "float32"]
    return [Formed(case, first, second, form) for form in forms]


def elementwise(case: Case) -> bool:
    return case.point[0].__class__ is float


FORMS = {case.name: formed(case, first, second) for case, first, second in POINTS}


def inputs_of(case: Case, form: str) -> list[Value]:
    """The point as Python floats or as arrays; numbers are repeated twice in an array."""
    if form == "float":
        return [Value(item) for item in case.point]
    repeated = [[item, item] if item.__class__ is float else item for item in case.point]
    return [Value(np.array(item, dtype=form)) for item in repeated]


def computed(case: Case, inputs: list[Value]) -> Value:
    """The result as one number. Elements that are not chosen may overflow, and an empty mean is nan, with NumPy's warning."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        out = case.call(OURS, *inputs)
    return out if out.shape == () else out.sum()


def in_a_row(parts: list[Any]) -> np.ndarray:
    return np.concatenate([np.ravel(part) for part in parts])


def hessian(slopes: list[Value], inputs: list[Value]) -> np.ndarray:
    """All second derivatives: each element of each gradient differentiated with respect to each element of each input."""
    size = sum(item.size for item in inputs)
    rows = [np.zeros((0, size))]
    for slope in slopes:
        for place in range(slope.size):
            seed = np.zeros(slope.size, dtype=slope.dtype)
            seed[place] = 1.0
            rows.append(
                in_a_row([row.data for row in gradient(slope, inputs, seed.reshape(slope.shape) if slope.shape else 1.0)])
            )
    return np.vstack(rows)


def assert_equal(actual: np.ndarray, expected: Any, form: str) -> None:
    tolerance = 1e-6 if form == "float32" else 1e-14
    np.testing.assert_allclose(actual, np.broadcast_to(np.array(expected, dtype=float), actual.shape), tolerance, tolerance)


def silenced(case: Case) -> AbstractContextManager[Any]:
    """Infinite results obey np.errstate; all others raise no warning."""
    return np.errstate(divide="ignore") if case.name == INFINITE else nullcontext()


@sweep(FORMS, str)
def test_first_derivatives(point: Formed) -> None:
    case, first, _, form = point
    inputs = inputs_of(case, form)
    out = computed(case, inputs)
    with silenced(case):
        out.backward()
        slopes = gradient(out, inputs)
    if form != "float" and elementwise(case):
        first = np.repeat(np.broadcast_to(first, len(inputs)), 2)
    assert_equal(in_a_row([item.grad for item in inputs]), first, form)
    for item, slope in zip(inputs, slopes, strict=True):
        np.testing.assert_array_equal(slope.data, item.grad)
        for data in (item.grad, slope.data):
            assert data.__class__ is item.data.__class__
            assert form == "float" or (data.dtype, data.shape) == (np.dtype(form), item.shape)


@sweep({name: points for name, points in FORMS.items() if name not in COINCIDING}, str)
def test_second_derivatives(point: Formed) -> None:
    case, _, second, form = point
    inputs = inputs_of(case, form)
    with silenced(case):
        slopes = gradient(computed(case, inputs), inputs)
        found = hessian(slopes, inputs)
    if form != "float" and elementwise(case):
        one = np.broadcast_to(second, (len(inputs), len(inputs)))
        second = np.zeros((len(inputs), 2, len(inputs), 2))  # the two elements do not act on each other
        second[:, 0, :, 0] = second[:, 1, :, 1] = one
        second = second.reshape(found.shape)
    assert_equal(found, second, form)


@pytest.mark.parametrize("case", [case for case in CASES if case.name in SMOOTH], ids=lambda case: case.name)
def test_smooth_functions_against_differences(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* values that coincide")
        report = check_gradients(lambda *inputs: case.call(OURS, *inputs), *case.point, order=2)
    assert report.ok, report


@pytest.mark.parametrize("name", ["norm(x, 'nuc') at the identity", "sum(svdvals(x)) at the identity"])
def test_curvature_where_singular_values_coincide(name: str) -> None:
    (case,) = (case for case in CASES if case.name == name)
    inputs = inputs_of(case, "float64")
    slopes = gradient(computed(case, inputs), inputs)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* values that coincide")
        assert_equal(hessian(slopes, inputs), NUCLEAR, "float64")


@pytest.mark.parametrize(
    "name", ["sum", "mean", "max", "prod", "var", "std", "logsumexp", "norm", "cumsum", "cumprod", "sort", "median"]
)
def test_a_row_that_is_not_used_has_no_gradient(name: str) -> None:
    """The cotangent of the row is 0, and the slope of sqrt at its zero is infinite."""
    alone, both = Value([[1.0, 2.0]]), Value([[0.0, 4.0], [1.0, 2.0]])
    getattr(OURS, name)(np.sqrt(alone), axis=1)[0].sum().backward()
    getattr(OURS, name)(np.sqrt(both), axis=1)[1].sum().backward()
    np.testing.assert_array_equal(both.grad, np.vstack([[[0.0, 0.0]], alone.grad]))


def test_an_infinite_derivative_obeys_errstate() -> None:
    for start in (0.0, [0.0, 4.0]):
        x = Value(start)
        out = np.sqrt(x).sum()
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            out.backward()
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            gradient(out, x)


def test_the_largest_of_no_elements_is_refused() -> None:
    (case,) = (case for case in CASES if case.name == REFUSED)
    with pytest.raises(ValueError, match=r"max\(\) cannot take the shape \(0, 3\)"):
        computed(case, inputs_of(case, "float64"))


def test_every_case_has_an_expected_answer() -> None:
    assert {case.name for case in CASES} == {*EXPECTED, REFUSED}
    assert len(CASES) == len(EXPECTED) + 1
    assert {case.name for case in CASES} >= {*SMOOTH, *COINCIDING, INFINITE}


def test_the_table_shares_rows_and_omits_what_all_agree_on() -> None:
    def zeros(case: Case) -> tuple[list[Any], list[Any]]:
        if case.name == INFINITE:
            raise Missing("sqrt")
        return [np.array(-0.0)], [np.array([0.0, math.nan if case.name == "x ** 2 at 0" else 1e-16])]

    others = {"second": lambda case: ([0.0], [0.0])}
    header, ruler, *rows, blank, title, blank, same = table({"first": zeros, **others})
    assert header == "| case | first 1st; 2nd | second 1st; 2nd |"
    assert ruler == "|---|---|---|"
    assert rows == ["| `x ** 2` at 0 | 0; (0, **nan**) | 0; 0 |", "| `sqrt(x)` at 0 | no such function | 0; 0 |"]
    assert (blank, title) == ("", "The same in all:")
    assert same.startswith("- 0; 0: `where(x > 0, sqrt(x), 0)`, ")
    assert "; `clip(x, 0, 1)`, `floor(x)`, `round(x)` at 1; " in same
    assert len(table(others)) == 3  # a single library has none to agree with

"""Values and derivatives of elementwise operations against mpmath, over the whole range of a dtype."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import pytest

import autograd
import nn
from autograd import Value, gradient
from autograd.ops import functions, table
from tests.ops.precision import REFERENCES, SLOPES, Reference, line, measured
from tests.sweeps import sweep

F = functions()
#: The dtypes of numbers, and whether they are Python floats.
FORMS = [(np.float64, False), (np.float64, True), (np.float32, False)]
#: Where a factor of a derivative leaves the narrow range of float16 although the derivative does not.
NOT_IN_HALF = {"pow", "kv"}


def covered() -> set[str]:
    """The operations with a reference; the part after a comma names a case."""
    return {name.partition(",")[0] for name in REFERENCES}


def assert_within_bounds(name: str, dtype: Any, dense: int, floats: bool = False) -> None:
    bound = REFERENCES[name].bound
    wrong = [item for item in measured(name, dtype, dense, floats) if not item.ulp <= bound[len(item.key)]]
    worst = max(wrong, key=lambda item: item.ulp, default=None)
    assert not wrong, f"{len(wrong)} numbers are off by more than {bound} ulp, the worst is {worst}"


def test_every_elementwise_operation_has_a_reference() -> None:
    names = {op.name for op in table().values() if op.kind == "elementwise"} - {"where", "astype"}  # they choose and round
    assert names - covered() - set(SLOPES) == set()
    assert set(SLOPES) <= set(table())
    assert set(SLOPES.values()) <= covered()


class Measure(NamedTuple):
    """One measurement of a reference."""

    name: str
    dtype: Any
    floats: bool = False

    def __str__(self) -> str:
        return f"{self.name} of {'floats' if self.floats else np.dtype(self.dtype)}"


def by_operation(measures: Iterable[Measure]) -> dict[str, list[Measure]]:
    groups: dict[str, list[Measure]] = {}
    for measure in measures:
        groups.setdefault(measure.name.partition(",")[0], []).append(measure)
    return groups


FINE = [name for name, reference in REFERENCES.items() if not reference.coarse]


@sweep(by_operation(Measure(name, *form) for name in FINE for form in FORMS), str)
def test_values_and_derivatives_are_right_to_a_few_ulp(measure: Measure) -> None:
    assert_within_bounds(measure.name, measure.dtype, 0, measure.floats)


@sweep(by_operation(Measure(name, np.float16) for name in FINE if name not in NOT_IN_HALF), str)
def test_values_and_derivatives_in_half_precision(measure: Measure) -> None:
    assert_within_bounds(measure.name, measure.dtype, 0)


@pytest.mark.slow
@sweep(by_operation(Measure(name, *form) for name in REFERENCES for form in FORMS), str)
def test_values_and_derivatives_at_many_points(measure: Measure) -> None:
    assert_within_bounds(measure.name, measure.dtype, 1, measure.floats)


def test_a_slope_that_cancels_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    @autograd.primitive("elementwise", x=lambda g, out, x: g * (1.0 - out * out))
    def cancels(x: Any) -> Any:
        return np.tanh(x)

    monkeypatch.setitem(REFERENCES, "cancels", Reference(mp.tanh, call=cancels))
    worst = {key: max(item.ulp for item in measured("cancels", np.float64) if item.key == key) for key in ("", "x", "xx")}
    assert worst[""] < 4.0 < 1e6 < min(worst["x"], worst["xx"])


def test_points_are_of_every_size_and_close_to_both_ends() -> None:
    points = line(np.float64, -1.0, math.inf)
    assert points[0] < -1.0 + 1e-15
    assert points[-1] > 1e307
    assert np.min(np.abs(points[points != 0.0])) < 1e-308
    assert {np.dtype(dtype) for dtype in (np.float16, np.float32)} == {line(dtype).dtype for dtype in (np.float16, np.float32)}


# --- far out --------------------------------------------------------------------------------------


def derivatives(f: Any, x: float) -> tuple[float, float, float]:
    """The value and the derivatives of first and second order, of floats, which are those of arrays as well."""
    found = []
    for point in (Value(x), Value(np.array([x]))):
        out = f(point)
        first = gradient(F["sum"](out), point)
        second = gradient(F["sum"](first), point)
        found.append([float(np.sum(item.data)) for item in (out, first, second)])
    np.testing.assert_allclose(found[1], found[0], rtol=4e-15)
    return found[0][0], found[0][1], found[0][2]


@pytest.mark.parametrize("x", [1.0, 5.0, 15.0, 40.0, 300.0, 700.0])
def test_saturated_slopes_are_those_of_the_exponential(x: float) -> None:
    with mp.workdps(400):
        fall = mp.exp(-x)
        bell = fall / (1 + fall) ** 2  # of the logistic function, and four times that of tanh at half of x
        curve = bell * (1 - fall) / (1 + fall)
    right = float(bell), float(curve)
    for sign in (1.0, -1.0):
        np.testing.assert_allclose(derivatives(F["sigmoid"], sign * x)[1:], (right[0], -sign * right[1]), rtol=2e-15)
        np.testing.assert_allclose(derivatives(F["expit"], sign * x)[1:], (right[0], -sign * right[1]), rtol=2e-15)
        steep = derivatives(F["tanh"], 0.5 * sign * x)[1:]
        np.testing.assert_allclose(steep, (4 * right[0], -8 * sign * right[1]), rtol=2e-15)
        np.testing.assert_allclose(derivatives(F["softplus"], sign * x)[2], right[0], rtol=2e-15)
    for f, scale in ((lambda v: F["elu"](v, 1.5), 1.5), (F["selu"], 1.0507009873554805 * 1.6732632423543772)):
        np.testing.assert_allclose(derivatives(f, -x)[1:], [scale * math.exp(-x)] * 2, rtol=1e-15)
    np.testing.assert_allclose(
        derivatives(lambda v: F["celu"](v, 2.0), -x)[1:], (math.exp(-x / 2), math.exp(-x / 2) / 2), rtol=1e-15
    )


def test_far_tails_of_the_normal_distribution() -> None:
    """Far below 0 the logarithm is -x^2 / 2 - log(-x), and all else small."""
    _, first, second = derivatives(F["log_ndtr"], -1e8)
    np.testing.assert_allclose((first, second), (1e8 + 1e-8, -1.0 + 1e-16), rtol=1e-15)
    _, first, second = derivatives(F["erfcx"], 1e8)  # 1 / (sqrt(pi) x)
    np.testing.assert_allclose((first, second), (-1e-16 / math.sqrt(math.pi), 2e-24 / math.sqrt(math.pi)), rtol=1e-15)
    assert derivatives(F["erfcx"], math.inf)[1:] == (0.0, 0.0)


def test_a_long_and_a_short_side() -> None:
    x, y = Value(1e8), Value(1.0)
    slope = gradient(np.hypot(x, y), [x, y])
    assert gradient(slope[0], x).data == pytest.approx(1e-24, rel=1e-15)  # y^2 / r^3
    assert gradient(slope[1], y).data == pytest.approx(1e-8, rel=1e-15)
    assert gradient(slope[0], y).data == pytest.approx(-1e-16, rel=1e-15)
    for size in (1e-200, 1e200, 1e307):
        x, y = Value(3.0 * size), Value(np.array([4.0 * size]))
        assert [float(np.sum(item.data)) for item in gradient(np.hypot(x, y).sum(), [x, y])] == pytest.approx([0.6, 0.8])
        turn = [float(np.sum(item.data)) for item in gradient(np.arctan2(x, y).sum(), [x, y])]
        if size > 1e-300:
            assert turn == pytest.approx([0.16 / size, -0.12 / size], rel=1e-15)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6])
def test_the_reciprocal_gamma_function_at_its_zeros(n: int) -> None:
    """Between the poles of gamma it is entire: near -n it is (-1)^n n! (z - digamma(n + 1) z^2)."""
    value, first, second = derivatives(F["rgamma"], -float(n))
    slope = (-1.0) ** n * math.factorial(n)
    assert value == 0.0
    assert first == pytest.approx(slope, rel=1e-14)
    assert second == pytest.approx(-2.0 * slope * float(mp.digamma(n + 1)), rel=1e-14)


def test_poles_of_the_beta_function_that_cancel() -> None:
    """beta(a, 1) is 1 / a, and beta(a, 2) is 1 / (a (a + 1)), also for negative whole numbers a."""
    for a in (-2.0, -5.0, 0.5, -0.5, 3.0):
        x = Value(a)
        slope = gradient(F["betaln"](x, 1.0), x)
        assert (slope.data, gradient(slope, x).data) == pytest.approx((-1.0 / a, 1.0 / a**2), rel=1e-14)
        assert gradient(F["betaln"](1.0, x), x).data == pytest.approx(-1.0 / a, rel=1e-14)
        assert gradient(F["beta"](x, 1.0), x).data == pytest.approx(-1.0 / a**2, rel=1e-14)
        if a != -1.0:
            assert gradient(F["betaln"](x, 2.0), x).data == pytest.approx(-1.0 / a - 1.0 / (a + 1.0), rel=1e-14)
    x, y = Value(2.5), Value(1e-200)  # log(y) and little more
    assert gradient(F["betaln"](x, y), x).data == pytest.approx(-1e-200 * float(mp.psi(1, 2.5)), rel=1e-14)


@pytest.mark.parametrize("x", [0.5, 20.0, 60.0])
def test_binary_cross_entropy_of_confident_logits(x: float) -> None:
    """The loss of a right answer is log(1 + e^-x), its slope -1 / (1 + e^x); of a wrong one x more, and 1 more."""
    loss, slope = math.log1p(math.exp(-x)), 1.0 / (1.0 + math.exp(x))
    for weight in (None, 3.0):
        factor = weight or 1.0
        logits = Value([x, -x, -x, x])
        losses = nn.binary_cross_entropy_with_logits(logits, [1.0, 0.0, 1.0, 0.0], reduction="none", pos_weight=weight)
        np.testing.assert_allclose(losses.data, [factor * loss, loss, factor * (x + loss), x + loss], rtol=2e-15)
        expected = [-factor * slope, slope, -factor * (1.0 - slope), 1.0 - slope]
        first = gradient(F["sum"](losses), logits)
        np.testing.assert_allclose(first.data, expected, rtol=2e-15)
        curve = slope * (1.0 - slope) * np.array([factor, 1.0, factor, 1.0])
        np.testing.assert_allclose(gradient(F["sum"](first), logits).data, curve, rtol=2e-15)
    logits, target = Value(1e-9), Value(0.25)
    slopes = gradient(nn.binary_cross_entropy_with_logits(logits, target), [logits, target])
    assert [item.data for item in slopes] == pytest.approx([0.25, -1e-9], rel=1e-8)


@pytest.mark.parametrize("z", [0.5, 8.0, 25.0])
def test_recurrent_layers_far_out(z: float) -> None:
    """Without a weight every gate has the input z: the slopes are those of sigmoid and tanh."""
    gate, bell, steep = 1 / (1 + math.exp(-z)), math.exp(-z) / (1 + math.exp(-z)) ** 2, 1 / math.cosh(z) ** 2
    half = np.full((1, 1), 0.5)
    x = Value(np.full((1, 1, 1), z))
    np.testing.assert_allclose(gradient(F["rnn"](x, np.zeros((1, 1)), half)[0].sum(), x).data.item(), steep, rtol=1e-14)
    x = Value(np.full((1, 1, 4), z))
    slopes = gradient(F["lstm"](x, np.zeros((4, 1)), half, half)[2].sum(), x).data.ravel()
    np.testing.assert_allclose(slopes, [bell * math.tanh(z), 0.5 * bell, gate * steep, 0.0], rtol=1e-14)
    x = Value(np.full((1, 1, 3), z))
    slopes = gradient(F["gru"](x, np.zeros((3, 1)), None, half)[0].sum(), x).data.ravel()
    np.testing.assert_allclose(slopes, [0.0, bell * (0.5 - math.tanh(z)), steep / (1 + math.exp(z))], rtol=1e-13, atol=1e-300)


# --- rows -----------------------------------------------------------------------------------------

EQUAL = [[1e17, 1e17], [1e300, 1e300], [-1e17, -1e17], [7.0, 7.0]]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("row", EQUAL, ids=str)
def test_equal_logits_share_at_any_size(row: list[float], dtype: Any) -> None:
    if dtype is np.float32 and abs(row[0]) > 1e38:
        row = [1e37, 1e37]
    x = Value(np.array([row], dtype=dtype))
    half = np.array([[0.5, 0.5]])
    np.testing.assert_array_equal(gradient(F["logsumexp"](x), x).data, half)
    np.testing.assert_array_equal(gradient(F["logsumexp"](x, axis=-1).sum(), x).data, half)
    np.testing.assert_array_equal(gradient(F["log_softmax"](x)[0, 0], x).data, half * [[1, -1]])
    np.testing.assert_array_equal(gradient(nn.cross_entropy(x, [0]), x).data, half * [[-1, 1]])
    np.testing.assert_array_equal(gradient(nn.cross_entropy(x, [0], label_smoothing=0.5), x).data, half * [[-0.5, 0.5]])
    np.testing.assert_array_equal(gradient(nn.cross_entropy(x, np.array([[1.0, 0.0]], dtype)), x).data, half * [[-1, 1]])


def test_a_confident_row_keeps_its_small_gradients() -> None:
    """Of the logits (50, 10, 0) the probabilities of the others are e^-40 and e^-50, and 1 less the first is their sum."""
    x = Value(np.array([50.0, 10.0, 0.0]))
    small = np.exp([-40.0, -50.0])
    rest = float(small.sum())
    toward = np.array([-rest, *small])
    close = {"rtol": 1e-15}
    np.testing.assert_allclose(nn.cross_entropy(x.reshape(1, 3), [0]).data, rest, **close)
    np.testing.assert_allclose(F["log_softmax"](x).data[0], -rest, **close)
    np.testing.assert_allclose(gradient(nn.cross_entropy(x.reshape(1, 3), [0]), x).data, toward, **close)
    np.testing.assert_allclose(gradient(F["log_softmax"](x)[0], x).data, -toward, **close)
    np.testing.assert_allclose(gradient(F["softmax"](x)[0], x).data, -toward, **close)
    np.testing.assert_allclose(F["logsumexp"](x - 50.0).data, rest, **close)
    for f in (lambda v: nn.cross_entropy(v.reshape(1, 3), [0]), F["logsumexp"], lambda v: -F["log_softmax"](v)[0]):
        curvature = np.array([gradient(gradient(f(x), x)[i], x).data for i in range(3)])
        np.testing.assert_allclose(np.diag(curvature), [rest, *small], **close)
        np.testing.assert_allclose(curvature[0], [rest, *-small], **close)


def test_logsumexp_over_several_axes_is_the_softmax_of_all() -> None:
    data = np.random.default_rng(0).normal(size=(2, 3, 4)) * 5.0
    for axis in (None, (0, 2), (1,), -1):
        x = Value(data)
        weights = np.exp(data) / np.sum(np.exp(data), axis, keepdims=True)
        np.testing.assert_allclose(gradient(F["sum"](F["logsumexp"](x, axis)), x).data, weights, rtol=1e-14)


def test_nan_reaches_the_slopes_of_a_product_with_a_logarithm() -> None:
    for name in ("xlogy", "xlog1py"):
        x, y = Value(0.0), Value(math.nan)
        out = F[name](x, y)
        with np.errstate(all="ignore"):
            assert all(math.isnan(item.data) for item in (out, *gradient(out, [x, y])))
        y = Value(0.0 if name == "xlogy" else -1.0)
        assert [item.data for item in gradient(F[name](x, y), [x, y])] == [0.0, 0.0]


# --- shapes ---------------------------------------------------------------------------------------

PAIRS = ["maximum", "minimum", "fmax", "fmin", "clip", "hypot", "arctan2", "pow", "mod", "copysign", "xlogy", "logaddexp", "div"]


@pytest.mark.parametrize("number", [math.nan, math.inf, 0.0, -1.5])
@pytest.mark.parametrize("name", PAIRS)
def test_a_number_and_an_array_give_the_shape_of_both(name: str, number: float) -> None:
    array = np.array([[0.5], [math.nan], [2.0]])
    for given in ((Value(number), array), (array, Value(number)), (number, Value(array)), (Value(number), Value(array))):
        with np.errstate(all="ignore"):
            out = F[name](*given)
            plain = F[name](*(item.data if isinstance(item, Value) else item for item in given))
            inputs = [item for item in given if isinstance(item, Value)]
            slopes = gradient(F["sum"](out), inputs)
        assert out.shape == (3, 1)
        np.testing.assert_array_equal(out.data, plain)
        assert [slope.shape for slope in slopes] == [item.shape for item in inputs]

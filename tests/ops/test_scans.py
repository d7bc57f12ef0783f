"""Running products and extremes, and the methods of ufuncs: exact values, by rational arithmetic and by definition."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from autograd import Value, grad, hessian, jvp
from autograd.ops import functions
from autograd.verify import check_gradients
from tests.sweeps import slow

HUGE, TINY = 2.0**700, 2.0**-700
#: Factors whose products overflow or underflow on the way, but not all at the end; some are zero.
FACTORS = [
    [TINY, HUGE, HUGE], [HUGE, TINY, TINY], [HUGE, HUGE, TINY, TINY, TINY], [HUGE, 0.0, 0.0, HUGE, HUGE],
    [0.0, HUGE, HUGE, TINY], [3.0, TINY, 0.0, TINY, HUGE, HUGE], [HUGE, HUGE, 0.0], [0.0], [0.0, 0.0], [2.0, 0.0, 3.0, 4.0],
    [TINY, TINY, 0.0, HUGE, -HUGE], [5e-324, 2.0, HUGE, 0.5], [HUGE, -HUGE, 1.0, TINY],
]  # fmt: skip


def rounded(x: Fraction) -> float:
    """The float next to a rational number, inf where there is none."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def slope_of_products(x: list[float], weights: list[float], left: tuple[int, ...]) -> float:
    """The derivative of ``sum(weights * cumprod(x))`` with respect to some different elements, exactly."""
    total = Fraction(0)
    for end, weight in enumerate(weights, 1):
        if max(left) < end:
            total += Fraction(weight) * math.prod(Fraction(x[k]) for k in range(end) if k not in left)
    return rounded(total)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value|underflow) encountered")
@pytest.mark.parametrize("x", FACTORS)
@pytest.mark.parametrize("name", ["prod", "cumprod", "cumulative_prod", "nancumprod", "nanprod"])
def test_products_at_the_edge_of_floats(name: str, x: list[float]) -> None:
    """Values as NumPy's; derivatives are the exact ones of first and second order, also between zeros and at 1e400."""
    function = functions()[name]
    weights = [1.0] * len(x) if "cum" in name else [0.0] * (len(x) - 1) + [1.0]
    places = range(len(x))
    np.testing.assert_array_equal(function(Value(x)).data, getattr(np, name.replace("ulative_", ""))(np.array(x)))
    slopes = [slope_of_products(x, weights, (i,)) for i in places]
    np.testing.assert_allclose(grad(lambda x: function(x).sum())(np.array(x)), slopes, rtol=1e-15)
    curvature = [[0.0 if i == j else slope_of_products(x, weights, (i, j)) for j in places] for i in places]
    if np.isfinite(slopes).all():
        np.testing.assert_allclose(hessian(lambda x: function(x).sum())(np.array(x)), curvature, rtol=1e-15)


def test_products_over_axes_and_their_third_derivatives() -> None:
    x = np.random.default_rng(0).uniform(-2.0, 2.0, (2, 2, 2))
    x[0, 1, 1] = x[1, 1, 0] = x[1, 0, 0] = 0.0
    weights = np.arange(1.0, 9.0).reshape(x.shape)
    for f in (
        lambda x: x.prod(axis=(2, 0)) @ weights[0, :, 0], lambda x: (x.cumprod(axis=1) * weights).sum(), lambda x: x.prod(),
        lambda x: np.nanprod(x, axis=(0, 1)).sum(),
    ):  # fmt: skip
        assert check_gradients(f, x, order=2).ok
        slope = grad(f)(x)
        np.testing.assert_allclose(jvp(f, (x,), (weights,))[1], np.sum(slope * weights), rtol=1e-12)
    assert check_gradients(np.prod, np.array([0.0, 2.0, 0.0]), order=3).ok
    assert check_gradients(lambda x: np.cumprod(x) @ [1.0, 2.0, 4.0], np.array([0.0, 0.0, 3.0]), order=3).ok
    for dtype, scale in ((np.float32, 2.0**100), (np.float16, 2.0**12)):
        data = np.array([scale, scale, 1.0 / scale, 0.0], dtype)
        with np.errstate(all="ignore"):
            slope = grad(np.prod)(data)
        assert slope.dtype == dtype
        assert slope.tolist() == [0.0, 0.0, 0.0, scale]


@pytest.mark.filterwarnings("ignore:(overflow|invalid value|underflow) encountered")
def test_products_of_many_factors() -> None:
    """Their logarithms add up: there are 3,000 factors, and products of 1,000 of them overflow."""
    rng = np.random.default_rng(6)
    for zeros in ([], [1234], [5, 2999]):
        x = rng.choice([-1.0, 1.0], 3000) * 2.0 ** np.concatenate([np.full(1000, 3.0), np.full(1500, -3.0), np.full(500, 3.0)])
        x *= rng.uniform(0.8, 1.25, 3000)
        x[zeros] = 0.0
        slope = grad(np.prod)(x)
        total = np.sum(np.log2(np.abs(x), where=x != 0.0, out=np.zeros(3000)))
        sign = np.prod(np.sign(x[x != 0.0]))
        if len(zeros) < 2:
            right = sign * 2.0**total / x if not zeros else np.where(x == 0.0, sign * 2.0**total, 0.0)
            np.testing.assert_allclose(slope, right, rtol=1e-9)
        else:
            assert not slope.any()
    runs = grad(lambda x: np.cumprod(x)[::1000].sum())(x)  # the products of 1, 1,001 and 2,001 factors
    assert runs[1] == 0.0
    assert not np.isnan(runs).any()


# --- extremes so far ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "x", "slopes"),
    [
        ("maximum", [1.0, 3.0, 2.0], [1.0, 6.0, 0.0]),
        ("maximum", [1.0, 3.0, 3.0, 3.0, 1.0], [1.0, 2.0 + 2.0 + 8 / 3 + 16 / 3, 2.0 + 8 / 3 + 16 / 3, 8 / 3 + 16 / 3, 0.0]),
        ("minimum", [2.0, 2.0, 1.0, 1.0], [2.0, 1.0, 8.0, 4.0]),
        ("maximum", [1.0, math.nan, 3.0, math.nan], [1.0, 10.0, 0.0, 4.0]),
        ("fmax", [math.nan, 3.0, math.nan, 3.0], [1.0, 10.0, 0.0, 4.0]),
        ("fmin", [math.nan, 2.0, 1.0, 5.0], [1.0, 2.0, 12.0, 0.0]),
    ],
)  # fmt: skip
def test_the_extremes_so_far_share_equally_among_ties(name: str, x: list[float], slopes: list[float]) -> None:
    weights = 2.0 ** np.arange(len(x))
    value = Value(x)
    getattr(np, name).accumulate(value).backward(weights)
    np.testing.assert_allclose(value.grad, slopes, rtol=1e-15)


def test_running_extremes_agree_with_the_extreme_of_each_start() -> None:
    x = np.random.default_rng(1).integers(0, 4, (5, 7)).astype(float)
    weights = np.random.default_rng(2).standard_normal(x.shape)
    for name, whole in (("maximum", np.max), ("minimum", np.min), ("fmax", np.max), ("fmin", np.min)):
        ufunc = getattr(np, name)
        slope = grad(lambda x, ufunc=ufunc: (ufunc.accumulate(x, axis=1) * weights).sum())(x)
        parts = grad(lambda x, whole=whole: sum(whole(x[:, : k + 1], 1) @ weights[:, k] for k in range(7)))(x)
        np.testing.assert_allclose(slope, parts, atol=1e-14)
        both = [
            grad(lambda x, f=f: f(x) @ weights[0, :5])(x) for f in (lambda x, w=whole: w(x, 1), lambda x, u=ufunc: u.reduce(x, 1))
        ]
        np.testing.assert_allclose(*both, atol=1e-14)


# --- the methods of ufuncs ------------------------------------------------------------------------

UFUNCS = [
    np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2, np.subtract, np.divide, np.power,
    np.hypot, np.arctan2, np.copysign, np.fmod, np.remainder, np.floor_divide, np.heaviside,
]  # fmt: skip
MASK = np.array([True, False, True, True])
METHODS: dict[str, Callable[..., Any]] = {
    "reduce": lambda u, x: u.reduce(x), "reduce one axis": lambda u, x: u.reduce(x, axis=1, keepdims=True),
    "reduce all": lambda u, x: u.reduce(x, axis=None), "reduce two": lambda u, x: u.reduce(x, (0, 2)),
    "initial": lambda u, x: u.reduce(x, axis=-1, initial=1.5), "reduce nothing": lambda u, x: u.reduce(x[:0]),
    "reduce in float32": lambda u, x: u.reduce(x.astype("f4"), 1, np.float32), "accumulate": lambda u, x: u.accumulate(x),
    "accumulate last": lambda u, x: u.accumulate(x, axis=-1), "accumulate nothing": lambda u, x: u.accumulate(x[:0]),
    "reduceat": lambda u, x: u.reduceat(x, [0, 2, 1, 3], axis=2), "outer": lambda u, x: u.outer(x[0], x[1, 0]),
    "outer of a list": lambda u, x: u.outer([x[0, 0, 0], x[1, 0, 0]], x[0, 1]), "a number": lambda u, x: u.reduce(x[0, 0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_methods_of_ufuncs_are_those_of_numpy(ufunc: np.ufunc, name: str) -> None:
    """The same values, and an error where NumPy has one."""
    x, call = np.random.default_rng(3).uniform(0.6, 1.9, (2, 3, 4)), METHODS[name]
    if ufunc in (np.power, np.arctan2) and name.startswith(("reduce", "initial", "a number")):
        with pytest.raises(TypeError, match=r"depends on the layout in memory. Write functools.reduce\(np.\w+, v\)"):
            call(ufunc, Value(x))
        return
    try:
        expected = call(ufunc, x)
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            call(ufunc, Value(x))
        return
    out = call(ufunc, Value(x))
    data = out.data if isinstance(out, Value) else out
    assert np.shape(data) == np.shape(expected)
    np.testing.assert_allclose(data, expected, rtol=1e-5 if "float32" in name else 1e-12)


@pytest.mark.parametrize(
    "ufunc",
    [np.maximum, np.logaddexp, np.divide, *slow(np.fmin, np.logaddexp2, np.hypot, np.subtract)],
    ids=lambda ufunc: ufunc.__name__,
)
def test_derivatives_of_the_methods_of_ufuncs(ufunc: np.ufunc) -> None:
    x = np.random.default_rng(4).uniform(0.6, 1.9, (2, 2, 3))
    for call in (
        lambda x: ufunc.accumulate(x, axis=1), lambda x: ufunc.reduceat(x, [0, 2, 1], axis=2),
        lambda x: ufunc.reduce(x, axis=1, initial=x[0, 0, 0]), lambda x: ufunc.outer(x[0, 0], x[1]),
    ):  # fmt: skip
        report = check_gradients(call, x, order=2)
        assert report.ok, str(report)


def test_a_running_logaddexp_is_the_logsumexp_of_each_start() -> None:
    x = np.array([-1000.0, -math.inf, 3.0, 1000.0, 999.0])
    out = np.logaddexp.accumulate(Value(x))
    assert out.data.tolist() == [-1000.0, -1000.0, 3.0, 1000.0, 1000.0 + math.log1p(math.exp(-1.0))]
    slopes = grad(lambda x: np.logaddexp.accumulate(x).sum())(x)
    share = 1.0 / (1.0 + math.exp(-1.0))
    np.testing.assert_allclose(slopes, [2.0, 0.0, 1.0, 1.0 + share, 1.0 - share], rtol=1e-12)
    assert np.logaddexp.accumulate(Value([-math.inf, -math.inf])).data.tolist() == [-math.inf] * 2


def test_ufuncs_choose_elements_where_there_is_a_neutral_one() -> None:
    x = np.random.default_rng(5).uniform(0.6, 1.9, (2, 4))
    for ufunc, named in (
        (np.hypot, {}), (np.logaddexp, {}), (np.logaddexp2, {}), (np.logaddexp, {"initial": 2.0}),
        (np.fmax, {"initial": 0.0}), (np.maximum, {"initial": 1.7}), (np.add, {}), (np.multiply, {"initial": 3.0}),
    ):  # fmt: skip
        expected = ufunc.reduce(x, axis=1, where=MASK, **named)
        np.testing.assert_allclose(ufunc.reduce(Value(x), axis=1, where=MASK, **named).data, expected, rtol=1e-12)
    with pytest.raises(TypeError, match=r"np.subtract.reduce\(\) of a Value has no where=.*np.where\(\)"):
        np.subtract.reduce(Value(x), axis=1, where=MASK, initial=1.0)


def test_methods_of_plain_ufuncs_are_plain() -> None:
    v = Value([1.0, 0.0, 2.0])
    assert np.logical_and.reduce(v) == np.False_
    assert np.less.outer(v, v).tolist() == np.less.outer(v.data, v.data).tolist()
    assert np.logical_or.accumulate(v).tolist() == [True, True, True]
    with pytest.raises(TypeError, match=r"np.add.at\(\) changes its array, and.*write v = v.at\[i\].add\(u\)"):
        np.add.at(v, [0], 1.0)


def test_folds_are_made_of_the_same_steps() -> None:
    x = np.array([2.0, 5.0, 0.5])
    assert np.subtract.reduce(Value(x)).data == functools.reduce(float.__sub__, x.tolist())
    np.testing.assert_allclose(grad(np.subtract.reduce)(x), [1.0, -1.0, -1.0])
    np.testing.assert_allclose(grad(np.divide.reduce)(x), [1 / 2.5, -2.0 / 25.0 / 0.5, -2.0 / 5.0 / 0.25])

"""Special functions with parameters against mpmath, over wide ranges: values, and derivatives in every argument."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special

from autograd import Value, elementwise_grad, grad
from autograd.__main__ import supported

GAMMA = [
    (1e-8, 0.3), (0.01, 1e-10), (0.049, 0.7), (0.05, 0.7), (0.3, 1.2), (0.3, 1.4), (0.5, 3.0), (2.0, 1e-5), (2.0, 30.0),
    (30.0, 20.0), (30.0, 40.0), (200.0, 150.0), (200.0, 201.5), (5000.0, 5200.0), (1e-3, 2.0), (0.7, 200.0),
]  # fmt: skip
BETA = [
    (1e-6, 2.0, 0.3), (2.0, 1e-6, 0.3), (0.01, 0.02, 0.3), (0.3, 0.4, 0.42), (2.0, 3.0, 0.1), (2.0, 3.0, 0.9), (10.0, 0.1, 0.985),
    (300.0, 0.1, 0.99), (400.0, 300.0, 0.55), (400.0, 300.0, 0.3), (2000.0, 3.0, 0.99), (0.2, 100.0, 0.001), (0.2, 1e-3, 0.99),
    (3.0, 0.01, 0.999),
]  # fmt: skip


def exact(function: Callable[..., Any], point: tuple[float, ...], orders: tuple[int, ...]) -> float:
    with mpmath.workdps(60):
        numbers = tuple(map(mpmath.mpf, point))
        step = mpmath.mpf(10) ** -14 * min(map(abs, numbers))
        return float(mpmath.diff(function, numbers, orders, h=step))


def lower_gamma(a: Any, x: Any) -> Any:
    return mpmath.gammainc(a, 0, x, regularized=True)


def lower_beta(a: Any, b: Any, x: Any) -> Any:
    return mpmath.betainc(a, b, 0, x, regularized=True)


@pytest.mark.parametrize("point", GAMMA)
def test_incomplete_gamma_functions_have_derivatives_in_their_parameter(point: tuple[float, float]) -> None:
    first, second = exact(lower_gamma, point, (1, 0)), exact(lower_gamma, point, (2, 0))
    assert grad(scipy.special.gammainc)(*point) == pytest.approx(first, rel=3e-13)
    assert grad(scipy.special.gammaincc)(*point) == pytest.approx(-first, rel=3e-13)
    assert grad(grad(scipy.special.gammainc))(*point) == pytest.approx(second, rel=1e-11)
    mixed = grad(grad(scipy.special.gammainc), 1)(*point)
    assert mixed == pytest.approx(exact(lower_gamma, point, (1, 1)), rel=1e-11)


@pytest.mark.parametrize("point", BETA)
def test_incomplete_beta_functions_have_derivatives_in_their_parameters(point: tuple[float, float, float]) -> None:
    for argnum, orders in ((0, (1, 0, 0)), (1, (0, 1, 0))):
        slope = exact(lower_beta, point, orders)
        assert grad(scipy.special.betainc, argnum)(*point) == pytest.approx(slope, rel=1e-11)
        assert grad(scipy.special.betaincc, argnum)(*point) == pytest.approx(-slope, rel=1e-11)
    mixed = grad(grad(scipy.special.betainc, 0), 1)(*point)
    assert mixed == pytest.approx(exact(lower_beta, point, (1, 1, 0)), rel=1e-10)


def test_third_derivative_in_a_parameter() -> None:
    third = grad(grad(grad(scipy.special.gammainc)))(2.5, 1.7)
    assert third == pytest.approx(exact(lower_gamma, (2.5, 1.7), (3, 0)), rel=1e-11)


def test_parameters_broadcast_and_keep_their_dtype() -> None:
    a, x = Value(np.array([0.5, 2.0, 7.0], np.float32)), Value(np.array([[0.3], [3.0]], np.float32))
    out = scipy.special.gammainc(a, x)
    out.sum().backward()
    assert (out.dtype, a.grad.dtype, a.grad.shape, x.grad.shape) == (np.float32, np.float32, (3,), (2, 1))
    slopes = [sum(exact(lower_gamma, (p, y), (1, 0)) for y in (0.3, 3.0)) for p in (0.5, 2.0, 7.0)]
    np.testing.assert_allclose(a.grad, slopes, rtol=1e-5)


def test_at_the_ends_of_the_range() -> None:
    assert grad(scipy.special.gammainc)(2.0, 0.0) == 0.0
    assert grad(scipy.special.gammainc)(2.0, np.inf) == 0.0
    assert grad(grad(scipy.special.gammainc, 1))(2.5, 0.0) == 0.0
    assert math.isnan(grad(scipy.special.gammainc)(-1.0, 2.0))
    assert math.isnan(grad(scipy.special.gammainc)(1.0, math.nan))
    assert grad(scipy.special.betainc)(2.0, 3.0, 0.0) == 0.0
    assert grad(scipy.special.betainc, 1)(2.0, 3.0, 1.0) == 0.0
    assert math.isnan(grad(scipy.special.betainc)(0.0, 3.0, 0.5))


def test_inverses_undo_their_functions() -> None:
    point = (2.5, 0.3)
    assert grad(lambda a: scipy.special.gammainc(a, scipy.special.gammaincinv(a, 0.3)))(2.5) == pytest.approx(0.0, abs=1e-13)
    assert grad(lambda y: scipy.special.gammaincc(2.5, scipy.special.gammainccinv(2.5, y)))(0.3) == pytest.approx(1.0)
    x = float(scipy.special.gammaincinv(*point))
    assert grad(scipy.special.gammaincinv)(*point) == pytest.approx(
        -exact(lower_gamma, (2.5, x), (1, 0)) / exact(lower_gamma, (2.5, x), (0, 1)), rel=1e-12
    )
    assert grad(lambda b: scipy.special.betainc(2.0, b, scipy.special.betaincinv(2.0, b, 0.3)))(1.5) == pytest.approx(
        0, abs=1e-13
    )


@pytest.mark.parametrize("x", [1e-300, 1e-5, 0.3, 0.59, 0.61, 0.999999, 1.0, 1.0000001, 1.39, 1.41, 30.0, 1e10, 1e200])
def test_dilogarithm(x: float) -> None:
    with mpmath.workdps(60):
        z = mpmath.mpf(x)
        first = mpmath.log(z) / (1 - z) if x != 1.0 else mpmath.mpf(-1)
        second = (1 / z + first) / (1 - z) if x != 1.0 else mpmath.mpf(1) / 2
    assert grad(scipy.special.spence)(x) == pytest.approx(float(first), rel=1e-15)
    assert grad(grad(scipy.special.spence))(x) == pytest.approx(float(second), rel=1e-14)
    if 0.1 < x < 3.0:
        third = exact(lambda z: mpmath.polylog(2, 1 - z).real, (x,), (3,))
        assert grad(grad(grad(scipy.special.spence)))(x) == pytest.approx(third, rel=1e-13)


@pytest.mark.parametrize("x", [1e-300, 1e-5, 0.3, 1.5, 30.0, 700.0])
def test_exponential_integrals(x: float) -> None:
    with mpmath.workdps(60):
        first, second = (
            float(mpmath.exp(-x) * factor) for factor in (-1 / mpmath.mpf(x), (1 + 1 / mpmath.mpf(x)) / mpmath.mpf(x))
        )
        up = float(mpmath.exp(x) / mpmath.mpf(x))
    assert grad(scipy.special.exp1)(x) == pytest.approx(first, rel=1e-15)
    with np.errstate(over="ignore"):
        assert grad(grad(scipy.special.exp1))(x) == pytest.approx(second, rel=1e-15)
    assert grad(scipy.special.expi)(x) == pytest.approx(up, rel=1e-15)
    for n in (0, 1, 4):
        slope = elementwise_grad(lambda x, n=n: scipy.special.expn(n, x))(x)
        with mpmath.workdps(60):
            want = -mpmath.expint(n - 1, x) if x > 1e-200 or n > 1 else None
        if want is not None and abs(want) < 1e300:
            assert slope == pytest.approx(float(want), rel=1e-14)


@pytest.mark.parametrize("s", [1.0001, 1.5, 2.0, 7.3, 50.0, 0.5, 0.01, -0.5, -3.3])
def test_zeta_of_riemann(s: float) -> None:
    assert scipy.special.zeta(Value(s)).data == pytest.approx(float(mpmath.zeta(s)), rel=1e-13)
    assert grad(scipy.special.zeta)(s) == pytest.approx(float(mpmath.zeta(s, 1, 1)), rel=1e-12)
    assert grad(grad(scipy.special.zeta))(s) == pytest.approx(float(mpmath.zeta(s, 1, 2)), rel=1e-11)


@pytest.mark.parametrize("point", [(1.01, 0.3), (2.0, 1e-3), (3.0, 2.5), (7.0, 100.0), (30.0, 5.5)])
def test_zeta_of_hurwitz(point: tuple[float, float]) -> None:
    for argnum, orders in ((0, (1, 0)), (1, (0, 1))):
        assert grad(scipy.special.zeta, argnum)(*point) == pytest.approx(exact(mpmath.zeta, point, orders), rel=1e-13)
    assert grad(grad(scipy.special.zeta), 1)(*point) == pytest.approx(exact(mpmath.zeta, point, (1, 1)), rel=1e-12)


def test_relative_entropies() -> None:
    for x, y in [(0.3, 0.7), (0.7, 0.7 + 1e-12), (1e-300, 1.0), (1e200, 1e-100), (3.0, 3.0)]:
        with mpmath.workdps(60):
            ratio = mpmath.log(mpmath.mpf(x) / mpmath.mpf(y))
            excess = 1 - mpmath.mpf(x) / mpmath.mpf(y)
        assert grad(scipy.special.rel_entr)(x, y) == pytest.approx(float(ratio + 1), rel=1e-14)
        assert grad(scipy.special.kl_div)(x, y) == pytest.approx(float(ratio), rel=1e-15)
        assert grad(scipy.special.kl_div, 1)(x, y) == pytest.approx(float(excess), rel=1e-14)
    assert scipy.special.rel_entr(Value(0.0), 2.0).data == 0.0
    assert grad(scipy.special.rel_entr, 1)(0.0, 2.0) == 0.0
    assert grad(scipy.special.kl_div, 1)(0.0, 2.0) == 1.0


def test_logarithm_of_gamma_of_a_negative_number_is_not_real() -> None:
    assert math.isnan(scipy.special.loggamma(Value(-1.5)).data)
    assert math.isnan(grad(scipy.special.loggamma)(-1.5))
    assert grad(scipy.special.loggamma)(2.5) == pytest.approx(float(mpmath.digamma(2.5)), rel=1e-15)


def test_special_functions_with_parameters_are_in_the_support_table() -> None:
    names = supported()
    assert {"scipy.special.gammainc", "scipy.special.zeta", "scipy.special.spence", "scipy.special.kl_div"} <= names.keys()


SCALED = {
    "i0e": lambda x: mpmath.exp(-x) * mpmath.besseli(0, x), "i1e": lambda x: mpmath.exp(-x) * mpmath.besseli(1, x),
    "k0e": lambda x: mpmath.exp(x) * mpmath.besselk(0, x), "k1e": lambda x: mpmath.exp(x) * mpmath.besselk(1, x),
    "k0": lambda x: mpmath.besselk(0, x), "k1": lambda x: mpmath.besselk(1, x),
}  # fmt: skip


SLOW = [pytest.param(x, marks=pytest.mark.slow) for x in (3.0, 39.0, 43.0)]  # where mpmath takes seconds


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("x", [1e-10, 0.3, 0.95, 1.05, 600.0, 1e8, *SLOW])
def test_bessel_functions_are_exact_where_their_derivatives_cancel(name: str, x: float) -> None:
    ours = getattr(scipy.special, name)
    assert grad(ours)(x) == pytest.approx(exact(SCALED[name], (x,), (1,)), rel=3e-15)
    assert grad(grad(ours))(x) == pytest.approx(exact(SCALED[name], (x,), (2,)), rel=3e-15)


@pytest.mark.parametrize("v", [0.5, 2.5, pytest.param(5.0, marks=pytest.mark.slow)])
def test_scaled_bessel_functions_of_other_orders(v: float) -> None:
    x = np.array([0.01, 0.5, 2.0, 7.0, 30.0, 100.0, 1e6])
    for ours, theirs in (
        (scipy.special.ive, lambda x: mpmath.exp(-x) * mpmath.besseli(v, x)),
        (scipy.special.kve, lambda x: mpmath.exp(x) * mpmath.besselk(v, x)),
    ):
        for order, f in (
            (1, grad(lambda x, ours=ours: ours(v, x).sum())),
            (2, elementwise_grad(elementwise_grad(partial(ours, v)))),
        ):
            np.testing.assert_allclose(f(x), [exact(theirs, (item,), (order,)) for item in x], rtol=1e-13)


def test_scaled_bessel_functions_of_negative_numbers() -> None:
    x = np.array([0.4, 5.0, 77.0])
    even, odd = elementwise_grad(scipy.special.i0e), elementwise_grad(scipy.special.i1e)
    np.testing.assert_array_equal(even(-x), -even(x))
    np.testing.assert_array_equal(odd(-x), odd(x))
    assert grad(scipy.special.i0e)(0.0) == 0.0


def test_slopes_of_quantile_functions_are_infinite_at_both_ends() -> None:
    slopes = [
        grad(scipy.special.erfinv)(-1.0),
        grad(scipy.special.erfinv)(1.0),
        grad(scipy.special.ndtri)(0.0),
        grad(scipy.special.ndtri)(1.0),
    ]
    assert slopes == [np.inf] * 4
    assert [grad(scipy.special.erfcinv)(x) for x in (0.0, 2.0)] == [-np.inf] * 2


def test_slopes_of_zeta_at_its_pole_are_infinite() -> None:
    assert grad(scipy.special.zeta)(1.0) == -np.inf
    assert grad(lambda s: scipy.special.zeta(s, 2.0))(1.0) == -np.inf
    assert grad(grad(scipy.special.zeta))(1.0) == np.inf


@pytest.mark.filterwarnings("ignore:floating point number truncated")
def test_expn_of_an_order_that_is_not_whole_has_the_slope_of_the_order_that_scipy_takes() -> None:
    np.testing.assert_allclose(grad(lambda x: scipy.special.expn(1.5, x))(2.0), -np.exp(-2.0) / 2.0, rtol=1e-14)
    np.testing.assert_allclose(grad(lambda x: scipy.special.expn(0.5, x))(2.0), -0.75 * np.exp(-2.0), rtol=1e-14)

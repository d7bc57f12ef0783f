"""Incomplete gamma and beta functions, differentiable to any order in every argument, also in their parameters.

SciPy computes the functions. A derivative with respect to a parameter is the value times a weighted mean, so it is as accurate
as the value. The mean is that of a polynomial in the derivatives of the logarithm of the integrand, by quadrature, or, for tiny
parameters, of the terms of a power series. Formulas: NIST Digital Library of Mathematical Functions, 8.2, 8.7, 8.17.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.op import raw
from autograd.ops.define import primitive
from autograd.ops.elementwise import exp, float_dtype, log, pow, where
from autograd.ops.special import betaln, digamma, gammaln, polygamma, scipy_function

Array = np.ndarray

#: The nodes s of a quadrature of exponentially decaying functions: the trapezoidal rule in u, where s = e^u. They cover all
#: scales below 1.
NODES = np.exp(np.arange(-40.0, 4.6, 0.125))
#: The number of elements computed at a time, as each takes an array of nodes.
AT_ONCE = 2048
#: The power series is used for parameters below this, where the terms of the integral cancel.
SMALL = 0.05


def mixed_derivative(n: int, m: int, h: Callable[[int, int], Any]) -> Any:
    """The derivative of orders n and m of ``exp(h(a, b))``, divided by it, from the derivatives ``h(i, j)`` of h.

    These are complete Bell polynomials of two variables; they take numbers, arrays and Values.
    """

    @functools.cache
    def part(n: int, m: int) -> Any:
        if n == m == 0:
            return 1.0
        if n == 0:
            return sum(math.comb(m - 1, j) * h(0, j + 1) * part(0, m - 1 - j) for j in range(m))
        pairs = [(i, j) for i in range(n) for j in range(m + 1)]
        return sum(math.comb(n - 1, i) * math.comb(m, j) * h(i + 1, j) * part(n - 1 - i, m - j) for i, j in pairs)

    return part(n, m)


def psi(order: int, x: Any) -> Any:
    """The derivative of order `order` of digamma, for plain arrays."""
    return scipy_function("digamma")(x) if order == 0 else scipy_function("polygamma")(order, x)


def one_further(values: list[Array], z: Array) -> list[Array]:
    """digamma and its derivatives at z + 1, from those at z."""
    return [value + (-1) ** j * math.factorial(j) / z ** (j + 1) for j, value in enumerate(values)]


def by_pieces(slope: Callable[..., Array], inside: Callable[..., Array], *args: Any) -> Any:
    """``slope(*args)`` of flat arrays in pieces, as float64; 0 where they are not `inside`, nan where an argument is nan."""
    arrays = np.broadcast_arrays(*(np.asarray(item, dtype=float) for item in args))
    flat = [array.ravel() for array in arrays]
    with np.errstate(all="ignore"):
        out = np.where(np.isnan(sum(flat)), np.nan, 0.0)
        places = np.flatnonzero(inside(*flat))
        for start in range(0, len(places), AT_ONCE):
            here = places[start : start + AT_ONCE]
            out[here] = slope(*(array[here] for array in flat))
    return out.reshape(arrays[0].shape)


def power(x: Any, a: Any) -> tuple[Any, Any]:
    """x^a as a factor and the plain logarithm of another factor; neither overflows, and derivatives are correct also at 0."""
    scale = where(raw(x) == 0.0, 1.0, raw(x))
    return pow(x / scale, a), a * log(scale)


def logarithm(x: Any, weightless: Any) -> Any:
    """log(x); 0 where x is 0, where it is multiplied by a density of 0."""
    return log(where((raw(x) == 0.0) & weightless, 1.0, x))


# --- gamma ----------------------------------------------------------------------------------------


def gamma_density(a: Any, x: Any) -> Any:
    """x^(a - 1) e^-x / gamma(a)."""
    factor, logarithm = power(x, np.subtract(a, 1.0))
    return factor * exp(logarithm - x - gammaln(a))


def gamma_density_slope(a: Any, x: Any, n: int) -> Any:
    """The n-th derivative of gamma_density() with respect to `a`."""
    if n == 0:
        return gamma_density(a, x)

    def h(i: int, _: int) -> Any:
        return logarithm(x, raw(a) > 1.0) - digamma(a) if i == 1 else -polygamma(i - 1, a)

    return gamma_density(a, x) * mixed_derivative(n, 0, h)


def gamma_slope(n: int, a: Array, x: Array) -> Array:
    """The n-th derivative of gammainc with respect to `a`, at flat arrays of positive numbers."""
    right, small = x > a + 1.0, a < SMALL
    out = np.empty_like(a)
    for part, way in ((right, gamma_slope_right), (~right & small, gamma_slope_series), (~right & ~small, gamma_slope_left)):
        if part.any():
            out[part] = way(n, a[part], x[part])
    return out


def gamma_slope_right(n: int, a: Array, x: Array) -> Array:
    """gamma_slope() from the integral over t = x + s > x, for x on the right of most of the density."""
    whole = -scipy_function("gammaincc")(a, x)
    a, x = a[:, None], x[:, None]
    rate = (x - a + 1.0) / x
    s = NODES / (rate + np.sqrt(np.maximum(a, 1.0)) / x)
    weights = np.exp(-s * rate + (a - 1.0) * (np.log1p(s / x) - s / x)) * NODES
    first = np.log(x) - psi(0, a) + np.log1p(s / x)
    return weighted_mean(weights, mixed_derivative(n, 0, lambda i, _: first if i == 1 else -psi(i - 1, a))) * whole


def gamma_slope_left(n: int, a: Array, x: Array) -> Array:
    """gamma_slope() from the integral over t = x e^-v < x, for x on the left of most of the density."""
    whole = scipy_function("gammainc")(a, x)
    a, x = a[:, None], x[:, None]
    v = NODES * np.maximum(1.0 / a, 1.0 / (np.maximum(a - x, 0.0) + np.sqrt(x)) * (a > 1.0))
    weights = np.exp(-a * v - x * np.expm1(-v)) * NODES
    first = np.log(x) - psi(0, a) - v
    return weighted_mean(weights, mixed_derivative(n, 0, lambda i, _: first if i == 1 else -psi(i - 1, a))) * whole


def gamma_slope_series(n: int, a: Array, x: Array) -> Array:
    """gamma_slope() from the power series, whose terms are x^(a + k) e^-x / gamma(a + k + 1)."""
    values, z, term = [psi(order, a + 1.0) for order in range(n)], a + 1.0, np.ones_like(a)
    total, whole = np.zeros_like(a), np.zeros_like(a)
    while (term > 1e-18 * whole).any():

        def h(i: int, _: int, values: list[Array] = values) -> Any:
            return (np.log(x) if i == 1 else 0.0) - values[i - 1]

        total += term * mixed_derivative(n, 0, h)
        whole += term
        term, values, z = term * x / z, one_further(values, z), z + 1.0
    return scipy_function("gammainc")(a, x) * total / whole


def weighted_mean(weights: Array, values: Any) -> Array:
    """The weighted mean of each row."""
    return np.asarray((weights * values).sum(axis=1) / weights.sum(axis=1))


@primitive(
    "elementwise",
    a=lambda g, out, a, x, n: g * _gammainc_slope(a, x, n + 1),
    x=lambda g, out, a, x, n: g * gamma_density_slope(a, x, n),
)
def _gammainc_slope(a: Any, x: Any, n: int = 1) -> Any:
    """The derivative of order n of gammainc with respect to `a`; 0 where x is 0 or infinite, nan where `a` is not positive."""
    out = by_pieces(functools.partial(gamma_slope, n), lambda a, x: (a > 0.0) & (x > 0.0) & (x < np.inf), a, x)
    return np.where((np.asarray(a) <= 0.0) | (np.asarray(x) < 0.0), np.nan, out).astype(result_dtype(a, x))[()]


@primitive("elementwise", a=lambda g, out, a, x: g * _gammainc_slope(a, x), x=lambda g, out, a, x: g * gamma_density(a, x))
def gammainc(a: Any, x: Any) -> Any:
    """Compute scipy.special.gammainc, the lower incomplete gamma function divided by gamma(a)."""
    return scipy_function("gammainc")(a, x).astype(result_dtype(a, x))


@primitive("elementwise", a=lambda g, out, a, x: g * -_gammainc_slope(a, x), x=lambda g, out, a, x: -g * gamma_density(a, x))
def gammaincc(a: Any, x: Any) -> Any:
    """Compute scipy.special.gammaincc, the upper incomplete gamma function divided by gamma(a)."""
    return scipy_function("gammaincc")(a, x).astype(result_dtype(a, x))


@primitive(
    "elementwise",
    a=lambda g, out, a, y: g * -(_gammainc_slope(a, out) / gamma_density(a, out)),
    y=lambda g, out, a, y: g / gamma_density(a, out),
)
def gammaincinv(a: Any, y: Any) -> Any:
    """Compute scipy.special.gammaincinv, the x with gammainc(a, x) = y."""
    return scipy_function("gammaincinv")(a, y).astype(result_dtype(a, y))


@primitive(
    "elementwise",
    a=lambda g, out, a, y: g * -(_gammainc_slope(a, out) / gamma_density(a, out)),
    y=lambda g, out, a, y: -g / gamma_density(a, out),
)
def gammainccinv(a: Any, y: Any) -> Any:
    """Compute scipy.special.gammainccinv, the x with gammaincc(a, x) = y."""
    return scipy_function("gammainccinv")(a, y).astype(result_dtype(a, y))


# --- beta -----------------------------------------------------------------------------------------


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """x^(a - 1) (1 - x)^(b - 1) / beta(a, b)."""
    (left, first), (right, second) = power(x, np.subtract(a, 1.0)), power(1.0 - x, np.subtract(b, 1.0))
    return left * right * exp(first + second - betaln(a, b))


def beta_density_slope(a: Any, b: Any, x: Any, n: int, m: int) -> Any:
    """The derivative of orders n and m of beta_density() with respect to `a` and `b`."""
    if n == m == 0:
        return beta_density(a, b, x)

    def h(i: int, j: int) -> Any:
        out = polygamma(i + j - 1, a + b)
        if j == 0:
            out = out - polygamma(i - 1, a) + (logarithm(x, raw(a) > 1.0) if i == 1 else 0.0)
        if i == 0:
            out = out - polygamma(j - 1, b) + (logarithm(1.0 - x, raw(b) > 1.0) if j == 1 else 0.0)
        return out

    return beta_density(a, b, x) * mixed_derivative(n, m, h)


def beta_slope(n: int, m: int, a: Array, b: Array, x: Array) -> Array:
    """The derivative of orders n and m of betainc with respect to `a` and `b`, at flat arrays of positive numbers."""
    out = np.empty_like(a)
    right = x > a / (a + b)
    if right.any():
        out[right] = -beta_slope_left(m, n, b[right], a[right], 1.0 - x[right])
    if not right.all():
        out[~right] = beta_slope_left(n, m, a[~right], b[~right], x[~right])
    return out


def beta_slope_left(n: int, m: int, a: Array, b: Array, x: Array) -> Array:
    """beta_slope() for x on the left of most of the density."""
    series = (a < SMALL) & (x < 0.9)
    out = np.empty_like(a)
    for part, way in ((series, beta_slope_series), (~series, beta_slope_integral)):
        if part.any():
            out[part] = way(n, m, a[part], b[part], x[part])
    return out


def beta_slope_integral(n: int, m: int, a: Array, b: Array, x: Array) -> Array:
    """beta_slope() from the integral over t = x e^-v < x."""
    whole = scipy_function("betainc")(a, b, x)
    a, b, x = a[:, None], b[:, None], x[:, None]
    odds = x / (1.0 - x)
    rate = np.maximum(a - (b - 1.0) * odds, 0.0) + np.sqrt(np.maximum(b - 1.0, 0.0) * x) / (1.0 - x)
    v = NODES * np.maximum(1.0 / a, np.where(b > 1.0, 1.0 / np.maximum(rate, 1e-300), 0.0))
    weights = np.exp(-a * v + (b - 1.0) * np.log1p(-odds * np.expm1(-v))) * NODES

    def h(i: int, j: int) -> Any:
        out = psi(i + j - 1, a + b)
        if j == 0:
            out = out - psi(i - 1, a) + (np.log(x) - v if i == 1 else 0.0)
        if i == 0:
            out = out - psi(j - 1, b) + (np.log1p(-x * np.exp(-v)) if j == 1 else 0.0)
        return out

    return weighted_mean(weights, mixed_derivative(n, m, h)) * whole


def beta_slope_series(n: int, m: int, a: Array, b: Array, x: Array) -> Array:
    """beta_slope() from the series whose terms are gamma(a + b + k) / (gamma(b) gamma(a + k + 1)) x^(a + k) (1 - x)^b."""
    y, z, term = a + b, a + 1.0, np.ones_like(a)
    both, first = [psi(order, y) for order in range(n + m)], [psi(order, z) for order in range(n)]
    second = [psi(order, b) for order in range(m)]
    total, whole = np.zeros_like(a), np.zeros_like(a)
    while (term > 1e-18 * (1.0 - x) * whole).any():

        def h(i: int, j: int, both: list[Array] = both, first: list[Array] = first) -> Any:
            out = both[i + j - 1]
            if j == 0:
                out = out - first[i - 1] + (np.log(x) if i == 1 else 0.0)
            if i == 0:
                out = out - second[j - 1] + (np.log1p(-x) if j == 1 else 0.0)
            return out

        total += term * mixed_derivative(n, m, h)
        whole += term
        term, both, first, y, z = term * x * y / z, one_further(both, y), one_further(first, z), y + 1.0, z + 1.0
    return np.asarray(scipy_function("betainc")(a, b, x) * total / whole)


@primitive(
    "elementwise",
    a=lambda g, out, a, b, x, n, m: g * _betainc_slope(a, b, x, n + 1, m),
    b=lambda g, out, a, b, x, n, m: g * _betainc_slope(a, b, x, n, m + 1),
    x=lambda g, out, a, b, x, n, m: g * beta_density_slope(a, b, x, n, m),
)
def _betainc_slope(a: Any, b: Any, x: Any, n: int, m: int) -> Any:
    """The derivative of orders n and m of betainc in `a` and `b`; 0 where x is 0 or 1, nan where `a` or `b` is not positive."""
    out = by_pieces(functools.partial(beta_slope, n, m), lambda a, b, x: (a > 0.0) & (b > 0.0) & (x > 0.0) & (x < 1.0), a, b, x)
    wrong = (np.asarray(a) <= 0.0) | (np.asarray(b) <= 0.0) | (np.asarray(x) < 0.0) | (np.asarray(x) > 1.0)
    return np.where(wrong, np.nan, out).astype(result_dtype(a, b, x))[()]


@primitive(
    "elementwise",
    a=lambda g, out, a, b, x: g * _betainc_slope(a, b, x, 1, 0),
    b=lambda g, out, a, b, x: g * _betainc_slope(a, b, x, 0, 1),
    x=lambda g, out, a, b, x: g * beta_density(a, b, x),
)
def betainc(a: Any, b: Any, x: Any) -> Any:
    """Compute scipy.special.betainc, the regularised incomplete beta function."""
    return scipy_function("betainc")(a, b, x).astype(result_dtype(a, b, x))


@primitive(
    "elementwise",
    a=lambda g, out, a, b, y: g * -(_betainc_slope(a, b, out, 1, 0) / beta_density(a, b, out)),
    b=lambda g, out, a, b, y: g * -(_betainc_slope(a, b, out, 0, 1) / beta_density(a, b, out)),
    y=lambda g, out, a, b, y: g / beta_density(a, b, out),
)
def betaincinv(a: Any, b: Any, y: Any) -> Any:
    """Compute scipy.special.betaincinv, the x with betainc(a, b, x) = y."""
    return scipy_function("betaincinv")(a, b, y).astype(result_dtype(a, b, y))


@primitive(
    "elementwise",
    a=lambda g, out, a, b, x: g * -_betainc_slope(a, b, x, 1, 0),
    b=lambda g, out, a, b, x: g * -_betainc_slope(a, b, x, 0, 1),
    x=lambda g, out, a, b, x: g * -beta_density(a, b, x),
)
def betaincc(a: Any, b: Any, x: Any) -> Any:
    """Compute scipy.special.betaincc, 1 minus the regularised incomplete beta function."""
    return scipy_function("betaincc")(a, b, x).astype(result_dtype(a, b, x))


def result_dtype(*args: Any) -> Any:
    """The dtype of SciPy's result for these arguments, where plain numbers promote nothing."""
    arrays = [item for item in args if isinstance(item, (np.ndarray, np.generic))]
    return float_dtype(args[0]) if not arrays else np.result_type(*map(float_dtype, arrays))

"""Special functions, computed by scipy.special, an optional extra that is imported when one of them is called.

Derivatives: Abramowitz and Stegun (1964), chapters 6 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.op import Op, raw
from autograd.ops.define import as_float, binary, composed, formula, primitive
from autograd.ops.elementwise import (
    DENSITY,
    _bell,
    _times_rest,
    cos,
    float_dtype,
    log,
    sigmoid,
    sigmoid_rule,
    sin,
    sub,
    where,
)
from autograd.ops.kinks import zero_rule


def scipy_function(name: str) -> Callable[..., Any]:
    """The function of scipy.special with that name; each call looks it up, so that SciPy is imported only if needed."""

    def function(*args: Any) -> Any:
        try:
            import scipy.special
        except ImportError:
            raise ImportError(f"{name}() needs SciPy: pip install 'valuegrad[special]'") from None
        return getattr(scipy.special, name)(*args)

    return function


def special(name: str, what: str, rule: Callable[..., Any], domain: tuple[float, float] = (-2.0, 2.0)) -> Op:
    """Define an op of one input that SciPy computes; `what` it computes is for its docstring."""
    return formula(name, scipy_function(name), rule, domain, f"Compute scipy.special.{name}, {what}, elementwise.")


ROOT_PI = math.sqrt(math.pi)

# fmt: off
erf      = special("erf",      "the error function",               lambda g, out, x: g * (2.0 / ROOT_PI * _bell(x, 1.0)))
erfc     = special("erfc",     "1 - erf(x)",                       lambda g, out, x: g * (-2.0 / ROOT_PI * _bell(x, 1.0)))
erfinv   = special("erfinv",   "the inverse of erf",               lambda g, out, x: g * _erfinv_slope(x), (-0.8, 0.8))
erfcinv  = special("erfcinv",  "the inverse of erfc",              lambda g, out, x: g * _erfcinv_slope(x), (0.2, 1.8))
ndtr     = special("ndtr",     "the normal distribution function", lambda g, out, x: g * (DENSITY * _bell(x, 0.5)))
ndtri    = special("ndtri",    "the inverse of ndtr",              lambda g, out, x: g * _ndtri_slope(x), (0.1, 0.9))
log_ndtr = special("log_ndtr", "the logarithm of ndtr",            lambda g, out, x: g * _hazard(x))
erfcx    = special("erfcx",    "exp(x ** 2) * erfc(x)",            lambda g, out, x: g * _erfcx_slope(x, 1))
gammaln  = special("gammaln",  "the logarithm of |gamma(x)|",      lambda g, out, x: g * digamma(x), (0.3, 3.0))
gamma    = special("gamma",    "the gamma function",               lambda g, out, x: g * (out * digamma(x)), (0.3, 3.0))
rgamma   = special("rgamma",   "1 / gamma(x)",                     lambda g, out, x: g * rgamma_slope(out, x), (0.3, 3.0))
digamma  = special("digamma",  "the derivative of gammaln",        lambda g, out, x: g * polygamma(1, x), (0.3, 3.0))
expit    = special("expit",    "the sigmoid",                      sigmoid_rule)
logit    = special("logit",    "log(x / (1 - x))",                 lambda g, out, x: g / _times_rest(x), (0.2, 0.8))
entr     = special("entr",     "-x * log(x)",                      lambda g, out, x: g * (-1.0 - log(x)), (0.2, 3.0))
loggamma = special("loggamma", "the logarithm of gamma(x)",
                   lambda g, out, x: g * digamma(where(x < 0.0, math.nan, x)), (0.3, 3.0))
log_expit = special("log_expit", "the logarithm of the sigmoid", lambda g, out, x: g * sigmoid(-x))
gammasgn = special("gammasgn", "the sign of gamma(x)", zero_rule, (0.3, 3.0))
# fmt: on
psi = digamma

# --- the error function: slopes that do not cancel ------------------------------------------------


def erfcx_numpy(x: Any, order: int) -> Any:
    """The derivatives of order 0, 1, ... of erfcx: (-2)^n n! times the scaled integrals of erfc (DLMF 7.18.4).

    Small x take the recurrence 2 n I_n = I_(n-2) - 2 x I_(n-1). Elsewhere it cancels, and its backward form replaces it,
    a continued fraction of the ratios r_n = I_n / I_(n-1) = 1 / (2 x + 2 (n + 1) r_(n+1)).
    """
    z = np.asarray(x, dtype=float)
    out, before = scipy_function("erfcx")(z), 2.0 / ROOT_PI
    small = np.where(z < 0.5, z, 0.0)
    forward = scipy_function("erfcx")(small)
    for n in range(1, order + 1):
        forward, before = (before - 2.0 * small * forward) / (2.0 * n), forward
    large = np.where(z < 0.5, np.inf, z)
    least = np.min(large, initial=1e9).item()
    ratio = np.zeros_like(z)
    for n in range(order + 10 + int(300.0 / (least * least)), 0, -1):
        ratio = 1.0 / (2.0 * large + 2.0 * (n + 1.0) * ratio)
        if n <= order:
            out = out * ratio
    return (-2.0) ** order * math.factorial(order) * np.where(z < 0.5, forward, out)


@primitive("elementwise", x=lambda g, out, x, order: g * _erfcx_slope(x, order + 1))
def _erfcx_slope(x: Any, order: int) -> Any:
    """The derivative of order `order` of erfcx, with full precision also for large x."""
    return erfcx_numpy(x, order).astype(float_dtype(x))


def hazard_array(x: Any) -> Any:
    """The density of the standard normal distribution over its distribution function, the slope of log_ndtr."""
    z = np.asarray(x, dtype=float)
    left = 2.0 * DENSITY / scipy_function("erfcx")(np.minimum(z, 0.0) * -math.sqrt(0.5))
    right = DENSITY * _bell.forward(np.maximum(z, 0.0), 0.5) / scipy_function("ndtr")(z)
    return np.where(z < 0.0, left, right).astype(float_dtype(x))


def hazard_gap_array(x: Any) -> Any:
    """hazard(x) + x, which goes to 0 as 1 / |x| far below 0."""
    z = np.asarray(x, dtype=float)
    low = np.minimum(z, 0.0) * -math.sqrt(0.5)
    left = -math.sqrt(0.5) * erfcx_numpy(low, 1) / scipy_function("erfcx")(low)
    return np.where(z < 0.0, left, hazard_array(z) + np.minimum(z, 1e30)).astype(float_dtype(x))


def quantile_slope(inverse: str, tail: Callable[[Any], Any], scale: float, width: float) -> Callable[[Any], Any]:
    """The slope of an inverse, 1 over a density, as erfcx over the mass of the tail, which does not amplify rounding.

    In the middle, where the mass is not accurate, it is computed from the density.
    """

    def slope(x: Any) -> Any:
        z = np.asarray(x, dtype=float)
        out = scipy_function(inverse)(z)
        away = np.abs(out) * width
        middle = np.exp(np.square(np.minimum(away, 0.5)))
        mass = tail(z)
        outer = np.where(mass == 0.0, np.inf, scipy_function("erfcx")(away) / np.where(mass == 0.0, 1.0, mass))
        return (scale * np.where(away < 0.5, middle, outer)).astype(float_dtype(x))

    return slope


# fmt: off
_hazard = formula("hazard", hazard_array, lambda g, out, x: g * (-out * _hazard_gap(x)), (-2.0, 2.0),
                  "The slope of log_ndtr.")
_hazard_gap = formula("hazard_gap", hazard_gap_array, lambda g, out, x: g * (1.0 - out * _hazard(x)), (-2.0, 2.0),
                      "hazard(x) + x.")
_erfinv_slope = formula("erfinv_slope", quantile_slope("erfinv", lambda x: 1.0 - np.abs(x), 0.5 * ROOT_PI, 1.0),
                        lambda g, out, x: g * (2.0 * erfinv(x) * out * out), (-0.8, 0.8), "The slope of erfinv.")
_erfcinv_slope = formula("erfcinv_slope", quantile_slope("erfcinv", lambda x: np.minimum(x, 2.0 - x), -0.5 * ROOT_PI, 1.0),
                         lambda g, out, x: g * (2.0 * erfcinv(x) * out * out), (0.2, 1.8), "The slope of erfcinv.")
_ndtri_slope = formula("ndtri_slope",
                       quantile_slope("ndtri", lambda x: 2.0 * np.minimum(x, 1.0 - x), 1.0 / DENSITY, math.sqrt(0.5)),
                       lambda g, out, x: g * (ndtri(x) * out * out), (0.1, 0.9), "The slope of ndtri.")
# fmt: on

# --- the gamma function ---------------------------------------------------------------------------


def rgamma_slope(out: Any, x: Any) -> Any:
    """-digamma(x) / gamma(x); by reflection where x is below 1/2, so that no poles cancel."""
    low = raw(x) < 0.5
    right = -where(low, 0.0, out) * digamma(where(low, 1.0, x))
    if not np.any(low):
        return right
    mirror, turn = 1.0 - where(low, x, 0.0), math.pi * where(low, x, 0.0)
    return where(low, gamma(mirror) * (cos(turn) - digamma(mirror) * sin(turn) / math.pi), right)


@primitive("elementwise", x=lambda g, out, n, x: g * polygamma(n + 1, x))
def polygamma(n: int, x: Any) -> Any:
    """Compute scipy.special.polygamma, the n-th derivative of digamma."""
    return scipy_function("polygamma")(n, x).astype(float_dtype(x))


#: The Bernoulli numbers of index 2, 4, ..., 24.
BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330, 854513 / 138,
    -236364091 / 2730,
)  # fmt: skip


def polygamma_rise(x: Any, y: Any, n: int) -> Any:
    """polygamma(n, x + y) - polygamma(n, x) without cancellation, for x > 0 and x + y > 0.

    It sums the differences of terms of the series of 1 / (x + k)^(n + 1), then of the asymptotic series (DLMF 5.11.2, 5.15.9).
    """
    z, out = np.array(x), np.zeros(np.shape(x))

    def rise(power: int) -> Any:  # of z^-power
        return z**-power * np.expm1(-power * np.log1p(y / z))

    for _ in range(20):
        out += math.factorial(n) * rise(n + 1)
        z = z + 1.0
    first = -np.log1p(y / z) if n == 0 else math.factorial(n - 1) * rise(n)
    out += first + 0.5 * math.factorial(n) * rise(n + 1)
    for k, number in enumerate(BERNOULLI[:8], 1):
        out += number * math.factorial(2 * k + n - 1) / math.factorial(2 * k) * rise(2 * k + n)
    return (-1.0) ** (n + 1) * out


@primitive(
    "elementwise",
    x=lambda g, out, x, y, n: g * _polygamma_rise(x, y, n + 1),
    y=lambda g, out, x, y, n: g * polygamma(n + 1, x + y),
)
def _polygamma_rise(x: Any, y: Any, n: int = 0) -> Any:
    """polygamma(n, x + y) - polygamma(n, x); for whole numbers y it is a sum, finite also where two poles cancel."""
    dtype = np.result_type(float_dtype(x), float_dtype(y))
    x, y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    with np.errstate(all="ignore"):
        direct = scipy_function("polygamma")(n, x + y) - scipy_function("polygamma")(n, x)
        out = np.array(np.where((x > 0.0) & (x + y > 0.0), polygamma_rise(x, y, n), direct))
        for place in np.argwhere((x <= 0.0) & (y > 0.0) & (y < 1000.0) & (y == np.rint(y))):
            at = tuple(place)
            out[at] = (-1.0) ** n * math.factorial(n) * np.sum((x[at] + np.arange(y[at])) ** -(n + 1.0))
    return out.astype(dtype)[()]


def regular(x: Any, y: Any) -> Any:
    """False where x log(y) is 0 by definition only: x is 0, and log(y) is not finite although y is."""
    return (raw(x) != 0.0) | ~np.less_equal(raw(y), 0.0)


def over(x: Any, y: Any) -> Any:
    """x / y, the slope of x log(y) with respect to y; 0 where x log(y) is 0 by definition."""
    return where(regular(x, y), x / where(regular(x, y), y, 1.0), 0.0)


def special_pair(name: str, symbol: str, rule_x: Any, rule_y: Any, domain: Any, doc: str) -> Op:
    """Define an op of two inputs that SciPy computes."""
    function = scipy_function(name)
    return binary(name, symbol, as_float(function), rule_x, rule_y, domain, function, doc)


# fmt: off
xlogy   = special_pair("xlogy", "{} log({})", lambda g, out, x, y: g * xlogy(regular(x, y), y),
                       lambda g, out, x, y: g * over(x, y), ((-2.0, 2.0), (0.3, 2.0)),
                       "Compute ``x * log(y)``, and 0 where x is 0; where y is 0 as well, both derivatives are 0.")
xlog1py = special_pair("xlog1py", "{} log(1 + {})", lambda g, out, x, y: g * xlog1py(regular(x, 1.0 + y), y),
                       lambda g, out, x, y: g * over(x, 1.0 + y), ((-2.0, 2.0), (-0.5, 2.0)),
                       "Compute ``x * log(1 + y)``, and 0 where x is 0; where y is -1 as well, both derivatives are 0.")
betaln  = special_pair("betaln", "betaln({}, {})", lambda g, out, x, y: -g * _polygamma_rise(x, y),
                       lambda g, out, x, y: -g * _polygamma_rise(y, x), ((0.3, 2.0), (0.3, 2.0)),
                       "Compute scipy.special.betaln, the logarithm of the beta function.")
beta    = special_pair("beta", "beta({}, {})", lambda g, out, x, y: -g * (out * _polygamma_rise(x, y)),
                       lambda g, out, x, y: -g * (out * _polygamma_rise(y, x)), ((0.3, 2.0), (0.3, 2.0)),
                       "Compute scipy.special.beta, the beta function.")
# fmt: on


@composed
def multigammaln(a: Any, d: int) -> Any:
    """Compute scipy.special.multigammaln, the logarithm of the gamma function of d dimensions."""
    return sum(gammaln(sub(a, 0.5 * i)) for i in range(d)) + 0.25 * d * (d - 1) * math.log(math.pi)

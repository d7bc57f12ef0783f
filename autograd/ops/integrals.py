"""Exponential integrals, the dilogarithm, the zeta function and relative entropies, as in scipy.special.

Formulas: NIST Digital Library of Mathematical Functions, chapters 6, 8.19, 25.2, 25.11 and 25.12.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.op import Op, raw
from autograd.ops.define import composed, primitive
from autograd.ops.elementwise import exp, log, log1p, pow, sin, where
from autograd.ops.incomplete import by_pieces, result_dtype
from autograd.ops.special import BERNOULLI, ROOT_PI, gamma, scipy_function, special, special_pair

Array = np.ndarray


# fmt: off
exp1 = special("exp1", "the exponential integral E1",  lambda g, out, x: g * (-exp(-x) / x), (0.3, 3.0))
expi = special("expi", "the exponential integral Ei",  lambda g, out, x: g * (exp(x) / x), (0.3, 3.0))
erfi = special("erfi", "the imaginary error function", lambda g, out, x: g * (2.0 / ROOT_PI * exp(x * x)))
# fmt: on


def expn_slope(g: Any, out: Any, n: Any, x: Any) -> Any:
    """The derivative of expn is minus expn of order n - 1; that of order 0 is e^-x / x. SciPy truncates n to an integer."""
    n = np.trunc(n)
    zero = np.equal(n, 0)
    return g * where(zero, -exp(-x) / x * (1.0 + 1.0 / x), -expn(np.where(zero, 1, n) - 1, x))


@primitive("elementwise", x=expn_slope)
def expn(n: Any, x: Any) -> Any:
    """Compute scipy.special.expn, the exponential integral of a constant integer order n, differentiable with respect to x."""
    return scipy_function("expn")(n, x).astype(result_dtype(x))


# --- dilogarithm ----------------------------------------------------------------------------------


def dilogarithm_slope(n: int, z: Array) -> Array:
    """The n-th derivative of spence at flat arrays of positive numbers: near 1 by its power series, else by recurrence.

    The first derivative is log(z) / (1 - z). Multiplied by (1 - z) it is log(z), whose derivatives give the recurrence.
    """
    u = 1.0 - z
    near = np.abs(u) < 0.6
    first = np.log(z) / np.where(near, 1.0, u)
    for k in range(1, n):
        first = (k * first + (-1.0) ** (k - 1) * math.factorial(k - 1) * z**-k) / np.where(near, 1.0, u)
    series = np.zeros_like(z)
    v = np.where(near, u, 0.0)
    for k in range(n - 1 + 100, n - 2, -1):  # Horner's rule
        series = series * v + math.perm(k, n - 1) / (k + 1.0)
    return np.where(near, (-1.0) ** n * series, first)


@primitive("elementwise", z=lambda g, out, z, n: g * _spence_slope(z, n + 1))
def _spence_slope(z: Any, n: int = 1) -> Any:
    """The derivative of order n of spence; nan where z is negative."""
    out = by_pieces(lambda z: dilogarithm_slope(n, z), lambda z: z >= 0.0, z)
    return np.where(np.asarray(z) < 0.0, np.nan, out).astype(result_dtype(z))[()]


spence = special("spence", "the dilogarithm of 1 - x", lambda g, out, x: g * _spence_slope(x), (0.3, 3.0))


# --- zeta -----------------------------------------------------------------------------------------

TERMS = 14  # of Euler and Maclaurin's formula, before its corrections by Bernoulli numbers


def taylor_product(one: list[Any], two: list[Any]) -> list[Any]:
    """The product of two Taylor polynomials of one length."""
    return [sum(one[i] * two[k - i] for i in range(k + 1)) for k in range(len(one))]


def zeta_slope(n: int, s: Array, q: Array) -> Array:
    """The n-th derivative of Hurwitz' zeta function with respect to s, from Taylor polynomials in s of degree n."""

    def falling(x: Array) -> list[Array]:  # x^-s
        return [x**-s * (-np.log(x)) ** k / math.factorial(k) for k in range(n + 1)]

    total = sum(falling(q + k)[n] for k in range(TERMS))
    end = q + TERMS
    power = falling(end)
    pole = [(-1.0) ** k / (s - 1.0) ** (k + 1) * end for k in range(n + 1)]
    total = total + taylor_product(power, pole)[n] + 0.5 * power[n]
    rising: list[Any] = [s, 1.0 + 0.0 * s, *[0.0 * s] * (n - 1)][: n + 1]
    for j, number in enumerate(BERNOULLI, 1):
        total = total + taylor_product(power, rising)[n] * number / math.factorial(2 * j) * end ** (1 - 2 * j)
        for shift in (2 * j - 1, 2 * j):
            rising = taylor_product(rising, [s + shift, 1.0 + 0.0 * s, *[0.0 * s] * (n - 1)][: n + 1])
    return np.asarray(math.factorial(n) * total)


@primitive(
    "elementwise",
    x=lambda g, out, x, q, n: g * _zeta_slope(x, q, n + 1),
    q=lambda g, out, x, q, n: g * -(x * _zeta_slope(x + 1.0, q, n) + (n * _zeta_slope(x + 1.0, q, n - 1) if n > 0 else 0.0)),
)
def _zeta_slope(x: Any, q: Any, n: int = 1) -> Any:
    """The derivative of order n of the zeta function with respect to x; at the pole x = 1, its limit from above."""
    out = by_pieces(lambda s, q: zeta_slope(n, s, q), lambda s, q: (q > 0.0) & (s != 1.0) & (s < np.inf), x, q)
    out = np.where(np.asarray(x) == 1.0, (-1.0) ** n * np.inf, out)
    return np.where(np.asarray(q) <= 0.0, np.nan, out).astype(result_dtype(x, q))[()]


@primitive("elementwise", x=lambda g, out, x, q: g * _zeta_slope(x, q), q=lambda g, out, x, q: g * (-x * _hurwitz(x + 1.0, q)))
def _hurwitz(x: Any, q: Any) -> Any:
    """Hurwitz' zeta function, the sum of (k + q)^-x over k = 0, 1, ..."""
    return scipy_function("zeta")(x, q).astype(result_dtype(x, q))


@primitive("elementwise", x=lambda g, out, x: g * _zeta_slope(x, 1.0))
def _riemann(x: Any) -> Any:
    """Riemann's zeta function where x is not negative."""
    return scipy_function("zeta")(x).astype(result_dtype(x))


@composed
def zeta(x: Any, q: Any = None) -> Any:
    """Compute scipy.special.zeta, Hurwitz' zeta function, or Riemann's without `q`; differentiable with respect to both."""
    if q is not None:
        return _hurwitz(x, q)
    negative = raw(x) < 0.0
    if not np.any(negative):
        return _riemann(x)
    s = where(negative, x, -1.0)  # Riemann's functional equation
    mirrored = 2.0 * pow(2.0 * np.pi, s - 1.0) * sin(0.5 * np.pi * s) * gamma(1.0 - s) * _riemann(1.0 - s)
    return where(negative, mirrored, _riemann(where(negative, 2.0, x)))


# --- relative entropies ---------------------------------------------------------------------------


def log_ratio(x: Any, y: Any) -> Any:
    """log(x / y), also where x and y are close, and where x / y overflows or underflows."""
    with np.errstate(all="ignore"):
        close = np.abs(raw(x) - raw(y)) < 0.5 * np.abs(raw(y))
        ratio = np.abs(np.divide(raw(x), raw(y)))
    least = float(np.finfo(ratio.dtype).tiny) ** 0.5
    near = (ratio > least) & (ratio < 1.0 / least)
    out = where(close, log1p(where(close, (x - y) / y, 0.0)), log(where(near & ~close, x / where(near, y, 1.0), 1.0)))
    return out if near.all() else where(near, out, log(where(near, 1.0, x)) - log(where(near, 1.0, y)))


def entropy(name: str, rule_x: Any, rule_y: Any, doc: str) -> Op:
    """Define a relative entropy of two inputs."""
    domain = ((0.3, 0.9), (1.2, 2.0))  # SciPy's kl_div is inexact where they are close
    return special_pair(name, f"{name}({{}}, {{}})", rule_x, rule_y, domain, f"Compute scipy.special.{name}, {doc}")


# fmt: off
rel_entr = entropy("rel_entr", lambda g, out, x, y: g * (log_ratio(x, y) + 1.0), lambda g, out, x, y: g * (-x / y),
                   "``x * log(x / y)``, 0 where x is 0, and inf where x or y is negative.")
kl_div   = entropy("kl_div", lambda g, out, x, y: g * log_ratio(x, y), lambda g, out, x, y: g * (1.0 - x / y),
                   "``x * log(x / y) - x + y``, y where x is 0, and inf where x or y is negative.")
# fmt: on

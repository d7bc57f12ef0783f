"""Bessel functions, computed by scipy.special. Names that end in e mean functions multiplied by an exponential.

The order v is constant. Formulas: NIST Digital Library of Mathematical Functions, 10.6, 10.29, 10.32 and 10.40.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.op import Op
from autograd.ops.define import primitive
from autograd.ops.elementwise import float_dtype
from autograd.ops.incomplete import by_pieces
from autograd.ops.special import scipy_function, special

Array = np.ndarray


def bessel_of_order(name: str, what: str, derivative: Callable[..., Any]) -> Op:
    """Define a Bessel function of a constant order v at x."""

    def form(v: Any, x: Any) -> Any:
        return scipy_function(name)(v, x).astype(float_dtype(x))

    form.__name__ = form.__qualname__ = name
    form.__doc__ = f"Compute scipy.special.{name}, {what}, of a constant order v, differentiable with respect to x."
    return primitive("elementwise", x=derivative)(form)


# fmt: off
j0 = special("j0", "the Bessel function J0",          lambda g, out, x: g * -j1(x))
j1 = special("j1", "the Bessel function J1",          lambda g, out, x: g * (0.5 * (j0(x) - jv(2.0, x))))
y0 = special("y0", "the Bessel function Y0",          lambda g, out, x: g * -y1(x), (0.5, 3.0))
y1 = special("y1", "the Bessel function Y1",          lambda g, out, x: g * (0.5 * (y0(x) - yv(2.0, x))), (0.5, 3.0))
i0 = special("i0", "the modified Bessel function I0", lambda g, out, x: g * i1(x))
i1 = special("i1", "the modified Bessel function I1", lambda g, out, x: g * (0.5 * (i0(x) + iv(2.0, x))))
k0 = special("k0", "the modified Bessel function K0", lambda g, out, x: g * -k1(x), (0.5, 3.0))
k1 = special("k1", "the modified Bessel function K1", lambda g, out, x: g * (-0.5 * (k0(x) + kv(2.0, x))), (0.5, 3.0))
i0e = special("i0e", "exp(-|x|) * i0(x)",               lambda g, out, x: g * _ive_slope(0.0, x), (0.3, 3.0))
i1e = special("i1e", "exp(-|x|) * i1(x)",               lambda g, out, x: g * _ive_slope(1.0, x), (0.3, 3.0))
k0e = special("k0e", "exp(x) * k0(x)",                  lambda g, out, x: g * _kve_slope(0.0, x), (0.5, 3.0))
k1e = special("k1e", "exp(x) * k1(x)",                  lambda g, out, x: g * _kve_slope(1.0, x), (0.5, 3.0))

jv = bessel_of_order("jv", "the Bessel function J", lambda g, out, v, x: g * (0.5 * (jv(v - 1.0, x) - jv(v + 1.0, x))))
yv = bessel_of_order("yv", "the Bessel function Y", lambda g, out, v, x: g * (0.5 * (yv(v - 1.0, x) - yv(v + 1.0, x))))
iv = bessel_of_order("iv", "the modified Bessel function I", lambda g, out, v, x: g * (0.5 * (iv(v - 1.0, x) + iv(v + 1.0, x))))
kv = bessel_of_order("kv", "the modified Bessel function K", lambda g, out, v, x: g * (-0.5 * (kv(v - 1.0, x) + kv(v + 1.0, x))))
ive = bessel_of_order("ive", "exp(-|x|) * iv(v, x)", lambda g, out, v, x: g * _ive_slope(v, x))
kve = bessel_of_order("kve", "exp(x) * kv(v, x)", lambda g, out, v, x: g * _kve_slope(v, x))
# fmt: on
jn, yn = jv, yv

# The derivatives of e^-x I and e^x K are differences of nearly equal numbers for large x, so they are computed from the
# asymptotic series and from integrals without cancellation.


def from_neighbours(name: str, rate: Array, sign: float, n: int, v: Array, x: Array) -> Array:
    """The n-th derivative from functions of other orders: each step takes half the neighbours' sum times `sign`, plus `rate`."""
    function = scipy_function(name)
    out = np.zeros_like(x)
    for k in range(n + 1):
        steps = sum(math.comb(k, j) * function(v - k + 2 * j, x) for j in range(k + 1))
        out += math.comb(n, k) * rate ** (n - k) * (0.5 * sign) ** k * steps
    return out


def ive_far(n: int, v: Array, x: Array) -> Array:
    """The n-th derivative from the asymptotic series, the sum of (-1)^k a_k(v) x^(-k - 1/2) / sqrt(2 pi)."""
    out, factor = np.zeros_like(x), np.ones_like(x)
    for k in range(24):
        slope = math.prod((-k - 0.5 - i) for i in range(n))
        out += factor * slope * x ** (-0.5 - n)
        factor = factor * -(4.0 * v * v - (2 * k + 1) ** 2) / (8.0 * (k + 1) * x)
    return np.asarray(out / math.sqrt(2.0 * math.pi))


def ive_integer(n: int, v: Array, x: Array) -> Array:
    """The n-th derivative for integer orders, from the mean over angles, by the trapezoidal rule."""
    half = np.pi / 256 * np.arange(-128, 128)
    fall = -2.0 * np.sin(half) ** 2
    return np.asarray((np.exp(x[:, None] * fall) * fall**n * np.cos(2.0 * v[:, None] * half)).mean(axis=1))


def ive_fractional(n: int, v: Array, x: Array) -> Array:
    """The n-th derivative for fractional orders, from an integral over angles, and one over t = e^u."""
    angles, weights = np.polynomial.legendre.leggauss(96)
    half = 0.25 * np.pi * (angles + 1.0)
    fall = -2.0 * np.sin(half) ** 2
    x, v = x[:, None], v[:, None]
    out = 0.5 * (weights * np.exp(x * fall) * fall**n * np.cos(2.0 * v * half)).sum(axis=1)
    t = np.exp(np.arange(-40.0, 3.0, 0.03125))
    fall = -1.0 - np.cosh(t)
    rest = 0.03125 * (t * np.exp(x * fall - v * t) * fall**n).sum(axis=1)
    return np.asarray(out - np.sin(v * np.pi)[:, 0] / np.pi * rest)


def ive_slope(n: int, v: Array, x: Array) -> Array:
    """The n-th derivative of ive at flat arrays."""
    size, whole = np.abs(x), v == np.round(v)
    far = size > 40.0 + v * v
    middle = ~far & (size > 1.0 + np.abs(v)) & (np.abs(v) < 20.0) & ((x > 0.0) | whole)
    flipped = np.where((x < 0.0) & whole & ((v + n) % 2.0 == 1.0), -1.0, 1.0)
    out = from_neighbours("ive", -np.sign(x), 1.0, n, v, x)
    far &= (x > 0.0) | whole
    for part, way in ((far, ive_far), (middle & whole, ive_integer), (middle & ~whole, ive_fractional)):
        if part.any():
            out[part] = flipped[part] * way(n, v[part], size[part])
    return out


def kve_slope(n: int, v: Array, x: Array) -> Array:
    """The n-th derivative of kve at flat arrays: from its neighbours for small x, else from an integral over w.

    e^x K is the integral of e^(-x (cosh t - 1)) cosh(v t), and x (cosh t - 1) = w^2 / 2 for w = 2 sqrt(x) sinh(t / 2).
    """
    out = from_neighbours("kve", np.ones_like(x), -1.0, n, v, x)
    part = (x > 0.5) & (np.abs(v) < 40.0)
    if part.any():
        z, w = x[part][:, None], 0.125 * np.arange(-80, 81)
        t = 2.0 * np.arcsinh(0.5 * w / np.sqrt(z))
        heights = np.exp(-0.5 * w * w) * np.cosh(v[part][:, None] * t) / np.sqrt(1.0 + w * w / (4.0 * z))
        out[part] = 0.0625 * (heights * (-0.5 * w * w / z) ** n).sum(axis=1) / np.sqrt(x[part])
    return out


def finite(v: Array, x: Array) -> Array:
    """Whether both numbers are finite."""
    return np.isfinite(v) & np.isfinite(x)


@primitive("elementwise", x=lambda g, out, v, x, n: g * _ive_slope(v, x, n + 1))
def _ive_slope(v: Any, x: Any, n: int = 1) -> Any:
    """The derivative of order n of ive; at 0 that of iv, the smaller of the one-sided derivatives."""
    return by_pieces(functools.partial(ive_slope, n), finite, v, x).astype(float_dtype(x))[()]


@primitive("elementwise", x=lambda g, out, v, x, n: g * _kve_slope(v, x, n + 1))
def _kve_slope(v: Any, x: Any, n: int = 1) -> Any:
    """The derivative of order n of kve."""
    return by_pieces(functools.partial(kve_slope, n), finite, v, x).astype(float_dtype(x))[()]

"""Elementwise operations with kinks, ties and jumps: abs, relu, maximum, clip, floor, mod, and their like.

At a kink or a tie a rule returns the subgradient of least norm over the inputs that are Values. A function
that is constant between jumps (sign, floor, round) has the derivative 0 everywhere, also at the jumps, and
stays in the graph; functions with bools or integers as results return plain data. Names as in elementwise.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.op import is_value, raw
from autograd.ops.define import binary, composed, primitive, stepwise, unary
from autograd.ops.elementwise import float_dtype, neg, where
from autograd.ops.shapes import as_array, as_floats, as_tensor, concatenate

# --- steps ----------------------------------------------------------------------------------------


def sign_of(x: Any) -> Any:
    """The sign as plain data, -1, 0, 1, or nan for nan: the slope of abs, 0 at its kink."""
    x = raw(x)
    if x.__class__ is float:
        return x if math.isnan(x) else float(x > 0.0) - float(x < 0.0)
    return np.sign(x)


def zero_rule(g: Any, out: Any, *args: Any) -> Any:
    """The rule of an input that changes the output only at jumps."""
    return g * 0.0


# fmt: off
sign  = unary("sign",  "sign({})",  sign_of,  np.sign,  zero_rule, (0.2, 0.8), "Return the sign -1, 0 or 1; the derivative is 0.")
floor = unary("floor", "floor({})", np.floor, np.floor, zero_rule, (0.2, 0.8), "Round down to an integer; the derivative is 0.")
ceil  = unary("ceil",  "ceil({})",  np.ceil,  np.ceil,  zero_rule, (0.2, 0.8), "Round up to an integer; the derivative is 0.")
trunc = unary("trunc", "trunc({})", np.trunc, np.trunc, zero_rule, (0.2, 0.8), "Round towards 0; the derivative is 0.")
rint  = unary("rint",  "rint({})",  np.rint,  np.rint,  zero_rule, (0.6, 1.4), "Round to nearest integers; the derivative is 0.")
floor_divide = binary("floor_divide", "{} // {}", np.floor_divide, zero_rule, zero_rule, ((2.2, 2.8), (0.98, 1.02)),
                      doc="Compute ``floor(x / y)``; the derivatives are 0 everywhere.")
heaviside    = binary("heaviside", "heaviside({}, {})", np.heaviside, zero_rule, lambda g, out, x, y: g * (raw(x) == 0.0),
                      ((0.2, 2.0), (-2.0, 2.0)), doc="Return 0 below 0, 1 above and `y` at 0; the derivative in x is 0.")
# fmt: on
fix = trunc


@primitive("elementwise", x=zero_rule)
def _round(x: Any, decimals: int) -> Any:
    """The operation of round()."""
    return np.round(x, decimals)


@composed
def round(a: Any, decimals: int = 0, out: None = None) -> Any:
    """Round to `decimals` decimals, half to even; the derivative is 0 everywhere."""
    return _round(as_array(a), decimals)


around = round


@composed
def modf(x: Any) -> Any:
    """Return the fractional part, whose slope is 1, and the integral part, whose slope is 0; both have the sign of x."""
    x = as_floats(x)
    whole = trunc(x)
    return x - whole, whole


# --- remainders -----------------------------------------------------------------------------------

# fmt: off
mod  = binary("mod",  "{} % {}",      np.mod,  lambda g, out, x, y: g,
                                               lambda g, out, x, y: -g * floor_divide(raw(x), raw(y)), ((2.2, 2.8), (0.98, 1.02)),
              doc="Compute ``x - floor(x / y) * y``, with the sign of y, as Python's ``%``; at a jump, the slope from above.")
fmod = binary("fmod", "fmod({}, {})", np.fmod, lambda g, out, x, y: g,
                                               lambda g, out, x, y: -g * rint((raw(x) - raw(out)) / raw(y)),
              ((2.2, 2.8), (0.98, 1.02)),
              doc="Compute ``x - trunc(x / y) * y``, with the sign of x; at a jump, the slope from the side away from 0.")
# fmt: on


@composed
def divmod(x: Any, y: Any) -> Any:
    """Return ``(x // y, x % y)``."""
    x, y = as_floats(x, y)
    return floor_divide(x, y), mod(x, y)


# --- kinks of one input ---------------------------------------------------------------------------


def relu_array(x: Any) -> Any:
    return np.maximum(x, 0.0)


# fmt: off
# By the rule of least norm: the slope of abs and relu at 0 is 0.
abs  = unary("abs",  "abs({})",  math.fabs, np.abs, lambda g, out, x: g * sign_of(x), (0.2, 2.0),
             doc="Compute ``|x|``; the derivative at 0 is 0.")
relu = unary("relu", "relu({})", lambda x: 0.0 if x <= 0.0 else x, relu_array, lambda g, out, x: g * (x > 0.0), (0.2, 2.0),
             doc="Compute ``max(x, 0)``; the derivative at 0 is 0.")
copysign = binary("copysign", "copysign({}, {})", math.copysign, lambda g, out, x, y: g * (sign_of(x) * np.copysign(1.0, raw(y))),
                                                                 zero_rule, ((0.2, 2.0), (0.2, 2.0)), np.copysign,
                  doc="Compute ``|x|`` with the sign of y; the derivative at x = 0, and with respect to y, is 0.")
# fmt: on
fabs = abs


@composed
def real(val: Any) -> Any:
    """Return `val` itself, as all Values are real."""
    return as_tensor(val)


@composed
def real_if_close(a: Any, tol: float = 100) -> Any:
    """Return `a` itself, as all Values are real."""
    return real(a)


conjugate = conj = real


@stepwise
def imag(val: Any) -> Any:
    """Return zeros, as all Values are real."""
    return where(False, as_array(val), 0.0)


@stepwise
def angle(z: Any, deg: bool = False) -> Any:
    """Return the angle of a real number in the complex plane, 0 or pi (180 in degrees); the derivative is 0 everywhere."""
    return heaviside(neg(as_array(z)), 0.0) * (180.0 if deg else math.pi)


@primitive("elementwise", x=lambda g, out, x, nan, posinf, neginf: g * np.isfinite(raw(x)))
def _nan_to_num(x: Any, nan: float, posinf: float | None, neginf: float | None) -> Any:
    """The operation of nan_to_num()."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@composed
def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Replace nan, inf and -inf by finite numbers, whose derivative is 0."""
    return _nan_to_num(as_array(x), nan, posinf, neginf)


def leaky_slope(x: Any, slope: float) -> Any:
    """1 above 0, `slope` below, and at the kink the number nearest to 0 between the two."""
    x = raw(x)
    at_kink = min(max(slope, 0.0), 1.0)
    if x.__class__ is float:
        return 1.0 if x > 0.0 else slope if x < 0.0 else at_kink
    one, low, kink = map(float_dtype(x).type, (1.0, slope, at_kink))
    return np.where(x > 0.0, one, np.where(x < 0.0, low, kink))


@primitive("elementwise", x=lambda g, out, x, slope: g * leaky_slope(x, slope))
def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """Return ``x`` above 0 and ``slope * x`` below; the derivative at 0 is the smaller of 1 and `slope`, but at least 0.

    >>> from autograd import Value
    >>> from autograd.ops import leaky_relu
    >>> leaky_relu(Value(-1.0)).data
    -0.01
    """
    return x * leaky_slope(x, slope)


# --- choosing between inputs ----------------------------------------------------------------------


def larger_share(x: Any, y: Any) -> Any:
    """The part of the gradient of maximum(x, y) for x: all, none, or half of it at a tie."""
    x, y = raw(x), raw(y)
    return (x > y) + np.result_type(x, y).type(0.5) * (x == y)  # a Python 0.5 would turn float32 into float64


# fmt: off
_maximum = binary("maximum", "max({}, {})", lambda x, y: x if x > y or x != x else y,
                  lambda g, out, x, y: g * larger_share(x, y),
                  lambda g, out, x, y: g * larger_share(y, x), ((0.0, 1.0), (1.1, 2.0)), np.maximum)
_minimum = binary("minimum", "min({}, {})", lambda x, y: x if x < y or x != x else y,
                  lambda g, out, x, y: g * larger_share(y, x),
                  lambda g, out, x, y: g * larger_share(x, y), ((0.0, 1.0), (1.1, 2.0)), np.minimum)
# fmt: on


def inside(x: Any, low: Any, high: Any) -> Any:
    """Whether x lies strictly between its bounds: the slope of clip, 0 at its two kinks."""
    x = raw(x)
    above = True if low is None else x > low
    return above & (True if high is None else x < high)


@primitive("elementwise", x=lambda g, out, x, low, high: g * inside(x, low, high))
def _clip(x: Any, low: Any, high: Any) -> Any:
    """`x` limited to constant bounds, or None: the op of clip(), and of maximum() and minimum() with a constant."""
    x = x + 0.0 if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


@composed
def maximum(x: Any, y: Any) -> Any:
    """Return the larger of `x` and `y`, elementwise; they broadcast.

    At a tie of two Values each gets half of the gradient. At a tie with a constant the Value gets 0, so that
    ``maximum(x, 0.0)`` and ``relu(x)`` agree.
    """
    x, y = as_floats(x, y)
    if is_value(x) and not is_value(y):
        return _clip(x, _bound(y), None)
    if is_value(y) and not is_value(x):
        return _clip(y, _bound(x), None)
    return _maximum(x, y)


@composed
def minimum(x: Any, y: Any) -> Any:
    """Return the smaller of `x` and `y`, elementwise; ties as in `maximum`."""
    x, y = as_floats(x, y)
    if is_value(x) and not is_value(y):
        return _clip(x, None, _bound(y))
    if is_value(y) and not is_value(x):
        return _clip(y, None, _bound(x))
    return _minimum(x, y)


@composed
def fmax(x: Any, y: Any) -> Any:
    """Return the larger of `x` and `y`, or the one that is not nan; ties as in `maximum`."""
    x, y = as_floats(x, y)
    return where(np.isnan(raw(x)), y, where(np.isnan(raw(y)), x, maximum(x, y)))


@composed
def fmin(x: Any, y: Any) -> Any:
    """Return the smaller of `x` and `y`, or the one that is not nan; ties as in `maximum`."""
    x, y = as_floats(x, y)
    return where(np.isnan(raw(x)), y, where(np.isnan(raw(y)), x, minimum(x, y)))


@composed
def clip(x: Any, low: Any = None, high: Any = None, out: None = None, **named: Any) -> Any:
    """Limit `x` to ``low <= x <= high``; None leaves a side open.

    The derivative is 0 outside and at constant bounds. Bounds may be Values, with ties as in maximum() and minimum().
    NumPy's names of the bounds, a_min and a_max or min and max, work as well.
    """
    for name in named:
        if name not in ("a", "a_min", "a_max", "min", "max"):
            raise TypeError(f"clip() got an unexpected keyword argument {name!r}: it takes low and high")
    low = named.get("a_min", named.get("min", low))
    high = named.get("a_max", named.get("max", high))
    x, low, high = as_floats(x, low, high)
    if is_value(low) or is_value(high):
        x = x if low is None else maximum(x, low)
        return x if high is None else minimum(x, high)
    return _clip(x, None if low is None else _bound(low), None if high is None else _bound(high))


def _bound(bound: Any) -> Any:
    """A constant bound as a float or a new array."""
    if bound.__class__ is float:
        return bound
    array = np.array(bound)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"a bound is a real number or an array of them, but got {bound!r}")
    return array if array.ndim else array.astype(float).item()


# --- lines between points -------------------------------------------------------------------------


def flattest(left: Any, right: Any) -> Any:
    """The slope nearer to 0 of two; 0 if their signs differ."""
    return np.where(left * right <= 0.0, 0.0, np.where(np.abs(left) < np.abs(right), left, right))


@composed
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    """Interpolate linearly at `x` between the points (xp, fp), which are one-dimensional and ordered by xp.

    Outside xp the result is fp[0] and fp[-1], or `left` and `right`. At a point where two lines meet, the derivative with
    respect to x is the flatter of their slopes, or 0 if their signs differ.
    """
    x, xp, fp, left, right = as_floats(x, xp, fp, left, right)
    if period is not None:
        if raw(period) == 0.0:
            raise ValueError("interp() takes a period other than zero")
        period = np.abs(period)
        x, turn = mod(x, period), mod(xp, period)
        order = np.argsort(raw(turn))
        turn, fp = turn[order], fp[order]
        xp = concatenate([turn[-1:] - period, turn, turn[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
    points, heights, places = (np.asarray(raw(item), dtype=float) for item in (xp, fp, x))
    xp, fp = (item if is_value(item) else data for item, data in ((xp, points), (fp, heights)))
    if len(points) != len(heights) or not len(points):
        raise ValueError(f"interp() takes xp and fp of one length, at least 1, but got {len(points)} and {len(heights)}")
    last = len(points) - 1
    low = np.clip(np.searchsorted(points, places, side="right") - 1, 0, last)
    high = np.minimum(low + 1, last)
    with np.errstate(divide="ignore", invalid="ignore"):  # at a jump, where two points have the same x
        slopes = np.concatenate([[0.0], np.diff(heights) / np.diff(points), [0.0]])  # of the lines before and after each point
    at_kink = places == points[low]
    flat = flattest(slopes[low], slopes[low + 1])
    before = at_kink & (low > 0) & (flat == slopes[low]) & (flat != slopes[low + 1])  # the line that ends here is flatter
    low, high = np.where(before, low - 1, low), np.where(before, low, high)
    width = xp[high] - xp[low]
    part = (x - xp[low]) / where(high == low, 1.0, width)
    inside = (places >= points[0]) & (places <= points[last])
    moving = inside & (high > low) & ~(at_kink & ~before & (flat != slopes[low + 1]))
    out = fp[low] + where(moving, part * (fp[high] - fp[low]), 0.0)
    out = out if left is None else where(places < points[0], left, out)
    out = out if right is None else where(places > points[last], right, out)
    return where(np.isnan(places), np.nan, out) if np.isnan(places).any() else out

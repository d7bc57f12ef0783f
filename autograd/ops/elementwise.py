"""Elementwise operations with their derivative rules. Broadcasting is undone by the engine, not here.

In every rule: g is the cotangent of the output, out the output, x and y the inputs; all of them are
floats, arrays or Values, and the rule does not care which. At kinks and ties a rule gives the
subgradient of least norm over the inputs that are Values.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from autograd.op import Op, is_value, raw
from autograd.ops.forms import binary, primitive, unary

# --- arithmetic -----------------------------------------------------------------------------------


def same(g: Any, out: Any, x: Any, y: Any) -> Any:
    """The cotangent as it is. backward() knows this and the next two, the commonest rules, and saves their call."""
    return g


def times_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    return g * x


def times_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    return g * y


def pow_base(g: Any, out: Any, x: Any, y: Any) -> Any:
    """y x^(y-1), and 0 where y is 0, also for x = 0."""
    if y.__class__ is float:
        return g * (y * pow(x, y - 1.0)) if y != 0.0 else g * (x * 0.0)
    return g * (y * pow(x, where(raw(y) == 0.0, 1.0, y - 1.0)))


def pow_exponent(g: Any, out: Any, x: Any, y: Any) -> Any:
    """x^y log(x), and 0 where x is 0."""
    return g * (out * log(where(raw(x) == 0.0, 1.0, x)))


def real_power(x: Any, y: Any) -> float:
    """The power of two floats: an error, and so nan, but never a complex number, for a fraction of a negative base."""
    return math.pow(x, y)


# fmt: off
add = binary("add", "{} + {}",  operator.add,      same,
                                                   same)
sub = binary("sub", "{} - {}",  operator.sub,      same,
                                                   lambda g, out, x, y: -g)
mul = binary("mul", "{} * {}",  operator.mul,      times_y,
                                                   times_x)
div = binary("div", "{} / {}",  operator.truediv,  lambda g, out, x, y: g / y,
                                                   lambda g, out, x, y: -g * out / y, ((-2.0, 2.0), (0.5, 2.0)))
pow = binary("pow", "{} ** {}", real_power, pow_base, pow_exponent, ((0.3, 2.0), (-2.0, 3.0)), operator.pow)
neg = unary("neg", "-{}", operator.neg, np.negative, lambda g, out, x: -g)
# fmt: on

# --- functions of one input -----------------------------------------------------------------------


def sign(x: Any) -> Any:
    """-1, 0 or 1, and nan for nan, as plain data: the slope of abs, 0 at its kink."""
    x = raw(x)
    if x.__class__ is float:
        return x if math.isnan(x) else float(x > 0.0) - float(x < 0.0)
    return np.sign(x)


def relu_array(x: Any) -> Any:
    return np.maximum(x, 0.0)


def sigmoid_float(x: float) -> float:
    """1 / (1 + e^-x) without overflow, accurate for x far below 0."""
    power = math.exp(-math.fabs(x))
    return 1.0 / (1.0 + power) if x >= 0.0 else power / (1.0 + power)


def sigmoid_array(x: Any) -> Any:
    with np.errstate(over="ignore"):  # e^-x = inf is meant: the quotient is then 0
        return 1.0 / (1.0 + np.exp(-x))


def softplus_float(x: float) -> float:
    return math.log1p(math.exp(-math.fabs(x))) + (x if x > 0.0 else 0.0)


def softplus_array(x: Any) -> Any:
    return np.logaddexp(x, 0.0)


# fmt: off
exp      = unary("exp",      "exp({})",      math.exp,       np.exp,         lambda g, out, x: g * out)
log      = unary("log",      "log({})",      math.log,       np.log,         lambda g, out, x: g / x, (0.2, 3.0))
sqrt     = unary("sqrt",     "sqrt({})",     math.sqrt,      np.sqrt,        lambda g, out, x: g * (0.5 / out), (0.2, 3.0))
sin      = unary("sin",      "sin({})",      math.sin,       np.sin,         lambda g, out, x: g * cos(x))
cos      = unary("cos",      "cos({})",      math.cos,       np.cos,         lambda g, out, x: -g * sin(x))
tanh     = unary("tanh",     "tanh({})",     math.tanh,      np.tanh,        lambda g, out, x: g * (1.0 - out * out))
sigmoid  = unary("sigmoid",  "sigmoid({})",  sigmoid_float,  sigmoid_array,  lambda g, out, x: g * (out * (1.0 - out)),
                 doc="``1 / (1 + exp(-x))``, the logistic function, without overflow.")
softplus = unary("softplus", "softplus({})", softplus_float, softplus_array, lambda g, out, x: g * sigmoid(x),
                 doc="``log(1 + exp(x))`` without overflow; its derivative is the sigmoid.")
# Kinks, by the rule of least norm: the slope of abs and relu at 0 is 0.
abs      = unary("abs",  "abs({})",  math.fabs, np.abs, lambda g, out, x: g * sign(x), (0.2, 2.0),
                 doc="``|x|``; the derivative at 0 is 0.")
relu     = unary("relu", "relu({})", lambda x: 0.0 if x <= 0.0 else x, relu_array, lambda g, out, x: g * (x > 0.0), (0.2, 2.0),
                 doc="``max(x, 0)``; the derivative at 0 is 0.")
# fmt: on


def leaky_slope(x: Any, slope: float) -> Any:
    """1 above 0, `slope` below, and at the kink what is nearest to 0 between the two."""
    x = raw(x)
    at_kink = min(max(slope, 0.0), 1.0)
    if x.__class__ is float:
        return 1.0 if x > 0.0 else slope if x < 0.0 else at_kink
    one, low, kink = (x.dtype.type(value) for value in (1.0, slope, at_kink))
    return np.where(x > 0.0, one, np.where(x < 0.0, low, kink))


@primitive("elementwise", x=lambda g, out, x, slope: g * leaky_slope(x, slope))
def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """``x`` above 0 and ``slope * x`` below; at 0 the derivative is the smaller of 1 and `slope`, or 0 for a negative slope.

    >>> from autograd import Value, leaky_relu
    >>> leaky_relu(Value(-1.0)).data
    -0.01
    """
    return x * leaky_slope(x, slope)


# --- choosing between inputs ----------------------------------------------------------------------


def bool_condition(condition: Any, x: Any, y: Any) -> tuple[Any, ...]:
    """The condition as a bool or an array of bools of its own."""
    condition = raw(condition)
    if condition.__class__ is not bool:
        condition = np.array(condition, dtype=bool)
        if condition.ndim == 0:
            condition = bool(condition)
    return condition, x, y


@primitive(
    "elementwise",
    prepare=bool_condition,
    x=lambda g, out, condition, x, y: where(condition, g, 0.0),
    y=lambda g, out, condition, x, y: where(condition, 0.0, g),
)
def where(condition: Any, x: Any, y: Any) -> Any:
    """`x` where `condition` holds and `y` elsewhere; the three broadcast against each other.

    The gradient follows the condition, which itself has none: the side that was not taken gets an
    exact zero, even where its own derivative is infinite or nan.
    """
    if condition.__class__ is bool and x.__class__ is float and y.__class__ is float:
        return x if condition else y
    return np.where(condition, x, y)


def larger_share(x: Any, y: Any) -> Any:
    """The part of the gradient of maximum(x, y) that x gets: all, none, or half of it at a tie."""
    x, y = raw(x), raw(y)
    return (x > y) + np.result_type(x, y).type(0.5) * (x == y)  # a plain 0.5 would make float64 of float32


# fmt: off
_maximum = binary("maximum", "max({}, {})", lambda x, y: x if x > y or x != x else y,
                  lambda g, out, x, y: g * larger_share(x, y),
                  lambda g, out, x, y: g * larger_share(y, x), ((0.0, 1.0), (1.1, 2.0)), np.maximum)
_minimum = binary("minimum", "min({}, {})", lambda x, y: x if x < y or x != x else y,
                  lambda g, out, x, y: g * larger_share(y, x),
                  lambda g, out, x, y: g * larger_share(x, y), ((0.0, 1.0), (1.1, 2.0)), np.minimum)
# fmt: on


def inside(x: Any, low: Any, high: Any) -> Any:
    """True where x lies strictly between its bounds: the slope of clip, 0 at its two kinks."""
    x = raw(x)
    above = True if low is None else x > low
    return above & (True if high is None else x < high)


@primitive("elementwise", x=lambda g, out, x, low, high: g * inside(x, low, high))
def _clip(x: Any, low: Any, high: Any) -> Any:
    """`x` limited to constant bounds, None for none: clip(), and maximum() and minimum() with a constant."""
    if x.__class__ is float and x != x:
        return x
    x = x + 0.0 if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def maximum(x: Any, y: Any) -> Any:
    """The larger of `x` and `y`, elementwise; they broadcast.

    At a tie of two Values each gets half of the gradient; against a constant the Value gets 0 there,
    so that ``maximum(x, 0.0)`` and ``relu(x)`` agree.
    """
    if is_value(x) and not is_value(y):
        return _clip(x, _bound(y), None)
    if is_value(y) and not is_value(x):
        return _clip(y, _bound(x), None)
    return _maximum(x, y)


def minimum(x: Any, y: Any) -> Any:
    """The smaller of `x` and `y`, elementwise; ties as in `maximum`."""
    if is_value(x) and not is_value(y):
        return _clip(x, None, _bound(y))
    if is_value(y) and not is_value(x):
        return _clip(y, None, _bound(x))
    return _minimum(x, y)


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """`x` limited to ``low <= x <= high``; ``None`` leaves a side open.

    The derivative is 0 outside and at constant bounds. Bounds may be Values; ties are then shared as in
    `maximum` and `minimum`.
    """
    if is_value(low) or is_value(high):
        x = x if low is None else maximum(x, low)
        return x if high is None else minimum(x, high)
    return _clip(x, None if low is None else _bound(low), None if high is None else _bound(high))


def _bound(bound: Any) -> Any:
    """A constant bound as a float or an array of its own."""
    if bound.__class__ is float:
        return bound
    array = np.array(bound)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"a bound must be a real number or an array of them, but it is {bound!r}")
    return float(array) if array.ndim == 0 else array


@primitive("elementwise", x=lambda g, out, x, dtype: g)
def astype(x: Any, dtype: Any) -> Any:
    """A copy of `x` in a floating dtype; the cotangent is cast back to the dtype of `x`."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"astype() keeps Values floating, but {np.dtype(dtype)} came; use .data.astype(...) for plain data")
    return np.asarray(x).astype(dtype)


__all__ = [name for name, item in list(globals().items()) if isinstance(item, Op) and name[0] != "_"]
__all__ += ["maximum", "minimum", "clip"]

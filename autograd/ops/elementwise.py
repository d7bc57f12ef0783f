"""Elementwise operations with their derivative rules. The engine undoes broadcasting, not the rules.

In every rule, g is the cotangent of the output (the derivative of the final result with respect to it), out the output, x
and y the inputs; each may be a float, an array or a Value. At kinks and ties a rule returns the subgradient of least norm
over the inputs that are Values.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

import numpy as np

from autograd.op import DOUBLE, raw
from autograd.ops.define import REAL, binary, composed, primitive, unary

# --- arithmetic -----------------------------------------------------------------------------------
# Entries: binary(name, symbol, function, rule of x, rule of y, intervals of x and y to draw samples from).


def same(g: Any, out: Any, x: Any, y: Any) -> Any:
    """The cotangent itself. backward() inlines this rule and the next two, the most common ones."""
    return g


def times_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    return g * x


def times_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    return g * y


def pow_base(g: Any, out: Any, x: Any, y: Any) -> Any:
    """g y x^(y-1), which is 0 where y is 0, also for x = 0 and infinite x."""
    if y.__class__ is float:
        return g * (y * pow(x, y - 1.0)) if y != 0.0 else g * 0.0
    return g * (y * pow(x, where((raw(x) == 0.0) & (raw(y) == 0.0), 1.0, y - 1.0)))


def pow_exponent(g: Any, out: Any, x: Any, y: Any) -> Any:
    """g x^y log(x), which is 0 where x is 0."""
    return g * (out * log(where(raw(x) == 0.0, 1.0, x)))


def real_power(x: Any, y: Any) -> float:
    """x^y of floats. Where ``**`` would give a complex number, math.pow() raises, and the result becomes nan."""
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
# Entries: unary(name, symbol, function of floats, function of arrays, rule, interval to draw samples from).


def sigmoid_float(x: float) -> float:
    """1 / (1 + e^-x) without overflow, accurate for x far below 0."""
    power = math.exp(-math.fabs(x))
    return 1.0 / (1.0 + power) if x >= 0.0 else power / (1.0 + power)


@np.errstate(over="ignore")  # where e^-x is inf, the quotient is 0 as it should be
def sigmoid_array(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def softplus_float(x: float) -> float:
    return math.log1p(math.exp(-math.fabs(x))) + (x if x > 0.0 else 0.0)


def softplus_array(x: Any) -> Any:
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0)  # 15x faster than logaddexp


def logistic_float(x: float) -> float:
    power = math.exp(-math.fabs(x))
    rest = 1.0 + power
    return power / (rest * rest)


def logistic_array(x: Any) -> Any:
    power = np.asarray(np.abs(x))
    np.exp(np.negative(power, power), power)  # in place: new arrays take longer than the arithmetic
    rest = 1.0 + power
    rest *= rest
    power /= rest
    return power if power.ndim else power[()]


def logistic(x: Any) -> Any:
    """The density of the logistic distribution, the slope of sigmoid."""
    if x.__class__ is float:
        return logistic_float(x)
    return logistic_array(x) if x.__class__ is np.ndarray else _logistic(x)


@functools.cache
def has_fast_cosh() -> bool:
    """Whether np.cosh() uses the vector instructions of this machine; otherwise np.exp() is several times faster."""
    try:
        from numpy.lib.introspect import opt_func_info
    except ImportError:
        return False
    found = opt_func_info("^cosh$", "float").get("cosh", {})
    return all(not found.get(kind, {}).get("current", "baseline").startswith("baseline") for kind in ("ff", "dd"))


@np.errstate(over="ignore", divide="ignore")
def cosh_square(x: Any) -> Any:
    """cosh(x)^2 for arrays; inf where its reciprocal is 0."""
    if has_fast_cosh():
        power = np.cosh(x)
    else:
        power = np.exp(x)
        power += 1.0 / power
        power *= 0.5
    power *= power
    return power


@np.errstate(over="ignore", divide="ignore")
def cosh_square_of_half(x: Any) -> Any:
    """4 cosh(x / 2)^2 for arrays, by the power that sigmoid_array() computes, too."""
    power = np.exp(-x)
    rest = 1.0 / power
    rest += power
    rest += 2.0
    return rest


def is_wide(x: Any) -> bool:
    """Whether `x` is an array of float32 or float64. In float16, powers overflow where slopes are not yet 0."""
    return x.__class__ is np.ndarray and x.dtype.char in "fd"


# The slopes of tanh and sigmoid are 1 - out^2 and out (1 - out), which cancel where `out` is close to its bounds. There, and
# everywhere for arrays and Values, they are computed from x.
def tanh_rule(g: Any, out: Any, x: Any) -> Any:
    if is_wide(x):
        return g / cosh_square(x)
    return g * (4.0 * logistic(2.0 * x)) if out.__class__ is not float or not -0.8 < out < 0.8 else g * (1.0 - out * out)


def sigmoid_rule(g: Any, out: Any, x: Any) -> Any:
    if is_wide(x):
        return g / cosh_square_of_half(x)
    return g * logistic(x) if out.__class__ is not float or not out < 0.75 else g * (out * (1.0 - out))


LN2, LN10, DEGREE = math.log(2.0), math.log(10.0), math.pi / 180.0
DENSITY = 1.0 / math.sqrt(2.0 * math.pi)  # of the standard normal distribution at 0

# fmt: off
positive   = unary("positive",   "+{}",        operator.pos,    np.positive,   lambda g, out, x: g)
square     = unary("square",     "square({})", lambda x: x * x, np.square,     lambda g, out, x: g * (2.0 * x))
sqrt       = unary("sqrt",       "sqrt({})",   math.sqrt,       np.sqrt,       lambda g, out, x: g * (0.5 / out), (0.2, 3.0))
cbrt       = unary("cbrt",       "cbrt({})",   math.cbrt,       np.cbrt,       lambda g, out, x: g / (3 * out * out), (0.2, 3.0))
reciprocal = unary("reciprocal", "1 / {}",     lambda x: 1 / x, np.reciprocal, lambda g, out, x: -g * out * out, (0.3, 2.0))

exp   = unary("exp",   "exp({})",   math.exp,   np.exp,   lambda g, out, x: g * out)
exp2  = unary("exp2",  "exp2({})",  math.exp2,  np.exp2,  lambda g, out, x: g * (out * LN2))
expm1 = unary("expm1", "expm1({})", math.expm1, np.expm1, lambda g, out, x: g * exp(x))
log   = unary("log",   "log({})",   math.log,   np.log,   lambda g, out, x: g / x, (0.2, 3.0))
log2  = unary("log2",  "log2({})",  math.log2,  np.log2,  lambda g, out, x: g / (x * LN2), (0.2, 3.0))
log10 = unary("log10", "log10({})", math.log10, np.log10, lambda g, out, x: g / LN10 / x, (0.2, 3.0))
log1p = unary("log1p", "log1p({})", math.log1p, np.log1p, lambda g, out, x: g / (1.0 + x), (-0.7, 3.0))

sin    = unary("sin",    "sin({})",    math.sin,  np.sin,    lambda g, out, x: g * cos(x))
cos    = unary("cos",    "cos({})",    math.cos,  np.cos,    lambda g, out, x: -g * sin(x))
tan    = unary("tan",    "tan({})",    math.tan,  np.tan,    lambda g, out, x: g * (1.0 + out * out), (-1.2, 1.2))
arcsin = unary("arcsin", "arcsin({})", math.asin, np.arcsin, lambda g, out, x: g / sqrt(_one_minus_square(x)), (-0.8, 0.8))
arccos = unary("arccos", "arccos({})", math.acos, np.arccos, lambda g, out, x: -g / sqrt(_one_minus_square(x)), (-0.8, 0.8))
arctan = unary("arctan", "arctan({})", math.atan, np.arctan, lambda g, out, x: g / (1.0 + x * x))

sinh    = unary("sinh",    "sinh({})",    math.sinh,  np.sinh,    lambda g, out, x: g * cosh(x))
cosh    = unary("cosh",    "cosh({})",    math.cosh,  np.cosh,    lambda g, out, x: g * sinh(x))
tanh    = unary("tanh",    "tanh({})",    math.tanh,  np.tanh,    tanh_rule)
arcsinh = unary("arcsinh", "arcsinh({})", math.asinh, np.arcsinh, lambda g, out, x: g / hypot(x, 1.0))
arccosh = unary("arccosh", "arccosh({})", math.acosh, np.arccosh, lambda g, out, x: g / sqrt(x - 1.0) / sqrt(x + 1.0), (1.2, 3.0))
arctanh = unary("arctanh", "arctanh({})", math.atanh, np.arctanh, lambda g, out, x: g / _one_minus_square(x), (-0.8, 0.8))

# Slopes that are operations with rules: differentiated as formulas, they would lose digits by cancellation.
_logistic = unary("logistic", "logistic({})", logistic_float, logistic_array, lambda g, out, x: g * (-out * tanh(0.5 * x)),
                  doc="``1 / (2 * cosh(x / 2)) ** 2``, the density of the logistic distribution: the slope of sigmoid.")
_one_minus_square = unary("one_minus_square", "1 - {} ** 2", lambda x: (1.0 - x) * (1.0 + x), lambda x: (1.0 - x) * (1.0 + x),
                          lambda g, out, x: g * (-2.0 * x), doc="``1 - x ** 2``, accurate near -1 and 1.")
_times_rest = unary("times_rest", "{0} (1 - {0})", lambda x: x * (1.0 - x), lambda x: x * (1.0 - x),
                    lambda g, out, x: g * (1.0 - 2.0 * x), doc="``x * (1 - x)``, whose slope is accurate near a half.")

deg2rad = unary("deg2rad", "deg2rad({})", math.radians, np.deg2rad, lambda g, out, x: g * DEGREE)
rad2deg = unary("rad2deg", "rad2deg({})", math.degrees, np.rad2deg, lambda g, out, x: g / DEGREE)

sigmoid  = unary("sigmoid",  "sigmoid({})",  sigmoid_float,  sigmoid_array,  sigmoid_rule,
                 doc="Compute ``1 / (1 + exp(-x))``, the logistic function, without overflow.")
softplus = unary("softplus", "softplus({})", softplus_float, softplus_array, lambda g, out, x: g * sigmoid(x),
                 doc="Compute ``log(1 + exp(x))`` without overflow; its derivative is the sigmoid.")
# fmt: on
radians, degrees = deg2rad, rad2deg


def float_dtype(x: Any) -> Any:
    """The dtype of `x`; float64 for integers."""
    dtype = np.asarray(raw(x)).dtype
    return dtype if dtype.kind == "f" else DOUBLE


def sinc_series(z: Any, order: int) -> Any:
    """The derivative of order `order` of sin(z) / z for small z, by its power series."""
    terms = range((order + 1) // 2, order // 2 + 24)
    return sum((-1.0) ** k * z ** (2 * k - order) / ((2 * k + 1) * math.factorial(2 * k - order)) for k in terms)


@primitive("elementwise", x=lambda g, out, x, rate: g * (-2.0 * rate * where(np.isinf(raw(x)), 0.0, x) * out))
def _bell(x: Any, rate: float) -> Any:
    """``exp(-rate * x ** 2)`` for a rate of 1 or 1/2.

    The square of x rounded to 4 binary places is exact, and the rest is small; rounding x^2 itself would cost x^2 ulp.
    """
    precise = np.asarray(x, dtype=np.promote_types(float_dtype(x), np.float32))
    near = np.clip(precise, -40.0, 40.0)  # the result is 0 beyond
    rough = np.rint(near * 16.0) / 16.0
    out = np.exp(-rate * rough * rough) * np.exp(-rate * (near - rough) * (near + rough))
    return out.astype(float_dtype(x)) if out.ndim else out.item()


@primitive("elementwise", x=lambda g, out, x, order: g * _sinc(x, order + 1))
def _sinc(x: Any, order: int = 0) -> Any:
    """The derivative of order `order` of ``sin(pi x) / (pi x)``, also at 0.

    Away from 0 it follows from ``z s_n(z) + n s_(n-1)(z) = sin(z + n pi / 2)``, the n-th derivative of ``z s(z) = sin(z)``.
    """
    z = np.pi * np.clip(np.asarray(x, dtype=float), -1e300, 1e300)
    near = np.abs(z) < 3.0
    far = np.where(near, 4.0, z)
    out = np.sinc(far / np.pi)
    for n in range(1, order + 1):
        out = (np.sin(far + n * (np.pi / 2.0)) - n * out) / far
    return (np.where(near, sinc_series(np.where(near, z, 0.0), order), out) * np.pi**order).astype(float_dtype(x))


@composed
def sinc(x: Any) -> Any:
    """Compute ``sin(pi x) / (pi x)``, which is 1 at 0 and smooth everywhere."""
    return _sinc(x)


# --- functions of two inputs ----------------------------------------------------------------------


def ratio(x: Any, y: Any) -> Any:
    """x / y, or 0 where y is 0: a component of a unit vector, where 0 is the subgradient of the length at the origin."""
    origin = raw(y) == 0.0
    return where(origin, 0.0, x / where(origin, 1.0, y))


def share(x: Any, y: Any, base: float = 1.0) -> Any:
    """exp(x) / (exp(x) + exp(y)); 0 where both x and y are -inf, as in logsumexp, and 1/2 where both are inf."""
    both = np.isinf(raw(x)) & np.equal(raw(x), raw(y))
    if not np.any(both):
        return sigmoid((x - y) * base)
    return where(both, 0.5 * (raw(x) > 0.0), sigmoid(where(both, 0.0, x - y) * base))


def per_square(x: Any, y: Any) -> Any:
    """x / (x^2 + y^2) without overflow; 0 at the origin."""
    return ratio(_direction(x, y), hypot(x, y))


def direction_slope(x: Any, y: Any) -> Any:
    """y^2 / hypot(x, y)^3, the slope of direction(x, y) with respect to x."""
    return per_square(y, x) * _direction(y, x)


def direction_float(x: float, y: float) -> float:
    length = math.hypot(x, y)
    return x / length if 1e-290 < length < 1e308 else direction(np.float64(x), np.float64(y)).item()


def direction(x: Any, y: Any) -> Any:
    """x / hypot(x, y), or 0 at the origin; both are scaled by a power of two, to avoid overflow and subnormal numbers."""
    _, exponent = np.frexp(np.maximum(np.abs(x), np.abs(y)))
    x, y = np.ldexp(x, -exponent), np.ldexp(y, -exponent)
    length = np.hypot(x, y)
    return np.divide(x, length, out=np.zeros_like(length), where=length != 0.0)


# fmt: off
hypot      = binary("hypot",      "hypot({}, {})",      math.hypot,     lambda g, out, x, y: g * _direction(x, y),
                                                                        lambda g, out, x, y: g * _direction(y, x), array=np.hypot,
                    doc="Compute ``sqrt(x ** 2 + y ** 2)`` without overflow; the derivative at (0, 0) is 0.")
arctan2    = binary("arctan2",    "arctan2({}, {})",    math.atan2,     lambda g, out, x, y: g * per_square(y, x),
                                                                        lambda g, out, x, y: -g * per_square(x, y),
                    ((0.3, 2.0), REAL), np.arctan2,
                    doc="Return the angle of the point (y, x) in the plane; the derivative at (0, 0) is 0.")
_direction = binary("direction",  "direction({}, {})",  direction_float, lambda g, out, x, y: g * direction_slope(x, y),
                                                                        lambda g, out, x, y: -g * (out * per_square(y, x)),
                    ((0.3, 2.0), REAL), direction, doc="``x / hypot(x, y)``, a component of the unit vector; 0 at the origin.")
logaddexp  = binary("logaddexp",  "logaddexp({}, {})",  np.logaddexp,   lambda g, out, x, y: g * share(x, y),
                                                                        lambda g, out, x, y: g * share(y, x),
                    doc="Compute ``log(exp(x) + exp(y))`` without overflow; the derivative where both are -inf is 0.")
logaddexp2 = binary("logaddexp2", "logaddexp2({}, {})", np.logaddexp2,  lambda g, out, x, y: g * share(x, y, LN2),
                                                                        lambda g, out, x, y: g * share(y, x, LN2),
                    doc="Compute ``log2(2 ** x + 2 ** y)`` without overflow; the derivative where both are -inf is 0.")
# fmt: on


@composed
def float_power(x1: Any, x2: Any) -> Any:
    """Compute ``x1 ** x2`` in float64."""
    return pow(astype(x1, np.float64), astype(x2, np.float64))


@primitive("elementwise", x1=lambda g, out, x1, x2: ldexp(g, x2))
def ldexp(x1: Any, x2: Any) -> Any:
    """Compute ``x1 * 2 ** x2`` for plain integers x2, exactly, even if the power alone would overflow."""
    return np.ldexp(x1, x2)


@composed
def frexp(x: Any) -> tuple[Any, Any]:
    """Return ``fraction, exponent`` with ``x = fraction * 2 ** exponent`` and 1/2 <= |fraction| < 1; the exponent is plain."""
    exponents = np.frexp(raw(x))[1]
    return ldexp(x, -exponents), exponents


# --- choosing between inputs ----------------------------------------------------------------------


def bool_condition(condition: Any, x: Any, y: Any) -> tuple[Any, ...]:
    """The arguments with the condition as a bool or a new array of bools."""
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
    """Choose `x` where `condition` holds and `y` elsewhere; the three broadcast against each other.

    The condition has no gradient. The side that is not chosen gets an exact zero, even where its own derivative is
    infinite or nan.
    """
    if condition.__class__ is bool and x.__class__ is float and y.__class__ is float:
        return x if condition else y
    return np.where(condition, x, y)


@primitive("elementwise", x=lambda g, out, x, dtype: g)
def _astype(x: Any, dtype: Any) -> Any:
    """astype() to a floating dtype; the cotangent is cast back to the dtype of `x`."""
    return np.asarray(x).astype(dtype)


@composed
def astype(x: Any, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True) -> Any:
    """Return a copy of `x` in another dtype; in integers or bools it is plain data. Raise TypeError unless it is real."""
    kind, data = np.dtype(dtype).kind, np.asarray(raw(x))
    if kind in "biu":
        return data.astype(dtype, order, casting)
    if kind != "f":
        raise TypeError(f"astype() of a Value gives real numbers, but got {np.dtype(dtype)}; for plain data use .data.astype()")
    if casting != "unsafe" and not np.can_cast(data.dtype, dtype, casting):
        raise TypeError(f"{data.dtype} cannot be cast to {np.dtype(dtype)} by the rule {casting!r}")
    return _astype(x, dtype)

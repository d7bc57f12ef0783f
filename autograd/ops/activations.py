"""Activations of neural networks: elu, gelu, silu, mish and others; and the operations of two losses.

All are correct for numbers of any size, also infinite ones: no exponential overflows, and inf is never multiplied by 0.
At a kink the derivative is the slope nearest to 0, as everywhere. Names as in elementwise.py.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd.op import is_value, raw, shape_of
from autograd.ops.define import adding, as_float, binary, composed, formula, primitive, unary
from autograd.ops.elementwise import (
    DENSITY,
    _bell,
    _logistic,
    exp,
    float_dtype,
    log,
    sigmoid,
    sigmoid_array,
    softplus,
    tanh,
    where,
)
from autograd.ops.inputs import short
from autograd.ops.kinks import abs, clip, inside, maximum, minimum, zero_rule
from autograd.ops.reductions import _sum, log_of_sum, softmax, total
from autograd.ops.shapes import as_tensor

#: Below this number exp(x) is 0, in every precision.
EXP_IS_0 = -800.0
FAR = 30.0  # beyond, erfc is 0 in every precision
FLAT = 30.0  # beyond, the sigmoid of the polynomial of _gelu_tanh is 0 or 1

# --- exponential below 0 --------------------------------------------------------------------------

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def exponential(x: Any, alpha: float, rate: float = 1.0) -> Any:
    """`x` above 0, alpha (exp(rate x) - 1) below."""
    return np.maximum(x, 0.0) + alpha * np.expm1(np.minimum(x, 0.0) * rate)


def exp_below(x: Any, rate: float = 1.0) -> Any:
    """1 above 0, exp(rate x) below."""
    return exp(where(raw(x) > 0.0, 0.0, x * rate))


def elu_slope(x: Any, alpha: float) -> Any:
    """1 above 0, alpha exp(x) below; at 0 the smaller of 1 and alpha, or 0 if alpha is negative."""
    slope = where(raw(x) >= 0.0 if alpha > 1.0 else raw(x) > 0.0, 1.0, alpha * exp_below(x))
    return slope if alpha >= 0.0 else where(raw(x) == 0.0, 0.0, slope)


def float_alpha(x: Any, alpha: Any) -> tuple[Any, Any]:
    """The arguments with alpha as a Python float, which does not promote float32."""
    return x, alpha if is_value(alpha) else float(alpha)  # Op refuses a Value


def positive_alpha(x: Any, alpha: Any) -> tuple[Any, Any]:
    """The arguments of float_alpha(); ValueError unless alpha is positive."""
    if not alpha > 0.0:
        raise ValueError(f"celu() takes a positive alpha, but got {alpha}")
    return float_alpha(x, alpha)


@primitive("elementwise", float_alpha, x=lambda g, out, x, alpha: g * elu_slope(x, alpha))
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return ``x`` above 0 and ``alpha * (exp(x) - 1)`` below (Clevert et al. 2016).

    At 0 the derivative is the smaller of 1 and `alpha`, or 0 for a negative alpha.

    >>> from autograd import Value
    >>> from autograd.ops import elu
    >>> elu(Value(-1.0)).data
    -0.63212...
    """
    return exponential(x, alpha)


@primitive("elementwise", positive_alpha, x=lambda g, out, x, alpha: g * exp_below(x, 1.0 / alpha))
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Return ``x`` above 0 and ``alpha * (exp(x / alpha) - 1)`` below, for alpha > 0: smooth at 0 (Barron 2017)."""
    return exponential(x, alpha, 1.0 / alpha)


def selu_array(x: Any) -> Any:
    return SELU_SCALE * exponential(x, SELU_ALPHA)


# --- inputs times a gate --------------------------------------------------------------------------


@functools.cache
def erfc_series() -> Any:
    """A polynomial in t = 2 / (2 + z) for log(erfc(z) exp(z^2) / t), z >= 0, interpolated at Chebyshev points."""

    def function(t: Any) -> Any:
        z = 2.0 / t - 2.0
        tail = z.copy()
        for k in range(200, 0, -1):  # Laplace's continued fraction (Abramowitz and Stegun 7.1.14), where z is not small
            tail = z + 0.5 * k / np.where(tail == 0.0, 1.0, tail)
        near = [math.exp(a * a) * math.erfc(a) for a in np.minimum(z, 2.0).tolist()]
        return np.log(np.where(z < 2.0, near, 1.0 / (math.sqrt(math.pi) * tail)) / t)

    return np.polynomial.Chebyshev.interpolate(function, 28, (2.0 / (2.0 + FAR), 1.0))


def normal_cdf_numpy(x: Any) -> Any:
    """The standard normal distribution function, in full precision also far below 0."""
    z = np.minimum(np.abs(np.asarray(x, dtype=float)) * math.sqrt(0.5), FAR)
    t = 2.0 / (2.0 + z)
    tail = 0.5 * t * np.exp(erfc_series()(t) - z * z)
    return np.where(np.less(x, 0.0), tail, 1.0 - tail).astype(float_dtype(x))


def normal_cdf_array(x: Any) -> Any:
    """normal_cdf_numpy() by SciPy, if it is installed, which is 4 times faster."""
    try:
        from scipy.special import ndtr
    except ImportError:
        return normal_cdf_numpy(x)
    return ndtr(x).astype(float_dtype(x), copy=False)  # SciPy turns float16 into float64


def gelu_array(x: Any) -> Any:
    return np.maximum(x, EXP_IS_0) * normal_cdf(x)


def gelu_slope(x: Any) -> Any:
    """The slope of gelu: the standard normal distribution function plus x times its density."""
    x = clip(x, -40.0, 40.0)  # beyond, the density is 0 in every precision, but inf times 0 is nan
    return normal_cdf(x) + x * (DENSITY * _bell(x, 0.5))


def silu_array(x: Any) -> Any:
    with np.errstate(over="ignore"):  # where exp(-x) is inf, the quotient is 0 as it should be
        return np.maximum(x, EXP_IS_0) / (1.0 + np.exp(-x))


def silu_slope(x: Any) -> Any:
    """The slope of x sigmoid(x)."""
    near = clip(x, EXP_IS_0, -EXP_IS_0)  # beyond, inf would be multiplied by 0
    return sigmoid(x) * (1.0 + near * sigmoid(-x))


def mish_parts(x: Any) -> tuple[Any, Any, Any]:
    """x within bounds, w = exp(x), and n = w (w + 2), where tanh(log(1 + w)) = n / (n + 2)."""
    half = getattr(raw(x), "dtype", float) == np.float16  # whose w * w must stay below 65504
    x = clip(x, EXP_IS_0, 5.0 if half else 20.0)  # beyond, n / (n + 2) is 1
    w = exp(x)
    return x, w, w * (w + 2.0)


def mish_array(x: Any) -> Any:
    _, _, n = mish_parts(x)
    return np.maximum(x, EXP_IS_0) * (n / (n + 2.0))


def mish_slope_array(x: Any) -> Any:
    """The slope of mish: tanh(softplus(x)) plus x times the slope of that."""
    near, w, n = mish_parts(x)
    n2 = n + 2.0
    return n / n2 + near * (4.0 * (w / n2) * ((w + 1.0) / n2))


def mish_curvature(x: Any) -> Any:
    """The slope of mish_slope, a product, which is accurate in both tails."""
    x = clip(x, EXP_IS_0, -EXP_IS_0)
    t, s = softplus(x), sigmoid(x)
    return 4.0 * _logistic(2.0 * t) * s * (2.0 + x * (sigmoid(-x) - 2.0 * tanh(t) * s))


def softsign_array(x: Any) -> Any:
    largest = np.finfo(float_dtype(x)).max
    x = np.clip(x, -largest, largest)  # the result for inf is 1
    return x / (1.0 + np.abs(x))


def hard_sigmoid_array(x: Any) -> Any:
    return np.clip((x + 3.0) / 6.0, 0.0, 1.0)


def step_array(x: Any) -> Any:
    return np.heaviside(x, 0.0)


# fmt: off
normal_cdf = unary("normal_cdf", "normal_cdf({})", lambda x: 0.5 * math.erfc(x * -math.sqrt(0.5)), normal_cdf_array,
                   lambda g, out, x: g * (DENSITY * _bell(x, 0.5)),
                   doc="Compute the distribution function of the standard normal distribution, also without SciPy.")
selu = formula("selu", selu_array,
               lambda g, out, x: g * where(raw(x) >= 0.0, SELU_SCALE, SELU_SCALE * SELU_ALPHA * exp_below(x)),
               doc="Compute elu() with the alpha and the scale that keep mean 0 and variance 1 from layer to layer "
                   "(Klambauer et al. 2017); at 0 the derivative is the smaller of two slopes, the scale.")
_gelu = formula("gelu", gelu_array, lambda g, out, x: g * gelu_slope(x), doc="gelu(), exact.")
silu = formula("silu", silu_array, lambda g, out, x: g * silu_slope(x),
               doc="Compute ``x * sigmoid(x)``, also called swish (Elfwing et al. 2018).")
mish = formula("mish", mish_array, lambda g, out, x: g * _mish_slope(x), doc="Compute ``x * tanh(softplus(x))`` (Misra 2020).")
_mish_slope = formula("mish_slope", mish_slope_array, lambda g, out, x: g * mish_curvature(x), doc="The slope of mish.")
softsign = formula("softsign", softsign_array, lambda g, out, x: g / (1.0 + abs(x)) / (1.0 + abs(x)), (0.2, 2.0),
                   "Compute ``x / (1 + |x|)``.")
hard_sigmoid = formula("hard_sigmoid", hard_sigmoid_array, lambda g, out, x: g * inside(x, -3.0, 3.0) / 6.0,
                       doc="Compute ``x / 6 + 1 / 2``, limited to 0 and 1, piecewise linear; at its corners the derivative is 0.")
step = formula("step", step_array, zero_rule, (0.2, 2.0),
               "Return 1 above 0 and 0 elsewhere, the slope of relu; the derivative is 0 everywhere.")
# fmt: on

TANH_GELU = 2.0 * math.sqrt(2.0 / math.pi)  # twice, because (1 + tanh(u)) / 2 = sigmoid(2 u)
CUBIC = TANH_GELU * 0.044715


def gelu_tanh_slope(x: Any) -> Any:
    """s + x s (1 - s) p, where s is the sigmoid of a cubic polynomial u of x, and p is the slope of u."""
    x = clip(x, -FLAT, FLAT)
    u = x * (TANH_GELU + CUBIC * x * x)
    return sigmoid(u) * (1.0 + x * sigmoid(-u) * (TANH_GELU + 3.0 * CUBIC * x * x))


@primitive("elementwise", x=lambda g, out, x: g * gelu_tanh_slope(x))
def _gelu_tanh(x: Any) -> Any:
    """gelu() with approximate="tanh"."""
    near = np.clip(x, -FLAT, FLAT)
    return np.maximum(x, EXP_IS_0) * sigmoid_array(near * (TANH_GELU + CUBIC * near * near))


@composed
def gelu(x: Any, approximate: str = "none") -> Any:
    """Compute ``x * normal_cdf(x)`` (Hendrycks, Gimpel 2016), or with "tanh" ``x * (1 + tanh(c * (x + 0.044715 * x**3))) / 2``.

    The constant c is ``sqrt(2 / pi)``. The error of the approximation is below 0.0005, and it takes half the time.

    >>> from autograd import Value
    >>> from autograd.ops import gelu
    >>> round(gelu(Value(1.0)).data, 6), round(gelu(Value(1.0), approximate="tanh").data, 6)
    (0.841345, 0.841192)
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu() takes approximate='none' or 'tanh', but got {approximate!r}")
    return _gelu(x) if approximate == "none" else _gelu_tanh(x)


@composed
def glu(x: Any, axis: int = -1) -> Any:
    """Multiply the first half of `x` along `axis`, of even length, by the sigmoid of the second (Dauphin et al. 2017)."""
    x = as_tensor(x)
    place = normalize_axis_index(axis, x.ndim)
    if x.shape[place] % 2:
        raise ValueError(f"glu() halves an axis of even length, but got the shape {x.shape} with axis={axis}")
    lead, length = (slice(None),) * place, x.shape[place]
    return x[(*lead, slice(length // 2))] * sigmoid(x[(*lead, slice(length // 2, None))])


# --- piecewise linear -----------------------------------------------------------------------------


def prelu_array(x: Any, weight: Any) -> Any:
    return np.maximum(x, 0.0) + weight * np.minimum(x, 0.0)


def prelu_slope(x: Any, weight: Any) -> Any:
    """1 above 0, the weight below; at 0 the number nearest to 0 between the two."""
    slope, at_kink = where(raw(x) > 0.0, 1.0, weight), np.equal(raw(x), 0.0)
    return where(at_kink, np.clip(raw(weight), 0.0, 1.0), slope) if at_kink.any() else slope


prelu = binary("prelu", "prelu({}, {})", as_float(prelu_array), lambda g, out, x, y: g * prelu_slope(x, y),
               lambda g, out, x, y: g * minimum(x, 0.0), ((-2.0, -0.2), (0.1, 0.9)), prelu_array,
               doc="Return ``x`` above 0 and ``y * x`` below, a leaky_relu with a learned slope y (He et al. 2015).")  # fmt: skip


@composed
def hard_tanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """Limit `x` to ``min_val <= x <= max_val``; at the corners, and outside, the derivative is 0."""
    if min_val > max_val:
        raise ValueError(f"hard_tanh() takes min_val up to max_val, but got {min_val} and {max_val}")
    return clip(x, min_val, max_val)


@composed
def relu6(x: Any) -> Any:
    """Compute ``min(max(x, 0), 6)``; at 0 and at 6 the derivative is 0 (Howard et al. 2017)."""
    return clip(x, 0.0, 6.0)


# --- parts of losses ------------------------------------------------------------------------------


def log_loss_array(x: Any, y: Any) -> Any:
    with np.errstate(divide="ignore"):  # log(0) = -inf is clipped
        return -(y * np.maximum(np.log(x), -100.0) + (1.0 - y) * np.maximum(np.log1p(-x), -100.0))


SMALLEST = 1e-12  # the least x (1 - x) in slopes of log_loss


def log_loss_slope_array(x: Any, y: Any) -> Any:
    return (x - y) / np.maximum(x * (1.0 - x), SMALLEST)


def log_loss_curvature(x: Any, y: Any) -> Any:
    """The slope of (x - y) / (x (1 - x)) as a sum of positive numbers; the quotient rule would cancel."""
    limited = raw(x) * (1.0 - raw(x)) <= SMALLEST
    near = where(limited, 0.5, x)
    return where(limited, 1.0 / SMALLEST, y / near / near + (1.0 - y) / (1.0 - near) / (1.0 - near))


log_loss = binary("log_loss", "log_loss({}, {})", as_float(log_loss_array),
                  lambda g, out, x, y: g * _log_loss_slope(x, y),
                  lambda g, out, x, y: g * (maximum(log(1.0 - x), -100.0) - maximum(log(x), -100.0)),
                  ((0.2, 0.8), (0.1, 0.9)), log_loss_array,
                  doc="Compute ``-y * log(x) - (1 - y) * log(1 - x)`` for a probability x, with logarithms of at least -100, and "
                      "a slope with x (1 - x) of at least 1e-12, as in PyTorch.")  # fmt: skip
_log_loss_slope = binary("log_loss_slope", "log_loss_slope({}, {})", as_float(log_loss_slope_array),
                         lambda g, out, x, y: g * log_loss_curvature(x, y),
                         lambda g, out, x, y: -g / maximum(x * (1.0 - x), SMALLEST), ((0.2, 0.8), (0.1, 0.9)),
                         log_loss_slope_array, doc="The slope of log_loss with respect to the probability.")  # fmt: skip


def checked_classes(x: Any, target: Any) -> tuple[Any, Any]:
    """The logits, and the targets as a new array of integers; ValueError unless there is a class for each sample."""
    shape, target = shape_of(raw(x)), np.asarray(raw(target))
    if target.dtype.kind in "iu" and shape and target.shape == shape[:-1]:
        own = target.astype(np.intp)
        if not own.size or np.maximum.reduce(own.view(np.uintp), None) < shape[-1]:  # a negative one is large as unsigned
            return x, own
    raise ValueError(
        "softmax_cross_entropy() takes logits (..., classes) and targets (...), integers from 0 to classes - 1, but got "
        f"the shapes {shape} and {target.shape}, with targets {short(target)}"
    )


def places_of(target: Any, x: Any) -> Any:
    """The index of each sample's target in the flattened logits."""
    return np.arange(0, x.size, x.shape[-1]).reshape(target.shape) + target


def column(v: Any) -> Any:
    """One number for each sample with a new last axis of length 1, so that it broadcasts with the logits."""
    return v if v.__class__ is float else v[..., None]  # (..., 1)


def cross_entropy_rule(g: Any, out: Any, x: Any, target: Any) -> Any:
    """g times the softmax, less 1 at the class: computed as minus the sum of the others, which does not cancel."""
    p, places = softmax.prepared(x, -1), places_of(target, x)
    if not is_value(p):
        p = np.ascontiguousarray(p)  # in another memory order, reshape() would copy
        flat = p.reshape(-1)
        flat[places] = 0.0
        flat[places] = -total(p, -1)
        return column(g) * p
    hot = np.zeros(x.shape, dtype=bool)
    hot.reshape(-1)[places] = True
    others = where(hot, 0.0, p)
    return column(g) * where(hot, -_sum(others, -1, True), others)


@adding
@primitive("selection", checked_classes, x=cross_entropy_rule)
def softmax_cross_entropy(x: Any, target: Any) -> Any:
    """Compute ``-log(softmax(x)[target])`` for each sample, in one node: logits (..., classes), classes (...) as integers.

    Raise ValueError for other shapes, or a class out of range.

    >>> from autograd import Value
    >>> from autograd.ops import softmax_cross_entropy
    >>> softmax_cross_entropy(Value([[0.0, 0.0], [0.0, 1000.0]]), [1, 0]).data.round(4).tolist()
    [0.6931, 1000.0]
    """
    shifted = x - np.maximum.reduce(x, -1, keepdims=True, initial=-np.inf)  # as in softmax()
    return log_of_sum(shifted, -1)[..., 0] - shifted.reshape(-1)[places_of(target, x)]

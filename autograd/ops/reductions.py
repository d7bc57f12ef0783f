"""Sums, means, extremes and the softmax family over axes, with their derivative rules.

`axis` is an int, a tuple of ints or None for all axes; `keepdims` keeps reduced axes with length 1.
The softmax family subtracts the largest element first, so that no exponential overflows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.op import Op, is_value, raw, shape_of
from autograd.ops.elementwise import astype, exp
from autograd.ops.forms import primitive
from autograd.ops.shapes import broadcast_to, expand_dims, reshape

total: Any = np.add.reduce  # what np.sum calls, in half the time on small arrays


def plain_axis(x: Any, axis: Any = None, *rest: Any) -> tuple[Any, ...]:
    """The same arguments with the axis as None, an int or a tuple of ints."""
    return x, tuple(axis) if axis.__class__ is list else axis, *rest


def spread(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """`g`, which has the shape of a reduction of `x`, with the reduced axes back as length 1."""
    return g if keepdims or axis is None or shape_of(x) == () else expand_dims(g, axis)  # a number broadcasts by itself


def spread_over(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """`g` repeated over the reduced axes, to the shape of `x`."""
    return broadcast_to(spread(g, x, axis, keepdims), shape_of(x))


def averaged(x: Any, out: Any) -> float:
    """How many elements of `x` went into one element of its mean `out`."""
    return math.prod(shape_of(x)) / (math.prod(shape_of(out)) or 1)


def extreme_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Ties share the gradient equally, the subgradient of least norm; the shares have no derivative."""
    data, best = raw(x), spread(raw(out), x, axis, keepdims)
    hit = (data == best) | ((data != data) & (best != best))  # nan is the extreme of what holds a nan
    share = hit / np.sum(hit, axis, keepdims=True).astype(np.asarray(data).dtype)
    return spread(g, x, axis, keepdims) * share


def logsumexp_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """The softmax of x, and 0 where all of x is -inf."""
    out = spread(out, x, axis, keepdims)
    lowest = np.where(np.isneginf(raw(out)), np.inf, 0.0)
    return spread(g, x, axis, keepdims) * exp(x - (out + lowest if lowest.any() else out))


@primitive("reduction", plain_axis, x=lambda g, out, x, axis, keepdims: spread_over(g, x, axis, keepdims))
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over `axis`.

    >>> from autograd import Value
    >>> Value([[1.0, 2.0], [3.0, 4.0]]).sum(axis=0).data
    array([4., 6.])
    """
    return total(x, axis, keepdims=keepdims)


@primitive("reduction", plain_axis, x=lambda g, out, x, axis, keepdims: spread_over(g / averaged(x, out), x, axis, keepdims))
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The arithmetic mean over `axis`; over no elements it is nan, with NumPy's warning."""
    if axis is None and not keepdims and x.__class__ is np.ndarray and x.dtype == float and x.size:
        return total(x, None) / x.size  # 3x faster than np.mean on small arrays
    return np.mean(x, axis, keepdims=keepdims)


@primitive("reduction", plain_axis, x=extreme_rule)
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest element over `axis`; ties share the gradient equally. No elements: ValueError."""
    return np.max(x, axis, keepdims=keepdims)


@primitive("reduction", plain_axis, x=extreme_rule)
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest element over `axis`; ties share the gradient equally. No elements: ValueError."""
    return np.min(x, axis, keepdims=keepdims)


@primitive("reduction", plain_axis, x=logsumexp_rule)
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """``log(sum(exp(x)))`` over `axis`, without overflow; its derivative is the softmax.

    >>> from autograd import Value
    >>> float(Value([1000.0, 1000.0]).logsumexp().data - 1000.0)
    0.69314...
    """
    largest = np.max(x, axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):  # log(0) = -inf is the answer where all of x is -inf
        out = np.log(np.sum(np.exp(x - shift), axis, keepdims=True)) + shift
    return out if keepdims else np.squeeze(out, axis)


@primitive("softmax", x=lambda g, out, x, axis: out * (g - sum(g * out, axis, True)))
def softmax(x: Any, axis: int = -1) -> Any:
    """``exp(x) / sum(exp(x))`` along `axis`: positive, with sum 1, and the same for x + c."""
    powers = np.exp(x - np.max(x, axis, keepdims=True, initial=-np.inf))
    return powers / np.sum(powers, axis, keepdims=True)


@primitive("softmax", x=lambda g, out, x, axis: g - exp(out) * sum(g, axis, True))
def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of the softmax along `axis`, accurate where the softmax rounds to 0."""
    shifted = x - np.max(x, axis, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.sum(np.exp(shifted), axis, keepdims=True))


def fit(c: Any, data: Any) -> Any:
    """A cotangent with the shape and dtype of the input `data`: broadcasting undone, precision restored."""
    shape = shape_of(data)
    if shape_of(c) != shape:
        full = np.broadcast_shapes(shape_of(c), shape)
        if shape_of(c) != () and math.prod(full) > math.prod(shape_of(c)):
            raise ValueError(f"a rule gave a cotangent of shape {shape_of(c)} for an input of shape {shape}: too small")
        lead = len(full) - len(shape)
        axes = tuple(i for i, length in enumerate(full) if i < lead or (shape[i - lead] == 1 and length != 1))
        c = broadcast_to(c, full) if shape_of(c) != full else c
        c = sum(c, axes, True) if axes else c
        c = reshape(c, shape) if lead else c  # a node less on Values where only lengths of 1 were repeated
    if data.__class__ is float:
        return c if is_value(c) else float(c)
    return c if c.dtype == data.dtype else astype(c, data.dtype)


__all__ = [name for name, item in list(globals().items()) if isinstance(item, Op) and item.__module__ == __name__]

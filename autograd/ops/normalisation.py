"""The operations of normalisation layers: subtract the mean, and divide by the root mean square.

Layer and batch normalisation apply both, `rms_normalise(centre(x, axis), axis, eps)`, so that the backward pass needs no
variance of data far from 0. `axis` is an int or a tuple of ints.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd.op import shape_of
from autograd.ops.define import primitive
from autograd.ops.elementwise import float_dtype
from autograd.ops.products import LABELS, _einsum
from autograd.ops.shapes import as_array, plain_axis, reshape


def prepared(x: Any, axis: Any, *eps: Any) -> tuple[Any, ...]:
    """The arguments with `x` as an array or a Value, and the axis as an int or a tuple of ints."""
    return (*plain_axis(as_array(x), axis), *eps)


@primitive("linear", prepared, x=lambda g, out, x, axis: centre(g, axis))
def centre(x: Any, axis: Any = -1) -> Any:
    """Compute ``x - mean(x)`` over `axis`, with a float64 mean: in float32, one near 1e4 may be off by 3 % of a deviation of 1.

    >>> from autograd import Value
    >>> centre(Value([1.0, 2.0, 6.0])).data
    array([-2., -1.,  3.])
    """
    return x - np.mean(x, axis, np.result_type(x, np.float64), keepdims=True).astype(float_dtype(x))


def mean_product(x: Any, y: Any, axis: Any) -> Any:
    """``mean(x * y)`` over `axis`, kept with length 1, without an array of products, which saves a fifth of the time."""
    shape = shape_of(x)
    reduced = normalize_axis_tuple(axis, len(shape))
    names = LABELS[: len(shape)]
    kept = "".join(name for place, name in enumerate(names) if place not in reduced)
    total = reshape(_einsum((x, y), (names, names), kept, False), tuple(1 if i in reduced else n for i, n in enumerate(shape)))
    return total * (1.0 / (math.prod(shape[place] for place in reduced) or math.nan))


def rms_rule(g: Any, out: Any, x: Any, axis: Any, eps: float) -> Any:
    """`g` less its component along the output, divided by the root mean square of x."""
    return (g - out * mean_product(g, out, axis)) * (mean_product(x, x, axis) + eps) ** -0.5


@primitive("softmax", prepared, x=rms_rule)
def rms_normalise(x: Any, axis: Any = -1, eps: float = 0.0) -> Any:
    """Compute ``x / sqrt(mean(x ** 2) + eps)`` over `axis` (Zhang and Sennrich 2019).

    >>> from autograd import Value
    >>> rms_normalise(Value([3.0, -3.0, 3.0])).data
    array([ 1., -1.,  1.])
    """
    return x * (mean_product(x, x, axis) + eps) ** -0.5

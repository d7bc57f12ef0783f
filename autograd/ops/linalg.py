"""Products of vectors, matrices and stacks of matrices, with their derivative rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.op import Op, shape_of
from autograd.ops.forms import primitive
from autograd.ops.reductions import sum
from autograd.ops.shapes import expand_dims, reshape, squeeze, transpose


def swap(x: Any) -> Any:
    """The matrices of `x` transposed."""
    ndim = len(shape_of(x))
    return transpose(x, (*range(ndim - 2), ndim - 1, ndim - 2))


def rows(x: Any) -> Any:
    """The last axis of `x` as columns, all others as rows of one matrix."""
    *lead, columns = shape_of(x)
    return x if len(lead) == 1 else reshape(x, (math.prod(lead), columns))


def times_column(x: Any, v: Any) -> Any:
    """Matrices times vectors, stack by stack: (..., m, k), (..., k) -> (..., m)."""
    return squeeze(matmul(x, expand_dims(v, -1)), -1)


def matmul_rule_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    x_dims, y_dims = len(shape_of(x)), len(shape_of(y))
    if x_dims == 1:
        return g * y if y_dims == 1 else times_column(y, g)  # (..., k)
    return expand_dims(g, -1) * y if y_dims == 1 else matmul(g, swap(y))  # (..., m, k)


def matmul_rule_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    x_dims, y_dims = len(shape_of(x)), len(shape_of(y))
    if x_dims == 1:
        return g * x if y_dims == 1 else expand_dims(x, -1) * expand_dims(g, -2)  # (..., k, n)
    if y_dims == 1:
        return times_column(swap(x), g)  # (..., k)
    if y_dims == 2 and x_dims > 2:  # one product instead of a stack that would be summed
        return matmul(transpose(rows(x)), rows(g))  # (k, n)
    return matmul(swap(x), g)  # (..., k, n)


@primitive("linear", symbol="{} @ {}", x=matmul_rule_x, y=matmul_rule_y)
def matmul(x: Any, y: Any) -> Any:
    """``x @ y`` by NumPy's rules: vectors, matrices, and stacks of matrices whose leading axes broadcast.

    Shapes (k) @ (k) -> scalar, (m, k) @ (k) -> (m), (k) @ (k, n) -> (n), (..., m, k) @ (..., k, n) -> (..., m, n).
    """
    return np.matmul(x, y)


@primitive(
    "linear",
    x=lambda g, out, x, weight, bias: matmul(g, weight),
    weight=lambda g, out, x, weight, bias: matmul(transpose(rows(g)), rows(x)),
    bias=lambda g, out, x, weight, bias: sum(rows(g), 0) if shape_of(bias) == shape_of(out)[-1:] else g,
)
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """``x @ weight.T + bias``, the affine map of a layer: (..., in), (out, in), (out) -> (..., out)."""
    out = np.matmul(x, np.transpose(weight))
    if bias is None:
        return out
    shifted = out + bias
    if shifted.shape != out.shape:
        raise ValueError(f"the bias of shape {np.shape(bias)} does not broadcast to the outputs of shape {out.shape}")
    return shifted


__all__ = [name for name, item in list(globals().items()) if isinstance(item, Op) and item.__module__ == __name__]

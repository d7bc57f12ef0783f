"""Differences, slopes, areas and polynomials of sampled data. All are made of other operations, and need no rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from autograd.op import is_value, raw
from autograd.ops.forms import composed
from autograd.ops.indexing import along
from autograd.ops.reductions import _sum
from autograd.ops.shapes import as_tensor, broadcast_to, concatenate, reshape, stack


@composed
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along `axis`, n times, with numbers put before or behind first."""
    if n < 0:
        raise ValueError(f"diff() takes an order n of at least 0, but {n} came")
    a = as_tensor(a)
    ndim = len(a.shape)
    axis = normalize_axis_index(axis, ndim)
    layer = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    ends = [end if end is None or np.shape(end) else broadcast_to(end, layer) for end in (prepend, append)]
    if prepend is not None or append is not None:
        a = concatenate([item for item in (ends[0], a, ends[1]) if item is not None], axis)
    for _ in range(n):
        a = a[along(axis, ndim, slice(1, None))] - a[along(axis, ndim, slice(None, -1))]
    return a


@composed
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """The differences of neighbours of all elements in a row."""
    parts = [to_begin, diff(reshape(as_tensor(ary), -1)), to_end]
    return concatenate([reshape(part, -1) for part in parts if part is not None])


@composed
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The slopes of samples by central differences, along each axis or those of `axis`, at distances or coordinates `varargs`.

    At the ends one-sided differences of first or second order. As np.gradient; the gradient of a graph is
    autograd.gradient.
    """
    f = as_tensor(f)
    ndim = len(f.shape)
    axes = normalize_axis_tuple(range(ndim) if axis is None else axis, ndim)
    one = not varargs or (len(varargs) == 1 and np.ndim(raw(varargs[0])) == 0)
    spacings = list(varargs or (1.0,)) * (len(axes) if one else 1)
    if len(spacings) != len(axes) or edge_order not in (1, 2):
        raise TypeError(f"gradient() takes one number, or a spacing for each of {len(axes)} axes, and an edge_order of 1 or 2")
    slopes = [slope_along(f, place, spacing, edge_order) for place, spacing in zip(axes, spacings, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def slope_along(f: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    """gradient() along one axis."""
    ndim, length = len(f.shape), f.shape[axis]
    if length < edge_order + 1:
        raise ValueError(f"gradient() needs at least {edge_order + 1} elements along an axis, but axis {axis} has {length}")
    if np.shape(spacing) not in ((), (length,)):
        came = f"the shape {np.shape(spacing)} came"
        raise ValueError(f"gradient() takes a number or {length} coordinates for axis {axis}, but {came}")
    floats = f.dtype if f.dtype.kind == "f" else float  # as NumPy's result, whatever the coordinates are
    steps = diff(spacing if is_value(spacing) else np.asarray(spacing, floats)) if np.shape(spacing) else spacing
    column = (-1, *(1,) * (ndim - 1 - axis))

    def at(*index: int | None) -> Any:
        return f[along(axis, ndim, slice(*index))]

    def step(*index: int | None) -> Any:
        return reshape(steps[slice(*index)], column) if np.shape(spacing) else steps

    left, right = step(0, -1), step(1, None)  # of the inner points
    after, before = at(2, None) - at(1, -1), at(1, -1) - at(0, -2)
    inner = after * (left / (right * (left + right))) + before * (right / (left * (left + right)))
    first = (at(1, 2) - at(0, 1)) / step(0, 1)
    last = (at(-1, None) - at(-2, -1)) / step(-1, None)
    if edge_order == 2:  # the slope at the end of the parabola through three points
        second, second_last = (at(2, 3) - at(1, 2)) / step(1, 2), (at(-2, -1) - at(-3, -2)) / step(-2, -1)
        first = first - (second - first) * (step(0, 1) / (step(0, 1) + step(1, 2)))
        last = last + (last - second_last) * (step(-1, None) / (step(-1, None) + step(-2, -1)))
    return concatenate([first, inner, last], axis)


@composed
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The area under samples `y` at `x`, or at the distance `dx`, by the trapezoidal rule."""
    y = as_tensor(y)
    ndim = len(y.shape)
    axis = normalize_axis_index(axis, ndim)
    heights = (y[along(axis, ndim, slice(1, None))] + y[along(axis, ndim, slice(None, -1))]) * 0.5
    if x is not None:
        x = as_tensor(x)
        dx = diff(x, axis=axis) if len(x.shape) > 1 else reshape(diff(x), (-1, *(1,) * (ndim - 1 - axis)))
    return _sum(heights * dx, axis)


@composed
def polyval(p: Any, x: Any) -> Any:
    """The polynomial with the coefficients `p`, highest power first, at `x`, by Horner's scheme."""
    p = as_tensor(p)
    out = as_tensor(x) * 0.0
    for i in range(p.shape[0]):
        out = out * x + p[i]
    return out


@composed
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of each element of a vector, N of them, as a row; the highest first."""
    x = as_tensor(x)
    columns = x.shape[0] if N is None else N
    powers = [x**0.0]
    for _ in range(columns - 1):
        powers.append(powers[-1] * x)
    return stack(powers if increasing else powers[::-1], -1)[:, :columns]

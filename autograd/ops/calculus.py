"""Differences, slopes, areas and polynomials of sampled data, all composed of other operations."""

from __future__ import annotations

import builtins
import operator
import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from autograd.op import is_value, raw
from autograd.ops.define import composed, in_float32
from autograd.ops.elementwise import astype
from autograd.ops.indexing import along
from autograd.ops.linalg import eigvals, lstsq
from autograd.ops.padding import pad
from autograd.ops.products import convolve
from autograd.ops.reductions import _sum
from autograd.ops.shapes import (
    as_array,
    as_floats,
    atleast_1d,
    broadcast_to,
    concatenate,
    expand_dims,
    moveaxis,
    ravel,
    reshape,
    stack,
)


@composed
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Compute the differences of neighbours along `axis`, n times, after `prepend` and `append` are joined to `a`."""
    if n < 0:
        raise ValueError(f"diff() takes an order n of at least 0, but got {n}")
    a, prepend, append = as_floats(a, prepend, append)
    shape = np.shape(a)
    ndim = len(shape)
    axis = normalize_axis_index(axis, ndim)
    layer = (*shape[:axis], 1, *shape[axis + 1 :])
    ends = [end if end is None or np.shape(end) else broadcast_to(end, layer) for end in (prepend, append)]
    if prepend is not None or append is not None:
        a = concatenate([item for item in (ends[0], a, ends[1]) if item is not None], axis)
    for _ in range(n):
        a = a[along(axis, ndim, slice(1, None))] - a[along(axis, ndim, slice(None, -1))]
    return a


@composed
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Compute the differences of neighbours in the flattened array, between `to_begin` and `to_end`."""
    ary, to_end, to_begin = as_floats(ary, to_end, to_begin)
    parts = [to_begin, diff(ravel(ary)), to_end]
    return concatenate([ravel(part) for part in parts if part is not None])


@composed
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Compute the slopes of samples by central differences, along each axis or those of `axis`, for spacings `varargs`.

    At the ends, take one-sided differences of first or second order, as np.gradient. The gradient of a graph is
    autograd.gradient().
    """
    f, *spacings = as_floats(f, *(varargs or (1.0,)))
    ndim = len(f.shape)
    axes = normalize_axis_tuple(range(ndim) if axis is None else axis, ndim)
    if len(spacings) == 1 and not np.shape(spacings[0]):
        spacings *= len(axes)
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
        got = f"the shape {np.shape(spacing)}"
        raise ValueError(f"gradient() takes a number or {length} coordinates for axis {axis}, but got {got}")
    floats = f.dtype if f.dtype.kind == "f" else float  # as in NumPy, for coordinates of any dtype
    steps = diff(spacing if is_value(spacing) else np.asarray(spacing, floats)) if np.shape(spacing) else spacing
    column = (-1, *(1,) * (ndim - 1 - axis))

    def at(*index: int | None) -> Any:
        return f[along(axis, ndim, slice(*index))]

    def step(*index: int | None) -> Any:
        return reshape(steps[slice(*index)], column) if np.shape(spacing) else steps

    left, right = step(0, -1), step(1, None)  # differences at the inner points
    after, before = at(2, None) - at(1, -1), at(1, -1) - at(0, -2)
    inner = after * (left / (right * (left + right))) + before * (right / (left * (left + right)))
    first = (at(1, 2) - at(0, 1)) / step(0, 1)
    last = (at(-1, None) - at(-2, -1)) / step(-1, None)
    if edge_order == 2:  # slopes at the ends, of parabolas through three points
        second, second_last = (at(2, 3) - at(1, 2)) / step(1, 2), (at(-2, -1) - at(-3, -2)) / step(-2, -1)
        first = first - (second - first) * (step(0, 1) / (step(0, 1) + step(1, 2)))
        last = last + (last - second_last) * (step(-1, None) / (step(-1, None) + step(-2, -1)))
    return concatenate([first, inner, last], axis)


@composed
@in_float32
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate samples `y` at `x`, or at the distance `dx`, by the trapezoidal rule."""
    y, x, dx = as_floats(y, x, dx)
    ndim = len(np.shape(y))
    axis = normalize_axis_index(axis, ndim)
    heights = (y[along(axis, ndim, slice(1, None))] + y[along(axis, ndim, slice(None, -1))]) * 0.5
    if x is not None:
        dx = diff(x, axis=axis) if len(x.shape) > 1 else reshape(diff(x), (-1, *(1,) * (ndim - 1 - axis)))
    return _sum(heights * dx, axis)


@composed
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2.0 * np.pi) -> Any:
    """Add multiples of `period` along `axis`, so that no neighbours differ by more than half of it; the slope is 1."""
    if is_value(period) or is_value(discont):
        raise TypeError("unwrap() has no derivative for its period and discont: pass their .data")
    p = as_floats(p)
    return p + (np.unwrap(raw(p), discont, axis, period=period) - raw(p))


@composed
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply `func1d` to each vector of `arr` along `axis`; its result, a number or an array, takes the place of that axis."""
    arr = as_floats(arr)
    axis = normalize_axis_index(axis, len(np.shape(arr)))
    vectors = moveaxis(arr, axis, -1)
    lead = vectors.shape[:-1]
    if 0 in lead:
        raise ValueError(f"apply_along_axis() needs vectors along axis {axis}, but the shape {np.shape(arr)} has none")
    out = stack([func1d(vectors[place], *args, **kwargs) for place in np.ndindex(lead)])
    shape = out.shape[1:]
    if (
        not shape and vectors.dtype.kind == out.dtype.kind == "f" and out.dtype != vectors.dtype
    ):  # results that are numbers are float64
        out = astype(out, vectors.dtype)
    return moveaxis(reshape(out, (*lead, *shape)), range(len(lead), len(lead) + len(shape)), range(axis, axis + len(shape)))


@composed
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """Apply ``func(a, axis)`` for each of the axes in turn; an axis that it removes stays with length 1."""
    a = as_floats(a)
    for axis in (axes,) if np.ndim(axes) == 0 else axes:
        axis = normalize_axis_index(axis, len(np.shape(a)))
        out = func(a, axis)
        a = out if len(np.shape(out)) == len(np.shape(a)) else expand_dims(out, axis)
    return a


@composed
def trim_zeros(filt: Any, trim: str = "fb", axis: None = None) -> Any:
    """Remove the zeros at the front ("f") and back ("b") of a vector."""
    filt = as_array(filt)
    if len(np.shape(filt)) != 1 or axis not in (None, 0, -1) or not set(trim.lower()) <= set("fb"):
        raise ValueError(f"trim_zeros() takes a vector, and 'f', 'b' or 'fb', but got the shape {np.shape(filt)} and {trim!r}")
    places = np.flatnonzero(raw(filt))
    if not places.size:
        return filt[:0]
    return filt[places[0] if "f" in trim.lower() else 0 : places[-1] + 1 if "b" in trim.lower() else None]


@composed
def polyval(p: Any, x: Any) -> Any:
    """Evaluate the polynomial with the coefficients `p`, highest power first, at `x`, by Horner's scheme."""
    p, x = as_floats(p, x)
    out = x * 0.0
    for i in range(p.shape[0]):
        out = out * x + p[i]
    return out


@composed
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the first N powers of each element of a vector as a row, the highest first."""
    x = as_floats(x)
    if len(x.shape) != 1:
        raise ValueError(f"vander() takes a vector, but got the shape {x.shape}")
    columns = x.shape[0] if N is None else N
    powers = [x**0.0]
    for _ in range(columns - 1):
        powers.append(powers[-1] * x)
    return stack(powers if increasing else powers[::-1], -1)[:, :columns]


# --- polynomials ----------------------------------------------------------------------------------


@composed
def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """Fit a polynomial of degree `deg` to the points (x, y) by least squares, and return its coefficients, highest power first.

    `w` weights the distances before they are squared. If `y` has two axes, there is a polynomial for each column.
    """
    if full or cov:
        raise TypeError("polyfit() of a Value only returns the coefficients: full and cov must be False")
    x, y, w = as_floats(x, y, w)
    powers = vander(x, operator.index(deg) + 1)  # (points, deg + 1)
    if len(np.shape(x)) != 1 or len(np.shape(y)) not in (1, 2) or np.shape(y)[0] != np.shape(x)[0] or deg < 0 or not np.size(x):
        got = f"the shapes {np.shape(x)} and {np.shape(y)} and the degree {deg}"
        raise ValueError(f"polyfit() takes as many x as y, at least one, and a degree that is not negative, but got {got}")
    if w is not None:
        powers, y = powers * expand_dims(w, 1), y * (w if len(np.shape(y)) == 1 else expand_dims(w, 1))
    scale = np.sqrt(np.sum(np.square(raw(powers)), 0))  # for accuracy; the result does not depend on it
    rcond = len(raw(x)) * np.finfo(powers.dtype).eps if rcond is None else rcond
    coefficients, _, rank, _ = lstsq(powers / scale, y, rcond)
    if rank <= deg:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    return coefficients / (scale if len(np.shape(y)) == 1 else scale[:, None])


@composed
def polymul(a1: Any, a2: Any) -> Any:
    """Multiply two polynomials; unlike NumPy's, the result keeps leading zeros, which have a gradient."""
    return convolve(*map(atleast_1d, as_floats(a1, a2)))


@composed
def polyadd(a1: Any, a2: Any) -> Any:
    """Add two polynomials."""
    a1, a2 = map(atleast_1d, as_floats(a1, a2))
    short = a1.shape[0] - a2.shape[0]
    return pad(a1, (builtins.max(-short, 0), 0)) + pad(a2, (builtins.max(short, 0), 0))


@composed
def polysub(a1: Any, a2: Any) -> Any:
    """Subtract two polynomials."""
    a1, a2 = as_floats(a1, a2)
    return polyadd(a1, -atleast_1d(a2))


@composed
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """Return (quotient, remainder) of two polynomials; leading zeros of the remainder, which have a gradient, are kept."""
    u, v = atleast_1d(*as_floats(u, v))
    count = u.shape[0] - v.shape[0] + 1
    if count <= 0:
        return np.zeros(1, u.dtype), u
    quotient, rest = [], u
    for k in range(count):
        quotient.append(rest[k : k + 1] / v[:1])
        rest = rest - pad(v * quotient[-1], (k, count - 1 - k))
    rest = rest[count:] if v.shape[0] > 1 else rest[-1:] * 0.0
    return concatenate(quotient), rest


@composed
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """Integrate a polynomial m times, with the constants `k` of integration."""
    m = operator.index(m)
    if m < 0:
        raise ValueError(f"polyint() takes an order m of at least 0, but got {m}")
    p, k = atleast_1d(*as_floats(p, 0.0 if k is None else k))
    k = k if is_value(k) else k.astype(p.dtype)
    k = k[np.zeros(m, int)] if k.shape[0] == 1 else k
    if k.shape[0] < m:
        raise ValueError(f"polyint() takes one constant k, or {m} of them, but got {k.shape[0]}")
    for number in range(m):
        p = concatenate([p / np.arange(p.shape[0], 0, -1).astype(p.dtype), k[number : number + 1]])
    return p


@composed
def poly(seq_of_zeros: Any) -> Any:
    """Return the coefficients of the polynomial with the given zeros, or with the eigenvalues of a matrix, if they are real."""
    zeros = atleast_1d(as_floats(seq_of_zeros))
    zeros = eigvals(zeros) if len(zeros.shape) == 2 else zeros
    out = np.ones(1, zeros.dtype)
    for number in range(zeros.shape[0]):
        out = pad(out, (0, 1)) - pad(out, (1, 0)) * zeros[number]
    return out


@composed
def polyder(p: Any, m: int = 1) -> Any:
    """Differentiate a polynomial m times."""
    if m < 0:
        raise ValueError(f"polyder() takes an order m of at least 0, but got {m}")
    p = atleast_1d(as_floats(p))
    for _ in range(m):
        p = p[:-1] * np.arange(p.shape[0] - 1, 0, -1).astype(p.dtype)
    return p

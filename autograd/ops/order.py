"""Order: sort, partition, unique, quantiles and medians. Equal elements share the gradient."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd.op import is_value, raw
from autograd.ops.define import composed, in_float32, primitive
from autograd.ops.elementwise import where
from autograd.ops.indexing import along, averaged_runs, getitem, take_along_axis
from autograd.ops.inputs import holds_value
from autograd.ops.reductions import _mean
from autograd.ops.shapes import as_array, as_floats, concatenate, moveaxis, ravel, reshape, transpose


def tie_rule(g: Any, out: Any, x: Any, axis: int) -> Any:
    """Each element gets the cotangent of its rank, and equal elements the mean of theirs."""
    data = np.asarray(raw(x))
    order = np.argsort(data, axis, kind="stable")
    ranked = np.take_along_axis(data, order, axis)
    before = ranked[along(axis, data.ndim, slice(0, -1))] == ranked[along(axis, data.ndim, slice(1, None))]
    if before.any():
        g = averaged_runs(g, before, axis)
    return take_along_axis(g, np.argsort(order, axis), axis)


@primitive("shape", x=tie_rule)
def _sort(x: Any, axis: int) -> Any:
    """The operation of sort()."""
    return np.sort(x, axis)


@composed
def sort(a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: bool | None = None) -> Any:
    """Sort the elements along `axis`, nan last; equal elements each get the mean of their cotangents."""
    np.sort(np.zeros(0), kind=kind, order=order, stable=stable)  # raises NumPy's errors
    return _sort(reshape(as_array(a), -1), 0) if axis is None else _sort(as_array(a), axis)


@composed
def partition(a: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: None = None) -> Any:
    """Move the elements of rank `kth` to their sorted places, smaller ones before and larger ones behind them."""
    a, axis = (reshape(as_array(a), -1), 0) if axis is None else (as_array(a), axis)
    data = np.asarray(raw(a))
    ranks = np.argsort(np.argsort(data, axis, kind="stable"), axis)
    return take_along_axis(_sort(a, axis), np.take_along_axis(ranks, np.argpartition(data, kth, axis, kind, order), axis), axis)


@composed
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: None = None,
    *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """Return the distinct elements in increasing order; equal ones share the gradient. Indices and counts are plain."""
    if axis is not None:
        raise TypeError("unique() of a Value flattens it: axis must be None")
    ar = as_array(ar)
    data = np.asarray(raw(ar))
    _, index, inverse, counts = np.unique(data, True, True, True, equal_nan=equal_nan)
    first = np.searchsorted(np.sort(data, None), data.ravel()[index])
    out = getitem(_sort(reshape(ar, -1), 0), first)
    extras = [item for item, asked in ((index, return_index), (inverse, return_inverse), (counts, return_counts)) if asked]
    return (out, *extras) if extras else out


def unique_parts(name: str, x: Any) -> Any:
    """The named tuple of np.unique_all() or its like, by name; each nan is a distinct element."""
    x = as_array(x)
    parts = unique(x, True, True, True, equal_nan=False)
    kind = type(getattr(np, name)(np.zeros(1)))
    found = dict(zip(("values", "indices", "inverse_indices", "counts"), parts, strict=True))
    found["inverse_indices"] = found["inverse_indices"].reshape(np.shape(x))
    return kind(**{field: found[field] for field in kind._fields})


@composed
def unique_all(x: Any, /) -> Any:
    """Return the distinct elements in increasing order, with their plain indices, inverse indices and counts."""
    return unique_parts("unique_all", x)


@composed
def unique_counts(x: Any, /) -> Any:
    """Return the distinct elements in increasing order, with their plain counts."""
    return unique_parts("unique_counts", x)


@composed
def unique_inverse(x: Any, /) -> Any:
    """Return the distinct elements in increasing order, with the plain indices that restore `x` from them."""
    return unique_parts("unique_inverse", x)


@composed
def unique_values(x: Any, /) -> Any:
    """Return the distinct elements in increasing order; each nan is a distinct element."""
    return unique(x, equal_nan=False)


def of_both(ar1: Any, ar2: Any, chosen: Any) -> Any:
    """The distinct elements of two arrays for which ``chosen(is in ar1, is in ar2)`` is true."""
    ar1, ar2 = ravel(ar1), ravel(ar2)
    both = unique(concatenate([ar1, ar2]))
    return getitem(both, chosen(*(np.isin(raw(both), raw(item)) for item in (ar1, ar2))))


@composed
def union1d(ar1: Any, ar2: Any) -> Any:
    """Return the distinct elements of both arrays; equal ones share the gradient."""
    return of_both(ar1, ar2, np.logical_or)


@composed
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """Return the distinct elements that are in both arrays, which share the gradient; with return_indices, also their places."""
    out = of_both(ar1, ar2, np.logical_and)
    return (out, *np.intersect1d(raw(ar1), raw(ar2), assume_unique, return_indices=True)[1:]) if return_indices else out


@composed
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Return the distinct elements that are in exactly one of the two arrays."""
    return of_both(ar1, ar2, np.logical_xor)


@composed
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """Return the distinct elements of the first array that are not in the second."""
    ar1 = ravel(ar1) if assume_unique else unique(ar1)
    return getitem(ar1, ~np.isin(raw(ar1), raw(as_array(ar2))))


def rows_over(name: str, a: Any, q: Any, axis: Any, keepdims: bool, weights: Any) -> Any:
    """`a` with the axes of a quantile joined to the last one; TypeError for settings that have no derivative."""
    if weights is not None or is_value(q) or holds_value(q):
        raise TypeError(f"{name}() takes no weights, and plain numbers as q: it has no derivative with respect to either")
    a = as_floats(a)
    shape = np.shape(a)
    axes = normalize_axis_tuple(range(len(shape)) if axis is None else axis, len(shape), "axis")
    kept = tuple(place for place in range(len(shape)) if place not in axes)
    frame = [1 if place in axes else size for place, size in enumerate(shape) if keepdims or place in kept]
    return reshape(transpose(a, (*kept, *axes)), (*frame, math.prod(shape[place] for place in axes)))  # (..., length)


def between(lower: Any, upper: Any, part: Any) -> Any:
    """The number at a `part` of the way, computed from the nearer end, so that an infinite other end does not give nan."""
    with np.errstate(invalid="ignore"):  # the difference of equal infinities
        away = where(np.isinf(raw(lower)) & (raw(lower) == raw(upper)), 0.0, upper - lower)
        return where(part < 0.5, where(part == 0.0, lower, lower + away * part), upper - away * (1.0 - part))


@composed
@in_float32
def quantile(
    a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: Any = "linear",
    keepdims: bool = False, *, weights: None = None,
) -> Any:  # fmt: skip
    """Compute the q-th quantiles over `axis`, 0 <= q <= 1, by any of NumPy's methods; nan if there is a nan.

    Every method takes a weighted mean of two neighbours in order. The neighbours and weights depend only on the length, and
    NumPy's result for 0, 1, 2, ... shows them.
    """
    rows = rows_over("quantile", a, q, axis, keepdims, weights)
    length = rows.shape[-1]
    place = np.asarray(np.quantile(np.arange(length, dtype=float), q, method=method))
    low = np.floor(place).astype(int)
    part = (place - low).reshape(place.shape + (1,) * (len(rows.shape) - 1)).astype(rows.dtype)
    ordered = moveaxis(_sort(rows, -1), -1, 0)  # (length, ...)
    lower, upper = getitem(ordered, low), getitem(ordered, np.minimum(low + 1, length - 1))  # (q, ...)
    out = between(lower, upper, part)
    nan = np.isnan(raw(rows)).any(-1)
    return where(nan, np.nan, out) if nan.any() else out


def fractions(q: Any) -> Any:
    """Percents as fractions; a Value as it is, which quantile() refuses."""
    return q if is_value(q) or holds_value(q) else np.asarray(q) / 100.0


@composed
def percentile(
    a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: Any = "linear",
    keepdims: bool = False, *, weights: None = None,
) -> Any:  # fmt: skip
    """Compute the q-th percentiles over `axis`, 0 <= q <= 100; see quantile()."""
    return quantile(a, fractions(q), axis, None, overwrite_input, method, keepdims, weights=weights)


@composed
def median(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """Return the middle element over `axis` in order, or the mean of the two in the middle; nan if there is a nan.

    Without elements it is nan, with NumPy's warning.
    """
    a = as_floats(a)
    plain = np.median(raw(a), axis, keepdims=keepdims) if not np.size(raw(a)) else None
    return quantile(a, 0.5, axis, keepdims=keepdims) if plain is None or not np.size(plain) else _mean(a, axis, keepdims)


@composed
@in_float32
def nanquantile(
    a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: Any = "linear",
    keepdims: bool = False, *, weights: None = None,
) -> Any:  # fmt: skip
    """Compute the q-th quantiles over `axis` of the elements that are not nan; nan, with a warning, if all are nan."""
    rows = rows_over("nanquantile", a, q, axis, keepdims, weights)
    q = np.asarray(q, dtype=float)
    if not np.all((q >= 0.0) & (q <= 1.0)):
        raise ValueError(f"quantiles lie between 0 and 1, percentiles between 0 and 100, but got the quantile {q}")
    frame = rows.shape[:-1]
    last = np.sum(~np.isnan(raw(rows)), -1) - 1  # the place of the largest number in each row, -1 if there is none
    if np.any(last < 0):
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=2)
        if not rows.shape[-1]:
            return np.full(q.shape + frame, np.nan, rows.dtype)
    place = np.zeros(q.shape + frame)  # (q, ...)
    for number in np.unique(last[last > 0]):  # the places of quantiles of number + 1 elements, see quantile()
        at = np.quantile(np.arange(number + 1.0), q, method=method)
        place[..., last == number] = np.asarray(at)[..., None]
    low = np.floor(place).astype(int)
    part = (place - low).astype(rows.dtype)
    ordered, grid = _sort(rows, -1), np.ogrid[tuple(slice(length) for length in frame)]  # nan last
    lower, upper = (getitem(ordered, (*grid, index)) for index in (low, np.minimum(low + 1, np.maximum(last, 0))))
    return between(lower, upper, part)


@composed
def nanpercentile(
    a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: Any = "linear",
    keepdims: bool = False, *, weights: None = None,
) -> Any:  # fmt: skip
    """Compute the q-th percentiles over `axis` of the elements that are not nan; see nanquantile()."""
    return nanquantile(a, fractions(q), axis, None, overwrite_input, method, keepdims, weights=weights)


@composed
def nanmedian(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """Return the median over `axis` of the elements that are not nan; nan, with a warning, if all are nan."""
    return nanquantile(a, 0.5, axis, keepdims=keepdims)

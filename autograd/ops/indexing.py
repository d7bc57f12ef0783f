"""Indexing, its inverses (scatter, `x.at[i].set(u)`), and order: take, sort, quantiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.op import is_value, raw, shape_of
from autograd.ops.elementwise import where
from autograd.ops.forms import composed, primitive
from autograd.ops.piecewise import maximum, minimum
from autograd.ops.shapes import broadcast_to, moveaxis, reshape, transpose


def plain_index(index: Any) -> Any:
    """An index that nobody else can change: arrays and lists copied, Values refused."""
    if index.__class__ is tuple:
        return tuple(plain_index(part) for part in index)
    if is_value(index):
        raise TypeError(
            "an index is made of ints, slices, arrays, None and Ellipsis, but a Value came: use value.data.astype(int)"
        )
    if index.__class__ is list:
        array = np.array(index)
        return array if array.size else array.astype(int)
    return index.copy() if isinstance(index, np.ndarray) else index


def is_basic(index: Any) -> bool:
    """True if the index makes a view, so that no element is taken twice."""
    parts = index if index.__class__ is tuple else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice)) for part in parts) and not any(
        part.__class__ is bool for part in parts
    )


def take_once(index: Any) -> bool:
    """True if no element can be taken twice: views and boolean masks."""
    parts = index if index.__class__ is tuple else (index,)
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    return is_basic(index) or (len(arrays) == 1 and arrays[0].dtype == bool)


def listed(x: Any) -> Any:
    """A list as an array, anything else as it is."""
    return np.asarray(x) if x.__class__ is list else x


def indexed(x: Any, index: Any) -> tuple[Any, ...]:
    """The same arguments with a plain index; TypeError for a scalar."""
    x = listed(x)
    if shape_of(x) == () and is_value(x):
        raise TypeError(f"a scalar Value has no elements, but it was indexed with {index!r}")
    return x, plain_index(index)


@primitive(
    "selection",
    prepare=indexed,
    symbol="{}[{}]",
    x=lambda g, out, x, index: scatter(g, shape_of(x), index),
)
def getitem(x: Any, index: Any) -> Any:
    """``x[index]``, basic or advanced; elements taken more than once add up in the gradient."""
    return x[index]


@primitive("selection", x=lambda g, out, x, shape, index: getitem(g, index))
def scatter(x: Any, shape: tuple[int, ...], index: Any) -> Any:
    """Zeros of `shape` with `x` added at `index`, the transpose of indexing; repeated places add up."""
    x = np.asarray(x)
    out = np.zeros(shape, x.dtype)
    if take_once(index):
        out[index] = x
    elif isinstance(index, np.ndarray) and out.ndim == 1:
        np.add.at(out, index, x)
    else:  # add.at is several times faster on one flat index than on a tuple of them
        places = np.arange(out.size).reshape(shape)[index]
        np.add.at(out.reshape(-1), places.reshape(-1), np.broadcast_to(x, places.shape).reshape(-1))
    return out


def winners(shape: tuple[int, ...], index: Any) -> Any:
    """For each place that ``x[index] = u`` writes: is this element of u the last one written there?"""
    owner = np.zeros(shape, dtype=np.intp)
    turns = np.arange(1, np.size(owner[index]) + 1).reshape(np.shape(owner[index]))
    owner[index] = turns
    return owner[index] == turns


def set_rule_u(g: Any, out: Any, x: Any, u: Any, index: Any) -> Any:
    """The cotangent at the places written, for the last writer of each."""
    picked = getitem(g, index)
    return picked if take_once(index) else picked * winners(shape_of(out), index)


def at_arguments(x: Any, u: Any, index: Any) -> tuple[Any, ...]:
    return listed(x), listed(u), plain_index(index)


@primitive(
    "selection",
    prepare=at_arguments,
    symbol="{0}.at[{2}].set({1})",
    x=lambda g, out, x, u, index: index_set(g, 0.0, index),
    u=set_rule_u,
)
def index_set(x: Any, u: Any, index: Any) -> Any:
    """A copy of `x` with `u` at ``x[index]``; of repeated places the last one counts."""
    out = np.array(x, dtype=np.result_type(x, u))
    out[index] = u
    return out


@primitive(
    "selection",
    prepare=at_arguments,
    symbol="{0}.at[{2}].add({1})",
    x=lambda g, out, x, u, index: g,
    u=lambda g, out, x, u, index: getitem(g, index),
)
def index_add(x: Any, u: Any, index: Any) -> Any:
    """A copy of `x` with `u` added at ``x[index]``; repeated places add up."""
    out = np.array(x, dtype=np.result_type(x, u))
    np.add.at(out, index, u)
    return out


class At:
    """What ``value.at[index]`` gives: assignment to a part as a new Value, differentiable at any order."""

    __slots__ = ("index", "value")

    def __init__(self, value: Any, index: Any) -> None:
        self.value, self.index = value, index

    def set(self, u: Any) -> Any:
        """A copy with `u` at the index; of repeated places the last one counts."""
        return index_set(self.value, u, self.index)

    def add(self, u: Any) -> Any:
        """A copy with `u` added at the index; repeated places add up."""
        return index_add(self.value, u, self.index)

    def multiply(self, u: Any) -> Any:
        """A copy multiplied by `u` at the index. Raises ValueError if a place is repeated."""
        return self._changed(lambda part: part * u, "multiply")

    def divide(self, u: Any) -> Any:
        """A copy divided by `u` at the index. Raises ValueError if a place is repeated."""
        return self._changed(lambda part: part / u, "divide")

    def power(self, u: Any) -> Any:
        """A copy raised to the power `u` at the index. Raises ValueError if a place is repeated."""
        return self._changed(lambda part: part**u, "power")

    def min(self, u: Any) -> Any:
        """A copy with the smaller of itself and `u` at the index; ties: minimum(). Raises ValueError for a repeated place."""
        return self._changed(lambda part: minimum(part, u), "min")

    def max(self, u: Any) -> Any:
        """A copy with the larger of itself and `u` at the index; ties: maximum(). Raises ValueError for a repeated place."""
        return self._changed(lambda part: maximum(part, u), "max")

    def _changed(self, change: Any, name: str) -> Any:
        index = plain_index(self.index)
        if not take_once(index) and not winners(shape_of(self.value), index).all():
            verb = {"multiply": "multiply once per place", "divide": "divide once per place"}.get(name, "use each place once")
            raise ValueError(f".at[index].{name}(u) got an index that names a place twice: {verb}")
        return index_set(self.value, change(self.value[index]), index)


class AtIndexer:
    """What ``value.at`` gives, to be indexed."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getitem__(self, index: Any) -> At:
        return At(self.value, index)


# --- NumPy's functions that pick elements ---------------------------------------------------------


def along(axis: int, ndim: int, index: Any) -> tuple[Any, ...]:
    """The index expression that is `index` at one axis and everything elsewhere."""
    return (*(slice(None),) * (axis % ndim), index)


def in_range(index: Any, length: int, mode: str) -> Any:
    """Integers made valid as NumPy's mode says: "raise" leaves them, "wrap" and "clip" bring them inside."""
    index = np.asarray(raw(index))
    index = index.astype(np.intp, casting="safe" if index.size else "unsafe")
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"the mode of an index is 'raise', 'wrap' or 'clip', but {mode!r} came")
    return index if mode == "raise" else index % length if mode == "wrap" else np.clip(index, 0, length - 1)


@composed
def take(a: Any, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Any:
    """The elements of `a`, or the layers along `axis`, at integer `indices` of any shape."""
    a, axis = (reshape(a, -1), 0) if axis is None else (a, axis)
    ndim = len(np.shape(a))
    return getitem(a, along(axis, ndim, in_range(indices, np.shape(a)[axis], mode)))


def grid(indices: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """The index of take_along_axis(): `indices` at one axis, its own place at every other."""
    places: list[Any] = list(np.ogrid[tuple(slice(length) for length in shape)])
    places[axis % len(shape)] = indices
    return tuple(places)


@composed
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Of each row along `axis` the elements at the `indices` of that row, as argsort() and argmax() give them."""
    arr, axis = (reshape(arr, -1), 0) if axis is None else (arr, axis)
    indices = np.asarray(raw(indices))
    if indices.ndim != len(np.shape(arr)):
        raise ValueError(f"take_along_axis() takes indices with as many axes as the array, but {indices.ndim} came")
    return getitem(arr, grid(indices, np.shape(arr), axis))


@composed
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> Any:
    """A copy of `arr` with `values` at the places that take_along_axis() would take; NumPy's own changes `arr` itself."""
    if axis is None:
        return reshape(put_along_axis(reshape(arr, -1), indices, values, 0), np.shape(arr))
    return index_set(arr, values, grid(np.asarray(raw(indices)), np.shape(arr), axis))


@composed
def compress(condition: Any, a: Any, axis: int | None = None, out: None = None) -> Any:
    """The elements of `a`, or the layers along `axis`, at which the vector `condition` is true."""
    return take(a, np.flatnonzero(raw(condition)), axis)


@composed
def extract(condition: Any, arr: Any) -> Any:
    """The elements of `arr` where `condition` holds, in a row."""
    return take(arr, np.flatnonzero(raw(condition)))


@composed
def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    """From each element's choice: ``choices[a[i]][i]``, all of them broadcast to one shape."""
    choices = list(choices)
    turn = in_range(a, len(choices), mode)
    if turn.size and not (turn.min() >= 0 and turn.max() < len(choices)):
        raise ValueError(f"choose() has {len(choices)} choices, but their numbers reach from {turn.min()} to {turn.max()}")
    out = broadcast_to(choices[0], np.broadcast_shapes(turn.shape, *map(np.shape, choices)))
    for number, item in enumerate(choices[1:], 1):
        out = where(turn == number, item, out)
    return out


@composed
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The choice of the first condition that holds, elementwise, and `default` where none does."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(f"select() takes as many conditions as choices, but {len(condlist)} and {len(choicelist)} came")
    out = default if is_value(default) or np.ndim(default) else float(default)
    for condition, item in zip(reversed(condlist), reversed(choicelist), strict=True):
        out = where(condition, item, out)
    return out


@composed
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Each function of that part of `x` where its condition holds, or a constant there; of several conditions the last counts.

    One function more than there are conditions is for the rest, which is 0 without it.
    """
    conditions = [condlist] if np.ndim(condlist) == len(np.shape(x)) else list(condlist)
    conditions = [np.broadcast_to(np.asarray(item, dtype=bool), np.shape(x)).ravel() for item in conditions]
    functions = list(funclist)
    if len(functions) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    if len(functions) != len(conditions):
        count = f"{len(conditions)} or {len(conditions) + 1}"
        raise ValueError(f"piecewise() takes {count} functions for {len(conditions)} conditions, but {len(functions)} came")
    row = reshape(x, -1)
    out = where(False, row, 0.0)
    for condition, function in zip(conditions, functions, strict=True):
        if condition.any():
            part = function(getitem(row, condition), *args, **kw) if callable(function) else function
            out = index_set(out, part, condition)
    return reshape(out, np.shape(x))


# --- order ----------------------------------------------------------------------------------------


def tie_rule(g: Any, out: Any, x: Any, axis: int) -> Any:
    """Each element gets the cotangent of its rank, and elements that are equal the average of theirs."""
    data = np.asarray(raw(x))
    order = np.argsort(data, axis, kind="stable")
    ranked = np.take_along_axis(data, order, axis)
    before = ranked[along(axis, data.ndim, slice(0, -1))] == ranked[along(axis, data.ndim, slice(1, None))]
    if before.any():
        g = averaged_runs(g, before, axis)
    return take_along_axis(g, np.argsort(order, axis), axis)


@primitive("shape", x=lambda g, out, x, equal, axis: averaged_runs(g, equal, axis))
def averaged_runs(x: Any, equal: Any, axis: int) -> Any:
    """`x` with each run along `axis`, of elements joined to the one before by `equal`, replaced by its mean."""
    rows = np.moveaxis(x, axis, -1)
    starts = np.concatenate([np.ones((*rows.shape[:-1], 1), bool), ~np.moveaxis(equal, axis, -1)], -1)
    run = np.cumsum(starts.ravel()) - 1
    means = np.bincount(run, rows.ravel()) / np.bincount(run)
    return np.moveaxis(means[run].reshape(rows.shape), -1, axis).astype(x.dtype, copy=False)


@primitive("shape", x=tie_rule)
def _sort(x: Any, axis: int) -> Any:
    """sort()."""
    return np.sort(x, axis)


@composed
def sort(a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: bool | None = None) -> Any:
    """The elements in increasing order along `axis`, nan last; of equal elements each gets the mean of their cotangents."""
    return _sort(reshape(a, -1), 0) if axis is None else _sort(a, axis)


@composed
def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Any:
    """The elements with those of rank `kth` in their sorted places, smaller ones before and larger ones behind them."""
    a, axis = (reshape(a, -1), 0) if axis is None else (a, axis)
    data = np.asarray(raw(a))
    ranks = np.argsort(np.argsort(data, axis, kind="stable"), axis)
    return take_along_axis(_sort(a, axis), np.take_along_axis(ranks, np.argpartition(data, kth, axis), axis), axis)


@composed
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: None = None,
    *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """The different elements, always in increasing order; equal ones share the gradient. Indices and counts are plain."""
    if axis is not None:
        raise TypeError("unique() of a Value works on all elements in a row: axis must be None")
    data = np.asarray(raw(ar))
    _, index, inverse, counts = np.unique(data, True, True, True, equal_nan=equal_nan)
    first = np.searchsorted(np.sort(data, None), data.ravel()[index])
    out = getitem(_sort(reshape(ar, -1), 0), first)
    extras = [item for item, asked in ((index, return_index), (inverse, return_inverse), (counts, return_counts)) if asked]
    return (out, *extras) if extras else out


@composed
def quantile(
    a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: Any = "linear",
    keepdims: bool = False, *, weights: None = None,
) -> Any:  # fmt: skip
    """The q-th quantiles over `axis`, 0 <= q <= 1, by any of NumPy's methods; nan where there is a nan.

    Every method takes a mean of two neighbours in order. Which, and with what weights, is read off what
    NumPy gives for 0, 1, 2, ..., since it depends on the length alone.
    """
    if weights is not None or is_value(q):
        raise TypeError("quantile() takes no weights, and plain numbers as q: it has no derivative with respect to either")
    shape = np.shape(a)
    axis = range(len(shape)) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(place % len(shape) for place in axis)
    kept = tuple(place for place in range(len(shape)) if place not in axes)
    frame = [1 if place in axes else size for place, size in enumerate(shape) if keepdims or place in kept]
    length = math.prod(shape[place] for place in axes)
    rows = reshape(transpose(a, (*kept, *axes)), (*frame, length))  # (..., length)
    place = np.asarray(np.quantile(np.arange(length, dtype=float), q, method=method))
    low = np.floor(place).astype(int)
    part = (place - low).reshape(place.shape + (1,) * len(frame)).astype(getattr(rows, "dtype", float))
    ordered = moveaxis(_sort(rows, -1), -1, 0)  # (length, ...)
    lower, upper = getitem(ordered, low), getitem(ordered, np.minimum(low + 1, length - 1))  # (q, ...)
    out = where(part == 0.0, lower, lower + (upper - lower) * part)
    nan = np.isnan(raw(rows)).any(-1)
    return where(nan, np.nan, out) if nan.any() else out


@composed
def percentile(
    a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, method: Any = "linear",
    keepdims: bool = False, *, weights: None = None,
) -> Any:  # fmt: skip
    """The q-th percentiles over `axis`, 0 <= q <= 100; see quantile()."""
    q = q if is_value(q) else np.asarray(q) / 100.0
    return quantile(a, q, axis, None, overwrite_input, method, keepdims, weights=weights)


@composed
def median(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The middle element over `axis` in order, or the mean of the two in the middle; nan where there is a nan."""
    return quantile(a, 0.5, axis, keepdims=keepdims)

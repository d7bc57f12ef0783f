"""Indexing, its inverses (scatter, `x.at[i].set(u)`), and NumPy's functions that pick elements: take, choose, select."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd.op import MANY, SINGLE, is_value, raw, shape_of, value_in
from autograd.ops.define import adding, composed, primitive
from autograd.ops.elementwise import where
from autograd.ops.inputs import short
from autograd.ops.kinks import maximum, minimum
from autograd.ops.shapes import as_array, as_floats, broadcast_to, reshape


def plain_index(index: Any) -> Any:
    """An index of ints, slices, None, Ellipsis and copies of arrays. Raises TypeError for Values."""
    return tuple(map(plain_part, index)) if index.__class__ is tuple else plain_part(index)


def plain_part(part: Any) -> Any:
    """A part of an index, as an array if NumPy converts it to one."""
    if part.__class__ is int or part.__class__ is slice or part is None or part is Ellipsis:
        return part
    if value_in(part) is not None:
        raise TypeError(
            "an index is made of ints, slices, arrays, None and Ellipsis, but got a Value: use value.data.astype(int)"
        )
    if isinstance(part, (int, float, str, np.generic)):
        return part
    if hasattr(part, "__index__") and not isinstance(part, np.ndarray):
        return operator.index(part)
    array = np.array(part)
    return array if array.size or isinstance(part, np.ndarray) else array.astype(int)


def is_view(part: Any) -> bool:
    """Whether a part of an index takes no element twice, and is independent of the other parts."""
    return part is None or part is Ellipsis or (isinstance(part, (int, np.integer, slice)) and part.__class__ is not bool)


def take_once(index: Any) -> bool:
    """Whether no element can be taken twice: besides slices and integers, the index has at most one boolean mask."""
    parts = index if index.__class__ is tuple else (index,)
    others = [part for part in parts if not is_view(part)]
    return not others or (len(others) == 1 and np.asarray(others[0]).dtype == bool)


def indexed(x: Any, index: Any) -> tuple[Any, ...]:
    """The arguments with a plain index; TypeError for a scalar, unless the index only adds axes."""
    x, index = as_array(x), plain_index(index)
    parts = index if index.__class__ is tuple else (index,)
    if is_value(x) and x.shape == () and any(part is not None and part is not Ellipsis for part in parts):
        raise TypeError(f"a scalar Value has no elements, but it was indexed with {index!r}")
    return x, index


@primitive(
    "selection",
    prepare=indexed,
    symbol="{}[{}]",
    x=lambda g, out, x, index: scatter.prepared(g, shape_of(x), index),
)
def getitem(x: Any, index: Any) -> Any:
    """Return ``x[index]``, for basic or advanced indices; in the gradient, elements taken more than once add up."""
    return (x if x.__class__ is np.ndarray else np.asarray(x))[index]


@adding
@primitive("selection", x=lambda g, out, x, shape, index: getitem.prepared(g, index))
def scatter(x: Any, shape: tuple[int, ...], index: Any) -> Any:
    """Add `x` at `index` into zeros of `shape`, the transpose of indexing; repeated places add up."""
    x = np.asarray(x)
    out = np.zeros(shape, x.dtype)
    if take_once(index):
        out[index] = x
    elif isinstance(index, np.ndarray) and out.ndim == 1 and (x.dtype.char != "f" or x.size <= MANY):
        np.add.at(out, index, x)
    else:  # add.at is several times faster on one flat index than on a tuple of them
        places = np.arange(out.size).reshape(shape)[index]
        if x.dtype.char == "f" and x.size > MANY and out.size < 4 * places.size:  # sums of many elements: in float64
            sums = np.bincount(places.reshape(-1), np.broadcast_to(x, places.shape).reshape(-1), out.size)
            return sums.reshape(shape).astype(SINGLE)
        np.add.at(out.reshape(-1), places.reshape(-1), np.broadcast_to(x, places.shape).reshape(-1))
    return out


def winners(shape: tuple[int, ...], index: Any) -> Any:
    """For each place that ``x[index] = u`` writes, whether this element of u is the last one written there."""
    owner = np.zeros(shape, dtype=np.intp)
    turns = np.arange(1, np.size(owner[index]) + 1).reshape(np.shape(owner[index]))
    owner[index] = turns
    return owner[index] == turns


def set_rule_u(g: Any, out: Any, x: Any, u: Any, index: Any) -> Any:
    """The cotangent at the written places, for the last element written to each."""
    picked = getitem(g, index)
    return picked if take_once(index) else picked * winners(shape_of(out), index)


def at_arguments(x: Any, u: Any, index: Any) -> tuple[Any, ...]:
    return as_array(x), as_array(u), plain_index(index)


@primitive(
    "selection",
    prepare=at_arguments,
    symbol="{0}.at[{2}].set({1})",
    x=lambda g, out, x, u, index: index_set(g, 0.0, index),
    u=set_rule_u,
)
def index_set(x: Any, u: Any, index: Any) -> Any:
    """Return a copy of `x` with `u` at ``x[index]``; of repeated places the last one counts."""
    if u is None:
        raise TypeError("v.at[index].set(u) and put_along_axis() take real numbers and arrays of them, but got None as u")
    out = np.array(x, dtype=np.result_type(x, u))
    out[index] = u
    return out


@adding
@primitive(
    "selection",
    prepare=at_arguments,
    symbol="{0}.at[{2}].add({1})",
    x=lambda g, out, x, u, index: g,
    u=lambda g, out, x, u, index: getitem(g, index),
)
def index_add(x: Any, u: Any, index: Any) -> Any:
    """Return a copy of `x` with `u` added at ``x[index]``; repeated places add up."""
    out = np.array(x, dtype=np.result_type(x, u))
    if out.dtype.char == "f" and np.size(u) > MANY:
        return out + scatter.array(np.asarray(u, SINGLE), out.shape, index)
    np.add.at(out, index, u)
    return out


class At:
    """A part of a Value, ``value.at[index]``: its methods return a Value with that part changed, differentiable at any order."""

    __slots__ = ("index", "value")

    def __init__(self, value: Any, index: Any) -> None:
        self.value, self.index = value, index

    def set(self, u: Any) -> Any:
        """Return a copy with `u` at the index; of repeated places the last one counts."""
        return index_set(self.value, u, self.index)

    def add(self, u: Any) -> Any:
        """Return a copy with `u` added at the index; repeated places add up."""
        return index_add(self.value, u, self.index)

    def multiply(self, u: Any) -> Any:
        """Return a copy multiplied by `u` at the index. Raise ValueError if a place is repeated."""
        return self._changed(lambda part: part * u, "multiply")

    def divide(self, u: Any) -> Any:
        """Return a copy divided by `u` at the index. Raise ValueError if a place is repeated."""
        return self._changed(lambda part: part / u, "divide")

    def power(self, u: Any) -> Any:
        """Return a copy raised to the power `u` at the index. Raise ValueError if a place is repeated."""
        return self._changed(lambda part: part**u, "power")

    def min(self, u: Any) -> Any:
        """Return a copy with the smaller of it and `u` at the index, as minimum(). Raise ValueError if a place is repeated."""
        return self._changed(lambda part: minimum(part, u), "min")

    def max(self, u: Any) -> Any:
        """Return a copy with the larger of it and `u` at the index, as maximum(). Raise ValueError if a place is repeated."""
        return self._changed(lambda part: maximum(part, u), "max")

    def _changed(self, change: Any, name: str) -> Any:
        index = plain_index(self.index)
        if not take_once(index) and not winners(shape_of(self.value), index).all():
            verb = {"multiply": "multiply once per place", "divide": "divide once per place"}.get(name, "use each place once")
            raise ValueError(f".at[index].{name}(u) got an index that names a place twice: {verb}")
        return index_set(self.value, change(self.value[index]), index)


class AtIndexer:
    """``value.at``, which takes an index and returns At."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getitem__(self, index: Any) -> At:
        return At(self.value, index)


# --- NumPy's functions that pick elements ---------------------------------------------------------


def along(axis: int, ndim: int, index: Any) -> tuple[Any, ...]:
    """The index with `index` at one axis and full slices at the others."""
    return (*(slice(None),) * (axis % ndim), index)


def in_range(index: Any, length: int, mode: str) -> Any:
    """Integers in range by NumPy's mode: "raise" leaves them, "wrap" and "clip" move them inside."""
    index = np.asarray(raw(index))
    index = index.astype(np.intp, casting="safe" if index.size else "unsafe")
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"the mode of an index is 'raise', 'wrap' or 'clip', but got {mode!r}")
    return index if mode == "raise" else index % length if mode == "wrap" else np.clip(index, 0, length - 1)


@composed
def take(a: Any, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Any:
    """Return the elements of `a`, or the layers along `axis`, at integer `indices` of any shape."""
    a, axis = (reshape(as_array(a), -1), 0) if axis is None else (as_array(a), axis)
    ndim = len(np.shape(a))
    axis = normalize_axis_index(axis, ndim)
    return getitem(a, along(axis, ndim, in_range(indices, np.shape(a)[axis], mode)))


def grid(indices: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """The index of take_along_axis(): `indices` at one axis, each element's own place at the others."""
    places: list[Any] = list(np.ogrid[tuple(slice(length) for length in shape)])
    places[normalize_axis_index(axis, len(shape))] = indices
    return tuple(places)


@composed
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Return the elements of each row along `axis` at the `indices` of that row, as argsort() and argmax() return them."""
    arr, axis = (reshape(as_array(arr), -1), 0) if axis is None else (as_array(arr), axis)
    indices = np.asarray(raw(indices))
    if indices.ndim != len(np.shape(arr)):
        raise ValueError(f"take_along_axis() takes indices with as many axes as the array, but got {indices.ndim}")
    return getitem(arr, grid(indices, np.shape(arr), axis))


@composed
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> Any:
    """Return a copy of `arr` with `values` at the places that take_along_axis() takes; NumPy's changes `arr` itself."""
    arr = as_array(arr)
    if axis is None:
        return reshape(put_along_axis(reshape(arr, -1), indices, values, 0), np.shape(arr))
    return index_set(arr, as_array(values), grid(np.asarray(raw(indices)), np.shape(arr), axis))


@composed
def compress(condition: Any, a: Any, axis: int | None = None, out: None = None) -> Any:
    """Return the elements of `a`, or the layers along `axis`, at which the vector `condition` is true."""
    condition = np.asarray(raw(condition))
    if condition.ndim != 1 or condition.dtype.kind not in "biuf":
        got = f"the shape {condition.shape} and dtype {condition.dtype}"
        raise ValueError(f"compress() takes a vector of bools as its condition, but got {got}")
    return take(a, np.flatnonzero(condition), axis)


@composed
def extract(condition: Any, arr: Any) -> Any:
    """Return the elements of `arr` where `condition` holds, flattened."""
    return take(arr, np.flatnonzero(raw(condition)))


@composed
def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    """Choose ``choices[a[i]][i]`` for each element i; all arguments broadcast to one shape."""
    choices = as_floats(*choices, None)[:-1]
    turn = in_range(a, len(choices), mode)
    if turn.size and not (turn.min() >= 0 and turn.max() < len(choices)):
        raise ValueError(f"choose() got {len(choices)} choices, but indices from {turn.min()} to {turn.max()}")
    out = broadcast_to(choices[0], np.broadcast_shapes(turn.shape, *map(np.shape, choices)))
    for number, item in enumerate(choices[1:], 1):
        out = where(turn == number, item, out)
    return out


@composed
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Choose for each element the choice of the first condition that holds, or `default` if none does."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(f"select() takes as many conditions as choices, but got {len(condlist)} and {len(choicelist)}")
    if wrong := [item for item in condlist if np.asarray(raw(item)).dtype != bool]:
        raise TypeError(f"select() takes conditions of bools, but got {short(wrong[0])}: write a condition, as v > 0")
    if default is None:
        raise TypeError("select() takes a real number or an array of them as default, but got None")
    *choicelist, out = as_floats(*choicelist, default)
    for condition, item in zip(reversed(condlist), reversed(choicelist), strict=True):
        out = where(condition, item, out)
    return out


def where_or_nonzero(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """Call where() with three arguments; with one, return the plain indices of np.nonzero()."""
    if x is None and y is None:
        return np.nonzero(raw(as_array(condition)))
    if x is None or y is None:
        raise ValueError("np.where() takes a condition alone, or with both x and y")
    return where(condition, *as_floats(x, y))


@composed
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Apply each function to the part of `x` where its condition holds; if several conditions hold, the last one counts.

    A further function applies to the rest, which is otherwise 0. A number serves as a constant function.
    """
    x = as_floats(x)
    if np.asarray(condlist).dtype.kind not in "biuf":
        raise TypeError(f"piecewise() takes conditions of bools, but got {short(condlist)}: write a condition, as v > 0")
    conditions = [condlist] if np.ndim(condlist) == len(np.shape(x)) else list(condlist)
    conditions = [np.broadcast_to(np.asarray(item, dtype=bool), np.shape(x)).ravel() for item in conditions]
    functions = list(funclist)
    if len(functions) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    if len(functions) != len(conditions):
        count = f"{len(conditions)} or {len(conditions) + 1}"
        raise ValueError(f"piecewise() takes {count} functions for {len(conditions)} conditions, but got {len(functions)}")
    row = reshape(x, -1)
    out = where(False, row, 0.0)
    for condition, function in zip(conditions, functions, strict=True):
        if condition.any():
            part = function(getitem(row, condition), *args, **kw) if callable(function) else function
            out = index_set(out, part, condition)
    return reshape(out, np.shape(x))


@adding
@primitive("shape", x=lambda g, out, x, equal, axis: averaged_runs(g, equal, axis))
def averaged_runs(x: Any, equal: Any, axis: int) -> Any:
    """Replace each run along `axis` by its mean; `equal` joins an element to the one before."""
    rows = np.moveaxis(x, axis, -1)
    starts = np.concatenate([np.ones((*rows.shape[:-1], 1), bool), ~np.moveaxis(equal, axis, -1)], -1)
    run = np.cumsum(starts.ravel()) - 1
    means = np.bincount(run, rows.ravel()) / np.bincount(run)
    return np.moveaxis(means[run].reshape(rows.shape), -1, axis).astype(x.dtype, copy=False)

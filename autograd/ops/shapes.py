"""Operations that only move numbers: reshape, transpose, broadcast, join, flip. Each rule moves them back."""

from __future__ import annotations

import builtins
import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from autograd.op import Op, floating, is_value, raw, shape_of
from autograd.ops.define import adding, composed, primitive
from autograd.ops.elementwise import astype, exp, float_dtype, log, positive, pow, where
from autograd.ops.inputs import holds_value, real_array


def as_array(x: Any) -> Any:
    """Numbers, arrays, Values and None as they are; a list as an array, or as one Value if there are Values in it.

    Every composed function calls this with its arguments first.
    """
    if x.__class__ is float or x.__class__ is np.ndarray or x is None or is_value(x) or isinstance(x, (int, float, np.generic)):
        return x
    return array(x) if holds_value(x) else real_array(x, "an operation")


def as_floats(*items: Any) -> Any:
    """as_array() of each item, with integers and bools as floats, in the common dtype of the floating arrays among them.

    Functions that compute with their arguments call it: integers would wrap, as uint8 does at 256, and lose fractions.
    """
    items = tuple(map(as_array, items))
    for data in map(raw, items):
        if data.__class__ is not float and data is not None and (data.__class__ is not np.ndarray or data.dtype.kind != "f"):
            items = floating(items)
            break
    return items if len(items) > 1 else items[0]


def as_tensor(x: Any) -> Any:
    """as_array() with numbers as arrays without axes, for code that reads their dtype."""
    x = as_array(x)
    return x if is_value(x) else np.asarray(x)


def plain_shape(x: Any, shape: Any, *rest: Any) -> tuple[Any, ...]:
    """The arguments with the shape as a tuple of ints."""
    return x, (operator.index(shape),) if hasattr(shape, "__index__") else tuple(map(operator.index, shape)), *rest


def plain_axis(x: Any, axis: Any = None, *rest: Any) -> tuple[Any, ...]:
    """The arguments with the axis as None, an int or a tuple of ints."""
    return x, tuple(axis) if axis.__class__ is list else axis, *rest


def inverse(axes: Any) -> Any:
    """The permutation that undoes `axes`."""
    if axes is None:
        return None
    found = [0] * len(axes)
    for place, axis in enumerate(axes):
        found[axis] = place
    return tuple(found)


def split_back(g: Any, out: Any, values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    """The piece of `g` for each value."""
    pieces, start = [], 0
    lead = (slice(None),) * (axis % len(shape_of(out)))
    for value in values:
        length = shape_of(value)[axis]
        pieces.append(g[(*lead, slice(start, start + length))])
        start += length
    return tuple(pieces)


def unstack_rule(g: Any, out: Any, values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    """The layer of `g` for each value."""
    lead = (slice(None),) * (axis % len(shape_of(out)))
    return tuple(g[(*lead, i)] for i in range(len(values)))


# --- the same elements in another shape -----------------------------------------------------------


def checked_order(x: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    """The arguments with a plain shape; ValueError for an order that depends on the memory layout of an array."""
    if order not in ("C", "F"):
        raise ValueError(f"reshape() of a Value takes the orders 'C' (rows last) and 'F' (rows first), but got {order!r}")
    return plain_shape(x, shape, order)


@primitive("shape", checked_order, x=lambda g, out, x, shape, order: reshape.prepared(g, shape_of(x), order))
def reshape(x: Any, shape: Any, order: Any = "C") -> Any:
    """Reshape `x` to another shape of the same size, rows last (or first, with order "F"); one length may be -1."""
    if x.__class__ is np.ndarray:
        return x.reshape(shape, order=order)  # half the time of np.reshape()
    return np.reshape(x, shape, order=order)


@primitive("shape", plain_axis, x=lambda g, out, x, axes: transpose.prepared(g, inverse(axes)))
def transpose(x: Any, axes: Any = None) -> Any:
    """Permute the axes of `x` into the order `axes`, by default reversed."""
    return x.transpose(axes) if x.__class__ is np.ndarray else np.transpose(x, axes)


permute_dims = transpose


@primitive("shape", plain_shape, x=lambda g, out, x, shape: g)
def broadcast_to(x: Any, shape: Any) -> Any:
    """Broadcast `x` to `shape` by NumPy's rules; its gradient is summed over the copies."""
    return np.broadcast_to(x, shape)


@primitive("shape", plain_axis, x=lambda g, out, x, axis: reshape.prepared(g, shape_of(x)))
def squeeze(x: Any, axis: Any = None) -> Any:
    """Remove the axes of length 1, or those in `axis`."""
    return np.squeeze(x, axis)


@primitive("shape", plain_axis, x=lambda g, out, x, axis: reshape.prepared(g, shape_of(x)))
def expand_dims(x: Any, axis: Any) -> Any:
    """Insert new axes of length 1 at the positions `axis` of the result."""
    return np.expand_dims(x, axis)


@composed
def ravel(a: Any, order: str = "C") -> Any:
    """Flatten an array to one axis."""
    return reshape(as_array(a), -1, order)


@composed
def copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
    """Return a copy of `a`, a new Value in the graph."""
    np.zeros(0).copy(order)  # raises NumPy's error
    return positive(as_array(a))


def permuted(function: Callable[..., Any], x: Any, *how: Any) -> Any:
    """`x` transposed as `function` does; the shape of its result for an array without memory tells the order of axes."""
    x = as_array(x)
    shape = function(np.broadcast_to(0.0, range(1, len(np.shape(x)) + 1)), *how).shape
    return transpose(x, tuple(length - 1 for length in shape))


@composed
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes."""
    return permuted(np.swapaxes, a, axis1, axis2)


@composed
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Move the axes `source` to the positions `destination`; the others keep their order."""
    return permuted(np.moveaxis, a, source, destination)


@composed
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """Move one axis back until it lies before `start`."""
    return permuted(np.rollaxis, a, axis, start)


@composed
def matrix_transpose(x: Any) -> Any:
    """Transpose the matrices in the last two axes of `x`."""
    return permuted(np.linalg.matrix_transpose, x)


def at_least(shaper: Callable[..., Any], arrays: tuple[Any, ...]) -> Any:
    """Each array in the shape that a function of NumPy gives it."""
    out = [reshape(item, shaper(np.broadcast_to(0.0, np.shape(item))).shape) for item in map(as_array, arrays)]
    return out[0] if len(out) == 1 else tuple(out)


@composed
def atleast_1d(*arys: Any) -> Any:
    """Return each array with at least one axis."""
    return at_least(np.atleast_1d, arys)


@composed
def atleast_2d(*arys: Any) -> Any:
    """Return each array with at least two axes, new ones first."""
    return at_least(np.atleast_2d, arys)


@composed
def atleast_3d(*arys: Any) -> Any:
    """Return each array with at least three axes, placed as NumPy places them."""
    return at_least(np.atleast_3d, arys)


@composed
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Broadcast all arrays to one shape."""
    arrays = [as_array(item) for item in args]
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple(broadcast_to(item, shape) for item in arrays)


@composed
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """Return the coordinates of a grid from those of its axes, one array for each axis."""
    axes = [as_array(x) for x in xi]
    shapes = [grid.shape for grid in np.meshgrid(*(np.zeros(np.size(raw(x))) for x in axes), sparse=True, indexing=indexing)]  # type: ignore[call-overload]
    grids = tuple(reshape(x, shape) for x, shape in zip(axes, shapes, strict=True))
    return grids if sparse else broadcast_arrays(*grids)


# --- joining and splitting ------------------------------------------------------------------------


def several(values: Any, axis: int = 0) -> tuple[Any, ...]:
    """The arguments with the values in a tuple."""
    return tuple(values), axis


@primitive("shape", several, values=split_back)
def _concatenate(values: Any, axis: int = 0) -> Any:
    """The operation of concatenate()."""
    return np.concatenate(values, axis)


@primitive("shape", several, values=unstack_rule)
def _stack(values: Any, axis: int = 0) -> Any:
    """The operation of stack()."""
    return np.stack(values, axis)


@composed
def concatenate(arrays: Any, axis: int | None = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Join the arrays of a list along an existing axis, or flattened for axis None."""
    arrays = [as_array(item) for item in arrays]
    joined = _concatenate([ravel(item) for item in arrays], 0) if axis is None else _concatenate(arrays, axis)
    return cast_by_rule(joined, dtype, casting)


def cast_by_rule(x: Any, dtype: Any, casting: str) -> Any:
    """`x` in a dtype, or as it is for None; TypeError if NumPy's rule `casting` does not allow it."""
    if dtype is None and casting == "same_kind":
        return x
    return astype(x, np.result_type(raw(x)) if dtype is None else dtype, casting=casting)


concat = concatenate


@composed
def stack(arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Join the arrays or numbers of a list along a new axis.

    >>> from autograd import Value, stack
    >>> stack([Value(1.0), Value(2.0)]).data
    array([1., 2.])
    """
    return cast_by_rule(_stack([as_array(item) for item in arrays], axis), dtype, casting)


@composed
def array(data: Any, dtype: Any = None) -> Any:
    """Create an array or Value from nested lists of numbers, arrays and Values, as ``np.array`` does from plain data.

    The result is a Value if there is one in `data`, otherwise plain data. Raise ValueError for lists that are not rectangular.

    >>> from autograd import Value, array
    >>> array([[Value(1.0), 2.0], [3.0, Value(4.0)]]).data
    array([[1., 2.],
           [3., 4.]])
    """
    if isinstance(data, np.ndarray) and data.dtype == object:
        data = data.tolist()
    if isinstance(data, (list, tuple)) and data:
        parts = [array(item) for item in data]
        shapes = {np.shape(part) for part in parts}
        if len(shapes) > 1:
            raise ValueError(f"array() takes nested lists that are rectangular, but got shapes {sorted(shapes)} side by side")
        data = _stack(parts) if any(map(is_value, parts)) else np.array(parts)
    elif is_value(data):
        data = positive(data)
    return np.array(data, dtype) if not is_value(data) else data if dtype is None else astype(data, dtype)


@composed
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Stack the arrays of a list one below the other."""
    return concatenate([atleast_2d(item) for item in tup], 0, dtype=dtype, casting=casting)


@composed
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Stack the arrays of a list side by side: along the second axis, or the first for vectors."""
    arrays = [atleast_1d(item) for item in tup]
    return concatenate(arrays, 0 if len(np.shape(arrays[0])) == 1 else 1, dtype=dtype, casting=casting)


@composed
def dstack(tup: Any) -> Any:
    """Stack the arrays of a list one behind the other, along the third axis."""
    return concatenate([atleast_3d(item) for item in tup], 2)


@composed
def column_stack(tup: Any) -> Any:
    """Stack vectors as the columns of a matrix, and matrices side by side."""
    return concatenate([item if len(np.shape(item)) > 1 else reshape(item, (-1, 1)) for item in map(as_array, tup)], 1)


def depth(item: Any) -> int:
    """The number of nested lists of blocks."""
    return 1 + builtins.max(map(depth, item)) if isinstance(item, list) else 0


def dimensions(item: Any) -> int:
    """The largest number of axes of a block."""
    return builtins.max(map(dimensions, item)) if isinstance(item, list) else len(np.shape(item))


def joined_blocks(item: Any, level: int, ndim: int) -> Any:
    """A block with new axes in front, or lists of blocks, nested `level` deep, joined."""
    if isinstance(item, list):
        return concatenate([joined_blocks(part, level - 1, ndim) for part in item], -level)
    shape = np.shape(item)
    return reshape(item, (1,) * (ndim - len(shape)) + shape)


@composed
def block(arrays: Any) -> Any:
    """Join nested lists of blocks to one array, the innermost lists side by side."""
    return joined_blocks(arrays, depth(arrays), builtins.max(depth(arrays), dimensions(arrays)))


@composed
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Append `values` to `arr` along `axis`, by default both flattened."""
    return concatenate([arr, values], axis)


def pieces(ary: Any, sections: Any, axis: int, divide: Callable[..., Any]) -> list[Any]:
    """The parts of `ary` that a function of NumPy returns."""
    ary = as_array(ary)
    axis = normalize_axis_index(axis, len(ary.shape))
    lead = (slice(None),) * axis
    parts = divide(np.arange(ary.shape[axis]), sections)
    return [ary[(*lead, slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0, 0))] for part in parts]


@composed
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Split `ary` along an axis into equal parts, or at indices."""
    return pieces(ary, indices_or_sections, axis, np.split)


@composed
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Split `ary` along an axis into parts of lengths as equal as possible."""
    return pieces(ary, indices_or_sections, axis, np.array_split)


@composed
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Call split() along the second axis, or the first of a vector."""
    ary = as_array(ary)
    return pieces(ary, indices_or_sections, builtins.min(1, len(np.shape(ary)) - 1), np.split)


@composed
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Call split() along the first axis."""
    return pieces(ary, indices_or_sections, 0, np.split)


@composed
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Call split() along the third axis."""
    return pieces(ary, indices_or_sections, 2, np.split)


@composed
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Split `x` along an axis into its layers, a tuple."""
    x = as_array(x)
    axis = normalize_axis_index(axis, len(x.shape))
    lead = (slice(None),) * axis
    return tuple(x[(*lead, i)] for i in range(x.shape[axis]))


# --- elements picked, repeated and filled in ------------------------------------------------------


@primitive("shape", x=lambda g, out, x, places: _put_back(g, shape_of(x), places))
def _pick(x: Any, places: Any) -> Any:
    """The elements of the flattened `x` at `places`, counted from 1; 0 at the place 0."""
    row = np.ravel(x)
    return np.concatenate([np.zeros(1, row.dtype), row])[places]


@adding
@primitive("shape", x=lambda g, out, x, shape, places: _pick(g, places))
def _put_back(x: Any, shape: tuple[int, ...], places: Any) -> Any:
    """Zeros of `shape` with the elements of `x` added where _pick() takes them: its transpose."""
    x = np.asarray(x)
    sums = np.bincount(np.ravel(places), np.ravel(x), math.prod(shape) + 1)  # faster than np.add.at
    return sums[1:].reshape(shape).astype(x.dtype, copy=False)


def numbered(shape: tuple[int, ...]) -> Any:
    """The numbers 1, 2, 3, ... in an array of a shape."""
    return np.arange(1, math.prod(shape) + 1).reshape(shape)


def rearrangement(function: Callable[..., Any], doc: str) -> Op:
    """Define an op that only moves elements by a function of NumPy; its rule moves them back.

    The function moves 1, 2, 3, ... to tell where elements go; a 0 marks those that it fills in.
    """

    def rule(g: Any, out: Any, x: Any, *how: Any) -> Any:
        return _put_back(g, shape_of(x), function(numbered(shape_of(x)), *how))

    signature = inspect.signature(function)

    def forward(*args: Any) -> Any:
        return function(*args)

    plain: dict[str, Any] = {"kind": inspect.Parameter.POSITIONAL_OR_KEYWORD, "annotation": inspect.Parameter.empty}
    parameters = [item.replace(**plain) for item in signature.parameters.values()]
    forward.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    forward.__name__, forward.__doc__, forward.__module__ = function.__name__, doc, __name__
    rules: dict[str, Any] = {parameters[0].name: rule}
    return primitive("shape", settled, f"{function.__name__}({{}})", **rules)(forward)


def settled(x: Any, *how: Any) -> tuple[Any, ...]:
    """The arguments with copies of the settings that could be changed later."""
    kept: dict[type, Any] = {np.ndarray: np.array, list: tuple}
    return x, *(kept[item.__class__](item) if item.__class__ in kept else item for item in how)


def windows(x: Any, window_shape: Any, axis: Any = None) -> Any:
    """numpy.lib.stride_tricks.sliding_window_view() without its keywords."""
    return np.lib.stride_tricks.sliding_window_view(x, window_shape, axis)


windows.__name__ = "sliding_window_view"
flip = rearrangement(np.flip, "Reverse the elements along `axis`, or along all axes.")
fliplr = rearrangement(np.fliplr, "Reverse each row.")
flipud = rearrangement(np.flipud, "Reverse the order of the rows.")
rot90 = rearrangement(np.rot90, "Rotate a plane of the array by 90 degrees, `k` times.")
roll = rearrangement(np.roll, "Move the elements by `shift` along `axis`; those that leave at the end return at the start.")
repeat = rearrangement(np.repeat, "Repeat each element, along `axis`, by default of the flattened array.")
tile = rearrangement(np.tile, "Repeat the whole array, a number of times along each axis.")
tril = rearrangement(np.tril, "Set the elements above the k-th diagonal of matrices to zero.")
triu = rearrangement(np.triu, "Set the elements below the k-th diagonal of matrices to zero.")
diag = rearrangement(np.diag, "Return the k-th diagonal of a matrix, or a matrix with a vector on that diagonal.")
diagflat = rearrangement(np.diagflat, "Return a matrix with all elements on its k-th diagonal.")
diagonal = rearrangement(np.diagonal, "Return the diagonals of the planes of two axes, as the last axis.")
delete = rearrangement(np.delete, "Remove the elements or layers at `obj`.")
sliding_window_view = rearrangement(windows, "Return all windows of a shape, along new last axes.")
resize = rearrangement(np.resize, "Repeat the elements in order until they fill another shape.")


@composed
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Insert `values`, in the dtype of `arr`, before the indices `obj` along `axis`, by default of the flattened array."""
    arr, values = as_array(arr), as_array(values)
    if getattr(arr, "dtype", np.dtype(float)).kind == "f" and float_dtype(values) != float_dtype(arr):
        values = astype(values, float_dtype(arr))
    size = np.size(raw(arr))
    added = np.arange(size + 1, size + np.size(raw(values)) + 1).reshape(np.shape(values))
    return _pick(_concatenate([ravel(arr), ravel(values)]), np.insert(numbered(np.shape(arr)), obj, added, axis))


@composed
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: None = None
) -> Any:
    """Return an array of the shape and dtype of `a`, or of another shape or dtype, filled with `fill_value`."""
    a, fill_value = as_tensor(a), as_array(fill_value)
    shape = a.shape if shape is None else shape
    dtype = a.dtype if dtype is None else np.dtype(dtype)
    if not is_value(fill_value):
        return np.full_like(raw(a), fill_value, dtype, shape=shape)
    out = broadcast_to(fill_value, shape)
    return out if out.dtype == dtype else astype(out, dtype)


@composed
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None) -> Any:
    """Sum the elements on a diagonal of the planes of two axes."""
    total = diagonal(as_array(a), offset, axis1, axis2).sum(-1)
    return total if dtype is None else astype(total, dtype)


@composed
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0,
    *, device: None = None,
) -> Any:  # fmt: skip
    """Return `num` evenly spaced numbers from `start` to `stop`, along a new axis."""
    start, stop = as_floats(start, stop)
    parts = np.linspace(0.0, 1.0, num, endpoint, dtype=np.result_type(raw(start), raw(stop), 0.0))
    parts = parts.reshape((-1,) + (1,) * len(np.broadcast_shapes(np.shape(start), np.shape(stop))))
    out = start * (1.0 - parts) + stop * parts
    same = np.equal(raw(start), raw(stop))
    if np.any(same):  # no rounding if the ends are equal
        out = out + np.where(same, raw(start) - raw(out), 0.0)
    out = moveaxis(out, 0, axis)
    out = out if dtype is None else astype(out, dtype)
    steps = num - 1 if endpoint else num
    return (out, (stop - start) / (steps if steps > 0 else np.nan)) if retstep else out


@composed
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    """Return `num` numbers from ``base ** start`` to ``base ** stop`` with evenly spaced logarithms, along a new axis."""
    base, start, stop = as_floats(base, start, stop)
    if np.shape(base):
        base, start, stop = broadcast_arrays(base, start, stop)
    out = moveaxis(pow(base, linspace(start, stop, num, endpoint)), 0, axis)
    return out if dtype is None else astype(out, dtype)


@composed
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """Return `num` numbers of one sign from `start` to `stop`, each the same multiple of the one before, along a new axis."""
    start, stop = as_floats(start, stop)
    signs = np.sign(raw(start))
    if np.any(signs * np.sign(raw(stop)) <= 0.0):
        raise ValueError("geomspace() takes numbers of the same sign other than 0 as start and stop")
    inner = exp(linspace(log(start * signs), log(stop * signs), num, endpoint)) * signs
    place = np.arange(num).reshape(-1, *(1,) * (len(np.shape(inner)) - 1))
    inner = where(place == num - 1, stop, inner) if endpoint else inner
    out = moveaxis(where(place == 0, start, inner), 0, axis)  # exact at the ends
    return out if dtype is None else astype(out, dtype)


@composed
def fftshift(x: Any, axes: Any = None) -> Any:
    """Exchange the two halves of each axis: the first element moves to the middle."""
    return halves_exchanged(x, axes, 1)


@composed
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Undo fftshift()."""
    return halves_exchanged(x, axes, -1)


def halves_exchanged(x: Any, axes: Any, sign: int) -> Any:
    """fftshift() for the sign 1, ifftshift() for -1."""
    x = as_array(x)
    shape = np.shape(x)
    axes = normalize_axis_tuple(range(len(shape)) if axes is None else axes, len(shape), allow_duplicate=True)
    return roll(x, tuple(shape[axis] // 2 if sign > 0 else -(shape[axis] // 2) for axis in axes), axes)

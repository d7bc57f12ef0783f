"""Operations that only move numbers: reshape, transpose, broadcast, join. Each rule moves them back."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.op import Op, shape_of
from autograd.ops.forms import primitive


def plain_shape(x: Any, shape: Any) -> tuple[Any, ...]:
    """The same arguments with the shape as a tuple of ints."""
    return x, (operator.index(shape),) if hasattr(shape, "__index__") else tuple(map(operator.index, shape))


def plain_axes(x: Any, axes: Any = None) -> tuple[Any, ...]:
    """The same arguments with the axes as None, an int or a tuple of ints."""
    return x, tuple(axes) if axes.__class__ is list else axes


def inverse(axes: Any) -> Any:
    """The permutation that undoes `axes`."""
    return None if axes is None else tuple(np.argsort([axis % len(axes) for axis in axes]).tolist())


def split_back(g: Any, out: Any, values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    """The piece of `g` that came from each value."""
    pieces, start = [], 0
    lead = (slice(None),) * (axis % len(shape_of(out)))
    for value in values:
        length = shape_of(value)[axis]
        pieces.append(g[(*lead, slice(start, start + length))])
        start += length
    return tuple(pieces)


def unstack(g: Any, out: Any, values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    """The layer of `g` that came from each value."""
    lead = (slice(None),) * (axis % len(shape_of(out)))
    return tuple(g[(*lead, i)] for i in range(len(values)))


@primitive("shape", plain_shape, x=lambda g, out, x, shape: reshape(g, shape_of(x)))
def reshape(x: Any, shape: Any) -> Any:
    """`x` in another shape of the same size, rows last; one length may be -1."""
    return np.reshape(x, shape)


@primitive("shape", plain_axes, x=lambda g, out, x, axes: transpose(g, inverse(axes)))
def transpose(x: Any, axes: Any = None) -> Any:
    """The axes of `x` in the order `axes`, by default reversed."""
    return np.transpose(x, axes)


@primitive("shape", plain_shape, x=lambda g, out, x, shape: g)
def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated to `shape` by NumPy's rules; its gradient is summed over the copies."""
    return np.broadcast_to(x, shape)


@primitive("shape", plain_axes, x=lambda g, out, x, axis: reshape(g, shape_of(x)))
def squeeze(x: Any, axis: Any = None) -> Any:
    """`x` without its axes of length 1, or without those in `axis`."""
    return np.squeeze(x, axis)


@primitive("shape", plain_axes, x=lambda g, out, x, axis: reshape(g, shape_of(x)))
def expand_dims(x: Any, axis: Any) -> Any:
    """`x` with new axes of length 1 at the places `axis` of the result."""
    return np.expand_dims(x, axis)


@primitive("shape", lambda values, axis=0: (tuple(values), axis), values=split_back)
def concatenate(values: Any, axis: int = 0) -> Any:
    """The arrays of a list, one after the other along an axis that exists."""
    return np.concatenate(values, axis)


@primitive("shape", lambda values, axis=0: (tuple(values), axis), values=unstack)
def stack(values: Any, axis: int = 0) -> Any:
    """The arrays or numbers of a list, side by side along a new axis.

    >>> from autograd import Value, stack
    >>> stack([Value(1.0), Value(2.0)]).data
    array([1., 2.])
    """
    return np.stack(values, axis)


__all__ = [name for name, item in list(globals().items()) if isinstance(item, Op)]

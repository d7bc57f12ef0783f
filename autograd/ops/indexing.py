"""Indexing, basic and advanced, and its inverses: scatter, and `x.at[i].set(u)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.op import Op, is_value, shape_of
from autograd.ops.forms import primitive


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


def indexed(x: Any, index: Any) -> tuple[Any, ...]:
    """The same arguments with a plain index; TypeError for a scalar."""
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
    return x, u, plain_index(index)


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
        index = plain_index(self.index)
        if not take_once(index) and not winners(shape_of(self.value), index).all():
            raise ValueError(".at[index].multiply(u) got an index that names a place twice: multiply once per place")
        return index_set(self.value, self.value[index] * u, index)


class AtIndexer:
    """What ``value.at`` gives, to be indexed."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getitem__(self, index: Any) -> At:
        return At(self.value, index)


__all__ = [name for name, item in list(globals().items()) if isinstance(item, Op)]

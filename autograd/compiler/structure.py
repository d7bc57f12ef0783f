"""Nested arguments and results as a flat list of leaves, and the form around them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.compiler.tracer import Tracer
from autograd.op import is_value


def flattened(item: Any, leaves: list[Any], fixed: list[Any]) -> Any:
    """Append the leaves of nested arguments to `leaves`, and return a key that is equal for arguments of one kind.

    Leaves are arrays, floats and Values. Ints, bools, text and all other objects belong to the key; those that are compared by
    identity are appended to `fixed`.
    """
    kind = type(item)
    if kind is np.ndarray:
        leaves.append(item)
        return item.shape, item.dtype
    if kind is float:
        leaves.append(item)
        return float
    if kind is tuple or kind is list:
        return kind, *[flattened(part, leaves, fixed) for part in item]
    if is_value(item):
        first = next((number for number, leaf in enumerate(leaves) if leaf is item), None)
        leaves.append(item)
        return kind, item.shape, item.dtype, item.requires_grad, item.op is None, first
    if kind is dict:
        return dict, *[(key, flattened(part, leaves, fixed)) for key, part in item.items()]
    if isinstance(item, np.generic):
        leaves.append(item)
        return kind
    if item is None or kind in (int, bool, str):
        return kind, item
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        return kind, *[flattened(part, leaves, fixed) for part in item]
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return kind, *[(f.name, flattened(getattr(item, f.name), leaves, fixed)) for f in dataclasses.fields(item)]
    fixed.append(item)
    return kind, id(item)


@dataclasses.dataclass(frozen=True)
class Leaf:
    """The place of leaf `number` in a form."""

    number: int


class Structure:
    """The leaves of nested arguments or results, and their form.

    Attributes:
        leaves, names: the leaves in order, and a name for each.
        form: the same nesting with a Leaf for each leaf.
    """

    def __init__(self, item: Any) -> None:
        self.leaves: list[Any] = []
        self.names: list[str] = []
        self.kinds: list[str] = []
        self.form = self.formed(item, "x")

    def formed(self, item: Any, name: str) -> Any:
        kind = item.__class__
        if type(item) is Tracer or isinstance(item, (np.ndarray, np.generic)) or kind is float or is_value(item):
            self.leaves.append(item)
            self.names.append(name)
            return Leaf(len(self.leaves) - 1)
        if kind is tuple or kind is list:
            return kind([self.formed(part, name) for part in item])
        if kind is dict:
            named = {key: key if isinstance(key, str) and key.isidentifier() else name for key in item}
            return {key: self.formed(part, named[key]) for key, part in item.items()}
        if isinstance(item, tuple) and hasattr(item, "_fields"):
            return kind(*[self.formed(part, field) for field, part in zip(item._fields, item, strict=True)])
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            fields = {f.name: self.formed(getattr(item, f.name), f.name) for f in dataclasses.fields(item)}
            return Record(item, fields)
        return item

    def rebuild(self, leaves: Sequence[Any]) -> Any:
        """Return the same nesting with other leaves."""
        return rebuilt(self.form, leaves)

    def forget(self) -> None:
        """Drop the leaves."""
        self.leaves = []


class Record:
    """The form of a dataclass."""

    def __init__(self, item: Any, fields: dict[str, Any]) -> None:
        self.item, self.fields = item, fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and type(self.item) is type(other.item) and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]


def rebuilt(form: Any, leaves: Sequence[Any]) -> Any:
    kind = form.__class__
    if kind is Leaf:
        return leaves[form.number]
    if kind is tuple or kind is list:
        return kind([rebuilt(part, leaves) for part in form])
    if kind is dict:
        return {key: rebuilt(part, leaves) for key, part in form.items()}
    if isinstance(form, tuple) and hasattr(form, "_fields"):
        return kind(*[rebuilt(part, leaves) for part in form])
    if kind is Record:
        twin = object.__new__(type(form.item))
        for name, item in vars(form.item).items():
            object.__setattr__(twin, name, item)
        for name, part in form.fields.items():
            object.__setattr__(twin, name, rebuilt(part, leaves))
        return twin
    return form

"""Nested arguments and results as a flat list of leaves, and the form around them."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.compiler.program import same
from autograd.compiler.tracer import Tracer
from autograd.op import is_value


def flattened(item: Any, leaves: list[Any], fixed: list[Any], seen: dict[int, int] | None = None) -> Any:
    """Append the leaves of nested arguments to `leaves`, and return a key that is equal for arguments of one kind.

    Leaves are arrays, floats and Values. Ints, bools, text and all other objects belong to the key; those that are compared by
    identity are appended to `fixed`. `seen` has the number of each Value so far, by its id.
    """
    seen = {} if seen is None else seen
    kind = type(item)
    if kind is np.ndarray:
        leaves.append(item)
        return item.shape, item.dtype, item.strides
    if kind is float:
        leaves.append(item)
        return float
    if kind is tuple or kind is list:
        return kind, *[flattened(part, leaves, fixed, seen) for part in item]
    if is_value(item):
        first = seen.setdefault(id(item), len(leaves))  # as an argument may occur twice
        leaves.append(item)
        strides = getattr(item._raw, "strides", None)
        return kind, item.shape, item.dtype, strides, item.requires_grad, item.op is None, first
    if kind is dict:
        return dict, *[(key, flattened(part, leaves, fixed, seen)) for key, part in item.items()]
    if isinstance(item, np.generic):
        leaves.append(item)
        return kind
    if item is None or kind in (int, bool, str):
        return kind, item
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        return kind, *[flattened(part, leaves, fixed, seen) for part in item]
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return kind, *[(f.name, flattened(getattr(item, f.name), leaves, fixed, seen)) for f in dataclasses.fields(item)]
    fixed.append(item)
    return kind, id(item)


@dataclasses.dataclass(frozen=True)
class Leaf:
    """The place of leaf `number` in a form."""

    number: int


@dataclasses.dataclass(frozen=True)
class Given:
    """The place, in a result, of a list, dict or dataclass that is an argument, by its number among those."""

    number: int


class Same:
    """The place, in a result, of a list, dict or dataclass that is there before the call: the object itself."""

    def __init__(self, item: Any) -> None:
        self.item = item


class Structure:
    """The leaves of nested arguments or results, and their form.

    Attributes:
        leaves, names: the leaves in order, and a name for each.
        form: the same nesting with a Leaf for each leaf.
        kinds, labels: what each result is, see kind_of(), and the labels of Values by their number.
        twins: the numbers of results that are the same Value as an earlier one, with the numbers of those.
        locked: the numbers of Values whose data cannot be written to, as it is a view of that of others.
        spent: the Values, or arguments, below results that have no gradient any more, as the function changed Values.
        containers: the lists, dicts and dataclasses in it, inner ones first.
        repeats: whether one of them is in it twice.

    Args:
        item: the arguments or the result.
        given: the lists, dicts and dataclasses that are arguments, by id, each with its number.
        outside: those that are there before the call, by id.
    """

    def __init__(self, item: Any, given: dict[int, int] | None = None, outside: dict[int, Any] | None = None) -> None:
        self.leaves: list[Any] = []
        self.names: list[str] = []
        self.kinds: list[str] = []
        self.labels: dict[int, str] = {}
        self.twins: dict[int, int] = {}
        self.locked: list[int] = []
        self.spent: list[Any] = []
        self.containers: list[Any] = []
        self.given, self.outside = given or {}, outside or {}
        self.seen: set[int] = set()
        self.repeats = self.gives = False
        self.form = self.formed(item, "x")

    def formed(self, item: Any, name: str) -> Any:
        kind = item.__class__
        if type(item) is Tracer or type(item) is np.ndarray or isinstance(item, np.generic) or kind is float or is_value(item):
            self.leaves.append(item)
            self.names.append(name)
            return Leaf(len(self.leaves) - 1)
        if kind is tuple:
            return tuple([self.formed(part, name) for part in item])
        if isinstance(item, tuple) and hasattr(item, "_fields"):
            return kind(*[self.formed(part, field) for field, part in zip(item._fields, item, strict=True)])
        if not is_container(item):
            return item
        if id(item) in self.given:
            self.gives = True
            return Given(self.given[id(item)])
        if id(item) in self.outside:
            return Same(item)
        if id(item) in self.seen:
            self.repeats = True
            return item
        self.seen.add(id(item))
        form: Any
        if kind is list:
            form = [self.formed(part, name) for part in item]
        elif kind is dict:
            named = {key: key if isinstance(key, str) and key.isidentifier() else name for key in item}
            form = {key: self.formed(part, named[key]) for key, part in item.items()}
        else:
            form = Record(item, {f.name: self.formed(getattr(item, f.name), f.name) for f in dataclasses.fields(item)})
        self.containers.append(item)
        return form

    def rebuild(self, leaves: Sequence[Any], made: list[Any] | None = None) -> Any:
        """Return the same nesting with other leaves; its new lists, dicts and dataclasses are appended to `made`."""
        return rebuilt(self.form, leaves, [] if made is None else made)

    def forget(self) -> None:
        """Drop the leaves."""
        self.leaves, self.containers = [], []
        self.outside = {}


class Record:
    """The form of a dataclass."""

    def __init__(self, item: Any, fields: dict[str, Any]) -> None:
        self.kind, self.fields = type(item), fields
        self.others = {name: part for name, part in getattr(item, "__dict__", {}).items() if name not in fields}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.kind is other.kind and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]


def is_container(item: Any) -> bool:
    """Whether an object is a list, a dict or a dataclass, whose leaves are those of the arguments or the result."""
    kind = item.__class__
    return kind is list or kind is dict or (hasattr(kind, "__dataclass_fields__") and not isinstance(item, type))


def rebuilt(form: Any, leaves: Sequence[Any], made: list[Any]) -> Any:
    kind = form.__class__
    if kind is Leaf:
        return leaves[form.number]
    if kind is tuple:
        return tuple([rebuilt(part, leaves, made) for part in form])
    if isinstance(form, tuple) and hasattr(form, "_fields"):
        return kind(*[rebuilt(part, leaves, made) for part in form])
    if kind is Same:
        return form.item
    new: Any
    if kind is list:
        new = [rebuilt(part, leaves, made) for part in form]
    elif kind is dict:
        new = {key: rebuilt(part, leaves, made) for key, part in form.items()}
    elif kind is Record:
        new = object.__new__(form.kind)
        for name, part in form.others.items():
            object.__setattr__(new, name, part)
        for name, part in form.fields.items():
            object.__setattr__(new, name, rebuilt(part, leaves, made))
    else:
        return form
    made.append(new)
    return new


def contents_of(item: Any) -> dict[Any, Any]:
    """Return what a list, dict or dataclass holds, by place, key or name."""
    kind = item.__class__
    if kind is list:
        return dict(enumerate(item))
    if kind is dict:
        return dict(item)
    return {**{f.name: getattr(item, f.name) for f in dataclasses.fields(item)}, **getattr(item, "__dict__", {})}


def is_changed(item: Any, before: dict[Any, Any]) -> bool:
    """Whether a list, dict or dataclass holds other things than before."""
    now = contents_of(item)
    return list(now) != list(before) or any(now[key] is not part for key, part in before.items())


def put(item: Any, contents: dict[Any, Any]) -> None:
    """Give a list, dict or dataclass other contents."""
    kind = item.__class__
    if kind is list:
        item[:] = contents.values()
    elif kind is dict:
        item.clear()
        item.update(contents)
    else:
        for name, part in contents.items():
            if getattr(item, name, item) is not part:
                object.__setattr__(item, name, part)


def settled(item: Any, swaps: dict[int, Any], done: dict[int, Any] | None = None) -> Any:
    """Return nested results with data in place of tracers, also in lists, dicts and dataclasses, which stay the same objects.

    Those with an id in `swaps` are replaced by others.
    """
    done = {} if done is None else done
    kind = type(item)
    if kind is Tracer:
        return item._plain
    if kind is tuple or (isinstance(item, tuple) and hasattr(item, "_fields")):
        parts = [settled(part, swaps, done) for part in item]
        if all(map(operator.is_, parts, item)):
            return item
        return tuple(parts) if kind is tuple else kind(*parts)
    if not is_container(item):
        return item
    if id(item) in swaps:
        return swaps[id(item)]
    if id(item) not in done:
        done[id(item)] = item
        before = contents_of(item)
        now = {key: settled(part, swaps, done) for key, part in before.items()}
        if any(now[key] is not part for key, part in before.items()):
            put(item, now)
    return item


def completed(item: Any, given: Sequence[Any]) -> Any:
    """Return nested results with the lists, dicts and dataclasses that are arguments in their places."""
    kind = type(item)
    if kind is Given:
        return given[item.number]
    if kind is tuple:
        return tuple([completed(part, given) for part in item])
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        return kind(*[completed(part, given) for part in item])
    if is_container(item) and not any(item is part for part in given):
        put(item, {key: completed(part, given) for key, part in contents_of(item).items()})
    return item


def forms_alike(a: Any, b: Any) -> bool:
    """Whether the forms of two results are alike: the same nesting, and the same objects or equal ones that cannot change."""
    kind = type(a)
    if a is b:
        return True
    if kind is not type(b):
        return False
    if kind is Leaf or kind is Given:
        return bool(a == b)
    if kind is Same:
        return a.item is b.item
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(forms_alike, a, b))
    if kind is dict:
        return list(a) == list(b) and all(map(forms_alike, a.values(), b.values()))
    if kind is Record:
        return a.kind is b.kind and forms_alike(a.fields, b.fields) and forms_alike(a.others, b.others)
    if kind is slice:
        return bool(a == b)
    return getattr(kind, "__hash__", None) is not None and same(a, b)

"""Trees: numbers, arrays and Values, nested in dicts, lists, tuples and dataclasses, and the parameters of modules.

A module is any object with named_parameters(). A transform leaves it as it is and treats it as the dict of its parameters.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np

from autograd.op import is_value

Mapped = Callable[[Any, str], Any]


def is_leaf(item: Any) -> bool:
    """Whether an item is a number, bool, array or Value."""
    return item.__class__ is float or isinstance(item, (np.ndarray, np.generic, int)) or is_value(item) or isinstance(item, Real)


def is_module(item: Any) -> bool:
    return hasattr(item, "named_parameters") and not isinstance(item, type)


def is_dataclass(item: Any) -> bool:
    return dataclasses.is_dataclass(item) and not isinstance(item, type)


def parameters_of(module: Any) -> list[tuple[str, Any]]:
    """Return the parameters of a module that are not frozen, as pairs (name, Value)."""
    return [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]


@contextmanager
def state_kept(module: Any) -> Iterator[None]:
    """Restore the buffers and random generators of a module after the block. Other objects are ignored."""
    buffers = {name: array.copy() for name, array in getattr(module, "named_buffers", dict)()} if is_module(module) else {}
    generators = [item for _, item in getattr(module, "named_generators", dict)()] if is_module(module) else []
    states = [generator.bit_generator.state for generator in generators]
    try:
        yield
    finally:
        for name, array in module.named_buffers() if buffers else ():
            if name in buffers and array.flags.writeable:
                array[...] = buffers[name]
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def map_tree(
    function: Mapped, tree: Any, path: str = "", other: Mapped | None = None, module: Mapped | None = None, remake: bool = False
) -> Any:
    """Return a tree of the same structure with ``function(leaf, path)`` in place of each number, bool, array and Value.

    Args:
        other: called as ``other(item, path)`` with everything that is neither a leaf, a container nor None; by default
            such items are kept.
        module: called as ``module(item, path)`` with each module; by default a module becomes the dict of its parameters
            that are not frozen.
        remake: whether to create dataclasses by their __init__, which derives their other fields again. Otherwise, copies
            get mapped fields: those that their __init__ takes, or all if `module` is given.
    """

    def inside(item: Any, step: str) -> Any:
        return map_tree(function, item, path + step, other, module, remake)

    if is_leaf(tree):
        return function(tree, path)
    if tree is None:
        return None
    if isinstance(tree, dict):
        made = copy.copy(tree)
        for key, item in tree.items():
            made[key] = inside(item, f"[{key!r}]")
        return made
    if isinstance(tree, (list, tuple)):
        items = [inside(item, f"[{i}]") for i, item in enumerate(tree)]
        if isinstance(tree, tuple):
            return tree._make(items) if hasattr(tree, "_make") else tuple.__new__(type(tree), items)
        made_list = copy.copy(tree)
        made_list[:] = items
        return made_list
    if is_module(tree):
        return module(tree, path) if module else {name: function(p, f"{path}.{name}") for name, p in parameters_of(tree)}
    if is_dataclass(tree):
        fields = {name: inside(item, f".{name}") for name, item in fields_of(tree, module is not None and not remake)}
        if remake:
            return remade(tree, fields, path)
        twin = copy.copy(tree)
        for name, item in fields.items():
            object.__setattr__(twin, name, item)  # also if the dataclass is frozen
        return twin
    return other(tree, path) if other else tree


def keep(item: Any, path: str) -> Any:
    """Return the item unchanged; an argument `other` or `module` of map_tree()."""
    return item


def fields_of(tree: Any, every: bool = False) -> list[tuple[str, Any]]:
    """Return the fields of a dataclass that its __init__ takes, or `every` field, as pairs (name, content)."""
    return [(field.name, getattr(tree, field.name)) for field in dataclasses.fields(tree) if field.init or every]


def remade(tree: Any, fields: dict[str, Any], path: str) -> Any:
    """Create a dataclass by its __init__ from other fields, so that it derives its remaining fields again."""
    name = type(tree).__name__
    try:
        twin = dataclasses.replace(tree, **fields)
    except ValueError as error:  # an InitVar, whose value is no longer known
        raise TypeError(
            f"{path} is a {name}, which cannot be created again ({error}): pass its fields, or create it in the function"
        ) from None
    for key, item in fields.items():
        if getattr(twin, key) is not item:
            raise TypeError(
                f"{path} is a {name}, whose __init__ changes its field {key!r} and would change it twice: pass its fields, "
                "or create it in the function"
            )
    for key, item in fields_of(tree, every=True):
        if key not in fields and not is_value(getattr(twin, key)):  # state that does not depend on the mapped fields
            object.__setattr__(twin, key, item)
    return twin


class Tree:
    """The leaves of a tree in order, and its structure, which do not follow later changes of the tree."""

    def __init__(self, tree: Any) -> None:
        self.leaves: list[Any] = []
        self.numbered: Any = 0
        if is_leaf(tree):
            self.leaves.append(tree)
            return

        def number(leaf: Any, path: str) -> int:
            self.leaves.append(leaf)
            return len(self.leaves) - 1

        self.numbered = map_tree(number, tree)

    def rebuild(self, leaves: Sequence[Any]) -> Any:
        """Return the same structure with other leaves."""
        if self.numbered.__class__ is int:
            return leaves[self.numbered]
        return map_tree(lambda number, path: leaves[number], self.numbered)

    def match(self, given: Any, what: str) -> list[Any]:
        """Return the leaves of another tree in the order of this one; raise ValueError if its structure differs."""
        leaves: list[Any] = [None] * len(self.leaves)
        for number, leaf in pairs(self.numbered, given, what):
            leaves[number] = leaf
        return leaves


def pairs(numbered: Any, given: Any, path: str) -> Iterator[tuple[int, Any]]:
    """Yield pairs (number, leaf) of two trees of one structure, by keys and positions."""

    def mismatch(expected: str) -> ValueError:
        got = f"the keys {list(given)}" if isinstance(given, dict) else f"a {type(given).__name__}"
        got += f" of {len(given)}" if isinstance(given, (list, tuple)) else ""
        return ValueError(f"{path} has the wrong structure: expected {expected}, got {got}")

    if is_leaf(numbered):
        if not is_leaf(given):
            raise mismatch("a number or an array (np.array makes one of a list)")
        yield numbered, given
    elif isinstance(numbered, dict):
        if not isinstance(given, dict) or given.keys() != numbered.keys():
            raise mismatch(f"a dict with the keys {list(numbered)}")
        for key, item in numbered.items():
            yield from pairs(item, given[key], f"{path}[{key!r}]")
    elif isinstance(numbered, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(numbered):
            raise mismatch(f"a {type(numbered).__name__} of {len(numbered)}")
        for i, item in enumerate(numbered):
            yield from pairs(item, given[i], f"{path}[{i}]")
    elif is_dataclass(numbered):
        if type(given) is not type(numbered):
            raise mismatch(f"a {type(numbered).__name__}")
        for name, item in fields_of(numbered):
            yield from pairs(item, getattr(given, name), f"{path}.{name}")

"""Nested arguments: numbers, arrays and Values in dicts, lists, tuples and dataclasses, and the parameters of modules.

A module is anything with named_parameters(): it stays as it is, and stands for the dict of its parameters.
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
    """True for numbers, bools, arrays and Values."""
    return is_value(item) or isinstance(item, (np.ndarray, np.generic, Real))


def is_module(item: Any) -> bool:
    return hasattr(item, "named_parameters") and not isinstance(item, type)


def is_dataclass(item: Any) -> bool:
    return dataclasses.is_dataclass(item) and not isinstance(item, type)


def parameters_of(module: Any) -> list[tuple[str, Any]]:
    """(name, Value) of the parameters of a module that are not frozen."""
    return [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]


@contextmanager
def state_kept(module: Any) -> Iterator[None]:
    """Restore the buffers and random generators of a module after the block. Does nothing for anything but a module."""
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
    """The same nesting with ``function(leaf, path)`` in place of each number, bool, array and Value.

    None stays None. A module becomes the dict of its parameters that are not frozen, or goes to `module`. Whatever is no
    nesting goes to `other`, or stays. Of a dataclass the fields that its __init__ takes are mapped in a copy; with
    `module` all fields, as then nothing is left out; with `remake` it is made anew by its __init__, and so is what that derives.
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
            object.__setattr__(twin, name, item)  # also of a frozen one
        return twin
    return other(tree, path) if other else tree


def fields_of(tree: Any, every: bool = False) -> list[tuple[str, Any]]:
    """(name, content) of the fields of a dataclass that its __init__ takes, or of all."""
    return [(field.name, getattr(tree, field.name)) for field in dataclasses.fields(tree) if field.init or every]


def remade(tree: Any, fields: dict[str, Any], path: str) -> Any:
    """A dataclass made by its __init__ from other fields, so that what it derives from them is derived again."""
    name = type(tree).__name__
    try:
        twin = dataclasses.replace(tree, **fields)
    except ValueError as error:  # an InitVar, whose value is not known any more
        raise TypeError(
            f"{path} is a {name}, which cannot be made anew ({error}): pass its fields, or make it in the function"
        ) from None
    for key, item in fields.items():
        if getattr(twin, key) is not item:
            raise TypeError(
                f"{path} is a {name}, whose __init__ changes its field {key!r}, which would happen twice: pass its fields, "
                "or make it in the function"
            )
    for key, item in fields_of(tree, every=True):
        if key not in fields and not is_value(getattr(twin, key)):  # state of its own, not derived from what is mapped
            object.__setattr__(twin, key, item)
    return twin


class Tree:
    """The structure of a nesting, as it was when this was made: its leaves in order, and where they belong."""

    def __init__(self, tree: Any) -> None:
        self.leaves: list[Any] = []

        def number(leaf: Any, path: str) -> int:
            self.leaves.append(leaf)
            return len(self.leaves) - 1

        self.numbered = map_tree(number, tree)

    def rebuild(self, leaves: Sequence[Any]) -> Any:
        """The nesting with other leaves."""
        return map_tree(lambda number, path: leaves[number], self.numbered)

    def match(self, given: Any, what: str) -> list[Any]:
        """The leaves of another nesting of the same structure, in this one's order; ValueError where it is another."""
        leaves: list[Any] = [None] * len(self.leaves)
        for number, leaf in pairs(self.numbered, given, what):
            leaves[number] = leaf
        return leaves


def pairs(numbered: Any, given: Any, path: str) -> Iterator[tuple[int, Any]]:
    """(number, leaf) where two nestings correspond, by keys and positions."""

    def mismatch(expected: str) -> ValueError:
        came = f"the keys {list(given)}" if isinstance(given, dict) else f"a {type(given).__name__}"
        came += f" of {len(given)}" if isinstance(given, (list, tuple)) else ""
        return ValueError(f"{path} needs the nesting of what it belongs to: {expected} was expected, but {came} came")

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

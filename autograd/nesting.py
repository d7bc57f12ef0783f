"""Nested arguments: numbers, arrays and Values in dicts, lists, tuples and dataclasses, and the parameters of modules.

A module is anything with named_parameters(): it stays as it is, and stands for the dict of its parameters.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from autograd.op import is_value

Mapped = Callable[[Any, str], Any]


def mapped(function: Mapped, tree: Any, path: str = "", other: Mapped | None = None, module: Mapped | None = None) -> Any:
    """The same nesting with ``function(leaf, path)`` in place of each number, array and Value.

    None stays None. A module becomes the dict of its parameters that are not frozen, or goes to `module`; bools
    and whatever else go to `other`, and stay as they are without one.
    """

    def inside(item: Any, step: str) -> Any:
        return mapped(function, item, path + step, other, module)

    if is_value(tree) or isinstance(tree, (np.ndarray, np.generic, Real)) and not isinstance(tree, (bool, np.bool_)):
        return function(tree, path)
    if tree is None:
        return None
    if isinstance(tree, dict):
        made = copy.copy(tree)
        made.update({key: inside(item, f"[{key!r}]") for key, item in tree.items()})
        return made
    if isinstance(tree, (list, tuple)):
        items = [inside(item, f"[{i}]") for i, item in enumerate(tree)]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if is_module(tree):
        return module(tree, path) if module else {name: function(p, f"{path}.{name}") for name, p in parameters_of(tree)}
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        twin: Any = copy.copy(tree)
        for field in dataclasses.fields(tree):
            object.__setattr__(twin, field.name, inside(getattr(tree, field.name), f".{field.name}"))  # also of a frozen one
        return twin
    return other(tree, path) if other else tree


def is_module(item: Any) -> bool:
    return hasattr(item, "named_parameters") and not isinstance(item, type)


def parameters_of(module: Any) -> list[tuple[str, Any]]:
    """(name, Value) of the parameters of a module that are not frozen."""
    return [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]


def leaves_of(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """All numbers, bools, arrays and Values of a nesting in order, and a function that puts others in their places."""
    found: list[Any] = []

    def collect(leaf: Any, path: str) -> Any:
        found.append(leaf)

    def replace(function: Mapped) -> Any:
        return mapped(function, tree, "", lambda item, path: function(item, path) if isinstance(item, (bool, np.bool_)) else item)

    def rebuild(leaves: list[Any]) -> Any:
        following = iter(leaves)
        return replace(lambda leaf, path: next(following))

    replace(collect)
    return found, rebuild

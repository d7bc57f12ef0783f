"""Raise an error for parameters of a model that would silently not be trained: in functions, objects and _attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

from autograd import Value
from nn.module import FOUND, UNORDERED, Module, entries, is_container, is_parameter, join_path, layer_name, walk
from nn.training.optimisers import Optimizer

DEEP = 4  # objects within objects


def require_all_trained(model: Module, optimizer: Optimizer) -> None:
    """Raise ValueError for parameters that are neither found in the model nor held by the optimiser."""
    held = {id(parameter) for parameter in [*optimizer.parameters, *model.parameters()]}
    for path, name, parameter in used_by_functions(model):
        if parameter.requires_grad and id(parameter) not in held:
            raise ValueError(
                f"the function {path} of the model uses {name}, whose parameters are not found in the model and would not be "
                "trained: hold it in an attribute of the model, or freeze() it"
            )
    for path, item in not_searched(model):
        leaves = item.parameters() if isinstance(item, Module) else [item] if is_parameter(item) else []
        if any(parameter.requires_grad and id(parameter) not in held for parameter in leaves):
            if isinstance(item, Module):
                what, fix = f"{layer_name(item)}, whose parameters are", "freeze() it"
            else:
                what = f"Value of the shape {item.shape}, which is"
                fix = "make it Value(..., requires_grad=False) if it is no parameter"
            raise ValueError(
                f"{path} of the model holds a {what} not found in the model and would not be trained: hold it in an attribute "
                f"of a module, without an underscore in front, or {fix}"
            )


def used_by_functions(model: Module) -> Iterator[tuple[str, str, Value]]:
    """Yield (path of a function, name in it, parameter) for parameters that functions in a model use from elsewhere."""
    for path, function in model._named(lambda item: isinstance(item, (FunctionType, MethodType))):
        known: dict[str, Any] = {}
        if isinstance(function, MethodType):
            known, function = {"self": function.__self__}, function.__func__
        if isinstance(function, FunctionType):
            code, defaults = function.__code__, function.__defaults__ or ()
            known |= {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
            known |= dict(zip(code.co_freevars, map(content_of, function.__closure__ or ()), strict=True))
            known |= dict(zip(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True))
            known |= function.__kwdefaults__ or {}
        for name, item in walk({name: item for name, item in known.items() if not isinstance(item, UNORDERED)}):
            found = item.parameters() if isinstance(item, Module) else [item] if is_parameter(item) else []
            yield from ((path, name, parameter) for parameter in found)


def not_searched(model: Module) -> Iterator[tuple[str, Module | Value]]:
    """Yield (path, item) for modules and Values in attributes with an underscore and in objects that walk() does not search."""
    seen: set[tuple[int, bool]] = set()
    for path, module in model.named_modules():
        kept = [vars(kind) for kind in type(module).__mro__ if kind not in Module.__mro__]  # attributes of the class
        for items in (vars(module), *kept):
            yield from not_searched_in(items, path, False, DEEP, seen)


def not_searched_in(
    items: Any, prefix: str, hidden: bool, depth: int, seen: set[tuple[int, bool]]
) -> Iterator[tuple[str, Module | Value]]:
    """Yield the items of not_searched() in one container; `hidden` if walk() does not search it."""
    for key, item in items.items() if isinstance(items, Mapping) else entries(items):
        path, out = join_path(prefix, key), hidden or str(key).startswith("_")
        if isinstance(item, (Module, Value)):
            if out:
                yield path, item
        elif is_container(item):
            if (id(item), out) not in seen:
                seen.add((id(item), out))
                yield from not_searched_in(item, path, out, depth, seen)
        elif isinstance(item, (set, frozenset)):
            yield from ((path, each) for each in item if isinstance(each, (Module, Value)))
        elif depth and hasattr(item, "__dict__") and not isinstance(item, (*FOUND, type, ModuleType)):
            yield from not_searched_in(vars(item), path, True, depth - 1, seen)


def content_of(cell: Any) -> Any:
    """Return the content of a cell of a closure, or None if it was deleted."""
    try:
        return cell.cell_contents
    except ValueError:
        return None

"""Module: something that holds parameters. A parameter is a leaf Value in an attribute, however nested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from autograd import Value, scope


class Module:
    """The base of every layer and network: subclass it, make Values in __init__, compute in forward().

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.height = Value(2.0), Value(1.0)
    ...
    ...     def forward(self, x):
    ...         return self.slope * x + self.height
    >>> line = Line()
    >>> line(3.0).data
    7.0
    >>> [name for name, _ in line.named_parameters()]
    ['slope', 'height']
    """

    training: bool = True

    def __call__(self, *args: Any, **named: Any) -> Any:
        return scope.call(self, self.forward, *args, **named)

    def forward(self, *args: Any, **named: Any) -> Any:
        """What the module computes; defined by subclasses, called by calling the module."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(): define what it computes there")

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(attribute path, module) for each module held directly, also in lists, tuples and dicts."""
        return ((path, item) for path, item in walk(vars(self)) if isinstance(item, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """(attribute path, module) for this module, whose path is "", and every module below, once each."""
        return self._named_modules(prefix, set())

    def _named_modules(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
        if id(self) not in seen:
            seen.add(id(self))
            yield prefix, self
            for path, child in self.named_children():
                yield from child._named_modules(f"{prefix}.{path}" if prefix else path, seen)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """(attribute path, leaf) for each parameter, once each, in the order of the attributes."""
        return self._named_parameters("", set())

    def _named_parameters(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Value]]:
        seen.add(id(self))
        for path, item in walk(vars(self), prefix):
            if id(item) in seen:
                continue
            if isinstance(item, Module):
                yield from item._named_parameters(path, seen)
            elif item.op is None:
                seen.add(id(item))
                yield path, item

    def parameters(self) -> list[Value]:
        """All parameters, in the order of named_parameters()."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode: bool = True) -> Self:
        """Set the training mode of this module and all below; layers like dropout read it."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Leave the training mode: the same as train(False)."""
        return self.train(False)

    def name_within(self, outer: Any) -> str:
        """The attribute path of this module inside the module `outer`, or else its class."""
        for path, module in outer.named_modules() if isinstance(outer, Module) else ():
            if module is self and path:
                return path
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the brackets in the repr: sizes, settings."""
        return ""

    def __repr__(self) -> str:
        rows = list(self._rows("", ""))
        width = max(len(text) for text, _ in rows)
        lines = [f"{text:<{width}}  {count:>9,}" if count else text for text, count in rows]
        return "\n".join([f"{lines[0]} parameters" if rows[0][1] else lines[0], *lines[1:]])

    def _rows(self, indent: str, name: str) -> Iterator[tuple[str, int]]:
        count = sum(parameter.size for parameter in self.parameters())
        yield f"{indent}{name}{type(self).__name__}({self.extra_repr()})", count
        for path, child in self._shown_children():
            yield from child._rows(indent + "  ", f"{path}: ")

    def _shown_children(self) -> Iterator[tuple[str, Module]]:
        return self.named_children()


def walk(items: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, Module or Value) for everything in nested dicts, lists and tuples."""
    pairs = items.items() if isinstance(items, dict) else enumerate(items)
    for key, item in pairs:
        path = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(item, (Module, Value)):
            yield path, item
        elif isinstance(item, (dict, list, tuple)):
            yield from walk(item, path)

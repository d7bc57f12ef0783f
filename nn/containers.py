"""Modules that hold modules: chains, lists, dicts, and residual connections around a block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from nn.arrays import floating
from nn.module import Module, layer_name


class Sequential(Module):
    """Calls modules, or functions of Values, one after the other; parameters are named by position, ``0.weight``.

    With one dict, ``Sequential({"body": body, "head": head})``, layers are named by its keys and are attributes, such as
    ``model.head``. A layer that is added later is named by its position; the others keep their names. (PyTorch renumbers all
    layers when one is removed.)

    >>> from nn import Linear, ReLU
    >>> model = Sequential(Linear(784, 16, rng=0), ReLU(), Linear(16, 10, rng=1))
    >>> model(np.zeros((5, 784))).shape
    (5, 10)
    >>> [name for name, _ in model.named_parameters()]
    ['0.weight', '0.bias', '2.weight', '2.bias']

    Raises:
        TypeError: for anything but modules and functions, such as a class without its parentheses.
        ValueError: for a name with a dot, or one that is taken.
    """

    _names: list[str | None]  # of the layers; None for a layer named by its position

    def __init__(self, *layers: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any]]) -> None:
        named = dict(layers[0]) if len(layers) == 1 and isinstance(layers[0], Mapping) else None
        found: Iterable[Any] = layers if named is None else named.values()
        self.layers = [callable_layer(layer) for layer in found]
        self._names = [None] * len(self.layers) if named is None else [self._checked_name(name) for name in named]

    def _checked_name(self, name: Any) -> str:
        if hasattr(type(self), str(name)) or name == "layers":
            raise ValueError(f"a layer cannot have the name {name!r}, which is an attribute of {type(self).__name__}")
        return checked_name(name, "Sequential")

    def _labels(self) -> list[str | None]:
        """Return the names, one for each layer, also after `layers` was changed directly."""
        names = self.__dict__.setdefault("_names", [])
        del names[len(self.layers) :]
        names.extend([None] * (len(self.layers) - len(names)))
        return names

    def _by_name(self) -> dict[str, Any]:
        """Return the layers by name."""
        paths = [str(position) if name is None else name for position, name in enumerate(self._labels())]
        if len(set(paths)) < len(paths):
            raise ValueError(
                f"two layers of this {type(self).__name__} would have the same name, in {', '.join(paths)}: rename one"
            )
        return dict(zip(paths, self.layers, strict=True))

    def _held(self) -> dict[str, Any]:
        return {name: item for name, item in vars(self).items() if name != "layers"} | self._by_name()

    def _shown_children(self) -> Iterator[tuple[str, Any]]:
        return iter((self._by_name() | dict(self.named_children())).items())

    def __getattr__(self, name: str) -> Any:
        names = self.__dict__.get("_names", ())
        if name in names:
            return self.layers[names.index(name)]
        if hasattr(type(self), name):  # a property raised AttributeError: raise that error
            return object.__getattribute__(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, item: Any) -> None:
        names = self.__dict__.get("_names", ())
        if name in names:
            self[names.index(name)] = item
        else:
            super().__setattr__(name, item)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            try:
                x = layer(x)
            except (TypeError, ValueError) as error:
                if isinstance(x, tuple):
                    error.add_note(
                        f"{layer_name(layer)} was given a tuple of {len(x)}, as attention and recurrent layers return: "
                        "put a function between, such as lambda x: x[0]"
                    )
                raise
        return x

    def append(self, layer: Callable[[Any], Any]) -> Self:
        """Add a module or a function at the end."""
        self.insert(len(self.layers), layer)
        return self

    def extend(self, layers: Iterable[Callable[[Any], Any]]) -> Self:
        """Add modules or functions at the end."""
        for layer in list(layers):
            self.append(layer)
        return self

    def __iadd__(self, layers: Iterable[Callable[[Any], Any]]) -> Self:
        return self.extend(layers)

    def insert(self, index: int, layer: Callable[[Any], Any]) -> Self:
        """Add a module or a function before the one with this index, or at the end."""
        if not -len(self.layers) <= index <= len(self.layers):
            raise IndexError(f"{type(self).__name__} has {len(self.layers)} layers, got the index {index}")
        layer, names = callable_layer(layer), self._labels()
        self.layers.insert(index, layer)
        names.insert(index, None)
        return self

    def pop(self, index: int = -1) -> Callable[[Any], Any]:
        """Remove a layer, by default the last one, and return it."""
        layer = self.layers[index]
        del self[index]
        return layer

    def __setitem__(self, index: int, layer: Callable[[Any], Any]) -> None:
        self.layers[index] = callable_layer(layer)

    def __delitem__(self, index: int | slice) -> None:
        del self._labels()[index], self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int | slice) -> Any:
        if not isinstance(index, slice):
            return self.layers[index]
        part = Sequential(*self.layers[index])
        part._names = self._labels()[index]
        return part

    def __iter__(self) -> Iterator[Callable[[Any], Any]]:
        return iter(self.layers)


class ModuleList(Module):
    """Holds a list of modules, which the model calls itself; a plain list in an attribute works as well.

    >>> from nn import Linear
    >>> blocks = ModuleList(Linear(4, 4, rng=seed) for seed in range(3))
    >>> len(blocks), [name for name, _ in blocks.named_parameters()][-1]
    (3, '2.bias')
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self._items: list[Module] = []
        self.extend(modules)

    def _held(self) -> dict[str, Any]:
        return vars(self) | by_position(self._items)

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self._items.append(checked_module(module, "ModuleList"))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one with this index."""
        self._items.insert(index, checked_module(module, "ModuleList"))

    def pop(self, index: int = -1) -> Module:
        """Remove a module, by default the last one, and return it."""
        return self._items.pop(index)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int | slice) -> Any:
        return ModuleList(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __setitem__(self, index: int, module: Module) -> None:
        self._items[index] = checked_module(module, "ModuleList")

    def __delitem__(self, index: int | slice) -> None:
        del self._items[index]

    def __iter__(self) -> Iterator[Module]:
        return iter(self._items)


class ModuleDict(Module):
    """Holds modules by name; a plain dict in an attribute works as well.

    >>> from nn import ReLU, Tanh
    >>> choices = ModuleDict({"relu": ReLU(), "tanh": Tanh()})
    >>> choices["relu"](-1.0), list(choices)
    (0.0, ['relu', 'tanh'])
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        self._items: dict[str, Module] = {}
        self.update(modules or ())

    def _held(self) -> dict[str, Any]:
        return vars(self) | self._items

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules from a dict or pairs (name, module), in place of those with the same names."""
        for name, module in dict(modules).items():
            self[name] = module

    def pop(self, name: str) -> Module:
        """Remove a module and return it."""
        return self._items.pop(name)

    def clear(self) -> None:
        """Remove all modules."""
        self._items.clear()

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._items.keys()

    def values(self) -> Iterable[Module]:
        """Return the modules."""
        return self._items.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Return pairs (name, module)."""
        return self._items.items()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __getitem__(self, name: str) -> Module:
        return self._items[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self._items[checked_name(name, "ModuleDict")] = checked_module(module, "ModuleDict")

    def __delitem__(self, name: str) -> None:
        del self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)


class Residual(Module):
    """Computes ``x + block(x)``, or ``shortcut(x) + block(x)`` where the block changes the shape.

    He et al. 2016, "Deep residual learning for image recognition", equations 1 and 2.

    Args:
        block: a module or function.
        shortcut: maps `x` to the shape of the block's output; by default `x` itself is added.

    Raises:
        ValueError: if the two shapes differ, which would broadcast.

    >>> from nn import Linear
    >>> Residual(Linear(4, 4, rng=0))([1.0, 2.0, 3.0, 4.0]).shape
    (4,)
    """

    def __init__(self, block: Callable[[Any], Any], shortcut: Callable[[Any], Any] | None = None) -> None:
        self.block = callable_layer(block, "Residual(block, shortcut)")
        self.shortcut = None if shortcut is None else callable_layer(shortcut, "Residual(block, shortcut)")

    def forward(self, x: Any) -> Any:
        out = self.block(x)
        if isinstance(out, tuple):
            raise TypeError(
                f"Residual adds x to one result, but {layer_name(self.block)} returned a tuple of {len(out)}: select one, "
                "Sequential(block, lambda x: x[0])"
            )
        around = x if self.shortcut is None else self.shortcut(x)
        shapes = np.shape(around), np.shape(out)
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"Residual adds x of shape {shapes[0]} to block(x) of shape {shapes[1]}: pass a shortcut= that maps x to "
                "that shape, such as a Linear layer or a convolution with kernel 1"
            )
        return floating(out, self) + around  # two arrays of uint8 would wrap


def callable_layer(layer: Any, who: str = "Sequential(*layers)") -> Callable[[Any], Any]:
    """Return `layer`; raise TypeError if it cannot be called, or is a class."""
    if isinstance(layer, type):
        raise TypeError(f"{who} takes modules or functions, got the class {layer.__name__}: write {layer.__name__}()")
    if not callable(layer):
        fix = ": unpack a list with *" * isinstance(layer, Iterable)
        raise TypeError(f"{who} takes modules or functions, got {layer!r:.80}{fix}")
    return layer


def checked_name(name: Any, who: str) -> str:
    """Return `name`; raise ValueError if it cannot be a step in the path of a parameter."""
    if not isinstance(name, str) or not name or "." in name or name.startswith("_"):
        raise ValueError(f"a {who} takes names without dots that do not begin with an underscore, got {name!r}")
    return name


def by_position(items: Iterable[Any]) -> dict[str, Any]:
    """Return the items by their positions as text."""
    return {str(position): item for position, item in enumerate(items)}


def checked_module(module: Any, who: str) -> Module:
    """Return `module`; raise TypeError unless it is one."""
    if isinstance(module, type):
        raise TypeError(f"a {who} holds modules, got the class {module.__name__}: write {module.__name__}()")
    if not isinstance(module, Module):
        raise TypeError(f"a {who} holds modules, got {module!r}: make it a subclass of Module, or use a plain list or dict")
    return module

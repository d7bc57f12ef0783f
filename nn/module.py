"""Module: the base class of layers and networks, which finds parameters by the names of attributes.

A parameter is a leaf Value in an attribute, at any depth of modules, lists, tuples, deques, dicts, dataclasses, namespaces,
arrays of objects, partial functions and compiled modules. Sets of parameters, which have no order, and generators raise an error.
Other objects and the closures of functions are not searched. A buffer is an array in an attribute: state that is saved but not
trained, such as running statistics. Attributes that begin with an underscore are not searched. Keep results of forward() in such
attributes: a Value that is detached or computed under no_grad() is a leaf, and would be a parameter. fit() raises an error if
modules or leaves that require a gradient are in such attributes, or in objects that are not searched.
"""

from __future__ import annotations

import os
from collections import UserList, deque
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from dataclasses import fields, is_dataclass
from functools import partial
from itertools import chain
from types import FunctionType, GeneratorType, MethodType, SimpleNamespace
from typing import Any, Self

import numpy as np

from autograd import Value, scope
from autograd.compiler import Compiled

WRAPPERS = {"module.": "DataParallel", "_orig_mod.": "torch.compile()"}  # prefixes that PyTorch puts before every name


class Module:
    """The base class of layers and networks: create Values in __init__(), compute with them in forward().

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

    Attributes that begin with an underscore hold no parameters: they are neither trained nor saved. fit() refuses modules and
    leaf Values in them, and in plain objects, unless they are frozen or in the optimiser.

    Raises:
        TypeError: if a parameter is replaced by something else, as in ``line.slope = line.slope * 0.5``, which would end its
            training: set its numbers instead, ``line.slope.data *= 0.5``.
    """

    training: bool = True
    newer_buffers: tuple[str, ...] = ()  # names of buffers that may be missing in states of older versions
    skips_initialise: tuple[str, ...] = ()  # names of parameters that nn.init.initialise() does not set

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        for name, item in vars(cls).items():
            if isinstance(item, (Module, Value, list, tuple, dict)) and any(
                map(has_parameters, dict(walk({name: item})).values())
            ):
                raise TypeError(
                    f"{name} of the class {cls.__name__} holds parameters, which all instances would share and which would not "
                    f"be trained, because only attributes of instances are: set self.{name} in __init__()"
                )

    def __setattr__(self, name: str, item: Any) -> None:
        held = self.__dict__.get(name)
        if held.__class__ is Value and is_parameter(held) and not (item is None or is_parameter(item) or name[0] == "_"):
            given = "a computed Value" if isinstance(item, Value) else type(item).__name__
            raise TypeError(
                f"{type(self).__name__}.{name} is a parameter, got {given}, which would not be trained: set its numbers with "
                f".{name}.data = array, assign a new leaf Value(array), or del it first; name it _{name} if it is no parameter"
            )
        object.__setattr__(self, name, item)

    def __call__(self, *args: Any, **named: Any) -> Any:
        return scope.call(self, self.forward, *args, **named)

    def forward(self, *args: Any, **named: Any) -> Any:
        """Compute the output; subclasses define it, and calling the module calls it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(): define what it computes there")

    # --- parameters, buffers, modules --------------------------------------------------------------

    def _held(self) -> dict[str, Any]:
        """Return the objects to search for parameters, buffers and modules, by name; a container names its items."""
        return vars(self)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield (attribute path, module) for each module held directly, also in lists, dicts and other containers."""
        return ((path, item) for path, item in walk(self._held()) if isinstance(item, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield (attribute path, module) for this module, whose path is "", and every module below, once each."""
        return self._named_modules(prefix, set())

    def _named_modules(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
        if id(self) not in seen:
            seen.add(id(self))
            yield prefix, self
            for path, child in self.named_children():
                yield from child._named_modules(join_path(prefix, path), seen)

    def _named(self, wanted: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
        """Yield (attribute path, item) for each item that is `wanted` in this module and those below, once each."""
        return self._named_items(wanted, "", set())

    def _named_items(self, wanted: Callable[[Any], bool], prefix: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
        seen.add(id(self))
        for path, item in walk(self._held(), prefix):
            if id(item) in seen:
                continue
            if isinstance(item, Module):
                yield from item._named_items(wanted, path, seen)
            elif wanted(item):
                seen.add(id(item))
                yield path, item

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield (attribute path, leaf) for each parameter, once each, in the order of the attributes."""
        return self._named(is_parameter)

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield (attribute path, array) for each buffer, an array of real numbers or bools, once each."""
        return self._named(is_buffer)

    def _all_names(self, prefix: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
        """Yield (attribute path, item) for each parameter and buffer under every one of its names; tied ones have several."""
        for path, item in walk(self._held(), prefix):
            if not isinstance(item, Module):
                if is_parameter(item) or is_buffer(item):
                    yield path, item
            elif id(item) not in (*above, id(self)):
                yield from item._all_names(path, (*above, id(self)))

    def named_generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """Yield (attribute path, generator) for each generator of random numbers, such as that of a Dropout, once each."""
        return self._named(lambda item: isinstance(item, np.random.Generator))

    def parameters(self) -> list[Value]:
        """Return all parameters, in the order of named_parameters()."""
        return [parameter for _, parameter in self.named_parameters()]

    def modules(self) -> list[Module]:
        """Return this module and every module below, once each."""
        return [module for _, module in self.named_modules()]

    # --- training ------------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradient of every parameter to zero; `set_to_none` is accepted as in PyTorch and has no effect."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode: bool = True) -> Self:
        """Set the training mode, which layers like Dropout read, of this module and all below."""
        if not isinstance(mode, (bool, np.bool_)):
            raise TypeError(f"train() takes True or False, got {mode!r}: call eval() to leave the training mode")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Leave the training mode: the same as train(False)."""
        return self.train(False)

    def freeze(self) -> Self:
        """Exclude every parameter from differentiation and training, until unfreeze().

        >>> from nn import Linear, Sequential
        >>> model = Sequential(Linear(3, 4), Linear(4, 2))
        >>> _ = model[0].freeze()
        >>> [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        ['1.weight', '1.bias']
        """
        for parameter in self.parameters():
            parameter.requires_grad = False
        return self

    def unfreeze(self) -> Self:
        """Undo freeze()."""
        for parameter in self.parameters():
            parameter.requires_grad = True
        return self

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call the function with every module below and then with this one, for example to initialise them."""
        for module in reversed(self.modules()):
            function(module)
        return self

    # --- state ---------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of all parameters and buffers by their paths; a scalar becomes an array without axes.

        Raises:
            ValueError: if two of them have the same path.

        >>> from nn import Linear
        >>> {name: array.shape for name, array in Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        return {path: np.array(item.data if isinstance(item, Value) else item) for path, item in self._by_path().items()}

    def _by_path(self) -> dict[str, Any]:
        """Return parameters and buffers by their paths; raise ValueError if two have the same path."""
        items: dict[str, Any] = {}
        for path, item in (*self.named_parameters(), *self.named_buffers()):
            if path in items:
                raise ValueError(
                    f"{type(self).__name__} has two parameters or buffers with the path {path}, as under the keys 1 and '1' of a "
                    "dict: rename one, or a state would hold only one of them"
                )
            items[path] = item
        return items

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> list[str]:
        """Set parameters and buffers from a state_dict(); everything is checked before anything is changed.

        Args:
            state: arrays by path, in the shapes of the parameters and buffers; they are cast to their dtypes. A tied parameter,
                held in two places, may be under each of its names, as PyTorch saves it, or under one.
            strict: whether the names must be exactly those of this module. Otherwise matching names are set. The
                num_batches_tracked of a BatchNorm, which old states lack, may always be missing; it then stays as it is.

        Returns:
            The names that were missing or unexpected: none if strict.

        Raises:
            ValueError: for a missing or unexpected name, another shape, fractions for a buffer of integers, different numbers
                for the names of a tied parameter, or a read-only buffer; the error names it.
            TypeError: for numbers that are not real, and for anything but a mapping.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict() takes arrays by name, as state_dict() gives them, got {state!r:.80}")
        places, state = self._by_path(), untied(self, state)
        arrays = {name: np.asarray(item) for name, item in state.items() if name in places}
        newer = {join_path(path, name) for path, module in self.named_modules() for name in module.newer_buffers}
        missing = [name for name in places if name not in arrays and name not in newer]
        unexpected = [name for name in state if name not in places]
        shapes = [
            f"{name} has the shape {np.shape(places[name])}, got {array.shape}"
            for name, array in arrays.items()
            if array.shape != np.shape(places[name])
        ]
        problems = shapes
        if strict:
            problems = [f"missing: {', '.join(missing)}"] * bool(missing) + shapes
            problems += [f"unexpected: {', '.join(map(str, unexpected))}"] * bool(unexpected)
        if problems:
            fix = "build the model with the sizes it was saved with" + ("" if not strict else ", or pass strict=False for names")
            if unexpected and (start := surplus(state, places)):
                whose = f" of {WRAPPERS[start]}" if start in WRAPPERS else ""
                fix = f"remove the prefix {start!r}{whose}, {{name.removeprefix({start!r}): ... for name in state}}"
            raise ValueError(f"the state does not fit {type(self).__name__}: {'; '.join(problems)}. Fix: {fix}; nothing was set")
        for name, array in arrays.items():
            if array.dtype.kind not in "biuf":
                raise TypeError(f"{name} takes real numbers, got the dtype {array.dtype}; nothing was set")
        arrays = {name: fitted(name, array, places[name]) for name, array in arrays.items()}
        for name, array in arrays.items():
            if isinstance(places[name], Value):
                places[name].data = array if array.ndim else float(array)
            else:
                places[name][...] = array
        for path, module in self.named_modules():
            module._loaded({name for name in module.newer_buffers if join_path(path, name) not in arrays})
        return [*missing, *unexpected]

    def _loaded(self, absent: set[str]) -> None:
        """Handle the `newer_buffers` that the loaded state lacks."""

    # --- display -------------------------------------------------------------------------------------

    def name_within(self, outer: Any) -> str:
        """Return the attribute path of this module inside the module `outer`, or else the name of its class."""
        for path, module in outer.named_modules() if isinstance(outer, Module) else ():
            if module is self and path:
                return path
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return the text between the parentheses of the repr: sizes and settings."""
        return ""

    def _title(self) -> str:
        """Return the class with its settings, for the repr and for errors: ``Linear(3, 2)``."""
        return f"{type(self).__name__}({self.extra_repr()})"

    def __repr__(self) -> str:
        rows = list(self._rows("", ""))
        width = max(len(text) for text, _ in rows)
        lines = [f"{text:<{width}}  {count:>9,}" if count else text for text, count in rows]
        return "\n".join([f"{lines[0]} parameters" if rows[0][1] else lines[0], *lines[1:]])

    def _rows(self, indent: str, name: str, above: tuple[int, ...] = ()) -> Iterator[tuple[str, int]]:
        parameters = self.parameters()
        frozen = " frozen" if parameters and not any(parameter.requires_grad for parameter in parameters) else ""
        yield f"{indent}{name}{self._title()}{frozen}", sum(parameter.size for parameter in parameters)
        for path, child in self._shown_children():
            if not isinstance(child, Module):
                yield f"{indent}  {path}: {layer_name(child)}", 0
            elif id(child) not in (*above, id(self)):  # a child may know its parent
                yield from child._rows(indent + "  ", f"{path}: ", (*above, id(self)))

    def _shown_children(self) -> Iterator[tuple[str, Any]]:
        """Yield (path, module or function) for each row of the repr below the first."""
        return self.named_children()


def is_parameter(item: Any) -> bool:
    """Return whether an item is a parameter: a leaf Value."""
    return isinstance(item, Value) and item.op is None


def is_buffer(item: Any) -> bool:
    """Return whether an item is a buffer: an array of real numbers or bools."""
    return isinstance(item, np.ndarray) and item.dtype.kind in "biuf"


def has_parameters(item: Any) -> bool:
    """Return whether an item is a parameter, or a module with one."""
    return is_parameter(item) or isinstance(item, Module) and bool(item.parameters())


def surplus(state: Iterable[Any], places: Iterable[str]) -> str | None:
    """Return the prefix that all names in a state have and those of the model lack, or None."""
    common, wanted = os.path.commonprefix(list(map(str, state))), set(places)
    starts = [common[: place + 1] for place, letter in enumerate(common) if letter == "."]
    return next((start for start in starts if any(str(name).removeprefix(start) in wanted for name in state)), None)


def layer_name(layer: Any) -> str:
    """Return the name of a module's class, or of a function."""
    return type(layer).__name__ if isinstance(layer, Module) else getattr(layer, "__name__", repr(layer))


def tied_names(model: Module) -> dict[str, str]:
    """Return the first name, which state_dict() uses, by each further name of a tied parameter or buffer.

    >>> from nn import Embedding, Linear, Sequential
    >>> model = Sequential(Embedding(5, 3), Linear(3, 5))
    >>> model[1].weight = model[0].weight
    >>> tied_names(model)
    {'1.weight': '0.weight'}
    """
    first: dict[int, str] = {}
    return {path: name for path, item in model._all_names() if (name := first.setdefault(id(item), path)) != path}


def untied(model: Module, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state with the first names of tied parameters only; raise ValueError if their names have different numbers."""
    state = dict(state)
    for other, name in tied_names(model).items():
        if other in state:
            item = state.pop(other)
            if not np.array_equal(item, state.setdefault(name, item), equal_nan=True):
                raise ValueError(
                    f"{other} and {name} are one parameter or buffer of this {type(model).__name__}, but the state has different "
                    "numbers for them: build the model without tying them, or remove one from the state; nothing was set"
                )
    return state


def join_path(prefix: str, key: Any) -> str:
    """Return a path one step longer."""
    return f"{prefix}.{key}" if prefix else str(key)


def fitted(name: str, array: np.ndarray, place: Value | np.ndarray) -> np.ndarray:
    """Return a copy of an array in the dtype of its parameter or buffer; raise ValueError if that dtype cannot hold it."""
    if isinstance(place, np.ndarray) and not place.flags.writeable:
        raise ValueError(f"{name} is a read-only array, into which no state can be loaded: copy it; nothing was set")
    with np.errstate(invalid="ignore"):  # nan as an integer, found below
        own = array.astype(place.dtype)
    if own.dtype.kind in "biu" and not np.array_equal(own, array):
        raise ValueError(f"{name} has the dtype {own.dtype}, which cannot hold {array}; nothing was set")
    return own


def walk(items: Any, prefix: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield (path, item) for modules, Values, arrays, generators of random numbers and functions in nested containers."""
    above = (*above, id(items))
    for key, item in entries(items):
        if item.__class__ in PLAIN or str(key).startswith("_"):
            continue
        path = join_path(prefix, key)
        if item.__class__ is Compiled:
            item = item.function
        if isinstance(item, FOUND) and not is_of_objects(item):
            yield path, item
        elif isinstance(item, UNORDERED):
            refuse_unordered(item, path)
        elif id(item) not in above and is_container(item):
            yield from walk(item, path, above)


PLAIN = {type(None), bool, int, float, str}  # the commonest settings of layers, which need no further look
FOUND = (Module, Value, np.ndarray, np.random.Generator, FunctionType, MethodType)
ORDERED = (list, tuple, deque, UserList, ItemsView, KeysView, ValuesView)
UNORDERED: tuple[type, ...] = (
    set, frozenset, GeneratorType, map, filter, zip, enumerate, chain, type(iter([])), type(iter(())), type(reversed([]))
)  # fmt: skip


def is_of_objects(item: Any) -> bool:
    """Return whether an item is an array of objects."""
    return isinstance(item, np.ndarray) and item.dtype.kind == "O"


def is_container(item: Any) -> bool:
    """Return whether walk() searches an item."""
    if isinstance(item, (dict, *ORDERED, Mapping, SimpleNamespace, partial)) or is_of_objects(item):
        return True
    return is_dataclass(item) and not isinstance(item, type)


def entries(items: Any) -> Iterable[tuple[Any, Any]]:
    """Yield (key, item) for the items of a container."""
    if isinstance(items, Mapping):
        if keys := [key for key in items if isinstance(key, Module)]:
            raise TypeError(f"a dict has {layer_name(keys[0])} as a key, where parameters are not found: make it a value")
        return items.items()
    if isinstance(items, ORDERED):
        return enumerate(items)
    if isinstance(items, np.ndarray):
        return enumerate(items.flat)
    if isinstance(items, partial):
        return {"func": items.func, "args": items.args, "keywords": items.keywords}.items()
    return vars(items).items() if hasattr(items, "__dict__") else [(f.name, getattr(items, f.name)) for f in fields(items)]


def refuse_unordered(items: Any, path: str) -> None:
    """Raise TypeError for parameters in something that has no order, or that can be iterated only once."""
    if not isinstance(items, (set, frozenset)):
        raise TypeError(f"{path} is a {type(items).__name__}, which can be iterated only once: make it a list, list(...)")
    if any(isinstance(item, Module) or is_parameter(item) for item in items):
        raise TypeError(
            f"{path} is a {type(items).__name__} with modules or parameters, whose order and names would change from run to "
            "run: make it a list"
        )

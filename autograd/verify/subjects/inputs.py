"""The numbers and arrays in nested inputs and results, with their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np

from autograd.op import is_value
from autograd.ops.inputs import real_array, short
from autograd.transforms.call import signature_of
from autograd.transforms.trees import map_tree
from autograd.verify.subjects.foreign import is_foreign, numpy_of


def named_inputs(f: Callable[..., Any], inputs: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield (name, input) with the names of the function's parameters, where they are known."""
    parameters = [item for item in signature_of(f) if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    for number, item in enumerate(inputs):
        yield parameters[number].name if number < len(parameters) else f"input {number}", item


def takes(function: Callable[..., Any], count: int) -> bool:
    """Return whether a function takes this number of positional arguments; True where that is unknown."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a function written in C, whose signature is not known
        return True
    return True


def one_of(arguments: Sequence[Any]) -> Any:
    """Return a single argument, or a tuple of several."""
    return arguments[0] if len(arguments) == 1 else tuple(arguments)


def as_array(item: Any, name: str) -> Any:
    """Return a list or tuple of numbers, nested or not, as one array; anything else unchanged."""
    if isinstance(item, (list, tuple)) and item and type(item) in (list, tuple) and all_numbers(item):
        return np.asarray(real_array(item, f"the input {name!r}"), dtype=float)
    return item


def all_numbers(item: Any) -> bool:
    if isinstance(item, (list, tuple)):
        return bool(item) and all(map(all_numbers, item))
    return isinstance(item, Real) and not isinstance(item, (bool, np.bool_))


def is_constant(item: Any) -> bool:
    """Return True for bools, which are not differentiated."""
    return isinstance(item, (bool, np.bool_)) or getattr(item, "dtype", None) == np.dtype(bool)


def own_floats(item: Any, name: str) -> Any:
    """Return a number as a float, an array as a new array of floats; both keep a lower precision."""
    number = isinstance(item, Real) and not isinstance(item, (int, float, np.generic))  # such as a Fraction
    array = real_array(float(item) if number else item, f"the input {name!r}")
    if array.ndim:
        return np.array(array, dtype=array.dtype.newbyteorder("=") if array.dtype.kind == "f" else float)
    return array[()] if array.dtype.kind == "f" and array.dtype != np.float64 else float(array)


def refuse_or_keep(item: Any, path: str) -> Any:
    """Keep a setting inside of a nesting; raise TypeError for an input that is only a setting, and for complex numbers."""
    if path.isidentifier() or path.startswith("input ") or isinstance(item, complex):
        raise TypeError(
            f"the input {path!r} is {short(item)}, a {type(item).__name__}: inputs are numbers, arrays, leaf Values, modules, "
            "and dicts, lists, tuples and dataclasses of them; close over anything else"
        )
    return item


def named_results(out: Any) -> list[tuple[str, Any]]:
    """Return the numbers, arrays and Values in a result, with their paths."""
    found: list[tuple[str, Any]] = []

    def leaf(item: Any, path: str) -> Any:
        found.append((path, item))
        return item

    def other(item: Any, path: str) -> Any:
        if is_foreign(item):
            return leaf(numpy_of(item), path)
        raise TypeError(
            f"the function returned {short(item)}, a {type(item).__name__}: results are numbers, arrays, and dicts, lists, "
            "tuples and dataclasses of them"
        )

    if isinstance(out, (complex, np.complexfloating)):
        return [("", out)]
    map_tree(leaf, out, "", other)
    return found


def number_or_array(item: Any) -> Any:
    """Return a result or a gradient as a number or an array of NumPy's: of a Value its data, of a list an array."""
    item = item.data if is_value(item) else numpy_of(item)
    if isinstance(item, (float, int, complex, np.generic, np.ndarray)):
        return item
    try:
        return np.asarray(item)
    except ValueError:
        raise ValueError(
            f"the gradient is {short(item)}, a nested list that is not rectangular: return an array of the shape of the result "
            "and then that of the input"
        ) from None


def refuse_complex(named: Sequence[tuple[str, Any]]) -> None:
    """Raise ValueError for a result that is complex, and TypeError if there is none."""
    if not named:
        raise TypeError("the function returned nothing: return a number or an array")
    for _, item in named:
        if np.asarray(item).dtype.kind == "c":
            raise ValueError(f"the function returned a complex number, {short(item)}: return a real one; take .real, or abs()")

"""Convert the arguments of an operation: plain data to floats and arrays, and a list of Values to one Value."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from autograd.op import DOUBLE, SINGLE, Op, as_float, floating, is_value
from autograd.ops.inputs import holds_value, is_foreign, real_array, short
from autograd.ops.shapes import array


def constant(other: Any, data: Any = None) -> Any:
    """The other operand of an operator as a float or an array, a list of Values as one Value, or NotImplemented.

    NotImplemented is for objects that are not data, and for arrays of other packages, whose operator Python then calls.
    Integers and bools take the dtype of `data` if it is smaller than float64, which NumPy would give them.
    """
    if other.__class__ is float:
        return other
    if isinstance(other, (int, float, np.floating, np.integer, np.bool_)):
        return as_float(other)
    if other.__class__ is np.ndarray and other.dtype.kind == "f" and other.ndim:  # the most common case, without further checks
        return other
    if holds_value(other):
        return array(other)  # joined, so that no gradient is lost
    return NotImplemented if is_foreign(other) else converted(other, data)


def converted(other: Any, data: Any = None) -> Any:
    """Data of any kind as a float or an array; NotImplemented for other objects."""
    if isinstance(other, Real):  # a fraction
        return float(other)
    if isinstance(other, (np.ndarray, np.generic, list, tuple, complex, str, bytes)) or hasattr(other, "__array__"):
        array = real_array(other, "an operation with a Value")
        if array.dtype.kind != "f" and data.__class__ is np.ndarray and data.dtype is not DOUBLE:
            array = array.astype(data.dtype)
        return array if array.ndim else array.astype(float).item()
    return NotImplemented


def operands(op: Op, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of an op with plain data as floats and arrays.

    Raises:
        TypeError: for objects that are not data, and for a Value where the op has no derivative.
    """
    if op.settings:
        op.refuse_values(args)
    for position, _ in op.rules:
        item = args[position]
        if item.__class__ is np.ndarray:
            if (item.dtype is not DOUBLE and item.dtype is not SINGLE) or not item.ndim:
                break
        elif item.__class__ is not float and item is not None and not hasattr(item.__class__, "_record"):
            break
    else:
        return args  # the usual classes: nothing to convert
    found = list(args)
    floats = True
    for position, _ in op.rules:
        if is_value(args[position]):
            continue
        item = found[position] = operand(args[position], op)
        if item.__class__ is np.ndarray:
            floats = floats and (item.dtype is DOUBLE or item.dtype.kind == "f")
        elif item.__class__ is tuple:
            for part in item:
                floats = floats and (part.__class__ is not np.ndarray or part.dtype.kind == "f")
    return tuple(found) if floats or op.kind == "custom" else op.replaced(args, floating(op.inputs(tuple(found))))


def operand(item: Any, op: Op) -> Any:
    """An argument of an op as a float or an array, or a Value as it is."""
    if item.__class__ is float or item is None or is_value(item):
        return item
    if item.__class__ is tuple and (op.prepare is not None or op.kind == "custom") and holds_value(item):
        return tuple([operand(part, op) for part in item])  # several inputs in one argument
    plain = constant(item)
    if plain is NotImplemented and (plain := converted(item)) is NotImplemented:
        raise TypeError(f"{op.name}() takes Values, real numbers and arrays, but got {short(item)}")
    return plain

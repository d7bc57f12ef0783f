"""Checks of plain data on its way into the graph, and errors that say what to write."""

from __future__ import annotations

import math
import re
import zlib
from typing import Any

import numpy as np

from autograd.op import Op, is_value, raw, shape_of, value_in

DTYPE_NAMES = {"c": "complex numbers", "O": "an object array", "U": "a string", "S": "bytes", "M": "dates", "m": "time spans"}
SHAPES = " Fix: shapes must be equal or broadcast from the last axis on; add axes with reshape() or expand_dims()."
EXCHANGE = " Fix: transpose() takes all axes in their new order; swapaxes(i, j) exchanges two."
PRODUCT = " Fix: the last axis on the left must be as long as the second last on the right, or as a vector; .T transposes."
#: Words of NumPy's errors about shapes, and of those that mention shapes but are about something else.
OF_SHAPES = re.compile("shape|broadcast|dimension|size|length|axes don't match|aligned|mismatch|subscripts.* for operand", re.I)
OF_SETTINGS = re.compile("negative|unknown dimension|argument must be|not supported", re.I)
#: NumPy's errors that list the shapes, which our message names already, and the shorter text.
SHORTER = (
    (re.compile(r"^\w+: Input operand \d+ .*signature \S+ \((size .*)\)$"), r"\1"),
    (re.compile(r"^(operands could not be broadcast together) with shapes [(), \d]*$"), r"\1"),
)
FIXES = {"matmul": PRODUCT, "linear": PRODUCT, "transpose": EXCHANGE}


def real_array(data: Any, who: str) -> np.ndarray:
    """`data` as an array of bools, integers or floats; `who` names the caller in errors.

    Raises:
        TypeError: for complex numbers, strings, object arrays, masked arrays and lists of Values.
        ValueError: for lists that are not rectangular.
    """
    if holds_value(data):
        raise TypeError(
            f"{who} got a list or an array of objects that holds Values: join them with stack() or concatenate(), "
            "which keep their graph"
        )
    if isinstance(data, np.matrix):
        raise TypeError(f"{who} got a np.matrix, whose products differ from those of arrays: use np.asarray(data)")
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(f"{who} got a masked array, whose mask would be lost: use .filled(...) and where(...)")
    try:
        array = np.asarray(data) if not hasattr(type(data), "__pandas_priority__") else table_array(data, who)
    except ValueError as error:
        raise ValueError(f"{who} got a nested list that is not rectangular: {error}") from None
    if array.dtype.kind in "biuf":
        return array
    got = DTYPE_NAMES.get(array.dtype.kind, f"the dtype {array.dtype}")
    fix = "take .real and .imag apart" if array.dtype.kind == "c" else "convert it first, as with np.asarray(data, dtype=float)"
    raise TypeError(f"{who} takes real numbers and arrays of them, but got {got}: {short(data)}; {fix}")


def table_array(table: Any, who: str) -> np.ndarray:
    """The numbers of a pandas table, in a dtype for all its columns. (NumPy gives an object array if they differ.)

    Raises:
        TypeError: for missing values, and for columns of anything but numbers and bools.
    """
    array = np.asarray(table)
    if array.dtype != object:
        return array
    single = not hasattr(table, "columns")
    columns = [("", table.dtype)] if single else list(zip(table.columns, table.dtypes, strict=True))
    for name, dtype in columns:
        if dtype.kind not in "biuf":
            part = f"the {type(table).__name__}" if single else f"the column {name!r} of the table"
            leave = "" if single else ", or leave it out, as by .select_dtypes(['number', 'bool'])"
            fix = f"convert it, as by .astype(float){leave}"
            raise TypeError(f"{who} takes real numbers, but {part} has the dtype {dtype}: {fix}")
    if np.any(np.asarray(table.isna())):
        raise TypeError(f"{who} takes real numbers, but the table has missing values: drop the rows or fill them in")
    kinds = [np.dtype(getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype))) for _, dtype in columns]
    return np.asarray(table.to_numpy(dtype=np.result_type(*kinds)))


def holds_value(data: Any) -> bool:
    """Whether a list, a tuple or an array of objects contains a Value, at any depth."""
    if isinstance(data, np.ndarray):
        return data.dtype == object and value_in(data.tolist()) is not None
    return isinstance(data, (list, tuple)) and value_in(data) is not None


def is_foreign(other: Any) -> bool:
    """Whether `other` is an array of another package that computes NumPy's operations itself, such as xarray, but not pandas."""
    theirs = getattr(type(other), "__array_ufunc__", np.ndarray.__array_ufunc__)
    ours = theirs is np.ndarray.__array_ufunc__ or other.__class__ is np.ndarray or is_value(other)
    return not ours and not plain_table(other)


def plain_table(other: Any) -> bool:
    """Whether `other` is a pandas table or a NumPy scalar, which are data although their types define operators."""
    return hasattr(type(other), "__pandas_priority__") or isinstance(other, np.generic)


def leaf_data(data: Any) -> Any:
    """A float, or a new floating array, for a leaf."""
    if is_value(data):
        raise TypeError("Value(...) got a Value: use it as it is, or v.detach() for a copy without its graph")
    array = real_array(data, "Value(...)")
    array = np.array(array, dtype=None if array.dtype.kind == "f" else float)
    return array if array.ndim else array.astype(float).item()


def matching(given: Any, data: Any, what: str) -> Any:
    """A copy of `given` with the dtype and shape of `data`; a number is repeated."""
    if given.__class__ is np.ndarray and given.shape == np.shape(data) and given.dtype.kind == "f":
        return given.astype(data.dtype) if given.ndim else given.astype(float).item()
    new = leaf_data(raw(given))
    if np.shape(new) not in ((), np.shape(data)) and not (data.__class__ is float and new.size == 1):
        raise ValueError(
            f"setting .{what} needs the shape {np.shape(data)}, but got {np.shape(new)}: reshape it, or create a new Value"
        )
    if data.__class__ is float:
        return np.squeeze(new).astype(float).item()
    return np.array(np.broadcast_to(new, data.shape), data.dtype)


def seed_of(root: Any, seed: Any) -> Any:
    """The first cotangent of a pass, 1.0 for a scalar; ValueError if its shape is not that of the output."""
    if seed is None and root.shape:
        raise ValueError(
            f"a tensor of shape {root.shape} has no single gradient: reduce it first, value.sum().backward(), "
            "or pass a cotangent of that shape as seed, value.backward(seed)"
        )
    seed = 1.0 if seed is None else seed if is_value(seed) else real_array(seed, "a seed").astype(root.dtype)
    if shape_of(seed) != root.shape:
        raise ValueError(
            f"the seed is the cotangent of the output and has its shape {root.shape}, but got {shape_of(seed)}: "
            "use np.broadcast_to(seed, value.shape) for one cotangent for all elements"
        )
    return seed if root.shape or seed.__class__ is float or is_value(seed) else seed.item()


def is_finite(x: Any) -> bool:
    """Whether all numbers are finite; also False if the sum of their squares overflows, which only costs time."""
    return math.isfinite(x if x.__class__ is float else sum_of_squares(x))  # in one pass


def sum_of_squares(x: Any) -> Any:
    """The sum of the squares of all numbers of an array."""
    x = x if x.flags.c_contiguous else x.ravel("K")  # np.vdot() would copy what is in another order
    return np.vdot(x, x)


def has_nan(x: Any) -> bool:
    """Whether there is a nan in plain data, or in that of a Value."""
    return isinstance(raw(x), (float, np.ndarray)) and bool(np.isnan(raw(x)).any())


def require_values(*items: Any) -> None:
    """Raise TypeError unless all arguments of gradient() are Values."""
    for item in items:
        if not is_value(item):
            raise TypeError(f"gradient(output, targets) takes Values, but got {type(item).__name__}: use Value(data)")


def short(data: Any) -> str:
    """Plain data as a short text."""
    with np.printoptions(threshold=40, edgeitems=3):
        text = repr(data)
    return text if len(text) < 400 else text[:400] + "..."


def explained(op: Op, data: tuple[Any, ...], error: Exception) -> Exception:
    """An error of NumPy with the name of the op, its inputs and, for wrong shapes, the fix. Errors of the op are kept."""
    text = str(error).strip(" .")
    if type(error) not in (ValueError, TypeError) or text.startswith(f"{op.name}()"):
        return error
    if type(error) is TypeError or not OF_SHAPES.search(text) or OF_SETTINGS.search(text):
        plain = [(op.names[place], data[place]) for place in op.settings if place < len(data)]
        given = ", ".join(f"{name}={short(item)}" for name, item in plain if not isinstance(item, np.ndarray))
        return type(error)(f"{op.name}({given}): {text}" if len(given) < 100 else f"{op.name}(): {text}")
    inputs = [data[position] for position, _ in op.rules if data[position] is not None]
    inputs = list(inputs[0]) if inputs and inputs[0].__class__ is tuple else inputs
    shapes = ", ".join(str(np.shape(item)) for item in inputs)
    for long, brief in SHORTER:
        text = long.sub(brief, text)
    return type(error)(
        f"{op.name}() cannot take the shape{'s' * (len(inputs) != 1)} {shapes}: {text}."
        + (SHAPES if op.kind == "elementwise" else FIXES.get(op.name, ""))
    )


def own_copy(data: Any) -> Any:
    """A copy of plain data."""
    return np.array(data) if data.__class__ is np.ndarray else data


def zeros_like(data: Any) -> Any:
    """Zeros in the shape and dtype of plain data; 0.0 for a float."""
    return 0.0 if data.__class__ is float else np.zeros_like(data)


def checksum(array: np.ndarray) -> int:
    """A number that changes with the contents of an array."""
    return zlib.crc32(np.ascontiguousarray(array).data)


def labelled(value: Any) -> str:
    """A Value in a message: its label and shape, if it has any."""
    name = f"the Value {value.label!r}" if value.label else "a Value"
    return name + (f" of shape {value.shape}" if value.shape else "")


def describe(value: Any) -> str:
    """A Value in a message: its label, shape, op and place, if known."""
    op = f" computed by {value.op.name}" if value.op is not None and value.op.name != "positive" else ""
    return labelled(value) + op + (f" ({value.place})" if value.place is not None and str(value.place) else "")

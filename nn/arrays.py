"""Convert and check arguments: arrays and Values, dtypes of parameters, whole numbers, flags."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Value, array

Rng = np.random.Generator | int | None  # what np.random.default_rng() takes: a generator, a seed, or None for a new one


def as_array(x: Any) -> Any:
    """Return `x`; a list or an array of objects becomes an array, or one Value if it holds Values, which keep their gradients.

    Raises:
        TypeError: for a masked array, whose mask would be lost.
    """
    if x.__class__ is Value or x.__class__ is np.ndarray and x.dtype.kind in "fiu":
        return x
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            "got a masked array, whose mask would be lost: use .filled(...), and leave masked elements out by weights "
            "or ignore_index"
        )
    return array(x) if isinstance(x, list) or isinstance(x, np.ndarray) and x.dtype == object else x


def as_tensor(x: Any) -> Any:
    """Return as_array(x), with numbers as arrays without axes."""
    x = as_array(x)
    return x if isinstance(x, Value) else np.asarray(x)


def raw_array(x: Any) -> np.ndarray:
    """Return the data of as_array(x) as an array."""
    x = as_array(x)
    return np.asarray(x.data if isinstance(x, Value) else x)


def whole_number(what: str, given: Any, least: int, why: str = "") -> int:
    """Return `given` as an int; raise TypeError unless it is an integer and no bool, ValueError if it is less than `least`."""
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, np.integer)):
        raise TypeError(f"{what} must be a whole number, got {shown(given)}" + f": {why}" * bool(why))
    if given < least:
        raise ValueError(f"{what} must be at least {least}, got {given}" + f": {why}" * bool(why))
    return int(given)


def flag(what: str, given: Any) -> bool:
    """Return `given` as a bool; raise TypeError for anything else, such as the text "False"."""
    if not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{what} must be True or False, got {shown(given)}")
    return bool(given)


def positive_integer(what: str, number: Any) -> int:
    """Return `number`; raise ValueError unless it is a positive integer."""
    if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
        raise ValueError(f"{what} must be a positive integer, got {number!r}")
    return number


def no_tuple(x: Any, who: Any) -> Any:
    """Return as_array(x); raise TypeError for a tuple of tensors, as recurrent layers and attention return.

    The error names `who`: a module, by its class, or a text.
    """
    if x.__class__ is Value:
        return x
    if isinstance(x, tuple) and any(isinstance(item, Value) and item.shape for item in x):
        raise TypeError(
            f"{who if isinstance(who, str) else type(who).__name__} takes one Value or array, got a tuple of {len(x)}, as "
            "recurrent layers and attention return: out, state = lstm(x), then pass out"
        )
    return as_array(list(x) if isinstance(x, tuple) else x)


def shape_of(x: Any, layer: Any) -> tuple[int, ...]:
    """Return the shape of the input of a layer; see no_tuple()."""
    x = no_tuple(x, layer)
    return x.shape if x.__class__ is Value or x.__class__ is np.ndarray else np.shape(x)


def floating(x: Any, who: Any, like: Any = None) -> Any:
    """Return the input of a layer with integers and bools as floats of the dtype of `like`, a parameter; None is float64.

    Integers would wrap in sums and products of their own dtype, as uint8 does at 256. Layers that only move numbers, or use
    them as indices, do not call this.
    """
    x = no_tuple(x, who)
    dtype = getattr(x, "dtype", None)
    if dtype is None or dtype.kind == "f":
        return x
    return np.asarray(x).astype(np.float64 if like is None else like.dtype) if dtype.kind in "biu" else x


def shown(x: Any) -> str:
    """Return a short text of an argument for an error message; for a model, the name of its class."""
    return f"a {type(x).__name__}" if hasattr(x, "state_dict") else f"{x!r:.80}"


def require_float(dtype: Any) -> None:
    """Raise TypeError unless `dtype` is floating: integers would round small parameters to zero."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"parameters must be floating, got dtype={np.dtype(dtype)}: use np.float64 or np.float32")


def type_text(item: Any) -> str:
    """Return the type of an argument for an error message; a class is named as one."""
    return f"the class {item.__name__}" if isinstance(item, type) else type(item).__name__

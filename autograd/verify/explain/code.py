"""Write inputs as Python code, to run after ``import numpy as np``."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.op import is_value
from autograd.transforms.trees import fields_of, is_dataclass, is_module, parameters_of

#: Arrays of more than WRITTEN elements are written by those that are not zero, if there are at most NONZERO.
WRITTEN, NONZERO = 100, 20


def code_of(item: Any) -> str:
    """Return the code of nested numbers and arrays; for a module, of a dict of its parameters, for load_state_dict().

    >>> code_of((0.5, {"w": np.zeros(3)}, np.array([[1.0, -2.5]], dtype=np.float32)))
    "(0.5, {'w': np.zeros(3)}, np.array([[1.0, -2.5]], dtype=np.float32))"
    """
    if is_value(item):
        return code_of(item.data)
    if isinstance(item, np.ndarray):
        return array_code(item)
    if isinstance(item, np.generic) and item.dtype.kind in "biuf":
        return number_code(item) if item.dtype in (np.float64, np.bool_) else f"np.{item.dtype.name}({number_code(item)})"
    if isinstance(item, (bool, float)):
        return number_code(np.asarray(item)[()])
    if isinstance(item, dict):
        return f"{{{', '.join(f'{key!r}: {code_of(inside)}' for key, inside in item.items())}}}"
    if isinstance(item, (list, tuple)):
        inside = ", ".join(map(code_of, item))
        if isinstance(item, list):
            return f"[{inside}]"
        return f"{type(item).__name__}({inside})" if hasattr(item, "_fields") else f"({inside}{',' * (len(item) == 1)})"
    if is_module(item):
        return code_of(dict(parameters_of(item)))
    if is_dataclass(item):
        return f"{type(item).__name__}({', '.join(f'{name}={code_of(inside)}' for name, inside in fields_of(item))})"
    return repr(item)


def number_code(number: Any) -> str:
    """Return a NumPy number in the fewest digits: 0.1 of float32 is "0.1"."""
    text = str(number)
    return {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}.get(text, text)


def array_code(array: np.ndarray) -> str:
    """Return the code of an array: np.zeros(), np.full(), its few nonzero elements, or all of them."""
    dtype = "" if array.dtype in (np.float64, np.bool_) else f", dtype=np.{array.dtype.name}"
    shape = f"{array.shape[0]}" if array.ndim == 1 else f"{array.shape}"
    flat = array.reshape(-1)
    if array.dtype.kind == "f" and (not array.size or (array.size > 1 and not array.any())):
        return f"np.zeros({shape}{dtype})"
    if array.size > 2 and (flat == flat[0]).all():
        return f"np.full({shape}, {number_code(flat[0])}{dtype})"
    places = np.flatnonzero(flat)
    if array.size > WRITTEN and len(places) <= NONZERO and array.dtype.kind == "f":
        numbers = ", ".join(map(number_code, flat[places]))
        made = f"np.bincount({places.tolist()}, [{numbers}], {array.size})"
        made += f".reshape({array.shape})" * (array.ndim > 1)
        return made + f".astype(np.{array.dtype.name})" * bool(dtype)
    return f"np.array({listed(array)}{dtype})"


def listed(array: np.ndarray) -> str:
    """Return the elements as nested lists."""
    return f"[{', '.join(map(listed, array))}]" if array.ndim else number_code(array[()])

"""Convert arrays of other libraries with ``__array__`` or DLPack to NumPy's and back, without importing the libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.op import is_value
from autograd.transforms.trees import is_leaf, map_tree


def is_foreign(item: Any) -> bool:
    """Return True for an array of another library: a tensor of PyTorch, an array of JAX, a table of pandas."""
    return not isinstance(item, type) and not is_leaf(item) and (hasattr(item, "__array__") or hasattr(item, "__dlpack__"))


def numpy_of(item: Any) -> Any:
    """Return a foreign array as one of NumPy's, without its graph, sharing memory if possible; anything else unchanged."""
    if not is_foreign(item):
        return item
    for step in ("detach", "cpu", "resolve_conj", "resolve_neg"):  # of PyTorch
        item = getattr(item, step)() if hasattr(item, step) else item
    item = item.to_dense() if hasattr(item, "to_dense") and getattr(item, "is_sparse", False) else item
    if str(getattr(item, "dtype", "")) == "torch.bfloat16":  # NumPy has no such numbers
        item = item.float()
    array = np.asarray(item) if hasattr(item, "__array__") else np.from_dlpack(item)
    if array.dtype.kind == "V" and array.dtype.names is None:  # bfloat16 and its like
        array = array.astype(np.float32)
    if array.dtype.kind == "O":  # such as a table whose columns have several dtypes
        array = np.asarray(item, dtype=float)
    return array


def as_numpy(tree: Any) -> Any:
    """Return a nesting with NumPy's arrays in place of foreign ones, and plain data in place of Values."""
    return map_tree(lambda item, path: item.data if is_value(item) else item, tree, "", lambda item, path: numpy_of(item))


def arrays_in(tree: Any) -> list[np.ndarray]:
    """Return all arrays of a nesting; foreign ones as views of their memory."""
    found: list[np.ndarray] = []
    map_tree(lambda item, path: found.append(item), as_numpy(tree))
    return [item for item in found if isinstance(item, np.ndarray)]


def maker_like(item: Any) -> Callable[[Any], Any] | None:
    """Return a function that converts arrays to the library of `item`, with its dtype and labels; None for unknown ones."""
    if hasattr(item, "new_tensor"):  # PyTorch
        return lambda data: item.new_tensor(data, requires_grad=item.requires_grad)
    if type(item).__module__.partition(".")[0] in ("jax", "jaxlib") and "jax" in sys.modules:
        return lambda data: sys.modules["jax"].numpy.asarray(data, dtype=item.dtype)
    if hasattr(item, "iloc"):  # pandas
        labels = ("index", "columns") if hasattr(item, "columns") else ("index", "name")
        names = {name: getattr(item, name) for name in labels if hasattr(item, name)}
        return lambda data: type(item)(data, **names)
    if hasattr(item, "dims") and hasattr(item, "copy"):  # xarray
        return lambda data: item.copy(data=data)
    return None


def shares(one: Any, two: Any) -> bool:
    """Return whether two arrays have elements in the same memory; views of one array that do not overlap have none."""
    if not all(isinstance(item, np.ndarray) and item.dtype.kind != "O" and item.size for item in (one, two)):
        return False
    return np.may_share_memory(one, two) and np.shares_memory(one, two)

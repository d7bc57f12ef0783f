"""NumPy's dispatch protocols: np.sin(value), np.concatenate([values]) and array * value call the table of operations.

Functions with bools, integers or shapes as results get plain data. All others raise an error that names them:
nothing falls back to object arrays, or to data without a gradient.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.graph import topological_order
from autograd.op import Op, is_value, raw
from autograd.ops import functions, indexing, linalg, products, scans, shapes
from autograd.ops.define import no_out
from autograd.ops.inputs import holds_value, is_foreign
from autograd.scope_stack import is_recording

#: NumPy's names of operators whose names here are shorter, as in Python.
RENAMED = {"sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative", "pow": "power"}

#: Functions whose results have no derivative: bools, integers, shapes, dtypes, text, and arrays of constants.
PLAIN = [
    "argmax", "argmin", "argsort", "argpartition", "argwhere", "nonzero", "flatnonzero", "count_nonzero", "nanargmax",
    "nanargmin", "searchsorted", "digitize", "lexsort", "shape", "ndim", "size", "all", "any", "allclose", "array_equal",
    "array_equiv", "isclose", "isin", "isnan", "isinf", "isfinite", "isneginf", "isposinf", "isreal", "iscomplex",
    "isrealobj", "iscomplexobj", "signbit", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
    "logical_and", "logical_or", "logical_xor", "logical_not", "result_type", "can_cast", "min_scalar_type", "common_type",
    "zeros_like", "ones_like", "empty_like", "array_repr", "array_str", "array2string", "may_share_memory", "shares_memory",
    "tril_indices_from", "triu_indices_from", "diag_indices_from", "ix_", "unravel_index", "ravel_multi_index", "einsum_path",
]  # fmt: skip

#: Our functions for reductions and scans of ufuncs: np.add.reduce(v) is np.sum(v, axis=0). All others are folds.
REDUCED = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logaddexp": "logsumexp"}
SCANNED = {"add": "cumsum", "multiply": "cumprod"}

#: The two ufuncs behind scipy.special.zeta(), a Python function.
ZETAS = {"_zeta": "zeta", "_riemann_zeta": "zeta"}

#: Why functions have no derivative, and what to write instead, after "it is about".
REASONS = {
    **dict.fromkeys(
        ["histogram", "histogram2d", "histogramdd", "histogram_bin_edges"],
        "counts, which move in jumps: take v.data, or add up a smooth kernel around each centre",
    ),
    "roots": "roots, which may be complex: where they are real, take np.linalg.eigvals() of the companion matrix",
    **dict.fromkeys(["spacing", "nextafter"], "the distance of floats, which moves in jumps: take v.data"),
    **dict.fromkeys(["save", "savez", "savez_compressed", "savetxt"], "plain arrays in a file: pass v.data"),
}

HOW = (
    "python -m autograd lists the functions that are; take .data where no gradient is wanted, or define an operation with "
    "@autograd.primitive"
)
IN_PLACE = {"put_along_axis", "put", "place", "putmask", "copyto", "fill_diagonal"}


def matrix_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Sum the elements on a diagonal of the matrices in the last two axes."""
    return shapes.trace(x, offset, -2, -1, dtype)


def matrix_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Return a diagonal of the matrices in the last two axes."""
    return shapes.diagonal(x, offset, -2, -1)


def vector_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Compute the vector product of vectors of 3 elements."""
    return products.cross(x1, x2, axis=axis)


def numpy_functions() -> dict[Any, Callable[..., Any]]:
    """Our function for each function of NumPy that takes Values, with the same signature."""
    found: dict[Any, Callable[..., Any]] = {}
    ours = functions()
    for name, function in ours.items():
        homes = [np] if function.__module__ != linalg.__name__ else []
        homes += [np.linalg] if function.__module__ in (linalg.__name__, products.__name__) or name == "matrix_transpose" else []
        for home in homes:
            theirs = getattr(home, RENAMED.get(name, name), None)
            if callable(theirs):
                found[theirs] = function
    found |= {np.linalg.trace: matrix_trace, np.linalg.diagonal: matrix_diagonal, np.linalg.cross: vector_cross}
    found |= {np.fft.fftshift: shapes.fftshift, np.fft.ifftshift: shapes.ifftshift}
    found[np.where] = indexing.where_or_nonzero
    found[np.lib.stride_tricks.sliding_window_view] = shapes.sliding_window_view
    if "trapz" in vars(np):  # in older versions
        found[vars(np)["trapz"]] = ours["trapezoid"]
    for name in IN_PLACE:
        found.pop(getattr(np, name), None)
    return found


CONSTANT = {vars(np)[name] for name in (*PLAIN, "in1d") if name in vars(np)} | {np.linalg.matrix_rank}
SUPPORTED = {theirs: ours for theirs, ours in numpy_functions().items() if theirs not in CONSTANT}
OUT_AT = {
    theirs: place
    for theirs, ours in SUPPORTED.items()
    for place, item in enumerate(inspect.signature(ours).parameters.values())
    if item.name == "out" and item.kind is item.POSITIONAL_OR_KEYWORD
}


def array_function(self: Any, function: Callable[..., Any], types: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Compute one of NumPy's functions that got a Value; NumPy calls this (NEP 18)."""
    for theirs in types:
        if theirs is not self.__class__ and theirs is not np.ndarray:
            return NotImplemented  # NumPy then asks arrays of other packages
    for item in args:
        if isinstance(item, np.ndarray) and item.dtype.char == "O":
            args = tuple(map(without_objects, args))
            break
    ours = SUPPORTED.get(function)
    if ours is None:
        if function in CONSTANT or writes_plain(args, named):
            return function(*unwrapped(args), **unwrapped(named))
        raise TypeError(refusal(function))
    if named or len(args) > 1:
        named.pop("subok", None)
        place = OUT_AT.get(function, len(args))
        if named.pop("out", None) is not None or (place < len(args) and args[place] is not None):
            raise TypeError(no_out(f"np.{function.__name__}"))
        if not args:  # the first one is given by NumPy's name, which may differ from ours
            ours_too = inspect.signature(ours).parameters
            first = next(iter(ours_too))
            args = (named.pop(first if first in named else next((key for key in named if key not in ours_too), first)),)
    return ours(*args, **named)


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *args: Any, out: Any = None, where: Any = True, **named: Any) -> Any:
    """Compute a ufunc that got a Value, also by an operator of an array; NumPy calls this (NEP 13)."""
    kind = self.__class__
    for item in args:
        if item.__class__ is not kind and item.__class__ is not float:
            if item.__class__ is np.ndarray and item.dtype.char != "O":
                continue
            if any(map(is_foreign, args)):
                return NotImplemented
            args = tuple(map(without_objects, args))
            if any(item is None for item in args) and method in ("__call__", "outer"):
                raise TypeError(f"np.{ufunc.__name__}() takes real numbers and arrays of them, but got None")
            break
    ours = SUPPORTED.get(ufunc)
    if method == "__call__" and ours.__class__ is Op and out is None and where is True and not named:  # the commonest
        return self._record(ours, args)
    if (out is not None or method == "at") and writes_plain((*(out or ()), *args), named):
        named |= ({} if out is None else {"out": out}) | ({} if where is True else {"where": where})
        return getattr(ufunc, method)(*unwrapped(args), **unwrapped(named))
    if out is not None:
        raise TypeError(no_out(f"np.{ufunc.__name__}"))
    if ufunc in CONSTANT and method != "at":
        return getattr(ufunc, method)(
            *unwrapped(args), **({} if where is True else {"where": unwrapped(where)}), **unwrapped(named)
        )
    ours = ours or special_function(ufunc)
    if ours is None or method == "at":
        raise TypeError(refusal(ufunc, "" if method == "__call__" else f".{method}"))
    if method in ("reduce", "accumulate", "reduceat"):
        return ufunc_method(ufunc, ours, method, args, **named, **({} if where is True else {"where": where}))
    if where is not True:
        raise TypeError(f"np.{ufunc.__name__}(..., where=) leaves elements undefined: use np.where(condition, f(x), y)")
    if method == "outer":
        args = tuple(map(shapes.as_array, args))
        args = (shapes.reshape(args[0], (*np.shape(args[0]), *(1,) * len(np.shape(args[1])))), args[1])
    dtype = named.pop("dtype", None)
    if dtype is not None:
        args = tuple(shapes.astype(item, dtype) for item in args)
    if named:
        np.positive(np.zeros(0), **{key: item for key, item in named.items() if key in ("casting", "order", "subok")})  # errors
        named = {key: item for key, item in named.items() if key in ("axis", "axes", "keepdims")}
    return ours(*args, **named)


def is_free(value: Any) -> bool:
    """Whether a Value has no gradient to lose: under no_grad(), or if computed from frozen Values only."""
    return not is_recording() or not any(leaf.requires_grad for leaf in topological_order(value)[1])


def writes_plain(args: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Whether the first argument, which a function writes into, is no Value, and no Value has a gradient to lose."""
    return bool(args) and not is_value(args[0]) and all(map(is_free, values_in((args, named))))


def values_in(x: Any) -> list[Any]:
    """The Values in nested lists, tuples and dicts of arguments."""
    items = x if isinstance(x, (list, tuple)) else x.values() if isinstance(x, dict) else ()
    return [x] if is_value(x) else [value for item in items for value in values_in(item)]


def ufunc_method(ufunc: np.ufunc, ours: Callable[..., Any], method: str, args: Any, dtype: Any = None, **named: Any) -> Any:
    """The methods reduce, accumulate and reduceat of a ufunc of two inputs."""
    x, *rest = args
    x = shapes.as_tensor(x) if dtype is None else shapes.astype(shapes.as_tensor(x), dtype)
    words = ("indices", "axis") if method == "reduceat" else ("axis",)
    given = {"axis": 0, **dict(zip(words, rest, strict=False)), **named}
    if method == "reduceat":
        return scans.reduced_at(ufunc, lambda part, axis: ufunc_method(ufunc, ours, "reduce", (part, axis)), x, **given)
    known = (REDUCED if method == "reduce" else SCANNED).get(ufunc.__name__)
    if known is not None and not (known == "logsumexp" and given.keys() & {"where", "initial"}):
        return functions()[known](x, **given)
    return (scans.reduced if method == "reduce" else scans.accumulated)(ufunc, ours, x, **given)


def special_function(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """Our function for a ufunc of scipy.special, if there is one and SciPy was imported."""
    name = ZETAS.get(ufunc.__name__, ufunc.__name__)
    theirs = ufunc if name == "zeta" else getattr(sys.modules.get("scipy.special"), name, None)
    return functions().get(name) if theirs is ufunc else None


def without_objects(item: Any) -> Any:
    """An argument, or one Value in place of an array of objects that holds Values."""
    return shapes.array(item) if isinstance(item, np.ndarray) and holds_value(item) else item


def unwrapped(x: Any) -> Any:
    """Nested lists, tuples and dicts of arguments with data in place of Values."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(unwrapped, x))
    return {key: unwrapped(item) for key, item in x.items()} if isinstance(x, dict) else raw(x) if is_value(x) else x


def refusal(function: Any, method: str = "") -> str:
    """The message of an error: why a function of NumPy or SciPy does not take Values, and what to write instead."""
    module, name = getattr(function, "__module__", None) or "numpy", function.__name__
    if isinstance(function, np.ufunc):
        homes = {"numpy": np, "scipy.special": sys.modules.get("scipy.special")}
        module = next((key for key, home in homes.items() if getattr(home, name, None) is function), "")
        if not module:
            name = name.removesuffix(" (vectorized)")
            return (
                f"{name}, a ufunc of np.frompyfunc() or another package, takes plain numbers, where a gradient would be lost: "
                f"call the Python function with the whole Value, or write np.stack([f(x) for x in v]); {HOW}"
            )
    full = f"{module.replace('numpy', 'np')}.{name}{method}"
    if "fft" in module:
        return (
            f"{full}() is about complex numbers, and Values are real: complex numbers are not supported yet. For a "
            "convolution take np.convolve(), for the coefficients themselves products with np.cos and np.sin of np.outer(k, n)"
        )
    if method == ".at":
        verb = {"add": "add(u)", "multiply": "multiply(u)", "divide": "divide(u)", "maximum": "max(u)", "minimum": "min(u)"}
        write = verb.get(name, f"set(np.{name}(v[i], u))")
        return f"{full}() changes its array, and a Value is not changed in place: write v = v.at[i].{write}"
    if name in IN_PLACE:
        ours = " or autograd.ops.put_along_axis()" if name == "put_along_axis" else ""
        ours += " (np.full_like and np.nan_to_num call it as well: write np.ones(shape) * v for an array full of one Value)" * (
            name == "copyto"
        )
        return f"{full}() changes its array, and a Value is not changed in place: write v = v.at[i].set(u){ours}"
    if name in REASONS:
        return f"{full}() is not defined for Values: it is about {REASONS[name]}"
    return f"{full}() is not defined for Values: {HOW}"

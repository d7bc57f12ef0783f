"""The methods that Value takes from the table of operations, and the text of methods.pyi, which lists them.

``python -m autograd stub`` writes methods.pyi, and a test compares it to the table.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, NoReturn

import numpy as np

from autograd.numpy.dispatch import unwrapped
from autograd.op import PYTORCH_NAMES, Op, pytorch_names_error, raw
from autograd.ops import functions, indexing

#: Methods of NumPy's arrays, and some of PyTorch's tensors.
SHARED = [
    "clip", "conj", "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot", "max", "mean", "min", "prod", "ptp", "ravel",
    "repeat", "round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "var", "astype", "broadcast_to", "expand_dims",
    "leaky_relu", "log_softmax", "logsumexp", "matmul", "softmax",
]  # fmt: skip

#: Methods of NumPy's arrays whose results have no derivative.
PLAIN = ["all", "any", "argmax", "argmin", "argsort", "argpartition", "nonzero", "searchsorted"]


def shared_functions() -> dict[str, Callable[..., Any]]:
    """The functions that become methods of the same name: elementwise ones of one input, and those in SHARED."""
    table = functions()
    unary = {
        name: item for name, item in table.items() if isinstance(item, Op) and item.arity == 1 and item.kind == "elementwise"
    }
    return unary | {name: table[name] for name in SHARED} | {"compress": compress, "flatten": table["ravel"], "sort": sort}


def compress(a: Any, condition: Any, axis: int | None = None, out: None = None) -> Any:
    """Select the elements, or the layers along `axis`, at which the vector `condition` is true."""
    return indexing.compress(condition, a, axis)


def sort(a: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None) -> NoReturn:
    """Raise TypeError: NumPy's method changes an array in place."""
    raise TypeError("v.sort() changes an array in place, and a Value cannot change: write v = np.sort(v)")


def op_method(op: Callable[..., Any]) -> Callable[..., Any]:
    """The method of an op or function that takes the Value as its first argument."""

    def method(self: Any, *args: Any, **named: Any) -> Any:
        if named and not named.keys().isdisjoint(PYTORCH_NAMES):
            raise pytorch_names_error(op.__name__, named)
        return op(self, *args, **named)

    return update_wrapper(method, op, updated=())


def reflected_divmod(y: Any, x: Any) -> Any:
    """divmod(x, y) with a Value on the right."""
    return functions()["divmod"](x, y)


def plain_method(name: str) -> Callable[..., Any]:
    """The method of NumPy's arrays, called on the data."""

    def method(self: Any, *args: Any, **named: Any) -> Any:
        if not named.keys().isdisjoint(PYTORCH_NAMES):
            raise pytorch_names_error(name, named)
        return getattr(np.asarray(raw(self)), name)(*unwrapped(args), **unwrapped(named))

    method.__name__, method.__doc__ = name, f"Call numpy.ndarray.{name} on the data; the result is plain, without a derivative."
    return method


#: Replacements of methods of PyTorch's tensors.
PYTORCH = {
    "view": "v.reshape(shape)", "permute": "v.transpose(axes)", "unsqueeze": "v.expand_dims(axis) or v[:, None]",
    "contiguous": "v itself", "numpy": "v.data", "cpu": "v.data", "cat": "autograd.concatenate(values)", "t": "v.T",
    "clamp": "v.clip(low, high)", "masked_fill": "autograd.where(mask, number, v)", "expand": "v.broadcast_to(shape)",
    "numel": "v.size", "dim": "v.ndim", "float": "v.astype(np.float32)", "to": "v.astype(dtype)", "chunk": "np.split(v, parts)",
    "requires_grad_": "v.requires_grad = True", "gather": "np.take_along_axis(v, indices, axis)",
}  # fmt: skip


def pytorch_hint(name: str) -> property:
    """A missing attribute, also for hasattr(), whose error says what to write instead."""

    def missing(self: Any) -> NoReturn:
        raise AttributeError(f"a Value has NumPy's methods, and no {name}: write {PYTORCH[name]}", name=name, obj=self)

    return property(missing)


def methods_stub() -> str:
    """Return the text of methods.pyi."""
    lines = ['"""Written by `python -m autograd stub` from the table of operations."""\n', "from typing import Any\n"]
    lines += ["from autograd.value import Value\n", "class Methods:"]
    for name, function in sorted(shared_functions().items()):
        lines.append(declaration(name, parameters(function)))
    for name in sorted(PLAIN):
        lines.append(f"    def {name}(self, *args: Any, **named: Any) -> Any: ...")
    return "\n".join(lines) + "\n"


def declaration(name: str, words: list[str]) -> str:
    """The declaration of a method, in lines of at most 130 characters, as a formatter breaks them."""
    line = f"    def {name}({', '.join(words)}) -> Value: ..."
    if len(line) <= 130:
        return line
    inside = f"        {', '.join(words)}"
    inside = inside if len(inside) <= 130 else "\n".join(f"        {word}," for word in words)
    return f"    def {name}(\n{inside}\n    ) -> Value: ..."


def parameters(function: Callable[..., Any]) -> list[str]:
    """The parameters of the declaration of a method: those of a function, with `self` in place of the first."""
    words, keyword_only = ["self"], False
    for item in list(inspect.signature(function).parameters.values())[1:]:
        default = "" if item.default is item.empty else " = ..."
        if item.kind is item.KEYWORD_ONLY and not keyword_only:
            words.append("*")
            keyword_only = True
        star = "**" if item.kind is item.VAR_KEYWORD else "*" if item.kind is item.VAR_POSITIONAL else ""
        words.append(f"{star}{item.name}: Any{default}")
    return words

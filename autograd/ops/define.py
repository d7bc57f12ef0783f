"""Define the entries of the table of operations: one line for an elementwise op, a decorator for any other."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.op import HALF, SINGLE, Op, common_dtype, raw

Interval = tuple[float, float]
REAL: Interval = (-2.0, 2.0)


def unary(
    name: str,
    symbol: str,
    scalar: Callable[[float], float],
    array: Callable[..., Any],
    rule: Callable[..., Any],
    domain: Interval = REAL,
    doc: str = "",
) -> Op:
    """Define an elementwise op of one input by its function of a float, of an array, and its rule."""

    def form(x: Any) -> Any: ...

    return entry(form, {"x": rule}, name, symbol, doc, array=array, scalar=scalar, domain=(domain,))


def binary(
    name: str,
    symbol: str,
    forward: Callable[..., Any],
    rule_x: Callable[..., Any],
    rule_y: Callable[..., Any],
    domain: tuple[Interval, Interval] = (REAL, REAL),
    array: Callable[..., Any] | None = None,
    doc: str = "",
) -> Op:
    """Define an elementwise op of two inputs that broadcast; `forward` takes floats, and arrays if there is no `array`."""

    def form(x: Any, y: Any) -> Any: ...

    rules = {"x": rule_x, "y": rule_y}
    return entry(form, rules, name, symbol, doc, array=array or forward, scalar=forward, domain=domain)


def formula(
    name: str, array: Callable[..., Any], rule: Callable[..., Any], domain: Interval = REAL, doc: str = ""
) -> Op:  # fmt: skip
    """Define an elementwise op of one input whose function of arrays takes floats as well."""
    return unary(name, f"{name}({{}})", as_float(array), array, rule, domain, doc)


def entry(form: Callable[..., Any], rules: dict[str, Any], name: str, symbol: str, doc: str, **settings: Any) -> Op:
    """Define an elementwise op with the signature of `form`; catalogue.py sets its __module__."""
    form.__name__ = name
    if isinstance(settings["scalar"], np.ufunc):
        settings["scalar"] = as_float(settings["scalar"])
    form.__doc__ = doc or f"Compute ``{symbol.format('x', 'y')}``, elementwise."
    return Op(form, rules, name=name, symbol=symbol, kind="elementwise", **settings)


def as_float(function: Callable[..., Any]) -> Callable[..., float]:
    """The function, with its result as a Python float."""
    return lambda *args: function(*args).item()


def composed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that is composed of operations, and so needs no rule, as an entry of the table."""
    parameters = inspect.signature(function).parameters
    if "out" in parameters:
        by_position = parameters["out"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        function = refusing_out(function, list(parameters).index("out") if by_position else None)
    function.composed = True  # type: ignore[attr-defined]
    return function


def refusing_out(function: Callable[..., Any], position: int | None) -> Callable[..., Any]:
    """The function, which raises TypeError if `out` is given, by name or by position."""

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        if named.get("out") is not None or (position is not None and len(args) > position and args[position] is not None):
            raise TypeError(no_out(function.__name__))
        return function(*args, **named)

    return call


def no_out(name: str) -> str:
    """The message of the error for `out`: why a function cannot write into an array, and what to write instead."""
    return (
        f"{name}() cannot write the result of a Value into an array (out=, or an in-place operator such as a += v), "
        "where its gradient would be lost: write a = a + v, and for a part of it a = Value(a), a = a.at[i].add(v)"
    )


def in_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of several steps compute float16 in float32, as intermediate sums of squares would overflow."""

    def wider(item: Any) -> Any:
        return item.astype(SINGLE) if getattr(raw(item), "dtype", None) == HALF else item

    def narrower(out: Any) -> Any:
        if out.__class__ is tuple:
            return tuple(map(narrower, out))
        return out.astype(HALF) if getattr(raw(out), "dtype", None) == SINGLE else out

    @functools.wraps(function)
    def compute(*args: Any, **named: Any) -> Any:
        first, dtype = raw(args[0]) if args else None, named.get("dtype")
        if getattr(first, "dtype", None) != HALF or dtype is not None or common_dtype((*args, *named.values())) != HALF:
            return function(*args, **named)
        return narrower(function(*map(wider, args), **{name: wider(item) for name, item in named.items()}))

    return compute


def stepwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a composed function whose derivative is 0 everywhere."""
    function.steps = True  # type: ignore[attr-defined]
    return composed(function)


def adding(op: Op) -> Op:
    """Mark an operation as one that adds numbers up, although its kind does not say so."""
    op.sums = op.floats = True
    return op


def mixing(op: Op) -> Op:
    """Mark an operation whose output elements depend on all elements of a matrix, and are rounded like the largest of them."""
    op.mixes = True
    return op


def primitive(
    kind: str = "custom",
    prepare: Callable[..., tuple[Any, ...]] | None = None,
    symbol: str = "",
    domain: tuple[Interval, ...] = (),
    **rules: Callable[..., Any],
) -> Callable[[Callable[..., Any]], Op]:
    """Turn the decorated function of floats and arrays into an operation on floats, arrays and Values.

    Args:
        kind: "elementwise", "reduction", "softmax", "selection", "shape" or "linear", which the engine relies on;
            "custom" makes no promise.
        prepare: a function of all arguments that returns them as a tuple, with copies of those that
            could change later.
        symbol: its formula in drawings, ``"{} * {}"``.
        domain: an interval for each input of an elementwise operation, to draw samples from.
        rules: for each differentiable argument, by its name, a function ``(g, out, *arguments)`` that returns the
            cotangent of that argument, from the cotangent `g` of the output `out`. Written with operators and
            operations that take Values, it serves every order of derivatives; the engine undoes broadcasting.
            All other arguments are constant settings (an axis, a shape, an index). An argument that is a tuple of
            inputs has one rule, which returns a tuple.

    Raises:
        TypeError: if there is no rule, or a rule for a name that is no argument of the function.

    >>> from autograd import Value, exp
    >>> @primitive(x=lambda g, out, x: g * (out * (1.0 - out)))
    ... def logistic(x):
    ...     return 1.0 / (1.0 + np.exp(-x))
    >>> x = Value(0.0)
    >>> logistic(x).backward()
    >>> x.grad
    0.25
    """

    if callable(kind):
        raise TypeError("primitive() takes the rules first: @primitive(x=lambda g, out, x: ...), one for each input")

    def make(function: Callable[..., Any]) -> Op:
        name = function.__name__.strip("_")
        names = list(inspect.signature(function).parameters)
        for item in inspect.signature(function).parameters.values():
            if item.kind not in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD):
                word = str(item).split(":")[0]
                raise TypeError(
                    f"primitive() takes functions with a fixed number of arguments, but {name}() has {word}: leave * out"
                )
        wrong = [key for key in rules if key not in names]
        if wrong or not rules:
            got = f"a rule for {wrong[0]!r}" if wrong else "no rule"
            raise TypeError(
                f"primitive() needs rules for arguments of {name}({', '.join(names)}), by name, but got {got}: "
                f"@primitive({names[0] if names else 'x'}=lambda g, out, {', '.join(names)}: ...)"
            )
        formula = symbol or f"{name}({', '.join('{}' for _ in names)})"
        array = with_checked_result(function, name) if kind == "custom" else function
        return Op(function, rules, name=name, symbol=formula, kind=kind, array=array, prepare=prepare, domain=domain)

    return make


class NoArray(TypeError):
    """Raised if the function of a custom operation returns something other than a number or an array."""


def with_checked_result(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The forward function of a custom operation, which returns a float or a new floating array, or raises NoArray."""

    def forward(*args: Any) -> Any:
        out = function(*args)
        known = isinstance(out, (np.ndarray, np.generic, float, int)) and not isinstance(out, np.ma.MaskedArray)
        array = np.asarray(out) if known else None
        if array is None or array.dtype.kind not in "biuf":
            got = type(out).__name__ if array is None else f"the dtype {array.dtype}"
            raise NoArray(f"{name}() returned {got}: an operation returns one real number or array")
        if not array.ndim:
            return array.astype(float).item()
        shared = any(array is item for item in args)
        return np.array(array, None if array.dtype.kind == "f" else float) if shared or array.dtype.kind != "f" else array

    return forward

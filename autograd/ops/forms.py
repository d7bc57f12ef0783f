"""The forms an entry of the table may take: one line for elementwise ops, a decorator for all others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.op import Op

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
    """An elementwise op of one input: its function of a float, of an array, and its rule."""

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
    """An elementwise op of two inputs that broadcast; `forward` serves floats, and arrays without `array`."""

    def form(x: Any, y: Any) -> Any: ...

    rules = {"x": rule_x, "y": rule_y}
    return entry(form, rules, name, symbol, doc, array=array or forward, scalar=forward, domain=domain)


def entry(form: Callable[..., Any], rules: dict[str, Any], name: str, symbol: str, doc: str, **settings: Any) -> Op:
    """An elementwise op with the signature of `form`."""
    form.__name__, form.__module__ = name, rules["x"].__module__
    if isinstance(settings["scalar"], np.ufunc):
        settings["scalar"] = as_float(settings["scalar"])
    form.__doc__ = doc or f"``{symbol.format('x', 'y')}``, elementwise."
    return Op(form, rules, name=name, symbol=symbol, kind="elementwise", **settings)


def as_float(function: Callable[..., Any]) -> Callable[..., float]:
    """A function of floats whose result is a Python float, also if NumPy or SciPy computes it."""
    return lambda *args: float(function(*args))


def nothing(g: Any, out: Any, *args: Any) -> Any:
    """The rule of an input that moves the output nowhere, or only in jumps."""
    return g * 0.0


def composed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that is made of operations, and so needs no rule, as an entry of the table with NumPy's signature."""
    function.composed = True  # type: ignore[attr-defined]
    return function


def primitive(
    kind: str, prepare: Callable[..., tuple[Any, ...]] | None = None, symbol: str = "", **rules: Callable[..., Any]
) -> Callable[[Callable[..., Any]], Op]:
    """Make an op of the decorated function of arrays; `rules` names its differentiable arguments.

    The other arguments (an axis, a shape, an index) are kept with the recorded node as they are, or
    as `prepare` returns them. A tuple of inputs is differentiable as a whole.
    """

    def make(function: Callable[..., Any]) -> Op:
        name = function.__name__.strip("_")
        formula = symbol or f"{name}({', '.join('{}' for _ in inspect.signature(function).parameters)})"
        return Op(function, rules, name=name, symbol=formula, kind=kind, array=function, prepare=prepare)

    return make

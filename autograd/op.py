"""A primitive operation is one record: its forward function and one derivative rule per input.

Nothing here knows the class that records graphs: an op called with numbers or arrays computes, and
an op called with recorded values asks their class to record it.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

ndarray = np.ndarray

#: What Python's float arithmetic raises where NumPy gives inf or nan.
FLOAT_ERRORS = (ZeroDivisionError, OverflowError, ValueError)

#: An interval of numbers to test an input on, inside the domain and away from kinks.
Interval = tuple[float, float]


class Op:
    """A primitive operation.

    Call it with floats, arrays or Values; with Values the call is recorded in the graph.

    Attributes:
        name: what it is called in the table, in messages and in drawings.
        symbol: a template of its formula, ``"{} * {}"``.
        kind: ``"elementwise"``, ``"reduction"``, ``"selection"``, ``"shape"`` or ``"linear"``.
        rules: ``(position, rule)`` for each differentiable argument. A rule takes ``(g, out, *args)``,
            the cotangent of the output, the output and all arguments, and returns the cotangent of
            its argument before broadcasting is undone; for an argument that is a tuple of inputs it
            returns one cotangent for each.
        domain: for elementwise ops, one interval to sample for each input.
    """

    def __init__(
        self,
        name: str,
        symbol: str,
        kind: str,
        array: Callable[..., Any],
        rules: dict[str, Callable[..., Any]],
        *,
        scalar: Callable[..., Any] | None = None,
        signature: Callable[..., Any] | None = None,
        prepare: Callable[..., tuple[Any, ...]] | None = None,
        domain: tuple[Interval, ...] = (),
        doc: str = "",
    ) -> None:
        self.name, self.symbol, self.kind, self.domain = name, symbol, kind, domain
        self.array, self.scalar, self.prepare = array, scalar, prepare
        parameters = list(inspect.signature(signature).parameters.values()) if signature else []
        self.parameters = tuple(p.name for p in parameters) or tuple(rules)
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.rules = tuple((self.parameters.index(key), rule) for key, rule in rules.items())
        # The two commonest forms are unrolled in backward(): f(x) and f(x, y), every argument an input.
        plain = len(rules) == len(self.parameters) <= 2 and prepare is None
        self.rule_x = self.rules[0][1] if plain else None
        self.rule_y = self.rules[1][1] if plain and len(rules) == 2 else None
        self.__doc__ = doc or f"``{symbol.format(*self.parameters)}``, recorded when called with Values."
        self.__wrapped__ = signature or array
        self.__name__ = self.__qualname__ = name
        self.__module__ = getattr(signature, "__module__", "autograd.ops")

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from autograd.ops import table  # by name: a pickled op is the op of the table

        if table().get(self.name) is not self:
            raise TypeError(f"the op {self.name!r} is not in the table, so it cannot be pickled by name")
        return _from_table, (self.name,)

    def __call__(self, *args: Any, **named: Any) -> Any:
        if named or len(args) != len(self.parameters):
            args = self.bind(args, named)
        for position, _ in self.rules:
            argument = args[position]
            for item in argument if argument.__class__ in (tuple, list) else (argument,):
                record = getattr(item.__class__, "_record", None)
                if record is not None:
                    return record(self, args)
        if self.prepare is not None:
            args = self.prepare(*args)
        if self.scalar is not None and all(argument.__class__ is float for argument in args):
            return self.on_floats(*args)
        return self.array(*args)

    def on_floats(self, *args: float) -> float:
        """The op on Python floats: inf or nan, and NumPy's errstate, where Python would raise."""
        try:
            return self.scalar(*args)  # type: ignore[misc]
        except FLOAT_ERRORS:
            return float(self.array(*map(np.float64, args)))

    def bind(self, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments in the order of the signature, defaults filled in."""
        if len(args) > len(self.parameters):
            raise TypeError(f"{self.name}() takes {len(self.parameters)} arguments, but {len(args)} were given")
        bound = dict(zip(self.parameters, args, strict=False))
        for key, value in named.items():
            if key not in self.parameters or key in bound:
                what = "got twice" if key in bound else "does not know"
                raise TypeError(f"{self.name}() {what} the argument {key!r}; it takes {', '.join(self.parameters)}")
            bound[key] = value
        missing = [key for key in self.parameters if key not in bound and key not in self.defaults]
        if missing:
            raise TypeError(f"{self.name}() misses {', '.join(missing)}; it takes {', '.join(self.parameters)}")
        return tuple(bound[key] if key in bound else self.defaults[key] for key in self.parameters)


def _from_table(name: str) -> Op:
    from autograd.ops import table

    return table()[name]


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
    return Op(name, symbol, "elementwise", array, {"x": rule}, scalar=scalar, domain=(domain,), doc=doc)


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
    rules = {"x": rule_x, "y": rule_y}
    return Op(name, symbol, "elementwise", array or forward, rules, scalar=forward, domain=domain, doc=doc)


def primitive(
    kind: str,
    prepare: Callable[..., tuple[Any, ...]] | None = None,
    symbol: str | None = None,
    **rules: Callable[..., Any],
) -> Callable[[Callable[..., Any]], Op]:
    """Make an op of the decorated function of arrays; `rules` names its differentiable arguments.

    The other arguments (an axis, a shape, an index) are kept with the recorded node as they are, or
    as `prepare` returns them. A tuple of inputs is differentiable as a whole.
    """

    def make(function: Callable[..., Any]) -> Op:
        name = function.__name__.strip("_")
        parameters = inspect.signature(function).parameters
        formula = symbol or f"{name}({', '.join('{}' for _ in parameters)})"
        return Op(
            name, formula, kind, function, rules, signature=function, prepare=prepare, doc=inspect.getdoc(function) or ""
        )

    return make


def raw(x: Any) -> Any:
    """The number or array of `x`, without its graph: for masks, which have no derivative."""
    if x.__class__ is float or x.__class__ is ndarray:
        return x
    return x.data if is_value(x) else x


def is_value(x: Any) -> bool:
    """True for a recorded value, whose class is not known here."""
    return hasattr(x.__class__, "_record")


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a float, an array or a Value."""
    return () if x.__class__ is float else x.shape


def sign(x: Any) -> Any:
    """-1, 0 or 1, and nan for nan, as plain data: the slope of abs, 0 at its kink."""
    x = raw(x)
    if x.__class__ is float:
        return x if math.isnan(x) else float(operator.gt(x, 0.0)) - float(operator.lt(x, 0.0))
    return np.sign(x)

"""Composes the texts of a node: the formula of its Value, and a table of numbers. Formats are left to write/."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.drawing.picture import Summary, number_text
from autograd.drawing.read.graph import operands_of
from autograd.graph import arguments_of
from autograd.op import Op

UNNAMED = "•"  # an operand without a label, in a formula
LONGEST_LABEL, LONGEST_FORMULA, LONGEST_ARGUMENT = 40, 28, 18

Row = tuple[str, ...]


def number_rows(
    shape: tuple[int, ...] | None, dtype: str, count: int, data: Summary | None, grad: Summary | None = None
) -> tuple[Row, ...]:
    """Return rows for data and gradient: a number, or shape and dtype, min, mean, max and norm of arrays.

    >>> number_rows((), "float64", 1, Summary.of(2.0), Summary.of(0.5))
    (('data', '2.0000'), ('grad', '0.5000'))
    """
    known = {what: summary for what, summary in (("data", data), ("grad", grad)) if summary is not None}
    if shape == () and count == 1:
        return tuple([(what, number_text(summary.mean)) for what, summary in known.items()])
    kind = () if shape in ((), None) else ((f"{shape} {dtype}",),)
    if not known:
        return kind
    if all(summary.size == 0 for summary in known.values()):
        return (*kind, ("no elements",))
    texts = {what: (s.minimum, s.mean, s.maximum, s.norm) for what, s in known.items()}
    return (*kind, ("", "min", "mean", "max", "norm"), *((what, *map(three_digits, texts[what])) for what in texts))


def formula_of(value: Any, name_of: Callable[[Any], str]) -> str:
    """Return the formula of a computed Value: ``a * b``, ``tanh(x)``, ``sum(axis=0)``, ``x[0, 2:]``.

    Operands have the names that `name_of` returns, or a dot if they have none; settings are shown if they differ from the
    default. Operands are left out of long function calls, and of those in which no operand has a name.
    """
    op, args = value.op, arguments_of(value)
    operands = [position for position, _ in op.rules]
    names = [name_of(item) for item in operands_of(value)]
    if re.fullmatch(r"\w+\({}(, {})*\)", op.symbol):
        function, named = op.symbol.partition("(")[0], setting_texts(op, args)
        text = f"{function}({', '.join(names + named)})"
        if len(text) <= LONGEST_FORMULA and any(name != UNNAMED for name in names):
            return text
        return f"{function}({', '.join(named)})" if named else function
    texts = [name_of(item) if i in operands else index_text(item) for i, item in enumerate(args)]
    text = fill_template(op.symbol, texts)
    if len(text) > LONGEST_FORMULA:
        text = fill_template(op.symbol, [UNNAMED if i in operands else item for i, item in enumerate(texts)])
    return text


def three_digits(number: float) -> str:
    """Return a number in three digits, to keep tables narrow."""
    return f"{number + 0.0:.3g}"


def fill_template(symbol: str, texts: list[str]) -> str:
    """Return the symbol of an operation with its arguments: ``{}`` is the next argument, ``{2}`` the one at this position."""
    following = iter(texts)
    return re.sub(r"{(\d*)}", lambda field: texts[int(field[1])] if field[1] else next(following), symbol)


def setting_texts(op: Op, args: tuple[Any, ...]) -> list[str]:
    """Return the arguments that are not operands, as ``axis=0``, without None and without defaults."""
    operands = [position for position, _ in op.rules]
    texts = []
    for position, parameter in enumerate(inspect.signature(op).parameters.values()):
        item = args[position]
        if position not in operands and item is not None and repr(item) != repr(parameter.default):
            texts.append(f"{parameter.name}={shortened(setting_text(item), LONGEST_ARGUMENT)}")
    return texts


def index_text(index: Any) -> str:
    """Return an index as written between square brackets: ``0, 2:``; … if it is long."""
    text = ", ".join(map(setting_text, index if index.__class__ is tuple else (index,)))
    return text if len(text) <= LONGEST_ARGUMENT else "…"


def setting_text(item: Any) -> str:
    """Return an axis, shape or index as in Python, a dtype or function by its name, and an array if it is short."""
    if item.__class__ is tuple:
        return f"({', '.join(map(setting_text, item))}{',' * (len(item) == 1)})"
    if item.__class__ is slice:
        ends = [item.start, item.stop] + ([] if item.step is None else [item.step])
        return ":".join("" if end is None else str(end) for end in ends)
    if item.__class__ is np.ndarray:
        return str(item.tolist()) if item.size <= 3 else "array"
    if isinstance(item, (type, np.dtype)):
        return np.dtype(item).name
    if callable(item):
        return str(getattr(item, "__name__", type(item).__name__))
    return "..." if item is Ellipsis else f"{item:.6g}" if item.__class__ is float else repr(item)


def shortened(text: str, longest: int) -> str:
    """Return the text, cut off with an ellipsis if it is longer than `longest`."""
    return text if len(text) <= longest else text[: longest - 1] + "…"

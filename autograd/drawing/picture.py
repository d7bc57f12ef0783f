"""What a picture of a graph shows: its nodes with their texts, its edges, and where it is cut off.

How it is drawn is in render.py.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.graph import arguments_of
from autograd.op import Op
from autograd.value import Value

UNNAMED = "•"  # an operand without a label, in a formula
LONGEST_LABEL, LONGEST_FORMULA, LONGEST_ARGUMENT = 40, 28, 18
COMMUTATIVE = ("add", "mul", "maximum", "minimum")

Row = tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """One node of a picture.

    Attributes:
        name: its name in the DOT text; "n0" is the output, and numbers grow with the distance from it.
        role: ``"leaf"``, ``"frozen"``, ``"computed"`` or ``"constant"``.
        title: label and formula, ``"d = a * b"``; may be empty.
        rows: a small table of data and gradient, cells of text.
        place: the modules and the source line that computed it, as far as they are known.
        cut: True if inputs of it are left out of the picture.
        ordered: True if its operands are drawn in order, because the formula does not tell them apart.
    """

    name: str
    role: str
    title: str = ""
    rows: tuple[Row, ...] = ()
    place: str = ""
    cut: bool = False
    ordered: bool = False


@dataclass(frozen=True)
class Picture:
    """The nodes, the edges as pairs of names (operand, result), and how many nodes the whole graph has."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    total: int

    @property
    def note(self) -> str:
        """What is left out, or an empty string."""
        shown = len(self.nodes)
        left_out = f"showing {shown:,} of {self.total:,} nodes, those nearest the output"
        return f"{left_out}; draw(value, max_nodes=...) shows more" if shown < self.total else ""


def picture_of(root: Value, max_nodes: int) -> Picture:
    """The picture of the `max_nodes` nodes that are nearest to `root`, breadth first. Depth is no limit."""
    found: list[Any] = [root]  # Values and constants in order of discovery; it grows while it is read
    numbers = {id(root): 0}  # a Value or array that is used twice is one node, a plain number is one at each use
    edges = []
    cut = set()
    for number, item in enumerate(found):
        if item.__class__ is not Value:
            continue
        for operand in operands_of(item):
            source = len(found) if operand.__class__ is float else numbers.setdefault(id(operand), len(found))
            if source == len(found):
                found.append(operand)
            if number < max_nodes and source < max_nodes:
                edges.append((f"n{source}", f"n{number}"))
            elif number < max_nodes:
                cut.add(number)
    nodes = [node_of(item, f"n{number}", number in cut) for number, item in enumerate(found[:max_nodes])]
    return Picture(tuple(nodes), tuple(edges), len(found))


def operands_of(value: Any) -> list[Any]:
    """What a Value was computed from, Values and constants: the arguments that could have a gradient."""
    op = value.op
    if op is None:
        return []
    if op.rule_x is not None:  # written out, half the time on a graph of scalars
        return [value._x] if op.rule_y is None else [value._x, value._y]
    args = arguments_of(value)
    slots = [args[position] for position, _ in op.rules]
    flat = [item for slot in slots for item in (slot if slot.__class__ is tuple else (slot,))]
    return [item for item in flat if item is not None]


# --- the texts of one node ------------------------------------------------------------------------


def node_of(item: Any, name: str, cut: bool) -> Node:
    """The texts of a Value or a constant."""
    if item.__class__ is float:
        return Node(name, "constant", f"{item:.6g}")
    if item.__class__ is not Value:
        return Node(name, "constant", rows=table(item))
    label, data = shortened(str(item.label), LONGEST_LABEL) if item.label else "", item.data
    grad = getattr(item, "_grad", None)  # not .grad, which would make zeros and keep them
    if grad is None and item.requires_grad:
        grad = 0.0 if data.__class__ is float else np.zeros(1)
    rows = table(data, grad)
    if item.op is None:
        return Node(name, "leaf" if item.requires_grad else "frozen", label, rows)
    title = f"{label} = {formula(item)}" if label else formula(item)
    unnamed = [operand_name(operand) for operand in operands_of(item)].count(UNNAMED)
    ordered = unnamed > 1 and item.op.name not in COMMUTATIVE
    return Node(name, "computed", title, rows, str(item.place or ""), cut, ordered)


def table(data: Any, grad: Any = None) -> tuple[Row, ...]:
    """Rows for data and gradient: a number, or for an array its shape, dtype, min, mean and max."""
    pairs = [("data", data)] + ([] if grad is None else [("grad", grad)])
    if data.__class__ is float:
        return tuple((what, number_text(item)) for what, item in pairs)
    if data.__class__ is not np.ndarray:  # an op with several outputs
        return ((f"{len(data)} arrays",),)
    kind = (f"{data.shape} {data.dtype}",)
    if data.size == 0:
        return (kind, ("no elements",))
    return (kind, ("", "min", "mean", "max"), *((what, *summary(item)) for what, item in pairs))


def summary(array: Any) -> Row:
    """The min, mean and max of an array."""
    array = np.asarray(array, dtype=float)
    with np.errstate(all="ignore"):  # inf - inf in a mean is shown as nan
        return tuple(number_text(float(number)) for number in (array.min(), array.mean(), array.max()))


def number_text(number: float) -> str:
    """Four decimals, or powers of ten where these would show nothing or too much."""
    plain = number == 0.0 or 1e-3 <= abs(number) < 1e6 or number - number != 0.0
    return f"{number + 0.0:.4f}" if plain else f"{number:.3e}"  # + 0.0 makes -0.0 a 0.0


def formula(value: Any) -> str:
    """The operation of a computed Value: ``a * b``, ``tanh(x)``, ``sum(axis=0)``, ``x[0, 2:]``.

    Operands are labels and numbers, or dots where they have none; settings are shown if they are not the
    default. Functions of operands without a name, and long ones, leave them out.
    """
    op, args = value.op, arguments_of(value)
    operands = [position for position, _ in op.rules]
    names = [operand_name(item) for item in operands_of(value)]
    if re.fullmatch(r"\w+\({}(, {})*\)", op.symbol):
        function, named = op.symbol.partition("(")[0], settings(op, args)
        text = f"{function}({', '.join(names + named)})"
        if len(text) <= LONGEST_FORMULA and any(name != UNNAMED for name in names):
            return text
        return f"{function}({', '.join(named)})" if named else function
    texts = [operand_name(item) if i in operands else index_text(item) for i, item in enumerate(args)]
    text = filled(op.symbol, texts)
    if len(text) > LONGEST_FORMULA:
        text = filled(op.symbol, [UNNAMED if i in operands else item for i, item in enumerate(texts)])
    return text


def filled(symbol: str, texts: list[str]) -> str:
    """The template of an op with its arguments: ``{}`` is the next one, ``{2}`` the one with this position."""
    following = iter(texts)
    return re.sub(r"{(\d*)}", lambda field: texts[int(field[1])] if field[1] else next(following), symbol)


def operand_name(item: Any) -> str:
    """The label of a Value, the digits of a number, a dot for anything else."""
    if item.__class__ is float:
        return f"{item:.6g}"
    return str(item.label) if item.__class__ is Value and item.label else UNNAMED


def settings(op: Op, args: tuple[Any, ...]) -> list[str]:
    """The arguments that are not operands, as ``axis=0``, without None and without defaults."""
    operands = [position for position, _ in op.rules]
    texts = []
    for position, parameter in enumerate(inspect.signature(op).parameters.values()):
        item = args[position]
        if position not in operands and item is not None and repr(item) != repr(parameter.default):
            texts.append(f"{parameter.name}={shortened(setting_text(item), LONGEST_ARGUMENT)}")
    return texts


def index_text(index: Any) -> str:
    """An index as it stands between square brackets: ``0, 2:``; … if it is long."""
    text = ", ".join(map(setting_text, index if index.__class__ is tuple else (index,)))
    return text if len(text) <= LONGEST_ARGUMENT else "…"


def setting_text(item: Any) -> str:
    """An axis, a shape or an index as Python writes it, a dtype by its name, an array if it is short."""
    if item.__class__ is tuple:
        return f"({', '.join(map(setting_text, item))}{',' * (len(item) == 1)})"
    if item.__class__ is slice:
        ends = [item.start, item.stop] + ([] if item.step is None else [item.step])
        return ":".join("" if end is None else str(end) for end in ends)
    if item.__class__ is np.ndarray:
        return str(item.tolist()) if item.size <= 3 else "array"
    if isinstance(item, (type, np.dtype)):
        return np.dtype(item).name
    return "..." if item is Ellipsis else f"{item:.6g}" if item.__class__ is float else repr(item)


def shortened(text: str, longest: int) -> str:
    """The beginning of a long text, and an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"

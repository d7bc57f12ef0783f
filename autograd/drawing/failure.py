"""The graph up to the operation that failed, from the traceback of an exception: its frames still hold the Values."""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np

from autograd.backward import contributions
from autograd.drawing.collapsing import collapsed
from autograd.drawing.picture import Node, Picture
from autograd.drawing.sources import line_text, place_of
from autograd.drawing.texts import UNNAMED, filled, shortened
from autograd.op import Op, is_value
from autograd.scopes import INSIDE
from autograd.value import Value, node

NUMPY = os.path.dirname(np.__file__) + os.sep
LONGEST = 1000  # characters of an error's text below the title, and in the node
IN_NODE = 50


def failed_root(error: BaseException) -> tuple[Value, str]:
    """A Value that stands for the operation that failed, with its operands, and its title.

    Raises:
        ValueError: if no frame of the traceback holds a Value.
    """
    frames = [frame for one in causes(error) for frame in frames_of(one)]
    for frame in reversed(frames):  # the innermost first
        node_of_rule = frame.f_locals.get("node") if frame.f_code is contributions.__code__ else None
        if isinstance(node_of_rule, Value) and node_of_rule.op is not None:
            return standing_for("rule", [node_of_rule]), f"the rule of {node_of_rule.op.name}"
        op, operands = operation_of(frame)
        if op is not None and any(item.__class__ is Value for item in operands):
            return standing_for(op.name, operands), title_of(op, operands)
    for frame in reversed(frames):
        operands = list(values_in(list(frame.f_locals.values())))
        if operands:
            name = type(error).__name__
            return standing_for(name, operands), f"{name} in {frame.f_code.co_name}"
    raise ValueError(
        f"draw(error) draws the Values in the traceback of an exception, but that of {type(error).__name__} holds none: "
        "pass the exception that a computation with Values raised, inside of the except block or later"
    )


def marked_as_failed(picture: Picture, title: str, error: BaseException, depth: int | None, most: int) -> Picture:
    """The picture of `failed_root` with its output as the operation that failed, and the error's text."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    line, source = user_line(error)
    first, *others = picture.nodes
    failed = Node(first.name, "failed", title, order=first.order, ordered=first.ordered, line=line, source=source)
    failed = replace(failed, rows=((shortened(text, IN_NODE),),), notes=(shortened(text, LONGEST),))
    note = f"{title} failed{f', at {line}' if line else ''}: {shortened(text, LONGEST)}"
    return collapsed(replace(picture, nodes=(failed, *others), notes=(note, *picture.notes)), depth, most)


def causes(error: BaseException) -> list[BaseException]:
    """An exception and those that led to it, the first of them last."""
    found = [error]
    for one in found:
        inner = getattr(one, "exceptions", ()) or (one.__cause__ or one.__context__,)
        found += [item for item in inner if item is not None and all(item is not known for known in found)]
    return found


def frames_of(error: BaseException) -> Iterator[FrameType]:
    """The frames of a traceback, the outermost first."""
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def operation_of(frame: FrameType) -> tuple[Op | None, list[Any]]:
    """The operation that a frame of the engine was about, and its operands."""
    if not frame.f_code.co_filename.startswith(INSIDE):
        return None, []
    names = frame.f_locals
    op = next((item for item in (names.get("op"), names.get("self")) if isinstance(item, Op)), None)
    given = names.get("args") if "args" in names else (names.get("self"), names.get("other"))
    return op, list(operands_in(given))


def operands_in(items: Any) -> Iterator[Any]:
    """Values, arrays and floats in nested lists and tuples."""
    if isinstance(items, (list, tuple)):
        for item in items:
            yield from operands_in(item)
    elif items.__class__ is Value or isinstance(items, (np.ndarray, float)):
        yield items


def values_in(items: Any) -> Iterator[Value]:
    return (item for item in operands_in(items) if item.__class__ is Value)


def standing_for(name: str, operands: list[Any]) -> Value:
    """A node with these operands; it has no data and its rule is never called."""
    distinct = list({id(item): item for item in operands}.values())
    op = Op(lambda operands: None, {"operands": unknown}, name=name, symbol=name, kind="custom", array=unknown)
    return node(op, float("nan"), (tuple(distinct),))


def unknown(*args: Any) -> Any:
    """The derivative of what failed."""
    raise AssertionError("an operation that failed has no derivative")


def title_of(op: Op, operands: list[Any]) -> str:
    names = [str(item.label) or place_of(item)[2] or UNNAMED if is_value(item) else UNNAMED for item in operands]
    return filled(op.symbol, names) if op.symbol.count("{}") == len(names) else op.name


def user_line(error: BaseException) -> tuple[str, str]:
    """The innermost line outside of the engine and of NumPy: ``"model.py:12"``, and its text."""
    traceback, found = error.__traceback__, ("", "")
    while traceback is not None:
        path = traceback.tb_frame.f_code.co_filename
        if not path.startswith((*INSIDE, NUMPY)):
            found = line_text(path, traceback.tb_lineno), linecache.getline(path, traceback.tb_lineno).strip()
        traceback = traceback.tb_next
    return found

"""Finds the graph up to the operation that failed: the frames of an exception's traceback still hold the Values."""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterator
from dataclasses import replace
from inspect import unwrap
from types import FrameType
from typing import Any

import numpy as np

from autograd.backward import Pullback
from autograd.drawing.picture import Node, Picture
from autograd.drawing.read.budget import fit_to_budget
from autograd.drawing.read.graph import node_without_data
from autograd.drawing.read.node_texts import UNNAMED, fill_template, shortened
from autograd.drawing.read.sources import line_text, source_of
from autograd.op import Op, is_value
from autograd.ops.rules import contributions
from autograd.scopes import INSIDE
from autograd.transforms.trees import is_module
from autograd.value import Value

NUMPY = os.path.dirname(np.__file__) + os.sep
LONGEST, LONGEST_IN_NODE = 1000, 50  # characters of an error message below the title, and in the node
# In their frames, `node` is the Value whose rule is called.
RULES = (contributions.__code__, Pullback.general.__code__, unwrap(Pullback.numeric).__code__)


def failed_root(error: BaseException) -> tuple[Value, str, BaseException]:
    """Return a Value that stands in for the operation that failed, its title, and the exception that it raised.

    Raises:
        ValueError: if no frame of the traceback holds a Value.
    """
    frames = [(frame, one) for one in causes(error) for frame in traceback_frames(one)]
    for frame, one in reversed(frames):  # the innermost first
        node_of_rule = frame.f_locals.get("node") if frame.f_code in RULES else None
        if isinstance(node_of_rule, Value) and node_of_rule.op is not None:
            return stand_in_for([node_of_rule]), f"the rule of {node_of_rule.op.name}", one
        op, operands = operation_of(frame)
        if op is not None and any(item.__class__ is Value for item in operands):
            return stand_in_for(operands), title_of_failed(op, operands), one
    for frame, one in reversed(frames):
        operands = list(values_in([*frame.f_locals.values(), parameters_in(frame)]))
        if operands:
            return stand_in_for(operands), f"{type(one).__name__} in {where_failed(one)}", one
    raise ValueError(
        f"draw(error) draws the Values in the traceback of an exception, but the traceback of {type(error).__name__} holds "
        "none: pass the exception that a computation with Values raised, inside the except block or later"
    )


def marked_as_failed(
    picture: Picture, title: str, cause: BaseException, error: BaseException, depth: int | None, most: int
) -> Picture:
    """Return the picture of `failed_root` with the output drawn as the operation that failed, and the error message.

    Parameters that no operand depends on are left out, as the computation did not reach them.
    """
    raised = type(cause).__name__
    text = " ".join(f"{raised}: {cause}".split()).removesuffix(":")
    if cause is not error:
        text += f"; then {' '.join(f'{type(error).__name__}: {error}'.split()).removesuffix(':')}"
    line, source = user_line(cause)
    first, *others = picture.nodes
    failed = Node(first.name, "failed", title, order=first.order, ordered=first.ordered, line=line, source=source)
    failed = replace(failed, rows=((shortened(text, LONGEST_IN_NODE),),), notes=(shortened(text, LONGEST),))
    is_operation = not title.startswith(f"{raised} in ")  # otherwise the title names what was raised
    note = f"{title}{' failed' * is_operation}{f', at {line}' if line else ''}"
    note = f"{note}: {shortened(text if is_operation else text.removeprefix(f'{raised}: '), LONGEST)}".removesuffix(f": {raised}")
    nodes = (failed, *(node for node in others if node.role != "unreached"))
    return fit_to_budget(replace(picture, nodes=nodes, notes=(note, *picture.notes)), depth, most)


def causes(error: BaseException) -> list[BaseException]:
    """Return an exception and those that led to it, the original one last."""
    found = [error]
    for one in found:
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        inner = getattr(one, "exceptions", ()) or (before,)
        found += [item for item in inner if item is not None and all(item is not known for known in found)]
    return found


def traceback_frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of a traceback, the outermost first."""
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def operation_of(frame: FrameType) -> tuple[Op | None, list[Any]]:
    """Return the operation that a frame of the engine was computing, and its operands."""
    if not frame.f_code.co_filename.startswith(INSIDE):
        return None, []
    names = frame.f_locals
    op = next((item for item in (names.get("op"), names.get("self")) if isinstance(item, Op)), None)
    given = names.get("args") if "args" in names else (names.get("self"), names.get("other"))
    return op, list(operands_in(given))


def operands_in(items: Any) -> Iterator[Any]:
    """Yield the Values, arrays and floats in nested lists, tuples and dicts."""
    if isinstance(items, (list, tuple, dict)):
        for item in items.values() if isinstance(items, dict) else items:
            yield from operands_in(item)
    elif items.__class__ is Value or isinstance(items, (np.ndarray, float)):
        yield items


def values_in(items: Any) -> Iterator[Value]:
    return (item for item in operands_in(items) if item.__class__ is Value)


def parameters_in(frame: FrameType) -> list[Any]:
    """Return the attributes of a module, if the frame belongs to its forward()."""
    module = frame.f_locals.get("self")
    return list(vars(module).values()) if is_module(module) and hasattr(module, "__dict__") else []


def model_of(error: BaseException) -> Any:
    """Return the outermost module that was being called, to name its parameters; None if there is none."""
    frames = [frame for one in reversed(causes(error)) for frame in traceback_frames(one)]
    return next((frame.f_locals["self"] for frame in frames if is_module(frame.f_locals.get("self"))), None)


def stand_in_for(operands: list[Any]) -> Value:
    """Return a node with these operands. It has no data, and its rule is never called."""
    distinct = list({id(item): item for item in operands}.values())
    op = Op(
        lambda operands: None, {"operands": no_derivative}, name="failed", symbol="failed", kind="custom", array=no_derivative
    )
    return node_without_data(op, tuple(distinct))


def no_derivative(*args: Any) -> Any:
    """Raise AssertionError: the failed operation has no derivative."""
    raise AssertionError("an operation that failed has no derivative")


def title_of_failed(op: Op, operands: list[Any]) -> str:
    names = [operand_name(item) for item in operands]
    return fill_template(op.symbol, names) if op.symbol.count("{}") == len(names) else op.name


def operand_name(item: Any) -> str:
    """Return the name of an operand in a formula: its label or variable, or the number itself."""
    if item.__class__ is float:
        return f"{item:.6g}"
    return (str(item.label) or source_of(item).variable or UNNAMED) if is_value(item) else UNNAMED


def where_failed(error: BaseException) -> str:
    """Return the name of what the user called: the class of a module, a function of the engine, or a function of the user."""
    frames = list(traceback_frames(error))
    own = max((i for i, frame in enumerate(frames) if not frame.f_code.co_filename.startswith((*INSIDE, NUMPY))), default=-1)
    inner = [frame for frame in frames[own + 1 :] if frame.f_code.co_filename.startswith(INSIDE)]
    modules = [frame.f_locals["self"] for frame in inner if is_module(frame.f_locals.get("self"))]
    if modules:
        return type(modules[-1]).__name__
    called = inner[0].f_code.co_name if inner else "_"
    if own < 0 or not called.startswith(("_", "<")):
        return f"{called}()"
    return frames[own].f_code.co_qualname.rpartition("<locals>.")[2]  # Net.forward


def user_line(error: BaseException) -> tuple[str, str]:
    """Return the innermost line outside the engine and NumPy, ``"model.py:12"``, and its text."""
    traceback, found = error.__traceback__, ("", "")
    while traceback is not None:
        path = traceback.tb_frame.f_code.co_filename
        if not path.startswith((*INSIDE, NUMPY)):
            found = line_text(path, traceback.tb_lineno), linecache.getline(path, traceback.tb_lineno).strip()
        traceback = traceback.tb_next
    return found

"""Read the source code at an instruction of a frame: its expression, and the objects that its names refer to.

Messages use it to name the call that failed (numpy/leaving.py), drawings to show the line of a node (drawing/read/sources.py).
It evaluates nothing.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import linecache
import re
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType, ModuleType
from typing import Any

Span = tuple[int, int, int, int]  # first line and column, last line and column; columns count bytes
UNKNOWN = object()
#: Instructions around a call that push no argument.
IGNORED = ("PRECALL", "PUSH_NULL", "KW_NAMES", "RESUME", "NOP")


def span_of(code: CodeType, instruction: int) -> Span | None:
    """Return the span of the expression at an instruction; None if it is unknown."""
    line, last_line, column, last_column = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    return (
        None
        if line is None or last_line is None or column is None or last_column is None
        else (line, column, last_line, last_column)
    )


def text_at(code: CodeType, instruction: int) -> str:
    """Return the text of the expression at an instruction; "" if it is unknown."""
    span = span_of(code, instruction)
    if span is None:
        return ""
    first, column, last, last_column = span
    lines = [linecache.getline(code.co_filename, number).encode() for number in range(first, last + 1)]
    lines[-1] = lines[-1][:last_column]
    return b" ".join(part.strip() for part in [lines[0][column:], *lines[1:]]).decode(errors="replace")


@lru_cache(maxsize=1000)
def expression_at(code: CodeType, instruction: int) -> ast.expr | None:
    """Return the expression at an instruction; None if its source is unknown."""
    try:
        return ast.parse(text_at(code, instruction) or call_at(code, instruction), mode="eval").body
    except (SyntaxError, ValueError):  # a part of a call in several lines, or no call
        return None


def call_at(code: CodeType, instruction: int) -> str:
    """Return the text of a call in code without source, as at Python's prompt: ``"math.sin(w)"``, or ``"math.sin(...)"``."""
    before = [item for item in dis.get_instructions(code) if item.offset <= instruction and item.opname != "CACHE"]
    last = before.pop() if before else None
    if last is None or last.opname != "CALL":
        return ""
    missing, arguments = last.arg or 0, []  # the number of arguments pushed before the call
    while before and missing > 0:
        item = before.pop()
        if item.opname not in IGNORED:
            arguments.append(item)
            missing -= dis.stack_effect(item.opcode, item.arg, jump=False)
    while before and before[-1].opname in IGNORED:
        before.pop()
    names: list[str] = []
    while before and before[-1].opname in ("LOAD_METHOD", "LOAD_ATTR"):
        names.append(str(before.pop().argval))
    if not before:
        return ""
    owner = str(before[-1].argval) if before[-1].opname.startswith("LOAD_") and before[-1].opname != "LOAD_CONST" else ""
    if not owner and not names:
        return ""
    return f"{'.'.join([owner or '(...)', *names[::-1]])}({', '.join(arguments_in(arguments[::-1]))})"


def arguments_in(pushed: list[dis.Instruction]) -> list[str]:
    """Return the texts of the names, constants, lists and tuples that instructions push; only "..." if they push others."""
    found: list[str] = []
    for item in pushed:
        if item.opname in ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FAST", "LOAD_DEREF"):
            found.append(str(item.argval))
        elif item.opname == "LOAD_CONST":
            found.append(repr(item.argval))
        elif item.opname in ("BUILD_LIST", "BUILD_TUPLE") and item.arg and item.arg <= len(found):
            found[-item.arg :] = [f"[{', '.join(found[-item.arg :])}]"]
        else:
            return ["..."]
    return found


@lru_cache(maxsize=1000)
def assignment_at(code: CodeType, instruction: int) -> ast.Assign | ast.AugAssign | None:
    """Return the assignment to the target that an instruction writes; None if there is none."""
    span, target = span_of(code, instruction), text_at(code, instruction)
    if span is None or not target:
        return None
    text = target + " " + linecache.getline(code.co_filename, span[2]).encode()[span[3] :].decode(errors="replace").strip()
    for number in range(span[2] + 1, span[2] + 20):
        try:
            statement = ast.parse(re.sub(r"^(.*?)\s*;\s*$", r"\1", text)).body[0]
        except (SyntaxError, ValueError):  # the statement continues
            text += "\n" + linecache.getline(code.co_filename, number)
            continue
        return statement if isinstance(statement, (ast.Assign, ast.AugAssign)) else None
    return None


@lru_cache(maxsize=1000)
def operation_at(code: CodeType, instruction: int) -> str:
    """Return the name of an instruction: "CALL", "STORE_SUBSCR"."""
    return dis.opname[code.co_code[instruction]]


def meaning(node: ast.AST | None, frame: FrameType) -> Any:
    """Return the object that a name, an attribute or a constant refers to in a frame; UNKNOWN for other expressions."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        for names in (frame.f_locals, frame.f_globals, vars(builtins)):
            if node.id in names:
                return names[node.id]
    if isinstance(node, ast.Attribute):
        owner = meaning(node.value, frame)
        if owner is not UNKNOWN:
            names = vars(owner) if isinstance(owner, ModuleType) else {}
            return names[node.attr] if node.attr in names else inspect.getattr_static(owner, node.attr, UNKNOWN)
    return UNKNOWN

"""Finds the source of a Value from its recorded place: the line, the expression, and the variable it was assigned to."""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

from autograd.scopes import Place
from autograd.source import Span, span_of, text_at


class Source(NamedTuple):
    """The source of a Value; unknown parts are "".

    Attributes:
        line: ``"model.py:12"``.
        text: the expression, ``"x @ w + b"``.
        variable: the variable it was assigned to, ``"hidden"``.
    """

    line: str = ""
    text: str = ""
    variable: str = ""


UNKNOWN = Source()


@lru_cache(maxsize=10_000)
def source_at(code: CodeType, instruction: int) -> Source:
    """Return the source of what an instruction computed."""
    span = span_of(code, instruction)
    if span is None:
        return UNKNOWN
    return Source(
        line_text(code.co_filename, span[0]), text_at(code, instruction), assigned_variables(code.co_filename).get(span, "")
    )


def line_text(path: str, line: int) -> str:
    """Return ``"model.py:12"``, or the line of a notebook cell, whose file has a number for a name."""
    return f"line {line} of the cell" if "ipykernel_" in path else f"{os.path.basename(path)}:{line}"


def source_of(value: Any) -> Source:
    """Return the source of a Value, if places were recorded."""
    place = value.place
    return source_at(place.code, place.instruction) if place.__class__ is Place else UNKNOWN


@lru_cache(maxsize=100)
def assigned_variables(path: str) -> dict[Span, str]:
    """Return the variables assigned in a file, by the span of the expression."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):  # a template, or a notebook cell with magic commands
        return {}
    return dict(assignments(tree))


def assignments(tree: ast.AST) -> Iterator[tuple[Span, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and is_name(node.targets[0]):
            yield span(node.value), ast.unparse(node.targets[0])
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None and is_name(node.target):
            yield span(node.value), ast.unparse(node.target)
        elif isinstance(node, ast.AugAssign) and is_name(node.target):
            yield span(node), ast.unparse(node.target)


def is_name(target: ast.expr) -> bool:
    return isinstance(target, (ast.Name, ast.Attribute))


def span(node: Any) -> Span:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset

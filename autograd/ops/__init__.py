"""The table of operations, one module per family. An op is one entry: forward, rules, kind, domain."""

from __future__ import annotations

from typing import Any

from autograd.op import Op
from autograd.ops import elementwise, indexing, linalg, reductions, shapes


def table() -> dict[str, Op]:
    """Every primitive operation by name, read from the modules of this package."""
    modules = (elementwise, reductions, shapes, indexing, linalg)
    return {op.name: op for module in modules for op in vars(module).values() if isinstance(op, Op)}


def micrograd_symbol(value: Any) -> str:
    """The operation that computed a Value as micrograd writes it: '+', '**2', 'ReLU', '' for a leaf."""
    if value.op is None:
        return ""
    symbol = value.op.symbol.replace("{}", "").strip()
    if value.op is elementwise.pow and value._y.__class__ is float:
        return f"**{value._y:g}"
    return "ReLU" if value.op is elementwise.relu else value.op.name if "(" in symbol or "[" in symbol else symbol

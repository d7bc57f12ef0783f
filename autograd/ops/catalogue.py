"""The table of operations, read from the modules of this package. Nothing registers itself."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from autograd.op import Op
from autograd.ops import (
    activations,
    bessel,
    calculus,
    convolution,
    define,
    elementwise,
    incomplete,
    indexing,
    integrals,
    kinks,
    linalg,
    normalisation,
    order,
    padding,
    products,
    recurrence,
    reductions,
    scans,
    shapes,
    special,
    statistics,
)

MODULES = (
    elementwise, kinks, scans, reductions, shapes, indexing, order, padding, products, calculus, linalg, statistics, special,
    incomplete, integrals, bessel,
    convolution, normalisation, activations, recurrence,
)  # fmt: skip


#: The modules whose functions SciPy computes.
SCIPY_MODULES = (special, incomplete, integrals, bessel)

for module in MODULES:  # each after those it imports from, so that the first module with an op is the one that defines it
    for item in vars(module).values():
        if isinstance(item, Op) and item.__module__ == define.__name__:
            item.__module__ = module.__name__


def table() -> dict[str, Op]:
    """Return every primitive operation by name, read from the modules of this package."""
    return {op.name: op for module in MODULES for op in vars(module).values() if isinstance(op, Op)}


@functools.cache
def functions() -> dict[str, Callable[..., Any]]:
    """Return every public function by name: operations without an underscore, and composed functions."""
    return {
        name: item
        for module in MODULES
        for name, item in vars(module).items()
        if name[0] != "_" and (isinstance(item, Op) or hasattr(item, "composed")) and item.__module__ == module.__name__
    }


def needs_scipy(function: Callable[..., Any]) -> bool:
    """Return whether SciPy computes a function or an operation."""
    return function.__module__ in {module.__name__ for module in SCIPY_MODULES}


def micrograd_symbol(value: Any) -> str:
    """Return the operation that computed a Value as micrograd writes it: '+', '**2', 'ReLU', '' for a leaf."""
    if value.op is None:
        return ""
    symbol = value.op.symbol.replace("{}", "").strip()
    if value.op is elementwise.pow and value._y.__class__ is float:
        return f"**{value._y:g}"
    return "ReLU" if value.op is kinks.relu else value.op.name if "(" in symbol or "[" in symbol else symbol


def ops_stub() -> str:
    """Return the text of __init__.pyi, which lists the functions of this package for editors and type checkers."""
    homes = {name: item.__module__ for name, item in functions().items()}
    homes |= dict.fromkeys(("functions", "micrograd_symbol", "needs_scipy", "table"), __name__)
    order = sorted(homes, key=lambda name: (homes[name], re.sub(r"\d+", lambda digits: digits[0].zfill(3), name)))
    lines = [f"from {homes[name]} import {name} as {name}" for name in order]  # log2 before log10, as linters sort
    return '"""Written by `python -m autograd stub` from the table of operations."""\n\n' + "\n".join(lines) + "\n"

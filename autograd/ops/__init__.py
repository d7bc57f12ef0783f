"""The table of operations, one module per family. An op is one entry: forward, rules, kind, domain."""

from __future__ import annotations

from autograd.op import Op
from autograd.ops import elementwise, indexing, linalg, reductions, shapes


def table() -> dict[str, Op]:
    """Every primitive operation by name, read from the modules of this package."""
    modules = (elementwise, reductions, shapes, indexing, linalg)
    return {op.name: op for module in modules for op in vars(module).values() if isinstance(op, Op)}

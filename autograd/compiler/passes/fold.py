"""Constant folding: compute now what depends on nothing that may differ between two calls."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.blockwise import ufunc_of
from autograd.compiler.program import Guard, Instruction, Program, Variable, replaced

#: Functions that are called on every replay, as each call makes something new.
MAKES_NEW = {np.empty}


def fold_constants(program: Program) -> None:
    """Replace variables that are known, and that nothing writes to, by their numbers and arrays."""
    written = {item.root for instruction in program.instructions for item in instruction.writes}
    results = {item.root for item in program.finals if isinstance(item, Variable)}
    found: dict[Variable, Any] = {}
    kept: list[Instruction | None] = []
    for item in program.instructions:
        known = all(part in found for part in item.operands)
        known = known and all(part.known and part.root not in written and part.root not in results for part in item.outs)
        if known and item.outs and item.function not in MAKES_NEW:
            args, named = (replaced(part, lambda v: found[v]) for part in (item.args, item.named))
            out = item.function(*args, **named)
            arrays = [x for x in args if isinstance(x, np.ndarray)]
            if ufunc_of(item.function) is not None and arrays and out.size and not any(any(x.strides) for x in arrays):
                out = np.broadcast_to(out[(0,) * out.ndim], out.shape)  # all elements are the same: kept as one
            found.update(zip(item.outs, out if isinstance(item.out, list) else [out], strict=True))
            kept.append(None)
        elif type(item.function) is Guard and all(v in found for v in item.operands):
            kept.append(None)
        else:
            kept.append(item.with_variables(found))
    program.replace(kept, found)

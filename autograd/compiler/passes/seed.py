"""Seed: a second backward part for the cotangent 1.0 of a loss, in which what depends on it alone is computed now."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.blockwise import Blockwise
from autograd.compiler.passes.algebra import simplify
from autograd.compiler.passes.broadcasts import leave_out_broadcasts
from autograd.compiler.passes.common import share_common
from autograd.compiler.passes.dead import drop_dead
from autograd.compiler.passes.fold import MAKES_NEW
from autograd.compiler.program import Guard, Instruction, Program, Source, Variable, replaced


def copy_for_one(program: Program) -> None:
    """Set ``program.from_one`` to a program that computes the cotangents from the arrays of the forward part and the seed 1.0."""
    seeds = [variable for variable, source in program.inputs.items() if source.kind == "seed" and variable.kind is float]
    items = program.instructions[program.split :]
    if not seeds or any(type(item.function) is Blockwise for item in items):
        return
    copies = {x: copied(x) for item in items for x in item.outs}
    for x, twin in copies.items():
        twin.root = copies.get(x.root, x.root)
    new: dict[Variable, Any] = copies | {seeds[0]: 1.0}
    other = Program()
    for item in items:
        args, named, out, writes = (
            replaced(part, lambda v: new.get(v, v)) for part in (item.args, item.named, item.out, item.writes)
        )
        other.instructions.append(Instruction(item.function, args, named, out, writes, item.place, item.errors))
    other.cotangents = replaced(program.cotangents, lambda v: new.get(v, v))
    made = set(copies.values())
    other.inputs = {x: Source("kept") for item in other.instructions for x in item.operands if x not in made}
    fold_seed(other)
    for change in (simplify, leave_out_broadcasts, share_common, drop_dead):
        change(other)
    if len(other.instructions) < len(items):
        program.from_one = other


def copied(x: Variable) -> Variable:
    """Return another variable of the same kind."""
    twin = Variable.__new__(Variable)
    for name in Variable.__slots__:
        setattr(twin, name, getattr(x, name))
    return twin


def fold_seed(program: Program) -> None:
    """Replace what depends on constants only by its numbers, unless it is a result or written to."""
    written = {x.root for item in program.instructions for x in item.writes}
    results = {x.root for x in program.finals}
    found: dict[Variable, Any] = {}
    kept: list[Instruction | None] = []
    for item in program.instructions:
        function: Any = item.function
        free = not any(getattr(function, name, False) for name in ("effect", "custom")) and function not in MAKES_NEW
        own = all(x.root not in written and x.root not in results for x in item.outs)
        if free and own and item.outs and type(function) is not Guard and all(x in found for x in item.operands):
            args, named = (replaced(part, lambda v: found[v]) for part in (item.args, item.named))
            with np.errstate(all="ignore"):
                out = function(*args, **named)
            found.update(zip(item.outs, out if isinstance(item.out, list) else [out], strict=True))
            kept.append(None)
        else:
            kept.append(item.with_variables(found))
    program.replace(kept, found)

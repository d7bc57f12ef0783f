"""Seed: a second backward part for the cotangent 1.0 of a loss, in which what depends on it alone is computed now."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.blockwise import Blockwise
from autograd.compiler.passes.algebra import simplify
from autograd.compiler.passes.broadcasts import leave_out_broadcasts
from autograd.compiler.passes.common import share_common
from autograd.compiler.passes.dead import drop_dead
from autograd.compiler.passes.fold import fold_constants
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
    mark_known(other)
    with np.errstate(all="ignore"):
        fold_constants(other)
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


def mark_known(program: Program) -> None:
    """Mark the variables that depend on constants only, as all do that depend on nothing but the seed."""
    for item in program.instructions:
        function: Any = item.function
        free = type(function) is not Guard and not any(getattr(function, name, False) for name in ("effect", "custom"))
        if free and all(x.known for x in item.operands):
            for x in item.outs:
                x.known = True

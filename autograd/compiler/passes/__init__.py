"""Passes over a program: each is a short file with one function that changes a program in place and keeps its numbers."""

from __future__ import annotations

from autograd.compiler.passes.algebra import simplify
from autograd.compiler.passes.blocks import form_blocks
from autograd.compiler.passes.broadcasts import leave_out_broadcasts
from autograd.compiler.passes.built import share_built
from autograd.compiler.passes.common import share_common
from autograd.compiler.passes.copies import drop_copies
from autograd.compiler.passes.dead import drop_dead
from autograd.compiler.passes.finite import check_together
from autograd.compiler.passes.fold import fold_constants
from autograd.compiler.passes.invariant import move_invariants
from autograd.compiler.passes.pooling import pool_first
from autograd.compiler.passes.reuse import reuse_memory
from autograd.compiler.passes.scalars import convert_scalars
from autograd.compiler.passes.seed import copy_for_one
from autograd.compiler.passes.slices import write_slices
from autograd.compiler.passes.updates import update_by_parts
from autograd.compiler.passes.vectors import join_cotangents, join_updates
from autograd.compiler.passes.workspace import use_workspace
from autograd.compiler.program import Program

PASSES = (
    fold_constants,
    simplify,
    leave_out_broadcasts,
    share_common,
    share_built,
    share_common,
    pool_first,
    drop_copies,
    write_slices,
    check_together,
    drop_dead,
    form_blocks,
    update_by_parts,
    copy_for_one,
    convert_scalars,
    join_updates,
    join_cotangents,
    reuse_memory,
    use_workspace,
)


def optimise(program: Program, repeated: bool = False) -> Program:
    """Run all passes, and return the program; `repeated` says that its backward part runs several times for each call."""
    program.history.append(("recorded", len(program.instructions)))
    for change in PASSES:
        if change is form_blocks and repeated:
            move_invariants(program)
        change(program)
        if program.from_one is not None and change is not copy_for_one:
            change(program.from_one)
        program.history.append((change.__name__, len(program.instructions)))
    return program

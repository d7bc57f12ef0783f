"""Invariants: compute in the forward part what does not depend on the cotangent, for backward parts that run many times."""

from __future__ import annotations

from autograd.compiler.program import Guard, Instruction, Program


def move_invariants(program: Program) -> None:
    """Move what is the same for every cotangent from the backward part to the forward part.

    The rows of a Hessian are backward passes of one forward pass.
    """
    varying = {variable for variable, source in program.inputs.items() if source.kind == "seed"}
    written = {variable.root for item in program.instructions for variable in item.writes}
    early: list[Instruction] = []
    late: list[Instruction] = []
    for item in program.instructions[program.split :]:
        pure = item.outs and type(item.function) is not Guard and not getattr(item.function, "effect", False)
        if pure and not any(v in varying or v.root in written for v in (*item.operands, *item.outs)):
            early.append(item)
        else:
            late.append(item)
            varying.update(item.outs)
    program.instructions[program.split :] = early + late
    program.split += len(early)

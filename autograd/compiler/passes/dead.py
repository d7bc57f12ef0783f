"""Dead code: leave out what no result, effect or guard needs."""

from __future__ import annotations

from autograd.compiler.program import Guard, Instruction, Program, Variable


def drop_dead(program: Program) -> None:
    """Leave out instructions whose results nobody reads. A write is kept if its memory is read, or comes from outside."""
    needed: set[Variable] = set()
    roots = {variable.root for variable in program.inputs}  # whose memory is needed
    for variable in program.finals:
        needed.add(variable)
        roots.add(variable.root)
    kept: list[Instruction | None] = []
    for number, item in reversed([*enumerate(program.instructions)]):
        useful = (
            type(item.function) is Guard
            or getattr(item.function, "effect", False)
            or not needed.isdisjoint(item.outs)
            or any(variable.root in roots for variable in item.writes)
            or (number < program.split and getattr(item.function, "__module__", "") == "numpy.linalg")  # may raise LinAlgError
        )
        if useful:
            for variable in item.operands:
                needed.add(variable)
                roots.add(variable.root)
        kept.append(item if useful else None)
    program.replace(kept[::-1], {})
    read = needed | set(program.finals)
    program.inputs = {v: source for v, source in program.inputs.items() if v in read or source.kind in ("argument", "seed")}

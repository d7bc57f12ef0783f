"""Copies: leave out those of arrays that nobody else keeps, as of gradients, which own their memory."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.program import Attribute, Instruction, Method, Program, Variable, variables_in

#: Functions besides ufuncs whose results are new arrays.
NEW = {
    operator.add, operator.sub, operator.mul, operator.truediv, operator.neg, operator.pow, operator.matmul, np.array, np.where,
    np.dot, np.concatenate, np.stack, np.zeros_like, Method("copy"),
}  # fmt: skip
COPIES = {np.array, Method("copy")}
#: Functions whose results are all of an array, in another order of axes or shape.
VIEWS = {Attribute("T"), np.transpose, np.swapaxes, np.reshape, *map(Method, ("transpose", "swapaxes", "reshape", "ravel"))}


def drop_copies(program: Program) -> None:
    """Use an array itself in place of its copy, if none of the two is written to, and only one of them is kept."""
    written = {item.root for instruction in program.instructions for item in instruction.writes}
    second = program.instructions[program.split :]
    kept = {item.root for instruction in second for item in instruction.operands} if second else set()  # for the backward part
    kept &= {item for instruction in program.instructions[: program.split] for item in instruction.outs}
    taken = {item.root for item in program.finals} | given_away(program)
    new: dict[Variable, Any] = {}
    made: set[Variable] = set()
    instructions: list[Instruction | None] = []
    for number, item in enumerate(program.instructions):
        item = item.with_variables(new)
        if is_copy(item):
            source, out = item.args[0], item.out
            free = source in made and out.root is out and not {source.root, out} & written
            if free and (out not in taken or (source.root not in taken and (source.root not in kept or number >= program.split))):
                if out in taken:
                    taken.add(source.root)
                new[out] = source
                instructions.append(None)
                continue
        if makes_new(item) or (item.function in VIEWS and item.args[0] in made):
            made.update(item.outs)
        instructions.append(item)
    program.replace(instructions, new)


def given_away(program: Program) -> set[Variable]:
    """Return the roots of what the user's own functions were given, which may keep it."""
    return {
        x.root for item in program.instructions for x in item.operands
        if getattr(item.function, "effect", False) or getattr(item.function, "custom", False)
    }  # fmt: skip


def is_copy(item: Instruction) -> bool:
    """Whether an instruction copies one array."""
    if item.function not in COPIES or len(item.args) != 1 or item.named or not isinstance(item.args[0], Variable):
        return False
    return item.args[0].kind is item.out.kind is np.ndarray


def makes_new(item: Instruction) -> bool:
    """Whether the result of an instruction is an array that nothing else shares."""
    function: Any = item.function
    if not isinstance(item.out, Variable) or item.out.kind is not np.ndarray or item.out.root is not item.out:
        return False
    if "out" in item.named:
        return False
    if isinstance(function, np.ufunc) or isinstance(getattr(function, "__self__", None), np.ufunc):
        return sum(1 for _ in variables_in(item.args)) > 0
    return function in NEW or (function == Method("astype") and "copy" not in item.named and len(item.args) == 2)

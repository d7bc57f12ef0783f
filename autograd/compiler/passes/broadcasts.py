"""Broadcasts: let arithmetic broadcast its operands itself, and add axes by reshape(), which take a tenth of the time."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.program import Instruction, Method, Program, Variable

ARITHMETIC: set[Any] = {
    np.add, np.subtract, np.multiply, np.divide, operator.add, operator.sub, operator.mul, operator.truediv,
}  # fmt: skip


def leave_out_broadcasts(program: Program) -> None:
    """Put the narrow array in place of ``np.broadcast_to(narrow, shape)`` where the other operand has that shape."""
    written = {item.root for instruction in program.instructions for item in instruction.writes}
    narrow: dict[Variable, Variable] = {}
    instructions: list[Instruction | None] = []
    for item in program.instructions:
        args, out = item.args, item.out
        if item.function is np.expand_dims and len(args) == 2 and is_array(args[0]) and isinstance(out, Variable):
            item = Instruction(Method("reshape"), (args[0], out.shape), {}, out, (), item.place, item.errors)
        elif item.function is np.broadcast_to and len(args) == 2 and not item.named and is_array(args[0]) and args[0].shape:
            if args[0].root not in written:
                narrow[out] = args[0]
        elif item.function in ARITHMETIC and len(args) == 2 and not item.named and all(map(is_array, args)):
            x, y = args
            if x.shape == y.shape and (x in narrow) != (y in narrow):
                item = Instruction(item.function, (narrow.get(x, x), narrow.get(y, y)), {}, out, (), item.place, item.errors)
        instructions.append(item)
    program.replace(instructions, {})


def is_array(x: Any) -> bool:
    """Whether an argument is a variable of an array."""
    return isinstance(x, Variable) and x.kind is np.ndarray

"""Memory: let a result take the place of an operand that is not needed any more."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.passes.copies import makes_new
from autograd.compiler.program import Instruction, Program, Variable

#: The number of bytes from which it pays.
LARGE = 1 << 12
OPERATORS: dict[Any, np.ufunc] = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.true_divide,
    operator.neg: np.negative,
}  # fmt: skip


def reuse_memory(program: Program) -> None:
    """Let elementwise calls write into an operand that was made in the same part, has no views, and is not used later."""
    whole = list(program.instructions)
    shared = {x.root for item in whole for x in (*item.operands, *item.outs, *item.writes) if x.root is not x}
    shared |= {x.root for x in program.finals} | {x.root for item in whole for x in item.writes}
    last: dict[Variable, int] = {}
    for number, item in enumerate(whole):
        for variable in item.operands:
            last[variable] = number
    made: set[Variable] = set()
    for number, item in enumerate(whole):
        if number == program.split:
            made.clear()
        ufunc = OPERATORS.get(item.function, item.function if isinstance(item.function, np.ufunc) else None)
        if ufunc is not None and not item.named and len(item.args) == ufunc.nin and ufunc.signature is None and makes_new(item):
            for x in item.args:
                if isinstance(x, Variable) and x in made and last[x] == number and fits(x, item.out):
                    program.instructions[number] = Instruction(ufunc, (*item.args, x), {}, item.out, (), item.place)
                    break
        if makes_new(item) and item.out not in shared:
            made.add(item.out)


def fits(x: Variable, out: Variable) -> bool:
    """Whether a result may be written into `x`."""
    return x.shape == out.shape and x.dtype == out.dtype and x.contiguous and out.contiguous and x.nbytes >= LARGE

"""Memory: let a result take the place of an operand that is not needed any more."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.passes.copies import given_away, makes_new
from autograd.compiler.program import Instruction, Program, Variable

#: The number of bytes from which it pays.
LARGE = 1 << 12
MADE = {np.empty, np.zeros, np.ones, np.full}
OPERATORS: dict[Any, np.ufunc] = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.true_divide,
    operator.neg: np.negative,
}  # fmt: skip


def reuse_memory(program: Program) -> None:
    """Let elementwise calls write into an operand that was made in the same part, and whose memory is not used later."""
    kept = {x.root for x in program.finals} | given_away(program)
    last: dict[Variable, int] = {}  # by root
    for number, item in enumerate(program.instructions):
        for variable in (*item.operands, *item.writes):
            last[variable.root] = number
    made: set[Variable] = set()
    for number, item in enumerate(program.instructions):
        if number == program.split:
            made.clear()
        function = item.function
        ufunc = OPERATORS.get(function, function if isinstance(function, np.ufunc) else None)
        new = makes_new(item)
        if new and ufunc is not None and not item.named and len(item.args) == ufunc.nin and ufunc.signature is None:
            for x in item.args:
                if isinstance(x, Variable) and x in made and last[x] == number and fits(x, item.out):
                    program.instructions[number] = Instruction(ufunc, (*item.args, x), {}, item.out, (), item.place, item.errors)
                    break
        if (new or function in MADE) and item.out not in kept:
            made.add(item.out)


def fits(x: Variable, out: Variable) -> bool:
    """Whether a result may be written into `x`."""
    return x.shape == out.shape and x.dtype == out.dtype and x.contiguous and out.contiguous and x.nbytes >= LARGE

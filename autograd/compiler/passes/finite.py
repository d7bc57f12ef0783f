"""Finite gradients: check all gradients of a backward pass at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.compiler.program import Guard, Instruction, Program, Variable
from autograd.ops.inputs import is_finite

#: Together, arrays of one dtype with fewer numbers than this are joined first, as a call of NumPy takes longer.
SMALL = 4096


def are_finite(*arrays: Any) -> bool:
    """Whether all numbers of some arrays are finite; False also if the sum of their squares overflows."""
    return math.isfinite(sum([np.vdot(x, x) for x in arrays]))


def joined_are_finite(*arrays: Any) -> bool:
    """The same for small arrays of one dtype."""
    row = np.concatenate(arrays, None)
    return math.isfinite(np.vdot(row, row))


def check_together(program: Program) -> None:
    """Put one guard in place of several that find arrays finite, unless something is written between them."""
    instructions: list[Instruction | None] = list(program.instructions)
    checked: dict[Variable, int] = {}  # the arrays of results of is_finite(), by these
    group: list[int] = []  # the guards since the last write
    uses: dict[Variable, int] = {}
    for item in program.instructions:
        for variable in item.operands:
            uses[variable] = uses.get(variable, 0) + 1
    for number, item in enumerate(program.instructions):
        if number == program.split or item.writes or getattr(item.function, "effect", False):
            join(instructions, group, checked)
            group = []
        if item.function is is_finite and item.args[0].kind is np.ndarray:
            checked[item.out] = number
        elif type(item.function) is Guard and item.function.value is True and item.args[0] in checked and uses[item.args[0]] == 1:
            group.append(number)
    join(instructions, group, checked)
    program.replace(instructions, {})


def join(instructions: list[Instruction | None], group: list[int], checked: dict[Variable, int]) -> None:
    """Put one check and one guard in the places of the last ones of a group."""
    if len(group) < 2:
        return
    guards = [item for number in group if (item := instructions[number]) is not None]
    places = [checked[guard.args[0]] for guard in guards]
    arrays = [item.args[0] for place in places if (item := instructions[place]) is not None]
    small = sum(x.nbytes // x.dtype.itemsize for x in arrays) < SMALL and len({x.dtype for x in arrays}) == 1
    out = Variable(True)
    last = guards[-1]
    for number in (*places, *group):
        instructions[number] = None
    instructions[places[-1]] = Instruction(joined_are_finite if small else are_finite, tuple(arrays), {}, out)
    instructions[group[-1]] = Instruction(last.function, (out,), {}, None, (), last.place)

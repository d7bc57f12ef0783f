"""Finite gradients: check all gradients of a backward pass at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.compiler.program import Guard, Instruction, Program, Variable
from autograd.ops.inputs import is_finite, sum_of_squares

#: Arrays of one dtype with fewer numbers than this are joined first, as a call of NumPy takes longer.
SMALL = 2048


def are_finite(*arrays: Any) -> bool:
    """Whether all numbers of some arrays are finite; False also if the sum of their squares overflows."""
    return math.isfinite(sum(map(sum_of_squares, arrays)))


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
    """Put one check and one guard for all small arrays of a group, and one for the others, in the places of the last ones."""
    if len(group) < 2:
        return
    guards = [item for number in group if (item := instructions[number]) is not None]
    places = [checked[guard.args[0]] for guard in guards]
    arrays = [item.args[0] for place in places if (item := instructions[place]) is not None]
    last = guards[-1]
    for number in (*places, *group):
        instructions[number] = None
    small = [x for x in arrays if x.nbytes < SMALL * x.dtype.itemsize and x.dtype == arrays[-1].dtype]
    large = [x for x in arrays if x not in small]
    if len(small) < 3 or sum(x.nbytes for x in small) > 2 * SMALL * small[0].dtype.itemsize:
        small, large = [], arrays
    checks = [(function, found) for function, found in ((joined_are_finite, small), (are_finite, large)) if found]
    for number, (place, guard) in enumerate(list(zip(places, group, strict=True))[-len(checks) :]):
        function, found = checks[number]
        out = Variable(True)
        instructions[place] = Instruction(function, tuple(found), {}, out, (), last.place, {})
        instructions[guard] = Instruction(last.function, (out,), {}, None, (), last.place, {})

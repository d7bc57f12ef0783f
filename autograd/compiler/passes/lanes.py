"""Lanes: what an optimiser does to each of several small parameters, as instructions that are alike."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.blockwise import ufunc_of
from autograd.compiler.passes.common import hashable
from autograd.compiler.passes.copies import makes_new
from autograd.compiler.program import Argument, Guard, Instruction, Program, Variable, effective, variables_in

FEWEST = 3  # parameters that are worth a vector
SMALL, TOTAL = 1 << 14, 1 << 15  # numbers in an array and in a vector, above which calls of NumPy cost less than memory


class Lane(NamedTuple):
    """What is done to one parameter.

    Attributes:
        instructions: those that only this parameter depends on, by number.
        arrays, numbers: the variables that they read besides, in the order of their first use.
        form: what must be the same in another lane.
    """

    instructions: list[int]
    arrays: list[Variable]
    numbers: list[Variable]
    form: Any


def lanes_of(program: Program, start: int) -> list[Lane]:
    """Return the lanes of the small parameters that are changed in place after `start`, which are alike."""
    items = program.instructions
    replaced = {effect.target for effect in program.effects if effect.content not in program.inputs}
    bound = {
        variable for variable, source in program.inputs.items()
        if source.kind in ("data", "item") and not isinstance(source.owner, Argument) and source not in replaced
    }  # fmt: skip
    parameters = {variable for variable in bound if program.inputs[variable].kind == "data" and is_small(variable)}
    slices: dict[Variable, set[int]] = {}
    for number, item in enumerate(items[start:], start):
        for x in item.writes:
            if x in parameters:
                slices[x] = slice_of(items, start, number) | slices.get(x, set())
    counts = Counter(number for found in slices.values() for number in found)
    written = {x.root for number, count in counts.items() if count == 1 for x in items[number].writes}
    groups: dict[Any, list[Lane]] = {}
    size: Counter[Any] = Counter()
    for parameter, numbers in slices.items():
        lane = lane_of(program, bound, parameter, sorted(n for n in numbers if counts[n] == 1), written)
        if lane is not None and size[lane.form] + prod(parameter.shape) <= TOTAL:
            groups.setdefault(lane.form, []).append(lane)
            size[lane.form] += prod(parameter.shape)
    lanes = max(groups.values(), key=len, default=[])
    return lanes if is_sound(program, lanes) else []


def is_small(x: Variable) -> bool:
    return (
        x.kind is np.ndarray
        and x.contiguous
        and x.dtype in (np.float32, np.float64)
        and 0 < prod(x.shape) <= SMALL
        and x.shape != ()
    )


def slice_of(items: list[Instruction], start: int, last: int) -> set[int]:
    """Return the numbers of the instructions from `start` on that the instruction `last` depends on, and of itself."""
    needed = {x.root for x in items[last].operands}
    found = {last}
    for number in range(last - 1, start - 1, -1):
        item = items[number]
        if any(x.root in needed or x in needed for x in (*item.outs, *item.writes)):
            found.add(number)
            needed.update(x.root for x in item.operands)
    return found


def lane_of(
    program: Program, bound: set[Variable], parameter: Variable, numbers: list[int], written: set[Variable]
) -> Lane | None:
    """Return a lane, if its instructions are elementwise on arrays of one shape, or compute with numbers."""
    arrays: list[Variable] = []
    single: list[Variable] = []
    made: dict[Variable, int] = {}
    form: list[Any] = [parameter.dtype]
    for place, number in enumerate(numbers):
        item = program.instructions[number]
        if item.named or isinstance(item.out, list) or getattr(item.function, "effect", False) or type(item.function) is Guard:
            return None
        shaped = [x for x in (*item.operands, *item.outs) if x.kind is np.ndarray and x.shape != ()]
        if any(x.shape != parameter.shape or x.dtype != parameter.dtype or not x.contiguous for x in shaped):
            return None
        if shaped and (ufunc_of(item.function) is None or (item.out is not None and not makes_new(item))):
            return None
        if item.writes and (item.out is not None or list(item.writes) != [item.args[-1]]):
            return None
        pattern: list[Any] = []
        for x in item.args:
            if not isinstance(x, Variable):
                if variables_in(x):
                    return None
                pattern.append(hashable(x))
            elif x in made:
                pattern.append(("made", made[x]))
            elif x in shaped:
                if x not in arrays:
                    arrays.append(x)
                pattern.append(("array", arrays.index(x)))
            else:
                if x not in single:
                    single.append(x)
                pattern.append(("number", single.index(x)))
        if item.out is not None:
            made[item.out] = place
        form.append((hashable(item.function), tuple(pattern), len(item.writes)))
    for x in arrays:
        inner = x not in program.inputs
        if x.root is not x or (x in written if inner else x not in bound):
            return None
        form.append(inner)
    form.append(tuple(x.kind for x in single))
    try:
        hash(tuple(form))
    except TypeError:
        return None
    return Lane(numbers, arrays, single, tuple(form))


def is_sound(program: Program, lanes: list[Lane]) -> bool:
    """Whether the instructions of the lanes may run in another order, after all others between them."""
    items = program.instructions
    inside = {number for lane in lanes for number in lane.instructions}
    arrays = [x for lane in lanes for x in lane.arrays]
    if len(lanes) < FEWEST or len(set(arrays)) < len(arrays):
        return False
    made = {x for number in inside for x in items[number].outs}
    written = {x.root for number in inside for x in items[number].writes}
    read = {*arrays, *(x.root for lane in lanes for x in lane.numbers)}
    first, last = min(inside), max(inside)
    for number in range(first, last):
        item = items[number]
        if number not in inside:
            if (
                getattr(item.function, "effect", False)
                or any(x in made or x.root in written for x in item.operands)
                or any(x.root in read for x in item.writes)
            ):
                return False
            if not read.isdisjoint(item.outs) and any(x.kind is np.ndarray and x.shape for x in item.outs):
                return False
    needed = {x for item in items[last + 1 :] for x in item.operands} | set(program.finals)
    if any(x in needed for x in made if x.kind is np.ndarray):
        return False
    errors = [item.errors for item in effective(items)[first : last + 1]]
    return all(found == errors[0] for found in errors)

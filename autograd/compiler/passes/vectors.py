"""Vectors: what an optimiser does to each of several small parameters is done once, on vectors; see autograd.compiler.vectors."""

from __future__ import annotations

import math
from collections import Counter
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.blockwise import ufunc_of
from autograd.compiler.passes.finite import are_finite, joined_are_finite
from autograd.compiler.passes.lanes import FEWEST, TOTAL, Lane, is_small, lanes_of
from autograd.compiler.passes.workspace import args_with_out, writing
from autograd.compiler.program import FINITE, Guard, Instruction, Program, Variable, effective
from autograd.compiler.vectors import Across, Joined, Workspace


def join_updates(program: Program) -> None:
    """Let gradients of small parameters be parts of one vector, and change all these parameters by the same calls."""
    checks = [n for n, item in enumerate(program.instructions) if item.function in (joined_are_finite, are_finite)]
    if not checks or program.split < len(program.instructions):
        return
    lanes = lanes_of(program, checks[-1] + 1)
    if len(lanes) < FEWEST:
        return
    program.instructions = Joining(program, lanes).join()
    program.split = len(program.instructions)


def join_cotangents(program: Program) -> None:
    """Let small cotangents of a backward part be parts of one vector, which tells at once whether all are finite."""
    made = {x for item in program.instructions[program.split :] for x in item.outs}
    groups: dict[Any, list[Variable]] = {}
    for x in program.cotangents:
        if isinstance(x, Variable) and x in made and x.root is x and is_small(x):
            groups.setdefault(x.dtype, []).append(x)
    arrays = max(groups.values(), key=len, default=[])
    if len(arrays) < FEWEST or len(set(arrays)) < len(arrays) or sum(prod(x.shape) for x in arrays) > TOTAL:
        return
    edited = Edited(program)
    vector = Variable(np.empty(sum(prod(x.shape) for x in arrays), arrays[0].dtype))
    edited.place_in(tuple(arrays), vector)
    program.instructions = edited.instructions(0, program.split) + edited.instructions(program.split)
    program.joined = vector, arrays


class Edited:
    """The instructions of a program, some of which are replaced.

    Attributes:
        original: the instructions before.
        items: the instructions, None for one that is left out.
        before, after: instructions to insert, by the number of the one beside them.
    """

    def __init__(self, program: Program) -> None:
        self.original = effective(program.instructions)
        self.items: list[Instruction | None] = [*self.original]
        self.before: dict[int, list[Instruction]] = {}
        self.after: dict[int, list[Instruction]] = {}

    def instructions(self, start: int = 0, stop: int | None = None) -> list[Instruction]:
        """Return the instructions in the place of those from `start` to `stop`."""
        found = []
        for number, item in [*enumerate(self.items)][start:stop]:
            found += [*self.before.get(number, ()), *([item] if item is not None else ()), *self.after.get(number, ())]
        return found

    def place_in(self, arrays: tuple[Variable, ...], vector: Variable) -> None:
        """Have arrays computed in the memory of a vector, see Workspace."""
        views = [Variable(np.empty(x.shape, x.dtype), vector) for x in arrays]
        places = {x: number for number, item in enumerate(self.items) if item is not None for x in item.outs}
        for x, view in zip(arrays, views, strict=True):
            number = places[x]
            item = self.items[number]
            assert item is not None
            args = args_with_out(item, view)
            if args is not None:
                self.items[number] = writing(item, args)
            else:
                before = Variable(np.empty(x.shape, x.dtype))
                outs = [before if out is x else out for out in item.outs]
                out = outs if isinstance(item.out, list) else before
                self.items[number] = Instruction(item.function, item.args, item.named, out, item.writes, item.place, item.errors)
                self.after.setdefault(number, []).append(Instruction(put_in, (view, before), {}, x, (), item.place, item.errors))
        workspace = Workspace([], vector.dtype, [x.shape for x in arrays])
        start = min(places[x] for x in arrays)
        self.before.setdefault(start, []).append(Instruction(workspace, (), {}, [vector, *views], (), None, None))


class Joining(Edited):
    """The instructions of a program whose `lanes` are joined."""

    def __init__(self, program: Program, lanes: list[Lane]) -> None:
        super().__init__(program)
        self.program, self.lanes = program, lanes
        self.inside = sorted(number for lane in lanes for number in lane.instructions)
        self.shapes = [lane.arrays[0].shape for lane in lanes]
        self.scratch: list[Variable] = []

    def new_vector(self) -> Variable:
        return Variable(np.empty(sum(map(prod, self.shapes)), self.lanes[0].arrays[0].dtype))

    def join(self) -> list[Instruction]:
        """Return the instructions of the program, with vectors."""
        vectors: dict[tuple[Variable, ...], Variable] = {}
        bound: list[Instruction] = []
        for role in zip(*[lane.arrays for lane in self.lanes], strict=True):
            vectors[role] = self.new_vector()
            if role[0] in self.program.inputs:
                joined = Joined([self.program.inputs[x] for x in role])
                bound.append(Instruction(joined, role, {}, vectors[role], (), None, {}))
        last = self.inside[-1]
        across = self.across(list(vectors.values()), [item.out for item in bound])
        for number in self.inside:
            self.items[number] = None
        self.items[last] = across
        self.before[last] = [Instruction(np.empty, (x.shape, x.dtype), {}, x, (), None, None) for x in self.scratch]
        for role, vector in vectors.items():
            if role[0] not in self.program.inputs:
                self.place_in(role, vector)
                self.check(role, vector)
        return bound + self.instructions()

    def across(self, vectors: list[Variable], bound: list[Variable]) -> Instruction:
        """Return the instruction that takes the place of all lanes."""
        apart = [self.original[number] for number in self.inside]
        lanes = [[self.original[number] for number in lane.instructions] for lane in self.lanes]
        first = self.lanes[0]
        place = dict(zip(first.arrays, vectors, strict=True))  # vectors, by the variables of the first lane
        uses = Counter(x for item in lanes[0] for x in item.operands)
        free: list[Variable] = []
        together: list[Instruction] = []
        for item in lanes[0]:
            args = tuple(place.get(x, x) if isinstance(x, Variable) else x for x in item.args)
            uses.subtract(item.operands)
            free += [place[x] for x in set(item.operands) if uses[x] == 0 and place.get(x) in self.scratch]
            if item.out is None or item.out.kind is not np.ndarray or item.out.shape == ():
                writes = tuple(x for x in args[-1:] if item.writes)
                together.append(Instruction(item.function, args, {}, item.out, writes, item.place, item.errors))
                continue
            if not free:
                free.append(self.new_vector())
                self.scratch.append(free[0])
            place[item.out] = scratch = free.pop()
            together.append(
                Instruction(
                    ufunc_of(item.function) or item.function, (*args, scratch), {}, None, (scratch,), item.place, item.errors
                )
            )
        equal = [list(dict.fromkeys(found)) for found in zip(*[lane.numbers for lane in self.lanes], strict=True)]
        needed = {x for item in self.items[self.inside[-1] + 1 :] if item is not None for x in item.operands}
        needed |= set(self.program.finals)
        outs, same = [], []
        for found in zip(*lanes, strict=True):
            for item in found:
                if item.out in needed:
                    outs.append(item.out)
                    same += [(item.out, found[0].out)] if item is not found[0] else []
        members = [x for item in (*together, *apart) for x in (*item.operands, *item.writes)]
        made = {x for item in (*together, *apart) for x in item.outs}
        numbers = [x for group in equal for x in group]
        operands = [x for x in dict.fromkeys([*bound, *members, *numbers]) if x not in made]
        function = Across(bound, [group for group in equal if len(group) > 1], together, apart, operands, outs, same)
        writes = tuple(dict.fromkeys(x for item in apart for x in item.writes))
        return Instruction(function, tuple(operands), {}, outs or None, writes, apart[-1].place, apart[-1].errors)

    def check(self, arrays: tuple[Variable, ...], vector: Variable) -> None:
        """Check once that the vector is finite, not each of its parts."""
        last = -1
        for number, item in enumerate(self.items):
            if item is None or item.function not in (joined_are_finite, are_finite):
                continue
            rest = tuple(x for x in item.args if x not in arrays)
            if len(rest) < len(item.args):
                last = number
                self.items[number] = Instruction(are_finite, rest, {}, item.out, (), item.place, item.errors) if rest else None
                if not rest:
                    guard = next(n for n, other in enumerate(self.items) if other is not None and item.out in other.operands)
                    self.items[guard] = None
        if last >= 0:
            square, finite = Variable(vector.dtype.type(0.0)), Variable(True)  # type: ignore[union-attr]
            self.after.setdefault(last, []).extend((
                Instruction(np.vdot, (vector, vector), {}, square, (), None, {}),
                Instruction(math.isfinite, (square,), {}, finite, (), None, {}),
                Instruction(Guard(True, FINITE), (finite,), {}, None, (), None, {}),
            ))  # fmt: skip


def put_in(place: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Copy an array to another one, which is returned."""
    np.copyto(place, x)
    return place

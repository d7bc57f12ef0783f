"""Vectors: what an optimiser does to each of several small parameters is done once, on vectors; see autograd.compiler.vectors."""

from __future__ import annotations

import math
import operator
from collections import Counter
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.blockwise import ufunc_of
from autograd.compiler.passes.common import hashable
from autograd.compiler.passes.copies import makes_new
from autograd.compiler.passes.finite import are_finite, joined_are_finite
from autograd.compiler.program import FINITE, Argument, Guard, Instruction, Program, Variable, variables_in
from autograd.compiler.vectors import Across, Joined, Workspace

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


def effective(items: list[Instruction]) -> list[Instruction]:
    """Return the instructions with the error settings that they run under."""
    errors: dict[str, str] = {}
    found = []
    for item in items:
        errors = errors if item.errors is None else item.errors
        found.append(Instruction(item.function, item.args, item.named, item.out, item.writes, item.place, errors))
    return found


class Edited:
    """The instructions of a program, some of which are replaced.

    Attributes:
        items: the instructions, None for one that is left out.
        before, after: instructions to insert, by the number of the one beside them.
    """

    def __init__(self, program: Program) -> None:
        self.items: list[Instruction | None] = [*effective(program.instructions)]
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
        original = effective(self.program.instructions)
        apart = [original[number] for number in self.inside]
        lanes = [[original[number] for number in lane.instructions] for lane in self.lanes]
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


def args_with_out(item: Instruction, out: Variable) -> tuple[Any, ...] | None:
    """Return the arguments with which an instruction writes its result into an array, or None if it cannot."""
    function: Any = item.function
    if item.named or not makes_new(item) or not item.out.contiguous:
        return None
    if function in (np.dot, np.matmul, operator.matmul):
        return (*item.args, out)
    ufunc = ufunc_of(function)
    if ufunc in (np.maximum, np.minimum):
        return None  # they take an array for the result by name only
    if ufunc is not None:
        return (*item.args, out) if len(item.args) == ufunc.nin else None
    if getattr(function, "__name__", "") == "reduce" and isinstance(function.__self__, np.ufunc) and len(item.args) == 2:
        return (*item.args, None, out)
    return None


def writing(item: Instruction, args: tuple[Any, ...]) -> Instruction:
    """Return an instruction with the arguments of args_with_out()."""
    function = np.matmul if item.function is operator.matmul else ufunc_of(item.function) or item.function
    return Instruction(function, args, {}, item.out, item.writes, item.place, item.errors)


def put_in(place: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Copy an array to another one, which is returned."""
    np.copyto(place, x)
    return place

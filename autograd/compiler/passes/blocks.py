"""Blocks: compute elementwise instructions on large arrays together, a block of the arrays at a time.

Intermediate results of a block stay in the cache, and are never arrays of the whole size: neither between the instructions of an
expression, nor between a function and its derivative.
"""

from __future__ import annotations

import math
import operator
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.compiler.blockwise import BLOCK_BYTES, Blockwise, is_copy, reduction_of, ufunc_of
from autograd.compiler.program import Guard, Instruction, Method, Program, Variable
from autograd.ops.inputs import is_finite

#: The bytes of an array from which blocks pay; smaller ones stay in the cache as a whole.
LARGE = 1 << 20
#: A group has at least this many instructions, and as many arrays of the size LARGE as pay for calls on blocks.
FEWEST, ARRAYS = 3, 6
#: Functions besides ufuncs, and methods of arrays, that compute elements one by one.
ELEMENTWISE = {np.where, np.clip, operator.pow, Method("astype"), Method("clip"), np.array, np.copy, Method("copy")}


class Group:
    """Elementwise instructions on arrays of one shape, in order; the sums of all elements at their end are among them."""

    def __init__(self, shape: tuple[int, ...], members: list[Instruction]) -> None:
        self.shape, self.members = shape, members

    @property
    def made(self) -> set[Variable]:
        """The variables that it computes."""
        return {item.out for item in self.members}

    @property
    def inputs(self) -> set[Variable]:
        """The variables that it reads."""
        return {x for item in self.members for x in item.operands} - self.made

    def drop_dead(self, used: set[Variable]) -> None:
        """Leave out members whose results nobody needs, if `used` are needed after the group."""
        needed, kept = set(used), []
        for item in reversed(self.members):
            if item.out in needed:
                needed |= set(item.operands)
                kept.append(item)
        self.members = kept[::-1]


Item = Instruction | Group


def form_blocks(program: Program) -> None:
    """Put one instruction in place of each group of elementwise ones on large arrays."""
    parts: list[list[Item]] = [list(program.instructions[: program.split]), list(program.instructions[program.split :])]
    for shape in dict.fromkeys(x.shape for item in program.instructions for x in item.outs if x.nbytes >= LARGE):
        parts = [grouped(part, shape) for part in parts]
    if not any(type(item) is Group for part in parts for item in part):
        return
    recompute(parts, program)
    items, used = parts[0] + parts[1], set(program.finals)
    for number in reversed(range(len(items))):
        item = items[number]
        if isinstance(item, Group):
            item.drop_dead(used)
            used |= item.inputs
        else:
            used |= {*item.operands, *item.writes}
    program.split = sum(is_alive(item) for item in parts[0])
    program.instructions = [
        Blockwise(item.shape, item.members, used).instruction if isinstance(item, Group) else item
        for item in items
        if is_alive(item)
    ]


def is_alive(item: Item) -> bool:
    """Whether anything is left of an item."""
    return not isinstance(item, Group) or bool(item.members)


def grouped(items: Sequence[Item], shape: tuple[int, ...]) -> list[Item]:
    """Return the items with groups in place of instructions on arrays of `shape`.

    An item between two members of a group comes before it, or after it if it needs one of its results.
    """
    done: list[Item] = []
    group: list[Instruction] = []
    after: list[Item] = []  # what comes after the group
    since: list[Item] = []  # all items since the group began, in order
    late: set[Variable] = set()  # roots of what is made or changed after the group
    touched: set[Variable] = set()  # roots of what the group reads or makes

    start = 0  # the number of items before the group

    queue = deque(items)

    def close() -> None:
        count = sum(not is_copy(item) for item in group)
        if count >= FEWEST and count * max(item.out.nbytes for item in group) >= ARRAYS * LARGE:
            done.append(Group(shape, list(group)))
            queue.extendleft(reversed(after))
        elif group:
            done[start:] = since
        for kept in (group, after, since, late, touched):
            kept.clear()

    while queue or group:
        if not queue:
            close()
            continue
        item = queue.popleft()
        writes: tuple[Variable, ...]
        if isinstance(item, Group):
            outs, operands, writes, acts = item.made, item.inputs, (), False
        else:
            outs, operands, writes = set(item.outs), set(item.operands), item.writes
            acts = bool(writes) or getattr(item.function, "effect", False)
        roots = {x.root for x in operands}
        if isinstance(item, Instruction) and late.isdisjoint(roots) and not acts:
            reduces = is_sum(item, shape)
            if (reduces or is_elementwise(item, shape)) and (not group or same_errors(group[0], item)):
                start = start if group else len(done)
                group.append(whole_sum(item) if reduces else item)
                since.append(item)
                touched |= roots | {item.out}
                late |= {item.out} if reduces else set()
                continue
        if not group:
            done.append(item)
            continue
        if acts and any(x.root in touched for x in writes):
            queue.appendleft(item)
            close()
            continue
        since.append(item)
        made = {member.out for member in group}
        if (acts and after) or not (late.isdisjoint(roots) and made.isdisjoint(roots)):
            after.append(item)
            late |= {x.root for x in (*outs, *writes)} | outs
        else:
            done.append(item)
    return done


def same_errors(first: Instruction, item: Instruction) -> bool:
    """Whether an instruction may follow in a group: under the np.errstate() of its first one, or another where that has none."""
    return not first.errors or item.errors is None or item.errors == first.errors


def is_elementwise(item: Instruction, shape: tuple[int, ...]) -> bool:
    """Whether an instruction computes an array of `shape` element by element."""
    out, function = item.out, item.function
    if type(out) is not Variable or out.kind is not np.ndarray or out.shape != shape or out.root is not out:
        return False
    if type(function) is Guard or not callable(function) or out.dtype is None or out.dtype.kind not in "fbiuc":
        return False
    if ufunc_of(function) is None:
        try:
            if function not in ELEMENTWISE:
                return False
        except TypeError:
            return False
        if function in (np.array, np.copy, Method("copy")) and not is_copy(item):
            return False
        if function is np.where and len(item.args) != 3:
            return False
    if not set(item.named) <= {"dtype", "copy"} or (function is np.where and item.named):
        return False
    return any(np.shape(x) == shape or (type(x) is Variable and x.shape == shape) for x in item.args) and all(
        fits(x, shape) for x in item.args
    )


def fits(x: Any, shape: tuple[int, ...]) -> bool:
    """Whether an argument broadcasts to `shape` so that a block needs one part of it, or all."""
    if type(x) is Variable or isinstance(x, np.ndarray):
        if x.shape == shape or math.prod(x.shape) == 1:
            return True
        item = x.dtype.itemsize if x.dtype is not None else 8
        if math.prod(shape[1:]) * item > BLOCK_BYTES or len(x.shape) > len(shape):
            return False
        return all(a in (1, b) for a, b in zip(x.shape[::-1], shape[::-1], strict=False))
    return not isinstance(x, (tuple, list, dict, slice))


def is_sum(item: Instruction, shape: tuple[int, ...]) -> bool:
    """Whether an instruction reduces all elements of an array of `shape` to one number that those of parts give, too."""
    if reduction_of(item.function) is None or not item.args:
        return False
    x, out = item.args[0], item.out
    if type(x) is not Variable or x.shape != shape or type(out) is not Variable or out.shape != () or out.kind is np.ndarray:
        return False
    return len(item.args) < 3 and set(item.named) <= {"axis", "keepdims", "dtype"} and not item.named.get("keepdims")


def whole_sum(item: Instruction) -> Instruction:
    """Return a reduction of all elements with the axis None, as a block may have fewer axes."""
    named = {} if item.function is is_finite else {**item.named, "axis": None}
    return Instruction(item.function, item.args[:1], named, item.out, (), item.place, item.errors)


def recompute(parts: list[list[Item]], program: Program) -> None:
    """Let groups compute anew what earlier ones have computed, where fewer arrays are kept in between.

    The backward part does so from arrays that nobody else can change: not from the arguments themselves.
    """
    items = parts[0] + parts[1]
    alone = [item for item in items if isinstance(item, Instruction)]
    kept = set(program.finals) | {x for item in alone for x in item.operands}
    written = {x.root for item in alone for x in item.writes}
    theirs = {x for x, source in program.inputs.items() if source.kind == "argument"}
    makers: dict[Variable, Instruction] = {}
    shapes: dict[Variable, tuple[int, ...]] = {}
    for number, group in enumerate(items):
        if not isinstance(group, Group):
            continue
        changing = written | theirs if number >= len(parts[0]) else written
        inputs = group.inputs
        possible = {
            x for x, item in makers.items()
            if x not in kept and x.root not in written and shapes[x] == group.shape == x.shape and not is_copy(item)
        }  # fmt: skip
        anew: set[Variable] = set()
        needs: set[Variable] = set()
        rest = list(inputs & possible)
        while rest:
            x = rest.pop()
            if x not in anew:
                anew.add(x)
                for operand in makers[x].operands:
                    (rest.append if operand in possible else needs.add)(operand)
        makers.update({item.out: item for item in group.members})
        shapes.update({item.out: group.shape for item in group.members})
        spared, added = (sum(x.nbytes for x in found) for found in (inputs & anew, needs - inputs - kept))
        if added >= spared or any(x.root in changing for x in needs):
            continue
        twins, errors = {x: twin(x) for x in anew}, group.members[0].errors
        before = [item for x, item in makers.items() if x in anew]
        copies = [Instruction(new.function, new.args, new.named, twins[item.out], (), item.place, errors)
                  for item in before for new in [item.with_variables(twins)]]  # fmt: skip
        group.members = copies + [item.with_variables(twins) for item in group.members]


def twin(x: Variable) -> Variable:
    """Return another variable for the same numbers."""
    found = object.__new__(Variable)
    found.kind, found.shape, found.dtype, found.known, found.name = x.kind, x.shape, x.dtype, x.known, ""
    found.contiguous = x.contiguous
    found.root = found
    return found

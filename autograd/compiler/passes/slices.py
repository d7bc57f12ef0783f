"""Slices: gradients of slices of slices are written straight into the largest array, without arrays of zeros in between."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any

import numpy as np

from autograd.compiler.passes.common import hashable
from autograd.compiler.program import Instruction, Program, Variable, variables_in


def write_slices(program: Program) -> None:
    """Rewrite ``a = zeros(..); a[i] = x; b = zeros(..); b[j] = a`` as ``b = zeros(..); a = b[j]; a[i] = x``, and a[i] as x."""
    read_slices(program)
    kept = {x.root for x in program.finals}
    reads = Counter(x for item in program.instructions for x in item.operands)
    written = Counter(x.root for item in program.instructions for x in item.writes)
    parts = program.instructions[: program.split], program.instructions[program.split :]
    done = [nested(part, kept, reads, written) for part in parts]
    program.split = len(done[0])
    program.instructions = done[0] + done[1]


def is_zeros(item: Instruction) -> bool:
    return item.function is np.zeros and item.out.root is item.out and not any(True for _ in item.operands)


def is_slice(index: Any) -> bool:
    """Whether an index gives a view."""
    basic = all(type(part) in (int, slice, type(None), type(Ellipsis)) for part in as_tuple(index))
    return basic and not any(True for _ in variables_in(index))


def written_part(item: Instruction) -> tuple[Any, Any, Any] | None:
    """Return the array, the slice and the new numbers, if an instruction writes an array into a slice."""
    if item.function is not operator.setitem:
        return None
    whole, index, content = item.args
    if (
        type(whole) is Variable
        and is_slice(index)
        and (content.kind if type(content) is Variable else type(content)) is np.ndarray
    ):
        return whole, index, content
    return None


def read_slices(program: Program) -> None:
    """Use what was written into a slice of zeros, where the same slice is read."""
    kept = {x.root for x in program.finals}
    written = Counter(x.root for item in program.instructions for x in item.writes)
    zeros: set[Variable] = set()
    contents: dict[Variable, tuple[Any, Variable]] = {}
    new: dict[Variable, Any] = {}
    instructions: list[Instruction | None] = []
    for item in program.instructions:
        item = item.with_variables(new)
        if is_zeros(item) and written[item.out] == 1 and item.out not in kept:
            zeros.add(item.out)
        part = written_part(item)
        if part is not None and part[0] in zeros and not (type(part[2]) is Variable and written[part[2].root]):
            contents[part[0]] = hashable(as_tuple(part[1])), part[2]
        elif (
            item.function is operator.getitem and type(x := item.args[0]) is Variable and x in contents and is_slice(item.args[1])
        ):
            index, content = contents[x]
            if index == hashable(as_tuple(item.args[1])) and (content.shape, content.dtype) == (item.out.shape, item.out.dtype):
                new[item.out] = content
                instructions.append(None)
                continue
        instructions.append(item)
    program.replace(instructions, new)


def as_tuple(index: Any) -> tuple[Any, ...]:
    return index if type(index) is tuple else (index,)


def nested(items: list[Instruction], kept: set[Variable], reads: Any, written: Any) -> list[Instruction]:
    """Return the instructions with arrays of zeros that are only written to a slice of others as views of those."""
    writes: dict[Variable, int] = {}  # for arrays of zeros, how often a slice of them was written to
    belong: dict[Variable, list[Instruction]] = {}  # and the instructions that do so
    done: list[Instruction] = []
    for item in items:
        part = written_part(item)
        if is_zeros(item):
            writes[item.out], belong[item.out] = 0, [item]
        elif part is None or part[0] not in writes:
            for x in item.writes:
                writes.pop(x.root, None)
        else:
            whole, index, content = part
            writes[whole] += 1
            belong[whole].append(item)
            first = writes[whole] == 1 and type(content) is Variable and writes.get(content, 0) > 0
            fits = first and content.dtype == whole.dtype and shape_of_slice(whole, index) == content.shape
            if fits and moves(content, kept, reads, written, writes, belong[content]):
                del belong[whole][-1]
                view = Instruction(operator.getitem, (whole, index), {}, content, (), item.place)
                moved = [view, *belong[content][1:]]
                done = [entry for entry in done if not any(entry is other for other in belong[content])] + moved
                belong[whole] += moved
                for entry in moved:
                    for x in entry.outs:
                        x.root = whole
                del writes[content]
                continue
        done.append(item)
    return done


def moves(
    x: Variable, kept: set[Variable], reads: Any, written: Any, writes: dict[Variable, int], items: list[Instruction]
) -> bool:
    """Whether `x` is only written to before it is read once, by instructions that may as well come later."""
    inner = {out for item in items for out in item.outs}
    others = [y for item in items for y in item.operands if y not in inner]
    alone = x not in kept and reads[x] == written[x] + 1 == writes[x] + 1
    return alone and not any(written[y.root] for y in others)


def shape_of_slice(whole: Variable, index: Any) -> tuple[int, ...]:
    """Return the shape of a slice of an array."""
    return np.broadcast_to(np.zeros(()), whole.shape)[index].shape

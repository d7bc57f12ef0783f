"""Workspace: small results that nobody keeps are written into arrays of an earlier call."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.blockwise import ufunc_of
from autograd.compiler.passes.copies import given_away, makes_new
from autograd.compiler.program import Instruction, Program, Variable
from autograd.compiler.vectors import Workspace

#: The number of bytes of a result, and that of all together.
SMALL, TOTAL = 1 << 17, 1 << 20
#: So many calls save the time that it takes to get the arrays.
FEWEST = 8


def use_workspace(program: Program) -> None:
    """Have calls of each part write into arrays of a Workspace, unless the other part or the caller needs their results."""
    first, second = program.instructions[: program.split], program.instructions[program.split :]
    homes = homes_of(program)
    kept = {homes.get(x.root, x.root) for x in (*program.finals, *given_away(program))}
    needed = {homes.get(x.root, x.root) for item in second for x in item.operands}
    first, second = in_workspace(first, homes, kept | needed), in_workspace(second, homes, kept)
    program.instructions, program.split = first + second, len(first)


def in_workspace(items: list[Instruction], homes: dict[Variable, Variable], kept: set[Variable]) -> list[Instruction]:
    """Return instructions that write into arrays of a Workspace."""
    last: dict[Variable, int] = {}
    for number, item in enumerate(items):
        for x in (*item.operands, *item.writes):
            last[homes.get(x.root, x.root)] = number
    free: dict[Any, list[Variable]] = {}
    dying: dict[int, list[Variable]] = {}
    arrays: list[Variable] = []
    size = 0
    found: list[Instruction | None] = list(items)
    for number, item in enumerate(items):
        out = item.out
        if isinstance(out, Variable) and out in last and out not in kept and 0 < out.nbytes <= SMALL:
            same = free.setdefault((out.shape, out.dtype), [])
            room = size + out.nbytes <= TOTAL
            array = same[-1] if same else Variable(np.empty(out.shape, out.dtype))
            args = args_with_out(item, array)
            if item.function is np.empty and not item.operands and room:
                arrays.append(out)
                size += out.nbytes
                found[number] = None
            elif args is not None and (same or room):
                found[number] = writing(item, args)
                dying.setdefault(last[out], []).append(array)
                if same:
                    same.pop()
                else:
                    arrays.append(array)
                    size += out.nbytes
        for array in dying.pop(number, ()):
            free[array.shape, array.dtype].append(array)
    others = [number for number, item in enumerate(items) if type(item.function) is Workspace]
    if sum(a is not b for a, b in zip(found, items, strict=True)) < (FEWEST if not others else 1):
        return items
    workspace = Workspace([(x.shape, x.dtype) for x in arrays])
    outs = list(arrays)
    if others:  # one call gives all arrays
        other = items[others[0]]
        assert isinstance(other.function, Workspace)
        workspace = Workspace(workspace.forms, other.function.dtype, other.function.parts)
        outs += other.outs
        found[others[0]] = None
    return [Instruction(workspace, (), {}, outs, (), None, {}), *filter(None, found)]


def homes_of(program: Program) -> dict[Variable, Variable]:
    """Return the variable whose memory each variable uses that was written into another one, as by reuse_memory()."""
    homes: dict[Variable, Variable] = {}
    for item in program.instructions:
        if isinstance(item.function, np.ufunc) and len(item.args) > item.function.nin and isinstance(item.out, Variable):
            x = item.args[-1].root
            homes[item.out] = homes.get(x, x)
    return homes


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

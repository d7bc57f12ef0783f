"""Arrays that are filled part by part: build once what would be built twice, such as the windows of a convolution."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.passes.common import hashable
from autograd.compiler.program import Instruction, Program, Variable, variables_in


def share_built(program: Program) -> None:
    """Use an array from np.empty() in place of a later one that is filled with the same, if the backward part needs neither."""
    if program.split < len(program.instructions):
        return
    fillings = fillings_of(program)
    seen: dict[Any, Variable] = {}
    new: dict[Variable, Any] = {}
    left_out: set[int] = set()
    for root, places in fillings.items():
        first = program.instructions[places[0]]
        parts = [program.instructions[place] for place in places[1:]]
        key = hashable(first.args), hashable(first.named), *(hashable(item.args[1:]) for item in parts)
        try:
            before = seen.setdefault(key, root)
        except TypeError:
            continue
        if before is not root:
            new[root] = before
            left_out.update(places)
    if new:
        program.replace([None if n in left_out else item.with_variables(new) for n, item in enumerate(program.instructions)], new)


def fillings_of(program: Program) -> dict[Variable, list[int]]:
    """Return, for each array that is made empty, filled by assignments at constant places and only read after that, its calls.

    What is assigned does not change until the last assignment of any of them.
    """
    found: dict[Variable, list[int]] = {}
    spoiled: set[Variable] = set()
    read: set[Variable] = set()
    changed: set[Variable] = set()  # roots of what is written to besides
    sources: dict[Variable, set[Variable]] = {}
    for number, item in enumerate(program.instructions):
        if item.function is np.empty and isinstance(item.out, Variable) and not list(item.operands):
            found[item.out] = [number]
            continue
        if is_part(item) and item.args[0] in found and item.args[0] not in read:
            root = item.args[0]
            found[root].append(number)
            sources.setdefault(root, set()).update(x.root for x in variables_in(item.args[2]))
            read |= sources[root]
            continue
        for variable in item.writes:
            changed.add(variable.root)
            spoiled.add(variable.root)
        read.update(x.root for x in item.operands)
    for variable in program.finals:
        spoiled.add(variable.root)
    return {
        root: places for root, places in found.items()
        if root not in spoiled and len(places) > 1 and changed.isdisjoint(sources.get(root, ()))
    }  # fmt: skip


def is_part(item: Instruction) -> bool:
    """Whether an instruction assigns something to a constant part of an array."""
    return item.function is operator.setitem and not any(True for _ in variables_in(item.args[1]))

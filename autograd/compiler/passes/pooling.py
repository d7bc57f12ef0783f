"""Max pooling after ReLU: take ReLU of the maxima, which are fewer numbers, and the gradient through both at once."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.passes.blocks import twin
from autograd.compiler.program import Instruction, Program, Variable
from autograd.ops.convolution import Window, _max_pool, _max_unpool, batch_first, batch_last
from autograd.ops.inputs import is_finite


def unpool_rectified(g: Any, z: Any, best: Any, window: Window) -> Any:
    """Return the cotangent of z in ``max_pool(maximum(z, 0))``; `best` is max_pool(z)."""
    g = np.ascontiguousarray(batch_last(g))
    if not batch_last(z).flags.c_contiguous or not is_finite(g):  # the result has another memory order, or nan elsewhere
        return _max_unpool.array(batch_first(g), np.maximum(z, 0.0), np.maximum(best, 0.0), window) * (z > 0.0)
    return _max_unpool.array(batch_first(g * (batch_last(best) > 0.0)), z, best, window)


class Uses:
    """Who makes and who needs the variables of a program.

    Attributes:
        makers: the number of the instruction that assigns a variable.
        users: the numbers of those that read it, and None if it is needed at the end.
        changed: for the roots of what the program writes to, the number of the last instruction that does so.
    """

    def __init__(self, program: Program) -> None:
        self.instructions = program.instructions
        self.makers: dict[Variable, int] = {}
        self.users: dict[Variable, list[Any]] = {x: [None] for x in program.finals}
        for number, item in enumerate(program.instructions):
            self.makers.update(dict.fromkeys(item.outs, number))
            for x in item.operands:
                self.users.setdefault(x, []).append(number)
        self.changed = {x.root: number for number, item in enumerate(program.instructions) for x in item.writes}
        if program.split < len(program.instructions):  # others may write to what is from outside, before the backward part
            outside = [x for x, source in program.inputs.items() if source.kind != "seed"]
            self.changed |= dict.fromkeys(outside, len(program.instructions))

    def keeps(self, x: Variable, number: int) -> bool:
        """Whether the numbers of a variable stay the same after an instruction."""
        return self.changed.get(x.root, -1) < number

    def maker(self, x: Any, functions: tuple[Any, ...]) -> int | None:
        """Return the number of the instruction that computes `x` as ``function(z, 0)`` of a variable z, or None."""
        number = self.makers.get(x) if type(x) is Variable else None
        item = None if number is None else self.instructions[number]
        if (
            item is None
            or item.function not in functions
            or len(item.args) != 2
            or item.named
            or type(item.args[0]) is not Variable
        ):
            return None
        return number if type(item.args[1]) in (float, int) and item.args[1] == 0 else None

    def gradients(self, pool: int, z: Variable) -> list[tuple[int, int]] | None:
        """Return the numbers of the unpoolings of ``max_pool(maximum(z, 0))`` and of the products with ``z > 0`` that follow.

        It is None if anything else needs what maximum() computes.
        """
        item, found = self.instructions[pool], []
        x, window = item.args
        for number in self.users[x]:
            if number == pool:
                continue
            if number is None or op_of(unpool := self.instructions[number]) is not _max_unpool:
                return None
            users = self.users.get(unpool.out, [])
            if unpool.args[1:] != (x, item.out, window) or len(users) != 1 or users[0] is None:
                return None
            product, g = users[0], unpool.args[0]
            last = self.instructions[product]
            if type(g) is not Variable or not self.keeps(g, number):
                return None
            if last.function not in (operator.mul, np.multiply) or len(last.args) != 2 or last.named:
                return None
            mask = self.maker(last.args[last.args[0] is unpool.out], (operator.gt, np.greater))
            if mask is None or self.instructions[mask].args[0] is not z:
                return None
            found.append((number, product))
        return found


def op_of(item: Instruction) -> Any:
    """Return the operation that an instruction calls as a whole, or None."""
    return getattr(item.function, "op", None)


def pool_first(program: Program) -> None:
    """Write ``maximum(max_pool(z), 0)`` for ``max_pool(maximum(z, 0))``, and unpool_rectified() for its gradient.

    The windows have no padding and do not overlap, and nothing else needs all the rectified numbers.
    """
    if not any(op_of(item) is _max_pool for item in program.instructions):
        return
    uses = Uses(program)
    instructions: list[Instruction | None] = list(program.instructions)
    for number, item in enumerate(program.instructions):
        if op_of(item) is not _max_pool:
            continue
        x, window = item.args
        first = uses.maker(x, (np.maximum,))
        if first is None or window.overlaps or window.padded != window.lengths:
            continue
        relu = program.instructions[first]
        z, zero = relu.args
        gradients = uses.gradients(number, z)
        if z.contiguous or gradients is None or not all(uses.keeps(part, first) for part in (z, x, item.out)):
            continue
        best = twin(item.out)
        instructions[first] = Instruction(item.function, (z, window), {}, best, (), item.place, relu.errors)
        instructions[number] = Instruction(np.maximum, (best, zero), {}, item.out, (), relu.place, item.errors)
        for unpool, product in gradients:
            g, last = program.instructions[unpool].args[0], program.instructions[product]
            instructions[unpool] = None
            instructions[product] = Instruction(unpool_rectified, (g, z, best, window), {}, last.out, (), last.place, last.errors)
    program.replace(instructions, {})

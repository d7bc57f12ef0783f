"""Updates of large parameters: ``p -= rate * g`` a part of the array at a time, so that the product stays in the cache."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.program import Instruction, Program, Variable

#: The number of bytes from which parts pay, and that of a part: in float64, 784 x 512 numbers take half the time.
LARGE, PART = 1 << 19, 1 << 18


def subtract_scaled(x: np.ndarray, y: np.ndarray, rate: Any) -> None:
    """Compute ``x -= rate * y``."""
    change_by_parts(np.subtract, x, y, rate)


def add_scaled(x: np.ndarray, y: np.ndarray, rate: Any) -> None:
    """Compute ``x += rate * y``."""
    change_by_parts(np.add, x, y, rate)


def change_by_parts(ufunc: np.ufunc, x: np.ndarray, y: np.ndarray, rate: Any) -> None:
    rows = max(1, PART * len(x) // x.nbytes)
    product = np.empty_like(y[:rows])
    for start in range(0, len(x), rows):
        part = x[start : start + rows]
        scaled = np.multiply(rate, y[start : start + rows], product[: len(part)])
        ufunc(part, scaled, part)


UPDATES: dict[Any, Any] = {np.subtract: subtract_scaled, np.add: add_scaled}


def update_by_parts(program: Program) -> None:
    """Join a product with a number and the change of a large array by it, if nothing else uses the product."""
    uses: dict[Variable, int] = {}
    for variable in (*program.finals, *[x for item in program.instructions for x in item.operands]):
        uses[variable] = uses.get(variable, 0) + 1
    products: dict[Variable, int] = {}
    instructions: list[Instruction | None] = list(program.instructions)
    for number, item in enumerate(program.instructions):
        if number == program.split:
            products.clear()
        if is_product(item) and uses.get(item.out) == 1:
            products[item.out] = number
        elif item.writes:
            product = products.get(item.args[1]) if is_update(item) else None
            source = None if product is None else parts_of(program.instructions[product])
            if product is not None and source and source[1].root is not item.args[0].root:  # or parts are read after they changed
                rate, array = source
                instructions[product] = None
                update = UPDATES[item.function]
                instructions[number] = Instruction(
                    update, (item.args[0], array, rate), {}, None, item.writes, item.place, item.errors
                )
            roots = {variable.root for variable in item.writes}
            for out, place in list(products.items()):
                if any(variable.root in roots for variable in program.instructions[place].operands):
                    del products[out]
    program.replace(instructions, {})


def is_product(item: Instruction) -> bool:
    """Whether an instruction multiplies a large array by a Python number."""
    if (
        item.function not in (np.multiply, operator.mul)
        or len(item.args) != 2
        or item.named
        or not isinstance(item.out, Variable)
    ):
        return False
    rate, array = parts_of(item)
    if not isinstance(array, Variable) or array.kind is not np.ndarray or array.shape != item.out.shape or len(array.shape) == 0:
        return False
    number = rate.kind is float if isinstance(rate, Variable) else type(rate) in (float, int)
    return number and array.dtype == item.out.dtype and array.nbytes >= LARGE


def parts_of(item: Instruction) -> tuple[Any, Any]:
    """Return the factors of a product, the array last."""
    x, y = item.args
    return (y, x) if isinstance(x, Variable) and x.kind is np.ndarray else (x, y)


def is_update(item: Instruction) -> bool:
    """Whether an instruction adds an array of the same kind to another in place, or subtracts it."""
    if item.function not in UPDATES or len(item.args) != 3 or item.named or item.args[0] is not item.args[2]:
        return False
    x, y = item.args[:2]
    return (
        isinstance(x, Variable) and isinstance(y, Variable) and x.shape == y.shape and x.dtype == y.dtype and x.root is not y.root
    )

"""Numbers: give them the dtype of the array that they meet, which saves NumPy a third of a call on a small array."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.compiler.program import Instruction, Program, Variable

FUNCTIONS: set[Any] = {
    operator.add, operator.sub, operator.mul, operator.truediv, operator.lt, operator.le, operator.gt, operator.ge,
    np.add, np.subtract, np.multiply, np.true_divide, np.maximum, np.minimum,
}  # fmt: skip


def convert_scalars(program: Program) -> None:
    """Put arrays without axes in place of Python's numbers in sums, products and comparisons; variables if they occur twice."""
    meetings = [meeting(item) for item in program.instructions]
    counts: dict[tuple[Any, Any], int] = {}
    for found in meetings:
        if found is not None and isinstance(found[1], Variable):
            counts[found[1:]] = counts.get(found[1:], 0) + 1
    made: dict[Any, Any] = {}
    instructions: list[Instruction] = []
    split = program.split
    for number, (item, found) in enumerate(zip(program.instructions, meetings, strict=True)):
        if number == program.split:
            split = len(instructions)
            made.clear()
        if found is not None:
            place, scalar, dtype = found
            key = (scalar if isinstance(scalar, Variable) else repr(scalar)), dtype
            if key not in made and not isinstance(scalar, Variable):
                made[key] = np.array(scalar, dtype)
                made[key].flags.writeable = False
            elif key not in made and counts[key] > 1:
                out = made[key] = Variable(np.array(0.0, dtype))
                instructions.append(Instruction(np.asarray, (scalar, dtype), {}, out, (), item.place, item.errors))
            if key in made:
                args = (made[key], item.args[1], *item.args[2:]) if place == 0 else (item.args[0], made[key], *item.args[2:])
                item = Instruction(item.function, args, {}, item.out, item.writes, item.place, item.errors)
        instructions.append(item)
    program.split = split if program.split < len(program.instructions) else len(instructions)
    program.instructions = instructions


def meeting(item: Instruction) -> tuple[int, Any, Any] | None:
    """Return the place of a Python number beside an array of floats, the number, and the dtype of the array."""
    if item.function not in FUNCTIONS or item.named or len(item.args) < 2:
        return None
    for place, (scalar, array) in enumerate((item.args[:2], item.args[1::-1])):
        if isinstance(array, Variable) and array.kind is np.ndarray and array.shape and array.dtype in (np.float32, np.float64):
            if isinstance(scalar, np.ndarray) and is_repeated(scalar, array):
                return place, scalar.flat[0].item(), array.dtype
            if isinstance(scalar, Variable):
                return (place, scalar, array.dtype) if scalar.kind is float else None
            return (place, scalar, array.dtype) if type(scalar) in (float, int) and keeps_value(scalar, array.dtype) else None
    return None


def is_repeated(constant: np.ndarray, array: Variable) -> bool:
    """Whether a constant is one number, repeated to a shape that broadcasts to that of an array."""
    if constant.dtype != array.dtype or constant.size == 0 or len(constant.shape) > len(array.shape) or any(constant.strides):
        return False
    return all(n in (1, m) for n, m in zip(constant.shape[::-1], array.shape[::-1], strict=False))


def keeps_value(number: float, dtype: Any) -> bool:
    """Whether a number neither overflows nor underflows in a dtype."""
    limits = np.finfo(dtype)
    return number == 0 or number != number or abs(number) == np.inf or limits.tiny <= abs(number) <= limits.max

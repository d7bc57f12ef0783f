"""Blockwise: a function of large arrays, computed block by block, so that its intermediate results stay in the cache."""

from __future__ import annotations

import contextvars
import math
import operator
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from autograd.compiler.program import Instruction, Method, Variable
from autograd.ops.inputs import is_finite

#: The bytes of an array in one block: a dozen of them fit in the cache of one core.
BLOCK_BYTES = 1 << 17
#: For arrays of so many bytes, two threads compute half of the blocks each; on smaller ones they wait for each other too often.
TWO_THREADS = 1 << 23

#: The ufuncs of Python's operators; that of ** depends on the exponent.
UFUNCS = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.true_divide,
    operator.floordiv: np.floor_divide, operator.mod: np.remainder, operator.and_: np.bitwise_and, operator.or_: np.bitwise_or,
    operator.xor: np.bitwise_xor, operator.lt: np.less, operator.le: np.less_equal, operator.gt: np.greater,
    operator.ge: np.greater_equal, operator.eq: np.equal, operator.ne: np.not_equal, operator.neg: np.negative,
    operator.invert: np.invert, abs: np.absolute,
}  # fmt: skip


def ufunc_of(function: Any) -> np.ufunc | None:
    """Return the ufunc that a function of arrays is, or None."""
    try:
        found = UFUNCS.get(function, function)
    except TypeError:
        return None
    return found if isinstance(found, np.ufunc) and found.nout == 1 and found.signature is None else None


#: The reductions of all elements that those of the blocks give.
REDUCTIONS: dict[Any, Callable[..., Any]] = {is_finite: np.logical_and.reduce}
for _ufunc, _names in ((np.add, ("sum",)), (np.maximum, ("max", "amax")), (np.minimum, ("min", "amin"))):
    for _name in _names:
        REDUCTIONS |= {getattr(np, _name): _ufunc.reduce, Method(_name): _ufunc.reduce}


def reduction_of(function: Any) -> Callable[..., Any] | None:
    """Return the reduction that puts the results of `function` on blocks together, or None."""
    if getattr(function, "__name__", "") == "reduce" and getattr(function, "__self__", None) in (np.add, np.maximum, np.minimum):
        found: Callable[..., Any] = function
        return found
    try:
        return REDUCTIONS.get(function)
    except TypeError:
        return None


def is_copy(item: Instruction) -> bool:
    """Whether an instruction copies its first argument: the numbers are the same."""
    if item.function in (np.array, np.copy, np.positive, Method("copy")) and type(item.args[0]) is Variable:
        x = item.args[0]
        return item.out.dtype == x.dtype and item.out.shape == x.shape
    return False


def limit_of_threads() -> int:
    """Return how many threads compute blocks: two, or fewer if the cores or the variable OMP_NUM_THREADS allow fewer."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(2, cores, int(limit) if limit.isdecimal() else 2))


class Blockwise:
    """A group of elementwise instructions as one function, which computes all of them for one block after the other.

    Attributes:
        shape: the shape of the arrays.
        members: the instructions of the group.
        sums: those at its end that reduce all elements, such as np.add.reduce(x); each block gives one number.
        sliced, whole: the inputs of which a block needs a part, and the numbers and rows that each block needs.
        outputs: the arrays that are needed outside of the group.
        alias: for each variable that is a copy, the original.
        scratch: the dtypes of the arrays for intermediate results of one block, which are used again and again.
        nbytes: the bytes of the largest of the arrays.
        length, step: the number of elements, or of rows, and how many of them are in a block.
    """

    __name__ = "in_blocks"

    def __init__(self, shape: tuple[int, ...], members: list[Instruction], needed: set[Variable]) -> None:
        self.shape = shape
        self.constants: dict[int, tuple[np.ndarray, Variable]] = {}
        self.members = [self.with_parameters(item) for item in members]
        self.sums = [item for item in self.members if item.out.shape != shape]
        made = {item.out for item in self.members}
        inputs = list(dict.fromkeys(x for item in self.members for x in item.operands if x not in made))
        self.outputs = [item.out for item in self.members if item.out in needed and item.out.shape == shape]
        self.flat = all(x.shape == shape or math.prod(x.shape) == 1 for x in inputs)
        rows = 0 if self.flat else shape[0]
        self.sliced = [x for x in inputs if x.shape == shape or (x.shape[:1] == (rows,) and len(x.shape) == len(shape))]
        self.whole = [x for x in inputs if x not in self.sliced]
        self.alias: dict[Variable, Variable] = {}
        for item in self.members:
            if is_copy(item):
                self.alias[item.out] = self.original(item.args[0])
        widest = max(x.dtype.itemsize for x in made if x.dtype is not None)
        self.nbytes = widest * math.prod(shape)
        self.length = math.prod(shape) if self.flat else rows
        self.rest = () if self.flat else shape[1:]
        self.step = max(1, BLOCK_BYTES // (widest * math.prod(self.rest)))
        self.scratch: list[np.dtype[Any]] = []

    def with_parameters(self, item: Instruction) -> Instruction:
        """Return an instruction with variables in place of the constant arrays that it reads."""
        if not any(isinstance(x, np.ndarray) for x in item.args):
            return item
        args = []
        for x in item.args:
            if isinstance(x, np.ndarray):
                x = self.constants.setdefault(id(x), (x, Variable(x)))[1]
            args.append(x)
        return Instruction(item.function, tuple(args), item.named, item.out, (), item.place, item.errors)

    def original(self, variable: Variable) -> Variable:
        """Return the variable that another one is a copy of; itself if it is none."""
        return self.alias.get(variable, variable)

    @property
    def instruction(self) -> Instruction:
        """The instruction that stands for the group."""
        constants = {variable: array for array, variable in self.constants.values()}
        args = tuple(constants.get(x, x) for x in (*self.sliced, *self.whole))
        outs = [*self.outputs, *(item.out for item in self.sums)]
        quiet = next(
            (item.errors for item in self.members if item.errors), self.members[0].errors
        )  # rather than to warn of too much
        return Instruction(self, args, {}, outs, (), self.members[0].place, quiet)

    @property
    def inner(self) -> list[Variable]:
        """The variables that exist inside of a block only."""
        outside = {*self.outputs, *(item.out for item in self.sums)}
        return [*(v for _, v in self.constants.values()), *(item.out for item in self.members if item.out not in outside)]

    # --- the source of a block -------------------------------------------------------------------------

    def text(self, writer: Any, name: str) -> str:
        """Return the source of the function of one block, whose variables have names."""
        last = {self.original(x): number for number, item in enumerate(self.members) for x in item.operands}
        homes: dict[Variable, Variable] = {}  # the outputs that variables are computed into
        copies = []
        for x in self.outputs:
            if homes.setdefault(self.original(x), x) is not x or self.original(x) in self.sliced:
                copies.append(x)
        free: dict[Any, list[str]] = {}
        held: dict[Variable, str] = {}
        scratch: dict[str, np.dtype[Any]] = {}
        lines = []
        base = errors = self.members[0].errors or {}  # of np.errstate(); members of the backward part may have others

        def add(line: str) -> None:
            lines.append(line if errors == base else f"    {line}")

        for number, item in enumerate(self.members):
            if item.out in self.alias:
                continue
            item = item.with_variables(self.alias)
            for x in set(item.operands):
                if last[x] == number and x in held:
                    free[x.dtype].append(held.pop(x))
            if item.errors is not None and item.errors != errors:
                lines += writer.end_errors * (errors != base)
                errors = item.errors
                lines += writer.begin_errors(errors) if errors != base else []
            function, out, home = ufunc_of(item.function), item.out, homes.get(item.out)
            if function is None:
                call = writer.expression(item)
                add(f"{out.name} = {call}" if home is None else f"{writer.name(np.copyto, 'copyto')}({home.name}, {call})")
                if home is not None and home is not out:
                    add(f"{out.name} = {home.name}")
                continue
            if home is None:
                spare = free.setdefault(out.dtype, [])
                if not spare:
                    spare.append(writer.scratch_name(len(scratch)))
                    scratch[spare[0]] = out.dtype
                target = held[out] = spare.pop()
            else:
                target = home.name
            words = [*map(writer.text, item.args), *(f"{key}={writer.text(part)}" for key, part in item.named.items())]
            call = f"{writer.function_name(function)}({', '.join(words)}, out={target})"
            add(call if target == out.name else f"{out.name} = {call}")
        lines += writer.end_errors * (errors != base)
        lines += [f"{writer.name(np.copyto, 'copyto')}({x.name}, {self.origin_name(x, homes)})" for x in copies]
        self.scratch = list(scratch.values())
        sums = ", ".join(item.out.name for item in self.sums)
        lines.append(f"return ({sums},)" if sums else "return ()")
        what = f"{self.step} {'numbers' if self.flat else 'rows'} of {self.length}"
        parameters = ", ".join([x.name for x in (*self.sliced, *self.outputs, *self.whole)] + list(scratch))
        return f"def {name}({parameters}):  # {what}\n" + "".join(f"    {line}\n" for line in lines)

    def origin_name(self, x: Variable, homes: dict[Variable, Variable]) -> str:
        """Return the name of the input or output that has the numbers of a copy."""
        origin = self.original(x)
        return origin.name if origin in self.sliced else homes[origin].name

    # --- running ---------------------------------------------------------------------------------------

    def __call__(self, block: Callable[..., Any], *inputs: Any) -> list[Any]:
        """Return the outputs and sums."""
        sliced, whole = list(inputs[: len(self.sliced)]), inputs[len(self.sliced) :]
        order: Any = "C"
        if self.flat:
            full = [x for x in sliced if any(x.strides)]
            if full and all(x.flags.fnc for x in full):  # the results are in the memory order of NumPy's own
                order = "F"
            sliced = [in_a_row(x, order) for x in sliced]
            whole = tuple([x.reshape(()) if isinstance(x, np.ndarray) else x for x in whole])
        outs = [np.empty(self.shape, x.dtype, order) for x in self.outputs]
        sliced += [out.reshape(-1, order=order) if self.flat else out for out in outs]
        starts = range(0, self.length, self.step)
        parts: list[Any] = [()] * len(starts)

        def compute(first: int, last: int) -> None:
            scratch: list[np.ndarray] = []
            for number in range(first, last):
                i = starts[number]
                j = min(i + self.step, self.length)
                if number == first or j - i < self.step:
                    scratch = [np.empty((j - i, *self.rest), dtype) for dtype in self.scratch]
                parts[number] = block(*[x[i:j] for x in sliced], *whole, *scratch)

        if len(starts) > 1 and self.nbytes >= TWO_THREADS and limit_of_threads() > 1:
            half = len(starts) // 2
            with ThreadPoolExecutor(1) as pool:
                other = pool.submit(contextvars.copy_context().run, compute, half, len(starts))  # np.errstate is of the context
                compute(0, half)
            other.result()
        else:
            compute(0, len(starts))
        return outs + [combined(item, column) for item, column in zip(self.sums, zip(*parts, strict=True), strict=True)]


def in_a_row(x: np.ndarray, order: Any) -> np.ndarray:
    """Return the elements of an array in a row, as a view if there is one."""
    if not any(x.strides):
        return np.broadcast_to(x[(0,) * x.ndim], (x.size,))
    return x.reshape(-1, order=order)


def combined(item: Instruction, parts: Any) -> Any:
    """Return what a reduction gives on all blocks; sums of float32 are added in float64."""
    reduction, found = reduction_of(item.function), np.array(parts)
    assert reduction is not None
    if item.out.dtype is None:
        return item.out.kind(reduction(found))
    return found.dtype.type(reduction(found, dtype=float if found.dtype.char in "ef" else None))

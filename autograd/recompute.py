"""checkpoint: recompute instead of store. The backward pass calls the function again for the graph it did not keep."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import numpy as np

from autograd.backward import Pullback
from autograd.call import Function, in_a_row, traced_now, tracing
from autograd.graph import inputs_of
from autograd.nesting import Nesting
from autograd.op import is_value
from autograd.ops.elementwise import astype
from autograd.ops.forms import primitive
from autograd.ops.shapes import reshape
from autograd.scopes import scope
from autograd.value import Value


def checkpoint(f: Function) -> Function:
    """The same function, which keeps nothing of its graph but inputs and outputs, and computes again in the backward pass.

    Composes with every transform, and reaches Values that `f` closes over, parameters of modules among them.

    Raises:
        ValueError: in the backward pass, if f gives other numbers than before: it must not draw random ones.

    >>> from autograd import grad
    >>> grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    1.0
    """

    @functools.wraps(f)
    def function(*args: Any, **named: Any) -> Any:
        around, traced = copy_context(), traced_now()

        def recompute() -> tuple[Any, Value | None, list[Value]]:
            """The nested result, its Values in one row, and those from outside that they were computed from."""
            with scope() as here, tracing(traced):
                result = f(*args, **named)
                outs = list(filter(is_value, Nesting(result).leaves))
                row = in_a_row(outs) if outs else None
            return result, row, [] if row is None else outside(row, here)

        result, row, inputs = recompute()
        if row is None or not inputs:
            return result
        again = Recomputed(row.data, inputs, lambda: around.copy().run(recompute), getattr(f, "__name__", "f"))
        flat, start, parts = _checkpoint(inputs, again), 0, []
        nesting = Nesting(result)
        for leaf in nesting.leaves:
            if is_value(leaf):
                part, start = reshape(flat[start : start + leaf.size], leaf.shape), start + leaf.size
                leaf = part if part.dtype == leaf.dtype else astype(part, leaf.dtype)  # a row has one dtype
            parts.append(leaf)
        return nesting.rebuild(parts)

    return function


class Recomputed:
    """The result of a function as one row of numbers, the Values it came from, and how to compute it again."""

    def __init__(self, data: Any, inputs: list[Value], run: Callable[[], Any], name: str) -> None:
        self.data, self.inputs, self.run, self.name = data, inputs, run, name

    def row(self) -> Value:
        """The result once more, with its graph."""
        _, row, inputs = self.run()
        # Leaves that f makes are new ones every time.
        if row is None or any(item.op is not None for item in set(inputs).symmetric_difference(self.inputs)):
            raise ValueError(
                f"checkpoint({self.name}) computed from other Values in the backward pass than before, so its gradient would be "
                "wrong: what it closes over must not be replaced meanwhile, and it computes in the thread that calls it"
            )
        if not np.array_equal(row.data, self.data, equal_nan=True):
            raise ValueError(
                f"checkpoint({self.name}) computed other numbers in the backward pass than before, so its gradient would be "
                "wrong: the function must give the same again; make a new random generator from a seed inside of it, and "
                "change no array in place that it uses"
            )
        return row


def recompute_rule(g: Any, out: Any, inputs: tuple[Any, ...], again: Recomputed) -> tuple[Any, ...]:
    """The partial derivatives of the recomputed graph: Values where the output came as one, else numbers.

    The walk stops at the inputs: what one of them owes to another is found outside of the checkpoint.
    """
    return tuple(Pullback(again.row(), again.inputs, stops=again.inputs, partial=True)(g, on_values=is_value(out)))


@primitive("custom", lambda inputs, again: (tuple(inputs), again), inputs=recompute_rule)
def _checkpoint(inputs: Any, again: Recomputed) -> Any:
    """The numbers of a checkpoint; `inputs` are the Values from outside that they were computed from."""
    return again.data


def outside(row: Value, here: scope) -> list[Value]:
    """The Values below `row` that were not made inside the scope `here`, in order of discovery."""

    def made_inside(node: Value) -> bool:
        place = node.place
        while place is not None and place is not here:
            place = getattr(place, "outer", None)
        return place is here

    found: dict[Value, None] = {}
    seen, waiting = {row}, [row]
    while waiting:
        for item in inputs_of(waiting.pop()):
            if item.op is not None and made_inside(item):
                if item not in seen:
                    seen.add(item)
                    waiting.append(item)
            elif item.op is not None or item.requires_grad:
                found[item] = None
    return list(found)

"""checkpoint: recompute instead of store. The backward pass calls the function again for the graph it did not keep."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import numpy as np

from autograd.backward import Pullback, check_current
from autograd.graph import arguments_of, inputs_of, topological_order
from autograd.hooks import hooked
from autograd.op import is_value
from autograd.ops.define import primitive
from autograd.ops.elementwise import astype, positive
from autograd.ops.shapes import reshape
from autograd.scopes import scope
from autograd.transforms.call import Function, in_a_row, traced_now, tracing
from autograd.transforms.trees import Tree
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
        with nesting_limit(f), scope() as here, tracing(traced):
            result = f(*args, **named)  # right here, so that each of nested checkpoints adds one call to Python's stack
            row, inputs = joined(result, here)
        if row is None or not inputs:
            return result

        def recompute() -> tuple[Value | None, list[Value]]:
            with scope() as here, tracing(traced):
                return joined(f(*args, **named), here)

        again = Recomputed(row.data, inputs, lambda: around.copy().run(recompute), getattr(f, "__name__", "f"))
        flat, start, parts = _checkpoint(inputs, again), 0, []
        tree = Tree(result)
        single = len(list(filter(is_value, tree.leaves))) == 1
        for leaf in tree.leaves:
            if is_value(leaf) and single:
                leaf = flat
            elif is_value(leaf):
                part, start = reshape(flat[start : start + leaf.size], leaf.shape), start + leaf.size
                leaf = part if part.dtype == leaf.dtype else astype(part, leaf.dtype)  # a row has one dtype
            parts.append(leaf)
        return tree.rebuild(parts)

    return function


def joined(result: Any, here: scope) -> tuple[Value | None, list[Value]]:
    """The only Value of a nested result, or several in one row; and the Values from outside `here` that it depends on."""
    outs = list(filter(is_value, Tree(result).leaves))
    row = in_a_row(outs) if len(outs) > 1 else positive(outs[0]) if outs else None
    return row, [] if row is None else outside(row, here)


@contextmanager
def nesting_limit(f: Function) -> Iterator[None]:
    """Say what to do where checkpoints are nested deeper than Python's stack allows."""
    try:
        yield
    except RecursionError as error:
        if "checkpoint" in str(error):
            raise
        raise RecursionError(
            f"checkpoint({getattr(f, '__name__', 'f')}) reached Python's limit of {sys.getrecursionlimit():,} calls inside of "
            "one another; a checkpoint takes two, its function's and its own: raise it with sys.setrecursionlimit(), or call "
            "checkpoints one after the other, as in a loop over layers"
        ) from None


class Recomputed:
    """The result of a function as one row of numbers, the Values it came from, and how to compute it again."""

    def __init__(self, data: Any, inputs: list[Value], run: Callable[[], Any], name: str) -> None:
        self.data, self.inputs, self.run, self.name = data, inputs, run, name

    def row(self) -> Value:
        """The result once more, with its graph."""
        row, inputs = self.run()
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


def unfold(way: Pullback, found: dict[Any, Any], needed: set[Any], keep: bool, hooks: bool) -> Iterator[Any]:
    """The path of a backward pass with the nodes that checkpoints compute again in their place.

    One loop serves all, however deep checkpoints are nested. Gradients of nodes that were computed again are dropped on the
    way, and their hooks run here, unless `hooks` says that the pass runs all hooks itself.
    """
    waiting, again = way.path[::-1], set()
    while waiting:
        node = waiting.pop()
        inner = node in again
        if inner and not hooks and node in found:
            found[node] = hooked(node, found[node])
        if node.op.unfold is None or node not in found or needed.isdisjoint(inputs_of(node)):
            yield node
        else:
            more = recomputed(node, found, needed)
            again.update(more)
            waiting += more
        if inner or (node.op.unfold is not None and not keep and node not in way.wanted):
            found.pop(node, None)
        if inner:
            again.discard(node)
            needed.discard(node)


def recomputed(node: Any, found: dict[Any, Any], needed: set[Any]) -> list[Any]:
    """The nodes behind a checkpoint that are needed, inputs first, with its cotangent at the last."""
    _, again = arguments_of(node)
    row = again.row()
    nodes, leaves = topological_order(row, again.inputs)
    check_current(nodes, leaves)
    found[row] = found[node]
    needed.update(item for item in nodes if not needed.isdisjoint(inputs_of(item)))
    return [item for item in nodes if item in needed]


_checkpoint.unfold = unfold


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

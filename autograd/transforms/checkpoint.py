"""checkpoint(): recompute instead of store. The backward pass calls a function again for its graph, which was not kept."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

import numpy as np

from autograd.backward import Pullback
from autograd.graph import arguments_of, inputs_of, topological_order
from autograd.hooks import hooked
from autograd.op import is_value
from autograd.ops.define import primitive
from autograd.ops.elementwise import astype, positive
from autograd.ops.shapes import reshape
from autograd.scopes import scope
from autograd.stale import check_current
from autograd.transforms.call import Function, check_function, in_a_row, traced_now, tracing
from autograd.transforms.trees import Tree
from autograd.value import Value


def checkpoint(f: Function) -> Function:
    """Return a function that computes `f` without keeping its graph, and computes it again in the backward pass.

    Only inputs and outputs are kept. It composes with every transform, and differentiates also with respect to Values that
    `f` closes over, such as the parameters of modules.

    Raises:
        ValueError: in the backward pass, if f returns other numbers than before, such as random ones.

    >>> from autograd import grad
    >>> grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    1.0
    """

    check_function("checkpoint", f)

    @functools.wraps(f)
    def function(*args: Any, **named: Any) -> Any:
        around, traced = copy_context(), traced_now()
        with nesting_limit(f), scope() as here, tracing(traced):
            result = f(*args, **named)  # not in a helper, so that nested checkpoints take fewer calls of Python's stack
            row, inputs = joined_values(result, here)
        if row is None or not inputs:
            return result

        def recompute() -> tuple[Value | None, list[Value]]:
            with scope() as here, tracing(traced):
                return joined_values(f(*args, **named), here)

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


def joined_values(result: Any, here: scope) -> tuple[Value | None, list[Value]]:
    """Return the only Value in a result, or its Values in one row, and the Values from outside `here` that they depend on."""
    outs = list(filter(is_value, Tree(result).leaves))
    row = in_a_row(outs) if len(outs) > 1 else positive(outs[0]) if outs else None
    return row, [] if row is None else outside(row, here)


@contextmanager
def nesting_limit(f: Function) -> Iterator[None]:
    """Explain the error of checkpoints that are nested deeper than Python's stack allows."""
    try:
        yield
    except RecursionError as error:
        if "checkpoint" in str(error):
            raise
        raise RecursionError(
            f"checkpoint({getattr(f, '__name__', 'f')}) reached Python's limit of {sys.getrecursionlimit():,} nested calls; "
            "each checkpoint takes two, itself and its function: raise the limit with sys.setrecursionlimit(), or "
            "call checkpoints one after the other, as in a loop over layers"
        ) from None


class Recomputed:
    """The result of a function as one row of numbers, the Values it was computed from, and how to compute it again."""

    def __init__(self, data: Any, inputs: list[Value], run: Callable[[], Any], name: str) -> None:
        self.data, self.inputs, self.run, self.name = data, inputs, run, name

    def row(self) -> Value:
        """Compute the result again, with its graph."""
        row, inputs = self.run()
        # Leaves that f creates are new ones every time.
        if row is None or any(item.op is not None for item in set(inputs).symmetric_difference(self.inputs)):
            raise ValueError(
                f"checkpoint({self.name}) used other Values in the backward pass than before, so its gradient would be wrong: "
                "do not replace Values that the function closes over, and compute in the thread that calls it"
            )
        if not np.array_equal(row.data, self.data, equal_nan=True):
            raise ValueError(
                f"checkpoint({self.name}) computed other numbers in the backward pass than before, so its gradient would be "
                "wrong: the function must return the same numbers again; create its random generator from a seed inside it, "
                "and do not change the arrays it uses in place"
            )
        return row


def recompute_rule(g: Any, out: Any, inputs: tuple[Any, ...], again: Recomputed) -> tuple[Any, ...]:
    """Return the partial derivatives of the recomputed graph: Values if the output is one, else numbers.

    The pass ends at the inputs. If one input depends on another, the pass outside the checkpoint differentiates that.
    """
    return tuple(Pullback(again.row(), again.inputs, stops=again.inputs, partial=True)(g, on_values=is_value(out)))


@primitive("custom", lambda inputs, again: (tuple(inputs), again), inputs=recompute_rule)
def _checkpoint(inputs: Any, again: Recomputed) -> Any:
    """Return the numbers of a checkpoint; `inputs` are the Values from outside that they were computed from."""
    return again.data


def unfold(pullback: Pullback, cotangents: dict[Any, Any], needed: set[Any], keep: bool, hooks: bool) -> Iterator[Any]:
    """Yield the nodes of a backward pass, with the recomputed nodes in place of each checkpoint.

    One loop serves checkpoints nested to any depth. It deletes the cotangents of recomputed nodes after use, and runs their
    hooks, unless `hooks` says that the pass runs all hooks itself.
    """
    waiting, inner_nodes = list(pullback.path), set()
    while waiting:
        node = waiting.pop()
        inner = node in inner_nodes
        if inner and not hooks and node in cotangents:
            cotangents[node] = hooked(node, cotangents[node])
        if node.op.unfold is None or node not in cotangents or needed.isdisjoint(inputs_of(node)):
            yield node
        else:
            more = recomputed(node, cotangents, needed)
            inner_nodes.update(more)
            waiting += more
        if inner or (node.op.unfold is not None and not keep and node not in pullback.wanted):
            cotangents.pop(node, None)
        if inner:
            inner_nodes.discard(node)
            needed.discard(node)


def recomputed(node: Any, cotangents: dict[Any, Any], needed: set[Any]) -> list[Any]:
    """Recompute a checkpoint; return its needed nodes, inputs first. The last node gets the checkpoint's cotangent."""
    _, again = arguments_of(node)
    row = again.row()
    nodes, leaves = topological_order(row, again.inputs)
    check_current(nodes, leaves)
    cotangents[row] = cotangents[node]
    needed.update(item for item in nodes if not needed.isdisjoint(inputs_of(item)))
    return [item for item in nodes if item in needed]


_checkpoint.unfold = unfold


def outside(row: Value, here: scope) -> list[Value]:
    """Return the Values below `row` that were not created inside the scope `here`, in order of discovery."""

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

"""Sort a graph, every node after its inputs, without recursion, so that graphs of any depth work."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

#: Held by the sort or backward pass that uses the slot `_scratch` of nodes, which is faster than a set or a dictionary. While it
#: is held, by another thread or by the pass that called a rule, others do not wait, but use a set or a dictionary.
scratch_lock = threading.Lock()
#: Held while `.grad` changes, as threads may share leaves.
grad_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=grad_lock.acquire, after_in_parent=grad_lock.release, after_in_child=grad_lock.release)

Order = tuple[list[Any], list[Any]]  # nodes and leaves


def topological_order(root: Any, stops: Iterable[Any] = ()) -> Order:
    """Return the recorded nodes below `root`, inputs first and `root` last, and the leaves in order of discovery.

    `stops`, and Values that are only below them, are left out.
    """
    if root.op is None:
        return [], [root]
    if scratch_lock.locked():
        return general_order(root, stops)
    kind = root.__class__
    mark = object()  # in the slot of every Value that this sort has visited
    nodes, leaves, waiting = list[Any](), list[Any](), [root]
    with scratch_lock:
        for node in stops:
            node._scratch = mark
        while waiting:
            node = waiting.pop()
            if node is None:  # all inputs of the node below this None have been visited
                nodes.append(waiting.pop())
                continue
            if node._scratch is mark:
                continue
            node._scratch = mark
            if node.op is None:
                leaves.append(node)
                continue
            waiting.append(node)
            waiting.append(None)
            # One and two inputs are written out: 2x faster than a loop over inputs_of(node).
            x, y = node._x, node._y
            if x.__class__ is kind:
                if x._scratch is not mark:
                    waiting.append(x)
            elif x.__class__ is tuple:
                for item in x:
                    if item.__class__ is kind:
                        waiting.append(item)
                    elif item.__class__ is tuple:
                        waiting += [part for part in item if part.__class__ is kind]
            if y.__class__ is kind and y._scratch is not mark:
                waiting.append(y)
    return nodes, leaves


def general_order(root: Any, stops: Iterable[Any] = ()) -> Order:
    """Return the result of topological_order(), which is this loop with marks in slots, unrolled for one and two inputs."""
    nodes, leaves, waiting, visited = list[Any](), list[Any](), [root], set(stops)
    while waiting:
        node = waiting.pop()
        if node is None:  # all inputs of the node below this None have been visited
            nodes.append(waiting.pop())
        elif node not in visited:
            visited.add(node)
            if node.op is None:
                leaves.append(node)
            else:
                waiting += (node, None, *inputs_of(node))
    return nodes, leaves


def inputs_of(node: Any) -> list[Any]:
    """Return the Values that a node was computed from, in order, without constants."""
    x, kind = node._x, node.__class__
    items: Any = (x, node._y)
    if x.__class__ is tuple:
        items = [part for item in x for part in (item if item.__class__ is tuple else (item,))]
    return [item for item in items if item.__class__ is kind]


def arguments_of(node: Any) -> tuple[Any, ...]:
    """Return all arguments of a node in the order of the op's signature: Values, constants, axes, shapes."""
    if node.op is None or node.op.packed:
        return node._x or ()
    return (node._x,) if node.op.rule_y is None else (node._x, node._y)

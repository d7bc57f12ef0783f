"""Computes the gradients on nodes and edges, by a backward pass of the drawn graph alone that leaves `.grad` unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np

from autograd.backward import Pullback
from autograd.drawing.picture import Edge, Summary, plural
from autograd.drawing.read.folded_graph import FoldedGraph
from autograd.drawing.read.folding import Folding
from autograd.drawing.read.graph import JOIN, IndexedGraph, node_without_data, operands_of
from autograd.graph import arguments_of
from autograd.hooks import any_hooks
from autograd.op import Op, raw
from autograd.ops.broadcasting import unbroadcast
from autograd.ops.rules import contributions, plain_rule
from autograd.scopes import scope
from autograd.value import Value

SAMPLE = 500  # of a folded node: gradients on edges are computed for this many members
MOST_OPERATIONS = 300_000  # gradients on edges of larger graphs are computed only if asked for
HOOKED = "hooks of Values are not called for the picture: gradients on edges are those without hooks"
SEVERAL = (
    "gradients on nodes are those in .grad, from several backward passes, or clipped or changed since; those on edges are of "
    "this output alone"
)
ONES = "the output is an array: its gradient is assumed to be ones, as for its sum"


def cotangents_of(
    nodes: list[Any], leaves: list[Any], outputs: list[Any], asked: bool
) -> tuple[dict[Any, Any] | None, dict[Any, Any], list[str]]:
    """Return the cotangent of each Value of a graph, or None; the seeds of several outputs; and notes.

    The nodes must be in topological order. The seed is the gradient that the last backward() started with, or one. In very
    large graphs, cotangents are computed only if `asked` for.
    """
    root, order = outputs[0], (nodes, leaves)
    seeds: dict[Any, Any] = {}
    seed, notes = seed_and_notes(root)
    if len(outputs) > 1:
        seeds, notes = seeds_and_notes(nodes, outputs, asked)
        root, seed = node_without_data(JOIN, tuple(seeds), tuple(seeds.values())), 1.0
        order = [*nodes, root], leaves
    if len(nodes) > MOST_OPERATIONS and not asked:
        return None, {}, [f"gradients on edges are not computed for more than {MOST_OPERATIONS:,} operations"]
    if any_hooks(nodes, leaves):
        notes.append(HOOKED)
    try:
        cotangents: dict[Any, Any] = {}
        pullback = Pullback(root, [leaf for leaf in leaves if leaf.requires_grad], order=order)
        with np.errstate(all="ignore"), scope(debug=False, lines=False):
            pullback(seed, kept=cotangents, hooks=False)
    except Exception as error:  # from stale data, or from a custom rule
        return None, {}, [f"gradients on edges are not shown, as the backward pass raised {type(error).__name__}: {error}"]
    if not asked and HOOKED not in notes and any(is_of_another_pass(value, cotangents) for value in (*nodes, *leaves)):
        notes.append(SEVERAL if len(outputs) == 1 else SEVERAL.replace("this output", "these outputs"))
    return cotangents, seeds, notes


def seeds_and_notes(nodes: list[Any], outputs: list[Any], asked: bool) -> tuple[dict[Any, Any], list[str]]:
    """Return the seed of each of several outputs, and notes on them.

    If backward() was called, the seeds are the gradients at those outputs that no other output depends on, and zero
    elsewhere; otherwise they are one everywhere, as for the sum of all outputs.
    """
    smooth = [output for output in outputs if np.asarray(output._raw).dtype.kind in "fc"]
    inner = {item for node in nodes for item in operands_of(node) if item.__class__ is Value}
    known = [] if asked else [output for output in smooth if output not in inner and was_differentiated(output)]
    if not known:
        arrays = any(output.shape for output in smooth)
        note = f"gradients are those of the sum of the {len(smooth)} outputs{', and of all their elements' * arrays}"
        return {output: np.ones_like(output._raw) if output.shape else 1.0 for output in smooth}, [note]
    seeds = {output: output._grad if output in known else 0.0 * output._raw for output in smooth}
    ends = [output for output in smooth if output not in inner]
    names = plural(len(known), "output")
    notes = [] if len(known) == len(ends) else [f"gradients are those of {names}: backward() was not called on the others"]
    if any(not output.shape and output._grad != 1.0 for output in known):
        notes.append("the gradient of an output is not 1: it is a seed, or the gradient of a larger graph")
    return seeds, notes


def was_differentiated(root: Value) -> bool:
    """Return whether backward() was called on this Value. Zeros do not count: reading `.grad` creates them."""
    grad = getattr(root, "_grad", None)
    return grad is not None and bool(np.any(grad))


def seed_and_notes(root: Value) -> tuple[Any, list[str]]:
    """Return the cotangent to start with, and notes on it."""
    seed = getattr(root, "_grad", None)
    if root.op is None or seed is None or not np.any(seed):
        return (np.ones_like(root._raw), [ONES]) if root.shape else (1.0, [])
    return seed, [] if root.shape or seed == 1.0 else [
        f"the gradient of the output is {seed:.6g}: a seed, or the gradient of a larger graph"
    ]


def is_of_another_pass(node: Value, cotangents: dict[Any, Any]) -> bool:
    """Return whether the gradient of a node comes from another backward pass than this one."""
    grad, cotangent = getattr(node, "_grad", None), cotangents.get(node)
    if grad is None or cotangent is None or grad.__class__ is float:
        return grad is not None and cotangent is not None and grad != cotangent and grad == grad
    return not np.array_equal(grad, cotangent, equal_nan=True)


def flows(value: Value, cotangent: Any) -> Iterator[tuple[int, int, Any, Any]]:
    """Yield (slot, turn, local derivative, cotangent) for each operand of a Value that is a Value.

    The turn is the order in which the engine adds cotangents. The local derivative is None unless it is elementwise.
    """
    op, args = value.op, raw(arguments_of(value))
    assert op is not None
    operands = operands_of(value)
    with np.errstate(all="ignore"):
        found = list(contributions(value, cotangent, value._raw, args, masked=True))
        locals_ = {} if op.kind != "elementwise" else dict(local_derivatives(value, args))
    slots = [slot for slot, item in enumerate(operands) if item.__class__ is Value]
    if op.rule_y is not None:  # the engine takes the second of two inputs first
        slots.reverse()
    for turn, (slot, (item, c)) in enumerate(zip(slots, found, strict=True)):
        yield slot, turn, locals_.get(slot), unbroadcast(c, item._raw)


def local_derivatives(value: Value, args: Any) -> Iterator[tuple[int, Any]]:
    """Yield (slot, derivative of the result with respect to that operand), element by element."""
    one = 1.0 if not value.shape else np.ones_like(value._raw)
    op, recorded = cast(Op, value.op), arguments_of(value)
    for number, (position, rule) in enumerate(op.rules):
        if recorded[position].__class__ is Value:
            yield number, plain_rule(op, rule, one, value._raw, args)


# --- of many nodes together -----------------------------------------------------------------------


def with_flows(
    graph: IndexedGraph,
    folding: Folding,
    folded: FoldedGraph,
    cotangents: dict[Any, Any],
    edges: list[Edge],
    number_of: dict[str, int],
) -> list[Edge]:
    """Return the edges with their local derivatives and cotangents; for many copies, those of a sample."""
    class_of, chain_end = folding.class_of, folding.chain_end
    index = {id(value): number for number, value in enumerate(graph.values)}
    found: dict[Any, tuple[int, list[Any], list[Any]]] = {}  # turn, local derivatives, flows
    for target, number in number_of.items():
        for member in members_with_rules(graph, folding, folded, number):
            value = graph.values[member]
            if cotangents.get(value) is None:
                continue
            operands = operands_of(value)
            for slot, turn, local, flow in flows(value, cotangents[value]):
                source = index[id(operands[slot])]
                if chain_end[source] == chain_end[member]:
                    continue
                key = (int(class_of[source]), target, 0 if folding.unordered[chain_end[member]] else slot)
                _, locals_, flowing = found.setdefault(key, (turn, [], []))
                flowing.append(flow)
                locals_ += [] if local is None else [local]
    with_numbers = []
    for edge in edges:
        turn, locals_, flowing = found.get((number_of.get(edge.source), edge.target, edge.slot), (0, [], []))
        with_numbers.append(replace(edge, turn=turn, local=Summary.of_all(locals_), flow=Summary.of_all(flowing)))
    return with_numbers


def members_with_rules(graph: IndexedGraph, folding: Folding, folded: FoldedGraph, number: int) -> Any:
    """Return the computed Values that a node represents, those inside chains included; at most SAMPLE, evenly spaced."""
    members = folded.members[number]
    if number >= folded.value_nodes or graph.values[members[0]].op is None:
        return ()
    if folded.parts[number] > 1:
        members = folding.chains(members[evenly_spaced(len(members))])
    return members[evenly_spaced(len(members))]


def evenly_spaced(count: int) -> Any:
    """Return at most SAMPLE of `count` positions."""
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(int))

"""Merges copies into a FoldedGraph: a node for each class of a Folding, with edges, constants and groups."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.drawing.picture import Group, breadth_first
from autograd.drawing.read.folding import Folding
from autograd.drawing.read.graph import Array, IndexedGraph

DEEPEST = 30  # nested groups; deeper scopes are drawn in the last of them
NODE_NAME = re.compile(r"n\d+|removed_|unreached")  # names of nodes, which no group may have


@dataclass
class FoldedGraph:
    """The classes of a graph as numbered nodes; constants come after the classes of Values.

    Attributes:
        members: for each node the Values or constants that it represents.
        order: for each node its position in topological order.
        parts: for each node how many operations of a chain each of its members is.
        edges: the number of edges of the graph, by (source, target, slot).
        roots: the numbers of the output nodes.
        value_nodes: how many nodes represent Values.
        group: for each node the number of its group, -1 for none.
        groups: the groups.
    """

    members: list[Any]
    order: Array
    parts: list[int]
    edges: dict[tuple[int, int, int], int]
    roots: list[int]
    value_nodes: int
    group: list[int] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)


def fold_graph(graph: IndexedGraph, folding: Folding) -> FoldedGraph:
    """Return the folded graph."""
    class_of, chain_end = folding.class_of, folding.chain_end
    ends = np.flatnonzero(chain_end == np.arange(len(chain_end)))  # a chain is drawn as its last Value
    by_class = ends[np.argsort(class_of[ends], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(class_of[ends]))[:-1]])  # of each class in by_class
    members: list[Any] = np.split(by_class, starts[1:])
    order = by_class[starts].astype(float)  # a class has the position of its first member
    lengths = np.bincount(chain_end, minlength=len(chain_end))
    parts = [int(lengths[numbers[0]]) for numbers in members]
    edges = class_edges(graph, folding)
    roots = list(dict.fromkeys(int(class_of[number]) for number in graph.outputs))
    folded = FoldedGraph(members, order, parts, edges, roots, len(members))
    last = final_outputs(folded)  # they come after everything else
    order[last] = len(graph.values) + np.arange(len(last))[::-1]
    add_constants(graph, folding, folded)
    leaves = [number for number, numbers in enumerate(members) if numbers[0] < graph.leaves]
    put_before_users(folded, {*leaves, *range(len(members), len(folded.members))} - set(last))
    if graph.scopes:
        add_groups(graph, folding, folded)
    else:
        folded.group = [-1] * len(folded.members)
    return folded


def final_outputs(folded: FoldedGraph) -> list[int]:
    """Return the outputs that no other output depends on."""
    used = {source for source, target, _ in folded.edges if source != target}
    return [number for number in folded.roots if number not in used]


def class_edges(graph: IndexedGraph, folding: Folding) -> dict[tuple[int, int, int], int]:
    """Return the edges between classes, without those inside a chain."""
    chain_end, class_of = folding.chain_end, folding.class_of
    outer = chain_end[graph.source] != chain_end[graph.target]
    target = chain_end[graph.target[outer]]
    slot = np.where(folding.unordered[target], 0, graph.slot[outer])
    source = class_of[graph.source[outer]]
    classes, slots = int(class_of.max()) + 1, int(slot.max(initial=0)) + 1
    keys, counts = np.unique((class_of[target] * slots + slot) * classes + source, return_counts=True)
    rest, sources = np.divmod(keys, classes)
    targets, found = np.divmod(rest, slots)
    return dict(zip(zip(sources.tolist(), targets.tolist(), found.tolist(), strict=True), counts.tolist(), strict=True))


def add_constants(graph: IndexedGraph, folding: Folding, folded: FoldedGraph) -> None:
    """Add constants as nodes: a number for each use, an array once; folded like the Values that use them."""
    target_class = folding.class_of[folding.chain_end].tolist()
    unordered = folding.unordered[folding.chain_end].tolist()
    nodes: dict[Any, int] = {}
    arrays: dict[int, int] = {}
    extra: list[list[Any]] = []
    first = len(folded.members)
    for target, position, item in graph.constants:
        is_array = item.__class__ is not float
        slot = 0 if unordered[target] else position
        number = arrays.get(id(item), -1) if is_array else -1
        if number < 0:
            kind = (item.shape, str(item.dtype)) if is_array else None
            key = (target_class[target], slot, kind) if folding.searched or not is_array else id(item)
            number = nodes.setdefault(key, len(extra))
            if number == len(extra):
                extra.append([])
            extra[number].append(item)
            if is_array:
                arrays[id(item)] = number
        edge = (first + number, target_class[target], slot)
        folded.edges[edge] = folded.edges.get(edge, 0) + 1
    folded.members = [*folded.members, *extra]
    folded.parts += [1] * len(extra)
    folded.order = np.concatenate([folded.order, np.zeros(len(extra))])


def put_before_users(folded: FoldedGraph, leaves: set[int]) -> None:
    """Order each leaf and constant just before its first use, in the order of the operands."""
    before = dict.fromkeys(leaves, np.inf)
    for source, target, slot in folded.edges:
        if source in before:
            before[source] = min(before[source], folded.order[target] - 0.5 + 1e-3 * min(slot, 100))
    for number, order in before.items():
        folded.order[number] = order


# --- groups ---------------------------------------------------------------------------------------


@dataclass
class GroupDraft:
    """A group under construction; `up` is the number of the enclosing group, -1 for none."""

    name: str
    title: str
    up: int
    depth: int
    kind: str
    count: int = 0
    nodes: int = 0
    parameters: int = 0


def group_drafts(graph: IndexedGraph, folding: Folding) -> tuple[list[GroupDraft], list[int]]:
    """Return a group for all copies of a scope, and for each scope the number of its group."""
    known: dict[Any, int] = {}
    numbers: list[int] = []
    drafts: list[GroupDraft] = []
    calls: dict[str, int] = {}
    for number, (scope, title) in enumerate(zip(graph.scopes, folding.titles, strict=True)):
        up = numbers[scope.parent] if scope.parent >= 0 else -1
        if up >= 0 and drafts[up].depth == DEEPEST:
            numbers.append(up)
            continue
        key = (up, title) if folding.searched else number
        if key not in known:
            known[key] = len(drafts)
            name = unique_name(f"{drafts[up].name}/{title}" if up >= 0 else title, calls)
            drafts.append(GroupDraft(name, title, up, drafts[up].depth + 1 if up >= 0 else 1, scope.kind))
        draft = drafts[known[key]]
        draft.count += 1
        draft.kind = draft.kind if draft.kind == scope.kind else ""  # copies of different classes
        numbers.append(known[key])
    return drafts, numbers


def unique_name(name: str, calls: dict[str, int]) -> str:
    """Return a name that no other group and no node has: ``Linear~2`` for the second call of a layer."""
    first = f"scope {name}" if NODE_NAME.match(name) else name
    call = calls.get(first, 0) + 1
    name = first if call == 1 else f"{first}~{call}"
    while call > 1 and name in calls:
        call += 1
        name = f"{first}~{call}"
    calls[first] = call
    calls.setdefault(name, 1)
    return name


def add_groups(graph: IndexedGraph, folding: Folding, folded: FoldedGraph) -> None:
    """Add the groups, and for each node the number of its group."""
    drafts, group_of_scope = group_drafts(graph, folding)
    ups = [draft.up for draft in drafts]
    values = folded.value_nodes
    group = [-1] * len(folded.members)
    for number in range(values):
        own = int(graph.scope_of[folded.members[number][0]])
        group[number] = group_of_scope[own] if own >= 0 else -1
    users: dict[int, set[int]] = {}
    for source, target, _ in folded.edges:
        users.setdefault(source, set()).add(group[target])
    for number in range(len(group)):
        members = folded.members[number]
        is_value = number < values
        if number in folded.roots or (is_value and members[0] >= graph.leaves):
            continue
        around = users.get(number, {-1})
        if is_value and int(members[0]) in graph.names:
            around = around - {-1} or around  # a weight stays in its layer even if the loss penalises it
        group[number] = innermost_around(around, ups)
        if is_value and int(members[0]) not in graph.names:
            while group[number] >= 0 and drafts[group[number]].count > len(members):
                group[number] = ups[group[number]]  # an input of the first copy alone is drawn outside of the copies
    for number, up in enumerate(group):
        counted = len(folded.members[number]) * folded.parts[number]
        held = parameter_count(graph, folded.members[number]) if number < values else 0
        for around_it in groups_around(up, ups):
            drafts[around_it].nodes += counted
            drafts[around_it].parameters += held
    folded.group = group
    folded.groups = [
        Group(f.name, f.title, drafts[f.up].name if f.up >= 0 else "", f.count, f.nodes, f.parameters, kind=f.kind)
        for f in drafts
    ]


def innermost_around(groups: set[int], ups: list[int]) -> int:
    """Return the innermost group that holds all of these groups."""
    paths = [groups_around(group, ups) for group in groups]
    shared = -1
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        shared = level[0]
    return shared


def groups_around(group: int, ups: list[int]) -> list[int]:
    """Return the groups around a group, from the outermost to itself."""
    found = []
    while group >= 0:
        found.append(group)
        group = ups[group]
    return found[::-1]


def parameter_count(graph: IndexedGraph, members: Array) -> int:
    """Return how many numbers the parameters among some Values hold."""
    if members[0] >= graph.leaves:
        return 0
    return sum(graph.values[number].size for number in members if number in graph.names)


def nearest_to_output(folded: FoldedGraph, most: int) -> tuple[list[int], set[int]]:
    """Return the nodes nearest to the output, breadth first, and those among them with operands that are left out."""
    operands: dict[int, list[int]] = {}
    for source, target, _ in sorted(folded.edges, key=lambda edge: (edge[1], edge[2], edge[0])):
        operands.setdefault(target, []).append(source)
    kept = breadth_first(folded.roots, operands)[:most]
    inside = set(kept)
    return kept, {target for source, target, _ in folded.edges if target in inside and source not in inside}

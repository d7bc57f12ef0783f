"""What of a graph is drawn, as numbers: which nodes stand for what, the edges between them, and the groups they are in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.drawing.picture import Group, breadth_first
from autograd.drawing.read.folding import Folding
from autograd.drawing.read.graph import Array, Reading

DEEPEST = 30  # scopes in scopes: what is deeper is drawn in the last of them
NODE_NAME = re.compile(r"n\d+|removed_|unreached")  # what nodes are called: no scope may be


@dataclass
class Sheet:
    """The classes of a graph as nodes to be drawn, by number; constants come after the Values' classes.

    Attributes:
        members: for each node the Values or constants that it stands for.
        order: for each node where it stands in the topological order.
        parts: for each node how many operations of a chain each of its members is.
        edges: (source, target, slot) to the number of edges of the graph.
        roots: the numbers of the outputs' nodes.
        group: for each node the number of its group, -1 for none.
        groups: title, parent, count and kind of each group.
    """

    members: list[Any]
    order: Array
    parts: list[int]
    edges: dict[tuple[int, int, int], int]
    roots: list[int]
    group: list[int] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)


def sheet_of(reading: Reading, folding: Folding) -> Sheet:
    """Nodes and edges to be drawn."""
    class_of, head, values = folding.class_of, folding.head, reading.values
    whole = np.flatnonzero(head == np.arange(len(head)))
    by_class = whole[np.argsort(class_of[whole], kind="stable")]
    counts = np.bincount(class_of[whole])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    members: list[Any] = np.split(by_class, starts[1:])
    sizes = np.bincount(head, minlength=len(head))
    order = by_class[starts].astype(float)
    parts = [int(sizes[numbers[0]]) for numbers in members]
    edges = class_edges(reading, folding)
    roots = list(dict.fromkeys(int(class_of[number]) for number in reading.outputs))
    sheet = Sheet(members, order, parts, edges, roots)
    last = last_of(sheet)
    order[last] = len(values) + np.arange(len(last))[::-1]
    add_constants(reading, folding, sheet)
    return sheet


def last_of(sheet: Sheet) -> list[int]:
    """The outputs that lead to no other output."""
    used = {source for source, target, _ in sheet.edges if source != target}
    return [number for number in sheet.roots if number not in used]


def class_edges(reading: Reading, folding: Folding) -> dict[tuple[int, int, int], int]:
    """The edges between classes; those inside of a chain are left out."""
    head, class_of = folding.head, folding.class_of
    outer = head[reading.source] != head[reading.target]
    target = head[reading.target[outer]]
    slot = np.where(folding.unordered[target], 0, reading.slot[outer])
    source = class_of[reading.source[outer]]
    classes, slots = int(class_of.max()) + 1, int(slot.max(initial=0)) + 1
    keys, counts = np.unique((class_of[target] * slots + slot) * classes + source, return_counts=True)
    rest, sources = np.divmod(keys, classes)
    targets, found = np.divmod(rest, slots)
    return dict(zip(zip(sources.tolist(), targets.tolist(), found.tolist(), strict=True), counts.tolist(), strict=True))


def add_constants(reading: Reading, folding: Folding, sheet: Sheet) -> None:
    """Constants as nodes: a number at each of its uses, an array once; folded with what uses them."""
    target_class = folding.class_of[folding.head].tolist()
    unordered = folding.unordered[folding.head].tolist()
    nodes: dict[Any, int] = {}
    arrays: dict[int, int] = {}
    extra: list[list[Any]] = []
    first = len(sheet.members)
    for target, slot, item in reading.constants:
        is_array = item.__class__ is not float
        place = 0 if unordered[target] else slot
        number = arrays.get(id(item), -1) if is_array else -1
        if number < 0:
            kind = (item.shape, str(item.dtype)) if is_array else None
            key = (target_class[target], place, kind) if folding.folded or not is_array else id(item)
            number = nodes.setdefault(key, len(extra))
            if number == len(extra):
                extra.append([])
            extra[number].append(item)
            if is_array:
                arrays[id(item)] = number
        edge = (first + number, target_class[target], place)
        sheet.edges[edge] = sheet.edges.get(edge, 0) + 1
    sheet.members += extra
    sheet.parts += [1] * len(extra)
    sheet.order = np.concatenate([sheet.order, np.zeros(len(extra))])
    leaves = [number for number in range(first) if sheet.members[number][0] < reading.leaves]
    put_before_users(sheet, {*leaves, *range(first, len(sheet.members))} - set(last_of(sheet)))


def put_before_users(sheet: Sheet, leaves: set[int]) -> None:
    """Let each leaf and constant come just before what uses it first, in the order of the operands."""
    before = dict.fromkeys(leaves, np.inf)
    for source, target, slot in sheet.edges:
        if source in before:
            before[source] = min(before[source], sheet.order[target] - 0.5 + 1e-3 * min(slot, 100))
    for number, order in before.items():
        sheet.order[number] = order


# --- groups ---------------------------------------------------------------------------------------


@dataclass
class Frame:
    """A group while it is made; `up` is the number of the one around, -1 for none."""

    name: str
    title: str
    up: int
    depth: int
    kind: str
    count: int = 0
    nodes: int = 0
    parameters: int = 0


def frames_of(reading: Reading, folding: Folding) -> tuple[list[Frame], list[int]]:
    """The scopes as groups, one for all copies; and for each scope the number of its group."""
    known: dict[Any, int] = {}
    numbers: list[int] = []
    frames: list[Frame] = []
    calls: dict[str, int] = {}
    for number, (scope, title) in enumerate(zip(reading.scopes, folding.titles, strict=True)):
        up = numbers[scope.parent] if scope.parent >= 0 else -1
        if up >= 0 and frames[up].depth == DEEPEST:
            numbers.append(up)
            continue
        key = (up, title) if folding.folded else number
        if key not in known:
            known[key] = len(frames)
            name = unused(f"{frames[up].name}/{title}" if up >= 0 else title, calls)
            frames.append(Frame(name, title, up, frames[up].depth + 1 if up >= 0 else 1, scope.kind))
        frame = frames[known[key]]
        frame.count += 1
        frame.kind = frame.kind if frame.kind == scope.kind else ""  # copies of different classes
        numbers.append(known[key])
    return frames, numbers


def unused(name: str, calls: dict[str, int]) -> str:
    """A name for a group that no other has, nor a node: ``Linear~2`` for the second call of a layer."""
    first = f"scope {name}" if NODE_NAME.match(name) else name
    call = calls.get(first, 0) + 1
    name = first if call == 1 else f"{first}~{call}"
    while call > 1 and name in calls:
        call += 1
        name = f"{first}~{call}"
    calls[first] = call
    calls.setdefault(name, 1)
    return name


def add_groups(reading: Reading, folding: Folding, sheet: Sheet) -> None:
    """The groups, and for each node the one it is drawn in."""
    frames, frame_of_scope = frames_of(reading, folding)
    ups = [frame.up for frame in frames]
    values = sum(members.__class__ is not list for members in sheet.members)  # the constants come after them
    group = [-1] * len(sheet.members)
    for number in range(values):
        own = int(reading.scope_of[sheet.members[number][0]])
        group[number] = frame_of_scope[own] if own >= 0 else -1
    users: dict[int, set[int]] = {}
    for source, target, _ in sheet.edges:
        users.setdefault(source, set()).add(group[target])
    for number in range(len(group)):
        members = sheet.members[number]
        is_value = number < values
        if number in sheet.roots or (is_value and members[0] >= reading.leaves):
            continue
        around = users.get(number, {-1})
        if is_value and int(members[0]) in reading.names:
            around = around - {-1} or around  # a weight stays in its layer, also where the loss penalises it
        group[number] = common(around, ups)
        if is_value and int(members[0]) not in reading.names:
            while group[number] >= 0 and frames[group[number]].count > len(members):
                group[number] = ups[group[number]]  # an input of the first copy alone is in none of them
    for number, up in enumerate(group):
        counted = len(sheet.members[number]) * sheet.parts[number]
        held = numbers_held(reading, sheet.members[number]) if number < values else 0
        for around_it in path_to(up, ups):
            frames[around_it].nodes += counted
            frames[around_it].parameters += held
    sheet.group = group
    sheet.groups = [
        Group(f.name, f.title, frames[f.up].name if f.up >= 0 else "", f.count, f.nodes, f.parameters, kind=f.kind)
        for f in frames
    ]


def common(groups: set[int], ups: list[int]) -> int:
    """The innermost group that holds all of these."""
    paths = [path_to(group, ups) for group in groups]
    shared = -1
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        shared = level[0]
    return shared


def path_to(group: int, ups: list[int]) -> list[int]:
    """The groups around a group from the outermost to itself."""
    found = []
    while group >= 0:
        found.append(group)
        group = ups[group]
    return found[::-1]


def numbers_held(reading: Reading, members: Array) -> int:
    """How many numbers the parameters among some leaves hold."""
    if members[0] >= reading.leaves:
        return 0
    return sum(reading.values[number].size for number in members if number in reading.names)


def nearest(sheet: Sheet, most: int) -> tuple[list[int], set[int]]:
    """The nodes nearest to the output, breadth first, and those among them that have operands left out."""
    operands: dict[int, list[int]] = {}
    for source, target, _ in sorted(sheet.edges, key=lambda edge: (edge[1], edge[2], edge[0])):
        operands.setdefault(target, []).append(source)
    kept = breadth_first(sheet.roots, operands)[:most]
    inside = set(kept)
    return kept, {number for number in kept if any(source not in inside for source in operands.get(number, ()))}

"""Compares two pictures: marks the nodes added, removed, and changed in shape or setting. Numbers are ignored."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from difflib import SequenceMatcher

from autograd.drawing.picture import Edge, Node, Picture, groups_in_use, plural
from autograd.drawing.read.similarity import NUMBER

MOST_PAIRS = 100_000  # beyond this number of pairs of nodes, those of a kind are matched in order
SETTING = re.compile(r"\w+=(?:\([^)]*\)|[^,)]+)|\[[^\]]*\]")  # axis=(0, 1), or an index
SAME_ROLES = {"leaf": "leaf", "frozen": "leaf"}


def compare_pictures(before: Picture, after: Picture) -> Picture:
    """Return the later picture with added and changed nodes marked, and removed ones put back."""
    old, new = in_topological_order(before), in_topological_order(after)
    pairs = match_nodes(old, new)  # names of nodes before to names after
    by_name = {node.name: node for node in old}
    earlier = {later: by_name[name] for name, later in pairs.items()}
    nodes = [compared_node(node, earlier.get(node.name)) for node in after.nodes]
    removed = [node for node in before.nodes if node.name not in pairs and node.role != "cut"]
    names = {**pairs, **{node.name: f"removed_{node.name}" for node in removed}}
    nodes += [with_mark(replace(node, name=names[node.name]), "removed") for node in removed]
    edges = compared_edges(before, after, names)
    counts = Counter(mark for node in nodes for mark in node.marks if mark in ("added", "removed", "changed"))
    texts = [f"{plural(counts[what], 'node')} {what}" for what in ("added", "removed", "changed") if counts[what]]
    rewired = sum(bool({"added", "removed"} & set(edge.marks)) for edge in edges)
    texts += [f"{plural(rewired, 'edge')} added or removed"] if rewired and not texts else []
    note = ", ".join(texts) if texts else "no difference in structure"
    kept = {group.name for group in after.groups}
    groups = (*after.groups, *(group for group in groups_in_use(before.groups, removed) if group.name not in kept))
    title = after.title or before.title or "What changed"
    nodes = [replace(node, cotangent=None) for node in nodes]  # there is no backward pass to play
    return replace(after, nodes=tuple(nodes), edges=tuple(edges), groups=groups, notes=(note, *after.notes), title=title)


def in_topological_order(picture: Picture) -> list[Node]:
    """Return the nodes in topological order, inputs first."""
    return sorted((node for node in picture.nodes if node.role != "cut"), key=lambda node: (node.order, node.name))


def match_nodes(old: list[Node], new: list[Node]) -> dict[str, str]:
    """Map the names of nodes before to those after: the longest common parts of both orders, and leaves of equal name."""
    if len(old) * len(new) > MOST_PAIRS:
        return match_in_order(old, new)
    matcher = SequenceMatcher(None, [key_of(node) for node in old], [key_of(node) for node in new], autojunk=False)
    pairs = {
        old[block.a + i].name: new[block.b + i].name for block in matcher.get_matching_blocks() for i in range(block.size)
    }  # fmt: skip
    left = [node for node in old if node.name not in pairs and not node.op and node.names]
    found = set(pairs.values())
    return pairs | match_in_order(left, [node for node in new if node.name not in found and not node.op and node.names])


def match_in_order(old: list[Node], new: list[Node]) -> dict[str, str]:
    """Match the nodes of each kind in order: the fast way for large pictures, where match_nodes() would take minutes."""
    waiting: dict[tuple[str, str, str], list[str]] = {}
    for node in reversed(new):
        waiting.setdefault(key_of(node), []).append(node.name)
    return {node.name: waiting[key_of(node)].pop() for node in old if waiting.get(key_of(node))}


def key_of(node: Node) -> tuple[str, str, str]:
    """Return the key by which nodes are matched: role, operation or name, and group, ignoring numbers."""
    name = node.op or (node.names[0] if node.names else "")
    return SAME_ROLES.get(node.role, node.role), NUMBER.sub("*", name), NUMBER.sub("*", node.group)


def compared_node(node: Node, earlier: Node | None) -> Node:
    """Return a later node, marked if it is new or has changed."""
    if earlier is not None:
        return marked_if_changed(earlier, node)
    return node if node.role == "cut" else with_mark(node, "added")


def marked_if_changed(before: Node, after: Node) -> Node:
    """Return the later node, marked if its shape, dtype, role, settings or count differ."""
    notes = []
    for what, old, new in (
        ("shape", before.shape, after.shape),
        ("dtype", before.dtype, after.dtype),
        ("role", before.role, after.role),
        ("setting", settings_in_title(before), settings_in_title(after)),
        ("count", before.count, after.count),
        ("length of the chain", before.parts, after.parts),
    ):
        if old != new:
            notes.append(f"{what} was {old}, now {new}")
    return with_mark(replace(after, notes=(*after.notes, *notes)), "changed") if notes else after


def settings_in_title(node: Node) -> str:
    """Return the part of a title without names: settings and index of an operation, or the number of a constant."""
    return node.title if node.role == "constant" else ", ".join(SETTING.findall(node.title)) if node.op else ""


def with_mark(node: Node, what: str) -> Node:
    return replace(node, marks=(*node.marks, what))


def compared_edges(before: Picture, after: Picture, names: dict[str, str]) -> list[Edge]:
    """Return the later edges with new ones marked, and the earlier edges that were removed."""
    moved = [
        replace(edge, source=names[edge.source], target=names[edge.target])
        for edge in before.edges
        if edge.source in names and edge.target in names
    ]
    old, new = set(map(ends_of, moved)), set(map(ends_of, after.edges))
    found = [
        edge if ends_of(edge) in old or edge.source.endswith("_cut") else replace(edge, marks=(*edge.marks, "added"))
        for edge in after.edges
    ]
    gone = [edge for edge in moved if ends_of(edge) not in new]
    return found + [replace(edge, marks=(*edge.marks, "removed"), flow=None, local=None) for edge in gone]


def ends_of(edge: Edge) -> tuple[str, str, int]:
    return edge.source, edge.target, edge.slot

"""Keeps a Picture within a number of nodes: collapses groups, then leaves out the nodes farthest from the output."""

from __future__ import annotations

from dataclasses import replace

from autograd.drawing.picture import Edge, Node, Picture, breadth_first, depths_of, groups_in_use, outermost_closed, plural


def fit_to_budget(picture: Picture, depth: int | None, most: int) -> Picture:
    """Collapse the groups deeper than `depth`, or if that is None, as few as needed; then leave nodes out to keep to `most`."""
    depth_of = depths_of(picture.groups)
    if depth is None:
        depth = next((d for d in range(max(depth_of.values()), 0, -1) if count_shown(picture, depth_of, d) <= most), 0)
    groups = tuple(replace(group, collapsed=depth_of[group.name] > depth) for group in picture.groups)
    return leave_out_farthest(replace(picture, groups=groups), most)


def count_shown(picture: Picture, depth_of: dict[str, int], depth: int) -> int:
    """Return how many nodes are drawn if groups deeper than this are collapsed."""
    parents = {group.name: group.parent for group in picture.groups}
    found = set()
    for node in picture.nodes:
        name, group = node.name, node.group
        while depth_of[group] > depth:
            name, group = group, parents[group]
        found.add(name)
    return len(found)


def leave_out_farthest(picture: Picture, most: int) -> Picture:
    """Leave out the visible nodes farthest from the output."""
    visible = picture.visible
    drawn = [node for node in visible.nodes if node.role != "cut"]
    if len(drawn) <= most:
        return picture
    operands: dict[str, list[str]] = {}
    for edge in visible.edges:
        operands.setdefault(edge.target, []).append(edge.source)
    kept = set(breadth_first(visible.roots, operands)[:most])
    into = drawn_as(picture)
    nodes = [node for node in picture.nodes if into[node.name] in kept and node.role != "cut"]
    names = {node.name for node in nodes}
    edges = [edge for edge in picture.edges if edge.source in names and edge.target in names]
    missing = {edge.target for edge in picture.edges if edge.target in names and edge.source not in names}
    for node in [node for node in nodes if node.name in missing]:
        nodes.append(Node(f"{node.name}_cut", "cut", "…", group=node.group))
        edges.append(Edge(f"{node.name}_cut", node.name))
    lost = sum(node.count for node in drawn if node.role == "unreached" and node.name not in kept)
    notes = (*picture.notes, *([f"{plural(lost, 'unreached parameter')} left out"] if lost else []))
    return replace(picture, nodes=tuple(nodes), edges=tuple(edges), groups=groups_in_use(picture.groups, nodes), notes=notes)


def drawn_as(picture: Picture) -> dict[str, str]:
    """Map each node to the name under which it is drawn: its own, or that of the collapsed group that it is in."""
    by_name = picture.by_name
    return {node.name: outermost_closed(node.group, by_name) or node.name for node in picture.nodes}

"""The model of a picture: nodes, edges, groups and statistics, as plain data.

Every output is made from it: DOT and with it SVG, PNG and PDF, Mermaid, text, JSON and the page. Nothing here
knows Values, Graphviz or HTML.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

#: What a node can be. A "scope" stands for all that a closed group holds, "cut" for what is left out.
ROLES = ("leaf", "frozen", "constant", "computed", "scope", "failed", "unreached", "neuron", "cut")
#: What can be marked at a node.
MARKS = (
    "nan",
    "inf",
    "zero gradient",
    "exploding gradient",
    "vanishing gradient",
    "dead",
    "unreached",
    "added",
    "removed",
    "changed",
)
FEW = 12  # numbers of a small array are kept whole
NUMBERS = 2_000_000  # elements that are summarised for one node


@dataclass(frozen=True)
class Summary:
    """Numbers about one array, or about all the arrays that a node or an edge stands for.

    Attributes:
        size: how many numbers were counted.
        minimum, mean, maximum, norm: of these numbers; the norm is the square root of the sum of their squares.
        zeros, bad: how many are exactly zero, and how many NaN or infinite.
        values: the numbers themselves where they are few, or None.
        nans: how many are NaN.
    """

    size: int
    minimum: float
    mean: float
    maximum: float
    norm: float
    zeros: int
    bad: int
    values: tuple[float, ...] | None = None
    nans: int = 0

    @property
    def rms(self) -> float:
        """The root of the mean square: the size of a typical element."""
        return self.norm / math.sqrt(self.size) if self.size else 0.0

    @staticmethod
    def of(numbers: Any) -> Summary:
        """The summary of a number, an array, or a sequence of numbers."""
        array = np.asarray(numbers, dtype=float).ravel()
        if array.size == 1:  # half of all nodes are numbers: 10x faster
            number = float(array[0])
            zeros, bad = int(number == 0.0), int(number - number != 0.0)
            return Summary(1, number, number, number, math.fabs(number), zeros, bad, (number,), int(number != number))
        if not array.size:
            return Summary(0, math.nan, math.nan, math.nan, 0.0, 0, 0, ())
        with np.errstate(all="ignore"):  # inf - inf in a mean is shown as nan
            low, mean, high = float(array.min()), float(array.mean()), float(array.max())
            norm = float(np.linalg.norm(array))
        few = tuple(array.tolist()) if array.size <= FEW else None
        zeros, bad = int((array == 0.0).sum()), int(array.size - np.isfinite(array).sum())
        return Summary(array.size, low, mean, high, norm, zeros, bad, few, int(np.isnan(array).sum()) if bad else 0)

    @staticmethod
    def of_all(items: list[Any]) -> Summary | None:
        """The summary of several numbers or arrays together; None if there are none, or data that is neither."""
        if len(items) == 1:
            return Summary.of(items[0]) if isinstance(items[0], (float, np.ndarray)) else None
        if not items:
            return None
        if all(item.__class__ is float for item in items):
            return Summary.of(np.array(items))
        if not all(isinstance(item, (float, np.ndarray)) for item in items):
            return None
        size = sum(np.size(item) for item in items)
        most = max(1, len(items) * NUMBERS // max(size, NUMBERS))
        chosen = items if most >= len(items) else [items[i] for i in np.linspace(0, len(items) - 1, most).astype(int)]
        return Summary.of(np.concatenate([np.ravel(item) for item in chosen]))


@dataclass(frozen=True)
class Node:
    """One node of a picture; it may stand for many nodes of the graph.

    Attributes:
        name: its identity, "n0" for the output.
        role: one of ROLES.
        title: label and formula, ``"d = a * b"``, or the path of a parameter; may be empty.
        count: how many copies it stands for.
        parts: how many operations of a chain, such as the additions of a sum, are drawn as this one.
        group: the name of the group it is drawn in; "" outside of all.
        op: the name of the operation; "" for leaves and constants.
        names: what it can be found by: labels, parameter paths, variables.
        shape, dtype: of its data, or of each of its data; None and "" where there are none or several.
        data, grad: numbers, None where there are none. `grad` is None before a backward pass.
        cotangent: the gradient of the output with respect to it, of a backward pass of this graph alone.
        seed: where there are several outputs, what that pass began with at this one.
        marks: from MARKS.
        notes: what there is to say in full sentences, such as "3 of 16 units are zero for all samples".
        place: the modules that computed it.
        line: the source line, ``"model.py:12"``, and `source`, the text that stands there.
        rules: for each operand that can have a gradient, its cotangent in symbols: ``"g * y"``.
        words: what the operation's rules do, in a sentence.
        order: where it stands in the topological order: inputs before results.
        ordered: True if its operands are drawn in order, because the formula does not tell them apart.
        rows: the small table of texts under the title, made by texts.rows_of.
    """

    name: str
    role: str
    title: str = ""
    count: int = 1
    parts: int = 1
    group: str = ""
    op: str = ""
    names: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    data: Summary | None = None
    grad: Summary | None = None
    cotangent: Summary | None = None
    seed: Summary | None = None
    marks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    place: str = ""
    line: str = ""
    source: str = ""
    rules: tuple[str, ...] = ()
    words: str = ""
    order: int = 0
    ordered: bool = False
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Edge:
    """From an operand to a result.

    Attributes:
        source, target: names of nodes.
        slot: which operand it is, from 0.
        count: how many edges of the graph it stands for.
        turn: when in the backward step of the target its cotangent is added: the engine's order.
        local: the derivative of the target with respect to the source, where that is elementwise.
        flow: the cotangent that flows back along it.
        label: a text to be drawn at it; a weight, for instance.
        strength: from -1 to 1, drawn as colour and width; None for a plain edge.
        marks: from MARKS.
    """

    source: str
    target: str
    slot: int = 0
    count: int = 1
    turn: int = 0
    local: Summary | None = None
    flow: Summary | None = None
    label: str = ""
    strength: float | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """A scope: a module, or a with-block or loop that was named.

    Attributes:
        name: its identity, such as ``"MLP/layers.0"``.
        title: its own part of the path, ``"layers.0"``, with * for what was folded.
        parent: the name of the group around, "" outside of all.
        count: how many scopes it stands for: the samples, neurons or time steps that were folded.
        nodes: how many nodes of the graph are in it, and in the groups inside.
        parameters: how many numbers its parameters hold.
        collapsed: True if it is drawn as a single node.
        kind: the class of the module, or "".
    """

    name: str
    title: str
    parent: str = ""
    count: int = 1
    nodes: int = 0
    parameters: int = 0
    collapsed: bool = False
    kind: str = ""


@dataclass(frozen=True)
class Picture:
    """A whole picture.

    Attributes:
        nodes, edges, groups: what there is, also inside of groups that are collapsed; `visible` leaves that out.
        total: how many nodes the graph has, constants included.
        edges_total: how many edges it has.
        differentiated: whether a backward pass has been run, so that the nodes have a `grad`.
        root: the name of the output's node, the first one's if there are several.
        title: a heading, or "".
        notes: what the reader of the picture must know, in full sentences.
        legend: (colour, meaning) for pictures that need one.
        outputs: the names of the nodes of several outputs; empty if there is one.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[Group, ...] = ()
    total: int = 0
    edges_total: int = 0
    differentiated: bool = False
    root: str = "n0"
    title: str = ""
    notes: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def roots(self) -> tuple[str, ...]:
        """The names of all output nodes, also if there is but one."""
        return self.outputs or (self.root,)

    @property
    def note(self) -> str:
        """What was folded, collapsed and left out: "showing 35 of 65,818 nodes: ..."; "" if nothing was."""
        shown = [node for node in self.visible.nodes if node.role not in ("cut", "unreached")]
        covered = sum(node.count * node.parts for node in shown)
        if self.total <= sum(node.role != "scope" for node in shown):
            return ""
        closed = sum(node.role == "scope" for node in shown)
        folded = sum(node.count * node.parts > 1 for node in shown if node.role != "scope")
        neurons = any(node.role == "neuron" for node in shown)
        more = "neurons, max_neurons=... shows more" if neurons else "far from the output, max_nodes=... shows more"
        done = [text for number, text in (
            (folded, f"folded {plural(folded, 'pattern')}"),
            (closed, f"collapsed {plural(closed, 'scope')}"),
            (self.total - covered, f"left out {self.total - covered:,} {more}"),
        ) if number > 0]  # fmt: skip
        return f"showing {plural(len(shown), 'node')} of {self.total:,}: {', '.join(done)}"

    @cached_property
    def visible(self) -> Picture:
        """The picture with every collapsed group replaced by one node, whose name is that of the group."""
        if not any(group.collapsed for group in self.groups):
            return self
        by_name = self.by_name
        closed = {group.name: outermost_closed(group.name, by_name) for group in self.groups}
        into = {node.name: closed.get(node.group) or node.name for node in self.nodes}
        members: dict[str, list[Node]] = {}
        for node in self.nodes:
            members.setdefault(into[node.name], []).append(node)
        nodes = [scope_node(by_name[name], inside) if closed.get(name) else inside[0] for name, inside in members.items()]
        edges: dict[tuple[str, str, int], Edge] = {}
        for edge in self.edges:
            source, target = into[edge.source], into[edge.target]
            if source == target and source != edge.source:
                continue
            slot = edge.slot if target == edge.target else 0
            key = (source, target, slot)
            moved = replace(edge, source=source, target=target, slot=slot)
            edges[key] = (
                replace(edges[key], count=edges[key].count + edge.count, flow=None, local=None) if key in edges else moved
            )
        shown = tuple(group for group in self.groups if not closed[group.name])
        outputs = tuple(dict.fromkeys(into[name] for name in self.outputs))
        return replace(self, nodes=tuple(nodes), edges=tuple(edges.values()), groups=shown, root=into[self.root], outputs=outputs)

    @property
    def by_name(self) -> dict[str, Any]:
        """Nodes and groups by their names."""
        items: tuple[Any, ...] = (*self.groups, *self.nodes)
        return {item.name: item for item in items}

    def find(self, text: str) -> tuple[Node, ...]:
        """The nodes that have this text in their title, names or operation, exact names first."""
        wanted = text.lower()
        exact = [node for node in self.nodes if wanted in map(str.lower, (*node.names, node.title))]
        rest = [node for node in self.nodes if any(wanted in item.lower() for item in (node.title, node.op, *node.names))]
        return tuple(dict.fromkeys([*exact, *rest]))

    def to_json(self) -> dict[str, Any]:
        """All of it as dicts, lists, strings and numbers; fields at their defaults are left out."""
        found: dict[str, Any] = {"format": "valuegrad picture", "version": 1, "note": self.note}
        return {**found, **plain(self)}


def breadth_first(roots: Iterable[Any], operands: dict[Any, list[Any]]) -> list[Any]:
    """What can be reached from the roots through the operands, the nearest first."""
    found = list(dict.fromkeys(roots))
    seen = set(found)
    for item in found:
        for operand in operands.get(item, ()):
            if operand not in seen:
                seen.add(operand)
                found.append(operand)
    return found


def depths_of(groups: Iterable[Group]) -> dict[str, int]:
    """Return how deep each group is nested: 1 for the outermost; 0 for the name of no group."""
    found = {"": 0}
    for group in groups:  # those around come before those inside
        found[group.name] = found[group.parent] + 1
    return found


def groups_in_use(groups: Iterable[Group], nodes: Iterable[Node]) -> tuple[Group, ...]:
    """Return the groups that hold nodes, and those around them."""
    parents = {group.name: group.parent for group in groups}
    wanted: set[str] = set()
    for node in nodes:
        name = node.group
        while name and name not in wanted:
            wanted.add(name)
            name = parents[name]
    return tuple(group for group in groups if group.name in wanted)


def outermost_closed(name: str, groups: dict[str, Any]) -> str:
    """The outermost collapsed group that holds this group, or is it; "" if there is none."""
    found = ""
    while name:
        found, name = (name if groups[name].collapsed else found), groups[name].parent
    return found


def scope_node(group: Group, inside: list[Node]) -> Node:
    """The single node of a collapsed group."""
    marks = tuple(mark for mark in MARKS if any(mark in node.marks for node in inside))
    names = tuple(dict.fromkeys(name for node in inside for name in node.names))
    count = group.nodes
    rows = (
        ((f"{plural(count, 'node')}, {plural(group.parameters, 'parameter')}",),)
        if group.parameters
        else ((plural(count, "node"),),)
    )
    return Node(
        group.name, "scope", group.title, count, group=group.parent, names=names, marks=marks, place=group.name, rows=rows,
        order=max(node.order for node in inside),
    )  # fmt: skip


def plural(number: int, what: str) -> str:
    """``"1 node"``, ``"2,000 nodes"``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def number_text(number: float) -> str:
    """Four decimals, or powers of ten where these would show nothing or too much."""
    plain = number == 0.0 or 1e-3 <= abs(number) < 1e6 or number - number != 0.0
    return f"{number + 0.0:.4f}" if plain else f"{number:.3e}"  # + 0.0 makes -0.0 a 0.0


def plain(item: Any) -> Any:
    """Dataclasses as dicts without the fields that are at their defaults, tuples as lists."""
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {key: plain(value) for key, value, default in fields_of(item) if value != default or key in ("name", "role")}
    if isinstance(item, dict):
        return {key: plain(value) for key, value in item.items()}
    return [plain(value) for value in item] if isinstance(item, (tuple, list)) else item


def fields_of(item: Any) -> Iterable[tuple[str, Any, Any]]:
    """(name, value, default) of each field of a dataclass."""
    fields: Iterator[Any] = iter(dataclasses.fields(item))
    return ((field.name, getattr(item, field.name), field.default) for field in fields)

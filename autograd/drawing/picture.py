"""The model of a picture: nodes, edges, groups and summaries of their numbers, as plain data.

Every format is written from it: DOT (and with it SVG, PNG and PDF), Mermaid, text, JSON and the page. Nothing here
knows Values, Graphviz or HTML.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

#: The roles of nodes. A "scope" represents everything inside a collapsed group, a "cut" the nodes that are left out.
ROLES = ("leaf", "frozen", "constant", "computed", "scope", "failed", "unreached", "neuron", "cut")
#: The marks that a node can have.
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
FEW = 12  # a summary keeps the numbers of arrays up to this size
NUMBERS = 2_000_000  # the largest number of elements that are summarised for one node


@dataclass(frozen=True)
class Summary:
    """Summarises an array, or all the arrays that a node or an edge represents.

    Attributes:
        size: the number of elements.
        minimum, mean, maximum, norm: of the elements; the norm is the square root of the sum of their squares.
        zeros, bad: how many elements are exactly zero, and how many are NaN or infinite.
        values: the elements themselves if they are few, otherwise None.
        nans: how many elements are NaN.
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
        """The root mean square: the size of a typical element."""
        return self.norm / math.sqrt(self.size) if self.size else 0.0

    @staticmethod
    def of(numbers: Any) -> Summary:
        """Return the summary of a number, an array, or a sequence of numbers."""
        array = np.asarray(numbers, dtype=float).ravel()
        if array.size == 1:  # half of all nodes are numbers; 10x faster
            number = float(array[0])
            zeros, bad = int(number == 0.0), int(number - number != 0.0)
            return Summary(1, number, number, number, math.fabs(number), zeros, bad, (number,), int(number != number))
        if not array.size:
            return Summary(0, math.nan, math.nan, math.nan, 0.0, 0, 0, ())
        with np.errstate(all="ignore"):  # a mean over inf and -inf is nan, and shown as such
            low, mean, high = float(array.min()), float(array.mean()), float(array.max())
            norm = float(np.linalg.norm(array))
        few = tuple(array.tolist()) if array.size <= FEW else None
        zeros, bad = int((array == 0.0).sum()), int(array.size - np.isfinite(array).sum())
        return Summary(array.size, low, mean, high, norm, zeros, bad, few, int(np.isnan(array).sum()) if bad else 0)

    @staticmethod
    def of_all(items: list[Any]) -> Summary | None:
        """Return one summary of several numbers or arrays; None if there are none, or if an item is neither."""
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
    """A node of a picture; it may represent many nodes of the graph.

    Attributes:
        name: the unique name of the node, "n0" for the output.
        role: one of ROLES.
        title: label and formula, ``"d = a * b"``, or the path of a parameter; may be empty.
        count: how many copies the node represents.
        parts: how many operations of a chain, such as the additions of a sum, are drawn as this node.
        group: the name of the group that the node is drawn in; "" outside all groups.
        op: the name of the operation; "" for leaves and constants.
        names: the labels, parameter paths and variables that the node can be found by.
        shape, dtype: of the data, or of the data of each copy; None and "" if there are none or several.
        data, grad: summaries, or None. `grad` is None before a backward pass.
        cotangent: the gradient of the output with respect to the node, from a backward pass of this graph alone.
        seed: the gradient that this pass starts with at the node, if there are several outputs.
        marks: from MARKS.
        notes: full sentences, such as "3 of 16 units are zero for all samples".
        place: the path of the modules that computed it.
        line, source: the source line, ``"model.py:12"``, and its text.
        rules: for each operand that can have a gradient, its cotangent in symbols: ``"g * y"``.
        words: a sentence on the backward rules of the operation.
        order: the position in topological order: inputs before results.
        ordered: whether operands are drawn in order, because the formula does not tell them apart.
        rows: the table of texts below the title, as returned by node_texts.number_rows.
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
    """An edge from an operand to a result.

    Attributes:
        source, target: names of nodes.
        slot: the position of the operand, from 0.
        count: how many edges of the graph this edge represents.
        turn: when the engine adds the cotangent of this edge, among those of the target.
        local: the derivative of the target with respect to the source, if that is elementwise.
        flow: the cotangent that flows back along the edge.
        label: a text drawn at the edge, such as a weight.
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
    """A scope: a module, or a named with-block or loop.

    Attributes:
        name: the unique name of the group, such as ``"MLP/layers.0"``.
        title: the last part of the path, ``"layers.0"``, with * for folded numbers.
        parent: the name of the enclosing group, "" outside all groups.
        count: how many scopes the group represents: the samples, neurons or time steps that were folded.
        nodes: how many nodes of the graph the group and its subgroups hold.
        parameters: how many numbers its parameters hold.
        collapsed: whether the group is drawn as a single node.
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
        nodes, edges, groups: all of them, also inside collapsed groups; `visible` leaves those out.
        total: how many nodes the graph has, including constants.
        edges_total: how many edges the graph has.
        differentiated: whether a backward pass was run, so that nodes have a `grad`.
        root: the name of the output's node; of the first output if there are several.
        title: a heading, or "".
        notes: full sentences for the reader of the picture.
        legend: (colour, meaning) for pictures that need one.
        outputs: the names of the output nodes if there are several, otherwise empty.
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
        """The names of all output nodes, also of a single one."""
        return self.outputs or (self.root,)

    @property
    def note(self) -> str:
        """A note on folded, collapsed and left-out nodes: "showing 35 of 65,818 nodes: ..."; "" if the picture is complete."""
        shown = [node for node in self.visible.nodes if node.role not in ("cut", "unreached")]
        if self.total <= sum(node.role != "scope" for node in shown):
            return ""
        covered = sum(node.count * node.parts for node in shown)
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
        """The picture with each collapsed group replaced by one node of the same name."""
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
        """All nodes and groups by name."""
        items: tuple[Any, ...] = (*self.groups, *self.nodes)
        return {item.name: item for item in items}

    def find(self, text: str) -> tuple[Node, ...]:
        """Return the nodes whose title, names or operation contain this text, exact names first."""
        wanted = text.lower()
        exact = [node for node in self.nodes if wanted in map(str.lower, (*node.names, node.title))]
        rest = [node for node in self.nodes if any(wanted in item.lower() for item in (node.title, node.op, *node.names))]
        return tuple(dict.fromkeys([*exact, *rest]))

    def to_json(self) -> dict[str, Any]:
        """Return the picture as dicts, lists, strings and numbers, without fields that have their defaults."""
        found: dict[str, Any] = {"format": "valuegrad picture", "version": 1, "note": self.note}
        return {**found, **without_defaults(self)}


def breadth_first(roots: Iterable[Any], operands: dict[Any, list[Any]]) -> list[Any]:
    """Return everything that can be reached from the roots through the operands, the nearest first."""
    found = list(dict.fromkeys(roots))
    seen = set(found)
    for item in found:
        for operand in operands.get(item, ()):
            if operand not in seen:
                seen.add(operand)
                found.append(operand)
    return found


def depths_of(groups: Iterable[Group]) -> dict[str, int]:
    """Return how deep each group is nested: 1 for the outermost; 0 for "", outside all groups."""
    found = {"": 0}
    for group in groups:  # outer groups come before inner ones
        found[group.name] = found[group.parent] + 1
    return found


def groups_in_use(groups: Iterable[Group], nodes: Iterable[Node]) -> tuple[Group, ...]:
    """Return the groups that hold these nodes, and the groups around them."""
    parents = {group.name: group.parent for group in groups}
    wanted: set[str] = set()
    for node in nodes:
        name = node.group
        while name and name not in wanted:
            wanted.add(name)
            name = parents[name]
    return tuple(group for group in groups if group.name in wanted)


def outermost_closed(name: str, groups: dict[str, Any]) -> str:
    """Return the name of the outermost collapsed group among this group and those around it; "" if there is none."""
    found = ""
    while name:
        found, name = (name if groups[name].collapsed else found), groups[name].parent
    return found


def scope_node(group: Group, inside: list[Node]) -> Node:
    """Return the single node that represents a collapsed group."""
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
    """Return a count with its noun: ``"1 node"``, ``"2,000 nodes"``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def number_text(number: float) -> str:
    """Return a number with four decimals, or with a power of ten if it is very small or large."""
    plain = number == 0.0 or 1e-3 <= abs(number) < 1e6 or number - number != 0.0
    return f"{number + 0.0:.4f}" if plain else f"{number:.3e}"  # + 0.0 makes -0.0 a 0.0


def without_defaults(item: Any) -> Any:
    """Return a dataclass as a dict without the fields that have their defaults, and tuples as lists."""
    if dataclasses.is_dataclass(item):
        fields = [(field.name, field.default, getattr(item, field.name)) for field in dataclasses.fields(item)]
        return {name: without_defaults(value) for name, default, value in fields if value != default or name in ("name", "role")}
    return [without_defaults(part) for part in item] if isinstance(item, tuple) else item

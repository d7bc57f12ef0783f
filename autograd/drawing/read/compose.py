"""From a sheet to a Picture: the nodes get their names, texts and numbers. Which nodes there are is in folded_graph.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from autograd.drawing.picture import Edge, Node, Picture, Summary, plural
from autograd.drawing.read.budget import used
from autograd.drawing.read.folded_graph import FoldedGraph, nearest_to_output
from autograd.drawing.read.folding import CHAINED, Folding
from autograd.drawing.read.gradients import SAMPLE, summary_of, was_differentiated, with_flows
from autograd.drawing.read.graph import IndexedGraph
from autograd.drawing.read.marks import RECTIFIERS, dead_units, with_marks
from autograd.drawing.read.rule_texts import rules_of, words_of
from autograd.drawing.read.similarity import NUMBER
from autograd.drawing.read.sources import source_of
from autograd.drawing.read.texts import LONGEST_LABEL, UNNAMED, formula, number_text, operands_of, rows_of, shortened
from autograd.scopes import Place
from autograd.value import Value

LIMIT = 2_000  # nodes that a picture holds at most, those inside of collapsed groups included
FEW_UNREACHED = 8
SIMILAR = "what is drawn as one is the same operation near by, not all the way down to the inputs"
MANY = 20_000  # operations: the labels of more are not looked for
SUMS = {"add": ("sum", "terms"), "mul": ("product", "factors")}


class Composer:
    """Makes the nodes and edges of a Picture from a sheet.

    With `own_pass` the gradients are the cotangents, else what backward() left in `.grad`. What was made `here` has no
    source line: it is where draw() was called.
    """

    def __init__(
        self,
        graph: IndexedGraph,
        folding: Folding,
        folded: FoldedGraph,
        cotangents: dict[Any, Any] | None,
        own_pass: bool,
        here: Place | None = None,
        seeds: dict[Any, Any] | None = None,
    ) -> None:
        self.graph, self.folding, self.folded, self.cotangents = graph, folding, folded, cotangents
        self.own_pass = own_pass and cotangents is not None
        self.differentiated = self.own_pass or any(was_differentiated(graph.values[number]) for number in graph.outputs)
        self.seeds = seeds or {}
        self.value_classes = sum(members.__class__ is not list for members in folded.members)
        self.names: dict[int, str] = {}  # of Values by id, for formulas
        self.inner = inner_results(graph)
        self.here = here

    def picture(self, most: int) -> Picture:
        """The picture of the `most` nodes that are nearest to the output."""
        folded = self.folded
        kept, cut = nearest_to_output(folded, most)
        ranks = sorted(kept, key=lambda number: (-folded.order[number], number))
        name = {number: f"n{rank}" for rank, number in enumerate(ranks)}
        for number in ranks:
            self.name_members(number)
        last = len(ranks) - 1
        nodes = [self.node(number, name[number], last - rank) for rank, number in enumerate(ranks)]
        edges = [
            Edge(name[source], name[target], slot, count)
            for (source, target, slot), count in folded.edges.items()
            if source in name and target in name
        ]
        edges.sort(key=lambda edge: (int(edge.target[1:]), edge.slot, int(edge.source[1:])))
        for number in sorted(cut, key=lambda number: int(name[number][1:])):
            nodes.append(Node(f"{name[number]}_cut", "cut", "…", group=nodes[int(name[number][1:])].group))
            edges.append(Edge(f"{name[number]}_cut", name[number]))
        if self.cotangents is not None:
            edges = with_flows(self.graph, self.folding, folded, self.cotangents, edges, {name[n]: n for n in ranks})
        shown = used(tuple(self.folded.groups), nodes)
        unreached = self.unreached()
        total, edges_total = self.graph.total, self.graph.edges_total
        notes = () if self.folding.exact else (SIMILAR,)
        outputs = tuple(name[number] for number in folded.roots if number in name)
        picture = Picture((*nodes, *unreached), tuple(edges), shown, total, edges_total, self.differentiated, outputs[0])
        return with_marks(replace(picture, notes=notes, outputs=outputs if len(self.graph.outputs) > 1 else ()))

    def name_members(self, number: int) -> None:
        """Names of the Values of one node, for the formulas of others."""
        members = self.folded.members[number]
        if number < self.value_classes and len(members) == 1:
            value = self.graph.values[members[0]]
            name = self.graph.label(value) or self.graph.names.get(int(members[0]), "") or self.variable(int(members[0]))
            name = name or self.graph.output_names.get(int(members[0]), "")
            if name:
                self.names[id(value)] = shortened(name, LONGEST_LABEL)

    def group_name(self, number: int) -> str:
        group = self.folded.group[number]
        return self.folded.groups[group].name if group >= 0 else ""

    def node(self, number: int, name: str, order: int) -> Node:
        """One node, a constant or a class of Values."""
        members = self.folded.members[number]
        if number >= self.value_classes:
            return constant_node(members, name, self.group_name(number), order)
        values = [self.graph.values[member] for member in members]
        first, count, parts = values[0], len(values), self.folded.parts[number]
        data = summary_of(value._raw for value in values)
        grads = self.grads(values)
        cotangent = self.cotangent(values)
        line, source, _ = self.line_and_source(int(members[0]))
        shape, dtype = (first.shape, str(first.dtype)) if isinstance(first._raw, (float, np.ndarray)) else (None, "")
        leaf = first.op is None
        named = () if count > MANY and not leaf else members
        names = tuple(dict.fromkeys(text for member in named for text in self.names_of(int(member), count)))
        dead = (
            ""
            if leaf or first.op.name not in RECTIFIERS
            else dead_units(values, [self.unit(member, count == 1) for member in members])
        )
        node = Node(
            name, ("leaf" if first.requires_grad else "frozen") if leaf else "computed", self.title(number, values, names),
            count, parts, self.group_name(number), "" if leaf else first.op.name, names, shape, dtype, data, grads, cotangent,
            None, ("dead",) if dead else (), (dead,) if dead else (), self.place(int(members[0])), line, source,
            () if leaf else rules_of(first.op), "" if leaf else words_of(first.op), order,
        )  # fmt: skip
        node = replace(node, seed=summary_of(self.seeds[value] for value in values if value in self.seeds))
        unnamed = [self.name_of(item) for item in operands_of(first)].count(UNNAMED)
        numbers = {"data": data, "grad": grads}
        rows = rows_of(shape, dtype, count, numbers) if data is not None else ((f"{len(first._raw)} arrays",),)
        return replace(node, ordered=unnamed > 1 and node.op not in CHAINED and parts == 1, rows=rows)

    def variable(self, member: int) -> str:
        """The variable that a Value was assigned to; a call makes many Values, and only its last one is assigned."""
        return "" if member in self.inner else self.line_and_source(member)[2]

    def line_and_source(self, member: int) -> tuple[str, str, str]:
        """Line, text and variable of a Value, if they are those of the user's computation."""
        value, here = self.graph.values[member], self.here
        if here is not None and value.place.__class__ is Place and value.place.code is here.code:
            return ("", "", "") if value.place.instruction == here.instruction else source_of(value)
        return source_of(value)

    def place(self, member: int) -> str:
        """The path of the scope that a Value was made in."""
        titles, scope = [], int(self.graph.scope_of[member])
        while scope >= 0:
            titles.append(self.graph.scopes[scope].title)
            scope = self.graph.scopes[scope].parent
        return ".".join(reversed(titles))

    def unit(self, member: int, alone: bool) -> Any:
        """A key that tells the units of one module from those of another; None if nothing does and it is not alone.

        These are the modules around; or the scopes around a scalar, as those around arrays may number samples or steps.
        """
        modules, scope = [], int(self.graph.scope_of[member])
        while scope >= 0:
            modules += [] if isinstance(self.graph.scopes[scope].module, str) else [id(self.graph.scopes[scope].module)]
            scope = self.graph.scopes[scope].parent
        place = "" if self.graph.values[member].shape else self.place(int(member))
        return tuple(modules) or place or (member if alone else None)

    def grads(self, values: list[Any]) -> Summary | None:
        """What `.grad` is; None where no backward pass has come by."""
        if not self.differentiated or not any(value.requires_grad for value in values):
            return None
        known = self.cotangents if self.own_pass else None
        found = [getattr(value, "_grad", None) if known is None else known.get(value) for value in values]
        return summary_of(grad for grad in found if grad is not None)

    def cotangent(self, values: list[Any]) -> Summary | None:
        if self.cotangents is None:
            return None
        found = [self.cotangents.get(value) for value in values]
        return summary_of(c for c in found if c is not None) if any(c is not None for c in found) else None

    def names_of(self, member: int, count: int) -> list[str]:
        """What one Value can be found by."""
        value = self.graph.values[member]
        found = [self.graph.names.get(member, ""), self.graph.label(value)]
        found += [self.variable(member)] if count <= SAMPLE else []
        found += [self.graph.output_names.get(member, "")]
        return [name for name in found if name]

    def title(self, number: int, values: list[Any], names: tuple[str, ...]) -> str:
        """Name and formula."""
        first = values[0]
        name = self.names.get(id(first), "") if len(values) == 1 else shortened(shared_pattern(names), LONGEST_LABEL)
        if first.op is None:
            return name
        parts = self.folded.parts[number]
        if parts > 1:
            what, items = SUMS.get(first.op.name, (first.op.name, "items"))
            text = f"{what} of {parts + 1:,} {items}"
        else:
            text = formula(first, self.name_of) if len(values) == 1 else shared_formula(values)
        return f"{name} = {text}" if name else text

    def name_of(self, item: Any) -> str:
        """How an operand is called in a formula."""
        return f"{item:.6g}" if item.__class__ is float else self.names.get(id(item), UNNAMED)

    def unreached(self) -> list[Node]:
        """The parameters that the output does not depend on."""
        found = self.graph.unreached
        names = tuple(path for path, _ in found)
        if len(found) > FEW_UNREACHED:
            title = f"{plural(len(found), 'parameter')} not reached"
            return [Node("unreached", "unreached", title, len(found), names=names, marks=("unreached",))]
        return [unreached_node(f"unreached_{i}", path, value) for i, (path, value) in enumerate(found)]


def unreached_node(name: str, path: str, value: Value) -> Node:
    """A parameter that the output does not depend on."""
    data, shape, dtype = Summary.of(value._raw), value.shape, str(value.dtype)
    rows = rows_of(shape, dtype, 1, {"data": data})
    return Node(
        name, "unreached", path, names=(path,), shape=shape, dtype=dtype, data=data, marks=("unreached",), rows=rows
    )  # fmt: skip


def shared_formula(values: list[Any]) -> str:
    """The formula of copies: numbers that all have, and … for an index that differs."""
    first, last = values[0], values[-1]
    numbers = {item for item in operands_of(first) if item.__class__ is float}
    for value in values:
        if not numbers:
            break
        numbers &= {item for item in operands_of(value) if item.__class__ is float}

    def name_of(item: Any) -> str:
        return f"{item:.6g}" if item.__class__ is float and item in numbers else UNNAMED

    texts = [formula(first, name_of), formula(last, name_of)]
    if texts[0] == texts[1]:
        return texts[0]
    before, bracket, _ = texts[0].partition("[")
    return f"{before}[…]" if bracket else str(first.op.name)


def constant_node(items: list[Any], name: str, group: str, order: int) -> Node:
    """A constant, or those that are the same operand of copies."""
    first = items[0]
    if first.__class__ is float and (len(items) == 1 or all(item == first for item in items)):
        return Node(
            name,
            "constant",
            f"{first:.6g}",
            len(items),
            group=group,
            shape=(),
            dtype="float64",
            data=Summary.of(first),
            order=order,
        )
    data = summary_of(items)
    if first.__class__ is float:
        low, high = (number_text(number) for number in (data.minimum, data.maximum)) if data else ("", "")
        return Node(
            name, "constant", f"{low} … {high}", len(items), group=group, shape=(), dtype="float64", data=data, order=order
        )
    shape, dtype = first.shape, str(first.dtype)
    rows = rows_of(shape, dtype, len(items), {"data": data})
    return Node(name, "constant", "", len(items), group=group, shape=shape, dtype=dtype, data=data, order=order, rows=rows)


def inner_results(graph: IndexedGraph) -> set[int]:
    """The Values whose result is used by the very instruction that made them: inner results of a call."""
    places = [(value.place.code, value.place.instruction) if value.place.__class__ is Place else None for value in graph.values]
    pairs = zip(graph.source.tolist(), graph.target.tolist(), strict=True)
    return {source for source, target in pairs if places[source] is not None and places[source] == places[target]}


def shared_pattern(names: tuple[str, ...]) -> str:
    """The names as one, with * for the numbers they differ in: ``layers.0.neurons.*.w.*``; "" if they differ otherwise."""
    texts = {tuple(NUMBER.split(name)) for name in names}
    if len(texts) != 1:
        return ""
    (between,) = texts
    columns = [set(column) for column in zip(*(NUMBER.findall(name) for name in names), strict=True)]
    numbers = [column.pop() if len(column) == 1 else "*" for column in columns]
    return "".join(part for pair in zip(between, [*numbers, ""], strict=True) for part in pair)

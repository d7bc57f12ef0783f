"""Assembles a Picture from a FoldedGraph and its gradients: nodes get their names, texts and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.drawing.picture import Edge, Node, Picture, Summary, groups_in_use, number_text, plural
from autograd.drawing.read.folded_graph import FoldedGraph, nearest_to_output
from autograd.drawing.read.folding import CHAINED, Folding
from autograd.drawing.read.gradients import SAMPLE, was_differentiated, with_flows
from autograd.drawing.read.graph import IndexedGraph, operands_of
from autograd.drawing.read.marks import RECTIFIERS, dead_units
from autograd.drawing.read.node_texts import LONGEST_LABEL, UNNAMED, formula_of, number_rows, shortened
from autograd.drawing.read.rule_texts import rules_of, words_of
from autograd.drawing.read.similarity import NUMBER
from autograd.drawing.read.sources import UNKNOWN, Source, source_at
from autograd.scopes import Place
from autograd.value import Value

LIMIT = 2_000  # the most nodes of a picture, including those inside collapsed groups
FEW_UNREACHED = 8
SIMILAR = "copies drawn as one agree in nearby operations, not all the way down to the inputs"
MANY = 20_000  # labels of more operations in one node are not collected
SUMS = {"add": ("sum", "terms"), "mul": ("product", "factors")}


class Composer:
    """Makes the nodes and edges of a picture from a folded graph.

    With `own_pass` the gradients are the cotangents, otherwise what backward() left in `.grad`. Values computed `here`, where
    draw() was called, have no source line.
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
        self.formula_names: dict[int, str] = {}  # of Values, by id
        self.inner = inner_results(graph)
        self.here = here

    def picture(self, most: int) -> Picture:
        """Return the picture of the `most` nodes that are nearest to the output."""
        graph, folded = self.graph, self.folded
        kept, cut = nearest_to_output(folded, most)
        ranks = sorted(kept, key=lambda number: (-folded.order[number], number))
        name = {number: f"n{rank}" for rank, number in enumerate(ranks)}
        self.name_operands(ranks)
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
            edges = with_flows(graph, self.folding, folded, self.cotangents, edges, {name[n]: n for n in ranks})
        groups = groups_in_use(folded.groups, nodes)
        nodes += unreached_nodes(graph.unreached)
        notes = () if self.folding.exact else (SIMILAR,)
        roots = tuple(name[number] for number in folded.roots if number in name)
        outputs = roots if len(graph.outputs) > 1 else ()
        return Picture(
            tuple(nodes), tuple(edges), groups, graph.total, graph.edges_total, self.differentiated, roots[0], "", notes,
            outputs=outputs,
        )  # fmt: skip

    def name_operands(self, numbers: list[int]) -> None:
        """Note the names under which single Values appear in the formulas of others."""
        for number in numbers:
            members = self.folded.members[number]
            if number < self.folded.value_nodes and len(members) == 1:
                member = int(members[0])
                value = self.graph.values[member]
                name = self.graph.label(value) or self.graph.names.get(member, "") or self.variable(member)
                name = name or self.graph.output_names.get(member, "")
                if name:
                    self.formula_names[id(value)] = shortened(name, LONGEST_LABEL)

    def node(self, number: int, name: str, order: int) -> Node:
        """Return one node: a class of Values, or constants."""
        members, group = self.folded.members[number], self.folded.group[number]
        group_name = self.folded.groups[group].name if group >= 0 else ""
        if number >= self.folded.value_nodes:
            return constant_node(members, name, group_name, order)
        values = [self.graph.values[member] for member in members]
        first, count, parts = values[0], len(values), self.folded.parts[number]
        op = first.op
        data, cotangent = Summary.of_all([value._raw for value in values]), self.cotangent(values)
        grad = self.grad(values, cotangent)
        seeds = [self.seeds[value] for value in values if value in self.seeds] if self.seeds else []
        source = self.source(int(members[0]))
        shape, dtype = (first.shape, str(first.dtype)) if isinstance(first._raw, (float, np.ndarray)) else (None, "")
        named = () if count > MANY and op is not None else members
        names = tuple(dict.fromkeys([text for member in named for text in self.names_of(int(member), count)]))
        dead = ""
        if op is not None and op.name in RECTIFIERS:
            dead = dead_units(values, [self.unit(int(member), count == 1) for member in members])
        unnamed = [self.operand_name(item) for item in operands_of(first)].count(UNNAMED)
        return Node(
            name, title=self.title(number, values, names), count=count, parts=parts, group=group_name, names=names,
            role=("leaf" if first.requires_grad else "frozen") if op is None else "computed",
            op="" if op is None else op.name, rules=() if op is None else rules_of(op), words="" if op is None else words_of(op),
            shape=shape, dtype=dtype, data=data, grad=grad, cotangent=cotangent, seed=Summary.of_all(seeds),
            marks=("dead",) if dead else (), notes=(dead,) if dead else (),
            place=self.module_path(int(members[0])), line=source.line, source=source.text,
            order=order, ordered=unnamed > 1 and op.name not in CHAINED and parts == 1,
            rows=number_rows(shape, dtype, count, data, grad) if data is not None else ((f"{len(first._raw)} arrays",),),
        )  # fmt: skip

    def variable(self, member: int) -> str:
        """Return the variable that a Value was assigned to. A call makes many Values, and only its last one is assigned."""
        return "" if member in self.inner else self.source(member).variable

    def source(self, member: int) -> Source:
        """Return the source of a Value, unless that is the line on which draw() was called."""
        place, here = self.graph.values[member].place, self.here
        if place.__class__ is not Place:
            return UNKNOWN
        is_here = here is not None and place.code is here.code and place.instruction == here.instruction
        return UNKNOWN if is_here else source_at(place.code, place.instruction)

    def module_path(self, member: int) -> str:
        """Return the path of the scope that a Value was computed in."""
        return ".".join(reversed([scope.title for scope in self.graph.scopes_around(member)]))

    def unit(self, member: int, alone: bool) -> Any:
        """Return a key that distinguishes the units of different modules; None if there is none and the Value is not `alone`.

        The key is made of the modules around it, or for a scalar of the scopes around it. The scopes around arrays may number
        samples or steps.
        """
        modules = [id(scope.module) for scope in self.graph.scopes_around(member) if not isinstance(scope.module, str)]
        path = "" if self.graph.values[member].shape else self.module_path(member)
        return tuple(modules) or path or (member if alone else None)

    def cotangent(self, values: list[Any]) -> Summary | None:
        """Return the summary of the cotangents from the backward pass of this graph alone; None if there are none."""
        known = self.cotangents
        return None if known is None else Summary.of_all([known[value] for value in values if known.get(value) is not None])

    def grad(self, values: list[Any], cotangent: Summary | None) -> Summary | None:
        """Return the summary of the gradients to show; None before a backward pass."""
        if not self.differentiated or not any(value.requires_grad for value in values):
            return None
        if self.own_pass:
            return cotangent
        grads = [getattr(value, "_grad", None) for value in values]
        return Summary.of_all([grad for grad in grads if grad is not None])

    def names_of(self, member: int, count: int) -> list[str]:
        """Return the names that a Value can be found by."""
        graph = self.graph
        variable = self.variable(member) if count <= SAMPLE else ""
        found = graph.names.get(member, ""), graph.label(graph.values[member]), variable, graph.output_names.get(member, "")
        return [name for name in found if name]

    def title(self, number: int, values: list[Any], names: tuple[str, ...]) -> str:
        """Return name and formula: ``"d = a * b"``."""
        first = values[0]
        name = self.formula_names.get(id(first), "") if len(values) == 1 else shortened(shared_pattern(names), LONGEST_LABEL)
        if first.op is None:
            return name
        parts = self.folded.parts[number]
        if parts > 1:
            what, items = SUMS.get(first.op.name, (first.op.name, "items"))
            text = f"{what} of {parts + 1:,} {items}"
        else:
            text = formula_of(first, self.operand_name) if len(values) == 1 else shared_formula(values)
        return f"{name} = {text}" if name else text

    def operand_name(self, item: Any) -> str:
        """Return the name of an operand in a formula."""
        return f"{item:.6g}" if item.__class__ is float else self.formula_names.get(id(item), UNNAMED)


def unreached_nodes(unreached: list[tuple[str, Value]]) -> list[Node]:
    """Return nodes for the parameters that the output does not depend on; a single one if they are many."""
    if len(unreached) > FEW_UNREACHED:
        title, names = f"{plural(len(unreached), 'parameter')} not reached", tuple(path for path, _ in unreached)
        return [Node("unreached", "unreached", title, len(unreached), names=names, marks=("unreached",))]
    return [unreached_node(f"unreached_{i}", path, value) for i, (path, value) in enumerate(unreached)]


def unreached_node(name: str, path: str, value: Value) -> Node:
    """Return the node of a parameter that the output does not depend on."""
    data, shape, dtype = Summary.of(value._raw), value.shape, str(value.dtype)
    rows = number_rows(shape, dtype, 1, data)
    return Node(
        name, "unreached", path, names=(path,), shape=shape, dtype=dtype, data=data, marks=("unreached",), rows=rows
    )  # fmt: skip


def shared_formula(values: list[Any]) -> str:
    """Return the formula of copies, with the numbers that they share and … for an index that differs."""
    first, last = values[0], values[-1]
    numbers = {item for item in operands_of(first) if item.__class__ is float}
    for value in values:
        if not numbers:
            break
        numbers &= {item for item in operands_of(value) if item.__class__ is float}

    def name_of(item: Any) -> str:
        return f"{item:.6g}" if item.__class__ is float and item in numbers else UNNAMED

    texts = [formula_of(first, name_of), formula_of(last, name_of)]
    if texts[0] == texts[1]:
        return texts[0]
    before, bracket, _ = texts[0].partition("[")
    return f"{before}[…]" if bracket else str(first.op.name)


def constant_node(items: list[Any], name: str, group: str, order: int) -> Node:
    """Return the node of a constant, or of constants that are the same operand of copies."""
    first, data = items[0], Summary.of_all(items)
    if first.__class__ is not float:
        title, shape, dtype = "", first.shape, str(first.dtype)
        rows = number_rows(shape, dtype, len(items), data)
    else:
        shape, dtype, rows = (), "float64", ()
        if all(item == first for item in items[1:]):
            title, data = f"{first:.6g}", Summary.of(first)
        else:
            title = f"{number_text(data.minimum)} … {number_text(data.maximum)}" if data else ""
    return Node(
        name, "constant", title, len(items), group=group, shape=shape, dtype=dtype, data=data, order=order, rows=rows
    )  # fmt: skip


def inner_results(graph: IndexedGraph) -> set[int]:
    """Return the Values that are used by the instruction that computed them: inner results of a call."""
    places = [(value.place.code, value.place.instruction) if value.place.__class__ is Place else None for value in graph.values]
    pairs = zip(graph.source.tolist(), graph.target.tolist(), strict=True)
    return {source for source, target in pairs if places[source] is not None and places[source] == places[target]}


def shared_pattern(names: tuple[str, ...]) -> str:
    """Return one name, with * for numbers that differ: ``layers.0.neurons.*.w.*``; "" if the names differ otherwise."""
    texts = {tuple(NUMBER.split(name)) for name in names}
    if len(texts) != 1:
        return ""
    (between,) = texts
    columns = [set(column) for column in zip(*(NUMBER.findall(name) for name in names), strict=True)]
    numbers = [column.pop() if len(column) == 1 else "*" for column in columns]
    return "".join(part for pair in zip(between, [*numbers, ""], strict=True) for part in pair)

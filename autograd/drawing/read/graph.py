"""Reads the graph below some outputs in one pass: numbers its Values, and finds their edges, scopes and names."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.graph import arguments_of, topological_order
from autograd.op import Op
from autograd.ops.inputs import own_copy
from autograd.scopes import Place, scope
from autograd.transforms.trees import is_module, map_tree
from autograd.value import Value, new_node

Array = np.ndarray[Any, Any]


@dataclass
class EnteredScope:
    """One scope that was entered, or one call of a module.

    Attributes:
        title: the last part of its path.
        parent: the index of the scope around, -1 for none.
        kind: the class of the module, or "".
        module: the module, or the name of the scope.
    """

    title: str
    parent: int
    kind: str
    module: Any


@dataclass
class IndexedGraph:
    """A graph whose Values are numbered so that inputs come before results and the output is the last.

    Attributes:
        values: the Values, leaves first.
        leaves: how many of them are leaves.
        scope_of: for each Value the index of its scope, -1 for none.
        source, target, slot: for each operand that is a Value its number, the number of the result, and its position.
        constants: (target, slot, item) for each operand that is not a Value.
        scopes: all scopes, outer ones before inner ones.
        names: the paths of leaves in the model, by number.
        unreached: (path, parameter) for the parameters that the output does not depend on.
        lists: the Values whose operands are a list, such as those of stack.
        labels: the names of Values without a label, by id: the parameters of a function that is drawn.
        outputs, output_names: the numbers of the outputs; and if there are several, their names by these numbers.
    """

    values: list[Any]
    leaves: int
    scope_of: Array
    source: Array
    target: Array
    slot: Array
    constants: list[tuple[int, int, Any]]
    scopes: list[EnteredScope]
    names: dict[int, str] = field(default_factory=dict)
    unreached: list[tuple[str, Any]] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)
    outputs: list[int] = field(default_factory=list)
    output_names: dict[int, str] = field(default_factory=dict)

    def label(self, value: Any) -> str:
        """Return the label of a Value, or its name as an input of the function that is drawn."""
        return str(value.label) or self.labels.get(id(value), "")

    def scopes_around(self, number: int) -> Iterator[EnteredScope]:
        """Yield the scopes that a Value was computed in, the innermost first."""
        scope = int(self.scope_of[number])
        while scope >= 0:
            yield self.scopes[scope]
            scope = self.scopes[scope].parent

    @property
    def total(self) -> int:
        """The number of nodes: Values, constant arrays, and constant numbers, once for each use."""
        arrays = {id(item) for _, _, item in self.constants if item.__class__ is not float}
        numbers = sum(item.__class__ is float for _, _, item in self.constants)
        return len(self.values) + len(arrays) + numbers

    @property
    def edges_total(self) -> int:
        return len(self.source) + len(self.constants)


Outputs = list[tuple[str, Value]]  # with their names, which are used if there are several


def index_graph(outputs: Outputs, parameters: Any = None, labels: dict[int, str] | None = None) -> IndexedGraph:
    """Return the graph below some Values. `parameters`, a module or nested Values, gives names to leaves."""
    nodes, leaves = order_of([value for _, value in outputs])
    values = [*reversed(leaves), *nodes]  # the traversal finds the last operand first
    index = {id(value): number for number, value in enumerate(values)}
    source: list[int] = []
    target: list[int] = []
    slot: list[int] = []
    constants: list[tuple[int, int, Any]] = []
    lists = []
    for number, value in enumerate(nodes, len(leaves)):
        op = value.op
        if op.packed and any(item.__class__ is tuple for item in (value._x[i] for i, _ in op.rules)):
            lists.append(number)
        operands = (value._x, value._y) if op.rule_y is not None else operands_of(value)  # saves a call for most nodes
        for position, item in enumerate(operands):
            if item.__class__ is Value:
                source.append(index[id(item)])
                target.append(number)
                slot.append(position)
            else:
                constants.append((number, position, item))
    scopes, scope_of = scopes_of(values)
    graph = IndexedGraph(
        values, len(leaves), scope_of, as_array(source), as_array(target), as_array(slot), constants, scopes,
        lists=lists, labels=labels or {},
    )  # fmt: skip
    for name, value in outputs:
        graph.outputs += [index[id(value)]] * (index[id(value)] not in graph.outputs)
        if len(outputs) > 1:
            graph.output_names.setdefault(index[id(value)], name)
    name_leaves(graph, index, parameters)
    return graph


def as_array(numbers: list[int]) -> Array:
    return np.array(numbers, dtype=np.int64)


def operands_of(value: Any) -> list[Any]:
    """Return the operands of a Value, Values and constants: the arguments that can have a gradient."""
    op = value.op
    if op is None:
        return []
    if not op.packed:  # written out: half the time on a graph of scalars
        return [value._x] if op.rule_y is None else [value._x, value._y]
    args = arguments_of(value)
    slots = [args[position] for position, _ in op.rules]
    flat = [item for slot in slots for item in (slot if slot.__class__ is tuple else (slot,))]
    return [item for item in flat if item is not None]


def order_of(outputs: list[Value]) -> tuple[list[Any], list[Any]]:
    """Return the nodes and leaves below some Values, inputs before results."""
    if len(outputs) == 1:
        return topological_order(outputs[0])
    nodes, leaves = topological_order(node_without_data(JOIN, tuple(outputs), ()))
    return nodes[:-1], leaves


def node_without_data(op: Op, *args: Any) -> Value:
    """Return a node that has Values as inputs but computes nothing and has no data; also under no_grad()."""
    with scope(recording=True, lines=False):
        return new_node(op, (), args)


def pass_seeds(g: Any, out: Any, outputs: Any, seeds: Any) -> Any:
    """Return the cotangents of several joined outputs: each gets a copy of its own seed, to which the pass may add."""
    return tuple(map(own_copy, seeds))


JOIN = Op(lambda outputs, seeds: None, {"outputs": pass_seeds}, name="joined", symbol="joined", kind="linear", array=pass_seeds)


@contextmanager
def without_collector() -> Iterator[None]:
    """Switch the cyclic garbage collector off; scanning millions of live nodes again and again takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def scopes_of(values: list[Any]) -> tuple[list[EnteredScope], Array]:
    """Return the scopes that Values were computed in, and for each Value the index of its scope."""
    scopes: list[EnteredScope] = []
    known: dict[int, int] = {}  # by the id of a scope, which the Values keep alive
    titles = ScopeTitles()

    def index_of(entered: scope | None) -> int:
        waiting = []
        while entered is not None and id(entered) not in known:
            waiting.append(entered)
            entered = entered.outer
        found = -1 if entered is None else known[id(entered)]
        for entered in reversed(waiting):
            name = entered.name
            if name is not None and entered.__class__ is not Place:
                around = scopes[found] if found >= 0 else None
                while around is not None and isinstance(around.module, str):  # a module is named relative to a module
                    around = scopes[around.parent] if around.parent >= 0 else None
                kind = "" if isinstance(name, str) else type(name).__name__
                scopes.append(EnteredScope(titles.of(name, around), found, kind, name))
                found = len(scopes) - 1
            known[id(entered)] = found
        return found

    found = np.full(len(values), -1, dtype=np.int64)
    for number, value in enumerate(values):
        entered = value.place
        if entered is not None:
            found[number] = known[id(entered)] if id(entered) in known else index_of(entered)
    return scopes, found


class ScopeTitles:
    """Finds the titles of scopes. Searching a module for another is slow, so each is searched once."""

    def __init__(self) -> None:
        self.parts: dict[int, dict[int, str]] = {}  # by the id of a module: the paths of its submodules, by their ids
        self.outer: dict[str, list[int]] = {}  # by name: the ids of the outermost modules

    def of(self, name: Any, around: EnteredScope | None) -> str:
        """Return the last part of a scope's path: its name, or the path of a module inside the module around."""
        if isinstance(name, str):
            return name or "scope"
        module = None if around is None else around.module
        if module is not None and hasattr(module, "named_modules") and hasattr(name, "named_modules"):
            if id(module) not in self.parts:
                self.parts[id(module)] = {id(part): path for path, part in module.named_modules()}
            if path := self.parts[id(module)].get(id(name)):
                return path
            module = None
        title = str(name.name_within(module))
        known = self.outer.setdefault(title, [])
        if id(name) not in known:
            known.append(id(name))
        return title if known[0] == id(name) else f"{title}#{known.index(id(name)) + 1}"


# --- names ----------------------------------------------------------------------------------------


def name_leaves(graph: IndexedGraph, index: dict[int, int], parameters: Any) -> None:
    """Note the paths of the parameters of models, called or given, and the parameters that were not reached."""
    named = list(given_names(parameters)) if parameters is not None else []
    named += called_names(graph.scopes) if graph.scopes else []
    seen: set[int] = set()
    for path, value in named:
        if id(value) in seen:
            continue
        seen.add(id(value))
        number = index.get(id(value))
        if number is not None:
            graph.names[number] = path
        elif value.requires_grad:
            graph.unreached.append((path, value))


def given_names(parameters: Any) -> list[tuple[str, Any]]:
    """Return (path, Value) for the parameters of a module, or for nested Values."""
    if is_module(parameters):
        return list(parameters.named_parameters())
    found: list[tuple[str, Any]] = []

    def note(item: Any, path: str) -> Any:
        if item.__class__ is Value:
            found.append((path.strip("[]'\"") if path.count("[") == 1 else path, item))
        return item

    map_tree(note, parameters, module=lambda module, path: found.extend((f"{path}.{n}", p) for n, p in module.named_parameters()))
    if not found:
        raise TypeError(
            "draw(parameters=...) takes a module or a dict, list or tuple of Values that names them, "
            f"but got {type(parameters).__name__}"
        )
    return found


def called_names(scopes: list[EnteredScope]) -> list[tuple[str, Any]]:
    """Return the parameters of the outermost modules that were called, with a prefix if there are several modules."""
    modules: dict[int, Any] = {}
    inside: dict[int, bool] = {}
    for number, item in enumerate(scopes):
        has_module = is_module(item.module)
        around = item.parent >= 0 and inside[item.parent]
        inside[number] = has_module or around
        if has_module and not around:
            modules[id(item.module)] = item.module
    parts = [(module, getattr(module, "named_modules", lambda: ())()) for module in modules.values()]
    held = {id(part) for module, inside_it in parts for _, part in inside_it if part is not module}
    outer = [module for key, module in modules.items() if key not in held]
    if len(outer) == 1:
        return list(outer[0].named_parameters())
    prefixes = unique_names([type(module).__name__ for module in outer])
    return [
        (f"{prefix}.{path}", value)
        for prefix, module in zip(prefixes, outer, strict=True)
        for path, value in module.named_parameters()
    ]


def unique_names(names: list[str]) -> list[str]:
    """Return the names, with numbers where one occurs twice: ``Linear, Linear#2``."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found

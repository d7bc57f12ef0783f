"""How alike two places of a model must be to be drawn as one: by degrees, from the strictest to the most generous.

Copies differ in numbers: the sample, the neuron or the step in a scope's title, the 3 in a parameter's path or label, the
index of ``x[:, 3]``. At the strictest degree all of them count. At the next one those no longer count that take the
most values, as they are most likely to number copies; and so on. Numbers are told apart by what is around them: in
``layers.0.neurons.3`` the 3 numbers the neurons of all layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.drawing.read.graph import Array, IndexedGraph
from autograd.graph import arguments_of
from autograd.scopes import Place

NUMBER = re.compile(r"(?<!#)(?<!\d)\d+(?=$|[.\]\s_#/])")  # of a list, a step or a call; not the 2 of Conv2d or Linear#2
DEGREES = 8  # at most so many are tried

Slot = tuple[Any, ...]  # where a number stands
Variant = tuple[int, Slot, str]  # a Value or scope, the slot of one of its numbers or indices, and what stands there


class Degrees:
    """The degrees of a graph: iterating gives (titles of the scopes with * for what does not count, a key for each Value)."""

    def __init__(self, graph: IndexedGraph) -> None:
        self.graph = graph
        self.known: dict[Any, int] = {}
        self.titles = [scope.title for scope in graph.scopes]
        self.templates = self.templates_of_scopes()
        self.bases, self.variants = self.keys_and_variants()
        self.values_of: dict[Slot, set[str]] = {}
        for scope, title in enumerate(self.titles):
            for slot, text in numbers_of(title, self.around(scope)):
                self.values_of.setdefault(slot, set()).add(text)
        for _, slot, text in self.variants:
            self.values_of.setdefault(slot, set()).add(text)

    def __iter__(self) -> Iterator[tuple[list[str], Array]]:
        sizes = sorted({len(found) for found in self.values_of.values() if len(found) > 1}, reverse=True)
        if len(sizes) >= DEGREES:
            sizes = [*sizes[: DEGREES - 2], sizes[-1]]
        for least in [2**62, *sizes]:
            ignored = {slot for slot, found in self.values_of.items() if len(found) >= least}
            titles = [with_stars(title, self.around(scope), ignored) for scope, title in enumerate(self.titles)]
            yield titles, self.keys(titles, ignored)

    def number(self, key: Any) -> int:
        """A number for a key, the same for the same key."""
        return self.known.setdefault(key, len(self.known))

    def around(self, scope: int) -> int:
        """A number for the path around a scope, whatever its numbers."""
        parent = self.graph.scopes[scope].parent
        return self.templates[parent] if parent >= 0 else -1

    def templates_of_scopes(self) -> list[int]:
        """A number for the path of each scope, the same if only numbers differ."""
        found: list[int] = []
        for scope in self.graph.scopes:
            around = found[scope.parent] if scope.parent >= 0 else -1
            found.append(self.number(("template", around, NUMBER.sub("*", scope.title))))
        return found

    def keys_and_variants(self) -> tuple[Array, list[Variant]]:
        """For each Value a number for its operation, shape and fixed settings; and the numbers and indices that may differ."""
        graph, number_of = self.graph, self.number
        bases = np.empty(len(graph.values), dtype=np.int64)
        variants: list[Variant] = []
        scope_of = graph.scope_of.tolist()
        for number, value in enumerate(graph.values):
            op, data, place = value.op, value._raw, value.place
            shape = None if data.__class__ is float else (getattr(data, "shape", None), str(getattr(data, "dtype", "")))
            if op is None:
                name = graph.names.get(number) or graph.label(value)
                bases[number] = number_of((NUMBER.sub("*", name), shape, value.requires_grad))
                variants += [(number, slot, text) for slot, text in numbers_of(name, "leaf")]
                continue
            key: Any = (op, shape)
            if op.rule_x is None or op.name == "pow":
                fixed, index = settings_and_index(value)
                key = (op, shape, fixed)
                if index:
                    template = self.templates[scope_of[number]] if scope_of[number] >= 0 else -1
                    variants.append((number, ("index", op, template, shape, fixed), index))
            if place.__class__ is Place:
                key = (*key, place.code, place.instruction)
            bases[number] = number_of(key)
        return bases, variants

    def keys(self, titles: list[str], ignored: set[Slot]) -> Array:
        """A number for each Value, the same for the same operation, shape and place."""
        places: list[int] = []
        for scope, title in zip(self.graph.scopes, titles, strict=True):
            places.append(self.number(("place", places[scope.parent] if scope.parent >= 0 else -1, title)))
        places.append(-1)  # for Values outside of all scopes
        count = len(self.known) + 1
        keys = self.bases * count + np.array(places, dtype=np.int64)[self.graph.scope_of] + 1
        own: dict[Any, int] = {}
        for number, slot, text in self.variants:
            if slot not in ignored:
                keys[number] = -1 - own.setdefault((int(keys[number]), slot, text), len(own))
        for number in self.graph.outputs:  # an output is like no other; several are if they are alike, and so in name
            name = NUMBER.sub("*", self.graph.output_names.get(number, ""))
            keys[number] = -1 - own.setdefault((int(keys[number]), "output", name), len(own))
        return keys.astype(np.uint64)


def numbers_of(text: str, around: Any) -> Iterator[tuple[Slot, str]]:
    """(where it stands, the number) for each number in a title, a path or a label."""
    before, last = "", 0
    for match in NUMBER.finditer(text):
        before, last = f"{before}{text[last : match.start()]}*", match.end()
        yield (around, before), match[0]


def with_stars(text: str, around: Any, ignored: set[Slot]) -> str:
    """The text with * for the numbers that are to be ignored."""
    parts, last = [], 0
    for match, (slot, number) in zip(NUMBER.finditer(text), numbers_of(text, around), strict=True):
        parts += [text[last : match.start()], "*" if slot in ignored else number]
        last = match.end()
    return "".join([*parts, text[last:]])


def settings_and_index(value: Any) -> tuple[str, str]:
    """(settings that make an operation another one, such as axes and exponents; an index, which may number copies)."""
    op, args = value.op, arguments_of(value)
    if op.rule_x is not None:
        return str([item for item in args if item.__class__ is float]), ""  # an exponent
    texts = str([args[i].shape if args[i].__class__ is np.ndarray else args[i] for i in op.settings])
    shapes = str([getattr(args[i], "shape", None) for i, _ in op.rules])
    return (shapes, texts) if op.kind == "selection" else (texts, "")

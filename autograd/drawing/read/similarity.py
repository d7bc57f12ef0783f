"""Gives each Value of an IndexedGraph a key: equal keys make two Values candidates for being drawn as one.

Copies differ in numbers: the sample, the neuron or the step in the title of a scope, the 3 in the path or label of a parameter,
the index of ``x[:, 3]``. Keys come in degrees of similarity. At the strictest degree all numbers count. At the next degree,
those that take the most values are ignored, as they most likely number copies; and so on. Numbers are identified by their
context: in ``layers.0.neurons.3`` the 3 numbers the neurons of all layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.drawing.read.graph import Array, IndexedGraph
from autograd.graph import arguments_of
from autograd.scopes import Place

NUMBER = re.compile(r"(?<!#)(?<!\d)\d+(?=$|[.\]\s_#/])")  # of a list, step or call; not in Conv2d or Linear#2
DEGREES = 8  # the largest number of degrees to try

Slot = tuple[Any, ...]  # the position of a number in a title, path or label
Variant = tuple[int, Slot, str]  # the number of a Value, the slot of a number or index in its texts, and the number or index


class Degrees:
    """Iterates over the degrees of similarity, the strictest first.

    Each is a pair: the titles of the scopes with * for ignored numbers, and a key for each Value.
    """

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
        """Return a number for a key, the same for equal keys."""
        return self.known.setdefault(key, len(self.known))

    def around(self, scope: int) -> int:
        """Return a number for the path around a scope, regardless of the numbers in it."""
        parent = self.graph.scopes[scope].parent
        return self.templates[parent] if parent >= 0 else -1

    def templates_of_scopes(self) -> list[int]:
        """Return a number for the path of each scope, the same if only numbers differ."""
        found: list[int] = []
        for scope in self.graph.scopes:
            around = found[scope.parent] if scope.parent >= 0 else -1
            found.append(self.number(("template", around, NUMBER.sub("*", scope.title))))
        return found

    def keys_and_variants(self) -> tuple[Array, list[Variant]]:
        """Return numbers for the operation, shape and settings of each Value; and the numbers and indices that may differ."""
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
            if op.packed or op.name == "pow":
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
        """Return a key for each Value, the same for the same operation and shape in the same scope."""
        paths: list[int] = []
        for scope, title in zip(self.graph.scopes, titles, strict=True):
            paths.append(self.number(("path", paths[scope.parent] if scope.parent >= 0 else -1, title)))
        paths.append(-1)  # for Values outside all scopes
        count = len(self.known) + 1
        keys = self.bases * count + np.array(paths, dtype=np.int64)[self.graph.scope_of] + 1
        own: dict[Any, int] = {}
        for number, slot, text in self.variants:
            if slot not in ignored:
                keys[number] = -1 - own.setdefault((int(keys[number]), slot, text), len(own))
        for number in self.graph.outputs:  # similar only to outputs with similar names
            name = NUMBER.sub("*", self.graph.output_names.get(number, ""))
            keys[number] = -1 - own.setdefault((int(keys[number]), "output", name), len(own))
        return keys.astype(np.uint64)


def numbers_of(text: str, around: Any) -> Iterator[tuple[Slot, str]]:
    """Yield (slot, number) for each number in a title, path or label."""
    before, last = "", 0
    for match in NUMBER.finditer(text):
        before, last = f"{before}{text[last : match.start()]}*", match.end()
        yield (around, before), match[0]


def with_stars(text: str, around: Any, ignored: set[Slot]) -> str:
    """Return the text with * for ignored numbers."""
    parts, last = [], 0
    for match, (slot, number) in zip(NUMBER.finditer(text), numbers_of(text, around), strict=True):
        parts += [text[last : match.start()], "*" if slot in ignored else number]
        last = match.end()
    return "".join([*parts, text[last:]])


def settings_and_index(value: Any) -> tuple[str, str]:
    """Return the settings that distinguish operations, such as axes and exponents; and an index, which may number copies."""
    op, args = value.op, arguments_of(value)
    if not op.packed:
        return str([item for item in args if item.__class__ is float]), ""  # an exponent
    texts = str([args[i].shape if args[i].__class__ is np.ndarray else args[i] for i in op.settings])
    shapes = str([getattr(args[i], "shape", None) for i, _ in op.rules])
    return (shapes, texts) if op.kind == "selection" else (texts, "")

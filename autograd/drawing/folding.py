"""Which nodes of a graph are copies of each other, so that a picture can draw them once.

Two nodes are copies if they are the same operation on the same shapes in the same place of the model, and so are
the operands they have inside of their scope, all the way down: each round of `refined` looks one operand further.
What comes from outside of the scope does not count, so that samples, neurons and time steps fold alike. "The same
place" is decided by degrees: first only repeated calls of one module are copies, then those that differ in the
number that takes the most values (a sample, say), then in the next one.

The scheme is colour refinement: Weisfeiler and Leman, 1968. Without scopes a long loop never ends to refine; then the
rounds that show the pattern of one turn of the loop are enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autograd.drawing.reading import Array, Reading
from autograd.graph import arguments_of
from autograd.scopes import Place

NUMBER = re.compile(r"\d+(?=$|[.\]\s_#])")  # of a list, a step or a call; not the 2 of Conv2d
CHAINED = ("add", "mul", "maximum", "minimum")  # ops whose chains are drawn as one: a sum of 17 terms
PATIENCE, QUICK = 6, 200_000  # rounds without a new pattern before a loop is believed; 2 on larger graphs
LEVELS = 8


@dataclass
class Folding:
    """The classes of a graph's Values.

    Attributes:
        class_of: for each Value the number of its class.
        head: for each Value the one at the end of the chain it is part of, which is mostly itself.
        titles: for each scope its title, with * for numbers that were folded.
        leaf_titles: the same for each leaf that has a name.
        folded: whether copies were looked for at all.
        unordered: for each Value whether its operands are drawn in no order: those of a chain, and of a list.
    """

    class_of: Array
    head: Array
    titles: list[str]
    leaf_titles: dict[int, str]
    folded: bool
    unordered: Array

    def chains(self, heads: Array) -> Array:
        """All parts of the chains that end with these Values."""
        return np.concatenate([self.by_head[slice(*np.searchsorted(self.sorted_heads, [h, h + 1]))] for h in heads])

    @cached_property
    def by_head(self) -> Array:
        """The Values in the order of their heads."""
        return np.argsort(self.head, kind="stable")

    @cached_property
    def sorted_heads(self) -> Array:
        return self.head[self.by_head]


def unfolded(reading: Reading) -> Folding:
    """Every Value in a class of its own."""
    each = np.arange(len(reading.values))
    return Folding(each, each, [scope.title for scope in reading.scopes], dict(reading.names), False, each < 0)


def folded(reading: Reading, most: int) -> Folding:
    """Classes of copies, at most `most` of them if that can be had: the finest such classes that are found."""
    head = heads(reading)
    unordered = np.bincount(head, minlength=len(head)) > 1
    unordered[reading.lists] = True
    best: Folding | None = None
    for titles, leaf_titles in generalised(reading):
        keys = first_keys(reading, titles, leaf_titles)
        classes, complete = refined(reading, head, unordered, keys, most)
        best = Folding(told_apart(reading, head, unordered, classes), head, titles, leaf_titles, True, unordered)
        if complete:
            return best
    assert best is not None
    return best


def told_apart(reading: Reading, head: Array, unordered: Array, found: Array) -> Array:
    """Leaves without a name are copies only if they are the same operand of copies."""
    target, slot = np.full(len(found), -1), np.zeros(len(found), dtype=np.int64)
    last_first = slice(None, None, -1)
    user = head[reading.target]
    target[reading.source[last_first]] = found[user[last_first]]
    slot[reading.source[last_first]] = np.where(unordered[user], 0, reading.slot)[last_first]
    nameless = (np.arange(len(found)) < reading.leaves) & ~named(reading)
    users = (target + 1) * (int(slot.max(initial=0)) + 1) + slot
    return np.unique(found + np.where(nameless, (int(found.max()) + 1) * users, 0), return_inverse=True)[1].reshape(-1)


# --- chains of one operation ----------------------------------------------------------------------


def heads(reading: Reading) -> Array:
    """For each Value the last of the chain it is part of: ``((a + b) + c) + d`` is one sum of four terms."""
    count = len(reading.values)
    head = np.arange(count)
    chained = np.zeros(count, dtype=np.int64)
    shape_ids: dict[Any, int] = {}
    shapes = np.zeros(count, dtype=np.int64)
    for number in range(reading.leaves, count):
        value = reading.values[number]
        if value.op.name in CHAINED:
            chained[number] = CHAINED.index(value.op.name) + 1
            shapes[number] = shape_ids.setdefault(value.shape, len(shape_ids))
    uses = np.bincount(reading.source, minlength=count)
    source, target = reading.source, reading.target
    joined = (chained[source] == chained[target]) & (chained[source] > 0) & (uses[source] == 1)
    joined &= (reading.scope_of[source] == reading.scope_of[target]) & (shapes[source] == shapes[target])
    for edge in np.flatnonzero(joined):
        if reading.values[source[edge]].label:  # a result that somebody named
            joined[edge] = False
    head[source[joined]] = target[joined]
    while True:  # every round doubles the length of what is known
        further = head[head]
        if (further == head).all():
            return head
        head = further


# --- the same place of the model ------------------------------------------------------------------


def generalised(reading: Reading) -> Iterator[tuple[list[str], dict[int, str]]]:
    """Titles of scopes and leaves, with ever more numbers replaced by *: those first that take the most values.

    A number belongs to the path around it: in ``layers.0.neurons.3`` the 3 counts the neurons of all layers.
    """
    paths: list[str] = []
    for scope in reading.scopes:
        paths.append(f"{paths[scope.parent]}/{scope.title}" if scope.parent >= 0 else scope.title)
    values_of: dict[str, set[str]] = {}
    for path in (*paths, *reading.names.values()):
        for slot, number in numbers_of(path):
            values_of.setdefault(slot, set()).add(number)
    thresholds = sorted({len(found) for found in values_of.values() if len(found) > 1}, reverse=True)
    for threshold in [2**62, *thresholds[: LEVELS - 1], *([2] if len(thresholds) >= LEVELS else [])]:
        starred = {slot for slot, found in values_of.items() if len(found) >= threshold}
        whole = [with_stars(path, starred) for path in paths]
        titles = [path.rpartition("/")[2] for path in whole]
        yield titles, {number: with_stars(name, starred) for number, name in reading.names.items()}


def numbers_of(path: str) -> Iterator[tuple[str, str]]:
    """(the path up to a number, with * for the numbers before it; the number)."""
    for match in NUMBER.finditer(path):
        yield NUMBER.sub("*", path[: match.end()]), match[0]


def with_stars(path: str, starred: set[str]) -> str:
    return NUMBER.sub(lambda match: "*" if NUMBER.sub("*", path[: match.end()]) in starred else match[0], path)


def first_keys(reading: Reading, titles: list[str], leaf_titles: dict[int, str]) -> Array:
    """A number for each Value, the same for the same operation, shape and place."""
    known: dict[Any, int] = {}
    places: list[int] = []
    for scope, title in zip(reading.scopes, titles, strict=True):
        around = places[scope.parent] if scope.parent >= 0 else -1
        places.append(known.setdefault(("scope", around, title), len(known)))
    places.append(-1)
    keys = np.empty(len(reading.values), dtype=np.uint64)
    scope_of = reading.scope_of.tolist()
    for number, value in enumerate(reading.values):
        op, data = value.op, value._raw
        shape = None if data.__class__ is float else (getattr(data, "shape", None), str(getattr(data, "dtype", "")))
        key: Any
        if op is None:
            key = (leaf_titles.get(number) or NUMBER.sub("*", str(value.label)), shape, value.requires_grad)
        elif value.place.__class__ is Place:
            key = (op, places[scope_of[number]], shape, settings_of(value), value.place.code, value.place.instruction)
        else:
            key = (op, places[scope_of[number]], shape, settings_of(value))
        keys[number] = known.setdefault(key, len(known))
    keys[-1] = len(known)  # the output is like no other
    return keys


def settings_of(value: Any) -> str:
    """The axes and such of an operation; an index is none, as it tells one time step from the next."""
    op = value.op
    if op.rule_x is not None or op.kind == "selection" or not op.settings:
        return ""
    args = arguments_of(value)
    return str([args[i] for i in op.settings if args[i].__class__ in (int, bool, str, tuple, float, type(None))])


# --- the same operands, all the way down ----------------------------------------------------------


def mixed(numbers: Array) -> Array:
    """A hash of each number: the finaliser of splitmix64 (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
        numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return numbers ^ (numbers >> np.uint64(31))


def refined(reading: Reading, head: Array, unordered: Array, keys: Array, most: int) -> tuple[Array, bool]:
    """The classes of all Values, and whether they are as fine as they get; not if there would be more than `most`."""
    count = len(reading.values)
    whole = head == np.arange(count)  # parts of chains count with their ends
    inner = head[reading.source] == head[reading.target]
    source, target, slot = head[reading.source[~inner]], head[reading.target[~inner]], reading.slot[~inner]
    slot = np.where(unordered[target], 0, slot)
    scope_of = reading.scope_of
    seen = (scope_of[source] == scope_of[target]) | (source < reading.leaves) & named(reading)[source]
    start = mixed(keys + mixed(np.bincount(head, minlength=count).astype(np.uint64)))
    found, best, growing, waited = start, classes(start, whole), 0, 0
    pattern = best
    patience = PATIENCE if count <= QUICK else 2
    while len(best[1]) <= most:
        with np.errstate(over="ignore"):
            part = mixed(np.where(seen, found[source], np.uint64(0)) + slot.astype(np.uint64) * np.uint64(0xD1342543DE82EF95))
            total = np.zeros(count, dtype=np.uint64)
            np.add.at(total, target, part)
            found = mixed(start + total)
        now = classes(found, whole)
        if len(now[1]) == len(best[1]):
            return labelled(now[0], head), True
        if len(now[1]) > most:
            break
        repeated = int((now[1] > 1).sum())
        growing, waited = (repeated, 0) if repeated > growing else (growing, waited + 1)
        if waited >= patience:  # a loop: each round tells one more turn from the others
            return labelled(pattern[0], head), True
        if waited == 0:
            pattern = now
        best = now
    return labelled(best[0], head), False


def named(reading: Reading) -> Array:
    """Which Values are leaves with a name, or a label: the same for every copy that uses them."""
    found = np.zeros(len(reading.values), dtype=bool)
    found[list(reading.names)] = True
    found[: reading.leaves] |= [bool(value.label) for value in reading.values[: reading.leaves]]
    return found


def classes(hashes: Array, whole: Array) -> tuple[Array, Array]:
    """A class for each Value that is no part of a chain, and how many there are of each."""
    _, inverse, counts = np.unique(hashes[whole], return_inverse=True, return_counts=True)
    found = np.full(len(hashes), -1, dtype=np.int64)
    found[whole] = inverse
    return found, counts


def labelled(found: Array, head: Array) -> Array:
    return found[head]

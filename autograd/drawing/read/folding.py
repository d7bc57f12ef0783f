"""Folds an IndexedGraph: finds the classes of Values that are copies of each other, so that each is drawn once.

Two Values are copies if they have the same key (see similarity.py), which means the same operation on the same shapes in
similar scopes, and if their operands inside the scope are copies too, all the way down: each round of `refine` looks one
operand further. Operands from outside the scope do not count, so that samples, neurons and time steps fold alike.

The method is colour refinement (Weisfeiler and Leman, 1968). In a long loop without scopes it would take a round for each
iteration, because each round separates one more iteration at the start from the rest. Refinement therefore stops once rounds
show no new pattern.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autograd.drawing.read.graph import Array, IndexedGraph
from autograd.drawing.read.similarity import Degrees

CHAINED = ("add", "mul", "maximum", "minimum")  # operations whose chains are drawn as one: a sum of 17 terms
PATIENCE, QUICK = 12, 200_000  # rounds without a new pattern that indicate a loop; 2 in graphs of more than QUICK Values
CLEAR = 0.2  # a pattern is new if its second largest part has this share of the largest, unlike iterations that split off


@dataclass
class Folding:
    """The classes of a graph's Values.

    Attributes:
        class_of: for each Value the number of its class.
        chain_end: for each Value the last Value of the chain that it is part of; usually itself.
        titles: for each scope its title, with * for folded numbers.
        searched: whether copies were searched for at all.
        exact: whether copies agree all the way down, and not only nearby.
        unordered: for each Value whether its operands have no order, as those of a chain or a list.
    """

    class_of: Array
    chain_end: Array
    titles: list[str]
    searched: bool
    exact: bool
    unordered: Array

    def chains(self, chain_ends: Array) -> Array:
        """Return all parts of the chains that end with these Values."""
        return np.concatenate([self.by_end[slice(*np.searchsorted(self.sorted_ends, [h, h + 1]))] for h in chain_ends])

    @cached_property
    def by_end(self) -> Array:
        """The Values, sorted by the ends of their chains."""
        return np.argsort(self.chain_end, kind="stable")

    @cached_property
    def sorted_ends(self) -> Array:
        return self.chain_end[self.by_end]


def no_copies(graph: IndexedGraph) -> Folding:
    """Return the folding in which each Value has its own class."""
    each = np.arange(len(graph.values))
    return Folding(each, each, [scope.title for scope in graph.scopes], False, True, each < 0)


def find_copies(graph: IndexedGraph, most: int) -> Folding:
    """Return the finest folding with at most `most` classes; if there is none, the coarsest folding.

    Leaves without a name are separated after that, so there may be a few more classes.
    """
    chain_end = chain_ends(graph)
    unordered = np.bincount(chain_end, minlength=len(chain_end)) > 1
    unordered[graph.lists] = True
    found: Folding | None = None
    for titles, keys in Degrees(graph):
        classes, fits, exact = refine(graph, chain_end, unordered, keys, most)
        found = Folding(separate_unnamed_leaves(graph, chain_end, unordered, classes), chain_end, titles, True, exact, unordered)
        if fits:
            break
    assert found is not None
    return found


def separate_unnamed_leaves(graph: IndexedGraph, chain_end: Array, unordered: Array, found: Array) -> Array:
    """Separate leaves without a name whose first uses are different operands, or operands of Values that are not copies."""
    target, slot = np.full(len(found), -1), np.zeros(len(found), dtype=np.int64)
    last_first = slice(None, None, -1)
    user = chain_end[graph.target]
    target[graph.source[last_first]] = found[user[last_first]]
    slot[graph.source[last_first]] = np.where(unordered[user], 0, graph.slot)[last_first]
    nameless = (np.arange(len(found)) < graph.leaves) & ~has_name(graph)
    users = (target + 1) * (int(slot.max(initial=0)) + 1) + slot
    return np.unique(found + np.where(nameless, (int(found.max()) + 1) * users, 0), return_inverse=True)[1].reshape(-1)


# --- chains of one operation ----------------------------------------------------------------------


def chain_ends(graph: IndexedGraph) -> Array:
    """Return the last Value of the chain of each Value: ``((a + b) + c) + d`` is one sum of four terms."""
    count = len(graph.values)
    chain_end = np.arange(count)
    chained = np.zeros(count, dtype=np.int64)
    shape_ids: dict[Any, int] = {}
    shapes = np.zeros(count, dtype=np.int64)
    for number in range(graph.leaves, count):
        value = graph.values[number]
        if value.op.name in CHAINED:
            chained[number] = CHAINED.index(value.op.name) + 1
            shapes[number] = shape_ids.setdefault(value.shape, len(shape_ids))
    uses = np.bincount(graph.source, minlength=count)
    source, target = graph.source, graph.target
    joined = (chained[source] == chained[target]) & (chained[source] > 0) & (uses[source] == 1)
    joined &= (graph.scope_of[source] == graph.scope_of[target]) & (shapes[source] == shapes[target])
    joined &= ~np.isin(source, graph.outputs)
    for edge in np.flatnonzero(joined):
        if graph.label(graph.values[source[edge]]):  # a result with a label
            joined[edge] = False
    chain_end[source[joined]] = target[joined]
    while True:  # each round doubles the length that is covered
        further = chain_end[chain_end]
        if (further == chain_end).all():
            return chain_end
        chain_end = further


# --- the same operands, all the way down ----------------------------------------------------------


def hashed(numbers: Array) -> Array:
    """Return a hash of each number: the finaliser of splitmix64 (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
        numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return numbers ^ (numbers >> np.uint64(31))


def refine(graph: IndexedGraph, chain_end: Array, unordered: Array, keys: Array, most: int) -> tuple[Array, bool, bool]:
    """Return the classes of all Values, whether they are at most `most`, and whether further rounds would not change them."""
    count = len(graph.values)
    whole = chain_end == np.arange(count)  # parts of chains belong to their ends
    inner = chain_end[graph.source] == chain_end[graph.target]
    source, target, slot = chain_end[graph.source[~inner]], chain_end[graph.target[~inner]], graph.slot[~inner]
    slot = np.where(unordered[target], 0, slot)
    scope_of = graph.scope_of
    seen = (scope_of[source] == scope_of[target]) | (source < graph.leaves) & has_name(graph)[source]
    start = hashed(keys + hashed(np.bincount(chain_end, minlength=count).astype(np.uint64)))
    found = start
    best = pattern = classes(start, whole)
    waited, patience = 0, PATIENCE if count <= QUICK else 2
    while len(best[1]) <= most:
        with np.errstate(over="ignore"):
            part = hashed(np.where(seen, found[source], np.uint64(0)) + slot.astype(np.uint64) * np.uint64(0xD1342543DE82EF95))
            total = np.zeros(count, dtype=np.uint64)
            np.add.at(total, target, part)
            found = hashed(start + total)
        now = classes(found, whole)
        if len(now[1]) == len(best[1]):
            return now[0][chain_end], True, True
        if len(now[1]) > most:
            break
        if new_patterns(best, now, whole):
            waited, pattern = 0, now
        else:
            waited += 1
        if waited >= patience:  # a loop
            return pattern[0][chain_end], True, False
        best = now
    return best[0][chain_end], False, False


def new_patterns(before: tuple[Array, Array], after: tuple[Array, Array], whole: Array) -> bool:
    """Return whether a class has split into parts of similar size, rather than lost a few of its members."""
    pairs, counts = np.unique(before[0][whole] * len(after[1]) + after[0][whole], return_counts=True)
    parents = pairs // len(after[1])
    order = np.lexsort((-counts, parents))  # the parts of each class, the largest first
    parents, counts = parents[order], counts[order]
    second = np.flatnonzero(np.diff(parents, prepend=-1, append=-1)[:-1] != 0) + 1
    second = second[(second < len(parents))]
    second = second[parents[second] == parents[second - 1]]
    large = before[1][parents[second]] >= math.sqrt(before[1].max())  # not one of the iterations that split off
    return bool((large & (counts[second] >= CLEAR * counts[second - 1])).any())


def has_name(graph: IndexedGraph) -> Array:
    """Return which Values are leaves with a name or a label; copies that use one must use the same."""
    found = np.zeros(len(graph.values), dtype=bool)
    found[list(graph.names)] = True
    found[: graph.leaves] |= [bool(graph.label(value)) for value in graph.values[: graph.leaves]]
    return found


def classes(hashes: Array, whole: Array) -> tuple[Array, Array]:
    """Return the class of each Value that ends a chain, -1 for others, and the size of each class."""
    _, inverse, counts = np.unique(hashes[whole], return_inverse=True, return_counts=True)
    found = np.full(len(hashes), -1, dtype=np.int64)
    found[whole] = inverse
    return found, counts

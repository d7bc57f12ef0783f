"""Measure the cost of a scalar node in graphs of 10^3 to 10^6 nodes: time to build, differentiate and free it, and memory.

The chain is deep; the sum is wide, with many leaves. The cost of a node should not depend on the number of nodes. Time
and memory are measured in separate runs, because tracing memory costs time. The collector is off: reference counts alone
must free the graph.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

from autograd import Value
from tests.benchmarks.tables import markdown, write_table
from tests.benchmarks.timing import rounds

SIZES = (10**3, 10**4, 10**5, 10**6)
COLUMNS = ("build", "backward", "free", "built", "peak", "left")


def chain(size: int) -> Value:
    """Repeat x * 1.0001 + 0.0001, `size` operations in a chain from one leaf."""
    x = Value(1.0)
    for _ in range(size // 2):
        x = x * 1.0001 + 0.0001
    return x


def wide_sum(size: int) -> Value:
    """Sum `size` / 2 leaves: as many additions, each of another leaf."""
    total: Any = 0.0
    for _ in range(size // 2):
        total = total + Value(0.5)
    return total


def times(build: Callable[[int], Value], size: int) -> list[float]:
    """Return the seconds to build the graph, to sort and differentiate it, and to free it."""
    marks = [perf_counter()]
    root = build(size)
    marks.append(perf_counter())
    root.backward()
    marks.append(perf_counter())
    del root
    marks.append(perf_counter())
    return [later - earlier for earlier, later in pairwise(marks)]


def memory(build: Callable[[int], Value], size: int) -> list[int]:
    """Return the bytes held by the graph, at the peak of backward(), and after its last reference is gone."""
    tracemalloc.start()
    root = build(size)
    built, _ = tracemalloc.get_traced_memory()
    root.backward()
    _, peak = tracemalloc.get_traced_memory()
    del root
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return [built, peak, left]


def main() -> None:
    gc.disable()
    rows = []
    print(f"{'':<10}{'':>11}{'ns per node':^33}{'bytes per node':^33}")
    print(f"{'graph':<10}{'nodes':>11}" + "".join(f"{column:>11}" for column in COLUMNS))
    for build in (chain, wide_sum):
        for size in SIZES:
            runs = [times(build, size) for _ in range(rounds(max(5, min(100, 10**6 // size))))]
            per_node = [1e9 * median(column) / size for column in zip(*runs, strict=True)]
            per_node += [number / size for number in memory(build, size)]
            print(f"{build.__name__:<10}{size:>11,}" + "".join(f"{number:>11.0f}" for number in per_node))
            rows.append([build.__name__, f"{size:,}", *(f"{number:.0f}" for number in per_node)])
    names = [f"{column}, {unit}" for column, unit in zip(COLUMNS, ["ns"] * 3 + ["bytes"] * 3, strict=True)]
    write_table("scaling", markdown(["graph", "nodes", *names], rows))


if __name__ == "__main__":
    main()

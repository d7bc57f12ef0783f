"""Timing in turns: medians, and medians of ratios within a round. Used by all benchmarks here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

Times = dict[str, list[float]]


def rounds(default: int) -> int:
    """The number of rounds given on the command line."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else default


def seconds(step: Callable[[], object], repeats: int = 1) -> float:
    """The mean time of a step over `repeats` calls."""
    start = perf_counter()
    for _ in range(repeats):
        step()
    return (perf_counter() - start) / repeats


def in_turns(timers: Mapping[str, Callable[[], float]], count: int) -> Times:
    """`count` times of each timer, which returns seconds, taken in turns A B C A B C ... after one warm-up round."""
    times: Times = {name: [] for name in timers}
    for turn in range(count + 1):
        for name, timer in timers.items():
            taken = timer()
            if turn:
                times[name].append(taken)
    return times


def ratio(times: Times, other: str, ours: str) -> float:
    """The median over the rounds of other / ours."""
    return median(a / b for a, b in zip(times[other], times[ours], strict=True))


def show(title: str, times: Times, ours: str) -> None:
    """One row for each engine: milliseconds, and how many times as long as ours it takes."""
    print(f"\n{title}, {len(times[ours])} rounds\n{'':<26}{'median ms':>12}{'least ms':>12}{'other / ours':>14}")
    for name, taken in times.items():
        print(f"{name:<26}{1e3 * median(taken):>12.3f}{1e3 * min(taken):>12.3f}{ratio(times, name, ours):>14.2f}")

"""Timing in turns: medians, and medians of ratios within a round. Used by all benchmarks here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

from tests.benchmarks.tables import markdown, write_table

Times = dict[str, list[float]]
#: What show() printed: what was timed, with what it is compared, and how many times as long that takes.
shown: list[list[str]] = []


def rounds(default: int) -> int:
    """The number of rounds given on the command line."""
    return next((int(word) for word in sys.argv[1:] if word.isdecimal()), default)


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
        if name != ours:
            shown.append([title, name, spread([a / b for a, b in zip(taken, times[ours], strict=True)])])


def spread(numbers: list[float]) -> str:
    """The range of the middle half of some numbers."""
    ordered, tail = sorted(numbers), len(numbers) // 4
    low, high = (f"{number:.2g}" for number in (ordered[tail], ordered[-1 - tail]))
    return low if low == high else f"{low} to {high}"


def write_shown(name: str) -> None:
    """Write a table of all that show() printed to the README, if the command line has --write."""
    write_table(name, markdown(["timed", "compared with", "times as fast"], shown))

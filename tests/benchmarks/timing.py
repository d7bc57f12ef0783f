"""Time steps in turns: medians, and medians of ratios within a round. All benchmarks use it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

from tests.benchmarks.tables import markdown, write_table

Times = dict[str, list[float]]
#: A row for each engine but ours that show() printed: the title, the engine, and its time relative to ours.
shown: list[list[str]] = []


def rounds(default: int) -> int:
    """Return the number of rounds given on the command line."""
    return next((int(word) for word in sys.argv[1:] if word.isdecimal()), default)


def seconds(step: Callable[[], object], repeats: int = 1, clock: Callable[[], float] = perf_counter) -> float:
    """Return the mean time of a step over `repeats` calls."""
    start = clock()
    for _ in range(repeats):
        step()
    return (clock() - start) / repeats


def in_turns(timers: Mapping[str, Callable[[], float]], count: int) -> Times:
    """Call each timer, which returns seconds, `count` times in turns, A B C A B C ..., after one warm-up round."""
    times: Times = {name: [] for name in timers}
    for turn in range(count + 1):
        for name, timer in timers.items():
            taken = timer()
            if turn:
                times[name].append(taken)
    return times


def ratio(times: Times, other: str, ours: str) -> float:
    """Return the median over the rounds of other / ours."""
    return median(a / b for a, b in zip(times[other], times[ours], strict=True))


def show(title: str, times: Times, ours: str) -> None:
    """Print a row for each engine: milliseconds, and its time relative to ours."""
    print(f"\n{title}, {len(times[ours])} rounds\n{'':<26}{'median ms':>12}{'least ms':>12}{'other / ours':>14}")
    for name, taken in times.items():
        print(f"{name:<26}{1e3 * median(taken):>12.3f}{1e3 * min(taken):>12.3f}{ratio(times, name, ours):>14.2f}")
        if name != ours:
            shown.append([title, name, spread([a / b for a, b in zip(taken, times[ours], strict=True)])])


def spread(numbers: list[float]) -> str:
    """Return the range of the middle half of some numbers."""
    ordered, tail = sorted(numbers), len(numbers) // 4
    low, high = (f"{number:.2g}" for number in (ordered[tail], ordered[-1 - tail]))
    return low if low == high else f"{low} to {high}"


def write_shown(name: str) -> None:
    """Write a table of all rows that show() printed to the README, if the command line has --write."""
    write_table(name, markdown(["timed", "compared with", "times as fast"], shown))

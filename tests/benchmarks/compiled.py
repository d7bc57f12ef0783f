"""Time compiled functions against eager ones, NumPy by hand and other libraries, in turns in one process, one thread each.

usage: python -m tests.benchmarks.compiled [WORKLOAD ...] [--rounds N] [--peers [NAMES]] [--cpu] [--write]

A column is first called a few times, so that what is compiled at the first calls is compiled. Then its numbers (the loss and
all parameters after those steps, or results and gradients) are compared with NumPy's. A column that is missing, fails or has
other numbers is named and not timed. Printed are medians over the rounds: microseconds, and the ratio to NumPy by hand within
a round, with the range of its middle half.
"""

from __future__ import annotations

import argparse
import gc
import platform
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks.tables import write_table
from tests.benchmarks.timing import Times, in_turns, ratio, seconds, spread
from tests.benchmarks.workloads import WORKLOADS
from tests.benchmarks.workloads.columns import BY_HAND, OURS, Column, Step, Workload
from tests.benchmarks.workloads.figures import Rows, plot, row, table, versions

TURN = 0.01  # seconds that a column runs at a time, at least one step


def one_blas_thread() -> Any:
    """Return a context in which NumPy's matrix products use one thread, if that can be set."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        print("BLAS has its default threads (pip install threadpoolctl for one)")
        return nullcontext()
    return threadpool_limits(1, "blas")


def agree(found: Any, right: Any, within: float) -> None:
    for a, b in zip(found, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=within, atol=within)


def start(workload: Workload, dtype: str, wanted: Callable[[str], bool]) -> dict[str, Column]:
    """Make and warm up the wanted columns of a workload, and return those whose numbers agree with the first one's."""
    started: dict[str, Column] = {}
    right: list[Any] = []
    for name, make in workload.columns.items():
        if not wanted(name):
            continue
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                step, state = make(dtype)
                for _ in range(workload.warm_up):
                    step()
            for message in {str(warning.message) for warning in warned if warning.category is UserWarning}:
                print(f"{name}, {dtype}: {message}")
            numbers = [np.array(np.asarray(number)) for number in state()]
            right = right or numbers
            agree(numbers, right, workload.within[dtype])
        except ImportError as error:
            print(f"{name}, {dtype}: left out, {error}")
        except Exception as error:  # one column does not end the run of all
            lines = str(error).strip().splitlines()
            print(f"{name}, {dtype}: FAILS with {type(error).__name__}: {' '.join(lines[:4])}")
        else:
            started[name] = step, state
    return started


def after_collection(step: Step, repeats: int, clock: Callable[[], float]) -> float:
    """Return the mean time of a step, without the garbage of the column that ran before."""
    gc.collect()
    return seconds(step, repeats, clock)


def measure(workload: Workload, dtype: str, options: Any) -> Times:
    """Return the seconds of each column in each round."""
    columns = start(workload, dtype, options.wanted)
    gc.collect()
    gc.freeze()  # what other libraries keep on the heap must not slow down our garbage collection
    clock = time.process_time if options.cpu else time.perf_counter
    timers = {}
    for name, (step, _) in columns.items():
        repeats = max(1, round(TURN / min(seconds(step, 1, clock) for _ in range(3))))
        timers[name] = partial(after_collection, step, repeats, clock)
    times = in_turns(timers, options.rounds or workload.rounds)
    gc.unfreeze()
    return times


def show(title: str, times: Times) -> None:
    print(f"\n{title}\n{'':<20}{'median us':>12}{'/ NumPy':>10}   middle half")
    for name, taken in times.items():
        ratios = [a / b for a, b in zip(taken, times[BY_HAND], strict=True)]
        print(f"{name:<20}{1e6 * median(taken):>12.1f}{ratio(times, name, BY_HAND):>10.2f}   {spread(ratios)}")


def parsed() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"some of {', '.join(WORKLOADS)}; default: all")
    parser.add_argument("--rounds", type=int, help="default: what the workload says, mostly 31")
    parser.add_argument(
        "--peers", nargs="?", const="all", metavar="NAMES", help="also other libraries: all, or names with commas"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), help="only this one")
    parser.add_argument("--cpu", action="store_true", help="measure CPU time, for a machine that is busy")
    parser.add_argument("--write", action="store_true", help="write the table and the plot of the README")
    options = parser.parse_args()
    unknown = set(options.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"unknown workloads: {', '.join(sorted(unknown))}")
    peers = (options.peers or "").split(",")
    options.wanted = lambda name: name.startswith("NumPy") or name in OURS or options.peers == "all" or name in peers
    return options


def main() -> None:
    options = parsed()
    rows: Rows = {}
    print(f"Python {platform.python_version()}, {versions()}, one thread each")
    with one_blas_thread():
        for name in options.workloads or WORKLOADS:
            workload = WORKLOADS[name]
            for dtype in workload.dtypes:
                if options.dtype in (None, dtype):
                    times = measure(workload, dtype, options)
                    show(f"{name}: {workload.title}, {dtype}, {len(times[BY_HAND])} rounds", times)
                    rows[name, dtype] = row(name, dtype, times)
    if options.write:
        all_rows, lines = table(rows)
        write_table("compiled", lines)
        plot(all_rows)


if __name__ == "__main__":
    main()

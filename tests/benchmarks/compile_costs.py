"""What compiled functions cost besides the time of a replay: memory, and the time of recordings.

usage: python -m tests.benchmarks.compile_costs [growth] [peak] [recording] [--write]

growth: the resident memory of a process over 10,000 compiled steps of T1. peak: the memory that a step adds at most, with
parameters and data loaded before, and everything compiled. recording: the CPU time of the calls that record chains of 10^3 to
10^6 scalar operations, and of a replay. Each measurement has its own process; memory is read from Linux's /proc.
"""

from __future__ import annotations

import ctypes
import gc
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any

import autograd
from tests.benchmarks.compiled import one_blas_thread
from tests.benchmarks.tables import markdown, write_table
from tests.benchmarks.workloads import WORKLOADS
from tests.benchmarks.workloads.columns import (
    BY_HAND,
    COMPILED_LOSS,
    COMPILED_STEP,
    EAGER,
    JAX_JIT,
    PYTORCH,
    TORCH_COMPILE,
    compiled,
)

LIBRARIES = {PYTORCH: "torch", TORCH_COMPILE: "torch", JAX_JIT: "jax"}
STEPS = 10_000
SIZES = (10**3, 10**4, 10**5, 10**6)


def memory(field: str) -> float:
    """Return a number of /proc/self/status in MB: VmRSS, the resident memory, or VmHWM, its largest value."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def release() -> None:
    """Give freed memory back to the system, and begin to measure the largest use anew."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


# --- the measurements, each in its own process ----------------------------------------------------


def growth(column: str, dtype: str) -> list[float]:
    """Return the resident memory in MB after 1,000 steps of T1, and how much it grew in 10,000 more."""
    step, _ = WORKLOADS["T1"].columns[column](dtype)
    found = []
    for steps in (1000, STEPS):
        for _ in range(steps):
            step()
        gc.collect()
        found.append(memory("VmRSS"))
    return [found[0], found[1] - found[0]]


def peak(column: str, name: str, dtype: str) -> list[float]:
    """Return the memory in MB that a step adds at most to parameters and data."""
    first, _ = WORKLOADS["T1"].columns[column](dtype)
    for _ in range(3):
        first()  # loads what the library needs
    step, state = WORKLOADS[name].columns[column](dtype)
    release()
    before = memory("VmRSS")
    for _ in range(WORKLOADS[name].warm_up):
        step()
    kept = state()
    if isinstance(kept, list):
        kept.clear()  # the results of the last step
    release()
    step()
    return [memory("VmHWM") - before]


def chain(size: int) -> Callable[[Any], Any]:
    """Return a function of `size` scalar operations."""

    def repeated(x: Any) -> Any:
        for _ in range(size // 2):
            x = x * 1.0001 + 0.0001
        return x

    return repeated


def recording(size: str) -> list[float]:
    """Return the CPU seconds of an eager call, of all calls until the first replay, and of a replay, and the MB used at most."""
    function = autograd.value_and_grad(chain(int(size)))
    fast = compiled(function)
    marks = [process_time()]
    right = function(1.0)
    marks.append(process_time())
    for _ in range(2):
        assert fast(1.0) == right
    assert fast.source  # it is replayed from now on
    marks.append(process_time())
    assert fast(1.0) == right
    marks.append(process_time())
    return [later - earlier for earlier, later in zip(marks, marks[1:], strict=False)] + [memory("VmHWM")]


# --- tables ---------------------------------------------------------------------------------------


def alone(*words: str) -> list[float] | None:
    """Return what a measurement finds in a process of its own; None if a library is missing."""
    if any(word in LIBRARIES and find_spec(LIBRARIES[word]) is None for word in words):
        return None
    command = [sys.executable, "-m", "tests.benchmarks.compile_costs", "--alone", *words]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        print(f"{words} fails: {run.stderr.splitlines()[-1]}")
        return None
    return [float(word) for word in run.stdout.split()[-4:] if word[0].isdigit() or word[0] == "-"]


def rows_of_growth() -> Iterator[list[str]]:
    for column in (COMPILED_STEP, COMPILED_LOSS, EAGER):
        found = alone("growth", column, "float64")
        if found:
            yield [f"T1, float64, {column}: growth of memory over {STEPS:,} steps", f"{found[1]:.1f} MB"]


def rows_of_peaks() -> Iterator[list[str]]:
    for name, dtype in (("T4", "float32"), ("T4", "float64"), ("T8", "float64")):
        for column in (BY_HAND, COMPILED_STEP, COMPILED_LOSS, EAGER, PYTORCH, TORCH_COMPILE, JAX_JIT):
            found = alone("peak", column, name, dtype)
            if found:
                yield [f"{name}, {dtype}, {column}: memory that a step adds", f"{found[0]:,.0f} MB"]


def rows_of_recordings() -> Iterator[list[str]]:
    for size in SIZES:
        found = alone("recording", str(size))
        if found:
            eager, record, replay = (1e6 * seconds / size for seconds in found[:3])
            yield [
                f"chain of {size:,} scalar operations: recording, a replay, an eager call; memory",
                f"{record:.1f}, {replay:.3f}, {eager:.1f} us an operation; {found[3]:,.0f} MB",
            ]


def main() -> None:
    tables = {"growth": rows_of_growth, "peak": rows_of_peaks, "recording": rows_of_recordings}
    rows = []
    for name in [word for word in sys.argv[1:] if word in tables] or tables:
        for row in tables[name]():
            rows.append(row)
            print(": ".join(row), flush=True)
    write_table("compile_costs", markdown(["measured", "found"], rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        measurement, *words = sys.argv[2:]
        with one_blas_thread():
            print(*{"growth": growth, "peak": peak, "recording": recording}[measurement](*words))
    else:
        main()

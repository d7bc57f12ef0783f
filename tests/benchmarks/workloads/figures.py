"""The table of `tests.benchmarks.compiled` and its plot. Rows that a run did not measure stay as they are."""

from __future__ import annotations

import math
import re
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.tables import README, markdown
from tests.benchmarks.timing import Times, ratio
from tests.benchmarks.workloads import WORKLOADS
from tests.benchmarks.workloads.columns import (
    BY_HAND,
    COMPILED_LOSS,
    COMPILED_STEP,
    EAGER,
    JAX,
    JAX_JIT,
    MYGRAD,
    PYTORCH,
    TORCH_COMPILE,
)

COLUMNS = (COMPILED_STEP, COMPILED_LOSS, EAGER, PYTORCH, TORCH_COMPILE, JAX_JIT, JAX, MYGRAD)
HEADER = ["", "workload", "dtype", f"{BY_HAND}, us", *COLUMNS, "others", "measured"]
PLOT = README.with_name("compiled.svg")
PACKAGES = ("numpy", "torch", "jax", "mygrad", "numexpr", "micrograd", "casadi")
Rows = dict[tuple[str, str], list[str]]
COLORS = {
    COMPILED_STEP: "#c0392b", COMPILED_LOSS: "#e59866", EAGER: "#7f8c8d", PYTORCH: "#8e44ad", TORCH_COMPILE: "#d2b4de",
    JAX_JIT: "#2471a3", JAX: "#aed6f1", MYGRAD: "#229954",
}  # fmt: skip


def versions() -> str:
    """Return the versions of the libraries that are installed here."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def short(number: float) -> str:
    """Return a number with two digits or more."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2f}" if number >= 0.1 else f"{number:.2g}"


def row(name: str, dtype: str, times: Times) -> list[str]:
    """Return the cells of a workload: ratios to NumPy by hand, - where a column was not timed."""
    ratios = {column: short(ratio(times, column, BY_HAND)) for column in times}
    others = ", ".join(f"{column} {ratios[column]}" for column in times if column not in (BY_HAND, *COLUMNS))
    cells = [ratios.get(column, "-") for column in COLUMNS]
    return [
        name,
        WORKLOADS[name].title,
        dtype,
        short(1e6 * median(times[BY_HAND])),
        *cells,
        others or "-",
        date.today().isoformat(),
    ]


def written(readme: Path = README) -> Rows:
    """Return the rows that the README has, by workload and dtype."""
    block = re.search("<!-- table: compiled -->\n(.*?)<!-- end -->", readme.read_text(encoding="utf-8"), re.DOTALL)
    lines = block[1].splitlines()[2:] if block else []
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {(items[0], items[2]): items for items in cells if len(items) == len(HEADER)}


def table(measured: Rows) -> tuple[Rows, list[str]]:
    """Return all rows, new ones in place of those of the README, and the lines of the table."""
    rows = written() | measured
    order = {name: number for number, name in enumerate(WORKLOADS)}
    rows = dict(sorted(rows.items(), key=lambda item: (order.get(item[0][0], len(order)), item[0][1])))
    return rows, markdown(HEADER, rows.values())


def plot(rows: Rows, path: Path = PLOT) -> None:
    """Draw the time of each column relative to NumPy by hand, a line for each workload, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "compiled"
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, LogLocator

    figure, axes = pyplot.subplots(figsize=(9.0, 0.32 * len(rows) + 1.6), layout="constrained")
    axes.axvline(1.0, color="black", linewidth=1.0)
    for place, cells in enumerate(rows.values()):
        axes.axhline(place, color="#eeeeee", linewidth=1.0, zorder=0)
        for column, cell in zip(COLUMNS, cells[4:], strict=False):
            if cell != "-":
                ours = column in (COMPILED_STEP, COMPILED_LOSS)
                at = float(cell.replace(",", ""))
                axes.plot(at, place, "D" if ours else "o", color=COLORS[column], markersize=7 if ours else 5, label=column)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10.0, (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.tick_params(axis="x", labelsize=7)
    axes.set_yticks(range(len(rows)), [f"{name} {dtype}" for name, dtype in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("time of a step / NumPy derived by hand; left is faster")
    handles: dict[str, Any] = {handle.get_label(): handle for handle in axes.get_lines() if handle.get_label() in COLUMNS}
    shown = [column for column in COLUMNS if column in handles]
    figure.legend([handles[column] for column in shown], shown, ncols=math.ceil(len(shown) / 2), loc="outside upper center")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)

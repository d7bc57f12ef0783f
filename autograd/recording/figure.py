"""A recorded training as a matplotlib figure, made from the result of Recorder.to_json()."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

from autograd.drawing.picture import plural

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#000000")


def matplotlib_figure() -> ModuleType:
    try:
        import matplotlib.figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"figures need matplotlib ({error}): pip install 'valuegrad[demos]', or save as .html"
        ) from error
    return matplotlib.figure


def figure_of(data: dict[str, Any], most: int) -> Any:
    """Draw loss, update ratios and gradients over time; below, the distribution of each parameter over time."""
    shown = data["parameters"][:most]
    figure = matplotlib_figure().Figure(figsize=(13.0, 4.0 + 2.0 * len(shown)), layout="constrained")
    figure.suptitle(f"{data['title'] or 'Training'}: {plural(data['total'], 'step')}", fontsize=15)
    top, below = figure.subfigures(2, 1, height_ratios=[3.6, 2.0 * len(shown)])
    axes = top.subplots(1, 3)
    axes[0].plot(data["steps"], numbers(data["loss"]), color=PALETTE[0])
    known = [loss for loss in data["loss"] if isinstance(loss, float)]
    far = len(known) > 0 and min(known) > 0.0 and max(known) > 50.0 * min(known)
    axes[0].set(title="loss", xlabel="step", yscale="log" if far else "linear")
    for place, parameter in enumerate(shown):
        color = PALETTE[place % len(PALETTE)]
        axes[1].plot(data["steps"], positive(parameter["values"]["update"]), color=color, label=parameter["name"], lw=1.2)
        axes[2].plot(data["steps"], positive(parameter["gradients"]["rms"]), color=color, label=parameter["name"], lw=1.2)
    axes[1].axhline(1e-3, color="#444444", ls="--", lw=1.0)
    axes[1].set(title="update / weight (rms, aim 1e-3)", xlabel="step", yscale="log")
    axes[2].set(title="rms of the gradients", xlabel="step", yscale="log")
    axes[1].legend(fontsize=7, frameon=False)
    grid = below.subplots(len(shown), 2, squeeze=False, sharex=True)
    for row, parameter in zip(grid, shown, strict=True):
        for axis, kind in zip(row, ("values", "gradients"), strict=True):
            heat(axis, data["steps"], parameter[kind])
            axis.set_title(f"{kind} of {parameter['name']}", fontsize=9)
    for axis in grid[-1]:
        axis.set_xlabel("step")
    return figure


def heat(axis: Any, steps: list[int], track: dict[str, list[Any]], rows: int = 80) -> None:
    """Draw time to the right, numbers upwards, density as colour; grey where there are NaN or infinities."""
    low, high = numbers(track["low"]), numbers(track["high"])
    if not np.isfinite(low).any():
        return
    bottom, top = usual_range(low, high)
    image = np.zeros((rows, len(steps)))
    for column, counts in enumerate(track["counts"]):
        edges = np.linspace(low[column], high[column], len(counts) + 1)
        places = np.clip(np.nan_to_num((edges - bottom) / (top - bottom) * rows), -1, rows + 1).astype(int)
        for start, end, count in zip(places, places[1:], counts, strict=False):  # a bin takes one row at least
            if count and start < rows and end >= 0:
                part = image[max(0, start) : max(0, start, end - 1) + 1, column]
                np.maximum(part, count / max(counts), out=part)
    extent = (steps[0] - 0.5, steps[-1] + 0.5, bottom, top)
    axis.imshow(np.sqrt(image), aspect="auto", origin="lower", extent=extent, cmap="Blues", interpolation="nearest")
    bad = np.array(steps)[np.add(track["nan"], track["inf"]) > 0]
    axis.vlines(bad, bottom, top, color="#999999", lw=1.0)
    axis.set(xlim=extent[:2], ylim=extent[2:])


def usual_range(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Return the range of nearly all numbers at nearly all steps; a run that diverges leaves it."""
    middle, end = np.nanmedian(low), np.nanmedian(high)
    most = 3.0 * (end - middle) or np.inf
    bottom, top = max(np.nanpercentile(low, 4.0), middle - most), min(np.nanpercentile(high, 96.0), end + most)
    return (bottom, top) if top > bottom else (bottom - 0.5, top + 0.5)


def numbers(items: list[Any]) -> np.ndarray:
    """Return numbers of JSON as floats: None as nan."""
    return np.array([math.nan if item is None else float(item) for item in items])


def positive(items: list[Any]) -> np.ndarray:
    """Return numbers for a logarithmic axis: nan where they are not above zero."""
    found = numbers(items)
    return np.where(found > 0.0, found, math.nan)

"""History: the measurements of fit() in each epoch, as a table to print, plot and save as JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from typing import Any, SupportsIndex, overload

import numpy as np

from autograd import Value
from nn.extras import extra

COLUMNS = ("epoch", "loss", "validation_loss", "lr", "seconds")  # besides the metrics


class History:
    """Holds the measurements of fit() as a table: ``history[-1]`` is the row of the last epoch, ``history["loss"]`` a column.

    Iteration and len() take the rows; ``"loss" in history`` tells whether there is such a column.

    Attributes:
        rows: a dict for each epoch, of plain numbers: ``save(..., extra={"history": history.rows})`` stores them, and
            ``History(rows)`` restores the History.
        best_epoch: the epoch with the least validation loss, or training loss without validation data, counted from 1;
            None before the first epoch.

    Raises:
        KeyError: for a missing column; the message lists those that exist.
        IndexError: for a missing row.

    >>> history = History([{"epoch": 1, "loss": 0.5, "lr": 0.1}, {"epoch": 2, "loss": 0.25, "lr": 0.1}])
    >>> history["loss"], len(history)
    ([0.5, 0.25], 2)
    >>> history[-1], "accuracy" in history
    ({'epoch': 2, 'loss': 0.25, 'lr': 0.1}, False)
    >>> history
    epoch   loss     lr
        1    0.5    0.1
        2   0.25    0.1
    """

    def __init__(self, rows: Iterable[dict[str, float]] = ()) -> None:
        self.rows = list(rows)
        self.best_epoch: int | None = None

    @overload
    def __getitem__(self, key: str) -> list[float]: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> dict[str, float]: ...
    @overload
    def __getitem__(self, key: slice) -> list[dict[str, float]]: ...
    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self.rows[key]
        if key not in self.names:
            raise KeyError(f"the history has {', '.join(self.names) or 'no epochs'}, but no {key!r}")
        return [row.get(key, math.nan) for row in self.rows]

    def __contains__(self, item: Any) -> bool:
        return item in self.names if isinstance(item, str) else item in self.rows

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> list[str]:
        """Return the names of the columns; a column is nan in epochs where it was not measured."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def to_json(self) -> str:
        """Return all rows as a JSON list of objects; nan and infinities become null."""
        rows = [{name: json_number(number) for name, number in row.items()} for row in self.rows]
        return json.dumps(rows, indent=1)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Plot the losses, and the metrics beside them, as a matplotlib Figure; with a path, save it as well.

        Raises:
            ImportError: if matplotlib is not installed.
            ValueError: if there are no epochs to plot.
        """
        if not self.rows:
            raise ValueError("the history has no epochs to plot")
        losses = [name for name in self.names if name.endswith("loss")]
        metrics = [name for name in self.names if name not in (*COLUMNS, *losses)]
        panels = [losses] + [metrics] * bool(metrics)
        figure = extra("matplotlib.figure", "plot()").Figure(figsize=(5.0 * len(panels), 3.6), layout="constrained")
        for axes, names in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
            for name in names:
                axes.plot(self["epoch"], self[name], label=name.replace("_", " "), marker="." if len(self) < 30 else None)
            if self.best_epoch is not None:
                axes.axvline(self.best_epoch, color="gray", linestyle=":", label="best epoch")
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
            axes.legend()
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure

    def __repr__(self) -> str:
        cells = [self.names, *([four_digits(row.get(name, math.nan)) for name in self.names] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join("  ".join(text.rjust(max(width, 5)) for text, width in zip(row, widths, strict=True)) for row in cells)


def four_digits(item: Any) -> str:
    """Return a number in four digits, and anything else as text."""
    return f"{item:.4g}" if isinstance(item, (int, float, np.number)) else str(item)


def json_number(number: Any) -> Any:
    """Return a number of Python, or None for nan and infinity, which JSON lacks."""
    number = number.item() if isinstance(number, (np.generic, np.ndarray, Value)) else number
    return None if isinstance(number, float) and not math.isfinite(number) else number

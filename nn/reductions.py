"""Reduce losses to one number: weights, means and sums over a batch, and the average of several batches.

Each loss notes what its mean divides by, so that fit() and evaluate() average batches exactly as if they were one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from autograd import Value
from autograd.ops import mean, sum
from nn.arrays import as_array

# --- one batch -------------------------------------------------------------------------------------


def constant_weights(name: str, weight: Any, prediction: Any) -> np.ndarray:
    """Return weights in the dtype of the prediction; raise TypeError for a Value, whose gradient would be lost."""
    weight = as_array(weight)
    if isinstance(weight, Value):
        raise TypeError(f"{name}() takes constant weights, for which there is no gradient, got a Value: pass weight.data")
    return np.asarray(weight, dtype=prediction.dtype)


def broadcast_weights(name: str, weight: Any, prediction: Any) -> np.ndarray:
    """Return weights broadcast to the shape of the losses; raise ValueError if they would enlarge it."""
    weight = constant_weights(name, weight, prediction)
    try:
        return np.broadcast_to(weight, prediction.shape)
    except ValueError:
        raise ValueError(f"{name}() has losses of shape {prediction.shape}, got weights of shape {weight.shape}") from None


def times_weights(name: str, losses: Any, weight: Any) -> Any:
    """Return the losses times their weights, if any."""
    return losses if weight is None else losses * broadcast_weights(name, weight, losses)


def reduce_losses(name: str, losses: Any, reduction: str, total: Any = None) -> Any:
    """Return the losses, their sum, or their mean: the sum divided by `total`, by default the number of losses.

    Raises:
        ValueError: for another reduction, or a mean over a total of 0 or of no losses.
    """
    if reduction == "none":
        return losses
    if reduction == "sum":
        note_reduction("sum")
        return sum(losses)
    if reduction == "mean":
        size = losses.size if losses.__class__ is Value else np.size(losses)
        if total == 0.0 or not size:
            reason = "all targets are ignored or have weight 0" if size else "the batch is empty"
            raise ValueError(f"{name}() has nothing to average, because {reason}: leave the batch out, or use reduction='sum'")
        note_reduction("mean", size if total is None else total)
        return mean(losses) if total is None else sum(losses) / total.item()
    raise ValueError(f"{name}() takes the reductions 'mean', 'sum' and 'none', got {reduction!r}")


def reduce_weighted(name: str, losses: Any, weight: Any, reduction: str) -> Any:
    """Weight the losses and reduce them; the mean divides by the sum of the weights."""
    if weight is None:
        return reduce_losses(name, losses, reduction)
    weight = broadcast_weights(name, weight, losses)
    return reduce_losses(name, losses * weight, reduction, np.sum(weight, dtype=float))


# --- several batches --------------------------------------------------------------------------------

Notes = list[tuple[str, float]]  # (reduction, total that a mean divides by) of each loss in a block, see note_reduction()
NOTES: ContextVar[Notes | None] = ContextVar("NOTES", default=None)


def note_reduction(reduction: str, total: Any = 0.0) -> None:
    """Note how a loss or metric was reduced, for noted_reductions(): "sum", "mean" over `total`, or "other"."""
    notes = NOTES.get()
    if notes is not None:
        notes.append((reduction, total.item() if isinstance(total, (np.generic, np.ndarray)) else float(total)))


@contextmanager
def noted_reductions() -> Iterator[Notes]:
    """Return a list to which note_reduction() appends inside the block."""
    notes: Notes = []
    token = NOTES.set(notes)
    try:
        yield notes
    finally:
        NOTES.reset(token)


class Average:
    """Averages the losses of several batches as if they were one batch: sums add up, means are weighted by their totals.

    A function that notes nothing, because it is not a loss of nn, or that notes several totals, as a sum of losses does, is
    weighted by the number of targets in each batch.

    >>> average = Average()
    >>> average.add(3.0, [("mean", 1.0)], 4)
    >>> average.add(1.0, [("mean", 3.0)], 4)
    >>> average.value()
    1.5
    """

    def __init__(self) -> None:
        self.total = self.weight = 0.0

    def add(self, number: float, notes: Notes, targets: int) -> None:
        """Add the loss of a batch, with the notes of noted_reductions() and its number of targets."""
        kind, total = notes[0] if notes and notes.count(notes[0]) == len(notes) else ("other", 0.0)  # all alike, or no loss of nn
        if kind == "sum":
            self.total += number
            return
        weight = total if kind == "mean" else float(targets)
        self.total, self.weight = self.total + number * weight, self.weight + weight

    def value(self) -> float:
        """Return the loss of all batches so far."""
        return self.total / self.weight if self.weight else self.total

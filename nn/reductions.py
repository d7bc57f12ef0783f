"""Average the losses of batches to the loss of all their samples: each loss notes what its mean divides by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Notes = list[tuple[str, float]]  # (reduction, total that a mean divides by) of each loss in a block, see note()
NOTES: ContextVar[Notes | None] = ContextVar("NOTES", default=None)


def note(reduction: str, total: Any = 0.0) -> None:
    """Note in the block of noted(), if there is one, the kind of a loss or metric: a "sum", a "mean" over `total`, or "other"."""
    notes = NOTES.get()
    if notes is not None:
        notes.append((reduction, float(total)))


@contextmanager
def noted() -> Iterator[Notes]:
    """Give a list, to which note() appends in the block."""
    notes: Notes = []
    token = NOTES.set(notes)
    try:
        yield notes
    finally:
        NOTES.reset(token)


class Average:
    """The loss of several batches as if they were one: the sum of sums, or the mean of means, weighted by their totals.

    A function that notes nothing, as one that is no loss of nn, or several totals, as a sum of losses, is averaged with the
    number of targets in each batch as weights.

    >>> average = Average()
    >>> average.add(3.0, [("mean", 1.0)], 4)
    >>> average.add(1.0, [("mean", 3.0)], 4)
    >>> average.value()
    1.5
    """

    def __init__(self) -> None:
        self.total = self.weight = 0.0

    def add(self, number: float, notes: Notes, targets: int) -> None:
        """Add the loss of a batch: the number, what noted() gave for it, and its count of targets."""
        kinds, totals = {kind for kind, _ in notes}, {total for _, total in notes}
        if kinds == {"sum"}:
            self.total += number
            return
        weight = totals.pop() if kinds == {"mean"} and len(totals) == 1 else float(targets)
        self.total, self.weight = self.total + number * weight, self.weight + weight

    def value(self) -> float:
        """The loss of all batches so far."""
        return self.total / self.weight if self.weight else self.total

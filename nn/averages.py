"""How the losses of batches become the loss of all of them together: losses say over what they took the mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Notes = list[tuple[str, float]]  # ("sum" or "mean", the total that the mean divides by) of each loss in a block
NOTES: ContextVar[Notes | None] = ContextVar("NOTES", default=None)


def note(reduction: str, total: Any = 0.0) -> None:
    """Tell noted(), if it listens, that a loss or metric is a "sum", a "mean" over this total, or neither, "other"."""
    notes = NOTES.get()
    if notes is not None:
        notes.append((reduction, float(total)))


@contextmanager
def noted() -> Iterator[Notes]:
    """What is noted in the block."""
    notes: Notes = []
    token = NOTES.set(notes)
    try:
        yield notes
    finally:
        NOTES.reset(token)


class Average:
    """The loss of several batches as if they were one: the sum of sums, or the mean with what each batch divides by.

    A function that notes nothing, as one that is no loss of nn, and one made of several losses, is averaged with the number of
    targets in each batch.

    >>> average = Average()
    >>> average.add(3.0, [("mean", 1.0)], 4)
    >>> average.add(1.0, [("mean", 3.0)], 4)
    >>> average.value()
    1.5
    """

    def __init__(self) -> None:
        self.total = self.weight = 0.0

    def add(self, number: float, notes: Notes, targets: int) -> None:
        """Add the loss of a batch."""
        kinds, totals = {kind for kind, _ in notes}, {total for _, total in notes}
        if kinds == {"sum"}:
            self.total += number
            return
        weight = totals.pop() if kinds == {"mean"} and len(totals) == 1 else float(targets)
        self.total, self.weight = self.total + number * weight, self.weight + weight

    def value(self) -> float:
        """The loss of all batches so far."""
        return self.total / self.weight if self.weight else self.total

"""Once: floating-point warnings of a call whose replay stopped in the middle, after which the function runs from its start."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np


class Report:
    """Takes the reports of NumPy in the place of a log file.

    Attributes:
        left: the warnings that were given already, with their numbers; one of them is not given again. None to give none at all.
        found: the reports so far.
    """

    def __init__(self, left: Counter[str] | None = None) -> None:
        self.left, self.found = left, Counter[str]()

    def write(self, text: str) -> None:
        """Give the warning, unless it was given already."""
        message = text.removeprefix("Warning: ").rstrip()
        self.found[message] += 1
        if self.left is None:
            return
        if self.left[message]:
            self.left[message] -= 1
        else:
            warnings.warn(message, RuntimeWarning, stacklevel=2)


@contextmanager
def reporting(report: Report) -> Iterator[None]:
    """Let a Report take what NumPy would warn of."""
    names: dict[str, Any] = {name: "log" for name, how in np.geterr().items() if how == "warn"}
    with np.errstate(call=report, **names):
        yield


def warnings_of(replay: Callable[[list[Any]], Any], leaves: list[Any]) -> Counter[str]:
    """Return what a replay that stops warns of before it does, by running it again."""
    report = Report()
    with reporting(report), suppress(Exception):  # it stops as before
        replay(leaves)
    return report.found

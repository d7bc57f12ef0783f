"""Once: no warning is given twice, by a replay and by the function.

Where a replay stops in the middle, the function runs from its start. And Python gives a warning once for each line, where nothing
else is set; a line of a program and the one that it comes from count as one.
"""

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


def take_over(space: dict[str, Any]) -> None:
    """Let the code of a program, whose globals are `space`, not warn again of what the lines that it comes from warned of."""
    mine, found = space.setdefault("__warningregistry__", {}), []
    for line, spot in space["spots"].items():
        theirs = spot.space.get("__warningregistry__", {})
        found += [
            (theirs.get("version", 0), (*key[:2], line)) for key in list(theirs) if key != "version" and key[2] == spot.line
        ]
    if found:
        mine["version"] = max(version for version, _ in found)  # Python forgets all others when its filters change
        mine.update((key, True) for version, key in found if version == mine["version"])


def hand_back(space: dict[str, Any]) -> None:
    """Let the lines that a program comes from not warn again of what the program warned of."""
    mine = space["__warningregistry__"]
    version = mine.get("version", 0)
    for key in [key for key in mine if key != "version" and key[2] in space["spots"]]:
        spot = space["spots"][key[2]]
        theirs = spot.space.setdefault("__warningregistry__", {})
        if theirs.get("version", 0) < version:
            theirs.clear()
            theirs["version"] = version
        if theirs["version"] == version:
            theirs[*key[:2], spot.line] = True

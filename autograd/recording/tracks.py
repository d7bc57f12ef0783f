"""The statistics of arrays over time: measured for many steps at once, and kept in tracks.

A step only copies the numbers; `measure` then takes many steps together, which is much faster than one by one.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from autograd.drawing.read.marks import unit_axis

SAMPLE = 500  # the most numbers of an array that a histogram counts
TOGETHER = 64  # the most steps whose statistics are computed at once
WAITING = 2**19  # the most numbers in these steps, 4 MB; a single step may have more
#: The middle of an operation's results, and the distance from it at which they count as saturated.
SATURATED = {"tanh": (0.0, 0.97), "sigmoid": (0.5, 0.485)}

Block = dict[str, np.ndarray]  # a column for each statistic, "counts" and "step", a row for each step


def measure(numbers: np.ndarray, bins: int) -> Block:
    """Return the statistics of each row: (rows, n) numbers give columns of length `rows`, and counts (rows, bins).

    mean, std, rms, largest (of the absolute values), low and high are of the finite numbers, nan where there are
    none; zeros is the share of exact zeros; nan and inf are counted. The bins divide low to high evenly; where
    these are equal, the first bin counts all. In rows of more than 500 numbers, 500 are counted, always at the same
    random positions.

    >>> found = measure(np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, np.nan, np.inf]]), bins=3)
    >>> found["counts"].tolist(), found["mean"].tolist()
    ([[1, 1, 2], [2, 0, 0]], [1.5, 1.0])
    >>> found["zeros"].tolist(), found["nan"].tolist(), found["inf"].tolist()
    ([0.25, 0.0], [0, 1], [0, 1])
    """
    rows, size = numbers.shape
    if not size:
        return {name: np.repeat(column, rows, axis=0) for name, column in empty_statistics(bins).items()}
    with np.errstate(all="ignore"):
        low, high = np.minimum.reduce(numbers, axis=1), np.maximum.reduce(numbers, axis=1)
        bad = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high)))
        if bad.size:
            return measure_bad(numbers, bad, bins)
        mean, square = np.add.reduce(numbers, axis=1) / size, np.vecdot(numbers, numbers) / size
        variance, zero = square - mean * mean, numbers == 0.0
        for row in np.flatnonzero(variance <= 1e-6 * square):  # the difference has few correct digits
            variance[row] = np.var(numbers[row])
        return {
            "mean": mean,
            "std": np.sqrt(variance),
            "rms": np.sqrt(square),
            "largest": np.maximum(-low, high),
            "zeros": zero.mean(axis=1) if zero.any() else np.zeros(rows),
            "nan": np.zeros(rows, int),
            "inf": np.zeros(rows, int),
            "low": low,
            "high": high,
            "counts": histograms(numbers if size <= SAMPLE else numbers.take(sample(size), axis=1), low, high, bins),
        }


def measure_bad(numbers: np.ndarray, bad: np.ndarray, bins: int) -> Block:
    """Return the statistics of rows; the rows in `bad` have numbers that are not finite."""
    tame = numbers.copy()
    tame[bad] = 0.0
    found = measure(tame, bins)
    for row in bad:
        rest = numbers[row][np.isfinite(numbers[row])]
        for name, column in (measure(rest[None], bins) if rest.size else empty_statistics(bins)).items():
            found[name][row] = column[0]
        found["zeros"][row] *= rest.size / numbers.shape[1]
        found["nan"][row] = np.isnan(numbers[row]).sum()
        found["inf"][row] = np.isinf(numbers[row]).sum()
    return found


def root_mean_square(numbers: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.sqrt(np.vecdot(numbers, numbers) / max(1, numbers.shape[1]))


def empty_statistics(bins: int) -> Block:
    """Return one row: the statistics of an empty array."""
    names = ("mean", "std", "rms", "largest", "low", "high")
    counts = {"zeros": np.zeros(1), "nan": np.zeros(1, int), "inf": np.zeros(1, int), "counts": np.zeros((1, bins), np.int32)}
    return {name: np.full(1, math.nan) for name in names} | counts


def histograms(numbers: np.ndarray, low: np.ndarray, high: np.ndarray, bins: int) -> np.ndarray:
    """Count the numbers of each row in each bin between its low and high: (rows, bins). The last bin is closed."""
    rows = len(numbers)
    with np.errstate(all="ignore"):
        width = high / bins - low / bins  # high - low may overflow
        scale = np.where(width > 0.0, 1.0 / width, 0.0)
        places = numbers - low[:, None]
        places *= scale[:, None]
    np.minimum(places, bins - 0.5, out=places)
    places += np.arange(0, rows * bins, bins)[:, None]
    return np.bincount(places.astype(np.intp).ravel(), minlength=rows * bins).reshape(rows, bins).astype(np.int32)


@lru_cache
def sample(size: int) -> np.ndarray:
    """Return which of `size` numbers a histogram counts: always the same. (A stride could be a column of a matrix.)"""
    return np.sort(np.random.default_rng(0).choice(size, SAMPLE, replace=False))


class Track:
    """One array over time: copies that wait to be measured, and blocks of statistics of those before.

    Attributes:
        name: of the parameter or module. op: of the node that computed it, or "".
        rows: the most steps that wait to be measured together.
        shape: of the latest array.
        first_bad: the first step with a NaN or an infinity, and which of them it was; or None. Thinning keeps it.
        unseen: how many steps just before that one were not measured.
    """

    def __init__(self, name: str, bins: int, rows: int, op: str = "", moves: bool = False) -> None:
        self.name, self.bins, self.rows, self.op, self.moves = name, bins, rows, op, moves
        self.shape: tuple[int, ...] = (-1,)
        self.waiting = np.empty((0, 0))  # one buffer, kept: fresh memory costs more than the statistics
        self.steps: list[int] = []
        self.moved = np.empty(0)  # the rms of the change in each step that waits, nan where it is unknown
        self.before: tuple[int, np.ndarray] = (-2, np.empty(0))
        self.blocks: list[Block] = []
        self.first_bad: tuple[int, str] | None = None
        self.unseen = 0

    def add(self, step: int, numbers: np.ndarray) -> None:
        """Keep a copy of the numbers of a step."""
        if numbers.shape != self.shape or len(self.steps) == len(self.waiting):
            self.measure()
            if numbers.shape != self.shape:
                self.shape = numbers.shape
                self.waiting, self.moved = np.empty((self.rows, numbers.size)), np.full(self.rows, math.nan)
        row = len(self.steps)
        np.copyto(self.waiting[row], numbers.reshape(-1))
        if self.before[0] == step - 1:
            self.moved[row] = root_mean_square((self.waiting[row] - self.before[1])[None])[0]
        self.steps.append(step)

    def remember(self, step: int, numbers: np.ndarray) -> None:
        """Keep a copy of the numbers of a step that is not recorded, to measure the change in the next one."""
        self.before = step, np.array(numbers, dtype=float).reshape(-1)

    def measure(self) -> Block | None:
        """Measure the copies that wait, and return the new block, if any."""
        count = len(self.steps)
        if not count:
            return None
        numbers, steps = self.waiting[:count], np.array(self.steps)
        block = {"step": steps, **measure(numbers, self.bins)}
        if self.moves:
            with np.errstate(all="ignore"):
                block["update"] = self.changes(numbers, steps) / np.where(block["rms"] > 0.0, block["rms"], math.nan)
        if self.op in SATURATED:
            middle, far = SATURATED[self.op]
            block["saturated"] = (np.abs(numbers - middle) > far).mean(axis=1)
        if self.op == "relu" and len(self.shape) > 1 and numbers.size:
            by_unit = np.moveaxis(numbers.reshape(count, *self.shape), 1 + unit_axis(len(self.shape)), -1)
            block["silent"] = (by_unit.reshape(count, -1, by_unit.shape[-1]).max(axis=1) <= 0.0).mean(axis=1)
        bad = np.flatnonzero(block["nan"] + block["inf"])
        if bad.size and self.first_bad is None:
            self.first_bad = self.steps[bad[0]], "NaN" if block["nan"][bad[0]] else "infinity"
            known = self.steps[bad[0] - 1] if bad[0] else int(self.blocks[-1]["step"][-1]) if self.blocks else -1
            self.unseen = self.steps[bad[0]] - known - 1
        self.steps = []
        self.blocks.append(block)
        return block

    def changes(self, numbers: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the rms of the change in each step that waits, nan where it is unknown; remember the last numbers."""
        moved, near = self.moved[: len(steps)].copy(), np.flatnonzero(np.diff(steps) == 1)
        if near.size:
            moved[near + 1] = root_mean_square(numbers[1:] - numbers[:-1])[near]
        self.moved[:] = math.nan
        self.remember(self.steps[-1], numbers[-1])
        return moved

    def table(self) -> Block:
        """Return all statistics so far as one block, which may be empty."""
        if len(self.blocks) > 1:
            names = dict.fromkeys(name for block in self.blocks for name in block)
            columns = {name: [block.get(name, np.full(len(block["step"]), math.nan)) for block in self.blocks] for name in names}
            self.blocks = [{name: np.concatenate(parts) for name, parts in columns.items()}]
        return (
            self.blocks[0]
            if self.blocks
            else {"step": np.zeros(0, int), **{k: v[:0] for k, v in empty_statistics(self.bins).items()}}
        )

    def thin(self, every: int) -> None:
        """Keep the steps that are multiples of `every`."""
        table = self.table()
        kept = table["step"] % every == 0
        self.blocks = [{name: column[kept] for name, column in table.items()}]

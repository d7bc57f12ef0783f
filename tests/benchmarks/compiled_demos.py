"""Time the steps of the demos digits, gpt and moons eager and compiled: `python -m tests.benchmarks.compiled_demos [rounds]`.

The training of each demo runs as it is, eager and compiled in turns. A step is what happens between two batches, or two turns of
the progress bar, in CPU time; evaluations between epochs do not count, nor do the first steps, which record. Moons has 30 points.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

from demos import common, digits, gpt, letters, moons
from nn import MLP, DataLoader
from tests.benchmarks.tables import markdown
from tests.benchmarks.timing import Times, in_turns, rounds, spread

#: The first steps of a training, which may record, are left out.
RECORDING = 12


def clocked(items: Any, taken: list[float]) -> Iterator[Any]:
    """Yield the items, and note how long the caller took for each but the last."""
    start = None
    for item in items:
        if start is not None:
            taken.append(process_time() - start)
        start = process_time()
        yield item


def steps_of(train: Callable[[], object]) -> list[float]:
    """Return the seconds of the steps of a training."""
    taken: list[float] = []
    batches = DataLoader.__iter__

    class Bar:
        """The steps of moons, without a bar; digits shows its epochs."""

        def __init__(self, steps: int, unit: str, what: str = "") -> None:
            self.items = clocked(range(steps), taken) if unit == "step" else range(steps)

        def __iter__(self) -> Iterator[Any]:
            return iter(self.items)

        def set_postfix(self, **numbers: Any) -> None: ...

    with (
        patch.object(DataLoader, "__iter__", lambda loader: clocked(batches(loader), taken)),
        patch.object(common, "progress", Bar),
        contextlib.redirect_stderr(io.StringIO()),  # the bar of fit()
    ):
        train()
    return taken


def demos(folder: str) -> dict[str, Callable[[bool], object]]:
    """Return a function for each demo that trains it, compiled or not."""

    def options(demo: str) -> Any:
        parser = common.options(demo, "", epochs=3)
        if demo == "digits":
            common.digit_options(parser)
        return parser.parse_args(["--out", folder])

    images = common.digits_of(options("digits"), np.random.default_rng(0))
    names = letters.load(options("gpt"), np.random.default_rng(0))
    points, labels = common.load_moons(30, 0)

    def rng() -> np.random.Generator:
        return np.random.default_rng(1)

    return {
        "digits": lambda compiled: digits.train(digits.build(rng()), images, 3, rng(), compiled=compiled),
        "gpt": lambda compiled: letters.train(gpt.build(rng()), names, 2, 3e-3, rng(), compiled),
        "moons": lambda compiled: moons.train(MLP(2, [16, 16, 1], rng=0), points, labels, 30, compiled),
    }  # fmt: skip


def main() -> None:
    rows = []
    with threadpool_limits(1), TemporaryDirectory() as folder:
        for name, train in demos(folder).items():
            spent: Times = {"eager": [], "compiled": []}

            def timer(kind: str, train: Any = train, spent: Times = spent) -> float:
                taken = steps_of(lambda: train(kind == "compiled"))
                usual = median(taken[RECORDING:])
                spent[kind].append(sum(taken[:RECORDING]) - RECORDING * usual)
                return usual

            times = in_turns({kind: lambda kind=kind: timer(kind) for kind in spent}, rounds(5))
            ratios = [b / a for a, b in zip(times["eager"], times["compiled"], strict=True)]
            eager, compiled = (f"{1e3 * median(times[kind]):.2f}" for kind in spent)
            rows.append([name, eager, compiled, f"{median(ratios):.2f}", spread(ratios), f"{median(spent['compiled']):.2f}"])
    print("\n".join(markdown(["demo", "eager ms", "compiled ms", "ratio", "middle half", "recording s"], rows)))


if __name__ == "__main__":
    main()

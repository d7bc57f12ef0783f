"""Time what a Recorder adds to a training step of tensors (digits, 64-32-10, 32 samples) and of scalars (2-16-16-1, one sample).

    python -m tests.benchmarks.recording [rounds]

A step is forward, zero_grad, backward and SGD; a timing is 512 steps, or 128 of scalars, and includes the deferred measurements.
What to expect, against no recorder: digits 1.28 with every=1, 1.21 with every=1 and no activations, 1.09 with every=10;
neurons 1.23, 1.14 and 1.07. Longer runs cost less: they record activations every eighth time only, and thin out records.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import nn
from autograd.recording.recorder import Recorder
from tests.benchmarks.timing import in_turns, rounds, seconds, show, write_shown


def digits() -> tuple[nn.Module, Callable[[], Any]]:
    model = nn.Sequential(nn.Linear(64, 32, rng=0), nn.ReLU(), nn.Linear(32, 10, rng=1))
    images, labels = np.random.default_rng(0).normal(size=(32, 64)), np.arange(32) % 10
    return model, training(model, lambda: nn.cross_entropy(model(images), labels))


def neurons() -> tuple[nn.Module, Callable[[], Any]]:
    model = nn.MLP(2, [16, 16, 1], rng=0)
    return model, training(model, lambda: (model([1.0, 2.0]) - 1.0) ** 2)


def training(model: nn.Module, loss_of: Callable[[], Any]) -> Callable[[], Any]:
    """Return a training step that returns the loss."""
    optimiser = nn.SGD(model.parameters(), lr=1e-3)

    def step() -> Any:
        loss = loss_of()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    return step


def recorded(model: nn.Module, step: Callable[[], Any], repeats: int, **options: Any) -> Callable[[], float]:
    """Return a timer of the step with a new recorder."""

    def timer() -> float:
        recorder = Recorder(model, **options)

        def steps() -> None:
            for _ in range(repeats):
                recorder.step(step())
            recorder.notes()

        return seconds(steps) / repeats

    return timer


def main() -> None:
    for title, (model, step), repeats in (("digits, tensors", digits(), 512), ("neurons, scalars", neurons(), 128)):
        timers: dict[str, Callable[[], float]] = {
            "no recorder": lambda step=step, repeats=repeats: seconds(step, repeats),  # type: ignore[misc]
            "every=1": recorded(model, step, repeats),
            "every=1, activations=False": recorded(model, step, repeats, activations=False),
            "every=10": recorded(model, step, repeats, every=10),
        }
        show(f"{title}: {sum(p.size for p in model.parameters()):,} parameters", in_turns(timers, rounds(15)), "no recorder")
    write_shown("recording")


if __name__ == "__main__":
    main()

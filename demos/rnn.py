"""Forecast the yearly sunspots one year ahead with a simple recurrent network, and look at its memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd import Value
from demos import sunspots
from nn import RNN


def layer(rng: np.random.Generator) -> RNN:
    """Return a layer of sixteen units: h = tanh(W x + U h + b), with this year's x and last year's h."""
    return RNN(1, 16, batch_first=True, rng=rng)


def memory(rnn: RNN, windows: np.ndarray) -> Value:
    """Return h after the last year of each window."""
    _, h = rnn(windows)  # (layers, windows, hidden)
    return h[0]


def main(arguments: Sequence[str] | None = None) -> None:
    sunspots.demo("RNN", __doc__, layer, memory, arguments)


if __name__ == "__main__":
    main()

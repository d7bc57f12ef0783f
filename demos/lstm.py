"""Forecast the yearly sunspots one year ahead with a long short-term memory, and look into its cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd import Value
from demos import sunspots
from nn import LSTM


def layer(rng: np.random.Generator) -> LSTM:
    """Return sixteen cells c with gates: c = forget * c + input * new, h = output * tanh(c)."""
    return LSTM(1, 16, batch_first=True, rng=rng)


def memory(lstm: LSTM, windows: np.ndarray) -> Value:
    """Return the cells after the last year of each window."""
    _, (_, cells) = lstm(windows)  # (layers, windows, hidden)
    return cells[0]


def main(arguments: Sequence[str] | None = None) -> None:
    sunspots.demo("LSTM", __doc__, layer, memory, arguments)


if __name__ == "__main__":
    main()

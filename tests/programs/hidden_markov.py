"""A hidden Markov model: the likelihood of a sequence by the forward pass, in log space."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def log_likelihood(log_start: Array, log_moves: Array, log_seen: Array) -> float:
    """Return the log likelihood. `log_moves[i, j]` is for the move from i to j, `log_seen[t, j]` for observation t in state j."""
    log_alpha = log_start + log_seen[0]
    for t in range(1, len(log_seen)):
        log_alpha = np.logaddexp.reduce(log_alpha[:, None] + log_moves, axis=0) + log_seen[t]
    return np.logaddexp.reduce(log_alpha)

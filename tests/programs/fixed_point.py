"""Implicit functions by iteration: Kepler's equation, and the fixed point of a recurrent network."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def eccentric_anomaly(M: Array, e: float) -> Array:
    """Return E with E - e sin E = M."""
    E = M + e * np.sin(M)
    while True:
        step = (E - e * np.sin(E) - M) / (1 - e * np.cos(E))
        E = E - step
        if np.max(np.abs(step)) < 1e-13:
            return E


def rest(W: Array, b: Array) -> Array:
    """Return z with z = tanh(W z + b), for W of a norm below 1."""
    z, previous = np.tanh(b), np.zeros_like(b)
    while np.linalg.norm(z - previous) > 1e-15:
        previous, z = z, np.tanh(W @ z + b)
    return z

"""Bratu's problem u'' + k exp(u) = 0, u(0) = u(1) = 0, by finite differences: a system of equations for Newton's method."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def residual(u: Array, k: float) -> Array:
    h = 1 / (len(u) + 1)
    padded = np.concatenate([[0.0], u, [0.0]])
    return (padded[:-2] - 2 * padded[1:-1] + padded[2:]) / h**2 + k * np.exp(u)

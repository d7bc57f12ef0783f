"""Rosenbrock's function, as in scipy.optimize.rosen."""

from __future__ import annotations

import numpy as np


def rosenbrock(x: np.ndarray) -> float:
    return sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

"""Two interlocking half moons, and initial parameters of the network that classifies them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

SIZES = (2, 16, 16, 1)


def moons(samples: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Return shuffled points (samples, 2) and their labels -1 and 1 (samples,), always the same."""
    rng = np.random.default_rng(1337)
    angle = np.pi * rng.random(samples)
    label = np.where(np.arange(samples) % 2, 1.0, -1.0)
    upper, lower = (np.cos(angle), np.sin(angle)), (1.0 - np.cos(angle), 0.5 - np.sin(angle))
    points = np.where(label < 0.0, upper, lower).T
    return points + rng.normal(0.0, 0.1, points.shape), label


def parameters() -> list[tuple[np.ndarray, np.ndarray]]:
    """Return a weight (out, in) and a bias (out,) for each layer, always the same."""
    rng = np.random.default_rng(42)
    return [(rng.uniform(-1.0, 1.0, (n, m)) / m**0.5, np.zeros(n)) for m, n in pairwise(SIZES)]

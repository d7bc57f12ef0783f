"""Two half moons that interlock, and starting parameters of the network that tells them apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

SIZES = (2, 16, 16, 1)


def moons(samples: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Points (samples, 2), shuffled, and their labels -1 and 1 (samples,); always the same ones."""
    rng = np.random.default_rng(1337)
    angle = np.pi * rng.random(samples)
    label = np.where(np.arange(samples) % 2, 1.0, -1.0)
    upper, lower = (np.cos(angle), np.sin(angle)), (1.0 - np.cos(angle), 0.5 - np.sin(angle))
    points = np.where(label < 0.0, upper, lower).T
    return points + rng.normal(0.0, 0.1, points.shape), label


def parameters() -> list[tuple[np.ndarray, np.ndarray]]:
    """A weight (out, in) and a bias (out,) for each layer; always the same ones."""
    rng = np.random.default_rng(42)
    return [(rng.uniform(-1.0, 1.0, (n, m)) / m**0.5, np.zeros(n)) for m, n in pairwise(SIZES)]

"""Masses in a row on springs between two walls: their natural frequencies."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def frequencies(springs: Array, masses: Array) -> Array:
    """Return the angular frequencies from low to high; there is one more spring than masses."""
    stiffness = np.diag(springs[:-1] + springs[1:]) - np.diag(springs[1:-1], 1) - np.diag(springs[1:-1], -1)
    root = np.sqrt(masses)
    return np.sqrt(np.linalg.eigvalsh(stiffness / np.outer(root, root)))

"""The double pendulum by its Lagrangian."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
MASSES, LENGTHS, GRAVITY = (1.2, 0.7), (0.9, 1.1), 9.81


def energies(q: Array, v: Array) -> tuple[float, float]:
    """Return the kinetic and the potential energy at the angles `q` from the vertical and angular velocities `v`."""
    m1, m2 = MASSES
    vx = np.cumsum(LENGTHS * np.cos(q) * v)
    vy = np.cumsum(LENGTHS * np.sin(q) * v)
    kinetic = 0.5 * m1 * (vx[0] ** 2 + vy[0] ** 2) + 0.5 * m2 * (vx[1] ** 2 + vy[1] ** 2)
    heights = -np.cumsum(LENGTHS * np.cos(q))
    return kinetic, GRAVITY * np.dot(MASSES, heights)


def lagrangian(q: Array, v: Array) -> float:
    kinetic, potential = energies(q, v)
    return kinetic - potential

"""Entropy-regularised optimal transport, by Sinkhorn's iteration on the dual potentials."""

from __future__ import annotations

import numpy as np
from numpy import newaxis

Array = np.ndarray


def softmin(x: Array, eps: float, axis: int) -> Array:
    low = x.min(axis=axis, keepdims=True)
    return np.squeeze(low, axis) - eps * np.log(np.sum(np.exp((low - x) / eps), axis=axis))


def transport_cost(cost: Array, a: Array, b: Array, eps: float, steps: int) -> float:
    f, g = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(steps):
        f = softmin(cost - g[newaxis, :], eps, 1) + eps * np.log(a)
        g = softmin(cost - f[:, newaxis], eps, 0) + eps * np.log(b)
    return np.vdot(f, a) + np.vdot(g, b)

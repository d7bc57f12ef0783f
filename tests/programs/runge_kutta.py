"""The classical Runge-Kutta method, on logistic growth and on the Lotka-Volterra equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray


def rk4_step(f: Callable[..., Any], y: Any, t: float, h: float, *params: Any) -> Any:
    k1 = f(y, t, *params)
    k2 = f(y + h / 2 * k1, t + h / 2, *params)
    k3 = f(y + h / 2 * k2, t + h / 2, *params)
    k4 = f(y + h * k3, t + h, *params)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def solve(f: Callable[..., Any], y: Any, ts: Array, *params: Any) -> Array:
    ys = [y]
    for t, h in zip(ts[:-1], np.diff(ts), strict=True):
        ys.append(rk4_step(f, ys[-1], t, h, *params))
    return np.stack(ys)


def growth(y: float, t: float, rate: float, capacity: float) -> float:
    return rate * y * (1 - y / capacity)


def lotka_volterra(y: Array, t: float, params: Array) -> Array:
    prey, predators = y
    a, b, c, d = params
    return np.stack([a * prey - b * prey * predators, d * prey * predators - c * predators])

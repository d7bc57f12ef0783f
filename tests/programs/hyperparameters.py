"""The validation error of ridge regression after a few steps of gradient descent, as a function of rate and penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray


def training_loss(w: Array, log_penalty: float, X: Array, y: Array) -> float:
    return np.mean((X @ w - y) ** 2) + np.exp(log_penalty) * np.sum(w**2)


def validation_error(hyper: dict[str, float], slope: Callable[..., Any], train: Any, valid: Any, steps: int) -> float:
    """Return the validation error; `slope` is the derivative of the training loss with respect to its first argument."""
    w = np.zeros(train[0].shape[1])
    for _ in range(steps):
        w = w - np.exp(hyper["log_rate"]) * slope(w, hyper["log_penalty"], *train)
    X, y = valid
    return np.mean((X @ w - y) ** 2)

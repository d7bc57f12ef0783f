"""Logistic regression with a ridge penalty, labels -1 and 1, the intercept last and not penalised."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def loss(w: Array, X: Array, y: Array, penalty: float) -> float:
    margins = y * (np.dot(X, w[:-1]) + w[-1])
    return np.sum(np.logaddexp(0.0, -margins)) + 0.5 * penalty * np.dot(w[:-1], w[:-1])

"""A Kalman filter: the log likelihood of a linear dynamical system with Gaussian noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray


class System(NamedTuple):
    """x' = A x + noise of covariance Q, y = C x + noise of covariance R, with an initial x of mean m and covariance P."""

    A: Array
    C: Array
    Q: Array
    R: Array
    m: Array
    P: Array


def log_likelihood(system: System, ys: Array) -> float:
    A, C, Q, R, m, P = system
    total = 0.0
    for y in ys:
        S = C @ P @ C.T + R
        error = y - C @ m
        total += -0.5 * (error @ np.linalg.inv(S) @ error + np.log(np.linalg.det(2 * np.pi * S)))
        K = np.linalg.solve(S, C @ P).T
        m, P = m + K @ error, (np.eye(len(m)) - K @ C) @ P
        m, P = A @ m, A @ P @ A.T + Q
    return total

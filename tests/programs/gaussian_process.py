"""Gaussian-process regression: log marginal likelihood by Cholesky (Rasmussen and Williams, algorithm 2.1) and by slogdet."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def kernel(X: Array, Z: Array, params: dict[str, Any]) -> Array:
    scales = np.exp(params["log_scales"])
    squares = np.sum((X[:, None, :] / scales - Z[None, :, :] / scales) ** 2, axis=-1)
    return np.exp(params["log_variance"]) * np.exp(-0.5 * squares)


def covariance(X: Array, params: dict[str, Any]) -> Array:
    return kernel(X, X, params) + np.exp(params["log_noise"]) * np.eye(len(X))


def log_likelihood(params: dict[str, Any], X: Array, y: Array) -> float:
    L = np.linalg.cholesky(covariance(X, params))
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return -0.5 * y @ alpha - np.log(np.diag(L)).sum() - 0.5 * len(y) * np.log(2 * np.pi)


def log_likelihood_by_slogdet(params: dict[str, Any], X: Array, y: Array) -> float:
    K = covariance(X, params)
    sign, logdet = np.linalg.slogdet(K)
    return -0.5 * np.dot(y, np.linalg.solve(K, y)) - 0.5 * logdet - 0.5 * len(y) * np.log(2 * np.pi)


def predict(params: dict[str, Any], X: Array, y: Array, new: Array) -> Array:
    return kernel(new, X, params) @ np.linalg.solve(covariance(X, params), y)

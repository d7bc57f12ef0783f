"""A mixture of Gaussians with diagonal covariances: its log likelihood, unconstrained."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def logsumexp(x: Array, axis: int, keepdims: bool = False) -> Array:
    largest = np.max(x, axis=axis, keepdims=True)
    result = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return result if keepdims else np.squeeze(result, axis=axis)


def log_likelihood(params: dict[str, Array], X: Array) -> float:
    scores, means, log_stds = params["scores"], params["means"], params["log_stds"]
    log_weights = scores - logsumexp(scores, 0)
    z = (X[:, np.newaxis] - means) / np.exp(log_stds)
    log_densities = -0.5 * np.sum(z**2 + 2 * log_stds + np.log(2 * np.pi), axis=-1)
    return logsumexp(log_weights + log_densities, axis=1).mean()

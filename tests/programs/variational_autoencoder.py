"""A variational autoencoder of binary data, and one step of gradient descent on its nested parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray
Params = dict[str, Any]


def init(rng: np.random.Generator, pixels: int, hidden: int, latent: int) -> Params:
    def layer(n: int, m: int) -> Params:
        return {"W": rng.normal(size=(n, m)) / np.sqrt(n), "b": np.zeros(m)}

    return {
        "encoder": {"hidden": layer(pixels, hidden), "mean": layer(hidden, latent), "log_std": layer(hidden, latent)},
        "decoder": [layer(latent, hidden), layer(hidden, pixels)],
    }


def affine(layer: Params, x: Array) -> Array:
    return x @ layer["W"] + layer["b"]


def negative_elbo(params: Params, x: Array, noise: Array) -> float:
    encoder, decoder = params["encoder"], params["decoder"]
    h = np.tanh(affine(encoder["hidden"], x))
    mean, log_std = affine(encoder["mean"], h), affine(encoder["log_std"], h)
    z = mean + np.exp(log_std) * noise
    logits = affine(decoder[1], np.maximum(affine(decoder[0], z), 0))
    log_p = np.sum(x * logits - np.logaddexp(0, logits), axis=1)
    divergence = 0.5 * np.sum(mean**2 + np.exp(2 * log_std) - 1 - 2 * log_std, axis=1)
    return -np.mean(log_p - divergence)


def descend(params: Any, slopes: Any, rate: float) -> Any:
    if isinstance(params, dict):
        return {name: descend(item, slopes[name], rate) for name, item in params.items()}
    if isinstance(params, list):
        return [descend(item, slope, rate) for item, slope in zip(params, slopes, strict=True)]
    return params - rate * slopes

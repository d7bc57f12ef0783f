"""A convolutional network on small pictures: convolution by shifted slices, pooling by reshaping."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def convolve(x: Array, kernels: Array) -> Array:
    """Convolve (batch, channels, height, width) with (new channels, channels, rows, columns), where they overlap fully."""
    rows, columns = kernels.shape[2:]
    height, width = x.shape[2] - rows + 1, x.shape[3] - columns + 1
    out = 0.0
    for i in range(rows):
        for j in range(columns):
            out = out + np.einsum("bchw,dc->bdhw", x[:, :, i : i + height, j : j + width], kernels[:, :, i, j])
    return out


def pool(x: Array) -> Array:
    batch, channels, height, width = x.shape
    return x.reshape(batch, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))


def loss(params: tuple[Array, Array, Array, Array], pictures: Array, labels: Array) -> float:
    kernels, shifts, W, b = params
    h = pool(np.maximum(convolve(pictures, kernels) + shifts[:, None, None], 0))
    scores = h.reshape(len(h), -1) @ W + b
    scores -= np.max(scores, axis=1, keepdims=True)
    log_odds = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -log_odds[np.arange(len(labels)), labels].mean()

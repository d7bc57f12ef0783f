"""A small transformer over letters, like GPT-2: causal attention, layer normalisation and residual connections."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def init(rng: np.random.Generator, letters: int, width: int, blocks: int, time: int) -> dict[str, Any]:
    def matrix(*shape: int) -> Array:
        return rng.normal(size=shape) / np.sqrt(shape[0])

    def block() -> dict[str, Array]:
        return {
            "gain": np.ones((2, width)),
            "shift": np.zeros((2, width)),
            "qkv": matrix(width, 3 * width),
            "out": matrix(width, width),
            "up": matrix(width, 2 * width),
            "down": matrix(2 * width, width),
        }

    return {
        "letters": matrix(letters, width),
        "places": 0.1 * matrix(time, width),
        "blocks": [block() for _ in range(blocks)],
    }


def normalised(x: Array, gain: Array, shift: Array) -> Array:
    mean, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * gain + shift


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def attention(x: Array, qkv: Array, heads: int) -> Array:
    batch, time, width = x.shape
    q, k, v = np.split(x @ qkv, 3, axis=-1)
    q, k, v = (a.reshape(batch, time, heads, width // heads).swapaxes(1, 2) for a in (q, k, v))  # (batch, heads, time, ...)
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(width // heads)
    scores = np.where(np.tril(np.ones((time, time), bool)), scores, -np.inf)
    return (softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(batch, time, width)


def loss(params: dict[str, Any], text: Array, heads: int = 2) -> float:
    """Return the mean cross entropy of each letter after the first; `text` is (batch, time) of letter numbers."""
    now, following = text[:, :-1], text[:, 1:]
    x = params["letters"][now] + params["places"][: now.shape[1]]
    for block in params["blocks"]:
        h = normalised(x, block["gain"][0], block["shift"][0])
        x = x + attention(h, block["qkv"], heads) @ block["out"]
        h = normalised(x, block["gain"][1], block["shift"][1])
        x = x + gelu(h @ block["up"]) @ block["down"]
    odds = softmax(x @ params["letters"].T)
    return -np.mean(np.log(np.take_along_axis(odds, following[..., None], axis=-1)))

"""A long short-term memory over sequences of one-hot letters, as in the example of HIPS autograd."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
Params = dict[str, Array]


def sigmoid(x: Array) -> Array:
    return 0.5 * (np.tanh(x / 2) + 1.0)


def log_likelihood(params: Params, inputs: Array) -> float:
    """Return the log likelihood of each letter given those before it; `inputs` is (time, sequences, letters)."""
    sequences = inputs.shape[1]
    hiddens = np.repeat(params["init hiddens"], sequences, axis=0)
    cells = np.repeat(params["init cells"], sequences, axis=0)
    total = 0.0
    for now, following in zip(inputs[:-1], inputs[1:], strict=True):
        gates = np.dot(np.hstack((now, hiddens, np.ones((sequences, 1)))), params["gates"])
        change, ignore, forget, output = np.split(gates, 4, axis=1)
        cells = cells * sigmoid(forget) + sigmoid(ignore) * np.tanh(change)
        hiddens = sigmoid(output) * np.tanh(cells)
        scores = np.dot(np.hstack((hiddens, np.ones((sequences, 1)))), params["predict"])
        total += np.sum((scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))) * following)
    return total / (len(inputs) * sequences)

"""T5: a training step of a small convolutional network on 28x28 images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import nn
from tests.benchmarks.workloads.columns import (
    BY_HAND,
    RATE,
    Column,
    Training,
    Workload,
    import_jax,
    import_torch,
    in_jax,
    in_mygrad,
    ours,
    pytorch,
)
from tests.benchmarks.workloads.dense import cross_entropy

BATCH = 64
BATCH_FIRST = "NumPy, batch first"
SHAPES = [(8, 1, 3, 3), (8,), (16, 8, 3, 3), (16,), (10, 400), (10,)]


def data(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(BATCH, 1, 28, 28)).astype(dtype), rng.integers(0, 10, BATCH)


def start(dtype: str) -> list[np.ndarray]:
    """Return the first weights and biases, of two convolutions and a linear layer."""
    rng = np.random.default_rng(1)
    return [rng.uniform(-1.0, 1.0, shape).astype(dtype) / np.sqrt(max(np.prod(shape[1:]), 9.0), dtype=dtype) for shape in SHAPES]


# --- NumPy by hand: the batch last in memory, so that windows are copied in long runs, twice as fast --

PLACES = [(row, column) for row in range(3) for column in range(3)]
CORNERS = [(slice(None), slice(row, None, 2), slice(column, None, 2)) for row in range(2) for column in range(2)]


def windows(x: np.ndarray) -> np.ndarray:
    """Return the elements of each window as a matrix (channels * 9, windows * batch)."""
    channels, rows, columns, batch = x.shape
    out = np.empty((channels, 9, rows - 2, columns - 2, batch), x.dtype)
    for k, (row, column) in enumerate(PLACES):
        out[:, k] = x[:, row : row + rows - 2, column : column + columns - 2]
    return out.reshape(channels * 9, -1)


def add_windows(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Add up what windows() copied: its transpose."""
    channels, rows, columns, batch = shape
    parts = g.reshape(channels, 9, rows - 2, columns - 2, batch)
    out = np.zeros(shape, g.dtype)
    for k, (row, column) in enumerate(PLACES):
        out[:, row : row + rows - 2, column : column + columns - 2] += parts[:, k]
    return out


def pool(x: np.ndarray) -> np.ndarray:
    """Return the maxima of 2x2 windows of x (channels, rows, columns, batch)."""
    top = np.maximum(x[CORNERS[0]], x[CORNERS[1]])
    bottom = np.maximum(x[CORNERS[2]], x[CORNERS[3]])
    return np.maximum(top, bottom, out=top)


def unpool(g: np.ndarray, x: np.ndarray, best: np.ndarray, out: np.ndarray) -> None:
    """Write g to the maxima of x where they are positive: back through pool and ReLU."""
    g = g * (best > 0.0)
    for corner in CORNERS:
        np.multiply(g, x[corner] == best, out=out[corner])


def by_hand(dtype: str) -> Column:
    (x, y), parameters = data(dtype), start(dtype)
    w1, b1, w2, b2, w3, b3 = parameters
    flat1, flat2, column1, column2 = w1.reshape(8, 9), w2.reshape(16, 72), b1[:, None], b2[:, None]
    last: list[Any] = []

    def step() -> None:
        met1 = windows(np.ascontiguousarray(x.transpose(1, 2, 3, 0)))
        h1 = flat1 @ met1
        h1 += column1
        np.maximum(h1, 0.0, out=h1)
        h1 = h1.reshape(8, 26, 26, BATCH)
        best1 = pool(h1)  # (8, 13, 13, batch)
        met2 = windows(best1)
        h2 = flat2 @ met2
        h2 += column2
        np.maximum(h2, 0.0, out=h2)
        h2 = h2.reshape(16, 11, 11, BATCH)[:, :10, :10]
        best2 = pool(h2)  # (16, 5, 5, batch)
        features = best2.reshape(400, BATCH).T
        scores = features @ w3.T
        scores += b3
        loss, d = cross_entropy(scores, y)
        d2 = np.zeros((16, 11, 11, BATCH), dtype)
        unpool((w3.T @ d.T).reshape(best2.shape), h2, best2, d2[:, :10, :10])
        rows2 = d2.reshape(16, -1)
        d1 = np.empty((8, 26, 26, BATCH), dtype)
        unpool(add_windows(flat2.T @ rows2, best1.shape), h1, best1, d1)
        rows1 = d1.reshape(8, -1)
        grads = [rows1 @ met1.T, rows1.sum(1), rows2 @ met2.T, rows2.sum(1), d.T @ features, d.sum(0)]
        for parameter, grad in zip((flat1, b1, flat2, b2, w3, b3), grads, strict=True):
            grad *= RATE
            parameter -= grad
        last[:] = [loss]

    return step, lambda: [*last, *parameters]


# --- NumPy as it is usually written: the batch first, channels last -------------------------------


def usual_windows(x: np.ndarray) -> np.ndarray:
    """Return the elements of each window as a matrix (batch * windows, channels * 9), of x (batch, rows, columns, channels)."""
    return np.ascontiguousarray(sliding_window_view(x, (3, 3), (1, 2))).reshape(-1, 9 * x.shape[-1])


def blocks(x: np.ndarray) -> np.ndarray:
    """Return x (batch, rows, columns, channels) with an axis of 2 for the rows, and one for the columns, of each 2x2 window."""
    return x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[3])


def usual_unpool(g: np.ndarray, x: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Return g at the maxima of x where they are positive, as blocks."""
    return (blocks(x) == best[:, :, None, :, None]) * (g * (best > 0.0))[:, :, None, :, None]


def batch_first(dtype: str) -> Column:
    (x, y), parameters = data(dtype), start(dtype)
    w1, b1, w2, b2, w3, b3 = parameters
    flat1, flat2 = w1.reshape(8, 9), w2.reshape(16, 72)
    last: list[Any] = []

    def step() -> None:
        met1 = usual_windows(x.transpose(0, 2, 3, 1))
        h1 = np.maximum(met1 @ flat1.T + b1, 0.0).reshape(BATCH, 26, 26, 8)
        best1 = blocks(h1).max((2, 4))
        met2 = usual_windows(best1)
        h2 = np.maximum(met2 @ flat2.T + b2, 0.0).reshape(BATCH, 11, 11, 16)[:, :10, :10]
        best2 = blocks(h2).max((2, 4))
        features = best2.transpose(0, 3, 1, 2).reshape(BATCH, 400)
        loss, d = cross_entropy(features @ w3.T + b3, y)
        d2 = np.zeros((BATCH, 11, 11, 16), dtype)
        d2[:, :10, :10] = usual_unpool((d @ w3).reshape(BATCH, 16, 5, 5).transpose(0, 2, 3, 1), h2, best2).reshape(h2.shape)
        rows2 = d2.reshape(-1, 16)
        parts = (rows2 @ flat2).reshape(BATCH, 11, 11, 8, 3, 3)
        to_best1 = np.zeros_like(best1)
        for row, column in PLACES:
            to_best1[:, row : row + 11, column : column + 11] += parts[..., row, column]
        rows1 = usual_unpool(to_best1, h1, best1).reshape(-1, 8)
        grads = rows1.T @ met1, rows1.sum(0), rows2.T @ met2, rows2.sum(0), d.T @ features, d.sum(0)
        for parameter, grad in zip((flat1, b1, flat2, b2, w3, b3), grads, strict=True):
            grad *= RATE
            parameter -= grad
        last[:] = [loss]

    return step, lambda: [*last, *parameters]


# --- the libraries --------------------------------------------------------------------------------


def in_valuegrad(dtype: str) -> Training:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, dtype=dtype), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, dtype=dtype), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 10, dtype=dtype),
    )  # fmt: skip
    parameters = list(model.parameters())
    for parameter, array in zip(parameters, start(dtype), strict=True):
        parameter.data = array
    return Training(lambda x, y: nn.cross_entropy(model(x), y), parameters, data(dtype))


def in_pytorch(dtype: str) -> Training:
    torch = import_torch()
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(8, 16, 3), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(400, 10),
    ).to(getattr(torch, dtype))  # fmt: skip
    parameters = list(model.parameters())
    with torch.no_grad():
        for parameter, array in zip(parameters, start(dtype), strict=True):
            parameter.copy_(torch.from_numpy(array))
    return Training(
        lambda x, y: torch.nn.functional.cross_entropy(model(x), y), parameters, tuple(map(torch.from_numpy, data(dtype)))
    )


def for_jax(dtype: str) -> Training:
    jax = import_jax()
    lax = jax.lax

    def layer(x: Any, weight: Any, bias: Any) -> Any:
        x = jax.nn.relu(lax.conv(x, weight, (1, 1), "VALID") + bias[:, None, None])
        return lax.reduce_window(x, -np.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = parameters
        scores = layer(layer(x, w1, b1), w2, b2).reshape(len(x), -1) @ w3.T + b3
        return -jax.nn.log_softmax(scores)[jax.numpy.arange(len(y)), y].mean()

    return Training(loss, list(map(jax.numpy.asarray, start(dtype))), tuple(map(jax.numpy.asarray, data(dtype))))


def for_mygrad(dtype: str) -> Training:
    import mygrad
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import conv_nd, max_pool
    from mygrad.nnet.losses import softmax_crossentropy

    w1, b1, w2, b2, w3, b3 = parameters = [mygrad.tensor(array) for array in start(dtype)]

    def loss(x: Any, y: Any) -> Any:
        h = max_pool(relu(conv_nd(x, w1, stride=1) + b1.reshape(1, 8, 1, 1)), (2, 2), 2)
        h = relu(conv_nd(h, w2, stride=1) + b2.reshape(1, 16, 1, 1))
        h = max_pool(h[:, :, :10, :10], (2, 2), 2)  # its windows must fit
        return softmax_crossentropy(mygrad.matmul(h.reshape(len(x), -1), w3.T) + b3, y)

    return Training(loss, parameters, data(dtype))


T5 = Workload(
    "convolutions 8 and 16 @ 3x3 with ReLU and pooling, 28x28, batch 64",
    {
        BY_HAND: by_hand,
        BATCH_FIRST: batch_first,
        **ours(in_valuegrad),
        **pytorch(in_pytorch),
        **in_jax(for_jax, op_by_op=False),
        **in_mygrad(for_mygrad),
    },
)

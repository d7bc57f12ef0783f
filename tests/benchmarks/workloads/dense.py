"""T1 to T4: training steps of networks of linear layers."""

from __future__ import annotations

from functools import partial
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

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


class Network(NamedTuple):
    """The sizes of its layers, what follows each but the last, and the loss: mean square error or cross-entropy of classes."""

    sizes: tuple[int, ...]
    activation: str
    batch: int
    classes: bool = True


def data(network: Network, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(network.batch, network.sizes[0])).astype(dtype)
    return x, rng.integers(0, network.sizes[-1], network.batch) if network.classes else np.sin(x[:, :1] * 2.0) * x[:, 1:]


def start(network: Network, dtype: str) -> list[np.ndarray]:
    """Return the first parameters: for each layer a weight (out, in) and a bias (out,)."""
    rng = np.random.default_rng(1)
    shapes = [(shape, m) for m, n in pairwise(network.sizes) for shape in ((n, m), (n,))]
    return [rng.uniform(-1.0, 1.0, shape).astype(dtype) / np.sqrt(m, dtype=dtype) for shape, m in shapes]


# --- NumPy by hand --------------------------------------------------------------------------------
# Each activation overwrites its input and has the derivative by its output beside it, which is multiplied to d.


def tanh(h: np.ndarray) -> None:
    np.tanh(h, out=h)


def tanh_slope(d: np.ndarray, h: np.ndarray) -> None:
    slope = h * h
    np.subtract(1.0, slope, out=slope)
    d *= slope


def sigmoid(h: np.ndarray) -> None:
    np.negative(h, out=h)
    np.exp(h, out=h)
    h += 1.0
    np.reciprocal(h, out=h)


def sigmoid_slope(d: np.ndarray, h: np.ndarray) -> None:
    slope = 1.0 - h
    slope *= h
    d *= slope


def relu(h: np.ndarray) -> None:
    np.maximum(h, 0.0, out=h)


def relu_slope(d: np.ndarray, h: np.ndarray) -> None:
    d *= h > 0.0


ACTIVATIONS = {"tanh": (tanh, tanh_slope), "sigmoid": (sigmoid, sigmoid_slope), "relu": (relu, relu_slope)}


def square_error(scores: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the mean square error and its derivative by the scores, which it overwrites."""
    scores -= y
    loss = np.vdot(scores, scores) / scores.size
    scores *= 2.0 / scores.size
    return loss, scores


def cross_entropy(scores: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the mean cross-entropy and its derivative by the scores, which it overwrites."""
    rows = np.arange(len(y))
    scores -= scores.max(1, keepdims=True)
    right = scores[rows, y]
    np.exp(scores, out=scores)
    totals = scores.sum(1, keepdims=True)
    loss = (np.log(totals[:, 0]) - right).mean()
    scores /= totals
    scores[rows, y] -= 1.0
    scores /= len(y)
    return loss, scores


def by_hand(network: Network, dtype: str) -> Column:
    """Return the step with its derivative by hand: temporary arrays are overwritten where they can be."""
    (x, y), parameters = data(network, dtype), start(network, dtype)
    activate, times_slope = ACTIVATIONS[network.activation]
    loss_and_slope = cross_entropy if network.classes else square_error
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    last_weight, last_bias = layers.pop()
    last: list[Any] = []

    def step() -> None:
        h, outputs = x, [x]
        for weight, bias in layers:
            h = h @ weight.T
            h += bias
            activate(h)
            outputs.append(h)
        scores = h @ last_weight.T
        scores += last_bias
        loss, d = loss_and_slope(scores, y)
        grads, after = [d.sum(0), d.T @ h], last_weight
        for weight, _ in reversed(layers):
            d = d @ after
            times_slope(d, outputs.pop())
            grads += d.sum(0), d.T @ outputs[-1]
            after = weight
        for parameter, grad in zip(parameters, reversed(grads), strict=True):
            grad *= RATE
            parameter -= grad
        last[:] = [loss]

    return step, lambda: [*last, *parameters]


# --- the libraries --------------------------------------------------------------------------------


def in_valuegrad(network: Network, dtype: str) -> Training:
    activation = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}[network.activation]
    linears = [nn.Linear(m, n, dtype=dtype) for m, n in pairwise(network.sizes)]
    model = nn.Sequential(*chain.from_iterable((linear, activation()) for linear in linears[:-1]), linears[-1])
    parameters = list(model.parameters())
    for parameter, array in zip(parameters, start(network, dtype), strict=True):
        parameter.data = array
    loss = nn.cross_entropy if network.classes else nn.mse_loss
    return Training(lambda x, y: loss(model(x), y), parameters, data(network, dtype))


def in_pytorch(network: Network, dtype: str) -> Training:
    torch = import_torch()
    activation = {"tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU}[network.activation]
    linears = [torch.nn.Linear(m, n, dtype=getattr(torch, dtype)) for m, n in pairwise(network.sizes)]
    model = torch.nn.Sequential(*chain.from_iterable((linear, activation()) for linear in linears[:-1]), linears[-1])
    parameters = list(model.parameters())
    with torch.no_grad():
        for parameter, array in zip(parameters, start(network, dtype), strict=True):
            parameter.copy_(torch.from_numpy(array))
    loss = torch.nn.functional.cross_entropy if network.classes else torch.nn.functional.mse_loss
    return Training(lambda x, y: loss(model(x), y), parameters, tuple(map(torch.from_numpy, data(network, dtype))))


def for_jax(network: Network, dtype: str) -> Training:
    jax = import_jax()
    activation = {"tanh": jax.numpy.tanh, "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}[network.activation]

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            x = activation(x @ weight.T + bias)
        scores = x @ parameters[-2].T + parameters[-1]
        if network.classes:
            return -jax.nn.log_softmax(scores)[jax.numpy.arange(len(y)), y].mean()
        return ((scores - y) ** 2).mean()

    arrays = list(map(jax.numpy.asarray, start(network, dtype)))
    return Training(loss, arrays, tuple(map(jax.numpy.asarray, data(network, dtype))))


def for_mygrad(network: Network, dtype: str) -> Training:
    import mygrad
    from mygrad.nnet.activations import relu, sigmoid
    from mygrad.nnet.losses import softmax_crossentropy

    activation = {"tanh": mygrad.tanh, "sigmoid": sigmoid, "relu": relu}[network.activation]
    parameters = [mygrad.tensor(array) for array in start(network, dtype)]

    def loss(x: Any, y: Any) -> Any:
        for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            x = activation(mygrad.matmul(x, weight.T) + bias)
        scores = mygrad.matmul(x, parameters[-2].T) + parameters[-1]
        return softmax_crossentropy(scores, y) if network.classes else mygrad.mean((scores - y) ** 2)

    return Training(loss, parameters, data(network, dtype))


def workload(title: str, network: Network, op_by_op: bool) -> Workload:
    columns = {BY_HAND: partial(by_hand, network)}
    columns |= ours(partial(in_valuegrad, network)) | pytorch(partial(in_pytorch, network))
    columns |= in_jax(partial(for_jax, network), op_by_op) | in_mygrad(partial(for_mygrad, network))
    return Workload(title, columns)


T1 = workload("2-16-16-1 with tanh, 100 samples", Network((2, 16, 16, 1), "tanh", 100, classes=False), True)
T2 = workload("784-16-16-10 with sigmoid, batch 32", Network((784, 16, 16, 10), "sigmoid", 32), False)
T3 = workload("784-128-10 with ReLU, batch 64", Network((784, 128, 10), "relu", 64), True)
T4 = workload("784-512-512-10 with ReLU, batch 256", Network((784, 512, 512, 10), "relu", 256), False)

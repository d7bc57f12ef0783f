"""T6: a training step of an LSTM; its data, parameters and NumPy by hand are those of tests.benchmarks.lstm."""

from __future__ import annotations

from typing import Any

import nn
from tests.benchmarks import lstm
from tests.benchmarks.workloads.columns import (
    BY_HAND,
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


def by_hand(dtype: str) -> Column:
    parameters = lstm.parameters(dtype)
    step, _ = lstm.by_hand(dtype, parameters)
    last: list[Any] = []

    def run() -> None:
        last[:] = [step()]

    return run, lambda: [*last, *parameters]


def in_valuegrad(dtype: str) -> Training:
    layer, readout = nn.LSTM(lstm.INPUT, lstm.HIDDEN, dtype=dtype), nn.Linear(lstm.HIDDEN, 1, dtype=dtype)
    parameters = [*(getattr(layer, name) for name in lstm.NAMES), readout.weight, readout.bias]
    for parameter, array in zip(parameters, lstm.parameters(dtype), strict=True):
        parameter.data = array
    return Training(lambda x, y: nn.mse_loss(readout(layer(x)[1][0][0]), y), parameters, lstm.data(dtype))


def in_pytorch(dtype: str) -> Training:
    torch = import_torch()
    kind = getattr(torch, dtype)
    layer, readout = torch.nn.LSTM(lstm.INPUT, lstm.HIDDEN, dtype=kind), torch.nn.Linear(lstm.HIDDEN, 1, dtype=kind)
    parameters = [*(getattr(layer, name) for name in lstm.NAMES), readout.weight, readout.bias]
    with torch.no_grad():
        for parameter, array in zip(parameters, lstm.parameters(dtype), strict=True):
            parameter.copy_(torch.from_numpy(array))
    x, y = map(torch.from_numpy, lstm.data(dtype))
    return Training(lambda x, y: torch.nn.functional.mse_loss(readout(layer(x)[1][0][0]), y), parameters, (x, y))


def for_jax(dtype: str) -> Training:
    jax = import_jax()
    numpy, sigmoid = jax.numpy, jax.nn.sigmoid

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        w_ih, w_hh, b_ih, b_hh, w_out, b_out = parameters

        def advance(state: Any, projected: Any) -> Any:
            hidden, cell = state
            i, f, g, o = numpy.split(projected + hidden @ w_hh.T, 4, axis=1)
            cell = sigmoid(f) * cell + sigmoid(i) * numpy.tanh(g)
            return (sigmoid(o) * numpy.tanh(cell), cell), None

        zeros = numpy.zeros((lstm.BATCH, lstm.HIDDEN), dtype)
        (hidden, _), _ = jax.lax.scan(advance, (zeros, zeros), x @ w_ih.T + (b_ih + b_hh))
        return ((hidden @ w_out.T + b_out - y) ** 2).mean()

    return Training(loss, list(map(numpy.asarray, lstm.parameters(dtype))), tuple(map(numpy.asarray, lstm.data(dtype))))


def for_mygrad(dtype: str) -> Training:
    import mygrad
    import numpy as np
    from mygrad.nnet.activations import sigmoid

    w_ih, w_hh, b_ih, b_hh, w_out, b_out = parameters = [mygrad.tensor(array) for array in lstm.parameters(dtype)]
    n = lstm.HIDDEN

    def loss(x: Any, y: Any) -> Any:
        hidden: Any = np.zeros((lstm.BATCH, n), dtype)
        cell: Any = np.zeros((lstm.BATCH, n), dtype)
        both = b_ih + b_hh
        for projected in x:
            block = mygrad.matmul(projected, w_ih.T) + both + mygrad.matmul(hidden, w_hh.T)
            i, f, g, o = (block[:, k : k + n] for k in range(0, 4 * n, n))
            cell = sigmoid(f) * cell + sigmoid(i) * mygrad.tanh(g)
            hidden = sigmoid(o) * mygrad.tanh(cell)
        return mygrad.mean((mygrad.matmul(hidden, w_out.T) + b_out - y) ** 2)

    return Training(loss, parameters, lstm.data(dtype))


T6 = Workload(
    "LSTM with 64 units, 32 inputs, 50 steps, batch 32",
    {
        BY_HAND: by_hand, **ours(in_valuegrad), **pytorch(in_pytorch, compile_too=False), **in_jax(for_jax, op_by_op=False),
        **in_mygrad(for_mygrad),
    },
)  # fmt: skip

"""Time a training step of an LSTM, 32 inputs, 64 hidden, 50 steps, batch 32: ours, PyTorch eager, NumPy by hand.

The loss is the mean square error of a linear readout of the last state, the optimiser plain SGD, in float64 and float32. All
run in turns in one process, with one thread, after a comparison of their gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
from tests.benchmarks.timing import write_shown
from tests.benchmarks.vectorised import Step, compare
from tests.benchmarks.workloads.columns import RATE

TIME, BATCH, INPUT, HIDDEN = 50, 32, 32, 64
NAMES = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]


def data(dtype: str) -> tuple[Any, Any]:
    """Return a batch of sequences, and a number for each."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(TIME, BATCH, INPUT)).astype(dtype), rng.normal(size=(BATCH, 1)).astype(dtype)


def parameters(dtype: str) -> list[Any]:
    """Return the parameters of the LSTM, then weight and bias of the readout."""
    rng, bound = np.random.default_rng(1), HIDDEN**-0.5
    shapes = [(4 * HIDDEN, INPUT), (4 * HIDDEN, HIDDEN), (4 * HIDDEN,), (4 * HIDDEN,), (1, HIDDEN), (1,)]
    return [rng.uniform(-bound, bound, shape).astype(dtype) for shape in shapes]


def ours(dtype: str) -> tuple[Step, Any]:
    """Return our step, and a function that returns the gradients of the last one."""
    x, y = data(dtype)
    lstm, readout = nn.LSTM(INPUT, HIDDEN, dtype=dtype), nn.Linear(HIDDEN, 1, dtype=dtype)
    leaves = [*(getattr(lstm, name) for name in NAMES), readout.weight, readout.bias]
    for leaf, array in zip(leaves, parameters(dtype), strict=True):
        leaf.data = array
    optimiser = nn.SGD(leaves, lr=RATE)

    def step() -> None:
        _, (h_n, _) = lstm(x)
        loss = nn.mse_loss(readout(h_n[0]), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step, lambda: [leaf.grad for leaf in leaves]


def by_hand(dtype: str, leaves: list[Any] | None = None) -> tuple[Step, Any]:
    """Return the same step with its derivative by hand: one product a time step each way, gradients of weights at the end."""
    x, y = data(dtype)
    w_ih, w_hh, b_ih, b_hh, w_out, b_out = leaves = leaves or parameters(dtype)
    rows, n, grads = x.reshape(-1, INPUT), HIDDEN, []  # type: ignore[var-annotated]

    def step() -> Any:
        projected = (rows @ w_ih.T + (b_ih + b_hh)).reshape(TIME, BATCH, 4 * n)
        gates, bent = np.empty((TIME, BATCH, 4 * n), dtype), np.empty((TIME, BATCH, n), dtype)
        hidden, cells = np.zeros((TIME + 1, BATCH, n), dtype), np.zeros((TIME + 1, BATCH, n), dtype)
        for t in range(TIME):
            block = np.matmul(hidden[t], w_hh.T, out=gates[t])
            block += projected[t]
            candidate = np.tanh(block[:, 2 * n : 3 * n])
            np.negative(block, out=block)
            np.exp(block, out=block)
            block += 1.0
            np.reciprocal(block, out=block)  # the sigmoid of all
            block[:, 2 * n : 3 * n] = candidate
            np.multiply(block[:, n : 2 * n], cells[t], out=cells[t + 1])
            cells[t + 1] += block[:, :n] * candidate
            np.tanh(cells[t + 1], out=bent[t])
            np.multiply(block[:, 3 * n :], bent[t], out=hidden[t + 1])
        error = hidden[-1] @ w_out.T + b_out - y
        loss = np.square(error).mean()
        to_out = error * (2.0 / error.size)
        to_hidden, to_cell = to_out @ w_out, np.zeros((BATCH, n), dtype)
        to_gates = np.empty((TIME, BATCH, 4 * n), dtype)
        for t in reversed(range(TIME)):
            block, to_block = gates[t], to_gates[t]
            i, f, g, o = (block[:, k : k + n] for k in range(0, 4 * n, n))
            slope = block * (1.0 - block)
            slope[:, 2 * n : 3 * n] = 1.0 - g * g
            to_cell += to_hidden * o * (1.0 - bent[t] * bent[t])
            np.multiply(to_cell, g, out=to_block[:, :n])
            np.multiply(to_cell, cells[t], out=to_block[:, n : 2 * n])
            np.multiply(to_cell, i, out=to_block[:, 2 * n : 3 * n])
            np.multiply(to_hidden, bent[t], out=to_block[:, 3 * n :])
            to_block *= slope
            to_hidden = to_block @ w_hh
            to_cell *= f
        all_gates = to_gates.reshape(-1, 4 * n)
        to_bias = all_gates.sum(0)
        to_w_hh = all_gates.T @ hidden[:-1].reshape(-1, n)
        grads[:] = all_gates.T @ rows, to_w_hh, to_bias, to_bias, to_out.T @ hidden[-1], to_out.sum(0)
        for array, grad in zip(leaves, grads, strict=True):
            array -= RATE * grad
        return loss

    return step, lambda: grads


def pytorch(dtype: str) -> tuple[Step, Any]:
    """Return the same step in PyTorch, eager."""
    import torch

    torch.set_num_threads(1)
    x, y = (torch.tensor(array) for array in data(dtype))
    kind = getattr(torch, dtype)
    lstm, readout = torch.nn.LSTM(INPUT, HIDDEN, dtype=kind), torch.nn.Linear(HIDDEN, 1, dtype=kind)
    leaves = [*(getattr(lstm, name) for name in NAMES), readout.weight, readout.bias]
    with torch.no_grad():
        for leaf, array in zip(leaves, parameters(dtype), strict=True):
            leaf.copy_(torch.tensor(array))
    optimiser = torch.optim.SGD(leaves, lr=RATE)

    def step() -> None:
        _, (h_n, _) = lstm(x)
        loss = torch.nn.functional.mse_loss(readout(h_n[0]), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step, lambda: [leaf.grad.numpy() for leaf in leaves]


def main() -> None:
    compare({"NumPy by hand": by_hand, "valuegrad": ours, "PyTorch eager": pytorch}, 3)
    write_shown("lstm")


if __name__ == "__main__":
    main()

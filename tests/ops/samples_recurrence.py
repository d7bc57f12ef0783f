"""Samples of the recurrent operations, in the form of tests/ops/samples.py: expected values sample by sample, step by step."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from autograd.ops import functions
from tests.ops.samples import Sample, number

TIME, BATCH, HIDDEN = 3, 2, 2
KEPT = np.arange(TIME)[:, None] < np.array([TIME, 1])


def logistic(x: Any) -> Any:
    return np.exp(x) / (np.exp(x) + 1.0)


def rnn_step(x: Any, weight: Any, state: list[Any], nonlinearity: str) -> list[Any]:
    total = x + weight @ state[0]
    return [np.tanh(total) if nonlinearity == "tanh" else total * (total > 0)]


def lstm_step(x: Any, weight: Any, state: list[Any]) -> list[Any]:
    i, f, g, o = np.split(x + weight @ state[0], 4)
    cell = logistic(f) * state[1] + logistic(i) * np.tanh(g)
    return [logistic(o) * np.tanh(cell), cell]


def gru_step(x: Any, weight: Any, bias: Any, state: list[Any]) -> list[Any]:
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(x, 3), np.split(weight @ state[0] + bias, 3)
    z = logistic(x_z + h_z)
    return [(1.0 - z) * np.tanh(x_n + logistic(x_r + h_r) * h_n) + z * state[0]]


def run(step: Any, x: Any, states: Any, kept: Any, reverse: bool) -> Any:
    """All outputs, flattened: the hidden states of all steps, then the last state; `step` is that of one vector."""
    out, last = np.zeros((*x.shape[:2], HIDDEN)), [np.array(state) for state in states]
    for sample, t in product(range(x.shape[1]), range(len(x))[:: -1 if reverse else 1]):
        if kept is None or kept[t, sample]:
            state = step(x[t, sample], [part[sample] for part in last])
            out[t, sample] = state[0]
            for part, new in zip(last, state, strict=True):
                part[sample] = new
    return np.concatenate([part.ravel() for part in (out, *last)])


def in_a_row(parts: Any) -> Any:
    return functions()["concatenate"](list(parts), None)


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the function: all outputs together, so that their cotangents meet."""
    found: dict[str, list[Sample]] = {"rnn": [], "lstm": [], "gru": []}
    rnn, lstm, gru = (functions()[name] for name in found)

    def r(*shape: int) -> Any:
        return number(rng, -2.0, 2.0, shape)

    def inputs(gates: int, time: int = TIME) -> list[Any]:
        return [r(time, BATCH, gates * HIDDEN), r(gates * HIDDEN, HIDDEN)]

    state = (BATCH, HIDDEN)
    for kept, reverse in [(None, False), (KEPT, True), (None, True), (KEPT, False)]:
        note = f"kept={kept is not None} reverse={reverse}"
        for kind in ("tanh", "relu"):
            found["rnn"].append(Sample(
                f"rnn {kind} {note}", lambda x, w, h, n=kind, k=kept, b=reverse: in_a_row(rnn(x, w, h, n, k, b)),
                [*inputs(1), r(*state)],
                lambda x, w, h, n=kind, k=kept, b=reverse: run(lambda x, s: rnn_step(x, w, s, n), x, [h], k, b)))  # fmt: skip
        found["lstm"].append(Sample(
            f"lstm {note}", lambda x, w, h, c, k=kept, b=reverse: in_a_row(lstm(x, w, h, c, k, b)),
            [*inputs(4), r(*state), r(*state)],
            lambda x, w, h, c, k=kept, b=reverse: run(lambda x, s: lstm_step(x, w, s), x, [h, c], k, b)))  # fmt: skip
        found["gru"].append(Sample(
            f"gru {note}", lambda x, w, p, h, k=kept, b=reverse: in_a_row(gru(x, w, p, h, k, b)),
            [*inputs(3), r(3 * HIDDEN), r(*state)],
            lambda x, w, p, h, k=kept, b=reverse: run(lambda x, s: gru_step(x, w, p, s), x, [h], k, b)))  # fmt: skip
    found["gru"].append(Sample(
        "gru no bias, one step", lambda x, w, h: in_a_row(gru(x, w, None, h)), [*inputs(3, 1), r(*state)],
        lambda x, w, h: run(lambda x, s: gru_step(x, w, 0.0, s), x, [h], None, False)))  # fmt: skip
    return found

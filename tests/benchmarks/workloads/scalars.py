"""S1 and S2: scalar code. micrograd's moons network neuron by neuron, and a chain of a million operations."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

import autograd
import nn
from tests.benchmarks.moons import SIZES, moons, parameters
from tests.benchmarks.scalars import loss_of
from tests.benchmarks.workloads.columns import (
    BY_HAND,
    CASADI,
    COMPILED_STEP,
    EAGER,
    MICROGRAD,
    RATE,
    Column,
    Training,
    Workload,
    compiled,
    ours,
)
from tests.benchmarks.workloads.elementwise import column

DECAY = 1e-4


def data() -> tuple[list[list[float]], list[float]]:
    points, labels = moons()
    return points.tolist(), labels.tolist()


def start() -> list[float]:
    """Return the first parameters, neuron by neuron: its weights, then its bias."""
    neurons = [zip(weight.tolist(), bias.tolist(), strict=True) for weight, bias in parameters()]
    return [number for weights, bias in chain.from_iterable(neurons) for number in (*weights, bias)]


# --- S1 -------------------------------------------------------------------------------------------


def by_hand(dtype: str) -> Column:
    """Return the step on arrays."""
    x, y = (array.astype(dtype) for array in moons())
    y = y[:, None]
    arrays = [array.astype(dtype) for pair in parameters() for array in pair]
    w1, b1, w2, b2, w3, b3 = arrays
    last: list[Any] = []

    def step() -> None:
        h1 = x @ w1.T
        h1 += b1
        np.maximum(h1, 0.0, out=h1)
        h2 = h1 @ w2.T
        h2 += b2
        np.maximum(h2, 0.0, out=h2)
        margin = h2 @ w3.T
        margin += b3
        margin *= y
        np.subtract(1.0, margin, out=margin)
        d3 = np.where(margin > 0.0, y, 0.0)
        d3 *= -1.0 / len(x)
        d2 = d3 @ w3
        d2 *= h2 > 0.0
        d1 = d2 @ w2
        d1 *= h1 > 0.0
        loss = np.maximum(margin, 0.0).mean()
        grads = d1.T @ x, d1.sum(0), d2.T @ h1, d2.sum(0), d3.T @ h2, d3.sum(0)
        for array, grad in zip(arrays, grads, strict=True):
            loss += DECAY * np.vdot(array, array)
            grad += 2.0 * DECAY * array
            grad *= RATE
            array -= grad
        last[:] = [loss]

    def state() -> list[Any]:
        rows = [np.concatenate([w, b[:, None]], 1).ravel() for w, b in zip(arrays[::2], arrays[1::2], strict=True)]
        return [*last, *np.concatenate(rows)]

    return step, state


def in_valuegrad(dtype: str) -> Training:
    model = nn.MLP(2, list(SIZES[1:]))
    leaves = list(model.parameters())
    for leaf, number in zip(leaves, start(), strict=True):
        leaf.data = number
    return Training(lambda points, labels: loss_of(model, autograd.Value, points, labels), leaves, data())


def in_micrograd(dtype: str) -> Column:
    from micrograd.engine import Value
    from micrograd.nn import MLP

    model, (points, labels) = MLP(2, list(SIZES[1:])), data()
    for leaf, number in zip(model.parameters(), start(), strict=True):
        leaf.data = number
    last: list[Any] = []

    def step() -> None:
        loss = loss_of(model, Value, points, labels)
        model.zero_grad()
        loss.backward()
        for leaf in model.parameters():
            leaf.data -= RATE * leaf.grad
        last[:] = [loss.data]

    return step, lambda: [*last, *(leaf.data for leaf in model.parameters())]


def in_casadi(dtype: str) -> Column:
    """Return the step of a graph of scalars that is built once, with its gradient, and evaluated by CasADi's virtual machine."""
    import casadi

    (points, labels), numbers = data(), np.array(start())
    symbols, x, y = casadi.SX.sym("p", len(numbers)), casadi.SX.sym("x", 2 * len(points)), casadi.SX.sym("y", len(labels))
    given = iter(casadi.vertsplit(symbols))
    layers = [[[next(given) for _ in range(m + 1)] for _ in range(n)] for m, n in zip(SIZES, SIZES[1:], strict=False)]
    total: Any = 0.0
    for k in range(len(points)):
        h: list[Any] = [x[2 * k], x[2 * k + 1]]
        for layer in layers:
            h = [sum((w * part for w, part in zip(weights, h, strict=False)), weights[-1]) for weights in layer]
            h = h if layer is layers[-1] else [casadi.fmax(part, 0.0) for part in h]
        total += casadi.fmax(1.0 - y[k] * h[0], 0.0)
    loss = total / len(points) + DECAY * casadi.sumsqr(symbols)
    f = casadi.Function("f", [symbols, x, y], [loss, casadi.gradient(loss, symbols)])
    held: list[Any] = [None, numbers]
    flat, signs = np.ravel(points), np.array(labels)

    def step() -> None:
        value, grad = f(held[1], flat, signs)
        held[:] = float(value), held[1] - RATE * grad.full()[:, 0]

    return step, lambda: [held[0], *held[1]]


S1 = Workload(
    "micrograd's moons loss, neuron by neuron, 100 samples",
    {BY_HAND: by_hand, **ours(in_valuegrad), MICROGRAD: in_micrograd, CASADI: in_casadi},
    dtypes=("float64",),
    rounds=5,
)

# --- S2 -------------------------------------------------------------------------------------------

LENGTH = 1_000_000


def multiples(x: Any) -> Any:
    """Apply LENGTH operations, a product and a sum in turns."""
    for _ in range(LENGTH // 2):
        x = x * 1.000001 + 0.000001
    return x


def floats(dtype: str) -> Column:
    """Return value and derivative in Python floats: the least time without compiling anything."""

    def compute() -> tuple[float, float]:
        value, g = multiples(1.0), 1.0
        for _ in range(LENGTH // 2):
            g = g * 1.000001
        return value, g

    return column(compute)


def chain_in_casadi(dtype: str) -> Column:
    import casadi

    x = casadi.SX.sym("x")
    value = multiples(x)
    f = casadi.Function("f", [x], [value, casadi.gradient(value, x)])
    return column(lambda: [float(number) for number in f(1.0)])


S2 = Workload(
    "a chain of 1,000,000 operations on one number; by hand in Python floats",
    {
        BY_HAND: floats,
        COMPILED_STEP: lambda dtype: column_of(compiled(autograd.value_and_grad(multiples))),
        EAGER: lambda dtype: column_of(autograd.value_and_grad(multiples)),
        CASADI: chain_in_casadi,
    },
    dtypes=("float64",),
    warm_up=3,
    rounds=3,
)


def column_of(function: Any) -> Column:
    return column(lambda: function(1.0))

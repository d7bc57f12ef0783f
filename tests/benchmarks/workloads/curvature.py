"""T9: the Hessian of the loss of a network with 200 parameters, 8 inputs and 20 tanh units, on 50 samples."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
from tests.benchmarks.workloads.columns import (
    BY_HAND,
    COMPILED_LOSS,
    COMPILED_STEP,
    EAGER,
    JAX,
    JAX_JIT,
    PYTORCH,
    Column,
    Workload,
    compiled,
    import_jax,
    import_torch,
)
from tests.benchmarks.workloads.elementwise import column

SAMPLES, INPUTS, UNITS = 50, 8, 20
WEIGHTS = INPUTS * UNITS


def data(dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, targets, and all parameters in a vector: weights (units, inputs), biases, weights of the output."""
    rng = np.random.default_rng(0)
    x, theta = rng.normal(size=(SAMPLES, INPUTS)), rng.normal(size=WEIGHTS + 2 * UNITS) / np.sqrt(INPUTS)
    return x.astype(dtype), np.sin(x[:, 0]).astype(dtype), theta.astype(dtype)


def loss(theta: Any, x: Any, y: Any, module: Any) -> Any:
    weight, bias, out = theta[:WEIGHTS].reshape(UNITS, INPUTS), theta[WEIGHTS : WEIGHTS + UNITS], theta[WEIGHTS + UNITS :]
    return ((module.tanh(x @ weight.T + bias) @ out - y) ** 2).mean()


def by_hand(dtype: str) -> Column:
    """Return the Hessian 2 / n (J' J + the sum of residuals times second derivatives), J being that of the predictions."""
    x, y, theta = data(dtype)
    weight, bias, out = theta[:WEIGHTS].reshape(UNITS, INPUTS), theta[WEIGHTS : WEIGHTS + UNITS], theta[WEIGHTS + UNITS :]
    wide = np.concatenate([x, np.ones((SAMPLES, 1), dtype)], 1)  # (samples, inputs and 1 of the bias)
    units = np.arange(UNITS)
    places = np.concatenate(
        [units[:, None] * INPUTS + np.arange(INPUTS), WEIGHTS + units[:, None]], 1
    )  # (units, inputs and bias)
    outs = WEIGHTS + UNITS + units

    def compute() -> list[Any]:
        h = np.tanh(x @ weight.T + bias)  # (samples, units)
        slope = 1.0 - h * h
        residual = (h @ out - y) * (2.0 / SAMPLES)
        by_unit = (slope * out)[:, :, None] * wide[:, None, :]  # (samples, units, inputs and bias)
        jacobian = np.empty((SAMPLES, len(theta)), dtype)
        jacobian[:, :WEIGHTS] = by_unit[:, :, :INPUTS].reshape(SAMPLES, WEIGHTS)
        jacobian[:, WEIGHTS : WEIGHTS + UNITS] = by_unit[:, :, INPUTS]
        jacobian[:, WEIGHTS + UNITS :] = h
        hessian = jacobian.T @ jacobian
        hessian *= 2.0 / SAMPLES
        curved = residual[:, None] * slope
        twice = (-2.0 * curved * h * out).T[:, None, :] * wide.T @ wide  # (units, inputs and bias, the same)
        hessian[places[:, :, None], places[:, None, :]] += twice
        mixed = curved.T @ wide  # (units, inputs and bias): by an output weight and what is before its unit
        hessian[outs[:, None], places] += mixed
        hessian[places, outs[:, None]] += mixed
        return [hessian]

    return column(compute)


def in_valuegrad(inner: Any, outer: Any) -> Any:
    def make(dtype: str) -> Column:
        x, y, theta = data(dtype)
        f = outer(autograd.hessian(inner(lambda theta: loss(theta, x, y, np))))
        return column(lambda: [f(theta)])

    return make


def in_pytorch(dtype: str) -> Column:
    torch = import_torch()
    x, y, theta = map(torch.from_numpy, data(dtype))
    f = torch.func.hessian(lambda theta: loss(theta, x, y, torch))
    return column(lambda: [f(theta)])


def in_jax(jit: bool) -> Any:
    def make(dtype: str) -> Column:
        jax = import_jax()
        x, y, theta = map(jax.numpy.asarray, data(dtype))
        f = jax.hessian(lambda theta: loss(theta, x, y, jax.numpy))
        f = jax.jit(f) if jit else f
        return column(lambda: [f(theta).block_until_ready()])

    return make


def plain(function: Any) -> Any:
    return function


T9 = Workload(
    "Hessian of a network with 200 parameters, 50 samples",
    {
        BY_HAND: by_hand,
        COMPILED_STEP: in_valuegrad(plain, compiled),
        COMPILED_LOSS: in_valuegrad(compiled, plain),
        EAGER: in_valuegrad(plain, plain),
        PYTORCH: in_pytorch,
        JAX_JIT: in_jax(True),
        JAX: in_jax(False),
    },
)

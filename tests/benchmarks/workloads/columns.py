"""The columns that most workloads share: one training step by valuegrad, eager and compiled, and by other libraries.

A workload gives each library its loss, parameters and data. A column is a step to time and its state, the arrays that must
be the same in all columns after the same number of steps. A column whose library is missing raises ImportError.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
import nn

Step = Callable[[], Any]
State = Callable[[], Sequence[Any]]
Column = tuple[Step, State]
Maker = Callable[[str], Column]  # from a dtype

BY_HAND, COMPILED_STEP, COMPILED_LOSS, EAGER = "NumPy by hand", "compiled step", "compiled loss", "eager"
PYTORCH, TORCH_COMPILE, JAX_JIT, JAX, MYGRAD = "PyTorch", "torch.compile", "jax.jit", "JAX op by op", "MyGrad"
MICROGRAD, CASADI, NUMEXPR = "micrograd", "CasADi", "numexpr"
OURS = (COMPILED_STEP, COMPILED_LOSS, EAGER)
RATE = 0.01


class Workload(NamedTuple):
    """What is timed: a line for the table, a maker for each column, and how closely the columns must agree."""

    title: str
    columns: dict[str, Maker]
    dtypes: tuple[str, ...] = ("float32", "float64")
    warm_up: int = 10  # steps, so that what is compiled at the first calls is compiled, or has been given up
    rounds: int = 31
    within: dict[str, float] = {"float32": 2e-4, "float64": 1e-9}  # noqa: RUF012


class Training(NamedTuple):
    """A loss to minimise. For valuegrad, PyTorch and MyGrad it takes the data, for JAX the parameters and the data."""

    loss: Callable[..., Any]
    parameters: list[Any]
    data: tuple[Any, ...]


def compiled(function: Callable[..., Any]) -> Any:
    """Return ``autograd.compile(function)``."""
    if not hasattr(autograd, "compile"):
        raise ImportError("this version of autograd has no compile()")
    return autograd.compile(function)


# --- valuegrad ------------------------------------------------------------------------------------


def our_step(training: Training, decorate: Callable[[Any], Any], decorate_loss: Callable[[Any], Any]) -> Column:
    loss, optimizer = decorate_loss(training.loss), nn.SGD(training.parameters, lr=RATE)
    last: list[Any] = []

    @decorate
    def step(*data: Any) -> autograd.Value:
        optimizer.zero_grad()
        value = loss(*data)
        value.backward()
        optimizer.step()
        return value

    def run() -> None:
        last[:] = [step(*training.data)]

    return run, lambda: [last[0].item(), *(parameter.data for parameter in training.parameters)]


def ours(make: Callable[[str], Training]) -> dict[str, Maker]:
    """Return the columns of valuegrad: the whole step compiled, only the loss compiled, and nothing compiled."""

    def plain(function: Any) -> Any:
        return function

    return {
        COMPILED_STEP: lambda dtype: our_step(make(dtype), compiled, plain),
        COMPILED_LOSS: lambda dtype: our_step(make(dtype), plain, compiled),
        EAGER: lambda dtype: our_step(make(dtype), plain, plain),
    }


# --- other libraries ------------------------------------------------------------------------------


def import_torch() -> Any:
    import torch

    torch.set_num_threads(1)
    return torch


def import_jax() -> Any:
    """Import JAX with float64 and one thread."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


def pytorch(make: Callable[[str], Training], compile_too: bool = True) -> dict[str, Maker]:
    """Return the columns of PyTorch, with its SGD outside of what it compiles."""

    def column(dtype: str, wrap: Callable[[Any, Any], Any]) -> Column:
        torch = import_torch()
        training = make(dtype)
        loss, optimizer = wrap(torch, training.loss), torch.optim.SGD(training.parameters, lr=RATE)
        last: list[Any] = []

        def step() -> None:
            optimizer.zero_grad()
            value = loss(*training.data)
            value.backward()
            optimizer.step()
            last[:] = [value]

        return step, lambda: [last[0].item(), *(parameter.detach().numpy() for parameter in training.parameters)]

    columns = {PYTORCH: lambda dtype: column(dtype, lambda torch, loss: loss)}
    if compile_too:
        columns[TORCH_COMPILE] = lambda dtype: column(dtype, lambda torch, loss: torch.compile(loss))
    return columns


def in_jax(make: Callable[[str], Training], op_by_op: bool = True) -> dict[str, Maker]:
    """Return the columns of JAX: the whole step in one jax.jit, its parameters donated; and without jit."""

    def column(dtype: str, jit: bool) -> Column:
        jax = import_jax()
        training = make(dtype)

        def update(parameters: Any, *data: Any) -> Any:
            value, grads = jax.value_and_grad(training.loss)(parameters, *data)
            return [parameter - RATE * grad for parameter, grad in zip(parameters, grads, strict=True)], value

        run = jax.jit(update, donate_argnums=0) if jit else update
        held: list[Any] = [training.parameters, None]

        def step() -> None:
            held[:] = jax.block_until_ready(run(held[0], *training.data))

        return step, lambda: [float(held[1]), *map(np.asarray, held[0])]

    columns = {JAX_JIT: lambda dtype: column(dtype, True)}
    if op_by_op:
        columns[JAX] = lambda dtype: column(dtype, False)
    return columns


def in_mygrad(make: Callable[[str], Training]) -> dict[str, Maker]:
    """Return the column of MyGrad."""

    def column(dtype: str) -> Column:
        training = make(dtype)
        last: list[Any] = []

        def step() -> None:
            value = training.loss(*training.data)
            value.backward()
            for parameter in training.parameters:
                parameter.data -= RATE * parameter.grad
                parameter.null_grad()
            last[:] = [value.item()]

        return step, lambda: [last[0], *(parameter.data for parameter in training.parameters)]

    return {MYGRAD: column}

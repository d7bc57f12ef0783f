"""Activations equal PyTorch's, forward and all gradients, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nn
from autograd import Value, gradient
from autograd.ops import leaky_relu

CLOSE = {"rtol": 1e-10, "atol": 1e-10}

CASES: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
    ("relu", nn.relu, F.relu),
    ("relu6", nn.relu6, F.relu6),
    ("leaky_relu", lambda x: leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    ("elu", nn.elu, F.elu),
    ("elu 0.5", lambda x: nn.elu(x, 0.5), lambda x: F.elu(x, 0.5)),
    ("elu 2", lambda x: nn.elu(x, alpha=2.0), lambda x: F.elu(x, 2.0)),
    ("selu", nn.selu, F.selu),
    ("celu", nn.celu, F.celu),
    ("celu 0.5", lambda x: nn.celu(x, 0.5), lambda x: F.celu(x, 0.5)),
    ("celu 2", lambda x: nn.celu(x, 2.0), lambda x: F.celu(x, 2.0)),
    ("gelu", nn.gelu, F.gelu),
    ("gelu tanh", lambda x: nn.gelu(x, "tanh"), lambda x: F.gelu(x, approximate="tanh")),
    ("silu", nn.silu, F.silu),
    ("mish", nn.mish, F.mish),
    ("softplus", nn.softplus, lambda x: F.softplus(x, threshold=1e9)),
    ("softplus 3", nn.Softplus(3.0), lambda x: F.softplus(x, 3.0, threshold=1e9)),
    ("softsign", nn.softsign, F.softsign),
    ("sigmoid", nn.sigmoid, F.sigmoid),
    ("hard_sigmoid", nn.hard_sigmoid, lambda x: F.relu6(x + 3.0) / 6.0),  # hardsigmoid's slope of a sixth is a float32 there
    ("tanh", nn.tanh, F.tanh),
    ("hard_tanh", nn.hard_tanh, F.hardtanh),
    ("hard_tanh 0 2", lambda x: nn.hard_tanh(x, 0.0, 2.0), lambda x: F.hardtanh(x, 0.0, 2.0)),
    ("softmax", nn.softmax, lambda x: F.softmax(x, -1)),
    ("softmax 0", lambda x: nn.softmax(x, 0), lambda x: F.softmax(x, 0)),
    ("log_softmax", nn.log_softmax, lambda x: F.log_softmax(x, -1)),
    ("log_softmax 1", lambda x: nn.log_softmax(x, 1), lambda x: F.log_softmax(x, 1)),
    ("glu", nn.glu, F.glu),
    ("glu 0", lambda x: nn.glu(x, 0), lambda x: F.glu(x, 0)),
]


@pytest.mark.parametrize("scale", [0.3, 3.0, 30.0])
@pytest.mark.parametrize(("ours", "theirs"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_functions(ours: Callable[..., Any], theirs: Callable[..., Any], scale: float) -> None:
    rng = np.random.default_rng(0)
    data, seed = rng.normal(size=(4, 3, 6)) * scale, rng.normal(size=(4, 3, 6))
    x, x_torch = Value(data), torch.tensor(data, requires_grad=True)
    out, out_torch = ours(x), theirs(x_torch)
    seed = seed[tuple(map(slice, out.shape))]
    np.testing.assert_allclose(out.data, out_torch.detach().numpy(), **CLOSE)
    slope = gradient(out, x, seed)
    (first,) = torch.autograd.grad(out_torch, x_torch, torch.tensor(seed), create_graph=True)
    np.testing.assert_allclose(slope.data, first.detach().numpy(), **CLOSE)
    (second,) = torch.autograd.grad((first * first).sum() + 0.0 * x_torch.sum(), x_torch)
    np.testing.assert_allclose(gradient((slope * slope).sum() + 0.0 * x.sum(), x).data, second.numpy(), **CLOSE)


def test_step() -> None:
    data = np.array([-1.0, 0.0, 2.0])
    theirs = torch.heaviside(torch.tensor(data), torch.zeros((), dtype=torch.float64))
    np.testing.assert_array_equal(nn.step(data), theirs.numpy())


@pytest.mark.parametrize("shape", [(5,), (4, 3), (4, 3, 2, 5)])
@pytest.mark.parametrize("channels", [1, 3])
def test_prelu(shape: tuple[int, ...], channels: int) -> None:
    if channels > 1 and len(shape) == 1:
        pytest.skip("no channels")
    rng = np.random.default_rng(0)
    data, seed = rng.normal(size=shape), rng.normal(size=shape)
    ours, theirs = nn.PReLU(channels, init=0.3), torch.nn.PReLU(channels, init=0.3, dtype=torch.float64)
    x, x_torch = Value(data), torch.tensor(data, requires_grad=True)
    out, out_torch = ours(x), theirs(x_torch)
    out.backward(seed)
    out_torch.backward(torch.tensor(seed))
    np.testing.assert_allclose(out.data, out_torch.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(x.grad, x_torch.grad.numpy(), **CLOSE)
    np.testing.assert_allclose(ours.weight.grad, theirs.weight.grad.numpy(), **CLOSE)


#: Modules with PyTorch's names, and the arguments of both.
MODULES: list[tuple[str, tuple[Any, ...]]] = [
    ("ReLU", ()), ("ReLU6", ()), ("LeakyReLU", (0.2,)), ("ELU", (0.7,)), ("SELU", ()), ("CELU", (0.7,)), ("GELU", ("tanh",)),
    ("GELU", ()), ("SiLU", ()), ("Mish", ()), ("Softplus", (2.0,)), ("Softsign", ()), ("Sigmoid", ()), ("Hardsigmoid", ()),
    ("Tanh", ()), ("Hardtanh", (-0.5, 0.7)), ("Softmax", (1,)), ("LogSoftmax", (0,)), ("GLU", (-1,)), ("PReLU", (1, 0.25)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args"), MODULES)
def test_modules(name: str, args: tuple[Any, ...]) -> None:
    data = np.random.default_rng(0).normal(size=(4, 6))
    theirs = getattr(torch.nn, name)(*args).double()(torch.tensor(data))
    np.testing.assert_allclose(getattr(nn, name)(*args)(Value(data)).data, theirs.detach().numpy(), **CLOSE)

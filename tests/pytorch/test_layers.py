"""Layers against PyTorch: outputs and all gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import nn
from autograd import Value

TOLERANCE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}


def convert(ours: nn.Module, theirs: torch.nn.Module, random: bool = False) -> None:
    """Copy the parameters and buffers of our module to PyTorch's; `random` draws new ones first."""
    if random:
        rng = np.random.default_rng(5)
        for parameter in ours.parameters():
            parameter.data = rng.normal(size=parameter.shape)
    state = {name: torch.tensor(item.data) for name, item in ours.named_parameters()}
    state |= {name: torch.tensor(item) for name, item in ours.named_buffers()}
    theirs.load_state_dict(state, strict=True)


def compare(ours: Any, theirs: Any, *inputs: np.ndarray, pick: Any = lambda out: out, **named: Any) -> None:
    """Compare outputs, and gradients of inputs and parameters for random cotangents, for floating or integer inputs."""
    floating = [x.dtype.kind == "f" for x in inputs]
    mine = [Value(x) if f else x for x, f in zip(inputs, floating, strict=True)]
    yours = [torch.tensor(x, requires_grad=f) for x, f in zip(inputs, floating, strict=True)]
    out = pick(ours(*mine, **named))
    expected = pick(theirs(*yours, **{key: to_torch(item) for key, item in named.items()}))
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), **TOLERANCE)
    seed = np.random.default_rng(9).normal(size=out.shape)
    parameters = dict(ours.named_parameters()) if isinstance(ours, nn.Module) else {}
    if isinstance(ours, nn.Module):
        ours.zero_grad()
        theirs.zero_grad()
    if not isinstance(out, Value) or not expected.requires_grad:
        return
    out.backward(seed)
    expected.backward(torch.tensor(seed))
    for x, y, f in zip(mine, yours, floating, strict=True):
        if f:
            np.testing.assert_allclose(x.grad, y.grad.numpy(), **TOLERANCE)
    assert {name for name, _ in theirs.named_parameters()} == set(parameters) if parameters else True
    for name, parameter in parameters.items():
        np.testing.assert_allclose(parameter.grad, theirs.get_parameter(name).grad.numpy(), **TOLERANCE, err_msg=name)


def to_torch(item: Any) -> Any:
    return torch.tensor(item) if isinstance(item, np.ndarray) else item


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (0,)])
def test_linear(bias: bool, lead: Any) -> None:
    ours, theirs = nn.Linear(4, 3, bias, rng=0), torch.nn.Linear(4, 3, bias, dtype=torch.float64)
    convert(ours, theirs)
    compare(ours, theirs, np.random.default_rng(0).normal(size=(*lead, 4)))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lead", [(), (5,), (2, 3)])
def test_bilinear(bias: bool, lead: Any) -> None:
    ours, theirs = nn.Bilinear(4, 3, 2, bias, rng=0), torch.nn.Bilinear(4, 3, 2, bias, dtype=torch.float64)
    convert(ours, theirs)
    rng = np.random.default_rng(0)
    compare(ours, theirs, rng.normal(size=(*lead, 4)), rng.normal(size=(*lead, 3)))


@pytest.mark.parametrize("padding", [None, 0, 2, -1])
@pytest.mark.parametrize("indices", [[1, 2, 6], [[0, 2, 2], [2, 6, 6]], 3, [2, 2]])
@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_embedding(padding: int | None, indices: Any, dtype: Any) -> None:
    ours, theirs = nn.Embedding(7, 3, padding, rng=0), torch.nn.Embedding(7, 3, padding, dtype=torch.float64)
    convert(ours, theirs)
    compare(ours, theirs, np.array(indices, dtype))


@pytest.mark.parametrize(("start", "end"), [(1, -1), (0, -1), (1, 2), (-2, -1), (2, 2)])
def test_flatten(start: int, end: int) -> None:
    compare(nn.Flatten(start, end), torch.nn.Flatten(start, end), np.random.default_rng(0).normal(size=(2, 3, 4, 5)))


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout_outside_of_training(p: float) -> None:
    compare(nn.Dropout(p).eval(), torch.nn.Dropout(p).eval(), np.random.default_rng(0).normal(size=(2, 3)))


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_dropout_of_nothing_and_of_everything(p: float) -> None:
    compare(nn.Dropout(p), torch.nn.Dropout(p), np.random.default_rng(0).normal(size=(2, 3)))

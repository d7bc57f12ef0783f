"""Normalisation layers against PyTorch: outputs, all gradients, running statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import nn
from autograd import Value, no_grad
from tests.pytorch.test_layers import compare, convert

SHAPES = {"1d": [(5, 3), (5, 3, 4), (2, 3, 1)], "2d": [(4, 3, 5, 2), (2, 3, 1, 1)]}
CASES = [(kind, shape) for kind, shapes in SHAPES.items() for shape in shapes]


def pair(kind: str, *how: Any, **named: Any) -> tuple[Any, Any]:
    """Return our layer and PyTorch's, with the same random parameters and statistics."""
    ours = getattr(nn, f"BatchNorm{kind}")(*how, **named)
    theirs = getattr(torch.nn, f"BatchNorm{kind}")(*how, **named, dtype=torch.float64)
    rng = np.random.default_rng(3)
    if ours.weight is not None:
        ours.weight.data, ours.bias.data = rng.normal(size=3), rng.normal(size=3)
    if ours.running_mean is not None:
        ours.running_mean, ours.running_var = rng.normal(size=3), rng.uniform(0.5, 2.0, 3)
    convert(ours, theirs)
    return ours, theirs


def compare_statistics(ours: Any, theirs: Any) -> None:
    buffers = dict(theirs.named_buffers())
    assert [name for name, _ in ours.named_buffers()] == list(buffers)
    for name, array in ours.named_buffers():
        np.testing.assert_allclose(array, buffers[name].numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("kind", "shape"), CASES)
@pytest.mark.parametrize("momentum", [0.1, 0.7, 1.0, None])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("track", [True, False])
def test_batch_norm(kind: str, shape: Any, momentum: Any, affine: bool, track: bool) -> None:
    ours, theirs = pair(kind, 3, 1e-3, momentum, affine, track)
    rng = np.random.default_rng(0)
    for _ in range(3):
        compare(ours, theirs, rng.normal(2.0, 3.0, shape))
        compare_statistics(ours, theirs)
    ours.eval()
    theirs.eval()
    compare(ours, theirs, rng.normal(2.0, 3.0, shape))
    compare_statistics(ours, theirs)


def test_statistics_move_under_no_grad_and_rest_in_eval_mode() -> None:
    ours, theirs = pair("1d", 3)
    x = np.random.default_rng(0).normal(size=(4, 3))
    with no_grad(), torch.no_grad():
        np.testing.assert_allclose(ours(Value(x)).data, theirs(torch.tensor(x)).numpy(), rtol=1e-10, atol=1e-10)
        compare_statistics(ours, theirs)
        assert ours.num_batches_tracked == 1
        ours.eval(), theirs.eval()
        ours(Value(x)), theirs(torch.tensor(x))
        compare_statistics(ours, theirs)


@pytest.mark.parametrize("shape", [4, (4,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_layer_norm(shape: Any, affine: bool, bias: bool, eps: float) -> None:
    ours, theirs = nn.LayerNorm(shape, eps, affine, bias), torch.nn.LayerNorm(shape, eps, affine, bias, dtype=torch.float64)
    convert(ours, theirs, random=True)
    compare(ours, theirs, np.random.default_rng(0).normal(1.0, 2.0, (5, 2, 3, 4)))


@pytest.mark.parametrize("shape", [4, (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("eps", [None, 1e-5, 0.1])
def test_rms_norm(shape: Any, affine: bool, eps: float | None) -> None:
    ours, theirs = nn.RMSNorm(shape, eps, affine), torch.nn.RMSNorm(shape, eps, affine, dtype=torch.float64)
    convert(ours, theirs, random=True)
    compare(ours, theirs, np.random.default_rng(0).normal(1.0, 2.0, (5, 2, 3, 4)))


def test_rms_norm_of_tiny_numbers_has_the_same_eps_in_float32() -> None:
    x = np.array([[1e-4, -2e-4, 3e-4]], np.float32)
    ours, theirs = nn.RMSNorm(3, dtype=np.float32), torch.nn.RMSNorm(3)
    np.testing.assert_allclose(ours(x).data, theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(5, 6, 4), (2, 6, 3, 4), (2, 6, 2, 1, 3)])
@pytest.mark.parametrize("affine", [True, False])
def test_group_norm(groups: int, shape: Any, affine: bool) -> None:
    ours, theirs = nn.GroupNorm(groups, 6, 1e-4, affine), torch.nn.GroupNorm(groups, 6, 1e-4, affine, dtype=torch.float64)
    convert(ours, theirs, random=True)
    compare(ours, theirs, np.random.default_rng(0).normal(1.0, 2.0, shape))


def test_one_group_for_each_channel_is_instance_normalisation() -> None:
    ours, theirs = nn.GroupNorm(6, 6), torch.nn.InstanceNorm2d(6, affine=True, dtype=torch.float64)
    convert(ours, theirs, random=True)
    compare(ours, theirs, np.random.default_rng(0).normal(1.0, 2.0, (2, 6, 3, 4)))

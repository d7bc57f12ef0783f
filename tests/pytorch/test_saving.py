"""Weights from PyTorch and back: the same outputs, files of safetensors, and errors for pickles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import nn
from nn.layers.attention import MultiHeadAttention, TransformerBlock
from nn.layers.convolution import AvgPool2d, Conv1d, Conv2d, ConvTranspose2d, MaxPool2d
from nn.layers.linear import Bilinear, Embedding, Flatten
from nn.layers.normalisation import BatchNorm2d, GroupNorm, LayerNorm
from nn.layers.recurrent import GRU, LSTM, RNN

TOLERANCE = {"rtol": 1e-10, "atol": 1e-10}
theirs = torch.nn

#: name: our model, that of PyTorch, the inputs or their shapes
MODELS: dict[str, tuple[Callable[[], Any], Callable[[], Any], list[Any]]] = {
    "linear": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2, bias=False)),
        lambda: theirs.Sequential(theirs.Linear(4, 3), theirs.Tanh(), theirs.Linear(3, 2, bias=False)),
        [(5, 4)],
    ),
    "convolutional": (
        lambda: nn.Sequential(
            Conv2d(2, 4, 3, padding=1), BatchNorm2d(4), nn.ReLU(), MaxPool2d(2), Conv2d(4, 6, 3, stride=2, groups=2),
            ConvTranspose2d(6, 4, 2), GroupNorm(2, 4), AvgPool2d(2), Flatten(), nn.Linear(4 * 2 * 2, 3),
        ),
        lambda: theirs.Sequential(
            theirs.Conv2d(2, 4, 3, padding=1), theirs.BatchNorm2d(4), theirs.ReLU(), theirs.MaxPool2d(2),
            theirs.Conv2d(4, 6, 3, stride=2, groups=2), theirs.ConvTranspose2d(6, 4, 2), theirs.GroupNorm(2, 4),
            theirs.AvgPool2d(2), theirs.Flatten(), theirs.Linear(4 * 2 * 2, 3),
        ),
        [(3, 2, 18, 18)],
    ),
    "conv1d": (lambda: nn.Sequential(Conv1d(2, 4, 3)), lambda: theirs.Sequential(theirs.Conv1d(2, 4, 3)), [(3, 2, 9)]),
    "embedding": (lambda: Embedding(5, 3), lambda: theirs.Embedding(5, 3), [np.array([[0, 4], [2, 2]])]),
    "bilinear": (lambda: Bilinear(3, 4, 2), lambda: theirs.Bilinear(3, 4, 2), [(5, 3), (5, 4)]),
    "lstm": (lambda: LSTM(3, 4, 2, bidirectional=True), lambda: theirs.LSTM(3, 4, 2, bidirectional=True), [(6, 2, 3)]),
    "gru": (lambda: GRU(3, 4, 2), lambda: theirs.GRU(3, 4, 2), [(6, 2, 3)]),
    "rnn": (lambda: RNN(3, 4, bias=False), lambda: theirs.RNN(3, 4, bias=False), [(6, 2, 3)]),
    "layer norm": (lambda: LayerNorm((3, 4)), lambda: theirs.LayerNorm((3, 4)), [(2, 3, 4)]),
    "attention": (
        lambda: MultiHeadAttention(8, 2),
        lambda: theirs.MultiheadAttention(8, 2, batch_first=True),
        [(3, 5, 8), (3, 6, 8), (3, 6, 8)],
    ),
    "attention on other lengths": (
        lambda: MultiHeadAttention(8, 2, kdim=3, vdim=4),
        lambda: theirs.MultiheadAttention(8, 2, kdim=3, vdim=4, batch_first=True),
        [(3, 5, 8), (3, 6, 3), (3, 6, 4)],
    ),
    "transformer": (
        lambda: TransformerBlock(8, 2, 16, activation="gelu"),
        lambda: theirs.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True),
        [(3, 5, 8)],
    ),
    "containers": (
        lambda: nn.Sequential(nn.ModuleList([nn.Linear(2, 2)]), nn.ModuleDict({"a": nn.Linear(2, 3)})),
        lambda: theirs.Sequential(theirs.ModuleList([theirs.Linear(2, 2)]), theirs.ModuleDict({"a": theirs.Linear(2, 3)})),
        [],
    ),
}  # fmt: skip
PAIRS = pytest.mark.parametrize("name", MODELS)


def make(name: str) -> tuple[Any, Any, list[np.ndarray]]:
    """Return our model, PyTorch's with statistics that differ from the initial ones, and inputs."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    ours, other, given = MODELS[name]
    model, peer = ours(), other().double()
    inputs = [item if isinstance(item, np.ndarray) else rng.normal(size=item) for item in given]
    with torch.no_grad():
        for parameter in peer.parameters():  # norms and some biases start at zero or one
            parameter += 0.1 * torch.randn_like(parameter)
    if inputs:
        peer(*map(torch.from_numpy, inputs))
    return model.eval(), peer.eval(), inputs


def flat(outputs: Any) -> list[np.ndarray]:
    """Return the arrays in nested tuples of outputs."""
    if isinstance(outputs, tuple):
        return [array for item in outputs for array in flat(item)]
    return [outputs.detach().numpy() if isinstance(outputs, torch.Tensor) else np.asarray(outputs.data)]


def same_outputs(model: Any, peer: Any, inputs: list[np.ndarray]) -> None:
    if inputs:
        for mine, other in zip(flat(model(*inputs)), flat(peer(*map(torch.from_numpy, inputs))), strict=True):
            np.testing.assert_allclose(mine, other, **TOLERANCE)


@PAIRS
def test_from_pytorch(name: str) -> None:
    model, peer, inputs = make(name)
    assert nn.from_pytorch(model, peer.state_dict()) == []
    same_outputs(model, peer, inputs)
    with torch.no_grad():
        for parameter in peer.parameters():
            parameter.zero_()
    assert any(np.any(parameter.data) for parameter in model.parameters()), "copies"


@PAIRS
def test_to_pytorch(name: str) -> None:
    model, peer, inputs = make(name)
    weights = nn.to_pytorch(model)
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in peer.state_dict().items()} == {
        name: (array.shape, torch.from_numpy(array).dtype) for name, array in weights.items()
    }
    peer.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    same_outputs(model, peer, inputs)
    with torch.no_grad():
        for parameter in peer.parameters():
            parameter.zero_()
    assert any(np.any(parameter.data) for parameter in model.parameters()), "copies"


@PAIRS
def test_files_of_safetensors(name: str, tmp_path: Path) -> None:
    model, peer, inputs = make(name)
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(peer.state_dict(), path)
    assert nn.from_pytorch(model, path) == []
    same_outputs(model, peer, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("through_a_file", [False, True])
def test_smaller_dtypes_load_without_loss(dtype: torch.dtype, through_a_file: bool, tmp_path: Path) -> None:
    peer = theirs.Linear(3, 2).to(dtype)
    state: Any = peer.state_dict()
    if through_a_file:
        safetensors.torch.save_file(state, tmp_path / "weights.safetensors")
        state = tmp_path / "weights.safetensors"
    for model in (nn.Linear(3, 2), nn.Linear(3, 2, dtype=np.float32)):
        nn.from_pytorch(model, state)
        assert (model.weight.data == peer.weight.detach().double().numpy()).all()


def test_wider_numbers_names_and_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="digits would be lost: weight is float64 and would become float32"):
        nn.from_pytorch(nn.Linear(3, 2, dtype=np.float32), theirs.Linear(3, 2).double().state_dict())
    with pytest.raises(ValueError, match=r"weight has the shape \(2, 3\), got \(3, 2\)"):
        nn.from_pytorch(nn.Linear(3, 2), theirs.Linear(2, 3).state_dict())
    with pytest.raises(ValueError, match="missing: bias"):
        nn.from_pytorch(nn.Linear(3, 2), theirs.Linear(3, 2, bias=False).state_dict())


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_torch_save_are_refused_with_the_lines_that_convert_them(zipped: bool, tmp_path: Path) -> None:
    path, model, peer = tmp_path / "weights.pt", nn.Linear(3, 2), theirs.Linear(3, 2)
    torch.save(peer.state_dict(), path, _use_new_zipfile_serialization=zipped)
    for read in (nn.load, lambda path: nn.from_pytorch(model, path)):
        with pytest.raises(nn.CheckpointError, match="pickles are refused") as caught:
            read(path)
    lines = [line.strip() for line in str(caught.value).splitlines() if line.startswith("    ")]
    assert len(lines) == 2
    exec("\n".join(lines), {"torch": torch, "safetensors": safetensors})
    nn.from_pytorch(model, path.with_suffix(".safetensors"))
    assert (model.weight.data == peer.weight.detach().numpy()).all()


def test_our_checkpoints_are_read_by_the_package_safetensors(tmp_path: Path) -> None:
    path, model = tmp_path / "run.safetensors", nn.Linear(3, 2, rng=0)
    nn.save(path, model, step=1)
    assert (safetensors.torch.load_file(path)["model/weight"].numpy() == model.weight.data).all()


def test_tied_weights_fit_both_ways() -> None:
    theirs = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.Linear(3, 5)).double()
    ours = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5))
    theirs[1].weight, ours[1].weight = theirs[0].weight, ours[0].weight
    assert nn.from_pytorch(ours, theirs.state_dict()) == []
    np.testing.assert_array_equal(ours[1].weight.data, theirs[0].weight.detach().numpy())
    ours[0].weight.data += 1.0
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in nn.to_pytorch(ours).items()})
    np.testing.assert_array_equal(theirs[1].weight.detach().numpy(), ours[0].weight.data)

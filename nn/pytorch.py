"""Load weights from PyTorch, and convert weights for it. Names and layouts are the same, so weights are checked and copied.

Torch is never imported: its tensors are recognised by their methods. Files of torch.save are pickles and raise an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nn.module import Module, tied_names, untied
from nn.storage.archives import CheckpointError, read_arrays
from nn.storage.checkpoints import refuse_loss


def from_pytorch(model: Module, state_dict: Mapping[str, Any] | str | os.PathLike[str], strict: bool = True) -> list[str]:
    """Load the weights of the same architecture in PyTorch: all of them, or none if something does not fit.

    These layers have PyTorch's names and layouts: Linear, Bilinear, Embedding, convolutions, normalisations (with their running
    statistics), RNN, LSTM, GRU, attention, in Sequential, ModuleList and ModuleDict. bfloat16 becomes float32; otherwise numbers
    must fit the dtype of the model without loss. A tied parameter may be under each of its names, as in PyTorch's state_dict, or
    under one.

    Args:
        model: the module to load into.
        state_dict: ``torch_model.state_dict()``, a dict of tensors or arrays, or the path of a `.safetensors` or `.npz` file.
        strict: whether all names must be there, and no others.

    Returns:
        The names that were missing or unexpected: none if strict.

    Raises:
        ValueError: for a missing or unexpected name, another shape, different numbers for the names of a tied parameter, or a
            dtype that would lose digits.
        TypeError: for anything but a state_dict or a path.
        CheckpointError: if the file is damaged or a pickle; the message has the lines that convert a pickle in PyTorch.

    >>> import nn
    >>> state = {"weight": np.array([[2.0, 3.0]], np.float32), "bias": np.zeros(1, np.float32)}
    >>> model = nn.Linear(2, 1)
    >>> from_pytorch(model, state)
    []
    >>> model(np.ones((1, 2))).data
    array([[5.]])
    """
    if not isinstance(model, Module):
        raise TypeError(f"from_pytorch takes a module to load into, got {model!r:.80}")
    if isinstance(state_dict, (str, os.PathLike)):
        state_dict = read_weights(state_dict)
    if not isinstance(state_dict, Mapping):
        kind = type(state_dict).__name__
        raise TypeError(f"from_pytorch takes a state_dict or a path, got {kind}: pass torch_model.state_dict()")
    arrays = untied(model, {name: array_of_tensor(name, tensor) for name, tensor in state_dict.items()})
    refuse_loss(model, arrays)
    return model.load_state_dict(arrays, strict=strict)


def to_pytorch(model: Module) -> dict[str, np.ndarray]:
    """Return the weights under PyTorch's names, in its layouts; a tied parameter is under each of its names.

    In PyTorch: ``torch_model.load_state_dict({name: torch.from_numpy(a) for name, a in to_pytorch(model).items()})``.

    >>> import nn
    >>> {name: array.shape for name, array in to_pytorch(nn.Sequential(nn.Linear(3, 2), nn.Tanh())).items()}
    {'0.weight': (2, 3), '0.bias': (2,)}
    """
    # torch.from_numpy takes neither other byte orders nor arrays it cannot write to
    state = {name: np.array(array, array.dtype.newbyteorder("="), order="C") for name, array in model.state_dict().items()}
    return state | {other: state[name].copy() for other, name in tied_names(model).items()}


def read_weights(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a `.safetensors` file, a common format for weights of PyTorch, or of a `.npz` file, by name.

    bfloat16 becomes float32.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is damaged, of another format, or a pickle.
    """
    arrays, texts = read_arrays(Path(path))
    if any(name.startswith("checkpoint.") for name in texts):
        raise CheckpointError(f"{path} is a checkpoint of this library: read it with nn.load")
    return arrays


def array_of_tensor(name: str, tensor: Any) -> np.ndarray:
    """Return the numbers of a tensor of PyTorch, recognised by its methods, or of an array."""
    if isinstance(tensor, (np.ndarray, np.generic)):
        return np.asarray(tensor)
    if not hasattr(tensor, "detach"):
        raise TypeError(f"{name} must be a tensor of PyTorch or an array, got {type(tensor).__name__}")
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()  # NumPy has no bfloat16, and float32 holds each of its numbers
    return np.asarray(tensor.numpy())

"""Layers on arrays: one operation for a whole batch. Names and defaults follow PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd import Value, leaky_relu, linear, log_softmax, relu, sigmoid, softmax, softplus, tanh
from nn.module import Module
from nn.neurons import Rng


class Linear(Module):
    """The affine map ``x @ weight.T + bias``: (..., in_features) -> (..., out_features).

    `weight` has the shape (out_features, in_features), as in PyTorch: row n belongs to output n. Both
    start uniformly within 1 / sqrt(in_features).

    Args:
        in_features, out_features: sizes of the last axis before and after.
        bias: whether a bias is added.
        dtype: the dtype of the parameters.
        rng: a numpy Generator or a seed.

    Raises:
        ValueError: on a call whose last axis is not in_features long.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = np.float64, rng: Rng = None
    ) -> None:
        rng = np.random.default_rng(rng)
        bound = 1.0 / math.sqrt(in_features) if in_features else 0.0
        self.weight = Value(rng.uniform(-bound, bound, (out_features, in_features)).astype(dtype))
        self.bias = Value(rng.uniform(-bound, bound, out_features).astype(dtype)) if bias else None

    def forward(self, x: Any) -> Value:
        shape = np.shape(x)
        if not shape or shape[-1] != self.weight.shape[1]:
            raise ValueError(f"Linear({self.extra_repr()}) takes (..., {self.weight.shape[1]}), but the shape {shape} came")
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        out_features, in_features = self.weight.shape
        return f"{in_features}, {out_features}" + ("" if self.bias is not None else ", bias=False")


class Sequential(Module):
    """Modules, or plain functions of Values, one after the other.

    >>> model = Sequential(Linear(784, 16, rng=0), ReLU(), Linear(16, 10, rng=1))
    >>> model(np.zeros((5, 784))).shape
    (5, 10)
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for layer in layers:
            if not callable(layer):
                raise TypeError(f"Sequential(*layers) takes modules or functions, but got {layer!r}: unpack a list with *")
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Any:
        return self.layers[index]

    def __iter__(self) -> Iterator[Callable[[Any], Any]]:
        return iter(self.layers)


class ReLU(Module):
    """``max(x, 0)``, elementwise."""

    def forward(self, x: Any) -> Any:
        return relu(x)


class LeakyReLU(Module):
    """``x`` above 0 and ``slope * x`` below."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: Any) -> Any:
        return leaky_relu(x, self.slope)

    def extra_repr(self) -> str:
        return f"{self.slope}"


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``, elementwise."""

    def forward(self, x: Any) -> Any:
        return sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent, elementwise."""

    def forward(self, x: Any) -> Any:
        return tanh(x)


class Softplus(Module):
    """``log(1 + exp(x))``, elementwise."""

    def forward(self, x: Any) -> Any:
        return softplus(x)


class Softmax(Module):
    """``exp(x)`` along an axis, divided by its sum."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Softmax):
    """The logarithm of the softmax along an axis."""

    def forward(self, x: Any) -> Any:
        return log_softmax(x, self.axis)

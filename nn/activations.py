"""Activations as modules, and those functions that are not operations of their own."""

from __future__ import annotations

from typing import Any

from autograd import leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh
from nn.module import Module


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

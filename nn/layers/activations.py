"""Activations as modules, and the form they share with losses: a class for each function, its settings are fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np

from autograd import Value, log_softmax, relu, sigmoid, softmax, softplus, tanh
from autograd.ops import celu, elu, gelu, glu, hard_sigmoid, hard_tanh, leaky_relu, mish, prelu, relu6, selu, silu, softsign, step
from nn.arrays import no_tuple, require_float, shape_of
from nn.module import Module


@dataclass_transform(eq_default=False)
class FunctionModule(Module):
    """A module that calls a function: ``class ELU(FunctionModule, function=elu)`` with the settings as fields.

    The fields have the names and the order of the function's settings, and become arguments of __init__().

    >>> class Power(FunctionModule, function=lambda x, exponent: x**exponent):
    ...     exponent: float = 2.0
    >>> Power(3.0)
    Power(exponent=3.0)
    >>> Power()(4.0)
    16.0
    """

    function: ClassVar[Callable[..., Any]]
    settings: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, function: Callable[..., Any] | None = None, **named: Any) -> None:
        super().__init_subclass__(**named)
        dataclass(repr=False, eq=False)(cls)
        if function is not None:  # else that of the class above
            cls.function = staticmethod(function)
        cls.settings = tuple(field.name for field in fields(cls))  # type: ignore[arg-type]

    def __new__(cls, *args: Any, **named: Any) -> Self:
        usual = [getattr(cls, name, None) for name in cls.settings]
        inputs = any(np.ndim(item) and default is not None for item, default in zip(args, usual, strict=False))
        if inputs or len(args) > len(usual):
            takes = f"the settings {', '.join(cls.settings)}" if cls.settings else "no settings"
            raise TypeError(
                f"{cls.__name__}(...) takes {takes}; to compute, make it first and then call it, {cls.__name__}()(...)"
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if any(isinstance(getattr(self, name), Value) for name in self.settings):
            who = type(self).__name__
            raise TypeError(f"{who}(...) takes settings, got a Value: make it first and then call it, {who}()(...)")

    def forward(self, *inputs: Any) -> Any:
        no_tuple(inputs[0] if inputs else None, self)
        return self.function(*inputs, **{name: getattr(self, name) for name in self.settings})

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)


# --- of each element ------------------------------------------------------------------------------


class ReLU(FunctionModule, function=relu):
    """``max(x, 0)``; at 0 the derivative is 0."""


class ReLU6(FunctionModule, function=relu6):
    """``min(max(x, 0), 6)``; at 0 and at 6 the derivative is 0."""


class LeakyReLU(FunctionModule, function=lambda x, negative_slope: leaky_relu(x, negative_slope)):
    """``x`` above 0 and ``negative_slope * x`` below."""

    negative_slope: float = 0.01


class ELU(FunctionModule, function=elu):
    """``x`` above 0 and ``alpha * (exp(x) - 1)`` below."""

    alpha: float = 1.0


class SELU(FunctionModule, function=selu):
    """``1.0507 * x`` above 0 and ``1.7581 * (exp(x) - 1)`` below: it keeps mean 0 and variance 1 from layer to layer."""


class CELU(FunctionModule, function=celu):
    """``x`` above 0 and ``alpha * (exp(x / alpha) - 1)`` below: smooth at 0."""

    alpha: float = 1.0


class GELU(FunctionModule, function=gelu):
    """``x`` times the standard normal distribution function of x; with ``approximate="tanh"`` faster, within 0.0005 of it."""

    approximate: str = "none"


class SiLU(FunctionModule, function=silu):
    """``x * sigmoid(x)``, also called swish."""


class Mish(FunctionModule, function=mish):
    """``x * tanh(softplus(x))``."""


class Softplus(FunctionModule, function=lambda x, beta: softplus(x) if beta == 1.0 else softplus(x * beta) / beta):
    """``log(1 + exp(beta * x)) / beta``, exact for every x: PyTorch gives x itself where beta * x is above 20."""

    beta: float = 1.0


class Softsign(FunctionModule, function=softsign):
    """``x / (1 + |x|)``."""


class Sigmoid(FunctionModule, function=sigmoid):
    """``1 / (1 + exp(-x))``."""


class Hardsigmoid(FunctionModule, function=hard_sigmoid):
    """``x / 6 + 1 / 2`` between 0 and 1; at its corners the derivative is 0."""


class Tanh(FunctionModule, function=tanh):
    """The hyperbolic tangent."""


class Hardtanh(FunctionModule, function=hard_tanh):
    """`x` limited to ``min_val <= x <= max_val``; at its corners the derivative is 0."""

    min_val: float = -1.0
    max_val: float = 1.0


class Step(FunctionModule, function=step):
    """0 up to 0 and 1 above; the derivative is 0 everywhere, so nothing before it learns."""


# --- along an axis --------------------------------------------------------------------------------


class Softmax(FunctionModule, function=softmax):
    """``exp(x) / sum(exp(x))`` along `axis`."""

    axis: int = -1


class LogSoftmax(FunctionModule, function=log_softmax):
    """``x - log(sum(exp(x)))`` along `axis`."""

    axis: int = -1


class GLU(FunctionModule, function=glu):
    """``a * sigmoid(b)``, where a and b are the halves of x along `axis`."""

    axis: int = -1


# --- with a parameter -----------------------------------------------------------------------------


class PReLU(Module):
    """``x`` above 0 and ``weight * x`` below, with a learned weight for all, or for each channel (He et al. 2015).

    Args:
        num_parameters: 1, or the number of channels, which are axis 1 of x: (batch, channels, ...).
        init: the weight to start with.
        dtype: the dtype of the weight.

    Raises:
        ValueError: on a call with another number of channels.

    >>> PReLU()(Value([-2.0, 2.0])).data.tolist()
    [-0.5, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = np.float64) -> None:
        require_float(dtype)
        self.weight = Value(np.full(num_parameters, init, dtype=dtype))  # (channels,)

    def forward(self, x: Any) -> Any:
        channels, shape = self.weight.size, shape_of(x, self)
        if channels == 1:
            return prelu(x, self.weight if shape else self.weight[0])
        if len(shape) < 2 or shape[1] != channels:
            raise ValueError(f"{self._title()} takes (batch, {channels}, ...), got the shape {shape}")
        return prelu(x, self.weight.reshape(channels, *(1,) * (len(shape) - 2)))  # (channels, 1, ...)

    def extra_repr(self) -> str:
        return f"{self.weight.size}"

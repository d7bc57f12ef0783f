"""Activations as modules, a class for each function; FunctionModule, their base, serves losses as well."""

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
    """Calls a function: ``class ELU(FunctionModule, function=elu)``, with the settings as fields.

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
        if function is not None:  # otherwise inherited
            cls.function = staticmethod(function)
        cls.settings = tuple(field.name for field in fields(cls))  # type: ignore[arg-type]

    def __new__(cls, *args: Any, **named: Any) -> Self:
        usual = [getattr(cls, name, None) for name in cls.settings]
        inputs = any(np.ndim(item) and default is not None for item, default in zip(args, usual, strict=False))
        if inputs or len(args) > len(usual):
            takes = f"the settings {', '.join(cls.settings)}" if cls.settings else "no settings"
            raise TypeError(
                f"{cls.__name__}(...) takes {takes}; to compute, create it first and then call it, {cls.__name__}()(...)"
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if any(isinstance(getattr(self, name), Value) for name in self.settings):
            who = type(self).__name__
            raise TypeError(f"{who}(...) takes settings, got a Value: create it first and then call it, {who}()(...)")

    def forward(self, *inputs: Any) -> Any:
        no_tuple(inputs[0] if inputs else None, self)
        if not self.settings:  # of most activations
            return self.function(*inputs)
        return self.function(*inputs, **{name: getattr(self, name) for name in self.settings})

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)


# --- elementwise ----------------------------------------------------------------------------------


class ReLU(FunctionModule, function=relu):
    """Computes ``max(x, 0)``; the derivative at 0 is 0."""


class ReLU6(FunctionModule, function=relu6):
    """Computes ``min(max(x, 0), 6)``; the derivative at 0 and at 6 is 0."""


class LeakyReLU(FunctionModule, function=lambda x, negative_slope: leaky_relu(x, negative_slope)):
    """Computes ``x`` above 0 and ``negative_slope * x`` below."""

    negative_slope: float = 0.01


class ELU(FunctionModule, function=elu):
    """Computes ``x`` above 0 and ``alpha * (exp(x) - 1)`` below."""

    alpha: float = 1.0


class SELU(FunctionModule, function=selu):
    """Computes ``1.0507 * x`` above 0 and ``1.7581 * (exp(x) - 1)`` below; keeps mean 0 and variance 1 from layer to layer."""


class CELU(FunctionModule, function=celu):
    """Computes ``x`` above 0 and ``alpha * (exp(x / alpha) - 1)`` below; smooth at 0."""

    alpha: float = 1.0


class GELU(FunctionModule, function=gelu):
    """Multiplies ``x`` by the normal distribution function of x; ``approximate="tanh"`` is faster, within 0.0005 of it."""

    approximate: str = "none"


class SiLU(FunctionModule, function=silu):
    """Computes ``x * sigmoid(x)``, also called swish."""


class Mish(FunctionModule, function=mish):
    """Computes ``x * tanh(softplus(x))``."""


class Softplus(FunctionModule, function=lambda x, beta: softplus(x) if beta == 1.0 else softplus(x * beta) / beta):
    """Computes ``log(1 + exp(beta * x)) / beta``, exact for every x; PyTorch returns x where beta * x is above 20."""

    beta: float = 1.0


class Softsign(FunctionModule, function=softsign):
    """Computes ``x / (1 + |x|)``."""


class Sigmoid(FunctionModule, function=sigmoid):
    """Computes ``1 / (1 + exp(-x))``."""


class Hardsigmoid(FunctionModule, function=hard_sigmoid):
    """Computes ``x / 6 + 1 / 2``, limited to 0 and 1; the derivative at its corners is 0."""


class Tanh(FunctionModule, function=tanh):
    """Computes the hyperbolic tangent."""


class Hardtanh(FunctionModule, function=hard_tanh):
    """Limits `x` to ``min_val <= x <= max_val``; the derivative at its corners is 0."""

    min_val: float = -1.0
    max_val: float = 1.0


class Step(FunctionModule, function=step):
    """Computes 1 for x above 0, and 0 elsewhere; the derivative is 0 everywhere, so layers before it do not learn."""


# --- along an axis --------------------------------------------------------------------------------


class Softmax(FunctionModule, function=softmax):
    """Computes ``exp(x) / sum(exp(x))`` along `axis`."""

    axis: int = -1


class LogSoftmax(FunctionModule, function=log_softmax):
    """Computes ``x - log(sum(exp(x)))`` along `axis`."""

    axis: int = -1


class GLU(FunctionModule, function=glu):
    """Computes ``a * sigmoid(b)``, where a and b are the halves of x along `axis`."""

    axis: int = -1


# --- with a parameter -----------------------------------------------------------------------------


class PReLU(Module):
    """Computes ``x`` above 0 and ``weight * x`` below, with one learned weight, or one per channel (He et al. 2015).

    Args:
        num_parameters: 1, or the number of channels, which are axis 1 of x: (batch, channels, ...).
        init: the initial weight.
        dtype: the dtype of the weight.

    Raises:
        ValueError: if an input has another number of channels.

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

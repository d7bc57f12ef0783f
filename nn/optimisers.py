"""Optimisers: they change parameters by their gradients. Formulas and defaults follow PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Value


class Optimizer:
    """The base of optimisers: holds the parameters, and a state for each.

    Args:
        parameters: leaf Values, as from ``model.parameters()``.
        lr: the learning rate.

    Raises:
        TypeError: if something else than leaf Values is among the parameters.
        ValueError: if there are none, one comes twice, or lr is negative.
    """

    def __init__(self, parameters: Iterable[Value], lr: float) -> None:
        if isinstance(parameters, Value) or not isinstance(parameters, Iterable):
            raise TypeError(
                f"an optimiser takes a list of parameters, but got {type(parameters).__name__}: pass model.parameters()"
            )
        self.parameters = list(parameters)
        for parameter in self.parameters:
            if not isinstance(parameter, Value) or parameter.op is not None:
                raise TypeError(f"an optimiser takes leaf Values, but got {parameter!r}: pass model.parameters()")
        if not self.parameters or len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError("an optimiser needs parameters, each of them once: pass model.parameters()")
        if not lr >= 0.0:
            raise ValueError(f"the learning rate must not be negative, but is {lr}")
        self.lr = lr
        self.steps = 0

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Change every parameter that is not frozen by its gradient."""
        self.steps += 1
        for index, parameter in enumerate(self.parameters):
            if parameter.requires_grad:
                parameter.data -= self.update(index, parameter.data, parameter.grad)

    def update(self, index: int, data: Any, grad: Any) -> Any:
        """What is subtracted from the parameter with this index."""
        raise NotImplementedError


class SGD(Optimizer):
    """Gradient descent: ``v = momentum * v + grad + weight_decay * data``, then ``data -= lr * v``.

    >>> w = Value(5.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (0.5 * (w * 2.0 - 6.0) ** 2).backward()
    >>> optimizer.step()
    >>> w.data
    4.2
    """

    def __init__(self, parameters: Iterable[Value], lr: float = 1e-3, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, lr)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocity: list[Any] = [0.0] * len(self.parameters)

    def update(self, index: int, data: Any, grad: Any) -> Any:
        if self.weight_decay:
            grad = grad + self.weight_decay * data
        if self.momentum:
            grad = self.velocity[index] = self.momentum * self.velocity[index] + grad
        return self.lr * grad


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1): steps of size lr, scaled by running moments of the gradient.

    `weight_decay` times the parameter is added to the gradient.
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.first: list[Any] = [0.0] * len(self.parameters)
        self.second: list[Any] = [0.0] * len(self.parameters)

    def update(self, index: int, data: Any, grad: Any) -> Any:
        beta1, beta2 = self.betas
        if self.weight_decay:
            grad = grad + self.weight_decay * data
        first = self.first[index] = beta1 * self.first[index] + (1.0 - beta1) * grad
        second = self.second[index] = beta2 * self.second[index] + (1.0 - beta2) * (grad * grad)
        scale = math.sqrt(1.0 - beta2**self.steps)
        root = math.sqrt(second) if isinstance(second, float) else np.sqrt(second)
        return (self.lr / (1.0 - beta1**self.steps)) * first / (root / scale + self.eps)

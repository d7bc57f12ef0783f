"""Modules that hold modules: Sequential, and the lists and dicts of modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nn.module import Module


class Sequential(Module):
    """Modules, or plain functions of Values, one after the other.

    >>> import numpy as np
    >>> from nn import Linear, ReLU
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

"""Networks built neuron by neuron from scalar Values, as in micrograd: for understanding, not for speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from autograd import Value
from nn.arrays import Rng
from nn.module import Module
from nn.seeds import generator


def one_sample(x: Any) -> Any:
    """Return the numbers or scalar Values of one sample as a sequence; raise ValueError for a batch."""
    if getattr(x, "ndim", 1) != 1:
        raise ValueError(f"neurons take one sample, a list of numbers or scalar Values, got the shape {x.shape}: loop over rows")
    return x.tolist() if isinstance(x, np.ndarray) else x


class Neuron(Module):
    """Computes ``relu(w . x + b)``, or ``w . x + b`` if not `nonlin`.

    Args:
        nin: the number of inputs.
        nonlin: whether to apply relu.
        rng: a numpy Generator or a seed, or None, see nn.seed(); weights start uniform in (-1, 1), the bias at 0.

    >>> Neuron(3, rng=0)([1.0, 2.0, 3.0]).shape
    ()
    """

    def __init__(self, nin: int, nonlin: bool = True, *, rng: Rng = None) -> None:
        rng = generator(rng)
        self.w = [Value(weight) for weight in rng.uniform(-1.0, 1.0, nin).tolist()]
        self.b = Value(0.0)
        self.nonlin = nonlin

    def forward(self, x: Any) -> Value:
        """Return a scalar Value for a sequence of `nin` numbers or scalar Values."""
        x = one_sample(x)
        if len(x) != len(self.w):
            raise ValueError(
                f"a Neuron of {len(self.w)} inputs got {len(x)}: it takes one sample, a list of numbers or scalar Values"
            )
        total = self.b
        for weight, item in zip(self.w, x, strict=False):  # a tenth faster than strict, and checked above
            total = total + weight * item
        return total.relu() if self.nonlin else total

    def extra_repr(self) -> str:
        return f"{len(self.w)}, {'relu' if self.nonlin else 'linear'}"


class Layer(Module):
    """Holds `nout` neurons that share their `nin` inputs.

    >>> len(Layer(2, 3, rng=0)([1.0, -1.0]))
    3
    """

    def __init__(self, nin: int, nout: int, nonlin: bool = True, *, rng: Rng = None) -> None:
        rng = generator(rng)
        self.nin, self.nonlin = nin, nonlin
        self.neurons = [Neuron(nin, nonlin, rng=rng) for _ in range(nout)]

    def forward(self, x: Any) -> Any:
        """Return the neurons' outputs: a list of scalar Values, or one Value if there is one neuron."""
        x = one_sample(x)
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def extra_repr(self) -> str:
        return f"{self.nin} -> {len(self.neurons)}, {'relu' if self.nonlin else 'linear'}"

    def _shown_children(self) -> Iterator[tuple[str, Module]]:
        return iter(())  # the neurons are alike


class MLP(Module):
    """Chains layers of neurons with relu between them; the last layer is linear.

    Args:
        nin: the number of inputs.
        nouts: the sizes of the layers.
        rng: a numpy Generator or a seed, or None, see nn.seed().

    >>> model = MLP(2, [16, 16, 1], rng=0)
    >>> model
    MLP(2, [16, 16, 1])                   337 parameters
      layers.0: Layer(2 -> 16, relu)       48
      layers.1: Layer(16 -> 16, relu)     272
      layers.2: Layer(16 -> 1, linear)     17
    >>> model([1.0, -2.0]).shape
    ()
    """

    def __init__(self, nin: int, nouts: Sequence[int], *, rng: Rng = None) -> None:
        rng = generator(rng)
        self.nin = nin
        sizes = [nin, *nouts]
        self.layers = [Layer(sizes[i], sizes[i + 1], i + 1 < len(nouts), rng=rng) for i in range(len(nouts))]

    def forward(self, x: Any) -> Any:
        """Return a list of scalar Values, or one Value for one output, for a sequence of `nin` numbers or Values."""
        for layer in self.layers:
            x = layer([x] if isinstance(x, Value) and x.ndim == 0 else x)
        return x

    def extra_repr(self) -> str:
        return f"{self.nin}, {[len(layer.neurons) for layer in self.layers]}"

"""Initialisers: functions that return an array of a given shape, to assign to the data of a parameter.

All are called as ``name(shape, rng, dtype)``, followed by their own settings. A weight has the layout (out, in, *kernel), as in
Linear and Conv2d. Its fan_in is the number of inputs of one output, in * kernel size; its fan_out is the number of outputs that
one input reaches, out * kernel size.

>>> import nn
>>> layer = nn.Linear(64, 32)
>>> layer.weight.data = he_normal(layer.weight.shape, rng=0)
>>> model = initialise(nn.Sequential(layer, nn.ReLU(), nn.Linear(32, 10)), weights=he_normal, biases=zeros, rng=0)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Any, TypeVar

import numpy as np

from autograd import Value
from nn.arrays import Rng, require_float
from nn.module import Module
from nn.seeds import generator

Shape = int | tuple[int, ...]
Initialiser = Callable[..., np.ndarray]
AnyModule = TypeVar("AnyModule", bound=Module)

GAINS = {"linear": 1.0, "conv": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}


def gain(nonlinearity: str, slope: float = 0.01) -> float:
    """Return the factor of weights that keeps the standard deviation of activations, from PyTorch's table.

    Args:
        nonlinearity: "linear", "conv", "sigmoid", "tanh", "relu", "selu" or "leaky_relu".
        slope: the negative slope of leaky_relu.

    >>> gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1.0 + slope**2))
    if nonlinearity not in GAINS:
        raise ValueError(f"gain() knows {', '.join(GAINS)} and leaky_relu, got {nonlinearity!r}: pass a number as gain=")
    return GAINS[nonlinearity]


# --- constants ------------------------------------------------------------------------------------


def zeros(shape: Shape, rng: Rng = None, dtype: Any = np.float64) -> np.ndarray:
    """Return zeros."""
    return np.zeros(shape, dtype)


def ones(shape: Shape, rng: Rng = None, dtype: Any = np.float64) -> np.ndarray:
    """Return ones."""
    return np.ones(shape, dtype)


def constant(shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, value: float) -> np.ndarray:
    """Return the same number everywhere.

    >>> constant(2, value=0.5)
    array([0.5, 0.5])
    """
    return np.full(shape, value, dtype)


# --- distributions --------------------------------------------------------------------------------


def uniform(
    shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, low: float = 0.0, high: float = 1.0
) -> np.ndarray:  # fmt: skip
    """Draw from the uniform distribution from `low` to `high`."""
    require_float(dtype)
    return generator(rng).uniform(low, high, shape).astype(dtype)


def normal(
    shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, mean: float = 0.0, std: float = 1.0
) -> np.ndarray:  # fmt: skip
    """Draw from the normal distribution with this mean and standard deviation."""
    require_float(dtype)
    return generator(rng).normal(mean, std, shape).astype(dtype)


def truncated_normal(
    shape: Shape,
    rng: Rng = None,
    dtype: Any = np.float64,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
) -> np.ndarray:
    """Draw from the normal distribution, again for each number outside of `low` to `high`, which are not multiples of `std`.

    Raises:
        ValueError: if less than a hundredth of the distribution lies between the bounds.
    """
    require_float(dtype)
    if not std > 0.0:
        raise ValueError(f"truncated_normal() takes a positive std, got {std}")
    distribution = NormalDist(mean, std)
    inside = distribution.cdf(high) - distribution.cdf(low)
    if not inside >= 0.01:
        raise ValueError(
            f"truncated_normal() from {low:g} to {high:g} would keep {inside:.2g} of a normal distribution of mean {mean:g} "
            f"and std {std:g}: move the bounds, or use uniform()"
        )
    rng = generator(rng)
    out = rng.normal(mean, std, shape)
    while (outside := (out < low) | (out > high)).any():
        out[outside] = rng.normal(mean, std, np.count_nonzero(outside))
    return np.clip(out.astype(dtype), low, high)  # float32 may round over a bound


# --- by the number of inputs and outputs ------------------------------------------------------------


def fans(shape: Shape) -> tuple[int, int]:
    """Return fan_in and fan_out of a weight (out, in, *kernel): the inputs of one output, and the outputs of one input.

    >>> fans((16, 8, 3, 3))
    (72, 144)
    """
    if isinstance(shape, (Value, np.ndarray)):
        raise TypeError(
            "initialisers take a shape and return an array, got a parameter: write weight.data = he_normal(weight.shape)"
        )
    if isinstance(shape, (int, np.integer)) or len(shape) < 2:
        raise ValueError(f"a weight (out, in, *kernel) must have two axes or more, got the shape {shape}: use zeros() for a bias")
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def scaled(shape: Shape, rng: Rng, dtype: Any, gain: float, fan: str, draw: str) -> np.ndarray:
    """Draw numbers of variance gain^2 / fan, where `fan` is "fan_in", "fan_out" or "average" and `draw` "normal" or "uniform"."""
    fan_in, fan_out = fans(shape)
    sizes = {"fan_in": fan_in, "fan_out": fan_out, "average": (fan_in + fan_out) / 2.0}
    if fan not in sizes:
        raise ValueError(f"the fan must be 'fan_in', 'fan_out' or 'average', got {fan!r}")
    std = gain / math.sqrt(sizes[fan] or 1)
    bound = math.sqrt(3.0) * std  # of the uniform distribution with that deviation
    return normal(shape, rng, dtype, std=std) if draw == "normal" else uniform(shape, rng, dtype, low=-bound, high=bound)


def glorot_uniform(shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, gain: float = 1.0) -> np.ndarray:
    """Draw uniformly with variance 2 / (fan_in + fan_out), for tanh and sigmoid (Glorot and Bengio 2010). Also called Xavier."""
    return scaled(shape, rng, dtype, gain, "average", "uniform")


def glorot_normal(shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, gain: float = 1.0) -> np.ndarray:
    """Draw normally with variance 2 / (fan_in + fan_out), for tanh and sigmoid (Glorot and Bengio 2010). Also called Xavier."""
    return scaled(shape, rng, dtype, gain, "average", "normal")


def he_uniform(
    shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, gain: float = GAINS["relu"], fan: str = "fan_in"
) -> np.ndarray:
    """Draw uniformly with variance 2 / fan_in, for relu (He et al. 2015). Also called Kaiming."""
    return scaled(shape, rng, dtype, gain, fan, "uniform")


def he_normal(
    shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, gain: float = GAINS["relu"], fan: str = "fan_in"
) -> np.ndarray:
    """Draw normally with variance 2 / fan_in, for relu (He et al. 2015). Also called Kaiming."""
    return scaled(shape, rng, dtype, gain, fan, "normal")


def lecun_uniform(shape: Shape, rng: Rng = None, dtype: Any = np.float64) -> np.ndarray:
    """Draw uniformly with variance 1 / fan_in, for selu and linear layers (LeCun et al. 1998)."""
    return scaled(shape, rng, dtype, 1.0, "fan_in", "uniform")


def lecun_normal(shape: Shape, rng: Rng = None, dtype: Any = np.float64) -> np.ndarray:
    """Draw normally with variance 1 / fan_in, for selu and linear layers (LeCun et al. 1998)."""
    return scaled(shape, rng, dtype, 1.0, "fan_in", "normal")


xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal = glorot_uniform, glorot_normal, he_uniform, he_normal


# --- maps that keep lengths -------------------------------------------------------------------------


def orthogonal(shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, gain: float = 1.0) -> np.ndarray:
    """Draw a weight (out, in * kernel size) with orthonormal rows, or columns if there are more rows, times `gain`.

    All such weights are equally likely: the Q of a normal matrix, with the signs of the diagonal of R (Saxe et al. 2014,
    Mezzadri 2007).

    >>> q = orthogonal((3, 5), rng=0)
    >>> np.allclose(q @ q.T, np.eye(3))
    True
    """
    fans(shape)  # raises an error for a bias
    require_float(dtype)
    rows, columns = shape[0], math.prod(shape[1:])  # type: ignore[index]
    q, r = np.linalg.qr(generator(rng).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diag(r) < 0.0, -1.0, 1.0)
    return (gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype)


def identity(shape: Shape, rng: Rng = None, dtype: Any = np.float64, *, gain: float = 1.0) -> np.ndarray:
    """Return a weight (out, in, *kernel) that passes input n to output n, where both exist; a kernel has its 1 in the middle.

    PyTorch calls it eye_ for matrices and dirac_ for kernels.

    >>> identity((2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    fans(shape)  # raises an error for a bias
    out = np.zeros(shape, dtype)
    channels = np.arange(min(shape[:2]))  # type: ignore[index]
    out[(channels, channels, *(size // 2 for size in shape[2:]))] = gain  # type: ignore[index]
    return out


# --- a whole model ----------------------------------------------------------------------------------


def initialise(
    model: AnyModule, weights: Initialiser = he_normal, biases: Initialiser | None = zeros, rng: Rng = None
) -> AnyModule:
    """Set the weights and biases of a model and all modules in it, and return the model.

    Biases are the parameters with "bias" in their name, weights all others with two axes or more. Scales of normalisation
    layers, tables of Embedding, neurons of scalars and frozen parameters stay as they are: a module names such parameters in
    `skips_initialise`.

    Args:
        model: a module.
        weights, biases: functions ``(shape, rng=, dtype=)`` that return an array, such as those in nn.init; set their options
            with functools.partial. None leaves the biases as they are.
        rng: a numpy Generator or a seed, or None, see nn.seed().

    Raises:
        ValueError: if the model has nothing to set.

    >>> import nn
    >>> layer = initialise(nn.Linear(2, 2), weights=identity)
    >>> layer([3.0, 4.0]).data
    array([3., 4.])
    """
    rng = generator(rng)
    found = False
    for name, parameter in _trainable(model):
        is_bias = parameter.ndim >= 1 and "bias" in name.rpartition(".")[2]
        is_weight = parameter.ndim >= 2 and not is_bias
        chosen = weights if is_weight else biases if is_bias else None
        found = found or is_weight
        if chosen is not None:
            parameter.data = chosen(parameter.shape, rng=rng, dtype=parameter.dtype)
    if not found:
        raise ValueError(
            f"initialise() found no weight of two axes or more in {type(model).__name__} that is not frozen: "
            "set .data of its parameters, or unfreeze() it"
        )
    return model


def _trainable(model: Module) -> Iterator[tuple[str, Value]]:
    """Yield (path, parameter) for those that are neither frozen nor in the `skips_initialise` of their module."""
    kept = {id(getattr(module, name)) for module in model.modules() for name in module.skips_initialise}
    return ((name, p) for name, p in model.named_parameters() if p.requires_grad and id(p) not in kept)

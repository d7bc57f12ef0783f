"""Linear layers, embedding, dropout and reshaping: one operation for a whole batch. Names and defaults follow PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import Value, stop_gradient, where
from autograd.ops import linear, reshape
from nn.arrays import Rng, flag, floating, no_tuple, raw_array, require_float, shape_of
from nn.module import Module
from nn.seeds import generator, random


def uniform_parameter(rng: Rng, fan_in: int, shape: Any, dtype: Any) -> Value:
    """Return a parameter that starts uniform within 1 / sqrt(fan_in), as in PyTorch."""
    require_float(dtype)
    bound = 1.0 / math.sqrt(fan_in) if fan_in > 0 else 0.0
    return Value(generator(rng).uniform(-bound, bound, shape).astype(dtype))


class Linear(Module):
    """Computes the affine map ``x @ weight.T + bias``: (..., in_features) -> (..., out_features).

    `weight` has the shape (out_features, in_features), as in PyTorch: row n belongs to output n. Both
    start uniform within 1 / sqrt(in_features).

    Args:
        in_features, out_features: sizes of the last axis before and after.
        bias: whether to add a bias.
        dtype: the dtype of the parameters.
        rng: a numpy Generator or a seed, or None, see nn.seed().

    Raises:
        ValueError: if the last axis of an input does not have the length in_features.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = np.float64, rng: Rng = None
    ) -> None:
        rng = generator(rng)
        self.weight = uniform_parameter(rng, in_features, (out_features, in_features), dtype)
        self.bias = uniform_parameter(rng, in_features, out_features, dtype) if flag("bias", bias) else None

    def forward(self, x: Any) -> Value:
        shape = shape_of(x, self)
        if not shape or shape[-1] != self.weight.shape[1]:
            raise ValueError(f"{self._title()} takes (..., {self.weight.shape[1]}), got the shape {shape}")
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        out_features, in_features = self.weight.shape
        return f"{in_features}, {out_features}" + ("" if self.bias is not None else ", bias=False")


class Bilinear(Module):
    """Computes ``x1 @ weight[n] @ x2 + bias[n]`` for each output n: (..., in1), (..., in2) -> (..., out).

    `weight` has the shape (out_features, in1_features, in2_features). Both start uniform within 1 / sqrt(in1_features).

    Args:
        in1_features, in2_features, out_features: sizes of the last axes of the two inputs, and of the output.
        bias: whether to add a bias.
        dtype: the dtype of the parameters.
        rng: a numpy Generator or a seed, or None, see nn.seed().

    Raises:
        ValueError: if the last axes of the inputs have other lengths, or the axes before them differ.

    >>> Bilinear(3, 4, 2, rng=0)(np.ones((5, 3)), np.ones((5, 4))).shape
    (5, 2)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: Any = np.float64,
        rng: Rng = None,
    ) -> None:
        rng = generator(rng)
        self.weight = uniform_parameter(rng, in1_features, (out_features, in1_features, in2_features), dtype)
        self.bias = uniform_parameter(rng, in1_features, out_features, dtype) if flag("bias", bias) else None

    def forward(self, x1: Any, x2: Any) -> Value:
        x1, x2 = (floating(x, self, self.weight) for x in (x1, x2))
        out, in1, in2 = self.weight.shape
        lead = shape_of(x1, self)[:-1]
        if np.shape(x1) != (*lead, in1) or np.shape(x2) != (*lead, in2):
            raise ValueError(
                f"{self._title()} takes (..., {in1}) and (..., {in2}) with the same axes in front, "
                f"got the shapes {np.shape(x1)} and {np.shape(x2)}"
            )
        pairs = reshape(x1, (*lead, in1, 1)) * reshape(x2, (*lead, 1, in2))
        return linear(reshape(pairs, (*lead, in1 * in2)), reshape(self.weight, (out, in1 * in2)), self.bias)  # one product

    def extra_repr(self) -> str:
        out, in1, in2 = self.weight.shape
        return f"{in1}, {in2}, {out}" + ("" if self.bias is not None else ", bias=False")


class Embedding(Module):
    """Looks up vectors in a table by integers of any kind: (...) -> (..., embedding_dim).

    `weight` has the shape (num_embeddings, embedding_dim) and starts normal with deviation 1. The gradients of a row that is
    looked up more than once add up.

    Args:
        num_embeddings: the number of vectors.
        embedding_dim: the length of each.
        padding_idx: the index of a row for padding, which starts at zero and has no gradient; negative counts from the end.
        dtype: the dtype of the table.
        rng: a numpy Generator or a seed, or None, see nn.seed().

    Raises:
        TypeError: if the indices are not integers.
        ValueError: if an index is negative or outside the table, or padding_idx is outside the table.

    >>> Embedding(10, 3, rng=0)([[1, 2], [2, 9]]).shape
    (2, 2, 3)
    """

    skips_initialise = ("weight",)

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        dtype: Any = np.float64,
        rng: Rng = None,
    ) -> None:
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx must be one of the {num_embeddings} rows, got {padding_idx}")
        require_float(dtype)
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        table = generator(rng).normal(size=(num_embeddings, embedding_dim)).astype(dtype)
        if self.padding_idx is not None:
            table[self.padding_idx] = 0.0
        self.weight = Value(table)

    def forward(self, indices: Any) -> Value:
        data = raw_array(no_tuple(indices, self))
        indices = data if data.size else data.astype(int)  # the dtype of an empty list is float64
        rows = len(self.weight)
        if indices.dtype.kind not in "iu":
            raise TypeError(f"{self._title()} takes integers, got the dtype {indices.dtype}: use indices.astype(int)")
        if indices.size and not (indices.min() >= 0 and indices.max() < rows):
            raise ValueError(f"{self._title()} has the rows 0 to {rows - 1}, got indices from {indices.min()} to {indices.max()}")
        indices = indices.astype(np.intp)
        out = self.weight[indices]
        if self.padding_idx is None or not (padding := indices == self.padding_idx).any():
            return out
        return where(padding[..., None], stop_gradient(self.weight[self.padding_idx]), out)

    def extra_repr(self) -> str:
        rows, length = self.weight.shape
        return f"{rows}, {length}" + ("" if self.padding_idx is None else f", padding_idx={self.padding_idx}")


class Flatten(Module):
    """Merges the axes `start_axis` to `end_axis` into one: by default (N, ...) -> (N, elements).

    >>> Flatten()(np.zeros((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        self.start_axis, self.end_axis = start_axis, end_axis

    def forward(self, x: Any) -> Any:
        shape = shape_of(x, self)
        start, end = (axis + len(shape) if axis < 0 else axis for axis in (self.start_axis, self.end_axis))
        if not 0 <= start <= end < len(shape):
            raise ValueError(f"{self._title()} takes inputs with these axes, in this order, got the shape {shape}")
        return reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))

    def extra_repr(self) -> str:
        return f"start_axis={self.start_axis}, end_axis={self.end_axis}"


class Identity(Module):
    """Returns its input; a placeholder layer."""

    def forward(self, x: Any) -> Any:
        return x


def dropout(x: Any, p: float = 0.5, rng: Rng = None) -> Any:
    """Set each element of `x` to zero with probability `p` and divide all others by ``1 - p`` (Srivastava et al. 2014).

    Args:
        x: an array or Value of any shape; float32 stays float32.
        p: from 0, which changes nothing, to 1, which gives zeros.
        rng: a numpy Generator or a seed, or None, see nn.seed().

    Raises:
        ValueError: if `p` is not a probability.

    >>> dropout(np.ones(5), rng=0)
    array([2., 2., 2., 0., 0.])
    """
    require_probability(p)
    if p == 0.0:
        return x
    x = floating(x, "dropout()")
    kept = random(rng, np.shape(x), np.float32) >= p  # 24 bits are enough, and twice as fast
    return x * np.multiply(kept, 1.0 / (1.0 - p) if p < 1.0 else 0.0, dtype=getattr(x, "dtype", float))


def require_probability(p: float) -> None:
    """Raise ValueError unless `p` is from 0 to 1."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout needs a probability from 0 to 1, got p={p}")


class Dropout(Module):
    """Calls dropout() in training mode; returns its input in eval mode.

    Args:
        p: the probability that an element becomes zero.
        rng: a numpy Generator or a seed, or None, see nn.seed(). The attribute `rng` is the Generator, which is saved with the
            model; layers with the same seed drop the same elements, so pass one Generator to all of them.

    Raises:
        ValueError: if `p` is not a probability.

    >>> Dropout(0.5).eval()(np.ones(3))
    array([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        require_probability(p)
        self.p, self.rng = p, generator(rng)

    def forward(self, x: Any) -> Any:
        no_tuple(x, self)
        return dropout(x, self.p, self.rng) if self.training else x

    def extra_repr(self) -> str:
        return f"{self.p}"

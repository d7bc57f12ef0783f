"""Layers on arrays: one operation for a whole batch. Names and defaults follow PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import Value, linear
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

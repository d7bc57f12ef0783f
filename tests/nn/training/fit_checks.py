"""Shared by the tests of training: data, a small network, a short run of fit()."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3


def network(seed: int = 0, dropout: float = 0.0) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(3, 8, rng=rng), nn.Tanh(), nn.Dropout(dropout, rng=rng), nn.Linear(8, 1, rng=rng))


def run(model: nn.Module, *, lr: float = 0.05, data: Any = (X, Y), loss: Any = nn.mse_loss, **options: Any) -> nn.History:
    optimizer = options.pop("optimizer", None) or nn.Adam(model.named_parameters(), lr=lr)
    options = {"epochs": 5, "batch_size": 16, "progress": False, "rng": 1} | options
    return nn.fit(model, loss, optimizer, data, **options)


def same(a: nn.Module, b: nn.Module | dict[str, np.ndarray]) -> bool:
    """Return whether two models, or a model and a state, have the same numbers."""
    other = b.state_dict() if isinstance(b, nn.Module) else b
    return all((array == other[name]).all() for name, array in a.state_dict().items())

"""Checks of finite gradients find nan and infinity in arrays of any memory order."""

from __future__ import annotations

import numpy as np
import pytest

from autograd.compiler.passes.finite import are_finite
from autograd.ops.inputs import is_finite


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_found_in_any_memory_order(order: tuple[int, ...], step: int, bad: float) -> None:
    x = np.ones((6, 40, 5)).transpose(order)[:, ::step]
    y = x.copy("K")
    y[-1, -1, -1] = bad
    assert is_finite(x) and are_finite(x, x)
    assert not is_finite(y) and not are_finite(x, y)
    assert is_finite(1.0) and not is_finite(bad)

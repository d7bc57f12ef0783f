"""At kinks and ties, each op gives the subgradient of least norm over its inputs that are Values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Value, gradient, relu, where
from autograd.ops import clip, leaky_relu, maximum, minimum

AT_ZERO: list[tuple[str, Callable[[Any], Any], float]] = [
    ("relu", relu, 0.0),
    ("abs", abs, 0.0),
    ("leaky_relu", leaky_relu, 0.01),
    ("leaky_relu, steep", lambda x: leaky_relu(x, 3.0), 1.0),
    ("leaky_relu, downwards", lambda x: leaky_relu(x, -0.5), 0.0),
    ("maximum(x, 0)", lambda x: maximum(x, 0.0), 0.0),
    ("maximum(0, x)", lambda x: maximum(0.0, x), 0.0),
    ("minimum(x, 0)", lambda x: minimum(x, 0.0), 0.0),
    ("minimum(0, x)", lambda x: minimum(0, x), 0.0),
    ("clip at low", lambda x: clip(x, 0.0, 1.0), 0.0),
    ("clip at high", lambda x: clip(x, -1.0, 0.0), 0.0),
    ("where(x > 0, x, 0)", lambda x: where(x > 0, x, 0.0), 0.0),
    ("where(x >= 0, x, 0)", lambda x: where(x >= 0, x, 0.0), 1.0),
    ("x * x", lambda x: x * abs(x), 0.0),
    ("x ** 0", lambda x: x**0, 0.0),
    ("x ** 1", lambda x: x**1, 1.0),
    ("x ** 2", lambda x: x**2, 0.0),
    ("maximum(x, x)", lambda x: maximum(x, x), 1.0),
]


@pytest.mark.parametrize(("f", "slope"), [case[1:] for case in AT_ZERO], ids=[case[0] for case in AT_ZERO])
def test_slope_at_zero(f: Callable[[Any], Any], slope: float) -> None:
    scalar, tensor, single = Value(0.0), Value([0.0, 0.0]), Value(np.zeros(2, dtype=np.float32))
    f(scalar).backward()
    assert scalar.grad == slope
    for x in (tensor, single):
        f(x).sum().backward()
        np.testing.assert_array_equal(x.grad, np.full(2, slope, dtype=x.dtype))
        np.testing.assert_array_equal(gradient(f(x).sum(), x).data, x.grad)
    assert gradient(f(scalar), scalar).data == slope


@pytest.mark.parametrize("f", [maximum, minimum])
def test_ties_of_two_values_are_halved(f: Callable[..., Value]) -> None:
    x, y = Value(2.0), Value(2.0)
    f(x, y).backward()
    assert (x.grad, y.grad) == (0.5, 0.5)
    x, y = Value([1.0, 2.0, 3.0]), Value(2.0)
    f(x, y).sum().backward()
    assert x.grad.tolist() == ([0.0, 0.5, 1.0] if f is maximum else [1.0, 0.5, 0.0])
    assert y.grad == 1.5


def test_ties_of_a_maximum_over_an_array_share_equally() -> None:
    x = Value([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    x.max().backward()
    assert x.grad.tolist() == [[0.0, 0.5, 0.5], [0.0, 0.0, 0.0]]
    x.grad = None
    x.max(axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0.0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    x.grad = None
    x.min(axis=0, keepdims=True).sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]


def test_clip_with_values_as_bounds() -> None:
    x, low, high = Value([-1.0, 0.0, 0.5, 2.0]), Value(0.0), Value(1.0)
    clip(x, low, high).sum().backward()
    assert x.grad.tolist() == [0.0, 0.5, 1.0, 0.0]
    assert (low.grad, high.grad) == (1.5, 1.0)
    y = Value(5.0)
    clip(y, None, high).backward()
    assert (y.grad, high.grad) == (0.0, 2.0)


def test_nan_is_passed_on() -> None:
    for f in (relu, lambda x: maximum(x, 0.0), lambda x: clip(x, 0.0, 1.0), lambda x: maximum(0.0, x), abs, leaky_relu):
        assert np.isnan(f(Value(np.nan)).data)
        assert np.isnan(f(Value([np.nan, 1.0])).data[0])
    assert np.isnan(maximum(Value(np.nan), Value(1.0)).data)
    assert np.isnan(maximum(Value(1.0), Value(np.nan)).data)
    assert np.isnan(minimum(Value(1.0), Value(np.nan)).data)


def test_powers_at_zero() -> None:
    base, exponent = Value(0.0), Value(2.0)
    (base**exponent).backward()
    assert (base.grad, exponent.grad) == (0.0, 0.0)
    zeros, exponents = Value([0.0, 0.0, 0.0]), np.array([0.0, 1.0, 2.0])
    (zeros**exponents).sum().backward()
    assert zeros.grad.tolist() == [0.0, 1.0, 0.0]
    assert gradient(gradient((zeros**exponents).sum(), zeros).sum(), zeros).data.tolist() == [0.0, 0.0, 2.0]

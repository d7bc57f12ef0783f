"""Compiled functions with max pooling after ReLU give the numbers of eager ones, to the last bit and in the same memory order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.ops import conv, max_pool, relu

WEIGHT = np.random.default_rng(0).normal(size=(4, 2, 3, 3))
Function = Callable[..., Any]


def images(seed: int, *special: float) -> np.ndarray:
    """Images of integers, whose convolutions with integers tie, and special numbers here and there."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, size=(48, 2, 14, 14)).astype(float)
    for number in special:
        x[tuple(rng.integers(0, n, 5) for n in x.shape)] = number
    return x


def alike(found: Any, right: Any) -> None:
    assert found.dtype == right.dtype
    np.testing.assert_array_equal(found, right)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(right))


def compared(function: Function, *special: float, seed: float | None = None) -> str:
    """Compare results and gradients of a compiled function of images and weights; return its source."""
    compiled = autograd.compile(function, strict=True)
    weight = np.round(WEIGHT)
    for number in range(5):
        data = images(number, *special) if number > 2 else images(number)
        results = []
        for f in (compiled, function):
            x, w = Value(data), Value(weight)
            with np.errstate(all="ignore"):
                out = f(x, w)
            g = np.cos(np.arange(out.data.size)).reshape(out.shape)
            g.flat[3 if number > 2 else 0] = 1.0 if seed is None or number < 3 else seed
            with np.errstate(all="ignore"):
                out.backward(g)
            results.append((out.data, x.grad, w.grad))
        for pair in zip(*results, strict=True):
            alike(*pair)
        assert results[0][0].strides == results[1][0].strides
    return str(compiled.source)


@pytest.mark.parametrize("special", [(), (-0.0,), (np.nan,), (np.inf, -np.inf)])
@pytest.mark.parametrize("size", [2, 3, (1, 2)])
def test_relu_is_taken_of_the_maxima(size: Any, special: tuple[float, ...]) -> None:
    source = compared(lambda x, w: max_pool(relu(conv(x, w)), size), *special)
    assert "unpool_rectified" in source and "max_unpool" not in source
    assert source.index("max_pool(") < source.index("maximum(")


@pytest.mark.parametrize("seed", [np.inf, np.nan])
def test_gradients_that_are_not_finite_are_those_of_eager_calls(seed: float) -> None:
    compared(lambda x, w: max_pool(relu(conv(x, w)), 2), seed=seed)
    compared(lambda x, w: max_pool(relu(conv(x, w)), 2), np.nan, np.inf, seed=seed)


def test_both_of_two_layers_are_changed() -> None:
    second = np.round(np.random.default_rng(1).normal(size=(3, 4, 2, 2)))
    source = compared(lambda x, w: max_pool(relu(conv(max_pool(relu(conv(x, w)), 2), second)), 2))
    assert source.count("unpool_rectified(") == 2


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: max_pool(relu(conv(x, w)), 3, 2),
        lambda x, w: max_pool(relu(conv(x, w)), 2, padding=1),
        lambda x, w: max_pool(relu(conv(x, w)), 5, ceil_mode=True),
        lambda x, w: max_pool(np.maximum(conv(x, w), 1.0), 2),
        lambda x, w: [h := relu(conv(x, w)), max_pool(h, 2) + h[:, :, ::2, ::2]][1],
        lambda x, w: [h := relu(conv(x, w)), max_pool(h, 2) + max_pool(h, 2, 2)[..., ::-1]][1],
        lambda x, w: max_pool(relu(x * w[0, 0, 0, 0]), 2),
        lambda x, w: max_pool(relu(x), 2) * w[0, 0, 0, 0],
    ],
    ids=["overlapping", "padding", "ceil_mode", "another_threshold", "used_twice", "pooled_twice", "batch_first", "argument"],
)
def test_other_programs_stay(function: Function) -> None:
    assert "unpool_rectified" not in compared(function)
    compared(function, np.nan, -np.inf)


def test_maximum_of_an_array_in_another_memory_order() -> None:
    def f(x: Value, w: Value) -> Any:
        return max_pool(relu(np.transpose(np.transpose(conv(x, w), (1, 0, 3, 2)) * 2.0, (1, 0, 3, 2))), 2)

    compared(f)
    compared(lambda x, w: max_pool(relu(np.transpose(x, (1, 0, 2, 3)) * w[0, 0, 0, 0]), 2))


def test_second_derivatives_and_inference() -> None:
    def slope(x: np.ndarray) -> Any:
        def inner(x: Any) -> Any:
            return (max_pool(relu(conv(x, WEIGHT)), 2) ** 3).sum()

        return autograd.grad(lambda x: (autograd.grad(inner)(x) ** 2).sum())(x)

    model = nn.Sequential(nn.Conv2d(2, 4, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2))
    for function in (slope, lambda x: model(x).data):
        compiled = autograd.compile(function, strict=True)
        for number in range(5):
            x = np.random.default_rng(number).normal(size=(8, 2, 14, 14))
            alike(compiled(x), function(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_steps_have_the_same_parameters(dtype: Any) -> None:
    def trained(compile: Function) -> list[np.ndarray]:
        model = nn.Sequential(
            nn.Conv2d(2, 4, 3, rng=0, dtype=dtype), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, rng=0, dtype=dtype), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3, rng=0, dtype=dtype),
        )  # fmt: skip
        optimizer = nn.SGD(model.parameters(), lr=0.1)

        def step(x: np.ndarray, y: np.ndarray) -> Value:
            optimizer.zero_grad()
            loss = nn.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        step = compile(step)
        for number in range(6):
            step(images(number).astype(dtype), np.arange(48) % 3)
        if hasattr(step, "source"):
            assert step.source.count("unpool_rectified(") == 2
        return [parameter.data for parameter in model.parameters()]

    for pair in zip(trained(autograd.compile), trained(lambda step: step), strict=True):
        alike(*pair)

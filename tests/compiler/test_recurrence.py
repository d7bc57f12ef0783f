"""Compiled recurrent layers: what an LSTM computes forward is kept for its loop back."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
from autograd import Value


def loss_of(layer, x, lengths):
    out, (hidden, cell) = layer(x) if lengths is None else layer(x, lengths=lengths)
    return (np.tanh(out) * 0.3).sum() + (hidden * hidden).sum() + (cell * 0.5).sum()


@pytest.mark.parametrize("scale", [0.3, 30.0], ids=["usual gates", "gates of almost 1"])
@pytest.mark.parametrize("lengths", [None, [5, 3, 7]], ids=["whole", "lengths"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lstm(dtype, bidirectional, lengths, scale):
    layer = nn.LSTM(4, 5, num_layers=2, bidirectional=bidirectional, rng=0, dtype=dtype)
    parameters = list(layer.parameters())

    @autograd.compile(strict=True)
    def step(x):
        for parameter in parameters:
            parameter.grad = None
        value = loss_of(layer, x, lengths)
        value.backward()
        return value

    for seed in range(5):
        x = (scale * np.random.default_rng(seed).normal(size=(7, 3, 4))).astype(dtype)
        found = step(x).item()
        gradients = [parameter.grad for parameter in parameters]
        for parameter in parameters:
            parameter.grad = None
        expected = loss_of(layer, x, lengths)
        expected.backward()
        tolerance = 1e-10 if dtype == "float64" else 1e-4
        assert found == pytest.approx(expected.item(), rel=tolerance)
        for gradient, parameter in zip(gradients, parameters, strict=True):
            assert gradient.dtype == dtype
            np.testing.assert_allclose(gradient, parameter.grad, tolerance, tolerance * np.abs(parameter.grad).max())
    assert "lstm_loop_back" in step.source


def test_loss_of_an_lstm_with_backward_outside_and_its_second_derivative():
    layer = nn.LSTM(3, 4, rng=0)
    loss = autograd.compile(lambda x: loss_of(layer, x, None), strict=True)
    for seed in range(4):
        data = np.random.default_rng(seed).normal(size=(6, 2, 3))
        x, y = Value(data), Value(data)
        loss(x).backward()
        loss_of(layer, y, None).backward()
        np.testing.assert_allclose(x.grad, y.grad, 1e-10)
    first, second = (autograd.hvp(f, data, np.ones_like(data)) for f in (loss, lambda x: loss_of(layer, x, None)))
    np.testing.assert_allclose(first, second, 1e-9)


def test_rule_of_an_lstm_is_the_same_on_arrays_and_on_values():
    layer = nn.LSTM(3, 4, rng=0)
    for scale in (0.5, 20.0):
        data = scale * np.random.default_rng(1).normal(size=(6, 2, 3))
        x = Value(data)
        (on_values,) = autograd.gradient(loss_of(layer, x, None), [x])
        plain = autograd.grad(lambda x: loss_of(layer, x, None))(data)
        np.testing.assert_allclose(np.asarray(getattr(on_values, "data", on_values)), plain, 1e-10, 1e-13)


def test_lstm_without_a_derivative_keeps_nothing():
    layer = nn.LSTM(3, 4, rng=0)
    predict = autograd.compile(lambda x: layer(x)[0].data, strict=True)
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=(6, 2, 3))
        assert np.array_equal(predict(x), layer(x)[0].data)
    assert "lstm" in predict.source
    assert "saving" not in predict.source

"""Neurons of scalar Values: their inputs, and the same network on arrays."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd import Value


def test_neurons_take_numbers_and_values() -> None:
    model = nn.MLP(2, [3, 2], rng=0)
    outs = model([1.0, -2.0])
    assert len(outs) == 2
    again = model([Value(1.0), Value(-2.0)])
    assert [out.data for out in outs] == [out.data for out in again]
    assert [out.data for out in model(np.array([1.0, -2.0]))] == [out.data for out in outs]
    assert isinstance(nn.MLP(2, [3, 1], rng=0)([1, 2]), Value)
    assert isinstance(nn.MLP(1, [1, 1], rng=0)([1]), Value)
    with pytest.raises(ValueError, match="a Neuron of 2 inputs got 3.*one sample"):
        model([1.0, 2.0, 3.0])
    path = str(outs[0].place)
    assert path == "MLP.layers.1.neurons.0"


def test_scalar_and_array_networks_agree() -> None:
    """A layer of neurons and a Linear of the same weights; the articles' W and its transpose are the same map."""
    layer = nn.Layer(2, 3, nonlin=False, rng=5)
    linear = nn.Linear(2, 3, rng=0)
    linear.weight.data = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
    linear.bias.data = np.array([neuron.b.data for neuron in layer.neurons])
    x = np.array([0.5, -1.5])
    np.testing.assert_allclose([out.data for out in layer(x)], linear(x).data)
    np.testing.assert_allclose((x @ linear.weight.T + linear.bias).data, linear(x).data)

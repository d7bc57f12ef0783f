"""Programs written for micrograd run with only their two import lines changed, and give equal gradients."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import micrograd.engine
import micrograd.nn
import numpy as np
import pytest

import autograd
import nn

ENGINES = {
    "micrograd": SimpleNamespace(Value=micrograd.engine.Value, MLP=micrograd.nn.MLP, Module=micrograd.nn.Module),
    "valuegrad": SimpleNamespace(Value=autograd.Value, MLP=nn.MLP, Module=nn.Module),
}


def moons_program(engine: Any, start: list[float], steps: int) -> tuple[list[float], list[float], float]:
    """Run the training loop of micrograd's demo on fixed points; return parameters, gradients and loss."""
    rng = np.random.default_rng(3)
    X = rng.uniform(-1.0, 1.0, (12, 2))
    y = np.sign(X[:, 0] * X[:, 1] + 0.1)
    model = engine.MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    for parameter, number in zip(model.parameters(), start, strict=True):
        parameter.data = number
    for k in range(steps):
        inputs = [list(map(engine.Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        assert len(accuracy) == 12
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
    return [p.data for p in model.parameters()], [p.grad for p in model.parameters()], total_loss.data


def test_the_moons_program() -> None:
    start = np.random.default_rng(0).uniform(-1.0, 1.0, 337).tolist()
    theirs, ours = (moons_program(ENGINES[name], start, 5) for name in ("micrograd", "valuegrad"))
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


def expression(Value: Any) -> list[float]:
    x, y = Value(-4.0), Value(2.5)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    out = h + q + q * x - y / 3 + (x * y) ** 2 + y**-1 + 1 / y - (3 - x)
    out.backward()
    return [out.data, x.grad, y.grad, z.grad, q.grad, h.grad]


def test_an_expression_and_its_inner_gradients() -> None:
    theirs, ours = (expression(engine.Value) for engine in ENGINES.values())
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def trace(root: Any) -> tuple[set[Any], set[Any]]:
    """Return nodes and edges of a graph, as micrograd's notebook does."""
    nodes, edges = set(), set()

    def build(v: Any) -> None:
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def test_attributes_that_the_notebooks_read() -> None:
    results = []
    for engine in ENGINES.values():
        a, b = engine.Value(2.0), engine.Value(-3.0)
        out = ((a * b + a) ** 2).relu()
        nodes, edges = trace(out)
        results.append((len(nodes), len(edges), sorted(node._op for node in nodes)))
        assert all(f"{node.data:.4f}" for node in nodes)
    assert results[0] == results[1] == (6, 6, ["", "", "*", "**2", "+", "ReLU"])


def test_a_module_in_micrograds_style() -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            self.w = autograd.Value(2.0)

        def __call__(self, x: Any) -> Any:
            return self.w * x

        def parameters(self) -> list[Any]:
            return [self.w]

    line = Line()
    line(3.0).backward()
    assert line.w.grad == 3.0
    line.zero_grad()
    assert line.w.grad == 0.0
    assert [f"{p.data}" for p in line.parameters()] == ["2.0"]


@pytest.mark.parametrize("name", list(ENGINES))
def test_neurons_have_micrograds_attributes(name: str) -> None:
    model = ENGINES[name].MLP(2, [4, 1])
    assert [len(layer.neurons) for layer in model.layers] == [4, 1]
    assert [neuron.nonlin for neuron in (model.layers[0].neurons[0], model.layers[1].neurons[0])] == [True, False]
    first = model.layers[0].neurons[0]
    assert model.parameters()[:3] == [*first.w, first.b]

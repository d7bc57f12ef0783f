"""Test that layers and losses compute in compiled functions what they compute otherwise, in training and eval mode."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn

RNG = np.random.default_rng(5)


def images(*shape: int) -> Callable[[], np.ndarray]:
    return lambda: RNG.normal(size=shape)


def tokens() -> np.ndarray:
    return RNG.integers(0, 7, (4, 5))


#: A function that creates the layer from a seed, and one that creates an input.
LAYERS: dict[str, tuple[Callable[[int], nn.Module], Callable[[], Any]]] = {
    "Linear": (lambda seed: nn.Linear(4, 3, rng=seed), images(5, 4)),
    "Embedding": (lambda seed: nn.Embedding(7, 3, rng=seed), tokens),
    "Embedding with padding": (lambda seed: nn.Embedding(7, 3, padding_idx=0, rng=seed), tokens),
    "Dropout": (lambda seed: nn.Sequential(nn.Linear(4, 6, rng=seed), nn.Dropout(0.4, rng=seed)), images(5, 4)),
    "BatchNorm1d": (lambda seed: nn.Sequential(nn.Linear(4, 3, rng=seed), nn.BatchNorm1d(3)), images(5, 4)),
    "BatchNorm1d, all batches": (lambda seed: nn.BatchNorm1d(4, momentum=None), images(5, 4)),
    "BatchNorm2d": (lambda seed: nn.BatchNorm2d(2), images(3, 2, 4, 4)),
    "LayerNorm": (lambda seed: nn.LayerNorm(4), images(5, 4)),
    "GroupNorm": (lambda seed: nn.GroupNorm(2, 4), images(3, 4, 5)),
    "Conv2d": (lambda seed: nn.Sequential(nn.Conv2d(1, 2, 3, rng=seed), nn.ReLU(), nn.MaxPool2d(2)), images(2, 1, 8, 8)),
    "AvgPool2d": (lambda seed: nn.Sequential(nn.Conv2d(1, 2, 3, rng=seed), nn.AvgPool2d(2)), images(2, 1, 8, 8)),
    "LSTM": (lambda seed: nn.LSTM(3, 4, num_layers=2, dropout=0.3, rng=seed), images(5, 2, 3)),
    "GRU": (lambda seed: nn.GRU(3, 4, rng=seed), images(5, 2, 3)),
    "RNN": (lambda seed: nn.RNN(3, 4, rng=seed), images(5, 2, 3)),
    "TransformerBlock": (lambda seed: nn.TransformerBlock(4, 2, 8, dropout=0.2, rng=seed), images(2, 5, 4)),
    **{
        name: (lambda seed, name=name: nn.Sequential(nn.Linear(4, 3, rng=seed), getattr(nn, name)()), images(5, 4))
        for name in ("ReLU", "Tanh", "Sigmoid", "GELU", "SiLU", "ELU", "LeakyReLU", "Softplus", "Mish", "Hardtanh")
    },
}


def output_of(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("name", LAYERS)
def test_layers_train_alike(name: str) -> None:
    """The same numbers, statistics and gradients in ten steps, of which some are in eval mode."""
    make, batch = LAYERS[name]
    plain, other = make(3), make(3)
    optimizers = [nn.Adam(model.parameters(), lr=0.01) for model in (plain, other)]

    def step_of(model: nn.Module, optimizer: Any) -> Callable[[Any], Any]:
        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (output_of(model(x)) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        return step

    steps = step_of(plain, optimizers[0]), autograd.compile(step_of(other, optimizers[1]))
    predictions = plain, autograd.compile(other)
    batches = [batch() for _ in range(10)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number, x in enumerate(batches):
            if number in (4, 8):
                for model in (plain, other):
                    model.eval()
                with autograd.no_grad():
                    for _ in range(3):
                        a, b = (output_of(predict(x)) for predict in predictions)
                        np.testing.assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-14)
                for model in (plain, other):
                    model.train()
            losses = [step(copy.deepcopy(x)) for step in steps]
            np.testing.assert_allclose(losses[0].data, losses[1].data, rtol=1e-11)
    for a, b in zip(plain.state_dict().values(), other.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert "1 program" in steps[1].explain() or "2 programs" in steps[1].explain(), steps[1].explain()


CLASSES, SCORES, NUMBERS = RNG.integers(0, 3, 6), RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3))
PROBABILITIES, SIGNS = RNG.uniform(0.1, 0.9, (6, 3)), np.sign(RNG.normal(size=(6, 3)))
#: A loss and its target for predictions of the shape (6, 3).
LOSSES: dict[str, tuple[Callable[..., Any], Any]] = {
    "cross_entropy": (nn.cross_entropy, CLASSES),
    "mse_loss": (nn.mse_loss, NUMBERS),
    "l1_loss": (nn.l1_loss, NUMBERS),
    "huber_loss": (nn.huber_loss, NUMBERS),
    "smooth_l1_loss": (nn.smooth_l1_loss, NUMBERS),
    "binary_cross_entropy_with_logits": (nn.binary_cross_entropy_with_logits, PROBABILITIES),
    "kl_div": (nn.kl_div, PROBABILITIES),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_alike_and_check_their_targets(name: str) -> None:
    function, target = LOSSES[name]
    w = autograd.Value(SCORES.copy())

    def loss(target: Any) -> Any:
        return function(w * 1.5, target)

    compiled = autograd.compile(loss)
    for number in range(5):
        given = np.roll(target, number, 0)
        w.grad = None
        expected = loss(given)
        expected.backward()
        gradient = w.grad
        w.grad = None
        found = compiled(given)
        found.backward()
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-14)
        np.testing.assert_allclose(w.grad, gradient, rtol=1e-13, atol=1e-16)
    assert "1 program" in compiled.explain()
    if name == "cross_entropy":
        with pytest.raises((ValueError, IndexError)):
            compiled(np.full(6, 3))

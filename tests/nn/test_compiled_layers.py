"""Every layer, activation and loss computes in compiled functions what it computes otherwise, to the last bit but for the LSTM.

The tables are those of test_dtypes.py, where a test fails if a layer or loss of nn is missing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from tests.nn import test_dtypes
from tests.nn.test_dtypes import parts

pytestmark = pytest.mark.filterwarnings("error")

Make = Callable[[], nn.Module]


def numbers(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], list[Any]]:
    return lambda rng: [rng.normal(size=shape) for shape in shapes]


def tokens(rng: np.random.Generator) -> list[Any]:
    return [rng.integers(0, 7, (4, 5))]


#: For each layer a function that creates it, and one that draws inputs.
LAYERS: dict[str, tuple[Make, Callable[[np.random.Generator], list[Any]]]] = {
    **{name: (lambda make=make: make(np.float64), numbers(*shapes)) for name, (make, shapes) in test_dtypes.LAYERS.items()},
    **{name: (getattr(nn, name), numbers((5, 4))) for name in test_dtypes.ACTIVATIONS if isinstance(getattr(nn, name), type)},
    "Embedding": (lambda: nn.Embedding(7, 3, rng=0), tokens),
    "Embedding with padding": (lambda: nn.Embedding(7, 3, padding_idx=0, rng=0), tokens),
    "BatchNorm1d over all batches": (lambda: nn.BatchNorm1d(4, momentum=None), numbers((5, 4))),
    "FunctionModule": (lambda: nn.Sequential(nn.Linear(4, 3, rng=0), lambda x: x**2), numbers((5, 4))),
    "float32": (lambda: nn.Sequential(nn.Linear(4, 3, dtype=np.float32, rng=0), nn.GELU()), numbers((5, 4))),
    "Conv2d with ReLU and MaxPool2d": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2)), numbers((2, 1, 8, 8)),
    ),
}  # fmt: skip
DEEPER: dict[str, tuple[Make, Callable[[np.random.Generator], list[Any]]]] = {
    **{
        f"{kind.__name__}, deep, with dropout": (
            lambda kind=kind: kind(3, 4, num_layers=2, bidirectional=True, dropout=0.3, rng=0), numbers((5, 2, 3)),
        )
        for kind in (nn.LSTM, nn.GRU, nn.RNN)
    },
    "MultiHeadAttention with dropout": (lambda: nn.MultiHeadAttention(4, 2, dropout=0.3, rng=0), numbers((2, 5, 4))),
    "TransformerBlock with dropout": (lambda: nn.TransformerBlock(4, 2, 8, dropout=0.2, causal=True, rng=0), numbers((2, 5, 4))),
    "MLP": (lambda: nn.MLP(4, [8, 8, 2], rng=0), numbers((4,))),
}  # fmt: skip
#: Their backward pass computes the gates again in eager calls, and takes those of the forward pass in replays.
CLOSE = {"LSTM", "LSTM, deep, with dropout"}
CONTAINERS = {"Module", "ModuleDict", "ModuleList"}


def test_every_layer_is_here() -> None:
    layers = {name for name in nn.__all__ if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)}
    assert layers - LAYERS.keys() - test_dtypes.LOSSES.keys() == CONTAINERS


class Twin:
    """A layer, its optimiser, and a factor of its inputs that is trained, too, if the layer has no parameters."""

    def __init__(self, layer: nn.Module, wrap: Callable[[Any], Any]) -> None:
        self.layer, self.factor = layer, [] if layer.parameters() else [Value(1.5)]
        self.optimizer = nn.Adam([*layer.parameters(), *self.factor], lr=0.01)
        self.step, self.predict = wrap(self.train), wrap(self.outputs)

    def outputs(self, inputs: list[Any]) -> list[Any]:
        return parts(self.layer(*([x * factor for x in inputs for factor in self.factor] or inputs)))

    def train(self, inputs: list[Any]) -> Any:
        self.optimizer.zero_grad()
        loss = (self.outputs(inputs)[0] ** 2).mean()  # sums of the gradients of several outputs may differ in their order
        loss.backward()
        self.optimizer.step()
        return loss

    def state(self) -> list[Any]:
        return [*self.layer.state_dict().values(), *(value.data for value in self.factor)]


def compare_training(make: Make, batch: Callable[[np.random.Generator], list[Any]], rtol: float) -> None:
    """Compare twelve calls, of which the middle ones are in eval mode and the last ones are replays."""
    rng, atol = np.random.default_rng(5), rtol
    plain, compiled = Twin(make(), lambda f: f), Twin(make(), autograd.compile)
    for number in range(12):
        inputs = batch(rng)
        for twin in (plain, compiled):
            twin.layer.train(not 4 <= number < 8)
        if 4 <= number < 8:
            with autograd.no_grad():
                found = [[*map(np.asarray, twin.predict(inputs))] for twin in (plain, compiled)]
        else:
            found = [[twin.step(inputs).data, *twin.state()] for twin in (plain, compiled)]
        for a, b in zip(*found, strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_allclose(a, b, rtol, atol, err_msg=f"call {number}")
    for function in (compiled.step, compiled.predict):
        assert "1 program" in function.explain(), function.explain()


@pytest.mark.parametrize("name", LAYERS)
def test_layers_train_alike(name: str) -> None:
    compare_training(*LAYERS[name], rtol=1e-12 if name in CLOSE else 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEPER)
def test_deeper_layers_train_alike(name: str) -> None:
    compare_training(*DEEPER[name], rtol=1e-12 if name in CLOSE else 0.0)


# --- losses -----------------------------------------------------------------------------------------------


def arguments(kind: str, rng: np.random.Generator) -> list[Any]:
    """Return a prediction (6, 3) and the other arguments of a loss; the kinds are those of test_dtypes.LOSSES."""
    x, y = rng.normal(size=(2, 6, 3))
    inside, signs = rng.uniform(0.1, 0.9, (2, 6, 3)), np.where(rng.normal(size=(6, 3)) > 0.0, 1.0, -1.0)
    return {
        "any": [x, y], "var": [x, y, inside[0]], "triple": [x, y, inside[0]], "classes": [x, rng.integers(0, 3, 6)],
        "ones": [x, signs], "unit": [inside[0], inside[1]], "pair": [x, y, signs], "rows": [x, y, signs[:, 0]],
    }[kind]  # fmt: skip


#: What replaces the last argument of a loss by a wrong one.
WRONG: dict[str, list[Callable[[Any], Any]]] = {
    "classes": [lambda y: y + 3, lambda y: y - 4], "unit": [lambda y: y + 3.0, lambda y: -y], "var": [lambda y: -y],
    "ones": [lambda y: 2.0 * y], "pair": [lambda y: 2.0 * y], "rows": [lambda y: 2.0 * y],
}  # fmt: skip
FUNCTIONS = [name for name in test_dtypes.LOSSES if getattr(nn, name).__module__ == "nn.losses" and name.islower()]
MODULES = [name for name in test_dtypes.LOSSES if not name.islower()]


def outcome(function: Callable[..., Any], w: Value, args: list[Any]) -> Any:
    """Return the loss and the gradient of the prediction, or the error."""
    w.grad = None
    try:
        loss = function(*args)
    except Exception as error:
        return type(error), str(error)
    loss.sum().backward()
    return np.array(loss.data).tolist(), w.grad.tolist()


def compare_losses(function: Callable[..., Any], kind: str) -> None:
    """Compare six calls with other targets, and then some with wrong ones."""
    rng = np.random.default_rng(5)
    prediction, *_ = arguments(kind, rng)
    w = Value(prediction)

    def loss(*args: Any) -> Any:
        return function(w * 1.0, *args)

    compiled = autograd.compile(loss)
    for _ in range(6):
        args = arguments(kind, rng)[1:]
        assert outcome(loss, w, args) == outcome(compiled, w, args)
    assert "1 program" in compiled.explain()
    for change in WRONG.get(kind, []):
        wrong = [*args[:-1], change(args[-1])]
        assert outcome(loss, w, wrong) == outcome(compiled, w, wrong)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_losses_are_alike_and_check_their_targets(name: str) -> None:
    compare_losses(getattr(nn, name), test_dtypes.LOSSES[name])


@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", MODULES)
def test_modules_of_losses_are_alike(name: str, reduction: str) -> None:
    kind = getattr(nn, name)
    takes = "reduction" in inspect.signature(kind).parameters
    compare_losses(kind(reduction=reduction) if takes else kind(), test_dtypes.LOSSES[name])

"""evaluate(): metrics of all samples at once, batches of different lengths, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value
from tests.nn.training.fit_checks import X, Y, network, run


def test_metrics_are_those_of_all_samples_at_once() -> None:
    model = network()
    history = run(model, validation=(X[:37], Y[:37]), metrics={"r2": nn.r2_score, "l1": nn.l1_loss}, restore_best=False)
    prediction = model.eval()(X[:37]).data
    assert history["validation_loss"][-1] == pytest.approx(float(nn.mse_loss(prediction, Y[:37])))
    assert history["r2"][-1] == pytest.approx(nn.r2_score(prediction, Y[:37]))
    assert history["l1"][-1] == pytest.approx(np.abs(prediction - Y[:37]).mean())


def test_evaluate_says_what_is_wrong() -> None:
    class Gives(nn.Module):
        def __init__(self, what: Any) -> None:
            self._what = what

        def forward(self, x: Any) -> Any:
            return self._what

    for what, got in ((None, "NoneType"), ((X, X), "tuple"), (Value(1.0), "a single number")):
        with pytest.raises(ValueError, match=rf"one Value \(samples, ...\), got {got}: what does forward\(\) return"):
            nn.evaluate(Gives(what), (X, Y), {"r2": nn.r2_score})
    with pytest.raises(TypeError, match="metrics must be functions by name, .* got function"):
        nn.evaluate(network(), (X, Y), nn.mse_loss)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no batches, and a generator can be used only once"):
        nn.evaluate(network(), iter([]), {"r2": nn.r2_score})


class Tagger(nn.Module):
    """Predicts a class for each token."""

    def __init__(self) -> None:
        self.table, self.readout = nn.Embedding(5, 4, rng=0), nn.Linear(4, 3, rng=1)

    def forward(self, x: Any) -> Any:
        return self.readout(self.table(x))


def test_batches_of_different_lengths() -> None:
    """Losses and accuracy are those of all tokens together, without padding."""
    rng, model = np.random.default_rng(0), Tagger()
    batches = [(rng.integers(5, size=(n, length)), rng.integers(3, size=(n, length))) for n, length in ((2, 5), (3, 7), (1, 2))]
    batches[1][1][0, 3:] = -100
    scores = np.concatenate([model(x).data.reshape(-1, 3) for x, _ in batches])
    targets = np.concatenate([y.reshape(-1) for _, y in batches])
    real = targets != -100
    each = np.log(np.exp(scores).sum(1)) - scores[np.arange(len(scores)), np.where(real, targets, 0)]
    found = nn.evaluate(model, batches, {"mean": nn.cross_entropy, "sum": nn.CrossEntropyLoss(reduction="sum")})
    assert found == pytest.approx({"mean": each[real].mean(), "sum": each[real].sum()}, rel=1e-12)
    whole = [batches[0], batches[2]]
    right = (scores.argmax(1) == targets)[[*range(10), *range(31, 33)]].mean()
    own = {"accuracy": nn.accuracy, "own": lambda prediction, target: (prediction.argmax(-1) == target).mean()}
    assert nn.evaluate(model, whole, own) == pytest.approx({"accuracy": right, "own": right}, rel=1e-12)
    with pytest.raises(ValueError, match="the metric r2 is not a mean over samples, and batches of different shapes"):
        nn.evaluate(model, whole, {"r2": lambda prediction, target: nn.r2_score(prediction[..., 0], target)})
    history = run(model, lr=0.0, data=batches, validation=batches, loss=nn.cross_entropy, epochs=1)
    assert history["loss"] == pytest.approx([each[real].mean()]) == history["validation_loss"]

"""Metrics: accuracy() in its three forms and r2_score(), of nan and infinities too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value
from tests.nn.training.fit_checks import X, run


def test_accuracy() -> None:
    assert nn.accuracy(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([1, 1])) == 0.5
    assert nn.accuracy(np.zeros((2, 3, 4)) + np.arange(4), np.full((2, 3), 3)) == 1.0
    assert nn.accuracy(np.array([1.0, -1.0]), np.array([1, -1])) == 1.0
    assert nn.accuracy(np.array([[1.0], [-1.0]]), np.array([[1], [1]])) == 0.5
    rng = np.random.default_rng(0)
    scores, classes = rng.normal(size=(50, 3)), rng.integers(3, size=50)
    right = np.mean(scores.argmax(1) == classes)
    assert nn.accuracy(scores, classes) == right
    assert nn.accuracy(Value(scores), classes) == nn.accuracy(scores, Value(np.eye(3)[classes])) == right  # one-hot
    assert nn.accuracy(scores, np.eye(3, dtype=int)[classes]) == nn.accuracy(scores, 0.8 * np.eye(3)[classes] + 0.2 / 3) == right


@pytest.mark.parametrize(
    ("prediction", "target", "text"),
    [
        (np.zeros((3, 1)), np.zeros(2), r"scores .*, got \(3, 1\) and \(2,\): reshape or index one of them"),
        (np.array([[2.0], [-3.0], [4.0]]), np.array([1, 0, 1]), r"got \(3, 1\) and \(3,\)"),
        (np.array([2.0, -3.0, 4.0]), np.array([[1], [0], [1]]), r"got \(3,\) and \(3, 1\)"),
        (np.zeros((3, 4)), np.zeros((3, 5)), r"got \(3, 4\) and \(3, 5\)"),
        (np.float64(1.0), np.float64(1.0), r"got \(\) and \(\)"),
        (np.zeros((2, 3)), np.array([[1, 1, 0], [0, 0, 1]]), r"each row is one-hot or .* prediction.ravel\(\)"),
        (np.zeros((2, 3)), np.array([[1, 1, -1], [0, 0, 1]]), "each row is one-hot or probabilities"),
        (np.zeros(3), np.array([0, 1, 2]), "the targets 0 and 1, or -1 and 1"),
        (np.zeros((2, 3)), np.array([1, 3]), "3 classes, 0 to 2, got targets from 1 to 3"),
        (np.zeros((0, 3)), np.zeros(0, int), r"needs samples, got predictions of the shape \(0, 3\)"),
    ],
)
def test_accuracy_refuses_ambiguous_shapes_and_targets(prediction: Any, target: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        nn.accuracy(prediction, target)


def test_accuracy_takes_numbers() -> None:
    with pytest.raises(TypeError, match="numbers as targets, got the dtype <U3: np.unique.* numbers classes"):
        nn.accuracy(np.zeros((2, 3)), ["cat", "dog"])
    with pytest.raises(TypeError, match="class numbers as integers, got the dtype float64"):
        nn.accuracy(np.zeros((2, 3)), [0.0, 1.0])


def test_accuracy_of_one_hot_targets_in_fit() -> None:
    """The result is that of class numbers."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=60)
    found = []
    for target in (y, np.eye(3)[y]):
        model = nn.Linear(3, 3, rng=0)
        history = run(model, data=(X, target), validation=(X, target), loss=nn.cross_entropy, metrics={"accuracy": nn.accuracy})
        found.append(history["accuracy"])
    assert found[0] == found[1] and len(set(found[0])) > 1


def test_r2_score() -> None:
    target = np.array([1.0, 2.0, 4.0])
    assert nn.r2_score(target, target) == nn.r2_score(Value(target), target) == 1.0
    assert nn.r2_score(np.full(3, target.mean()), target) == pytest.approx(0.0)
    with pytest.raises(ValueError, match=r"one shape, got \(3, 1\) and \(3,\)"):
        nn.r2_score(target[:, None], target)
    with pytest.raises(ValueError, match="targets that differ"):
        nn.r2_score(target, np.ones(3))


@pytest.mark.parametrize(
    ("prediction", "target"),
    [
        (np.full((3, 2), math.nan), np.array([0, 0, 1])),
        (np.array([[0.0, 1.0], [math.nan, 1.0]]), np.array([1, 0])),
        (np.array([[0.0, 1.0], [math.nan, 1.0]]), np.eye(2)),
        (np.array([math.nan, -1.0]), np.array([0, 0])),
    ],
)
def test_the_accuracy_of_nan_is_nan(prediction: Any, target: Any) -> None:
    assert math.isnan(nn.accuracy(prediction, target))


def test_metrics_of_infinities() -> None:
    assert nn.accuracy(np.array([[-math.inf, 0.0], [math.inf, 1.0]]), np.array([1, 0])) == 1.0
    target = np.array([1.0, 2.0, 4.0])
    assert nn.r2_score(np.array([math.inf, 2.0, 4.0]), target) == -math.inf
    assert math.isnan(nn.r2_score(np.array([math.nan, 2.0, 4.0]), target))
    assert math.isnan(nn.r2_score(target, np.array([math.inf, 2.0, 4.0])))
    with pytest.raises(ValueError, match=r"r2_score\(\) needs samples, got arrays of the shape \(0,\)"):
        nn.r2_score(np.zeros(0), np.zeros(0))
    small = np.array([250, 252, 255], np.uint8)
    assert nn.r2_score(small[::-1], small) == pytest.approx(nn.r2_score(small[::-1].astype(float), small.astype(float)))


def test_metrics_take_numbers() -> None:
    with pytest.raises(TypeError, match="accuracy.. takes scores, which are numbers, as predictions, got the dtype <U1"):
        nn.accuracy(np.array([["a", "b"]]), [0])
    with pytest.raises(TypeError, match="r2_score.. takes numbers, got the dtypes <U1 and int64"):
        nn.r2_score(np.array(["a", "b"]), np.array([1, 2]))
    assert "none yet" in repr(nn.History([{"epoch": 1, "note": "none yet"}]))  # type: ignore[dict-item]
    with pytest.raises(TypeError, match=r"Sequential\(\*layers\) .* unpack a list with \*"):
        nn.Sequential(nn.Tanh() for _ in range(2))  # type: ignore[arg-type]

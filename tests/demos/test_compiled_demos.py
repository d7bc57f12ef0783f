"""Test that the demos train compiled to the same numbers, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from demos import common, digits, gpt, letters, moons, scalar_gpt
from nn import MLP

pytestmark = pytest.mark.filterwarnings("error")


def options(demo: str, folder: Path) -> Any:
    parser = common.options(demo, "", epochs=2, quick=1)
    if demo == "digits":
        common.digit_options(parser)
    return parser.parse_args(["--quick", "--out", str(folder)])


def test_digits(tmp_path: Path) -> None:
    data = common.digits_of(options("digits", tmp_path), np.random.default_rng(0))
    plain, compiled = (
        digits.train(digits.build(np.random.default_rng(0)), data, 2, np.random.default_rng(1), compiled=flag)
        for flag in (False, True)
    )
    assert plain == compiled


def test_gpt(tmp_path: Path) -> None:
    data = letters.load(options("gpt", tmp_path), np.random.default_rng(0))
    plain, compiled = (
        letters.train(gpt.build(np.random.default_rng(0)), data, 1, 3e-3, np.random.default_rng(1), flag)
        for flag in (False, True)
    )
    assert plain["loss"] == compiled["loss"] and plain["validation_loss"] == compiled["validation_loss"]


def test_moons_neuron_by_neuron() -> None:
    points, labels = common.load_moons(6, 0)
    plain, compiled = (moons.train(MLP(2, [6, 6, 1], rng=0), points, labels, 6, flag) for flag in (False, True))
    assert plain == compiled


def test_gpt_in_scalars() -> None:
    """The scores of the softmax, whose largest one is a plain number, differ in each call."""
    model = gpt.GPT(features=2, heads=1, layers=1, dropout=0.0, rng=np.random.default_rng(0))
    twins = scalar_gpt.scalars(model), scalar_gpt.scalars(model)
    compiled = autograd.compile(scalar_gpt.loss)
    for _ in range(5):
        losses = []
        for weights, loss_of in zip(twins, (scalar_gpt.loss, compiled), strict=True):
            scalar_gpt.zero_grad(weights)
            loss = loss_of(weights, [0, 3], [3, 1], layers=1, heads=1)
            loss.backward()
            for rows in weights.values():
                scalar_gpt.each(lambda weight: setattr(weight, "data", weight.data - 0.1 * weight.grad), rows)
            losses.append(loss.item())
        assert losses[0] == losses[1]
    assert "2 recordings, 1 program" in compiled.explain()

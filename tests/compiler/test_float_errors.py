"""Test that a replay gives NumPy's warnings exactly where the uncompiled function does."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value


def warned(function: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return [str(item.message) for item in caught]


def test_a_forward_function_keeps_its_own_error_state() -> None:
    compiled = autograd.compile(lambda x: autograd.sigmoid(x) + np.log(x * 0.0 + 1.0))
    for size in (1.0, 2.0, 3.0, 1000.0):
        assert warned(lambda size=size: compiled(np.array([-size, 0.0]))) == []  # exp(1000) overflows in sigmoid()
    assert "set_errors(settings(over='ignore'))" in compiled.source


def test_a_forward_function_warns_in_a_replay() -> None:
    compiled = autograd.compile(np.log)
    for _ in range(3):
        compiled(np.array([1.0, 2.0]))
    assert warned(lambda: compiled(np.array([0.0, 2.0]))) == ["divide by zero encountered in log"]
    with np.errstate(all="ignore"):
        assert warned(lambda: compiled(np.array([0.0, 2.0]))) == []
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        compiled(np.array([0.0, 2.0]))


@pytest.mark.parametrize("inside", [False, True])
def test_rules_are_quiet_and_infinite_gradients_are_reported_once(inside: bool) -> None:
    """The root has an infinite slope at 0; the eager pass warns of it once, when it masks products with zero."""
    w = Value(np.array([9.0, 1.0]))

    def step(x: np.ndarray) -> Any:
        w.grad = None
        loss = (np.sqrt(w) * x).sum()
        if inside:
            loss.backward()
        return loss

    compiled = autograd.compile(step)

    def run(function: Callable[..., Any]) -> tuple[list[str], Any]:
        x = np.array([1.0, 3.0])
        messages = warned(lambda: function(x) if inside else function(x).backward())
        return messages, w.grad.copy()

    for _ in range(3):
        run(compiled)
    for data in ([4.0, 1.0], [0.0, 1.0], [9.0, 4.0]):
        w.data = data
        expected, found = run(step), run(compiled)
        assert found[0] == expected[0]
        assert np.array_equal(found[1], expected[1])


def test_infinite_gradients_do_not_end_the_replays() -> None:
    w = Value(np.array([0.0, 1.0]))

    @autograd.compile
    def step(x: np.ndarray) -> Any:
        w.grad = None
        loss = (np.sqrt(w) * x).sum()
        loss.backward()
        return loss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(5):
            step(np.array([1.0, 3.0]))
    w.data = [4.0, 1.0]
    for _ in range(3):
        step(np.array([1.0, 3.0]))
    assert w.grad.tolist() == [0.25, 1.5]
    assert "forward" in step.source


def test_error_settings_that_the_function_reads_or_sets() -> None:
    @autograd.compile
    def twice_or_thrice(x: np.ndarray) -> np.ndarray:
        return x * (2.0 if np.geterr()["divide"] == "warn" else 3.0)

    @autograd.compile
    def quiet(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.log(x)

    for number in range(8):
        with np.errstate(divide="warn" if number % 4 < 2 else "ignore"):
            assert twice_or_thrice(np.ones(1))[0] == (2.0 if number % 4 < 2 else 3.0)
        with np.errstate(all="ignore" if number < 4 else "raise"):
            assert quiet(np.zeros(1))[0] == -np.inf


@pytest.mark.parametrize("kind", ["linear algebra", "floating point"])
def test_an_error_after_a_step_finds_the_step_done(kind: str) -> None:
    """Parameters, gradients and the state of the optimiser are those of eager code."""

    def run(compiled: bool) -> tuple[Any, ...]:
        p = autograd.Value(np.ones(3))
        optimizer = nn.Adam([p], lr=0.1)

        def train(x: np.ndarray) -> np.ndarray:
            optimizer.zero_grad()
            ((p * x) ** 2).sum().backward()
            optimizer.step()
            return np.linalg.inv(np.eye(2) * x[0]) if kind == "linear algebra" else 1.0 / x

        step = autograd.compile(train) if compiled else train
        with np.errstate(divide="raise"):
            for number in range(8):
                if number in (5, 6):
                    with pytest.raises((np.linalg.LinAlgError, FloatingPointError)):
                        step(np.array([0.0, 1.0, 2.0]))
                else:
                    step(np.array([1.0, 2.0, 3.0]) + number)
        return p.data, p.grad, *optimizer.state[p].values(), optimizer.steps

    for a, b in zip(run(False), run(True), strict=True):
        np.testing.assert_array_equal(a, b)

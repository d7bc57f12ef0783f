"""The check itself: wrong rules of every sort are caught, right ones are not rejected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Value
from autograd.op import Op
from autograd.ops import products
from autograd.ops.forms import unary
from autograd.verify import check_gradients

FAULTS: dict[str, Callable[[Any], Any]] = {
    "zero": lambda c: c * 0.0,
    "sign": lambda c: -c,
    "twice": lambda c: 2.0 * c,
    "0.1 % off": lambda c: 1.001 * c,
    "constant": lambda c: c * 0.0 + 1.0,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_rule_is_caught(fault: str) -> None:
    wrong = unary("wrong", "wrong({})", np.sin, np.sin, lambda g, out, x: FAULTS[fault](g * np.cos(x.data)))
    report = check_gradients(lambda x: wrong(x * 1.0), [0.3, 0.5, 1.2])
    assert not report.ok
    assert "FAIL" in str(report)


def test_a_transposed_rule_is_caught() -> None:
    def forward(x: Any, y: Any) -> Any: ...

    right = products.matmul
    wrong = Op(
        forward,
        {"x": lambda g, out, x, y: (g @ y.T).T, "y": right.rule_y},  # type: ignore[dict-item]
        name="wrong", symbol="", kind="linear", array=np.matmul,
    )  # fmt: skip
    data = np.random.default_rng(0).normal(size=(3, 3))
    assert check_gradients(right, data, data.T + 1.0).ok
    assert not check_gradients(wrong, data, data.T + 1.0).ok


def test_a_wrong_second_derivative_is_caught() -> None:
    wrong = unary("wrong", "wrong({})", np.sin, np.sin, lambda g, out, x: g * np.cos(x.data))  # cos without a graph
    assert check_gradients(wrong, [0.3, 0.5]).ok
    assert not check_gradients(wrong, [0.3, 0.5], order=2).ok


def test_parameters_are_restored_and_a_wrong_function_is_named() -> None:
    p = Value([1.0, 2.0])
    assert check_gradients(lambda *_: (p * p).sum(), p).ok
    assert p.data.tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="must return a Value, but it returned float"):
        check_gradients(lambda x: x.data.sum(), [1.0])


def test_float32_parameters_are_judged_by_their_precision() -> None:
    p = Value(np.array([0.5, 1.5], dtype=np.float32))
    assert check_gradients(lambda *_: (p.exp() * p).sum(), p).ok
    assert p.dtype == np.float32

"""Verification finds gradients and results that share memory with something else, or that the next call overwrites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import check_gradients, primitive
from autograd.op import raw
from autograd.verify import GradientReport, Verdict, check_operation

X = np.array([0.3, -0.5, 1.2])
SAME = (
    "the gradient returns the same array at every call, so that another call, or adding to it, changes what an earlier one "
    "returned: return a new array, or a .copy() of it"
)
INPUT = "the gradient returns its input {}, or a view of it: changing one changes the other; return a .copy() of it"
RESULT = "the gradient shares memory with the result of the function: changing one changes the other; return a .copy() of it"
FUNCTION = (
    "the function returns the same array at every call, and overwrites the earlier result: return a new array, or a .copy() of it"
)
RULE = (
    "the rule of {} returns the same array at every call, and overwrites the earlier result: return a new array, "
    "or a .copy() of it"
)


def broken(report: GradientReport) -> list[str]:
    """The broken contracts of a gradient whose numbers are right."""
    assert all(row.verdict is Verdict.PASS for row in report.rows), str(report)
    assert report.verdict is (Verdict.FAIL if report.broken else Verdict.PASS)
    assert all(f"broken contract: {sentence}" in str(report) for sentence in report.broken)
    return list(report.broken)


class Buffered:
    """A function that writes its results into one array."""

    def __init__(self, function: Callable[..., Any], shape: tuple[int, ...] = X.shape, dtype: Any = float) -> None:
        self.function, self.buffer = function, np.zeros(shape, dtype)

    def __call__(self, *inputs: Any) -> Any:
        self.buffer[...] = self.function(*map(raw, inputs))
        return self.buffer


def buffered(function: Callable[..., Any], change: Callable[[Any], Any], shape: tuple[int, ...] = X.shape) -> Callable[..., Any]:
    """A function that writes its results into one array, and returns `change` of it."""
    inner = Buffered(function, shape)
    return lambda *inputs: change(inner(*inputs))


def wave(x: Any) -> Any:
    return np.sum(np.sin(x))


def half(x: Any) -> Any:
    return 0.5 * np.sum(x * x)


@pytest.mark.parametrize(
    "gradient",
    [
        Buffered(np.cos),
        buffered(np.cos, lambda out: out[:]),
        buffered(lambda x: np.cos(np.tile(x, 2)), lambda out: out[:3], (6,)),
        buffered(np.cos, lambda out: out.reshape(1, 3)[0]),
    ],
    ids=["the array", "a view", "a part", "reshaped"],
)
def test_a_gradient_is_a_new_array_at_every_call(gradient: Any) -> None:
    assert broken(check_gradients(wave, X, gradient=gradient)) == [SAME]
    assert broken(check_gradients(wave, X, gradient=lambda x: gradient(x).copy())) == []


def test_a_constant_gradient_is_a_new_array_at_every_call() -> None:
    matrix = np.arange(9.0).reshape(3, 3)
    assert broken(check_gradients(lambda x: matrix @ x, X, gradient=lambda x: matrix)) == [SAME]
    assert broken(check_gradients(lambda x: matrix @ x, X, gradient=lambda x: matrix.copy())) == []
    assert broken(check_gradients(lambda x: matrix @ x, X, gradient=matrix)) == []
    fixed = matrix.copy()
    fixed.flags.writeable = False  # it cannot be overwritten
    assert broken(check_gradients(lambda x: matrix @ x, X, gradient=lambda x: fixed)) == []
    assert broken(check_gradients(np.sum, X, gradient=lambda a: np.broadcast_to(1.0, 3))) == []


def test_one_of_several_gradients_in_a_buffer() -> None:
    buffer = Buffered(lambda x, y: x)
    f = lambda x, y: np.sum(x * y)  # noqa: E731
    assert broken(check_gradients(f, X, X + 1.0, gradient=lambda x, y: (1.0 * y, buffer(x, y)))) == [SAME]
    slope = Buffered(np.cos)
    nested = check_gradients(lambda p: np.sum(np.sin(p["a"])), {"a": X}, gradient=lambda p: {"a": slope(p["a"])})
    assert broken(nested) == [SAME]


def test_a_gradient_in_single_precision_in_a_buffer() -> None:
    report = check_gradients(wave, X.astype(np.float32), gradient=Buffered(np.cos, dtype=np.float32))
    assert broken(report) == [SAME]


@pytest.mark.parametrize(
    "gradient", [lambda x: x, lambda x: x[:], lambda x: x[::-1][::-1], np.asarray, np.atleast_1d, lambda x: x.reshape(1, 3)[0]]
)
def test_a_gradient_is_not_its_input(gradient: Any) -> None:
    assert broken(check_gradients(half, X, gradient=gradient)) == [INPUT.format("x")]
    assert broken(check_gradients(half, X, gradient=lambda x: gradient(x).copy())) == []


def test_a_gradient_is_not_another_input() -> None:
    f = lambda x, y: np.sum(x * y)  # noqa: E731
    assert broken(check_gradients(f, X, X + 1.0, gradient=lambda x, y: (y, 1.0 * x))) == [INPUT.format("y")]
    assert broken(check_gradients(f, X, X + 1.0, gradient=lambda x, y: (y, x))) == [INPUT.format("x"), INPUT.format("y")]
    assert broken(check_gradients(f, X, X + 1.0, gradient=lambda x, y: (y + 0.0, x + 0.0))) == []
    report = check_gradients(
        lambda p: np.sum(p["a"] * p["b"]), {"a": X, "b": X + 1.0}, gradient=lambda p: {"a": p["b"], "b": +p["a"]}
    )
    assert broken(report) == [INPUT.format("p")]
    assert broken(check_gradients(lambda x, y: x * y, 2.0, 3.0, gradient=lambda x, y: (y, x))) == []  # numbers share nothing


def test_a_gradient_is_not_the_result() -> None:
    saved: dict[str, Any] = {}

    def forward(x: Any) -> Any:
        saved["out"] = np.exp(x)
        return saved["out"]

    report = check_gradients(forward, X[:1], gradient=lambda x: saved["out"])
    assert RESULT in report.broken and report.verdict is Verdict.FAIL
    fresh = check_gradients(forward, X[:1], gradient=lambda x: forward(x).copy())
    assert fresh.verdict is Verdict.PASS and not fresh.broken


def test_gradients_that_share_no_element_share_no_memory() -> None:
    def gradient(x: Any, y: Any) -> Any:
        both = np.stack([y, x], axis=-1)
        return both[..., 0], both[..., 1]

    assert broken(check_gradients(lambda x, y: np.sum(x * y), X, X + 1.0, gradient=gradient)) == []


def test_a_result_is_a_new_array_at_every_call() -> None:
    square = Buffered(np.square)
    assert broken(check_gradients(square, X, gradient=lambda x: np.diag(2.0 * x))) == [FUNCTION]
    assert broken(check_gradients(square, X, gradient=lambda x: np.diag(2.0 * x), order=1, seed=3)) == [FUNCTION]
    assert broken(check_gradients(lambda x: square(x).copy(), X, gradient=lambda x: np.diag(2.0 * x))) == []
    one = Buffered(lambda x: np.sum(x * x), ())
    assert broken(check_gradients(lambda x: {"loss": one(x)}, X, gradient=lambda x: 2.0 * x)) == [FUNCTION]


def test_a_wrong_gradient_of_a_result_in_a_buffer_is_still_found() -> None:
    report = check_gradients(Buffered(np.square), X, gradient=lambda x: -np.diag(2.0 * x))
    assert report.rows[0].verdict is Verdict.FAIL
    assert report.broken == (FUNCTION,)


def test_a_result_may_be_a_view_of_its_input_or_constant() -> None:
    assert broken(check_gradients(lambda x: x, X, gradient=lambda x: np.eye(3))) == []
    assert broken(check_gradients(np.transpose, X, gradient=lambda a: np.eye(3))) == []
    assert broken(check_gradients(lambda x: X, X + 1.0, gradient=lambda x: np.zeros((3, 3)))) == []


@pytest.mark.parametrize("order", [1, 2])
def test_an_operation_returns_a_new_array_at_every_call(order: int) -> None:
    buffer = Buffered(lambda x: 3.0 * x)

    @primitive(x=lambda g, out, x: g * 3.0)
    def thrice(x: Any) -> Any:
        return buffer(x)

    assert broken(check_operation(thrice, X, order=order)) == [FUNCTION]
    assert broken(check_gradients(thrice, X, order=order)) == [FUNCTION]


def test_a_rule_returns_a_new_array_at_every_call() -> None:
    buffer = Buffered(lambda g: 3.0 * g)

    @primitive(x=lambda g, out, x: buffer(g))
    def thrice(x: Any) -> Any:
        return 3.0 * x

    for report in (
        check_operation(thrice, X),
        check_gradients(thrice, X),
        check_gradients(lambda x: (thrice(x.exp()) ** 2).sum(), X),
    ):
        assert broken(report) == [RULE.format("thrice")]


def test_a_rule_of_several_inputs_returns_new_arrays() -> None:
    buffer = Buffered(lambda g, x: g * x)

    @primitive(x=lambda g, out, x, y: g * y, y=lambda g, out, x, y: buffer(g, x))
    def times(x: Any, y: Any) -> Any:
        return x * y

    assert broken(check_operation(times, X, X + 1.0)) == [RULE.format("times")]


def test_a_rule_at_second_order_returns_a_new_array_at_every_call() -> None:
    buffer = Buffered(lambda g: 2.0 * g)

    @primitive(x=lambda g, out, x: buffer(g))
    def twice(x: Any) -> Any:
        return 2.0 * x

    @primitive(x=lambda g, out, x: g * twice(x))
    def square(x: Any) -> Any:
        return x * x

    assert broken(check_operation(square, X, order=1)) == []  # the rule computes a new array from it
    assert broken(check_operation(square, X)) == [RULE.format("twice")]


def test_right_operations_share_nothing() -> None:
    for f in (
        np.sin,
        np.transpose,
        np.negative,
        lambda x: x,
        lambda x: x + x,
        lambda x: x.reshape(3, 1),
        lambda x: x[::-1] + 0.0,
    ):
        assert broken(check_gradients(f, X, order=2)) == []

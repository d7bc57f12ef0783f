"""Passes change programs, and keep their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.compiler import effect
from autograd.ops import sigmoid, tanh

RNG = np.random.default_rng(0)
Function = Callable[..., Any]


def replayed(function: Function, *args: np.ndarray) -> Any:
    """Return the compiled function after two recordings, with its replay checked on other numbers."""
    compiled = autograd.compile(function, strict=True)
    for _ in range(2):
        compiled(*args)
    for _ in range(3):
        other = [(RNG.normal(size=x.shape) + 3.0).astype(x.dtype) for x in args]
        alike(compiled(*other), function(*other))
    assert compiled.source
    return compiled


def alike(found: Any, right: Any) -> None:
    if isinstance(right, tuple):
        for a, b in zip(found, right, strict=True):
            alike(a, b)
        return
    assert type(found) is type(right)
    np.testing.assert_array_equal(found, right, strict=isinstance(right, np.ndarray))


def steps(function: Function, *shapes: tuple[int, ...], dtype: Any = float) -> tuple[Any, Any]:
    """Return the compiled and the eager training step of a loss of parameters, after steps that gave the same."""
    rng = np.random.default_rng(1)
    starts = [rng.normal(size=shape).astype(dtype) for shape in shapes]

    def step_of(parameters: list[Value]) -> Function:
        def step(x: np.ndarray) -> Any:
            loss = function(x, *parameters)
            loss.backward()
            grads = []
            for p in parameters:
                p.data -= 0.01 * p.grad
                grads.append(p.grad)
                p.grad = None
            return loss.data, tuple(grads)

        return step

    first, second = ([Value(start) for start in starts] for _ in range(2))
    compiled, eager = autograd.compile(step_of(first)), step_of(second)
    for _ in range(5):
        x = rng.normal(size=(6, shapes[0][-1])).astype(dtype)
        alike(compiled(x), eager(x))
        for p, q in zip(first, second, strict=True):
            np.testing.assert_array_equal(p.data, q.data, strict=True)
    return compiled, eager


def layer(x: np.ndarray, weight: Value, bias: Value) -> Value:
    return ((x @ weight.T + bias) ** 2).mean()


# --- copies -------------------------------------------------------------------------------------


def test_gradients_are_not_copied() -> None:
    compiled, _ = steps(layer, (3, 4), (3,))
    assert "= array(" not in compiled.source


def test_copy_of_an_argument_is_made() -> None:
    compiled = replayed(lambda x: np.array(x), np.ones(3))
    assert "array(x)" in compiled.source
    x = np.ones(3)
    found = compiled(x)
    x[0] = 5.0
    assert found[0] == 1.0


def test_array_and_its_copy_as_two_results_share_no_memory() -> None:
    def both(x: np.ndarray) -> Any:
        y = x * 2.0
        return y, np.array(y)

    first, second = replayed(both, np.ones(3))(np.ones(3))
    assert not np.shares_memory(first, second)


def test_two_copies_as_results_share_no_memory() -> None:
    def both(x: np.ndarray) -> Any:
        y = x * 2.0
        return np.array(y), np.array(y)

    first, second = replayed(both, np.ones(3))(np.ones(3))
    assert not np.shares_memory(first, second)


def test_copy_that_is_written_to_is_made() -> None:
    def function(x: np.ndarray) -> Any:
        y = x * 2.0
        z = np.array(y)
        z[0] = 7.0
        return z, y.sum()

    assert "array(" in replayed(function, np.ones(3)).source


def test_copy_of_what_the_backward_part_needs_is_made() -> None:
    p = Value([1.0, 2.0, 3.0])

    @autograd.compile(strict=True)
    def function(x: np.ndarray) -> Any:
        y = x * 2.0
        return (p * y).sum(), np.array(y)

    for _ in range(4):
        loss, kept = function(np.ones(3))
        kept[:] = 100.0
        p.grad = None
        loss.backward()
        np.testing.assert_array_equal(p.grad, [2.0, 2.0, 2.0])


# --- finite gradients ---------------------------------------------------------------------------


def test_gradients_are_checked_by_one_guard() -> None:
    compiled, _ = steps(layer, (3, 4), (3,))
    assert compiled.source.count("whether the gradient is finite") == 1


def test_no_parameter_changes_if_one_gradient_is_not_finite() -> None:
    compiled, eager = steps(layer, (3, 4), (3,))
    x = np.full((6, 4), 1e200)
    for _ in range(3):
        with np.errstate(all="ignore"):
            alike(compiled(x), eager(x))


def test_checks_before_and_after_a_write_stay_apart() -> None:
    p, q = Value([1.0, 2.0]), Value([1.0, 2.0])

    def step(x: np.ndarray) -> Any:
        for value in (p, q):
            value.grad = None
            (value * value * x).sum().backward()
            value.data -= value.grad
            value.grad = None
        return x * 2.0

    compiled = autograd.compile(step, strict=True)
    for _ in range(4):
        compiled(np.ones(2))
    assert compiled.source.count("whether the gradient is finite") == 2
    np.testing.assert_array_equal(p.data, [1.0, 2.0])  # v - 2 v, four times
    np.testing.assert_array_equal(q.data, [1.0, 2.0])


# --- algebra ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function, absent",
    [
        (lambda x: np.sin(x) * 1.0 + 2.0, "1.0"),
        (lambda x: np.sin(x) / 1.0 + 2.0, "1.0"),
        (lambda x: np.exp(x.reshape(3, 4)), "reshape"),
        (lambda x: np.exp(np.broadcast_to(x, (3, 4))), "broadcast_to"),
        (lambda x: np.exp(np.sin(x).astype(float)), "astype"),
        (lambda x: np.exp(x.T.T), ".T"),
        (lambda x: np.exp(np.negative(np.negative(x))), "negative"),
        (lambda x: np.exp(np.transpose(x)), "transpose"),
        (lambda x: np.exp(x.swapaxes(-1, -2)), "swapaxes"),
        (lambda x: np.sin(x).sum(axis=0) + 1.0, "axis"),
        (lambda x: x[:, :1] @ x[:1], "@"),
    ],
)
def test_calls_that_change_nothing_or_have_a_cheaper_form(function: Function, absent: str) -> None:
    assert absent not in replayed(function, np.ones((3, 4))).source.split("#")[0].split("return")[0]


@pytest.mark.parametrize(
    "function, present",
    [
        (lambda x: np.sin(x) * 2.0, "number_2"),
        (lambda x: np.sin(x) + 0.0, "number_0"),  # -0.0 becomes 0.0
        (lambda x: np.exp(x.reshape(4, 3)), "reshape"),
        (lambda x: np.exp(np.sin(x).astype(np.float32)), "astype"),
        (lambda x: np.exp(np.transpose(x[None], (2, 0, 1))), "transpose"),
    ],
)
def test_calls_that_stay(function: Function, present: str) -> None:
    assert present in replayed(function, np.ones((3, 4))).source


def test_view_as_a_result_stays_a_new_object() -> None:
    x = np.ones((3, 4))
    assert replayed(lambda x: x.reshape(3, 4), x)(x) is not x


def test_argument_as_a_result_of_a_product_with_one_is_copied() -> None:
    x = np.ones(3)
    found = replayed(lambda x: x * 1.0, x)(x)
    x[0] = 5.0
    assert found[0] == 1.0


def test_conversion_of_an_argument_that_the_backward_part_needs_stays() -> None:
    p = Value([1.0, 2.0, 3.0])

    @autograd.compile(strict=True)
    def function(x: np.ndarray) -> Value:
        return (p * x.astype(float)).sum()

    for _ in range(4):
        x = np.full(3, 2.0)
        loss = function(x)
        x[:] = 100.0
        p.grad = None
        loss.backward()
        np.testing.assert_array_equal(p.grad, [2.0, 2.0, 2.0])


# --- memory that is used again ------------------------------------------------------------------


def test_result_takes_the_place_of_an_operand_that_is_not_needed_any_more() -> None:
    assert "tanh(v1, v1)" in replayed(lambda x: np.tanh(x * 2.0), np.ones((100, 100))).source


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.tanh(x),  # an argument
        lambda x: (x * 2.0)[:50] * np.tanh(x * 2.0)[:50],  # used again, by a view
        lambda x: (lambda y: (np.tanh(y), y))(x * 2.0),  # a result
        lambda x: x.sum(axis=0) + np.ones((100, 100)),  # of another shape
        lambda x: x * 2.0 > 1.0,  # of another dtype
        lambda x: (lambda y: np.tanh(y[0]) + y[1])(x * 2.0),  # of a view
    ],
)
def test_results_with_memory_of_their_own(function: Function) -> None:
    source = replayed(function, np.ones((100, 100))).source
    assert ", v1)" not in source.split("return")[0]


def test_memory_that_a_view_still_needs_is_not_overwritten() -> None:
    weights = np.arange(4096.0).reshape(64, 64)

    def through_a_slice(x: np.ndarray) -> Any:
        y = x * 2.0
        zeros = np.zeros((3, 4096))
        zeros[1] = y
        view = zeros[1].reshape(64, 64)  # the program reads y in place of the slice
        return np.tanh(y).sum() + (view * weights).sum()

    def through_a_copy(x: np.ndarray) -> Any:
        y = x * 2.0
        view = y.copy().reshape(64, 64)
        return np.tanh(y).sum() + (view * weights).sum()

    for function in (through_a_slice, through_a_copy):
        compiled = replayed(function, np.ones(4096))
        x = np.linspace(-1.0, 1.0, 4096)
        assert compiled(x) == function(x)


def test_what_the_backward_part_needs_keeps_its_memory() -> None:
    p = Value(np.ones((100, 100)))

    @autograd.compile(strict=True)
    def function(x: np.ndarray) -> Value:
        return ((p * (x * 2.0)) * 3.0).sum()

    for _ in range(4):
        p.grad = None
        function(np.full((100, 100), 2.0)).backward()
        np.testing.assert_array_equal(p.grad, np.full((100, 100), 12.0))


def test_what_an_effect_was_given_keeps_its_memory() -> None:
    held: list[np.ndarray] = []

    def function(x: np.ndarray) -> Any:
        y = x * 2.0
        effect(held.append, y)
        z = np.sin(x)
        effect(held.append, np.array(z))
        return np.tanh(y), z

    compiled = autograd.compile(function, strict=True)
    x = np.ones((100, 100))
    for _ in range(4):
        held.clear()
        _, z = compiled(x)
        z[:] = 5.0
        np.testing.assert_array_equal(held[0], 2.0 * x)
        np.testing.assert_array_equal(held[1], np.sin(x))


# --- updates of large parameters ----------------------------------------------------------------


def test_large_parameters_change_a_part_at_a_time() -> None:
    compiled, _ = steps(lambda x, p, q: ((x @ p) @ q).mean(), (300, 300), (300, 300))
    assert compiled.source.count("subtract_scaled(") == 2


def test_large_arrays_change_by_views_of_themselves() -> None:
    def f(x: Any) -> Any:
        y = x.copy()
        y[1:] -= 0.1 * y[:-1]
        return y

    compiled = autograd.compile(f)
    for number in range(4):
        x = np.random.default_rng(number).normal(size=100_000)
        np.testing.assert_array_equal(compiled(x), f(x))


def test_product_that_is_used_twice_is_computed_first() -> None:
    p = Value(np.ones((300, 300)))

    def step(x: np.ndarray) -> Any:
        change = 0.01 * x
        p.data -= change
        return change

    compiled = autograd.compile(step, strict=True)
    for _ in range(4):
        compiled(np.ones((300, 300)))
    assert "subtract_scaled(" not in compiled.source
    np.testing.assert_allclose(p.data, 0.96, rtol=1e-12)


def test_product_of_what_changes_before_the_update_is_computed_first() -> None:
    p, q = Value(np.ones((300, 300))), Value(np.ones((300, 300)))

    def step(x: np.ndarray) -> float:
        change = 0.5 * q.data
        q.data -= x
        p.data -= change
        return 1.0

    compiled = autograd.compile(step, strict=True)
    for _ in range(4):
        compiled(np.ones((300, 300)))
    np.testing.assert_array_equal(p.data, np.full((300, 300), 1.0 - 0.5 * (1 + 0 - 1 - 2)))


# --- numbers and parameters ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: 0.1 * x + 1,
        lambda x: 1e300 / x,
        lambda x: np.where(x > 0.3, x, -0.0 - x),
        lambda x: np.maximum(x, 1e-50) * float("inf"),
        lambda x: x**2 - 16777217,
        lambda x: x[0, 0] * 0.1,
    ],
)
def test_numbers_beside_arrays(function: Function, dtype: Any) -> None:
    with np.errstate(all="ignore"):
        replayed(function, np.ones((3, 4), dtype))


def test_number_that_is_an_argument_is_converted_once() -> None:
    compiled = autograd.compile(lambda x, rate: (rate * x, x - rate), strict=True)
    x = np.ones(3, np.float32)
    for rate in (0.1, 0.2, 0.3, 0.4):
        alike(compiled(x, rate), (rate * x, x - rate))
    assert compiled.source.count("asarray(") == 1


def test_integers_keep_their_numbers() -> None:
    replayed(lambda x: x.astype(int) * 2 + 0.5, np.ones(3))


def test_parameters_are_looked_at_only_if_they_are_other_arrays() -> None:
    p = Value(np.ones((2, 3)))

    @autograd.compile(strict=True)
    def function(x: np.ndarray) -> Any:
        return (x @ p.T).sum().data

    x = np.ones((4, 3))
    for _ in range(4):
        assert function(x) == 24.0
    source = function.source
    assert source.count("p.T") == 1 and source.index("p.T") < source.index("def forward")
    p.data[:] = 2.0  # in place
    assert function(x) == 48.0
    p.data = np.asfortranarray(np.full((2, 3), 3.0))
    assert function(x) == 72.0
    p.data -= 1.0
    assert function(x) == 48.0


def test_parameter_of_another_dtype_is_recorded_anew() -> None:
    p = Value(np.ones(3))
    function = autograd.compile(lambda x: (x * p).data)
    for _ in range(4):
        function(np.ones(3))
    p._raw = np.full(3, 2.0, np.float32)
    alike(function(np.ones(3, np.float32)), np.full(3, 2.0, np.float32))


def test_argument_values_are_read_in_each_call() -> None:
    function = autograd.compile(lambda v: (v.T * 2.0).data, strict=True)
    for number in range(5):
        alike(function(Value(np.full((2, 3), float(number)))), np.full((3, 2), 2.0 * number))


# --- blocks -------------------------------------------------------------------------------------


def test_calls_between_the_members_of_a_group_that_is_too_small_stay_single() -> None:
    called = []

    def function(x: np.ndarray) -> Any:
        y = np.sin(x)
        effect(called.append, 1)
        z = x[:2, :2] + 1.0
        return np.cos(x)[:3].sum() + y[:3].sum(), z

    compiled = autograd.compile(function, strict=True)
    x = np.ones((300, 300))
    for _ in range(2):
        compiled(x)
    called.clear()
    compiled(x)
    assert called == [1]
    assert compiled.source.count("x[:2, :2]") == 1


# --- arrays that are filled part by part --------------------------------------------------------


def filled(x: np.ndarray, *parts: float) -> np.ndarray:
    out = np.empty((len(parts), *x.shape))
    for number, part in enumerate(parts):
        out[number] = x * part
    return out


def test_arrays_filled_with_the_same_are_built_once() -> None:
    def function(x: np.ndarray) -> Any:
        return filled(x, 1.0, 2.0).sum() + filled(x, 1.0, 2.0).reshape(-1).max()

    assert replayed(function, np.ones(3)).source.count("empty(") == 1


def test_arrays_filled_with_different_things_are_built_apart() -> None:
    def function(x: np.ndarray) -> Any:
        return filled(x, 1.0, 2.0).sum() + filled(x, 1.0, 3.0).max()

    assert replayed(function, np.ones(3)).source.count("empty(") == 2


def test_filled_array_that_is_a_result_or_changes_later_is_built_anew() -> None:
    def function(x: np.ndarray) -> Any:
        first, second, third = (filled(x, 1.0, 2.0) for _ in range(3))
        second[0] += 1.0
        return first, second.sum(), third

    first, _, third = replayed(function, np.ones(3))(np.ones(3))
    assert not np.shares_memory(first, third)


def test_filled_array_whose_source_changes_in_between_is_built_anew() -> None:
    def function(x: np.ndarray) -> Any:
        y = np.zeros(3)
        y[:] = x
        first = np.empty((2, 3))
        first[0], first[1] = y, y
        total = first.sum()
        y[0] = 7.0
        second = np.empty((2, 3))
        second[0], second[1] = y, y
        return total, second.sum()

    replayed(function, np.ones(3))


def test_memory_of_an_array_whose_views_are_done_with_is_used_again() -> None:
    def function(x: np.ndarray) -> Any:
        y = np.empty((100, 100))
        np.multiply(x, 2.0, out=y[:])
        return np.tanh(y)

    replayed(function, np.ones((100, 100)))


# --- floating-point errors ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (300, 300)])
def test_replays_warn_of_floating_point_errors_where_eager_calls_do(shape: tuple[int, ...]) -> None:
    p = Value(np.ones(shape))

    def step(x: np.ndarray) -> Any:
        p.grad = None
        loss = (sigmoid(p * x) + tanh(p * x)).sum()  # whose powers overflow, and nobody is told
        loss.backward()
        return loss.data, p.grad, np.log(x)

    compiled = autograd.compile(step, strict=True)
    for _ in range(3):
        compiled(np.ones(shape))
    for x in (np.full(shape, 1000.0), np.full(shape, 1e-3)):
        alike(compiled(x), step(x))
    for function in (compiled, step):
        with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
            function(np.full(shape, -1000.0))


# --- second derivatives and broadcasts -------------------------------------------------------------


def test_broadcasts_are_left_to_arithmetic() -> None:
    def f(x: Any, y: Any) -> Any:
        wide = np.broadcast_to(np.expand_dims(y, 0), (4, 3))
        return x * wide + wide, wide + wide

    source = replayed(f, np.ones((4, 3)), np.ones(3)).source
    assert source.count("broadcast_to") == 1  # for the sum of two, which has no operand of that shape
    assert "expand_dims" not in source


def test_a_narrow_array_that_is_written_to_stays_broadcast() -> None:
    def f(x: Any, y: Any) -> Any:
        narrow = y * 2.0
        first = x * np.broadcast_to(narrow, (4, 3))
        narrow[0] = 5.0
        return first, x + np.broadcast_to(narrow, (4, 3))

    replayed(f, np.ones((4, 3)), np.ones(3))


def test_invariants_of_second_derivatives_are_computed_once() -> None:
    compiled = autograd.compile(lambda x: (np.tanh(x) ** 2).sum())
    hessian = autograd.hessian(compiled)
    for _ in range(6):
        x = RNG.normal(size=4)
        np.testing.assert_allclose(hessian(x), autograd.hessian(compiled.function)(x), rtol=1e-12, atol=1e-13)
    (replay,) = (replay for found in compiled.recordings.values() for replay in found.replays)
    (derivative,) = (replay for found in replay.compiled.recordings.values() for replay in found.replays)
    _, backward = derivative.source.split("def backward")
    assert not any(name in backward for name in ("tanh(", "cosh(", "exp("))

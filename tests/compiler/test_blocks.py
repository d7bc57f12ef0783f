"""Elementwise instructions on large arrays are computed in blocks, with the numbers of an eager run."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.compiler import blockwise
from autograd.compiler.passes import blocks


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let blocks of 128 numbers pay on arrays of 8,000 bytes, and three calls on them."""
    monkeypatch.setattr(blocks, "LARGE", 8000)
    monkeypatch.setattr(blocks, "ARRAYS", 3)
    monkeypatch.setattr(blockwise, "BLOCK_BYTES", 1024)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1024)
    monkeypatch.setattr(blockwise, "TWO_THREADS", 16000)


def numbers(seed, shape, dtype=float):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def expression(x):
    e, s, t = np.exp(-0.5 * (x * x)), np.sin(x), np.tanh(x)
    w = e * s + t * s
    z = np.tanh(np.exp(-w) * np.sin(w + x) + t) * e + s
    return (z * z * 0.5 + w).sum()


def assert_close(found, expected, tolerance=1e-10):
    found, expected = (item.data if isinstance(item, Value) else item for item in (found, expected))
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_close(a, b, tolerance)
        return
    assert np.shape(found) == np.shape(expected)
    assert getattr(found, "dtype", None) == getattr(expected, "dtype", None)
    np.testing.assert_allclose(found, expected, tolerance, tolerance * float(np.max(np.abs(expected), initial=0.0)))


def assert_same(function, make, tolerance=1e-10, groups=1, calls=5):
    """Check a compiled function on `calls` different arguments, make(0) and so on, and how many groups of blocks it has."""
    compiled = autograd.compile(function, strict=True)
    for number in range(calls):
        assert_close(compiled(*make(number)), function(*make(number)), tolerance)
    assert compiled.source.count("def block") == groups, compiled.source
    return compiled


@pytest.mark.parametrize("size", [1000, 1023, 1024, 1025, 4001, 5000])
def test_value_and_gradient_for_every_remainder_and_with_two_threads(size):
    compiled = assert_same(autograd.value_and_grad(expression), lambda i: [numbers(i, size)])
    assert "def backward" not in compiled.source


def test_gradient_is_bit_for_bit_that_of_the_eager_run():
    function = autograd.grad(expression)
    compiled = autograd.compile(function)
    for number in range(5):
        x = numbers(number, 3001)
        assert np.array_equal(compiled(x), function(x))


def test_backward_of_a_compiled_loss_computes_the_intermediate_results_anew():
    loss = autograd.compile(expression, strict=True)
    for number in range(5):
        x, y = Value(numbers(number, 3001)), Value(numbers(number, 3001))
        out, expected = loss(x), expression(y)
        out.backward()
        expected.backward()
        assert_close(out.item(), expected.item())
        assert_close(x.grad, y.grad)
    assert loss.source.count("def block") == 2
    assert "(x,) = residuals" in loss.source


def test_arguments_changed_between_a_compiled_loss_and_backward_do_not_matter():
    w = Value(numbers(9, 2000))

    def f(x):
        return (w * np.tanh(np.sin(x) + 1.0) + x).sum()

    loss = autograd.compile(f, strict=True)
    for number in range(4):
        x = numbers(number, 2000)
        expected = np.tanh(np.sin(x) + 1.0)
        w.grad = None
        out = loss(x)
        x[:] = 0.0
        out.backward()
        assert_close(w.grad, expected)


@pytest.mark.parametrize(
    "arrange",
    [np.asfortranarray, lambda x: np.repeat(x, 2, axis=0)[::2], lambda x: x[::-1], lambda x: np.broadcast_to(x[:1, :1], x.shape)],
    ids=["Fortran", "every second", "reversed", "broadcast"],
)
def test_memory_orders(arrange):
    assert_same(autograd.value_and_grad(expression), lambda i: [arrange(numbers(i, (60, 50)))])
    function = autograd.compile(lambda x: np.sin(x) * np.exp(-x) + x, strict=True)
    plain = [numbers(i, (60, 50)) for i in range(6)]
    for x in plain[:3]:
        function(x)
    for x in plain[3:]:  # recorded with arrays in NumPy's order
        x = arrange(x)
        found, expected = function(x), np.sin(x) * np.exp(-x) + x
        assert np.array_equal(found, expected)
        if arrange is np.asfortranarray:
            assert found.strides == expected.strides


def test_mixed_memory_orders():
    def make(i):
        return [numbers(i, (40, 50)), np.asfortranarray(numbers(i + 9, (40, 50)))]

    assert_same(lambda x, y: np.sin(x) * y + np.exp(x), make)


def test_several_outputs_and_reductions():
    def f(x, y):
        a = np.sin(x) * y
        b = np.exp(-a) + x
        largest, least = np.maximum.reduce(b, axis=None), np.min(a * b)
        return a, b, b.copy(), a.sum(), largest, least, np.where(a > b, a, 2.0)

    assert_same(f, lambda i: [numbers(i, 3001), numbers(i + 9, 3001)])


@pytest.mark.parametrize("shape", [(1,), (), (50,), (1, 50), (60, 1)])
def test_numbers_rows_and_columns_broadcast(shape):
    def f(x, b):
        return np.tanh(x * b + 0.5) * np.exp(b) - x

    assert_same(f, lambda i: [numbers(i, (60, 50)), numbers(i + 9, shape)])


@pytest.mark.parametrize("exponent", [2, 3, 0.5, -1, 2.0, 1.5])
def test_powers(exponent):
    assert_same(lambda x: np.sqrt(x * x + 1.0) ** exponent - np.sin(x), lambda i: [numbers(i, 2000)], tolerance=0.0)


def test_numbers_from_a_reduction_begin_a_second_group():
    def f(x):
        e = np.exp(x - np.sin(x)) * 2.0
        return np.log1p(e / e.sum()) * x

    assert_same(f, lambda i: [numbers(i, 3001)], groups=2)
    assert_same(autograd.value_and_grad(lambda x: np.log(np.exp(np.sin(x) * 2.0).sum())), lambda i: [numbers(i, 3001)], groups=2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtypes(dtype):
    assert_same(lambda x: (np.exp(-x * 0.5) * x + 1).astype(np.complex128) * 2.0, lambda i: [numbers(i, 2001, dtype)])


def test_sums_of_float32_are_as_accurate_as_eager_ones():
    function = autograd.value_and_grad(lambda x: (np.sqrt(x * x + 1.0) * 0.1 + 0.1).sum())
    compiled = assert_same(function, lambda i: [numbers(i, 100_001, np.float32)], tolerance=2e-6)
    x = numbers(7, 100_001, np.float32)
    exact = float((np.sqrt(x.astype(float) ** 2 + 1.0) * 0.1 + 0.1).sum())
    assert abs(float(compiled(x)[0]) - exact) <= 1e-6 * exact
    assert compiled(x)[1].dtype == np.float32


def test_writes_between_members_keep_their_order():
    def f(x):
        a = np.sin(x) * 2.0 + x
        b = np.exp(a) - a
        a[:10] = 0.0
        c = a * b + a
        c += np.tanh(a) * b
        return a, b, c

    compiled = assert_same(f, lambda i: [numbers(i, 2000)], groups=2)
    assert compiled.source.index("in_blocks(") < compiled.source.index(":10]") < compiled.source.index("in_blocks_2(")


def test_views_as_results_are_views_of_whole_arrays():
    def f(x):
        a = np.sin(x) * 2.0 + x
        return a.reshape(40, 50)[1:], np.exp(a[::2]) - 1.0

    assert_same(f, lambda i: [numbers(i, 2000)])


def test_products_of_matrices_are_no_members():
    def f(x):
        a = np.sin(x) * 2.0 + x
        return np.tanh(a @ x) * a - 1.0

    assert_same(f, lambda i: [numbers(i, (50, 50)) * 0.1], groups=2)


@pytest.mark.parametrize("size", [0, 1, 999])
def test_small_and_empty_arrays_have_no_blocks(size):
    assert_same(autograd.value_and_grad(expression), lambda i: [numbers(i, size)], groups=0)


def test_few_calls_on_arrays_that_are_not_much_larger_have_no_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "ARRAYS", 6)
    function = lambda x: np.tanh(np.sin(x) * 2.0)  # noqa: E731
    assert_same(function, lambda i: [numbers(i, 1500)], groups=0)
    assert_same(function, lambda i: [numbers(i, 2000)], groups=1)
    assert_same(lambda x: np.exp(function(x)), lambda i: [numbers(i, 1500)], groups=1)


def test_short_groups_stay_as_they_are():
    assert_same(lambda x: np.sin(x) * 2.0, lambda i: [numbers(i, 2000)], groups=0)


def test_nan_and_infinite_numbers():
    function = lambda x: np.where(x > 0.0, np.minimum(x, 3.0) * 2.0, -x) + 1.0  # noqa: E731

    def make(i):
        x = numbers(i, 2000)
        x[i], x[500 + i], x[1500 + i] = np.nan, np.inf, -np.inf
        return [x]

    compiled = autograd.compile(function, strict=True)
    for number in range(5):
        assert np.array_equal(compiled(*make(number)), function(*make(number)), equal_nan=True)


def test_gradients_that_are_not_finite_get_the_masked_eager_pass():
    def f(x):
        return np.where(x > 0.0, np.sqrt(np.abs(x)) * 2.0, x * 3.0).sum()

    function = autograd.value_and_grad(f)
    compiled = autograd.compile(function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for number in range(6):
            x = numbers(number, 2000)
            x[number] = 0.0 if number > 3 else x[number]
            found, expected = compiled(x), function(x)
            assert_close(found, expected)


def test_errstate_of_the_caller_holds_in_both_threads():
    compiled = autograd.compile(lambda x: np.log(x) * 2.0 + x, strict=True)
    x = np.abs(numbers(0, 5000)) + 0.1
    for _ in range(3):
        compiled(x)
    for place in (0, 4999):
        x[:] = 1.0
        x[place] = 0.0
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            compiled(x)
        with np.errstate(divide="ignore"):
            assert compiled(x)[place] == -np.inf


def test_one_thread_gives_the_same_numbers(monkeypatch):
    compiled = autograd.compile(autograd.value_and_grad(expression))
    x = numbers(0, 10_001)
    for _ in range(3):
        two = compiled(x)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert blockwise.limit_of_threads() == 1
    one = compiled(x)
    assert one[0] == two[0]
    assert np.array_equal(one[1], two[1])


def test_memory_of_a_replay_is_the_gradient_and_a_few_blocks():
    compiled = autograd.compile(autograd.value_and_grad(expression))
    x = numbers(0, 200_000)
    for _ in range(3):
        compiled(x)
    tracemalloc.start()
    try:
        compiled(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.15 * x.nbytes


@pytest.mark.parametrize(("shape", "axis"), [((2001,), 0), ((2001,), -1), ((40, 50), (0, 1)), ((40, 50), None)])
def test_reductions_over_all_axes_by_their_numbers(shape, axis):
    def f(x):
        a = np.sin(x) * 2.0 + x
        return a.sum(axis), np.max(a * a, axis=axis), np.add.reduce(a, axis)

    assert_same(f, lambda i: [numbers(i, shape)])


def test_reductions_over_some_axes_are_no_members():
    assert_same(lambda x: (np.sin(x) * 2.0 + x).sum(0), lambda i: [numbers(i, (50, 40))])


def test_instructions_between_the_members_of_a_group_that_is_too_short_run_once():
    def f(x, y):
        total = x.sum()
        row = y.sum(-1, keepdims=True) * 0.01
        return x.copy(), np.sqrt(np.abs(y - row)).copy(), total

    assert_same(f, lambda i: [numbers(i, (40, 50)), numbers(i + 9, (40, 50))])


def test_groups_whose_results_are_computed_anew_disappear():
    def f(x, y):
        a = np.exp(np.sin(x) * 0.5) - x
        t = np.tanh(a) * y
        return np.log(1.0 + t.sum() ** 2) + (t * t).mean()

    for loss in (autograd.value_and_grad(f, (0, 1)), f):
        compiled = autograd.compile(loss, strict=True)
        for number in range(5):
            data = numbers(number, (60, 50)), numbers(number + 9, (60, 50))
            if loss is not f:
                assert_close(compiled(*data), loss(*data))
                continue
            ours, theirs = [Value(x) for x in data], [Value(x) for x in data]
            compiled(*ours).backward()
            f(*theirs).backward()
            for x, y in zip(ours, theirs, strict=True):
                assert_close(x.grad, y.grad)


def test_a_long_loop_of_reductions():
    def f(x):
        for _ in range(300):
            y = np.sin(x) * 0.5 + x
            x = y - y.sum() * 1e-5
        return x

    assert_same(f, lambda i: [numbers(i, 1200)], groups=300, calls=3)


def test_floating_point_errors_are_reported_as_by_eager_calls():
    with np.errstate(all="warn"):
        step = autograd.compile(autograd.value_and_grad(lambda x: (np.tanh(np.exp(-x)) * 2.0 + x).sum()))
        for number in range(3):
            step(numbers(number, 3000))
        assert "    token = set_errors(ignore_all)\n    try:\n        v" in step.source
        x = numbers(9, 3000)
        x[7] = -800.0
        with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
            step(x)


def test_errors_of_the_backward_part_are_not_reported():
    def f(x):
        return (np.tanh(x) * 0.5 + np.exp(-x * x)).sum() * 1e-200

    function = autograd.grad(lambda x: f(x) * 1e-200)
    compiled = autograd.compile(function, strict=True)
    with np.errstate(under="raise"):
        for number in range(5):
            x = 1.0 + 0.1 * numbers(number, 3000)
            assert_close(compiled(x), function(x))

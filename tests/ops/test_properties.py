"""Property tests: random shapes, axes and index expressions against NumPy and against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograd import Value, gradient, where
from autograd.verify import Verdict, check_gradients

#: The second derivative at tiny numbers cannot be measured: a step of their size changes less than rounding does.
numbers = st.floats(-3.0, 3.0).map(lambda x: x if abs(x) > 1e-6 else 0.0)


def arrays(shape: Any) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float64, shape, elements=numbers)


@st.composite
def array_and_axes(draw: st.DrawFn) -> tuple[np.ndarray, Any, bool]:
    array = draw(arrays(hnp.array_shapes(min_dims=1, max_dims=4, max_side=3)))
    axes = draw(st.none() | st.integers(-array.ndim, array.ndim - 1) | hnp.valid_tuple_axes(array.ndim))
    return array, axes, draw(st.booleans())


@st.composite
def broadcastable(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0)).input_shapes
    return draw(arrays(shapes[0])), draw(arrays(shapes[1]))


@st.composite
def array_and_index(draw: st.DrawFn) -> tuple[np.ndarray, Any]:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    basic = hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)
    advanced = hnp.integer_array_indices(shape)
    mask = hnp.arrays(bool, shape)
    return draw(arrays(shape)), draw(basic | advanced | mask)


@given(array_and_axes())
def test_reductions(case: tuple[np.ndarray, Any, bool]) -> None:
    array, axes, keepdims = case
    for name in ("sum", "mean", "max", "min"):
        value = Value(array)
        out = getattr(value, name)(axis=axes, keepdims=keepdims)
        expected = getattr(np, name)(array, axis=axes, keepdims=keepdims)
        np.testing.assert_allclose(out.data, expected, atol=1e-12)
        assert out.shape == np.shape(expected)
        out.sum().backward()
        expected_sum = array.size if name == "sum" else out.size  # a mean and an extreme have shares that add up to 1
        np.testing.assert_allclose(np.sum(value.grad), expected_sum)
    assert check_gradients(lambda x: x.sum(axis=axes, keepdims=keepdims).sin(), array, order=2).ok
    assert check_gradients(lambda x: x.logsumexp(axis=axes, keepdims=keepdims), array, order=2).ok


@given(broadcastable())
def test_broadcasting(case: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = case
    for f in (
        lambda a, b: a * b + a - b,
        lambda a, b: where(a > b, a * b, b * b),
        lambda a, b: (a * b).sin() / (b * b + 1.0),
    ):
        if not np.any(np.abs(np.subtract(x, y)) < 0.1):
            assert check_gradients(f, x, y, order=2).ok
        a, b = Value(x), Value(y)
        out = f(a, b)
        assert out.shape == np.broadcast_shapes(x.shape, y.shape)
        out.sum().backward()
        assert (np.shape(a.grad), np.shape(b.grad)) == (x.shape, y.shape)


@given(array_and_index())
def test_indexing(case: tuple[np.ndarray, Any]) -> None:
    array, index = case
    value = Value(array)
    out = value[index]
    np.testing.assert_array_equal(out.data, array[index])
    seed = np.random.default_rng(0).standard_normal(out.shape)
    out.backward(seed)
    expected = np.zeros(array.shape)
    np.add.at(expected, index, seed)
    np.testing.assert_allclose(value.grad, expected, atol=1e-12)
    slope = gradient((value[index] * value[index] * seed).sum(), value)
    np.testing.assert_allclose(slope.data, 2.0 * array * expected, atol=1e-12)


@given(array_and_index(), numbers)
def test_setting_and_adding_at_an_index(case: tuple[np.ndarray, Any], number: float) -> None:
    array, index = case
    value, u = Value(array), Value(number)
    expected = array.copy()
    expected[index] = number
    np.testing.assert_array_equal(value.at[index].set(u).data, expected)
    added = array.copy()
    np.add.at(added, index, number)
    np.testing.assert_allclose(value.at[index].add(u).data, added)
    (value.at[index].set(u).sum() + value.at[index].add(u).sum()).backward()
    untouched = np.ones(array.shape)
    untouched[index] = 0.0
    np.testing.assert_array_equal(value.grad, untouched + 1.0)
    np.testing.assert_allclose(u.grad, (untouched == 0.0).sum() + np.size(array[index]))


@pytest.mark.slow
@given(st.lists(st.sampled_from("+-*tsm"), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_random_programs(steps: list[str], seed: int) -> None:
    """Compositions of scalars, vectors and matrices against differences, at first and second order."""
    rng = np.random.default_rng(seed)
    constants = rng.uniform(0.5, 1.5, len(steps))

    def program(s: Value, v: Value, m: Value) -> Value:
        for step, number in zip(steps, constants, strict=True):
            if step == "+":
                s, v = s + v.mean(), v + s
            elif step == "-":
                v = number - v
            elif step == "*":
                m, s = m * s, s * number
            elif step == "t":
                s, m = s.tanh(), m.sin()
            elif step == "s":
                v = v.softmax()
            else:
                v = (m @ v) / 3.0
        return (v * v).sum() + s * m.mean()

    inputs = [float(rng.uniform(-1, 1)), rng.uniform(-1, 1, 3), rng.uniform(-1, 1, (3, 3))]
    report = check_gradients(program, *inputs, order=2)
    assert report.ok or report.verdict is Verdict.INCONCLUSIVE, str(report)  # a tiny slope may be hidden by rounding

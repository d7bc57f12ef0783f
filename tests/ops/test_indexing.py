"""All mixtures of indices against NumPy, and functions that select elements: repeated places add up, or are refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Value, grad, gradient
from autograd.ops import functions
from autograd.verify import check_gradients

SHAPE = (3, 4, 2)
MASK = np.array([True, False, False])


class Three:
    """An integer by its __index__ method only."""

    def __index__(self) -> int:
        return 1


@st.composite
def mixtures(draw: st.DrawFn) -> Any:
    """An index of SHAPE: slices, integers lists, tuples, arrays, masks, None and Ellipsis beside each other."""
    length = draw(st.integers(1, 3))  # of the arrays that are zipped
    parts: list[Any] = []
    for size in SHAPE[: draw(st.integers(1, 3))]:
        place = st.integers(-size, size - 1)
        many = st.lists(place, min_size=length, max_size=length)
        mask = st.permutations([True] * length + [False] * (size - length)).map(list) if size >= length else many
        scalars = place.flatmap(lambda k: st.sampled_from([k, np.int8(k), np.array(k), np.intp(k)]))
        parts.append(draw(st.one_of(
            st.slices(size), scalars, many, many.map(tuple), many.map(np.array), many.map(lambda row: np.array(row, np.int16)),
            mask, mask.map(np.array), many.map(lambda row: [[k] for k in row]), st.just(range(length if size >= length else 1)),
        )))  # fmt: skip
        if draw(st.integers(0, 5)) == 0:
            parts.append(None)
    if draw(st.integers(0, 3)) == 0:
        parts.insert(draw(st.integers(0, len(parts))), ...)
    return tuple(parts) if len(parts) > 1 or draw(st.booleans()) else parts[0]


@given(mixtures())
def test_any_mixture_of_indices(index: Any) -> None:
    """Values and gradients are NumPy's; at repeated places multiplication and division are refused."""
    data = np.arange(1.0, 25.0).reshape(SHAPE)
    try:
        expected = data[index]
    except IndexError:
        with pytest.raises(IndexError):
            Value(data)[index]
        return
    value = Value(data)
    out = value[index]
    np.testing.assert_array_equal(out.data, expected)
    seed = np.random.default_rng(0).standard_normal(expected.shape)
    out.backward(seed if expected.shape else float(seed))
    sums = np.zeros(SHAPE)
    np.add.at(sums, index, seed)
    np.testing.assert_allclose(value.grad, sums, atol=1e-13)
    seconds = gradient((value[index] ** 2 * seed).sum(), value).data
    np.testing.assert_allclose(seconds, 2.0 * data * sums, atol=1e-12)
    added = data.copy()
    np.add.at(added, index, seed)
    np.testing.assert_allclose(value.at[index].add(seed).data, added)
    counts = np.zeros(SHAPE)
    np.add.at(counts, index, 1.0)
    if counts.max() > 1.0:
        with pytest.raises(ValueError, match="an index that names a place twice: multiply once per place"):
            value.at[index].multiply(2.0)
        return
    for name, changed in (("multiply", expected * 3.0), ("divide", expected / 3.0), ("power", expected**3.0), ("set", 3.0)):
        right = data.copy()
        right[index] = changed
        np.testing.assert_allclose(getattr(value.at[index], name)(3.0).data, right)


@pytest.mark.parametrize(
    "index",
    [
        (MASK, (0, 0)), (MASK, [0, 0]), ([True, False, False], (1, 1), 0), (MASK, slice(None), (1, 1)),
        ((0, 0), (1, 1)), (MASK, np.array([[0, 0]])), ((2, -1), ...), (None, MASK, (3, -1)), ([[0, 0]],),
    ],
)  # fmt: skip
def test_masks_beside_integers_that_name_a_place_twice(index: Any) -> None:
    data = np.arange(24.0).reshape(SHAPE)
    counts = np.zeros(SHAPE)
    np.add.at(counts, index, 1.0)
    np.testing.assert_array_equal(grad(lambda v: v[index].sum())(data), counts)
    for name in ("multiply", "divide", "power", "min", "max"):
        with pytest.raises(ValueError, match=f"{name}.* an index that names a place twice"):
            getattr(Value(data).at[index], name)(2.0)
    if counts.max() > 1.0:
        value, u = Value(data), Value(np.random.default_rng(0).standard_normal(data[index].shape))
        last = data.copy()
        last[index] = u.data
        out = value.at[index].set(u)
        np.testing.assert_array_equal(out.data, last)
        assert check_gradients(lambda v, u: np.sin(v.at[index].set(u)), data, u.data, order=2).ok


def test_indices_of_other_kinds() -> None:
    v = Value(np.arange(6.0).reshape(2, 3))
    for index in (Three(), (Three(), slice(None)), range(2), np.ix_([1, 0], [2, 2]), np.bool_(True), (True, 0), np.array(True)):
        np.testing.assert_array_equal(v[index].data, v.data[index])
    for wrong in (1.0, "a", [0.0, 1.0]):
        with pytest.raises(IndexError, match="indices|integer"):
            v[wrong]
    for held in ([Value(1.0), 0.0], (0, Value(1.0)), (slice(None), [Value(0.0)])):
        with pytest.raises(TypeError, match="an index is made of ints, slices.*but got a Value"):
            v[held]


def test_an_index_does_not_change_with_its_list() -> None:
    for make in (list, np.array, bytearray):
        places, v = make([0, 2]), Value([1.0, 2.0, 3.0])
        out = v[places]
        places[0] = 1
        out.sum().backward()
        assert v.grad.tolist() == [1.0, 0.0, 1.0]


# --- arguments that are wrong ---------------------------------------------------------------------

V = Value([3.0, 1.0, 2.0])
WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: np.average(V, weights=2.0), ValueError, r"weights of the shape \(3,\)"),
    (lambda: np.average(V, weights=[1.0]), ValueError, "weights of the shape"),
    (lambda: np.mean(V, where=[2, 0, 1]), TypeError, "where= takes bools, but got the dtype int64"),
    (lambda: np.sum(V, where=np.ones(3)), TypeError, "where= takes bools, but got the dtype float64"),
    (lambda: np.sum(V, where=None), TypeError, "where= takes bools"),
    (lambda: np.nanstd(V, where=[1, 0, 1]), TypeError, "where= takes bools"),
    (lambda: np.max(V, where=[1, 0, 1], initial=0.0), TypeError, "where= takes bools"),
    (lambda: np.sum(V, where=np.ones((2, 3), bool)), ValueError, r"broadcasts to the shape \(3,\), but got the shape \(2, 3\)"),
    (lambda: np.nansum(V, where=np.ones((2, 3), bool)), ValueError, "broadcasts to the shape"),
    (lambda: np.var(V, ddof=1, correction=1), ValueError, "ddof and correction are two names"),
    (lambda: np.nanvar(V, ddof=1, correction=1), ValueError, "ddof and correction are two names"),
    (lambda: np.cov(V, ddof=1.5), ValueError, "an integer as ddof"),
    (lambda: np.sort(V, kind="abc"), ValueError, "kind"),
    (lambda: np.sort(V, kind="stable", stable=True), ValueError, "kind"),
    (lambda: np.sort(V, order="f"), ValueError, "fields"),
    (lambda: np.partition(V, 1, kind="abc"), ValueError, "kind"),
    (lambda: np.compress("abc", V), ValueError, "a vector of bools as its condition"),
    (lambda: np.compress([[1]], V), ValueError, "a vector of bools as its condition"),
    (lambda: np.select([[1, 0, 1]], [V]), TypeError, "conditions of bools"),
    (lambda: np.select("a", [V]), TypeError, "conditions of bools"),
    (lambda: np.piecewise(V, ["a"], [1.0]), TypeError, "conditions of bools"),
    (lambda: V.astype(np.float32, casting="no"), TypeError, "float64 cannot be cast to float32 by the rule 'no'"),
    (lambda: np.concatenate([V, V], dtype=np.float32, casting="safe"), TypeError, "cannot be cast to float32"),
    (lambda: np.hstack([V, V], casting="abc"), ValueError, "casting"),
    (lambda: np.add(V, 1.0, casting="abc"), ValueError, "casting"),
    (lambda: np.add(V, 1.0, order="Q"), ValueError, "order"),
    (lambda: np.copy(V, order="Q"), ValueError, "order"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), WRONG, ids=[text for _, _, text in WRONG])
def test_wrong_arguments_are_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_out_is_refused_in_functions_ufuncs_and_methods() -> None:
    """Otherwise the array given as `out` would stay unchanged."""
    matrix = Value(np.eye(3))
    calls: dict[str, tuple[Any, ...]] = {
        "take": (V, [0]), "compress": ([True], V), "choose": ([0, 0, 0], [V]), "dot": (V, V), "outer": (V, V), "trace": (matrix,),
        "concatenate": ([V],), "concat": ([V],), "stack": ([V],), "quantile": (V, 0.5), "percentile": (V, 50.0),
        "multi_dot": ([V, V],), "nanquantile": (V, 0.5), "nanpercentile": (V, 50.0), "einsum": ("i", V),
    }  # fmt: skip
    names = [name for name, function in functions().items() if "out" in inspect.signature(function).parameters]
    assert len(names) > 30
    for name in names:
        args = calls.get(name, (V,))
        with pytest.raises(TypeError, match=r"\w+\(\) cannot write the result of a Value into an array \(out="):
            functions()[name](*args, out=np.zeros(3))
        functions()[name](*args, out=None)
    with pytest.raises(TypeError, match=r"sum\(\) cannot write"):
        V.sum(out=np.zeros(()))
    with pytest.raises(TypeError, match=r"sum\(\) cannot write"):
        V.sum(0, None, np.zeros(()))


def test_the_first_argument_by_the_name_that_numpy_gives_it() -> None:
    """The name depends on the version of NumPy."""
    rows = [V, V]
    for name in ("arrays", "seq"):
        if name == "arrays" or not hasattr(np, "concat"):
            np.testing.assert_array_equal(
                V.__array_function__(np.concatenate, (Value,), (), {name: rows}).data, [3, 1, 2, 3, 1, 2]
            )
    assert V.__array_function__(np.concatenate, (Value,), (), {"seq": rows, "axis": 0}).shape == (6,)
    assert V.__array_function__(np.dot, (Value,), (), {"a": V, "b": V}).data == 14.0
    assert np.vstack(tup=rows).shape == (2, 3)
    assert np.trapezoid(y=V, dx=2.0).data == 7.0

"""Verification takes arrays of other libraries: all with ``__array__`` or DLPack, as input, result and gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from autograd import check_gradients
from autograd.verify import Verdict
from autograd.verify.subjects.foreign import numpy_of

X = np.array([0.3, -0.5, 1.2])


class Array:
    """An array of another library, which NumPy converts."""

    def __init__(self, data: Any) -> None:
        self.data = np.asarray(data)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.data if dtype is None else self.data.astype(dtype)


class Capsule:
    """An array of another library, with DLPack only."""

    def __init__(self, data: Any) -> None:
        self.data = np.asarray(data)

    def __dlpack__(self, **options: Any) -> Any:
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()


class Tensor:
    """An array that can be converted only after detach(), and that makes others of its kind."""

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        self.data, self.requires_grad = np.asarray(data), requires_grad
        self.dtype = self.data.dtype

    def new_tensor(self, data: Any, requires_grad: bool = False) -> Tensor:
        return Tensor(np.array(data, dtype=self.dtype), requires_grad)

    def detach(self) -> Tensor:
        return Tensor(self.data, False)

    def cpu(self) -> Tensor:
        return self

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad")
        return self.data if dtype is None else self.data.astype(dtype)


KINDS = [Array, Capsule, Tensor]


def wave(x: Any) -> Any:
    return np.sum(np.sin(numpy_of(x)))


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_results_and_gradients_of_another_library(kind: Any) -> None:
    right = check_gradients(lambda x: kind(wave(x)), kind(X), gradient=lambda x: kind(np.cos(numpy_of(x))))
    assert right.verdict is Verdict.PASS, str(right)
    assert (right.rows[0].shape, right.rows[0].dtype) == ((3,), "float64")
    wrong = check_gradients(lambda x: kind(wave(x)), kind(X), gradient=lambda x: kind(-np.cos(numpy_of(x))))
    assert wrong.verdict is Verdict.FAIL
    assert wrong.rows[0].cause == "the sign: claimed = -measured"
    assert check_gradients(wave, kind(X), gradient=kind(np.cos(X))).ok
    assert check_gradients(wave, X, gradient=lambda x: kind(np.cos(x))).ok
    assert check_gradients(lambda x: kind(wave(x)), X, gradient=np.cos).ok


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_without_axes(kind: Any) -> None:
    report = check_gradients(lambda x: kind(np.sin(numpy_of(x))), kind(0.5), gradient=lambda x: kind(np.cos(numpy_of(x))))
    assert (report.verdict, report.rows[0].shape) == (Verdict.PASS, ())
    assert not check_gradients(np.sin, kind(0.5), gradient=kind(0.5)).ok


@pytest.mark.parametrize("kind", KINDS)
def test_foreign_arrays_may_be_nested(kind: Any) -> None:
    def f(p: Any, y: Any) -> Any:
        return {"loss": kind(np.sum(numpy_of(p["a"]) * numpy_of(y)))}

    def gradient(p: Any, y: Any) -> Any:
        return {"a": kind(+numpy_of(y))}, kind(+numpy_of(p["a"]))

    report = check_gradients(f, {"a": kind(X)}, kind(X + 1.0), gradient=gradient)
    assert report.verdict is Verdict.PASS, str(report)
    assert [row.name for row in report.rows] == ["p['a']", "y"]


@pytest.mark.parametrize("kind", KINDS)
def test_functions_of_values_take_foreign_arrays(kind: Any) -> None:
    assert check_gradients(np.sin, kind(X), order=2).ok
    assert check_gradients(lambda p: (p["a"] * p["b"][0]).sum(), {"a": kind(X), "b": [kind(2.0)]}).ok


@pytest.mark.parametrize("kind", KINDS)
def test_foreign_arrays_keep_their_floating_dtype(kind: Any) -> None:
    report = check_gradients(wave, kind(X.astype(np.float32)), gradient=lambda x: kind(np.cos(numpy_of(x))))
    assert (report.verdict, report.rows[0].dtype) == (Verdict.PASS, "float32")
    whole = check_gradients(lambda x: np.sum(x * x), kind(np.array([1, 2])), gradient=lambda x: 2.0 * x)
    assert (whole.verdict, whole.rows[0].dtype) == (Verdict.PASS, "float64")


def test_a_function_gets_arrays_of_the_library_of_its_inputs() -> None:
    kinds = set()

    def f(x: Any) -> Any:
        kinds.add((type(x), x.requires_grad))
        return Tensor(np.sum(np.sin(x.detach().data)))

    assert check_gradients(f, Tensor(X), gradient=lambda x: x.new_tensor(np.cos(x.data))).ok
    assert kinds == {(Tensor, True)}


def test_a_function_that_takes_only_numpy_arrays_gets_those() -> None:
    kinds = set()

    def f(x: Any) -> Any:
        kinds.add(type(x))
        return (x * x).sum()  # a Tensor cannot be multiplied

    assert check_gradients(f, Tensor(X), gradient=lambda x: 2.0 * x).ok
    assert kinds == {Tensor, np.ndarray}
    with pytest.raises(TypeError, match="unsupported operand"):
        check_gradients(lambda x: x @ "no", Tensor(X), gradient=lambda x: x)


def test_gradients_of_another_library_share_no_memory() -> None:
    report = check_gradients(lambda x: 0.5 * np.sum(x.data**2), Tensor(X), gradient=lambda x: x)
    assert report.broken and report.broken[0].startswith("the gradient returns its input x, or a view of it")
    buffer = Tensor(np.zeros(3))

    def gradient(x: Any) -> Any:
        buffer.data[...] = np.cos(x.data)
        return buffer

    report = check_gradients(lambda x: wave(x), Tensor(X), gradient=gradient)
    assert report.broken and report.broken[0].startswith("the gradient returns the same array at every call")


def test_tables_of_pandas() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=["one", "two"])

    def f(table: pd.DataFrame) -> Any:
        assert list(table.index) == ["one", "two"]
        return (table["a"] * table["b"]).sum()

    right = check_gradients(f, table, gradient=lambda t: pd.DataFrame({"a": t["b"], "b": t["a"]}))
    assert right.verdict is Verdict.PASS, str(right)
    assert not check_gradients(f, table, gradient=lambda t: pd.DataFrame({"a": t["a"], "b": t["b"]})).ok
    assert check_gradients(lambda s: s**2, table["a"], gradient=lambda s: np.diag(2.0 * s)).ok
    assert check_gradients(lambda t: (t**2).sum(), table, order=2).ok
    nullable = pd.Series([1.0, 2.0], dtype="Float64")
    assert check_gradients(lambda s: (s**2).sum(), nullable).ok
    assert check_gradients(lambda s: (s**2).sum(), nullable, gradient=lambda s: 2.0 * s).ok
    named = pd.DataFrame({"name": [1.0, 2.0]})
    assert check_gradients(lambda t: (t["name"] ** 2).sum(), named, gradient=lambda t: 2.0 * t).ok


def test_arrays_of_xarray() -> None:
    array = xr.DataArray(np.ones((2, 3)), dims=("time", "place"))
    right = check_gradients(lambda a: (a.mean("time") ** 2).sum(), array, gradient=lambda a: a.mean("time") * xr.ones_like(a))
    assert not right.ok
    right = check_gradients(lambda a: (a**2).sum("time").sum(), array, gradient=lambda a: 2.0 * a)
    assert right.verdict is Verdict.PASS, str(right)


def test_a_gradient_that_is_none_says_what_to_return() -> None:
    with pytest.raises(TypeError, match=r"the gradient of x is None: return a number or an array of its shape, zeros where"):
        check_gradients(wave, X, gradient=lambda x: None)
    with pytest.raises(TypeError, match="the gradient of y is None"):
        check_gradients(lambda x, y: np.sum(x), X, X, gradient=lambda x, y: (np.ones(3), None))


def test_gradients_may_be_lists() -> None:
    assert check_gradients(wave, X, gradient=lambda x: np.cos(x).tolist()).ok
    assert check_gradients(lambda x, y: np.sum(x * y), X, X + 1.0, gradient=lambda x, y: [(1.0 * y).tolist(), tuple(x)]).ok
    assert not check_gradients(wave, X, gradient=lambda x: (-np.cos(x)).tolist()).ok

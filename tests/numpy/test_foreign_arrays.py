"""Arrays of other packages beside Values: the gradient is correct, or an error names the operation."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from autograd import Value, no_grad

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
D = np.array([1.5, 2.0, 3.0])


def gradient_beside(make: Callable[[Any], Any], data: Any = D) -> np.ndarray:
    """The gradient of the sum of ``make(value)``."""
    v = Value(data)
    out = make(v)
    assert isinstance(out, Value), type(out)
    out.sum().backward()
    return v.grad


def slopes(make: Callable[[Any], Any]) -> np.ndarray:
    """The gradient of the sum by central differences of plain arrays."""
    steps = np.eye(3) * 1e-6
    return np.array([(np.sum(make(D + step)) - np.sum(make(D - step))) / 2e-6 for step in steps])


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("kind", ["Series", "Index", "DataFrame"])
def test_tables_of_pandas_count_as_arrays(op: Callable[[Any, Any], Any], kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    data = np.array([[1.0, 2.0, 4.0], [0.5, 3.0, 2.0]]) if kind == "DataFrame" else np.array([1.0, 2.0, 4.0])
    table = getattr(pandas, kind)(data)
    np.testing.assert_allclose(gradient_beside(lambda v: op(table, v)), slopes(lambda x: op(data, x)), rtol=1e-7)
    np.testing.assert_allclose(gradient_beside(lambda v: op(v, table)), slopes(lambda x: op(x, data)), rtol=1e-7)


def test_functions_and_comparisons_with_tables() -> None:
    pandas = pytest.importorskip("pandas")
    table, v = pandas.DataFrame(np.diag([1.0, 2.0, 3.0])), Value(D)
    np.testing.assert_allclose(gradient_beside(lambda v: np.multiply(table, v)), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(gradient_beside(lambda v: np.dot(v, table)), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(gradient_beside(lambda v: np.where(table > 0, v, 0.0)), [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(v < table, np.less(D, table.to_numpy()))
    for call, text in [
        (lambda: table @ v, r"pandas's @ takes a plain array.*table.to_numpy\(\) @ v"),
        (lambda: pandas.Series(v), r"pandas.Series\(\) takes a plain array"),
        (lambda: pandas.DataFrame({"a": v}), r"pandas.DataFrame\(\) takes a plain array"),
        (lambda: table.assign(a=v), r"table.assign\(\) of pandas takes a plain array"),
    ]:
        with pytest.raises(TypeError, match=text):
            call()
    with pytest.raises(ValueError, match=r"of pandas|pandas's"):
        table.iloc[0, 0] = v[0]
    for change in (operator.iadd, operator.isub, operator.imul, operator.itruediv):
        with pytest.raises(TypeError, match=r"in-place operator with a Value of shape \(3,\).*write out = table \+ v"):
            change(table, v)
        with pytest.raises(TypeError, match="in-place operator"):
            change(table["a" if "a" in table else 0], v)
    with no_grad():
        assert (table @ v).tolist() == [1.5, 4.0, 9.0]
    assert (pandas.Series([v[0], v[1]]).sum()).data == 3.5


def test_tables_do_not_hold_values() -> None:
    """Assignments and constructors advise .data or .item(); only operators and dot() take the array out of the table."""
    pandas = pytest.importorskip("pandas")
    v, w = Value([1.0, 2.0]), Value(3.0)
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [1, 2]})
    series = frame["a"].copy()

    def column() -> None:
        frame["b"] = v

    def cell() -> None:
        frame.loc[0, "a"] = w

    def position() -> None:
        series.iloc[0] = w

    for call, texts in [
        (column, ["an assignment to frame[...] of pandas takes a plain array", "write v.data where", "keep Values in arrays"]),
        (cell, ["an assignment to frame.loc[...] of pandas takes a plain number", "write v.item() where"]),
        (position, ["an assignment to series.iloc[...] of pandas", "write v.item() where"]),
        (lambda: pandas.Series(v), ["pandas.Series() takes a plain array", "write v.data where"]),
        (lambda: pandas.DataFrame({"a": v}), ["pandas.DataFrame() takes", "write v.data where"]),
        (lambda: frame.insert(0, "z", v), ["frame.insert() of pandas takes", "write v.data where"]),
        (lambda: frame @ v, ["table.to_numpy() @ v"]),
        (lambda: frame.dot(v), ["table.to_numpy() @ v"]),
        (lambda: frame.add(v, axis=0), ["table.to_numpy() + v"]),
        (lambda: eval("frame @ v", {"frame": frame, "v": v}), ["an operator of pandas", "table.to_numpy() @ v"]),
        (lambda: exec("frame['b'] = v", {"frame": frame, "v": v}), ["an assignment to a part of an object of pandas", "v.data"]),
    ]:
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert all(text in str(caught.value) for text in texts), str(caught.value)
        assert ("to_numpy" in str(caught.value)) == ("to_numpy" in " ".join(texts))


def test_tables_of_mixed_numbers_and_bools() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [0.5, 2.0], "b": [1, 3], "c": [True, False]})
    numbers, v = np.array([[0.5, 1.0, 1.0], [2.0, 3.0, 0.0]]), np.array([1.5, 2.0, 3.0])
    np.testing.assert_allclose(gradient_beside(lambda x: frame * x, v), numbers.sum(axis=0))
    np.testing.assert_allclose(gradient_beside(lambda x: x * frame, v), numbers.sum(axis=0))
    np.testing.assert_allclose(gradient_beside(lambda x: np.multiply(frame, x), v), numbers.sum(axis=0))
    np.testing.assert_allclose(gradient_beside(lambda x: frame - x, v), [-2.0, -2.0, -2.0])
    np.testing.assert_allclose(gradient_beside(lambda x: frame / x, v), -numbers.sum(axis=0) / v**2)
    np.testing.assert_allclose(gradient_beside(lambda x: x @ frame, [1.0, 2.0]), [2.5, 5.0])
    assert Value(frame).data.tolist() == numbers.tolist()
    np.testing.assert_allclose((Value(2.0) * frame.astype({"b": "Int64", "c": "boolean"})).data, 2.0 * numbers)
    frame.columns = ["a", "a", "c"]  # pandas allows it
    np.testing.assert_allclose((Value(2.0) * frame).data, 2.0 * numbers)
    for table, text in [
        (frame.assign(n=["x", "y"]), r"the column 'n' of the table has the dtype .*select_dtypes\(\['number', 'bool'\]\)"),
        (frame.assign(n=pandas.array([1, None], dtype="Int64")), "the table has missing values: drop the rows or fill them in"),
        (pandas.Series([1, True], dtype=object), r"the Series has the dtype object: convert it, as by .astype\(float\)$"),
    ]:
        with pytest.raises(TypeError, match=text):
            Value(2.0) * table


REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "mean": lambda x: x.mean(), "std": lambda x: x.std(), "max": lambda x: x.max(), "median": lambda x: x.median(),
    "prod": lambda x: x.prod(), "isel": lambda x: x.isel(x=1), "where": lambda x: x.where(x > 3.0, 0.0).sum(),
    "diff": lambda x: (x.diff("x") ** 2).sum(), "exp": lambda x: np.exp(x / 4.0).sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_methods_of_xarray_keep_the_gradient(name: str) -> None:
    xarray = pytest.importorskip("xarray")
    array, f = xarray.DataArray(np.array([1.0, 2.0, 4.0]), dims="x"), REDUCTIONS[name]
    found = gradient_beside(lambda v: f(array * v).data)
    np.testing.assert_allclose(found, slopes(lambda x: f(array * x).data), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("op", OPERATORS)
def test_xarray_holds_values(op: Callable[[Any, Any], Any]) -> None:
    xarray = pytest.importorskip("xarray")
    data = np.array([1.0, 2.0, 4.0])
    for array in (xarray.DataArray(data, dims="x"), xarray.Variable("x", data)):
        for make, right in [
            (lambda v, array=array: op(array, v), lambda x: op(data, x)),
            (lambda v, array=array: op(v, array), lambda x: op(x, data)),
        ]:
            assert type(make(Value(D))) is type(array)
            np.testing.assert_allclose(gradient_beside(lambda v, make=make: make(v).data), slopes(right), rtol=1e-7)


def test_functions_on_xarray_with_values() -> None:
    xarray = pytest.importorskip("xarray")
    array = xarray.DataArray(np.array([1.0, 2.0, 4.0]), dims="x")
    np.testing.assert_allclose(gradient_beside(lambda v: np.sin(array * v).sum().data), array.data * np.cos(array.data * D))
    np.testing.assert_allclose(gradient_beside(lambda v: np.multiply(v, array).data), array.data)
    np.testing.assert_allclose(gradient_beside(lambda v: np.where(array > 1.0, v, 0.0)), [0.0, 1.0, 1.0])
    with pytest.raises(TypeError, match="drop the gradient"):
        _ = (array * Value(D)).values
    with pytest.raises(TypeError):
        np.asarray(array * Value(D))


class Handles:
    """An array of another package, which computes NumPy's operations itself by protocol."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.data, dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **named: Any) -> Any:
        return Handles(getattr(ufunc, method)(*(item.data if isinstance(item, Handles) else item for item in args), **named))

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        return "theirs"

    def __mul__(self, other: Any) -> Any:
        return Handles(self.data * other)

    __rmul__ = __mul__


class OptsOut:
    """An array that opts out of NumPy's functions."""

    __array_ufunc__ = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.ones(3)

    def __rmul__(self, other: Any) -> str:
        return "theirs"


class Quantity(np.ndarray):
    """A subclass of NumPy's array with a unit."""

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **named: Any) -> Any:
        arrays = [np.asarray(item) for item in args]  # a Value with a gradient refuses
        return getattr(ufunc, method)(*arrays, **named).view(Quantity)


class Tensor:
    """A tensor of another framework, which converts to an array and does not know Values."""

    __array_priority__ = 1000

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array([1.0, 2.0, 4.0])

    def __mul__(self, other: Any) -> Any:
        return NotImplemented if not isinstance(other, Tensor) else self


def test_an_array_that_computes_the_operation_is_asked() -> None:
    theirs = Handles(np.array([1.0, 2.0, 4.0]))
    for make in (lambda v: theirs * v, lambda v: v * theirs, lambda v: np.multiply(theirs, v), lambda v: np.multiply(v, theirs)):
        np.testing.assert_allclose(gradient_beside(lambda v, make=make: make(v).data), [1.0, 2.0, 4.0])
    assert np.concatenate([Value(D), theirs]) == "theirs"
    assert Value(D) * OptsOut() == "theirs"
    with pytest.raises(TypeError, match="unsupported operand"):
        Value(D) + OptsOut()
    with pytest.raises(TypeError, match="does not support ufuncs"):
        np.multiply(Value(D), OptsOut())
    unit = D.view(Quantity)
    for call in (lambda: unit * Value(D), lambda: Value(D) * unit, lambda: np.add(unit, Value(D))):
        with pytest.raises(TypeError, match="drop the gradient"):
            call()


def test_an_object_with_array_only_is_a_constant() -> None:
    for make in (lambda v: Tensor() * v, lambda v: v * Tensor(), lambda v: np.multiply(v, Tensor())):
        np.testing.assert_allclose(gradient_beside(make), [1.0, 2.0, 4.0])


def test_masked_arrays_and_matrices_are_refused_on_both_sides() -> None:
    masked, matrix, v = np.ma.masked_array(D, [True, False, False]), np.ones((3, 3)).view(np.matrix), Value(D)
    for call in (lambda: v * masked, lambda: masked * v, lambda: np.multiply(masked, v), lambda: np.ma.add(masked, v)):
        with pytest.raises(TypeError, match="masked array|drop the gradient"):
            call()
    for call in (lambda: v * matrix, lambda: matrix * v, lambda: np.multiply(matrix, v), lambda: matrix @ v):
        with pytest.raises(TypeError, match=r"np\.matrix|drop the gradient"):
            call()


def test_numbers_of_other_kinds() -> None:
    v = Value(2.0)
    (Fraction(3, 2) * v + v / Fraction(1, 4) - Fraction(1, 2) ** v).backward()
    assert v.grad == pytest.approx(1.5 + 4.0 + 0.25 * np.log(2.0))
    for call in (lambda: v * Decimal("1.5"), lambda: Decimal("1.5") * v, lambda: Decimal("1.5") + v, lambda: Decimal(v)):
        with pytest.raises(TypeError):
            call()


class Symbol:
    """A variable of an algebra system, which tries to convert any operand to a number."""

    def __mul__(self, other: Any) -> Any:
        try:
            return float(other)
        except (TypeError, ValueError):
            return NotImplemented

    __rmul__ = __mul__


def test_an_object_that_converts_a_value_to_a_number_gets_an_error() -> None:
    for call in (lambda: Symbol() * Value(2.0), lambda: Value(2.0) * Symbol()):
        with pytest.raises(TypeError, match="unsupported operand"):
            call()
    assert Symbol() * Value(2.0, requires_grad=False) == 2.0

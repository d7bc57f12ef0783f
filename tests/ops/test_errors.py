"""Errors of operations: they only mention shapes that are wrong, and an axis out of range is NumPy's AxisError everywhere."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.ops import functions

F = functions()
A = np.arange(1.0, 7.0).reshape(2, 3)

#: Further arguments of functions with an axis.
OTHERS: dict[str, tuple[Any, ...]] = {
    "take": ([0],), "repeat": (2,), "percentile": (50.0,), "quantile": (0.5,), "nanpercentile": (50.0,), "nanquantile": (0.5,),
    "take_along_axis": (np.array([[0]]),), "put_along_axis": (np.array([[0]]), 1.0), "insert": (0, 1.0), "append": (A,),
    "delete": (0,), "roll": (1,), "split": (1,), "array_split": (1,), "partition": (0,), "cross": (A,), "vecdot": (A,),
}  # fmt: skip
#: Functions that refuse any axis, or whose axis is not one of their first argument.
WITHOUT = {
    "unique", "trim_zeros", "linspace", "logspace", "geomspace", "apply_along_axis", "averaged_runs", "sliding_window_view",
}  # fmt: skip


def with_axis() -> dict[str, Callable[[Any, Any], Any]]:
    """Each function with a parameter `axis`, as a function of an array and the axis."""
    found: dict[str, Callable[[Any, Any], Any]] = {}
    for name, function in F.items():
        if name in WITHOUT or "axis" not in inspect.signature(function).parameters:
            continue
        if name in ("concatenate", "concat", "stack"):
            found[name] = lambda x, axis, function=function: function([x, x], axis=axis)
        elif name == "compress":
            found[name] = lambda x, axis, function=function: function([True], x, axis=axis)
        else:
            more = OTHERS.get(name, ())
            found[name] = lambda x, axis, function=function, more=more: function(x, *more, axis=axis)
    return found


AXES = with_axis()


@pytest.mark.parametrize("name", AXES)
@pytest.mark.parametrize("axis", [5, -4])
def test_an_axis_out_of_range_is_an_axis_error(name: str, axis: int) -> None:
    for x in (Value(A), A):
        with pytest.raises(np.exceptions.AxisError, match=f"axis {axis} is out of bounds for array of dimension [123]"):
            AXES[name](x, axis)


def test_the_sweep_over_axes_covers_every_function_with_an_axis() -> None:
    assert len(AXES) > 60
    for function in (np.median, np.nanmedian, lambda x, axis: np.percentile(x, 50, axis), lambda x, axis: x.mean(axis)):
        with pytest.raises(np.exceptions.AxisError):
            function(Value(A), 5)
    for shift in (np.fft.fftshift, np.fft.ifftshift):
        with pytest.raises(np.exceptions.AxisError):
            shift(Value(A), axes=5)
        np.testing.assert_array_equal(shift(Value(A), axes=(0, -1)).data, shift(A, axes=(0, -1)))
    with pytest.raises(ValueError, match="repeated axis"):
        np.median(Value(A), axis=(0, 0))
    with pytest.raises(TypeError):
        np.median(Value(A), axis=1.5)  # type: ignore[call-overload]
    np.testing.assert_array_equal(np.median(Value(A), axis=(0, -1)).data, np.median(A))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: np.linalg.eigvals(Value([[0.0, 1.0], [-1.0, 0.0]])), (ValueError, TypeError), "complex"),
        (lambda: np.pad(Value([1.0]), 1, "sideways"), (ValueError, TypeError), "sideways"),
        (lambda: Value(A).astype("numbers"), TypeError, "data type 'numbers' not understood"),
        (lambda: np.sum(Value(A), axis="rows"), TypeError, r"sum\(axis='rows', keepdims=False\): 'str' object cannot be"),
        (lambda: np.sum(Value(A), axis=(0, 0)), ValueError, r"sum\(axis=\(0, 0\), keepdims=False\): duplicate value in 'axis'"),
        (lambda: np.repeat(Value([1.0, 2.0]), -1), ValueError, "negative"),
        (lambda: np.broadcast_to(Value([1.0, 2.0]), -3), ValueError, "non-negative"),
        (lambda: Value(A).reshape(-1, -1), ValueError, "only specify one unknown dimension"),
        (lambda: round(Value(1.5), "two"), TypeError, r"round\(decimals='two'\)"),  # type: ignore[call-overload]
        (lambda: np.diag(Value([1.0, 2.0]), "k"), TypeError, "str"),  # type: ignore[call-overload]
        (lambda: np.einsum("i?,ij", Value([1.0]), Value(A)), ValueError, "subscript"),
        (lambda: np.linalg.norm(Value([1.0, 2.0]), "fro2"), (ValueError, TypeError), "order|ord|norm"),
    ],
)
def test_errors_that_are_not_about_shapes_do_not_blame_shapes(call: Callable[[], Any], error: Any, text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        call()
    assert "cannot take the shape" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: Value([1.0, 2.0]) + Value([1.0, 2.0, 3.0]),
            r"add\(\) cannot take the shapes \(2,\), \(3,\): operands could not be broadcast together\. Fix: shapes",
        ),
        (
            lambda: Value([1.0, 2.0]) @ Value([1.0, 2.0, 3.0]),
            r"matmul\(\) cannot take the shapes \(2,\), \(3,\): size 3 is different from 2\. Fix: the last axis",
        ),
        (lambda: Value(2.0) @ Value(3.0), r"matmul\(\) cannot take the shapes \(\), \(\)"),
        (lambda: Value(A).reshape(5), r"reshape\(\) cannot take the shape \(2, 3\): cannot reshape array of size 6"),
        (lambda: np.concatenate([Value(A), Value([[1.0]])]), r"concatenate\(\) cannot take the shapes \(2, 3\), \(1, 1\)"),
        (lambda: np.max(Value([])), r"max\(\) cannot take the shape \(0,\): zero-size array"),
        (lambda: np.einsum("ijk,i", Value(A), Value([1.0])), r"einsum\(\) cannot take the shapes"),
        (lambda: autograd.ops.linear(Value([1.0]), Value(A)), r"linear\(\) cannot take the shapes"),
    ],
)
def test_errors_about_shapes_name_them(call: Callable[[], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


def test_errors_of_linear_algebra_are_those_of_numpy() -> None:
    singular, tall = Value([[1.0, 2.0], [2.0, 4.0]]), Value(A)
    for call in (
        lambda: np.linalg.inv(singular), lambda: np.linalg.solve(singular, Value([1.0, 2.0])), lambda: np.linalg.inv(tall),
        lambda: np.linalg.det(tall), lambda: np.linalg.cholesky(Value([[1.0, 2.0], [2.0, 1.0]])), lambda: np.linalg.eigh(tall),
    ):  # fmt: skip
        with pytest.raises(np.linalg.LinAlgError) as caught:
            call()
        assert "cannot take the shape" not in str(caught.value)


def test_operators_with_odd_arguments() -> None:
    v = Value(7.0)
    for call in (lambda: pow(v, 2, 5), lambda: pow(v, 2.0, 5), lambda: pow(v, v, v)):
        with pytest.raises(TypeError, match="a Value has no modulus"):
            call()
    for call in (
        lambda: pow(2, v, 5),
        lambda: v << 1,
        lambda: v & True,
        lambda: ~v,
        lambda: v + None,
        lambda: v + {},
        lambda: v + len,
    ):
        with pytest.raises(TypeError, match="unsupported operand|bad operand"):
            call()
    for call in (lambda: v + "1", lambda: "1" + v, lambda: divmod(v, "1")):
        with pytest.raises(TypeError, match="takes real numbers and arrays of them, but got a string: '1'"):
            call()
    with pytest.raises(TypeError, match=r"round\(\) has no derivative for its argument number 2, 'decimals', which is a Value"):
        round(v, Value(1.0))
    assert [item.data for item in divmod(20.0, v)] == list(divmod(20.0, 7.0))
    assert [item.data for item in divmod(v, 2)] == list(divmod(7.0, 2))
    assert [item.data.tolist() for item in divmod([20.0, 3.0], v)] == [[2.0, 0.0], [6.0, 3.0]]
    assert (round(Value(2.567), 2).data, round(Value(2.5)).data, round(Value(1234.0), -2).data) == (2.57, 2.0, 1200.0)
    w = Value(3.0)
    quotient, rest = divmod(20.0, w)
    (quotient + rest).backward()
    assert w.grad == -6.0  # 20 - 6 w, where the quotient 6 is flat
    assert (v + Fraction(1, 2)).data == 7.5


def test_an_error_in_a_user_rule_is_raised_unchanged() -> None:
    @autograd.primitive(x=lambda g, out, x: g)
    def picky(x: Any) -> Any:
        raise ValueError("only on Tuesdays")

    with pytest.raises(ValueError, match=re.escape("picky(): only on Tuesdays")):
        picky(Value([1.0, 2.0]))


def test_a_part_of_a_value_is_not_deleted_in_place() -> None:
    v = Value([1.0, 2.0])
    with pytest.raises(TypeError, match=re.escape("v = np.delete(v, i) for del v[i]")):
        del v[0]


def test_none_is_no_number() -> None:
    v: Any = Value([1.0, 2.0])
    none: Any = None
    for call in (
        lambda: v.at[0].set(none),
        lambda: autograd.ops.put_along_axis(v, np.array([0]), none, 0),
        lambda: np.select([v > 1.0], [v], none),
        lambda: np.hypot(v, none),
        lambda: np.arctan2(none, v),
    ):
        with pytest.raises(TypeError, match="real number.* but got None"):
            call()

"""Messages of verification about functions and gradients of a wrong form: they say what to write."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from autograd import check_gradients
from autograd.verify import GradientReport, Verdict

X = np.array([0.5, 1.2])


def square(x: Any) -> Any:
    return np.sum(x * x)


@pytest.mark.parametrize(
    ("gradient", "error", "text"),
    [
        (lambda x: [[1.0, 2.0], [3.0]], ValueError, r"the gradient is \[\[1.0, 2.0\], \[3.0\]\], a nested list that is not r.*: "
         "return an array of the shape of the result and then that of the input"),
        (lambda x: ["a", "b"], TypeError, "the gradient of x is array.*: return a real number or an array, of the shape of "),
        (lambda x: {"x": 2.0}, TypeError, r"the gradient of x is \{'x': 2.0\}: return a real number or an array, of the shape"),
        (lambda x: 1j * x, TypeError, "the gradient of x is array.*: return a real number or an array, of the shape of "),
        (lambda x: None, TypeError, "the gradient of x is None: return a number or an array of its shape, zeros where"),
        ("word", TypeError, "the gradient of x is 'word': return a real number or an array"),
    ],
)  # fmt: skip
def test_a_gradient_that_is_not_an_array(gradient: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        check_gradients(square, X, gradient=gradient)


@pytest.mark.parametrize(
    ("shape", "change", "hint"),
    [
        ((2, 3), lambda g: g.ravel(), ": return it in that shape, with .reshape(2, 3)"),
        ((2, 3), lambda g: g.T, ": it looks transposed, return its .T"),
        ((2,), lambda g: g[:, None], ": return it in that shape, with .reshape(2)"),
        ((2,), lambda g: 2.0, ""),
        ((2,), lambda g: np.tile(g, (4, 1)), ": it looks as if it was not summed over the broadcast axes (0,)"),
    ],
)
def test_a_gradient_of_another_shape(shape: tuple[int, ...], change: Callable[[Any], Any], hint: str) -> None:
    report = check_gradients(square, np.ones(shape), gradient=lambda x: change(2.0 * x))
    assert report.verdict is Verdict.FAIL
    text = f", the shape of the result and then that of the input{hint}"
    assert [sentence for sentence in report.broken if sentence.endswith(text)], report.broken


def test_a_jacobian_of_the_transposed_shape() -> None:
    f = lambda x: np.array([x[0], x[1], x[0] * x[1]])  # noqa: E731
    report = check_gradients(f, X, gradient=lambda x: np.array([[1.0, 0.0, x[1]], [0.0, 1.0, x[0]]]))
    assert report.broken[0].endswith(": it looks transposed, return its .T")


def note(call: Callable[[], GradientReport], error: type[Exception]) -> str:
    """The notes that are added to an error of the user's function."""
    with pytest.raises(error) as raised:
        call()
    return "; ".join(getattr(raised.value, "__notes__", []))


def test_arguments_that_do_not_fit() -> None:
    product = lambda x, y: np.sum(x * y)  # noqa: E731
    text = "{} is called with the inputs that follow the function: "
    assert note(lambda: check_gradients(product, X, X, gradient=lambda x: x), TypeError) == text.format("gradient=") + "x, y"
    assert note(lambda: check_gradients(product, X, gradient=lambda x: x), TypeError) == text.format("the function") + "x"


def test_integers_that_are_sizes() -> None:
    power = lambda x, n: np.sum(x * np.ones((n, 2)))  # noqa: E731
    text = "all inputs are differentiated, and integers become floats: close over sizes and indices, as in lambda x: f(x, 3)"
    assert note(lambda: check_gradients(power, X, 3, gradient=lambda x, n: (3.0 * np.ones(2), 0.0)), TypeError) == text
    assert check_gradients(lambda x: power(x, 3), X, gradient=lambda x: np.full(2, 3.0)).ok


def test_errors_of_the_function_and_of_the_gradient_are_raised_unchanged() -> None:
    def fails(x: Any) -> Any:
        raise KeyError("weights")

    for call in (
        lambda: check_gradients(fails, X),
        lambda: check_gradients(fails, X, gradient=2.0 * X),
        lambda: check_gradients(square, X, gradient=fails),
    ):
        assert note(call, KeyError) == ""


def test_numbers_of_other_kinds() -> None:
    assert check_gradients(square, Fraction(1, 2), gradient=lambda x: 2.0 * x).ok
    assert check_gradients(square, np.array([1, 2]), gradient=lambda x: 2.0 * x).rows[0].dtype == "float64"
    assert check_gradients(lambda x: x * x, Fraction(1, 2)).ok
    assert check_gradients(square, X, budget=1e4).budget == 10_000  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a whole number from 1 on, got 2.5"):
        check_gradients(square, X, budget=2.5)  # type: ignore[arg-type]


def test_results_that_are_nested() -> None:
    assert check_gradients(lambda x: {"loss": square(x)}, X, gradient=lambda x: 2.0 * x).ok
    assert check_gradients(lambda x: (square(x),), X, gradient=lambda x: 2.0 * x).ok
    with pytest.raises(ValueError, match="but this one returned 2: join them with np.concatenate"):
        check_gradients(lambda x: {"a": square(x), "b": x[0]}, X, gradient=lambda x: 2.0 * x)

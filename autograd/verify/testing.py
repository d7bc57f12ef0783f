"""Gradient checks as tests, for pytest and unittest. It imports neither, and Hypothesis only where it is used.

In a test, call assert_gradients(). It raises an AssertionError whose text is the report, which pytest shows
below the line of the call. Use the cases of the test runner::

    @pytest.mark.parametrize("x", [np.zeros(3), np.full(3, 1e3)], ids=["zero", "large"])
    def test_softplus(x):
        assert_gradients(softplus, x)

If a test does nothing else, gradient_test() makes it in one line, also for inputs from a strategy of Hypothesis::

    test_softplus = gradient_test(softplus, points=arrays(float, 3, elements=floats(-50.0, 50.0)))
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from autograd.verify.check import assert_gradients, check_gradients
from autograd.verify.report import GradientError, GradientReport, Verdict

__all__ = ["GradientError", "GradientReport", "Verdict", "assert_gradients", "gradient_test"]


def gradient_test(f: Callable[..., Any], *inputs: Any, **options: Any) -> Callable[..., None]:
    """Return a test function that calls ``assert_gradients(f, *inputs, **options)``, for a module or a class of tests.

    Its source line is that of this call: pytest shows it where the test fails.

    Args:
        f: the function whose gradient is tested.
        inputs: its arguments.
        options: those of check_gradients(): gradient, order, seed, budget, points. With a strategy of Hypothesis as points=,
            no inputs are needed; Hypothesis simplifies a failing one.

    Returns:
        A function without arguments. Assign it to a name that begins with ``test_``.

    Raises:
        TypeError: for other options.

    >>> test_cube = gradient_test(lambda x: x**3, [1.0, 2.0], order=2)
    >>> test_cube()
    """
    try:
        inspect.signature(check_gradients).bind(f, *inputs, **options)
    except TypeError as error:  # here, and not when the test runs
        raise TypeError(f"gradient_test() takes a function, its inputs and the options of check_gradients(): {error}") from None
    caller = sys._getframe(1)
    names: dict[str, Any] = {"assert_gradients": assert_gradients, "f": f, "inputs": inputs, "options": options}
    names["__name__"] = caller.f_globals.get("__name__", __name__)
    exec(compile(at_the_call(caller), caller.f_code.co_filename, "exec"), names)
    return names["test"]


def at_the_call(caller: FrameType) -> ast.Module:
    """Return the source of a test, placed at the call that a frame is making, so that tracebacks show that line.

    Its argument is the instance of a class of tests.
    """
    tree = ast.parse("def test(*_): del _; assert_gradients(f, *inputs, **options)")
    line, last_line, column, last_column = list(caller.f_code.co_positions())[caller.f_lasti // 2]
    place = {"lineno": line, "end_lineno": last_line, "col_offset": column or 0, "end_col_offset": last_column or 0}
    for node in ast.walk(tree):
        if "lineno" in node._attributes:
            vars(node).update(place)
    return tree

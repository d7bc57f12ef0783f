"""Checks that are the same for every framework whose gradients are verified, with its own functions and arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.verify import GradientReport, Verdict, check_gradients

Make = Callable[[Any], Any]  # an adapter of x³ whose gradient is x² times a factor, which should be 3


def wrong_rows(report: GradientReport) -> list[str]:
    """The names of the inputs whose gradients are wrong."""
    assert report.verdict is Verdict.FAIL, str(report)
    return [row.name for row in report.rows if row.verdict is Verdict.FAIL]


def check_a_rule(cube: Make, x: Any, name: str) -> None:
    """The right rule passes, and one that is 0.001 off fails, with its cause."""
    assert check_gradients(cube(lambda x: 3.0), x, order=2).verdict is Verdict.PASS
    report = check_gradients(cube(lambda x: 3.001), x)
    assert wrong_rows(report) == [name]
    assert report.rows[0].cause == "a constant factor: claimed = (1 + 0.000333) * measured"


def check_a_rule_that_is_wrong_above_3(wrong: Any) -> None:
    assert check_gradients(wrong, 0.5).ok
    report = check_gradients(wrong, 0.5, points=20)
    assert not report.ok and report.points is not None and report.points.failing == "4.0"


def check_a_rule_without_a_derivative(stopped: Any, sine: Any, x: Any) -> None:
    """The first derivative passes and the second fails; those of the sine pass at any order."""
    assert check_gradients(stopped, x).ok
    report = check_gradients(stopped, x, order=2)
    assert report.verdict is Verdict.FAIL and report.rows[0].verdict is Verdict.PASS
    assert check_gradients(sine, 0.5, order=3).ok


def check_calls(sine: Any, name: str) -> None:
    """An adapter gives NumPy's numbers, and the gradient."""
    assert repr(sine) == f"{name}(sin)"
    assert sine(0.5) == np.sin(0.5) and sine.gradient(0.5) == np.cos(0.5)

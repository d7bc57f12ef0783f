"""Sweeps: a test of one case becomes a test for each group of cases, such as all samples of an operation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pytest


def sweep(
    groups: Mapping[str, Sequence[Any]], name: Callable[[Any], str], first: int | None = None, slow: Collection[str] = ()
) -> Callable[..., Any]:
    """Run a test of one case for all cases of a group, and name each case that fails.

    Args:
        groups: the cases by the name of their group; each group is a test.
        name: a function that returns the name of a case for messages.
        first: the number of cases of a group that always run; the others are a second test, marked `slow`.
        slow: the names of the groups to mark `slow`.
    """
    parts = [pytest.param(cases[:first], id=group, marks=[pytest.mark.slow] * (group in slow)) for group, cases in groups.items()]
    if first is not None:
        rest = {group: cases[first:] for group, cases in groups.items() if len(cases) > first}
        parts += [pytest.param(cases, id=f"{group}, the others", marks=pytest.mark.slow) for group, cases in rest.items()]

    def decorate(test: Callable[[Any], None]) -> Callable[[Sequence[Any]], None]:
        @functools.wraps(test)
        def swept(cases: Sequence[Any]) -> None:
            errors = {}
            for number, case in enumerate(cases):
                try:
                    test(case)
                except Exception as error:
                    errors[number] = error
            if errors:
                lines = [f"{name(cases[number])}: {type(error).__name__}: {error}" for number, error in errors.items()]
                raise AssertionError("\n\n".join([f"{len(errors)} of {len(cases)} cases fail:", *lines])) from next(
                    iter(errors.values())
                )

        vars(swept)["__signature__"] = inspect.signature(swept, follow_wrapped=False)  # pytest passes `cases`
        return pytest.mark.parametrize("cases", parts)(swept)

    return decorate


def slow(*values: Any) -> list[Any]:
    """Return parameters of a test that run with the slow tests only."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]

"""Random programs, replayed on other data than they were recorded on, give what they give without compile()."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import compile, grad, hvp
from autograd.compiler import passes
from tests.compiler.programs import RandomProgram
from tests.compiler.replays import Outcome, backward_of, weights

NUMBERS = st.lists(st.integers(0, 1 << 16), min_size=5, max_size=80)
#: As many times as usual, and 20 times as many in `.ci/run`.
MANY = settings(max_examples=settings().max_examples * (20 if settings().max_examples > 50 else 4))


def first(function: Any) -> Any:
    """Return a function whose result is one number: the first result, and a weighted sum of the second."""

    def single(*args: Any) -> Any:
        out = function(*args)
        return out[0] + np.sum(out[1] * weights(np.shape(out[1]))) if isinstance(out, tuple) else out + 0.0

    return single


def product(function: Any) -> Any:
    """Return a function that multiplies the Hessian of `function` and a vector."""
    return lambda *args: hvp(function, args, tuple(weights(np.shape(item)) for item in args))


#: How a program is used: what is compiled of it, and what is done with that.
WAYS: dict[str, tuple[Any, Any]] = {
    "plain": (lambda f: f, lambda f: f),
    "backward(compile)": (first, backward_of),
    "grad(compile)": (first, lambda f: grad(f, (0, 1, 2))),
    "hvp(compile)": (first, product),
    "compile(grad)": (lambda f: grad(first(f), (0, 1, 2)), lambda f: f),
    "compile(hvp)": (lambda f: product(first(f)), lambda f: f),
}


def check(numbers: list[int], ways: Any = None) -> None:
    """Compare the compiled program with the program itself on all its data, with some of the passes, in two ways."""
    program = RandomProgram(numbers)
    if ways is None:
        ways = {program.choices.one(list(WAYS)), program.choices.one(list(WAYS))}
    subset = program.choices.below(1 << len(passes.PASSES) + 1)  # as often as not all passes
    chosen = [p for number, p in enumerate(ALL_PASSES) if subset >> number & 1 or subset >> len(ALL_PASSES)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "PASSES", tuple(chosen))
        for name, (inner, use) in WAYS.items():
            if name not in ways:
                continue
            eager, compiled = use(inner(program.function())), use(compile(inner(program.function())))
            for number, args in enumerate(program.data):
                twins = [[x if isinstance(x, float) else x.copy() for x in args] for _ in range(2)]
                expected, found = Outcome(eager, twins[0]), Outcome(compiled, twins[1])
                found.results += [x for x in twins[1] if found.error is None]  # arguments may change
                expected.results += [x for x in twins[0] if expected.error is None]
                try:
                    found.compare(expected)
                except AssertionError as error:
                    names = ", ".join(p.__name__ for p in chosen)
                    raise AssertionError(
                        f"{name} in call {number + 1} with {args}\n\n{program.source}\n\nwith the passes {names}:\n{error}"
                    ) from error


ALL_PASSES = passes.PASSES


@MANY
@given(NUMBERS)
def test_replays_give_what_eager_calls_give(numbers: list[int]) -> None:
    check(numbers)


@pytest.mark.parametrize("name", [p.__name__ for p in ALL_PASSES] + ["none"])
@settings(max_examples=settings().max_examples // 3)
@given(NUMBERS)
def test_every_pass_alone_keeps_the_numbers(name: str, numbers: list[int]) -> None:
    program_ways = {"plain", "compile(grad)"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "ALL_PASSES", tuple(p for p in ALL_PASSES if p.__name__ == name))
        check([*numbers, 1 << 15], program_ways)

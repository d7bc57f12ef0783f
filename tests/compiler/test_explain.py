"""Test the texts of compiled functions: source, explain(), and the warnings and errors of what cannot be replayed."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.compiler import draw, effect, live


def trained() -> tuple[autograd.compiler.Compiled, np.ndarray, list[np.ndarray]]:
    """A compiled training step that was replayed, its argument, and the parameters."""
    model = nn.Linear(3, 2, rng=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)

    @autograd.compile
    def step(x: np.ndarray) -> Value:
        optimizer.zero_grad()
        loss = (model(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    x = np.ones((4, 3))
    for _ in range(4):
        step(x)
    return step, x, [parameter.data for parameter in model.parameters()]


def test_explain_counts_recordings_programs_and_instructions() -> None:
    step, _, _ = trained()
    text = str(step.explain())
    recordings, programs = map(int, re.findall(r"(\d+) recordings, (\d+) program", text)[0])
    assert recordings >= 2 and programs == 1
    counts = [int(number) for number in re.findall(r"[a-z_]+ (\d+)", text.split("changed their number: ")[1].split("\n")[0])]
    assert counts[0] > counts[-1] > 5
    assert f"{counts[-1]} instructions" in text
    assert repr(step.explain()) == text


def test_explain_with_arguments_times_every_instruction_and_changes_nothing() -> None:
    step, x, parameters = trained()
    before = [parameter.copy() for parameter in parameters]
    text = str(step.explain(x))
    count = int(re.findall(r"(\d+) instructions", text)[0])
    timed = [line for line in text.splitlines() if re.match(r" +(\d+\.\d\d|-)  ", line)]
    assert len(timed) == count
    assert all((parameter == old).all() for parameter, old in zip(parameters, before, strict=True))
    with pytest.raises(ValueError, match="has no program for these arguments: call it with them three times"):
        step.explain(np.ones((5, 3)))


def times_of(text: str) -> dict[str, float]:
    """Return the microseconds of each instruction, nan where it is not run."""
    found = re.findall(r"^ +(\d+\.\d\d|-)  (.*?) +line \d*$", text, re.MULTILINE)
    return {line: float(time.replace("-", "nan")) for time, line in found}


def test_explain_times_blocks_slices_and_updates_of_large_arrays() -> None:
    weight = Value(np.linspace(-1.0, 1.0, 2 * 200_000).reshape(2, 200_000))
    optimizer = nn.SGD([weight], lr=0.1)

    @autograd.compile
    def step(x: np.ndarray) -> Value:
        optimizer.zero_grad()
        loss = (np.tanh(weight * x)[:, 1:] ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    x = np.full((2, 200_000), 0.5)
    for _ in range(4):
        step(x)
    before = weight.data.copy()
    times = times_of(step.explain(x))
    assert (weight.data == before).all()
    for name in ("in_blocks(block", "[:, 1:]", "subtract_scaled("):
        found = [time for line, time in times.items() if name in line]
        assert found and all(time > 0 for time in found), f"{name}: {times}"


def test_explain_draws_from_a_copy_of_the_generator_and_does_not_repeat_effects() -> None:
    rng, state, calls = np.random.default_rng(0), {"count": 0}, []

    def rate() -> float:
        calls.append(1)
        return 0.5

    @autograd.compile
    def f(x: np.ndarray) -> np.ndarray:
        live(state)["count"] += 1
        factor = effect(rate, again=True)
        return np.log(x) * draw(rng, "random", size=3) * factor if factor < 0.75 else x

    for _ in range(4):
        f(np.ones(3))
    before = rng.bit_generator.state
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        times = times_of(f.explain(np.ones(3)))
        assert rng.bit_generator.state == before and state == {"count": 4} and len(calls) == 4
        (drawn,) = [time for line, time in times.items() if "draw_random(" in line]
        (called,) = [time for line, time in times.items() if "rate(" in line]
    assert drawn > 0 and np.isnan(called)


def test_explain_says_why_a_function_runs_eagerly() -> None:
    rng = np.random.default_rng(0)
    noisy = autograd.compile(lambda x: x + rng.normal(size=3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(20):
            noisy(np.zeros(3))
    assert len(caught) == 1
    assert re.search(r"runs eagerly, because it cannot be replayed: .*test_explain.py:\d+", str(caught[0].message))
    assert "for 1 kind of arguments it runs eagerly: " in noisy.explain()


def test_strict_raises_where_a_function_would_run_eagerly() -> None:
    rng = np.random.default_rng(0)
    noisy = autograd.compile(lambda x: x + rng.normal(size=3), strict=True)
    with pytest.raises(RuntimeError, match="cannot be replayed"):
        for _ in range(20):
            noisy(np.zeros(3))


def test_strict_raises_where_a_branch_goes_the_other_way() -> None:
    @autograd.compile(strict=True)
    def f(x: np.ndarray) -> np.ndarray:
        return x * 2.0 if x.sum() > 0 else x

    for _ in range(4):
        f(np.ones(2))
    with pytest.raises(RuntimeError, match=r"another number .*, by bool\(\), as an if does at test_explain.py:\d+"):
        f(-np.ones(2))
    assert f(np.ones(2)).tolist() == [2.0, 2.0]


def test_source_is_that_of_the_latest_program() -> None:
    f = autograd.compile(lambda x: np.exp(x) if x.ndim == 1 else np.sin(x))
    for x in (np.ones(2), np.ones((2, 2))):
        for _ in range(3):
            f(x)
    assert "sin" in f.source and "exp" not in f.source


def test_source_is_python_that_computes_the_same() -> None:
    @autograd.compile
    def f(x: np.ndarray) -> np.ndarray:
        return np.sqrt(x * x + 1.0)

    for _ in range(3):
        f(np.ones(2))
    space = {"sqrt": np.sqrt, "multiply": np.multiply, "add": np.add, "number_1": 1.0}
    exec(f.source, space)
    (found,), _ = space["forward"](np.array([0.0, 3.0]))  # type: ignore[operator]
    assert found.tolist() == [1.0, np.sqrt(10.0)]

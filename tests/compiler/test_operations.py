"""Every operation and function of the table by itself: compiled, recorded on some data, and replayed on other data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograd import compile
from autograd.compiler import environment
from autograd.ops import functions, table
from tests.compiler.replays import Outcome, reasons, was_replayed, ways
from tests.ops.samples import Sample, all_samples
from tests.sweeps import sweep

SAMPLES = all_samples()
FIRST = {name: samples[:1] for name, samples in SAMPLES.items()}


def other_data(inputs: list[Any], rng: np.random.Generator) -> Iterator[tuple[str, list[Any]]]:
    """Yield data of the same shapes, most of which take other branches: other signs, ties, zeros, infinities and nan."""

    def changed(change: Any) -> list[Any]:
        new = [change(np.asarray(x)) for x in inputs]
        return [float(y) if type(x) is float else np.asarray(y, x.dtype) for x, y in zip(inputs, new, strict=True)]

    def special(x: Any) -> Any:
        y = np.array(x)
        flat = y.reshape(-1)
        for place, item in zip(rng.permutation(flat.size), [np.inf, np.nan, -np.inf][: max(1, flat.size // 2)], strict=False):
            flat[place] = item
        return y

    yield "the same", inputs
    yield "other numbers", changed(lambda x: rng.uniform(x.min(), x.max(), x.shape) if x.size else x)
    yield "other signs", changed(np.negative)
    yield "another order", changed(lambda x: rng.permutation(x.reshape(-1)).reshape(x.shape))
    yield "ties", changed(lambda x: np.full_like(x, x.reshape(-1)[0]) if x.size else x)
    yield "whole numbers", changed(np.round)
    yield "zeros", changed(np.zeros_like)
    yield "inf and nan", changed(special)
    yield "huge numbers", changed(lambda x: x * 1e30)


@pytest.fixture(autouse=True)
def without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the search of what the samples refer to, which are all operations and takes most of the time."""
    monkeypatch.setattr(environment, "is_users_file", lambda file: False)


def check(sample: Sample, dtype: Any, names: Any, rounds: int = 1) -> None:
    """Compare compiled with eager calls on the data of a sample and on other data, and demand that some are replays."""
    inputs = [item if type(item) is float else item.astype(dtype) for item in sample.inputs]
    data = list(other_data(inputs, np.random.default_rng(3)))
    for name, (compiled, use, eager) in ways(sample.call, len(inputs), names).items():
        replays, eager_errors = 0, 0
        for kind, args in [data[0], *data * rounds]:
            expected = Outcome(eager, args)
            found: list[Outcome] = []
            replays += was_replayed(compiled, lambda args=args, found=found, use=use: found.append(Outcome(use, args)))
            eager_errors += expected.error is not None
            try:
                found[0].compare(expected)
            except AssertionError as error:
                raise AssertionError(f"{name} on {kind}: {error}") from error
        assert replays or eager_errors > 2, f"{name} is never replayed: {reasons(compiled)}"


def test_every_operation_has_a_sample() -> None:
    assert set(FIRST) == {*table(), *functions()}


@sweep(FIRST, lambda sample: sample.name)
def test_replays_give_what_eager_calls_give(sample: Sample) -> None:
    check(sample, np.float64, {"backward", "compile(hvp)"})


@sweep(FIRST, lambda sample: sample.name, slow=FIRST)
def test_all_ways_to_compile_give_what_eager_calls_give(sample: Sample) -> None:
    for dtype in (np.float64, np.float32):
        check(sample, dtype, None, 2)


@pytest.mark.parametrize(
    "use",
    [
        lambda w, x, y: np.take(w, np.minimum(np.searchsorted(y, x), 3)) * x,
        lambda w, x, y: w[np.minimum(np.searchsorted(y, x), 3)] * x,
        lambda w, x, y: np.choose(np.minimum(np.searchsorted(y, x), 3), w) * x,
        lambda w, x, y: x * np.add.reduce(w[x > 0.25]),
        lambda w, x, y: x + np.frombuffer(np.ascontiguousarray(y).data, float),
        lambda w, x, y: x + np.array([*map(float, y)]),
        lambda w, x, y: x + np.fromiter(y, float),
        lambda w, x, y: x + np.ndarray(4, float, np.array(y)),
        lambda w, x, y: x + np.lib.stride_tricks.as_strided(y, (4,), (8,)),
        lambda w, x, y: x + np.array(y.tolist()),
        lambda w, x, y: x + np.array(y.__array__()),
        lambda w, x, y: x + y.flat[1],
        lambda w, x, y: x + np.nditer(y).value,
        lambda w, x, y: x + [*np.ndenumerate(y)][2][1],
        lambda w, x, y: x + np.vectorize(lambda a: a if a > 0.2 else -a)(y),
        lambda w, x, y: x + np.asarray(memoryview(np.asarray(y))),
    ],
)
def test_code_in_c_reads_the_memory_of_a_tracer_only_with_a_guard(use: Any) -> None:
    w = np.cos(np.arange(1.0, 5.0))
    x, y = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.0, 0.15, 0.25, 0.35])
    compiled = compile(use)
    for args in [(x, y)] * 3 + [(y, x), (x, x), (x, y), (2.0 * x, -y), (y - 0.2, x)]:
        Outcome(lambda *args: compiled(w, *args), args).compare(Outcome(lambda *args: use(w, *args), args))

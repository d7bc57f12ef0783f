"""Batches and splits: every sample once, the same numbers with threads and after resuming, errors that help."""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nn
from autograd import Value, no_grad

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


class Squares:
    """A data set with only len() and an index, which may be slow or fail."""

    def __init__(self, length: int = 10, fails_at: int | None = None) -> None:
        self.length, self.fails_at, self.read = length, fails_at, 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        self.read += 1
        if index == self.fails_at:
            raise RuntimeError("a broken sample")
        return np.full(3, index), index**2


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "DataLoader"]


# --- batches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefetch", [0, 1, 3])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_sample_occurs_once(shuffle: bool, drop_last: bool, prefetch: int) -> None:
    loader = nn.DataLoader((X, Y), 4, shuffle, rng=0, drop_last=drop_last, prefetch=prefetch)
    batches = list(loader)
    assert len(batches) == len(loader) == (2 if drop_last else 3)
    assert [len(y) for _, y in batches] == ([4, 4] if drop_last else [4, 4, 2])
    y = np.concatenate([y for _, y in batches])
    assert len(set(y.tolist())) == len(y)
    assert (y.tolist() == sorted(y.tolist())) is not shuffle
    for x, labels in batches:
        assert (x == X[labels]).all()


def test_epochs_are_reshuffled_and_the_same_with_a_thread() -> None:
    plain, threaded = (nn.DataLoader(Y, 3, True, rng=7, prefetch=n) for n in (0, 2))
    epochs = [[batch.tolist() for batch in plain] for _ in range(3)]
    assert epochs == [[batch.tolist() for batch in threaded] for _ in range(3)]
    assert epochs[0] != epochs[1] != epochs[2]
    rng = np.random.default_rng(7)
    assert sum(epochs[0], []) == rng.permutation(10).tolist()


def test_kinds_of_data_sets() -> None:
    assert next(iter(nn.DataLoader(X, 2))).tolist() == [[0.0, 1.0], [2.0, 3.0]]
    batch = next(iter(nn.DataLoader({"x": X, "y": Y}, 2)))
    assert batch["x"].shape == (2, 2) and batch["y"].tolist() == [0, 1]
    x, squares = next(iter(nn.DataLoader(Squares(), 4)))
    assert x.shape == (4, 3) and squares.tolist() == [0, 1, 4, 9]
    assert [batch.tolist() for batch in nn.DataLoader([5.0, 6.0, 7.0], 2)] == [[5.0, 6.0], [7.0]]
    (labels,) = nn.DataLoader([{"a": 1, "b": np.zeros(2)}] * 3, 3)
    assert labels["a"].tolist() == [1, 1, 1] and labels["b"].shape == (3, 2)
    assert not list(nn.DataLoader(np.zeros((0, 3)), 2))


def test_batches_are_copies() -> None:
    data = X.copy()
    for batch in nn.DataLoader(data, 3):
        batch += 1.0
    assert (data == X).all()


def test_collate_gets_the_samples() -> None:
    loader = nn.DataLoader((X, Y), 4, collate=lambda samples: [(x.tolist(), int(y)) for x, y in samples])
    assert next(iter(loader))[:2] == [([0.0, 1.0], 0), ([2.0, 3.0], 1)]
    ragged = [np.zeros(2), np.zeros(3)]
    with pytest.raises(ValueError, match=r"one shape, got \[\(2,\), \(3,\)\]: pad them, or pass collate="):
        next(iter(nn.DataLoader(ragged, 2)))


@pytest.mark.parametrize(
    ("dataset", "error", "text"),
    [
        (3, TypeError, "a data set must be an array, a tuple or dict of arrays, or have len.. and .index., got int"),
        (Value(X), TypeError, "Value: pass its .data"),
        ((X, Value(X)), TypeError, "Value: pass its .data"),
        ((X, Y[:3]), ValueError, "one length, got {0: 10, 1: 3}"),
        ({"x": X, "y": Y[:3]}, ValueError, "one length, got {'x': 10, 'y': 3}"),
        (np.array(3.0), ValueError, "a single number"),
        ((), ValueError, "one length"),
        (((X, X), Y), ValueError, r"{0: 2, 1: 10}; several inputs of a model are a dict, \(\{\"a\": a"),
        (((X, X[:, :1]), Y), ValueError, "expected one array, got a tuple of arrays of different shapes"),
        (({"a": X, "b": X[:3]}, Y), ValueError, "one length, got {'a': 10, 'b': 3}"),
        (({"a": X, "b": 3}, Y), ValueError, "a single number"),
    ],
)
def test_invalid_data_sets(dataset: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        nn.DataLoader(dataset)


def test_dicts_of_inputs() -> None:
    """They are batched, shuffled, combined and split like the arrays in them."""
    data = ({"a": X, "b": {"c": Y + 100}}, Y)
    (inputs, y), *_ = nn.DataLoader(data, 4, True, rng=0)
    assert (inputs["a"] == X[y]).all() and (inputs["b"]["c"] == y + 100).all() and len(y) == 4
    (batch, _), *_ = nn.DataLoader(data, 4, collate=nn.collate_samples)
    assert (batch["a"] == X[:4]).all() and batch["b"]["c"].tolist() == [100, 101, 102, 103]
    parts = nn.random_split(data, [7, 3], rng=0)
    assert [len(part[0]["b"]["c"]) for part in parts] == [7, 3]


def test_arguments_of_another_kind() -> None:
    with pytest.raises(TypeError, match=r"batch_size must be a whole number, got ndarray: .* DataLoader\(\(x, y\), batch_size\)"):
        nn.DataLoader(X, Y)  # type: ignore[arg-type]
    for size, name in ((2.0, "float"), (True, "bool")):
        with pytest.raises(TypeError, match=f"batch_size must be a whole number, got {name}$"):
            nn.DataLoader(X, size)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="prefetch must be a whole number, got str$"):
        nn.DataLoader(X, 2, prefetch="2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="shuffle must be True or False, got ndarray"):
        nn.DataLoader(X, 2, Y)  # type: ignore[arg-type]
    assert len(nn.DataLoader(X, np.int64(3), np.True_)) == 4  # type: ignore[arg-type]


def test_sizes_out_of_range() -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        nn.DataLoader(X, 0)
    with pytest.raises(ValueError, match="prefetch at least 0"):
        nn.DataLoader(X, 1, prefetch=-1)


# --- samples put together --------------------------------------------------------------------------------

Pair = namedtuple("Pair", "x y")


@dataclass
class Sample:
    x: Any
    y: int


def first_batch(samples: Any) -> Any:
    return next(iter(nn.DataLoader(samples, 2)))


def test_batches_of_named_tuples_and_dataclasses_have_their_type() -> None:
    batch = first_batch([Pair(1.0, 2), Pair(3.0, 4)])
    assert isinstance(batch, Pair) and batch.x.tolist() == [1.0, 3.0] and batch.y.tolist() == [2, 4]
    batch = first_batch(Pair(X, Y))
    assert isinstance(batch, Pair) and (batch.x == X[:2]).all()
    assert all(isinstance(part, Pair) for part in nn.random_split(Pair(X, Y), [4, 6], rng=0))
    batch = first_batch([Sample(np.ones(3), 0), Sample(np.zeros(3), 1)])
    assert isinstance(batch, Sample) and batch.x.shape == (2, 3) and batch.y.tolist() == [0, 1]
    batch = first_batch([{"a": {"b": (1, [2.0, 3.0])}}] * 2)
    assert batch["a"]["b"][0].tolist() == [1, 1] and batch["a"]["b"][1].shape == (2, 2)
    assert first_batch(["a", "bc"]).tolist() == ["a", "bc"]


@pytest.mark.parametrize(
    ("samples", "error", "text"),
    [
        ([{"a": 1}, {"a": 2, "b": 3}], ValueError, "the same keys, but only some have 'b': add them to every sample"),
        ([{"a": 1, "b": 3}, {"a": 2}], ValueError, "the same keys, but only some have 'b'"),
        ([(1, 2), (1, 2, 3)], ValueError, r"the same parts, got tuples of the lengths \[2, 3\]"),
        (
            [[np.ones(3), 0], [np.zeros(3), 1]],
            TypeError,
            r"one array, got a list of ndarray, int: use a tuple, \(x, y\)",
        ),
        ([[X[0], X[1]], [X[0], X[1]]], TypeError, "a list of ndarray, ndarray"),
        ([[1, 2], [3]], ValueError, r"one shape, got \[\(1,\), \(2,\)\]"),
        ([(1, 2), {"a": 1}], TypeError, "of one kind, got tuple and dict"),
        ([3, (1, 2)], TypeError, "of one kind, got int and tuple"),
        ([Sample(1, 2), 3], TypeError, "of one kind, got Sample and int"),
        ([Pair(1, 2), (3, 4)], TypeError, "of one kind, got Pair and tuple"),
        ([(1.0, None), (2.0, 1)], TypeError, "a sample holds None, which an array cannot hold"),
        ([1, "a"], TypeError, "numbers, arrays or strings, got int, str: pass collate="),
        ([object(), object()], TypeError, "numbers, arrays or strings, got object"),
        ([2**70, 1], TypeError, "numbers, arrays or strings, got int"),
    ],
)
def test_samples_that_do_not_combine(samples: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        first_batch(samples)


def test_frames_of_pandas_are_data_sets() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [True, False, True], "c": [0.5, 0.25, 1.0]})
    labels = pd.Series([0, 1, 0], name="label")
    x, y = first_batch((frame, labels))
    assert x.tolist() == [[1.0, 1.0, 0.5], [2.0, 0.0, 0.25]] and y.tolist() == [0, 1]
    assert first_batch(frame[["a", "b"]]).dtype == np.int64 and first_batch(frame["c"].astype("Float32")).dtype == np.float32
    assert first_batch({"x": frame, "y": labels})["x"].shape == (2, 3)
    (part, _), _ = nn.random_split((frame, labels), [2, 1], rng=0)
    assert part.shape == (2, 3)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda f: f.assign(city=["x", "y", "z"]), TypeError, "column 'city' of the DataFrame has the dtype .*get_dummies"),
        (lambda f: f["a"].astype("category"), TypeError, "column 'a' of the Series has the dtype category"),
        (lambda f: f.assign(day=pd.date_range("2020", periods=3)), TypeError, "column 'day' of the DataFrame has the dtype date"),
        (lambda f: f.assign(n=pd.array([1, None, 2], "Int64")), ValueError, "column 'n' of the DataFrame has missing values"),
        (lambda f: (f, f["a"].iloc[::-1]), ValueError, "paired row by row, but their indexes differ: .*y.loc.x.index"),
        (lambda f: {"x": f, "y": f["a"].iloc[[2, 0, 1]]}, ValueError, "indexes differ"),
    ],
)
def test_frames_that_are_invalid_data_sets(change: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        nn.DataLoader(change(pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 0.25, 1.0]})))


# --- the background thread -------------------------------------------------------------------------------


def test_an_error_in_the_thread_reaches_the_caller() -> None:
    seen = []
    with pytest.raises(RuntimeError, match="a broken sample") as caught:
        for _, y in nn.DataLoader(Squares(fails_at=5), 2, prefetch=2):
            seen.append(y.tolist())
    assert seen == [[0, 1], [4, 9]]
    assert "in __getitem__" in "".join(traceback.format_tb(caught.tb))
    assert not threads()


@pytest.mark.parametrize("prefetch", [0, 2])
def test_stop_iteration_in_a_data_set_does_not_end_the_epoch(prefetch: int) -> None:
    source = iter(range(5))

    class Short(Squares):
        def __getitem__(self, index: int) -> Any:
            return next(source)

    with pytest.raises(RuntimeError, match="StopIteration"):
        list(nn.DataLoader(Short(), 2, prefetch=prefetch))


def test_leaving_early_ends_the_thread() -> None:
    data = Squares(1000)
    for _ in nn.DataLoader(data, 2, prefetch=3):
        break
    assert not threads()
    assert data.read <= 2 * 5
    with pytest.raises(KeyError):
        for _ in nn.DataLoader(data, 2, prefetch=3):
            raise KeyError
    iterator = iter(nn.DataLoader(data, 2, prefetch=3))
    next(iterator)
    assert len(threads()) == 1
    del iterator
    assert not threads()


def test_the_thread_prefetches_a_limited_number_of_batches() -> None:
    data = Squares(100)
    iterator = iter(nn.DataLoader(data, 1, prefetch=4))
    next(iterator)
    deadline = time.monotonic() + 5.0
    while data.read < 5 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert data.read == 5  # the current one, and four


def test_the_thread_knows_no_grad() -> None:
    weight = Value([1.0, 2.0])
    with no_grad():
        (batch,) = nn.DataLoader([1.0, 2.0], 2, prefetch=1, collate=lambda samples: weight * np.array(samples))
    assert batch.op is None


# --- resuming --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("stop", [0, 1, 3, 4, 5, 9])
def test_resuming_is_exact(stop: int, prefetch: int) -> None:
    """The loader resumes exactly, also if the generator is used in between, as by a Dropout."""

    def run(loader: nn.DataLoader, epochs: int, found: list[Any], stop: int | None = None) -> Any:
        for _ in range(epochs):
            for batch in loader:
                found.append((batch.tolist(), loader.generator.random()))
                if len(found) == stop:
                    return loader.state_dict()
        return loader.state_dict()

    def make() -> nn.DataLoader:
        return nn.DataLoader(Y, 3, True, rng=3, prefetch=prefetch)

    whole: list[Any] = []
    run(make(), 3, whole)
    first: list[Any] = []
    loader = make()
    state = run(loader, 3, first, stop) if stop else loader.state_dict()
    state = json.loads(json.dumps(state))
    other = nn.DataLoader(Y, 3, True, rng=99, prefetch=prefetch)
    other.load_state_dict(state)
    assert other.state_dict() == state
    rest: list[Any] = []
    run(other, 3 if stop == 0 else 3 - (stop - 1) // 4, rest)
    assert first + rest == whole


def test_a_state_between_epochs_and_after_leaving() -> None:
    loader = nn.DataLoader(Y, 3, True, rng=3)
    list(loader)
    state = loader.state_dict()
    assert state["position"] == 0 and state["start"] is None
    following = [batch.tolist() for batch in loader]
    loader.load_state_dict(state)
    assert [batch.tolist() for batch in loader] == following
    for _ in loader:
        break
    assert len(list(loader)) == 4  # a new epoch, not the rest of the one that was left


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"samples": 9}, "saved with samples=9, but this DataLoader has 10"),
        ({"batch_size": 5}, "saved with batch_size=5, but this DataLoader has 3"),
        ({"shuffle": False}, "saved with shuffle=False"),
        ({"position": 7}, "at batch 7, but this DataLoader has 4"),
        ({"extra": 1}, "the state of a DataLoader must have"),
        ({"generator": {"bit_generator": "MT19937"}}, "PCG64"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: dict[str, Any], text: str) -> None:
    loader = nn.DataLoader(Y, 3, True, rng=3)
    before = loader.state_dict()
    with pytest.raises(ValueError, match=text):
        loader.load_state_dict({**nn.DataLoader(Y, 3, True, rng=4).state_dict(), **change})
    assert loader.state_dict() == before


# --- splits ----------------------------------------------------------------------------------------------


def test_random_split() -> None:
    parts = nn.random_split((X, Y), [0.5, 0.3, 0.2], rng=0)
    assert [len(y) for _, y in parts] == [5, 3, 2]
    assert sorted(np.concatenate([y for _, y in parts]).tolist()) == Y.tolist()
    assert all((x == X[y]).all() for x, y in parts)
    again = nn.random_split((X, Y), [5, 3, 2], rng=0)
    assert all((a[1] == b[1]).all() for a, b in zip(parts, again, strict=True))
    first, second = nn.random_split(Squares(), [7, 3], rng=0)
    drawn = [part[i][1] for part in (first, second) for i in range(len(part))]
    assert drawn != sorted(drawn) == [i**2 for i in range(10)]
    assert len(list(nn.DataLoader(second, 2))) == 2


def test_a_stratified_split_has_the_shares_of_all() -> None:
    rng = np.random.default_rng(0)
    classes = rng.choice(3, size=1000, p=[0.7, 0.25, 0.05])
    for part in nn.random_split(classes, [0.6, 0.2, 0.2], rng=rng, stratify=classes):
        for label in range(3):
            assert abs((part == label).sum() - (classes == label).mean() * len(part)) <= 1.5


@pytest.mark.parametrize("lengths", [[5, 4], [0.5, 0.4], [12, -2]])
def test_lengths_that_do_not_add_up(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match="lengths must add up to 10 samples, or as fractions to 1"):
        nn.random_split(X, lengths)
    with pytest.raises(ValueError, match=r"one class for each of 10 samples, got the shape \(3,\)"):
        nn.random_split(X, [5, 5], stratify=[0, 1, 0])


@pytest.mark.parametrize("other", [0.5, np.float32(1.0), np.int64(-1)])
def test_integers_that_a_batch_of_floats_would_round_are_refused(other: Any) -> None:
    with pytest.raises(ValueError, match="a sample is the integer 9223372036854775809, which a float would round"):
        nn.collate_samples([np.uint64(2**63 + 1), other])
    assert nn.collate_samples([3, 0.5]).tolist() == [3.0, 0.5]
    assert nn.collate_samples([2**53 + 1, 1]).tolist() == [2**53 + 1, 1]

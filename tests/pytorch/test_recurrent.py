"""RNN, LSTM, GRU and their cells against PyTorch: outputs, states and all gradients, over all options."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import nn
from autograd import Value
from tests.nn.layers.test_recurrent import each_kind, flat

INPUT, HIDDEN, TIME, BATCH = 3, 4, 6, 5
LENGTHS = [3, 6, 1, 5, 3]


def agree(ours: nn.Module, theirs: torch.nn.Module, call: Any, their_call: Any, inputs: list[np.ndarray]) -> None:
    """Run and differentiate both modules with the same parameters, inputs and cotangents, and compare."""
    theirs.load_state_dict({name: torch.tensor(item.data) for name, item in ours.named_parameters()}, strict=True)
    values, tensors = [Value(item) for item in inputs], [torch.tensor(item, requires_grad=True) for item in inputs]
    outs, expected = flat(call(ours, *values)), flat(their_call(theirs, *tensors))
    rng = np.random.default_rng(2)
    seeds = [rng.normal(size=out.shape) for out in outs]
    sum((out * seed).sum() for out, seed in zip(outs, seeds, strict=True)).backward()  # type: ignore[union-attr]
    torch.autograd.backward(expected, [torch.tensor(seed) for seed in seeds])
    pairs = [(out.data, right.detach()) for out, right in zip(outs, expected, strict=True)]
    pairs += [(value.grad, tensor.grad) for value, tensor in zip(values, tensors, strict=True)]
    right = dict(theirs.named_parameters())
    pairs += [(item.grad, right[name].grad) for name, item in ours.named_parameters()]
    for found, wanted in pairs:
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-10, atol=1e-10)


def made(kind: str, options: dict[str, Any]) -> tuple[nn.Module, torch.nn.Module]:
    sizes = options.pop("sizes", (INPUT, HIDDEN))
    return getattr(nn, kind)(*sizes, rng=1, **options), getattr(torch.nn, kind)(*sizes, dtype=torch.float64, **options)


def start(kind: str, *shape: int) -> list[np.ndarray]:
    """Return the initial state: two parts for an LSTM."""
    rng = np.random.default_rng(4)
    return [rng.normal(size=shape) for _ in range(2 if "LSTM" in kind else 1)]


def grouped(state: Any) -> Any:
    """Return the state as an argument."""
    return tuple(state) if len(state) == 2 else state[0]


@each_kind
@pytest.mark.parametrize(
    ("layers", "bidirectional", "bias", "batch_first", "given"),
    list(product((1, 3), (False, True), (True, False), (False, True), (False, True))),
)
def test_layers(
    kind: str, options: dict[str, Any], layers: int, bidirectional: bool, bias: bool, batch_first: bool, given: bool
) -> None:
    named = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias, "batch_first": batch_first}
    ours, theirs = made(kind, {**options, **named})
    x = np.random.default_rng(3).normal(size=(BATCH, TIME, INPUT) if batch_first else (TIME, BATCH, INPUT))
    state = start(kind, layers * (1 + bidirectional), BATCH, HIDDEN) if given else []

    def call(module: Any, x: Any, *state: Any) -> Any:
        return module(x, grouped(state)) if state else module(x)

    agree(ours, theirs, call, call, [x, *state])


@each_kind
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_one_sequence(kind: str, options: dict[str, Any], bidirectional: bool, given: bool) -> None:
    ours, theirs = made(kind, {**options, "num_layers": 2, "bidirectional": bidirectional})
    state = start(kind, 2 * (1 + bidirectional), HIDDEN) if given else []

    def call(module: Any, x: Any, *state: Any) -> Any:
        return module(x, grouped(state)) if state else module(x)

    agree(ours, theirs, call, call, [np.random.default_rng(3).normal(size=(TIME, INPUT)), *state])


@each_kind
@pytest.mark.parametrize(
    ("layers", "bidirectional", "batch_first", "given"), list(product((1, 2), (False, True), (False, True), (False, True)))
)
def test_lengths_are_packed_sequences(
    kind: str, options: dict[str, Any], layers: int, bidirectional: bool, batch_first: bool, given: bool
) -> None:
    ours, theirs = made(kind, {**options, "num_layers": layers, "bidirectional": bidirectional, "batch_first": batch_first})
    x = np.random.default_rng(3).normal(size=(BATCH, TIME, INPUT) if batch_first else (TIME, BATCH, INPUT))
    state = start(kind, layers * (1 + bidirectional), BATCH, HIDDEN) if given else []

    def call(module: Any, x: Any, *state: Any) -> Any:
        return module(x, grouped(state), lengths=LENGTHS) if state else module(x, lengths=LENGTHS)

    def packed(module: Any, x: Any, *state: Any) -> Any:
        sequences = pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first, enforce_sorted=False)
        out, last = module(sequences, grouped(state)) if state else module(sequences)
        return pad_packed_sequence(out, batch_first, total_length=TIME)[0], last

    agree(ours, theirs, call, packed, [x, *state])


@pytest.mark.parametrize("sizes", [(1, 1), (1, 5), (7, 2)])
@each_kind
def test_sizes(kind: str, options: dict[str, Any], sizes: tuple[int, int]) -> None:
    ours, theirs = made(kind, {**options, "sizes": sizes})
    x = np.random.default_rng(3).normal(size=(1, 2, sizes[0]))
    agree(ours, theirs, lambda module, x: module(x), lambda module, x: module(x), [x])


@each_kind
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(BATCH,), ()])
@pytest.mark.parametrize("given", [False, True])
def test_cells(kind: str, options: dict[str, Any], bias: bool, shape: tuple[int, ...], given: bool) -> None:
    ours, theirs = made(f"{kind}Cell", {**options, "bias": bias})
    state = start(kind, *shape, HIDDEN) if given else []

    def call(module: Any, x: Any, *state: Any) -> Any:
        return module(x, grouped(state)) if state else module(x)

    agree(ours, theirs, call, call, [np.random.default_rng(3).normal(size=(*shape, INPUT)), *state])


@each_kind
def test_parameters_have_the_names_and_order_of_pytorch(kind: str, options: dict[str, Any]) -> None:
    ours, theirs = made(kind, {**options, "num_layers": 2, "bidirectional": True})
    shapes = [(name, item.shape) for name, item in ours.named_parameters()]
    assert shapes == [(name, tuple(item.shape)) for name, item in theirs.named_parameters()]

"""RNN, LSTM and GRU: gradients by numbers, layers against their cells in a loop, variable lengths, errors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, check_gradients, concatenate, ops, stack
from autograd.verify import Verdict, check_model
from tests.nn.layers.layer_checks import r

INPUT, HIDDEN, TIME, BATCH = 2, 3, 4, 3
LENGTHS = [2, 4, 1]
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("GRU", {}),
]  # fmt: skip
each_kind = pytest.mark.parametrize(("kind", "options"), KINDS, ids=["RNN", "RNN relu", "LSTM", "GRU"])


def flat(nested: Any) -> list[Any]:
    """Return the outputs and states of a layer or cell in a list."""
    return [part for item in nested for part in flat(item)] if isinstance(nested, (tuple, list)) else [nested]


def smooth(nested: Any) -> Any:
    """Return a loss of all outputs and states whose second derivatives are not zero."""
    out = concatenate(flat(nested), None)
    return (out.tanh() * out * np.linspace(0.5, 1.5, out.size)).sum()


def grouped(state: list[Any]) -> Any:
    """Return the state as an argument: a pair for an LSTM."""
    return tuple(state) if len(state) == 2 else state[0]


def start(kind: str, *shape: int) -> list[Any]:
    return [r(*shape) * scale for scale in (0.7, -0.4)[: 2 if "LSTM" in kind else 1]]


def close(found: Any, wanted: Any, within: float = 1e-13) -> None:
    for ours, right in zip(flat(found), flat(wanted), strict=True):
        np.testing.assert_allclose(getattr(ours, "data", ours), getattr(right, "data", right), rtol=0.0, atol=within)


# --- gradients ------------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize(
    ("layers", "bidirectional", "lengths"),
    [(1, False, None), (2, True, None), (2, True, [2, 3]), pytest.param(1, False, [2, 3], marks=pytest.mark.slow)],
)
def test_gradients(kind: str, options: dict[str, Any], layers: int, bidirectional: bool, lengths: Any) -> None:
    model = getattr(nn, kind)(INPUT, 2, layers, bidirectional=bidirectional, rng=4, **options)
    x, state = r(3, 2, INPUT), start(kind, layers * (1 + bidirectional), 2, 2)
    order = 1 if lengths is None or layers > 1 else 2  # see also the samples of the operations
    report = check_model(model, lambda model: smooth(model(x, grouped(state), lengths=lengths)), order=order)
    assert report.verdict is Verdict.PASS, report
    report = check_gradients(lambda x, *state: smooth(model(x, grouped(state), lengths=lengths)), x, *state, order=order)
    assert report.verdict is Verdict.PASS, report


@pytest.mark.slow
@each_kind
@pytest.mark.parametrize("lengths", [None, [2, 3]])
def test_second_order_of_two_layers_in_both_directions(kind: str, options: dict[str, Any], lengths: Any) -> None:
    model = getattr(nn, kind)(INPUT, 2, 2, bidirectional=True, rng=3, **options)
    report = check_model(model, lambda model: smooth(model(r(3, 2, INPUT), lengths=lengths)), order=2)
    assert report.verdict is Verdict.PASS, report


@each_kind
def test_gradients_of_cells(kind: str, options: dict[str, Any]) -> None:
    cell = getattr(nn, f"{kind}Cell")(INPUT, 2, rng=3, **options)
    x, state = r(3, INPUT), start(kind, 3, 2)
    report = check_model(cell, lambda cell: smooth(cell(x, grouped(state))), order=2)
    assert report.verdict is Verdict.PASS, report
    report = check_gradients(lambda x, *state: smooth(cell(x, grouped(state))), x, *state, order=2)
    assert report.verdict is Verdict.PASS, report


def test_a_frozen_weight_and_a_frozen_state_leave_the_other_gradients_as_they_are() -> None:
    model = nn.LSTM(INPUT, HIDDEN, rng=0)
    x = Value(r(TIME, BATCH, INPUT))
    smooth(model(x)).backward()
    wanted = {name: item.grad.copy() for name, item in model.named_parameters()}
    model.zero_grad()
    model.weight_hh_l0.requires_grad = False
    smooth(model(x)).backward()
    for name, item in model.named_parameters():
        np.testing.assert_array_equal(item.grad, 0.0 if name == "weight_hh_l0" else wanted[name])


# --- a layer is its cell in a loop ----------------------------------------------------------------


def in_a_loop(cell: Any, x: Any, state: list[Any], order: Any) -> tuple[Any, list[Any]]:
    """Return the hidden states of all steps in the order of time, and the last state."""
    outs: list[Any] = [None] * len(x)
    for t in order:
        state = flat(cell(x[t], grouped(state)))
        outs[t] = state[0]
    return stack(outs), state


@each_kind
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layers_are_cells_in_a_loop(kind: str, options: dict[str, Any], bias: bool, layers: int, bidirectional: bool) -> None:
    """Compare outputs, states and all gradients."""
    model = getattr(nn, kind)(INPUT, HIDDEN, layers, bias=bias, bidirectional=bidirectional, rng=3, **options)
    x, state = Value(r(TIME, BATCH, INPUT)), start(kind, layers * (1 + bidirectional), BATCH, HIDDEN)
    below, outs, last, cells = x, [], [], []
    for number in range(layers * (1 + bidirectional)):
        layer, backwards = divmod(number, 2) if bidirectional else (number, 0)
        suffix = f"_l{layer}" + "_reverse" * backwards
        size = INPUT if not layer else HIDDEN * (1 + bidirectional)
        cell = getattr(nn, f"{kind}Cell")(size, HIDDEN, bias, rng=0, **options)
        for name, item in cell.named_parameters():
            item.data = getattr(model, name + suffix).data
        cells.append((cell, suffix))
        order = range(TIME)[:: -1 if backwards else 1]
        out, part = in_a_loop(cell, below, [item[number] for item in state], order)
        last.append(part)
        outs = [*outs, out] if backwards else [out]
        below = concatenate(outs, -1) if len(outs) == 1 + bidirectional else below
    wanted = [below, *(stack(part) for part in zip(*last, strict=True))]
    found = flat(model(x, grouped(state)))
    close(found, wanted)
    smooth(wanted).backward()
    to_x, x.grad = x.grad, None
    smooth(found).backward()
    close(x.grad, to_x)
    for cell, suffix in cells:
        for name, item in cell.named_parameters():
            close(getattr(model, name + suffix).grad, item.grad)


# --- variable lengths, orders of axes -------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lengths_give_what_each_sequence_gives_alone(kind: str, options: dict[str, Any], bidirectional: bool) -> None:
    model = getattr(nn, kind)(INPUT, HIDDEN, 2, bidirectional=bidirectional, rng=3, **options)
    x = r(TIME, BATCH, INPUT)
    x[np.arange(TIME)[:, None] >= LENGTHS] = np.nan  # padding, which must not matter
    out, *states = flat(model(x, lengths=LENGTHS))
    for sample, length in enumerate(LENGTHS):
        alone, *last = flat(model(x[:length, sample]))
        close(out[:length, sample], alone)
        close([state[:, sample] for state in states], last)
        assert not np.any(out.data[length:, sample])
    smooth([out, *states]).backward()
    assert all(np.isfinite(item.grad).all() for item in model.parameters())
    full = model(r(TIME, BATCH, INPUT), lengths=np.full(BATCH, TIME, np.uint8))
    close(full, model(r(TIME, BATCH, INPUT)))


@each_kind
def test_padding_has_no_gradient(kind: str, options: dict[str, Any]) -> None:
    model = getattr(nn, kind)(INPUT, HIDDEN, bidirectional=True, rng=3, **options)
    x = Value(r(TIME, BATCH, INPUT))
    smooth(model(x, lengths=LENGTHS)).backward()
    padding = np.arange(TIME)[:, None] >= LENGTHS
    assert not x.grad[padding].any()
    if not options:  # relu may have a zero gradient anywhere
        assert x.grad[~padding].any(-1).all()


@each_kind
def test_batch_first_and_one_sequence(kind: str, options: dict[str, Any]) -> None:
    first, second = (getattr(nn, kind)(INPUT, HIDDEN, 2, rng=3, batch_first=flag, **options) for flag in (False, True))
    x, state = r(TIME, BATCH, INPUT), start(kind, 2, BATCH, HIDDEN)
    out, *states = flat(first(x, grouped(state)))
    turned, *same = flat(second(x.swapaxes(0, 1), grouped(state)))
    close(turned.transpose(1, 0, 2), out)
    close(same, states)  # states are (layers, batch, hidden) either way
    for model in (first, second):
        alone, *last = flat(model(x[:, 1].tolist(), grouped([part[:, 1] for part in state])))
        close(alone, out[:, 1])
        close(last, [part[:, 1] for part in states])


# --- dropout, parameters, dtypes ------------------------------------------------------------------


def test_dropout_acts_between_layers_while_training() -> None:
    x = r(TIME, BATCH, INPUT)
    models = [nn.LSTM(INPUT, HIDDEN, 2, dropout=0.5, rng=7) for _ in range(2)]
    plain = nn.LSTM(INPUT, HIDDEN, 2, rng=7)
    first, second = (model(x)[0].data for model in models)
    np.testing.assert_array_equal(first, second)  # the same seed, the same elements
    assert (models[0](x)[0].data != first).any()
    assert (first != plain(x)[0].data).any()
    close(models[0].eval()(x), plain(x))
    assert [name for name, _ in models[0].named_generators()] == ["dropout.rng"]
    assert not list(plain.named_generators())
    everything = nn.GRU(INPUT, HIDDEN, 2, dropout=1.0, rng=7)
    np.testing.assert_array_equal(everything(x)[0].data, everything(10.0 * x)[0].data)  # the second layer sees zeros only


def test_parameters() -> None:
    model = nn.LSTM(INPUT, HIDDEN, 2, bidirectional=True, rng=5)
    names = [f"{name}_l{k}{end}" for k in (0, 1) for end in ("", "_reverse") for name in
             ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]  # fmt: skip
    assert [name for name, _ in model.named_parameters()] == names
    assert model.weight_ih_l0.shape == (12, 2)
    assert model.weight_ih_l1_reverse.shape == (12, 6)
    assert model.bias_hh_l1.shape == (12,)
    again = nn.LSTM(INPUT, HIDDEN, 2, bidirectional=True, rng=np.random.default_rng(5))
    for item, other in zip(model.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(item.data, other.data)
    large = nn.GRU(10, 25, rng=0)
    ends = [np.abs(item.data).max() for item in large.parameters()]
    assert 0.19 < max(ends) <= 0.2  # 1 / sqrt(hidden_size)
    assert len(nn.RNN(INPUT, HIDDEN, bias=False).parameters()) == 2
    state = model.state_dict()
    again.load_state_dict({name: array * 2.0 for name, array in state.items()})
    np.testing.assert_array_equal(again.bias_ih_l1.data, 2.0 * model.bias_ih_l1.data)


@each_kind
def test_float32_stays(kind: str, options: dict[str, Any]) -> None:
    model = getattr(nn, kind)(INPUT, HIDDEN, 2, bidirectional=True, rng=3, dtype=np.float32, **options)
    exact = getattr(nn, kind)(INPUT, HIDDEN, 2, bidirectional=True, rng=3, **options)
    x = r(TIME, BATCH, INPUT).astype(np.float32)
    for lengths in (None, LENGTHS):
        found, wanted = model(x, lengths=lengths), exact(x.astype(float), lengths=lengths)
        assert {part.dtype for part in flat(found)} == {np.dtype(np.float32)}
        close(found, wanted, 1e-5)
        model.zero_grad()
        exact.zero_grad()
        smooth(found).backward()
        smooth(wanted).backward()
        for item, right in zip(model.parameters(), exact.parameters(), strict=True):
            assert item.grad.dtype == np.float32
            close(item.grad, right.grad, 1e-4)
    cell = getattr(nn, f"{kind}Cell")(INPUT, HIDDEN, rng=3, dtype=np.float32, **options)
    assert {part.dtype for part in flat(cell(x[0]))} == {np.dtype(np.float32)}


def test_large_numbers_do_not_warn() -> None:
    for kind in ("RNN", "LSTM", "GRU"):
        model = getattr(nn, kind)(INPUT, HIDDEN, rng=3, dtype=np.float32)
        x = Value(np.full((TIME, BATCH, INPUT), 1e6, np.float32))
        out = flat(model(x))[0]
        out.sum().backward()
        assert np.isfinite(out.data).all()
        assert np.isfinite(x.grad).all()


@each_kind
def test_a_sequence_of_5000_steps(kind: str, options: dict[str, Any]) -> None:
    model = getattr(nn, kind)(INPUT, HIDDEN, rng=3, **options)
    x = Value(r(5000, 1, INPUT))
    out, *_ = flat(model(x))
    out[-1].sum().backward()
    assert np.isfinite(x.grad).all()
    short = Value(x.data[-200:])
    flat(model(short))[0][-1].sum().backward()
    np.testing.assert_allclose(x.grad[-100:], short.grad[-100:], atol=1e-8)  # the distant past is forgotten


def test_repr() -> None:
    assert repr(nn.LSTM(2, 3, rng=0)).startswith("LSTM(2, 3)")
    options = {"num_layers": 2, "nonlinearity": "relu", "bias": False, "batch_first": True, "dropout": 0.5, "bidirectional": True}
    text = "RNN(2, 3, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True, nonlinearity='relu')"
    assert repr(nn.RNN(2, 3, **options, rng=0)).startswith(text)  # type: ignore[arg-type]
    assert repr(nn.GRUCell(2, 3, bias=False, rng=0)).startswith("GRUCell(2, 3, bias=False)")


# --- errors ---------------------------------------------------------------------------------------

MESSAGES: list[tuple[Any, type[Exception], str]] = [
    (lambda: nn.RNN(2, 3)(r(4, 5)), ValueError,
     "RNN(2, 3) takes (time, batch, 2), or (time, 2) for one sequence, got the shape (4, 5)"),
    (lambda: nn.GRU(2, 3, batch_first=True)(r(4, 1, 5)), ValueError,
     "GRU(2, 3, batch_first=True) takes (batch, time, 2), or (time, 2) for one sequence, got the shape (4, 1, 5)"),
    (lambda: nn.LSTM(2, 3)(r(2)), ValueError, "LSTM(2, 3) takes (time, batch, 2)"),
    (lambda: nn.LSTM(2, 3)(np.zeros((0, 1, 2))), ValueError, "needs at least one step, got the shape (0, 1, 2)"),
    (lambda: nn.LSTM(2, 3)(r(4, 1, 2), r(1, 1, 3)), TypeError,
     "LSTM(2, 3) takes its state as a pair (h_0, c_0), hidden state and cell, got a ndarray"),
    (lambda: nn.LSTM(2, 3)(r(4, 1, 2), (r(1, 1, 3),)), TypeError, "got a tuple of 1"),
    (lambda: nn.LSTM(2, 3)(r(4, 1, 2), (r(1, 1, 3), r(1, 3))), ValueError,
     "takes c_0 (layers * directions, batch, hidden) = (1, 1, 3), got the shape (1, 3)"),
    (lambda: nn.GRU(2, 3, 2, bidirectional=True)(r(4, 2), r(1, 3)), ValueError,
     "takes h_0 (layers * directions, hidden) = (4, 3), got the shape (1, 3)"),
    (lambda: nn.GRU(2, 3)(r(4, 2, 2), lengths=[4, 5]), ValueError,
     "lengths must be from 1 to the 4 steps of x, got 4 to 5"),
    (lambda: nn.GRU(2, 3)(r(4, 2, 2), lengths=[0, 4]), ValueError, "got 0 to 4"),
    (lambda: nn.GRU(2, 3)(r(4, 2, 2), lengths=[1, 2, 3]), ValueError,
     "lengths must be integers, one for each of the 2 sequences, got int64 of the shape (3,)"),
    (lambda: nn.GRU(2, 3)(r(4, 2, 2), lengths=[1.0, 2.0]), ValueError, "got float64 of the shape (2,)"),
    (lambda: nn.GRU(2, 3)(r(4, 2), lengths=[4]), ValueError,
     "lengths are for batches, got one sequence of the shape (4, 2): shorten it, x[:length]"),
    (lambda: nn.RNN(2, 3, nonlinearity="sin"), ValueError, "the nonlinearity of an RNN must be 'tanh' or 'relu', got 'sin'"),
    (lambda: nn.RNNCell(2, 3, nonlinearity="sin"), ValueError, "got 'sin'"),
    (lambda: nn.LSTM(2, 0), ValueError, "LSTM needs hidden_size and num_layers of at least 1, got 0 and 1"),
    (lambda: nn.GRUCell(2, 0), ValueError, "GRUCell needs a hidden_size of at least 1, got 0"),
    (lambda: nn.LSTM(2, 3, 2, dropout=1.5), ValueError, "dropout needs a probability from 0 to 1, got p=1.5"),
    (lambda: nn.LSTM(2, 3, proj_size=2), TypeError, "proj_size"),  # type: ignore[call-arg]
    (lambda: nn.LSTMCell(2, 3)(r(4, 3)), ValueError,
     "LSTMCell(2, 3) takes (batch, 2), or (2,) for one sample, got the shape (4, 3)"),
    (lambda: nn.LSTMCell(2, 3)(r(4, 2), r(4, 3)), TypeError, "takes its state as a pair (h, c)"),
    (lambda: nn.GRUCell(2, 3)(r(4, 2), r(1, 3)), ValueError, "takes a state of the shape (4, 3), got (1, 3)"),
    (lambda: ops.rnn(r(4, 2, 3), r(3, 3), r(2, 3), "sin"), ValueError, "takes the nonlinearities"),
    (lambda: ops.lstm(r(4, 2, 8), r(8, 3), r(2, 2), r(2, 2)), ValueError,
     "lstm() takes x (time, batch, 4 * hidden) of at least one step"),
    (lambda: ops.lstm(r(4, 2, 8), r(8, 2), r(2, 2), r(2, 1)), ValueError, "(4, 2, 8), (8, 2), (2, 2), (2, 1)"),
    (lambda: ops.rnn(r(4, 2, 3), r(3, 3), r(2, 3), kept=np.ones((4, 1))), ValueError, "kept (4, 1)"),
    (lambda: ops.rnn(np.zeros((0, 2, 3)), r(3, 3), r(2, 3)), ValueError, "(0, 2, 3)"),
    (lambda: ops.gru(r(4, 2, 6), r(6, 2), r(2), r(2, 2)), ValueError, "takes a bias of the shape (6,), or None, but got (2,)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), MESSAGES, ids=[text[-40:] for *_, text in MESSAGES])
def test_messages(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=re.escape(text)):
        call()


def test_dropout_without_a_second_layer_warns() -> None:
    for make in (nn.RNN, nn.LSTM):
        with pytest.warns(UserWarning, match=r"dropout=0.5 acts between layers.*num_layers to 2") as caught:
            make(2, 3, dropout=0.5)
        assert caught[0].filename == __file__


@each_kind
def test_a_batch_of_no_sequences(kind: str, options: dict[str, Any]) -> None:
    layer = getattr(nn, kind)(INPUT, HIDDEN, rng=0, **options)
    x = Value(np.ones((TIME, 0, INPUT)))
    out, _ = layer(x)
    out.sum().backward()
    assert out.shape == (TIME, 0, HIDDEN)
    assert x.grad.shape == x.shape
    assert all(not parameter.grad.any() for parameter in layer.parameters())

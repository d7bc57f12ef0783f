"""Recurrent layers over whole sequences, RNN, LSTM and GRU, and their cells, which take one step. Names follow PyTorch.

A layer projects the inputs of all steps in one product; the loop over time is one operation of autograd. Cells are composed of
elementary operations, so that a drawing shows their gates. PyTorch's `proj_size`, for an LSTM with a smaller hidden state, is
missing.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autograd import Value, concatenate, relu, sigmoid, stack, tanh, where
from autograd.ops import expand_dims, gru, linear, lstm, rnn, squeeze, transpose
from nn.arrays import Rng, as_tensor, flag, floating, shape_of
from nn.layers.linear import Dropout, uniform_parameter
from nn.module import Module
from nn.seeds import generator
from nn.source import level_outside


def _require_nonlinearity(name: str) -> None:
    if name not in ("tanh", "relu"):
        raise ValueError(f"the nonlinearity of an RNN must be 'tanh' or 'relu', got {name!r}")


def _state_parts(state: Any, who: str, names: str) -> tuple[Any, Any]:
    """Return the two parts of the state of an LSTM; raise TypeError for anything else."""
    if not isinstance(state, (tuple, list)) or len(state) != 2:
        given = f"a {type(state).__name__}" + (f" of {len(state)}" if isinstance(state, (tuple, list)) else "")
        raise TypeError(f"{who} takes its state as a pair {names}, hidden state and cell, got {given}")
    return state[0], state[1]


class _Recurrent(Module):
    """The base of recurrent layers: parameters, the order of layers and directions, shapes."""

    gates: int
    parts = 1  # of the state
    weight_hh_l0: Value  # and others, set by their names

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = np.float64,
        rng: Rng = None,
    ) -> None:
        if hidden_size < 1 or num_layers < 1:
            raise ValueError(
                f"{type(self).__name__} needs hidden_size and num_layers of at least 1, got {hidden_size} and {num_layers}"
            )
        if dropout and num_layers == 1:
            warnings.warn(
                f"{type(self).__name__}: dropout={dropout} acts between layers, but there is only one: "
                "set num_layers to 2 or more, or add a Dropout after it",
                UserWarning,
                stacklevel=level_outside(),
            )
        rng = generator(rng)
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.bidirectional = flag("batch_first", batch_first), flag("bidirectional", bidirectional)
        self.dropout = Dropout(dropout, rng) if dropout else None
        directions = 2 if bidirectional else 1
        rows = self.gates * hidden_size
        for number in range(num_layers * directions):
            columns = hidden_size * directions if number >= directions else input_size
            shapes = {"weight_ih": (rows, columns), "weight_hh": (rows, hidden_size), "bias_ih": rows, "bias_hh": rows}
            for name, shape in shapes.items():
                parameter = uniform_parameter(rng, hidden_size, shape, dtype) if flag("bias", bias) or name[0] == "w" else None
                setattr(self, name + self._suffix(number), parameter)

    def _suffix(self, number: int) -> str:
        """Return the suffix of parameters of one layer in one direction: ``"_l0"``, ``"_l0_reverse"``."""
        layer, backwards = divmod(number, 2) if self.bidirectional else (number, 0)
        return f"_l{layer}" + "_reverse" * backwards

    def _step(self, number: int, x: Any, state: list[Any], kept: Any, reverse: bool) -> tuple[Any, ...]:
        """Run one layer in one direction: return the hidden states of all steps, and each part of the last state."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return self._run(x, *(getattr(self, name + self._suffix(number)) for name in names), *state, kept, reverse)

    def _run(self, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, *rest: Any) -> tuple[Any, ...]:
        raise NotImplementedError

    def _forward(self, x: Any, states: list[Any] | None, lengths: Any) -> tuple[Any, list[Any]]:
        """Return the outputs of the last layer, and each part of the last states of all layers."""
        x = as_tensor(floating(x, self, self.weight_hh_l0))
        batched, directions = x.ndim == 3, 2 if self.bidirectional else 1
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            order = "(batch, time, {0})" if self.batch_first else "(time, batch, {0})"
            raise ValueError(
                f"{self._title()} takes {order.format(self.input_size)}, or (time, {self.input_size}) for one sequence, "
                f"got the shape {x.shape}"
            )
        if lengths is not None and not batched:
            raise ValueError(f"lengths are for batches, got one sequence of the shape {x.shape}: shorten it, x[:length]")
        x = expand_dims(x, 1) if not batched else transpose(x, (1, 0, 2)) if self.batch_first else x
        time, batch, _ = x.shape
        if not time:
            raise ValueError(f"{self._title()} needs at least one step, got the shape {x.shape} (time, batch, features)")
        shape = (self.num_layers * directions, batch, self.hidden_size)
        first = self._first(states, shape, batched)
        kept = None if lengths is None else self._kept(lengths, time, batch)
        if kept is not None:
            x = where(kept[..., None], x, 0.0)  # padding may be nan
        last: list[tuple[Any, ...]] = []
        for number in range(0, shape[0], directions):
            if number and self.dropout is not None:
                x = self.dropout(x)
            outs = []
            for backwards in range(directions):
                state = [part[number + backwards] for part in first]
                out, *state = self._step(number + backwards, x, state, kept, bool(backwards))
                outs.append(out)
                last.append(tuple(state))
            x = concatenate(outs, -1) if directions == 2 else outs[0]  # (time, batch, directions * hidden)
        parts = [stack(part) for part in zip(*last, strict=True)]  # (layers * directions, batch, hidden)
        if not batched:
            return squeeze(x, 1), [squeeze(part, 1) for part in parts]
        return transpose(x, (1, 0, 2)) if self.batch_first else x, parts

    def _first(self, states: list[Any] | None, shape: tuple[int, ...], batched: bool) -> list[Any]:
        """Return each part of the initial state, by default zeros; raise ValueError for other shapes."""
        if states is None:
            return [np.zeros(shape, self.weight_hh_l0.dtype)] * self.parts
        wanted = shape if batched else (shape[0], shape[2])
        for name, part in zip(("h_0", "c_0"), states, strict=False):
            if np.shape(part) != wanted:
                axes = "(layers * directions, batch, hidden)" if batched else "(layers * directions, hidden)"
                raise ValueError(f"{self._title()} takes {name} {axes} = {wanted}, got the shape {np.shape(part)}")
        return [part if batched else expand_dims(part, 1) for part in states]

    def _kept(self, lengths: Any, time: int, batch: int) -> Any:
        """Return which steps belong to their sequence: bools (time, batch)."""
        lengths = np.asarray(lengths)
        if lengths.shape != (batch,) or lengths.dtype.kind not in "iu":
            raise ValueError(
                f"lengths must be integers, one for each of the {batch} sequences, "
                f"got {lengths.dtype} of the shape {lengths.shape}"
            )
        if batch and not (lengths.min() >= 1 and lengths.max() <= time):
            raise ValueError(f"lengths must be from 1 to the {time} steps of x, got {lengths.min()} to {lengths.max()}")
        return np.arange(time)[:, None] < lengths

    def extra_repr(self) -> str:
        options = {
            "num_layers": self.num_layers if self.num_layers > 1 else None,
            "bias": None if self.bias else False,
            "batch_first": self.batch_first or None,
            "dropout": self.dropout.p if self.dropout is not None else None,
            "bidirectional": self.bidirectional or None,
        }
        words = [f"{name}={option}" for name, option in options.items() if option is not None]
        return ", ".join([str(self.input_size), str(self.hidden_size), *words])


class RNN(_Recurrent):
    """Computes ``h[t] = tanh(weight_ih @ x[t] + bias_ih + weight_hh @ h[t-1] + bias_hh)`` over a sequence (Elman 1990).

    Called as ``out, h_n = rnn(x)``, ``rnn(x, h_0)`` or ``rnn(x, lengths=[7, 5, 2])``: x (time, batch, input_size) gives out
    (time, batch, directions * hidden_size), the states of the last layer; h_0 and h_n, (num_layers * directions, batch,
    hidden_size), are the first and the last state of each layer, by default zeros. With `batch_first` x and out are (batch,
    time, features); one sequence without a batch is (time, features), and its states are (num_layers * directions, hidden_size).
    With `lengths` a sequence ends after that many steps: its state no longer changes, and out is zero from there on, as with
    PyTorch's packed sequences.

    The parameters of layer k are ``weight_ih_lk``, ``weight_hh_lk``, ``bias_ih_lk``, ``bias_hh_lk``; those of the reverse
    direction end in ``_reverse``. All start uniform within 1 / sqrt(hidden_size).

    Args:
        input_size, hidden_size: the numbers of features of x and of the state.
        num_layers: the number of layers; each runs over the outputs of the one before.
        nonlinearity: "tanh" or "relu".
        bias: whether to add biases.
        batch_first: whether x and out are (batch, time, features).
        dropout: the probability of a Dropout between layers.
        bidirectional: whether each layer also runs backwards in time; out has the features of both directions, forward first.
        dtype: the dtype of the parameters.
        rng: a numpy Generator or a seed, or None, see nn.seed(), for parameters and dropout.

    Raises:
        ValueError: for invalid sizes or another nonlinearity; if an input or a state has another shape, or lengths are not from
            1 to time.

    >>> out, h_n = RNN(3, 4, rng=0)(np.ones((7, 2, 3)))
    >>> out.shape, h_n.shape
    ((7, 2, 4), (1, 2, 4))
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = np.float64,
        rng: Rng = None,
    ) -> None:
        _require_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype, rng=rng)
        self.nonlinearity = nonlinearity

    def forward(self, x: Any, h_0: Any = None, *, lengths: Any = None) -> tuple[Value, Value]:
        out, (h_n,) = self._forward(x, None if h_0 is None else [h_0], lengths)
        return out, h_n

    def _run(self, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, *rest: Any) -> tuple[Any, ...]:
        hidden, kept, reverse = rest
        return rnn(linear(x, w_ih, b_ih + b_hh if self.bias else None), w_hh, hidden, self.nonlinearity, kept, reverse)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity!r}")


class LSTM(_Recurrent):
    """Runs long short-term memory over a sequence (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000).

    ``i, f, g, o = weight_ih @ x[t] + bias_ih + weight_hh @ h[t-1] + bias_hh``, four gates of hidden_size each in one product,
    ``c[t] = sigmoid(f) * c[t-1] + sigmoid(i) * tanh(g)`` and ``h[t] = sigmoid(o) * tanh(c[t])``.

    Called as ``out, (h_n, c_n) = lstm(x)``, ``lstm(x, (h_0, c_0))`` or ``lstm(x, lengths=[7, 5, 2])``: x (time, batch,
    input_size) gives out (time, batch, directions * hidden_size), the hidden states of the last layer; h_0, c_0 and h_n, c_n,
    all (num_layers * directions, batch, hidden_size), are hidden states and cells before and after, by default zeros. With
    `batch_first` x and out are (batch, time, features); one sequence without a batch is (time, features), and its states are
    (num_layers * directions, hidden_size). With `lengths` a sequence ends after that many steps: its state no longer changes,
    and out is zero from there on. Parameters and arguments are those of RNN, without `nonlinearity`.

    Raises:
        TypeError: for a state that is not a pair.
        ValueError: for invalid sizes; if an input or a state has another shape, or lengths are not from 1 to time.

    >>> lstm = LSTM(3, 4, num_layers=2, bidirectional=True, rng=0)
    >>> out, (h_n, c_n) = lstm(np.ones((7, 2, 3)), lengths=[7, 5])
    >>> out.shape, h_n.shape, c_n.shape
    ((7, 2, 8), (4, 2, 4), (4, 2, 4))
    """

    gates, parts = 4, 2

    def forward(self, x: Any, state: Any = None, *, lengths: Any = None) -> tuple[Value, tuple[Value, Value]]:
        states = None if state is None else list(_state_parts(state, self._title(), "(h_0, c_0)"))
        out, (h_n, c_n) = self._forward(x, states, lengths)
        return out, (h_n, c_n)

    def _run(self, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, *rest: Any) -> tuple[Any, ...]:
        return lstm(linear(x, w_ih, b_ih + b_hh if self.bias else None), w_hh, *rest)


class GRU(_Recurrent):
    """Runs gated recurrent units over a sequence (Cho et al. 2014).

    ``r, z, n = weight_ih @ x[t] + bias_ih`` and ``r', z', n' = weight_hh @ h[t-1] + bias_hh``, with ``r = sigmoid(r + r')``,
    ``z = sigmoid(z + z')`` and ``n = tanh(n + r * n')``, then ``h[t] = (1 - z) * n + z * h[t-1]``.

    Called as ``out, h_n = gru(x)``, ``gru(x, h_0)`` or ``gru(x, lengths=[7, 5, 2])``: x (time, batch, input_size) gives out
    (time, batch, directions * hidden_size), the states of the last layer; h_0 and h_n, (num_layers * directions, batch,
    hidden_size), are the first and the last state of each layer, by default zeros. With `batch_first` x and out are (batch,
    time, features); one sequence without a batch is (time, features), and its states are (num_layers * directions, hidden_size).
    With `lengths` a sequence ends after that many steps: its state no longer changes, and out is zero from there on. Parameters
    and arguments are those of RNN, without `nonlinearity`.

    Raises:
        ValueError: for invalid sizes; if an input or a state has another shape, or lengths are not from 1 to time.

    >>> out, h_n = GRU(3, 4, batch_first=True, rng=0)(np.ones((2, 7, 3)))
    >>> out.shape, h_n.shape
    ((2, 7, 4), (1, 2, 4))
    """

    gates = 3

    def forward(self, x: Any, h_0: Any = None, *, lengths: Any = None) -> tuple[Value, Value]:
        out, (h_n,) = self._forward(x, None if h_0 is None else [h_0], lengths)
        return out, h_n

    def _run(self, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, *rest: Any) -> tuple[Any, ...]:
        return gru(linear(x, w_ih, b_ih), w_hh, b_hh, *rest)


# --- cells: one step ------------------------------------------------------------------------------


class _Cell(Module):
    """The base of the cells: parameters and shapes."""

    gates: int

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Any = np.float64, rng: Rng = None) -> None:
        if hidden_size < 1:
            raise ValueError(f"{type(self).__name__} needs a hidden_size of at least 1, got {hidden_size}")
        rng = generator(rng)
        rows = self.gates * hidden_size
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = uniform_parameter(rng, hidden_size, (rows, input_size), dtype)
        self.weight_hh = uniform_parameter(rng, hidden_size, (rows, hidden_size), dtype)
        self.bias_ih = uniform_parameter(rng, hidden_size, rows, dtype) if flag("bias", bias) else None
        self.bias_hh = uniform_parameter(rng, hidden_size, rows, dtype) if flag("bias", bias) else None

    def _products(self, x: Any, hidden: Any) -> tuple[Any, Any]:
        """Return the contributions of input and hidden state to all gates, one product each."""
        return linear(x, self.weight_ih, self.bias_ih), linear(hidden, self.weight_hh, self.bias_hh)

    def _states(self, x: Any, *states: Any) -> list[Any]:
        """Return the state, zeros for None; raise ValueError for other shapes."""
        shape = shape_of(x, self)
        if len(shape) not in (1, 2) or shape[-1] != self.input_size:
            raise ValueError(
                f"{self._title()} takes (batch, {self.input_size}), or ({self.input_size},) for one sample, got the shape {shape}"
            )
        wanted = (*shape[:-1], self.hidden_size)
        for state in states:
            if state is not None and np.shape(state) != wanted:
                raise ValueError(f"{self._title()} takes a state of the shape {wanted}, got {np.shape(state)}")
        return [np.zeros(wanted, self.weight_hh.dtype) if state is None else state for state in states]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias_ih is not None else ", bias=False")


def _split_gates(x: Any, size: int) -> list[Any]:
    """Return the gates in the last axis, each `size` long."""
    return [x[..., start : start + size] for start in range(0, x.shape[-1], size)]


class RNNCell(_Cell):
    """Takes one step of an RNN: ``h = cell(x, h)``, x (batch, input_size) and h (batch, hidden_size), or without the batch.

    Args:
        input_size, hidden_size: the numbers of features of x and h.
        bias: whether to add biases.
        nonlinearity: "tanh" or "relu".
        dtype: the dtype of the parameters.
        rng: a numpy Generator or a seed, or None, see nn.seed().

    Raises:
        ValueError: for an invalid size or another nonlinearity; if an input or a state has another shape.

    >>> RNNCell(3, 4, rng=0)(np.ones((2, 3))).shape
    (2, 4)
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: Any = np.float64,
        rng: Rng = None,
    ) -> None:
        _require_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, bias, dtype=dtype, rng=rng)
        self.nonlinearity = nonlinearity

    def forward(self, x: Any, hidden: Any = None) -> Value:
        (hidden,) = self._states(x, hidden)
        from_x, from_hidden = self._products(x, hidden)
        return (tanh if self.nonlinearity == "tanh" else relu)(from_x + from_hidden)


class LSTMCell(_Cell):
    """Takes one step of an LSTM: ``h, c = cell(x, (h, c))``; shapes and arguments are those of RNNCell.

    Raises:
        TypeError: for a state that is not a pair.
        ValueError: for an invalid size; if an input or a state has another shape.

    >>> h, c = LSTMCell(3, 4, rng=0)(np.ones((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates = 4

    def forward(self, x: Any, state: Any = None) -> tuple[Value, Value]:
        hidden, cell = self._states(x, *((None, None) if state is None else _state_parts(state, self._title(), "(h, c)")))
        from_x, from_hidden = self._products(x, hidden)
        i, f, g, o = _split_gates(from_x + from_hidden, self.hidden_size)
        cell = sigmoid(f) * cell + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(cell), cell


class GRUCell(_Cell):
    """Takes one step of a GRU: ``h = cell(x, h)``; shapes and arguments are those of RNNCell.

    Raises:
        ValueError: for an invalid size; if an input or a state has another shape.

    >>> GRUCell(3, 4, rng=0)(np.ones(3)).shape
    (4,)
    """

    gates = 3

    def forward(self, x: Any, hidden: Any = None) -> Value:
        (hidden,) = self._states(x, hidden)
        (x_r, x_z, x_n), (h_r, h_z, h_n) = (_split_gates(part, self.hidden_size) for part in self._products(x, hidden))
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = tanh(x_n + r * h_n)
        return (1.0 - z) * n + z * hidden

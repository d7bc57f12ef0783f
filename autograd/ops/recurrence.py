"""Recurrent layers over a whole sequence, each as one operation: a loop over time in NumPy, and a loop back as its joint rule.

The output only has the state after every step. The loop back computes the gates again from it, which costs one more product a
step and saves two thirds of the memory. The gradient of the weight is one product at the end. The rules take arrays and Values
alike, so they serve every order; with Values each step slices its part out of whole sequences, so that the time of a second
derivative grows with the square of their length.

In this module x is the contribution of the inputs to the gates at every step, (time, batch, gates * hidden). `weight`, (gates *
hidden, hidden), maps the hidden state before a step, (batch, hidden), to the same gates. Where the bools `kept`, (time, batch,
1), are False, a sequence has ended, and the step leaves the state as it is. `reverse` takes the last step first.

The loops back call NumPy's functions instead of ours: on Values they do the same, on arrays a call takes half the time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.op import is_value, raw, shape_of
from autograd.ops.define import composed, primitive
from autograd.ops.elementwise import logistic, sigmoid, where
from autograd.ops.products import matmul, rows
from autograd.ops.reductions import _sum
from autograd.ops.shapes import as_tensor, concatenate, expand_dims, stack, transpose

#: The bytes of the gates of those steps whose slopes are computed together.
CHUNK = 1 << 17
highest, lowest = np.maximum.reduce, np.minimum.reduce

# --- shared parts ---------------------------------------------------------------------------------


def blocks(x: Any, size: int) -> list[Any]:
    """Views of equal pieces of the last axis: gates, or parts of the state."""
    return [x[..., start : start + size] for start in range(0, shape_of(x)[-1], size)]


def in_turn(x: Any, reverse: bool) -> range:
    """The steps in the order of the loop."""
    return range(shape_of(x)[0])[:: -1 if reverse else 1]


def before(first: Any, states: Any, reverse: bool) -> Any:
    """The states before the steps, from the first one and those after the steps: (time, batch, hidden)."""
    first = expand_dims(first, 0)
    return concatenate([states[1:], first] if reverse else [first, states[:-1]])


def room(out: Any, shape: tuple[int, ...]) -> Any:
    """Storage for the results of the steps of a loop back: an array, or a list if they are Values."""
    return [None] * shape[0] if is_value(out) else np.empty(shape, out.dtype)


def along_time(steps: Any) -> Any:
    """The contents of room() as one array or Value."""
    return stack(steps) if steps.__class__ is list else steps


def weight_rule(to_gates: Any, hidden: Any) -> Any:
    """The cotangent of the weight, the sum over all steps and samples, as one product."""
    return matmul(transpose(rows(to_gates)), rows(hidden))


def in_tuple(values: Any, *settings: Any) -> tuple[Any, ...]:
    """The arguments with the values in a tuple."""
    return tuple(values), *settings


def in_one_dtype(values: tuple[Any, ...]) -> list[Any]:
    """Arrays in their common dtype."""
    dtype = np.result_type(*values)
    return [np.asarray(item, dtype) for item in values]


def hold(new: Any, old: Any, kept: Any, t: int) -> None:
    """Replace the state after a step by the one before it where the sequence has ended."""
    if kept is not None:
        np.copyto(new, old, where=~kept[t])


def active(c: Any, held: Any, kept: Any, t: int) -> Any:
    """The cotangent `c`, replaced by `held` where the sequence has ended."""
    return c if kept is None else where(kept[t], c, held)


def steep(out: Any) -> bool:
    """Whether no tanh or sigmoid is so close to 1 that 1 - out would lose digits."""
    return not is_value(out) and np.abs(out).max(initial=0.0) < 0.98


def tanh_slope(out: Any, before: Any) -> Any:
    """The slope of out = tanh(before)."""
    return 1.0 - out * out if steep(out) else 4.0 * logistic(2.0 * before)


def sigmoid_slope(out: Any, before: Any) -> Any:
    """The slope of out = sigmoid(before)."""
    return out * (1.0 - out) if steep(out) else logistic(before)


def squash(gates: Any) -> None:
    """Compute the sigmoid in place. Where e^-x is inf, the quotient is 0 as it should be."""
    with np.errstate(over="ignore"):
        np.exp(np.negative(gates, gates), gates)
    gates += 1.0
    np.reciprocal(gates, gates)


def arranged(name: str, gates: int, x: Any, weight: Any, states: tuple[Any, ...], kept: Any) -> tuple[list[Any], Any]:
    """The inputs as arrays or Values, and the mask with an axis for the features; ValueError for shapes that do not match."""
    values = [as_tensor(item) for item in (x, weight, *states)]
    shapes = [shape_of(item) for item in values]
    size = shapes[1][-1] if len(shapes[1]) == 2 else 0
    mask = None if kept is None else np.array(raw(kept), dtype=bool)
    wanted = [(*shapes[0][:2], gates * size), (gates * size, size), *[(*shapes[0][1:2], size) for _ in states]]
    if len(shapes[0]) != 3 or not shapes[0][0] or shapes != wanted or (mask is not None and mask.shape != shapes[0][:2]):
        masked = f", kept {mask.shape}" if mask is not None else ""
        raise ValueError(
            f"{name}() takes x (time, batch, {gates} * hidden) of at least one step, a weight ({gates} * hidden, hidden), states "
            f"(batch, hidden) and kept (time, batch), but got the shapes {', '.join(map(str, shapes))}{masked}"
        )
    return values, None if mask is None else mask[..., None]


def outputs(states: Any, mask: Any) -> Any:
    """The hidden states of all steps; zeros where a sequence has ended."""
    return states if mask is None else where(mask, states, 0.0)


# --- RNN ------------------------------------------------------------------------------------------


def rnn_rule(g: Any, out: Any, values: tuple[Any, ...], nonlinearity: str, kept: Any, reverse: bool) -> tuple[Any, ...]:
    """The derivative of relu at 0 is 0."""
    x, weight, hidden = values
    states, columns = before(hidden, out, reverse), transpose(weight)
    bounded = nonlinearity == "tanh"
    slope = 1.0 - out * out if bounded else raw(out) > 0.0
    far = bounded and not steep(out)
    to_gates, to_hidden = room(out, shape_of(x)), 0.0
    for t in reversed(in_turn(x, reverse)):
        to_hidden = held = g[t] + to_hidden
        slope_t = tanh_slope(out[t], x[t] + states[t] @ columns) if far else slope[t]
        to_gates[t] = active(to_hidden * slope_t, 0.0, kept, t)
        to_hidden = active(to_gates[t] @ weight, held, kept, t)
    to_x = along_time(to_gates)
    return to_x, weight_rule(to_x, states), to_hidden


@primitive("linear", in_tuple, symbol="rnn({})", values=rnn_rule)
def _rnn(values: Any, nonlinearity: str, kept: Any, reverse: bool) -> Any:
    """The hidden states after all steps: (time, batch, hidden)."""
    x, weight, h = in_one_dtype(values)
    out = np.empty_like(x)
    for t in in_turn(x, reverse):
        gate = np.matmul(h, weight.T, out[t])
        gate += x[t]
        np.tanh(gate, gate) if nonlinearity == "tanh" else np.maximum(gate, 0.0, out=gate)
        hold(gate, h, kept, t)
        h = gate
    return out


@composed
def rnn(x: Any, weight: Any, hidden: Any, nonlinearity: str = "tanh", kept: Any = None, reverse: bool = False) -> tuple[Any, Any]:
    """Compute ``h[t] = tanh(x[t] + h[t - 1] @ weight.T)``, or with relu: an Elman network (1990).

    Args:
        x: the contribution of the inputs to each step, (time, batch, hidden).
        weight: (hidden, hidden).
        hidden: the first state, (batch, hidden).
        nonlinearity: "tanh" or "relu".
        kept: bools (time, batch), False for steps after the end of a sequence, which keep the state and have the output 0.
        reverse: whether to take the steps from the last to the first.

    Returns:
        The hidden states of all steps, (time, batch, hidden), and the last one, (batch, hidden).

    Raises:
        ValueError: for other shapes, or an unknown nonlinearity.
    """
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"rnn() takes the nonlinearities 'tanh' and 'relu', but got {nonlinearity!r}")
    values, mask = arranged("rnn", 1, x, weight, (hidden,), kept)
    states = _rnn(values, nonlinearity, mask, reverse)
    return outputs(states, mask), states[in_turn(states, reverse)[-1]]


# --- LSTM: gates i, f, g, o -----------------------------------------------------------------------


def lstm_rule(g: Any, out: Any, values: tuple[Any, ...], kept: Any, reverse: bool) -> tuple[Any, ...]:
    """`a` is the candidate, the gate called g in papers."""
    if not any(map(is_value, (g, out, *values))):
        return lstm_loop_back(g, out, values, kept, reverse)
    x, weight, hidden, cell = values
    size = shape_of(weight)[1]
    (cells, states), (g_cells, g_states) = blocks(out, size), blocks(g, size)
    states, old, columns = before(hidden, states, reverse), before(cell, cells, reverse), transpose(weight)
    to_gates, to_hidden, to_cell = room(out, shape_of(x)), 0.0, 0.0
    for t in reversed(in_turn(x, reverse)):
        inner = x[t] + states[t] @ columns  # (batch, 4 * hidden)
        candidate, gates = inner[:, 2 * size : 3 * size], sigmoid(inner)
        a, bent = np.tanh(candidate), np.tanh(cells[t])
        (i, f, _, o), (slope_i, slope_f, _, slope_o) = blocks(gates, size), blocks(sigmoid_slope(gates, inner), size)
        to_hidden = held_hidden = g_states[t] + to_hidden
        to_cell = held_cell = g_cells[t] + to_cell
        to_cell = to_cell + to_hidden * o * tanh_slope(bent, cells[t])
        slope_a = tanh_slope(a, candidate)
        parts = [to_cell * a * slope_i, to_cell * old[t] * slope_f, to_cell * i * slope_a, to_hidden * bent * slope_o]
        to_gates[t] = active(np.concatenate(parts, -1), 0.0, kept, t)
        to_cell = active(to_cell * f, held_cell, kept, t)
        to_hidden = active(to_gates[t] @ weight, held_hidden, kept, t)
    to_x = along_time(to_gates)
    return to_x, weight_rule(to_x, states), to_hidden, to_cell


@np.errstate(over="ignore")  # where e^-x is inf, the sigmoid is 0 as it should be
def lstm_forward(values: Any, kept: Any, reverse: bool, saved: Any = None) -> Any:
    """The states of _lstm() from arrays. The gates are (4, batch, hidden): NumPy's functions take a fifth of the time where the
    numbers of one gate are neighbours. What lstm_loop_back() needs is written into `saved`.
    """  # fmt: skip
    x, weight, h, c = in_one_dtype(values)
    size = weight.shape[1]
    out = np.empty((*x.shape[:2], 2 * size), x.dtype)
    columns = np.ascontiguousarray(-weight.reshape(4, size, size).transpose(0, 2, 1))
    inputs, all_parts, product = gate_by_gate(x), np.empty((5, *h.shape), x.dtype), np.empty_like(h)
    gates, bent = all_parts[:4], all_parts[4]
    for t in in_turn(x, reverse):
        np.matmul(h, columns, gates)
        gates -= inputs[t]  # with the sign for the sigmoid
        candidate = np.tanh(gates[2])
        np.negative(candidate, candidate)
        np.exp(gates, gates)
        gates += 1.0
        np.reciprocal(gates, gates)
        cell = gates[1] * c
        cell += np.multiply(gates[0], candidate, product)
        np.tanh(cell, bent)
        hidden = gates[3] * bent
        if saved is not None:
            gates[2] = candidate
            lstm_factors(all_parts, c, cell, saved[t], lambda h=h, t=t: inputs[t] - h @ columns)
        hold(cell, c, kept, t)
        hold(hidden, h, kept, t)
        out[t, :, :size], out[t, :, size:] = c, h = cell, hidden
    return out


def gate_by_gate(x: Any) -> Any:
    """An array (time, batch, 4 * hidden) as (time, 4, batch, hidden), without a copy."""
    return x.reshape(*x.shape[:2], 4, x.shape[2] // 4).transpose(0, 2, 1, 3)


def lstm_factors(gates: Any, old: Any, cell: Any, factors: Any, inner: Any) -> None:
    """Write the factors of the cotangents into the six parts of `factors`.

    They are those from the cell to the gates i, f and a, from the hidden state to o, from the cell to the one before, and from
    the hidden state to the cell. The fifth part of `gates` is the tanh of the cell. `old` and `cell` are the cell before and
    after the step, and `inner()` returns the four gates before tanh and sigmoid.
    """
    i, f, a, o, bent = gates
    to_i, to_f, to_a, to_o, to_old, to_cell = factors
    four, slopes, signed = gates[:4], factors[:4], gates[2:]
    if not gates.size or (highest(gates, None) < 0.98 and lowest(signed, None) > -0.98):
        np.subtract(1.0, four, slopes)
        slopes *= four
        np.multiply(a, a, to_a)
        np.subtract(1.0, to_a, to_a)
        np.multiply(bent, bent, to_cell)
        np.subtract(1.0, to_cell, to_cell)
    else:  # no digits are lost where one is almost 1
        found = inner()
        slopes[...] = sigmoid_slope(four, found)
        to_a[...] = tanh_slope(a, found[2])
        to_cell[...] = tanh_slope(bent, cell)
    to_i *= a
    to_f *= old
    to_a *= i
    to_o *= bent
    to_cell *= o
    to_old[...] = f


def lstm_forward_saving(values: Any, kept: Any, reverse: bool) -> tuple[Any, Any]:
    """The states, and the factors that the loop back then need not compute."""
    steps, _, batch, size = gate_by_gate(values[0]).shape
    saved = np.empty((steps, 6, batch, size), np.result_type(*values))
    return lstm_forward(values, kept, reverse, saved), saved


def lstm_loop_back(g: Any, out: Any, values: tuple[Any, ...], kept: Any, reverse: bool, saved: Any = None) -> tuple[Any, ...]:
    """The results of lstm_rule() for arrays."""
    x, weight, hidden, cell = in_one_dtype(values)
    size = weight.shape[1]
    (cells, states), (g_cells, g_states) = blocks(out, size), blocks(g, size)
    states = before(hidden, states, reverse)
    if saved is None:
        saved = np.empty((len(x), 6, *hidden.shape), x.dtype)
        old, columns, inputs = before(cell, cells, reverse), weight.T, gate_by_gate(x)
        many = max(1, CHUNK // max(1, x[0].nbytes))
        for part in [slice(first, first + many) for first in range(0, len(x), many)]:
            inner = (gate_by_gate(states[part] @ columns) + inputs[part]).swapaxes(0, 1)
            gates = np.empty((5, *inner.shape[1:]), x.dtype)
            np.copyto(gates[:4], inner)
            squash(gates[:4])
            np.tanh(inner[2], gates[2])
            np.tanh(cells[part], gates[4])
            lstm_factors(gates, old[part], cells[part], saved[part].swapaxes(0, 1), lambda inner=inner: inner)
    to_gates, to_hidden, to_cell = np.empty_like(x), np.zeros_like(hidden), np.zeros_like(cell)
    into, product = gate_by_gate(to_gates), np.empty_like(cell)
    for t in reversed(in_turn(x, reverse)):
        factors, to_gate = saved[t], into[t]
        to_hidden += g_states[t]
        to_cell += g_cells[t]
        held = to_cell.copy() if kept is not None else None
        to_cell += np.multiply(to_hidden, factors[5], product)
        np.multiply(factors[:3], to_cell, to_gate[:3])
        np.multiply(factors[3], to_hidden, to_gate[3])
        to_cell *= factors[4]
        if kept is None:
            np.matmul(to_gates[t], weight, to_hidden)
            continue
        np.copyto(to_gates[t], 0.0, where=~kept[t])
        to_cell = np.where(kept[t], to_cell, held)
        to_hidden = np.where(kept[t], to_gates[t] @ weight, to_hidden)
    return to_gates, weight_rule(to_gates, states), to_hidden, to_cell


@primitive("linear", in_tuple, symbol="lstm({})", values=lstm_rule)
def _lstm(values: Any, kept: Any, reverse: bool) -> Any:
    """The cell and hidden states after all steps: (time, batch, 2 * hidden)."""
    return lstm_forward(values, kept, reverse)


@composed
def lstm(x: Any, weight: Any, hidden: Any, cell: Any, kept: Any = None, reverse: bool = False) -> tuple[Any, Any, Any]:
    """Run an LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers, Schmidhuber and Cummins 2000).

    ``i, f, g, o = split(x[t] + h[t - 1] @ weight.T)``, ``c[t] = sigmoid(f) * c[t - 1] + sigmoid(i) * tanh(g)`` and
    ``h[t] = sigmoid(o) * tanh(c[t])``.

    Args:
        x: the contribution of the inputs to the gates at each step, (time, batch, 4 * hidden).
        weight: (4 * hidden, hidden).
        hidden, cell: the first state, (batch, hidden) each.
        kept: bools (time, batch), False for steps after the end of a sequence, which keep the state and have the output 0.
        reverse: whether to take the steps from the last to the first.

    Returns:
        The hidden states of all steps, (time, batch, hidden), then the last hidden and cell state.

    Raises:
        ValueError: for other shapes.
    """
    values, mask = arranged("lstm", 4, x, weight, (hidden, cell), kept)
    cells, states = blocks(_lstm(values, mask, reverse), shape_of(values[1])[1])
    last = in_turn(states, reverse)[-1]
    return outputs(states, mask), states[last], cells[last]


# --- GRU: gates r, z, n ---------------------------------------------------------------------------


def gru_rule(g: Any, out: Any, values: tuple[Any, ...], kept: Any, reverse: bool) -> tuple[Any, ...]:
    """`p` is the part of the product that r multiplies, so that in n the inputs and the product have different cotangents."""
    x, weight, bias, hidden = values
    size = shape_of(weight)[1]
    states, columns = before(hidden, out, reverse), transpose(weight)
    to_gates, to_n, to_hidden = room(out, shape_of(x)), room(out, shape_of(out)), 0.0
    for t in reversed(in_turn(x, reverse)):
        product = states[t] @ columns + bias  # (batch, 3 * hidden)
        p, inner = product[:, 2 * size :], (x[t] + product)[:, : 2 * size]
        gates = sigmoid(inner)
        (r, z), (slope_r, slope_z) = blocks(gates, size), blocks(sigmoid_slope(gates, inner), size)
        candidate = x[t][:, 2 * size :] + r * p
        n = np.tanh(candidate)
        to_hidden = held = g[t] + to_hidden
        to_n[t] = into_n = active(to_hidden * sigmoid(-inner[:, size:]) * tanh_slope(n, candidate), 0.0, kept, t)
        into_z = active(to_hidden * (states[t] - n) * slope_z, 0.0, kept, t)
        to_gates[t] = np.concatenate([into_n * p * slope_r, into_z, into_n * r], -1)
        to_hidden = active(to_hidden * z, held, kept, t) + to_gates[t] @ weight
    to_product = along_time(to_gates)
    to_x = concatenate([to_product[..., : 2 * size], along_time(to_n)], -1)
    return to_x, weight_rule(to_product, states), _sum(rows(to_product), 0), to_hidden


@primitive("linear", in_tuple, symbol="gru({})", values=gru_rule)
def _gru(values: Any, kept: Any, reverse: bool) -> Any:
    """The hidden states after all steps: (time, batch, hidden)."""
    x, weight, bias, h = in_one_dtype(values)
    size = weight.shape[1]
    out = np.empty((*x.shape[:2], size), x.dtype)
    for t in in_turn(x, reverse):
        product = h @ weight.T
        product += bias  # (batch, 3 * hidden)
        gates = product[:, : 2 * size] + x[t, :, : 2 * size]
        squash(gates)
        r, z = blocks(gates, size)
        n = np.tanh(x[t, :, 2 * size :] + r * product[:, 2 * size :])
        np.add(n, z * (h - n), out[t])
        hold(out[t], h, kept, t)
        h = out[t]
    return out


@composed
def gru(x: Any, weight: Any, bias: Any, hidden: Any, kept: Any = None, reverse: bool = False) -> tuple[Any, Any]:
    """Run a gated recurrent unit (Cho et al. 2014), in the form in which r multiplies the product.

    With ``p = h[t - 1] @ weight.T + bias``, ``r, z = sigmoid(x[t] + p)`` are the first two thirds of the gates,
    ``n = tanh(x[t] + r * p)`` is the last, and ``h[t] = (1 - z) * n + z * h[t - 1]``.

    Args:
        x: the contribution of the inputs to the gates at each step, (time, batch, 3 * hidden).
        weight: (3 * hidden, hidden).
        bias: added to the product of the weight, (3 * hidden), or None.
        hidden: the first state, (batch, hidden).
        kept: bools (time, batch), False for steps after the end of a sequence, which keep the state and have the output 0.
        reverse: whether to take the steps from the last to the first.

    Returns:
        The hidden states of all steps, (time, batch, hidden), and the last one, (batch, hidden).

    Raises:
        ValueError: for other shapes.
    """
    values, mask = arranged("gru", 3, x, weight, (hidden,), kept)
    gates = shape_of(values[1])[:1]
    bias = np.zeros(gates, values[1].dtype) if bias is None else as_tensor(bias)
    if shape_of(bias) != gates:
        raise ValueError(f"gru() takes a bias of the shape {gates}, or None, but got {shape_of(bias)}")
    states = _gru((*values[:2], bias, values[2]), mask, reverse)
    return outputs(states, mask), states[in_turn(states, reverse)[-1]]


#: For operations whose rule would compute much again: a forward function that returns what the second function then needs, too.
#: Compiled functions call these two.
SAVING = {_lstm: (lstm_forward_saving, lstm_loop_back)}

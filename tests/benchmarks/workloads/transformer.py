"""S3: a transformer of one layer in scalars, the code of demos.scalar_gpt; by hand it is written on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Value
from demos import scalar_gpt
from tests.benchmarks.workloads.columns import BY_HAND, RATE, Column, Training, Workload, ours

FEATURES, HEADS, SYMBOLS, STEPS = 16, 4, 27, 16
ACROSS = FEATURES // HEADS
SHAPES = {
    "letters.weight": (SYMBOLS, FEATURES), "positions.weight": (STEPS, FEATURES),
    "blocks.0.norm1.weight": (FEATURES,), "blocks.0.norm1.bias": (FEATURES,),
    "blocks.0.self_attn.in_proj_weight": (3 * FEATURES, FEATURES), "blocks.0.self_attn.in_proj_bias": (3 * FEATURES,),
    "blocks.0.self_attn.out_proj.weight": (FEATURES, FEATURES), "blocks.0.self_attn.out_proj.bias": (FEATURES,),
    "blocks.0.norm2.weight": (FEATURES,), "blocks.0.norm2.bias": (FEATURES,),
    "blocks.0.linear1.weight": (4 * FEATURES, FEATURES), "blocks.0.linear1.bias": (4 * FEATURES,),
    "blocks.0.linear2.weight": (FEATURES, 4 * FEATURES), "blocks.0.linear2.bias": (FEATURES,),
    "norm.weight": (FEATURES,), "norm.bias": (FEATURES,), "out.weight": (SYMBOLS, FEATURES), "out.bias": (SYMBOLS,),
}  # fmt: skip


def start() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape) * 0.3 + (".norm" in f".{name}" and "weight" in name) for name, shape in SHAPES.items()}


def letters() -> tuple[list[int], list[int]]:
    """Return the symbols of a text, and those that follow."""
    numbers = np.random.default_rng(1).integers(0, SYMBOLS, STEPS + 1).tolist()
    return numbers[:-1], numbers[1:]


# --- NumPy by hand --------------------------------------------------------------------------------


def normalise(x: np.ndarray, gain: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the result, and what its derivative needs."""
    centred = x - x.mean(1, keepdims=True)
    scale = 1.0 / np.sqrt((centred * centred).mean(1, keepdims=True) + 1e-5)
    centred *= scale
    return centred * gain + bias, centred, scale


def back_from_normal(g: np.ndarray, gain: np.ndarray, normal: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the gradients of x, gain and bias."""
    by_gain, to_normal = (g * normal).sum(0), g * gain
    to_x = to_normal - to_normal.mean(1, keepdims=True) - normal * (to_normal * normal).mean(1, keepdims=True)
    to_x *= scale
    return to_x, by_gain, g.sum(0)


def by_hand(dtype: str) -> Column:
    weights = start()
    (
        table,
        places,
        gain1,
        bias1,
        w_in,
        b_in,
        w_join,
        b_join,
        gain2,
        bias2,
        w_up,
        b_up,
        w_down,
        b_down,
        gain3,
        bias3,
        w_out,
        b_out,
    ) = weights.values()
    inputs, targets = map(np.array, letters())
    steps, later = np.arange(STEPS), np.triu(np.full((STEPS, STEPS), -np.inf), 1)
    last: list[Any] = []

    def step() -> None:
        x = table[inputs] + places
        normed1, normal1, scale1 = normalise(x, gain1, bias1)
        parts = (normed1 @ w_in.T + b_in).reshape(STEPS, 3, HEADS, ACROSS).transpose(1, 2, 0, 3)
        query, key, value = parts  # (heads, steps, features of a head)
        chances = query @ key.swapaxes(1, 2)
        chances *= ACROSS**-0.5
        chances += later
        chances -= chances.max(2, keepdims=True)
        np.exp(chances, out=chances)
        chances /= chances.sum(2, keepdims=True)
        seen = (chances @ value).transpose(1, 0, 2).reshape(STEPS, FEATURES)
        x = x + (seen @ w_join.T + b_join)
        normed2, normal2, scale2 = normalise(x, gain2, bias2)
        hidden = np.maximum(normed2 @ w_up.T + b_up, 0.0)
        x = x + (hidden @ w_down.T + b_down)
        normed3, normal3, scale3 = normalise(x, gain3, bias3)
        scores = normed3 @ w_out.T + b_out
        scores -= scores.max(1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(1, keepdims=True)
        loss = -np.log(scores[steps, targets]).mean()

        scores[steps, targets] -= 1.0
        scores /= STEPS
        g, to_gain3, to_bias3 = back_from_normal(scores @ w_out, gain3, normal3, scale3)
        to_hidden = g @ w_down
        to_hidden *= hidden > 0.0
        to_x, to_gain2, to_bias2 = back_from_normal(to_hidden @ w_up, gain2, normal2, scale2)
        grads3 = [to_gain3, to_bias3, scores.T @ normed3, scores.sum(0)]
        grads2 = [to_gain2, to_bias2, to_hidden.T @ normed2, to_hidden.sum(0), g.T @ hidden, g.sum(0)]
        g = g + to_x
        to_seen = (g @ w_join).reshape(STEPS, HEADS, ACROSS).transpose(1, 0, 2)
        to_chances = to_seen @ value.swapaxes(1, 2)
        to_chances -= (to_chances * chances).sum(2, keepdims=True)
        to_chances *= chances
        to_chances *= ACROSS**-0.5
        to_parts = np.empty((3, HEADS, STEPS, ACROSS))
        np.matmul(to_chances, key, out=to_parts[0])
        np.matmul(to_chances.swapaxes(1, 2), query, out=to_parts[1])
        np.matmul(chances.swapaxes(1, 2), to_seen, out=to_parts[2])
        rows = to_parts.transpose(2, 0, 1, 3).reshape(STEPS, 3 * FEATURES)
        to_x, to_gain1, to_bias1 = back_from_normal(rows @ w_in, gain1, normal1, scale1)
        grads1 = [to_gain1, to_bias1, rows.T @ normed1, rows.sum(0), g.T @ seen, g.sum(0)]
        g = g + to_x
        to_table = np.zeros_like(table)
        np.add.at(to_table, inputs, g)
        for weight, grad in zip(weights.values(), (to_table, g, *grads1, *grads2, *grads3), strict=True):
            weight -= RATE * grad
        last[:] = [loss]

    return step, lambda: [*last, *np.concatenate([weight.ravel() for weight in weights.values()])]


# --- valuegrad ------------------------------------------------------------------------------------


def in_valuegrad(dtype: str) -> Training:
    weights = {name: scalar_gpt.each(Value, array.tolist()) for name, array in start().items()}
    parameters: list[Value] = []
    for rows in weights.values():
        scalar_gpt.each(parameters.append, rows)
    return Training(lambda inputs, targets: scalar_gpt.loss(weights, inputs, targets, 1, HEADS), parameters, letters())


S3 = Workload(
    "a transformer in scalars: 1 layer, 16 features, 4 heads, 16 steps; by hand on arrays",
    {BY_HAND: by_hand, **ours(in_valuegrad)},
    dtypes=("float64",),
    rounds=5,
)

"""The transformer of demos.gpt in scalar Values, each number a node, in the spirit of micrograd and microgpt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Value, scope
from nn import Module

Vector = list[Value]
Weights = dict[str, Any]  # by the names of the parameters: vectors (lists of Values), and matrices (lists of their rows)


def scalars(model: Module) -> Weights:
    """Return the parameters of a model, each number as a Value."""
    return {
        name: each(lambda number, name=name: Value(number, label=name), parameter.data.tolist())
        for name, parameter in model.named_parameters()
    }


def gradients(weights: Weights) -> dict[str, np.ndarray]:
    """Return the gradient of each parameter as an array."""
    return {name: np.array(each(lambda weight: weight.grad, rows)) for name, rows in weights.items()}


def each(function: Callable[[Any], Any], numbers: Any) -> Any:
    """Apply a function to every number of a vector or matrix."""
    return [each(function, part) for part in numbers] if isinstance(numbers, list) else function(numbers)


def zero_grad(weights: Weights) -> None:
    for rows in weights.values():
        each(lambda weight: setattr(weight, "grad", None), rows)


def add(x: Vector, y: Vector) -> Vector:
    return [a + b for a, b in zip(x, y, strict=True)]


def dot(x: Vector, y: Vector) -> Value:
    return sum(a * b for a, b in zip(x, y, strict=True))


def linear(x: Vector, weight: list[Vector], bias: Vector) -> Vector:
    return [dot(row, x) + b for row, b in zip(weight, bias, strict=True)]


def layer_norm(x: Vector, gain: Vector, bias: Vector) -> Vector:
    """Normalise to mean 0 and standard deviation 1, then scale and shift."""
    mean = sum(x) / len(x)
    centred = [a - mean for a in x]
    deviation = (dot(centred, centred) / len(x) + 1e-5) ** 0.5
    return [a / deviation * g + b for a, g, b in zip(centred, gain, bias, strict=True)]


def softmax(scores: Vector) -> Vector:
    """Return probabilities; the largest score is subtracted as a constant, so that exp() stays in range."""
    largest = max(score.item() for score in scores)
    powers = [(score - largest).exp() for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def attend(query: Vector, keys: list[Vector], values: list[Vector]) -> Vector:
    """Return the mean of the values so far, weighted by how well their keys match the query: one head."""
    weights = softmax([dot(query, key) / len(query) ** 0.5 for key in keys])
    return [dot(weights, list(column)) for column in zip(*values, strict=True)]


def block(x: list[Vector], w: Weights, name: str, heads: int) -> list[Vector]:
    """Run one layer of the transformer, step by step, so that later steps do not exist yet: no mask is needed."""
    size = len(x[0])
    spans = [slice(start, start + size // heads) for start in range(0, size, size // heads)]
    keys, values, out = [], [], []
    for vector in x:
        with scope("attention"):
            normed = layer_norm(vector, w[f"{name}.norm1.weight"], w[f"{name}.norm1.bias"])
            both = linear(normed, w[f"{name}.self_attn.in_proj_weight"], w[f"{name}.self_attn.in_proj_bias"])
            query, key, value = both[:size], both[size : 2 * size], both[2 * size :]
            keys.append(key)
            values.append(value)
            seen = [attend(query[span], [k[span] for k in keys], [v[span] for v in values]) for span in spans]
            joined = linear(sum(seen, []), w[f"{name}.self_attn.out_proj.weight"], w[f"{name}.self_attn.out_proj.bias"])
            vector = add(vector, joined)
        with scope("feed_forward"):
            normed = layer_norm(vector, w[f"{name}.norm2.weight"], w[f"{name}.norm2.bias"])
            hidden = [a.relu() for a in linear(normed, w[f"{name}.linear1.weight"], w[f"{name}.linear1.bias"])]
            out.append(add(vector, linear(hidden, w[f"{name}.linear2.weight"], w[f"{name}.linear2.bias"])))
    return out


def loss(w: Weights, inputs: Sequence[int], targets: Sequence[int], layers: int, heads: int) -> Value:
    """Return the mean of -log(probability of the next letter) over the steps of one name."""
    x = [add(w["letters.weight"][letter], w["positions.weight"][step]) for step, letter in enumerate(inputs)]
    for layer in range(layers):
        x = block(x, w, f"blocks.{layer}", heads)
    total: Any = 0.0
    for vector, target in zip(x, targets, strict=True):
        with scope("next_letter"):
            normed = layer_norm(vector, w["norm.weight"], w["norm.bias"])
            total = total - softmax(linear(normed, w["out.weight"], w["out.bias"]))[target].log()
    return total / len(targets)


if __name__ == "__main__":
    raise SystemExit("this is not a demo: run python -m demos.gpt, which uses it")

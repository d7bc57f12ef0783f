"""Samples of activations with parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

import autograd
from tests.ops import samples as common
from tests.ops.samples import BINARY_SHAPES, UNARY_SHAPES, Sample, number

ROOT = np.sqrt(2.0 / np.pi)


def normal_cdf(x: Any) -> Any:
    return 0.5 * (1.0 + scipy.special.erf(x / np.sqrt(2.0)))


def selu(x: Any) -> Any:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(np.minimum(x, 0)) - 1))


#: Independent formulas of the activations of one input.
FORMULAS: dict[str, Callable[..., Any]] = {
    "normal_cdf": normal_cdf, "selu": selu, "gelu": lambda x: x * normal_cdf(x),
    "silu": lambda x: x * scipy.special.expit(x), "mish": lambda x: x * np.tanh(np.log(1.0 + np.exp(x))),
    "softsign": lambda x: x / (1.0 + np.abs(x)), "hard_sigmoid": lambda x: np.minimum(np.maximum(x + 3.0, 0.0), 6.0) / 6.0,
    "step": lambda x: np.where(x > 0, 1.0, 0.0), "relu6": lambda x: np.minimum(np.maximum(x, 0.0), 6.0),
}  # fmt: skip


def mish_slope(x: Any) -> Any:
    """The slope of mish by the quotient rule: tanh(log(1 + e^x)) = (u - 1) / (u + 1) with u = (1 + e^x)^2."""
    u = (1.0 + np.exp(x)) ** 2
    return (u - 1.0) / (u + 1.0) + x * 4.0 * np.exp(x) * (1.0 + np.exp(x)) / (u + 1.0) ** 2


common.FORMULAS |= {"mish_slope": mish_slope}
common.FORMULAS |= {**FORMULAS, "prelu": lambda x, w: w * x, "log_loss": lambda p, y: -y * np.log(p) - (1 - y) * np.log(1 - p)}

#: Activations with settings: function, named arguments, formula.
WITH_SETTINGS: list[tuple[str, dict[str, Any], Callable[..., Any]]] = [
    ("elu", {}, lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)),
    ("elu", {"alpha": 1.7}, lambda x: np.where(x > 0, x, 1.7 * (np.exp(np.minimum(x, 0)) - 1))),
    ("elu", {"alpha": -0.5}, lambda x: np.where(x > 0, x, -0.5 * (np.exp(np.minimum(x, 0)) - 1))),
    ("celu", {}, lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)),
    ("celu", {"alpha": 0.6}, lambda x: np.where(x > 0, x, 0.6 * (np.exp(np.minimum(x, 0) / 0.6) - 1))),
    ("gelu_tanh", {}, lambda x: 0.5 * x * (1.0 + np.tanh(ROOT * (x + 0.044715 * x**3)))),
    ("gelu", {"approximate": "tanh"}, lambda x: 0.5 * x * (1.0 + np.tanh(ROOT * (x + 0.044715 * x**3)))),
    ("hard_tanh", {}, lambda x: np.minimum(np.maximum(x, -1.0), 1.0)),
    ("hard_tanh", {"min_val": -0.2, "max_val": 0.1}, lambda x: np.clip(x, -0.2, 0.1)),
]


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the op."""
    found: dict[str, list[Sample]] = {}

    def add(name: str, note: Any, inputs: list[Any], call: Callable[..., Any], expected: Callable[..., Any]) -> None:
        found.setdefault(name, []).append(Sample(f"{name} {note}", call, inputs, expected))

    def away(shape: tuple[int, ...]) -> Any:
        """Numbers of both signs, not near 0, 1, 3 or 6, where there are kinks."""
        sizes = rng.choice([0.5, 0.5, 2.0, 4.0, 7.0], shape) + number(rng, -0.25, 0.25, shape)
        data = sizes * rng.choice([-1.0, 1.0], shape)
        return float(data) if shape == () else data

    for (shape,) in UNARY_SHAPES:
        for name, formula in FORMULAS.items():
            add(name, shape, [away(shape)], getattr(autograd.ops, name), formula)
        for name, how, formula in WITH_SETTINGS:
            function = getattr(autograd.ops.activations, "_gelu_tanh" if name == "gelu_tanh" else name)
            add(name, f"{shape} {how}", [away(shape)], lambda x, f=function, how=how: f(x, **how), formula)
    for shapes in BINARY_SHAPES:
        x, weight = away(shapes[0]), number(rng, 0.1, 0.9, shapes[1])
        add("prelu", shapes, [x, weight], autograd.ops.prelu, lambda x, w: np.where(x > 0, x, w * x))
        p, label = number(rng, 0.2, 0.8, shapes[0]), number(rng, 0.1, 0.9, shapes[1])
        add("log_loss", shapes, [p, label], autograd.ops.log_loss, lambda p, y: -y * np.log(p) - (1 - y) * np.log(1 - p))
    for shape, axis in [((4,), -1), ((2, 6), 1), ((2, 3), 0), ((4, 3, 2), -1), ((0, 2), 1), ((2, 4, 3), -2)]:
        add("glu", f"{shape} {axis}", [number(rng, -2.0, 2.0, shape)], lambda x, a=axis: autograd.ops.glu(x, a),
            lambda x, a=axis: np.split(x, 2, a)[0] * scipy.special.expit(np.split(x, 2, a)[1]))  # fmt: skip
    for shape in [(3,), (2, 3), (4, 2, 3), (5, 1), (0, 3)]:
        target = rng.integers(0, shape[-1], shape[:-1])
        add("softmax_cross_entropy", shape, [number(rng, -2.0, 2.0, shape)],
            lambda x, t=target: autograd.ops.softmax_cross_entropy(x, t),
            lambda x, t=target: -np.take_along_axis(scipy.special.log_softmax(x, -1), t[..., None], -1)[..., 0])  # fmt: skip
    return found

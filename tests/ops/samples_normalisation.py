"""Samples of the operations of normalisation layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.ops import normalisation
from tests.ops.samples import Sample, number

#: Shapes with axes.
CASES: list[tuple[tuple[int, ...], Any]] = [
    ((3,), -1), ((3,), (0,)), ((2, 3), 0), ((2, 3), -1), ((3, 2, 2), (0, 2)), ((2, 3, 2), (-2, -1)), ((2, 2), (0, 1)),
    ((1, 3), (0, 1)), ((0, 3), 1),
]  # fmt: skip


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the op."""
    found: dict[str, list[Sample]] = {"centre": [], "rms_normalise": []}
    for shape, axis in CASES:
        found["centre"].append(
            Sample(
                f"centre {shape} {axis}",
                lambda x, axis=axis: normalisation.centre(x, axis),
                [number(rng, -2.0, 2.0, shape)],
                lambda x, axis=axis: x - x.mean(axis, keepdims=True),
            )
        )
        for eps in (0.0, 0.1):
            found["rms_normalise"].append(
                Sample(
                    f"rms_normalise {shape} {axis} {eps}",
                    lambda x, axis=axis, eps=eps: normalisation.rms_normalise(x, axis, eps),
                    [number(rng, 0.3, 2.0, shape)],
                    lambda x, axis=axis, eps=eps: x / np.sqrt(np.mean(x * x, axis, keepdims=True) + eps),
                )
            )
    return found

"""Samples of activations with parameters."""

from __future__ import annotations

import numpy as np

from tests.samples import Sample


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the op."""
    return {}

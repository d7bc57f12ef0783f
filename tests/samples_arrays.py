"""Samples of shapes, products, calculus and linear algebra, in the form of tests/samples.py."""

from __future__ import annotations

import numpy as np

from tests.samples import Sample


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the op or function."""
    return {}

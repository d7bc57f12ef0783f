"""seed(): make the random numbers that nn draws without an rng= reproducible."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from nn.arrays import Rng, whole_number
from nn.source import level_outside

_root: np.random.Generator | None = None  # set by seed(); spawns a generator for each object
_warned = False


def seed(number: int | None) -> None:
    """Make everything in nn that draws random numbers without an ``rng=`` reproducible, from this call on.

    This covers layers with random parameters, initialisers, Dropout, DataLoader, random_split() and fit(). Each gets its own
    generator, so the same objects made in the same order draw the same numbers, regardless of other draws in between. Without
    seed(), and after ``seed(None)``, they draw different numbers in every run.

    ``np.random.seed()`` has no effect: nn does not use NumPy's global generator. nn warns once if it was just seeded.

    Args:
        number: an integer of at least 0; None for different numbers in every run.

    Raises:
        TypeError: if `number` is not an integer.
        ValueError: if it is negative.

    >>> import nn
    >>> nn.seed(0)
    >>> first = nn.Linear(3, 2).weight.data
    >>> nn.seed(0)
    >>> bool((nn.Linear(3, 2).weight.data == first).all()), bool((nn.Linear(3, 2).weight.data == first).all())
    (True, False)
    >>> nn.seed(None)
    """
    global _root
    _root = None if number is None else np.random.default_rng(whole_number("the seed", number, 0))


def generator(rng: Rng = None) -> np.random.Generator:
    """Return the Generator for an ``rng=``: itself, one made from a seed, or for None a new one, derived from seed() if set."""
    if rng is not None:
        return np.random.default_rng(rng)
    if _root is not None:
        return _root.spawn(1)[0]
    warn_of_other_seed()
    return np.random.default_rng()


def warn_of_other_seed() -> None:
    """Warn once if NumPy's global generator was seeded with a number and has drawn nothing since."""
    global _warned
    if _warned:
        return
    legacy: Any = np.random
    state = legacy.get_bit_generator().state
    if state["bit_generator"] != "MT19937":  # a program may have set another kind
        return
    first, *rest = state["state"]["key"][:4].tolist()
    for place, word in enumerate(rest, start=1):  # how a seed fills the state (Matsumoto and Nishimura 1998)
        first = (1812433253 * (first ^ (first >> 30)) + place) % 2**32
        if first != word:
            return
    _warned = True
    warnings.warn(
        "np.random.seed() was called, but nn does not draw from NumPy's global generator: call nn.seed(number), or pass rng=",
        stacklevel=level_outside(),
    )

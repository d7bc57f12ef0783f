"""seed(): seed all random numbers that nn draws where no rng= is given."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from nn.arrays import Rng, whole_number
from nn.source import level_outside

_root: np.random.Generator | None = None  # of seed(); each object gets a generator that is spawned from it
_warned = False


def seed(number: int | None) -> None:
    """Make all objects and functions of nn that draw random numbers without an ``rng=`` reproducible, from here on.

    These are layers, whose parameters are random, initialisers, Dropout, DataLoader, random_split() and fit(). Each gets its own
    generator, so that the same objects made in the same order draw the same numbers, whatever is drawn in between. Without
    seed(), and after ``seed(None)``, they draw other numbers in every run.

    ``np.random.seed()`` has no effect on nn, which does not use NumPy's global generator; nn warns once if it was just seeded.

    Args:
        number: an integer of at least 0; None for other numbers in every run.

    Raises:
        TypeError: if `number` is no integer.
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
    """The Generator for an ``rng=``: a Generator as it is, one from a seed, and for None a new one, that of seed() if set."""
    if rng is not None:
        return np.random.default_rng(rng)
    if _root is not None:
        return _root.spawn(1)[0]
    warn_of_other_seed()
    return np.random.default_rng()


def warn_of_other_seed() -> None:
    """Warn, once, if NumPy's global generator was seeded with a number, and has drawn nothing since."""
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

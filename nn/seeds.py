"""seed(): one number for all random numbers that nn draws where no rng= is given."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from nn.arrays import Rng, whole

_root: np.random.Generator | None = None  # of seed(), from which each object gets a generator of its own
_warned = False


def seed(number: int | None) -> None:
    """Make everything of nn that draws random numbers and gets no ``rng=`` reproducible, from here on.

    That is the parameters of layers, initialisers, Dropout, DataLoader, random_split() and fit(). Each gets a generator of its
    own, so that the same things made in the same order draw the same numbers, whatever is drawn in between. What gets an
    ``rng=`` is not touched. Without seed(), and after ``seed(None)``, they draw other numbers in every run.

    ``np.random.seed()`` does nothing for nn, whose generators are not NumPy's global one; nn warns, once, where it finds that
    one just seeded.

    Args:
        number: not negative, or None.

    >>> import nn
    >>> nn.seed(0)
    >>> first = nn.Linear(3, 2).weight.data
    >>> nn.seed(0)
    >>> bool((nn.Linear(3, 2).weight.data == first).all()), bool((nn.Linear(3, 2).weight.data == first).all())
    (True, False)
    >>> nn.seed(None)
    """
    global _root
    _root = None if number is None else np.random.default_rng(whole("the seed", number, 0))


def generator(rng: Rng = None) -> np.random.Generator:
    """The Generator of an ``rng=``: as it is, or from a seed; for None a new one, from that of seed() if there is one."""
    if rng is not None:
        return np.random.default_rng(rng)
    if _root is not None:
        return _root.spawn(1)[0]
    warn_of_other_seed()
    return np.random.default_rng()


def warn_of_other_seed() -> None:
    """Warn, once, if NumPy's global generator was seeded by a number, and nothing drawn from it since."""
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
        stacklevel=4,
    )

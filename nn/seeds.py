"""seed(): make the random numbers that nn draws without an rng= reproducible."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any

import numpy as np

from autograd.compiler import draw
from nn.arrays import Rng, whole_number
from nn.source import level_outside

_warned = False
_one_at_a_time = threading.Lock()


class Root:
    """The seed of seed(), or one of the operating system, whose children are the seeds of generators.

    It has so much of a generator that draw() takes it: `random()`, which draws from the next child, and `bit_generator.state`.
    """

    def __init__(self) -> None:
        self.start(None)

    def start(self, number: int | None) -> None:
        """Begin with the first child of a seed; None stands for another seed in each process."""
        self.is_seeded = number is not None
        self.entropy: Any = number
        self.children, self.process = 0, -1

    @property
    def bit_generator(self) -> Root:
        return self

    @property
    def state(self) -> tuple[Any, int]:
        """The seed, and the number of its children so far."""
        if not self.is_seeded and self.process != os.getpid():
            self.entropy, self.children, self.process = np.random.SeedSequence().entropy, 0, os.getpid()
        return self.entropy, self.children

    @state.setter
    def state(self, state: tuple[Any, int]) -> None:
        self.entropy, self.children = state

    def spawn(self) -> np.random.Generator:
        """Return a generator for the next child, as spawn() of a Generator with this seed does."""
        with _one_at_a_time:
            entropy, number = self.state
            self.children += 1
        return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,)))

    def random(self, *args: Any, **named: Any) -> Any:
        """Return random numbers from the next child."""
        if not self.is_seeded:
            warn_of_other_seed()
        return self.spawn().random(*args, **named)


_root = Root()


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
    _root.start(None if number is None else whole_number("the seed", number, 0))


def generator(rng: Rng = None) -> np.random.Generator:
    """Return the Generator for an ``rng=``: itself, one made from a seed, or for None a new one, derived from seed() if set."""
    if rng is not None:
        return np.random.default_rng(rng)
    if _root.is_seeded:
        return _root.spawn()
    warn_of_other_seed()
    return np.random.default_rng()


def random(rng: Rng, *args: Any) -> Any:
    """Return ``generator(rng).random(*args)``; a replay of a compiled function draws anew from a generator, and for None."""
    if rng is None:
        source: Any = _root  # each call has a generator of its own
        return draw(source, "random", *args)
    return draw(rng, "random", *args) if isinstance(rng, np.random.Generator) else generator(rng).random(*args)


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

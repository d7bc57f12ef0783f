"""State of Python objects in compiled functions: live() for what is kept in a dict, draw() for random numbers.

A recording sees arguments and Values. What an optimiser, a layer or an object of the user's own keeps besides, such as running
averages, counters and learning rates, it sees through live(), and random numbers through draw(). Outside recordings both do
nothing special.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from autograd.compiler.hooks import active
from autograd.compiler.program import ABSENT, Draw, Source
from autograd.compiler.recorder import Recorder


def live(mapping: Any) -> Any:
    """Return the dict itself; while a function is recorded, a view of it whose reads and writes are repeated in each replay.

    Numbers and arrays that are read become inputs of the program. A replay repeats assignments, and changes arrays in place as
    the function does. It is only used where all other entries that were read, such as flags, are the same.

    >>> import autograd
    >>> from autograd.compiler import live
    >>> class Average:
    ...     def __init__(self):
    ...         self.total, self.count = 0.0, 0
    ...
    ...     def add(self, x):
    ...         state = live(vars(self))
    ...         state["total"] += x
    ...         state["count"] += 1
    ...         return state["total"] / state["count"]
    >>> average = Average()
    >>> add = autograd.compile(average.add)
    >>> [add(x) for x in (1.0, 2.0, 3.0, 4.0)]
    [1.0, 1.5, 2.0, 2.5]
    >>> average.count
    4
    """
    recorder = active()
    return mapping if recorder is None else recorder.live(mapping, Live)


def draw(generator: np.random.Generator, method: str, *args: Any, **named: Any) -> Any:
    """Return ``generator.method(*args, **named)``; a replay of a compiled function draws anew.

    The numbers are those of an uncompiled function that calls the same generator in the same order.

    >>> import autograd
    >>> from autograd.compiler import draw
    >>> rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    >>> noisy = autograd.compile(lambda x: x + draw(rng, "normal", size=3))
    >>> all((noisy(np.zeros(3)) == twin.normal(size=3)).all() for _ in range(5))
    True
    """
    recorder = active()
    function = Draw(generator, method)
    return function(*args, **named) if recorder is None else recorder.call(function, args, named)


class Live(MutableMapping[Any, Any]):
    """A view of a dict while a function is recorded."""

    def __init__(self, recorder: Recorder, mapping: dict[Any, Any]) -> None:
        self.recorder, self.mapping = recorder, mapping
        self.contents: dict[Any, Any] = {}
        self.written: set[Any] = set()

    def __getitem__(self, key: Any) -> Any:
        if key not in self.contents:
            if key not in self.mapping:
                self.recorder.program.conditions[Source("item", self.mapping, key)] = ABSENT
                raise KeyError(key)
            self.contents[key] = self.traced(key, self.mapping[key])
        if self.contents[key] is ABSENT:
            raise KeyError(key)
        return self.contents[key]

    def traced(self, key: Any, content: Any) -> Any:
        """Return an entry as an input of the program, or as it is, if the program depends on it."""
        if isinstance(content, (np.ndarray, np.generic)) or type(content) in (float, int):
            return self.recorder.input(Source("item", self.mapping, key), content)
        if type(content) is tuple and content and all(type(part) is float for part in content):
            return tuple(
                [self.recorder.input(Source("part", self.mapping, (key, place)), part) for place, part in enumerate(content)]
            )
        self.recorder.program.conditions[Source("item", self.mapping, key)] = content
        return content

    def __setitem__(self, key: Any, content: Any) -> None:
        self.contents[key] = content
        self.written.add(key)

    def __delitem__(self, key: Any) -> None:
        self[key]  # KeyError if it is missing
        self.contents[key] = ABSENT
        self.written.add(key)

    def __contains__(self, key: Any) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[Any]:
        keys = dict.fromkeys([*self.mapping, *self.contents])
        return (key for key in keys if self.contents.get(key) is not ABSENT)

    def __len__(self) -> int:
        return len(list(iter(self)))

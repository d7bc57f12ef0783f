"""State of Python objects in compiled functions: live() for what is kept in a dict, draw() for random numbers.

A recording sees arguments and Values. What an optimiser, a layer or an object of the user's own keeps besides, such as running
averages, counters and learning rates, it sees through live(), and random numbers through draw(). Outside recordings both do
nothing special.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from autograd.compiler import hooks
from autograd.compiler.hooks import active
from autograd.compiler.program import ABSENT, Draw, Source, same
from autograd.compiler.recorder import Recorder
from autograd.compiler.tracer import Tracer


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
    if recorder is None:
        return getattr(generator, method)(*args, **named)
    return recorder.draw(Draw(generator, method), args, named)


def effect(function: Any, *args: Any, again: bool = False) -> Any:
    """Return ``function(*args)``; a replay of a compiled function calls it again at the same place.

    It is for what reads numbers or changes objects, such as a learning rate. It may read and write dicts that were given to
    live(), but what it changes is not to be read after it in the same call of the compiled function.

    A replay stops where a branch goes another way than in the recording, and then the compiled function runs from its start. So a
    program that has such a branch after the call is not replayed, unless the call may be made `again` for the same step.
    """
    recorder = active()
    if recorder is None:
        return function(*args)
    for view in recorder.lives.values():
        view.flush()
    found = [(view, key, view.mapping.get(key, ABSENT)) for view in recorder.lives.values() for key in view.contents]
    out = recorder.call(Repeated(function, again), args)
    for view, key, before in found:
        if view.mapping.get(key, ABSENT) is not before:
            view.stale.add(key)
    return out


def known_finite(x: Any) -> bool:
    """Whether `x` is an array of a function being recorded that is finite in each replay, such as a gradient."""
    recorder = active()
    return recorder is not None and type(x) is Tracer and x._recorder is recorder and x._variable in recorder.finite


class Assign:
    """An assignment to a dict as a function: ``Assign(mapping, key)(content)`` is ``mapping[key] = content``."""

    effect = True
    __name__ = "assign"

    def __init__(self, mapping: dict[Any, Any], key: Any) -> None:
        self.mapping, self.key = mapping, key

    def __call__(self, content: Any) -> None:
        self.mapping[self.key] = content

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Assign) and self.mapping is other.mapping and (self.key is other.key or same(self.key, other.key))
        )

    def __hash__(self) -> int:
        return hash((id(self.mapping), self.key))


class Repeated:
    """A function that does more than compute: neither shared nor left out.

    Attributes:
        again: whether it may be called twice, as where a replay stops after it.
        replayed: what a replay calls, which never happens while something is recorded.
    """

    effect = True

    def __init__(self, function: Any, again: bool) -> None:
        self.again = again
        self.function, self.__name__ = function, getattr(function, "__name__", "function")
        self.replayed = function

    def __call__(self, *args: Any) -> Any:
        if active() is None:
            return self.function(*args)
        with hooks.paused():
            return self.function(*args)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Repeated) and self.function == other.function

    def __hash__(self) -> int:
        return hash(self.function)


class Live(MutableMapping[Any, Any]):
    """A view of a dict while a function is recorded."""

    def __init__(self, recorder: Recorder, mapping: dict[Any, Any]) -> None:
        self.recorder, self.mapping = recorder, mapping
        self.contents: dict[Any, Any] = {}
        self.written: dict[Any, None] = {}  # the keys, in order
        self.stale: set[Any] = set()  # keys that an effect() has changed since they were read

    def __getitem__(self, key: Any) -> Any:
        if key in self.stale:
            self.recorder.fail(f"it reads {key!r} after a call that changes it")
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
        self.written[key] = None
        if type(content) is dict:
            self.recorder.made[id(content)] = content

    def flush(self) -> None:
        """Write to the dict what was assigned so far, for a call that reads it."""
        for key in self.written:
            if self.contents[key] is ABSENT:
                self.recorder.fail(f"it deletes {key!r} before a call of effect()")
            else:
                self.recorder.call(Assign(self.mapping, key), (self.contents[key],))
        # Dicts that the function made may still change.
        self.written = {key: None for key in self.written if id(self.contents[key]) in self.recorder.made}

    def __delitem__(self, key: Any) -> None:
        self[key]  # KeyError if it is missing
        self.contents[key] = ABSENT
        self.written[key] = None

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

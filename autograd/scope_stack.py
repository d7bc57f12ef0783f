"""The innermost scope: a context variable holds it, None outside of all; the scopes of a generator are kept with its frame."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from threading import RLock
from types import FrameType
from typing import Any

from autograd.generators import generator_around, leaving, running

variable: ContextVar[Any] = ContextVar("valuegrad_scope", default=None)
#: Returns the innermost scope. Every operation calls it, so it is the fast getter of the context variable, and only while a
#: generator holds scopes current_in_generators().
current: Callable[[], Any] = variable.get
held: dict[FrameType, list[Any]] = {}  # the scopes of each generator, outermost first
_one_at_a_time = RLock()


def current_in_generators() -> Any:
    """The innermost scope while generators hold some: scopes of running generators hold, inside the scopes of their callers."""
    here = variable.get()
    for frame in running(held, sys._getframe(1)):
        scopes = held.get(frame, [])
        for i, inner in enumerate(scopes):
            if not is_inside(here, inner):
                here = scopes[i] = inner if inner.outer is here else inner.within(here)
    return here


def is_recording() -> bool:
    """Whether operations are recorded here: everywhere but under no_grad()."""
    here = current()
    return here is None or bool(here.settings.get("recording", True))


def is_inside(here: Any, outer: Any) -> bool:
    """Whether a scope is inside `outer`, or inside a copy of it that was made where its generator was resumed."""
    while here is not None and getattr(here, "asked", None) is not outer.asked:
        here = here.outer
    return here is not None


def enter(here: Any, frame: FrameType) -> None:
    """Make a scope the innermost one, for the with-statement at `frame`."""
    global current
    here.before = variable.get()
    generator = generator_around(frame)
    if generator is None:
        variable.set(here)
        return
    with _one_at_a_time:
        held.setdefault(generator, []).append(here)
        current = current_in_generators


def leave(asked: dict[str, bool], frame: FrameType) -> None:
    """Leave the innermost scope with these settings, which are compared by identity."""
    if held and any(release(generator, asked) for generator in leaving(frame)):
        return
    here = variable.get()
    while here is not None and getattr(here, "asked", None) is not asked:
        here = getattr(here, "before", here.outer)
    if here is not None:
        variable.set(here.before)


def release(frame: FrameType, asked: dict[str, bool]) -> bool:
    """Drop the last scope with these settings that a frame holds; False if it holds none."""
    global current
    with _one_at_a_time:
        kept = held.get(frame, [])
        found = [here for here in kept if here.asked is asked]
        if found:
            kept.remove(found[-1])
        if not kept:
            held.pop(frame, None)
        if not held:
            current = variable.get
    return bool(found)

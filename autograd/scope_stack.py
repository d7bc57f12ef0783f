"""Find the innermost scope of the running code, also in generators, and make scopes decorators.

A context variable holds the innermost scope, or None. It does not suffice for generators, whose with-blocks stay open while
their callers run. So a scope that a generator opens is stored with the frame of the generator, and is active while that frame
is on the stack: while the generator runs, but not for its caller between two items.
"""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, aclosing
from contextvars import ContextVar
from threading import RLock
from types import FrameType
from typing import Any, NoReturn

variable: ContextVar[Any] = ContextVar("valuegrad_scope", default=None)
#: Returns the innermost scope. As every operation calls it, it is the fast getter of the context variable, except while a
#: generator has open scopes: then it is current_in_generators().
current: Callable[[], Any] = variable.get
held: dict[FrameType, list[Any]] = {}  # the open scopes of each generator, outermost first
_one_at_a_time = RLock()

GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
#: Functions that enter a context manager for their caller, such as those of contextlib.
ENTERING = ("__enter__", "__aenter__", "enter_context", "enter_async_context")
LEAVING = ("__exit__", "__aexit__", "close", "aclose", "_exit_wrapper")


def current_in_generators() -> Any:
    """Return the innermost scope while generators have open scopes, which are inside the scopes of the generators' callers."""
    here = variable.get()
    for frame in running_frames(held, sys._getframe(1)):
        scopes = held.get(frame, [])
        for i, inner in enumerate(scopes):
            if not is_inside(here, inner):
                here = scopes[i] = inner if inner.outer is here else inner.within(here)
    return here


def is_recording() -> bool:
    """Whether operations are recorded here: everywhere except under no_grad()."""
    here = current()
    return here is None or bool(here.settings.get("recording", True))


def is_inside(here: Any, outer: Any) -> bool:
    """Whether a scope is `outer`, or a copy of it that was created when its generator resumed, or is inside one of them."""
    while here is not None and getattr(here, "asked", None) is not outer.asked:
        here = here.outer
    return here is not None


def enter(here: Any, frame: FrameType) -> None:
    """Make a scope the innermost one for the with-statement at `frame`."""
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
    """Leave the innermost scope with the settings `asked`, which are compared by identity."""
    if held and any(release(generator, asked) for generator in leaving(frame)):
        return
    here = variable.get()
    while here is not None and getattr(here, "asked", None) is not asked:
        here = getattr(here, "before", here.outer)
    if here is not None:
        variable.set(here.before)


def release(frame: FrameType, asked: dict[str, bool]) -> bool:
    """Remove the last open scope of a frame with the settings `asked`; return False if it has none."""
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


# --- generators that are running -------------------------------------------------------------------


def generator_around(frame: FrameType | None) -> FrameType | None:
    """Return the frame of the generator that contains the with-statement at `frame`, or None.

    Generators that contextlib or pytest use as context managers open their scopes for the caller, and do not count.
    """
    while frame is not None:
        if frame.f_code.co_flags & GENERATOR:
            resumed_by = frame.f_back
            while resumed_by is not None and resumed_by.f_code.co_flags & GENERATOR and delegates(resumed_by):
                resumed_by = resumed_by.f_back
            if resumed_by is None or not enters(resumed_by):
                return frame
            frame = resumed_by
        if not enters(frame):
            return None
        frame = frame.f_back
    return None


def enters(frame: FrameType) -> bool:
    """Whether the function of a frame enters a context manager for its caller, as pytest does for a test with a fixture."""
    return frame.f_code.co_name in ENTERING or str(frame.f_globals.get("__name__")).startswith(("_pytest.", "pytest_"))


def delegates(frame: FrameType) -> bool:
    """Whether a generator is at a ``yield from``."""
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "SEND"


def leaving(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the generators whose with-block may end at `frame`, innermost first; generator_around() may have returned any."""
    while frame is not None and (frame.f_code.co_flags & GENERATOR or frame.f_code.co_name in LEAVING):
        yield frame
        frame = frame.f_back


def running_frames(frames: Any, frame: FrameType | None) -> list[FrameType]:
    """Return the members of `frames` on the stack, from `frame` to its callers, outermost first."""
    found = []
    while frame is not None:
        if frame in frames:
            found.append(frame)
        frame = frame.f_back
    return found[::-1]


# --- decorators --------------------------------------------------------------------------------------


def decorated(function: Any, enter: Callable[[], AbstractContextManager[Any]]) -> Any:
    """Return a function that calls `function`, or runs every step of a generator or coroutine, in a with-block of ``enter()``.

    Raises:
        TypeError: for a class, and for objects that are not callable.
    """
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(decorated(function.__func__, enter))
    if isinstance(function, type) or not callable(function):
        raise TypeError(
            f"a scope, such as no_grad(), decorates functions and methods, but got {function!r}: decorate its methods, "
            "or write a with-block around its use"
        )

    def call(*args: Any, **named: Any) -> Any:
        with enter():
            return function(*args, **named)

    def generate(*args: Any, **named: Any) -> Generator[Any, Any, Any]:
        with enter():
            return (yield from function(*args, **named))

    async def await_(*args: Any, **named: Any) -> Any:
        with enter():
            return await function(*args, **named)

    async def generate_async(*args: Any, **named: Any) -> AsyncGenerator[Any, Any]:
        with enter():
            async with aclosing(function(*args, **named)) as generator:
                step = generator.asend(None)
                while True:
                    try:
                        item = await step
                    except StopAsyncIteration:
                        return
                    try:
                        step = generator.asend((yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step = generator.athrow(error)

    inside: Any = call
    for kind, other in (("generator", generate), ("coroutine", await_), ("asyncgen", generate_async)):
        inside = other if getattr(inspect, f"is{kind}function")(function) else inside
    return functools.wraps(function)(inside)


class Setting:
    """Creates scopes with a setting: ``with no_grad():``, or the decorator ``@no_grad()`` or ``@no_grad``."""

    def __init__(self, make: Callable[[], Any]) -> None:
        functools.update_wrapper(self, make)
        self.make = make

    def __call__(self, function: Any = None) -> Any:
        return self.make() if function is None else self.make()(function)

    def __repr__(self) -> str:
        return f"<function {self.make.__name__}>"

    def __enter__(self) -> NoReturn:
        raise TypeError(f"{self.make.__name__} needs its brackets here: write `with {self.make.__name__}():`")

    def __exit__(self, *error: object) -> None: ...

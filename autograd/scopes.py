"""What surrounds an operation: whether it is recorded, by which module, and from which source line.

Every recorded node keeps the innermost scope it was made in (`node.place`), which names it in drawings,
verification and messages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import scope_stack
from autograd.ops.inputs import checksum
from autograd.scope_stack import Setting, decorated

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
INSIDE = (HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "nn") + os.sep)


class scope:
    """Name the operations of a with-block or a decorated function, for drawings and messages; scopes nest.

    Args:
        name: a string, or an object with a method ``name_within(outer)`` that gives its name inside the
            object of the scope around, or by itself if `outer` is None. Modules are such objects.
        settings: what no_grad(), record_lines() and debug() ask for.

    >>> from autograd import Value, scope
    >>> with scope("attention"), scope("scores"):
    ...     score = Value(2.0) * 3.0
    >>> score.place.path
    'attention.scores'
    """

    outer: scope | None

    def __init__(self, name: Any = None, **settings: bool) -> None:
        if callable(name) and not hasattr(name, "name_within"):
            raise TypeError(f"scope() takes a name, but got {name!r}: decorate with @scope('name')")
        self.name, self.asked, self.settings = name, settings, settings

    def __enter__(self) -> scope:
        here = self.within(scope_stack.current(), again=hasattr(self, "outer"))  # nodes may know the one entered before
        scope_stack.enter(here, sys._getframe(1))
        return here

    def __exit__(self, *error: object) -> None:
        scope_stack.leave(self.asked, sys._getframe(1))

    def within(self, outer: scope | None, again: bool = True) -> scope:
        """This scope, or another of the same name and settings, inside of `outer`."""
        here = scope(self.name) if again else self
        here.outer, here.asked = outer, self.asked
        # Asked of every new node, so inherited here.
        here.settings = {**outer.settings, **self.asked} if outer is not None and outer.settings else self.asked
        return here

    def __call__(self, function: Any) -> Any:
        """The same function, every call or step of which is inside a scope like this."""
        return decorated(function, lambda: scope(self.name, **self.asked))

    @staticmethod
    def call(name: Any, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        """``function(*args, **named)`` inside ``scope(name)``, at half the cost of a with-block."""
        here = object.__new__(scope)
        here.name, here.outer = name, scope_stack.current()
        here.settings = {} if here.outer is None else here.outer.settings
        token = scope_stack.variable.set(here)
        try:
            return function(*args, **named)
        finally:
            scope_stack.variable.reset(token)

    def names(self) -> list[Any]:
        """What this scope and those around it are called, outermost first."""
        found: list[Any] = []
        here: scope | None = self
        while here is not None:  # depth is no limit
            found += [here.name] * (here.name is not None)
            here = here.outer
        return found[::-1]

    @property
    def path(self) -> str:
        """The names joined: ``"MLP.layers.0.neurons.3"``."""
        names = self.names()
        around = [[None, *(name for name in names[:i] if not isinstance(name, str))][-1] for i in range(len(names))]
        return ".".join(n if isinstance(n, str) else n.name_within(module) for n, module in zip(names, around, strict=True))

    def __str__(self) -> str:
        return self.path


class Place(scope):
    """The scope of one node while source lines are recorded: its `line`, and checksums under debug()."""

    with_checksums = False  # becomes True with the first of them

    def __init__(self, arrays: list[np.ndarray]) -> None:
        super().__init__()
        self.outer = scope_stack.current()
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(INSIDE):
            frame = frame.f_back
        self.code, self.instruction = frame.f_code, frame.f_lasti  # these tell the very expression
        self.line = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self.checksums = [(array, checksum(array)) for array in arrays] if is_set("debug") else []
        Place.with_checksums |= bool(self.checksums)

    def __str__(self) -> str:
        return f"{self.path} at {self.line}".strip()


@Setting
def no_grad() -> scope:
    """Compute without recording: ``with no_grad():`` or ``@no_grad()``. Results are leaves, and frozen.

    Around a ``yield`` it holds for what the generator computes, and not for its caller; as a decorator of a generator or
    coroutine at every step.

    >>> from autograd import Value, no_grad
    >>> with no_grad():
    ...     (Value(2.0) * 3.0).op is None
    True
    """
    return scope(recording=False)


@Setting
def record_lines() -> scope:
    """Remember the source line of every operation of a with-block; messages and drawings then name it."""
    return scope(lines=True)


@Setting
def debug() -> scope:
    """Record slowly and check everything: ``with debug():``.

    Source lines are recorded; backward() raises if an array was changed in place through NumPy after it
    was recorded, or if a rule turns finite numbers into nan, and names the line that made the node.
    """
    return scope(lines=True, debug=True)


def is_set(setting: str) -> bool:
    """Whether a scope around has this setting."""
    here = scope_stack.current()
    return here is not None and here.settings.get(setting, False)

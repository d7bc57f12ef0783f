"""Scopes: whether operations are recorded, and with which module and source line.

Every node keeps the innermost scope of its creation in `node.place`, which names it in drawings, verification and messages.
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
    """Name the operations of a with-block or a decorated function, for drawings and messages. Scopes nest.

    Args:
        name: a string, or an object with a method ``name_within(outer)`` that returns its name inside the
            object of the enclosing scope, or on its own if `outer` is None. Modules are such objects.
        settings: the settings of no_grad(), record_lines() and debug().

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
        here = self.within(scope_stack.current(), again=hasattr(self, "outer"))  # a copy the second time: nodes keep the first
        scope_stack.enter(here, sys._getframe(1))
        return here

    def __exit__(self, *error: object) -> None:
        scope_stack.leave(self.asked, sys._getframe(1))

    def within(self, outer: scope | None, again: bool = True) -> scope:
        """Return this scope, or `again` another one with its name and settings, inside `outer`."""
        here = scope(self.name) if again else self
        here.outer, here.asked = outer, self.asked
        # Settings are merged once here, as every new node reads them.
        here.settings = {**outer.settings, **self.asked} if outer is not None and outer.settings else self.asked
        return here

    def __call__(self, function: Any) -> Any:
        """Return the function with every call, or every step of a generator, inside a scope like this."""
        return decorated(function, lambda: scope(self.name, **self.asked))

    @staticmethod
    def call(name: Any, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        """Call ``function(*args, **named)`` inside ``scope(name)``, at half the cost of a with-block."""
        here = object.__new__(scope)
        here.name, here.outer = name, scope_stack.current()
        here.settings = {} if here.outer is None else here.outer.settings
        token = scope_stack.variable.set(here)
        try:
            return function(*args, **named)
        finally:
            scope_stack.variable.reset(token)

    def names(self) -> list[Any]:
        """Return the names of this scope and those around it, outermost first."""
        found: list[Any] = []
        here: scope | None = self
        while here is not None:  # not recursive, so that scopes nest to any depth
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
    """The scope of one node while source lines are recorded, with its `line`, and under debug() checksums of its arrays."""

    with_checksums = False  # whether any Place has checksums

    def __init__(self, arrays: list[np.ndarray]) -> None:
        super().__init__()
        self.outer = scope_stack.current()
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(INSIDE):
            frame = frame.f_back
        self.code, self.instruction = frame.f_code, frame.f_lasti  # identify the expression
        self.line = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self.checksums = [(array, checksum(array)) for array in arrays] if is_set("debug") else []
        Place.with_checksums |= bool(self.checksums)

    def __str__(self) -> str:
        return f"{self.path} at {self.line}".strip()


@Setting
def no_grad() -> scope:
    """Compute without recording: ``with no_grad():`` or ``@no_grad()``. Results are frozen leaves.

    Around a ``yield``, it applies to the generator, not to its caller. On a generator or coroutine, the decorator applies to
    every step.

    >>> from autograd import Value, no_grad
    >>> with no_grad():
    ...     (Value(2.0) * 3.0).op is None
    True
    """
    return scope(recording=False)


@Setting
def record_lines() -> scope:
    """Record the source line of every operation in a with-block, which messages and drawings then show."""
    return scope(lines=True)


@Setting
def debug() -> scope:
    """Record slowly and check everything: ``with debug():``.

    Source lines are recorded. backward() raises an error if an array was changed in place through NumPy after it
    was recorded, or if a rule turns finite numbers into nan, and names the line of the operation.
    """
    return scope(lines=True, debug=True)


def is_set(setting: str) -> bool:
    """Whether an enclosing scope has this setting."""
    here = scope_stack.current()
    return here is not None and here.settings.get(setting, False)

"""What surrounds an operation: whether it is recorded, by which module, and from which source line.

One context variable holds the innermost scope, None outside of all. Every recorded node keeps the
scope it was made in (`node.place`), which names it in drawings, verification and messages.
"""

from __future__ import annotations

import os
import sys
import zlib
from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any

import numpy as np

_innermost: ContextVar[scope | None] = ContextVar("valuegrad_scope", default=None)
current = _innermost.get


class scope:  # noqa: N801 - used like a function
    """Name the operations of a with-block, for drawings and messages; scopes nest.

    Args:
        name: a string, or an object with a method ``name_within(outer)`` that gives its name inside the
            object of the scope around, or by itself if `outer` is None. Modules are such objects.

    Attributes:
        outer: the scope around this one, or None.
        settings: what no_grad(), record_lines() and debug() ask for; empty in an ordinary scope.

    >>> from autograd import Value, scope
    >>> with scope("attention"), scope("scores"):
    ...     score = Value(2.0) * 3.0
    >>> score.place.path
    'attention.scores'
    """

    __slots__ = ("name", "outer", "settings", "token")

    def __init__(self, name: Any, settings: dict[str, bool] | None = None) -> None:
        self.name = name
        self.outer = outer = current()
        # Asked of every new node, so inherited here instead of looked up there.
        self.settings = settings if outer is None or not outer.settings else {**outer.settings, **(settings or {})}

    def __enter__(self) -> None:
        self.token = _innermost.set(self)

    def __exit__(self, *error: object) -> None:
        _innermost.reset(self.token)
        self.token = None

    @property
    def path(self) -> str:
        """The names of this scope and those around it, outermost first: ``"MLP.layers.0.neurons.3"``."""
        around = [self]
        while around[-1].outer is not None:
            around.append(around[-1].outer)
        names, outer = [], None
        for inner in reversed(around):
            if inner.name is not None:
                names.append(inner.name if inner.name.__class__ is str else inner.name.name_within(outer))
                outer = inner.name
        return ".".join(names)

    def __str__(self) -> str:
        return self.path


class Place:
    """Where one node was made: its scope, and its source line while lines are recorded.

    Attributes:
        scope: the scope around, or None.
        line: ``"file.py:12"``, or None.
        fingerprints: under debug(), (array, checksum) of each array that the node was computed from.
    """

    __slots__ = ("scope", "line", "fingerprints")
    with_fingerprints = False  # becomes True with the first of them

    def __init__(self, scope: scope, arrays: list[np.ndarray]) -> None:
        self.scope = scope
        self.line = source_line()
        self.fingerprints = [(array, checksum(array)) for array in arrays] if is_set("debug") else []
        if self.fingerprints:
            Place.with_fingerprints = True

    @property
    def path(self) -> str:
        return self.scope.path

    def __str__(self) -> str:
        return " at ".join(part for part in (self.path, self.line) if part)


def checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data) if array.size else 0


def source_line() -> str | None:
    """File and line of the innermost call that is not of this library."""
    here = os.path.dirname(os.path.abspath(__file__))
    inside = (here + os.sep, os.path.join(os.path.dirname(here), "nn") + os.sep)
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(inside):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


class setting(ContextDecorator):  # noqa: N801
    """Settings for the operations of a with-block or a decorated function."""

    def __init__(self, **settings: bool) -> None:
        self.settings = settings

    def _recreate_cm(self) -> setting:  # a decorated function enters anew at every call, in any thread
        return setting(**self.settings)

    def __enter__(self) -> None:
        self.scope = scope(None, self.settings)
        self.scope.__enter__()

    def __exit__(self, *error: object) -> None:
        self.scope.__exit__()


def no_grad() -> setting:
    """Compute without recording: ``with no_grad():`` or ``@no_grad()``. Results are leaves, and frozen.

    >>> from autograd import Value, no_grad
    >>> with no_grad():
    ...     (Value(2.0) * 3.0).op is None
    True
    """
    return setting(recording=False)


def record_lines() -> setting:
    """Remember the source line of every operation of a with-block; messages and drawings then name it."""
    return setting(lines=True)


def debug() -> setting:
    """Record slowly and check everything: ``with debug():``.

    Source lines are recorded; backward() raises if an array was changed in place through NumPy after it
    was recorded, or if a rule turns finite numbers into nan, and names the line that made the node.
    """
    return setting(lines=True, debug=True)


def is_set(name: str, default: bool = False) -> bool:
    """A setting of the scopes around."""
    here = current()
    return default if here is None or not here.settings else here.settings.get(name, default)


def describe(value: Any) -> str:
    """A Value in a message: its label, shape, op and place, as far as they are known."""
    name = f"the Value {value.label!r}" if value.label else "a Value"
    shape = f" of shape {value.shape}" if value.shape else ""
    op = f" computed by {value.op.name}" if value.op is not None else ""
    place = f" ({value.place})" if value.place is not None and str(value.place) else ""
    return name + shape + op + place

"""What surrounds an operation: whether it is recorded, by which module, and from which source line.

One context variable holds the innermost scope, None outside of all. Every recorded node keeps the
scope it was made in (`node.place`), which names it in drawings, verification and messages.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

_innermost: ContextVar[Scope | None] = ContextVar("valuegrad_scope", default=None)
current = _innermost.get


class Scope:
    """One surrounding of operations; scopes nest through `outer`.

    Attributes:
        outer: the scope around this one, or None.
        name: what it is called in paths: a module's class or place in its parent, or None.
        recording: False under no_grad().
        lines: True while source lines are recorded.
        special: True if new nodes need more than to be told their scope.
    """

    __slots__ = ("outer", "name", "recording", "lines", "debug", "special")

    def __init__(
        self,
        outer: Scope | None,
        name: Any = None,
        recording: bool | None = None,
        lines: bool = False,
        debug: bool = False,
    ) -> None:
        self.outer, self.name = outer, name
        if outer is not None:
            recording = outer.recording if recording is None else recording
            lines, debug = lines or outer.lines, debug or outer.debug
        self.recording, self.lines, self.debug = recording is not False, lines, debug
        self.special = recording is False or lines

    @property
    def path(self) -> str:
        """The modules around, outermost first: ``"MLP.layers.0.neurons.3"``."""
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            if scope.name is not None:
                around = None if scope.outer is None else scope.outer.nearest()
                names.append(scope.name if scope.name.__class__ is str else scope.name.name_within(around))
            scope = scope.outer
        return ".".join(reversed(names))

    def nearest(self) -> Any:
        """What names the innermost named scope from here on outwards."""
        return self.name if self.name is not None or self.outer is None else self.outer.nearest()

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

    def __init__(self, scope: Scope, arrays: list[np.ndarray]) -> None:
        self.scope = scope
        self.line = source_line()
        self.fingerprints = [(array, checksum(array)) for array in arrays] if scope.debug else []
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


class scope:  # noqa: N801 - used like a function
    """Name the operations of a with-block, for drawings and messages; scopes nest.

    Args:
        name: a string, or an object with a method ``name_within(outer)`` that gives its name inside the
            object of the scope around, or by itself if `outer` is None. Modules are such objects.

    >>> from autograd import Value, scope
    >>> with scope("attention"), scope("scores"):
    ...     score = Value(2.0) * 3.0
    >>> score.place.path
    'attention.scores'
    """

    __slots__ = ("name", "token")

    def __init__(self, name: Any) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.token = _innermost.set(Scope(current(), self.name))

    def __exit__(self, *error: object) -> None:
        _innermost.reset(self.token)


@contextmanager
def _within(**settings: Any) -> Iterator[None]:
    token = _innermost.set(Scope(current(), **settings))
    try:
        yield
    finally:
        _innermost.reset(token)


def no_grad() -> Any:
    """Compute without recording: ``with no_grad():`` or ``@no_grad()``. Results are leaves."""
    return _within(recording=False)


def record_lines() -> Any:
    """Remember the source line of every operation of a with-block; messages and drawings then name it."""
    return _within(lines=True)


def debug() -> Any:
    """Record slowly and check everything: ``with debug():``.

    Source lines are recorded; backward() raises if an array was changed in place through NumPy after it
    was recorded, or if a rule turns finite numbers into nan, and names the line that made the node.
    """
    return _within(lines=True, debug=True)


def is_recording() -> bool:
    """False under no_grad()."""
    here = current()
    return here is None or here.recording


def is_debugging() -> bool:
    """True under debug()."""
    here = current()
    return here is not None and here.debug


def describe(value: Any) -> str:
    """A Value in a message: its label, shape, op and place, as far as they are known."""
    name = f"the Value {value.label!r}" if value.label else "a Value"
    shape = f" of shape {value.shape}" if value.shape else ""
    op = f" computed by {value.op.name}" if value.op is not None else ""
    place = f" ({value.place})" if value.place is not None and str(value.place) else ""
    return name + shape + op + place

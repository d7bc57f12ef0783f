"""Find the line outside of nn that a warning points at: the call in the user's code."""

from __future__ import annotations

import os
import sys
from types import FrameType

import autograd

HERE = tuple(os.path.dirname(os.path.abspath(str(file))) + os.sep for file in (__file__, autograd.__file__))


def level_outside() -> int:
    """Return the stacklevel for ``warnings.warn()`` that points at the caller of nn."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and is_inside(frame):
        level, frame = level + 1, frame.f_back
    return level


def is_inside(frame: FrameType) -> bool:
    """Return whether a frame runs code of nn, of autograd, or of a program that autograd has compiled."""
    name, caller = frame.f_code.co_filename, frame.f_back
    return name.startswith(HERE) or (name.startswith("<") and caller is not None and caller.f_code.co_filename.startswith(HERE))

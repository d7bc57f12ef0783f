"""Find the line outside of nn that a warning points at: the call in the user's code."""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def level_outside() -> int:
    """Return the stacklevel for ``warnings.warn()`` that points at the caller of nn."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        level, frame = level + 1, frame.f_back
    return level

"""OpenBLAS, with which NumPy multiplies matrices: how many threads it uses."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

#: The function that tells the number of threads, in NumPy's wheels and in other builds.
NAMES = [f"{start}openblas_get_num_threads{end}" for start in ("scipy_", "") for end in ("64_", "")]


def find_threads() -> Any:
    """Return the function that tells the number of threads; None if NumPy uses another library, or an unknown build."""
    try:
        library = ctypes.CDLL(sys.modules["numpy._core._multiarray_umath"].__file__)
    except (OSError, KeyError):
        return None
    return next((getattr(library, name) for name in NAMES if hasattr(library, name)), None)


_threads = find_threads()


def has_one_thread() -> bool:
    """Whether OpenBLAS multiplies matrices in one thread."""
    return _threads is not None and _threads() == 1

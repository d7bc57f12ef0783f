"""Error settings: what ``with np.errstate(...)`` does, in a fifth of its time, for the straight-line code of a replay.

>>> import numpy as np
>>> token = set_errors(settings(all="ignore"))
>>> float(np.divide(1.0, 0.0))
inf
>>> reset_errors(token)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

settings: Callable[..., Any]
current: Callable[[], Any]  # the settings that hold now, another object if others hold
set_errors: Callable[[Any], Any]
reset_errors: Callable[[Any], Any]

try:  # NumPy keeps its settings in a variable of the context, which has no public name
    from numpy._core.umath import _extobj_contextvar, _make_extobj
except ImportError:
    settings, current = dict, object

    def set_errors(new: Any) -> Any:
        return np.seterr(**new)

    def reset_errors(token: Any) -> Any:
        np.seterr(**token)
else:
    settings, current = _make_extobj, _extobj_contextvar.get
    set_errors, reset_errors = _extobj_contextvar.set, _extobj_contextvar.reset

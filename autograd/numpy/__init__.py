"""NumPy's functions on Values: its dispatch protocols, its methods, and the errors where the protocols do not reach.

As a module, ``autograd.numpy`` has the names and objects of NumPy, whose functions dispatch to Values. So programs that import
this module in place of NumPy run, and plain ``import numpy as np`` does the same.

>>> import autograd.numpy as np
>>> from autograd import Value
>>> np.sum(np.sqrt(Value([4.0, 9.0]))).data
5.0
"""

from __future__ import annotations

from typing import Any

import numpy as np


def __getattr__(name: str) -> Any:
    return getattr(np, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(np)})

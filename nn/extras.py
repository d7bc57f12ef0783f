"""Import the packages of the extra `nn` where they are used, with an error that says how to install them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def extra(module: str, what: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: its full name, such as "sklearn.datasets".
        what: what needs it, for the error message.

    Raises:
        ImportError: if it is missing; says how to install it.

    >>> extra("math", "fit()").sqrt(4.0)
    2.0
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{what} needs {module.partition('.')[0]} ({error}): pip install 'valuegrad[nn]'") from error

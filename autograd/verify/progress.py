"""A progress bar of tqdm, for long checks."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


class Progress:
    """A bar over the parameters of a check.

    Args:
        total: the number of parameters.
        wanted: True for a bar, False for none, None for a bar on a terminal where tqdm is installed.

    Raises:
        ImportError: if `wanted` is True and tqdm is not installed; the message names the extra.
    """

    def __init__(self, total: int, wanted: bool | None) -> None:
        self.bar: Any = None
        if wanted or (wanted is None and sys.stderr.isatty()):
            try:
                from tqdm import tqdm
            except ImportError:
                if wanted:
                    raise ImportError("a progress bar needs tqdm: pip install 'valuegrad[demos]', or progress=False") from None
            else:
                self.bar = tqdm(total=total, unit=" parameters", leave=False)

    def step(self, name: str) -> None:
        if self.bar is not None:
            self.bar.set_postfix_str(name)
            self.bar.update()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.close()

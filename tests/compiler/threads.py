"""Run functions in threads that switch very often."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np


def in_threads(*workers: Callable[[np.random.Generator], Any]) -> None:
    """Run the workers in threads that switch very often, and raise their first error."""
    errors: list[BaseException] = []

    def guarded(worker: Callable[[np.random.Generator], Any], seed: int) -> None:
        try:
            worker(np.random.default_rng(seed))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(worker, seed)) for seed, worker in enumerate(workers)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]

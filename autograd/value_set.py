"""A registry of Values: it knows them by their id as long as they live."""

from __future__ import annotations

from typing import Any
from weakref import ref


class Registry(dict[int, ref[Any]]):
    """Weak references to Values by id. Unlike a WeakValueDictionary, it tests in C, without a call, whether it is empty."""

    def add(self, value: Any) -> None:
        key = id(value)
        self[key] = ref(value, lambda _: self.pop(key, None))

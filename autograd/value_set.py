"""A set of Values that does not keep them alive."""

from __future__ import annotations

from typing import Any
from weakref import ref


class ValueSet(dict[int, ref[Any]]):
    """Weak references to Values by id.

    A WeakSet would compare Values with ``==``, which is elementwise. A subclass of dict tests in C whether it is empty.
    """

    def add(self, value: Any) -> None:
        key = id(value)
        self[key] = ref(value, lambda _: self.pop(key, None))

    def __contains__(self, value: object) -> bool:
        return super().__contains__(id(value))

"""Hooks: functions that get the complete gradient of a Value in every backward pass, and may replace it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from itertools import chain
from typing import Any

from autograd.op import is_value, raw, shape_of
from autograd.ops.broadcasting import unbroadcast
from autograd.ops.inputs import describe, own_copy, real_array
from autograd.value_set import ValueSet

#: The Values that have hooks. The hooks themselves are in a slot of the Value, where Python's garbage collector finds the cycle
#: of a hook that refers to a result computed from the Value.
HOOKED = ValueSet()
NO_NOTES: dict[str, Any] = {}
#: The number of hook calls in this context; the transforms read it before and after a pass, to know whether it called any.
runs: ContextVar[int] = ContextVar("valuegrad_hook_runs", default=0)


class Hook:
    """A handle of a hook, returned by register_hook()."""

    def __init__(self, value: Any, hook: Callable[[Any], Any]) -> None:
        if not callable(hook):
            raise TypeError(f"register_hook() takes a function of the gradient, but got {hook!r}")
        HOOKED.add(value)
        self.hook, self.hooks = hook, notes_of(value).setdefault("hooks", [])
        self.hooks.append(self)

    def remove(self) -> None:
        """Remove the hook from its Value."""
        self.hooks[:] = [handle for handle in self.hooks if handle is not self]


def notes_of(value: Any) -> dict[str, Any]:
    """Return the dict in which a Value keeps its label and hooks; create it if it has neither."""
    if not hasattr(value, "_notes"):
        value._notes = {}
    return value._notes


def hooks_of(value: Any) -> list[Hook]:
    """Return the hooks of a Value in order of registration."""
    return getattr(value, "_notes", NO_NOTES).get("hooks", [])


def any_hooks(*values: Iterable[Any]) -> bool:
    """Whether any of the Values has hooks."""
    return bool(HOOKED) and any(map(hooks_of, chain(*values)))


def hooked(node: Any, g: Any) -> Any:
    """Return the gradient `g` of a Value after all its hooks. Each hook gets a copy, which it may change in place."""
    for handle in tuple(hooks_of(node)):  # one may remove itself
        runs.set(runs.get() + 1)
        changed = handle.hook(own_copy(g))
        if changed is not None:
            changed = changed if is_value(g) else raw(changed)
            if not is_value(changed):
                array = real_array(changed, "a hook's result")
                changed = array if array.ndim else float(array)
            if shape_of(changed) != node.shape:
                raise ValueError(f"a hook of {describe(node)} returned a gradient of shape {shape_of(changed)}: keep its shape")
            g = unbroadcast(changed, node._raw)
    return g

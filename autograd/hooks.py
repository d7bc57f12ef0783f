"""Hooks: functions that see, and may replace, the complete gradient of a Value in every backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from itertools import chain
from typing import Any

from autograd.graph import Registry
from autograd.op import is_value, raw, shape_of
from autograd.ops.broadcasting import unbroadcast
from autograd.ops.inputs import describe, own_copy, real_array

#: The Values that have hooks, by id. The hooks themselves are in a slot of the Value, where Python's collector sees a hook
#: that refers to what was computed from it.
HOOKED = Registry()
NONE: dict[str, Any] = {}
#: How often hooks have run in this context: compared before and after a pass it tells whether any did.
runs: ContextVar[int] = ContextVar("valuegrad_hook_runs", default=0)


class Hook:
    """The place of a hook among those of its Value: what register_hook() returns."""

    def __init__(self, value: Any, hook: Callable[[Any], Any]) -> None:
        if not callable(hook):
            raise TypeError(f"register_hook() takes a function of the gradient, but got {hook!r}")
        HOOKED.add(value)
        self.hook, self.hooks = hook, notes_of(value).setdefault("hooks", [])
        self.hooks.append(self)

    def remove(self) -> None:
        """Let the hook not be called any more."""
        self.hooks[:] = [handle for handle in self.hooks if handle is not self]


def notes_of(value: Any) -> dict[str, Any]:
    """Return the dict in which a Value keeps its label and its hooks, a new one if it has neither."""
    if not hasattr(value, "_notes"):
        value._notes = {}
    return value._notes


def hooks_of(value: Any) -> list[Hook]:
    """Return the hooks of a Value, in the order of their registration."""
    return getattr(value, "_notes", NONE).get("hooks", [])


def any_hooks(*values: Iterable[Any]) -> bool:
    """Whether one of some Values has hooks."""
    return bool(HOOKED) and any(map(hooks_of, chain(*values)))


def hooked(node: Any, g: Any) -> Any:
    """The gradient of a Value after its hooks. Each gets an array of its own: changing it in place changes nothing."""
    for handle in hooks_of(node):
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

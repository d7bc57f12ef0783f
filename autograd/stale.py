"""Refuse to differentiate a graph whose data changed after it was used: its gradient would be stale, and silently wrong."""

from __future__ import annotations

from typing import Any

from autograd.graph import inputs_of
from autograd.ops.inputs import checksum, describe
from autograd.scopes import Place
from autograd.value_set import ValueSet

changed = ValueSet()  # computed Values whose .data was set

STALE = "the data of {} changed after {}, so the gradient would be stale: call backward() before, or compute the output again"


def check_current(nodes: list[Any], leaves: list[Any]) -> None:
    """Raise ValueError if data was set after it was used or computed, or if, under debug(), an array was changed in place."""
    newest = 0
    for leaf in leaves:
        if leaf._clock > newest:
            newest = leaf._clock
    for node in nodes:
        if node._clock < newest:
            for item in inputs_of(node):
                if item._clock > node._clock:
                    raise ValueError(STALE.format(describe(item), f"{describe(node)} was computed from it"))
    for node in nodes if changed or Place.with_checksums else ():
        why = "it was computed" if node in changed else "it was recorded, in place through NumPy"
        if node in changed or any(checksum(a) != before for a, before in getattr(node.place, "checksums", ())):
            raise ValueError(STALE.format(describe(node), why))

"""Marks the nodes of a Picture: NaN, infinity, zero, exploding and vanishing gradients, dead units."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from autograd.drawing.picture import Node, Picture, plural
from autograd.graph import arguments_of

EXPLODING = 1e3  # times the median gradient of the picture, and at least this
VANISHING = 1e-8  # times the median, and at most this
RECTIFIERS = ("relu", "clip")


def with_marks(picture: Picture) -> Picture:
    """Return the picture with marks at its nodes, and notes on where NaN and infinity first appear."""
    sizes = [node.grad.rms for node in picture.nodes if node.grad is not None and 0.0 < node.grad.rms < np.inf]
    usual = median(sizes) if sizes else 0.0
    nodes = tuple(replace(node, marks=(*node.marks, *marks_of(node, usual))) for node in picture.nodes)
    in_order = sorted((node for node in nodes if node.data is not None and node.data.bad), key=lambda node: node.order)
    firsts: dict[str, Node] = {}  # of both kinds: NaN often results from infinities
    for node in in_order:
        if node.data is not None and node.data.bad > node.data.nans:
            firsts.setdefault("infinity", node)
        if node.data is not None and node.data.nans:
            firsts.setdefault("NaN", node)
    notes = [
        f"the first {what} is in {node.title or node.op or node.role}{f', at {node.line}' if node.line else ''}"
        for what, node in firsts.items()
    ]
    return replace(picture, nodes=nodes, notes=(*picture.notes, *notes))


def marks_of(node: Node, usual: float) -> list[str]:
    """Return the marks of one node, in a picture whose median gradient is `usual`."""
    found = []
    for summary in (node.data, node.grad):
        if summary is not None and summary.bad:
            found += ["nan"] * (summary.nans > 0) + ["inf"] * (summary.bad > summary.nans)
    grad = node.grad
    if grad is not None and grad.size and not grad.bad and node.role in ("leaf", "computed"):
        if grad.zeros == grad.size:
            found.append("zero gradient")
        elif grad.rms > EXPLODING * max(1.0, usual):
            found.append("exploding gradient")
        elif grad.rms < VANISHING * min(1.0, usual):
            found.append("vanishing gradient")
    return list(dict.fromkeys(found))


def dead_units(members: list[Any], units: list[Any]) -> str:
    """Return a note on rectified units that are zero for all samples; "" if there are none.

    A unit is a scalar, identified by its key in `units`, or a position on the last axis of a tensor (the second axis of
    four). The elements of a single vector may be units or samples, so they are not examined.
    """
    if members[0].op.name == "clip" and not is_rectifier(*arguments_of(members[0])):
        return ""
    alive: dict[Any, bool] = {}
    samples: dict[Any, int] = {}
    for value, unit in zip(members, units, strict=True):
        if value.ndim == 0 or (value.ndim == 1 and len(members) == 1):
            if unit is None:
                return ""
            alive[unit] = alive.get(unit, False) or bool(np.any(value._raw != 0.0))
            samples[unit] = samples.get(unit, 0) + 1
            continue
        data = np.moveaxis(value._raw, unit_axis(value.ndim), -1)
        rows = data.reshape(math.prod(data.shape[:-1]), data.shape[-1])
        for position, any_sample in enumerate((rows != 0.0).any(axis=0).tolist()):
            alive[unit, position] = alive.get((unit, position), False) or any_sample
            samples[unit, position] = samples.get((unit, position), 0) + len(rows)
    dead = sum(not item for item in alive.values())
    if not dead:
        return ""
    if len(alive) == 1 and max(samples.values()) == 1:
        return "it is zero, so no gradient passes"
    least, most = min(samples.values()), max(samples.values())
    if not most:
        return ""
    units_are = f"{dead:,} of {plural(len(alive), 'unit')} {'is' if dead == 1 else 'are'}"
    seen = "this sample" if most == 1 else f"all {most:,} samples" if least == most else "all samples"
    return f"{units_are} zero for {seen}"


def unit_axis(ndim: int) -> int:
    """Return the axis of an activation that numbers its units: the last; for images the second, the channels."""
    return 1 if ndim == 4 else ndim - 1


def is_rectifier(x: Any, low: Any, high: Any) -> bool:
    """Return whether a clip is the one that ``np.maximum(x, 0.0)`` is recorded as."""
    return high is None and isinstance(low, (int, float, np.ndarray)) and not np.any(low)

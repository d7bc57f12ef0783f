"""Undo broadcasting: the cotangent of an input that was repeated is the sum over its copies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.op import is_value, shape_of
from autograd.ops.elementwise import astype
from autograd.ops.reductions import _sum, sum_of_rows
from autograd.ops.shapes import broadcast_to, reshape


def unbroadcast(c: Any, data: Any) -> Any:
    """Return the cotangent `c` of an input in the shape and dtype of its `data`.

    Raises:
        ValueError: if a rule gave a cotangent that is too small, or of a shape that does not broadcast with the input's.
    """
    if data.__class__ is float and (c.__class__ is float or getattr(c, "_raw", None).__class__ is float):
        return c
    shape, given = shape_of(data), shape_of(c)
    if len(given) > len(shape) and given[len(given) - len(shape) :] == shape:  # as of a bias: without the checks below
        if len(given) == 2 and c.__class__ is np.ndarray and shape:
            c = sum_of_rows(c)
        else:
            c = _sum.prepared(c, tuple(range(len(given) - len(shape))), False)
    elif given != shape:
        try:
            full = np.broadcast_shapes(given, shape)
        except ValueError:
            full = None
        if full is None or (given != () and math.prod(full) > math.prod(given)):
            raise ValueError(
                f"a rule gave a cotangent of shape {given} for an input of shape {shape}: expected that, or one it broadcasts to"
            )
        lead = len(full) - len(shape)
        axes = tuple(i for i, length in enumerate(full) if i < lead or (shape[i - lead] == 1 and length != 1))
        c = broadcast_to(c, full) if given != full else c
        c = _sum(c, axes, True) if axes else c
        c = reshape(c, shape) if lead else c  # on Values, one node fewer if there are no new axes
    if data.__class__ is float:
        return c if c.__class__ is float or is_value(c) else c.item()
    return c if c.dtype == data.dtype else astype(c, data.dtype)

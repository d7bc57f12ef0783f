"""Apply the derivative rules of one node: what each of its inputs receives from the cotangent of its output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import compress
from typing import Any

import numpy as np

from autograd.op import FLOAT_ERRORS, Op, is_value, raw, shape_of
from autograd.ops.broadcasting import unbroadcast
from autograd.ops.elementwise import where
from autograd.ops.inputs import has_nan, is_finite
from autograd.ops.reductions import spread


def contributions(
    node: Any, g: Any, out: Any, args: Any, needed: Any = None, masked: bool = False, rules: Any = None
) -> Iterator[Any]:  # fmt: skip
    """Yield (input, its cotangent) for the inputs of a node that are Values, and in `needed` if that is given.

    If the op is not packed, the second input comes first, as in Pullback.numeric(), so that sums are the same to the last bit.
    `rules` are some of the op's, by default all.
    """
    op, kind, custom = node.op, node.__class__, node.op.kind == "custom"
    recorded, every = (node._x, op.rules) if op.packed else ((node._x, node._y), op.rules[::-1])
    apply = masked_rule if masked else plain_rule
    g = read_only(g) if custom else g
    for position, rule in rules or every:
        item = recorded[position]
        if item.__class__ is kind and (needed is None or item in needed):
            c = apply(op, rule, g, out, args)
            yield item, checked_cotangent(op, c, item, out) if custom else c
        elif item.__class__ is tuple:
            chosen = [part.__class__ is kind and (needed is None or part in needed) for part in item]
            pairs = zip(item, apply(op, rule, g, out, args), strict=True) if any(chosen) else ()
            for part, c in compress(pairs, chosen):
                yield part, checked_cotangent(op, c, part, out) if custom else c


def accumulate(item: Any, c: Any, owned: set[Any], *others: Any) -> None:
    """Add `c` to the cotangent in the slot of a Value, in place if the pass allocated the array there (`item in owned`).

    A rule may also return one of the `others`, or a view, which must not change.
    """
    data, held = item._raw, item._scratch
    if not (c.__class__ is data.__class__ is np.ndarray and c.shape == data.shape and c.dtype is data.dtype):
        c = unbroadcast(c, data)
    if held is None:
        item._scratch = c
        if c.__class__ is np.ndarray and c.base is None:
            for other in others:
                if other is c:
                    return
            owned.add(item)
    elif item in owned:
        item._scratch += c
    else:
        item._scratch = held + c
        owned.add(item)


def plain_rule(op: Op, rule: Callable[..., Any], g: Any, out: Any, args: tuple[Any, ...]) -> Any:
    """Call a rule; with NumPy's floats, which give inf or nan, if Python's raise."""
    try:
        return rule(g, out, *args)
    except FLOAT_ERRORS:
        return rule(*(np.float64(item) if item.__class__ is float else item for item in (g, out, *args)))


def masked_rule(op: Op, rule: Callable[..., Any], g: Any, out: Any, args: tuple[Any, ...]) -> Any:
    """Call a rule; the result is zero where the cotangent is exactly zero and the slope is inf or nan."""
    if op.masked is not None:
        return op.masked(g, out, *args)
    zero = np.equal(raw(g), 0.0)
    if op.kind not in ("elementwise", "reduction", "softmax") or not zero.any():
        return plain_rule(op, rule, g, out, args)
    with np.errstate(all="ignore"):
        c = plain_rule(op, rule, g, out, args)
        c = where((spread(zero, *args[:3]) if op.kind == "reduction" else zero) & np.isnan(raw(c)), 0.0, c)
    if not is_finite(raw(c)):
        with np.errstate(invalid=None if has_nan(raw(c)) else "ignore"):  # masked elements may have been undefined
            plain_rule(op, rule, *map(raw, (g, out, args)))  # once more, for errstate to report the others
    return c


def read_only(g: Any) -> Any:
    """Return a view of a cotangent that a rule cannot write to, as that would change other gradients."""
    if g.__class__ is np.ndarray:
        g = g.view()
        g.flags.writeable = False
    return g


def checked_cotangent(op: Op, c: Any, item: Any, out: Any) -> Any:
    """Return the cotangent `c` that a rule of a custom operation gave for an input, after checks of its class and shape."""
    if isinstance(c, (int, np.floating, np.integer)) and not isinstance(c, bool):
        c = float(c)
    if c.__class__ is not float and c.__class__ is not np.ndarray and not is_value(c):
        raise TypeError(
            f"a rule of {op.name}() returned {type(c).__name__}: it returns the cotangent of its argument, a number or an array"
        )
    if shape_of(c) not in ((), item.shape, shape_of(out)):
        raise ValueError(
            f"a rule of {op.name}() gave a cotangent of shape {shape_of(c)} for an input of shape {item.shape}: expected "
            f"the shape of the input, or that of the output, {shape_of(out)}, if the engine is to undo broadcasting"
        )
    return np.broadcast_to(c, item.shape) if c.__class__ is float and item.shape else c

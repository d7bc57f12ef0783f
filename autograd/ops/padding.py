"""np.pad() in all modes: constants, copies of elements, ramps, and statistics of the elements at an edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd.op import is_value, shape_of
from autograd.ops.define import composed, primitive
from autograd.ops.inputs import holds_value
from autograd.ops.order import median
from autograd.ops.reductions import _max, _mean, _min
from autograd.ops.shapes import _put_back, as_array, as_floats, broadcast_to, concatenate, flip, linspace, numbered, squeeze

#: The arguments of each mode, other than the widths, with their defaults.
MODES: dict[str, dict[str, Any]] = {
    "constant": {"constant_values": 0.0}, "edge": {}, "reflect": {"reflect_type": "even"}, "symmetric": {"reflect_type": "even"},
    "wrap": {}, "empty": {}, "linear_ramp": {"end_values": 0.0},
    **{name: {"stat_length": None} for name in ("mean", "median", "maximum", "minimum")},
}  # fmt: skip

STATISTICS: dict[str, Callable[..., Any]] = {
    "mean": lambda x, axis: _mean(x, axis, True), "median": lambda x, axis: median(x, axis, keepdims=True),
    "maximum": lambda x, axis: _max(x, axis, True), "minimum": lambda x, axis: _min(x, axis, True),
}  # fmt: skip


def pad_rule(g: Any, out: Any, array: Any, width: Any, mode: str) -> Any:
    """Add up the cotangents of the copies of each element; np.pad of 1, 2, 3, ... tells where they are."""
    return _put_back(g, shape_of(array), np.pad(numbered(shape_of(array)), width, mode))  # type: ignore[call-overload]


@primitive("shape", array=pad_rule)
def _pad(array: Any, width: Any, mode: str) -> Any:
    """The operation of pad(), with zeros or copies of elements."""
    return np.pad(array, width, mode)  # type: ignore[call-overload]


@composed
def pad(array: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Any:
    """Add elements before and after each axis: constants, ramps, statistics, or copies of elements of `array`.

    Modes: constant (with `constant_values`), edge, reflect and symmetric (`reflect_type`), wrap, empty, linear_ramp
    (`end_values`), mean, median, maximum and minimum (`stat_length`). Constants and end values may be Values.
    """
    array = as_array(array)
    ndim = len(np.shape(array))
    if mode not in MODES or kwargs.keys() - MODES[mode].keys():
        got = f"mode={mode!r}" + "".join(f" with {name}={value!r}" for name, value in kwargs.items())
        raise TypeError(f"pad() of a Value takes the modes {', '.join(MODES)}, with the arguments that NumPy has, but got {got}")
    extra = next(iter({**MODES[mode], **kwargs}.values()), None)
    if isinstance(pad_width, dict):
        pairs = {normalize_axis_index(axis, ndim): pair for axis, pair in pad_width.items()}
        pad_width = [np.broadcast_to(pairs.get(axis, 0), 2).tolist() for axis in range(ndim)]
    width = np.array(pad_width)
    if mode in STATISTICS and (is_value(extra) or holds_value(extra)):
        raise TypeError("pad() takes plain integers as stat_length, the number of elements that count, but got a Value")
    if mode in ("reflect", "symmetric") and extra not in ("even", "odd"):
        raise ValueError(f"pad() takes 'even' or 'odd' as reflect_type, but got {extra!r}")
    if mode in ("edge", "wrap", "empty") or (mode in ("reflect", "symmetric") and extra == "even"):
        return _pad(array, width, "constant" if mode == "empty" else mode)
    zeros = mode == "constant" and not is_value(extra) and not holds_value(extra) and not np.any(extra)
    if zeros or not ndim or not np.any(width):
        return _pad(array, width, "constant")
    np.pad(np.zeros((1,) * ndim), width)  # raises NumPy's errors
    array = as_floats(array)  # integers would truncate the padding
    extras = pairs_per_axis(extra, ndim)
    for axis, (before, after) in enumerate(np.broadcast_to(width, (ndim, 2)).tolist()):
        if before or after:
            array = concatenate(beside(array, axis, before, after, mode, extras[axis]), axis)
    return array


def pairs_per_axis(extra: Any, ndim: int) -> list[tuple[Any, Any]]:
    """The two arguments of a mode for each axis: before and after the array."""
    if extra is None or isinstance(extra, str):
        return [(extra, extra)] * ndim
    pairs = broadcast_to(as_array(extra), (ndim, 2))
    if not is_value(pairs):
        return [(first, last) for first, last in pairs.tolist()]  # Python's numbers do not promote arrays
    return [(pairs[axis, 0], pairs[axis, 1]) for axis in range(ndim)]


def beside(x: Any, axis: int, before: int, after: int, mode: str, extra: Any) -> list[Any]:
    """The array with the padding of a mode before and after it, along one axis."""
    shape = shape_of(x)
    lead = (slice(None),) * axis

    def part(start: int, stop: int | None) -> Any:
        return x[(*lead, slice(start, stop))]

    def repeated(y: Any, count: int) -> Any:
        y = broadcast_to(y, (*shape[:axis], count, *shape[axis + 1 :]))
        return y if is_value(y) else y.astype(x.dtype)

    if mode == "constant":
        return [repeated(extra[0], before), x, repeated(extra[1], after)]
    if mode in ("reflect", "symmetric"):
        return odd(x, axis, before, after, mode)
    if mode == "linear_ramp":
        edges = ((extra[0], part(0, 1), before), (extra[1], part(shape[axis] - 1, None), after))
        head, tail = (squeeze(linspace(*edge, False, axis=axis), axis + 1) for edge in edges)
        return [head, x, flip(tail, axis)]
    first, last = (shape[axis] if length is None else min(int(length), shape[axis]) for length in extra)
    if mode in ("maximum", "minimum") and not (first and last):
        raise ValueError("pad() got a stat_length of 0, but a maximum or minimum needs at least one element")
    statistics = (STATISTICS[mode](item, axis) for item in (part(0, first), part(shape[axis] - last, None)))
    return [repeated(next(statistics), before), x, repeated(next(statistics), after)]


def odd(x: Any, axis: int, before: int, after: int, mode: str) -> list[Any]:
    """The array point-reflected at its ends, repeatedly until it is long enough; "symmetric" repeats the ends."""
    period, first = shape_of(x)[axis], 0 if mode == "symmetric" else 1
    lead = (slice(None),) * axis
    if period == 1:  # copies of the only element, as in NumPy
        return [concatenate([x] * (before + 1 + after), axis)]
    while before or after:
        length, cycle = shape_of(x)[axis], period - first
        whole = (length - first) // cycle * cycle
        left, right = min(whole, before), min(whole, after)
        ends = x[(*lead, slice(0, 1))], x[(*lead, slice(length - 1, None))]
        parts = slice(first, first + left), slice(length - first - right, length - first)
        head, tail = (2.0 * end - flip(x[(*lead, part)], axis) for end, part in zip(ends, parts, strict=True))
        x = concatenate([head, x, tail], axis)
        before, after = before - left, after - right
    return [x]

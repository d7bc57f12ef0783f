"""Running products and extremes, and folds of other functions of two numbers, along an axis.

The derivatives of products do without division, and no intermediate product overflows or underflows: where that could
happen, numbers are pairs of a fraction and an exponent of 2 of any size.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.op import raw, shape_of
from autograd.ops.define import primitive
from autograd.ops.elementwise import where as where_
from autograd.ops.shapes import broadcast_to, inverse, reshape, stack, transpose, unstack

# --- numbers of any size --------------------------------------------------------------------------
# An array of such numbers has a first axis of length 2, for fractions and exponents, and a second axis for the
# coefficients of 1, t1, t2, t1 t2, t3, ..., where the square of every t counts as 0: the product of the sums
# x + t1 c1 + t2 c2 then has the derivatives of the product of x in the directions c as its coefficients.

LOWEST = -(2.0**40)  # the exponent of 0, below all others


def scaled(x: Any, exponents: Any = 0.0) -> Any:
    """``x * 2 ** exponents`` as fractions between 1/2 and 1 and their exponents."""
    fractions, more = np.frexp(x)
    return np.stack([fractions, np.where(fractions == 0.0, LOWEST, more + exponents)])


def unscaled(a: Any) -> Any:
    """The same numbers as floats; inf or 0 for numbers that are too large or too small."""
    return np.ldexp(a[0], np.clip(a[1], -9999.0, 9999.0).astype(np.int32))


def added(*parts: Any) -> Any:
    """The sum of arrays of scaled numbers."""
    largest = functools.reduce(np.maximum, [part[1] for part in parts])
    shifts = [np.maximum(part[1] - largest, -9999.0).astype(np.int32) for part in parts]
    return scaled(sum(np.ldexp(part[0], shift) for part, shift in zip(parts, shifts, strict=True)), largest)


def times(a: Any, b: Any) -> Any:
    """The product, coefficient by coefficient, from the coefficients of all pairs of disjoint sets of t."""
    if a.shape[1] == 1:
        return scaled(a[0] * b[0], a[1] + b[1])
    out = []
    for wanted in range(a.shape[1]):
        halves = [(mine, wanted ^ mine) for mine in range(wanted + 1) if mine & wanted == mine]
        out.append(added(*(scaled(a[0, mine] * b[0, other], a[1, mine] + b[1, other]) for mine, other in halves)))
    return np.stack(out, 1)


def factors(x: Any, directions: Any) -> Any:
    """``x + t1 c1 + t2 c2 + ...``"""
    out = np.zeros((2 ** len(directions), *np.shape(x)))
    out[0] = x
    for place, direction in enumerate(directions):
        out[2**place] = direction
    return scaled(out)


def shifted(first: float, a: Any) -> Any:
    """`a` moved by one place along the last axis, with the number `first` in front and without its last element."""
    start = np.zeros((*a.shape[1:-1], 1))
    start[0] = first
    return np.concatenate([scaled(start), a[..., :-1]], -1)


def doubling(length: int) -> Any:
    """1, 2, 4, ... below `length`."""
    return itertools.takewhile(lambda step: step < length, (2**power for power in itertools.count()))


BLOCK = 512  # fractions, whose product is a float: at least 2 ** -512


def running(a: Any) -> Any:
    """The products of the first 1, 2, ... elements along the last axis."""
    length = a.shape[-1]
    if a.shape[1] == 1 and length > BLOCK:  # in blocks, 20x faster than by doubling
        ones = scaled(np.ones((*a.shape[1:-1], -length % BLOCK)))
        rows = np.concatenate([a, ones], -1).reshape(*a.shape[:-1], -1, BLOCK)
        rows = scaled(np.cumprod(rows[0], -1), np.cumsum(rows[1], -1))
        return times(rows, shifted(1.0, running(rows[..., -1]))[..., None]).reshape(*a.shape[:-1], -1)[..., :length]
    for step in doubling(length):
        a = np.concatenate([a[..., :step], times(a[..., step:], a[..., :-step])], -1)
    return a


def recurrence(a: Any, b: Any) -> Any:
    """h with ``h[i] = b[i] + a[i] h[i-1]`` along the last axis."""
    for step in doubling(a.shape[-1]):
        b = np.concatenate([b[..., :step], added(b[..., step:], times(a[..., step:], b[..., :-step]))], -1)
        a = np.concatenate([a[..., :step], times(a[..., step:], a[..., :-step])], -1)
    return b


# --- products -------------------------------------------------------------------------------------


def products_rule(g: Any, out: Any, values: Any) -> Any:
    """_products_slope() for x and each direction, with `g` in place of that direction."""
    x, *directions = values
    slopes = [_products_slope((g, x, *directions[:k], *directions[k + 1 :])) for k in range(len(directions))]
    return _products_slope((g, x, *directions)), *slopes


def slope_rule(h: Any, out: Any, values: Any) -> Any:
    """The gradients of ``sum(h * out)``, the sum of g times the derivative of the products in the directions and h."""
    g, x, *directions = values
    slopes = [_products_slope((g, x, *directions[:k], h, *directions[k + 1 :])) for k in range(len(directions))]
    return _running_products((x, *directions, h)), _products_slope((g, x, *directions, h)), *slopes


def in_a_tuple(values: Any) -> tuple[Any, ...]:
    """The arguments of an op that takes its inputs as one tuple."""
    return (tuple(values),)


@primitive("linear", in_a_tuple, symbol="cumprod({})", values=products_rule)
def _running_products(values: Any) -> Any:
    """The products of the first 1, 2, ... elements of x along the last axis, for values ``(x,)``.

    For ``(x, c1, c2, ...)``, their mixed derivative in the directions c1, c2, ..., once in each.
    """
    x, *directions = values
    if not directions:
        return np.cumprod(x, -1)
    return unscaled(running(factors(x, directions))[:, -1]).astype(x.dtype, copy=False)


@primitive("linear", in_a_tuple, values=slope_rule)
def _products_slope(values: Any) -> Any:
    """The gradient with respect to x of the sum of ``g * _running_products((x, c1, c2, ...))``, for ``(g, x, c1, c2, ...)``.

    For each element it is the product of all elements before, times h, where ``h[i] = g[i] + x[i+1] h[i+1]``.
    """
    g, x, *directions = values
    g = np.broadcast_to(g, x.shape)
    if not directions and moderate(g, x):
        one = np.ones((*x.shape[:-1], 1), x.dtype)
        ahead, slopes = np.concatenate([one, x[..., :0:-1]], -1), g[..., ::-1]
        for step in doubling(x.shape[-1]):
            slopes = np.concatenate([slopes[..., :step], slopes[..., step:] + ahead[..., step:] * slopes[..., :-step]], -1)
            ahead = np.concatenate([ahead[..., :step], ahead[..., step:] * ahead[..., :-step]], -1)
        return np.concatenate([one, np.cumprod(x[..., :-1], -1)], -1)[..., : x.shape[-1]] * slopes[..., ::-1]
    a = factors(x, directions)
    cotangents = np.zeros(a.shape[1:])
    cotangents[0] = g
    if g[..., :-1].any():
        behind = recurrence(shifted(0.0, a[..., ::-1]), scaled(cotangents)[..., ::-1])[..., ::-1]
    else:  # of the product of all
        behind = times(scaled(cotangents[..., -1:]), shifted(1.0, running(a[..., ::-1])))[..., ::-1]
    return unscaled(times(shifted(1.0, running(a)), behind)[:, -1]).astype(x.dtype, copy=False)


def moderate(g: Any, x: Any) -> bool:
    """Whether no product of any of these numbers can overflow or underflow."""
    with np.errstate(divide="ignore", invalid="ignore"):
        powers, more = (np.where(item == 0.0, 0.0, np.abs(np.log2(np.abs(item)))) for item in (x, g))
        size = np.sum(powers, -1) + np.max(more, -1, initial=0.0)
        return bool(np.all(size < 0.9 * np.finfo(x.dtype).maxexp))  # False for a nan


def in_rows(x: Any, axis: Any) -> tuple[Any, Any]:
    """`x` with the axes of a reduction joined to the last one, and a function that undoes that."""
    shape = shape_of(x)
    axes = range(len(shape)) if axis is None else axis if axis.__class__ is tuple else (axis,)
    reduced = [place % len(shape) for place in axes]
    order = (*(place for place in range(len(shape)) if place not in reduced), *reduced)
    moved = transpose(x, order)
    lengths = shape_of(moved)
    rows = reshape(moved, (*lengths[: len(shape) - len(reduced)], math.prod(shape[place] for place in reduced)))
    return rows, lambda y: transpose(reshape(y, lengths), inverse(order))


def product_of_others(x: Any, axis: Any) -> Any:
    """For each element of `x`, the product of all others over `axis`, without division."""
    if not shape_of(x):
        return 1.0
    rows, back = in_rows(x, axis)
    last = np.zeros(shape_of(rows)[-1:], rows.dtype)
    last[-1:] = 1.0
    return back(_products_slope((broadcast_to(last, shape_of(rows)), rows)))


# --- extremes -------------------------------------------------------------------------------------


def same_numbers(x: Any, y: Any) -> Any:
    """Where two arrays are equal, or both nan."""
    return (x == y) | ((x != x) & (y != y))


def extremes_rule(g: Any, out: Any, x: Any, axis: int, name: str) -> Any:
    """Each extreme shares its cotangent equally among the elements before it that equal it."""
    data, best = raw(x), np.moveaxis(raw(out), axis, -1)
    changes = np.ones(best.shape, bool)
    changes[..., 1:] = ~same_numbers(best[..., 1:], best[..., :-1])
    runs = np.moveaxis(np.cumsum(changes, -1), -1, axis)
    hits = same_numbers(data, raw(out)).astype(float)
    return _run_sums(g / _run_sums(hits, runs, axis, False), runs, axis, True) * hits


@primitive("shape", x=extremes_rule)
def _running_extremes(x: Any, axis: int, name: str) -> Any:
    """The method accumulate() of np.maximum, minimum, fmax or fmin, by name."""
    return getattr(np, name).accumulate(x, axis)


@primitive("linear", x=lambda g, out, x, runs, axis, backwards: _run_sums(g, runs, axis, not backwards))
def _run_sums(x: Any, runs: Any, axis: int, backwards: bool) -> Any:
    """The running sums along `axis`, which restart from 0 where `runs` changes; from the end if `backwards`."""
    turn = slice(None, None, -1 if backwards else 1)
    sums, runs = (np.moveaxis(item, axis, -1)[..., turn] for item in (x, runs))
    for step in doubling(sums.shape[-1]):
        more = np.where(runs[..., step:] == runs[..., :-step], sums[..., :-step], 0.0)
        sums = np.concatenate([sums[..., :step], sums[..., step:] + more], -1)
    return np.moveaxis(sums[..., turn], -1, axis).astype(x.dtype, copy=False)


# --- the methods of ufuncs ------------------------------------------------------------------------

EXTREMES = ("maximum", "minimum", "fmax", "fmin")


def accumulated(ufunc: np.ufunc, function: Callable[..., Any], x: Any, axis: int) -> Any:
    """ufunc.accumulate() with our function of two inputs."""
    ufunc.accumulate(raw(x), axis)  # raises NumPy's errors
    if ufunc.__name__ in EXTREMES:
        return _running_extremes(x, axis, ufunc.__name__)
    layers = list(itertools.accumulate(unstack(x, axis=axis), function))
    return stack(layers, axis) if layers else x


def reduced(
    ufunc: np.ufunc, function: Callable[..., Any], x: Any, axis: Any,
    keepdims: bool = False, initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """ufunc.reduce() with our function of two inputs."""
    if ufunc.__name__ in ("power", "arctan2"):
        raise TypeError(
            f"np.{ufunc.__name__}.reduce() of a Value is not defined: NumPy's own result depends on the layout in memory. "
            f"Write functools.reduce(np.{ufunc.__name__}, v), from the first element to the last"
        )
    start = {} if initial is None else {"initial": raw(initial)}
    shape = np.shape(ufunc.reduce(raw(x), axis, keepdims=keepdims, where=raw(where), **start))  # may raise
    if where is not True:
        neutral = initial if ufunc.__name__ in EXTREMES else ufunc.identity
        if neutral is None:
            raise TypeError(f"np.{ufunc.__name__}.reduce() of a Value has no where=: choose elements by an index or np.where()")
        x = where_(where, x, neutral)
    rows = in_rows(x, axis)[0] if shape_of(x) else reshape(x, (1,))
    if ufunc.__name__ in EXTREMES and shape_of(rows)[-1]:
        rows = _running_extremes(rows, -1, ufunc.__name__)[..., -1:]
    layers = [*([] if initial is None else [initial]), *(rows[..., k] for k in range(shape_of(rows)[-1]))]
    return reshape(functools.reduce(function, layers) if layers else np.full(shape, float(ufunc.identity)), shape)


def reduced_at(ufunc: np.ufunc, function: Callable[..., Any], x: Any, indices: Any, axis: int) -> Any:
    """ufunc.reduceat(): `function` reduces each part between indices along an axis."""
    indices = np.asarray(raw(indices))
    ufunc.reduceat(raw(x), indices, axis)  # raises NumPy's errors
    ends = [*indices[1:].tolist(), shape_of(x)[axis]]
    parts = [slice(start, max(end, start + 1)) for start, end in zip(indices.tolist(), ends, strict=True)]
    lead = (slice(None),) * (axis % len(shape_of(x)))
    return stack([function(x[(*lead, part)], axis) for part in parts], axis)

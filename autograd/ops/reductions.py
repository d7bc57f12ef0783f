"""Sums, means, extremes and the softmax family over axes, with their derivative rules.

`axis` is an int, a tuple of ints, or None for all axes; `keepdims` keeps reduced axes with length 1.
The softmax family subtracts the largest element first, so that no exponential overflows.

Operations with rules come first (`_max`); below, functions with NumPy's signatures call them (`max`).
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any

import numpy as np

from autograd.op import DOUBLE, MANY, SINGLE, is_value, raw, shape_of
from autograd.ops.define import composed, in_float32, primitive
from autograd.ops.elementwise import LN2, astype, exp, float_dtype, log, mul, sqrt, square, sub
from autograd.ops.elementwise import where as where_
from autograd.ops.kinks import maximum, minimum
from autograd.ops.scans import _running_products, product_of_others
from autograd.ops.shapes import (
    as_array,
    as_floats,
    broadcast_to,
    expand_dims,
    moveaxis,
    plain_axis,
    reshape,
    squeeze,
    transpose,
)

#: So many float32 numbers may be added one after the other: their sum is off by a few roundings.
FEW = 64


def in_double(function: Any, x: Any, axis: Any, pairwise: bool = True, **named: Any) -> Any:
    """Call a function of NumPy that sums over `axis`, in float64 for many elements of float32.

    Contiguous elements that NumPy adds `pairwise` stay in float32, which is then accurate enough, as are few elements.
    """
    if x.__class__ is np.ndarray and x.dtype.char == "f" and x.size > MANY and not (pairwise and adds_well(x, axis)):
        return function(x, axis, dtype=DOUBLE, **named).astype(SINGLE)
    return function(x, axis, **named)


def adds_well(x: Any, axis: Any) -> bool:
    """Whether NumPy adds few numbers along `axis`, or adds pairwise: numbers that are contiguous, in any order of the axes."""
    if (axis is None or axis in (-1, x.ndim - 1)) and x.flags.c_contiguous:
        return True
    axes = range(x.ndim) if axis is None else [n % x.ndim for n in (axis if axis.__class__ is tuple else (axis,))]
    count = math.prod([x.shape[n] for n in axes])
    run = 1  # of numbers next to each other that are added
    for n in sorted(axes, key=x.strides.__getitem__):
        if x.strides[n] == run * x.itemsize or x.shape[n] == 1:
            run *= x.shape[n]
    return count <= FEW or run == count


def total(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """np.sum(), in half the time on small arrays."""
    if x.__class__ is np.ndarray and x.dtype.char == "f" and x.size > MANY:
        if axis == 0 and not keepdims and x.flags.c_contiguous and len(x) >= 2 * FEW:
            return sum_in_folds(x)
        return in_double(np.add.reduce, x, axis, keepdims=keepdims)
    add: Any = np.add.reduce
    return add(x, axis, keepdims=keepdims)


def sum_of_rows(x: np.ndarray) -> np.ndarray:
    """``x.sum(axis=0)`` for a matrix; for a small one by a product, in a quarter of the time."""
    if x.dtype.char == "e":
        return _sum(x, 0)  # which adds float16 numbers in float32
    if x.ndim != 2 or x.dtype.char not in "fd":
        return total(x, 0)
    # Sums of few numbers need no double precision; BLAS would use threads for large matrices.
    if x.size <= (MANY if len(x) > 512 else 2 * MANY):
        return np.dot(ones(len(x), x.dtype), x)
    return sum_in_folds(x) if x.flags.c_contiguous and len(x) >= 2 * FEW else total(x, 0)


def sum_in_folds(x: np.ndarray) -> np.ndarray:
    """``x.sum(axis=0)``, first of rows that are far from each other, with the rows between them as one long row.

    Long rows take less time, a ninth for columns of 10, and sums of sums are as accurate as those in float64, rounded.
    """
    between = len(x) // FEW
    rows = np.add.reduce(x[: FEW * between].reshape(FEW, -1), 0).reshape(between, *x.shape[1:])
    out = np.add.reduce(rows, 0, DOUBLE)
    if len(x) > FEW * between:
        out += np.add.reduce(x[FEW * between :], 0)
    return out.astype(x.dtype)


new_ones = np.ones  # while a function is compiled, np.ones() is recorded


@functools.lru_cache(64)
def ones(length: int, dtype: Any) -> np.ndarray:
    """An array of ones that nobody changes."""
    found = new_ones(length, dtype)
    found.flags.writeable = False
    return found


def spread(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """`g`, which has the shape of a reduction of `x`, with the reduced axes restored as axes of length 1."""
    return g if keepdims or axis is None or shape_of(x) == () else expand_dims.prepared(g, axis)  # a number broadcasts anyway


def spread_over(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """`g` repeated over the reduced axes, to the shape of `x`; one number in the dtype of `x`, as a view."""
    if g.__class__ is float and x.__class__ is np.ndarray:
        return repeated(g, x)
    return broadcast_to.prepared(spread(g, x, axis, keepdims), shape_of(x))


def repeated(number: float, x: Any) -> Any:
    """A read-only view of one number in the shape and dtype of an array."""
    if type(number) is float:  # a fifth of the time of np.broadcast_to(), but no NumPy call that a stand-in could record
        out: Any = np.ndarray(x.shape, x.dtype, np.array(number, x.dtype), 0, (0,) * x.ndim)
        out.flags.writeable = False
        return out
    return np.broadcast_to(number if x.dtype is DOUBLE else np.positive(number, dtype=x.dtype), x.shape)


def elements_averaged(x: Any, out: Any) -> float:
    """The number of elements of `x` in one element of its mean `out`."""
    return math.prod(shape_of(x)) / (math.prod(shape_of(out)) or 1)


def extreme_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Ties share the gradient equally, the subgradient of least norm; the shares have no derivative."""
    data, best = raw(x), spread(raw(out), x, axis, keepdims)
    hit = (data == best) | ((data != data) & (best != best))  # nan is the extreme of elements with a nan
    share = hit / np.sum(hit, axis, keepdims=True).astype(np.asarray(data).dtype)
    return spread(g, x, axis, keepdims) * share


def logsumexp_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """The softmax of x times g; 0 where all elements are -inf, and equal shares where some are inf."""
    g, out = spread(g, x, axis, keepdims), raw(spread(out, x, axis, keepdims))
    infinite = np.isinf(out)
    if not infinite.any():
        return g * softmax(x, axis)  # not exp(x - out), because out is rounded
    top = raw(x) == np.inf
    shares = top / np.maximum(np.sum(top, axis, keepdims=True), 1)
    return g * where_(infinite, shares, softmax(where_(infinite, 0.0, x), axis))


@primitive("reduction", plain_axis, x=lambda g, out, x, axis, keepdims: spread_over(g, x, axis, keepdims))
def _sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The operation of sum()."""
    return total(x, axis, keepdims)


def mean_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return spread_over(g / elements_averaged(x, out), x, axis, keepdims)


@primitive("reduction", plain_axis, x=mean_rule)
def _mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The operation of mean(); nan, with NumPy's warning, if there are no elements."""
    usual = axis is None and not keepdims and x.__class__ is np.ndarray and x.size
    if usual and (x.dtype == float or x.dtype.char == "f" and x.size <= MANY):
        return total(x, None) / x.size  # 3x faster than np.mean on small arrays
    return in_double(np.mean, x, axis, keepdims=keepdims)


@primitive("reduction", plain_axis, x=extreme_rule)
def _max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The operation of max(): ties share the gradient equally."""
    return np.max(x, axis, keepdims=keepdims)


@primitive("reduction", plain_axis, x=extreme_rule)
def _min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The operation of min(): ties share the gradient equally."""
    return np.min(x, axis, keepdims=keepdims)


@primitive("reduction", plain_axis, x=lambda g, out, x, axis, keepdims: spread(g, x, axis, keepdims) * product_of_others(x, axis))
def _prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The operation of prod()."""
    return in_double(np.prod, x, axis, pairwise=False, keepdims=keepdims)


def var_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool, ddof: float) -> Any:
    """Twice the deviations from the mean, over the degrees of freedom."""
    freedom = elements_averaged(x, out) - ddof
    return spread(g, x, axis, keepdims) * ((x - _mean(x, axis, True)) * np.divide(2.0, freedom if freedom > 0.0 else 0.0).item())


@primitive("reduction", plain_axis, x=var_rule)
def _var(x: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Any:
    """The operation of var()."""
    return in_double(np.var, x, axis, keepdims=keepdims, ddof=ddof)


def squares_fit(squares: Any) -> bool:
    """Whether no sum of squares overflowed or lost digits by underflow. A sum of 0 may be an underflow as well."""
    limits = np.finfo(squares.dtype if isinstance(squares, (np.ndarray, np.generic)) else float)
    least = limits.tiny / limits.eps
    return np.size(squares) == 0 or bool(np.min(squares) > least and np.max(squares) <= limits.max)


def binary_size(size: Any) -> Any:
    """Powers of two near positive numbers, so that division by them is exact; 1 for zeros and numbers that are not finite."""
    plain = (size > 0.0) & np.isfinite(size)
    power_of_two = np.ldexp(np.ones_like(size), np.frexp(np.where(plain, size, np.ones_like(size)))[1] - 1)
    return np.where(plain, power_of_two, np.ones_like(size))


def is_constant(x: Any, width: Any, axis: Any, keepdims: bool, where: Any = True) -> Any:
    """Whether all chosen elements are equal, even if rounding makes their variance or deviation `width` 1e-17."""
    low = np.min(raw(x), axis, keepdims=keepdims, initial=np.inf, where=raw(where))
    high = np.max(raw(x), axis, keepdims=keepdims, initial=-np.inf, where=raw(where))
    return (raw(width) == 0.0) | ((low >= high) & np.isfinite(raw(width)))


def std_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool, ddof: float) -> Any:
    """g (x - mean(x)) / (out d) for d degrees of freedom; the subgradient 0 where all elements are equal."""
    constant = is_constant(x, out, axis, keepdims)
    freedom = elements_averaged(x, out) - ddof
    g = where_(constant, 0.0, g * np.divide(1.0, freedom if freedom > 0.0 else 0.0).item())
    away = (x - _mean(x, axis, True)) / spread(where_(constant, 1.0, out), x, axis, keepdims)
    return spread(g, x, axis, keepdims) * away


@primitive("reduction", plain_axis, x=std_rule)
def _std(x: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Any:
    """The operation of std(), without overflow and underflow of the squares."""
    with np.errstate(over="ignore"):
        out = in_double(np.std, x, axis, keepdims=keepdims, ddof=ddof)
    if x.__class__ is float or squares_fit(np.square(out)) or not np.isfinite(x).all():
        return out
    size = binary_size(np.max(np.abs(x), axis, keepdims=True, initial=0.0))
    out = in_double(np.std, x / size, axis, keepdims=True, ddof=ddof) * size
    return out if keepdims else np.squeeze(out, axis)


@primitive("linear", x=lambda g, out, x, axis, backwards: _cumsum(g, axis, not backwards))
def _cumsum(x: Any, axis: int, backwards: bool = False) -> Any:
    """Sums of the first 1, 2, ... elements along `axis`, or of the last ones if `backwards`."""
    scan = np.flip(x, axis) if backwards else x
    scan = in_double(np.cumsum, scan, axis, pairwise=False)
    return np.flip(scan, axis) if backwards else scan


# --- NumPy's signatures ---------------------------------------------------------------------------


@composed
def sum(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:  # fmt: skip
    """Sum the elements over `axis` where `where` holds, and add `initial`.

    >>> from autograd import Value
    >>> Value([[1.0, 2.0], [3.0, 4.0]]).sum(axis=0).data
    array([4., 6.])
    """
    result = in_plain_dtype(_sum(chosen(a, where, 0.0, dtype), axis, keepdims), dtype)
    return result if initial is None else result + as_array(initial)


@composed
def prod(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:  # fmt: skip
    """Multiply the elements over `axis`; the derivative is correct also where elements are zero."""
    result = in_plain_dtype(_prod(chosen(a, where, 1.0, dtype), axis, keepdims), dtype)
    return result if initial is None else result * as_array(initial)


@composed
def mean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True) -> Any:
    """Compute the arithmetic mean over `axis` of the elements where `where` holds."""
    a = chosen(a, where, 0.0, dtype)
    return _mean(a, axis, keepdims) if where is True else mean_of_some(a, axis, keepdims, where)


@in_float32
def mean_of_some(a: Any, axis: Any, keepdims: bool, where: Any) -> Any:
    """The mean of the elements where `where` holds; the others are 0 already."""
    return _sum(a, axis, keepdims) / count(a, where, axis, keepdims)


@composed
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, mean: Any = None, correction: float | None = None,
) -> Any:  # fmt: skip
    """Compute the variance over `axis`: squared deviations from the mean, or the given `mean`, over the count less `ddof`."""
    ddof = ddof_of(ddof, correction)
    a, mean = as_floats(a, mean)
    a = chosen(a, where, 0.0, dtype)
    if where is True and mean is None:
        return _var(a, axis, keepdims, ddof)
    return mean_square(a, mean, axis, keepdims, ddof, where)


@in_float32
def mean_square(a: Any, mean: Any, axis: Any, keepdims: bool, ddof: float, where: Any) -> Any:
    """The sum of the squared deviations from the mean where `where` holds, over their count less `ddof`."""
    centre = mean_of_some(a, axis, True, where) if mean is None else mean
    squares = chosen(square(sub(a, centre)), where, 0.0)
    return _sum(squares, axis, keepdims) / np.maximum(count(a, where, axis, keepdims) - ddof, 0.0)


@composed
def std(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, mean: Any = None, correction: float | None = None,
) -> Any:  # fmt: skip
    """Compute the standard deviation over `axis`, the square root of var(); its derivative is 0 where all elements are equal."""
    ddof = ddof_of(ddof, correction)
    if where is True and mean is None:
        return _std(chosen(a, where, 0.0, dtype), axis, keepdims, ddof)
    a, mean = as_floats(a, mean)
    return root_mean_square(chosen(a, where, 0.0, dtype), mean, axis, keepdims, ddof, where)


@in_float32
def root_mean_square(a: Any, mean: Any, axis: Any, keepdims: bool, ddof: float, where: Any) -> Any:
    """The square root of mean_square(), with the derivative 0 where all elements are equal."""
    squares = mean_square(a, mean, axis, keepdims, ddof, where)
    constant = is_constant(a, squares, axis, keepdims, where) if mean is None else raw(squares) == 0.0
    return where_(constant, 0.0, sqrt(where_(constant, 1.0, squares)))


@composed
def max(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    """Return the largest element over `axis`; ties share the gradient equally. Raise ValueError if there are no elements."""
    return extreme(_max, maximum, a, axis, keepdims, initial, where)


@composed
def min(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    """Return the smallest element over `axis`; ties share the gradient equally. Raise ValueError if there are no elements."""
    return extreme(_min, minimum, a, axis, keepdims, initial, where)


amax, amin = max, min


@composed
def ptp(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
    """Return the difference between the largest and the smallest element over `axis`."""
    a = as_array(a)
    return _max(a, axis, keepdims) - _min(a, axis, keepdims)


@composed
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    """Return the sums of the first 1, 2, ... elements along `axis`, by default of the flattened array."""
    a = chosen(a, True, 0.0, dtype)
    return in_plain_dtype(_cumsum(reshape(a, -1), 0) if axis is None else _cumsum(a, axis), dtype)


@composed
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    """Return the products of the first 1, 2, ... elements along `axis`; the derivative is correct also beside zeros."""
    a = chosen(a, True, 1.0, dtype)
    if axis is None or not np.shape(a):
        return in_plain_dtype(_running_products((reshape(a, -1),)), dtype)
    return in_plain_dtype(moveaxis(_running_products((moveaxis(a, axis, -1),)), -1, axis), dtype)


@composed
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    """Return the sums of the first 1, 2, ... elements along `axis`, by default of the flattened array; nan counts as 0."""
    a = as_array(a)
    return cumsum(chosen(a, not_nan(a, True), 0.0), axis, dtype)


@composed
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    """Return the products of the first 1, 2, ... elements along `axis`, by default of the flattened array; nan counts as 1."""
    a = as_array(a)
    return cumprod(chosen(a, not_nan(a, True), 1.0), axis, dtype)


@composed
@in_float32
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """Return the mean over `axis` with `weights`, of the shape of `a` or of the reduced axes; with `returned`, also their sum."""
    a, weights = as_floats(a, weights)
    if weights is None:
        result = mean(a, axis, keepdims=keepdims)
        scale = np.full(np.shape(result), np.size(a) / (np.size(result) or 1), dtype=float_dtype(result))
    else:
        shape = np.shape(a)
        weights = weights if is_value(weights) else np.asarray(weights, float_dtype(weights))
        if np.shape(weights) != shape:
            axes = [place % len(shape) for place in (axis if axis.__class__ is tuple else () if axis is None else (axis,))]
            if axis is None or np.shape(weights) != tuple(shape[place] for place in axes):
                raise ValueError(
                    f"average() takes weights of the shape {shape} of a, or of its lengths along axis, "
                    f"but got {np.shape(weights)} with axis={axis}"
                )
            weights = transpose(weights, tuple(np.argsort(axes).tolist()))
            weights = reshape(weights, tuple(length if place in axes else 1 for place, length in enumerate(shape)))
        scale = _sum(weights, axis, keepdims)
        if np.any(raw(scale) == 0.0):
            raise ZeroDivisionError("average() got weights that sum to zero, so it cannot be normalised")
        result = _sum(mul(a, weights), axis, keepdims) / scale
        scale = broadcast_to(scale, np.shape(result))
    return (result, scale) if returned else result


@composed
def nansum(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:  # fmt: skip
    """Sum the elements over `axis` that are not nan."""
    return sum(a, axis, dtype, None, keepdims, initial, not_nan(a, where))


@composed
def nanprod(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:  # fmt: skip
    """Multiply the elements over `axis` that are not nan."""
    return prod(a, axis, dtype, None, keepdims, initial, not_nan(a, where))


@composed
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True) -> Any:
    """Compute the mean over `axis` of the elements that are not nan."""
    return mean(a, axis, dtype, None, keepdims, where=not_nan(a, where))


@composed
def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, mean: Any = None, correction: float | None = None,
) -> Any:  # fmt: skip
    """Compute the variance over `axis` of the elements that are not nan."""
    return var(a, axis, dtype, None, ddof, keepdims, where=not_nan(a, where), mean=mean, correction=correction)


@composed
def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False,
    *, where: Any = True, mean: Any = None, correction: float | None = None,
) -> Any:  # fmt: skip
    """Compute the standard deviation over `axis` of the elements that are not nan."""
    return std(a, axis, dtype, None, ddof_of(ddof, correction), keepdims, where=not_nan(a, where), mean=mean)


@composed
def nanmax(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    """Return the largest element over `axis` that is not nan; nan, with a warning, if there is none."""
    return extreme_number(max, -np.inf, a, axis, keepdims, initial, where)


@composed
def nanmin(a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    """Return the smallest element over `axis` that is not nan; nan, with a warning, if there is none."""
    return extreme_number(min, np.inf, a, axis, keepdims, initial, where)


def chosen(a: Any, where: Any, neutral: float, dtype: Any = None) -> Any:
    """`a` in a dtype, with the `neutral` element where `where` does not hold."""
    if where is True and dtype is None and hasattr(a.__class__, "_record"):
        return a  # a Value, the most common case
    a = as_floats(a)
    a = a if where is True else where_(mask_of(where, a), a, neutral)
    return a if dtype is None else astype(a, dtype)


def ddof_of(ddof: float, correction: float | None) -> float:
    """The number to subtract from the count: `ddof`, or `correction`, its other name."""
    if correction is not None and ddof != 0:
        raise ValueError(f"ddof and correction are two names of one argument, but got ddof={ddof} and correction={correction}")
    return ddof if correction is None else correction


def mask_of(where: Any, a: Any) -> Any:
    """`where` as a plain mask of bools that broadcasts to the shape of `a`; TypeError or ValueError for anything else."""
    mask = np.asarray(raw(where))
    if mask.dtype != bool:
        raise TypeError(f"where= takes bools, but got the dtype {mask.dtype}: write a condition, as a > 0")
    if np.broadcast_shapes(mask.shape, np.shape(a)) != np.shape(a):
        raise ValueError(f"where= takes a mask that broadcasts to the shape {np.shape(a)}, but got the shape {mask.shape}")
    return mask


def in_plain_dtype(result: Any, dtype: Any) -> Any:
    """`result` as integers or bools if `dtype` is one of these; a floating dtype was applied before."""
    return result if dtype is None or np.dtype(dtype).kind == "f" else astype(result, dtype)


def count(a: Any, where: Any, axis: Any, keepdims: bool) -> Any:
    """The number of elements of `a` where `where` holds, over `axis`."""
    return np.sum(np.broadcast_to(mask_of(where, a), np.shape(a)), axis, dtype=float_dtype(a), keepdims=keepdims)


def not_nan(a: Any, where: Any) -> Any:
    """The mask of elements that are not nan and where `where` holds."""
    a = as_array(a)
    return ~np.isnan(raw(a)) & mask_of(where, a)


def extreme(reduce: Any, combine: Any, a: Any, axis: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    """max() or min() with NumPy's `initial` and `where`."""
    a, initial = as_floats(a, initial)
    if where is not True:
        if initial is None:
            raise ValueError(f"{reduce.name}() with where= needs initial=, its value where no element is chosen")
        a = where_(mask_of(where, a), a, initial)
    if initial is None:
        return reduce(a, axis, keepdims)
    if not np.size(a):
        return _sum(a, axis, keepdims) + initial
    return combine(reduce(a, axis, keepdims), initial)


def extreme_number(function: Any, lowest: float, a: Any, axis: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    """nanmax() or nanmin(): nan counts as `lowest`."""
    a = as_floats(a)
    valid = not_nan(a, where)
    out = function(where_(valid, a, lowest), axis, None, keepdims, initial)
    empty = ~np.any(valid, axis, keepdims=keepdims)
    if initial is not None or not np.any(empty):
        return out
    warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=3)
    return where_(empty, np.nan, out)


# --- the softmax family ---------------------------------------------------------------------------


def log_of_sum(shifted: Any, axis: Any) -> Any:
    """log(sum(exp(shifted))) of elements whose largest is 0, accurately also where all others are far below it."""
    powers = np.exp(shifted)
    return log_of_total(total(powers, axis, True), powers, shifted, axis)


def log_of_total(out: Any, powers: Any, shifted: Any, axis: Any) -> Any:
    """log(out), where out is the sum of `powers`."""
    least = np.minimum.reduce(out, None) if out.size else 2.0
    if least >= 1.5:
        return np.log(out)
    alone = out < 1.5  # one element dominates, beside which the others would be rounded away
    if not least >= 1.0:
        alone = alone & (out >= 1.0)  # neither nan nor the sum of nothing
        if not alone.any():
            return np.log(out)
    rest = total(powers * (shifted < 0.0), axis, True)
    if rest.__class__ is not np.ndarray:
        return np.where(alone, np.log1p(rest), np.log(out))
    return np.log1p(rest, np.log(out), where=alone)


@primitive("reduction", plain_axis, x=logsumexp_rule)
def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The operation of logsumexp()."""
    largest = np.max(x, axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):  # log(0) = -inf is the answer where all of x is -inf
        out = log_of_sum(x - shift, axis) + shift
    return out if keepdims else np.squeeze(out, axis)


@primitive("elementwise", x=lambda g, out, x, shift: g)
def _shifted(x: Any, shift: Any) -> Any:
    """``x - shift``, 0 where both are equal, even if infinite."""
    with np.errstate(invalid="ignore"):
        return np.where(x == shift, 0.0, x - shift).astype(np.result_type(x), copy=False)


@composed
@in_float32
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False, *, b: Any = None, return_sign: bool = False) -> Any:
    """Compute ``log(sum(b * exp(x)))`` over `axis` without overflow; the derivative with respect to x is the softmax, for b = 1.

    With return_sign, return the logarithm of the absolute value of the sum and the plain sign of the sum; without it, a
    negative sum gives nan.

    >>> from autograd import Value
    >>> float(Value([1000.0, 1000.0]).logsumexp().data - 1000.0)
    0.69314...
    """
    x, b = as_floats(x, b)
    if b is None:
        out = _logsumexp(x, axis, keepdims)
        return (out, plain_number(np.where(np.isnan(raw(out)), np.nan, raw(out) > -np.inf))) if return_sign else out
    axis = plain_axis(None, axis)[1]
    used, data = np.broadcast_arrays(np.not_equal(raw(b), 0.0), raw(x))
    largest = np.max(np.where(used, data, -np.inf), axis, keepdims=True, initial=-np.inf)
    shift = np.where(largest > -np.inf, largest, 0.0)
    shift = np.where(np.isnan(shift), 0.0, shift).astype(np.result_type(data))
    # A weight of 0 has a derivative, exp(x) over the sum; where that would overflow, it is the largest finite number.
    with np.errstate(invalid="ignore"):
        free = ~used & ~(data - shift < 700.0)
    powers = where_(free, np.finfo(shift.dtype).max, exp(where_(free, 0.0, _shifted(x, shift))))
    sums = _sum(b * powers, axis, True)
    sign = np.sign(raw(sums))
    # All terms are exp(-inf), or masked by plain weights; weights that are Values have the slope inf at a sum of 0.
    nothing = (largest == -np.inf) & (np.any(used, axis, keepdims=True) | (not is_value(b)))
    positive = sums * np.where(sign < 0.0, -1.0, 1.0).astype(shift.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):  # -inf where the sum is 0
        logs = log(where_(nothing, 1.0, positive)) + shift
    out = where_(nothing, -np.inf, logs)
    if not return_sign and np.any(sign < 0.0):
        out = out + np.where(sign < 0.0, np.nan, 0.0)
    if not keepdims:
        out, sign = squeeze(out, axis), np.squeeze(sign, axis)
    return (out, plain_number(sign)) if return_sign else out


def plain_number(x: Any) -> Any:
    """An array, or a Python float if it has no axes."""
    return x if np.ndim(x) else x.item()


def float_array(x: Any) -> Any:
    """`x` as an array of floats."""
    return x if x.__class__ is np.ndarray and x.dtype.char in "df" else np.asarray(x, float_dtype(x))


def softmax_rule(g: Any, out: Any, x: Any, axis: Any) -> Any:
    """out * (g - sum(g * out)). As sum(out) is 1, the g of an element above 1/2 can be subtracted first; 1 - out would cancel."""
    top = raw(out) > 0.5
    if np.any(top):
        g = g - (_sum(where_(top, g, 0.0), axis, True) if is_value(g) else np.sum(g, axis, keepdims=True, where=top))
    return out * (g - _sum(g * out, axis, True))


def log_softmax_rule(g: Any, out: Any, x: Any, axis: Any) -> Any:
    """g - exp(out) * sum(g). It sums to 0, so where exp(out) > 1/2 it is minus the sum of the others, which does not cancel."""
    c, top = g - exp(out) * _sum(g, axis, True), raw(out) > -LN2
    return where_(top, -_sum(where_(top, 0.0, c), axis, True), c) if np.any(top) else c


@primitive("softmax", x=softmax_rule)
def softmax(x: Any, axis: int = -1) -> Any:
    """Compute ``exp(x) / sum(exp(x))`` along `axis`; it is positive, sums to 1, and is the same for x + c."""
    x = float_array(x)
    powers = np.exp(x - np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf))
    powers /= total(powers, axis, True)  # in place: a new array takes longer than the arithmetic
    return powers


@primitive("softmax", x=log_softmax_rule)
def log_softmax(x: Any, axis: int = -1) -> Any:
    """Compute the logarithm of the softmax along `axis`, accurately where the softmax rounds to 0."""
    x = float_array(x)
    shifted = x - np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf)
    return shifted - log_of_sum(shifted, axis)

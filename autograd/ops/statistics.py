"""Statistics of samples, all composed of other operations: covariances, counts with weights, running totals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autograd.op import is_value, raw, shape_of
from autograd.ops.define import composed, in_float32
from autograd.ops.elementwise import astype, sqrt
from autograd.ops.indexing import scatter
from autograd.ops.inputs import holds_value
from autograd.ops.products import matmul, swap
from autograd.ops.reductions import _mean, _sum, cumprod, cumsum
from autograd.ops.shapes import as_floats, atleast_2d, concatenate, diagonal, expand_dims, reshape


def integer_weights(fweights: Any) -> Any:
    """The number of times each sample counts, as integers; TypeError for anything else."""
    if is_value(fweights) or holds_value(fweights):
        raise TypeError("cov() takes plain integers as fweights, how often each sample counts, but got a Value: use aweights")
    counts = np.asarray(fweights)
    if np.any(counts != np.round(counts)):
        raise TypeError("cov() takes integers as fweights, how often each sample counts: use aweights for other weights")
    return counts


def freedom(scale: Any) -> Any:
    """The degrees of freedom to divide by; 0, with NumPy's warning, if they are negative."""
    if raw(scale) > 0.0:
        return scale
    warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=3)
    return np.zeros(())


@composed
@in_float32
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """Compute the covariance matrix of variables in rows (or columns), each with its samples along the other axis."""
    m, y, aweights = as_floats(m, y, aweights)
    variables = [item for item in (m, y) if item is not None]
    if any(len(np.shape(item)) > 2 for item in variables):
        raise ValueError(f"cov() takes vectors and matrices, but got the shapes {[np.shape(item) for item in variables]}")
    variables = [atleast_2d(item) if rowvar or len(np.shape(item)) == 1 else swap(item) for item in variables]
    x = variables[0] if len(variables) == 1 else concatenate(variables)
    x = x if dtype is None else astype(x, dtype)
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"cov() takes an integer as ddof, but got {ddof}")
    ddof = int(not bias) if ddof is None else ddof
    if fweights is None and aweights is None:
        x = x - _mean(x, 1, True)
        out = matmul(x, swap(x)) / freedom(shape_of(x)[1] - ddof)
    else:
        count = 1.0 if fweights is None else integer_weights(fweights).astype(x.dtype)
        weight = 1.0 if aweights is None else aweights
        w = count * (weight if is_value(weight) else np.asarray(weight, x.dtype))  # (samples)
        if shape_of(w) != shape_of(x)[1:] or np.any(raw(w) < 0.0):
            raise ValueError(f"cov() takes a weight for each of {shape_of(x)[1]} samples, none negative, but got {raw(w)}")
        total = _sum(w)
        x = x - expand_dims(_sum(x * w, 1), 1) / total
        scale = total - ddof * (_sum(w * weight) / total if aweights is not None else 1.0)
        out = matmul(x * w, swap(x)) / freedom(scale)
    return reshape(out, ()) if shape_of(out) == (1, 1) else out


@composed
@in_float32
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Compute the correlation matrix, between -1 and 1, of variables in rows (or columns), with samples along the other axis."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not shape_of(c):
        return c / c
    spread = sqrt(diagonal(c))
    out = c / expand_dims(spread, 1) / expand_dims(spread, 0)
    data = raw(out)  # clipped to [-1, 1], as in NumPy; the slope is that of the exact function
    return out + (np.clip(data, -1.0, 1.0) - data) if np.any(np.abs(data) > 1.0) else out


@composed
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Sum the `weights` of each integer in the vector `x`; without weights, return plain counts."""
    places = np.asarray(raw(x))
    if weights is None:
        return np.bincount(places, minlength=minlength)
    if places.dtype.kind not in "iu" or (places.size and places.min() < 0):
        raise TypeError("bincount() counts integers that are not negative: use x.astype(int)")
    size = max(minlength, int(places.max(initial=-1)) + 1)
    weights = as_floats(weights)
    if np.shape(weights) != places.shape or places.ndim != 1:
        got = f"the shapes {places.shape} and {np.shape(weights)}"
        raise ValueError(f"bincount() takes a vector of integers, and a weight for each, but got {got}")
    return scatter(weights if is_value(weights) else np.asarray(weights, dtype=float), (size,), places)


@composed
def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Any:
    """Return the sums of the first 1, 2, ... elements along `axis`; with `include_initial`, 0 comes first."""
    return with_initial(cumsum, 0.0, x, axis, dtype, include_initial)


@composed
def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Any:
    """Return the products of the first 1, 2, ... elements along `axis`; with `include_initial`, 1 comes first."""
    return with_initial(cumprod, 1.0, x, axis, dtype, include_initial)


def with_initial(scan: Any, first: float, x: Any, axis: int | None, dtype: Any, include_initial: bool) -> Any:
    """A scan along the only axis, or the given one, with its neutral element in front if `include_initial` is set."""
    x = as_floats(x)
    if axis is None:
        if len(np.shape(x)) != 1:
            raise ValueError(f"{scan.__name__} of an array of {len(np.shape(x))} axes needs one of them as axis=")
        axis = 0
    out = scan(x, axis, dtype)
    if not include_initial:
        return out
    shape = [1 if place == axis % len(shape_of(out)) else length for place, length in enumerate(shape_of(out))]
    return concatenate([np.full(shape, first, out.dtype), out], axis)

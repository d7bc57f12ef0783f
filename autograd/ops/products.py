"""Products of vectors, matrices and more: matmul, dot, einsum, convolve, with their derivative rules."""

from __future__ import annotations

import builtins
import math
import string
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd.op import DOUBLE, MANY, SINGLE, raw, shape_of
from autograd.ops.define import composed, in_float32, primitive
from autograd.ops.elementwise import astype, mul
from autograd.ops.indexing import scatter
from autograd.ops.reductions import _sum, sum_of_rows
from autograd.ops.shapes import (
    as_array,
    as_floats,
    broadcast_arrays,
    broadcast_to,
    concatenate,
    expand_dims,
    moveaxis,
    reshape,
    squeeze,
    transpose,
)


# For arrays, these call NumPy directly: an operation takes twice as long on small ones.
def swap(x: Any) -> Any:
    """The matrices of `x` transposed."""
    if x.__class__ is np.ndarray:
        return x.swapaxes(-1, -2)
    ndim = len(shape_of(x))
    return transpose(x, (*range(ndim - 2), ndim - 1, ndim - 2))


def rows(x: Any) -> Any:
    """`x` as one matrix, with the last axis as its columns and all others as its rows."""
    if x.__class__ is np.ndarray and x.ndim == 2:
        return x
    *lead, columns = shape_of(x)
    return x if len(lead) == 1 else reshape.prepared(x, (math.prod(lead), columns), "C")


def _matmul(x: Any, y: Any) -> Any:
    """matmul() in a rule, where arrays need no checks."""
    plain = x.__class__ is np.ndarray and y.__class__ is np.ndarray and x.dtype.char in "df"
    return np.matmul(x, y) if plain else matmul(x, y)


def times_column(x: Any, v: Any) -> Any:
    """Matrices times vectors, stack by stack: (..., m, k), (..., k) -> (..., m)."""
    return squeeze(matmul(x, expand_dims(v, -1)), -1)


def matmul_rule_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    x_dims, y_dims = len(shape_of(x)), len(shape_of(y))
    if x_dims == 1:
        return g * y if y_dims == 1 else times_column(y, g)  # (..., k)
    return expand_dims(g, -1) * y if y_dims == 1 else _matmul(g, swap(y))  # (..., m, k)


def matmul_rule_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    x_dims, y_dims = len(shape_of(x)), len(shape_of(y))
    if x_dims == 1:
        return g * x if y_dims == 1 else expand_dims(x, -1) * expand_dims(g, -2)  # (..., k, n)
    if y_dims == 1:
        return times_column(swap(x), g)  # (..., k)
    if y_dims == 2 and x_dims > 2:  # one product instead of the sum of a stack
        return _matmul(swap(rows(x)), rows(g))  # (k, n)
    return _matmul(swap(x), g)  # (..., k, n)


@primitive("linear", symbol="{} @ {}", x=matmul_rule_x, y=matmul_rule_y)
def matmul(x: Any, y: Any) -> Any:
    """Compute ``x @ y`` by NumPy's rules: vectors, matrices, and stacks of matrices whose leading axes broadcast.

    Shapes (k) @ (k) -> scalar, (m, k) @ (k) -> (m), (k) @ (k, n) -> (n), (..., m, k) @ (..., k, n) -> (..., m, n).
    Raise ValueError for shapes that do not match.
    """
    return np.matmul(x, y)


def bias_rule(g: Any, out: Any, x: Any, weight: Any, bias: Any) -> Any:
    if shape_of(bias) != shape_of(out)[-1:]:
        return g
    return sum_of_rows(rows(g)) if g.__class__ is np.ndarray else _sum(rows(g), 0)


@primitive(
    "linear",
    x=lambda g, out, x, weight, bias: _matmul(g, weight),
    weight=lambda g, out, x, weight, bias: _matmul(swap(rows(g)), rows(x)),
    bias=bias_rule,
)
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Compute ``x @ weight.T + bias``, the affine map of a layer: (..., in), (out, in), (out) -> (..., out).

    Raise ValueError for shapes that do not match.
    """
    columns = weight.T if weight.__class__ is np.ndarray else np.transpose(weight)
    stacked = np.ndim(x) > 2  # leading axes as rows of one product: NumPy would compute one for each matrix of a stack
    out = np.matmul(rows(x) if stacked else x, columns)
    out = out.reshape(*np.shape(x)[:-1], len(weight)) if stacked else out
    if bias is None:
        return out
    if bias.__class__ is np.ndarray and bias.shape == out.shape[-1:] and bias.dtype == out.dtype:  # the most common case
        out += bias
        return out
    if np.broadcast_shapes(np.shape(bias), out.shape) != out.shape:
        raise ValueError(f"the bias of shape {np.shape(bias)} does not broadcast to the outputs of shape {out.shape}")
    return out + bias


# --- NumPy's other products -----------------------------------------------------------------------


@composed
def dot(a: Any, b: Any, out: None = None) -> Any:
    """Multiply numbers, vectors and matrices; for more axes, sum over the last axis of `a` and the second last of `b`."""
    a, b = as_floats(a, b)
    a_dims, b_dims = len(np.shape(a)), len(np.shape(b))
    if not a_dims or not b_dims:
        return mul(a, b)
    return matmul(a, b) if a_dims <= 2 and b_dims <= 2 else tensordot(a, b, (-1, -2 if b_dims > 1 else -1))


@composed
def vdot(a: Any, b: Any, /) -> Any:
    """Flatten both arrays and sum the products of their elements."""
    return matmul(reshape(as_array(a), -1), reshape(as_array(b), -1))


@composed
def inner(a: Any, b: Any, /) -> Any:
    """Sum the products over the last axis of both."""
    a, b = as_floats(a, b)
    return tensordot(a, b, (-1, -1)) if np.shape(a) and np.shape(b) else mul(a, b)


@composed
def outer(a: Any, b: Any, out: None = None) -> Any:
    """Multiply every element of `a` by every element of `b`: (size of a, size of b)."""
    a, b = as_floats(a, b)
    return reshape(a, (-1, 1)) * reshape(b, (1, -1))


@composed
@in_float32
def vecdot(x1: Any, x2: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """Sum the products over one axis of each, by pairs of vectors; all other axes broadcast."""
    x1, x2 = as_floats(x1, x2)
    x1, x2 = (x1, x2) if axis == -1 else (moveaxis(x1, axis, -1), moveaxis(x2, axis, -1))
    if np.shape(x1)[-1] != np.shape(x2)[-1]:
        raise ValueError(f"vecdot() takes vectors of one length, but got {np.shape(x1)[-1]} and {np.shape(x2)[-1]}")
    out = _sum(mul(x1, x2), -1, keepdims)
    return moveaxis(out, -1, axis) if keepdims else out


@composed
def matvec(x1: Any, x2: Any, /) -> Any:
    """Multiply matrices by vectors: (..., m, k), (..., k) -> (..., m)."""
    return times_column(as_array(x1), as_array(x2))


@composed
def vecmat(x1: Any, x2: Any, /) -> Any:
    """Multiply vectors by matrices: (..., k), (..., k, n) -> (..., n)."""
    return squeeze(matmul(expand_dims(as_array(x1), -2), as_array(x2)), -2)


@composed
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum the products over pairs of axes: the last `axes` of a with the first of b, or two lists of axes."""
    a, b = as_floats(a, b)
    a_shape, b_shape = np.shape(a), np.shape(b)
    if isinstance(axes, (int, np.integer)):
        axes = range(-axes, 0), range(axes)
    pairs = zip(axes, (a_shape, b_shape), strict=True)
    of_a, of_b = (normalize_axis_tuple(np.atleast_1d(item).astype(int).tolist(), len(shape)) for item, shape in pairs)
    if [a_shape[axis] for axis in of_a] != [b_shape[axis] for axis in of_b]:
        raise ValueError(f"tensordot() cannot sum the axes {of_a} of the shape {a_shape} with the axes {of_b} of {b_shape}")
    rest_a = [axis for axis in range(len(a_shape)) if axis not in of_a]
    rest_b = [axis for axis in range(len(b_shape)) if axis not in of_b]
    summed = math.prod(a_shape[axis] for axis in of_a)
    left = reshape(transpose(a, (*rest_a, *of_a)), (math.prod(a_shape[axis] for axis in rest_a), summed))
    right = reshape(transpose(b, (*of_b, *rest_b)), (summed, math.prod(b_shape[axis] for axis in rest_b)))
    return reshape(matmul(left, right), (*(a_shape[axis] for axis in rest_a), *(b_shape[axis] for axis in rest_b)))


@composed
def kron(a: Any, b: Any) -> Any:
    """Compute the Kronecker product: `b` times every element of `a`, in blocks."""
    a, b = as_floats(a, b)
    ndim = builtins.max(len(np.shape(a)), len(np.shape(b)))
    a_shape, b_shape = ((1,) * (ndim - len(np.shape(item))) + np.shape(item) for item in (a, b))
    blocks = reshape(a, [n for length in a_shape for n in (length, 1)])
    product = blocks * reshape(b, [n for length in b_shape for n in (1, length)])
    return reshape(product, [m * n for m, n in zip(a_shape, b_shape, strict=True)])


@composed
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Compute the vector product of vectors of 3 elements; of 2, only its third component."""
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a, b = as_floats(a, b)
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    lengths = a.shape[-1], b.shape[-1]
    if not set(lengths) <= {2, 3}:
        raise ValueError(f"cross() takes vectors of 2 or 3 elements, but got {lengths[0]} and {lengths[1]}")
    (a0, a1, *a2), (b0, b1, *b2) = ([item[..., i : i + 1] for i in range(item.shape[-1])] for item in (a, b))
    third = a0 * b1 - a1 * b0
    if lengths == (2, 2):
        return squeeze(third, -1)
    za, zb = (rest[0] if rest else 0.0 for rest in (a2, b2))
    return moveaxis(concatenate(broadcast_arrays(a1 * zb - za * b1, za * b0 - a0 * zb, third), -1), -1, axisc)


def best_cuts(ends: list[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """The least cost of each run of matrices, given by its first and last, and the matrix after which to split it."""
    count = len(ends) - 1
    best = {(place, place): (0, place) for place in range(count)}
    for first, last in ((first, first + length) for length in range(1, count) for first in range(count - length)):
        best[first, last] = builtins.min(
            (best[first, cut][0] + best[cut + 1, last][0] + ends[first] * ends[cut + 1] * ends[last + 1], cut)
            for cut in range(first, last)
        )
    return best


def product_of_run(arrays: list[Any], best: dict[tuple[int, int], tuple[int, int]], first: int, last: int) -> Any:
    """The product of a run of matrices, split where it costs least."""
    if first == last:
        return arrays[first]
    cut = best[first, last][1]
    return matmul(product_of_run(arrays, best, first, cut), product_of_run(arrays, best, cut + 1, last))


@composed
def multi_dot(arrays: Any, *, out: None = None) -> Any:
    """Multiply a list of matrices in the order that needs the fewest multiplications; the first and last may be vectors."""
    arrays = list(as_floats(*arrays))
    sizes = [np.shape(item) for item in arrays]
    first, last = (1 if len(shape) == 1 else shape[place] for place, shape in ((0, sizes[0]), (1, sizes[-1])))
    ends = [first, *(shape[0] for shape in sizes[1:]), last]
    return product_of_run(arrays, best_cuts(ends), 0, len(arrays) - 1)


@composed
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Convolve two vectors: at all overlaps ("full"), as many as the longer one has elements ("same"), or full ones ("valid")."""
    a, v = as_floats(a, v)
    lengths = np.size(raw(a)), np.size(raw(v))
    if len(np.shape(a)) > 1 or len(np.shape(v)) > 1 or 0 in lengths:
        got = f"the shapes {np.shape(a)} and {np.shape(v)}"
        raise ValueError(f"convolve() and correlate() take vectors of at least one element, but got {got}")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"the mode of a convolution is 'full', 'same' or 'valid', but got {mode!r}")
    out = _convolve(reshape(a, -1), reshape(v, -1))
    long, short = builtins.max(lengths), min(lengths)
    start, length = ((short - 1) // 2, long) if mode == "same" else (short - 1, long - short + 1)
    return out if mode == "full" else out[start : start + length]


@composed
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Compute the cross-correlation of two vectors: ``c[k] = sum(a[n + k] * v[n])``."""
    a, v = as_floats(a, v)
    a, v = (reshape(item, (1,)) if np.shape(item) == () else item for item in (a, v))
    backwards = np.size(raw(a)) < np.size(raw(v))  # NumPy then correlates v with a and reverses the result
    out = convolve(a[::-1], v, mode) if backwards else convolve(a, v[::-1], mode)
    return out[::-1] if backwards else out


def overlap(g: Any, other: Any, length: int) -> Any:
    """The cotangent of one vector of a full convolution: `g` correlated with the other."""
    start = shape_of(other)[0] - 1
    return _convolve(g, other[::-1])[start : start + length]


@primitive(
    "linear",
    symbol="{} * {}",
    x=lambda g, out, x, y: overlap(g, y, shape_of(x)[0]),
    y=lambda g, out, x, y: overlap(g, x, shape_of(y)[0]),
)
def _convolve(x: Any, y: Any) -> Any:
    """The full convolution of two vectors."""
    return np.convolve(x, y)


# --- einsum ---------------------------------------------------------------------------------------


LABELS = string.ascii_uppercase + string.ascii_lowercase  # in the order of an implicit result


def letters(subscripts: str, shapes: list[tuple[int, ...]]) -> tuple[list[str], str]:
    """The subscripts of each operand and of the result, with letters in place of ``...`` and an explicit result."""
    terms, arrow, result = subscripts.replace(" ", "").partition("->")
    names = terms.split(",")
    if len(names) != len(shapes):
        raise ValueError(f"einsum() got {len(shapes)} operands for the {len(names)} terms of {subscripts!r}")
    free = [letter for letter in string.ascii_letters if letter not in terms + result]
    pairs = list(zip(names, shapes, strict=True))
    most = builtins.max([len(shape) - len(name) + 3 for name, shape in pairs if "..." in name], default=0)
    dots = "".join(free[:most])
    if arrow and "..." in terms and "..." not in result:
        raise ValueError(f"einsum() needs '...' in the result of {subscripts!r}, since the terms have it")
    if not arrow:
        result = "..." * ("..." in terms) + "".join(sorted(name for name in set(terms) - set(".,") if terms.count(name) == 1))
    filled = [
        name.replace("...", dots[most - (len(shape) - len(name) + 3) :]) if "..." in name else name for name, shape in pairs
    ]
    return filled, result.replace("...", dots)


def einsum_rule(g: Any, out: Any, values: tuple[Any, ...], names: tuple[str, ...], result: str, optimize: Any) -> tuple[Any, ...]:
    """The cotangent of each operand: the sum of products of `g` with all other operands, over the letters it does not have."""
    cotangents = []
    for number, name in enumerate(names):
        others = [(result, g)] + [pair for place, pair in enumerate(zip(names, values, strict=True)) if place != number]
        wanted = "".join(dict.fromkeys(name))
        known = "".join(letter for letter in wanted if any(letter in subscripts for subscripts, _ in others))
        terms, factors = zip(*others, strict=True)
        c = _einsum(factors, terms, known, optimize or len(others) > 2)
        sizes = dict(zip(known, shape_of(c), strict=True))
        own = zip(name, shape_of(values[number]), strict=True)
        lengths = {letter: sizes[letter] if sizes.get(letter, 1) != 1 else length for letter, length in own}  # 1 broadcasts
        c = reshape(c, [sizes.get(letter, 1) for letter in wanted])
        c = broadcast_to(c, [lengths[letter] for letter in wanted])
        if len(wanted) < len(name):  # a repeated letter means the operand's diagonal
            axes = dict(zip(wanted, np.ogrid[tuple(slice(lengths[letter]) for letter in wanted)], strict=True))
            c = scatter(c, tuple(lengths[letter] for letter in name), tuple(axes[letter] for letter in name))
        cotangents.append(c)
    return tuple(cotangents)


@primitive("linear", lambda values, *rest: (tuple(values), *rest), values=einsum_rule)
def _einsum(values: Any, names: tuple[str, ...], result: str, optimize: Any) -> Any:
    """The operation of einsum(), for subscripts without an ellipsis."""
    subscripts, dtype = f"{','.join(names)}->{result}", np.result_type(*values)
    if dtype.char == "f" and any(
        length > MANY and letter not in result
        for name, item in zip(names, values, strict=True)
        for letter, length in zip(name, np.shape(item), strict=True)
    ):  # NumPy adds up one product after the other
        return np.einsum(subscripts, *values, dtype=DOUBLE, optimize=optimize).astype(SINGLE)
    return np.einsum(subscripts, *values, optimize=optimize)


@composed
def einsum(
    *operands: Any, out: None = None, optimize: Any = False, dtype: Any = None, order: str = "K", casting: str = "safe"
) -> Any:
    """Sum products by Einstein's convention: ``einsum("ij,jk->ik", a, b)``, with any subscripts, also ``...`` and repeated ones.

    The form ``einsum(a, [0, 1], b, [1, 2], [0, 2])`` works as well.
    """
    if not isinstance(operands[0], str):
        pairs = len(operands) // 2
        lists = [*operands[1 : 2 * pairs : 2], *([operands[-1]] if len(operands) % 2 else [])]
        if wrong := [item for row in lists for item in row if item is not Ellipsis and not 0 <= item < len(LABELS)]:
            raise ValueError(f"einsum() takes integers from 0 to {len(LABELS) - 1} for axes, but got {wrong[0]}")
        terms = ["".join("..." if item is Ellipsis else LABELS[item] for item in row) for row in lists]
        operands = (",".join(terms[:pairs]) + ("->" + terms[-1] if len(operands) % 2 else ""), *operands[: 2 * pairs : 2])
    values = [as_array(item) if dtype is None else astype(as_array(item), dtype) for item in operands[1:]]
    names, result = letters(operands[0], [np.shape(item) for item in values])
    return _einsum(values, tuple(names), result, optimize)

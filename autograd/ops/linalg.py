"""Linear algebra on matrices, and stacks of them in the last two axes: inverses, factorisations, norms.

An op with several outputs (svd, eigh, qr) packs them into the last axis of one array, and a few
selecting nodes take them out: cotangents that nobody used are then zeros by themselves.

Functions of symmetric matrices (cholesky, eigh) read one triangle; their cotangents are symmetric, as is
the matrix they are meant for. Where eigenvalues or singular values coincide, their vectors are not
determined: gradients of what does not depend on the choice are right, second derivatives are not
defined, and a warning says so. Formulas: Giles (2008), Collected matrix derivative results.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autograd.op import is_value, raw, shape_of
from autograd.ops.elementwise import mul, ratio, sqrt, where
from autograd.ops.elementwise import pow as power
from autograd.ops.forms import composed, primitive
from autograd.ops.piecewise import abs as absolute
from autograd.ops.piecewise import sign_of
from autograd.ops.products import matmul, swap, tensordot
from autograd.ops.reductions import _max, _min, _sum, plain_axis, spread
from autograd.ops.shapes import broadcast_to, concatenate, diagonal, expand_dims, moveaxis, ravel, reshape, squeeze, transpose, tril, triu

# --- several outputs in one array -----------------------------------------------------------------


def pack(parts: Any, axes: Any) -> Any:
    """Arrays with the same leading axes in one, whose last axis holds the last `axes` axes of each part in a row."""
    lead = [shape_of(part)[: len(shape_of(part)) - n] for part, n in zip(parts, axes, strict=True)]
    return concatenate([reshape(part, (*batch, math.prod(shape_of(part)[len(batch) :]))) for part, batch in zip(parts, lead, strict=True)], -1)


def unpack(x: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """The parts of a packed array, from the shapes they have behind the leading axes."""
    parts, start = [], 0
    for shape in shapes:
        length = math.prod(shape)
        parts.append(reshape(x[..., start : start + length], (*shape_of(x)[:-1], *shape)))
        start += length
    return parts


def diagonal_matrix(x: Any) -> Any:
    """Vectors in the last axis as diagonal matrices."""
    return expand_dims(x, -1) * np.eye(shape_of(x)[-1])


def column(x: Any) -> Any:
    return expand_dims(x, -1)


def row(x: Any) -> Any:
    return expand_dims(x, -2)


def symmetric(x: Any) -> Any:
    return (x + swap(x)) * 0.5


def antisymmetric(x: Any) -> Any:
    return x - swap(x)


def matrices(name: str, x: Any, square: bool = True) -> Any:
    """`x`, checked to be matrices; ValueError otherwise."""
    shape = shape_of(x) if is_value(x) else np.shape(x)
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        raise ValueError(f"{name}() takes {'square ' * square}matrices, or stacks of them in the last two axes, but the shape {shape} came")
    return x if is_value(x) else np.asarray(x, dtype=None if np.asarray(x).dtype.kind == "f" else float)


def inverse_gaps(values: Any, name: str, g: Any) -> Any:
    """1 / (w_j - w_i) off the diagonal, and 0 where the two coincide within rounding."""
    data = np.asarray(raw(values))
    gaps = row(data) - column(data)
    size = np.max(np.abs(data), axis=-1, keepdims=True, initial=0.0)[..., None]
    same = np.abs(gaps) <= 8.0 * np.finfo(data.dtype).eps * size
    if is_value(g) and same.sum() > data.size:
        warnings.warn(
            f"{name}() of a matrix with values that coincide: second derivatives through it are not defined there",
            RuntimeWarning,
            stacklevel=2,
        )
    return where(same, 0.0, 1.0 / where(same, 1.0, row(values) - column(values)))


# --- inverses and determinants --------------------------------------------------------------------


@primitive("linear", x=lambda g, out, x: -matmul(matmul(swap(out), g), swap(out)))
def _inv(x: Any) -> Any:
    """inv()."""
    return np.linalg.inv(x)


@composed
def inv(a: Any) -> Any:
    """The inverse of square matrices."""
    return _inv(matrices("inv", a))


def solve_rule(g: Any, out: Any, values: tuple[Any, Any]) -> tuple[Any, Any]:
    """One solution of the transposed system serves both."""
    a, b = values
    c = solve(swap(a), g)
    if len(shape_of(b)) == 1:
        return -column(c) * row(out), c
    return -matmul(c, swap(out)), c


@primitive("linear", lambda values: (tuple(values),), symbol="solve({})", values=solve_rule)
def _solve(values: tuple[Any, Any]) -> Any:
    """solve()."""
    return np.linalg.solve(*values)


@composed
def solve(a: Any, b: Any) -> Any:
    """The solution x of ``a @ x = b``: (..., m, m) and (m) -> (..., m), or (..., m, m) and (..., m, k) -> (..., m, k)."""
    a = matrices("solve", a)
    if len(np.shape(b)) == 1 and len(np.shape(a)) > 2:
        return squeeze(_solve((a, column(b if is_value(b) else np.asarray(b)))), -1)
    return _solve((a, b if is_value(b) else np.asarray(b, dtype=float)))


def cofactors(x: Any) -> Any:
    """The derivative of the determinant, by minors: exact at every order for singular matrices too."""
    n = shape_of(x)[-1]
    rest = np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=int).reshape(n, n - 1)
    minors = x[..., rest[:, None, :, None], rest[None, :, None, :]]  # (..., n, n, n - 1, n - 1)
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return (_det(minors) if n > 1 else np.ones(shape_of(x))) * signs


def det_rule(g: Any, out: Any, x: Any) -> Any:
    """det(x) times the transposed inverse; for a singular matrix, which has none, its cofactors."""
    scale = g * out
    if np.all(raw(out)):
        return expand_dims(scale, (-2, -1)) * swap(_inv(x)) if shape_of(x)[:-2] else scale * swap(_inv(x))
    return (expand_dims(g, (-2, -1)) if shape_of(x)[:-2] else g) * cofactors(x)


@primitive("linear", x=det_rule)
def _det(x: Any) -> Any:
    """det()."""
    return np.linalg.det(x)


@composed
def det(a: Any) -> Any:
    """The determinant of square matrices. Of singular ones the derivative takes n^2 minors of n - 1 rows."""
    return _det(matrices("det", a))


@primitive("linear", x=lambda g, out, x: (expand_dims(g, (-2, -1)) if shape_of(x)[:-2] else g) * swap(_inv(x)))
def _logabsdet(x: Any) -> Any:
    """The logarithm of the absolute determinant."""
    return np.linalg.slogdet(x)[1]


@composed
def slogdet(a: Any) -> Any:
    """(sign, logarithm of the absolute value) of the determinant; the sign is plain, and inf the slope at 0 is refused."""
    a = matrices("slogdet", a)
    plain = np.linalg.slogdet(raw(a))
    return type(plain)(plain[0], _logabsdet(a))


def pinv_rule(g: Any, out: Any, x: Any, *how: Any) -> Any:
    """Golub and Pereyra (1973), for matrices of constant rank."""
    left = np.eye(shape_of(x)[-2]) - matmul(x, out)
    right = np.eye(shape_of(x)[-1]) - matmul(out, x)
    across, back = swap(out), swap(g)
    return (
        -matmul(matmul(across, g), across)
        + matmul(matmul(left, back), matmul(out, across))
        + matmul(matmul(matmul(across, out), back), right)
    )


@primitive("linear", x=pinv_rule)
def _pinv(x: Any, rcond: Any, hermitian: bool, rtol: Any) -> Any:
    """pinv()."""
    return np.linalg.pinv(x, rcond, hermitian, **({} if rtol is None else {"rtol": rtol}))


@composed
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The Moore-Penrose inverse, with a derivative where the rank does not change."""
    return _pinv(matrices("pinv", a, square=False), rcond, hermitian, rtol)


@composed
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """(x, residuals, rank, singular values) of the least-squares problem ``a @ x = b``; the rank is plain."""
    a, b = matrices("lstsq", a, square=False), b if is_value(b) else np.asarray(b, dtype=float)
    x, residuals, rank, _ = np.linalg.lstsq(raw(a), raw(b), rcond)
    rcond = np.finfo(np.asarray(raw(a)).dtype).eps * max(np.shape(a)) if rcond is None else rcond
    x = matmul(_pinv(a, rcond, False, None), b)
    error = b - matmul(a, x)
    return x, (_sum(error * error, 0, len(shape_of(b)) == 1) if len(residuals) else residuals), rank, svdvals(a)


@composed
def matrix_power(a: Any, n: int) -> Any:
    """Square matrices times themselves, n times, by repeated squaring; inverses for a negative n."""
    a = matrices("matrix_power", a)
    if n < 0:
        a, n = _inv(a), -n
    out: Any = None
    while n:
        if n % 2:
            out = a if out is None else matmul(out, a)
        n //= 2
        a = matmul(a, a) if n else a
    return np.broadcast_to(np.eye(shape_of(a)[-1]), shape_of(a)) + a * 0.0 if out is None else out


@composed
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """The solution x of ``tensordot(a, x, x.ndim) = b``."""
    if axes is not None:
        rest = [axis for axis in range(len(np.shape(a))) if axis not in [place % len(np.shape(a)) for place in axes]]
        a = transpose(a, (*rest, *axes))
    shape = np.shape(a)[len(np.shape(b)) :]
    return reshape(solve(reshape(a, (-1, math.prod(shape))), ravel(b)), shape)


@composed
def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse of ``x -> tensordot(a, x)``, with the first `ind` axes of `a` on one side."""
    shape = np.shape(a)
    return reshape(inv(reshape(a, (math.prod(shape[:ind]), -1))), shape[ind:] + shape[:ind])


# --- factorisations -------------------------------------------------------------------------------


def cholesky_rule(g: Any, out: Any, x: Any) -> Any:
    """Murray (2016), Differentiation of the Cholesky decomposition."""
    inner = tril(matmul(swap(out), g))
    inner = inner - inner * (0.5 * np.eye(shape_of(x)[-1]))  # the diagonal halved
    return symmetric(solve(swap(out), swap(solve(swap(out), swap(inner)))))


@primitive("linear", x=cholesky_rule)
def _cholesky(x: Any) -> Any:
    """cholesky()."""
    return np.linalg.cholesky(x)


@composed
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular L with ``L @ L.T = a`` for a symmetric positive definite `a`, or L.T; its cotangent is symmetric."""
    lower = _cholesky(matrices("cholesky", a))
    return swap(lower) if upper else lower


def qr_rule(g: Any, out: Any, x: Any) -> Any:
    """Walter and Lehmann (2010), for as many rows as columns or more."""
    m, n = shape_of(x)[-2:]
    (g_q, g_r), (q, r) = unpack(g, (m, n), (n, n)), unpack(out, (m, n), (n, n))
    inner = matmul(r, swap(g_r)) - matmul(swap(g_q), q)
    lower = tril(inner, -1)
    inner = lower + swap(lower) + inner * np.eye(n)
    return swap(solve(r, swap(g_q + matmul(q, inner))))


@primitive("linear", x=qr_rule)
def _qr(x: Any) -> Any:
    """Q and R of matrices with as many rows as columns or more, packed."""
    return pack(np.linalg.qr(x), (2, 2))


@composed
def qr(a: Any, mode: str = "reduced") -> Any:
    """(Q, R) with orthonormal columns in Q and R upper triangular, or R alone with the mode "r"; full rank is needed."""
    a = matrices("qr", a, square=False)
    m, n = shape_of(a)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise TypeError(f"qr() has a derivative in the modes 'reduced' and 'r', but mode={mode!r} came for {m} rows and {n} columns")
    k = min(m, n)
    q, r = unpack(_qr(a[..., :k]), (m, k), (k, k))
    if m < n:
        r = concatenate([r, matmul(swap(q), a[..., k:])], -1)
    return r if mode == "r" else type(np.linalg.qr(np.eye(1)))(q, r)


def eigh_rule(g: Any, out: Any, x: Any, uplo: str) -> Any:
    n = shape_of(x)[-1]
    (g_w, g_v), (w, v) = unpack(g, (n,), (n, n)), unpack(out, (n,), (n, n))
    inner = antisymmetric(matmul(swap(v), g_v)) * (0.5 * inverse_gaps(w, "eigh", g))
    return symmetric(matmul(matmul(v, diagonal_matrix(g_w) + inner), swap(v)))


@primitive("linear", x=eigh_rule)
def _eigh(x: Any, uplo: str) -> Any:
    """Eigenvalues and eigenvectors of symmetric matrices, packed."""
    return pack(np.linalg.eigh(x, uplo), (1, 2))  # type: ignore[call-overload]


@composed
def eigh(a: Any, UPLO: str = "L") -> Any:
    """(eigenvalues in increasing order, eigenvectors as columns) of symmetric matrices; cotangents are symmetric."""
    n = np.shape(matrices("eigh", a))[-1]
    return type(np.linalg.eigh(np.eye(1)))(*unpack(_eigh(matrices("eigh", a), UPLO), (n,), (n, n)))


@composed
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric matrices, in increasing order."""
    return eigh(a, UPLO)[0]


def eig_rule(g: Any, out: Any, x: Any) -> Any:
    """Eigenvectors have length 1, so that a cotangent along one of them does not count."""
    n = shape_of(x)[-1]
    (g_w, g_v), (w, v) = unpack(g, (n,), (n, n)), unpack(out, (n,), (n, n))
    inner = matmul(swap(v), g_v)
    inner = inner - matmul(swap(v), v) * row(_sum(inner * np.eye(n), -1))
    return solve(swap(v), matmul(diagonal_matrix(g_w) + inner * inverse_gaps(w, "eig", g), swap(v)))


@primitive("linear", x=eig_rule)
def _eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors of matrices with real ones, packed."""
    w, v = np.linalg.eig(x)
    if np.iscomplexobj(w):
        raise ValueError("eig() got a matrix with complex eigenvalues, and complex numbers are not supported yet: use eigh() or svd()")
    return pack((w, v), (1, 2))


@composed
def eig(a: Any) -> Any:
    """(eigenvalues, eigenvectors of length 1 as columns) of square matrices whose eigenvalues are real."""
    n = np.shape(matrices("eig", a))[-1]
    return type(np.linalg.eig(np.eye(1)))(*unpack(_eig(matrices("eig", a)), (n,), (n, n)))


@composed
def eigvals(a: Any) -> Any:
    """The eigenvalues of square matrices, all of them real."""
    return eig(a)[0]


def svd_rule(g: Any, out: Any, x: Any) -> Any:
    """With the factors 1 / (s_j - s_i) and 1 / (s_j + s_i) apart, so that equal singular values only touch the first."""
    m, n = shape_of(x)[-2:]
    k = min(m, n)
    shapes = (m, k), (k,), (k, n)
    (g_u, g_s, g_vh), (u, s, vh) = unpack(g, *shapes), unpack(out, *shapes)
    of_u, of_v = antisymmetric(matmul(swap(u), g_u)), antisymmetric(matmul(vh, swap(g_vh)))
    sums = column(s) + row(s)
    inner = (of_u + of_v) * (0.5 * inverse_gaps(s, "svd", g)) + (of_u - of_v) * (0.5 * ratio(1.0, sums) * (1.0 - np.eye(k)))
    c = matmul(matmul(u, diagonal_matrix(g_s) + inner), vh)
    if m > k:  # what leaves the space of the columns, and below that of the rows
        scaled = g_u * row(ratio(1.0, s))
        c = c + matmul(scaled - matmul(u, matmul(swap(u), scaled)), vh)
    if n > k:
        scaled = column(ratio(1.0, s)) * g_vh
        c = c + matmul(u, scaled - matmul(matmul(scaled, swap(vh)), vh))
    return c


@primitive("linear", x=svd_rule)
def _svd(x: Any) -> Any:
    """U, S and Vh, packed."""
    return pack(np.linalg.svd(x, full_matrices=False), (2, 1, 2))


@composed
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """(U, S, Vh) with ``a = U @ diag(S) @ Vh``, or S alone. Of matrices that are not square, only with full_matrices=False."""
    a = matrices("svd", a, square=False)
    m, n = shape_of(a)[-2:]
    if compute_uv and full_matrices and m != n:
        raise TypeError(f"svd() of matrices of {m} rows and {n} columns has a derivative only with full_matrices=False")
    k = min(m, n)
    parts = unpack(_svd(a), (m, k), (k,), (k, n))
    return type(np.linalg.svd(np.eye(1)))(*parts) if compute_uv else parts[1]


@composed
def svdvals(x: Any, /) -> Any:
    """The singular values, largest first."""
    return svd(x, False, False)


# --- norms ----------------------------------------------------------------------------------------


def norm_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool, order: float) -> Any:
    """sign(x) |x / norm|^(p-1); of the zero vector the subgradient 0."""
    g, out = spread(g, x, axis, keepdims), spread(out, x, axis, keepdims)
    unit = ratio(x, out)
    return g * unit if order == 2.0 else g * (sign_of(x) * power(absolute(unit), order - 1.0))


@primitive("reduction", plain_axis, x=norm_rule)
def _norm(x: Any, axis: Any, keepdims: bool, order: float) -> Any:
    """The vector norm ``sum(|x| ** order) ** (1 / order)`` over `axis`, without overflow."""
    if order == 2.0 and (x.__class__ is float or x.size == 0 or np.isfinite(np.vdot(x, x))):
        return np.sqrt(np.sum(np.square(x), axis, keepdims=keepdims))
    size = np.max(np.abs(x), axis, keepdims=True, initial=0.0)
    size = np.where((size > 0.0) & np.isfinite(size), size, np.ones_like(size))
    out = np.power(np.sum(np.power(np.abs(x) / size, order), axis, keepdims=True), 1.0 / order) * size
    return out if keepdims else np.squeeze(out, axis)


@composed
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    """The norm of vectors over `axis`: ``sum(|x| ** ord) ** (1 / ord)``, inf and -inf for the extremes, 0 for a count."""
    if np.isinf(ord):
        return (_max if ord > 0 else _min)(absolute(x), axis, keepdims)
    if ord == 0:
        return _sum((np.asarray(raw(x)) != 0.0) + absolute(x) * 0.0, axis, keepdims)
    return _sum(absolute(x), axis, keepdims) if ord == 1 else _norm(x, axis, keepdims, float(ord))


@composed
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of matrices in the last two axes: "fro", "nuc", 1, -1, 2, -2, inf or -inf, as in numpy.linalg.norm."""
    if ord in (None, "fro"):
        return _norm(x, (-2, -1), keepdims, 2.0)
    if ord in (1, -1, np.inf, -np.inf):
        sums = _sum(absolute(x), -2 if abs(ord) == 1 else -1)
        out = (_max if ord > 0 else _min)(sums, -1)
    elif ord in ("nuc", 2, -2):
        values = svdvals(x)
        out = _sum(values, -1) if ord == "nuc" else values[..., 0 if ord > 0 else -1]
    else:
        raise ValueError(f"matrix_norm() knows the orders 'fro', 'nuc', 1, -1, 2, -2, inf and -inf, but {ord!r} came")
    return expand_dims(out, (-2, -1)) if keepdims else out


@composed
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """numpy.linalg.norm: of vectors over one axis, of matrices over two, of all elements by default.

    The derivative of the 2-norm at 0 is 0.
    """
    x = x if is_value(x) else np.asarray(x, dtype=float)
    ndim = len(np.shape(x))
    if axis is None and (ord is None or (ord == 2 and ndim == 1) or (ord == "fro" and ndim == 2)):
        return _norm(x, None, keepdims, 2.0)
    axis = tuple(range(ndim)) if axis is None else tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if len(axis) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm() of vectors takes a number as ord, but {ord!r} came")
        return vector_norm(x, axis=axis[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axis) != 2:
        raise ValueError(f"norm() is over one axis or two, but axis={axis} came")
    places = sorted(place % ndim for place in axis)
    out = matrix_norm(moveaxis(x, axis, (-2, -1)), ord=ord)
    return expand_dims(out, tuple(places)) if keepdims else out


@composed
def cond(x: Any, p: Any = None) -> Any:
    """The condition number of matrices: the norm times that of the inverse, by default of singular values."""
    if p in (None, 2, -2):
        values = svdvals(x)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)

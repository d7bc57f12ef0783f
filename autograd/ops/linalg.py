"""Linear algebra on matrices, and stacks of them in the last two axes: inverses, factorisations, norms.

An op with several outputs (svd, eigh, qr) packs them into the last axis of one array, from which other nodes select
them, so that the cotangents of unused outputs are zeros.

Functions of symmetric matrices (cholesky, eigh) read one triangle, as NumPy's do, and the cotangent of the other
triangle is 0; for a program that computes a symmetric matrix this makes no difference. Eigenvalues or singular values that
coincide share the mean of their cotangents, as equal elements do in sort(). Their vectors are not determined, and a
gradient through them raises a warning. Formulas: Giles (2008), Collected matrix derivative results.
"""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd.op import is_value, raw, shape_of
from autograd.ops.define import composed, mixing, primitive
from autograd.ops.elementwise import pow as power
from autograd.ops.elementwise import ratio, where
from autograd.ops.indexing import averaged_runs
from autograd.ops.kinks import abs as absolute
from autograd.ops.kinks import sign, sign_of
from autograd.ops.products import matmul, swap
from autograd.ops.reductions import _max, _min, _sum, binary_size, plain_axis, spread, squares_fit, total
from autograd.ops.shapes import (
    as_floats,
    as_tensor,
    concatenate,
    expand_dims,
    moveaxis,
    ravel,
    reshape,
    squeeze,
    transpose,
    tril,
    triu,
)

# --- several outputs in one array -----------------------------------------------------------------


def pack(parts: Any, axes: Any) -> Any:
    """Join arrays with the same leading axes: the last `axes` axes of each part, flattened, along one last axis."""
    shapes = [(shape_of(part), len(shape_of(part)) - n) for part, n in zip(parts, axes, strict=True)]
    rows = [(*shape[:lead], math.prod(shape[lead:])) for shape, lead in shapes]
    return concatenate([reshape(part, shape) for part, shape in zip(parts, rows, strict=True)], -1)


def unpack(x: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """The parts of a packed array, given their shapes after the leading axes."""
    parts, start = [], 0
    for shape in shapes:
        length = math.prod(shape)
        parts.append(reshape(x[..., start : start + length], (*shape_of(x)[:-1], *shape)))
        start += length
    return parts


def diagonal_matrix(x: Any) -> Any:
    """Diagonal matrices of vectors in the last axis."""
    return expand_dims(x, -1) * np.eye(shape_of(x)[-1])


def column(x: Any) -> Any:
    return expand_dims(x, -1)


def row(x: Any) -> Any:
    return expand_dims(x, -2)


def symmetric(x: Any) -> Any:
    return (x + swap(x)) * 0.5


def antisymmetric(x: Any) -> Any:
    return x - swap(x)


def float_tensor(x: Any) -> Any:
    """A Value, or an array, of floats."""
    return as_tensor(as_floats(x))


def as_matrices(name: str, x: Any, square: bool = True) -> Any:
    """`x` as matrices of floats; LinAlgError, as in NumPy, if it has another shape."""
    x = float_tensor(x)
    shape = np.shape(x)
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        kind = "square matrices" if square else "matrices"
        raise np.linalg.LinAlgError(f"{name}() takes {kind}, or stacks of them in the last two axes, but got the shape {shape}")
    return x


def from_triangle(x: Any, lower: bool) -> Any:
    """Symmetric matrices from the lower or upper triangle, the one that NumPy reads, so that derivatives match its result."""
    if not is_value(x):
        return x
    return tril(x) + swap(tril(x, -1)) if lower else triu(x) + swap(triu(x, 1))


def coinciding(values: Any) -> Any:
    """A mask of pairs of eigenvalues or singular values that are equal within their rounding, which grows like the root of n."""
    data = np.asarray(raw(values))
    size = np.max(np.abs(data), axis=-1, keepdims=True, initial=0.0)[..., None]
    return np.abs(row(data) - column(data)) <= 8.0 * math.sqrt(data.shape[-1]) * np.finfo(data.dtype).eps * size


def shared(g: Any, values: Any) -> Any:
    """The cotangents of sorted values, with the mean for values that coincide: the subgradient of least norm."""
    joined = np.diagonal(coinciding(values), 1, -2, -1)
    return averaged_runs(g, joined, -1) if joined.any() else g


def inverse_gaps(values: Any, name: str, *turns: Any) -> Any:
    """1 / (w_j - w_i) off the diagonal, 0 where they coincide, with a warning if its factors `turns` are not 0 there."""
    same = coinciding(values)
    others = same & ~np.eye(same.shape[-1], dtype=bool)
    if others.any() and any(np.any(raw(turn)[others]) for turn in turns):
        warnings.warn(
            f"{name}() of a matrix with values that coincide, so that their vectors are not determined: a derivative through"
            " vectors is correct for u @ vh or v @ v.T, but not for (u * f(s)) @ vh or (v * f(w)) @ v.T, where f has a slope",
            RuntimeWarning,
            stacklevel=2,
        )
    return where(same, 0.0, 1.0 / where(same, 1.0, row(values) - column(values)))


# --- inverses and determinants --------------------------------------------------------------------


@mixing
@primitive("linear", x=lambda g, out, x: -matmul(matmul(swap(out), g), swap(out)))
def _inv(x: Any) -> Any:
    """The operation of inv()."""
    return np.linalg.inv(x)


@composed
def inv(a: Any) -> Any:
    """Invert square matrices, (..., n, n). Raise LinAlgError if one is singular."""
    return _inv(as_matrices("inv", a))


def solve_rule(g: Any, out: Any, values: tuple[Any, Any]) -> tuple[Any, Any]:
    """One solution of the transposed system gives both cotangents."""
    a, b = values
    c = solve(swap(a), g)
    if len(shape_of(b)) == 1:
        return -column(c) * row(out), c
    return -matmul(c, swap(out)), c


@mixing
@primitive("linear", lambda values: (tuple(values),), symbol="solve({})", values=solve_rule)
def _solve(values: tuple[Any, Any]) -> Any:
    """The operation of solve()."""
    return np.linalg.solve(*values)


@composed
def solve(a: Any, b: Any) -> Any:
    """Solve ``a @ x = b`` for x: (..., m, m) and (m) -> (..., m), or (..., m, m) and (..., m, k) -> (..., m, k).

    Raise LinAlgError if a matrix is singular.
    """
    a, b = as_floats(a, b)
    a, b = as_matrices("solve", a), float_tensor(b)
    return squeeze(_solve((a, column(b))), -1) if len(np.shape(b)) == 1 and len(np.shape(a)) > 2 else _solve((a, b))


def per_matrix(g: Any) -> Any:
    """One number for each matrix of a stack, with new axes to multiply it by the matrices."""
    return expand_dims(g, (-2, -1)) if shape_of(g) else g


def cofactors(x: Any) -> Any:
    """The derivative of the determinant by minors, n^2 determinants of n - 1 rows: exact for every matrix and order."""
    n = shape_of(x)[-1]
    rest = np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=int).reshape(n, n - 1)
    minors = x[..., rest[:, None, :, None], rest[None, :, None, :]]  # (..., n, n, n - 1, n - 1)
    signs = (-1.0) ** np.add.outer(range(n), range(n))
    return (_det(minors, True) if n > 1 else np.ones(shape_of(x))) * signs


def singular_slope(x: Any, out: Any) -> Any:
    """The derivative of the determinant of matrices that are singular, or so close to it that an inverse would lose digits.

    In the bases of its singular vectors, which are constants, x is ((a, b), (c, d)) with a regular a of r rows. Then
    out = det(u) det(vh) det(a) det(s) with s = d - c inv(a) b, which is small and is differentiated by minors.
    """
    u, values, vh = np.linalg.svd(raw(x))
    n = values.shape[-1]
    r = min(n - 1, int(np.min(np.sum(values > np.finfo(values.dtype).eps ** 0.25 * values[..., :1], axis=-1))))
    if n - r > 6:  # the product of so many small numbers is 0 within rounding, and there would be too many minors
        return per_matrix(out) * swap(_pinv(x, 0.0, False, None))
    parts = matmul(matmul(swap(u), x), swap(vh))
    inverse = _inv(parts[..., :r, :r])
    left, right = matmul(parts[..., r:, :r], inverse), matmul(inverse, parts[..., :r, r:])
    small = parts[..., r:, r:] - matmul(left, parts[..., :r, r:])
    scale = _det(parts[..., :r, :r], False) * (np.linalg.det(u) * np.linalg.det(vh))
    slope = cofactors(small) * per_matrix(scale)  # (..., n - r, n - r)
    into, onto = u[..., r:] - matmul(u[..., :r], swap(left)), vh[..., r:, :] - matmul(swap(right), vh[..., :r, :])
    return matmul(matmul(into, slope), onto) + per_matrix(out) * matmul(matmul(u[..., :r], swap(inverse)), vh[..., :r, :])


def det_rule(g: Any, out: Any, x: Any, by_minors: bool) -> Any:
    """det(x) times the transposed inverse."""
    data = raw(x)
    if by_minors:
        return per_matrix(g) * cofactors(x)
    if data.size and np.isfinite(data).all() and np.any(np.linalg.cond(data, 1) > np.finfo(data.dtype).eps ** -0.4):
        return per_matrix(g) * singular_slope(x, out)
    return per_matrix(g * out) * swap(_inv(x))


@mixing
@primitive("linear", x=det_rule)
def _det(x: Any, by_minors: bool) -> Any:
    """The operation of det(); `by_minors`, derivatives need no division, so that the numbers may be tiny."""
    return np.linalg.det(x)


@composed
def det(a: Any) -> Any:
    """Compute the determinant of square matrices; the derivatives are correct at every order, also of singular matrices."""
    return _det(as_matrices("det", a), False)


def logabsdet_rule(g: Any, out: Any, x: Any) -> Any:
    if np.any(np.isneginf(raw(out))):
        raise np.linalg.LinAlgError("slogdet() of a singular matrix is -inf and has no derivative: take det(), which has one")
    return per_matrix(g) * swap(_inv(x))


@mixing
@primitive("linear", x=logabsdet_rule)
def _logabsdet(x: Any) -> Any:
    """The logarithm of the absolute determinant."""
    return np.linalg.slogdet(x)[1]


@composed
def slogdet(a: Any) -> Any:
    """Return (sign, logarithm of the absolute value) of the determinant; the sign is plain.

    Raise LinAlgError in the backward pass of a singular matrix.
    """
    a = as_matrices("slogdet", a)
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


@mixing
@primitive("linear", x=pinv_rule)
def _pinv(x: Any, rcond: Any, hermitian: bool, rtol: Any) -> Any:
    """The operation of pinv()."""
    return np.linalg.pinv(x, rcond, hermitian, **({} if rtol is None else {"rtol": rtol}))


@composed
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Compute the Moore-Penrose inverse, differentiable where the rank is constant; of `hermitian` matrices from one triangle."""
    a = as_matrices("pinv", a, square=hermitian)
    return _pinv(from_triangle(a, True) if hermitian else a, rcond, hermitian, rtol)


@composed
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Return (x, residuals, rank, singular values) of the least-squares problem ``a @ x = b``; the rank is plain."""
    a, b = as_floats(a, b)
    a, b = as_matrices("lstsq", a, square=False), float_tensor(b)
    _, residuals, rank, _ = np.linalg.lstsq(raw(a), raw(b), rcond)
    eps = np.finfo(raw(a).dtype).eps
    rcond = eps * max(np.shape(a)) if rcond is None else eps if rcond < 0 else rcond  # as in LAPACK
    x = matmul(_pinv(a, rcond, False, None), b)
    error = b - matmul(a, x)
    return x, (_sum(error * error, 0, len(shape_of(b)) == 1) if len(residuals) else residuals), rank, svdvals(a)


@composed
def matrix_power(a: Any, n: int) -> Any:
    """Raise square matrices to the power n by repeated squaring; a negative n takes the inverse."""
    a, n = as_matrices("matrix_power", a), operator.index(n)
    if n < 0:
        a, n = _inv(a), -n
    out: Any = None
    while n:
        if n % 2:
            out = a if out is None else matmul(out, a)
        n //= 2
        a = matmul(a, a) if n else a
    return power(a, 0.0) * np.eye(shape_of(a)[-1], dtype=a.dtype) if out is None else out


@composed
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Solve ``tensordot(a, x, x.ndim) = b`` for x."""
    if axes is not None:
        axes = normalize_axis_tuple(axes, len(np.shape(a)))
        a = transpose(a, (*(axis for axis in range(len(np.shape(a))) if axis not in axes), *axes))
    shape = np.shape(a)[len(np.shape(b)) :]
    return reshape(solve(reshape(a, (-1, math.prod(shape))), ravel(b)), shape)


@composed
def tensorinv(a: Any, ind: int = 2) -> Any:
    """Invert ``x -> tensordot(a, x)``, with the first `ind` axes of `a` on one side."""
    shape = np.shape(a)
    return reshape(inv(reshape(a, (math.prod(shape[:ind]), -1))), shape[ind:] + shape[:ind])


# --- factorisations -------------------------------------------------------------------------------


def cholesky_rule(g: Any, out: Any, x: Any) -> Any:
    """Murray (2016), Differentiation of the Cholesky decomposition."""
    inner = tril(matmul(swap(out), g))
    inner = inner - inner * (0.5 * np.eye(shape_of(x)[-1]))  # the diagonal halved
    return symmetric(solve(swap(out), swap(solve(swap(out), swap(inner)))))


@mixing
@primitive("linear", x=cholesky_rule)
def _cholesky(x: Any) -> Any:
    """The operation of cholesky()."""
    return np.linalg.cholesky(x)


@composed
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """Return the lower triangular L with ``L @ L.T = a``, or L.T if `upper`, of symmetric matrices, read from one triangle.

    Raise LinAlgError if `a` is not positive definite.
    """
    a = from_triangle(as_matrices("cholesky", a), not upper)
    return swap(_cholesky(swap(a))) if upper else _cholesky(a)  # NumPy reads the triangle it returns


def qr_rule(g: Any, out: Any, x: Any) -> Any:
    """Walter and Lehmann (2010), for at least as many rows as columns."""
    m, n = shape_of(x)[-2:]
    (g_q, g_r), (q, r) = unpack(g, (m, n), (n, n)), unpack(out, (m, n), (n, n))
    sizes = np.abs(np.diagonal(raw(r), 0, -2, -1))
    if np.any(sizes <= np.max(sizes, -1, keepdims=True, initial=0.0) * (m * np.finfo(sizes.dtype).eps)):
        raise np.linalg.LinAlgError("qr() has a derivative only if the columns (of a wide matrix the first ones) are independent")
    inner = matmul(r, swap(g_r)) - matmul(swap(g_q), q)
    lower = tril(inner, -1)
    inner = lower + swap(lower) + inner * np.eye(n)
    return swap(solve(r, swap(g_q + matmul(q, inner))))


@mixing
@primitive("linear", x=qr_rule)
def _qr(x: Any) -> Any:
    """Q and R of matrices with at least as many rows as columns, packed."""
    return pack(np.linalg.qr(x), (2, 2))


@composed
def qr(a: Any, mode: str = "reduced") -> Any:
    """Return (Q, R) with orthonormal columns in Q and R upper triangular, or R alone in the mode "r", for matrices of full rank.

    In the mode "complete" the last columns of Q are one of many choices, and only functions that do not depend on the
    choice have a derivative.
    """
    a = as_matrices("qr", a, square=False)
    m, n = shape_of(a)[-2:]
    if mode not in ("reduced", "r", "complete"):
        if not is_value(a) or mode != "raw":
            return np.linalg.qr(raw(a), mode)  # type: ignore[call-overload]
        raise TypeError("qr() has a derivative in the modes 'reduced', 'complete' and 'r', but got mode='raw'")
    k = min(m, n)
    q, r = unpack(_qr(a[..., :k]), (m, k), (k, k))
    if m < n:
        r = concatenate([r, matmul(swap(q), a[..., k:])], -1)
    if mode == "r":
        return r
    if mode == "complete" and m > n:
        q = completed(q, np.linalg.qr(raw(a), "complete")[0][..., k:])
        r = concatenate([r, np.zeros((*shape_of(r)[:-2], m - n, n), r.dtype)], -2)
    return type(np.linalg.qr(np.eye(1)))(q, r)


def eigh_rule(g: Any, out: Any, x: Any, uplo: str) -> Any:
    n = shape_of(x)[-1]
    (g_w, g_v), (w, v) = unpack(g, (n,), (n, n)), unpack(out, (n,), (n, n))
    turn = matmul(swap(v), g_v)
    inner = antisymmetric(turn) * (0.5 * inverse_gaps(w, "eigh", turn))
    return symmetric(matmul(matmul(v, diagonal_matrix(shared(g_w, w)) + inner), swap(v)))


@mixing
@primitive("linear", x=eigh_rule)
def _eigh(x: Any, uplo: str) -> Any:
    """Eigenvalues and eigenvectors of symmetric matrices, packed."""
    return pack(np.linalg.eigh(x, uplo), (1, 2))  # type: ignore[call-overload]


@composed
def eigh(a: Any, UPLO: str = "L") -> Any:
    """Return (eigenvalues in increasing order, eigenvectors as columns) of symmetric matrices, read from one triangle."""
    uplo = str(UPLO).upper()
    if uplo not in ("L", "U"):
        raise ValueError(f"eigh() takes 'L' or 'U' as UPLO, the triangle to read, but got {UPLO!r}")
    a = from_triangle(as_matrices("eigh", a), uplo == "L")
    n = shape_of(a)[-1]
    return type(np.linalg.eigh(np.eye(1)))(*unpack(_eigh(a, uplo), (n,), (n, n)))


@composed
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues of symmetric matrices, in increasing order."""
    return eigh(a, UPLO)[0]


def eig_rule(g: Any, out: Any, x: Any) -> Any:
    """As eigenvectors have length 1, a cotangent along one of them has no effect."""
    n = shape_of(x)[-1]
    (g_w, g_v), (w, v) = unpack(g, (n,), (n, n)), unpack(out, (n,), (n, n))
    inner = matmul(swap(v), g_v)
    inner = inner - matmul(swap(v), v) * row(_sum(inner * np.eye(n), -1))
    return solve(swap(v), matmul(diagonal_matrix(g_w) + inner * inverse_gaps(w, "eig", inner), swap(v)))


@mixing
@primitive("linear", x=eig_rule)
def _eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors of matrices with real ones, packed."""
    w, v = np.linalg.eig(x)
    if np.any(np.imag(w) != 0.0):  # NumPy 2.5 returns complex numbers for real ones as well
        raise np.linalg.LinAlgError(
            "eig() got complex eigenvalues, and complex numbers are not supported yet: use eigh() or svd()"
        )
    return pack((np.real(w), np.real(v)), (1, 2))


@composed
def eig(a: Any) -> Any:
    """Return (eigenvalues, eigenvectors of length 1 as columns) of square matrices. Raise LinAlgError for complex ones."""
    n = np.shape(as_matrices("eig", a))[-1]
    return type(np.linalg.eig(np.eye(1)))(*unpack(_eig(as_matrices("eig", a)), (n,), (n, n)))


@composed
def eigvals(a: Any) -> Any:
    """Return the eigenvalues of square matrices. Raise LinAlgError for complex ones."""
    return eig(a)[0]


def negligible(s: Any, shape: tuple[int, ...]) -> Any:
    """A mask of singular values that are 0 within rounding, as in matrix_rank()."""
    s = np.asarray(raw(s))
    return s <= s[..., :1] * (max(shape[-2:]) * np.finfo(s.dtype).eps)


def svd_rule(g: Any, out: Any, x: Any, hermitian: bool, full: bool) -> Any:
    """The factors 1 / (s_j - s_i) and 1 / (s_j + s_i) are separate, so that equal singular values only concern the first.

    A singular value has a kink at 0, like abs, with the derivative 0. The columns that complete U and V to square matrices
    are functions of the others.
    """
    m, n = shape_of(x)[-2:]
    k = min(m, n)
    shapes = (m, m if full else k), (k,), (n if full else k, n)
    (g_u, g_s, g_vh), (u, s, vh) = unpack(g, *shapes), unpack(out, *shapes)
    g_u, u, g_vh, vh = g_u[..., :k], u[..., :k], g_vh[..., :k, :], vh[..., :k, :]
    zero = negligible(s, (m, n))
    warn_of_zeros(zero, *map(raw, (g_u, g_s, g_vh)))
    turn_u, turn_v = matmul(swap(u), g_u), matmul(vh, swap(g_vh))
    of_u, of_v = antisymmetric(turn_u), antisymmetric(turn_v)
    sums = column(s) + row(s)
    inner = (of_u + of_v) * (0.5 * inverse_gaps(s, "svd", turn_u, turn_v))
    inner = inner + (of_u - of_v) * (0.5 * ratio(1.0, sums) * (1.0 - np.eye(k)))
    c = matmul(matmul(u, diagonal_matrix(where(zero, 0.0, shared(g_s, s))) + inner), vh)
    inverses = where(zero, 0.0, 1.0 / where(zero, 1.0, s))
    if m > k:  # the part outside the column space, and below the part outside the row space
        scaled = g_u * row(inverses)
        c = c + matmul(scaled - matmul(u, matmul(swap(u), scaled)), vh)
    if n > k:
        scaled = column(inverses) * g_vh
        c = c + matmul(u, scaled - matmul(matmul(scaled, swap(vh)), vh))
    return c


def warn_of_zeros(zero: Any, g_u: Any, g_s: Any, g_vh: Any) -> None:
    """Warn if a derivative needs the vectors of singular values that are 0, which are not determined."""
    vectors = np.any(row(zero) & (g_u != 0.0)) or np.any(column(zero) & (g_vh != 0.0))
    if zero.any() and (vectors or (np.any(zero & (g_s != 0.0)) and (g_u.any() or g_vh.any()))):
        warnings.warn(
            "svd() of a matrix without full rank: the vectors of singular values that are 0 are not determined, and the"
            " derivative is 0 in their directions, also where u, s and vh are multiplied again",
            RuntimeWarning,
            stacklevel=2,
        )


@mixing
@primitive("linear", x=svd_rule)
def _svd(x: Any, hermitian: bool, full: bool) -> Any:
    """U, S and Vh, packed."""
    return pack(np.linalg.svd(x, full, True, hermitian), (2, 1, 2))


def complement_rule(g: Any, out: Any, u: Any, rest: Any) -> Any:
    """The rule for functions of the space that the columns span; ValueError for those that depend on the choice of columns."""
    turns = np.matmul(swap(raw(out)), raw(g))
    eps, size = np.finfo(turns.dtype).eps, np.max(np.abs(raw(g)), initial=0.0)
    if (
        np.max(np.abs(turns - swap(turns)), initial=0.0) > eps**0.5 * size + 1e3 * eps
    ):  # more than the rounding of terms that cancel
        raise ValueError(
            f"the last {shape_of(out)[-1]} of {shape_of(out)[-2]} orthonormal vectors, which complete a basis, are one choice of"
            " many: only functions that do not depend on it have a derivative, as rest @ rest.T; else take full_matrices=False"
            " or the mode 'reduced'"
        )
    return -matmul(matmul(out, swap(g)), u)


@mixing
@primitive("linear", u=complement_rule)
def _complement(u: Any, rest: Any) -> Any:
    """The columns `rest` that complete the orthonormal columns u, as a function of them."""
    return rest


def completed(u: Any, rest: Any) -> Any:
    """Orthonormal columns, joined with those that complete them."""
    return concatenate([u, _complement(u, raw(rest))], -1)


@composed
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Return (U, S, Vh) with ``a = U @ diag(S) @ Vh``, or S alone; for `hermitian` matrices from the lower triangle.

    With full_matrices the last columns of U, or rows of Vh, are one of many choices, and only functions that do not depend on
    the choice have a derivative.
    """
    a = as_matrices("svd", a, square=hermitian)
    a = from_triangle(a, True) if hermitian else a
    m, n = shape_of(a)[-2:]
    k, full = min(m, n), bool(full_matrices and compute_uv and m != n)
    u, s, vh = unpack(_svd(a, hermitian, full), (m, m if full else k), (k,), (n if full else k, n))
    if not compute_uv:
        return s
    if m > k and full:
        u = completed(u[..., :k], u[..., k:])
    if n > k and full:
        vh = swap(completed(swap(vh[..., :k, :]), swap(vh[..., k:, :])))
    return type(np.linalg.svd(np.eye(1)))(u, s, vh)


@composed
def svdvals(x: Any, /) -> Any:
    """Return the singular values, largest first."""
    return svd(x, False, False)


# --- norms ----------------------------------------------------------------------------------------


def norm_rule(g: Any, out: Any, x: Any, axis: Any, keepdims: bool, order: float) -> Any:
    """g sign(x) |x / norm|^(p-1); 0 for an element 0 and for the zero vector, the subgradient of least norm."""
    g, out = spread(g, x, axis, keepdims), spread(out, x, axis, keepdims)
    if order == 2.0:
        return g * ratio(x, out)
    part = ratio(absolute(x), out) if order > 1.0 else ratio(out, absolute(x))
    return g * (sign_of(x) * power(part, math.fabs(order - 1.0)))


@primitive("reduction", plain_axis, x=norm_rule)
def _norm(x: Any, axis: Any, keepdims: bool, order: float) -> Any:
    """The vector norm ``sum(|x| ** order) ** (1 / order)`` over `axis`, without overflow or underflow."""
    if order == 2.0:
        with np.errstate(over="ignore"):
            squares = total(np.square(x), axis, keepdims)
        if squares_fit(squares) or not np.any(x):
            return np.sqrt(squares)
    size = binary_size(np.max(np.abs(x), axis, keepdims=True, initial=0.0))
    out = np.power(total(np.power(np.abs(x) / size, order), axis, True), 1.0 / order) * size
    return out if keepdims else np.squeeze(out, axis)


def largest(x: Any, axis: Any, keepdims: bool = False) -> Any:
    """The maximum of numbers that are not negative; 0 if there are none."""
    return (_max if np.size(raw(x)) else _sum)(x, axis, keepdims)


@composed
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    """Compute the norm of vectors over `axis`: ``sum(|x| ** ord) ** (1 / ord)``; inf and -inf give the extremes, 0 a count."""
    x = float_tensor(x)
    if np.isinf(ord):
        return (largest if ord > 0 else _min)(absolute(x), axis, keepdims)
    if ord in (0, 1):
        return _sum(absolute(x if ord else sign(x)), axis, keepdims)
    return _norm(x, axis, keepdims, float(ord))


@composed
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Compute the norm of matrices in the last two axes: "fro", "nuc", 1, -1, 2, -2, inf or -inf, as numpy.linalg.norm."""
    x = as_matrices("matrix_norm", x, square=False)
    if ord in (None, "f", "fro"):
        return _norm(x, (-2, -1), keepdims, 2.0)
    if ord not in ("nuc", 1, -1, 2, -2, np.inf, -np.inf):
        raise ValueError(f"matrix_norm() takes the orders 'fro', 'nuc', 1, -1, 2, -2, inf and -inf, but got {ord!r}")
    values = svdvals(x) if ord in ("nuc", 2, -2) else _sum(absolute(x), -2 if abs(ord) == 1 else -1)
    out = (_sum if ord == "nuc" else largest if ord > 0 else _min)(values, -1, keepdims)
    return expand_dims(out, -1) if keepdims else out


@composed
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Compute numpy.linalg.norm: of vectors over one axis, of matrices over two, of all elements by default.

    The derivative of the 2-norm at 0 is 0.
    """
    x = float_tensor(x)
    ndim = len(np.shape(x))
    if axis is None and (ord is None or (ord == 2 and ndim == 1) or (ord in ("f", "fro") and ndim == 2)):
        return _norm(x, None, keepdims, 2.0)
    axis = normalize_axis_tuple(range(ndim) if axis is None else axis, ndim)
    if len(axis) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm() of vectors takes a number as ord, but got {ord!r}")
        return vector_norm(x, axis=axis[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axis) != 2:
        raise ValueError(f"norm() takes one axis or two, but got axis={axis}")
    out = matrix_norm(moveaxis(x, axis, (-2, -1)), keepdims=keepdims, ord=ord)
    return moveaxis(out, (-2, -1), axis) if keepdims else out


@composed
def cond(x: Any, p: Any = None) -> Any:
    """Compute the condition number, the norm times that of the inverse; by default from singular values; inf if singular."""
    x = as_matrices("cond", x, square=p not in (None, 2, -2))
    plain = np.linalg.cond(raw(x), p)  # raises NumPy's errors
    infinite = np.isinf(plain)
    if p in (None, 2, -2):
        values = svdvals(x)
        most, least = _max(values, -1), _min(values, -1)
        with np.errstate(all="ignore"):
            out = least / most if p == -2 else most / least
        return where(infinite, np.inf, out) if np.any(np.isnan(raw(out)) & infinite) else out
    if not np.any(infinite):
        return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)
    safe = where(infinite[..., None, None], np.eye(shape_of(x)[-1]), x)
    return where(infinite, (1.0 + matrix_norm(x, ord=p)) * np.inf, matrix_norm(x, ord=p) * matrix_norm(inv(safe), ord=p))

"""Special cases of linear algebra: one triangle, vectors that complete a basis, deficient ranks, complex eigenvalues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Value, grad
from autograd.ops import linalg, table
from autograd.verify import check_gradients

RNG = np.random.default_rng(5)
PLANE = RNG.standard_normal((4, 2)) @ RNG.standard_normal((2, 3))  # of rank 2
U, S, VH = np.linalg.svd(PLANE, full_matrices=False)


# --- nuclear norms and their like -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "slope"),
    [
        (np.ones((2, 2)), np.full((2, 2), 0.5)), (np.ones((3, 2)), np.full((3, 2), 6**-0.5)),
        (np.zeros((2, 3)), np.zeros((2, 3))),
        (PLANE, U[:, :2] @ VH[:2]), (1e-200 * PLANE, U[:, :2] @ VH[:2]), (1e200 * PLANE.T, (U[:, :2] @ VH[:2]).T),
        (np.diag([3.0, -2.0, 0.0]), np.diag([1.0, -1.0, 0.0])), (np.outer([3.0, 4.0], [0.0, -2.0]), [[0.0, -0.6], [0.0, -0.8]]),
    ],
)  # fmt: skip
def test_the_nuclear_norm_of_any_rank_has_the_slope_of_least_norm(matrix: Any, slope: Any) -> None:
    """u_r @ vh_r of the singular values that are not 0 within rounding."""
    for f in (
        lambda x: np.linalg.norm(x, "nuc"), lambda x: np.linalg.matrix_norm(x, ord="nuc"), lambda x: np.linalg.svdvals(x).sum(),
        lambda x: np.linalg.svd(x)[1].sum(), lambda x: np.linalg.svd(x, compute_uv=False).sum(),
    ):  # fmt: skip
        np.testing.assert_allclose(grad(f)(np.array(matrix)), slope, atol=1e-12)
        if 1e-3 < np.max(np.abs(matrix)) < 1e3:
            stack = np.stack([matrix, matrix * 2.0]).astype(np.float32)
            np.testing.assert_allclose(grad(lambda x, f=f: f(x[0]) + f(x[1]))(stack), [slope, slope], atol=1e-6)


def test_norms_of_a_singular_matrix() -> None:
    np.testing.assert_allclose(grad(lambda x: np.linalg.norm(x, -2))(PLANE), np.zeros((4, 3)), atol=1e-15)
    np.testing.assert_allclose(grad(lambda x: np.linalg.norm(x, 2))(PLANE), np.outer(U[:, 0], VH[0]), atol=1e-12)
    with np.errstate(all="ignore"):
        for p in (None, 2, 1, np.inf, "fro"):
            assert np.linalg.cond(Value(np.array([[1.0, 0.0], [0.0, 0.0]])), p).data == np.inf
            assert np.linalg.cond(Value(np.zeros((2, 2))), p).data == np.linalg.cond(np.zeros((2, 2)), p)
            assert np.linalg.cond(Value(np.stack([np.eye(2), np.zeros((2, 2))])), p).data.tolist()[1] == np.inf


def test_vectors_of_singular_values_that_are_zero_are_not_determined() -> None:
    weights = RNG.standard_normal((4, 3))

    def rebuilt(x: Any) -> Any:
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        return ((u * s) @ vh * weights).sum()

    with pytest.warns(RuntimeWarning, match="without full rank: the vectors of singular values that are 0 are not determined"):
        grad(rebuilt)(PLANE)
    np.testing.assert_allclose(grad(rebuilt)(PLANE + np.eye(4, 3)), weights, atol=1e-12)
    first = grad(lambda x: np.sin(np.linalg.svd(x)[0][:, 0]).sum())(PLANE)  # is determined, and gives no warning
    numbers = [(np.sin(np.linalg.svd(PLANE + step)[0][:, 0]).sum()) for step in (1e-6 * weights, -1e-6 * weights)]
    np.testing.assert_allclose((first * weights).sum(), (numbers[0] - numbers[1]) / 2e-6, rtol=1e-6)


# --- complete bases -------------------------------------------------------------------------------


def projection(x: Any) -> Any:
    return x @ x.swapaxes(-1, -2)


def test_bases_completed_by_svd_and_qr() -> None:
    """Where the choice of the last vectors has no effect, derivatives are those of I minus the projection on the others."""
    x, weights = RNG.standard_normal((5, 2)), RNG.standard_normal((5, 5))

    def onto(x: Any) -> Any:
        return x @ np.linalg.solve(x.T @ x, x.T)

    right = -grad(lambda x: (onto(x) * weights).sum())(x)
    for f in (
        lambda x: projection(np.linalg.svd(x)[0][:, 2:]), lambda x: projection(np.linalg.svd(x.T)[2][2:].T),
        lambda x: projection(np.linalg.qr(x, "complete")[0][:, 2:]),
    ):  # fmt: skip
        np.testing.assert_allclose(grad(lambda x, f=f: (f(x) * weights).sum())(x), right, atol=1e-12)
        assert check_gradients(lambda x, f=f: (f(x) * weights).sum(), x, order=2).ok
    for f in (
        lambda x: np.linalg.svd(x)[0][0, 2],
        lambda x: np.linalg.svd(x.T)[2][3, 0],
        lambda x: np.linalg.qr(x, "complete")[0][0, 4],
    ):
        with pytest.raises(
            ValueError, match=r"the last 3 of 5 orthonormal vectors.*one choice of many.*take full_matrices=False"
        ):
            grad(f)(x)
    stack = np.stack([x, 2.0 * x + 1.0])
    for ours, theirs in (
        (np.linalg.svd(Value(stack)), np.linalg.svd(stack)),
        (np.linalg.qr(Value(stack), "complete"), np.linalg.qr(stack, "complete")),
    ):  # fmt: skip
        for part, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(part.data, expected, atol=1e-13)
    for empty in (np.zeros((3, 0)), np.zeros((0, 2))):
        assert [part.shape for part in np.linalg.svd(Value(empty))] == [part.shape for part in np.linalg.svd(empty)]


def test_qr_of_dependent_columns_is_refused() -> None:
    for mode in ("reduced", "r", "complete"):
        with pytest.raises(np.linalg.LinAlgError, match=r"qr\(\) has a derivative only if the columns.*are independent"):
            grad(lambda x, mode=mode: np.sum(np.linalg.qr(x, mode)[0]))(np.ones((3, 2)))


# --- one triangle ---------------------------------------------------------------------------------

LEFT, RIGHT = np.array([[2.0, 0.0], [1.0, 3.0]]), np.array([[2.0, 1.0], [0.0, 3.0]])


@pytest.mark.parametrize(
    ("call", "lower"),
    [
        (lambda x: np.linalg.eigh(x, "l")[0], True), (lambda x: np.linalg.eigh(x, "L")[0], True),
        (lambda x: np.linalg.eigh(x, "u")[0], False), (lambda x: np.linalg.eigvalsh(x, "U"), False),
        (lambda x: np.linalg.eigh(x, UPLO="u")[1] ** 2, False), (lambda x: np.linalg.svd(x, hermitian=True)[1], True),
        (lambda x: np.linalg.svd(x, hermitian=True)[0] ** 2, True), (lambda x: np.linalg.pinv(x, hermitian=True), True),
        (lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True), True), (lambda x: np.linalg.pinv(x, None, True), True),
    ],
)  # fmt: skip
def test_which_triangle_is_read(call: Callable[[Any], Any], lower: bool) -> None:
    """The other triangle has no effect: values are NumPy's, and its cotangent is 0."""
    for data in (LEFT, RIGHT, np.array([[2.0, 0.7], [0.7, -3.0]]), RNG.standard_normal((3, 3))):
        np.testing.assert_allclose(call(Value(data)).data, call(data), atol=1e-13)
        slope = grad(lambda x: np.sum(call(x) ** 2 * np.arange(1.0, 1.0 + x.shape[0])))(data)
        assert not np.any(np.triu(slope, 1) if lower else np.tril(slope, -1))
    assert check_gradients(call, LEFT, order=2).ok


def test_an_unknown_triangle_or_a_matrix_without_one_is_refused() -> None:
    for function in (np.linalg.eigh, np.linalg.eigvalsh):
        with pytest.raises(ValueError, match="'L' or 'U' as UPLO.*'x'"):
            function(Value(LEFT), "x")
    for hermitian in (np.linalg.svd, np.linalg.pinv):
        with pytest.raises(ValueError, match="takes square matrices"):
            hermitian(Value(np.ones((2, 3))), hermitian=True)


# --- eigenvalues ----------------------------------------------------------------------------------


def test_eigenvalues_that_are_not_real_are_refused() -> None:
    for function in (np.linalg.eig, np.linalg.eigvals):
        with pytest.raises(np.linalg.LinAlgError, match=r"^eig\(\) got complex eigenvalues, and .* use eigh\(\) or svd\(\)"):
            function(Value([[0.0, 1.0], [-1.0, 0.0]]))


def test_real_eigenvalues_as_complex_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer versions of NumPy return complex numbers for all matrices."""
    eig, data = np.linalg.eig, np.array([[2.0, 1.0], [0.5, 3.0]])
    expected = grad(lambda x: np.linalg.eigvals(x)[0] + np.linalg.eig(x)[1][0, 0])(data)
    implementation = getattr(eig, "_implementation", eig)

    def widened(x: Any) -> Any:
        if isinstance(x, Value):
            return eig(x)
        w, v = implementation(x)
        return type(implementation(np.eye(1)))(w.astype(complex), v.astype(complex))

    monkeypatch.setattr(np.linalg, "eig", widened)
    np.testing.assert_allclose(np.linalg.eig(Value(data))[0].data, implementation(data)[0])
    found = grad(lambda x: np.linalg.eigvals(x)[0] + np.linalg.eig(x)[1][0, 0])(data)
    np.testing.assert_allclose(found, expected)
    with pytest.raises(np.linalg.LinAlgError, match="complex eigenvalues"):
        np.linalg.eigvals(Value([[0.0, 1.0], [-1.0, 0.0]]))


def test_the_logarithm_of_a_determinant_that_is_zero() -> None:
    with pytest.raises(np.linalg.LinAlgError, match=r"slogdet\(\) of a singular matrix is -inf.*take det\(\)"):
        grad(lambda x: np.linalg.slogdet(x)[1])(np.zeros((2, 2)))


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-158, 1e200, 1e300])
def test_lengths_and_deviations_keep_their_slopes_where_squares_leave_the_range_of_floats(scale: float) -> None:
    tolerance = 1e-3 if scale < 1e-300 else 1e-12  # few digits are left in the smallest numbers
    x = scale * np.array([3.0, 4.0])
    np.testing.assert_allclose(np.linalg.norm(Value(x)).data / scale, 5.0, rtol=tolerance)
    np.testing.assert_allclose(grad(np.linalg.norm)(x), [0.6, 0.8], rtol=tolerance)
    np.testing.assert_allclose(np.std(Value(x)).data / scale, 0.5, rtol=tolerance)
    np.testing.assert_allclose(grad(np.std)(x), [-0.5, 0.5], rtol=tolerance)
    rows = np.stack([x, [3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(grad(lambda a: np.linalg.norm(a, axis=1).sum())(rows)[:2], [[0.6, 0.8]] * 2, rtol=tolerance)
    slopes = grad(lambda a: np.std(a, axis=1, ddof=1).sum())(rows)
    np.testing.assert_allclose(slopes, np.sqrt(0.5) * np.array([[-1, 1], [-1, 1], [0, 0]]), rtol=tolerance)


def test_inverses_and_factorisations_say_that_they_mix_the_elements_of_a_matrix() -> None:
    """Verification judges their rounding by the largest element."""
    mixing = {name for name, op in table().items() if op.mixes}
    assert mixing == {name for name, op in table().items() if op.__module__ == linalg.__name__ and op.kind == "linear"}
    assert {"inv", "solve", "det", "qr", "svd", "eigh", "eig", "cholesky", "pinv"} <= mixing

"""Ranges, padding, polynomials, sets, statistics and plain indices of Values at their edges, against NumPy and closed forms."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

from autograd import Value, grad, logsumexp
from autograd.numpy.dispatch import CONSTANT, IN_PLACE, SUPPORTED
from autograd.verify import check_gradients

V = Value([3.0, 1.0, 2.0])


# --- ranges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "stop"),
    [(1.0, 1000.0), (-3.0, -7e5), (1e-200, 1e-300), (1e300, 1e-300), (-5e-324, -1.0), (3.0, 3.0), (0.1, 0.7),
     ([1.0, 2.0], [9.0, 5.0])],
)  # fmt: skip
def test_a_geometric_range_has_exact_ends(start: Any, stop: Any) -> None:
    for num in (1, 2, 3, 9):
        out, expected = np.geomspace(Value(start), stop, num).data, np.geomspace(start, stop, num)
        np.testing.assert_array_equal(out[0], start)
        if num > 1:
            np.testing.assert_array_equal(out[-1], stop)
        np.testing.assert_allclose(np.log(np.abs(out)), np.log(np.abs(expected)), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(
            np.geomspace(start, Value(stop), num, endpoint=False).data, np.geomspace(start, stop, num, False)
        )
    slope = grad(lambda start: np.sum(np.geomspace(start, stop, 5)[[0, 4]]))(np.array(start))
    np.testing.assert_array_equal(slope, np.ones(np.shape(start)))


@pytest.mark.parametrize(("start", "stop"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), ([1.0, 2.0], [3.0, -1.0])])
def test_a_geometric_range_does_not_cross_zero(start: Any, stop: Any) -> None:
    with pytest.raises(ValueError, match="numbers of the same sign other than 0"):
        np.geomspace(Value(start), stop, 3)


def test_ends_of_other_ranges() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.float64, np.float32):
        a, b = rng.standard_normal((2, 200)).astype(dtype)
        out = np.linspace(Value(a), b, 7)
        assert out.dtype == dtype
        np.testing.assert_array_equal(out.data[[0, -1]], [a, b])
        assert (np.linspace(Value(a), a, 9).data == a).all()
    np.testing.assert_array_equal(np.logspace(Value(-2.0), 3.0, 6).data[[0, -1]], [0.01, 1000.0])
    for base in ([2.0, 3.0], [[2.0], [3.0]]):
        for axis in (0, -1):
            for start in (0.5, [0.5, 1.0]):
                out = np.logspace(Value(start), 1.5, 4, base=base, axis=axis)
                np.testing.assert_allclose(out.data, np.logspace(start, 1.5, 4, base=base, axis=axis), rtol=1e-14)
    assert check_gradients(lambda a, b: np.logspace(a, 1.0, 3, base=b), 0.3, np.array([2.0, 3.0]), order=2).ok


# --- statistics of no elements, and of too few ----------------------------------------------------


@pytest.mark.parametrize("shape_and_axis", [((0,), None), ((0, 3), 0), ((2, 0), 1), ((2, 0, 3), (0, 1))])
def test_the_median_of_no_elements_is_nan_with_a_warning(shape_and_axis: Any) -> None:
    shape, axis = shape_and_axis
    for keepdims in (False, True):
        with pytest.warns(RuntimeWarning, match="Mean of empty slice|invalid value"):
            expected = np.median(np.zeros(shape), axis, keepdims=keepdims)
        with pytest.warns(RuntimeWarning, match="Mean of empty slice|invalid value"):
            out = np.median(Value(np.zeros(shape)), axis, keepdims=keepdims)
        np.testing.assert_array_equal(out.data, expected)
    assert np.median(Value(np.zeros((0, 3))), 1).shape == (0,)


def test_correlations_stay_between_minus_one_and_one() -> None:
    rng = np.random.default_rng(0)
    for k in range(40):
        row = rng.standard_normal(k % 7 + 3) * 10.0 ** rng.integers(-140, 140)
        data = np.stack([row, 3.0 * row, -row / 7.0])
        out = np.corrcoef(Value(data)).data
        np.testing.assert_allclose(out, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], rtol=1e-12)
        assert np.abs(out).max() <= 1.0
        assert np.isfinite(np.arccos(Value(out)).data).all()
    row = np.array([1.0, 2.0, 4.0, 1.3])
    slope = grad(lambda x: np.corrcoef(x)[0, 1])(np.stack([row, 2.0 * row]))
    np.testing.assert_allclose(slope, np.zeros((2, 4)), atol=1e-14)  # it is largest there
    assert check_gradients(lambda x: np.corrcoef(x)[0, 1:], rng.standard_normal((3, 5)), order=2).ok


def test_products_of_vectors_take_vectors() -> None:
    for name in ("convolve", "correlate"):
        for a, v in (
            (np.ones((2, 2)), np.ones(2)),
            (np.ones(2), np.ones((1, 2))),
            (np.ones(0), np.ones(2)),
            (np.ones(2), np.ones(0)),
        ):
            with pytest.raises(ValueError, match="take vectors of at least one element"):
                getattr(np, name)(Value(a), v)
    with pytest.raises(ValueError, match=r"vander\(\) takes a vector"):
        np.vander(Value(np.ones((2, 2))))
    with pytest.raises(ValueError, match="a vector of integers, and a weight for each"):
        np.bincount(np.array([0, 1]), Value([1.0]))


# --- sums of exponentials with weights ------------------------------------------------------------

INF = math.inf


@pytest.mark.parametrize(
    ("x", "b", "out", "sign", "of_x", "of_b"),
    [
        ([0.0, 2.0], [1.0, 0.0], 0.0, 1.0, [1.0, 0.0], [1.0, math.exp(2.0)]),
        ([0.0, math.log(3.0)], [1.0, -1.0], math.log(2.0), -1.0, [-0.5, 1.5], [-0.5, -1.5]),
        ([1000.0, 1000.0], [1.0, -2.0], 1000.0, -1.0, [-1.0, 2.0], [-1.0, -1.0]),
        ([-INF, -INF], [1.0, 2.0], -INF, 0.0, [0.0, 0.0], [0.0, 0.0]), ([INF, 1.0], [2.0, 1.0], INF, 1.0, [1.0, 0.0], [0.5, 0.0]),
        ([INF, INF], [1.0, 3.0], INF, 1.0, [0.25, 0.75], [0.25, 0.25]),
        ([INF, 1.0], [-1.0, 1.0], INF, -1.0, [1.0, 0.0], [-1.0, 0.0]),
        ([-INF, 3.0], [1.0, 2.0], 3.0 + math.log(2.0), 1.0, [0.0, 1.0], [0.0, 0.5]),
        ([1.0, 1.0], [1.0, -1.0], -INF, 0.0, [INF, -INF], [INF, INF]), ([-1.0, 700.0], [0.0, 0.0], -INF, 0.0, None, [INF, INF]),
    ],
)  # fmt: skip
def test_weights_of_a_logsumexp(x: Any, b: Any, out: float, sign: float, of_x: Any, of_b: Any) -> None:
    """Weights of 0 have a slope, negative ones a sign; the slopes are b exp(x) and exp(x) over the sum."""
    exponents, weights = Value(x), Value(b)
    found, plain = logsumexp(exponents, b=weights, return_sign=True)
    assert type(plain) is float
    np.testing.assert_allclose([found.data, plain], [out, sign], rtol=1e-15, atol=1e-15)
    with np.errstate(divide="ignore", invalid="ignore"):
        found.backward()
    if of_x is not None:
        np.testing.assert_allclose(exponents.grad, of_x, rtol=1e-14)
    np.testing.assert_allclose(weights.grad, of_b, rtol=1e-14)
    assert np.isnan(logsumexp(exponents, b=weights).data) == (sign < 0.0)


def test_rows_that_plain_weights_mask_completely_have_slope_0() -> None:
    x, mask = Value(np.zeros((2, 2))), np.array([[0.0, 0.0], [1.0, 0.0]])
    out = logsumexp(x, axis=1, b=mask)
    np.testing.assert_array_equal(out.data, [-INF, 0.0])
    (out * np.array([2.0, 3.0])).backward(np.ones(2))
    np.testing.assert_array_equal(x.grad, [[0.0, 0.0], [3.0, 0.0]])


def test_a_logsumexp_with_its_sign_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        x, b = rng.choice([-INF, INF, -1000.0, 0.0, 1.0, 2.0, math.nan], 3), rng.choice([-1.0, 0.0, 1.0, 2.0], 3)
        for weights in (b, None):
            with np.errstate(all="ignore"):
                expected = scipy.special.logsumexp(x, b=weights, return_sign=True)
                negative = scipy.special.logsumexp(x, b=weights)
            found = logsumexp(Value(x), b=weights, return_sign=True)
            np.testing.assert_allclose([found[0].data, found[1]], expected, rtol=1e-14, err_msg=f"{x} {weights}")
            np.testing.assert_allclose(logsumexp(Value(x), b=weights).data, negative, rtol=1e-14)
    x, b = rng.standard_normal((2, 3, 4)), rng.integers(-1, 2, (3, 1)).astype(float)
    for axis in (None, 0, -1, (0, 2), [1, 0]):
        for keepdims in (False, True):
            axes = tuple(axis) if isinstance(axis, list) else axis
            expected = scipy.special.logsumexp(x, axes, b, keepdims, return_sign=True)
            found = logsumexp(Value(x), axis, keepdims, b=b, return_sign=True)
            np.testing.assert_allclose(found[0].data, expected[0])
            np.testing.assert_array_equal(found[1], expected[1])
            assert np.shape(found[1]) == np.shape(expected[1])


# --- padding --------------------------------------------------------------------------------------


def test_padding_with_statistics_has_the_slopes_of_its_statistics() -> None:
    assert grad(lambda x: np.pad(x, 1, mode="mean").sum())(np.array([1.0, 2.0])).tolist() == [2.0, 2.0]
    assert grad(lambda x: np.pad(x, (2, 1), mode="maximum").sum())(np.array([1.0, 5.0, 2.0])).tolist() == [1.0, 4.0, 1.0]
    assert grad(lambda x: np.pad(x, (2, 1), "minimum", stat_length=(2, 1)).sum())(np.array([1.0, 5.0, 2.0])).tolist() == [
        3.0,
        1.0,
        2.0,
    ]
    assert grad(lambda x: np.pad(x, (1, 0), "median").sum())(np.array([1.0, 5.0, 2.0, 3.0])).tolist() == [1.0, 1.0, 1.5, 1.5]
    assert grad(lambda x: np.pad(x, (2, 2), "linear_ramp", end_values=7.0).sum())(np.array([1.0, 5.0])).tolist() == [1.5, 1.5]
    assert grad(lambda c: np.pad(V, (2, 2), "linear_ramp", end_values=(c, 0.0)).sum())(7.0) == 1.5
    assert grad(lambda c: np.pad(V, (2, 3), constant_values=(c, 2.0 * c)).sum())(7.0) == 8.0


def test_padding_is_refused_where_numpy_refuses() -> None:
    for how in ({"mode": "maximum", "stat_length": 0}, {"mode": "reflect", "reflect_type": "abc"}):
        with pytest.raises(ValueError, match=r"pad\(\)"):
            np.pad(V, 1, **how)
    with pytest.raises(ValueError, match="negative"):
        np.pad(V, -1, "linear_ramp")
    single = np.pad(Value(V.data.astype(np.float32)), 2, "linear_ramp", end_values=0.5)
    assert single.dtype == np.float32


# --- sets and polynomials -------------------------------------------------------------------------


def test_elements_of_two_sets_share_the_gradient() -> None:
    a, b = Value([1.0, 3.0, 3.0]), Value([3.0, 2.0])
    np.union1d(a, b).backward([10.0, 20.0, 30.0])
    np.testing.assert_allclose(a.grad, [10.0, 10.0, 10.0])
    np.testing.assert_allclose(b.grad, [10.0, 20.0])
    common, first, second = np.intersect1d(a, b, return_indices=True)
    assert (common.data.tolist(), first.tolist(), second.tolist()) == ([3.0], [1], [0])
    found = np.unique_all(Value([2.0, math.nan, 2.0, math.nan]))
    assert np.isnan(found.values.data).tolist() == [False, True, True]
    assert found.counts.tolist() == [2, 1, 1]
    assert np.unique_inverse(Value([[2.0, 1.0]])).inverse_indices.shape == (1, 2)


def test_quotients_of_polynomials() -> None:
    u, v = np.array([1.0, 0.0, -7.0, 6.0]), np.array([1.0, -2.0])
    quotient, rest = np.polydiv(Value(u), v)
    assert (quotient.data.tolist(), rest.data.tolist()) == ([1.0, 2.0, -3.0], [0.0])
    np.testing.assert_allclose(np.poly(Value([1.0, 2.0, -3.0])).data, u)
    slope = grad(lambda v: np.polydiv(u, v)[1][0])(v)  # the value at -v[1] / v[0] = 2, where the slope is 5
    np.testing.assert_allclose(slope, [-5.0 * 2.0, -5.0])
    np.testing.assert_allclose(np.polyder(np.polyint(Value(u), 2, k=[3.0, 4.0]), 2).data, u)
    with pytest.raises(ValueError, match="one constant k, or 3 of them, but got 2"):
        np.polyint(Value(u), 3, k=[1.0, 2.0])


# --- plain results --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda a: np.triu_indices_from(a), lambda a: np.triu_indices_from(a, 1), lambda a: np.tril_indices_from(a, k=-1),
        lambda a: np.diag_indices_from(a), lambda a: np.einsum_path("ij,jk->ik", a, a)[1], lambda a: np.size(a, 0),
        lambda a: np.ndim(a), lambda a: np.result_type(a, np.float32), lambda a: np.iscomplexobj(a), lambda a: np.isrealobj(a),
        lambda a: np.may_share_memory(a, np.zeros(1)), lambda a: np.can_cast(a.dtype, float), lambda a: np.common_type(a),
        lambda a: np.ix_(a[0] > 0.0, a[1] > 0.0), lambda a: np.array_equiv(a, a), lambda a: np.lexsort((a[0], a[1])),
    ],
)  # fmt: skip
def test_results_of_shapes_and_comparisons_are_plain(call: Callable[[Any], Any]) -> None:
    data = np.arange(9.0).reshape(3, 3)
    found, expected = call(Value(data)), call(data)
    assert not isinstance(found, Value)
    assert type(found) is type(expected)
    for mine, theirs in zip(*(item if isinstance(item, tuple) else (item,) for item in (found, expected)), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_indices_of_triangles_and_diagonals() -> None:
    data = np.arange(9.0).reshape(3, 3)
    for name in ("triu", "tril"):
        slope = grad(lambda a, name=name: a[getattr(np, f"{name}_indices_from")(a)].sum())(data)
        np.testing.assert_array_equal(slope, getattr(np, name)(np.ones((3, 3))))
    assert grad(lambda a: a[np.diag_indices_from(a)].sum())(data).tolist() == np.eye(3).tolist()


#: NumPy's functions that are neither differentiable nor plain, and are refused by name.
REFUSED = {
    "busday_count", "busday_offset", "datetime_as_string", "is_busday", "isnat",  # dates
    "packbits", "unpackbits", "bitwise_and", "bitwise_count", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "gcd", "invert", "lcm", "left_shift", "right_shift",  # integers
    "histogram", "histogram2d", "histogram_bin_edges", "histogramdd", "nextafter", "spacing",  # jumps
    "roots", "sort_complex", "save", "savetxt", "savez", "savez_compressed",
}  # fmt: skip


def test_every_function_of_numpy_is_supported_plain_or_refused_on_purpose() -> None:
    for home in (np, np.linalg):
        for name, function in vars(home).items():
            if name[0] == "_" or not (isinstance(function, np.ufunc) or hasattr(function, "_implementation")):
                continue
            known = function in SUPPORTED or function in CONSTANT
            assert known != (name in REFUSED or name in IN_PLACE), f"np.{name}: support it, or say why not"


# --- edge cases of quantiles, running products and covariances ------------------------------------


def test_quantiles_beside_infinite_elements_are_computed_from_the_nearer_end() -> None:
    x = np.array([5.0, 1.0, -INF])
    np.testing.assert_array_equal(np.quantile(Value(x), [0.0, 0.3, 0.5, 0.75]).data, [-INF, -INF, 1.0, 3.0])
    np.testing.assert_array_equal(np.nanquantile(Value([*x, math.nan]), [0.0, 0.3, 0.5, 0.75]).data, [-INF, -INF, 1.0, 3.0])
    assert np.quantile(Value([INF, 1.0, INF]), 0.75).data == INF
    np.testing.assert_allclose(grad(lambda a: np.quantile(a, 0.75))(x), [0.5, 0.5, 0.0])


def test_a_running_product_of_a_single_number_is_a_vector_of_it() -> None:
    assert np.cumprod(Value(1.5), axis=0).shape == np.cumprod(1.5, axis=0).shape
    assert grad(lambda x: np.cumprod(x, axis=0).sum())(1.5) == 1.0


@pytest.mark.parametrize("function", [np.cov, np.corrcoef])
def test_covariances_are_of_vectors_and_matrices(function: Any) -> None:
    with pytest.raises(ValueError, match=re.escape("takes vectors and matrices, but got the shapes [(2, 2, 3)]")):
        function(Value(np.ones((2, 2, 3))))

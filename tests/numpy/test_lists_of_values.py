"""Lists that hold Values: every function joins them, so that the gradient reaches each, as it does through the joined array."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.op import raw
from autograd.ops import functions
from autograd.ops.indexing import where_or_nonzero

F = functions()
V = np.array([0.3, 1.7])
M = np.array([[2.0, 0.5], [0.3, 1.5]])

#: Calls with one argument `u`, an array of two numbers, or a list of two Values.
VECTORS: dict[str, Callable[[Any], Any]] = {
    "at.set": lambda u: Value([1.0, 2.0, 3.0]).at[:2].set(u),
    "at.add": lambda u: Value([1.0, 2.0, 3.0]).at[1:].add(u),
    "np.concatenate": lambda u: np.concatenate([Value(V), u]),
    "concatenate": lambda u: autograd.concatenate([u, V, u]),
    "concatenate of all": lambda u: autograd.concatenate([u, 3.0], axis=None),
    "stack": lambda u: autograd.stack([u, Value(V)]),
    "stack, plain": lambda u: autograd.stack([u, V], 1),
    "vstack": lambda u: F["vstack"]([u, V]),
    "hstack": lambda u: F["hstack"]([u, V]),
    "dstack": lambda u: F["dstack"]([u, V]),
    "column_stack": lambda u: F["column_stack"]([V, u]),
    "append": lambda u: F["append"](u, u),
    "insert into": lambda u: F["insert"](u, 1, 5.0),
    "insert": lambda u: F["insert"](V, 1, u),
    "atleast_2d": lambda u: F["atleast_2d"](u),
    "broadcast_arrays": lambda u: F["broadcast_arrays"](u, M)[0],
    "meshgrid": lambda u: F["meshgrid"](u, V)[0],
    "split": lambda u: F["split"](u, 2)[1],
    "hsplit": lambda u: F["hsplit"](u, 2)[1],
    "unstack": lambda u: F["unstack"](u)[1],
    "ravel": lambda u: F["ravel"](u),
    "copy": lambda u: F["copy"](u),
    "swapaxes": lambda u: F["swapaxes"]([u, u], 0, 1),
    "pad": lambda u: F["pad"](u, 1, "edge"),
    "full_like": lambda u: F["full_like"](M, u),
    "linspace": lambda u: F["linspace"](u, V, 3),
    "logspace": lambda u: F["logspace"](0.1, u, 3),
    "geomspace": lambda u: F["geomspace"](u, [2.0, 3.0], 3),
    "take": lambda u: F["take"](u, [1, 1, 0]),
    "np.take_along_axis": lambda u: F["take_along_axis"](u, [1, 0]),
    "put_along_axis": lambda u: F["put_along_axis"](V, np.array([1, 0]), u, 0),
    "put_along_axis into": lambda u: F["put_along_axis"](u, np.array([1]), 3.0, 0),
    "put_along_axis, nested": lambda u: F["put_along_axis"](M, np.array([[0], [1]]), [[u[1]], [u[0]]], 1),
    "compress": lambda u: F["compress"]([True, False], u),
    "extract": lambda u: F["extract"]([True, False], u),
    "choose": lambda u: F["choose"]([1, 0], [u, V]),
    "select": lambda u: F["select"]([[True, False]], [u], V),
    "select default": lambda u: F["select"]([[True, False]], [V], u),
    "piecewise": lambda u: F["piecewise"](u, [[True, False]], [autograd.exp, 1.0]),
    "sort": lambda u: F["sort"](u),
    "partition": lambda u: F["partition"](u, 0),
    "unique": lambda u: F["unique"](u),
    "median": lambda u: F["median"](u),
    "quantile": lambda u: F["quantile"](u, 0.3),
    "percentile": lambda u: F["percentile"](u, [30.0, 60.0]),
    "nanmedian": lambda u: F["nanmedian"](u),
    "maximum": lambda u: np.maximum(Value(0.5), u),
    "maximum, plain": lambda u: autograd.ops.maximum(0.5, u),
    "minimum": lambda u: np.minimum(u, Value(0.9)),
    "minimum, plain": lambda u: autograd.ops.minimum(u, 0.9),
    "fmax": lambda u: F["fmax"](u, V[::-1]),
    "fmin": lambda u: F["fmin"](V[::-1], u),
    "clip": lambda u: autograd.ops.clip(u, 0.0, 1.0),
    "clip low": lambda u: autograd.ops.clip(Value(V), u, 5.0),
    "clip high": lambda u: autograd.ops.clip(V + 1.0, None, u),
    "round": lambda u: F["round"](u),
    "modf": lambda u: F["modf"](u)[0],
    "divmod": lambda u: F["divmod"](V, u)[1],
    "nan_to_num": lambda u: F["nan_to_num"](u),
    "real": lambda u: F["real"](u) * 1.0,
    "where": lambda u: np.where([True, False], Value(V), u),
    "where, plain": lambda u: autograd.where([True, False], u, V),
    "interp x": lambda u: F["interp"](u, [0.0, 1.0, 2.0], [1.0, 3.0, 4.0]),
    "interp xp": lambda u: F["interp"](0.9, u, [1.0, 3.0]),
    "interp fp": lambda u: np.interp(Value(0.9), [0.0, 2.0], u),
    "interp period": lambda u: F["interp"](0.9, [0.2, 0.6], u, period=1.5),
    "dot": lambda u: np.dot(Value(M), u),
    "dot, plain": lambda u: F["dot"](u, M),
    "vdot": lambda u: F["vdot"](u, V),
    "inner": lambda u: F["inner"](M, u),
    "outer": lambda u: F["outer"](u, u),
    "vecdot": lambda u: F["vecdot"](u, M),
    "matvec": lambda u: F["matvec"](M, u),
    "vecmat": lambda u: F["vecmat"](u, M),
    "tensordot": lambda u: np.tensordot(Value(M), u, 1),
    "kron": lambda u: F["kron"](u, M),
    "cross": lambda u: F["cross"](u, [1.0, 2.0, 3.0]),
    "multi_dot": lambda u: F["multi_dot"]([u, M, V]),
    "convolve": lambda u: F["convolve"](u, V),
    "correlate": lambda u: F["correlate"](V, u, "full"),
    "einsum": lambda u: np.einsum("ij,j", Value(M), u),
    "einsum by numbers": lambda u: F["einsum"](u, [0], V, [0]),
    "solve": lambda u: np.linalg.solve(Value(M), u),
    "solve, plain": lambda u: F["solve"](M, u),
    "dot, nested": lambda u: F["dot"]([[u[0], 0.2], [0.1, u[1]]], V),
    "norm": lambda u: F["norm"](u),
    "sum": lambda u: F["sum"]([u, V], 0),
    "sum initial": lambda u: F["sum"](M, 0, initial=u),
    "prod initial": lambda u: F["prod"](M, 0, initial=u),
    "max initial": lambda u: F["max"](-M, 0, initial=u),
    "var mean": lambda u: F["var"](M, 0, mean=u),
    "sum where": lambda u: F["sum"](u, where=[True, False]),
    "prod": lambda u: F["prod"](u),
    "mean": lambda u: F["mean"]([u, u], 1),
    "var": lambda u: F["var"](u),
    "std": lambda u: F["std"](u, where=[True, True]),
    "max": lambda u: F["max"](u),
    "ptp": lambda u: F["ptp"](u),
    "cumsum": lambda u: F["cumsum"](u),
    "cumprod": lambda u: F["cumprod"]([u, u], 1),
    "average": lambda u: F["average"](u, weights=[1, 2]),
    "average weights": lambda u: F["average"](V, weights=u),
    "nansum": lambda u: F["nansum"](u),
    "nanmax": lambda u: F["nanmax"](u),
    "nancumsum": lambda u: F["nancumsum"](u),
    "logsumexp": lambda u: F["logsumexp"](u),
    "logsumexp b": lambda u: F["logsumexp"](V, b=u),
    "cov": lambda u: np.cov(Value(V), u),
    "cov aweights": lambda u: F["cov"]([[1.0, 2.0]], aweights=u),
    "corrcoef": lambda u: F["corrcoef"]([u, V]),
    "bincount": lambda u: F["bincount"]([1, 1], u),
    "cumulative_sum": lambda u: F["cumulative_sum"](u, include_initial=True),
    "diff": lambda u: F["diff"](u),
    "diff prepend": lambda u: F["diff"](Value(V), prepend=u),
    "ediff1d": lambda u: F["ediff1d"](u, to_end=u),
    "gradient": lambda u: F["gradient"](u),
    "gradient at": lambda u: F["gradient"](V, u),
    "trapezoid": lambda u: F["trapezoid"](u),
    "trapezoid x": lambda u: F["trapezoid"](Value(V), u),
    "trapezoid dx": lambda u: F["trapezoid"]([1.0, 2.0, 4.0], dx=u),
    "polyval": lambda u: F["polyval"](u, 2.0),
    "polyval x": lambda u: F["polyval"](V, u),
    "vander": lambda u: F["vander"](u, 3),
    "polyfit x": lambda u: F["polyfit"](u, V, 1),
    "polyfit y": lambda u: F["polyfit"](V, u, 1),
    "polyfit w": lambda u: F["polyfit"]([0.0, 1.0], V, 0, w=u),
    "polymul": lambda u: F["polymul"](u, V),
    "polyadd": lambda u: F["polyadd"](V, u),
    "polyder": lambda u: F["polyder"](u),
    "unwrap": lambda u: F["unwrap"](u),
    "apply_along_axis": lambda u: F["apply_along_axis"](lambda v: v * v, 0, [u, V]),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_gradient_reaches_the_values_of_a_list(name: str) -> None:
    call, seeds = VECTORS[name], np.random.default_rng(5)
    whole, parts = Value([0.8, 1.1]), [Value(0.8), Value(1.1)]
    expected, out = call(whole), call(parts)
    np.testing.assert_allclose(out.data, expected.data, rtol=1e-14, atol=1e-14)
    seed = seeds.uniform(1.0, 2.0, out.shape)
    expected.backward(seed)
    out.backward(seed)
    np.testing.assert_allclose([part.grad for part in parts], whole.grad, rtol=1e-13, atol=1e-13)
    assert np.any(whole.grad) or name == "round", "the sample does not depend on the list"


@pytest.mark.parametrize("name", VECTORS)
def test_computed_values_and_tuples_are_joined_as_well(name: str) -> None:
    parts = [Value(0.8), Value(1.1)]
    out, expected = VECTORS[name](tuple(part * 1.0 for part in parts)), VECTORS[name](np.array([0.8, 1.1]))
    np.testing.assert_allclose(out.data, raw(expected), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["maximum", "concatenate", "dot", "sum", "diff", "sort", "cov"])
def test_masked_arrays_and_matrices_are_refused(name: str) -> None:
    masked, matrix = np.ma.masked_array([1.0, 2.0], [True, False]), np.ones((1, 2)).view(np.matrix)
    calls: dict[str, Callable[[Any], Any]] = {
        "concatenate": lambda x: F["concatenate"]([x, x]), "sum": F["sum"], "diff": F["diff"], "sort": F["sort"], "cov": F["cov"],
    }  # fmt: skip
    call = calls.get(name, lambda x: F[name](x, Value(V)))
    with pytest.raises(TypeError, match="masked array"):
        call(masked)
    with pytest.raises(TypeError, match=r"np\.matrix"):
        call(matrix)


def test_where_of_one_argument_is_nonzero() -> None:
    for found, expected in zip(where_or_nonzero(Value(M) - 0.5), np.nonzero(M - 0.5), strict=True):
        np.testing.assert_array_equal(found, expected)
    x, y = Value(1.0), Value(2.0)
    where_or_nonzero([True, False], [x, y], 0.0).sum().backward()
    assert (x.grad, y.grad) == (1.0, 0.0)
    with pytest.raises(ValueError, match="both x and y"):
        where_or_nonzero([True], V)


def test_multi_dot_leaves_nothing_to_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        array = np.ones((2, 2))
        alive = weakref.ref(array)
        out = F["multi_dot"]([array, M, array])
        assert out.shape == (2, 2)
        value = Value(M)
        node = weakref.ref(value)
        F["multi_dot"]([value, array, value]).sum().backward()
        del array, value, out
        assert alive() is None
        assert node() is None
    finally:
        gc.enable()


def test_settings_without_a_derivative_are_refused() -> None:
    x = Value([1.0, 2.0, 4.0])
    for call, message in [
        (lambda: np.cov(x, fweights=Value([1.0, 2.0, 1.0])), "fweights"),
        (lambda: F["cov"](x, fweights=[1.5, 1.0, 1.0]), "integers"),
        (lambda: np.nanpercentile(x, Value(50.0)), "no derivative"),
        (lambda: np.quantile(x, Value(0.5)), "no derivative"),
        (lambda: np.polyfit(x, x, 1, full=True), "only returns the coefficients"),
        (lambda: np.polyfit(x, x, 1, cov=True), "only returns the coefficients"),
        (lambda: F["unwrap"](x, period=Value(1.0)), "period"),
        (lambda: np.pad(x, 1, "mean", stat_length=Value([1.0, 2.0])), "stat_length"),
    ]:
        with pytest.raises(TypeError, match=message):
            call()
    for wrong in (0, slice(None), [0], True, (None, 0)):
        with pytest.raises(TypeError, match="scalar Value has no elements"):
            Value(1.0)[wrong]
    with pytest.raises(ValueError, match="weight for each"):
        np.cov(x, aweights=[1.0, -2.0, 1.0])
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"), np.errstate(divide="ignore", invalid="ignore"):
        assert np.isinf(np.cov(x, ddof=3).data)
    with pytest.warns(RuntimeWarning, match="All-NaN"):
        np.testing.assert_array_equal(F["nanmedian"](np.array([[np.nan], [1.0]]), 1), [np.nan, 1.0])
    with pytest.warns(np.exceptions.RankWarning):
        np.polyfit(Value([1.0, 1.0, 1.0]), x, 1)


def test_dtypes_follow_numpy() -> None:
    single = np.array([1.0, 2.0], np.float32)
    assert np.insert(Value(single), 1, [5.0]).dtype == F["insert"](single, 1, Value([5.0])).dtype == np.float32
    assert F["insert"](np.array([1, 2]), 1, Value([5.5])).data[1] == 5.5  # not cut to an integer, which has no gradient
    sums = np.average(Value(V), weights=[1, 2], returned=True)[1]
    assert np.asarray(sums).dtype == np.float64

"""NumPy's functions, ufuncs and methods on Values: all call the same op, and clear errors."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd
import autograd.numpy as anp
from autograd import Value, grad, gradient
from autograd.__main__ import rows, support_table, supported
from autograd.numpy.dispatch import CONSTANT, SUPPORTED, refusal
from autograd.numpy.method_table import methods_stub
from autograd.op import Op
from autograd.ops import catalogue, functions, table
from autograd.verify import Verdict, check_gradients
from tests.ops.samples import all_samples

V = Value([[0.3, -0.8, 1.5], [2.0, 0.1, -0.4]])
D = V.data

#: Functions that NumPy programs often call; all must be supported.
EXPECTED = [
    "add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "mod", "remainder", "fmod", "power",
    "float_power", "negative", "positive", "absolute", "fabs", "square", "sqrt", "cbrt", "reciprocal", "exp", "exp2", "expm1",
    "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh",
    "arcsinh", "arccosh", "arctanh", "hypot", "sinc", "deg2rad", "rad2deg", "degrees", "radians", "logaddexp", "logaddexp2",
    "maximum", "minimum", "fmax", "fmin", "clip", "where", "sign", "heaviside", "nan_to_num", "copysign", "ldexp", "interp",
    "sum", "prod", "mean", "std", "var", "max", "min", "amax", "amin", "ptp", "nansum", "nanmean", "nanmax", "nanmin",
    "nanstd", "nanvar", "nanprod", "cumsum", "cumprod", "median", "quantile", "percentile", "average", "trace",
    "count_nonzero", "any", "all", "reshape", "ravel", "transpose", "swapaxes", "moveaxis", "rollaxis", "squeeze",
    "expand_dims", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_to", "broadcast_arrays", "concatenate", "stack",
    "vstack", "hstack", "dstack", "column_stack", "split", "array_split", "hsplit", "vsplit", "dsplit", "repeat", "tile",
    "roll", "flip", "fliplr", "flipud", "rot90", "pad", "tril", "triu", "diag", "diagonal", "meshgrid", "append", "insert",
    "delete", "array", "take", "take_along_axis", "choose", "select", "compress", "extract", "nonzero", "argwhere", "sort",
    "argsort", "partition", "unique", "searchsorted", "matmul", "dot", "vdot", "inner", "outer", "tensordot", "einsum",
    "kron", "cross", "convolve", "correlate", "diff", "gradient", "trapezoid", "polyval", "argmax", "argmin", "floor", "ceil",
    "round", "around", "rint", "fix", "trunc", "isnan", "isfinite", "shape", "ndim", "size", "allclose", "array_equal",
    "real", "imag", "conj", "linspace", "full_like", "zeros_like", "ones_like", "linalg.inv", "linalg.pinv", "linalg.det",
    "linalg.slogdet", "linalg.solve", "linalg.lstsq", "linalg.cholesky", "linalg.qr", "linalg.svd", "linalg.eigh",
    "linalg.eigvalsh", "linalg.eig", "linalg.eigvals", "linalg.norm", "linalg.matrix_rank", "linalg.cond",
    "linalg.matrix_norm", "linalg.vector_norm", "linalg.tensorsolve", "linalg.tensorinv", "linalg.multi_dot",
    "linalg.matrix_power", "linalg.svdvals", "linalg.trace", "linalg.diagonal",
]  # fmt: skip


def find(name: str) -> Any:
    home, _, last = name.rpartition(".")
    return getattr(np.linalg if home else np, last)


@pytest.mark.parametrize("name", EXPECTED)
def test_function_is_supported(name: str) -> None:
    assert find(name) in SUPPORTED or find(name) in CONSTANT


# --- the same op by function, ufunc and method ----------------------------------------------------


#: Attributes that are not methods, and methods tested separately.
LEFT = {
    "dtype", "imag", "ndim", "place", "real", "shape", "size",
    "argpartition", "searchsorted", "sort", "argsort", "copy", "compress",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", sorted(name for name in dir(Value) if callable(getattr(np, name, None)) and name[0] != "_" and name not in LEFT)
)
def test_method_and_function_agree(name: str) -> None:
    """value.f() and np.f(value): the same numbers, and both Values or both plain."""
    args: dict[str, tuple[Any, ...]] = {
        "take": ([0, 2],), "repeat": (2,), "swapaxes": (0, 1), "reshape": ((3, 2),),
        "clip": (0.0, 1.0), "dot": (D.T,), "matmul": (D.T,), "expand_dims": (0,), "broadcast_to": ((4, 2, 3),), "astype": ("f4",),
    }  # fmt: skip
    value = np.abs(V) * 0.4 + 0.1 if name in ("sqrt", "log", "log2", "log10", "arcsin", "arccos", "arctanh") else V
    value = value + 3.0 if name == "arccosh" else value
    method, function = getattr(value, name)(*args.get(name, ())), getattr(np, name)(value, *args.get(name, ()))
    assert type(method) is type(function)
    raws = [item.data if isinstance(item, Value) else item for item in (method, function)]
    np.testing.assert_array_equal(raws[0], raws[1])
    np.testing.assert_allclose(raws[0], getattr(np, name)(value.data, *args.get(name, ())), rtol=1e-12)


def test_operators_of_arrays_reach_the_same_ops() -> None:
    for f, op in (
        (lambda a, b: a + b, "add"), (lambda a, b: a - b, "sub"), (lambda a, b: a * b, "mul"), (lambda a, b: a / b, "div"),
        (lambda a, b: a**b, "pow"), (lambda a, b: a // b, "floor_divide"), (lambda a, b: a % b, "mod"),
    ):  # fmt: skip
        for out in (f(np.abs(D) + 1.0, V), f(V + 3.0, D), f(np.float64(2.0), V), f(2.0, V), f(np.int64(2), V)):
            assert isinstance(out, Value)
            assert out.op is table()[op]
    assert (D @ V.T).op.name == "matmul"
    assert type(D < V) is type(np.float64(0.5) < V) is np.ndarray
    assert (D == V).all()
    assert divmod(Value(7.0), 2.0)[1].data == 1.0
    assert round(Value(2.345), 2).data == 2.35 or round(Value(2.345), 2).data == 2.34
    assert (+V).op.name == "positive"


def test_compress_as_a_method_takes_the_condition_first() -> None:
    np.testing.assert_array_equal(V.compress([True, False, True], axis=1).data, D.compress([True, False, True], axis=1))


def test_methods_of_ufuncs() -> None:
    np.testing.assert_allclose(np.add.reduce(V).data, D.sum(0))
    np.testing.assert_allclose(np.add.reduce(V, axis=None).data, D.sum())
    np.testing.assert_allclose(np.multiply.reduce(V, 1, keepdims=True).data, D.prod(1, keepdims=True))
    np.testing.assert_allclose(np.maximum.reduce(V, axis=1).data, D.max(1))
    np.testing.assert_allclose(np.add.accumulate(V, axis=1).data, D.cumsum(1))
    np.testing.assert_allclose(np.multiply.outer(V, [1.0, 2.0]).data, np.multiply.outer(D, [1.0, 2.0]))


def test_keywords_of_numpy() -> None:
    np.testing.assert_allclose(np.sum(a=V, axis=(0, -1), keepdims=True).data, D.sum(keepdims=True))
    np.testing.assert_allclose(np.mean(V, axis=-2, where=D > 0).data, np.mean(D, axis=-2, where=D > 0))
    np.testing.assert_allclose(np.max(V, initial=1.7, axis=1).data, np.max(D, initial=1.7, axis=1))
    np.testing.assert_allclose(np.sum(V, where=D > 0, initial=5.0).data, np.sum(D, where=D > 0, initial=5.0))
    assert np.sum(V, axis=0, dtype=np.float32).dtype == np.float32
    assert np.add(V, 1.0, dtype=np.float32).dtype == np.float32
    np.testing.assert_allclose(np.clip(V, a_min=0.0, a_max=1.0).data, np.clip(D, 0.0, 1.0))
    np.testing.assert_allclose(V.clip(min=0.0).data, D.clip(min=0.0))
    np.testing.assert_allclose(np.reshape(V, (3, 2), order="F").data, np.reshape(D, (3, 2), order="F"))
    np.testing.assert_allclose(V.reshape(3, 2, order="F").data, D.reshape((3, 2), order="F"))
    np.testing.assert_allclose(np.broadcast_to(V, (2, 2, 3), subok=True).data, np.broadcast_to(D, (2, 2, 3)))
    np.testing.assert_allclose(np.array([V, V], like=V).data, np.array([D, D]))
    np.testing.assert_allclose(np.linalg.trace(V @ V.T).data, np.trace(D @ D.T))
    np.testing.assert_allclose(np.linalg.diagonal(V).data, np.linalg.diagonal(D))
    np.testing.assert_allclose(np.linalg.cross(V, D[::-1]).data, np.linalg.cross(D, D[::-1]))
    np.testing.assert_allclose(np.linalg.matrix_transpose(V).data, D.T)


def test_results_without_a_derivative_are_plain() -> None:
    plain = {
        np.argmax(V): 3, np.shape(V): (2, 3), np.ndim(V): 2, np.size(V): 6, np.count_nonzero(V): 6, np.array_equal(V, D): True,
        np.allclose(V, D): True, np.linalg.matrix_rank(V): 2, np.any(V > 5.0): False, V.argmin(): 1, V.all(): True,
    }  # fmt: skip
    for result, expected in plain.items():
        assert result == expected
        assert not isinstance(result, Value)
    for result, right in (
        (np.isnan(V), np.isnan(D)), (np.argsort(V, axis=1), np.argsort(D, axis=1)), (np.nonzero(V), np.nonzero(D)),
        (np.zeros_like(V), np.zeros_like(D)), (np.ones_like(V, shape=(2,)), np.ones(2)), (np.less(V, 1.0), D < 1.0),
        (np.logical_and(V, V > 0.0), D > 0.0), (np.searchsorted(np.sort(V.ravel()), 0.2), 3),
        (Value(D, requires_grad=False).tolist(), D.tolist()), (np.isclose(V, D), np.isclose(D, D)), (V.argsort(0), D.argsort(0)),
        (np.argwhere(V > 0), np.argwhere(D > 0)), (np.result_type(V, np.float32), np.float64), (V.astype(int), D.astype(int)),
    ):  # fmt: skip
        assert not isinstance(result, Value)
        np.testing.assert_array_equal(result, right)


@pytest.mark.parametrize("f", [np.sign, np.floor, np.ceil, np.trunc, np.rint, np.fix, np.round, np.around, lambda v: v // 0.7])
def test_steps_stay_in_the_graph_with_zero_gradient(f: Callable[..., Any]) -> None:
    out = f(V)
    assert isinstance(out, Value)
    assert gradient(out.sum(), V).data.tolist() == np.zeros((2, 3)).tolist()
    np.testing.assert_array_equal(grad(lambda x: (f(x) * x).sum())(D), f(D))


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: np.gcd(V, V), r"np.gcd\(\) is not defined for Values: python -m autograd lists.*@autograd.primitive"),
        (lambda: np.spacing(V), r"np.spacing\(\) is not defined for Values: it is about the distance of floats"),
        (lambda: np.histogram(V), r"np.histogram\(\) is not defined for Values: it is about counts, which move in jumps"),
        (lambda: np.roots(V[0]), r"np.roots\(\) is not defined.*may be complex.*np.linalg.eigvals\(\) of the companion"),
        (lambda: np.save("x.npy", V), r"np.save\(\) is not defined.*pass v.data"),
        (lambda: np.fft.fft(V), r"np.fft.fft\(\) is about complex numbers.*complex numbers are not supported yet.*np.convolve"),
        (lambda: np.fft.irfft(V), r"np.fft.irfft\(\).*complex numbers are not supported yet"),
        (lambda: np.exp(V, out=np.zeros((2, 3))), r"np.exp\(\) cannot write.*out=.*write a = a \+ v"),
        (lambda: np.sum(V, out=np.zeros(())), r"np.sum\(\) cannot write"),
        (lambda: np.sum(V, 0, None, np.zeros(3)), r"np.sum\(\) cannot write"),
        (lambda: np.exp(V, where=D > 0), r"where=.*use np.where\(condition, f\(x\), y\)"),
        (lambda: np.copyto(np.zeros((2, 3)), V), r"np.copyto\(\) changes its array.*v.at\[i\].set"),
        (lambda: np.put_along_axis(V, np.array([[0]]), 1.0, 1), r"v.at\[i\].set\(u\) or autograd.ops.put_along_axis\(\)"),
        (lambda: np.fill_diagonal(V, 0.0), r"np.fill_diagonal\(\) changes its array"),
        (lambda: (V * 1.0).tolist(), r"would silently drop the gradient.*write v.data.tolist\(\)"),
        (lambda: V.sort(), r"v.sort\(\) changes an array in place.*v = np.sort\(v\)"),
        (lambda: np.pad(V, 1, mode="abc"), r"pad\(\) of a Value takes the modes constant, edge.*'abc'"),
        (lambda: np.pad(V, 1, mode=lambda row, *how: None), r"pad\(\) of a Value takes the modes constant, edge.*function"),
        (lambda: np.pad(V, 1, mode="edge", stat_length=2), r"with the arguments that NumPy has.*stat_length=2"),
        (lambda: np.linalg.qr(V.T, mode="raw"), r"qr\(\) has a derivative in the modes 'reduced', 'complete' and 'r'"),
        (lambda: np.unique(V, axis=0), "axis must be None"),
        (lambda: scipy.special.ellipk(V), r"scipy.special.\w+\(\) is not defined for Values"),
    ],
)  # fmt: skip
def test_refusals_name_the_function_and_the_fix(call: Callable[[], Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        call()


def test_a_value_only_where_there_is_no_derivative() -> None:
    for call in (
        lambda: scipy.special.jv(Value(2.0), 1.0),
        lambda: scipy.special.expn(Value(2.0), 1.0),
        lambda: np.ldexp(1.0, Value(2.0)),
    ):
        with pytest.raises(
            TypeError, match="has no derivative for its argument number [12], .*, which is a Value: pass its .data"
        ):
            call()


def test_masked_arrays_and_matrices_are_refused() -> None:
    masked, computed = np.ma.masked_array(np.ones(3), mask=[0, 1, 0]), V * 1.0
    for call in (lambda: V * masked, lambda: masked * computed, lambda: masked + computed, lambda: np.ma.exp(computed)):
        with pytest.raises(TypeError, match="(masked array|drop the gradient)"):
            call()
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.asmatrix(np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"np.matrix, whose products differ from those of arrays"):
        V * matrix


def test_in_place_operators_are_refused() -> None:
    array = np.zeros((2, 3))
    with pytest.raises(TypeError, match=r"np.add\(\) cannot write the result of a Value.*a \+= v.*write a = a \+ v"):
        array += V
    with pytest.raises(TypeError, match="cannot write"):
        array *= V
    assert array.tolist() == np.zeros((2, 3)).tolist()


@pytest.mark.parametrize(
    "matrix", [[[2.0, 0.5, 0.1], [0.5, 3.0, 0.4], [0.1, 0.4, 1.0]], [[2.0, 9.0, 7.0], [0.5, 3.0, 8.0], [0.1, 0.4, 1.0]]]
)
def test_functions_of_symmetric_matrices_read_one_triangle(matrix: Any) -> None:
    """Derivatives are those of the function that NumPy computes, for symmetric matrices and others."""
    a = np.array(matrix)
    calls: list[tuple[Callable[..., Any], np.ndarray]] = [
        (np.linalg.eigvalsh, a), (np.linalg.cholesky, a), (lambda x: np.linalg.eigvalsh(x, UPLO="U"), a.T),
        (lambda x: np.linalg.cholesky(x, upper=True), a.T), (lambda x: np.linalg.eigh(x)[1] ** 2, a),
    ]  # fmt: skip
    for call, data in calls:
        np.testing.assert_allclose(call(Value(data)).data, call(data))
        report = check_gradients(call, data, order=2)
        assert report.ok, str(report)
    slope = grad(lambda x: np.linalg.eigvalsh(x)[-1])(a)
    vector = np.linalg.eigh(a)[1][:, -1]
    np.testing.assert_allclose((slope + slope.T) / 2.0, np.outer(vector, vector), atol=1e-12)  # other libraries divide it equally


def test_bad_matrices_are_named() -> None:
    for f in (np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.eigh):
        with pytest.raises(ValueError, match=r"\w+\(\) takes square matrices.*the shape \(2, 3\)"):
            f(V)
    with pytest.raises(ValueError, match=r"eig\(\).*complex eigenvalues.*not supported yet: use eigh\(\)"):
        np.linalg.eig(Value([[0.0, 1.0], [-1.0, 0.0]]))


# --- signatures, stub and table -------------------------------------------------------------------


def test_signatures_match_numpy() -> None:
    """Keyword arguments after the first have NumPy's names; those without a meaning for Values may be missing."""
    left_out = {"out", "subok", "order", "like", "device", "copy", "casting", "writeable"}
    other = {"clip", "broadcast_to", "array", "copy", "einsum", "full_like", "linspace"}
    compared = 0
    for theirs, ours in SUPPORTED.items():
        if isinstance(theirs, np.ufunc) or theirs.__name__ in other:
            continue
        expected = [item for item in list(inspect.signature(theirs).parameters.values())[1:] if item.name not in left_out]
        given = [name for name in list(inspect.signature(ours).parameters)[1:] if name not in left_out]
        assert len(given) >= len(expected), theirs.__name__
        for item, name in zip(expected, given, strict=False):
            if item.kind is not item.POSITIONAL_ONLY:
                assert item.name == name, theirs.__name__
                compared += 1
    assert compared > 200


def test_the_stubs_match_the_table() -> None:
    for room, name, text in (("numpy", "methods.pyi", methods_stub()), ("ops", "__init__.pyi", catalogue.ops_stub())):
        path = Path(autograd.__file__).with_name(room) / name
        assert path.read_text(encoding="utf-8") == text, "run python -m autograd stub"
    for line in methods_stub().splitlines():
        if line.startswith("    def "):
            assert callable(getattr(Value, line.split("(")[0].removeprefix("    def ")))


def test_the_support_table_is_true() -> None:
    """Functions that claim derivatives have samples, one of them with a gradient; steps have only zeros."""
    samples, claimed = all_samples(), {name: orders for name, orders, _ in rows()}
    assert len(claimed) == len(rows())
    for name in EXPECTED:
        assert f"np.{name}" in claimed, name
    for name, function in supported().items():
        key = function.name if isinstance(function, Op) else function.__name__
        if key not in samples:  # NumPy's other signatures of functions that have some
            assert function.__name__ in ("matrix_trace", "matrix_diagonal", "vector_cross", "where_or_nonzero"), name
            continue
        slopes = []
        for sample in samples[key]:
            values = [Value(item) for item in sample.inputs]
            out = sample.call(*values)
            seed = (
                np.arange(1.0, out.size + 1.0).reshape(out.shape) ** 2
            )  # with ones, gradients through a mean that is subtracted would be zero
            slopes += [np.any(slope.data) for slope in gradient(out, values, seed)]
        assert any(slopes) == (claimed[name] == "all"), name
    for name, orders, note in rows():
        assert orders in ("all", "zero", "plain"), name
        assert note, f"{name} has no docstring"
    for name in ("np.add", "np.linalg.svd", "scipy.special.erf", "autograd.softmax"):
        assert f"| `{name}` | all |" in support_table()


def test_the_module_prints_the_table() -> None:
    printed = subprocess.run([sys.executable, "-m", "autograd"], capture_output=True, text=True, check=True).stdout
    assert printed == support_table()
    some = subprocess.run([sys.executable, "-m", "autograd", "cumprod"], capture_output=True, text=True, check=True).stdout
    assert some.splitlines()[2].startswith(
        "| `np.cumprod` | all | Return the products of the first 1, 2, ... elements along `axis`"
    )
    assert support_table("np.histogram").endswith(f"in its name\n{refusal(np.histogram)}\n")
    assert support_table("nonsense") == "no function that works on Values has 'nonsense' in its name\n"
    for words in (["--help"], ["--nonsense"], ["a", "b"]):
        told = subprocess.run([sys.executable, "-m", "autograd", *words], capture_output=True, text=True, check=False)
        assert told.returncode == (words != ["--help"])
        assert "python -m autograd WORD" in told.stdout + told.stderr


def test_every_function_has_a_docstring() -> None:
    for name, function in functions().items():
        assert function.__doc__, name


# --- other cases ----------------------------------------------------------------------------------


def test_scipy_ufuncs_dispatch() -> None:
    for name in ("erf", "gammaln", "expit", "log_ndtr", "psi", "xlogy", "jv", "expm1", "log1p", "cbrt", "exp2"):
        args = (1.0,) if name == "jv" else ()
        call = getattr(scipy.special, name)
        x = np.array([0.3, 1.2])
        out = call(*args, Value(x)) if name != "xlogy" else call(Value(x), x)
        np.testing.assert_allclose(out.data, call(*args, x) if name != "xlogy" else call(x, x))
        assert isinstance(out, Value)


def test_array_from_lists_of_values() -> None:
    a, b = Value(1.0), Value([2.0, 3.0])
    out = autograd.array([[a, 5.0], b * 2.0])
    (out * [[1.0, 2.0], [3.0, 4.0]]).sum().backward()
    assert out.data.tolist() == [[1.0, 5.0], [4.0, 6.0]]
    assert (a.grad, b.grad.tolist()) == (1.0, [6.0, 8.0])
    assert type(autograd.array([1.0, 2.0])) is np.ndarray
    assert autograd.array([a, 1.0], dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match=r"array\(\) takes nested lists that are rectangular, but got shapes"):
        autograd.array([a, b])


def test_at_min_max_divide_power() -> None:
    v, u = Value([1.0, 2.0, 3.0]), Value(2.5)
    assert v.at[1:].min(u).data.tolist() == [1.0, 2.0, 2.5]
    assert v.at[1:].max(u).data.tolist() == [1.0, 2.5, 3.0]
    assert v.at[0].divide(2.0).data.tolist() == [0.5, 2.0, 3.0]
    assert v.at[2].power(2.0).data.tolist() == [1.0, 2.0, 9.0]
    v.at[1:].max(u).sum().backward()
    assert (v.grad.tolist(), u.grad) == ([1.0, 0.0, 1.0], 1.0)
    with pytest.raises(ValueError, match="names a place twice: use each place once"):
        v.at[[0, 0]].max(1.0)


def test_where_of_one_argument_is_nonzero() -> None:
    np.testing.assert_array_equal(np.where(V), np.where(D))
    np.testing.assert_array_equal(np.where(V > 0.2), np.where(D > 0.2))


def test_nested_lists_of_leaves_reach_every_operation() -> None:
    for name in ("exp", "transpose", "flip", "tril", "reshape", "softmax", "sum", "log_softmax", "matmul", "add"):
        x, y = Value(1.0), Value(2.0)
        rest: tuple[Any, ...] = {"reshape": (4,), "matmul": (D[:, :2],), "add": (1.0,)}.get(name, ())
        nested, joined = [[x, y], [y, x]], Value([[1.0, 2.0], [2.0, 1.0]])
        weights = (
            np.arange(np.size(functions()[name](joined.data, *rest))).reshape(np.shape(functions()[name](joined.data, *rest)))
            + 1.0
        )
        (functions()[name](nested, *rest) * weights).sum().backward()
        (functions()[name](joined, *rest) * weights).sum().backward()
        np.testing.assert_allclose([x.grad, y.grad], [np.trace(joined.grad), joined.grad[0, 1] + joined.grad[1, 0]], atol=1e-12)


def test_item_and_windows() -> None:
    assert (V.item(1, 0), V.item(4), Value(2.0).item()) == (2.0, 0.1, 2.0)
    windows = np.lib.stride_tricks.sliding_window_view(V, 2, 1)
    np.testing.assert_array_equal(gradient(windows.sum(), V).data, [[1.0, 2.0, 1.0]] * 2)


def test_tuples_and_lists_are_constants_on_either_side() -> None:
    v = Value([1.0, 2.0])
    for f in (np.dot, np.matmul, np.arctan2, np.add, np.outer):
        for constant in ((3.0, 4.0), [3.0, 4.0]):
            np.testing.assert_allclose(f(constant, v).data, f(constant, v.data))
            np.testing.assert_allclose(f(v, constant).data, f(v.data, constant))
            gradient(f(constant, v).sum(), v)


@given(st.data())
def test_random_shapes_and_axes(data: st.DataObject) -> None:
    """Reductions, scans, order and moves of random arrays: values against NumPy, derivatives against differences."""
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    size = int(np.prod(shape))
    x = (np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).permutation(size).reshape(shape) - size / 3.0) * 0.17 + 0.05
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    axes = data.draw(st.none() | st.just(axis) | hnp.valid_tuple_axes(len(shape), min_size=1))
    keepdims = data.draw(st.booleans())
    shift = data.draw(st.integers(-5, 5))
    q = data.draw(st.floats(0.0, 1.0))
    calls: list[Callable[..., Any]] = [
        lambda x: np.prod(x, axes, keepdims=keepdims), lambda x: np.var(x, axes, keepdims=keepdims),
        lambda x: np.median(x, axes, keepdims=keepdims), lambda x: np.quantile(x, q, axes, keepdims=keepdims),
        lambda x: np.ptp(x, axes, keepdims=keepdims), lambda x: np.cumsum(x, axis), lambda x: np.cumprod(x, axis),
        lambda x: np.sort(x, axis), lambda x: np.partition(x, x.shape[axis] // 2, axis), lambda x: np.roll(x, shift, axis),
        lambda x: np.flip(x, axes), lambda x: np.moveaxis(x, axis, 0), lambda x: np.repeat(x, 2, axis),
        lambda x: np.diff(x, axis=axis), lambda x: np.pad(x, 2, "symmetric"), lambda x: np.tile(x, 2),
        lambda x: np.take(x, [0, -1, 0], axis), lambda x: np.linalg.norm(x, axis=axis, keepdims=keepdims),
        lambda x: np.swapaxes(x, axis, -1), lambda x: np.delete(x, 0, axis), lambda x: np.trapezoid(x, axis=axis),
        lambda x: np.average(x, axis, np.arange(1.0, x.shape[axis] + 1.0)), np.unique,
        lambda x: np.append(x, x, axis),
    ]  # fmt: skip
    call = data.draw(st.sampled_from(calls))
    np.testing.assert_allclose(call(Value(x)).data, call(x), rtol=1e-12, atol=1e-13)
    report = check_gradients(call, x)
    assert report.ok, str(report)
    second = check_gradients(call, x, order=2)  # of a function of steps differences may not tell the second derivative
    assert second.verdict not in (Verdict.FAIL, Verdict.JUMP), str(second)


@given(st.data())
def test_random_einsum(data: st.DataObject) -> None:
    sizes = {letter: data.draw(st.integers(1, 3)) for letter in "abcd"}
    names = data.draw(st.lists(st.text("abcd", min_size=1, max_size=3), min_size=1, max_size=3))
    used = sorted(set("".join(names)))
    result = "".join(data.draw(st.lists(st.sampled_from(used), unique=True, max_size=3)))
    subscripts = f"{','.join(names)}->{result}"
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    operands = [rng.normal(size=[sizes[letter] for letter in name]) for name in names]
    optimize = data.draw(st.booleans())
    out = np.einsum(subscripts, *map(Value, operands), optimize=optimize)
    np.testing.assert_allclose(out.data, np.einsum(subscripts, *operands), rtol=1e-10, atol=1e-12)
    report = check_gradients(lambda *v: np.einsum(subscripts, *v, optimize=optimize), *operands, order=2)
    assert report.ok, str(report)


@pytest.mark.slow
def test_type_checkers_see_the_methods(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from autograd import Value, grad\n"
        "v: Value = Value([1.0]).arcsinh().std(axis=0, ddof=1).sum()\n"
        "w: str = Value(1.0).cumsum()\n"
        "Value(1.0).arcsinhh()\n"
    )
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", str(program)]
    paths = {**os.environ, "MYPYPATH": str(Path(autograd.__file__).parent.parent)}
    checked = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=paths)
    lines = [line for line in checked.stdout.splitlines() if "error" in line]
    assert len(lines) == 3, checked.stdout
    assert "program.py:3" in lines[0]
    assert 'expression has type "Value"' in lines[0]
    assert "program.py:4" in lines[1]
    assert '"Value" has no attribute "arcsinhh"' in lines[1]


def test_the_module_autograd_numpy_has_the_names_of_numpy() -> None:
    assert anp.sin(Value(1.0)).data == np.sin(1.0)
    assert anp.linalg is np.linalg
    assert {"sin", "ndarray", "dispatch"} <= set(dir(anp))
    assert not hasattr(anp, "no_such_name")
    names: dict[str, Any] = {}
    exec("from autograd.numpy import *", names)  # as in programs written for HIPS autograd
    assert names["concatenate"] is np.concatenate

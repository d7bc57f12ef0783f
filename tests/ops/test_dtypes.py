"""Small dtypes and integers: every operation returns the same for integers as for floats, and sums float16 accurately."""

from __future__ import annotations

import operator
import pickle
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograd import Value, gradient, primitive
from autograd.ops import convolution, functions, table
from autograd.ops.reductions import sum_of_rows
from tests.ops.samples import Sample, all_samples
from tests.sweeps import sweep

SAMPLES = all_samples()
ops = SimpleNamespace(**{**table(), **functions()})
INTEGERS = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
#: Ops whose samples compute with their inputs, such as to make them symmetric, or add up several outputs.
COMPUTED = {"cholesky", "eigh", "eigvalsh", "lstsq", "pinv", "svd", "broadcast_arrays", "meshgrid"}
NAMES = sorted(SAMPLES.keys() - COMPUTED)


class Typed(NamedTuple):
    """A sample whose inputs take a dtype."""

    sample: Sample
    dtype: Any

    def __str__(self) -> str:
        return f"{self.sample.name} of {self.dtype.__name__}"


def typed(name: str) -> list[Typed]:
    """Samples of an op, each with a dtype: the first one with all of them, a few more with those that wrap first."""
    first, *others = SAMPLES[name]
    return [
        *(Typed(first, dtype) for dtype in INTEGERS),
        *(Typed(item, kind) for item in others[:5] for kind in (np.int8, np.uint8)),
    ]


def whole(data: Any, dtype: Any) -> Any:
    """Integers of a dtype, many of them so large that their sums and differences overflow int8 and uint8."""
    numbers = np.rint(np.asarray(data) * 50.0)
    if dtype is np.bool_:
        return dtype(numbers > 0.0) if np.ndim(data) == 0 else numbers > 0.0
    numbers = np.abs(numbers) if np.dtype(dtype).kind == "u" else numbers
    return dtype(numbers) if np.ndim(data) == 0 else numbers.astype(dtype)


def as_float(data: Any) -> Any:
    return float(data) if np.ndim(data) == 0 else data.astype(float)


def outcome(call: Callable[..., Any], *inputs: Any) -> Any:
    """The result of a call, or the class of its error."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of singular matrices and the like
            return call(*inputs)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        return type(error)


def differentiated(call: Callable[..., Any], *inputs: Any) -> Any:
    """The result, and the gradient of its sum with respect to each Value, or the class of the error."""
    values = [item for item in inputs if isinstance(item, Value)]

    def run(*inputs: Any) -> list[Any]:
        out = call(*inputs)
        out.sum().backward()
        return [out.data, *(value.grad for value in values)]

    return outcome(run, *inputs)


def assert_same(got: Any, right: Any, what: str) -> None:
    if isinstance(right, type):
        assert got is right, f"{what}: expected {right}, got {got}"
        return
    for one, other in zip(got, right, strict=True) if isinstance(right, (list, tuple)) else [(got, right)]:
        np.testing.assert_array_equal(np.asarray(one, float), np.asarray(other, float), what)


@sweep({name: typed(name) for name in NAMES}, str)
def test_integers_count_as_the_same_floats(case: Typed) -> None:
    inputs = [whole(item, case.dtype) for item in case.sample.inputs]
    twins = [as_float(item) for item in inputs]
    assert_same(outcome(case.sample.call, *inputs), outcome(case.sample.call, *twins), "the result")


@sweep({name: typed(name) for name in NAMES if any(len(item.inputs) > 1 for item in SAMPLES[name])}, str)
def test_integers_beside_a_value_count_as_the_same_floats(case: Typed) -> None:
    inputs = [whole(item, case.dtype) for item in case.sample.inputs]
    for place, item in enumerate(case.sample.inputs if 1 < len(inputs) < 5 else ()):
        got, right = (
            differentiated(case.sample.call, *(Value(item) if i == place else as_(other) for i, other in enumerate(inputs)))
            for as_ in (lambda x: x, as_float)
        )
        assert_same(got, right, f"beside input {place}")


#: Without samples that insert nan, which turns integers into float64.
BESIDE_FLOAT32 = {name: [sample for sample in SAMPLES[name][:9] if "nan" not in sample.name] for name in NAMES}


@sweep(BESIDE_FLOAT32, operator.attrgetter("name"))
def test_integers_beside_float32_leave_it_float32(sample: Sample) -> None:
    for place, item in enumerate(sample.inputs if len(sample.inputs) > 1 else ()):
        if np.ndim(item) and all(map(np.ndim, sample.inputs)):
            value, others = Value(item.astype(np.float32)), [whole(other, np.int64) for other in sample.inputs]
            mixed = [value if i == place else other for i, other in enumerate(others)]
            twins = [value if i == place else other.astype(np.float32) for i, other in enumerate(others)]
            got, right = outcome(sample.call, *mixed), outcome(sample.call, *twins)
            assert getattr(got, "dtype", None) == getattr(right, "dtype", None), f"beside input {place}"


# --- large sizes ----------------------------------------------------------------------------------


N = 65536
EVEN = np.random.default_rng(0).uniform(0.5, 1.5, (N, 2))
PLACES = np.zeros(N, int)
WINDOW = convolution.windows_over("pool", (256, 256), (64, 64), 64)
BINS = tuple((slice(0, 256),) for _ in range(2))

#: Each operation that adds up, over about 65,536 numbers, as a function of its inputs.
LARGE: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "sum": (lambda x: ops.sum(x / 64.0, 0), [EVEN]),
    "mean": (lambda x: ops.mean(x, 0), [EVEN]),
    "max": (lambda x: ops.max(x, 0), [np.ones((N, 2))]),
    "min": (lambda x: ops.min(x, 0), [np.ones((N, 2))]),
    "prod": (lambda x: ops.prod(x, 0), [np.tile([[1.1], [1 / 1.1]], (2048, 2))]),
    "var": (lambda x: ops.var(x, 0), [EVEN * 100.0]),
    "std": (lambda x: ops.std(x, 0), [EVEN * 100.0]),
    "cumsum": (lambda x: ops.cumsum(x / 64.0, 0), [EVEN]),
    "logsumexp": (lambda x: ops.logsumexp(x, 0), [EVEN]),
    "softmax": (lambda x: ops.softmax(x, 0), [EVEN]),
    "log_softmax": (lambda x: ops.log_softmax(x, 0), [EVEN]),
    "softmax_cross_entropy": (lambda x: ops.softmax_cross_entropy(x, [3, 5]), [EVEN.T]),
    "matmul": (lambda x, y: ops.matmul(x, y / 64.0), [EVEN.T.copy(), EVEN]),
    "linear": (lambda x, w, b: ops.linear(x, w, b), [EVEN / 64.0, np.ones((1, 2)), np.ones(1)]),
    "einsum": (lambda x, y: ops.einsum("ij,ij->j", x, y / 64.0), [EVEN, EVEN]),
    "convolve": (lambda x, y: ops.convolve(x, y / 64.0, "valid"), [EVEN[:4096, 0].copy(), EVEN[:4096, 1].copy()]),
    "norm": (lambda x: ops.norm(x, axis=0), [EVEN * 200.0]),
    "centre": (lambda x: ops.centre(x, 0), [EVEN]),
    "rms_normalise": (lambda x: ops.rms_normalise(x, 0, 1e-5), [EVEN * 200.0]),
    "scatter": (lambda x: ops.scatter(x / 64.0, (2,), PLACES), [EVEN[:, 0].copy()]),
    "index_add": (lambda x, u: ops.index_add(x, u / 64.0, PLACES), [np.ones(2), EVEN[:, 0].copy()]),
    "getitem": (lambda x: ops.getitem(x / 64.0, PLACES), [np.ones(2)]),
    "add": (lambda x, y: x + y / 64.0, [EVEN, np.ones(2)]),
    "sum_pool": (lambda x: ops.sum_pool(x / 64.0, WINDOW), [EVEN[:, :1].reshape(1, 1, 256, 256)]),
    "bin_sum": (lambda x: ops.bin_sum(x / 64.0, BINS, (256, 256)), [EVEN[:, :1].reshape(1, 1, 256, 256)]),
    "avg_pool": (lambda x: ops.avg_pool(x, 64), [EVEN[:, :1].reshape(1, 1, 256, 256)]),
    "adaptive_avg_pool": (lambda x: ops.adaptive_avg_pool(x, 4), [EVEN[:, :1].reshape(1, 1, 256, 256)]),
    "conv": (lambda x, w, b: ops.conv(x / 64.0, w, b), [EVEN[:, :1].reshape(1, 1, 256, 256), np.ones((1, 1, 2, 2)), np.ones(1)]),
    "cov": (lambda x: ops.cov(x.T), [EVEN * 200.0]),
    "average": (lambda x, w: ops.average(x, 0, w), [EVEN, EVEN]),
    "trapezoid": (lambda x: ops.trapezoid(x / 64.0, axis=0), [EVEN]),
    "nanmean": (lambda x: ops.nanmean(x, 0), [EVEN]),
    "mean of some": (lambda x: ops.mean(x, 0, where=EVEN > 1.0), [EVEN]),
    "std of some": (lambda x: ops.std(x, 0, where=EVEN > 1.0), [EVEN * 200.0]),
    "vecdot": (lambda x, y: ops.vecdot(x / 64.0, y, axis=0), [EVEN, EVEN]),
    "bincount": (lambda x: ops.bincount(PLACES, x / 64.0), [EVEN[:, 0].copy()]),
}  # fmt: skip

#: Operations without a test of large sizes: factorisations and recurrences of float16 are computed in float32 as the others
#: are, and the rest are parts of those above.
NOT_LARGE = {
    "inv", "solve", "det", "logabsdet", "pinv", "cholesky", "qr", "eigh", "eig", "svd", "rnn", "lstm", "gru", "conv_input",
    "conv_weight", "max_unpool", "max_picked", "sum_unpool", "bin_spread", "put_back", "averaged_runs", "running_products",
    "products_slope", "run_sums", "complement",
}  # fmt: skip


def test_every_operation_that_adds_up_is_tried_at_large_sizes() -> None:
    assert {name for name, op in table().items() if op.sums} - LARGE.keys() - NOT_LARGE == set()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("name", LARGE)
def test_many_small_floats_add_up_as_float64_does(name: str, dtype: Any) -> None:
    """Value and gradient are within a few roundings of those in float64, and keep the dtype."""
    call, inputs = LARGE[name]
    small = [Value(item.astype(dtype)) for item in inputs]
    exact = [Value(item.data.astype(float)) for item in small]
    out, right = call(*small), call(*exact)
    assert out.dtype == (dtype if out.shape else float)
    seed = np.random.default_rng(1).uniform(0.5, 1.0, out.shape).astype(dtype)
    out.backward(seed if out.shape else float(seed))
    right.backward(seed.astype(float) if out.shape else float(seed))
    room = 64.0 if name == "linear" else 16.0  # BLAS adds up the products of a matrix and a vector one by one
    pairs = [(out.data, right.data), *((x.grad, y.grad) for x, y in zip(small, exact, strict=True))]
    for got, wanted in pairs:
        few = room * np.finfo(dtype).eps * np.max(np.abs(wanted)) + np.finfo(dtype).smallest_subnormal
        assert np.max(np.abs(np.asarray(got, float) - wanted)) <= few
        assert np.asarray(got).dtype == (dtype if np.ndim(got) else float)
    plain = call(*(item.data for item in small))
    assert np.asarray(plain).dtype == (dtype if name != "bincount" else float)  # as np.bincount() has it
    np.testing.assert_allclose(plain, np.asarray(out.data, dtype), room * np.finfo(dtype).eps)


# --- by their kinds -------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 0, 1, 2), (1, 3, 2, 0)])
@pytest.mark.parametrize("axis", [None, 0, 3, (0, 1), (0, 3), (1, 2), (0, 2, 3), (1, 2, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("reduce", [ops.sum, ops.mean, ops.var])
def test_sums_of_float32_in_any_order_of_axes(reduce: Any, axis: Any, order: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).uniform(0.5, 1.5, (12, 33, 1, 260)).astype(np.float32).transpose(order)
    found, right = reduce(Value(x), axis).data, reduce(Value(x.astype(float)), axis).data
    np.testing.assert_allclose(found, right, 16.0 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(128, 100), (3000, 3), (1999, 7), (8191, 1), (70_000, 2), (256, 512), (300, 5, 9)])
def test_sums_of_rows_are_off_by_few_roundings(shape: tuple[int, ...], dtype: Any) -> None:
    x = np.random.default_rng(0).uniform(0.5, 1.5, shape).astype(dtype)
    x[5] = np.finfo(dtype).eps
    room = 4.0 if dtype == np.float32 else 64.0
    for found in (ops.sum(Value(x), 0).data, sum_of_rows(x), sum_of_rows(np.asfortranarray(x))):
        np.testing.assert_allclose(found, x.astype(np.longdouble).sum(0), room * np.finfo(dtype).eps)
        assert found.dtype == dtype and found.shape == shape[1:]
    x[-1] = np.inf
    assert np.isinf(sum_of_rows(x)).all()


def test_ties_beyond_the_range_of_float16_share_the_gradient() -> None:
    for function in (np.max, np.min):
        x = Value(np.ones(70000, np.float16))
        function(x).backward()
        np.testing.assert_allclose(x.grad.astype(float), 1.0 / 70000.0, 5e-3)


def test_softmax_and_logsumexp_of_65536_numbers_in_float16() -> None:
    x = Value(np.zeros(65536, np.float16))
    total = ops.logsumexp(x)
    total.backward()
    assert total.data == pytest.approx(16.0 * np.log(2.0), rel=1e-3)
    np.testing.assert_array_equal(x.grad, np.float16(2.0**-16))
    for out in (ops.softmax(x).data, ops.softmax(x.data), np.exp(ops.log_softmax(x).data)):
        np.testing.assert_allclose(out.astype(float), 2.0**-16, 5e-3)
    large = Value(np.array([30000.0, 30000.0], np.float32))  # the logarithm of 2 is far less than its rounding
    ops.logsumexp(large).backward()
    np.testing.assert_array_equal(large.grad, 0.5)


def test_means_of_float16_whose_sums_overflow() -> None:
    x = Value(np.full(70000, 100.0, np.float16))
    for mean in (np.mean(x), np.mean(x, where=np.ones(70000, bool)), np.average(x, weights=np.full(70000, 3)), np.nanmean(x)):
        x.grad = None
        mean.backward()
        assert mean.data == 100.0
        np.testing.assert_allclose(x.grad.astype(float), 1.0 / 70000.0, 5e-3)
    assert np.std(Value(np.array([[0, 600]], np.float16)), axis=1, where=[[True, True]]).data == 300.0  # its square is infinite
    assert np.linalg.norm(Value(np.full(4, 300.0, np.float16))).data == 600.0


def test_numbers_are_not_rounded_to_float16_where_they_become_python_floats() -> None:
    x = Value(np.full(70000, 2.0, np.float16))
    total = x.sum()
    assert total.data == 140000.0
    (total * 2.0).backward()
    assert x.grad.dtype == np.float16
    np.testing.assert_array_equal(x.grad, 2.0)


def test_second_derivatives_of_float16() -> None:
    x = Value(np.linspace(-1.0, 1.0, 64).astype(np.float16))
    slope = gradient(ops.logsumexp(x) ** 2, x)
    assert slope.dtype == np.float16
    twin = Value(x.data.astype(float))
    curved, right = gradient((slope * slope).sum(), x), gradient((gradient(ops.logsumexp(twin) ** 2, twin) ** 2).sum(), twin)
    np.testing.assert_allclose(curved.data.astype(float), right.data, 0.0, 0.01 * np.abs(right.data).max())


def test_linear_algebra_of_float16_is_computed_in_float32() -> None:
    a = Value(np.array([[2.0, 0.5], [0.5, 1.0]], np.float16))
    out = np.linalg.inv(a)
    out.sum().backward()
    assert out.dtype == a.grad.dtype == np.float16
    np.testing.assert_allclose(out.data, [[0.5714, -0.2857], [-0.2857, 1.143]], 1e-3)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_functions_of_integers_are_those_of_floats(dtype: Any) -> None:
    x = np.array([0, 1, 1], dtype) if dtype is np.bool_ else np.array([0, 2, 100], dtype)
    exact = x.astype(float)
    np.testing.assert_allclose(ops.sigmoid(x), 1.0 / (1.0 + np.exp(-exact)), 1e-15)
    np.testing.assert_array_equal(ops.neg(x), -exact)
    np.testing.assert_array_equal(ops.sub(x, x[::-1]), exact - exact[::-1])
    np.testing.assert_array_equal(ops.diff(x[::-1]), np.diff(exact[::-1]))
    np.testing.assert_array_equal(ops.outer(x, x), np.outer(exact, exact))
    np.testing.assert_array_equal(ops.pow(2, -x.astype(np.int64)), 2.0**-exact)
    np.testing.assert_array_equal(ops.pad(x, 1, constant_values=-0.5), np.pad(exact, 1, constant_values=-0.5))
    assert ops.pad(x, 1).dtype == ops.reshape(x, (3, 1)).dtype == ops.getitem(x, slice(2)).dtype == dtype  # moved, as they are


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_constants_of_integers_and_bools_take_the_dtype_of_the_value(dtype: Any) -> None:
    x, numbers, mask = Value(np.array([1.0, 2.0, 4.0], dtype)), np.array([3, 1, 200]), np.array([True, False, True])
    outs = [x + numbers, numbers - x, x * mask, mask / x, x ** np.array([-1, 2, 1], np.int8), numbers % x, x // numbers,
            np.maximum(x, numbers), np.where(mask, x, numbers), np.clip(x, numbers - 3, numbers), np.stack([x, numbers]),
            np.hypot(mask, x), x @ numbers.reshape(3, 1), np.array([True, True, False]) - x]  # fmt: skip
    assert {out.dtype for out in outs} == {np.dtype(dtype)}
    sum(out.sum() for out in outs).backward()
    assert x.grad.dtype == dtype
    np.testing.assert_array_equal((np.array([1, 2, 3], np.uint8) - x).data, [0.0, 0.0, -1.0])


def test_arrays_of_another_byte_order_or_out_of_a_pickle_add_up_the_same() -> None:
    """Their dtypes are equal to those of other arrays, and not the same objects."""
    for dtype in (np.float16, np.float32):
        array = np.full((50000, 2), 0.1, dtype)
        right = ops.sum(array / dtype(4.0), 0)
        for other in (pickle.loads(pickle.dumps(array)), array.astype(np.dtype(dtype).newbyteorder(">"))):
            for out in (ops.sum(other / dtype(4.0), 0), ops.sum(Value(other) / 4.0, 0).data, ops.mean(other, 0) * dtype(12500.0)):
                np.testing.assert_allclose(out, right, 2e-3 if dtype is np.float16 else 1e-6)


def test_a_sum_asked_for_as_integers_is_plain_and_of_integers() -> None:
    x = Value([1.0, 2.0, 250.0])
    for out, right in ((np.sum(x, dtype=int), 253), (np.prod(x, dtype=np.int32), 500)):
        assert out == right
        assert np.asarray(out).dtype.kind == "i"
    np.testing.assert_array_equal(np.cumsum(x, dtype=int), [1, 3, 253], strict=True)
    np.testing.assert_array_equal(np.cumprod(x, dtype=int), [1, 2, 500], strict=True)


def test_quantiles_of_float16_far_apart() -> None:
    x = Value(np.array([[-6e4, 6e4], [-6e4, 6e4]], np.float16))
    out = np.quantile(x, 0.25, axis=1)
    assert out.dtype == np.float16
    np.testing.assert_array_equal(out.data, -3e4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduce", [np.sum, np.mean])
def test_the_cotangent_of_a_sum_or_mean_has_the_dtype_of_the_input_and_one_number(reduce: Any, dtype: Any) -> None:
    found = []

    @primitive(x=lambda g, out, x: found.append(g) or g)
    def watched(x: Any) -> Any:
        return x + dtype(0.0)

    x = Value(np.ones((4, 3), dtype))
    reduce(watched(x)).backward()
    assert found[0].dtype == dtype
    assert found[0].strides == (0, 0)
    assert x.grad.flags.writeable

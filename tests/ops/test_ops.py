"""Sweeps over the op table: values against NumPy, first and second derivatives against differences."""

from __future__ import annotations

import functools
import operator

import numpy as np
import pytest

from autograd import Value, gradient
from autograd.ops import functions, table
from autograd.verify import Verdict, check_gradients, check_operation
from tests.ops.samples import Sample, all_samples
from tests.sweeps import sweep

SAMPLES = all_samples()
every_sample = functools.partial(sweep, SAMPLES, operator.attrgetter("name"))
#: Operations whose derivatives take seconds to verify.
LONG = {"complement", "corrcoef", "gru", "lstm", "percentile", "products_slope"}


def several_shapes_first(samples: list[Sample]) -> list[Sample]:
    """Order samples: inputs that broadcast or differ in shape first, then arrays, then numbers."""
    shapes = [[np.shape(item) for item in sample.inputs] for sample in samples]
    order = sorted(range(len(samples)), key=lambda i: (len(set(shapes[i])) < 2, not any(shapes[i])))
    return [samples[i] for i in order]


#: Cases that differences cannot decide: derivatives that are rounding errors of terms that cancel, as for a singular matrix, or
#: that change the function by little more than its rounding.
UNDECIDED = {
    "det [(3, 3)]", "det [(4, 4)]", "det [(9, 9)]", "det [(3, 3, 3)]",
    "qr [0] of [(2, 2, 4)]", "qr [1] of [(2, 2, 4)]", "qr all of [(2, 2, 4)]", "qr [(2, 2, 4)] 'r'", "qr [(1, 3)] 'r'",
    "gelu_tanh () {}", "gelu_tanh (3,) {}", "gelu (1,) {'approximate': 'tanh'}",
}  # fmt: skip


def test_every_op_has_samples() -> None:
    assert sorted(SAMPLES) == sorted({*table(), *functions()}), "add samples in tests/ops/samples*.py: they verify an op"
    assert all(SAMPLES.values())


@every_sample()
def test_value_is_that_of_numpy(sample: Sample) -> None:
    out = sample.call(*map(Value, sample.inputs))
    expected = sample.expected(*sample.inputs)
    assert out.shape == np.shape(expected)
    np.testing.assert_allclose(out.data, expected, rtol=1e-12, atol=1e-12)
    if out.shape == ():
        assert type(out.data) is float
    np.testing.assert_array_equal(np.asarray(sample.call(*sample.inputs)), out.data)  # without Values: plain data


@sweep({op: several_shapes_first(samples) for op, samples in SAMPLES.items()}, operator.attrgetter("name"), first=1, slow=LONG)
def test_first_and_second_derivatives_agree_with_differences(sample: Sample) -> None:
    report = check_operation(sample.call, *sample.inputs, order=2)
    undecided = sample.name in UNDECIDED and report.verdict in (Verdict.INCONCLUSIVE, Verdict.KINK)
    assert report.verdict is Verdict.PASS or undecided, str(report)  # samples are away from kinks


@every_sample()
def test_gradients_have_the_shape_and_dtype_of_their_inputs(sample: Sample) -> None:
    exact = [Value(item) for item in sample.inputs]
    sample.call(*exact).sum().backward()
    for dtype in (np.float64, np.float32):
        inputs = [item if isinstance(item, float) else item.astype(dtype) for item in sample.inputs]
        values = [Value(item) for item in inputs]
        out = sample.call(*values)
        if out.shape and dtype == np.float32 and all(isinstance(item, np.ndarray) for item in inputs) and out.op.name != "astype":
            assert out.dtype == np.float32
        out.sum().backward()
        for item, value, precise in zip(inputs, values, exact, strict=True):
            assert type(value.grad) is type(item)
            assert np.shape(value.grad) == np.shape(item)
            assert np.asarray(value.grad).dtype == np.asarray(item).dtype
            np.testing.assert_allclose(value.grad, precise.grad, rtol=1e-4, atol=1e-4)


@every_sample()
def test_gradient_and_backward_agree(sample: Sample) -> None:
    values = [Value(item) for item in sample.inputs]
    out = sample.call(*values)
    seed = np.random.default_rng(1).standard_normal(out.shape)
    out.backward(seed)
    for value, slope in zip(values, gradient(out, values, seed), strict=True):
        assert isinstance(slope, Value)
        np.testing.assert_allclose(slope.data, value.grad, rtol=1e-12, atol=1e-14)


@every_sample()
def test_one_constant_input_at_a_time(sample: Sample) -> None:
    """A constant input does not change the gradients of the others."""
    values = [Value(item) for item in sample.inputs]
    sample.call(*values).sum().backward()
    for i in range(len(values)):
        alone = Value(sample.inputs[i])
        out = sample.call(*(alone if j == i else item for j, item in enumerate(sample.inputs)))
        out.sum().backward()
        np.testing.assert_allclose(alone.grad, values[i].grad, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["tanh", "mul", "matmul", "sum", "getitem", "softmax"])
def test_third_derivatives(name: str) -> None:
    for sample in SAMPLES[name][:6]:
        report = check_gradients(sample.call, *sample.inputs, order=3)
        assert report.verdict is Verdict.PASS, f"{sample.name}: {report}"

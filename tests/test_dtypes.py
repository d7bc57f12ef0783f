"""Small dtypes and integers: every operation gives for integers what it gives for the same floats, and float16 adds up."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Value
from tests.samples import all_samples

SAMPLES = all_samples()
INTEGERS = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
#: Ops whose samples compute with their inputs themselves, to make symmetric matrices of them, say, or a sum of several outputs.
COMPUTED = {"cholesky", "eigh", "eigvalsh", "lstsq", "pinv", "svd", "broadcast_arrays", "meshgrid"}
NAMES = sorted(SAMPLES.keys() - COMPUTED)
#: So many samples of an op are tried with all dtypes of integers, the others with those that wrap first.
FIRST = 2


def whole(data: Any, dtype: Any) -> Any:
    """Whole numbers that a dtype holds, many of them so large that their sums and differences leave int8 and uint8."""
    numbers = np.rint(np.asarray(data) * 50.0)
    if dtype is np.bool_:
        return dtype(numbers > 0.0) if np.ndim(data) == 0 else numbers > 0.0
    numbers = np.abs(numbers) if np.dtype(dtype).kind == "u" else numbers
    return dtype(numbers) if np.ndim(data) == 0 else numbers.astype(dtype)


def as_float(data: Any) -> Any:
    return float(data) if np.ndim(data) == 0 else data.astype(float)


def outcome(call: Callable[..., Any], *inputs: Any) -> Any:
    """What a call gives, or the class of its error."""
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


def assert_same(came: Any, right: Any, what: str) -> None:
    if isinstance(right, type):
        assert came is right, f"{what}: {came} came, and {right} is right"
        return
    for one, other in zip(came, right, strict=True) if isinstance(right, (list, tuple)) else [(came, right)]:
        np.testing.assert_array_equal(np.asarray(one, float), np.asarray(other, float), what)


@pytest.mark.parametrize("name", NAMES)
def test_integers_count_as_the_same_floats(name: str) -> None:
    for number, sample in enumerate(SAMPLES[name]):
        for dtype in INTEGERS if number < FIRST else (np.bool_, np.int8, np.uint8):
            inputs = [whole(item, dtype) for item in sample.inputs]
            twins = [as_float(item) for item in inputs]
            what = f"{sample.name} of {dtype.__name__}"
            assert_same(outcome(sample.call, *inputs), outcome(sample.call, *twins), what)


@pytest.mark.parametrize("name", [name for name in NAMES if any(len(item.inputs) > 1 for item in SAMPLES[name])])
def test_integers_beside_a_value_count_as_the_same_floats(name: str) -> None:
    for number, sample in enumerate(SAMPLES[name]):
        for dtype in INTEGERS if number < FIRST else (np.bool_, np.int8, np.uint8):
            inputs = [whole(item, dtype) for item in sample.inputs]
            for place, item in enumerate(sample.inputs if len(inputs) > 1 else ()):
                came, right = (
                    differentiated(sample.call, *(Value(item) if i == place else as_(other) for i, other in enumerate(inputs)))
                    for as_ in (lambda x: x, as_float)
                )
                assert_same(came, right, f"{sample.name} of {dtype.__name__} beside input {place}")


@pytest.mark.parametrize("name", NAMES)
def test_integers_beside_float32_leave_it_float32(name: str) -> None:
    for sample in SAMPLES[name]:
        if "nan" in sample.name:  # which the sample puts in itself, and so makes float64 of integers
            continue
        for place, item in enumerate(sample.inputs if len(sample.inputs) > 1 else ()):
            if np.ndim(item) and all(map(np.ndim, sample.inputs)):
                value, others = Value(item.astype(np.float32)), [whole(other, np.int64) for other in sample.inputs]
                mixed = [value if i == place else other for i, other in enumerate(others)]
                twins = [value if i == place else other.astype(np.float32) for i, other in enumerate(others)]
                came, right = outcome(sample.call, *mixed), outcome(sample.call, *twins)
                assert getattr(came, "dtype", None) == getattr(right, "dtype", None), sample.name

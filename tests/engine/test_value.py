"""Values: their data, operators with NumPy, comparisons, leaving the graph, copies, messages."""

from __future__ import annotations

import copy
import inspect
import operator
import pickle
import pydoc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, concatenate, no_grad, softmax, stack, where
from autograd.ops import clip, linear, maximum, minimum


def test_data_are_floats_and_floating_arrays() -> None:
    for number in (3, 3.0, True, np.float64(3), np.float32(3), np.int8(3), np.array(3.0), np.array(3)):
        assert type(Value(number).data) is float
    for array in ([1, 2], (1.0, 2.0), np.array([1, 2]), np.array([True, False]), np.array([1, 2], dtype=np.uint8)):
        assert Value(array).dtype == np.float64
    for dtype in (np.float16, np.float32, np.float64):
        assert Value(np.zeros(2, dtype)).dtype == dtype
    source = np.zeros(2)
    value = Value(source)
    source[0] = 5.0
    assert value.data.tolist() == [0.0, 0.0]
    assert type(Value([1.0, 2.0]).sum().data) is float
    assert type(Value(np.ones(2, dtype=np.float32))[0].data) is float


def test_attributes() -> None:
    v = Value(np.ones((2, 3)), label="v")
    assert (v.shape, v.ndim, v.size, v.dtype, v.T.shape, v.label, len(v)) == ((2, 3), 2, 6, np.float64, (3, 2), "v", 2)
    s = Value(2.0)
    assert (s.shape, s.ndim, s.size, s.dtype, s.label, s.op, s.inputs) == ((), 0, 1, np.float64, "", None, ())
    out = s * v
    out.label = "product"
    assert out.op is autograd.ops.mul
    assert out.inputs == (s, v) or [a is b for a, b in zip(out.inputs, (s, v), strict=True)] == [True, True]
    assert (out.label, out.grad.shape) == ("product", (2, 3))
    assert (v.sum(axis=0).inputs[1], (v**2).inputs[1]) == (0, 2.0)


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        ("abc", TypeError, "real numbers.*a string: 'abc'.*dtype=float"),
        (b"abc", TypeError, "bytes"),
        (1j, TypeError, "complex numbers: 1j; take .real and .imag"),
        (np.ones(2) * 1j, TypeError, "complex numbers"),
        (np.array([object(), 1]), TypeError, "an object array"),
        (None, TypeError, "an object array"),
        (np.array(["2026-01-01"], dtype="M8[D]"), TypeError, "dates"),
        ([[1.0, 2.0], [3.0]], ValueError, "not rectangular"),
        ([Value(1.0), 2.0], TypeError, r"holds Values.*stack\(\) or concatenate\(\)"),
        (Value(1.0), TypeError, r"got a Value.*v.detach\(\)"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), TypeError, "masked array.*filled"),
    ],
)
def test_bad_data_is_named(data: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Value(data)


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize(
    "other", [3, 2.5, True, np.float64(2), np.float32(2), np.int64(2), np.array(2.0), np.array([1.0, 2.0]), np.ones((3, 1)),
              [1, 2], (1.0, 2.0), np.array([1, 2]), np.array([], dtype=float).reshape(0, 2)],
    ids=repr,
)  # fmt: skip
def test_operators_with_plain_data_on_either_side(op: Callable[..., Any], other: Any) -> None:
    plain = np.asarray(other, dtype=float)
    for data in (1.5, np.array([1.5, 0.5])):
        value = Value(data)
        for out, expected in ((op(value, other), op(data, plain)), (op(other, value), op(plain, data))):
            assert isinstance(out, Value)
            assert out.shape == np.shape(expected)
            np.testing.assert_allclose(out.data, expected)
            out.sum().backward()
        assert np.shape(value.grad) == np.shape(data)


def test_matmul_with_plain_data_on_either_side() -> None:
    matrix, vector = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    for left, right in ((matrix, vector), (vector, matrix.T), (matrix, matrix.T), (vector, vector), (np.ones((4, 2, 3)), vector)):
        expected = left @ right
        for out in (Value(left) @ right, left @ Value(right), Value(left) @ Value(right)):
            np.testing.assert_allclose(out.data, expected)
    with pytest.raises(ValueError, match=r"matmul\(\) cannot take the shapes \(2, 3\), \(2, 3\).*Fix: the last axis on the left"):
        Value(matrix) @ matrix
    with pytest.raises(ValueError, match="matmul"):
        Value(2.0) @ 3.0


def test_in_place_operators_on_arrays_are_an_error_and_on_values_rebind() -> None:
    array = np.ones(2)
    with pytest.raises(TypeError):
        array += Value([1.0, 2.0])
    a = b = Value(1.0)
    a += 1
    assert (a.data, b.data) == (2.0, 1.0)


def test_operands_that_are_not_real_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="unsupported operand type"):
        Value(1.0) + None
    with pytest.raises(TypeError, match="an operation with a Value takes real numbers.*a string: 'x'"):
        Value(1.0) * "x"
    with pytest.raises(TypeError, match="complex numbers"):
        1j * Value(1.0)
    with pytest.raises(ValueError, match=r"add\(\) cannot take the shapes \(3,\), \(2,\).*Fix: .*broadcast.*reshape\(\)"):
        Value([1.0, 2.0, 3.0]) + [1.0, 2.0]
    with pytest.raises(ValueError, match=r"concatenate\(\) cannot take the shapes \(1,\), \(1, 1\)"):
        concatenate([Value([1.0]), Value([[1.0]])])
    with pytest.raises(TypeError, match="a bound is a real number or an array of them, but got None"):
        maximum(Value(1.0), None)
    with pytest.raises(TypeError, match=r"where\(\) takes Values, real numbers and arrays, but got <object"):
        where(True, Value(1.0), object())
    with pytest.raises(TypeError, match=r"leaky_relu\(\) has no derivative for its argument number 2.*pass its .data"):
        autograd.ops.leaky_relu(Value(1.0), Value(0.1))
    with pytest.raises(TypeError, match=r"sum\(\) got an unexpected keyword argument 'axes'"):
        Value([1.0]).sum(axes=0)

    class Units:
        def __rmul__(self, other: Any) -> str:
            return "units decide"

    assert Value(1.0) * Units() == "units decide"


def test_float_errors_give_inf_or_nan_as_numpy_warns() -> None:
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert Value(0.0).log().data == -np.inf
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert (1.0 / Value(0.0)).data == np.inf
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert Value(1000.0).exp().data == np.inf
    with pytest.warns(RuntimeWarning, match="invalid"):
        assert np.isnan(Value(-1.0).sqrt().data)
    with pytest.warns(RuntimeWarning, match="invalid"):
        power = Value(-8.0) ** (1.0 / 3.0)
    assert np.isnan(power.data), "never a complex number out of a real power"
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        Value(0.0).log()
    with np.errstate(all="ignore"):
        assert (Value(0.0) ** -1.0).data == np.inf
    assert (Value(1e308) * 10.0).data == np.inf
    assert Value(-1000.0).sigmoid().data == 0.0
    assert Value(-1000.0).softplus().data == 0.0
    assert Value([-1000.0, 1000.0]).sigmoid().data.tolist() == [0.0, 1.0]
    assert Value([-1000.0, 1000.0]).softplus().data.tolist() == [0.0, 1000.0]
    assert Value([1000.0, 1001.0]).softmax().data.sum() == 1.0
    assert np.isfinite(Value([1000.0, -1000.0]).log_softmax().data).all()
    assert Value([-np.inf, -np.inf]).logsumexp().data == -np.inf


def test_comparisons_are_plain_and_values_are_dictionary_keys() -> None:
    a, b = Value(1.0), Value(2.0)
    assert (a < b) is True
    assert (a == b) is False
    assert (a != 1.0) is False
    assert a.__gt__(0.5) is True
    assert operator.gt(2, a) is True
    v = Value([1.0, 3.0])
    for result, expected in ((v > 2, [False, True]), (operator.ge(2, v), [True, False]),
                             (v == np.array([1.0, 0.0]), [True, False]),
                             (operator.lt(np.array([2.0, 2.0]), v), [False, True]), (v != v, [False, False])):  # fmt: skip
        assert type(result) is np.ndarray
        assert result.tolist() == expected
    assert {a: "a", v: "v"}[v] == "v"
    assert (a == "text", a != "text", a == None, v == None) == (False, True, False, False)  # noqa: E711
    with pytest.raises(TypeError, match="'<' not supported"):
        sorted([a, "text"])  # type: ignore[type-var]
    assert bool(Value(0.0)) is False
    with pytest.raises(ValueError, match="ambiguous"):
        bool(v)


def test_assignment_to_parts() -> None:
    v = Value([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match=r"write v = v.at\[i\].set\(x\) \(or .add, .multiply\) for v\[i\] = x"):
        v[0] = 5.0
    u = Value(10.0)
    out = v.at[1].set(u)
    out.backward([1.0, 2.0, 3.0])
    assert (out.data.tolist(), v.data.tolist()) == ([1.0, 10.0, 3.0], [1.0, 2.0, 3.0])
    assert (v.grad.tolist(), u.grad) == ([1.0, 0.0, 3.0], 2.0)
    assert v.at[[0, 0]].add(1.0).data.tolist() == [3.0, 2.0, 3.0]
    assert v.at[1:].multiply([2.0, 3.0]).data.tolist() == [1.0, 4.0, 9.0]
    assert v.at[[0, 0]].set([7.0, 8.0]).data.tolist() == [8.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="names a place twice"):
        v.at[[0, 0]].multiply(2.0)


def test_repeated_places_written_give_the_gradient_to_the_last() -> None:
    v, u = Value([1.0, 2.0]), Value([5.0, 6.0, 7.0])
    v.at[[0, 0, 1]].set(u).backward([1.0, 1.0])
    assert (v.grad.tolist(), u.grad.tolist()) == ([0.0, 0.0], [0.0, 1.0, 1.0])


def test_indexing_adds_up_repeated_elements() -> None:
    v = Value(np.arange(4.0))
    v[[0, 0, 3]].sum().backward()
    assert v.grad.tolist() == [2.0, 0.0, 0.0, 1.0]
    index = np.array([1, 1])
    out = v[index].sum()
    index[:] = 3
    v.grad = None
    out.backward()
    assert v.grad.tolist() == [0.0, 2.0, 0.0, 0.0], "an index array that changes later does not matter"
    with pytest.raises(IndexError):
        v[7]
    with pytest.raises(TypeError, match="got a Value"):
        v[Value([1.0])]
    with pytest.raises(TypeError, match="a scalar Value has no elements"):
        Value(1.0)[0]


def test_len_and_iteration() -> None:
    rows = list(Value([[1.0, 2.0], [3.0, 4.0]]))
    assert [row.data.tolist() for row in rows] == [[1.0, 2.0], [3.0, 4.0]]
    assert [x.data for x in Value([5.0, 6.0])] == [5.0, 6.0]
    a, b = Value([1.0, 2.0])
    (a * b).backward()
    for call in (len, list, iter):
        with pytest.raises(TypeError, match="has no len"):
            call(Value(1.0))


def test_no_grad_and_detach() -> None:
    x = Value([1.0, 2.0], label="x")
    with no_grad():
        y = x * 2.0
        with no_grad():
            assert (x.sum() + 1.0).op is None
        assert autograd.exp(x).op is None

    @no_grad()
    def evaluate(v: Value, depth: int) -> Value:
        return evaluate(v * 2.0, depth - 1) if depth else v * 3.0

    assert evaluate(x, 2).op is None
    assert (y.op, y.inputs, y.requires_grad) == (None, (), False)
    assert (x * 2.0).op is not None
    d = (x * 2.0).detach()
    d.data[0] = 50.0
    assert (d.op, d.requires_grad, x.data[0]) == (None, False, 1.0)
    (x * d).sum().backward()
    assert (x.grad.tolist(), d.grad.tolist()) == ([50.0, 4.0], [0.0, 0.0])


def test_pickling_and_copying() -> None:
    leaf = Value(np.arange(3.0, dtype=np.float32), label="leaf", requires_grad=False)
    leaf.grad = [1, 2, 3]
    for twin in (pickle.loads(pickle.dumps(leaf)), copy.deepcopy(leaf), copy.copy(leaf)):
        assert (twin.data.tolist(), twin.grad.tolist(), twin.label) == ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], "leaf")
        assert (twin.dtype, twin.requires_grad) == (np.float32, False)
        twin.data[0] = 9.0
        assert leaf.data[0] == 0.0
    assert pickle.loads(pickle.dumps(autograd.tanh)) is autograd.tanh
    for attempt in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match=r"a Value of shape \(3,\) was computed, and graphs cannot.*detach\(\)"):
            attempt(leaf * 2.0)


def test_an_old_pickle_of_a_frozen_value_loads_as_frozen() -> None:
    """Version 0.1.0 wrote the flag of a leaf as `_y`."""
    old = b"cautograd.value\nValue\np0\n(F2.0\nVold\np1\ntp2\nRp3\n(N(dp4\nV_y\np5\nI01\nsV_grad\np6\nF3.0\nstp7\nb."
    for data, requires_grad in ((old, False), (old.replace(b"I01", b"I00"), True)):
        loaded = pickle.loads(data)
        assert (loaded.data, loaded.label, loaded.grad, loaded.requires_grad) == (2.0, "old", 3.0, requires_grad)
        assert loaded.inputs == ()


def test_setting_data() -> None:
    x = Value(np.zeros(2, dtype=np.float32))
    x.data = np.array([1.0, 2.0])
    assert x.dtype == np.float32
    source = np.array([3.0, 4.0], dtype=np.float32)
    x.data = source
    source[0] = 0.0
    assert x.data.tolist() == [3.0, 4.0]
    x.data = 7
    assert x.data.tolist() == [7.0, 7.0]
    with pytest.raises(ValueError, match=r"setting .data needs the shape \(2,\), but got \(3,\)"):
        x.data = np.zeros(3)
    s = Value(1.0)
    s.data += 1
    s.data = np.float32(5)
    assert type(s.data) is float
    with pytest.raises(TypeError, match="a string"):
        s.data = "five"


def test_text() -> None:
    assert repr(Value(-4)) == "Value(data=-4.0, grad=0.0)"
    assert repr(Value(2.0, label="a")) == "Value(data=2.0, grad=0.0, label='a')"
    assert repr(Value([1.0, 2.0]) * 2.0) == "Value(data=array([2., 4.]), op='mul')"
    assert "dtype=float32" in repr(Value(np.ones(2, dtype=np.float32)))
    assert len(repr(Value(np.ones((500, 500))))) < 300
    assert f"{Value(2.0) / 3.0:.3f}" == "0.667"
    assert f"{Value([1.0, 2.0]) / 3.0:.2f}" == "[0.33 0.67]"
    assert f"{Value(1.0)}" == "Value(data=1.0, grad=0.0)"
    assert repr(autograd.tanh) == "<op tanh(x)>"
    assert "x" in (autograd.tanh.__doc__ or "")


def test_subclasses_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot be subclassed.*hold a Value"):
        type("Mine", (Value,), {})


def test_methods_and_functions_are_the_same() -> None:
    v = Value([[0.5, 1.5], [2.5, 0.1]])
    for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "leaky_relu", "softplus", "abs", "sum",
                 "mean", "max", "min", "softmax", "log_softmax", "logsumexp", "squeeze"):  # fmt: skip
        np.testing.assert_array_equal(getattr(v, name)().data, getattr(autograd.ops, name)(v).data)
    assert v.reshape(4).shape == v.reshape((4,)).shape == v.reshape(-1).shape == autograd.ops.reshape(v, 4).shape == (4,)
    assert v.transpose(1, 0).data.tolist() == v.transpose((1, 0)).data.tolist() == v.T.data.tolist()
    assert v.clip(0.0, 1.0).data.max() == clip(v, high=1.0).data.max() == 1.0
    assert v.astype(np.float32).dtype == np.float32
    with pytest.raises(TypeError, match="astype.*gives real numbers"):
        v.astype(complex)
    assert type(v.astype(int)) is np.ndarray, "integers have no derivative, and are plain: they may index"
    assert v.astype(int).dtype == int
    assert v.broadcast_to((3, 2, 2)).shape == (3, 2, 2)
    assert v.expand_dims(0).shape == (1, 2, 2)
    assert minimum(v, 1.0).data.max() == 1.0
    assert abs(-v).data.tolist() == v.data.tolist()


def test_functions_on_plain_data_give_plain_data() -> None:
    assert type(autograd.tanh(0.5)) is float
    assert type(softmax([1.0, 2.0])) is np.ndarray
    assert type(stack([1.0, 2.0])) is np.ndarray
    assert where(True, 1.0, 2.0) == 1.0
    assert where([True, False], [1.0, 2.0], 0.0).tolist() == [1.0, 0.0]
    assert linear(np.ones((2, 3)), np.ones((4, 3)), np.ones(4)).tolist() == [[4.0] * 4] * 2
    assert autograd.ops.sum(np.ones((2, 3)), axis=1).tolist() == [3.0, 3.0]


def test_conditions_of_where() -> None:
    x = Value([1.0, -2.0])
    assert where(x > 0, x, 0.0).data.tolist() == [1.0, 0.0]
    assert where([1, 0], x, 5.0).data.tolist() == [1.0, 5.0]
    assert where(Value([1.0, 0.0]), x, 5.0).data.tolist() == [1.0, 5.0]
    condition = np.array([True, False])
    out = where(condition, x, 0.0).sum()
    condition[:] = False
    out.backward()
    assert x.grad.tolist() == [1.0, 0.0], "a condition that changes later does not matter"


def test_star_import_hides_no_builtin() -> None:
    import builtins

    for module in (autograd, autograd.ops):
        assert not [name for name in module.__all__ if hasattr(builtins, name)]
        assert all(hasattr(module, name) for name in module.__all__)


def test_operations_that_moved_to_ops_work_in_autograd_with_a_warning() -> None:
    assert not autograd.MOVED & set(autograd.__all__)
    for name in autograd.MOVED:
        with pytest.warns(DeprecationWarning, match=f"autograd.{name} is deprecated: use autograd.ops.{name}") as caught:
            assert getattr(autograd, name) is getattr(autograd.ops, name)
        assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(autograd, "not" + "hing")


def test_every_operation_is_public_in_ops() -> None:
    for name, function in autograd.ops.functions().items():
        assert getattr(autograd.ops, name) is function


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda v: v.view(6), AttributeError, r"no view: write v.reshape\(shape\)"),
        (lambda v: v.permute(1, 0), AttributeError, r"no permute: write v.transpose\(axes\)"),
        (lambda v: v.unsqueeze(0), AttributeError, r"no unsqueeze: write v.expand_dims\(axis\)"),
        (lambda v: v.argmax(dim=1), TypeError, r"argmax\(\) has NumPy's arguments: dim= is called axis= here"),
        (lambda v: v.sum(dim=1, keepdim=True), TypeError, "dim= is called axis= here, keepdim= is called keepdims= here"),
        (lambda v: softmax(v, dim=-1), TypeError, r"softmax\(\) has NumPy's arguments: dim= is called axis= here"),
        (lambda v: v.transpose(0, 1, 2), ValueError, r"all axes in their new order; swapaxes\(i, j\) exchanges two"),
    ],
)
def test_names_of_pytorch_are_refused_with_numpys(call: Callable[[Any], Any], error: type[Exception], text: str) -> None:
    value = Value(np.ones((2, 3)))
    with pytest.raises(error, match=text):
        call(value)
    assert not hasattr(value, "view") and not hasattr(value, "numpy")  # for those who ask what kind of array it is


def test_help_of_an_operation_begins_with_its_signature() -> None:
    assert pydoc.render_doc(softmax, renderer=pydoc.plaintext).split("\n")[2] == "softmax = <op softmax(x, axis=-1)>"
    assert list(inspect.signature(softmax).parameters) == ["x", "axis"]

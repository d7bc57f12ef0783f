"""What compile() takes, what a compiled function offers besides calls, and how it is copied and pickled."""

import copy
import functools
import inspect
import math
import pickle
import warnings

import numpy as np
import pytest

import nn
from autograd import Value, grad
from autograd.compiler.compiled import KINDS, compile

X = np.arange(6.0).reshape(2, 3)


@compile
def top(x, scale=2.0):
    """Scale x."""
    return x * scale


class Methods:
    factor = 3.0

    @staticmethod
    @compile
    def static(x):
        return x * 2

    @compile
    @staticmethod
    def compiled_static(x):
        return x * 2

    @classmethod
    @compile
    def of_class(cls, x):
        return x * cls.factor

    @compile
    @classmethod
    def compiled_of_class(cls, x):
        return x * cls.factor


class Holder(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(3, 2, rng=0)
        self._fast = compile(self.plain)

    def plain(self, x):
        return self.layer(x)

    def forward(self, x):
        return self._fast(x)

    @compile
    def doubled(self, x):
        return self.layer(x) * 2


@pytest.mark.parametrize("name, factor", [("static", 2), ("compiled_static", 2), ("of_class", 3), ("compiled_of_class", 3)])
@pytest.mark.parametrize("owner", [Methods, Methods()], ids=["class", "instance"])
def test_methods_of_classes(name, factor, owner):
    for scale in range(1, 5):
        np.testing.assert_array_equal(getattr(owner, name)(X * scale), X * scale * factor)


def test_partial_and_lambda():
    f = compile(functools.partial(lambda a, x: x * a, 3.0))
    for scale in range(1, 5):
        np.testing.assert_array_equal(f(X * scale), X * scale * 3)
    assert list(inspect.signature(f).parameters) == ["x"]


class TestModule:
    def test_inference_and_training(self):
        model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh())
        twin = copy.deepcopy(model)
        fast = compile(model)
        first, second = (nn.SGD(item.parameters(), lr=0.1) for item in (fast, twin))
        for _ in range(6):
            for function, optimizer in ((fast, first), (twin, second)):
                optimizer.zero_grad()
                (function(X) ** 2).sum().backward()
                optimizer.step()
            np.testing.assert_allclose(fast(X).data, twin(X).data)

    def test_attributes_are_those_of_the_module(self):
        model = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
        fast = compile(model)
        assert fast.parameters() == model.parameters()
        fast.eval()
        assert model.training is False is fast.training
        with pytest.raises(AttributeError, match="nothing"):
            _ = fast.nothing

    def test_a_compiled_part_has_its_parameters_found(self):
        model = nn.Sequential(compile(nn.Linear(3, 4)), nn.Tanh(), compile(nn.Linear(4, 2)))
        assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
        model.eval()
        assert model.layers[0].training is False


class TestCopies:
    def test_a_function_of_a_module_is_pickled_by_its_name(self):
        assert pickle.loads(pickle.dumps(top)) is top
        assert copy.copy(top) is top is copy.deepcopy(top)

    def test_a_compiled_module(self):
        model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh())
        fast = compile(model)
        for _ in range(4):
            fast(X)
        for twin in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
            np.testing.assert_array_equal(twin(X).data, fast(X).data)
            twin.function[0].weight.data = twin.function[0].weight.data * 2
            assert not np.array_equal(twin(X).data, fast(X).data)

    def test_a_module_that_holds_compiled_methods(self):
        holder = Holder()
        for _ in range(4):
            holder(X), holder.doubled(X)
        for twin in (copy.deepcopy(holder), pickle.loads(pickle.dumps(holder))):
            np.testing.assert_array_equal(twin(X).data, holder(X).data)
            twin.layer.weight.data = twin.layer.weight.data * 0
            twin.layer.bias.data = twin.layer.bias.data * 0
            assert not twin(X).data.any() and not twin.doubled(X).data.any() and holder(X).data.any()


def test_signature_and_documentation():
    assert str(inspect.signature(top)) == "(x, scale=2.0)"
    assert top.__doc__ == "Scale x." and top.__name__ == "top"
    assert "top" in repr(top)


def test_generators_async_functions_and_classes_are_refused():
    def generator(x):
        yield x

    async def coroutine(x):
        return x

    async def both(x):
        yield x

    with pytest.raises(TypeError, match="is a generator: compile its parts"):
        compile(generator)
    for function in (coroutine, both):
        with pytest.raises(TypeError, match="is async: compile its parts"):
            compile(function)
    with pytest.raises(TypeError, match="got the class Holder: compile its methods or an instance"):
        compile(Holder)


def test_compiled_functions_that_call_each_other_or_themselves():
    inner = compile(lambda x: x * 2)
    outer = compile(lambda x: inner(x) + 1)

    @compile
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    for scale in range(1, 6):
        np.testing.assert_array_equal(outer(X * scale), X * scale * 2 + 1)
        np.testing.assert_allclose(power(X * scale, 3), (X * scale) ** 3)
        np.testing.assert_array_equal(compile(inner)(X * scale), X * scale * 2)


def test_a_compiled_function_that_changes_another_ones_state():
    scale = [1.0]
    inner = compile(lambda x: x * scale[0])
    outer = compile(lambda x: inner(x) + 1)
    for number in (1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0):
        scale[0] = number
        np.testing.assert_array_equal(outer(X), X * number + 1)
        np.testing.assert_array_equal(inner(X), X * number)


def test_value_argument():
    w = Value(np.ones(3))
    for _ in range(4):
        w.grad = None
        top(w).sum().backward()
        np.testing.assert_array_equal(w.grad, np.full(3, 2.0))


def test_too_many_kinds_of_arguments_warn_once_and_run_eagerly():
    f = compile(lambda x, n: x * n)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for number in range(100):
            np.testing.assert_array_equal(f(X, number), X * number)
    assert len(found) == 1 and "pass numbers that change as floats or arrays" in str(found[0].message)
    assert len(f.recordings) == KINDS


def test_kinds_that_were_used_make_room_for_others():
    f = compile(lambda x: x.sum())
    for length in range(1, 80):
        for _ in range(3):
            assert f(np.ones(length)) == length
    assert len(f.recordings) == KINDS


def test_gradients_of_unused_arguments_are_recorded_in_one_order():
    for _ in range(10):
        f = compile(grad(lambda a, b, c, d: (a * a).sum(), (0, 1, 2, 3)))
        for scale in range(1, 4):
            found = f(*(np.ones(length) * scale for length in (1, 2, 3, 4)))
            assert [item.tolist() for item in found] == [[2.0 * scale], [0.0] * 2, [0.0] * 3, [0.0] * 4]
        assert f.source


def test_take_from_an_array_of_a_closure_at_places_that_are_arguments() -> None:
    """NumPy's take() does not dispatch on the places, so it is replaced while a function is recorded."""
    table, w = np.arange(12.0).reshape(6, 2), Value([1.0, 2.0])
    compiled = compile(lambda places: (np.take(table, places, axis=0) @ w).sum())
    for seed in range(6):
        places = np.random.default_rng(seed).integers(0, 6, 4)
        w.grad = None
        loss = compiled(places)
        loss.backward()
        assert loss.item() == (table[places] @ w.data).sum()
        assert w.grad.tolist() == table[places].sum(0).tolist()
    assert "2 recordings, 1 program" in compiled.explain()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.array([x, 2.0 * x]), lambda x: np.asarray(x) * 2.0, lambda x: np.full((3, 2), x),
        lambda x: np.take([1.0, 2.0], x), lambda x: math.sin(x), lambda x: float(x),
    ],
)  # fmt: skip
def test_errors_of_values_that_would_leave_their_graph_are_those_of_the_function(function) -> None:
    messages = []
    for f in (function, compile(function)):
        with pytest.raises(TypeError) as caught:
            f(Value(np.ones(2), label="x"))
        messages.append(str(caught.value))
    assert messages[0] == messages[1]

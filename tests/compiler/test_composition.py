"""compile() composes with the transforms in both orders: the same numbers as eagerly, by replays."""

from __future__ import annotations

import copy
import functools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import (
    Value,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    stop_gradient,
    value_and_grad,
    vjp,
)
from autograd.compiler import live

rng = np.random.default_rng(0)


def flat(item: Any) -> list[np.ndarray]:
    """Return the numbers of nested results."""
    if isinstance(item, dict):
        item = tuple(item.values())
    if isinstance(item, (tuple, list)):
        return [part for one in item for part in flat(one)]
    return [np.asarray(item.data if isinstance(item, Value) else item)]


def alike(one: Any, two: Any) -> None:
    """Check that nested results have the same structure, and the same numbers to 12 digits."""
    assert type(one) is type(two)
    first, second = flat(one), flat(two)
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-13)


def refuse(*args: Any, **named: Any) -> None:
    """Stand in the place of a compiled function that must not run."""
    raise AssertionError("the function ran, instead of a replay of its program")


def scalar(x: Any) -> Any:
    return (np.tanh(x) * x * x).sum()


def product(x: Any, y: Any) -> Any:
    return (np.tanh(x * y) * x).sum()


def vector(x: Any) -> Any:
    return np.sin(x) * x.sum()


def tall(x: Any) -> Any:
    return np.concatenate([np.sin(x) * x.sum(), x * x])


def wave(s: Any) -> Any:
    return np.sin(s) * s * s


def nested(p: Any, y: Any) -> Any:
    return (p["a"] * y + p["b"][0]).sum() * p["b"][1]


def pair(x: Any) -> Any:
    return np.sin(x), (x * x).sum()


def with_aux(x: Any) -> Any:
    return scalar(x), {"double": x * 2}


def array() -> Any:
    return rng.normal(size=3)


def number() -> Any:
    return float(rng.normal())


def parameters() -> Any:
    return {"a": rng.normal(size=3), "b": (rng.normal(size=3), float(rng.normal()))}


def along(transform: Any, f: Any) -> Any:
    return lambda x, t: transform(f, x, t)


def pulled(f: Any) -> Any:
    def function(x: Any, c: Any) -> Any:
        out, pullback = vjp(f, x)
        return out, pullback(c)

    return function


CASES: dict[str, tuple[Any, Any, list[Any]]] = {  # a transform, a function, the arguments
    "grad": (grad, scalar, [array]),
    "grad of a number": (grad, wave, [number]),
    "grad of two": (functools.partial(grad, argnum=(0, 1)), product, [array, array]),
    "grad of the second": (functools.partial(grad, argnum=1), product, [array, array]),
    "grad of nested": (grad, nested, [parameters, array]),
    "grad with aux": (functools.partial(grad, has_aux=True), with_aux, [array]),
    "value_and_grad": (value_and_grad, scalar, [array]),
    "value_and_grad with aux": (functools.partial(value_and_grad, has_aux=True), with_aux, [array]),
    "elementwise_grad": (elementwise_grad, wave, [array]),
    "vjp": (pulled, vector, [array, array]),
    "jvp": (functools.partial(along, jvp), vector, [array, array]),
    "hvp": (functools.partial(along, hvp), scalar, [array, array]),
    "jacobian": (jacobian, vector, [array]),
    "jacobian by columns": (jacobian, tall, [array]),
    "jacobian of a pair": (jacobian, pair, [array]),
    "jacobian with aux": (functools.partial(jacobian, has_aux=True), with_aux, [array]),
    "hessian": (hessian, scalar, [array]),
    "hessian of nested": (hessian, nested, [parameters, array]),
    "hessian of two": (functools.partial(hessian, argnum=(0, 1)), product, [array, array]),
    "checkpoint": (lambda f: grad(lambda x: checkpoint(f)(x * 2.0)), scalar, [array]),
    "hessian of a checkpoint": (lambda f: hessian(lambda x: checkpoint(f)(x * 2.0)), scalar, [array]),
    "third derivative": (lambda f: grad(grad(grad(f))), wave, [number]),
    "third order": (lambda f: jacobian(hessian(f)), scalar, [array]),
}


@pytest.mark.parametrize("order", ["outside", "inside", "both"])
@pytest.mark.parametrize("name", CASES)
def test_transforms(name: str, order: str) -> None:
    transform, f, makers = CASES[name]
    inner = autograd.compile(f) if order != "outside" else f
    function = autograd.compile(transform(inner)) if order != "inside" else transform(inner)
    eager = transform(f)
    last = 9 if order == "inside" else 4  # each order of derivative takes two recordings
    for count in range(last):
        if count == last - 2:
            outer = function if order != "inside" else inner
            outer.function = refuse
        args = [make() for make in makers]
        alike(eager(*args), function(*args))


@pytest.mark.parametrize("transform", [lambda f: f, grad, hessian])
def test_compiled_calls_compiled(transform: Any) -> None:
    inner = autograd.compile(scalar)

    def outer(x: Any, f: Any = scalar) -> Any:
        return f(x * 2.0) * f(x)

    function = transform(autograd.compile(functools.partial(outer, f=inner)))
    for _ in range(5):
        x = array()
        alike(transform(outer)(x), function(x))


def test_compiled_at_each_level() -> None:
    function: Any = grad(autograd.compile(grad(autograd.compile(grad(autograd.compile(wave))))))
    for _ in range(6):
        x = number()
        alike(grad(grad(grad(wave)))(x), function(x))


# --- the engine ------------------------------------------------------------------------------------------


def warm(f: Any, *makers: Any, again: bool = False) -> Any:
    """Return the compiled function, ready to replay; the first derivatives of derivatives run it `again`."""
    compiled = autograd.compile(f)
    for _ in range(3):
        compiled(*[make() for make in makers])
    if not again:
        compiled.function = refuse
    return compiled


def value() -> Value:
    return Value(array())


def test_backward_twice_and_retained_graph() -> None:
    x, twin = value(), value()
    twin.data = x.data
    out, eager = warm(scalar, value, again=True)(x), scalar(twin)
    for _ in range(2):
        out.backward()
        eager.backward()
        alike(twin.grad, x.grad)
    alike(autograd.gradient(eager, twin), autograd.gradient(out, x))


def test_seed_of_an_array() -> None:
    x, seed = value(), array()
    out = warm(vector, value)(x)
    assert out.op.kind == "program"
    out.backward(seed)
    twin = Value(x.data)
    vector(twin).backward(seed)
    alike(twin.grad, x.grad)
    with pytest.raises(ValueError, match="shape"):
        out.backward(np.ones(2))


def test_several_results_used_twice() -> None:
    def loss(f: Any, x: Any) -> Any:
        a, b = f(x)
        return (a * a * b).sum() + b * a[0]

    x = value()
    compiled = warm(pair, value)
    loss(compiled, x).backward()
    twin = Value(x.data)
    loss(pair, twin).backward()
    alike(twin.grad, x.grad)
    alike(hessian(lambda x: loss(pair, x))(x.data), hessian(lambda x: loss(autograd.compile(pair), x))(x.data))


def test_one_result_of_several_is_unused() -> None:
    x = value()
    a, _ = warm(pair, value)(x)
    a.sum().backward()
    alike(np.cos(x.data), x.grad)


def test_result_is_the_input_of_another() -> None:
    first, second = warm(vector, value), warm(scalar, lambda: value() * 1.0)
    x = value()
    second(first(x)).backward()
    twin = Value(x.data)
    scalar(vector(twin)).backward()
    alike(twin.grad, x.grad)


def test_one_value_as_two_arguments() -> None:
    compiled = autograd.compile(product)
    for _ in range(4):
        x = value()
        compiled(x, x).backward()
        twin = Value(x.data)
        product(twin, twin).backward()
        alike(twin.grad, x.grad)


def test_captured_values() -> None:
    w = value()

    def f(x: Any) -> Any:
        return (np.tanh(x * w) * w).sum()

    compiled = warm(f, array, again=True)
    for _ in range(4):
        x = array()
        w.grad = np.zeros(3)
        compiled(x).backward()
        found = w.grad.copy()
        f(x).backward()
        alike(w.grad, found * 2.0)
        slope = autograd.gradient(compiled(x), w)
        alike(autograd.gradient(autograd.gradient(f(x), w).sum(), w), autograd.gradient(slope.sum(), w))
        w.data = w.data * 0.5


def test_hooks_of_result_and_input() -> None:
    seen = []
    x = value()
    out = warm(scalar, value)(x)
    out.register_hook(lambda g: g * 2.0)
    x.register_hook(lambda g: seen.append(g))
    out.backward()
    twin = Value(x.data)
    scalar(twin).backward(2.0)
    alike(twin.grad, x.grad)
    alike(x.grad, seen[0])


def test_stale_data() -> None:
    x = value()
    out = warm(scalar, value)(x)
    x.data = x.data * 2.0
    with pytest.raises(ValueError, match="stale"):
        out.backward()


def test_no_grad_and_stop_gradient() -> None:
    compiled = autograd.compile(scalar)
    for _ in range(4):
        with no_grad():
            out = compiled(value())
        assert out.op is None
        assert not out.requires_grad
        compiled(value()).backward()
    stopped = grad(autograd.compile(lambda x: (x * stop_gradient(x)).sum()))
    for _ in range(4):
        x = array()
        alike(x, stopped(x))


def test_checks() -> None:
    compiled = autograd.compile(vector)
    for _ in range(3):
        assert autograd.check_gradients(compiled, array(), order=2)


def test_check_model() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 4, rng=0)
            self.last = nn.Linear(4, 1, rng=1)
            self.part = autograd.compile(lambda x: np.tanh(self.first(x)))

        def forward(self, x: Any) -> Any:
            return self.last(self.part(x))

    model, x = Model(), rng.normal(size=(5, 3))
    for _ in range(3):
        model(x)
    assert autograd.check_model(model, nn.mse_loss, x, rng.normal(size=(5, 1)))


def test_module_as_argument() -> None:
    def loss(model: Any, x: Any) -> Any:
        return (model(x) ** 2).mean()

    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=1))
    inside, outside = grad(autograd.compile(loss)), autograd.compile(grad(loss))
    for _ in range(4):
        x = rng.normal(size=(5, 3))
        for function in (inside, outside):
            alike(grad(loss)(model, x), function(model, x))
        for p in model.parameters():
            p.data = p.data * 0.9


def test_compiled_gradient_inside_an_outer_transform() -> None:
    """A compiled gradient of a captured model gives Values where an outer transform differentiates with respect to the model."""
    model = nn.Linear(3, 1, rng=0)

    def slope(x: Any) -> Any:
        return grad(lambda x: (np.tanh(model(x)) ** 2).sum())(x)

    compiled = autograd.compile(slope)
    x = rng.normal(size=(5, 3))
    for _ in range(4):
        compiled(x)
    for _ in range(4):
        alike(grad(lambda m: (slope(x) ** 2).sum())(model), grad(lambda m: (compiled(x) ** 2).sum())(model))


def test_drawing() -> None:
    x = value()
    x.label = "x"
    out = warm(scalar, value)(x)
    source = autograd.draw(out).source
    assert "scalar" in source
    assert "Kept" not in source
    assert "scalar(x)" in autograd.formula(out) if hasattr(autograd, "formula") else True


def test_copies_of_results() -> None:
    x = value()
    out = warm(scalar, value)(x)
    for copied in (copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))):
        try:
            expected: Any = copied(scalar(x))
        except TypeError:
            with pytest.raises(TypeError):
                copied(out)
        else:
            alike(expected, copied(out))


def test_gradient_with_respect_to_one_of_two_values() -> None:
    """Whether a compiled gradient is a Value depends on what outer transforms differentiate with respect to."""
    compiled = autograd.compile(grad(product))
    x = array()
    for _ in range(4):
        y = value() * 1.0
        alike(grad(product)(x, y), compiled(x, y))
    for _ in range(4):
        y = array()
        alike(grad(lambda y: grad(product)(x, y).sum())(y), grad(lambda y: compiled(x, y).sum())(y))


class TestStateOfSecondRuns:
    """A second derivative, or a pass after gradients that are not finite, runs the function again, which changes state once."""

    def test_items_of_live_dicts(self) -> None:
        def make(state: dict[str, Any]) -> Any:
            def f(x: Any) -> Any:
                items = live(state)
                items["n"] = items["n"] * 0.5 + (x.data if isinstance(x, Value) else x)
                return (np.tanh(x) * x).sum()

            return f

        states: list[dict[str, Any]] = [{"n": np.zeros(3)}, {"n": np.zeros(3)}]
        plain, compiled = make(states[0]), autograd.compile(make(states[1]))
        for number in range(6):
            x = np.full(3, 0.5 * number)
            np.testing.assert_allclose(hvp(compiled, x, np.ones(3)), hvp(plain, x, np.ones(3)), rtol=1e-13)
            np.testing.assert_array_equal(states[0]["n"], states[1]["n"])

    def test_running_statistics_where_gradients_are_infinite(self) -> None:
        layers = [nn.BatchNorm1d(2), nn.BatchNorm1d(2)]
        leaves = [Value([4.0, 9.0]), Value([4.0, 9.0])]

        def make(layer: nn.Module, w: Value) -> Any:
            return lambda x: (layer(x) * np.sqrt(w)).sum()

        plain, compiled = make(layers[0], leaves[0]), autograd.compile(make(layers[1], leaves[1]))
        rng = np.random.default_rng(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number in range(6):
                x = rng.normal(size=(4, 2))
                for w in leaves:
                    w.data, w.grad = [0.0 if number == 4 else 4.0, 9.0], None
                plain(x).backward()
                compiled(x).backward()
                np.testing.assert_allclose(leaves[0].grad, leaves[1].grad)
                np.testing.assert_array_equal(layers[0].running_mean, layers[1].running_mean)
                assert layers[0].num_batches_tracked == layers[1].num_batches_tracked == number + 1

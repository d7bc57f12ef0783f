"""compile() composes with the transforms in both orders: the same numbers as eagerly, by replays."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import (
    Value,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)

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

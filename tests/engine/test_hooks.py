"""Hooks that change gradients: every transform agrees with its pullbacks, and a hook keeps nothing alive."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Value, checkpoint, grad, gradient, hessian, jacobian, jvp, vjp


def clipped(f: Callable[[Any], Any], low: float = -0.1, high: float = 0.1) -> Callable[[Any], Any]:
    """Return a function with a hook in its middle that clips gradients."""

    def function(x: Any) -> Any:
        y = np.sin(x)
        y.register_hook(lambda g: np.clip(g, low, high))
        return f(y)

    return function


def rows(f: Callable[[Any], Any], x: Any) -> np.ndarray:
    out, pullback = vjp(f, x)
    units = np.eye(np.size(out)).reshape(-1, *np.shape(out))
    return np.array([pullback(unit if np.shape(out) else float(unit))[0] for unit in units]).reshape(np.shape(out) + np.shape(x))


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "tall": (lambda y: np.stack([y, y * 2.0, y * 3.0]), 0.3),
    "tall array": (lambda y: np.concatenate([y, y * y, y[:1] * y[1:]]), np.array([0.3, 0.8])),
    "wide": (lambda y: y[:2] * y[2], np.array([0.3, 0.8, -0.4])),
    "matrix": (lambda y: y @ np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[0.3, 0.2], [0.1, 0.4]])),
}


@pytest.mark.parametrize("wrap", [lambda f: f, checkpoint, lambda f: checkpoint(checkpoint(f))])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_jacobian_is_its_pullbacks_where_hooks_change_gradients(name: str, wrap: Callable[[Any], Any]) -> None:
    inner, x = FUNCTIONS[name]
    f = wrap(clipped(inner))
    right = rows(f, x)
    np.testing.assert_allclose(jacobian(f)(x), right, rtol=1e-14)
    assert not np.allclose(right, jacobian(lambda x: inner(np.sin(x)))(x)), "the hook does nothing here"
    tangent = np.random.default_rng(3).normal(size=np.shape(x))
    product = np.tensordot(right, tangent, np.ndim(x)) if np.ndim(x) else right * float(tangent)
    np.testing.assert_allclose(jvp(f, (x,), (tangent if np.ndim(x) else float(tangent),))[1], product, rtol=1e-13)


def test_a_linear_hook_scales_all_transforms_alike() -> None:
    def f(x: Any) -> Any:
        y = x * x
        y.register_hook(lambda g: g * 10.0)
        return np.stack([y.sum(), (y * y).sum(), y[0]])

    x = np.array([0.5, 2.0])
    right = 10.0 * np.array([2 * x, 4 * x**3, [2 * x[0], 0.0]])
    np.testing.assert_allclose(jacobian(f)(x), right)
    np.testing.assert_allclose(jvp(f, (x,), (np.array([1.0, -1.0]),))[1], right @ [1.0, -1.0])
    np.testing.assert_allclose(vjp(f, x)[1](np.array([1.0, 0.0, 2.0]))[0], right[0] + 2 * right[2])
    np.testing.assert_allclose(grad(lambda x: f(x)[1])(x), right[1])


def test_a_hessian_is_the_jacobian_of_the_gradient_with_hooks() -> None:
    def f(x: Any) -> Any:
        y = x**3
        y.register_hook(lambda g: g * 2.0)
        return (y * y).sum()

    x = np.array([0.5, 2.0])
    slope = grad(f)
    np.testing.assert_allclose(hessian(f)(x), [vjp(slope, x)[1](unit)[0] for unit in np.eye(2)])
    np.testing.assert_allclose(hessian(f)(x), jacobian(slope)(x))


def test_a_hook_off_the_path_changes_nothing() -> None:
    other = Value(2.0)
    handle = other.register_hook(lambda g: g * 100.0)
    assert jacobian(lambda x: np.stack([x, x * 2.0]))(1.0).tolist() == [1.0, 2.0]
    handle.remove()


def test_a_hook_that_refers_to_the_loss_is_collected_with_it() -> None:
    def make(where: str) -> tuple[Any, ...]:
        x = Value(np.ones(3))
        y = x * 2.0
        loss = y.sum()
        value = {"leaf": x, "inner": y, "loss": loss}[where]
        value.register_hook(lambda g: 0.0 * loss.data + g)
        handle = value.register_hook(lambda g: None if value is loss else g)
        loss.backward()
        gradient(loss, x)
        assert x.grad.tolist() == [2.0, 2.0, 2.0]
        handle.remove()
        return tuple(map(weakref.ref, (x, y, loss)))

    for where in ("leaf", "inner", "loss"):
        alive = make(where)
        gc.collect()
        assert [ref() for ref in alive] == [None] * 3, where


def test_a_hook_that_refers_to_no_value_is_freed_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = Value(np.ones(3))
        x.register_hook(lambda g: g)
        alive = weakref.ref(x)
        del x
        assert alive() is None
    finally:
        gc.enable()


def test_jvp_with_a_hook_gives_python_floats() -> None:
    def f(x: Any) -> Any:
        y = x * 2.0
        y.register_hook(lambda g: 10.0 * g)
        return y.sum()

    for x, expected in [(2.0, 20.0), (np.ones(3), 60.0)]:
        value, tangent = jvp(f, (x,), (np.ones_like(x) if np.ndim(x) else 1.0,))
        assert type(value) is type(tangent) is float
        assert tangent == expected


def test_a_hook_that_removes_itself() -> None:
    x, seen = Value(2.0), []

    def once(g: Any) -> None:
        seen.append("once")
        handle.remove()

    handle = x.register_hook(once)
    x.register_hook(lambda g: seen.append("always"))
    for _ in range(2):
        (x * 3.0).backward()
    assert seen == ["once", "always", "always"]
    x.label = "x"
    assert (x.label, x.grad) == ("x", 6.0)

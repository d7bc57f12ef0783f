"""Verification of JAX's own gradients: of functions, pytrees of parameters and custom_vjp, right and wrong."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from autograd.verify import Verdict, assert_gradients, check_gradients, from_jax
from tests.verify.framework_checks import (
    check_a_rule,
    check_a_rule_that_is_wrong_above_3,
    check_a_rule_without_a_derivative,
    check_calls,
    wrong_rows,
)


def cube(factor: Any) -> Any:
    """x³ whose gradient has some factor at x², which should be 3."""

    @jax.custom_vjp
    def function(x: Any) -> Any:
        return x**3

    function.defvjp(lambda x: (x**3, x), lambda x, g: (g * factor(x) * x * x,))
    return function


X = np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize("x", [X, X.tolist(), jnp.array(X), X.astype(np.float32)])
def test_a_custom_vjp(x: Any) -> None:
    check_a_rule(lambda factor: from_jax(cube(factor)), x, "x")
    assert not jax.config.jax_enable_x64, "only while the function runs"


def test_a_mistake_elsewhere_is_found() -> None:
    check_a_rule_that_is_wrong_above_3(from_jax(cube(lambda x: jnp.where(x > 3.0, 2.0, 3.0))))


def test_higher_orders() -> None:
    stopped = from_jax(cube(lambda x: jax.lax.stop_gradient(3.0 * x) / x))
    check_a_rule_without_a_derivative(stopped, from_jax(jnp.sin), X)


def loss(params: Any, x: Any, y: Any) -> Any:
    hidden = jnp.tanh(x @ params["layers"][0]["w"] + params["layers"][0]["b"])
    return -jnp.mean(jax.nn.log_softmax(hidden @ params["layers"][1]["w"])[jnp.arange(len(x)), y])


def test_the_parameters_of_a_model() -> None:
    rng = np.random.default_rng(0)
    layers = [{"w": rng.normal(size=(2, 4)), "b": np.zeros(4)}, {"w": rng.normal(size=(4, 3))}]
    for f in (loss, jax.jit(loss)):
        report = assert_gradients(from_jax(f), {"layers": layers}, rng.normal(size=(3, 2)), jnp.array([0, 1, 2]), order=2)
        names = [row.name for row in report.rows if row.order == 1]
        assert names == ["params['layers'][0]['b']", "params['layers'][0]['w']", "params['layers'][1]['w']", "x"]


def test_gradients_that_cancel_are_linear() -> None:
    """Each gradient of x is a rounding error, as all columns of w are equal."""
    f = lambda w, x, y: -jnp.mean(jax.nn.log_softmax(x @ w)[jnp.arange(3), y])  # noqa: E731
    x = np.random.default_rng(0).normal(size=(3, 2))
    assert check_gradients(from_jax(f), np.ones((2, 4)), x, np.array([0, 1, 2])).broken == ()


def test_single_precision() -> None:
    report = check_gradients(from_jax(jnp.sin, dtype="float32"), 0.5)
    assert (report.verdict, report.rows[0].dtype) == (Verdict.PASS, "float32")
    assert not check_gradients(from_jax(cube(lambda x: 3.1), dtype="float32"), X).ok


def test_a_gradient_that_is_stopped_is_found() -> None:
    assert wrong_rows(check_gradients(from_jax(lambda x: jnp.sum(jax.lax.stop_gradient(x) * x)), X)) == ["x"]


def test_it_can_be_called() -> None:
    check_calls(from_jax(jnp.sin), "from_jax")


def test_arrays_as_inputs_results_and_gradients_of_plain_functions() -> None:
    x = jnp.array([0.5, 1.0])
    f = lambda x: jnp.sum(jnp.sin(x))  # noqa: E731
    assert check_gradients(f, x, gradient=jax.grad(f)).ok
    assert check_gradients(f, np.array(x), gradient=jax.grad(f)).ok
    assert not check_gradients(f, x, gradient=jnp.sin).ok
    assert check_gradients(lambda x: 0.5 * jnp.sum(x * x), x, gradient=lambda x: x).ok  # nobody can change an array of JAX
    assert check_gradients(np.sin, x).ok


def test_errors_say_what_to_write() -> None:
    with pytest.raises(TypeError) as error:
        check_gradients(jnp.sin, 0.5)
    assert error.value.__notes__[-1].endswith("check_gradients(from_jax(f), *inputs) verifies its own gradient")
    with pytest.raises(TypeError, match="the function returned a str"):
        check_gradients(from_jax(lambda x: "loss"), 0.5)
    with pytest.raises(TypeError, match=r"from_jax\(\) takes a function, got 3"):
        from_jax(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no input to differentiate with respect to"):
        check_gradients(from_jax(jnp.sin), np.arange(3))

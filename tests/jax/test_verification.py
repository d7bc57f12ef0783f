"""Verification of JAX's own gradients: of functions, pytrees of parameters and custom_vjp, right and wrong."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from autograd.verify import GradientReport, Verdict, assert_gradients, check_gradients, from_jax


def cube(factor: Any) -> Any:
    """x³ with a gradient of some factor at x, which is to be 3."""

    @jax.custom_vjp
    def function(x: Any) -> Any:
        return x**3

    function.defvjp(lambda x: (x**3, x), lambda x, g: (g * factor(x) * x * x,))
    return function


X = np.array([0.5, -1.0, 2.0])


def wrong_rows(report: GradientReport) -> list[str]:
    assert report.verdict is Verdict.FAIL, str(report)
    return [row.name for row in report.rows if row.verdict is Verdict.FAIL]


@pytest.mark.parametrize("x", [X, X.tolist(), jnp.array(X), X.astype(np.float32)])
def test_a_custom_vjp(x: Any) -> None:
    assert check_gradients(from_jax(cube(lambda x: 3.0)), x, order=2).verdict is Verdict.PASS
    report = check_gradients(from_jax(cube(lambda x: 3.001)), x)
    assert wrong_rows(report) == ["x"]
    assert report.rows[0].cause == "a constant factor: claimed = (1 + 0.000333) * measured"
    assert not jax.config.jax_enable_x64, "only while the function runs"


def test_a_mistake_elsewhere_is_found() -> None:
    wrong = from_jax(cube(lambda x: jnp.where(x > 3.0, 2.0, 3.0)))
    assert check_gradients(wrong, 0.5).ok
    report = check_gradients(wrong, 0.5, points=20)
    assert not report.ok and report.points is not None and report.points.failing == "4.0"


def test_higher_orders() -> None:
    stopped = from_jax(cube(lambda x: jax.lax.stop_gradient(3.0 * x) / x))
    assert check_gradients(stopped, X).ok
    report = check_gradients(stopped, X, order=2)
    assert report.verdict is Verdict.FAIL and report.rows[0].verdict is Verdict.PASS
    assert check_gradients(from_jax(jnp.sin), 0.5, order=3).ok


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
    sine = from_jax(jnp.sin)
    assert (sine(0.5), sine.gradient(0.5)) == (np.sin(0.5), np.cos(0.5))
    assert repr(sine) == "from_jax(sin)"


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
    with pytest.raises(TypeError, match=r"from_jax\(\) takes a function, but got 3"):
        from_jax(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing to differentiate by"):
        check_gradients(from_jax(jnp.sin), np.arange(3))

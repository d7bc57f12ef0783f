"""Transforms agree with closed forms and differences, composed with each other, on nested arguments and modules."""

from __future__ import annotations

import dataclasses
import gc
import sys
import warnings
import weakref
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import (
    Value,
    checkpoint,
    elementwise_grad,
    grad,
    gradient,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    stop_gradient,
    value_and_grad,
    vjp,
)  # fmt: skip
from autograd.verify import check_gradients

RNG = np.random.default_rng(0)
X = RNG.normal(size=4)
A = RNG.normal(size=(3, 4))


def smooth(x: Any) -> Any:
    return np.sum(np.sin(x) ** 2 * np.exp(0.3 * x)) + np.prod(x)


def vector(x: Any) -> Any:
    return np.tanh(A @ x) * x[:3]


def differences(f: Callable[[np.ndarray], Any], x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """Return central differences of a NumPy function along each coordinate, on the last axes."""
    columns = []
    for unit in np.eye(x.size).reshape(x.size, *x.shape):
        columns.append((np.asarray(f(x + h * unit)) - np.asarray(f(x - h * unit))) / (2.0 * h))
    return np.stack(columns, -1).reshape(columns[0].shape + x.shape)


# --- each transform -------------------------------------------------------------------------------


def test_grad_against_differences_and_plain_results() -> None:
    result = grad(smooth)(X)
    assert type(result) is np.ndarray
    np.testing.assert_allclose(result, differences(smooth, X), atol=1e-8)
    assert type(grad(lambda x: x**3)(2.0)) is float
    assert grad(lambda x: x**3)(2) == 12.0, "an integer is a number like any other"
    assert grad(lambda x: x**3)(np.float64(2.0)) == 12.0
    assert grad(lambda x: (x * x).sum())(np.arange(3)).tolist() == [0.0, 2.0, 4.0]
    assert grad(lambda x: (x * x).sum())(np.ones(2, np.float32)).dtype == np.float32


def test_argnum_by_position_name_and_several() -> None:
    def f(a: Any, b: Any, c: float = 2.0) -> Any:
        return a * b**2 * c

    assert grad(f)(3.0, 5.0) == 50.0
    assert grad(f, 1)(3.0, 5.0) == 60.0
    assert grad(f, -1)(3.0, 5.0) == 60.0
    assert grad(f, (1, 0))(3.0, 5.0) == (60.0, 50.0)
    assert grad(f, [0])(3.0, 5.0) == (50.0,)
    assert grad(f, "c")(3.0, 5.0, c=1.0) == 75.0
    assert grad(f, "b")(3.0, 5.0) == 60.0
    assert grad(f, ("a", "c"))(3.0, 5.0, c=1.0) == (25.0, 75.0)
    with pytest.raises(TypeError, match=r"argnum=3 is not among the 2 positional arguments.*count from 0"):
        grad(f, 3)(3.0, 5.0)
    with pytest.raises(TypeError, match=r"argnum='d' is not among the 2 positional arguments of this call, nor one of \[\]"):
        grad(f, "d")(3.0, 5.0)


def test_value_and_grad_and_aux() -> None:
    def f(x: Any) -> Any:
        return (x**2).sum(), {"half": x / 2.0, "note": "kept"}

    value, slope = value_and_grad(lambda x: (x**2).sum())(X)
    assert type(value) is float
    np.testing.assert_allclose((value, *slope), (np.sum(X**2), *(2 * X)))
    (value, aux), slope = value_and_grad(f, has_aux=True)(X)
    assert aux["note"] == "kept"
    assert type(aux["half"]) is np.ndarray
    np.testing.assert_allclose(aux["half"], X / 2)
    slope, aux = grad(f, has_aux=True)(X)
    np.testing.assert_allclose(slope, 2 * X)
    with pytest.raises(TypeError, match=r"returns a pair \(result, aux\), but got Value"):
        grad(lambda x: x, has_aux=True)(1.0)


def test_vjp_gives_one_cotangent_for_each_argument() -> None:
    out, pullback = vjp(lambda x, y: np.outer(x, y), X, np.array([2.0, -1.0]))
    np.testing.assert_allclose(out, np.outer(X, [2.0, -1.0]))
    cotangent = RNG.normal(size=(4, 2))
    of_x, of_y = pullback(cotangent)
    np.testing.assert_allclose(of_x, cotangent @ [2.0, -1.0])
    np.testing.assert_allclose(of_y, X @ cotangent)
    assert [c.tolist() for c in pullback(np.zeros((4, 2)))] == [[0.0] * 4, [0.0] * 2], "again, with another cotangent"
    out, pullback, aux = vjp(lambda x: (x * 2.0, "aux"), 3.0, has_aux=True)
    assert (out, pullback(1.0), aux) == (6.0, (2.0,), "aux")
    out, pullback = vjp(lambda x: {"a": x * 2.0, "b": [x.sum()]}, X)
    np.testing.assert_allclose(pullback({"a": np.ones(4), "b": [10.0]})[0], 12.0 * np.ones(4))
    with pytest.raises(ValueError, match=r"the cotangent has the wrong shape: expected \(4,\), got \(3,\)"):
        pullback({"a": np.ones(3), "b": [10.0]})
    with pytest.raises(
        ValueError, match=r"the cotangent has the wrong structure: expected a dict with the keys \['a', 'b'\], got a float"
    ):
        pullback(1.0)


def test_jvp_against_differences() -> None:
    tangent = RNG.normal(size=4)
    out, moved = jvp(vector, (X,), (tangent,))
    np.testing.assert_allclose(out, vector(X))
    np.testing.assert_allclose(moved, differences(vector, X) @ tangent, atol=1e-8)
    out, moved = jvp(lambda x, y: {"p": x * y, "q": x}, (2.0, 3.0), (1.0, 10.0))
    assert (out, moved) == ({"p": 6.0, "q": 2.0}, {"p": 23.0, "q": 1.0})
    assert jvp(np.sin, 0.0, 2.0) == (0.0, 2.0)
    with pytest.raises(ValueError, match=r"a tangent of jvp\(\) has the wrong shape: expected \(4,\), got \(3,\)"):
        jvp(vector, (X,), (np.ones(3),))


def test_jvp_at_masked_and_singular_points() -> None:
    """The pullback is recorded at a cotangent without zeros, so that masks hide no slope."""
    with np.errstate(divide="ignore"):
        assert jvp(np.sqrt, (0.0,), (1.0,))[1] == np.inf
        assert jacobian(np.sqrt)(np.array([0.0, 4.0])).tolist() == [[np.inf, 0.0], [0.0, 0.25]]
    assert jvp(lambda x: np.where(x > 0, np.sqrt(x), 0.0), (np.zeros(2),), (np.ones(2),))[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("rows", [1, 3, 9])
def test_jacobian_of_wide_and_tall_functions(rows: int) -> None:
    """Jacobians are computed by rows and by columns."""
    m = RNG.normal(size=(rows, 4))
    np.testing.assert_allclose(jacobian(lambda x: np.sin(m @ x))(X), np.cos(m @ X)[:, None] * m)


def test_jacobian_shapes() -> None:
    x = RNG.normal(size=(2, 3))
    assert jacobian(lambda x: x @ x.T)(x).shape == (2, 2, 2, 3)
    assert jacobian(lambda x: x[0])(x).shape == (3, 2, 3)
    assert jacobian(np.sum)(x).shape == (2, 3)
    assert jacobian(lambda x: x * np.ones((5, 1)))(2.0).shape == (5, 1)
    assert jacobian(np.sin)(0.0) == 1.0
    assert jacobian(lambda x: x[:0])(X).shape == (0, 4)
    both = jacobian(lambda x, y: {"s": x * y.sum()}, (0, 1))(X, np.ones(2))
    np.testing.assert_allclose(both["s"][0], 2.0 * np.eye(4))
    np.testing.assert_allclose(both["s"][1], np.stack([X, X], 1))
    out, aux = jacobian(lambda x: (x * 2.0, x), has_aux=True)(X)
    np.testing.assert_allclose((out[0, 0], *aux), (2.0, *X))


def test_gradients_of_single_samples_are_a_jacobian() -> None:
    inputs, targets, w = RNG.normal(size=(5, 4)), RNG.normal(size=5), RNG.normal(size=4)
    single = jacobian(lambda w: (inputs @ w - targets) ** 2)(w)
    np.testing.assert_allclose(single, 2.0 * (inputs @ w - targets)[:, None] * inputs)


def test_hessian_against_differences_and_closed_form() -> None:
    np.testing.assert_allclose(hessian(smooth)(X), differences(grad(smooth), X), atol=1e-7)
    h = hessian(smooth)(X)
    np.testing.assert_allclose(h, h.T, atol=1e-12)
    assert hessian(lambda x: x**4)(2.0) == 48.0
    q = RNG.normal(size=(4, 4))
    np.testing.assert_allclose(hessian(lambda x: x @ q @ x)(X), q + q.T)
    both = hessian(lambda a, b: a**2 * b.sum(), (0, 1))(3.0, np.ones(2))
    assert both[0][0] == 4.0
    assert both[0][1].tolist() == both[1][0].tolist() == [6.0, 6.0]
    assert both[1][1].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_hvp_is_the_hessian_times_a_vector() -> None:
    v = RNG.normal(size=4)
    np.testing.assert_allclose(hvp(smooth, X, v), hessian(smooth)(X) @ v)
    of_x, of_s = hvp(lambda x, s: s**2 * (x * x).sum(), (X, 2.0), (v, 1.0))
    np.testing.assert_allclose(of_x, 8.0 * v + 4.0 * 2.0 * X)
    np.testing.assert_allclose(of_s, 2.0 * np.sum(X * X) + 8.0 * X @ v)
    with pytest.raises(ValueError, match=r"a direction of hvp\(\) has the wrong shape"):
        hvp(smooth, X, np.ones(3))


def test_elementwise_grad() -> None:
    np.testing.assert_allclose(elementwise_grad(np.tanh)(X), 1.0 / np.cosh(X) ** 2)
    np.testing.assert_allclose(elementwise_grad(elementwise_grad(np.tanh))(X), -2.0 * np.tanh(X) / np.cosh(X) ** 2)
    with pytest.raises(ValueError, match=r"expected a result of the shape \(4,\) of the argument, got \(\): use jacobian"):
        elementwise_grad(np.sum)(X)


# --- composition ----------------------------------------------------------------------------------


def test_gradients_of_any_order() -> None:
    f: Callable[..., Any] = lambda x: np.sin(2.0 * x)  # noqa: E731
    for order in range(1, 6):
        f = grad(f)
        expected = 2.0**order * np.sin(0.6 + order * np.pi / 2.0)
        assert f(0.3) == pytest.approx(expected, rel=1e-12)


def test_inner_transforms_see_outer_ones_through_closures() -> None:
    """The classical perturbation confusion: d/dx (x d/dy (x y^2)) at y = 3."""
    assert grad(lambda x: x * grad(lambda y: x * y**2)(3.0))(2.0) == 24.0
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(5.0) == 1.0
    assert jvp(lambda x: x * jvp(lambda y: x * y**2, (3.0,), (1.0,))[1], (2.0,), (1.0,))[1] == 24.0
    assert grad(lambda x: hessian(lambda y: (x * y**3).sum())(np.array([2.0])).sum())(7.0) == 12.0


def test_every_transform_within_every_other() -> None:
    """All of them give the same third derivative of a cubic form."""
    v = RNG.normal(size=4)
    weights = RNG.normal(size=(4, 4, 4))

    def f(x: Any) -> Any:
        return np.einsum("ijk,i,j,k->", weights, x, x, x)

    symmetric = sum(weights.transpose(p) for p in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
    expected = np.einsum("ijk,j,k->i", symmetric, v, v)
    candidates = {
        "grad of v H v by hessian": grad(lambda x: v @ hessian(f)(x) @ v),
        "grad of v H v by hvp": grad(lambda x: np.dot(hvp(f, x, v), v)),
        "hvp of a directional derivative by jvp": lambda x: hvp(lambda x: jvp(f, (x,), (v,))[1], x, v),
        "jvp of hvp": lambda x: jvp(lambda x: hvp(f, x, v), (x,), (v,))[1],
        "jvp of jvp of grad": lambda x: jvp(lambda x: jvp(grad(f), (x,), (v,))[1], (x,), (v,))[1],
        "jacobian of jvp of grad": lambda x: jacobian(lambda x: jvp(grad(f), (x,), (v,))[1])(x) @ v,
        "vjp of hvp": lambda x: vjp(lambda x: hvp(f, x, v), x)[1](v)[0],
        "grad through a pullback": grad(lambda x: np.dot(vjp(grad(f), x)[1](v)[0], v)),
        "grad of value_and_grad": grad(lambda x: np.dot(hvp(lambda x: value_and_grad(f)(x)[0], x, v), v)),
        "hessian of a jvp": lambda x: hessian(lambda x: jvp(f, (x,), (v,))[1])(x) @ v,
        "checkpointed": grad(lambda x: v @ hessian(checkpoint(f))(x) @ v),
        "checkpoint around transforms": grad(checkpoint(lambda x: v @ hessian(f)(x) @ v)),
        "jacobian of jacobian of grad": lambda x: jacobian(jacobian(grad(f)))(x) @ v @ v,
    }
    for name, candidate in candidates.items():
        np.testing.assert_allclose(candidate(X), expected, rtol=1e-10, atol=1e-10, err_msg=name)


def test_values_in_values_out() -> None:
    x = Value(X)
    slope = grad(smooth)(x)
    assert isinstance(slope, Value)
    (slope * slope).sum().backward()
    np.testing.assert_allclose(x.grad, 2.0 * hessian(smooth)(X) @ grad(smooth)(X))
    assert isinstance(value_and_grad(smooth)(x)[0], Value)
    assert isinstance(hessian(smooth)(x), Value)
    assert isinstance(hvp(smooth, x, X), Value)
    assert isinstance(jvp(vector, (x,), (X,))[1], Value)
    w = Value(3.0)
    assert type(grad(lambda x: w * x * x)(2.0)) is float, "plain in, plain out, also where a Value is closed over"
    assert w.grad == 0.0


def test_a_gradient_penalty_reaches_parameters() -> None:
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1))

    def penalty(*_: Value) -> Value:
        slope = grad(lambda x: model(x).sum())(Value([0.3, -0.7]))
        return (slope * slope).sum()

    assert check_gradients(penalty, *model.parameters()).ok


def test_derivatives_with_respect_to_tangents_directions_and_cotangents() -> None:
    assert grad(lambda t: t + jvp(np.sin, (0.3,), (t,))[1])(1.0) == pytest.approx(1.0 + np.cos(0.3))
    x = np.array([1.0, 2.0])
    through = grad(lambda v: hvp(lambda x: (x**3).sum(), x, v) @ v)(np.ones(2))
    np.testing.assert_allclose(through, [12.0, 24.0])
    np.testing.assert_allclose(hessian(lambda v: hvp(lambda x: (x**3).sum(), x, v) @ v)(np.ones(2)), np.diag([12.0, 24.0]))
    assert grad(lambda c: vjp(lambda x: (x * 2.0, x * 3.0), 1.0)[1]((c, c))[0])(1.0) == 5.0
    assert grad(lambda c: vjp(lambda x: x * 2.0, 1.0)[1](c)[0])(1.0) == 2.0


def test_outer_transforms_differentiate_aux() -> None:
    inner = [
        lambda x: grad(lambda y: (y * y, x * y), has_aux=True)(3.0)[1],
        lambda x: value_and_grad(lambda y: (y * y, x * y), has_aux=True)(3.0)[0][1],
        lambda x: vjp(lambda y: (y * y, x * y), 3.0, has_aux=True)[2],
        lambda x: jacobian(lambda y: (y * y, x * y), has_aux=True)(3.0)[1],
    ]
    for f in inner:
        assert grad(lambda x, f=f: x + f(x))(2.0) == 4.0


def test_transforms_in_threads_and_checkpoints_see_outer_transforms() -> None:
    def inner(x: Any) -> Any:
        return grad(lambda y: x * y * y)(3.0)

    def threaded(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(inner, x).result() + x

    assert grad(threaded)(2.0) == 7.0
    assert grad(checkpoint(lambda x: x * inner(x)))(2.0) == 24.0
    assert grad(grad(checkpoint(lambda x: x * inner(x))))(2.0) == 12.0


def test_one_pullback_in_several_threads() -> None:
    _, pullback = vjp(lambda x: np.sin(x) * x, X)
    expected = pullback(np.ones(4))[0]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: pullback(np.ones(4))[0], range(20)):
            np.testing.assert_array_equal(found, expected)


def test_a_pullback_after_data_changed_is_refused() -> None:
    w = Value(2.0, label="w")
    _, pullback = vjp(lambda x: w * x * x, 3.0)
    assert pullback(1.0) == (12.0,)
    w.data = 5.0
    with pytest.raises(ValueError, match="the data of the Value 'w' changed after"):
        pullback(1.0)


def test_pullbacks_of_nested_results() -> None:
    with no_grad():
        _, pullback = vjp(lambda x: (x * 2.0, x * 3.0), 1.0)
        assert pullback((1.0, 1.0)) == (5.0,)
    with np.errstate(divide="ignore"):
        _, pullback = vjp(lambda x: {"log": np.log(x), "x": x * 2.0}, 0.0)
    assert pullback({"log": 0.0, "x": 1.0}) == (2.0,), "an infinite result times a cotangent of zero does not matter"


def test_inside_no_grad_results_are_the_same() -> None:
    expected = hessian(smooth)(X)
    with no_grad():
        np.testing.assert_allclose(hessian(smooth)(X), expected)
        np.testing.assert_allclose(hvp(smooth, X, X), expected @ X)
        frozen = grad(smooth)(Value(X))
        assert frozen.op is None
        assert not frozen.requires_grad
    assert grad(lambda x: x * stop_gradient(x))(3.0) == 3.0

    def half(x: Any) -> Any:
        with no_grad():
            y = x * x
        return x * y

    assert grad(half)(3.0) == 9.0


def test_stop_gradient_of_nested_arguments() -> None:
    x = Value(2.0) * 3.0
    stopped = stop_gradient({"a": [x, 1.0], "b": None, "c": "text"})
    assert stopped["a"][0].op is None
    assert (stopped["a"][0].data, stopped["a"][1], stopped["b"], stopped["c"]) == (6.0, 1.0, None, "text")


# --- arguments ------------------------------------------------------------------------------------

Pair = namedtuple("Pair", "first second")


@dataclasses.dataclass(frozen=True)
class Parameters:
    weights: np.ndarray
    layers: list[Any]
    bias: float = 0.0


def test_gradients_have_the_structure_of_nested_arguments() -> None:
    tree = OrderedDict(
        p=Parameters(np.ones(3), [Pair(2.0, np.arange(2.0)), (1.0,)], 4.0), q=[{"r": np.eye(2)}, None], t=()
    )  # fmt: skip

    def f(tree: Any) -> Any:
        p = tree["p"]
        return (
            (p.weights**2).sum() * p.layers[0].first
            + (p.layers[0].second ** 3).sum()
            + p.bias * p.layers[1][0]
            + np.trace(tree["q"][0]["r"])
        )

    slopes = grad(f)(tree)
    assert type(slopes) is OrderedDict
    assert type(slopes["p"]) is Parameters
    assert slopes["p"].weights.tolist() == [4.0, 4.0, 4.0]
    assert type(slopes["p"].layers[0]) is Pair
    assert slopes["p"].layers[0].first == 3.0
    assert slopes["p"].layers[0].second.tolist() == [0.0, 3.0]
    assert slopes["p"].layers[1] == (4.0,)
    assert slopes["p"].bias == 1.0
    assert slopes["q"][0]["r"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert slopes["q"][1] is None
    assert slopes["t"] == ()
    assert tree["p"].weights.tolist() == [1.0, 1.0, 1.0], "the argument itself is left alone"
    second = hessian(f)(tree)
    assert second["p"].weights["p"].layers[0].first.tolist() == [2.0, 2.0, 2.0]
    assert second["p"].bias["p"].layers[1][0] == 1.0
    moved = hvp(f, tree, grad(f)(tree))
    assert type(moved) is OrderedDict


def test_tangents_are_matched_to_arguments_by_key() -> None:
    p = {"a": 1.0, "b": 2.0}

    def f(p: Any) -> Any:
        return p["a"] * 10.0 + p["b"] ** 2 * 100.0

    assert jvp(f, (p,), ({"b": 0.0, "a": 1.0},))[1] == 10.0
    assert hvp(f, p, {"b": 1.0, "a": 0.0}) == {"a": 0.0, "b": 200.0}
    assert vjp(lambda x: {"u": x * 10.0, "v": x * 100.0}, 1.0)[1]({"v": 0.0, "u": 1.0}) == (10.0,)
    for wrong in ({"a": 1.0, "c": 0.0}, {"a": 1.0}, [1.0, 0.0], 1.0):
        with pytest.raises(
            ValueError, match=r"a direction of hvp\(\) has the wrong structure: expected a dict with the keys \['a', 'b'\], got"
        ):
            hvp(f, p, wrong)
    with pytest.raises(ValueError, match=r"expected a number or an array \(np.array makes one of a list\), got a list of 4"):
        hvp(smooth, X, [1.0, 0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"expected a tangent of jvp\(\) for each of the 2 arguments.*got a tuple of 1"):
        jvp(lambda x, y: x * y, (1.0, 2.0), (1.0,))
    assert hvp(lambda p: p.first**2 * p.second, Pair(1.0, 2.0), Pair(1.0, 0.0)) == Pair(4.0, 2.0)
    for transform in (lambda c: jvp(np.sin, (X,), (c,)), lambda c: vjp(np.sin, X)[1](c), lambda c: hvp(smooth, X, c)):
        with pytest.raises(TypeError, match="got complex numbers"):
            transform(X * 1j)


def test_arguments_that_overlap() -> None:
    model = nn.Linear(2, 1, rng=0)
    slopes, slope = grad(lambda m, w: (m.weight * 2.0 + w * 3.0).sum(), (0, 1))(model, model.weight)
    assert slopes["weight"].data.tolist() == [[2.0, 2.0]]
    assert slope.data.tolist() == [[3.0, 3.0]]

    def f(m: Any, w: Any) -> Any:
        return (m.weight**2 * w).sum()

    direction = {"weight": np.ones((1, 2)), "bias": np.zeros(1)}
    of_m, of_w = hvp(f, (model, model.weight), (direction, np.zeros((1, 2))))
    np.testing.assert_allclose(of_m["weight"].data, 2.0 * model.weight.data)
    np.testing.assert_allclose(of_w.data, 2.0 * model.weight.data)
    moved = jvp(f, (model, model.weight), (direction, np.zeros((1, 2))))[1]
    np.testing.assert_allclose(moved.data, 2.0 * (model.weight.data**2).sum())
    wide = jacobian(lambda m, w: np.tile((m.weight * w).ravel(), 5), (0, 1))(model, model.weight)
    np.testing.assert_allclose(wide[0]["weight"].data[0, 0], [model.weight.data[0, 0], 0.0])
    with pytest.raises(TypeError, match=r"argnum=\(0, 'x'\) names an argument twice"):
        grad(lambda x: x * x, (0, "x"))(1.0)
    assert grad(lambda x, y: x * y, (0, 1))(X[0], X[0]) == (X[0], X[0])


TRANSFORMS: list[Any] = [grad, value_and_grad, elementwise_grad, jacobian, hessian]


@pytest.mark.parametrize("transform", [*TRANSFORMS, checkpoint])
def test_the_error_for_an_argument_that_is_no_function_names_the_transform(transform: Any) -> None:
    name = transform.__name__
    with pytest.raises(TypeError, match=rf"^{name}\(\) takes a function, but got 3.0: write {name}\(f\)\(x\)"):
        transform(3.0)


def test_the_errors_of_products_for_arguments_that_are_no_functions() -> None:
    with pytest.raises(TypeError, match=r"^vjp\(\) takes a function, but got 3: write vjp\(f, x\)"):
        vjp(3, X)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^jvp\(\) takes a function, but got 3: write jvp\(f, x, tangent\)"):
        jvp(3, X, X)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^hvp\(\) takes a function, but got 3: write hvp\(f, x, v\)"):
        hvp(3, X, X)  # type: ignore[arg-type]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_error_for_a_wrong_argnum_names_the_transform(transform: Any) -> None:
    name = transform.__name__
    for wrong in (X, 1.0, None, True):
        with pytest.raises(TypeError, match=rf"^argnum of {name}\(\) is the position or the name.*later, {name}\(f\)\(x\)"):
            transform(np.sin, wrong)


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "hvp"])
def test_the_error_for_a_result_that_is_no_scalar_names_the_transform(name: str) -> None:
    call: Any = {"grad": grad(np.sin), "value_and_grad": value_and_grad(np.sin), "hvp": lambda x: hvp(np.sin, x, x)}[name]
    with pytest.raises(TypeError, match=rf"^{name}\(\) needs a function with a single number"):
        call(X)


def test_errors_name_mistakes_in_the_call_of_a_transform() -> None:
    with pytest.raises(TypeError, match=r"argnum='c': this call leaves the argument 'c' at its default: pass it"):
        grad(lambda x, c=2.0: x * c, "c")(1.0)
    assert grad(lambda x, y: x * y)(x=2.0, y=3.0) == 3.0
    assert grad(lambda x, y: x * y, np.int64(1))(2.0, 3.0) == 2.0


@dataclasses.dataclass
class Derived:
    base: float
    double: float = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.double = 2.0 * self.base
        self.triple = 3.0 * self.base


def test_derived_fields_of_a_dataclass_are_derived_again() -> None:
    slope = grad(lambda d: d.base + d.double + d.triple)(Derived(1.0))
    assert slope.base == 6.0


class Layers(list):  # type: ignore[type-arg]
    def __init__(self, first: Any, rest: Any = ()) -> None:
        super().__init__([first, *rest])


@dataclasses.dataclass
class Camera:
    fov: float
    scale: float = dataclasses.field(init=False, default=1.0)

    def __post_init__(self) -> None:
        if not isinstance(self.fov, Value):
            self.fov = float(self.fov)


@dataclasses.dataclass
class Degrees:
    angle: float

    def __post_init__(self) -> None:
        self.angle = np.deg2rad(self.angle)


@dataclasses.dataclass
class Seeded:
    base: float
    seed: dataclasses.InitVar[int]

    def __post_init__(self, seed: int) -> None:
        self.noise = seed * self.base


def test_dataclasses_with_state() -> None:
    camera = Camera(2.0)
    camera.scale = 3.0
    assert grad(lambda c: c.fov**2 * c.scale)(camera).fov == 12.0
    _, aux = grad(lambda c: (c.fov**2, c), has_aux=True)(camera)
    assert (aux.fov, aux.scale) == (2.0, 3.0)
    with pytest.raises(
        TypeError, match=r"argument 0 is a Degrees, whose __init__ changes its field 'angle' and would change it twice"
    ):
        grad(lambda d: np.sin(d.angle))(Degrees(90.0))
    out, pullback = vjp(lambda x: Degrees(x * 90.0), 1.0)
    assert out.angle == pytest.approx(np.pi / 2.0)
    with pytest.raises(TypeError, match=r"is a Seeded, which cannot be created again \(InitVar"):
        grad(lambda s: s.base * s.noise)(Seeded(1.0, 3))


def test_results_that_are_not_numbers_are_refused() -> None:
    for f in (lambda x: {x * 2.0}, lambda x: "text", lambda x: object()):
        for transform in (lambda f: vjp(f, 1.0), lambda f: jvp(f, 1.0, 1.0), lambda f: jacobian(f)(1.0)):
            with pytest.raises(TypeError, match=r"the function returned .*: results are numbers, arrays, and dicts, lists"):
                transform(f)


def test_a_parameter_with_two_names_has_one_tangent() -> None:
    model = nn.Linear(2, 1, rng=0)
    tangent = {"weight": np.ones((1, 2)), "bias": np.ones(1)}

    def f(m: Any) -> Any:
        return (m["enc"](X[:2]) ** 2).sum() + (m["dec"](X[:2]) ** 3).sum()

    y = model(X[:2]).item()
    moved = jvp(f, ({"enc": model, "dec": model},), ({"enc": tangent, "dec": tangent},))[1]
    assert moved.data if isinstance(moved, Value) else moved == pytest.approx((2 * y + 3 * y**2) * (X[:2].sum() + 1.0))
    with pytest.raises(ValueError, match="differs for two names of the same parameter"):
        jvp(f, ({"enc": model, "dec": model},), ({"enc": tangent, "dec": {**tangent, "bias": np.zeros(1)}},))


def test_argnum_of_keyword_only_arguments_and_of_star_args() -> None:
    assert grad(lambda x, *rest, y=2.0: x * rest[0] * y**2, "y")(1.0, 3.0, y=2.0) == 12.0
    assert grad(lambda x, *rest: x * rest[0], 1)(2.0, 3.0) == 2.0


def test_hooks_on_the_arguments_run() -> None:
    def f(x: Any) -> Any:
        x.register_hook(lambda g: np.clip(g, -1.0, 1.0))
        return (x * 100.0).sum()

    assert grad(f)(np.ones(2)).tolist() == [1.0, 1.0]


def test_inner_transforms_in_threads_over_modules() -> None:
    model = nn.Linear(2, 1, rng=0)

    def f(m: Any, submit: Callable[..., Any]) -> Any:
        return submit(lambda: grad(lambda x: (m(x) ** 2).sum())(X[:2])).sum() + m.weight.sum()

    expected = grad(lambda m: f(m, lambda g: g()))(model)["weight"]
    with ThreadPoolExecutor(1) as pool:
        found = grad(lambda m: f(m, lambda g: pool.submit(g).result()))(model)["weight"]
    np.testing.assert_allclose(found, expected)
    assert not np.allclose(expected, 1.0)


def test_many_results_and_aux_take_one_sort() -> None:
    def f(x: Any) -> Any:
        s, out = x, []
        for _ in range(1500):
            s = s + 0.001 * s * s
            out.append(s)
        return s, out

    slope, aux = grad(f, has_aux=True)(0.5)  # 7 s with a sort for each result
    assert len(aux) == 1500
    out, pullback = vjp(lambda x: f(x)[1], 0.5)
    assert pullback([0.0] * 1499 + [1.0])[0] == pytest.approx(slope)


def test_transforms_in_a_loop_under_a_gradient() -> None:
    def loop(x: Any, steps: int) -> Any:
        for _ in range(steps):
            x = x + 0.01 * hvp(lambda y: (y**3).sum(), x, np.ones(2))
        return x.sum()

    expected = (1.06) ** 150
    np.testing.assert_allclose(grad(lambda x: loop(x, 150))(np.ones(2)), [expected, expected])


def test_subclasses_of_containers() -> None:
    slopes = grad(lambda layers: layers[0] * layers[1])(Layers(2.0, [3.0]))
    assert type(slopes) is Layers
    assert slopes == [3.0, 2.0]
    counts = grad(lambda c: c["a"] ** 2)(Counter(a=2, b=1))
    assert (type(counts), counts["a"], counts["b"]) == (Counter, 4.0, 0.0)
    default = grad(lambda d: d["a"] ** 2)(defaultdict(list, a=3.0))
    assert (type(default), default["a"]) == (defaultdict, 6.0)


@pytest.mark.parametrize(
    ("bad", "got"), [("text", "'text', a str"), (True, "True, a bool"), ({"a": object()}, "object"), (1j, "complex")]
)
def test_arguments_that_are_not_numbers_are_refused(bad: Any, got: str) -> None:
    with pytest.raises(
        TypeError,
        match=r"cannot differentiate with respect to argument 0.*, which is.*numbers, arrays.*close over it",
    ) as caught:
        grad(lambda x: 1.0)(bad)
    assert got in str(caught.value)


def test_arguments_cannot_leave_the_graph_silently() -> None:
    for f in (lambda x: np.sum(np.asarray(x) * x), lambda x: float(x[0]) * x[1], lambda x: np.sum(np.array([x[0], x[1]]))):
        with pytest.raises(TypeError, match="would silently drop the gradient"):
            grad(f)(X)
    with pytest.raises(TypeError, match="would silently drop the gradient"):
        grad(lambda x: np.sum(np.array(x)))({"w": 1.0}["w"])


@pytest.mark.parametrize("transform", [grad, value_and_grad, lambda f: lambda *args: hvp(f, args, args)])
def test_results_that_are_not_a_single_number_are_refused(transform: Any) -> None:
    with pytest.raises(TypeError, match=r"single number.*, but the result has the shape \(4,\).*jacobian\(\).*vjp\(\)"):
        transform(lambda x: x * 2.0)(X)
    with pytest.raises(TypeError, match=r"single number as its result, but got a tuple: .*has_aux=True"):
        transform(lambda x: (x.sum(), x))(X)
    with pytest.raises(TypeError, match=r"single number as its result, but got None"):
        transform(lambda x: None)(X)


def test_one_element_counts_as_a_number() -> None:
    assert grad(lambda x: (x @ x).reshape(1, 1))(X).tolist() == (2.0 * X).tolist()


@pytest.mark.parametrize(
    ("transform", "zero"),
    [(grad, 0.0), (jacobian, 0.0), (lambda f: lambda x: vjp(f, x)[1](1.0)[0], 0.0),
     (lambda f: lambda x: jvp(f, (x,), (1.0,))[1], 0.0), (hessian, 0.0),
     (lambda f: lambda x: hvp(f, x, 1.0), 0.0), (elementwise_grad, 0.0)],
)  # fmt: skip
def test_a_result_that_does_not_depend_on_the_argument_warns_once(transform: Any, zero: float) -> None:
    for f in (lambda x: 3.0, lambda x: np.float64(3.0), lambda x: Value(2.0) * 2.0):
        with pytest.warns(UserWarning, match="does not depend on the argument") as caught:
            assert transform(f)(2.0) == zero
        assert len(caught) == 1
        assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="does not depend"):
        assert vjp(lambda x: x > 0.0, 1.0)[1](1.0) == (0.0,)
    with pytest.warns(UserWarning, match="does not depend"):
        assert grad(lambda x: np.allclose(x, x))(1.0) == 0.0
    with pytest.warns(UserWarning, match="does not depend"):
        assert grad(lambda x, y: x["a"] * 2.0, 1)({"a": 1.0}, np.ones(3)).tolist() == [0.0, 0.0, 0.0]


def test_no_warning_if_only_a_part_or_the_second_derivative_is_zero() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(lambda p: p["a"] * 2.0)({"a": 1.0, "b": 5.0}) == {"a": 2.0, "b": 0.0}
        assert hessian(lambda x: 3.0 * x)(1.0) == 0.0
        assert jacobian(lambda x: [x, 1.0])(2.0) == [1.0, 0.0]


# --- modules --------------------------------------------------------------------------------------


def build() -> tuple[nn.Module, Callable[[Any], Any]]:
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh(), nn.Linear(2, 2, rng=1))
    inputs, labels = RNG.normal(size=(5, 3)), np.arange(5) % 2
    return model, lambda m: nn.cross_entropy(m(inputs), labels)


def test_gradients_by_parameter_name() -> None:
    model, loss = build()
    slopes = grad(loss)(model)
    loss(model).backward()
    assert list(slopes) == [name for name, _ in model.named_parameters()]
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(slopes[name], parameter.grad)
        assert type(slopes[name]) is np.ndarray


def test_hessian_and_jacobian_over_named_parameters() -> None:
    model, loss = build()
    second = hessian(loss)(model)
    names = [name for name, _ in model.named_parameters()]
    assert list(second) == names
    flat = np.block([[second[a][b].reshape(model_size(model, a), -1) for b in names] for a in names])
    np.testing.assert_allclose(flat, flat.T, atol=1e-12)
    direction = {name: RNG.normal(size=parameter.shape) for name, parameter in model.named_parameters()}
    moved = hvp(loss, model, direction)
    joined = np.concatenate([direction[name].ravel() for name in names])
    np.testing.assert_allclose(np.concatenate([moved[name].ravel() for name in names]), flat @ joined, atol=1e-12)
    for name, parameter in model.named_parameters():  # one column by differences of the gradient
        step = 1e-5
        start = parameter.data.copy()
        parameter.data = start + step * np.eye(start.size)[0].reshape(start.shape)
        above = grad(loss)(model)
        parameter.data = start - step * np.eye(start.size)[0].reshape(start.shape)
        below = grad(loss)(model)
        parameter.data = start
        for other in names:
            measured = (above[other] - below[other]) / (2.0 * step)
            column = second[other][name].reshape(*measured.shape, -1)[..., 0]
            np.testing.assert_allclose(column, measured, atol=1e-8)
    rows = jacobian(lambda m: m(np.ones((2, 3))))(model)
    assert rows["0.weight"].shape == (2, 2, 2, 3)


def model_size(model: nn.Module, name: str) -> int:
    return dict(model.named_parameters())[name].size


def test_modules_inside_nested_arguments() -> None:
    model, loss = build()
    slopes = grad(lambda p: loss(p["model"]) * p["scale"][0])({"model": model, "scale": (2.0,)})
    assert slopes["scale"][0] == pytest.approx(loss(model).item())
    for name, slope in grad(loss)(model).items():
        np.testing.assert_allclose(slopes["model"][name], 2.0 * slope)
    (_, aux), _ = value_and_grad(lambda m: (loss(m), {"model": m, "loss": loss(m)}), has_aux=True)(model)
    assert aux["model"] is model
    assert type(aux["loss"]) is float


def test_results_share_no_memory() -> None:
    """Changing a returned array does not change later results."""
    out, pullback = vjp(lambda x: np.exp(x), X)
    expected = out.copy()
    out[:] = 0.0
    first = pullback(np.ones(4))[0]
    np.testing.assert_allclose(first, expected)
    first[:] = 0.0
    np.testing.assert_allclose(pullback(np.ones(4))[0], expected)
    seed = np.ones(4)
    same = vjp(lambda x: x, X)[1](seed)[0]
    same[:] = 5.0
    assert seed.tolist() == [1.0] * 4
    both = grad(lambda x, y: (x + y).sum(), (0, 1))(X, X)
    assert not np.shares_memory(*both)


def test_a_parameter_that_the_function_freezes_keeps_its_name() -> None:
    model, loss = build()

    def f(m: Any) -> Any:
        m.parameters()[0].requires_grad = False
        return loss(m)

    slopes = grad(f)(model)
    assert list(slopes)[:2] == ["0.weight", "0.bias"]
    assert slopes["0.weight"].shape == (2, 3)


def test_frozen_parameters_are_left_out() -> None:
    model, loss = build()
    model.parameters()[0].requires_grad = False
    assert "0.weight" not in grad(loss)(model)
    both = grad(lambda m, s: loss(m) * s, (0, 1))(model, 2.0)
    assert set(both[0]) == {"0.bias", "2.weight", "2.bias"}
    assert both[1] == pytest.approx(loss(model).item())


# --- checkpoint -----------------------------------------------------------------------------------


def test_checkpoint_gives_the_same_at_every_order() -> None:
    def step(x: Any, scale: float) -> Any:
        return np.sin(x) * np.exp(-x * x) * scale

    kept = checkpoint(step)
    for transform in (grad, hessian, jacobian, lambda f: grad(lambda x: np.sum(hessian(f)(x) ** 2))):
        plain = transform(lambda x: step(step(x, 1.1), 0.9).sum())(X)
        np.testing.assert_allclose(transform(lambda x: kept(kept(x, 1.1), scale=0.9).sum())(X), plain, rtol=1e-12)


def test_checkpoint_reaches_closed_over_values_and_nested_results() -> None:
    model, loss = build()
    expected = grad(loss)(model)
    kept = checkpoint(lambda: {"loss": loss(model), "constant": 1.0, "note": "text"})
    slopes = grad(lambda m: kept()["loss"])(model)
    for name in expected:
        np.testing.assert_allclose(slopes[name], expected[name])
    kept()["loss"].backward()
    np.testing.assert_allclose(model.parameters()[0].grad, expected["0.weight"])
    assert kept()["note"] == "text"
    frozen = checkpoint(lambda x: x * 2.0)
    with no_grad():
        assert frozen(Value(1.0)).op is None
    assert frozen(3.0) == 6.0


def test_checkpoints_in_a_row_that_share_an_input() -> None:
    """Each stage returns partial derivatives, and runs twice, not 2^k times."""
    runs = 0

    def stage(u: Any, c: Any) -> Any:
        nonlocal runs
        runs += 1
        return u * np.sin(c) + u * u * c

    def chained(u: Any, c: Any, stage: Callable[..., Any]) -> Any:
        for _ in range(8):
            u = stage(u, c)
        return u

    expected = grad(chained, (0, 1))(0.5, 0.3, stage)
    runs = 0
    assert grad(chained, (0, 1))(0.5, 0.3, checkpoint(stage)) == pytest.approx(expected, rel=1e-12)
    assert runs == 16
    second = hessian(lambda p: chained(p[0], p[1], stage))([0.5, 0.3])
    kept = hessian(lambda p: chained(p[0], p[1], checkpoint(stage)))([0.5, 0.3])
    np.testing.assert_allclose(kept, second, rtol=1e-12)


def test_checkpoint_keeps_no_graph() -> None:
    made: list[Any] = []

    def f(x: Any) -> Any:
        y = np.sin(x)
        made.append(weakref.ref(y))
        return np.cos(y)

    out = checkpoint(f)(Value(X))
    gc.collect()
    assert made[0]() is None
    out.sum().backward()
    assert len(made) == 2


def test_checkpoint_keeps_the_dtype_of_each_result() -> None:
    kept = checkpoint(lambda x: (x * 2.0, x.sum()))
    array, number = kept(Value(np.ones(3, np.float32)))
    assert (array.dtype, type(number.data)) == (np.float32, float)
    (array.sum() * number).backward()


def test_a_checkpoint_that_finds_other_values_is_refused() -> None:
    def threaded(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: np.sin(x) * 2.0).result() * 3.0

    with pytest.raises(ValueError, match=r"checkpoint\(threaded\) used other Values in the backward pass"):
        grad(checkpoint(threaded))(0.0)
    holder = [Value(2.0) * 1.0]
    out = checkpoint(lambda: holder[0] * 3.0)()
    holder[0] = holder[0].detach()
    with pytest.raises(ValueError, match="do not replace Values that the function closes over"):
        out.backward()


def test_one_pullback_with_checkpoints_in_several_threads() -> None:
    def inner(x: Any) -> Any:
        s = x
        for _ in range(5):
            s = s + grad(lambda y: x * y * y)(3.0) * 1e-3
        return s

    kept = checkpoint(inner)
    _, pullback = vjp(lambda x: kept(kept(x)), 2.0)
    expected = pullback(1.0)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: pullback(1.0), range(100))) == {expected}


def test_nested_checkpoints() -> None:
    def nested(levels: int) -> Callable[[Any], Any]:
        f: Callable[[Any], Any] = np.sin
        for _ in range(levels):
            f = checkpoint(lambda x, f=f: f(x) * 1.0)
        return f

    f = nested(300)
    x = Value(1.0)
    f(x).backward()
    assert x.grad == pytest.approx(np.cos(1.0))
    assert grad(grad(nested(20)))(1.0) == pytest.approx(-np.sin(1.0))
    with pytest.raises(
        RecursionError, match=r"checkpoint\(<lambda>\) reached Python's limit of .* sys.setrecursionlimit\(\).*one after"
    ):
        nested(sys.getrecursionlimit())(Value(1.0))
    y = Value([1.0, 2.0])
    for _ in range(500):
        y = checkpoint(lambda y: y * 1.0)(y)
    assert gradient(y.sum(), y).data.tolist() == [1.0, 1.0]


def test_nested_checkpoints_drop_recomputed_nodes() -> None:
    most: list[int] = []

    def layer(x: Any) -> Any:
        y = x * 1.0
        y.register_hook(lambda g: most.append(sum(ref() is not None for ref in alive)))
        alive.append(weakref.ref(y))
        return y * 1.0

    alive: list[Any] = []
    x = Value(np.ones(3))
    out = x
    for _ in range(10):
        out = checkpoint(checkpoint(layer))(out)
    assert sum(ref() is not None for ref in alive) == 0
    out.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]
    assert len(most) == 10 and max(most) <= 2, "one layer at a time, and its hooks run once"


def test_checkpoint_of_a_random_function_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"checkpoint\(dropped\) computed other numbers in the backward pass.*random generator"):

        @checkpoint
        def dropped(x: Any) -> Any:
            return x * rng.normal(size=4)

        grad(lambda x: dropped(x).sum())(X)


# --- properties -----------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
def test_jvp_and_vjp_are_transposes(seed: int, rows: int, columns: int) -> None:
    """The dot-product test, on random programs of NumPy functions."""
    rng = np.random.default_rng(seed)
    m, x = rng.normal(size=(rows, columns)), rng.normal(size=columns)
    functions = [np.sin, np.tanh, lambda y: np.cumsum(y), lambda y: np.sort(y) * y, lambda y: y / (1.0 + y * y), np.flip]
    chosen = [functions[i] for i in rng.integers(0, len(functions), 3)]

    def program(x: Any) -> Any:
        y = m @ x
        for function in chosen:
            y = function(y)
        return y

    tangent, cotangent = rng.normal(size=columns), rng.normal(size=rows)
    out, pullback = vjp(program, x)
    _, moved = jvp(program, (x,), (tangent,))
    np.testing.assert_allclose(np.dot(moved, cotangent), np.dot(pullback(cotangent)[0], tangent), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(jacobian(program)(x) @ tangent, moved, rtol=1e-9, atol=1e-12)


def test_transforms_and_gradient_agree() -> None:
    x = Value(X)
    np.testing.assert_allclose(gradient(smooth(x), x).data, grad(smooth)(X))


def test_wrappers_keep_the_name_and_docstring() -> None:
    for transform in (grad, value_and_grad, jacobian, hessian, elementwise_grad, checkpoint):
        assert transform(smooth).__name__ == "smooth"
    assert "vmap" in (autograd.transforms.functional.__doc__ or "")

"""Differentiate programs of numerical practice in plain NumPy, and compare with formulas, other software and differences.

The programs are in tests/programs/ and do not import this library. The references do not use it either: they are closed forms,
SciPy and scikit-learn, differences, and complex steps, which run the same plain code on complex numbers.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.signal
import scipy.special
import scipy.stats
from scipy.sparse.linalg import LinearOperator, cg
from scipy.spatial.transform import Rotation

import nn
from autograd import (
    Value,
    array,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from tests.programs import (
    black_scholes,
    bundle_adjustment,
    convolutional_network,
    double_pendulum,
    fixed_point,
    fluid,
    gaussian_mixture,
    gaussian_process,
    heat,
    hidden_markov,
    hyperparameters,
    kalman_filter,
    laplace,
    logistic_regression,
    lstm,
    newton,
    optimal_transport,
    oscillators,
    rosenbrock,
    runge_kutta,
    transformer,
    variational_autoencoder,
)
from tests.programs.bundle_adjustment import Scene
from tests.programs.kalman_filter import System


def close(actual: Any, expected: Any, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    """Assert that `found` is plain data with the shape and numbers of `expected`."""
    assert type(actual) is (np.ndarray if np.ndim(expected) else float), type(actual)
    assert np.shape(actual) == np.shape(expected)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def complex_step(f: Callable[[Any], Any], x: Any) -> Any:
    """Return the derivatives of plain code at x from imaginary parts, exact to rounding. Axes of x are last."""
    steps = 1e-30j * np.eye(np.size(x)).reshape(np.size(x), *np.shape(x))
    return np.moveaxis([np.imag(f(x + step)) / 1e-30 for step in steps], 0, -1).reshape(np.shape(f(x)) + np.shape(x))


def differences(f: Callable[[Any], Any], x: Any, h: float = 1e-3) -> Any:
    """Return the derivatives of f at x by central differences of fourth order. Axes of x are last."""
    steps = h * np.eye(np.size(x)).reshape(np.size(x), *np.shape(x))
    slopes = [(8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))) / (12 * h) for step in steps]
    return np.moveaxis(slopes, 0, -1).reshape(np.shape(f(x)) + np.shape(x))


def test_the_programs_do_not_know_this_library() -> None:
    for path in (Path(__file__).parent / "programs").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"autograd", "nn"}, path


# --- statistics -----------------------------------------------------------------------------------


def test_gaussian_process() -> None:
    """Likelihood, gradient, a fit and its predictions agree with scikit-learn."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    rng = np.random.default_rng(0)
    X, new = rng.uniform(-2.0, 2.0, (25, 2)), rng.uniform(-2.0, 2.0, (5, 2))
    y = np.sin(2.0 * X[:, 0]) + 0.3 * X[:, 1] + 0.1 * rng.normal(size=25)
    kernel = ConstantKernel() * RBF([1.0, 1.0]) + WhiteKernel()
    theirs = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(X, y)

    def unpack(theta: Any) -> dict[str, Any]:
        return {"log_variance": theta[0], "log_scales": theta[1:3], "log_noise": theta[3]}

    for theta in (np.array([0.3, -0.5, 0.4, -2.0]), np.array([-0.2, 0.1, 1.0, -1.0])):
        expected, expected_slope = theirs.log_marginal_likelihood(theta, eval_gradient=True)
        for f in (gaussian_process.log_likelihood, gaussian_process.log_likelihood_by_slogdet):
            value, slope = value_and_grad(f)(unpack(theta), X, y)
            close(value, expected)
            assert list(slope) == ["log_variance", "log_scales", "log_noise"]
            close(slope["log_scales"], expected_slope[1:3])
            close(slope["log_variance"], expected_slope[0])
            close(slope["log_noise"], expected_slope[3])

    fit = scipy.optimize.minimize(
        value_and_grad(lambda theta: -gaussian_process.log_likelihood(unpack(theta), X, y)), np.zeros(4), jac=True, method="BFGS"
    )
    best, slope = theirs.log_marginal_likelihood(fit.x, eval_gradient=True)
    np.testing.assert_allclose(slope, 0.0, atol=1e-4)
    assert best > expected + 1.0
    refit = GaussianProcessRegressor(kernel.clone_with_theta(fit.x), alpha=0.0, optimizer=None).fit(X, y)
    close(gaussian_process.predict(unpack(fit.x), X, y, new), refit.predict(new), rtol=1e-6)

    def curvature(theta: Any) -> Any:
        return theirs.log_marginal_likelihood(theta, eval_gradient=True)[1]

    second = hessian(lambda theta: gaussian_process.log_likelihood(unpack(theta), X, y))(fit.x)
    close(second, differences(curvature, fit.x), rtol=1e-7, atol=1e-7)


def logistic_data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 3))
    return X, np.where(X @ [1.0, -2.0, 0.5] + rng.normal(size=80) > 0.3, 1.0, -1.0)


def logistic_hessian(w: np.ndarray, X: np.ndarray, penalty: float) -> np.ndarray:
    design = np.column_stack([X, np.ones(len(X))])
    p = scipy.special.expit(design @ w)
    return design.T @ np.diag(p * (1.0 - p)) @ design + penalty * np.diag([1.0, 1.0, 1.0, 0.0])


def test_logistic_regression() -> None:
    """Against scikit-learn and the normal equations."""
    from sklearn.linear_model import LogisticRegression

    X, y = logistic_data()
    fit = scipy.optimize.minimize(
        value_and_grad(logistic_regression.loss), np.zeros(4), (X, y, 0.5), jac=True, options={"gtol": 1e-9}
    )
    theirs = LogisticRegression(C=2.0, tol=1e-12, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(fit.x, [*theirs.coef_[0], *theirs.intercept_], rtol=1e-5)
    surprise = scipy.special.expit(-y * (X @ fit.x[:3] + fit.x[3])) * y
    np.testing.assert_allclose(X.T @ surprise, 0.5 * fit.x[:3], rtol=1e-6)
    np.testing.assert_allclose(surprise.sum(), 0.0, atol=1e-6)
    close(hessian(logistic_regression.loss)(fit.x, X, y, 0.5), logistic_hessian(fit.x, X, 0.5))
    (alone,) = grad(logistic_regression.loss, (3,))(fit.x, X, y, 0.5)
    close(alone, 0.5 * (fit.x[:3] ** 2).sum())


def test_conjugate_gradients_with_hessian_vector_products() -> None:
    """A Newton step without the Hessian agrees with its closed form, and Newton's method made of such steps converges."""
    X, y = logistic_data()
    w = np.array([0.3, -0.1, 0.2, 0.5])

    def loss(w: Any) -> Any:
        return logistic_regression.loss(w, X, y, 0.5)

    operator = LinearOperator((4, 4), matvec=lambda v: hvp(loss, w, v), dtype=float)
    slope = grad(loss)(w)
    step, failed = cg(operator, -slope, rtol=1e-12)
    assert not failed
    design, surprise = np.column_stack([X, np.ones(80)]), scipy.special.expit(-y * (X @ w[:3] + w[3])) * y
    expected_slope = -design.T @ surprise + 0.5 * w * [1.0, 1.0, 1.0, 0.0]
    close(slope, expected_slope)
    close(step, np.linalg.solve(logistic_hessian(w, X, 0.5), -expected_slope))

    newton_cg = scipy.optimize.minimize(
        loss, w, jac=grad(loss), hessp=lambda w, v: hvp(loss, w, v), method="trust-ncg", tol=1e-10
    )
    plain = scipy.optimize.minimize(loss, w, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000})
    np.testing.assert_allclose(newton_cg.x, plain.x, atol=1e-5)
    assert newton_cg.nit < 10


def test_hidden_markov_model() -> None:
    """The gradient is the probabilities of states and transitions by forward-backward, the Hessian covariances by enumeration."""
    rng = np.random.default_rng(2)
    start, moves = np.array([0.6, 0.4, 0.0]), np.array([[0.7, 0.3, 0.0], [0.0, 0.8, 0.2], [0.5, 0.0, 0.5]])
    seen = rng.uniform(0.1, 1.0, (40, 3))
    seen[5, 2] = seen[17, 0] = 0.0

    with np.errstate(divide="ignore"):
        logs = np.log(start), np.log(moves), np.log(seen)
    value, (d_start, d_moves, d_seen) = value_and_grad(hidden_markov.log_likelihood, (0, 1, 2))(*logs)

    forward, backward, scales = [start * seen[0]], [np.ones(3)], []
    for t in range(40):
        scales.append(forward[-1].sum())
        forward[-1] = forward[-1] / scales[-1]
        if t < 39:
            forward.append((forward[-1] @ moves) * seen[t + 1])
    for t in range(39, 0, -1):
        backward.insert(0, moves @ (seen[t] * backward[0]) / scales[t])
    close(value, np.log(scales).sum())
    close(d_seen, np.array(forward) * backward)
    close(d_start, forward[0] * backward[0])
    counts = [np.outer(forward[t], seen[t + 1] * backward[t + 1]) * moves / scales[t + 1] for t in range(39)]
    close(d_moves, np.sum(counts, axis=0))

    paths = list(itertools.product(range(3), repeat=4))
    weights = np.array(
        [start[p[0]] * seen[0, p[0]] * np.prod([moves[p[t - 1], p[t]] * seen[t, p[t]] for t in (1, 2, 3)]) for p in paths]
    )
    indicators = np.eye(3)[np.array(paths)].reshape(81, 12)
    covariance = np.cov(indicators, rowvar=False, aweights=weights / weights.sum(), ddof=0)
    second = hessian(hidden_markov.log_likelihood, 2)(logs[0], logs[1], logs[2][:4])
    close(second.reshape(12, 12), covariance)


def test_gaussian_mixture() -> None:
    """Gradient ascent ends where the EM algorithm does, with densities and responsibilities by SciPy."""
    rng = np.random.default_rng(3)
    X = np.concatenate([rng.normal([-2.0, 0.0], 0.6, (40, 2)), rng.normal([1.5, 1.0], [0.9, 0.4], (60, 2))])
    params: dict[str, Any] = {
        "scores": np.array([0.0, 0.5]),
        "means": np.array([[-1.0, 0.3], [1.0, 0.0]]),
        "log_stds": np.zeros((2, 2)),
    }

    def shares(p: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        weights = scipy.special.softmax(p["scores"])
        joint = np.stack(
            [
                w * scipy.stats.multivariate_normal(m, np.diag(np.exp(2 * s))).pdf(X)
                for w, m, s in zip(weights, p["means"], p["log_stds"], strict=True)
            ]
        )
        return joint.sum(0), joint / joint.sum(0)

    value, slope = value_and_grad(gaussian_mixture.log_likelihood)(params, X)
    density, r = shares(params)
    z = (X - params["means"][:, None]) / np.exp(params["log_stds"])[:, None]
    close(value, np.log(density).mean())
    close(slope["scores"], r.mean(1) - scipy.special.softmax(params["scores"]))
    close(slope["means"], np.einsum("kn,knd->kd", r, z) / 100.0)
    close(slope["log_stds"], np.einsum("kn,knd->kd", r, z**2 - 1.0) / 100.0)

    for _ in range(600):
        slope = grad(gaussian_mixture.log_likelihood)(params, X)
        params = {name: params[name] + 0.4 * slope[name] for name in params}
    _, r = shares(params)
    np.testing.assert_allclose(scipy.special.softmax(params["scores"]), r.mean(1), rtol=1e-4)
    np.testing.assert_allclose(params["means"], r @ X / r.sum(1, keepdims=True), atol=1e-4)
    variances = np.einsum("kn,knd->kd", r, (X - params["means"][:, None]) ** 2) / r.sum(1, keepdims=True)
    np.testing.assert_allclose(np.exp(2 * params["log_stds"]), variances, rtol=1e-4)


def test_kalman_filter() -> None:
    """Against the joint normal distribution of all observations, by SciPy; the gradient by differences of that."""
    rng = np.random.default_rng(4)
    ys = np.cumsum(rng.normal(size=(6, 1)), axis=0)

    def damped_oscillator(params: Any) -> System:
        """Return the system of a damped mass on a spring, whose position is observed with noise."""
        stiffness, damping, log_push, log_noise = params
        A = array([[1.0, 0.5], [-0.5 * stiffness, 1.0 - 0.5 * damping]])
        Q = np.exp(log_push) * array([[0.1, 0.0], [0.0, 1.0]])
        return System(A, np.array([[1.0, 0.0]]), Q, array([[np.exp(log_noise)]]), np.array([0.5, 0.0]), 2.0 * np.eye(2))

    def by_filter(params: Any) -> Any:
        return kalman_filter.log_likelihood(damped_oscillator(params), ys)

    def jointly(params: np.ndarray) -> float:
        A, C, Q, R, m, P = map(np.asarray, damped_oscillator(params))
        means, variances = [m], [P]
        for _ in ys[1:]:
            means.append(A @ means[-1])
            variances.append(A @ variances[-1] @ A.T + Q)
        joint = np.zeros((6, 6))
        for i, j in itertools.product(range(6), repeat=2):
            first, later = min(i, j), max(i, j)
            joint[i, j] = (C @ np.linalg.matrix_power(A, later - first) @ variances[first] @ C.T).item() + (i == j) * R.item()
        return scipy.stats.multivariate_normal(np.concatenate([C @ m for m in means]), joint).logpdf(ys.ravel())

    params = np.array([0.8, 0.2, -0.7, -0.3])
    value, slope = value_and_grad(by_filter)(params)
    close(value, jointly(params))
    close(slope, differences(jointly, params))
    close(hessian(by_filter)(params), differences(lambda p: differences(jointly, p), params), rtol=1e-6, atol=1e-7)
    of_system = grad(kalman_filter.log_likelihood)(damped_oscillator(params), ys)
    assert isinstance(of_system, System)
    start = scipy.optimize.approx_fprime(
        np.array([0.5, 0.0]), lambda m: kalman_filter.log_likelihood(damped_oscillator(params)._replace(m=m), ys)
    )
    close(of_system.m, start, rtol=1e-5)


def test_laplace_approximation() -> None:
    """In a conjugate model, whose mode, curvature and evidence are known, the error is Stirling's remainder."""
    counts, shape, rate = np.array([3.0, 5.0, 4.0, 2.0, 6.0]), 2.5, 0.8
    slope, curvature, theta = grad(laplace.log_joint), hessian(laplace.log_joint), 0.0
    for _ in range(20):
        theta = theta - slope(theta, counts, shape, rate) / curvature(theta, counts, shape, rate)
    A, B = shape + counts.sum(), rate + len(counts)
    close(theta, math.log(A / B))
    close(curvature(theta, counts, shape, rate), -A)
    evidence = laplace.log_joint(theta, counts, shape, rate) + 0.5 * math.log(
        2.0 * math.pi / -curvature(theta, counts, shape, rate)
    )
    exact = shape * math.log(rate) - math.lgamma(shape) - sum(map(math.lgamma, counts + 1.0)) + math.lgamma(A) - A * math.log(B)
    np.testing.assert_allclose(exact - evidence, 1.0 / (12.0 * A) - 1.0 / (360.0 * A**3), rtol=1e-6)
    close(grad(laplace.log_joint, "shape")(theta, counts, shape, rate), math.log(rate) - scipy.special.digamma(shape) + theta)


# --- learning -------------------------------------------------------------------------------------


def nested_leaves(tree: Any) -> list[Any]:
    """Return the arrays of nested dicts, lists and tuples, in order."""
    items = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (list, tuple)) else None
    return [tree] if items is None else [leaf for item in items for leaf in nested_leaves(item)]


def every_entry(slopes: Any, f: Callable[..., float], params: Any, *args: Any) -> None:
    """Compare with differences by every entry of nested parameters."""
    for leaf, slope in zip(nested_leaves(params), nested_leaves(slopes), strict=True):

        def moved(data: np.ndarray, leaf: np.ndarray = leaf) -> float:
            before, leaf[...] = leaf.copy(), data
            value = f(params, *args)
            leaf[...] = before
            return value

        close(slope, differences(moved, leaf.copy(), 1e-4), rtol=1e-7, atol=1e-9)


def test_variational_autoencoder() -> None:
    rng = np.random.default_rng(5)
    params = variational_autoencoder.init(rng, pixels=8, hidden=6, latent=2)
    x, noise = np.repeat(rng.integers(0, 2, (5, 8)), 2, axis=0).astype(float), rng.normal(size=(10, 2))
    slopes = grad(variational_autoencoder.negative_elbo)(params, x, noise)
    assert list(slopes) == ["encoder", "decoder"]
    assert list(slopes["encoder"]) == ["hidden", "mean", "log_std"]
    every_entry(slopes, variational_autoencoder.negative_elbo, params, x, noise)

    losses = []
    for _ in range(150):
        loss, slopes = value_and_grad(variational_autoencoder.negative_elbo)(params, x, rng.normal(size=(10, 2)))
        params = variational_autoencoder.descend(params, slopes, 0.1)
        losses.append(loss)
    assert np.mean(losses[-20:]) < np.mean(losses[:5]) - 1.5


def test_lstm() -> None:
    """Every entry of every parameter against complex steps of the plain code."""
    rng = np.random.default_rng(6)
    params = {
        "init hiddens": rng.normal(size=(1, 3)), "init cells": rng.normal(size=(1, 3)),
        "gates": rng.normal(size=(4 + 3 + 1, 12)), "predict": rng.normal(size=(3 + 1, 4)),
    }  # fmt: skip
    inputs = np.eye(4)[rng.integers(0, 4, (7, 2))]
    slopes = grad(lstm.log_likelihood)(params, inputs)
    for name, data in params.items():
        close(slopes[name], complex_step(lambda data, name=name: lstm.log_likelihood(params | {name: data}, inputs), data))


def test_transformer() -> None:
    """Every entry against differences, also in single precision; and it learns a text that repeats itself."""
    rng = np.random.default_rng(18)
    params = transformer.init(rng, letters=3, width=4, blocks=2, time=5)
    text = rng.integers(0, 3, (2, 6))
    slopes = grad(transformer.loss)(params, text)
    every_entry(slopes, transformer.loss, params, text)

    single = {**params, "letters": params["letters"].astype(np.float32), "places": params["places"].astype(np.float32)}
    single["blocks"] = [{name: data.astype(np.float32) for name, data in block.items()} for block in params["blocks"]]
    for slope, exact in zip(nested_leaves(grad(transformer.loss)(single, text)), nested_leaves(slopes), strict=True):
        assert slope.dtype == np.float32
        np.testing.assert_allclose(slope, exact, rtol=1e-3, atol=1e-5)

    text = np.array([[0, 1, 2, 0, 1, 2], [1, 2, 0, 1, 2, 0], [2, 0, 1, 2, 0, 1]])
    for _ in range(150):
        params = variational_autoencoder.descend(params, grad(transformer.loss)(params, text), 0.3)
    assert transformer.loss(params, text) < 0.05


def test_convolutional_network() -> None:
    """Every entry against differences; the convolution against SciPy's."""
    rng = np.random.default_rng(19)
    pictures, labels = rng.normal(size=(4, 2, 6, 6)), np.array([0, 2, 1, 2])
    params = rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3), rng.normal(size=(12, 3)), rng.normal(size=3)
    expected = sum(scipy.signal.correlate(pictures[1, c], params[0][2, c], "valid") for c in range(2))
    np.testing.assert_allclose(convolutional_network.convolve(pictures, params[0])[1, 2], expected)
    slopes = grad(convolutional_network.loss)(params, pictures, labels)
    assert type(slopes) is tuple
    every_entry(slopes, convolutional_network.loss, params, pictures, labels)


def test_hyperparameters_through_the_training() -> None:
    """The gradient of a loss through steps of gradient descent, against complex steps of steps derived by hand."""
    rng = np.random.default_rng(7)
    train, valid = [(rng.normal(size=(n, 4)), rng.normal(size=n)) for n in (12, 9)]
    hyper = {"log_rate": -2.0, "log_penalty": -1.0}

    def by_hand(w: Any, log_penalty: Any, X: np.ndarray, y: np.ndarray) -> Any:
        return 2.0 / len(y) * X.T @ (X @ w - y) + 2.0 * np.exp(log_penalty) * w

    slope = grad(hyperparameters.validation_error)(hyper, grad(hyperparameters.training_loss), train, valid, 25)
    for name in hyper:
        expected = complex_step(
            lambda data, name=name: hyperparameters.validation_error(hyper | {name: data}, by_hand, train, valid, 25), hyper[name]
        )
        close(slope[name], expected)


def test_hessian_of_a_network() -> None:
    """Pairs of named parameters, against differences of complex steps of the same network in plain NumPy."""
    rng = np.random.default_rng(8)
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    before = [parameter.data.copy() for parameter in model.parameters()]
    blocks = hessian(lambda m: ((m(X) - Y) ** 2).mean())(model)
    names = ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert list(blocks) == names
    assert all(list(row) == names for row in blocks.values())
    sizes, splits = [12, 4, 8, 2], [12, 16, 24]

    def plain(theta: Any) -> Any:
        w1, b1, w2, b2 = np.split(theta, splits)
        return (((np.tanh(X @ w1.reshape(4, 3).T + b1) @ w2.reshape(2, 4).T + b2) - Y) ** 2).mean()

    theta = np.concatenate([item.ravel() for item in before])
    whole = np.block(
        [[blocks[a][b].reshape(n, m) for b, m in zip(names, sizes, strict=True)] for a, n in zip(names, sizes, strict=True)]
    )
    close(whole, differences(lambda theta: complex_step(plain, theta), theta), rtol=1e-8, atol=1e-11)
    for parameter, data in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.data, data)
        np.testing.assert_array_equal(parameter.grad, 0.0)


def test_gauss_newton_products() -> None:
    """J^T J v of a network by one product forward and one in reverse, against the Jacobian by complex steps; and its fit."""
    rng = np.random.default_rng(9)
    x = np.linspace(-1.0, 1.0, 15)
    y, theta = np.sin(2.0 * x), rng.normal(size=12)

    def residuals(theta: Any) -> Any:
        w, b, c = theta.reshape(3, -1)
        return np.tanh(x[:, None] * w + b) @ c - y

    def product(v: Any) -> Any:
        _, along = jvp(residuals, (theta,), (v,))
        _, pullback = vjp(residuals, theta)
        return pullback(along)[0]

    J = complex_step(residuals, theta)
    v = rng.normal(size=12)
    out, along = jvp(residuals, (theta,), (v,))
    close(out, residuals(theta))
    close(along, J @ v)
    close(product(v), J.T @ J @ v)
    close(jacobian(residuals)(theta), J)
    fit = scipy.optimize.least_squares(residuals, theta, jacobian(residuals), method="lm", max_nfev=60)
    assert fit.cost < 1e-6


# --- optimisation and geometry --------------------------------------------------------------------


def test_rosenbrock() -> None:
    f = rosenbrock.rosenbrock
    x = np.random.default_rng(10).normal(size=10)
    v = np.random.default_rng(11).normal(size=10)
    for point in (x, np.ones(10)):  # at the minimum all first derivatives are exactly 0
        close(grad(f)(point), scipy.optimize.rosen_der(point))
        close(hessian(f)(point), scipy.optimize.rosen_hess(point))
        close(hvp(f, point, v), scipy.optimize.rosen_hess_prod(point, v))
        close(hessian(lambda x: hvp(f, x, v) @ v)(point), np.diag([*2400.0 * v[:-1] ** 2, 0.0]), rtol=1e-9, atol=1e-8)
    found = scipy.optimize.minimize(f, x, jac=grad(f), hess=hessian(f), method="trust-exact", options={"gtol": 1e-9})
    np.testing.assert_allclose(found.x, 1.0, atol=1e-8)


def test_bundle_adjustment() -> None:
    """The gradient agrees with differences, also without rotation; L-BFGS recovers the scene from the images of three cameras."""
    rng = np.random.default_rng(12)
    truth = Scene(
        np.array([[0.0, 0.0, 0.0], [0.1, -0.4, 0.05], [-0.3, 0.2, 0.1]]),
        np.array([[0.0, 0.0, 4.0], [0.8, 0.1, 4.2], [-0.5, 0.6, 3.9]]),
        rng.uniform(-1.0, 1.0, (20, 3)),
    )
    pictures = bundle_adjustment.project(truth)
    np.testing.assert_allclose(
        bundle_adjustment.rotate(truth.rotations[1], truth.points),
        Rotation.from_rotvec(truth.rotations[1]).apply(truth.points),
    )

    def cost(scene: Scene) -> Any:
        return 0.5 * np.sum((bundle_adjustment.project(scene) - pictures) ** 2)

    guess = Scene(np.zeros((3, 3)), truth.shifts + 0.1 * rng.normal(size=(3, 3)), truth.points + 0.1 * rng.normal(size=(20, 3)))
    slope = grad(cost)(guess)
    assert isinstance(slope, Scene)
    for name in Scene._fields:
        expected = differences(lambda data, name=name: cost(guess._replace(**{name: data})), getattr(guess, name))
        close(getattr(slope, name), expected, rtol=1e-7, atol=1e-9)

    def unpack(x: Any) -> Scene:
        """Return a scene from one vector. The first camera is known and does not move."""
        cameras, points = x[:12].reshape(2, 6), x[12:].reshape(20, 3)
        rotations = np.concatenate([truth.rotations[:1], cameras[:, :3]])
        return Scene(rotations, np.concatenate([truth.shifts[:1], cameras[:, 3:]]), points)

    x = np.concatenate([np.hstack([guess.rotations[1:], guess.shifts[1:]]).ravel(), guess.points.ravel()])
    options = {"maxiter": 2000, "maxfun": 2000, "ftol": 1e-16, "gtol": 1e-9, "maxcor": 30}
    fit = scipy.optimize.minimize(value_and_grad(lambda x: cost(unpack(x))), x, jac=True, method="L-BFGS-B", options=options)
    found = unpack(fit.x)
    # Relative to the first camera, and without the scale, which images do not determine.
    seen, true = (scene.points + truth.shifts[0] for scene in (found, truth))
    np.testing.assert_allclose(seen / np.linalg.norm(seen), true / np.linalg.norm(true), atol=1e-4)
    np.testing.assert_allclose(found.rotations, truth.rotations, atol=1e-3)


def test_newton_with_a_jacobian() -> None:
    """Bratu's problem has a closed form; the error is that of differences in space, of second order."""
    k, n = 1.5, 40
    u, steps = np.zeros(n), 0
    while np.abs(newton.residual(u, k)).max() > 1e-9:
        J = jacobian(newton.residual)(u, k)
        close(J, (np.eye(n, k=1) - 2.0 * np.eye(n) + np.eye(n, k=-1)) * (n + 1) ** 2 + np.diag(k * np.exp(u)))
        u, steps = u - np.linalg.solve(J, newton.residual(u, k)), steps + 1
    assert steps <= 5

    def exact(k: float) -> np.ndarray:
        theta = scipy.optimize.brentq(lambda t: t - math.sqrt(2.0 * k) * math.cosh(t / 4.0), 0.0, 4.0, xtol=1e-14)
        x = np.arange(1, n + 1) / (n + 1)
        return -2.0 * np.log(np.cosh((x - 0.5) * theta / 2.0) / np.cosh(theta / 4.0))

    np.testing.assert_allclose(u, exact(k), atol=2e-4)
    _, along = jvp(newton.residual, (u, k), (np.zeros(n), 1.0))
    np.testing.assert_allclose(
        -np.linalg.solve(jacobian(newton.residual)(u, k), along), (exact(k + 1e-5) - exact(k - 1e-5)) / 2e-5, atol=1e-3
    )


def test_optimal_transport() -> None:
    """The gradient through all iterations is the transport plan of the multiplicative form of the algorithm."""
    rng = np.random.default_rng(13)
    cost = np.abs(np.subtract.outer(rng.uniform(size=5), rng.uniform(size=6)))
    a, b = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(6))
    K, left, right = np.exp(-cost / 0.1), np.ones(5), np.ones(6)
    for _ in range(1000):
        left = a / (K @ right)
        right = b / (K.T @ left)
    plan = left[:, None] * K * right
    slope, along_a = grad(optimal_transport.transport_cost, (0, 1))(cost, a, b, 0.1, 300)
    close(slope, plan, rtol=1e-7, atol=1e-10)
    potential = 0.1 * np.log(left)  # up to a constant, since a must add up to 1
    close(along_a - along_a.mean(), potential - potential.mean(), rtol=1e-6, atol=1e-8)
    value = optimal_transport.transport_cost(cost, a, b, 0.1, 300)
    np.testing.assert_allclose(value, (plan * cost).sum() + 0.1 * (plan * np.log(plan)).sum(), rtol=1e-9)


# --- physics --------------------------------------------------------------------------------------


def test_runge_kutta_on_logistic_growth() -> None:
    ts = np.linspace(0.0, 3.0, 121)

    def last(y: Any, rate: Any, capacity: Any) -> Any:
        return runge_kutta.solve(runge_kutta.growth, y, ts, rate, capacity)[-1]

    y, rate, capacity = 0.3, 1.4, 2.0
    decay, ratio = math.exp(-3.0 * rate), capacity / y - 1.0
    bottom = 1.0 + ratio * decay
    value, (by_y, by_rate, by_capacity) = value_and_grad(last, (0, 1, 2))(y, rate, capacity)
    close(value, capacity / bottom, rtol=1e-8)
    close(by_y, (capacity / y / bottom) ** 2 * decay, rtol=1e-7)
    close(by_rate, 3.0 * capacity * ratio * decay / bottom**2, rtol=1e-7)
    close(by_capacity, 1.0 / bottom - capacity * decay / y / bottom**2, rtol=1e-7)
    close(hessian(last)(y, rate, capacity), 2.0 * (capacity / y) ** 2 / y * decay * (decay - 1.0) / bottom**3, rtol=1e-6)


def test_runge_kutta_on_lotka_volterra() -> None:
    """The sensitivities against complex steps, and against the variational equations, which SciPy integrates; and a fit."""
    ts, y, params = np.linspace(0.0, 4.0, 41), np.array([1.0, 0.5]), np.array([1.1, 0.8, 0.9, 0.6])

    def curve(params: Any) -> Any:
        return runge_kutta.solve(runge_kutta.lotka_volterra, y, ts, params)

    def variational(t: float, state: np.ndarray) -> np.ndarray:
        (u, v), S, (a, b, c, d) = state[:2], state[2:].reshape(2, 4), params
        by_state = np.array([[a - b * v, -b * u], [d * v, d * u - c]])
        by_params = np.array([[u, -u * v, 0.0, 0.0], [0.0, 0.0, -v, u * v]])
        return np.concatenate([[a * u - b * u * v, d * u * v - c * v], (by_state @ S + by_params).ravel()])

    last = jacobian(lambda params: curve(params)[-1])(params)
    close(last, complex_step(lambda params: curve(params)[-1], params))
    exact = scipy.integrate.solve_ivp(variational, (0.0, 4.0), [*y, *np.zeros(8)], method="DOP853", rtol=1e-11, atol=1e-12).y[
        2:, -1
    ]
    np.testing.assert_allclose(last, exact.reshape(2, 4), atol=5e-5)

    data, few = curve(params), np.arange(0, 41, 8)
    fit = scipy.optimize.least_squares(
        lambda p: (curve(p)[few] - data[few]).ravel(),
        np.ones(4),
        jacobian(lambda p: (curve(p)[few] - data[few]).ravel()),
        xtol=1e-12,
    )
    np.testing.assert_allclose(fit.x, params, rtol=1e-6)


def test_double_pendulum() -> None:
    """The equations of Euler and Lagrange by differentiation, against their closed form; the motion keeps its energy."""
    lagrangian = double_pendulum.lagrangian

    def acceleration(q: Any, v: Any) -> Any:
        force = grad(lagrangian, 0)(q, v) - jacobian(grad(lagrangian, 1), 0)(q, v) @ v
        return np.linalg.solve(hessian(lagrangian, 1)(q, v), force)

    def closed_form(q: np.ndarray, v: np.ndarray) -> np.ndarray:
        (m1, m2), (l1, l2), g = double_pendulum.MASSES, double_pendulum.LENGTHS, double_pendulum.GRAVITY
        gap = q[0] - q[1]
        bottom = 2.0 * m1 + m2 - m2 * np.cos(2.0 * gap)
        first = -g * (2.0 * m1 + m2) * np.sin(q[0]) - m2 * g * np.sin(q[0] - 2.0 * q[1])
        first -= 2.0 * np.sin(gap) * m2 * (v[1] ** 2 * l2 + v[0] ** 2 * l1 * np.cos(gap))
        second = v[0] ** 2 * l1 * (m1 + m2) + g * (m1 + m2) * np.cos(q[0]) + v[1] ** 2 * l2 * m2 * np.cos(gap)
        return np.array([first / l1, 2.0 * np.sin(gap) * second / l2]) / bottom

    rng = np.random.default_rng(14)
    for _ in range(5):
        q, v = rng.normal(size=(2, 2)) * 2.0
        close(acceleration(q, v), closed_form(q, v))

    state = np.array([[1.0, -0.5], [0.0, 0.8]])
    before = sum(double_pendulum.energies(*state))
    for _ in range(25):
        state = runge_kutta.rk4_step(lambda s, t: np.stack([s[1], acceleration(*s)]), state, 0.0, 0.01)
    np.testing.assert_allclose(sum(double_pendulum.energies(*state)), before, rtol=1e-6)
    linear = jacobian(acceleration)(np.zeros(2), np.zeros(2))  # small oscillations; a derivative of third order
    close(linear, differences(lambda q: closed_form(q, np.zeros(2)), np.zeros(2)), rtol=1e-8, atol=1e-9)


def test_heat_with_checkpoints_over_time() -> None:
    """Gradients of the start agree with a closed-form adjoint, of conductivities with complex steps; every step runs twice."""
    rng = np.random.default_rng(15)
    u, conductivity, target = rng.normal(size=12), rng.uniform(0.1, 0.4, 12), rng.normal(size=12)
    calls = []

    def stage(u: Any, conductivity: Any) -> Any:
        for _ in range(10):
            calls.append(u)
            u = heat.step(u, conductivity)
        return u

    def misfit(u: Any, conductivity: Any, stage: Callable[..., Any]) -> Any:
        for _ in range(8):
            u = stage(u, conductivity)
        return 0.5 * np.sum((u - target) ** 2)

    by_start, by_conductivity = grad(misfit, (0, 1))(u, conductivity, checkpoint(stage))
    assert len(calls) == 160
    propagator = np.linalg.matrix_power(np.column_stack([heat.step(unit, conductivity) for unit in np.eye(12)]), 80)
    close(by_start, propagator.T @ (propagator @ u - target))
    close(by_conductivity, complex_step(lambda c: misfit(u, c, stage), conductivity))
    v = rng.normal(size=12)
    product = hvp(lambda c: misfit(u, c, checkpoint(stage)), conductivity, v)
    close(
        product,
        differences(lambda h: complex_step(lambda c: misfit(u, c, stage), conductivity + h * v), 0.0, 1e-4),
        rtol=1e-7,
        atol=1e-9,
    )


def test_fluid_simulation() -> None:
    """Initial velocities that carry smoke to a target: the gradient agrees with differences, and descent reduces the loss."""
    rng = np.random.default_rng(16)
    smoke, target = rng.uniform(size=(2, 6, 6))
    velocity = 0.4 * rng.normal(size=(2, 6, 6))

    def misfit(velocity: Any) -> Any:
        return np.mean((fluid.simulate(velocity[0], velocity[1], smoke, 3) - target) ** 2)

    value, slope = value_and_grad(misfit)(velocity)
    close(slope, differences(misfit, velocity, 1e-5), rtol=1e-6, atol=1e-9)
    flat = value_and_grad(lambda x: misfit(x.reshape(2, 6, 6)))
    fit = scipy.optimize.minimize(flat, velocity.ravel(), jac=True, method="CG", options={"maxiter": 15})
    assert fit.fun < 0.5 * value
    assert abs(misfit(fit.x.reshape(2, 6, 6)) - fit.fun) < 1e-12


def test_natural_frequencies() -> None:
    """Equal masses on equal springs: frequencies and modes are sines, and first-order perturbation theory gives the slopes."""
    n = 6
    places = np.arange(n + 2)
    frequencies = 2.0 * np.sin(np.arange(1, n + 1) * np.pi / (2 * (n + 1)))
    modes = np.sqrt(2.0 / (n + 1)) * np.sin(np.outer(np.arange(1, n + 1), places) * np.pi / (n + 1))  # walls included
    close(oscillators.frequencies(np.ones(n + 1), np.ones(n)), frequencies)
    by_spring, by_mass = jacobian(oscillators.frequencies, (0, 1))(np.ones(n + 1), np.ones(n))
    close(by_spring, np.diff(modes) ** 2 / (2.0 * frequencies[:, None]))
    close(by_mass, -0.5 * frequencies[:, None] * modes[:, 1:-1] ** 2)


# --- single functions -----------------------------------------------------------------------------


def test_implicit_functions() -> None:
    """Loops that stop when they have converged, against the implicit function theorem."""
    M, e = np.linspace(0.1, 6.0, 7), 0.6
    E = fixed_point.eccentric_anomaly(M, e)
    np.testing.assert_allclose(E - e * np.sin(E), M)
    first = elementwise_grad(fixed_point.eccentric_anomaly)
    close(first(M, e), 1.0 / (1.0 - e * np.cos(E)))
    close(elementwise_grad(first)(M, e), -e * np.sin(E) / (1.0 - e * np.cos(E)) ** 3)
    close(jacobian(fixed_point.eccentric_anomaly, "e")(M, e), np.sin(E) / (1.0 - e * np.cos(E)))

    rng = np.random.default_rng(17)
    W, b, c = 0.3 * rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    z = fixed_point.rest(W, b)
    slope = 1.0 - z**2
    adjoint = slope * np.linalg.solve((np.eye(4) - slope[:, None] * W).T, c)
    by_W, by_b = grad(lambda W, b: c @ fixed_point.rest(W, b), (0, 1))(W, b)
    close(by_b, adjoint)
    close(by_W, np.outer(adjoint, z))

    def attached(b: Any) -> Any:
        """Return c times the solution; its derivative is that of one Newton step from the solution without a graph."""
        z = stop_gradient(fixed_point.rest(W, b))
        J = stop_gradient(np.eye(4) - jacobian(lambda z: np.tanh(W @ z + b))(z))
        return c @ (z - np.linalg.solve(J, z - np.tanh(W @ z + b)))

    close(grad(attached)(b), adjoint)


def test_black_scholes() -> None:
    """The Greeks in closed form, prices for many strikes at once, and the volatility that a price implies."""
    spot, strike, rate, volatility, years = 100.0, np.array([80.0, 100.0, 125.0]), 0.03, 0.25, 0.75
    root = math.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / (volatility * root)
    d2, normal = d1 - volatility * root, scipy.stats.norm
    price = black_scholes.call(spot, strike, rate, volatility, years)
    np.testing.assert_allclose(price, spot * normal.cdf(d1) - strike * math.exp(-rate * years) * normal.cdf(d2))

    delta, vega, theta = jacobian(black_scholes.call, (0, 3, 4))(spot, strike, rate, volatility, years)
    close(delta, normal.cdf(d1))
    close(vega, spot * normal.pdf(d1) * root)
    rho = rate * strike * math.exp(-rate * years) * normal.cdf(d2)
    close(theta, spot * normal.pdf(d1) * volatility / (2.0 * root) + rho)
    close(
        elementwise_grad(black_scholes.call, 1)(spot, strike, rate, volatility, years), -math.exp(-rate * years) * normal.cdf(d2)
    )
    for i, k in enumerate(strike.tolist()):
        gamma = hessian(black_scholes.call)(spot, k, rate, volatility, years)
        close(gamma, normal.pdf(d1[i]) / (spot * volatility * root))
        vanna = grad(grad(black_scholes.call, 0), 3)(spot, k, rate, volatility, years)
        close(vanna, -normal.pdf(d1[i]) * d2[i] / volatility)

    implied = np.full(3, 0.4)
    for _ in range(8):
        value, pullback = vjp(lambda v: black_scholes.call(spot, strike, rate, v, years), implied)
        implied = implied - (value - price) / pullback(np.ones(3))[0]
    close(implied, np.full(3, volatility))


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_derivatives_of_derivatives(order: int) -> None:
    """tanh by exponentials, whose derivatives are polynomials of itself."""

    def tanh(x: Any) -> Any:
        y = np.exp(-2.0 * x)
        return (1.0 - y) / (1.0 + y)

    f, polynomial = tanh, np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(order):
        f, polynomial = elementwise_grad(f), polynomial.deriv() * np.polynomial.Polynomial([1.0, 0.0, -1.0])
    x = np.linspace(-2.0, 2.0, 9)
    close(f(x), polynomial(np.tanh(x)), rtol=1e-9, atol=1e-10)
    assert not isinstance(f(0.5), Value)

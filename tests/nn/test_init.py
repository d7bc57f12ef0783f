"""Initialisers: bounds, moments and distributions, orthogonality, and a whole model at once."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.stats

import nn
from nn import init

ALL = [
    init.zeros, init.ones, partial(init.constant, value=0.5), init.uniform, init.normal, init.truncated_normal,
    init.glorot_uniform, init.glorot_normal, init.he_uniform, init.he_normal, init.lecun_uniform, init.lecun_normal,
    init.orthogonal, init.identity,
]  # fmt: skip

SHAPE = (80, 60, 5)  # fan_in 300, fan_out 400


def follows(numbers: np.ndarray, distribution: Any) -> bool:
    """Return whether the Kolmogorov-Smirnov test accepts a distribution; it errs for one seed in a thousand."""
    return bool(scipy.stats.kstest(numbers.ravel(), distribution.cdf).pvalue > 1e-3)


def uniform_of(std: float) -> Any:
    return scipy.stats.uniform(-math.sqrt(3.0) * std, 2.0 * math.sqrt(3.0) * std)


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [
        (init.uniform, scipy.stats.uniform()),
        (partial(init.uniform, low=-2.0, high=3.0), scipy.stats.uniform(-2.0, 5.0)),
        (init.normal, scipy.stats.norm()),
        (partial(init.normal, mean=1.0, std=0.02), scipy.stats.norm(1.0, 0.02)),
        (init.truncated_normal, scipy.stats.truncnorm(-2.0, 2.0)),
        (partial(init.truncated_normal, mean=1.0, std=0.5, low=0.5, high=2.5), scipy.stats.truncnorm(-1.0, 3.0, 1.0, 0.5)),
        (init.glorot_uniform, uniform_of(math.sqrt(2.0 / 700.0))),
        (partial(init.glorot_uniform, gain=3.0), uniform_of(3.0 * math.sqrt(2.0 / 700.0))),
        (init.glorot_normal, scipy.stats.norm(0.0, math.sqrt(2.0 / 700.0))),
        (init.he_uniform, uniform_of(math.sqrt(2.0 / 300.0))),
        (init.he_normal, scipy.stats.norm(0.0, math.sqrt(2.0 / 300.0))),
        (partial(init.he_normal, fan="fan_out", gain=init.gain("tanh")), scipy.stats.norm(0.0, 5.0 / 3.0 / 20.0)),
        (init.lecun_uniform, uniform_of(math.sqrt(1.0 / 300.0))),
        (init.lecun_normal, scipy.stats.norm(0.0, math.sqrt(1.0 / 300.0))),
    ],
)
def test_distributions(draw: Any, distribution: Any) -> None:
    numbers = draw(SHAPE, rng=0)
    assert numbers.shape == SHAPE
    assert follows(numbers, distribution)
    low, high = distribution.support()
    assert numbers.min() >= low * (1.0 + 1e-15) and numbers.max() <= high * (1.0 + 1e-15)
    assert not follows(1.1 * numbers, distribution)  # the test can fail


@pytest.mark.parametrize("draw", ALL)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dtype_seed_and_generator(draw: Any, dtype: Any) -> None:
    first = draw((4, 3, 2), 7, dtype)
    assert first.dtype == dtype and first.shape == (4, 3, 2)
    np.testing.assert_array_equal(draw((4, 3, 2), np.random.default_rng(7), dtype), first)


def test_constant_initialisers() -> None:
    np.testing.assert_array_equal(init.zeros((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(init.ones(3), np.ones(3))
    np.testing.assert_array_equal(init.constant((2,), value=-1.5), [-1.5, -1.5])


def test_a_parameter_instead_of_its_shape() -> None:
    for parameter in (nn.Linear(2, 2).weight, np.ones((2, 2))):
        with pytest.raises(TypeError, match=r"take a shape and return an array.*weight.data = he_normal\(weight.shape\)"):
            init.he_normal(parameter)  # type: ignore[arg-type]


def test_truncated_normal_refuses_bounds_far_from_the_mean_and_no_deviation() -> None:
    with pytest.raises(ValueError, match="positive std, got 0.0"):
        init.truncated_normal(3, std=0.0)
    with pytest.raises(ValueError, match=r"from 5 to 6 would keep 2.9e-07 of a normal .* move the bounds, or use uniform\(\)"):
        init.truncated_normal(3, low=5.0, high=6.0)
    with pytest.raises(ValueError, match="would keep"):
        init.truncated_normal(3, low=1.0, high=-1.0)
    numbers = init.truncated_normal(100_000, 0, np.float32, low=-0.1, high=0.1)
    assert numbers.min() >= np.float32(-0.1) and numbers.max() <= np.float32(0.1)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (4, 3, 2, 2), (20, 2, 3), (1, 5), (5, 1)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    q = init.orthogonal(shape, rng=0, gain=2.0).reshape(shape[0], -1)
    square = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(square, 4.0 * np.eye(len(square)), atol=1e-13)


def test_orthogonal_is_uniform_among_rotations() -> None:
    """The first column is uniform on the sphere: in three dimensions each of its elements is uniform in (-1, 1)."""
    rng = np.random.default_rng(0)
    elements = np.array([init.orthogonal((3, 3), rng)[:, 0] for _ in range(2000)])
    for column in elements.T:
        assert follows(column, scipy.stats.uniform(-1.0, 2.0))


def test_identity_passes_inputs_on() -> None:
    x = np.random.default_rng(0).normal(size=3)
    np.testing.assert_array_equal(init.identity((3, 3)) @ x, x)
    np.testing.assert_array_equal(init.identity((5, 3), gain=2.0) @ x, [*(2.0 * x), 0.0, 0.0])
    kernel = init.identity((2, 3, 3, 5))
    assert kernel[0, 0, 1, 2] == kernel[1, 1, 1, 2] == 1.0 and kernel.sum() == 2.0


def test_fans_and_gains() -> None:
    assert init.fans((10, 784)) == (784, 10)
    assert init.fans((16, 8, 3, 3)) == (72, 144)
    for shape in ((3,), 3, ()):
        with pytest.raises(
            ValueError, match=r"a weight \(out, in, \*kernel\) must have two axes or more, got the shape .* use zeros\(\)"
        ):
            init.he_normal(shape)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the fan must be 'fan_in', 'fan_out' or 'average', got 'in'"):
        init.he_normal((2, 3), fan="in")
    assert init.gain("relu") == math.sqrt(2.0)
    assert init.gain("leaky_relu", 1.0) == 1.0
    assert (init.gain("sigmoid"), init.gain("selu")) == (1.0, 0.75)
    with pytest.raises(ValueError, match=r"gain\(\) knows linear, .* and leaky_relu, got 'gelu': pass a number as gain="):
        init.gain("gelu")
    assert init.kaiming_normal is init.he_normal and init.xavier_uniform is init.glorot_uniform


def test_he_normal_keeps_the_deviation_through_many_relu_layers() -> None:
    rng = np.random.default_rng(0)
    model = nn.Sequential(*(layer for _ in range(20) for layer in (nn.Linear(256, 256, rng=rng), nn.ReLU())))
    x = rng.normal(size=(100, 256))
    small = np.mean(model(x).data ** 2)
    init.initialise(model, rng=rng)
    assert 0.3 < np.mean(model(x).data ** 2) < 3.0
    assert small < 1e-3


def test_a_whole_model_at_once() -> None:
    model = nn.Sequential(
        nn.Embedding(5, 4, rng=0), nn.TransformerBlock(4, 2, rng=0), nn.Linear(4, 3, rng=0), nn.Linear(3, 2, rng=0)
    )
    model[3].freeze()
    before = {name: p.data for name, p in model.named_parameters()}
    assert init.initialise(model, weights=init.ones, biases=partial(init.constant, value=0.5)) is model
    for name, parameter in model.named_parameters():
        last = name.rpartition(".")[2]
        if name.startswith(("0.", "3.")) or (parameter.ndim == 1 and "bias" not in last):
            assert parameter.data is before[name], name
        else:
            np.testing.assert_array_equal(parameter.data, 1.0 if parameter.ndim > 1 else 0.5)
    assert model[1].self_attn.in_proj_bias.data[0] == 0.5
    bias = model[2].bias.data
    init.initialise(model, init.he_normal, None, rng=1)
    assert model[2].bias.data is bias
    weight = model[2].weight.data
    init.initialise(model, init.he_normal, None, rng=1)
    np.testing.assert_array_equal(model[2].weight.data, weight)


def test_scales_and_tables_of_any_shape_stay() -> None:
    model = nn.Sequential(nn.Linear(4, 4, rng=0), nn.LayerNorm((3, 4)), nn.RMSNorm((3, 4)), nn.GroupNorm(1, 3))
    init.initialise(model, init.he_normal, partial(init.constant, value=0.5), rng=0)
    for norm in model[1:]:
        np.testing.assert_array_equal(norm.weight.data, 1.0)
    np.testing.assert_array_equal(model[1].bias.data, 0.5)


def test_a_float32_model_stays_one() -> None:
    model = init.initialise(nn.Linear(3, 2, dtype=np.float32))
    assert model.weight.dtype == model.bias.dtype == np.float32  # type: ignore[union-attr]


def test_a_model_without_weights_is_an_error() -> None:
    text = (
        r"initialise\(\) found no weight of two axes or more in {} that is not frozen: set .data of its parameters, or unfreeze"
    )
    with pytest.raises(ValueError, match=text.format("MLP")):
        init.initialise(nn.MLP(2, [2, 1]))
    with pytest.raises(ValueError, match=text.format("Linear")):
        init.initialise(nn.Linear(2, 2).freeze())

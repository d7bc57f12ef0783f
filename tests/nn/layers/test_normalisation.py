"""Normalisation layers: closed forms, gradients through the statistics, running statistics, errors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, draw, no_grad
from autograd.ops import centre, rms_normalise
from autograd.verify import Verdict, check_gradients, check_model
from tests.nn.layers.layer_checks import r, smooth, verified


def random_affine(layer: Any) -> Any:
    for parameter in layer.parameters():
        parameter.data = r(*parameter.shape) + 0.5
    return layer


def standard(x: Any, axes: Any, eps: float = 1e-5) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


LAYERS: dict[str, tuple[Any, Any]] = {
    "BatchNorm1d": (lambda **how: nn.BatchNorm1d(3, **how), r(4, 3)),
    "BatchNorm1d time": (lambda **how: nn.BatchNorm1d(3, **how), r(2, 3, 3)),
    "BatchNorm2d": (lambda **how: nn.BatchNorm2d(2, **how), r(2, 2, 2, 3)),
    "batch statistics": (lambda **how: nn.BatchNorm1d(3, track_running_stats=False, **how), r(4, 3)),
    "LayerNorm": (lambda **how: nn.LayerNorm(4, **how), r(3, 4)),
    "LayerNorm two axes": (lambda **how: nn.LayerNorm((2, 3), **how), r(2, 2, 3)),
    "RMSNorm": (lambda **how: nn.RMSNorm(4, **how), r(3, 4)),
    "GroupNorm": (lambda **how: nn.GroupNorm(2, 4, **how), r(2, 4, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_first_and_second_derivatives(name: str) -> None:
    """Check gradients through batch statistics in training mode, and with running statistics in eval mode."""
    make, x = LAYERS[name]
    layer = random_affine(make())
    layer(x)  # moves the running statistics
    verified(layer, x)


def test_without_scale_and_shift() -> None:
    for layer, x in [
        (nn.BatchNorm1d(3, affine=False), r(4, 3)), (nn.LayerNorm(4, elementwise_affine=False), r(3, 4)),
        (nn.RMSNorm(4, elementwise_affine=False), r(3, 4)), (nn.GroupNorm(2, 4, affine=False), r(2, 4, 3)),
    ]:  # fmt: skip
        assert not layer.parameters()
        assert type(layer(x)) is np.ndarray  # nothing to differentiate
        assert check_gradients(lambda x, layer=layer: smooth(layer(x)), x, order=2).verdict is Verdict.PASS
    assert [name for name, _ in nn.LayerNorm(4, bias=False).named_parameters()] == ["weight"]


def test_outputs_are_their_formulas() -> None:
    x = r(4, 6, 5)
    np.testing.assert_allclose(nn.BatchNorm1d(6)(x).data, standard(x, (0, 2)))
    np.testing.assert_allclose(nn.BatchNorm1d(6)(x[..., 0]).data, standard(x[..., 0], 0))
    np.testing.assert_allclose(nn.BatchNorm2d(6)(x[..., None]).data[..., 0], standard(x, (0, 2)))
    np.testing.assert_allclose(nn.LayerNorm(5)(x).data, standard(x, -1))
    np.testing.assert_allclose(nn.LayerNorm((6, 5), eps=0.1)(x).data, standard(x, (1, 2), 0.1))
    np.testing.assert_allclose(nn.RMSNorm(5)(x).data, x / np.sqrt(np.mean(x * x, -1, keepdims=True)), rtol=1e-12)
    np.testing.assert_allclose(nn.GroupNorm(2, 6)(x).data.reshape(4, 2, 15), standard(x.reshape(4, 2, 15), -1))
    np.testing.assert_allclose(nn.GroupNorm(6, 6)(x).data, standard(x, -1))
    layer = random_affine(nn.BatchNorm1d(6))
    expected = standard(x, (0, 2)) * layer.weight.data[:, None] + layer.bias.data[:, None]
    np.testing.assert_allclose(layer(x).data, expected)


# --- running statistics -------------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
def test_running_statistics(momentum: float | None) -> None:
    layer, batches = nn.BatchNorm1d(3, momentum=momentum), [r(4, 3), 2.0 * r(5, 3) + 1.0, r(7, 3)]
    mean, var = np.zeros(3), np.ones(3)
    for number, batch in enumerate(batches, 1):
        layer(batch if number % 2 else Value(batch))
        part = 1.0 / number if momentum is None else momentum
        mean = (1.0 - part) * mean + part * batch.mean(0)
        var = (1.0 - part) * var + part * batch.var(0, ddof=1)
        np.testing.assert_allclose(layer.running_mean, mean)
        np.testing.assert_allclose(layer.running_var, var)
        assert layer.num_batches_tracked == number
    layer.eval()
    x = r(2, 3)
    np.testing.assert_allclose(layer(x).data, (x - mean) / np.sqrt(var + 1e-5))
    assert layer(x[:1]).shape == (1, 3)  # one sample is enough
    np.testing.assert_array_equal(layer.running_mean, mean)
    assert layer.num_batches_tracked == 3
    if momentum is None:
        np.testing.assert_allclose(layer.running_mean, np.mean([batch.mean(0) for batch in batches], 0))


def test_running_statistics_are_buffers() -> None:
    layer = nn.BatchNorm2d(3, dtype=np.float32)
    layer(r(2, 3, 2, 2).astype(np.float32))
    buffers = dict(layer.named_buffers())
    assert list(buffers) == ["running_mean", "running_var", "num_batches_tracked"]
    assert [item.dtype for item in buffers.values()] == [np.float32, np.float32, np.array(0).dtype]
    assert type(layer.num_batches_tracked) is np.ndarray and layer.num_batches_tracked.shape == ()
    other = nn.BatchNorm2d(3, dtype=np.float32)
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(other.running_mean, layer.running_mean)
    assert other.num_batches_tracked == 1
    assert not dict(nn.BatchNorm1d(3, track_running_stats=False).named_buffers())


def test_statistics_move_under_no_grad_and_when_frozen_but_not_in_eval_mode() -> None:
    layer = nn.BatchNorm1d(3).freeze()
    with no_grad():
        layer(Value(r(4, 3)))
    assert layer.num_batches_tracked == 1
    layer.eval()(r(4, 3))
    assert layer.num_batches_tracked == 1


def test_a_graph_keeps_the_statistics_it_was_recorded_with() -> None:
    layer, x = nn.BatchNorm1d(3).eval(), Value(r(4, 3))
    out = layer(x)
    layer.train()(100.0 * r(4, 3))
    out.sum().backward()
    np.testing.assert_allclose(x.grad, np.full((4, 3), (1.0 + 1e-5) ** -0.5))


def test_without_running_statistics_those_of_the_batch_serve_in_eval_mode() -> None:
    layer, x = nn.BatchNorm1d(3, track_running_stats=False).eval(), r(4, 3)
    np.testing.assert_allclose(layer(x).data, standard(x, 0))


# --- numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        (nn.BatchNorm1d(3, dtype=np.float32), (20_000, 3), 0),
        (nn.BatchNorm2d(3, dtype=np.float32), (30, 3, 20, 20), (0, 2, 3)),
        (nn.LayerNorm(20_000, dtype=np.float32), (3, 20_000), -1),
        (nn.GroupNorm(1, 20_000, dtype=np.float32), (3, 20_000), -1),
    ],
)
def test_large_means_in_float32(layer: Any, shape: Any, axes: Any) -> None:
    """Mean 1e4 and deviation 1: as accurate as the formula in float64 on the same numbers."""
    x = (1e4 + np.random.default_rng(0).normal(size=shape)).astype(np.float32)
    value = Value(x)
    out = layer(value)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.data, standard(x.astype(float), axes), rtol=2e-4, atol=2e-4 * 5)
    seed = np.random.default_rng(1).normal(size=shape)
    out.backward(seed)
    exact = Value(x.astype(float))
    rms_normalise(centre(exact, axes), axes, 1e-5).backward(seed)
    np.testing.assert_allclose(value.grad, exact.grad, rtol=1e-3, atol=2e-3)
    if isinstance(layer, nn.BatchNorm1d):
        np.testing.assert_allclose(layer.running_mean, 0.1 * x.astype(float).mean(0), rtol=1e-6)
        np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * x.astype(float).var(0, ddof=1), rtol=1e-5)


def test_a_constant_input_gives_zeros_and_finite_gradients() -> None:
    for layer, shape in (
        (nn.BatchNorm1d(3), (4, 3)),
        (nn.LayerNorm(3), (4, 3)),
        (nn.RMSNorm(3), (4, 3)),
        (nn.GroupNorm(1, 3), (4, 3)),
    ):
        x = Value(np.zeros(shape))
        out = layer(x)
        np.testing.assert_array_equal(out.data, 0.0)
        out.backward(r(*shape))
        assert np.isfinite(x.grad).all()


def test_integers_become_floats() -> None:
    x = np.array([[1, 2, 6], [3, 3, 0]])
    np.testing.assert_allclose(nn.LayerNorm(3)(x).data, standard(x, -1))
    np.testing.assert_allclose(nn.RMSNorm(3)(x).data, nn.RMSNorm(3)(x.astype(float)).data)
    np.testing.assert_allclose(nn.BatchNorm1d(3).eval()(x).data, nn.BatchNorm1d(3).eval()(x.astype(float)).data)
    np.testing.assert_allclose(centre([1, 2, 6]), [-2.0, -1.0, 3.0])


@pytest.mark.parametrize("name", LAYERS)
def test_float32_stays(name: str) -> None:
    make, data = LAYERS[name]
    layer, x = make(dtype=np.float32), Value(data.astype(np.float32))
    for mode in (True, False):
        out = layer.train(mode)(x)
        assert out.dtype == np.float32
        out.sum().backward()
        assert x.grad.dtype == np.float32
        assert all(p.grad.dtype == np.float32 for p in layer.parameters())
        assert all(item.dtype in (np.float32, np.array(0).dtype) for _, item in layer.named_buffers())


@pytest.mark.parametrize("name", LAYERS)
def test_frozen_layers_have_no_gradient(name: str) -> None:
    make, data = LAYERS[name]
    layer, x = make().freeze(), Value(data)
    smooth(layer(x)).backward()
    assert not any(p.grad.any() for p in layer.parameters())
    assert x.grad.any()


# --- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (nn.BatchNorm1d(3), (4, 2), "BatchNorm1d(3) takes (N, 3) or (N, 3, L), got the shape (4, 2)"),
        (nn.BatchNorm1d(3), (4, 3, 2, 2), "got the shape (4, 3, 2, 2)"),
        (nn.BatchNorm2d(3), (4, 3), "BatchNorm2d(3) takes (N, 3, H, W), got the shape (4, 3)"),
        (nn.BatchNorm1d(3), (3,), "got the shape (3,)"),
        (
            nn.BatchNorm1d(3),
            (1, 3),
            "BatchNorm1d takes its variance from more than one value per channel, got the shape (1, 3)",
        ),
        (nn.BatchNorm2d(3), (1, 3, 1, 1), "use a larger batch, or call eval() on a layer with running statistics"),
        (nn.BatchNorm1d(3), (0, 3), "more than one value per channel"),
        (nn.BatchNorm1d(3, track_running_stats=False).eval(), (1, 3), "more than one value per channel"),
        (nn.LayerNorm(3), (4, 2), "LayerNorm(3) takes (..., 3), got the shape (4, 2)"),
        (nn.LayerNorm((2, 3)), (3,), "LayerNorm((2, 3)) takes (..., 2, 3), got the shape (3,)"),
        (nn.RMSNorm(3), (), "RMSNorm(3) takes (..., 3), got the shape ()"),
        (nn.GroupNorm(2, 4), (3, 6), "GroupNorm(2, 4) takes (N, 4, ...), got the shape (3, 6)"),
    ],
)
def test_inputs_of_other_shapes(layer: Any, shape: Any, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        layer(np.ones(shape))
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.num_batches_tracked is not None:
        assert layer.num_batches_tracked == 0  # nothing was counted


def test_half_precision_does_not_overflow() -> None:
    x = np.array([[300.0, -300.0, 600.0, 1000.0]])
    for layer in (nn.LayerNorm, nn.RMSNorm):
        wide, half = Value(x), Value(x.astype(np.float16))
        out = layer(4, dtype=np.float16)(half)
        assert out.dtype == np.float16
        np.testing.assert_allclose(out.data, layer(4)(wide).data, rtol=2e-3)
        (out * x.astype(np.float16)).sum().backward()
        (layer(4)(wide) * x).sum().backward()
        np.testing.assert_allclose(half.grad, wide.grad, rtol=1e-2, atol=2e-3)


def test_a_length_may_be_an_integer_of_numpy() -> None:
    assert nn.LayerNorm(np.int64(3)).normalized_shape == (3,)  # type: ignore[arg-type]


def test_invalid_settings() -> None:
    for groups, channels in ((4, 6), (0, 6)):
        with pytest.raises(ValueError, match=f"equal groups, got {channels} channels and {groups} groups"):
            nn.GroupNorm(groups, channels)
    with pytest.raises(ValueError, match=r"LayerNorm normalises one axis or more, got normalized_shape=\(\)"):
        nn.LayerNorm(())
    with pytest.raises(ValueError, match="axis 2 is out of bounds"):
        rms_normalise(np.ones((2, 3)), 2)
    with pytest.raises(ValueError, match="axis -3 is out of bounds"):
        centre(Value(np.ones((2, 3))), -3)


def test_the_repr_has_the_options_that_are_not_the_default() -> None:
    assert nn.BatchNorm1d(3).extra_repr() == "3"
    changed = nn.BatchNorm2d(3, 0.1, None, False, False)
    assert changed.extra_repr() == "3, eps=0.1, momentum=None, affine=False, track_running_stats=False"
    assert nn.LayerNorm((2, 3), elementwise_affine=False).extra_repr() == "(2, 3), elementwise_affine=False"
    assert nn.LayerNorm(3, 0.1, bias=False).extra_repr() == "3, eps=0.1, bias=False"
    assert (nn.RMSNorm(3).extra_repr(), nn.RMSNorm(3, 1e-5).extra_repr()) == ("3", "3, eps=1e-05")
    assert nn.GroupNorm(2, 4, affine=False).extra_repr() == "2, 4, affine=False"
    assert nn.GroupNorm(2, 4, 0.1).extra_repr() == "2, 4, eps=0.1"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.BatchNorm1d(3, eps=-1.0), "the eps of BatchNorm1d must not be negative, got -1.0"),
        (lambda: nn.LayerNorm(3, eps=math.nan), "the eps of LayerNorm must not be negative, got nan"),
        (lambda: nn.RMSNorm(3, eps=-1e-5), "the eps of RMSNorm must not be negative"),
        (lambda: nn.GroupNorm(1, 3, eps=-1e-5), "the eps of GroupNorm must not be negative"),
        (lambda: nn.BatchNorm2d(3, momentum=1.5), "the momentum of BatchNorm2d must be from 0 to 1, or None, got 1.5"),
    ],
)
def test_settings_out_of_range(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_drawing_and_verifying_leave_the_statistics() -> None:
    """Drawing and verifying call the model, but change neither running statistics nor random generators."""
    x = np.random.default_rng(0).normal(size=(6, 3))
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5, rng=0), nn.Linear(3, 2, rng=0))
    before, state = model.state_dict(), model[1].rng.bit_generator.state
    draw(model, x)
    model[1].eval()
    assert check_model(model, nn.cross_entropy, x, [0, 1] * 3).ok
    assert all((array == before[name]).all() for name, array in model.state_dict().items())
    assert model[1].rng.bit_generator.state == state and [module.training for module in model.modules()][2] is False

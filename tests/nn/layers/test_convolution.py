"""Convolution and pooling: layers, gradients of orders 1 and 2, ties and nan, memory order, and errors."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, draw, gradient, relu
from autograd.ops import adaptive_avg_pool, avg_pool, conv, conv_transpose, convolution, max_pool
from autograd.verify import check_gradients, check_model
from tests.sweeps import slow

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((2, 2, 5, 4))
ROWS = RNG.standard_normal((2, 2, 6))


# --- layers ---------------------------------------------------------------------------------------

LAYERS: list[tuple[Callable[[], nn.Module], Any]] = [
    (lambda: nn.Conv1d(2, 3, 2, rng=0), ROWS),
    (lambda: nn.Conv1d(2, 2, 3, stride=2, padding=1, groups=2, rng=0), ROWS),
    (lambda: nn.Conv1d(2, 1, 3, padding="same", padding_mode="circular", rng=0), ROWS),
    (lambda: nn.Conv2d(2, 2, (3, 2), bias=False, rng=0), IMAGES),
    (lambda: nn.Conv2d(2, 2, 2, padding=(1, 0), dilation=2, rng=0), IMAGES),
    (lambda: nn.Conv2d(2, 1, 3, padding=1, padding_mode="reflect", rng=0), IMAGES),
    (lambda: nn.ConvTranspose1d(2, 2, 3, stride=2, padding=1, output_padding=1, rng=0), ROWS),
    (lambda: nn.ConvTranspose2d(2, 2, 2, groups=2, dilation=2, rng=0), IMAGES),
]
POOLS: list[tuple[nn.Module, Any]] = [
    (nn.MaxPool1d(2), ROWS), (nn.MaxPool1d(3, 2, 1), ROWS),
    (nn.MaxPool2d(2, 1), IMAGES), (nn.MaxPool2d(2, ceil_mode=True), IMAGES),
    (nn.AvgPool1d(3, 2, 1, count_include_pad=False), ROWS), (nn.AvgPool2d(2, ceil_mode=True), IMAGES),
    (nn.AvgPool2d((2, 3), divisor_override=4), IMAGES),
    (nn.AdaptiveAvgPool1d(4), ROWS), (nn.AdaptiveAvgPool2d((2, None)), IMAGES), (nn.AdaptiveAvgPool2d(1), IMAGES),
]  # fmt: skip


@pytest.mark.parametrize(("make", "x"), LAYERS)
@pytest.mark.parametrize("order", [1, 2])
def test_gradients_of_parameters(make: Callable[[], nn.Module], x: Any, order: int) -> None:
    def loss(prediction: Any) -> Any:
        return (prediction**2).sum()  # not linear in any parameter, so that order 2 is not zero

    report = check_model(make(), loss, x, order=order)
    assert report.ok, str(report)


@pytest.mark.parametrize(("layer", "x"), [*((make(), x) for make, x in LAYERS), *POOLS])
@pytest.mark.parametrize("order", [1, *slow(2)])
def test_gradients_of_inputs(layer: nn.Module, x: Any, order: int) -> None:
    report = check_gradients(lambda x: (layer(x) ** 2).sum(), x[:1], order=order)
    assert report.ok, str(report)


@pytest.mark.parametrize(("layer", "x"), [*((make(), x) for make, x in LAYERS), *POOLS])
def test_one_sample_needs_no_batch(layer: nn.Module, x: Any) -> None:
    np.testing.assert_allclose(layer(Value(x[1])).data, layer(Value(x)).data[1], rtol=1e-13)


def test_a_small_network_learns() -> None:
    """Decide which half of an image is bright."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 64)
    images = rng.standard_normal((64, 1, 8, 8))
    images[labels == 1, :, :4] += 1.0
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2, rng=1), nn.AdaptiveAvgPool2d((2, 1)),
        lambda x: x.reshape(len(x), -1), nn.Linear(8, 2, rng=2),
    )  # fmt: skip
    optimizer = nn.SGD(model.parameters(), lr=0.5)
    before = nn.cross_entropy(model(images), labels).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2 * before
    assert (model(images).data.argmax(1) == labels).mean() > 0.95


def test_parameters_and_texts() -> None:
    layer = nn.Conv2d(4, 6, (3, 2), padding="same", groups=2, bias=False, rng=0)
    assert [(name, value.shape) for name, value in layer.named_parameters()] == [("weight", (6, 2, 3, 2))]
    assert "Conv2d(4, 6, kernel_size=(3, 2), stride=(1, 1), padding='same', groups=2, bias=False)" in repr(layer)
    assert "ConvTranspose1d(4, 6, kernel_size=(3,), stride=(1,))" in repr(nn.ConvTranspose1d(4, 6, 3, rng=0))
    assert "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)" in repr(nn.MaxPool2d(2))
    assert "AdaptiveAvgPool2d(output_size=(1, None))" in repr(nn.AdaptiveAvgPool2d((1, None)))
    transposed = nn.ConvTranspose2d(4, 6, 3, groups=2, rng=0)
    assert transposed.weight.shape == (4, 3, 3, 3)
    assert transposed.bias is not None and transposed.bias.shape == (6,)
    bound = 1.0 / np.sqrt(3 * 9)
    assert 0.9 * bound < np.abs(transposed.weight.data).max() <= bound
    assert np.array_equal(nn.Conv2d(1, 2, 3, rng=5).weight.data, nn.Conv2d(1, 2, 3, rng=5).weight.data)


def test_a_drawing_shows_windows_in_short() -> None:
    assert repr(convolution.windows_over("conv", (9, 9), (3, 2), 1)) == "3x2"
    assert repr(convolution.windows_over("conv", (9, 9), (3, 2), (1, 2), 1, 2)) == "3x2, stride 1x2, dilation 2x2, padding 1x1"
    model = nn.Sequential(nn.Conv2d(2, 3, 2, rng=0), nn.MaxPool2d(2))
    assert "conv(window=2x2, groups=1)" in [node.title for node in draw(model(IMAGES).sum()).nodes]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_layers_are_copied_and_pickled(copied: Callable[[Any], Any]) -> None:
    layer = nn.Conv2d(2, 3, 2, rng=0)
    np.testing.assert_array_equal(copied(layer)(IMAGES).data, layer(IMAGES).data)


def test_float32_stays_float32() -> None:
    x = Value(IMAGES.astype(np.float32))
    layer = nn.Conv2d(2, 3, 2, dtype=np.float32, rng=0)
    out = layer(x)
    pooled = [max_pool(out, 2), avg_pool(out, 3, padding=1, count_include_pad=False), adaptive_avg_pool(out, 2)]
    back = conv_transpose(pooled[0], Value(np.ones((3, 2, 2, 2), np.float32)), Value(np.ones(2, np.float32)))
    assert {item.dtype for item in [out, *pooled, back]} == {np.dtype(np.float32)}
    slopes = gradient((back**2).sum() + pooled[1].sum() + pooled[2].sum(), [x, *layer.parameters()])
    assert {slope.dtype for slope in slopes} == {np.dtype(np.float32)}
    assert conv(x, layer.weight.data.astype(float)).dtype == np.float64
    assert conv(x, layer.weight, np.ones(3)).dtype == np.float64  # as NumPy's sum


def test_integers_become_floats() -> None:
    images = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(max_pool(images, 2, padding=1, stride=3), [[[[0.0, 3.0], [12.0, 15.0]]]])
    np.testing.assert_array_equal(avg_pool(images, 2), [[[[2.5, 4.5], [10.5, 12.5]]]])
    kernel = Value(np.ones((1, 1, 4, 4)))
    out = conv(images, kernel)
    out.sum().backward()
    assert out.data.item() == 120.0
    np.testing.assert_array_equal(kernel.grad, images)


# --- what an operation is asked for ---------------------------------------------------------------


def test_the_gradient_of_a_constant_input_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first layer of a network needs no gradient of its images."""
    calls = []
    original = convolution._conv_input.array
    monkeypatch.setattr(convolution._conv_input, "array", lambda *args: calls.append(1) or original(*args))
    weight = Value(np.ones((1, 2, 2, 2)))
    conv(IMAGES, weight).sum().backward()
    assert not calls
    conv(Value(IMAGES), weight).sum().backward()
    assert calls == [1]


def test_large_arrays_are_done_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of windows at a time, with the rest in the last band."""
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((3, 4, 11, 6)), rng.standard_normal((4, 2, 3, 2))
    how = {"stride": (2, 1), "padding": 1, "groups": 2}

    def everything() -> list[Any]:
        values = [Value(x), Value(weight), Value(np.ones(4))]
        out = conv(*values, **how)
        return [out, *gradient((out**2).sum(), values)]

    whole = everything()
    monkeypatch.setattr(convolution, "BAND", 4 * 6 * 7 * 3 * 4)  # four of six rows
    for one, other in zip(everything(), whole, strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-12, atol=1e-12)
    window = convolution.windows_over("conv", (11, 6), (3, 2), (2, 1), 1)
    assert [rows for rows, _ in convolution.bands(window, 4, 3)] == [slice(0, 4), slice(4, 6)]


def test_results_keep_the_batch_last_in_memory() -> None:
    """Elementwise operations and windows then need no copy in another order."""
    out = relu(max_pool(relu(conv(Value(IMAGES), np.ones((3, 2, 2, 2)))), 2))
    assert convolution.batch_last(out.data).flags.c_contiguous
    (slope,) = gradient(out.sum(), [out])
    assert slope.shape == out.shape


def test_any_memory_order_of_the_input_will_do() -> None:
    weight = RNG.standard_normal((2, 2, 2, 2))
    for x in (np.asfortranarray(IMAGES), np.repeat(IMAGES, 2, axis=2)[:, :, ::2], IMAGES[:, :, ::-1][:, :, ::-1]):
        np.testing.assert_allclose(conv(x, weight), conv(IMAGES, weight), rtol=1e-13)
        np.testing.assert_array_equal(max_pool(x, 2), max_pool(IMAGES, 2))


def test_inputs_and_cotangents_are_not_changed() -> None:
    x, weight, seed = Value(IMAGES), Value(RNG.standard_normal((2, 2, 1, 1))), np.ones((2, 2, 2, 2))
    before = [x.data.copy(), weight.data.copy(), seed.copy()]
    out = max_pool(conv(x, weight), 2)
    out.backward(seed)
    out.backward(seed)
    for array, copied in zip([x.data, weight.data, seed], before, strict=True):
        np.testing.assert_array_equal(array, copied)


# --- ties, nan, infinity --------------------------------------------------------------------------


def test_ties_share_equally() -> None:
    x = Value([[[2.0, 2.0, 1.0, 3.0, 3.0, 3.0]]])
    max_pool(x, 3).sum().backward()
    np.testing.assert_allclose(x.grad, [[[0.5, 0.5, 0.0, 1 / 3, 1 / 3, 1 / 3]]])
    slope = gradient((max_pool(x, 3) ** 2).sum(), x)
    slope.sum().backward()
    np.testing.assert_allclose(slope.data, [[[2.0, 2.0, 0.0, 2.0, 2.0, 2.0]]])


def test_padding_is_never_the_maximum() -> None:
    x = Value(np.full((1, 1, 4), -np.inf))
    max_pool(x, 3, 3, 1).sum().backward()
    np.testing.assert_allclose(x.grad, [[[0.5, 0.5, 0.5, 0.5]]])


def test_nan_is_the_maximum_of_its_windows_and_gets_their_gradient() -> None:
    x = Value([[[1.0, np.nan, 3.0, 2.0]]])
    out = max_pool(x, 2)
    np.testing.assert_array_equal(out.data, [[[np.nan, 3.0]]])
    out.backward(np.array([[[5.0, 7.0]]]))
    np.testing.assert_array_equal(x.grad, [[[0.0, 5.0, 7.0, 0.0]]])


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_an_infinite_cotangent_reaches_only_the_maximum(bad: float) -> None:
    x = Value([[[1.0, 2.0, 4.0, 3.0]]])
    max_pool(x, 2).backward(np.array([[[bad, 1.0]]]))
    np.testing.assert_array_equal(x.grad, [[[0.0, bad, 1.0, 0.0]]])


@pytest.mark.parametrize(
    ("inputs", "outputs", "batch", "side", "groups"),
    [(1, 8, 40, 28, 1), (2, 4, 48, 30, 2), (3, 5, 33, 31, 1), (8, 16, 40, 14, 1), (1, 40, 50, 22, 1)],
)
def test_products_in_pieces_are_those_of_whole_rows(
    inputs: int, outputs: int, batch: int, side: int, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(batch, inputs, side, side)), rng.normal(size=(outputs, inputs // groups, 3, 3))
    found = []
    for one in (True, False):
        monkeypatch.setattr(convolution, "has_one_thread", lambda one=one: one)
        leaves = Value(x), Value(weight)
        out = conv(*leaves, groups=groups)
        out.backward(np.cos(np.arange(out.data.size)).reshape(out.shape))
        found.append((out.data, *(leaf.grad for leaf in leaves)))
    for pieces, whole in zip(*found, strict=True):
        np.testing.assert_allclose(pieces, whole, 1e-11, 1e-11)
    sums = weight.shape[1] * 9, outputs // groups, batch * (side - 2) ** 2
    assert 0 < convolution.PIECE // (sums[0] * sums[1]) < sums[2]


def shared_gradient(x: np.ndarray, g: np.ndarray, size: int, stride: int, padding: int, dilation: int) -> np.ndarray:
    """The gradient of max_pool() of x (batch, channels, space), window by window."""
    out = np.zeros_like(x)
    for n, c, k in np.ndindex(*g.shape):
        places = k * stride - padding + dilation * np.arange(size)
        places = places[(places >= 0) & (places < x.shape[-1])]
        if len(places):  # else all is padding
            row = x[n, c, places]
            tied = places[(row == row.max()) | (np.isnan(row) & np.isnan(row.max()))]
            out[n, c, tied] += g[n, c, k] * (np.ones((), x.dtype) / np.asarray(len(tied), x.dtype))
    return out


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("length", "size", "stride", "padding", "dilation"),
    [(8, 2, 2, 0, 1), (9, 2, 2, 1, 1), (9, 3, 1, 1, 1), (7, 3, 2, 0, 1), (9, 2, 3, 1, 2), (1, 2, 1, 1, 2), (300, 260, 20, 0, 1),
     (600, 255, 255, 9, 1)],
)  # fmt: skip
@pytest.mark.parametrize("special", [(), (np.inf, -np.inf), (-np.inf,), (np.nan, -np.inf)])
def test_tied_maxima_share_the_gradient_of_each_window(
    length: int, size: int, stride: int, padding: int, dilation: int, special: tuple[float, ...], dtype: Any
) -> None:
    rng = np.random.default_rng(1)
    x = rng.choice(np.array([0.0, 0.0, 0.0, 1.0, -1.0, *special, *special], dtype), size=(3, 2, length))
    x[0] = special[-1] if special else 1.0  # all of a window tie
    leaf = Value(x)
    out = max_pool(leaf, size, stride, padding, dilation)
    g = rng.normal(size=out.shape).astype(dtype)
    out.backward(g)
    right = shared_gradient(x, g, size, stride, padding, dilation)
    within = 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(leaf.grad.astype(float), right.astype(float), rtol=within, atol=within)


def test_an_infinite_element_stays_in_its_bins() -> None:
    x = np.array([[[np.inf, 1.0, 2.0, 3.0, 4.0]]])
    np.testing.assert_array_equal(adaptive_avg_pool(x, 2), [[[np.inf, 3.0]]])
    np.testing.assert_array_equal(avg_pool(x, 2, 3), [[[np.inf, 3.5]]])


# --- errors ---------------------------------------------------------------------------------------

x1, x2, w1, w2 = np.ones((1, 4, 6)), np.ones((1, 4, 6, 6)), np.ones((2, 4, 3)), np.ones((2, 4, 3, 3))
ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: conv(x2, w1), r"as many axes as the weights \(2, 4, 3\), but x has the shape \(1, 4, 6, 6\)"),
    (lambda: conv(x2[0], w2), r"add the axis of the batch with x\[None\]"),
    (lambda: conv(x2, np.ones((2, 4))), r"weights \(out channels, in channels / groups, \*kernel\), but got the shape \(2, 4\)"),
    (lambda: conv(x2, w2[:, :3]), r"groups=1 takes x of 3 channels, \(batch, 3, \*space\), but got the shape \(1, 4, 6, 6\)"),
    (lambda: conv(x2, np.ones((3, 2, 3, 3)), groups=2), r"into groups of equal size, but got groups=2"),
    (lambda: conv(x2, w2, groups=0), "groups=0"),
    (lambda: conv(x2, w2, np.ones(3)), r"a bias for each output channel, \(2,\), but got the shape \(3,\)"),
    (lambda: conv(x2, w2, 1.0), r"a bias for each output channel, \(2,\), but got the shape \(\)"),
    (lambda: conv(x2, np.ones((2, 4, 7, 3))), r"window \(7, 3\) of conv\(\) is larger than the space \(6, 6\): pad more"),
    (lambda: conv(x2, w2, dilation=4, padding=1), r"\(9, 9\) with its dilation of conv\(\).*\(6, 6\) and its padding 1"),
    (lambda: conv(x2, w2, stride=0), r"the stride of conv\(\) is at least 1, but got 0"),
    (lambda: conv(x2, w2, stride=(1, 1, 1)), r"one for each of the 2 axes of the space, but got \(1, 1, 1\)"),
    (lambda: conv(x2, w2, padding=-1), r"the padding of conv\(\) is at least 0, but got -1"),
    (lambda: conv(x2, w2, padding="full"), r"the padding of conv\(\) is 'same', 'valid' or numbers, but got 'full'"),
    (lambda: conv(x2, w2, padding="same", stride=2), r"conv\(padding='same'\) needs stride 1, but got stride \(2, 2\)"),
    (lambda: conv(x2, w2, dilation=0), r"the dilation of conv\(\) is at least 1, but got 0"),
    (lambda: conv(x2, np.ones((2, 4, 0, 3))), r"at least one element, but got the shape \(2, 4, 0, 3\)"),
    (lambda: conv_transpose(x2, w2), r"weights \(2, 4, 3, 3\) and groups=1 takes x of 2 channels"),
    (lambda: conv_transpose(x1, np.ones((4, 1, 3)), output_padding=1), r"its stride \(1,\) or dilation \(1,\), but got 1"),
    (lambda: conv_transpose(x1[..., :1], np.ones((4, 1, 3)), padding=2), r"leaves a space of \(-1,\): pad less"),
    (lambda: conv_transpose(x1, np.ones((4, 1, 3)), padding="same"), r"the padding of conv_transpose\(\) is an integer"),
    (lambda: max_pool(x2, 7), r"window \(7, 7\) of max_pool\(\) is larger than the space \(6, 6\)"),
    (lambda: max_pool(x2, 0), r"the size of the windows of max_pool\(\) is at least 1, but got 0"),
    (lambda: max_pool(x2, 2, padding=2), r"the padding of max_pool\(\) is at most half of its window \(2, 2\), but got 2"),
    (lambda: max_pool(x2[0, 0], 2), r"max_pool\(\) takes x \(batch, channels, \*space\), but got the shape \(6, 6\)"),
    (lambda: avg_pool(x2, 2, divisor_override=0), "divisor_override of avg_pool"),
    (lambda: avg_pool(x2, 2, 0), r"the stride of avg_pool\(\) is at least 1"),
    (lambda: adaptive_avg_pool(x2, 0), r"the output_size of adaptive_avg_pool\(\) is at least 1, but got 0"),
    (lambda: adaptive_avg_pool(x2, (1, 2, 3)), r"one for each of the 2 axes"),
    (lambda: nn.Conv2d(3, 8, 3)(x2), r"Conv2d\(3, 8, kernel_size=.*takes 3 channels in axis 1, got the shape \(1, 4, 6, 6\)"),
    (lambda: nn.Conv2d(4, 8, 3)(np.ones((4, 4))), r"takes \(batch, channels, height, width\), or the same without.*\(4, 4\)"),
    (lambda: nn.Conv2d(3, 8, 3, groups=2), r"groups must divide in_channels=3 and out_channels=8 of Conv2d, got 2"),
    (lambda: nn.Conv2d(3, 8, 3, padding_mode="wrap"), r"one of 'zeros', 'reflect', 'replicate', 'circular', got 'wrap'"),
    (lambda: nn.ConvTranspose2d(3, 8, 3, padding_mode="reflect"), r"one of 'zeros', got 'reflect'"),
    (lambda: nn.Conv2d(3, 8, (3, 3, 3)), r"Conv2d takes one kernel_size or 2, got \(3, 3, 3\)"),
    (lambda: nn.Conv2d(3, 8, (2.5, 3)), r"Conv2d takes integers as kernel_size, got \(2.5, 3\)"),
    (lambda: nn.Conv1d(3, 8, 3, stride="2"), "Conv1d takes integers as stride, got '2'"),
    (lambda: nn.MaxPool2d(2)(np.ones((2, 2))), r"MaxPool2d\(kernel_size=2.*\) takes \(batch, channels, height, width\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), ERRORS)
def test_errors(call: Callable[[], Any], text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        call()


@pytest.mark.parametrize("how", [{"stride": 1.5}, {"padding": None}, {"dilation": "1"}])
def test_settings_are_integers(how: dict[str, Any]) -> None:
    (key,) = how
    with pytest.raises(TypeError, match=rf"the {key} of conv\(\) is an integer, or one for each axis of the space, but"):
        conv(x2, w2, **how)


def test_settings_may_be_lists_and_numpy_integers() -> None:
    expected = conv(x2, w2, stride=2, padding=1)
    np.testing.assert_array_equal(conv(x2, w2, stride=[2, 2], padding=np.int64(1)), expected)
    np.testing.assert_array_equal(conv(x2, w2, stride=np.array([2, 2]), padding=(1, 1)), expected)
    assert max_pool(x2, [2, 3]).shape == max_pool(x2, np.array([2, 3])).shape == (1, 4, 3, 2)


def test_the_error_for_a_batch_without_channels_says_how_to_add_them() -> None:
    with pytest.raises(ValueError, match=r"1 channels in axis 0, .*\(5, 28, 28\): x\[:, None\] gives a batch its axis"):
        nn.Conv2d(1, 8, 3)(np.ones((5, 28, 28)))


# --- windows that reach out of the input, and padding that is longer than it ------------------------------


@pytest.mark.parametrize(
    ("size", "stride", "padding", "length", "windows"),
    [
        (4, 4, 0, 3, [(0, 3)]),  # one window, partly outside
        (4, 1, 0, 3, []),  # no window fits: an error
        (3, 2, 0, 2, [(0, 2)]),
        (5, 4, 1, 2, [(-1, 3)]),
        (2, 3, 1, 4, [(-1, 1), (2, 4)]),  # the next would begin in the padding at the end
        (1, 2, 0, 6, [(0, 1), (2, 3), (4, 5)]),
        (2, 3, 0, 7, [(0, 2), (3, 5), (6, 8)]),
        (3, 5, 1, 5, [(-1, 2), (4, 7)]),
    ],
)
def test_ceil_mode_counts_windows_that_begin_inside(size: int, stride: int, padding: int, length: int, windows: Any) -> None:
    """Values computed from the windows by hand: means include the padding, but nothing beyond it."""
    x = np.random.default_rng(0).normal(size=(1, 1, length))
    padded = dict(enumerate(x[0, 0])) | dict.fromkeys((*range(-padding, 0), *range(length, length + padding)), 0.0)
    if not windows:
        with pytest.raises(ValueError, match="is larger than the space"):
            max_pool(x, size, stride, padding, ceil_mode=True)
        return
    real = [[padded[i] for i in range(*window) if 0 <= i < length] for window in windows]
    whole = [[padded[i] for i in range(*window) if i in padded] for window in windows]
    found = nn.MaxPool1d(size, stride, padding, ceil_mode=True)(x)
    np.testing.assert_allclose(found, [[[max(items) for items in real]]])
    for include, counted in ((True, whole), (False, real)):
        found = nn.AvgPool1d(size, stride, padding, True, include)(x)
        np.testing.assert_allclose(found, [[[sum(items) / len(counted[i]) for i, items in enumerate(real)]]])
    for layer in (nn.MaxPool1d(size, stride, padding, ceil_mode=True), nn.AvgPool1d(size, stride, padding, True, False)):
        check_gradients(layer, x, order=2)
    images = np.broadcast_to(x[..., None], (1, 1, length, 3))
    assert nn.MaxPool2d((size, 1), (stride, 1), (padding, 0), ceil_mode=True)(images).shape == (1, 1, len(windows), 3)
    assert np.allclose(avg_pool(images[..., None], (size, 1, 1), (stride, 1, 1), (padding, 0, 0), True, True, 2.0)[0, 0, :, 0, 0],
                       [sum(items) / 2.0 for items in real])  # fmt: skip


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("make", [nn.Conv1d, nn.Conv2d])
def test_same_padding_needs_stride_1(make: Any, mode: str) -> None:
    with pytest.raises(ValueError, match=r"Conv.d\(padding='same'\) needs stride 1, got 2: give the padding as numbers"):
        make(1, 1, 3, 2, "same", padding_mode=mode)


@pytest.mark.parametrize(
    ("mode", "padding", "length", "fits"),
    [
        ("circular", 4, 4, True), ("circular", 5, 4, False), ("reflect", 3, 4, True), ("reflect", 4, 4, False),
        ("reflect", 1, 1, False), ("replicate", 9, 2, True), ("zeros", 9, 2, True), ("circular", "same", 1, True),
        ("reflect", "same", 1, False),
    ],
)  # fmt: skip
def test_circular_padding_wraps_once(mode: str, padding: Any, length: int, fits: bool) -> None:
    """Padding repeats each element of the input at most once per side."""
    layer, x = nn.Conv1d(1, 1, 3, padding=padding, padding_mode=mode, rng=0), np.arange(1.0, length + 1)[None, None]
    if not fits:
        with pytest.raises(
            ValueError, match=rf"padding by '{mode}' must be (less than|at most) the lengths of the input, .*\({length},\)"
        ):
            layer(x)
        return
    more = [1, 1] if padding == "same" else [padding] * 2
    places = np.arange(-more[0], length + more[1])
    if mode == "zeros":
        padded = np.where((places < 0) | (places >= length), 0.0, places + 1.0)
    else:
        bounce = np.abs(np.where(places >= length, 2 * (length - 1) - places, places))
        padded = {"circular": places % length, "reflect": bounce, "replicate": places.clip(0, length - 1)}[mode] + 1.0
    expected = [layer.weight.data[0, 0] @ padded[i : i + 3] + layer.bias.data[0] for i in range(len(padded) - 2)]
    np.testing.assert_allclose(layer(x).data[0, 0], expected)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.Conv1d(1, 1, 3, padding="full"), "the padding of Conv1d must be 'same', 'valid' or numbers, got 'full'"),
        (lambda: nn.ConvTranspose1d(1, 1, 3, padding="same"), "the padding of ConvTranspose1d must be numbers, got 'same'"),
        (lambda: nn.Conv2d(1, 1, 3, padding=-1), "the padding of Conv2d must be at least 0, got -1"),
        (lambda: nn.Conv2d(1, 1, 0), "the kernel_size of Conv2d must be at least 1, got 0"),
        (lambda: nn.Conv2d(1, 1, 3, (1, 0)), r"the stride of Conv2d must be at least 1, got \(1, 0\)"),
        (lambda: nn.Conv1d(1, 1, 3, dilation=0), "the dilation of Conv1d must be at least 1, got 0"),
    ],
)
def test_settings_of_layers_are_checked_when_they_are_made(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()

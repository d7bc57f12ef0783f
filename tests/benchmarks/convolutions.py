"""Compare formulations of a convolution in NumPy, and the training step of a small image network in ours and PyTorch eager.

The network has the first layers of LeNet: 28x28 images, 64 at a time; conv 8@3x3, pool 2, conv 16@3x3, pool 2, linear 10;
with and without ReLU after the convolutions. BLAS and PyTorch have two threads each, unless OPENBLAS_NUM_THREADS and
OMP_NUM_THREADS are set, and all run in turns. Without PyTorch, only the formulations are compared.

What to expect: formulations with the batch first take 1.1 to 10 times as long as ours, which has the batch last in memory, so
that the inputs of one element of the kernel are copied in long runs. The training step is faster than PyTorch's. A matrix of
all windows of a large layer takes twice as long as one band of rows at a time. If other programs use the cores, set one
thread: times with two threads that wait for each other are random.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import nn
from autograd import Value
from autograd.ops import convolution
from autograd.ops.convolution import BAND, _conv, _conv_input, _conv_weight, batch_first, batch_last, windows_over
from tests.benchmarks.timing import in_turns, rounds, seconds, show, write_shown

STEPS = 10  # in one measurement
LAYERS = [(1, 8, 28), (8, 16, 13)]  # channels before and after, side
Formulations = dict[str, Callable[[], Any]]


def contiguous(x: Any, *axes: int) -> Any:
    return np.ascontiguousarray(x.transpose(axes))


# --- one convolution ------------------------------------------------------------------------------


def forwards(x: Any, weight: Any) -> Formulations:
    """Return formulations of one convolution, each from an input in its best memory order to a view (batch, channels, *space)."""
    channels, size = x.shape[1], weight.shape[-1]
    last, nhwc, nchw = batch_first(contiguous(x, 1, 2, 3, 0)), contiguous(x, 0, 2, 3, 1), np.ascontiguousarray(x)
    by_channel, by_pixel = weight.reshape(len(weight), -1), contiguous(weight, 2, 3, 1, 0)
    side = x.shape[-1] - size + 1
    window = windows_over("conv", x.shape[2:], weight.shape[2:], 1)

    def one_product_nhwc() -> Any:
        met = sliding_window_view(nhwc, (size, size), (1, 2)).transpose(
            0, 1, 2, 4, 5, 3
        )  # (batch, rows, columns, size, size, in)
        out = met.reshape(-1, size * size * channels) @ by_pixel.reshape(-1, len(weight))
        return out.reshape(len(x), side, side, -1).transpose(0, 3, 1, 2)

    def product_for_each_sample() -> Any:
        met = sliding_window_view(nchw, (size, size), (2, 3)).transpose(
            0, 1, 4, 5, 2, 3
        )  # (batch, in, size, size, rows, columns)
        return (by_channel @ met.reshape(len(x), by_channel.shape[1], -1)).reshape(len(x), -1, side, side)

    def shifted_products() -> Any:
        places = [(i, j) for i in range(size) for j in range(size)]
        out = sum(np.tensordot(nhwc[:, i : i + side, j : j + side], by_pixel[i, j], 1) for i, j in places)
        return out.transpose(0, 3, 1, 2)  # type: ignore[union-attr]

    def shifted_products_batch_last() -> Any:
        memory, places = batch_last(last), [(i, j) for i in range(size) for j in range(size)]
        met = (np.ascontiguousarray(memory[:, i : i + side, j : j + side]).reshape(channels, -1) for i, j in places)
        out = sum(np.ascontiguousarray(weight[:, :, i, j]) @ part for (i, j), part in zip(places, met, strict=True))
        return batch_first(out.reshape(len(weight), side, side, len(x)))  # type: ignore[union-attr]

    return {
        "ours: batch last": lambda: _conv(last, weight, None, window, 1),
        "ours, from NCHW": lambda: _conv(nchw, weight, None, window, 1),
        "NHWC, one product": one_product_nhwc,
        "NCHW, one each": product_for_each_sample,
        "NHWC, shifted": shifted_products,
        "batch last, shifted": shifted_products_batch_last,
    }


def backwards(g: Any, weight: Any, side: int) -> Formulations:
    """Return formulations of the gradient of the input: add up windows, or convolve with the flipped kernel."""
    window = windows_over("conv", (side, side), weight.shape[2:], 1)
    turned, full = np.ascontiguousarray(weight.swapaxes(0, 1)[:, :, ::-1, ::-1]), weight.shape[-1] - 1
    wide = windows_over("conv", g.shape[2:], weight.shape[2:], 1, full)
    return {
        "ours: windows added up": lambda: _conv_input(g, weight, window, 1),
        "kernel turned round": lambda: _conv(g, turned, None, wide, 1),
    }


def pools(x: Any) -> Formulations:
    """Return formulations of the maximum of 2x2 windows."""
    window = windows_over("max_pool", x.shape[2:], (2, 2), 2)
    memory = batch_last(x)
    blocks = memory.reshape(len(memory), x.shape[2] // 2, 2, x.shape[3] // 2, 2, len(x))
    return {
        "ours: strided slices": lambda: convolution._max_pool(x, window),
        "maximum over blocks": lambda: batch_first(blocks.max((2, 4))),
    }


def compare(title: str, ways: Formulations, count: int) -> None:
    """Check that all agree, and time them in turns."""
    ours, *others = (way() for way in ways.values())
    for other in others:
        np.testing.assert_allclose(other, ours, rtol=1e-3, atol=1e-3)
    show(title, in_turns({name: partial(seconds, way, STEPS) for name, way in ways.items()}, count), next(iter(ways)))


def formulations(dtype: str, count: int) -> None:
    rng = np.random.default_rng(0)
    for channels, outputs, side in LAYERS:
        x = rng.standard_normal((64, channels, side, side)).astype(dtype)
        weight = rng.standard_normal((outputs, channels, 3, 3)).astype(dtype)
        name = f"conv {channels} -> {outputs}, {side}x{side}, {dtype}"
        compare(name, forwards(x, weight), count)
        g = _conv(x, weight, None, windows_over("conv", (side, side), (3, 3), 1), 1)
        compare(f"its gradient of the input, {dtype}", backwards(g, weight, side), count)
        if g.shape[-1] % 2 == 0:
            compare(f"max_pool of {g.shape}, {dtype}", pools(g), count)


def bands(count: int) -> None:
    """Time a layer whose matrix of windows is large, in bands and at once."""
    rng, window = np.random.default_rng(0), windows_over("conv", (56, 56), (3, 3), 1, 1)
    x, g = (batch_first(rng.standard_normal((16, 56, 56, 32), dtype="float32")) for _ in range(2))
    weight = rng.standard_normal((16, 16, 3, 3), dtype="float32")

    def everything(band: int) -> Any:
        convolution.BAND = band
        out = _conv(x, weight, None, window, 1), _conv_input(g, weight, window, 1), _conv_weight(g, x, window, 1)
        convolution.BAND = BAND
        return out[1]

    ways = {f"bands of {band} elements": partial(everything, band) for band in (BAND, BAND // 8, BAND * 4)}
    compare("conv 16 -> 16, 56x56, 32 images, with its gradients", {**ways, "all at once": partial(everything, 2**60)}, count)


# --- a training step ------------------------------------------------------------------------------


def ours(dtype: str, relu: bool) -> tuple[Callable[[], Any], list[Any], Callable[[], list[Any]]]:
    """Return our step, its initial parameters, and a function that returns the gradients of the last step."""
    images, labels = batch(dtype)
    act = [nn.ReLU()] * relu
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, dtype=dtype, rng=0), *act, nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, dtype=dtype, rng=1), *act,
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 10, dtype=dtype, rng=2),
    )  # fmt: skip
    optimiser = nn.SGD(model.parameters(), lr=0.01)

    def step() -> Value:
        optimiser.zero_grad()
        loss = nn.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        return loss

    return step, [p.data.copy() for p in model.parameters()], lambda: [p.grad for p in model.parameters()]


def pytorch(dtype: str, relu: bool, start: list[Any]) -> tuple[Callable[[], Any], Callable[[], list[Any]]]:
    import torch

    images, labels = map(torch.tensor, batch(dtype))
    act = [torch.nn.ReLU()] * relu
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), *act, torch.nn.MaxPool2d(2), torch.nn.Conv2d(8, 16, 3), *act, torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(400, 10),
    ).to(images.dtype)  # fmt: skip
    with torch.no_grad():
        for parameter, data in zip(model.parameters(), start, strict=True):
            parameter.copy_(torch.tensor(data))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)

    def step() -> Any:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        return loss

    return step, lambda: [p.grad.numpy() for p in model.parameters() if p.grad is not None]


def batch(dtype: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((64, 1, 28, 28)).astype(dtype), rng.integers(0, 10, 64)


def steps(dtype: str, relu: bool, count: int) -> None:
    mine, start, my_grads = ours(dtype, relu)
    theirs, their_grads = pytorch(dtype, relu, start)
    mine(), theirs()
    for grad, other in zip(my_grads(), their_grads(), strict=True):
        np.testing.assert_allclose(grad, other, rtol=1e-3, atol=1e-4)
    timers = {"ours": partial(seconds, mine, STEPS), "PyTorch": partial(seconds, theirs, STEPS)}
    show(f"training step{', ReLU' * relu}, {dtype}", in_turns(timers, count), "ours")


def main() -> None:
    count = rounds(30)
    for dtype in ("float32", "float64"):
        formulations(dtype, count)
        for relu in (False, True) if importlib.util.find_spec("torch") else ():
            steps(dtype, relu, count)
    bands(max(count // 5, 3))
    write_shown("convolutions")


if __name__ == "__main__":
    main()

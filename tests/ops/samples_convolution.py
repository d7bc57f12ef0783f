"""Samples of convolutions and pooling, in the form of tests/ops/samples.py; the expected values are loops over windows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.signal

from autograd.ops import functions, table
from autograd.ops.convolution import windows_over
from tests.ops.samples import Sample, number

Options = dict[str, Any]


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the op or function."""
    made: dict[str, list[Sample]] = {}
    ours: dict[str, Any] = {**table(), **functions()}

    def add(name: str, note: str, inputs: list[Any], call: Callable[..., Any], expected: Callable[..., Any]) -> None:
        made.setdefault(name, []).append(Sample(f"{name} {note}", call, inputs, expected))

    def both(name: str, expected: Callable[..., Any], shapes: list[tuple[int, ...]], *how: Any, **options: Any) -> None:
        settings = [item for item in how if isinstance(item, (int, tuple))]
        add(name, f"{shapes} {settings or ''}{options or ''}", [distinct(rng, shape) for shape in shapes],
            lambda *v: ours[name](*v, *how, **options), lambda *v: expected(*v, *how, **options))  # fmt: skip

    convolutions: list[tuple[list[tuple[int, ...]], Options]] = [
        ([(2, 2, 5), (3, 2, 2), (3,)], {}),
        ([(1, 1, 4, 4), (2, 1, 3, 2), (2,)], {"padding": 1}),
        ([(2, 2, 4, 3), (2, 1, 2, 2), (2,)], {"groups": 2, "stride": (2, 1), "padding": (1, 0)}),
        ([(1, 2, 5), (1, 2, 2)], {"dilation": 2, "padding": "same"}),
        ([(1, 1, 3, 3), (2, 1, 2, 2)], {"padding": "same"}),
        ([(2, 3, 4), (2, 3, 1), (2,)], {"padding": "valid"}),
        ([(1, 1, 2, 3, 2), (1, 1, 2, 2, 2), (1,)], {"padding": (0, 1, 0)}),
        ([(0, 2, 5), (3, 2, 2), (3,)], {}),
        ([(1, 4, 3), (4, 1, 3), (4,)], {"groups": 4, "padding": 2, "stride": 3}),
    ]
    for shapes, options in convolutions:
        both("conv", correlated, shapes, **options)
    transposed: list[tuple[list[tuple[int, ...]], Options]] = [
        ([(2, 2, 3), (2, 3, 2), (3,)], {}),
        ([(1, 2, 2, 2), (2, 1, 3, 2), (1,)], {"stride": 2, "padding": (1, 0), "output_padding": 1}),
        ([(1, 4, 2), (4, 1, 3)], {"groups": 2, "dilation": 2, "stride": 3}),
        ([(1, 1, 3), (1, 1, 2), (1,)], {"dilation": 3, "output_padding": 2, "stride": 2}),
    ]
    for shapes, options in transposed:
        both("conv_transpose", scattered, shapes, **options)
        both("conv_input", lambda g, w, window, groups: scattered(g, w, stride=window.stride, groups=groups), shapes[:2],
             full_window(shapes, options.get("stride", 1)), options.get("groups", 1))  # fmt: skip
    for g, x, size, stride, groups in [((2, 3, 4), (2, 2, 5), (2,), 1, 1), ((1, 2, 2, 2), (1, 2, 4, 3), (2, 2), (2, 1), 2)]:
        window = windows_over("conv", x[2:], size, stride)
        both("conv_weight", weight_sums, [g, x], window, groups)

    pools: list[tuple[tuple[int, ...], Options]] = [
        ((2, 2, 5), {"size": 2}),
        ((1, 2, 4, 4), {"size": 2}),
        ((1, 1, 5, 4), {"size": (3, 2), "stride": (1, 2), "padding": (1, 0)}),
        ((1, 1, 5, 5), {"size": 2, "stride": 2, "ceil_mode": True}),
        ((1, 1, 4), {"size": 3, "stride": 3, "padding": 1, "ceil_mode": True}),
        ((1, 1, 2, 2, 3), {"size": 2, "stride": 1}),
        ((0, 1, 4), {"size": 2}),
    ]
    for shape, options in pools:
        both("max_pool", lambda x, **how: pooled(x, np.max, **how), [shape], **options)
        both("avg_pool", lambda x, **how: pooled(x, np.mean, **how), [shape], **options)
    both("max_pool", lambda x, **how: pooled(x, np.max, **how), [(1, 1, 6)], size=2, dilation=3, stride=1)
    both("avg_pool", lambda x, **how: pooled(x, np.mean, **how), [(1, 1, 4, 4)], size=3, padding=1, count_include_pad=False)
    both("avg_pool", lambda x, **how: pooled(x, np.mean, **how), [(1, 1, 4)], size=3, padding=1, ceil_mode=True)
    both("avg_pool", lambda x, **how: pooled(x, np.sum, **how) / 3.0, [(1, 1, 4)], size=2, divisor_override=3)
    for shape, size in [((1, 2, 5), 2), ((2, 1, 5, 3), (3, 2)), ((1, 1, 4, 6), (2, None)), ((1, 1, 2), 3), ((0, 2, 4), 3)]:
        both("adaptive_avg_pool", adaptive, [shape], size)

    pairs, steps = windows_over("pool", (4,), (2,), 2), windows_over("pool", (3, 3), (2, 2), 1)
    for window, layers in ((pairs, (2, 1)), (steps, (1, 2))):
        space, out = (*layers, *window.lengths), (*layers, *window.counts)
        both("sum_pool", lambda x, w: pooled(x, np.sum, w.size, w.stride), [space], window)
        both("sum_unpool", lambda g, w: back(g, places(w, g.shape), w), [out], window)
        data = distinct(rng, space)
        best = pooled(data, np.max, window.size, window.stride)
        both("max_picked", lambda h, x, b, w: (h.reshape(-1) * maxima(x, b, w)).sum(-1), [space], data, best, window)
        both("max_unpool", lambda g, x, b, w: back(g, maxima(x, b, w), w), [out], data, best, window)
    for bins, lengths in [((half(5),), (5,)), ((half(3), half(4)), (3, 4))]:
        counts = tuple(map(len, bins))
        both("bin_sum", lambda x, bins, lengths: adaptive(x, tuple(map(len, bins)), np.sum), [(1, 2, *lengths)], bins, lengths)
        both("bin_spread", spread_over_bins, [(1, 2, *counts)], bins, lengths)
    return made


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Random numbers, no two of which are nearly the same."""
    size = int(np.prod(shape))
    return (rng.permutation(size) * (3.0 / max(size, 1)) - 1.5 + number(rng, 0.0, 0.5 / max(size, 1), (size,))).reshape(shape)


def half(length: int) -> tuple[slice, ...]:
    """The two bins of an axis."""
    return slice(0, (length + 1) // 2), slice(length // 2, length)


def each(given: Any, ndim: int) -> tuple[int, ...]:
    return tuple(given) if isinstance(given, (tuple, list)) else (given,) * ndim


def flat(x: Any) -> Any:
    """The space as one axis."""
    return x.reshape(*x.shape[:2], int(np.prod(x.shape[2:])))


# --- convolution ----------------------------------------------------------------------------------


def dilated(kernel: Any, dilation: tuple[int, ...]) -> Any:
    """The kernel with zeros between its elements."""
    out = np.zeros([(n - 1) * d + 1 for n, d in zip(kernel.shape, dilation, strict=True)])
    out[tuple(slice(None, None, d) for d in dilation)] = kernel
    return out


def correlated(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:  # fmt: skip
    """conv(): image by image and channel by channel with SciPy."""
    ndim = x.ndim - 2
    stride, dilation = each(stride, ndim), each(dilation, ndim)
    if padding == "same":
        both = [((k - 1) * d // 2, k * d - d - (k - 1) * d // 2) for k, d in zip(weight.shape[2:], dilation, strict=True)]
    else:
        both = [(p, p) for p in each(0 if padding == "valid" else padding, ndim)]
    x = np.pad(x, [(0, 0), (0, 0), *both])
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    maps = [
        [
            sum(
                scipy.signal.correlate(image[o // outputs * inputs + i], dilated(weight[o, i], dilation), "valid", "direct")
                for i in range(inputs)
            )[tuple(slice(None, None, s) for s in stride)]
            + (0.0 if bias is None else bias[o])
            for o in range(len(weight))
        ]
        for image in x
    ]
    return np.array(maps) if maps else np.zeros((0, len(weight), *x.shape[2:]))[:, :, 1:]


def scattered(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Any:  # fmt: skip
    """conv_transpose(): every element times the kernel, added at its place."""
    ndim = x.ndim - 2
    stride, padding, more, dilation = (each(item, ndim) for item in (stride, padding, output_padding, dilation))
    inputs, outputs = weight.shape[0] // groups, weight.shape[1]
    reach = dilated(weight[0, 0], dilation).shape
    full = [(n - 1) * s + r + m for n, s, r, m in zip(x.shape[2:], stride, reach, more, strict=True)]
    out = np.zeros((len(x), outputs * groups, *full))
    for b, c, o in np.ndindex(len(x), x.shape[1], outputs):
        for place in np.ndindex(x.shape[2:]):
            there = tuple(slice(i * s, i * s + r) for i, s, r in zip(place, stride, reach, strict=True))
            out[b, c // inputs * outputs + o][there] += x[(b, c, *place)] * dilated(weight[c, o], dilation)
    out = out[(..., *(slice(p, n - p) for p, n in zip(padding, full, strict=True)))]
    return out if bias is None else out + bias.reshape(-1, *[1] * ndim)


def full_window(shapes: list[tuple[int, ...]], stride: Any) -> Any:
    """The window of the convolution that goes from the full transpose back to the first shape."""
    size, counts = shapes[1][2:], shapes[0][2:]
    lengths = tuple((n - 1) * s + k for n, s, k in zip(counts, each(stride, len(size)), size, strict=True))
    return windows_over("conv", lengths, size, stride)


def weight_sums(g: Any, x: Any, window: Any, groups: int) -> Any:
    """For each element of the weights, the sum of products of `g` with the elements that it met."""
    outputs, inputs = g.shape[1] // groups, x.shape[1] // groups
    out = np.zeros((g.shape[1], inputs, *window.size))
    for o, i in np.ndindex(g.shape[1], inputs):
        for offset in np.ndindex(window.size):
            axes = zip(offset, window.counts, window.stride, strict=True)
            met = x[(slice(None), o // outputs * inputs + i, *(slice(k, k + (n - 1) * s + 1, s) for k, n, s in axes))]
            out[(o, i, *offset)] = (g[:, o] * met).sum()
    return out


# --- pooling --------------------------------------------------------------------------------------


def pooled(
    x: Any, how: Callable[..., Any], size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: Any = None,
) -> Any:  # fmt: skip
    """max_pool() and avg_pool(): window by window, over the elements inside the space."""
    ndim = x.ndim - 2
    size, padding, dilation = (each(item, ndim) for item in (size, padding, dilation))
    stride = size if stride is None else each(stride, ndim)
    axes = []
    for n, k, s, p, d in zip(x.shape[2:], size, stride, padding, dilation, strict=True):
        starts = [start for start in range(-p, n, s) if ceil_mode or start + (k - 1) * d < n + p]
        if ceil_mode and len(starts) > 1 and starts[-2] + (k - 1) * d >= n + p - 1:
            starts.pop()  # the one before reaches the end already
        axes.append([[start + j * d for j in range(k) if start + j * d < n + p] for start in starts])
    out = np.zeros((*x.shape[:2], *map(len, axes)))
    for place in np.ndindex(*map(len, axes)):
        window = [axis[i] for axis, i in zip(axes, place, strict=True)]
        real = [[i for i in row if 0 <= i < n] for row, n in zip(window, x.shape[2:], strict=True)]
        part = flat(x[(slice(None), slice(None), *np.ix_(*real))])
        if how is np.mean and count_include_pad:
            out[(..., *place)] = part.sum(-1) / np.prod([len(row) for row in window])
        else:
            out[(..., *place)] = how(part, axis=-1)
    return out


def adaptive(x: Any, size: Any, how: Callable[..., Any] = np.mean) -> Any:
    """adaptive_avg_pool(), bin by bin."""
    lengths = x.shape[2:]
    counts = [n if m is None else m for n, m in zip(lengths, each(size, len(lengths)), strict=True)]
    out = np.zeros((*x.shape[:2], *counts))
    for place in np.ndindex(*counts):
        axes = zip(place, lengths, counts, strict=True)
        part = x[(..., *(slice(int(np.floor(i * n / m)), int(np.ceil((i + 1) * n / m))) for i, n, m in axes))]
        out[(..., *place)] = how(flat(part), axis=-1)
    return out


def spread_over_bins(g: Any, bins: Any, lengths: Any) -> Any:
    """Element by element, the sum of `g` over the bins that it is in."""
    out = np.zeros((*g.shape[:2], *lengths))
    for place, index in itertools.product(np.ndindex(*g.shape[2:]), np.ndindex(*lengths)):
        if all(axis[i].start <= n < axis[i].stop for axis, i, n in zip(bins, place, index, strict=True)):
            out[(..., *index)] += g[(..., *place)]
    return out


def members(window: Any) -> Iterator[tuple[tuple[int, ...], list[tuple[int, ...]]]]:
    """(window, the elements in it) for windows without padding and dilation."""
    for place in np.ndindex(window.counts):
        starts = [i * s for i, s in zip(place, window.stride, strict=True)]
        yield place, [tuple(a + b for a, b in zip(starts, offset, strict=True)) for offset in np.ndindex(window.size)]


def places(window: Any, shape: tuple[int, ...]) -> Any:
    """1 where an element is in a window: (*windows of all channels, elements of all channels)."""
    layers = shape[:2]
    out = np.zeros((*layers, *window.counts, *layers, *window.lengths))
    for layer in np.ndindex(layers):
        for place, elements in members(window):
            for element in elements:
                out[(*layer, *place, *layer, *element)] = 1.0
    return out.reshape(*shape, -1)


def back(g: Any, matrix: Any, window: Any) -> Any:
    """The windows in `g` times a matrix in the shape of places()."""
    return (g[..., None] * matrix).sum(axis=tuple(range(g.ndim))).reshape(*g.shape[:2], *window.lengths)


def maxima(x: Any, best: Any, window: Any) -> Any:
    """1 where an element is the maximum of a window, in the shape of places()."""
    return places(window, best.shape) * (x.reshape(-1) == best[..., None])

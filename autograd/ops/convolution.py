"""Convolutions and pooling over windows of arrays (batch, channels, *space), with their derivative rules.

The space may have any number of axes. In memory the batch is last, (channels, *space, batch), and results are views of that in
PyTorch's order: the elements that one place of the window meets are then long runs of memory for any kernel, and a
convolution is one matrix product. Operations between convolutions keep that order. `python -m tests.benchmarks.convolutions`
compares it with other formulations.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.op import DOUBLE, raw
from autograd.ops.blas import has_one_thread
from autograd.ops.define import adding, composed, in_float32, primitive
from autograd.ops.elementwise import astype, float_dtype
from autograd.ops.inputs import is_finite
from autograd.ops.reductions import _sum, total
from autograd.ops.shapes import as_floats, as_tensor, reshape

Lengths = tuple[int, ...]
LAYOUT = "(batch, channels, *space)"
BAND = 2**20  # elements of a matrix of windows: 4 to 8 MB, a quarter faster than all windows of large images at once
# In one thread, OpenBLAS multiplies matrices with up to 10**6 products of numbers as they are, and packs larger ones first, which
# takes half of the time where they have few rows. So long rows are multiplied in pieces of so many products, of at least SHORTEST
# numbers. Several threads share the work of a product as a whole.
PIECE, SHORTEST = 2**19, 448
WIDEST = 32  # rows of a result with long rows, beyond which writing pieces of them takes longer


# --- windows --------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Window:
    """How a window moves over the space of an array. Every field has one number for each axis of the space.

    Attributes:
        size, stride, dilation: elements of the window, steps between windows, steps between elements of a window.
        before, after: the padding on both sides.
        lengths, counts: the lengths of the space, and how many windows there are.
    """

    size: Lengths
    stride: Lengths
    dilation: Lengths
    before: Lengths
    after: Lengths
    lengths: Lengths
    counts: Lengths

    def __repr__(self) -> str:
        """The size and the settings that differ from the defaults, as a short text for drawings."""
        usual = {"stride": 1, "dilation": 1, "before": 0}
        other = {name: getattr(self, name) for name, number in usual.items() if set(getattr(self, name)) != {number}}
        words = [f", {name.replace('before', 'padding')} {'x'.join(map(str, numbers))}" for name, numbers in other.items()]
        return "x".join(map(str, self.size)) + "".join(words)

    @functools.cached_property
    def padded(self) -> Lengths:
        """The lengths of the space with its padding."""
        return tuple(map(sum, zip(self.before, self.lengths, self.after, strict=True)))

    @functools.cached_property
    def inside(self) -> tuple[slice, ...]:
        """The index of the space inside its padding, in memory order."""
        return (slice(None), *(slice(b, b + n) for b, n in zip(self.before, self.lengths, strict=True)))

    @functools.cached_property
    def places(self) -> list[tuple[slice, ...]]:
        """For each element of a window, the index of the elements that it meets in all windows, in memory order."""
        axes = list(zip(self.dilation, self.counts, self.stride, strict=True))
        return [
            (slice(None), *(slice(k * d, k * d + (n - 1) * s + 1, s) for k, (d, n, s) in zip(offset, axes, strict=True)))
            for offset in np.ndindex(*self.size)
        ]

    @functools.cached_property
    def overlaps(self) -> bool:
        """Whether an element can be in two windows."""
        return any(s < (k - 1) * d + 1 for k, s, d in zip(self.size, self.stride, self.dilation, strict=True))


def per_axis(given: Any, ndim: int, least: int, what: str) -> Lengths:
    """One integer for each axis of the space, from one for all axes or a sequence."""
    try:
        numbers = tuple(map(operator.index, given)) if isinstance(given, (tuple, list)) else (operator.index(given),) * ndim
    except TypeError:
        raise TypeError(f"{what} is an integer, or one for each axis of the space, but got {given!r}") from None
    if len(numbers) != ndim:
        raise ValueError(f"{what} is an integer, or one for each of the {ndim} axes of the space, but got {given!r}")
    if min(numbers, default=least) < least:
        raise ValueError(f"{what} is at least {least}, but got {given!r}")
    return numbers


def hashable(given: Any) -> Any:
    """A setting as a key for the cache of windows: sequences become tuples."""
    return tuple(given) if isinstance(given, (list, np.ndarray)) and np.ndim(given) else given


def extents(size: Lengths, dilation: Lengths) -> Lengths:
    """The number of elements that a window spans along each axis."""
    return tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))


def paddings(padding: Any, who: str, reach: Lengths, stride: Lengths) -> tuple[Lengths, Lengths]:
    """The padding before and after each axis: numbers, "valid" for none, "same" for as many windows as elements."""
    if padding == "valid":
        padding = 0
    elif padding == "same":
        if any(s != 1 for s in stride):
            raise ValueError(f"{who}(padding='same') needs stride 1, but got stride {stride}: give the padding as numbers")
        return tuple((n - 1) // 2 for n in reach), tuple(n // 2 for n in reach)
    elif isinstance(padding, str):
        raise ValueError(f"the padding of {who}() is 'same', 'valid' or numbers, but got {padding!r}")
    both = per_axis(padding, len(reach), 0, f"the padding of {who}()")
    return both, both


@functools.lru_cache(maxsize=1024)  # a layer needs the same in every step
def windows_over(
    who: str, lengths: Lengths, size: Lengths, stride: Any, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Window:
    """The windows of a size over a space of these lengths; with `ceil_mode` also those that begin inside and end outside.

    As in PyTorch, no window begins in the padding behind the space, and with `ceil_mode` a single window may be larger than the
    padded space, by less than a step.

    Raises:
        ValueError: if the window does not fit into the padded space, or a setting is out of range.
    """
    ndim = len(lengths)
    stride = per_axis(stride, ndim, 1, f"the stride of {who}()")
    dilation = per_axis(dilation, ndim, 1, f"the dilation of {who}()")
    reach = extents(size, dilation)
    before, after = paddings(padding, who, reach, stride)
    counts, ends = [], []
    for n, b, a, r, s in zip(lengths, before, after, reach, stride, strict=True):
        room = n + b + a - r
        count = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (count - 1) * s >= n + b:  # the last window has to begin before the padding behind
            count -= 1
        if count < 1:
            wide, pads = " with its dilation" * (reach != size), f" and its padding {padding}" * (b + a > 0)
            raise ValueError(f"the window {reach}{wide} of {who}() is larger than the space {lengths}{pads}: pad more")
        counts.append(count)
        ends.append(max(a, (count - 1) * s + r - n - b))
    return Window(size, stride, dilation, before, tuple(ends), lengths, tuple(counts))


def laid_out(x: Any, window: Window, fill: float = 0.0, dtype: Any = None) -> Any:
    """`x` in memory order with its padding: (channels, *padded space, batch)."""
    x = batch_last(x)
    if window.padded == window.lengths:
        return np.ascontiguousarray(x, dtype)
    out = np.full((len(x), *window.padded, x.shape[-1]), fill, dtype or x.dtype)
    out[window.inside] = x
    return out


def batch_last(x: Any) -> Any:
    """A view (channels, *space, batch) of (batch, channels, *space)."""
    return x.transpose(*range(1, x.ndim), 0)


def batch_first(x: Any) -> Any:
    """A view (batch, channels, *space) of (channels, *space, batch)."""
    return x.transpose(-1, *range(x.ndim - 1))


def without_padding(x: Any, window: Window) -> Any:
    """The inverse of laid_out()."""
    return batch_first(x if window.padded == window.lengths else x[window.inside])


# --- convolution ----------------------------------------------------------------------------------
#
# conv(x, weight), conv_input(g, weight) and conv_weight(g, x) come from one sum of products g * x * weight, so that each is
# a derivative of the others.


def bands(window: Window, channels: int, batch: int) -> Iterator[tuple[slice, list[tuple[slice, ...]]]]:
    """Slices of rows of windows, of at most BAND elements each, and the places in these rows."""
    total, step = window.counts[0], window.stride[0]
    in_a_row = channels * len(window.places) * math.prod(window.counts[1:]) * batch
    rows = max(BAND // max(in_a_row, 1), 1)
    if rows >= total:
        yield slice(0, total), window.places
        return
    for start in range(0, total, rows):
        stop = min(start + rows, total)
        ends = start * step, (stop - 1) * step + 1
        yield slice(start, stop), [(c, slice(k.start + ends[0], k.start + ends[1], step), *rest) for c, k, *rest in window.places]


def columns(x: Any, places: list[tuple[slice, ...]], groups: int) -> Any:
    """The elements in each window, one window in each column: (groups, channels of a group * places, windows)."""
    first = x[places[0]]
    out = np.empty((len(x), len(places), *first.shape[1:]), x.dtype)
    for k, place in enumerate(places):
        out[:, k] = x[place]
    return out.reshape(groups, len(x) * len(places) // groups, math.prod(first.shape[1:]))


def by_group(x: Any, groups: int) -> Any:
    """`x` as one matrix for each group: (groups, channels of a group, all other elements)."""
    return x.reshape(groups, len(x) // groups, math.prod(x.shape[1:]))


def pieces(x: Any, step: int) -> tuple[Any, Any]:
    """Matrices (groups, rows, columns) as views: (groups, pieces, rows, step), and the columns that are left."""
    count = x.shape[2] // step
    return x[..., : count * step].reshape(*x.shape[:2], count, step).swapaxes(1, 2), x[..., count * step :]


def piece_length(rows: int, others: int, columns: int) -> int:
    """The length of the pieces of `columns` in a product with `rows` times `others`, a multiple of 16; 0 for no pieces."""
    most = PIECE // max(rows * others, 1)
    count = -(-columns // max(most, 1))
    return -(-columns // (16 * count)) * 16 if most >= SHORTEST and count > 1 and has_one_thread() else 0


def wide_product(x: Any, y: Any, out: Any = None) -> Any:
    """``x @ y`` for each group, where y has long rows."""
    rows = x.shape[1]
    step = piece_length(rows, x.shape[2], y.shape[2]) if rows * y.size > PIECE and rows <= WIDEST else 0
    if not step:
        return np.matmul(x, y, out)
    out = np.empty((*x.shape[:2], y.shape[2]), y.dtype) if out is None else out
    (parts, rest), (out_parts, out_rest) = pieces(y, step), pieces(out, step)
    np.matmul(x[:, None], parts, out=out_parts)
    if rest.shape[2]:
        np.matmul(x, rest, out=out_rest)
    return out


def row_products(x: Any, y: Any) -> Any:
    """``x @ y.T`` for each group, where both have long rows."""
    step = piece_length(x.shape[1], y.shape[1], x.shape[2]) if x.size * y.shape[1] > PIECE else 0
    if not step:
        return np.matmul(x, y.swapaxes(1, 2))
    (parts, rest), (y_parts, y_rest) = pieces(x, step), pieces(y, step)
    out = np.add.reduce(np.matmul(parts, y_parts.swapaxes(2, 3)), 1)
    return out + np.matmul(rest, y_rest.swapaxes(1, 2)) if rest.shape[2] else out


@primitive(
    "linear",
    x=lambda g, out, x, weight, bias, window, groups: _conv_input(g, weight, window, groups),
    weight=lambda g, out, x, weight, bias, window, groups: _conv_weight(g, x, window, groups),
    bias=lambda g, out, x, weight, bias, window, groups: _sum(g, (0, *range(2, len(window.size) + 2))),
)
def _conv(x: Any, weight: Any, bias: Any, window: Window, groups: int) -> Any:
    """The operation of conv()."""
    dtype = np.result_type(x, weight)
    x, kernels = laid_out(x, window, dtype=dtype), by_group(weight, groups)
    out = np.empty((len(weight), *window.counts, x.shape[-1]), dtype)
    for rows, places in bands(window, len(x), x.shape[-1]):
        wide_product(kernels, columns(x, places, groups), by_group(out[:, rows], groups))
    if bias is not None:
        by_output = np.reshape(bias, (-1, *(1 for _ in window.counts), 1))
        out = np.add(out, by_output, out=out if np.result_type(out, bias) == dtype else None)
    return batch_first(out)


@primitive(
    "linear",
    g=lambda h, out, g, weight, window, groups: _conv(h, weight, None, window, groups),
    weight=lambda h, out, g, weight, window, groups: _conv_weight(g, h, window, groups),
)
def _conv_input(g: Any, weight: Any, window: Window, groups: int) -> Any:
    """The cotangent of the input of a convolution: its `g` times the kernel for each window, summed where windows overlap."""
    dtype = np.result_type(g, weight)
    g, kernels = np.ascontiguousarray(batch_last(g), dtype), by_group(weight, groups).swapaxes(1, 2)
    out = np.zeros((groups * weight.shape[1], *window.padded, g.shape[-1]), dtype)
    for rows, places in bands(window, len(out), g.shape[-1]):
        part = g[:, rows]
        met = wide_product(kernels, by_group(part, groups)).reshape(len(out), len(places), *part.shape[1:])
        for k, place in enumerate(places):
            out[place] += met[:, k]
    return without_padding(out, window)


@primitive(
    "linear",
    g=lambda h, out, g, x, window, groups: _conv(x, h, None, window, groups),
    x=lambda h, out, g, x, window, groups: _conv_input(g, h, window, groups),
)
def _conv_weight(g: Any, x: Any, window: Window, groups: int) -> Any:
    """The cotangent of the weights of a convolution: the elements in each window times its `g`."""
    dtype = np.result_type(g, x)
    x, g = laid_out(x, window, dtype=dtype), np.ascontiguousarray(batch_last(g), dtype)
    # This order of factors is a quarter faster in float64 than its transpose.
    sums = sum(
        row_products(columns(x, places, groups), by_group(g[:, rows], groups))
        for rows, places in bands(window, len(x), x.shape[-1])
    )
    return sums.swapaxes(1, 2).reshape(len(g), len(x) // groups, *window.size)


def checked_channels(who: str, x: Any, weight: Any, bias: Any, groups: int, axis: int) -> tuple[Any, Any, Any]:
    """The arguments as arrays or Values; `axis` of the weights is that of the inputs, the other one that of the outputs.

    Raises:
        ValueError: if the numbers of axes or channels do not match.
    """
    x, weight, bias = as_floats(x, weight, bias)
    x, weight = as_tensor(x), as_tensor(weight)
    order = "out channels, in channels / groups" if axis else "in channels, out channels / groups"
    if len(weight.shape) < 3:
        raise ValueError(f"{who}() takes weights ({order}, *kernel), but got the shape {weight.shape}")
    if len(x.shape) != len(weight.shape):
        raise ValueError(
            f"{who}() takes x {LAYOUT} with as many axes as the weights {weight.shape}, but x has the shape {x.shape}"
            + ": add the axis of the batch with x[None]" * (len(x.shape) == len(weight.shape) - 1)
        )
    if min(weight.shape) < 1:
        raise ValueError(f"{who}() takes weights with at least one element, but got the shape {weight.shape}")
    if operator.index(groups) < 1 or weight.shape[0] % groups:
        raise ValueError(
            f"{who}() divides the first axis of the weights {weight.shape} into groups of equal size, but got groups={groups}"
        )
    taken = weight.shape[1] * groups if axis else weight.shape[0]
    if x.shape[1] != taken:
        raise ValueError(
            f"{who}() with weights {weight.shape} and groups={groups} takes x of {taken} channels, "
            f"(batch, {taken}, *space), but got the shape {x.shape}"
        )
    if bias is not None:
        bias, outputs = as_tensor(bias), weight.shape[0] if axis else weight.shape[1] * groups
        if bias.shape != (outputs,):
            raise ValueError(f"{who}() takes a bias for each output channel, ({outputs},), but got the shape {bias.shape}")
    return x, weight, bias


@composed
def conv(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:  # fmt: skip
    """Cross-correlate `x` with kernels, over a space of any number of axes: PyTorch's conv1d, conv2d, conv3d.

    Args:
        x: (batch, in channels, *space).
        weight: the kernels, (out channels, in channels / groups, *kernel).
        bias: (out channels) or None.
        stride, dilation: steps between windows, and between the elements of one: a number, or one for each axis.
        padding: zeros on both sides of each axis; "valid" for none, "same" for as many windows as elements.
        groups: the number of groups of channels; each output channel depends on the inputs of its own group.

    Returns:
        (batch, out channels, *windows), a view of memory in the order (out channels, *windows, batch).

    Raises:
        ValueError: if shapes do not match, or the kernel is larger than the padded space.

    >>> from autograd import Value
    >>> x = Value([[[1.0, 2.0, 4.0, 8.0]]])
    >>> conv(x, [[[-1.0, 1.0]]]).data
    array([[[1., 2., 4.]]])
    """
    x, weight, bias = checked_channels("conv", x, weight, bias, groups, 1)
    window = windows_over("conv", x.shape[2:], weight.shape[2:], *map(hashable, (stride, padding, dilation)))
    return _conv(x, weight, bias, window, groups)


@composed
def conv_transpose(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
    dilation: Any = 1,
) -> Any:  # fmt: skip
    """Compute the transpose of conv() as a linear map, from windows back to the space: PyTorch's conv_transpose2d.

    Args:
        x: (batch, in channels, *windows).
        weight: the kernels, (in channels, out channels / groups, *kernel).
        bias: (out channels) or None.
        stride, padding, dilation, groups: those of the convolution that this transposes.
        output_padding: the elements of the space beyond those that the windows need, less than stride or dilation.

    Returns:
        (batch, out channels, *space) with axes of the length
        ``(windows - 1) * stride - 2 * padding + (kernel - 1) * dilation + 1 + output_padding``.

    Raises:
        ValueError: if shapes do not match, or the padding leaves no space.

    >>> conv_transpose([[[1.0, 10.0]]], [[[1.0, 2.0, 3.0]]], stride=2)
    array([[[ 1.,  2., 13., 20., 30.]]])
    """
    who = "conv_transpose"
    x, weight, bias = checked_channels(who, x, weight, bias, groups, 0)
    counts, size = x.shape[2:], weight.shape[2:]
    stride, padding, more, dilation = (
        per_axis(hashable(given), len(size), least, f"the {what} of {who}()")
        for given, least, what in ((stride, 1, "stride"), (padding, 0, "padding"), (output_padding, 0, "output_padding"),
                                   (dilation, 1, "dilation"))
    )  # fmt: skip
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(
            f"the output_padding of {who}() is less than its stride {stride} or dilation {dilation}, but got {output_padding!r}"
        )
    full = [(n - 1) * s + r for n, s, r in zip(counts, stride, extents(size, dilation), strict=True)]
    lengths = tuple(n + m - 2 * p for n, m, p in zip(full, more, padding, strict=True))
    if min(counts) < 1 or min(lengths) < 1:
        raise ValueError(f"{who}() of {counts} windows with padding {padding} leaves a space of {lengths}: pad less")
    window = Window(size, stride, dilation, padding, padding, lengths, counts)
    out = _conv_input(x, weight, window, groups)
    return out if bias is None else out + reshape(bias, (-1, *(1 for _ in size)))


# --- pooling --------------------------------------------------------------------------------------


def hits(x: Any, best: Any, window: Window) -> list[Any]:
    """For each place of the window, whether its element is the maximum."""
    x, best = laid_out(x, window, -np.inf), batch_last(best)
    found = [x[place] == best for place in window.places]
    least = best.min(initial=np.inf)
    if np.isnan(least):  # nan is the maximum of elements with a nan
        found = [hit | ((x[place] != x[place]) & (best != best)) for hit, place in zip(found, window.places, strict=True)]
    if window.padded != window.lengths and not least > -np.inf:  # padding does not count; a nan may hide -inf
        real = laid_out(np.ones((1, 1, *window.lengths), bool), window, False)
        found = [hit & real[place] for hit, place in zip(found, window.places, strict=True)]
    return found


def divided(found: list[Any], dtype: Any) -> Any:
    """For each window, 1 divided by the number of elements that tie, of which a window of padding has none; None without ties."""
    first, *others = (hit.view(np.uint8) for hit in found)
    count = first if len(found) < 256 else first.astype(np.intp)
    for hit in others:
        count = count + hit
    return None if count.max(initial=1) == 1 else np.reciprocal(np.maximum(count, 1).astype(dtype))


def shares(found: list[Any], dtype: Any) -> list[Any]:
    """For each place of the window, the share of its element in the maximum: bools if there are no ties, else fractions."""
    fraction = divided(found, dtype)
    return found if fraction is None else [hit * fraction for hit in found]


def times_share(x: Any, share: Any, finite: bool) -> Any:
    """x times the share, which is 0 where the share is 0, also for infinite x and nan. Finite x is 20 times faster."""
    return x * share if finite else np.multiply(x, share, out=np.zeros_like(x), where=share != 0)


@primitive("selection", x=lambda g, out, x, window: _max_unpool(g, raw(x), raw(out), window))
def _max_pool(x: Any, window: Window) -> Any:
    """The operation of max_pool()."""
    x = laid_out(x, window, -np.inf)
    first, *others = window.places
    out = x[first].copy()
    for place in others:
        np.maximum(out, x[place], out=out)
    return batch_first(out)


@adding
@primitive("selection", g=lambda h, out, g, x, best, window: _max_picked(h, x, best, window))
def _max_unpool(g: Any, x: Any, best: Any, window: Window) -> Any:
    """The cotangent of max_pool(x) = `best`: `g` at the maximum of each window, in equal shares where elements tie."""
    g = np.ascontiguousarray(batch_last(g))
    finite = is_finite(g)
    covered = not window.overlaps and math.prod(window.counts) * len(window.places) == math.prod(window.padded)
    out = (np.empty if covered and finite else np.zeros)((len(g), *window.padded, g.shape[-1]), g.dtype)
    found = hits(x, best, window)
    if finite:  # one product for all places
        fraction = divided(found, g.dtype)
        g = g if fraction is None else g * fraction
    else:
        found = shares(found, g.dtype)
    for share, place in zip(found, window.places, strict=True):
        if finite and not window.overlaps:
            np.multiply(g, share, out=out[place])
            continue
        part = times_share(g, share, finite)
        out[place] = out[place] + part if window.overlaps else part
    return without_padding(out, window)


@adding
@primitive("selection", h=lambda g, out, h, x, best, window: _max_unpool(g, x, best, window))
def _max_picked(h: Any, x: Any, best: Any, window: Window) -> Any:
    """The elements of `h` at the maxima `best` of x, or their mean where elements tie."""
    h = laid_out(h, window)
    finite = is_finite(h)
    pairs = zip(shares(hits(x, best, window), h.dtype), window.places, strict=True)
    parts = (times_share(h[place], share, finite) for share, place in pairs)
    return batch_first(sum(parts))


@primitive("linear", x=lambda g, out, x, window: _sum_unpool(g, window))
def _sum_pool(x: Any, window: Window) -> Any:
    """The sum over each window."""
    x = laid_out(x, window)
    first, *others = window.places
    many = x.dtype.char == "f" and len(others) > 64
    out = x[first].astype(DOUBLE if many else x.dtype)
    for place in others:
        out += x[place]
    return batch_first(out.astype(x.dtype, copy=False))


@primitive("linear", g=lambda h, out, g, window: _sum_pool(h, window))
def _sum_unpool(g: Any, window: Window) -> Any:
    """The cotangent of sums over windows: for each element, the sum of the `g` of all windows with it."""
    g = batch_last(g)
    out = np.zeros((len(g), *window.padded, g.shape[-1]), g.dtype)
    for place in window.places:
        out[place] += g
    return without_padding(out, window)


def pooled_windows(
    who: str, x: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Any, Window]:  # fmt: skip
    """`x` as an array or Value of floats, and its windows.

    Raises:
        ValueError: for settings out of range, windows that do not fit, or padding that could fill a whole window.
    """
    x = with_space(who, x)
    ndim = len(x.shape) - 2
    size = per_axis(hashable(size), ndim, 1, f"the size of the windows of {who}()")
    stride, padding, dilation = map(hashable, (size if stride is None else stride, padding, dilation))
    window = windows_over(who, x.shape[2:], size, stride, padding, dilation, bool(ceil_mode))
    reach = extents(size, window.dilation)
    if padding != "same" and any(2 * b > r for b, r in zip(window.before, reach, strict=True)):
        raise ValueError(f"the padding of {who}() is at most half of its window {reach}, but got {padding!r}")
    return x, window


def with_space(who: str, x: Any) -> Any:
    """`x` as a floating array or Value with a space; ValueError if it has none."""
    x = as_tensor(x)
    if len(x.shape) < 3:
        raise ValueError(f"{who}() takes x {LAYOUT}, but got the shape {x.shape}: add axes of length 1")
    return x if x.dtype.kind == "f" else astype(x, float_dtype(x))


@composed
def max_pool(
    x: Any, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:  # fmt: skip
    """Return the maximum of each window, channel by channel: PyTorch's max_pool1d, max_pool2d, max_pool3d.

    Elements that tie share the gradient equally (in PyTorch the first gets it all); the maximum of elements with a nan is nan.

    Args:
        x: (batch, channels, *space).
        size: the lengths of the window, a number or one for each axis.
        stride, dilation: steps between windows, by default `size`, and between the elements of one.
        padding: -inf on both sides of each axis, at most half the window.
        ceil_mode: whether windows that begin inside the padded space and end outside count as well.

    Returns:
        (batch, channels, *windows).

    Raises:
        ValueError: if a setting is out of range, or the window is larger than the padded space.

    >>> max_pool([[[1.0, 5.0, 2.0, 3.0]]], 2)
    array([[[5., 3.]]])
    """
    x, window = pooled_windows("max_pool", x, size, stride, padding, dilation, ceil_mode)
    return _max_pool(x, window)


@composed
@in_float32
def avg_pool(
    x: Any, size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: float | None = None,
) -> Any:  # fmt: skip
    """Return the mean of each window, channel by channel: PyTorch's avg_pool1d, avg_pool2d, avg_pool3d.

    Args:
        x, size, stride, padding, ceil_mode: as for max_pool(); the padding is zeros.
        count_include_pad: whether padding counts as elements of the mean. The elements that `ceil_mode` adds never count.
        divisor_override: a number to divide sums by, in place of the number of elements.

    >>> avg_pool([[[1.0, 5.0, 2.0, 4.0]]], 2)
    array([[[3., 3.]]])
    """
    x, window = pooled_windows("avg_pool", x, size, stride, padding, 1, ceil_mode)
    total = _sum_pool(x, window)
    if divisor_override is not None:
        if not divisor_override:
            raise ValueError("the divisor_override of avg_pool() is not 0: leave it out for the number of elements")
        return total / float(divisor_override)
    return total / elements(window, count_include_pad, x.dtype)


def elements(window: Window, count_include_pad: bool, dtype: Any) -> Any:
    """The number of elements in each window: one number, or an array if windows at the edge have fewer."""
    numbers = []
    for k, s, b, n, count in zip(window.size, window.stride, window.before, window.lengths, window.counts, strict=True):
        starts = np.arange(count) * s - b
        first, last = (-b, n + b) if count_include_pad else (0, n)
        numbers.append(np.minimum(starts + k, last) - np.maximum(starts, first))
    if all((axis == k).all() for axis, k in zip(numbers, window.size, strict=True)):
        return float(math.prod(window.size))
    return outer_product(numbers, dtype)


def outer_product(vectors: list[Any], dtype: Any) -> Any:
    """The outer product of vectors, with one axis for each."""
    return functools.reduce(np.multiply, np.ix_(*vectors)).astype(dtype)


def over_bins(bins: tuple[tuple[slice, ...], ...]) -> Iterator[tuple[Any, Any]]:
    """Pairs of the index of a bin and that of its elements, both for (batch, channels, *space)."""
    for place in np.ndindex(*map(len, bins)):
        yield (..., *place), (..., *(axis[i] for axis, i in zip(bins, place, strict=True)))


@primitive("linear", x=lambda g, out, x, bins, lengths: _bin_spread(g, bins, lengths))
def _bin_sum(x: Any, bins: tuple[tuple[slice, ...], ...], lengths: Lengths) -> Any:
    """The sum over each bin; a bin is a slice of each axis of a space of these `lengths`."""
    out = np.empty((*x.shape[:2], *map(len, bins)), x.dtype)
    for place, inside in over_bins(bins):
        out[place] = total(x[inside], tuple(range(2, x.ndim)))
    return out


@primitive("linear", g=lambda h, out, g, bins, lengths: _bin_sum(h, bins, lengths))
def _bin_spread(g: Any, bins: tuple[tuple[slice, ...], ...], lengths: Lengths) -> Any:
    """The cotangent of sums over bins: for each element, the sum of the `g` of all bins with it."""
    out = np.zeros((*g.shape[:2], *lengths), g.dtype)
    for place, inside in over_bins(bins):
        out[inside] += g[place].reshape(*g.shape[:2], *(1 for _ in lengths))
    return out


@composed
@in_float32
def adaptive_avg_pool(x: Any, output_size: Any) -> Any:
    """Return the means of `output_size` bins: PyTorch's adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d.

    Bin i of n over an axis of length L goes from floor(i L / n) to ceil((i + 1) L / n), so that bins may share elements.

    Args:
        x: (batch, channels, *space).
        output_size: the number of bins, one number or one for each axis; None keeps the length of an axis.

    Returns:
        (batch, channels, *output_size).

    Raises:
        ValueError: if a number of bins is less than 1.

    >>> adaptive_avg_pool([[[1.0, 2.0, 3.0, 4.0, 5.0]]], 2)
    array([[[2., 4.]]])
    """
    who = "adaptive_avg_pool"
    x = with_space(who, x)
    lengths = x.shape[2:]
    given = lengths if output_size is None else hashable(output_size)
    if given.__class__ is tuple and len(given) == len(lengths):
        given = tuple(n if wanted is None else wanted for wanted, n in zip(given, lengths, strict=True))
    counts = per_axis(given, len(lengths), 1, f"the output_size of {who}()")
    if min(lengths) < 1:
        raise ValueError(f"{who}() takes a space with elements, but got the shape {x.shape}")
    if all(n % count == 0 for n, count in zip(lengths, counts, strict=True)):
        return avg_pool(x, [n // count for n, count in zip(lengths, counts, strict=True)])
    bins = tuple(
        tuple(slice(i * n // count, -(-(i + 1) * n // count)) for i in range(count))
        for n, count in zip(lengths, counts, strict=True)
    )
    sizes = [np.array([part.stop - part.start for part in axis]) for axis in bins]
    return _bin_sum(x, bins, lengths) / outer_product(sizes, x.dtype)

"""Convolution and pooling layers over one and two axes of space. Names, layouts and defaults follow PyTorch.

All layers take (batch, channels, *space), or one sample (channels, *space).
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from autograd import Value
from autograd.ops import adaptive_avg_pool, avg_pool, conv, conv_transpose, expand_dims, max_pool, squeeze
from nn.arrays import Rng, as_tensor, flag, no_tuple, shape_of
from nn.layers.linear import uniform_parameter
from nn.module import Module
from nn.seeds import generator

Lengths = int | tuple[int, ...]

#: PyTorch's padding modes by NumPy's names.
PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class Spatial(Module):
    """The base of layers over `dimensions` axes of space: a subclass computes a batch in _compute()."""

    dimensions: int
    settings: tuple[str, ...] = ()  # attributes in the repr, in the order of the arguments

    def forward(self, x: Any) -> Value:
        x = as_tensor(no_tuple(x, self))
        axes = x.ndim - self.dimensions
        if axes not in (1, 2):
            layout = f"(batch, channels, {', '.join(('height', 'width', 'depth')[: self.dimensions])})"
            raise ValueError(f"{self._title()} takes {layout}, or the same without the batch, got the shape {np.shape(x)}")
        return self._compute(x) if axes == 2 else squeeze(self._compute(expand_dims(x, 0)), 0)

    def _compute(self, x: Any) -> Value:
        """Compute the output for (batch, channels, *space)."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)

    def _per_axis(self, given: Any, what: str, least: int = 1) -> tuple[int, ...]:
        """Return one integer for each axis of space, from one for all or one for each."""
        try:
            numbers = tuple(map(operator.index, given)) if np.ndim(given) else (operator.index(given),) * self.dimensions
        except TypeError:
            raise TypeError(f"{type(self).__name__} takes integers as {what}, got {given!r}") from None
        if len(numbers) != self.dimensions:
            raise ValueError(f"{type(self).__name__} takes one {what} or {self.dimensions}, got {given!r}")
        if min(numbers) < least:
            raise ValueError(f"the {what} of {type(self).__name__} must be at least {least}, got {given!r}")
        return numbers


class Convolution(Spatial):
    """The base of convolutions and their transposes: parameters and settings.

    Both parameters start uniform within ``1 / sqrt(weight.shape[1] * elements of the kernel)``, as in PyTorch, which is He
    initialisation (2015) for a leaky ReLU of slope sqrt(5).
    """

    settings = ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
    transposed = False

    def _set_up(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
                groups: int, bias: bool, padding_mode: str, dtype: Any, rng: Rng) -> None:  # fmt: skip
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"groups must divide in_channels={in_channels} and out_channels={out_channels} of {type(self).__name__}, "
                f"got {groups}"
            )
        if padding_mode not in PADDING_MODES or (self.transposed and padding_mode != "zeros"):
            known = "'zeros'" if self.transposed else ", ".join(map(repr, PADDING_MODES))
            raise ValueError(f"the padding_mode of {type(self).__name__} must be one of {known}, got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups, self.padding_mode = in_channels, out_channels, groups, padding_mode
        self.kernel_size, self.stride = self._per_axis(kernel_size, "kernel_size"), self._per_axis(stride, "stride")
        self.padding: Any = padding if isinstance(padding, str) else self._per_axis(padding, "padding", 0)
        self.dilation = self._per_axis(dilation, "dilation")
        if isinstance(padding, str) and (self.transposed or padding not in ("same", "valid")):
            words = "" if self.transposed else "'same', 'valid' or "
            raise ValueError(f"the padding of {type(self).__name__} must be {words}numbers, got {padding!r}")
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError(f"{type(self).__name__}(padding='same') needs stride 1, got {stride!r}: give the padding as numbers")
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (first, second // groups, *self.kernel_size)
        fan_in, rng = math.prod(shape[1:]), generator(rng)
        self.weight = uniform_parameter(rng, fan_in, shape, dtype)
        self.bias = uniform_parameter(rng, fan_in, out_channels, dtype) if flag("bias", bias) else None

    def forward(self, x: Any) -> Value:
        shape = shape_of(x, self)
        axis = len(shape) - self.dimensions - 1
        if axis in (0, 1) and shape[axis] != self.in_channels:
            fix = ": x[:, None] gives a batch its axis of channels" if axis == 0 and self.in_channels == 1 else ""
            raise ValueError(f"{self._title()} takes {self.in_channels} channels in axis {axis}, got the shape {shape}{fix}")
        return super().forward(x)

    def extra_repr(self) -> str:
        usual = {"padding": (0,) * self.dimensions, "dilation": (1,) * self.dimensions, "groups": 1, "padding_mode": "zeros"}
        usual["output_padding"] = (0,) * self.dimensions
        shown = [f"{name}={getattr(self, name)!r}" for name in self.settings if getattr(self, name) != usual.get(name)]
        bias = [] if self.bias is not None else ["bias=False"]
        return ", ".join([f"{self.in_channels}, {self.out_channels}", *shown, *bias])


class ConvNd(Convolution):
    """The base of Conv1d and Conv2d: cross-correlation with kernels of one or two axes."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Lengths, stride: Lengths = 1, padding: Lengths | str = 0,
        dilation: Lengths = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", *, dtype: Any = np.float64,
        rng: Rng = None,
    ) -> None:  # fmt: skip
        self._set_up(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, dtype, rng)

    def _compute(self, x: Any) -> Value:
        padding = self.padding
        if self.padding_mode != "zeros" and padding != "valid":
            mode: Any = PADDING_MODES[self.padding_mode]
            sides = self._both_sides()
            self._check_sides(x.shape[2:], sides)
            x, padding = np.pad(x, [(0, 0), (0, 0), *sides], mode), 0
        return conv(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _both_sides(self) -> list[tuple[int, int]]:
        """Return the padding before and after each axis as numbers; "same" puts an odd element after."""
        if self.padding != "same":
            return [(n, n) for n in self.padding]
        more = [(k - 1) * d for k, d in zip(self.kernel_size, self.dilation, strict=True)]
        return [(n // 2, n - n // 2) for n in more]

    def _check_sides(self, lengths: tuple[int, ...], sides: list[tuple[int, int]]) -> None:
        """Raise ValueError, as PyTorch does, for padding that would use an element of the input more than once on a side."""
        shorter = {"reflect": 1, "circular": 0}.get(self.padding_mode)
        if shorter is not None and any(max(side) > max(n - shorter, 0) for n, side in zip(lengths, sides, strict=True)):
            most = "less than" if shorter else "at most"
            raise ValueError(
                f"{self._title()} pads by {[max(side) for side in sides]}, but padding by {self.padding_mode!r} must be {most} "
                f"the lengths of the input, {lengths}: pad less, or by 'replicate'"
            )


class Conv1d(ConvNd):
    """Correlates the input with kernels along one axis: (batch, in_channels, length) -> (batch, out_channels, windows).

    `weight` has the shape (out_channels, in_channels / groups, kernel_size), as in PyTorch.

    Args:
        in_channels, out_channels: channels before and after.
        kernel_size: the length of the kernels.
        stride, dilation: steps between windows, and between the elements of one.
        padding: the number of elements to add on both sides; "valid" for none, "same" for as many windows as elements.
        groups: the number of groups of channels; each output sees the inputs of its own group.
        bias: whether to add a bias.
        padding_mode: "zeros", or elements of the input by "reflect", "replicate" or "circular".
        dtype: the dtype of the parameters.
        rng: a numpy Generator or a seed, or None, see nn.seed().

    Raises:
        ValueError: if the settings do not fit together, such as "same" with a stride; if an input has another shape, or is too
            short for padding by "reflect" or "circular".

    >>> Conv1d(3, 4, 5, padding="same", rng=0)(np.zeros((2, 3, 10))).shape
    (2, 4, 10)
    """

    dimensions = 1


class Conv2d(ConvNd):
    """Correlates images with kernels: (batch, in_channels, height, width) -> (batch, out_channels, rows, columns).

    `weight` has the shape (out_channels, in_channels / groups, *kernel_size), as in PyTorch. The arguments are those of
    Conv1d; kernel_size, stride, padding and dilation are one number, or one for each axis.

    >>> Conv2d(1, 8, 3, rng=0)(np.zeros((64, 1, 28, 28))).shape
    (64, 8, 26, 26)
    """

    dimensions = 2


class ConvTransposeNd(Convolution):
    """The base of ConvTranspose1d and ConvTranspose2d: the transpose of a convolution as a linear map."""

    settings = ("kernel_size", "stride", "padding", "output_padding", "groups", "dilation")
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Lengths, stride: Lengths = 1, padding: Lengths = 0,
        output_padding: Lengths = 0, groups: int = 1, bias: bool = True, dilation: Lengths = 1, padding_mode: str = "zeros",
        *, dtype: Any = np.float64, rng: Rng = None,
    ) -> None:  # fmt: skip
        self.output_padding = self._per_axis(output_padding, "output_padding", 0)
        self._set_up(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, dtype, rng)

    def _compute(self, x: Any) -> Value:
        return conv_transpose(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )  # fmt: skip


class ConvTranspose1d(ConvTransposeNd):
    """Applies the transpose of Conv1d, back to a longer axis: (batch, in_channels, windows) -> (batch, out_channels, length).

    ``length = (windows - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1``, and `weight` has the
    shape (in_channels, out_channels / groups, kernel_size), as in PyTorch.

    Args:
        output_padding: the number of elements by which the output is longer; less than stride or dilation.
        in_channels, out_channels, kernel_size, stride, padding, groups, bias, dilation, dtype, rng: as for Conv1d.

    >>> ConvTranspose1d(4, 3, 2, stride=2, rng=0)(np.zeros((2, 4, 5))).shape
    (2, 3, 10)
    """

    dimensions = 1


class ConvTranspose2d(ConvTransposeNd):
    """Applies the transpose of Conv2d, back to larger images; the arguments are those of ConvTranspose1d.

    >>> ConvTranspose2d(4, 3, 2, stride=2, rng=0)(np.zeros((2, 4, 5, 5))).shape
    (2, 3, 10, 10)
    """

    dimensions = 2


class MaxPool(Spatial):
    """The base of MaxPool1d and MaxPool2d."""

    settings = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, dilation: Lengths = 1, *,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, flag("ceil_mode", ceil_mode)

    def _compute(self, x: Any) -> Value:
        return max_pool(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool1d(MaxPool):
    """Takes the maximum of each window along one axis: (batch, channels, length) -> (batch, channels, windows).

    Tied elements share the gradient equally.

    Args:
        kernel_size: the length of the windows.
        stride, dilation: steps between windows, by default kernel_size, and between the elements of one.
        padding: -inf on both sides, at most half the window.
        ceil_mode: whether to include windows that begin inside the padded input and end outside.

    >>> MaxPool1d(2)(np.array([[[1.0, 5.0, 2.0, 3.0]]]))
    array([[[5., 3.]]])
    """

    dimensions = 1


class MaxPool2d(MaxPool):
    """Takes the maximum of each window of an image; the arguments are those of MaxPool1d, one number or one for each axis.

    >>> MaxPool2d(2)(np.zeros((64, 8, 26, 26))).shape
    (64, 8, 13, 13)
    """

    dimensions = 2


class AvgPool1d(Spatial):
    """Takes the mean of each window along one axis: (batch, channels, length) -> (batch, channels, windows).

    Args:
        kernel_size: the length of the windows.
        stride: steps between windows, by default kernel_size.
        padding: zeros on both sides, at most half the window.
        ceil_mode: whether to include windows that begin inside the padded input and end outside.
        count_include_pad: whether the mean includes the zeros of the padding.

    >>> AvgPool1d(2)(np.array([[[1.0, 5.0, 2.0, 4.0]]]))
    array([[[3., 3.]]])
    """

    dimensions = 1
    settings = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    divisor_override: float | None = None

    def __init__(
        self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, flag("ceil_mode", ceil_mode)
        self.count_include_pad = flag("count_include_pad", count_include_pad)

    def _compute(self, x: Any) -> Value:
        return avg_pool(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        )  # fmt: skip


class AvgPool2d(AvgPool1d):
    """Takes the mean of each window of an image; the arguments are those of AvgPool1d, one number or one for each axis.

    Args:
        divisor_override: the divisor of the sums, in place of the number of elements.

    >>> AvgPool2d(2)(np.zeros((64, 8, 26, 26))).shape
    (64, 8, 13, 13)
    """

    dimensions = 2

    def __init__(
        self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override


class AdaptiveAvgPool1d(Spatial):
    """Takes the means of `output_size` bins of one axis: (batch, channels, length) -> (batch, channels, output_size).

    Bin i of n spans floor(i length / n) to ceil((i + 1) length / n); bins may share elements.

    >>> AdaptiveAvgPool1d(2)(np.array([[[1.0, 2.0, 3.0, 4.0, 5.0]]]))
    array([[[2., 4.]]])
    """

    dimensions = 1
    settings = ("output_size",)

    def __init__(self, output_size: int | tuple[int | None, ...] | None) -> None:
        self.output_size = output_size

    def _compute(self, x: Any) -> Value:
        return adaptive_avg_pool(x, self.output_size)


class AdaptiveAvgPool2d(AdaptiveAvgPool1d):
    """Takes the means of bins of an image, with one number of bins or one for each axis; None keeps the length of an axis.

    >>> AdaptiveAvgPool2d((1, None))(np.zeros((2, 8, 5, 5))).shape
    (2, 8, 1, 5)
    """

    dimensions = 2

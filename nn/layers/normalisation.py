"""Normalisation layers: scale to mean 0 and deviation 1 over the batch, the features or groups of channels.

Channels are axis 1, as in PyTorch. The variance is the biased one, over n, plus `eps`.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autograd import Value
from autograd.compiler import live
from autograd.ops import centre, reshape, rms_normalise
from nn.arrays import flag, floating, raw_array, require_float
from nn.module import Module


def scale_and_shift(x: Any, weight: Value | None, bias: Value | None, axes_behind: int = 0) -> Any:
    """Return ``x * weight + bias``, each if not None; the vectors belong to the axis with `axes_behind` axes after it."""
    if axes_behind:
        weight, bias = (p if p is None else reshape(p, (-1,) + (1,) * axes_behind) for p in (weight, bias))
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def move_towards(old: np.ndarray, new: np.ndarray, part: float) -> np.ndarray:
    """Return a running average after one more number, which gets the weight `part`."""
    return ((1.0 - part) * old.astype(new.dtype) + part * new).astype(old.dtype)


def require_eps(layer: Module, eps: float | None) -> None:
    """Raise ValueError if `eps` is negative or nan, which would give nan for small variances."""
    if eps is not None and not eps >= 0.0:
        raise ValueError(f"the eps of {type(layer).__name__} must not be negative, got {eps!r}")


class BatchNorm(Module):
    """The base of BatchNorm1d and BatchNorm2d, which differ in the inputs they take."""

    shapes: dict[int, str] = {}  # by the number of axes
    newer_buffers = ("num_batches_tracked",)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        require_float(dtype)
        require_eps(self, eps)
        if momentum is not None and not 0.0 <= momentum <= 1.0:
            raise ValueError(f"the momentum of {type(self).__name__} must be from 0 to 1, or None, got {momentum!r}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        affine, track_running_stats = flag("affine", affine), flag("track_running_stats", track_running_stats)
        self.weight = Value(np.ones(num_features, dtype)) if affine else None
        self.bias = Value(np.zeros(num_features, dtype)) if affine else None
        self.running_mean = np.zeros(num_features, dtype) if track_running_stats else None
        self.running_var = np.ones(num_features, dtype) if track_running_stats else None
        self.num_batches_tracked: Any = np.array(0) if track_running_stats else None

    def forward(self, x: Any) -> Any:
        x = floating(x, self, self.weight if self.weight is not None else self.running_mean)
        shape = np.shape(x)
        if len(shape) not in self.shapes or shape[1] != self.num_features:
            wanted = " or ".join(self.shapes.values()).replace("C", str(self.num_features))
            raise ValueError(f"{self._title()} takes {wanted}, got the shape {shape}")
        behind = len(shape) - 2
        if self.running_mean is not None and self.running_var is not None and not self.training:
            running = live(vars(self))
            scale: Any = (running["running_var"] + self.eps) ** -0.5
            scale = scale if self.weight is None else self.weight * scale
            return scale_and_shift(x - running["running_mean"].reshape(-1, *(1,) * behind), scale, self.bias, behind)
        if math.prod(shape) <= self.num_features:
            raise ValueError(
                f"{type(self).__name__} takes its variance from more than one value per channel, got the shape {shape}: "
                "leave out a last batch of one sample with drop_last=True of DataLoader or fit(), use a larger batch, or call "
                "eval() on a layer with running statistics"
            )
        axes = (0, *range(2, len(shape)))
        centred = centre(x, axes)
        self._track(raw_array(x), raw_array(centred), axes)
        return scale_and_shift(rms_normalise(centred, axes, self.eps), self.weight, self.bias, behind)

    def _loaded(self, absent: set[str]) -> None:
        if absent and self.momentum is None and self.running_mean is not None:
            warnings.warn(
                f"the state has no num_batches_tracked, which {type(self).__name__}(momentum=None) needs to continue averaging: "
                f"the next batches in training count as if {int(self.num_batches_tracked)} had been seen; set it, or use eval()",
                stacklevel=3,
            )

    def _track(self, x: np.ndarray, centred: np.ndarray, axes: tuple[int, ...]) -> None:
        """Move the running statistics, if any, towards those of a batch: in new arrays, because a graph may hold the old ones."""
        if self.running_mean is None or self.running_var is None:
            return
        running = live(vars(self))
        running["num_batches_tracked"] = np.asarray(running["num_batches_tracked"] + 1)
        part = 1.0 / running["num_batches_tracked"].item() if self.momentum is None else self.momentum
        mean = x.mean(axes, np.float64)
        squares = np.square(centred, dtype=np.result_type(centred, np.float32))  # float16 overflows from 256 on
        var = squares.sum(axes, np.float64) / (x.size // self.num_features - 1)
        running["running_mean"] = move_towards(running["running_mean"], mean, part)
        running["running_var"] = move_towards(running["running_var"], var, part)

    def extra_repr(self) -> str:
        defaults = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
        affine, tracks = self.weight is not None, self.running_mean is not None
        settings = {"eps": self.eps, "momentum": self.momentum, "affine": affine, "track_running_stats": tracks}
        return ", ".join([str(self.num_features), *(f"{k}={v}" for k, v in settings.items() if v != defaults[k])])


class BatchNorm1d(BatchNorm):
    """Normalises each channel over the batch (Ioffe and Szegedy 2015): (N, C) or (N, C, L) to the same shape.

    ``(x - mean) / sqrt(var + eps) * weight + bias``. In training mode, mean and var are those of the batch, and the running
    ones move towards them, also under no_grad(). In eval mode they are the running ones.

    Args:
        num_features: the number of channels, C.
        eps: added to the variance.
        momentum: how far the running statistics move towards those of a batch; None averages over all batches.
        affine: whether to have `weight` and `bias` (C,), which start at 1 and 0.
        track_running_stats: whether to keep running statistics; without them, eval mode uses those of the batch.
        dtype: the dtype of parameters and statistics.

    Attributes:
        running_mean, running_var, num_batches_tracked: buffers, or None. The running variance is the unbiased one.

    Raises:
        ValueError: if an input has another number of axes or channels, or one value per channel for batch statistics.

    >>> layer = BatchNorm1d(2)
    >>> layer(np.array([[1.0, 5.0], [3.0, 5.0]])).data.round(2)
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> layer.running_mean, layer.running_var
    (array([0.2, 0.5]), array([1.1, 0.9]))
    """

    shapes = {2: "(N, C)", 3: "(N, C, L)"}


class BatchNorm2d(BatchNorm):
    """Normalises each channel over the batch and both image axes: (N, C, H, W) to the same shape. See BatchNorm1d."""

    shapes = {4: "(N, C, H, W)"}


class OverLastAxes(Module):
    """The base of LayerNorm and RMSNorm: they normalise the last axes, whose lengths are `normalized_shape`."""

    usual_eps: float | None = None  # the default, which the repr omits
    skips_initialise = ("weight",)

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float | None, elementwise_affine: bool, bias: bool, dtype: Any
    ) -> None:
        require_float(dtype)
        normalized_shape = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else normalized_shape
        self.normalized_shape = tuple(normalized_shape)
        if not self.normalized_shape:
            raise ValueError(f"{type(self).__name__} normalises one axis or more, got normalized_shape=()")
        require_eps(self, eps)
        self.eps = eps
        elementwise_affine, bias = flag("elementwise_affine", elementwise_affine), flag("bias", bias)
        self.axes = tuple(range(-len(self.normalized_shape), 0))
        self.weight = Value(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Value(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def _checked_input(self, x: Any) -> Any:
        """Return the input as floats; raise ValueError for another shape."""
        x = floating(x, self, self.weight)
        if np.shape(x)[-len(self.axes) :] != self.normalized_shape:
            wanted = ", ".join(map(str, self.normalized_shape))
            raise ValueError(f"{self._title()} takes (..., {wanted}), got the shape {np.shape(x)}")
        return x

    def extra_repr(self) -> str:
        shape = self.normalized_shape[0] if len(self.normalized_shape) == 1 else self.normalized_shape
        eps = "" if self.eps == self.usual_eps else f", eps={self.eps}"
        return f"{shape}{eps}" + ("" if self.weight is not None else ", elementwise_affine=False")


class LayerNorm(OverLastAxes):
    """Normalises each sample over its last axes (Ba et al. 2016): (..., *normalized_shape) to the same shape.

    ``(x - mean) / sqrt(var + eps) * weight + bias``, the same in training and eval mode.

    Args:
        normalized_shape: the lengths of the last axes, or the length of the last one.
        eps: added to the variance.
        elementwise_affine: whether to have a `weight` of that shape, which starts at 1.
        bias: whether to have a `bias` as well, which starts at 0.
        dtype: the dtype of the parameters.

    Raises:
        ValueError: if the last axes of an input have other lengths.

    >>> LayerNorm(2)([[1.0, 3.0]]).data.round(2)
    array([[-1.,  1.]])
    """

    eps: float
    usual_eps = 1e-5

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine, bias, dtype)

    def forward(self, x: Any) -> Any:
        x = self._checked_input(x)
        return scale_and_shift(rms_normalise(centre(x, self.axes), self.axes, self.eps), self.weight, self.bias)

    def extra_repr(self) -> str:
        return super().extra_repr() + ", bias=False" * (self.weight is not None and self.bias is None)


class RMSNorm(OverLastAxes):
    """Divides each sample by the root mean square of its last axes (Zhang and Sennrich 2019); keeps the shape.

    ``x / sqrt(mean(x ** 2) + eps) * weight``.

    Args:
        normalized_shape: the lengths of the last axes, or the length of the last one.
        eps: added to the mean square; None means the machine epsilon of the input's dtype, as in PyTorch.
        elementwise_affine: whether to have a `weight` of that shape, which starts at 1.
        dtype: the dtype of the weight.

    Raises:
        ValueError: if the last axes of an input have other lengths.

    >>> RMSNorm(2)([[3.0, -3.0]]).data.round(2)
    array([[ 1., -1.]])
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = np.float64,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine, False, dtype)

    def forward(self, x: Any) -> Any:
        x = self._checked_input(x)
        eps = float(np.finfo(getattr(x, "dtype", float)).eps) if self.eps is None else self.eps
        return scale_and_shift(rms_normalise(x, self.axes, eps), self.weight, None)


class GroupNorm(Module):
    """Normalises each group of channels of each sample (Wu and He 2018): (N, C, ...) to the same shape.

    ``(x - mean) / sqrt(var + eps) * weight + bias``. One group for each channel is instance normalisation.

    Args:
        num_groups: the number of groups of channels.
        num_channels: the number of channels, C.
        eps: added to the variance.
        affine: whether to have `weight` and `bias` (C,), which start at 1 and 0.
        dtype: the dtype of the parameters.

    Raises:
        ValueError: if num_groups does not divide num_channels, or an input has another number of channels.

    >>> GroupNorm(2, 6)(np.random.default_rng(0).normal(size=(4, 6, 5))).shape
    (4, 6, 5)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, dtype: Any = np.float64
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm divides channels into equal groups, got {num_channels} channels and {num_groups} groups")
        require_float(dtype)
        require_eps(self, eps)
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        affine = flag("affine", affine)
        self.weight = Value(np.ones(num_channels, dtype)) if affine else None
        self.bias = Value(np.zeros(num_channels, dtype)) if affine else None

    def forward(self, x: Any) -> Any:
        x = floating(x, self, self.weight)
        shape = np.shape(x)
        if len(shape) < 2 or shape[1] != self.num_channels:
            raise ValueError(f"{self._title()} takes (N, {self.num_channels}, ...), got the shape {shape}")
        groups = reshape(x, (shape[0], self.num_groups, math.prod(shape[1:]) // self.num_groups))
        normalised = reshape(rms_normalise(centre(groups, -1), -1, self.eps), shape)
        return scale_and_shift(normalised, self.weight, self.bias, len(shape) - 2)

    def extra_repr(self) -> str:
        eps = "" if self.eps == 1e-5 else f", eps={self.eps}"
        return f"{self.num_groups}, {self.num_channels}{eps}" + ("" if self.weight is not None else ", affine=False")

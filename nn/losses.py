"""Losses: scalar Values that say how far predictions are from targets, averaged over all samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Value, log_softmax, mean, relu


def _same_shape(name: str, prediction: Any, target: Any) -> None:
    if np.shape(prediction) != np.shape(target):
        raise ValueError(
            f"{name}() needs predictions and targets of one shape, but {np.shape(prediction)} and {np.shape(target)} came, "
            "which would broadcast against each other: reshape or index one of them"
        )


def mse_loss(prediction: Any, target: Any) -> Any:
    """The mean of ``(prediction - target) ** 2`` over all elements; both have the same shape.

    >>> mse_loss(Value([1.0, 2.0]), [0.0, 4.0]).data
    2.5
    """
    _same_shape("mse_loss", prediction, target)
    target = target if isinstance(target, Value) else np.asarray(target)
    return mean((prediction - target) ** 2)


def cross_entropy(logits: Any, target: Any) -> Any:
    """The mean of ``-log(softmax(logits)[target])``: what a classifier minimises.

    Args:
        logits: (..., classes), scores before any softmax.
        target: (...), the right class of each sample, integers of any kind.

    Raises:
        TypeError: if the targets are not integers.
        ValueError: if the shapes do not fit or a target is not a class.

    >>> cross_entropy(Value([[0.0, 0.0]]), [1]).data
    0.6931471805599453
    """
    target = np.asarray(target.data if isinstance(target, Value) else target)
    shape = np.shape(logits)
    if target.dtype.kind not in "iu":
        raise TypeError(
            f"cross_entropy() takes class numbers as integers, but the dtype {target.dtype} came: use target.astype(int)"
        )
    if not shape or target.shape != shape[:-1]:
        raise ValueError(
            f"cross_entropy() takes logits (..., classes) and targets (...), but the shapes {shape} and {target.shape} came: "
            "one integer for each sample, not one-hot rows"
        )
    if target.size and (target.min() < 0 or target.max() >= shape[-1]):
        raise ValueError(
            f"cross_entropy() has {shape[-1]} classes, 0 to {shape[-1] - 1}, "
            f"but targets reach from {target.min()} to {target.max()}"
        )
    places = (*np.indices(target.shape, sparse=True), target.astype(np.intp))
    return -mean(log_softmax(logits)[places])


def hinge_loss(scores: Any, target: Any) -> Any:
    """The mean of ``max(0, 1 - target * scores)``, with targets -1 and 1: a margin of 1 on the right side.

    >>> hinge_loss(Value([0.5, -3.0]), [1, -1]).data
    0.25
    """
    _same_shape("hinge_loss", scores, target)
    target = np.asarray(target.data if isinstance(target, Value) else target)
    if (target * target != 1).any():
        raise ValueError("hinge_loss() takes the targets -1 and 1: use 2 * target - 1 for classes 0 and 1")
    return mean(relu(1.0 - scores * target.astype(getattr(scores, "dtype", float))))

"""Metrics: functions of predictions and targets that fit() and evaluate() report."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn.arrays import raw_array
from nn.losses import class_numbers
from nn.reductions import note_reduction


def accuracy(prediction: Any, target: Any) -> float:
    """Return the share of samples with the right class, for arrays or Values in one of three forms.

    ==================  ==================  =======================================================================
    prediction          target              comparison
    ==================  ==================  =======================================================================
    (..., classes)      (...)               the largest score or probability with the class number, an integer
    (..., classes)      (..., classes)      the largest score with the largest of one-hot rows or probabilities
    (n,) or (..., 1)    the same shape      a logit (not a probability) above 0 with the class 1 of 0 and 1, or -1 and 1
    ==================  ==================  =======================================================================

    Returns:
        A number from 0 to 1; nan if a prediction is nan, which has no class.

    Raises:
        ValueError: for other shapes, such as (n, 1) with (n,); for other targets, such as several ones in a row; without samples.
        TypeError: for targets that are not numbers, or class numbers that are not integers.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    >>> accuracy(np.array([2.5, -1.0, 0.5]), np.array([1, 0, 0]))
    0.6666666666666666
    """
    prediction, target = raw_array(prediction), raw_array(target)
    several = prediction.ndim > 0 and prediction.shape[-1] > 1
    if target.dtype.kind not in "biuf":
        raise TypeError(
            f"accuracy() takes numbers as targets, got the dtype {target.dtype}: "
            "np.unique(labels, return_inverse=True)[1] numbers classes"
        )
    if prediction.dtype.kind not in "biuf":
        raise TypeError(f"accuracy() takes scores, which are numbers, as predictions, got the dtype {prediction.dtype}")
    if not prediction.size:
        raise ValueError(f"accuracy() needs samples, got predictions of the shape {prediction.shape}")
    if several and target.shape == prediction.shape[:-1]:
        right = prediction.argmax(-1) == class_numbers("accuracy", prediction, target)[0]
    elif several and target.shape == prediction.shape and prediction.ndim > 1:
        if (target < 0).any() or not np.allclose(target.sum(-1, dtype=float), 1.0, atol=1e-3):
            raise ValueError(
                "accuracy() takes targets in the shape of the scores if each row is one-hot or probabilities, which add up to 1; "
                "for several right labels in a row, compare prediction.ravel() and target.ravel()"
            )
        right = prediction.argmax(-1) == target.argmax(-1)
    elif target.shape == prediction.shape and (prediction.ndim == 1 or prediction.shape[-1:] == (1,)):
        if not any(np.isin(target, classes).all() for classes in ((0, 1), (-1, 1))):
            raise ValueError("accuracy() takes the targets 0 and 1, or -1 and 1, for one logit per sample, got others")
        right = (prediction > 0) == (target > 0)
    else:
        raise ValueError(
            "accuracy() takes scores (..., classes) with class numbers (...) or one-hot rows (..., classes), or logits with "
            f"targets of one shape, (n,) or (n, 1), got {prediction.shape} and {target.shape}: reshape or index one of them"
        )
    note_reduction("mean", right.size)
    return math.nan if np.isnan(prediction).any() else float(np.mean(right))


def r2_score(prediction: Any, target: Any) -> float:
    """Return the explained share of the variance of the targets: 1 is perfect, 0 no better than their mean.

    Args:
        prediction, target: arrays or Values of numbers, of one shape.

    Raises:
        ValueError: for different shapes, without samples, and for targets that are all the same.

    >>> r2_score(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    0.7857142857142857
    """
    prediction, target = raw_array(prediction), raw_array(target)
    if prediction.shape != target.shape:
        raise ValueError(f"r2_score() takes arrays of one shape, got {prediction.shape} and {target.shape}")
    if not {prediction.dtype.kind, target.dtype.kind} <= set("biuf"):
        raise TypeError(f"r2_score() takes numbers, got the dtypes {prediction.dtype} and {target.dtype}")
    if not target.size or not target.ndim:
        raise ValueError(f"r2_score() needs samples, got arrays of the shape {target.shape}")
    note_reduction("other")
    prediction, target = (np.asarray(item, np.result_type(item, np.float64)) for item in (prediction, target))
    with np.errstate(invalid="ignore", over="ignore"):  # of infinities: the score is -inf or nan
        spread = ((target - target.mean(axis=0)) ** 2).sum()
        if not spread:
            raise ValueError("r2_score() needs targets that differ")
        return float(1.0 - ((target - prediction) ** 2).sum() / spread)

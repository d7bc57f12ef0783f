"""Losses: functions and modules that measure how far predictions are from targets. Names follow PyTorch.

In all of them `reduction` is "mean", over all elements (or samples, where a sample has one loss), "sum", or "none" for one loss
each. A target is a list, an array or a Value of the shape of the predictions; shapes that would broadcast raise a ValueError, as
does an unknown reduction. Arrays of targets and weights are cast to the dtype of the predictions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import Value, exp, log, log_softmax, relu, softplus, where
from autograd.ops import abs, clip, log_loss, maximum, mean, minimum, softmax_cross_entropy, square, sum
from nn.arrays import as_array, as_tensor, no_tuple, raw_array
from nn.layers.activations import FunctionModule
from nn.reductions import broadcast_weights, constant_weights, note_reduction, reduce_losses, reduce_weighted, times_weights

# --- shared by all --------------------------------------------------------------------------------


def as_prediction(data: Any) -> Any:
    """Return a Value as it is, and other data as an array of floats; raise TypeError for None and tuples of tensors."""
    if isinstance(data, Value):
        return data
    if data is None:
        raise TypeError("a loss takes predictions, got None: does forward() return its result?")
    tensor = no_tuple(data, "a loss")
    return tensor if isinstance(tensor, Value) else np.asarray(tensor, dtype=float_dtype(data))


def refuse_result(name: str, logits: Any, op: str) -> Any:
    """Return `logits`; raise ValueError if they are the result of `op`, which the loss applies itself."""
    if isinstance(logits, Value) and logits.op is not None and logits.op.name == op:
        raise ValueError(
            f"{name}() takes logits and applies {op}() itself, got the result of {op}(): leave it out of the model, "
            "and call it for predictions"
        )
    return logits


def as_target(prediction: Any, data: Any) -> Any:
    """Return a Value as it is, and other data in the dtype of the prediction; raise TypeError for None."""
    if data is None:
        raise TypeError("a loss takes targets, got None: what does the data set return?")
    data = as_array(data)
    return data if isinstance(data, Value) else np.asarray(data, dtype=prediction.dtype)


def matched(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """Return a prediction and its target; raise ValueError for shapes that differ and would broadcast."""
    prediction = as_prediction(prediction)
    target = as_target(prediction, target)
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name}() needs predictions and targets of one shape, got {prediction.shape} and {target.shape}, "
            "which would broadcast against each other: reshape or index one of them"
        )
    return prediction, target


def float_dtype(data: Any) -> Any:
    """Return the dtype of an array of floats, and float64 for all else."""
    dtype = getattr(data, "dtype", np.dtype(float))
    return dtype if dtype.kind == "f" else np.dtype(float)


def without_infinities(x: Any, factor: Any) -> Any:
    """Return `x` with 0 where it is infinite and the factor is 0, because 0 * inf would be nan."""
    gone = np.isinf(raw_array(x)) & (raw_array(factor) == 0.0)
    return where(gone, 0.0, x) if gone.any() else x


def require_probabilities(name: str, what: str, p: Any) -> None:
    """Raise ValueError unless all are between 0 and 1."""
    data = raw_array(p)
    if np.size(data) and (np.min(data) < 0.0 or np.max(data) > 1.0):
        raise ValueError(
            f"{name}() takes {what} between 0 and 1, got numbers from {np.min(data):g} to {np.max(data):g}: "
            "apply sigmoid or softmax first, or use the loss that takes logits"
        )


def as_signs(name: str, target: Any) -> Any:
    """Return targets -1 and 1 as an array; raise ValueError for others."""
    target = raw_array(target)
    if (target * target != 1).any():
        raise ValueError(f"{name}() takes the targets -1 and 1: use 2 * target - 1 for classes 0 and 1")
    return target


# --- regression -----------------------------------------------------------------------------------


def mse_loss(prediction: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """Return ``(prediction - target) ** 2``, for any shape; a weighted mean divides by the sum of the weights.

    >>> mse_loss(Value([1.0, 2.0]), [0.0, 4.0]).data
    2.5
    """
    prediction, target = matched("mse_loss", prediction, target)
    return reduce_weighted("mse_loss", square(prediction - target), weight, reduction)


def half_square_loss(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """Return ``(prediction - target) ** 2 / 2``, whose derivative is the error itself.

    >>> half_square_loss(Value([1.0, 2.0]), [0.0, 4.0], reduction="none").data.tolist()
    [0.5, 2.0]
    """
    prediction, target = matched("half_square_loss", prediction, target)
    return reduce_losses("half_square_loss", square(prediction - target) * 0.5, reduction)


def l1_loss(prediction: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """Return ``|prediction - target|``, with the derivative 0 at 0; a weighted mean divides by the sum of the weights.

    >>> l1_loss(Value([1.0, 2.0]), [0.0, 4.0]).data
    1.5
    """
    prediction, target = matched("l1_loss", prediction, target)
    return reduce_weighted("l1_loss", abs(prediction - target), weight, reduction)


def huber(error: Any, delta: float) -> Any:
    """Return error^2 / 2 up to delta, and the tangent beyond it."""
    limited = clip(error, -delta, delta)
    return limited * (error - 0.5 * limited)


def huber_loss(prediction: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Return ``e ** 2 / 2`` for errors up to `delta`, and ``delta * (|e| - delta / 2)`` beyond it (Huber 1964).

    A weighted mean divides by the number of elements, as in PyTorch.

    Raises:
        ValueError: also if `delta` is not positive.

    >>> huber_loss(Value([0.5, 3.0]), [0.0, 0.0], reduction="none").data.tolist()
    [0.125, 2.5]
    """
    prediction, target = matched("huber_loss", prediction, target)
    if not delta > 0.0:
        raise ValueError(f"huber_loss() takes a positive delta, got {delta}")
    losses = huber(prediction - target, float(delta))
    return reduce_losses("huber_loss", times_weights("huber_loss", losses, weight), reduction)


def smooth_l1_loss(prediction: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Return huber_loss() with delta `beta`, divided by it: ``|e| - beta / 2`` for large errors (Girshick 2015); l1_loss() for 0.

    >>> smooth_l1_loss(Value([0.5, 3.0]), [0.0, 0.0], reduction="none", beta=2.0).data.tolist()
    [0.0625, 2.0]
    """
    prediction, target = matched("smooth_l1_loss", prediction, target)
    if not beta >= 0.0:
        raise ValueError(f"smooth_l1_loss() takes a beta that is not negative, got {beta}")
    error = prediction - target
    losses = huber(error, float(beta)) * (1.0 / beta) if beta else abs(error)
    return reduce_losses("smooth_l1_loss", losses, reduction)


def gaussian_nll_loss(
    prediction: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:  # fmt: skip
    """Return ``(log(var) + (prediction - target) ** 2 / var) / 2``; the prediction is a mean (Nix and Weigend 1994).

    Args:
        prediction, target: arrays or Values of one shape.
        var: the variances, of the same shape, or with the last axis of length 1 or missing, or one number.
        full: whether to add the constant ``log(2 pi) / 2``.
        eps: the minimum of the variances; the gradient of smaller ones passes, so that they can grow.

    Raises:
        ValueError: also if a variance is negative, or has another shape.

    >>> round(gaussian_nll_loss(Value([1.0, 2.0]), [0.0, 4.0], Value([1.0, 4.0])).data, 6)
    0.846574
    """
    prediction, target = matched("gaussian_nll_loss", prediction, target)
    var = as_target(prediction, var)
    shape = prediction.shape
    if var.shape == shape[:-1] and shape:
        var = var[..., None]
    if var.shape not in (shape, (*shape[:-1], 1), ()):
        raise ValueError(
            f"gaussian_nll_loss() takes variances of the shape {shape} of the predictions, or one for each row, got {var.shape}"
        )
    if np.min(raw_array(var), initial=0.0) < 0.0:
        raise ValueError("gaussian_nll_loss() takes variances that are not negative: apply exp or softplus first")
    var = var + np.maximum(eps - raw_array(var), 0.0)
    losses = (log(var) + square(prediction - target) / var) * 0.5
    return reduce_losses("gaussian_nll_loss", losses + 0.5 * math.log(2.0 * math.pi) if full else losses, reduction)


def poisson_nll_loss(
    prediction: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """Return ``exp(prediction) - target * prediction`` for counts; the prediction is the logarithm of their mean.

    Args:
        log_input: False if the prediction is the mean itself; the loss is then ``prediction - target * log(prediction + eps)``.
        full: whether to add Stirling's approximation of ``log(target!)`` where the target is above 1.

    >>> poisson_nll_loss(Value([0.0, 0.0]), [1.0, 3.0]).data
    1.0
    """
    prediction, target = matched("poisson_nll_loss", prediction, target)
    losses = exp(prediction) - target * prediction if log_input else prediction - target * log(prediction + eps)
    if full:
        large = raw_array(target) > 1.0
        count = where(large, target, 1.0)
        losses = losses + where(large, count * log(count) - count + 0.5 * log(2.0 * math.pi * count), 0.0)
    return reduce_losses("poisson_nll_loss", losses, reduction)


# --- one class of several -------------------------------------------------------------------------


def class_numbers(name: str, scores: Any, target: Any, ignore_index: int | None = None) -> tuple[Any, Any]:
    """Return class numbers for scores (..., classes), with 0 for ignored ones, and where targets are ignored, or None.

    Raises:
        TypeError: if the targets are not integers.
        ValueError: if the shapes do not fit or a target is not a class.
    """
    target, shape = raw_array(target), scores.shape
    if target.dtype.kind not in "iu":
        fix = "use target.astype(int)"
        if target.dtype.kind not in "bf":
            fix = "number the classes, names, target = np.unique(target, return_inverse=True)"
        elif target.shape[:-1] == shape != target.shape:
            fix = f"it is {name}(prediction, target), in this order"
        raise TypeError(f"{name}() takes class numbers as integers, got the dtype {target.dtype}: {fix}")
    if not shape or target.shape != shape[:-1]:
        raise ValueError(
            f"{name}() takes logits (..., classes) and targets (...), got the shapes {shape} and {target.shape}: "
            "one integer for each sample, not one-hot rows; axis= says where the classes are"
        )
    target = target.astype(np.intp, copy=False)
    ignored, valid = None, all_classes(target, shape[-1])
    if ignore_index is not None and (0 <= ignore_index < shape[-1] or not valid):
        ignored = target == ignore_index
        target = np.where(ignored, 0, target)
        valid = all_classes(target, shape[-1])
    if not valid:
        raise ValueError(
            f"{name}() has {shape[-1]} classes, 0 to {shape[-1] - 1}, got targets from {target.min()} to {target.max()}"
        )
    return target, ignored if ignored is not None and ignored.any() else None


def all_classes(target: np.ndarray, classes: int) -> bool:
    """Return whether all are from 0 to classes - 1, in one pass: as an unsigned integer, a negative number is a large one."""
    return not target.size or bool(np.maximum.reduce(target.view(np.uintp), None) < classes)


def class_weights(name: str, weight: Any, scores: Any) -> Any:
    """Return a constant weight for each class."""
    if weight is not None and np.shape(weight) != scores.shape[-1:]:
        raise ValueError(f"{name}() takes a weight for each of {scores.shape[-1]} classes, got the shape {np.shape(weight)}")
    return None if weight is None else constant_weights(name, weight, scores)


def classes_last(scores: Any, axis: int) -> Any:
    """Move the classes of scores to the last axis."""
    return scores if axis == -1 else np.moveaxis(scores, axis, -1)


def per_class(name: str, losses: Any, target: Any, ignored: Any, weight: Any, reduction: str) -> Any:
    """Reduce the losses of samples; a mean divides by the weights of their classes, and ignored targets have weight 0."""
    if weight is None and ignored is None:
        return reduce_losses(name, losses, reduction)
    factor = np.ones(target.shape) if weight is None else weight[target]
    factor = factor if ignored is None else np.where(ignored, 0.0, factor)
    return reduce_losses(name, losses if ignored is None else where(ignored, 0.0, losses), reduction, np.sum(factor, dtype=float))


def losses_of(logits: Any, target: Any) -> Any:
    """Return the loss of each sample, or None if a target is ignored or wrong; class_numbers() then tells which."""
    try:
        return softmax_cross_entropy(logits, target)
    except ValueError:
        return None


def cross_entropy(
    logits: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    *,
    axis: int = -1,
) -> Any:
    """Return ``-log(softmax(logits)[target])``, the usual loss of a classifier.

    Args:
        logits: (..., classes), scores before any softmax.
        target: (...), the right class of each sample, integers of any kind; or floats (..., classes), their probabilities.
        weight: (classes,), constant factors of the losses. The mean divides by the weights of the targets, or by the number of
            samples if the targets are probabilities.
        ignore_index: a target that is left out of the gradient and of the mean.
        label_smoothing: the part of each target to spread over all classes (Szegedy et al. 2016), between 0 and 1.
        axis: the axis of the classes: 1 for PyTorch's (batch, classes, ...).

    Raises:
        TypeError: if the targets are neither integers nor probabilities of the shape of the logits.
        ValueError: if the shapes do not fit, a target is not a class, or all targets of a mean are ignored.

    >>> cross_entropy(Value([[0.0, 0.0]]), [1]).data
    0.6931471805599453
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"cross_entropy() takes a label_smoothing between 0 and 1, got {label_smoothing}")
    target, logits = as_tensor(target), as_prediction(refuse_result("cross_entropy", logits, "softmax"))
    soft = target.shape == logits.shape and target.dtype.kind == "f"
    logits = classes_last(logits, axis)
    if soft:
        return soft_cross_entropy(logits, classes_last(target, axis), weight, reduction, label_smoothing)
    if weight is None and not label_smoothing and ignore_index < 0 and (losses := losses_of(logits, target)) is not None:
        return reduce_losses("cross_entropy", losses, reduction)
    target, ignored = class_numbers("cross_entropy", logits, target, ignore_index)
    if ignored is not None:
        logits = where(ignored[..., None], 0.0, logits)
    weight = class_weights("cross_entropy", weight, logits)
    if label_smoothing:
        hot = np.arange(logits.shape[-1]) == target[..., None]  # (..., classes)
        part = as_target(logits, (1.0 - label_smoothing) * hot + label_smoothing / logits.shape[-1])
        part = part if weight is None else part * weight
        losses = -sum(without_infinities(log_softmax(logits), part) * part, axis=-1)
    else:
        losses = softmax_cross_entropy(logits, target)
        losses = losses if weight is None else losses * weight[target]
    return per_class("cross_entropy", losses, target, ignored, weight, reduction)


def soft_cross_entropy(logits: Any, target: Any, weight: Any, reduction: str, label_smoothing: float) -> Any:
    """Return cross_entropy() for probabilities (..., classes)."""
    require_probabilities("cross_entropy", "probabilities", target)
    weight, target = class_weights("cross_entropy", weight, logits), as_target(logits, target)
    if label_smoothing:
        target = target * (1.0 - label_smoothing) + label_smoothing / logits.shape[-1]
    factor = target if weight is None else target * weight
    losses = -sum(without_infinities(log_softmax(logits), factor) * factor, axis=-1)
    return reduce_losses("cross_entropy", losses, reduction)


def nll_loss(
    log_probabilities: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    *,
    axis: int = -1,
) -> Any:
    """Return ``-log_probabilities[target]``: cross_entropy() after log_softmax(), with the same arguments.

    >>> nll_loss(Value([[-0.5, -1.0]]), [1]).data
    1.0
    """
    scores = classes_last(as_prediction(log_probabilities), axis)
    data = raw_array(scores)
    if data.size and data.shape[-1] > 1 and data.min() >= 0.0 and np.allclose(data.sum(-1), 1.0, atol=1e-3):
        raise ValueError("nll_loss() takes the logarithms of probabilities, got probabilities: use log_softmax()")
    target, ignored = class_numbers("nll_loss", scores, target, ignore_index)
    weight = class_weights("nll_loss", weight, scores)
    losses = -np.take_along_axis(scores, target[..., None], -1)[..., 0]
    losses = losses if weight is None else losses * weight[target]
    return per_class("nll_loss", losses, target, ignored, weight, reduction)


def multi_margin_loss(
    scores: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:  # fmt: skip
    """Return the hinge loss of several classes: ``max(0, margin - scores[target] + scores[j]) ** p``, averaged over classes.

    The sum is over all classes j but the target, and is divided by the number of all classes (Weston and Watkins 1999).

    Args:
        scores: (..., classes).
        target: (...), the right class of each sample, integers of any kind.
        p: 1 or 2.
        weight: (classes,), a factor for each target; the mean divides by the number of samples.

    >>> multi_margin_loss(Value([[0.5, 1.0, -2.0]]), [0]).data
    0.5
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss() takes p = 1 or 2, got {p}")
    scores = as_prediction(scores)
    target, _ = class_numbers("multi_margin_loss", scores, target)
    weight = class_weights("multi_margin_loss", weight, scores)
    index = target[..., None]
    excess = relu(scores - np.take_along_axis(scores, index, -1) + margin)
    excess = where(np.arange(scores.shape[-1]) == index, 0.0, excess)  # (..., classes)
    losses = mean(square(excess) if p == 2 else excess, axis=-1)
    return reduce_losses("multi_margin_loss", losses if weight is None else losses * weight[target], reduction)


# --- probabilities, two classes -------------------------------------------------------------------


def binary_cross_entropy(probability: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """Return ``-target * log(probability) - (1 - target) * log(1 - probability)``, with logarithms of at least -100.

    The mean is over all elements, also with a weight for each.

    Raises:
        ValueError: also for probabilities or targets outside 0 to 1.

    >>> round(binary_cross_entropy(Value([0.5, 0.9]), [0.0, 1.0]).data, 6)
    0.399254
    """
    probability, target = matched("binary_cross_entropy", probability, target)
    require_probabilities("binary_cross_entropy", "probabilities", probability)
    require_probabilities("binary_cross_entropy", "targets", target)
    losses = times_weights("binary_cross_entropy", log_loss(probability, target), weight)
    return reduce_losses("binary_cross_entropy", losses, reduction)


def binary_cross_entropy_with_logits(
    logits: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:  # fmt: skip
    """Return binary_cross_entropy() of ``sigmoid(logits)``, accurate for logits of any size.

    Args:
        weight: factors of the losses; the mean is over all elements.
        pos_weight: factors of the part where the target is 1, of a shape that broadcasts to that of the logits.

    >>> binary_cross_entropy_with_logits(Value([0.0, 1000.0]), [1.0, 0.0], reduction="none").data.round(6).tolist()
    [0.693147, 1000.0]
    """
    name = "binary_cross_entropy_with_logits"
    logits, target = matched(name, refuse_result(name, logits, "sigmoid"), target)
    require_probabilities(name, "targets", target)
    # The smaller of -log(sigmoid(logits)) and -log(sigmoid(-logits)); adding |logits| gives the other without cancellation.
    positive = raw_array(logits) > 0.0
    smaller, yes = softplus(where(positive, -logits, logits)), target
    if pos_weight is not None:
        yes = broadcast_weights(name, pos_weight, logits) * target
        smaller = smaller * (1.0 - target + yes)
    factor = where(positive, 1.0 - target, -yes)
    losses = factor * without_infinities(logits, factor) + smaller
    return reduce_losses(name, times_weights(name, losses, weight), reduction)


def kl_div(log_probabilities: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """Return ``target * (log(target) - log_probabilities)`` for each element (Kullback and Leibler 1951).

    Args:
        target: probabilities, or their logarithms with `log_target`; an element of 0 adds 0.
        reduction: also "batchmean", the sum divided by the length of axis 0, which is the divergence of distributions in rows.
            "mean" divides by the number of all elements.

    >>> round(kl_div(Value([[-0.5, -1.0]]), [[0.5, 0.5]], reduction="batchmean").data, 6)
    0.056853
    """
    scores, target = matched("kl_div", log_probabilities, target)
    if log_target:
        never = (raw_array(target) == -math.inf) & ~np.isnan(raw_array(scores))
        if never.any():  # the limit of x log(x) is 0
            scores, target = where(never, 0.0, scores), where(never, 0.0, target)
        losses = exp(target) * (target - scores)
    else:
        require_probabilities("kl_div", "targets", target)
        losses = target * (log(where(raw_array(target) > 0.0, target, 1.0)) - without_infinities(scores, target))
    if reduction == "batchmean":
        note_reduction("mean", losses.shape[0] if losses.shape else 1)
        return sum(losses) / float(losses.shape[0] if losses.shape else 1)
    return reduce_losses("kl_div", losses, reduction)


def hinge_loss(scores: Any, target: Any, reduction: str = "mean") -> Any:
    """Return ``max(0, 1 - target * scores)`` for targets -1 and 1: a margin of 1 on the right side.

    >>> hinge_loss(Value([0.5, -3.0]), [1, -1]).data
    0.25
    """
    scores, target = matched("hinge_loss", scores, target)
    return reduce_losses("hinge_loss", relu(1.0 - scores * as_signs("hinge_loss", target)), reduction)


def hinge_embedding_loss(distance: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """Return the distance of pairs that belong together (target 1) and ``max(0, margin - distance)`` of others (-1).

    >>> hinge_embedding_loss(Value([0.5, 0.25]), [1, -1]).data
    0.625
    """
    distance, target = matched("hinge_embedding_loss", distance, target)
    together = as_signs("hinge_embedding_loss", target) == 1.0
    return reduce_losses("hinge_embedding_loss", where(together, distance, relu(margin - distance)), reduction)


# --- pairs and triplets ---------------------------------------------------------------------------


def margin_ranking_loss(first: Any, second: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """Return ``max(0, margin - target * (first - second))``: `first` should be larger for target 1, `second` for -1.

    >>> margin_ranking_loss(Value([0.5, 1.0]), [1.0, 3.0], [1, -1]).data
    0.25
    """
    first, second = matched("margin_ranking_loss", first, second)
    first, target = matched("margin_ranking_loss", first, target)
    losses = relu(margin - as_signs("margin_ranking_loss", target) * (first - second))
    return reduce_losses("margin_ranking_loss", losses, reduction)


def cosine_similarity(first: Any, second: Any, axis: int = -1, eps: float = 1e-8) -> Any:
    """Return the cosine of the angle between vectors along `axis`, after broadcasting. Lengths are at least `eps`.

    >>> round(cosine_similarity(Value([3.0, 4.0]), [1.0, 0.0]).data, 6)
    0.6
    """
    first = as_prediction(first)
    second = as_target(first, second)
    if first.dtype == second.dtype == np.float16:  # the product of two lengths may be infinite, and eps is 0
        cosine = cosine_similarity(first.astype(np.float32), second.astype(np.float32), axis, eps)
        return cosine.astype(np.float16) if cosine.shape else cosine
    if first.shape != second.shape:
        first, second = np.broadcast_arrays(first, second)
    first, second = scaled_down(first, axis), scaled_down(second, axis)
    lengths = [maximum(np.linalg.norm(item, axis=axis), eps) for item in (first, second)]
    return sum(first * second, axis=axis) / (lengths[0] * lengths[1])


def scaled_down(vectors: Any, axis: int) -> Any:
    """Divide vectors whose squares might be infinite by their largest element, which keeps the angles."""
    largest = np.max(np.abs(raw_array(vectors)), axis, keepdims=True, initial=0.0)
    long = (largest > 2.0 ** (np.finfo(largest.dtype).maxexp // 4)) & np.isfinite(largest)
    return vectors / np.where(long, largest, np.ones_like(largest)) if long.any() else vectors


def cosine_embedding_loss(first: Any, second: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """Return ``1 - cosine`` of vectors that belong together (target 1) and ``max(0, cosine - margin)`` of others (-1).

    Args:
        first, second: (..., features).
        target: (...).

    >>> cosine_embedding_loss(Value([[1.0, 0.0]]), [[0.0, 2.0]], [1]).data
    1.0
    """
    first, second = matched("cosine_embedding_loss", first, second)
    cosine, target = matched("cosine_embedding_loss", cosine_similarity(first, second), target)
    together = as_signs("cosine_embedding_loss", target) == 1.0
    return reduce_losses("cosine_embedding_loss", where(together, 1.0 - cosine, relu(cosine - margin)), reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """Return ``max(0, distance(anchor, positive) - distance(anchor, negative) + margin)`` (Balntas et al. 2016).

    Args:
        anchor, positive, negative: (..., features), of one shape.
        p: the order of the norm that measures the distance.
        eps: added to each difference, as in PyTorch, so that no distance is 0.
        swap: whether to compare the negative with the nearer of anchor and positive.

    >>> triplet_margin_loss(Value([[0.0, 0.0]]), [[3.0, 4.0]], [[0.0, 5.5]], eps=0.0).data
    0.5
    """
    anchor, positive = matched("triplet_margin_loss", anchor, positive)
    anchor, negative = matched("triplet_margin_loss", anchor, negative)
    near, far = (np.linalg.norm(anchor - other + eps, ord=p, axis=-1) for other in (positive, negative))
    if swap:
        far = minimum(far, np.linalg.norm(positive - negative + eps, ord=p, axis=-1))
    return reduce_losses("triplet_margin_loss", relu(near - far + margin), reduction)


# --- modules --------------------------------------------------------------------------------------


class MSELoss(FunctionModule, function=mse_loss):
    """Computes mse_loss()."""

    reduction: str = "mean"


class HalfSquareLoss(FunctionModule, function=half_square_loss):
    """Computes half_square_loss()."""

    reduction: str = "mean"


class L1Loss(FunctionModule, function=l1_loss):
    """Computes l1_loss()."""

    reduction: str = "mean"


class HuberLoss(FunctionModule, function=huber_loss):
    """Computes huber_loss()."""

    reduction: str = "mean"
    delta: float = 1.0


class SmoothL1Loss(FunctionModule, function=smooth_l1_loss):
    """Computes smooth_l1_loss()."""

    reduction: str = "mean"
    beta: float = 1.0


class GaussianNLLLoss(FunctionModule, function=gaussian_nll_loss):
    """Computes gaussian_nll_loss()."""

    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"


class PoissonNLLLoss(FunctionModule, function=poisson_nll_loss):
    """Computes poisson_nll_loss()."""

    log_input: bool = True
    full: bool = False
    eps: float = 1e-8
    reduction: str = "mean"


class CrossEntropyLoss(FunctionModule, function=cross_entropy):
    """Computes cross_entropy()."""

    weight: Any = None
    ignore_index: int = -100
    reduction: str = "mean"
    label_smoothing: float = 0.0
    axis: int = -1


class NLLLoss(FunctionModule, function=nll_loss):
    """Computes nll_loss()."""

    weight: Any = None
    ignore_index: int = -100
    reduction: str = "mean"
    axis: int = -1


class MultiMarginLoss(FunctionModule, function=multi_margin_loss):
    """Computes multi_margin_loss()."""

    p: int = 1
    margin: float = 1.0
    weight: Any = None
    reduction: str = "mean"


class BCELoss(FunctionModule, function=binary_cross_entropy):
    """Computes binary_cross_entropy()."""

    weight: Any = None
    reduction: str = "mean"


class BCEWithLogitsLoss(FunctionModule, function=binary_cross_entropy_with_logits):
    """Computes binary_cross_entropy_with_logits()."""

    weight: Any = None
    reduction: str = "mean"
    pos_weight: Any = None


class KLDivLoss(FunctionModule, function=kl_div):
    """Computes kl_div()."""

    reduction: str = "mean"
    log_target: bool = False


class HingeLoss(FunctionModule, function=hinge_loss):
    """Computes hinge_loss()."""

    reduction: str = "mean"


class HingeEmbeddingLoss(FunctionModule, function=hinge_embedding_loss):
    """Computes hinge_embedding_loss()."""

    margin: float = 1.0
    reduction: str = "mean"


class MarginRankingLoss(FunctionModule, function=margin_ranking_loss):
    """Computes margin_ranking_loss()."""

    margin: float = 0.0
    reduction: str = "mean"


class CosineSimilarity(FunctionModule, function=cosine_similarity):
    """Computes cosine_similarity()."""

    axis: int = -1
    eps: float = 1e-8


class CosineEmbeddingLoss(FunctionModule, function=cosine_embedding_loss):
    """Computes cosine_embedding_loss()."""

    margin: float = 0.0
    reduction: str = "mean"


class TripletMarginLoss(FunctionModule, function=triplet_margin_loss):
    """Computes triplet_margin_loss()."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    reduction: str = "mean"

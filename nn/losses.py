"""Losses: Values that say how far predictions are from targets, as functions and as modules. Names follow PyTorch.

In all of them `reduction` is "mean", over all elements (or samples, where a sample has one loss), "sum", or "none" for
one loss for each. A target is data, a list, an array or a Value, of the shape of the predictions: what would broadcast
is a ValueError, as is an unknown reduction. Plain targets and weights take the dtype of the predictions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import Value, exp, log, log_softmax, relu, softplus, where
from autograd.ops import abs, clip, log_loss, maximum, mean, minimum, softmax_cross_entropy, sum
from nn.arrays import as_array, as_tensor, no_tuple, raw_array
from nn.layers.activations import FunctionModule
from nn.reductions import broadcast_weights, constant_weights, note_reduction, reduce_losses, reduce_weighted, times_weights

# --- what all share -------------------------------------------------------------------------------


def as_prediction(data: Any) -> Any:
    """A Value as it is, and other data as an array of floats; TypeError for None, and for what recurrent layers return."""
    if isinstance(data, Value):
        return data
    if data is None:
        raise TypeError("a loss takes predictions, got None: does forward() return its result?")
    tensor = no_tuple(data, "a loss")
    return tensor if isinstance(tensor, Value) else np.asarray(tensor, dtype=float_dtype(data))


def refuse_result(name: str, logits: Any, op: str) -> Any:
    """`logits`, or a ValueError if they are the result of the operation that the loss contains, which would be done twice."""
    if isinstance(logits, Value) and logits.op is not None and logits.op.name == op:
        raise ValueError(
            f"{name}() takes logits and does {op}() itself, got the result of {op}(): leave it out of the model, "
            "and call it for predictions"
        )
    return logits


def as_target(prediction: Any, data: Any) -> Any:
    """A Value as it is, and other data in the dtype of the prediction, so that float32 stays what it is; TypeError for None."""
    if data is None:
        raise TypeError("a loss takes targets, got None: what does the data set give?")
    data = as_array(data)
    return data if isinstance(data, Value) else np.asarray(data, dtype=prediction.dtype)


def matched(name: str, prediction: Any, target: Any) -> tuple[Any, Any]:
    """A prediction and its target, of one shape; ValueError for shapes that would broadcast."""
    prediction = as_prediction(prediction)
    target = as_target(prediction, target)
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name}() needs predictions and targets of one shape, got {prediction.shape} and {target.shape}, "
            "which would broadcast against each other: reshape or index one of them"
        )
    return prediction, target


def float_dtype(data: Any) -> Any:
    """The dtype of an array of floats, and float64 for all else."""
    dtype = getattr(data, "dtype", np.dtype(float))
    return dtype if dtype.kind == "f" else np.dtype(float)


def without_infinities(x: Any, factor: Any) -> Any:
    """`x`, with 0 where it is infinite and the factor 0: what does not count would be nan, as 0 * inf."""
    gone = np.isinf(raw_array(x)) & (raw_array(factor) == 0.0)
    return where(gone, 0.0, x) if gone.any() else x


def require_probabilities(name: str, what: str, p: Any) -> None:
    """ValueError unless all are between 0 and 1."""
    data = raw_array(p)
    if np.size(data) and (np.min(data) < 0.0 or np.max(data) > 1.0):
        raise ValueError(
            f"{name}() takes {what} between 0 and 1, but they reach from {np.min(data):g} to {np.max(data):g}: "
            "apply sigmoid or softmax first, or use the loss that takes logits"
        )


def as_signs(name: str, target: Any) -> Any:
    """Targets -1 and 1 as an array; ValueError for others."""
    target = raw_array(target)
    if (target * target != 1).any():
        raise ValueError(f"{name}() takes the targets -1 and 1: use 2 * target - 1 for classes 0 and 1")
    return target


# --- regression -----------------------------------------------------------------------------------


def mse_loss(prediction: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """``(prediction - target) ** 2``, of any shape; a weighted mean is over the sum of the weights.

    >>> mse_loss(Value([1.0, 2.0]), [0.0, 4.0]).data
    2.5
    """
    prediction, target = matched("mse_loss", prediction, target)
    return reduce_weighted("mse_loss", np.square(prediction - target), weight, reduction)


def half_square_loss(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """``(prediction - target) ** 2 / 2``, whose derivative is the error itself.

    >>> half_square_loss(Value([1.0, 2.0]), [0.0, 4.0], reduction="none").data.tolist()
    [0.5, 2.0]
    """
    prediction, target = matched("half_square_loss", prediction, target)
    return reduce_losses("half_square_loss", np.square(prediction - target) * 0.5, reduction)


def l1_loss(prediction: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """``|prediction - target|``, with the derivative 0 at 0; a weighted mean is over the sum of the weights.

    >>> l1_loss(Value([1.0, 2.0]), [0.0, 4.0]).data
    1.5
    """
    prediction, target = matched("l1_loss", prediction, target)
    return reduce_weighted("l1_loss", abs(prediction - target), weight, reduction)


def huber(error: Any, delta: float) -> Any:
    """error^2 / 2 up to delta, and beyond it the straight line that goes on from there."""
    limited = clip(error, -delta, delta)
    return limited * (error - 0.5 * limited)


def huber_loss(prediction: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """``e ** 2 / 2`` for errors up to `delta`, beyond it ``delta * (|e| - delta / 2)`` (Huber 1964).

    A weighted mean is over the number of elements, as in PyTorch.

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
    """huber_loss() with delta `beta`, divided by it: ``|e| - beta / 2`` for large errors (Girshick 2015); l1_loss() for 0.

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
    """``(log(var) + (prediction - target) ** 2 / var) / 2``, the prediction being a mean (Nix and Weigend 1994).

    Args:
        prediction, target: of one shape.
        var: the variances, of the same shape, or with the last axis of length 1 or left out, or one number.
        full: whether the constant ``log(2 pi) / 2`` is added.
        eps: what smaller variances are raised to; their gradient passes, so that they can grow.

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
            f"gaussian_nll_loss() takes variances of the shape {shape} of the predictions, or with one for each row, "
            f"got {var.shape}"
        )
    if np.min(raw_array(var), initial=0.0) < 0.0:
        raise ValueError("gaussian_nll_loss() takes variances that are not negative: use exp or softplus before")
    var = var + np.maximum(eps - raw_array(var), 0.0)
    losses = (log(var) + np.square(prediction - target) / var) * 0.5
    return reduce_losses("gaussian_nll_loss", losses + 0.5 * math.log(2.0 * math.pi) if full else losses, reduction)


def poisson_nll_loss(
    prediction: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """``exp(prediction) - target * prediction`` for counts, the prediction being the logarithm of their mean.

    Args:
        log_input: False if the prediction is the mean itself, which gives ``prediction - target * log(prediction + eps)``.
        full: whether Stirling's approximation of ``log(target!)`` is added where the target is above 1.

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
    """Class numbers for scores (..., classes), with 0 in place of those that are ignored, and where these are, or None.

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
    target = target.astype(np.intp)
    ignored, valid = None, all_classes(target, shape[-1])
    if ignore_index is not None and (0 <= ignore_index < shape[-1] or not valid):
        ignored = target == ignore_index
        target = np.where(ignored, 0, target)
        valid = all_classes(target, shape[-1])
    if not valid:
        raise ValueError(
            f"{name}() has {shape[-1]} classes, 0 to {shape[-1] - 1}, but targets reach from {target.min()} to {target.max()}"
        )
    return target, ignored if ignored is not None and ignored.any() else None


def all_classes(target: np.ndarray, classes: int) -> bool:
    """True if all are from 0 to classes - 1: in one pass, because a negative number without its sign is a large one."""
    return not target.size or bool(np.maximum.reduce(target.view(np.uintp), None) < classes)


def class_weights(name: str, weight: Any, scores: Any) -> Any:
    """A constant weight for each class."""
    if weight is not None and np.shape(weight) != scores.shape[-1:]:
        raise ValueError(f"{name}() takes a weight for each of {scores.shape[-1]} classes, got the shape {np.shape(weight)}")
    return None if weight is None else constant_weights(name, weight, scores)


def classes_last(scores: Any, axis: int) -> Any:
    """Scores with the classes on the last axis."""
    return scores if axis == -1 else np.moveaxis(scores, axis, -1)


def per_class(name: str, losses: Any, target: Any, ignored: Any, weight: Any, reduction: str) -> Any:
    """Losses of samples, reduced: a mean is over the weights of their classes, and what is ignored has weight 0."""
    if weight is None and ignored is None:
        return reduce_losses(name, losses, reduction)
    factor = np.ones(target.shape) if weight is None else weight[target]
    factor = factor if ignored is None else np.where(ignored, 0.0, factor)
    return reduce_losses(name, losses if ignored is None else where(ignored, 0.0, losses), reduction, np.sum(factor, dtype=float))


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
    """``-log(softmax(logits)[target])``: what a classifier minimises.

    Args:
        logits: (..., classes), scores before any softmax.
        target: (...), the right class of each sample, integers of any kind; or floats (..., classes), their probabilities.
        weight: (classes,), constant factors of the losses. The mean is over the weights of the targets, but over
            samples if the targets are probabilities.
        ignore_index: a target that does not count, neither in the gradient nor in the mean.
        label_smoothing: how much of each target is spread over all classes (Szegedy et al. 2016), between 0 and 1.
        axis: where the classes are: 1 for PyTorch's (batch, classes, ...).

    Raises:
        TypeError: if the targets are neither integers nor probabilities of the shape of the logits.
        ValueError: if the shapes do not fit, a target is not a class, or a mean is to be taken of ignored targets only.

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
    """cross_entropy() for probabilities (..., classes)."""
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
    """``-log_probabilities[target]``: cross_entropy() after log_softmax, with the same arguments.

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
    """The hinge loss of several classes: ``max(0, margin - scores[target] + scores[j]) ** p``, averaged over the classes.

    The sum is over the classes j but the target, and is divided by the number of all (Weston and Watkins 1999).

    Args:
        scores: (..., classes).
        target: (...), the right class of each sample, integers of any kind.
        p: 1 or 2.
        weight: (classes,), a factor for each target; the mean is over samples.

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
    losses = mean(np.square(excess) if p == 2 else excess, axis=-1)
    return reduce_losses("multi_margin_loss", losses if weight is None else losses * weight[target], reduction)


# --- probabilities and yes or no ------------------------------------------------------------------


def binary_cross_entropy(probability: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """``-target * log(probability) - (1 - target) * log(1 - probability)``, with logarithms of at least -100.

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
    """binary_cross_entropy() of ``sigmoid(logits)``, for logits of any size.

    Args:
        weight: factors of the losses; the mean is over all elements.
        pos_weight: factors of the part where the target is 1, of a shape that repeats to that of the logits.

    >>> binary_cross_entropy_with_logits(Value([0.0, 1000.0]), [1.0, 0.0], reduction="none").data.round(6).tolist()
    [0.693147, 1000.0]
    """
    name = "binary_cross_entropy_with_logits"
    logits, target = matched(name, refuse_result(name, logits, "sigmoid"), target)
    require_probabilities(name, "targets", target)
    # The smaller of -log(sigmoid(logits)) and -log(sigmoid(-logits)); the other one is that + |logits|, and nothing cancels.
    positive = raw_array(logits) > 0.0
    smaller, yes = softplus(where(positive, -logits, logits)), target
    if pos_weight is not None:
        yes = broadcast_weights(name, pos_weight, logits) * target
        smaller = smaller * (1.0 - target + yes)
    factor = where(positive, 1.0 - target, -yes)
    losses = factor * without_infinities(logits, factor) + smaller
    return reduce_losses(name, times_weights(name, losses, weight), reduction)


def kl_div(log_probabilities: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """``target * (log(target) - log_probabilities)`` for each element (Kullback and Leibler 1951).

    Args:
        target: probabilities, or their logarithms with `log_target`; an element of 0 counts 0.
        reduction: "batchmean" is also known: the sum over the length of axis 0, which is the divergence of
            distributions in rows. "mean" divides by the number of all elements.

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
    """``max(0, 1 - target * scores)``, with targets -1 and 1: a margin of 1 on the right side.

    >>> hinge_loss(Value([0.5, -3.0]), [1, -1]).data
    0.25
    """
    scores, target = matched("hinge_loss", scores, target)
    return reduce_losses("hinge_loss", relu(1.0 - scores * as_signs("hinge_loss", target)), reduction)


def hinge_embedding_loss(distance: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """The distance of a pair that belongs together, target 1, and ``max(0, margin - distance)`` of one that does not, -1.

    >>> hinge_embedding_loss(Value([0.5, 0.25]), [1, -1]).data
    0.625
    """
    distance, target = matched("hinge_embedding_loss", distance, target)
    together = as_signs("hinge_embedding_loss", target) == 1.0
    return reduce_losses("hinge_embedding_loss", where(together, distance, relu(margin - distance)), reduction)


# --- pairs and triplets ---------------------------------------------------------------------------


def margin_ranking_loss(first: Any, second: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``max(0, margin - target * (first - second))``: the first is to be larger for the target 1, the second for -1.

    >>> margin_ranking_loss(Value([0.5, 1.0]), [1.0, 3.0], [1, -1]).data
    0.25
    """
    first, second = matched("margin_ranking_loss", first, second)
    first, target = matched("margin_ranking_loss", first, target)
    losses = relu(margin - as_signs("margin_ranking_loss", target) * (first - second))
    return reduce_losses("margin_ranking_loss", losses, reduction)


def cosine_similarity(first: Any, second: Any, axis: int = -1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along `axis` of the shape both broadcast to. Lengths are at least `eps`.

    >>> round(cosine_similarity(Value([3.0, 4.0]), [1.0, 0.0]).data, 6)
    0.6
    """
    first = as_prediction(first)
    second = as_target(first, second)
    if first.dtype == second.dtype == np.float16:  # where the product of two lengths may be infinite, and eps is 0
        cosine = cosine_similarity(first.astype(np.float32), second.astype(np.float32), axis, eps)
        return cosine.astype(np.float16) if cosine.shape else cosine
    if first.shape != second.shape:
        first, second = np.broadcast_arrays(first, second)
    first, second = scaled_down(first, axis), scaled_down(second, axis)
    lengths = [maximum(np.linalg.norm(item, axis=axis), eps) for item in (first, second)]
    return sum(first * second, axis=axis) / (lengths[0] * lengths[1])


def scaled_down(vectors: Any, axis: int) -> Any:
    """The vectors, those divided by their largest element whose squares might be infinite: the angles stay."""
    largest = np.max(np.abs(raw_array(vectors)), axis, keepdims=True, initial=0.0)
    long = (largest > 2.0 ** (np.finfo(largest.dtype).maxexp // 4)) & np.isfinite(largest)
    return vectors / np.where(long, largest, np.ones_like(largest)) if long.any() else vectors


def cosine_embedding_loss(first: Any, second: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``1 - cosine`` of two vectors that belong together, target 1, and ``max(0, cosine - margin)`` of others, -1.

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
    """``max(0, distance(anchor, positive) - distance(anchor, negative) + margin)`` (Balntas et al. 2016).

    Args:
        anchor, positive, negative: (..., features), of one shape.
        p: the order of the norm that is the distance.
        eps: what is added to each difference, as in PyTorch, so that no distance is 0.
        swap: whether the negative is compared with the nearer one of anchor and positive.

    >>> triplet_margin_loss(Value([[0.0, 0.0]]), [[3.0, 4.0]], [[0.0, 5.5]], eps=0.0).data
    0.5
    """
    anchor, positive = matched("triplet_margin_loss", anchor, positive)
    anchor, negative = matched("triplet_margin_loss", anchor, negative)
    near, far = (np.linalg.norm(anchor - other + eps, ord=p, axis=-1) for other in (positive, negative))
    if swap:
        far = minimum(far, np.linalg.norm(positive - negative + eps, ord=p, axis=-1))
    return reduce_losses("triplet_margin_loss", relu(near - far + margin), reduction)


# --- modules, with the settings as arguments ------------------------------------------------------


class MSELoss(FunctionModule, function=mse_loss):
    """mse_loss() as a module."""

    reduction: str = "mean"


class HalfSquareLoss(FunctionModule, function=half_square_loss):
    """half_square_loss() as a module."""

    reduction: str = "mean"


class L1Loss(FunctionModule, function=l1_loss):
    """l1_loss() as a module."""

    reduction: str = "mean"


class HuberLoss(FunctionModule, function=huber_loss):
    """huber_loss() as a module."""

    reduction: str = "mean"
    delta: float = 1.0


class SmoothL1Loss(FunctionModule, function=smooth_l1_loss):
    """smooth_l1_loss() as a module."""

    reduction: str = "mean"
    beta: float = 1.0


class GaussianNLLLoss(FunctionModule, function=gaussian_nll_loss):
    """gaussian_nll_loss() as a module."""

    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"


class PoissonNLLLoss(FunctionModule, function=poisson_nll_loss):
    """poisson_nll_loss() as a module."""

    log_input: bool = True
    full: bool = False
    eps: float = 1e-8
    reduction: str = "mean"


class CrossEntropyLoss(FunctionModule, function=cross_entropy):
    """cross_entropy() as a module."""

    weight: Any = None
    ignore_index: int = -100
    reduction: str = "mean"
    label_smoothing: float = 0.0
    axis: int = -1


class NLLLoss(FunctionModule, function=nll_loss):
    """nll_loss() as a module."""

    weight: Any = None
    ignore_index: int = -100
    reduction: str = "mean"
    axis: int = -1


class MultiMarginLoss(FunctionModule, function=multi_margin_loss):
    """multi_margin_loss() as a module."""

    p: int = 1
    margin: float = 1.0
    weight: Any = None
    reduction: str = "mean"


class BCELoss(FunctionModule, function=binary_cross_entropy):
    """binary_cross_entropy() as a module."""

    weight: Any = None
    reduction: str = "mean"


class BCEWithLogitsLoss(FunctionModule, function=binary_cross_entropy_with_logits):
    """binary_cross_entropy_with_logits() as a module."""

    weight: Any = None
    reduction: str = "mean"
    pos_weight: Any = None


class KLDivLoss(FunctionModule, function=kl_div):
    """kl_div() as a module."""

    reduction: str = "mean"
    log_target: bool = False


class HingeLoss(FunctionModule, function=hinge_loss):
    """hinge_loss() as a module."""

    reduction: str = "mean"


class HingeEmbeddingLoss(FunctionModule, function=hinge_embedding_loss):
    """hinge_embedding_loss() as a module."""

    margin: float = 1.0
    reduction: str = "mean"


class MarginRankingLoss(FunctionModule, function=margin_ranking_loss):
    """margin_ranking_loss() as a module."""

    margin: float = 0.0
    reduction: str = "mean"


class CosineSimilarity(FunctionModule, function=cosine_similarity):
    """cosine_similarity() as a module."""

    axis: int = -1
    eps: float = 1e-8


class CosineEmbeddingLoss(FunctionModule, function=cosine_embedding_loss):
    """cosine_embedding_loss() as a module."""

    margin: float = 0.0
    reduction: str = "mean"


class TripletMarginLoss(FunctionModule, function=triplet_margin_loss):
    """triplet_margin_loss() as a module."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    reduction: str = "mean"

"""evaluate(): losses and metrics of a model for all samples at once, in eval mode and without a graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd import Value, no_grad
from nn.arrays import raw_array, type_text
from nn.module import Module
from nn.reductions import Average, noted_reductions
from nn.training.data import as_tuple, batches_of, checked_batch, count_targets
from nn.training.inputs import Metrics, checked_metrics


def evaluate(model: Module, data: Any, metrics: Metrics, batch_size: int = 256) -> dict[str, float]:
    """Compute metrics of a model's predictions for all samples at once, in eval mode and without a graph.

    Batches whose shapes differ in more than the number of samples, such as sequences of different lengths, do not fit into one
    array: their metrics are averaged, a loss of nn and accuracy() exactly as if they were one array, any other function weighted
    by the number of targets in each batch.

    Args:
        model: called with the inputs of a batch.
        data: a tuple of arrays or pandas frames (x, y), or an iterable of batches (x, y); x may be a dict of arrays, as for
            fit().
        metrics: functions of (predictions, targets), as arrays, by name; losses work as well.
        batch_size: the size of batches, for arrays.

    Raises:
        ValueError: if there are no batches, one is not (x, y), the model does not return one array with an axis of samples, a
            metric does not return a number, or r2_score() has batches of different shapes.
        TypeError: if the metrics are not functions by name.

    >>> import nn
    >>> model = nn.Linear(2, 3, rng=0)
    >>> evaluate(model, (np.zeros((4, 2)), np.zeros(4, int)), {"accuracy": nn.accuracy, "loss": nn.cross_entropy})
    {'accuracy': 0.0, 'loss': 1.1328539737727368}
    """
    if not isinstance(model, Module):
        raise TypeError(f"evaluate() takes a model, data and metrics, got {type_text(model)} as the model")
    metrics = checked_metrics(metrics)
    with modes_restored(model), no_grad():
        model.eval()
        pairs = [(predicted(model, x), y) for x, y in map(checked_batch, batches_of(data, batch_size))]
    if not pairs:
        raise ValueError("there is nothing to evaluate: the data has no batches, and a generator can be used only once")
    if all(sample_shape(found) == sample_shape(pairs[0]) for found in pairs):
        pairs = [concatenated(pairs)]
    with no_grad():
        return {name: measured(name, metric, pairs) for name, metric in metrics.items()}


def measured(name: str, metric: Callable[[Any, Any], Any], pairs: Sequence[tuple[Any, Any]]) -> float:
    """Return a metric of predictions and targets, of one batch or averaged over several."""
    average, number = Average(), math.nan
    for prediction, target in pairs:
        with noted_reductions() as notes:
            found = raw_array(metric(prediction, target))
        if found.size != 1 or found.dtype.kind not in "biuf":
            what = f"an array of the shape {found.shape}" if found.ndim else f"{found.item()!r:.40}"
            raise ValueError(f"the metric {name} must return one number for all samples, got {what}")
        if len(pairs) > 1 and "other" in dict(notes):
            raise ValueError(
                f"the metric {name} is not a mean over samples, and batches of different shapes do not fit into one array: "
                "pad the samples to one length, or compute it for each batch"
            )
        average.add(number := float(found.item()), notes, count_targets(target))
    return number if len(pairs) == 1 else average.value()


def sample_shape(item: Any) -> Any:
    """Return the shape of an array without its axis of samples; for a tuple or dict, those of its parts."""
    if isinstance(item, tuple):
        return tuple(map(sample_shape, item))
    return {name: sample_shape(part) for name, part in item.items()} if isinstance(item, dict) else np.shape(raw_array(item))[1:]


def predicted(model: Module, x: Any) -> np.ndarray:
    """Return the prediction of a model for a batch, as an array."""
    prediction = model(x)
    if not isinstance(prediction, (Value, np.ndarray)) or not prediction.ndim:
        got = "a single number" if isinstance(prediction, (Value, np.ndarray)) else type(prediction).__name__
        raise ValueError(
            f"evaluate() needs a model that returns one Value (samples, ...), got {got}: what does forward() return?"
        )
    return raw_array(prediction)


def concatenated(batches: Sequence[Any]) -> Any:
    """Concatenate batches, also of arrays in tuples and dicts."""
    first = batches[0]
    if isinstance(first, tuple):
        return as_tuple(first, (concatenated(items) for items in zip(*batches, strict=True)))
    if isinstance(first, dict):
        return {name: concatenated([batch[name] for batch in batches]) for name in first}
    if len(batches) == 1 and isinstance(first, np.ndarray):
        return first
    return np.concatenate([raw_array(batch) for batch in batches])


@contextmanager
def modes_restored(model: Module) -> Iterator[None]:
    """Restore the mode of every module after the block."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        set_modes(modes)


def set_modes(modes: Iterable[tuple[Module, bool]]) -> None:
    """Set the modes of modules."""
    for module, mode in modes:
        module.training = mode

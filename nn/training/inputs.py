"""Check the arguments of fit() and evaluate(): parts that belong together, functions, numbers in range."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from nn.arrays import type_text, whole_number
from nn.module import Module
from nn.training.lbfgs import LBFGS
from nn.training.optimisers import Optimizer
from nn.training.untrained import require_all_trained

Metrics = Mapping[str, Callable[[np.ndarray, np.ndarray], float]]
PATIENCE = 10  # epochs, of early_stopping=True


def check_parts(model: Any, loss: Any, optimizer: Any, scheduler: Any) -> None:
    """Raise an error for arguments of fit() that do not belong together."""
    if not isinstance(model, Module):
        raise TypeError(f"fit() takes a model, a loss, an optimiser and data, got {type_text(model)} as the model")
    require_function("fit()'s loss", loss)
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, LBFGS):
        fix = (
            "LBFGS needs a closure: write the training loop"
            if isinstance(optimizer, LBFGS)
            else "create one from model.named_parameters()"
        )
        raise TypeError(f"fit() takes an optimiser with step(), got {type_text(optimizer)}: {fix}")
    held = {id(parameter) for parameter in optimizer.parameters}
    if held.isdisjoint(id(parameter) for parameter in model.parameters()):
        raise ValueError("the optimiser holds no parameter of this model: create it from model.named_parameters()")
    if not any(parameter.requires_grad for parameter in optimizer.parameters):
        raise ValueError(
            "every parameter of the optimiser is frozen, so there is nothing to train: call unfreeze() on the part to "
            "train, or create the optimiser from other parameters"
        )
    require_all_trained(model, optimizer)
    if scheduler is not None and (isinstance(scheduler, type) or not hasattr(scheduler, "step")):
        raise TypeError(
            f"fit() takes a schedule with step(), got {type_text(scheduler)}: create one, such as nn.StepLR(optimizer, 10)"
        )
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ValueError("the schedule belongs to another optimiser: create it from the one passed to fit()")


def require_same_columns(train: Any, validation: Any) -> None:
    """Raise ValueError for frames of pandas whose columns differ, because only their numbers reach the model."""
    frames = [data[0] for data in (train, validation) if isinstance(data, tuple) and data and hasattr(data[0], "columns")]
    names = [list(frame.columns) for frame in frames]
    if len(names) == 2 and names[0] != names[1]:
        raise ValueError(
            f"the columns of the training data are {names[0]!s:.80}, but those of the validation data {names[1]!s:.80}: use the "
            "same ones in the same order, validation[train.columns]"
        )


def patience_of(given: Any) -> int | None:
    """Return the number of epochs without improvement after which training ends, or None."""
    if given is None or isinstance(given, (bool, np.bool_)):
        return PATIENCE if given else None
    return whole_number(
        "early_stopping", given, 1, "the number of epochs without improvement after which training ends; False turns it off"
    )


def checked_norm(given: Any) -> float | None:
    """Return the largest norm of the gradients, or None for no limit."""
    if given is None or given is False:
        return None
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, float, np.integer, np.floating)) or not given > 0:
        raise ValueError(f"clip_norm must be a positive number, or None for no clipping, got {given!r}")
    return float(given)


def require_function(what: str, item: Any) -> None:
    """Raise TypeError for anything that cannot be called, and for a class in place of its instance."""
    if isinstance(item, type) or not callable(item):
        fix = f"parentheses are missing, {item.__name__}()" if isinstance(item, type) else "pass the function itself"
        raise TypeError(f"{what} must be a function, got {type_text(item)}: {fix}")


def checked_metrics(metrics: Any) -> Metrics:
    """Return the metrics; raise TypeError unless they are functions by name."""
    if not isinstance(metrics, Mapping):
        raise TypeError(f'metrics must be functions by name, such as {{"accuracy": nn.accuracy}}, got {type_text(metrics)}')
    for name, metric in metrics.items():
        require_function(f"the metric {name}", metric)
    return metrics


def checked_callbacks(callbacks: Any) -> list[Callable[[Any], Any]]:
    """Return the callbacks as a list; raise TypeError unless they are functions in a list. None means none."""
    callbacks = () if callbacks is None else callbacks
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks must be a list of functions, got {type_text(callbacks)}: pass a list, callbacks=[...]")
    callbacks = list(callbacks)
    for callback in callbacks:
        require_function("a callback", callback)
    return callbacks

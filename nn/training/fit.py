"""fit(): the usual training loop as a function, with progress, metrics, early stopping and best weights; and its History.

It is optional. This is the loop, and what fit() does more is around it:

    for x, y in loader:
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from autograd import Value
from nn.arrays import Rng, flag, whole_number
from nn.extras import extra
from nn.module import Module
from nn.reductions import Average, noted_reductions
from nn.storage.checkpoints import save
from nn.training.clipping import clip_grad_norm
from nn.training.data import DataLoader, batches_of, checked_batch, count_targets
from nn.training.evaluation import evaluate, modes_restored, set_modes
from nn.training.history import COLUMNS, History
from nn.training.inputs import (
    Metrics,
    check_parts,
    checked_callbacks,
    checked_metrics,
    checked_norm,
    patience_of,
    require_same_columns,
)
from nn.training.optimisers import Optimizer
from nn.training.schedules import ReduceLROnPlateau

Loss = Callable[[Any, Any], Any]


class StopTraining(Exception):
    """Raised by a callback of fit() to end the training; the history so far is returned."""


@dataclass
class Training:
    """What a callback of fit() gets, after each epoch.

    Attributes:
        model, optimizer, scheduler, loader: what fit() was given; the loader is made by fit() if arrays were.
        epoch: how many epochs are done.
        step: how many steps are done.
        history: with a row for this epoch.
    """

    model: Module
    optimizer: Optimizer
    scheduler: Any
    loader: Any
    history: History
    epoch: int = 0
    step: int = 0


Callback = Callable[[Training], Any]


class SaveCheckpoint:
    """A callback of fit() that saves model, optimizer, scheduler and the loader's state with nn.save() after each epoch.

    To resume, make everything as before, with an `optimizer` and a DataLoader `loader`, then
    ``epoch = nn.load(path, model, optimizer, scheduler, loader=loader).step``, and fit() the epochs that are left. Best weights
    and early stopping begin anew.

    Args:
        path: of the checkpoint; each takes the place of the last one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def __call__(self, training: Training) -> None:
        parts = {"loader": training.loader} if isinstance(training.loader, DataLoader) else {}
        save(self.path, training.model, training.optimizer, training.scheduler, step=training.epoch, **parts)


def fit(
    model: Module,
    loss: Loss,
    optimizer: Optimizer,
    train: Any,
    validation: Any = None,
    *,
    epochs: int = 10,
    batch_size: int = 32,
    scheduler: Any = None,
    schedule_every: str = "epoch",
    metrics: Metrics | None = None,
    early_stopping: int | bool | None = None,
    restore_best: bool = True,
    callbacks: Iterable[Callback] | None = (),
    clip_norm: float | None = None,
    drop_last: bool = False,
    progress: bool = True,
    rng: Rng = None,
) -> History:
    """Train a model, and leave it with its best weights.

    Args:
        model: called with the inputs of a batch. Modules and leaf Values in attributes that begin with an underscore, or in
            plain objects, would not be trained and are refused, unless they are frozen or in the optimiser.
        loss: gives a scalar Value from (predictions, targets), as ``nn.cross_entropy``; no number, so without .item().
        optimizer: made from the parameters of the model; not LBFGS, whose step() takes a closure.
        train: a tuple of arrays or pandas frames (x, y), which are shuffled; or a DataLoader, or another iterable of batches
            (x, y), which can be gone through again in each epoch. For a model of several inputs x is a dict of arrays, and the
            model is called with a dict.
        validation: the same, not shuffled. Its loss and metrics are computed after each epoch by evaluate(): of all samples
            at once, in eval mode and without a graph.
        epochs: how often to go through the training data, at most.
        batch_size: for data that comes as arrays.
        scheduler: stepped after each epoch, or after each step with ``schedule_every="step"``. ReduceLROnPlateau gets
            the validation loss, or the training loss without one.
        metrics: functions of (predictions, targets), as arrays, by name: ``{"accuracy": nn.accuracy}``. The names are
            columns of the History, so those it has anyway are taken.
        early_stopping: stop when the validation loss (or training loss) has not become less in so many epochs, at least 1.
            True is 10 epochs; None and False are off.
        restore_best: whether the parameters and buffers of the epoch with the least validation loss are restored at the
            end; without validation data the last ones stay.
        callbacks: called with a Training after each epoch; one that returns True or raises StopTraining ends it.
        clip_norm: the largest norm of all gradients together, see clip_grad_norm(); None and False are off.
        drop_last: whether a last batch that is smaller is left out, of data that comes as arrays: BatchNorm cannot take its
            variance from a batch of one.
        progress: whether tqdm shows a bar.
        rng: a numpy Generator or a seed, or None, see nn.seed(), that shuffles data that comes as arrays.

    Returns:
        A History with "epoch", "loss", "validation_loss", the metrics, "lr" and "seconds" for each epoch that was finished,
        also after Ctrl-C. "loss" is that of the epoch in training: for a loss of nn the sum or mean over the whole epoch as its
        reduction, weights and ignored targets say, and for any other function the mean over batches, weighted by their sizes.

    Raises:
        ValueError: if the loss is no scalar Value, part of the model would silently not be trained, a batch is not (x, y),
            metrics come without validation data or under a name that is taken, the optimiser holds no parameter of the model or
            frozen ones only, the schedule is of another one, or a number is out of its range.
        TypeError: if a class came in place of an object, or one thing in place of another.
        FloatingPointError: if the training loss is nan; the best weights so far are restored.
        ImportError: for a progress bar without tqdm.

    What is in eval mode inside a model that is in training mode, as a frozen BatchNorm after ``model[0].eval()``, stays in eval
    mode. A model that is in eval mode itself is put into training mode, except for frozen modules in it. The modes that modules
    had before are restored at the end.

    >>> import nn
    >>> x = np.linspace(-1.0, 1.0, 64)[:, None]
    >>> model = nn.Linear(1, 1, rng=0)
    >>> optimizer = nn.SGD(model.named_parameters(), lr=0.1)
    >>> history = fit(model, nn.mse_loss, optimizer, (x, 2.0 * x + 1.0), epochs=20, batch_size=8, progress=False, rng=0)
    >>> history["loss"][-1] < 1e-3
    True
    """
    if schedule_every not in ("epoch", "step"):
        raise ValueError(f'schedule_every must be "epoch" or "step", got {schedule_every!r}')
    epochs, patience, clip_norm = whole_number("epochs", epochs, 0), patience_of(early_stopping), checked_norm(clip_norm)
    restore_best, progress = flag("restore_best", restore_best), flag("progress", progress)
    metrics = {} if metrics is None else checked_metrics(metrics)
    if metrics and validation is None:
        raise ValueError("metrics are computed on validation data: pass validation=(x, y)")
    if taken := [name for name in metrics if name in COLUMNS]:
        raise ValueError(f"the name {taken[0]} is taken by a column that fit() writes: give the metric another one")
    check_parts(model, loss, optimizer, scheduler)
    require_same_columns(train, validation)
    callbacks = checked_callbacks(callbacks)
    loader, validation = batches_of(train, batch_size, True, rng, drop_last), batches_of(validation, batch_size)
    for data in (loader, validation):
        if epochs > 1 and isinstance(data, Iterator):
            raise ValueError(
                f"a generator can be used only once, not for {epochs} epochs: make a list of its batches, or a "
                "class whose __iter__() begins again"
            )
    training = Training(model, optimizer, scheduler, loader, history := History())
    scores = {
        "validation_loss": lambda prediction, target: loss(Value(prediction, requires_grad=False), target),
        **metrics,
    }
    best, best_state, bar = math.inf, None, progress_bar(loader, epochs) if progress else None
    every_step, every_epoch = (None, scheduler) if schedule_every == "epoch" else (scheduler, None)
    with modes_restored(model):
        begin_training(model)
        modes = [(module, module.training) for module in model.modules()]
        try:
            for epoch in range(1, epochs + 1):
                start = perf_counter()
                if not model.training:  # a callback may call model.eval(), say to predict
                    set_modes(modes)
                row = {"epoch": epoch, "loss": train_epoch(training, loss, clip_norm, every_step, bar)}
                if validation is not None:
                    row |= evaluate(model, validation, scores)
                watched = row.get("validation_loss", row["loss"])
                row |= {"lr": optimizer.param_groups[0].get("lr", math.nan), "seconds": perf_counter() - start}
                history.rows.append(row)
                training.epoch = epoch
                if watched < best:
                    best, history.best_epoch = watched, epoch
                    best_state = model.state_dict() if restore_best and validation is not None else None
                if every_epoch is not None:
                    step_schedule(every_epoch, watched)
                answers = [callback(training) for callback in callbacks]
                if any(isinstance(answer, (bool, np.bool_)) and answer for answer in answers):
                    break
                if patience is not None and epoch - (history.best_epoch or 0) >= patience:
                    break
        except (KeyboardInterrupt, StopTraining):
            pass
        finally:
            if best_state is not None:
                model.load_state_dict(best_state)
            if bar is not None:
                bar.close()
    return history


def train_epoch(training: Training, loss: Loss, clip_norm: float | None, scheduler: Any, bar: Any) -> float:
    """One pass over the training data: the loss of all its samples together."""
    model, optimizer = training.model, training.optimizer
    average, batch = Average(), 0
    for batch, (x, y) in enumerate(map(checked_batch, training.loader), start=1):
        optimizer.zero_grad()
        prediction = model(x)
        with noted_reductions() as notes:
            value = loss(prediction, y)
        require_scalar(value)
        if math.isnan(number := value.item()):
            raise FloatingPointError(
                f"the loss is nan in epoch {training.epoch + 1}, batch {batch} (step {training.step + 1}): lower the learning "
                "rate, pass clip_norm=1.0, look for nan in the data, or run it within autograd.debug() to find the operation"
            )
        if value.op is None or left_graph(prediction, optimizer):
            raise ValueError(
                "the loss does not depend on the parameters of the model, so there is nothing to train: somewhere in the model "
                "or the loss .data, .item(), detach() or no_grad() leaves the graph"
            )
        value.backward()
        if clip_norm is not None:
            clip_grad_norm(optimizer.parameters, clip_norm)
        optimizer.step()
        training.step += 1
        if scheduler is not None:
            step_schedule(scheduler, number)
        average.add(number, notes, count_targets(y))
        if bar is not None:
            bar.update()
            bar.set_postfix(epoch=training.epoch + 1, loss=f"{average.value():.4g}", refresh=False)
    if not batch:
        raise ValueError("the training data has no batches: a generator can be used only once, and drop_last may leave nothing")
    return average.value()


def require_scalar(loss: Any) -> None:
    """Raise ValueError for what backward() cannot begin from."""
    needs = "fit() needs a loss that gives a scalar Value, but it gave"
    if isinstance(loss, (int, float, np.number, np.ndarray)):
        raise ValueError(
            f"{needs} a plain {type(loss).__name__}, which has left its graph: .item(), .data or float() in the loss, or in the "
            "forward() of the model, drops it; return the Value itself, as lambda p, y: nn.cross_entropy(p, y)"
        )
    if not isinstance(loss, Value):
        fix = "is there a return in it?" if loss is None else "return the loss alone"
        raise ValueError(f"{needs} {type(loss).__name__}: {fix}")
    if loss.shape != ():
        raise ValueError(f'{needs} the shape {loss.shape}: use reduction="mean", or .mean()')


def left_graph(prediction: Any, optimizer: Optimizer) -> bool:
    """True for a prediction that was not computed from parameters: a leaf that is none of them."""
    return isinstance(prediction, Value) and prediction.op is None and all(prediction is not p for p in optimizer.parameters)


def step_schedule(scheduler: Any, loss: float) -> None:
    """Step a schedule; ReduceLROnPlateau looks at the loss."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss)
    else:
        scheduler.step()


def begin_training(model: Module) -> None:
    """Put a model that is in eval mode into training mode, except for what is frozen in it."""
    if model.training:
        return
    asleep = [module for module in model.modules() if not module.training]
    model.train()
    for module in asleep:
        parameters = module.parameters()
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def progress_bar(loader: Any, epochs: int) -> Any:
    """A bar of tqdm for all steps."""
    tqdm = extra("tqdm.auto", "a progress bar (progress=False is none)").tqdm
    return tqdm(total=epochs * len(loader) if hasattr(loader, "__len__") else None, unit="step")

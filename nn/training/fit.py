"""fit(): the usual training loop as a function, with progress, metrics, early stopping and best weights.

It is optional. This is the loop; fit() adds checks and reports around it:

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

import autograd
from autograd import Value
from nn.arrays import Rng, flag, whole_number
from nn.extras import extra
from nn.module import Module
from nn.reductions import Average, Notes, noted_reductions
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
    """Ends the training when a callback of fit() raises it; fit() returns the history so far."""


@dataclass
class Training:
    """Holds the state of the training, which fit() passes to its callbacks after each epoch.

    Attributes:
        model, optimizer, scheduler, loader: the arguments of fit(); for arrays, fit() makes the loader.
        epoch: the number of finished epochs.
        step: the number of steps so far.
        history: the History, with a row for this epoch.
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
    """Saves model, optimizer, scheduler and the loader's state with nn.save() after each epoch: a callback of fit().

    To resume, create everything as before, with a DataLoader `loader`, call
    ``epoch = nn.load(path, model, optimizer, scheduler, loader=loader).step``, and fit() the remaining epochs. Best weights and
    early stopping start again.

    Args:
        path: the file; each checkpoint replaces the last one.
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
    compile: bool = False,
    rng: Rng = None,
) -> History:
    """Train a model, and leave it with its best weights.

    Args:
        model: called with the inputs of a batch. Modules and leaf Values in attributes that begin with an underscore, or in
            plain objects, would not be trained and raise an error, unless they are frozen or in the optimiser.
        loss: a function of (predictions, targets) that returns a scalar Value, such as ``nn.cross_entropy``; without .item().
        optimizer: created from the parameters of the model; not LBFGS, whose step() takes a closure.
        train: a tuple of arrays or pandas frames (x, y), which are shuffled; or a DataLoader or another iterable of batches
            (x, y) that can be iterated again in each epoch. For a model of several inputs x is a dict of arrays, which the
            model gets as a dict.
        validation: the same, not shuffled. After each epoch evaluate() computes the loss and the metrics on it: for all samples
            at once, in eval mode and without a graph.
        epochs: the maximal number of passes over the training data.
        batch_size: the size of batches, for arrays.
        scheduler: stepped after each epoch, or after each step with ``schedule_every="step"``. ReduceLROnPlateau gets
            the validation loss, or the training loss without validation data.
        metrics: functions of (predictions, targets), as arrays, by name: ``{"accuracy": nn.accuracy}``. The names become
            columns of the History and must differ from the columns it always has.
        early_stopping: stop when the validation loss (or training loss) has not decreased in this number of epochs, at least 1.
            True means 10 epochs; None and False turn it off.
        restore_best: whether to restore the parameters and buffers of the epoch with the least validation loss at the end;
            without validation data the last ones stay.
        callbacks: called with a Training after each epoch; one that returns True or raises StopTraining ends the training.
        clip_norm: the largest norm of all gradients together, see clip_grad_norm(); None and False turn it off.
        drop_last: whether to leave out a smaller last batch, for arrays: BatchNorm cannot take its variance from a batch of one.
        progress: whether to show a progress bar of tqdm.
        compile: whether to record the step of a batch, forward, backward and update, and replay it; see autograd.compile(). The
            results are the same. It pays from some hundred steps on, the more the smaller the model.
        rng: a numpy Generator or a seed, or None, see nn.seed(), that shuffles arrays.

    Returns:
        A History with "epoch", "loss", "validation_loss", the metrics, "lr" and "seconds" for each finished epoch, also after
        Ctrl-C. "loss" is the training loss of the epoch: for a loss of nn the sum or mean over the whole epoch, with its
        reduction, weights and ignored targets; for any other function the mean over batches, weighted by their sizes.

    Raises:
        ValueError: if the loss is not a scalar Value, part of the model would silently not be trained, a batch is not (x, y),
            there are metrics without validation data or with the name of another column, the optimiser holds no parameter of the
            model or only frozen ones, the schedule belongs to another optimiser, or a number is out of its range.
        TypeError: for an argument of another type, such as a class in place of an object.
        FloatingPointError: if the training loss is nan; the best weights so far are restored.
        ImportError: for a progress bar without tqdm.

    Modules in eval mode inside a model in training mode, such as a frozen BatchNorm after ``model[0].eval()``, stay in eval mode.
    fit() puts a model in eval mode into training mode, except for its frozen modules. At the end it restores the modes of all
    modules.

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
    restore_best, progress, compile = flag("restore_best", restore_best), flag("progress", progress), flag("compile", compile)
    metrics = {} if metrics is None else checked_metrics(metrics)
    if metrics and validation is None:
        raise ValueError("metrics are computed on validation data: pass validation=(x, y)")
    if taken := [name for name in metrics if name in COLUMNS]:
        raise ValueError(f"the name {taken[0]} is taken by a column that fit() writes: give the metric another name")
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
    step = training_step(model, loss, optimizer, clip_norm)
    step = autograd.compile(step) if compile else step
    every_step, every_epoch = (None, scheduler) if schedule_every == "epoch" else (scheduler, None)
    with modes_restored(model):
        begin_training(model)
        modes = [(module, module.training) for module in model.modules()]
        try:
            for epoch in range(1, epochs + 1):
                start = perf_counter()
                if not model.training:  # a callback may have called model.eval() to predict
                    set_modes(modes)
                row = {"epoch": epoch, "loss": train_epoch(training, step, every_step, bar)}
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


def training_step(model: Module, loss: Loss, optimizer: Optimizer, clip_norm: float | None) -> Callable[[Any, Any], Any]:
    """Return the function of a batch that takes one step, and returns the loss and the notes of noted_reductions()."""

    def step(x: Any, y: Any) -> tuple[float, Notes]:
        optimizer.zero_grad()
        prediction = model(x)
        with noted_reductions() as notes:
            value = loss(prediction, y)
        require_scalar(value)
        if math.isnan(number := value.item()):
            return number, notes
        if value.op is None or left_graph(prediction, optimizer):
            raise ValueError(
                "the loss does not depend on the parameters of the model, so there is nothing to train: look for .data, "
                ".item(), detach() or no_grad() in the model or the loss, which leave the graph"
            )
        value.backward()
        if clip_norm is not None:
            clip_grad_norm(optimizer.parameters, clip_norm)
        optimizer.step()
        return number, notes

    return step


def train_epoch(training: Training, step: Callable[[Any, Any], Any], scheduler: Any, bar: Any) -> float:
    """Train for one pass over the data; return the loss of all its samples together."""
    average, batch = Average(), 0
    for batch, (x, y) in enumerate(map(checked_batch, training.loader), start=1):
        number, notes = step(x, y)
        if math.isnan(number):
            raise FloatingPointError(
                f"the loss is nan in epoch {training.epoch + 1}, batch {batch} (step {training.step + 1}): lower the learning "
                "rate, pass clip_norm=1.0, look for nan in the data, or run it within autograd.debug() to find the operation"
            )
        training.step += 1
        if scheduler is not None:
            step_schedule(scheduler, number)
        average.add(number, notes, count_targets(y))
        if bar is not None:
            bar.update()
            bar.set_postfix(epoch=training.epoch + 1, loss=f"{average.value():.4g}", refresh=False)
    if not batch:
        raise ValueError("the training data has no batches: a generator can be used only once, and drop_last may leave none")
    return average.value()


def require_scalar(loss: Any) -> None:
    """Raise ValueError unless the loss is a scalar Value, from which backward() can start."""
    needs = "fit() needs a loss that returns a scalar Value, but it returned"
    if isinstance(loss, (int, float, np.number, np.ndarray)):
        raise ValueError(
            f"{needs} {type(loss).__name__}, which has no graph: leave out .item(), .data and float() in the loss and in "
            "forward(), and return the Value itself, as in lambda p, y: nn.cross_entropy(p, y)"
        )
    if not isinstance(loss, Value):
        fix = "is there a return in it?" if loss is None else "return the loss alone"
        raise ValueError(f"{needs} {type(loss).__name__}: {fix}")
    if loss.shape != ():
        raise ValueError(f'{needs} the shape {loss.shape}: use reduction="mean", or .mean()')


def left_graph(prediction: Any, optimizer: Optimizer) -> bool:
    """Return whether a prediction is a leaf but no parameter: it was not computed from parameters."""
    return isinstance(prediction, Value) and prediction.op is None and all(prediction is not p for p in optimizer.parameters)


def step_schedule(scheduler: Any, loss: float) -> None:
    """Step a schedule; ReduceLROnPlateau takes the loss."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss)
    else:
        scheduler.step()


def begin_training(model: Module) -> None:
    """Put a model that is in eval mode into training mode, except for frozen modules in it."""
    if model.training:
        return
    asleep = [module for module in model.modules() if not module.training]
    model.train()
    for module in asleep:
        parameters = module.parameters()
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def progress_bar(loader: Any, epochs: int) -> Any:
    """Return a progress bar of tqdm for all steps."""
    tqdm = extra("tqdm.auto", "a progress bar (progress=False turns it off)").tqdm
    return tqdm(total=epochs * len(loader) if hasattr(loader, "__len__") else None, unit="step")

"""fit(): the usual training loop as a function, with progress, metrics, early stopping and best weights; and its History.

It is optional. This is the loop, and what fit() does more is around it:

    for x, y in loader:
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, SupportsIndex, overload

import numpy as np

from autograd import Value, no_grad
from nn.arrays import Rng, flag, plain, whole
from nn.extras import extra
from nn.losses import class_numbers
from nn.module import Module, is_parameter, name_of, out_of_sight, remembered
from nn.reductions import Average, note, noted
from nn.storage.checkpoints import save
from nn.training.clipping import clip_grad_norm
from nn.training.data import DataLoader, as_array, as_tuple, count
from nn.training.optimisers import LBFGS, Optimizer
from nn.training.schedules import ReduceLROnPlateau

Loss = Callable[[Any, Any], Any]
Metrics = Mapping[str, Callable[[np.ndarray, np.ndarray], float]]
PATIENCE = 10  # epochs, of early_stopping=True
COLUMNS = ("epoch", "loss", "validation_loss", "lr", "seconds")  # of a History, besides the metrics


class StopTraining(Exception):
    """Raised by a callback of fit() to end the training; the history so far is returned."""


class History:
    """What fit() measured, as a table: ``history[-1]`` is the row of the last epoch, ``history["loss"]`` a column.

    Iteration and len() are over the rows, ``"loss" in history`` asks for a column.

    Attributes:
        rows: a dict for each epoch, of plain numbers; so ``save(..., extra={"history": history.rows})`` keeps it, and
            ``History(rows)`` is one again.
        best_epoch: the epoch with the least validation loss, or training loss without validation data, counted from 1;
            None before there is one.

    Raises:
        KeyError: for a column that is not there, with those that are.
        IndexError: for a row that is not there.

    >>> history = History([{"epoch": 1, "loss": 0.5, "lr": 0.1}, {"epoch": 2, "loss": 0.25, "lr": 0.1}])
    >>> history["loss"], len(history)
    ([0.5, 0.25], 2)
    >>> history[-1], "accuracy" in history
    ({'epoch': 2, 'loss': 0.25, 'lr': 0.1}, False)
    >>> history
    epoch   loss     lr
        1    0.5    0.1
        2   0.25    0.1
    """

    def __init__(self, rows: Iterable[dict[str, float]] = ()) -> None:
        self.rows = list(rows)
        self.best_epoch: int | None = None

    @overload
    def __getitem__(self, key: str) -> list[float]: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> dict[str, float]: ...
    @overload
    def __getitem__(self, key: slice) -> list[dict[str, float]]: ...
    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self.rows[key]
        if key not in self.names:
            raise KeyError(f"the history has {', '.join(self.names) or 'no epochs'}, but no {key!r}")
        return [row.get(key, math.nan) for row in self.rows]

    def __contains__(self, item: Any) -> bool:
        return item in self.names if isinstance(item, str) else item in self.rows

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> list[str]:
        """What was measured, in any epoch; a column is nan where it was not."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def to_json(self) -> str:
        """All rows as a JSON list of objects; what is nan or infinite is null."""
        rows = [{name: json_number(number) for name, number in row.items()} for row in self.rows]
        return json.dumps(rows, indent=1)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """The losses, and the metrics beside them, as a matplotlib Figure, which is also saved if there is a path.

        Raises:
            ImportError: if matplotlib is not installed.
            ValueError: if there is no epoch to plot.
        """
        if not self.rows:
            raise ValueError("the history has no epochs to plot")
        losses = [name for name in self.names if name.endswith("loss")]
        metrics = [name for name in self.names if name not in (*COLUMNS, *losses)]
        panels = [losses] + [metrics] * bool(metrics)
        figure = extra("matplotlib.figure", "plot()").Figure(figsize=(5.0 * len(panels), 3.6), layout="constrained")
        for axes, names in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
            for name in names:
                axes.plot(self["epoch"], self[name], label=name.replace("_", " "), marker="." if len(self) < 30 else None)
            if self.best_epoch is not None:
                axes.axvline(self.best_epoch, color="gray", linestyle=":", label="best epoch")
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
            axes.legend()
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure

    def __repr__(self) -> str:
        cells = [self.names, *([shortly(row.get(name, math.nan)) for name in self.names] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join("  ".join(text.rjust(max(width, 5)) for text, width in zip(row, widths, strict=True)) for row in cells)


def shortly(item: Any) -> str:
    """A number in four digits, and anything else as it is."""
    return f"{item:.4g}" if isinstance(item, (int, float, np.number)) else str(item)


def json_number(number: Any) -> Any:
    """A number of Python for one of NumPy, and None for what JSON lacks, nan and infinity."""
    number = number.item() if isinstance(number, (np.generic, np.ndarray, Value)) else number
    return None if isinstance(number, float) and not math.isfinite(number) else number


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
        raise ValueError(f'schedule_every is "epoch" or "step", but {schedule_every!r} came')
    epochs, patience, clip_norm = whole("epochs", epochs, 0), patience_of(early_stopping), checked_norm(clip_norm)
    restore_best, progress = flag("restore_best", restore_best), flag("progress", progress)
    metrics = {} if metrics is None else checked_metrics(metrics)
    if metrics and validation is None:
        raise ValueError("metrics are computed on validation data: pass validation=(x, y)")
    if taken := [name for name in metrics if name in COLUMNS]:
        raise ValueError(f"the name {taken[0]} is taken by a column that fit() writes: give the metric another one")
    check_parts(model, loss, optimizer, scheduler)
    require_same_columns(train, validation)
    callbacks = checked_callbacks(callbacks)
    loader, validation = batches(train, batch_size, True, rng, drop_last), batches(validation, batch_size)
    for data in (loader, validation):
        if epochs > 1 and isinstance(data, Iterator):
            raise ValueError(
                f"a generator can be used only once, but one was given for {epochs} epochs: make a list of its batches, or a "
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
    for batch, (x, y) in enumerate(map(pair, training.loader), start=1):
        optimizer.zero_grad()
        prediction = model(x)
        with noted() as notes:
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
        step_schedule(scheduler, number)
        average.add(number, notes, targets_in(y))
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


def targets_in(y: Any) -> int:
    """How many targets a batch has, or samples if they are a tuple or dict."""
    return count(y) if isinstance(y, (tuple, dict)) else np.size(plain(y))


def step_schedule(scheduler: Any, loss: float) -> None:
    """The next step of a schedule, which may be none, and of which a plateau looks at the loss."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss)
    elif scheduler is not None:
        scheduler.step()


def evaluate(model: Module, data: Any, metrics: Metrics, batch_size: int = 256) -> dict[str, float]:
    """Metrics of a model's predictions for all samples at once, in eval mode and without a graph.

    Batches whose shapes differ in more than the number of samples, as those of sequences of different lengths, cannot be one
    array: there the metrics of the batches are averaged, a loss of nn and accuracy() exactly as if it were one, and any other
    function with the number of targets of each batch as its weight.

    Args:
        model: called with the inputs of a batch.
        data: a tuple of arrays or pandas frames (x, y), or an iterable of batches (x, y); x may be a dict of arrays, as for
            fit().
        metrics: functions of (predictions, targets), as arrays, by name; losses do as well.
        batch_size: for data that comes as arrays.

    Raises:
        ValueError: if there are no batches, one is not (x, y), the model does not give one array with an axis of samples, a
            metric gives no number, or r2_score() is asked of batches of different shapes.
        TypeError: if the metrics are not functions by name.

    >>> import nn
    >>> model = nn.Linear(2, 3, rng=0)
    >>> evaluate(model, (np.zeros((4, 2)), np.zeros(4, int)), {"accuracy": accuracy, "loss": nn.cross_entropy})
    {'accuracy': 0.0, 'loss': 1.1328539737727368}
    """
    if not isinstance(model, Module):
        raise TypeError(f"evaluate() takes a model, data and metrics, but {named(model)} was given as the model")
    metrics = checked_metrics(metrics)
    with modes_restored(model), no_grad():
        model.eval()
        pairs = [(predicted(model, x), y) for x, y in map(pair, batches(data, batch_size))]
    if not pairs:
        raise ValueError("there is nothing to evaluate: the data has no batches, and a generator can be used only once")
    if all(shapes_behind(found) == shapes_behind(pairs[0]) for found in pairs):
        pairs = [joined(pairs)]
    with no_grad():
        return {name: measured(name, metric, pairs) for name, metric in metrics.items()}


def measured(name: str, metric: Callable[[Any, Any], Any], pairs: Sequence[tuple[Any, Any]]) -> float:
    """A metric of predictions and targets, of one batch or averaged over several."""
    average, number = Average(), math.nan
    for prediction, target in pairs:
        with noted() as notes:
            found = plain(metric(prediction, target))
        if found.size != 1 or found.dtype.kind not in "biuf":
            what = f"an array of the shape {found.shape}" if found.ndim else f"{found.item()!r:.40}"
            raise ValueError(f"the metric {name} is to give one number for all samples, but it gave {what}")
        if len(pairs) > 1 and "other" in dict(notes):
            raise ValueError(
                f"the metric {name} is no mean over samples, and the batches have different shapes, which cannot be one array: "
                "pad the samples to one length, or compute it for each batch"
            )
        average.add(number := float(found.item()), notes, targets_in(target))
    return number if len(pairs) == 1 else average.value()


def shapes_behind(item: Any) -> Any:
    """The shape of an array without its axis of samples; of a tuple or dict, those of its parts."""
    if isinstance(item, tuple):
        return tuple(map(shapes_behind, item))
    return {name: shapes_behind(part) for name, part in item.items()} if isinstance(item, dict) else np.shape(plain(item))[1:]


def predicted(model: Module, x: Any) -> np.ndarray:
    """What a model gives for a batch, as an array."""
    prediction = model(x)
    if not isinstance(prediction, (Value, np.ndarray)) or not prediction.ndim:
        got = "a single number" if isinstance(prediction, (Value, np.ndarray)) else type(prediction).__name__
        raise ValueError(
            f"evaluate() needs a model that gives one Value (samples, ...), but {got} came: what does forward() return?"
        )
    return plain(prediction)


def joined(batches: Sequence[Any]) -> Any:
    """Batches one behind the other, also those of arrays in tuples and dicts."""
    first = batches[0]
    if isinstance(first, tuple):
        return as_tuple(first, (joined(items) for items in zip(*batches, strict=True)))
    if isinstance(first, dict):
        return {name: joined([batch[name] for batch in batches]) for name in first}
    if len(batches) == 1 and isinstance(first, np.ndarray):
        return first
    return np.concatenate([plain(batch) for batch in batches])


# --- what comes in ---------------------------------------------------------------------------------------


def check_parts(model: Any, loss: Any, optimizer: Any, scheduler: Any) -> None:
    """Raise where what fit() was given does not belong together."""
    if not isinstance(model, Module):
        raise TypeError(f"fit() takes a model, a loss, an optimiser and data, but {named(model)} came as the model")
    require_function("fit()'s loss", loss)
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, LBFGS):
        fix = "LBFGS needs a closure: write the loop" if isinstance(optimizer, LBFGS) else "make one of model.named_parameters()"
        raise TypeError(f"fit() takes an optimiser with step(), but {named(optimizer)} came: {fix}")
    held = {id(parameter) for parameter in optimizer.parameters}
    if held.isdisjoint(id(parameter) for parameter in model.parameters()):
        raise ValueError("the optimiser holds no parameter of this model: make it anew, of model.named_parameters()")
    if not any(parameter.requires_grad for parameter in optimizer.parameters):
        raise ValueError(
            "every parameter of the optimiser is frozen, so there is nothing to train: call unfreeze() on what is to be "
            "trained, or make the optimiser from other parameters"
        )
    held |= {id(parameter) for parameter in model.parameters()}
    for path, name, parameter in remembered(model):
        if parameter.requires_grad and id(parameter) not in held:
            raise ValueError(
                f"the function {path} of the model uses {name}, whose parameters are not found in the model and would not be "
                "trained: hold it in an attribute of the model, or freeze() it"
            )
    for path, item in out_of_sight(model):
        leaves = item.parameters() if isinstance(item, Module) else [item] if is_parameter(item) else []
        if any(parameter.requires_grad and id(parameter) not in held for parameter in leaves):
            if isinstance(item, Module):
                what, fix = f"{name_of(item)}, whose parameters are", "freeze() it"
            else:
                what = f"Value of the shape {item.shape}, which is"
                fix = "make it Value(..., requires_grad=False) if it is no parameter"
            raise ValueError(
                f"{path} of the model holds a {what} not found in the model and would not be trained: hold it in an attribute "
                f"of a module, without an underscore in front, or {fix}"
            )
    if scheduler is not None and (isinstance(scheduler, type) or not hasattr(scheduler, "step")):
        raise TypeError(f"fit() takes a schedule with step(), but {named(scheduler)} came: make one, as nn.StepLR(optimizer, 10)")
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ValueError("the schedule was made for another optimiser: make it from the one that fit() gets")


def require_same_columns(train: Any, validation: Any) -> None:
    """Raise ValueError for frames of pandas whose columns differ, as only their numbers reach the model."""
    frames = [data[0] for data in (train, validation) if isinstance(data, tuple) and data and hasattr(data[0], "columns")]
    names = [list(frame.columns) for frame in frames]
    if len(names) == 2 and names[0] != names[1]:
        raise ValueError(
            f"the columns of the training data are {names[0]!s:.80}, but those of the validation data {names[1]!s:.80}: take the "
            "same ones in the same order, validation[train.columns]"
        )


def patience_of(given: Any) -> int | None:
    """The number of epochs without improvement that end the training; None if nothing does."""
    if given is None or isinstance(given, (bool, np.bool_)):
        return PATIENCE if given else None
    return whole("early_stopping", given, 1, "it is the epochs without improvement that end the training; False is off")


def checked_norm(given: Any) -> float | None:
    """The largest norm of the gradients, or None for any."""
    if given is None or given is False:
        return None
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, float, np.integer, np.floating)) or not given > 0:
        raise ValueError(f"clip_norm is a positive number, or None for no clipping, but {given!r} was given")
    return float(given)


def named(item: Any) -> str:
    """How errors name what came."""
    return f"the class {item.__name__}" if isinstance(item, type) else type(item).__name__


def require_function(what: str, item: Any) -> None:
    """Raise TypeError for what cannot be called, and for a class, of which an object is meant."""
    if isinstance(item, type) or not callable(item):
        fix = f"brackets are missing, {item.__name__}()" if isinstance(item, type) else "pass the function itself"
        raise TypeError(f"{what} is a function, but {named(item)} came: {fix}")


def checked_metrics(metrics: Any) -> Metrics:
    """The metrics, if they are functions by name."""
    if not isinstance(metrics, Mapping):
        raise TypeError(f'metrics are functions by name, as {{"accuracy": nn.accuracy}}, but {named(metrics)} came')
    for name, metric in metrics.items():
        require_function(f"the metric {name}", metric)
    return metrics


def checked_callbacks(callbacks: Any) -> list[Callback]:
    """The callbacks, if they are functions in a list; None is no callback."""
    callbacks = () if callbacks is None else callbacks
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks are a list of functions, but {named(callbacks)} came: put it in brackets, callbacks=[...]")
    callbacks = list(callbacks)
    for callback in callbacks:
        require_function("a callback", callback)
    return callbacks


def pair(batch: Any) -> tuple[Any, Any]:
    """A batch (x, y), or an error that says what came."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, (tuple, list, dict)) else ""
        raise ValueError(
            f"a batch is (x, y), but {named(batch)}{size} came: pass all data as a tuple (x, y), or a DataLoader of one; "
            'several inputs of a model are a dict, ({"a": a, "b": b}, y)'
        )
    x, y = (as_array(item) if hasattr(item, "iloc") else item for item in batch)
    if not hasattr(y, "__len__") or np.isscalar(y) or getattr(y, "shape", None) == ():
        raise ValueError(
            "a batch is (x, y) with an axis of samples, but y is a single number: pass nn.DataLoader(data, batch_size)"
        )
    return x, y


def batches(data: Any, batch_size: int, shuffle: bool = False, rng: Rng = None, drop_last: bool = False) -> Any:
    """Arrays (x, y) as a DataLoader; everything else as it is, if it can be iterated over batches."""
    if isinstance(data, tuple) and len(data) != 2:
        raise ValueError(
            f"the data is a tuple (x, y) or an iterable of such batches, but a tuple of {len(data)} came; several inputs of a "
            'model are a dict, ({"a": a, "b": b}, y)'
        )
    if (
        isinstance(data, (Mapping, np.ndarray, Value))
        or hasattr(data, "iloc")
        or data is not None
        and not hasattr(data, "__iter__")
    ):
        raise ValueError(
            f"the data is a tuple (x, y) or an iterable of such batches, but {named(data)} came: pass (x, y), or "
            "nn.DataLoader(data, batch_size) for a data set of samples (x, y)"
        )
    if isinstance(data, list) and data:
        pair(data[0])  # before the first epoch
    if isinstance(data, tuple):
        return DataLoader(data, batch_size, shuffle, rng=rng, drop_last=drop_last)
    if flag("drop_last", drop_last):
        raise ValueError("drop_last=True is for data given as arrays: pass it to the DataLoader")
    return data


@contextmanager
def modes_restored(model: Module) -> Iterator[None]:
    """Put every module back into the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        set_modes(modes)


def set_modes(modes: Iterable[tuple[Module, bool]]) -> None:
    """Put modules into these modes."""
    for module, mode in modes:
        module.training = mode


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


# --- metrics ---------------------------------------------------------------------------------------------


def accuracy(prediction: Any, target: Any) -> float:
    """The share of samples whose class is right, as a function of arrays or Values in one of three forms.

    ==================  ==================  =======================================================================
    prediction          target              what is compared
    ==================  ==================  =======================================================================
    (..., classes)      (...)               the largest score or probability with the class number, an integer
    (..., classes)      (..., classes)      the largest score with the largest of one-hot rows or probabilities
    (n,) or (..., 1)    the same shape      a logit (not a probability) above 0 with the class 1 of 0 and 1, or -1 and 1
    ==================  ==================  =======================================================================

    Returns:
        A number from 0 to 1; nan if a prediction is nan, whose class is not known.

    Raises:
        ValueError: for other shapes, as (n, 1) with (n,); for other targets, as several ones in a row; without samples.
        TypeError: for targets that are no numbers, or class numbers that are no integers.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    >>> accuracy(np.array([2.5, -1.0, 0.5]), np.array([1, 0, 0]))
    0.6666666666666666
    """
    prediction, target = plain(prediction), plain(target)
    several = prediction.ndim > 0 and prediction.shape[-1] > 1
    if target.dtype.kind not in "biuf":
        raise TypeError(
            f"accuracy() takes numbers as targets, but the dtype {target.dtype} came: "
            "np.unique(labels, return_inverse=True)[1] numbers classes"
        )
    if prediction.dtype.kind not in "biuf":
        raise TypeError(f"accuracy() takes scores, which are numbers, as predictions, but the dtype {prediction.dtype} was given")
    if not prediction.size:
        raise ValueError(f"accuracy() needs samples, but predictions of the shape {prediction.shape} came")
    if several and target.shape == prediction.shape[:-1]:
        right = prediction.argmax(-1) == class_numbers("accuracy", prediction, target)[0]
    elif several and target.shape == prediction.shape and prediction.ndim > 1:
        if (target < 0).any() or not np.allclose(target.sum(-1, dtype=float), 1.0, atol=1e-3):
            raise ValueError(
                "accuracy() takes targets in the shape of the scores if each row is one-hot or probabilities, which add up to 1; "
                "for labels of which several may be right, compare prediction.ravel() and target.ravel()"
            )
        right = prediction.argmax(-1) == target.argmax(-1)
    elif target.shape == prediction.shape and (prediction.ndim == 1 or prediction.shape[-1:] == (1,)):
        if not any(np.isin(target, classes).all() for classes in ((0, 1), (-1, 1))):
            raise ValueError("accuracy() takes the targets 0 and 1, or -1 and 1, for one logit for each sample, but others came")
        right = (prediction > 0) == (target > 0)
    else:
        raise ValueError(
            "accuracy() takes scores (..., classes) with class numbers (...) or one-hot rows (..., classes), or logits with "
            f"targets of one shape, (n,) or (n, 1), but {prediction.shape} and {target.shape} came: reshape or index one of them"
        )
    note("mean", right.size)
    return math.nan if np.isnan(prediction).any() else float(np.mean(right))


def r2_score(prediction: Any, target: Any) -> float:
    """The share of the variance of the targets that is explained: 1 is perfect, 0 no better than their mean.

    Args:
        prediction, target: arrays or Values of numbers, of one shape.

    Raises:
        ValueError: for other shapes, without samples, and for targets that are all the same.

    >>> r2_score(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    0.7857142857142857
    """
    prediction, target = plain(prediction), plain(target)
    if prediction.shape != target.shape:
        raise ValueError(f"r2_score() takes arrays of one shape, but {prediction.shape} and {target.shape} came")
    if not {prediction.dtype.kind, target.dtype.kind} <= set("biuf"):
        raise TypeError(f"r2_score() takes numbers, but the dtypes {prediction.dtype} and {target.dtype} were given")
    if not target.size or not target.ndim:
        raise ValueError(f"r2_score() needs samples, but arrays of the shape {target.shape} were given")
    note("other")
    prediction, target = (np.asarray(item, np.result_type(item, np.float64)) for item in (prediction, target))
    with np.errstate(invalid="ignore", over="ignore"):  # of infinities: the score is -inf or nan
        spread = ((target - target.mean(axis=0)) ** 2).sum()
        if not spread:
            raise ValueError("r2_score() needs targets that differ")
        return float(1.0 - ((target - prediction) ** 2).sum() / spread)

"""Learning rate schedules, which set the learning rate of an optimiser's groups, step by step. Names follow PyTorch.

The learning rate is computed from the number of the step and the base learning rate, so that rounding errors do not add up
(PyTorch multiplies the last one). If a user or another schedule has changed the learning rate in between, a schedule continues
from there in proportion, so that several schedules can be stepped in turn, as in PyTorch; LambdaLR,
CosineAnnealingWarmRestarts, OneCycleLR and CyclicLR always set their own rate, also as in PyTorch.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np

from autograd import Value
from autograd.compiler import effect
from nn.arrays import positive_integer, shown, whole_number
from nn.source import level_outside
from nn.training.guards import GuardWarning
from nn.training.lbfgs import LBFGS
from nn.training.optimisers import Optimizer

Functions = Callable[[int], float] | Sequence[Callable[[int], float]]
COUNTING = (Optimizer.step, LBFGS.step)  # other definitions of step() may not count their calls
ORDER = (
    "the schedule was stepped before the optimiser, so the first learning rate is never used: "
    "call optimizer.step() first, then schedule.step()"
)


class ScheduleOrderWarning(GuardWarning):
    """Warns that a schedule was stepped before its optimiser."""


class LRScheduler:
    """The base class of schedules: sets the learning rate of step 0, and that of the next step at each ``step()``.

    A subclass defines ``factor(step)`` or ``rates(step, bases)``. The base learning rate of a group is the one it had before its
    first schedule; the group keeps it as "initial_lr".

    Args:
        optimizer: the optimiser whose learning rates are set.
        last_epoch: the last step of an earlier run: the schedule starts at step ``last_epoch + 1``, from the base learning
            rates, which the optimiser must have; -1 starts at step 0. (A state dict continues exactly where it was saved.)

    Attributes:
        steps: the number of steps so far; last_epoch, PyTorch's name, is an alias.
        base_lrs: the base learning rate of each group.

    Raises:
        TypeError: for anything but an optimiser with a learning rate.
        ValueError: for a last_epoch below -1, or if the optimiser lacks the base learning rates to continue from.

    >>> from nn import SGD
    >>> optimizer = SGD([Value(1.0)], lr=0.1)
    >>> schedule = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> schedule.preview(5)
    [0.1, 0.1, 0.05, 0.05, 0.025]
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    >>> optimizer.lr
    0.05
    """

    steps: Any  # an int, or a float after a part of a step
    floor = 0.0  # lr - floor is proportional to base - floor; CosineAnnealingLR sets it to eta_min
    saved: tuple[str, ...] = ("steps", "base_lrs", "bases", "last_lrs")  # the attributes in a state dict

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked_optimizer(optimizer)
        self.base_lrs = begin_from(optimizer, last_epoch)
        self.begin()
        if last_epoch >= 0:
            self.go_on(last_epoch + 1)

    @property
    def last_epoch(self) -> float:
        """The number of steps so far, by PyTorch's name."""
        return self.steps

    def go_on(self, steps: int) -> None:
        """Set the state and the learning rates after this many steps from the base learning rates."""
        self.steps, self.bases = steps, list(self.base_lrs)
        self.apply()

    def begin(self) -> None:
        """Set step 0, from the learning rates that the groups have now."""
        self.restart([group["lr"] for group in self.optimizer.param_groups])

    def restart(self, bases: list[float] | None = None) -> None:
        """Set step 0, from these learning rates or the base learning rates."""
        self.steps = 0
        self.bases = list(self.base_lrs if bases is None else bases)
        self.apply()

    def factor(self, step: int) -> float:
        """Return the learning rate after this many steps, for a base learning rate of 1."""
        raise NotImplementedError(f"{type(self).__name__} has no factor(): define it to return the learning rate of a step")

    def rates(self, step: int, bases: list[float]) -> list[float]:
        """Return the learning rate of each group after this many steps, from these base learning rates."""
        factor = self.factor(step)
        return [base * factor for base in bases]

    def preview(self, steps: int, group: int = 0) -> list[float]:
        """Return the learning rates of the first `steps` steps in one group, to read or plot. Nothing is changed."""
        return [self.rates(step, self.base_lrs)[group] for step in range(steps)]

    def step(self) -> None:
        """Set the next learning rates; call it after the optimiser's step, or get a ScheduleOrderWarning, once."""
        effect(self.take_step)

    def take_step(self) -> None:
        """Take a step, here and in each replay of a compiled function."""
        optimizer = self.optimizer
        if self.steps == optimizer.steps == 0 and optimizer.guard is not None and type(optimizer).step in COUNTING:
            warnings.warn(ORDER, ScheduleOrderWarning, stacklevel=level_outside())
        self.advance()

    def advance(self) -> None:
        """Take a step without the warning."""
        groups, floor = self.groups(), self.floor
        if any(group["lr"] != last for group, last in zip(groups, self.last_lrs, strict=True)):
            parts = [rate - floor for rate in self.rates(self.steps, [floor + 1.0] * len(groups))]
            for i, (group, last, part) in enumerate(zip(groups, self.last_lrs, parts, strict=True)):
                if group["lr"] != last and part:
                    base = floor + (group["lr"] - floor) / part  # the base that would have led to this rate
                    self.bases[i] = base if base >= 0.0 else self.bases[i]
        self.steps += 1
        self.apply()

    def groups(self) -> list[dict[str, Any]]:
        """Return the optimiser's groups; raise ValueError if their number has changed."""
        groups, count = self.optimizer.param_groups, len(self.last_lrs)
        if len(groups) != count:
            raise ValueError(
                f"the schedule was created for {count} groups of parameters, but now there are {len(groups)}: create a new one"
            )
        return groups

    def apply(self) -> None:
        """Set the learning rates of this step."""
        self.last_lrs = self.rates(self.steps, self.bases)
        for group, lr in zip(self.optimizer.param_groups, self.last_lrs, strict=True):
            group["lr"] = lr

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group that this schedule set last."""
        return list(self.last_lrs)

    def state_dict(self) -> dict[str, Any]:
        """Return the position of the schedule, as numbers. To load it, create the schedule with the same arguments."""
        state = {name: getattr(self, name) for name in self.saved}
        return {
            "schedule": type(self).__name__,
            **{name: list(item) if isinstance(item, list) else item for name, item in state.items()},
            "lr": [group["lr"] for group in self.optimizer.param_groups],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of a schedule; sets the optimiser's learning rates as well.

        Raises:
            ValueError: if the state is of another schedule or number of groups. Nothing is changed then.
        """
        self.check_state(state)
        self.set_state(state)

    def check_state(self, state: dict[str, Any]) -> None:
        """Raise ValueError if the state does not fit this schedule."""
        who, names = type(self).__name__, {*self.saved, "lr"}
        if isinstance(state, dict) and state.get("schedule", who) != who:
            raise ValueError(f"the state of {state['schedule']} cannot be loaded into {who}")
        if not isinstance(state, dict) or state.keys() != {"schedule", *names}:
            given = ", ".join(sorted(state)) if isinstance(state, dict) else repr(state)
            raise ValueError(f"the state of {who} must have schedule, {', '.join(sorted(names))}, got {given}")
        count = len(self.optimizer.param_groups)
        for name in names:
            listed = name == "lr" or isinstance(getattr(self, name), list)
            numbers = state[name] if listed and isinstance(state[name], (list, tuple)) else [state[name]]
            if not all(isinstance(number, Real) for number in numbers) or len(numbers) != (count if listed else 1):
                wanted = f"a list with a number for each of {count} groups" if listed else "a number"
                raise ValueError(f"{name} in the state of {who} must be {wanted}, got {state[name]!r}")

    def set_state(self, state: dict[str, Any]) -> None:
        """Set a state that check_state() has checked."""
        for name in self.saved:
            here, item = getattr(self, name), state[name]
            item = [float(number) for number in item] if isinstance(here, list) else type(here)(item)
            setattr(self, name, state[name] if name == "steps" else item)
        for group, lr in zip(self.optimizer.param_groups, state["lr"], strict=True):
            group["lr"] = float(lr)


def checked_optimizer(optimizer: Any) -> Optimizer:
    """Return the optimiser; raise TypeError unless it is one with learning rates."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"a schedule takes an optimiser, got {type(optimizer).__name__}")
    if any("lr" not in group for group in optimizer.param_groups):
        raise TypeError(f"{type(optimizer).__name__} has no learning rate for a schedule to set")
    return optimizer


def begin_from(optimizer: Optimizer, last_epoch: int) -> list[float]:
    """Return the base learning rate of each group: the one it has at the first step."""
    if whole_number("last_epoch", last_epoch, -1) >= 0 and not all("initial_lr" in group for group in optimizer.param_groups):
        raise ValueError(
            f"last_epoch={last_epoch} continues from the base learning rates, but the optimiser has none: load its state, which "
            'holds the "initial_lr" of each group, before creating the schedule'
        )
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    return [group["initial_lr"] for group in optimizer.param_groups]


def for_each_group(what: str, given: Any, optimizer: Optimizer) -> list[Any]:
    """Return a list with one item for each group, from such a list or from one item for all."""
    count = len(checked_optimizer(optimizer).param_groups)
    if not isinstance(given, (list, tuple)):
        return [given] * count
    if len(given) != count:
        raise ValueError(f"{what} needs one for each of {count} groups, got {len(given)}")
    return list(given)


def not_negative(what: str, number: Any) -> float:
    """Return the number; raise ValueError if it is negative, because that would follow the gradient upwards."""
    if not number >= 0.0:
        raise ValueError(f"{what} must not be negative, got {number!r}")
    return number


def functions_of(given: Any, optimizer: Optimizer) -> list[Callable[[int], float]]:
    """Return the functions of a schedule, one for each group."""
    functions = for_each_group("lr_lambda", given, optimizer)
    for function in functions:
        if not callable(function):
            raise TypeError(f"lr_lambda must be a function of the number of steps, or one for each group, got {shown(function)}")
    return functions


def checked_part(what: str, number: float) -> float:
    """Return the number; raise ValueError unless it is between 0 and 1."""
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{what} must be between 0 and 1, got {number!r}")
    return number


class LambdaLR(LRScheduler):
    """Multiplies the base learning rate by a function of the number of steps.

    Args:
        optimizer: the optimiser whose learning rates are set.
        lr_lambda: the function, or a list of one for each group. It is not part of the state dict.

    >>> from nn import SGD
    >>> LambdaLR(SGD([Value(1.0)], lr=0.5), lambda step: 1.0 / (1.0 + step)).preview(3)
    [0.5, 0.25, 0.16666666666666666]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Functions, last_epoch: int = -1) -> None:
        self.functions = functions_of(lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def rates(self, step: int, bases: list[float]) -> list[float]:
        factors = [not_negative("the factor of lr_lambda", float(function(step))) for function in self.functions]
        return [base * factor for base, factor in zip(self.base_lrs, factors, strict=True)]


class MultiplicativeLR(LRScheduler):
    """Multiplies the learning rate at each step by a function of the step: ``lr * f(1) * f(2) * ... * f(step)``.

    Args:
        optimizer: the optimiser whose learning rates are set.
        lr_lambda: the function, or a list of one for each group. It is not part of the state dict, and must return the same
            for the same step.

    >>> from nn import SGD
    >>> MultiplicativeLR(SGD([Value(1.0)], lr=1.0), lambda step: 0.5 if step < 3 else 1.0).preview(5)
    [1.0, 0.5, 0.25, 0.25, 0.25]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Functions, last_epoch: int = -1) -> None:
        self.functions = functions_of(lr_lambda, optimizer)
        self.products = [[1.0] for _ in self.functions]  # after each step
        super().__init__(optimizer, last_epoch)

    def rates(self, step: int, bases: list[float]) -> list[float]:
        for products, function in zip(self.products, self.functions, strict=True):
            while len(products) <= step:
                factor = not_negative("the factor of lr_lambda", float(function(len(products))))
                products.append(products[-1] * factor)
        return [base * products[step] for base, products in zip(bases, self.products, strict=True)]


class StepLR(LRScheduler):
    """Multiplies the learning rate by gamma every step_size steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = positive_integer("step_size", step_size), not_negative("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        return self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """Multiplies the learning rate by gamma at each milestone; one that is listed twice counts twice."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.milestones, self.gamma = sorted(milestones), not_negative("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        return self.gamma ** bisect_right(self.milestones, step)


class ConstantLR(LRScheduler):
    """Multiplies the learning rate by a factor for the first total_iters steps."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3.0, total_iters: int = 5, last_epoch: int = -1) -> None:
        self.first, self.total_iters = checked_part("factor", factor), total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        return self.first if step < self.total_iters else 1.0


class LinearLR(LRScheduler):
    """Moves the factor linearly from start_factor to end_factor in total_iters steps: a warm-up.

    >>> from nn import SGD
    >>> LinearLR(SGD([Value(1.0)], lr=1.0), start_factor=0.25, total_iters=3).preview(5)
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3.0, end_factor: float = 1.0, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.start_factor, self.end_factor = checked_part("start_factor", start_factor), checked_part("end_factor", end_factor)
        self.total_iters = positive_integer("total_iters", total_iters)
        if start_factor == 0.0:
            raise ValueError("start_factor must be positive: with a learning rate of 0 the first step would have no effect")
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        return self.start_factor + (self.end_factor - self.start_factor) * min(step / self.total_iters, 1.0)


class ExponentialLR(LRScheduler):
    """Multiplies the learning rate by gamma at every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = not_negative("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        return self.gamma**step


class PolynomialLR(LRScheduler):
    """Decreases the learning rate to zero in total_iters steps, as ``(1 - step / total_iters) ** power``."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = positive_integer("total_iters", total_iters), power
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        return (1.0 - min(step / self.total_iters, 1.0)) ** self.power


class CosineAnnealingLR(LRScheduler):
    """Decreases the learning rate to eta_min in T_max steps along half a cosine, then increases it again in as many.

    Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", without restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.floor = positive_integer("T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def rates(self, step: int, bases: list[float]) -> list[float]:
        return [cosine(base, self.floor, step / self.T_max) for base in bases]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Decreases the learning rate to eta_min in T_0 steps along half a cosine, restarts with T_mult times as many, and so on.

    Loshchilov and Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts".

    ``step(epoch + batch / batches)`` after each batch sets the learning rate of that part of an epoch; ``step()`` continues from
    there.

    >>> from nn import SGD
    >>> [round(lr, 3) for lr in CosineAnnealingWarmRestarts(SGD([Value(1.0)], lr=1.0), T_0=2, T_mult=2).preview(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_0, self.T_mult, self.eta_min = positive_integer("T_0", T_0), positive_integer("T_mult", T_mult), eta_min
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """Set the next learning rates, or those of a step or part of one, such as ``epoch + batch / batches``."""
        if epoch is None:
            super().step()
            return
        if isinstance(epoch, (bool, np.bool_)) or not isinstance(epoch, Real) or not 0.0 <= float(epoch) < math.inf:
            raise ValueError(f"step() takes a number of steps of at least 0, got {epoch!r}")
        effect(self.set_step, epoch)

    def set_step(self, epoch: float) -> None:
        """Set the learning rates of a step, here and in each replay of a compiled function."""
        self.groups()
        self.steps = int(epoch) if epoch == int(epoch) else float(epoch)
        self.apply()

    def rates(self, step: float, bases: list[float]) -> list[float]:
        start, length = 0.0, self.T_0
        if self.T_mult == 1:
            start = step - step % length
        while step >= start + length:
            start, length = start + length, length * self.T_mult
        return [cosine(base, self.eta_min, (step - start) / length) for base in self.base_lrs]


def cosine(start: float, end: float, part: float) -> float:
    """Interpolate from start to end along half a cosine."""
    return end + (start - end) * (1.0 + math.cos(math.pi * part)) / 2.0


def straight(start: float, end: float, part: float) -> float:
    """Interpolate from start to end along a line."""
    return start + (end - start) * part


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the learning rate by a factor when a metric has not improved for more than `patience` steps.

    Call ``schedule.step(metric)`` after each epoch.

    Args:
        optimizer: the optimiser whose learning rates are set.
        mode: "min" if less is better, otherwise "max".
        factor: the factor, less than 1.
        patience: the number of steps without improvement to tolerate.
        threshold: the smallest change that counts as an improvement.
        threshold_mode: "rel" for a part of the best metric, "abs" for a difference.
        cooldown: the number of steps after a reduction that do not count.
        min_lr: the least learning rate, or a list of one for each group.
        eps: smaller changes of the learning rate are skipped.

    >>> from nn import SGD
    >>> optimizer = SGD([Value(1.0)], lr=0.1)
    >>> schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.step(loss)
    >>> optimizer.lr
    0.05
    """

    saved = ("steps", "best", "bad_steps", "cooling", "last_lrs")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if not 0.0 <= factor < 1.0:
            raise ValueError(f"factor must be less than 1, to reduce the learning rate, got {factor}")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"mode must be 'min' or 'max' and threshold_mode 'rel' or 'abs', got {mode!r} and {threshold_mode!r}"
            )
        if patience < 0 or cooldown < 0:
            raise ValueError(f"patience and cooldown must not be negative, got {patience!r} and {cooldown!r}")
        self.optimizer, self.min_lrs = checked_optimizer(optimizer), for_each_group("min_lr", min_lr, optimizer)
        self.reduction, self.patience, self.cooldown, self.eps = factor, patience, cooldown, eps
        self.sign, self.threshold, self.relative = (1.0 if mode == "min" else -1.0), threshold, threshold_mode == "rel"
        self.steps = self.bad_steps = self.cooling = 0
        self.best = self.sign * math.inf
        self.last_lrs = [group["lr"] for group in optimizer.param_groups]

    def preview(self, steps: int, group: int = 0) -> list[float]:
        raise NotImplementedError("ReduceLROnPlateau depends on future metrics and has no preview")

    def step(self, metric: Any) -> None:  # type: ignore[override]
        """Take the metric of an epoch, a number or a Value, and reduce the learning rates if it has stopped improving."""
        effect(self.take_metric, metric.item() if isinstance(metric, Value) else metric)

    def take_metric(self, metric: Any) -> None:
        """Take a metric, here and in each replay of a compiled function."""
        metric = float(metric)
        self.steps += 1
        if self.is_better(metric):
            self.best, self.bad_steps = metric, 0
        else:
            self.bad_steps += 1
        if self.cooling > 0:
            self.cooling, self.bad_steps = self.cooling - 1, 0
        if self.bad_steps > self.patience:
            self.cooling, self.bad_steps = self.cooldown, 0
            self.reduce()
        self.last_lrs = [group["lr"] for group in self.groups()]

    def is_better(self, metric: float) -> bool:
        """Return whether the metric is better than the best by more than the threshold; nan never is."""
        if self.relative:
            return self.sign * metric < self.sign * (self.best * (1.0 - self.sign * self.threshold))
        return self.sign * metric < self.sign * self.best - self.threshold

    def reduce(self) -> None:
        """Multiply the learning rates by the factor, but keep each at or above its least one."""
        for group, least in zip(self.groups(), self.min_lrs, strict=True):
            lr = max(group["lr"] * self.reduction, least)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr

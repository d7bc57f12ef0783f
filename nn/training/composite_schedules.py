"""Schedules made of other schedules: SequentialLR, one after the other, and ChainedScheduler, all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from nn.arrays import shown, whole_number
from nn.training.optimisers import Optimizer
from nn.training.schedules import LRScheduler, ReduceLROnPlateau, checked_optimizer


class Composite(LRScheduler):
    """The base of schedules made of others for the same optimiser."""

    saved = ("steps", "base_lrs")

    def __init__(self, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler]) -> None:
        who = type(self).__name__
        if not schedulers:
            raise ValueError(f"{who} needs schedules, got an empty list")
        for number, schedule in enumerate(schedulers):
            if not isinstance(schedule, LRScheduler) or isinstance(schedule, ReduceLROnPlateau):
                raise TypeError(f"{who} takes schedules whose step() has no argument, but number {number} is {shown(schedule)}")
            if schedule.optimizer is not optimizer:
                raise ValueError(f"{who} takes schedules of one optimiser, but number {number} has another")
        self.optimizer, self.schedules, self.steps = checked_optimizer(optimizer), list(schedulers), 0
        self.base_lrs = [group["initial_lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def preview(self, steps: int, group: int = 0) -> list[float]:
        here, found = self.state_dict(), []
        try:
            self.restart(self.base_lrs)
            for _ in range(steps):
                found.append(self.optimizer.param_groups[group]["lr"])
                self.advance()
        finally:
            self.set_state(here)
        return found

    def state_dict(self) -> dict[str, Any]:
        parts = {str(number): schedule.state_dict() for number, schedule in enumerate(self.schedules)}
        return {**super().state_dict(), "schedules": parts}

    def check_state(self, state: dict[str, Any]) -> None:
        parts = state.get("schedules") if isinstance(state, dict) else None
        if not isinstance(parts, dict) or parts.keys() != {str(number) for number in range(len(self.schedules))}:
            raise ValueError(
                f"the state of {type(self).__name__} must have the states of {len(self.schedules)} schedules, got {parts!r}"
            )
        super().check_state({name: item for name, item in state.items() if name != "schedules"})
        for number, schedule in enumerate(self.schedules):
            schedule.check_state(parts[str(number)])

    def set_state(self, state: dict[str, Any]) -> None:
        for number, schedule in enumerate(self.schedules):
            schedule.set_state(state["schedules"][str(number)])
        super().set_state(state)


class SequentialLR(Composite):
    """Runs one schedule after the other; each starts from the base learning rates at its milestone.

    >>> from autograd import Value
    >>> from nn import SGD, ExponentialLR, LinearLR
    >>> optimizer = SGD([Value(1.0)], lr=1.0)
    >>> warm, cool = LinearLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.9)
    >>> SequentialLR(optimizer, [warm, cool], [2]).preview(4)
    [0.5, 0.75, 1.0, 0.9]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        super().__init__(optimizer, schedulers)
        needed = len(schedulers) - 1
        integers = all(isinstance(milestone, int) for milestone in milestones)
        if len(milestones) != needed or not integers or list(milestones) != sorted(milestones):
            raise ValueError(
                f"{needed + 1} schedules need {needed} milestones, integers in ascending order, got {list(milestones)}"
            )
        self.milestones = list(milestones)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self.begin()
        for _ in range(whole_number("last_epoch", last_epoch, -1) + 1):
            self.advance()

    def begin(self) -> None:
        self.steps = 0
        self.at(0)[0].begin()

    def restart(self, bases: list[float] | None = None) -> None:
        self.steps = 0
        self.at(0)[0].restart(bases)

    def at(self, step: int) -> tuple[LRScheduler, int]:
        """Return the schedule of this step, and the step at which it starts."""
        place = bisect_right(self.milestones, step)
        return self.schedules[place], self.milestones[place - 1] if place else 0

    def advance(self) -> None:
        self.steps += 1
        schedule, start = self.at(self.steps)
        schedule.restart() if start == self.steps else schedule.advance()

    def rates(self, step: int, bases: list[float]) -> list[float]:
        schedule, start = self.at(step)
        return schedule.rates(step - start, bases if start == 0 else schedule.base_lrs)


class ChainedScheduler(Composite):
    """Runs several schedules at once: each multiplies the learning rate."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        found = [schedule.optimizer for schedule in schedulers if isinstance(schedule, LRScheduler)]
        super().__init__(optimizer or next(iter(found), None), schedulers)

    def begin(self) -> None:
        self.steps = 0
        for schedule in self.schedules:
            schedule.begin()

    def restart(self, bases: list[float] | None = None) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_lrs if bases is None else bases, strict=True):
            group["lr"] = base
        self.begin()

    def advance(self) -> None:
        self.steps += 1
        for schedule in self.schedules:
            schedule.advance()

    def rates(self, step: int, bases: list[float]) -> list[float]:
        for schedule in self.schedules:
            bases = schedule.rates(step, bases)
        return bases

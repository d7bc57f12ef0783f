"""Schedules that move the momentum against the learning rate: OneCycleLR and CyclicLR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nn.arrays import positive_integer
from nn.training.optimisers import Optimizer
from nn.training.schedules import LRScheduler, checked_part, cosine, for_each_group, not_negative, straight


class WithMomentum(LRScheduler):
    """The base of schedules that move the momentum, or the first beta, against the learning rate.

    A subclass defines momenta_at(); without `cycle_momentum` the momentum stays as it is.
    """

    cycle_momentum: bool

    def momenta_at(self, step: int) -> list[float]:
        """Return the momentum of each group after this many steps."""
        raise NotImplementedError

    def check_momentum(self, optimizer: Optimizer) -> None:
        """Raise ValueError if the optimiser has no momentum to move."""
        if self.cycle_momentum and not all("betas" in group or "momentum" in group for group in optimizer.param_groups):
            raise ValueError(f"{type(optimizer).__name__} has no momentum and no betas: pass cycle_momentum=False")

    def apply(self) -> None:
        super().apply()
        self.apply_momentum()

    def apply_momentum(self) -> None:
        """Set the momentum of this step."""
        if self.cycle_momentum:
            for group, momentum in zip(self.optimizer.param_groups, self.momenta_at(self.steps), strict=True):
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self.apply_momentum()


class OneCycleLR(WithMomentum):
    """Increases the learning rate to max_lr and decreases it far below its start, over one run (Smith and Topin 2018).

    The momentum of SGD and RMSprop, or the first beta of Adam and its variants, goes from max_momentum down to base_momentum
    and up again. The earlier learning rates of the groups have no effect.

    Args:
        optimizer: the optimiser whose learning rates are set.
        max_lr: the highest learning rate, or a list of one for each group.
        total_steps: the number of steps; by default `epochs` times `steps_per_epoch`.
        pct_start: the part of the steps on the way up.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether to set the momentum as well.
        div_factor: the first learning rate is max_lr divided by it.
        final_div_factor: the last learning rate is the first divided by it.
        three_phase: whether to decrease to the first learning rate in as many steps as up, and then to the last.

    Raises:
        ValueError: if the number of steps is missing, or there is no momentum to cycle; on a step after the last.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        tops = [not_negative("max_lr", top) for top in for_each_group("max_lr", max_lr, optimizer)]
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
            total_steps = positive_integer("epochs", epochs) * positive_integer("steps_per_epoch", steps_per_epoch)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.total_steps = positive_integer("total_steps", total_steps)
        self.between = cosine if anneal_strategy == "cos" else straight
        peak = checked_part("pct_start", pct_start) * total_steps - 1.0
        # The last step of each phase, and the level of learning rate and momentum there: 0 is the start, 1 the top, 2 the end.
        self.phases = [(0.0, 0), (peak, 1), *([(2.0 * peak, 0)] if three_phase else []), (total_steps - 1.0, 2)]
        self.levels = [(top / div_factor, top, top / div_factor / final_div_factor) for top in tops]
        high, low = (for_each_group("momentum", given, optimizer) for given in (max_momentum, base_momentum))
        self.momenta = list(zip(high, low, high, strict=True))
        self.cycle_momentum = cycle_momentum
        self.check_momentum(optimizer)
        for group, (start, _, _) in zip(optimizer.param_groups, self.levels, strict=True):
            group["initial_lr"] = start
        super().__init__(optimizer, last_epoch)

    def rates(self, step: int, bases: list[float]) -> list[float]:
        return self.at(step, self.levels)

    def at(self, step: int, levels: list[tuple[float, float, float]]) -> list[float]:
        """Return the learning rates or momenta of a step, from those at the start, the top and the end."""
        if step > self.total_steps:
            raise ValueError(
                f"OneCycleLR was created for {self.total_steps} steps, but this is step {step}: pass the number "
                "of optimiser steps in the whole run as total_steps"
            )
        phase = next(i for i in range(1, len(self.phases)) if step <= self.phases[i][0] or i == len(self.phases) - 1)
        (start, before), (end, after) = self.phases[phase - 1], self.phases[phase]
        part = (step - start) / (end - start) if end != start else 1.0
        return [self.between(level[before], level[after], part) for level in levels]

    def momenta_at(self, step: int) -> list[float]:
        return self.at(step, self.momenta)


class CyclicLR(WithMomentum):
    """Moves the learning rate linearly from base_lr up to max_lr and down again, repeatedly.

    Smith 2017, "Cyclical Learning Rates for Training Neural Networks".

    The momentum of SGD and RMSprop, or the first beta of Adam and its variants, goes from max_momentum down to base_momentum
    and up again. The earlier learning rates of the groups have no effect.

    Args:
        optimizer: the optimiser whose learning rates are set.
        base_lr, max_lr: the lowest and the highest learning rate, or a list of one for each group.
        step_size_up, step_size_down: the number of steps on the way up and down, by default the same.
        mode: "triangular" for equal cycles, "triangular2" for cycles half as high as the last one, "exp_range" for a height that
            decreases as ``gamma ** step``.
        gamma: for "exp_range".
        scale_fn: in place of a mode, a function of the cycle, counted from 1, that returns the part of the full height.
        scale_mode: "cycle", or "iterations" for a scale_fn of the step.
        cycle_momentum: whether to set the momentum as well.
        base_momentum, max_momentum: the lowest and the highest momentum, or a list of one for each group.

    Raises:
        ValueError: for another mode, steps that are not positive, or if there is no momentum to cycle.

    >>> from autograd import Value
    >>> from nn import SGD
    >>> CyclicLR(SGD([Value(1.0)], lr=0.1, momentum=0.9), 0.0, 1.0, step_size_up=2, mode="triangular2").preview(9)
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[Any], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f"mode must be 'triangular', 'triangular2' or 'exp_range', got {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}")
        lows, highs = for_each_group("base_lr", base_lr, optimizer), for_each_group("max_lr", max_lr, optimizer)
        self.levels = list(zip(lows, highs, strict=True))
        if not all(0.0 <= low <= high for low, high in self.levels):
            raise ValueError(f"base_lr must be from 0 to max_lr, got {base_lr!r} and {max_lr!r}")
        low, high = (for_each_group("momentum", given, optimizer) for given in (base_momentum, max_momentum))
        self.momenta = list(zip(high, low, strict=True))
        self.up = positive_integer("step_size_up", step_size_up)
        self.down = self.up if step_size_down is None else positive_integer("step_size_down", step_size_down)
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self.cycle_momentum = cycle_momentum
        self.check_momentum(optimizer)
        for group, low in zip(optimizer.param_groups, lows, strict=True):
            group["initial_lr"] = low
        super().__init__(optimizer, last_epoch)

    def height(self, step: int) -> float:
        """Return the position of a step between the lowest and the highest learning rate, from 0 to 1."""
        cycle, place = divmod(step, self.up + self.down)
        part = place / self.up if place <= self.up else (self.up + self.down - place) / self.down
        if self.scale_fn is not None:
            return part * self.scale_fn(cycle + 1 if self.scale_mode == "cycle" else step)
        return part * {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**step}[self.mode]

    def rates(self, step: int, bases: list[float]) -> list[float]:
        return [straight(low, high, self.height(step)) for low, high in self.levels]

    def momenta_at(self, step: int) -> list[float]:
        return [straight(high, low, self.height(step)) for high, low in self.momenta]

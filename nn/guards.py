"""Guards: an optimiser warns of the usual mistakes in training, each once, with the fix.

They look at gradients only, at the start of every step, before anything is changed.
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from typing import Any, Protocol

import numpy as np

from autograd import Value

EARLY = 10  # steps after which what no gradient has reached is called forgotten
WINDOW = 100  # steps in a row without any gradient after which a unit is called dead
# Dead units of a layer that are worth a warning. Measured over 600 steps on digits, MNIST and moons, 1 to 3 layers, batches
# of 8 and 64: up to 0.44 of relu units are dead in networks that learn well, 0.6 to 1.0 with a learning rate too large.
SHARE = 0.5
NAMED = 3  # parameters in a message
HERE = os.path.dirname(os.path.abspath(__file__))

STALE = (
    "zero_grad() was forgotten: what backward() found is added to the gradient of an earlier step in {names}. "
    "Call optimizer.zero_grad() before backward(), once for each step()"
)
NO_BACKWARD = (
    "no gradient has reached any parameter in {steps} steps: call loss.backward() before step(), and make the optimiser "
    "from the parameters of the model that computes the loss"
)
UNREACHED = (
    "no gradient has reached {names} in {steps} steps, so nothing is learned there: use it in forward(), and let no .data, "
    "detach() or no_grad() come between it and the loss; or freeze() it, or leave it out"
)
BROKEN = (
    "the gradient is nan or infinite in {names}, and this step puts that into the data: run the step within autograd.debug(), "
    "which names the operation it comes from; a lower learning rate, or nn.clip_grad_norm(parameters, 1.0) before "
    "step(), keeps gradients from growing until then"
)
ZERO = (
    "the gradient was exactly zero in each of {steps} steps in {names}: start weights at random numbers, not zeros; scale the "
    "inputs; lower the learning rate, or take leaky_relu or gelu, where all units behind it may be dead or saturated"
)
DEAD = (
    "{names} had no gradient in each of {steps} steps, so they give nothing: lower the learning rate, scale the inputs, "
    "use another initialiser (He's for relu), or leaky_relu or gelu"
)


class GuardWarning(UserWarning):
    """The base of what guards warn of; ``warnings.filterwarnings("ignore", category=...)`` silences one kind."""


class StaleGradientWarning(GuardWarning):
    """zero_grad() was forgotten."""


class UnreachedParameterWarning(GuardWarning):
    """A parameter never reached the loss."""


class NonFiniteGradientWarning(GuardWarning):
    """A gradient is NaN or infinite."""


class ZeroGradientWarning(GuardWarning):
    """A gradient is exactly zero, step after step."""


class DeadUnitWarning(GuardWarning):
    """Many units of a layer have had no gradient for long."""


class Guarded(Protocol):
    """What a guard needs of an optimiser."""

    @property
    def parameters(self) -> list[Value]: ...

    def name_of(self, parameter: Value) -> str: ...


class Guard:
    """Looks at the gradients before each step of an optimiser. Every optimiser makes one, unless ``guards=False``.

    It warns, of each parameter once for each kind:

    - StaleGradientWarning: zero_grad() was forgotten. Several backward() before one step are no mistake.
    - UnreachedParameterWarning: no backward() has reached it in the first 10 steps; frozen ones are left out.
    - NonFiniteGradientWarning: a gradient has NaN or infinities.
    - ZeroGradientWarning: every element of a gradient was exactly zero in each of the first 10 steps, or of 100 later
      ones while others were not. (If all are zero after a time, as with a hinge loss that is zero, nothing is left to do.)
    - DeadUnitWarning: so were at least half of the elements of a bias, or of another parameter with one axis: those
      units give nothing any more. Weights do not tell, as rows of an Embedding may well wait for more than 100 steps.

    Scalar parameters, those of nn.MLP, are judged together: at least half of them must be zero.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.unreached: set[int] = set()  # numbers of parameters
        self.moved: dict[int, Any] = {}  # whether a gradient was not zero in these 100 steps; arrays have a bool for each unit
        self.exempt: set[int] = set()  # frozen or not reached in one of these 100 steps: no gradient is not a zero gradient
        self.learning = False  # whether any gradient was not zero so far
        self.warned: set[tuple[type[GuardWarning], int]] = set()

    def check(self, optimizer: Guarded) -> None:
        """Look at all gradients; called at the start of step(), when they are complete."""
        parameters = optimizer.parameters
        if not self.steps:
            self.unreached = set(range(len(parameters)))
        self.steps += 1
        stale, broken = [], []
        with np.errstate(all="ignore"):
            for number, parameter in enumerate(parameters):
                if not parameter.requires_grad or not parameter.size:
                    self.unreached.discard(number)
                    self.exempt.add(number)
                    continue
                status, grad = parameter.grad_status, parameter.grad
                finite, moved = judge(grad)
                if status == "none" and not np.any(moved):
                    self.exempt.add(number)
                    continue
                self.unreached.discard(number)
                self.moved[number] = self.moved.get(number, False) | moved
                if status == "stale":
                    stale.append(number)
                if not finite:
                    broken.append(number)
        self.warn(StaleGradientWarning, stale, STALE, optimizer)
        self.warn(NonFiniteGradientWarning, broken, BROKEN, optimizer)
        if self.steps == EARLY:
            text = NO_BACKWARD if len(self.unreached) == len(parameters) else UNREACHED
            self.warn(UnreachedParameterWarning, sorted(self.unreached), text, optimizer)
        if self.steps == EARLY or self.steps % WINDOW == 0:
            self.check_zeros(optimizer)

    def check_zeros(self, optimizer: Guarded) -> None:
        """Look back at the last 100 steps, or the first 10."""
        parameters = optimizer.parameters
        judged = {number: moved for number, moved in self.moved.items() if number not in self.exempt}
        zero = [number for number, moved in judged.items() if not np.any(moved)]
        scalars = [number for number in judged if not parameters[number].ndim]
        if sum(number in scalars for number in zero) < SHARE * len(scalars):
            zero = [number for number in zero if number not in scalars]
        if len(zero) < len(judged) or not self.learning:
            self.warn(ZeroGradientWarning, zero, ZERO, optimizer)
        self.learning |= any(map(np.any, judged.values()))
        if self.steps % WINDOW == 0:
            for number, moved in judged.items():
                dead, units = np.size(moved) - np.count_nonzero(moved), np.size(moved)
                if SHARE * units <= dead < units:
                    self.warn(DeadUnitWarning, [number], f"{dead} of {units} units of {DEAD}", optimizer)
            self.moved, self.exempt = {}, set()

    def warn(self, kind: type[GuardWarning], numbers: list[int], text: str, optimizer: Guarded) -> None:
        """One warning for all parameters that had none of this kind yet."""
        new = [number for number in numbers if (kind, number) not in self.warned]
        if new:
            self.warned.update((kind, number) for number in new)
            names = ", ".join(optimizer.name_of(optimizer.parameters[number]) for number in new[:NAMED])
            names += f" and {len(new) - NAMED} more" * (len(new) > NAMED)
            warnings.warn(text.format(names=names, steps=min(self.steps, WINDOW)), kind, stacklevel=level_outside())


def judge(grad: Any) -> tuple[bool, Any]:
    """Whether a gradient is finite, and whether it is not zero: one bool, or one for each unit."""
    if grad.__class__ is float:
        return math.isfinite(grad), grad != 0.0
    flat = grad.ravel(order="K")  # no copy, also of a transposed array
    squares = float(flat @ flat)  # one pass over memory tells both, except where squares overflow or vanish
    finite = math.isfinite(squares) or bool(np.isfinite(flat).all())
    return finite, flat != 0.0 if grad.ndim == 1 else squares != 0.0 or bool(flat.any())


def level_outside() -> int:
    """The stacklevel with which a warning points at the caller of nn, where the mistake is."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == HERE:
        level, frame = level + 1, frame.f_back
    return level

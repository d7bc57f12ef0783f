"""Guards: an optimiser warns of the usual mistakes in training, each once, with the fix.

They look at gradients only, at the start of every step, before anything is changed.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Protocol

import numpy as np

from autograd import Value
from nn.source import level_outside

EARLY = 10  # steps after which what no gradient has reached is called forgotten
WINDOW = 100  # steps in a row without any gradient after which a unit is called dead
# Dead units of a layer that are worth a warning. Measured over 600 steps on digits, MNIST and moons, relu nets of 1 to 3 layers,
# batches of 8 and 64: below half in 69 of 72 settings with usual learning rates (all that warn have Adam at 0.01 and batch 8),
# above it in 29 of 48 with SGD at 0.1 and momentum or Adam at 0.1. A tenth or a third are dead in many that learn well.
SHARE = 0.5
NAMED = 3  # parameters in a message

STALE = (
    "zero_grad() was forgotten: what backward() found is added to the gradient of an earlier step in {names}. "
    "Call optimizer.zero_grad() and then backward(), once for each step()"
)
NO_BACKWARD = (
    "no gradient has reached any parameter in {steps} steps: call loss.backward() before step(), and make the optimiser "
    "from the parameters of the model that computes the loss"
)
FROZEN = (
    "every parameter of the optimiser was frozen in {steps} steps, so nothing is learned: call unfreeze() on what is to be "
    "trained, or make the optimiser from other parameters"
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
    "units of {names} had no gradient in each of {steps} steps, so they give nothing: lower the learning rate, scale the inputs, "
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


class Watch:
    """What a guard remembers of one parameter."""

    __slots__ = ("reached", "still", "active", "moved")

    def __init__(self) -> None:
        self.reached = False
        self.still = 0  # steps in a row in which the whole gradient was zero, and others were not
        self.active = 0  # steps in which it was not, up to 100
        self.moved: Any = False  # for each unit whether it had a gradient in one of those; True if all had


class Guard:
    """Looks at the gradients before each step of an optimiser. Every optimiser makes one, unless ``guards=False``.

    It warns, of each parameter once for each kind:

    - StaleGradientWarning: zero_grad() was forgotten. Several backward() before one step are no mistake.
    - UnreachedParameterWarning: no backward() has reached it in the first 10 steps; frozen ones are left out, unless all are.
    - NonFiniteGradientWarning: a gradient has NaN or infinities.
    - ZeroGradientWarning: a whole gradient was exactly zero in each of the first 10 steps, or of 100 in a row in which others
      were not. (If all are zero after a time, as with a hinge loss that is zero, nothing is left to do.)
    - DeadUnitWarning: at least half of a bias, or of another parameter with one axis, was exactly zero in each of 100 steps
      in which the rest was not: those units give nothing any more. Weights do not tell, as rows of an Embedding may well
      wait for more than 100 steps.

    A gradient of one number may be zero by chance, or because an input is: of those it warns only if half of all parameters
    are zero, as with nn.MLP.

    It costs about 2 % of a step of a 784-128-10 network at batch 64 in float64, 6 % in float32, and less than 1 % of one of
    a small CNN or of scalars: one pass over each gradient.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.learning = False  # whether any gradient was not zero so far
        self.watches: list[Watch] = []  # by the number of the parameter
        self.warned: set[tuple[type[GuardWarning], int]] = set()

    def check(self, optimizer: Guarded) -> None:
        """Look at all gradients; called at the start of step(), when they are complete."""
        self.steps += 1
        parameters = optimizer.parameters
        while len(self.watches) < len(parameters):
            self.watches.append(Watch())
        stale, broken, dead, still, moving = [], [], [], [], False
        with np.errstate(over="ignore", invalid="ignore"):  # of the sums in finite_and_nonzero()
            for number, (parameter, watch) in enumerate(zip(parameters, self.watches, strict=True)):
                status, grad = parameter.grad_status, parameter.grad
                finite, moved = finite_and_nonzero(grad)
                if not parameter.requires_grad or (grad.__class__ is not float and not grad.size):
                    watch.reached = True  # there is nothing to reach
                    continue
                if status == "none" and not moved:
                    watch.still = 0  # no gradient is not a zero gradient
                    continue
                watch.reached = True
                if status == "stale":
                    stale.append(number)
                if not finite:
                    broken.append(number)
                if not moved:
                    still.append(watch)
                    continue
                watch.still, moving = 0, True
                if grad.__class__ is not float and grad.ndim == 1:
                    watch.active += 1
                    if watch.moved is not True:
                        watch.moved = (grad != 0.0) | watch.moved
                        watch.moved = bool(watch.moved.all()) or watch.moved
                    if watch.active == WINDOW:
                        dead.append(number)
        for watch in still if moving or not self.learning else ():
            watch.still += 1
        self.learning |= moving
        if stale:
            self.warn(StaleGradientWarning, stale, STALE, optimizer)
        if broken:
            self.warn(NonFiniteGradientWarning, broken, BROKEN, optimizer)
        for number in dead:
            self.check_units(number, optimizer)
        if self.steps == EARLY or self.steps % WINDOW == 0:
            self.check_parameters(optimizer)

    def check_units(self, number: int, optimizer: Guarded) -> None:
        """Look back at 100 steps of a parameter with one axis."""
        watch = self.watches[number]
        units, dead = np.size(watch.moved), np.size(watch.moved) - np.count_nonzero(watch.moved)
        watch.active, watch.moved = 0, False
        if dead >= SHARE * units:
            self.warn(DeadUnitWarning, [number], f"{dead} of {units} {DEAD}", optimizer)

    def check_parameters(self, optimizer: Guarded) -> None:
        """Look back at the first 10 steps, or the last 100."""
        if self.steps == EARLY:
            missed = [number for number, watch in enumerate(self.watches) if not watch.reached]
            text = NO_BACKWARD if len(missed) == len(self.watches) else UNREACHED
            if not any(parameter.requires_grad for parameter in optimizer.parameters):
                missed, text = [*range(len(self.watches))], FROZEN
            self.warn(UnreachedParameterWarning, missed, text, optimizer)
        zero = [number for number, watch in enumerate(self.watches) if watch.still >= min(self.steps, WINDOW)]
        if len(zero) < SHARE * len(self.watches):
            zero = [number for number in zero if optimizer.parameters[number].size > 1]
        self.warn(ZeroGradientWarning, zero, ZERO, optimizer)

    def warn(self, kind: type[GuardWarning], numbers: list[int], text: str, optimizer: Guarded) -> None:
        """One warning for all parameters that had none of this kind yet."""
        new = [number for number in numbers if (kind, number) not in self.warned]
        if new:
            self.warned.update((kind, number) for number in new)
            names = ", ".join(optimizer.name_of(optimizer.parameters[number]) for number in new[:NAMED])
            names += f" and {len(new) - NAMED} more" * (len(new) > NAMED)
            warnings.warn(text.format(names=names, steps=min(self.steps, WINDOW)), kind, stacklevel=level_outside())


def finite_and_nonzero(grad: Any) -> tuple[bool, bool]:
    """Whether a gradient is finite, and whether anything in it is not zero."""
    if grad.__class__ is float:
        return math.isfinite(grad), grad != 0.0
    # One pass tells both, except where a sum overflows or cancels. A dot product would wait for the threads of BLAS.
    total = float(np.add.reduce(grad, axis=None, dtype=np.float32 if grad.dtype == np.float16 else None))
    return math.isfinite(total) or bool(np.isfinite(grad).all()), total != 0.0 or bool(grad.any())

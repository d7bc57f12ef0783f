"""Guards: optimisers warn of common mistakes in training, each once, with the fix.

They read only gradients, at the start of every step, before anything is changed.
"""

from __future__ import annotations

import math
import warnings
from itertools import repeat
from operator import attrgetter, is_, methodcaller
from typing import Any, Protocol

import numpy as np

from autograd import Value
from autograd.compiler import effect, known_finite
from nn.source import level_outside

EARLY = 10  # steps after which a parameter without any gradient gets a warning
WINDOW = 100  # steps in a row without any gradient after which a unit counts as dead
# The part of dead units in a layer that gets a warning. Measured over 600 steps on digits, MNIST and moons, relu nets of 1 to 3
# layers, batches of 8 and 64: less than half in 69 of 72 settings with usual learning rates (the others: Adam at 0.01 and batch
# 8), more in 29 of 48 with SGD at 0.1 and momentum or Adam at 0.1. A tenth or a third are dead in many nets that learn well.
SHARE = 0.5
SMALL = 16384  # elements of a gradient, below which a call of NumPy takes longer to start than to run
BASE, FIRST = attrgetter("base"), methodcaller("item", 0)
NAMED = 3  # parameters to name in a message

STALE = (
    "zero_grad() was forgotten: backward() added to the gradient of an earlier step in {names}. "
    "Call optimizer.zero_grad() and then backward(), once for each step()"
)
NO_BACKWARD = (
    "no gradient has reached any parameter in {steps} steps: call loss.backward() before step(), and create the optimiser "
    "from the parameters of the model that computes the loss"
)
FROZEN = (
    "every parameter of the optimiser was frozen in {steps} steps, so nothing is learned: call unfreeze() on the part to train, "
    "or create the optimiser from other parameters"
)
UNREACHED = (
    "no gradient has reached {names} in {steps} steps, so nothing is learned there: use it in forward(), without .data, "
    "detach() or no_grad() between it and the loss; or freeze() it, or leave it out"
)
BROKEN = (
    "the gradient is nan or infinite in {names}, and this step makes the parameters so: run the step within autograd.debug(), "
    "which names the operation that causes it; a lower learning rate, or nn.clip_grad_norm(parameters, 1.0) before "
    "step(), keeps gradients from growing that far"
)
ZERO = (
    "the gradient was exactly zero in each of {steps} steps in {names}: start weights at random numbers, not zeros; scale the "
    "inputs; lower the learning rate, or use leaky_relu or gelu, because all units after it may be dead or saturated"
)
DEAD = (
    "units of {names} had no gradient in each of {steps} steps, so they do not learn: lower the learning rate, scale the inputs, "
    "use another initialiser (He's for relu), or leaky_relu or gelu"
)


class GuardWarning(UserWarning):
    """The base of the warnings of guards; ``warnings.filterwarnings("ignore", category=...)`` silences one kind."""


class StaleGradientWarning(GuardWarning):
    """Warns that zero_grad() was forgotten."""


class UnreachedParameterWarning(GuardWarning):
    """Warns that no gradient has reached a parameter."""


class NonFiniteGradientWarning(GuardWarning):
    """Warns of a gradient that is nan or infinite."""


class ZeroGradientWarning(GuardWarning):
    """Warns of a gradient that is exactly zero, step after step."""


class DeadUnitWarning(GuardWarning):
    """Warns that half the units of a layer or more had no gradient in 100 steps."""


class Guarded(Protocol):
    """Declares the parts of an optimiser that a guard uses."""

    @property
    def parameters(self) -> list[Value]: ...

    def name_of(self, parameter: Value) -> str: ...


class SeenParameter:
    """A parameter as a guard sees it in a replay of a compiled function."""

    def __init__(self, parameter: Value, grad: Any, status: str) -> None:
        self.parameter, self.grad, self.grad_status, self.size = parameter, grad, status, parameter.size
        self.requires_grad = status != "frozen"
        self._grad, self._frozen = grad, not self.requires_grad
        self._since, self._clock = None if status == "none" else 0, int(status == "stale")


class Seen:
    """An optimiser as a guard sees it in a replay of a compiled function."""

    def __init__(self, optimizer: Guarded, grads: list[Any], statuses: list[str]) -> None:
        self.optimizer = optimizer
        self.parameters: list[Any] = list(map(SeenParameter, optimizer.parameters, grads, statuses))

    def name_of(self, parameter: Any) -> str:
        """Return the name of a parameter."""
        return self.optimizer.name_of(parameter.parameter)


class Watch:
    """Counts the steps of one parameter for a guard."""

    __slots__ = ("reached", "still", "active", "moved")

    def __init__(self) -> None:
        self.reached = False
        self.still = 0  # steps in a row in which its whole gradient was zero, but others were not
        self.active = 0  # steps in which it was not zero, up to 100
        self.moved: Any = False  # for each unit whether it had a gradient in one of these; True if all had

    def count(self, grad: Any) -> bool:
        """Count a step in which the gradient was not zero; return whether it is time to check the units."""
        self.reached, self.still = True, 0
        if grad.__class__ is float or grad.ndim != 1:
            return False
        self.active += 1
        if self.moved is not True:
            self.moved = (grad != 0.0) | self.moved
            self.moved = bool(self.moved.all()) or self.moved
        return self.active == WINDOW


class Guard:
    """Checks the gradients before each step of an optimiser. Every optimiser has one, unless ``guards=False``.

    It warns once per parameter and kind:

    - StaleGradientWarning: zero_grad() was forgotten. Several calls of backward() before one step are allowed.
    - UnreachedParameterWarning: no gradient has reached a parameter in the first 10 steps. Frozen ones are left out, unless all
      are frozen.
    - NonFiniteGradientWarning: a gradient has nan or infinities.
    - ZeroGradientWarning: a whole gradient was exactly zero in each of the first 10 steps, or of 100 in a row in which others
      were not. (If all become zero at some point, as with a hinge loss of zero, training is done.)
    - DeadUnitWarning: at least half of a bias, or of another parameter with one axis, was exactly zero in each of 100 steps
      in which the rest was not: those units no longer learn. Weights are not checked, because rows of an Embedding may be unused
      for more than 100 steps.

    The gradient of a scalar parameter may be zero by chance, or because an input is zero: such parameters get a warning only if
    the gradients of half of all parameters are zero, as may happen in nn.MLP.

    The cost is one pass over each gradient: about 2 % of a step of a 784-128-10 network at batch 64 in float64, 6 % in float32,
    and less than 1 % for a small CNN or a network of scalars.
    """

    pending = 0  # usual steps, see is_usual(), that the watches have not counted yet
    last = -1  # the step of a compiled function that was checked last
    room = 0  # how many may be pending, until a watch or all parameters are to be checked
    small = False  # whether all gradients are small arrays, so that are_finite() is fast

    def __init__(self) -> None:
        self.steps = 0
        self.learning = False  # whether any gradient so far was not zero
        self.watches: list[Watch] = []  # by the number of the parameter
        self.warned: set[tuple[type[GuardWarning], int]] = set()

    def check(self, optimizer: Guarded) -> None:
        """Check all gradients; called at the start of step(), when they are complete."""
        self.steps += 1
        parameters = optimizer.parameters
        if self.small and self.pending < self.room and len(parameters) == len(self.watches):
            # Slots of Value: properties would take longer than all checks.
            grads = [p._grad for p in parameters if p._since is not None and p._clock <= p._since and not p._frozen]
            if len(grads) == len(parameters) and self.is_usual(grads):
                self.pending += 1
                return
        self.count_pending()
        while len(self.watches) < len(parameters):
            self.watches.append(Watch())
        small: list[np.ndarray] = []
        others: list[int] = []
        stale: list[int] = []
        broken: list[int] = []
        dead: list[int] = []
        still: list[Watch] = []
        for number, (parameter, watch) in enumerate(zip(parameters, self.watches, strict=True)):
            grad, since = parameter._grad, parameter._since
            if since is not None and parameter._clock <= since and not parameter._frozen and grad is not None:
                if grad.__class__ is float:
                    if grad and -math.inf < grad < math.inf:
                        watch.reached, watch.still = True, 0
                        continue
                elif 0 < grad.size <= SMALL and grad.item(0):
                    small.append(grad)
                    if grad.ndim > 1:
                        watch.reached, watch.still = True, 0
                    elif watch.count(grad):
                        dead.append(number)
                    continue
            others.append(number)
        moving = len(others) < len(parameters)
        if small and not are_finite(small):
            fine = set(range(len(parameters))).difference(others)
            broken = [number for number in fine if not np.isfinite(parameters[number].grad).all()]
        if others:
            with np.errstate(over="ignore", invalid="ignore"):  # of the sums in finite_and_nonzero()
                for number in others:
                    parameter, watch = parameters[number], self.watches[number]
                    status, grad = parameter.grad_status, parameter.grad
                    finite, moved = finite_and_nonzero(grad)
                    if not parameter.requires_grad or (grad.__class__ is not float and not grad.size):
                        watch.reached = True  # nothing to reach
                        continue
                    if status == "none" and not moved:
                        watch.still = 0  # a missing gradient is not a zero gradient
                        continue
                    watch.reached = True
                    if status == "stale":
                        stale.append(number)
                    if not finite:
                        broken.append(number)
                    if not moved:
                        still.append(watch)
                        continue
                    moving = True
                    if watch.count(grad):
                        dead.append(number)
        for watch in still if moving or not self.learning else ():
            watch.still += 1
        self.learning |= moving
        if stale:
            self.warn(StaleGradientWarning, stale, STALE, optimizer)
        if broken:
            self.warn(NonFiniteGradientWarning, sorted(broken), BROKEN, optimizer)
        for number in sorted(dead):
            self.check_units(number, optimizer)
        if self.steps == EARLY or self.steps % WINDOW == 0:
            self.check_parameters(optimizer)
        self.small = len(small) == len(parameters)
        usual = not (stale or broken or dead or still)
        if usual and all(watch.moved is True or not watch.active for watch in self.watches):
            left = [WINDOW - self.steps % WINDOW, *(WINDOW - watch.active for watch in self.watches)]
            self.room = min(EARLY - self.steps, *left) - 1 if self.steps < EARLY else min(left) - 1

    def count_usual(self) -> None:
        """Count a step of which the watches have nothing else to note."""
        self.steps += 1
        self.pending += 1

    def check_compiled(self, optimizer: Guarded, step: int) -> None:
        """Check all gradients in a compiled function, here and in each replay; `step` is the number of steps before."""
        parameters = optimizer.parameters
        statuses = [parameter.grad_status if parameter.requires_grad else "frozen" for parameter in parameters]
        grads = [parameter.grad for parameter in parameters]
        if all(status == "fresh" for status in statuses) and all(map(known_finite, grads)):
            effect(self.check_fresh, optimizer, step, *grads, again=True)
        else:
            effect(self.check_seen, optimizer, step, grads, statuses, again=True)

    def check_fresh(self, optimizer: Guarded, step: int, *grads: np.ndarray) -> None:
        """Check gradients that backward() has computed since the last step, and found finite."""
        if step == self.last:  # a replay stopped in the middle of this step, which runs again
            return
        self.last = step
        if self.pending < self.room and len(grads) == len(self.watches) and all(map(FIRST, grads)):
            self.count_usual()
        else:
            self.check(Seen(optimizer, list(grads), ["fresh"] * len(grads)))

    def check_seen(self, optimizer: Guarded, step: int, grads: list[Any], statuses: list[str]) -> None:
        """Check gradients whose status was known when the function was recorded."""
        if step == self.last:
            return
        self.last = step
        fresh = self.small and statuses.count("fresh") == len(grads) == len(self.watches)
        if fresh and self.pending < self.room and self.is_usual(grads):
            self.count_usual()
        else:
            self.check(Seen(optimizer, grads, statuses))

    def is_usual(self, grads: list[np.ndarray]) -> bool:
        """Return whether arrays are finite and begin with no zero, so that the watches have nothing to note but the step."""
        try:
            heads = list(map(FIRST, grads))
        except (AttributeError, IndexError):  # None, as after Ctrl-C in zero_grad(), or the parameters are others now
            return False
        return all(heads) and are_finite(grads)

    def count_pending(self) -> None:
        """Let the watches count the steps that were usual."""
        if self.pending:
            for watch in self.watches:
                watch.reached, watch.still = True, 0
                watch.active += self.pending if watch.active else 0
        self.pending = self.room = 0

    def check_units(self, number: int, optimizer: Guarded) -> None:
        """Check the units of a parameter with one axis after 100 steps."""
        watch = self.watches[number]
        units, dead = np.size(watch.moved), np.size(watch.moved) - np.count_nonzero(watch.moved)
        watch.active, watch.moved = 0, False
        if dead >= SHARE * units:
            self.warn(DeadUnitWarning, [number], f"{dead} of {units} {DEAD}", optimizer)

    def check_parameters(self, optimizer: Guarded) -> None:
        """Check all parameters after the first 10 steps, and after every 100."""
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
        """Give one warning for all parameters that have had none of this kind yet."""
        new = [number for number in numbers if (kind, number) not in self.warned]
        if new:
            self.warned.update((kind, number) for number in new)
            names = ", ".join(optimizer.name_of(optimizer.parameters[number]) for number in new[:NAMED])
            names += f" and {len(new) - NAMED} more" * (len(new) > NAMED)
            warnings.warn(text.format(names=names, steps=min(self.steps, WINDOW)), kind, stacklevel=level_outside())


def are_finite(grads: list[np.ndarray]) -> bool:
    """Return whether some small gradients are finite. As one array, because a call of NumPy takes longer than 1,000 numbers."""
    base: Any = grads[0].base
    parts = base is not None and base.size <= SMALL and all(map(is_, map(BASE, grads), repeat(base)))  # of a vector
    if parts and math.isfinite(np.vdot(base, base)):
        return True
    together = np.concatenate(grads, axis=None)
    if together.size <= SMALL and math.isfinite(np.vdot(together, together)):  # the sum of squares may overflow
        return True
    return bool(np.isfinite(together).all())


def finite_and_nonzero(grad: Any) -> tuple[bool, bool]:
    """Return whether a gradient is finite, and whether any element is not zero."""
    if grad.__class__ is float:
        return math.isfinite(grad), grad != 0.0
    # One pass gives both, unless a sum overflows or cancels. A dot product would wait for the threads of BLAS.
    total = float(np.add.reduce(grad, axis=None, dtype=np.float32 if grad.dtype == np.float16 else None))
    return math.isfinite(total) or bool(np.isfinite(grad).all()), total != 0.0 or bool(grad.any())

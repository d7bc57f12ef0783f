"""LBFGS: a quasi-Newton method by SciPy, which evaluates the loss several times in a step. Options follow PyTorch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from autograd import Value
from nn.arrays import positive_integer
from nn.extras import extra
from nn.training.guards import NonFiniteGradientWarning
from nn.training.optimisers import Optimizer, has_gradient

NAN_TRIAL = (
    "the line search of LBFGS found a loss of nan, which ends its step early, maybe without progress: keep the loss finite "
    "everywhere, for example with log_softmax or softplus in place of log, or scale it down, so that the first trial is shorter"
)


class LBFGS(Optimizer):
    """Implements L-BFGS, a quasi-Newton method for full batches, by SciPy, over all parameters as one vector.

    Liu and Nocedal 1989, "On the limited memory BFGS method for large scale optimization".

    A step runs up to max_iter iterations. There is no learning rate: a line search finds the length of each iteration.
    Curvature estimates are not kept from one step to the next, so few long steps are better than many short ones.

    Args:
        parameters: as for every optimiser; each keeps its dtype, and frozen ones are left out.
        max_iter: the maximal number of iterations in one step.
        max_eval: the maximal number of evaluations in one step, by default ``max_iter * 5 // 4``; the last line search is
            completed.
        tolerance_grad: the step ends when no element of the gradient is larger.
        tolerance_change: the step ends when the loss decreases by less, relative to the larger of the loss and 1.
        history_size: the number of past iterations from which the curvature is estimated.

    Raises:
        ImportError: if SciPy is not installed.

    >>> w = Value([4.0, -2.0])
    >>> optimizer = LBFGS([w])
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - [1.0, 2.0]) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).data
    25.0
    >>> w.data.round(6)
    array([1., 2.])
    """

    _: KW_ONLY
    max_iter: int = 20
    max_eval: int | None = None
    tolerance_grad: float = 1e-7
    tolerance_change: float = 1e-9
    history_size: int = 100

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add the only group; raise ValueError for a second one."""
        if self.param_groups:
            raise ValueError("LBFGS takes one group: all parameters move together, as one vector")
        super().add_param_group(group)
        for name in ("max_iter", "max_eval", "history_size"):
            number = self.param_groups[0][name]
            if number is not None:
                positive_integer(name, number)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Run up to max_iter iterations. An error, also one in the closure, leaves the parameters unchanged.

        Args:
            closure: computes the loss, with zero_grad() and backward(), and returns it.

        Returns:
            The loss of the closure before the step.

        Raises:
            TypeError: if there is no closure, or it does not return a number.
            ValueError: if the closure does not call zero_grad() or backward().
        """
        if not callable(closure):
            raise TypeError("LBFGS evaluates the loss several times in a step: call optimizer.step(closure)")
        minimize = extra("scipy.optimize", "LBFGS").minimize
        group = self.param_groups[0]
        moving = [parameter for parameter in group["params"] if parameter.requires_grad]
        if not moving:
            return super().step(closure)
        losses: list[Any] = []
        numbers: list[float] = []

        def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
            if losses:
                set_from_vector(moving, x)
            loss = closure()
            if losses and any(parameter.grad_status == "stale" for parameter in moving):
                raise ValueError("the closure must call zero_grad() first: gradients of several evaluations were added up")
            if not losses and isinstance(loss, Value) and not any(has_gradient(parameter) for parameter in moving):
                raise ValueError("the closure must call backward() on the loss: no gradient has reached a parameter")
            if not losses and self.guard is not None:
                self.guard.check(self)
            losses.append(loss)
            numbers.append(loss_number(loss))
            return numbers[-1], as_vector(parameter.grad for parameter in moving)

        options = {"maxiter": group["max_iter"], "maxfun": group["max_eval"] or group["max_iter"] * 5 // 4}
        options |= {
            "maxcor": min(group["history_size"], group["max_iter"]),
            "ftol": group["tolerance_change"],
            "gtol": group["tolerance_grad"],
        }
        start = as_vector(parameter.data for parameter in moving)
        try:
            best = minimize(evaluate, start, jac=True, method="L-BFGS-B", options=options).x
        except BaseException:
            set_from_vector(moving, start)
            raise
        set_from_vector(moving, best)
        self.steps += 1
        if self.guard is not None and any(map(math.isnan, numbers)):
            warnings.warn(NAN_TRIAL, NonFiniteGradientWarning, stacklevel=2)
        return losses[0]


def loss_number(loss: Any) -> float:
    """Return the loss of a closure as a number."""
    number = loss.data if isinstance(loss, Value) else loss
    if number is None or np.size(number) != 1:
        raise TypeError(f"the closure must return the loss, one number, got {loss!r}")
    return float(np.ravel(number)[0])


def as_vector(items: Iterable[Any]) -> np.ndarray:
    """Return floats and arrays concatenated in one vector of float64."""
    vector = np.concatenate([np.ravel(item).astype(float) for item in items])
    return vector if type(vector) is np.ndarray else np.array(vector.tolist())  # SciPy takes no stand-ins of a recording


def set_from_vector(parameters: list[Value], x: np.ndarray) -> None:
    """Set the parameters to the numbers of a vector, each in its dtype."""
    ends = np.cumsum([parameter.size for parameter in parameters])
    for parameter, part in zip(parameters, np.split(x, ends[:-1]), strict=True):
        parameter.data = part.reshape(parameter.shape) if parameter.shape else float(part[0])

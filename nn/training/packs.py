"""Pack the small parameters of a group into one vector, so that an optimiser's step calls NumPy once for all of them.

The updates of nn are elementwise, so the numbers are the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np

from autograd import Value

FEWEST = 3  # parameters that are worth a pack
SMALL, TOTAL = 2048, 16384  # elements of a parameter and of a pack, above which calls of NumPy cost less than passes over memory


class Pack:
    """Takes the steps of some parameters of a group together.

    The arrays in the states of its parameters are views of the vectors in its own state, so both may be read and changed.

    Args:
        params: all parameters of the group.
        parameters: those in the pack, arrays of one dtype that had a step before.
        states: the state of each of these.

    Attributes:
        rest: the parameters of the group that are not in the pack.
    """

    def __init__(self, params: list[Value], parameters: list[Value], states: list[dict[str, Any]]) -> None:
        self.params, self.parameters, self.states = list(params), parameters, states
        self.rest = [parameter for parameter in params if all(parameter is not held for held in parameters)]
        self.dtype = parameters[0].dtype
        self.shapes = [parameter.shape for parameter in parameters]
        self.ends = np.cumsum([parameter.size for parameter in parameters]).tolist()
        self.change = np.empty(self.ends[-1], self.dtype)
        self.parts = self.split(self.change)
        self.vectors: dict[str, np.ndarray] = {}
        self.views: dict[str, list[np.ndarray]] = {}
        self.state: dict[str, Any] = dict(states[0])
        for name, item in states[0].items():
            if item.__class__ is np.ndarray:
                self.state[name] = np.concatenate([state[name] for state in states], axis=None)
        self.share()

    def split(self, vector: np.ndarray) -> list[np.ndarray]:
        """Return views of a vector in the shapes of the parameters."""
        starts = [0, *self.ends]
        return [vector[i:j].reshape(shape) for i, j, shape in zip(starts, self.ends, self.shapes, strict=False)]

    def share(self) -> None:
        """Give the states of the parameters what an update has left in the state of the pack."""
        for name, item in self.state.items():
            if item.__class__ is not np.ndarray:
                for state in self.states:
                    state[name] = item
            elif name not in self.vectors:
                self.vectors[name], self.views[name] = item, self.split(item)
                for state, view in zip(self.states, self.views[name], strict=True):
                    state[name] = view
            elif item is not self.vectors[name]:
                np.copyto(self.vectors[name], item)
                self.state[name] = self.vectors[name]

    def fits(self, params: list[Value], states: dict[Value, dict[str, Any]]) -> bool:
        """Return whether all parameters of the pack take the next step, and their states are still those of the pack."""
        if len(params) != len(self.params) or not all(map(is_, params, self.params)):
            return False
        numbers = [(name, item) for name, item in self.state.items() if name not in self.vectors]
        for parameter, state in zip(self.parameters, self.states, strict=True):
            # Slots of Value, see Optimizer.step().
            if parameter._since is None or parameter._grad is None or parameter._frozen or parameter._raw.dtype is not self.dtype:
                return False
            if states.get(parameter) is not state or len(state) != len(self.state):
                return False
            for name, item in numbers:
                if state.get(name) != item:
                    return False
        return all(all(map(is_, [state.get(name) for state in self.states], views)) for name, views in self.views.items())

    def step(self, update: Callable[..., Any], group: dict[str, Any], keep: float | None, clock: int) -> None:
        """Change the parameters of the pack by their gradients, as Optimizer.step() does one by one; they get this clock."""
        grad = np.concatenate([parameter._grad for parameter in self.parameters], axis=None)
        if group.get("maximize"):
            np.negative(grad, grad)
        self.state["step"] += 1
        if keep is not None:
            for parameter in self.parameters:
                data = parameter._raw
                data *= keep
        elif group.get("weight_decay"):
            penalty = group["weight_decay"] * np.concatenate([parameter._raw for parameter in self.parameters], axis=None)
            penalty += grad
            grad = penalty
        change = update(grad, self.state, group)
        self.share()
        np.copyto(self.change, change)
        for parameter, part in zip(self.parameters, self.parts, strict=True):
            data = parameter._raw
            data -= part
            parameter._clock = clock


def packed(params: list[Value], states: dict[Value, dict[str, Any]], numbers: Sequence[str]) -> Pack | None:
    """Return a pack of the parameters of a group that can be in one, or None if there are not enough."""
    found: list[Value] = []
    size = 0
    for parameter in params:
        data, state = parameter.data, states.get(parameter)
        if data.__class__ is float or state is None or parameter.grad_status == "none":
            continue
        if data.dtype.char not in "fd" or not data.flags.c_contiguous or not 0 < data.size <= min(SMALL, TOTAL - size):
            continue
        first = states[found[0]] if found else state
        alike = state.keys() == first.keys() and all(state[name] == first[name] for name in numbers if name in state)
        if alike and data.dtype is (found or [parameter])[0].dtype:
            found.append(parameter)
            size += data.size
    return Pack(params, found, [states[parameter] for parameter in found]) if len(found) >= FEWEST else None

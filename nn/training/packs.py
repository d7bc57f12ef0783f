"""Pack the small parameters of a group into one vector, so that an optimiser's step calls NumPy once for all of them.

Their data becomes parts of the vector, unless something else refers to it. So do their gradients, if a compiled function
computes them.

The updates of nn are elementwise, so the numbers are the same bit for bit.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np

from autograd import Value
from autograd.compiler import join_data, split_vector, vector_of

FEWEST = 3  # parameters that are worth a pack
SMALL, TOTAL = 2048, 16384  # elements of a parameter and of a pack, above which calls of NumPy cost less than passes over memory
KNOWN = 4  # vectors of gradients that a pack knows; a compiled function uses two in turn


class Pack:
    """Takes the steps of some parameters of a group together.

    The arrays in the states of its parameters are views of the vectors in its own state, so both may be read and changed.

    Args:
        params: all parameters of the group.
        parameters: those in the pack, arrays of one dtype that had a step before.
        states: the state of each of these.
        data: the vector that their data is parts of, or None.

    Attributes:
        known: vectors of gradients and their parts, as weak references.
        rest: the parameters of the group that are not in the pack.
    """

    def __init__(
        self, params: list[Value], parameters: list[Value], states: list[dict[str, Any]], data: np.ndarray | None
    ) -> None:
        self.params, self.parameters, self.states = list(params), parameters, states
        self.rest = [parameter for parameter in params if all(parameter is not held for held in parameters)]
        self.dtype, self.data = parameters[0].dtype, data
        self.arrays = [parameter._raw for parameter in parameters]
        self.check: Any = None  # written_check()
        self.known: list[tuple[Any, list[Any]]] = []
        self.shapes = [parameter.shape for parameter in parameters]
        if data is None:
            self.change = np.empty(sum([parameter.size for parameter in parameters]), self.dtype)
            self.parts = split_vector(self.change, self.shapes)
        self.vectors: dict[str, np.ndarray] = {}
        self.views: dict[str, list[np.ndarray]] = {}
        self.state: dict[str, Any] = dict(states[0])
        for name, item in states[0].items():
            if item.__class__ is np.ndarray:
                self.state[name] = np.concatenate([state[name] for state in states], axis=None)
        self.share()

    def share(self) -> None:
        """Give the states of the parameters what an update has left in the state of the pack."""
        for name, item in self.state.items():
            if item.__class__ is not np.ndarray:
                for state in self.states:
                    state[name] = item
            elif name not in self.vectors:
                self.check = None
                self.vectors[name], self.views[name] = item, split_vector(item, self.shapes)
                for state, view in zip(self.states, self.views[name], strict=True):
                    state[name] = view
            elif item is not self.vectors[name]:
                np.copyto(self.vectors[name], item)
                self.state[name] = self.vectors[name]

    def fits(self, params: list[Value], states: dict[Value, dict[str, Any]]) -> bool:
        """Return whether all parameters of the pack take the next step, and their states are still those of the pack."""
        if len(params) != len(self.params) or not all(map(is_, params, self.params)):
            return False
        if self.check is None:
            self.check = self.written_check()
        return bool(self.check(states.get, self.state))

    def written_check(self) -> Any:
        """Return the check of parameters and states as a function without a loop, which would take longer than a step."""
        space: dict[str, Any] = {"dtype": self.dtype}
        numbers = [name for name in self.state if name not in self.views]
        lines = [f"    n{place} = mine[{name!r}]" for place, name in enumerate(numbers)]
        for i, (parameter, state, array) in enumerate(zip(self.parameters, self.states, self.arrays, strict=True)):
            space |= {f"p{i}": parameter, f"s{i}": state, f"a{i}": array}
            same = f"p{i}._raw is not a{i}" if self.data is not None else f"p{i}._raw.dtype is not dtype"
            tests = [f"p{i}._since is None", f"p{i}._grad is None", f"p{i}._frozen", same, f"get(p{i}) is not s{i}"]
            tests += [f"len(s{i}) != {len(self.state)}"]
            tests += [f"s{i}.get({name!r}) != n{place}" for place, name in enumerate(numbers)]
            for name, views in self.views.items():
                space[f"{name}{i}"] = views[i]
                tests.append(f"s{i}.get({name!r}) is not {name}{i}")
            lines.append(f"    if {' or '.join(tests)}: return False")  # slots of Value, see Optimizer.step()
        exec("\n".join(["def check(get, mine):", *lines, "    return True"]), space)
        return space["check"]

    def is_usual(self) -> bool:
        """Return whether all gradients are newer than the data, as after backward(), and begin with no zero."""
        return all(p._clock <= p._since and p._grad.item(0) for p in self.parameters)  # type: ignore[operator]

    def gradient(self) -> tuple[np.ndarray, bool]:
        """Return the gradients as one vector, and whether it is a copy."""
        grads = [parameter._grad for parameter in self.parameters]
        base = getattr(grads[0], "base", None)
        if base is not None:
            for vector, parts in self.known:
                if vector() is base and all(map(is_, grads, [part() for part in parts])):
                    return base, False
            if (found := vector_of(grads)) is not None:
                self.known = [*self.known[1 - KNOWN :], (weakref.ref(found), list(map(weakref.ref, grads)))]
                return found, False
        return np.concatenate(grads, axis=None), True

    def step(
        self, update: Callable[..., Any], group: dict[str, Any], keep: float | None, clock: int, gradient: tuple[np.ndarray, bool]
    ) -> None:
        """Change the parameters by their gradient(), as Optimizer.step() does one by one; they get this clock."""
        grad, copied = gradient
        data = self.data
        if group.get("maximize"):
            grad = np.negative(grad, grad if copied else None)
        self.state["step"] += 1
        if keep is not None:
            for array in (data,) if data is not None else [parameter._raw for parameter in self.parameters]:
                array *= keep
        elif group.get("weight_decay"):
            whole = data if data is not None else np.concatenate([parameter._raw for parameter in self.parameters], axis=None)
            penalty = group["weight_decay"] * whole
            penalty += grad
            grad = penalty
        change = update(grad, self.state, group)
        self.share()
        if data is not None:
            data -= change
            for parameter in self.parameters:
                parameter._clock = clock
            return
        np.copyto(self.change, change)
        for parameter, part in zip(self.parameters, self.parts, strict=True):
            array = parameter._raw
            array -= part
            parameter._clock = clock


def packed(params: list[Value], states: dict[Value, dict[str, Any]], numbers: Sequence[str], joined: bool) -> Pack | None:
    """Return a pack of the parameters of a group that can be in one, or None if there are not enough.

    If `joined`, as for updates of one call, they must become parts of a vector, or there is no pack.
    """
    found: list[Value] = []
    size = 0
    grads = [parameter._grad for parameter in params]
    small = TOTAL if vector_of(grads) is not None else SMALL
    for parameter in params:
        data, state = parameter._raw, states.get(parameter)
        if data.__class__ is float or state is None or parameter.grad_status == "none":
            continue
        if data.dtype.char not in "fd" or not data.flags.c_contiguous or not 0 < data.size <= min(small, TOTAL - size):
            continue
        first = states[found[0]] if found else state
        alike = state.keys() == first.keys() and all(state[name] == first[name] for name in numbers if name in state)
        if alike and data.dtype is (found or [parameter])[0].dtype:
            found.append(parameter)
            size += data.size
    del data, grads  # only the parameters refer to their data now
    if len(found) < FEWEST:
        return None
    vector = join_data(found)
    return Pack(params, found, [states[parameter] for parameter in found], vector) if vector is not None or not joined else None

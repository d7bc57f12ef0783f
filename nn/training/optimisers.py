"""Optimisers, which change parameters by their gradients. Names, formulas and defaults follow PyTorch.

Each formula is written once, for parameters that are Python floats and for arrays: ``average *= beta`` makes a new
float, and works in place on an array. Expressions allocate temporary arrays where that costs nothing measurable:
Adam on (784, 128) takes as long with buffers for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from autograd import Value
from autograd.compiler import effect, live
from nn.arrays import shown
from nn.training.guards import Guard
from nn.training.options import Options
from nn.training.packs import packed

PASS = "pass model.parameters() or model.named_parameters()"
KEPT = ("params", "names", "name")  # keys of a group that loading a state does not change
NUMBERS = {  # options of the optimisers in nn, which are numbers; those of other optimisers may be anything
    "lr", "weight_decay", "decoupled_weight_decay", "maximize", "momentum", "dampening", "nesterov", "lr_decay",
    "initial_accumulator_value", "eps", "rho", "alpha", "centered", "betas", "amsgrad", "momentum_decay", "max_iter",
    "max_eval", "tolerance_grad", "tolerance_change", "history_size",
}  # fmt: skip
CLOCK = Value(0.0)  # setting its data advances the clock, which stale graphs are found by
PACKING = 16  # steps after which the small parameters of a group are packed again, as others may have got a gradient
FLAGS = ("decoupled_weight_decay", "maximize", "nesterov", "centered", "amsgrad")
BELOW_ONE = ("betas", "alpha", "rho")  # the part of a running average that is kept


class ParameterList:
    """Lists the parameters of all groups, as the attribute `parameters` of an optimiser."""

    def __get__(self, optimizer: Any, owner: Any) -> list[Value]:
        if optimizer is None:
            return self  # type: ignore[return-value]
        groups = optimizer.param_groups
        return list(groups[0]["params"]) if len(groups) == 1 else [item for group in groups for item in group["params"]]

    def __set__(self, optimizer: Any, given: Iterable[Any]) -> None:
        raise AttributeError("the parameters of an optimiser cannot be set: use add_param_group()")


class Optimizer(Options):
    """The base class of optimisers: groups of parameters with their options, and a state for each parameter.

    A subclass declares its options as annotated attributes, which become arguments of its constructor, except for ``ClassVar``;
    or it defines a constructor that calls ``super().__init__(parameters, {"lr": ..., further options})``. It also defines
    ``update(grad, state, group)``, which returns the number or array to subtract from a parameter:

    - ``grad`` is the gradient. For a parameter of float16, it and the state are float32.
    - ``state`` is the dict of this parameter, for results that the next step needs; ``state["step"]`` counts the steps from 1.
      The class names the other entries, so that a saved state can be loaded: ``slots`` are arrays (or floats) of the shape of
      the parameter, ``numbers`` are single numbers.
    - ``group`` has the options of the parameter's group.

    >>> class SignMomentum(Optimizer):  # Chen et al. 2023 without its weight decay: w -= lr * sign(average)
    ...     slots = ("average",)
    ...     lr: float = 1e-2
    ...     keep: float = 0.9
    ...
    ...     def update(self, grad, state, group):
    ...         keep = group["keep"]
    ...         state["average"] = keep * state.get("average", 0.0) + (1.0 - keep) * grad
    ...         return group["lr"] * np.sign(state["average"])
    >>> w = Value([2.0, -1.0])
    >>> signed = SignMomentum([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> signed.step()
    >>> w.data
    array([ 1.5, -0.5])

    A step does not change parameters that are frozen, or that no backward pass has reached since their gradient was reset, as
    PyTorch does where the gradient is None: neither momentum nor weight decay moves them. (A gradient that was set by hand
    counts unless it is zero.) The state of a parameter begins with its first step, so it may be unfrozen later.

    Args:
        parameters: leaf Values, as from ``model.parameters()``, or (name, Value) pairs, as from
            ``model.named_parameters()``; or groups with their own options: dicts with the key "params", options such as "lr",
            and optionally a "name".
        defaults: the options and their values, for groups that do not set them. step() applies ``weight_decay``,
            ``decoupled_weight_decay`` and ``maximize``. Options with the name of an option of nn's optimisers must be in its
            range; others may be anything.
        guards: whether each step first checks for common mistakes and warns of them, see nn.training.guards.

    Attributes:
        param_groups: a dict for each group: its "params", their "names" if given, and its options, which may be set.
        state: the state of each parameter: the number of its steps and running averages.
        steps: the number of steps so far.

    Raises:
        TypeError: if a parameter is not a leaf Value, or for a set of parameters, which has no order.
        ValueError: if there are no parameters, one occurs twice, an option is unknown or out of its range, or eps vanishes in
            float32.

    >>> slope, height = Value(2.0), Value(1.0)
    >>> optimizer = SGD([{"params": [slope]}, {"params": [height], "lr": 0.5}], lr=0.1)
    >>> (slope * 3.0 + height).backward()
    >>> optimizer.step()
    >>> slope.data, height.data
    (1.7, 0.5)
    """

    slots: ClassVar[tuple[str, ...]] = ()  # names in the state of a parameter with its shape
    numbers: ClassVar[tuple[str, ...]] = ()  # names in the state that are single numbers, besides "step"

    parameters: ParameterList = ParameterList()
    if TYPE_CHECKING:  # the last argument of the constructors that Options makes
        _: KW_ONLY
        guards: bool = True

    def __init__(self, parameters: Iterable[Any], defaults: dict[str, Any], *, guards: bool = True) -> None:
        if isinstance(parameters, (Value, dict)) or not isinstance(parameters, Iterable):
            raise TypeError(f"an optimiser takes a list of parameters, got {type(parameters).__name__}: {PASS}")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Value, dict[str, Any]] = {}
        self.steps = 0
        self.packs: dict[int, Any] = {}  # by the number of the group
        self.guard = Guard() if guards else None
        items = in_order(parameters)
        for group in items if items and all(isinstance(item, dict) for item in items) else [{"params": items}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add a group of parameters with its own options: ``{"params": model.head.parameters(), "lr": 0.1}``."""
        if "params" not in group or not group.keys() <= {"params", "name", *self.defaults}:
            raise ValueError(
                f"a group of parameters takes the keys {', '.join(['params', *self.defaults])} "
                f"and needs params, got {', '.join(group) or 'none'}"
            )
        params = group["params"]
        if not isinstance(params, Iterable):
            raise TypeError(f"the params of a group must be a list of parameters, got {type(params).__name__}: {PASS}")
        items = [params] if isinstance(params, Value) else in_order(params)
        pairs: list[tuple[Any, Any]] = [item if isinstance(item, tuple) and len(item) == 2 else (None, item) for item in items]
        for name, parameter in pairs:
            if not isinstance(parameter, Value) or parameter.op is not None:
                raise TypeError(f"an optimiser takes leaf Values, got {shown(parameter)}: {PASS}")
            if name is not None and not isinstance(name, str):
                raise TypeError(f"a pair must be a name and a Value, got {name!r} as the name: {PASS}")
        values = [parameter for _, parameter in pairs]
        if not values:
            raise ValueError(f"an optimiser needs parameters, got none; a generator can be used only once: {PASS}")
        everything = self.parameters + values
        if len(set(everything)) < len(everything):
            raise ValueError("an optimiser takes each parameter once, in one group, but one occurs twice")
        options = {name: python_number(item) for name, item in {**self.defaults, **group}.items()} | {"params": values}
        if any(name is not None for name, _ in pairs):
            options["names"] = [name or "" for name, _ in pairs]
        check_ranges(options)
        eps = options.get("eps", 1.0)
        for value in values:
            dtype = np.result_type(value.dtype, np.float32)
            if not dtype.type(eps):
                raise ValueError(f"eps={eps} is zero in {dtype}, and 0 / 0 would be nan: pass a larger one, such as eps=1e-8")
        self.param_groups = [*self.param_groups, options]  # a new list, which a compiled function notices

    @property
    def lr(self) -> float:
        """The learning rate of all groups; raises ValueError where groups have different ones."""
        rates = [group.get("lr") for group in self.param_groups]
        if None in rates:
            raise AttributeError(f"{type(self).__name__} has no learning rate")
        if len(set(rates)) > 1:
            raise ValueError(f"the groups have different learning rates, {rates}: use optimizer.param_groups[i]['lr']")
        return rates[0]  # type: ignore[return-value]

    @lr.setter
    def lr(self, lr: float) -> None:
        if "lr" not in self.defaults:
            raise AttributeError(f"{type(self).__name__} has no learning rate")
        check_ranges({"lr": lr})
        for group in self.param_groups:
            group["lr"] = float(lr)

    def name_of(self, parameter: Value) -> str:
        """Return the name of a parameter, else its label, else its number and shape, for messages."""
        names = [name for group in self.param_groups for name in group.get("names", [""] * len(group["params"]))]
        for number, (name, held) in enumerate(zip(names, self.parameters, strict=True)):
            if held is parameter:
                return name or held.label or f"parameter {number} of shape {held.shape}"
        raise ValueError(f"this optimiser does not hold {parameter!r}")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradient of every parameter to zero; `set_to_none` is accepted as in PyTorch and has no effect."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter._grad = parameter._since = None  # what `grad = None` does, in a third of the time

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by their gradients.

        Args:
            closure: called first, if given: it computes the loss, with zero_grad() and backward(), and returns it.

        Returns:
            The loss that the closure returned, or None.
        """
        loss = closure() if closure is not None else None
        plain = vars(self)
        attributes = live(plain)
        recorded = attributes is not plain  # by a compiled function, which repeats what is read and written by live()
        if not recorded and self.packs and self.step_packed():
            return loss
        if self.guard is not None:
            if recorded:
                self.guard.check_compiled(self, attributes["steps"])
            else:
                self.guard.check(self)
        attributes["steps"] += 1
        update, states, groups, packs = self.update, attributes["state"], attributes["param_groups"], self.packs
        if recorded:
            states, groups = live(states), list(map(live, groups))
        function = getattr(update, "__func__", None)
        quick = function in OWN and not recorded  # it records no graph, so all parameters may get one clock
        if quick:
            CLOCK.data = 0.0
        clock = CLOCK._clock
        for number, group in enumerate(groups):
            decay, maximize = group.get("weight_decay"), group.get("maximize")
            keep = 1.0 - group["lr"] * decay if group.get("decoupled_weight_decay") else None
            params, pack = group["params"], packs.get(number) if quick else None
            if pack is None and quick and self.steps % PACKING == 0:
                pack = packs[number] = packed(params, states, ("step", *self.numbers), function is SGD.update)
            if pack is not None:
                if pack.fits(params, states):
                    pack.step(update, group, keep, clock, pack.gradient())
                    params = pack.rest
                else:
                    packs[number] = None
            for parameter in params:
                # Slots of Value, as properties would take half as long as an update of a float.
                if parameter._frozen or (parameter._since is None and not has_gradient(parameter)):
                    continue
                data, grad = parameter._raw, parameter._grad
                if grad is None:
                    grad = parameter.grad
                if maximize:
                    grad = -grad
                scalar = data.__class__ is float
                narrow = not scalar and data.itemsize == 2
                if narrow:  # in float16 the squares of most gradients are 0, and small steps are lost
                    data, grad = data.astype(np.float32), grad.astype(np.float32)
                found = states.get(parameter)
                state = {"step": 0} if found is None else live(found) if recorded else found
                state["step"] += 1
                if keep is not None:
                    data *= keep
                elif decay:
                    penalty = decay * data
                    penalty += grad
                    grad = penalty
                change = update(grad, state, group)
                if found is None:
                    states[parameter] = state
                if change is None:
                    raise TypeError(f"{type(self).__name__}.update() returned None: return what to subtract from the parameter")
                data -= change
                if narrow:
                    held = parameter._raw
                    held[...] = data
                    data = held
                if quick and (not scalar or data.__class__ is float):
                    parameter._raw, parameter._clock = data, clock
                else:
                    parameter.data = data
        return loss

    def step_packed(self) -> bool:
        """Take the step as step() does, if all parameters are in one pack and the guard has nothing to note; return whether."""
        pack, groups = self.packs.get(0), self.param_groups
        if pack is None or pack.rest or len(groups) > 1 or getattr(self.update, "__func__", None) not in OWN:
            return False
        group, guard = groups[0], self.guard
        if guard is not None and not (guard.small and guard.pending < guard.room and len(pack.parameters) == len(guard.watches)):
            return False
        if not pack.fits(group["params"], self.state) or (guard is not None and not pack.is_usual()):
            return False
        gradient = pack.gradient()
        if guard is not None:
            if not math.isfinite(np.vdot(gradient[0], gradient[0])):
                return False
            guard.count_usual()
        self.steps += 1
        CLOCK.data = 0.0
        keep = 1.0 - group["lr"] * group["weight_decay"] if group.get("decoupled_weight_decay") else None
        pack.step(self.update, group, keep, CLOCK._clock, gradient)
        return True

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        """Return what to subtract from a parameter with this gradient and state; ``state["step"]`` is 1 the first time."""
        raise NotImplementedError(f"{type(self).__name__} has no update(): define it to return what to subtract from a parameter")

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything but the parameters: options, names, steps, and states by the parameters' numbers."""
        numbers = {parameter: number for number, parameter in enumerate(self.parameters)}
        groups = [
            {name: list(item) if isinstance(item, (tuple, list)) else item for name, item in group.items()}
            | {"params": [numbers[parameter] for parameter in group["params"]]}
            for group in self.param_groups
        ]
        state = {
            str(number): {name: np.copy(item) if isinstance(item, np.ndarray) else item for name, item in found.items()}
            for parameter, number in numbers.items()
            if (found := self.state.get(parameter)) is not None
        }
        return {"optimizer": type(self).__name__, "steps": self.steps, "groups": groups, "state": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of an optimiser. Nothing is changed if it does not fit.

        Raises:
            ValueError: if it is the state of another optimiser, or of other groups, names (where both have them) or shapes.

        >>> optimizer = Adam([Value(1.0)], lr=0.5)
        >>> twin = Adam([Value(1.0)])
        >>> twin.load_state_dict(optimizer.state_dict())
        >>> twin.lr
        0.5
        """
        groups, states = self._fitting(state)
        self.steps = int(state["steps"])
        for group, new in zip(self.param_groups, groups, strict=True):
            group.update(new)
        self.state = states

    def _fitting(self, state: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[Value, dict[str, Any]]]:
        """Return the options of groups and the states of parameters; raise ValueError for another optimiser."""
        who = type(self).__name__
        if not isinstance(state, dict) or not {"optimizer", "steps", "groups", "state"} <= state.keys():
            raise ValueError("the state of an optimiser has optimizer, steps, groups and state: use that of state_dict()")
        if state["optimizer"] != who:
            raise ValueError(f"the state of {state['optimizer']} cannot be loaded into {who}")
        sizes = [len(group["params"]) for group in self.param_groups]
        saved = [len(group.get("params", ())) for group in state["groups"]]
        if saved != sizes:
            raise ValueError(f"{who} has groups of {sizes} parameters, got the state of groups of {saved}")
        for here, saved in zip(self.param_groups, state["groups"], strict=True):
            names, others = here.get("names"), saved.get("names")
            if names and others and names != list(others):
                raise ValueError(
                    f"the state is for parameters named {', '.join(others)}, got an optimiser of {', '.join(names)}: pass them "
                    "in the order of the state, or, if they were only renamed, remove 'names' from the groups of the state"
                )
        groups = [{name: item for name, item in group.items() if name not in KEPT} for group in state["groups"]]
        for here, group in zip(self.param_groups, groups, strict=True):
            if not self.defaults.keys() <= group.keys() or not group.keys() <= {*here, "initial_lr"}:
                raise ValueError(f"{who} has the options {', '.join(self.defaults)}, got a state with {', '.join(group)}")
            group.update({name: python_number(item) for name, item in group.items()})
            check_ranges(group)
        by_number = {str(number): parameter for number, parameter in enumerate(self.parameters)}
        if unknown := state["state"].keys() - by_number:
            raise ValueError(
                f"{who} has {len(by_number)} parameters, got a state with number {', '.join(sorted(unknown))} as well"
            )
        if without := [number for number, found in state["state"].items() if "step" not in found]:
            raise ValueError(f"the state of {self.name_of(by_number[without[0]])} has no step, the number of its steps")
        return groups, {
            by_number[number]: {name: self._fit(by_number[number], name, item) for name, item in found.items()}
            for number, found in state["state"].items()
        }

    def _fit(self, parameter: Value, name: str, item: Any) -> Any:
        """Return an entry of a parameter's state as a number, or an array of the parameter's dtype, but float32 for float16."""
        if name == "step":
            return int(item)
        if name in self.numbers:
            return float(item)
        if name not in self.slots or np.shape(item) != parameter.shape:
            of = f"{type(self).__name__}'s state of {self.name_of(parameter)}"
            if name not in self.slots:
                raise ValueError(
                    f"{of} has {', '.join(['step', *self.numbers, *self.slots])}, got {name}: declare what update() keeps in the "
                    f"class, slots = ({name!r},) if it has the shape of the parameter, numbers = ({name!r},) if it is a number"
                )
            raise ValueError(f"{name} in {of} must have the shape {parameter.shape}, got {np.shape(item)}")
        return np.array(item, dtype=np.result_type(parameter.dtype, np.float32)) if parameter.shape else float(item)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"packs": {}}  # a copy would not share memory with the states

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({"packs": {}, **state})  # older pickles have no packs

    def __repr__(self) -> str:
        shown = {name: self.param_groups[0][name] for name in self.defaults}
        return f"{type(self).__name__}({', '.join(f'{name}={item!r}' for name, item in shown.items())})"


def in_order(items: Iterable[Any]) -> list[Any]:
    """Return the items as a list; raise TypeError for a set, because parameters are numbered by their order."""
    if isinstance(items, (set, frozenset)):
        raise TypeError(f"an optimiser numbers parameters by their order, which a set lacks: {PASS}")
    return list(items)


def has_gradient(parameter: Value) -> bool:
    """Return whether a parameter has a gradient and is not frozen."""
    return parameter.requires_grad and (parameter.grad_status != "none" or bool(np.any(parameter.grad)))


def python_number(item: Any) -> Any:
    """Return an option as a number of Python, which keeps float32, and a list as a tuple."""
    return item.item() if isinstance(item, np.generic) else tuple(item) if isinstance(item, list) else item


def check_ranges(options: dict[str, Any]) -> None:
    """Raise ValueError for an option out of its range."""
    for name, item in options.items():
        if name not in NUMBERS or item is None and name != "lr":
            continue
        what = "the learning rate" if name == "lr" else name
        if isinstance(item, bool) and name not in FLAGS:
            raise TypeError(f"{what} must be a number, got {item!r}")
        if name == "betas" and not (isinstance(item, tuple) and len(item) == 2):
            raise TypeError(f"betas must be a pair of numbers, got {item!r}")
        for number in item if isinstance(item, tuple) else (item,):
            if not isinstance(number, (int, float, np.integer)):
                raise TypeError(f"{what} must be a number, got {item!r}")
            if not number >= 0.0:
                raise ValueError(f"{what} must not be negative, got {item}")
            if name in ("lr", "weight_decay") and not number < math.inf:
                raise ValueError(f"{what} must be finite, got {item}")
            if name in BELOW_ONE and not number < 1.0:
                raise ValueError(f"{name} must be less than 1, got {item}: it is the part of a running average to keep")
            if name == "eps" and number == 0.0:
                raise ValueError("eps must be positive: otherwise a gradient of zero is divided by zero")
    if options.get("nesterov") and (not options.get("momentum") or options.get("dampening")):
        raise ValueError("nesterov needs a momentum and no dampening")


# --- shared by formulas ------------------------------------------------------------------------------


def running_average(state: dict[str, Any], name: str, beta: float, new: Any, keep: bool = True) -> Any:
    """Update and return the running average ``beta * average + (1 - beta) * new`` in the state, which starts at zero.

    With ``keep=False`` it overwrites `new` and allocates no array.
    """
    if keep:
        new = (1.0 - beta) * new
    else:
        new *= 1.0 - beta
    average = state.get(name)
    if average is None:
        average = new
    else:
        average *= beta
        average += new
    state[name] = average
    return average


def root(x: Any) -> Any:
    """Return the square root; for a float 10x faster than NumPy's."""
    return math.sqrt(x) if x.__class__ is float else np.sqrt(x)


def larger(x: Any, y: Any) -> Any:
    """Return the larger one, or nan if one is nan."""
    if x.__class__ is not float:
        return np.maximum(x, y)
    if type(x) is not float:  # a number in a compiled function, which does not record branches
        return effect(larger, x, y, again=True)
    return x if x >= y or x != x else y


# --- the optimisers ----------------------------------------------------------------------------------


class SGD(Optimizer):
    """Implements gradient descent with momentum: ``v = momentum * v + (1 - dampening) * grad``, then ``data -= lr * v``.

    The first v is the gradient. With `nesterov`, ``grad + momentum * v`` replaces v (Sutskever et al. 2013, "On the
    importance of initialization and momentum in deep learning").

    >>> w = Value(5.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (0.5 * (w * 2.0 - 6.0) ** 2).backward()
    >>> optimizer.step()
    >>> w.data
    4.2
    """

    slots = ("momentum_buffer",)

    lr: float = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    _: KW_ONLY
    maximize: bool = False

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        momentum = group["momentum"]
        if momentum:
            velocity = state.get("momentum_buffer")
            if velocity is None:
                velocity = 1.0 * grad  # a copy
            else:
                velocity *= momentum
                velocity += (1.0 - group["dampening"]) * grad if group["dampening"] else grad
            state["momentum_buffer"] = velocity
            grad = grad + momentum * velocity if group["nesterov"] else velocity
        return group["lr"] * grad


class Adagrad(Optimizer):
    """Divides steps by the root of the sum of all squared gradients (Duchi, Hazan and Singer 2011)."""

    slots = ("sum",)

    lr: float = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10
    _: KW_ONLY
    maximize: bool = False

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        square = grad * grad
        square += state.get("sum", group["initial_accumulator_value"])
        state["sum"] = square
        step = grad / (root(square) + group["eps"])
        step *= group["lr"] / (1.0 + (state["step"] - 1) * group["lr_decay"])
        return step


class Adadelta(Optimizer):
    """Scales steps by the ratio of recent steps to recent gradients, as root mean squares (Zeiler 2012)."""

    slots = ("square_avg", "acc_delta")

    lr: float = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0
    _: KW_ONLY
    maximize: bool = False

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        rho, eps = group["rho"], group["eps"]
        square = running_average(state, "square_avg", rho, grad * grad, keep=False)
        step = root(state.get("acc_delta", 0.0) + eps)
        step /= root(square + eps)
        step *= grad
        running_average(state, "acc_delta", rho, step * step)
        return group["lr"] * step


class RMSprop(Optimizer):
    """Divides steps by the root of recent squared gradients (Hinton's lecture 6e, 2012).

    With `centered`, divides by their standard deviation (Graves 2013, equations 38 to 45); a variance that rounding makes
    negative counts as zero, where PyTorch's step is nan.
    """

    slots = ("square_avg", "grad_avg", "momentum_buffer")

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    _: KW_ONLY
    maximize: bool = False

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        alpha = group["alpha"]
        square = running_average(state, "square_avg", alpha, grad * grad, keep=False)
        if group["centered"]:
            mean = running_average(state, "grad_avg", alpha, grad)
            square = larger(square - mean * mean, 0.0)
        step = grad / (root(square) + group["eps"])
        if group["momentum"]:
            velocity = state.get("momentum_buffer")
            if velocity is not None:
                step += group["momentum"] * velocity
            state["momentum_buffer"] = step
        return group["lr"] * step


class Adam(Optimizer):
    """Implements Adam: steps by bias-corrected averages of the gradient and its square (Kingma and Ba 2015, algorithm 1).

    `amsgrad` divides by the largest average square so far (Reddi, Kale and Kumar 2018). `weight_decay` times the
    parameter is added to the gradient; with `decoupled_weight_decay` it is AdamW.

    >>> w = Value(5.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 6)
    4.9
    """

    slots = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False
    _: KW_ONLY
    maximize: bool = False
    decoupled_weight_decay: bool = False

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        beta1, beta2 = group["betas"]
        mean = running_average(state, "exp_avg", beta1, grad)
        square = running_average(state, "exp_avg_sq", beta2, grad * grad, keep=False)
        if group["amsgrad"]:
            square = state["max_exp_avg_sq"] = larger(state.get("max_exp_avg_sq", square), square)
        unbiased = math.sqrt(1.0 - beta2 ** state["step"])  # multiplied out of the root, which saves a pass over memory
        step = root(square)
        step += group["eps"] * unbiased
        step = mean / step if step.__class__ is float else np.divide(mean, step, step)
        step *= group["lr"] * unbiased / (1.0 - beta1 ** state["step"])
        return step


class AdamW(Adam):
    """Implements Adam with decay apart from the gradient: ``data *= 1 - lr * weight_decay`` (Loshchilov and Hutter 2019)."""

    weight_decay: float = 1e-2
    decoupled_weight_decay: bool = field(default=True, init=False)


class Adamax(Optimizer):
    """Implements Adam with the largest recent gradient in place of the root mean square (Kingma and Ba 2015, algorithm 2)."""

    slots = ("exp_avg", "exp_inf")

    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    _: KW_ONLY
    maximize: bool = False

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        beta1, beta2 = group["betas"]
        mean = running_average(state, "exp_avg", beta1, grad)
        largest = abs(grad) + group["eps"]
        if "exp_inf" in state:
            largest = larger(beta2 * state["exp_inf"], largest)
        state["exp_inf"] = largest
        step = mean / largest
        step *= group["lr"] / (1.0 - beta1 ** state["step"])
        return step


class NAdam(Optimizer):
    """Implements Adam with Nesterov's momentum, which grows with the steps (Dozat 2016)."""

    slots = ("exp_avg", "exp_avg_sq")
    numbers = ("mu_product",)

    lr: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3
    decoupled_weight_decay: bool = False
    _: KW_ONLY
    maximize: bool = False

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        lr, step, (beta1, beta2) = group["lr"], state["step"], group["betas"]
        now, following = (beta1 * (1.0 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * now
        mean = running_average(state, "exp_avg", beta1, grad)
        square = running_average(state, "exp_avg_sq", beta2, grad * grad, keep=False)
        deviation = root(square / (1.0 - beta2**step))
        deviation += group["eps"]
        change = (lr * (1.0 - now) / (1.0 - product)) * grad
        change += (lr * following / (1.0 - product * following)) * mean
        change /= deviation
        return change


class RAdam(Optimizer):
    """Implements Adam with shorter steps, or momentum alone, while the average square is uncertain (Liu et al. 2020)."""

    slots = ("exp_avg", "exp_avg_sq")

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decoupled_weight_decay: bool = False
    _: KW_ONLY
    maximize: bool = False

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        step, (beta1, beta2) = state["step"], group["betas"]
        mean = running_average(state, "exp_avg", beta1, grad)
        square = running_average(state, "exp_avg_sq", beta2, grad * grad, keep=False)
        rate, bias = group["lr"] / (1.0 - beta1**step), 1.0 - beta2**step
        longest = 2.0 / (1.0 - beta2) - 1.0  # of the averaging window
        length = longest - 2.0 * step * beta2**step / bias
        if length <= 5.0:
            return rate * mean
        certainty = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)
        change = mean / (root(square) + group["eps"])
        change *= rate * math.sqrt(bias * certainty)
        return change


#: The updates of nn, which are elementwise. (For SGD's a pack does not pay.)
OWN = {kind.update for kind in (SGD, Adagrad, Adadelta, RMSprop, Adam, Adamax, NAdam, RAdam)}

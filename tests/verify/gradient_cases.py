"""Written cases for gradient checkers: correct gradients that are hard to verify, and wrong ones that look right.

Plain NumPy, so that the cases run wherever a checker does. A case is a function, its inputs and a claimed gradient, and says
whether the claim is right. Most come in pairs: a right claim, then plausible mistakes about the same function at the same point.

What counts as right:
- the derivative of what the function means to compute: rounding, a solver that stops early and tables are noise around it;
- at a kink, every convex combination of the gradients around it (Clarke's generalised gradient), in one dimension every slope
  between the two sides; near a kink, only the slope of its own side;
- where the function jumps there is no derivative, and no claim may be accepted (`right` is None).
A wrong claim is off by at least 1e-6 of the slope that it gets wrong, even if that is one small element among large ones, and
by much more where the function's own noise hides that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = Any
Function = Callable[..., Any]


class Case(NamedTuple):
    """A claim about a gradient.

    Attributes:
        name: the function, the point and what the claim gets wrong; unique.
        family: what makes it difficult.
        function: a NumPy function of the inputs, to a number or an array of the dtype of the inputs.
        inputs: floats or arrays.
        gradient: the claim, a function of the same inputs: an array of the shape of the result followed by the shape of the
            input, for several inputs a tuple of them.
        right: whether the claim is correct; None where there is no derivative, so that no claim may be accepted.
    """

    name: str
    family: str
    function: Function
    inputs: tuple[Any, ...]
    gradient: Function
    right: bool | None


def about(
    family: str,
    name: str,
    function: Function,
    inputs: Any,
    right: Function | Mapping[str, Function],
    wrong: Mapping[str, Function | float] | None = None,
) -> Iterator[Case]:
    """Cases of one function at one point.

    Args:
        family, name, function: as in Case.
        inputs: one input, or a tuple of several.
        right: the correct gradient; where several claims are correct, a dict of them by what they say.
        wrong: other gradients by what they get wrong; a number is a factor on the (first) correct one.
    """
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    claims = right if isinstance(right, Mapping) else {"": right}
    correct = next(iter(claims.values()))
    for says, gradient in claims.items():
        yield Case(f"{name}: {says}" if says else name, family, function, inputs, gradient, True)
    for says, mistake in (wrong or {}).items():
        gradient = mistake if callable(mistake) else scaled(correct, mistake)
        yield Case(f"{name}: {says}", family, function, inputs, gradient, False)


def jump(name: str, function: Function, inputs: Any, gradient: Function) -> Iterator[Case]:
    """A case without a derivative."""
    yield Case(name, "jump", function, inputs if isinstance(inputs, tuple) else (inputs,), gradient, None)


# --- making claims out of others ----------------------------------------------------------------------------------------------


def each(gradient: Function, change: Callable[..., Array]) -> Function:
    """A gradient with `change` applied to the part for each input."""

    def changed(*inputs: Any) -> Any:
        parts = gradient(*inputs)
        return tuple(change(part) for part in parts) if isinstance(parts, tuple) else change(parts)

    return changed


def scaled(gradient: Function, factor: float) -> Function:
    """A gradient times a number, in its own precision."""
    return each(gradient, lambda part: np.asarray(part) * np.asarray(part).dtype.type(factor))


def with_element(gradient: Function, index: Any, change: Callable[[Any], Any], part: int | None = None) -> Function:
    """A gradient, of one input or in part number `part`, in which the element at `index` is changed."""

    def changed(*inputs: Any) -> Any:
        parts = gradient(*inputs)
        array = np.array(parts if part is None else parts[part])
        array[index] = change(array[index])
        return array if part is None else (*parts[:part], array, *parts[part + 1 :])

    return changed


def at_other(gradient: Function, distance: float) -> Function:
    """A gradient computed at moved inputs."""
    return lambda *inputs: gradient(*(item + distance for item in inputs))


def slope(*values: float) -> Function:
    """A claim that does not depend on the inputs."""
    return lambda *_: np.array(values) if len(values) > 1 else values[0]


def zero(_: Any) -> float:
    return 0.0


def negative(element: Any) -> Any:
    return -element


# --- functions that several cases share ---------------------------------------------------------------------------------------


def relu(x: Array) -> Array:
    return np.maximum(x, 0.0)


def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x: Array, axis: int = -1) -> Array:
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_sum_exp(x: Array, axis: int = -1) -> Array:
    largest = np.max(x, axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(x - largest), axis=axis)) + np.squeeze(largest, axis)


def cross_entropy(labels: Sequence[int]) -> Function:
    """The mean loss of scores (n, classes)."""
    rows = np.arange(len(labels))
    return lambda scores: np.mean(log_sum_exp(scores) - scores[rows, labels])


def cross_entropy_slope(labels: Sequence[int]) -> Function:
    def gradient(scores: Array) -> Array:
        return (softmax(scores) - np.eye(scores.shape[-1], dtype=scores.dtype)[labels]) / scores.dtype.type(len(labels))

    return gradient


def normalised(x: Array, axis: int) -> Array:
    """Layer norm (axis -1) or batch norm (axis 0)."""
    centred = x - np.mean(x, axis=axis, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=axis, keepdims=True) + 1e-5)


def normalised_slope(weights: Array, axis: int, mean: bool = True, variance: bool = True) -> Function:
    """The gradient of sum(weights * normalised(x)); mean and variance may be taken for constants."""

    def gradient(x: Array) -> Array:
        centred = x - np.mean(x, axis=axis, keepdims=True)
        deviation = np.sqrt(np.mean(centred**2, axis=axis, keepdims=True) + 1e-5)
        result = weights / deviation
        if variance:
            result = result - centred / deviation**3 * np.mean(weights * centred, axis=axis, keepdims=True)
        if mean:
            result = result - np.mean(weights, axis=axis, keepdims=True) / deviation
        return result

    return gradient


def rosenbrock(x: Array) -> Array:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_slope(x: Array) -> Array:
    inner = x[1:] - x[:-1] ** 2
    right = np.concatenate([np.zeros_like(x[:1]), 200.0 * inner])
    return right + np.concatenate([-400.0 * x[:-1] * inner - 2.0 * (1.0 - x[:-1]), np.zeros_like(x[:1])])


def rosenbrock_curvature(x: Array) -> Array:
    diagonal = np.zeros(len(x))
    diagonal[:-1] += 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    diagonal[1:] += 200.0
    return np.diag(diagonal) + np.diag(-400.0 * x[:-1], 1) + np.diag(-400.0 * x[:-1], -1)


# --- the cases, by what makes them difficult ----------------------------------------------------------------------------------
# fmt: off


def scale() -> Iterator[Case]:
    """Inputs, values and slopes from 1e-19 to 1e12: fixed steps and absolute tolerances are blind here."""

    def case(*args: Any) -> Iterator[Case]:
        return about("scale", *args)

    yield from case("1e-7 x² at 1", lambda x: 1e-7 * x**2, 1.0, lambda x: 2e-7 * x, {"zero": 0.0})
    yield from case("1e-12 sin(x) at 0.5", lambda x: 1e-12 * np.sin(x), 0.5, lambda x: 1e-12 * np.cos(x), {"twice": 2.0})
    yield from case("1e12 cos(x) at 0.5", lambda x: 1e12 * np.cos(x), 0.5, lambda x: -1e12 * np.sin(x), {"0.01 % off": 1.0001})
    yield from case("x² at 1e9", lambda x: x**2, 1e9, lambda x: 2.0 * x, {"half": 0.5})
    yield from case("x² at 1e-12", lambda x: x**2, 1e-12, lambda x: 2.0 * x, {"half": 0.5})
    yield from case("sqrt(x) at 1e12", lambda x: np.sqrt(x), 1e12, lambda x: 0.5 / np.sqrt(x), {"zero": 0.0})
    yield from case("sin(1e9 x) at 1e-9", lambda x: np.sin(1e9 * x), 1e-9, lambda x: 1e9 * np.cos(1e9 * x), {"1 % off": 1.01})
    yield from case("1 / x at 1e6", lambda x: 1.0 / x, 1e6, lambda x: -1.0 / x**2, {"wrong sign": -1.0})
    yield from case("1 / x at -1e-6", lambda x: 1.0 / x, -1e-6, lambda x: -1.0 / x**2, {"0.1 % off": 1.001})
    yield from case("exp(x) at 0", lambda x: np.exp(x), 0.0, lambda x: np.exp(x), {"0.1 % off": 1.001})
    yield from case(
        "cos(x) at 1e-12", lambda x: np.cos(x), 1e-12,
        lambda x: -np.sin(x), {"computed at 1e-6": at_other(lambda x: -np.sin(x), 1e-6)},
    )
    yield from case(
        "x³ at 0", lambda x: x**3, 0.0,
        lambda x: 3.0 * x**2, {"computed at 0.01": at_other(lambda x: 3.0 * x**2, 0.01)},
    )
    yield from case("a constant", lambda x: 3.0 + 0.0 * x, 2.0, slope(0.0), {"1e-4": slope(1e-4)})
    yield from case(
        "exp(-1 / x²) at 0.1, a value of 4e-44", lambda x: np.exp(-1.0 / x**2), 0.1,
        lambda x: 2.0 / x**3 * np.exp(-1.0 / x**2), {"half": 0.5},
    )
    yield from case(
        "Coulomb's force between electrons at 1e-10 m", lambda charge, distance: 8.987551792e9 * charge**2 / distance**2,
        (1.602176634e-19, 1e-10),
        lambda q, r: (8.987551792e9 * 2.0 * q / r**2, -2.0 * 8.987551792e9 * q**2 / r**3),
        {"the distance's zero": lambda q, r: (8.987551792e9 * 2.0 * q / r**2, 0.0)},
    )
    yield from case(
        "m c² at m = 1e-9, c = 3e8", lambda m, c: m * c**2, (1e-9, 3e8),
        lambda m, c: (c**2, 2.0 * m * c),
        {"c's zero": lambda m, c: (c**2, 0.0), "c's factor 2 missing": lambda m, c: (c**2, m * c)},
    )

    units = np.array([1e-8, 1.0, 1e8])

    def in_units(x: Array) -> Array:
        return 2.0 * x / units**2

    yield from case(
        "squares of inputs of 1e-8, 1 and 1e8 in those units", lambda x: np.sum((x / units) ** 2),
        np.array([1.3e-8, -0.7, 2.1e8]),
        in_units,
        {
            "the largest input's zero": with_element(in_units, 2, zero),
            "the smallest input's 1 % off": with_element(in_units, 0, lambda g: 1.01 * g),
        },
    )
    yield from case(
        "squares of 0.001, 1 and 1000", lambda x: np.sum(x**2), np.array([1e-3, 1.0, 1e3]),
        lambda x: 2.0 * x, {"the first zero": with_element(lambda x: 2.0 * x, 0, zero)},
    )
    sizes = np.array([1e6, 1.0, 1e-6])

    def in_sizes(x: Array) -> Array:
        return sizes * np.cos(x)

    yield from case(
        "sines of amplitudes 1e6, 1 and 1e-6", lambda x: np.sum(sizes * np.sin(x)), np.array([0.3, 0.5, 0.7]),
        in_sizes, {"the smallest with a wrong sign": with_element(in_sizes, 2, negative)},
    )
    yield from case(
        "norm of a vector of 1e-9", lambda x: np.sqrt(np.sum(x**2)), np.array([3e-9, -4e-9, 12e-9]),
        lambda x: x / np.sqrt(np.sum(x**2)), {"not normalised": lambda x: x},
    )


def kink() -> Iterator[Case]:
    """Kinks at the point, near it (where only one side is right) and far from it."""

    def case(*args: Any) -> Iterator[Case]:
        return about("kink", *args)

    yield from case(
        "relu at 0", relu, 0.0,
        {"0": slope(0.0), "1/2": slope(0.5), "1": slope(1.0)}, {"1.5": slope(1.5), "-0.1": slope(-0.1)},
    )
    yield from case("abs at 0", np.abs, 0.0, {"0": slope(0.0), "-1": slope(-1.0)}, {"2": slope(2.0)})
    yield from case(
        "leaky relu of slope 0.1 at 0", lambda x: np.maximum(x, 0.1 * x), 0.0,
        {"0.1": slope(0.1), "1": slope(1.0)}, {"0": slope(0.0)},
    )
    yield from case(
        "clip(x, 0, 1) at 1", lambda x: np.clip(x, 0.0, 1.0), 1.0,
        {"0": slope(0.0), "1": slope(1.0)}, {"-1": slope(-1.0)},
    )
    yield from case("3 relu(x) - 5 at 0", lambda x: 3.0 * relu(x) - 5.0, 0.0, {"2": slope(2.0)}, {"3.1": slope(3.1)})
    yield from case(
        "exp(x) + |x - 1| at 1", lambda x: np.exp(x) + np.abs(x - 1.0), 1.0,
        {"the middle": lambda x: np.exp(x), "the right side": lambda x: np.exp(x) + 1.0},
        {"without the smooth part": slope(0.0), "1 % above the right side": lambda x: 1.01 * (np.exp(x) + 1.0)},
    )
    yield from case(
        "max of (1, 2, 2)", np.max, np.array([1.0, 2.0, 2.0]),
        {"shared": slope(0.0, 0.5, 0.5), "the first": slope(0.0, 1.0, 0.0)},
        {"1 for both": slope(0.0, 1.0, 1.0), "0 for both": slope(0.0, 0.0, 0.0), "the one that is smaller": slope(1.0, 0.0, 0.0)},
    )
    yield from case(
        "median of (1, 2, 2)", np.median, np.array([1.0, 2.0, 2.0]),
        {"shared": slope(0.0, 0.5, 0.5), "the last": slope(0.0, 0.0, 1.0)}, {"1 for both": slope(0.0, 1.0, 1.0)},
    )
    yield from case(
        "maximum(x, y) at (2, 2)", np.maximum, (2.0, 2.0),
        {"a half each": lambda x, y: (0.5, 0.5), "x's": lambda x, y: (1.0, 0.0)}, {"1 each": lambda x, y: (1.0, 1.0)},
    )
    yield from case(
        "norm of a vector at zeros", lambda x: np.sqrt(np.sum(x**2)), np.zeros(3),
        {"0": slope(0.0, 0.0, 0.0)}, {"1": slope(1.0, 1.0, 1.0)},
    )
    yield from case("|x|^1.5 at 0", lambda x: np.abs(x) ** 1.5, 0.0, slope(0.0), {"0.1": slope(0.1)})
    yield from case("|x|^1.1 at 0", lambda x: np.abs(x) ** 1.1, 0.0, slope(0.0), {"2": slope(2.0)})
    yield from case("x |x| at 0, a kink of the slope", lambda x: x * np.abs(x), 0.0, slope(0.0), {"0.01": slope(0.01)})
    yield from case(
        "Huber's loss at its corner", lambda x: np.where(np.abs(x) < 1.0, 0.5 * x**2, np.abs(x) - 0.5), 1.0,
        slope(1.0), {"half": 0.5},
    )
    for distance in (1e-3, 1e-6, 1e-9):
        for side, where in ((1.0, "right"), (-1.0, "left")):
            yield from case(
                f"|x - 1| at {distance:g} to the {where} of its kink", lambda x: np.abs(x - 1.0), 1.0 + side * distance,
                slope(side), {"the other side's": slope(-side)},
            )
    yield from case("relu at 1e-12", relu, 1e-12, slope(1.0), {"0": slope(0.0)})
    yield from case("relu at -1e-12", relu, -1e-12, slope(0.0), {"1": slope(1.0), "1/2": slope(0.5)})
    yield from case("relu at 3", relu, 3.0, slope(1.0), {"0": slope(0.0)})
    yield from case(
        "exp(x) + relu(x - 1) at 1e-6 below 1", lambda x: np.exp(x) + relu(x - 1.0), 1.0 - 1e-6,
        lambda x: np.exp(x), {"above": lambda x: np.exp(x) + 1.0, "between": lambda x: np.exp(x) + 0.5},
    )
    yield from case(
        "clip(x, 0, 1) of an array around the bounds", lambda x: np.sum(np.clip(x, 0.0, 1.0) * np.array([1.0, 2.0, 3.0, 4.0])),
        np.array([-1e-5, 1e-5, 1.0 - 1e-5, 1.0 + 1e-5]),
        slope(0.0, 2.0, 3.0, 0.0), {"as if not clipped": slope(1.0, 2.0, 3.0, 4.0), "off by one": slope(0.0, 0.0, 3.0, 4.0)},
    )
    yield from case(
        "max of (1, 2, 2 + 1e-6)", np.max, np.array([1.0, 2.0, 2.0 + 1e-6]),
        slope(0.0, 0.0, 1.0), {"shared": slope(0.0, 0.5, 0.5)},
    )
    yield from case(
        "median of (5, 1, 3, 3 + 1e-6, 3 - 1e-6)", np.median, np.array([5.0, 1.0, 3.0, 3.0 + 1e-6, 3.0 - 1e-6]),
        slope(0.0, 0.0, 1.0, 0.0, 0.0), {"the mean of the middle": slope(0.0, 0.0, 1 / 3, 1 / 3, 1 / 3)},
    )
    yield from case("|x|^1.5 at 1e-6", lambda x: np.abs(x) ** 1.5, 1e-6, lambda x: 1.5 * np.sqrt(x), {"0": slope(0.0)})
    for x in (0.0, 1e-6):
        yield from case(
            f"sqrt(x² + 1e-12), a rounded corner, at {x:g}", lambda x: np.sqrt(x**2 + 1e-12), x,
            lambda x: x / np.sqrt(x**2 + 1e-12), {"as |x| to the left": slope(-1.0)},
        )
    yield from case(
        "a triangle wave with corners 1e-4 to both sides", lambda x: np.abs(np.mod(x, 4e-4) - 2e-4), 1e-4,
        slope(-1.0), {"0, its mean": slope(0.0)},
    )
    ladder = np.concatenate([10.0 ** -np.arange(10.0), -(10.0 ** -np.arange(10.0))])
    yield from case(
        "sum of |x| at ±1, ±0.1, ..., ±1e-9", lambda x: np.sum(np.abs(x)), ladder,
        np.sign,
        {"0 below 1e-8": lambda x: np.sign(x) * (np.abs(x) > 3e-9), "one wrong sign": with_element(np.sign, 4, negative)},
    )
    rows = np.array([[1.0, 0.0], [2.0, 1.0], [0.5, -1.0], [-1.0, 0.5]])

    def hinge(active: Sequence[float]) -> Function:
        return lambda w: -np.array(active) @ rows / 4.0

    yield from case(
        "hinge loss with a sample on the margin", lambda w: np.mean(relu(1.0 - rows @ w)), np.array([1.0, 0.5]),
        {"not counted": hinge([0.0, 0.0, 1.0, 1.0]), "counted": hinge([1.0, 0.0, 1.0, 1.0])},
        {"counted twice": hinge([2.0, 0.0, 1.0, 1.0]), "all samples counted": hinge([1.0, 1.0, 1.0, 1.0])},
    )
    yield from networks()


def networks() -> Iterator[Case]:
    """A relu network of 281 weights: every random direction soon meets a kink."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(10, 12)), rng.normal(size=10)
    weights = (rng.normal(size=(12, 20)) * 0.4, rng.normal(size=20) * 0.1, rng.normal(size=20) * 0.4, 0.1)

    def loss(x: Array) -> Function:
        return lambda w, b, v, c: np.mean((relu(x @ w + b) @ v + c - y) ** 2)

    def claim(x: Array, passes: Callable[[Array], Array]) -> Function:
        def gradient(w: Array, b: Array, v: Array, c: Array) -> tuple[Array, ...]:
            before = x @ w + b
            error = 2.0 * (relu(before) @ v + c - y) / len(y)
            hidden = np.outer(error, v) * passes(before)
            return x.T @ hidden, np.sum(hidden, axis=0), relu(before).T @ error, np.sum(error)

        return gradient

    def positive(before: Array) -> Array:
        return before > 0.0

    right = claim(x, positive)
    yield from about(
        "kink", "a relu network of 281 weights", loss(x), weights,
        right,
        {
            "relu's slope forgotten": claim(x, np.ones_like), "relu's slope 1 above -0.1": claim(x, lambda before: before > -0.1),
            "one weight's zero": with_element(right, (3, 3), zero, part=0),
            "the last bias 0.1 % off": lambda *w: (*right(*w)[:-1], 1.001 * right(*w)[-1]),
        },
    )
    with_zeros = np.where(np.arange(10)[:, None] == 4, 0.0, x)
    start = (weights[0], np.zeros(20), weights[2], 0.1)
    yield from about(
        "kink", "a relu network without biases at a sample of zeros", loss(with_zeros), start,
        claim(with_zeros, positive), {"relu's slope forgotten": claim(with_zeros, np.ones_like)},
    )


def jumps() -> Iterator[Case]:
    """Jumps at the point, where there is no derivative, and near it, where the slope on its own side is right."""

    def case(*args: Any) -> Iterator[Case]:
        return about("jump", *args)

    def step(x: Array) -> Array:
        return x**2 + np.where(x > 1.0, 1.0, 0.0)

    yield from jump("floor at 2: 0", np.floor, 2.0, slope(0.0))
    yield from jump("floor at 2: 1, passed straight through", np.floor, 2.0, slope(1.0))
    yield from jump("sign at 0: 0", np.sign, 0.0, slope(0.0))
    yield from jump("heaviside at 0: 0", lambda x: np.heaviside(x, 0.5), 0.0, slope(0.0))
    yield from jump("round at 0.5: 0", np.round, 0.5, slope(0.0))
    yield from jump("x mod 1 at 3: 1", lambda x: np.mod(x, 1.0), 3.0, slope(1.0))
    yield from jump("x² + (x > 1) at 1: 2 x, as on its own side", step, 1.0, lambda x: 2.0 * x)
    yield from jump(
        "floor of an array with an integer in it: 0", lambda x: np.sum(np.floor(x)), np.array([0.5, 1.3, 2.0, 3.7]),
        np.zeros_like,
    )
    yield from jump(
        "where(x > y, 3 x, y) at (1, 1): y's", lambda x, y: np.where(x > y, 3.0 * x, y), (1.0, 1.0),
        lambda x, y: (0.0, 1.0),
    )
    for distance in (1e-3, 1e-6, -1e-6):
        yield from case(
            f"floor at 2{distance:+g}", np.floor, 2.0 + distance,
            slope(0.0), {"1, passed straight through": slope(1.0)},
        )
    yield from case("sign at 1e-9", np.sign, 1e-9, slope(0.0), {"1": slope(1.0)})
    yield from case("round at 0.49999", np.round, 0.49999, slope(0.0), {"1, passed straight through": slope(1.0)})
    yield from case("x mod 1 at 3 + 1e-6", lambda x: np.mod(x, 1.0), 3.0 + 1e-6, slope(1.0), {"0": slope(0.0)})
    for distance in (1e-3, -1e-6):
        yield from case(
            f"x² + (x > 1) at 1{distance:+g}", step, 1.0 + distance,
            lambda x: 2.0 * x, {"the step's only": slope(0.0), "1 % off": 1.01},
        )
    yield from case(
        "x + 1e-3 floor(1000 x), a staircase on a ramp, at 0.3005", lambda x: x + 1e-3 * np.floor(1000.0 * x), 0.3005,
        slope(1.0), {"2, its mean": slope(2.0)},
    )
    quantised = np.linspace(-2.2, 2.3, 40)
    yield from case(
        "squares of 40 rounded numbers", lambda x: np.sum((x - np.round(x)) ** 2), quantised,
        lambda x: 2.0 * (x - np.round(x)), {"of numbers not rounded": lambda x: 2.0 * x},
    )


def cancellation() -> Iterator[Case]:
    """Large values with small changes: the function's rounding hides its slope from small steps."""

    def case(*args: Any) -> Iterator[Case]:
        return about("cancellation", *args)

    for x in (1.0, 0.01):
        yield from case(
            f"x³ + 1e6 at {x:g}", lambda x: x**3 + 1e6, x,
            lambda x: 3.0 * x**2, {"1 % off": 1.01} if x == 1.0 else {"zero": 0.0, "5 % off": 1.05},
        )
    yield from case("sin(x) + 1e8 at 1", lambda x: np.sin(x) + 1e8, 1.0, np.cos, {"1 % off": 1.01})
    yield from case("1e12 + 1e3 exp(x) at 0.5", lambda x: 1e12 + 1e3 * np.exp(x), 0.5, lambda x: 1e3 * np.exp(x), {"twice": 2.0})
    for x in (1e-3, 1e-4):
        yield from case(
            f"(1 - cos(x)) / x² at {x:g}", lambda x: (1.0 - np.cos(x)) / x**2, x,
            lambda x: -x / 12.0 + x**3 / 180.0 - x**5 / 6720.0, {"twice": 2.0, "zero": 0.0},
        )
    yield from case(
        "(exp(x) - 1 - x) / x² at 1e-3", lambda x: (np.exp(x) - 1.0 - x) / x**2, 1e-3,
        lambda x: sum(k * x ** (k - 1) / math.factorial(k + 2) for k in range(1, 9)), {"1 % off": 1.01},
    )
    yield from case(
        "sqrt(x + 1) - sqrt(x) at 1e8", lambda x: np.sqrt(x + 1.0) - np.sqrt(x), 1e8,
        lambda x: -0.5 / (np.sqrt(x) * np.sqrt(x + 1.0) * (np.sqrt(x) + np.sqrt(x + 1.0))), {"wrong sign": -1.0},
    )
    shifted = 1e4 + np.array([0.3, -1.2, 0.8, 2.0])
    yield from case(
        "log-sum-exp of numbers around 10,000", log_sum_exp, shifted,
        softmax, {"not normalised": lambda x: np.exp(x - np.max(x)), "1 % off": 1.01},
    )
    far = 1e4 + np.array([1.0, 4.0, -2.0, 0.5, 3.0])
    yield from case(
        "variance as E[x²] - E[x]² of numbers around 10,000", lambda x: np.mean(x**2) - np.mean(x) ** 2, far,
        lambda x: 2.0 * (x - np.mean(x)) / len(x), {"divided by n - 1": 1.25, "without the mean": lambda x: 2.0 * x / len(x)},
    )
    yield from case(
        "the difference of two sums of 1e9, (1e9 + x²) - (1e9 + y)", lambda x, y: (1e9 + x**2) - (1e9 + y), (0.7, 0.2),
        lambda x, y: (2.0 * x, -1.0), {"y's sign": lambda x, y: (2.0 * x, 1.0)},
    )
    yield from case(
        "(x - 1)^7 expanded, at 1.1",
        lambda x: x**7 - 7.0 * x**6 + 21.0 * x**5 - 35.0 * x**4 + 35.0 * x**3 - 21.0 * x**2 + 7.0 * x - 1.0, 1.1,
        lambda x: 7.0 * (x - 1.0) ** 6, {"5 % off": 1.05},
    )
    energies = np.array([0.2, -0.4, 0.9])
    yield from case(
        "a small energy beside one of 1e7", lambda x: 1e7 * np.cosh(energies @ energies) + np.sum(np.sin(x)),
        np.array([0.1, 1.0, 1.4]),
        np.cos, {"one element 10 % off": with_element(np.cos, 1, lambda g: 1.1 * g)},
    )


def stiff() -> Iterator[Case]:
    """Functions that change within a short distance: long steps see something else."""

    def case(*args: Any) -> Iterator[Case]:
        return about("stiff", *args)

    for rate, x in ((1e4, 0.3), (1e6, 0.7)):
        yield from case(
            f"sin({rate:g} x) at {x:g}", lambda x, rate=rate: np.sin(rate * x), x,
            lambda x, rate=rate: rate * np.cos(rate * x), {"1 % off": 1.01, "inner slope forgotten": 1.0 / rate},
        )
    yield from case("exp(50 x) at 1", lambda x: np.exp(50.0 * x), 1.0, lambda x: 50.0 * np.exp(50.0 * x), {"0.1 % off": 1.001})
    yield from case(
        "exp(-50 x) at 1", lambda x: np.exp(-50.0 * x), 1.0,
        lambda x: -50.0 * np.exp(-50.0 * x), {"inner slope forgotten": 0.02},
    )
    yield from case(
        "tanh(1000 (x - 0.5)) at 0.5003", lambda x: np.tanh(1e3 * (x - 0.5)), 0.5003,
        lambda x: 1e3 / np.cosh(1e3 * (x - 0.5)) ** 2, {"as at its middle": slope(1e3)},
    )
    yield from case(
        "tanh(1000 (x - 0.5)) at 0.51, saturated", lambda x: np.tanh(1e3 * (x - 0.5)), 0.51,
        lambda x: 1e3 / np.cosh(1e3 * (x - 0.5)) ** 2, {"slope to the middle": slope(0.2)},
    )
    for x in (0.0, 0.3):
        yield from case(
            f"x + 1e-9 sin(1e6 x) at {x:g}", lambda x: x + 1e-9 * np.sin(1e6 * x), x,
            lambda x: 1.0 + 1e-3 * np.cos(1e6 * x), {"without the small term": slope(1.0)},
        )
    yield from case(
        "a bump of width 0.001 at 0.501", lambda x: np.exp(-((x - 0.5) ** 2) / 2e-6), 0.501,
        lambda x: -(x - 0.5) / 1e-6 * np.exp(-((x - 0.5) ** 2) / 2e-6), {"0, as seen from afar": slope(0.0), "2 % off": 1.02},
    )
    yield from case(
        "x² and a bump of width 1e-5", lambda x: x**2 + 1e-4 * np.exp(-(((x - 0.5) / 1e-5) ** 2)), 0.500005,
        lambda x: 2.0 * x - 2e-4 * (x - 0.5) / 1e-10 * np.exp(-(((x - 0.5) / 1e-5) ** 2)),
        {"without the bump": lambda x: 2.0 * x},
    )
    yield from case(
        "sin(1 / x) at 0.001", lambda x: np.sin(1.0 / x), 1e-3,
        lambda x: -np.cos(1.0 / x) / x**2, {"wrong sign": -1.0},
    )
    yield from case(
        "x^40 at 1.5", lambda x: x**40, 1.5,
        lambda x: 40.0 * x**39, {"power not reduced": lambda x: 40.0 * x**40, "0.1 % off": 1.001},
    )
    rates = np.array([1.0, 1e2, 1e4])
    yield from case(
        "sines of rates 1, 100 and 10,000", lambda x: np.sum(np.sin(rates * x)), np.array([0.3, 0.4, 0.5]),
        lambda x: rates * np.cos(rates * x),
        {"the slow one's wrong": with_element(lambda x: rates * np.cos(rates * x), 0, negative)},
    )

    def logistic_map(x: Array, times: int) -> Array:
        for _ in range(times):
            x = 3.9 * x * (1.0 - x)
        return x

    def logistic_slope(x: float, times: int) -> float:
        product = 1.0
        for _ in range(times):
            product, x = product * 3.9 * (1.0 - 2.0 * x), 3.9 * x * (1.0 - x)
        return product

    yield from case(
        "the logistic map 20 times, chaotic, at 0.3", lambda x: logistic_map(x, 20), 0.3,
        lambda x: logistic_slope(x, 20), {"of 19 times": lambda x: logistic_slope(x, 19)},
    )


def noise() -> Iterator[Case]:
    """Functions that are computed to a tolerance: the claim is the slope of the function that they approximate.

    Where they are smooth between their jumps (the solver, the integral), their own slope agrees with it to 4e-7.
    """

    def case(*args: Any) -> Iterator[Case]:
        return about("noise", *args)

    def kepler(tolerance: float) -> Function:
        """E - 0.6 sin(E) = M, by the fixed-point iteration, which stops at a number of steps that depends on M."""

        def solve(m: Any) -> Any:
            e = m
            for _ in range(1000):
                before, e = e, m + 0.6 * np.sin(e)
                if np.abs(e - before) < tolerance:
                    break
            return e

        return solve

    exact = kepler(1e-15)
    for tolerance in (1e-6, 1e-8):
        yield from case(
            f"Kepler's equation, solved to {tolerance:g}", kepler(tolerance), 1.1,
            lambda m: 1.0 / (1.0 - 0.6 * np.cos(exact(m))), {"the solver's last step only": slope(1.0), "5 % off": 1.05},
        )

    def bisection(x: Any) -> Any:
        """y + y³ = x, to 1e-7."""
        low, high = 0.0, 2.0
        while high - low > 1e-7:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if middle + middle**3 < x else (low, middle)
        return 0.5 * (low + high)

    yield from case(
        "a root by bisection to 1e-7, which moves in steps", bisection, 2.03,
        slope(0.2472239261741789), {"0, as between the steps": slope(0.0), "wrong sign": -1.0},
    )
    grid = np.linspace(0.0, 2.0, 2001)
    yield from case(
        "sin from a table of 2001 entries, rounded to 1e-8", lambda x: np.round(np.interp(x, grid, np.sin(grid)), 8), 0.7005,
        np.cos, {"1 % off": 1.01},
    )
    yield from case(
        "exp(sin(x)) rounded to float32", lambda x: np.float64(np.float32(np.exp(np.sin(x)))), 0.8,
        lambda x: np.cos(x) * np.exp(np.sin(x)), {"1 % off": 1.01, "the inner slope missing": lambda x: np.exp(np.sin(x))},
    )
    rows = np.random.default_rng(4).normal(size=(6, 4))
    yield from case(
        "a quadratic form in float32 within float64",
        lambda x: np.float64(np.sum((rows.astype(np.float32) @ x.astype(np.float32)) ** 2)), np.array([0.5, -1.0, 0.3, 2.0]),
        lambda x: 2.0 * rows.astype(np.float32).astype(float).T @ (rows.astype(np.float32).astype(float) @ x),
        {"half": 0.5, "one element zero": lambda x: 2.0 * rows.T @ (rows @ x) * np.array([1.0, 1.0, 0.0, 1.0])},
    )
    yield from case(
        "x² with pseudo-random noise of 1e-9", lambda x: x**2 + 1e-9 * (np.mod(43758.5453 * np.sin(78233.0 * x), 1.0) - 0.5), 1.7,
        lambda x: 2.0 * x, {"1 % off": 1.01},
    )

    def trapezoid(x: Any) -> Any:
        """The integral of exp(-t²) from 0 to x with panels of about 1/1000: their number changes with x."""
        t = np.linspace(0.0, 1.0, int(1000.0 * x) + 2) * x
        values = np.exp(-(t**2))
        return np.sum(0.5 * (values[1:] + values[:-1])) * (t[1] - t[0])

    yield from case(
        "an integral whose panels depend on its limit, jumps of 1e-10", trapezoid, 1.1004,
        lambda x: np.exp(-(x**2)), {"the slope of the integrand": lambda x: -2.0 * x * np.exp(-(x**2)), "1 % off": 1.01},
    )
    weights = np.random.default_rng(5).normal(size=30)
    yield from case(
        "a mean of 30 numbers, each rounded to 1e-6", lambda x: np.mean(weights * np.round(np.sin(x), 6)),
        np.linspace(0.0, 1.4, 30),
        lambda x: weights * np.cos(x) / 30.0, {"not divided by n": 30.0},
    )


def low_precision(name: str, dtype: Any) -> Iterator[Case]:
    """Functions in float32 or float16: the rounding of the values is 1e-7 or 1e-3."""

    number = np.array(1.5, dtype)
    rng = np.random.default_rng(6)

    def case(title: str, *args: Any) -> Iterator[Case]:
        return about(name, f"{title}, {name}", *args)

    yield from case("x³ - 2 x at 1.5", lambda x: x**3 - 2 * x, number, lambda x: 3 * x**2 - 2, {"without -2": lambda x: 3 * x**2})
    yield from case("10 + x² at 0.25", lambda x: 10 + x * x, np.array(0.25, dtype), lambda x: 2 * x, {"twice": 2.0})
    yield from case("1 / x at 0.01", lambda x: 1 / x, np.array(0.01, dtype), lambda x: -1 / (x * x), {"wrong sign": -1.0})
    scores, labels = rng.normal(size=(4, 5)).astype(dtype), [0, 3, 1, 1]
    right = cross_entropy_slope(labels)
    yield from case(
        "softmax cross entropy", cross_entropy(labels), scores,
        right, {"not divided by n": 4.0, "one element's sign": with_element(right, (1, 3), negative)},
    )
    a, b = rng.normal(size=(3, 4)).astype(dtype), rng.normal(size=(4, 2)).astype(dtype)

    def product(a: Array, b: Array) -> tuple[Array, Array]:
        return 2 * (a @ b) @ b.T, 2 * a.T @ (a @ b)

    yield from case(
        "squares of a matrix product", lambda a, b: np.sum((a @ b) ** 2), (a, b),
        product, {"half": 0.5, "an element of the second zero": with_element(product, (2, 1), zero, part=1)},
    )
    many = rng.normal(size=1000).astype(dtype)
    yield from case(
        "mean of 1000 squares", lambda x: np.mean(x * x), many,
        lambda x: x / dtype(500.0), {"of absolute values": lambda x: np.sign(x) / dtype(1000.0), "twice": 2.0},
    )
    yield from case(
        "sines of an array, each to itself", np.sin, np.linspace(-1.0, 1.0, 4).astype(dtype),
        lambda x: np.diag(np.cos(x)), {"of cos": lambda x: np.diag(-np.sin(x))},
    )
    yield from case("relu at 0", relu, np.array(0.0, dtype), {"0": lambda x: dtype(0.0)}, {"2": lambda x: dtype(2.0)})


def float16() -> Iterator[Case]:
    yield from low_precision("float16", np.float16)


def float32() -> Iterator[Case]:
    yield from low_precision("float32", np.float32)
    yield from about(
        "float32", "x² at 1e6, float32", lambda x: x * x, np.array(1e6, np.float32),
        lambda x: 2 * x, {"10 % off": 1.1},
    )
    yield from about(
        "float32", "1e-6 tanh(x) at 0.5, float32", lambda x: np.float32(1e-6) * np.tanh(x), np.array(0.5, np.float32),
        lambda x: np.float32(1e-6) * (1 - np.tanh(x) ** 2), {"zero": 0.0},
    )
    thousand = np.random.default_rng(7).normal(size=1000).astype(np.float32)
    yield from about(
        "float32", "sum of 1000 hyperbolic tangents, float32", lambda x: np.sum(np.tanh(x)), thousand,
        lambda x: 1 - np.tanh(x) ** 2,
        {
            "tanh, not squared": lambda x: 1 - np.tanh(x),
            "one element twice": with_element(lambda x: 1 - np.tanh(x) ** 2, 7, lambda g: 2 * g),
        },
    )


def edge() -> Iterator[Case]:
    """At the edge of the domain: a step too long gives nan, or an exception."""

    def case(*args: Any) -> Iterator[Case]:
        return about("edge", *args)

    yield from case("log(x) at 1e-7", np.log, 1e-7, lambda x: 1.0 / x, {"1 % off": 1.01})
    yield from case("sqrt(x) at 1e-12", np.sqrt, 1e-12, lambda x: 0.5 / np.sqrt(x), {"without 1/2": 2.0})
    yield from case("sqrt(x) at 0", np.sqrt, 0.0, slope(math.inf), {"0": slope(0.0)})
    yield from case("x^1.5 at 0", lambda x: x**1.5, 0.0, lambda x: 1.5 * np.sqrt(x), {"0.1": slope(0.1)})
    yield from case(
        "log1p(x) at 1e-9 above -1", np.log1p, -1.0 + 1e-9,
        lambda x: 1.0 / (1.0 + x), {"of log(x)": lambda x: 1.0 / x},
    )
    yield from case(
        "arcsin(x) at 1e-9 below 1", np.arcsin, 1.0 - 1e-9,
        lambda x: 1.0 / np.sqrt((1.0 - x) * (1.0 + x)), {"of arccos": -1.0},
    )
    yield from case("x log(x) at 1e-10", lambda x: x * np.log(x), 1e-10, lambda x: np.log(x) + 1.0, {"without 1": np.log})
    yield from case("x^0.1 at 1e-8", lambda x: x**0.1, 1e-8, lambda x: 0.1 * x**-0.9, {"the power": lambda x: 0.1 * x**0.9})
    yield from case(
        "log(p / (1 - p)) at 1e-9 below 1", lambda p: np.log(p / (1.0 - p)), 1.0 - 1e-9,
        lambda p: 1.0 / (p * (1.0 - p)), {"p (1 - p)": lambda p: p * (1.0 - p)},
    )
    yield from case("arctanh(x) at 0", np.arctanh, 0.0, lambda x: 1.0 / (1.0 - x**2), {"0.01 % off": 1.0001})
    yield from case(
        "sqrt(1 - x²) at 0.999999", lambda x: np.sqrt(1.0 - x**2), 0.999999,
        lambda x: -x / np.sqrt((1.0 - x) * (1.0 + x)), {"wrong sign": -1.0},
    )
    yield from case("exp(x) at 709, just below overflow", np.exp, 709.0, np.exp, {"1 % off": 1.01})
    yield from case(
        "the logarithm of a product, squared, at (1e-5, 2, 1e-3)", lambda x: np.sum(np.log(x)) ** 2,
        np.array([1e-5, 2.0, 1e-3]),
        lambda x: 2.0 * np.sum(np.log(x)) / x, {"not squared": lambda x: 1.0 / x},
    )
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    nearly_singular = turn @ np.diag([1e-6, 2.0]) @ turn.T

    def symmetric_inverse(x: Array) -> Array:
        (a, b), (c, d) = x
        middle = 0.5 * (b + c)
        return np.array([[d, -middle], [-middle, a]]) / (a * d - middle * middle)

    yield from case(
        "log-determinant by Cholesky of a matrix with an eigenvalue of 1e-6",
        lambda x: 2.0 * np.sum(np.log(np.diag(np.linalg.cholesky(0.5 * (x + x.T))))), nearly_singular,
        symmetric_inverse, {"half": 0.5, "the matrix itself": lambda x: x},
    )
    yield from case(
        "entropy of probabilities of 1e-8, 0.3 and the rest", lambda p: -np.sum(p * np.log(p)), np.array([1e-8, 0.3, 0.69999999]),
        lambda p: -np.log(p) - 1.0, {"without -1": lambda p: -np.log(p)},
    )
    yield from case(
        "a function that raises below 0, at 1e-6", roots, 1e-6,
        lambda x: 0.5 / np.sqrt(x), {"of 1 / sqrt(x)": lambda x: -0.5 * x**-1.5},
    )


def roots(x: Any) -> Any:
    if np.any(x < 0.0):
        raise ValueError(f"roots of numbers from 0 on, but one was {np.min(x)}")
    return np.sqrt(x)


def dimension() -> Iterator[Case]:
    """Many inputs, of which one is wrong."""
    size = 100_000
    x = np.random.default_rng(8).normal(size=size)

    def case(*args: Any) -> Iterator[Case]:
        return about("dimension", *args)

    def swapped(gradient: Function, i: int, j: int) -> Function:
        def changed(x: Array) -> Array:
            result = np.array(gradient(x))
            result[[i, j]] = result[[j, i]]
            return result

        return changed

    def squares(x: Array) -> Array:
        return 2.0 * x

    yield from case(
        "sum of 100,000 squares", lambda x: np.sum(x**2), x,
        squares,
        {
            "one zero": with_element(squares, 31_415, zero), "two elements swapped": swapped(squares, 5, 99_990),
            "one element 1 % off": with_element(squares, 0, lambda g: 1.01 * g),
        },
    )

    def logistic(x: Array) -> Array:
        return -sigmoid(-x)

    yield from case(
        "logistic loss of 100,000 scores", lambda x: np.sum(np.logaddexp(0.0, -x)), x,
        logistic,
        {
            "one wrong sign": with_element(logistic, 77_777, negative),
            "without the mask of negative ones": lambda x: -sigmoid(-np.abs(x)),
        },
    )
    yield from case(
        "sum of 100,000 sines", lambda x: np.sum(np.sin(x)), x,
        np.cos, {"one 0.1 % off": with_element(np.cos, 12_345, lambda g: 1.001 * g), "order reversed": lambda x: np.cos(x)[::-1]},
    )
    yield from case(
        "mean of 100,000 squares", lambda x: np.mean(x**2), x,
        lambda x: 2.0 * x / size, {"one zero": with_element(lambda x: 2.0 * x / size, 50_000, zero), "zero": 0.0},
    )
    start = np.random.default_rng(9).uniform(0.5, 1.5, 10_000)
    yield from case(
        "Rosenbrock's function of 10,000 inputs", rosenbrock, start,
        rosenbrock_slope, {"the last element zero": with_element(rosenbrock_slope, -1, zero)},
    )
    matrix = np.random.default_rng(10).normal(size=(300, 300)) / 300**0.5
    yield from case(
        "x' A x of 300 inputs", lambda x: x @ matrix @ x, x[:300],
        lambda x: (matrix + matrix.T) @ x, {"A taken for symmetric": lambda x: 2.0 * matrix @ x},
    )
    yield from case(
        "product of 200 numbers around 1", np.prod, 1.0 + 0.1 * x[:200],
        lambda x: np.prod(x) / x, {"one element 0.1 % off": with_element(lambda x: np.prod(x) / x, 150, lambda g: 1.001 * g)},
    )
    yield from case(
        "the 20 largest of 2,000 squared", lambda x: np.sum(np.sort(x)[-20:] ** 2), x[:2000],
        lambda x: np.where(x >= np.sort(x)[-20], 2.0 * x, 0.0),
        {"the 21 largest": lambda x: np.where(x >= np.sort(x)[-21], 2.0 * x, 0.0)},
    )


def second_order() -> Iterator[Case]:
    """Gradients as functions, and their Hessians as claims."""

    def case(*args: Any) -> Iterator[Case]:
        return about("second order", *args)

    point = np.array([-1.2, 1.0, 0.5, 0.8, 1.1])
    yield from case(
        "Hessian of Rosenbrock's function", rosenbrock_slope, point,
        rosenbrock_curvature,
        {
            "one triangle": lambda x: np.triu(rosenbrock_curvature(x)),
            "its diagonal": lambda x: np.diag(np.diag(rosenbrock_curvature(x))), "0.01 % off": 1.0001,
        },
    )
    rows = np.random.default_rng(11).normal(size=(8, 3))
    targets = np.random.default_rng(12).normal(size=8)

    def fit_slope(w: Array) -> Array:
        """The gradient of 1/2 sum((tanh(rows w) - targets)²)."""
        out = np.tanh(rows @ w)
        return rows.T @ ((out - targets) * (1.0 - out**2))

    def fit_curvature(w: Array, residuals: bool = True) -> Array:
        out = np.tanh(rows @ w)
        inner = (1.0 - out**2) ** 2 - (2.0 * out * (1.0 - out**2) * (out - targets) if residuals else 0.0)
        return rows.T @ (inner[:, None] * rows)

    yield from case(
        "Hessian of a nonlinear fit", fit_slope, np.array([0.3, -0.2, 0.5]),
        fit_curvature, {"Gauss and Newton's": lambda w: fit_curvature(w, residuals=False), "half": 0.5},
    )

    def soft_curvature(x: Array) -> Array:
        p = softmax(x)
        return np.diag(p) - np.outer(p, p)

    yield from case(
        "Hessian of log-sum-exp", softmax, np.array([0.5, -1.0, 2.0, 0.0]),
        soft_curvature,
        {
            "diagonal only": lambda x: np.diag(softmax(x)),
            "plus the outer product": lambda x: 2.0 * np.diag(softmax(x)) - soft_curvature(x),
        },
    )
    matrix = np.array([[2.0, -1.0, 0.3], [0.4, 1.0, 0.7], [-0.6, 0.2, 3.0]])
    yield from case(
        "Hessian of x' A x", lambda x: (matrix + matrix.T) @ x, np.array([1.0, -2.0, 0.5]),
        lambda x: matrix + matrix.T, {"2 A": lambda x: 2.0 * matrix, "the symmetric part": 0.5},
    )
    yield from case("Hessian of x⁴ at 0", lambda x: 4.0 * x**3, 0.0, lambda x: 12.0 * x**2, {"of x²": slope(2.0)})
    yield from case(
        "Hessian of the norm at 1e-3", lambda x: x / np.sqrt(np.sum(x**2)), np.array([6e-4, -8e-4]),
        lambda x: (np.eye(2) - np.outer(x, x) / np.sum(x**2)) / np.sqrt(np.sum(x**2)),
        {"without the projection": lambda x: np.eye(2) / np.sqrt(np.sum(x**2))},
    )
    yield from case(
        "Hessian of log Γ at 3, by three terms of its series", lambda x: np.log(x) - 0.5 / x - 1.0 / (12.0 * x**2),
        3.0,
        lambda x: 1.0 / x + 0.5 / x**2 + 1.0 / (6.0 * x**3),
        {"the last term's sign": lambda x: 1.0 / x + 0.5 / x**2 - 1.0 / (6.0 * x**3)},
    )
    yield from case(
        "second derivatives of relu(x)³ at 1e-6 around 0", lambda x: 3.0 * relu(x) ** 2, np.array([1e-6, -1e-6]),
        lambda x: np.diag(6.0 * relu(x)), {"of x³": lambda x: np.diag(6.0 * x)},
    )
    yield from case(
        "third derivatives: the Hessian of cos(x y) as a function",
        lambda v: -np.cos(v[0] * v[1]) * np.array([[v[1] ** 2, v[0] * v[1]], [v[0] * v[1], v[0] ** 2]])
        - np.sin(v[0] * v[1]) * np.array([[0.0, 1.0], [1.0, 0.0]]),
        np.array([0.7, 0.4]),
        third,
        {
            "y's 1 % off": lambda v: third(v) * np.array([1.0, 1.01]),
            "without the inner slopes": lambda v: third(v, False),
        },
    )


def third(v: Array, inner: bool = True) -> Array:
    """The derivatives of the Hessian of cos(x y)."""
    x, y = v
    hessian, sine, cosine = np.array([[y * y, x * y], [x * y, x * x]]), np.sin(x * y), np.cos(x * y)
    by_x = np.array([[0.0, y], [y, 2.0 * x]])
    by_y = np.array([[2.0 * y, x], [x, 0.0]])
    cross = np.array([[0.0, 1.0], [1.0, 0.0]])
    parts = [-cosine * by + (sine * hessian - cosine * cross) * other * inner for by, other in ((by_x, y), (by_y, x))]
    return np.stack(parts, axis=-1)


def jacobians() -> Iterator[Case]:
    """Functions with array results: the claim is a Jacobian."""

    def case(*args: Any) -> Iterator[Case]:
        return about("jacobian", *args)

    matrix = np.array([[1.0, 2.0, -0.5], [0.3, -1.0, 0.7], [2.0, 0.1, 1.5]])
    bends = matrix @ np.array([0.2, -0.4, 0.6])

    def layer(x: Array) -> Array:
        return (1.0 - np.tanh(matrix @ x) ** 2)[:, None] * matrix

    yield from case(
        "tanh(A x)", lambda x: np.tanh(matrix @ x), np.array([0.2, -0.4, 0.6]),
        layer,
        {"transposed": lambda x: layer(x).T, "slopes along the wrong axis": lambda x: matrix * (1.0 - np.tanh(bends) ** 2)},
    )
    yield from case(
        "polar coordinates to plane ones", lambda v: np.array([v[0] * np.cos(v[1]), v[0] * np.sin(v[1])]), np.array([2.0, 0.6]),
        lambda v: np.array([[np.cos(v[1]), -v[0] * np.sin(v[1])], [np.sin(v[1]), v[0] * np.cos(v[1])]]),
        {"the inverse's": lambda v: np.array([[np.cos(v[1]), np.sin(v[1])], [-np.sin(v[1]) / v[0], np.cos(v[1]) / v[0]]])},
    )
    yield from case(
        "cumulative sum", np.cumsum, np.arange(1.0, 7.0),
        lambda x: np.tri(6), {"reversed": lambda x: np.tri(6).T, "exclusive": lambda x: np.tri(6, k=-1)},
    )
    yield from case(
        "differences of neighbours", np.diff, np.array([1.0, 3.0, 2.0, 5.0]),
        lambda x: np.eye(3, 4, 1) - np.eye(3, 4), {"off by one": lambda x: np.eye(3, 4, 2) - np.eye(3, 4, 1)},
    )
    invertible = np.array([[2.0, 0.5], [-0.3, 1.0]])

    def inverse_slope(x: Array, sign: float = -1.0) -> Array:
        inverse = np.linalg.inv(x)
        return sign * np.einsum("ik,lj->ijkl", inverse, inverse)

    yield from case(
        "the inverse of a matrix", np.linalg.inv, invertible,
        inverse_slope, {"wrong sign": -1.0, "transposed": lambda x: np.transpose(inverse_slope(x), (1, 0, 2, 3))},
    )
    yield from case(
        "the outer product", np.outer, (np.array([1.0, -2.0]), np.array([0.5, 3.0, 1.0])),
        lambda x, y: (np.einsum("ik,j->ijk", np.eye(2), y), np.einsum("i,jk->ijk", x, np.eye(3))),
        {"y's of ones": lambda x, y: (np.einsum("ik,j->ijk", np.eye(2), y), np.einsum("i,jk->ijk", np.ones(2), np.eye(3)))},
    )
    amplitudes = np.array([1e-8, 1.0, 1e8])
    yield from case(
        "results of 1e-8, 1 and 1e8", lambda x: amplitudes * np.sin(x), np.array([0.4, 0.5, 0.6]),
        lambda x: np.diag(amplitudes * np.cos(x)),
        {
            "the smallest zero": with_element(lambda x: np.diag(amplitudes * np.cos(x)), (0, 0), zero),
            "the smallest result on a wrong input":
                with_element(lambda x: np.diag(amplitudes * np.cos(x)), (0, 2), lambda _: 1e-8),
        },
    )
    yield from case(
        "sorting", np.sort, np.array([3.0, 1.0, 2.0]),
        lambda x: np.eye(3)[np.argsort(x)], {"the inverse permutation": lambda x: np.eye(3)[np.argsort(x)].T},
    )
    yield from case(
        "a number to five powers", lambda x: x ** np.arange(5.0), 1.3,
        lambda x: np.array([0.0, 1.0, 2.0 * x, 3.0 * x**2, 4.0 * x**3]),
        {"the constant's 1": lambda x: np.array([1.0, 1.0, 2.0 * x, 3.0 * x**2, 4.0 * x**3])},
    )
    yield from case(
        "a result that is symmetric: x xᵀ", lambda x: np.outer(x, x), np.array([1.0, -0.5, 2.0]),
        lambda x: np.einsum("ik,j->ijk", np.eye(3), x) + np.einsum("i,jk->ijk", x, np.eye(3)),
        {"one of its two terms": lambda x: np.einsum("ik,j->ijk", np.eye(3), x)},
    )
    wide = np.random.default_rng(13).normal(size=(40, 60)) / 8.0

    def wide_slope(x: Array) -> Array:
        return np.cos(wide @ x)[:, None] * wide

    yield from case(
        "40 sines of 60 inputs", lambda x: np.sin(wide @ x), np.linspace(-1.0, 1.0, 60),
        wide_slope,
        {
            "one of 2,400 elements zero": with_element(wide_slope, (17, 23), zero),
            "two rows swapped": lambda x: wide_slope(x)[[1, 0, *range(2, 40)]],
        },
    )


def mistakes() -> Iterator[Case]:
    """Ordinary functions at ordinary points, and common mistakes of people and generated code."""

    def case(*args: Any) -> Iterator[Case]:
        return about("plausible mistake", *args)

    rng = np.random.default_rng(14)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=6)
    w = np.array([0.5, -1.0, 0.8])

    yield from case(
        "log cosh", lambda x: np.sum(np.log(np.cosh(x))), w,
        np.tanh,
        {
            "wrong sign": -1.0, "wrong sign for negative inputs": lambda x: np.abs(np.tanh(x)),
            "order reversed": lambda x: np.tanh(x)[::-1],
        },
    )

    def squared(w: Array) -> Array:
        return 2.0 * x.T @ (x @ w - y) / len(y)

    yield from case(
        "mean squared error", lambda w: np.mean((x @ w - y) ** 2), w,
        squared,
        {"factor 2 missing": 0.5, "not divided by n": 6.0, "computed before the last step of 0.01": at_other(squared, 0.01)},
    )
    square = rng.normal(size=(3, 3))
    yield from case(
        "squares of W x", lambda m: np.sum((m @ w) ** 2), square,
        lambda m: 2.0 * np.outer(m @ w, w), {"transposed": lambda m: 2.0 * np.outer(w, m @ w)},
    )
    readout = rng.normal(size=(6, 3))

    def bias(reduce: Function) -> Function:
        return lambda b: reduce(readout * (1.0 - np.tanh(x + b) ** 2))

    yield from case(
        "a bias broadcast over six rows", lambda b: np.sum(readout * np.tanh(x + b)), w,
        bias(lambda g: np.sum(g, axis=0)),
        {
            "mean instead of sum": bias(lambda g: np.mean(g, axis=0)), "the last row only": bias(lambda g: g[-1]),
            "summed over the wrong half": bias(lambda g: np.sum(g[:3], axis=0)),
        },
    )
    yield from case(
        "x exp(-x²)", lambda x: np.sum(x * np.exp(-(x**2))), w,
        lambda x: (1.0 - 2.0 * x**2) * np.exp(-(x**2)),
        {
            "a term of the product rule missing": lambda x: np.exp(-(x**2)),
            "the other term missing": lambda x: -2.0 * x**2 * np.exp(-(x**2)),
        },
    )
    yield from case(
        "-log softmax(x)[0]", lambda x: log_sum_exp(x) - x[0], w,
        lambda x: softmax(x) - np.eye(3)[0],
        {"normaliser missing": slope(-1.0, 0.0, 0.0), "sum of all, not exp": lambda x: x / np.sum(x) - np.eye(3)[0]},
    )
    labels = [0, 2, 1, 1, 0, 2]
    yield from case(
        "softmax cross entropy of six rows", cross_entropy(labels), x,
        cross_entropy_slope(labels),
        {
            "softmax over the wrong axis": lambda s: (softmax(s, 0) - np.eye(3)[labels]) / 6.0, "not divided by n": 6.0,
            "a label off by one": lambda s: (softmax(s) - np.eye(3)[[1, *labels[1:]]]) / 6.0,
            "a label of the sample before": lambda s: (softmax(s) - np.eye(3)[np.roll(labels, 1)]) / 6.0,
        },
    )
    for name, axis in (("layer norm", -1), ("batch norm", 0)):
        yield from case(
            name, lambda x, axis=axis: np.sum(readout * normalised(x, axis)), x,
            normalised_slope(readout, axis),
            {
                "mean and variance constant": normalised_slope(readout, axis, mean=False, variance=False),
                "variance constant": normalised_slope(readout, axis, variance=False),
                "mean constant": normalised_slope(readout, axis, mean=False),
                "along the other axis": normalised_slope(readout, -1 - axis),
            },
        )
    yield from case(
        "x to the y", lambda x, y: x**y, (1.7, 2.3),
        lambda x, y: (y * x ** (y - 1.0), x**y * np.log(x)),
        {
            "y's without the logarithm": lambda x, y: (y * x ** (y - 1.0), x**y),
            "y's with log10": lambda x, y: (y * x ** (y - 1.0), x**y * np.log10(x)),
            "x's power not reduced": lambda x, y: (y * x**y, x**y * np.log(x)),
            "exchanged": lambda x, y: (x**y * np.log(x), y * x ** (y - 1.0)),
        },
    )
    near = rng.uniform(-1.0, 1.0, 10)
    tanh_slope: Function = lambda x: 1.0 - np.tanh(x) ** 2  # noqa: E731
    yield from case(
        "sum of ten tanh", lambda x: np.sum(np.tanh(x)), near,
        tanh_slope,
        {
            "0.05 % off": 1.0005, "1e-6 off": 1.000001,
            "one element 1e-5 off": with_element(tanh_slope, 4, lambda g: 1.00001 * g),
            "one nan": with_element(tanh_slope, 4, lambda _: math.nan),
            "rounded to float16": lambda x: tanh_slope(x).astype(np.float16).astype(float),
            "by a difference over 0.01": lambda x: (np.tanh(x + 0.01) - np.tanh(x - 0.01)) / 0.02,
            "by a difference to one side over 1e-5": lambda x: (np.tanh(x + 1e-5) - np.tanh(x)) / 1e-5,
        },
    )
    yield from case("exp(x²) at 0.9", lambda x: np.exp(x**2), 0.9, lambda x: 2.0 * x * np.exp(x**2), {"1e-6 off": 1.000001})
    yield from case(
        "sigmoid", sigmoid, 0.3,
        lambda x: sigmoid(x) * sigmoid(-x), {"of its result, twice": lambda x: sigmoid(sigmoid(x)) * sigmoid(-sigmoid(x))},
    )
    yield from case(
        "swish, x sigmoid(x)", lambda x: np.sum(x * sigmoid(x)), near,
        lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x), {"the gate detached": sigmoid},
    )
    erf = np.vectorize(math.erf, otypes=[float])

    def gelu(x: Array) -> Array:
        return 0.5 * (1.0 + erf(x / math.sqrt(2.0))) + x * np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)

    def gelu_by_tanh(x: Array) -> Array:
        inner = np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))
        return 0.5 * (1.0 + inner) + 0.5 * x * (1.0 - inner**2) * math.sqrt(2.0 / math.pi) * (1.0 + 3.0 * 0.044715 * x**2)

    yield from case(
        "gelu", lambda x: np.sum(0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))), near,
        gelu, {"of its approximation by tanh": gelu_by_tanh},
    )
    yield from case(
        "elu", lambda x: np.sum(np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0)))), near,
        lambda x: np.where(x > 0.0, 1.0, np.exp(np.minimum(x, 0.0))),
        {"as the result where negative": lambda x: np.where(x > 0.0, 1.0, np.expm1(np.minimum(x, 0.0)))},
    )
    yield from case(
        "normalisation to length 1", lambda x: np.array([1.0, 2.0, 3.0]) @ x / np.sqrt(x @ x), w,
        lambda x: np.array([1.0, 2.0, 3.0]) / np.sqrt(x @ x) - (np.array([1.0, 2.0, 3.0]) @ x) * x / (x @ x) ** 1.5,
        {"the length constant": lambda x: np.array([1.0, 2.0, 3.0]) / np.sqrt(x @ x)},
    )
    recurrent, state = rng.normal(size=(3, 3)) * 0.7, np.array([0.4, -0.3, 0.9])

    def through_time(length: int) -> Function:
        """The gradient of the sum of the state after four steps of tanh(W state), through the last `length` of them."""

        def gradient(m: Array) -> Array:
            states = [state]
            for _ in range(4):
                states.append(np.tanh(m @ states[-1]))
            total, g = np.zeros_like(m), np.ones(3)
            for before, after in list(zip(states[:-1], states[1:], strict=True))[::-1][:length]:
                g = g * (1.0 - after**2)
                total, g = total + np.outer(g, before), m.T @ g
            return total

        return gradient

    def steps(m: Array) -> Array:
        after = state
        for _ in range(4):
            after = np.tanh(m @ after)
        return np.sum(after)

    yield from case(
        "four steps of a recurrent network", steps, recurrent,
        through_time(4), {"the last only": through_time(1), "the first missing": through_time(3)},
    )
    picks = np.array([0, 2, 2, 1, 2])

    def gathered(collect: Callable[[Array, Array], Any]) -> Function:
        def gradient(table: Array) -> Array:
            total = np.zeros_like(table)
            collect(total, np.cos(table[picks]))
            return total

        return gradient

    yield from case(
        "rows picked more than once", lambda table: np.sum(np.sin(table[picks])), rng.normal(size=(4, 2)),
        gathered(lambda total, g: np.add.at(total, picks, g)),
        {
            "assigned, not added": gathered(lambda total, g: total.__setitem__(picks, g)),
            "a row off by one": gathered(lambda t, g: np.add.at(t, picks + 1, g)),
        },
    )
    kernel, signal = np.array([1.0, -2.0, 0.5]), rng.normal(size=8)
    yield from case(
        "a convolution", lambda s: 0.5 * np.sum(np.convolve(s, kernel, "valid") ** 2), signal,
        lambda s: np.convolve(np.convolve(s, kernel, "valid"), kernel[::-1], "full"),
        {
            "the kernel not reversed": lambda s: np.convolve(np.convolve(s, kernel, "valid"), kernel, "full"),
            "shifted by one": lambda s: np.roll(np.convolve(np.convolve(s, kernel, "valid"), kernel[::-1], "full"), 1),
        },
    )
    yield from case(
        "max pooling of pairs", lambda s: np.sum(np.max(s.reshape(4, 2), axis=1) ** 2), signal,
        lambda s: np.where(s == np.repeat(np.max(s.reshape(4, 2), axis=1), 2), 2.0 * s, 0.0),
        {
            "to both of a pair": lambda s: np.repeat(2.0 * np.max(s.reshape(4, 2), axis=1), 2),
            "as a mean": lambda s: np.repeat(np.max(s.reshape(4, 2), axis=1), 2),
        },
    )
    mask = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0]) / 0.625
    yield from case(
        "dropout with a fixed mask", lambda s: np.sum(np.sin(mask * s)), signal,
        lambda s: mask * np.cos(mask * s), {"the mask forgotten": lambda s: np.cos(mask * s), "its scale forgotten": 0.625},
    )
    yield from case(
        "a loss with weight decay of 1e-4", lambda w: np.mean((x @ w - y) ** 2) + 0.5e-4 * np.sum(w**2), w,
        lambda w: squared(w) + 1e-4 * w, {"the decay forgotten": squared, "the decay twice": lambda w: squared(w) + 2e-4 * w},
    )
    degrees = math.pi / 180.0
    yield from case(
        "sin of an angle in degrees", lambda x: np.sin(degrees * x), 40.0,
        lambda x: degrees * np.cos(degrees * x), {"without π / 180": 1.0 / degrees},
    )
    yield from case(
        "standard deviation", np.std, signal,
        lambda s: (s - np.mean(s)) / (8.0 * np.std(s)),
        {"divided by n - 1": 8.0 / 7.0, "not centred": lambda s: s / (8.0 * np.std(s))},
    )
    yield from case(
        "a gradient of length 5", lambda x: 3.0 * x[0] + 4.0 * x[1] + 0.1 * x[0] * x[1], np.array([0.0, 0.0]),
        slope(3.0, 4.0), {"clipped to length 1": slope(0.6, 0.8)},
    )
    yield from case(
        "the logarithm of a determinant", lambda m: np.linalg.slogdet(m)[1], square,
        lambda m: np.linalg.inv(m).T,
        {"not transposed": np.linalg.inv, "of the determinant": lambda m: np.linalg.det(m) * np.linalg.inv(m).T},
    )
    yield from case(
        "the solution of a linear system", lambda m, b: np.sum(np.linalg.solve(m, b) ** 2), (square, w),
        lambda m, b: solved(m, b, m.T),
        {
            "the matrix's wrong sign": lambda m, b: (-solved(m, b, m.T)[0], solved(m, b, m.T)[1]),
            "solved with the matrix itself": lambda m, b: solved(m, b, m),
        },
    )
    queries, keys, values = rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 2))

    def attention_slope(q: Array, scale: float = 0.5, normaliser: bool = True) -> Array:
        p = softmax(0.5 * q @ keys.T)
        g = np.cos(p @ values) @ values.T
        return scale * (p * (g - (np.sum(p * g, axis=1, keepdims=True) if normaliser else 0.0))) @ keys

    yield from case(
        "attention", lambda q: np.sum(np.sin(softmax(0.5 * q @ keys.T) @ values)), queries,
        attention_slope,
        {
            "the scale of the scores missing": lambda q: attention_slope(q, scale=1.0),
            "the normaliser's term missing": lambda q: attention_slope(q, normaliser=False),
            "two queries exchanged": lambda q: attention_slope(q)[[1, 0, 2]],
        },
    )
    yield from case(
        "Newton's energy of three masses", lambda r: -np.sum(1.0 / np.sqrt(np.sum((r[[0, 0, 1]] - r[[1, 2, 2]]) ** 2, axis=1))),
        np.array([[0.0, 0.0], [1.0, 0.2], [0.3, 1.5]]),
        forces,
        {
            "without the reactions": lambda r: forces(r, reaction=0.0), "the power 2 for 3": lambda r: forces(r, power=2.0),
            "as forces": -1.0,
        },
    )
    yield from case(
        "a gaussian's log density in its log deviation",
        lambda mean, log_deviation: np.sum(-0.5 * ((y - mean) * np.exp(-log_deviation)) ** 2 - log_deviation), (0.2, -0.3),
        lambda m, s: (np.sum(y - m) * np.exp(-2.0 * s), np.sum((y - m) ** 2) * np.exp(-2.0 * s) - 6.0),
        {
            "the normaliser once": lambda m, s: (np.sum(y - m) * np.exp(-2.0 * s), np.sum((y - m) ** 2) * np.exp(-2.0 * s) - 1.0),
            "in the deviation":
                lambda m, s: (np.sum(y - m) * np.exp(-2.0 * s), np.exp(-s) * (np.sum((y - m) ** 2) * np.exp(-2.0 * s) - 6.0)),
        },
    )


def solved(m: Array, b: Array, transposed: Array) -> tuple[Array, Array]:
    """The slopes of sum(solve(m, b)²)."""
    solution = np.linalg.solve(m, b)
    adjoint = np.linalg.solve(transposed, 2.0 * solution)
    return -np.outer(adjoint, solution), adjoint


def forces(r: Array, reaction: float = 1.0, power: float = 3.0) -> Array:
    """The slopes of the energy of three masses: of each pair, on one of them and in reaction on the other."""
    total = np.zeros_like(r)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        pull = (r[i] - r[j]) / np.sqrt(np.sum((r[i] - r[j]) ** 2)) ** power
        total[i] += pull
        total[j] -= reaction * pull
    return total

# fmt: on

FAMILIES = (scale, kink, jumps, cancellation, stiff, noise, float32, float16, edge, dimension, second_order, jacobians, mistakes)
CASES: list[Case] = [case for family in FAMILIES for case in family()]

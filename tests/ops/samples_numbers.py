"""Samples of elementwise functions, reductions, order and special functions, in the form of tests/ops/samples.py."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.special

from autograd.ops import functions, table
from tests.ops.samples import BINARY_SHAPES, Sample, elementwise, number

#: Other names of elementwise ops.
ALIASES = ["radians", "degrees", "fabs", "fix", "psi"]

METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "linear",
    "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip

#: Shapes with the arguments of a reduction.
REDUCTIONS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((), {}), ((3,), {}), ((1,), {"axis": 0}), ((1, 1), {}), ((2, 3), {}), ((2, 3), {"axis": 0}), ((2, 3), {"keepdims": True}),
    ((2, 3), {"axis": -1, "keepdims": True}), ((2, 3, 2), {"axis": (0, 2)}), ((2, 3, 2), {"axis": (-1, 0), "keepdims": True}),
    ((2, 3, 2), {"axis": (2, 1)}), ((0, 3), {"axis": 1}), ((3, 1), {"axis": 1}),
]  # fmt: skip

#: Masks of elements that are nan, and of those that `where` chooses: at least two are left in each row and column.
HOLES = np.array([[True, False, False, False], [False, False, False, True], [False, True, False, False]])
KEPT = np.array([[True, True, True, False], [True, True, True, True], [False, True, True, True]])


class Samples:
    """Collects samples by name, and draws their inputs."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.found: dict[str, list[Sample]] = {}
        self.ours = SimpleNamespace(**table() | functions())

    def both(self, name: str, note: str, inputs: list[Any], call: Callable[..., Any], home: Any = np, wide: bool = False) -> None:
        """A call with our functions and with those of NumPy or SciPy; `wide` if it is float64 even of float32."""
        ours = self.ours
        wider = (lambda out: ours.astype(out, float)) if wide else (lambda out: out)
        sample = Sample(f"{name} {note}", lambda *v: wider(call(ours, *v)), inputs, lambda *v: call(home, *v))
        self.found.setdefault(name, []).append(sample)

    def like(self, name: str, inputs: list[Any], *how: Any, home: Any = np, wide: bool = False, **named: Any) -> None:
        """A call of one function: the inputs first, then plain arguments."""
        words = [*map(np.shape, inputs), *map(brief, how), *(f"{key}={brief(item)}" for key, item in named.items())]
        self.both(name, ", ".join(map(str, words)), inputs, lambda m, *v: getattr(m, name)(*v, *how, **named), home, wide)

    def operation(self, name: str) -> None:
        """The samples that the sweep draws from the domain of an elementwise op."""
        self.found.setdefault(name, []).extend(elementwise(vars(self.ours)[name] if name in ALIASES else table()[name], self.rng))

    def r(self, *shape: int) -> Any:
        return number(self.rng, -2.0, 2.0, shape)

    def positive(self, *shape: int) -> Any:
        return number(self.rng, 0.3, 2.0, shape)

    def away(self, *shape: int) -> Any:
        """Numbers from 0.3 to 0.8, with both signs: away from 0 and from integers."""
        signs = self.rng.integers(0, 2, shape) * 2.0 - 1.0
        return number(self.rng, 0.3, 0.8, shape) * (float(signs) if shape == () else signs)

    def distinct(self, *shape: int) -> Any:
        """Numbers at least 0.1 apart, so that a step of a difference does not change their order."""
        if shape == ():
            return 0.7
        return self.rng.permutation(np.arange(np.prod(shape, dtype=int))).reshape(shape) * 0.1 - 0.33


def brief(item: Any) -> str:
    """An argument in the name of a sample."""
    return f"array{item.shape}" if isinstance(item, np.ndarray) else str(item)


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the op or function."""
    s = Samples(rng)
    families = [numbers, jumps, choosing, between_points, in_pieces, sums, products, running, spreads, extremes, averages]
    for family in (*families, nan_reductions, picking, putting, several_conditions, order, sets, quantiles, special_functions):
        family(s)
    return s.found


# --- elementwise ----------------------------------------------------------------------------------


def numbers(s: Samples) -> None:
    """Smooth functions, and those of the parts of a number."""
    for name in ALIASES:
        s.operation(name)
    for shape in [(), (3,), (2, 3), (1,), (0,)]:
        s.like("sinc", [s.r(*shape)])
        s.like("nan_to_num", [s.r(*shape)])
        s.like("angle", [s.away(*shape)])
        s.like("angle", [s.away(*shape)], deg=True)
        s.like("imag", [s.away(*shape)])
        for name in ("real", "real_if_close", "conj", "conjugate"):  # the Value itself: times 1, to be a result
            s.both(name, f"{shape}", [s.away(*shape)], lambda m, x, name=name: getattr(m, name)(x) * 1.0)
    s.like("sinc", [np.array([0.0, 1e-9, -0.3, 0.95, 0.96, 5.5, -7.2])])
    s.like("sinc", [0.0])
    for shape in [(3,), (2, 3), ()]:
        for n in (3, -2, 0):
            s.like("ldexp", [s.r(*shape)], n)
        s.like("ldexp", [s.r(*shape)], np.array([1, -2, 5]))
    for shapes in BINARY_SHAPES:
        s.like("float_power", [s.positive(*shapes[0]), s.r(*shapes[1])], wide=True)
    holes = np.array([[np.nan, 0.0, np.inf], [0.0, -np.inf, 0.0]])
    for named in [{"posinf": 5.0, "neginf": -7.0}, {"nan": 2.0, "copy": False, "posinf": 9.0, "neginf": 0.5}]:
        s.both("nan_to_num", f"with nan and inf, {named}", [s.r(2, 3)],
               lambda m, x, named=named: m.nan_to_num(m.where(holes == 0.0, x, holes), **named), wide=True)  # fmt: skip


def jumps(s: Samples) -> None:
    """Functions with jumps, at points beside the jumps."""
    for shape in [(), (3,), (2, 3), (1,), (0,)]:
        for decimals, scale in [(0, 1.0), (2, 0.01), (-1, 10.0)]:
            for name in ("round", "around"):
                s.like(name, [s.away(*shape) * 0.6 * scale], decimals)
        for part in (0, 1):
            s.both("modf", f"part {part} {shape}", [s.away(*shape) * 4.0 // 1.0 + s.positive(*shape) * 0.3 + 0.1],
                   lambda m, x, i=part: m.modf(x)[i])  # fmt: skip
    for shapes in BINARY_SHAPES:
        for part in (0, 1):
            s.both("divmod", f"part {part} {shapes}", [number(s.rng, 2.2, 2.8, shapes[0]), number(s.rng, 0.98, 1.02, shapes[1])],
                   lambda m, x, y, i=part: m.divmod(x, y)[i])  # fmt: skip
    for name in ("mod", "fmod", "floor_divide"):
        s.operation(name)
        for x, y in [(-2.5, 0.7), (2.5, -0.7), (-2.5, -0.7)]:
            s.like(name, [x, np.full(2, y)])
    for name in ("copysign", "heaviside"):
        s.operation(name)
        for x in (0.7, -0.7):
            s.like(name, [np.full(2, x), -0.4])
    s.both("heaviside", "at 0", [s.r(3)], lambda m, y: m.heaviside(0.0, y))


def choosing(s: Samples) -> None:
    """The larger and the smaller, and clip()."""
    left, right = np.array([True, False, False]), np.array([False, True, False])
    for name in ("maximum", "minimum", "fmax", "fmin"):
        for shapes in BINARY_SHAPES:
            low, high = number(s.rng, 0.0, 1.0, shapes[0]), number(s.rng, 1.1, 2.0, shapes[1])
            s.like(name, [low, high])
            s.like(name, [high, low])
        s.like(name, [np.array([1.0, 3.0, 5.0]), np.array([2.0, 2.0, 7.0])])
        if name[0] == "f":
            s.both(name, "with nan", [np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.5, 2.5])],
                   lambda m, x, y, name=name: getattr(m, name)(m.where(left, np.nan, x), m.where(right, np.nan, y)))  # fmt: skip
        else:
            s.operation(name)  # with two Values; with one it is clip
    data = np.array([[-1.5, 0.1, 0.9], [0.5, 2.5, -0.3]])
    for bounds in [
        (np.array([-0.5, 0.0, 0.3]), np.array([0.2, 1.0, 1.1])),
        (np.array([[-1.0], [1.0]]), 2.0),
        (0, 1),
        (0.25, 0.25),
    ]:
        s.like("clip", [data], *bounds, wide=True)
    for named in [{"a_min": 0.0, "a_max": 1.0}, {"min": 0.0, "max": 1.0}, {"min": 0.0}, {"max": 1.0}]:
        s.like("clip", [data], **named)
    s.like("clip", [data, np.array([-0.5, 0.0, 0.3]), np.array([0.2, 1.0, 1.1])])
    s.like("clip", [data, 0.0, 1.0])
    s.like("clip", [0.4, np.array([-0.5, 0.5]), 1.0])
    s.both("clip", "a Value as upper bound", [data, 0.3], lambda m, x, high: m.clip(x, None, high))
    s.both("clip", "a Value as lower bound", [data, 0.3], lambda m, x, low: m.clip(x, low, None))


def between_points(s: Samples) -> None:
    """interp() with respect to the places, the points and the heights."""
    points, heights = np.array([-1.0, 0.2, 0.5, 2.0]), np.array([0.3, -1.0, 2.0, 1.5])
    places, outside = np.array([-0.7, 0.3, 1.9, 0.41]), np.array([-3.0, -0.7, 5.0])
    for x in (places, places.reshape(2, 2), 0.3, np.array([1.1]), np.zeros(0), outside):
        s.like("interp", [x, points, heights])
    for named in [{"left": -4.0}, {"right": 9.0}, {"left": 0.0, "right": 0.5}]:
        s.like("interp", [outside, points, heights], **named)
        s.like("interp", [-3.0, points, heights], **named)
    s.like("interp", [outside, points, heights, -4.0, 9.0])
    s.like("interp", [np.array([0.1, 0.9]), np.array([0.5]), np.array([2.0])])
    turns = np.array([-0.1, 0.35, 3.1, 10.23, -5.05])
    for period in (1.5, -1.5, 4):
        s.like("interp", [turns, np.array([0.7, 0.2, 2.4]), np.array([1.0, -1.0, 3.0])], period=period)
    s.both("interp", "beside a jump", [np.array([0.5, 0.9, 1.1, 1.9]), heights],
           lambda m, x, fp: m.interp(x, np.array([0.0, 1.0, 1.0, 2.0]), fp), wide=True)  # fmt: skip
    s.both("interp", "of x alone", [places], lambda m, x: m.interp(x, points, heights), wide=True)
    s.both("interp", "of xp alone", [points], lambda m, xp: m.interp(places, xp, heights), wide=True)
    s.both("interp", "of fp alone", [heights], lambda m, fp: m.interp(places, points, fp), wide=True)


def in_pieces(s: Samples) -> None:
    """piecewise()."""
    for data in (s.away(5), s.away(2, 3), s.away(), np.zeros(0)):
        low, high = np.asarray(data) < 0.0, np.asarray(data) > 0.5
        for note, conditions, pieces in [
            ("two", [low, high], lambda m: [m.exp, m.square]),
            ("rest", [low, high], lambda m: [m.exp, m.square, m.log]),
            ("constants", [low, high], lambda m: [-1.0, 2.0, m.square]),
            ("outside of a domain", [low, ~low], lambda m: [lambda x: m.log(-x), m.log]),
            ("overlapping", [low, np.ones_like(low)], lambda m: [m.exp, m.square]),
            ("not elementwise", [low, ~low], lambda m: [lambda x: x - x.sum(), m.square]),
        ]:
            s.both("piecewise", f"{note} {np.shape(data)}", [data], lambda m, x, c=conditions, f=pieces: m.piecewise(x, c, f(m)))
    data = s.away(4)
    for x in (data, 0.7):
        condition = np.asarray(x) > 0.5
        s.both("piecewise", f"one condition {np.shape(x)}", [x], lambda m, x, c=condition: m.piecewise(x, c, [m.exp, m.square]))
    s.both(
        "piecewise", "arguments", [data], lambda m, x: m.piecewise(x, [data > 0.0], [lambda x, a, b: a * x + b, 7.0], 3.0, b=4.0)
    )
    s.both("piecewise", "a Value inside", [data, 0.4], lambda m, x, a: m.piecewise(x, [data > 0.0], [lambda x: a * x, a]))


# --- reductions -----------------------------------------------------------------------------------


def sums(s: Samples) -> None:
    """Sums, means, cumulative sums and cumulative products."""
    some = ~np.eye(2, 3, dtype=bool)
    for named in [
        {"initial": 2.5},
        {"where": some},
        {"where": ~some, "axis": 1, "initial": -1.0},
        {"where": some[0], "keepdims": True},
    ]:
        s.like("sum", [s.r(2, 3)], **named)
    s.like("sum", [s.r(0)], initial=3.0)
    s.both("sum", "initial is a Value", [s.r(2, 3), 0.5], lambda m, x, start: m.sum(x, 0, initial=start))
    for named in [{"where": some}, {"where": some, "axis": 0, "keepdims": True}, {"where": some[:1], "axis": 1}]:
        s.like("mean", [s.r(2, 3)], **named)
    s.like("mean", [0.4], where=True)
    for name in ("cumsum", "cumprod"):
        for shape in [(), (4,), (2, 3), (0,)]:
            s.like(name, [s.r(*shape)])
        for shape, axis in [
            ((4,), 0),
            ((2, 3), 0),
            ((2, 3), -1),
            ((2, 3, 2), 1),
            ((1,), 0),
            ((0,), 0),
            ((0, 3), 1),
            ((2, 1), -1),
        ]:
            s.like(name, [s.r(*shape)], axis)
    for name in ("sum", "mean", "prod", "cumsum", "cumprod"):
        s.like(name, [s.r(2, 3)], axis=0, dtype=np.float64, wide=True)


def products(s: Samples) -> None:
    """Products, also with zeros."""
    for shape, how in [*REDUCTIONS, ((2, 3), {"axis": ()}), ((0, 3), {"axis": 0}), ((0,), {})]:
        s.like("prod", [s.r(*shape)], **how)
    some = ~np.eye(2, 3, dtype=bool)
    for named in [{"initial": 2.5}, {"where": some}, {"where": ~some, "axis": 1, "initial": -1.0}]:
        s.like("prod", [s.r(2, 3)], **named)
    for zeros in ([1], [0], [1, 3], [0, 2, 3], [0, 1, 2, 3, 4]):
        data = s.r(5)
        data[zeros] = 0.0
        for name in ("prod", "cumprod", "nanprod"):
            s.like(name, [data])
            s.like(name, [np.stack([data, s.r(5)])])
            for axis in (0, 1):
                s.like(name, [np.stack([data, s.r(5)])], axis=axis)


def leave_out(x: Any, left: list[int], end: int) -> Any:
    """The products of the first `end` elements along the last axis without some of them."""
    return np.prod([x[..., k] for k in range(end) if k not in left] or [np.ones(x.shape[:-1])], 0)


def product_slope(g: Any, x: Any, directions: list[Any]) -> Any:
    """The gradient of the sum of g times running products that are differentiated in some directions, by its definition."""
    out, length = np.zeros(x.shape), x.shape[-1]
    for i in range(length):
        for others in itertools.permutations([k for k in range(length) if k != i], len(directions)):
            for j in range(max([i, *others]), length):
                weight = np.prod([c[..., k] for c, k in zip(directions, others, strict=True)] or [np.ones(x.shape[:-1])], 0)
                out[..., i] += g[..., j] * weight * leave_out(x, [i, *others], j + 1)
    return out


def product_differences(x: Any, *directions: Any) -> Any:
    """The running products differentiated in some directions, by the definition."""
    *first, last = directions
    return np.stack([np.sum(product_slope(g, x, first) * last, -1) for g in np.eye(x.shape[-1])], -1) if x.size else x


def running(s: Samples) -> None:
    """Running products and their slopes, running extremes, and sums in runs."""
    for shape in [(4,), (2, 3), (1,), (0,), (2, 0)]:
        s.both("running_products", f"{shape}", [s.r(*shape)],
               lambda m, x: m.running_products((x,)) if m is not np else np.cumprod(x, -1))  # fmt: skip
        for count in (0, 1, 2):
            inputs = [s.r(*shape) for _ in range(2 + count)]
            s.both("products_slope", f"{shape} {count}", inputs,
                   lambda m, *v: m.products_slope(v) if m is not np else product_slope(v[0], v[1], list(v[2:])))  # fmt: skip
            if count:
                s.both("running_products", f"{shape} {count}", inputs[1:],
                       lambda m, *v: m.running_products(v) if m is not np else product_differences(*v))  # fmt: skip
    for name in ("maximum", "minimum", "fmax", "fmin"):
        for shape, axis in [((4,), 0), ((2, 3), 0), ((2, 3), -1), ((0, 2), 0)]:
            s.both("running_extremes", f"{name} {shape} {axis}", [s.distinct(*shape)], lambda m, x, name=name, axis=axis: (
                getattr(np, name).accumulate(x, axis) if m is np else m.running_extremes(x, axis, name)))  # fmt: skip
    runs = np.array([[1, 1, 2, 2, 2, 3]])
    for backwards in (False, True):
        for axis in (0, 1):
            s.both("run_sums", f"{backwards} {axis}", [s.r(6, 2) if axis == 0 else s.r(2, 6)],
                   lambda m, x, axis=axis, backwards=backwards: m.run_sums(
                       x, np.broadcast_to(runs if axis else runs.T, np.shape(x)), axis, backwards) if m is not np else
                   np.concatenate([np.flip(np.cumsum(np.flip(part, axis) if backwards else part, axis), axis) if backwards
                                   else np.cumsum(part, axis) for part in np.split(x, [2, 5], axis)], axis))  # fmt: skip


def spreads(s: Samples) -> None:
    """Variances and standard deviations."""
    some = np.array([[True, True, False, True], [True, False, True, True]])
    for name in ("var", "std"):
        for shape, how in REDUCTIONS:
            s.like(name, [s.r(*shape)], **how)
        for named in [
            {"ddof": 1},
            {"ddof": 0.5, "axis": 0},
            {"correction": 1, "axis": 1},
            {"ddof": 1, "axis": (0, 1), "keepdims": True},
        ]:
            s.like(name, [s.r(2, 3)], **named)
        for named in [{}, {"axis": 1}, {"axis": 1, "keepdims": True, "ddof": 1}, {"correction": 1}]:
            s.like(name, [s.r(2, 4)], where=some, **named)
        s.like(name, [s.r(2, 4)], where=some[0])
        s.like(name, [s.r(2, 3)], axis=0, dtype=np.float64, wide=True)
        s.like(name, [s.r(2, 4)], where=some, dtype=np.float64, wide=True)
        for named in [{}, {"where": some, "ddof": 1}]:
            s.both(name, f"mean is a Value, {', '.join(named)}", [s.r(2, 4), s.r(2, 1)],
                   lambda m, x, centre, name=name, named=named: getattr(m, name)(x, 1, mean=centre, **named))  # fmt: skip


def extremes(s: Samples) -> None:
    """The largest, the smallest, and the differences between them."""
    for name in ("amax", "amin", "ptp"):
        for shape, how in [*REDUCTIONS, ((2, 3), {"axis": ()})]:
            s.like(name, [s.distinct(*shape)], **how)
    some = ~np.eye(2, 3, dtype=bool)
    for name, start in [("max", -5.0), ("min", 5.0), ("amax", -5.0), ("amin", 5.0), ("nanmax", -5.0), ("nanmin", 5.0)]:
        s.like(name, [s.distinct(2, 3)], initial=0.02)
        s.like(name, [s.distinct(2, 3)], initial=0.02, axis=0)
        s.like(name, [s.distinct(2, 3)], initial=start, where=some, axis=1)
        s.like(name, [s.distinct(2, 3)], initial=start, where=~some)
        s.like(name, [np.zeros((0, 3))], axis=0, initial=start)
        s.both(name, "initial is a Value", [s.distinct(2, 3), 0.02],
               lambda m, x, start, name=name: getattr(m, name)(x, 0, initial=start))  # fmt: skip


def averages(s: Samples) -> None:
    """average(); NumPy's divides by the size of the result, so that it cannot be empty."""
    for shape, how in REDUCTIONS:
        if 0 not in shape:
            s.like("average", [s.r(*shape)], **how)
            s.both("average", f"weights {shape} {how}", [s.r(*shape), s.positive(*shape)],
                   lambda m, x, w, how=how: m.average(x, weights=w, **how))  # fmt: skip
    for part in (0, 1):
        for shape, how in [
            ((3,), {"axis": 1}),
            ((3,), {"axis": -2, "keepdims": True}),
            ((2, 3), {"axis": (0, 1)}),
            ((4, 2), {"axis": (2, 0)}),
        ]:
            s.both("average", f"weights {shape} {how} returned, part {part}", [s.r(2, 3, 4), s.positive(*shape)],
                   lambda m, x, w, how=how, i=part: m.average(x, weights=w, returned=True, **how)[i] + 0 * m.sum(x))  # fmt: skip
        for how in [{}, {"axis": 0}, {"axis": (0, 1), "keepdims": True}]:
            s.both("average", f"returned {how}, part {part}", [s.r(2, 3)],
                   lambda m, x, how=how, i=part: m.average(x, returned=True, **how)[i] + 0.0 * m.sum(x))  # fmt: skip


def nan_reductions(s: Samples) -> None:
    """Reductions that skip nan. Where the nan are does not depend on the inputs."""

    def with_nan(name: str, **named: Any) -> None:
        data = s.distinct(3, 4) if name in ("nanmax", "nanmin") else s.r(3, 4)
        words = ", ".join(f"{key}={brief(item)}" for key, item in named.items())
        s.both(name, f"with nan, {words}", [data], lambda m, x: getattr(m, name)(m.where(HOLES, np.nan, x), **named))

    for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"):
        extreme = name in ("nanmax", "nanmin")
        for shape, how in REDUCTIONS:
            s.like(name, [(s.distinct if extreme else s.r)(*shape)], **how)
        for how in [{}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}]:
            with_nan(name, **how)
            with_nan(name, where=KEPT, **how, **({"initial": -9.0 if name == "nanmax" else 9.0} if extreme else {}))
        if not extreme:
            s.like(name, [s.r(2, 3)], axis=1, dtype=np.float64, wide=True)
    for name in ("nancumsum", "nancumprod"):
        for named in ({}, {"axis": 0}, {"axis": -1}):
            with_nan(name, **named)
            s.like(name, [s.r(2, 3)], **named)
        for shape in [(), (4,), (0,)]:
            s.like(name, [s.r(*shape)])
        s.like(name, [s.r(2, 3)], axis=0, dtype=np.float64, wide=True)
        s.both(name, "all nan", [s.r(3)], lambda m, x, name=name: getattr(m, name)(m.where([True] * 3, np.nan, x)))
    for name in ("nansum", "nanprod"):
        with_nan(name, initial=2.5, axis=0)
        s.both(name, "all nan", [s.r(3)], lambda m, x, name=name: getattr(m, name)(m.where([True] * 3, np.nan, x)))
        s.like(name, [np.zeros((0, 2))], axis=0)
    for name in ("nanvar", "nanstd"):
        for how in [{"ddof": 1}, {"correction": 1, "axis": 1}, {"ddof": 1, "axis": 0, "keepdims": True}]:
            with_nan(name, **how)
        s.both(name, "mean is a Value", [s.r(3, 4), s.r(3, 1)],
               lambda m, x, centre, name=name: getattr(m, name)(m.where(HOLES, np.nan, x), 1, mean=centre))  # fmt: skip


# --- indexing and order ---------------------------------------------------------------------------


def picking(s: Samples) -> None:
    """Functions that pick elements."""
    takes: list[tuple[tuple[int, ...], Any, dict[str, Any]]] = [
        ((4,), 2, {}), ((4,), -1, {}), ((4,), [0, 3, 3, -2], {}), ((4,), np.array([[0, 1], [3, 3]]), {}), ((2, 3), [5, 0, 0], {}),
        ((2, 3), [1, 1, 0], {"axis": 1}), ((2, 3), 1, {"axis": 0}), ((2, 3, 2), [[0, 2]], {"axis": -2}),
        ((4,), np.zeros(0, int), {}), ((4,), [7, -9, 2], {"mode": "wrap"}), ((4,), [7, -9, 2], {"mode": "clip"}),
        ((2, 3), [4, -4], {"axis": 1, "mode": "clip"}),
        ((2, 3), [4, -4], {"axis": 1, "mode": "wrap"}), ((3,), [True, False], {}), ((), 0, {}), ((1,), [0, 0], {}),
        ((0, 3), [1], {"axis": 1}),
    ]  # fmt: skip
    for shape, indices, how in takes:
        s.like("take", [s.r(*shape)], indices, **how)
    for shape, axis in [((5,), 0), ((2, 3), 0), ((2, 3), 1), ((2, 3, 2), -2), ((0, 3), 1)]:
        data = s.r(*shape)
        s.like("take_along_axis", [data], np.argsort(data, axis), axis)
        s.like("take_along_axis", [data], np.argsort(data, axis).take([0, 0], axis), axis)
    s.like("take_along_axis", [s.r(2, 3)], np.array([5, 0, -1, 0]), None)
    s.like("take_along_axis", [s.r(2, 3)], np.array([[1, -1, -1, 0]]), 1)
    s.like("take_along_axis", [s.r(2, 3)], np.array([[1], [2]]))
    for data in (s.r(4), s.r(2, 3), s.r(0)):
        condition = np.arange(data.size).reshape(data.shape) % 3 != 1
        s.both("extract", f"{data.shape}", [data], lambda m, x, c=condition: m.extract(c, x))
    compressions: list[tuple[tuple[int, ...], list[Any], int | None]] = [
        ((4,), [True, False, True, False], None), ((4,), [0, 1], 0), ((2, 3), [0, 1, 1], 1), ((2, 3), [True, False], 0),
        ((2, 3), [False, True, False, True], None), ((2, 3, 2), [1, 0, 1], -2), ((3,), [0, 0, 0], 0),
    ]  # fmt: skip
    for shape, chosen, place in compressions:
        s.both("compress", f"{shape} {chosen} {place}", [s.r(*shape)], lambda m, x, c=chosen, a=place: m.compress(c, x, a))


def putting(s: Samples) -> None:
    """put_along_axis(), ours as a copy."""

    def put(m: Any, x: Any, u: Any, indices: Any, axis: Any) -> Any:
        if m is not np:
            return m.put_along_axis(x, indices, u, axis)
        out = np.array(x)
        np.put_along_axis(out, indices, u, axis)
        return out

    cases: list[tuple[tuple[int, ...], Any, tuple[int, ...], int | None]] = [
        ((4,), [1, 3], (2,), 0), ((2, 3), [[0], [2]], (2, 1), 1), ((2, 3), [[0, 2], [1, -1]], (), 1),
        ((2, 3), [[1, 0, 1]], (1, 3), 0),
        ((2, 3), [0, 5], (2,), None), ((2, 3), [[1, 1], [0, 0]], (2, 2), -1), ((2, 3, 2), [[[1], [0], [1]]] * 2, (2, 3, 1), 2),
        ((2, 3), [[0, 1], [1, 2]], (2,), 1), ((2, 3), [4, 4, 0], (3,), None),
    ]  # fmt: skip
    for shape, indices, values, axis in cases:
        where = np.array(indices)
        s.both(
            "put_along_axis",
            f"{shape} {indices} {axis}",
            [s.r(*shape), s.r(*values)],
            lambda m, x, u, i=where, a=axis: put(m, x, u, i, a),
        )


def several_conditions(s: Samples) -> None:
    """choose() and select()."""
    choices: list[tuple[Any, list[tuple[int, ...]], str]] = [
        ([2, 0, 1, 0], [(4,), (4,), (4,)], "raise"), ([[1, 0], [0, 1]], [(2,), (2, 1)], "raise"), (1, [(3,), (2, 3)], "raise"),
        ([3, -1, 1], [(3,), (3,)], "wrap"), ([3, -1, 1], [(3,), ()], "clip"), ([[0], [1]], [(3,), ()], "raise"),
        ([0, 0], [(2,)], "raise"), (np.zeros(0, int), [(0,), (1,)], "raise"),
    ]  # fmt: skip
    for turn, shapes, mode in choices:
        s.both("choose", f"{np.shape(turn)} {shapes} {mode}", [s.r(*shape) for shape in shapes],
               lambda m, *c, a=turn, mode=mode: m.choose(a, c, mode=mode))  # fmt: skip
    s.both("choose", "from an array", [s.r(2, 3)], lambda m, c: m.choose([1, 0, 1], c))
    first, second = np.array([True, False, False, True]), np.array([True, True, False, False])
    selections: list[tuple[list[tuple[int, ...]], float]] = [
        ([(4,), (4,)], 0), ([(4,), (4,)], 2.5), ([(), (4,)], 1), ([(2, 4), (4,)], -1.0), ([(1,), (1,)], 0)
    ]  # fmt: skip
    for shapes, default in selections:
        s.both("select", f"{shapes} {default}", [s.r(*shape) for shape in shapes],
               lambda m, *c, default=default: m.select([first, second], c, default))  # fmt: skip
    s.both("select", "default is a Value", [s.r(4), s.r(4)], lambda m, x, default: m.select([first], [x], default))
    s.both("select", "default is an array", [s.r(4)], lambda m, x: m.select([first], [x], np.arange(4.0)), wide=True)
    s.both("select", "no elements", [s.r(0)], lambda m, x: m.select([np.zeros(0, bool)], [x]))


def order(s: Samples) -> None:
    """sort(), partition() and unique()."""
    for shape, axis in [((5,), -1), ((2, 3), 0), ((2, 3), 1), ((2, 3, 2), -2), ((1,), 0), ((0,), -1), ((2, 0), 1)]:
        s.like("sort", [s.distinct(*shape)], axis)
        if shape[axis]:
            joined = s.rng.integers(0, 2, np.diff(np.zeros(shape), axis=axis).shape).astype(bool)
            s.both("averaged_runs", f"{shape} {axis}", [s.r(*shape)],
                   lambda m, x, j=joined, a=axis: m.averaged_runs(x, j, a), SimpleNamespace(averaged_runs=runs))  # fmt: skip
    for named in [{"axis": None}, {"kind": "stable"}, {"stable": True}]:
        s.like("sort", [s.distinct(2, 3)], **named)
    holes = np.array([False, True, False, False, True])
    s.both("sort", "with nan", [s.distinct(5)], lambda m, x: m.sort(m.where(holes, np.nan, x))[:3])
    for shape, kth, axis in [((6,), 2, -1), ((6,), -2, 0), ((2, 5), 3, 1), ((5, 2), 1, 0), ((2, 3), 4, None), ((1,), 0, 0)]:
        for part in (slice(kth, kth + 1 or None), slice(None, kth), slice(kth, None)):  # neither side has an order
            s.both("partition", f"{shape} {kth} {axis} {part}", [s.distinct(*shape)],
                   lambda m, x, k=kth, a=axis, part=part: m.sort(rows(m.partition(x, k, a), a)[..., part], -1))  # fmt: skip
    s.both("partition", "several ranks", [s.distinct(7)], lambda m, x: m.partition(x, [1, 4])[[1, 4]])
    s.both("unique", "with nan", [s.distinct(5)], lambda m, x: m.unique(m.where(holes, np.nan, x), equal_nan=False)[:3])
    for shape in [(5,), (2, 3), (), (1,), (0,)]:
        s.like("unique", [s.distinct(*shape)])
        for asked in ("return_index", "return_inverse", "return_counts"):
            s.both("unique", f"{shape} {asked}", [s.distinct(*shape)], lambda m, x, asked=asked: m.unique(x, **{asked: True})[0])
        s.both("unique", f"{shape} there and back", [s.distinct(*shape)], lambda m, x: m.take(*m.unique(x, return_inverse=True)))


def rows(x: Any, axis: int | None) -> Any:
    """A matrix with that axis last."""
    return x.T if axis == 0 and len(x.shape) == 2 else x


def runs(x: Any, joined: Any, axis: int) -> Any:
    """averaged_runs() by a loop over the elements."""
    out = np.moveaxis(np.array(x), axis, -1)
    joined = np.moveaxis(joined, axis, -1)
    for place in np.ndindex(out.shape[:-1]):
        start = 0
        for end in range(1, out.shape[-1] + 1):
            if end == out.shape[-1] or not joined[place][end - 1]:
                out[place][start:end] = np.mean(out[place][start:end])
                start = end
    return np.moveaxis(out, -1, axis)


def sets(s: Samples) -> None:
    """Distinct elements of one array, and set operations of two."""
    for shape in [(4,), (2, 3), (1,), (0,)]:
        s.like("unique_values", [s.distinct(*shape)])
        for name in ("unique_all", "unique_counts", "unique_inverse"):
            s.both(name, f"{shape}", [s.distinct(*shape)], lambda m, x, name=name: getattr(m, name)(x)[0])
    for name in ("union1d", "intersect1d", "setxor1d", "setdiff1d"):
        for shapes in [(4,), (3,)], [(2, 2), (3,)], [(0,), (2,)]:
            x = s.distinct(*shapes[0])
            more = s.distinct(*shapes[1]) + 0.05
            s.both(name, f"{shapes}", [x], lambda m, x, name=name, more=more: getattr(m, name)(
                x, np.concatenate([np.ravel(x)[:2], more.astype(x.dtype) if x.dtype.kind == "f" else more])))  # fmt: skip
    s.both("setdiff1d", "in order", [s.distinct(4)], lambda m, x: m.setdiff1d(x, [0.07], assume_unique=True))
    s.both("frexp", "fraction", [s.away(3)], lambda m, x: m.frexp(x)[0])
    s.both("frexp", "both", [s.away(2, 2)], lambda m, x: np.ldexp(*m.frexp(x * 8.0)))


def quantiles(s: Samples) -> None:
    """quantile(), percentile() and median()."""
    for method in METHODS:
        for q in (0.0, 0.3, 0.5, 1.0, [0.1, 0.77]):
            s.like("quantile", [s.distinct(5)], q, method=method)
        s.like("quantile", [s.distinct(3, 4)], [[0.2], [0.9]], axis=1, method=method)
        s.like("percentile", [s.distinct(4, 3)], 35, axis=0, method=method)
    for shape, how in REDUCTIONS:
        s.like("median", [s.distinct(*shape)], **how)
        s.like("quantile", [s.distinct(*shape)], 0.3, **how)
        s.like("percentile", [s.distinct(*shape)], [10, 65.0], **how)
        s.like("nanmedian", [s.distinct(*shape)], **how)
        s.like("nanquantile", [s.distinct(*shape)], 0.3, **how)
        if 0 not in shape:  # where NumPy forgets the axis of q
            s.like("nanpercentile", [s.distinct(*shape)], [10, 65.0], **how)
    for method in METHODS:
        s.both("nanquantile", f"with nan {method}", [s.distinct(3, 4)],
               lambda m, x, how=method: m.nanquantile(m.where(HOLES, np.nan, x), [0.2, 0.9], axis=1, method=how))  # fmt: skip
    for named in [{}, {"axis": 0}, {"axis": 1, "keepdims": True}, {"axis": (0, 1)}, {"axis": (1, 0), "keepdims": True}]:
        for name, *q in [("nanmedian",), ("nanquantile", 0.3), ("nanquantile", [[0.0, 1.0], [0.5, 0.77]]), ("nanpercentile", 35)]:
            s.both(name, f"with nan {q} {named}", [s.distinct(3, 4)],
                   lambda m, x, name=name, q=q, o=named: getattr(m, name)(m.where(HOLES, np.nan, x), *q, **o))  # fmt: skip


# --- special functions ----------------------------------------------------------------------------


def special_functions(s: Samples) -> None:
    """Functions of scipy.special with settings, and those that are special at 0."""

    def add(name: str, x: Any, *settings: Any) -> None:
        s.both(name, f"{settings} {np.shape(x)}", [x], lambda m, x: getattr(m, name)(*settings, x), scipy.special)

    for shape in [(), (3,), (2, 3), (1,), (0,)]:
        for n in (0, 1, 2):
            add("polygamma", s.positive(*shape), n)
        for order in (0, 1, 2.5, -0.5):
            for name in ("jv", "yv", "iv", "kv", "ive"):
                add(name, s.positive(*shape), order)
        for n in (0, 3):
            add("jn", s.positive(*shape), n)
            add("yn", s.positive(*shape), n)
        for a in (0.5, 1, 3.2):
            add("gammainc", s.positive(*shape), a)
            add("gammaincc", s.positive(*shape), a)
            add("betainc", number(s.rng, 0.2, 0.8, shape), a, 1.7)
        for d in (1, 2, 4):
            s.like("multigammaln", [s.positive(*shape) + 2.0], d, home=scipy.special)
    add("gammainc", 200.0 + s.r(3), 200.0)
    for name in ("xlogy", "xlog1py"):
        s.operation(name)
        s.like(name, [np.array([0.0, 0.0, 1.0]), np.array([2.0, 0.5, 0.7])], home=scipy.special)
        s.like(name, [0.0, 2.0], home=scipy.special)

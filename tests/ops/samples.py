"""Samples of every op of the table: arguments inside the domain and away from kinks, and NumPy's result."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.special

from autograd.op import Op
from autograd.ops import functions, table


class Sample(NamedTuple):
    """One call of an op: `call(*inputs)` uses it, `expected(*arrays)` computes the same in NumPy."""

    name: str
    call: Callable[..., Any]
    inputs: list[Any]
    expected: Callable[..., Any]


#: One or two shapes for the inputs of elementwise ops: () is a Python float.
UNARY_SHAPES = [[()], [(3,)], [(2, 3)], [(1,)], [(1, 1)], [(0,)], [(2, 0)]]
BINARY_SHAPES = [
    [(), ()], [(3,), (3,)], [(), (3,)], [(2, 3), ()], [(2, 3), (3,)], [(3,), (2, 3)], [(2, 1), (1, 3)], [(2, 3), (1, 1)],
    [(1,), (3,)], [(4, 2, 3), (2, 1)], [(0,), (0,)], [(0,), (1,)], [(2, 0), ()], [(1,), (1,)], [(), (1,)], [(0, 3), (1, 3)],
]  # fmt: skip


def density(x: Any) -> Any:
    """The density of the standard normal distribution."""
    return np.exp(-(x**2) / 2) / np.sqrt(2.0 * np.pi)


#: Independent formulas of the elementwise ops.
FORMULAS: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power, "neg": np.negative,
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "abs": np.abs,
    "sigmoid": lambda x: np.exp(x) / (np.exp(x) + 1.0), "softplus": lambda x: np.log(np.exp(x) + 1.0),
    "log_loss_slope": lambda p, y: (1.0 - y) / (1.0 - p) - y / p,
    "relu": lambda x: x * (x > 0), "maximum": np.maximum, "minimum": np.minimum,
    "logistic": lambda x: 0.25 / np.cosh(0.5 * x) ** 2, "one_minus_square": lambda x: 1.0 - x**2,
    "times_rest": lambda x: x - x**2, "direction": lambda x, y: np.sin(np.arctan2(x, y)),
    "hazard": lambda x: density(x) / scipy.special.ndtr(x),
    "hazard_gap": lambda x: density(x) / scipy.special.ndtr(x) + x,
    "erfinv_slope": lambda x: np.sqrt(np.pi) / 2 * np.exp(scipy.special.erfinv(x) ** 2),
    "erfcinv_slope": lambda x: -np.sqrt(np.pi) / 2 * np.exp(scipy.special.erfcinv(x) ** 2),
    "ndtri_slope": lambda x: 1.0 / density(scipy.special.ndtri(x)),
}  # fmt: skip


def number(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> Any:
    array = rng.uniform(low, high, shape)
    return float(array) if shape == () else array


def elementwise(op: Op, rng: np.random.Generator) -> Iterator[Sample]:
    for shapes in UNARY_SHAPES if len(op.domain) == 1 else BINARY_SHAPES:
        inputs = [number(rng, *interval, shape) for interval, shape in zip(op.domain, shapes, strict=True)]
        formula = FORMULAS.get(op.name) or getattr(np, op.name, None) or getattr(scipy.special, op.name, None)
        assert formula is not None, f"{op.name} is no function of NumPy or SciPy: add its expected value to FORMULAS"
        yield Sample(f"{op.name} {shapes}", op, inputs, formula)
        if op.name in ("relu", "abs", "sign"):
            yield Sample(f"{op.name} {shapes} below 0", op, [-inputs[0]], formula)
        if op.name in ("maximum", "minimum"):
            yield Sample(f"{op.name} {shapes} swapped", lambda x, y, op=op: op(y, x), inputs, formula)


def structured(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples of the ops that are not elementwise, or take settings."""

    def r(*shape: int) -> Any:
        return number(rng, -2.0, 2.0, shape)

    def away(*shape: int) -> Any:
        """Numbers from 0.3 to 2, with both signs."""
        signs = rng.integers(0, 2, shape) * 2.0 - 1.0
        return number(rng, 0.3, 2.0, shape) * (float(signs) if shape == () else signs)

    def distinct(*shape: int) -> Any:
        """Numbers at least 0.1 apart, so that a step of a difference does not change which is largest."""
        return rng.permutation(np.arange(np.prod(shape, dtype=int))).reshape(shape) * 0.1

    ops = {**table(), **functions()}
    samples: dict[str, list[Sample]] = {}

    def add(op: str, note: str, inputs: list[Any], call: Callable[..., Any], expected: Callable[..., Any]) -> None:
        samples.setdefault(op, []).append(Sample(f"{op} {note}", call, inputs, expected))

    for shape in [(), (3,), (2, 3), (1,), (0,)]:
        add("leaky_relu", f"{shape}", [away(*shape)], lambda x: ops["leaky_relu"](x, 0.1), lambda x: np.where(x > 0, x, 0.1 * x))
        clip_input = away(*shape)
        add("clip", f"{shape}", [clip_input], lambda x: ops["clip"](x, -0.2, 0.2), lambda x: np.clip(x, -0.2, 0.2))
        add("clip", f"low {shape}", [away(*shape)], lambda x: ops["clip"](x, 0.0, None), lambda x: np.clip(x, 0.0, None))
        add("clip", f"high {shape}", [away(*shape)], lambda x: ops["clip"](x, None, 0.0), lambda x: np.clip(x, None, 0.0))
        add("astype", f"{shape}", [r(*shape)], lambda x: ops["astype"](x, np.float64), lambda x: x)
    bounds = np.array([-0.2, 0.1, 0.2], dtype=np.float32)
    add("clip", "array bounds", [away(2, 3)], lambda x: ops["clip"](x, bounds, 5.0), lambda x: np.clip(x, bounds, 5.0))
    for shapes in BINARY_SHAPES:
        condition = rng.integers(0, 2, np.broadcast_shapes(*shapes)).astype(bool)
        add("where", f"{shapes}", [r(*shape) for shape in shapes],
            lambda x, y, c=condition: ops["where"](c, x, y), lambda x, y, c=condition: np.where(c, x, y))  # fmt: skip
    add("where", "bool", [r(3), r(2, 1)], lambda x, y: ops["where"](True, x, y), lambda x, y: x + 0 * y)
    add("where", "condition broadcasts", [r(3), r(3)],
        lambda x, y: ops["where"]([[True], [False]], x, y), lambda x, y: np.stack([x, y]))  # fmt: skip

    reductions = [
        ((2, 3), {}), ((2, 3), {"axis": 0}), ((2, 3), {"axis": -1, "keepdims": True}), ((2, 3, 4), {"axis": (0, 2)}),
        ((2, 3, 4), {"axis": (-1, 0), "keepdims": True}), ((2, 3), {"keepdims": True}), ((), {}), ((1,), {"axis": 0}),
        ((1, 1), {}), ((2, 3), {"axis": ()}), ((0, 3), {"axis": 1}),
    ]  # fmt: skip
    formulas = {
        "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min,
        "logsumexp": lambda x, **how: np.log(np.sum(np.exp(x), **how)),
    }  # fmt: skip
    for name, formula in formulas.items():
        for shape, how in reductions:
            data = distinct(*shape) if shape else 0.7
            add(name, f"{shape} {how}", [data],
                lambda x, op=ops[name], how=how: op(x, **how), lambda x, f=formula, how=how: f(x, **how))  # fmt: skip
    factors = np.array([[0.5, 2.0, 0.0], [1.0, 3.0, 0.2]])
    for axis, keepdims in ((None, False), (0, True), (-1, False)):
        add("logsumexp", f"b axis={axis} {keepdims}", [r(2, 3), number(rng, 0.3, 1.0, ())],
            lambda x, s, a=axis, k=keepdims: ops["logsumexp"](x, a, k, b=factors * s),
            lambda x, s, a=axis, k=keepdims: scipy.special.logsumexp(x, a, factors * s, k))  # fmt: skip
    for axis, keepdims in ((None, False), (0, True), ((1, 0), False)):  # of weights of both signs, some of them 0
        add("logsumexp", f"weights axis={axis} {keepdims}", [r(2, 3), np.array([[0.0, -0.5, 1.0], [3.0, 0.0, 0.0]])],
            lambda x, b, a=axis, k=keepdims: ops["logsumexp"](x, a, k, b=b, return_sign=True)[0],
            lambda x, b, a=axis, k=keepdims: scipy.special.logsumexp(x, a, b, k, return_sign=True)[0])  # fmt: skip
    add("shifted", "numbers", [r(2, 3)], lambda x: ops["shifted"](x, np.array([[0.5], [1.0]], "f4")),
        lambda x: x - [[0.5], [1.0]])  # fmt: skip
    for name in ("sum", "logsumexp"):  # over no elements: 0 and -inf
        if name == "sum":
            add(name, "empty axis", [r(0, 3)], lambda x: ops["sum"](x, 0), lambda x: np.zeros(3))
    for shape, axis in [((3,), -1), ((2, 3), 0), ((2, 3, 4), 1), ((1,), 0), ((0, 3), 1), ((2, 1), 1)]:
        add("softmax", f"{shape} {axis}", [r(*shape)], lambda x, a=axis: ops["softmax"](x, a),
            lambda x, a=axis: np.exp(x) / np.exp(x).sum(a, keepdims=True))  # fmt: skip
        add("log_softmax", f"{shape} {axis}", [r(*shape)], lambda x, a=axis: ops["log_softmax"](x, axis=a),
            lambda x, a=axis: np.log(np.exp(x) / np.exp(x).sum(a, keepdims=True)))  # fmt: skip

    moves: dict[str, list[tuple[tuple[int, ...], Any, Callable[..., Any]]]] = {
        "reshape": [((2, 3), (3, 2), np.reshape), ((2, 3), -1, np.reshape), ((), (1, 1), np.reshape), ((1,), (), np.reshape),
                    ((0, 3), (3, 0), np.reshape)],
        "transpose": [((2, 3), None, np.transpose), ((2, 3, 4), (1, 2, 0), np.transpose), ((2, 3, 4), (-1, 0, 1), np.transpose),
                      ((3,), None, np.transpose), ((), None, np.transpose), ((0, 2), (1, 0), np.transpose)],
        "broadcast_to": [((3,), (2, 3), np.broadcast_to), ((2, 1), (4, 2, 3), np.broadcast_to), ((), (2, 2), np.broadcast_to),
                         ((1,), (0,), np.broadcast_to), ((3,), (3,), np.broadcast_to)],
        "squeeze": [((1, 3, 1), None, np.squeeze), ((1, 3, 1), 0, np.squeeze), ((1, 3, 1), (0, -1), np.squeeze),
                    ((1, 1), None, np.squeeze), ((1, 0), 0, np.squeeze)],
        "expand_dims": [((3,), 0, np.expand_dims), ((2, 3), (0, -1), np.expand_dims), ((), 0, np.expand_dims),
                        ((0,), 1, np.expand_dims)],
    }  # fmt: skip
    for name, cases in moves.items():
        for shape, how, formula in cases:
            add(name, f"{shape} {how}", [r(*shape)],
                lambda x, name=name, how=how: ops[name](x, how), lambda x, formula=formula, how=how: formula(x, how))  # fmt: skip
    for shapes, axis in [([(2, 3), (1, 3)], 0), ([(2, 3), (2, 1), (2, 2)], 1), ([(2,), (0,)], -1), ([(2, 1, 2), (2, 3, 2)], -2)]:
        add("concatenate", f"{shapes} {axis}", [r(*shape) for shape in shapes],
            lambda *v, a=axis: ops["concatenate"](v, a), lambda *v, a=axis: np.concatenate(v, a))  # fmt: skip
    for shape, axis in [((3,), 0), ((2, 3), 1), ((2, 3), -1), ((), 0), ((0,), 1)]:
        add("stack", f"{shape} {axis}", [r(*shape), r(*shape), r(*shape)],
            lambda *v, a=axis: ops["stack"](list(v), a), lambda *v, a=axis: np.stack(v, a))  # fmt: skip

    mask = np.array([[True, False, True], [False, False, True]])
    indices: list[tuple[tuple[int, ...], Any]] = [
        ((3,), 1), ((3,), -1), ((4,), slice(None, None, -2)), ((2, 3), (1, 2)), ((2, 3), (slice(None), 1)), ((2, 3), ...),
        ((2, 3), (None, 0, ...)), ((4,), [0, 0, 3]), ((4,), np.array([[1, 1], [2, 1]])), ((2, 3), mask),
        ((2, 3), ([0, 0, 1], [1, 1, 2])),
        ((2, 3, 4), (slice(None), [0, 2, 0], slice(1, 3))), ((2, 3, 4), ([1, 1], slice(None), [0, 0])), ((0, 3), slice(None)),
        ((4,), []), ((2, 3), np.bool_(True)), ((2, 3), (np.array([True, False]), 1)), ((1,), 0),
    ]  # fmt: skip
    for shape, index in indices:
        target = np.zeros(shape)[index]
        unique = np.unique(
            np.arange(target.size) if target.size == 0 else np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
        ).size
        add("getitem", f"{shape} {index!r}", [r(*shape)],
            lambda x, i=index: ops["getitem"](x, i), lambda x, i=index: np.asarray(x)[i])  # fmt: skip
        plain = np.array(index, dtype=int) if isinstance(index, list) else index
        add("scatter", f"{shape} {index!r}", [r(*np.shape(target))],
            lambda x, s=shape, i=plain: ops["scatter"](x, s, i),
            lambda x, s=shape, i=plain: added(np.zeros(s), x, i))  # fmt: skip
        add("index_add", f"{shape} {index!r}", [r(*shape), r(*np.shape(target))],
            lambda x, u, i=index: ops["index_add"](x, u, i), lambda x, u, i=index: added(x, u, i))  # fmt: skip
        add("index_set", f"{shape} {index!r} repeated={unique < target.size}", [r(*shape), r(*np.shape(target))],
            lambda x, u, i=index: ops["index_set"](x, u, i), lambda x, u, i=index: assigned(x, u, i))  # fmt: skip
    for index in (None, (), ..., (None, ...), (None, None), (..., None)):  # of a scalar new axes only
        add("getitem", f"() {index!r}", [r()], lambda x, i=index: ops["getitem"](x, i), lambda x, i=index: np.float64(x)[i])
        add("getitem", f"mean {index!r}", [r(2, 3)],
            lambda x, i=index: ops["astype"](ops["getitem"](ops["mean"](x), i), float),
            lambda x, i=index: np.mean(x)[i])  # fmt: skip
        add("scatter", f"() {index!r}", [r(*np.shape(np.float64(0)[index]))],
            lambda x, i=index: ops["scatter"](x, (), i), lambda x, i=index: np.sum(x))  # fmt: skip
    add("index_set", "broadcast", [r(2, 3), r()], lambda x, u: ops["index_set"](x, u, 0), lambda x, u: assigned(x, u, 0))
    add("index_set", "lead axis", [r(2, 3), r(1, 3)], lambda x, u: ops["index_set"](x, u, 0), lambda x, u: assigned(x, u, 0))
    add("index_add", "broadcast", [r(2, 3), r(3)], lambda x, u: ops["index_add"](x, u, [0, 0]), lambda x, u: added(x, u, [0, 0]))

    products = [
        [(3,), (3,)], [(2, 3), (3,)], [(2,), (2, 3)], [(2, 3), (3, 4)], [(5, 2, 3), (3, 4)], [(5, 2, 3), (5, 3, 4)],
        [(2, 3), (5, 3, 4)], [(4, 1, 2, 3), (5, 3, 2)], [(5, 2, 3), (3,)], [(3,), (5, 3, 2)], [(1, 1), (1, 1)], [(1,), (1,)],
        [(0, 3), (3, 2)], [(2, 0), (0, 3)], [(0,), (0,)], [(4, 2, 3), (1, 3, 2)],
    ]  # fmt: skip
    for shapes in products:
        add("matmul", f"{shapes}", [r(*shape) for shape in shapes], ops["matmul"], np.matmul)
    for num, how in ((4, {}), (3, {"endpoint": False}), (5, {"axis": -1})):
        for ends in ([r(), r()], [r(2), r(2)], [r(), r(3)]):
            add("logspace", f"{np.shape(ends[1])} {num} {how}", ends,
                lambda a, b, n=num, how=how: ops["logspace"](a, b, n, base=1.5, **how),
                lambda a, b, n=num, how=how: np.logspace(a, b, n, base=1.5, **how))  # fmt: skip
            add("geomspace", f"{np.shape(ends[1])} {num} {how}", [0.5 + abs(ends[0]), 0.7 + abs(ends[1])],
                lambda a, b, n=num, how=how: ops["geomspace"](a, b, n, **how),
                lambda a, b, n=num, how=how: np.geomspace(a, b, n, **how))  # fmt: skip
    for shape, window, axis in [((5,), 3, None), ((3, 4), (2, 2), None), ((3, 4), 2, 1), ((2, 3), (1, 3), None)]:
        add("sliding_window_view", f"{shape} {window} {axis}", [r(*shape)],
            lambda x, w=window, a=axis: ops["sliding_window_view"](x, w, a),
            lambda x, w=window, a=axis: np.lib.stride_tricks.sliding_window_view(x, w, a))  # fmt: skip
    integers, weights = np.array([1, 2, 1, 3, 1, 2]), np.array([0.5, 1.5, 1.0, 0.8, 1.2, 0.9])
    covariances: list[dict[str, Any]] = [
        {}, {"bias": True}, {"ddof": 0}, {"fweights": integers}, {"aweights": weights},
        {"fweights": integers, "aweights": weights},
    ]  # fmt: skip
    for how in covariances:
        add("cov", f"{how}", [r(3, 6)], lambda x, how=how: ops["cov"](x, **how), lambda x, how=how: np.cov(x, **how))
    for name, formula in (("cov", np.cov), ("corrcoef", np.corrcoef)):
        add(name, "two", [r(6), r(2, 6)], ops[name], formula)
        add(name, "columns", [r(6, 2)], lambda x, n=name: ops[n](x, rowvar=False), lambda x, f=formula: f(x, rowvar=False))
        add(name, "one row", [r(6)], lambda x, n=name: ops[n](x) + 0.0 * x[0], lambda x, f=formula: f(x) + 0.0)
    for how in ({}, {"fweights": integers}, {"ddof": 0}, {"bias": True, "fweights": integers}):
        add("cov", f"aweights {how}", [r(2, 6), weights + 0.0],
            lambda x, w, how=how: ops["cov"](x, aweights=w, **how),
            lambda x, w, how=how: np.cov(x, aweights=w, **how))  # fmt: skip
    add("bincount", "weights", [r(6)], lambda w: ops["bincount"](integers, w, 6), lambda w: np.bincount(integers, w, 6))
    for name, formula in (("cumulative_sum", np.cumulative_sum), ("cumulative_prod", np.cumulative_prod)):
        for shape, how in [((3,), {}), ((2, 3), {"axis": 0}), ((2, 3), {"axis": -1, "include_initial": True})]:
            add(name, f"{shape} {how}", [r(*shape)],
                lambda x, n=name, how=how: ops[n](x, **how), lambda x, f=formula, how=how: f(x, **how))  # fmt: skip
    for shape in [(3,), (2, 3), (4, 2, 3), (0, 3)]:
        add("linear", f"{shape}", [r(*shape), r(2, 3), r(2)], ops["linear"], lambda x, w, b: x @ w.T + b)
        add("linear", f"{shape} no bias", [r(*shape), r(2, 3)], ops["linear"], lambda x, w: x @ w.T)
    add("linear", "no inputs", [r(4, 0), r(2, 0), r(2)], ops["linear"], lambda x, w, b: x @ w.T + b)
    return samples


def added(x: Any, u: Any, index: Any) -> Any:
    """x with u added at an index, by a loop over the places."""
    out = np.array(x)
    places = np.arange(out.size).reshape(out.shape)[index]
    for place, item in zip(np.ravel(places), np.ravel(np.broadcast_to(u, np.shape(places))), strict=True):
        out.reshape(-1)[place] += item
    return out


def assigned(x: Any, u: Any, index: Any) -> Any:
    """x with u at an index, by a loop over the places: the last one counts."""
    out = np.array(x)
    places = np.arange(out.size).reshape(out.shape)[index]
    u = np.squeeze(u, 0) if np.ndim(u) > np.ndim(places) else u
    for place, item in zip(np.ravel(places), np.ravel(np.broadcast_to(u, np.shape(places))), strict=True):
        out.reshape(-1)[place] = item
    return out


@functools.cache
def all_samples() -> dict[str, list[Sample]]:
    """The samples of every op and every function composed of ops, by name."""
    from tests.ops import (  # they use the names of this module
        samples_activations,
        samples_arrays,
        samples_convolution,
        samples_normalisation,
        samples_numbers,
        samples_recurrence,
        samples_special,
    )

    rng = np.random.default_rng(7)
    samples = structured(rng)
    for more in (samples_numbers, samples_arrays, samples_special):
        for name, items in more.samples(rng).items():
            samples.setdefault(name, []).extend(items)
    for name, op in table().items():
        if name not in samples and op.domain:
            samples[name] = list(elementwise(op, rng))
    for more in (samples_convolution, samples_activations, samples_normalisation, samples_recurrence):
        for name, items in more.samples(np.random.default_rng(7)).items():
            samples.setdefault(name, []).extend(items)
    return samples

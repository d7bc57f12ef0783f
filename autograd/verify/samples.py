"""At least two calls of every operation of the table: inputs inside its domain, away from kinks and ties, of few elements.

Elementwise operations are sampled from their `domain`; the calls of all others are listed here. Where shapes allow it there
are square and other matrices, and pairs that broadcast, so that a rule that transposes or forgets a sum gives a wrong number
and no error. SciPy's functions have no samples where SciPy is not installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from autograd.op import Op
from autograd.ops import functions, needs_scipy, table
from autograd.ops.convolution import windows_over
from autograd.ops.shapes import as_array

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape], Any]
f: Any = SimpleNamespace(**{**table(), **functions()})


class Sample(NamedTuple):
    """One call: `call(*inputs)` uses the operation whose name is the first word of `name`."""

    name: str
    call: Callable[..., Any]
    inputs: list[Any]


class Case(NamedTuple):
    """A call before its inputs are drawn, each from its shape."""

    shapes: list[Shape]
    call: Callable[..., Any]
    draw: Draw | None = None


def samples(op_name: str, rng: np.random.Generator) -> list[Sample]:
    """Return the samples of an operation of the table; none if it needs SciPy and SciPy is not installed.

    Raises:
        KeyError: if the table has no such operation.

    >>> [sample.name for sample in samples("tanh", np.random.default_rng(0))]
    ['tanh () 1', 'tanh (2, 2) 2']
    """
    op = table()[op_name]
    if needs_scipy(op) and importlib.util.find_spec("scipy") is None:
        return []
    drawn = list(from_domain(op, rng)) if op.domain else []
    for case in LISTED.get(op_name, []):
        draw = case.draw or DRAWN.get(op_name, between(-2.0, 2.0))
        drawn.append((case.shapes, case.call, [draw(rng, shape) for shape in case.shapes]))
    return [
        Sample(f"{op_name} {', '.join(map(str, shapes))} {number}", call, inputs)
        for number, (shapes, call, inputs) in enumerate(drawn, 1)
    ]


def from_domain(op: Op, rng: np.random.Generator) -> Iterator[tuple[list[Shape], Callable[..., Any], list[Any]]]:
    """Yield an elementwise operation on numbers, on arrays, and on arrays that broadcast."""
    one: list[list[Shape]] = [[()], [(2, 2)]]
    for shapes in one if len(op.domain) == 1 else TWO:
        yield shapes, op, [between(*interval)(rng, shape) for interval, shape in zip(op.domain, shapes, strict=True)]


# --- numbers to call with -------------------------------------------------------------------------


def between(low: float, high: float) -> Draw:
    """Return a function that draws uniform numbers: a float for the shape ()."""
    return lambda rng, shape: rng.uniform(low, high, shape) if shape else float(rng.uniform(low, high))


def away(rng: np.random.Generator, shape: Shape) -> Any:
    """Return numbers of both signs, not near 0."""
    return as_array(rng.uniform(0.4, 2.0, shape) * rng.choice([-1.0, 1.0], shape))


def apart(rng: np.random.Generator, shape: Shape) -> Any:
    """Return numbers of both signs whose distance from each other, and from 0 and its tenths, is 0.03 or more."""
    return rng.permutation(np.prod(shape, dtype=int)).reshape(shape) * 0.1 - 0.33


def regular(rng: np.random.Generator, shape: Shape) -> Any:
    """Return matrices with singular values from 2.1 to 0.7, so that no derivative is large; uniform vectors and numbers."""
    if len(shape) < 2:
        return between(-2.0, 2.0)(rng, shape)
    u, _, vh = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    return u * np.linspace(2.1, 0.7, min(shape[-2:])) @ vh


def with_real_eigenvalues(rng: np.random.Generator, shape: Shape) -> Any:
    """Return square matrices with eigenvalues from -1.3 to 2.1."""
    vectors = regular(rng, shape)
    return vectors * np.linspace(-1.3, 2.1, shape[-1]) @ np.linalg.inv(vectors)


DRAWN: dict[str, Draw] = {
    **dict.fromkeys(["max", "min", "sort", "clip", "running_extremes"], apart),
    **dict.fromkeys(["abs", "relu", "leaky_relu", "elu", "celu", "norm", "prod"], away),
    **dict.fromkeys(["inv", "solve", "det", "logabsdet", "pinv", "cholesky", "qr", "eigh", "svd", "complement"], regular),
    **dict.fromkeys(["polygamma", "jv", "yv", "iv", "kv", "ive", "kve", "ive_slope", "kve_slope"], between(0.5, 2.0)),
    **dict.fromkeys(["expn", "spence_slope", "gammainc", "gammaincc", "gammainc_slope", "polygamma_rise"], between(0.5, 2.0)),
    **dict.fromkeys(["riemann", "hurwitz", "zeta_slope"], between(1.5, 2.5)),
    **dict.fromkeys(["betainc", "betaincc", "betaincinv", "betainc_slope", "gammaincinv", "gammainccinv"], between(0.2, 0.8)),
    "round": between(0.1, 0.4), "eig": with_real_eigenvalues,
}  # fmt: skip

# --- calls ----------------------------------------------------------------------------------------


def in_a_row(parts: Any) -> Any:
    """Return all parts of a result in one vector."""
    return f.concatenate([f.reshape(part, -1) for part in parts])


def projector(rest: Any) -> Any:
    """Return the projection to the space that orthonormal columns span, which does not depend on the choice of these."""
    return f.matmul(rest, f.transpose(rest))


def gram(x: Any) -> Any:
    """Return symmetric positive definite matrices."""
    return x @ f.matrix_transpose(x) + np.eye(np.shape(x)[-2])


def call_with(name: str, how: tuple[Any, ...], *inputs: Any) -> Any:
    return getattr(f, name)(*inputs, *how)


# fmt: off
MASK = np.array([[True, False], [False, True]])
PLACES = np.array([[0, 2, 2], [3, 1, 0]])
PAIRS = windows_over("max_pool", (4,), (2,), 2)
ROW = np.array([[[1.0, 3.0, 4.0, 2.0]]])
TWO_ROWS = np.array([[[1.0, 3.0, 4.0, 2.0]], [[5.0, 5.0, 2.0, 6.0]]])
#: Operations of one input: its shape, then the arguments after it.
ONE: dict[str, list[tuple[Any, ...]]] = {
    "abs": [((2, 2),)], "relu": [((2, 2),)],
    "centre": [((3,),), ((2, 3), 0)], "rms_normalise": [((3,), -1, 0.1), ((2, 3), (0, 1), 0.1)],
    "bell": [((), 0.5), ((2, 2), 1.0)], "erfcx_slope": [((), 1), ((2, 2), 2)],
    "spence_slope": [((), 1), ((2, 2), 2)], "riemann": [((),), ((2, 2),)],
    "sinc": [((),), ((2, 2),)], "ldexp": [((), 3), ((3,), np.array([1, -2, 4]))], "astype": [((3,), float), ((2, 2), float)],
    "round": [((),), ((2, 2), -1)], "nan_to_num": [((),), ((2, 2),)], "leaky_relu": [((), 0.2), ((2, 2), 0.1)],
    "elu": [((), 1.0), ((2, 2), 0.7)], "celu": [((), 1.0), ((2, 2), 0.7)], "gelu_tanh": [((),), ((2, 2),)],
    "softmax_cross_entropy": [((2, 3), [2, 0]), ((2, 2), [0, 1])],
    "clip": [((2, 3), -0.1, 0.1), ((2, 2), np.array([-0.2, -0.1]), None)],
    "reshape": [((2, 3), (3, 2)), ((2, 2), -1, "F")], "transpose": [((2, 3),), ((2, 2),), ((2, 2, 2), (1, 2, 0))],
    "broadcast_to": [((3,), (2, 3)), ((2, 1), (2, 2)), ((), (2, 2))],
    "squeeze": [((1, 3, 1),), ((2, 1, 2), 1)], "expand_dims": [((2, 2), 0), ((3,), (0, -1))],
    "pick": [((3,), PLACES), ((2, 2), PLACES)], "put_back": [((2, 3), (3,), PLACES), ((2, 3), (4,), PLACES)],
    "flip": [((2, 3), 0), ((2, 2),)], "fliplr": [((2, 3),), ((2, 2),)], "flipud": [((3,),), ((2, 2),)],
    "rot90": [((2, 3),), ((2, 2), 3)], "roll": [((4,), 1), ((2, 2), 1, 0)], "repeat": [((2, 2), 2, 0), ((3,), [2, 0, 1])],
    "tile": [((3,), 2), ((2, 2), (2, 1))], "tril": [((2, 2),), ((2, 3), 1)], "triu": [((2, 2),), ((3, 2), -1)],
    "diag": [((3,),), ((2, 2), 1), ((2, 2),)], "diagflat": [((3,),), ((2, 2), 1)], "diagonal": [((2, 2),), ((2, 3), 1)],
    "delete": [((4,), 1), ((2, 2), 0, 1)], "sliding_window_view": [((4,), 2), ((2, 3), (2, 2))],
    "resize": [((3,), 5), ((2, 2), (3, 3))], "pad": [((2, 2), 1), ((3,), (1, 2), "reflect")],
    "getitem": [((4,), [0, 0, 3]), ((3, 3), (slice(None), 1)), ((2, 2), MASK), ((2, 2), ([0, 1, 1], [1, 0, 0]))],
    "scatter": [((3,), (4,), np.array([0, 0, 3])), ((2,), (2, 2), MASK), ((2, 2), (2, 3), (slice(None), np.array([2, 0])))],
    "averaged_runs": [((4,), np.array([True, False, True]), 0), ((2, 2), np.array([[True], [False]]), 1)],
    "sort": [((4,),), ((2, 2), 0)], "cumsum": [((4,),), ((2, 2), 0)],
    "shifted": [((3,), np.array([0.5])), ((2, 2), np.array([[0.5], [1.0]]))],
    "running_extremes": [((4,), 0, "maximum"), ((2, 2), 1, "fmin")],
    "run_sums": [((4,), np.array([1, 1, 2, 2]), 0, False), ((2, 2), np.array([[1, 1], [1, 2]]), 1, True)],
    "softmax": [((3,),), ((2, 2), 0)], "log_softmax": [((3,),), ((2, 2), 0)],
    **{name: [((2, 3),), ((2, 2), 1), ((2, 2, 2), (0, 2))] for name in ("sum", "mean", "max", "min", "prod", "logsumexp")},
    **{name: [((2, 3),), ((2, 2), 1)] for name in ("var", "std")},
    "norm": [((3,),), ((2, 2),), ((2, 2), 3, 0)],
    **{name: [((2, 2),), ((3, 3),)] for name in ("inv", "det", "logabsdet")},
    "pinv": [((3, 2),), ((2, 3),), ((2, 2),)], "qr": [((2, 2), "r"), ((3, 2), "r")],
}

#: Operations of an input after constants: these constants.
AFTER: dict[str, list[tuple[Any, ...]]] = {
    "polygamma": [(0,), (1,)], "jv": [(0.0,), (1.5,)], "yv": [(0.0,), (1.5,)], "iv": [(0.0,), (1.5,)], "kv": [(0.0,), (1.5,)],
    "ive": [(0.0,), (1.5,)], "kve": [(0.0,), (1.5,)], "ive_slope": [(0.0,), (1.5,)], "kve_slope": [(0.0,), (1.5,)],
    "expn": [(1,), (3,)],
}
#: The shapes of elementwise operations of two and three inputs.
TWO: list[list[Shape]] = [[(), ()], [(2, 2), (2, 2)], [(2, 3), (3,)], [(2, 1), (1, 3)]]
THREE: list[list[Shape]] = [[(), (), ()], [(2, 2), (2, 2), (2, 2)], [(2, 1), (2,), (2, 2)], [(2,), (2, 1), (1,)]]

#: All other operations: the shapes of the inputs, and the call.
OTHER: dict[str, list[Case]] = {
    "maximum": [Case([(2, 2), (2,)], lambda x, y: f.maximum(x, y + 0.05), apart)],
    "minimum": [Case([(2, 2), (2,)], lambda x, y: f.minimum(x, y + 0.05), apart)],
    "where": [Case([(2, 2), (2, 2)], lambda x, y: f.where(MASK, x, y)), Case([(2,), (2, 1)], lambda x, y: f.where(MASK, x, y)),
              Case([(), (2,)], lambda x, y: f.where(MASK, x, y))],
    "concatenate": [Case([(2, 2), (2, 2)], lambda x, y: f.concatenate([x, y])),
                    Case([(2, 3), (2, 1)], lambda x, y: f.concatenate([x, y], 1))],
    "stack": [Case([(2, 2), (2, 2)], lambda x, y: f.stack([x, y])), Case([(3,), (3,)], lambda x, y: f.stack([x, y], 1)),
              Case([(), ()], lambda x, y: f.stack([x, y]))],
    "index_set": [Case([(2, 2), (2, 2)], lambda x, u: f.index_set(x, u, [1, 0])),
                  Case([(3,), ()], lambda x, u: f.index_set(x, u, [0, 2])),
                  Case([(2, 3), (3,)], lambda x, u: f.index_set(x, u, (slice(None), [1, 1, 2])))],
    "index_add": [Case([(2, 2), (2, 2)], lambda x, u: f.index_add(x, u, [1, 0])),
                  Case([(3,), ()], lambda x, u: f.index_add(x, u, [0, 2])),
                  Case([(2, 3), (3,)], lambda x, u: f.index_add(x, u, [0, 0]))],
    "matmul": [Case([a, b], f.matmul) for a, b in [((2, 2), (2, 2)), ((2, 3), (3, 4)), ((2, 2), (2,)), ((2,), (2, 2)),
                                                   ((3,), (3,)), ((2, 2, 2), (2, 2)), ((2, 2), (2, 2, 2))]],
    "linear": [Case([(2, 2), (2, 2), (2,)], f.linear), Case([(4, 3), (2, 3), (2,)], f.linear), Case([(2, 3), (2, 3)], f.linear)],
    "convolve": [Case([(3,), (3,)], f.convolve), Case([(4,), (2,)], f.convolve)],
    "einsum": [Case([(2, 2), (2, 2)], lambda x, y: f.einsum("ij,jk->ik", x, y)),
               Case([(2, 3), (3, 2), (2,)], lambda x, y, z: f.einsum("ij,jk,k->i", x, y, z)),
               Case([(2, 2), (2,)], lambda x, y: f.einsum("ii,i->i", x, y)),
               Case([(2, 3), (2, 1)], lambda x, y: f.einsum("ij,ij->i", x, y))],
    "running_products": [Case([(4,)], lambda x: f.running_products((x,))),
                         Case([(2, 3), (2, 3)], lambda x, c: f.running_products((x, c)))],
    "products_slope": [Case([(4,), (4,)], lambda g, x: f.products_slope((g, x))),
                       Case([(2, 3), (2, 3), (2, 3)], lambda g, x, c: f.products_slope((g, x, c)))],
    "solve": [Case([(2, 2), (2, 2)], f.solve), Case([(3, 3), (3,)], f.solve), Case([(2, 2, 2), (2, 1)], f.solve)],
    "cholesky": [Case([(2, 2)], lambda x: f.cholesky(gram(x))), Case([(3, 2)], lambda x: f.cholesky(gram(x), upper=True))],
    "qr": [Case([(2, 2)], lambda x: in_a_row(f.qr(x))), Case([(3, 2)], lambda x: in_a_row(f.qr(x)))],
    "eigh": [Case([(2, 2)], lambda x: in_a_row(f.eigh(gram(x)))), Case([(3, 3)], lambda x: f.eigvalsh(gram(x)))],
    "eig": [Case([(2, 2)], lambda x: in_a_row(f.eig(x))), Case([(3, 3)], f.eigvals)],
    "svd": [Case([(2, 2)], lambda x: in_a_row(f.svd(x))), Case([(3, 2)], lambda x: in_a_row(f.svd(x, False))),
            Case([(2, 3)], f.svdvals), Case([(3, 2)], lambda x: in_a_row(f.svd(x)))],
    "complement": [Case([(3, 1)], lambda x: projector(f.svd(x)[0][:, 1:])),
                   Case([(4, 2)], lambda x: projector(f.qr(x, "complete")[0][:, 2:]))],
    "conv": [Case([(1, 2, 4), (2, 2, 2), (2,)], lambda x, w, b: f.conv(x, w, b, padding=1)),
             Case([(1, 1, 3, 4), (2, 1, 2, 2)], lambda x, w: f.conv(x, w, stride=(1, 2)))],
    "conv_input": [Case([(1, 2, 3), (2, 1, 2)], f.conv_transpose),
                   Case([(1, 1, 2, 2), (1, 2, 2, 2)], lambda g, w: f.conv_transpose(g, w, stride=2))],
    "conv_weight": [Case([(1, 2, 2), (1, 2, 4)], lambda g, x: f.conv_weight(g, x, windows_over("conv", (4,), (3,), 1), 1)),
                    Case([(1, 1, 2, 2), (1, 1, 3, 3)],
                         lambda g, x: f.conv_weight(g, x, windows_over("conv", (3, 3), (2, 2), 1), 1))],
    "max_pool": [Case([(1, 2, 4)], lambda x: f.max_pool(x, 2), apart),
                 Case([(1, 1, 3, 4)], lambda x: f.max_pool(x, 2, 1), apart)],
    "max_unpool": [Case([(1, 1, 2)], lambda g: f.max_unpool(g, ROW, f.max_pool(ROW, 2), PAIRS)),
                   Case([(2, 1, 2)], lambda g: f.max_unpool(g, TWO_ROWS, f.max_pool(TWO_ROWS, 2), PAIRS))],
    "max_picked": [Case([(1, 1, 4)], lambda h: f.max_picked(h, ROW, f.max_pool(ROW, 2), PAIRS)),
                   Case([(2, 1, 4)], lambda h: f.max_picked(h, TWO_ROWS, f.max_pool(TWO_ROWS, 2), PAIRS))],
    "sum_pool": [Case([(1, 2, 4)], lambda x: f.avg_pool(x, 2)), Case([(1, 1, 3, 4)], lambda x: f.avg_pool(x, 2, 1, 1))],
    "sum_unpool": [Case([(1, 2, 2)], lambda g: f.sum_unpool(g, PAIRS)), Case([(2, 1, 2)], lambda g: f.sum_unpool(g, PAIRS))],
    "bin_sum": [Case([(1, 2, 5)], lambda x: f.adaptive_avg_pool(x, 2)),
                Case([(1, 1, 3, 4)], lambda x: f.adaptive_avg_pool(x, (2, 3)))],
    "rnn": [Case([(2, 1, 2), (2, 2), (1, 2)], lambda x, w, h: f.rnn(x, w, h)[0]),
            Case([(3, 2, 1), (1, 1), (2, 1)], lambda x, w, h: f.rnn(x, w, h, reverse=True)[0])],
    "lstm": [Case([(2, 1, 4), (4, 1), (1, 1), (1, 1)], lambda x, w, h, c: f.lstm(x, w, h, c)[0]),
             Case([(2, 1, 8), (8, 2), (1, 2), (1, 2)], lambda x, w, h, c: f.lstm(x, w, h, c, reverse=True)[0])],
    "gru": [Case([(2, 1, 3), (3, 1), (3,), (1, 1)], lambda x, w, b, h: f.gru(x, w, b, h)[0]),
            Case([(2, 1, 6), (6, 2), (6,), (1, 2)], lambda x, w, b, h: f.gru(x, w, b, h, reverse=True)[0])],
    "bin_spread": [Case([(1, 2, 2)], lambda g: f.bin_spread(g, ((slice(0, 2), slice(1, 3)),), (3,))),
                   Case([(2, 1, 1)], lambda g: f.bin_spread(g, ((slice(1, 3),),), (3,)))],
}
# fmt: on

LISTED: dict[str, list[Case]] = {
    name: [Case([shape], partial(call_with, name, tuple(how))) for shape, *how in cases] for name, cases in ONE.items()
}
for name, settings in AFTER.items():
    LISTED[name] = [Case([shape], partial(getattr(f, name), *how)) for how in settings for shape in ((), (2, 2))]
for name in ("gammainc", "gammaincc", "gammaincinv", "gammainccinv", "gammainc_slope", "hurwitz", "zeta_slope", "polygamma_rise"):
    LISTED[name] = [Case(shapes, getattr(f, name)) for shapes in TWO]
for name in ("betainc", "betaincc", "betaincinv"):
    LISTED[name] = [Case(shapes, getattr(f, name)) for shapes in THREE]
LISTED["betainc_slope"] = [Case(shapes, lambda a, b, x: f.betainc_slope(a, b, x, 1, 0)) for shapes in THREE]
for name, cases in OTHER.items():
    LISTED.setdefault(name, []).extend(cases)

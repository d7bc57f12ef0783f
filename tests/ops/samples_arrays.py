"""Samples of shapes, products, calculus and linear algebra, in the form of tests/ops/samples.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.ops import functions, table
from tests.ops.samples import Sample, number

Shape = tuple[int, ...]
INF = np.inf


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the op or function."""
    made = Maker(rng)
    for add in (moves, joins, halves, splits, picks, products, einsums, calculus, determinants, inverses, factorisations, norms):
        add(made)
    return made.samples


class kw(dict[str, Any]):
    """Named arguments of a case."""


class Maker:
    """Collects samples: every method adds some of the function `name`, ours and NumPy's called in the same way."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.ours: dict[str, Any] = {**table(), **functions()}
        self.samples: dict[str, list[Sample]] = {}

    def add(self, name: str, note: Any, inputs: list[Any], call: Callable[..., Any], expected: Callable[..., Any]) -> None:
        self.samples.setdefault(name, []).append(Sample(f"{name} {note}".replace("\n", ""), call, inputs, expected))

    def both(self, name: str, note: Any, inputs: list[Any], use: Callable[..., Any]) -> None:
        """One sample: `use` is called with the function and the inputs."""
        ours, linear = self.ours[name], self.ours[name].__module__.endswith("linalg")
        theirs = getattr(np.linalg, name) if linear or not hasattr(np, name) else getattr(np, name)
        self.add(name, note, inputs, lambda *v: use(ours, *v), lambda *v: use(theirs, *v))

    def same(self, name: str, inputs: list[Any], *how: Any, **named: Any) -> None:
        """One sample: the inputs, then other arguments."""
        self.both(name, note(inputs, how, named), inputs, lambda f, *v: f(*v, *how, **named))

    def joined(self, name: str, shapes: list[Shape], *how: Any, **named: Any) -> None:
        """One sample: the inputs in a list, then other arguments."""
        inputs = self.numbers(*shapes)
        self.both(name, note(inputs, how, named), inputs, lambda f, *v: f(list(v), *how, **named))

    def each(self, name: str, *cases: Any, inputs: int = 1) -> None:
        """A sample for each case: the shape of each input, other arguments, and perhaps kw(...) for named ones."""
        for case in cases:
            how = [item for item in case[inputs:] if not isinstance(item, kw)]
            self.same(name, self.numbers(*case[:inputs]), *how, **(case[-1] if isinstance(case[-1], kw) else {}))

    def pairs(self, name: str, *cases: Any) -> None:
        """each() of two inputs."""
        self.each(name, *cases, inputs=2)

    def parts(self, name: str, count: int, inputs: list[Any], *how: Any, of: Any = None, **named: Any) -> None:
        """A sample for each of `count` results, and one of all in a row, so that cotangents meet; `of` prepares one input."""

        def parts(f: Any, *v: Any) -> Any:
            return f(*(v if of is None else (of(*v),)), *how, **named)[:count]

        for i in range(count):
            text = f"[{i}] of {note(inputs, how, named)}"
            self.both(name, text, inputs, lambda f, *v, i=i: connected(parts(f, *v)[i], *v))
        if count > 1:
            self.both(name, f"all of {note(inputs, how, named)}", inputs, lambda f, *v: in_a_row(parts(f, *v)))

    def numbers(self, *shapes: Shape) -> list[Any]:
        return [number(self.rng, -2.0, 2.0, shape) for shape in shapes]

    def matrix(self, *shape: int) -> Any:
        """Random matrices whose singular values are evenly spaced from 2.1 to 0.7, so that no derivative is large."""
        u, _, vh = np.linalg.svd(self.rng.standard_normal(shape), full_matrices=False)
        return u * np.linspace(2.1, 0.7, min(shape[-2:])) @ vh


def note(inputs: list[Any], how: tuple[Any, ...], named: dict[str, Any]) -> str:
    words = [*map(repr, how), *(f"{key}={item!r}" for key, item in named.items())]
    return f"{[np.shape(item) for item in inputs]} {', '.join(words)}".strip()


def connected(part: Any, *inputs: Any) -> Any:
    """A part of a result that need not depend on every input, which the sweep expects of its samples."""
    return sum((0.0 * np.sum(item) for item in inputs), start=part) if len(inputs) > 1 else part


def in_a_row(parts: Any) -> Any:
    return np.concatenate([np.reshape(part, -1) for part in parts])


def single(data: Any) -> Any:
    """A constant that promotes no other array."""
    return np.array(data, dtype=np.float32)


# fmt: off


def moves(made: Maker) -> None:
    """The same elements in another shape or order."""
    each = made.each
    each("reshape", [(2, 3), (3, 2), "F"], [(2, 3), (6,)], [(2, 3, 4), (4, -1), "F"], [(2, 3), -1, "F"], [(4,), [2, 2]])
    each("permute_dims", [(2, 3)], [(2, 3, 4), (2, 0, 1)], [()])
    each("broadcast_to", [(2, 1), (2, 3)], [(), ()], [(1,), 3], [(0,), (2, 0)])
    each("ravel", [(2, 3)], [(2, 3), "F"], [()], [(0, 3)], [(2, 1, 2), kw(order="F")])
    each("copy", [(2, 3)], [()], [(0,)])
    each("swapaxes", [(2, 3), 0, 1], [(2, 3, 4), -1, 0], [(2, 3), 1, 1], [(0, 2), 0, 1])
    each("moveaxis", [(2, 3, 4), 0, -1], [(2, 3, 4), (0, 1), (-1, 0)], [(2, 3, 4), [2, 0], [0, 1]], [(3,), 0, 0], [(2, 0), 0, 1])
    each("rollaxis", [(2, 3, 4), 2], [(2, 3, 4), 0, 3], [(2, 3, 4), -1, 1], [(2, 3), 1, 1])
    each("matrix_transpose", [(2, 3)], [(4, 2, 3)], [(1, 1)], [(0, 2)])
    for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
        each(name, [()], [(3,)], [(2, 3)], [(2, 3, 4)], [(0,)], [(2, 1, 2, 1)])
        made.parts(name, 2, made.numbers((), (3,)))
    for shapes in [(3,), (2, 1), ()], [(1, 3)], [(1,), (2, 0)]:
        made.parts("broadcast_arrays", len(shapes), made.numbers(*shapes))
    for options in {}, {"indexing": "ij"}, {"sparse": True}, {"sparse": True, "indexing": "ij", "copy": False}:
        for shapes in [(2,), (3,), (1,)], [(3,)], [(), (2,)], [(0,), (2,)]:
            made.parts("meshgrid", len(shapes), made.numbers(*shapes), **options)

    each("flip", [()], [(3,)], [(2, 3), 0], [(2, 3), kw(axis=-1)], [(2, 3, 4), (-1, 0)], [(2, 3), None], [(0, 2)], [(1,), 0])
    each("fliplr", [(2, 3)], [(2, 3, 2)], [(2, 0)])
    each("flipud", [(3,)], [(2, 3)], [(0,)])
    each("rot90", [(2, 3)], [(2, 3), 2], [(2, 3), -1], [(2, 3), 4], [(2, 3, 4), 1, (1, 2)], [(2, 3, 4), 3, (-1, 0)], [(0, 2)])
    each("roll", [(4,), 1], [(2, 3), -4], [(2, 3), 1, 0], [(2, 3), (1, 2), (0, -1)], [(2, 3), (1, 1), (1, 1)],
         [(2, 3), 2, (0, 1)],
         [(0,), 1], [(1,), 5], [(2, 3), [1, 2], [1, 0]], [(), 1])
    each("tril", [(3, 3)], [(2, 3), 1], [(3, 2), -1], [(2, 2, 3), kw(k=0)], [(3,)], [(0, 2)], [(1, 1), -1])
    each("triu", [(3, 3)], [(2, 3), 1], [(3, 2), -1], [(2, 2, 3), kw(k=0)], [(3,)], [(2, 0)], [(1, 1), 1])
    each("diag", [(3,)], [(2,), 1], [(2,), -2], [(3, 3)], [(2, 3), 1], [(3, 2), -1], [(2, 3), 5], [(0,)], [(1,)])
    each("diagflat", [(3,)], [(2, 2), 1], [(2,), -1], [()], [(0,)])
    each("diagonal", [(3, 3)], [(2, 3), 1], [(3, 2), -1], [(2, 3, 4)], [(2, 3, 3), 0, -2, -1], [(2, 3, 4), kw(axis1=2)], [(0, 2)],
         [(2, 3), 7])
    each("trace", [(3, 3)], [(2, 3), 1], [(2, 3), -1], [(2, 3, 2), kw(axis1=2, axis2=0)], [(2, 3, 3), 0, -2, -1], [(1, 1)],
         [(0, 2)],
         [(2, 2), kw(dtype=float)], [(2, 3, 4, 2), 1, 1, 2])


def joins(made: Maker) -> None:
    """Several arrays into one."""
    for name in ("concatenate", "concat"):
        made.joined(name, [(2,), (3,), (0,)])
        made.joined(name, [(2, 3), (1, 3)], 0)
        made.joined(name, [(2, 1, 2), (2, 3, 2)], -2)
        made.joined(name, [(2, 3), (1, 3)], axis=None)
        made.joined(name, [(), (2,), (2, 2)], None)
        made.joined(name, [(2,), (3,)], 0, dtype=float)
        made.joined(name, [(2, 3)], 1)
    made.each("concatenate", [(2, 3, 2)], [(2, 3, 2), 1], [(2, 3), None])  # of the layers of one array
    made.each("stack", [(2, 3)], [(2, 3), 1])
    made.joined("stack", [(2,), (2,)], axis=-1, dtype=float)
    for name, cases in {
        "vstack": [[(3,), (2, 3)], [(), ()], [(2, 3, 2), (1, 3, 2)], [(0, 2), (2,)], [(3,)]],
        "hstack": [[(3,), (2,)], [(), (2,)], [(2, 3), (2, 1)], [(2, 0, 2), (2, 1, 2)], [(2, 2)]],
        "dstack": [[(3,), (3,)], [(), ()], [(2, 3), (2, 3)], [(2, 3, 2), (2, 3)], [(0,), (0,)]],
        "column_stack": [[(3,), (3,)], [(2, 3), (2,)], [(), ()], [(2, 0), (2, 2)]],
    }.items():
        for shapes in cases:
            made.joined(name, shapes)
        made.each(name, [(2, 3)])
    made.joined("vstack", [(2,), (2,)], dtype=float)
    made.joined("hstack", [(2,), (2,)], dtype=float)
    made.pairs("append", [(2, 3), (2,)], [(2, 3), (1, 3), 0], [(2, 3), (2, 1), kw(axis=-1)], [(), ()], [(0,), (2,)])
    for shapes, nest in [
        ([(2, 3), (2, 1), (3,), ()], lambda a, b, c, d: [[a, b], [c, d]]), ([(2,), (), (3,)], lambda a, b, c: [a, b, c]),
        ([(2, 3)], lambda a: a), ([()], lambda a: a), ([(1, 2, 2), (1, 2, 1), (2, 3)], lambda a, b, c: [[a, b], [c]]),
        ([(2, 1), (2, 2)], lambda a, b: [a, single([[1], [2]]), b]), ([(1, 2), (2,)], lambda a, b: [[[a]], [[b]]]),
        ([(0, 2), (1, 2)], lambda a, b: [[a], [b]]),
    ]:
        made.both("block", shapes, made.numbers(*shapes), lambda f, *v, nest=nest: f(nest(*v)))
    for shapes, nest in [
        ([(), (), ()], lambda a, b, c: [[a, 1.0], [b, c]]), ([(3,), (3,)], lambda a, b: [a, b]), ([(2, 3)], lambda a: a),
        ([(2,)], lambda a: [(a, a), (a, a)]), ([()], lambda a: a), ([()], lambda a: [a]),
    ]:
        made.both("array", shapes, made.numbers(*shapes), lambda f, *v, nest=nest: f(nest(*v)))
    made.both("array", "dtype", made.numbers((2,)), lambda f, x: f([x, x], x.dtype))
    made.add("full_like", "a row", made.numbers((3,)), lambda u: made.ours["full_like"](u + single([[1], [2]]), u),
             lambda u: np.full_like(np.zeros((2, 3)), u))
    for shape, options in [((3,), {}), ((2, 3), {"shape": (4, 3)}), ((0,), {}), ((), {"shape": 2}), ((2,), {"dtype": float})]:
        made.add("full_like", (shape, options), made.numbers(()),
                 lambda u, shape=shape, o=options: made.ours["full_like"](np.ones(shape), u, **o),
                 lambda u, shape=shape, o=options: np.full_like(np.ones(shape), u, **o))
    made.pairs("linspace", [(), (), 4], [(3,), (3,), 3], [(2, 1), (3,), 2], [(3,), (3,), 4, kw(axis=-1)],
               [(2,), (), 3, kw(axis=1)], [(), ()],
               [(), (), 3, False], [(2,), (2,), 1], [(2,), (2,), 0], [(), (), kw(num=1, endpoint=False)], [(0,), (0,), 2],
               [(2, 2), (2, 2), 2, False, kw(axis=1)], [(2,), (2,), 3, kw(dtype=float)])
    for shapes, endpoint in [([(), ()], True), ([(2,), (2,)], True), ([(2,), (2,)], False)]:
        made.parts("linspace", 2, made.numbers(*shapes), 3, endpoint, True)


def halves(made: Maker) -> None:
    """The halves of axes exchanged."""
    for name in ("fftshift", "ifftshift"):
        for shape, axes in [((5,), None), ((4,), 0), ((2, 3), None), ((3, 2), (1,)), ((3, 5), [0, -1]), ((1,), None)]:
            made.add(name, f"{shape} {axes}", made.numbers(shape), lambda x, n=name, a=axes: made.ours[n](x, a),
                     lambda x, n=name, a=axes: getattr(np.fft, n)(x, a))


def splits(made: Maker) -> None:
    """One array into several."""
    for name, shape, count, *how in [
        ("split", (4,), 2, 2), ("split", (2, 6), 3, 3, 1), ("split", (6,), 3, [1, 4]), ("split", (4,), 3, [3, 1]),
        ("split", (2, 3), 2, [0], -1), ("split", (3, 2), 3, np.array([1, 5])), ("split", (0, 2), 2, 2),
        ("array_split", (5,), 3, 3), ("array_split", (2, 3), 2, 2, -1), ("array_split", (2,), 3, 3),
        ("array_split", (5,), 2, [2]),
        ("hsplit", (4,), 2, 2), ("hsplit", (2, 4), 2, [1]), ("vsplit", (4, 2), 2, 2), ("vsplit", (3, 2), 3, [1, -1]),
        ("dsplit", (2, 1, 4), 2, 2), ("dsplit", (1, 2, 3), 2, [2]), ("unstack", (2, 3), 2), ("unstack", (2, 0), 2),
    ]:
        made.parts(name, count, made.numbers(shape), *how)
    made.parts("unstack", 3, made.numbers((2, 3)), axis=-1)
    made.parts("unstack", 2, made.numbers((2, 2, 2)), axis=1)
    made.parts("unstack", 1, made.numbers((2,)))  # a number


def picks(made: Maker) -> None:
    """Elements selected, repeated and filled in."""
    each = made.each
    each("repeat", [(3,), 2], [(2, 3), 2], [(2, 3), 3, 0], [(2, 3), [2, 0, 1], -1], [(2,), np.array([1, 2])], [(), 3], [(0,), 2],
         [(3,), 0])
    each("tile", [(3,), 2], [(2, 3), (2, 1)], [(3,), (2, 2)], [(2, 3), 2], [(), (2, 2)], [(0,), 3], [(2,), 0], [(2, 1), [1, 2]],
         [(2,), ()])
    each("resize", [(3,), 5], [(2, 3), (2, 2)], [(2, 3), (3, 3)], [(), (2, 2)], [(0,), 3], [(3,), (0,)], [(2,), (2, 2, 2)])
    each("delete", [(4,), 1], [(4,), -1], [(4,), [0, 2]], [(4,), slice(None, None, 2)], [(2, 3), 1, 0], [(2, 3), [0, -1], -1],
         [(1,), 0],
         [(2, 3), 4], [(2, 3), [], 1], [(3,), np.array([True, False, True])], [(2, 3), slice(1, None), kw(axis=1)])
    for x, obj, u, axis in [
        ((4,), 1, (), None), ((4,), -1, (), None), ((4,), 2, (3,), None), ((4,), [1, 3], (), None), ((4,), [3, 1], (2,), None),
        ((4,), [2, 2], (2,), None), ((4,), slice(0, 3, 2), (2,), None), ((4,), np.array([1, 2, 4]), (3,), None),
        ((4,), np.array([True, False, True, False]), (2,), None), ((2, 3), 4, (2,), None), ((2, 3), 1, (3,), 0),
        ((2, 3), 1, (2,), 1),
        ((2, 3), 1, (), 1), ((2, 3), [1], (2, 1), 1), ((2, 3), [0, 2], (2, 2), -1), ((2, 3), [0, 2], (3,), 0),
        ((2, 3), 2, (2, 3), 0),
        ((2, 3, 2), 1, (2, 2), 1), ((0,), 0, (2,), None), ((3,), [], (0,), None), ((), 0, (), None), ((3,), 3, (1,), 0),
    ]:
        made.both("insert", (x, obj, u, axis), made.numbers(x, u), lambda f, x, u, obj=obj, axis=axis: f(x, obj, u, axis))
    places = np.array([[0, 2, 2], [3, 1, 0]])
    for shape in [(3,), (1, 3), (4,)]:
        made.add("pick", shape, made.numbers(shape), lambda x: made.ours["pick"](x, places),
                 lambda x: np.where(places == 0, 0.0, np.ravel(x)[places - 1]))
        made.add("put_back", shape, made.numbers((2, 3)), lambda x, shape=shape: made.ours["put_back"](x, shape, places),
                 lambda x, shape=shape: np.array([np.sum(x[places == k + 1]) for k in range(max(shape))]).reshape(shape))
    for mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
        each("pad", [(3,), 2, mode], [(3,), (1, 2), mode], [(2, 3), ((1, 0), (2, 1)), mode], [(2, 3), 1, mode],
             [(2, 3), ((1, 2),), mode],
             [(3,), 7, mode], [(2, 3), {-1: (1, 2)}, mode], [(2, 3), {0: 1, 1: (0, 2)}, mode], [(2, 2, 2), 1, mode],
             [(3,), 0, mode],
             [(1,), 2, mode], [(2, 3), (1, 0), mode], [(2,), np.array([1, 2]), mode], [(2, 3), [[1], [2]], mode])
    each("pad", [(0,), 2], [(3,), 2], [(), 1], [(2, 0), ((1, 1), (0, 2))], [(3,), (1, 2), "constant", kw(constant_values=5.0)],
         [(3,), 2, "constant", kw(constant_values=(1.0, 2.0))], [(2, 3), 1, kw(constant_values=((1, 2), (3, 4)))],
         [(3,), 2, "reflect", kw(reflect_type="even")], [(3,), 2, "symmetric", kw(reflect_type="even")])
    for shape, width in [((3,), 2), ((2, 3), ((1, 0), (2, 1))), ((0,), 2), ((2, 3), {-1: (1, 2)})]:
        made.both("pad", f"{shape} {width} a Value", made.numbers(shape, ()), lambda f, x, c, width=width: f(
            x, width, constant_values=c))
    for mode in ("mean", "median", "maximum", "minimum"):
        for shape, width, named in [
            ((4,), 2, {}), ((4,), (1, 2), {"stat_length": 2}), ((2, 3), ((1, 0), (2, 1)), {"stat_length": ((1, 2), (3, 1))}),
            ((2, 3), 1, {"stat_length": 9}), ((3,), 0, {}), ((1,), 2, {}), ((2, 2, 2), ((0, 1), (1, 0), (2, 2)), {}),
            ((2, 3), {-1: (1, 2)}, {"stat_length": ((2, 1),)}), ((5,), (0, 2), {"stat_length": 3}),
        ]:
            if mode in ("maximum", "minimum") and len(shape) > 1 and width == 1:
                continue  # ties in the corners
            size = np.prod(shape, dtype=int)
            x = made.rng.permutation(size).reshape(shape) * 0.1 + 0.05
            made.both("pad", f"{shape} {width} {mode} {named}", [x], lambda f, x, w=width, m=mode, n=named: f(x, w, m, **n))
    for shape, width, ends in [((3,), 2, 0.5), ((4,), (1, 3), (1.0, -2.0)), ((2, 3), ((1, 0), (2, 1)), ((1.0, 2.0), (3.0, 4.0))),
                               ((2, 2), 1, 0.0), ((1,), (2, 0), 5.0), ((2, 3), {-1: 2}, ((1.0, 2.0),)), ((3,), 0, 1.0)]:
        made.both("pad", f"{shape} {width} ramp {ends}", made.numbers(shape), lambda f, x, w=width, e=ends: f(
            x, w, "linear_ramp", end_values=e))
        if width:
            made.add("pad", f"{shape} {width} constants {ends} times a Value", made.numbers(shape, ()),
                     lambda x, c, w=width, e=ends: made.ours["pad"](x, w, constant_values=c * np.array(e)),
                     lambda x, c, w=width, e=ends: np.pad(x, w, constant_values=c * np.array(e)))
    made.add("pad", "ramps to Values", made.numbers((2, 3), (2,)),
             lambda x, e: made.ours["pad"](x, 2, "linear_ramp", end_values=e),
             lambda x, e: np.pad(x, 2, "linear_ramp", end_values=e))
    for mode in ("reflect", "symmetric"):
        for shape, width in [((3,), 2), ((3,), (1, 7)), ((4,), (9, 0)), ((2, 3), ((1, 0), (2, 1))), ((1,), 2), ((2,), 5),
                             ((2, 2, 3), 3)]:
            made.both("pad", f"{shape} {width} {mode} odd", made.numbers(shape), lambda f, x, w=width, m=mode: f(
                x, w, m, reflect_type="odd"))
    for width in (2, (2, 1), {0: (2, 1)}):  # new elements of the mode "empty" are undefined
        made.both("pad", f"{width} empty", made.numbers((3,)), lambda f, x, width=width: f(x, width, "empty")[2:5])


def products(made: Maker) -> None:
    """Products of vectors, matrices and more."""
    pairs = made.pairs
    pairs("dot", [(), ()], [(), (2, 3)], [(3,), ()], [(3,), (3,)], [(2, 3), (3,)], [(2,), (2, 3)], [(2, 3), (3, 2)], [(1,), (1,)],
          [(2, 2, 3), (3,)], [(3,), (2, 3, 2)], [(2, 3), (2, 3, 2)], [(2, 2, 3), (3, 2)], [(1, 2, 2), (2, 2, 1)], [(0,), (0,)],
          [(2, 0), (0, 3)], [(2, 0), (0,)], [(2, 1, 0), (0, 2)], [(), (0,)])
    pairs("vdot", [(), ()], [(3,), (3,)], [(2, 3), (2, 3)], [(2, 3), (6,)], [(0,), (0,)], [(1,), ()])
    pairs("inner", [(), ()], [(), (3,)], [(3,), (3,)], [(2, 3), (3,)], [(3,), (2, 3)], [(2, 3), (4, 3)], [(2, 2, 3), (2, 3)],
          [(2, 0), (0,)])
    pairs("outer", [(), ()], [(2,), (3,)], [(2, 2), (3,)], [(), (3,)], [(0,), (2,)], [(1,), (1, 2)])
    pairs("vecdot", [(3,), (3,)], [(2, 3), (3,)], [(3,), (2, 3)], [(2, 1, 3), (2, 3)], [(2, 0), (0,)], [(1,), (1,)],
          [(3, 2), (3, 2), kw(axis=0)], [(3, 3), (3,), kw(axis=0)], [(2, 3, 2), (2, 3, 2), kw(axis=-2)],
          [(2, 3), (2, 3), kw(keepdims=True)], [(3, 2), (3, 2), kw(axis=0, keepdims=True)], [(3,), (3,), kw(keepdims=True)])
    pairs("matvec", [(2, 3), (3,)], [(2, 2, 3), (3,)], [(2, 3), (4, 3)], [(2, 2, 3), (2, 3)], [(2, 1, 2, 3), (3, 3)],
          [(2, 0), (0,)],
          [(1, 1), (1,)])
    pairs("vecmat", [(2,), (2, 3)], [(2,), (2, 2, 3)], [(4, 2), (2, 3)], [(2, 2), (2, 2, 3)], [(3, 2), (2, 1, 2, 3)],
          [(0,), (0, 2)],
          [(1,), (1, 1)])
    pairs("tensordot", [(2, 3, 2), (3, 2, 2)], [(2, 3), (3, 2), 1], [(2,), (3,), 0], [(2, 3), (2, 3), ([0, 1], [0, 1])],
          [(), (2,), 0],
          [(2, 3, 4), (4, 2), ([0, -1], [1, 0])], [(2, 3), (3, 2), (1, 0)], [(2, 3), (2, 2), kw(axes=(0, 1))], [(2, 3), (2, 3)],
          [(2, 3, 2), (2, 3), ((1,), (-1,))], [(2, 0), (0, 3), 1], [(0, 2), (2, 0), 1], [(2, 3), (2, 3), ([], [])],
          [(1,), (1,), 1])
    pairs("kron", [(), ()], [(), (2,)], [(2,), (3,)], [(2, 2), (1, 3)], [(2,), (2, 3)], [(2, 2), (2,)], [(2, 1, 2), (2, 2)],
          [(0,), (2,)],
          [(2, 2), ()])
    pairs("cross", [(3,), (3,)], [(2, 3), (3,)], [(3,), (2, 3)], [(2, 1, 3), (2, 3)], [(0, 3), (3,)],
          [(3, 2), (3, 2), kw(axis=0)],
          [(3, 2), (2, 3), kw(axisa=0)], [(2, 3), (3, 2), -1, 0, 0], [(2, 3), (2, 3), kw(axisc=0)],
          [(3, 2, 2), (2, 3, 2), 0, 1, 1])
    for shapes, how in [
        ([(2,), (2,)], {}), ([(4, 2), (2,)], {}), ([(2, 3), (2, 3)], {"axis": 0}), ([(2,), (3,)], {}), ([(3,), (2,)], {}),
        ([(2, 4), (4, 3)], {"axisa": 0}), ([(4, 3), (4, 2)], {"axisc": 0}),
    ]:
        made.add("cross", f"{shapes} {how}", made.numbers(*shapes), lambda a, b, how=how: made.ours["cross"](a, b, **how),
                 lambda a, b, how=how: cross_of_planes(a, b, **how))
    for shapes in [
        [(2, 3), (3, 2)], [(3,), (3, 2), (2, 2)], [(2, 3), (3, 4), (4,)], [(3,), (3, 2), (2,)], [(2, 5), (5, 1), (1, 4), (4, 2)],
        [(3,), (3,)], [(1, 1), (1, 1), (1, 1)], [(2, 0), (0, 3), (3, 2)],
    ]:
        made.joined("multi_dot", shapes)
    lengths = [(5, 3), (3, 5), (4, 4), (5, 2), (2, 5), (4, 1), (1, 1)]
    for mode in ("full", "same", "valid"):
        pairs("convolve", *([(m,), (n,), mode] for m, n in lengths))
        pairs("correlate", *([(m,), (n,), mode] for m, n in lengths))
    pairs("convolve", [(3,), (2,)])
    pairs("correlate", [(3,), (2,)], [(2,), (3,)])


def cross_of_planes(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """NumPy's cross(), also of vectors of 2 elements, which it deprecates: their third element is 0."""
    axisa, axisb = (axisa, axisb) if axis is None else (axis, axis)
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    planes = a.shape[-1] == b.shape[-1] == 2
    a, b = (np.concatenate([item, np.zeros_like(item[..., :1])], -1) if item.shape[-1] == 2 else item for item in (a, b))
    return np.cross(a, b)[..., 2] if planes else np.cross(a, b, axisc=axisc if axis is None else axis)


def einsums(made: Maker) -> None:
    """Sums of products."""
    for subscripts, *shapes in [
        ("ij,jk->ik", (2, 3), (3, 2)), ("ij,jk", (2, 3), (3, 2)), ("ji,jk", (2, 3), (2, 2)), ("ba", (2, 3)), ("ij->ji", (2, 3)),
        ("ij->", (2, 3)), ("ij->i", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("iij->j", (2, 2, 3)), ("iji->ij", (2, 3, 2)),
        ("iii->i", (2, 2, 2)), ("iijj->ij", (2, 2, 3, 3)), ("ii,i->i", (2, 2), (2,)), ("ij,k->i", (2, 3), (2,)), ("i->i", (3,)),
        ("ij,ij->", (2, 3), (2, 3)), ("i,j->ij", (2,), (3,)), ("i,j->ji", (2,), (3,)), ("i,i", (3,), (3,)),
        (",ij->ij", (), (2, 3)),
        (",", (), ()), ("->", ()), ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)), ("ij,jk,ki", (2, 3), (3, 2), (2, 2)),
        ("i,i,i->i", (3,), (3,), (3,)), ("ij,j,k->i", (2, 3), (3,), (2,)), ("a,ab,abc->abc", (2,), (2, 2), (2, 2, 2)),
        ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)), ("ij,kl->", (2, 2), (2, 2)), ("iij,jk->k", (2, 2, 3), (3, 2)),
        ("aB,Bc", (2, 3), (3, 2)),
        ("ij,jk->ik", (2, 0), (0, 3)), ("i->", (0,)), ("i j , j", (2, 3), (3,)),
        # an ellipsis for axes of different numbers and lengths
        ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("...ij,...jk", (3, 1, 2, 2), (2, 2, 1)), ("...i->...", (2, 3)),
        ("i...->...i", (2, 3, 2)),
        ("...,...", (2, 3), (3,)), ("...i,i...->...", (2, 3), (3, 2)), ("...ii->...i", (2, 3, 3)), ("i...j->ij...", (2, 2, 2)),
        ("...i,...i,...", (2, 3), (1, 3), (2,)), ("...,i->...i", (2,), (3,)), ("...", (2, 3)), ("...ij->...ji", (2, 3)),
        ("b...a", (2, 2, 3)),
        ("i...,i...->...", (3, 2), (3, 1)),
        # a length of 1 broadcasts
        ("i,i->i", (3,), (1,)), ("i,i->", (1,), (3,)), ("ij,ij->i", (2, 3), (2, 1)), ("ii,i->i", (1, 1), (3,)),
        ("ij,ik->k", (2, 3), (2, 1)),
        ("ijk,k->ji", (1, 2, 2), (2,)),
    ]:
        every = len(shapes) == 3 or subscripts in ("ij,jk->ik", "...ij,...jk", "i,i->")
        for optimize in (False, True, "greedy") if every else (False,):
            made.both("einsum", f"{subscripts} {shapes} {optimize}", made.numbers(*shapes),
                      lambda f, *v, s=subscripts, o=optimize: f(s, *v, optimize=o))
    path = ["einsum_path", (1, 2), (0, 1)]
    made.both("einsum", "by a path", made.numbers((2, 3), (3, 2), (2, 2)), lambda f, *v: f("ij,jk,kl->il", *v, optimize=path))
    made.both("einsum", "dtype", made.numbers((2, 3)), lambda f, x: f("ij->j", x, dtype=x.dtype))
    for shapes, axes, result in [
        ([(2, 3), (3, 2)], [[0, 1], [1, 2]], [[0, 2]]), ([(2, 3), (3, 2)], [[0, 1], [1, 2]], []), ([(3, 3)], [[5, 5]], []),
        ([(2, 3)], [[1, 0]], []), ([(2, 2, 3), (3,)], [[..., 0, 1], [1]], [[..., 0]]), ([(2, 3)], [[26, 0]], []),
        ([(2, 3)], [[0, 26]], []),
        ([(2, 3), (3,)], [[..., 30], [30]], []), ([(2,), (3,)], [(7,), (9,)], [[9, 7]]), ([(2, 3)], [[0, 1]], [[]]),
    ]:
        made.both("einsum", f"{shapes} {axes} {result}", made.numbers(*shapes),
                  lambda f, *v, axes=axes,
                  result=result: f(*(item for pair in zip(v, axes, strict=True) for item in pair), *result))


def calculus(made: Maker) -> None:
    """Differences, slopes, areas and polynomials of sampled data."""
    each, pairs, coordinates = made.each, made.pairs, [0.0, 1.0, 3.0, 3.5]
    each("diff", [(4,)], [(4,), 2], [(2, 3), 1, 0], [(2, 3, 2), 2, 1], [(1,)], [(0,)], [(2,), 3], [(2, 3), kw(n=1, axis=-2)],
         [(3,), kw(prepend=single([0.5]))], [(2, 3), kw(append=single([[1], [2]]))],
         [(2, 3), kw(axis=0, prepend=single(1), append=single(2), n=2)])
    made.both("diff", "0 times", made.numbers((3,)), lambda f, x: 1.0 * f(x, 0))
    for shapes, axis in [([(3,), (), ()], -1), ([(2, 3), (2, 1), ()], 1), ([(2, 3), (1, 3), (2, 3)], 0), ([(0,), (2,), ()], 0)]:
        made.both("diff", f"{shapes} {axis} between inputs", made.numbers(*shapes), lambda f, x, u, v,
                  axis=axis: f(x, 1, axis, u, append=v))
    each("ediff1d", [(4,)], [(2, 3)], [(1,)], [(0,)], [(3,), kw(to_end=single([1, 2]))],
         [(3,), single(5), kw(to_begin=single([1, 2]))])
    each("ediff1d", [(3,), (), (2,)], [(2, 2), (2, 2), ()], [(1,), (1,), (1,)], inputs=3)
    each("gradient", [(4,)], [(2,)], [(4,), 0.5], [(4,), kw(edge_order=2)], [(3,), 2.0, kw(edge_order=2)], [(4,), coordinates],
         [(4,), np.array(coordinates), kw(edge_order=2)], [(2, 3), kw(axis=1)], [(2, 3), 2.0, kw(axis=-1)],
         [(4, 1, 2), coordinates, kw(axis=0, edge_order=2)], [(4,), [0.0, 1.0, 2.0, 3.0]])
    for count, shape, *how, named in [
        (2, (2, 3), {}), (2, (3, 3), 0.5, {"edge_order": 2}), (2, (2, 4), 0.5, coordinates, {}), (2, (2, 3, 2), {"axis": (2, 0)}),
        (2, (2, 2, 4), 2.0, coordinates, {"axis": (0, -1)}), (3, (2, 2, 2), {}),
    ]:
        made.parts("gradient", count, made.numbers(shape), *how, **named)
    for order in (1, 2):  # of the distance and of coordinates as well
        made.same("gradient", [*made.numbers((4,)), 0.8], edge_order=order)
        made.same("gradient", [*made.numbers((4,)), np.array(coordinates)], edge_order=order)
        made.same("gradient", [*made.numbers((4, 2)), np.array(coordinates)], axis=0, edge_order=order)
    each("trapezoid", [(4,)], [(2, 3)], [(2, 3), kw(axis=0)], [(4,), coordinates], [(4,), None, 0.5], [(1,)], [(0,)], [(0, 3)],
         [(2, 4), single(coordinates)], [(4, 2), single(coordinates), 1.0, 0], [(4, 1, 2), kw(x=single(coordinates), axis=-3)],
         [(3,), kw(dx=[1.0, 2.0])], [(2, 3), kw(dx=single([1, 2]))])
    pairs("trapezoid", [(4,), (4,)], [(2, 3), (3,)], [(3, 2), (3,), 1.0, 0], [(2, 3), (2, 3)], [(3, 2), (3, 2), kw(axis=0)])
    for shapes in [(4,), ()], [(2, 3), ()], [(3,), (2,)]:
        made.both("trapezoid", f"{shapes} dx", made.numbers(*shapes), lambda f, y, dx: f(y, dx=dx))
    pairs("polyval", [(3,), ()], [(3,), (2,)], [(1,), (2, 2)], [(4,), (2, 1)], [(3,), (0,)])
    for shape, named in [((5,), {}), ((3, 4), {}), ((3, 4), {"axis": 0}), ((5,), {"period": 1.0}), ((4,), {"discont": 1.2}),
                         ((1,), {}), ((0,), {}), ((3, 2, 3), {"axis": -2, "period": 1.5})]:
        made.both("unwrap", f"{shape} {named}", made.numbers(shape), lambda f, x, o=named: f(x * 3.0, **o))
    for note, function, shape, axis in [
        ("number", lambda v: (v * v).sum(), (2, 3), 0), ("number", lambda v: (v * v).sum(), (2, 3), -1),
        ("number", lambda v: v[0] * v[1], (2,), 0), ("vector", lambda v: v * v.sum(), (2, 3, 2), 1),
        ("longer", lambda v: np.concatenate([v * v, v[:1]]), (2, 3), 0), ("matrix", np.outer, (2, 3), 1),
        ("diagonal", np.diag, (2, 3, 2), -1), ("diagonal", np.diag, (2, 3, 2), 0), ("matrix", np.outer, (2,), 0),
    ]:
        made.both("apply_along_axis", f"{note} {shape} {axis}", made.numbers(shape), lambda f, x, g=function, axis=axis: f(
            (lambda v: np.outer(v, v)) if g is np.outer else g, axis, x))
    made.both("apply_along_axis", "arguments", made.numbers((2, 3), ()), lambda f, x, c: f(
        lambda v, a, b: v * a + b, 1, x, single(2.0), b=c) if f is not np.apply_along_axis else x * 2.0 + c)
    at = np.array([-1.0, -0.4, 0.1, 0.7, 1.3])
    for deg in (0, 1, 2, 4):
        for shape in [(5,), (5, 2)]:
            made.both("polyfit", f"{deg} {shape}", [at, *made.numbers(shape)], lambda f, x, y, deg=deg: f(x, y, deg) + 0.0 * x[0])
            made.both("polyfit", f"{deg} {shape} w", [at, *made.numbers(shape), np.linspace(0.5, 1.5, 5)],
                      lambda f, x, y, w, deg=deg: f(x, y, deg, w=w) + 0.0 * (x[0] + w[0]))
    made.add("polyfit", "of y", made.numbers((5,)), lambda y: made.ours["astype"](made.ours["polyfit"](at, y, 2, 1e-6), float),
             lambda y: np.polyfit(at, y, 2, 1e-6))
    pairs("polymul", [(3,), (2,)], [(1,), (3,)], [(), (2,)], [(2,), (2,)])
    pairs("polyadd", [(3,), (2,)], [(1,), (3,)], [(), (2,)], [(2,), (2,)], [(), ()])
    each("polyder", [(4,)], [(4,), 2], [(3,), 3], [(1,)], [(2,), kw(m=1)])
    made.both("polyder", "0 times", made.numbers((3,)), lambda f, p: 1.0 * f(p, 0))
    pairs("polysub", [(3,), (2,)], [(1,), (3,)], [(), (2,)], [(2,), (2,)], [(), ()])
    each("polyint", [(3,)], [(3,), 2], [(1,)], [(2,), kw(m=3, k=[1.0, 2.0, 3.0])], [(2,), 2, 0.5], [(2,), kw(m=1, k=[2.0])])
    made.both("polyint", "0 times", made.numbers((3,)), lambda f, p: 1.0 * f(p, 0))
    made.both("polyint", "constants", made.numbers((2,), (2,)), lambda f, p, k: f(p, 2, k) if f is not np.polyint else
              np.concatenate([np.polyint(p, 2)[:-2], k]))
    for shapes in [(4,), (2,)], [(3,), (3,)], [(5,), (1,)], [(3,), (2,)]:
        inputs = [*made.numbers(shapes[0]), 1.0 + np.abs(made.numbers(shapes[1])[0])]
        made.parts("polydiv", 2, inputs)
    made.both("polydiv", "a shorter one", made.numbers((2,), (3,)), lambda f, u, v: connected(f(u, v)[1] * 1.0, u, v))
    each("poly", [(3,)], [(1,)])
    made.both("poly", "of a matrix", [made.matrix(3, 3)], lambda f, x: f(x @ single(np.diag([1, 2, 4])) @ np.linalg.inv(x)))
    for shape, axes, keep in [((2, 3, 2), [0, 2], False), ((2, 3), 1, False), ((2, 3), (-1, 0), True), ((2, 3), [], True)]:
        made.both("apply_over_axes", f"{shape} {axes} {keep}", made.numbers(shape), lambda f, x, a=axes, k=keep: 1.0 * f(
            lambda y, axis: np.sum(y * y, axis, keepdims=k), x, a))
    for trim in ("fb", "f", "b", "FB"):
        for kept in ([0, 1, 0, 1, 0, 0], [1, 1], [0, 0, 1]):
            made.both("trim_zeros", f"{trim} {kept}", [made.rng.uniform(0.5, 1.0, len(kept))], lambda f, x, t=trim,
                      kept=kept: f(x * single(kept), t))
    each("vander", [(3,)], [(3,), 2], [(2,), 4, True], [(3,), kw(increasing=True)], [(3,), 1], [(3,), 0], [(1,)], [(0,)])


SQUARES = [(1, 1), (2, 2), (3, 3), (4, 4), (2, 3, 3), (2, 1, 2, 2)]


def transposed(x: Any) -> Any:
    """The matrices of an array or a Value transposed."""
    return x.transpose((*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def positive(x: Any) -> Any:
    """Symmetric positive definite matrices."""
    return x @ transposed(x) + np.eye(x.shape[-2], dtype=np.float32)


def symmetric(x: Any) -> Any:
    return (x + transposed(x)) / 2.0


def projections(parts: Any) -> Any:
    """The parts of a complete U and Vh, or Q, that do not depend on the choice of their last columns, flattened."""
    u, *rest = parts
    k = rest[0].shape[-1]  # singular values, or columns of R
    found = [u[..., k:] @ transposed(u[..., k:]), u[..., :k] @ transposed(u[..., :k])]
    return in_a_row([*found, rest[1][..., k:, :].swapaxes(-1, -2) @ rest[1][..., k:, :]] if len(rest) == 2 else [*found, rest[0]])


def determinants(made: Maker) -> None:
    """Determinants and their logarithms: positive, negative, and of singular matrices."""
    normal = made.rng.standard_normal
    for shape in SQUARES:
        for sign in (1.0, -1.0):
            x = made.matrix(*shape) * ([sign] + [1.0] * (shape[-1] - 1))
            made.same("det", [x])
            made.both("slogdet", f"{shape} logarithm {sign}", [x], lambda f, x: f(x)[1])
            made.both("slogdet", f"{shape} product {sign}", [x], lambda f, x: np.multiply(*f(x)))
            made.add("logabsdet", f"{shape} {sign}", [x], made.ours["logabsdet"], lambda x: np.linalg.slogdet(x)[1])
    for shape in [(0, 0), (2, 0, 0), (0, 2, 2)]:
        made.each("det", [shape])
    for n, rank in [(1, 0), (2, 1), (2, 0), (3, 2), (3, 1), (4, 3), (4, 2)]:  # exactly singular
        left, right = (made.rng.integers(-2, 3, (n, rank)) + 3.0 * np.eye(n, rank) for _ in range(2))
        made.same("det", [left @ right.T])
    for x in [
        np.arange(1.0, 10.0).reshape(3, 3), normal((4, 3)) @ normal((3, 4)), normal((4, 2)) @ normal((2, 4)),  # up to rounding
        np.diag([2.0, 1e-9, -1.0]), np.diag([1.0, 1e-3, 1e-6, 1e-9]), normal((9, 1)) @ normal((1, 9)),
        np.stack([made.matrix(3, 3), np.ones((3, 3)), np.zeros((3, 3))]), normal((2, 3, 2)) @ normal((2, 2, 3)),
    ]:
        made.same("det", [x])


def inverses(made: Maker) -> None:
    """Inverses and linear equations."""
    for shape in SQUARES:
        made.same("inv", [made.matrix(*shape)])
    made.each("inv", [(0, 0)], [(0, 2, 2)])
    for a, b in [
        ((3, 3), (3,)), ((3, 3), (3, 2)), ((1, 1), (1,)), ((4, 4), (4, 1)), ((2, 3, 3), (3,)), ((2, 3, 3), (2, 3, 2)),
        ((2, 2), (2, 2, 1)),
        ((2, 3, 3), (3, 1)), ((2, 1, 2, 2), (3, 2, 2)), ((2, 2), (2, 0)),
    ]:
        made.same("solve", [made.matrix(*a), *made.numbers(b)])
    for shape in [(3, 3), (4, 2), (2, 3), (2, 3, 2), (1, 1), (3, 1), (1, 3)]:
        made.same("pinv", [made.matrix(*shape)])
    made.same("pinv", [made.matrix(3, 2)], 1e-5)
    for left, right in [((3, 1), (1, 2)), ((3, 2), (2, 3)), ((2, 1), (1, 4)), ((2, 3, 1), (2, 1, 2))]:  # not of full rank
        made.both("pinv", f"of {left} @ {right}", [made.matrix(*left), made.matrix(*right)], lambda f, x, y: f(x @ y, rtol=1e-5))
    made.both("pinv", "hermitian", [made.matrix(3, 3)], lambda f, x: f(symmetric(x), None, True))
    for a, b in [
        ((4, 2), (4,)), ((4, 2), (4, 2)), ((3, 3), (3,)), ((2, 3), (2,)), ((2, 3), (2, 2)), ((3, 1), (3, 1)), ((1, 1), (1,)),
    ]:
        for part in (0, 1, 3):
            made.both("lstsq", f"[{part}] of {a} {b}", [made.matrix(*a), *made.numbers(b)],
                      lambda f, a, b, part=part: connected(f(a, b)[part], a, b))
    for rcond in (-1, 1e-5):
        made.both("lstsq", f"rcond={rcond}", [made.matrix(4, 2), *made.numbers((4,))], lambda f, a, b,
                  rcond=rcond: f(a, b, rcond)[0])
    made.both("lstsq", "rank 1", [made.matrix(3, 1), made.matrix(1, 2), *made.numbers((3,))], lambda f, x, y,
              b: f(x @ y, b, 1e-5)[0])
    for n in range(-2, 6):
        for shape in [(2, 2), (2, 3, 3)]:
            made.both("matrix_power", f"{shape} {n}", [made.matrix(*shape)], lambda f, x, n=n: 1.0 * f(x, n))
    for shape, b, axes in [
        ((2, 3, 6), (2, 3), None), ((6, 2, 3), (6,), None), ((2, 2, 4), (4,), (0, 1)), ((4, 2, 2), (4,), (2, 1)),
        ((2, 6, 3), (2, 3), (1,)),
        ((1, 1), (1,), None),
    ]:
        order = [k for k in range(len(shape)) if k not in (axes or ())] + list(axes or ())  # as NumPy orders the axes
        a = made.matrix(*[np.prod(b, dtype=int)] * 2).reshape([shape[k] for k in order]).transpose(np.argsort(order))
        made.same("tensorsolve", [a, *made.numbers(b)], axes=axes)
    for shape, ind in [((2, 3, 6), 2), ((6, 2, 3), 1), ((2, 2, 2, 2), 2), ((3, 3), 1), ((2, 1, 2, 1, 4), 4)]:
        made.same("tensorinv", [made.matrix(*[np.prod(shape[:ind], dtype=int)] * 2).reshape(shape)], ind)


def factorisations(made: Maker) -> None:
    """Cholesky, QR, eigenvalues and singular values, with all their parts."""
    for shape in [*SQUARES, (2, 3), (0, 2)]:
        made.both("cholesky", shape, [made.matrix(*shape)], lambda f, x: f(positive(x)))
        made.both("cholesky", f"{shape} upper", [made.matrix(*shape)], lambda f, x: f(positive(x), upper=True))
    for shape in [*SQUARES, (4, 2), (3, 1), (2, 4, 3), (2, 3), (1, 3), (2, 2, 4)]:
        made.parts("qr", 2, [made.matrix(*shape)])
        made.same("qr", [made.matrix(*shape)], "r")
    for shape in [(3, 3), (2, 3), (3, 2)]:
        made.parts("qr", 2, [made.matrix(*shape)], mode="complete")
    for shape in SQUARES:
        for uplo in ("L", "U"):
            made.parts("eigh", 2, [made.matrix(*shape)], uplo, of=positive)
            made.both("eigvalsh", f"{shape} {uplo}", [made.matrix(*shape)], lambda f, x, uplo=uplo: f(symmetric(x), uplo))
    made.parts("eigh", 2, [made.matrix(3, 2)], of=lambda x: x @ transposed(x))  # an eigenvalue is 0
    for shape in SQUARES:
        vectors = made.matrix(*shape)
        x = vectors * np.linspace(-1.3, 2.1, shape[-1]) @ np.linalg.inv(vectors)
        made.parts("eig", 2, [x])
        made.same("eigvals", [x])
        made.parts("svd", 3, [made.matrix(*shape)])
    for shape in [(3, 2), (2, 3), (4, 1), (1, 4), (2, 3, 2), (2, 2, 4)]:
        made.parts("svd", 3, [made.matrix(*shape)], False)
        made.same("svd", [made.matrix(*shape)], compute_uv=False)
        made.same("svdvals", [made.matrix(*shape)])
    made.parts("svd", 3, [made.matrix(3, 3)], hermitian=True, of=symmetric)
    for shape in [(3, 2), (2, 3)]:  # one vector more, which only its sign leaves open
        made.parts("svd", 3, [made.matrix(*shape)])
    for shape in [(4, 2), (2, 4), (1, 3), (2, 3, 1)]:
        made.both("svd", f"{shape} values of all", [made.matrix(*shape)], lambda f, x: f(x)[1])
        made.add("complement", f"{shape} of svd", [made.matrix(*shape)], lambda x: projections(made.ours["svd"](x)),
                 lambda x: projections(np.linalg.svd(x)))
        if shape[-2] > shape[-1]:
            made.add("complement", f"{shape} of qr", [made.matrix(*shape)],
                     lambda x: projections(made.ours["qr"](x, "complete")), lambda x: projections(np.linalg.qr(x, "complete")))
    for x in [np.array([[2.0, 0.3], [1.0, 3.0]]), np.array([[2.0, 9.0, -9.0], [1.0, -3.0, 9.0], [0.4, 0.7, 1.0]])]:
        for name, how in (
            ("svd", {"hermitian": True, "compute_uv": False}), ("pinv", {"hermitian": True}), ("eigvalsh", {}),
            ("eigvalsh", {"UPLO": "l"}), ("eigvalsh", {"UPLO": "u"}), ("eigvalsh", {"UPLO": "U"}),
        ):
            made.both(name, f"of one triangle {len(x)} {how}", [x], lambda f, x, how=how: f(x, **how))
    made.both("svd", "hermitian, values", [made.matrix(3, 3)], lambda f, x: f(symmetric(x), True, False, True))
    made.each("svdvals", [(0, 3)], [(2, 0, 2)])
    made.each("eigvalsh", [(0, 0)], [(0, 2, 2)])


def norms(made: Maker) -> None:
    """Norms of every order, of vectors and matrices."""

    def apart(*shape: int) -> Any:
        """Numbers of both signs whose magnitudes are at least 0.2 apart."""
        size = np.prod(shape, dtype=int)
        return ((0.3 + 0.2 * made.rng.permutation(size)) * made.rng.choice([-1.0, 1.0], size)).reshape(shape)

    for ord in [None, INF, -INF, 0, 1, -1, 2, -2, 3, 0.5, -1.5, 2.5]:
        made.same("norm", [apart(4)], ord)
        made.same("norm", [apart(1)], ord, keepdims=True)
        made.same("norm", [apart(2, 3)], ord, 0)
        made.same("norm", [apart(2, 2, 3)], ord, axis=-1, keepdims=True)
        named = {} if ord is None else {"ord": ord}
        made.same("vector_norm", [apart(3)], **named)
        made.same("vector_norm", [apart(2, 3)], axis=0, **named)
        made.same("vector_norm", [apart(2, 3, 2)], axis=(-1, 0), keepdims=True, **named)
        made.same("vector_norm", [apart(2, 3)], keepdims=True, **named)
    for ord in [None, "fro", "f", "nuc", 1, -1, 2, -2, INF, -INF]:
        for shape in [(3, 3), (3, 2), (1, 3)]:
            made.same("norm", [made.matrix(*shape)], ord, (0, 1))
        made.same("norm", [made.matrix(2, 3)], ord, keepdims=True)
        made.same("norm", [made.matrix(2, 3, 2).transpose(1, 0, 2)], ord, axis=(0, 2))
        made.same("norm", [made.matrix(2, 3, 2).transpose(2, 0, 1)], ord, axis=(2, 0), keepdims=True)
        named = {} if ord is None else {"ord": ord}
        made.same("matrix_norm", [made.matrix(2, 3)], **named)
        made.same("matrix_norm", [made.matrix(2, 3, 3)], keepdims=True, **named)
    made.each("norm", [()], [(2, 2, 2)], [(2, 2, 2), kw(keepdims=True)])
    made.each("norm", *([(0,), ord] for ord in (None, 1, 2, 0, 3, INF)), *([(2, 0), ord, 1] for ord in (None, 1, 2, 0, 3, INF)))
    made.each("norm", *([(0, 3), ord, (0, 1)] for ord in (None, "fro", "nuc", 1, 2, INF)), [(2, 0), "nuc", (0, 1)])
    for p in [None, 2, -2, "fro", "nuc", 1, -1, INF, -INF]:
        made.same("cond", [made.matrix(3, 3)], p)
        made.same("cond", [made.matrix(2, 2, 2)], p)
    for p in [None, 2, -2]:
        made.same("cond", [made.matrix(3, 2)], p)
        made.same("cond", [made.matrix(2, 2, 3)], p)
    made.same("cond", [made.matrix(1, 1)])


# fmt: on

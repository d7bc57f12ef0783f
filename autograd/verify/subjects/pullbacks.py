"""Pull cotangents of several results back to the leaves, and estimate by how much the arithmetic on the way rounds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.backward import Pullback
from autograd.graph import arguments_of
from autograd.op import is_value, raw
from autograd.ops.broadcasting import unbroadcast
from autograd.ops.inputs import zeros_like
from autograd.ops.rules import contributions
from autograd.value import Value
from autograd.verify.subjects.subject import epsilon_of, smallest_of, split

Array = np.ndarray

#: The number of estimates of the rounding of a claim.
DRAWS = 3
#: Rounding moves the contributions of a well-posed rule by at most this part of the largest.
WELL_POSED = 2.0**-26


class Pullbacks:
    """The pullbacks of several results to the leaves. No operation joins the results: it could hide another one."""

    def __init__(self, results: Sequence[Any], values: Sequence[Value]) -> None:
        self.results, self.values = results, values
        self.each = [Pullback(item, values) if is_value(item) else None for item in results]
        shapes = [getattr(item, "shape", ()) for item in results]
        self.shapes_and_dtypes = [(shape, item.dtype if shape else float) for item, shape in zip(results, shapes, strict=True)]

    def seeds(self, cotangent: Array) -> list[Any]:
        """Return a cotangent of all results in a row, in the shape and dtype of each."""
        return [part if part.shape else float(part) for part in split(cotangent, self.shapes_and_dtypes)]

    def __call__(self, cotangent: Array, on_values: bool = False) -> list[Any]:
        """Return the cotangents of the leaves, as numbers or as Values, from one of all results in a row."""
        found: list[Any] = [None] * len(self.values)
        for seed, pullback in zip(self.seeds(cotangent), self.each, strict=True):
            if pullback is not None:
                pulled = pullback(seed, on_values)
                found = [new if old is None else old + new for old, new in zip(found, pulled, strict=True)]
        filled = [zeros_like(value.data) if c is None else c for c, value in zip(found, self.values, strict=True)]
        return [c if is_value(c) or not on_values else Value(c) for c in filled]

    def rounding(self, cotangent: Array) -> list[Any]:
        """Return by how much rounding may have moved each element of the leaves' cotangents: a running error estimate.

        Each contribution to a cotangent is moved by a random part of one unit in its last place, enlarged so that
        the rounding of this very computation is small beside it, and the change at the leaf is measured: rules are
        linear. The estimate has the units of the slope: it scales as the slope does, and the size of other slopes does
        not matter, as long as nothing of them cancels in this one.
        """
        rngs = np.random.default_rng(0), np.random.default_rng(1)
        nodes = [node for pullback in self.each if pullback is not None for node in pullback.path]
        coarsest = max([epsilon_of(node.dtype) for node in (*nodes, *self.values)], default=2.0**-52)
        enlarged = 2.0**-6 / coarsest
        with np.errstate(all="ignore"):
            unmoved = self.walk(cotangent)
            try:
                moved = [self.walk(cotangent, rngs, enlarged) for _ in range(DRAWS)]
            except ValueError:  # of a rule that refuses cotangents it has no derivative for, as svd() does
                return [np.zeros(np.shape(c)) for c in unmoved]
            sizes = [[abs(new - old) / enlarged for new, old in zip(draw, unmoved, strict=True)] for draw in moved]
            return [np.nan_to_num(np.maximum.reduce(each), posinf=0.0) for each in zip(*sizes, strict=True)]

    def walk(self, cotangent: Array, rngs: Sequence[np.random.Generator] = (), enlarged: float = 0.0) -> list[Any]:
        """Return the cotangents of the leaves; with `rngs` each contribution on the way is moved by its rounding, enlarged."""
        totals: list[Any] = [np.zeros(value.shape) for value in self.values]
        for seed, pullback in zip(self.seeds(cotangent), self.each, strict=True):
            if pullback is None:
                continue
            found: dict[Any, Any] = {pullback.root: seed}
            for node in reversed(pullback.path):
                if node not in found:
                    continue
                pulled = [
                    (item, unbroadcast(c, item._raw))
                    for item, c in contributions(node, found[node], raw(node), raw(arguments_of(node)), pullback.needed, True)
                ]
                if rngs:
                    inside = errors_inside(node, found[node], pulled, pullback.needed, rngs[1])
                    pulled = [
                        (item, shaken(c, node.op.mixes, rngs[0], enlarged) + enlarged * error)
                        for (item, c), error in zip(pulled, inside, strict=True)
                    ]
                for item, c in pulled:
                    found[item] = found[item] + c if item in found else c
            pairs = zip(totals, self.values, strict=True)
            totals = [total + np.real(found[value]) if value in found else total for total, value in pairs]
        return totals


def shaken(data: Any, mixed: bool, rng: np.random.Generator, enlarged: float = 1.0) -> Any:
    """Return numbers, each moved by a random part of a unit in its last place, or with `mixed` in that of the largest one."""
    dtype = np.dtype(data.real.dtype) if isinstance(data, (np.ndarray, np.generic)) else np.dtype(float)
    size = abs(data)
    if np.ndim(data) > 1 and np.size(data) and mixed:
        size = np.max(size, (-2, -1), keepdims=True) * np.ones(np.shape(data))
    unit = np.where(size > 0.0, np.maximum(epsilon_of(dtype) * np.asarray(size, float), smallest_of(dtype)), 0.0)
    moved = data + enlarged * unit * rng.uniform(-1.0, 1.0, np.shape(data))
    return moved.astype(data.dtype) if np.shape(data) else moved[()]


def errors_inside(node: Any, g: Any, pulled: Sequence[Any], needed: Any, rng: np.random.Generator) -> list[Any]:
    """Return by how much rounding inside of the rules of a node may have moved each of its contributions.

    Factorisations give the exact result for a matrix that is moved by one unit in the last place of its largest element,
    so their rules run once more at such a matrix. A change of more than WELL_POSED of the size is another
    branch or another choice of vectors, not rounding.
    """
    if not node.op.mixes:
        return [0.0] * len(pulled)
    places = {place for place, _ in node.op.rules}

    def moved(item: Any, place: int) -> Any:
        if item.__class__ is tuple:
            return tuple(moved(part, place) for part in item)
        return shaken(item, True, rng) if place in places and np.asarray(item).dtype.kind in "fc" else item

    args = tuple(moved(item, place) for place, item in enumerate(raw(arguments_of(node))))
    try:
        out = node.op.forward(*args)
        again = [unbroadcast(c, item._raw) for item, c in contributions(node, g, out, args, needed, True)]
    except (ValueError, ArithmeticError, Warning):
        return [0.0] * len(pulled)
    errors = [new - c for new, (_, c) in zip(again, pulled, strict=True)]
    sizes = [np.max(abs(c), initial=0.0) for _, c in pulled]
    return [e if np.max(abs(e), initial=0.0) <= WELL_POSED * size else 0.0 for e, size in zip(errors, sizes, strict=True)]

"""Subject, a function from one flat vector to another with a claimed derivative, from which every check starts."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.verify.subjects.foreign import shares

Array = np.ndarray

#: The complaint about a function that overwrites its earlier results.
OVERWRITES = (
    "the function returns the same array at every call, and overwrites the earlier result: return a new array, or a .copy() of it"
)
#: The exceptions that a function may raise outside of its domain.
OUTSIDE = (ValueError, ArithmeticError, np.linalg.LinAlgError, Warning)


class BudgetSpent(Exception):
    """No further evaluation of the function is allowed."""


@dataclass(frozen=True)
class Leaf:
    """One input or parameter: its name, and its part of the flat vector."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    stop: int

    @property
    def part(self) -> slice:
        return slice(self.start, self.stop)

    def has(self, places: Array) -> bool:
        """Return whether any of some places in the flat vector is in this leaf."""
        return bool(((self.start <= places) & (places < self.stop)).any())

    def index(self, place: int) -> tuple[int, ...]:
        """Return the index in this leaf of a place in the flat vector."""
        return tuple(int(i) for i in np.unravel_index(place - self.start, self.shape)) if self.shape else ()

    def shaped(self, vector: Array) -> Any:
        """Return its part of a flat vector as a new array of its shape and dtype, or as a float.

        A scalar of lower precision stays one of NumPy's.
        """
        data = vector[self.start : self.stop]
        if self.shape:
            return data.reshape(self.shape).astype(self.dtype)
        return float(data[0]) if self.dtype == np.float64 else self.dtype.type(data[0])


def leaves_of(named: Sequence[tuple[str, Any]]) -> list[Leaf]:
    """Return leaves for named numbers and arrays, one after the other."""
    leaves, start = [], 0
    for name, data in named:
        size = int(np.size(data))
        dtype = data.dtype if isinstance(data, (np.ndarray, np.floating)) else np.dtype(float)
        leaves.append(Leaf(name, np.shape(data), dtype, start, start + size))
        start += size
    return leaves


def as_vector(items: Sequence[Any]) -> Array:
    """Return the elements of all numbers and arrays in a row, in float64."""
    return np.concatenate([np.asarray(item, dtype=float).reshape(-1) for item in items]) if items else np.zeros(0)


def split(vector: Array, shapes_and_dtypes: Iterable[tuple[tuple[int, ...], Any]]) -> list[Array]:
    """Return the parts of a vector as new arrays of these shapes and dtypes, one after the other."""
    parts, start = [], 0
    for shape, dtype in shapes_and_dtypes:
        stop = start + math.prod(shape)
        parts.append(np.array(vector[start:stop].reshape(shape), dtype=dtype))
        start = stop
    return parts


def epsilon_of(dtype: np.dtype[Any]) -> float:
    """Return the unit in the last place of a number near 1; that of float64 for integers, and for longer floats."""
    return max(float(np.finfo(dtype).eps), 2.0**-52) if dtype.kind == "f" else 2.0**-52


def smallest_of(dtype: np.dtype[Any]) -> float:
    """Return the smallest number above zero; that of float64 for integers, and for longer floats."""
    return max(float(np.finfo(dtype).smallest_subnormal), 2.0**-1074) if dtype.kind == "f" else 2.0**-1074


class Output:
    """The result of a function at the point.

    Attributes:
        vector: all its elements in a row, (m,).
        parts: the name, shape and dtype of each of its parts.
        epsilon: the unit in the last place of each element, as a fraction of it.
        smallest: the smallest number above zero that each element can hold: below it all is rounding.
    """

    def __init__(self, named: Sequence[tuple[str, Any]]) -> None:
        arrays = [(name, np.asarray(data)) for name, data in named]
        self.vector = as_vector([array for _, array in arrays])
        self.parts = [(name, array.shape, array.dtype) for name, array in arrays]
        self.epsilon = as_vector([np.full(shape, epsilon_of(dtype)) for _, shape, dtype in self.parts])
        self.smallest = as_vector([np.full(shape, smallest_of(dtype)) for _, shape, dtype in self.parts])

    def index(self, place: int) -> tuple[Any, ...] | None:
        """Return the index of a component, with the name of its part first if there are several; None for a single number."""
        if len(self.vector) == 1 and self.parts[0][1] == ():
            return None
        for name, shape, _ in self.parts:
            size = math.prod(shape)
            if place < size:
                inside = tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()
                return inside if len(self.parts) == 1 else (name, *inside)
            place -= size
        return None


class Subject:
    """A function from one flat vector to another, with a claim of its derivative.

    Attributes:
        leaves: the parts of the input.
        point: the input, (n,). output: the result there.
        evaluations, gradients, budget: calls so far, and how many evaluations are allowed.
        outside: the exception at the first input outside of the domain, as text, or None.
        notes, broken: remarks for the report, and the contracts that do not hold.
    """

    output: Output

    def __init__(self, leaves: list[Leaf], point: Array, budget: int, evaluations: int = 0) -> None:
        self.leaves, self.point, self.budget = leaves, point, budget
        self.exact = all(leaf.dtype == np.float64 for leaf in leaves)
        self.start(evaluations)

    def start(self, evaluations: int = 0) -> None:
        """Evaluate the function at the point, with nothing else found yet."""
        self.evaluations, self.gradients = evaluations, 0
        self.outside: str | None = None
        self.notes: list[str] = []
        self.broken: list[str] = []
        self.latest: list[tuple[Array, Array]] = []  # arrays of the last result, and copies of them
        self.output = Output(self.evaluate(self.point))

    def parts(self, vector: Array) -> list[tuple[str, Any]]:
        """Return the result at an input, in named parts."""
        raise NotImplementedError

    def pull(self, cotangents: Array, vector: Array | None = None) -> Array:
        """Return the claimed derivative of each combination of the outputs: (k, m) -> (k, n), at the point or another input."""
        raise NotImplementedError

    def noise_floor(self) -> Array:
        """Return the least noise of each output, even if less is measured."""
        return np.zeros(len(self.output.vector))

    def rounding(self, cotangents: Array) -> Array:
        """Return by how much the arithmetic of a claim may have rounded it, (k, n), each in the units of its own slope."""
        return np.zeros((len(cotangents), len(self.point)))

    def restore(self) -> None:
        """Restore the data that the inputs had before the check."""

    def at(self, vector: Array) -> Subject:
        """Return the same function at another point, with nothing counted yet. Exceptions of the function are raised."""
        twin = copy.copy(self)
        twin.point = self.rounded(vector)
        twin.start()
        return twin

    def movable(self) -> tuple[Array, list[Leaf], Callable[[Array], Subject]]:
        """Return the vector that can be simplified, its parts, and a function that returns the subject at another vector."""
        return self.point, self.leaves, self.at

    def shown(self) -> Any:
        """Return the inputs at the point, to show: one, or a tuple of several."""
        raise NotImplementedError

    def evaluate(self, vector: Array) -> list[tuple[str, Any]]:
        """Return the result at an input, in named parts. The call counts, and must not change the result of the call before."""
        if self.evaluations >= self.budget:
            raise BudgetSpent
        self.evaluations += 1
        with np.errstate(all="ignore"):
            found = self.parts(vector)
        arrays = [data for _, data in found if isinstance(data, np.ndarray)]
        for before, as_it_was in self.latest:
            if any(shares(before, data) for data in arrays) and not np.array_equal(before, as_it_was, equal_nan=True):
                self.complain(OVERWRITES)
        self.latest = [(data, data.copy()) for data in arrays]
        return found

    def complain(self, sentence: str) -> None:
        """Note that a contract is broken."""
        if sentence not in self.broken:
            self.broken.append(sentence)

    def outputs(self, vector: Array) -> Array:
        """Return the result at an input near the point; nan where the input is outside of the domain."""
        try:
            found = as_vector([data for _, data in self.evaluate(vector)])
        except (BudgetSpent, MemoryError):
            raise
        except Exception as error:  # as the function works at the point, this input is outside of its domain
            if self.outside is None:
                self.outside = f"away from the point the function raised {type(error).__name__}: {error}"
            found = np.full_like(self.output.vector, np.nan)
        return found if found.shape == self.output.vector.shape else np.full_like(self.output.vector, np.nan)

    def name_of(self, place: int) -> str:
        """Return a coordinate by its leaf and index: ``x[0, 2]``."""
        leaf = next(leaf for leaf in self.leaves if leaf.start <= place < leaf.stop)
        return leaf.name + (str(list(leaf.index(place))) if leaf.shape else "")

    def rounded(self, vector: Array) -> Array:
        """Return the nearest input that the dtypes of the leaves can hold."""
        if self.exact:
            return vector
        with np.errstate(all="ignore"):
            return as_vector([vector[leaf.part].astype(leaf.dtype) for leaf in self.leaves])

    def claim_epsilon(self, leaf: Leaf) -> float:
        """Return the unit in the last place of the claims for a leaf, as a fraction of them."""
        return epsilon_of(leaf.dtype)

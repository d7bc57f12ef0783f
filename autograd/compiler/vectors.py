"""Vectors: small arrays that lie one after the other in the memory of one vector, so that one call of NumPy does for all.

A program writes its gradients into the parts of a vector from a Workspace. Parameters from outside, and what an optimiser keeps
for them, are moved into a vector by join(), unless something else holds them. Across is what an optimiser does to each
parameter, done once on the vectors.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from math import prod
from sys import getrefcount
from typing import Any

import numpy as np

from autograd.compiler.program import Instruction, Source, Variable, replaced
from autograd.value import Value


def split_vector(vector: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Return views of a vector, one after the other, in the given shapes."""
    found, start = [], 0
    for shape in shapes:
        stop = start + prod(shape)
        found.append(vector[start:stop].reshape(shape))
        start = stop
    return found


class Workspace:
    """Arrays for the results of a program: those of an earlier call, if nothing refers to them any more.

    There are two sets, if there are `parts`: gradients of the last call are held while those of the next one are computed.

    Args:
        forms: the shape and dtype of arrays for intermediate results, which all sets share.
        dtype: that of a vector.
        parts: the shapes of the arrays that are parts of the vector.
    """

    __name__ = "workspace"

    def __init__(
        self, forms: Sequence[tuple[tuple[int, ...], Any]], dtype: Any = None, parts: Sequence[tuple[int, ...]] = ()
    ) -> None:
        self.forms, self.dtype, self.parts = list(forms), dtype, list(parts)
        shared = self.shared()
        self.sets = deque(self.with_vector(shared) for _ in range(2 if parts else 1))
        del shared
        self.free = list(map(getrefcount, self.sets[0]))  # the references to each array; views refer to their vector

    def shared(self) -> list[np.ndarray]:
        return [np.empty(shape, dtype) for shape, dtype in self.forms]

    def with_vector(self, shared: list[np.ndarray]) -> tuple[np.ndarray, ...]:
        if not self.parts:
            return tuple(shared)
        vector = np.empty(sum(map(prod, self.parts)), self.dtype)
        return *shared, vector, *split_vector(vector, self.parts)

    def __call__(self) -> list[np.ndarray]:
        """Return the arrays, the vector and its parts."""
        sets = self.sets
        try:
            for _ in range(len(sets)):
                arrays = sets.popleft()  # no other thread can take it now
                free = list(map(getrefcount, arrays)) == self.free
                found = [*arrays] if free else []
                sets.append(arrays)
                if free:
                    return found
        except IndexError:  # other threads have taken all
            pass
        return [*self.with_vector(self.shared())]


class Binding:
    """The arrays from outside that a program was bound to, and what was made of them, until it is told to forget them."""

    __slots__ = ("__weakref__", "arrays", "nothing")

    def __init__(self, count: int) -> None:
        self.arrays = self.nothing = (None,) * count
        bindings.add(self)


bindings: weakref.WeakSet[Binding] = weakref.WeakSet()


class Joined:
    """The vector in which arrays from outside lie one after the other; see join().

    Attributes:
        sources: where the arrays are.
    """

    __name__ = "joined"

    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        return np.concatenate(arrays, axis=None)


def references_of_one(source: Source) -> int:
    """Return how many references getrefcount() finds to an array that only its owner holds."""
    owner: Any = Value(0.0) if source.kind == "data" else {}
    source.write(owner, np.empty(2))
    return getrefcount(source.read(owner))


def join(sources: list[Source]) -> np.ndarray | None:
    """Return the vector in which the arrays of some Sources lie one after the other, and move them into one if necessary.

    Returns None if they cannot be moved, because something else refers to one of them, such as a variable of the user's.
    """
    arrays = [source.read(source.owner) for source in sources]
    vector = vector_of(arrays)
    if vector is not None:
        return vector
    if not all(x.__class__ is np.ndarray and x.flags.c_contiguous and x.flags.owndata and x.flags.writeable for x in arrays):
        return None
    arrays.clear()
    for binding in tuple(bindings):
        binding.arrays = binding.nothing
    if any(getrefcount(source.read(source.owner)) != references_of_one(source) for source in sources):
        return None
    arrays += [source.read(source.owner) for source in sources]
    vector = np.concatenate(arrays, axis=None)
    for source, part in zip(sources, split_vector(vector, [x.shape for x in arrays]), strict=True):
        source.write(source.owner, part)
    return vector


def join_data(values: Sequence[Value]) -> np.ndarray | None:
    """Return the vector in which the data of some Values lies one after the other; see join().

    >>> u, v = Value([1.0, 2.0]), Value([[3.0]])
    >>> vector = join_data([u, v])
    >>> vector *= 2.0
    >>> u.data, v.data
    (array([2., 4.]), array([[6.]]))
    """
    return join([Source("data", value) for value in values])


def vector_of(arrays: list[Any]) -> np.ndarray | None:
    """Return the vector of which some arrays are all parts, one after the other, or None."""
    base = getattr(arrays[0], "base", None)
    if base.__class__ is not np.ndarray or any(getattr(x, "base", None) is not base for x in arrays):
        return None
    if base.ndim != 1 or base.size != sum([x.size for x in arrays]):
        return None
    place = base.ctypes.data
    for x in arrays:
        if x.ctypes.data != place or not x.flags.c_contiguous:
            return None
        place += x.nbytes
    return base


class Across:
    """Elementwise instructions that are alike for several small arrays, done once on vectors.

    Attributes:
        vectors: the variables from join(), each None if its arrays could not be moved.
        equal: groups of numbers that are the same for all arrays, such as counters of steps; if not, or without a vector,
            `apart` runs.
        together, apart: the instructions.
        operands, outs: the variables that they read, and the numbers that later instructions need.
        same: pairs of the latter that `together` computes once.
    """

    __name__ = "across"

    def __init__(
        self, vectors: list[Variable], equal: list[list[Variable]], together: list[Instruction], apart: list[Instruction],
        operands: list[Variable], outs: list[Variable], same: list[tuple[Variable, Variable]],
    ) -> None:  # fmt: skip
        self.vectors, self.equal, self.together, self.apart = vectors, equal, together, apart
        self.operands, self.outs, self.same = operands, outs, same

    @property
    def inner(self) -> list[Variable]:
        """The variables that only these instructions use."""
        return list(dict.fromkeys(v for item in (*self.together, *self.apart) for v in item.outs if v not in self.outs))

    def __call__(self, *contents: Any) -> list[Any]:
        found: dict[Variable, Any] = dict(zip(self.operands, contents, strict=True))
        for item in self.together:
            args = replaced(item.args, lambda v: found[v])
            out = item.function(*args)
            found.update(zip(item.outs, [out], strict=False))
        found.update((copy, found[number]) for copy, number in self.same)
        return [found[v] for v in self.outs]

"""Plain functions of numbers and arrays, with a claimed gradient: a function, or the arrays."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.op import raw
from autograd.ops.inputs import short
from autograd.transforms.trees import Tree, is_leaf, map_tree
from autograd.verify.subjects.foreign import as_numpy, is_foreign, maker_like, numpy_of
from autograd.verify.subjects.inputs import (
    as_array,
    is_constant,
    named_inputs,
    named_results,
    number_or_array,
    one_of,
    own_floats,
    refuse_complex,
    refuse_or_keep,
    takes,
)
from autograd.verify.subjects.subject import Leaf, Subject, as_vector, epsilon_of, leaves_of

Array = np.ndarray


class NumPySubject(Subject):
    """A function of numbers and arrays, with a claimed gradient: a function as well, or the arrays."""

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], claimed: Any, budget: int) -> None:
        self.f, self.claimed = f, claimed
        self.makers: list[Callable[[Any], Any] | None] = []  # for each number or array, where it is of another library
        self.native: dict[int, bool] = {}  # whether the function and its gradient take arrays of that library

        def leaf(item: Any, path: str) -> Any:
            self.makers.append(maker_like(item) if is_foreign(item) else None)
            item = raw(numpy_of(item))
            return item if is_constant(item) else own_floats(item, path)

        def other(item: Any, path: str) -> Any:
            return leaf(item, path) if is_foreign(item) else refuse_or_keep(item, path)

        self.named = named = list(named_inputs(f, inputs))
        prepared = [map_tree(leaf, as_array(item, name), name, other) for name, item in named]
        self.tree = Tree(prepared)
        self.paths: list[str] = []
        for (name, _), item in zip(named, prepared, strict=True):
            map_tree(lambda leaf, path: self.paths.append(path), item, name)
        moving = [not is_constant(data) for data in self.tree.leaves]
        self.moving = [place for place, moves in enumerate(moving) if moves]
        data = [self.tree.leaves[place] for place in self.moving]
        leaves = leaves_of([(self.paths[place], item) for place, item in zip(self.moving, data, strict=True)])
        self.epsilons = [epsilon_of(leaf.dtype) for leaf in leaves]  # of the claims
        super().__init__(leaves, as_vector(data), budget)

    def shown(self) -> Any:
        return one_of(self.arguments(self.point))

    def arguments(self, vector: Array, native: bool = False) -> list[Any]:
        """Return the inputs of the function at a flat vector in new arrays; with `native`, arrays of their library."""
        data = [np.array(item) if isinstance(item, np.ndarray) else item for item in self.tree.leaves]
        for leaf, place in zip(self.leaves, self.moving, strict=True):
            data[place] = leaf.shaped(vector)
        if native:
            data = [make(item) if make else item for make, item in zip(self.makers, data, strict=True)]
        result: list[Any] = self.tree.rebuild(data)
        return result

    def called(self, function: Callable[..., Any], vector: Array) -> tuple[Any, list[Any]]:
        """Return the result of a function at an input, and the arguments of the call.

        The arguments are arrays of the library of the inputs, or of NumPy where the function does not take these.
        """
        native = any(self.makers) and self.native.get(id(function), True)
        arguments = self.arguments(vector, native)
        try:
            returned = function(*arguments)
        except Exception as error:
            if isinstance(error, TypeError) and not takes(function, len(arguments)):
                what = "gradient=" if function is self.claimed else "the function"
                names = ", ".join(name for name, _ in self.named)
                error.add_note(f"{what} is called with the inputs that follow the function: {names}")
            if not native or id(function) in self.native:
                raise
            arguments = self.arguments(vector)
            try:
                returned = function(*arguments)
            except Exception:
                returned = None
            if returned is None:
                raise  # the error for the inputs as they are given
            native = False
        self.native[id(function)] = native
        return returned, arguments

    def parts(self, vector: Array) -> list[tuple[str, Any]]:
        found = [(name, number_or_array(item)) for name, item in named_results(self.called(self.f, vector)[0])]
        refuse_complex(found)
        return found

    def complex_step(self, direction: Array) -> Array | None:
        """Return the slope along a direction from an imaginary step, if the function is complex (Squire and Trapp 1998)."""
        step = 2.0**-100
        data = list(self.tree.leaves)
        for leaf, place in zip(self.leaves, self.moving, strict=True):
            moved = self.point[leaf.part] + 1j * step * direction[leaf.part]
            data[place] = moved.reshape(leaf.shape) if leaf.shape else complex(moved[0])
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                self.evaluations += 1
                found = [np.asarray(number_or_array(item)) for _, item in named_results(self.f(*self.tree.rebuild(data)))]
        except Exception:  # a function of real numbers may fail with complex ones in any way
            return None
        if not all(array.dtype.kind == "c" for array in found):
            return None
        vector = np.concatenate([array.reshape(-1) for array in found])
        return vector.imag / step if np.allclose(vector.real, self.output.vector, rtol=1e-9, atol=0.0) else None

    def returned(self, vector: Array) -> Any:
        """Return the claimed gradient at an input, in the form in which it is given."""
        self.gradients += 1
        return self.called(self.claimed, vector)[0] if callable(self.claimed) else self.claimed

    def jacobian(self, vector: Array) -> Array:
        """Return the claimed derivatives, (m, n); nan where the shape is wrong, which breaks a contract."""
        return self.flattened(self.returned(vector))

    def flattened(self, given: Any) -> Array:
        """Return a claim of any form as one array (m, n)."""
        size, out = len(self.output.vector), self.output.parts
        if len(out) != 1:
            raise ValueError(
                f"gradient= is for functions with one number or array as their result, but this one returned {len(out)}: "
                "join them with np.concatenate"
            )
        items = self.claims(given)
        columns = []
        for number, (leaf, item) in enumerate(zip(self.leaves, items, strict=True)):
            array = np.asarray(item)
            if item is None or array.dtype.kind == "O" and array.ndim == 0 and array.item() is None:
                raise TypeError(
                    f"the gradient of {leaf.name} is None: return a number or an array of its shape, zeros where the "
                    "result does not depend on it"
                )
            if array.dtype.kind not in "biuf":
                shown = short(array.item() if array.ndim == 0 else array)
                raise TypeError(
                    f"the gradient of {leaf.name} is {shown}: return a real number or an array, of the shape of the result and "
                    "then that of the input"
                )
            wanted = out[0][1] + leaf.shape
            fits = array.shape == wanted or (size == 1 and array.shape in (leaf.shape, (1, *leaf.shape)))
            if fits or (array.size == size * (leaf.stop - leaf.start) == 1):
                columns.append(array.astype(float).reshape(size, -1))
            else:
                self.complain(
                    f"the gradient of {leaf.name} has the shape {array.shape}, expected {wanted}, the shape of the result "
                    f"and then that of the input{shape_hint(array, wanted)}"
                )
                columns.append(np.full((size, leaf.stop - leaf.start), np.nan))
            if array.dtype.kind == "f":
                self.epsilons[number] = max(epsilon_of(array.dtype), epsilon_of(leaf.dtype))
                if callable(self.claimed) and epsilon_of(array.dtype) > max(epsilon_of(each.dtype) for each in self.leaves):
                    self.complain(f"the gradient of {leaf.name} has the dtype {array.dtype}, but the input has {leaf.dtype}")
        return np.concatenate(columns, axis=1) if columns else np.zeros((size, 0))

    def claims(self, given: Any) -> list[Any]:
        """Return one claimed array for each leaf, from one for a single input or a tuple for several."""
        prepared, given = self.tree.numbered, as_numpy(given)
        several = len(prepared) > 1 or (isinstance(given, tuple) and len(given) == 1 and not isinstance(prepared[0], tuple))
        if several and (not isinstance(given, (tuple, list)) or len(given) != len(prepared)):
            got = f"a {type(given).__name__}" + (f" of {len(given)}" if isinstance(given, (list, tuple)) else "")
            raise ValueError(f"gradient= needs a tuple of {len(prepared)}, one gradient for each input, got {got}")
        found: list[Any] = []
        for name, (numbered, item) in enumerate(zip(prepared, given if several else [given], strict=True)):
            if is_leaf(numbered):
                found += [item] if numbered in self.moving else []
            else:
                inside = map_tree(lambda number, path: self.tree.leaves[number], numbered)
                matched = Tree(inside).match(item, f"the gradient of input {name}")
                found += [leaf for place, leaf in zip(Tree(numbered).leaves, matched, strict=True) if place in self.moving]
        return [number_or_array(item) for item in found]

    def pull(self, cotangents: Array, vector: Array | None = None) -> Array:
        jacobian = self.jacobian(self.point if vector is None else vector)
        if np.array_equal(cotangents, np.eye(len(jacobian))):
            return jacobian  # zero times an infinite slope is not a number
        return cotangents @ jacobian

    def claim_epsilon(self, leaf: Leaf) -> float:
        return self.epsilons[self.leaves.index(leaf)]


def shape_hint(array: Array, wanted: tuple[int, ...]) -> str:
    """Return how to fix a gradient in another shape, or one that is not summed over broadcast axes."""
    if array.size == math.prod(wanted):
        if array.ndim > 1 and array.shape == wanted[::-1]:
            return ": it looks transposed, return its .T"
        return f": return it in that shape, with .reshape({', '.join(map(str, wanted))})"
    extra = array.ndim - len(wanted)
    axes = tuple(range(max(extra, 0)))
    axes += tuple(axis + extra for axis, size in enumerate(wanted) if extra >= 0 and size == 1 and array.shape[axis + extra] != 1)
    if extra >= 0 and axes and array.sum(axis=axes).size == math.prod(wanted):
        return f": it looks as if it was not summed over the broadcast axes {axes}"
    return ""

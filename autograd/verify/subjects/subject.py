"""What is checked, as one flat vector in and one flat vector out: a function of Values, a NumPy function with somebody's
gradient, or the gradient itself as a function whose derivatives are checked next.
"""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from autograd.backward import Pullback, contributions
from autograd.graph import arguments_of
from autograd.op import Op, is_value, raw
from autograd.ops.inputs import describe, own_copy, real_array, short, zeros_like
from autograd.ops.reductions import fit
from autograd.transforms.call import signature_of
from autograd.transforms.trees import Tree, is_leaf, map_tree, parameters_of
from autograd.value import Value
from autograd.verify.subjects.foreign import adopted, is_foreign, maker_like, numpy_of, shares

Array = np.ndarray

#: What is said of a function whose result changes when it is called again.
OVERWRITES = (
    "the function returns the same array at every call, and overwrites what it returned before: return a new one, or a copy, "
    "as by .copy()"
)
#: What a function may raise when a step leaves its domain.
OUTSIDE = (ValueError, ArithmeticError, np.linalg.LinAlgError, Warning)


#: So many times the rounding of a claim is estimated.
DRAWS = 3


class BudgetSpent(Exception):
    """No further evaluation of the function is allowed."""


@dataclass(frozen=True)
class Leaf:
    """One input or parameter: its name, and which part of the flat vector it is."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    stop: int

    @property
    def part(self) -> slice:
        return slice(self.start, self.stop)

    def has(self, places: Array) -> bool:
        """Whether any of some places in the flat vector is in this leaf."""
        return bool(((self.start <= places) & (places < self.stop)).any())

    def index(self, place: int) -> tuple[int, ...]:
        """The index in this leaf of a place in the flat vector."""
        return tuple(int(i) for i in np.unravel_index(place - self.start, self.shape)) if self.shape else ()

    def flatten(self, data: Any) -> Array:
        return np.asarray(data, dtype=float).reshape(-1)

    def shaped(self, vector: Array) -> Any:
        """Its part of a flat vector, in its own shape and dtype: an array of its own, or a float."""
        data = vector[self.part]
        return data.reshape(self.shape).astype(self.dtype) if self.shape else self.number(data[0])

    def number(self, number: float) -> Any:
        """A Python float, or a scalar of NumPy's where the input was one of lower precision."""
        return float(number) if self.dtype == np.float64 else self.dtype.type(number)


def leaves_of(named: Sequence[tuple[str, Any]]) -> list[Leaf]:
    """Leaves for named numbers and arrays, one after the other."""
    leaves, start = [], 0
    for name, data in named:
        size = int(np.size(data))
        dtype = data.dtype if isinstance(data, (np.ndarray, np.floating)) else np.dtype(float)
        leaves.append(Leaf(name, np.shape(data), dtype, start, start + size))
        start += size
    return leaves


@dataclass
class Output:
    """The result of a function as one flat vector, with the shape and dtype of each of its parts."""

    vector: Array
    parts: list[tuple[str, tuple[int, ...], np.dtype[Any]]]

    @classmethod
    def of(cls, parts: Sequence[tuple[str, Any]]) -> Output:
        arrays = [(name, np.asarray(data)) for name, data in parts]
        vector = [array.astype(float).reshape(-1) for _, array in arrays]
        described = [(name, array.shape, array.dtype) for name, array in arrays]
        return cls(np.concatenate(vector) if vector else np.zeros(0), described)

    def index(self, place: int) -> tuple[Any, ...] | None:
        """The index of a component, with the name of its part first if there are several; None for a single number."""
        if len(self.vector) == 1 and self.parts[0][1] == ():
            return None
        for name, shape, _ in self.parts:
            size = math.prod(shape)
            if place < size:
                inside = tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()
                return inside if len(self.parts) == 1 else (name, *inside)
            place -= size
        return None

    @property
    def epsilon(self) -> Array:
        """The unit in the last place of each component, as a fraction of it."""
        return self.of_each(precision)

    @property
    def least(self) -> Array:
        """The smallest number above zero that each component can hold: below it all is rounding."""
        return self.of_each(smallest)

    def of_each(self, number: Callable[[np.dtype[Any]], float]) -> Array:
        each = [np.full(math.prod(shape), number(dtype)) for _, shape, dtype in self.parts]
        return np.concatenate(each) if each else np.zeros(0)


def precision(dtype: np.dtype[Any]) -> float:
    """The unit in the last place of a number near 1; that of float64 for what is exact, and for longer floats."""
    return max(float(np.finfo(dtype).eps), 2.0**-52) if dtype.kind == "f" else 2.0**-52


def smallest(dtype: np.dtype[Any]) -> float:
    """The smallest number above zero, also of a dtype that a float cannot follow."""
    return max(float(np.finfo(dtype).smallest_subnormal), 2.0**-1074) if dtype.kind == "f" else 2.0**-1074


@dataclass
class Subject:
    """A function from one flat vector to another, with a claim of its derivative.

    Attributes:
        leaves: the parts of the input.
        point: the input, (n,). output: the result there.
        evaluations, gradients, budget: calls so far, and how many evaluations are allowed.
    """

    leaves: list[Leaf]
    point: Array
    budget: int
    evaluations: int = 0
    gradients: int = 0
    outside: str | None = None
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    latest: list[tuple[Array, Array]] = field(default_factory=list)  # arrays of the last result, and copies of them

    output: Output = field(init=False)

    def parts(self, vector: Array) -> list[tuple[str, Any]]:
        """The result at an input, in named parts."""
        raise NotImplementedError

    def pull(self, cotangents: Array, vector: Array | None = None) -> Array:
        """The claimed derivative of each combination of the outputs: (k, m) -> (k, n), at the point or another input."""
        raise NotImplementedError

    def noise_floor(self) -> Array:
        """The least noise of each output that is to be expected, whatever was measured."""
        return np.zeros(len(self.output.vector))

    def rounding(self, cotangents: Array) -> Array:
        """By how much the arithmetic of a claim may have rounded it, (k, n), each in the units of its own slope."""
        return np.zeros((len(cotangents), len(self.point)))

    def restore(self) -> None:
        """Leave everything as it was found."""

    def at(self, vector: Array) -> Subject:
        """The same function at another point, with nothing counted yet. It may raise what the function raises there."""
        twin = copy.copy(self)
        twin.point, twin.evaluations, twin.gradients, twin.outside = self.rounded(vector), 0, 0, None
        twin.notes, twin.broken, twin.latest = [], [], []
        twin.output = twin.evaluate(twin.point)
        return twin

    def movable(self) -> tuple[Array, list[Leaf], Callable[[Array], Subject]]:
        """What can be made simpler: a vector, its parts, and what gives the subject at another one."""
        return self.point, self.leaves, self.at

    def shown(self) -> Any:
        """The inputs at the point, to be shown: one, or a tuple of several."""
        raise NotImplementedError

    def evaluate(self, vector: Array) -> Output:
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
        return Output.of(found)

    def complain(self, sentence: str) -> None:
        """Note that a contract is broken."""
        if sentence not in self.broken:
            self.broken.append(sentence)

    def outputs(self, vector: Array) -> Array:
        """The result at an input near the point; nan where the input is outside of the domain."""
        try:
            with np.errstate(all="ignore"):
                found = self.evaluate(vector).vector
        except (BudgetSpent, MemoryError):
            raise
        except Exception as error:  # the function works at the point: this input is outside of its domain
            if self.outside is None:
                self.outside = f"away from the point the function raised {type(error).__name__}: {error}"
            found = np.full_like(self.output.vector, np.nan)
        return found if found.shape == self.output.vector.shape else np.full_like(self.output.vector, np.nan)

    def name_of(self, place: int) -> str:
        """A coordinate by its leaf and index: ``x[0, 2]``."""
        leaf = next(leaf for leaf in self.leaves if leaf.start <= place < leaf.stop)
        return leaf.name + (str(list(leaf.index(place))) if leaf.shape else "")

    def rounded(self, vector: Array) -> Array:
        """The nearest input that the dtypes of the leaves can hold."""
        if all(leaf.dtype == np.float64 for leaf in self.leaves):
            return vector
        with np.errstate(all="ignore"):
            return np.concatenate([vector[leaf.part].astype(leaf.dtype).astype(float) for leaf in self.leaves])

    def claim_precision(self, leaf: Leaf) -> float:
        return precision(leaf.dtype)


# --- functions of Values --------------------------------------------------------------------------


class ValueSubject(Subject):
    """A function of Values. The same leaves serve all evaluations, and get other data each time."""

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], budget: int) -> None:
        self.f = f
        self.values: list[Value] = []
        names: list[str] = []
        self.args = [place_values(item, f"{name}", self.values, names) for name, item in named_inputs(f, inputs)]
        self.before = [value.data for value in self.values]
        leaves = leaves_of(list(zip(names, self.before, strict=True)))
        point = [leaf.flatten(data) for leaf, data in zip(leaves, self.before, strict=True)]
        super().__init__(leaves, np.concatenate(point) if point else np.zeros(0), budget)
        self.graph: Way | None = None
        self.output = self.evaluate(self.point)

    def move(self, vector: Array) -> None:
        """Set the data of all leaves."""
        self.graph = None
        for leaf, value in zip(self.leaves, self.values, strict=True):
            value.data = leaf.shaped(vector)

    def restore(self) -> None:
        self.graph = None
        for value, data in zip(self.values, self.before, strict=True):
            value.data = data

    def shown(self) -> Any:
        self.move(self.point)
        return one_of(map_tree(lambda item, path: raw(item), self.args, "", None, lambda module, path: data_of(module)))

    def results(self) -> list[tuple[str, Any]]:
        """The results with the leaves as they are, Values among them, named."""
        return named_results(self.f(*self.args))

    def parts(self, vector: Array) -> list[tuple[str, Any]]:
        self.move(vector)
        found = self.results()
        if not any(is_value(item) for _, item in found):
            came = type(found[0][1]).__name__ if found else "nothing"
            raise TypeError(
                f"the function must return a Value, but it returned {came}: compute it from its arguments by operations of "
                "Values, without .data and .item(), or give gradient=... for a plain NumPy function"
            )
        return [(name, raw(item)) for name, item in found]

    def pull(self, cotangents: Array, vector: Array | None = None) -> Array:
        way = self.way(self.point if vector is None else vector)
        self.gradients += len(cotangents)
        return np.array([flat(way(cotangent)) for cotangent in cotangents]).reshape(len(cotangents), len(self.point))

    def rounding(self, cotangents: Array) -> Array:
        way = self.way(self.point)
        rows = [flat(way.rounding(cotangent)) for cotangent in cotangents]
        return np.array(rows).reshape(len(cotangents), len(self.point))

    def way(self, vector: Array) -> Way:
        """The way back from all results, recorded at an input. Evaluations elsewhere make it stale."""
        if self.graph is None or vector is not self.point:
            self.move(vector)
            way = Way([item for _, item in self.results()], self.values)
            if vector is not self.point:
                return way
            self.graph = way
        return self.graph

    def derivative(self, cotangent: Array) -> DerivativeSubject:
        """The gradient of one combination of the results, as a function whose derivatives can be checked."""
        return DerivativeSubject(self, cotangent)


class DerivativeSubject(ValueSubject):
    """The gradient of a function of Values: its own derivative is the second one of the function."""

    def __init__(self, inner: ValueSubject, cotangent: Array) -> None:
        self.inner, self.cotangent = inner, cotangent
        self.values, self.before = inner.values, inner.before
        Subject.__init__(self, inner.leaves, inner.point, inner.budget, inner.evaluations)
        self.graph = None
        self.output = self.evaluate(self.point)

    def noise_floor(self) -> Array:
        """What cancels on the way to an element of a gradient leaves rounding errors in it."""
        found: Array = 2.0 * self.inner.rounding(self.cotangent[None])[0]
        return found

    def results(self) -> list[tuple[str, Any]]:
        way = Way([item for _, item in self.inner.results()], self.values)
        return [(leaf.name, slope) for leaf, slope in zip(self.leaves, way(self.cotangent, on_values=True), strict=True)]


class Way:
    """The way back from several results to the leaves, each from its own: no operation is added that could hide another."""

    def __init__(self, results: Sequence[Any], values: Sequence[Value]) -> None:
        self.results, self.values = results, values
        self.pullbacks = [Pullback(item, values) if is_value(item) else None for item in results]

    def __call__(self, cotangent: Array, on_values: bool = False) -> list[Any]:
        """The cotangents of the leaves, as numbers or as Values, from one of all results in a row."""
        found: list[Any] = [None] * len(self.values)
        for part, pullback in zip(split(cotangent, self.results), self.pullbacks, strict=True):
            if pullback is not None:
                pulled = pullback(part, on_values)
                found = [new if old is None else old + new for old, new in zip(found, pulled, strict=True)]
        filled = [zeros_like(value.data) if c is None else c for c, value in zip(found, self.values, strict=True)]
        return [c if is_value(c) or not on_values else Value(c) for c in filled]

    def rounding(self, cotangent: Array) -> list[Any]:
        """How much rounding on the way may have moved each element of the cotangents of the leaves: a running error estimate.

        Every contribution to a cotangent on the way is moved by a random part of one unit in its last place, enlarged so that
        the rounding of this very computation is small beside it, and the change at the leaf is measured: rules are
        linear. It has the units of the slope: it is scaled by what the slope is scaled by, and the size of other slopes does
        not matter, as long as nothing of them cancels in this one.
        """
        rng = np.random.default_rng(0)
        nodes = [node for pullback in self.pullbacks if pullback is not None for node in pullback.path]
        coarsest = max([precision(node.dtype) for node in (*nodes, *self.values)], default=2.0**-52)
        enlarged = 2.0**-6 / coarsest
        with np.errstate(all="ignore"):
            plain = self.walk(cotangent, None)
            try:
                moved = [self.walk(cotangent, lambda c, op: shaken(c, op, rng, enlarged)) for _ in range(DRAWS)]
            except ValueError:  # of a rule that refuses cotangents it has no derivative for, as svd() does
                return [np.zeros(np.shape(c)) for c in plain]
            sizes = [[abs(new - old) / enlarged for new, old in zip(draw, plain, strict=True)] for draw in moved]
            return [np.nan_to_num(np.maximum.reduce(each), posinf=0.0) for each in zip(*sizes, strict=True)]

    def walk(self, cotangent: Array, change: Callable[[Any, Op], Any] | None) -> list[Any]:
        """The cotangents of the leaves once more, with a change of every contribution to one on the way."""
        totals: list[Any] = [np.zeros(value.shape) for value in self.values]
        for part, pullback in zip(split(cotangent, self.results), self.pullbacks, strict=True):
            if pullback is None:
                continue
            found: dict[Any, Any] = {pullback.root: part}
            for node in pullback.path:
                if node not in found:
                    continue
                given = found[node], raw(node), raw(arguments_of(node))
                for item, c in contributions(node, *given, pullback.needed, True):
                    c = fit(c, item._raw)
                    c = c if change is None else change(c, node.op)
                    found[item] = found[item] + c if item in found else c
            pairs = zip(totals, self.values, strict=True)
            totals = [total + np.real(found[value]) if value in found else total for total, value in pairs]
        return totals


def shaken(c: Any, op: Op, rng: np.random.Generator, enlarged: float) -> Any:
    """A cotangent, each element moved by a random part of one unit in its last place, enlarged.

    Factorisations mix the elements of a matrix, so that each is rounded as the largest of them is.
    """
    dtype = np.dtype(c.real.dtype) if isinstance(c, (np.ndarray, np.generic)) else np.dtype(float)
    size = abs(c)
    if np.ndim(c) > 1 and np.size(c) and op.mixes:
        size = np.max(size, (-2, -1), keepdims=True) * np.ones(np.shape(c))
    unit = np.where(size > 0.0, np.maximum(precision(dtype) * np.asarray(size, float), smallest(dtype)), 0.0)
    moved = c + enlarged * unit * rng.uniform(-1.0, 1.0, np.shape(c))
    return moved.astype(c.dtype) if np.shape(c) else moved[()]


def split(cotangent: Array, results: Sequence[Any]) -> list[Any]:
    """A cotangent of all results in a row, in the shape and dtype of each."""
    parts, start = [], 0
    for item in results:
        shape = np.shape(item)
        part = cotangent[start : start + math.prod(shape)].reshape(shape)
        start += math.prod(shape)
        parts.append(part.astype(item.dtype) if shape else float(part))
    return parts


def flat(cotangents: Sequence[Any]) -> Array:
    """The cotangents of all leaves in a row."""
    return np.concatenate([np.asarray(c, dtype=float).reshape(-1) for c in cotangents]) if cotangents else np.zeros(0)


def named_inputs(f: Callable[..., Any], inputs: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """(name, input) with the names of the function's parameters, as far as they are known."""
    parameters = [item for item in signature_of(f) if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    for number, item in enumerate(inputs):
        yield parameters[number].name if number < len(parameters) else f"input {number}", item


def as_array(item: Any, name: str) -> Any:
    """A list or tuple of numbers, nested or not, as one array; anything else as it is."""
    if isinstance(item, (list, tuple)) and item and type(item) in (list, tuple) and all_numbers(item):
        return np.asarray(real_array(item, f"the input {name!r}"), dtype=float)
    return item


def all_numbers(item: Any) -> bool:
    if isinstance(item, (list, tuple)):
        return bool(item) and all(map(all_numbers, item))
    return isinstance(item, Real) and not isinstance(item, (bool, np.bool_))


def floating(item: Any, name: str) -> Any:
    """A number or array as a float or a floating array of its own."""
    number = isinstance(item, Real) and not isinstance(item, (int, float, np.generic))  # such as a Fraction
    array = real_array(float(item) if number else item, f"the input {name!r}")
    if not array.ndim and array.dtype.kind == "f" and array.dtype != np.float64:
        return array[()]  # a scalar of lower precision keeps it
    return (
        np.array(array, dtype=array.dtype.newbyteorder("=") if array.dtype.kind == "f" else float) if array.ndim else float(array)
    )


def is_constant(item: Any) -> bool:
    """True for bools, which are not differentiated."""
    return isinstance(item, (bool, np.bool_)) or getattr(item, "dtype", None) == np.dtype(bool)


def place_values(tree: Any, name: str, values: list[Value], names: list[str]) -> Any:
    """The same nesting with leaf Values for its numbers and arrays, which are appended; leaf Values and modules stay."""

    def add(value: Value, path: str) -> Value:
        if all(value is not known for known in values):
            values.append(value)
            names.append(path)
        return value

    def leaf(item: Any, path: str) -> Any:
        if is_value(item):
            if item.op is not None:
                raise TypeError(f"{path} is {describe(item)}: pass leaves, or compute it inside of the function")
            return add(item, path) if item.requires_grad else item
        return item if is_constant(item) else add(Value(floating(item, path)), path)

    def module(item: Any, path: str) -> Any:
        for key, parameter in parameters_of(item):
            add(parameter, key)
        return item

    def other(item: Any, path: str) -> Any:
        return leaf(numpy_of(item), path) if is_foreign(item) else no_number(item, path)

    return map_tree(leaf, as_array(tree, name), name, other, module, remake=True)


def no_number(item: Any, path: str) -> Any:
    """What is no number stays inside of a nesting, as a setting; TypeError for an input that is nothing else, or complex."""
    if path.isidentifier() or path.startswith("input ") or isinstance(item, complex):
        raise TypeError(
            f"the input {path!r} is {short(item)}, a {type(item).__name__}: inputs are numbers, arrays, leaf Values, modules, "
            "and dicts, lists, tuples and dataclasses of them; close over anything else"
        )
    return item


def named_results(out: Any) -> list[tuple[str, Any]]:
    """The numbers, arrays and Values in a result, with their paths."""
    found: list[tuple[str, Any]] = []

    def leaf(item: Any, path: str) -> Any:
        found.append((path, item))
        return item

    def other(item: Any, path: str) -> Any:
        if is_foreign(item):
            return leaf(numpy_of(item), path)
        raise TypeError(
            f"the function returned {short(item)}, a {type(item).__name__}: results are numbers, arrays, and dicts, lists, "
            "tuples and dataclasses of them"
        )

    if isinstance(out, (complex, np.complexfloating)):
        return [("", out)]
    map_tree(leaf, out, "", other)
    return found


# --- plain functions and anybody's gradient -------------------------------------------------------


class PlainSubject(Subject):
    """A plain function of numbers and arrays, with a gradient that somebody claims: a function, or the arrays."""

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], claimed: Any, budget: int) -> None:
        self.f, self.claimed = f, claimed
        self.makers: list[Callable[[Any], Any] | None] = []  # for each number or array, where it is of another library
        self.native: dict[int, bool] = {}  # whether the function and its gradient take arrays of that library

        def leaf(item: Any, path: str) -> Any:
            self.makers.append(None)
            return as_plain(item, path)

        def other(item: Any, path: str) -> Any:
            if not is_foreign(item):
                return no_number(item, path)
            self.makers.append(maker_like(item))
            return as_plain(numpy_of(item), path)

        self.named = named = list(named_inputs(f, inputs))
        prepared = [map_tree(leaf, as_array(item, name), name, other) for name, item in named]
        self.tree = Tree(prepared)
        self.paths: list[str] = []
        for (name, _), item in zip(named, prepared, strict=True):
            map_tree(lambda leaf, path: self.paths.append(path), item, name)
        moving = [not is_constant(data) for data in self.tree.leaves]
        self.moving = [place for place, moves in enumerate(moving) if moves]
        leaves = leaves_of([(self.paths[place], self.tree.leaves[place]) for place in self.moving])
        point = [leaf.flatten(self.tree.leaves[place]) for leaf, place in zip(leaves, self.moving, strict=True)]
        super().__init__(leaves, np.concatenate(point) if point else np.zeros(0), budget)
        self.several = len(inputs) > 1
        self.coarse = [precision(leaf.dtype) for leaf in leaves]
        self.output = self.evaluate(self.point)

    def shown(self) -> Any:
        return one_of(self.arguments(self.point))

    def arguments(self, vector: Array, native: bool = False) -> list[Any]:
        """The inputs of the function, in new arrays, at a flat vector; `native` for those of the library that they are of."""
        data = [np.array(item) if isinstance(item, np.ndarray) else item for item in self.tree.leaves]
        for leaf, place in zip(self.leaves, self.moving, strict=True):
            data[place] = leaf.shaped(vector)
        if native:
            data = [make(item) if make else item for make, item in zip(self.makers, data, strict=True)]
        result: list[Any] = self.tree.rebuild(data)
        return result

    def called(self, function: Callable[..., Any], vector: Array) -> tuple[Any, list[Any]]:
        """What a function returns at an input, and the arguments that it was given.

        It gets arrays of the library that the inputs are of, or NumPy's where it does not take these.
        """
        native = any(self.makers) and self.native.get(id(function), True)
        arguments = self.arguments(vector, native)
        try:
            returned = function(*arguments)
        except Exception as error:
            if isinstance(error, TypeError) and not takes(function, len(arguments)):
                what = "gradient=" if function is self.claimed else "the function"
                names = ", ".join(name for name, _ in self.named)
                error.add_note(f"{what} is called with the inputs, as they were given after the function: {names}")
            if not native or id(function) in self.native:
                raise
            arguments = self.arguments(vector)
            try:
                returned = function(*arguments)
            except Exception:
                returned = None
            if returned is None:
                raise  # what it said of the inputs as they were given
            native = False
        self.native[id(function)] = native
        return returned, arguments

    def parts(self, vector: Array) -> list[tuple[str, Any]]:
        found = [(name, plain(item)) for name, item in named_results(self.called(self.f, vector)[0])]
        if not found:
            raise TypeError("the function returned nothing: it is to return a number or an array")
        for _, item in found:
            if np.asarray(item).dtype.kind == "c":
                raise ValueError(f"the function returned a complex number, {short(item)}: it is to be real; take .real, or abs()")
        return found

    def complex_step(self, direction: Array) -> Array | None:
        """The slope along a direction from an imaginary step, if the function takes complex numbers (Squire and Trapp 1998)."""
        step = 2.0**-100
        data = list(self.tree.leaves)
        for leaf, place in zip(self.leaves, self.moving, strict=True):
            moved = self.point[leaf.part] + 1j * step * direction[leaf.part]
            data[place] = moved.reshape(leaf.shape) if leaf.shape else complex(moved[0])
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                self.evaluations += 1
                found = [np.asarray(plain(item)) for _, item in named_results(self.f(*self.tree.rebuild(data)))]
        except Exception:  # whatever a function of real numbers does with complex ones
            return None
        if not all(array.dtype.kind == "c" for array in found):
            return None
        vector = np.concatenate([array.reshape(-1) for array in found])
        return vector.imag / step if np.allclose(vector.real, self.output.vector, rtol=1e-9, atol=0.0) else None

    def returned(self, vector: Array) -> Any:
        """What the claimed gradient is at an input, as it came."""
        self.gradients += 1
        return self.called(self.claimed, vector)[0] if callable(self.claimed) else self.claimed

    def jacobian(self, vector: Array) -> Array:
        """The claimed derivatives, (m, n); nan where the shape is wrong, and the contract then is broken."""
        return self.flattened(self.returned(vector))

    def flattened(self, given: Any) -> Array:
        """A claim of any form as one array (m, n)."""
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
                    f"the gradient of {leaf.name} is None: return a number or an array of its shape, which is zeros where the "
                    "result does not depend on it"
                )
            if array.dtype.kind not in "biuf":
                came = short(array.item() if array.ndim == 0 else array)
                raise TypeError(
                    f"the gradient of {leaf.name} is {came}: it is a real number or an array, of the shape of the result and "
                    "then that of the input"
                )
            wanted = out[0][1] + leaf.shape
            fits = array.shape == wanted or (size == 1 and array.shape in (leaf.shape, (1, *leaf.shape)))
            if fits or (array.size == size * (leaf.stop - leaf.start) == 1):
                columns.append(array.astype(float).reshape(size, -1))
            else:
                self.complain(
                    f"the gradient of {leaf.name} has the shape {array.shape}, but {wanted} is needed, the shape of the result "
                    f"and then that of the input{shape_hint(array, wanted)}"
                )
                columns.append(np.full((size, leaf.stop - leaf.start), np.nan))
            if array.dtype.kind == "f":
                self.coarse[number] = max(precision(array.dtype), precision(leaf.dtype))
                if callable(self.claimed) and precision(array.dtype) > max(precision(each.dtype) for each in self.leaves):
                    self.complain(f"the gradient of {leaf.name} has the dtype {array.dtype}, but the input has {leaf.dtype}")
        return np.concatenate(columns, axis=1) if columns else np.zeros((size, 0))

    def claims(self, given: Any) -> list[Any]:
        """One claimed array for each leaf, from one for a single input or a tuple for several."""
        prepared, given = self.tree.numbered, adopted(given)
        several = len(prepared) > 1 or (isinstance(given, tuple) and len(given) == 1 and not isinstance(prepared[0], tuple))
        if several and (not isinstance(given, (tuple, list)) or len(given) != len(prepared)):
            came = f"a {type(given).__name__}" + (f" of {len(given)}" if isinstance(given, (list, tuple)) else "")
            raise ValueError(f"gradient= needs a tuple of {len(prepared)}, one gradient for each input, but {came} came")
        found: list[Any] = []
        for name, (numbered, item) in enumerate(zip(prepared, given if several else [given], strict=True)):
            if is_leaf(numbered):
                found += [item] if numbered in self.moving else []
            else:
                inside = map_tree(lambda number, path: self.tree.leaves[number], numbered)
                matched = Tree(inside).match(item, f"the gradient of input {name}")
                found += [leaf for place, leaf in zip(Tree(numbered).leaves, matched, strict=True) if place in self.moving]
        return [plain(item) for item in found]

    def pull(self, cotangents: Array, vector: Array | None = None) -> Array:
        jacobian = self.jacobian(self.point if vector is None else vector)
        if np.array_equal(cotangents, np.eye(len(jacobian))):
            return jacobian  # as it came: zero times an infinite slope is not a number
        return cotangents @ jacobian

    def claim_precision(self, leaf: Leaf) -> float:
        return self.coarse[self.leaves.index(leaf)]


def takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function takes so many positional arguments, as far as that is known."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a function written in C, whose signature is not known
        return True
    return True


def one_of(arguments: Sequence[Any]) -> Any:
    """A single argument by itself, several as a tuple."""
    return arguments[0] if len(arguments) == 1 else tuple(arguments)


def data_of(module: Any) -> dict[str, Any]:
    """The parameters of a module as plain data."""
    return {name: own_copy(parameter.data) for name, parameter in parameters_of(module)}


def as_plain(item: Any, path: str) -> Any:
    """A number or array of its own, floating unless it is bool; of a Value its data."""
    return item if is_constant(item) else floating(raw(item), path)


def plain(item: Any) -> Any:
    """A number or array, also of another library's array, or a list."""
    item = item.data if is_value(item) else numpy_of(item)
    if isinstance(item, (float, int, complex, np.generic, np.ndarray)):
        return item
    try:
        return np.asarray(item)
    except ValueError:
        raise ValueError(
            f"the gradient is {short(item)}, a nested list that is not rectangular: return an array of the shape of the result "
            "and then that of the input"
        ) from None


def shape_hint(array: Array, wanted: tuple[int, ...]) -> str:
    """What to do where the elements are in another shape, or where axes were broadcast and not summed."""
    if array.size == math.prod(wanted):
        if array.ndim > 1 and array.shape == wanted[::-1]:
            return ": it looks transposed, return its .T"
        return f": return it in that shape, as by .reshape({', '.join(map(str, wanted))})"
    extra = array.ndim - len(wanted)
    axes = tuple(range(max(extra, 0)))
    axes += tuple(axis + extra for axis, size in enumerate(wanted) if extra >= 0 and size == 1 and array.shape[axis + extra] != 1)
    if extra >= 0 and axes and array.sum(axis=axes).size == math.prod(wanted):
        return f": it looks as if it was not summed over the broadcast axes {axes}"
    return ""

"""Functions of Values, with the gradient from the graph; and that gradient as a function whose derivatives are checked next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.op import is_value, raw
from autograd.ops.inputs import describe, own_copy
from autograd.transforms.trees import map_tree, parameters_of
from autograd.value import Value
from autograd.verify.subjects.foreign import is_foreign, numpy_of
from autograd.verify.subjects.inputs import as_array, is_constant, named_inputs, named_results, one_of, own_floats, refuse_or_keep
from autograd.verify.subjects.pullbacks import Pullbacks
from autograd.verify.subjects.subject import Subject, as_vector, leaves_of

Array = np.ndarray


class ValueSubject(Subject):
    """A function of Values. All evaluations use the same leaves, with other data each time."""

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], budget: int) -> None:
        self.f = f
        self.values: list[Value] = []
        names: list[str] = []
        self.args = [with_values(item, name, self.values, names) for name, item in named_inputs(f, inputs)]
        self.before = [value.data for value in self.values]
        self.recorded: Pullbacks | None = None  # at the point
        super().__init__(leaves_of(list(zip(names, self.before, strict=True))), as_vector(self.before), budget)

    def move(self, vector: Array) -> None:
        """Set the data of all leaves."""
        self.recorded = None
        for leaf, value in zip(self.leaves, self.values, strict=True):
            value.data = leaf.shaped(vector)

    def restore(self) -> None:
        self.recorded = None
        for value, data in zip(self.values, self.before, strict=True):
            value.data = data

    def shown(self) -> Any:
        self.move(self.point)
        return one_of(map_tree(lambda item, path: raw(item), self.args, "", None, lambda module, path: data_of(module)))

    def results(self) -> list[tuple[str, Any]]:
        """Return the named results with the leaves as they are, Values among them."""
        return named_results(self.f(*self.args))

    def parts(self, vector: Array) -> list[tuple[str, Any]]:
        self.move(vector)
        found = self.results()
        if not any(is_value(item) for _, item in found):
            returned = type(found[0][1]).__name__ if found else "nothing"
            raise TypeError(
                f"the function must return a Value, but it returned {returned}: compute it from its arguments with operations on "
                "Values, without .data and .item(), or give gradient=... for a plain NumPy function"
            )
        return [(name, raw(item)) for name, item in found]

    def pull(self, cotangents: Array, vector: Array | None = None) -> Array:
        pullbacks = self.pullbacks(self.point if vector is None else vector)
        self.gradients += len(cotangents)
        return self.rows(pullbacks, cotangents)

    def rounding(self, cotangents: Array) -> Array:
        return self.rows(self.pullbacks(self.point).rounding, cotangents)

    def rows(self, pull: Callable[[Array], list[Any]], cotangents: Array) -> Array:
        """Return the numbers of all leaves that a function gives for a cotangent, as a row for each."""
        return np.array([as_vector(pull(cotangent)) for cotangent in cotangents]).reshape(len(cotangents), len(self.point))

    def pullbacks(self, vector: Array) -> Pullbacks:
        """Return the pullbacks of all results, recorded at an input. Evaluations elsewhere make them stale."""
        if vector is self.point and self.recorded is not None:
            return self.recorded
        self.move(vector)
        pullbacks = Pullbacks([item for _, item in self.results()], self.values)
        self.recorded = pullbacks if vector is self.point else None
        return pullbacks

    def derivative(self, cotangent: Array) -> DerivativeSubject:
        """Return the gradient of one combination of the results, as a function whose derivatives can be checked."""
        return DerivativeSubject(self, cotangent)


class DerivativeSubject(ValueSubject):
    """The gradient of a function of Values: its own derivative is the second one of the function."""

    def __init__(self, inner: ValueSubject, cotangent: Array) -> None:
        self.inner, self.cotangent = inner, cotangent
        self.values, self.before, self.recorded = inner.values, inner.before, None
        Subject.__init__(self, inner.leaves, inner.point, inner.budget, inner.evaluations)

    def noise_floor(self) -> Array:
        """Return the rounding errors that cancelling terms leave in each element of the gradient."""
        return np.asarray(2.0 * self.inner.rounding(self.cotangent[None])[0])

    def results(self) -> list[tuple[str, Any]]:
        pullbacks = Pullbacks([item for _, item in self.inner.results()], self.values)
        return [(leaf.name, slope) for leaf, slope in zip(self.leaves, pullbacks(self.cotangent, on_values=True), strict=True)]


def with_values(tree: Any, name: str, values: list[Value], names: list[str]) -> Any:
    """Return the nesting with leaf Values, which are appended, in place of numbers and arrays; Values and modules stay."""

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
        return item if is_constant(item) else add(Value(own_floats(item, path)), path)

    def module(item: Any, path: str) -> Any:
        for key, parameter in parameters_of(item):
            add(parameter, key)
        return item

    def other(item: Any, path: str) -> Any:
        return leaf(numpy_of(item), path) if is_foreign(item) else refuse_or_keep(item, path)

    return map_tree(leaf, as_array(tree, name), name, other, module, remake=True)


def data_of(module: Any) -> dict[str, Any]:
    """Return the parameters of a module as plain data."""
    return {name: own_copy(parameter.data) for name, parameter in parameters_of(module)}

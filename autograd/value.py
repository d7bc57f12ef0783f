"""Value: a float or an array that remembers how it was computed, with Python's operators and methods.

The derivative rules are in ops/, the chain rule is in backward.py.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from copy import copy
from functools import partial, update_wrapper
from typing import Any, NoReturn

import numpy as np

from autograd import ops, scope_stack
from autograd.backward import backward
from autograd.graph import arguments_of, grad_lock, inputs_of
from autograd.hooks import NO_NOTES, Hook, notes_of
from autograd.numpy.dispatch import array_function, array_ufunc
from autograd.numpy.leaving import no_copy, no_parts, pandas_priority, refuse_conversion
from autograd.numpy.method_table import PLAIN, PYTORCH, op_method, plain_method, pytorch_hint, reflected_divmod, shared_functions
from autograd.numpy.methods import Methods
from autograd.op import FLOAT_ERRORS, Op, adds_float16, as_float, raw, record_in_float32
from autograd.ops import elementwise, indexing, kinks, products, shapes
from autograd.ops.inputs import describe, explained, leaf_data, matching, short, zeros_like
from autograd.ops.operands import constant, operands
from autograd.scopes import Place, scope
from autograd.stale import changed

_tick = 0  # counts assignments to .data; a node with a smaller clock than its leaf is stale
new = object.__new__


def record(op: Op, args: tuple[Any, ...]) -> Value:
    """Compute an op on Values and constants, and record it."""
    args = operands(op, args if op.prepare is None else op.prepare(*args))
    data = [v._raw if v.__class__ is Value else raw(v) if v.__class__ is tuple else v for v in args]
    if op.sums and adds_float16(op, args, data[op.first]):
        return record_in_float32(record, op, args)
    return new_node(op, compute(op, *data), *((args,) if op.packed else args))


def compute(op: Op, *data: Any) -> Any:
    """Call the forward function with plain data. Return a float or an array; errors describe the inputs."""
    try:
        out = op.forward(*data)
    except (ValueError, TypeError) as error:
        raise explained(op, data, error) from None
    if out.__class__ is not np.ndarray or not out.ndim:
        return out if out.__class__ is float else as_float(out)
    if out.base is not None:
        out.flags.writeable = False  # a view: writing to it would silently change the data of another Value
    return out


def new_node(op: Op, data: Any, x: Any, y: Any = None) -> Value:
    """Return a new node, a recorded Value. binary_method() repeats these lines, as the call would make it a fifth slower."""
    self = new(Value)
    self._raw, self.op, self._x = data, op, x  # at most three, which Python assigns without creating a tuple
    self._y, self._clock, self._scratch = y, _tick, None
    self.place = place = scope_stack.current()
    if place is not None and place.settings:
        apply_settings(self, place.settings)
    return self


def apply_settings(self: Value, settings: dict[str, bool]) -> None:
    """Apply the settings of a scope to a new node: remove its graph, or record its source line and checksums."""
    if not settings.get("recording", True):
        self.op = self.place = self._x = self._y = self._grad = self._since = None
        self._frozen = True
        self._raw = np.array(self._raw) if getattr(self._raw, "base", None) is not None else self._raw
    elif settings.get("lines"):
        self.place = Place([data for data in map(raw, arguments_of(self)) if data.__class__ is np.ndarray])


def unary_method(op: Any) -> Callable[[Value], Value]:
    """Return the method that calls an elementwise op of one input."""

    def method(self: Value) -> Value:
        return new_node(op, op.forward(self._raw), self)

    return update_wrapper(method, op, updated=())


def binary_method(op: Op) -> Callable[[Value, Any], Value]:
    """Return the operator method of an op of two inputs, for a Value on the left."""
    forward = op.scalar if op.scalar is op.array else partial(compute, op)

    def method(self: Value, other: Any) -> Value:
        if other.__class__ is Value:
            y = other._raw
        elif other.__class__ is float:
            y = other
        else:
            other = constant(other, self._raw)
            if other is NotImplemented:
                return NotImplemented
            y = raw(other)
        try:
            data = forward(self._raw, y)
        except FLOAT_ERRORS:
            data = compute(op, self._raw, y)
        result = new(Value)
        result._raw = data
        result.op = op
        result._x = self
        result._y = other
        result._clock = _tick
        result._scratch = None
        result.place = place = scope_stack.current()
        if place is not None and place.settings:
            apply_settings(result, place.settings)
        return result

    return method


def reflected_method(op: Op) -> Callable[[Value, Any], Value]:
    """Return the operator method of an op of two inputs, for a constant on the left."""

    return lambda self, other: other if (other := constant(other)) is NotImplemented else record(op, (other, self))


def comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the operator method of an elementwise comparison, whose result is a plain bool or array of bools."""

    def method(self: Value, other: Any) -> Any:
        try:
            other = other._raw if other.__class__ is Value else raw(constant(other))
        except TypeError:  # for a string, say; Python then returns False for ==, and raises for <
            return NotImplemented
        return NotImplemented if other is NotImplemented else compare(self._raw, other)

    return method


class Value(Methods):
    """A scalar or tensor in a graph of operations.

    Args:
        data: a real number, or an array or nested list of real numbers. Numbers become Python floats. Arrays are copied;
            integers and bools become float64, float32 and float16 stay.
        label: a name for drawings and messages; it can be set later.
        requires_grad: False freezes the Value: backward() computes no gradient for it.

    Attributes:
        op: the operation that computed the Value, or None for a leaf.
        place: the scope in which it was recorded, or None; str(place) names modules and the source line.

    Raises:
        TypeError: if data is complex, a string, an object array, a masked array or another Value.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> loss = (a * b + 10.0).tanh()
    >>> loss.backward()
    >>> round(a.grad, 6), round(b.grad, 6)
    (-0.004023, 0.002682)
    """

    # _x and _y: the operands, Values or constants; a node of a packed op has all its arguments in _x.
    # _clock: _tick when the data was computed or set; 0 for a new leaf. _scratch: for sorts and backward passes (graph.py).
    # _frozen: of a leaf, `not requires_grad`. _since: of a leaf, the root's _clock at the first backward() that .grad contains.
    # _notes: a dict of label and hooks, which few Values have.
    # With one more slot a node would take 144 bytes, not 128, and a training step on scalars 3 % longer.
    __slots__ = ("__weakref__", "_clock", "_frozen", "_grad", "_notes", "_raw", "_scratch", "_since", "_x", "_y", "op", "place")

    __array_ufunc__, __array_function__ = array_ufunc, array_function  # np.sin(value), array * value
    __pandas_priority__ = property(pandas_priority)  # table * value comes here
    __hash__ = object.__hash__
    _record = staticmethod(record)

    def __init__(self, data: Any, label: str = "", *, requires_grad: bool = True) -> None:
        self._raw: Any = data if data.__class__ is float else leaf_data(data)
        self._frozen, self._clock, self._scratch = not requires_grad, 0, None
        nothing: Any = None
        self._x = self._y = self._grad = nothing
        self._since: int | None = None
        self.op: Op | None = None
        self.place: scope | None = None
        if label:
            self.label = label

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Value cannot be subclassed, because its methods compare classes with `is`: hold a Value in your class")

    # --- data and graph ----------------------------------------------------------------------------

    shape = property(lambda self: () if self._raw.__class__ is float else self._raw.shape, doc="The lengths of the axes.")
    ndim = property(lambda self: len(self.shape), doc="The number of axes, 0 for a scalar.")
    size = property(lambda self: 1 if self._raw.__class__ is float else self._raw.size, doc="The number of elements.")
    dtype = property(lambda self: getattr(self._raw, "dtype", np.dtype(float)), doc="The NumPy dtype.")
    T = property(lambda self: shapes.transpose(self), doc="All axes in reverse order.")
    mT = property(lambda self: shapes.matrix_transpose(self), doc="The matrices in the last two axes transposed.")
    real = property(lambda self: self, doc="The Value itself, which is real.")
    imag = property(lambda self: kinks.imag(self), doc="Zeros.")
    at = property(indexing.AtIndexer, doc="``v.at[i].set(u)``, ``.add(u)``, ``.multiply(u)``: a copy with a part changed.")
    label = property(lambda v: getattr(v, "_notes", NO_NOTES).get("label", ""), lambda v, text: notes_of(v).update(label=text))
    inputs = property(lambda self: arguments_of(self), doc="The arguments it was computed from: Values, constants, axes, shapes.")
    _prev = property(lambda self: set(inputs_of(self)), doc="micrograd's name: the Values it was computed from.")
    _op = property(lambda self: ops.micrograd_symbol(self), doc="micrograd's name: '+', '**2', 'ReLU'; '' for a leaf.")

    @property
    def grad(self) -> Any:
        """The gradient, in the shape and dtype of data; zero before the first backward().

        On leaves, gradients accumulate over calls of backward(). On computed Values, it is the gradient of the last call.
        """
        grad = getattr(self, "_grad", None)
        if grad is None and self._raw.__class__ is not float:
            zeros = zeros_like(self._raw)
            with grad_lock:  # another thread may just have written a gradient
                grad = getattr(self, "_grad", None)
                if grad is None:
                    grad = self._grad = zeros
        return 0.0 if grad is None else grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        same = grad is None or grad is getattr(self, "_grad", None)
        self._grad = grad if same else matching(grad, self._raw, "grad")
        if grad is None or not np.any(grad):
            self._since = None

    @property
    def grad_status(self) -> str:
        """The state of a leaf's gradient: "none", "fresh" or "stale".

        "none": no backward() has reached the leaf since its gradient was set to zero. "stale": its data was set after
        the first backward() that the gradient contains, as when an optimiser steps and zero_grad() is not called.
        """
        since = getattr(self, "_since", None)
        return "none" if since is None else "stale" if self._clock > since else "fresh"

    def _set_data(self, data: Any) -> None:
        global _tick
        if data is not self._raw and not data.__class__ is self._raw.__class__ is float:
            data = matching(data, self._raw, "data")
        _tick += 1
        self._raw, self._clock = data, _tick
        if self.op is not None:
            changed.add(self)

    # attrgetter is written in C and takes half the time of a lambda.
    data = property(operator.attrgetter("_raw"), _set_data, doc="The float or array. Setting it makes graphs stale.")

    @property
    def requires_grad(self) -> bool:
        """Whether backward() computes a gradient: False for a frozen or detached leaf, whose `.grad` does not change."""
        return self.op is not None or not self._frozen

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        if self.op is not None:
            raise ValueError(f"requires_grad is set on leaves, but {describe(self)} was computed: use .detach()")
        self._frozen = not flag

    # --- differentiation ---------------------------------------------------------------------------

    def backward(self, seed: Any = None, *, keep_grads: bool = True) -> None:
        """Compute the gradient of this Value with respect to every leaf below it, and add it to the leaf's `.grad`.

        Args:
            seed: the cotangent of this Value, of the same shape; by default 1.0 for a scalar.
            keep_grads: whether computed Values keep their gradients, too. False frees their memory during the pass.

        Raises:
            ValueError: for a tensor without a seed, a seed of another shape, or data that changed after it was used.
        """
        backward(self, seed, keep_grads)

    def detach(self) -> Value:
        """Return a frozen leaf with a copy of the data, without the graph."""
        return Value(self._raw, self.label, requires_grad=False)

    def register_hook(self, hook: Callable[[Any], Any]) -> Hook:
        """Call ``hook(g)`` with the complete gradient of this Value in every backward pass.

        Args:
            hook: a function of the gradient, which is a float or an array in backward() and a Value in gradient(). It may
                return another gradient of the same shape to use instead.

        Returns:
            A handle. Its remove() removes the hook.

        >>> x = Value(2.0)
        >>> handle = x.register_hook(lambda g: 10.0 * g)
        >>> (x * x).backward()
        >>> x.grad
        40.0
        >>> handle.remove()
        """
        return Hook(self, hook)

    # --- operators and methods ---------------------------------------------------------------------

    __add__, __radd__ = binary_method(elementwise.add), reflected_method(elementwise.add)
    __sub__, __rsub__ = binary_method(elementwise.sub), reflected_method(elementwise.sub)
    __mul__, __rmul__ = binary_method(elementwise.mul), reflected_method(elementwise.mul)
    __truediv__, __rtruediv__ = binary_method(elementwise.div), reflected_method(elementwise.div)
    __pow__, __rpow__ = binary_method(elementwise.pow), reflected_method(elementwise.pow)
    __pow__.__qualname__ = "a Value has no modulus: pow"  # Python's error for pow(v, x, modulus) begins with this name
    __matmul__, __rmatmul__ = binary_method(products.matmul), reflected_method(products.matmul)
    __lt__, __le__ = comparison(operator.lt), comparison(operator.le)
    __gt__, __ge__ = comparison(operator.gt), comparison(operator.ge)
    __eq__, __ne__ = comparison(operator.eq), comparison(operator.ne)
    __floordiv__, __rfloordiv__ = binary_method(kinks.floor_divide), reflected_method(kinks.floor_divide)
    __mod__, __rmod__ = binary_method(kinks.mod), reflected_method(kinks.mod)
    __neg__, __pos__, __abs__ = map(unary_method, (elementwise.neg, elementwise.positive, kinks.abs))
    __divmod__, __rdivmod__, __round__ = map(op_method, (kinks.divmod, reflected_divmod, kinks.round))
    __getitem__ = op_method(indexing.getitem)

    def reshape(self, *shape: Any, order: str = "C") -> Value:
        """Return the same elements in another shape: ``v.reshape(2, 3)`` or ``v.reshape((2, -1))``."""
        return shapes.reshape(self, shape[0] if len(shape) == 1 else shape, order)

    def transpose(self, *axes: Any) -> Value:
        """Permute the axes, by default in reverse order: ``v.transpose(0, 2, 1)``."""
        return shapes.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)

    __setitem__ = __delitem__ = no_parts

    def __len__(self) -> int:
        return len(self._raw)

    def __iter__(self) -> Iterator[Value]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._raw)

    # --- leaving the graph: as text, as a number, as a copy ------------------------------------------

    def item(self, *index: Any) -> float:
        """Return the only element, or the one at an index, as a float without a graph.

        Raises:
            ValueError: if there are several elements and no index.
        """
        if self.size != 1 and not index:
            raise ValueError(f"item() needs one element, but the shape is {self.shape}: use .data, or .sum() or .mean()")
        return self._raw if self._raw.__class__ is float and not index else np.asarray(self._raw, dtype=float).item(*index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad and scope_stack.is_recording():
            return refuse_conversion(self, dtype)
        return np.asarray(self._raw, dtype) if copy is False else np.array(self._raw, dtype)

    def tolist(self) -> Any:
        """Return the numbers of a frozen Value as nested lists.

        Raises:
            TypeError: if the Value requires a gradient, which would be lost.
        """
        return self.__array__().tolist()

    def __float__(self) -> float:
        return float(self.__array__())

    def __int__(self) -> int:
        return int(float(self))

    def __repr__(self) -> str:
        parts = [f"data={short(self._raw)}"] + [f"grad={self.grad!r}"] * (self.shape == ())
        parts += [f"label={self.label!r}"] * bool(self.label) + ([] if self.op is None else [f"op={self.op.name!r}"])
        return f"Value({', '.join(parts)})"

    def __format__(self, spec: str) -> str:
        if self._raw.__class__ is float or not spec:
            return format(self._raw, spec) if spec else repr(self)
        return np.array2string(self._raw, formatter={"float_kind": lambda number: format(number, spec)})

    def __reduce__(self) -> tuple[Any, ...]:
        if self.op is not None:
            raise no_copy(self)
        return Value, (self._raw, self.label), (None, {"_frozen": self._frozen, "_grad": copy(self._grad)})

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        for slot, item in state[1].items():
            setattr(self, "_frozen" if slot == "_y" else slot, item)  # older pickles have the flag in _y


for _name, _function in shared_functions().items():
    if not hasattr(Value, _name):
        setattr(Value, _name, unary_method(_function) if getattr(_function, "arity", 0) == 1 else op_method(_function))
for _name in PLAIN:
    setattr(Value, _name, plain_method(_name))
for _name in PYTORCH:
    setattr(Value, _name, pytorch_hint(_name))

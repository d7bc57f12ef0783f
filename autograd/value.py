"""Value: a float or an array that remembers how it was computed, with Python's operators and methods.

The hot operators build their node in place, because a shared function would double their cost; all
others go through record(). The derivative rules are in ops/, the chain rule in backward.py.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn
from weakref import WeakSet

import numpy as np

from autograd import ops
from autograd.backward import backward
from autograd.graph import arguments_of, inputs_of
from autograd.op import FLOAT_ERRORS, Op
from autograd.ops.indexing import AtIndexer
from autograd.scopes import Place, current, describe, is_set, scope

ndarray = np.ndarray
new = object.__new__

#: Counts the assignments to .data of all Values; a node older than its leaf's data is stale.
_tick = 0


def unary_method(op: Op) -> Callable[[Value], Value]:
    """The method of an elementwise op of one input."""
    scalar, array = op.scalar, op.array

    def method(self: Value) -> Value:
        x = self._data
        if x.__class__ is float:
            try:
                data = scalar(x)  # type: ignore[misc]
            except FLOAT_ERRORS:
                data = op.on_floats(x)
        else:
            data = array(x)
        node = new(Value)
        node._data = data
        node.op = op
        node._x = self
        node._y = None
        node._mark = None
        node._clock = _tick
        node.place = place = current()
        if place is not None and place.settings:
            finish(node, place)
        return node

    return named(method, op)


def binary_method(op: Op) -> Callable[[Value, Any], Value]:
    """The operator of an op of two inputs, a Value on the left."""
    forward = op.scalar if op.scalar is op.array else lambda x, y: compute(op, (x, y))  # noqa: E731

    def method(self: Value, other: Any) -> Value:
        if other.__class__ is Value:
            y = other._data
        elif other.__class__ is float:
            y = other
        else:
            y = other = constant(other)
            if y is NotImplemented:
                return NotImplemented
        try:
            data = forward(self._data, y)  # type: ignore[misc]
        except FLOAT_ERRORS:
            data = compute(op, (self._data, y))
        if data.__class__ is not float and data.__class__ is not ndarray:
            data = float(data)
        node = new(Value)
        node._data = data
        node.op = op
        node._x = self
        node._y = other
        node._mark = None
        node._clock = _tick
        node.place = place = current()
        if place is not None and place.settings:
            finish(node, place)
        return node

    return named(method, op)


def reflected_method(op: Op) -> Callable[[Value, Any], Value]:
    """The operator of an op of two inputs, a constant on the left."""

    def method(self: Value, other: Any) -> Value:
        other = constant(other)
        return NotImplemented if other is NotImplemented else record(op, (other, self))

    return named(method, op)


def op_method(op: Callable[..., Any]) -> Callable[..., Value]:
    """The method of any other op, whose first argument is the Value."""

    def method(self: Value, *args: Any, **named: Any) -> Value:
        return op(self, *args, **named)

    return named(method, op)


def comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An elementwise comparison: a plain bool or array of bools."""

    def method(self: Value, other: Any) -> Any:
        other = other._data if other.__class__ is Value else constant(other)
        return NotImplemented if other is NotImplemented else compare(self._data, other)

    return method


def named(method: Any, op: Any) -> Any:
    method.__name__, method.__doc__ = op.__name__, op.__doc__
    return method


class Value:
    """A scalar or tensor in a graph of operations.

    Args:
        data: a real number, or an array (or nested list) of real numbers. Numbers become Python floats;
            arrays are copied and become floating, and keep float32 and float16.
        label: a name for drawings and messages.
        requires_grad: False freezes the Value: nothing is differentiated with respect to it.

    Raises:
        TypeError: if data is complex, a string, an object array, a masked array or another Value.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> loss = (a * b + 10.0).tanh()
    >>> loss.backward()
    >>> round(a.grad, 6), round(b.grad, 6)
    (-0.003982, 0.002655)
    """

    # _x and _y are the operands, Values or constants; an op of other arity has all its arguments in _x,
    # and a leaf has in _y whether it is frozen. Fewer slots are less for the collector to walk through.
    __slots__ = ("_clock", "_data", "_grad", "_label", "_mark", "_x", "_y", "op", "place", "__weakref__")

    op: Op | None
    place: scope | Place | None

    __array_ufunc__ = None  # NumPy then leaves `array * value` to Value.__rmul__
    __hash__ = object.__hash__
    _changed: WeakSet[Value] = WeakSet()  # computed Values whose .data was set

    def __init__(self, data: Any, label: str = "", *, requires_grad: bool = True) -> None:
        if data.__class__ is not float:
            data = leaf_data(data)
        self._data = data
        self._label = label
        self._grad = self._mark = self._x = self.op = self.place = None
        self._y = not requires_grad
        self._clock = 0

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Value cannot be subclassed: its methods check classes with `is`. Hold a Value in your class instead.")

    # --- what a Value is ---------------------------------------------------------------------------

    @property
    def grad(self) -> Any:
        """The gradient, with the shape and dtype of data: 0 before the first backward().

        On leaves it accumulates over calls of backward(); elsewhere it is that of the last call.
        """
        try:
            grad = self._grad
        except AttributeError:  # a node that no backward() has met
            grad = None
        if grad is None:
            grad = self._grad = 0.0 if self._data.__class__ is float else np.zeros_like(self._data)
        return grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        if grad is not None and grad is not getattr(self, "_grad", None):
            grad = match(grad, self._data, "grad")
        self._grad = grad

    @property
    def label(self) -> str:
        """The name given by the user, or an empty string."""
        return getattr(self, "_label", "")

    @label.setter
    def label(self, label: str) -> None:
        self._label = label

    @property
    def requires_grad(self) -> bool:
        """False on a frozen or detached leaf; such a leaf keeps the gradient it had."""
        return self.op is not None or not self._y

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        if self.op is not None:
            raise ValueError(f"requires_grad can be set on leaves only, but {describe(self)} was computed: use .detach()")
        self._y = not flag

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The arguments it was computed from: Values, and constants, axes and shapes as plain data."""
        return () if self.op is None else arguments_of(self)

    shape = property(lambda self: () if self._data.__class__ is float else self._data.shape, doc="Lengths of the axes.")
    ndim = property(lambda self: len(self.shape), doc="The number of axes, 0 for a scalar.")
    size = property(lambda self: 1 if self._data.__class__ is float else self._data.size, doc="The number of elements.")
    dtype = property(lambda self: np.dtype(float) if self._data.__class__ is float else self._data.dtype, doc="NumPy's dtype.")
    T = property(lambda self: ops.shapes.transpose(self), doc="All axes in reverse order.")
    at = property(AtIndexer, doc="``v.at[i].set(u)``, ``.add(u)``, ``.multiply(u)``: v with a part replaced, as a new Value.")

    # micrograd's names, for programs and notebooks written for it
    _prev = property(lambda self: set(inputs_of(self)), doc="The Values it was computed from, as a set.")
    _op = property(lambda self: micrograd_symbol(self), doc="'+', '*', '**2', 'ReLU', ...; '' for a leaf.")

    def _set_data(self, data: Any) -> None:
        global _tick
        if data is not self._data and (data.__class__ is not float or self._data.__class__ is not float):
            data = match(data, self._data, "data")
        self._data = data
        _tick += 1
        self._clock = _tick
        if self.op is not None:
            self._changed.add(self)

    data = property(
        operator.attrgetter("_data"),  # in C: half the time of a lambda
        _set_data,
        doc="The number (a float) or the array. Setting it marks every graph recorded from it as stale.",
    )

    # --- differentiation ---------------------------------------------------------------------------

    def backward(self, seed: Any = None, *, keep_grads: bool = True) -> None:
        """Differentiate this Value with respect to every leaf below it, into their `.grad`.

        Args:
            seed: the cotangent of this Value, of its shape; 1.0 for a scalar if left out.
            keep_grads: False frees the gradients of computed Values on the way.

        Raises:
            ValueError: for a tensor without a seed, a seed of another shape, or data changed since.
        """
        backward(self, seed, keep_grads)

    def detach(self) -> Value:
        """A frozen leaf with a copy of the data: the graph ends here."""
        return Value(self._data, self.label, requires_grad=False)

    def item(self) -> float:
        """The number in a Value with one element, as a float without a graph. Otherwise a ValueError."""
        if self.size != 1:
            raise ValueError(f"item() needs one element, but the shape is {self.shape}: use .data, or reduce with .sum() or .mean()")
        return float(self._data) if self._data.__class__ is float else float(self._data.item())

    # --- methods that are ops ----------------------------------------------------------------------

    __add__, __radd__ = binary_method(ops.elementwise.add), reflected_method(ops.elementwise.add)
    __sub__, __rsub__ = binary_method(ops.elementwise.sub), reflected_method(ops.elementwise.sub)
    __mul__, __rmul__ = binary_method(ops.elementwise.mul), reflected_method(ops.elementwise.mul)
    __truediv__, __rtruediv__ = binary_method(ops.elementwise.div), reflected_method(ops.elementwise.div)
    __pow__, __rpow__ = binary_method(ops.elementwise.pow), reflected_method(ops.elementwise.pow)
    __matmul__, __rmatmul__ = binary_method(ops.linalg.matmul), reflected_method(ops.linalg.matmul)
    __lt__, __le__ = comparison(operator.lt), comparison(operator.le)
    __gt__, __ge__ = comparison(operator.gt), comparison(operator.ge)
    __eq__, __ne__ = comparison(operator.eq), comparison(operator.ne)

    __neg__ = unary_method(ops.elementwise.neg)
    __abs__ = abs = unary_method(ops.elementwise.abs)
    exp, log, sqrt = (unary_method(op) for op in (ops.elementwise.exp, ops.elementwise.log, ops.elementwise.sqrt))
    sin, cos, tanh = (unary_method(op) for op in (ops.elementwise.sin, ops.elementwise.cos, ops.elementwise.tanh))
    sigmoid = unary_method(ops.elementwise.sigmoid)
    relu = unary_method(ops.elementwise.relu)
    softplus = unary_method(ops.elementwise.softplus)

    leaky_relu = op_method(ops.elementwise.leaky_relu)
    clip = op_method(ops.elementwise.clip)
    astype = op_method(ops.elementwise.astype)
    sum, mean = op_method(ops.reductions.sum), op_method(ops.reductions.mean)
    max, min = op_method(ops.reductions.max), op_method(ops.reductions.min)
    softmax, log_softmax = op_method(ops.reductions.softmax), op_method(ops.reductions.log_softmax)
    logsumexp = op_method(ops.reductions.logsumexp)
    broadcast_to = op_method(ops.shapes.broadcast_to)
    squeeze, expand_dims = op_method(ops.shapes.squeeze), op_method(ops.shapes.expand_dims)

    def reshape(self, *shape: Any) -> Value:
        """The same elements in another shape: ``v.reshape(2, 3)`` or ``v.reshape((2, -1))``."""
        return ops.shapes.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Value:
        """The axes in another order, by default reversed: ``v.transpose(0, 2, 1)``."""
        return ops.shapes.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)

    def __getitem__(self, index: Any) -> Value:
        if self._data.__class__ is float:
            raise TypeError(f"a scalar Value has no elements, but it was indexed with {index!r}")
        return ops.indexing.getitem(self, index)

    def __len__(self) -> int:
        if self._data.__class__ is float:
            raise TypeError("a scalar Value has no len()")
        return len(self._data)

    def __iter__(self) -> Iterator[Value]:
        return (self[i] for i in range(len(self)))

    # --- leaving the graph -------------------------------------------------------------------------

    def _leave(self, how: str) -> Any:
        if self.op is not None:
            raise TypeError(
                f"{how} would silently drop the gradient of {describe(self)}. "
                "Take .item() (a float) or .data (an array) if that is meant; "
                "use autograd's functions in place of math's, stack() to join Values, and v.at[i].set(u) to assign."
            )
        return self._data

    def __float__(self) -> float:
        return float(self._leave("float(value)"))

    def __int__(self) -> int:
        return int(self._leave("int(value)"))

    def __complex__(self) -> complex:
        return complex(self._leave("complex(value)"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        data = self._leave("turning it into a plain array")
        return np.asarray(data, dtype) if copy is False else np.array(data, dtype)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("a Value cannot be assigned to in parts: write v = v.at[i].set(x), or .add(x), .multiply(x), instead of v[i] = x")

    def __bool__(self) -> bool:
        return bool(self._data)

    # --- text, copies, files -----------------------------------------------------------------------

    def __repr__(self) -> str:
        parts = [f"data={self._data!r}", f"grad={self.grad!r}"] if self._data.__class__ is float else [f"data={short(self._data)}"]
        parts += [f"label={self.label!r}"] if self.label else []
        parts += [f"op={self.op.name!r}"] if self.op is not None else []
        return f"Value({', '.join(parts)})"

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        if self._data.__class__ is float:
            return format(self._data, spec)
        return np.array2string(self._data, formatter={"float_kind": lambda number: format(number, spec)})

    def __reduce__(self) -> tuple[Any, ...]:
        if self.op is not None:
            raise TypeError(f"{describe(self)} was computed, and a graph cannot be pickled or copied: use .detach(), or copy the leaves")
        return restore, (self._data, self.label, self._y, self._grad)

    _record: Callable[[Op, tuple[Any, ...]], Value]


def record(op: Op, args: tuple[Any, ...]) -> Value:
    """Compute an op on Values and constants, and record it."""
    if op.prepare is not None:
        args = op.prepare(*args)
    operands, data = list(args), list(args)
    for position, _ in op.rules:
        argument = args[position]
        if argument.__class__ is tuple:
            operands[position] = argument = tuple(item if item.__class__ is Value else operand(item, op) for item in argument)
            data[position] = tuple(item._data if item.__class__ is Value else item for item in argument)
        elif argument.__class__ is Value:
            data[position] = argument._data
        elif argument is not None:
            operands[position] = data[position] = operand(argument, op)
    node = new(Value)
    node._data = compute(op, tuple(data))
    node.op, node._mark, node._clock = op, None, _tick
    if op.rule_x is None:
        node._x, node._y = tuple(operands), None
    else:
        node._x, node._y = operands[0], operands[1] if len(operands) == 2 else None
    node.place = place = current()
    if place is not None and place.settings:
        finish(node, place)
    return node


Value._record = staticmethod(record)


def compute(op: Op, data: tuple[Any, ...]) -> Any:
    """The forward function on plain data: a float or an array, or an error that says what came."""
    try:
        if op.scalar is not None and all(item.__class__ is float for item in data):
            return op.on_floats(*data)
        out = op.array(*data)
    except (ValueError, TypeError) as error:
        raise type(error)(explain(op, data, error)) if type(error) in (ValueError, TypeError) else error from None
    return out if out.__class__ is ndarray and out.ndim else float(out)


def finish(node: Value, place: scope) -> None:
    """What a special scope wants of a new node: no graph, or its source line and checksums."""
    if is_set("recording", True):
        if not is_set("lines"):
            return
        operands = [item for item in arguments_of(node) if not isinstance(item, (tuple, int, type(None)))]
        node.place = Place(place, [data for data in map(ops.elementwise.raw, operands) if data.__class__ is ndarray])
    else:
        node.op = node.place = node._x = node._grad = None
        node._y = True


# --- plain data coming in ---------------------------------------------------------------------------


def leaf_data(data: Any) -> Any:
    """A float or a floating array of its own."""
    if data.__class__ is Value:
        raise TypeError("Value(...) got a Value: use it as it is, or v.detach() for a copy without its graph")
    array = real_array(data, "Value(...)")
    if array.dtype.kind != "f":
        array = array.astype(float)
    return float(array) if array.ndim == 0 else np.array(array)


def real_array(data: Any, who: str) -> np.ndarray:
    """`data` as an array of bools, integers or floats, or a TypeError that says what came."""
    if isinstance(data, (list, tuple)) and holds_value(data):
        raise TypeError(f"{who} got a list that holds Values: join them with stack(...) or concatenate(...), which keep their graph")
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(f"{who} got a masked array, whose mask would be lost: use .filled(...) and where(...)")
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{who} got a nested list that is not rectangular: {error}") from None
    if array.dtype.kind in "biuf":
        return array
    kinds = {"c": "complex numbers", "O": "an object array", "U": "a string", "S": "bytes", "M": "dates", "m": "time spans"}
    came = kinds.get(array.dtype.kind, f"dtype {array.dtype}")
    fix = "take .real and .imag apart" if array.dtype.kind == "c" else "convert to real numbers first, as with np.asarray(data, dtype=float)"
    raise TypeError(f"{who} takes real numbers and arrays of them, but got {came}: {short(data)}; {fix}")


def holds_value(data: Any) -> bool:
    return data.__class__ is Value or (isinstance(data, (list, tuple)) and any(map(holds_value, data)))


def constant(other: Any) -> Any:
    """The other operand of an operator as a float or an array, or NotImplemented for what has no numbers."""
    if isinstance(other, (int, float, np.number, np.bool_)) and not isinstance(other, np.complexfloating):
        return float(other)
    if isinstance(other, (ndarray, list, tuple, complex, str, bytes)) or hasattr(other, "__array__"):
        array = real_array(other, "an operation with a Value")
        return float(array) if array.ndim == 0 else array
    return NotImplemented


def operand(item: Any, op: Op) -> Any:
    """An argument of an op that is not a Value, as a float or an array."""
    item = constant(item) if item.__class__ is not float else item
    if item is NotImplemented:
        raise TypeError(f"{op.name}() takes Values, real numbers and arrays, but got {short(item)}")
    return item


def match(given: Any, data: Any, what: str) -> Any:
    """`given` with the dtype and shape of `data`; numbers are broadcast."""
    array = real_array(given._data if given.__class__ is Value else given, f"setting .{what}")
    if data.__class__ is float:
        if array.size != 1:
            raise ValueError(f"setting .{what} of a scalar Value needs one number, but the shape {array.shape} came: make a new Value")
        return float(array.item())
    if array.ndim and array.shape != data.shape:
        raise ValueError(f"setting .{what} needs the shape {data.shape}, but {array.shape} came: reshape it, or make a new Value")
    if given.__class__ is ndarray and given is not data and given.ndim:
        return given.astype(data.dtype)  # a copy: the Value owns its memory
    return given if given is data else np.full(data.shape, array, data.dtype) if array.ndim == 0 else array.astype(data.dtype)


def restore(data: Any, label: str, frozen: bool, grad: Any) -> Value:
    """A leaf from its pickle."""
    leaf = Value(data, label, requires_grad=not frozen)
    leaf._grad = grad
    return leaf


# --- words for messages -----------------------------------------------------------------------------


def short(data: Any) -> str:
    """A few words that show plain data."""
    with np.printoptions(threshold=40, edgeitems=3):
        text = repr(data)
    return text if len(text) < 400 else text[:400] + "..."


FIXES = {
    "elementwise": "shapes must be equal or broadcast from the last axis on; add axes with reshape() or expand_dims()",
    "linear": "the last axis on the left must be as long as the second last on the right (of a vector, its only one); .T transposes",
}


def explain(op: Op, data: tuple[Any, ...], error: Exception) -> str:
    """An error of NumPy's with the op, the shapes that came, and the fix."""
    inputs = [data[position] for position, _ in op.rules if data[position] is not None]
    inputs = list(inputs[0]) if inputs and inputs[0].__class__ is tuple else inputs
    shapes = ", ".join(str(np.shape(item)) for item in inputs)
    fix = f" Fix: {FIXES[op.kind]}." if op.kind in FIXES else ""
    return f"{op.name}() cannot take the shape{'s' if len(inputs) != 1 else ''} {shapes}: {error}.{fix}"


def micrograd_symbol(value: Value) -> str:
    """The operation as micrograd writes it."""
    if value.op is None:
        return ""
    name = value.op.name
    if name == "pow" and value._y.__class__ is float:
        return f"**{value._y:g}"
    return {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "neg": "-", "matmul": "@", "relu": "ReLU"}.get(name, name)

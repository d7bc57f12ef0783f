"""Op, a primitive operation: its forward function and one derivative rule per input.

Called with numbers or arrays, an op computes its result. Called with Values, it lets their class record the call; this module
does not import that class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

#: The exceptions of Python's float arithmetic where NumPy gives inf or nan.
FLOAT_ERRORS = (ZeroDivisionError, OverflowError, ValueError)

#: Comparing them with `is` is only a fast path, as unpickled arrays have other dtype objects: .char decides ("e", "f" and "d").
HALF, SINGLE, DOUBLE = map(np.dtype, (np.float16, np.float32, np.float64))

#: Sums of more float32 elements than this are computed in float64 where NumPy would not add pairwise.
MANY = 4096

#: The kinds of operations that add numbers. They compute float16 in float32 and round once at the end.
SUMS = ("reduction", "softmax", "linear")

#: The classes of most settings, such as an axis or a flag, and of the parts of tuples of them.
SETTINGS = {type(None), bool, int, float, str, slice, type(Ellipsis)}

#: PyTorch's argument names, and NumPy's names for the same.
PYTORCH_NAMES = {"dim": "axis", "keepdim": "keepdims"}


class Op:
    """A primitive operation of floats, arrays and Values. A call with a Value is recorded.

    Attributes:
        name: the name in the table, in messages and in drawings.
        symbol: a template of the formula, ``"{} * {}"``.
        kind: ``"elementwise"``, ``"reduction"``, ``"softmax"``, ``"selection"``, ``"shape"``, ``"linear"`` or ``"custom"``.
        array, scalar: the forward functions of arrays and of floats; `scalar` is None if `array` serves both.
        bind: a function that returns the arguments of a call as a tuple in the order of the signature, with defaults.
        prepare: None, or a function that returns that tuple with its settings converted and copied, so that they cannot change.
        rules: ``(position, rule)`` for each differentiable argument. A rule takes ``(g, out, *args)``, the
            cotangent of the output, the output and all arguments, and returns the cotangent of its
            argument before broadcasting is undone; for a tuple of inputs, a tuple of cotangents.
        names, arity, settings: the arguments' names and number, and the positions of those without a rule.
        packed: whether its nodes keep all arguments as one tuple in `_x`. An op whose only arguments are one or two inputs is
            not packed: its nodes keep them in `_x` and `_y`.
        rule_x, rule_y: the rules of an op that is not packed; None otherwise.
        domain: for elementwise ops, an interval for each input to draw samples from, away from kinks.
        sums: whether it adds numbers, and so computes float16 in float32.
        mixes: whether every element of the output depends on all elements of a matrix, as in a factorisation, and so has the
            rounding error of the largest.
        floats: whether it converts integers and bools to floats first; ops that only select or move elements do not.
        first: the position of its first differentiable argument.
        masked: only for compile(), the rule to use in the second pass, which masks undefined products.
        pull: only for compile(), a function of a root with this op, a seed and keep_grads, which returns the leaves below and
            their gradients, as the backward pass would, or None to leave it to that.
        unfold: only for checkpoint(), a function that puts recomputed nodes in place of checkpoints in a backward pass.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        rules: dict[str, Callable[..., Any]],
        *,
        name: str,
        symbol: str,
        kind: str,
        array: Callable[..., Any],
        scalar: Callable[..., Any] | None = None,
        prepare: Callable[..., tuple[Any, ...]] | None = None,
        domain: tuple[tuple[float, float], ...] = (),
    ) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        names = [p.name for p in parameters]
        self.name, self.symbol, self.kind, self.domain = name, symbol, kind, domain
        self.array, self.scalar, self.prepare = array, scalar, prepare
        defaults = {f"default_{p.name}": p.default for p in parameters if p.default is not p.empty}
        signature = [f"{p.name}=default_{p.name}" if f"default_{p.name}" in defaults else p.name for p in parameters]
        self.bind = eval(f"lambda {', '.join(signature)}: ({', '.join(names)},)", defaults)  # Python's own binding
        self.bind.__qualname__ = name  # for its error messages
        self.names, self.arity = tuple(names), len(names)
        self.settings = tuple(position for position, key in enumerate(names) if key not in rules)
        self.rules = tuple((names.index(key), rule) for key, rule in rules.items())
        self.first = self.rules[0][0]
        self.sums = kind in SUMS
        self.floats = self.sums or kind == "elementwise"
        self.mixes = False
        self.packed = len(rules) < len(names) or len(names) > 2 or prepare is not None or kind == "custom"
        self.unfold: Callable[..., Any] | None = None
        self.masked: Callable[..., Any] | None = None
        self.pull: Callable[..., Any] | None = None
        self.rule_x = None if self.packed else self.rules[0][1]
        self.rule_y = None if self.packed or len(rules) == 1 else self.rules[1][1]
        self.__doc__, self.__wrapped__, self.__module__ = function.__doc__, function, function.__module__
        self.__name__ = self.__qualname__ = function.__name__

    def __repr__(self) -> str:  # help() shows it above the docstring
        words = [word.replace(annotation=word.empty) for word in inspect.signature(self).parameters.values()]
        return f"<op {self.name}{inspect.Signature(words)}>"

    def __reduce__(self) -> str:
        return self.__name__  # a pickle holds the name of the op, not its functions

    def __call__(self, *args: Any, **named: Any) -> Any:
        if named or len(args) != self.arity:
            if named and not named.keys().isdisjoint(PYTORCH_NAMES) and self.kind != "custom":
                raise pytorch_names_error(self.name, named)
            args = self.bind(*args, **named)
        usual = True  # all are floats, None, or arrays of float64 and float32
        for position, _ in self.rules:
            item = args[position]
            if item.__class__ is np.ndarray:
                usual = usual and (item.dtype is DOUBLE or item.dtype.char in "df")
            elif item.__class__ is not float and item is not None:
                if hasattr(item.__class__, "_record"):  # the most common case: a Value
                    return item._record(self, args)
                usual, value = False, value_in(item)
                if value is not None:
                    return value._record(self, args)
                if item.__class__ is list and self.prepare is None:
                    args = (*args[:position], np.asarray(item), *args[position + 1 :])
        args = args if self.prepare is None else self.prepare(*args)
        self.refuse_values(args)
        if usual or not self.floats:
            return self.forward(*args)
        args = self.replaced(args, floating(self.inputs(args)))
        if adds_float16(self, args, args[self.first]):
            return self.forward(*self.replaced(args, cast(self.inputs(args), SINGLE))).astype(HALF)
        return self.forward(*args)

    def prepared(self, x: Any, *settings: Any) -> Any:
        """Call the op from a rule, with settings that need no checks. For an array this takes half the time."""
        if x.__class__ is np.ndarray and x.dtype.char in "df":
            return self.forward(x, *settings)
        return self(x, *settings)

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments that have a rule."""
        return tuple([args[position] for position, _ in self.rules])

    def replaced(self, args: tuple[Any, ...], inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with `inputs` in place of those that have a rule."""
        new = {position: item for (position, _), item in zip(self.rules, inputs, strict=True)}
        return tuple([new.get(position, item) for position, item in enumerate(args)])

    def refuse_values(self, args: tuple[Any, ...]) -> None:
        """Raise TypeError if an argument without a rule is a Value."""
        for position in self.settings:
            item = args[position]
            if item.__class__ not in SETTINGS and not are_settings(item) and value_in(item) is not None:
                custom = f", or give @primitive a rule for it, {self.names[position]}=..." if self.kind == "custom" else ""
                raise TypeError(
                    f"{self.name}() has no derivative for its argument number {position + 1}, {self.names[position]!r}, "
                    f"which is a Value: pass its .data{custom}"
                )

    def forward(self, *args: Any) -> Any:
        """Compute the op on plain data. Where Python's floats raise, return NumPy's inf or nan, and obey np.errstate."""
        if args[0].__class__ is not float or self.scalar is None or (len(args) == 2 and args[1].__class__ is not float):
            return self.array(*args)
        try:
            return self.scalar(*args)
        except FLOAT_ERRORS:
            return self.array(*map(np.float64, args)).item()


def common_dtype(inputs: Iterable[Any]) -> Any:
    """Return the common dtype of the floating arrays among the inputs, also in tuples; None if there are none."""
    inputs = map(raw, inputs)
    flat = [part for item in inputs for part in (item if item.__class__ is tuple else (item,))]
    dtypes = {item.dtype for item in flat if isinstance(item, np.ndarray) and item.dtype.kind == "f"}
    return np.result_type(*dtypes) if dtypes else None


def adds_float16(op: Op, args: tuple[Any, ...], first: Any) -> bool:
    """Whether an op adds float16 numbers, whose sums of ones stop at 2048. `first` is its first input."""
    first = first[0] if first.__class__ is tuple and first else first
    return op.sums and first.__class__ is np.ndarray and first.dtype.char == "e" and common_dtype(op.inputs(args)) == HALF


def record_in_float32(record: Callable[..., Any], op: Op, args: tuple[Any, ...]) -> Any:
    """Record an op on float16 in float32, so that its derivatives are in float32, too. Scalar results are not rounded."""
    out = record(op, op.replaced(args, cast(op.inputs(args), SINGLE)))
    return out.astype(HALF) if out.shape else out


def cast(item: Any, dtype: Any, kinds: str = "f") -> Any:
    """Convert arrays and Values of the `kinds` of dtypes to `dtype`, and Python integers to floats; also in tuples."""
    if item.__class__ is tuple:
        return tuple([cast(part, dtype, kinds) for part in item])
    data = raw(item)
    if isinstance(data, np.ndarray) and data.dtype.kind in kinds:
        return item.astype(dtype)
    return float(item) if isinstance(item, (int, np.integer, np.bool_)) else item


def floating(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Convert integers and bools among the inputs to the dtype of the floating arrays among them, by default float64."""
    return cast(items, common_dtype(items) or DOUBLE, "biu")


def pytorch_names_error(name: str, named: dict[str, Any]) -> TypeError:
    """Return the error for a call with PyTorch's argument names."""
    words = [f"{theirs}= is called {ours}= here" for theirs, ours in PYTORCH_NAMES.items() if theirs in named]
    return TypeError(f"{name}() has NumPy's arguments: {', '.join(words)}")


def are_settings(item: Any) -> bool:
    """Whether `item` is a tuple of plain settings, such as axes, a shape or an index."""
    return item.__class__ is tuple and SETTINGS.issuperset(map(type, item))


def is_value(x: Any) -> bool:
    """Whether `x` is a Value, whose class this module does not import."""
    return hasattr(x, "_record") and hasattr(x.__class__, "_record")  # on arrays 4x faster than the second alone


def value_in(x: Any) -> Any:
    """Return `x` if it is a Value, or the first Value in nested lists and tuples, or None."""
    if isinstance(x, (list, tuple)):
        return next((value for value in map(value_in, x) if value is not None), None)
    return x if is_value(x) else None


def raw(x: Any) -> Any:
    """Return the number or array of `x`, or of each part of a tuple, without its graph."""
    if x.__class__ is float or x.__class__ is np.ndarray:
        return x
    if x.__class__ is tuple:
        return x if are_settings(x) else tuple([raw(item) for item in x])
    return x._raw if is_value(x) else x


def as_float(x: Any) -> float:
    """Return float(x); while a function is recorded, another function is in its place."""
    return float(x)


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a float, an array or a Value."""
    return () if x.__class__ is float else x.shape

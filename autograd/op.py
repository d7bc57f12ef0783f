"""A primitive operation is one record: its forward function and one derivative rule per input.

An op computes if it is called with numbers or arrays. If it is called with Values, their class, which this module does not
import, records the call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

#: The exceptions of Python's float arithmetic where NumPy gives inf or nan.
FLOAT_ERRORS = (ZeroDivisionError, OverflowError, ValueError)

#: Compare with `is` only to save time, as unpickled arrays have other dtype objects; .char decides ("e", "f" and "d").
HALF, SINGLE, DOUBLE = map(np.dtype, (np.float16, np.float32, np.float64))

#: Sums of more elements of float32 are computed in float64 wherever NumPy would not add pairwise.
MANY = 4096

#: The kinds of operations that add numbers: they compute float16 in float32, and round once at the end.
SUMS = ("reduction", "softmax", "linear")

#: Classes of most settings: an axis, a flag.
SETTINGS = {type(None), bool, int, float, str}

#: PyTorch's names of arguments, with NumPy's names.
TENSOR_WORDS = {"dim": "axis", "keepdim": "keepdims"}


class Op:
    """A primitive operation. Call it with floats, arrays or Values; with Values the call is recorded.

    Attributes:
        name: the name in the table, in messages and in drawings.
        symbol: a template of the formula, ``"{} * {}"``.
        kind: ``"elementwise"``, ``"reduction"``, ``"softmax"``, ``"selection"``, ``"shape"`` or ``"linear"``.
        array, scalar: the forward function of arrays, and that of floats if it is a different one.
        bind: a function that returns the arguments of a call as a tuple in the order of the signature, with defaults.
        prepare: a function that turns the arguments into that tuple, in plain and unshared data, or None if they are.
        rules: ``(position, rule)`` for each differentiable argument. A rule takes ``(g, out, *args)``, the
            cotangent of the output, the output and all arguments, and returns the cotangent of its
            argument before broadcasting is undone; if that argument is a tuple of inputs, a tuple of cotangents.
        names, arity, settings: the arguments' names and number, and the positions of those without a rule.
        packed: whether a node keeps all arguments as one tuple, in `_x`. If the only arguments are one or two inputs, the op is
            not packed: its nodes keep them in `_x` and `_y`.
        rule_x, rule_y: the rules of an op that is not packed; None otherwise.
        domain: for elementwise ops, an interval for each input to draw samples from, away from kinks.
        sums: whether it adds numbers: those of float16 in float32.
        mixes: whether every element of the output depends on all elements of a matrix, as in a factorisation: each is then
            rounded like the largest of them.
        floats: whether integers and bools become floats before it computes; if not, it moves them as they are.
        first: the position of its first differentiable argument.
        unfold: for checkpoints, a function that replaces them by the recomputed nodes on the path of a Pullback.
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
        given = {f"default_{p.name}": p.default for p in parameters if p.default is not p.empty}
        words = [f"{p.name}=default_{p.name}" if f"default_{p.name}" in given else p.name for p in parameters]
        self.bind = eval(f"lambda {', '.join(words)}: ({', '.join(names)},)", given)  # Python's own binding
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
            if named and not named.keys().isdisjoint(TENSOR_WORDS) and self.kind != "custom":
                raise tensor_words(self.name, named)
            args = self.bind(*args, **named)
        usual = True  # all are floats, None, or arrays of float64 and float32
        for position, _ in self.rules:
            item = args[position]
            if item.__class__ is np.ndarray:
                usual = usual and (item.dtype is DOUBLE or item.dtype.char in "df")
            elif item.__class__ is not float and item is not None:
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
        if adds_halves(self, args, args[self.first]):
            return self.forward(*self.replaced(args, cast(self.inputs(args), SINGLE))).astype(HALF)
        return self.forward(*args)

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
            if args[position].__class__ not in SETTINGS and value_in(args[position]) is not None:
                custom = f", or give @primitive a rule for it, {self.names[position]}=..." if self.kind == "custom" else ""
                raise TypeError(
                    f"{self.name}() has no derivative for its argument number {position + 1}, {self.names[position]!r}, "
                    f"which is a Value: pass its .data{custom}"
                )

    def forward(self, *args: Any) -> Any:
        """Compute the op on plain data. Where Python's floats raise, the result is NumPy's inf or nan, under its errstate."""
        if args[0].__class__ is not float or self.scalar is None or (len(args) == 2 and args[1].__class__ is not float):
            return self.array(*args)
        try:
            return self.scalar(*args)
        except FLOAT_ERRORS:
            return float(self.array(*map(np.float64, args)))


def common_dtype(inputs: Iterable[Any]) -> Any:
    """Return the dtype of the floating arrays among the inputs, also within tuples; None if there are none."""
    inputs = map(raw, inputs)
    flat = [part for item in inputs for part in (item if item.__class__ is tuple else (item,))]
    dtypes = {item.dtype for item in flat if isinstance(item, np.ndarray) and item.dtype.kind == "f"}
    return np.result_type(*dtypes) if dtypes else None


def adds_halves(op: Op, args: tuple[Any, ...], first: Any) -> bool:
    """Whether an op adds numbers of float16, where sums of ones stop at 2048. `first` is its first input."""
    first = first[0] if first.__class__ is tuple and first else first
    return op.sums and first.__class__ is np.ndarray and first.dtype.char == "e" and common_dtype(op.inputs(args)) == HALF


def in_single(record: Callable[..., Any], op: Op, args: tuple[Any, ...]) -> Any:
    """Record an op on float16 in float32, in which its derivatives are computed as well. A scalar result is not rounded."""
    out = record(op, op.replaced(args, cast(op.inputs(args), SINGLE)))
    return out.astype(HALF) if out.shape else out


def cast(item: Any, dtype: Any, kinds: str = "f") -> Any:
    """Convert an array or Value of one of the `kinds` of dtypes to `dtype`, and a Python integer to a float; also in a tuple."""
    if item.__class__ is tuple:
        return tuple([cast(part, dtype, kinds) for part in item])
    data = raw(item)
    if isinstance(data, np.ndarray) and data.dtype.kind in kinds:
        return item.astype(dtype)
    return float(item) if isinstance(item, (int, np.integer, np.bool_)) else item


def floating(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Convert integers and bools among the inputs to floats, in the dtype of the floating arrays among them."""
    return cast(items, common_dtype(items) or DOUBLE, "biu")


def tensor_words(name: str, named: dict[str, Any]) -> TypeError:
    """Return the error for a call with PyTorch's names of arguments."""
    words = [f"{theirs}= is called {ours}= here" for theirs, ours in TENSOR_WORDS.items() if theirs in named]
    return TypeError(f"{name}() has NumPy's arguments: {', '.join(words)}")


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
        return tuple([raw(item) for item in x])
    return x._raw if is_value(x) else x


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a float, an array or a Value."""
    return () if x.__class__ is float else x.shape

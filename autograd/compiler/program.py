"""Program: what a recorded function computes, as a list of NumPy calls on variables.

A variable is assigned once. Two kinds of instructions do more than compute: one that writes into the memory of a variable, and
a guard, which compares a variable with what it was when it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.op import is_value

ABSENT = type("Absent", (), {"__repr__": lambda self: "ABSENT"})()  # the content of a dict at a key that it lacks
Place = tuple[str, int]  # a file and a line


class Spot(tuple[str, int]):
    """The Place of the user's code, and the line that made the call, which may be in this package or nn.

    Attributes:
        space, line: the globals and the line of that code, by which Python tells warnings that were given already.
    """

    space: dict[str, Any]
    line: int


class Variable:
    """A number or array of a program.

    Attributes:
        kind: its class: ``np.ndarray``, ``float``, ``np.float64``, ``bool`` and so on.
        shape, dtype, strides: those of an array when it was recorded; ``()``, None and None for Python's numbers.
        contiguous: whether the numbers of an array are next to each other in C order.
        root: the variable whose memory it shares, as a view does; itself if the memory is its own.
        known: whether it depends on nothing that may differ between two calls.
    """

    __slots__ = ("contiguous", "dtype", "kind", "known", "name", "root", "shape", "strides")

    def __init__(self, data: Any, root: Variable | None = None, known: bool = False) -> None:
        self.kind, self.shape = type(data), np.shape(data)
        self.dtype: np.dtype[Any] | None = getattr(data, "dtype", None)
        self.strides: tuple[int, ...] | None = getattr(data, "strides", None)
        self.contiguous = isinstance(data, np.ndarray) and data.flags.c_contiguous
        self.root, self.known = root or self, known
        self.name = ""

    @property
    def is_known(self) -> bool:
        """Whether it is known, and nothing else was written into its memory, also through another view."""
        return self.known and self.root.known

    @property
    def nbytes(self) -> int:
        """Its memory in bytes; 0 for a number."""
        return int(np.prod(self.shape, dtype=int)) * self.dtype.itemsize if self.dtype is not None else 0

    def __repr__(self) -> str:
        return self.name or f"<variable of shape {self.shape}>"


class Method:
    """A method of arrays as a function: ``Method("reshape")(x, 2, 3)`` is ``x.reshape(2, 3)``."""

    _made: dict[str, Method] = {}

    def __new__(cls, name: str) -> Method:
        made = cls._made.get(name)
        if made is None:
            made = cls._made[name] = super().__new__(cls)
            made.__name__ = name
        return made

    __name__: str

    def __call__(self, x: Any, *args: Any, **named: Any) -> Any:
        return getattr(x, self.__name__)(*args, **named)


class Attribute:
    """An attribute of arrays as a function: ``Attribute("T")(x)`` is ``x.T``."""

    _made: dict[str, Attribute] = {}
    __name__: str

    def __new__(cls, name: str) -> Attribute:
        made = cls._made.get(name)
        if made is None:
            made = cls._made[name] = super().__new__(cls)
            made.__name__ = name
        return made

    def __call__(self, x: Any) -> Any:
        return getattr(x, self.__name__)


class Instruction:
    """``out = function(*args, **named)``; variables may be anywhere in nested tuples, lists, dicts and slices of arguments.

    Attributes:
        operands: the variables that it reads.
        out: the variable of the result, a list of them if the function returns a tuple, or None.
        writes: the variables whose memory it changes.
        place: the line of the user's code that it comes from.
        errors: the settings of ``np.errstate()`` under which it runs, as in backward passes; None for those of the one before.
    """

    __slots__ = ("args", "errors", "function", "named", "operands", "out", "place", "writes")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any], out: Any,
        writes: tuple[Variable, ...] = (), place: Place | None = None, errors: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.function, self.args, self.named, self.out = function, args, named, out
        self.writes, self.place, self.errors = writes, place, errors
        self.operands = variables_in(args) + variables_in(named) if named else variables_in(args)

    @property
    def outs(self) -> list[Variable]:
        """The variables that it assigns."""
        return self.out if isinstance(self.out, list) else [] if self.out is None else [self.out]

    def with_variables(self, new: dict[Variable, Any]) -> Instruction:
        """Return this instruction with other operands in place of some."""
        if new.keys().isdisjoint(self.operands):
            return self
        args, named = (replaced(item, lambda v: new.get(v, v)) for item in (self.args, self.named))
        writes = tuple(new.get(item, item) for item in self.writes)
        return Instruction(self.function, args, named, self.out, writes, self.place, self.errors)


#: How Python code reads a number, for a guard and its message: as a condition, and as an array that takes no tracers.
TRUTH, PLAIN_ARRAY = "by bool(), as an if does", "as a plain array, such as an index"
FINITE = "to see whether the gradient is finite"


class Guard:
    """The function of a guard, an instruction ``Guard(value)(variable)`` without a result: raises GuardFailed unless they agree.

    Attributes:
        value: the number or array that was recorded.
        why: how the recorded function read it, as "by float() at f.py:3".
    """

    __slots__ = ("value", "why")
    __name__ = "guard"

    def __init__(self, value: Any, why: str) -> None:
        self.value, self.why = value, why

    def __call__(self, found: Any) -> None:
        found = bool(found) if isinstance(found, np.bool_) else found
        if not same(found, self.value):
            raise GuardFailed(self.why)


class Draw:
    """A draw of random numbers as a function: ``Draw(generator, "normal")(size=3)`` is ``generator.normal(size=3)``.

    Attributes:
        effect: whether it does more than compute, and so is neither shared nor left out.
    """

    __slots__ = ("generator", "method")
    effect = True

    def __init__(self, generator: np.random.Generator, method: str) -> None:
        self.generator, self.method = generator, method

    @property
    def __name__(self) -> str:
        return f"draw_{self.method}"

    def __call__(self, *args: Any, **named: Any) -> Any:
        return getattr(self.generator, self.method)(*args, **named)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Draw) and self.generator is other.generator and self.method == other.method

    def __hash__(self) -> int:
        return hash((id(self.generator), self.method))


class GuardFailed(Exception):
    """Raised by a program whose guard found something else than what was recorded; the text says how that was read."""


class Changed(Exception):
    """Raised by a program at its start, if what it reads does not fit."""


@dataclass(frozen=True)
class Argument:
    """An argument of the recorded function, by its number among the flattened ones. It may be the owner in a Source."""

    number: int
    name: str = field(default="x", compare=False)


@dataclass(frozen=True)
class Source:
    """Where an input of a program is read: at the start of each replay.

    Attributes:
        kind: "argument" (`owner` itself, an Argument), "data", "grad" or "since" (of `owner`, a Value, or an Argument that is
            one; "frozen" in conditions), "item" (of the dict `owner`, at `key`), "part" (of a tuple in it, `key` being its key
            and a place), or "seed" (the cotangent of the results).
    """

    kind: str
    owner: Any = None
    key: Any = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Source) or self.kind != other.kind or not (self.key is other.key or same(self.key, other.key)):
            return False
        owner = self.owner
        return bool(owner == other.owner if isinstance(owner, Argument) else owner is other.owner)

    def __hash__(self) -> int:
        return hash((self.kind, self.owner if isinstance(self.owner, Argument) else id(self.owner), self.key))

    def read(self, owner: Any) -> Any:
        """Return what is there; `owner` is the object that an Argument stands for, or the owner itself."""
        if self.kind == "item":
            return owner[self.key]
        if self.kind == "part":
            return owner[self.key[0]][self.key[1]]
        return getattr(owner, SLOTS[self.kind], None) if self.kind in SLOTS else owner

    def write(self, owner: Any, content: Any) -> None:
        """Put something else there: in a slot of a Value, or at a key of a dict."""
        if self.kind == "item":
            set_item(owner, self.key, content)
        else:
            setattr(owner, SLOTS[self.kind], content)


SLOTS = {"data": "_raw", "grad": "_grad", "since": "_since"}  # of Values, by the kinds of Sources


def set_item(mapping: dict[Any, Any], key: Any, content: Any) -> None:
    """Set an item of a dict; ABSENT removes it."""
    if content is ABSENT:
        mapping.pop(key, None)
    else:
        mapping[key] = content


@dataclass
class Effect:
    """What a program changes outside: ``target`` is the Source to write, ``content`` a variable or plain data.

    Kinds as of Source, and "since": the clock at which the gradient of a Value began, or None.
    """

    target: Source
    content: Any


@dataclass
class Program:
    """A recorded function.

    Attributes:
        inputs: each variable that is read at the start, and its Source.
        instructions: the calls in order; those from `split` on compute the cotangents.
        results: the results in the order of the flattened result: variables, or plain data.
        cotangents: for each of `targets`, the variable or plain data of its cotangent.
        targets: the Sources of the Values that the results depend on, for the backward part.
        effects: what to write at the end.
        conditions: what must hold at the start: whether gradients and their clocks are None, and the content of items.
        from_one: the backward part for the seed 1.0, a program whose inputs are made by the forward part, or None.
        joined: a vector of cotangents, and the variables of those that are its parts, or None.
        arguments: the number of flattened arguments.
        history: the number of instructions when recorded, and after each pass.
    """

    inputs: dict[Variable, Source] = field(default_factory=dict)
    instructions: list[Instruction] = field(default_factory=list)
    split: int = 0
    results: list[Any] = field(default_factory=list)
    cotangents: list[Any] = field(default_factory=list)
    targets: list[Source] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    conditions: dict[Source, Any] = field(default_factory=dict)
    from_one: Program | None = None
    joined: tuple[Variable, list[Variable]] | None = None
    arguments: int = 0
    history: list[tuple[str, int]] = field(default_factory=list)

    @property
    def finals(self) -> Iterator[Variable]:
        """The variables that are needed at the end."""
        yield from variables_in((self.results, self.cotangents, [effect.content for effect in self.effects]))

    def replace(self, instructions: list[Instruction | None], new: dict[Variable, Any]) -> None:
        """Put other instructions in place of all, None for one that is left out, and other variables or data in the results."""
        if len(instructions) == len(self.instructions):
            for old, item in zip(self.instructions, instructions, strict=True):
                if item is not None and item.errors is None:
                    item.errors = old.errors
        self.split = sum(item is not None for item in instructions[: self.split])
        self.instructions = [item for item in instructions if item is not None]
        if new:
            self.renew_roots()
            self.results, self.cotangents = (replaced(x, lambda v: new.get(v, v)) for x in (self.results, self.cotangents))
            for effect in self.effects:
                effect.content = replaced(effect.content, lambda v: new.get(v, v))

    def renew_roots(self) -> None:
        """Let views of variables that were replaced know whose memory they share now."""
        for item in self.instructions:
            for out in item.outs:
                if out.root is not out:
                    roots = [x.root for x in item.operands if x.kind is np.ndarray]
                    if roots and out.root not in roots:
                        out.root = roots[0]


def written_arguments(program: Program) -> list[Variable]:
    """Return the variables of array arguments that a program changes in place."""
    roots = [variable.root for item in program.instructions for variable in item.writes]
    inputs = program.inputs
    return [root for root in dict.fromkeys(roots) if root in inputs and inputs[root].kind == "argument"]


def effective(items: list[Instruction]) -> list[Instruction]:
    """Return the instructions with the error settings that they run under."""
    errors: dict[str, str] = {}
    found = []
    for item in items:
        errors = errors if item.errors is None else item.errors
        found.append(Instruction(item.function, item.args, item.named, item.out, item.writes, item.place, errors))
    return found


def variables_in(item: Any) -> list[Variable]:
    """Return the variables in nested arguments."""
    kind = item.__class__
    if kind is Variable:
        return [item]
    if kind is tuple or kind is list:
        found = []
        for part in item:
            kind = part.__class__
            if kind is Variable:
                found.append(part)
            elif kind is tuple or kind is list or kind is dict or kind is slice:
                found += variables_in(part)
        return found
    if kind is dict:
        return variables_in(list(item.values()))
    return variables_in((item.start, item.stop, item.step)) if kind is slice else []


def replaced(item: Any, change: Callable[[Variable], Any]) -> Any:
    """Return nested arguments with ``change(variable)`` in place of each variable."""
    kind = item.__class__
    if kind is Variable:
        return change(item)
    if kind is tuple or kind is list:
        return kind([replaced(part, change) for part in item])
    if kind is dict:
        return {key: replaced(part, change) for key, part in item.items()}
    if kind is slice:
        return slice(*(replaced(part, change) for part in (item.start, item.stop, item.step)))
    return item


def same(a: Any, b: Any) -> bool:
    """Whether two numbers, arrays or other constants are alike to the last bit, nan included, and of one class."""
    if a is b:
        return True
    if type(a) is not type(b) or is_value(a):
        return False
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
    if isinstance(a, (float, np.floating)):
        return bool((a == b and np.signbit(a) == np.signbit(b)) or (a != a and b != b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    return bool(a == b)

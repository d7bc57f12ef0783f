"""Write a program as straight-line Python, which is what a replay runs."""

from __future__ import annotations

import keyword
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import value
from autograd.compiler.blockwise import Blockwise
from autograd.compiler.errors import reset_errors, set_errors, settings
from autograd.compiler.program import (
    ABSENT,
    Argument,
    Attribute,
    Changed,
    Effect,
    Guard,
    GuardFailed,
    Instruction,
    Method,
    Program,
    Source,
    Spot,
    Variable,
    variables_in,
    written_arguments,
)
from autograd.compiler.vectors import Across, Binding, Joined, Workspace, join

INFIX = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/", operator.floordiv: "//", operator.mod: "%",
    operator.pow: "**", operator.matmul: "@", operator.and_: "&", operator.or_: "|", operator.xor: "^", operator.lshift: "<<",
    operator.rshift: ">>", operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "==",
    operator.ne: "!=",
}  # fmt: skip
PREFIX = {operator.neg: "-", operator.pos: "+", operator.invert: "~"}
#: Arrays above this size are deleted as soon as they are not needed.
LARGE = 1 << 14


MARK = "#@"  # begins the comment of a line with the number of its Spot


class Writer:
    """Writes the functions of one program.

    Attributes:
        names: the objects that the source refers to, by name.
        end_errors: the statements that end what begin_errors() begins.
    """

    end_errors = ["finally:", "    reset_errors(token)"]

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names: dict[str, Any] = {
            "ndarray": np.ndarray,
            "GuardFailed": GuardFailed,
            "bind": None,
            "bound": None,
            "join": join,
        }
        self.given: dict[int, str] = {}  # the name of each object, by id
        self.kept: list[Any] = []
        self.spots: list[Spot] = []  # of lines with MARK and their number
        self.count = 0
        for variable, source in program.inputs.items():
            variable.name = self.free_name(name_of_source(source))
        self.blocks: list[str] = []  # the functions of one block
        self.scratch: list[str] = []
        for instruction in (*program.instructions, *(program.from_one.instructions if program.from_one is not None else ())):
            function = instruction.function
            inner = function.inner if isinstance(function, (Blockwise, Across)) else ()
            for variable in (*inner, *instruction.outs):
                self.count += 1
                variable.name = self.free_name(f"v{self.count}")

    def free_name(self, wish: str) -> str:
        """Return a name that is not taken."""
        name, number = wish, 1
        while name in self.names or keyword.iskeyword(name):
            number += 1
            name = f"{wish}_{number}"
        self.names[name] = None
        return name

    def scratch_name(self, number: int) -> str:
        """Return the name of an array for intermediate results of a block."""
        while len(self.scratch) <= number:
            self.scratch.append(self.free_name(f"s{len(self.scratch) + 1}"))
        return self.scratch[number]

    def name(self, item: Any, wish: str) -> str:
        """Return the name of an object in the source."""
        found = self.given.get(id(item))
        if found is None:
            found = self.given[id(item)] = self.free_name(wish)
            self.names[found] = item
            self.kept.append(item)
        return found

    def text(self, item: Any) -> str:
        """Return an argument as an expression."""
        kind = type(item)
        if kind is Held:
            return self.name(item.item, "held")
        if kind is Variable:
            return item.name
        if kind is tuple:
            return f"({', '.join(map(self.text, item))}{',' * (len(item) == 1)})"
        if kind is list:
            return f"[{', '.join(map(self.text, item))}]"
        if kind is dict:
            return f"{{{', '.join(f'{key!r}: {self.text(part)}' for key, part in item.items())}}}"
        if kind is slice:
            return f"slice({', '.join(map(self.text, (item.start, item.stop, item.step)))})"
        if item is None or item is Ellipsis or kind in (bool, str):
            return repr(item)
        if kind in (int, float):
            text = repr(item)
            return self.name(item, "number") if not text[-1].isdigit() else f"({text})" if text[0] == "-" else text
        if kind is np.ndarray:
            return self.name(item, "constant" if item.ndim else name_of_number(item))
        if isinstance(item, type) or callable(item):
            return self.name(item, item.__name__ if getattr(item, "__name__", "").isidentifier() else "function")
        return self.name(item, str(item) if isinstance(item, np.dtype) and str(item).isidentifier() else "constant")

    def index(self, index: Any) -> str:
        """Return an index as it is written in brackets."""
        if type(index) is slice:
            start, stop, step = ("" if part is None else self.text(part) for part in (index.start, index.stop, index.step))
            return f"{start}:{stop}" + f":{step}" * bool(step)
        if type(index) is tuple and index:
            return ", ".join(map(self.index, index)) + "," * (len(index) == 1)
        return "..." if index is Ellipsis else self.text(index)

    def expression(self, item: Instruction) -> str:
        """Return the call of an instruction."""
        function, args = item.function, item.args
        if type(function) is Guard:
            value = function.value
            if value is True or value is False:
                return f"if {'not ' * value}{self.text(args[0])}: raise GuardFailed({function.why!r})"
            return f"{self.name(function, 'guard')}({self.text(args[0])})"
        if not item.named:
            if function in INFIX and len(args) == 2:
                return f"{self.text(args[0])} {INFIX[function]} {self.text(args[1])}"
            if function in PREFIX:
                return f"{PREFIX[function]}{self.text(args[0])}"
            if function is operator.getitem:
                return f"{self.text(args[0])}[{self.index(args[1])}]"
            if function is operator.setitem:
                return f"{self.text(args[0])}[{self.index(args[1])}] = {self.text(args[2])}"
            if type(function) is Attribute:
                return f"{self.text(args[0])}.{function.__name__}"
        if type(function) is Blockwise:
            name = self.free_name("block")
            self.blocks.append(function.text(self, name))
            return f"{self.name(function, 'in_blocks')}({', '.join([name, *map(self.text, args)])})"
        words = [*map(self.text, args), *(f"{key}={self.text(part)}" for key, part in item.named.items())]
        if type(function) is Method:
            return f"{words[0]}.{function.__name__}({', '.join(words[1:])})"
        return f"{self.function_name(function)}({', '.join(words)})"

    def statement(self, item: Instruction) -> str:
        """Return the call of an instruction, and the assignment of its results."""
        text = self.expression(item)
        if item.out is None:
            return text
        return f"{', '.join(v.name for v in item.outs)}{',' * (item.out == item.outs and len(item.outs) == 1)} = {text}"

    def function_name(self, function: Callable[..., Any]) -> str:
        """Return the name of a function; that of ``np.add.reduce`` is add_reduce."""
        function = getattr(function, "replayed", function)
        owner = getattr(function, "__self__", None)
        name = getattr(function, "__name__", "function")
        if isinstance(owner, np.ufunc):
            return self.name(UfuncMethods.of(owner, name), f"{owner.__name__}_{name}")
        return self.name(function, name if name.isidentifier() else "function")

    def begin_errors(self, errors: dict[str, str]) -> list[str]:
        """Return the statements that begin code under other error settings, see autograd.compiler.errors."""
        self.names |= {"settings": settings, "set_errors": set_errors, "reset_errors": reset_errors}
        if len(errors) > 3 and set(errors.values()) == {"ignore"}:  # the same whatever the settings of the caller are
            self.names["ignore_all"] = settings(all="ignore")
            return ["token = set_errors(ignore_all)", "try:"]
        return [f"token = set_errors(settings({', '.join(f'{key}={how!r}' for key, how in errors.items())}))", "try:"]

    def lines(self, instructions: list[Instruction], needed: set[Variable], comments: bool) -> list[str]:
        """Return the statements of some instructions; large arrays are deleted after their last use, unless `needed`."""
        last: dict[Variable, int] = {}
        for number, item in enumerate(instructions):
            for variable in (*item.operands, *item.outs):
                last[variable] = number
        dying: dict[int, list[Variable]] = {}
        made = {v for item in instructions for v in item.outs if type(item.function) is not Workspace}
        for variable, number in last.items():
            own = variable.root is variable and variable in made
            if own and variable not in needed and variable.nbytes > LARGE:
                dying.setdefault(number, []).append(variable)
        found: list[str] = []
        errors: dict[str, str] = {}  # of the with-block that is open
        for number, item in enumerate(instructions):
            if item.errors is not None and item.errors != errors and type(item.function) is not Guard:
                found += self.end_errors * bool(errors)
                errors = item.errors
                found += self.begin_errors(errors) if errors else []
            indent = "    " * bool(errors)
            if type(item.function) is Across:
                found += [indent + line for line in self.both_ways(item.function, comments)]
                continue
            text = self.statement(item)
            if comments and item.out is not None:
                forms = ", ".join(map(described, item.outs)) if len(item.outs) < 4 else f"{len(item.outs)} arrays"
                text = f"{text:<58}  # {forms}"
            if not comments and type(item.place) is Spot:
                text += f"  {MARK}{len(self.spots)}"
                self.spots.append(item.place)
            found.append(indent + text)
            if number in dying:
                found.append(f"{indent}del {', '.join(v.name for v in dying[number])}")
        return found + self.end_errors * bool(errors)

    def both_ways(self, function: Across, comments: bool) -> list[str]:
        """Return the statements that change several parameters at once, or, if they are not parts of a vector, one by one."""
        tests = [f"{v.name} is not None" for v in function.vectors]
        tests += [" == ".join(v.name for v in group) for group in function.equal]
        together = self.lines(function.together, set(function.outs), comments)
        together += [f"{copy.name} = {found.name}" for copy, found in function.same]
        apart = self.lines(function.apart, set(function.outs), comments)
        return [
            f"if {' and '.join(tests) or 'True'}:", *(f"    {line}" for line in together),
            "else:", *(f"    {line}" for line in apart),
        ]  # fmt: skip


class UfuncMethods:
    """The methods of ufuncs as they were found first, as each access makes a new object."""

    _found: dict[tuple[np.ufunc, str], Any] = {}

    @classmethod
    def of(cls, ufunc: np.ufunc, name: str) -> Any:
        return cls._found.setdefault((ufunc, name), getattr(ufunc, name))


def described(variable: Variable) -> str:
    """Return the shape and dtype of a variable."""
    if variable.kind is np.ndarray:
        return f"{variable.dtype} {variable.shape}"
    return variable.kind.__name__


def name_of_number(number: np.ndarray) -> str:
    """Return a name for a number: number_0_5 for 0.5."""
    text = f"{number.item():g}".replace("-", "minus_").replace(".", "_").replace("+", "")
    return f"number_{text}"


def name_of_source(source: Source) -> str:
    """Return a name for an input."""
    if source.kind == "seed":
        return "g"
    if source.kind in ("item", "part"):
        key = source.key if source.kind == "item" else f"{source.key[0]}_{source.key[1]}"
        return str(key) if str(key).isidentifier() else "item"
    owner = source.owner
    name = owner.name if isinstance(owner, Argument) else owner.label if owner.label.isidentifier() else "p"
    return f"{name}_grad" if source.kind == "grad" else name


CHECK = "if {0}.__class__ is not ndarray or {0}.shape != {1} or {0}.dtype != {2}: raise Changed({3!r})"
CHECK_ORDER = "if not {0}.flags.c_contiguous: raise Changed('the memory order of {0}')"


def functions_of(program: Program, comments: bool = False) -> tuple[str, dict[str, Any]]:
    """Return the source of the functions forward() and backward() of a program, and the objects it refers to.

    forward() takes the flattened arguments, and returns the results and what backward() needs. backward() takes that and the
    cotangent, and returns the cotangents of the targets, and the vector that small ones are parts of, or None;
    backward_from_one() does so for the cotangent 1.0. The objects include `spots`: by line, the Spot that it comes from.
    """
    writer = Writer(program)
    writer.names |= {"spots": {}, "Changed": Changed, "clock": clock}
    arguments: dict[int, str] = {}
    lines: list[str] = []
    read = set(variables_in([[*item.operands] for item in program.instructions])) | set(program.finals)
    for variable, source in program.inputs.items():
        if source.kind == "argument":
            arguments[source.owner.number] = variable.name
    bound = Bound(program, read)
    for source, is_none in program.conditions.items():
        owner = owner_of(source, arguments, writer)
        if source.kind == "item":
            lines.append(condition_of(owner, source.key, is_none, writer))
            continue
        if source.kind == "frozen":
            if not isinstance(source.owner, Argument):
                continue  # the check of the environment looks at it
            lines.append(f"if {owner}._frozen is not {is_none}: raise Changed('whether a parameter is frozen')")
            continue
        slot = {"grad": "_grad", "since": "_since"}[source.kind]
        lines.append(f"if {owner}.{slot} is {'not ' * is_none}None: raise Changed('whether there is a gradient')")
    reads: dict[Variable, str] = {}
    for variable, source in program.inputs.items():
        if source.kind in ("argument", "seed"):
            continue
        owner = owner_of(source, arguments, writer)
        if source.kind == "item":
            reads[variable] = f"{owner}[{writer.text(source.key)}]"
        elif source.kind == "part":
            reads[variable] = f"{owner}[{writer.text(source.key[0])}][{source.key[1]}]"
        else:
            reads[variable] = f"{owner}.{'_raw' if source.kind == 'data' else '_grad'}"
        lines.append(f"{variable.name} = {reads[variable]}")
        if variable.kind is np.ndarray and variable in read and variable not in bound.arrays:
            dtype = writer.name(variable.dtype, str(variable.dtype))
            lines.append(CHECK.format(variable.name, variable.shape, dtype, f"the shape or dtype of {variable.name}"))
    lines += bound.check()
    for variable in written_arguments(program):
        others = [v.name for v in program.inputs if v is not variable and v.kind is np.ndarray]
        if others:
            share = " or ".join(f"may_share_memory({variable.name}, {other})" for other in others)
            writer.names["may_share_memory"] = np.may_share_memory
            lines.append(f"if {share}: raise Changed('whether arguments share memory')")
    first, second = program.instructions[: program.split], program.instructions[program.split :]
    first = [item for item in first if isinstance(item.out, list) or item.out not in bound.views]
    seed = {variable for variable, source in program.inputs.items() if source.kind == "seed"}
    made = {*program.inputs, *bound.views} | {v for item in first for v in item.outs}
    used = [v for item in second for v in (*item.operands, *item.writes)] + list(variables_in(program.cotangents))
    residuals = list(dict.fromkeys(v for v in used if v in made and v not in seed))
    # Parameters are read again: if one had changed, the gradient would be stale, which the engine refuses to compute.
    views = [v for v in residuals if v in bound.views]
    bases = [v for v in bound.arrays if v in residuals or any(v in bound.views[view].operands for view in views)]
    start = [f"{v.name} = {reads[v]}" for v in bases] + [f"{v.name} = {writer.expression(bound.views[v])}" for v in views]
    residuals = [v for v in residuals if v not in bases and v not in views]
    needed = set(residuals) | set(program.finals)
    lines += writer.lines(first, needed, comments)
    lines += effects_of(program, arguments, writer)
    results = f"({', '.join(map(writer.text, program.results))}{',' * (len(program.results) == 1)})"
    kept = f"({', '.join(v.name for v in residuals)}{',' * (len(residuals) == 1)})"
    lines.append(f"return {results}, {kept}")
    count = max([program.arguments - 1, *arguments]) + 1
    names = [arguments.get(number, f"_{number}") for number in range(count)]
    text = bound.function(writer, reads)
    text += f"def forward({', '.join(names)}):\n" + "".join(f"    {line}\n" for line in lines)
    start += [f"{kept} = residuals"] if residuals else []
    if second or program.cotangents:
        g = next((v.name for v in seed), "g")
        text += f"\n\ndef backward(residuals, {g}):\n" + backward_of(program, second, start, writer, comments)
    if program.from_one is not None:
        one = program.from_one
        text += "\n\ndef backward_from_one(residuals):\n" + backward_of(one, one.instructions, start, writer, comments)
    text = "\n\n".join([*writer.blocks, text])
    marked = [(number, line.rpartition(MARK)) for number, line in enumerate(text.split("\n"), 1)]
    writer.names["spots"] = {number: writer.spots[int(spot)] for number, (_, mark, spot) in marked if mark and spot.isdigit()}
    return text, writer.names


def backward_of(program: Program, items: list[Instruction], start: list[str], writer: Writer, comments: bool) -> str:
    """Return the lines of a function that computes the cotangents of a program."""
    lines = start + writer.lines(items, set(variables_in(program.cotangents)), comments)
    vector = "None" if program.joined is None else program.joined[0].name
    lines.append(f"return ({', '.join(map(writer.text, program.cotangents))}{',' * (len(program.cotangents) == 1)}), {vector}")
    return "".join(f"    {line}\n" for line in lines)


class Held:
    """A dict or list that is compared by identity."""

    def __init__(self, item: Any) -> None:
        self.item = item


def condition_of(owner: str, key: Any, content: Any, writer: Writer) -> str:
    """Return the statement that checks the content of a dict at a key."""
    what, place = repr(key) if isinstance(key, str) else "an entry", writer.text(key)
    if content is ABSENT:
        return f"if {place} in {owner}: raise Changed({f'{what} was not in a dict'!r})"
    compare = "!=" if type(content) is str else "is not"
    if type(content) in (dict, list):
        content = Held(content)
    return f"if {owner}.get({place}) {compare} {writer.text(content)}: raise Changed({f'{what} in a dict'!r})"


class Bound:
    """The arrays from outside that are likely the same objects in each replay, and what is made of them.

    A replay looks at their shapes, makes views and joins parameters to vectors only if one is another object than before.

    Attributes:
        arrays: their variables.
        views: those of views, and of vectors, by the instructions that make them.
    """

    def __init__(self, program: Program, read: set[Variable]) -> None:
        self.program = program
        targets = {effect.target for effect in program.effects if effect.target.kind == "data" and not is_kept(effect, program)}
        instructions = program.instructions[: program.split]
        self.joined = [item for item in instructions if type(item.function) is Joined]
        known = {variable for item in self.joined for variable in item.operands} | {
            variable for variable, source in program.inputs.items()
            if source.kind == "data" and variable.kind is np.ndarray and variable in read
            and not isinstance(source.owner, Argument) and source not in targets
        }  # fmt: skip
        self.arrays = [variable for variable in program.inputs if variable in known]
        self.views: dict[Variable, Instruction] = {item.out: item for item in self.joined}
        for item in instructions:
            if is_view(item) and item.args[0] in known:
                self.views[item.out] = item
                known.add(item.out)

    def check(self) -> list[str]:
        """Return the statements of forward() that compare the arrays."""
        if not self.arrays:
            return []
        found = [v.name for v in (*self.arrays, *self.views)]
        before = [f"{v.name}_before" for v in self.arrays]
        lines = [f"{', '.join([*before, *(v.name for v in self.views)])}, = bound.arrays"]
        lines.append(f"if {' or '.join(f'{v.name} is not {v.name}_before' for v in self.arrays)}:")
        if self.joined:  # arrays that something else refers to are not joined
            lines.append(f"    {' = '.join([*found, *before])} = None")
        lines.append(f"    {', '.join(found)}, = bind()")
        return lines

    def function(self, writer: Writer, reads: dict[Variable, str]) -> str:
        """Return the source of the function that checks the arrays, and makes vectors and views."""
        if not self.arrays:
            return ""
        writer.names["bound"] = Binding(len(self.arrays) + len(self.views))
        lines = ["bound.arrays = bound.nothing"]
        for item in self.joined:
            assert isinstance(item.function, Joined)
            lines.append(f"{item.out.name} = join({writer.name(item.function.sources, 'sources')})")
        for v in self.arrays:
            lines.append(f"{v.name} = {reads[v]}")
            lines.append(CHECK.format(v.name, v.shape, writer.name(v.dtype, str(v.dtype)), f"the shape or dtype of {v.name}"))
            if v.contiguous and len(v.shape) > 1:
                lines.append(CHECK_ORDER.format(v.name))
        lines += [f"{out.name} = {writer.expression(item)}" for out, item in self.views.items() if item not in self.joined]
        lines += [f"bound.arrays = {', '.join(v.name for v in (*self.arrays, *self.views))},", "return bound.arrays"]
        return "def bind():\n" + "".join(f"    {line}\n" for line in lines) + "\n\n"


def is_kept(effect: Effect, program: Program) -> bool:
    """Whether an effect leaves the array of a Value in its place, which may have been changed."""
    return type(effect.content) is Variable and program.inputs.get(effect.content) == effect.target


def is_view(item: Instruction) -> bool:
    """Whether an instruction makes a view of one array, whatever the memory order of that."""
    if item.writes or item.named or len(item.args) == 0 or not isinstance(item.out, Variable) or item.out.kind is not np.ndarray:
        return False
    turned = item.function in (Attribute("T"), Attribute("mT"), np.transpose, Method("transpose"), Method("swapaxes"))
    return turned and not any(True for _ in variables_in(item.args[1:])) and type(item.args[0]) is Variable


def clock(advance: int) -> int:
    """Return the number of assignments to the data of Values so far, after adding `advance`."""
    value._tick += advance
    return value._tick


def owner_of(source: Source, arguments: dict[int, str], writer: Writer) -> str:
    """Return the name of the object that an input is read from."""
    if isinstance(source.owner, Argument):
        return arguments.setdefault(source.owner.number, writer.free_name(f"{source.owner.name}_value"))
    return writer.name(
        source.owner, "items" if source.kind in ("item", "part") else f"{name_of_source(Source('data', source.owner))}_value"
    )


def effects_of(program: Program, arguments: dict[int, str], writer: Writer) -> list[str]:
    """Return the statements that change Values and dicts from outside."""
    lines = []
    clocked = [effect for effect in program.effects if effect.target.kind == "data"]
    if any(effect.target.kind == "since" and effect.content is not None for effect in program.effects):
        lines.append("now = clock(0)")
    for effect in program.effects:
        owner, kind = owner_of(effect.target, arguments, writer), effect.target.kind
        if kind == "item" and effect.content is ABSENT:
            lines.append(f"{owner}.pop({writer.text(effect.target.key)}, None)")
        elif kind == "item" and type(effect.content) is Variable and program.inputs.get(effect.content) == effect.target:
            continue
        elif kind == "item":
            lines.append(f"{owner}[{writer.text(effect.target.key)}] = {writer.text(effect.content)}")
        elif kind == "since":
            lines.append(f"{owner}._since = {'None' if effect.content is None else 'now'}")
        elif kind == "grad":
            lines.append(f"{owner}._grad = {writer.text(effect.content)}")
        elif type(effect.content) is not Variable or program.inputs.get(effect.content) != effect.target:
            lines.append(f"{owner}._raw = {writer.text(effect.content)}")
    if clocked:
        owners = [owner_of(effect.target, arguments, writer) for effect in clocked]
        lines.append(f"{' = '.join(f'{owner}._clock' for owner in owners)} = clock(1)")
    return lines

"""Environment: what a function reads from Python's state besides its arguments, and a fast check that it is still the same.

The state is found from the outside: the closure, globals and defaults of the function, of the functions it refers to, and the
attributes, lists and dicts below them. Functions of libraries are not searched. Plain data is compared by type and value; arrays,
Values, functions, classes and other objects by identity; containers by their contents. Data of Values and the numbers of arrays
that a program refers to are read anew by each replay, and are not compared.
"""

from __future__ import annotations

import dis
import enum
import functools
import inspect
import io
import operator
import os
import pickle
import random
import sys
import sysconfig
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from autograd.compiler.program import Program, Source, same
from autograd.hooks import HOOKED, hooks_of
from autograd.op import is_value
from autograd.scopes import INSIDE

REFERENCES = ("cell", "item", "key", "attribute", "context")
PLAIN = {int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range}
#: Lists and sets of plain data above this length, and arrays above this size in bytes that the function computes with by itself,
#: are compared by identity and length only.
LONG, LARGE = 4096, 1 << 17
FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)
#: An environment has about this many entries at most.
BUDGET = 10_000
#: Functions that read attributes by names that are data.
READERS = {"getattr", "hasattr", "vars", "attrgetter", "__dict__", "__getattribute__", "fields", "asdict", "astuple", "replace"}
#: The names of classes of numbers and arrays.
NUMBERS = {
    "float",
    "int",
    "complex",
    "bool",
    "ndarray",
    "generic",
    "number",
    "floating",
    "integer",
    "float64",
    "float32",
    "int64",
}
#: The modules of classes that hold nothing themselves.
ABSTRACT = {"abc", "typing", "collections.abc", "_collections_abc"}
UNSET = object()  # what a context variable holds that was not set
CACHED = type(functools.lru_cache(len))
PATHS = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


class Entry:
    """One thing that was found.

    Attributes:
        kind: where it was found: "cell", "item" (of a namespace), "key" (of another dict) and "attribute" of `holder`, at `key`,
            and "context" (a context variable); or what is compared: "space" and "length" (an instance's dict), "absent" (a name
            that is not in it), "contents", "values" and "count" (of a container), "numbers" and "objects" (of an array), "state"
            (of a container written in C), and "frozen" (of a Value).
        holder, key: the object to read it from.
        item: what was found.
        parents: the entries that lead here.
    """

    __slots__ = ("holder", "item", "key", "kind", "parents")

    def __init__(self, kind: str, holder: Any, key: Any, item: Any, parents: tuple[str, ...] = ()) -> None:
        self.kind, self.holder, self.key, self.item, self.parents = kind, holder, key, item, parents

    def read(self) -> Any:
        """Return what is there now; raise an error if there is nothing."""
        return READ[self.kind](self.holder, self.key)


READ: dict[str, Callable[[Any, Any], Any]] = {
    "cell": lambda cell, _: cell.cell_contents,
    "item": lambda items, key: items[key],
    "attribute": getattr,
    "length": lambda items, _: len(items),
    "key": lambda items, key: items[key],
    "space": lambda item, _: item.__dict__,
    "absent": lambda items, key: key not in items,
    "contents": lambda items, _: list(items) if len(items) <= BUDGET else len(items),
    "count": lambda items, _: len(items),
    "values": lambda items, _: list(items.values()),
    "objects": lambda array, _: list(array.flat),
    "numbers": lambda array, _: array.tobytes(),
    "state": lambda item, _: pickled(item),
    "frozen": lambda value, _: value._frozen,
    "context": lambda variable, missing: variable.get(missing),
}
#: Expressions of the fast check, which are true where an entry is not the same. {o} is the holder, {k} the key, {x} the item.
TESTS = {
    "cell": "{o}.cell_contents is not {x}",
    "item": "{o}[{k}] is not {x}",
    "key": "{o}[{k}] is not {x}",
    "attribute": "{o}.{key} is not {x}",
    "space": "{o}.__dict__ is not {x}",
    "length": "len({o}) != {x}",
    "absent": "{k} in {o}",
    "contents": "len({o}) != len({x}) or not all(map(is_, {o}, {x}))",
    "plain": "{o} != {x}",
    "count": "len({o}) != {x}",
    "values": "len({o}) != len({x}) or not all(map(is_, {o}.values(), {x}))",
    "objects": "not all(map(is_, {o}.flat, {x}))",
    "numbers": "{o}.tobytes() != {x}",
    "state": "pickled({o}) != {x}",
    "frozen": "{o}._frozen is not {x}",
    "context": "{o}.get({k}) is not {x}",
}


class Environment:
    """The environment of a function at one time.

    Attributes:
        entries: what was found, by its name for messages.
        values: the Values among it.
        library: the names of entries that are attributes of modules and optimisers of nn.
        iterators: the names of iterators.
        hidden: the names of containers that cannot be compared.
        problems: why some functions cannot be recorded.
        generators: random generators by id, each with its name and its state.
    """

    def __init__(self, function: Any, others: Iterable[tuple[str, Any]] = ()) -> None:
        self.roots = [("", function), *others]
        self.names: set[str] = set()  # the names of attributes that occur in the code
        self.everything = False  # whether the code reads attributes by names that it computes
        size = -1
        while size != len(self.names):  # the code that is found names attributes, which lead to more code
            size = len(self.names)
            self.entries: dict[str, Entry] = {}
            self.values: dict[int, Any] = {}
            self.seen: dict[int, Any] = {}
            self.library: set[str] = set()
            self.iterators: list[str] = []
            self.hidden: list[str] = []
            self.problems: list[str] = []
            self.generators: dict[int, tuple[Any, str, Any]] = {}
            for name, item in (("random", random._inst), ("numpy.random", np.random.mtrand._rand)):
                self.generators[id(item)] = item, name, state_of(item)
            self.parents: tuple[str, ...] = ()
            self.root = True
            for name, item in self.roots:
                self.visit(item, name)
                self.root = False

    # --- the search ----------------------------------------------------------------------------------

    def add(self, name: str, kind: str, holder: Any, key: Any, item: Any) -> None:
        """Note what was found, and search it."""
        number, free = 1, name
        while (found := self.entries.get(free)) is not None:
            if found.kind == kind and found.holder is holder and found.key == key:
                return
            number += 1
            free = f"{name} ({number})"
        self.entries[free] = Entry(kind, holder, key, item, self.parents)
        if kind in REFERENCES:
            before, self.parents = self.parents, (*self.parents, free)
            self.visit(item, free)
            self.parents = before

    def visit(self, item: Any, name: str) -> None:
        """Search an object for what may change below it."""
        kind = type(item)
        if kind in PLAIN or isinstance(item, (np.generic, enum.Enum)) or id(item) in self.seen or len(self.entries) > BUDGET:
            return
        self.seen[id(item)] = item
        if hasattr(kind, "_record") and is_value(item):  # asking the object itself may call a __getattr__()
            self.values[id(item)] = item
            for handle in hooks_of(item) if HOOKED else ():
                self.visit(handle.hook, f"a hook of {item.label or name}")
        elif isinstance(item, np.ndarray):
            if item.dtype == object:
                self.add(f"the items of {name}", "objects", item, None, list(item.flat))
                self.parts(list(item.flat), name, item)
            elif item.nbytes <= LARGE:
                self.add(f"the numbers of {name}", "numbers", item, None, item.tobytes())
        elif kind is types.FunctionType:
            self.visit_function(item, name)
        elif kind is types.MethodType:
            self.visit(item.__func__, name)
            self.visit(item.__self__, "self" if self.root else f"{name}.__self__")
        elif kind is types.BuiltinMethodType and not isinstance(item.__self__, types.ModuleType):  # such as log.append
            self.visit(item.__self__, f"{name}.__self__")
        elif kind is ContextVar:
            self.add(f"{name}.get()", "context", item, UNSET, item.get(UNSET))
        elif isinstance(item, weakref.ref):
            self.visit(item(), f"{name}()")
        elif kind in (operator.attrgetter, operator.methodcaller):
            self.names.update(part for text in item.__reduce__()[1] if isinstance(text, str) for part in text.split("."))
        elif kind in (staticmethod, classmethod):
            self.visit(item.__func__, name)
        elif kind is property:
            for part in (item.fget, item.fset):
                self.visit(part, name)
        elif kind is CACHED:
            self.visit(item.__wrapped__, name)
        elif isinstance(item, functools.partial):
            self.visit(item.func, name)
            self.visit((item.args, item.keywords), f"{name}.args")
        elif kind is types.ModuleType:
            if is_users_module(item):
                self.members(vars(item), item.__name__)
        elif isinstance(item, type):
            self.visit_class(item)
        elif isinstance(item, (list, tuple, set, frozenset, deque)):
            self.visit_items(item, name)
        elif isinstance(item, (dict, types.MappingProxyType)):
            self.visit_dict(item, name)
        else:
            self.visit_object(item, name)

    def visit_function(self, function: types.FunctionType, name: str) -> None:
        """Search what the code of a function names; of one of a library, only the functions that it was given."""
        code = function.__code__
        if not is_users_file(code.co_filename):
            for cell in function.__closure__ or ():  # such as that of grad(f), which calls f
                if has_content(cell) and isinstance(cell.cell_contents, FUNCTIONS):
                    self.visit(cell.cell_contents, name)
            return
        root, self.root = self.root, False
        title = function.__qualname__
        reads = reads_of(code)
        self.names |= reads.attributes
        self.everything |= reads.everything
        if reads.problem:
            self.problems.append(f"{title}() {reads.problem}")
        if not root:
            self.add(f"the code of {title}()", "attribute", function, "__code__", code)
        for cell_name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if has_content(cell):
                self.add(cell_name if root else f"{cell_name} in {title}()", "cell", cell, cell_name, cell.cell_contents)
        space = function.__globals__
        where = "" if self.root_module(function, root) else f"{space.get('__name__', '')}."
        for global_name in reads.names:
            if global_name in space:
                self.add(where + global_name, "item", space, global_name, space[global_name])
        if "environ" in reads.attributes or "getenv" in reads.attributes or "environ" in reads.names:
            self.visit(getattr(os.environ, "_data", None), "os.environ")
        for module in reads.modules:
            self.visit(sys.modules.get(module), module)
        for part, what in (("__defaults__", "the defaults"), ("__kwdefaults__", "the defaults of keywords")):
            if getattr(function, part) is not None:
                self.add(f"{what} of {title}()", "attribute", function, part, getattr(function, part))
        self.members(vars(function), title)

    def root_module(self, function: types.FunctionType, root: bool) -> bool:
        """Whether a function is of the same module as the first one."""
        if root:
            self.space = function.__globals__
        return getattr(self, "space", None) is function.__globals__

    def visit_class(self, kind: type) -> None:
        """Search the methods and attributes of a user's class that the code names, and its special methods."""
        if type(kind) is not type and is_users_class(type(kind)):
            self.visit(type(kind), f"type({kind.__name__})")
        called = any(owner is not object and not is_users_class(owner) for owner in kind.__mro__)  # by the code of a library
        for owner in kind.__mro__:
            if not is_users_class(owner) or (owner is not kind and id(owner) in self.seen):
                continue
            self.seen[id(owner)] = owner
            for name, item in vars(owner).items():
                special = (name.startswith("__") or called) and isinstance(item, types.FunctionType)
                special = special and name not in ("__init__", "__repr__")
                if name in self.names or special:
                    self.add(f"{owner.__name__}.{name}", "item", vars(owner), name, item)

    def visit_items(self, items: Any, name: str) -> None:
        """Search the items of a list, tuple, set or deque."""
        if type(items) is not tuple and type(items) is not frozenset:
            if len(items) > LONG:
                self.add(f"the length of {name}", "count", items, None, len(items))
                return
            self.add(f"the items of {name}", "contents", items, None, list(items))
        if len(items) <= LONG:
            self.parts(items, name, items)

    def parts(self, items: Any, name: str, holder: Any) -> None:
        """Search the items of a list."""
        before = self.parents
        self.parents = (*before, f"the items of {name}")
        for number, part in enumerate(items):
            if type(part) not in PLAIN:
                self.visit(part, f"{name}[{number}]")
        self.parents = before

    def visit_dict(self, items: Mapping[Any, Any], name: str) -> None:
        """Search a dict: each item by its key if the keys are text or ints, otherwise all values together."""
        if len(items) > LONG:
            self.add(f"the length of {name}", "count", items, None, len(items))
            return
        self.add(f"the keys of {name}", "contents", items, None, list(items))
        before = self.parents
        self.parents = (*before, f"the keys of {name}")
        if type(items) is dict and all(type(key) in (str, int) for key in items):
            for key, part in items.items():
                self.add(f"{name}[{key!r}]", "key", items, key, part)
        else:
            self.add(f"the values of {name}", "values", items, None, list(items.values()))
            for number, part in enumerate(items.values()):
                self.visit(part, f"{name}.values()[{number}]")
        self.parents = before

    def visit_object(self, item: Any, name: str) -> None:
        """Search the attributes of an object: those that the code names; all of a module or optimiser of nn, or of a container of
        a library, such as a table, as the code of libraries is not searched.
        """
        kind = type(item)
        if kind.__module__ == "autograd.compiler.compiled":
            self.visit(item.function, name)
            return
        if kind.__module__.partition(".")[0] == "autograd":  # an operation, for example
            return
        if isinstance(item, (np.random.Generator, np.random.RandomState, random.Random)):
            self.generators[id(item)] = item, name, state_of(item)
            return
        if hasattr(kind, "__next__") and not isinstance(item, io.IOBase) and name not in self.library:
            self.iterators.append(name)
        if is_users_class(kind):
            self.visit_class(kind)
        space = getattr(item, "__dict__", None)
        contains = is_container_of_library(kind)
        everything = self.everything or contains
        if type(space) is dict:
            if is_of_nn(kind):
                self.visit_module(space, name)
            else:
                if type(type(item)) is type:
                    self.add(f"the class of {name}", "attribute", item, "__class__", type(item))
                self.add(f"the attributes of {name}", "space", item, None, space)
                self.members(space, name, kind, everything)
        slots = self.visit_slots(item, name, everything)
        if contains and not space and not slots:
            self.visit_contents(item, name)

    def visit_module(self, space: dict[str, Any], name: str) -> None:
        """Search all attributes of a module, optimiser or schedule of nn."""
        title = f"the attributes of {name}"
        self.add(title, "length", space, None, len(space))
        self.library |= {title, *(f"{name}.{key}" for key in space)}
        before = self.parents
        self.parents = (*before, title)
        for key, part in space.items():
            self.add(f"{name}.{key}", "item", space, key, part)
        self.parents = before

    def visit_slots(self, item: Any, name: str, everything: bool) -> bool:
        """Search the slots of an object that the code names, or all; return whether there are some."""
        found = False
        for owner in type(item).__mro__:
            for key, member in vars(owner).items() if "__slots__" in vars(owner) else ():
                if type(member) is types.MemberDescriptorType and (key in self.names or everything):
                    part = getattr(item, key, self)
                    if part is not self:
                        found = True
                        self.add(f"{name}.{key}", "attribute", item, key, part)
        return found

    def visit_contents(self, item: Any, name: str) -> None:
        """Note the contents of a container that is written in C, unless they cannot change, as the hash of its class tells."""
        if type(item).__hash__ not in (None, object.__hash__) and type(item) is not memoryview:
            return
        try:
            self.add(f"the contents of {name}", "state", item, None, pickled(item))
        except Exception:
            owners = (part for part in self.parents if is_container_of_library(type(self.entries[part].item)))
            self.hidden.append(next(owners, name))

    def members(self, space: dict[str, Any], name: str, kind: type | None = None, everything: bool = False) -> None:
        """Search the attributes in an instance's or module's dict that the code names; those of its class must stay in sight."""
        for key in list(space) if everything else sorted(self.names & space.keys()):
            self.add(f"{name}.{key}", "item", space, key, space[key])
        if kind is not None and (everything or is_users_class(kind)):
            for key in sorted(self.names - space.keys()):
                if any(key in vars(owner) for owner in kind.__mro__) or everything:
                    self.add(f"{name}.{key}", "absent", space, key, True)

    # --- comparing -----------------------------------------------------------------------------------

    def differences(self, other: Environment) -> list[str]:
        """Return the names of what differs."""
        return [
            name
            for name in dict.fromkeys([*self.entries, *other.entries])
            if name not in self.entries
            or name not in other.entries
            or self.entries[name].kind != other.entries[name].kind
            or not alike(self.entries[name].item, other.entries[name].item)
        ]


class Check:
    """The check that an environment is what it was: ``check.changed(leaves)`` returns None, or the name of what changed.

    `leaves` are the flattened arguments, as Values among them may have hooks.

    Args:
        environment: what it was.
        ignored: the names of entries that changed while the function was recorded, but not what it computes.
        program: the program, which reads some Values and items of dicts anew.
        arrays: the arrays that it refers to.
        leaves: the flattened arguments.
    """

    def __init__(
        self, environment: Environment, ignored: Iterable[str], program: Program, arrays: Iterable[Any], leaves: Sequence[Any]
    ) -> None:
        left = set(ignored)
        sources = sources_of(program)
        live = self.live = live_keys(program)
        self.live_names = {name for name, entry in environment.entries.items() if is_live(entry, live)}
        values = [source.owner for source in (*sources, *program.targets) if is_value(source.owner)]
        known = list(arrays)
        self.environment = environment
        self.entries: dict[str, Entry] = {}
        for name, entry in environment.entries.items():
            free = name in left or any(parent in left for parent in entry.parents) or is_live(entry, live)
            if free or (entry.kind == "numbers" and any(entry.holder is array for array in known)):
                left.add(name)
            else:
                self.entries[name] = entry
        self.ignored = left
        self.values = list({id(value): value for value in (*environment.values.values(), *values)}.values())
        for number, value in enumerate(self.values):
            if value.op is None:
                title = f"requires_grad of {value.label or 'a Value'} ({number})"
                self.entries[title] = Entry("frozen", value, None, value._frozen)
        self.hooks = self.hooks_of(leaves)
        self.changed: Callable[[Sequence[Any]], str | None]
        self.write()

    def hooks_of(self, leaves: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the hooks of each Value that has some."""
        values = [*self.values, *filter(is_value, leaves)] if HOOKED else []
        return [(number, *(handle.hook for handle in hooks)) for number, value in enumerate(values) if (hooks := hooks_of(value))]

    def write(self) -> None:
        """Write the fast check, in which nothing but identity counts."""
        space: dict[str, Any] = {"is_": is_, "HOOKED": HOOKED, "slow": self.slow, "pickled": pickled}
        given: dict[int, str] = {}

        def name_of(item: Any) -> str:
            found = given.get(id(item))
            if found is None:
                found = given[id(item)] = f"o{len(given)}"
                space[found] = item
            return found

        tests = []
        lines = []
        for number, entry in enumerate(self.entries.values()):
            text, item = f"x{number}", entry.item
            space[text] = item
            kind = entry.kind
            if kind == "contents" and type(entry.holder) is list:
                if len(item) <= 16 and item:
                    parts = [f"y{place}" for place in range(len(item))]
                    lines.append(f"{', '.join(parts)}, = {name_of(entry.holder)}")
                    differ = " or ".join(f"{y} is not {name_of(x)}" for y, x in zip(parts, item, strict=True))
                    lines.append(f"if {differ}: return slow(leaves)")
                    continue
                if len(item) > 16 and all(type(part) in (float, str) for part in item):
                    kind = "plain"
            key = repr(entry.key) if type(entry.key) in (str, int) else name_of(entry.key)
            tests.append(TESTS[kind].format(o=name_of(entry.holder), k=key, key=entry.key, x=text))
        tests.append("True" if self.hooks else "HOOKED")
        source = "def changed(leaves):\n    try:\n"
        source += "".join(f"        {line}\n" for line in lines)
        source += f"        if {' or '.join(tests)}: return slow(leaves)\n    except Exception: return slow(leaves)\n"
        exec(source, space)
        self.space, self.changed = space, space["changed"]

    def slow(self, leaves: Sequence[Any]) -> str | None:
        """Return the name of what changed, or None; take equal data at another place as the same."""
        moved = False
        for number, (name, entry) in enumerate(self.entries.items()):
            try:
                found = entry.read()
            except Exception:
                return name
            if found is entry.item:
                continue
            if not alike(found, entry.item):
                return name
            if entry.kind in (*REFERENCES, "space", "contents", "values", "objects") and not is_plain(found):
                moved = True
            elif entry.kind in REFERENCES:
                entry.item = self.space[f"x{number}"] = found
        if self.hooks_of(leaves) != self.hooks:
            return "a hook of a Value"
        return self.search() if moved else None

    def search(self) -> str | None:
        """Search the environment anew, as a container was replaced; return the name of what changed, or None."""
        now = Environment(self.environment.roots[0][1], self.environment.roots[1:])
        for name in self.environment.differences(now):
            entry = self.environment.entries.get(name) or now.entries[name]
            if name not in self.ignored and not any(parent in self.ignored for parent in entry.parents):
                return name
        if {*now.values} != {*self.environment.values}:
            return "a Value"
        self.environment = now
        self.entries = {name: now.entries.get(name, entry) for name, entry in self.entries.items()}
        self.write()
        return None


CHANGES = "it changes {}, which a replay would not do: return it instead, or use autograd.compiler.live()"


def check_of(recorder: Any, start: Environment, end: Environment, leaves: Sequence[Any]) -> Check:
    """Return the check for a program that was recorded between two environments.

    The recording fails if the function changes something, such as a counter or a list, as a replay would not do that. What a
    program reads and writes itself is not compared, nor what belongs to objects whose methods effect() repeats.
    """
    arrays = [array for array, _ in recorder.constants.values()]
    repeated, below = owners_of_effects(recorder.program)
    owned = {
        name
        for found in (start, end)
        for name, entry in found.entries.items()
        if id(entry.holder) in repeated
        or (entry.kind, id(entry.holder), entry.key) in below
        or any(part in found.entries and id(found.entries[part].item) in repeated for part in entry.parents)
    }
    changed = [name for name in start.differences(end) if name not in owned]
    check = Check(end, [*changed, *owned], recorder.program, arrays, leaves)
    reasons = [f"it reads the iterator {name}, which a replay would not advance: pass its items" for name in end.iterators]
    reasons += [f"it reads {name}, whose contents are too large to compare, or cannot be: pass its arrays" for name in end.hidden]
    for number, (_, name, state) in end.generators.items():
        expected = recorder.drawn[number][2] if number in recorder.drawn else start.generators.get(number, (0, 0, state))[2]
        first = recorder.drawn[number][1] if number in recorder.drawn else state
        if state != expected or (
            number in start.generators and number in recorder.drawn and first != start.generators[number][2]
        ):
            reasons.append(f"it draws random numbers from {name} itself: draw them by autograd.compiler.draw()")
    for name in changed:
        found = end if name in end.entries else start
        entry = found.entries[name]
        live = is_live(entry, check.live) or any(part in check.live_names for part in entry.parents)
        if not live:
            reasons.append(CHANGES.format(name))
    if reasons:
        recorder.failure = reasons[0]
    return check


class Limited(io.RawIOBase):
    """A file in memory that holds no more than LARGE bytes."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.left = LARGE

    def write(self, part: Any) -> int:
        self.left -= len(part)
        if self.left < 0:
            raise OverflowError
        self.parts.append(bytes(part))
        return len(part)


def pickled(item: Any) -> bytes:
    """Return the contents of a container as bytes; raise an error if there are more than LARGE, or it has no such form."""
    if type(item) is memoryview:
        return item.tobytes()
    file = Limited()
    pickle.dump(item, file, protocol=4)
    return b"".join(file.parts)


def state_of(generator: Any) -> Any:
    """Return the state of a random generator in a form that can be compared."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    return pickle.dumps(getattr(generator, "bit_generator", generator._bit_generator).state)


def owners_of_effects(program: Program) -> tuple[set[int], set[tuple[str, int, Any]]]:
    """Return, by id, the objects whose methods effect() repeats, and their dicts: replays change them as the function does.

    Also return what other functions that it repeats find in Python's state, by its kind, the id of its holder, and its key.
    """
    functions = [getattr(item.function, "function", None) for item in program.instructions if getattr(item.function, "effect", 0)]
    owners = [owner for function in functions if (owner := getattr(function, "__self__", None)) is not None]
    plain: dict[int, Any] = {
        id(f): f for f in functions if type(f) is types.FunctionType and is_users_file(f.__code__.co_filename)
    }
    below = {(e.kind, id(e.holder), e.key) for f in plain.values() for e in Environment(f).entries.values()}
    return {id(item) for owner in owners for item in (owner, getattr(owner, "__dict__", owner))}, below


def named_objects(function: Any, args: Any, named: Any, fixed: list[Any]) -> list[tuple[str, Any]]:
    """Return the arguments that are objects, such as modules, with their names."""
    try:
        bound = inspect.signature(function).bind(*args, **named).arguments
    except (TypeError, ValueError):
        bound = {}
    names = {id(item): name for name, item in bound.items()}
    return [(names.get(id(item), f"the {type(item).__name__}"), item) for item in fixed]


def reason_of_change(last: Environment, start: Environment | None, end: Environment, program: Program) -> str | None:
    """Return why two recordings differ, if something changed between or in the calls, or None.

    `last` was found at the end of the first recording, `start` and `end` at the ends of the second one.
    """
    live = live_keys(program)

    def changed(now: Environment) -> list[str]:
        entries = last.entries | now.entries
        free = {name for name, entry in entries.items() if is_live(entry, live)}
        return [name for name in last.differences(now) if free.isdisjoint((name, *entries[name].parents))]

    for name in changed(end if start is None else start):
        return f"{name} changed between calls, pass it as an argument"
    for name in changed(end):
        return CHANGES.format(name)
    return None


def sources_of(program: Program) -> list[Source]:
    """Return what a program reads at its start, and what it writes at its end."""
    return [*program.inputs.values(), *program.conditions, *(effect.target for effect in program.effects)]


def live_keys(program: Program) -> set[tuple[int, Any]]:
    """Return the dicts, by id, and the keys that a program reads anew; None stands for all of a dict."""
    found = [source for source in sources_of(program) if source.kind in ("item", "part")]
    return {(id(source.owner), key) for source in found for key in (source.key, None)}


def is_live(entry: Entry, live: set[tuple[int, Any]]) -> bool:
    """Whether a program reads an entry anew; `live` has the dicts, by id, and the keys that it reads."""
    if entry.kind not in ("item", "key", "contents", "values", "length", "count"):
        return False
    key = entry.key if entry.kind in ("item", "key") else None
    return (id(entry.holder), key) in live


def is_(a: Any, b: Any) -> bool:
    return a is b


def is_plain(item: Any) -> bool:
    """Whether an object is data that cannot change."""
    kind = type(item)
    if kind is tuple or kind is frozenset:
        return all(map(is_plain, item))
    return kind in PLAIN or isinstance(item, (np.generic, enum.Enum, np.dtype))


def alike(a: Any, b: Any) -> bool:
    """Whether two things are the same to a program: identical, equal plain data, or containers of one class.

    The contents of a container have an entry of their own.
    """
    if a is b:
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if is_plain(a) and is_plain(b):
        return same(a, b)
    if kind is types.MethodType:
        return a.__self__ is b.__self__ and a.__func__ is b.__func__
    if kind in (list, tuple, deque):
        return len(a) == len(b) and all(map(alike, a, b))
    if kind is set or kind is frozenset:
        return len(a) == len(b) and {(type(x), x) for x in a} == {(type(x), x) for x in b}
    if kind is dict:
        return list(a) == list(b) and all(map(alike, a.values(), b.values()))
    return False


# --- code ------------------------------------------------------------------------------------------------


class Reads:
    """The names that the code of a function reads."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.attributes: set[str] = set()
        self.modules: dict[str, None] = {}
        self.everything = False
        self.problem = ""  # what it does that cannot be recorded


@functools.lru_cache(1024)
def reads_of(code: types.CodeType) -> Reads:
    """Return what the code of a function, and of the functions in it, reads."""
    found = Reads()
    texts: set[str] = set()
    for part in codes_in(code):
        for item in dis.get_instructions(part):
            name = item.opname
            if name in ("LOAD_GLOBAL", "LOAD_NAME"):
                found.names[item.argval] = None
            elif name in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "STORE_ATTR", "IMPORT_FROM"):
                found.attributes.add(item.argval)
            elif name == "IMPORT_NAME":
                found.modules[item.argval] = None
        if "type" in found.names and compares_types(part):
            found.problem = "compares the type() of a number or array: use isinstance()"
        elif called := sorted({"eval", "exec"} & found.names.keys()):
            found.problem = f"calls {called[0]}(), which may read anything: call it outside"
        texts |= {item for item in part.co_consts if isinstance(item, str) and item.isidentifier()}
    if "globals" in found.names:
        found.names |= dict.fromkeys(sorted(texts))
    if not READERS.isdisjoint({*found.names, *found.attributes}):
        found.attributes |= texts
        found.everything = True
    return found


def compares_types(code: types.CodeType) -> bool:
    """Whether code has an expression such as ``type(x) is float`` or ``type(x) in (int, np.ndarray)``."""
    names: set[str] = set()
    for item in dis.get_instructions(code):
        if item.opname in ("IS_OP", "COMPARE_OP", "CONTAINS_OP"):
            if "type" in names and not NUMBERS.isdisjoint(names):
                return True
            names = set()
        elif item.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR"):
            names.add(item.argval)
        elif item.opname.startswith(("STORE_", "POP_", "RETURN_")):  # the end of the expression
            names = set()
    return False


def codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code of a function and of the functions in it."""
    yield code
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            yield from codes_in(item)


def has_content(cell: Any) -> bool:
    """Whether the variable of a closure has a value."""
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


@functools.lru_cache(4096)
def is_users_file(filename: str) -> bool:
    """Whether a file is neither of this package, nn, nor of an installed library."""
    return not (filename.startswith((*INSIDE, *PATHS, "<frozen", "<__array_function__")) or "-packages" in filename)


def is_users_module(module: types.ModuleType) -> bool:
    """Whether a module is neither of Python nor of an installed library."""
    if module.__name__.partition(".")[0] in sys.stdlib_module_names and module.__name__ != "__main__":
        return False
    return is_users_file(getattr(module, "__file__", None) or "")


def is_users_class(kind: type) -> bool:
    """Whether a class is of a user's module."""
    module = sys.modules.get(kind.__module__)
    return module is None or is_users_module(module)


def is_container_of_library(kind: type) -> bool:
    """Whether objects of a class hold items, and code of a library reads them."""
    holds = any(hasattr(kind, name) for name in ("__getitem__", "__len__", "__array__"))
    return holds and any(
        owner is not object and owner.__module__ not in ABSTRACT and not is_users_class(owner) and not is_of_nn(owner)
        for owner in kind.__mro__
    )


def is_of_nn(kind: type) -> bool:
    """Whether a class, or one it is derived from, is of nn, such as a module, an optimiser or a schedule."""
    return any(owner.__module__.partition(".")[0] == "nn" for owner in kind.__mro__)

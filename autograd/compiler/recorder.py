"""Recorder: runs a function on tracers, and writes down what it computes as a program.

Data enters a program only by the arguments, by Values and dicts from outside, which it reads anew at each replay, and as
constants. It leaves only by guards, results and effects. What does neither makes the recording fail, with the reason.
"""

from __future__ import annotations

import dis
import gc
import os
import pickle
import re
import sys
import weakref
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import lru_cache, partial
from types import CellType, CodeType, FrameType, FunctionType, MemberDescriptorType
from typing import Any

import numpy as np

from autograd.compiler.program import (
    FINITE,
    PLAIN_ARRAY,
    TRUTH,
    Argument,
    Attribute,
    Effect,
    Guard,
    Instruction,
    Method,
    Place,
    Program,
    Source,
    Spot,
    Variable,
    set_item,
    written_arguments,
)
from autograd.compiler.structure import settled
from autograd.compiler.tracer import Tracer
from autograd.scopes import INSIDE

UNSET = object()
NUMPY = str(np.__path__[0])
COMPILER = os.path.dirname(__file__) + os.sep


class Leak(BaseException):
    """Raised where an operation or a rule reads the numbers of a tracer; no Exception, so that no handler catches it."""


class Outside:
    """What a recording knows of a Value from outside: the content of its slots, as the function sees them."""

    def __init__(self, value: Any, owner: Argument | None = None) -> None:
        self.value, self.owner = value, value if owner is None else owner
        self.slots: dict[str, Any] = {}
        self.first: dict[str, Any] = {}  # what was read before it was written
        self.written: set[str] = set()


class Recorder:
    """One recording.

    Attributes:
        program: what was recorded so far.
        failure: why it cannot be replayed, or None.
        passing: whether the failure is of this call only, so that the next call is worth a recording.
        finished: whether it has ended; its tracers then are as good as plain data.
    """

    def __init__(self) -> None:
        self.program = Program()
        self.failure: str | None = None
        self.passing = False
        self.errors_before = np.geterr()
        self.finished = False
        self.finite: set[Variable] = set()  # arrays with a guard that they are finite
        self.attempts = 0  # the number of operations and rules that run as attempts, see attempt()
        self.pause: Callable[[], Any] = nullcontext  # in which nothing is recorded
        # What operations in SAVING keep for rules not recorded yet, by result; their instruction, and a plain function for it.
        self.saved: dict[Variable, tuple[list[Tracer], Instruction, Callable[..., Any]]] = {}
        self.tracers: list[weakref.ref[Tracer]] = []
        self.sharers: dict[Variable, list[weakref.ref[Tracer]]] = {}  # by root, the tracers of arrays that share its memory
        self.constants: dict[int, tuple[np.ndarray, int]] = {}  # arrays from outside by id, with their checksums
        self.handed: dict[int, tuple[np.ndarray, int]] = {}  # arrays that other code reads, by id, with their checksums
        self.outside: dict[int, Outside] = {}
        self.inside: dict[int, Any] = {}  # the Values that were created in this recording, by id
        self.drawn: dict[int, tuple[Any, bytes, bytes]] = {}  # random generators by id, with their first and last state
        self.made: dict[int, Any] = {}  # dicts that were made in the function and put into one from outside, by id
        self.given: dict[Variable, np.ndarray] = {}  # arrays from outside, by their variables
        self.lives: dict[int, Any] = {}  # the views of dicts from outside that live() returned, by id

    # --- computing and writing down --------------------------------------------------------------------

    def plain(self, item: Any) -> Any:
        """Return nested arguments with data in place of tracers."""
        kind = type(item)
        if kind is Tracer:
            return item._plain
        if kind is tuple or kind is list:
            return kind([self.plain(part) for part in item])
        if kind is dict:
            return {key: self.plain(part) for key, part in item.items()}
        if kind is slice:
            return slice(*map(self.plain, (item.start, item.stop, item.step)))
        if isinstance(item, tuple):
            return type(item)(*map(self.plain, item)) if hasattr(item, "_fields") else item
        return item

    def template(self, item: Any) -> Any:
        """Return nested arguments with variables in place of tracers, and note the arrays among them."""
        kind = type(item)
        if kind is Tracer:
            if item._recorder is not self:
                return self.template(item._plain)
            return item._variable
        if kind is tuple or kind is list:
            return kind([self.template(part) for part in item])
        if kind is dict:
            return {key: self.template(part) for key, part in item.items()}
        if kind is slice:
            return slice(*map(self.template, (item.start, item.stop, item.step)))
        if isinstance(item, np.ndarray):
            self.note_constant(item)
        elif isinstance(item, tuple):
            return tuple(map(self.template, item))
        return item

    def note_constant(self, array: np.ndarray) -> None:
        """Keep an array from outside, with its checksum."""
        if id(array) not in self.constants:
            if array.dtype == object:
                self.fail("an array of objects")
                return
            self.constants[id(array)] = array, checksum(array)

    def call(self, function: Any, args: tuple[Any, ...], named: dict[str, Any] | None = None, writes: Any = ()) -> Any:
        """Compute ``function(*args, **named)`` and write it down; return tracers."""
        named = named or {}
        if self.finished:
            return function(*self.plain(args), **self.plain(named))
        result: Any = UNSET
        if not writes and (type(function) is Method or hasattr(function, "_implementation")):
            result, writes = self.without_writes(function, args, named)
        if writes:
            return self.write(function, args, named, writes)
        if result is UNSET:
            plain = self.plain(args)
            floats = all(type(item) is float for item in plain)  # which give no warning
            result = function(*plain) if floats and not named else call_from_user(function, plain, self.plain(named))
        return self.note(function, args, named, result)

    def without_writes(self, function: Any, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, tuple[Any, ...]]:
        """Call a function or method of NumPy on arrays that cannot be written to.

        Return its result, and the arrays that it would write to, such as an `out` among positional arguments. The result is
        UNSET if it is to be called again, as it writes, raises an error, or returns a view.
        """
        found = [item for item in parts_of((args, named)) if is_array(item) or (type(item) is Tracer and is_array(item._plain))]
        try:
            result = call_from_user(function, with_arrays(args, read_only), with_arrays(named, read_only))
        except Exception:
            return UNSET, tuple([item for item in found if writes_to(item, function, args, named)])
        outs = [part for part in parts_of(result) if is_array(part)]
        shares = any(np.may_share_memory(part, item._plain if type(item) is Tracer else item) for part in outs for item in found)
        return (UNSET if shares else result), ()

    def note(self, function: Any, args: tuple[Any, ...], named: dict[str, Any], result: Any) -> Any:
        """Write down a call whose result was computed; return it as tracers."""
        parts = parts_of((args, named))
        operands = [item for item in parts if type(item) is Tracer]
        if type(result) is np.ndarray:
            for item in operands:
                if item._plain is result:
                    return item
        template = self.template(args), self.template(named)
        known = not getattr(function, "effect", False)
        known = known and not any(map(is_array, parts)) and all(item._variable.is_known for item in operands)
        traced = self.traced(result, operands, known)
        if traced is UNSET:
            if result is not None:
                self.fail(f"{name_of(function)}() returned a {type(result).__name__}")
            out: Any = None
        else:
            out = [part._variable for part in traced] if isinstance(traced, (list, tuple)) and type(traced) is not Tracer else (
                traced._variable
            )  # fmt: skip
        place = user_place() if type(result) is float else user_spot()  # a float gives no warning
        self.program.instructions.append(Instruction(function, *template, out, (), place, self.errors()))
        if traced is not UNSET and shape_varies(function, args, named):
            for part in (item for item in tracers_in(traced) if type(item._plain) is np.ndarray):
                form = form_of(part._plain)
                found = Variable(form)
                self.program.instructions.append(Instruction(form_of, (part._variable,), {}, found, (), user_place()))
                self.guard(found, form, "the shape or dtype of a result")
        return result if traced is UNSET else traced

    def errors(self) -> dict[str, str]:
        """Return the settings of np.errstate() that differ from those at the start."""
        before: Any = self.errors_before
        return {key: str(how) for key, how in np.geterr().items() if how != before[key]}

    def traced(self, result: Any, operands: list[Tracer], known: bool) -> Any:
        """Return a result as a tracer, or tracers in a tuple or list; UNSET for anything but numbers and arrays."""
        kind = type(result)
        if kind is np.ndarray or isinstance(result, (np.generic, float, bool, int, complex)):
            if np.asarray(result).dtype.kind == "O":
                return UNSET
            root = None
            if kind is np.ndarray and result.size:
                for item in operands:
                    if type(item._plain) is np.ndarray and np.may_share_memory(result, item._plain):
                        root = item._variable.root
            return self.new_tracer(Variable(result, root, known), result)
        if isinstance(result, (tuple, list)) and result:
            parts = [self.traced(part, operands, known) for part in result]
            if any(part is UNSET or type(part) is not Tracer for part in parts):
                return UNSET
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        return UNSET

    def new_tracer(self, variable: Variable, data: Any) -> Tracer:
        tracer = Tracer(self, variable, data)
        held = weakref.ref(tracer)
        self.tracers.append(held)
        if variable.kind is np.ndarray:
            self.sharers.setdefault(variable.root, []).append(held)
        return tracer

    def write(self, function: Any, args: tuple[Any, ...], named: dict[str, Any], writes: Any) -> Any:
        """Compute and write down a call that changes some of its arguments in place.

        If nothing else shares the memory, the tracer of the changed array gets a new variable instead, and the program assigns
        each variable once.
        """
        strange = [item for item in writes if type(item) is not Tracer]
        if strange:
            if self.attempts:
                raise Leak
            self.fail("it writes into an array that was not made in the function")
            return function(*self.plain(args), **self.plain(named))
        first = writes[0]
        operands = [*tracers_in(args), *tracers_in(named)]
        before = self.template(args), self.template(named)
        ufunc = isinstance(function, np.ufunc) and function.nout == 1
        alone = ufunc and first._variable.root is first._variable and self.is_alone(first)
        if alone:
            alone = self.fits(function, args[: function.nin], {k: v for k, v in named.items() if k != "out"}, first)
        self.check_handed()
        result = call_from_user(function, self.plain(args), self.plain(named))
        self.handed = {key: (array, checksum(array)) for key, (array, _) in self.handed.items()}
        known = all(item._variable.is_known for item in operands) and not any(map(is_array, parts_of((args, named))))
        if alone:
            template = before[0][: function.nin], {k: v for k, v in before[1].items() if k != "out"}
            first._variable = Variable(first._plain, None, known)
            self.sharers[first._variable] = [weakref.ref(first)]
            self.program.instructions.append(Instruction(function, *template, first._variable, (), user_spot(), self.errors()))
            return first
        if not known:
            for item in writes:
                item._variable.root.known = item._variable.known = False
        written = tuple(item._variable for item in writes)
        self.finite = {variable for variable in self.finite if variable.root not in {item.root for item in written}}
        self.program.instructions.append(Instruction(function, *before, None, written, user_spot(), self.errors()))
        changed = {id(item._plain): item for item in writes}
        if result is None or id(result) in changed:
            return changed.get(id(result))
        if type(result) is not tuple or any(id(part) not in changed for part in result):
            self.fail(f"{name_of(function)}() changes an array in place, and returns something else")
        return tuple([changed.get(id(part), part) for part in result]) if type(result) is tuple else result

    def is_alone(self, tracer: Tracer) -> bool:
        """Whether no other tracer, and nothing outside, shares the memory of an array."""
        root = tracer._variable.root
        if root in self.program.inputs:
            return False
        alive = [found for held in self.sharers.get(root, ()) if (found := held()) is not None]
        return all(found is tracer or found._variable.root is not root for found in alive)

    def fits(self, function: np.ufunc, inputs: tuple[Any, ...], named: dict[str, Any], out: Tracer) -> bool:
        """Whether a ufunc would return an array of the shape and dtype of `out`."""
        if named or len(inputs) != function.nin:
            return False
        data = self.plain(inputs)
        kinds: Any = [type(item) if type(item) in (bool, int, float) else np.asarray(item).dtype for item in data]
        try:
            dtype = function.resolve_dtypes((*kinds, *(None,) * function.nout))[-1]
            shape = np.broadcast_shapes(*map(np.shape, data))
        except (TypeError, ValueError):
            return False
        return bool(dtype == out._plain.dtype and shape == out._plain.shape)

    # --- data that leaves --------------------------------------------------------------------------------

    def leak(self, tracer: Tracer, how: str) -> Any:
        """Return the data of a tracer to Python code; a replay is then only right where it finds the same again."""
        data = tracer._plain
        if self.finished or tracer._variable.is_known:
            return data.copy() if isinstance(data, np.ndarray) else data
        if self.attempts:
            raise Leak
        value = data.copy() if isinstance(data, np.ndarray) else data
        if how == TRUTH:
            variable = tracer._variable
            if not isinstance(data, (bool, np.bool_)):
                variable = self.call(bool_of, (tracer,))._variable
            self.guard(variable, bool(data), how)
        else:
            self.guard(tracer._variable, value, how)
        return value.copy() if isinstance(value, np.ndarray) else value

    def hand_out(self, tracer: Tracer) -> Any:
        """Return the data of a tracer itself to code that takes plain arrays only, and may write to them."""
        value, data = self.leak(tracer, PLAIN_ARRAY), tracer._plain
        if not is_array(data) or data.dtype == object:
            return value
        if not self.finished and id(data) not in self.handed:
            self.handed[id(data)] = data, checksum(data)
        return data

    def check_handed(self) -> None:
        """Fail if other code has written to an array that it was given, which a replay would not do."""
        if any(checksum(array) != before for array, before in self.handed.values()):
            self.fail("it changes an array in code that is not NumPy's")

    def look_at_flags(self, tracer: Tracer) -> None:
        """Note that the function reads flags of an array from outside; a replay is then only right where they are the same."""
        variable = tracer._variable
        if self.finished or self.attempts or variable.root not in self.program.inputs or not is_users(sys._getframe(2).f_code):
            return
        flags, found = flags_of(tracer._plain), Variable(flags_of(tracer._plain))
        self.program.instructions.append(Instruction(flags_of, (variable,), {}, found, (), user_place()))
        self.guard(found, flags, "read the flags of an array")

    def listed(self, tracer: Tracer) -> Any:
        """Return ``tolist()`` of an array, as nested lists of tracers."""
        data = tracer._plain
        if self.finished or self.attempts or tracer._variable.is_known or not data.size or data.dtype.kind not in "biufc":
            return self.leak(tracer, "read its .tolist").tolist()
        if data.ndim > 1:
            return [self.listed(row) for row in tracer]
        return self.call(Method("tolist"), (tracer,))

    def expose(self, name: str) -> None:
        """Note that an attribute gives access to the memory of an array, which a recording does not see."""
        if not self.finished:
            if self.attempts:
                raise Leak
            self.fail(f"it uses the attribute .{name} of an array, which may read or write to it")

    def guard(self, variable: Variable, value: Any, how: str) -> None:
        """Write down that a replay is right only where `variable` has the same value."""
        place = user_place()
        if place is not None and how != FINITE:
            how = f"{how} at {os.path.basename(place[0])}:{place[1]}"
        self.program.instructions.append(Instruction(Guard(value, how), (variable,), {}, None, (), place))

    def method_of_number(self, tracer: Tracer, name: str, found: Any) -> Any:
        """Return an attribute of a Python number."""
        if name in ("real", "imag", "numerator", "denominator"):
            return self.call(Attribute(name), (tracer,))
        if not callable(found):
            return found
        if name == "conjugate":
            return lambda: tracer
        return lambda *args: getattr(self.leak(tracer, f"by .{name}()"), name)(*args)

    def fail(self, reason: str) -> None:
        """Note why the recording cannot be replayed; the first reason counts."""
        if self.failure is None:
            place = user_place()
            self.failure = f"{reason} (at {place[0]}:{place[1]})" if place else reason

    # --- operations and rules as attempts ----------------------------------------------------------------

    def attempt(self, function: Callable[..., Any], args: tuple[Any, ...], whole: Callable[..., Any], given: Any = None) -> Any:
        """Call `function` on tracers; if it reads their numbers, write down one call ``whole(*given)`` on their data instead."""
        given = args if given is None else given
        mark, constants = len(self.program.instructions), dict(self.constants)
        self.attempts += 1
        try:
            return function(*args)
        except Leak:
            del self.program.instructions[mark:]
            self.constants = constants
        finally:
            self.attempts -= 1
        return self.opaque(whole, given)

    def opaque(self, whole: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        """Compute and write down one call on plain data."""
        with self.pause():
            result = whole(*self.plain(given))
        if not isinstance(result, tuple) or not any(part is None or isinstance(part, tuple) for part in result):
            return self.note(whole, given, {}, result)
        flat: list[Any] = []
        form = flat_form(result, flat)
        traced = iter(self.note(Flat(whole), given, {}, flat)) if flat else iter(())
        return refilled(form, traced)

    # --- Values and dicts from outside ---------------------------------------------------------------------

    def read(self, value: Any, slot: str, content: Any) -> Any:
        """Return the content of a slot of a Value from outside, as a tracer if it is data."""
        found = self.outside.get(id(value))
        if found is None:
            found = self.outside[id(value)] = Outside(value)
        if slot in found.slots:
            return found.slots[slot]
        if content is not None and slot in ("_raw", "_grad"):
            kind = "data" if slot == "_raw" else "grad"
            content = self.input(Source(kind, found.owner), content)
        elif slot != "_raw":
            kind = slot[1:]
            self.program.conditions[Source(kind, found.owner)] = content if kind == "frozen" else content is None
        found.slots[slot] = found.first[slot] = content
        return content

    def assign(self, value: Any, slot: str, content: Any) -> None:
        """Set a slot of a Value from outside, for the function only until finish()."""
        found = self.outside.get(id(value))
        if found is None:
            found = self.outside[id(value)] = Outside(value)
        found.slots[slot] = content
        found.written.add(slot)

    def finish(self) -> None:
        """End the recording: give Values and dicts from outside their new content, and Values from inside plain data."""
        self.check_handed()
        self.handed.clear()
        self.finished = True
        for variable, (_, instruction, plain) in self.saved.items():  # no rule needs what they keep
            instruction.function, instruction.out = plain, variable
        self.saved.clear()
        effects = self.program.effects
        for found in self.outside.values():
            for slot in ("_grad", "_since", "_raw"):
                if slot not in found.written:
                    continue
                content, kind = found.slots[slot], {"_raw": "data", "_grad": "grad", "_since": "since"}[slot]
                if slot == "_since":
                    content = None if content is None else "now"
                effects.append(Effect(Source(kind, found.owner), self.template_of(content)))
        for live in self.lives.values():
            for key in live.written:
                effects.append(Effect(Source("item", live.mapping, key), self.template_of(live.contents[key])))
        for variable in written_arguments(self.program):
            others = [array for other, array in self.given.items() if other is not variable]
            others += [array for array, _ in self.constants.values()]
            if any(np.may_share_memory(self.given[variable], other) for other in others):
                self.fail("it changes an argument that shares memory with another array")
                self.passing = True
        for array, before in self.constants.values():
            if checksum(array) != before:
                self.fail("an array was changed in place while the function was recorded")

    def from_argument(self, value: Any, owner: Argument) -> None:
        """Note that a Value from outside is an argument."""
        self.outside.setdefault(id(value), Outside(value, owner))

    def owner_of(self, value: Any) -> Any:
        """Return a Value from outside, or the argument that it is."""
        found = self.outside.get(id(value))
        return value if found is None else found.owner

    def release(self) -> None:
        """Forget the Values."""
        self.outside.clear()
        self.inside.clear()
        self.lives.clear()
        self.made.clear()
        self.given.clear()
        self.sharers.clear()

    def check_escapes(self) -> None:
        """Fail if something outside still refers to what the function computed, besides its results."""
        if any(held() is not None for held in self.tracers):
            self.release()
            if any(held() is not None for held in self.tracers):
                gc.collect()
            if any(held() is not None for held in self.tracers):
                where = "in an attribute, a global or a closure"
                self.fail(f"it keeps a number or array that it computed, {where}: a replay would not renew it")
                self.put_back()
        self.tracers.clear()

    def put_back(self, error: BaseException | None = None) -> None:
        """Put plain data in place of tracers in the user's objects, and in an error that the function raised."""
        self.release()
        if error is not None:
            error.args = tuple(map(self.plain, error.args))
        for held in self.tracers:
            if (tracer := held()) is not None:
                replace_everywhere(tracer, tracer._plain)

    def template_of(self, content: Any) -> Any:
        """Return the content of a slot as a variable, or plain data."""
        return replaced_tracers(content, self)

    def commit(self) -> None:
        """Put plain data where the function left tracers: in Values from inside and outside."""
        for found in self.outside.values():
            for slot in found.written:
                setattr(found.value, slot, self.plain(found.slots[slot]))
        for live in self.lives.values():
            for key in live.written:
                set_item(live.mapping, key, settled(live.contents[key], {}))
        for value in self.inside.values():
            for slot in ("_raw", "_grad", "_x", "_y"):
                content = getattr(value, slot, UNSET)
                if content is not UNSET and content is not None and content.__class__ is not value.__class__:
                    setattr(value, slot, self.plain(content))

    def draw(self, function: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Draw random numbers, and note the states of the generator before the first and after the last draw."""
        generator = function.generator
        before = pickle.dumps(generator.bit_generator.state)
        _, first, last = self.drawn.get(id(generator), (generator, before, before))
        if last != before:
            self.fail("it draws random numbers from a generator itself: draw them by autograd.compiler.draw()")
        out = self.call(function, args, named)
        self.drawn[id(generator)] = generator, first, pickle.dumps(generator.bit_generator.state)
        return out

    def live(self, mapping: Any, view: Callable[[Recorder, Any], Any]) -> Any:
        """Return the view of a dict from outside; a dict that was made in the function needs none."""
        if id(mapping) in self.made:
            return mapping
        if id(mapping) not in self.lives:
            self.lives[id(mapping)] = view(self, mapping)
        return self.lives[id(mapping)]

    def input(self, source: Source, data: Any) -> Tracer:
        """Return a tracer of data that a replay reads at its start."""
        variable = Variable(data)
        self.program.inputs[variable] = source
        if type(data) is np.ndarray:
            self.given[variable] = data
        return self.new_tracer(variable, data)


class Flat:
    """A function that returns nested tuples with None among their parts, such as a rule, as one that returns a list."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.__name__ = function, name_of(function)
        self.varies = getattr(function, "varies", False)

    def __call__(self, *args: Any) -> list[Any]:
        flat: list[Any] = []
        flat_form(self.function(*args), flat)
        return flat

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Flat) and self.function == other.function

    def __hash__(self) -> int:
        return hash((Flat, self.function))


def flat_form(item: Any, flat: list[Any]) -> Any:
    """Append the parts of nested tuples that are not None to a list, and return the nesting, with True in their places."""
    if item is None:
        return None
    if type(item) is tuple:
        return tuple([flat_form(part, flat) for part in item])
    flat.append(item)
    return True


def refilled(form: Any, parts: Any) -> Any:
    """Return nested tuples of the given form with the next parts in their places."""
    if type(form) is tuple:
        return tuple([refilled(part, parts) for part in form])
    return None if form is None else next(parts)


#: Functions and methods by name whose results have a shape that depends on the numbers of arrays.
COUNTING = {
    "nonzero", "flatnonzero", "argwhere", "unique", "unique_all", "unique_counts", "unique_inverse", "unique_values", "extract",
    "compress", "repeat", "intersect1d", "union1d", "setdiff1d", "setxor1d", "trim_zeros", "bincount", "delete", "insert",
    "split", "array_split", "roots", "polydiv", "histogram", "histogram_bin_edges", "poly", "tile", "resize", "pad", "ix_",
}  # fmt: skip


def form_of(x: Any) -> tuple[Any, ...]:
    """Return the shape and dtype of an array; () for a number."""
    return (*x.shape, x.dtype.char) if type(x) is np.ndarray else ()


def flags_of(x: np.ndarray) -> tuple[bool, ...]:
    """Return the flags of an array that do not follow from its strides, and whether it is no view."""
    return x.flags.writeable, x.flags.owndata, x.base is None


def shape_varies(function: Any, args: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Whether the shape or dtype of a result may depend on numbers, and not only on the shapes and dtypes of the arguments."""
    name = name_of(function)
    if getattr(function, "varies", False):
        return True
    if isinstance(function, np.ufunc) or getattr(np.ufunc, name, None) is not None:
        return False
    if name in ("getitem", "scatter"):
        parts = args[1:] if name == "getitem" else args[2:]
        slices = [part for item in parts for part in (item if type(item) is tuple else (item,)) if type(part) is slice]
        masks = [part for part in tracers_in(parts) if np.asarray(part._plain).dtype.kind == "b"]
        return bool(masks or tracers_in(slices))
    if name in COUNTING or (name == "where" and len(args) == 1):
        return True
    return any(
        isinstance(part._plain, (int, np.integer)) for part in tracers_in((args[1:], named))
    )  # perhaps a length or an axis


def bool_of(x: Any) -> bool:
    """Return bool(x)."""
    return bool(x)


def replaced_tracers(item: Any, recorder: Recorder) -> Any:
    """Return nested data with variables in place of tracers of a recorder."""
    kind = type(item)
    if kind is Tracer:
        return item._variable if item._recorder is recorder else item._plain
    if kind is tuple or kind is list:
        return kind([replaced_tracers(part, recorder) for part in item])
    return {key: replaced_tracers(part, recorder) for key, part in item.items()} if kind is dict else item


def replace_everywhere(old: Any, new: Any, depth: int = 4) -> None:
    """Put an object in place of another one in the lists, dicts, attributes and variables of closures that hold it."""
    mark = id(old)  # a comprehension that names `old` would hold it in a cell, which is then a holder, too
    for holder in gc.get_referrers(old):
        kind = type(holder)
        if kind is tuple or (isinstance(holder, tuple) and hasattr(holder, "_fields")):
            parts = [new if id(part) == mark else part for part in holder]
            if depth:
                replace_everywhere(holder, tuple(parts) if kind is tuple else kind(*parts), depth - 1)
        elif isinstance(holder, (list, deque)):
            for place, part in enumerate(holder):
                if part is old:
                    holder[place] = new
        elif isinstance(holder, dict):
            if mark in map(id, holder):
                items = [(new if id(key) == mark else key, part) for key, part in holder.items()]
                holder.clear()
                holder.update(items)
            for key, part in list(holder.items()):
                if part is old:
                    holder[key] = new
        elif isinstance(holder, set):
            holder.discard(old)
            holder.add(new)
        elif isinstance(holder, CellType):
            holder.cell_contents = new
        elif isinstance(holder, partial):
            args = new if holder.args is old else holder.args
            holder.__setstate__((holder.func, args, holder.keywords, vars(holder)))  # type: ignore[attr-defined]
        elif not isinstance(holder, (FrameType, Tracer)):
            names = [*getattr(holder, "__dict__", ()), *(name for owner in kind.__mro__ for name in slots_of(owner))]
            for name in names:
                if getattr(holder, name, None) is old:
                    with suppress(AttributeError, TypeError):  # what cannot be set, such as that of code in C
                        object.__setattr__(holder, name, new)


def slots_of(kind: type) -> list[str]:
    """Return the names of the slots that a class declares."""
    return [name for name, member in vars(kind).items() if type(member) is MemberDescriptorType]


def is_array(item: Any) -> bool:
    return type(item) is np.ndarray


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a view of an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def with_arrays(item: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Return nested arguments with data in place of tracers, and ``change(array)`` in place of each array."""
    kind = type(item)
    if kind is Tracer:
        return with_arrays(item._plain, change)
    if kind is tuple or kind is list:
        return kind([with_arrays(part, change) for part in item])
    if kind is dict:
        return {key: with_arrays(part, change) for key, part in item.items()}
    if kind is slice:
        return slice(*[with_arrays(part, change) for part in (item.start, item.stop, item.step)])
    return change(item) if kind is np.ndarray else item


def writes_to(item: Any, function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Whether a function fails on copies of arrays if that of `item` cannot be written to."""
    data = item._plain if type(item) is Tracer else item

    def copied(array: np.ndarray) -> np.ndarray:
        return read_only(array.copy()) if array is data else array.copy()

    try:
        function(*with_arrays(args, copied), **with_arrays(named, copied))
    except Exception:
        return True
    return False


def parts_of(item: Any) -> list[Any]:
    """Return the parts of nested arguments."""
    kind = type(item)
    if kind is tuple or kind is list:
        found = []
        for part in item:
            kind = type(part)
            if kind is tuple or kind is list or kind is dict or kind is slice:
                found += parts_of(part)
            else:
                found.append(part)
        return found
    if kind is dict:
        return parts_of(list(item.values()))
    return parts_of((item.start, item.stop, item.step)) if kind is slice else [item]


def tracers_in(item: Any) -> list[Tracer]:
    """Return the tracers in nested arguments."""
    return [part for part in parts_of(item) if type(part) is Tracer]


def checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).data) if array.size else 0


def name_of(function: Any) -> str:
    return getattr(function, "__name__", str(function))


def user_place() -> Place | None:
    """Return the file and line of the innermost frame outside this package, nn and NumPy."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if is_users(frame.f_code):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


def takes_no_tracers(error: BaseException) -> bool:
    """Whether an error may be that of code which takes no tracers: code in C, or of a library, that the user's code calls."""
    if not isinstance(error, (TypeError, AttributeError, ValueError)):
        return False
    if "Tracer" in str(error):
        return True
    steps = []
    step = error.__traceback__
    while step is not None:
        steps.append(step)
        step = step.tb_next
    last = max((n for n, step in enumerate(steps) if is_users(step.tb_frame.f_code)), default=-1)
    if last < 0 or any(not is_users(step.tb_frame.f_code) for step in steps[last:]):  # or NumPy's, of its own calls
        return False
    code, place = steps[last].tb_frame.f_code, steps[last].tb_lasti
    if code.co_filename.endswith(".pyx"):  # a frame of Cython
        return True
    called = any(item.offset == place and item.opname.startswith("CALL") for item in dis.get_instructions(code))
    called = called and re.search(r"\(\) (takes|missing|got) ", str(error)) is None  # but not with other arguments than it has
    return isinstance(error, TypeError) and (called or "-packages" in code.co_filename or is_of_python(code))


def is_of_python(code: CodeType) -> bool:
    """Whether code belongs to Python's own modules."""
    return code.co_filename.startswith(os.path.dirname(os.__file__))


def user_spot() -> Place | None:
    """Return the place in the user's code as a Spot."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(COMPILER):
        frame = frame.f_back
    calling = frame
    while frame is not None and not is_users(frame.f_code):
        frame = frame.f_back
    if frame is None:
        return None
    spot = Spot((frame.f_code.co_filename, frame.f_lineno))
    spot.space, spot.line = calling.f_globals, calling.f_lineno
    return spot


def call(function: Callable[..., Any], args: Any, named: dict[str, Any]) -> Any:
    """Call a function; copies of this one have other names and lines."""
    return function(*args, **named)


#: The number of the line of its return statement, counted from its first line.
BODY = max(line for _, _, line in call.__code__.co_lines() if line) - call.__code__.co_firstlineno
MOST_CALLERS = 4096
RECORDED = "<recorded>"  # the name of the copies, which are none of the user's functions
_callers: dict[tuple[str, int], FunctionType] = {}


def call_from_user(function: Callable[..., Any], args: Any, named: dict[str, Any]) -> Any:
    """Call a function as the innermost frame outside this folder would, whose line Python then names in warnings."""
    if type(function) is Method:
        function, args = getattr(args[0], function.__name__), args[1:]
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(COMPILER):
        frame = frame.f_back
    key = frame.f_code.co_filename, frame.f_lineno
    caller = _callers.get(key)
    if caller is None or caller.__globals__ is not frame.f_globals:
        code = call.__code__.replace(co_filename=key[0], co_firstlineno=max(key[1] - BODY, 1), co_name=RECORDED)
        if len(_callers) > MOST_CALLERS:
            _callers.clear()
        caller = _callers[key] = FunctionType(code, frame.f_globals)
    return caller(function, args, named)


@lru_cache(maxsize=10_000)
def is_users(code: CodeType) -> bool:
    """Whether code belongs to none of this package, nn and NumPy."""
    return not code.co_filename.startswith((*INSIDE, NUMPY, "<")) and code.co_name != RECORDED

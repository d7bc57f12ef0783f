"""Let a recorder see what a function does: replace a few functions and slots while it runs, in its thread only.

Calls without tracers go to the replaced functions unchanged, also those of other threads.
"""

from __future__ import annotations

import builtins
import dis
import io
import math
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

import numpy as np

from autograd import backward, value
from autograd.compiler.program import FINITE, Method
from autograd.compiler.recorder import Recorder, is_users, parts_of
from autograd.compiler.tracer import Tracer
from autograd.graph import scratch_lock
from autograd.op import Op, as_float, is_value
from autograd.ops import operands, reductions, rules
from autograd.ops.convolution import _max_pool
from autograd.ops.recurrence import SAVING
from autograd.transforms import checkpoint
from autograd.value import Value


class Turn:
    """The right to record, which one thread has at a time; another one then runs its function eagerly.

    A lock would stay locked if Ctrl-C was pressed just after it was taken. Here the same thread may take it again.
    """

    def __init__(self) -> None:
        self.owner: dict[str, int] = {}

    def take(self) -> bool:
        """Take the turn, and return whether it was free."""
        me = threading.get_ident()
        return self.owner.setdefault("thread", me) == me and type(vars(Value)["_raw"]) is not property

    def end(self) -> None:
        """Let others take it."""
        self.owner.pop("thread", None)


one_at_a_time = Turn()


class Thread(threading.local):
    """What belongs to one thread: the recorder that is at work in it."""

    recorder: Recorder | None = None  # an attribute of the class is read 3x faster than a missing one


_thread = Thread()

#: NumPy's functions that make arrays, and take(), which do not dispatch on all of their arguments.
MAKERS = ("asarray", "array", "asanyarray", "ascontiguousarray", "take")
FRESH = ("zeros", "ones", "empty", "full")
#: The number of elements from which max pooling is one call, for the pass pool_first(); of fewer, NumPy's calls take less time.
LARGE_POOL = 1 << 11
#: The functions of Python's math module.
MATH = [name for name in dir(math) if not name.startswith("_") and callable(getattr(math, name))]
#: Functions of Python that compare numbers.
EXTREMES = ("max", "min")
NUMBERS = ({float}, {int}, {np.float64}, {np.float32})


def active() -> Recorder | None:
    """Return the recorder of this thread, or None."""
    return _thread.recorder


@contextmanager
def paused() -> Iterator[None]:
    """Let this thread run as if nothing was recorded, in the with-block."""
    recorder = active()
    _thread.recorder = None
    try:
        yield
    finally:
        _thread.recorder = recorder


def plain_data(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments of another thread with data in place of tracers; a replay would not run that thread."""
    recorder = next(part._recorder for part in parts_of(args) if type(part) is Tracer)
    recorder.fail("it computes in another thread")
    plain: tuple[Any, ...] = recorder.plain(args)
    return plain


def traced_start(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return Thread.start() or the like, which ends what can be recorded."""

    def start(*args: Any, **named: Any) -> Any:
        if (recorder := active()) is not None:
            recorder.fail("it computes in another thread")
        return function(*args, **named)

    return start


_before: list[tuple[Any, str, Any]] = []  # what was replaced last: owner, name, and what it was


def restore() -> None:
    """Undo the replacements, also if Ctrl-C is pressed meanwhile. It may be called again, which changes nothing."""
    interrupt = None
    while True:
        try:
            for owner, name, old in _before:
                setattr(owner, name, old)
            _thread.recorder = None
            _before.clear()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


def has_tracer(item: Any) -> bool:
    return any(type(part) is Tracer and not part._recorder.finished for part in parts_of(item))


@contextmanager
def installed(recorder: Recorder) -> Iterator[None]:
    """Let `recorder` see what this thread does in the with-block."""
    replaced: list[tuple[Any, str, Any]] = [(Value, slot, slot_property(slot)) for slot in ("_raw", "_grad", "_since", "_frozen")]
    replaced += [(Op, "forward", traced_forward), (rules, "plain_rule", traced_rule), (backward, "is_finite", traced_is_finite)]
    replaced += [(reductions, "log_of_total", traced_whole(reductions.log_of_total))]
    replaced += [(value, "as_float", traced_float), (operands, "as_float", traced_float)]
    replaced += [(checkpoint, "joined_values", traced_joined_values)]
    replaced += [(np, name, traced_maker(getattr(np, name))) for name in MAKERS]
    replaced += [(np, name, traced_fresh(getattr(np, name))) for name in FRESH]
    replaced += [(math, name, traced_math(getattr(math, name))) for name in MATH]
    replaced += [(builtins, name, traced_extreme(getattr(builtins, name))) for name in EXTREMES]
    replaced += [(builtins, "sum", traced_sum(builtins.sum))]
    replaced += [(threading.Thread, "start", traced_start(threading.Thread.start))]
    replaced += [(ThreadPoolExecutor, "submit", traced_start(ThreadPoolExecutor.submit))]
    replaced += [(backward.Pullback, "general", traced_pass), (warnings, "warn", traced_warn)]
    replaced += [(module, "open", traced_open) for module in (builtins, io)]
    _before[:] = [(owner, name, vars(owner)[name]) for owner, name, _ in replaced]
    # While this lock is held, backward passes and sorts use dictionaries, and call rules by plain_rule().
    with scratch_lock:
        try:
            _thread.recorder, recorder.pause = recorder, paused
            for owner, name, new in replaced:
                setattr(owner, name, new)
            yield
        finally:
            restore()


def slot_property(name: str) -> property:
    """Return a property in place of a slot of Value, which asks the recorder about Values from outside."""
    slot = vars(Value)[name]

    def get(value: Any) -> Any:
        content = slot.__get__(value)
        recorder = active()
        if recorder is None or type(content) is Tracer or id(value) in recorder.inside:
            return content
        return recorder.read(value, name, content)

    def set_(value: Any, content: Any) -> None:
        recorder = active()
        if recorder is None or id(value) in recorder.inside:
            slot.__set__(value, content)
            return
        if name == "_raw" and not hasattr_slot(slot, value):
            recorder.inside[id(value)] = value
            slot.__set__(value, content)
            return
        if name == "_frozen":
            recorder.fail("it freezes a Value from outside, or unfreezes one")
            slot.__set__(value, content)
            return
        recorder.assign(value, name, content)

    return property(get, set_)


def hasattr_slot(slot: Any, value: Any) -> bool:
    """Whether a slot of a Value has a content."""
    try:
        slot.__get__(value)
    except AttributeError:
        return False
    return True


_forward, _rule, _is_finite, _pass = Op.forward, rules.plain_rule, backward.is_finite, backward.Pullback.general


def traced_forward(op: Op, *args: Any) -> Any:
    """Record an operation: as NumPy's calls, or as one call if it reads numbers. Results of one element are floats."""
    if not has_tracer(args):
        return _forward(op, *args)
    recorder = active()
    if recorder is None:  # in another thread
        return _forward(op, *plain_data(args))
    whole = opaque_forward(op)
    if op in SAVING:
        out, *saved = recorder.opaque(SAVING[op][0], args)
        recorder.saved[out._variable] = saved, recorder.program.instructions[-1], whole
    elif op.kind == "custom" or is_of_floats(args) or (op is _max_pool and math.prod(args[0].shape) >= LARGE_POOL):
        out = recorder.opaque(whole, args)
    else:
        out = recorder.attempt(lambda *given: _forward(op, *given), args, whole)
    return out


def is_of_floats(args: tuple[Any, ...]) -> bool:
    """Whether an operation is computed by Python, as all its inputs are floats."""
    return args[0].__class__ is float and (len(args) != 2 or args[1].__class__ is float)


def traced_float(x: Any) -> Any:
    """Record float(x) of a result or an operand of a Value."""
    if type(x) is not Tracer or x._recorder.finished:
        return as_float(x)
    if type(x._plain) is float:
        return x
    return x._recorder.call(Method("item") if type(x._plain) is np.float64 or type(x._plain) is np.float32 else as_float, (x,))


_opaque: dict[Any, Callable[..., Any]] = {}


def opaque_forward(op: Op) -> Callable[..., Any]:
    """Return the forward function of an operation, under the operation's name."""
    found = _opaque.get(op)
    if found is None:

        def found(*args: Any) -> Any:
            return _forward(op, *args)

        found.__name__ = op.name
        found.op = op  # type: ignore[attr-defined]
        found.custom = op.kind == "custom"  # type: ignore[attr-defined]
        found.varies = op.kind == "custom"  # type: ignore[attr-defined]
        _opaque[op] = found
    return found


def traced_rule(op: Op, rule: Callable[..., Any], g: Any, out: Any, args: tuple[Any, ...]) -> Any:
    """Record a rule: as NumPy's calls, or as one call if it reads numbers."""
    given = (g, out, *args)
    if not has_tracer(given) or any(map(is_value, parts_of(given))):
        return _rule(op, rule, g, out, args)
    recorder = active()
    if recorder is None:  # in another thread
        g, out, *rest = plain_data(given)
        return _rule(op, rule, g, out, tuple(rest))
    if op in SAVING and type(out) is Tracer and out._variable in recorder.saved:
        return recorder.opaque(SAVING[op][1], (*given, *recorder.saved.pop(out._variable)[0]))
    whole = opaque_rule(op, rule)
    if op.kind == "custom":
        return recorder.opaque(whole, given)
    return recorder.attempt(lambda *items: _rule(op, rule, items[0], items[1], items[2:]), given, whole)


def opaque_rule(op: Op, rule: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule as a function of plain data, under a name that tells the operation."""
    found = _opaque.get((op, rule))
    if found is None:

        def found(g: Any, out: Any, *args: Any) -> Any:
            c = _rule(op, rule, g, out, args)
            return c.item() if type(c) is np.float64 else c  # not one class here and the other there

        name = getattr(rule, "__name__", "rule")
        argument = next((op.names[place] for place, item in op.rules if item is rule), "x")
        found.__name__ = name if name.isidentifier() else f"{op.name}_rule_{argument}"
        found.custom = op.kind == "custom"  # type: ignore[attr-defined]
        found.varies = op.mixes or op.kind == "custom"  # type: ignore[attr-defined]
        _opaque[op, rule] = found
    return found


def traced_pass(pullback: backward.Pullback, seed: Any, *args: Any, **named: Any) -> Any:
    """Record a backward pass from its seed on: a gradient that is constant may be changed in place later."""
    recorder = active()
    if recorder is not None and type(seed) is float and type(pullback.root._raw) is Tracer:
        seed = recorder.call(as_float, (seed,))
    return _pass(pullback, seed, *args, **named)


_warn = warnings.warn


def traced_warn(message: Any, category: Any = None, stacklevel: int = 1, source: Any = None, **named: Any) -> None:
    """Give a warning; a replay would not give that of the user's code."""
    recorder = active()
    if recorder is not None and is_users(sys._getframe(1).f_code):
        recorder.fail("it calls warnings.warn(), which a replay would not do")
    _warn(message, category, stacklevel + 1, source, **named)


_open = builtins.open


def traced_open(*args: Any, **named: Any) -> Any:
    """Open a file; a replay would not read or write it."""
    recorder = active()
    if recorder is not None:
        recorder.fail("it opens a file, which a replay would not do")
    return _open(*args, **named)


def traced_is_finite(x: Any) -> Any:
    """Record that a gradient is finite, as a guard; a pass with other gradients is not recorded."""
    if type(x) is not Tracer or x._recorder.finished:
        return _is_finite(x)
    recorder = x._recorder
    found = recorder.call(_is_finite, (x,))
    if found._plain:
        recorder.guard(found._variable, True, FINITE)
        if isinstance(x._plain, np.ndarray) and x._plain.size:
            recorder.finite.add(x._variable)
    else:
        recorder.fail("the gradient is not finite")
        recorder.passing = True
    return found._plain


def traced_whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that reads numbers of arrays; it is recorded as one call."""

    def compute(*args: Any) -> Any:
        recorder = active()
        if recorder is None or not has_tracer(args):
            return function(*args)
        return recorder.opaque(function, args)

    return compute


_joined_values = checkpoint.joined_values


def traced_joined_values(result: Any, here: Any) -> Any:
    """Let checkpoint() return the result of its function as it is, as a program keeps what its backward part needs."""
    return _joined_values(result, here) if active() is None else (None, [])


def traced_maker(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return np.array() and its like with tracers among their arguments."""

    def make(*args: Any, **named: Any) -> Any:
        recorder = active()
        if recorder is None or not has_tracer(args) or any(map(is_value, parts_of(args))):
            return function(*args, **named)
        if not is_called_by_name(sys._getframe(1), function.__name__):
            return function(*args, **named)
        return recorder.call(function, args, named)

    make.__name__, make.__module__ = function.__name__, function.__module__  # for messages
    return make


def traced_fresh(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return np.zeros() and its like, whose results may be written to."""

    def make(*args: Any, **named: Any) -> Any:
        recorder = active()
        if recorder is None or named.get("dtype") is object or any(map(is_value, parts_of(args))):
            return function(*args, **named)
        frame = sys._getframe(1)
        if frame.f_globals.get("__name__", "").startswith("numpy") or not is_called_by_name(frame, function.__name__):
            return function(*args, **named)
        return recorder.call(function, args, named)

    make.__name__, make.__module__ = function.__name__, function.__module__  # for messages
    return make


def is_called_by_name(frame: FrameType, name: str) -> bool:
    """Whether a frame calls a function of this name itself. Code in C that it called, and that needs a real array, does not."""
    return name_of_call(frame.f_code, frame.f_lasti) == name


@lru_cache(maxsize=10_000)
def name_of_call(code: CodeType, instruction: int) -> str:
    """Return the name in the call at an instruction: the last one that is loaded where the call begins in the source."""
    places = list(code.co_positions())
    start = places[instruction // 2]
    name = ""
    for item in dis.get_instructions(code):
        if item.offset > instruction:
            break
        line, _, column, _ = places[item.offset // 2]
        if line is not None and (line, column) == (start[0], start[2]) and item.opname.startswith("LOAD_"):
            name = str(item.argval)
    return name


def traced_math(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the math module for tracers of floats."""

    def compute(*args: Any, **named: Any) -> Any:
        for item in args:
            if type(item) is Tracer and not item._recorder.finished and isinstance(item._plain, (float, int)):
                return item._recorder.call(function, args, named)
        return function(*args, **named)

    compute.__name__, compute.__module__ = function.__name__, function.__module__  # for messages
    return compute


def traced_extreme(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return max() or min() for tracers of numbers of one class, so that it is no branch for each of them."""

    def compute(*args: Any, **named: Any) -> Any:
        recorder = active()
        if recorder is None or not args or named.get("key") is not None:
            return function(*args, **named)
        items = list(args[0]) if len(args) == 1 else list(args)
        if has_tracer(items) and {item.__class__ for item in items} in NUMBERS:
            return recorder.call(function, (items,))
        return function(items, **named) if len(args) == 1 else function(*args, **named)

    compute.__name__ = function.__name__
    return compute


def traced_sum(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return sum() for tracers of numbers, which Python 3.12 adds up with a correction; other items are added in turn."""

    def compute(items: Any, /, start: Any = 0) -> Any:
        recorder = active()
        if recorder is None or start.__class__ not in (float, int):
            return function(items, start)
        rest, numbers = iter(items), []
        for item in rest:
            if item.__class__ is float or item.__class__ is int:
                numbers.append(item)
                continue
            total = compute(numbers, start) + item if numbers else start + item
            for item in rest:
                total = total + item
            return total
        return recorder.call(function, (numbers, start)) if has_tracer([*numbers, start]) else function(numbers, start)

    compute.__name__ = function.__name__
    return compute

"""compile(): a function that is recorded in its first calls, and replayed in later ones."""

from __future__ import annotations

import functools
import inspect
import pickle
import sys
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from autograd import scope_stack
from autograd.backward import Pullback
from autograd.compiler import errors, hooks
from autograd.compiler.agreement import difference
from autograd.compiler.environment import Environment, check_of, named_objects, reason_of_change
from autograd.compiler.explain import Explanation, explanation
from autograd.compiler.once import Report, hand_back, reporting, warnings_of
from autograd.compiler.passes import optimise
from autograd.compiler.program import FINITE, Argument, Changed, Draw, GuardFailed, Program, Source
from autograd.compiler.recorder import Recorder, replace_everywhere, takes_no_tracers
from autograd.compiler.replay import MISSED, RESTORED, Replay, effect_before_guard
from autograd.compiler.structure import Structure, completed, contents_of, flattened, is_changed, put, settled
from autograd.graph import inputs_of, topological_order
from autograd.hooks import HOOKED, any_hooks
from autograd.op import is_value
from autograd.transforms.call import in_a_row, outer_level, parameters, surroundings
from autograd.value import Value

#: After this many recordings for one kind of arguments, without two alike in a row, the function runs eagerly.
PATIENCE = 8
ARRAYS = {np.ndarray}
NO_WARNINGS = Counter[str]()
#: The end of the key of a call outside of scopes and transforms.
USUAL: Any = True, (False, frozenset())
#: The number of kinds of arguments, of other shapes or other objects, whose programs are kept.
KINDS = 64


class Recording:
    """The programs for arguments of one kind.

    Attributes:
        fixed: the arguments that the key knows by their identity only, kept alive.
        replays: the programs, the latest first.
        before: the last recording, until another is like it.
        environment: what the function read from Python's state when it was recorded last.
        count, passed: the number of recordings, without those that failed for a reason that may pass, and of the latter.
        reason: why the function is not replayed, or None.
    """

    def __init__(self, fixed: list[Any]) -> None:
        self.fixed = fixed
        self.replays: list[Replay] = []
        self.before: tuple[Recorder, Structure] | None = None
        self.environment: Environment | None = None
        self.count = self.passed = 0
        self.reason: str | None = None


class Compiled:
    """A function that is recorded and replayed; see compile().

    Attributes:
        latest, last: the program that was made last, and that which was used last.
        errors: the error settings of NumPy, as of np.errstate(), when `last` was used.
        searched: the function whose environment is checked.
        repeated: whether the backward part is likely to run several times for each call.
    """

    repeated = False

    def __init__(self, function: Callable[..., Any], strict: bool = False) -> None:
        plain = isinstance(function, (types.FunctionType, types.MethodType))
        functools.update_wrapper(self, function, updated=("__dict__",) if plain else ())
        self.__name__: str = getattr(function, "__name__", type(function).__name__)
        self.function, self.strict = function, strict
        self.searched: Callable[..., Any] = function
        self.recordings: dict[Any, Recording] = {}
        self.latest: Replay | None = None
        self.last: Replay | None = None
        self.errors: Any = None
        self.warned = False

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the function, such as parameters() of a module."""
        if name.startswith("__") or "function" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.function, name)

    def __reduce__(self) -> Any:
        """Pickle or copy the function without its recordings; one at the top level of a module or class by its name."""
        path = getattr(self, "__qualname__", "")
        found = sys.modules.get(getattr(self, "__module__", None) or "")
        for name in path.split("."):
            found = getattr(found, name, None)
        return path if found is self else (Compiled, (self.function, self.strict))

    def __repr__(self) -> str:
        return f"<compiled {self.function!r}>"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, **named: Any) -> Any:
        last = self.last
        usual = not named and scope_stack.current() is None and hooks.active() is None and not parameters()
        if last is not None and usual and errors.current() is self.errors:
            try:
                out = last.quick(args)
            except Exception as error:
                if not (last.is_pure or isinstance(error, RESTORED)):
                    raise
                return self.call(args, named, (last, error))
            if out is not MISSED:
                return out
        return self.call(args, named)

    def call(self, args: tuple[Any, ...], named: dict[str, Any], tried: tuple[Replay, Exception] | None = None) -> Any:
        """Call the function by a program for these arguments, or record it; `tried` is a program that failed, with its error."""
        here = scope_stack.current()
        if hooks.active() is not None or (here is not None and (here.settings.get("debug") or here.settings.get("lines"))):
            return self.function(*args, **named)
        leaves: list[Any] = []
        fixed: list[Any] = []
        try:
            key = self.key_of(args, named, leaves, fixed)
        except RecursionError:  # of a list that is an item of itself
            return self.function(*args, **named)
        found = self.recordings.get(key)
        if found is None:
            if len(self.recordings) >= KINDS and not self.make_room(args, named):
                return self.function(*args, **named)
            found = self.recordings[key] = Recording(fixed)
        given, stack = NO_WARNINGS, None  # the warnings of programs that stopped, which are not given twice
        try:
            for replay in found.replays:
                if replay.check.changed(leaves) is not None:
                    continue
                try:
                    if tried is not None and tried[0] is replay:
                        raise tried[1]
                    result = replay(leaves)
                    if replay.outcome.gives:
                        return completed(result, Structure((args, named)).containers)
                    if stack is None:
                        self.last, self.errors = (replay if key[1:3] == USUAL else None), errors.current()
                    return result
                except Changed:
                    continue
                except GuardFailed as failed:
                    self.refuse(failed)
                    by_error = False
                except Exception as error:
                    if not (replay.is_pure or isinstance(error, RESTORED)):
                        raise
                    by_error = True
                given = given | warnings_of(replay, leaves)
                if given:
                    stack = stack or ExitStack()
                    stack.enter_context(reporting(Report(given.copy())))
                if by_error:  # which the function raises itself, or does not
                    return self.function(*args, **named)
            return self.run(found, args, named, key, leaves)
        finally:
            if stack is not None:
                stack.close()

    def refuse(self, failed: GuardFailed) -> None:
        """Raise RuntimeError for a guard that failed, if `strict`, unless a gradient was not finite."""
        if self.strict and str(failed) != FINITE:
            raise RuntimeError(
                f"{self.name} reads another number in Python than when it was recorded, {failed}: "
                "leave out strict=True to record it again"
            ) from None

    def run(self, found: Recording, args: Any, named: Any, key: Any, leaves: list[Any]) -> Any:
        """Run the function and record it, unless it cannot be replayed or another thread is recording."""
        for replay in found.replays:
            hand_back(replay.space)
        if found.reason is not None or not hooks.one_at_a_time.take():
            return self.function(*args, **named)
        try:
            return self.record(found, args, named, key[1], leaves)
        finally:
            hooks.restore()  # once more, as Ctrl-C may have kept the first call from its work
            hooks.one_at_a_time.end()

    def make_room(self, args: Any, named: Any) -> bool:
        """Forget the oldest kind of arguments; if few kinds were used again, return False, and warn once."""
        if 2 * sum(bool(found.replays) for found in tuple(self.recordings.values())) >= KINDS:
            self.recordings.pop(next(iter(self.recordings)), None)
            return True
        if not self.warned:
            self.warned = True
            warnings.warn(
                f"{self.name} was called with {KINDS} kinds of arguments, and runs eagerly for others, such as "
                f"({text_of(args, named)}): pass numbers that change as floats or arrays, not as ints, and the same objects in "
                "each call",
                UserWarning,
                stacklevel=outer_level(),
            )
        return False

    def key_of(self, args: Any, named: Any, leaves: list[Any], fixed: list[Any]) -> Any:
        """Return the key of arguments of one kind; see flattened()."""
        if not named and set(map(type, args)) == ARRAYS:  # the most common case
            leaves += args
            kind: Any = (tuple, *[(item.shape, item.dtype, item.strides) for item in args])  # as of flattened()
        else:
            kind = flattened((args, named) if named else args, leaves, fixed)
        count = len(leaves)
        if count > 1 and (leaves[0] is leaves[1] if count == 2 else len(set(map(id, leaves))) < count):
            kind = kind, repeated(leaves)
        return kind, scope_stack.is_recording(), surroundings(leaves), *np.geterr().values()

    # --- recording -----------------------------------------------------------------------------------

    def record(self, found: Recording, args: Any, named: Any, differentiable: bool, leaves: list[Any]) -> Any:
        """Call the function and record it. If it was recorded alike before, the next call is a replay."""
        found.count += 1
        objects = named_objects(self.function, args, named, found.fixed)
        start = Environment(self.searched, objects)
        if start.problems:
            self.give_up(found, start.problems[0])
            return self.function(*args, **named)
        recorder = Recorder()
        structure = Structure((args, named))
        if structure.repeats:
            self.give_up(found, "the same list, dict or dataclass is in its arguments twice")
            return self.function(*args, **named)
        recorder.program.arguments = len(structure.leaves)
        values: list[tuple[int, Value]] = []
        result = None
        with ExitStack() as stack:
            stack.enter_context(hooks.installed(recorder))
            traced: list[Any] = []
            tracers: dict[int, Any] = {}  # of arrays, which may be several arguments
            for number, leaf in enumerate(structure.leaves):
                owner = Argument(number, structure.names[number])
                if is_value(leaf):
                    recorder.from_argument(leaf, owner)
                    values.append((number, leaf))
                    traced.append(leaf)
                elif id(leaf) in tracers:
                    traced.append(tracers[id(leaf)])
                else:
                    traced.append(recorder.input(Source("argument", owner), leaf))
                    if isinstance(leaf, np.ndarray):
                        tracers[id(leaf)] = traced[-1]
            copies = Copies(structure)
            try:
                new_args, new_named = copies.make(traced)
                traced.clear()
                tracers.clear()
                result = self.function(*new_args, **new_named)
                del new_args, new_named
                outcome = Structure(result, copies.numbers(), start.seen)
                if outcome.repeats:
                    recorder.fail("its result holds the same list, dict or dataclass twice")
                if copies.changed():
                    recorder.fail("it changes a list, dict or dataclass that is an argument, which a replay would not do")
                self.finish(recorder, outcome, differentiable)
            except BaseException as error:
                if takes_no_tracers(error):
                    stack.close()
                    for generator, state, _ in recorder.drawn.values():
                        generator.bit_generator.state = pickle.loads(state)
                    return self.without_tracers(found, args, named, str(error))
                recorder.fail("it raised an error")
                recorder.finish()
                stack.close()
                recorder.commit()
                copies.commit()
                copies.give_back()
                recorder.put_back(error)
                raise
        recorder.commit()
        copies.commit()
        result = settled(result, copies.originals())
        if copies.give_back():
            recorder.fail("it keeps a list, dict or dataclass that is an argument, which a replay would not do")
        structure.forget()
        outcome.forget()
        values.clear()
        recorder.check_escapes()
        environments = start, found.environment, Environment(self.searched, objects), leaves
        found.environment = environments[2]
        self.compare(found, recorder, structure, outcome, environments)
        return result

    def without_tracers(self, found: Recording, args: Any, named: Any, why: str) -> Any:
        """Call a function anew, and from now on, that calls code which takes no tracers, such as a reader of memory."""
        result = self.function(*args, **named)  # if it raises the error again, tracers are not the reason
        self.give_up(found, f"it calls code that needs real arrays: {why}")
        return result

    def finish(self, recorder: Recorder, outcome: Structure, differentiable: bool) -> None:
        """Record the results and, if they have a gradient, the backward pass."""
        program = recorder.program
        program.split = len(program.instructions)
        nodes = [leaf for leaf in outcome.leaves if is_value(leaf) and leaf.op is not None and id(leaf) in recorder.inside]
        writes = any("_raw" in item.written for item in recorder.outside.values())
        outcome.kinds = [kind_of(leaf, recorder) for leaf in outcome.leaves]
        contents = [content_of(leaf, kind) for leaf, kind in zip(outcome.leaves, outcome.kinds, strict=True)]
        outcome.labels = {n: leaf.label for n, leaf in enumerate(outcome.leaves) if is_value(leaf) and leaf.label}
        targets: list[Value] = []
        below = topological_order(in_a_row(nodes) if len(nodes) > 1 else nodes[0])[1] if nodes and differentiable else []
        if any(
            leaf is value for leaf, kind in zip(outcome.leaves, outcome.kinds, strict=True) if kind == "leaf" for value in below
        ):
            recorder.fail("a result depends on a Value that it creates and returns, whose gradient a replay would not keep")
        if writes:
            outcome.spent = [recorder.outside[id(value)].owner for value in below if id(value) in recorder.outside]
        if nodes and differentiable and not writes:
            root = in_a_row(nodes) if len(nodes) > 1 else nodes[0]
            program.split = len(program.instructions)
            outside = [item.value for item in recorder.outside.values()]
            stops = [value for value in outside if value.op is not None]
            reached = {item for node in topological_order(root, stops)[0] for item in inputs_of(node)}
            targets = [value for value in outside if value.requires_grad and value in reached]
            pullback = Pullback(root, targets, stops)
            seed: Any = 1.0 if root._raw.__class__ is float else recorder.plain(np.ones(root.shape, root.dtype))
            if targets and HOOKED and any_hooks(pullback.path):
                recorder.fail("a Value that it computes has a hook")
            if targets and not self.repeated and depend_on_each_other(nodes):
                recorder.fail(
                    "one of its results depends on another one, whose gradient a replay would not keep: return its .data, or "
                    "compile two functions"
                )
            if targets and changes_for_good(program):
                recorder.fail(
                    "it calls effect() or changes an argument, but has a result with a gradient, which may run it twice"
                )
            if targets:
                seed = recorder.input(Source("seed"), seed)
                with np.errstate(all="ignore"):
                    cotangents = pullback.general(seed)
                program.cotangents = [recorder.template_of(item) for item in cotangents]
                program.targets = [Source("data", recorder.outside[id(value)].owner) for value in targets]
        outcome.twins = twins_of(outcome)
        computed = [n for n, kind in enumerate(outcome.kinds) if kind in ("node", "frozen")]
        data = [(n, recorder.plain(outcome.leaves[n]._raw)) for n in computed]
        outcome.locked = [n for n, array in data if isinstance(array, np.ndarray) and not array.flags.writeable]
        if not targets:
            now = "spent" if outcome.spent else "frozen"
            outcome.kinds = [now if kind == "node" else kind for kind in outcome.kinds]
        program.results = [recorder.template_of(item) if kind != "outside" else recorder.owner_of(item)
                           for item, kind in zip(contents, outcome.kinds, strict=True)]  # fmt: skip
        recorder.finish()

    def compare(self, found: Recording, recorder: Recorder, structure: Structure, outcome: Structure, environments: Any) -> None:
        """Keep a recording, or replay it from now on if the last one was alike.

        `environments` are those at its start, at the end of the last recording, and at its end, and the flattened arguments.
        """
        start, last, end, leaves = environments
        before, found.before = found.before, None
        reason = recorder.failure
        if reason is None and before is not None:
            reason = difference(*before, recorder, outcome)
            if reason is None:
                check = check_of(recorder, start, end, leaves)
                reason = recorder.failure
            if reason is None:
                program = optimise(recorder.program, self.repeated)
                reason = recorder.failure = effect_before_guard(program)
            if reason is None:
                replay = Replay(self, program, structure, outcome, check)
                self.latest = replay
                found.replays = [replay, *found.replays[: PATIENCE - 1]]
                recorder.release()
                return
        if recorder.failure is None:
            found.before = recorder, outcome
            recorder.release()
        if self.strict and recorder.failure is not None and not recorder.passing:
            raise RuntimeError(f"{self.name} cannot be replayed: {recorder.failure}")
        if recorder.passing and found.passed < 2 * PATIENCE:
            found.count, found.passed = found.count - 1, found.passed + 1
            return
        if found.count >= PATIENCE * (1 + len(found.replays)) or (recorder.failure and found.count >= 3 and not found.replays):
            if recorder.failure is None and last is not None:
                reason = reason_of_change(last, start, end, recorder.program) or reason
            self.give_up(found, reason or "every recording differed from the one before")

    def give_up(self, found: Recording, reason: str) -> None:
        """Run the function eagerly from now on, with a warning."""
        found.reason, found.before = reason, None
        if self.strict:
            raise RuntimeError(f"{self.name} cannot be replayed: {reason}")
        warnings.warn(f"{self.name} runs eagerly, because it cannot be replayed: {reason}", UserWarning, stacklevel=outer_level())

    def explain(self, *args: Any, **named: Any) -> Explanation:
        """Return a text: recordings and their reasons, instructions and memory of each program, what each pass did.

        With arguments, the program for them is run instruction by instruction, on copies of what it would change, and the text
        has the time of each.

        Raises:
            ValueError: if there is no program for these arguments.

        >>> import autograd
        >>> double = autograd.compile(lambda x: x + x)
        >>> [double(x) for x in (1.0, 2.0, 3.0)]
        [2.0, 4.0, 6.0]
        >>> print(double.explain())  # doctest: +ELLIPSIS
        the compiled function <lambda>(): 2 recordings, 1 program
        ...
        """
        if not args and not named:
            return explanation(self, None, [])
        leaves: list[Any] = []
        found = self.recordings.get(self.key_of(args, named, leaves, []))
        if found is None or not found.replays:
            raise ValueError(f"{self.name} has no program for these arguments: call it with them three times")
        return explanation(self, found.replays[0], leaves)

    def derivative(self, replay: Replay) -> Compiled:
        """Return the pullback of one of its programs as a function whose results can be differentiated."""
        return Derivative(replay)

    @property
    def name(self) -> str:
        return f"the compiled function {self.__name__}()"

    @property
    def source(self) -> str:
        """The latest program as Python source; "" before there is one."""
        return "" if self.latest is None else self.latest.source


class Derivative(Compiled):
    """The pullback of a program, as a function of the cotangent and the arguments, whose results can be differentiated again.

    It is recorded and replayed in turn, so that derivatives of any order are replays. Where that fails, it runs eagerly.
    """

    repeated = True  # once for each row of a Hessian

    def __init__(self, replay: Replay) -> None:
        super().__init__(replay.pullback)
        self.__name__ = f"pullback_of_{replay.owner.__name__}"
        self.searched = replay.owner.searched

    def give_up(self, found: Recording, reason: str) -> None:
        """Run eagerly from now on. It needs no warning, as the function itself is replayed."""
        found.reason, found.before = reason, None


class Copies:
    """The lists, dicts and dataclasses of the arguments, with tracers in them: copies, as others may see the originals.

    Attributes:
        made: the copies, in the order of the originals.
    """

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.made: list[Any] = []
        self.before: list[dict[Any, Any]] = []

    def make(self, traced: list[Any]) -> Any:
        """Return the arguments with tracers in place of their leaves."""
        arguments = self.structure.rebuild(traced, self.made)
        self.before = [contents_of(item) for item in self.made]
        return arguments

    def numbers(self) -> dict[int, int]:
        """Return the number of each copy, by id."""
        return {id(item): number for number, item in enumerate(self.made)}

    def originals(self) -> dict[int, Any]:
        """Return the original of each copy, by the id of the copy."""
        return {id(item): original for item, original in zip(self.made, self.structure.containers, strict=False)}

    def changed(self) -> bool:
        """Whether the function changed one of them, besides the numbers of arrays."""
        return any(map(is_changed, self.made, self.before))

    def commit(self) -> None:
        """Change the originals as the copies were changed."""
        originals = self.originals()
        for item, before in zip(self.made, self.before, strict=False):  # fewer after Ctrl-C
            if is_changed(item, before):
                now = contents_of(item)
                put(originals[id(item)], {key: settled(part, originals) for key, part in now.items()})

    def give_back(self) -> bool:
        """Drop the copies, and put the originals in place of those that the function keeps; return whether there are some."""
        originals, made = self.originals(), self.made
        parts = Counter(id(part) for item in made for part in in_tuples(contents_of(item).values()))
        self.made, self.before = [], []
        kept = False
        for item in made:
            if sys.getrefcount(item) > 3 + parts[id(item)]:  # besides `made`, `item` and the argument
                kept = True
                replace_everywhere(item, originals[id(item)])
        return kept


def in_tuples(items: Iterable[Any]) -> Iterator[Any]:
    """Yield items, and those of tuples among them."""
    for item in items:
        if isinstance(item, tuple):
            yield from in_tuples(item)
        else:
            yield item


def repeated(leaves: list[Any]) -> tuple[int, ...]:
    """Return for each argument the number of the first one that is the same array."""
    first: dict[int, int] = {}
    return tuple([first.setdefault(id(item), n) if type(item) is np.ndarray else n for n, item in enumerate(leaves)])


def text_of(args: Any, named: Any) -> str:
    """Return the arguments of a call as text, arrays by their dtypes and shapes."""
    texts = [f"{item.dtype} {item.shape}" if isinstance(item, np.ndarray) else repr(item) for item in (*args, *named.values())]
    names = [""] * len(args) + [f"{name}=" for name in named]
    return ", ".join(name + text[:60] for name, text in zip(names, texts, strict=True))


def changes_for_good(program: Program) -> bool:
    """Whether a program changes something that Replay.put() cannot give back."""
    return any(
        (getattr(item.function, "effect", False) and type(item.function) is not Draw)
        or any(program.inputs[v.root].kind in ("argument", "data") for v in item.writes if v.root in program.inputs)
        for item in program.instructions
    )


def kind_of(leaf: Any, recorder: Recorder) -> str:
    """Return what a result is: "node", "leaf", "frozen", "outside" (a Value from outside) or "plain"."""
    if not is_value(leaf):
        return "plain"
    if id(leaf) not in recorder.inside:
        return "outside"
    return "node" if leaf.op is not None else "leaf" if leaf.requires_grad else "frozen"


def content_of(leaf: Any, kind: str) -> Any:
    """Return what a program has to return for a result: its data; that of a leaf with its gradient, and whether it has one."""
    if kind == "leaf":
        return leaf._raw, leaf._grad, leaf._since is not None
    return leaf._raw if kind in ("node", "frozen") else leaf


def depend_on_each_other(nodes: list[Value]) -> bool:
    """Whether one of some computed Values is below another one."""
    known = set(map(id, nodes))
    return len(known) > 1 and any(
        below is not node and id(below) in known for node in nodes for below in topological_order(node)[0]
    )


def twins_of(outcome: Structure) -> dict[int, int]:
    """Return the numbers of results that are the same Value as an earlier one, and the numbers of those."""
    first: dict[int, int] = {}
    found = {n: first.setdefault(id(leaf), n) for n, leaf in enumerate(outcome.leaves) if is_value(leaf)}
    return {n: one for n, one in found.items() if n != one}


def compile(function: Callable[..., Any] | None = None, *, strict: bool = False) -> Any:
    """Return a function that computes the same as `function`, faster after its first calls.

    The first two calls with arguments of one structure, of the same shapes and dtypes, run as usual and are recorded: every NumPy
    call of the function, of operations and of their rules. If both recordings are alike, later calls replay them, as
    straight-line NumPy code. A result that depends on Values is one Value of the graph, which backward(), transforms, hooks and
    drawings take as any other. A function may also call backward() and an optimiser's step() itself.

    A replay returns what the function would return. It checks the numbers that Python code reads, as in an ``if``, and the
    globals, attributes and modules that the function reads; if they differ, the function is recorded again. A function that
    cannot be replayed, as it changes lists or draws random numbers, for example, runs eagerly, after one warning that names the
    reason and the line; README.md of autograd/compiler lists what to write instead. Printing happens in recorded calls only.

    Args:
        function: a function, a method or a module.
        strict: whether to raise RuntimeError where the function would run eagerly with a warning, and where a number that Python
            code reads is not the recorded one, instead of recording the function again.

    Returns:
        A Compiled function, with `source`, the latest program as Python source, and `explain()`.

    Raises:
        TypeError: for a class, a generator or an async function.

    >>> import autograd
    >>> @autograd.compile
    ... def length(x):
    ...     return np.sqrt((x * x).sum())
    >>> [float(length(x)) for x in (np.ones(4), np.zeros(4), np.array([3.0, 0.0, 0.0, 4.0]))]
    [2.0, 0.0, 5.0]
    >>> print(length.source)
    def forward(x):
        v1 = x * x                                                  # float64 (4,)
        v2 = v1.sum()                                               # float64
        v3 = sqrt(v2)                                               # float64
        return (v3,), ()
    <BLANKLINE>
    """
    if function is None:
        return lambda function: compile(function, strict=strict)
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(compile(function.__func__, strict=strict))
    if not callable(function):
        raise TypeError(f"compile() takes a function, but got {function!r}: write @autograd.compile above its def")
    if isinstance(function, type):
        raise TypeError(
            f"compile() takes a function or a module, but got the class {function.__name__}: compile its methods or an instance"
        )
    if inspect.isgeneratorfunction(function):
        raise TypeError(f"compile() takes a function that returns, but {function.__name__}() is a generator: compile its parts")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"compile() takes a function that returns, but {function.__name__}() is async: compile its parts")
    return Compiled(function, strict)

"""Replay: a program as Python functions, and its results as Values of the graph."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from itertools import combinations, count, repeat
from operator import is_
from typing import Any

import numpy as np

from autograd.backward import Pullback
from autograd.compiler.environment import Check
from autograd.compiler.once import take_over
from autograd.compiler.passes.finite import SMALL, are_finite, joined_are_finite
from autograd.compiler.program import (
    ABSENT,
    Argument,
    Changed,
    Draw,
    Guard,
    GuardFailed,
    Instruction,
    Program,
    Source,
    Variable,
    set_item,
)
from autograd.compiler.source import clock, functions_of
from autograd.compiler.state import Assign
from autograd.compiler.structure import Leaf, Structure
from autograd.graph import grad_lock
from autograd.hooks import HOOKED
from autograd.op import Op, is_value
from autograd.ops.indexing import getitem
from autograd.ops.inputs import is_finite
from autograd.ops.shapes import reshape
from autograd.scopes import Place, is_set
from autograd.stale import changed
from autograd.transforms.call import in_a_row
from autograd.value import Value, new_node

_numbers = count(1)
SLOTS: Any = Value  # the descriptors of its slots
set_grad, set_since = SLOTS._grad.__set__, SLOTS._since.__set__
#: Errors before which everything is restored that a replay has changed.
RESTORED = (GuardFailed, Changed, np.linalg.LinAlgError, FloatingPointError)
#: What Replay.quick() returns where the program is not for this call.
MISSED = object()


class Kept:
    """What the backward part of a program needs: the arrays of its forward part.

    To run the function again, it also has the arguments, and from before the call the states of random generators and the
    contents of what it changes outside.
    """

    __slots__ = ("arrays", "contents", "leaves", "states")

    def __init__(self, arrays: tuple[Any, ...], leaves: Sequence[Any], states: Sequence[Any], contents: Sequence[Any]) -> None:
        self.arrays, self.leaves, self.states, self.contents = arrays, leaves, states, contents


class Replay:
    """One program, ready to run.

    Attributes:
        forward, backward, from_one: its functions, see functions_of().
        apart, apart_from_one: the numbers of the cotangents that are no parts of the vector that backward(), from_one() return.
        outcome: the structure of the results.
        op: the operation of the graph that stands for the program.
        changing: the Sources of the items of dicts and the gradients that the program changes.
        check: whether Python's state is as it was recorded.
        quick: a function of a tuple of positional arguments, arrays or floats, for calls outside of scopes and transforms:
            returns MISSED if they do not fit, or Python's state changed.
        repeats_effects: whether a second run of the function would draw other random numbers or change what is outside.
    """

    def __init__(self, owner: Any, program: Program, arguments: Structure, outcome: Structure, check: Check) -> None:
        self.owner, self.program, self.arguments, self.outcome, self.check = owner, program, arguments, outcome, check
        text, names = functions_of(program)
        space = dict(names)
        exec(compile(text, f"<{owner.__name__} {next(_numbers)}>", "exec"), space)
        self.space = space
        take_over(space)
        self.forward: Any = space["forward"]
        self.backward: Any = space.get("backward")
        self.from_one: Any = space.get("backward_from_one")
        self.op = self.operation() if self.backward is not None else None
        self.targets = [source.owner for source in program.targets]
        self.single = outcome.form.__class__.__name__ == "Leaf"
        draws = {item.function.generator for item in program.instructions if type(item.function) is Draw}
        self.generators = list(draws)
        self.undone, self.assigned = self.undone_writes()
        self.is_pure = not any(
            getattr(item.function, "effect", False) or any(v.root in program.inputs for v in item.writes)
            for item in program.instructions
        )
        self.repeats_effects = bool(self.generators or program.effects) or not self.is_pure
        written = [program.inputs[v.root] for item in program.instructions for v in item.writes if v.root in program.inputs]
        kinds = ("item", "grad", "since")
        self.changing = list(dict.fromkeys(x for x in (*[e.target for e in program.effects], *written) if x.kind in kinds))
        self.compiled: Any = None  # the pullback on Values as a compiled function, once it is needed
        self.all_plain = self.op is None and all(kind == "plain" for kind in outcome.kinds)
        self.bare = self.single and outcome.kinds[0] in ("frozen", "spent") and not (outcome.labels or outcome.locked)
        self.nodes = [number for number, kind in enumerate(outcome.kinds) if kind == "node"]
        self.restores = bool(self.generators or self.undone or self.assigned)  # whether it may have to restore what it changed
        self.apart = numbers_apart(program)
        self.apart_from_one = numbers_apart(program.from_one or program)
        self.finished = self.finisher()
        self.quick = self.make_quick()

    def finisher(self) -> Callable[[Any, Sequence[Any]], Value]:
        """Return the function that makes a Value of the data of a result without a gradient."""
        if not self.outcome.spent:
            return lambda data, leaves: frozen(data)
        op, owners = self.spent_operation(), self.outcome.spent

        def spent(data: Any, leaves: Sequence[Any]) -> Value:
            values = tuple([leaves[item.number] if item.__class__ is Argument else item for item in owners])
            node = new_node(op, data, (values, None))
            node._clock = 0  # before the Values changed, so that backward() raises the error of eager calls
            return node

        return spent

    def spent_operation(self) -> Op:
        """Return the operation of results that have no gradient any more."""

        def rule(*args: Any) -> Any:
            raise ValueError(
                f"the result of {op.name}() has no gradient outside, as the function changes Values: call backward() in "
                "the function, or compile the loss only"
            )

        op = self.new_op(rule)
        return op

    def new_op(self, rule: Callable[..., Any]) -> Op:
        """Return an operation that stands for the program, with this rule."""

        def form(inputs: Any, kept: Any) -> Any: ...

        form.__name__ = getattr(self.owner, "__name__", "compiled")
        return Op(form, {"inputs": rule}, name=form.__name__, symbol=f"{form.__name__}({{}})", kind="program", array=form)

    def make_quick(self) -> Any:
        """Return the function `quick`. As it is called most often, it is written as source."""
        inputs = {s.owner.number: v for v, s in self.program.inputs.items() if s.kind == "argument"}
        names = [f"x{number}" for number in range(len(inputs))]
        if self.arguments.form != (tuple(map(Leaf, range(len(names)))), {}):  # other calls may have the same arrays
            return lambda args: MISSED
        space: dict[str, Any] = {"check": self.check, "ndarray": np.ndarray, "MISSED": MISSED, "replay": self}
        space |= {"forward": self.forward, "finished": self.finished}
        tests = [f"len(args) != {len(names)}"]
        lines = [f"    {''.join(f'{name}, ' for name in names)}= args" if names else ""]
        differ = ["check.changed(args) is not None"]
        for number, name in reversed([*enumerate(names)]):
            variable = inputs.get(number)
            if variable is None:
                return lambda args: MISSED
            if variable.kind is float:
                differ.insert(0, f"{name}.__class__ is not float")
                continue
            space[f"d{number}"] = variable.dtype
            differ.insert(
                0,
                f"{name}.__class__ is not ndarray or {name}.shape != {variable.shape} or {name}.dtype is not d{number} "
                f"or {name}.strides != {variable.strides}",
            )
        arrays = [name for number, name in enumerate(names) if inputs[number].kind is np.ndarray]
        differ[-1:-1] = [f"{one} is {two}" for one, two in combinations(arrays, 2)]  # they are another kind of arguments
        run = "return replay(args)"
        simple = self.single and not (self.restores or self.changing or self.outcome.labels or self.outcome.locked)
        if self.bare and not self.restores:
            run = "return finished(forward(*args)[0][0], args)"
        elif simple and self.nodes and not any(isinstance(target, Argument) for target in self.targets):
            space |= {"op": self.op, "targets": tuple(self.targets), "new_node": new_node, "Kept": Kept}
            run = "results, arrays = forward(*args); return new_node(op, results[0], (targets, Kept(arrays, args, (), ())))"
        text = "\n".join([
            "def quick(args):", f"    if {' or '.join(tests)}: return MISSED", *lines,
            f"    if {' or '.join(differ)}: return MISSED", f"    {run}",
        ])  # fmt: skip
        exec(text, space)
        return space["quick"]

    def undone_writes(self) -> tuple[list[Any], list[tuple[dict[Any, Any], Any]]]:
        """Return what the program changes before its last guard, which may fail, or the last call that may raise an error.

        That is the Sources of arrays from outside, and dicts from outside with the keys that it assigns to.
        """
        found: list[Any] = []
        pending: list[Any] = []
        assigned: list[tuple[dict[Any, Any], Any]] = []
        last = last_stop(self.program)
        for number, item in enumerate(self.program.instructions):
            if type(item.function) is Assign and number < last:
                assigned.append((item.function.mapping, item.function.key))
            if stops(item):
                found += pending
                pending = []
            pending += [self.program.inputs[v.root] for v in item.writes if v.root in self.program.inputs]
        return list(dict.fromkeys(found)), assigned

    def copies(self, leaves: Sequence[Any]) -> list[tuple[Any, Any]]:
        """Return the arrays that the program may have to restore, and copies of them."""
        found = [self.content(source, leaves) for source in self.undone]
        return [(array, array.copy()) for array in found]

    def contents(self, leaves: Sequence[Any], copied: bool) -> list[Any]:
        """Return what the changing Sources have now; arrays may be `copied`, as the program changes some in place."""
        found = []
        for source in self.changing:
            try:
                content = self.content(source, leaves)
            except KeyError:
                content = ABSENT
            found.append(content.copy() if copied and content.__class__ is np.ndarray else content)
        return found

    def put(self, leaves: Sequence[Any], contents: Sequence[Any]) -> None:
        """Give the changing Sources other contents."""
        for source, content in zip(self.changing, contents, strict=True):
            source.write(owner_in(source, leaves), content)

    def content(self, source: Source, leaves: Sequence[Any]) -> Any:
        """Return what the program reads from a Source."""
        return source.read(owner_in(source, leaves))

    @property
    def source(self) -> str:
        """The program as Python source, with shapes."""
        return functions_of(self.program, comments=True)[0]

    def operation(self) -> Op:
        """Return the operation whose rule is the backward part of the program."""
        op = self.new_op(self.rule)
        op.masked, op.pull = self.masked_rule, self.pull
        return op

    def __call__(self, leaves: Sequence[Any]) -> Any:
        states: list[Any] = []
        contents = self.contents(leaves, True) if self.changing and self.op is not None else []
        if self.restores:
            states = [generator.bit_generator.state for generator in self.generators]
            copies = self.copies(leaves)
            before = [(mapping, key, mapping.get(key, ABSENT)) for mapping, key in self.assigned]
            try:
                results, arrays = self.forward(*leaves)
            except BaseException:
                set_states(self.generators, states)
                for mapping, key, content in before:
                    set_item(mapping, key, content)
                for array, copy in copies:
                    array[...] = copy
                raise
        else:
            results, arrays = self.forward(*leaves)
        if self.bare:  # a training step that returns its loss
            return self.finished(results[0], leaves)
        if self.all_plain:
            return results[0] if self.single else self.outcome.rebuild(results)
        kinds = self.outcome.kinds
        found = list(results)
        for number, kind in enumerate(kinds):
            if kind == "frozen":
                found[number] = frozen(found[number])
            elif kind == "spent":
                found[number] = self.finished(found[number], leaves)
            elif kind == "leaf":
                found[number] = leaf(*found[number])
            elif kind == "outside" and isinstance(found[number], Argument):
                found[number] = leaves[found[number].number]
        if self.op is not None:
            targets = tuple([leaves[item.number] if item.__class__ is Argument else item for item in self.targets])
            self.attach(self.op, found, targets, Kept(arrays, leaves, states, contents))
        for number, label in self.outcome.labels.items():
            if kinds[number] != "outside":
                found[number].label = label
        for number in self.outcome.locked:
            found[number]._raw.flags.writeable = False
        for number, first in self.outcome.twins.items():
            found[number] = found[first]
        return found[0] if self.single else self.outcome.rebuild(found)

    def attach(self, op: Op, found: list[Any], targets: tuple[Value, ...], kept: Kept) -> None:
        """Put Values of the graph in place of the results that have a gradient."""
        if len(self.nodes) == 1:
            found[self.nodes[0]] = new_node(op, found[self.nodes[0]], (targets, kept))
            return
        parts = [found[number] for number in self.nodes]
        row = new_node(op, np.concatenate([np.reshape(part, -1) for part in parts]), (targets, kept))
        start = 0
        for number, part in zip(self.nodes, parts, strict=True):
            size, shape = np.size(part), np.shape(part)
            found[number] = reshape(getitem(row, slice(start, start + size)), shape) if shape else getitem(row, start)
            found[number]._raw = part  # in its own dtype, and not in the memory of the others
            start += size

    # --- the rule --------------------------------------------------------------------------------------

    def rule(self, g: Any, out: Any, inputs: tuple[Any, ...], kept: Kept) -> Any:
        """Return the cotangents of the inputs."""
        if is_value(g) or any(map(is_value, inputs)):
            return self.derivative(g, inputs, kept)
        try:
            return self.backward(kept.arrays, g)[0]
        except Exception:  # such as a division of Python's floats by zero, which a rule may have caught
            return self.eager(g, inputs, kept)

    def pull(self, root: Any, seed: Any, keep_grads: bool) -> tuple[Any, Any] | None:
        """Compute the gradients of the leaves below the result, without a pass through the graph.

        Returns leaves and gradients to add to theirs; none, if the leaves had no gradients and have these now; or None, if
        something else is in the graph.
        """
        inputs, kept = root._x
        if HOOKED or changed or Place.with_checksums or len(self.nodes) > 1 or is_set("debug"):
            return None
        clock, fresh = root._clock, True
        for leaf in inputs:
            if leaf.op is not None or leaf._frozen or leaf._clock > clock:
                return None
            if leaf._grad is not None:
                fresh = False
        apart = self.apart
        try:
            if self.from_one is not None and seed.__class__ is float and seed == 1.0:
                found, vector = self.from_one(kept.arrays)
                apart = self.apart_from_one
            else:
                found, vector = self.backward(kept.arrays, seed)
        except Exception:  # see rule()
            return None
        if vector is not None and not math.isfinite(np.vdot(vector, vector)):
            return None
        if apart and not all_finite([found[number] for number in apart]):
            return None
        root._grad = seed if keep_grads else None
        with grad_lock:
            if fresh and all(map(is_, [leaf._grad for leaf in inputs], repeat(None))):
                deque(map(set_grad, inputs, found), 0)  # calls in C, which Ctrl-C does not interrupt
                deque(map(set_since, inputs, repeat(clock)), 0)
                return (), ()
        return inputs, found

    def masked_rule(self, g: Any, out: Any, inputs: tuple[Any, ...], kept: Kept) -> Any:
        """Return the cotangents of the inputs; if they are not finite, those of an eager pass, which treats zeros."""
        found = self.rule(g, out, inputs, kept)
        if is_value(g) or any(map(is_value, inputs)) or all(map(is_finite, found)):
            return found
        return self.eager(g, inputs, kept)

    def eager(self, g: Any, inputs: Sequence[Any], kept: Kept) -> list[Any]:
        """Return the cotangents of the inputs by running the function eagerly."""
        root, targets, stops = self.graph(kept)
        return Pullback(root, targets, stops)(g, on_values=is_value(g))

    def refuse_changes(self, kept: Kept) -> None:
        """Raise RuntimeError if the function would compute something else now."""
        if (changed := self.check.changed(kept.leaves)) is not None:
            raise RuntimeError(
                f"the derivative of {self.owner.__name__}() runs the function again, but {changed} changed since the call: "
                "differentiate before changing it, or call the function again"
            )

    def graph(self, kept: Kept) -> tuple[Any, list[Value], list[Value]]:
        """Run the function eagerly, with the random numbers and the state of the call, which it changes once; see graph_of()."""
        self.refuse_changes(kept)
        args, named = self.arguments.rebuild(kept.leaves)
        now = [generator.bit_generator.state for generator in self.generators]
        contents = self.contents(kept.leaves, False)
        try:
            set_states(self.generators, kept.states)
            self.put(kept.leaves, kept.contents)
            with np.errstate(all="ignore"):  # the call itself has given the warnings
                return self.graph_of(args, named, kept.leaves)
        finally:
            set_states(self.generators, now)
            self.put(kept.leaves, contents)

    def graph_of(self, args: Any, named: Any, leaves: Sequence[Any]) -> tuple[Any, list[Value], list[Value]]:
        """Run the function, and return its results as one Value, the targets, and those where the backward pass ends."""
        outcome = Structure(self.owner.function(*args, **named))
        outs = [outcome.leaves[number] for number in self.nodes]
        targets = [leaves[item.number] if item.__class__ is Argument else item for item in self.targets]
        root = in_a_row(outs) if len(outs) > 1 else outs[0]
        return root, targets, [value for value in targets if value.op is not None]

    def derivative(self, g: Any, inputs: Sequence[Any], kept: Kept) -> list[Any]:
        """Return the cotangents of the inputs as Values that can be differentiated again."""
        if self.repeats_effects:
            root, targets, stops = self.graph(kept)
            return Pullback(root, targets, stops)(g, on_values=True)
        if self.compiled is None:
            self.compiled = self.owner.derivative(self)
        self.refuse_changes(kept)
        return list(self.compiled(g, *self.arguments.rebuild(kept.leaves)))

    def pullback(self, g: Any, args: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """Run the function, and return the cotangents of the targets as Values."""
        outcome = Structure((args, named))
        root, targets, stops = self.graph_of(args, named, outcome.leaves)
        return Pullback(root, targets, stops)(g, on_values=True)


def numbers_apart(program: Program) -> list[int]:
    """Return the numbers of the cotangents that are not parts of the vector."""
    parts = set(program.joined[1]) if program.joined is not None else set[Variable]()
    return [number for number, x in enumerate(program.cotangents) if x.__class__ is not Variable or x not in parts]


def all_finite(found: Sequence[Any]) -> bool:
    """Whether all gradients are finite."""
    arrays = [c for c in found if c.__class__ is np.ndarray]
    small = len(arrays) > 2 and sum([c.size for c in arrays]) < 2 * SMALL
    rest = [c for c in found if c.__class__ is not np.ndarray]
    return all(map(math.isfinite, rest)) and (joined_are_finite if small else are_finite)(*arrays)


def stops(item: Instruction) -> bool:
    """Whether a replay may stop at an instruction: at a guard, or by an error of linear algebra or of floating-point numbers.

    Programs are for one kind of error settings, which are those that hold now.
    """
    if type(item.function) is Guard or getattr(item.function, "__module__", "") == "numpy.linalg":
        return True
    return "raise" in np.geterr().values() and not item.errors


def last_stop(program: Program) -> int:
    """Return the number of the last instruction of the forward part where a replay may stop, or -1."""
    return max((number for number, item in enumerate(program.instructions[: program.split]) if stops(item)), default=-1)


def effect_before_guard(program: Program) -> str | None:
    """Return why a program is not replayed, if it calls a function by effect() before the last place where it may stop, or None.

    There the function runs from its start, and would call that function a second time.
    """
    last = last_stop(program)
    for item in program.instructions[: max(last, 0)]:
        if getattr(item.function, "again", True) is False:
            function: Any = program.instructions[last].function
            raises = f"{getattr(function, '__name__', 'a call')}() may raise an error"
            what = f"Python code reads a number {function.why}" if type(function) is Guard else raises
            return f"it calls {item.function.__name__}() by effect() before {what}: call it at the end"
    return None


def owner_in(source: Source, leaves: Sequence[Any]) -> Any:
    """Return the owner of a Source, which may be an argument."""
    return leaves[source.owner.number] if source.owner.__class__ is Argument else source.owner


def set_states(generators: list[Any], states: Sequence[Any]) -> None:
    """Set the states of random generators."""
    for generator, state in zip(generators, states, strict=True):
        generator.bit_generator.state = state


def leaf(data: Any, grad: Any, has_gradient: bool) -> Value:
    """Return a leaf without a copy of its data, and with a gradient."""
    value = frozen(data)
    value._frozen, value._grad = False, grad
    if has_gradient:
        value._since = clock(0)
    return value


def frozen(data: Any) -> Value:
    """Return a frozen Value without a copy of its data."""
    value = Value(0.0, requires_grad=False)
    value._raw = data
    return value

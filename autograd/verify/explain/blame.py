"""Find the operation that is wrong: check the rules of each recorded one against its own forward function."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from autograd.backward import Pullback
from autograd.graph import arguments_of, inputs_of, topological_order
from autograd.hooks import any_hooks
from autograd.op import is_value, raw, shape_of
from autograd.ops.linalg import from_triangle
from autograd.scopes import record_lines
from autograd.transforms.checkpoint import Recomputed
from autograd.value import Value, compute, new_node
from autograd.verify.measure.claims import COORDINATES
from autograd.verify.measure.examination import Examination
from autograd.verify.measure.verdicts import Finding
from autograd.verify.report import Blame, Verdict, counted, rank, worst_of
from autograd.verify.subjects.subject import BudgetSpent, Leaf, Subject, epsilon_of
from autograd.verify.subjects.values import DerivativeSubject, ValueSubject

#: The most operations to check (in larger graphs some of every kind), and the most seconds to take.
OPERATIONS, SECONDS = 300, 4.0
#: The budget of evaluations of one operation.
EVALUATIONS = 2_000


class Recorded(NamedTuple):
    """An operation of a graph, and which of its arguments depend on the inputs: (position, member of a tuple)."""

    node: Any
    inputs: list[tuple[int, int | None]]

    def data(self) -> list[Any]:
        """Return the recorded inputs as plain data."""
        args = arguments_of(self.node)
        return [raw(args[position] if member is None else args[position][member]) for position, member in self.inputs]

    def again(self, *items: Any) -> Any:
        """Return the operation on other inputs. Its arguments are already prepared."""
        op, args = self.node.op, list(raw(arguments_of(self.node)))
        for (position, member), item in zip(self.inputs, items, strict=True):
            inside = args[position]
            args[position] = item if member is None else (*inside[:member], item, *inside[member + 1 :])
        out = compute(op, *map(raw, args))
        return new_node(op, out, *((tuple(args),) if op.packed else args))

    def pulled(self, *items: Any) -> list[Any]:
        """Return the cotangents of the inputs, from the inputs and the cotangent of the output."""
        *inputs, g = items
        found = Pullback(self.again(*inputs), inputs)(g, on_values=True)
        return [item if is_value(item) else Value(item) for item in found]

    @property
    def kind(self) -> tuple[Any, ...]:
        """A key: of many operations with the same key only a few are checked."""
        return self.node.op, tuple(self.inputs), self.node.shape, *(shape_of(item) for item in self.data())

    def __str__(self) -> str:
        place = self.node.place
        return f"{self.node.op.name} at {place.line}{f' in {place.path}' * bool(place.path)}"


def find_blame(subject: Subject, seed: int, order: int = 1, failed: Sequence[Leaf] = ()) -> tuple[Blame | None, str]:
    """Return the first recorded operation whose rule disagrees with its forward function; or None, and a note on what that means.

    Args:
        subject: a function of Values whose gradient failed.
        seed: the seed of the random directions.
        order: the order of the derivatives that failed, at which each operation is checked.
        failed: the leaves with wrong gradients.
    """
    while isinstance(subject, DerivativeSubject):
        subject = subject.inner
    assert isinstance(subject, ValueSubject)
    try:
        with np.errstate(all="ignore"):
            return OperationSearch(subject, seed, order).result(failed)
    except Exception:  # a function or a rule may raise at other inputs: then the report blames no operation
        return None, ""


class OperationSearch:
    """The search for a wrong operation in the graph of a function at its point, recorded with source lines."""

    def __init__(self, subject: ValueSubject, seed: int, order: int, deadline: float | None = None) -> None:
        self.subject, self.seed, self.order = subject, seed, order
        self.deadline = time.perf_counter() + SECONDS if deadline is None else deadline
        self.checked = 0
        self.suspect: Blame | None = None
        self.recorded, self.needed = recorded_operations(subject, subject.point)

    def result(self, failed: Sequence[Leaf]) -> tuple[Blame | None, str]:
        blame = self.first_wrong()
        evidence = "" if blame else self.evidence(failed)
        if not blame and not evidence and self.suspect:
            blame = replace(self.suspect, checked=self.checked)
        return blame, "" if blame else evidence or self.all_right()

    def first_wrong(self) -> Blame | None:
        """Return the first wrong operation: along one random direction for each input first, then element by element."""
        order = chosen(self.recorded)
        for thorough in (False, True):
            for number, recorded in enumerate(order):
                if thorough and not any(1 < np.size(item) <= COORDINATES for item in recorded.data()):
                    continue
                if time.perf_counter() > self.deadline:
                    return None
                blame = self.wrong(recorded, thorough)
                self.checked = max(self.checked, number + 1)
                if blame:
                    return replace(blame, checked=self.checked)
        return None

    def wrong(self, recorded: Recorded, thorough: bool) -> Blame | None:
        """Return the blame of one operation; None if it is right, or cannot be judged."""
        failure = self.failure(recorded, thorough)
        if failure is None:
            return None
        subject, finding = failure
        number = next(number for number, leaf in enumerate(subject.leaves) if finding.places[0] < leaf.stop)
        position, member = recorded.inputs[min(number, len(recorded.inputs) - 1)]  # the last leaf may be the cotangent
        argument, place = position if member is None else member, recorded.node.place
        blame = Blame(recorded.node.op.name, place.line, place.path, argument, finding.claimed, finding.measured, finding.bar, 0)
        if any(map(is_symmetric, recorded.data())) and self.failure(recorded, thorough, symmetric=True) is None:
            self.suspect = self.suspect or blame  # its rule may be meant for symmetric matrices only
            return None
        if self.order > 1:  # perhaps it is an operation in the rule
            inner = OperationSearch(subject, self.seed, 1, self.deadline).first_wrong()
            blame = replace(blame, op=f"{inner.op} in the rule of {blame.op}") if inner else blame
        return blame

    def failure(self, recorded: Recorded, thorough: bool, symmetric: bool = False) -> tuple[ValueSubject, Finding] | None:
        """Return one operation as a function, and its worst slope if that is wrong."""
        found: list[Finding] = []
        try:
            subject = self.alone(recorded, symmetric)
            examination = Examination(subject, self.order, self.seed)
            for leaf in subject.leaves:
                found += compared(examination, leaf, thorough)
                if worst_of(finding.verdict for finding in found) is Verdict.FAIL:
                    break
        except Exception:  # the budget is spent, or the operation raises at inputs nearby
            pass
        worst = max(found, key=rank, default=None)
        return (subject, worst) if worst is not None and worst.verdict is Verdict.FAIL else None

    def alone(self, recorded: Recorded, symmetric: bool) -> ValueSubject:
        """Return one operation as a function of its inputs; at higher orders its rules, as functions of inputs and cotangent.

        Args:
            recorded: the operation.
            symmetric: whether symmetric matrices stay symmetric when they are moved.
        """
        data = recorded.data()
        kept = [symmetric and is_symmetric(item) for item in data]

        def call(*items: Any) -> Any:
            if time.perf_counter() > self.deadline:
                raise BudgetSpent
            inputs = [from_triangle(item, True) if keep else item for keep, item in zip(kept, items, strict=False)]
            return recorded.again(*inputs) if self.order == 1 else recorded.pulled(*inputs, items[-1])

        if self.order == 1:
            return ValueSubject(call, data, EVALUATIONS)
        rng, out = np.random.default_rng(self.seed), recorded.node
        g = rng.uniform(0.5, 1.5, out.shape).astype(out.dtype) if out.shape else float(rng.uniform(0.5, 1.5))
        subject = ValueSubject(call, [*data, g], EVALUATIONS)
        for _ in range(self.order - 2):
            subject = subject.derivative(rng.uniform(0.5, 1.5, len(subject.output.vector)))
        return subject

    # --- where every operation is right -----------------------------------------------------------

    def evidence(self, failed: Sequence[Leaf]) -> str:
        """Return a sentence on where else gradients are lost or changed, or ""."""
        values = [value for leaf, value in zip(self.subject.leaves, self.subject.values, strict=True) if leaf in failed]
        used = {item for recorded in self.recorded for item in inputs_of(recorded.node)}
        unused = [leaf.name for leaf, value in zip(failed, values, strict=True) if value not in used]
        if unused and self.order == 1:
            return (
                f"the function changes with {' and '.join(unused)}, but no operation of the graph uses it: was the "
                "graph cut by .data, .item(), detach() or no_grad()?"
            )
        if any_hooks((recorded.node for recorded in self.recorded), values):
            return f"{self.all_right()}, but there are hooks, which may change gradients"
        outside = self.from_outside(failed) if self.order == 1 else ""
        return f"{self.all_right()}, but {outside}" if outside else ""

    def all_right(self) -> str:
        number = len(self.recorded)
        if self.checked < number:
            return f"{self.checked:,} of {counted(number, 'recorded operation')} were checked, and each is right"
        return f"every recorded operation is right ({number:,} checked)"

    def from_outside(self, failed: Sequence[Leaf]) -> str:
        """Return a sentence on operations with a constant that moves with the inputs, found by recording again nearby; or ""."""
        point = self.subject.point.copy()
        for leaf in failed:
            point[leaf.part] += max(2.0**-20, 8.0 * epsilon_of(leaf.dtype)) * np.where(
                point[leaf.part] != 0.0, abs(point[leaf.part]), 2.0**-20
            )
        moved, needed = recorded_operations(self.subject, point)
        if [recorded.node.op for recorded in moved] != [recorded.node.op for recorded in self.recorded]:
            return ""
        found: dict[str, None] = {}
        for here, there in zip(self.recorded, moved, strict=True):
            pairs = zip(constants(here.node, self.needed), constants(there.node, needed), strict=True)
            if any(not np.array_equal(one, other, equal_nan=True) for one, other in pairs):
                found[str(here)] = None
        names, places = " and ".join(leaf.name for leaf in failed), list(found)[:3]
        several, verb = ("constants that change", "take") if len(places) > 1 else ("a constant that changes", "takes")
        by = "was the graph cut by .data, .item(), detach() or no_grad()?"
        return f"{' and '.join(places)} {verb} {several} with {names}: {by}" * bool(places)


def compared(examination: Examination, leaf: Leaf, thorough: bool) -> list[Finding]:
    """Return findings on one input of an operation: along a random direction, and for single elements if that does not decide."""
    places = np.arange(leaf.start, leaf.stop)
    before = len(examination.found)
    if thorough or not places.size:
        examination.coordinates(places if len(places) <= COORDINATES else places[:0])
        return examination.found[before:]
    along = examination.sizes[places] if len(places) == 1 else examination.direction(places)
    findings = examination.compare([(places, along)])[0]
    smooth = all(finding.verdict in (Verdict.PASS, Verdict.FAIL) and finding.between is None for finding in findings)
    if len(places) == 1 or smooth:  # at kinks only single elements decide
        return findings
    try:
        examination.pursue(places, findings)
    except BudgetSpent:
        return findings + examination.found[before:]
    return examination.found[before:]


def is_symmetric(data: Any) -> bool:
    """Return whether an array holds symmetric matrices in its last two axes."""
    square = np.ndim(data) > 1 and np.shape(data)[-1] == np.shape(data)[-2] > 1
    return square and np.allclose(data, np.swapaxes(data, -1, -2), rtol=1e-9, atol=0.0)


def recorded_operations(subject: ValueSubject, vector: Any) -> tuple[list[Recorded], set[Any]]:
    """Return the operations between the leaves of a function and its results, inputs first, and the Values between them."""
    subject.move(vector)
    with record_lines():
        results = [item for _, item in subject.results() if is_value(item)]
    needed: set[Any] = set(subject.values)
    found: list[Recorded] = []
    for item in nodes_of(results):
        inputs = [place for place, argument in places_of(item) if argument.__class__ is Value and argument in needed]
        if inputs:
            needed.add(item)
            if not is_checkpoint(item):
                found.append(Recorded(item, inputs))
    return found, needed


def nodes_of(roots: Iterable[Any], stops: Sequence[Any] = ()) -> list[Any]:
    """Return the recorded nodes of a graph, inputs first; those that a checkpoint computes again are in front of it."""
    found: dict[Any, None] = {}
    for root in roots:
        for item in topological_order(root, stops)[0]:
            if item not in found and is_checkpoint(item):
                again = arguments_of(item)[1]
                found.update(dict.fromkeys(nodes_of([again.row()], again.inputs)))
            found[item] = None
    return list(found)


def is_checkpoint(item: Any) -> bool:
    return any(argument.__class__ is Recomputed for argument in arguments_of(item))


def places_of(item: Any) -> list[tuple[tuple[int, int | None], Any]]:
    """Return ((position, member), argument) of all arguments that have a rule; `member` counts in those that are tuples."""
    args, found = arguments_of(item), []
    for position, _ in item.op.rules:
        several = args[position].__class__ is tuple
        members: Any = enumerate(args[position]) if several else [(None, args[position])]
        found += [((position, member), argument) for member, argument in members]
    return found


def constants(item: Any, needed: set[Any]) -> list[Any]:
    """Return the floating numbers and arrays among the arguments of a node that do not depend on the inputs."""
    data = [raw(argument) for _, argument in places_of(item) if argument.__class__ is not Value or argument not in needed]
    return [number for number in data if isinstance(number, float) or getattr(number, "dtype", np.dtype(int)).kind == "f"]


def chosen(recorded: list[Recorded]) -> list[Recorded]:
    """Return the operations to check: the first of every kind, then the others; in a large graph some of each kind."""
    kinds: dict[Any, list[int]] = {}
    for number, item in enumerate(recorded):
        kinds.setdefault(item.kind, []).append(number)
    if not kinds:
        return []
    first = {numbers[0] for numbers in kinds.values()}
    each = OPERATIONS // len(kinds) if len(recorded) > OPERATIONS else len(recorded)
    spread = {numbers[i] for numbers in kinds.values() for i in np.linspace(0, len(numbers) - 1, each).astype(int)}
    return [recorded[number] for number in [*sorted(first), *sorted(spread - first)][:OPERATIONS]]

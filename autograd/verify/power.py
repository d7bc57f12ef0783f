"""Measure how much check_gradients() catches: faults in every rule of the table, and correct functions beside them.

One rule of one operation is made wrong at a time, and `check_gradients` checks calls of that operation. A fault that
changes no cotangent there (the zero of a zero, the transpose of a symmetric matrix) is counted apart, as equivalent.
Results times a very small and a very large number are checked as well: the units of a result must not matter.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from autograd.backward import gradient
from autograd.op import Op, is_value, raw, shape_of
from autograd.ops import elementwise, functions, table
from autograd.ops.broadcasting import unbroadcast
from autograd.ops.define import primitive
from autograd.ops.shapes import transpose
from autograd.value import Value
from autograd.verify.check import check_gradients
from autograd.verify.samples import Sample, between, needs_scipy, samples

Check = Callable[..., Any]
verdict_only = functools.partial(check_gradients, explain=False)
EQUIVALENT, ERROR = "EQUIVALENT", "ERROR"
ACCEPTED = ("PASS", "KINK")
#: Factors of results. At scales other than 1 each operation has one sample.
SCALES = (1.0, 1e-30, 1e30)


class NotApplicable(Exception):
    """This rule cannot have the fault, or does not run with it."""


# --- faults ---------------------------------------------------------------------------------------


class Use(NamedTuple):
    """One use of a rule: its arguments, and the input that it is for, the `member` of an argument that is a tuple."""

    op: Op
    rules: dict[int, Callable[..., Any]]
    position: int
    member: int | None
    g: Any
    out: Any
    args: tuple[Any, ...]

    def of(self, results: Any) -> Any:
        """Return the part that belongs to the input."""
        return results if self.member is None else results[self.member]

    def results(self) -> Any:
        return self.rules[self.position](self.g, self.out, *self.args)

    def fitted(self, c: Any) -> Any:
        """Return a cotangent in the shape of the input; raise NotApplicable if it does not fit."""
        try:
            return unbroadcast(c, raw(self.of(self.args[self.position])))
        except ValueError as error:
            raise NotApplicable(str(error)) from None

    def cotangent(self) -> Any:
        return self.fitted(self.of(self.results()))


def tried(use: Use, rule: Callable[..., Any], *arguments: Any) -> Any:
    """Return the cotangent from another rule or other arguments; raise NotApplicable where they do not run."""
    try:
        results = rule(*arguments)
        return use.fitted(use.of(results))
    except (ValueError, TypeError, IndexError, AttributeError, ArithmeticError) as error:
        raise NotApplicable(str(error)) from None


def transposed(use: Use) -> Any:
    """Return the cotangent with its last two axes exchanged, or all reversed, where the shape stays the same."""
    c = use.cotangent()
    shape = shape_of(c)
    if max(shape, default=0) < 2 or len(shape) < 2:
        raise NotApplicable("no matrix")
    last_two = (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)
    for axes in (last_two, None):
        turned = transpose(c, axes)
        if shape_of(turned) == shape:
            return turned
    raise NotApplicable("no square matrix")


def not_summed(use: Use) -> Any:
    """Return one slice of the cotangent along the axes over which the input was broadcast, in place of the sum."""
    c, shape = use.of(use.results()), shape_of(use.of(use.args[use.position]))
    lead = len(shape_of(c)) - len(shape)
    if lead < 0 or shape_of(c) == shape:
        raise NotApplicable("not broadcast")
    lengths = zip(shape, shape_of(c)[lead:], strict=True)
    return use.fitted(c[(0,) * lead + tuple(slice(0, 1) if ours == 1 else slice(None) for ours, _ in lengths)])


def one_element(use: Use, factor: float) -> Any:
    """Return the cotangent with its middle element multiplied by a factor."""
    c = use.cotangent()
    size = np.size(raw(c))
    if size < 2:
        raise NotApplicable("one element")
    factors = np.ones(size)
    factors[size // 2] = factor
    return c * factors.reshape(shape_of(c))


def moved(item: Any, number: int = 0) -> Any:
    """Return data about 1 % off, each element by a different part; for a tuple, a tuple."""
    if item.__class__ is tuple:
        return tuple(moved(part, number + place) for place, part in enumerate(item))
    data = raw(item)
    if data is None:  # an input that was left out
        return None
    parts = 1.0 - 0.01 * np.linspace(0.5, 1.5, np.size(data)) - 0.003 * number
    return data * (float(parts[0]) if data.__class__ is float else parts.reshape(np.shape(data)))


def stale(use: Use) -> Any:
    """Call the rule with the inputs and the output of an earlier call, about 1 % away."""
    args = tuple(moved(item, place) if place in use.rules else raw(item) for place, item in enumerate(use.args))
    try:
        out = use.op.forward(*args)
    except (ValueError, ArithmeticError) as error:
        raise NotApplicable(str(error)) from None
    return tried(use, use.rules[use.position], use.g, float(out) if np.ndim(out) == 0 else out, *args)


def other_place(use: Use) -> int:
    """Return the place of another input with a rule."""
    places = [place for place in use.rules if place != use.position]
    if not places:
        raise NotApplicable("one input")
    return places[0]


def exchanged_arguments(use: Use) -> Any:
    """Call the rule with two of its inputs exchanged."""
    args = list(use.args)
    if use.member is None:
        other = other_place(use)
        args[use.position], args[other] = args[other], args[use.position]
    elif len(args[use.position]) < 2:
        raise NotApplicable("one input")
    else:
        args[use.position] = args[use.position][::-1]
    return tried(use, use.rules[use.position], use.g, use.out, *args)


def exchanged_rules(use: Use) -> Any:
    """Return the cotangent of another input."""
    if use.member is None:
        return tried(use, use.rules[other_place(use)], use.g, use.out, *use.args)
    results = use.results()
    if len(results) < 2:
        raise NotApplicable("one input")
    return use.fitted(results[use.member - 1])


FAULTS: dict[str, Callable[[Use], Any]] = {
    "zero": lambda use: use.cotangent() * 0.0,
    "sign": lambda use: use.cotangent() * -1.0,
    "twice": lambda use: use.cotangent() * 2.0,
    "0.1 % off": lambda use: use.cotangent() * (1.0 + 1e-3),
    "one millionth off": lambda use: use.cotangent() * (1.0 + 1e-6),
    "0.1 % of the sum of g added": lambda use: use.cotangent() + 1e-3 * (use.g.sum() if shape_of(use.g) else use.g),
    "transposed": transposed,
    "not summed over broadcast axes": not_summed,
    "one element lost": partial(one_element, factor=0.0),
    "one element 0.1 % off": partial(one_element, factor=1.0 + 1e-3),
    "inputs of an earlier call": stale,
    "arguments exchanged": exchanged_arguments,
    "rules exchanged": exchanged_rules,
}
LOST_USE = "one of two uses lost"  # not a fault of a rule, but of the sum of cotangents


@contextmanager
def injected(op: Op, position: int, member: int | None, fault: Callable[[Use], Any]) -> Iterator[Counter[str]]:
    """Put a fault into the rule of one input while the context lasts, and yield the counts of wrong and right uses.

    Where the fault does not apply to a use of the rule, that use is right. Not for several threads.
    """
    before, rules = (op.rules, op.rule_x, op.rule_y), dict(op.rules)
    uses: Counter[str] = Counter()

    def wrong(g: Any, out: Any, *args: Any) -> Any:
        use = Use(op, rules, position, member, g, out, args)
        try:
            if member is not None and member >= len(args[position]):
                raise NotApplicable("this use has fewer inputs")
            c = fault(use)
        except NotApplicable:
            uses["right"] += 1
            return use.results()
        uses["wrong"] += 1
        return c if member is None else tuple(c if number == member else part for number, part in enumerate(use.results()))

    op.rules = tuple((place, wrong if place == position else rule) for place, rule in op.rules)
    op.rule_x = None if op.packed else op.rules[0][1]
    op.rule_y = None if op.rule_y is None else op.rules[1][1]
    try:
        yield uses
    finally:
        op.rules, op.rule_x, op.rule_y = before


def cut(x: Any) -> Any:
    """Return a Value without its graph, or plain data."""
    return x.detach() if is_value(x) else x


def with_lost_use(sample: Sample, number: int) -> Sample:
    """Return a function that uses its inputs twice, with the cotangent of one of the two uses of an input lost."""

    def twice(*inputs: Any) -> Any:
        return sample.call(*inputs) + sample.call(*(cut(x) if i == number else x for i, x in enumerate(inputs)))

    return Sample(sample.name, twice, sample.inputs)


class Times:
    """A product with a constant, by an operation that gets no fault."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.op = primitive(x=lambda g, out, x: g * factor)(lambda x: x * factor)

    def __call__(self, x: Any) -> Any:
        return self.op(x) if is_value(x) else x * self.factor


def scaled(sample: Sample, factor: float) -> Sample:
    """Return a function whose result is multiplied by a constant."""
    if factor == 1.0:
        return sample
    times = Times(factor)
    return Sample(f"{factor:g} * {sample.name}", lambda *inputs: times(sample.call(*inputs)), sample.inputs)


# --- correct functions ----------------------------------------------------------------------------


class Expression(NamedTuple):
    """A formula as text, as a function of the inputs, and its value."""

    text: str
    call: Callable[..., Any]
    value: Any

    def then(self, name: str, function: Callable[..., Any]) -> Expression:
        return Expression(f"{name}({self.text})", lambda *v: function(self.call(*v)), function(self.value))

    def meets(self, other: Expression, op: Op) -> Expression:
        text = f"{op.name}({self.text}, {other.text})"
        return Expression(text, lambda *v: op(self.call(*v), other.call(*v)), op(self.value, other.value))

    def lies_in(self, interval: tuple[float, float]) -> bool:
        return bool(np.min(self.value) >= interval[0] and np.max(self.value) <= interval[1])


SMOOTH = [op for op in table().values() if op.domain and op.__module__ == elementwise.__name__]
FAMILIES: list[list[tuple[int, ...]]] = [[(), ()], [(3,), ()], [(4,), (4,)], [(2, 3), (3,)], [(2, 2), (2, 2)], [(2, 2), (2, 1)]]


def composition(rng: np.random.Generator) -> Sample:
    """Return a random function of one to three inputs: two to four smooth operations, each inside its domain."""
    shapes = FAMILIES[rng.integers(len(FAMILIES))]
    inputs = [between(-2.0, 2.0)(rng, shapes[rng.integers(2)]) for _ in range(rng.integers(1, 4))]
    parts = [Expression(f"x{i}", lambda *v, i=i: v[i], data) for i, data in enumerate(inputs)]
    for _ in range(rng.integers(2, 5)):
        place = int(rng.integers(len(parts)))
        parts[place] = next_step(parts[place], rng)
        if len(parts) > 1 and rng.random() < 0.7:
            parts.append(joined(parts.pop(0), parts.pop(), rng))
    while len(parts) > 1:
        parts.append(joined(parts.pop(0), parts.pop(0), rng))
    return Sample(f"{parts[0].text} of {', '.join(str(np.shape(data)) for data in inputs)}", parts[0].call, inputs)


def next_step(part: Expression, rng: np.random.Generator) -> Expression:
    """Add an operation of one input."""
    size = float(np.max(np.abs(part.value)))
    if size > 2.0:
        factor = 2.0 / size
        return part.then(f"{factor:.3g} * ", lambda x: x * factor)
    if np.shape(part.value)[-1:] > (1,) and rng.random() < 0.25:
        name = ["sum", "mean", "logsumexp", "softmax", "cumsum"][rng.integers(5)]
        kept = {"axis": -1} | ({"keepdims": True} if name in ("sum", "mean", "logsumexp") else {})
        return part.then(name, partial(functions()[name], **kept))
    fitting = [op for op in SMOOTH if len(op.domain) == 1 and part.lies_in(op.domain[0])]
    op = fitting[rng.integers(len(fitting))]
    return part.then(op.name, op)


def joined(x: Expression, y: Expression, rng: np.random.Generator) -> Expression:
    """Join two parts by an operation of two inputs; sum the second one where they do not broadcast."""
    shapes = np.shape(x.value), np.shape(y.value)
    if len({*shapes[0][-1:], *shapes[1][-1:], 1}) > 2 or len({*shapes[0][:-1], *shapes[1][:-1], 1}) > 2:
        y = y.then("sum", functions()["sum"])
    fitting = [op for op in SMOOTH if len(op.domain) == 2 and x.lies_in(op.domain[0]) and y.lies_in(op.domain[1])]
    fitting += [table()["matmul"]] * (2 * (np.shape(x.value)[-1:] == np.shape(y.value)[:1] != ()))
    fitting = fitting or [table()["add"], table()["mul"]]
    return x.meets(y, fitting[rng.integers(len(fitting))])


# --- the run --------------------------------------------------------------------------------------


class Trial(NamedTuple):
    """One wrong gradient, and the verdict on it: its name, or EQUIVALENT, or ERROR with the text of the exception.

    The result of the sample was multiplied by `scale`.
    """

    op: str
    fault: str
    sample: str
    input: int
    verdict: str
    error: str = ""
    scale: float = 1.0


@dataclass(frozen=True)
class PowerReport:
    """The faults that a check caught, and the correct functions that it rejected.

    Attributes:
        trials: every wrong gradient, with the verdict on it.
        correct: the name, the verdict and perhaps the error of every correct function.
        skipped: operations without samples, because SciPy is not installed.
        seed, seconds: the seed of the random numbers, and the time it took.
    """

    trials: tuple[Trial, ...]
    correct: tuple[tuple[str, str, str], ...]
    skipped: tuple[str, ...]
    seed: int
    seconds: float

    @property
    def faults(self) -> list[Trial]:
        """The trials whose gradients are wrong."""
        return [trial for trial in self.trials if trial.verdict != EQUIVALENT]

    @property
    def survivors(self) -> list[Trial]:
        """The wrong gradients that were accepted, or could not be checked."""
        return [trial for trial in self.faults if trial.verdict in (*ACCEPTED, ERROR)]

    @property
    def ok(self) -> bool:
        """True if every wrong gradient was caught, and no correct one rejected."""
        return not self.survivors and not self.wrongly_rejected

    @property
    def caught(self) -> float:
        """The share of wrong gradients that were not accepted."""
        return 1.0 - len(self.survivors) / (len(self.faults) or 1)

    @property
    def wrongly_rejected(self) -> list[str]:
        return [name for name, verdict, _ in self.correct if verdict not in (*ACCEPTED, "INCONCLUSIVE")]

    @property
    def inconclusive(self) -> list[str]:
        return [name for name, verdict, _ in self.correct if verdict == "INCONCLUSIVE"]

    def by(self, what: str) -> dict[str, Counter[str]]:
        """Return how often each verdict was given, by the name of an attribute of trials: "fault", "op" or "scale"."""
        counts: dict[str, Counter[str]] = {}
        for trial in self.trials:
            counts.setdefault(str(getattr(trial, what)), Counter())[trial.verdict] += 1
        return counts

    def to_json(self) -> str:
        """Return everything that str() prints, and the counts of every operation, as JSON on one line."""
        counts = {f"by_{what}": {key: dict(row) for key, row in self.by(what).items()} for what in ("fault", "op", "scale")}
        return json.dumps(
            {
                "caught": self.caught, "wrong": len(self.faults), "equivalent": len(self.trials) - len(self.faults), **counts,
                "survivors": [trial._asdict() for trial in self.survivors], "correct": len(self.correct),
                "wrongly_rejected": self.wrongly_rejected, "inconclusive": self.inconclusive, "skipped": self.skipped,
                "seed": self.seed, "seconds": self.seconds,
            }
        )  # fmt: skip

    def __str__(self) -> str:
        lines = [f"{'fault':32} {'wrong':>6} {'caught':>6} {'share':>7} {'FAIL':>6} {'other':>6} {'no fault':>8}"]
        total: Counter[str] = sum(self.by("fault").values(), Counter())
        lines += [line(fault, row) for fault, row in self.by("fault").items()] + [line("all", total)]
        by_scale = self.by("scale")
        lines += [line(f"results times {float(scale):g}", row) for scale, row in by_scale.items()] if len(by_scale) > 1 else []
        named = [(f"{t.op}, {t.fault}, input {t.input} of {t.sample}", f"{t.verdict} {t.error}") for t in self.survivors]
        lines += [f"survived: {what}: {verdict}".rstrip() for what, verdict in named]
        rejected, open_ = self.wrongly_rejected, self.inconclusive
        lines.append(f"{len(self.correct)} correct functions: {len(rejected)} wrongly rejected, {len(open_)} inconclusive")
        lines += [f"wrongly rejected: {name}: {what} {error}".rstrip() for name, what, error in self.correct if name in rejected]
        lines += [f"inconclusive: {name}" for name in open_]
        if self.skipped:
            lines.append(f"{len(self.skipped)} operations skipped, SciPy is not installed: pip install 'valuegrad[special]'")
        return "\n".join([*lines, f"{len(self.by('op'))} operations, seed {self.seed}, {self.seconds:.0f} s"])


def line(name: str, row: Counter[str]) -> str:
    """Return the counts of a row of the table."""
    wrong = row.total() - row[EQUIVALENT]
    caught = wrong - sum(row[verdict] for verdict in (*ACCEPTED, ERROR))
    share = f"{100.0 * caught / wrong:.2f} %" if wrong else "-"
    return f"{name:32} {wrong:6} {caught:6} {share:>7} {row['FAIL']:6} {caught - row['FAIL']:6} {row[EQUIVALENT]:8}"


def power_report(
    word: str = "",
    *,
    quick: bool = False,
    seed: int = 0,
    compositions: int | None = None,
    check: Check = verdict_only,
    scales: Sequence[float] = SCALES,
) -> PowerReport:
    """Put every fault into every rule, and report which are caught, and which correct functions are rejected.

    Args:
        word: a part of the names of the operations.
        quick: one sample of each operation.
        seed: the seed of all random numbers. The calls of an operation do not depend on `word`.
        compositions: how many random compositions are added to the correct functions; by default 1000, or 200 if `quick`.
        check: the check to test, called as ``check(function, *inputs)``; its report has a `verdict`.
        scales: factors of results; at scales other than 1 each operation has one sample.

    >>> report = power_report("tanh", quick=True, compositions=2)
    >>> report.ok, report.caught
    (True, 1.0)
    """
    start = time.perf_counter()
    ops = [op for name, op in table().items() if word in name]
    if not ops:
        raise ValueError(f"no operation has {word!r} in its name")
    drawn = {op.name: samples(op.name, np.random.default_rng([seed, *op.name.encode()])) for op in ops}
    which = {scale: slice(1, 2) if quick or scale != 1.0 else slice(None) for scale in scales}
    chosen = [(op, item, scale) for scale in scales for op in ops for item in drawn[op.name][which[scale]]]
    trials = [one for op, item, scale in with_progress(chosen, "faults") for one in faults_of(op, item, scale, seed, check)]
    rng, count = np.random.default_rng(seed), compositions if compositions is not None else 200 if quick else 1000
    right = [scaled(sample, scale) for _, sample, scale in chosen] + [composition(rng) for _ in range(count)]
    correct = [(sample.name, *verdict_of(check, sample)) for sample in with_progress(right, "correct functions")]
    skipped = [op.name for op in ops if needs_scipy(op) and not drawn[op.name]]
    return PowerReport(tuple(trials), tuple(correct), tuple(skipped), seed, time.perf_counter() - start)


def faults_of(op: Op, sample: Sample, scale: float, seed: int, check: Check) -> Iterator[Trial]:
    """Yield every fault in every rule that a sample uses, with the result multiplied by a number."""
    sample = scaled(sample, scale)
    right, uses = cotangents(sample, seed), uses_of(op, sample)
    for position, member in uses:
        for name, fault in FAULTS.items():
            with injected(op, position, member, fault) as how_often, np.errstate(all="ignore"):
                wrong = cotangents(sample, seed)
                if not how_often["wrong"]:
                    continue
                found = (EQUIVALENT,) if same(wrong, right) else verdict_of(check, sample)
            yield trial(op, name, sample, position if member is None else member, scale, found)
    for number in range(len(sample.inputs)):
        half = with_lost_use(sample, number)
        wrong, whole = cotangents(half, seed), [[c * 2.0 for c in row] for row in right]
        yield trial(op, LOST_USE, sample, number, scale, (EQUIVALENT,) if same(wrong, whole) else verdict_of(check, half))


def trial(op: Op, fault: str, sample: Sample, number: int, scale: float, found: tuple[str, ...]) -> Trial:
    """Return a verdict, perhaps with the text of an error, as a trial."""
    verdict, error = (*found, "")[:2]
    return Trial(op.name, fault, sample.name, number, verdict, error, scale)


def cotangents(sample: Sample, seed: int) -> list[list[Any]]:
    """Return the gradients of a call for two random cotangents of its output."""
    rng = np.random.default_rng(seed)
    values = [Value(item) for item in sample.inputs]
    out = sample.call(*values)
    return [[raw(c) for c in gradient(out, values, rng.uniform(0.5, 1.5, out.shape))] for _ in range(2)]


def same(these: list[list[Any]], those: list[list[Any]]) -> bool:
    """Return True if they agree to a billionth of the largest element of each gradient."""
    pairs = [pair for rows in zip(these, those, strict=True) for pair in zip(*rows, strict=True)]
    return all(bool(np.max(np.abs(a - b)) <= 1e-9 * np.max(np.abs(b))) for a, b in pairs)


def uses_of(op: Op, sample: Sample) -> list[tuple[int, int | None]]:
    """Return the rules of an operation that a call uses: their positions, and the member where the argument is a tuple."""
    found: dict[tuple[int, int | None], None] = {}
    for position in dict(op.rules):

        def seen(use: Use) -> Any:
            item = use.args[use.position]
            members = enumerate(item) if item.__class__ is tuple else [(None, item)]
            found.update({(use.position, place): None for place, part in members if is_value(part)})
            return use.results()

        with injected(op, position, None, seen):
            cotangents(sample, 0)
    return list(found)


def verdict_of(check: Check, sample: Sample) -> tuple[str, str]:
    """Return the name of the verdict on a call, or ERROR and its text where the check raised one."""
    try:
        report = check(sample.call, *sample.inputs)
    except Exception as error:  # a check that raises has caught nothing, and the others go on
        return ERROR, f"{type(error).__name__}: {error}"
    return report.verdict.name, ""


def with_progress(items: list[Any], what: str) -> Iterable[Any]:
    """Return the items, with a progress bar on a terminal where tqdm is installed."""
    if importlib.util.find_spec("tqdm") is None:
        return items
    return importlib.import_module("tqdm").tqdm(items, desc=what, disable=None)

"""Check whether a gradient is right: check_gradients(), assert_gradients() and check_model()."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from autograd.transforms.trees import Tree, is_module, state_kept
from autograd.verify.explain.blame import find_blame
from autograd.verify.explain.causes import EVALUATIONS, cause_of
from autograd.verify.measure.claims import Inconclusive
from autograd.verify.measure.contracts import asymmetry, broken_contracts, overwritten
from autograd.verify.measure.examination import Examination
from autograd.verify.measure.verdicts import Finding
from autograd.verify.points import check_points, is_number
from autograd.verify.progress import Progress
from autograd.verify.report import GradientError, GradientReport, Row, Verdict, counted, rank, worst_of
from autograd.verify.subjects.foreign import as_numpy
from autograd.verify.subjects.frameworks import Adapter, FrameworkSubject, from_torch, is_torch_module
from autograd.verify.subjects.inputs import one_of, takes
from autograd.verify.subjects.numpy_functions import NumPySubject
from autograd.verify.subjects.subject import BudgetSpent, Leaf, Subject, as_vector, leaves_of
from autograd.verify.subjects.values import ValueSubject

BUDGET = 10_000
SPENT = "the budget of {:,} evaluations is spent: give a larger one, budget=..."


def check_gradients(
    f: Callable[..., Any],
    *inputs: Any,
    gradient: Any = None,
    order: int = 1,
    seed: int = 0,
    budget: int = BUDGET,
    progress: bool | None = False,
    explain: bool = True,
    points: Any = None,
) -> GradientReport:
    """Verify the gradient of `f` at `inputs` against differences of `f`, without a step or a tolerance to choose.

    The elements of inputs of up to 64 elements are checked one by one, larger inputs along random directions; a direction
    that disagrees is halved down to single coordinates. The accepted difference is the error bar of the measurement itself,
    from an extrapolation over many step widths (Richardson 1911, Ridders 1982) and the measured rounding noise (Moré and Wild
    2011), plus the rounding of the claim, 4e-10 of it in float64. It has the units of each slope: a verdict stays the same
    if the function, or an input, is multiplied by a power of two.

    Args:
        f: a function of Values: NumPy code, with numbers, arrays, or nestings of them as arguments and result. With
            `gradient`, a plain function of numbers and arrays. A result with several elements is checked as a Jacobian.
            The result of from_torch() or from_jax() verifies the gradient that PyTorch or JAX computes.
        inputs: numbers, arrays, lists of numbers (as arrays), leaf Values, modules, and dicts, lists, tuples and dataclasses
            of these. Leaf Values and the parameters of modules are moved in place, so that f may also use them without
            taking them as arguments, and restored. float32 and float16 inputs are judged by their precision.
        gradient: the gradient to verify instead of that from the graph: a function of the inputs, or the arrays themselves;
            one for one input, a tuple for several, each of the shape of the result and then that of the input.
        order: 2 verifies the second derivatives as well, 3 the third; of several results those of a random combination.
        seed: the seed of the random directions: the same call gives the same report.
        budget: how often f may be evaluated. Random directions first take about 60 evaluations.
        progress: whether to show a progress bar, which needs tqdm; None shows one on a terminal where tqdm is installed.
        explain: whether to explain a FAIL, with a guess at its cause and the first wrong operation; False is faster.
        points: further points to check. A number draws that many random inputs like the given ones: of their shapes and
            dtypes, near and far, large and small, with their signs and with others. Or give the points: an iterable of inputs, a
            generator function, a function of a numpy.random.Generator that returns inputs, or a strategy of Hypothesis. Of
            several inputs each point is a tuple. The first point that fails is simplified, and the report shows it as code;
            points outside of the domain of `f`, where it raises or is not finite, are counted and skipped.

    Returns:
        A GradientReport, true if the gradient is accepted.

    Raises:
        TypeError, ValueError: if f, the inputs or the gradient cannot be checked; the message says what to do.

    >>> print(check_gradients(lambda x: (x * x).sum(), [1.0, 2.0, 3.0]))
    PASS...
    >>> check_gradients(np.sin, 0.5, gradient=np.cos).ok, check_gradients(np.sin, 0.5, gradient=lambda x: -np.cos(x)).ok
    (True, False)
    >>> print(check_gradients(lambda x: x * x, 0.5, gradient=lambda x: 2.0 * x if x <= 3.0 else 6.0, points=20))
    FAIL...
    failing input: 4.0, simplified from ...
    """
    if not callable(f):
        raise TypeError(f"check_gradients() takes a function first, got {f!r}: check_gradients(f, *inputs)")
    if not inputs and points is None:
        raise TypeError("check_gradients() needs the inputs of the function: check_gradients(f, *inputs)")
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order is 1 for gradients, 2 for second derivatives, got {order!r}")
    if gradient is not None and order > 1:
        raise ValueError(
            "with gradient=, order is 1: verify second derivatives as check_gradients(gradient, *inputs, gradient=hessian), "
            "where gradient is a function whose Jacobian is the Hessian"
        )
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is a whole number from 0 on, got {seed!r}")
    if budget < 1 or int(budget) != budget:
        raise ValueError(f"budget is the largest number of evaluations, a whole number from 1 on, got {budget!r}")
    budget = int(budget)  # 1e5 is a float

    def make(inputs: tuple[Any, ...]) -> Subject:
        if isinstance(f, Adapter) and gradient is None:
            return f.subject(inputs, budget)
        if any(map(is_torch_module, inputs)) or (is_torch_module(f) and gradient is None):
            raise TypeError("PyTorch computes the gradient of its modules: check_gradients(from_torch(f), *inputs)")
        try:
            return ValueSubject(f, inputs, budget) if gradient is None else NumPySubject(f, inputs, gradient, budget)
        except Exception as error:
            for note in hints(error, inputs, of_values=gradient is None):
                error.add_note(note)
            raise

    def run(subject: Subject, explained: bool) -> GradientReport:
        with np.errstate(all="ignore"):  # inputs around the point may be outside of the domain
            return Check(subject, order, seed, progress, explain and explained).report()

    if points is not None:
        return check_points(make, run, inputs or None, points, seed, budget)
    subject = make(inputs)
    try:
        return run(subject, True)
    finally:
        subject.restore()


def hints(error: Exception, inputs: tuple[Any, ...], of_values: bool) -> Iterator[str]:
    """Yield hints at the fix for an error that a function raises at its first call."""
    for word, name in (("Tensor", "from_torch"), ("JAX", "from_jax")):
        if of_values and word in str(error):
            yield f"the function was called with Values; check_gradients({name}(f), *inputs) verifies its own gradient"
    if isinstance(error, (TypeError, IndexError)) and "integer" in str(error) and any(isinstance(item, int) for item in inputs):
        yield "all inputs are differentiated, and integers become floats: close over sizes and indices, as in lambda x: f(x, 3)"


def assert_gradients(f: Callable[..., Any], *inputs: Any, **options: Any) -> GradientReport:
    """Raise GradientError, with the report as its text, unless check_gradients() accepts the gradient.

    Args:
        f, inputs, options: as for check_gradients().

    >>> assert_gradients(np.tanh, [0.5, -1.0]).verdict.name
    'PASS'
    """
    __tracebackhide__ = True  # pytest shows the test and the report, and no frame in between
    report = check_gradients(f, *inputs, **options)
    if not report.ok:
        raise GradientError(report)
    return report


def check_model(
    model: Any,
    loss: Callable[..., Any],
    *batch: Any,
    order: int = 1,
    seed: int = 0,
    budget: int = BUDGET,
    progress: bool | None = None,
    points: Any = None,
) -> GradientReport:
    """Verify the gradients of a loss with respect to all parameters of a model, by their names.

    The parameters of models of up to 64 numbers are checked one by one. For larger models slopes along random directions are
    compared: one or two for each parameter, or for several together, and further ones through all numbers whose slopes are far
    smaller. A direction counts as a slope of each parameter that it runs through; where it is the worst of several parameters,
    they show the same numbers. A direction that disagrees is halved down to single numbers.

    Args:
        model: a module; its parameters and buffers are restored afterwards. Frozen parameters are not checked.
        loss: ``loss(prediction, *targets)``, where the prediction is ``model(batch[0])`` and the targets are the rest of the
            batch, or ``loss(model, *batch)``: the one that fits its signature.
        batch: the inputs, and usually the targets.
        order, seed, budget: those of check_gradients().
        progress: whether to show a progress bar; by default on a terminal where tqdm is installed.
        points: further points to check. A number draws that many random parameters around those of the model; an iterable, a
            function or a strategy, as for check_gradients(), gives batches.

    >>> import nn
    >>> model = nn.Linear(3, 2, rng=0)
    >>> check_model(model, nn.cross_entropy, np.ones((4, 3)), [0, 1, 1, 0]).ok
    True
    """
    if is_torch_module(model):
        model = from_torch(model)
    if not is_module(model) and not isinstance(model, Adapter):
        raise TypeError(f"check_model() takes a module, something with named_parameters(), got {model!r}")
    if not callable(loss):
        raise TypeError(f"check_model() takes a loss function second, got {loss!r}: check_model(model, loss, *batch)")

    def make(batch: tuple[Any, ...]) -> Subject:
        if isinstance(model, Adapter):
            return loss_of_adapted(model, loss, batch, budget)
        return BatchSubject(model, loss, batch, budget, make)

    def run(subject: Subject, explained: bool) -> GradientReport:
        with np.errstate(all="ignore"):
            return Check(subject, order, seed, progress, explained).report()

    with state_kept(model):
        if points is not None and not is_number(points):
            return check_points(make, run, batch or None, points, seed, budget)
        subject: Subject
        own = not isinstance(model, Adapter)
        subject = ValueSubject(no_batch(loss_of(model, loss, batch)), (model,), budget) if own else make(batch)
        try:
            return run(subject, True) if points is None else check_points(lambda _: subject, run, (model,), points, seed, budget)
        finally:
            subject.restore()


def loss_of_adapted(model: Adapter, loss: Callable[..., Any], batch: tuple[Any, ...], budget: int) -> Subject:
    """Return the loss of a module of PyTorch as a function of its parameters."""
    if not is_torch_module(model.target):
        raise TypeError(
            "check_model() takes from_torch(module); a function contains its loss: "
            "check_gradients(from_torch(lambda ...: loss(...)), *inputs)"
        )
    whole = from_torch(lambda module, *batch: loss_of(module, loss, batch)(), model.dtype)
    return whole.subject((model.target,), budget, batch)


def no_batch(call: Callable[[], Any]) -> Callable[[Any], Any]:
    """Return a function of the model alone, whose batch is fixed."""
    return lambda module: call()


class BatchSubject(ValueSubject):
    """The loss of a model as a function of its parameters, for one batch of several."""

    def __init__(
        self, model: Any, loss: Callable[..., Any], batch: tuple[Any, ...], budget: int, make: Callable[[Any], Subject]
    ) -> None:
        self.batch, self.make = batch, make
        super().__init__(no_batch(loss_of(model, loss, batch)), (model,), budget)

    def shown(self) -> Any:
        return one_of(self.batch)

    def movable(self) -> tuple[Any, list[Leaf], Callable[[Any], Subject]]:
        """Return the floating arrays of the batch; the parameters do not move."""
        tree = Tree(as_numpy(self.batch))
        places = [place for place, item in enumerate(tree.leaves) if np.asarray(item).dtype.kind == "f"]
        leaves = leaves_of([(f"{place}", tree.leaves[place]) for place in places])

        def at(vector: Any) -> Subject:
            data = list(tree.leaves)
            for leaf, place in zip(leaves, places, strict=True):
                data[place] = leaf.shaped(vector)
            return self.make(tuple(tree.rebuild(data)))

        return as_vector([tree.leaves[place] for place in places]), leaves, at


def loss_of(model: Any, loss: Callable[..., Any], batch: tuple[Any, ...]) -> Callable[[], Any]:
    """Return the loss as a function without arguments: of the model and the batch, or of the prediction and the targets."""
    forms: list[Callable[[], Any]] = []
    if takes(loss, len(batch)) and batch:
        forms.append(lambda: loss(model(batch[0]), *batch[1:]))
    if takes(loss, 1 + len(batch)):
        forms.append(lambda: loss(model, *batch))
    if not forms:
        raise TypeError(
            "the loss takes neither (prediction, *targets) nor (model, *batch) with this batch of "
            f"{counted(len(batch), 'argument')}: check_model(model, nn.mse_loss, x, y), or "
            "check_model(model, lambda model, x, y: ..., x, y)"
        )
    if len(forms) == 2:  # defaults, or *args: the first form that runs
        try:
            forms[0]()
        except Exception:  # then it takes the model
            return forms[1]
    return forms[0]


class Check:
    """One run of a verification: each order in turn, then the notes and the blame of the report."""

    def __init__(self, subject: Subject, order: int, seed: int, progress: bool | None = False, explain: bool = True) -> None:
        self.subject, self.order, self.seed = subject, order, seed
        self.progress, self.explain = progress, explain
        self.rows: list[Row] = []
        self.broken: list[str] = []
        self.notes: list[str] = []
        self.evidence: list[str] = []
        self.reason = ""
        self.gradients = 0

    def report(self) -> GradientReport:
        subject, blame = self.subject, None
        if not subject.leaves:
            raise ValueError(
                "there is no input to differentiate with respect to: all are bools, frozen Values or parameters, or integers of "
                "from_torch() and from_jax(); give numbers, arrays or Values that require a gradient"
            )
        with Progress(len(subject.leaves) * self.order, self.progress) as bar:
            try:
                for order in range(1, self.order + 1):
                    examination = self.examine(subject, order, bar.step)
                    if order == self.order or not worst_of(row.verdict for row in self.rows).ok or self.broken:
                        break
                    subject = self.derivative(subject, examination)
            except Inconclusive as why:
                self.reason = str(why)
            except BudgetSpent:
                self.reason = SPENT.format(subject.budget)
        wrong = [row for row in self.rows if row.verdict is Verdict.FAIL]
        if wrong and self.explain and isinstance(subject, ValueSubject):
            failed = [leaf for leaf in subject.leaves if any(row.name == leaf.name for row in wrong)]
            blame, note = find_blame(subject, self.seed, wrong[-1].order, failed)
            self.notes += [note] * bool(note)
        self.gradients += subject.gradients
        if subject.outside is not None and not worst_of(row.verdict for row in self.rows).ok:
            self.notes.append(subject.outside)
        done = max((row.order for row in self.rows), default=0)
        if done < self.order and self.rows and not self.reason:
            self.notes.append(f"order {done + 1} was not checked, because order {done} is not accepted")
        return GradientReport(
            tuple(self.rows), tuple(self.broken), self.reason, (*subject.notes, *self.notes), blame, tuple(self.evidence),
            subject.evaluations, self.gradients, subject.budget, self.seed,
        )  # fmt: skip

    def examine(self, subject: Subject, order: int, step: Callable[[str], None]) -> Examination:
        """Check one order: contracts, slopes, rows."""
        examination = Examination(subject, order, self.seed, step)
        self.broken += [sentence for sentence in subject.broken if sentence not in self.broken]
        if order == 1:
            self.broken += broken_contracts(subject, np.random.default_rng(self.seed))
        else:
            allowance = 1e3 * float(examination.claim_epsilons.max(initial=0.0)) ** 0.75
            uneven = asymmetry(examination.claims, examination.mix, allowance, examination.uncertain)
            self.broken += [uneven] if uneven else []
        if isinstance(subject, ValueSubject):
            self.broken += [text for text in overwritten(subject, np.random.default_rng(self.seed)) if text not in self.broken]
        try:
            examination.run()
        except BudgetSpent:
            examination.found += examination.pending
            self.reason = SPENT.format(subject.budget)
        self.rows += rows_of(examination, any(row.verdict is Verdict.KINK for row in self.rows), self.explain)
        self.evidence += examination.evidence
        return examination

    def derivative(self, subject: Subject, examination: Examination) -> Subject:
        """Return the subject of the next order: the gradient of a random combination of the outputs."""
        assert isinstance(subject, (ValueSubject, FrameworkSubject))
        rng = np.random.default_rng([self.seed, 17])
        count, rows = len(subject.output.vector), len(examination.claims)
        weights = rng.uniform(0.5, 1.5, rows) * (2.0 * rng.integers(0, 2, rows) - 1.0) if rows > 1 else np.ones(rows)
        weights = weights / examination.steepness()  # so that no output hides behind a larger one
        self.gradients += subject.gradients
        if count > 1:
            self.notes.append(f"compared a random combination of the {count:,} outputs in order {examination.order + 1}")
        return subject.derivative(weights if examination.mix is None else weights @ examination.mix)


def rows_of(examination: Examination, kinks_before: bool, explain: bool) -> list[Row]:
    """Return one row for each leaf, with a guess at the cause of each failure while evaluations last."""
    rows = []
    most = examination.subject.evaluations + EVALUATIONS
    for leaf in examination.subject.leaves:
        found = [
            finding if not (kinks_before and finding.verdict is Verdict.JUMP) else at_a_kink(finding)
            for finding in examination.found
            if leaf.has(finding.places)
        ]
        row = row_of(examination, leaf, found)
        guess = explain and row.verdict is Verdict.FAIL and examination.subject.evaluations < most
        cause, differences = cause_of(examination, leaf, found) if guess else ("", "")
        rows.append(replace(row, cause=cause, reason=row.reason or differences * (not cause)))
    return rows


def at_a_kink(finding: Finding) -> Finding:
    return replace(finding, verdict=Verdict.KINK, reason="there is no second derivative: the slope jumps at a kink")


def row_of(examination: Examination, leaf: Leaf, found: Iterable[Finding]) -> Row:
    """Return the row of one leaf, with its worst finding."""
    found = list(found)
    row = Row(leaf.name, examination.order, leaf.shape, str(leaf.dtype), worst_of(finding.verdict for finding in found))
    if not found:
        if leaf.start == leaf.stop or not examination.middle.size:
            return row
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason="not compared")
    worst = max(found, key=rank)
    hidden = sorted({place for finding in found for place in finding.unresolved} | {
        int(finding.places[0]) for finding in found if finding.verdict is Verdict.INCONCLUSIVE and len(finding.places) == 1
    })  # fmt: skip
    single = len(worst.places) == 1
    return replace(
        row,
        reason=worst.reason,
        index=leaf.index(int(worst.places[0])) if single else None,
        output=examination.subject.output.index(worst.component) if examination.mix is None else None,
        claimed=float(worst.claimed),
        measured=float(worst.measured),
        bar=float(worst.bar),
        between=worst.between,
        compared=examination.compared[leaf.name],
        unresolved=tuple(leaf.index(place) for place in hidden if leaf.start <= place < leaf.stop)[:20],
    )

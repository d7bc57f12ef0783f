"""Explanations of a wrong gradient: guesses at the cause, and the operation to blame."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, check_gradients, check_model, checkpoint, no_grad, primitive, scope
from autograd.op import raw
from autograd.ops import elementwise, maximum, products, table
from autograd.ops.define import unary
from autograd.verify import GradientReport, Verdict
from autograd.verify.explain import blame
from autograd.verify.explain.blame import OperationSearch, find_blame
from autograd.verify.power import FAULTS, composition, cotangents, injected, same, samples, uses_of
from autograd.verify.subjects.values import ValueSubject
from tests.sweeps import slow

RNG = np.random.default_rng(0)
X = np.array([0.3, -0.5, 1.2, -2.0, 0.7])
W, M = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))
LARGE, N = RNG.normal(size=(30, 30)), RNG.normal(size=(30, 30))
HERE = __file__


def here(offset: int = 0) -> str:
    """The line of the caller, in the form of `place.line`."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return f"{HERE}:{frame.f_back.f_lineno + offset}"


def cause(report: GradientReport, name: str = "x") -> str:
    """The guess for an input whose gradient failed."""
    row = next(row for row in report.rows if row.name == name and row.verdict is Verdict.FAIL)
    assert not row.cause or f"perhaps {row.cause}" in str(report)
    return row.cause


# --- causes, of gradients written by hand -----------------------------------------------------


def wave(x: Any) -> Any:
    return float(np.sum(np.sin(M * x)))


def slope(x: Any) -> Any:
    return M * np.cos(M * x)


WRITTEN: dict[str, Callable[[Any], Any]] = {
    "the sign: claimed = -measured": lambda x: -slope(x),
    "a factor of 2 too much": lambda x: 2.0 * slope(x),
    "a factor of 2 missing": lambda x: 0.5 * slope(x),
    "the sign, and a factor of 2 too much": lambda x: -2.0 * slope(x),
    "divided by 3, the length of axis 0 of x, once too often, as in a mean in place of a sum": lambda x: slope(x) / 3.0,
    "not divided by 9, the number of elements of x, as in a sum in place of a mean": lambda x: slope(x) * 9.0,
    "a constant factor: claimed = 4/7 * measured": lambda x: slope(x) * 4.0 / 7.0,
    "a constant factor: claimed = 3.142 * measured": lambda x: slope(x) * np.pi,
    "a constant factor: claimed = (1 - 0.001) * measured": lambda x: slope(x) * 0.999,
    "no gradient arrives: all claims are zero": lambda x: 0.0 * x,
    "transposed: claimed[i, j] = measured[j, i]": lambda x: slope(x).T,
    "in reverse order along axis 1": lambda x: slope(x)[:, ::-1],
    "in reverse order along all axes": lambda x: slope(x)[::-1, ::-1],
    "shifted by one along axis 0": lambda x: np.roll(slope(x), 1, axis=0),
    "the input as a factor too much: claimed = measured * input": lambda x: slope(x) * x,
    "the input as a factor missing: claimed = 2 * measured / input": lambda x: 2.0 * slope(x) / x,
    "computed from other data than the input: it stays the same when the input moves": lambda x: W + 1.0,
    "a constant added: claimed = measured - 0.25": lambda x: slope(x) - 0.25,
    "wrong only at [1, 2], not at the 8 others that were compared; there zero is claimed": lambda x: (
        slope(x) * (np.arange(9).reshape(3, 3) != 5)
    ),
    "wrong only where the index of axis 0 is 2; there claimed = 3 * measured": lambda x: slope(x) * [[1.0], [1.0], [3.0]],
}


@pytest.mark.parametrize("expected", WRITTEN)
def test_the_cause_of_a_written_gradient(expected: str) -> None:
    assert check_gradients(wave, W, gradient=slope).ok
    assert cause(check_gradients(wave, W, gradient=WRITTEN[expected])) == expected


LARGE_FAULTS: dict[str, Callable[[Any], Any]] = {
    "the sign: claimed = -measured": lambda c: -c,
    "divided by 900, the number of elements of x, once too often, as in a mean in place of a sum": lambda c: c / 900.0,
    "transposed: claimed[i, j] = measured[j, i]": lambda c: c.T,
    "wrong only at [2, 17], not at the 14 others that were compared; there claimed = 2 * measured": lambda c: (
        c * (1.0 + (np.arange(900).reshape(30, 30) == 77))
    ),
}


@pytest.mark.parametrize("expected", LARGE_FAULTS)
def test_the_cause_in_a_large_array(expected: str) -> None:
    def right(x: Any) -> Any:
        return N * np.cos(N * x)

    report = check_gradients(lambda x: np.sum(np.sin(N * x)), LARGE, gradient=lambda x: LARGE_FAULTS[expected](right(x)))
    assert cause(report) == expected
    assert report.evaluations < 2_500


def test_the_elements_of_a_transpose_in_a_wrong_shape() -> None:
    a = N[:4, :6]
    report = check_gradients(
        lambda x: np.sum(np.sin(a * x)), LARGE[:4, :6], gradient=lambda x: (a * np.cos(a * x)).T.reshape(4, 6)
    )
    assert cause(report) == "the elements of the transpose, in a wrong shape"


def test_a_stale_gradient() -> None:
    kept: list[Any] = []

    def stale(x: Any) -> Any:
        kept.append(np.cos(x))
        return kept[0]

    found = cause(check_gradients(lambda x: np.sum(np.sin(x)), X, gradient=stale))
    assert found == "stale, the gradient of an earlier call: it stays the same when the input moves"
    linear = check_gradients(lambda x: np.sum(3.0 * x), X, gradient=lambda x: 2.0 + 0.0 * x)
    assert cause(linear) == ""  # the slope is constant: the claim may be 2/3 of it, or one less
    arrays = check_gradients(lambda x: np.sum(np.sin(x)), X, gradient=np.arange(5.0))  # and these cannot move
    assert cause(arrays) == ""


def test_gradients_in_a_wrong_order() -> None:
    report = check_gradients(lambda x, y: x * y**2, 1.5, 0.7, gradient=lambda x, y: (2.0 * x * y, y**2))
    assert cause(report) == "exchanged with the gradient of y"
    assert cause(report, "y") == "exchanged with the gradient of x"
    report = check_gradients(lambda x, y: np.sum(x * y**2), X, 1.0 + X**2, gradient=lambda x, y: (2.0 * x * y, y**2))
    assert cause(report) == "exchanged with the gradient of y"


def test_jacobians() -> None:
    a = RNG.normal(size=(5, 5))
    transposed = check_gradients(lambda x: a @ np.sin(x), X, gradient=lambda x: (a * np.cos(x)).T)
    assert cause(transposed) == "the Jacobian is transposed: claimed[i, j] = measured[j, i]"
    negative = check_gradients(np.sin, X, gradient=lambda x: -np.diag(np.cos(x)))
    assert cause(negative) == "the sign: claimed = -measured"
    mean = check_gradients(lambda x: a[:4] @ np.sin(x), X, gradient=lambda x: a[:4] * np.cos(x) / 4.0)
    assert cause(mean) == "divided by 4, the length of axis 0 of the result, once too often, or not summed over it"


def test_right_for_one_sign_only() -> None:
    cut = check_gradients(lambda x: np.sum(x**3), X, gradient=lambda x: 3.0 * np.maximum(x, 0.0) ** 2)
    assert cause(cut) == "right only where the input is positive; elsewhere zero is claimed"
    unsigned = check_gradients(lambda x: np.sum(abs(x) ** 3), X, gradient=lambda x: 3.0 * x**2)
    assert cause(unsigned) == "right only where the input is positive; elsewhere claimed = -measured"
    half = check_gradients(
        lambda x: np.sum(np.cos(x + 1.0)), X, gradient=lambda x: np.minimum(-np.sin(x + 1.0), 0.0) + 0.3 * (X == -2.0)
    )
    assert cause(half).startswith("wrong only at [3]")


def test_differences_that_fit_no_guess_get_none() -> None:
    report = check_gradients(lambda x: np.sum(np.sin(x) + x**2), X, gradient=np.cos)
    assert cause(report) == ""
    assert report.rows[0].reason == "claimed - measured is 4 at [3], -2.4 at [2], -1.4 at [4]"
    assert "error bars; claimed - measured is 4 at [3], " in str(report)
    assert cause(check_gradients(lambda x: x * x, 3.0, gradient=lambda x: 2.3 * x)) == ""  # one number tells no factor
    assert cause(check_gradients(lambda x: x * x, 3.0, gradient=lambda x: -2.0 * x)) == "the sign: claimed = -measured"
    assert cause(check_gradients(lambda x: np.sum(x * x), X, gradient=lambda x: np.nan * x)) == ""
    assert cause(check_gradients(lambda x: np.sum(x * x), X, gradient=lambda x: np.inf * x)) == ""


def test_the_cause_in_single_precision() -> None:
    single = X.astype(np.float32)
    assert cause(check_gradients(lambda x: np.sum(np.sin(x)), single, gradient=lambda x: -np.cos(x))).startswith("the sign")
    fifth = check_gradients(lambda x: np.sum(np.sin(x)), single, gradient=lambda x: np.cos(x) / 5.0)
    assert cause(fifth).startswith("divided by 5, the length of axis 0 of x,")


def noisy(size: float, factor: float) -> GradientReport:
    return check_gradients(
        lambda x: np.sum(np.sin(x)) + size * np.sin(1e13 * np.sum(x)), X, gradient=lambda x: factor * np.cos(x)
    )


def test_noise_supports_no_fine_guess() -> None:
    assert cause(noisy(1e-12, 1.0001)) == "a constant factor: claimed = (1 + 0.0001) * measured"
    assert not any(row.cause for row in noisy(1e-6, 1.0001).rows)
    assert cause(noisy(1e-6, 1.3)) == "a constant factor: claimed = 1.3 * measured"


def test_a_spent_budget_leaves_the_verdict_without_a_guess() -> None:
    few = check_gradients(wave, W, gradient=lambda x: -slope(x), budget=3_000)
    calls = few.evaluations
    assert cause(few) and calls < 3_000
    cut = check_gradients(wave, W, gradient=lambda x: -slope(x), budget=calls - 2)
    assert cut.verdict is Verdict.FAIL and cause(cut) == "" and not cut.reason


def test_guesses_are_the_same_again_and_few_where_everything_is_wrong() -> None:
    def everything() -> GradientReport:
        inputs = [RNG.normal(size=20) for _ in range(12)]
        return check_gradients(lambda *xs: sum(np.sum(np.sin(x)) for x in xs), *inputs, gradient=lambda *xs: xs, seed=3)

    state = RNG.bit_generator.state
    one = everything()
    RNG.bit_generator.state = state
    assert one == everything()
    guessed = [bool(row.cause or row.reason) for row in one.rows]
    assert any(guessed) and not all(guessed), "after 1,000 evaluations no further leaf gets a guess"


# --- causes, of functions of Values ---------------------------------------------------------------


def test_the_cause_of_a_graph_that_is_cut() -> None:
    report = check_gradients(lambda x, y: (x.data * y).sum(), X, X + 0.1)
    assert cause(report) == "no gradient arrives, all claims are zero: is the graph cut by .data, .item(), detach() or no_grad()?"
    second = unary("second", "second({})", np.sin, np.sin, lambda g, out, x: g * np.cos(raw(x)))
    report = check_gradients(lambda x: second(x).sum(), X, order=2)
    assert "is the rule of an operation cut" in cause(report) and report.rows[-1].order == 2


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (-1.0, "the sign: claimed = -measured"),
        (0.2, "divided by 5, the length of axis 0 of x, once too often, as in a mean in place of a sum"),
        (0.25, "divided by 4, the length of axis 0 of y, once too often, or not summed over it"),
        (1.1, "a constant factor: claimed = 1.1 * measured"),
    ],
)
def test_the_cause_of_a_wrong_rule(factor: float, expected: str) -> None:
    wrong = unary("wrong", "wrong({})", np.sin, np.sin, lambda g, out, x: g * elementwise.cos(x) * factor)
    report = check_gradients(lambda x, y: (wrong(x) * y).sum(), X, RNG.normal(size=(4, 5)))
    assert cause(report) == expected
    model = nn.Sequential(nn.Linear(3, 5, rng=0), nn.Linear(5, 1, rng=1))
    found = check_model(model, lambda model, x: (wrong(model.layers[0](x)) ** 2).sum(), np.ones((2, 3)))
    assert {row.name: bool(row.cause) for row in found.rows if row.verdict is Verdict.FAIL} == {
        "0.weight": True, "0.bias": True
    }  # fmt: skip


# --- blame ----------------------------------------------------------------------------------------


@primitive(x=lambda g, out, x: g * (1.0 - out))
def squash(x: Any) -> Any:
    """tanh with the rule of another function."""
    return np.tanh(x)


class Block(nn.Module):
    def __init__(self, seed: int, activation: Callable[[Any], Any] = squash) -> None:
        self.lift, self.lower = nn.Linear(3, 4, rng=seed), nn.Linear(4, 3, rng=seed + 1)
        self.activation = activation

    def forward(self, x: Any) -> Any:
        inner = self.lift(x)
        return x + self.lower(self.activation(inner))


ACTIVATION = here(-3)


class Deep(nn.Module):
    def __init__(self, wrong: Callable[[Any], Any] = squash) -> None:
        self.blocks = [Block(0, elementwise.tanh), Block(2, elementwise.tanh), Block(4, wrong)]

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return x


INPUTS, TARGETS = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))


def test_a_wrong_operation_in_a_deep_model_is_named() -> None:
    model = Deep()
    report = check_model(model, nn.mse_loss, INPUTS, TARGETS)
    found = report.blame
    assert found is not None
    assert (found.op, found.line, found.path, found.argument) == ("squash", ACTIVATION, "Deep.blocks.2", 0)
    assert abs(found.claimed - found.measured) > 100.0 * found.bar > 0.0
    assert f"first wrong operation: squash at {ACTIVATION} in Deep.blocks.2, argument 0: claimed" in str(report)
    assert not any("every recorded operation is right" in note for note in report.notes)
    assert check_model(Deep(elementwise.tanh), nn.mse_loss, INPUTS, TARGETS).blame is None


def test_a_wrong_operation_behind_a_checkpoint_is_named() -> None:
    for calls in (checkpoint, lambda f: checkpoint(checkpoint(f))):
        model = Deep()
        report = check_model(model, lambda model, x, y, calls=calls: nn.mse_loss(calls(model)(x), y), INPUTS, TARGETS)
        assert report.blame is not None
        assert (report.blame.op, report.blame.line, report.blame.path) == ("squash", ACTIVATION, "Deep.blocks.2")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["tanh", "concatenate", *slow("matmul", "softmax")])
def test_every_sort_of_fault_is_blamed_on_its_operation(name: str, fault: str) -> None:
    op = table()[name]
    sample = samples(name, np.random.default_rng(0))[-1]
    right = cotangents(sample, 0)
    for position, member in uses_of(op, sample):
        with injected(op, position, member, FAULTS[fault]) as uses:
            if same(cotangents(sample, 0), right) or not uses["wrong"]:
                continue
            report = check_gradients(lambda *xs: sample.call(*(1.5 * x.exp().log() for x in xs)), *sample.inputs)
            if any(row.verdict is Verdict.FAIL for row in report.rows):  # a millionth may be hidden by the noise
                assert report.blame is not None and report.blame.op == name, str(report)
                assert report.blame.argument == (position if member is None else member)


@pytest.mark.parametrize("order", [1, *slow(2)])
def test_correct_operations_are_not_blamed(order: int) -> None:
    rng = np.random.default_rng(4)
    for sample in [composition(rng) for _ in range(12)] + samples("cholesky", rng) + samples("eigh", rng):
        subject = ValueSubject(sample.call, sample.inputs, 10_000)
        with np.errstate(all="ignore"):
            assert OperationSearch(subject, 0, order).first_wrong() is None, sample.name


def test_operations_at_kinks_are_not_blamed() -> None:
    def function(x: Any) -> Any:
        return (squash(maximum(x, 0.0)) + abs(x) + x.clip(-1.0, 1.0)).sum()

    report = check_gradients(function, [0.0, 1.0, -1.0, 0.5, -0.5])
    assert report.blame is not None and report.blame.op == "squash"


def test_an_operation_that_is_right_for_symmetric_matrices_only() -> None:
    def function(x: Any) -> Any:
        return squash(np.linalg.cholesky(x @ x.T + 2.0 * np.eye(3))).sum()

    report = check_gradients(function, W)
    assert report.blame is not None and report.blame.op == "squash"
    alone = check_gradients(table()["cholesky"], W @ W.T + np.eye(3))  # a function of all elements, of which it reads half
    assert alone.blame is not None and alone.blame.op == "cholesky"


def test_scopes_and_arguments() -> None:
    @primitive(x=lambda g, out, x, factor, y: g * factor, y=lambda g, out, x, factor, y: -g)
    def mixed(x: Any, factor: float, y: Any) -> Any:
        return factor * x + y

    def function(x: Any, y: Any) -> Any:
        with scope("outer"), scope("inner"):
            return mixed(x * 2.0, 3.0, y * 2.0).sum()

    line = here(-2)
    report = check_gradients(function, X, X + 1.0)
    assert report.blame is not None
    assert (report.blame.op, report.blame.argument, report.blame.path) == ("mixed", 2, "outer.inner")
    assert report.blame.line == line
    joined = check_gradients(lambda x, y: elementwise.tanh(bad_join((x * 1.0, y * 1.0))).sum(), X, X + 1.0)
    assert joined.blame is not None and (joined.blame.op, joined.blame.argument) == ("bad_join", 1)


@primitive(prepare=lambda parts: (tuple(parts),), parts=lambda g, out, parts: (g[:5], g[5:] * 2.0))
def bad_join(parts: Any) -> Any:
    return np.concatenate(parts)


# --- second derivatives ---------------------------------------------------------------------------


def test_a_rule_that_is_cut_is_found_at_the_second_order() -> None:
    @primitive(x=lambda g, out, x: g * np.cos(raw(x)))
    def cut_at_input(x: Any) -> Any:
        return np.sin(x)

    @primitive(x=lambda g, out, x: raw(g) * elementwise.cos(x))
    def cut_at_cotangent(x: Any) -> Any:
        return np.sin(x)

    @primitive(x=lambda g, out, x: raw(g) * np.cos(raw(x)))
    def cut(x: Any) -> Any:
        return np.sin(x)

    for op in (cut_at_input, cut_at_cotangent, cut):
        report = check_gradients(lambda x, op=op: (op(x * 2.0) ** 2).sum(), X, order=2)
        assert [row.verdict for row in report.rows] == [Verdict.PASS, Verdict.FAIL]
        assert report.blame is not None and report.blame.op == op.name
        assert report.blame.line == here(-3)


def test_an_operation_that_only_a_rule_uses() -> None:
    cosine = unary("cosine", "cosine({})", np.cos, np.cos, lambda g, out, x: g * elementwise.sin(x))  # a sign is missing
    sine = unary("sine", "sine({})", np.sin, np.sin, lambda g, out, x: g * cosine(x))
    report = check_gradients(lambda x: (sine(x * 2.0) ** 2).sum(), X, order=2)
    assert report.blame is not None and report.blame.op == "cosine in the rule of sine"
    assert report.blame.line == here(-2)


def test_a_rule_that_is_wrong_at_the_third_order() -> None:
    def slope_of(g: Any, out: Any, x: Any) -> Any:
        return g * (elementwise.cos(x) + curve(x))

    curve = unary("curve", "", lambda x: 0.0 * x, lambda x: 0.0 * x, lambda g, out, x: g * hidden(x))
    hidden = unary("hidden", "", lambda x: 0.0 * x, lambda x: 0.0 * x, lambda g, out, x: g)
    sine = unary("sine", "", np.sin, np.sin, slope_of)
    report = check_gradients(lambda x: (sine(x) ** 2).sum(), X, order=3)
    assert report.rows[-1].order == 3 and report.verdict is Verdict.FAIL
    assert report.blame is not None and report.blame.op == "hidden in the rule of sine"


# --- where no operation is wrong ------------------------------------------------------------------


def test_no_operation_is_blamed_for_a_detached_copy() -> None:
    def item(x: Any) -> Any:
        return x * float(x.data.sum())

    def frozen(x: Any) -> Any:
        return x * x.detach().exp()

    def unrecorded(x: Any) -> Any:
        with no_grad():
            weight = x.exp()
        return x * weight

    for function, line in ((item, 1), (frozen, 1), (unrecorded, 3)):
        report = check_gradients(lambda x, function=function: function(x).sum(), X)
        place = f"{HERE}:{function.__code__.co_firstlineno + line}"
        assert report.blame is None
        assert report.notes[-1] == (
            f"every recorded operation is right (2 checked), but mul at {place} takes a constant that changes with x: "
            "was the graph cut by .data, .item(), detach() or no_grad()?"
        )


def test_an_input_without_a_path_to_the_result() -> None:
    report = check_gradients(lambda x, y: (x.data * y).sum(), X, X + 1.0)
    assert report.blame is None
    assert report.notes[-1] == (
        "the function changes with x, but no operation of the graph uses it: was the graph cut by .data, .item(), "
        "detach() or no_grad()?"
    )


def test_hooks_are_named() -> None:
    def function(x: Any) -> Any:
        inner = x * x
        inner.register_hook(lambda g: 2.0 * g)
        return inner.sum()

    report = check_gradients(function, X)
    assert report.blame is None and cause(report) == "a factor of 2 too much"
    assert report.notes[-1].endswith("(2 checked), but there are hooks, which may change gradients")


def test_plain_functions_are_not_searched() -> None:
    report = check_gradients(np.sin, 0.5, gradient=lambda x: -np.cos(x))
    assert report.blame is None and not report.notes


# --- limits ---------------------------------------------------------------------------------------


@primitive(x=lambda g, out, x: g * np.where(raw(x) > 0.0, 1.0, np.where(raw(x) > -1.0, 0.0, 0.5)))
def rectified(x: Any) -> Any:
    """Wrong below -1 only."""
    return np.maximum(x, 0.0)


def test_a_part_of_a_large_graph_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [Value(w) for w in RNG.normal(size=30)]

    def function(*weights: Any) -> Any:
        total: Any = 0.0
        for row in range(400):
            total = total + rectified(weights[row % 30] * (0.3 + 0.01 * row) + 0.2)
        return total

    subject = ValueSubject(function, weights, 10_000)
    start = time.perf_counter()
    found, note = find_blame(subject, 0)
    assert time.perf_counter() - start < 2.0 * blame.SECONDS
    assert found is not None and note == "" and found.op == "rectified"
    assert found.checked <= blame.OPERATIONS < 1_600 == len(OperationSearch(subject, 0, 1).recorded)
    monkeypatch.setattr(blame, "SECONDS", 60.0)  # the number alone is the limit
    right = ValueSubject(lambda *ws: sum((w * w for w in ws * 20), Value(0.0)), weights, 10_000)
    nothing, note = find_blame(right, 0)
    assert nothing is None and note == "201 of 1,200 recorded operations were checked, and each is right"


def test_the_time_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blame, "SECONDS", 0.0)
    report = check_model(Deep(), nn.mse_loss, INPUTS, TARGETS)
    assert report.verdict is Verdict.FAIL and report.blame is None
    assert report.notes[-1].startswith("0 of ") and report.notes[-1].endswith("were checked, and each is right")


def test_an_error_during_the_search_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(blame, "recorded_operations", broken)
    report = check_gradients(lambda x: squash(x).sum(), X)
    assert report.verdict is Verdict.FAIL and report.blame is None


def test_data_and_gradients_are_left_as_found() -> None:
    model = Deep()
    nn.mse_loss(model(INPUTS), TARGETS).backward()
    before = [(p.data.copy(), p.grad.copy()) for p in model.parameters()]
    assert check_model(model, nn.mse_loss, INPUTS, TARGETS).blame is not None
    for parameter, (data, grad) in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.data, data)
        np.testing.assert_array_equal(parameter.grad, grad)


def test_float32_models() -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng=0, dtype=np.float32), nn.Linear(4, 1, rng=1, dtype=np.float32))
    first, last = model.layers
    report = check_model(model, lambda model, x: last(squash(first(x))).sum(), INPUTS.astype(np.float32))
    assert [row.name for row in report.rows if row.verdict is Verdict.FAIL] == ["0.weight", "0.bias"]
    assert report.blame is not None and report.blame.op == "squash"


def test_a_product_that_is_wrong_for_one_input() -> None:
    with injected(products.matmul, 1, None, FAULTS["twice"]):
        report = check_gradients(lambda a, b: (a.tanh() @ b).tanh().sum(), LARGE, N)
    assert report.blame is not None and (report.blame.op, report.blame.argument) == ("matmul", 1)
    assert cause(report, "b") == "a factor of 2 too much"

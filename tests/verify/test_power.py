"""The samples of every operation, the faults in rules, and their counts."""

from __future__ import annotations

import functools
import importlib.util
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autograd.op import Op
from autograd.ops import elementwise, kinks, needs_scipy, products, shapes, table
from autograd.verify import power
from autograd.verify.power import FAULTS, LOST_USE, composition, cotangents, injected, power_report, uses_of
from autograd.verify.samples import Sample, samples
from tests.sweeps import slow

OPS = sorted(table())
WITHOUT_SCIPY = [name for name in OPS if not needs_scipy(table()[name])]


def drawn(name: str) -> list[Sample]:
    return samples(name, np.random.default_rng(0))


def verdict(name: str) -> Any:
    return SimpleNamespace(verdict=SimpleNamespace(name=name))


#: A report on the samples without factors.
counted = functools.partial(power_report, scales=(1.0,))


def gradients(sample: Sample) -> list[Any]:
    """The gradients of a sample for one cotangent."""
    return cotangents(sample, 0)[0]


# --- samples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPS)
def test_every_operation_has_samples_that_use_each_of_its_rules(name: str) -> None:
    op, found = table()[name], drawn(name)
    assert len(found) >= 2, f"{name} needs two calls in LISTED of autograd/verify/samples.py"
    used = [position for sample in found for position in {place for place, _ in uses_of(op, sample)}]
    assert set(used) == set(dict(op.rules)), "a rule that no sample uses cannot be tested"
    for sample in found:
        assert uses_of(op, sample), f"{sample.name} does not use {name}"
        assert all(np.size(item) <= 16 for item in sample.inputs)
        assert all(np.isfinite(slope).all() for slope in gradients(sample))


@pytest.mark.parametrize("name", OPS)
def test_the_seed_determines_the_samples(name: str) -> None:
    for one, other in zip(drawn(name), drawn(name), strict=True):
        assert one.name == other.name
        for left, right in zip(one.inputs, other.inputs, strict=True):
            np.testing.assert_array_equal(left, right)
    assert len({sample.name for sample in drawn(name)}) == len(drawn(name))


@pytest.mark.parametrize("name", [name for name in OPS if len(table()[name].rules) > 1 and table()[name].kind == "elementwise"])
def test_two_inputs_broadcast_in_some_sample(name: str) -> None:
    shapes_of_inputs = [[np.shape(item) for item in sample.inputs] for sample in drawn(name)]
    for place in (0, 1):
        assert any(both[place] != np.broadcast_shapes(*both) for both in shapes_of_inputs)


@pytest.mark.parametrize("name", ["matmul", "linear", "einsum", "solve"])
def test_products_are_of_square_and_of_other_matrices(name: str) -> None:
    every = [np.shape(item) for sample in drawn(name) for item in sample.inputs if np.ndim(item) == 2]
    assert {rows == columns for rows, columns in every} == {True, False}


def test_operations_of_scipy_are_skipped_and_named_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert drawn("erf") == [] and drawn("exp")
    report = counted("erf", compositions=0, check=lambda f, *inputs: verdict("FAIL"))
    assert report.skipped == tuple(name for name in table() if "erf" in name)
    assert report.trials == () and report.caught == 1.0
    assert f"{len(report.skipped)} operations skipped, SciPy is not installed: pip install 'valuegrad[special]'" in str(report)


# --- faults ---------------------------------------------------------------------------------------

A, B, G = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.5, -1.0], [2.0, 4.0]]), np.array([[1.0, 10.0], [100.0, 1000.0]])


def wrong_cotangent(op: Op, fault: str, position: int, *args: Any) -> Any:
    """Return the result of a rule with a fault, for the cotangent G."""
    with injected(op, position, None, FAULTS[fault]) as uses:
        c = dict(op.rules)[position](G, op(*args), *args)
    assert uses == {"wrong": 1}
    return c


@pytest.mark.parametrize(
    "fault, expected",
    [
        ("zero", np.zeros((2, 2))),
        ("sign", -G @ B.T),
        ("twice", 2.0 * G @ B.T),
        ("0.1 % off", 1.001 * (G @ B.T)),
        ("one millionth off", 1.000001 * (G @ B.T)),
        ("0.1 % of the sum of g added", G @ B.T + 1.111),
        ("transposed", (G @ B.T).T),
        ("one element lost", G @ B.T * [[1.0, 1.0], [0.0, 1.0]]),
        ("one element 0.1 % off", G @ B.T * [[1.0, 1.0], [1.001, 1.0]]),
        ("arguments exchanged", G @ A.T),
        ("rules exchanged", A.T @ G),
    ],
)
def test_each_fault_changes_the_gradient_of_a_product(fault: str, expected: Any) -> None:
    np.testing.assert_allclose(wrong_cotangent(products.matmul, fault, 0, A, B), expected, rtol=1e-14)


def test_a_forgotten_sum_is_one_slice_of_it() -> None:
    assert wrong_cotangent(elementwise.mul, "not summed over broadcast axes", 1, A, B[0]).tolist() == [1.0, 20.0]
    assert wrong_cotangent(elementwise.mul, "not summed over broadcast axes", 1, A, B[:, :1]).tolist() == [[1.0], [300.0]]
    assert wrong_cotangent(elementwise.mul, "not summed over broadcast axes", 1, A, 7.0) == 1.0


def test_a_stale_rule_sees_other_inputs_and_their_output() -> None:
    for op in (elementwise.exp, elementwise.square):
        c, right = wrong_cotangent(op, "inputs of an earlier call", 0, A), dict(op.rules)[0](G, op(A), A)
        off = np.abs(c - right) / right
        assert np.min(off) > 0.004 and np.max(off) < 0.1


def test_each_member_of_a_tuple_can_have_a_fault() -> None:
    sample = next(sample for sample in drawn("concatenate"))
    op, right = table()["concatenate"], gradients(sample)
    assert uses_of(op, sample) == [(0, 0), (0, 1)]
    with injected(op, 0, 1, FAULTS["twice"]):
        wrong = gradients(sample)
    np.testing.assert_array_equal(wrong[0], right[0])
    np.testing.assert_array_equal(wrong[1], 2.0 * right[1])


def test_a_fault_that_does_not_apply_leaves_the_rule_right() -> None:
    sample = drawn("tanh")[0]
    right = gradients(sample)
    with injected(elementwise.tanh, 0, None, FAULTS["transposed"]) as uses:
        assert gradients(sample) == right
    assert uses["right"] and not uses["wrong"]


def test_the_operation_is_restored_afterwards() -> None:
    for op in (elementwise.mul, elementwise.exp, shapes.reshape, elementwise.where):
        before = op.rules, op.rule_x, op.rule_y
        with pytest.raises(KeyError), injected(op, op.rules[-1][0], None, FAULTS["zero"]):
            assert op.rules != before[0]
            assert (op.rule_x is None, op.rule_y is None) == (before[1] is None, before[2] is None)
            raise KeyError
        assert (op.rules, op.rule_x, op.rule_y) == before


# --- counting -------------------------------------------------------------------------------------


def test_a_check_that_accepts_everything_catches_nothing() -> None:
    report = counted("matmul", compositions=5, check=lambda f, *inputs: verdict("PASS"))
    assert report.caught == 0.0 and not report.ok
    assert report.survivors == report.faults and len(report.faults) > 100
    assert {trial.fault for trial in report.faults} == {*FAULTS, LOST_USE}, "every fault can happen to a product"
    assert "survived: matmul, sign, input 1 of matmul (2, 3), (3, 4) 2: PASS" in str(report)
    assert len(report.correct) == 7 + 5 and report.wrongly_rejected == []


def test_a_check_that_accepts_nothing_rejects_correct_functions() -> None:
    report = counted("cbrt", compositions=5, check=lambda f, *inputs: verdict("FAIL"))
    assert report.caught == 1.0 and report.survivors == [] and not report.ok
    assert len(report.wrongly_rejected) == len(report.correct) == 2 + 5
    assert f"wrongly rejected: {report.correct[-1][0]}" in str(report)


def test_a_check_that_cannot_tell_has_caught_but_not_rejected() -> None:
    report = counted("cbrt", compositions=5, check=lambda f, *inputs: verdict("INCONCLUSIVE"))
    assert report.caught == 1.0 and report.wrongly_rejected == [] and len(report.inconclusive) == 7
    assert report.by("fault")["sign"] == {"INCONCLUSIVE": 2}


def test_a_check_that_raises_has_caught_nothing() -> None:
    def breaks(f: Any, *inputs: Any) -> Any:
        raise ZeroDivisionError("of the check")

    report = counted("cbrt", compositions=1, check=breaks)
    assert report.caught == 0.0 and len(report.wrongly_rejected) == 3
    assert "survived: cbrt, sign, input 0 of cbrt () 1: ERROR ZeroDivisionError: of the check" in str(report)


def test_faults_that_change_nothing_are_counted_apart() -> None:
    report = counted("sign", quick=True, compositions=0, check=lambda f, *inputs: verdict("FAIL"))
    seen = {trial.fault: trial.verdict for trial in report.trials if trial.op == "sign"}
    assert kinks.sign.name == "sign"
    assert seen["0.1 % of the sum of g added"] == "FAIL", "a slope of 0 can be wrong only by something added"
    assert {what for fault, what in seen.items() if "added" not in fault} == {"EQUIVALENT"}
    added = counted("add", quick=True, compositions=0, check=lambda f, *inputs: verdict("FAIL"))
    exchanged = [trial.verdict for trial in added.trials if trial.op == "add" and trial.fault == "rules exchanged"]
    assert exchanged == ["EQUIVALENT", "EQUIVALENT"]


def test_the_report_as_json() -> None:
    report = counted("log", quick=True, compositions=2, check=lambda f, *inputs: verdict("PASS"))
    text = report.to_json()
    data = json.loads(text)
    assert "\n" not in text
    assert data["by_op"]["log"]["PASS"] == sum(trial.op == "log" for trial in report.faults)
    assert data["wrong"] == len(report.faults) == len(data["survivors"])
    assert data["correct"] == len(report.correct) and data["caught"] == 0.0
    assert data["survivors"][0]["sample"].startswith(data["survivors"][0]["op"])


def test_results_are_multiplied_and_counted_by_scale() -> None:
    seen: list[float] = []

    def check(f: Any, *inputs: Any) -> Any:
        seen.append(float(np.max(np.abs(np.asarray(f(*inputs))))))
        return verdict("FAIL")

    report = power_report("tanh", compositions=0, check=check, scales=(1.0, 1e-30, 1e30))
    assert {trial.scale for trial in report.trials} == {1.0, 1e-30, 1e30}
    assert set(report.by("scale")) == {"1.0", "1e-30", "1e+30"}
    assert min(seen) < 1e-29 and max(seen) > 1e29
    assert "results times 1e-30" in str(report) and "1e-30 * tanh" in {trial.sample[:12] for trial in report.trials}
    names = [name for name, _, _ in report.correct]
    assert len(names) == len(set(names)) and sum(name.startswith("1e+30 * ") for name in names) >= 2


def test_scaling_a_result_does_not_use_the_rule_with_the_fault() -> None:
    sample = power.scaled(drawn("mul")[0], 1e30)
    right = gradients(drawn("mul")[0])
    with injected(table()["mul"], 0, None, FAULTS["twice"]) as uses:
        wrong = gradients(sample)
    assert uses == {"wrong": 2}, "the product with the scale is no use of the rule"
    np.testing.assert_allclose(wrong[0], 2e30 * np.asarray(right[0]), rtol=1e-14)


def test_a_word_that_no_operation_has() -> None:
    with pytest.raises(ValueError, match="no operation has 'tahn' in its name"):
        counted("tahn")


def test_progress_needs_no_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert power.with_progress([1, 2], "faults") == [1, 2]


def test_compositions_are_small_and_the_seed_determines_them() -> None:
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    found = [composition(rng) for _ in range(200)]
    assert [sample.name for sample in found] == [composition(again).name for _ in range(200)]
    assert {len(sample.inputs) for sample in found} == {1, 2, 3}
    assert len({sample.name for sample in found}) > 180
    for sample in found:
        out = np.asarray(sample.call(*sample.inputs))
        assert out.size <= 16 and np.max(np.abs(out)) < 1e3
        moves = any(np.any(slope) for slope in gradients(sample)) or "(softmax(" in sample.name  # whose sum is 1
        assert moves, f"{sample.name} does not depend on its inputs"
        assert max(float(np.max(np.abs(slope))) for slope in gradients(sample)) < 1e6


# --- the check itself -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cumsum", "index_set", *slow("tanh", "matmul", "where", "solve")])
def test_all_faults_of_an_operation_are_caught(name: str) -> None:
    report = power_report(name, compositions=10)
    assert report.ok, str(report)
    assert not report.inconclusive


@pytest.mark.long
@pytest.mark.slow
def test_faults_of_all_operations_are_caught() -> None:
    report = power_report(
        quick=True, scales=(1.0,)
    )  # all samples and scales take half an hour: python -m autograd.verify --power
    assert report.caught >= 0.99, str(report)
    assert not report.wrongly_rejected, str(report)
    assert {trial.op for trial in report.faults} == set(OPS), "of every operation a wrong rule was tried"

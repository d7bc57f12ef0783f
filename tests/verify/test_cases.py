"""The written cases: no wrong gradient is accepted, no right one is called wrong, and few remain undecided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from autograd import Value, gradient
from autograd.op import is_value
from autograd.verify import GradientReport, Verdict, check_gradients
from tests.sweeps import sweep
from tests.verify.gradient_cases import CASES, Case

#: The part of the right claims, and of the wrong ones where there is a derivative, that may be undecided.
UNDECIDED = 0.05

#: Cases, by the beginning of their names, whose graph has another gradient than the claimed one, and whether that gradient is
#: the slope of the code as it runs.
OTHER_THAN_MEANT = {
    "norm of a vector at zeros": False,  # nan, from the infinite slope of sqrt at 0
    "(1 - cos(x)) / x² at 0.0001": False,  # terms cancel in the rules as in the value, and leave noise
    "sin from a table of 2001 entries": False,  # a table has no slope
    "a mean of 30 numbers, each rounded": False,  # rounding has no slope either
    "x² with pseudo-random noise of 1e-9": True,  # the noise is a sine, whose slope the rules give and the differences find
}


#: Reports on the cases and on the functions themselves, by the names of the cases.
claims: dict[str, GradientReport] = {}
graphs: dict[str, GradientReport] = {}


def report_on(case: Case) -> GradientReport:
    if named(case) not in claims:
        claims[named(case)] = check_gradients(case.function, *case.inputs, gradient=case.gradient)
    return claims[named(case)]


def report_on_graph(case: Case) -> GradientReport:
    if named(case) not in graphs:
        graphs[named(case)] = check_gradients(case.function, *case.inputs)
    return graphs[named(case)]


def named(case: Case) -> str:
    return f"{case.family}: {case.name}"


def undecided(right: bool) -> tuple[list[str], int]:
    """Return the cases that are neither accepted nor rejected, and the number of all."""
    cases = [case for case in CASES if case.right is right]
    return [named(case) for case in cases if report_on(case).verdict in (Verdict.INCONCLUSIVE, Verdict.JUMP)], len(cases)


def by_family(cases: Iterable[Case]) -> dict[str, list[Case]]:
    families: dict[str, list[Case]] = {}
    for case in cases:
        families.setdefault(case.family, []).append(case)
    return families


def test_the_cases_are_many_and_their_names_are_unique() -> None:
    assert len({named(case) for case in CASES}) == len(CASES) >= 500
    assert {case.right for case in CASES} == {True, False, None}


@sweep(by_family(CASES), named, slow={"dimension"})
def test_no_wrong_claim_is_accepted_and_no_right_one_rejected(case: Case) -> None:
    report = report_on(case)
    if case.right:
        assert report.verdict is not Verdict.FAIL, str(report)
    else:
        assert not report.ok, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("right", [True, False])
def test_few_claims_remain_undecided(right: bool) -> None:
    names, total = undecided(right)
    assert len(names) <= UNDECIDED * total, f"{len(names)} of {total}: " + "; ".join(names)


@sweep(by_family(case for case in CASES if case.right is None), named)
def test_where_there_is_no_derivative_nothing_is_called_wrong(case: Case) -> None:
    assert report_on(case).verdict in (Verdict.JUMP, Verdict.INCONCLUSIVE), str(report_on(case))


# --- the same functions, with the gradient of the graph -----------------------------------------------------------------------


def as_functions_of_values() -> list[Case]:
    """One case for each function and point that runs on Values, with a claim that is not wrong."""
    found: dict[tuple[int, int], Case] = {}
    for case in CASES:
        if case.right is not False:
            found.setdefault((id(case.function), id(case.inputs)), case)
    return [case for case in found.values() if runs_on_values(case)]


def runs_on_values(case: Case) -> bool:
    try:
        return is_value(case.function(*map(Value, case.inputs)))
    except TypeError:  # a plain array would silently drop the gradient
        return False


DISPATCHING = as_functions_of_values()


def slopes_of_graph(case: Case) -> list[Any]:
    """The Jacobians of the graph, one for each input."""
    values = [Value(item) for item in case.inputs]
    out = case.function(*values)
    rows = [gradient(out, values, row.reshape(out.shape) if out.shape else 1.0) for row in np.eye(out.size)]
    return [np.reshape([row[place].data for row in rows], out.shape + value.shape) for place, value in enumerate(values)]


def agrees_with_claim(case: Case) -> bool:
    precision = max(float(np.finfo(np.asarray(item).dtype).eps) for item in case.inputs)
    tolerance = 1e-3 if case.family in ("cancellation", "noise") else max(1e-7, 16.0 * precision)
    with np.errstate(all="ignore"):
        claims = case.gradient(*case.inputs)
        claims = claims if isinstance(claims, tuple) else (claims,)
        return all(
            np.allclose(ours, claim, rtol=tolerance, atol=16.0 * precision * np.max(abs(np.nan_to_num(claim, posinf=0.0))))
            for ours, claim in zip(slopes_of_graph(case), claims, strict=True)
        )


def test_most_cases_run_on_values() -> None:
    assert len(DISPATCHING) >= 190


@sweep(by_family(DISPATCHING), named)
def test_the_gradient_of_the_graph(case: Case) -> None:
    report = report_on_graph(case)
    other = [follows for name, follows in OTHER_THAN_MEANT.items() if case.name.startswith(name)]
    if other:
        assert not agrees_with_claim(case)
        assert [report.ok] == other, str(report)
    elif case.right is None:
        assert report.verdict in (Verdict.JUMP, Verdict.INCONCLUSIVE), str(report)
    else:
        assert report.verdict is not Verdict.FAIL, str(report)
        assert report.verdict is Verdict.KINK or agrees_with_claim(case)


@pytest.mark.slow
def test_few_gradients_of_graphs_remain_undecided() -> None:
    meant = [case for case in DISPATCHING if case.right and not case.name.startswith(tuple(OTHER_THAN_MEANT))]
    verdicts = [report_on_graph(case).verdict for case in meant]
    assert verdicts.count(Verdict.INCONCLUSIVE) + verdicts.count(Verdict.JUMP) <= UNDECIDED * len(verdicts)

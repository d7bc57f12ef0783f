"""A report names the cause of an error, or none: also of small and of random errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import check_gradients
from autograd.verify import Verdict

SHAPE = (3, 4)
WEIGHTS = np.random.default_rng(1).normal(size=SHAPE) + 2.5 * np.sign(np.random.default_rng(2).normal(size=SHAPE))


def wave(x: Any) -> Any:
    return float(np.sum(np.sin(WEIGHTS * x)))


def slope(x: Any) -> Any:
    return WEIGHTS * np.cos(WEIGHTS * x)


def cause(seed: int, fault: Callable[[Any, Any], Any]) -> tuple[str, Any]:
    """The cause that a report names for a fault, a function of the right slopes and the input."""
    x = np.random.default_rng([seed, 5]).normal(size=SHAPE)
    report = check_gradients(wave, x, gradient=lambda x: fault(slope(x), x))
    if report.verdict is not Verdict.FAIL:
        return "", x  # an error too small to be found
    return report.rows[0].cause, x


RIGHTLY_NAMED: dict[str, Callable[[Any, Any], Any]] = {
    "the sign: claimed = -measured": lambda s, x: -s,
    "a factor of 2 too much": lambda s, x: 2.0 * s,
    "a factor of 2 missing": lambda s, x: s / 2.0,
    "a constant factor: claimed = 1.3 * measured": lambda s, x: 1.3 * s,
    "a constant factor: claimed = (1 + 1e-05) * measured": lambda s, x: (1.0 + 1e-5) * s,
    "divided by 4, the length of axis 1 of x, once too often, as in a mean in place of a sum": lambda s, x: s / 4.0,
    "a constant added: claimed = measured + 1e-05": lambda s, x: s + 1e-5,
    "a constant added: claimed = measured - 0.7": lambda s, x: s - 0.7,
    "no gradient arrives: all claims are zero": lambda s, x: 0.0 * s,
    "in reverse order along axis 1": lambda s, x: s[:, ::-1].copy(),
    "shifted by one along axis 0": lambda s, x: np.roll(s, 1, axis=0),
    "the elements of the transpose, in a wrong shape": lambda s, x: s.T.reshape(SHAPE).copy(),
    "the input as a factor too much: claimed = measured * input": lambda s, x: s * x,
    "right only where the input is positive; elsewhere zero is claimed": lambda s, x: s * (x > 0.0),
    "right only where the input is positive; elsewhere claimed = (1 + 1e-05) * measured": lambda s, x: (
        s * np.where(x > 0.0, 1.0, 1.0 + 1e-5)
    ),
    "right only where the slope is positive; elsewhere claimed = -measured": lambda s, x: abs(s),
    "wrong only at [1, 2], not at the 11 others that were compared": lambda s, x: s + 1e-5 * (np.arange(12).reshape(SHAPE) == 6),
}


@pytest.mark.parametrize("expected", RIGHTLY_NAMED)
def test_a_cause_is_named(expected: str) -> None:
    found = [cause(seed, RIGHTLY_NAMED[expected])[0] for seed in range(2)]
    assert all(text in (expected, "") or text.startswith(f"{expected};") for text in found), found
    assert any(found)


def noise(seed: int, *size: int) -> Any:
    return np.random.default_rng([seed, 9]).normal(size=size or SHAPE)


#: Errors that have no name: a function of the seed, the right slopes and the input.
WITHOUT_A_NAME: dict[str, Callable[[int, Any, Any], Any]] = {
    "relative 1e-2": lambda seed, s, x: s * (1.0 + 1e-2 * noise(seed)),
    "relative 1e-5": lambda seed, s, x: s * (1.0 + 1e-5 * noise(seed)),
    "relative 1e-8": lambda seed, s, x: s * (1.0 + 1e-8 * noise(seed)),
    "absolute 1e-5": lambda seed, s, x: s + 1e-5 * noise(seed),
    "of many sizes": lambda seed, s, x: s * (1.0 + 10.0 ** (3.0 * noise(seed) - 6.0)),
    "half precision": lambda seed, s, x: s.astype(np.float16).astype(float),
    "three digits": lambda seed, s, x: np.round(s, 3),
    "another function": lambda seed, s, x: s + 1e-5 * x**2,
    "a wave": lambda seed, s, x: s * (1.0 + 1e-5 * np.sin(x)),
    "uneven by sign of the slope": lambda seed, s, x: s + 1e-5 * abs(noise(seed)) * (s < 0.0),
    "uneven by sign of the input": lambda seed, s, x: s + 1e-5 * noise(seed) * (x < 0.0),
    "random signs": lambda seed, s, x: s * np.sign(noise(seed)),
    "mixed up": lambda seed, s, x: np.random.default_rng(seed).permutation(s.ravel()).reshape(SHAPE),
    "other numbers": lambda seed, s, x: s + noise(seed),
    "a squared input": lambda seed, s, x: s + 0.1 * x * abs(x),
}


@pytest.mark.parametrize("fault", WITHOUT_A_NAME)
def test_errors_without_a_name_get_none(fault: str) -> None:
    for seed in range(3):
        found, x = cause(seed, lambda s, x, seed=seed: WITHOUT_A_NAME[fault](seed, s, x))
        right_in_part = found.startswith(("wrong only at [", "wrong only where"))
        if found and not right_in_part:
            pytest.fail(f"{fault}: {found}")
        if right_in_part:  # then it is wrong there, and at most a tenth as wrong elsewhere
            s = slope(x)
            off = abs(WITHOUT_A_NAME[fault](seed, s, x) - s) / abs(s)
            named = int(found.count("[")) if found.startswith("wrong only at") else 0
            assert not named or (np.sort(off.ravel())[-named] > 3.0 * np.sort(off.ravel())[-named - 1]), found


@pytest.mark.parametrize("seed", range(4))
def test_a_random_slice_or_element_is_named_as_such_or_not_at_all(seed: int) -> None:
    rng = np.random.default_rng([seed, 3])
    place = tuple(int(rng.integers(0, size)) for size in SHAPE)
    off = np.zeros(SHAPE)
    off[place] = 10.0 ** rng.uniform(-6.0, 0.0)
    found, _ = cause(seed, lambda s, x: s * (1.0 + off))
    assert found.startswith(f"wrong only at {list(place)}, not at the 11 others that were compared") or not found
    row = np.zeros(SHAPE)
    row[place[0]] = 10.0 ** rng.uniform(-6.0, 0.0) * rng.uniform(0.5, 1.0, 4)
    found, _ = cause(seed, lambda s, x: s * (1.0 + row))
    assert found.startswith(f"wrong only where the index of axis 0 is {place[0]}") or not found


def test_a_cause_with_two_explanations_is_not_named() -> None:
    """A factor, or a number added: for equal slopes they are the same."""
    assert check_gradients(lambda x: 3.0 * np.sum(x), np.ones(5), gradient=lambda x: np.full(5, 2.2)).rows[0].cause == ""
    x = np.array([0.1, 0.2, 0.3, 0.4])
    report = check_gradients(lambda x: np.sum(x * x), x, gradient=lambda x: 2.2 * x)
    assert report.rows[0].cause == "a constant factor: claimed = 1.1 * measured"


def test_one_number_names_a_well_known_factor_only() -> None:
    def found(factor: float) -> str:
        return check_gradients(np.sin, 0.5, gradient=lambda x: factor * np.cos(x)).rows[0].cause

    assert [found(factor) for factor in (1.1, -1.001, 2.0001, 3.0)] == [""] * 4
    assert found(-1.0) == "the sign: claimed = -measured"
    assert found(2.0) == "a factor of 2 too much"


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_small_dtypes_are_not_over_explained(dtype: Any) -> None:
    for seed in range(3):
        x = np.random.default_rng(seed).uniform(0.3, 1.0, 6).astype(dtype)
        noisy = lambda x, seed=seed: (np.cos(x) * (1.0 + 0.1 * noise(seed, 6))).astype(dtype)  # noqa: E731
        report = check_gradients(lambda x: np.sum(np.sin(x)), x, gradient=noisy)
        found = report.rows[0].cause
        assert not found or found.startswith("wrong only at"), found


def test_the_largest_differences_are_shown_where_no_cause_is_found() -> None:
    x = np.array([0.3, -0.5, 1.2, -2.0, 0.7])
    row = check_gradients(lambda x: np.sum(np.sin(x) + x**2), x, gradient=np.cos).rows[0]
    assert (row.cause, row.reason) == ("", "claimed - measured is 4 at [3], -2.4 at [2], -1.4 at [4]")

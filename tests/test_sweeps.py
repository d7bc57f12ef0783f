"""A sweep fails with the names of all cases that fail, and runs the cases after the first ones with the slow tests."""

from __future__ import annotations

import pytest

from tests.sweeps import sweep


def numbers_are_small(number: int) -> None:
    """A test of one case."""
    assert number < 3, "too large"


def test_a_failure_names_every_case_that_fails() -> None:
    swept = sweep({"whole": [1]}, str)(numbers_are_small)
    swept([1, 2])
    with pytest.raises(AssertionError, match=r"(?s)^2 of 4 cases fail:\n\n3: AssertionError: too large.*\n\n5: Asser") as failure:
        swept([1, 3, 2, 5])
    assert "too large" in str(failure.value.__cause__), "with the traceback of the first one"


def test_an_exception_is_a_failure_of_its_case() -> None:
    def inverts(number: int) -> None:
        assert 1 / number

    with pytest.raises(AssertionError, match="1 of 2 cases fail:\n\n0: ZeroDivisionError: division by zero") as failure:
        sweep({}, str)(inverts)([0, 1])
    assert isinstance(failure.value.__cause__, ZeroDivisionError)


def test_cases_after_the_first_ones_are_slow() -> None:
    swept = sweep({"few": [1], "many": [1, 2, 3], "large": [2]}, str, first=2, slow={"large"})(numbers_are_small)
    (mark,) = vars(swept)["pytestmark"]
    assert [(item.id, *item.values, [mark.name for mark in item.marks]) for item in mark.args[1]] == [
        ("few", [1], []), ("many", [1, 2], []), ("large", [2], ["slow"]), ("many, the others", [3], ["slow"]),
    ]  # fmt: skip
    assert (swept.__name__, swept.__doc__) == ("numbers_are_small", "A test of one case.")

"""Changes of arrays in place, by whatever function: a replay makes them too, or the function runs eagerly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from autograd import compile
from tests.compiler.replays import reasons

ROW = np.array([1.0, -2.0, 4.0])


def changed(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that changes a product in place."""

    def function(x: Any) -> Any:
        y = x * 2.0
        change(y)
        return y

    return function


def written(write: Callable[[Any, Any], Any], shape: tuple[int, ...] = (3,)) -> Callable[[Any], Any]:
    """Return a function that writes results into an array of zeros."""

    def function(x: Any) -> Any:
        out = np.zeros(shape)
        write(x * 2.0, out)
        return out

    return function


def compare(function: Callable[[Any], Any], replays: bool) -> Any:
    """Compare a compiled function with the function on some arrays, and check whether it is replayed."""
    compiled = compile(function)

    def run() -> None:
        for number in range(5):
            x, twin = (np.array([[1.0, -2.0, np.nan], [4.0, 5.0, number]]) for _ in range(2))
            np.testing.assert_array_equal(compiled(x), function(twin))
            np.testing.assert_array_equal(x, twin)

    if replays:
        run()
    else:
        with pytest.warns(UserWarning, match="cannot be replayed"):
            run()
    assert bool(compiled.source) is replays
    return compiled


@pytest.mark.parametrize(
    "function",
    [
        changed(lambda y: np.nan_to_num(y, copy=False)), changed(lambda y: np.nan_to_num(y, False)),
        changed(lambda y: np.clip(y, 0.0, 1.0, y)), changed(lambda y: y.clip(0.0, 1.0, y)),
        changed(lambda y: np.put(a=y, ind=[0], v=[3.0])), changed(lambda y: np.fill_diagonal(a=y, val=3.0)),
        changed(lambda y: np.place(arr=y, mask=y > 1.0, vals=[3.0])), changed(lambda y: y.setfield(3.0, float)),
        changed(lambda y: setattr(y, "real", 3.0)), changed(lambda y: np.copyto(dst=y, src=1.0)),
        changed(lambda y: np.ma.getdata(y).__setitem__(0, 1.0)),
        changed(lambda y: np.put_along_axis(arr=y, indices=np.array([[0], [1]]), values=9.0, axis=1)),
        written(lambda y, out: np.sum(y, 0, None, out)), written(lambda y, out: y.sum(0, None, out)),
        written(lambda y, out: np.mean(y, 0, None, out)), written(lambda y, out: np.max(y, 0, out)),
        written(lambda y, out: np.cumsum(y, 0, None, out), (2, 3)), written(lambda y, out: np.round(y, 1, out), (2, 3)),
        written(lambda y, out: np.dot(y, y.T, out), (2, 2)), written(lambda y, out: y.dot(y.T, out), (2, 2)),
        written(lambda y, out: np.take(y, [0, 1], 1, out), (2, 2)), written(lambda y, out: np.median(y, 0, out)),
        written(lambda y, out: np.concatenate([y, y], 0, out), (4, 3)),
        written(lambda y, out: np.trace(y, 0, 0, 1, None, out), ()),
    ],
)  # fmt: skip
def test_writes_of_numpy_are_replayed(function: Any) -> None:
    compare(function, replays=True)


@pytest.mark.parametrize(
    "function",
    [
        changed(lambda y: y[1:].base.__setitem__(0, 7.0)), lambda x: (x * 2.0)[1:].base.sum(), lambda x: (x * 2.0)[1:].base,
        changed(lambda y: np.median(y, overwrite_input=True)), changed(lambda y: setattr(y, "dtype", np.int64)),
        changed(lambda y: [part.__setitem__(..., 2.0) for part in np.nditer(y, op_flags=["readwrite"])]),
        changed(lambda y: np.apply_along_axis(lambda row: row.__iadd__(1.0), 1, y)),
        written(lambda y, out: np.modf(y, out), (2, 3)),
    ],
)  # fmt: skip
def test_other_writes_are_refused(function: Any) -> None:
    compare(function, replays=False)


@pytest.mark.parametrize("function", [lambda matrix, x: matrix @ x, lambda matrix, x: matrix.toarray() @ x])
def test_code_in_c_that_writes_into_new_arrays(function: Any) -> None:
    matrix = scipy.sparse.csr_matrix(np.diag(ROW))
    compiled = compile(lambda x: function(matrix, x))
    with pytest.warns(UserWarning, match="it changes an array in code that is not NumPy's"):
        for scale in (1.0, 2.0, 3.0, 4.0):
            np.testing.assert_array_equal(compiled(ROW * scale), ROW * ROW * scale)


def test_an_array_from_outside_among_positional_arguments() -> None:
    out = np.zeros(3)
    compiled = compile(lambda x: np.cumsum(x, 0, None, out) * 2.0)
    with pytest.warns(UserWarning, match="it writes into an array that was not made in the function"):
        for scale in (1.0, 2.0, 3.0, 4.0):
            np.testing.assert_array_equal(compiled(ROW * scale), 2.0 * np.cumsum(ROW * scale))
            np.testing.assert_array_equal(out, np.cumsum(ROW * scale))


def test_views_stay_views() -> None:
    def function(x: Any) -> Any:
        y = x * 2.0
        for view in (y.T, np.diagonal(y), *np.split(y, 2), np.ravel(y)):
            assert np.shares_memory(view, y)
        np.ravel(y)[1:3] += 1.0
        np.atleast_2d(y)[0, 0] = 7.0
        return y

    assert not reasons(compare(function, replays=True))

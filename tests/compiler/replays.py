"""Compare a compiled function with the function itself, on other data than it was recorded on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Value, compile, grad, hvp, value_and_grad

#: How far results may be off where the order of a sum differs, by the dtype of the data.
RTOL = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-5}


class Outcome:
    """What a call does: its results as plain data in a list, or the class of its error."""

    def __init__(self, function: Callable[..., Any], args: Sequence[Any]) -> None:
        self.results: list[Any] = []
        self.error: BaseException | None = None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                self.results = plain(function(*args))
            except Exception as error:
                self.error = error

    def compare(self, expected: Outcome, exact: bool = False) -> None:
        """Assert that this is the outcome `expected`."""
        if expected.error is not None or self.error is not None:
            if type(self.error) is not type(expected.error):
                raise AssertionError(f"expected {expected.error!r}, got {self.error!r}") from self.error
            return
        assert len(self.results) == len(expected.results)
        for number, (one, two) in enumerate(zip(self.results, expected.results, strict=True)):
            assert type(one) is type(two), f"result {number} is a {type(one).__name__}, not a {type(two).__name__}"
            if not isinstance(two, (np.ndarray, np.generic, float)):
                assert one == two
                continue
            a, b = np.asarray(one), np.asarray(two)
            assert (a.shape, a.dtype) == (b.shape, b.dtype), f"result {number}: {a.dtype} {a.shape}, not {b.dtype} {b.shape}"
            if exact or a.dtype.kind not in "fc" or a.dtype.itemsize < 4:
                np.testing.assert_array_equal(a, b, f"result {number}")
            else:
                scale = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
                rtol = RTOL.get(b.dtype, 1e-10)
                np.testing.assert_allclose(a, b, rtol, atol=rtol * float(scale), err_msg=f"result {number}")


def plain(item: Any) -> list[Any]:
    """Return the numbers and arrays of nested results, those of Values included, in a list."""
    if isinstance(item, (tuple, list)):
        return [found for part in item for found in plain(part)]
    if isinstance(item, dict):
        return [found for key, part in item.items() for found in [key, *plain(part)]]
    if isinstance(item, Value):
        return ["Value", item.requires_grad, item.data]
    return [item.copy() if isinstance(item, np.ndarray) else item]


def was_replayed(compiled: Any, call: Callable[[], Any]) -> bool:
    """Call a function that calls `compiled`, and return whether that neither recorded nor ran eagerly."""
    before = sum(item.count for item in compiled.recordings.values())
    call()
    found = compiled.recordings.values()
    return sum(item.count for item in found) == before and all(item.reason is None for item in found)


def reasons(compiled: Any) -> list[str]:
    """Return why a compiled function is not replayed."""
    return [item.reason for item in compiled.recordings.values() if item.reason is not None]


def weights(shape: tuple[int, ...]) -> Any:
    """Return a number for each place of a result, so that its cotangent is not all ones."""
    size = int(np.prod(shape, dtype=int))
    return np.cos(np.arange(1.0, size + 1.0)).reshape(shape) if shape else 0.75


def total(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose result is a weighted sum of the results of `function`."""

    def weighted(*args: Any) -> Any:
        out = function(*args)
        return np.sum(out * weights(np.shape(out)))

    return weighted


def backward_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of plain data: the result on Values, its weighted backward pass, and the gradients."""

    def run(*args: Any) -> Any:
        values = [Value(item) for item in args]
        out = function(*values)
        if isinstance(out, Value) and out.requires_grad:
            out.backward(np.asarray(weights(out.shape), out.dtype) if out.shape else weights(()))
        return out, [value.grad for value in values]

    return run


def ways(
    function: Callable[..., Any], count: int, names: Any = None
) -> dict[str, tuple[Any, Callable[..., Any], Callable[..., Any]]]:  # fmt: skip
    """Return ways to compile a function of `count` arguments: the compiled function, its use, and the same use uncompiled.

    `names` chooses some of them.
    """
    every = tuple(range(count))
    scalar = total(function)

    def product(f: Any) -> Any:
        return lambda *args: hvp(f, args, tuple(weights(np.shape(item)) for item in args))

    found = {
        "plain": (function, lambda f: f),
        "backward": (function, backward_of),
        "grad(compile)": (scalar, lambda f: grad(f, every)),
        "hvp(compile)": (scalar, product),
        "compile(grad)": (grad(scalar, every), lambda f: f),
        "compile(value_and_grad)": (value_and_grad(scalar, every), lambda f: f),
        "compile(hvp)": (product(scalar), lambda f: f),
    }
    made = {}
    for name, (inner, use) in found.items():
        if names is not None and name not in names:
            continue
        compiled = compile(inner)
        made[name] = compiled, use(compiled), use(inner)
    return made

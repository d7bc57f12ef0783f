"""Check an operation like those of the table: derivatives against differences, and the contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from autograd.backward import gradient
from autograd.transforms.functional import jvp
from autograd.value import Value
from autograd.verify.check import check_gradients
from autograd.verify.report import GradientReport


def check_operation(function: Callable[..., Any], *inputs: Any, order: int = 2, seed: int = 0) -> GradientReport:
    """Verify an operation, or a function of operations, at given inputs.

    Checks first and second derivatives and the contracts, as check_gradients() does; the value with and without
    Values; forward mode against reverse mode (the dot-product test); shapes and dtypes of gradients in float32; and
    that the gradient of each input stays the same where the others are constant.

    Args:
        function: called with `inputs`, or Values of them.
        inputs: floats and arrays inside the domain, away from kinks.
        order: 1 leaves out second derivatives.
        seed: the seed of the random directions.

    Returns:
        A GradientReport; `broken` names the broken contracts.

    >>> from autograd import primitive
    >>> @primitive(x=lambda g, out, x: g * 3.0 * x * x)
    ... def cube(x):
    ...     return x**3
    >>> check_operation(cube, [0.5, -1.0]).ok
    True
    """
    report = check_gradients(function, *inputs, order=order, seed=seed)
    if not report.ok:
        return report
    inputs = tuple(item if isinstance(item, float) else np.asarray(item, dtype=float) for item in inputs)
    return replace(report, broken=tuple(broken(function, inputs, np.random.default_rng(seed))))


def broken(function: Callable[..., Any], inputs: tuple[Any, ...], rng: np.random.Generator) -> Iterator[str]:
    """Yield a sentence for each broken contract of an operation, besides those that every check covers."""
    values = [Value(item) for item in inputs]
    out = function(*values)
    cotangent = rng.uniform(0.5, 1.5, out.shape)
    slopes = [slope.data for slope in gradient(out, values, cotangent)]
    yield from different("the value, on Values and on plain data", out.data, function(*inputs))
    tangents = [rng.uniform(0.5, 1.5, np.shape(item)) for item in inputs]
    _, moved = jvp(function, inputs, tuple(float(t) if t.ndim == 0 else t for t in tangents))
    forward, reverse = np.sum(moved * cotangent), sum(float(np.sum(s * t)) for s, t in zip(slopes, tangents, strict=True))
    yield from different("forward mode against reverse mode (the dot-product test)", forward, reverse)
    single = [Value(item if isinstance(item, float) else item.astype(np.float32)) for item in inputs]
    function(*single).backward(cotangent)
    for number, (value, slope, narrow) in enumerate(zip(values, slopes, single, strict=True)):
        kinds = [(type(item), np.shape(item), np.asarray(item).dtype) for item in (narrow.grad, narrow.data)]
        if kinds[0] != kinds[1]:
            yield f"the dtype and shape of the gradient in float32, input {number}: {kinds[0]}, but the input has {kinds[1]}"
        alone = [value if i == number else item for i, item in enumerate(inputs)]
        by_itself = gradient(function(*alone), value, cotangent).data
        yield from different(f"input {number} with the others constant", by_itself, slope)


def different(what: str, one: Any, two: Any) -> Iterator[str]:
    """Yield a sentence where two results that should be the same are not."""
    one, two = np.asarray(one, dtype=float), np.asarray(two, dtype=float)
    if one.shape != two.shape:
        yield f"{what}: the shapes are {one.shape} and {two.shape}"
    elif not np.allclose(one, two, rtol=1e-9, atol=1e-12, equal_nan=True):
        place = int(np.argmax(np.nan_to_num(np.abs(one - two), nan=np.inf)))
        yield f"{what}: {one.flat[place]:.9g} and {two.flat[place]:.9g}"

"""What every operation of the table goes through, and yours can: derivatives against differences, and the contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.backward import gradient
from autograd.functional import jvp
from autograd.value import Value
from autograd.verify.numerical import GradientReport, check_gradients


def check_operation(function: Callable[..., Any], *inputs: Any, order: int = 2, seed: int = 0) -> GradientReport:
    """Verify an operation, or a function of operations, at given inputs.

    The value with and without Values; first and second derivatives against differences; backward() against
    gradient(); forward mode against reverse mode (the dot-product test); shapes and dtypes of gradients, in
    float32 too; and that one constant input changes nothing for the others.

    Args:
        function: called with `inputs`, or Values of them.
        inputs: floats and arrays inside the domain, away from kinks.
        order: 1 leaves out second derivatives.
        seed: of the random directions.

    Returns:
        A GradientReport; where a contract is broken, `where` says which.

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
    rng = np.random.default_rng(seed)
    inputs = tuple(item if isinstance(item, float) else np.asarray(item, dtype=float) for item in inputs)
    values = [Value(item) for item in inputs]
    out = function(*values)
    cotangent = rng.uniform(0.5, 1.5, out.shape)
    slopes = [slope.data for slope in gradient(out, values, cotangent)]
    out.backward(cotangent)

    def broken(what: str, claimed: Any, measured: Any) -> GradientReport | None:
        """A report that a contract is broken, unless the two agree."""
        claimed, measured = np.asarray(claimed, dtype=float), np.asarray(measured, dtype=float)
        if claimed.shape == measured.shape and np.allclose(claimed, measured, rtol=1e-9, atol=1e-12, equal_nan=True):
            return None
        if claimed.shape != measured.shape:
            return GradientReport(
                False, report.checked, np.inf, f"{what}: shapes {claimed.shape}, {measured.shape}", np.nan, np.nan
            )
        place = int(np.argmax(np.nan_to_num(np.abs(claimed - measured), nan=np.inf)))
        return GradientReport(False, report.checked, np.inf, what, float(claimed.flat[place]), float(measured.flat[place]))

    found = [broken("the value, on Values and on plain data", out.data, function(*inputs))]
    tangents = [rng.uniform(0.5, 1.5, np.shape(item)) for item in inputs]
    _, moved = jvp(function, inputs, tuple(float(t) if t.ndim == 0 else t for t in tangents))
    forward, reverse = np.sum(moved * cotangent), sum(float(np.sum(s * t)) for s, t in zip(slopes, tangents, strict=True))
    found.append(broken("forward mode against reverse mode (the dot-product test)", forward, reverse))
    single = [Value(item if isinstance(item, float) else item.astype(np.float32)) for item in inputs]
    function(*single).backward(cotangent)
    for number, (value, slope, narrow) in enumerate(zip(values, slopes, single, strict=True)):
        found.append(broken(f"backward() against gradient(), input {number}", value.grad, slope))
        kinds = [(type(item), np.shape(item), np.asarray(item).dtype) for item in (narrow.grad, narrow.data)]
        found.append(broken(f"the dtype and shape of the gradient in float32, input {number}", kinds[0] == kinds[1], True))
        alone = [values[i] if i == number else item for i, item in enumerate(inputs)]
        by_itself = gradient(function(*alone), values[number], cotangent).data
        found.append(broken(f"input {number} with the others constant", by_itself, slope))
    return next((item for item in found if item is not None), report)

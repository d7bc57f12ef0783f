"""Print derivatives at kinks, ties and singular points, ours and those of PyTorch and JAX, as a Markdown table.

Run it in an environment with `pip install -e . torch==2.13.0 jax scipy`; a peer that cannot be imported is left out. All
numbers are float64. The second derivative is the gradient of the sum of the first derivatives, a number for each input.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.special

import autograd
from autograd import Value, gradient
from tests.benchmarks.tables import write_table

INF = math.inf
#: The first and the second derivative with respect to each input.
Derivatives = tuple[list[Any], list[Any]]


class Missing(AttributeError):
    """Raised if a library has no function of that name."""


class Names:
    """Functions of a library under NumPy's names: those in `renamed`, else those of the first module that has the name."""

    def __init__(self, *modules: Any, **renamed: Any) -> None:
        self.modules, self.renamed = modules, renamed

    def __getattr__(self, name: str) -> Any:
        if name in self.renamed:
            return self.renamed[name]
        for module in self.modules:
            if hasattr(module, name):
                return getattr(module, name)
        raise Missing(name)


class Case(NamedTuple):
    """An expression as a function of NumPy's names `n` and its inputs: of numbers elementwise, of arrays to a number."""

    expression: str
    at: str
    call: Callable[..., Any]
    point: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"{self.expression} at {self.at}"


def weighted(x: Any) -> Any:
    """Sum the elements of a vector with the weights 1, 2, 3, ..., so that each has another cotangent."""
    return sum(weight * x[weight - 1] for weight in range(1, len(x) + 1))


def through(*heights: float) -> Callable[..., Any]:
    """Return interp() through points at 0, 1, 2, ..."""
    return lambda n, x: n.interp(x, np.arange(float(len(heights))), np.array(heights))


def over_axis(axis: int) -> list[Case]:
    """Return the cases of reductions over an axis of an array of no rows and three columns."""
    return [
        Case(
            f"{name}(x, axis={axis})",
            "shape (0, 3)",
            lambda n, x, name=name: n.sum(getattr(n, name)(x, axis=axis)),
            (np.zeros((0, 3)),),
        )
        for name in ("sum", "prod", "mean", "max")
    ]


IDENTITY, SINGULAR = np.eye(2), np.array([[1.0, 2.0], [2.0, 4.0]])

# fmt: off
CASES = [
    # Selections: the side that is not taken has an infinite slope.
    Case("where(x > 0, sqrt(x), 0)",         "0",        lambda n, x: n.where(x > 0, n.sqrt(x), 0.0), (0.0,)),
    Case("where(x > 0, log(x), 0)",          "0",        lambda n, x: n.where(x > 0, n.log(x), 0.0), (0.0,)),
    Case("where(x > 0, x * log(x), 0)",      "0",        lambda n, x: n.where(x > 0, x * n.log(x), 0.0), (0.0,)),
    Case("where(x > -1, log1p(x), 0)",       "-1",       lambda n, x: n.where(x > -1, n.log1p(x), 0.0), (-1.0,)),
    Case("where(x < 1, exp(x), 1 + x)",      "1000",     lambda n, x: n.where(x < 1, n.exp(x), 1 + x), (1000.0,)),
    # Powers and roots.
    Case("x ** 0",                           "0",        lambda n, x: x**0, (0.0,)),
    Case("x ** 1",                           "0",        lambda n, x: x**1, (0.0,)),
    Case("x ** 2",                           "0",        lambda n, x: x**2, (0.0,)),
    Case("0 ** x",                           "0",        lambda n, x: 0.0**x, (0.0,)),
    Case("x ** y",                           "(0, 0)",   lambda n, x, y: x**y, (0.0, 0.0)),
    Case("x ** y",                           "(0, 2)",   lambda n, x, y: x**y, (0.0, 2.0)),
    Case("x ** y",                           "(2, 0)",   lambda n, x, y: x**y, (2.0, 0.0)),
    Case("sqrt(x)",                          "0",        lambda n, x: n.sqrt(x), (0.0,)),
    Case("abs(x) ** 1.5",                    "0",        lambda n, x: abs(x) ** 1.5, (0.0,)),
    Case("abs(x) ** 2",                      "0",        lambda n, x: abs(x) ** 2, (0.0,)),
    # Kinks, ties and jumps of numbers.
    Case("abs(x)",                           "0",        lambda n, x: abs(x), (0.0,)),
    Case("relu(x)",                          "0",        lambda n, x: n.relu(x), (0.0,)),
    Case("maximum(x, 0)",                    "0",        lambda n, x: n.maximum(x, 0.0), (0.0,)),
    Case("clip(x, 0, 1)",                    "0",        lambda n, x: n.clip(x, 0.0, 1.0), (0.0,)),
    Case("clip(x, 0, 1)",                    "1",        lambda n, x: n.clip(x, 0.0, 1.0), (1.0,)),
    Case("maximum(x, y)",                    "(1, 1)",   lambda n, x, y: n.maximum(x, y), (1.0, 1.0)),
    Case("sign(x)",                          "0",        lambda n, x: n.sign(x), (0.0,)),
    Case("floor(x)",                         "1",        lambda n, x: n.floor(x), (1.0,)),
    Case("round(x)",                         "1",        lambda n, x: n.round(x), (1.0,)),
    Case("mod(x, y)",                        "(4, 2)",   lambda n, x, y: n.mod(x, y), (4.0, 2.0)),
    Case("interp, slopes 1 and 2",           "the knot", through(0.0, 1.0, 3.0), (1.0,)),
    Case("interp, slopes 1 and -1",          "the knot", through(0.0, 1.0, 0.0), (1.0,)),
    # Functions of two numbers.
    Case("hypot(x, y)",                      "(0, 0)",   lambda n, x, y: n.hypot(x, y), (0.0, 0.0)),
    Case("arctan2(x, y)",                    "(0, 0)",   lambda n, x, y: n.arctan2(x, y), (0.0, 0.0)),
    Case("logaddexp(x, y)",                  "(-inf, -inf)", lambda n, x, y: n.logaddexp(x, y), (-INF, -INF)),
    Case("logaddexp(x, y)",                  "(inf, inf)", lambda n, x, y: n.logaddexp(x, y), (INF, INF)),
    Case("logaddexp(x, y)",                  "(-inf, 0)", lambda n, x, y: n.logaddexp(x, y), (-INF, 0.0)),
    Case("xlogy(x, y)",                      "(0, 0)",   lambda n, x, y: n.xlogy(x, y), (0.0, 0.0)),
    Case("xlogy(x, y)",                      "(0, 1)",   lambda n, x, y: n.xlogy(x, y), (0.0, 1.0)),
    # Smooth, but written with a quotient, or at a large argument.
    Case("sinc(x)",                          "0",        lambda n, x: n.sinc(x), (0.0,)),
    Case("sigmoid(x)",                       "1000",     lambda n, x: n.sigmoid(x), (1000.0,)),
    Case("sigmoid(x)",                       "-1000",    lambda n, x: n.sigmoid(x), (-1000.0,)),
    Case("softplus(x)",                      "1000",     lambda n, x: n.softplus(x), (1000.0,)),
    Case("softplus(x)",                      "-1000",    lambda n, x: n.softplus(x), (-1000.0,)),
    Case("tanh(x)",                          "1000",     lambda n, x: n.tanh(x), (1000.0,)),
    Case("log_softmax(x)[0]",                "(1000, -1000)", lambda n, x: n.log_softmax(x, -1)[0], ([1000.0, -1000.0],)),
    Case("log_softmax(x)[0]",                "(-1000, 1000)", lambda n, x: n.log_softmax(x, -1)[0], ([-1000.0, 1000.0],)),
    Case("logsumexp(x)",                     "(-inf, 0)", lambda n, x: n.logsumexp(x, 0), ([-INF, 0.0],)),
    Case("logsumexp(x)",                     "(inf, inf)", lambda n, x: n.logsumexp(x, 0), ([INF, INF],)),
    Case("logsumexp(x)",                     "(-inf, -inf)", lambda n, x: n.logsumexp(x, 0), ([-INF, -INF],)),
    # Reductions.
    Case("prod(x)",                          "(0, 2, 3)", lambda n, x: n.prod(x), ([0.0, 2.0, 3.0],)),
    Case("prod(x)",                          "(0, 0, 3)", lambda n, x: n.prod(x), ([0.0, 0.0, 3.0],)),
    Case("cumprod(x) @ (1, 2, 3)",           "(0, 2, 3)", lambda n, x: weighted(n.cumprod(x, 0)), ([0.0, 2.0, 3.0],)),
    Case("cumprod(x) @ (1, 2, 3)",           "(0, 0, 3)", lambda n, x: weighted(n.cumprod(x, 0)), ([0.0, 0.0, 3.0],)),
    Case("max(x)",                           "(1, 2, 2)", lambda n, x: n.max(x), ([1.0, 2.0, 2.0],)),
    Case("sort(x) @ (1, 2, 3)",              "(1, 2, 2)", lambda n, x: weighted(n.sort(x)), ([1.0, 2.0, 2.0],)),
    Case("median(x)",                        "(1, 2, 2)", lambda n, x: n.median(x), ([1.0, 2.0, 2.0],)),
    Case("median(x)",                        "(1, 2, 2, 3)", lambda n, x: n.median(x), ([1.0, 2.0, 2.0, 3.0],)),
    Case("var(x)",                           "(2, 2)",   lambda n, x: n.var(x), ([2.0, 2.0],)),
    Case("std(x)",                           "(2, 2)",   lambda n, x: n.std(x), ([2.0, 2.0],)),
    Case("std(x)",                           "(0.1, 0.1, 0.1)", lambda n, x: n.std(x), ([0.1, 0.1, 0.1],)),
    *over_axis(0),
    *over_axis(1),
    # Norms and matrices.
    Case("norm(x)",                          "(0, 0)",   lambda n, x: n.norm(x), ([0.0, 0.0],)),
    Case("norm(x) ** 2",                     "(0, 0)",   lambda n, x: n.norm(x) ** 2, ([0.0, 0.0],)),
    Case("norm(x, 1)",                       "(0, 0)",   lambda n, x: n.norm(x, 1), ([0.0, 0.0],)),
    Case("norm(x, 3)",                       "(0, 0)",   lambda n, x: n.norm(x, 3), ([0.0, 0.0],)),
    Case("norm(x, 3)",                       "(0, 2)",   lambda n, x: n.norm(x, 3), ([0.0, 2.0],)),
    Case("norm(x, inf)",                     "(0, 0)",   lambda n, x: n.norm(x, INF), ([0.0, 0.0],)),
    Case("norm(x)",                          "shape (0,)", lambda n, x: n.norm(x), ([],)),
    Case("norm(x, 'nuc')",                   "the identity", lambda n, x: n.norm(x, "nuc"), (IDENTITY,)),
    Case("norm(x, 'nuc')",                   "zeros of shape (2, 2)", lambda n, x: n.norm(x, "nuc"), (0.0 * IDENTITY,)),
    Case("sum(svdvals(x))",                  "the identity", lambda n, x: n.sum(n.svdvals(x)), (IDENTITY,)),
    Case("svdvals(x)[0]",                    "the identity", lambda n, x: n.svdvals(x)[0], (IDENTITY,)),
    Case("det(x)",                           "((1, 2), (2, 4))", lambda n, x: n.det(x), (SINGULAR,)),
    Case("det(x)",                           "zeros of shape (2, 2)", lambda n, x: n.det(x), (0.0 * IDENTITY,)),
]
# fmt: on

OURS = Names(np, np.linalg, scipy.special, relu=autograd.relu, sigmoid=autograd.sigmoid, softplus=autograd.softplus,
             log_softmax=autograd.log_softmax, logsumexp=autograd.logsumexp)  # fmt: skip


def ours(case: Case) -> Derivatives:
    inputs = [Value(np.array(item)) for item in case.point]
    first = gradient(case.call(OURS, *inputs), inputs)
    second = gradient(sum(slope.sum() for slope in first), inputs)
    return [slope.data for slope in first], [slope.data for slope in second]


def pytorch() -> Callable[[Case], Derivatives]:
    import torch

    names = Names(
        torch, torch.linalg, torch.special, torch.nn.functional,
        maximum=lambda x, y: torch.maximum(x, torch.as_tensor(y, dtype=x.dtype)),
        max=lambda x, axis=None: torch.max(x) if axis is None else torch.amax(x, axis),
        std=lambda x: torch.std(x, correction=0), var=lambda x: torch.var(x, correction=0),
        mod=torch.remainder, sort=lambda x: torch.sort(x).values, median=lambda x: torch.quantile(x, 0.5),
    )  # fmt: skip

    def pull(out: Any, inputs: Sequence[Any]) -> Any:
        if not out.requires_grad:  # a constant
            return [torch.zeros_like(item) for item in inputs]
        return torch.autograd.grad(out, inputs, create_graph=True, materialize_grads=True)

    def derivatives(case: Case) -> Derivatives:
        inputs = [torch.tensor(item, dtype=torch.float64, requires_grad=True) for item in case.point]
        first = pull(case.call(names, *inputs), inputs)
        second = pull(sum(slope.sum() for slope in first), inputs)
        return [slope.numpy(force=True) for slope in first], [slope.numpy(force=True) for slope in second]

    return derivatives


def jax() -> Callable[[Case], Derivatives]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    names = Names(jnp, jnp.linalg, jax.nn, jax.scipy.special)

    def derivatives(case: Case) -> Derivatives:
        inputs = [jnp.asarray(item, dtype=jnp.float64) for item in case.point]
        slopes = jax.grad(lambda *items: case.call(names, *items), tuple(range(len(inputs))))
        curvatures = jax.grad(lambda *items: sum(jnp.sum(slope) for slope in slopes(*items)), tuple(range(len(inputs))))
        return [np.asarray(item) for item in slopes(*inputs)], [np.asarray(item) for item in curvatures(*inputs)]

    return derivatives


# --- the table ------------------------------------------------------------------------------------


def numbers(parts: Iterable[Any]) -> str:
    """Format all numbers in a row, or one if all are the same; nan is bold."""
    flat = np.concatenate([np.ravel(part) for part in parts]).round(12) + 0.0  # no rounding errors, no -0
    texts = ["**nan**" if np.isnan(item) else f"{item:.4g}" for item in flat]
    if not texts:
        return "empty"
    return texts[0] if len(set(texts)) == 1 else f"({', '.join(texts)})"


def cell(derivatives: Callable[[Case], Derivatives], case: Case) -> str:
    """Format both derivatives, or say that there is no such function or that it refuses the input."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first, second = derivatives(case)
    except Missing:
        return "no such function"
    except (ValueError, IndexError):  # raised for no elements
        return "refused"
    return numbers(first) if numbers(first) == "empty" else f"{numbers(first)}; {numbers(second)}"


def peers() -> dict[str, Callable[[Case], Derivatives]]:
    """Return the libraries that can be imported, ours first."""
    others = {"torch": ("PyTorch", pytorch), "jax": ("JAX", jax)}
    return {"valuegrad": ours, **{name: make() for module, (name, make) in others.items() if importlib.util.find_spec(module)}}


def where_at(cases: Sequence[Case]) -> str:
    """Format expressions and their points; points that they share are written once."""
    found: dict[str, list[str]] = {}
    for case in cases:
        found.setdefault(case.at, []).append(f"`{case.expression}`")
    return "; ".join(f"{', '.join(expressions)} at {at}" for at, expressions in found.items())


def table(libraries: dict[str, Callable[[Case], Derivatives]]) -> list[str]:
    """Return the lines of the table, in which cases with the same answers share a row, then those where all libraries agree."""
    rows: dict[tuple[str, ...], list[Case]] = {}
    for case in CASES:
        rows.setdefault(tuple(cell(derivatives, case) for derivatives in libraries.values()), []).append(case)
    alike = [cells for cells in rows if len(libraries) > 1 and len(set(cells)) == 1]
    lines = [f"| case | {' | '.join(f'{name} 1st; 2nd' for name in libraries)} |", "|---" * (len(libraries) + 1) + "|"]
    lines += [f"| {where_at(cases)} | {' | '.join(cells)} |" for cells, cases in rows.items() if cells not in alike]
    if alike:
        lines += ["", "The same in all:", "", *(f"- {cells[0]}: {where_at(rows[cells])}" for cells in alike)]
    return lines


def main() -> None:
    lines = table(peers())
    print("\n".join(lines))
    write_table("singular_points", lines[: lines.index("")] if "" in lines else lines)


if __name__ == "__main__":
    main()

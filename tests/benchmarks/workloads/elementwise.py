"""T7, a long chain of operations on few numbers, and T8, one expression on very many: a value and a gradient, no update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
from autograd import Value
from tests.benchmarks.chain import LENGTH, START, chain
from tests.benchmarks.workloads.columns import (
    BY_HAND,
    COMPILED_LOSS,
    COMPILED_STEP,
    EAGER,
    JAX_JIT,
    MYGRAD,
    NUMEXPR,
    PYTORCH,
    TORCH_COMPILE,
    Column,
    Maker,
    Workload,
    compiled,
    import_jax,
    import_torch,
)

SIZE = 10_000_000
BLOCK = 2**14
BLOCKS = "NumPy in blocks"


def column(compute: Callable[[], Any]) -> Column:
    """Return a step that keeps what it computes, as the state."""
    held: list[Any] = []

    def step() -> None:
        held[:] = compute()

    return step, lambda: held


def with_backward(function: Callable[[Any], Any], array: np.ndarray) -> Column:
    """Return the column of a function of a Value, and backward()."""

    def compute() -> tuple[Any, Any]:
        x = Value(array)
        value = function(x)
        value.backward()
        return value.item(), x.grad

    return column(compute)


def libraries(function: Callable[[Any, Any], Any], data: Callable[[str], np.ndarray], torch_compile: bool) -> dict[str, Maker]:
    """Return the columns of a function of an array and of a module with NumPy's functions."""

    def whole(dtype: str) -> Column:
        f, x = compiled(autograd.value_and_grad(lambda x: function(x, np))), data(dtype)
        return column(lambda: f(x))

    def eager(dtype: str) -> Column:
        f, x = autograd.value_and_grad(lambda x: function(x, np)), data(dtype)
        return column(lambda: f(x))

    def in_torch(wrap: Callable[[Any, Any], Any]) -> Maker:
        def make(dtype: str) -> Column:
            torch = import_torch()
            f, array = wrap(torch, lambda x: function(x, torch)), torch.from_numpy(data(dtype))

            def compute() -> tuple[Any, Any]:
                x = array.detach().requires_grad_()
                value = f(x)
                value.backward()
                return value.item(), x.grad.numpy()

            return column(compute)

        return make

    def in_jax(dtype: str) -> Column:
        jax = import_jax()
        f, x = jax.jit(jax.value_and_grad(lambda x: function(x, jax.numpy))), jax.numpy.asarray(data(dtype))
        return column(lambda: jax.block_until_ready(f(x)))

    columns = {
        COMPILED_STEP: whole,
        COMPILED_LOSS: lambda dtype: with_backward(compiled(lambda x: function(x, np)), data(dtype)),
        EAGER: eager,
        PYTORCH: in_torch(lambda torch, f: f),
        JAX_JIT: in_jax,
    }
    if torch_compile:
        columns[TORCH_COMPILE] = in_torch(lambda torch, f: torch.compile(f))
    return columns


# --- T7 -------------------------------------------------------------------------------------------


def chain_by_hand(dtype: str) -> Column:
    start = START.astype(dtype)

    def compute() -> tuple[Any, Any]:
        x, inputs = start, []
        for _ in range(LENGTH // 4):
            inputs.append(x)
            x = np.sin(x)
            x *= 1.5
            x += 0.1
            x -= 0.2
        g = np.ones(len(x), dtype)
        for x_before in reversed(inputs):
            g *= 1.5
            g *= np.cos(x_before)
        return x.sum(), g

    return column(compute)


def chain_in_mygrad(dtype: str) -> Column:
    import mygrad

    def compute() -> tuple[Any, Any]:
        x = mygrad.tensor(START.astype(dtype))
        value = chain(x, mygrad.sin)
        value.backward()
        return value.item(), x.grad

    return column(compute)


T7 = Workload(
    "1,000 elementwise operations on 10 numbers",
    {
        BY_HAND: chain_by_hand,
        **libraries(lambda x, module: chain(x, module.sin), lambda dtype: START.astype(dtype), torch_compile=False),
        MYGRAD: chain_in_mygrad,
    },
)

# --- T8 -------------------------------------------------------------------------------------------


def numbers(dtype: str) -> np.ndarray:
    return np.random.default_rng(0).normal(size=SIZE).astype(dtype)


def expression(x: Any, module: Any) -> Any:
    """Compute 20 elementwise operations."""
    e = module.exp(-0.5 * (x * x))
    s = module.sin(x)
    t = module.tanh(x)
    w = e * s + t * s
    n = module.tanh(module.exp(-w) * module.sin(w + x) + t)
    z = n * e + s
    return z * z * 0.5 + w


def expression_and_slope(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the expression and its derivative, by hand; at most 11 arrays are held at a time."""
    e = x * x
    e *= -0.5
    np.exp(e, out=e)
    s, t = np.sin(x), np.tanh(x)
    w = e + t
    w *= s
    q, shifted = np.exp(-w), w + x
    r = np.sin(shifted)
    n = q * r
    n += t
    np.tanh(n, out=n)
    z = n * e
    z += s
    result = z * z
    result *= 0.5
    result += w
    to_e, to_n = z * n, z * e
    n *= n
    np.subtract(1.0, n, out=n)
    to_n *= n  # before tanh
    r *= to_n
    r *= q  # to -w
    q *= to_n
    np.cos(shifted, out=shifted)
    q *= shifted  # to w + x
    to_w = np.subtract(q, r, out=r)
    to_w += 1.0
    to_s = e + t
    to_s *= to_w
    to_s += z
    to_w *= s  # to e and to t, of the sum of products
    to_e += to_w
    to_n += to_w
    t *= t
    np.subtract(1.0, t, out=t)
    to_n *= t
    q += to_n
    to_s *= np.cos(x)
    q += to_s
    to_e *= e
    to_e *= x
    q -= to_e
    return result, q


def whole_by_hand(dtype: str) -> Column:
    x = numbers(dtype)

    def compute() -> tuple[Any, Any]:
        result, slope = expression_and_slope(x)
        return result.sum(), slope

    return column(compute)


def blocks_by_hand(dtype: str) -> Column:
    x = numbers(dtype)

    def compute() -> tuple[Any, Any]:
        total, slope = 0.0, np.empty_like(x)
        for i in range(0, SIZE, BLOCK):
            result, slope[i : i + BLOCK] = expression_and_slope(x[i : i + BLOCK])
            total += result.sum()
        return total, slope

    return column(compute)


T8 = Workload(
    "20 elementwise operations on 10,000,000 numbers, summed",
    {
        BY_HAND: whole_by_hand,
        BLOCKS: blocks_by_hand,
        **libraries(lambda x, module: expression(x, module).sum(), numbers, torch_compile=True),
    },
    warm_up=4,
    rounds=5,
)

# --- T8, forward only -----------------------------------------------------------------------------


def forward(make: Callable[[], Callable[[np.ndarray], Any]]) -> Maker:
    def column_of(dtype: str) -> Column:
        f, x = make(), numbers(dtype)
        return column(lambda: [f(x)])

    return column_of


def expression_by_hand(x: np.ndarray) -> Any:
    e = x * x
    e *= -0.5
    np.exp(e, out=e)
    s, t = np.sin(x), np.tanh(x)
    w = e + t
    w *= s
    n, q = w + x, np.negative(w)
    np.sin(n, out=n)
    np.exp(q, out=q)
    n *= q
    n += t
    np.tanh(n, out=n)
    n *= e
    n += s
    n *= n
    n *= 0.5
    n += w
    return n.sum()


def in_numexpr() -> Callable[[np.ndarray], Any]:
    import numexpr

    numexpr.set_num_threads(1)
    w = "(exp(-half * (x * x)) * sin(x) + tanh(x) * sin(x))"  # numexpr computes equal parts once
    z = f"(tanh(exp(-{w}) * sin({w} + x) + tanh(x)) * exp(-half * (x * x)) + sin(x))"

    def f(x: np.ndarray) -> Any:
        names, result = {"x": x, "half": x.dtype.type(0.5)}, f"{z} * {z} * half + {w}"
        if x.dtype == np.float32:  # numexpr adds one number after the other, and in float32 most digits of the sum are lost
            return numexpr.evaluate(result, names).sum()
        return numexpr.evaluate(f"sum({result})", names)

    return f


T8_FORWARD = Workload(
    "the same, forward only",
    {
        BY_HAND: forward(lambda: expression_by_hand),
        COMPILED_STEP: forward(lambda: compiled(lambda x: expression(x, np).sum())),
        EAGER: forward(lambda: lambda x: expression(Value(x), np).sum().item()),
        NUMEXPR: forward(in_numexpr),
    },
    warm_up=4,
    rounds=5,
)

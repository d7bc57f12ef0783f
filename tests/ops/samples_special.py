"""Samples of incomplete functions, exponential integrals and zeta functions, in the form of tests/ops/samples.py."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import numpy as np
import scipy.special

from tests.ops.samples import Sample, number
from tests.ops.samples_numbers import Samples


def derivative(function: Callable[..., Any], orders: tuple[int, ...]) -> Callable[..., Any]:
    """A derivative of a function of mpmath, on arrays, from its differences with 40 digits."""

    def at(*point: float) -> float:
        with mpmath.workdps(40):
            step = mpmath.mpf(10) ** -12
            return float(mpmath.diff(function, tuple(map(mpmath.mpf, point)), orders, h=step))

    return np.vectorize(at, otypes=[float])


def lower_gamma(a: Any, x: Any) -> Any:
    return mpmath.gammainc(a, 0, x, regularized=True)


def lower_beta(a: Any, b: Any, x: Any) -> Any:
    return mpmath.betainc(a, b, 0, x, regularized=True)


def polylogarithm(z: Any) -> Any:
    return mpmath.polylog(2, 1 - z).real


def erfcx(x: Any) -> Any:
    return mpmath.exp(x * x) * mpmath.erfc(x)


def bell(ours: Any, rate: float, x: Any) -> Any:
    return ours.bell(x, rate)


def samples(rng: np.random.Generator) -> dict[str, list[Sample]]:
    """Samples by the name of the op or function."""
    s = Samples(rng)
    ours = s.ours

    def slope(name: str, inputs: list[Any], function: Callable[..., Any], orders: tuple[int, ...], *how: int) -> None:
        call = getattr(ours, name)
        note = f"{name} {how} {[np.shape(item) for item in inputs]}"
        s.found.setdefault(name, []).append(Sample(note, lambda *v: call(*v, *how), inputs, derivative(function, orders)))

    for shape in [(), (3,), (2, 3), (1,), (0,)]:
        a, b, x = (s.positive(*shape) for _ in range(3))
        part = number(rng, 0.2, 0.8, shape)
        for name in ("gammainc", "gammaincc"):
            s.like(name, [a, x], home=scipy.special)
        for name in ("gammaincinv", "gammainccinv"):
            s.like(name, [a, part], home=scipy.special)
        for name in ("betainc", "betaincc", "betaincinv"):
            s.like(name, [a, b, part], home=scipy.special)
        slope("gammainc_slope", [a, x], lower_gamma, (1, 0))
        slope("betainc_slope", [a, b, part], lower_beta, (1, 0, 0), 1, 0)
        slope("erfcx_slope", [x], erfcx, (1,), 1)
        for rate in (0.5, 1.0):
            call, formula = functools.partial(bell, ours, rate), functools.partial(lambda rate, x: np.exp(-rate * x**2), rate)
            s.found.setdefault("bell", []).append(Sample(f"bell {rate} {shape}", call, [x], formula))
        slope("polygamma_rise", [a, x], lambda a, x: mpmath.digamma(a + x) - mpmath.digamma(a), (0, 0))
        slope("spence_slope", [x], polylogarithm, (1,))
        slope("zeta_slope", [1.5 + a, x], mpmath.zeta, (1, 0))
        for order in (0.0, 2.5):
            first = derivative(lambda v, x: mpmath.exp(-x) * mpmath.besseli(v, x), (0, 1))
            second = derivative(lambda v, x: mpmath.exp(x) * mpmath.besselk(v, x), (0, 1))
            for name, formula in (("ive_slope", first), ("kve_slope", second)):
                call = getattr(ours, name)
                sample = Sample(f"{name} {order} {shape}", partial(call, order), [x], partial(formula, order))
                s.found.setdefault(name, []).append(sample)
            s.both("kve", f"{order} {shape}", [x], lambda m, x, v=order: m.kve(v, x), scipy.special)
        for order in (0, 1, 3):
            s.both("expn", f"{order} {shape}", [x], lambda m, x, n=order: m.expn(n, x), scipy.special)
        s.like("zeta", [1.5 + a], home=scipy.special)
        s.like("zeta", [1.5 + a, x], home=scipy.special)
        for name, sample in zip(("riemann", "hurwitz"), s.found["zeta"][-2:], strict=True):
            s.found.setdefault(name, []).append(sample)
    slope("erfcx_slope", [np.array([-3.0, 0.1, 0.4, 0.6, 5.0])], erfcx, (2,), 2)
    slope("polygamma_rise", [2.5, 1.5], lambda a, x: mpmath.polygamma(2, a + x) - mpmath.polygamma(2, a), (0, 0), 2)
    slope("gammainc_slope", [2.5, 1.5], lower_gamma, (2, 0), 2)
    slope("betainc_slope", [2.5, 1.5, 0.3], lower_beta, (1, 1, 0), 1, 1)
    s.like("gammainc", [np.array([0.3, 2.0]), np.array([[0.5], [3.0]])], home=scipy.special)
    s.like("betainc", [np.array([0.3, 2.0]), 1.5, np.array([[0.1], [0.7]])], home=scipy.special)
    s.like("zeta", [np.array([-3.3, -0.4, 0.5, 2.5])], home=scipy.special)
    s.like("spence", [np.array([0.0, 0.999, 1.0, 1.001, 7.0])[1:]], home=scipy.special)
    return s.found

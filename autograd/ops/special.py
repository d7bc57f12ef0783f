"""Special functions, as in scipy.special, which computes them: an extra, imported when one of them is used.

Derivatives from Abramowitz and Stegun (1964), chapters 6 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd.op import Op, raw
from autograd.ops.elementwise import exp, float_dtype, log, sigmoid, sub, where
from autograd.ops.forms import as_float, binary, composed, primitive, unary
from autograd.ops.piecewise import nothing


def scipy_function(name: str) -> Callable[..., Any]:
    """The function of scipy.special with that name, looked up when it is first called."""

    def function(*args: Any) -> Any:
        try:
            import scipy.special
        except ImportError:
            raise ImportError(f"{name}() needs SciPy: pip install 'valuegrad[special]'") from None
        return getattr(scipy.special, name)(*args)

    return function


def special(name: str, rule: Callable[..., Any], domain: tuple[float, float] = (-2.0, 2.0)) -> Op:
    """An op of one input that SciPy computes."""
    function = scipy_function(name)
    return unary(name, f"{name}({{}})", as_float(function), function, rule, domain, f"scipy.special.{name}, elementwise.")


ROOT_PI = math.sqrt(math.pi)
NORMAL = 1.0 / math.sqrt(2.0 * math.pi)  # the standard normal density at 0

# fmt: off
erf      = special("erf",      lambda g, out, x: g * (2.0 / ROOT_PI * exp(-x * x)))
erfc     = special("erfc",     lambda g, out, x: g * (-2.0 / ROOT_PI * exp(-x * x)))
erfinv   = special("erfinv",   lambda g, out, x: g * (0.5 * ROOT_PI * exp(out * out)), (-0.8, 0.8))
erfcinv  = special("erfcinv",  lambda g, out, x: g * (-0.5 * ROOT_PI * exp(out * out)), (0.2, 1.8))
ndtr     = special("ndtr",     lambda g, out, x: g * (NORMAL * exp(-0.5 * x * x)))
ndtri    = special("ndtri",    lambda g, out, x: g * (exp(0.5 * out * out) / NORMAL), (0.1, 0.9))
log_ndtr = special("log_ndtr", lambda g, out, x: g * (2.0 * NORMAL / erfcx(x * -math.sqrt(0.5))))
erfcx    = special("erfcx",    lambda g, out, x: g * (2.0 * x * out - 2.0 / ROOT_PI))
gammaln  = special("gammaln",  lambda g, out, x: g * digamma(x), (0.3, 3.0))
gamma    = special("gamma",    lambda g, out, x: g * (out * digamma(x)), (0.3, 3.0))
rgamma   = special("rgamma",   lambda g, out, x: g * (-out * digamma(x)), (0.3, 3.0))
digamma  = special("digamma",  lambda g, out, x: g * polygamma(1, x), (0.3, 3.0))
expit    = special("expit",    lambda g, out, x: g * (out * (1.0 - out)))
logit    = special("logit",    lambda g, out, x: g / x + g / (1.0 - x), (0.2, 0.8))
entr     = special("entr",     lambda g, out, x: g * (-1.0 - log(x)), (0.2, 3.0))
loggamma = special("loggamma", lambda g, out, x: g * digamma(where(x < 0.0, math.nan, x)), (0.3, 3.0))
log_expit = special("log_expit", lambda g, out, x: g * sigmoid(-x))
gammasgn = special("gammasgn", nothing, (0.3, 3.0))
# fmt: on
psi = digamma


@primitive("elementwise", x=lambda g, out, n, x: g * polygamma(n + 1, x))
def polygamma(n: int, x: Any) -> Any:
    """scipy.special.polygamma: the n-th derivative of digamma."""
    return scipy_function("polygamma")(n, x).astype(float_dtype(x))


def regular(x: Any, y: Any) -> Any:
    """True but where x log(y) is 0 only by definition: x is 0, and log(y) is no number."""
    return (raw(x) != 0.0) | (raw(y) > 0.0)


def over(x: Any, y: Any) -> Any:
    """x / y, the slope of x log(y) with respect to y, and 0 where that is 0 by definition."""
    return where(regular(x, y), x / where(regular(x, y), y, 1.0), 0.0)


def special_pair(name: str, symbol: str, rule_x: Any, rule_y: Any, domain: Any, doc: str) -> Op:
    """An op of two inputs that SciPy computes."""
    function = scipy_function(name)
    return binary(name, symbol, as_float(function), rule_x, rule_y, domain, function, doc)


# fmt: off
xlogy   = special_pair("xlogy", "{} log({})", lambda g, out, x, y: g * xlogy(regular(x, y), y),
                       lambda g, out, x, y: g * over(x, y), ((-2.0, 2.0), (0.3, 2.0)),
                       "``x * log(y)``, and 0 where x is 0; where y is 0 as well, both derivatives are 0.")
xlog1py = special_pair("xlog1py", "{} log(1 + {})", lambda g, out, x, y: g * xlog1py(regular(x, 1.0 + y), y),
                       lambda g, out, x, y: g * over(x, 1.0 + y), ((-2.0, 2.0), (-0.5, 2.0)),
                       "``x * log(1 + y)``, and 0 where x is 0; where y is -1 as well, both derivatives are 0.")
betaln  = special_pair("betaln", "betaln({}, {})", lambda g, out, x, y: g * (digamma(x) - digamma(x + y)),
                       lambda g, out, x, y: g * (digamma(y) - digamma(x + y)), ((0.3, 2.0), (0.3, 2.0)),
                       "scipy.special.betaln, the logarithm of the beta function.")
beta    = special_pair("beta", "beta({}, {})", lambda g, out, x, y: g * (out * (digamma(x) - digamma(x + y))),
                       lambda g, out, x, y: g * (out * (digamma(y) - digamma(x + y))), ((0.3, 2.0), (0.3, 2.0)),
                       "scipy.special.beta, the beta function.")
# fmt: on


@composed
def multigammaln(a: Any, d: int) -> Any:
    """scipy.special.multigammaln: the logarithm of the gamma function of d dimensions."""
    return sum(gammaln(sub(a, 0.5 * i)) for i in range(d)) + 0.25 * d * (d - 1) * math.log(math.pi)

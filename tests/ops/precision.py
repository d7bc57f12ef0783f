"""References of elementwise operations in mpmath, points over the whole range of a dtype, and the errors measured there.

A reference is the function alone, in mpmath. Its derivatives are differences of that function with as many digits as
needed, so that no formula of a derivative is written a second time. An error is counted in ulp, the distance from
the right number to the next one of the dtype.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import scipy.special

from autograd import Value, gradient
from autograd.ops import functions

INF = math.inf
STEP, COARSE = 32, 12  # digits: a step is 10^-32 of the distance to the known singular points, so that near poles do no harm
MOST = 2000  # digits; a derivative that needs more is left out
KEPT = 20  # digits wanted of a derivative


# --- derivatives by differences -------------------------------------------------------------------


def real(f: Callable[..., Any], *point: Any) -> Any:
    """A function in mpmath at a point; nan where it is no real number."""
    try:
        out = mp.mpmathify(f(*point))
    except (ZeroDivisionError, ValueError):
        return mp.nan
    return out if isinstance(out, mp.mpf) else mp.nan


def differences(f: Callable[..., Any], point: list[Any], steps: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The value and the derivatives of first and second order, each with an estimate of its rounding."""
    at = {}
    for places in np.ndindex(*(3,) * len(point)):
        signs = tuple(place - 1 for place in places)
        at[signs] = real(f, *(x + sign * h for x, sign, h in zip(point, signs, steps, strict=True)))
    rounding = max(map(abs, at.values())) * mp.mpf(10) ** (3 - mp.mp.dps)
    if len(point) == 1:
        (h,), low, middle, high = steps, at[-1,], at[0,], at[1,]
        found = {"": middle, "x": (high - low) / (2 * h), "xx": (high - 2 * middle + low) / h**2}
        return found, {"": mp.mpf(0), "x": rounding / h, "xx": rounding / h**2}
    h, k = steps
    middle = at[0, 0]
    found = {
        "": middle,
        "x": (at[1, 0] - at[-1, 0]) / (2 * h),
        "y": (at[0, 1] - at[0, -1]) / (2 * k),
        "xx": (at[1, 0] - 2 * middle + at[-1, 0]) / h**2,
        "yy": (at[0, 1] - 2 * middle + at[0, -1]) / k**2,
        "xy": (at[1, 1] - at[1, -1] - at[-1, 1] + at[-1, -1]) / (4 * h * k),
    }
    parts = {"": mp.mpf(0), "x": 1 / h, "y": 1 / k, "xx": 1 / h**2, "yy": 1 / k**2, "xy": 1 / (h * k)}
    return found, {key: rounding * part for key, part in parts.items()}


def derivatives(
    f: Callable[..., Any], point: tuple[float, ...], singular: tuple[tuple[float, ...], ...], least: int, step: int = STEP
) -> dict[str, Any]:
    """The value and the derivatives of first and second order of a function in mpmath; below 10^least they are not accurate."""
    digits = 3 * step + 34
    while True:
        with mp.workdps(digits):
            exact = [mp.mpf(x) for x in point]
            near = [min([mp.mpf(1), *(abs(x - s) for s in points if x != s)]) for x, points in zip(exact, singular, strict=True)]
            steps = [far * mp.mpf(10) ** -step for far in near]
            lost = max(int(mp.log10(abs(x) / h)) if abs(x) > h else 0 for x, h in zip(exact, steps, strict=True))
            if lost + 60 > digits and digits < MOST:
                digits = lost + 100
                continue
            found, rounding = differences(f, exact, steps)
            smallest = mp.mpf(10) ** least
            kept = mp.mpf(10) ** -min(KEPT, step)
            unsure = [key for key, value in found.items() if rounding[key] > max(abs(value) * kept, smallest)]
            if not unsure or digits >= MOST or not all(map(mp.isfinite, found.values())):
                for key in unsure:
                    found[key] = mp.nan
                return found
        digits *= 2


# --- points ---------------------------------------------------------------------------------------


def line(dtype: Any, low: float = -INF, high: float = INF, special: tuple[float, ...] = (), dense: int = 1) -> np.ndarray:
    """Points of a dtype between two bounds: of every size, more of middle size, and close to the bounds and special points."""
    info = np.finfo(dtype)
    tiny, largest = float(info.tiny), float(info.max)
    sizes = [tiny / 32, *(tiny ** (k / (4 * dense)) for k in range(1, 4 * dense + 1))]
    sizes += [largest ** (k / (4 * dense)) * 0.45 for k in range(1, 4 * dense + 1)]
    sizes += list(np.geomspace(1e-3, 900.0, 18 * dense)) + list(np.linspace(0.11, 3.7, 8 * dense))
    found = [sign * size for size in sizes for sign in (1.0, -1.0)]
    for s in {*special, low, high} - {INF, -INF}:
        steps = [2.0 ** -(k * info.nmant / (6 * dense)) for k in range(1, 6 * dense + 1)]
        found += [s + sign * (abs(s) or 1.0) * step for step in steps for sign in (1.0, -1.0)]
    with np.errstate(all="ignore"):
        points = np.unique(np.array(found).astype(dtype))
        return points[(points > low) & (points < high) & np.isfinite(points)]


# --- references -----------------------------------------------------------------------------------


class Reference(NamedTuple):
    """A function in mpmath, the points where it is evaluated, and the error allowed in the operation.

    Attributes:
        f: the function of one or two numbers.
        domain: an open interval for each input.
        singular: points, for each input, where f or a derivative is not smooth, or changes within their distance.
        special: more points to look at closely, for each input.
        bound: ulp that are allowed in the value and the derivatives of first and second order. A derivative that is close to
            the smallest number of its dtype is measured as if it were 1000 times that, as a factor of it may be subnormal.
        relative: whether an error counts relative to the right number alone; if not, an error as large as the effect of an ulp
            in the inputs is allowed, as near zeros of a function.
        call: the operation, if it is not the function of that name.
        size: a function whose ulp counts, where it is larger than the right number.
        least: smaller inputs are left out.
        coarse: whether fewer digits do, because mpmath takes long; then the points are no closer to singular ones than 10^-3.
    """

    f: Callable[..., Any]
    domain: tuple[tuple[float, float], ...] = ((-INF, INF),)
    singular: tuple[tuple[float, ...], ...] = ((),)
    special: tuple[tuple[float, ...], ...] = ((),)
    bound: tuple[float, float, float] = (4.0, 4.0, 5.0)
    relative: bool = True
    call: Callable[..., Any] | None = None
    size: Callable[..., Any] | None = None
    least: float = 0.0
    coarse: bool = False


def smooth(f: Callable[..., Any], *special: float, **settings: Any) -> Reference:
    """A function of one number that is smooth everywhere."""
    return Reference(f, special=(special,), **settings)


def between(low: float, high: float, f: Callable[..., Any], *special: float, **settings: Any) -> Reference:
    """A function of one number between two bounds, with singular points at those that are finite, and at 0."""
    ends = tuple(end for end in (low, high) if abs(end) != INF)
    return Reference(f, ((low, high),), (tuple({*ends, 0.0}),), (special,), **settings)


def pair(
    f: Callable[..., Any], x: tuple[float, float] = (-INF, INF), y: tuple[float, float] = (-INF, INF), **settings: Any
) -> Reference:
    """A function of two numbers, each between two bounds."""
    settings = {"singular": ((0.0,), (0.0,)), "special": ((), ()), **settings}
    return Reference(f, (x, y), **settings)


def sigmoid(x: Any) -> Any:
    if abs(x) > 5000:  # where exp only takes time
        return mp.mpf(x > 0)
    return 1 / (1 + mp.exp(-x))


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def erfc(x: Any) -> Any:
    """erfc(x), also for large x, where mpmath overflows."""
    return mp.erfc(x) if abs(x) < 1e4 else mp.mpf(2 if x < 0 else 0)


def normal_cdf(x: Any) -> Any:
    return erfc(-x / mp.sqrt(2)) / 2


def erfcx(x: Any) -> Any:
    """erfcx(x), by a continued fraction where erfc underflows."""
    if x < 1e3:
        return mp.exp(x * x) * mp.erfc(x)
    tail = x
    for k in range(150, 0, -1):
        tail = x + mp.mpf(k) / 2 / tail
    return 1 / (mp.sqrt(mp.pi) * tail)


def erfcinv(x: Any) -> Any:
    """erfcinv(x), by Newton's method from SciPy's result."""
    z = mp.mpf(float(scipy.special.erfcinv(float(x))))
    for _ in range(int(math.log2(mp.mp.dps / 12)) + 2):
        z += (mp.erfc(z) - x) * mp.sqrt(mp.pi) / 2 * mp.exp(z * z)
    return z


def log_normal_cdf(x: Any) -> Any:
    if x > 0:
        return mp.log1p(-normal_cdf(-x))
    return mp.log(erfcx(-x / mp.sqrt(2)) / 2) - x * x / 2


def log_gamma(x: Any) -> Any:
    return mp.log(abs(mp.gamma(x)))


def elu(x: Any) -> Any:
    return x if x > 0 else mp.expm1(x)


SELU_SCALE, SELU_ALPHA = mp.mpf("1.0507009873554804934193349852946"), mp.mpf("1.6732632423543772848170429916717")
OPS = functions()


def inverse(f: Callable[..., Any], start: Callable[[float], Any], **settings: Any) -> Reference:
    """The inverse of a distribution function, found from SciPy's answer."""

    def root(y: Any) -> Any:
        z = float(start(float(y)))
        return mp.findroot(lambda x: f(x) - y, (z, z * 1.0001))

    return Reference(root, ((0.01, 0.99),), ((0.0, 1.0),), bound=(256.0, 256.0, 256.0), relative=False, coarse=True, **settings)


def lower_gamma(x: Any) -> Any:
    return mp.gammainc(2.5, 0, x, regularized=True)


def lower_beta(x: Any) -> Any:
    return mp.betainc(2.5, 1.5, 0, x, regularized=True)


def power() -> Reference:
    """x^y for sizes of x where |log x| is below 35: y - 1 is rounded, which costs |log x| ulp in the slope of small powers."""
    return pair(
        lambda x, y: x**y, (1e-15, 1e15), (-30.0, 30.0), singular=((0.0,), ()), special=((1.0,), (0.5, 1.0, 2.0, 3.0)),
        bound=(4.0, 40.0, 80.0), relative=False,
    )  # fmt: skip


def gammas(f: Callable[..., Any], high: float, **settings: Any) -> Reference:
    """The gamma function or one of its relatives, with poles or zeros at 0, -1, -2, ..."""
    poles = (0.0, -1.0, -2.0, -3.0, -4.0)
    return Reference(f, ((-4.0, high),), (poles,), ((*poles, 1.0, 2.0),), relative=False, least=1e-100, **settings)


def bessel(f: Callable[..., Any], order: float, high: float, **settings: Any) -> Reference:
    """A Bessel function at positive numbers; for smaller ones SciPy loses digits."""
    return Reference(lambda x: f(order, x), ((1e-3, high),), ((0.0,),), bound=(48.0, 48.0, 48.0), relative=False, **settings)


def incomplete(f: Callable[..., Any], high: float, **settings: Any) -> Reference:
    """An incomplete gamma or beta function at positive numbers."""
    return Reference(f, ((1e-3, high),), ((0.0, high),), bound=(64.0, 64.0, 64.0), relative=False, **settings)


#: Functions that NumPy's ufuncs, SciPy and this project give, by their name in the table or among the composed functions.
REFERENCES: dict[str, Reference] = {
    # arithmetic
    "add": pair(lambda x, y: x + y),
    "sub": pair(lambda x, y: x - y),
    "mul": pair(lambda x, y: x * y),
    "div": pair(lambda x, y: x / y),
    "neg": smooth(lambda x: -x),
    "positive": smooth(lambda x: x),
    "square": smooth(lambda x: x * x),
    "sqrt": between(0, INF, mp.sqrt),
    "cbrt": between(-INF, INF, lambda x: mp.sign(x) * mp.cbrt(abs(x)), bound=(4.0, 6.0, 12.0)),
    "reciprocal": between(-INF, INF, lambda x: 1 / x),
    "pow": power(),
    "float_power": power(),
    "pow, whole": between(-INF, INF, lambda x: x**3, call=lambda x: x**3.0),
    "pow, fraction": between(0, INF, lambda x: x ** mp.mpf(2.5), call=lambda x: x**2.5),
    "pow, negative": between(-INF, INF, lambda x: x**-2, call=lambda x: x**-2.0),
    "ldexp": smooth(lambda x: x * 8, call=lambda x: OPS["ldexp"](x, 3)),
    # exponentials and logarithms
    "exp": smooth(mp.exp),
    "exp2": smooth(lambda x: mp.mpf(2) ** x),
    "expm1": smooth(mp.expm1),
    "log": between(0, INF, mp.log, 1.0),
    "log2": between(0, INF, lambda x: mp.log(x) / mp.log(2), 1.0),
    "log10": between(0, INF, lambda x: mp.log(x) / mp.log(10), 1.0),
    "log1p": between(-1, INF, mp.log1p),
    "softplus": smooth(softplus),
    "sigmoid": smooth(sigmoid),
    "expit": smooth(sigmoid),
    "log_expit": smooth(lambda x: -softplus(-x)),
    "logit": between(0, 1, lambda x: mp.log(x / (1 - x)), 0.5),
    "logaddexp": pair(lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))), relative=False),
    "logaddexp2": pair(lambda x, y: max(x, y) + mp.log1p(mp.mpf(2) ** -abs(x - y)) / mp.log(2), relative=False),
    # circular and hyperbolic functions
    "sin": smooth(mp.sin, math.pi, 100 * math.pi),
    "cos": smooth(mp.cos, math.pi / 2, 50.5 * math.pi),
    "tan": smooth(mp.tan, math.pi / 2, math.pi),
    "arcsin": between(-1, 1, mp.asin),
    "arccos": between(-1, 1, mp.acos),
    "arctan": smooth(mp.atan),
    "sinh": smooth(mp.sinh),
    "cosh": smooth(mp.cosh),
    "tanh": smooth(mp.tanh),
    "arcsinh": smooth(mp.asinh),
    "arccosh": between(1, INF, mp.acosh),
    "arctanh": between(-1, 1, mp.atanh),
    "sinc": smooth(lambda x: mp.sinc(mp.pi * x), 1.0, 2.0, 100.0, domain=((-1e3, 1e3),), relative=False),
    "hypot": pair(lambda x, y: mp.sqrt(x * x + y * y)),
    "arctan2": pair(mp.atan2, relative=False),  # both of its slopes have slopes that are 0 on the diagonals
    "deg2rad": smooth(lambda x: x * mp.pi / 180),
    "rad2deg": smooth(lambda x: x * 180 / mp.pi),
    # kinks and jumps, away from them
    "sign": between(-INF, INF, mp.sign),
    "floor": between(0.001, 0.999, mp.floor),
    "ceil": between(0.001, 0.999, mp.ceil),
    "trunc": between(0.001, 0.999, mp.floor),
    "rint": between(0.501, 1.499, mp.nint),
    "round": between(0.501, 1.499, mp.nint),
    "floor_divide": pair(lambda x, y: mp.floor(x / y), (2.1, 2.9), (0.98, 1.02)),
    "mod": pair(lambda x, y: x - mp.floor(x / y) * y, (2.1, 2.9), (0.98, 1.02)),
    "fmod": pair(lambda x, y: x - mp.floor(x / y) * y, (2.1, 2.9), (0.98, 1.02)),
    "heaviside": pair(lambda x, y: mp.mpf(x > 0)),
    "abs": between(-INF, INF, abs),
    "relu": between(-INF, INF, lambda x: max(x, mp.mpf(0))),
    "leaky_relu": between(-INF, INF, lambda x: x if x > 0 else x / 4, call=lambda x: OPS["leaky_relu"](x, 0.25)),
    "copysign": pair(lambda x, y: abs(x) * mp.sign(y)),
    "nan_to_num": smooth(lambda x: x),
    "maximum": pair(max, (-2.0, 0.9), (1.0, 3.0)),
    "minimum": pair(min, (-2.0, 0.9), (1.0, 3.0)),
    "fmax": pair(max, (-2.0, 0.9), (1.0, 3.0)),
    "fmin": pair(min, (-2.0, 0.9), (1.0, 3.0)),
    "clip": between(-0.99, 0.99, lambda x: x, call=lambda x: OPS["clip"](x, -1.0, 1.0)),
    "hard_tanh": between(-0.99, 0.99, lambda x: x),
    "relu6": between(0.01, 5.9, lambda x: x),
    "hard_sigmoid": between(-2.9, 2.9, lambda x: x / 6 + mp.mpf(0.5)),
    "step": between(-INF, INF, lambda x: mp.mpf(x > 0)),
    "prelu": pair(lambda x, y: x if x > 0 else x * y, y=(0.0, 1.0)),
    # activations
    "elu": between(-INF, INF, elu),
    "celu": between(-INF, INF, lambda x: 2 * elu(x / 2) if x < 0 else x, call=lambda x: OPS["celu"](x, 2.0)),
    "selu": between(-INF, INF, lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * mp.expm1(x))),
    "softsign": between(-INF, INF, lambda x: x / (1 + abs(x))),
    "silu": smooth(lambda x: x * sigmoid(x), -1.2784645427610738, relative=False),
    "mish": smooth(lambda x: x * mp.tanh(softplus(x)), -1.192, relative=False),
    "gelu": smooth(lambda x: x * normal_cdf(x), -0.7517915246935645, math.sqrt(2.0), relative=False),
    "gelu_tanh": smooth(
        lambda x: x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)),
        relative=False,
        call=lambda x: OPS["gelu"](x, "tanh"),
    ),
    "normal_cdf": smooth(normal_cdf, relative=False),
    # special functions
    "erf": smooth(mp.erf),
    "erfc": smooth(erfc, relative=False),
    "erfcx": smooth(erfcx, bound=(8.0, 8.0, 8.0), relative=False),
    "erfi": smooth(mp.erfi, domain=((-26.0, 26.0),), bound=(32.0, 4.0, 4.0), relative=False),
    "erfinv": between(-1, 1, mp.erfinv, bound=(4.0, 4.0, 8.0)),
    "erfcinv": between(0, 2, erfcinv, bound=(4.0, 4.0, 8.0)),
    "ndtr": smooth(normal_cdf, relative=False),
    "ndtri": between(0, 1, lambda x: -mp.sqrt(2) * erfcinv(2 * x), bound=(4.0, 4.0, 8.0)),
    "log_ndtr": smooth(log_normal_cdf, bound=(4.0, 4.0, 12.0), relative=False),
    "gammaln": gammas(log_gamma, INF),
    "loggamma": between(0, INF, mp.loggamma, 1.0, 2.0, relative=False, least=1e-100),
    "gamma": gammas(mp.gamma, 170.0),
    "rgamma": gammas(mp.rgamma, 170.0),
    "digamma": gammas(mp.digamma, INF),
    "polygamma": gammas(lambda x: mp.polygamma(1, x), INF, call=lambda x: OPS["polygamma"](1, x)),
    "multigammaln": between(
        1, INF, lambda x: 3 * mp.log(mp.pi) / 2 + sum(mp.loggamma(x - mp.mpf(i) / 2) for i in range(3)), relative=False,
        call=lambda x: OPS["multigammaln"](x, 3)),
    "gammasgn": between(0.0, INF, lambda x: mp.mpf(1)),
    "beta": pair(mp.beta, (0.3, 50.0), (0.3, 50.0), bound=(64.0, 64.0, 256.0), relative=False),
    "betaln": pair(lambda x, y: mp.log(mp.beta(x, y)), (0.0, 50.0), (0.0, 50.0), bound=(600.0, 5.0, 5.0),
                   relative=False, least=1e-100),
    "entr": between(0, INF, lambda x: -x * mp.log(x), 1.0, math.exp(-1.0), relative=False),
    "rel_entr": pair(lambda x, y: x * mp.log(x / y), (0.0, INF), (0.0, INF), relative=False, least=1e-100),
    "kl_div": pair(lambda x, y: x * mp.log(x / y) - x + y, (1e-3, 1e3), (0.02, 2e3), bound=(1e3, 4.0, 4.0), relative=False),
    "xlogy": pair(lambda x, y: x * mp.log(y), y=(0.0, INF), special=((), (1.0,))),
    "xlog1py": pair(lambda x, y: x * mp.log1p(y), y=(-1.0, INF), singular=((0.0,), (0.0, -1.0))),
    "log_loss": pair(lambda x, y: -y * mp.log(x) - (1 - y) * mp.log1p(-x), (1e-10, 1.0 - 1e-10), (0.0, 1.0),
                     singular=((0.0, 1.0), (0.0, 1.0)), relative=False),
    "j0": bessel(mp.besselj, 0, 100.0),
    "j1": bessel(mp.besselj, 1, 100.0),
    "y0": bessel(mp.bessely, 0, 50.0, coarse=True),
    "y1": bessel(mp.bessely, 1, 50.0, coarse=True),
    "i0": bessel(mp.besseli, 0, 700.0),
    "i1": bessel(mp.besseli, 1, 700.0),
    "k0": bessel(mp.besselk, 0, 50.0, coarse=True),
    "k1": bessel(mp.besselk, 1, 50.0, coarse=True),
    "i0e": bessel(lambda v, x: mp.exp(-x) * mp.besseli(v, x), 0, 1e4),
    "i1e": bessel(lambda v, x: mp.exp(-x) * mp.besseli(v, x), 1, 1e4),
    "k0e": bessel(lambda v, x: mp.exp(x) * mp.besselk(v, x), 0, 50.0, coarse=True),
    "k1e": bessel(lambda v, x: mp.exp(x) * mp.besselk(v, x), 1, 50.0, coarse=True),
    "jv": bessel(mp.besselj, 1.5, 100.0, call=lambda x: OPS["jv"](1.5, x)),
    "yv": bessel(mp.bessely, 1.5, 100.0, call=lambda x: OPS["yv"](1.5, x)),
    "iv": bessel(mp.besseli, 1.5, 700.0, call=lambda x: OPS["iv"](1.5, x)),
    "kv": bessel(mp.besselk, 1.5, 600.0, call=lambda x: OPS["kv"](1.5, x)),
    "ive": bessel(lambda v, x: mp.exp(-x) * mp.besseli(v, x), 1.5, 1e4, call=lambda x: OPS["ive"](1.5, x)),
    "kve": bessel(lambda v, x: mp.exp(x) * mp.besselk(v, x), 1.5, 1e4, call=lambda x: OPS["kve"](1.5, x)),
    "exp1": between(0, 700, mp.e1, relative=False),
    "expi": between(-700, 700, mp.ei, 0.37250741078136663, relative=False),
    "expn": between(0, 700, lambda x: mp.exp(-x) - x * mp.e1(x), relative=False, call=lambda x: OPS["expn"](2, x)),
    "spence": between(0, 1e6, lambda x: mp.polylog(2, 1 - x), 1.0, relative=False),
    "riemann": between(1, 50, mp.zeta, relative=False, call=lambda x: OPS["zeta"](x)),
    "hurwitz": pair(mp.zeta, (1.1, 30.0), (0.5, 5.0), bound=(4.0, 6.0, 6.0), relative=False, coarse=True,
                    call=lambda x, y: OPS["zeta"](x, y)),
    "gammaincinv": inverse(lower_gamma, lambda y: scipy.special.gammaincinv(2.5, y), call=lambda y: OPS["gammaincinv"](2.5, y)),
    "gammainccinv": inverse(lambda x: 1 - lower_gamma(x), lambda y: scipy.special.gammainccinv(2.5, y),
                            call=lambda y: OPS["gammainccinv"](2.5, y)),
    "betaincinv": inverse(lower_beta, lambda y: scipy.special.betaincinv(2.5, 1.5, y),
                          call=lambda y: OPS["betaincinv"](2.5, 1.5, y)),
    "gammainc": incomplete(lower_gamma, 60.0, call=lambda x: OPS["gammainc"](2.5, x)),
    "gammaincc": incomplete(lambda x: mp.gammainc(2.5, x, mp.inf, regularized=True), 60.0,
                            call=lambda x: OPS["gammaincc"](2.5, x)),
    "betainc": incomplete(lower_beta, 1.0, call=lambda x: OPS["betainc"](2.5, 1.5, x)),
    "betaincc": incomplete(lambda x: mp.betainc(2.5, 1.5, x, 1, regularized=True), 1.0,
                           call=lambda x: OPS["betaincc"](2.5, 1.5, x)),
    # two elements of a row
    "softmax": pair(lambda x, y: sigmoid(x - y), call=lambda x, y: row("softmax", x, y)[..., 0], relative=False,
                    size=lambda x, y: sigmoid(x - y) * sigmoid(y - x)),
    "log_softmax": pair(lambda x, y: -softplus(y - x), call=lambda x, y: row("log_softmax", x, y)[..., 0], relative=False),
    "logsumexp": pair(lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))), relative=False,
                      call=lambda x, y: row("logsumexp", x, y)),
    "softmax_cross_entropy": pair(lambda x, y: softplus(y - x), call=lambda x, y: entropy(x, y), relative=False),
    "glu": pair(lambda x, y: x * sigmoid(y), (-1e3, 1e3), (-80.0, 80.0), call=lambda x, y: row("glu", x, y)[..., 0]),
}  # fmt: skip


#: Slopes that are operations of their own, measured as the first and second derivative of another one.
SLOPES = {
    "logistic": "sigmoid", "one_minus_square": "arctanh", "times_rest": "logit", "bell": "erf", "direction": "hypot",
    "erfcx_slope": "erfcx", "hazard": "log_ndtr", "hazard_gap": "log_ndtr", "erfinv_slope": "erfinv",
    "erfcinv_slope": "erfcinv", "ndtri_slope": "ndtri", "mish_slope": "mish", "spence_slope": "spence", "zeta_slope": "hurwitz",
    "log_loss_slope": "log_loss", "polygamma_rise": "betaln", "ive_slope": "ive", "kve_slope": "kve",
    "gammainc_slope": "gammainc", "betainc_slope": "betainc", "shifted": "logsumexp",
}  # fmt: skip


def row(name: str, x: Any, y: Any) -> Any:
    """An operation over the last axis, of two elements."""
    return functions()[name](OPS["stack"]([x, y], -1), -1)


def entropy(x: Any, y: Any) -> Any:
    """The cross-entropy of two logits, with the first as the target."""
    logits = OPS["stack"]([x, y], -1)
    return OPS["softmax_cross_entropy"](logits, np.zeros(logits.shape[:-1], dtype=int))


# --- the results of the operations ----------------------------------------------------------------


def points(name: str, dtype: Any, dense: int = 1) -> list[np.ndarray]:
    """Points for each input of an operation; of two inputs every combination of fewer points. With `dense` 0 there are few."""
    reference = REFERENCES[name]
    lines = [line(dtype, *ends, special, dense or 1) for ends, special in zip(reference.domain, reference.special, strict=True)]
    lines = [item[np.abs(item) >= reference.least] for item in lines]
    if reference.coarse:
        lines = [
            item[(item - ends[0] > 1e-3) & (ends[1] - item > 1e-3)] for item, ends in zip(lines, reference.domain, strict=True)
        ]
    number = (100 * dense or 14) if len(lines) == 1 else (12 * dense or 4)
    number = number // 4 if reference.coarse else number
    lines = [item[np.unique(np.linspace(0, len(item) - 1, number).astype(int))] for item in lines]
    return [item.reshape(-1).copy() for item in np.meshgrid(*lines)]


def computed(name: str, inputs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The value and the derivatives of an operation on arrays."""
    call = REFERENCES[name].call or functions()[name]
    values = [Value(item) for item in inputs]
    with np.errstate(all="ignore"):
        out = call(*values)
        slopes = gradient(OPS["sum"](out), values)
        found = {"": out.data} | {key: slope.data for key, slope in zip("xy", slopes, strict=False)}
        for key, slope in zip("xy", slopes, strict=False):
            again = gradient(slope.sum(), values) if slope.op is not None else [Value(0.0 * item) for item in inputs]
            found |= {key + other: item.data for other, item in zip("xy", again, strict=False)}
    return found


def computed_from_floats(name: str, inputs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """computed() from Python floats, one point at a time."""
    rows = [computed(name, list(point)) for point in zip(*(item.astype(float).tolist() for item in inputs), strict=True)]
    return {key: np.array([item[key] for item in rows]) for key in rows[0]}


class Measured(NamedTuple):
    """The error of one number: the operation, derivative and point, the exact number, and that of the operation."""

    name: str
    key: str
    point: tuple[float, ...]
    right: Any
    found: float
    ulp: float


@functools.cache
def right(name: str, point: tuple[float, ...], least: int) -> dict[str, Any]:
    """The exact value and derivatives at a point, by mpmath."""
    reference = REFERENCES[name]
    return derivatives(reference.f, point, reference.singular, least, COARSE if reference.coarse else STEP)


def measured(name: str, dtype: Any, dense: int = 1, floats: bool = False) -> list[Measured]:
    """The errors of an operation at all its points."""
    reference = REFERENCES[name]
    inputs = points(name, dtype, dense)
    found = (computed_from_floats if floats else computed)(name, inputs)
    info = np.finfo(dtype)
    out = []
    for place, point in enumerate(zip(*(item.astype(float).tolist() for item in inputs), strict=True)):
        exacts = right(name, point, least_of(dtype))
        for key, exact in exacts.items():
            number = float(found[key][place])
            parts = ("", *key) if len(key) == 2 else ("",)  # the function, or the derivative before this one
            if mp.isnan(exact) or any(abs(exacts[part]) > float(info.max) * 0.99 for part in (*parts, key)):
                continue
            unit = mp.mpf(float(np.spacing(np.abs(np.array(float(exact)).astype(dtype)))))
            if key:
                unit = max(unit, float(info.smallest_subnormal) * 1000)
            if reference.size is not None:
                unit = max(unit, reference.size(*map(mp.mpf, point)) * float(info.eps))
            if not math.isfinite(number) and moved(name, key, point, exact, dtype) > float(info.max):
                continue
            error = abs(mp.mpf(number) - exact)
            if error > unit * reference.bound[len(key)] and math.isfinite(number) and not reference.relative:
                unit += moved(name, key, point, exact, dtype)
            out.append(Measured(name, key, point, exact, number, float(error / unit) if math.isfinite(number) else INF))
    return out


def least_of(dtype: Any) -> int:
    """A power of ten far below the smallest number of a dtype."""
    return int(math.log10(float(np.finfo(dtype).smallest_subnormal))) - 20


def moved(name: str, key: str, point: tuple[float, ...], exact: Any, dtype: Any) -> Any:
    """The change of the exact number if each input changes by an ulp."""
    total = mp.mpf(0)
    for place, x in enumerate(point):
        step = float(np.finfo(dtype).eps)
        others = [(*point[:place], x * (1.0 + sign * step), *point[place + 1 :]) for sign in (-1.0, 1.0)]
        changes = [abs(right(name, other, least_of(dtype))[key] - exact) for other in others]
        total += max((change for change in changes if mp.isfinite(change)), default=0)
    return total

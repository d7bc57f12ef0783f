"""Activations: numbers of any size, kinks, dtypes, first and second derivatives, and the modules."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, gradient, primitive
from autograd.ops import activations, log_loss, normal_cdf, softmax_cross_entropy
from autograd.verify import check_gradients

INF = math.inf

#: function, value at -inf and at inf as (slope, offset) of the line it approaches there.
LINES: list[tuple[str, Callable[..., Any], tuple[float, float], tuple[float, float]]] = [
    ("elu", nn.elu, (0.0, -1.0), (1.0, 0.0)),
    ("elu 2", lambda x: nn.elu(x, 2.0), (0.0, -2.0), (1.0, 0.0)),
    ("selu", nn.selu, (0.0, -1.7580993408473766), (1.0507009873554805, 0.0)),
    ("celu", lambda x: nn.celu(x, 0.5), (0.0, -0.5), (1.0, 0.0)),
    ("gelu", nn.gelu, (0.0, 0.0), (1.0, 0.0)),
    ("gelu tanh", lambda x: nn.gelu(x, "tanh"), (0.0, 0.0), (1.0, 0.0)),
    ("silu", nn.silu, (0.0, 0.0), (1.0, 0.0)),
    ("mish", nn.mish, (0.0, 0.0), (1.0, 0.0)),
    ("softplus", nn.softplus, (0.0, 0.0), (1.0, 0.0)),
    ("softplus 2", nn.Softplus(2.0), (0.0, 0.0), (1.0, 0.0)),
    ("softsign", nn.softsign, (0.0, -1.0), (0.0, 1.0)),
    ("sigmoid", nn.sigmoid, (0.0, 0.0), (0.0, 1.0)),
    ("hard_sigmoid", nn.hard_sigmoid, (0.0, 0.0), (0.0, 1.0)),
    ("tanh", nn.tanh, (0.0, -1.0), (0.0, 1.0)),
    ("hard_tanh", nn.hard_tanh, (0.0, -1.0), (0.0, 1.0)),
    ("relu", nn.relu, (0.0, 0.0), (1.0, 0.0)),
    ("relu6", nn.relu6, (0.0, 0.0), (0.0, 6.0)),
    ("step", nn.step, (0.0, 0.0), (0.0, 1.0)),
    ("normal_cdf", normal_cdf, (0.0, 0.0), (0.0, 1.0)),
]
NAMED = pytest.mark.parametrize(("f", "left", "right"), [case[1:] for case in LINES], ids=[case[0] for case in LINES])


@NAMED
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_activations_are_linear_far_from_zero(f: Callable[..., Any], left: Any, right: Any, dtype: Any) -> None:
    """A warning would be an error."""
    for sign, (slope, offset) in ((-1.0, left), (1.0, right)):
        for size in (1e3, 1e6, 1e18, 1e30, INF):
            x = Value(np.array([sign * size], dtype=dtype))
            expected = offset + (slope * sign * size if slope else 0.0)
            out = f(x)
            close = 2e-3 if size == 1e3 else 1e-5  # softsign is 1 / |x| away from its line
            np.testing.assert_allclose(out.data, expected, rtol=close)
            assert out.dtype == dtype
            first = gradient(out.sum(), x)
            np.testing.assert_allclose(first.data, slope, rtol=1e-6, atol=2e-6)
            assert abs(gradient(first.sum(), x).data[0]) < 1e-6
            number = Value(sign * size)
            np.testing.assert_allclose(f(number).data, expected, rtol=close)
            assert gradient(f(number), number).data == pytest.approx(slope, rel=1e-6, abs=2e-6)


@NAMED
def test_nan_is_passed_on(f: Callable[..., Any], left: Any, right: Any) -> None:
    assert np.isnan(f(np.array([math.nan, 1.0]))).tolist() == [True, False]
    assert math.isnan(f(Value(math.nan)).data)


@NAMED
def test_both_derivatives_where_it_bends(f: Callable[..., Any], left: Any, right: Any) -> None:
    x = np.array([-5.9, -3.2, -1.4, -0.7, -0.1, 0.1, 0.6, 1.3, 2.8, 5.8])
    report = check_gradients(lambda x: (f(x) * np.arange(1.0, 11.0)).sum(), x, order=2)
    assert report.ok, str(report)


@NAMED
def test_plain_data_stays_plain(f: Callable[..., Any], left: Any, right: Any) -> None:
    assert isinstance(f(0.5), float)
    assert type(f(np.ones(2))) is np.ndarray
    assert f(np.zeros((0, 3))).shape == (0, 3)
    assert f(0.5) == pytest.approx(f(np.array([0.5]))[0], rel=1e-14)
    assert f(np.ones(2, dtype=np.float32)).dtype == np.float32


KINKS: list[tuple[str, Callable[[Any], Any], float, float]] = [
    ("elu", nn.elu, 0.0, 1.0),
    ("elu, steep below", lambda x: nn.elu(x, 2.0), 0.0, 1.0),
    ("elu, flat below", lambda x: nn.elu(x, 0.5), 0.0, 0.5),
    ("elu, falling", lambda x: nn.elu(x, -0.5), 0.0, 0.0),
    ("selu", nn.selu, 0.0, 1.0507009873554805),
    ("celu", lambda x: nn.celu(x, 0.5), 0.0, 1.0),
    ("hard_sigmoid, left", nn.hard_sigmoid, -3.0, 0.0),
    ("hard_sigmoid, right", nn.hard_sigmoid, 3.0, 0.0),
    ("hard_tanh, left", nn.hard_tanh, -1.0, 0.0),
    ("hard_tanh, right", nn.hard_tanh, 1.0, 0.0),
    ("relu6, left", nn.relu6, 0.0, 0.0),
    ("relu6, right", nn.relu6, 6.0, 0.0),
    ("step", nn.step, 0.0, 0.0),
    ("softsign", nn.softsign, 0.0, 1.0),
    ("silu", nn.silu, 0.0, 0.5),
    ("mish", nn.mish, 0.0, 0.6),
    ("gelu", nn.gelu, 0.0, 0.5),
    ("prelu", lambda x: nn.prelu(x, 0.3), 0.0, 0.3),
    ("prelu, steep below", lambda x: nn.prelu(x, 3.0), 0.0, 1.0),
    ("prelu, falling", lambda x: nn.prelu(x, -0.3), 0.0, 0.0),
]


@pytest.mark.parametrize(("f", "place", "slope"), [case[1:] for case in KINKS], ids=[case[0] for case in KINKS])
def test_slopes_at_kinks_are_the_smallest(f: Callable[[Any], Any], place: float, slope: float) -> None:
    for x in (Value(place), Value([place, place]), Value(np.array([place], dtype=np.float32))):
        f(x).sum().backward()
        np.testing.assert_allclose(x.grad, np.full(x.shape, slope), rtol=1e-6)
        np.testing.assert_array_equal(gradient(f(x).sum(), x).data, x.grad)


def test_slope_of_prelu_with_a_weight_at_a_kink() -> None:
    x, weight = Value([0.0, 0.0, -2.0]), Value([0.5, 2.0, 2.0])
    nn.prelu(x, weight).sum().backward()
    assert x.grad.tolist() == [0.5, 1.0, 2.0]
    assert weight.grad.tolist() == [0.0, 0.0, -2.0]


def test_the_step_is_0_at_0() -> None:
    assert nn.step(np.array([-1.0, 0.0, 1e-300])).tolist() == [0.0, 0.0, 1.0]


def test_the_normal_distribution_without_scipy() -> None:
    """The values are accurate far below 0 as well, where the rounding of x^2 limits the precision."""
    x = np.concatenate([np.linspace(-37.0, 9.0, 4001), np.linspace(-0.5, 0.5, 1001)])
    exact = np.array([0.5 * math.erfc(-item / math.sqrt(2.0)) for item in x])
    out = activations.normal_cdf_numpy(x)
    near = np.abs(x) < 3.0
    np.testing.assert_allclose(out[near], exact[near], rtol=5e-15)
    np.testing.assert_allclose(out, exact, rtol=5e-13)
    np.testing.assert_allclose(activations.normal_cdf_array(x), out, rtol=5e-13)
    assert activations.normal_cdf_numpy(np.zeros(1, dtype=np.float32)).dtype == np.float32
    edges = activations.normal_cdf_numpy(np.array([-INF, 0.0, INF, math.nan]))
    np.testing.assert_allclose(edges, [0.0, 0.5, 1.0, math.nan], rtol=2e-15)


def test_gelu_works_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-4.0, 4.0, 9)
    with_scipy = nn.gelu(x)
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    np.testing.assert_allclose(nn.gelu(x), with_scipy, rtol=1e-13)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)])
def test_cross_entropy_in_one_node(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=shape), rng.integers(0, 3, shape[:-1])
    x = Value(logits)
    out = softmax_cross_entropy(x, target)
    powers = np.exp(logits)
    p = powers / powers.sum(-1, keepdims=True)
    hot = np.eye(3)[target]
    np.testing.assert_allclose(out.data, -np.log((p * hot).sum(-1)), rtol=1e-14)
    out.sum().backward()
    np.testing.assert_allclose(x.grad, p - hot, rtol=1e-13)
    report = check_gradients(lambda x: (softmax_cross_entropy(x, target) ** 2).sum(), logits, order=2)
    assert report.ok, str(report)


def test_cross_entropy_of_an_impossible_class() -> None:
    """A logit of -inf: the loss is inf, and the other rows are not affected."""
    x = Value([[0.0, -INF], [0.0, 0.0], [-INF, 3.0]])
    out = softmax_cross_entropy(x, [1, 0, 1])
    assert out.data.tolist() == [INF, math.log(2.0), 0.0]
    out.backward(np.ones(3))
    assert x.grad.tolist() == [[1.0, -1.0], [-0.5, 0.5], [0.0, 0.0]]
    target = np.array([1, 0])
    out = softmax_cross_entropy(x[:2], target)
    target[:] = 0  # the graph has a copy
    assert gradient(out, x, np.ones(2)).data[0].tolist() == [1.0, -1.0]


def test_the_log_loss_at_its_ends() -> None:
    p, label = Value([0.0, 0.0, 1.0, 1.0]), Value([0.0, 1.0, 0.0, 1.0])
    out = log_loss(p, label)
    assert out.data.tolist() == [0.0, 100.0, 100.0, 0.0]
    out.sum().backward()
    assert p.grad.tolist() == [0.0, -1e12, 1e12, 0.0]
    assert label.grad.tolist() == [100.0, 100.0, -100.0, -100.0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.gelu(1.0, "erf"), ValueError, "approximate='none' or 'tanh', but got 'erf'"),
        (lambda: nn.celu(Value(1.0), 0.0), ValueError, r"celu\(\) takes a positive alpha, but got 0.0"),
        (lambda: nn.hard_tanh(1.0, 2.0, 1.0), ValueError, "min_val up to max_val, but got 2.0 and 1.0"),
        (lambda: nn.glu(np.ones((2, 3))), ValueError, r"even length, but got the shape \(2, 3\) with axis=-1"),
        (lambda: nn.glu(Value(1.0)), ValueError, "axis -1 is out of bounds for array of dimension 0"),
        (lambda: nn.elu(1.0, Value(1.0)), TypeError, "no derivative for its argument number 2, 'alpha'.*pass its .data"),
        (lambda: softmax_cross_entropy(np.ones((2, 3)), [0, 3]), ValueError, r"classes - 1, but got the shapes \(2, 3\)"),
        (lambda: softmax_cross_entropy(np.ones((2, 3)), [0, -1]), ValueError, r"with targets array\(\[ 0, -1\]\)"),
        (lambda: softmax_cross_entropy(np.ones((2, 3)), [0.0, 1.0]), ValueError, "integers"),
        (lambda: nn.PReLU(3)(np.ones((2, 4))), ValueError, r"PReLU\(3\) takes \(batch, 3, ...\), got the shape \(2, 4\)"),
    ],
)
def test_bad_calls_are_named(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


# --- modules --------------------------------------------------------------------------------------

MODULES: list[tuple[nn.Module, str, Callable[..., Any]]] = [
    (nn.ReLU(), "ReLU()", nn.relu),
    (nn.ReLU6(), "ReLU6()", nn.relu6),
    (nn.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)", lambda x: nn.leaky_relu(x, 0.2)),
    (nn.ELU(0.7), "ELU(alpha=0.7)", lambda x: nn.elu(x, 0.7)),
    (nn.SELU(), "SELU()", nn.selu),
    (nn.CELU(alpha=0.7), "CELU(alpha=0.7)", lambda x: nn.celu(x, 0.7)),
    (nn.GELU(), "GELU(approximate='none')", nn.gelu),
    (nn.GELU("tanh"), "GELU(approximate='tanh')", lambda x: nn.gelu(x, "tanh")),
    (nn.SiLU(), "SiLU()", nn.silu),
    (nn.Mish(), "Mish()", nn.mish),
    (nn.Softplus(), "Softplus(beta=1.0)", nn.softplus),
    (nn.Softplus(2.0), "Softplus(beta=2.0)", lambda x: np.log1p(np.exp(2.0 * x)) / 2.0),
    (nn.Softsign(), "Softsign()", nn.softsign),
    (nn.Sigmoid(), "Sigmoid()", nn.sigmoid),
    (nn.Hardsigmoid(), "Hardsigmoid()", nn.hard_sigmoid),
    (nn.Tanh(), "Tanh()", nn.tanh),
    (nn.Hardtanh(-2.0, 0.5), "Hardtanh(min_val=-2.0, max_val=0.5)", lambda x: nn.hard_tanh(x, -2.0, 0.5)),
    (nn.Step(), "Step()", nn.step),
    (nn.Softmax(0), "Softmax(axis=0)", lambda x: nn.softmax(x, 0)),
    (nn.LogSoftmax(), "LogSoftmax(axis=-1)", nn.log_softmax),
    (nn.GLU(0), "GLU(axis=0)", lambda x: nn.glu(x, 0)),
    (nn.PReLU(), "PReLU(1)", lambda x: nn.leaky_relu(x, 0.25)),
]


@pytest.mark.parametrize(("module", "text", "f"), MODULES, ids=[case[1] for case in MODULES])
def test_modules(module: Any, text: str, f: Callable[..., Any]) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6))
    assert repr(module).startswith(text)
    assert not (type(module).__doc__ or "(").startswith(
        f"{type(module).__name__}("
    )  # what dataclass() writes without a docstring
    out = module(Value(x))
    np.testing.assert_allclose(out.data, f(x), rtol=1e-14)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        np.testing.assert_array_equal(twin(Value(x)).data, out.data)
    assert len(list(module.named_parameters())) == (1 if isinstance(module, nn.PReLU) else 0)


def test_every_activation_of_nn_is_tested() -> None:
    subclasses = {item.__name__ for item in nn.FunctionModule.__subclasses__() if item.__module__ == "nn.layers.activations"}
    assert subclasses == {type(case[0]).__name__ for case in MODULES} - {"PReLU"}
    assert subclasses <= set(nn.__all__)


def test_settings_of_modules_are_checked_by_python() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'slope'"):
        nn.LeakyReLU(slope=0.1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"ReLU\(...\) takes no settings; .* call it, ReLU\(\)\(...\)"):
        nn.ReLU(0.1)  # type: ignore[call-arg]


def test_prelu_learns_a_weight_for_each_channel() -> None:
    module = nn.PReLU(3, dtype=np.float32)
    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
    out = module(x)
    assert out.dtype == np.float32 == module.weight.dtype
    out.sum().backward()
    np.testing.assert_allclose(module.weight.grad, np.minimum(x, 0.0).sum(axis=(0, 2)), rtol=1e-5)
    assert [name for name, _ in module.named_parameters()] == ["weight"]
    module = nn.PReLU(3)
    report = check_gradients(lambda w, x: (nn.prelu(x, w.reshape(3, 1)) ** 2).sum(), module.weight.data, x.astype(float), order=2)
    assert report.ok, str(report)
    assert nn.PReLU()(Value(-2.0)).data == -0.5


def test_modules_are_subclassed_as_others() -> None:
    class Steeper(nn.ELU):
        """Computes elu with another alpha."""

        alpha: float = 2.0

    class Doubled(nn.CrossEntropyLoss):
        """Doubles the loss."""

        def forward(self, *inputs: Any) -> Any:
            return 2.0 * super().forward(*inputs)

    assert repr(Steeper()) == "Steeper(alpha=2.0)"
    assert Steeper()(-1.0) == nn.elu(-1.0, 2.0)
    logits = [[1.0, 2.0]]
    assert Doubled(label_smoothing=0.1)(logits, [1]) == 2.0 * nn.cross_entropy(logits, [1], label_smoothing=0.1)


@pytest.mark.parametrize("f", [nn.gelu, nn.mish, nn.silu, nn.softsign, nn.elu, nn.selu, nn.softplus])
def test_half_precision(f: Callable[..., Any]) -> None:
    numbers = np.array([-1000.0, -300.0, -12.0, -1.0, 0.5, 4.0, 12.0, 300.0, 1000.0])
    wide, x = Value(numbers), Value(numbers.astype(np.float16))
    for twin in (wide, x):
        f(twin).backward(np.ones(9, twin.dtype))
    assert f(x).dtype == x.grad.dtype == np.float16
    np.testing.assert_allclose(f(x).data, f(wide).data, rtol=3e-3, atol=1e-3)
    np.testing.assert_allclose(x.grad, wide.grad, rtol=3e-3, atol=1e-3)


@pytest.mark.parametrize(
    "f",
    [nn.leaky_relu, nn.softmax, nn.log_softmax, activations.normal_cdf_numpy, nn.gelu, nn.silu, nn.mish, nn.softsign, nn.softplus,
     nn.elu, nn.selu, nn.celu, nn.glu, nn.hard_sigmoid, nn.hard_tanh, nn.relu6, nn.relu],
)  # fmt: skip
def test_integers_are_computed_as_floats(f: Callable[..., Any]) -> None:
    for numbers in ([-2, 1], np.array([-2, 1])):
        np.testing.assert_array_equal(f(np.asarray(numbers)), f(np.array([-2.0, 1.0])))


def test_leaky_relu_of_a_plain_integer() -> None:
    assert nn.leaky_relu(-1) == -0.01


def test_the_slope_of_softsign_does_not_overflow() -> None:
    x = Value([1e200, -1e200])
    nn.softsign(x).backward([1.0, 1.0])
    np.testing.assert_array_equal(x.grad, 0.0)


def test_a_module_of_a_user_function() -> None:
    @primitive(x=lambda g, out, x, power: g * (power * x ** (power - 1.0)))
    def raised(x: Any, power: float = 2.0) -> Any:
        return x**power

    class Raised(nn.FunctionModule, function=raised):
        """Computes x to a power."""

        power: float = 2.0

    module = Raised(3.0)
    x = Value(2.0)
    module(x).backward()
    assert (repr(module), module.power, x.grad) == ("Raised(power=3.0)", 3.0, 12.0)

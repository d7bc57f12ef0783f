"""The promises of check_gradients(), assert_gradients() and check_model(), each with a test that can fail."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import nn
from autograd import Value, assert_gradients, check_gradients, check_model, exp, primitive, relu, sigmoid, tanh, where
from autograd.op import Op
from autograd.ops import abs, logsumexp, maximum, products
from autograd.ops.define import unary
from autograd.verify import GradientError, GradientReport, Verdict
from tests.sweeps import slow


def plain(x: Any) -> Any:
    """Numbers without their graph, for rules that have no derivative."""
    return x.data if isinstance(x, Value) else x


def squares(x: Any) -> Any:
    return (x * x).sum()


def failing_row(report: GradientReport) -> Any:
    """The worst row of a report that must say FAIL."""
    assert report.verdict is Verdict.FAIL, str(report)
    assert report.worst is not None
    return report.worst


class Counted:
    """A function that counts its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *inputs: Any) -> Any:
        self.calls += 1
        return self.function(*inputs)


# --- wrong rules ----------------------------------------------------------------------------------

FAULTS: dict[str, Callable[[Any], Any]] = {
    "zero": lambda c: c * 0.0,
    "sign": lambda c: -c,
    "twice": lambda c: 2.0 * c,
    "0.1 % off": lambda c: 1.001 * c,
    "0.001 % off": lambda c: 1.00001 * c,
    "constant": lambda c: c * 0.0 + 1.0,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_rule_is_caught(fault: str) -> None:
    wrong = unary("wrong", "wrong({})", np.sin, np.sin, lambda g, out, x: FAULTS[fault](g * np.cos(x.data)))
    assert failing_row(check_gradients(lambda x: wrong(x * 1.0), [0.3, 0.5, 1.2])).name == "x"


def test_a_transposed_rule_is_caught() -> None:
    def forward(x: Any, y: Any) -> Any: ...

    right = products.matmul
    wrong = Op(
        forward,
        {"x": lambda g, out, x, y: (g @ y.T).T, "y": right.rule_y},  # type: ignore[dict-item]
        name="wrong", symbol="", kind="linear", array=np.matmul,
    )  # fmt: skip
    data = np.random.default_rng(0).normal(size=(3, 3))
    assert check_gradients(right, data, data.T + 1.0).ok
    report = check_gradients(wrong, data, data.T + 1.0)
    assert {row.name: row.verdict for row in report.rows} == {"x": Verdict.FAIL, "y": Verdict.PASS}


# --- verdicts and their texts ---------------------------------------------------------------------


def test_pass() -> None:
    report = check_gradients(squares, [1.0, 2.0, 3.0])
    assert report.verdict is Verdict.PASS
    assert report.ok
    assert bool(report)
    lines = str(report).splitlines()
    assert lines[0].startswith("PASS: x of shape (3,), 3 slopes compared, ")
    assert lines[0].endswith(f"{report.evaluations} evaluations of at most 10,000")
    assert lines[1].startswith("largest difference at [")
    assert len(lines) == 2


def test_fail_names_the_element_its_slopes_and_second_opinions() -> None:
    def gradient(x: Any) -> Any:
        return np.where(np.arange(6.0).reshape(2, 3) == 4.0, 2.5, 2.0) * x

    report = check_gradients(lambda x: np.sum(x**2), np.full((2, 3), 3.0), gradient=gradient)
    row = failing_row(report)
    assert not report
    assert (row.name, row.index, row.shape) == ("x", (1, 1), (2, 3))
    np.testing.assert_allclose([row.claimed, row.measured], [7.5, 6.0], rtol=1e-8)
    assert row.bar < 1e-6
    text = str(report)
    assert text.startswith("FAIL: x of shape (2, 3) wrong, 6 slopes compared, ")
    for part in (
        "FAIL x: off by 1.5",
        "[1, 1]",
        "7.5",
        "the Taylor remainder shrinks like h^1.0",
        "complex step",
    ):
        assert part in text, part


def test_kink_says_the_slopes_of_both_sides() -> None:
    report = check_gradients(lambda x: np.maximum(2.0 * x, -x), 0.0, gradient=0.5)
    assert report.verdict is Verdict.KINK
    assert report.ok
    assert report.worst is not None
    np.testing.assert_allclose(report.worst.between or (), (-1.0, 2.0), rtol=1e-9)
    assert str(report).startswith("KINK, accepted: x at a kink")
    assert "KINK x: the one-sided slopes are -1 and 2" in str(report)


def test_jump() -> None:
    report = check_gradients(np.floor, 2.0, gradient=0.0)
    assert report.verdict is Verdict.JUMP
    assert not report.ok
    assert "JUMP x: the function jumps at this point" in str(report)


def test_inconclusive_says_why_and_where() -> None:
    report = check_gradients(lambda x: (x.sin() + 1e4).sum(), np.array([0.5, 1.5], dtype=np.float32))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert not report.ok
    assert report.worst is not None
    assert report.worst.unresolved == ((1,),)
    assert "its error bar is too wide: the rounding noise of the function hides the slope; unresolved at [1]" in str(report)
    report = check_gradients(lambda x: np.sin(x) + 1e14, 0.5, gradient=np.cos)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "the rounding noise of the function hides the slope" in str(report)
    assert "unresolved at" not in str(report)  # a number has no places


def test_a_slope_is_shown_per_unit_of_its_input() -> None:
    """Not as the slope along the step, which is 0.25 for an input of 0.3."""
    for size in (0.3, 3.0, 1e5):
        for f in (lambda x: x * 1.5, lambda x: (x * 1.5).sum()):
            row = check_gradients(f, [size]).rows[0]
            np.testing.assert_allclose([row.claimed, row.measured], 1.5, rtol=1e-8)
    row = check_gradients(lambda x: x**3, 2.0, order=2).rows[1]
    np.testing.assert_allclose([row.claimed, row.measured], 12.0, rtol=1e-6)


def test_assert_gradients_returns_the_report_or_raises_it() -> None:
    assert assert_gradients(np.sin, 0.5, gradient=np.cos).verdict is Verdict.PASS
    with pytest.raises(GradientError, match=r"^FAIL: x wrong") as caught:
        assert_gradients(np.sin, 0.5, gradient=lambda x: -np.cos(x), seed=3)
    assert isinstance(caught.value, AssertionError)
    assert str(caught.value) == str(caught.value.report)
    assert caught.value.report.seed == 3
    for not_accepted in (
        lambda: assert_gradients(np.floor, 2.0, gradient=0.0),
        lambda: assert_gradients(squares, [1.0], budget=1),
    ):
        with pytest.raises(GradientError, match="JUMP|INCONCLUSIVE"):
            not_accepted()


# --- the same call, the same report ---------------------------------------------------------------

LARGE = np.linspace(0.1, 1.0, 200)


@pytest.mark.parametrize("options", [{}, {"seed": 5}, {"order": 2}, {"budget": 60}])
def test_the_same_call_gives_the_same_report(options: dict[str, Any]) -> None:
    for f, x in ((lambda x: (x.sin() * x).sum(), LARGE), (lambda x: relu(x) * x, np.linspace(-1.0, 1.0, 5))):
        one, two = (check_gradients(f, x, **options) for _ in range(2))
        assert one.to_json() == two.to_json()
        assert one == two


def test_the_seed_changes_the_random_directions() -> None:
    reports = [check_gradients(lambda x: (x.sin() * x).sum(), LARGE, seed=seed) for seed in (0, 1)]
    assert all(reports)
    assert len({report.rows[0].claimed for report in reports}) == 2


def test_a_report_as_json() -> None:
    data = json.loads(check_gradients(np.sin, 0.5, gradient=lambda x: 2.0 * np.cos(x), seed=4).to_json())
    assert (data["verdict"], data["ok"], data["seed"], data["budget"]) == ("FAIL", False, 4, 10_000)
    assert (data["rows"][0]["name"], data["rows"][0]["verdict"]) == ("x", "FAIL")


# --- budget and cost ------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [1, 2, 5, 20, 30, 60])
def test_a_budget_bounds_evaluations_and_nothing_is_accepted_when_it_is_spent(budget: int) -> None:
    x = np.linspace(0.5, 1.5, 20)
    function = Counted(lambda x: np.sum(x**3))
    report = check_gradients(function, x, gradient=lambda x: 3.0 * x**2, budget=budget)
    assert function.calls <= budget
    recorded = Counted(lambda x: (x**3).sum())
    of_values = check_gradients(recorded, x, budget=budget)
    assert recorded.calls <= budget + of_values.gradients  # to record a graph for a gradient is a call as well
    for verified in (report, of_values):
        assert verified.verdict is Verdict.INCONCLUSIVE
        assert verified.evaluations <= budget == verified.budget
        assert verified.reason.startswith(f"the budget of {budget} evaluations is spent: give a larger one")
        assert f"reason: the budget of {budget}" in str(verified)


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_is_positive(budget: int) -> None:
    with pytest.raises(ValueError, match="budget"):
        check_gradients(squares, [1.0], budget=budget)


def test_a_wrong_gradient_stays_wrong_when_the_budget_is_spent() -> None:
    x = np.random.default_rng(0).normal(size=10_000)
    wrong = np.where(np.arange(10_000) == 1234, 2.02, 2.0)
    full = check_gradients(lambda x: np.sum(x**2), x, gradient=lambda x: wrong * x)
    assert failing_row(full).index == (1234,)
    part = check_gradients(lambda x: np.sum(x**2), x, gradient=lambda x: wrong * x, budget=full.evaluations // 2)
    assert part.evaluations <= full.evaluations // 2
    assert part.verdict is Verdict.FAIL, str(part)


def test_evaluations_count_every_call_of_the_function() -> None:
    function = Counted(np.sin)
    report = check_gradients(function, 0.5, gradient=np.cos)
    assert function.calls == report.evaluations


def network(*sizes: int) -> nn.Sequential:
    layers: list[Any] = []
    for number, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        layers += [nn.Linear(inputs, outputs, rng=number), nn.Tanh() if number % 2 == 0 else nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize(("sizes", "parameters"), [((64, 100, 30, 10), 9_840), ((300, 300, 100, 10), 121_410)])
def test_a_model_is_checked_with_at_most_60_evaluations_of_its_loss(sizes: tuple[int, ...], parameters: int) -> None:
    rng = np.random.default_rng(0)
    model = network(*sizes)
    assert sum(parameter.size for parameter in model.parameters()) == parameters
    loss = Counted(nn.cross_entropy)
    report = check_model(
        model, lambda scores, labels: loss(scores, labels), rng.normal(size=(32, sizes[0])), rng.integers(0, 10, 32)
    )
    assert report.verdict is Verdict.PASS, str(report)
    assert loss.calls <= 60
    assert len(report.rows) == 6
    assert all(row.compared for row in report.rows)


# --- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3])
def test_orders_have_rows_of_their_own(order: int) -> None:
    report = check_gradients(lambda x, y: (x**3 * y).sin().sum(), [0.5, 1.0], 0.7, order=order)
    assert report.verdict is Verdict.PASS, str(report)
    assert [(row.name, row.order) for row in report.rows] == [(name, n) for n in range(1, order + 1) for name in ("x", "y")]


@primitive(x=lambda g, out, x: g * np.cos(plain(x)))
def sine_without_second_derivative(x: Any) -> Any:
    return np.sin(x)


@primitive(x=lambda g, out, x: g * -np.sin(plain(x)))
def cosine_without_second_derivative(x: Any) -> Any:
    return np.cos(x)


@primitive(x=lambda g, out, x: g * cosine_without_second_derivative(x))
def sine_without_third_derivative(x: Any) -> Any:
    return np.sin(x)


@pytest.mark.parametrize(("f", "order"), [(sine_without_second_derivative, 2), (sine_without_third_derivative, 3)])
def test_a_wrong_derivative_is_found_at_its_order(f: Any, order: int) -> None:
    assert check_gradients(f, [0.3, 0.5], order=order - 1).verdict is Verdict.PASS
    report = check_gradients(f, [0.3, 0.5], order=order)
    assert failing_row(report).order == order
    assert f"FAIL x in order {order}: " in str(report)
    assert [row.order for row in report.rows if row.verdict is Verdict.FAIL] == [order]


def test_higher_orders_of_a_wrong_gradient_are_not_checked() -> None:
    wrong = primitive(x=lambda g, out, x: g * 2.0)(lambda x: np.sin(x))
    report = check_gradients(wrong, [0.3, 0.5], order=3)
    assert {row.order for row in report.rows} == {1}
    assert "note: order 2 was not checked, because order 1 is not accepted" in str(report)


@primitive(x=lambda g, out, x, y: g * y, y=lambda g, out, x, y: g * plain(x))
def product_with_one_mixed_derivative(x: Any, y: Any) -> Any:
    return x * y


def test_second_derivatives_that_are_not_symmetric_are_named() -> None:
    assert check_gradients(product_with_one_mixed_derivative, 1.5, 2.0).verdict is Verdict.PASS
    report = check_gradients(product_with_one_mixed_derivative, 1.5, 2.0, order=2)
    assert report.verdict is Verdict.FAIL
    assert any(sentence.startswith("the second derivatives are not symmetric: ") for sentence in report.broken)
    assert any("at the places (0, 1) and (1, 0) of the inputs in a row" in sentence for sentence in report.broken)


def test_the_gradient_of_values_is_that_of_numbers() -> None:
    """gradient() runs the rules on Values, backward() on numbers: one that differs between them is wrong."""
    for of_values, of_numbers in ((1.0, 2.0), (2.0, 1.0)):
        two_faced = primitive(x=lambda g, out, x, v=of_values, n=of_numbers: g * (v if isinstance(out, Value) else n))(
            lambda x: x * 1.0
        )
        assert check_gradients(two_faced, [0.3, 0.5], order=2).verdict is Verdict.FAIL


# --- inputs ---------------------------------------------------------------------------------------


def test_numbers_lists_and_integers_are_inputs() -> None:
    assert check_gradients(lambda x, y, z: (x * y).sum() * z, [[1, 2], [3, 4]], np.array([1, 2]), 3).verdict is Verdict.PASS


def test_leaves_and_modules_are_moved_in_place_and_restored() -> None:
    p, model = Value(np.array([1.0, 2.0], dtype=np.float32)), nn.Linear(2, 3, rng=0)
    values = [p, *model.parameters()]
    copies = [value.data.copy() for value in values]
    for number, value in enumerate(values):
        value.grad = np.full(value.shape, number + 0.5, dtype=value.dtype)
    report = check_gradients(lambda *_: (model(p) ** 2).sum() + p.exp().sum(), p, model, order=2)
    assert report.verdict is Verdict.PASS, str(report)
    assert [row.name for row in report.rows if row.order == 1] == ["input 0", "weight", "bias"]
    assert report.rows[0].dtype == "float32"
    for number, (value, copy) in enumerate(zip(values, copies, strict=True)):
        np.testing.assert_array_equal(value.data, copy)
        assert value.dtype == copy.dtype
        np.testing.assert_array_equal(value.grad, np.full(value.shape, number + 0.5))


def test_leaves_that_are_not_inputs_keep_their_gradients() -> None:
    """A function may close over parameters, whose .grad a check must not change."""
    weights = Value([1.0, 2.0])
    weights.grad = np.array([3.0, 4.0])
    assert check_gradients(lambda x: (x * weights).sum(), [0.5, 0.6], order=2).ok
    assert weights.data.tolist() == [1.0, 2.0]
    assert weights.grad.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("calls", [0, 1, 5, 15])
def test_leaves_are_restored_when_the_function_raises(calls: int) -> None:
    p, model = Value([1.0, 2.0]), nn.Linear(2, 1, rng=0)
    values = [p, *model.parameters()]
    copies = [value.data.copy() for value in values]
    for number, value in enumerate(values):
        value.grad = np.full(value.shape, number + 0.5)
    made = 0

    def fails(result: Any) -> Any:
        nonlocal made
        made += 1
        if made > calls:
            raise KeyError("unknown")
        return result

    with pytest.raises(KeyError, match="unknown"):
        check_gradients(lambda v, m: fails((m(v) * v).sum()), p, model)
    made = 0
    with pytest.raises(KeyError, match="unknown"):
        check_model(model, lambda prediction: fails(prediction.sum()), np.ones((1, 2)))
    for number, (value, copy) in enumerate(zip(values, copies, strict=True)):
        np.testing.assert_array_equal(value.data, copy)
        np.testing.assert_array_equal(value.grad, np.full(value.shape, number + 0.5))


def test_a_frozen_leaf_and_bools_are_constants() -> None:
    mask, frozen = np.array([True, False]), Value([5.0, 6.0], requires_grad=False)

    def f(x: Any, mask: Any, frozen: Any, flag: Any) -> Any:
        assert mask.tolist() == [True, False]
        assert flag is True
        assert frozen.data.tolist() == [5.0, 6.0]
        return where(mask, x * frozen, 0.0).sum()

    report = check_gradients(f, [1.0, 2.0], mask, frozen, True)
    assert report.verdict is Verdict.PASS, str(report)
    assert [row.name for row in report.rows] == ["x"]
    report = check_gradients(
        lambda x, m: np.sum(np.where(m, x, 0.0)), np.ones(2), mask, gradient=lambda x, m: (m.astype(float), None)
    )
    assert [row.name for row in report.rows] == ["x"]
    assert report.verdict is Verdict.PASS, str(report)


@dataclass
class Settings:
    """Parameters in a dataclass."""

    scale: Any
    inner: Any
    name: str = "settings"


def nested() -> Settings:
    return Settings(np.array([1.0, 2.0]), {"weights": [np.array([3.0, 4.0]), 5.0]})


def of_nested(p: Settings) -> Any:
    assert p.name == "settings"
    weights, bias = p.inner["weights"]
    return (p.scale * weights).sum() + bias**2


def test_parameters_may_be_nested() -> None:
    names = ["p.scale", "p.inner['weights'][0]", "p.inner['weights'][1]"]
    report = check_gradients(of_nested, nested(), order=2)
    assert report.verdict is Verdict.PASS, str(report)
    assert [row.name for row in report.rows if row.order == 1] == names

    def gradient(p: Settings) -> Settings:
        return Settings(p.inner["weights"][0].copy(), {"weights": [p.scale.copy(), 2.0 * p.inner["weights"][1]]})

    report = check_gradients(of_nested, nested(), gradient=gradient)
    assert report.verdict is Verdict.PASS, str(report)
    assert [row.name for row in report.rows] == names
    report = check_gradients(of_nested, nested(), gradient=lambda p: Settings(p.scale, gradient(p).inner))
    assert [row.name for row in report.rows if row.verdict is Verdict.FAIL] == ["p.scale"]


@pytest.mark.parametrize(("dtype", "mistake"), [(np.float64, 1e-5), (np.float32, 1e-3), (np.float16, 0.2)])
def test_inputs_are_judged_by_their_precision(dtype: Any, mistake: float) -> None:
    x = np.array([0.5, 1.5, -0.3], dtype=dtype)
    assert check_gradients(lambda x: (x.exp() * x).sum(), x).verdict is Verdict.PASS

    def gradient(x: Any, factor: float = 1.0) -> Any:
        return (np.exp(x) * (1 + x) * dtype(factor)).astype(dtype)

    report = check_gradients(lambda x: np.sum(np.exp(x) * x), x, gradient=gradient)
    assert report.verdict is Verdict.PASS, str(report)
    assert report.rows[0].dtype == np.dtype(dtype).name
    wrong = check_gradients(lambda x: np.sum(np.exp(x) * x), x, gradient=lambda x: gradient(x, 1.0 + mistake))
    assert wrong.verdict is Verdict.FAIL, str(wrong)


def test_a_function_sees_its_inputs_in_their_dtypes_and_types() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        assert (x.dtype, type(y.data), z.dtype) == (np.float32, float, np.float64)
        return (x * y).sum() + z.sum()

    assert check_gradients(f, np.ones(2, dtype=np.float32), 2.0, np.ones(2)).verdict is Verdict.PASS


def test_empty_inputs() -> None:
    for shape in ((0,), (2, 0)):
        assert check_gradients(lambda x: x * 2.0, np.zeros(shape), order=2).verdict is Verdict.PASS
        assert check_gradients(lambda x: x.sum(), np.zeros(shape)).verdict is Verdict.PASS
    report = check_gradients(lambda x, y: x.sum() + y * y, np.zeros((2, 0)), 3.0)
    assert [(row.name, row.compared) for row in report.rows] == [("x", 0), ("y", 1)]
    assert report.verdict is Verdict.PASS
    wrong = primitive(x=lambda g, out, x, y: g, y=lambda g, out, x, y: g)(lambda x, y: np.sum(x) + y * y)
    assert failing_row(check_gradients(wrong, np.zeros((2, 0)), 3.0)).name == "y"


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: check_gradients(cast(Any, 3), 1.0), TypeError, r"takes a function first, got 3: check_grad"),
        (lambda: check_gradients(np.sin), TypeError, "needs the inputs of the function"),
        (lambda: check_gradients(np.sin, 1.0, order=0), ValueError, "order is 1 for gradients, .*, got 0"),
        (lambda: check_gradients(np.sin, 1.0, order=2, gradient=np.cos), ValueError,
         r"with gradient=, order is 1: verify second derivatives as check_gradients\(gradient, \*inputs, gradient=hessian\)"),
        (lambda: check_gradients(np.multiply, 1.0, 2.0, gradient=lambda x, y: (y,)), ValueError,
         "gradient= needs a tuple of 2, one gradient for each input, got a tuple of 1"),
        (lambda: check_gradients(np.multiply, 1.0, 2.0, gradient=lambda x, y: y), ValueError, "got a float"),
        (lambda: check_gradients(squares, Value(1.0) * 2.0), TypeError,
         "x is a Value computed by mul: pass leaves, or compute it inside of the function"),
        (lambda: check_gradients(lambda p: p["a"] * 2.0, {"a": Value(1.0) * 2.0}), TypeError, r"p\['a'\] is a Value"),
        (lambda: check_gradients(lambda x: x.data.sum(), [1.0]), TypeError,
         "must return a Value, but it returned float.*: compute it from its arguments .* or give gradient=..."),
        (lambda: check_gradients(lambda x: None, 1.0), TypeError, "must return a Value, but it returned nothing"),
        (lambda: check_gradients(lambda x: "loss", 1.0), TypeError, "returned 'loss', a str: results are numbers, arrays"),
        (lambda: check_gradients(np.fft.fft, np.ones(3), gradient=np.cos), ValueError,
         r"returned a complex number, .*: return a real one; take \.real, or abs\(\)"),
        (lambda: check_gradients(np.sin, np.array([1j])), TypeError, r"complex .*; take \.real and \.imag apart"),
        (lambda: check_gradients(np.sin, 1j, gradient=np.cos), TypeError, "complex"),
        (lambda: check_gradients(np.sin, "0.5"), TypeError,
         "the input 'x' is '0.5', a str: inputs are numbers, arrays, .*; close over anything else"),
        (lambda: check_gradients(np.sin, {1.0}), TypeError, "a set: inputs are numbers"),
        (lambda: check_gradients(lambda x: (x * 2.0, x), np.ones(2), gradient=2.0), ValueError,
         "for functions with one number or array as their result, but this one returned 2: join them with np.concatenate"),
        (lambda: check_gradients(lambda p: p["a"] * p["b"], {"a": 1.0, "b": 2.0}, gradient=lambda p: {"a": p["b"]}), ValueError,
         r"expected a dict with the keys \['a', 'b'\], got the keys \['a'\]"),
        (lambda: check_gradients(np.sum, np.ones(2), gradient=lambda x: "ones"), TypeError, "return a real number or an array"),
        (lambda: check_model(lambda x: x, nn.mse_loss, 1.0), TypeError, r"takes a module, .*, got <f"),
        (lambda: check_model(nn.Linear(1, 1), cast(Any, 3), [1.0]), TypeError, "takes a loss function second, got 3"),
        (lambda: check_model(nn.Linear(1, 1), lambda a: a, [1.0], [1.0], 1), TypeError,
         r"the loss takes neither \(prediction, \*targets\) nor \(model, \*batch\) with this batch of 3 arguments"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_what_to_do(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: check_gradients(lambda x: None, 1.0, gradient=0.0),
        lambda: check_gradients(lambda m: 1.0, np.array([True]), gradient=0.0),
        lambda: check_model(frozen(nn.Linear(2, 1, rng=0)), nn.mse_loss, np.ones((3, 2)), np.ones((3, 1))),
    ],
)
def test_where_there_is_nothing_to_check_nothing_is_accepted(call: Callable[[], GradientReport]) -> None:
    """No result, no input that moves, no parameter that learns: a check of nothing must not look like a success."""
    try:
        report = call()
    except (TypeError, ValueError):
        return
    assert not report.ok, str(report)


def frozen(model: Any) -> Any:
    for parameter in model.parameters():
        parameter.requires_grad = False
    return model


# --- a claimed gradient ---------------------------------------------------------------------------


def test_a_gradient_may_be_arrays() -> None:
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert check_gradients(lambda x, y: np.sum(x * y), x, y, gradient=(y, x)).verdict is Verdict.PASS
    report = check_gradients(lambda x, y: np.sum(x * y), x, y, gradient=(y, y))
    assert [row.verdict for row in report.rows] == [Verdict.PASS, Verdict.FAIL]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda b: np.ones((6, 3)), ": it looks as if it was not summed over the broadcast axes (0,)"),
        (lambda b: np.ones((2, 6, 3)), ": it looks as if it was not summed over the broadcast axes (0, 1)"),
        (lambda b: np.ones(4), ""),
        (lambda b: np.ones((3, 3)), None),
    ],
)
def test_a_gradient_of_wrong_shape_fails_with_a_hint(wrong: Any, hint: str | None) -> None:
    report = check_gradients(lambda b: np.sum(np.ones((6, 3)) + b), np.zeros(3), gradient=wrong)
    assert report.verdict is Verdict.FAIL
    shape = wrong(None).shape
    sentence = f"the gradient of b has the shape {shape}, expected (3,), the shape of the result and then that of the input"
    assert [text for text in report.broken if text.startswith(sentence) and (hint is None or text == sentence + hint)]
    assert f"broken contract: {sentence}" in str(report)


def test_one_nan_in_a_gradient_fails() -> None:
    x = np.linspace(0.1, 1.0, 500)
    report = check_gradients(lambda x: np.sum(x**2), x, gradient=lambda x: np.where(np.arange(500) == 321, np.nan, 2.0 * x))
    assert failing_row(report).index == (321,)
    assert "the claimed slope is not a number" in str(report)
    report = check_gradients(np.sin, 0.5, gradient=np.inf)
    assert "the claimed slope is infinite, the measured one is not" in str(report)
    assert report.verdict is Verdict.FAIL


# --- contracts ------------------------------------------------------------------------------------


def broken(report: GradientReport) -> str:
    assert report.verdict is Verdict.FAIL, str(report)
    assert all(f"broken contract: {sentence}" in str(report) for sentence in report.broken)
    return "; ".join(report.broken)


def test_a_rule_is_linear_in_its_cotangent() -> None:
    square = primitive(x=lambda g, out, x: g * g)(lambda x: x * 1.0)
    assert broken(check_gradients(square, [0.3, 0.5])) == "the gradient of x is not linear in the cotangent of the output"
    affine = primitive(x=lambda g, out, x: 2.0 * g + 1e-3)(lambda x: x * 2.0)
    sentence = broken(check_gradients(lambda x: affine(x).sum(), [0.3, 0.5]))
    assert "a cotangent of zero gives a gradient of x that is not zero" in sentence


def test_no_input_is_changed_in_place() -> None:
    def forward(x: Any) -> Any:
        result = (x * 2.0).sum()
        np.multiply(x.data, 1.5, out=x.data)
        return result

    def changes(g: Any, out: Any, x: Any) -> Any:
        np.multiply(plain(x), 1.5, out=plain(x))
        return g * 2.0

    assert broken(check_gradients(forward, [1.0, 2.0])) == "the input x was changed in place"
    backward = primitive(x=changes)(lambda x: x * 2.0)
    assert broken(check_gradients(backward, [1.0, 2.0])) == "the input x was changed in place"


def test_no_input_of_a_plain_function_is_changed_in_place() -> None:
    def forward(x: Any) -> Any:
        x *= 2.0
        return np.sum(x)

    def backward(x: Any) -> Any:
        x *= 0.0
        return x + 2.0

    right = {"f": lambda x: 2.0 * np.sum(x), "gradient": lambda x: np.full(2, 2.0)}
    assert check_gradients(right["f"], np.ones(2), gradient=right["gradient"]).verdict is Verdict.PASS
    assert broken(check_gradients(forward, np.ones(2), gradient=right["gradient"])) == "the function changes its input in place"
    assert broken(check_gradients(right["f"], np.ones(2), gradient=backward)) == "the gradient changes its input in place"
    x = np.ones(2)
    check_gradients(forward, x, gradient=backward)
    assert x.tolist() == [1.0, 1.0]


def test_returned_gradients_share_no_memory() -> None:
    def gradient(x: Any, y: Any) -> Any:
        ones = np.ones(2)
        return ones, ones

    f: Any = lambda x, y: np.sum(x + y)  # noqa: E731
    assert check_gradients(f, np.ones(2), np.ones(2), gradient=lambda x, y: (np.ones(2), np.ones(2))).ok
    report = check_gradients(f, np.ones(2), np.ones(2), gradient=gradient)
    assert broken(report) == "two of the returned gradients share memory: adding to one changes the other"


def test_a_gradient_has_the_dtype_of_its_input() -> None:
    report = check_gradients(np.sum, np.ones(2), gradient=lambda a: np.ones(2, dtype=np.float32))
    assert broken(report) == "the gradient of a has the dtype float32, but the input has float64"
    assert check_gradients(np.sum, np.ones(2), gradient=lambda a: np.ones(2)).verdict is Verdict.PASS


# --- what cannot be measured ----------------------------------------------------------------------


def test_a_function_that_is_not_deterministic() -> None:
    rng = np.random.default_rng(0)
    report = check_gradients(lambda x: (x * rng.normal(size=2)).sum(), [1.0, 2.0])
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reason.startswith("the function is not deterministic: two calls at one point differ by ")
    assert report.reason.endswith("; fix its seed, or turn off dropout")
    report = check_gradients(np.sum, np.ones(2), gradient=lambda x: rng.normal(size=2))
    assert report.reason == "the gradient is not deterministic: two calls at one point differ"
    assert not report.ok


@pytest.mark.parametrize(
    ("f", "x", "found"), [(np.log, -1.0, "nan"), (np.exp, 800.0, "inf"), (lambda x: np.divide(1.0, x), 0.0, "inf")]
)
def test_a_function_that_is_not_finite(f: Any, x: float, found: str) -> None:
    with np.errstate(all="ignore"):
        for report in (check_gradients(f, x), check_gradients(f, np.float64(x), gradient=0.0)):
            assert report.verdict is Verdict.INCONCLUSIVE
            assert report.reason == f"the function is not finite at this point: it gives [{found}]"


@pytest.mark.parametrize(
    ("dtype", "offsets"),
    [(np.float64, 10.0 ** np.arange(10, 18)), (np.float32, 10.0 ** np.arange(3, 9)), (np.float16, 10.0 ** np.arange(1, 5))],
)
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (np.tanh, lambda x: 1.0 - np.tanh(x) ** 2),
        *(pytest.param(*pair, marks=pytest.mark.slow) for pair in ((np.sin, np.cos), (np.exp, np.exp))),
    ],
)
def test_a_slope_that_rounding_hides_is_neither_accepted_nor_rejected(f: Any, slope: Any, dtype: Any, offsets: Any) -> None:
    for offset in offsets.astype(dtype):
        for x in np.array([[0.5], [1.5], [-0.7]], dtype=dtype):

            def hidden(x: Any, offset: Any = offset) -> Any:
                return np.sum(f(x) + offset)

            for report in (check_gradients(hidden, x, gradient=slope), check_gradients(hidden, x)):
                assert report.verdict is not Verdict.FAIL, f"{offset:g}: {report}"
            wrong = check_gradients(hidden, x, gradient=lambda x: -slope(x))
            assert not wrong.ok, f"{offset:g}: {wrong}"


def test_a_point_at_the_edge_of_a_domain_has_a_slope_on_one_side() -> None:
    def raises(x: float) -> float:
        if x < 0.0:
            raise ValueError("below zero")
        return 2.0 * x

    for f, slope in ((raises, 2.0), (lambda x: x * np.sqrt(x), 0.0)):
        assert check_gradients(f, 0.0, gradient=slope).verdict is Verdict.PASS
        assert check_gradients(f, 0.0, gradient=slope + 0.5).verdict is Verdict.FAIL
    assert check_gradients(np.sqrt, 0.0).verdict is Verdict.PASS  # inf
    assert check_gradients(np.sqrt, 0.0, gradient=1e9).verdict is Verdict.FAIL


def test_a_function_that_is_defined_at_one_point_only() -> None:
    def f(x: float) -> float:
        if x != 1.0:
            raise ValueError("elsewhere")
        return x

    report = check_gradients(f, 1.0, gradient=1.0)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "the function is not finite on either side of this point" in str(report)
    assert "unresolved at" not in str(report)  # a number has no places


def test_errors_unrelated_to_the_domain_are_raised() -> None:
    calls = Counted(np.sin)

    def f(x: float) -> Any:
        if calls.calls > 5:
            raise TypeError("a mistake in the function")
        return calls(x)

    with pytest.raises(TypeError, match="a mistake in the function"):
        check_gradients(f, 0.5, gradient=np.cos)


# --- Jacobians ------------------------------------------------------------------------------------


def wrong_at(jacobian: Callable[[Any], Any], index: Any, factor: float) -> Callable[[Any], Any]:
    def changed(x: Any) -> Any:
        result = jacobian(x).copy()
        result[index] *= factor
        return result

    return changed


@pytest.mark.parametrize("outputs", [3, 64, 65, 500])
def test_one_wrong_element_of_a_jacobian_is_found(outputs: int) -> None:
    matrix = np.random.default_rng(0).normal(size=(outputs, 5))
    x = np.linspace(-1.0, 1.0, 5)

    def f(x: Any) -> Any:
        return np.sin(matrix @ x)

    def jacobian(x: Any) -> Any:
        return np.cos(matrix @ x)[:, None] * matrix

    right = check_gradients(f, x, gradient=jacobian)
    assert right.verdict is Verdict.PASS, str(right)
    combined = f"of the {outputs:,} outputs" in " ".join(right.notes)
    assert combined == (outputs > 64)
    row = failing_row(check_gradients(f, x, gradient=wrong_at(jacobian, (outputs // 2, 3), 1.001)))
    assert row.index == (3,)
    assert row.output == (None if combined else (outputs // 2,))
    assert check_gradients(lambda x: np.sin(Value(matrix) @ x), x, order=2).verdict is Verdict.PASS


def test_axes_of_a_jacobian_are_those_of_the_result_and_then_of_the_input() -> None:
    x = np.arange(6.0).reshape(2, 3) + 1.0
    jacobian = np.einsum("ib,ja->ijab", np.eye(3), np.eye(2))  # of the transpose
    assert check_gradients(np.transpose, x, gradient=jacobian).verdict is Verdict.PASS
    exchanged = np.einsum("ia,jb->jiab", np.eye(2), np.eye(3))
    assert exchanged.shape == jacobian.shape
    np.testing.assert_array_equal(exchanged, jacobian)
    row = failing_row(check_gradients(lambda x: x**2, x, gradient=np.zeros((2, 3, 2, 3))))
    assert (row.output, row.index) == (row.index, row.output)


def test_rows_of_zeros() -> None:
    def f(x: Any) -> Any:
        return np.stack([x[0] ** 2, 3.0 + 0.0 * x[1], x[2] * x[0]])

    def jacobian(x: Any) -> Any:
        return np.array([[2.0 * x[0], 0.0, 0.0], [0.0, 0.0, 0.0], [x[2], 0.0, x[0]]])

    x = np.array([1.0, 2.0, 3.0])
    assert check_gradients(f, x).verdict is Verdict.PASS
    assert check_gradients(f, x, gradient=jacobian).verdict is Verdict.PASS
    for index in np.ndindex(3, 3):
        changed = jacobian(x)
        changed[index] += 1e-4
        row = failing_row(check_gradients(f, x, gradient=changed))
        assert (row.output, row.index) == ((index[0],), (index[1],))


def test_several_results_are_named() -> None:
    wrong = primitive(x=lambda g, out, x: g * 2.5)(lambda x: x * 2.0)
    report = check_gradients(lambda x: {"loss": (x * x).sum(), "parts": [x, wrong(x)]}, [1.0, 2.0])
    assert failing_row(report).output in {("['parts'][1]", 0), ("['parts'][1]", 1)}
    assert "of output ['parts'][1][" in str(report)


# --- many elements --------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", [1.01, *slow(2.0, 0.0)])
def test_one_wrong_element_of_100_000_is_named(mistake: float) -> None:
    weights, x = np.random.default_rng(0).normal(size=(2, 100_000))
    function = Counted(lambda x: np.sum(weights * np.sin(x)))

    def gradient(x: Any) -> Any:
        return weights * np.cos(x)

    right = check_gradients(function, x, gradient=gradient)
    assert right.verdict is Verdict.PASS, str(right)
    assert function.calls <= 60
    function.calls = 0
    report = check_gradients(function, x, gradient=wrong_at(gradient, 31_234, mistake))
    row = failing_row(report)
    assert row.index == (31_234,)
    np.testing.assert_allclose([row.claimed, row.measured], gradient(x)[31_234] * np.array([mistake, 1.0]), rtol=1e-6)
    assert function.calls <= 2_000


def test_a_small_mistake_everywhere_is_found() -> None:
    x = np.random.default_rng(0).normal(size=10_000)
    for factor in (1.00001, -1.0, 0.0):
        report = check_gradients(lambda x: np.sum(x**2), x, gradient=lambda x, factor=factor: 2.0 * factor * x)
        assert report.verdict is Verdict.FAIL, str(report)


# --- kinks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (lambda x: np.maximum(x, 0.0), 0.0, 1.0), (np.abs, -1.0, 1.0), (lambda x: np.maximum(x, 0.1 * x), 0.1, 1.0),
        (lambda x: np.minimum(x, 3.0 * x) + 7.0, 1.0, 3.0), (lambda x: 1e-6 * np.abs(x), -1e-6, 1e-6),
        (lambda x: np.where(x < 0.0, np.exp(x), 1.0 + 2.0 * x), 1.0, 2.0),
    ],
)  # fmt: skip
def test_only_slopes_between_the_one_sided_ones_are_accepted(f: Any, low: float, high: float) -> None:
    for part in (0.0, 0.3, 0.5, 1.0):
        report = check_gradients(f, 0.0, gradient=low + part * (high - low))
        assert report.verdict is Verdict.KINK, f"{part}: {report}"
        assert report.ok
    for part in (-0.1, 1.1, -1.0, 2.0):
        assert check_gradients(f, 0.0, gradient=low + part * (high - low)).verdict is Verdict.FAIL


@pytest.mark.parametrize(("claim", "right"), [
    ((1.0, 0.0), True), ((0.0, 1.0), True), ((0.5, 0.5), True), ((0.3, 0.7), True),
    ((1.0, 1.0), False), ((0.0, 0.0), False), ((1.2, -0.2), False), ((0.2, 0.2), False),
])  # fmt: skip
def test_shares_of_a_tie_add_up(claim: tuple[float, float], right: bool) -> None:
    """Each of (1, 1) is a one-sided slope of max(x, y), but together they are no gradient."""
    verdict = Verdict.KINK if right else Verdict.FAIL
    assert check_gradients(np.maximum, 2.0, 2.0, gradient=claim).verdict is verdict
    assert check_gradients(np.max, np.array([2.0, 2.0, 1.0]), gradient=np.array([*claim, 0.0])).verdict is verdict


@pytest.mark.parametrize(
    "f",
    [
        relu,
        abs,
        lambda x: maximum(x, 0.0),
        lambda x: maximum(x, -x),
        lambda x: where(x > 0.0, x, 0.0),
        lambda x: x.clip(0.0, 1.0),
    ],
)
def test_the_conventions_of_the_operations_at_kinks_are_accepted(f: Any) -> None:
    report = check_gradients(f, [0.0, 0.5, -0.5])
    assert report.verdict is Verdict.KINK, str(report)
    assert [row.index for row in report.rows] == [(0,)]


def test_kinks_among_many_elements() -> None:
    x = np.linspace(-1.0, 1.0, 1000)
    x[[17, 400, 817]] = 0.0
    report = check_gradients(lambda x: relu(x).sum(), x)
    assert report.verdict is Verdict.KINK, str(report)
    report = check_gradients(lambda x: np.sum(np.maximum(x, 0.0)), x, gradient=lambda x: np.where(x == 0.0, 1.5, x > 0.0))
    assert failing_row(report).index in {(17,), (400,), (817,)}


def test_near_a_kink_only_the_slope_of_its_own_side_is_right() -> None:
    for x in (1e-3, 1e-6, 1e-9):
        assert check_gradients(np.abs, x, gradient=1.0).ok
        assert check_gradients(np.abs, x, gradient=-1.0).verdict is Verdict.FAIL
        assert not check_gradients(np.abs, x, gradient=0.0).ok


def test_at_a_kink_there_is_no_second_derivative_to_compare() -> None:
    report = check_gradients(lambda x: (relu(x) * exp(x)).sum(), [0.0, 1.0], order=2)
    assert report.verdict is Verdict.KINK, str(report)
    assert "there is no second derivative: the slope jumps at a kink" in str(report)
    report = check_gradients(lambda x: (x * abs(x)).sum(), [0.0, 1.0], order=2)
    assert [row.verdict for row in report.rows] == [Verdict.PASS, Verdict.KINK]


# --- models ---------------------------------------------------------------------------------------


class Net(nn.Module):
    """Two layers with a custom activation."""

    def __init__(self, activation: Any) -> None:
        self.first, self.second = nn.Linear(3, 4, rng=0), nn.Linear(4, 2, rng=1)
        self.activation = activation

    def forward(self, x: Any) -> Any:
        return self.second(self.activation(self.first(x)))


NAMES = ["first.weight", "first.bias", "second.weight", "second.bias"]
BATCH = np.random.default_rng(0).normal(size=(6, 3)), np.random.default_rng(1).normal(size=(6, 2))


@primitive(x=lambda g, out, x: g * (sigmoid(x) + x * sigmoid(x) * (1.0 - sigmoid(x))))
def swish(x: Any) -> Any:
    return x / (1.0 + np.exp(-x))


@primitive(x=lambda g, out, x: g * sigmoid(x))
def swish_with_a_term_missing(x: Any) -> Any:
    return x / (1.0 + np.exp(-x))


def test_both_forms_of_a_loss() -> None:
    model = Net(tanh)
    losses: list[Any] = [
        nn.mse_loss,
        lambda model, x, y: nn.mse_loss(model(x), y),
        lambda prediction, targets, scale=2.0: scale * nn.mse_loss(prediction, targets),
        lambda *arguments: nn.mse_loss(*arguments),
    ]
    for loss in losses:
        report = check_model(model, loss, *BATCH, order=2)
        assert report.verdict is Verdict.PASS, str(report)
        assert [row.name for row in report.rows if row.order == 1] == NAMES
        assert all(name in str(report) for name in NAMES)
    assert check_model(model, lambda model: sum((p * p).sum() for p in model.parameters())).verdict is Verdict.PASS
    assert check_model(model, lambda prediction: (prediction**2).sum(), BATCH[0]).verdict is Verdict.PASS


def test_a_loss_of_the_model_with_defaults_is_called_with_the_model() -> None:
    seen: list[Any] = []

    def loss(model: Any, x: Any, y: Any = None) -> Any:
        seen.append(model)
        return nn.mse_loss(model(x), BATCH[1])

    model = Net(tanh)
    assert check_model(model, loss, BATCH[0]).verdict is Verdict.PASS
    assert seen[-1] is model


def test_a_wrong_operation_in_a_model_is_found() -> None:
    assert check_model(Net(swish), nn.mse_loss, *BATCH, order=2).verdict is Verdict.PASS
    report = check_model(Net(swish_with_a_term_missing), nn.mse_loss, *BATCH)
    assert {row.name: row.verdict for row in report.rows} == dict(
        zip(NAMES, [Verdict.FAIL, Verdict.FAIL, Verdict.PASS, Verdict.PASS], strict=True)
    )
    assert str(report).startswith("FAIL: 2 of 4 parameters wrong")


def test_a_wrong_operation_in_a_large_model_is_found() -> None:
    rng = np.random.default_rng(0)
    for activation, verdict in ((swish, Verdict.PASS), (swish_with_a_term_missing, Verdict.FAIL)):
        model = Net(activation)
        model.first, model.second = nn.Linear(100, 80, rng=0), nn.Linear(80, 10, rng=1)
        report = check_model(model, nn.cross_entropy, rng.normal(size=(16, 100)), rng.integers(0, 10, 16))
        assert report.verdict is verdict, str(report)
        assert [row.verdict for row in report.rows] == [verdict, verdict, Verdict.PASS, Verdict.PASS]


def test_frozen_parameters_are_left_out_and_the_others_restored() -> None:
    model = Net(tanh)
    frozen(model.first)
    before = {name: parameter.data.copy() for name, parameter in model.named_parameters()}
    report = check_model(model, nn.mse_loss, *BATCH)
    assert report.verdict is Verdict.PASS, str(report)
    assert [row.name for row in report.rows] == NAMES[2:]
    for name, parameter in model.named_parameters():
        np.testing.assert_array_equal(parameter.data, before[name])
        assert not np.any(parameter.grad)


def test_a_gradient_that_does_not_arrive_is_found() -> None:
    @primitive(x=lambda g, out, x: g * 0.0)
    def cut(x: Any) -> Any:
        return np.tanh(x)

    report = check_model(Net(cut), nn.mse_loss, *BATCH)
    assert [row.name for row in report.rows if row.verdict is Verdict.FAIL] == NAMES[:2]


def test_a_progress_bar_needs_tqdm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    model = Net(tanh)
    assert check_model(model, nn.mse_loss, *BATCH, progress=True).ok
    shown = capsys.readouterr().err
    assert all(name in shown for name in NAMES)
    check_model(model, nn.mse_loss, *BATCH, progress=False)
    check_model(model, nn.mse_loss, *BATCH)  # no terminal here
    assert capsys.readouterr().err == ""
    found = builtins.__import__

    def without_tqdm(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "tqdm":
            raise ImportError("no module named tqdm")
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    with pytest.raises(ImportError, match=r"a progress bar needs tqdm: pip install 'valuegrad\[demos\]', or progress=False"):
        check_model(model, nn.mse_loss, *BATCH, progress=True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert check_model(model, nn.mse_loss, *BATCH).ok
    assert check_gradients(squares, [1.0]).ok


# --- any function with an exact derivative --------------------------------------------------------


@dataclass
class Random:
    """The sum over elements of a polynomial and a wave, its derivative, and the size of its terms."""

    coefficients: list[float]
    amplitude: float
    frequency: float

    def __call__(self, x: Any) -> Any:
        terms: Any = sum(c * x**power for power, c in enumerate(self.coefficients, start=1))
        return np.sum(terms + self.amplitude * np.sin(self.frequency * x))

    def slope(self, x: Any) -> Any:
        terms: Any = sum(power * c * x ** (power - 1) for power, c in enumerate(self.coefficients, start=1))
        return terms + self.amplitude * self.frequency * np.cos(self.frequency * x)

    def size(self, x: Any) -> Any:
        terms: Any = sum(np.abs(c * x**power) for power, c in enumerate(self.coefficients, start=1))
        return terms + np.abs(self.amplitude)


numbers = st.floats(0.1, 3.0) | st.floats(-3.0, -0.1)
functions = st.builds(Random, st.lists(numbers, min_size=1, max_size=5), numbers, numbers)
points = st.lists(numbers, min_size=1, max_size=6).map(np.array)


@given(functions, points, st.integers(0, 5))
def test_an_exact_derivative_passes_and_one_element_1e_5_off_fails(function: Random, x: Any, place: int) -> None:
    report = check_gradients(function, x, gradient=function.slope)
    assert report.verdict is Verdict.PASS, str(report)
    assert check_gradients(function, x, order=2).verdict is Verdict.PASS
    element = place % len(x)
    assume(abs(function.slope(x)[element] * x[element]) > 0.1 * np.sum(function.size(x)))
    row = failing_row(check_gradients(function, x, gradient=wrong_at(function.slope, element, 1.0 + 1e-5)))
    assert row.index == (element,)


@pytest.mark.parametrize("matrix", [np.diag([2.0, 1e-9, -1.0]), np.diag([1.0, 1e-3, 1e-6, 1e-9])])
def test_zero_slopes_of_a_factorisation_are_distinguished_from_its_rounding(matrix: Any) -> None:
    """Its rules round inside, where no intermediate result shows the error."""
    assert check_gradients(np.linalg.det, matrix, order=2).verdict is Verdict.PASS


def test_a_component_that_is_not_finite_at_one_width_may_stay_zero() -> None:
    """A step that makes the only weight of a column zero gives nan for the other one, whose slope is zero elsewhere."""
    x, weights = np.array([[-1.5, -0.5], [0.5, 0.25]]), np.array([[0.0, 0.5], [3.0, 0.0]])
    assert check_gradients(lambda x, b: logsumexp(x, axis=0, b=b), x, weights, order=2).verdict is Verdict.PASS

"""Custom operations, their verification, and hooks on gradients."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import numpy as np
import pytest

from autograd import Value, checkpoint, debug, exp, grad, gradient, hessian, jvp, primitive, where
from autograd.hooks import HOOKED
from autograd.verify import Verdict, check_operation


@primitive(x=lambda g, out, x: g * (out * (1.0 - out)))
def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x))


@primitive(
    symbol="{} <> {}",
    x=lambda g, out, x, y, power: g * (power * (x - y) ** (power - 1)),
    y=lambda g, out, x, y, power: g * (-power * (x - y) ** (power - 1)),
)
def apart(x: Any, y: Any, power: int = 2) -> Any:
    """(x - y) ** power."""
    return (x - y) ** power


# --- custom operations ----------------------------------------------------------------------------


def test_a_custom_operation_works_on_floats_arrays_and_values_at_every_order() -> None:
    assert logistic(0.0) == 0.5
    assert logistic([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert type(logistic(Value(0.0)).data) is float
    x = np.array([0.3, -1.0])
    np.testing.assert_allclose(grad(lambda x: logistic(x).sum())(x), logistic(x) * (1 - logistic(x)))
    np.testing.assert_allclose(
        np.diag(hessian(lambda x: logistic(x).sum())(x)), logistic(x) * (1 - logistic(x)) * (1 - 2 * logistic(x))
    )
    assert jvp(logistic, (0.0,), (1.0,))[1] == 0.25
    out = apart(Value(np.ones((2, 3))), Value([1.0, 2.0, 4.0]), power=3)
    assert out.data[0].tolist() == [0.0, -1.0, -27.0]
    assert (out.op.name, repr(out.op)) == ("apart", "<op apart(x, y, power=2)>")


def test_a_custom_operation_passes_the_sweep_of_the_table() -> None:
    rng = np.random.default_rng(0)
    for shapes in ([()], [(3,)], [(2, 3)], [(0,)]):
        report = check_operation(logistic, *(rng.normal(size=shape) if shape else 0.4 for shape in shapes))
        assert report.ok, str(report)
    report = check_operation(lambda x, y: apart(x, y, 3), rng.normal(size=(2, 3)), rng.normal(size=3))
    assert report.ok, str(report)


def test_a_pickle_holds_the_name_of_a_custom_operation() -> None:
    assert pickle.loads(pickle.dumps(logistic)) is logistic


@pytest.mark.parametrize(
    ("rule", "order"),
    [
        (lambda g, out, x: g * 1.001 * np.cos(x.data if isinstance(x, Value) else x), 1),
        (lambda g, out, x: g * np.cos(x.data if isinstance(x, Value) else x), 2),  # no second derivative
        (lambda g, out, x: 0.0 * g, 1),
    ],
)
def test_wrong_rules_are_caught(rule: Any, order: int) -> None:
    report = check_operation(primitive(x=rule)(lambda x: np.sin(x)), [0.3, 0.5])
    assert report.verdict is Verdict.FAIL
    assert report.worst is not None
    assert (report.worst.name, report.worst.order, report.worst.verdict) == ("x", order, Verdict.FAIL)


@pytest.mark.parametrize(("of_values", "of_numbers"), [(1.0, 2.0), (2.0, 1.0)])
def test_a_rule_that_differs_on_values_and_numbers_is_caught(of_values: float, of_numbers: float) -> None:
    """Otherwise backward() and gradient() would differ."""

    @primitive(x=lambda g, out, x: g * (of_values if isinstance(out, Value) else of_numbers))
    def two_faced(x: Any) -> Any:
        return x * 1.0

    assert check_operation(two_faced, [0.3, 0.5]).verdict is Verdict.FAIL


def test_broken_contracts_are_named() -> None:
    report = check_operation(lambda x: x * 1.0 if isinstance(x, Value) else x * 2.0, [0.3])
    assert report.verdict is Verdict.FAIL
    assert report.broken == ("the value, on Values and on plain data: 0.3 and 0.6",)


def test_mistakes_in_the_definition_are_named() -> None:
    with pytest.raises(
        TypeError,
        match=r"needs rules for arguments of named_f\(x, y\), by name, but got a rule for 'z': @",
    ):
        primitive(z=lambda g, out, x, y: g)(named_f)
    with pytest.raises(TypeError, match="but got no rule"):
        primitive()(named_f)
    bad = primitive(x=lambda g, out, x, y: g)(lambda x, y: (x, y))
    with pytest.raises(TypeError, match=r"returned tuple: an operation returns one real number or array"):
        bad(Value(1.0), 2.0)
    complex_result = primitive(x=lambda g, out, x: g)(lambda x: x * 1j)
    with pytest.raises(TypeError, match=r"returned the dtype complex128"):
        complex_result(Value([1.0, 2.0]))
    with pytest.raises(
        TypeError, match="argument number 3, 'power', which is a Value: pass its .data, or give @primitive a rule"
    ):
        apart(Value(1.0), 2.0, Value(2.0))
    small = primitive(x=lambda g, out, x: g.sum())(lambda x: x * 2.0)
    with pytest.raises(ValueError, match=r"a rule of small_rule\(\) gave a cotangent of shape \(2,\) for an input of shape \(3"):
        primitive(x=lambda g, out, x: g[:2])(small_rule)(Value([1.0, 2.0, 3.0])).sum().backward()
    assert small(Value([1.0, 2.0])).data.tolist() == [2.0, 4.0]


def test_more_mistakes_in_the_definition_are_named() -> None:
    with pytest.raises(TypeError, match=r"primitive\(\) takes the rules first: @primitive\(x=lambda g, out, x"):
        primitive(lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"a fixed number of arguments, but with_rest\(\) has \*rest: leave \* out"):
        primitive(x=lambda g, out, x: g)(with_rest)
    no_array = primitive(x=lambda g, out, x: g)(lambda x: [x])
    with pytest.raises(TypeError, match=r"^<lambda>\(\) returned list: an operation returns one real number or array$"):
        no_array(Value([1.0, 2.0]))
    for rule, error, text in (
        (lambda g, out, x: None, TypeError, r"a rule of twice\(\) returned NoneType: it returns the cotangent of its argument"),
        (
            lambda g, out, x: np.outer(g, x),
            ValueError,
            r"twice\(\) gave a cotangent of shape \(3, 3\) for an input of shape \(3,\)",
        ),
    ):
        x = Value([1.0, 2.0, 3.0])
        for differentiate in (lambda out: out.backward(np.ones(3)), lambda out, x=x: gradient(out.sum(), x)):
            with pytest.raises(error, match=text):
                differentiate(primitive(x=rule)(twice)(x))


def test_an_argument_that_is_a_tuple_of_inputs() -> None:
    added = primitive(xs=lambda g, out, xs: tuple(g * 1.0 for _ in xs))(sum_of)
    a, b = Value([1.0, 2.0]), Value(3.0)
    (added((a, b)) ** 2).sum().backward()
    assert (a.grad.tolist(), b.grad) == ([8.0, 10.0], 18.0)


def sum_of(xs: Any) -> Any:
    return sum(xs[1:], xs[0])


def test_a_rule_that_writes_to_its_cotangent_is_stopped() -> None:
    def doubled(g: Any, out: Any, x: Any) -> Any:
        g *= 2.0
        return g

    x, y = Value([1.0, 2.0]), Value([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        (primitive(x=doubled)(twice)(x) + y).sum().backward()
    assert type(primitive(x=lambda g, out, x: g)(twice)(3.0)) is float
    with pytest.raises(TypeError, match="has no derivative for its argument number 2"):
        apart_by = primitive(x=lambda g, out, x, by: g)(shifted)
        apart_by(x, [x, y])


def shifted(x: Any, by: Any) -> Any:
    return x + np.sum(by)


def test_a_rule_may_return_a_number_for_an_array() -> None:
    x = Value([1.0, 2.0, 3.0])
    primitive(x=lambda g, out, x: 2)(twice)(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_defaults_are_passed_unchanged() -> None:
    @primitive(x=lambda g, out, x, w, f: g * w * f(0.0))
    def weighted(x: Any, w: Any = np.array([1.0, 2.0]), f: Any = np.cos) -> Any:  # noqa: B008
        return x * w * f(0.0)

    x = Value([3.0, 3.0])
    out = weighted(x)
    out.sum().backward()
    assert (out.data.tolist(), x.grad.tolist()) == ([3.0, 6.0], [1.0, 2.0])


def twice(x: Any) -> Any:
    return 2.0 * x


def with_rest(x: Any, *rest: Any) -> Any:
    return x


def named_f(x: Any, y: Any) -> Any:
    return x


def small_rule(x: Any) -> Any:
    return x * 2.0


def test_results_are_floating_and_share_no_memory() -> None:
    same = primitive(x=lambda g, out, x: g)(lambda x: x)
    x = Value([1.0, 2.0])
    assert not np.shares_memory(same(x).data, x.data)
    counted = primitive(x=lambda g, out, x: g * 0.0)(lambda x: (np.asarray(x) > 1.0).astype(int))
    assert counted(x).dtype == np.float64


def test_several_inputs_in_one_argument_and_settings() -> None:
    @primitive(
        prepare=lambda parts, scale: (tuple(parts), float(scale)),
        parts=lambda g, out, parts, scale: tuple(g * scale for _ in parts),
    )
    def total(parts: Any, scale: float) -> Any:
        return sum(parts) * scale

    a, b = Value(1.0), Value([2.0, 3.0])
    total([a, b, 5.0], 2.0).sum().backward()
    assert (a.grad, b.grad.tolist()) == (4.0, [2.0, 2.0])


def test_rules_may_use_operations_and_conditions() -> None:
    @primitive(x=lambda g, out, x: g * where(x > 0.0, exp(x), 1.0))
    def bent(x: Any) -> Any:
        return np.where(x > 0.0, np.exp(np.minimum(x, 50.0)) - 1.0, x)

    assert check_operation(bent, [0.5, -0.5, 2.0]).ok


# --- hooks ----------------------------------------------------------------------------------------


def test_hooks_see_the_complete_gradient_once() -> None:
    seen: list[Any] = []
    x = Value([1.0, 2.0])
    y = x * 3.0
    y.register_hook(lambda g: seen.append(("y", g.tolist())))
    x.register_hook(lambda g: seen.append(("x", g.tolist())))
    (y * y + y).sum().backward()
    assert seen == [("y", [7.0, 13.0]), ("x", [21.0, 39.0])]
    assert x.grad.tolist() == [21.0, 39.0]


def test_hooks_replace_gradients() -> None:
    x = Value(2.0)
    y = x * x
    handle = y.register_hook(lambda g: g * 0.5)
    x.register_hook(lambda g: g + 1.0)
    (3.0 * y).backward()
    assert (y.grad, x.grad) == (1.5, 7.0)
    handle.remove()
    handle.remove()
    x.grad = None
    (3.0 * y).backward()
    assert x.grad == 13.0
    clipped = Value([3.0, -4.0])
    clipped.register_hook(lambda g: np.clip(g, -1.0, 1.0))
    (clipped * clipped).sum().backward()
    assert clipped.grad.tolist() == [1.0, -1.0]


def test_hooks_of_gradient_get_values() -> None:
    x = Value(2.0)
    kinds: list[type] = []

    def doubled(g: Any) -> Any:
        kinds.append(type(g))
        return g * 2.0

    x.register_hook(doubled)
    slope = gradient(x**3, x)
    assert kinds == [Value]
    assert slope.data == 24.0
    assert gradient(slope, x).data == 48.0
    z = Value(3.0)
    w = z * z
    w.register_hook(lambda g: g * 10.0)
    assert gradient(w * 2.0, [z, w])[0].data == 120.0
    assert gradient(w * 2.0, [z, w])[1].data == 20.0


def test_hooks_run_once_in_every_pass() -> None:
    calls: list[Any] = []
    x = Value(0.0)
    x.register_hook(calls.append)
    with np.errstate(all="ignore"):
        (x.sqrt() * 2.0).backward()  # not finite
    assert len(calls) == 1
    w = Value(2.0)
    w.register_hook(calls.append)
    gradient(w * w, [w, w])
    assert len(calls) == 2
    kept = checkpoint(lambda x: x * w)
    kept(kept(Value(3.0))).backward()
    assert (len(calls), w.grad) == (3, 12.0)
    grad(lambda x: x * w * w)(1.0)
    assert len(calls) == 3, "a Value that is not differentiated by has no gradient to see"


def test_hooks_cannot_change_other_gradients_in_place() -> None:
    a, b = Value([1.0, 2.0]), Value([3.0, 4.0])

    def zeroed(g: Any) -> None:
        g *= 0.0

    a.register_hook(zeroed)
    (a + b).sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([1.0, 1.0], [1.0, 1.0])
    c = Value(2.0)
    c.register_hook(lambda g: 0)
    (c * c).backward()
    assert c.grad == 0.0


def test_the_same_hook_twice_is_removed_once() -> None:
    x, calls = Value(1.0), []
    first, second = x.register_hook(calls.append), x.register_hook(calls.append)
    first.remove()
    first.remove()
    (x * 2.0).backward()
    assert calls == [2.0]
    second.remove()
    y = Value(1.0)
    y.register_hook(lambda g: Value(5.0))
    y.backward()
    assert type(y.grad) is float


def test_a_hook_may_remove_itself() -> None:
    x, calls = Value(1.0), []
    handles = [x.register_hook(lambda g: handles[0].remove()), x.register_hook(calls.append)]
    (x * 2.0).backward()
    (x * 2.0).backward()
    assert calls == [2.0, 2.0]


def test_debug_accepts_nan_that_masks_repair() -> None:
    r = Value([0.0, 4.0])
    with debug():
        where(r > 0, r.sqrt(), 0.0).sum().backward()
    assert r.grad.tolist() == [0.0, 0.25]


def test_hooks_go_with_their_value() -> None:
    gc.collect()
    before = len(HOOKED)
    x = Value(2.0)
    x.register_hook(lambda g: None)
    assert len(HOOKED) == before + 1
    del x
    gc.collect()
    assert len(HOOKED) == before


def test_bad_hooks_are_named() -> None:
    x = Value([1.0, 2.0])
    with pytest.raises(TypeError, match=r"register_hook\(\) takes a function of the gradient, but got 3"):
        x.register_hook(3)  # type: ignore[arg-type]
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ValueError, match=r"a hook of a Value of shape \(2,\) returned a gradient of shape \(\): keep its shape"):
        (x * x).sum().backward()

"""Values leave their graph only on purpose: any other call that wants a plain number or array is named, with the fix."""

from __future__ import annotations

import array
import copy
import math
import pickle
import re
import struct
import sys
import warnings
from collections.abc import Callable
from math import log as natural_logarithm
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, grad, jacobian, no_grad, record_lines

FORMAT = "%.2f"


def message(call: Callable[[], Any]) -> str:
    """The text of the error that a call raises."""
    with pytest.raises((TypeError, ValueError, SystemError, struct.error)) as caught:
        call()
    assert "drop the gradient" in str(caught.value)
    return str(caught.value)


# --- conversions that are refused, and those that are not -----------------------------------------


@pytest.mark.parametrize(
    "leave",
    [float, int, complex, math.exp, np.asarray, np.float64, lambda v: np.array([v, v]), lambda v: np.zeros(2).fill(v),
     lambda v: np.full(3, v), lambda v: FORMAT % v, lambda v: array.array("d", [v]), lambda v: struct.pack("d", v),
     lambda v: np.zeros(3).__setitem__(0, v), lambda v: np.zeros(3)[v], Value.tolist, lambda v: np.fromiter([v], float),
     lambda v: np.testing.assert_allclose(v, v.data), lambda v: math.fsum([v, v]), lambda v: list(map(math.sin, [v]))],
)  # fmt: skip
@pytest.mark.parametrize("make", [lambda: Value(2.0), lambda: Value(2.0) * 1.0, lambda: Value([2.0, 3.0])[0]])
def test_leaves_and_computed_values_stay_in_the_graph(leave: Callable[[Any], Any], make: Callable[[], Value]) -> None:
    assert "of a Value" in message(lambda: leave(make()))


def test_a_value_without_a_gradient_to_lose_becomes_plain() -> None:
    leaf, tensor, plain = Value(2.0), Value([1.0, 2.0, 3.0]), np.zeros(3)
    for frozen in (Value(2.0, requires_grad=False), leaf.detach(), (leaf * 1.0).detach()):
        assert (float(frozen), int(frozen), math.sqrt(frozen), np.asarray(frozen).tolist()) == (2.0, 2, math.sqrt(2.0), 2.0)
    frozen = Value([1.0, 2.0, 3.0], requires_grad=False)
    plain[:] = frozen
    assert plain.tolist() == frozen.tolist() == [1.0, 2.0, 3.0]
    converted = np.asarray(frozen)
    converted[0] = 9.0
    assert frozen.data[0] == 1.0
    with no_grad():
        computed = tensor * 2.0
        plain[0], plain[1:] = leaf, tensor[1:]
        assert (float(leaf), tensor.tolist(), np.array([leaf, leaf]).tolist()) == (2.0, [1.0, 2.0, 3.0], [2.0, 2.0])
    assert (plain.tolist(), computed.tolist()) == ([2.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    outside = leaf * 3.0
    with no_grad():
        assert (float(outside), np.asarray(outside).tolist()) == (6.0, 6.0)


def test_values_leave_the_graph_on_purpose() -> None:
    leaf, tensor = Value(2.0), Value([1.0, 2.0])
    for value in (leaf, leaf * 1.0):
        assert (value.item(), value.data, f"{value:.1f}", value < 3, bool(value), hash(value)) == (
            2.0,
            2.0,
            "2.0",
            True,
            True,
            hash(value),
        )
    assert (len(tensor), tensor.argmax(), np.argmax(tensor), np.shape(tensor), np.isnan(tensor).any()) == (2, 1, 1, (2,), False)
    assert pickle.loads(pickle.dumps(tensor)).data.tolist() == copy.deepcopy(tensor).data.tolist() == [1.0, 2.0]


# --- the message ----------------------------------------------------------------------------------


def test_functions_of_math_are_replaced_by_those_of_numpy() -> None:
    w, v = Value(2.0, label="w"), Value([1.0, 2.0])
    assert message(lambda: math.sin(w)) == (
        "math.sin() takes a plain number, and would silently drop the gradient of the Value 'w': write np.sin(w) or w.sin(); "
        "take .item() where no gradient is wanted"
    )
    for call, text in [
        (lambda: math.exp(v), "math.exp() takes a plain array, and would silently drop the gradient of a Value of shape (2,): "
                              "write np.exp(v) or v.exp(); take .data where"),
        (lambda: natural_logarithm(w * 2.0), "math.log() takes a plain number"),
        (lambda: natural_logarithm(w * 2.0), "write np.log(w * 2.0);"),
        (lambda: math.acos(w), "write np.arccos(w) or w.arccos()"),
        (lambda: math.atan2(w, 1.0), "write np.arctan2(w, 1.0)"),
        (lambda: math.pow(w, 3), "write w ** 3"),
        (lambda: math.fabs(w), "write np.abs(w) or w.abs()"),
        (lambda: math.hypot(w, w), "write np.hypot(w, w)"),
        (lambda: math.lgamma(w), "write scipy.special.gammaln(w) or autograd.gammaln(w)"),
        (lambda: math.erf(w), "write scipy.special.erf(w) or autograd.erf(w)"),
        (lambda: math.isnan(w), "write np.isnan(w)"),
        (lambda: math.fsum([w, w]), "math.fsum() takes a plain number"),
        (lambda: list(map(math.cos, [w])), "math.cos() takes a plain number"),
    ]:  # fmt: skip
        assert text in message(call)


def test_advice_for_functions_of_math_is_right() -> None:
    x = Value(0.3)
    for name, expected in [
        ("acos", np.arccos), ("asinh", np.arcsinh), ("fabs", np.abs), ("log1p", np.log1p), ("degrees", np.degrees),
        ("cbrt", np.cbrt), ("exp2", np.exp2), ("tanh", np.tanh), ("radians", np.radians),
    ]:  # fmt: skip
        function = getattr(math, name, None)
        if function is not None:
            advice = re.search(r"write (.*?) or (.*?);", message(lambda function=function: function(x)))
            assert advice is not None
            for text in advice.groups():
                assert eval(text, {"np": np, "x": x}).data == pytest.approx(expected(0.3)), text


def test_an_assignment_is_answered_with_at_in_the_words_of_the_caller() -> None:
    x, out, table = Value([1.0, 2.0]), np.zeros(3), np.zeros((2, 2))

    def one() -> None:
        out[0] = x[0] ** 2

    def added() -> None:
        out[1] += x[1]

    def taken() -> None:
        out[1] -= x[1] * 3

    def divided() -> None:
        out[1] /= x[1]

    def block() -> None:
        table[:, 1] = x

    def several() -> None:
        out[:2] = [
            x[0],
            x[1],
        ]

    assert message(one) == (
        "`out[0] = x[0] ** 2` writes into a plain array, and would silently drop the gradient of a Value: make it a Value, "
        "out = Value(out), and write out = out.at[0].set(x[0] ** 2), or collect the parts in a list and join them with "
        "np.stack(parts); take .item() where no gradient is wanted"
    )
    assert "out = out.at[1].add(x[1])" in message(added)
    assert "out = out.at[1].add(-(x[1] * 3))" in message(taken)
    assert "out = out.at[1].set(out[1] / (x[1]))" in message(divided)
    assert "table = table.at[:, 1].set(x)" in message(block)
    assert "out = out.at[:2].set([x[0], x[1]])" in message(several)
    with pytest.raises(TypeError, match=r"in-place.*write a = a \+ v, and for a part of it .*a.at\[i\].add\(v\)"):
        out[:2] += x
    assert not out.any() and not table.any()


def test_an_array_that_swallows_the_error_of_a_value_still_says_so() -> None:
    """NumPy raises "setting an array element with a sequence" in place of any error of a Value."""
    out, s, v = np.zeros(3), Value(2.0), Value([1.0, 2.0])
    for call in (lambda: out.__setitem__(0, s), lambda: out.__setitem__(0, v), lambda: out.fill(s),
                 lambda: np.fromiter([s], float), lambda: np.array([s, s], dtype=object).astype(float)):  # fmt: skip
        with pytest.raises(ValueError) as caught:
            call()
        assert "setting an array element" not in str(caught.value)
        assert caught.value.__cause__ is None
    assert sys.gettrace() is None
    try:
        out[0] = s
    except ValueError as error:
        assert "out = out.at[0].set(s)" in str(error)
    seen: list[str] = []

    def follow(frame: Any, event: str, given: Any) -> Any:
        seen.append(event)
        return follow

    before = sys.gettrace()
    sys.settrace(follow)  # as a debugger does
    try:
        traced(out, s)
    except ValueError as error:
        assert "out = out.at[0].set(s)" in str(error)
    finally:
        found = sys.gettrace()
        sys.settrace(before)
    assert found is follow
    assert seen.count("exception") >= 1 and "line" in seen


def traced(out: Any, s: Any) -> None:
    out[0] = s


def test_an_assignment_inside_a_transform() -> None:
    def f(x: Any) -> Any:
        out = np.empty(3)
        for i in range(3):
            out[i] = x[i] ** 2
        return out.sum()

    with pytest.raises(ValueError, match=r"out = out.at\[i\].set\(x\[i\] \*\* 2\), or .* np.stack"):
        grad(f)(np.ones(3))

    def advised(x: Any) -> Any:
        out = Value(np.empty(3))
        for i in range(3):
            out = out.at[i].set(x[i] ** 2)
        return out.sum()

    assert grad(advised)(np.arange(3.0)).tolist() == [0.0, 2.0, 4.0]


def test_arrays_are_joined_or_left_as_they_are() -> None:
    v, w = Value(1.0), Value(2.0)
    for call, text in [
        (lambda: np.array([v, w]), "np.array() takes plain arrays, and would silently drop the gradient of a Value: write "
                                   "np.stack([v, w]) or autograd.array([v, w])"),
        (lambda: np.asarray([[v, 1.0], [2.0, w]]), "write autograd.array([[v, 1.0], [2.0, w]])"),
        (lambda: np.array([x * 2 for x in (v, w)]), "write np.stack([x * 2 for x in (v, w)])"),
        (lambda: np.asarray(v), "leave asarray() out, because NumPy's functions and operators take Values; take .item()"),
        (lambda: np.mean([v, w]), "np.mean() takes plain arrays"),
        (lambda: np.mean([v, w]), "write np.mean(np.stack([v, w]))"),
        (lambda: np.full(3, v), "write v * np.ones(3)"),
        (lambda: np.full((2, 2), v * w), "write v * w * np.ones((2, 2))"),
        (lambda: np.zeros(2).fill(v), "fill() takes a plain number"),
        (lambda: np.vectorize(lambda x: x**2)(autograd.stack([v, w])), "np.vectorize(...)() takes a plain array"),
        (lambda: np.vectorize(math.sin)(autograd.stack([v, w])), "np.stack([f(x) for x in v])"),
        (lambda: np.r_[v, w], "np.r_[...] takes plain arrays"),
        (lambda: np.random.default_rng(0).normal(v), "normal() takes a plain number"),
        (lambda: np.random.default_rng(0).normal(v), "write mu + sigma * rng.normal(size=...)"),
        (lambda: np.testing.assert_allclose(v, 1.0), "np.testing.assert_allclose() takes plain arrays"),
        (lambda: np.array([1, 2])[v], "`np.array([1, 2])[v]` takes plain integers"),
        (lambda: FORMAT % v, "the operator % takes plain numbers"),
        (lambda: FORMAT % v, "format it as f'{v:.3f}'"),
        (lambda: float(v), "float() takes a plain number"),
        (lambda: int(v), "write int(v.item()): an integer has no derivative"),
        (lambda: autograd.stack([v, w]).tolist(), "write v.data.tolist()"),
    ]:  # fmt: skip
        assert text in message(call)
    for call in (lambda: np.frompyfunc(lambda x: x * 2, 1, 1)(v), lambda: np.frompyfunc(math.sin, 1, 1)(v)):
        with pytest.raises(TypeError, match=r"np.frompyfunc\(\).* takes plain numbers.*np.stack\(\[f\(x\) for x in v\]\)"):
            call()


def test_draws_are_shifted_and_scaled_afterwards() -> None:
    v, w, rng = Value(1.0), Value([1.0, 2.0]), np.random.default_rng(0)
    for call, text in [
        (lambda: rng.normal(v), "rng.normal() takes a plain number"),
        (lambda: rng.normal(loc=0.0, scale=v, size=3), "write mu + sigma * rng.normal(size=...)"),
        (lambda: rng.laplace(w), "write mu + scale * rng.laplace(size=...)"),
        (lambda: rng.normal(w), "write mu + sigma * rng.normal(size=...)"),
        (lambda: rng.uniform(v, 2.0), "write low + (high - low) * rng.random(size=...)"),
        (lambda: rng.exponential(v), "write scale * rng.exponential(size=...)"),
        (lambda: rng.permutation(w), "write v[rng.permutation(len(v))]"),
        (lambda: rng.poisson(v), "pass it v.item(): draws of this kind have no derivative"),
        (lambda: eval("np.random.default_rng(0).normal(v)", {"np": np, "v": v}), "write mu + sigma * rng.normal(size=...)"),
    ]:
        text_ = message(call)
        assert text in text_
        assert "primitive" not in text_


def test_functions_of_scipy_are_named() -> None:
    sparse, optimize, special = (pytest.importorskip(f"scipy.{name}") for name in ("sparse", "optimize", "special"))
    distance, stats, interpolate, integrate, linalg, signal = (
        pytest.importorskip(f"scipy.{name}")
        for name in ("spatial.distance", "stats", "interpolate", "integrate", "linalg", "signal")
    )
    a, m, v, w = sparse.csr_array(np.eye(2)), Value(np.eye(2)), Value([0.5, 2.0]), Value(2.0)
    cdist = distance.cdist
    for call, texts in [
        (lambda: a @ v, ["scipy.sparse's @ takes", "A.toarray() @ v", "@autograd.primitive(x=lambda g, out, x: A.T @ g)"]),
        (lambda: v @ a, ["scipy.sparse's @"]),
        (lambda: a.dot(v), ["a.dot() of scipy.sparse takes a plain array", "toarray()"]),
        (lambda: cdist(m, m), ["scipy.spatial.distance.cdist() takes", "np.linalg.norm(a[:, None] - b[None], axis=-1)"]),
        (lambda: stats.norm.logpdf(v), ["stats.norm.logpdf() of scipy.stats takes a plain array", "write the formula"]),
        (lambda: special.logsumexp(v), ["scipy.special.logsumexp() takes a plain array", "write autograd.logsumexp(v)"]),
        (lambda: linalg.solve(m, v), ["scipy.linalg.solve() takes a plain array", "write np.linalg.solve(m, v)"]),
        (lambda: linalg.expm(m), ["scipy.linalg.expm() takes a plain array", "@autograd.primitive"]),
        (lambda: interpolate.interp1d([0, 1, 2], [0, 1, 2])(v), ["scipy.interpolate.interp1d(...)() takes", "np.interp("]),
        (lambda: integrate.quad(lambda t: t * w, 0, 1), ["scipy.integrate.quad() takes a plain number", "np.trapezoid()"]),
        (lambda: signal.convolve(v, v), ["scipy.signal.convolve() takes", "write np.convolve(v, v)"]),
        (lambda: optimize.brentq(lambda x: x - w, 0, 3), ["scipy.optimize.brentq() takes a plain number", ".item()"]),
        (lambda: optimize.minimize(lambda x: x @ x, v), ["scipy.optimize.minimize() takes", "value_and_grad(f), x0, jac=True)"]),
    ]:  # fmt: skip
        for text in texts:
            assert text in message(call)
    with pytest.raises(ValueError) as caught:  # SciPy's own error, caused by that of the Value
        optimize.minimize(lambda x: (Value(x) ** 2).sum(), np.ones(2))
    assert "minimize(autograd.value_and_grad(f), x0, jac=True)" in str(caught.value.__cause__)
    found = optimize.minimize(autograd.value_and_grad(lambda x: ((x - 1.0) ** 2).sum()), np.zeros(2), jac=True)
    np.testing.assert_allclose(found.x, 1.0)

    @autograd.primitive(x=lambda g, out, x: a.T @ g)
    def times(x: Any) -> Any:
        return a @ x

    times(v).sum().backward()
    assert v.grad.tolist() == [1.0, 1.0]


def test_the_value_is_described_in_the_users_terms() -> None:
    x = Value([1.0, 2.0])
    with record_lines():
        y = x * 2.0 + 1.0
    text = message(lambda: np.asarray(y))
    assert re.search(r"of a Value of shape \(2,\) computed by `x \* 2.0 \+ 1.0` \(.*test_leaving.py:\d+\)", text)
    inside = message(lambda: grad(lambda w: math.sin(w))(1.0))
    assert "of the Value 'argument 0': write np.sin(w) or w.sin()" in inside
    for text in (inside, message(lambda: math.sin(x[0])), message(lambda: np.asarray(+x))):
        assert "computed by" not in text and "positive" not in text and "getitem" not in text


def test_a_call_without_source_is_read_from_its_instructions() -> None:
    names: dict[str, Any] = {
        "np": np,
        "math": math,
        "v": Value(2.0),
        "out": np.zeros(2),
        "log": math.log,
        "twice": lambda x: x * 2.0,
    }
    for text, advice in [
        (
            "math.sin(v)",
            "math.sin() takes a plain number, and would silently drop the gradient of a Value: write np.sin(v) or v.sin()",
        ),
        ("1.0 + log(v) * 2", "write np.log(v) or v.log()"),
        ("math.hypot(v, 1.5)", "write np.hypot(v, 1.5)"),
        ("math.exp(twice(v) + 1)", "math.exp() takes a plain number"),
        ("math.exp(abs(v))", "write np.exp(...)"),
        ("twice(math.exp(v))", "write np.exp(v) or v.exp()"),
        ("np.array([v, 1.0])", "write np.stack([v, 1.0]) or autograd.array([v, 1.0])"),
        ("float(v)", "float() takes a plain number"),
        ("out.fill(v)", "fill() takes a plain number"),
        ("out.__setitem__(0, v)", "takes a plain number"),
        ("[math.cos(v)]", "write np.cos(v) or v.cos()"),
        ("(lambda w: math.tan(w))(v)", "write np.tan(w) or w.tan()"),
    ]:
        assert advice in message(lambda text=text: eval(text, names)), text
    assert "out = Value(out), and write out = out.at[i].set(v)" in message(lambda: exec("out[0] = v", names))


def test_the_warning_of_a_zero_gradient_names_calls_that_drop_it() -> None:
    with pytest.warns(UserWarning, match=r"is zero\. It is plain data, 6\.0: if it was computed .*remove .*\.item\(\)"):
        assert grad(lambda x: (x * 3.0).item())(2.0) == 0.0
    with pytest.warns(UserWarning, match=r"its gradient is zero$"):
        assert grad(lambda x: Value(1.0) * 2.0)(2.0) == 0.0


# --- arrays of objects ----------------------------------------------------------------------------


def test_arrays_of_objects_hold_values_and_keep_their_graph() -> None:
    def through(make: Callable[[Any, Any], Any]) -> list[float]:
        v, w = Value(2.0), Value(3.0)
        out = make(v, w)
        assert isinstance(out, Value)
        out.backward()
        return [v.grad, w.grad]

    pair = lambda v, w: np.array([v, w], dtype=object)  # noqa: E731
    assert through(lambda v, w: pair(v, w).sum()) == [1.0, 1.0]
    assert through(lambda v, w: (np.asarray([v, w], object) * [1.0, 4.0]).sum()) == [1.0, 4.0]
    assert through(lambda v, w: np.array([v, w], dtype="O").prod()) == [3.0, 2.0]
    assert through(lambda v, w: autograd.array(np.array([v, w], dtype=np.object_)).mean()) == [0.5, 0.5]
    assert through(lambda v, w: pair(v, w) @ pair(v, w)) == [4.0, 6.0]
    assert through(lambda v, w: np.dot(pair(v, w), np.array([5.0, 7.0]))) == [5.0, 7.0]
    assert through(lambda v, w: np.exp(pair(v, w)).sum()) == pytest.approx([math.exp(2.0), math.exp(3.0)])
    assert through(lambda v, w: (pair(v, w) * Value([10.0, 20.0])).sum()) == [10.0, 20.0]
    assert through(lambda v, w: (Value(4.0) * pair(v, w)).sum()) == [4.0, 4.0]
    assert through(lambda v, w: np.maximum(pair(v, w), Value(2.5)).sum()) == [0.0, 1.0]
    assert through(lambda v, w: autograd.stack([v, w * w]) @ pair(v, w)) == [4.0, 27.0]
    assert through(lambda v, w: np.array([autograd.stack([v, w]), [v, v]], dtype=object).sum()) == [3.0, 1.0]

    def filled(v: Any, w: Any) -> Any:
        out = np.empty(2, dtype=object)
        out[0], out[1] = v * v, w
        return out.sum()

    def sliced(v: Any, w: Any) -> Any:
        out = np.empty(2, dtype=object)
        out[:] = [v, w * 2.0]
        return out.sum()

    assert through(filled) == [4.0, 1.0]
    assert through(sliced) == [1.0, 2.0]
    with pytest.raises(TypeError, match=r"mean\(\) of numpy takes plain arrays.*autograd.array\(values\)"):
        pair(Value(1.0), Value(2.0)).mean()  # NumPy makes a float of it
    with pytest.raises(TypeError, match=r"array of objects that holds Values: join them with stack\(\)"):
        Value(pair(Value(1.0), Value(2.0)))


def test_transforms_take_arrays_of_objects_as_results() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = jacobian(lambda x: np.array([x[0] * x[1], x[0], 5.0], dtype=object))(np.array([2.0, 3.0]))
    assert found.tolist() == [[3.0, 2.0], [1.0, 0.0], [0.0, 0.0]]


def test_the_suggested_replacement_of_a_function_of_scipy_computes_the_same() -> None:
    linalg, signal, ndimage = (pytest.importorskip(f"scipy.{name}") for name in ("linalg", "signal", "ndimage"))
    special = pytest.importorskip("scipy.special")
    m, v, b = Value([[2.0, 0.5], [0.5, 1.0]]), Value([0.5, 2.0]), np.array([1.0, -0.5])
    for call, fix in [
        (lambda: special.logsumexp(v, b=b), "autograd.logsumexp(v, b=b)"),
        (lambda: special.softmax(m), "autograd.softmax(m, axis=None)"),
        (lambda: special.log_softmax(m, axis=0), "autograd.log_softmax(m, axis=0)"),
        (lambda: linalg.norm(m, ord=1, check_finite=False), "np.linalg.norm(m, ord=1)"),
        (lambda: linalg.cholesky(m), "np.linalg.cholesky(m, upper=True)"),
        (lambda: linalg.cholesky(m, lower=True), "np.linalg.cholesky(m)"),
        (lambda: linalg.eigh(m, eigvals_only=True), "np.linalg.eigvalsh(m)"),
        (lambda: linalg.eigh(m, lower=False)[0], "np.linalg.eigh(m, UPLO='U')[0]"),
        (lambda: linalg.svd(m[:1], full_matrices=False)[2], "np.linalg.svd(m[:1], full_matrices=False)[2]"),
        (lambda: linalg.qr(m[:, :1])[0], "np.linalg.qr(m[:, :1], mode='complete')[0]"),
        (lambda: linalg.solve(m, b, assume_a="pos"), "np.linalg.solve(m, b)"),
        (lambda: signal.correlate(v, b), "np.correlate(v, b, mode='full')"),
        (lambda: signal.convolve(v, b, mode="same"), "np.convolve(v, b, mode='same')"),
    ]:
        with pytest.raises(TypeError) as info:
            call()
        assert f"write {fix.removesuffix('[0]').removesuffix('[2]')}; take" in str(info.value)
        suggested = eval(fix, {"np": np, "autograd": autograd, "m": m, "v": v, "b": b})
        with no_grad():
            np.testing.assert_allclose(suggested.data, call(), rtol=1e-12)
    for other in (lambda: ndimage.convolve(v, b), lambda: linalg.eigh(m, m), lambda: linalg.solve(m, b, lower=True)):
        with pytest.raises(TypeError, match="define an operation with @autograd.primitive"):
            other()


def test_suggestions_keep_the_order_of_operations_and_the_meaning_of_each_argument() -> None:
    w: Any = Value(2.0)
    v: Any = Value(3.0)
    for call, fix in [
        (lambda: math.pow(w + 1, 3), "(w + 1) ** 3"),
        (lambda: math.pow(2, w * v), "2 ** (w * v)"),
        (lambda: math.log(w, 10), "np.log(w) / np.log(10)"),
        (lambda: math.hypot(w, v, 6), "np.linalg.norm(np.stack([w, v, 6]))"),
        (lambda: math.isclose(w, 2.0001, rel_tol=1e-3), "np.isclose(w, 2.0001, rtol=0.001, atol=0.0)"),
        (lambda: math.isclose(w, 2.00001), "np.isclose(w, 2.00001, rtol=1e-09, atol=0.0)"),
        (lambda: np.linalg.norm([w, v]), "np.linalg.norm(np.stack([w, v]))"),
        (lambda: np.linalg.det([[w, 1.0], [1.0, v]]), "np.linalg.det(autograd.array([[w, 1.0], [1.0, v]]))"),
        (lambda: np.sum([[w], [v]], axis=0), "np.sum(autograd.array([[w], [v]]), axis=0)"),
        (lambda: np.linspace(0, [w, v], 3), "np.linspace(0, np.stack([w, v]), 3)"),
        (lambda: np.array_split([w, v], 2)[1], "np.array_split(np.stack([w, v]), 2)[1]"),
        (lambda: np.percentile([w, v], [10, 20]), "np.percentile(np.stack([w, v]), [10, 20])"),
    ]:
        with pytest.raises(TypeError) as info:
            call()
        assert f"write {fix.removesuffix('[1]')}; take" in str(info.value)
        suggested = eval(fix, {"np": np, "autograd": autograd, "w": w, "v": v})
        with no_grad():
            np.testing.assert_allclose(getattr(suggested, "data", suggested), call(), rtol=1e-12)


def test_joins_and_indices_with_scalars_name_functions_that_take_scalars() -> None:
    w = Value(2.0)
    for call, text in [
        (lambda: np.r_[w, w], "write np.hstack([...])"),
        (lambda: np.c_[w, w], "write np.column_stack([...])"),
        (lambda: np.zeros(3)[w], "write int(v.item())"),
        (lambda: math.dist([w], [0.0]), "write np.linalg.norm(p - q) of two Values"),
    ]:
        with pytest.raises(TypeError, match=re.escape(text)):
            call()
    assert np.hstack([w, w]).shape == (2,)
    assert np.column_stack([w, w]).shape == (1, 2)


def test_an_assignment_to_a_part_of_a_part_names_both_indices() -> None:
    out: Any = np.zeros((2, 3))
    w, i = Value(2.0), 1
    with pytest.raises((TypeError, ValueError), match=re.escape("write out = out.at[i, 2].set(w)")):
        out[i][2] = w
    with pytest.raises((TypeError, ValueError), match=re.escape("make the whole array a Value, out = Value(out)")):
        out.T[0] = w
    with pytest.raises((TypeError, ValueError), match=re.escape("write out = out.at[i].set(v), or collect")):
        out[0, 0] = out[1, 1] = w
    assert Value(out).at[i, 2].set(w).sum().data == 2.0

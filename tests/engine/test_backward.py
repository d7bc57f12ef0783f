"""backward() and gradient(): accumulation, seeds, depth, memory, threads, stale data, debugging."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

from autograd import Value, concatenate, debug, exp, grad, gradient, no_grad, primitive, record_lines, stack, where
from autograd.backward import Pullback
from autograd.graph import scratch_lock
from autograd.ops.define import unary


def expression(a: Value, b: Value) -> Value:
    """Return the expression of micrograd's README."""
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def test_micrograds_readme_expression() -> None:
    a, b = Value(-4.0), Value(2.0)
    g = expression(a, b)
    g.backward()
    assert f"{g.data:.4f} {a.grad:.4f} {b.grad:.4f}" == "24.7041 138.8338 645.5773"


def test_two_calls_give_exactly_twice() -> None:
    a, b = Value(-4.1), Value(2.3)
    t = Value(np.random.default_rng(0).normal(size=(4, 3)))
    g = expression(a, b) + (t * 0.1 * a).tanh().sum() + t.sum()
    g.backward()
    once = [a.grad, b.grad, t.grad.copy()]
    g.backward()
    assert (a.grad, b.grad) == (2.0 * once[0], 2.0 * once[1])
    np.testing.assert_array_equal(t.grad, 2.0 * once[2])


def test_inner_gradients_are_those_of_the_last_call() -> None:
    x = Value([1.0, 2.0])
    y = x * 3.0
    z = y.sum()
    z.backward()
    z.backward()
    assert y.grad.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [6.0, 6.0]
    z.backward(keep_grads=False)
    assert y.grad.tolist() == [0.0, 0.0]
    assert x.grad.tolist() == [9.0, 9.0]


def test_a_shared_subgraph_of_two_losses() -> None:
    x = Value(2.0)
    y = x * x
    first, second = y * 3.0, y + x
    first.backward()
    second.backward()
    assert x.grad == 12.0 + 5.0


def test_a_value_used_twice_and_a_leaf_as_root() -> None:
    x = Value(3.0)
    (x * x + x).backward()
    assert x.grad == 7.0
    leaf = Value([1.0, 2.0])
    leaf.backward([1.0, 5.0])
    leaf.backward(np.array([1.0, 5.0]))
    assert leaf.grad.tolist() == [2.0, 10.0]


def test_leaf_gradients_share_no_memory() -> None:
    x, y = Value(np.ones((2, 3))), Value(np.ones((2, 3)))
    total = x + y
    total.sum().backward()
    x.grad *= 7.0
    assert y.grad.tolist() == np.ones((2, 3)).tolist()
    assert total.grad.tolist() == np.ones((2, 3)).tolist()
    seed = np.ones(3)
    z = Value(np.zeros(3))
    z.backward(seed)
    z.grad += 1.0
    assert seed.tolist() == [1.0, 1.0, 1.0]
    held = z.grad
    z.backward(seed)
    assert held.tolist() == [2.0, 2.0, 2.0], "the next backward() does not change a gradient that is still held"


def test_grad_before_backward_can_be_written_in_place() -> None:
    x = Value(np.zeros(3, dtype=np.float32))
    x.grad[1] = 5.0
    assert x.grad.tolist() == [0.0, 5.0, 0.0]
    assert x.grad.dtype == np.float32
    x.grad = 0
    assert x.grad.tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"setting .grad needs the shape \(3,\), but got \(2,\)"):
        x.grad = np.zeros(2)


def test_a_tensor_needs_a_seed_of_its_shape() -> None:
    x = Value([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"shape \(3,\).*value.sum\(\).backward\(\).*value.backward\(seed\)"):
        (x * 2.0).backward()
    with pytest.raises(ValueError, match=r"its shape \(3,\), but got \(2,\)"):
        (x * 2.0).backward([1.0, 2.0])
    with pytest.raises(ValueError, match=r"its shape \(3,\), but got \(\)"):
        gradient(x * 2.0, x, seed=1.0)
    with pytest.raises(TypeError, match="a seed takes real numbers"):
        (x * 2.0).backward(["a", "b", "c"])
    (x * 2.0).backward([1.0, 0.0, -1.0])
    assert x.grad.tolist() == [2.0, 0.0, -2.0]
    s = Value(2.0)
    (s * 3.0).backward(2)
    assert s.grad == 6.0


def test_a_seed_may_be_a_value_and_is_differentiable() -> None:
    x, v = Value([1.0, 2.0]), Value([3.0, 4.0])
    pulled = gradient(x.exp(), x, seed=v)
    np.testing.assert_allclose(gradient(pulled.sum(), v).data, np.exp([1.0, 2.0]))


def test_gradient_of_any_order_and_of_inner_nodes() -> None:
    x = Value(0.7)
    y = x.sin()
    slopes = [y]
    for _ in range(4):
        slopes.append(gradient(slopes[-1], x))
    np.testing.assert_allclose([s.item() for s in slopes], [np.sin(0.7), np.cos(0.7), -np.sin(0.7), -np.cos(0.7), np.sin(0.7)])
    inner = x * 2.0
    out = inner**2 + x
    assert gradient(out, inner).item() == pytest.approx(2.8)
    assert [g.item() for g in gradient(out, (x, inner))] == pytest.approx([6.6, 2.8])
    assert gradient(out, out).item() == 1.0
    assert x.grad == 0.0, "gradient() touches no .grad"


def test_the_gradient_is_zero_for_a_target_that_the_output_does_not_depend_on() -> None:
    x, y = Value(1.0), Value(np.ones((2, 2), dtype=np.float32))
    result = gradient(x * 2.0, [y, x])
    assert result[0].data.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert result[0].dtype == np.float32
    assert result[1].data == 2.0
    with pytest.raises(TypeError, match=r"takes Values, but got float"):
        gradient(x * 2.0, 3.0)


def test_hessians_at_a_minimum_are_not_zero() -> None:
    """gradient() must not skip zero cotangents, because the derivative of a zero need not be zero."""
    x = Value(1.0)
    assert gradient(gradient((x - 1.0) ** 2, x), x).data == 2.0
    a, b = Value(1.0), Value(1.0)
    rosenbrock = (1.0 - a) ** 2 + 100.0 * (b - a**2) ** 2
    slopes = gradient(rosenbrock, [a, b])
    hessian = [[g.item() for g in gradient(slope, [a, b])] for slope in slopes]
    np.testing.assert_allclose(hessian, [[802.0, -400.0], [-400.0, 200.0]])


def test_a_chain_of_a_million_nodes() -> None:
    x = Value(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1e-6
    y.backward()
    assert x.grad == 1.0
    assert y.data == pytest.approx(2.0)
    assert gradient(y, x).data == 1.0
    del y


def test_memory_falls_with_the_last_reference_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = Value(np.ones(1000))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        y = x
        for _ in range(100):
            y = (y * 1.001).tanh() + x
        total = y.sum()
        slope = gradient(total, x)
        total.backward()
        grown = tracemalloc.get_traced_memory()[0] - before
        watched = [weakref.ref(y), weakref.ref(total), weakref.ref(slope)]
        del y, total, slope
        left = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert [ref() for ref in watched] == [None, None, None]
        assert grown > 2_000_000
        assert left < 50_000
    finally:
        gc.enable()


def test_backward_refuses_data_that_was_set_after_its_use() -> None:
    p = Value([1.0, 2.0], label="weights")
    loss = (p * p).sum()
    p.data -= 0.1
    with pytest.raises(ValueError, match=r"the data of the Value 'weights' of shape \(2,\) changed after .*mul"):
        loss.backward()
    with pytest.raises(ValueError, match="stale"):
        gradient(loss, p)
    assert p.grad.tolist() == [0.0, 0.0], "nothing is left half done"
    (p * p).sum().backward()
    np.testing.assert_allclose(p.grad, [1.8, 3.8])


def test_backward_refuses_computed_values_that_were_set() -> None:
    x = Value(0.5)
    y = x.tanh()
    y.data = 3.0
    z = y * 2.0
    assert z.data == 6.0
    with pytest.raises(ValueError, match="computed by tanh changed after it was computed"):
        z.backward()
    with pytest.raises(ValueError, match="changed after it was computed"):
        y.backward()


def test_setting_one_leaf_does_not_disturb_other_graphs() -> None:
    x, y = Value(1.0), Value(2.0)
    first = x * 3.0
    y.data = 5.0
    second = first * y
    second.backward()
    assert (x.grad, y.grad) == (15.0, 3.0)


def test_debug_finds_changes_in_place_and_names_the_line() -> None:
    with debug():
        x = Value([1.0, 2.0], label="x")
        y = x * x
        z = y.sum()
        x.data[0] = 9.0
        with pytest.raises(ValueError, match=r"in place through NumPy.*stale") as caught:
            z.backward()
    assert "test_backward.py" in str(caught.value)
    constants = np.array([1.0, 2.0])
    with debug():
        z = (Value([1.0, 1.0]) * constants).sum()
    constants[0] = 7.0
    with pytest.raises(ValueError, match="in place through NumPy"):
        z.backward()


def test_debug_names_the_rule_that_returns_nan() -> None:
    wrong = unary("wrong", "wrong({})", lambda x: x, lambda x: x, lambda g, out, x: g * float("nan"))
    with debug(), pytest.raises(FloatingPointError, match=r"derivative of .*computed by wrong .*test_backward.py:\d+"):
        (wrong(Value(1.0)) * 2.0).backward()
    x = Value(1.0)
    with debug():
        (x * 2.0).tanh().backward()
    assert x.grad == pytest.approx(2.0 * (1.0 - np.tanh(2.0) ** 2))


def test_source_lines_are_recorded_on_request() -> None:
    with record_lines():
        y = Value(1.0) * 2.0
    assert "test_backward.py" in str(y.place)
    assert (Value(1.0) * 2.0).place is None


def test_different_graphs_in_different_threads() -> None:
    shared = Value(np.ones(50))
    results: dict[int, Any] = {}

    def work(number: int) -> None:
        own = Value(np.full(50, float(number)))
        for _ in range(30):
            own.grad = None
            ((own * own).sum() + (own * 0.5).tanh().sum()).backward()
            results[number] = (own.grad.copy(), gradient((shared * own).sum(), shared).data)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (summed, slope) in results.items():
        np.testing.assert_allclose(summed, 2.0 * number + 0.5 * (1.0 - np.tanh(0.5 * number) ** 2))
        np.testing.assert_array_equal(slope, np.full(50, float(number)))


def test_settings_are_per_thread() -> None:
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append((Value(1.0) * 2.0).op))
        thread.start()
        thread.join()
        assert (Value(1.0) * 2.0).op is None
    assert seen[0] is not None


def test_backward_inside_backward_is_refused() -> None:
    def nested(g: Any, out: Any, x: Any) -> Any:
        (Value(1.0) * 2.0).backward()
        return g

    op = unary("nested", "nested({})", lambda x: x, lambda x: x, nested)
    x = Value(1.0)
    with pytest.raises(RuntimeError, match=r"backward\(\) was called inside backward\(\).*use gradient\(\)"):
        op(x).backward()
    (x * 2.0).backward()
    assert x.grad == 2.0, "a failed backward() leaves gradients as they were and the next one works"


def test_an_error_in_a_rule_leaves_gradients_as_they_were() -> None:
    def broken(g: Any, out: Any, x: Any) -> Any:
        raise KeyError("broken")

    op = unary("broken", "broken({})", lambda x: x, lambda x: x, broken)
    x = Value(1.0)
    (x * 3.0).backward()
    with pytest.raises(KeyError):
        (op(x) * x).backward()
    assert x.grad == 3.0


def test_frozen_leaves_get_no_gradient() -> None:
    x, w = Value([1.0, 2.0]), Value([3.0, 4.0], requires_grad=False)
    out = (x * w).sum()
    out.backward()
    assert x.grad.tolist() == [3.0, 4.0]
    assert w.grad.tolist() == [0.0, 0.0]
    w.requires_grad = True
    out.backward()
    assert w.grad.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="requires_grad is set on leaves"):
        out.requires_grad = False


def test_the_rule_of_a_constant_or_frozen_input_never_runs() -> None:
    x = Value(-2.0)
    (x**3).backward()  # the exponent's rule would take log(-2)
    assert x.grad == 12.0
    y = Value(-2.0)
    (y ** Value(3.0, requires_grad=False)).backward()
    assert y.grad == 12.0


def test_float32_is_kept_and_cotangents_are_cast() -> None:
    x = Value(np.ones(3, dtype=np.float32))
    y = (x * 2.0 + 1.0).tanh() / 3
    assert y.dtype == np.float32
    mixed = (x * np.ones(3)).sum()
    mixed.backward()
    assert x.grad.dtype == np.float32
    assert gradient((x * Value(np.ones(3))).sum(), x).dtype == np.float32
    half = Value(np.ones(2, dtype=np.float16))
    assert (half * 2.0).dtype == np.float16


def test_mixed_scalars_and_tensors() -> None:
    s, t = Value(2.0), Value(np.ones((2, 3)))
    out = (s * t + s).sum() * s
    out.backward()
    assert type(s.grad) is float
    assert s.grad == 48.0  # 12 s^2
    assert t.grad.tolist() == [[4.0] * 3] * 2


def test_cost_is_linear_in_the_number_of_nodes() -> None:
    """Not a timing test: the sort visits every node once, even if there are exponentially many paths."""
    x = Value(1.0)
    y = x
    for _ in range(200):
        y = y + y
    start = time.perf_counter()
    y.backward()
    assert x.grad == 2.0**200
    assert time.perf_counter() - start < 10.0


def test_gradients_of_concatenated_and_stacked_values() -> None:
    x, y = Value([1.0, 2.0]), Value(3.0)
    out = concatenate([x, stack([y, y]), np.array([9.0])])
    assert out.data.tolist() == [1.0, 2.0, 3.0, 3.0, 9.0]
    out.backward([1.0, 2.0, 3.0, 4.0, 5.0])
    assert x.grad.tolist() == [1.0, 2.0]
    assert y.grad == 7.0


def test_zero_cotangents_at_infinite_slopes() -> None:
    x = Value([0.0, 1.0, 4.0])
    out = where(x > 0, x.sqrt(), 0.0).sum()
    out.backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.25]
    slope = gradient(out, x)
    assert slope.data.tolist() == [0.0, 0.5, 0.25]
    assert gradient(slope.sum(), x).data.tolist() == [0.0, -0.25, -0.03125]
    scalar = Value(0.0)
    out = where(scalar > 0, scalar.sqrt(), 0.0)
    out.backward()
    assert scalar.grad == 0.0
    assert gradient(gradient(out, scalar), scalar).data == 0.0
    big = Value([0.5, 1000.0])
    with np.errstate(over="ignore"):
        out = where(big < 1.0, exp(big), 1.0 + big).sum()
    out.backward()
    np.testing.assert_allclose(big.grad, [np.exp(0.5), 1.0])
    with np.errstate(over="ignore"):
        second = gradient(gradient(out, big).sum(), big)
    np.testing.assert_allclose(second.data, [np.exp(0.5), 0.0])


def test_zero_cotangents_of_reductions() -> None:
    x = Value([[-np.inf, -np.inf], [1.0, 2.0]])
    out = where(np.array([False, True]), x.logsumexp(axis=1), 0.0).sum()
    out.backward()
    np.testing.assert_allclose(x.grad, [[0.0, 0.0], [0.26894142, 0.73105858]], rtol=1e-7)


def test_infinite_gradients_are_reported_as_errstate_asks() -> None:
    x = Value([0.0, 1.0])
    out = x.sqrt().sum()
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        out.backward()
    assert x.grad.tolist() == [np.inf, 0.5]
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        out.backward()
    with np.errstate(divide="ignore"):
        assert gradient(out, x).data.tolist() == [np.inf, 0.5]
    scalar = Value(0.0)
    out = scalar.sqrt()
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        out.backward()
    assert scalar.grad == np.inf


# --- a pass leaves nothing behind ------------------------------------------------------------------


def in_rule(name: str, action: Any) -> Any:
    """Return an operation that is the identity and whose rule calls `action`."""

    def rule(g: Any, out: Any, x: Any) -> Any:
        action()
        return g

    return unary(name, f"{name}({{}})", lambda x: x, lambda x: x * 1.0, rule)


def fail() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("data", [2.0, np.array([1.0, 2.0])])
def test_an_interrupted_pass_leaves_nothing_behind(data: Any) -> None:
    x, y = Value(data), Value(data)
    inner = x * y
    total = (inner * x).sum()
    total.backward()
    before = [np.copy(value.grad) for value in (x, y, inner, total)]
    broken = (in_rule("interrupted", fail)(inner) * x + y).sum()
    with pytest.raises(KeyboardInterrupt):
        broken.backward()
    with pytest.raises(KeyboardInterrupt):
        grad(lambda v: (in_rule("interrupted", fail)(v * inner)).sum())(data)
    for value, grad_ in zip((x, y, inner, total), before, strict=True):
        np.testing.assert_array_equal(value.grad, grad_)
    assert not scratch_lock.locked()
    total.backward()
    np.testing.assert_array_equal(x.grad, 2.0 * before[0])


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs a timer that sends signals")
def test_a_signal_at_any_moment_leaves_backward_usable() -> None:
    """Ctrl-C interrupts between any two instructions: all leaves have the new gradient, or none has."""
    x, y = Value(1.0), Value(1.0)
    total = x + y
    for _ in range(50):
        total = total * 1.0 + x * y
    total.backward()
    once, rounds, interrupted = (x.grad, y.grad), 0, 0

    def interrupt(*_: Any) -> None:
        raise InterruptedError

    handler = signal.signal(signal.SIGALRM, interrupt)
    rng = np.random.default_rng(0)
    try:
        for _ in range(300):
            x.grad = y.grad = None
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, 2e-4))
                total.backward()
                rounds += 1
            except InterruptedError:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
            assert (x.grad, y.grad) in ((0.0, 0.0), once)
    except InterruptedError:  # between the lines above
        interrupted += 1
    finally:
        signal.signal(signal.SIGALRM, handler)
    x.grad = y.grad = None
    total.backward()
    assert (x.grad, y.grad) == once
    assert not scratch_lock.locked()


def test_a_reader_in_another_thread_sees_the_old_gradient_or_the_new() -> None:
    x = Value(np.zeros(3))
    start, go = threading.Event(), threading.Event()

    def wait() -> None:
        start.set()
        assert go.wait(10.0)

    inner = x * 2.0
    total = (in_rule("waiting", wait)(inner) + inner).sum() + x.sum()
    thread = threading.Thread(target=total.backward)
    thread.start()
    assert start.wait(10.0)
    seen = [x.grad, inner.grad, total.grad]
    go.set()
    thread.join()
    assert [np.sum(one) for one in seen] == [0.0, 0.0, 0.0]
    assert (x.grad.tolist(), inner.grad.tolist(), total.grad) == ([5.0] * 3, [2.0] * 3, 1.0), "a reader undoes nothing"


def test_two_graphs_at_once() -> None:
    """While one pass waits in a rule, another thread finishes one, also over the same leaves."""
    x, entered, go = Value([1.0, 2.0]), threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        assert go.wait(10.0)

    slow, fast = (in_rule("slow", wait)(x * 3.0) * x).sum(), (x * x).sum()
    thread = threading.Thread(target=slow.backward)
    thread.start()
    assert entered.wait(10.0)
    fast.backward()
    assert grad(lambda v: (v * x).sum())(np.ones(2)).tolist() == [1.0, 2.0]
    assert gradient(fast, x).data.tolist() == [2.0, 4.0]
    assert x.grad.tolist() == [2.0, 4.0]
    go.set()
    thread.join()
    assert x.grad.tolist() == [2.0 + 6.0, 4.0 + 12.0]


def test_a_pass_inside_a_rule_over_the_same_values() -> None:
    x = Value([1.0, 2.0])
    y = x * 3.0
    found = []

    def inside() -> None:
        found.append(gradient((y * y).sum(), x).data.tolist())
        found.append(Pullback((y * x).sum())(1.0)[0].tolist())

    (in_rule("inside", inside)(y) + y * x).sum().backward()
    assert found == [[18.0, 36.0], [6.0, 12.0]]
    assert x.grad.tolist() == [3.0 + 6.0, 3.0 + 12.0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_process_forked_during_a_pass_can_differentiate() -> None:
    """A child of fork() has only the thread that forked, so a lock that another one held stays locked in it."""
    x, entered, go = Value(2.0), threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        assert go.wait(10.0)

    thread = threading.Thread(target=in_rule("forked", wait)(x).backward)
    thread.start()
    assert entered.wait(10.0)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        y = Value(3.0)
        (y * y).backward()
        os._exit(int(y.grad != 6.0 or grad(lambda v: v * v)(2.0) != 4.0))
    go.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("frozen", [False, True])
def test_both_loops_give_the_same_bits(frozen: bool) -> None:
    """A pass gives the same numbers if another pass uses the slots of nodes, so that it takes the general loop."""
    rng = np.random.default_rng(1)
    a, b, s = Value(rng.normal(size=(3, 4))), Value(rng.normal(size=4), requires_grad=not frozen), Value(0.3)
    h = (a * b + s).tanh()
    out = (h @ a.T + stack([s, s * s, b.sum()])).sum(axis=0).exp().sum() + (h[1:] * s ** a[:2]).sum() * s / b[0] + 1.0 / s
    for _ in range(2):
        targets = [a, s] if frozen else [a, b, s]
        free = Pullback(out, targets)(1.0)
        with scratch_lock:
            taken = Pullback(out, targets)(1.0)
        for one, two in zip(free, taken, strict=True):
            np.testing.assert_array_equal(one, two)


def test_an_array_that_a_custom_rule_keeps_is_not_added_to() -> None:
    slope = np.array([1.0, 2.0])

    @primitive(x=lambda g, out, x: slope)
    def dot(x: Any) -> Any:
        return float(x @ slope)

    x = Value([3.0, 4.0])
    (dot(x) + dot(x) + x[0]).backward()
    assert x.grad.tolist() == [3.0, 4.0]
    assert grad(lambda v: dot(v) + dot(v))(np.ones(2)).tolist() == [2.0, 4.0]
    assert slope.tolist() == [1.0, 2.0]

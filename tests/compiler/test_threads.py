"""Several threads use compiled functions at once; errors and Ctrl-C leave everything as it was."""

import gc
import math
import signal
import threading
import warnings
from contextlib import suppress

import numpy as np
import pytest

from autograd import Value, backward
from autograd.compiler import hooks
from autograd.compiler.compiled import compile
from autograd.op import Op
from autograd.ops import rules
from tests.compiler.threads import in_threads

X = np.arange(6.0).reshape(2, 3)


def places():
    """Return everything that a recording replaces."""
    slots = [vars(Value)[name] for name in ("_raw", "_grad", "_since")]
    arrays = [getattr(np, name) for name in (*hooks.MAKERS, *hooks.FRESH)]
    numbers = [getattr(math, name) for name in hooks.MATH]
    return [*slots, *arrays, *numbers, Op.forward, rules.plain_rule, backward.is_finite, threading.Thread.start]


@pytest.fixture(autouse=True)
def restored():
    before = places()
    yield
    assert all(a is b for a, b in zip(before, places(), strict=True))
    assert hooks.active() is None and hooks.one_at_a_time.take()
    hooks.one_at_a_time.end()


def test_threads_record_and_replay_at_once():
    w = Value(np.ones(3))
    shared = compile(lambda x: (np.tanh(x * w) ** 2).sum() + np.zeros(3).sum())

    def one_function(rng):
        for _ in range(60):
            x = rng.normal(size=(int(rng.integers(1, 10)), 3))
            assert shared(x).data == pytest.approx((np.tanh(x) ** 2).sum())

    def many_functions(rng):
        for number in range(10):
            factor, v = float(number), Value(np.full(3, 2.0))
            f = compile(lambda x, v=v, factor=factor: (x * v * factor).sum())
            for _ in range(4):
                x, v.grad = rng.normal(size=3), None
                out = f(x)
                out.backward()
                assert out.data == pytest.approx(2 * factor * x.sum())
                np.testing.assert_allclose(v.grad, x * factor)

    def eager(rng):
        for _ in range(100):
            v, a = Value(rng.normal(size=3)), rng.normal(size=3)
            out = (v * np.asarray(a)).sum() + math.sin(1.0) + np.zeros(2).sum()
            out.backward()
            np.testing.assert_allclose(v.grad, a)

    in_threads(one_function, one_function, many_functions, many_functions, eager)


@pytest.mark.parametrize("computes", [lambda x, w: (x * 2).sum(), lambda x, w: (x * w).sum(), lambda x, w: (w * 2).sum()])
def test_a_function_that_starts_threads_runs_eagerly(computes):
    w = Value(np.ones(3))

    def f(x):
        out = []
        thread = threading.Thread(target=lambda: out.append(computes(x, w)))
        thread.start()
        thread.join()
        return out[0] + x.sum()

    fast = compile(f)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for scale in range(1, 6):
            w.data = np.full(3, float(scale))
            results = [np.array(getattr(out, "data", out)) for out in (fast(X * scale), f(X * scale))]
            np.testing.assert_array_equal(*results)
    assert len(found) == 1 and "it computes in another thread" in str(found[0].message)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("call", range(3))
def test_an_error_leaves_everything_as_after_an_eager_run(error, call):
    def run(wrap):
        w, calls = Value(np.ones(3)), []

        def step(x):
            calls.append(1)
            w.data = w.data * x.sum()
            (w * x).sum().backward()
            if len(calls) == 2:
                raise error
            return w * 2

        f = wrap(step)
        for _ in range(call + 1):
            with suppress(error):
                f(X + 1)
        assert type(vars(Value)["_raw"].__get__(w)) is np.ndarray
        return w.data, w.grad

    np.testing.assert_equal(run(compile), run(lambda f: f))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_interrupt_at_any_time():
    def handler(*_):
        raise KeyboardInterrupt

    callbacks, gc.callbacks[:] = gc.callbacks[:], []  # one of Hypothesis could be interrupted, which pytest reports as an error
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for number in range(60):
            w = Value(np.ones((5, 3)))

            def step(x, w=w):
                w.grad = None
                loss = ((x * w) ** 2).sum()
                loss.backward()
                w.data = w.data - 0.01 * w.grad
                return loss

            f = compile(step)
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 1e-4 + (number % 30) * 8e-5)
                for _ in range(100_000):
                    f(X[:1])
            assert type(w._raw) is np.ndarray and type(w._grad) in (np.ndarray, type(None))
            assert hooks.active() is None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.callbacks[:] = callbacks

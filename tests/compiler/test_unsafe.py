"""Each place where a recording could freeze what a later call must compute anew: it is replayed, guarded, or refused."""

from __future__ import annotations

import functools
import json
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.fft

import autograd
import nn
from autograd import Value, compile, grad, hvp, value_and_grad
from autograd.compiler import draw
from tests.compiler.replays import Outcome, backward_of, plain, reasons, total, was_replayed

X = np.array([0.3, -0.7, 1.2, -0.2])
OTHERS = [X, X, X, -X, X[::-1].copy(), np.zeros(4), np.full(4, 0.3), 3.0 * X, np.array([1.0, 1.0, -1.0, 0.0]), X, -X]
MATRIX = np.array([[2.0, 0.3], [0.1, 1.5]])


def agree(function: Callable[..., Any], data: Any = None, replays: int = 1) -> Any:
    """Compare values, gradients and second derivatives of a function of one array with eager ones, and return the last compiled.

    In each way at least so many calls are replays.
    """
    data = [(x,) for x in OTHERS] if data is None else data
    compiled: Any = None
    for inner, use in [
        (function, lambda f: f),
        (function, backward_of),
        (grad(total(function)), lambda f: f),
        (total(function), lambda f: lambda x: hvp(f, x, np.cos(x))),
    ]:
        compiled = compile(inner)
        eager, fast, count = use(inner), use(compiled), 0
        for args in data:
            found: list[Outcome] = []
            count += was_replayed(compiled, lambda args=args, fast=fast, found=found: found.append(Outcome(fast, args)))
            found[0].compare(Outcome(eager, args))
        assert count >= replays, reasons(compiled)
    return compiled


# --- masks and order of operations and their rules -------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        nn.relu, np.abs, np.max, np.min, np.sort, np.linalg.norm, np.median, np.sign, np.ptp, nn.gelu, nn.elu, nn.leaky_relu,
        lambda x: np.clip(x, -0.3, 0.3), lambda x: np.quantile(x, 0.3), lambda x: np.partition(x, 2),
        lambda x: autograd.ops.max_pool(x.reshape(1, 1, 4), 2),
        lambda x: np.maximum(x, x[::-1]), lambda x: np.where(x > 0.0, x, x * x),
        lambda x: np.maximum.accumulate(x), lambda x: np.interp(x, np.array([-1.0, 0.0, 1.0]), np.array([0.0, 2.0, 1.0])),
        lambda x: np.polyfit(np.arange(4.0), x, 2), lambda x: np.linalg.slogdet(x.reshape(2, 2) + MATRIX)[1],
        lambda x: np.unwrap(4.0 * x), np.prod, np.cumprod, np.nanmax, lambda x: np.fmax(x, 0.2),
        lambda x: x[np.argsort(autograd.stop_gradient(x).data if isinstance(x, Value) else x)],
    ],
)  # fmt: skip
def test_masks_and_orders_are_computed_anew(function: Any) -> None:
    agree(function)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.unique(np.round(x)).sum() * x, lambda x: x[x > 0.0].sum(), lambda x: np.extract(x > 0.0, x).sum(),
        lambda x: x[np.nonzero(x > 0.0)[0]].sum(), lambda x: np.compress(x > 0.0, x).sum() + x[0], lambda x: x * len(x[x > 0.0]),
        lambda x: x * plain_of(x)[plain_of(x) > 0.0].size, lambda x: x * np.flatnonzero(plain_of(x) > 0.0).shape[0],
        lambda x: x[: int(np.sum(plain_of(x) > 0.0))].sum() + x.sum(), lambda x: np.repeat(x, (plain_of(x) > 0.0) + 1).sum(),
    ],
)  # fmt: skip
def test_shapes_that_depend_on_numbers_are_guarded(function: Any) -> None:
    agree(function)


def plain_of(x: Any) -> Any:
    return x.data if isinstance(x, Value) else x


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.reshape(x, (2, 2), order="F").ravel(), lambda x: np.ravel(x.reshape(2, 2).T, order="F"),
        lambda x: x.reshape(2, 2).T.copy(order="F"), lambda x: x.sum() * x.sum(), lambda x: x[0] * x[1],
        lambda x: x.reshape(2, 2)[[0, 1, 1], [1, 0, 0]], lambda x: x[[0, 0, 3]], lambda x: x[np.array([[0, 1], [1, 1]])],
        lambda x: x.sum() ** 2 * np.float64(2.0), lambda x: np.mean(x) / (1.0 + np.var(x)),
    ],
)  # fmt: skip
def test_fancy_indices_memory_orders_and_numbers(function: Any) -> None:
    agree(function)


def test_an_unused_factorisation_raises_its_error_in_replays() -> None:
    def f(x: Any) -> Any:
        np.linalg.cholesky(x)
        return x.sum()

    compiled = compile(f)
    for x in (MATRIX, MATRIX, MATRIX, -MATRIX, MATRIX):
        Outcome(compiled, [x]).compare(Outcome(f, [x]))


def test_a_rule_whose_result_has_another_dtype_for_other_numbers() -> None:
    agree(np.linalg.det, [(np.full((1, 1), number, np.float32),) for number in (0.4, 0.4, 0.4, 0.0, 0.3)])


# --- ways out of a Value ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * (2.0 if x.sum() > 0.0 else 3.0), lambda x: x * (1.0 if (x > 0.5).any() else -1.0),
        lambda x: x * float(np.sum(plain_of(x))), lambda x: x * plain_of(x).sum().item(),
        lambda x: x * int(np.argmax(plain_of(x))),
        lambda x: x * np.asarray(plain_of(x)), lambda x: x * np.array([*plain_of(x)]), lambda x: x * plain_of(x).tolist()[0],
        lambda x: x * math.exp(plain_of(x)[1]), lambda x: x * (1.0 if plain_of(x)[0] in (0.3, 1.0) else 2.0),
        lambda x: x * len(f"{plain_of(x)[0]:.1f}"), lambda x: x * len(f"{x[0]}"), lambda x: x * len(repr(x.sum())),
        lambda x: x * len(f"{np.round(x[1]):.2f}"), lambda x: x * bool(plain_of(x)[0]), lambda x: x * max(plain_of(x)),
        lambda x: x * sum(1.0 for item in x if item > 0.0), lambda x: x * round(float(plain_of(x)[2])),
        lambda x: x * bytes(plain_of(x))[7],
        lambda x: x * plain_of(x).__array__(), lambda x: x * (plain_of(x) > 0.0), lambda x: x * np.sign(plain_of(x)).astype(int),
        lambda x: x * hash(float(plain_of(x)[0])) % 7.0, lambda x: x * {True: 1.0, False: 2.0}[bool(plain_of(x)[0] > 0.0)],
    ],
)  # fmt: skip
def test_numbers_that_leave_values_are_guarded_or_recorded(function: Any) -> None:
    agree(function)


def test_lists_of_numbers_are_recorded() -> None:
    """tolist() gives numbers that a replay reads anew, for arrays of any shape; other data is guarded."""

    def f(x: Any, scale: Any, flags: Any) -> Any:
        rows = [sum(a * b for a, b in zip(row, scale.tolist(), strict=True)) for row in x.tolist()]
        return [*rows, scale[0].tolist(), x[:1, 0].tolist()[0], *[flag * 2 for flag in flags.tolist()]], x[:, :0].tolist()

    compiled = compile(f)
    for number in range(6):
        x, scale = np.arange(6.0).reshape(3, 2) - number, np.array([0.5, 2.0]) ** number
        flags = np.array([number, 3 - number])
        found, empty = compiled(x, scale, flags)
        expected, _ = f(x, scale, flags)
        assert found == expected and empty == [[], [], []]
        assert list(map(type, found)) == list(map(type, expected))
    assert "2 recordings, 1 program" in compiled.explain()


def test_max_and_min_of_numbers_are_recorded() -> None:
    w = Value(0.5)

    def f(x: Any, y: float) -> Any:
        scores = [w * number for number in x.tolist()]
        largest = max(score.item() for score in scores)
        out = [largest, min(x), max(x.tolist(), default=0.0), max(y, 0.0), min(y, y, x[0].item()), max([y]), max(len(x), 2)]
        return [*out, functools.reduce(max, x), *[(score - largest).exp() for score in scores]]

    compiled = compile(f)
    for number in range(6):
        x, y = np.random.default_rng(number).normal(size=4), float(number) - 3.0
        Outcome(compiled, [x, y]).compare(Outcome(f, [x, y]), exact=True)
    assert "2 recordings, 1 program" in compiled.explain() and "GuardFailed" not in compiled.source


def test_sums_of_numbers_are_recorded() -> None:
    """As one call, where all are Python's numbers, so that they have the rounding of sum()."""
    w = Value(0.7)

    def f(x: Any, y: float) -> Any:
        items = x.tolist()
        out = [sum(items), sum(items, y), sum(items, start=1), sum(iter(items)), sum([*items, w, y]), sum(a * w for a in items)]
        return [*out, sum(x), sum([y]), sum([1, 2, y, True]), sum([], y), sum([]), sum([[1], [2]], [])]

    compiled = compile(f)
    for number in range(6):
        x, y = np.random.default_rng(number).normal(size=9) * 10.0 ** np.arange(9), float(number) - 3.0
        Outcome(compiled, [x, y]).compare(Outcome(f, [x, y]), exact=True)
    assert "2 recordings, 1 program" in compiled.explain() and "= sum([" in compiled.source
    for wrong in (lambda x: sum(x, ""), lambda x: sum(1.0), lambda x: sum([x, "a"])):
        with pytest.raises(TypeError, match=r"unsupported operand|can't sum strings|not iterable"):
            compile(wrong)(1.0)


def test_max_of_numbers_of_two_classes_or_with_a_key_is_a_branch() -> None:
    def f(x: Any, y: float) -> Any:
        return max(y, 0), max(x.tolist(), key=abs), max(x[0], y)

    compiled = compile(f)
    for number in (1.0, 2.0, 3.0, -1.0, -2.0, -3.0, 1.0):
        x = np.array([0.5, number])
        Outcome(compiled, [x, number]).compare(Outcome(f, [x, number]), exact=True)
    with pytest.raises(TypeError, match="not iterable"):
        compile(lambda y: max(y))(1.0)
    with pytest.raises(ValueError, match="empty"):
        compile(lambda y: max(y))([])


@pytest.mark.filterwarnings("ignore:.*which may read or write to it")
def test_writes_through_flat_are_refused() -> None:
    def f(x: Any) -> Any:
        space = np.zeros(4)
        space.flat[:] = x
        space.flat[1] = 5.0
        return space * sum(x.flat)

    compiled = compile(f)
    for x in OTHERS:
        Outcome(compiled, [x]).compare(Outcome(f, [x]))


# --- state ------------------------------------------------------------------------------------------------


def calls(make: Callable[[Any], Callable[..., Any]], data: Any) -> None:
    """Compare all calls of two twins, one of them compiled, with all they change."""
    eager, fast = make(lambda f: f), make(compile)
    for args in data:
        expected, found = Outcome(eager, args), Outcome(fast, args)
        found.compare(expected)


def twins_of_a_model(layer: Callable[[], Any]) -> Iterator[Any]:
    for wrap in (lambda f: f, compile):
        model = layer()
        yield model, wrap(lambda x, model=model: (model(x) ** 2).mean())


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Sequential(nn.Linear(4, 6, rng=0), nn.Dropout(0.5, rng=1), nn.Linear(6, 1, rng=2)),
        lambda: nn.Sequential(nn.Linear(4, 6, rng=0), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1, rng=2)),
    ],
)
def test_layers_with_random_numbers_and_statistics(layer: Any) -> None:
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(5, 4)) for _ in range(8)]
    (eager, f), (model, compiled) = twins_of_a_model(layer)
    for number, x in enumerate(data):
        for item in (eager, model):
            (item.eval if number == 5 else item.train)()
        first = f(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = compiled(x)
        np.testing.assert_allclose(found.data, first.data, rtol=1e-10)
        if number != 5:
            first.backward()
            found.backward()
        for name, value in eager.state_dict().items():
            np.testing.assert_allclose(model.state_dict()[name], value, rtol=1e-10)
        for one, two in zip(eager.parameters(), model.parameters(), strict=True):
            np.testing.assert_allclose(two.grad, one.grad, rtol=1e-9, atol=1e-12)


def test_own_random_numbers_are_refused() -> None:
    def make(wrap: Any) -> Any:
        rng = np.random.default_rng(0)
        return wrap(lambda x: x * (2.0 if rng.random() > 0.5 else 1.0) + 0.0 * rng.normal())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calls(make, [(X,)] * 40)


def test_a_generator_that_draw_uses_too_is_refused() -> None:
    def make(wrap: Any) -> Any:
        rng = np.random.default_rng(0)
        return wrap(lambda x: x * draw(rng, "random", 4) * (2.0 if rng.random() > 0.5 else 1.0))

    calls(make, [(X,)] * 40)


def test_draws_are_replayed_in_order() -> None:
    def make(wrap: Any) -> Any:
        rng = np.random.default_rng(0)
        return wrap(lambda x: x * draw(rng, "random", 4) + draw(rng, "normal"))

    calls(make, [(x,) for x in OTHERS])
    compiled = make(compile)
    assert [was_replayed(compiled, lambda: compiled(X)) for _ in range(4)][2:] == [True, True]


def test_what_a_transformed_function_reads_is_checked() -> None:
    scale = [2.0]

    def f(x: Any) -> Any:
        return (x * x).sum() * scale[0] if scale[0] > 1.0 else x.sum()

    for transform in (grad, value_and_grad, autograd.jacobian, autograd.hessian):
        compiled = compile(transform(f))
        for scale[0] in (2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 0.5):
            Outcome(compiled, [X]).compare(Outcome(transform(f), [X]))


def test_embedding_checks_its_indices_in_replays() -> None:
    layer = nn.Embedding(5, 2, rng=0)
    compiled = compile(lambda index: layer(index).sum())
    for index in (np.array([0, 1]), np.array([0, 1]), np.array([3, 4]), np.array([4, 4])):
        assert compiled(index).data == layer(index).sum().data
    with pytest.raises(ValueError, match="has the rows 0 to 4"):
        compiled(np.array([0, 7]))
    assert compiled(np.array([2, 2])).data == layer(np.array([2, 2])).sum().data


def test_losses_check_their_targets_in_replays() -> None:
    compiled = compile(nn.cross_entropy)
    scores = np.array([[1.0, 2.0, 0.5], [0.1, 0.2, 0.3]])
    for target in (np.array([0, 1]), np.array([0, 1]), np.array([2, 0]), np.array([1, 1])):
        assert compiled(scores, target) == nn.cross_entropy(scores, target)
    eager = Outcome(nn.cross_entropy, [scores, np.array([0, 3])])
    assert eager.error is not None
    Outcome(compiled, [scores, np.array([0, 3])]).compare(eager)


@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam, nn.AdamW, nn.RMSprop])
def test_step_counters_of_optimisers(kind: Any) -> None:
    def make(wrap: Any) -> Any:
        model = nn.Linear(4, 1, rng=0)
        optimizer = kind(model.parameters(), lr=0.05)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        step = wrap(step)
        return lambda x: [step(x).data, *[p.data.copy() for p in model.parameters()]]

    rng = np.random.default_rng(1)
    calls(make, [(rng.normal(size=(3, 4)),) for _ in range(8)])


def test_scopes() -> None:
    compiled = compile(lambda x: (x * x).sum())
    x = Value(X)
    for _ in range(4):
        with autograd.no_grad():
            assert compiled(x).requires_grad is False
        out = compiled(x)
        out.backward()
        np.testing.assert_array_equal(x.grad, 2.0 * X)
        x.grad = None


def test_hooks() -> None:
    weight = Value(2.0 * X)
    compiled = compile(lambda x: (x * weight).sum())
    for number in range(8):
        if number == 5:
            weight.register_hook(lambda g: 10.0 * g)
        weight.grad = None
        compiled(X * number).backward()
        np.testing.assert_array_equal(weight.grad, X * number * (10.0 if number >= 5 else 1.0))


@pytest.mark.parametrize("x", [np.zeros(4), np.array([0.0, 1.0, 0.0, 4.0])])
def test_the_masked_second_pass(x: Any) -> None:
    def f(x: Any) -> Any:
        return (np.where(x > 0.5, 1.0, 0.0) * np.sqrt(x)).sum() + (0.0 * np.log(x)).sum()

    compiled = compile(f)
    for item in (X**2, X**2, X**2, x, X**2, x):
        Outcome(backward_of(compiled), [item]).compare(Outcome(backward_of(f), [item]))
        Outcome(grad(compiled), [item]).compare(Outcome(grad(f), [item]))
    assert plain(grad(compiled)(X**2))


# --- what a tracer cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 2.0 if type(x) is np.ndarray else x, lambda x: x if float is type(x[0]) else x * 2.0,
        lambda x: [part * 2.0 for part in x if type(part) in (int, float, np.float64)],
    ],
)  # fmt: skip
def test_code_that_compares_the_type_of_numbers_is_refused(function: Any) -> None:
    compiled = compile(function)
    with pytest.warns(UserWarning, match=r"compares the type\(\) of a number or array: use isinstance\(\)"):
        for x in OTHERS:
            np.testing.assert_array_equal(compiled(x), function(x))
    assert compile(lambda x: x * 2.0 if type(x) is list else x, strict=True)(X) is not None


def in_json(x: Any) -> Any:
    return np.array([len(json.dumps({"x": part})) for part in x.tolist() + [x.sum().item()]])


@pytest.mark.parametrize(
    "function",
    [
        scipy.fft.rfft, in_json, lambda x: np.random.default_rng(0).permuted(x, out=np.zeros(4)),
        lambda x: np.random.default_rng(0).random(out=np.zeros(4)) + x,
    ],
)  # fmt: skip
def test_code_that_takes_no_tracers_gets_arrays(function: Any) -> None:
    compiled = compile(function)
    with pytest.warns(UserWarning, match="it calls code that needs real arrays"):
        for x in OTHERS:
            np.testing.assert_array_equal(compiled(x), function(x))


def takes_one(x: Any) -> Any:
    return x


def failing(x: Any, calls: list[int], how: str) -> Any:
    calls[0] += 1
    if how == "raise":
        raise TypeError("of the user's own")
    if how == "shape":
        return np.reshape(x, (7, 7))
    return takes_one(x, x) if how == "arguments" else x + "a"  # type: ignore[call-arg]


@pytest.mark.parametrize("how", ["raise", "arguments", "operator", "shape"])
def test_other_errors_do_not_run_the_function_twice(how: str) -> None:
    calls = [0]
    compiled = compile(lambda x: failing(x, calls, how))
    for _ in range(4):
        with pytest.raises((TypeError, ValueError)):
            compiled(X)
    assert calls == [4]

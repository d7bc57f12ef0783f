"""What a compiled function changes, and how its results are nested: as an eager function does it, or refused."""

from __future__ import annotations

import collections
import dataclasses
import functools
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, compile, gradient, no_grad
from autograd.compiler import effect

CALLS = 6


def matrix(number: int) -> np.ndarray:
    return np.arange(6.0).reshape(2, 3) / 3.0 + number


def shown(item: Any) -> Any:
    """Return nested data in a form that can be compared."""
    if isinstance(item, Value):
        return "Value", item.requires_grad, shown(item.data), shown(getattr(item, "_grad", None)) if item.op is None else None
    if isinstance(item, np.ndarray):
        return type(item), item.shape, item.dtype, item.strides, item.flags.writeable, item.tolist()
    if isinstance(item, dict):
        return type(item), [(key, shown(part)) for key, part in item.items()]
    if isinstance(item, (list, tuple, collections.deque)):
        return type(item), [shown(part) for part in item]
    if dataclasses.is_dataclass(item) or isinstance(item, Holder):
        return type(item), shown(vars(item))
    return type(item), item


class Holder:
    """An object with attributes."""

    def __init__(self, **named: Any) -> None:
        vars(self).update(named)


@dataclasses.dataclass
class Point:
    x: float
    y: Any


def twins(make: Callable[[Any], Any], data: Callable[..., Any], calls: int = CALLS) -> list[str]:
    """Compare `calls` calls of two twins, one of them compiled, and their states; return the warnings that it runs eagerly.

    `make(wrap)` returns the function and its state; `data(number, state)` the arguments of a call.
    """
    outcomes: list[list[Any]] = []
    refused: list[str] = []
    for wrap in (lambda f: f, compile):
        function, state = make(wrap)
        found = []
        for number in range(calls):
            args = data(number, state)
            with warnings.catch_warnings(record=True) as given:
                warnings.simplefilter("always")
                try:
                    result = function(*args)
                except Exception as error:
                    result = type(error), str(error)
            texts = [str(item.message) for item in given]
            refused += [text for text in texts if "runs eagerly" in text]
            found.append((shown(result), shown(args), shown(state), [text for text in texts if "runs eagerly" not in text]))
        outcomes.append(found)
    for number, (one, two) in enumerate(zip(*outcomes, strict=True)):
        for what, a, b in zip(("result", "arguments", "state", "warnings"), one, two, strict=True):
            assert a == b, f"{what} of call {number}: eager {a}, compiled {b}"
    return refused


# --- Python's state --------------------------------------------------------------------------------------


def appends(state: Any, x: Any) -> Any:
    state.append(1)
    return x * 2.0


def appends_a_loss(state: Any, x: Any) -> Any:
    state.append(float((x * 0.0).sum()))
    return x * 2.0


def counts(state: Any, x: Any) -> Any:
    state[0] += 1
    return x * 2.0


def sets_an_attribute(state: Any, x: Any) -> Any:
    state.n += 1
    return x * 2.0


def keeps_an_array(state: Any, x: Any) -> Any:
    state.n = x * 3.0
    return x * 2.0


def keeps_an_array_in_a_tuple(state: Any, x: Any) -> Any:
    state.append((1, x.sum()))
    return x * 2.0


def keeps_by_a_key(state: Any, x: Any) -> Any:
    state[float(x.sum())] = x * 2.0
    return x


def adds_to_an_array(state: Any, x: Any) -> Any:
    state[0] += 1.0
    return x * 2.0


CHANGES = [
    (appends, list), (appends, collections.deque), (appends_a_loss, list), (counts, lambda: [0]), (counts, lambda: {0: 0}),
    (counts, collections.Counter), (sets_an_attribute, lambda: Holder(n=0)), (keeps_an_array, lambda: Holder(n=None)),
    (keeps_an_array_in_a_tuple, list), (keeps_by_a_key, dict), (adds_to_an_array, lambda: np.zeros(3)),
]  # fmt: skip


@pytest.mark.parametrize(("function", "new"), CHANGES)
def test_changes_of_what_a_closure_holds(function: Any, new: Any) -> None:
    def make(wrap: Any) -> Any:
        state = new()
        return wrap(lambda x: function(state, x)), state

    assert len(twins(make, lambda number, state: (matrix(number % 2),))) == 1


def test_changes_by_a_method_of_a_list_that_the_function_holds() -> None:
    def make(wrap: Any) -> Any:
        log: list[int] = []
        add = log.append

        def f(x: Any) -> Any:
            add(1)
            return x * 2.0

        return wrap(f), log

    assert len(twins(make, lambda number, state: (matrix(number),))) == 1


def test_changes_of_a_default() -> None:
    def make(wrap: Any) -> Any:
        def f(x: Any, log: list[int] = []) -> Any:  # noqa: B006 - it is what is tested
            log.append(1)
            return x * len(log)

        f.__defaults__ = ([],)
        return wrap(f), f.__defaults__

    assert len(twins(make, lambda number, state: (matrix(number),), 10)) == 1


def test_results_of_calls_that_fail_hold_plain_arrays() -> None:
    @compile
    def f(x: Any) -> Any:
        holder = Holder(y=x * 2.0, parts=[x + 1.0, (x.sum(), {"z": x})])
        return holder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(4):
            found = f(matrix(number))
            assert type(found.y) is type(found.parts[0]) is type(found.parts[1][1]["z"]) is np.ndarray
            assert type(found.parts[1][0]) is np.float64


def test_functions_as_results_hold_plain_arrays() -> None:
    @compile
    def f(x: Any) -> Any:
        y = x * 2.0
        return functools.partial(np.add, y), lambda z: y + z

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(5):
            part, closure = f(matrix(number))
            assert type(part.args[0]) is type(closure.__closure__[0].cell_contents) is np.ndarray
            np.testing.assert_array_equal(part(1.0), closure(1.0))


def test_an_error_holds_plain_arrays() -> None:
    held = []

    @compile
    def f(x: Any) -> Any:
        held.append(x * 2.0)
        raise ValueError("no", x + 1.0)

    with pytest.raises(ValueError, match="no") as caught:
        f(matrix(0))
    assert type(caught.value.args[1]) is type(held[0]) is np.ndarray


def test_warnings_of_the_user_are_given_in_each_call() -> None:
    def f(x: Any) -> Any:
        warnings.warn("careful", stacklevel=1)
        return x * 2.0

    assert len(twins(lambda wrap: (wrap(f), None), lambda number, state: (matrix(number),))) == 1


def test_files_are_read_in_each_call(tmp_path: Path) -> None:
    path = tmp_path / "factor.txt"

    def make(wrap: Any) -> Any:
        function = wrap(lambda x: x * float(path.read_text()))

        def call(x: Any, text: str) -> Any:
            path.write_text(text)
            return function(x)

        return call, None

    assert len(twins(make, lambda number, state: (matrix(number), "2" if number < 4 else "7"))) == 1


def test_context_variables_are_compared() -> None:
    factor = ContextVar("factor", default=1.0)

    def make(wrap: Any) -> Any:
        function = wrap(lambda x: x * factor.get())

        def call(x: Any, number: float) -> Any:
            token = factor.set(number)
            try:
                return function(x)
            finally:
                factor.reset(token)

        return call, None

    assert not twins(make, lambda number, state: (matrix(number), 1.0 if number < 4 else 7.0), 8)


# --- lists, dicts and dataclasses as arguments and results ---------------------------------------------------


def replaces(items: Any, x: Any) -> Any:
    items["w"] = items["w"] - 0.1 * x[0]
    return items["w"].sum()


def counts_up(items: Any, x: Any) -> Any:
    items["n"] += 1.0
    return x * items["n"]


def adds_a_key(items: Any, x: Any) -> Any:
    items["last"] = x * 2.0
    return x


@pytest.mark.parametrize("function", [replaces, counts_up, adds_a_key])
def test_changes_of_a_dict_that_is_an_argument(function: Any) -> None:
    def make(wrap: Any) -> Any:
        return wrap(function), {"w": np.ones(3), "n": 0.0}

    assert len(twins(make, lambda number, state: (state, matrix(number)))) == 1


def test_changes_of_lists_and_dataclasses_that_are_arguments() -> None:
    def f(point: Any, items: Any, x: Any) -> Any:
        point.x += 1.0
        point.y = point.y + x[0]
        items[0].append(x.sum())
        return x * point.x

    def make(wrap: Any) -> Any:
        return wrap(f), (Point(0.0, np.zeros(3)), [[1.0]])

    twins(make, lambda number, state: (*state, matrix(number)))


def test_arrays_in_arguments_change_in_place_in_replays() -> None:
    def f(items: Any, x: Any) -> Any:
        items["w"] -= 0.1 * x[0]
        return items

    def make(wrap: Any) -> Any:
        function = wrap(f)
        made.append(function)
        return lambda items, x: function(items, x) is items, {"w": np.ones(3)}

    made: list[Any] = []
    assert not twins(make, lambda number, state: (state, matrix(number)))
    assert sum(item.count for item in made[1].recordings.values()) == 2


def test_results_that_are_lists_from_outside_or_arguments_are_those() -> None:
    items, rows = [1.0, 2.0], {"a": np.ones(2)}

    @compile
    def f(x: Any, given: Any) -> Any:
        return items, given, rows, [x * 2.0, given]

    for number in range(5):
        argument = [matrix(number)]
        found = f(matrix(number), argument)
        assert found[0] is items and found[1] is argument and found[2] is rows and found[3][1] is argument
        np.testing.assert_array_equal(found[3][0], matrix(number) * 2.0)
    assert sum(item.count for item in f.recordings.values()) < 5


def test_new_lists_in_results_are_new_in_each_call() -> None:
    @compile
    def f(x: Any) -> Any:
        return x.sum(), [1, 2], {1, 2}, {"a": []}

    @compile
    def twice(x: Any) -> Any:
        row = [x * 2.0]
        return row, row

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(10):
            _, row, numbers, table = f(matrix(number))
            assert (row, numbers, table) == ([1, 2], {1, 2}, {"a": []})
            row.append(3)
            numbers.add(3)
            table["a"].append(1)
            one, two = twice(matrix(number))
            assert one is two


# --- arrays ------------------------------------------------------------------------------------------------


def turned(number: int) -> np.ndarray:
    return matrix(number) if number < 3 else matrix(number).T.copy().T


def straight(number: int) -> np.ndarray:
    return turned(number) if number >= 3 else matrix(number).T.copy().T


@pytest.mark.parametrize("data", [turned, straight])
@pytest.mark.parametrize("function", [np.ascontiguousarray, np.ravel, lambda x: x.reshape(-1), np.asfortranarray])
def test_functions_that_copy_in_one_memory_order_only(function: Any, data: Any) -> None:
    def f(x: Any) -> Any:
        y = function(x)
        y += 100.0
        return x.sum(), y

    twins(lambda wrap: (wrap(f), None), lambda number, state: (data(number),))


@pytest.mark.parametrize("read", [lambda x: x.flags.c_contiguous, lambda x: x.flags.writeable, lambda x: x.base is None])
def test_branches_on_flags_are_guarded(read: Any) -> None:
    def f(x: Any) -> Any:
        return x * 2.0 if read(x) else x * 3.0

    def data(number: int, state: Any) -> Any:
        x = turned(number)
        x.flags.writeable = number < 3
        return (x,)

    assert not twins(lambda wrap: (wrap(f), None), data)


@pytest.mark.parametrize("shift", [0, 2])
def test_arguments_that_share_memory(shift: int) -> None:
    def f(x: Any, y: Any) -> Any:
        before = (y * 2.0).sum()
        x += 1.0
        return before, (y * 2.0).sum(), 1.0 if x is y else 2.0

    def data(number: int, state: Any) -> Any:
        whole = np.arange(12.0) + number
        x, y = whole[:5], whole[7:] if number < 3 else whole[shift : shift + 5]
        return (x, x) if number >= 3 and not shift else (x, y)

    twins(lambda wrap: (wrap(f), None), data)


def test_the_same_arrays_in_a_list_and_as_two_arguments() -> None:
    def f(a: Any, b: Any = None) -> Any:
        return a + b if b is not None else a[0] - 10.0 * a[1]

    compiled = compile(f)
    x, y = matrix(0), matrix(1)
    for number in range(12):
        args = ([x, y],) if number % 8 < 4 else (x, y)
        np.testing.assert_array_equal(compiled(*args), f(*args))


# --- Values and optimisers ---------------------------------------------------------------------------------


def test_a_leaf_as_a_result_has_its_gradient() -> None:
    def f(x: Any) -> Any:
        w, v = Value(x), Value(x + 1.0)
        (w * w).sum().backward()
        return w, v, w

    assert not twins(lambda wrap: (wrap(f), None), lambda number, state: (matrix(number),))
    compiled = compile(f)
    for number in range(4):
        w, v, again = compiled(matrix(number))
        assert again is w
        (v * v).sum().backward()
        np.testing.assert_array_equal(v.grad, 2.0 * v.data)


def test_a_result_below_another_one_keeps_its_gradient() -> None:
    def make(wrap: Any) -> Any:
        w = Value(np.ones(3))

        def f(x: Any) -> Any:
            y = w * x
            return (y * y).sum(), y

        function = wrap(f)

        def call(x: Any) -> Any:
            loss, y = function(x)
            loss.backward()
            return y.grad.copy(), gradient(loss, y).data

        return call, w

    assert len(twins(make, lambda number, state: (matrix(number),))) == 1


def test_data_of_results_has_the_dtype_and_flags_and_shares_the_memory_of_eager_ones() -> None:
    def make(wrap: Any) -> Any:
        w, b = Value(np.ones(4)), Value(np.ones(4, np.float32))

        def f(x: Any) -> Any:
            return w[1:], w.reshape(2, 2), b * 2.0, b[0] * 1.0, (w * x[0, 0]).reshape(2, 2)

        function, one = wrap(f), wrap(lambda x: (w * x[0, 0]).reshape(2, 2))

        def call(x: Any) -> Any:
            results = [*function(x), one(x)]
            total = sum(((item * item).sum() for item in results), start=Value(0.0))
            total.backward()
            return [item.data for item in results], np.shares_memory(results[0].data, w.data)

        return call, (w, b)

    assert not twins(make, lambda number, state: (matrix(number),))


@pytest.mark.parametrize("kind", [nn.SGD, nn.Adam, nn.RMSprop])
def test_several_steps_of_an_optimiser_in_one_call(kind: Any) -> None:
    def make(wrap: Any) -> Any:
        w, b = Value(np.ones(3)), Value(np.zeros(3))
        optimizer = kind([w, b], lr=0.1)

        def step(x: Any) -> Any:
            for _ in range(3):
                optimizer.zero_grad()
                loss = ((w * x + b) ** 2).mean()
                loss.backward()
                optimizer.step()
            return loss.data

        return wrap(step), (w, b, [optimizer.state])

    def compare(number: int, state: Any) -> Any:
        return (matrix(number)[0],)

    def plainly(wrap: Any) -> Any:
        step, (w, b, (states,)) = make(wrap)

        def call(x: Any) -> Any:
            loss = step(x)
            return round(loss, 9), w.data.round(9), b.data.round(9), [state["step"] for state in states.values()]

        return call, None

    assert not twins(plainly, compare)


def test_an_effect_before_a_branch_happens_once() -> None:
    def make(wrap: Any) -> Any:
        state = Holder(n=0)

        def add() -> None:
            state.n += 1

        def f(x: Any) -> Any:
            effect(add)
            return x * 2.0 if x.sum() > 8.0 else x * 3.0

        return wrap(f), state

    refused = twins(make, lambda number, state: (matrix(number % 3),))
    assert len(refused) == 1 and "by effect() before Python code reads a number" in refused[0]


def test_a_schedule_before_a_branch_takes_one_step() -> None:
    def make(wrap: Any) -> Any:
        w = Value(np.ones(3))
        optimizer = nn.SGD([w], lr=0.1)
        schedule = nn.StepLR(optimizer, 3)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = ((w * x) ** 2).sum()
            loss.backward()
            optimizer.step()
            schedule.step()
            return loss.data * (2.0 if x.sum() > 50.0 else 1.0)

        return wrap(step), [w.data, optimizer.param_groups[0]]

    def data(number: int, state: Any) -> Any:
        return (matrix(number)[0] * (100.0 if number == 7 else 0.01),)

    def plainly(wrap: Any) -> Any:
        step, (_, group) = make(wrap)
        return lambda x: (round(float(step(x)), 6), group["lr"]), None

    assert len(twins(plainly, data, 10)) == 1


# --- warnings of NumPy ---------------------------------------------------------------------------------------


def test_a_replay_that_stops_warns_once() -> None:
    def f(x: Any) -> Any:
        y = np.log(x - 1.0) + 1.0 / x
        return y * 2.0 if x.sum() > 0.0 else y * 3.0

    def data(number: int, state: Any) -> Any:
        return (np.array([2.0, 3.0]) if number not in (3, 5) else np.array([-9.0, 0.0]),)

    def comparable(wrap: Any) -> Any:
        function = wrap(f)
        return lambda x: np.nan_to_num(function(x)), None

    assert not twins(comparable, data, 8)


@pytest.mark.parametrize("inside", [True, False])
def test_infinite_gradients_warn_as_eager_ones(inside: bool) -> None:
    def make(wrap: Any) -> Any:
        w = Value(np.ones(3))

        def f(x: Any) -> Any:
            loss = np.sum(np.log(x * w * w))
            if inside:
                loss.backward()
            return loss

        function = wrap(f)

        def call(x: Any) -> Any:
            loss = function(x)
            if not inside:
                loss.backward()
            return np.nan_to_num(loss.data)

        return call, None

    def data(number: int, state: Any) -> Any:
        return (matrix(1)[0] * (number != 4),)

    assert not twins(make, data, 7)


def test_calls_under_no_grad_and_calls_outside_have_programs_of_their_own() -> None:
    w = Value(np.ones(3))
    loss = compile(lambda x: ((w * x) ** 2).sum())
    for number in range(10):
        x = matrix(number)
        if number % 2:
            with no_grad():
                assert not loss(x).requires_grad
        else:
            w.grad = np.zeros(3)
            loss(x).backward()
            np.testing.assert_allclose(w.grad, 2.0 * (x * x).sum(0))


def test_each_line_warns_once_as_python_does_where_nothing_else_is_set() -> None:
    def f(x: Any) -> Any:
        y = 1.0 / x
        z = np.log(x)
        y[:0].mean()
        return y + z if x.sum() > -5.0 else y * z

    def found(wrap: Any) -> list[tuple[str, str, int]]:
        globals().pop("__warningregistry__", None)
        function = wrap(f)
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("default")
            for number in range(9):
                function(np.array([0.0, 1.0, -1.0]) if number not in (5, 7) else np.array([0.0, -10.0, 2.0]))
        return [(str(item.message), item.filename, item.lineno) for item in given]

    expected = found(lambda f: f)
    assert found(compile) == expected and len(expected) >= 4


def test_losses_of_steps_refuse_a_second_backward_pass() -> None:
    def make(wrap: Any) -> Any:
        w = Value(np.ones(3))
        optimizer = nn.SGD([w], lr=0.1)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = ((w * x) ** 2).sum()
            loss.backward()
            optimizer.step()
            return loss

        function = wrap(step)

        def call(x: Any, more: bool) -> Any:
            loss = function(x)
            with pytest.raises(ValueError, match=r"the data of a Value of shape \(3,\) changed after"):
                (loss * 2.0 + (w * w).sum() if more else loss).backward()

        return call, w

    assert not twins(make, lambda number, state: (matrix(number), bool(number % 2)), 8)


def test_a_result_of_a_created_leaf_that_is_a_result_keeps_its_gradient() -> None:
    def f(x: Any) -> Any:
        v = Value(x)
        return (v * v).sum(), v

    def make(wrap: Any) -> Any:
        function = wrap(f)

        def call(x: Any) -> Any:
            loss, v = function(x)
            loss.backward()
            return v.grad

        return call, None

    assert len(twins(make, lambda number, state: (matrix(number),))) == 1


def test_arguments_that_the_function_keeps_are_the_originals() -> None:
    kept: dict[str, Any] = {}

    @compile
    def f(d: Any, x: Any) -> Any:
        kept["last"] = d
        return d["w"] * x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(6):
            d = {"w": np.ones(3)}
            f(d, matrix(number))
            assert kept["last"] is d


def test_one_list_at_two_places_of_the_arguments() -> None:
    def f(a: Any, b: Any) -> Any:
        a.append(1.0)
        return len(b), a is b

    def make(wrap: Any) -> Any:
        return wrap(f), [0.0]

    assert twins(make, lambda number, state: (state, state))


def test_a_list_that_is_an_item_of_itself() -> None:
    items: list[Any] = [1.0]
    items.append(items)
    assert compile(lambda given: given[1] is given)(items)

"""Small parameters in one vector: the same numbers, whoever holds or replaces an array."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.compiler import errors
from autograd.compiler.program import Source
from autograd.compiler.vectors import Workspace, join
from autograd.compiler.vectors import vector_of as common_vector
from tests.compiler.threads import in_threads

SIZES = (3, 8, 8, 2)


class Training:
    """A network, an optimiser and a step, compiled or not."""

    def __init__(self, compiled: bool, optimizer: Callable[..., nn.Optimizer] = nn.SGD, dtype: str = "float64") -> None:
        rng = np.random.default_rng(0)
        layers = [nn.Linear(m, n, rng=rng, dtype=dtype) for m, n in zip(SIZES, SIZES[1:], strict=False)]
        self.model = nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Sigmoid(), layers[2])
        self.optimizer = optimizer(self.model.parameters(), lr=0.1)
        self.step = autograd.compile(self.train) if compiled else self.train
        self.rng, self.dtype = rng, dtype

    def train(self, x: Any, y: Any) -> Value:
        self.optimizer.zero_grad()
        loss = nn.mse_loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def go(self, steps: int = 5, batch: int = 7) -> list[float]:
        """Return the losses of some steps on new numbers."""
        data = ([self.rng.normal(size=(batch, n)).astype(self.dtype) for n in (SIZES[0], SIZES[-1])] for _ in range(steps))
        return [self.step(*arrays).item() for arrays in data]

    def arrays(self) -> list[Any]:
        """Return everything that a step changes."""
        found: list[Any] = [item for p in self.model.parameters() for item in (p.data.copy(), p.grad.copy())]
        return found + [np.copy(item) for state in self.optimizer.state.values() for item in state.values()]


def pair(*args: Any) -> tuple[Training, Training]:
    return Training(False, *args), Training(True, *args)


def check_alike(eager: Training, compiled: Training, steps: int = 5, batch: int = 7) -> None:
    assert eager.go(steps, batch) == compiled.go(steps, batch)
    for a, b in zip(eager.arrays(), compiled.arrays(), strict=True):
        np.testing.assert_array_equal(a, b)


def vector_of(parameters: list[Value]) -> Any:
    """Return the array whose memory all parameters share, or None."""
    bases = {id(p.data.base): p.data.base for p in parameters}
    return next(iter(bases.values())) if len(bases) == 1 else None


OPTIMISERS: dict[str, Callable[..., nn.Optimizer]] = {
    "SGD": nn.SGD,
    "weight decay": lambda p, lr: nn.SGD(p, lr, weight_decay=0.1),
    "momentum": lambda p, lr: nn.SGD(p, lr, momentum=0.9, nesterov=True),
    "Adam": nn.Adam,
    "AdamW": nn.AdamW,
    "RMSprop": nn.RMSprop,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_parameters_become_parts_of_a_vector(name: str, dtype: str) -> None:
    eager, compiled = pair(OPTIMISERS[name], dtype)
    for _ in range(3):
        check_alike(eager, compiled)
    parameters = compiled.model.parameters()
    vector = vector_of(parameters)
    assert vector is not None and vector.size == sum(p.size for p in parameters)
    assert vector_of(eager.model.parameters()) is None
    assert len({id(p.grad.base) for p in parameters}) == 1
    assert "workspace()" in compiled.step.source  # type: ignore[union-attr]


def test_parameter_that_a_variable_holds_stays_where_it_is() -> None:
    eager, compiled = pair()
    held = compiled.model.parameters()[2].data
    part = compiled.model.parameters()[1].data[1:]
    check_alike(eager, compiled, 8)
    assert compiled.model.parameters()[2].data is held
    np.testing.assert_array_equal(compiled.model.parameters()[1].data[1:], part)
    assert vector_of(compiled.model.parameters()) is None


def test_array_taken_after_the_move_sees_later_steps() -> None:
    eager, compiled = pair()
    check_alike(eager, compiled)
    held = compiled.model.parameters()[0].data
    check_alike(eager, compiled)
    assert held is compiled.model.parameters()[0].data


def test_replaced_parameters_are_joined_again() -> None:
    eager, compiled = pair(nn.Adam)
    check_alike(eager, compiled)
    first = vector_of(compiled.model.parameters())
    for training in (eager, compiled):
        for p in training.model.parameters():
            p.data = p.data * 0.5
    check_alike(eager, compiled)
    second = vector_of(compiled.model.parameters())
    assert first is not None and second is not None and first is not second
    for training in (eager, compiled):
        training.model.load_state_dict(training.model.state_dict())
        training.optimizer.load_state_dict(training.optimizer.state_dict())
    check_alike(eager, compiled)


def test_programs_for_two_batch_sizes_share_a_vector() -> None:
    eager, compiled = pair(nn.Adam)
    for batch in (7, 4, 7, 4):
        check_alike(eager, compiled, 4, batch)
    assert len(compiled.step.recordings) == 2  # type: ignore[union-attr]
    assert vector_of(compiled.model.parameters()) is not None


def test_program_that_only_reads_parameters_lets_them_move() -> None:
    eager, compiled = pair()
    predict = autograd.compile(compiled.model)
    x = np.ones((4, SIZES[0]))
    for _ in range(4):
        predict(x)
    check_alike(eager, compiled)
    assert vector_of(compiled.model.parameters()) is not None
    np.testing.assert_array_equal(predict(x).data, eager.model(x).data)
    check_alike(eager, compiled)
    np.testing.assert_array_equal(predict(x).data, eager.model(x).data)


def test_different_numbers_of_steps_are_counted_apart() -> None:
    eager, compiled = pair(nn.Adam)
    for training in (eager, compiled):
        training.model.parameters()[0].requires_grad = False
    check_alike(eager, compiled)
    for training in (eager, compiled):
        training.model.parameters()[0].requires_grad = True
    check_alike(eager, compiled)
    assert len({state["step"] for state in compiled.optimizer.state.values()}) == 2


def test_gradients_that_are_kept_do_not_change() -> None:
    training = Training(True)
    history: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(12):
        training.go(1)
        for p in training.model.parameters()[:2]:
            history.append((p.grad, p.grad.copy()))
            history.append((p.grad[:1], p.grad[:1].copy()))
    assert all((now == before).all() for now, before in history)


def test_copies_and_pickles_have_memory_of_their_own() -> None:
    training = Training(True)
    training.go()
    twin = copy.deepcopy(training.model)
    before = [p.data.copy() for p in twin.parameters()]
    training.go()
    for p, data in zip(twin.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, data)


def test_eager_steps_between_compiled_ones() -> None:
    eager, compiled = pair(nn.Adam)
    check_alike(eager, compiled)
    step = compiled.step
    for _ in range(2):
        compiled.step = compiled.train
        check_alike(eager, compiled, 20)
        compiled.step = step
        check_alike(eager, compiled)


def test_a_step_that_raises_leaves_parameters_and_gradients() -> None:
    """The gradient is not finite, so the function runs eagerly."""
    eager, compiled = pair()
    check_alike(eager, compiled)
    x, y = np.full((7, SIZES[0]), np.inf), np.zeros((7, SIZES[-1]))
    for training in (eager, compiled):
        with pytest.warns(nn.NonFiniteGradientWarning), np.errstate(all="ignore"):
            training.step(x, y)
    for a, b in zip(eager.arrays(), compiled.arrays(), strict=True):
        np.testing.assert_array_equal(a, b)


# --- workspaces -----------------------------------------------------------------------------------


def test_workspace_gives_arrays_again_that_nothing_refers_to() -> None:
    workspace = Workspace([((2, 2), np.float32)], np.float64, [(2,), (3, 1)])
    square, vector, first, second = workspace()
    assert first.base is second.base is vector and second.shape == (3, 1) and square.dtype == np.float32
    places = {vector.ctypes.data}
    del square, vector, first
    held = second[1:]
    del second
    for _ in range(2):  # a view of the vector is held
        places.add(workspace()[1].ctypes.data)
    assert len(places) == 2
    _, vector, *_ = workspace()
    other = workspace()  # all are in use
    assert other[1].ctypes.data not in places and other[0] is not workspace()[0]
    del held, vector, other, _
    assert {workspace()[1].ctypes.data for _ in range(4)} == places


def test_threads_get_arrays_of_their_own() -> None:
    workspace = Workspace([((1000,), np.float64)], np.float64, [(10,), (5, 2)])
    wrong: list[bool] = []

    def work(rng: np.random.Generator) -> None:
        number = rng.random()
        for _ in range(2000):
            arrays = workspace()
            for array in arrays:
                array[...] = number
            wrong.append(any((array != number).any() for array in arrays))

    in_threads(*[work] * 4)
    assert len(wrong) == 8000 and not any(wrong)


def test_join_moves_arrays_that_only_their_owner_holds() -> None:
    values, items = [Value(np.ones((2, 2))), Value(np.arange(3.0))], {"a": np.zeros(2)}
    sources = [*(Source("data", value) for value in values), Source("item", items, "a")]
    held = items["a"]
    assert join(sources) is None
    del held
    vector = join(sources)
    assert vector is not None
    np.testing.assert_array_equal(vector, [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0])
    assert values[0].data.base is items["a"].base is vector and values[0].shape == (2, 2)
    assert join(sources) is vector
    assert join(sources[::-1]) is None  # they are parts of another vector


def test_vector_of_arrays_that_are_no_parts_of_one() -> None:
    base = np.arange(6.0)
    first, second = base[:2], base[2:].reshape(2, 2)
    assert common_vector([first, second]) is base
    for others in ([second, first], [first], [first, None], [first, 1.0], [None, first], [first, base[2:4], base[3:5]], [1.0],
                   [first, second.copy()], [first, second.T], [base]):  # fmt: skip
        assert common_vector(others) is None


def test_gradients_of_which_some_are_missing() -> None:
    """One parameter has a part of a vector as its gradient, another is a number, and a third is not reached."""
    parameters = [Value(np.ones(2)), Value(np.ones(3)), Value(np.ones(2)), Value(1.0), Value(np.ones(2))]
    optimizer = nn.SGD(parameters, lr=0.1, guards=False)
    for _ in range(40):
        optimizer.zero_grad()
        gradients = np.arange(7.0)
        for p, (start, stop) in zip(parameters, ((0, 2), (2, 5), (5, 7)), strict=False):
            p._grad, p._since = gradients[start:stop], p._clock
        parameters[3].grad = 2.0
        optimizer.step()
    np.testing.assert_allclose(parameters[1].data, 1.0 - 4.0 * np.array([2.0, 3.0, 4.0]))
    assert parameters[3].data == pytest.approx(-7.0) and parameters[4].data.tolist() == [1.0, 1.0]


# --- error settings -------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [False, True], ids=["fast", "without NumPy's variable"])
def test_error_settings_are_those_of_errstate(hidden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if hidden:
        monkeypatch.setitem(sys.modules, "numpy._core.umath", None)
    try:
        module = importlib.reload(errors)
        with np.errstate(divide="raise", over="warn"):
            token = module.set_errors(module.settings(over="ignore"))
            assert np.geterr()["over"] == "ignore" and np.geterr()["divide"] == "raise"
            module.reset_errors(token)
            assert np.geterr()["over"] == "warn"
    finally:
        monkeypatch.undo()
        importlib.reload(errors)

"""Whole training steps in compiled functions: the same numbers, states and warnings as without, whatever changes in between."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from autograd.compiler import Compiled
from tests.nn.training.test_optimisers import BY_GRADIENT, Own

Change = Callable[[nn.Optimizer], Any]


class Run:
    """The same training, compiled or not."""

    def __init__(self, make: Any, compiled: bool, scalars: bool = False, schedule: Any = None, clip: Any = None) -> None:
        self.rng = np.random.default_rng(0)
        sizes: list[tuple[int, ...]] = [()] * 4 if scalars else [(2, 5), (5,), (5, 1), (1,)]
        self.parameters = [Value(0.3 * self.rng.normal(size=size) if size else float(self.rng.normal())) for size in sizes]
        self.optimizer = make(self.parameters, lr=0.02)
        self.schedule = None if schedule is None else schedule(self.optimizer)
        self.clip, self.scalars = clip, scalars
        self.step = autograd.compile(self.train) if compiled else self.train

    def train(self, x: Any, y: Any) -> Value:
        a, b, c, d = self.parameters
        self.optimizer.zero_grad()
        hidden = np.tanh(x * a + b) if self.scalars else np.tanh(x @ a + b)
        loss = (((hidden * c if self.scalars else hidden @ c) + d - y) ** 2).mean()
        loss.backward()
        if self.clip is not None:
            self.clip(self.parameters)
        self.optimizer.step()
        if isinstance(self.schedule, nn.ReduceLROnPlateau):
            self.schedule.step(loss)
        elif self.schedule is not None:
            self.schedule.step()
        return loss

    def go(self, steps: int) -> list[float]:
        """Return the losses of some steps."""
        shapes = ((8,), (8,)) if self.scalars else ((8, 2), (8, 1))
        return [self.step(*(self.rng.normal(size=shape) for shape in shapes)).item() for _ in range(steps)]


def check_same(make: Any, change: Change | None = None, programs: int = 1, **options: Any) -> None:
    """Check that compiled and other steps give the same, to the last bit, before and after a change."""
    runs = [Run(make, compiled, **options) for compiled in (False, True)]
    for part in range(2):
        for run in runs if change is not None and part else ():
            change(run.optimizer)  # type: ignore[misc]
        left, right = (run.go(15) for run in runs)
        assert left == right
    one, two = (run.optimizer for run in runs)
    assert one.steps == two.steps == 30
    for p, q in zip(one.parameters, two.parameters, strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        np.testing.assert_array_equal(p.grad, q.grad)
        assert one.state[p].keys() == two.state[q].keys()
        for name, item in one.state[p].items():
            np.testing.assert_array_equal(item, two.state[q][name])
            assert type(item) is type(two.state[q][name])
    for guard in (one.guard, two.guard):
        assert guard is not None and guard.steps == 30
        guard.count_pending()
    assert [watch.active for watch in one.guard.watches] == [watch.active for watch in two.guard.watches]  # type: ignore[union-attr]
    compiled = runs[1].step
    assert isinstance(compiled, Compiled)
    (found,) = compiled.recordings.values()
    assert found.reason is None and len(found.replays) == programs


@pytest.mark.parametrize("scalars", [False, True], ids=["arrays", "scalars"])
@pytest.mark.parametrize("name", BY_GRADIENT)
def test_optimisers(name: str, scalars: bool) -> None:
    """RAdam has another formula in its first steps."""
    check_same(BY_GRADIENT[name], scalars=scalars, programs=2 if name == "RAdam" else 1)


def test_an_optimiser_of_the_user() -> None:
    check_same(Own)


def new_state(optimizer: nn.Optimizer) -> None:
    parameter = optimizer.parameters[0]
    optimizer.state[parameter] = dict(optimizer.state[parameter])


CHANGES: dict[str, tuple[Change, int]] = {
    "learning rate": (lambda optimizer: setattr(optimizer, "lr", 0.001), 1),
    "betas": (lambda optimizer: optimizer.param_groups[0].update(betas=(0.5, 0.9)), 1),
    "flag": (lambda optimizer: optimizer.param_groups[0].update(maximize=True), 2),
    "weight decay": (lambda optimizer: optimizer.param_groups[0].update(weight_decay=0.1), 2),
    "loaded": (lambda optimizer: optimizer.load_state_dict(optimizer.state_dict()), 2),
    "another state": (new_state, 2),
    "no state": (lambda optimizer: optimizer.state.clear(), 2),
    "frozen": (lambda optimizer: setattr(optimizer.parameters[1], "requires_grad", False), 2),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_between_steps(name: str) -> None:
    change, programs = CHANGES[name]
    check_same(nn.Adam, change, programs)


def test_a_group_that_is_added() -> None:
    weights, biases = [Value(1.0), Value(1.0)], [Value(0.0), Value(0.0)]
    for number, weight, bias in zip(range(2), weights, biases, strict=True):
        optimizer = nn.Adam([weight], lr=0.1)

        def step(x: float, weight: Value = weight, bias: Value = bias, optimizer: nn.Optimizer = optimizer) -> None:
            optimizer.zero_grad()
            ((weight * x + bias - 3.0) ** 2).backward()
            optimizer.step()

        run = autograd.compile(step) if number else step
        for x in range(1, 13):
            run(float(x))
            if x == 6:
                optimizer.add_param_group({"params": [bias], "weight_decay": 0.1})
                optimizer.zero_grad()
    assert weights[0].data == weights[1].data and biases[0].data == biases[1].data != 0.0


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: nn.StepLR(o, 3),
        lambda o: nn.OneCycleLR(o, 0.1, 100),
        lambda o: nn.SequentialLR(o, [nn.LinearLR(o), nn.CosineAnnealingLR(o, 20)], [7]),
        lambda o: nn.ReduceLROnPlateau(o, patience=1),
    ],
    ids=["StepLR", "OneCycleLR", "SequentialLR", "ReduceLROnPlateau"],
)
@pytest.mark.parametrize("make", [BY_GRADIENT["SGD with momentum"], nn.Adam], ids=["SGD", "Adam"])
def test_schedules(make: Any, schedule: Any) -> None:
    check_same(make, schedule=schedule)


@pytest.mark.parametrize("scalars", [False, True], ids=["arrays", "scalars"])
@pytest.mark.parametrize(
    "clip",
    [
        lambda parameters: nn.clip_grad_norm(parameters, 0.3),
        lambda parameters: nn.clip_grad_norm(parameters, 0.3, math.inf, error_if_nonfinite=True),
        lambda parameters: nn.clip_grad_value(parameters, 0.05),
    ],
    ids=["norm", "largest", "value"],
)
def test_clipping(clip: Any, scalars: bool) -> None:
    check_same(nn.SGD, clip=clip, scalars=scalars)


def test_guards_warn_in_replays_at_the_line_of_the_call() -> None:
    weight = Value([1.0, 2.0], label="weight")
    optimizer = nn.SGD([weight], lr=0.1)

    @autograd.compile
    def step(x: Any) -> None:
        optimizer.zero_grad()
        (weight * x).sum().backward()
        optimizer.step()

    for _ in range(9):
        step(np.zeros(2))
    with pytest.warns(nn.ZeroGradientWarning, match="zero in each of 10 steps in weight") as caught:
        step(np.zeros(2))
    assert caught[0].filename == __file__


@pytest.mark.filterwarnings("ignore:the compiled function step.. runs eagerly")
def test_lbfgs_runs_as_without() -> None:
    """SciPy reads numbers, so its steps are recorded anew."""
    found = []
    for compiled in (False, True):
        weight = Value([4.0, -2.0])
        optimizer = nn.LBFGS([weight], max_iter=3)

        def step(target: Any, weight: Value = weight, optimizer: nn.Optimizer = optimizer) -> Any:
            def closure() -> Value:
                optimizer.zero_grad()
                loss = ((weight - target) ** 2).sum() + 0.01 * (weight**4).sum()
                loss.backward()
                return loss

            return optimizer.step(closure)

        run = autograd.compile(step) if compiled else step
        found.append([run(np.array([1.0, float(number)])).item() for number in range(6)] + weight.data.tolist())
    assert found[0] == found[1]


class TestFit:
    """fit(compile=True) gives the same History and parameters, bit for bit."""

    X = np.random.default_rng(1).normal(size=(70, 2))
    Y = (X[:, 0] * X[:, 1] > 0).astype(int)

    def run(self, compile: bool, schedule: str = "", **settings: Any) -> tuple[Any, Any]:
        model = nn.Sequential(
            nn.Linear(2, 8, rng=0), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2, rng=4), nn.Linear(8, 2, rng=1)
        )
        optimizer = nn.Adam(model.named_parameters(), lr=0.02)
        scheduler = {"": None, "step": nn.StepLR(optimizer, 5), "plateau": nn.ReduceLROnPlateau(optimizer, patience=1)}[schedule]
        history = nn.fit(
            model, settings.pop("loss", nn.cross_entropy), optimizer, (self.X, self.Y), (self.X[:9], self.Y[:9]),
            epochs=6, progress=False, rng=0, scheduler=scheduler, compile=compile, metrics={"accuracy": nn.accuracy}, **settings,
        )  # fmt: skip
        return history, model.state_dict()

    @pytest.mark.parametrize("schedule", ["", "step", "plateau"])
    @pytest.mark.parametrize("settings", [{}, {"clip_norm": 0.5}, {"loss": lambda p, y: nn.cross_entropy(p, y, reduction="sum")}])
    def test_same_as_without(self, schedule: str, settings: dict[str, Any]) -> None:
        (plain, parameters), (compiled, others) = self.run(False, schedule, **settings), self.run(True, schedule, **settings)
        for column in ("loss", "validation_loss", "accuracy", "lr"):
            assert plain[column] == compiled[column]
        for name, array in parameters.items():
            np.testing.assert_array_equal(array, others[name])

    def test_errors_are_the_same(self) -> None:
        calls = []

        def bad(p: Any, y: Any) -> Any:
            calls.append(1)
            return nn.cross_entropy(p * (np.nan if len(calls) > 5 else 1.0), y)

        with pytest.raises(FloatingPointError, match="the loss is nan in epoch"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.run(True, loss=bad)
        with pytest.raises(TypeError, match="compile must be True or False"):
            self.run("yes")  # type: ignore[arg-type]

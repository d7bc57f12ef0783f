"""Schedules: closed forms, composition, the order of steps, changes by hand, states, bad calls."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value
from nn.training.schedules import ScheduleOrderWarning

Make = Callable[[nn.Optimizer], nn.LRScheduler]


def optimiser(lr: float = 0.5, guards: bool = False) -> nn.SGD:
    """Return an optimiser of two groups, the second with twice the learning rate."""
    return nn.SGD([{"params": [Value(1.0)]}, {"params": [Value(1.0)], "lr": 2.0 * lr}], lr=lr, momentum=0.9, guards=guards)


def cosine(start: float, end: float, part: float) -> float:
    return end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * part))


#: A schedule, and its learning rate at step t for a base learning rate b.
CLOSED: dict[str, tuple[Make, Callable[[int, float], float]]] = {
    "lambda": (lambda o: nn.LambdaLR(o, lambda t: 1.0 / (1 + t)), lambda t, b: b / (1 + t)),
    "step": (lambda o: nn.StepLR(o, 3, gamma=0.5), lambda t, b: b * 0.5 ** (t // 3)),
    "multi-step": (lambda o: nn.MultiStepLR(o, [7, 2, 7]), lambda t, b: b * (1.0 if t < 2 else 0.1 if t < 7 else 1e-3)),
    "constant": (lambda o: nn.ConstantLR(o, 0.25, 4), lambda t, b: 0.25 * b if t < 4 else b),
    "linear": (lambda o: nn.LinearLR(o, 0.2, 0.8, 6), lambda t, b: b * (0.2 + 0.1 * min(t, 6))),
    "exponential": (lambda o: nn.ExponentialLR(o, 0.9), lambda t, b: b * 0.9**t),
    "polynomial": (lambda o: nn.PolynomialLR(o, 8, 2.0), lambda t, b: b * (1.0 - min(t, 8) / 8) ** 2),
    "cosine": (lambda o: nn.CosineAnnealingLR(o, 5, 0.1), lambda t, b: cosine(b, 0.1, t / 5)),
    "restarts": (lambda o: nn.CosineAnnealingWarmRestarts(o, 4, eta_min=0.1), lambda t, b: cosine(b, 0.1, t % 4 / 4)),
    "longer restarts": (
        lambda o: nn.CosineAnnealingWarmRestarts(o, 2, 3),
        lambda t, b: cosine(b, 0.0, t / 2 if t < 2 else (t - 2) / 6 if t < 8 else (t - 8) / 18),
    ),
    "multiplicative": (
        lambda o: nn.MultiplicativeLR(o, lambda t: t / (t + 1.0)), lambda t, b: b / (t + 1)
    ),
    "cyclic": (
        lambda o: nn.CyclicLR(o, [0.1, 0.2], [0.5, 1.0], 4, 2),
        lambda t, b: b * (0.2 + 0.8 * ((t % 6) / 4 if t % 6 <= 4 else (6 - t % 6) / 2)),
    ),
    "cyclic, halved": (
        lambda o: nn.CyclicLR(o, 0.0, [0.5, 1.0], 3, mode="triangular2"),
        lambda t, b: b * (3 - abs(t % 6 - 3)) / 3 / 2 ** (t // 6),
    ),
    "cyclic, falling": (
        lambda o: nn.CyclicLR(o, 0.0, [0.5, 1.0], 3, mode="exp_range", gamma=0.9),
        lambda t, b: b * (3 - abs(t % 6 - 3)) / 3 * 0.9**t,
    ),
    "one-cycle": (
        lambda o: nn.OneCycleLR(o, [0.5, 1.0], 20, pct_start=0.25, anneal_strategy="linear", div_factor=10, final_div_factor=5),
        lambda t, b: b * (0.1 + 0.9 * t / 4 if t <= 4 else 1.0 - 0.98 * (t - 4) / 15),
    ),
    "one-cycle, three phases": (
        lambda o: nn.OneCycleLR(o, [0.5, 1.0], 20, pct_start=0.3, anneal_strategy="linear", three_phase=True, div_factor=10,
                                final_div_factor=5),
        lambda t, b: b * (0.1 + 0.9 * t / 5 if t <= 5 else 1.0 - 0.9 * (t - 5) / 5 if t <= 10 else 0.1 - 0.08 * (t - 10) / 9),
    ),
    "warm-up, then cosine": (
        lambda o: nn.SequentialLR(o, [nn.LinearLR(o, 0.25, total_iters=3), nn.CosineAnnealingLR(o, 10)], [3]),
        lambda t, b: b * (0.25 + 0.25 * t) if t < 3 else cosine(b, 0.0, (t - 3) / 10),
    ),
    "sequence within a sequence": (
        lambda o: nn.SequentialLR(
            o,
            [nn.ConstantLR(o, 0.5, 99), nn.SequentialLR(o, [nn.LinearLR(o, 0.5, total_iters=2), nn.ExponentialLR(o, 0.5)], [2])],
            [5],
        ),
        lambda t, b: b * (0.5 if t < 5 else (0.5, 0.75)[t - 5] if t < 7 else 0.5 ** (t - 7)),
    ),
    "chain": (
        lambda o: nn.ChainedScheduler([nn.ConstantLR(o, 0.25, 4), nn.ExponentialLR(o, 0.9)]),
        lambda t, b: b * 0.9**t * (0.25 if t < 4 else 1.0),
    ),
    "chain within a sequence": (
        lambda o: nn.SequentialLR(
            o, [nn.ConstantLR(o, 0.1, 99), nn.ChainedScheduler([nn.StepLR(o, 2, 0.5), nn.ExponentialLR(o, 0.9)])], [3]
        ),
        lambda t, b: b * (0.1 if t < 3 else 0.9 ** (t - 3) * 0.5 ** ((t - 3) // 2)),
    ),
}  # fmt: skip
every = pytest.mark.parametrize("name", CLOSED)


def run(optimizer: nn.Optimizer, schedule: nn.LRScheduler, steps: int) -> list[list[float]]:
    """Return the learning rates of both groups in each step."""
    found = []
    for _ in range(steps):
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return found


@every
def test_closed_forms_in_two_groups(name: str) -> None:
    make, right = CLOSED[name]
    optimizer = optimiser()
    schedule = make(optimizer)
    assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
    previews = [schedule.preview(19, group) for group in (0, 1)]
    expected = [[right(t, b) for b in (0.5, 1.0)] for t in range(19)]
    np.testing.assert_allclose(run(optimizer, schedule, 19), expected, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(np.transpose(previews), expected, rtol=1e-12, atol=1e-16)
    assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups] and schedule.steps == 19


def test_no_rounding_adds_up() -> None:
    optimizer = optimiser()
    schedule = nn.ExponentialLR(optimizer, 0.9999)
    run(optimizer, schedule, 10_000)
    assert schedule.get_last_lr() == [0.5 * 0.9999**10_000, 0.9999**10_000]


def test_one_cycle_moves_the_momentum_the_other_way() -> None:
    for optimizer, name in ((optimiser(), "momentum"), (nn.Adam([Value(1.0)], betas=(0.5, 0.99), guards=False), "betas")):
        schedule = nn.OneCycleLR(optimizer, 1.0, total_steps=21, pct_start=11 / 21, base_momentum=0.8, max_momentum=0.9)
        rates, momenta = [], []
        for _ in range(21):
            rates.append(optimizer.param_groups[0]["lr"])
            momenta.append(np.ravel(optimizer.param_groups[0][name])[0])
            optimizer.step()
            schedule.step()
        assert (rates[0], max(rates), rates[20]) == pytest.approx((0.04, 1.0, 0.04 / 1e4))
        assert int(np.argmax(rates)) == int(np.argmin(momenta)) == 10
        assert (momenta[0], momenta[10], momenta[20]) == pytest.approx((0.9, 0.8, 0.9))
        assert name == "momentum" or optimizer.param_groups[0]["betas"][1] == 0.99
        with pytest.raises(ValueError, match="OneCycleLR was created for 21 steps, but this is step 22: pass the number"):
            schedule.step()


def test_one_cycle_may_leave_the_momentum_alone() -> None:
    optimizer = nn.Adagrad([Value(1.0)])
    schedule = nn.OneCycleLR(optimizer, 1.0, epochs=2, steps_per_epoch=5, cycle_momentum=False, three_phase=True)
    assert schedule.total_steps == 10
    run(optimizer, schedule, 9)
    assert optimizer.lr == pytest.approx(0.04 / 1e4)


@every
def test_the_order_of_steps_is_watched_once(name: str) -> None:
    schedule = CLOSED[name][0](optimiser(guards=True))
    with pytest.warns(ScheduleOrderWarning, match=r"before the optimiser.*: call optimizer.step\(\) first, then sched") as seen:
        schedule.step()
        schedule.step()
    assert len(seen) == 1 and seen[0].filename == __file__


def test_the_right_order_is_silent() -> None:
    optimizer = optimiser(guards=True)
    run(optimizer, nn.ExponentialLR(optimizer, 0.9), 3)
    late = nn.ExponentialLR(optimizer, 0.9)  # as after a resume
    late.step()


def test_the_order_is_not_watched_without_guards() -> None:
    schedule = nn.ExponentialLR(optimiser(guards=False), 0.9)
    schedule.step()
    assert schedule.steps == 1


def test_schedules_continue_from_what_others_set() -> None:
    """After a change by hand, by another schedule or a plateau: in proportion, for the cosine above its floor."""
    optimizer = optimiser()
    schedule, cosine_schedule = nn.ExponentialLR(optimizer, 0.5), nn.CosineAnnealingLR(optimizer, 4)
    for step in range(1, 4):
        optimizer.step()
        schedule.step()
        cosine_schedule.step()
        expected = 0.5**step * 0.5 * (1.0 + math.cos(math.pi * step / 4))
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.5 * expected, expected], rel=1e-12)

    optimizer = optimiser()
    schedule = nn.CosineAnnealingLR(optimizer, 4, eta_min=0.1)
    run(optimizer, schedule, 2)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.3)
    optimizer.param_groups[0]["lr"] = 0.2  # half as far above the floor
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([cosine(0.3, 0.1, 3 / 4), cosine(1.0, 0.1, 3 / 4)])


@pytest.mark.parametrize("make", [lambda o: nn.StepLR(o, 3), lambda o: nn.ReduceLROnPlateau(o, patience=0)])
def test_a_group_added_later(make: Any) -> None:
    optimizer = optimiser()
    schedule = make(optimizer)
    optimizer.add_param_group({"params": [Value(1.0)]})
    with pytest.raises(ValueError, match="created for 2 groups of parameters, but now there are 3: create a new one"):
        for _ in range(2):
            schedule.step(*([1.0] if isinstance(schedule, nn.ReduceLROnPlateau) else []))


def test_plateau() -> None:
    optimizer = optimiser()
    schedule = nn.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1, min_lr=[0.2, 0.0])
    rates = []
    for loss in (3.0, 2.0, 2.0, math.nan, 2.0, 2.0, 2.0, Value(1.0), 1.0, 1.0, 1.0):
        schedule.step(loss)
        rates.append(schedule.get_last_lr()[0])
    assert rates == [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2, 0.2]
    assert optimizer.param_groups[1]["lr"] == 0.125
    tiny = nn.ReduceLROnPlateau(optimiser(lr=0.3), patience=0, eps=0.2, factor=0.5)
    for loss in (1.0, 1.0):
        tiny.step(loss)
    assert tiny.get_last_lr() == [0.3, 0.3]  # 0.15 less is not enough of a change, 0.3 is
    with pytest.raises(NotImplementedError, match="depends on future metrics"):
        schedule.preview(3)


# --- states ------------------------------------------------------------------------------------------


@every
def test_a_loaded_schedule_continues_exactly(name: str) -> None:
    """The state consists of numbers. It resumes at any step, also after a change by hand, in any order of loading."""
    make = CLOSED[name][0]
    for steps in (0, 2, 5, 11):
        optimizer = optimiser()
        schedule = make(optimizer)
        run(optimizer, schedule, steps)
        optimizer.param_groups[0]["lr"] *= 0.75
        state = json.loads(json.dumps(schedule.state_dict()))
        others = copy.deepcopy(optimizer.state_dict())
        momentum, expected = optimizer.param_groups[0]["momentum"], run(optimizer, schedule, 8)
        for order in ("both", "optimiser before", "schedule only"):
            fresh = optimiser(0.5 if order == "schedule only" else 77.0)
            if order == "optimiser before":
                fresh.load_state_dict(others)
            twin = make(fresh)
            if order == "both":
                fresh.load_state_dict(others)
            fresh.steps = steps
            twin.load_state_dict(state)
            assert fresh.param_groups[0]["momentum"] == momentum, order
            assert run(fresh, twin, 8) == expected, order


def test_a_loaded_plateau_continues_exactly() -> None:
    metrics = [3.0, 2.0, 2.5, 2.5, 2.5, 1.0, 1.5, 1.5, 1.5, 1.5]
    for steps in range(10):
        schedules = [nn.ReduceLROnPlateau(optimiser(), factor=0.5, patience=1, cooldown=1) for _ in range(2)]
        for metric in metrics[:steps]:
            schedules[0].step(metric)
        schedules[1].load_state_dict(json.loads(json.dumps(schedules[0].state_dict())))
        for schedule in schedules:
            for metric in metrics[steps:]:
                schedule.step(metric)
        assert schedules[0].state_dict() == schedules[1].state_dict()
        assert schedules[0].get_last_lr() == [0.125, 0.25]


@pytest.mark.parametrize(
    ("make", "change", "text"),
    [
        ("step", lambda s: s.pop("steps"), "the state of StepLR must have schedule, base_lrs, bases, last_lrs, lr, steps, got"),
        ("step", lambda s: s.pop("schedule"), "the state of StepLR must have schedule, base_lrs, .*, got base_lrs, "),
        ("step", lambda s: s.update(schedule="PolynomialLR"), "the state of PolynomialLR cannot be loaded into StepLR"),
        ("chain", lambda s: s.update(schedule="SequentialLR"), "of SequentialLR cannot be loaded into ChainedScheduler"),
        ("step", lambda s: s.update(bases=[1.0]), r"bases in the state of StepLR must be a list with a number for each"),
        ("step", lambda s: s.update(lr=["a", 1.0]), r"lr in the state of StepLR must be a list .* got \['a', 1.0\]"),
        ("step", lambda s: s.update(steps="many"), "steps in the state of StepLR must be a number, got 'many'"),
        ("chain", lambda s: s.pop("schedules"), "the state of ChainedScheduler must have the states of 2 schedules, got None"),
        ("chain", lambda s: s["schedules"].pop("1"), "must have the states of 2 schedules"),
        ("chain", lambda s: s["schedules"]["1"].pop("bases"), "the state of ExponentialLR must have"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(make: str, change: Any, text: str) -> None:
    optimizer = optimiser()
    schedule = CLOSED[make][0](optimizer)
    run(optimizer, schedule, 3)
    state = schedule.state_dict()
    change(state)
    twin = CLOSED[make][0](optimiser())
    before = twin.state_dict()
    with pytest.raises(ValueError, match=text):
        twin.load_state_dict(state)
    assert twin.state_dict() == before


# --- bad calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda o: nn.StepLR(o.parameters, 3), TypeError, "a schedule takes an optimiser, got list"),
        (lambda o: nn.StepLR(nn.LBFGS([Value(1.0)]), 3), TypeError, "LBFGS has no learning rate for a schedule to set"),
        (lambda o: nn.StepLR(o, 0), ValueError, "step_size must be a positive integer, got 0"),
        (lambda o: nn.CosineAnnealingLR(o, 2.5), ValueError, "T_max must be a positive integer, got 2.5"),
        (lambda o: nn.CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "T_mult must be a positive integer"),
        (lambda o: nn.PolynomialLR(o, True), ValueError, "total_iters must be a positive integer, got True"),
        (lambda o: nn.ConstantLR(o, 1.5), ValueError, "factor must be between 0 and 1, got 1.5"),
        (lambda o: nn.LinearLR(o, 0.0), ValueError, "start_factor must be positive"),
        (lambda o: nn.LinearLR(o, 0.5, 2.0), ValueError, "end_factor must be between 0 and 1, got 2.0"),
        (lambda o: nn.LambdaLR(o, [math.sin]), ValueError, "lr_lambda needs one for each of 2 groups, got 1"),
        (lambda o: nn.OneCycleLR(o, 1.0), ValueError, "needs total_steps, or epochs and steps_per_epoch"),
        (lambda o: nn.OneCycleLR(o, 1.0, 10, anneal_strategy="sine"), ValueError, "must be 'cos' or 'linear', got 'sine'"),
        (lambda o: nn.OneCycleLR(o, [1.0], 10), ValueError, "max_lr needs one for each of 2 groups"),
        (lambda o: nn.OneCycleLR(o, 1.0, 10, pct_start=3.0), ValueError, "pct_start must be between 0 and 1"),
        (lambda o: nn.OneCycleLR(nn.Adagrad([Value(1.0)]), 1.0, 10), ValueError, "Adagrad has no momentum and no betas: pass"),
        (lambda o: nn.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor must be less than 1.*got 1.0"),
        (lambda o: nn.ReduceLROnPlateau(o, mode="less"), ValueError, "mode must be 'min' or 'max'.*got 'less'"),
        (lambda o: nn.SequentialLR(o, [], []), ValueError, "SequentialLR needs schedules, got an empty list"),
        (lambda o: nn.ChainedScheduler([]), ValueError, "ChainedScheduler needs schedules"),
        (lambda o: nn.SequentialLR(o, [nn.StepLR(o, 3)] * 2, [5, 4]), ValueError, r"2 schedules need 1 milestones.*got \[5, 4\]"),
        (lambda o: nn.SequentialLR(o, [nn.StepLR(o, 3)] * 3, [5, 4]), ValueError, r"in ascending order, got \[5, 4\]"),
        (lambda o: nn.SequentialLR(o, [nn.StepLR(o, 3)] * 2, [2.5]), ValueError, r"milestones, integers .* got \[2.5\]"),
        (lambda o: nn.ChainedScheduler([nn.ReduceLROnPlateau(o)], o), TypeError, r"schedules whose step\(\) has no argument"),
        (lambda o: nn.ChainedScheduler([nn.StepLR(o, 3), nn.StepLR(optimiser(), 3)]), ValueError, "number 1 has another"),
        (lambda o: nn.LRScheduler(o), NotImplementedError, r"LRScheduler has no factor\(\)"),
    ],
)  # fmt: skip
def test_bad_calls_are_named(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(optimiser())


def test_a_learning_rate_recovers_from_zero() -> None:
    """Half a cosine ends at zero, so the schedule that is stepped after it reads zero; the other half rises again."""
    optimizer = nn.SGD([Value(1.0)], lr=0.1, guards=False)
    schedule = nn.ChainedScheduler([nn.CosineAnnealingLR(optimizer, 2), nn.StepLR(optimizer, 100)])
    found = []
    for _ in range(9):
        found.append(optimizer.lr)
        schedule.step()
    np.testing.assert_allclose(found, [0.1, 0.05, 0.0, 0.05, 0.1, 0.05, 0.0, 0.05, 0.1], atol=1e-15)


def test_no_rate_is_negative_below_the_floor_of_a_cosine() -> None:
    optimizer = nn.SGD([Value(1.0)], lr=0.1, guards=False)
    schedule = nn.ChainedScheduler([nn.MultiStepLR(optimizer, [2, 3], 0.1), nn.CosineAnnealingLR(optimizer, 5, eta_min=0.01)])
    for _ in range(30):
        schedule.step()
        assert optimizer.lr >= 0.0
    optimizer = nn.SGD([Value(1.0)], lr=0.1, guards=False)
    cosine, steps = nn.CosineAnnealingLR(optimizer, 5, eta_min=0.01), nn.StepLR(optimizer, 2, 0.1)
    for _ in range(30):
        cosine.step()
        steps.step()
        assert optimizer.lr >= 0.0


@pytest.mark.parametrize("make", [
    lambda o: nn.ChainedScheduler([nn.CosineAnnealingLR(o, 4, eta_min=0.01), nn.ConstantLR(o, 0.5, 3)]),
    lambda o: nn.ChainedScheduler([nn.LinearLR(o), nn.CosineAnnealingWarmRestarts(o, 3), nn.ExponentialLR(o, 0.9)]),
    lambda o: nn.SequentialLR(o, [nn.ExponentialLR(o, 0.5), nn.SequentialLR(o, [nn.LinearLR(o), nn.StepLR(o, 2)], [3])], [4]),
    lambda o: nn.SequentialLR(o, [nn.ChainedScheduler([nn.LinearLR(o), nn.StepLR(o, 2)]), nn.PolynomialLR(o, 9)], [6]),
])  # fmt: skip
def test_the_preview_of_nested_schedules_is_what_they_set(make: Any) -> None:
    optimizer = nn.SGD([{"params": [Value(1.0)]}, {"params": [Value(1.0)], "lr": 0.3}], lr=0.1, guards=False)
    schedule = make(optimizer)
    for _ in range(3):
        schedule.step()
    before = schedule.state_dict()
    previews = [schedule.preview(20, group) for group in (0, 1)]
    assert schedule.state_dict() == before
    other = nn.SGD([{"params": [Value(1.0)]}, {"params": [Value(1.0)], "lr": 0.3}], lr=0.1, guards=False)
    schedule = make(other)
    for rates in zip(*previews, strict=True):
        assert [group["lr"] for group in other.param_groups] == pytest.approx(rates, rel=1e-12)
        schedule.step()


def test_an_optimiser_with_its_own_step_gives_no_warning_of_the_order() -> None:
    class Own(nn.Optimizer):
        def step(self, closure: Callable[[], Any] | None = None) -> None:
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.data -= group["lr"] * parameter.grad

    optimizer = Own([Value(1.0)], {"lr": 0.1})
    schedule = nn.StepLR(optimizer, 1)
    optimizer.step()
    schedule.step()
    assert optimizer.lr == pytest.approx(0.01)
    assert nn.ScheduleOrderWarning is ScheduleOrderWarning


# --- going on, and parts of steps ------------------------------------------------------------------------

RESUMED: list[Callable[[nn.Optimizer, int], nn.LRScheduler]] = [
    lambda o, last: nn.LambdaLR(o, lambda t: 1.0 / (1 + t), last),
    lambda o, last: nn.MultiplicativeLR(o, lambda t: t / (t + 1.0), last),
    lambda o, last: nn.StepLR(o, 3, 0.5, last),
    lambda o, last: nn.MultiStepLR(o, [7, 2, 7], 0.1, last),
    lambda o, last: nn.ConstantLR(o, 0.25, 4, last),
    lambda o, last: nn.LinearLR(o, 0.2, 0.8, 6, last),
    lambda o, last: nn.ExponentialLR(o, 0.9, last),
    lambda o, last: nn.PolynomialLR(o, 8, 2.0, last),
    lambda o, last: nn.CosineAnnealingLR(o, 5, 0.1, last),
    lambda o, last: nn.CosineAnnealingWarmRestarts(o, 2, 3, 0.0, last),
    lambda o, last: nn.OneCycleLR(o, [0.5, 1.0], 30, last_epoch=last),
    lambda o, last: nn.CyclicLR(o, 0.1, 0.5, 4, 2, last_epoch=last),
    lambda o, last: nn.SequentialLR(o, [nn.LinearLR(o, 0.25, total_iters=3), nn.ExponentialLR(o, 0.9)], [3], last),
]


@pytest.mark.parametrize("make", RESUMED)
@pytest.mark.parametrize("last", [0, 2, 8])
def test_a_schedule_continues_after_a_last_epoch(make: Callable[[nn.Optimizer, int], nn.LRScheduler], last: int) -> None:
    """A new schedule, on an optimiser with a loaded state, sets what the first one would have set."""
    optimizer = optimiser()
    schedule = make(optimizer, -1)
    run(optimizer, schedule, last + 1)
    other = optimiser()
    other.load_state_dict(json.loads(json.dumps(optimizer.state_dict())))
    resumed = make(other, last)
    assert resumed.steps == resumed.last_epoch == schedule.last_epoch == last + 1
    assert run(other, resumed, 10) == run(optimizer, schedule, 10)
    assert [group["momentum"] for group in other.param_groups] == [group["momentum"] for group in optimizer.param_groups]


def test_a_last_epoch_needs_base_learning_rates() -> None:
    with pytest.raises(ValueError, match="last_epoch=3 continues from the base learning rates, but the optimiser has none: load"):
        nn.StepLR(optimiser(), 2, last_epoch=3)
    with pytest.raises(ValueError, match="last_epoch must be at least -1, got -2"):
        nn.StepLR(optimiser(), 2, last_epoch=-2)
    with pytest.raises(TypeError, match="last_epoch must be a whole number, got 1.5"):
        nn.ExponentialLR(optimiser(), 0.9, 1.5)  # type: ignore[arg-type]


def test_restarts_at_parts_of_steps() -> None:
    optimizer = optimiser()
    schedule = nn.CosineAnnealingWarmRestarts(optimizer, 2, 2)
    for part in (0.5, 1.0, 2.0, 3.5, 5.0, 7, 0):
        schedule.step(part)
        start, length = (0, 2) if part < 2 else (2, 4) if part < 6 else (6, 8)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(cosine(0.5, 0.0, (part - start) / length))
    schedule.step(np.float64(3.25))  # type: ignore[arg-type]
    twin = nn.CosineAnnealingWarmRestarts(optimiser(), 2, 2)
    twin.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    for both in (schedule, twin):
        both.advance()
        assert both.get_last_lr() == pytest.approx([cosine(0.5, 0.0, 2.25 / 4), cosine(1.0, 0.0, 2.25 / 4)])
    for bad in (-1.0, math.nan, math.inf, True, "1"):
        with pytest.raises(ValueError, match="a number of steps of at least 0, got .*"):
            schedule.step(bad)  # type: ignore[arg-type]


def test_the_momentum_goes_against_a_cycle() -> None:
    optimizer = optimiser()
    schedule = nn.CyclicLR(optimizer, 0.1, 0.5, 4, base_momentum=0.8, max_momentum=[0.9, 1.0])
    found = []
    for _ in range(9):
        found.append([group["momentum"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    height = np.array([0, 1, 2, 3, 4, 3, 2, 1, 0]) / 4
    np.testing.assert_allclose(found, np.transpose([0.9 - 0.1 * height, 1.0 - 0.2 * height]))
    adam = nn.Adam([Value(1.0)], betas=(0.9, 0.99))
    nn.CyclicLR(adam, 0.1, 0.5, 4)
    assert adam.param_groups[0]["betas"] == (0.9, 0.99)
    for options, text in (
        ({"mode": "saw"}, "'triangular2' or 'exp_range', got 'saw'"),
        ({"scale_mode": "x"}, "'iterations', got"),
    ):
        with pytest.raises(ValueError, match=text):
            nn.CyclicLR(optimiser(), 0.1, 0.5, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Adagrad has no momentum and no betas: pass cycle_momentum=False"):
        nn.CyclicLR(nn.Adagrad([Value(1.0)]), 0.1, 0.5)


def test_heights_of_cycles_by_a_function() -> None:
    by_cycle = nn.CyclicLR(optimiser(), 0.0, 1.0, 2, scale_fn=lambda cycle: 1.0 / cycle)
    assert by_cycle.preview(9) == pytest.approx([0, 0.5, 1, 0.5, 0, 0.25, 0.5, 0.25, 0])
    by_step = nn.CyclicLR(optimiser(), 0.0, 1.0, 2, scale_fn=lambda step: 1.0 / (1 + step), scale_mode="iterations")
    assert by_step.preview(5) == pytest.approx([0, 0.25, 1 / 3, 0.125, 0])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda o: nn.StepLR(o, 2, -0.5), "gamma must not be negative, got -0.5"),
        (lambda o: nn.MultiStepLR(o, [2], math.nan), "gamma must not be negative, got nan"),
        (lambda o: nn.ExponentialLR(o, -0.9), "gamma must not be negative, got -0.9"),
        (lambda o: nn.LambdaLR(o, lambda step: -1.0), "the factor of lr_lambda must not be negative, got -1.0"),
        (lambda o: nn.MultiplicativeLR(o, lambda step: -1.0).advance(), "the factor of lr_lambda must not be negative"),
        (lambda o: nn.OneCycleLR(o, -1.0, 10), "max_lr must not be negative, got -1.0"),
        (lambda o: nn.CyclicLR(o, 1.0, 0.1), "base_lr must be from 0 to max_lr, got 1.0 and 0.1"),
        (lambda o: nn.ReduceLROnPlateau(o, patience=-1), "patience and cooldown must not be negative, got -1 and 0"),
    ],
)
def test_learning_rates_are_not_negative(make: Callable[[nn.Optimizer], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make(optimiser())
    for function in (nn.LambdaLR, nn.MultiplicativeLR):
        with pytest.raises(TypeError, match="lr_lambda must be a function of the number of steps, .* got 0.5"):
            function(optimiser(), 0.5)

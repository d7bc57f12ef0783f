"""Every schedule step by step against PyTorch: learning rates, momenta and the parameters they train, in two groups."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value

torch = pytest.importorskip("torch")

STEPS = 100
Make = Callable[[Any, Any], Any]  # (a module with schedules, an optimiser) -> a schedule


def warm(s: Any, o: Any, steps: int = 10) -> Any:
    return s.LinearLR(o, start_factor=0.1, total_iters=steps)


SCHEDULES: dict[str, Make] = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda step: 0.95**step),
    "lambda of each group": lambda s, o: s.LambdaLR(o, [lambda step: 0.95**step, lambda step: 1.0 / (1.0 + step)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, [lambda step: 0.97, lambda step: 1.0 - 0.5 / step]),
    "step": lambda s, o: s.StepLR(o, step_size=7, gamma=0.5),
    "step, defaults": lambda s, o: s.StepLR(o, 30),
    "multi-step": lambda s, o: s.MultiStepLR(o, milestones=[5, 20, 20, 60], gamma=0.3),
    "multi-step, defaults": lambda s, o: s.MultiStepLR(o, [30, 80]),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.5, total_iters=12),
    "constant, defaults": lambda s, o: s.ConstantLR(o),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=30),
    "linear down": lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=99),
    "linear, defaults": lambda s, o: s.LinearLR(o),
    "exponential": lambda s, o: s.ExponentialLR(o, gamma=0.97),
    "polynomial": lambda s, o: s.PolynomialLR(o, total_iters=60, power=2.0),
    "polynomial, defaults": lambda s, o: s.PolynomialLR(o),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=100),
    "cosine down and up": lambda s, o: s.CosineAnnealingLR(o, T_max=20, eta_min=1e-3),
    "warm restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=9),
    "longer restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=2, eta_min=1e-4),
    "one-cycle": lambda s, o: s.OneCycleLR(o, max_lr=0.1, total_steps=100),
    "one-cycle by epochs": lambda s, o: s.OneCycleLR(o, max_lr=[0.1, 0.02], epochs=11, steps_per_epoch=10, pct_start=0.4),
    "one-cycle, three phases": lambda s, o: s.OneCycleLR(o, max_lr=0.1, total_steps=120, three_phase=True),
    "one-cycle, linear": lambda s, o: s.OneCycleLR(
        o, 0.1, total_steps=101, anneal_strategy="linear", base_momentum=0.7, max_momentum=[0.9, 0.8], div_factor=10.0,
        final_div_factor=100.0, pct_start=0.25,
    ),
    "one-cycle, learning rate only": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=100, cycle_momentum=False),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.001, 0.1, step_size_up=7),
    "cyclic, halved": lambda s, o: s.CyclicLR(o, [0.001, 0.01], [0.1, 0.05], 5, 11, mode="triangular2", max_momentum=0.95),
    "cyclic, exponential": lambda s, o: s.CyclicLR(o, 0.001, 0.1, 6, mode="exp_range", gamma=0.98, cycle_momentum=False),
    "cyclic, own heights": lambda s, o: s.CyclicLR(o, 0.001, 0.1, 6, 3, scale_fn=lambda cycle: 1.0 / cycle),
    "cyclic, own heights by step": lambda s, o: s.CyclicLR(
        o, 0.001, 0.1, 6, scale_fn=lambda step: 0.99**step, scale_mode="iterations"
    ),
    "warm-up, cosine": lambda s, o: s.SequentialLR(o, [warm(s, o), s.CosineAnnealingLR(o, T_max=90)], [10]),
    "warm-up, exponential, constant": lambda s, o: s.SequentialLR(
        o, [warm(s, o, 5), s.ExponentialLR(o, 0.9), s.ConstantLR(o, 0.2, 10)], milestones=[5, 40]
    ),
    "step, restarts, polynomial": lambda s, o: s.SequentialLR(
        o, [s.StepLR(o, 3, 0.5), s.CosineAnnealingWarmRestarts(o, 4, 2), s.PolynomialLR(o, 40, 0.5)], milestones=[10, 50]
    ),
    "restarts, multi-step, lambda": lambda s, o: s.SequentialLR(
        o, [s.CosineAnnealingWarmRestarts(o, 7), s.MultiStepLR(o, [3, 9]), s.LambdaLR(o, lambda t: math.cos(t) ** 2)],
        milestones=[20, 60],
    ),
    "warm-up, one-cycle": lambda s, o: s.SequentialLR(o, [warm(s, o), s.OneCycleLR(o, 0.1, total_steps=95)], [10]),
    "a sequence that begins at once": lambda s, o: s.SequentialLR(o, [warm(s, o), s.ExponentialLR(o, 0.9)], [0]),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 20), s.ExponentialLR(o, 0.9)]),
    "chain of four": lambda s, o: s.ChainedScheduler(
        [warm(s, o), s.StepLR(o, 9, 0.7), s.MultiStepLR(o, [30, 31]), s.CosineAnnealingLR(o, 120)]
    ),
    "chain with a lambda": lambda s, o: s.ChainedScheduler([s.ExponentialLR(o, 0.9), s.LambdaLR(o, lambda step: 0.9**step)]),
    "chain with a sequence": lambda s, o: s.ChainedScheduler(
        [s.SequentialLR(o, [warm(s, o), s.PolynomialLR(o, 60)], [10]), s.StepLR(o, 10, 0.9)]
    ),
}  # fmt: skip

OPTIMISERS: dict[str, Make] = {
    "SGD": lambda o, groups: o.SGD(groups, lr=0.05, momentum=0.9),
    "AdamW": lambda o, groups: o.AdamW(groups, lr=0.05, betas=(0.85, 0.99)),
}


class Twins:
    """Two parameters in groups with different learning rates, in both libraries, that fit a fixed batch."""

    def __init__(self, name: str) -> None:
        rng = np.random.default_rng(1)
        start = rng.normal(size=(4, 3)), rng.normal(size=3)
        self.x, self.y = rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
        self.ours, self.theirs = [Value(a) for a in start], [torch.tensor(a, requires_grad=True) for a in start]
        make = OPTIMISERS[name]
        self.ours_by, self.theirs_by = (
            make(library, [{"params": [weight]}, {"params": [bias], "lr": 0.008}])
            for library, (weight, bias) in ((nn, self.ours), (torch.optim, self.theirs))
        )

    def optimise(self) -> None:
        for optimizer, (weight, bias), x, y in (
            (self.ours_by, self.ours, self.x, self.y),
            (self.theirs_by, self.theirs, torch.tensor(self.x), torch.tensor(self.y)),
        ):
            optimizer.zero_grad()
            (((x @ weight + bias).tanh() - y) ** 2).mean().backward()
            optimizer.step()

    def compare(self, when: str, within: float = 1e-12) -> None:
        for ours, theirs in zip(self.ours_by.param_groups, self.theirs_by.param_groups, strict=True):
            for name in ("lr", "momentum", "betas", "initial_lr"):
                if name in theirs:
                    np.testing.assert_allclose(ours[name], theirs[name], rtol=within, atol=1e-16, err_msg=f"{name}, {when}")
        for ours, theirs in zip(self.ours, self.theirs, strict=True):
            np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-10, atol=1e-10, err_msg=when)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_step_by_step(name: str, optimiser: str) -> None:
    twins = Twins(optimiser)
    ours, theirs = SCHEDULES[name](nn, twins.ours_by), SCHEDULES[name](torch.optim.lr_scheduler, twins.theirs_by)
    twins.compare("at first")
    rates = []
    for number in range(STEPS):
        rates.append(ours.get_last_lr())
        twins.optimise()
        ours.step()
        theirs.step()
        # PyTorch multiplies the last rate: rounding errors add up over 100 steps, and near zero after half a cosine.
        twins.compare(f"step {number}", 1e-10)
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-10, atol=1e-16)
    assert len({rate for rate, _ in rates}) > 1
    assert [ours.preview(STEPS, group) for group in (0, 1)] == pytest.approx(np.transpose(rates), rel=1e-9, abs=1e-16)


@pytest.mark.parametrize(
    "first", ["constant", "linear", "step", "exponential", "polynomial, defaults", "cosine", "warm restarts"]
)
@pytest.mark.parametrize("second", ["constant", "linear", "multi-step", "exponential", "cosine", "lambda"])
def test_two_schedules_stepped_one_after_the_other(first: str, second: str) -> None:
    twins = Twins("SGD")
    pairs = [
        (SCHEDULES[first](s, o), SCHEDULES[second](s, o))
        for s, o in ((nn, twins.ours_by), (torch.optim.lr_scheduler, twins.theirs_by))
    ]
    twins.compare("at first")
    for number in range(STEPS - 2):
        twins.optimise()
        for pair in pairs:
            for schedule in pair:
                schedule.step()
        twins.compare(f"step {number}", 1e-8)


@pytest.mark.parametrize(
    "name",
    [
        "step",
        "linear",
        "exponential",
        "polynomial",
        "cosine",
        "lambda",
        "one-cycle",
        "longer restarts",
        "cyclic",
        "multiplicative",
    ],
)
def test_a_learning_rate_changed_by_hand(name: str) -> None:
    twins = Twins("SGD")
    pair = SCHEDULES[name](nn, twins.ours_by), SCHEDULES[name](torch.optim.lr_scheduler, twins.theirs_by)
    for number in range(60):
        twins.optimise()
        if number in (7, 20):
            for optimizer in (twins.ours_by, twins.theirs_by):
                optimizer.param_groups[1]["lr"] *= 0.3
        for schedule in pair:
            schedule.step()
        twins.compare(f"step {number}", 1e-9)


RESUMED: dict[str, Callable[[Any, Any, int], Any]] = {
    "lambda": lambda s, o, last: s.LambdaLR(o, lambda step: 0.95**step, last_epoch=last),
    "multiplicative": lambda s, o, last: s.MultiplicativeLR(o, lambda step: 1.0 - 0.5 / step, last_epoch=last),
    "step": lambda s, o, last: s.StepLR(o, 7, 0.5, last),
    "multi-step": lambda s, o, last: s.MultiStepLR(o, [5, 20, 20], 0.3, last),
    "constant": lambda s, o, last: s.ConstantLR(o, 0.5, 12, last),
    "linear": lambda s, o, last: s.LinearLR(o, 0.25, 0.75, 30, last),
    "exponential": lambda s, o, last: s.ExponentialLR(o, 0.97, last),
    "polynomial": lambda s, o, last: s.PolynomialLR(o, 60, 2.0, last),
    "cosine": lambda s, o, last: s.CosineAnnealingLR(o, 100, 1e-3, last),
    "warm restarts": lambda s, o, last: s.CosineAnnealingWarmRestarts(o, 9, 1, 1e-4, last),
    "one-cycle": lambda s, o, last: s.OneCycleLR(o, [0.1, 0.02], total_steps=100, last_epoch=last),
    "cyclic": lambda s, o, last: s.CyclicLR(o, 0.001, 0.1, 7, last_epoch=last),
}


@pytest.mark.parametrize("name", RESUMED)
def test_continuing_after_a_last_epoch(name: str) -> None:
    """A schedule created in the middle of a run continues like PyTorch's, and like one that started with the run.

    PyTorch leaves some learning rates as they are, and multiplies others where they are due: both agree between milestones.
    """
    for last in (1, 23):
        twins, whole = Twins("SGD"), Twins("SGD")
        begun = RESUMED[name](nn, whole.ours_by, -1)
        libraries = (nn, twins.ours_by), (torch.optim.lr_scheduler, twins.theirs_by)
        firsts = [RESUMED[name](library, optimizer, -1) for library, optimizer in libraries]
        for _ in range(last + 1):
            twins.optimise()
            for first in firsts:
                first.step()
        pair = [RESUMED[name](library, optimizer, last) for library, optimizer in libraries]
        for _ in range(last + 1):
            whole.optimise()
            begun.step()
        for number in range(20):
            # PyTorch's restarts begin a new cycle where they are created, unlike its other schedules
            if name != "warm restarts":
                twins.compare(f"last_epoch={last}, step {number}", 1e-9)
            ours = [group["lr"] for group in twins.ours_by.param_groups]
            assert ours == pytest.approx([group["lr"] for group in whole.ours_by.param_groups], rel=1e-12)
            twins.optimise()
            whole.optimise()
            for schedule in (*pair, begun):
                schedule.step()


@pytest.mark.parametrize("options", [(9,), (5, 2, 1e-4), (4, 3)])
def test_restarts_at_parts_of_steps(options: tuple[Any, ...]) -> None:
    twins = Twins("SGD")
    ours = nn.CosineAnnealingWarmRestarts(twins.ours_by, *options)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(twins.theirs_by, *options)
    for number in [0.0, 0.25, 0.5, 1.0, 3.75, 4.0, 8.9, 9.0, 14.99, 15, 16.1, 40.3, 2.5]:
        ours.step(number)
        theirs.step(number)
        twins.compare(f"step {number}", 1e-9)
    twins.optimise()
    for _ in range(5):
        ours.step()
        theirs.step()
        twins.compare("after parts of steps", 1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 3},
        {"patience": 0, "factor": 0.7, "cooldown": 2},
        {"patience": 2, "mode": "max", "factor": 0.5},
        {"patience": 1, "threshold": 0.05, "threshold_mode": "abs", "factor": 0.9},
        {"patience": 1, "threshold": 0.05, "threshold_mode": "abs", "mode": "max", "factor": 0.9},
        {"patience": 0, "threshold": 0.1, "min_lr": [1e-3, 1e-2], "factor": 0.5},
        {"patience": 0, "eps": 1e-3, "factor": 0.9},
        {},
    ],
    ids=str,
)
def test_plateau(options: dict[str, Any]) -> None:
    twins = Twins("SGD")
    ours = nn.ReduceLROnPlateau(twins.ours_by, **options)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(twins.theirs_by, **options)
    rng = np.random.default_rng(2)
    for number in range(STEPS):
        metric = 2.0 * 0.97**number + rng.normal(scale=0.1) if number != 50 else math.nan
        twins.optimise()
        ours.step(metric)
        theirs.step(metric)
        twins.compare(f"step {number}")
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-12)
    assert len(set(ours.get_last_lr()) - {0.05, 0.008}) > 0

"""Every optimiser with many options, step by step against PyTorch: 100 steps of a small network on fixed batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value

torch = pytest.importorskip("torch")

STEPS = 100
SHAPES = {"first.weight": (6, 4), "first.bias": (6,), "second.weight": (3, 6), "second.bias": (3,)}

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *[("SGD", dict(lr=0.05, **more)) for more in (
        {}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3}, {"momentum": 0.8, "nesterov": True}, {"weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    )],
    ("SGD", {"maximize": True, "lr": 1e-3, "weight_decay": 0.1}), ("SGD", {}),
    *[("Adagrad", more) for more in (
        {}, {"lr": 0.1, "lr_decay": 0.1}, {"weight_decay": 0.1}, {"initial_accumulator_value": 0.5},
        {"eps": 1e-3, "maximize": True},
    )],
    *[("Adadelta", more) for more in ({}, {"lr": 0.5, "rho": 0.8}, {"weight_decay": 0.1, "eps": 1e-4}, {"maximize": True})],
    *[("RMSprop", more) for more in (
        {}, {"alpha": 0.8, "weight_decay": 0.1}, {"momentum": 0.9, "lr": 1e-3}, {"centered": True},
        {"eps": 1e-3, "maximize": True},
        {"centered": True, "momentum": 0.5, "weight_decay": 0.01, "lr": 1e-3},
    )],
    *[("Adam", more) for more in (
        {}, {"lr": 0.05}, {"betas": (0.5, 0.9)}, {"weight_decay": 0.1}, {"amsgrad": True, "lr": 0.05}, {"betas": (0.0, 0.9)},
        {"weight_decay": 0.1, "decoupled_weight_decay": True}, {"maximize": True, "weight_decay": 0.1, "eps": 1e-4},
    )],
    *[("AdamW", more) for more in (
        {}, {"lr": 0.05, "weight_decay": 0.2}, {"amsgrad": True, "lr": 0.05}, {"maximize": True, "betas": (0.8, 0.95)},
    )],
    *[("Adamax", more) for more in (
        {}, {"lr": 0.05, "betas": (0.7, 0.9)}, {"weight_decay": 0.1}, {"maximize": True, "eps": 1e-3},
    )],
    *[("NAdam", more) for more in (
        {}, {"lr": 0.05, "momentum_decay": 0.1}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True},
        {"maximize": True, "betas": (0.8, 0.95)},
    )],
    *[("RAdam", more) for more in (
        {}, {"lr": 0.05, "betas": (0.8, 0.9)}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True},
        {"maximize": True, "betas": (0.8, 0.5)},
    )],
]  # fmt: skip


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    """PyTorch keeps the product of NAdam's momenta in its default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Twins:
    """Return the same network of two layers in both libraries, and a function for a step of both."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.start = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
        self.batches = [(rng.normal(size=(5, 4)), rng.normal(size=(5, 3))) for _ in range(4)]
        self.ours = {name: Value(data) for name, data in self.start.items()}
        self.theirs = {name: torch.tensor(data, requires_grad=True) for name, data in self.start.items()}

    def our_loss(self, number: int) -> Value:
        x, y = self.batches[number % 4]
        first, bias, second, offset = self.ours.values()
        return (((x @ first.T + bias).tanh() @ second.T + offset - y) ** 2).mean()

    def their_loss(self, number: int) -> Any:
        x, y = map(torch.tensor, self.batches[number % 4])
        first, bias, second, offset = self.theirs.values()
        return (((x @ first.T + bias).tanh() @ second.T + offset - y) ** 2).mean()

    def step(self, ours: nn.Optimizer, theirs: Any, number: int, between: Callable[..., Any] | None = None) -> None:
        """Take a step of both, where `between` may change the gradients, and compare."""
        for optimizer, loss in ((ours, self.our_loss), (theirs, self.their_loss)):
            optimizer.zero_grad()
            loss(number).backward()
            if between is not None:
                between(optimizer)
            optimizer.step()
        self.compare(f"step {number}")

    def compare(self, when: str = "", within: float = 1e-12) -> None:
        for name, tensor in self.theirs.items():
            right = tensor.detach().numpy()
            assert np.isfinite(right).all(), when
            np.testing.assert_allclose(self.ours[name].data, right, rtol=within, atol=within, err_msg=f"{name}, {when}")


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=lambda item: str(item))
def test_step_by_step(name: str, options: dict[str, Any]) -> None:
    twins = Twins()
    ours = getattr(nn, name)(twins.ours.values(), **options)
    theirs = getattr(torch.optim, name)(twins.theirs.values(), **options)
    for number in range(STEPS):
        twins.step(ours, theirs, number)
    assert any(np.abs(twins.ours[key].data - data).max() > 1e-3 for key, data in twins.start.items())


NAMES = sorted({name for name, _ in OPTIONS})


def groups(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    first, bias, second, offset = parameters.values()
    return [{"params": [first, second], "weight_decay": 0.05}, {"params": [bias, offset], "lr": 3e-3}]


@pytest.mark.parametrize("name", NAMES)
def test_groups_with_their_own_options(name: str) -> None:
    twins = Twins()
    ours = getattr(nn, name)(groups(twins.ours), lr=1e-2)
    theirs = getattr(torch.optim, name)(groups(twins.theirs), lr=1e-2)
    for number in range(STEPS):
        if number == 50:
            for optimizer in (ours, theirs):
                optimizer.param_groups[1]["lr"] = 1e-3
        twins.step(ours, theirs, number)


@pytest.mark.parametrize("name", NAMES)
def test_frozen_and_thawed_in_the_middle(name: str) -> None:
    """A parameter starts late, pauses with its momentum and continues: it counts its own steps."""
    twins = Twins()
    options = {"weight_decay": 0.1, **({"momentum": 0.9} if name in ("SGD", "RMSprop") else {})}
    ours = getattr(nn, name)(twins.ours.values(), lr=1e-2, **options)
    theirs = getattr(torch.optim, name)(twins.theirs.values(), lr=1e-2, **options)
    for number in range(40):
        free = 5 <= number < 15 or number >= 25
        for parameters in (twins.ours, twins.theirs):
            parameters["first.weight"].requires_grad = free
        twins.step(ours, theirs, number)


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_that_the_loss_does_not_reach(name: str) -> None:
    """Neither momentum nor weight decay moves it, as where PyTorch's gradient is None; a gradient of zeros counts."""
    twins = Twins()
    options = {"weight_decay": 0.1, **({"momentum": 0.9} if name in ("SGD", "RMSprop") else {})}
    ours = getattr(nn, name)(twins.ours.values(), lr=1e-2, guards=False, **options)
    theirs = getattr(torch.optim, name)(twins.theirs.values(), lr=1e-2, **options)
    for number in range(30):
        ours.zero_grad()
        theirs.zero_grad()
        factor = 0.0 if number % 3 == 1 else 1.0
        used = ["first.weight", "second.bias"] if number % 2 else list(SHAPES)
        sum((twins.ours[key] ** 2).sum() * factor for key in used).backward()
        sum((twins.theirs[key] ** 2).sum() * factor for key in used).backward()
        ours.step()
        theirs.step()
        twins.compare(f"step {number}")


@pytest.mark.parametrize("norm", [2.0, 1.0, 3.0, float("inf")])
@pytest.mark.parametrize("most", [0.1, 1.0, 100.0])
def test_clipping_by_norm(norm: float, most: float) -> None:
    twins = Twins()
    ours, theirs = nn.SGD(twins.ours.values(), lr=0.05), torch.optim.SGD(twins.theirs.values(), lr=0.05)
    totals: list[float] = []

    def clip(optimizer: Any) -> None:
        if optimizer is ours:
            totals.append(nn.clip_grad_norm(twins.ours.values(), most, norm))
        else:
            totals.append(float(torch.nn.utils.clip_grad_norm_(twins.theirs.values(), most, norm)))

    for number in range(STEPS):
        twins.step(ours, theirs, number, clip)
    np.testing.assert_allclose(totals[::2], totals[1::2], rtol=1e-12)


@pytest.mark.parametrize("most", [0.01, 0.1, 100.0])
def test_clipping_by_value(most: float) -> None:
    twins = Twins()
    ours, theirs = nn.Adam(twins.ours.values(), lr=0.05), torch.optim.Adam(twins.theirs.values(), lr=0.05)

    def clip(optimizer: Any) -> None:
        if optimizer is ours:
            nn.clip_grad_value(twins.ours.values(), most)
        else:
            torch.nn.utils.clip_grad_value_(twins.theirs.values(), most)

    for number in range(STEPS):
        twins.step(ours, theirs, number, clip)


def test_lbfgs_finds_the_same_minimum() -> None:
    """Another line search, so the steps differ; the strictly convex loss has one minimum."""
    twins = Twins()

    def loss(parameters: dict[str, Any]) -> Any:
        return sum((((parameter - 0.3) ** 2).sum() + (parameter**4).sum()) for parameter in parameters.values())

    ours = nn.LBFGS(twins.ours.values(), max_iter=100, tolerance_change=1e-15)
    theirs = torch.optim.LBFGS(twins.theirs.values(), max_iter=200, line_search_fn="strong_wolfe", tolerance_change=1e-15)
    first = []
    for optimizer, parameters in ((ours, twins.ours), (theirs, twins.theirs)):

        def closure(optimizer: Any = optimizer, parameters: dict[str, Any] = parameters) -> Any:
            optimizer.zero_grad()
            total = loss(parameters)
            total.backward()
            return total

        first.append(float(optimizer.step(closure).item()))
    twins.compare("at the minimum", within=1e-6)
    assert first[0] == pytest.approx(first[1], rel=1e-12)

"""Optimisers and clipping: papers' algorithms in plain loops, closed forms, minima, groups, freezing, states, bad calls."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY, field
from typing import Any, ClassVar

import numpy as np
import pytest

import nn
from autograd import Value

BY_GRADIENT: dict[str, Callable[..., nn.Optimizer]] = {
    "SGD": nn.SGD,
    "SGD with momentum": lambda p, **more: nn.SGD(p, momentum=0.9, **more),
    "Nesterov": lambda p, **more: nn.SGD(p, momentum=0.9, nesterov=True, weight_decay=0.1, **more),
    "Adagrad": nn.Adagrad,
    "Adadelta": nn.Adadelta,
    "RMSprop": nn.RMSprop,
    "RMSprop, all options": lambda p, **more: nn.RMSprop(p, momentum=0.9, centered=True, weight_decay=0.1, **more),
    "Adam": nn.Adam,
    "AMSGrad": lambda p, **more: nn.Adam(p, amsgrad=True, weight_decay=0.1, **more),
    "AdamW": nn.AdamW,
    "Adamax": nn.Adamax,
    "NAdam": nn.NAdam,
    "RAdam": lambda p, **more: nn.RAdam(p, betas=(0.9, 0.95), **more),
}
every = pytest.mark.parametrize("make", BY_GRADIENT.values(), ids=BY_GRADIENT)


def train(optimizer: nn.Optimizer, parameters: list[Value], steps: int, scale: float = 1.0) -> None:
    """Steps on a bowl that is steeper in some directions than in others."""
    for _ in range(steps):
        optimizer.zero_grad()
        loss = sum(
            ((p - 1.0) * (p - 1.0) * (np.arange(p.size).reshape(p.shape) + 1.0 if p.shape else 2.0)).sum() for p in parameters
        )
        (loss * scale).backward()
        optimizer.step()


def network() -> list[Value]:
    """A matrix, a vector in float32, and a scalar."""
    rng = np.random.default_rng(3)
    return [Value(rng.normal(size=(3, 2))), Value(rng.normal(size=4).astype(np.float32)), Value(0.3)]


# --- the formulas ------------------------------------------------------------------------------------


def test_gradient_descent_on_a_bowl_in_closed_form() -> None:
    """Without momentum the distance shrinks by 1 - lr * curvature a step; with it, by a linear recurrence of two terms."""
    w = Value(5.0)
    optimizer = nn.SGD([w], lr=0.1)
    for step in range(1, 20):
        optimizer.zero_grad()
        (1.5 * w * w).backward()
        optimizer.step()
        assert w.data == pytest.approx(5.0 * (1.0 - 0.1 * 3.0) ** step, rel=1e-13)

    w = Value(5.0)
    optimizer = nn.SGD([w], lr=0.1, momentum=0.5)
    distances = [5.0, 5.0]
    for _ in range(19):
        optimizer.zero_grad()
        (1.5 * w * w).backward()
        optimizer.step()
        distances.append((1.0 + 0.5 - 0.3) * distances[-1] - 0.5 * distances[-2])
        assert w.data == pytest.approx(distances[-1], rel=1e-12)


def test_a_constant_gradient_in_closed_form() -> None:
    """With a gradient of 4: Adam, Adamax, NAdam and RMSprop without bias step by lr; Adagrad by lr / sqrt(step)."""

    def positions(make: Callable[..., nn.Optimizer], **options: Any) -> list[float]:
        w = Value(0.0)
        optimizer, found = make([w], lr=0.1, **options), []
        for _ in range(8):
            optimizer.zero_grad()
            (w * 4.0).backward()
            optimizer.step()
            found.append(w.data)
        return found

    line = [-0.1 * step for step in range(1, 9)]
    for make in (nn.Adam, nn.Adamax):
        assert positions(make) == pytest.approx(line, rel=1e-7)
    assert positions(nn.Adam, amsgrad=True)[0] == pytest.approx(-0.1, rel=1e-7)
    assert positions(nn.Adagrad) == pytest.approx(np.cumsum([-0.1 / math.sqrt(step) for step in range(1, 9)]), rel=1e-9)
    kept = [-0.1 / math.sqrt(1.0 - 0.99**step) for step in range(1, 9)]
    assert positions(nn.RMSprop) == pytest.approx(np.cumsum(kept), rel=1e-7)
    assert positions(nn.RAdam) == pytest.approx([-0.4, -0.8, -1.2, -1.6, -2.0, *positions(nn.RAdam)[5:]])  # first plain momentum
    # Dozat's momentum: m_t = beta1 (1 - 0.5 * 0.96 ** (t * 0.004)); the first step is the gradient's part and the next mean's.
    now, following = (0.9 * (1.0 - 0.5 * 0.96 ** (t * 0.004)) for t in (1, 2))
    first = -0.1 * ((1.0 - now) / (1.0 - now) + following * 0.1 / (1.0 - now * following))
    assert positions(nn.NAdam)[0] == pytest.approx(first, rel=1e-7)


def by_the_paper(name: str, grads: list[float], lr: float) -> list[float]:
    """Return the path of a scalar from zero, by the algorithm in its paper, without weight decay."""
    x, m, v, d, u, found = 0.0, 0.0, 0.0, 0.0, 0.0, []
    for t, g in enumerate(grads, start=1):
        if name == "Adam":  # Kingma and Ba, algorithm 1
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            x -= lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
        elif name == "AMSGrad":  # Reddi and others, algorithm 2, with the corrections of bias
            m, v = 0.5 * m + 0.5 * g, 0.6 * v + 0.4 * g**2
            u = max(u, v)
            x -= lr * (m / (1 - 0.5**t)) / ((u / (1 - 0.6**t)) ** 0.5 + 1e-8)
        elif name == "Adamax":  # algorithm 2, which has no eps
            m, u = 0.9 * m + 0.1 * g, max(0.999 * u, abs(g))
            x -= lr / (1 - 0.9**t) * m / u
        elif name == "Adagrad":
            v += g**2
            x -= lr * g / v**0.5
        elif name == "Adagrad, a rate that decays, a start":
            v += g**2
            x -= lr / (1 + (t - 1) * 0.3) * g / (v + 0.5) ** 0.5
        elif name == "Adadelta":  # Zeiler, algorithm 1
            v = 0.9 * v + 0.1 * g**2
            change = -((d + 1e-6) ** 0.5) / (v + 1e-6) ** 0.5 * g
            d = 0.9 * d + 0.1 * change**2
            x += lr * change
        elif name == "RMSprop":
            v = 0.99 * v + 0.01 * g**2
            x -= lr * g / (v**0.5 + 1e-8)
        elif name == "RMSprop, centered with momentum":  # Graves
            v, m = 0.8 * v + 0.2 * g**2, 0.8 * m + 0.2 * g
            d = 0.7 * d + g / ((v - m**2) ** 0.5 + 1e-8)
            x -= lr * d
        elif name == "SGD with dampening":
            m = g if t == 1 else 0.9 * m + 0.4 * g
            x -= lr * m
        elif name == "Nesterov":  # velocity and lookahead, Sutskever: the parameters are those looked ahead to
            m = 0.9 * m + g
            x -= lr * (g + 0.9 * m)
        elif name == "RAdam":  # Liu and others, algorithm 2, with betas 0.9 and 0.95
            m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g**2
            most = 2 / (1 - 0.95) - 1
            rho = most - 2 * t * 0.95**t / (1 - 0.95**t)
            if rho > 5:
                r = ((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) ** 0.5
                x -= lr * r * (m / (1 - 0.9**t)) / (v / (1 - 0.95**t)) ** 0.5
            else:
                x -= lr * m / (1 - 0.9**t)
        found.append(x)
    return found


PAPERS: dict[str, Callable[..., nn.Optimizer]] = {
    "Adam": nn.Adam, "Adamax": nn.Adamax, "Adagrad": nn.Adagrad, "Adadelta": nn.Adadelta, "RMSprop": nn.RMSprop,
    "Nesterov": lambda p, **more: nn.SGD(p, momentum=0.9, nesterov=True, **more), "RAdam": BY_GRADIENT["RAdam"],
    "AMSGrad": lambda p, **more: nn.Adam(p, betas=(0.5, 0.6), amsgrad=True, **more),
    "Adagrad, a rate that decays, a start": lambda p, **more: nn.Adagrad(p, lr_decay=0.3, initial_accumulator_value=0.5, **more),
    "RMSprop, centered with momentum": lambda p, **more: nn.RMSprop(p, alpha=0.8, momentum=0.7, centered=True, **more),
    "SGD with dampening": lambda p, **more: nn.SGD(p, momentum=0.9, dampening=0.6, **more),
}  # fmt: skip


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.parametrize("kind", ["scalar", "array"])
def test_the_papers_algorithms(name: str, kind: str) -> None:
    grads = np.random.default_rng(4).normal(size=(30, 2))
    w = Value(0.0) if kind == "scalar" else Value(np.zeros(2))
    optimizer = PAPERS[name]([w], lr=0.01)
    for step, grad in enumerate(grads):
        w.grad = float(grad[0]) if kind == "scalar" else grad
        optimizer.step()
        for place in range(w.size):
            right = by_the_paper(name, grads[: step + 1, place].tolist(), 0.01)[-1]
            assert np.ravel(w.data)[place] == pytest.approx(right, rel=1e-5, abs=1e-9)


def test_decoupled_decay_is_apart_from_the_gradient() -> None:
    """With a gradient of zero only the decay moves the parameter: by lr * weight_decay, not by an adaptive step."""
    w, u = Value([2.0, -4.0]), Value([2.0, -4.0])
    apart, inside = nn.AdamW([w], lr=0.1, weight_decay=0.5), nn.Adam([u], lr=0.1, weight_decay=0.5)
    for optimizer, parameter in ((apart, w), (inside, u)):
        (parameter * 0.0).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(w.data, [1.9, -3.8], rtol=1e-15)
    np.testing.assert_allclose(u.data, [1.9, -3.9], rtol=1e-7)  # the sign of the decay, as long as lr


@every
def test_floats_arrays_and_float32_take_the_same_steps(make: Any) -> None:
    scalars, array = [Value(0.5), Value(-2.0)], Value([0.5, -2.0])
    single = Value(np.array([0.5, -2.0], dtype=np.float32))
    optimizer = make([*scalars, array, single], lr=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        for part in (sum((s * s * s * s) for s in scalars), (array * array * array * array).sum(), (single**4.0).sum()):
            part.backward()
        optimizer.step()
    np.testing.assert_allclose(array.data, [s.data for s in scalars], rtol=1e-13)
    np.testing.assert_allclose(single.data, array.data, rtol=2e-5)
    assert single.dtype == np.float32 and all(type(s.data) is float for s in scalars)
    kept = [item for item in optimizer.state[single].values() if isinstance(item, np.ndarray)]
    assert all(item.dtype == np.float32 for item in kept)


@every
def test_the_step_is_in_place_and_leaves_gradients_alone(make: Any) -> None:
    w = Value(np.ones(3))
    optimizer = make([w], lr=0.01, guards=False)
    data = w.data
    (w * w).sum().backward()
    for _ in range(3):  # on the same gradient
        optimizer.step()
        np.testing.assert_array_equal(w.grad, [2.0, 2.0, 2.0])
    assert w.data is data and not np.array_equal(data, np.ones(3))


def test_centered_rmsprop_survives_rounding() -> None:
    """Under a constant gradient the variance is zero, and by rounding sometimes less: its root would be nan."""
    w = Value(np.zeros(50))
    slopes = np.random.default_rng(5).normal(size=50)
    optimizer = nn.RMSprop([w], lr=1e-12, centered=True, guards=False)
    for _ in range(4000):
        w.grad = slopes
        optimizer.step()
    state = optimizer.state[w]
    assert (state["square_avg"] < state["grad_avg"] ** 2).any() and np.isfinite(w.data).all()


@every
def test_maximize(make: Any) -> None:
    up, down = Value([1.0, 3.0]), Value([1.0, 3.0])
    climbing, descending = make([up], lr=0.01, maximize=True), make([down], lr=0.01)
    for _ in range(5):
        for optimizer, parameter, sign in ((climbing, up, -1.0), (descending, down, 1.0)):
            optimizer.zero_grad()
            (sign * parameter * parameter).sum().backward()
            optimizer.step()
    np.testing.assert_array_equal(up.data, down.data)


@every
def test_packed_parameters_take_the_same_steps(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a parameter was frozen, a state replaced, and the optimiser copied and loaded."""

    def run(every: int) -> tuple[list[Any], list[dict[str, Any]], bool]:
        monkeypatch.setattr(nn.training.optimisers, "PACKING", every)
        rng = np.random.default_rng(6)
        sizes = [(3, 2), (4,), (1, 5), (60, 70), (2,), ()]
        parameters = [Value(rng.normal(size=size)) for size in sizes] + [Value(rng.normal(size=3).astype(np.float32))]
        optimizer, used = make(parameters, lr=0.01), False
        for step in range(30):
            parameters[1].requires_grad = step not in (5, 6, 7)
            if step == 12:
                for name, item in optimizer.state[parameters[0]].items():
                    optimizer.state[parameters[0]][name] = np.copy(item) if isinstance(item, np.ndarray) else item
            if step == 16:
                copy.deepcopy(optimizer).step()
                pickle.loads(pickle.dumps(optimizer)).step()
            if step == 20:
                optimizer.load_state_dict(optimizer.state_dict())
            optimizer.zero_grad()
            for parameter in parameters[step == 24 :]:
                parameter.grad = rng.normal(size=parameter.shape) if parameter.shape else float(rng.normal())
                parameter._since = parameter._clock
            optimizer.step()
            used = used or any(optimizer.packs.values())
        return [parameter.data for parameter in parameters], [optimizer.state[parameter] for parameter in parameters], used

    one_by_one, packed = run(1000), run(1)
    assert not one_by_one[2] and (packed[2] or make in (nn.SGD, BY_GRADIENT["SGD with momentum"], BY_GRADIENT["Nesterov"]))
    for here, there in zip(one_by_one[0], packed[0], strict=True):
        np.testing.assert_array_equal(here, there)
    for left, right in zip(one_by_one[1], packed[1], strict=True):
        assert left.keys() == right.keys()
        for name in left:
            np.testing.assert_array_equal(left[name], right[name])


def test_the_state_of_a_packed_parameter_may_be_changed() -> None:
    parameters = [Value([1.0, 2.0]) for _ in range(3)]
    optimizer = nn.RMSprop(parameters, guards=False)
    for _ in range(40):
        sum((parameter * parameter).sum() for parameter in parameters).backward()
        optimizer.step()
    assert optimizer.packs[0].parameters == parameters
    optimizer.state[parameters[1]]["square_avg"][:] = 1e6
    before = [parameter.data.copy() for parameter in parameters]
    optimizer.step()
    moved = [np.abs(parameter.data - start).max() for parameter, start in zip(parameters, before, strict=True)]
    assert moved[1] < 0.1 * moved[0] and moved[2] == moved[0]


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, lambda p, lr: nn.AdamW(p, lr, weight_decay=0.1)], ids=["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("joined", [False, True], ids=["gradients apart", "gradients in a vector"])
def test_data_of_packed_parameters_becomes_a_vector(make: Any, joined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless something refers to it; and values that are set, frozen or changed in place are seen."""

    def run(every: int, hold: bool) -> tuple[list[Any], bool]:
        monkeypatch.setattr(nn.training.optimisers, "PACKING", every)
        rng = np.random.default_rng(3)
        parameters = [Value(rng.normal(size=size)) for size in ((3, 2), (4,), (5, 1))]
        optimizer = make(parameters, lr=0.01)
        held = parameters[1].data if hold else None
        moved = False
        for step in range(40):
            if step == 10:
                parameters[0].data = parameters[0].data * 0.5
            if step == 20:
                parameters[2].data[0] = 7.0
            parameters[1].requires_grad = step not in (25, 26)
            optimizer.zero_grad()
            gradients = rng.normal(size=15)
            for parameter, (start, stop) in zip(parameters, ((0, 6), (6, 10), (10, 15)), strict=True):
                part = gradients[start:stop].reshape(parameter.shape)
                if parameter.requires_grad:
                    parameter.grad = part if joined else part.copy()
                    parameter._grad, parameter._since = part if joined else part.copy(), parameter._clock
            optimizer.step()
            moved |= all(parameter.data.base is not None for parameter in parameters)
        assert held is None or held is parameters[1].data
        return [parameter.data.copy() for parameter in parameters], moved

    (plain, apart), (packed, moved), (kept, _) = run(1000, False), run(1, False), run(1, True)
    assert moved and not apart
    for a, b, c in zip(plain, packed, kept, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_guards_see_the_gradients_of_a_pack() -> None:
    parameters = [Value(np.ones(size)) for size in (3, 4, 5)]
    optimizer = nn.SGD(parameters, lr=1e-3)
    for step in range(60):
        optimizer.zero_grad()
        scale = np.inf if step == 50 else 1.0
        sum((parameter * parameter * scale).sum() for parameter in parameters).backward()
        if step == 50:
            with pytest.warns(nn.NonFiniteGradientWarning):
                optimizer.step()
            break
        optimizer.step()
    guard = optimizer.guard
    assert optimizer.packs[0].data is not None and guard is not None and guard.steps == 51


# --- minima ------------------------------------------------------------------------------------------


def rosenbrock(w: Value) -> Value:
    return (1.0 - w[0]) ** 2 + 100.0 * (w[1] - w[0] ** 2) ** 2


RATES = {
    "SGD with momentum": 2e-4, "Adagrad": 0.5, "Adadelta": 1.0, "RMSprop": 1e-3, "Adam": 0.02, "AMSGrad": 0.02, "Adamax": 0.05,
    "NAdam": 0.02, "RAdam": 1e-3,
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [name if name in ("Adam", "RMSprop") else pytest.param(name, marks=pytest.mark.slow) for name in RATES]
)
def test_rosenbrock(name: str) -> None:
    w = Value([-1.0, 1.5])
    optimizer = BY_GRADIENT[name]([w], lr=RATES[name])
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.0
    start = rosenbrock(w).item()
    for _ in range(4000):
        optimizer.zero_grad()
        loss = rosenbrock(w)
        loss.backward()
        optimizer.step()
    assert loss.item() < 2e-2 * start


def test_lbfgs_on_rosenbrock() -> None:
    w = Value([-1.2, 1.0])
    optimizer = nn.LBFGS([w], max_iter=100, tolerance_change=1e-14)
    losses = []

    def closure() -> Value:
        optimizer.zero_grad()
        loss = rosenbrock(w)
        loss.backward()
        losses.append(loss.item())
        return loss

    first = optimizer.step(closure)
    assert first.item() == losses[0] == pytest.approx(24.2)
    assert len(losses) < 70 and optimizer.steps == 1
    np.testing.assert_allclose(w.data, [1.0, 1.0], atol=1e-6)


def test_lbfgs_keeps_shapes_and_dtypes_and_leaves_frozen_parameters_out() -> None:
    a, b, c, frozen = (
        Value(np.ones((2, 3))),
        Value(np.ones(2, dtype=np.float32)),
        Value(7.0),
        Value(np.zeros(2), requires_grad=False),
    )
    optimizer = nn.LBFGS([a, b, frozen, c])

    def closure() -> float:
        optimizer.zero_grad()
        loss = ((a - 2.0) ** 2).sum() + ((b + frozen - 3.0) ** 2).sum() + (c - 4.0) ** 2
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == pytest.approx(6.0 + 8.0 + 9.0)
    for value, right in ((a, np.full((2, 3), 2.0)), (b, np.full(2, 3.0)), (c, 4.0), (frozen, np.zeros(2))):
        np.testing.assert_allclose(value.data, right, atol=1e-5)
    assert (a.dtype, b.dtype, type(c.data)) == (np.float64, np.float32, float)


def test_lbfgs_stops_by_its_tolerances() -> None:
    def evaluations(**options: Any) -> int:
        w, count = Value([-1.2, 1.0]), 0
        optimizer = nn.LBFGS([w], **options)

        def closure() -> Value:
            nonlocal count
            count += 1
            optimizer.zero_grad()
            loss = rosenbrock(w)
            loss.backward()
            return loss

        optimizer.step(closure)
        return count

    most = evaluations(max_iter=200, max_eval=1000, tolerance_change=0.0)
    assert evaluations(max_iter=5) < evaluations(max_iter=20) < most
    assert evaluations(max_iter=200, max_eval=10) < 20
    assert evaluations(max_iter=200, tolerance_change=1e-1) < most
    assert evaluations(max_iter=200, tolerance_change=0.0, tolerance_grad=1.0) < most


# --- groups and freezing -----------------------------------------------------------------------------


def test_groups_have_their_own_options() -> None:
    a, b, c = Value(1.0), Value(1.0), Value(1.0)
    optimizer = nn.SGD([{"params": a}, {"params": [b, c], "lr": 0.5, "weight_decay": 1.0}], lr=0.1)
    assert optimizer.parameters == [a, b, c]
    (2.0 * (a + b + c)).backward()
    optimizer.step()
    assert (a.data, b.data, c.data) == (0.8, -0.5, -0.5)
    with pytest.raises(ValueError, match=r"different learning rates, \[0.1, 0.5\]: use optimizer.param_groups\[i\]\['lr'\]"):
        _ = optimizer.lr
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25] and optimizer.lr == 0.25
    optimizer.add_param_group({"params": [Value(2.0)], "lr": np.float32(0.5)})
    assert len(optimizer.parameters) == 4 and type(optimizer.param_groups[2]["lr"]) is float


def test_names_for_messages() -> None:
    a, b, c = Value(1.0), Value(1.0, label="height"), Value(np.ones((16, 784)))
    optimizer = nn.SGD([("slope", a), b, c])
    assert [optimizer.name_of(value) for value in (a, b, c)] == ["slope", "height", "parameter 2 of shape (16, 784)"]
    model = nn.Linear(2, 1, rng=0)
    optimizer = nn.SGD(model.named_parameters())
    assert [optimizer.name_of(value) for value in optimizer.parameters] == ["weight", "bias"]
    with pytest.raises(ValueError, match="does not hold"):
        optimizer.name_of(a)


@every
def test_a_parameter_unfrozen_later_begins_then(make: Any) -> None:
    late, alone = Value([3.0, -1.0]), Value([3.0, -1.0])
    other = Value(2.0)
    late.requires_grad = False
    optimizer, right = make([late, other], lr=0.01), make([alone], lr=0.01)
    train(optimizer, [late, other], 5)
    np.testing.assert_array_equal(late.data, [3.0, -1.0])
    assert late not in optimizer.state
    late.requires_grad = True
    train(optimizer, [late, other], 7)
    train(right, [alone], 7)
    np.testing.assert_array_equal(late.data, alone.data)
    assert (optimizer.steps, optimizer.state[late]["step"], optimizer.state[other]["step"]) == (12, 7, 12)


@every
def test_a_frozen_parameter_keeps_its_state(make: Any) -> None:
    w, alone = Value([3.0, -1.0]), Value([3.0, -1.0])
    other = Value(2.0)
    optimizer, right = make([w, other], lr=0.01), make([alone], lr=0.01)
    train(optimizer, [w, other], 5)
    resting = w.data.copy()
    w.requires_grad = False
    train(optimizer, [w, other], 5)
    np.testing.assert_array_equal(w.data, resting)
    w.requires_grad = True
    train(optimizer, [w, other], 5)
    train(right, [alone], 10)
    np.testing.assert_array_equal(w.data, alone.data)


def test_a_parameter_frozen_after_backward_does_not_move() -> None:
    w, b = Value(1.0), Value(1.0)
    optimizer = nn.SGD([w, b], lr=0.1)
    (w * b).backward()
    w.requires_grad = False
    optimizer.step()
    assert (w.data, b.data) == (1.0, 0.9)


def test_parameters_without_a_gradient_do_not_change() -> None:
    """As in PyTorch where the gradient is None: no decay, no momentum. A gradient set by hand counts."""
    reached, missed, by_hand = Value(1.0), Value(1.0), Value(1.0)
    optimizer = nn.SGD([reached, missed, by_hand], lr=0.1, momentum=0.9, weight_decay=0.5, guards=False)
    for _ in range(2):
        optimizer.zero_grad()
        (reached * 0.0).backward()
        by_hand.grad = 1.0
        optimizer.step()
    assert reached.data < 1.0 and missed.data == 1.0 and by_hand.data < reached.data
    assert missed not in optimizer.state


def test_a_step_with_a_closure_returns_its_loss() -> None:
    w = Value(2.0)
    optimizer = nn.SGD([w], lr=0.25, guards=False)

    def closure() -> Value:
        optimizer.zero_grad()
        loss = w * w
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 4.0
    assert w.data == 1.0 and optimizer.step() is None


def test_a_user_defined_optimiser() -> None:
    class SignDescent(nn.Optimizer):
        def __init__(self, parameters: Any, lr: float = 0.1) -> None:
            super().__init__(parameters, {"lr": lr})

        def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
            return group["lr"] * np.sign(grad)

    w = Value([3.0, -0.1])
    optimizer = SignDescent([w])
    (w * w).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(w.data, [2.9, 0.0])
    assert repr(optimizer) == "SignDescent(lr=0.1)"


# --- states ------------------------------------------------------------------------------------------


@every
def test_ten_steps_saved_loaded_and_ten_more_are_twenty(make: Any) -> None:
    """The results agree bit for bit, in a new optimiser whose other options the state replaces."""
    straight, halved = network(), network()
    train(make(straight, lr=0.01), straight, 20)
    first = make(halved, lr=0.01)
    train(first, halved, 10)
    state = first.state_dict()
    resumed = [Value(parameter.data) for parameter in halved]
    train(first, halved, 3)  # the state is a copy, which further training does not change
    second = make(resumed, lr=0.5)
    second.load_state_dict(state)
    train(second, resumed, 10)
    for a, b in zip(straight, resumed, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        assert a.dtype == b.dtype and type(a.data) is type(b.data)
    assert second.steps == 20


@every
def test_pickled_and_copied_optimisers_continue(make: Any) -> None:
    parameters = network()
    optimizer = make(parameters, lr=0.01)
    train(optimizer, parameters, 3)
    twins = [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]
    train(optimizer, parameters, 3)
    for twin in twins:
        train(twin, twin.parameters, 3)
        for a, b in zip(parameters, twin.parameters, strict=True):
            assert a is not b
            np.testing.assert_array_equal(a.data, b.data)


def test_a_state_is_plain_data() -> None:
    a, b = Value(1.0), Value(np.ones(2, dtype=np.float32))
    optimizer = nn.Adam([{"params": [a]}, {"params": [b], "lr": 0.5}])
    (a * b).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    common = {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False, "maximize": False}
    common["decoupled_weight_decay"] = False
    assert state["groups"] == [{"lr": 1e-3, **common, "params": [0]}, {"lr": 0.5, **common, "params": [1]}]
    assert (state["optimizer"], state["steps"], list(state["state"])) == ("Adam", 1, ["0", "1"])
    assert state["state"]["0"] == {"step": 1, "exp_avg": pytest.approx(0.2), "exp_avg_sq": pytest.approx(0.004)}
    assert state["state"]["1"]["exp_avg"].dtype == np.float32


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: s.pop("steps"), "has optimizer, steps, groups and state: use that of state_dict"),
        (lambda s: s.update(optimizer="SGD"), "the state of SGD cannot be loaded into Adam"),
        (lambda s: s["groups"].pop(), r"groups of \[1, 1\] parameters, got the state of groups of \[1\]"),
        (lambda s: s["groups"][1].update(params=[1, 2]), r"groups of \[1, 1\] parameters, got .* of groups of \[1, 2\]"),
        (lambda s: s["groups"][1].pop("eps"), "Adam has the options lr, betas, eps, .*got a state with"),
        (lambda s: s["groups"][1].update(lr=-1.0), "learning rate must not be negative"),
        (lambda s: s["groups"][1].pop("params"), r"groups of \[1, 1\] parameters, got the state of groups of \[1, 0\]"),
        (lambda s: s["state"]["1"].pop("step"), "the state of b has no step, the number of its steps"),
        (lambda s: s["state"].update({"7": {}}), "2 parameters, got a state with number 7 as well"),
        (lambda s: s["state"]["1"].update(exp_avg=np.ones(3)), r"exp_avg in Adam's state of b must have the shape \(2,\)"),
        (lambda s: s["state"]["1"].update(sum=np.ones(2)), "Adam's state of b has step, exp_avg, .*, got sum"),
    ],
)  # fmt: skip
def test_a_state_that_does_not_fit_changes_nothing(change: Any, text: str) -> None:
    def make() -> tuple[nn.Adam, list[Value]]:
        values = [Value(1.0, label="a"), Value(np.ones(2), label="b")]
        return nn.Adam([{"params": [value]} for value in values], lr=0.1), values

    source, values = make()
    train(source, values, 2)
    state = source.state_dict()
    change(state)
    optimizer, _ = make()
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(state)
    assert optimizer.state == {} and optimizer.steps == 0 and optimizer.lr == 0.1


# --- bad calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.SGD(Value(1.0)), TypeError, r"got Value: pass model.parameters\(\)"),
        (lambda: nn.SGD({"params": [Value(1.0)]}), TypeError, "got dict"),
        (lambda: nn.SGD([("name", np.ones(2))]), TypeError, "leaf Values"),
        (lambda: nn.SGD([{"params": []}]), ValueError, "needs parameters, got none; a generator can be used only once"),
        (lambda: nn.SGD([{"params": nn.Linear(1, 1)}]), TypeError, r"a group must be a list .*got Linear: pass"),
        (lambda: nn.SGD([nn.Linear(1, 1)]), TypeError, r"takes leaf Values, got a Linear: pass model.parameters\(\)"),
        (lambda: nn.clip_grad_norm(nn.Linear(1, 1).parameters, 1.0), TypeError, r"got method: pass model.parameters\(\)"),
        (lambda: nn.clip_grad_norm(nn.Sequential(nn.Linear(1, 1)), 1.0), TypeError, r"got a Linear in it: pass model.par"),
        (lambda: nn.SGD([{"params": [Value(1.0)], "rate": 1.0}]), ValueError, "keys params, lr, momentum.*got params, rate"),
        (lambda: nn.SGD([{"lr": 1.0}]), ValueError, "needs params, got lr"),
        (lambda: nn.SGD([Value(1.0)] * 2), ValueError, "one occurs twice"),
        (lambda: nn.SGD([Value(1.0)], lr=math.nan), ValueError, "learning rate must not be negative, got nan"),
        (lambda: nn.SGD([Value(1.0)], lr="0.1"), TypeError, "learning rate must be a number, got '0.1'"),
        (lambda: setattr(nn.SGD([Value(1.0)]), "lr", -1.0), ValueError, "learning rate must not be negative"),
        (lambda: nn.SGD([Value(1.0)], momentum=-0.5), ValueError, "momentum must not be negative, got -0.5"),
        (lambda: nn.SGD([Value(1.0)], lr=math.inf), ValueError, "learning rate must be finite, got inf"),
        (lambda: nn.SGD([Value(1.0)], nesterov=True), ValueError, "nesterov needs a momentum and no dampening"),
        (lambda: nn.SGD([Value(1.0)], momentum=0.9, dampening=0.1, nesterov=True), ValueError, "no dampening"),
        (lambda: nn.Adam([Value(1.0)], betas=(0.9, 1.0)), ValueError, r"betas must be less than 1, got \(0.9, 1.0\)"),
        (lambda: nn.RMSprop([Value(1.0)], alpha=1.0), ValueError, "alpha must be less than 1"),
        (lambda: nn.Adadelta([Value(1.0)], rho=1.5), ValueError, "rho must be less than 1"),
        (lambda: nn.Adam([Value(1.0)], eps=0.0), ValueError, "eps must be positive"),
        (lambda: nn.Optimizer([Value(1.0)], {"lr": 1.0}).update(1.0, {}, {}), NotImplementedError, r"has no update\(\)"),
        (lambda: nn.LBFGS([Value(1.0)]).step(), TypeError, r"call optimizer.step\(closure\)"),
        (lambda: nn.LBFGS([Value(1.0)]).lr, AttributeError, "LBFGS has no learning rate"),
        (lambda: setattr(nn.LBFGS([Value(1.0)]), "lr", 1.0), AttributeError, "LBFGS has no learning rate"),
        (lambda: nn.LBFGS([{"params": [Value(1.0)]}, {"params": [Value(1.0)]}]), ValueError, "LBFGS takes one group"),
        (lambda: nn.LBFGS([Value(1.0)], max_iter=2.5), ValueError, "max_iter must be a positive integer, got 2.5"),
        (lambda: nn.LBFGS([Value(1.0)], history_size=0), ValueError, "history_size must be a positive integer, got 0"),
        (lambda: nn.LBFGS([Value(1.0)], 1.0), TypeError, "positional"),  # PyTorch's lr, which LBFGS lacks
        (lambda: nn.LBFGS([Value(1.0)]).add_param_group({"params": [Value(1.0)]}), ValueError, "LBFGS takes one group"),
        (lambda: nn.LBFGS([Value(1.0)]).step(lambda: None), TypeError, "the closure must return the loss, .* got None"),
        (lambda: nn.Adam([Value(1.0)], betas=0.9), TypeError, "betas must be a pair of numbers, got 0.9"),
        (lambda: nn.Adam([Value(1.0)], betas=(0.9,)), TypeError, "betas must be a pair of numbers"),
        (lambda: nn.Adam([Value(np.ones(2, np.float32))], eps=1e-50), ValueError, "eps=1e-50 is zero in float32, .* larger"),
        (lambda: nn.SGD({Value(1.0), Value(2.0)}), TypeError, "numbers parameters by their order, which a set lacks"),
        (lambda: nn.SGD([{"params": {Value(1.0)}}]), TypeError, "numbers parameters by their order, which a set lacks"),
        (lambda: nn.SGD([(Value(1.0), Value(2.0))]), TypeError, "a pair must be a name and a Value, got Value.* as the name"),
        (lambda: nn.clip_grad_norm([Value(1.0)], -1.0), ValueError, "max_norm must not be negative"),
        (lambda: nn.clip_grad_norm([Value(1.0)], 1.0, 0.0), ValueError, "norm_type must be positive"),
        (lambda: nn.clip_grad_norm(nn.Linear(1, 1), 1.0), TypeError, r"got Linear: pass model.parameters\(\)"),
        (lambda: nn.clip_grad_value([Value(1.0)], -1.0), ValueError, "clip_value must not be negative, got -1.0"),
        (lambda: nn.clip_grad_value([np.ones(2)], 1.0), TypeError, r"a list of parameters.*pass model.parameters\(\)"),
    ],
)  # fmt: skip
def test_bad_calls_are_named(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_lbfgs_finds_a_forgotten_zero_grad() -> None:
    w = Value([-1.2, 1.0])
    optimizer = nn.LBFGS([w], guards=False)

    def closure() -> Value:
        loss = rosenbrock(w)
        loss.backward()
        return loss

    with pytest.raises(ValueError, match=r"the closure must call zero_grad\(\) first"):
        optimizer.step(closure)


def test_lbfgs_finds_a_forgotten_backward() -> None:
    w = Value([-1.2, 1.0])
    with pytest.raises(ValueError, match=r"the closure must call backward\(\) on the loss"):
        nn.LBFGS([w]).step(lambda: rosenbrock(w))


def test_lbfgs_changes_nothing_if_the_closure_fails() -> None:
    w = Value(np.array([-1.2, 1.0], np.float32))
    optimizer, calls = nn.LBFGS([w]), []

    def closure() -> Value:
        calls.append(w.data.tolist())
        optimizer.zero_grad()
        loss = rosenbrock(w)
        loss.backward()
        if len(calls) == 3:
            raise KeyError("no such batch")
        return loss

    with pytest.raises(KeyError, match="no such batch"):
        optimizer.step(closure)
    assert calls[0] != calls[2] and w.data.tolist() == calls[0] and optimizer.steps == 0


@pytest.mark.parametrize("returned", [float, np.float64, lambda loss: np.array([loss])])
def test_lbfgs_takes_any_number_as_the_loss(returned: Any) -> None:
    w = Value([-1.2, 1.0])
    optimizer = nn.LBFGS([w], max_iter=100)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = rosenbrock(w)
        loss.backward()
        return returned(loss.item())

    optimizer.step(closure)
    np.testing.assert_allclose(w.data, 1.0, rtol=1e-4)


def test_lbfgs_warns_where_a_trial_of_its_line_search_is_nan() -> None:
    w = Value(2.0)

    def closure() -> Value:
        optimizer.zero_grad()
        loss = 10.0 * w - w.log()
        loss.backward()
        return loss

    optimizer = nn.LBFGS([w])
    with np.errstate(invalid="ignore"), pytest.warns(nn.GuardWarning, match="line search of LBFGS found a loss of nan"):
        optimizer.step(closure)
    assert w.data == 2.0
    optimizer = nn.LBFGS([w], guards=False)
    with np.errstate(invalid="ignore"):
        optimizer.step(closure)


def test_lbfgs_with_everything_frozen_only_evaluates() -> None:
    w = Value(2.0, requires_grad=False)
    assert nn.LBFGS([w]).step(lambda: w * w).data == 4.0
    assert w.data == 2.0


def test_lbfgs_without_scipy_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"LBFGS needs scipy .*pip install 'valuegrad\[nn\]'"):
        nn.LBFGS([Value(1.0)]).step(lambda: 0.0)


@pytest.mark.parametrize("make", [nn.SGD, nn.LBFGS])
def test_the_guard_looks_before_anything_is_changed(make: Any) -> None:
    w = Value(2.0)
    optimizer = make([w])
    seen = []

    class Watch:
        def check(self, optimizer: nn.Optimizer) -> None:
            seen.append((optimizer.steps, w.data, w.grad))

    optimizer.guard = Watch()

    def closure() -> Value:
        optimizer.zero_grad()
        loss = w * w
        loss.backward()
        return loss

    optimizer.step(closure)
    assert seen == [(0, 2.0, 4.0)]
    assert make([w], guards=False).guard is None


# --- names in states ---------------------------------------------------------------------------------


def test_parameters_in_another_order_are_refused_by_name() -> None:
    def make(*names: str, named: bool = True) -> nn.Optimizer:
        values = [Value(np.ones(2)) for _ in names]
        return nn.Adam(zip(names, values, strict=True) if named else values)

    optimizer = make("a", "b")
    train(optimizer, optimizer.parameters, 2)
    state = optimizer.state_dict()
    assert state["groups"][0]["names"] == ["a", "b"]
    make("a", "b").load_state_dict(state)
    make("b", "a", named=False).load_state_dict(state)
    make("b", "a").load_state_dict(make("a", "b", named=False).state_dict())
    other = make("b", "a")
    with pytest.raises(ValueError, match="named a, b, got an optimiser of b, a: .* remove 'names'"):
        other.load_state_dict(state)
    assert other.steps == 0
    state["groups"][0].pop("names")
    other.load_state_dict(state)
    assert other.param_groups[0]["names"] == ["b", "a"]


def test_a_key_that_the_user_gave_a_group_comes_back() -> None:
    optimizer, other = nn.SGD([Value(1.0)]), nn.SGD([Value(1.0)])
    optimizer.param_groups[0]["scale"] = 0.5
    with pytest.raises(ValueError, match="got a state with .*scale"):
        other.load_state_dict(optimizer.state_dict())
    other.param_groups[0]["scale"] = 1.0
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["scale"] == 0.5


@pytest.mark.parametrize("make", [nn.Adam, nn.RMSprop, nn.Adagrad, nn.Adamax, nn.NAdam, nn.RAdam, nn.Adadelta])
def test_a_gradient_of_zero_in_float16(make: Any) -> None:
    w = Value(np.array([1.0, 0.0], np.float16))
    optimizer = make([w], eps=1e-4)
    for _ in range(3):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
    assert w.data.dtype == np.float16 and w.data[0] < 1.0 and w.data[1] == 0.0


# --- clipping ----------------------------------------------------------------------------------------


def with_grads(*grads: Any) -> list[Value]:
    values = [Value(np.zeros(np.shape(grad), dtype=getattr(grad, "dtype", float))) for grad in grads]
    for value, grad in zip(values, grads, strict=True):
        value.grad = grad
    return values


def test_clipping_by_norm_scales_all_gradients_together() -> None:
    values = with_grads(np.array([[2.0, 1.0]]), 2.0)
    assert nn.clip_grad_norm(values, 1.0) == 3.0
    np.testing.assert_allclose(values[0].grad, np.array([[2.0, 1.0]]) / 3.0, rtol=1e-6)
    assert values[1].grad == pytest.approx(2.0 / 3.0, rel=1e-6)
    for norm, right in ((1.0, 5.0), (math.inf, 2.0), (3.0, 17.0 ** (1.0 / 3.0))):
        values = with_grads(np.array([[2.0, 1.0]]), 2.0)
        assert nn.clip_grad_norm_(values, 100.0, norm) == pytest.approx(right)
        assert values[1].grad == 2.0  # below the limit: unchanged
    assert nn.clip_grad_norm([], 1.0) == 0.0
    assert nn.clip_grad_norm(with_grads(3.0)[0], 1.0) == 3.0


def test_the_norm_of_float32_does_not_overflow() -> None:
    values = with_grads(np.array([3e30, 4e30], dtype=np.float32))
    assert nn.clip_grad_norm(values, 1.0) == pytest.approx(5e30, rel=1e-6)
    np.testing.assert_allclose(values[0].grad, [0.6, 0.8], rtol=1e-6)
    assert values[0].grad.dtype == np.float32


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite(bad: float) -> None:
    values = with_grads(np.ones(2), np.array([1.0, bad]))
    values[1].label = "weight"
    with pytest.raises(FloatingPointError, match=f"is {bad}, first in weight: look for inf or nan"):
        nn.clip_grad_norm(values, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(values[0].grad, [1.0, 1.0])
    with np.errstate(invalid="ignore"):
        nn.clip_grad_norm(values, 1.0)
    assert not (values[0].grad == 1.0).any()


def test_clipping_by_value() -> None:
    values = with_grads(np.array([-3.0, 0.5, math.nan, math.inf]), -2.0, 0.25, math.nan)
    nn.clip_grad_value_(values, 1.0)
    np.testing.assert_array_equal(values[0].grad, [-1.0, 0.5, math.nan, 1.0])
    assert [value.grad for value in values[1:3]] == [-1.0, 0.25] and math.isnan(values[3].grad)


def test_clipped_gradients_are_still_fresh() -> None:
    """Gradients clipped to zero are fresh too: the optimiser takes its step, with momentum and decay."""
    w, b = Value([2.0, 3.0]), Value(1.0)
    ((w * w).sum() + b * 0.0).backward()
    nn.clip_grad_norm([w, b], 0.0)
    nn.clip_grad_value([w, b], 0.0)
    assert (w.grad_status, b.grad_status) == ("fresh", "fresh")
    nn.SGD([w, b], lr=0.1, weight_decay=1.0).step()
    np.testing.assert_allclose([*w.data, b.data], [1.8, 2.7, 0.9])


def test_norms_that_overflow_or_vanish_in_between() -> None:
    for size in (1e200, 1e-200):
        values = with_grads([3.0 * size], [4.0 * size])
        assert nn.clip_grad_norm(values, math.inf, error_if_nonfinite=True) == pytest.approx(5.0 * size)
        assert nn.clip_grad_norm(values, math.inf, 3.0) == pytest.approx(size * 91.0 ** (1.0 / 3.0))
    assert nn.clip_grad_norm(with_grads(1e200, [1e200]), 1.0, error_if_nonfinite=True) == pytest.approx(math.sqrt(2.0) * 1e200)


def test_norms_of_empty_and_transposed_gradients() -> None:
    empty, turned = Value(np.zeros((0, 3))), Value(np.ones((2, 3)).T)
    turned.grad = np.arange(6.0).reshape(3, 2)
    for norm in (1.0, 2.0, 3.0, math.inf):
        right = float(np.linalg.norm(np.arange(6.0), norm))
        assert nn.clip_grad_norm([empty, turned], math.inf, norm) == pytest.approx(right, rel=1e-14)
        assert nn.clip_grad_norm([empty], 1.0, norm) == 0.0


class Own(nn.Optimizer):
    """A user-defined optimiser with options that are not numbers, or negative."""

    slots = ("average",)

    def __init__(self, parameters: Any, lr: float = 0.1, mode: str = "sign", power: float = -0.5) -> None:
        super().__init__(parameters, {"lr": lr, "mode": mode, "power": power})

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        state["average"] = 0.5 * state.get("average", 0.0) + grad
        return group["lr"] * state["average"]


class Undeclared(Own):
    slots = ()


def stepped(kind: type[nn.Optimizer]) -> nn.Optimizer:
    parameter = Value([1.0, 2.0])
    optimizer = kind([{"params": [("w", parameter)], "name": "head"}], **{})  # type: ignore[call-arg]
    (parameter * parameter).sum().backward()
    optimizer.step()
    return optimizer


def test_options_and_state_of_a_user_defined_optimiser_are_saved() -> None:
    optimizer = stepped(Own)
    assert optimizer.param_groups[0]["name"] == "head"
    twin = Own([("w", Value([1.0, 2.0]))], mode="other")
    twin.load_state_dict(optimizer.state_dict())
    assert (twin.param_groups[0]["mode"], twin.param_groups[0]["power"]) == ("sign", -0.5)
    assert twin.state[twin.parameters[0]]["average"].tolist() == [2.0, 4.0]
    with pytest.raises(ValueError, match="the learning rate must not be negative"):
        Own([Value(1.0)], lr=-1.0)


def test_state_that_the_class_does_not_name_is_refused_with_the_fix() -> None:
    optimizer = stepped(Undeclared)
    with pytest.raises(ValueError, match=r"has step, got average: .* slots = \('average',\) if it has the shape"):
        optimizer.load_state_dict(optimizer.state_dict())


def test_an_update_without_return_is_named() -> None:
    class Silent(Own):
        def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
            super().update(grad, state, group)

    with pytest.raises(TypeError, match=r"Silent.update\(\) returned None: return what to subtract"):
        stepped(Silent)


@pytest.mark.parametrize("lr", [True, None, "0.1"])
def test_the_learning_rate_is_a_number(lr: Any) -> None:
    with pytest.raises(TypeError, match=f"the learning rate must be a number, got {lr!r}"):
        nn.SGD([Value(1.0)], lr=lr)
    with pytest.raises(TypeError, match="weight_decay must be a number, got True"):
        nn.SGD([Value(1.0)], lr=0.1, weight_decay=True)
    assert nn.Adam([Value(1.0)], amsgrad=True).param_groups[0]["amsgrad"] is True


class Named(nn.Optimizer):
    slots: tuple[str, ...] = ("average",)  # type: ignore[misc]
    lr: float = 0.1
    power: float = 1.0
    _: KW_ONLY
    mode: str = "plain"
    note: ClassVar[str] = "no option"

    def update(self, grad: Any, state: dict[str, Any], group: dict[str, Any]) -> Any:
        return group["lr"] * grad


class Fixed(Named):
    power: float = 2.0
    mode: str = field(default="fixed", init=False)


def test_annotated_attributes_are_options() -> None:
    parameter = Value(1.0)
    assert repr(Named([parameter], 0.5, mode="other")) == "Named(lr=0.5, power=1.0, mode='other')"
    assert repr(Fixed([parameter], 0.5)) == "Fixed(lr=0.5, power=2.0, mode='fixed')"
    assert str(inspect.signature(Fixed)) == (
        "(parameters: 'Iterable[Any]', lr: 'float' = 0.1, power: 'float' = 2.0, *, guards: 'bool' = True) -> 'None'"
    )
    assert Named.note == "no option" and Named.slots == ("average",)
    assert Fixed([parameter], guards=False).guard is None


def test_options_are_read_as_attributes() -> None:
    parameter, other = Value(1.0), Value(2.0)
    assert (Named.power, Fixed.power, Fixed.mode) == (1.0, 2.0, "fixed")
    optimizer = Fixed([parameter], power=3.0)
    assert (optimizer.power, optimizer.mode, optimizer.lr) == (3.0, "fixed", 0.1)
    groups = nn.SGD([{"params": [parameter], "momentum": 0.5}, {"params": [other]}])
    assert groups.dampening == 0.0
    with pytest.raises(
        ValueError, match=r"the groups have different values of momentum, \[0.5, 0.0\]: use optimizer.param_groups"
    ):
        _ = groups.momentum


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "missing a required argument: 'parameters'"),
        ((1.0, 2.0, 3.0), {}, "got too many positional arguments"),
        ((), {"mode": "other"}, "got an unexpected keyword argument 'mode'"),
        ((1.0,), {"lr": 0.5}, "got multiple values for argument 'lr'"),
    ],
)
def test_arguments_that_are_no_options_are_refused(arguments: Any, options: Any, message: str) -> None:
    given = ([Value(1.0)], *arguments) if arguments or options else ()
    with pytest.raises(TypeError, match=rf"Fixed.__init__\(\) {message}"):
        Fixed(*given, **options)


def test_the_list_of_parameters_is_not_set() -> None:
    optimizer = nn.SGD([Value(1.0)])
    with pytest.raises(AttributeError, match=r"add_param_group\(\)"):
        optimizer.parameters = []

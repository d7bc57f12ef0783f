"""Random training, in which things happen between steps, gives the same numbers with and without compile()."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value

OPTIMISERS: list[Callable[..., nn.Optimizer]] = [
    lambda p: nn.SGD(p, lr=0.05),
    lambda p: nn.SGD(p, lr=0.05, momentum=0.9),
    lambda p: nn.SGD(p, lr=0.02, weight_decay=0.01, maximize=True),
    lambda p: nn.Adam(p, lr=0.01),
    lambda p: nn.AdamW(p, lr=0.01),
    lambda p: nn.RMSprop(p, lr=0.01, momentum=0.5),
    lambda p: nn.Adagrad(p, lr=0.05),
    lambda p: nn.NAdam(p),
]
STEPS = 24


class Training:
    """A network and its optimiser; `compiled` says what of a step is compiled: "step", "loss" or nothing."""

    def __init__(self, plan: dict[str, Any], compiled: str) -> None:
        rng = np.random.default_rng(plan["seed"])
        sizes, self.dtype = plan["sizes"], plan["dtype"]
        layers: list[Any] = []
        for m, n in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(m, n, rng=rng, dtype=self.dtype, bias=plan["bias"]), plan["activation"]()]
        self.model = nn.Sequential(*layers[:-1])
        self.optimizer = OPTIMISERS[plan["optimizer"]](self.model.parameters())
        self.clip, self.rng, self.sizes = plan["clip"], rng, sizes
        self.loss = autograd.compile(self.error) if compiled == "loss" else self.error
        self.step = autograd.compile(self.train) if compiled == "step" else self.train
        self.held: list[np.ndarray] = []
        self.history: list[tuple[np.ndarray, np.ndarray]] = []

    def error(self, x: Any, y: Any) -> Value:
        return nn.mse_loss(self.model(x), y)

    def train(self, x: Any, y: Any) -> Value:
        self.optimizer.zero_grad()
        loss = self.loss(x, y)
        loss.backward()
        if self.clip:
            nn.clip_grad_norm(self.model.parameters(), 0.3)
        self.optimizer.step()
        return loss

    def numbers(self, size: int) -> np.ndarray:
        return self.rng.normal(size=(size, self.sizes[0])).astype(self.dtype)

    def happen(self, event: str, number: int) -> None:
        """Do one of EVENTS to a parameter, or to the optimiser."""
        p = self.model.parameters()[number % len(self.model.parameters())]
        if event == "hold":
            self.held.append(p.data)
        elif event == "let go":
            self.held.clear()
        elif event == "replace":
            p.data = p.data * 0.9
        elif event == "change in place":
            p.data[...] = p.data * 1.1
        elif event == "freeze":
            p.requires_grad = not p.requires_grad
        elif event == "learning rate":
            self.optimizer.lr *= 0.5
        elif event == "load":
            self.optimizer.load_state_dict(copy.deepcopy(self.optimizer.state_dict()))
            self.model.load_state_dict(self.model.state_dict())
        elif event == "keep gradients":
            self.history += [(q.grad, q.grad.copy()) for q in self.model.parameters()]
        elif event == "copy state":
            for name, item in self.optimizer.state.get(p, {}).items():
                self.optimizer.state[p][name] = np.copy(item) if isinstance(item, np.ndarray) else item
        elif event == "another backward pass":
            (self.model(self.numbers(3)) ** 2).sum().backward()

    def go(self, plan: dict[str, Any]) -> list[Any]:
        """Return losses, parameters, gradients and states after each step."""
        found: list[Any] = []
        for number in range(STEPS):
            for _, event, which in [item for item in plan["events"] if item[0] == number]:
                self.happen(event, which)
            size = plan["batches"][number % len(plan["batches"])]
            x, y = self.numbers(size), self.numbers(size)[:, :1]
            found.append(self.step(x, y).item())
            for p in self.model.parameters():
                found += [p.data.copy(), p.grad.copy()]
                found += [np.copy(item) for _, item in sorted(self.optimizer.state.get(p, {}).items())]
        for now, before in self.history:
            np.testing.assert_array_equal(now, before)
        return found


EVENTS = [
    "hold", "let go", "replace", "change in place", "freeze", "learning rate", "load", "keep gradients", "copy state",
    "another backward pass",
]  # fmt: skip
PLANS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1 << 16),
        "dtype": st.sampled_from(["float32", "float64"]),
        "sizes": st.lists(st.sampled_from([1, 2, 5, 30]), min_size=1, max_size=3).map(lambda sizes: [*sizes, 1]),
        "bias": st.booleans(),
        "activation": st.sampled_from([nn.Tanh, nn.ReLU, nn.Sigmoid, nn.GELU]),
        "optimizer": st.integers(0, len(OPTIMISERS) - 1),
        "clip": st.booleans(),
        "batches": st.sampled_from([[7], [8, 8, 3], [5, 9]]),
        "events": st.lists(st.tuples(st.integers(0, STEPS - 1), st.sampled_from(EVENTS), st.integers(0, 7)), max_size=5),
    }
)


@settings(max_examples=max(10, settings().max_examples // 2))
@given(PLANS)
def test_random_training(plan: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of guards, of what runs eagerly, and of overflows
        expected = Training(plan, "nothing").go(plan)
        for compiled in ("step", "loss"):
            found = Training(plan, compiled).go(plan)
            assert len(found) == len(expected)
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)

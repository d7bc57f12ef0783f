"""Time a training step of micrograd's moons demo, scalar by scalar: ours, micrograd, and a peer with slots.

The loss is that of the demo: 100 points through MLP(2, [16, 16, 1]), max-margin with an L2 term, about 65,900 nodes.
Every engine runs the same lines (`loss_of`, `step`) from the same parameters in a separate process, because the
garbage and heap of one engine would slow the collector down for the others.

Collector off: garbage is collected between the steps and not timed. micrograd and the peer free nothing without the
collector, so that their steps then include no freeing; ours do. In the last table, each step includes a collection.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from subprocess import PIPE, Popen
from time import perf_counter
from typing import Any

from tests.benchmarks.timing import in_turns, rounds, show, write_shown

OURS, MICROGRAD, SLOTTED = "valuegrad", "micrograd", "slotted (microgpt-style)"
SETTINGS = ON, OFF, COLLECTED = "collector on", "collector off", "collector off, but one collection in each step"


class Slotted:
    """A peer in the style of Karpathy's microgpt: slots, and local gradients stored in the forward pass."""

    __slots__ = ("_children", "_local_grads", "data", "grad")

    def __init__(self, data: float, children: tuple[Slotted, ...] = (), local_grads: tuple[float, ...] = ()) -> None:
        self.data = data
        self.grad = 0.0
        self._children = children
        self._local_grads = local_grads

    def __add__(self, other: Any) -> Slotted:
        other = other if isinstance(other, Slotted) else Slotted(other)
        return Slotted(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Slotted:
        other = other if isinstance(other, Slotted) else Slotted(other)
        return Slotted(self.data * other.data, (self, other), (other.data, self.data))

    def relu(self) -> Slotted:
        return Slotted(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        order: list[Slotted] = []
        seen: set[Slotted] = set()

        def visit(node: Slotted) -> None:
            if node not in seen:
                seen.add(node)
                for child in node._children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for child, local in zip(node._children, node._local_grads, strict=True):
                child.grad += local * node.grad


class SlottedMLP:
    """micrograd's MLP without its classes: each neuron is a list of weights and a bias."""

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        sizes = [nin, *nouts]
        self.layers = [
            [([Slotted(0.0) for _ in range(sizes[i])], Slotted(0.0)) for _ in range(sizes[i + 1])] for i in range(len(nouts))
        ]

    def parameters(self) -> list[Slotted]:
        return [p for layer in self.layers for weights, bias in layer for p in (*weights, bias)]

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = 0.0

    def __call__(self, x: list[Slotted]) -> Slotted:
        for layer in self.layers:
            x = [sum((w * xi for w, xi in zip(weights, x, strict=True)), bias) for weights, bias in layer]
            x = x if layer is self.layers[-1] else [item.relu() for item in x]
        return x[0]


# --- the same lines for all engines ---------------------------------------------------------------


def loss_of(model: Any, value: Callable[[float], Any], points: list[list[float]], labels: list[float]) -> Any:
    """Return the loss of micrograd's demo.ipynb on all points."""
    inputs = [list(map(value, row)) for row in points]
    scores = list(map(model, inputs))
    losses = [(1 + -label * score).relu() for label, score in zip(labels, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    return data_loss + 1e-4 * sum(p * p for p in model.parameters())


def step(model: Any, value: Callable[[float], Any], points: list[list[float]], labels: list[float]) -> None:
    """Run forward, zero_grad, backward and update. The graph is freed on return."""
    loss = loss_of(model, value, points, labels)
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.data -= 0.02 * p.grad


# --- a process for each engine --------------------------------------------------------------------

ENGINES = {
    MICROGRAD: (("micrograd.engine", "Value"), ("micrograd.nn", "MLP")),
    SLOTTED: ((__name__, "Slotted"), (__name__, "SlottedMLP")),
    OURS: (("autograd", "Value"), ("nn", "MLP")),
}


def worker(engine: str) -> None:
    """Read the task in JSON, then answer lines: "gradients", or one of SETTINGS. The collector, once off, stays off."""
    value, make = (getattr(import_module(module), name) for module, name in ENGINES[engine])
    model = make(2, [16, 16, 1])
    points, labels, start = json.loads(input())
    for p, number in zip(model.parameters(), start, strict=True):
        p.data = number
    for request in map(str.strip, sys.stdin):
        if request == "gradients":
            loss_of(model, value, points, labels).backward()
            answer: object = [p.grad for p in model.parameters()]
        else:
            if request != ON:
                gc.disable()
                gc.collect()
            begin = perf_counter()
            step(model, value, points, labels)
            if request == COLLECTED:
                gc.collect()
            answer = perf_counter() - begin
        print(json.dumps(answer), flush=True)


class Engine:
    """A handle of a worker process."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.scalars", "--worker", name]
        self.process = Popen(command, stdin=PIPE, stdout=PIPE, text=True)

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def ask(self, request: str) -> Any:
        self.send(request)
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def main() -> None:
    if find_spec("micrograd") is None:
        sys.exit("this benchmark needs its peer: pip install micrograd")
    from tests.benchmarks.moons import moons, parameters  # here, so that only our own worker loads NumPy

    points, labels = moons()
    start = [number for weight, bias in parameters() for w, b in zip(weight, bias, strict=True) for number in (*w, b)]
    engines = {name: Engine(name) for name in (MICROGRAD, SLOTTED, OURS)}
    for engine in engines.values():
        engine.send(json.dumps([points.tolist(), labels.tolist(), [float(number) for number in start]]))
    grads = {name: engine.ask("gradients") for name, engine in engines.items()}
    for name, found in grads.items():
        apart = max(abs(a - b) for a, b in zip(found, grads[OURS], strict=True))
        if not apart <= 1e-12:  # also if it is nan
            sys.exit(f"the gradients of {name} and {OURS} are {apart} apart")
    print(f"{len(start)} gradients of the first loss agree to 1e-12")
    for setting in SETTINGS:
        timers = {name: partial(engine.ask, setting) for name, engine in engines.items()}
        show(f"one step, {setting}", in_turns(timers, rounds(11)), OURS)
    for engine in engines.values():
        engine.process.communicate()
    write_shown("scalars")


if __name__ == "__main__":
    worker(sys.argv[2]) if sys.argv[1:2] == ["--worker"] else main()

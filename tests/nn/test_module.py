"""Modules: where parameters are found, states, repr, copies, and small networks from end to end."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections import OrderedDict, UserList, defaultdict, deque
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, no_grad, relu
from autograd.verify import check_gradients
from tests.sweeps import slow


def test_parameters_by_attribute_path() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.first = nn.Linear(3, 4, rng=0)
            self.blocks = [nn.Linear(4, 4, rng=1), {"inner": (nn.Linear(4, 2, bias=False, rng=2),)}]
            self.scale = Value(2.0)
            self.again = self.first
            self.not_a_parameter = self.scale * 2.0
            self.parent = self

        def forward(self, x: Any) -> Value:
            return self.blocks[1]["inner"][0](self.blocks[0](self.first(x)).relu()) * self.scale  # type: ignore[index]

    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias", "blocks.1.inner.0.weight", "scale",
    ]  # fmt: skip
    assert [path for path, _ in net.named_modules()] == ["", "first", "blocks.0", "blocks.1.inner.0"]
    net.eval()
    assert not net.blocks[0].training  # type: ignore[union-attr]
    assert net.train() is net
    assert net.first.training
    out = net(np.ones((5, 3)))
    out.sum().backward()
    assert np.abs(net.first.weight.grad).sum() > 0
    net.zero_grad()
    assert np.abs(net.first.weight.grad).sum() == 0
    hidden = [node for node in ancestors(out) if node.op.name == "linear"]
    assert sorted(str(node.place) for node in hidden) == ["Net.blocks.0", "Net.blocks.1.inner.0", "Net.first"]


def test_containers_have_parameters_of_their_own() -> None:
    class Scaled(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(2, 3, rng=0), nn.Tanh())
            self.scale, self.count = Value(2.0), np.array(0)

        def forward(self, x: Any) -> Any:
            return super().forward(x) * self.scale

    class Listed(nn.ModuleList):
        def __init__(self) -> None:
            super().__init__([nn.Linear(2, 3, rng=0)])
            self.head = nn.Linear(3, 1, rng=1)

    class Named(nn.ModuleDict):
        def __init__(self) -> None:
            super().__init__({"body": nn.Linear(2, 3, rng=0)})
            self.scale = Value(2.0)

    model = Scaled()
    assert list(model.state_dict()) == ["scale", "0.weight", "0.bias", "count"]
    model([1.0, 2.0]).sum().backward()
    assert model.scale.grad != 0.0
    assert [name for name, _ in Listed().named_parameters()] == ["head.weight", "head.bias", "0.weight", "0.bias"]
    assert [name for name, _ in Named().named_parameters()] == ["scale", "body.weight", "body.bias"]


def test_the_repr_of_a_child_that_knows_its_parent() -> None:
    model = nn.Sequential(nn.Linear(2, 1))
    model[0].parent = model
    assert repr(model) == "Sequential()               3 parameters\n  0: Linear(2, 1)          3"


class Masked(nn.Module):
    """A parameter, and buffers that are not floats."""

    def __init__(self) -> None:
        self.weight = Value([1.0, 2.0])
        self.count = np.array(3)
        self.fixed = np.broadcast_to(1.0, 2)
        self.names = np.array(["a", "b"])


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"count": 3.5}, ValueError, "count has the dtype int64, which cannot hold 3.5"),
        ({"count": np.nan}, ValueError, "count has the dtype int64, which cannot hold nan"),
        ({}, ValueError, "fixed is a read-only array"),
        ({"weight": np.array([1j, 2.0])}, TypeError, "weight takes real numbers"),
    ],
)
def test_a_state_is_loaded_as_a_whole_or_not_at_all(change: Any, error: type[Exception], text: str) -> None:
    model = Masked()
    state = model.state_dict()
    assert list(state) == ["weight", "count", "fixed"]  # strings are not part of the state
    with pytest.raises(error, match=text):
        model.load_state_dict({"weight": [5.0, 6.0], "count": 7, "fixed": [1.0, 1.0]} | change)
    assert (model.weight.data.tolist(), model.count.item()) == ([1.0, 2.0], 3)
    model.fixed = model.fixed.copy()
    model.load_state_dict({"weight": [5.0, 6.0], "count": 7.0, "fixed": [1.0, 1.0]})
    assert (model.weight.data.tolist(), model.count.item()) == ([5.0, 6.0], 7)


def test_arguments_of_modules_are_checked() -> None:
    with pytest.raises(TypeError, match=r"load_state_dict\(\) takes arrays by name, .*got 'model.npz'"):
        nn.Linear(2, 1).load_state_dict("model.npz")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"train\(\) takes True or False, got 'eval'"):
        nn.Linear(2, 1).train("eval")  # type: ignore[arg-type]
    for make in (
        partial(nn.Linear, 2, 2), partial(nn.Embedding, 2, 2), partial(nn.Conv2d, 2, 2, 1), partial(nn.ConvTranspose1d, 2, 2, 1),
        partial(nn.BatchNorm1d, 2), partial(nn.LayerNorm, 2), partial(nn.RMSNorm, 2), partial(nn.GroupNorm, 1, 2), nn.PReLU,
        partial(nn.MultiHeadAttention, 2, 2), partial(nn.LSTM, 2, 2), partial(nn.GRUCell, 2, 2), partial(nn.init.normal, 2),
        partial(nn.init.uniform, 2), partial(nn.init.truncated_normal, 2), partial(nn.init.orthogonal, (2, 2)),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="parameters must be floating, got dtype=int64"):
            make(dtype=int)


def ancestors(value: Value) -> list[Value]:
    found, waiting = [], [value]
    while waiting:
        node = waiting.pop()
        if node.op is not None:
            found.append(node)
            waiting += [item for item in node.inputs if isinstance(item, Value)]
    return found


def test_repr_counts_parameters() -> None:
    model = nn.Sequential(nn.Linear(784, 16, rng=0), nn.ReLU(), nn.Linear(16, 16, rng=0), nn.ReLU(), nn.Linear(16, 10, rng=0))
    text = repr(model)
    assert "13,002" in text.splitlines()[0]
    assert [word in text for word in ("Linear(784, 16)", "12,560", "ReLU()", "272", "170")] == [True] * 5
    assert repr(nn.ReLU()).startswith("ReLU()")
    assert "Layer(2 -> 16, relu)" in repr(nn.MLP(2, [16, 16, 1]))


def test_initialisation_takes_a_seed_or_a_generator() -> None:
    assert nn.Linear(3, 4, rng=7).weight.data.tolist() == nn.Linear(3, 4, rng=7).weight.data.tolist()
    generator = np.random.default_rng(7)
    first, second = nn.Linear(3, 4, rng=generator), nn.Linear(3, 4, rng=generator)
    assert first.weight.data.tolist() != second.weight.data.tolist()
    assert [p.data for p in nn.MLP(2, [3], rng=1).parameters()] == [p.data for p in nn.MLP(2, [3], rng=1).parameters()]
    assert nn.Linear(3, 4, dtype=np.float32).weight.dtype == np.float32
    assert nn.Linear(3, 4).weight.dtype == np.float64
    assert np.abs(nn.Linear(100, 50, rng=0).weight.data).max() <= 0.1


def test_linear_names_a_wrong_shape() -> None:
    with pytest.raises(ValueError, match=r"Linear\(3, 4\) takes \(..., 3\), got the shape \(5, 2\)"):
        nn.Linear(3, 4)(np.ones((5, 2)))
    with pytest.raises(TypeError, match="takes modules or functions.*unpack a list"):
        nn.Sequential([nn.ReLU()])  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match=r"Module has no forward\(\)"):
        nn.Module()(1.0)


ACTIVATIONS = [
    nn.ReLU(), nn.Tanh(), nn.LogSoftmax(axis=0), *slow(nn.LeakyReLU(0.2), nn.Sigmoid(), nn.Softplus(), nn.Softmax(), relu),
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_activations_in_a_network(activation: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng=1), activation, nn.Linear(4, 2, rng=2))
    x = np.random.default_rng(0).normal(size=(6, 3))
    report = check_gradients(lambda *_: nn.mse_loss(model(x), np.ones((6, 2))), *model.parameters(), order=2)
    assert report.ok, str(report)


def test_activation_values() -> None:
    assert nn.sigmoid(1.0) == pytest.approx(0.731059, abs=1e-6)
    assert nn.sigmoid(np.array([-10.0, 10.0])) == pytest.approx([4.54e-5, 0.9999546], rel=1e-4)
    assert nn.tanh(1.0) == pytest.approx(0.761594, abs=1e-6)
    assert (nn.relu(-1.0), nn.relu(5.0), nn.leaky_relu(-1.0)) == (0.0, 5.0, -0.01)


def test_losses_against_their_formulas() -> None:
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    value = Value(logits)
    loss = nn.cross_entropy(value, target)
    assert loss.data == pytest.approx(-np.log(p[np.arange(5), target]).mean())
    loss.backward()
    np.testing.assert_allclose(value.grad, (p - np.eye(3)[target]) / 5)  # softmax and cross-entropy: p - onehot
    for kind in (np.int8, np.uint8, np.int64, np.uint64):
        assert nn.cross_entropy(logits, target.astype(kind)) == loss.data
    assert nn.cross_entropy(value[0], 0).data == pytest.approx(-np.log(p[0, 0]))
    assert nn.mse_loss(Value([1.0, 2.0]), Value([0.0, 4.0])).data == 2.5
    assert nn.hinge_loss(Value([0.5, -3.0, 2.0]), [1, 1, 1]).data == pytest.approx((0.5 + 4.0) / 3)
    huge = Value([[1000.0, -1000.0]])
    assert nn.cross_entropy(huge, [1]).data == 2000.0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.mse_loss(Value(np.ones((3, 1))), np.ones(3)), ValueError, r"\(3, 1\) and \(3,\), which would broadcast"),
        (lambda: nn.hinge_loss(Value(np.ones(3)), np.ones((3, 1))), ValueError, "one shape"),
        (lambda: nn.hinge_loss(Value(np.ones(2)), [0, 1]), ValueError, r"targets -1 and 1: use 2 \* target - 1"),
        (
            lambda: nn.cross_entropy(Value(np.ones((2, 3))), [0.0, 1.0]),
            TypeError,
            r"integers, got the dtype float64.*astype\(int\)",
        ),
        (
            lambda: nn.cross_entropy(Value(np.ones((2, 3))), [0, 3]),
            ValueError,
            "3 classes, 0 to 2, got targets from 0 to 3",
        ),
        (lambda: nn.cross_entropy(Value(np.ones((2, 3))), [0, -1]), ValueError, "got targets from -1 to 0"),
        (lambda: nn.cross_entropy(Value(np.ones((2, 3))), np.eye(3, dtype=int)[:2]), ValueError, "not one-hot rows"),
        (lambda: nn.SGD([]), ValueError, "needs parameters"),
        (lambda: nn.SGD(nn.Linear(2, 2)), TypeError, r"pass model.parameters\(\)"),
        (lambda: nn.SGD([Value(1.0) * 2.0]), TypeError, "leaf Values"),
        (lambda: nn.Adam([Value(1.0)], lr=-1.0), ValueError, "must not be negative"),
        (lambda: nn.Adam([np.ones(2)]), TypeError, "leaf Values"),  # type: ignore[list-item]
    ],
)
def test_bad_calls_are_named(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_one_weight_by_gradient_descent() -> None:
    """w = 5, x = 2, label 6, learning rate 0.1: loss and gradient are both 8, and w shrinks towards 3 by 0.6 a step."""
    w = Value(5.0)
    optimizer = nn.SGD([w], lr=0.1)
    rows = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = 0.5 * (w * 2.0 - 6.0) ** 2
        loss.backward()
        rows.append([w.data, w.data * 2.0, loss.data, w.grad])
        optimizer.step()
    np.testing.assert_allclose(rows, [
        [5, 10, 8, 8], [4.2, 8.4, 2.88, 4.8], [3.72, 7.44, 1.0368, 2.88], [3.432, 6.864, 0.373248, 1.728],
        [3.2592, 6.5184, 0.13436928, 1.0368], [3.15552, 6.31104, 0.0483729408, 0.62208],
    ], rtol=1e-12)  # fmt: skip


def test_a_published_worked_example() -> None:
    """Mazur (2015), "A Step by Step Backpropagation Example": 2-2-2, sigmoid, biases not updated."""
    x, t = np.array([0.05, 0.10]), np.array([0.01, 0.99])
    hidden, output = Value([[0.15, 0.20], [0.25, 0.30]]), Value([[0.40, 0.45], [0.50, 0.55]])
    out = ((hidden @ x + 0.35).sigmoid() @ output.T + 0.60).sigmoid()
    loss = 0.5 * ((t - out) ** 2).sum()
    np.testing.assert_allclose(out.data, [0.751365070, 0.772928465], atol=1e-9)
    assert loss.data == pytest.approx(0.298371109, abs=1e-9)
    loss.backward()
    nn.SGD([hidden, output], lr=0.5).step()
    np.testing.assert_allclose(hidden.data, [[0.149780716, 0.199561432], [0.249751144, 0.299502287]], atol=1e-9)
    np.testing.assert_allclose(output.data, [[0.358916480, 0.408666186], [0.511301270, 0.561370121]], atol=1e-9)


def test_sgd_with_momentum_and_weight_decay_by_hand() -> None:
    w, velocity, expected = Value(np.array([1.0, -2.0])), np.zeros(2), np.array([1.0, -2.0])
    optimizer = nn.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        (w * w * w).sum().backward()
        optimizer.step()
        velocity = 0.9 * velocity + 3.0 * expected**2 + 0.01 * expected
        expected = expected - 0.1 * velocity
    np.testing.assert_allclose(w.data, expected)


@pytest.mark.parametrize("start", [2.0, np.array([2.0, -1.0]), np.array([2.0, -1.0], dtype=np.float32)])
def test_adam_by_hand(start: Any) -> None:
    w = Value(start)
    optimizer = nn.Adam([w], lr=0.1)
    first = second = 0.0
    expected = np.array(start, dtype=float)
    for step in range(1, 6):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        g = 2.0 * expected
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g
        expected = expected - 0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    np.testing.assert_allclose(w.data, expected, rtol=1e-5 if w.dtype == np.float32 else 1e-12)
    assert w.dtype == np.asarray(start).dtype


def test_optimisers_skip_frozen_parameters() -> None:
    a, b = Value(1.0), Value(1.0, requires_grad=False)
    optimizer = nn.SGD([a, b], lr=1.0, weight_decay=0.5)
    (a * b).backward()
    optimizer.step()
    assert (a.data, b.data) == (-0.5, 1.0)


def test_modules_are_pickled_copied_and_freed() -> None:
    for model in (nn.Sequential(nn.Linear(3, 2, rng=0), relu, nn.Tanh()), nn.MLP(3, [2, 2], rng=0)):
        x = [0.1, 0.2, 0.3]
        with no_grad():
            expected = [float(out) for out in model(x)]
            for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
                assert [float(out) for out in twin(x)] == expected
                assert twin.parameters()[0] is not model.parameters()[0]
    gc.disable()
    try:
        net = nn.Sequential(nn.Linear(3, 2, rng=0), nn.ReLU())
        out = net(np.ones(3))
        out.sum().backward()
        watched = [weakref.ref(net), weakref.ref(net.layers[0].weight), weakref.ref(out)]  # type: ignore[union-attr]
        del net, out
        assert [ref() for ref in watched] == [None, None, None]
    finally:
        gc.enable()


def test_training_reaches_a_solution() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = nn.Sequential(nn.Linear(2, 16, rng=rng), nn.Tanh(), nn.Linear(16, 2, rng=rng))
    optimizer = nn.Adam(model.parameters(), lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    assert loss.data < 0.1
    assert (model(X).data.argmax(axis=1) == y).mean() > 0.95


def test_only_a_parameter_replaces_a_parameter() -> None:
    layer = nn.Linear(2, 3)
    for other in (np.zeros((3, 2)), layer.weight * 0.1, [1.0], 2.0):
        with pytest.raises(TypeError, match=r"Linear.weight is a param.* \.weight.data = array, .* leaf Value\(array\), or del"):
            layer.weight = other
    assert len(layer.parameters()) == 2
    layer.weight, layer.bias = Value(np.zeros((3, 2))), None
    assert layer(np.ones(2)).data.tolist() == [0.0, 0.0, 0.0]
    del layer.weight
    layer.weight = np.ones((3, 2))
    assert [name for name, _ in layer.named_buffers()] == ["weight"]
    twin = pickle.loads(pickle.dumps(nn.Linear(2, 3)))
    assert len(copy.deepcopy(twin).parameters()) == 2
    layer._seen = Value(1.0)
    layer._seen = layer._seen * 2.0  # no parameter


def tied() -> nn.Sequential:
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, rng=0))
    model[1].weight = model[0].weight
    return model


def test_tied_parameters_are_loaded_by_any_of_their_names() -> None:
    model = tied()
    assert list(model.state_dict()) == ["0.weight", "1.bias"]
    ones, zeros, bias = np.ones((5, 3)), np.zeros((5, 3)), np.zeros(5)
    assert model.load_state_dict({"0.weight": ones, "1.weight": ones, "1.bias": bias}) == []
    assert (model[1].weight.data == 1.0).all() and model[1].weight is model[0].weight
    model.load_state_dict({"1.weight": zeros, "1.bias": bias})
    assert (model[0].weight.data == 0.0).all()
    with pytest.raises(ValueError, match="1.weight and 0.weight are one parameter .* without tying them.*nothing was set"):
        model.load_state_dict({"0.weight": ones, "1.weight": zeros, "1.bias": bias})
    assert (model[0].weight.data == 0.0).all()


def test_functions_and_what_is_frozen_are_shown() -> None:
    model = nn.Sequential(nn.Linear(4, 8), relu, nn.Linear(8, 2))
    model[0].freeze()
    assert repr(model).splitlines() == [
        "Sequential()                     58 parameters",
        "  0: Linear(4, 8) frozen         40",
        "  1: relu",
        "  2: Linear(8, 2)                18",
    ]


def test_pytorchs_call_of_zero_grad_runs() -> None:
    layer = nn.Linear(2, 1)
    optimizer = nn.SGD(layer.parameters(), lr=0.1)
    for reset in (layer.zero_grad, optimizer.zero_grad):
        layer(np.ones(2)).sum().backward()
        reset(set_to_none=True)
        assert not layer.weight.grad.any()


# --- where parameters are found --------------------------------------------------------------------------


class Holds(nn.Module):
    def __init__(self, parts: Any) -> None:
        self.parts = parts


@dataclass
class Parts:
    layer: Any
    size: int = 2


@dataclass(frozen=True, slots=True)
class Slots:
    layer: Any


def line() -> nn.Linear:
    return nn.Linear(2, 1, bias=False, rng=0)


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        (lambda: Parts(line()), ["layer.weight"]),
        (lambda: Slots(line()), ["layer.weight"]),
        (lambda: SimpleNamespace(a=line(), b=[line()]), ["a.weight", "b.0.weight"]),
        (lambda: deque([line(), Value(1.0)]), ["0.weight", "1"]),
        (lambda: OrderedDict(b=line(), a=line()), ["b.weight", "a.weight"]),
        (lambda: defaultdict(list, a=[line()]), ["a.0.weight"]),
        (lambda: MappingProxyType({"a": line()}), ["a.weight"]),
        (lambda: np.array([line(), line()], dtype=object), ["0.weight", "1.weight"]),
        (lambda: partial(line()), ["func.weight"]),
        (lambda: partial(np.multiply, line(), out=Value(1.0)), ["args.0.weight", "keywords.out"]),
        (lambda: [Parts({"x": deque([line()])})], ["0.layer.x.0.weight"]),
        (lambda: {1, 2}, []),
        (lambda: [nn.Tanh, "text", range(3), {"a"}], []),
    ],
)
def test_parameters_are_found_in_containers(parts: Any, names: list[str]) -> None:
    model = Holds(parts())
    assert [name for name, _ in model.named_parameters()] == [f"parts.{name}" for name in names]
    assert list(model.state_dict()) == [f"parts.{name}" for name in names]
    assert not any(module.training for module in model.eval().modules())


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (lambda: {line()}, "parts is a set with modules or parameters, whose order and names .* make it a list"),
        (lambda: [frozenset([Value(1.0)])], "parts.0 is a frozenset with modules or parameters"),
        (lambda: (line() for _ in range(2)), "parts is a generator, which can be iterated only once: make it a list"),
        (lambda: map(nn.Linear, [2], [1]), "parts is a map, which can be iterated only once"),
        (lambda: {line(): "a"}, "a dict has Linear as a key"),
    ],
)
def test_parameters_without_an_order_are_refused(parts: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        Holds(parts()).parameters()


def test_a_container_that_holds_itself_ends() -> None:
    parts: list[Any] = [line()]
    parts.append({"again": parts})
    assert [name for name, _ in Holds(parts).named_parameters()] == ["parts.0.weight"]


def test_training_refuses_functions_with_parameters_from_elsewhere() -> None:
    """In a closure, a default, a bound method; parameters that the model also holds, or that are frozen, are allowed."""
    x, y = np.ones((4, 2)), np.ones((4, 1))

    def train(model: nn.Module) -> nn.History:
        optimizer = nn.SGD(model.named_parameters(), lr=0.1, guards=False)
        return nn.fit(model, nn.mse_loss, optimizer, (x, y), epochs=1, progress=False)

    hidden, other = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=0)
    functions = {
        "hidden": lambda x: hidden(x),
        "layer": lambda x, layer=other: layer(x),
        "self": nn.Linear(2, 2, rng=0).forward,
    }
    for name, function in functions.items():
        with pytest.raises(ValueError, match=f"the function 0 of the model uses {name}, whose parameters are not found"):
            train(nn.Sequential(function, nn.Linear(2, 1, rng=0)))
    assert len(train(nn.Sequential(hidden, functions["hidden"], nn.Linear(2, 1, rng=0)))) == 1
    hidden.freeze()
    assert len(train(nn.Sequential(functions["hidden"], nn.Linear(2, 1, rng=0)))) == 1


# --- arguments and attributes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.MSELoss(np.ones(2), np.ones(2)), r"MSELoss\(...\) takes the settings reduction; .* MSELoss\(\)\(...\)"),
        (lambda: nn.CrossEntropyLoss(np.ones((2, 2)), np.array([0, 1])), r"takes the settings weight, .* CrossEntropyLoss\(\)"),
        (lambda: nn.BCELoss(np.ones(2), np.ones(2)), r"takes the settings weight, reduction; .* BCELoss\(\)\(...\)"),
        (lambda: nn.Tanh(np.ones(2)), r"Tanh\(...\) takes no settings; to compute, create it first and then call it, Tanh\(\)"),
        (lambda: nn.ELU(np.ones(2)), r"ELU\(...\) takes the settings alpha; .* ELU\(\)\(...\)"),
        (lambda: nn.evaluate(nn.Linear, (np.ones(2), np.ones(2)), {}), "the class Linear as the model"),
        (lambda: nn.from_pytorch(nn.Linear, {}), "a module to load into, got <class 'nn.layers.linear.Linear'>"),
    ],
)
def test_inputs_or_classes_in_the_wrong_place(make: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        make()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(2, 3, rng=0), nn.LayerNorm(2), nn.RMSNorm(2), nn.BatchNorm1d(2), nn.GroupNorm(1, 2), nn.Flatten(), nn.PReLU(),
        nn.Dropout(0.5).eval(), nn.ReLU(), nn.GRUCell(2, 3, rng=0), nn.MaxPool1d(1), nn.Conv1d(2, 1, 1, rng=0),
        nn.Conv1d(2, 1, 2, padding=1, padding_mode="circular", rng=0), nn.Sequential(nn.Linear(2, 1, rng=0), nn.Tanh()),
    ],
    ids=repr,
)  # fmt: skip
def test_layers_take_lists_of_values_and_of_numbers(layer: nn.Module) -> None:
    numbers = [[0.5, -1.0], [2.0, 0.25]]
    values, whole = [[Value(x) for x in row] for row in numbers], Value(numbers)
    listed, right, plain = layer(values), layer(whole), layer(numbers)
    if not isinstance(listed, list):  # layers that change nothing may return their input
        np.testing.assert_array_equal(listed.data, right.data)
        (listed * listed).sum().backward()
        (right * right).sum().backward()
        np.testing.assert_allclose([[x.grad for x in row] for row in values], whole.grad)
    np.testing.assert_array_equal(plain.data if isinstance(plain, Value) else plain, right.data)


@pytest.mark.parametrize("item", [Value(1.0), nn.Linear(1, 1, rng=0), [nn.Linear(1, 1, rng=0)], {"a": (Value([1.0]),)}])
def test_parameters_of_a_class_are_refused(item: Any) -> None:
    with pytest.raises(TypeError, match=r"part of the class Net holds parameters.*: set self.part in __init__\(\)"):
        type("Net", (nn.Module,), {"part": item})
    type("Net", (nn.Module,), {"part": nn.Tanh(), "number": 4, "kinds": {"a", "b"}, "table": {"a": {1, 2}}})


@pytest.mark.parametrize("start", ["module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_the_error_names_a_prefix_of_all_names_in_a_state(start: str) -> None:
    state = {start + name: array for name, array in nn.Sequential(nn.Linear(2, 1, rng=0)).state_dict().items()}
    with pytest.raises(ValueError, match=rf"remove the prefix '{start}'.*, {{name.removeprefix\('{start}'\)"):
        nn.from_pytorch(nn.Sequential(nn.Linear(2, 1, rng=1)), state)
    with pytest.raises(ValueError, match="build the model with the sizes"):
        nn.Linear(2, 1, rng=0).load_state_dict({"a.x": np.ones((1, 2)), "a.y": np.ones(1)})


@pytest.mark.parametrize(
    "parts",
    [
        UserList([nn.Tanh(), nn.Linear(1, 1, rng=0)]),
        {"a": nn.Linear(1, 1, rng=0)}.values(),
        nn.ModuleDict({"a": nn.Linear(1, 1)}).items(),
    ],
)
def test_parameters_are_found_in_lists_of_users_and_in_views(parts: Any) -> None:
    model = nn.Module()
    model.parts = parts  # type: ignore[attr-defined]
    assert len(model.parameters()) == 2


@pytest.mark.parametrize("make", [iter, enumerate, reversed, lambda modules: chain(modules, modules)])
def test_iterators_over_modules_are_refused(make: Any) -> None:
    model = nn.Module()
    model.parts = make([nn.Linear(1, 1, rng=0)])  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="which can be iterated only once: make it a list"):
        model.parameters()


class Kept:
    """An object that modules do not search."""

    def __init__(self) -> None:
        self.layers = [nn.Linear(2, 2, rng=0)]


@pytest.mark.parametrize(
    ("name", "part"), [("_layer", nn.Linear(2, 2, rng=0)), ("_all", {"a": nn.Linear(2, 2, rng=0)}), ("parts", Kept())]
)
def test_training_refuses_modules_that_are_not_found(name: str, part: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 1, rng=0))
    setattr(model, name, part)
    optimizer, data = nn.SGD(model.parameters(), lr=0.1), (np.ones((4, 2)), np.ones((4, 1)))
    with pytest.raises(
        ValueError, match=rf"^{name}[.a-z0-9]* of the model holds a Linear, whose parameters are not found.*or freeze\(\) it"
    ):
        nn.fit(model, nn.mse_loss, optimizer, data, epochs=1, progress=False)
    module = part.layers[0] if isinstance(part, Kept) else part["a"] if isinstance(part, dict) else part
    module.freeze()
    nn.fit(model, nn.mse_loss, optimizer, data, epochs=1, progress=False)


@pytest.mark.parametrize(
    "make",
    [
        lambda given: nn.Linear(3, 2, given), lambda given: nn.Bilinear(3, 2, 1, bias=given),
        lambda given: nn.Conv2d(1, 1, 1, bias=given),
        lambda given: nn.BatchNorm1d(3, affine=given), lambda given: nn.BatchNorm1d(3, track_running_stats=given),
        lambda given: nn.LayerNorm(3, bias=given), lambda given: nn.RMSNorm(3, elementwise_affine=given),
        lambda given: nn.GroupNorm(1, 3, affine=given), lambda given: nn.LSTM(3, 4, bidirectional=given),
        lambda given: nn.GRU(3, 4, batch_first=given), lambda given: nn.RNNCell(3, 4, bias=given),
        lambda given: nn.MultiHeadAttention(4, 2, bias=given), lambda given: nn.MultiHeadAttention(4, 2, batch_first=given),
    ],
)  # fmt: skip
@pytest.mark.parametrize("given", ["False", 5, None])
def test_flags_must_be_bools(make: Any, given: Any) -> None:
    with pytest.raises(TypeError, match=f"must be True or False, got {given!r}"):
        make(given)
    make(np.bool_(False))

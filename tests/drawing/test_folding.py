"""Folding, scopes, names, functions, failures and comparisons: what pictures of graphs show, and what they leave out."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import nn
from autograd import Drawing, Value, concatenate, debug, draw, no_grad, primitive, record_lines, scope, stack, tanh
from autograd.drawing.picture import Node
from autograd.graph import inputs_of


def moons(samples: int) -> tuple[nn.MLP, Value]:
    """Return the loss of micrograd's demo: a 2-16-16-1 network, a hinge loss, and a penalty of squares."""
    rng = np.random.default_rng(0)
    model = nn.MLP(2, [16, 16, 1], rng=1)
    scores = [model([Value(number) for number in row]) for row in rng.normal(size=(samples, 2)).tolist()]
    labels = rng.choice([-1.0, 1.0], samples).tolist()
    losses = [(1.0 + -label * score).relu() for label, score in zip(labels, scores, strict=True)]
    loss = sum(losses) * (1.0 / samples) + 1e-4 * sum(p * p for p in model.parameters())
    loss.backward()
    return model, loss


def counts(drawing: Drawing) -> dict[str, int]:
    return {node.title: node.count * node.parts for node in drawing.nodes}


def node_of(drawing: Drawing, title: str) -> Node:
    (found,) = [node for node in drawing.nodes if node.title == title]
    return found


# --- folding --------------------------------------------------------------------------------------


def test_the_network_of_the_moons_folds_to_its_layers() -> None:
    model, loss = moons(100)
    drawing = draw(loss)
    assert drawing.total == 65_818
    assert drawing.note == f"showing {len(drawing.nodes)} nodes of 65,818: folded 26 patterns"
    assert len(drawing.nodes) < 40
    assert sum(node.count * node.parts for node in drawing.nodes) == 65_818
    groups = {group.name: group for group in drawing.groups}
    assert (groups["MLP"].count, groups["MLP"].parameters, groups["MLP"].kind) == (100, 337, "MLP")
    assert (groups["MLP/layers.1/neurons.*"].count, groups["MLP/layers.1/neurons.*"].parameters) == (1600, 272)
    assert node_of(drawing, "sum of 3 terms").count == 1600
    assert node_of(drawing, "layers.1.neurons.*.w.*").group == "MLP/layers.1/neurons.*"
    assert all(len(drawing.find(name)) == 1 for name, _ in model.named_parameters())
    weights = node_of(drawing, "layers.0.neurons.*.w.*")
    grads = np.array([p.grad for name, p in model.named_parameters() if name.startswith("layers.0.") and ".w." in name])
    assert weights.count == 32
    assert weights.grad is not None
    assert weights.grad.norm == pytest.approx(np.linalg.norm(grads))
    assert (weights.grad.minimum, weights.grad.maximum) == (grads.min(), grads.max())


def test_the_same_network_unfolded_on_request() -> None:
    _, loss = moons(3)
    drawing = draw(loss, fold=False, max_nodes=10_000)
    assert drawing.total == len(drawing.nodes) == 2962
    assert drawing.note == ""
    assert len(drawing.edges) == drawing.picture.edges_total
    assert sum(group.kind == "Neuron" for group in drawing.groups) == 3 * 33
    assert {node.count for node in drawing.nodes} == {1}
    assert "mclimit=0.2" in drawing.source  # otherwise Graphviz takes minutes


def test_a_loop_without_scopes_is_drawn_as_one_iteration() -> None:
    factor, y = Value(0.5, label="a"), Value(1.0, label="start")
    for _ in range(1000):
        y = y.sin() * factor + 1.0
    drawing = draw(y)
    assert drawing.total == 4002
    assert len(drawing.nodes) < 15
    assert sum(node.count for node in drawing.nodes) == 4002
    assert max(node.count for node in drawing.nodes) >= 998
    names = {node.name: node for node in drawing.nodes}
    turns = [edge for edge in drawing.edges if names[edge.source].op == "add" and names[edge.target].op == "sin"]
    assert turns  # from the end of one iteration to the start of the next


@pytest.mark.slow
def test_a_million_nodes_are_summarised_within_seconds() -> None:
    factor, y = Value(1.0000001, label="a"), Value(1.0)
    for _ in range(250_000):
        y = y * factor + 0.5
    start = time.perf_counter()
    drawing = draw(y)
    assert time.perf_counter() - start < 30.0  # takes 1 s; a quadratic loop would take hours
    assert len(drawing.nodes) < 10
    assert f"of {drawing.total:,}" in drawing.note


def test_time_steps_fold_though_each_depends_on_the_one_before() -> None:
    cell = nn.Sequential(nn.Linear(4, 4, rng=0), nn.Tanh())
    state = Value(np.zeros((2, 4)), label="start")
    for step in range(60):
        with scope(f"step {step}"):
            state = cell(state) + 1.0
    drawing = draw(state.sum())
    (turn,) = [group for group in drawing.groups if group.title == "step *"]
    assert turn.count == 60
    assert len(drawing.nodes) < 12
    (step,) = [node for node in drawing.nodes if node.op == "add"]
    assert step.count == 60


def test_only_equal_structure_folds() -> None:
    """Half of the samples take another branch: both branches are drawn, with their counts."""
    w, total = Value(0.5, label="w"), Value(0.0)
    for i in range(200):
        with scope("sample"):
            x = w * float(i)
            total = total + (x.tanh() if i % 2 else x.exp().sin())
    found = {node.op: node.count for node in draw(total).nodes if node.op not in ("add", "")}
    assert found == {"mul": 200, "tanh": 100, "exp": 100, "sin": 100}


def test_sums_are_one_node_with_all_their_terms() -> None:
    values = [Value(float(i)) for i in range(300)]
    drawing = draw(sum(values) * 2.0)
    (total,) = [node for node in drawing.nodes if node.op == "add"]
    assert (total.title, total.parts, total.count) == ("sum of 301 terms", 300, 1)
    assert sorted(edge.count for edge in drawing.edges if edge.target == total.name) == [1, 300]


def test_a_stack_of_copies_has_one_edge() -> None:
    w = Value(np.ones(3), label="w")
    drawing = draw(stack([(w * float(i)).tanh() for i in range(100)]).sum())
    (joined,) = [node for node in drawing.nodes if node.op == "stack"]
    assert [edge.count for edge in drawing.edges if edge.target == joined.name] == [100]


def test_a_result_with_a_label_is_never_hidden_in_a_sum() -> None:
    total = Value(0.0)
    for i in range(300):
        total = total + Value(float(i))
        if i == 150:
            total.label = "half"
    assert draw(total).find("half")[0].op == "add"


def test_small_graphs_are_drawn_whole_unless_asked() -> None:
    w = Value(2.0, label="w")
    losses = [(w * float(i)).tanh() for i in range(5)]
    assert max(node.count for node in draw(sum(losses)).nodes) == 1
    assert max(node.count for node in draw(sum(losses), fold=True).nodes) == 5


def test_the_output_is_never_folded_into_another_node() -> None:
    y = Value(1.0)
    for _ in range(500):
        y = y.sin()
    assert draw(y).nodes[0].count == 1
    assert draw(y).nodes[0].name == draw(y).picture.root == "n0"


def test_indices_and_settings_tell_operations_apart_before_they_number_steps() -> None:
    """The four gates of a cell are slices of one array, the same at all steps; the step is an index too."""
    weight, xs = Value(np.ones((7, 12)), label="W"), Value(np.ones((40, 2, 4)), label="xs")
    state = Value(np.zeros((2, 3)))
    for t in range(40):
        z = np.concatenate([xs[t], state], axis=1) @ weight
        state = z[:, :3].tanh() * z[:, 3:6].sigmoid() + z[:, 6:9].sigmoid() * z[:, 9:].tanh()
    drawing = draw(state.sum())
    assert len(drawing.nodes) < 40
    slices = [node.title for node in drawing.nodes if node.op == "getitem" and node.count >= 38 and node.title.startswith("•[:")]
    assert len(set(slices)) == 4
    powers = draw(sum((Value(1.0) ** 2.0 + Value(1.0) ** 0.5 for _ in range(50)), Value(0.0)))
    assert {node.title: node.count for node in powers.nodes if node.op == "pow"} == {"• ** 2": 50, "• ** 0.5": 50}


def test_two_models_folded_are_two_frames() -> None:
    first, second, total = nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1), Value(0.0)
    for i in range(30):
        total = total + second(np.tanh(first(np.full(2, float(i))))).sum()
    assert [(group.name, group.count) for group in draw(total).groups] == [("Linear", 30), ("Linear#2", 30)]


def test_constants_of_all_kinds_in_one_place() -> None:
    x = Value(np.ones(2))
    drawing = draw((x * np.ones(2)).sum() + (x * 1.0).sum() + (x * np.ones((3, 2))).sum(), fold=True)
    assert sum(node.count * node.parts for node in drawing.nodes) == drawing.total


# --- marks and notes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "marks"),
    [
        (Value([np.inf, -np.inf]), ("inf",)),
        (Value([np.nan, 1.0]), ("nan",)),
        (Value(-1.0).relu(), ("dead",)),
        (np.maximum(Value(-1.0), 0.0), ("dead",)),
        (np.clip(Value(0.0), -1.0, 1.0), ()),
        (np.maximum(Value(0.0), -0.0 * Value(0.0)), ()),
    ],
)
def test_marks(value: Value, marks: tuple[str, ...]) -> None:
    assert draw(value).nodes[0].marks == marks


def test_a_note_names_the_first_bad_number(tmp_path: Path) -> None:
    with np.errstate(all="ignore"):
        logs = np.log(Value([1.0, -1.0, 2.0], label="w"))
    drawing = draw((logs * 2.0).sum())
    assert drawing.picture.notes == ("the first NaN is in log(w)",)
    assert "1 of 3 nan" in drawing.source
    text = drawing.save(tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail)["nodes"][0]["data"]["mean"] == "NaN"


def test_units_that_are_zero_for_all_samples_are_dead() -> None:
    x = Value(np.array([[1.0, -1.0, -1.0], [-1.0, -1.0, 1.0]]))
    assert draw(x.relu()).nodes[0].notes == ("1 of 3 units is zero for all 2 samples",)
    images = Value(np.where(np.arange(3)[None, :, None, None] == 1, -1.0, 1.0) * np.ones((2, 3, 4, 4)))
    assert draw(images.relu()).nodes[0].notes == ("1 of 3 units is zero for all 32 samples",)


def test_gradients_that_were_not_computed_are_not_marked_as_zero() -> None:
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=1))
    for parameter in model[0].parameters():
        parameter.requires_grad = False
    loss = model(np.ones((1, 2))).sum()
    repr(loss)  # reads .grad, which creates zeros
    assert not draw(loss).picture.differentiated
    loss.backward()
    drawing = draw(loss)
    assert all("zero gradient" not in node.marks for node in drawing.nodes)
    model.zero_grad()
    assert all("zero gradient" not in node.marks for node in draw(loss).nodes)
    w = Value(0.0, label="w")
    product = w * w
    product.backward()
    assert node_of(draw(product), "w").marks == ("zero gradient",)


def test_notes_tell_what_the_gradients_are() -> None:
    h = Value(1.0) * 2.0
    (h * 3.0).backward()
    assert "the gradient of the output is 3" in draw(h).picture.notes[0]
    first, second = h * 3.0, h * 5.0
    first.backward()
    second.backward()
    assert "from several backward passes" in draw(first).picture.notes[0]

    def bad(g: Any, out: Any, x: Any) -> Any:
        raise RuntimeError("no rule")

    broken = primitive(x=bad)(lambda x: x * 2.0)
    assert "the backward pass raised RuntimeError: no rule" in draw(broken(Value(2.0)) * 3.0).picture.notes[0]
    with no_grad():
        assert "nothing was recorded" in draw(lambda x: x * 2.0, 1.0).picture.notes[0]


def test_drawing_a_function_leaves_the_given_values_unchanged() -> None:
    mine = Value(2.0)
    assert node_of(draw(lambda banana: banana * 2.0, mine), "banana").role == "leaf"
    assert mine.label == ""


def test_the_line_that_calls_draw_is_not_the_line_of_the_results() -> None:
    drawing = draw(nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh()), np.ones((2, 3)))
    assert [node.op for node in drawing.nodes if node.op] == ["tanh", "linear"]
    with record_lines():
        out = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh())(np.ones((2, 3)))
    assert [node.title for node in draw(out).nodes if node.op] == ["out = tanh", "linear(•, 0.weight, 0.bias)"]


# --- scopes ---------------------------------------------------------------------------------------


def nested() -> Value:
    x = Value(np.ones(3), label="x")
    with scope("outer"):
        y = x * 2.0
        with scope("inner"):
            z = y.tanh() + 1.0
    return z.sum()


def test_scopes_are_groups_in_groups() -> None:
    drawing = draw(nested())
    assert [(group.name, group.parent, group.nodes) for group in drawing.groups] == [
        ("outer", "", 6),
        ("outer/inner", "outer", 3),
    ]
    assert node_of(drawing, "tanh").group == "outer/inner"
    assert node_of(drawing, "tanh").place == "outer.inner"


@pytest.mark.parametrize(("depth", "scopes"), [(0, ["outer"]), (1, ["inner"]), (2, []), (9, [])])
def test_scopes_below_a_depth_are_collapsed(depth: int, scopes: list[str]) -> None:
    drawing = draw(nested(), depth=depth)
    closed = [node for node in drawing.nodes if node.role == "scope"]
    assert [node.title for node in closed] == scopes
    assert drawing.note == ("" if not scopes else drawing.note)
    assert sum(node.count for node in drawing.nodes) == drawing.total == 7
    if scopes:
        assert "collapsed 1 scope" in drawing.note
        assert len(drawing.picture.nodes) == 7  # the contents of scopes are kept for the page
        names = {node.name for node in drawing.nodes}
        assert all(edge.source in names and edge.target in names for edge in drawing.edges)


def test_as_few_scopes_are_collapsed_as_the_budget_needs() -> None:
    y = Value(np.ones(3), label="x")
    for name in ("first", "second", "third"):
        with scope(name):
            for function in ("sin", "cos", "tanh", "exp"):
                y = getattr(y, function)()
    assert [node.role for node in draw(y, max_nodes=20).nodes].count("scope") == 0
    drawing = draw(y, max_nodes=5, fold=False)
    assert [node.title for node in drawing.nodes if node.role == "scope"] == ["third", "second", "first"]


def test_two_calls_of_a_module_are_two_groups_where_nothing_is_folded() -> None:
    layer = nn.Linear(3, 3, rng=0)
    drawing = draw(layer(layer(np.ones((2, 3)))).sum())
    assert [group.name for group in drawing.groups] == ["Linear", "Linear~2"]
    assert node_of(drawing, "weight").group == ""  # shared by both


def test_a_scope_between_two_modules_keeps_their_names() -> None:
    class Cell(nn.Module):
        def __init__(self) -> None:
            self.gates, self.predict = nn.Linear(3, 3, rng=0), nn.Linear(3, 1, rng=1)

        def forward(self, x: Any) -> Any:
            with scope("step"):
                return self.predict(self.gates(x))

    drawing = draw(Cell()(np.ones((2, 3))))
    assert [group.name for group in drawing.groups] == ["Cell", "Cell/step", "Cell/step/gates", "Cell/step/predict"]
    assert {node.place for node in drawing.nodes if node.op} == {"Cell.step.gates", "Cell.step.predict"}


def test_thousands_of_nested_scopes() -> None:
    x = Value(1.0)
    scopes = [scope(f"level {level}") for level in range(3000)]
    for each in scopes:
        each.__enter__()
    y = x * 2.0
    for each in reversed(scopes):
        each.__exit__()
    assert y.place is not None
    assert str(y.place).startswith("level 0.level 1.")
    drawing = draw(y)
    assert drawing.total == 3
    assert drawing.text
    assert drawing.source


# --- names ----------------------------------------------------------------------------------------


def test_parameters_are_found_by_their_paths() -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))
    drawing = draw(model(np.ones((2, 3))).sum())
    assert drawing.find("0.weight")[0].shape == (4, 3)
    assert drawing.find("0.weight")[0].group == "Sequential/0"
    assert len([node for node in drawing.find("weight") if not node.op]) == 2
    assert drawing.find("nothing like it") == ()


def test_two_models_keep_their_parameters_apart() -> None:
    teacher, student = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)
    names = {name for node in draw((teacher(np.ones(2)) - student(np.ones(2))).sum()).nodes for name in node.names}
    assert names == {"Linear.weight", "Linear.bias", "Linear#2.weight", "Linear#2.bias"}


def test_parameters_that_never_reach_the_loss_are_marked() -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))
    hidden = model[0](np.ones((2, 3))).sum()
    drawing = draw(hidden, parameters=model)
    lost = [node for node in drawing.nodes if node.role == "unreached"]
    assert [node.title for node in lost] == ["2.weight", "2.bias"]
    assert all(node.marks == ("unreached",) for node in lost)
    assert drawing.total == 5  # x, weight, bias, linear and sum; lost parameters are not part of the graph
    with pytest.raises(TypeError, match=r"parameters=\.\.\.\) takes a module or a dict, list or tuple of Values .* but got list"):
        draw(hidden, parameters=[])


def test_unused_parts_of_a_module_are_marked_by_default() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.used, self.unused = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)

        def forward(self, x: Any) -> Any:
            return self.used(x)

    drawing = draw(Forgetful(), np.ones((3, 2)))
    assert [node.title for node in drawing.nodes if node.role == "unreached"] == ["unused.weight", "unused.bias"]


def test_a_dict_of_values_gives_names() -> None:
    p = {"w": Value(np.ones((2, 2))), "b": Value(0.5)}
    drawing = draw((p["w"] * 2.0 + p["b"]).sum(), parameters=p)
    assert {node.title for node in drawing.nodes if node.role == "leaf"} == {"w", "b"}


def test_variables_and_source_lines_where_places_are_recorded() -> None:
    x = Value(2.0, label="x")
    with record_lines():
        hidden = x * 3.0
        hidden += 1.0
        out = tanh(hidden) - hidden * (x + 0.5)  # over two lines
    drawing = draw(out)
    titles = [node.title for node in drawing.nodes]
    assert {"out = • - •", "hidden = hidden + 1", "hidden = x * 3"} <= set(titles)
    assert node_of(drawing, "tanh(hidden)").source == "tanh(hidden)"
    assert node_of(drawing, "x + 0.5").source == "x + 0.5"
    assert node_of(drawing, "tanh(hidden)").line.startswith("test_folding.py:")
    assert drawing.find("hidden")[0].op in ("add", "mul")


# --- functions ------------------------------------------------------------------------------------


def test_a_function_is_called_with_values_named_after_its_parameters() -> None:
    def loss(w: Any, x: Any, labels: Any) -> Any:
        assert isinstance(labels, np.ndarray)
        scores = x @ w["weight"] + w["bias"]
        return scores.log_softmax()[np.arange(2), labels].mean()

    w = {"weight": np.eye(3), "bias": 0.5}
    drawing = draw(loss, w, np.ones((2, 3)), np.array([0, 2]))
    assert {node.title for node in drawing.nodes if node.role == "leaf"} == {"x", "w['weight']", "w['bias']"}
    assert drawing.find("scores")[0].title == "scores = • + w['bias']"
    assert drawing.picture.differentiated
    assert node_of(drawing, "x").grad is not None


def test_drawing_a_model_touches_no_gradient() -> None:
    model = nn.Linear(3, 2, rng=0)
    drawing = draw(model, np.ones((4, 3)))
    assert all(getattr(p, "_grad", None) is None for p in model.parameters())
    assert drawing.picture.notes == ("the output is an array: its gradient is assumed to be ones, as for its sum",)
    weight = node_of(drawing, "weight")
    assert weight.grad is not None
    assert weight.grad.values == (4.0,) * 6


def test_functions_that_return_no_value_are_an_error() -> None:
    with pytest.raises(TypeError, match=r"the function returned float and no Value: its inputs become Values"):
        draw(lambda x: 2.0, 1.0)
    with no_grad():
        assert draw(lambda x: x * 2.0, 1.0).total == 1


# --- what pictures claim, counted again -----------------------------------------------------------


def walked(root: Value) -> list[Value]:
    """Return all Values of a graph, found without the code under test."""
    found, todo = {}, [root]
    while todo:
        value = todo.pop()
        if id(value) not in found:
            found[id(value)] = value
            todo += inputs_of(value)
    return list(found.values())


def network_of_scalars() -> Value:
    return moons(3)[1]


def network_of_blocks() -> Value:
    blocks = [nn.Sequential(nn.Linear(6, 6, rng=i), nn.ReLU()) for i in range(6)]
    blocks[2][0].bias.data = np.where(np.arange(6) < 2, -100.0, 0.0)
    return nn.Sequential(*blocks)(np.random.default_rng(0).normal(size=(20, 6))).sum()


def vectors_one_by_one() -> Value:
    model = nn.Sequential(nn.Linear(3, 8, rng=0), nn.ReLU())
    model[0].bias.data = np.where(np.arange(8) < 3, -100.0, 5.0)
    return sum(model(row).sum() for row in np.random.default_rng(0).normal(size=(20, 3)))  # type: ignore[return-value]


def loop_with_bad_numbers() -> Value:
    x, h = Value(np.array([1.0, 0.0, -1.0]), label="x"), Value(np.ones(3), label="h")
    for step in range(30):
        with scope(f"step {step}"):
            h = (h * 0.5 + x) / (x if step == 17 else 2.0)
    return h.sum()


def shared_layer() -> Value:
    layer = nn.Linear(4, 4, rng=0)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.ReLU())(np.random.default_rng(0).normal(size=(5, 4))).mean()


@pytest.mark.parametrize("max_nodes", [12, 40, 5000])
@pytest.mark.parametrize("make", [network_of_scalars, network_of_blocks, vectors_one_by_one, loop_with_bad_numbers, shared_layer])
def test_counts_shapes_and_numbers_of_a_picture_are_those_of_the_graph(make: Any, max_nodes: int) -> None:
    with np.errstate(all="ignore"):
        root = make()
        root.backward()
        drawing = draw(root, max_nodes=max_nodes)
    values, nodes = walked(root), drawing.picture.nodes
    assert not any(node.role == "cut" for node in nodes)  # nothing is left out in these
    for role, wanted in (("leaf", True), ("frozen", False)):
        leaves = [value for value in values if value.op is None and value.requires_grad is wanted]
        assert sum(node.count for node in nodes if node.role == role) == len(leaves)
    operations = Counter(value.op.name for value in values if value.op is not None)
    assert operations == {name: sum(n.count * n.parts for n in nodes if n.op == name) for name in operations}
    for name in operations:
        found = [node for node in nodes if node.op == name]
        if any(node.parts > 1 for node in found):  # a sum shows its last result
            continue
        made = [value for value in values if value.op is not None and value.op.name == name]
        for what, arrays in (("data", [value.data for value in made]), ("grad", [value.grad for value in made])):
            numbers = np.concatenate([np.ravel(array) for array in arrays])
            summaries = [getattr(node, what) for node in found]
            assert sum(s.size for s in summaries) == numbers.size
            assert sum(s.zeros for s in summaries) == (numbers == 0.0).sum()
            assert sum(s.nans for s in summaries) == np.isnan(numbers).sum()
            assert sum(s.bad for s in summaries) == (~np.isfinite(numbers)).sum()
            np.testing.assert_equal(np.sort([s.minimum for s in summaries])[0], numbers.min())
            np.testing.assert_allclose(sum(s.norm**2 for s in summaries), (numbers**2).sum(), rtol=1e-9)
        assert {node.shape for node in found} == {value.shape for value in made}
        assert {node.dtype for node in found} == {str(value.dtype) for value in made}
    first = next((note for note in drawing.picture.notes if note.startswith("the first NaN")), "")
    assert bool(first) == any(np.isnan(value.data).any() for value in values)


@pytest.mark.parametrize("max_nodes", [9, 200])
def test_dead_units_are_counted_module_by_module_also_where_modules_are_drawn_as_one(max_nodes: int) -> None:
    root = network_of_blocks()
    hidden = [value for value in walked(root) if value.op is not None and value.op.name == "relu"]
    dead = sum(int((value.data.max(axis=0) <= 0.0).sum()) for value in hidden)
    notes = [note for node in draw(root, max_nodes=max_nodes).picture.nodes if node.op == "relu" for note in node.notes]
    found = [re.fullmatch(r"(\d+) of (\d+) units? (?:is|are) zero for all 20 samples", note) for note in notes]
    assert sum(int(one[1]) for one in found if one) == dead == 11
    if max_nodes == 9:
        assert notes == ["11 of 36 units are zero for all 20 samples"]
    (vector,) = [node for node in draw(vectors_one_by_one(), fold=True).nodes if node.op == "relu"]
    assert vector.notes == ("3 of 8 units are zero for all 20 samples",)


def test_a_scope_of_one_node_is_not_a_folded_pattern() -> None:
    value = Value(1.0, label="a")
    for name in "abc":
        with scope(name):
            value = value.tanh()
    total = value + 1.0 + 2.0 + 3.0
    assert draw(total, depth=0, fold=True).note == "showing 5 nodes of 10: folded 2 patterns, collapsed 3 scopes"


def test_json_has_strings_for_nan_and_infinity() -> None:
    x = Value([1.0, 0.0, -1.0], label="x")
    with np.errstate(all="ignore"):
        out = (np.log(x) / x).sum()
        out.backward()
    found = draw(out).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    (node,) = [node for node in found["nodes"] if node.get("op") == "log"]
    assert [float(number) for number in node["data"]["values"]] == pytest.approx([0.0, -np.inf, np.nan], nan_ok=True)
    assert found["notes"][-2:] == ["the first infinity is in log(x)", "the first NaN is in log(x)"]


# --- several outputs ------------------------------------------------------------------------------


def outputs(drawing: Drawing) -> list[str]:
    """Return the titles of the output nodes."""
    return [drawing.picture.by_name[name].title for name in drawing.picture.outputs]


def test_several_outputs_are_one_picture_without_nodes_that_are_not_in_the_graph() -> None:
    a = Value(2.0, label="a")
    drawing = draw([a * 2.0, a * 3.0])
    assert outputs(drawing) == ["output 0 = a * 2", "output 1 = a * 3"]
    assert [node.title for node in drawing.nodes] == ["output 0 = a * 2", "2", "output 1 = a * 3", "3", "a"]
    assert (drawing.total, drawing.picture.edges_total, len(drawing.edges), drawing.note) == (5, 4, 4, "")
    assert drawing.find("output 1")[0].title == "output 1 = a * 3"
    assert drawing.source.count("#fdebd0") == 2  # both are orange
    assert drawing.mermaid.count(":::output") == 2
    assert drawing.text.count("output\n") == 2
    assert drawing.to_json()["outputs"] == [node.name for node in drawing.nodes if "output" in node.title]


@dataclass
class Losses:
    total: Any
    penalty: Any


class Named(NamedTuple):
    loss: Any
    accuracy: float


def test_outputs_are_named_as_in_a_dict_a_tuple_or_a_dataclass() -> None:
    x = Value(2.0, label="x")
    y = x * 3.0
    y.label = "tripled"
    assert outputs(draw({"y": y, "z": x.tanh()})) == ["tripled = x * 3", "z = tanh(x)"]
    assert draw({"y": y, "z": x.tanh()}).find("y")[0].title == "tripled = x * 3"
    assert outputs(draw(Losses(y * 1.0, x * x))) == ["total = tripled * 1", "penalty = x * x"]
    assert outputs(draw((y + x, {"deep": [x.exp()]}))) == ["output 0 = tripled + x", "output[1]['deep'][0] = exp(x)"]
    assert outputs(draw((y, x))) == ["tripled = x * 3", "x"]  # a leaf, too
    assert outputs(draw([y, y])) == []  # the same output twice counts once
    drawing = draw(lambda x: Named((x * x).sum(), 0.5), np.ones(3))
    assert (drawing.nodes[0].title, drawing.picture.notes) == ("sum", ("1 output is not a Value and is not drawn",))


def test_gradients_of_several_outputs_are_those_of_their_sum() -> None:
    def f(x: Any, w: Any) -> Any:
        h = x @ w
        return {"hidden": h, "loss": (h * h).sum()}

    x, w = np.array([[1.0, -2.0]]), np.array([[0.5, 1.0, 2.0], [0.25, -1.0, 3.0]])
    drawing = draw(f, x, w)
    assert drawing.picture.notes[0] == "gradients are those of the sum of the 2 outputs, and of all their elements"
    found, h = drawing.find("w")[0], x @ w
    assert found.grad is not None
    assert found.grad.values == tuple((x.T @ (1.0 + 2.0 * h)).ravel().tolist())  # d(sum(h) + sum(h * h)) / dw
    hidden = drawing.find("hidden")[0]
    assert hidden.grad is not None and hidden.grad.values == tuple((1.0 + 2.0 * h).ravel().tolist())
    assert hidden.seed is not None and hidden.seed.values == (1.0, 1.0, 1.0)


def test_gradients_of_an_earlier_backward_are_shown_as_they_are() -> None:
    a = Value(3.0, label="a")
    hidden = a * 2.0
    loss, other = hidden * hidden, a * 5.0
    loss.backward()
    drawing = draw([hidden, loss])
    grads = {node.title: node.grad.mean for node in drawing.nodes if node.grad is not None and node.role != "constant"}
    assert grads == {"output 1 = output 0 * output 0": 1.0, "output 0 = a * 2": 12.0, "a": 24.0}
    assert drawing.picture.notes == ()
    notes = draw([loss, other]).picture.notes
    assert notes == ("gradients are those of 1 output: backward() was not called on the others",)
    other.backward()
    assert draw([loss, other]).picture.notes == ()  # of both together: 24 + 5 at a


def test_only_similar_outputs_are_folded() -> None:
    layer = nn.Linear(2, 3, rng=0)
    xs = np.random.default_rng(0).normal(size=(40, 1, 2))
    hs = [layer(x).relu() for x in xs]
    drawing = draw({"each": hs, "all": sum(hs)}, max_nodes=10)
    counted = {node.title: node.count * node.parts for node in drawing.nodes if node.role == "computed"}
    assert counted == {"all = sum of 41 terms": 40, "output['each'][*] = relu": 40, "linear": 40}  # 0 + the first
    assert len(drawing.picture.outputs) == 2
    kept = draw([h * 2.0 for h in hs], fold=False, max_nodes=7)
    assert len([node for node in kept.nodes if node.role != "cut"]) == 7
    assert kept.note.startswith("showing 7 nodes of ")


def test_a_leaf_that_is_used_elsewhere_is_neither_added_nor_removed() -> None:
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    change = draw(x - y).compare(draw(y - x))
    assert change.picture.notes == ("4 edges added or removed",)
    assert not any(node.marks for node in change.nodes)
    change = draw(x - y.exp()).compare(draw(y - x))
    assert change.picture.notes == ("1 node removed",)
    assert [node.title for node in change.nodes if node.marks] == ["exp(y)"]


def test_a_note_tells_of_gradients_that_were_changed() -> None:
    w = Value([3.0, 4.0], label="w")
    loss = (w * 2.0).sum()
    loss.backward()
    assert draw(loss).picture.notes == ()
    nn.clip_grad_norm([w], 0.1)
    assert "from several backward passes, or clipped or changed since" in draw(loss).picture.notes[0]


def test_several_outputs_are_compared() -> None:
    x = Value(2.0, label="x")
    change = draw([x * 2.0, x.tanh()]).compare(draw([x * 2.0, x.tanh(), x.exp()]))
    assert change.picture.notes[0] == "1 node added"
    assert [node.title for node in change.nodes if node.marks] == ["output 2 = exp(x)"]


def test_drawing_outputs_needs_values() -> None:
    for nothing in ([], {}, [1.0, np.ones(2)], (None,)):
        with pytest.raises(TypeError, match=rf"but found none in this {type(nothing).__name__}"):
            draw(nothing)
    with pytest.raises(TypeError, match="takes no inputs"):
        draw([Value(1.0)], 2.0)
    with no_grad():  # the picture itself needs no recording
        x = Value(1.0, label="x")
        assert len(draw([x, Value(2.0)]).nodes) == 2


# --- failures -------------------------------------------------------------------------------------


def test_the_graph_up_to_the_operation_that_failed() -> None:
    def f(x: Any, w: Any) -> Any:
        h = (x @ w).tanh()
        return h @ w

    with pytest.raises(ValueError, match="matmul") as caught:
        draw(f, np.ones((2, 3)), np.ones((3, 4)))
    assert caught.value.__notes__ == ["draw(error) draws the graph up to the operation that failed"]
    drawing = draw(caught.value)
    first = drawing.nodes[0]
    assert (first.role, first.title, first.source) == ("failed", "h @ w", "return h @ w")
    assert first.line.startswith("test_folding.py:")
    assert "(2, 4), (3, 4)" in first.notes[0]
    assert "Fix:" in first.notes[0]
    assert [node.title for node in drawing.nodes[1:]] == ["h = tanh", "x @ w", "w", "x"]
    assert "h @ w failed, at test_folding.py:" in drawing.picture.notes[0]


@pytest.mark.parametrize(
    ("fail", "title"),
    [
        (lambda x: x + np.ones(5), "x + •"),
        (lambda x: concatenate([x, x.reshape(1, 3)]), "concatenate"),
        (lambda x: x.reshape(7), "reshape"),
        (lambda x: (x * 2.0)[10], "getitem"),
        (lambda x: x.sum().nothing, "AttributeError in <lambda>"),
    ],
)
def test_failures_of_all_kinds(fail: Any, title: str) -> None:
    x = Value(np.ones(3), label="x")
    with pytest.raises((ValueError, IndexError, AttributeError)) as caught:  # other tests check the messages
        fail(x)
    drawing = draw(caught.value)
    assert drawing.nodes[0].role == "failed"
    assert drawing.nodes[0].title == title or drawing.nodes[0].title.startswith(title)
    assert drawing.find("x")
    assert drawing.text
    assert drawing.source


def test_the_values_of_an_earlier_exception_are_found() -> None:
    def f(x: Any) -> Any:
        return x @ np.ones((5, 5))

    x = Value(np.ones(2), label="x")
    with pytest.raises(RuntimeError) as caught:
        try:
            f(x)
        except ValueError as error:
            raise RuntimeError("wrapped") from error
    assert draw(caught.value).nodes[0].title == "x @ •"
    with pytest.raises(np.linalg.LinAlgError) as caught_in_numpy:
        np.linalg.cholesky(Value(-np.eye(2), label="k"))
    assert draw(caught_in_numpy.value).nodes[0].line.startswith("test_folding.py:")


def raised(fail: Any) -> BaseException:
    """Return the exception that a function raises."""
    try:
        fail()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def test_a_picture_of_an_error_names_the_error_and_nan_only_if_there_is_one() -> None:
    x, n = Value(np.ones((2, 3)), label="x"), Value(np.array([np.nan, 1.0, 2.0]), label="n")
    s = Value(0.0, label="s")

    def stale() -> None:
        out = (x * x).sum()
        x.data = 2.0 * x.data
        out.backward()

    def unlucky() -> Any:
        doubled = x * 2.0
        return {"doubled": doubled}["tripled"]

    def undefined() -> None:
        with debug():
            ((x.sum() * 0.0) ** 0.5).backward()

    def overflow() -> Any:
        with np.errstate(all="raise"):
            return 1.0 / s

    for fail, kind, title, text in (
        (lambda: (x * 2.0) @ x, ValueError, "• @ x", "cannot take the shapes (2, 3), (2, 3)"),
        (lambda: x + "3", TypeError, "add", "a string: '3'"),
        (lambda: x.reshape(4, 4), ValueError, "reshape", "cannot reshape"),
        (lambda: np.linalg.inv(Value(np.zeros((2, 2)))), np.linalg.LinAlgError, "inv", "Singular matrix"),
        (overflow, FloatingPointError, "1 / s", "divide by zero"),
        (undefined, FloatingPointError, "the rule of mul", "is nan, but its inputs and cotangent are not"),
        (stale, ValueError, "ValueError in backward()", "changed after"),
        (unlucky, KeyError, "KeyError in unlucky", "'tripled'"),
    ):
        error = raised(fail)
        assert isinstance(error, kind), (title, error)
        picture = draw(error).picture
        first = picture.nodes[0]
        assert (first.role, first.title[: len(title)], first.data, first.marks) == ("failed", title, None, ()), title
        assert f"{kind.__name__}: " in first.notes[0]
        assert text in first.notes[0]
        assert text in picture.notes[0]
        assert kind.__name__ in picture.notes[0]
        assert not any("first NaN" in note or "first infinity" in note for note in picture.notes), title
    picture = draw(raised(lambda: (n * 2.0) @ np.ones((5, 5)))).picture
    assert picture.notes[1] == "the first NaN is in n"  # it is among the operands


def test_a_failed_sum_is_not_part_of_the_sums_before_it() -> None:
    a = Value(1.0, label="a")
    picture = draw(raised(lambda: a + a + a + "3"), fold=True).picture
    assert [node.role for node in picture.nodes] == ["failed", "computed", "leaf"]
    assert picture.nodes[1].title == "sum of 3 terms"


def test_a_failed_layer_shows_its_parameters_and_not_those_of_later_layers() -> None:
    model = nn.Sequential(nn.Linear(4, 8, rng=0), nn.Linear(6, 2, rng=0), nn.Linear(2, 1, rng=0))
    drawing = draw(raised(lambda: model(np.ones((5, 4)))))
    assert drawing.nodes[0].title == "ValueError in Linear"
    assert {node.title for node in drawing.nodes if node.role == "leaf"} == {"0.weight", "0.bias", "1.weight", "1.bias"}
    assert not drawing.find("2.weight")
    alone = draw(raised(lambda: nn.Conv2d(3, 4, 3, rng=0)(Value(np.ones((1, 2, 8, 8)), label="images"))))
    assert {node.title for node in alone.nodes} == {"ValueError in Conv2d", "images", "weight", "bias"}


def test_an_error_in_user_code_names_the_function() -> None:
    class Net(nn.Module):
        def forward(self, x: Any) -> Any:
            hidden = x * 2.0
            assert hidden.shape == (3,), "three features"
            return hidden

    x = Value(np.ones(2), label="x")
    picture = draw(raised(lambda: Net()(x))).picture
    assert picture.nodes[0].title == "AssertionError in Net.forward"
    assert ": three features" in picture.notes[0]
    assert {"x", "x * 2"} <= {node.title for node in picture.nodes}


def test_an_error_that_led_to_another_is_named_first() -> None:
    x = Value(np.ones((2, 3)), label="x")

    def wrapped() -> None:
        try:
            x @ x
        except ValueError as error:
            raise RuntimeError("layer 3 does not fit") from error

    def replaced() -> None:
        try:
            x @ x
        except ValueError:
            raise RuntimeError("something else") from None

    text = draw(raised(wrapped)).picture.notes[0]
    assert text.startswith("x @ x failed, at test_folding.py:")
    assert text.index("ValueError: matmul()") < text.index("; then RuntimeError: layer 3 does not fit")
    note = draw(raised(replaced)).picture.notes[0]
    assert note.startswith("RuntimeError in replaced, at ")
    assert note.endswith(": something else")


def test_an_exception_without_values_cannot_be_drawn() -> None:
    with pytest.raises(
        ValueError, match="the traceback of KeyError holds none: pass the exception that a computation with Values raised"
    ):
        draw(KeyError("x"))


# --- comparisons ----------------------------------------------------------------------------------


def marked(drawing: Drawing, mark: str) -> list[str]:
    return [node.title for node in drawing.nodes if mark in node.marks]


def test_a_graph_compared_with_itself_shows_no_difference() -> None:
    _, loss = moons(2)
    same = draw(loss).compare(draw(loss))
    assert same.picture.notes == ("no difference in structure",)
    assert not any(marked(same, mark) for mark in ("added", "removed", "changed"))


def test_rewiring_is_a_difference() -> None:
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    assert draw((a - b) * a).compare(draw((a - b) * b)).picture.notes == ("2 edges added or removed",)


def test_a_number_is_in_the_formula_only_if_all_copies_have_it() -> None:
    w = Value(0.5)
    drawing = draw(sum(label * w.tanh() for label in (-1.0, 1.0, 1.0, -1.0)), fold=True)
    assert {node.title for node in drawing.nodes if node.op == "mul"} == {"• * •"}


def test_gradients_that_have_accumulated_are_noted() -> None:
    w = Value(2.0, label="w")
    for _ in range(3):
        loss = w * w
        loss.backward()
    assert "from several backward passes" in draw(loss).picture.notes[0]


def test_lost_parameters_and_dots_are_not_differences() -> None:
    x, lost = Value(2.0, label="x"), Value(1.0, label="lost")
    drawing = draw(x * x, parameters={"x": x, "lost": lost})
    assert drawing.compare(drawing).picture.notes == ("no difference in structure",)
    short = draw(x.sin().cos().tanh().exp(), max_nodes=3, fold=False)
    assert short.compare(short).picture.notes == ("no difference in structure",)
    assert draw(x * x, parameters={"x": x, "lost": lost}, max_nodes=2).picture.notes == ("1 unreached parameter left out",)


def test_added_removed_and_changed_nodes_are_marked() -> None:
    before = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
    after = nn.Sequential(nn.Linear(3, 6, rng=0), nn.ReLU(), nn.Linear(6, 2, rng=1))
    change = draw(before, np.ones((5, 3))).compare(draw(after, np.ones((5, 3))))
    assert marked(change, "added") == ["relu"]
    assert marked(change, "removed") == ["tanh"]
    assert set(marked(change, "changed")) == {"linear(x, 0.weight, 0.bias)", "0.weight", "0.bias", "2.weight"}
    assert change.picture.notes[0] == "1 node added, 1 node removed, 4 nodes changed"
    assert "shape was (4, 3), now (6, 3)" in change.find("0.weight")[0].notes
    assert {edge.marks for edge in change.edges} == {(), ("added",), ("removed",)}
    names = {node.name for node in change.picture.nodes}
    assert len(names) == len(change.picture.nodes)
    assert all(edge.source in names and edge.target in names for edge in change.picture.edges)
    assert {node.group for node in change.picture.nodes} <= {group.name for group in change.picture.groups} | {""}


def test_settings_and_constants_are_compared_and_data_is_not() -> None:
    def graph(data: float, factor: float, axis: int) -> Drawing:
        return draw((Value(np.full((2, 3), data), label="x") * factor).sum(axis=axis))

    assert graph(1.0, 2.0, 0).compare(graph(9.0, 2.0, 0)).picture.notes == ("no difference in structure",)
    assert marked(graph(1.0, 2.0, 0).compare(graph(1.0, 3.0, 0)), "changed") == ["3"]
    assert marked(graph(1.0, 2.0, 0).compare(graph(1.0, 2.0, 1)), "changed") == ["sum(axis=1)"]
    with pytest.raises(TypeError, match=r"takes another Drawing, but got Value: draw\(before\).compare\(draw\(after\)\)"):
        graph(1.0, 2.0, 0).compare(Value(1.0))  # type: ignore[arg-type]

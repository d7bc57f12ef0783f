"""The small demos run in their quick form, write the files that they list, and compute the numbers of the articles."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import nn
from demos import gradient_descent, neuron, perceptron, worked_example
from tests.demos.test_demos import check_files, run

pytestmark = pytest.mark.filterwarnings("default:.*the graph as text:UserWarning")  # without Graphviz


def test_gradient_descent_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(gradient_descent.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert re.search(r"^ +0 +5 +10 +8 +8 +5$", before, re.MULTILINE)
    assert re.search(r"^ +1 +4.2 +8.4 +2.88 +4.8 +4.2$", before, re.MULTILINE)
    assert last_lines[0] == "weight after 10 steps: 3.012 (baseline: 5 before the first; 3 is the best)"
    check_files(last_lines, tmp_path, {"descent", "rates", "graph"})


def test_gradient_descent_with_one_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, last_lines = run(gradient_descent.main, ["--epochs", "1", "--out", str(tmp_path)], capsys)
    assert last_lines[0].startswith("weight after 1 steps: 4.200 ")


@pytest.mark.parametrize("rate, factor", [(0.1, 0.6), (0.25, 0.0), (0.45, -0.8), (0.53, -1.12)])
def test_the_rate_determines_the_factor(rate: float, factor: float) -> None:
    weights = [step.weight for step in gradient_descent.descend(6, rate)]
    np.testing.assert_allclose(weights, [3.0 + 2.0 * factor**k for k in range(7)], atol=1e-12)


def test_worked_example_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--quick", "--epochs", "100", "--out", str(tmp_path / "new" / "folder")]
    before, last_lines = run(worked_example.main, arguments, capsys)
    assert "RECONSTRUCTED" in before and "Matt Mazur" in before
    assert re.search(r"^ +δ_o1 +-0.098431147 +-0.098431147 +-0.0984$", before, re.MULTILINE)
    assert "after one step 0.312399612" in before and "after one step 0.291027774" in before
    assert last_lines[0] == "loss of the articles' example after one step: 0.312 (baseline: 0.316, before it)"
    names = {f"{name}_{kind}" for name in ("article", "mazur") for kind in ("graph", "numbers")}
    check_files(last_lines, tmp_path / "new" / "folder", names | {"losses"})


@pytest.mark.parametrize("example", [worked_example.ARTICLE, worked_example.MAZUR], ids=lambda example: example.name)
def test_by_hand_by_graph_and_as_printed(example: worked_example.Example) -> None:
    hand, graph = worked_example.by_hand(example), worked_example.by_graph(example)
    assert list(hand) == list(dict.fromkeys(hand)) and set(hand) == set(graph)
    assert worked_example.largest_difference(example) < 1e-15
    for name, number in example.printed.items():
        digits = len(number.partition(".")[2])
        assert round(graph[name], digits) == float(number)
    first, second = worked_example.train(example, 1)  # layers on arrays
    assert first == pytest.approx(hand["E"], rel=1e-14)
    assert second == pytest.approx({"article": 0.312400, "mazur": 0.291028}[example.name], abs=5e-7)


def test_neuron_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(neuron.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert "26 parameters" in before
    assert last_lines[0] == "output of the edge detector for a sum of 12: 0.881 (baseline: 0.500, for a sum of 10)"
    check_files(last_lines, tmp_path, {"neuron", "edge_detector", "network_left_to_right", "network_bottom_to_top"})


def test_the_edge_detector_by_hand() -> None:
    images = neuron.small_images()
    sums, answers = neuron.answers(np.stack(list(images.values())))
    np.testing.assert_allclose(sums, [32, 12, 10, 8, 0, 0, -32, 0], atol=1e-12)
    np.testing.assert_allclose(answers[1:4], [0.8808, 0.5, 0.1192], atol=5e-5)
    assert neuron.edge_detector().bias.data[0] == -10.0


def test_the_edge_detector_slides() -> None:
    image = np.zeros((28, 28))
    image[14:18, 6:20] = 1.0
    found = neuron.slide(image)
    assert found.shape == image.shape
    assert np.unravel_index(found.argmax(), found.shape)[0] == 16  # the middle of the bar
    assert found[16, 8:18].min() > 0.999 and found[:10].max() < 0.01


def test_perceptron_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, last_lines = run(perceptron.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert re.fullmatch(r"accuracy on moons, circles and XOR: [01]\.\d{3} \(baseline: 0\.\d{3}, the perceptron\)", last_lines[0])
    check_files(last_lines, tmp_path, {"boundaries", "mistakes"})


def test_rosenblatts_rule_is_gradient_descent_on_the_missing_margin() -> None:
    """Where the prediction is wrong, the loss is minus label times score, and its gradient minus label times input."""
    rng = np.random.default_rng(0)
    points, labels = perceptron.datasets(40, rng)["moons"]
    model = nn.Linear(2, 1, rng=0)
    weights = np.append(model.weight.data[0], model.bias.data)
    optimizer = nn.SGD(model.parameters(), lr=1.0, guards=False)
    for point, label in zip(points, labels.tolist(), strict=True):
        item = np.append(point, 1.0)
        weights = weights + (label - nn.step(item @ weights)) * item
        optimizer.zero_grad()
        ((1 - 2 * label) * model(point)).relu().sum().backward()
        optimizer.step()
        np.testing.assert_allclose(np.append(model.weight.data[0], model.bias.data), weights, atol=1e-12)


def test_the_hidden_space_has_the_boundary_at_zero() -> None:
    rng = np.random.default_rng(0)
    points, labels = perceptron.datasets(100, rng)["circles"]
    model, _ = perceptron.train(points, labels, 50, rng)
    seen, scores = perceptron.hidden_space(model, points), perceptron.scores_of(model, points)
    np.testing.assert_allclose(seen[:, 0] * np.linalg.norm(model[2].weight.data), scores, atol=1e-12)


def test_the_perceptron_stops_where_a_line_is_enough() -> None:
    rng = np.random.default_rng(0)
    data = perceptron.datasets(200, rng)
    _, clouds = perceptron.perceptron(*data["two clouds"], 50, rng)
    assert clouds[-1] == 0 and len(clouds) < 50
    for name in "moons", "circles", "XOR":
        _, mistakes = perceptron.perceptron(*data[name], 20, rng)
        assert len(mistakes) == 20 and min(mistakes) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_hidden_layer_separates_what_a_line_cannot(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(perceptron.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    table = re.findall(r"^(\D+?) +(\d\.\d{3}) +(\d\.\d{3})$", before.rpartition("network\n")[2], re.MULTILINE)
    rows = {name: (float(line), float(network)) for name, line, network in table}
    assert set(rows) == {"two clouds", "moons", "circles", "XOR"}
    assert min(rows["two clouds"]) > 0.98
    for name, most in ("moons", 0.92), ("circles", 0.72), ("XOR", 0.8):
        line, network = rows[name]
        assert line < most and network > 0.96
    assert float(re.findall(r"\d\.\d+", last_lines[0])[0]) > 0.98

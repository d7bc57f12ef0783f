"""Networks are drawn as regular grids: neurons in order, straight lines, and weights that do not overlap."""

import itertools
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from autograd.drawing.network import network_picture
from autograd.drawing.write.grid import DISC, Grid, grid_of
from autograd.drawing.write.render import executable, rendered
from nn import MLP, Linear, ReLU, Sequential

MODELS = {
    "3-4-2": lambda: MLP(3, [4, 2], rng=0),
    "1-30": lambda: Linear(1, 30, rng=0),
    "5-5-1": lambda: MLP(5, [5, 1], rng=0),
    "784-16-10": lambda: Sequential(Linear(784, 16, rng=0), ReLU(), Linear(16, 10, rng=1)),
    "nan": lambda: [[[np.nan, 0.0], [np.inf, -1e-9]]],
}
cases = pytest.mark.parametrize(("name", "direction"), list(itertools.product(MODELS, ["LR", "BT"])))


@cases
def test_layers_run_along_the_direction_and_neurons_across_in_order(name, direction):
    grid = Grid.of(network_picture(MODELS[name]()), direction)
    for number, column in enumerate(grid.columns):
        places = [grid.points[node.name] for node in column]
        along, across = zip(*(place if direction == "LR" else place[::-1] for place in places), strict=True)
        assert along == (number * grid.gap,) * len(column)
        assert list(across) == sorted(across, reverse=direction == "LR")  # y grows upwards
        assert sum(across) == pytest.approx(0.0, abs=1e-9)  # in the middle


@cases
def test_nothing_overlaps(name, direction):
    picture = network_picture(MODELS[name]())
    grid = Grid.of(picture, direction)
    discs = list(grid.points.values())
    assert all(np.hypot(x - other_x, y - other_y) > DISC for (x, y), (other_x, other_y) in itertools.combinations(discs, 2))
    labels = [grid.point_on(edge) for edge in picture.edges if edge.label]
    for (x, y), (other_x, other_y) in itertools.combinations(labels, 2):
        assert abs(y - other_y) > 0.14 or abs(x - other_x) > 0.35
    for (x, y), (disc_x, disc_y) in itertools.product(labels, discs):
        assert np.hypot(x - disc_x, y - disc_y) > DISC / 2 + 0.1


@cases
@pytest.mark.skipif(executable() is None, reason="needs Graphviz")
def test_the_picture_has_every_neuron_line_and_weight(name, direction):
    picture = network_picture(MODELS[name](), title="A network & its title")
    root = ElementTree.fromstring(rendered(grid_of(picture, direction), "svg"))
    kinds = [item.get("class") for item in root.iter("{http://www.w3.org/2000/svg}g")]
    labels = [edge.label for edge in picture.edges if edge.label]
    assert kinds.count("edge") == len(picture.edges)
    assert kinds.count("node") == len(picture.nodes) + len(labels) + len(picture.groups)
    texts = [item.text for item in root.iter("{http://www.w3.org/2000/svg}text")]
    for text in [node.title for node in picture.nodes] + labels + ["A network & its title", *picture.notes]:
        assert text in texts
    biases = [node for node in picture.nodes if node.rows and node.role == "neuron"]
    assert sum(text.startswith("b = ") for text in texts) == len(biases)


def test_the_same_network_gives_the_same_text():
    first, second = (grid_of(network_picture(MLP(3, [4, 2], rng=0)), "LR").source for _ in range(2))
    assert first == second


def test_tooltips_tell_weights_and_gradients_in_full():
    model = MLP(1, [1], rng=0)
    model([3.0]).backward()
    source = grid_of(network_picture(model), "LR").source
    weight = model.layers[0].neurons[0].w[0]
    assert f"x1 → y1&#10;weight {weight.data:.6g}&#10;gradient 3" in source
    assert re.search("bias 0, gradient 1", source)

"""draw_network(): correct numbers and values of neurons, weights and biases for all kinds of models."""

import itertools
import json
import math
import re
import time

import numpy as np
import pytest

from autograd import Value, relu, tanh
from autograd.drawing.network import draw_network, network_picture
from autograd.drawing.palette import BLUE, HIDDEN_LAYER, INPUT_LAYER, ORANGE, OUTPUT_LAYER
from nn import MLP, Layer, Linear, Module, Neuron, ReLU, Sequential, Softmax, Tanh


@pytest.fixture
def model():
    """The 3-4-2 network."""
    return MLP(3, [4, 2], rng=0)


def neurons_of(picture):
    return [node for node in picture.nodes if node.role == "neuron"]


def edge_of(picture, source, target):
    """Return the edge between two neurons, given their titles."""
    titles = {node.name: node.title for node in picture.nodes}
    [found] = [edge for edge in picture.edges if (titles[edge.source], titles[edge.target]) == (source, target)]
    return found


def contrast(first, second):
    """Return the contrast ratio of WCAG 2."""

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


def test_the_3_4_2_network_has_nine_neurons_and_twenty_weights(model):
    picture = network_picture(model)
    assert [node.title for node in picture.nodes] == ["x1", "x2", "x3", "h1", "h2", "h3", "h4", "y1", "y2"]
    assert (picture.total, picture.edges_total, len(picture.edges)) == (9, 20, 20)
    assert picture.notes == (
        "3-4-2 network: 20 weights, 6 biases",
        "the wider a line, the larger its weight, up to 0.995 in size",
    )
    assert not picture.note  # nothing is left out
    assert [group.title for group in picture.groups] == ["input layer", "hidden layer 1, ReLU", "output layer"]
    assert [group.nodes for group in picture.groups] == [3, 4, 2]
    assert [group.parameters for group in picture.groups] == [0, 16, 10]


def test_layers_differ_in_colour_and_label(model):
    picture = network_picture(model)
    assert [node.op for node in picture.nodes] == [INPUT_LAYER] * 3 + [HIDDEN_LAYER] * 4 + [OUTPUT_LAYER] * 2
    assert picture.legend == (
        (INPUT_LAYER, "input layer: 3 neurons"),
        (HIDDEN_LAYER, "hidden layer 1: 4 neurons, ReLU"),
        (OUTPUT_LAYER, "output layer: 2 neurons"),
        (BLUE, "positive weight"),
        (ORANGE, "negative weight"),
    )
    assert all(contrast(colour, "#ffffff") >= 4.5 for colour in (INPUT_LAYER, HIDDEN_LAYER, OUTPUT_LAYER))


def test_signs_that_do_not_occur_are_not_in_the_legend():
    assert network_picture([np.ones((1, 2))]).legend[2:] == ((BLUE, "positive weight"),)
    assert len(network_picture([np.zeros((1, 2))]).legend) == 2


@pytest.mark.parametrize("direction", ["LR", "BT"])
def test_both_orientations_show_the_same_picture(model, direction):
    drawing = draw_network(model, direction=direction, title="A network")
    assert drawing.direction == direction
    assert drawing.picture == network_picture(model, title="A network")
    assert drawing.picture.title == "A network"


def test_weights_biases_and_names_are_those_of_the_model(model):
    model.layers[0].neurons[2].b.data = 0.1
    picture = network_picture(model)
    weight = model.layers[0].neurons[2].w[1].data
    edge = edge_of(picture, "x2", "h3")
    assert edge.slot == 1 and edge.local.values == (weight,) and edge.flow is None
    assert edge.label == f"{weight:.2f}"
    [neuron] = picture.find("layers.0.neurons.2.b")
    assert neuron.title == "h3" and neuron.rows == (("b = 0.10",),) and neuron.data.values == (0.1,) and neuron.grad is None
    assert all(picture.find(name) for name, _ in model.named_parameters())
    assert picture.find("layers.1.neurons.1.w.3")[0].title == "y2"
    assert not picture.find("x1")[0].rows  # inputs have no bias


def test_strengths_are_weights_divided_by_the_largest():
    picture = network_picture([[[0.5, -4.0], [2.0, 0.0]], [[1.0, -1.0]]])
    strengths = [edge.strength for edge in picture.edges]
    assert strengths == [0.125, -1.0, 0.5, 0.0, 0.25, -0.25]
    assert [edge.label for edge in picture.edges] == ["0.50", "-4.00", "2.00", "0", "1.00", "-1.00"]


def test_weights_of_zero_do_not_divide_by_zero():
    picture = network_picture([np.zeros((2, 3))])
    assert {edge.strength for edge in picture.edges} == {0.0}


def test_nan_and_infinite_weights_are_marked_and_do_not_hide_the_others():
    picture = network_picture([[[np.nan, 2.0], [np.inf, -1.0]]])
    assert [edge.strength for edge in picture.edges] == [0.0, 1.0, 1.0, -0.5]
    assert [edge.marks for edge in picture.edges] == [("nan",), (), ("inf",), ()]
    assert [edge.label for edge in picture.edges] == ["nan", "2.00", "inf", "-1.00"]
    assert [node.marks for node in picture.nodes] == [(), (), ("nan",), ("inf",)]
    assert "2 of 4 weights are NaN or infinite" in picture.notes


def test_a_nan_bias_is_marked(model):
    model.layers[1].neurons[0].b.data = math.nan
    node = network_picture(model).find("y1")[0]
    assert node.marks == ("nan",) and node.rows == (("b = nan",),)


@pytest.mark.parametrize(
    ("weight", "text"),
    [(0.0, "0"), (-0.0, "0"), (-0.374, "-0.37"), (12.3456, "12.35"), (0.00213, "0.002"), (-12345.0, "-1e+04")],
)
def test_weights_are_written_with_few_digits(weight, text):
    assert network_picture([[[weight]]]).edges[0].label == text


def test_weights_are_written_where_they_are_few_or_on_request(model):
    large = Linear(4, 8, rng=0)  # 32 weights
    assert not any(edge.label for edge in network_picture(large).edges)
    assert all(edge.label for edge in network_picture(large, weights=True).edges)
    assert all(edge.label for edge in network_picture(model).edges)
    assert not any(edge.label for edge in network_picture(model, weights=False).edges)


def test_gradients_are_shown_after_a_backward_pass(model):
    assert not network_picture(model).differentiated
    sum(model([1.0, -2.0, 0.5])).backward()
    picture = network_picture(model)
    assert picture.differentiated
    assert edge_of(picture, "h2", "y1").flow.values == (model.layers[1].neurons[0].w[1].grad,)
    [neuron] = picture.find("layers.1.neurons.0.b")
    assert neuron.grad.values == (1.0,) and neuron.notes == ("bias 0, gradient 1",)
    assert all(edge.flow is not None for edge in picture.edges)  # of dead neurons too: their gradient is zero
    model.zero_grad()
    assert not network_picture(model).differentiated


def test_a_sequential_of_linear_layers_names_the_functions_between():
    model = Sequential(Linear(3, 4, rng=0), ReLU(), Linear(4, 5, bias=False, rng=1), tanh, Linear(5, 2, rng=2), Softmax())
    picture = network_picture(model)
    assert [group.title for group in picture.groups] == [
        "input layer", "hidden layer 1, ReLU", "hidden layer 2, tanh", "output layer, Softmax",
    ]  # fmt: skip
    assert [node.title for node in picture.nodes][3:12] == [
        "h1,1",
        "h1,2",
        "h1,3",
        "h1,4",
        "h2,1",
        "h2,2",
        "h2,3",
        "h2,4",
        "h2,5",
    ]
    assert picture.legend[1] == (HIDDEN_LAYER, "2 hidden layers: 4 and 5 neurons")
    assert (picture.total, picture.edges_total) == (14, 42)
    assert picture.notes[0] == "3-4-5-2 network: 42 weights, 6 biases"
    assert edge_of(picture, "x3", "h1,2").local.values == (model[0].weight.data[1, 2],)
    assert picture.find("0.bias[1]")[0].title == "h1,2"
    assert len(picture.find("2.weight")) == 5
    assert not picture.find("h2,1")[0].rows  # no bias
    assert all(picture.find(name) for name, _ in model.named_parameters())


def test_functions_before_the_first_layer_and_without_a_name():
    picture = network_picture(Sequential(relu, Linear(1, 1, rng=0), lambda x: x))
    assert [group.title for group in picture.groups] == ["input layer, relu", "output layer, a function"]


def test_gradients_of_a_linear_layer():
    model = Sequential(Linear(2, 1, rng=0))
    model(np.array([[3.0, -5.0]])).sum().backward()
    picture = network_picture(model)
    assert [edge.flow.values for edge in picture.edges] == [(3.0,), (-5.0,)]


@pytest.mark.parametrize(
    ("make", "sizes", "name"),
    [
        (lambda: Neuron(3, rng=0), "3-1", "b"),
        (lambda: Layer(3, 2, rng=0), "3-2", "neurons.1.b"),
        (lambda: Linear(3, 2, rng=0), "3-2", "bias[1]"),
        (lambda: Sequential(MLP(3, [2], rng=0), Layer(2, 1, rng=0)), "3-2-1", "0.layers.0.neurons.1.b"),
        (lambda: Sequential(Sequential(Linear(3, 2, rng=0), ReLU()), Linear(2, 1, rng=0)), "3-2-1", "0.0.bias[1]"),
        (lambda: [Value(np.ones((2, 3))), np.ones((1, 2), np.float32)], "3-2-1", "weights[0][1]"),
    ],
)
def test_models_of_all_kinds(make, sizes, name):
    picture = network_picture(make())
    assert picture.notes[0].startswith(f"{sizes} network: ")
    assert picture.find(name)


def test_a_layer_that_is_applied_twice_is_drawn_twice():
    square = Linear(2, 2, rng=0)
    assert network_picture(Sequential(square, Tanh(), square)).total == 6


class Named(Module):
    """A network whose forward() does more than its attributes show."""

    def __init__(self, hidden=4, expected=4):
        self.first, self.activation, self.second = Linear(3, hidden, rng=0), ReLU(), Linear(expected, 1, rng=1)

    def forward(self, x):
        return self.second(self.activation(self.first(x))) + x.sum()


def test_a_custom_module_is_drawn_in_the_order_of_its_attributes_with_a_note():
    picture = network_picture(Named())
    assert [group.title for group in picture.groups] == ["input layer", "hidden layer 1, ReLU", "output layer"]
    note = "the layers of Named are in the order of its attributes; anything else in its forward() is not drawn"
    assert picture.notes[0] == "3-4-1 network: 16 weights, 5 biases" and picture.notes[-1] == note
    assert network_picture(Sequential(Linear(2, 3, rng=0), Named())).notes[-1] == note


def test_custom_neurons_may_have_no_bias():
    class Bare(Module):
        def __init__(self):
            self.w, self.b = [Value(1.0), Value(-2.0)], None

    picture = network_picture(Bare())
    assert picture.notes[0] == "2-1 network: 2 weights, no biases"
    assert [edge.strength for edge in picture.edges] == [0.5, -1.0]
    assert picture.nodes[-1].rows == ()


def test_large_layers_are_cut_in_the_middle_and_counted():
    start = time.perf_counter()
    picture = network_picture(Sequential(Linear(784, 16, rng=0), ReLU(), Linear(16, 10, rng=1)), max_neurons=9)
    assert time.perf_counter() - start < 3.0
    assert [node.title for node in picture.nodes[:9]] == ["x1", "x2", "x3", "x4", "…", "x781", "x782", "x783", "x784"]
    cut = picture.nodes[4]
    assert (cut.role, cut.count, cut.rows) == ("cut", 776, (("776 more",),))
    assert cut.notes == ("776 neurons, x5 to x780, are not drawn",)
    assert (picture.total, picture.edges_total) == (810, 784 * 16 + 160)
    assert sum(node.count for node in picture.nodes) == picture.total
    assert picture.notes[:-1] == (
        "784-16-10 network: 12,704 weights, 26 biases",
        "input layer: 8 of 784 neurons are drawn",
        "hidden layer 1: 8 of 16 neurons are drawn",
        "output layer: 8 of 10 neurons are drawn",
        "128 of 12,704 weights are drawn",
    )
    assert len(picture.edges) == 128
    assert {edge.source for edge in picture.edges}.isdisjoint(node.name for node in picture.nodes if node.role == "cut")


def test_neurons_left_out_are_found_by_name():
    model = MLP(2, [20, 1], rng=0)
    picture = network_picture(model)
    for name in ("h10", "layers.0.neurons.9", "layers.0.neurons.9.b"):
        assert [node.role for node in picture.find(name)][0] == "cut"
    assert picture.find("layers.0.neurons.19.b")[0].title == "h20"
    assert edge_of(picture, "h20", "y1").local.values == (model.layers[1].neurons[0].w[19].data,)


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("most", [3, 4, 7])
def test_a_layer_takes_at_most_max_neurons_places(size, most):
    picture = network_picture([np.ones((1, size))], max_neurons=most)
    inputs = [node for node in picture.nodes if node.group == "layer0"]
    assert len(inputs) == min(size, most)
    assert sum(node.count for node in inputs) == size
    assert [node.order for node in inputs] == sorted({node.order for node in inputs})
    assert all(node.count > 1 for node in inputs if node.role == "cut")  # a single neuron takes no more room than a …


def test_the_largest_weight_counts_where_it_is_not_drawn():
    weight = np.ones((1, 30))
    weight[0, 15] = -10.0
    assert {edge.strength for edge in network_picture([weight]).edges} == {0.1}


def test_names_are_unique_and_edges_join_them(model):
    for picture in (network_picture(model), network_picture(MLP(40, [30, 20], rng=0))):
        names = [node.name for node in picture.nodes]
        assert len(names) == len(set(names))
        assert {edge.source for edge in picture.edges} | {edge.target for edge in picture.edges} <= set(names)
        assert picture.root in names
        assert {node.group for node in picture.nodes} == {group.name for group in picture.groups}


def test_the_same_network_gives_the_same_picture():
    first, second = (json.dumps(network_picture(MLP(3, [4, 2], rng=7)).to_json()) for _ in range(2))
    assert first == second


class Convolution(Module):
    def __init__(self):
        self.weight, self.bias = Value(np.ones((8, 1, 3, 3))), Value(np.ones(8))


class Table(Module):
    """An embedding, whose matrix holds no weights of neurons."""

    def __init__(self):
        self.weight = Value(np.ones((10, 4)))


class Uneven(Module):
    def __init__(self):
        self.neurons = [Neuron(2, rng=0), Neuron(3, rng=0)]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Named(4, 5), ValueError, "first (Linear, 3 inputs, 4 outputs) and second (Linear, 5 inputs, 1 output) do not"),
        (lambda: [np.ones((2, 3)), np.ones((2, 3))], ValueError, "weights[1] (matrix, 3 inputs, 2 outputs) do not fit"),
        (lambda: Sequential(Convolution(), ReLU()), TypeError, "0 (Convolution) has the parameter 0.weight"),
        (lambda: Sequential(Table(), Linear(4, 2)), TypeError, "0 (Table) has the parameter 0.weight of"),
        (Convolution, TypeError, "the model (Convolution) has the parameter weight of shape (8, 1, 3, 3)"),
        (Sequential, TypeError, "found no layer of neurons in Sequential"),
        (lambda: Value(1.0), TypeError, "found no layer of neurons in Value of shape ()"),
        (lambda: np.ones((2, 2)), TypeError, "found no layer of neurons in ndarray of shape (2, 2)"),
        (lambda: [], TypeError, "found no layer of neurons in list"),
        (lambda: [Linear(2, 2)], TypeError, "item 0 of the list is Linear: put modules into nn.Sequential"),
        (lambda: [[1.0, 2.0]], ValueError, "weights[0] has shape (2,), expected a matrix of shape (out, in)"),
        (lambda: [np.ones((0, 2))], ValueError, "weights[0] has shape (0, 2)"),
        (Uneven, ValueError, "the neurons of the model (Uneven) have 2 to 3 weights"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_drawn_are_named_with_those_that_can(make, error, message):
    with pytest.raises(error, match=re.escape(message)) as raised:
        network_picture(make())
    text = str(raised.value)
    assert "draw(model, x) draws any computation" in text or "put a" in text or "put modules" in text
    if error is TypeError:
        assert "nn.MLP" in text and "list of weight matrices" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"direction": "TB"}, 'direction is "LR" (left to right) or "BT" (bottom to top), but got \'TB\''),
        ({"weights": "all"}, "weights is True, False or \"auto\", but got 'all'"),
        ({"max_neurons": 2}, "max_neurons is an integer of at least 3 (the first, the last and a … between), but got 2"),
        ({"max_neurons": 8.0}, "but got 8.0"),
    ],
)
def test_arguments_are_checked(model, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw_network(model, **arguments)


def test_a_child_may_know_its_parent():
    class Parent(Module):
        def __init__(self):
            self.first = Linear(2, 3, rng=0)
            self.child = Sequential(Linear(3, 1, rng=1))
            self.child.parent = self

    assert network_picture(Parent()).total == 6


def test_every_pair_of_neurons_in_neighbouring_layers_is_joined_once(model):
    picture = network_picture(model)
    columns = [[node.name for node in picture.nodes if node.group == group.name] for group in picture.groups]
    pairs = [pair for first, second in zip(columns, columns[1:], strict=False) for pair in itertools.product(first, second)]
    assert sorted((edge.source, edge.target) for edge in picture.edges) == sorted(pairs)


def test_shared_layers_are_counted_as_drawn_and_as_numbers() -> None:
    layer = Linear(4, 4, rng=0)
    notes = draw_network(Sequential(layer, Tanh(), layer)).picture.notes
    assert notes[:2] == ("4-4-4 network: 32 weights, 8 biases", "layers share parameters, which hold 20 numbers in total")
    notes = draw_network(Sequential(Linear(4, 4, rng=0), Linear(4, 4, rng=0))).picture.notes
    assert not any("share" in note for note in notes)

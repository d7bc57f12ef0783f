"""draw_network() turns a model into a Drawing as in textbooks: neurons in layers, and a line for each weight.

It reads the weights from the modules and computes nothing; draw() shows a forward pass. Modules are recognised by their
attributes, because autograd does not import nn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autograd.drawing.drawings import Drawing
from autograd.drawing.palette import BLUE, HIDDEN_LAYER, INPUT_LAYER, ORANGE, OUTPUT_LAYER
from autograd.drawing.picture import Edge, Group, Node, Picture, Summary, plural
from autograd.value import Value

FEW_WEIGHTS = 30  # up to this number, weights are written at their lines
DRAWABLE = (
    "nn.MLP, nn.Layer, nn.Neuron, nn.Linear (also in nn.Sequential or a custom module), or a list of weight matrices, "
    "each of shape (out, in)"
)
OTHERWISE = "draw(model, x) draws any computation"


def draw_network(
    model: Any, *, direction: str = "LR", weights: bool | str = "auto", max_neurons: int = 16, title: str = ""
) -> Drawing:
    """Draw the neurons and the weights of a network, layer by layer.

    Args:
        model: an nn.MLP, nn.Layer, nn.Neuron or nn.Linear, a module that holds such layers in the order in which they are
            applied, such as nn.Sequential, or a list of weight matrices, each of shape (out, in).
        direction: ``"LR"``, from left to right, or ``"BT"``, from bottom to top.
        weights: whether to write each weight at its line; "auto" writes them if there are at most 30.
        max_neurons: larger layers show only their first and last neurons.
        title: a heading.

    Raises:
        TypeError: if the model holds no layers of neurons, or holds parameters of other kinds as well.
        ValueError: if the number of inputs of a layer differs from the number of outputs before it, or for an unknown
            direction.

    >>> network = [[[0.5, -1.0], [0.2, 0.0], [1.5, 1.0]], [[1.0, -2.0, 0.3]]]
    >>> picture = draw_network(network).picture
    >>> picture.total, picture.edges_total
    (6, 9)
    >>> picture.legend[1]
    ('#7048b0', 'hidden layer 1: 3 neurons')
    """
    if direction not in ("LR", "BT"):
        raise ValueError(f'direction is "LR" (left to right) or "BT" (bottom to top), but got {direction!r}')
    return Drawing(network_picture(model, weights=weights, max_neurons=max_neurons, title=title), direction)


def network_picture(model: Any, *, weights: bool | str = "auto", max_neurons: int = 16, title: str = "") -> Picture:
    """Return the picture that draw_network() draws, from the same arguments.

    Its nodes are neurons: `op` is the fill, `data` and `grad` summarise the bias, and the group is the layer. An edge has the
    weight in `local` and its gradient in `flow`; its strength is the weight divided by the largest weight of the network.
    """
    if weights not in (True, False, "auto"):
        raise ValueError(f'weights is True, False or "auto", but got {weights!r}')
    if isinstance(max_neurons, bool) or not isinstance(max_neurons, int) or max_neurons < 3:
        raise ValueError(
            f"max_neurons is an integer of at least 3 (the first, the last and a … between), but got {max_neurons!r}"
        )
    before, dense = layers_of(model)
    layers = columns_of(before, dense, max_neurons)
    all_weights = sum(layer.weight.size for layer in dense)
    labelled = all_weights <= FEW_WEIGHTS if weights == "auto" else bool(weights)
    differentiated = any(layer.has_gradient for layer in dense)
    return Picture(
        nodes=tuple(node for layer in layers for node in neuron_nodes(layer, differentiated)),
        edges=tuple(edges_of(layers, largest_of(dense), labelled, differentiated)),
        groups=tuple(group_of(layer) for layer in layers),
        total=sum(layer.size for layer in layers),
        edges_total=all_weights,
        differentiated=differentiated,
        root=layers[-1].name_of(0),
        title=title,
        notes=tuple(notes_on(model, layers, dense)),
        legend=(*legend_of(layers), *legend_of_lines(dense)),
    )


# --- reading a model: its layers of weights, in order ---------------------------------------------


@dataclass(frozen=True)
class Dense:
    """The weights and biases that lead to one layer of neurons.

    Attributes:
        path: the path of the module; "" for the model itself.
        kind: the class of the module.
        weight, weight_grad: of shape (out, in).
        bias, bias_grad: of shape (out,), or None.
        names: a function from the number of a neuron to the names of the neuron and its parameters.
        parameters: the Values that hold all of these.
        functions: the names of the functions applied to the outputs.
    """

    path: str
    kind: str
    weight: np.ndarray
    weight_grad: np.ndarray
    bias: np.ndarray | None
    bias_grad: np.ndarray | None
    names: Callable[[int], tuple[str, ...]]
    parameters: tuple[Value, ...] = ()
    functions: list[str] = field(default_factory=list)

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient is not zero. Before a backward pass all are zero."""
        return bool(np.any(self.weight_grad)) or (self.bias_grad is not None and bool(np.any(self.bias_grad)))

    @property
    def text(self) -> str:
        """The layer in a message: ``"layers.2 (Linear, 4 inputs, 1 output)"``."""
        outputs, inputs = self.weight.shape
        return f"{self.path or 'the model'} ({self.kind}, {plural(inputs, 'input')}, {plural(outputs, 'output')})"


def layers_of(model: Any) -> tuple[list[str], list[Dense]]:
    """Return the functions before the first layer, and the layers of weights. Raise errors as draw_network() does."""
    before: list[str] = []
    dense: list[Dense] = []
    if isinstance(model, (list, tuple)):
        dense = [dense_of_matrix(number, matrix) for number, matrix in enumerate(model)]
    else:
        for path, part in parts_of(model):
            layer = dense_of_module(path, part)
            if layer is not None:
                dense.append(layer)
            else:
                (dense[-1].functions if dense else before).append(name_of_function(part))
        refuse_other_parameters(model, dense)
    if not dense:
        raise TypeError(f"draw_network draws {DRAWABLE}, but found no layer of neurons in {described(model)}: {OTHERWISE}")
    for first, second in zip(dense, dense[1:], strict=False):
        if len(first.weight) != second.weight.shape[1]:
            raise ValueError(
                f"{first.text} and {second.text} do not fit: draw_network draws layers that are applied one after the other, "
                f"in the order in which the model holds them; {OTHERWISE}"
            )
    return before, dense


def parts_of(model: Any, path: str = "", around: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield (path, part) for the layers, modules without children and plain functions in a model, in order."""
    inside = [] if is_layer(model) else children_of(model)
    if is_layer(model) or (path and not inside):
        yield path, model
    for name, child in inside:
        if not any(child is outer for outer in around):  # a child may know its parent
            yield from parts_of(child, f"{path}.{name}" if path else name, (*around, model))


def children_of(module: Any) -> list[tuple[str, Any]]:
    """Return (path, child) for everything in a chain, plain functions included; otherwise for the submodules."""
    children = list(module.named_children()) if hasattr(module, "named_children") else []
    if is_chain(module):
        named = {id(child): path for path, child in children}
        return [(named.get(id(child), f"layers.{number}"), child) for number, child in enumerate(module.layers)]
    return children


def is_chain(module: Any) -> bool:
    """Return whether a module is iterable and has `layers`, as nn.Sequential, which applies them one after the other."""
    return isinstance(getattr(module, "layers", None), (list, tuple)) and hasattr(module, "__iter__")


def is_layer(module: Any) -> bool:
    """Return whether a module is an nn.Layer, nn.Neuron or nn.Linear, or has their attributes."""
    neurons = getattr(module, "neurons", None)
    if isinstance(neurons, (list, tuple)) and neurons:
        return all(is_neuron(neuron) for neuron in neurons)
    weight = getattr(module, "weight", None)  # an embedding has a weight too, but no attribute bias
    return is_neuron(module) or (isinstance(weight, Value) and weight.ndim == 2 and hasattr(module, "bias"))


def is_neuron(module: Any) -> bool:
    """Return whether a module has a list of scalar weights `w` and a bias `b`, which may be None."""
    weights, bias = getattr(module, "w", None), getattr(module, "b", 0)
    values = [*weights, *([bias] if bias is not None else [])] if isinstance(weights, (list, tuple)) else []
    return bool(values) and all(isinstance(value, Value) and value.ndim == 0 for value in values)


def dense_of_module(path: str, module: Any) -> Dense | None:
    """Return a module as a layer of weights, or None if it is not one."""
    if not is_layer(module):
        return None
    if hasattr(module, "neurons"):
        return dense_of_neurons(path, type(module).__name__, module.neurons, f"{path}.neurons" if path else "neurons")
    if is_neuron(module):
        return dense_of_neurons(path, type(module).__name__, [module], None)
    weight, bias = module.weight, module.bias
    prefix = f"{path}." if path else ""
    kept = [f"{prefix}weight"] + [f"{prefix}bias"] * (bias is not None)
    return Dense(
        path, type(module).__name__, np.asarray(weight.data), np.asarray(weight.grad),
        None if bias is None else np.asarray(bias.data),
        None if bias is None else np.asarray(bias.grad),
        names=lambda number: tuple(f"{name}[{number}]" for name in kept),
        parameters=(weight,) if bias is None else (weight, bias),
    )  # fmt: skip


def dense_of_neurons(path: str, kind: str, neurons: Sequence[Any], prefix: str | None) -> Dense:
    """Return neurons as a layer of weights; `prefix` is the path of their list, None for a neuron on its own."""
    counts = sorted({len(neuron.w) for neuron in neurons})
    if len(counts) > 1:
        raise ValueError(
            f"the neurons of {path or 'the model'} ({kind}) have {counts[0]} to {counts[-1]} weights, but those of a layer "
            f"share their inputs: {OTHERWISE}"
        )

    def names(number: int) -> tuple[str, ...]:
        own = path if prefix is None else f"{prefix}.{number}"
        inside = [f"w.{index}" for index in range(counts[0])]
        inside += ["b"] * (neurons[number].b is not None)
        return tuple(name for name in (own, *(f"{own}.{name}" if own else name for name in inside)) if name)

    biases = [neuron.b for neuron in neurons]
    biased = any(bias is not None for bias in biases)
    nonlinear = [bool(getattr(neuron, "nonlin", False)) for neuron in neurons]
    return Dense(
        path, kind,
        np.array([[weight.data for weight in neuron.w] for neuron in neurons]),
        np.array([[weight.grad for weight in neuron.w] for neuron in neurons]),
        np.array([0.0 if bias is None else bias.data for bias in biases]) if biased else None,
        np.array([0.0 if bias is None else bias.grad for bias in biases]) if biased else None,
        names=names,
        parameters=(*(weight for neuron in neurons for weight in neuron.w), *(bias for bias in biases if bias is not None)),
        functions=["ReLU" if all(nonlinear) else "ReLU of some"] if any(nonlinear) else [],
    )  # fmt: skip


def dense_of_matrix(number: int, matrix: Any) -> Dense:
    """Return a matrix in a list of matrices as a layer of weights."""
    parameters = (matrix,) if isinstance(matrix, Value) else ()
    try:
        weight = np.asarray(matrix.data if isinstance(matrix, Value) else matrix, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(
            f"draw_network draws {DRAWABLE}, but item {number} of the list is {described(matrix)}: put modules into nn.Sequential"
        ) from None
    if weight.ndim != 2 or not weight.size:
        raise ValueError(
            f"weights[{number}] has shape {weight.shape}, expected a matrix of shape (out, in): put a single matrix into a list"
        )
    grad = np.asarray(matrix.grad) if isinstance(matrix, Value) else np.zeros(weight.shape)
    return Dense(f"weights[{number}]", "matrix", weight, grad, None, None, lambda row: (f"weights[{number}][{row}]",), parameters)


def refuse_other_parameters(model: Any, dense: list[Dense]) -> None:
    """Raise TypeError if the model holds a parameter that belongs to no layer of neurons: the picture would be wrong."""
    drawn = {id(parameter) for layer in dense for parameter in layer.parameters}
    if not hasattr(model, "named_parameters"):
        return
    modules = dict(model.named_modules()) if hasattr(model, "named_modules") else {"": model}
    for name, parameter in model.named_parameters():
        if id(parameter) not in drawn:
            path = max((path for path in modules if not path or name.startswith(f"{path}.")), key=len)
            raise TypeError(
                f"draw_network draws {DRAWABLE}, but {path or 'the model'} ({type(modules[path]).__name__}) has the parameter "
                f"{name} of shape {parameter.shape}, which is not the weight of neurons: {OTHERWISE}"
            )


def name_of_function(function: Any) -> str:
    """Return the caption of a function: its name, or the class of a module."""
    name = getattr(function, "__name__", type(function).__name__)
    return "a function" if name == "<lambda>" else name


def described(item: Any) -> str:
    """Return the type and shape of an argument, for messages: ``"ndarray of shape (2,)"``, ``"Conv2d"``."""
    shape = getattr(item, "shape", None)
    return type(item).__name__ + (f" of shape {shape}" if isinstance(shape, tuple) else "")


# --- drawing it: columns of neurons, and the lines between them -----------------------------------


@dataclass(frozen=True)
class Column:
    """One layer of neurons as it is drawn.

    Attributes:
        number: from 0, the inputs.
        title: ``"hidden layer 1"``.
        colour: the fill of its neurons.
        letter: the first part of the names of neurons: ``"x"``, ``"h"``, ``"h2,"``, ``"y"``.
        size: how many neurons it has.
        shown: the numbers of the neurons that are drawn.
        functions: the functions applied to their outputs.
        start: how many neurons the layers before it have.
        source: its weights, None for the inputs.
    """

    number: int
    title: str
    colour: str
    letter: str
    size: int
    shown: tuple[int, ...]
    functions: tuple[str, ...]
    start: int
    source: Dense | None

    @property
    def name(self) -> str:
        """The name of its group."""
        return f"layer{self.number}"

    @property
    def caption(self) -> str:
        """The title of its group: ``"hidden layer 1, ReLU"``."""
        return ", ".join([self.title, *self.functions])

    @property
    def text(self) -> str:
        """The layer in the legend: ``"hidden layer 1: 4 neurons, ReLU"``."""
        return ", ".join([f"{self.title}: {plural(self.size, 'neuron')}", *self.functions])

    @property
    def left_out(self) -> range:
        """The numbers of the neurons that are not drawn."""
        first = next((index for index, number in enumerate(self.shown) if index != number), len(self.shown))
        return range(first, first + self.size - len(self.shown))

    def name_of(self, number: int) -> str:
        """Return the name of a neuron's node."""
        return f"l{self.number}n{number}"

    def title_of(self, number: int) -> str:
        """Return the text in a neuron: ``"h3"``. Neurons are counted from 1, as in textbooks."""
        return f"{self.letter}{number + 1}"


def columns_of(before: list[str], dense: list[Dense], max_neurons: int) -> list[Column]:
    """Return the layers of neurons: the inputs, and one for each layer of weights."""
    last = len(dense)
    sizes = [dense[0].weight.shape[1], *(len(layer.weight) for layer in dense)]
    columns = []
    for number, size in enumerate(sizes):
        title, colour, letter = (
            ("input layer", INPUT_LAYER, "x") if number == 0
            else ("output layer", OUTPUT_LAYER, "y") if number == last
            else (f"hidden layer {number}", HIDDEN_LAYER, "h" if last == 2 else f"h{number},")
        )  # fmt: skip
        functions = tuple(dense[number - 1].functions if number else before)
        source = dense[number - 1] if number else None
        shown = shown_of(size, max_neurons)
        columns.append(Column(number, title, colour, letter, size, shown, functions, sum(sizes[:number]), source))
    return columns


def shown_of(size: int, most: int) -> tuple[int, ...]:
    """Return the numbers of the neurons that are drawn; if not all are, leave room for the … between."""
    if size <= most:
        return tuple(range(size))
    return (*range(most // 2), *range(size - (most - 1 - most // 2), size))


def neuron_nodes(layer: Column, differentiated: bool) -> Iterator[Node]:
    """Yield the nodes of a layer in order, with one node for neurons that are left out."""
    for number in layer.shown:
        if layer.left_out and number == layer.left_out.stop:
            yield cut_node(layer)
        yield neuron_node(layer, number, differentiated)


def neuron_node(layer: Column, number: int, differentiated: bool) -> Node:
    """Return the node of one neuron."""
    dense = layer.source
    node = Node(
        layer.name_of(number), "neuron", layer.title_of(number), group=layer.name, op=layer.colour, order=layer.start + number
    )
    if dense is None:
        return node
    node = replace(node, names=dense.names(number), place=dense.path, marks=marks_of_numbers(dense.weight[number]))
    if dense.bias is None or dense.bias_grad is None:
        return node
    bias, grad = float(dense.bias[number]), float(dense.bias_grad[number])
    return replace(
        node,
        data=Summary.of(bias), grad=Summary.of(grad) if differentiated else None,
        marks=marks_of_numbers([*dense.weight[number], bias]),
        notes=(f"bias {bias:.6g}" + (f", gradient {grad:.6g}" if differentiated else ""),),
        rows=((f"b = {weight_text(bias)}",),),
    )  # fmt: skip


def cut_node(layer: Column) -> Node:
    """Return the node for the neurons of a layer that are left out."""
    left_out, dense = layer.left_out, layer.source
    first, last = layer.title_of(left_out[0]), layer.title_of(left_out[-1])
    own = [dense.names(number) for number in left_out] if dense is not None else []
    names = (*map(layer.title_of, left_out), *(name for names in own for name in (names[0], names[-1])))
    return Node(
        f"l{layer.number}cut", "cut", "…", len(left_out), group=layer.name, op=layer.colour, names=tuple(dict.fromkeys(names)),
        notes=(f"{plural(len(left_out), 'neuron')}, {first} to {last}, are not drawn",),
        place=dense.path if dense is not None else "", order=layer.start + left_out[0], rows=((f"{len(left_out):,} more",),),
    )  # fmt: skip


def edges_of(layers: list[Column], largest: float, labelled: bool, differentiated: bool) -> Iterator[Edge]:
    """Yield an edge for each weight between neurons that are drawn."""
    for before, layer in zip(layers, layers[1:], strict=False):
        dense = layer.source
        assert dense is not None  # only the inputs have no weights
        for row in layer.shown:
            for column in before.shown:
                weight = float(dense.weight[row, column])
                yield Edge(
                    before.name_of(column), layer.name_of(row), column,
                    local=Summary.of(weight),
                    flow=Summary.of(dense.weight_grad[row, column]) if differentiated else None,
                    label=weight_text(weight) if labelled else "",
                    strength=strength_of(weight, largest),
                    marks=marks_of_numbers(weight),
                )  # fmt: skip


def largest_of(dense: list[Dense]) -> float:
    """Return the largest absolute value of all finite weights, also of neurons that are not drawn."""
    sizes = [np.abs(layer.weight[np.isfinite(layer.weight)]) for layer in dense]
    return float(max((size.max() for size in sizes if size.size), default=0.0))


def strength_of(weight: float, largest: float) -> float:
    """Return the weight divided by the largest weight; 0 for NaN, and plus or minus 1 for infinity."""
    if not math.isfinite(weight):
        return 0.0 if math.isnan(weight) else math.copysign(1.0, weight)
    return weight / largest if weight else 0.0


def marks_of_numbers(numbers: Any) -> tuple[str, ...]:
    """Return the marks for NaN and infinity."""
    return ("nan",) * bool(np.any(np.isnan(numbers))) + ("inf",) * bool(np.any(np.isinf(numbers)))


def weight_text(number: float) -> str:
    """Return a weight with two decimals, or one digit if it is very small or large: "-0.37", "0.002", "1e+04", "0"."""
    if number == 0.0 or not math.isfinite(number):
        return f"{number + 0.0:g}"  # + 0.0 makes -0.0 a 0.0
    return f"{number:.2f}" if 0.01 <= abs(number) < 1000.0 else f"{number:.1g}"


def group_of(layer: Column) -> Group:
    """Return the group of a layer."""
    dense = layer.source
    parameters = dense.weight.size + (dense.bias.size if dense.bias is not None else 0) if dense is not None else 0
    return Group(layer.name, layer.caption, nodes=layer.size, parameters=parameters)


def legend_of(layers: list[Column]) -> Iterator[tuple[str, str]]:
    """Yield (colour, meaning) for each colour of neurons."""
    hidden = layers[1:-1]
    yield layers[0].colour, layers[0].text
    if len(hidden) == 1:
        yield HIDDEN_LAYER, hidden[0].text
    elif hidden:
        sizes = [f"{layer.size:,}" for layer in hidden]
        yield HIDDEN_LAYER, f"{len(hidden)} hidden layers: {', '.join(sizes[:-1])} and {sizes[-1]} neurons"
    yield layers[-1].colour, layers[-1].text


def legend_of_lines(dense: list[Dense]) -> Iterator[tuple[str, str]]:
    """Yield (colour, meaning) for the signs of the weights."""
    if any(np.any(layer.weight > 0.0) for layer in dense):
        yield BLUE, "positive weight"
    if any(np.any(layer.weight < 0.0) for layer in dense):
        yield ORANGE, "negative weight"


def notes_on(model: Any, layers: list[Column], dense: list[Dense]) -> Iterator[str]:
    """Yield notes on the size of the network, what is left out, bad weights, and modules with a custom forward()."""
    weights = sum(layer.weight.size for layer in dense)
    biases = sum(layer.bias.size for layer in dense if layer.bias is not None)
    sizes = "-".join(str(layer.size) for layer in layers)
    yield f"{sizes} network: {plural(weights, 'weight')}, " + ("1 bias" if biases == 1 else f"{biases or 'no'} biases")
    distinct = {id(parameter): parameter for layer in dense for parameter in layer.parameters}
    if sum(map(len, (layer.parameters for layer in dense))) > len(distinct):
        numbers = sum(parameter.size for parameter in distinct.values())
        yield f"layers share parameters, which hold {plural(numbers, 'number')} in total"
    for layer in layers:
        if layer.left_out:
            yield f"{layer.title}: {len(layer.shown)} of {layer.size:,} neurons are drawn"
    drawn = sum(len(first.shown) * len(second.shown) for first, second in zip(layers, layers[1:], strict=False))
    if drawn < weights:
        yield f"{drawn:,} of {weights:,} weights are drawn"
    if largest_of(dense):
        yield f"the wider a line, the larger its weight, up to {largest_of(dense):.3g} in size"
    bad = sum(int(layer.weight.size - np.isfinite(layer.weight).sum()) for layer in dense)
    if bad:
        yield f"{bad:,} of {weights:,} weights are NaN or infinite"
    for kind in dict.fromkeys(type(module).__name__ for module in unclear_modules(model)):
        yield f"the layers of {kind} are in the order of its attributes; anything else in its forward() is not drawn"


def unclear_modules(model: Any) -> Iterator[Any]:
    """Yield the modules in a model whose attributes alone do not tell what they compute."""
    parts = [] if is_layer(model) else children_of(model)
    made_of_neurons = all(hasattr(part, "neurons") for _, part in parts)  # nn.MLP, or nothing inside
    if is_chain(model):
        for _, part in parts:
            yield from unclear_modules(part)
    elif not made_of_neurons:
        yield model

"""Compute one training step of a small network by hand and by its graph, and compare every number.

Two examples: a 2-3-2 network with only two known deltas, so its inputs and weights are reconstructed; and
Matt Mazur's 2-2-2 network (2015), whose numbers are published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp
from pathlib import Path
from typing import Any

import numpy as np

from autograd import Value, draw
from demos import common
from demos.common import BLUE, GREEN, GREY, ORANGE, PURPLE, picture
from nn import SGD, Linear, Sequential, Sigmoid, mse_loss


@dataclass(frozen=True)
class Example:
    """A network of sigmoid neurons, one sample, one learning rate.

    `weights` maps each name to its source, target and value; `biases` has one for each layer, which is not
    trained. The loss is the mean of the two squared errors, which is half their sum.
    """

    name: str
    title: str
    inputs: dict[str, float]
    targets: dict[str, float]
    weights: dict[str, tuple[str, str, float]]
    rate: float
    biases: dict[str, float] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)  # as its author printed them


ARTICLE = Example(
    "article",
    "The articles' deltas, with RECONSTRUCTED inputs and weights: round numbers chosen to give the same deltas",
    inputs={"x1": 0.5, "x2": 0.9},
    targets={"o1": 1.0, "o2": 0.0},
    weights={
        "w1": ("x1", "h1", 0.1), "w2": ("x1", "h2", 0.2), "w3": ("x1", "h3", 0.3),
        "w4": ("x2", "h1", 0.4), "w5": ("x2", "h2", 0.5), "w6": ("x2", "h3", 0.6),
        "w7": ("h1", "o1", 0.3), "w8": ("h1", "o2", 0.3), "w9": ("h2", "o1", 0.2),
        "w10": ("h2", "o2", 0.4), "w11": ("h3", "o1", 0.1), "w12": ("h3", "o2", 0.5),
    },
    rate=0.1,
    printed={"δ_o1": "-0.0984", "δ_o2": "0.1479"},
)  # fmt: skip

MAZUR = Example(
    "mazur",
    'Matt Mazur, "A Step by Step Backpropagation Example" (2015)',
    inputs={"x1": 0.05, "x2": 0.10},
    targets={"o1": 0.01, "o2": 0.99},
    weights={
        "w1": ("x1", "h1", 0.15), "w2": ("x2", "h1", 0.20), "w3": ("x1", "h2", 0.25), "w4": ("x2", "h2", 0.30),
        "w5": ("h1", "o1", 0.40), "w6": ("h2", "o1", 0.45), "w7": ("h1", "o2", 0.50), "w8": ("h2", "o2", 0.55),
    },
    rate=0.5,
    biases={"h": 0.35, "o": 0.60},
    printed={
        "a_h1": "0.593269992", "a_h2": "0.596884378", "a_o1": "0.751365070", "a_o2": "0.772928465", "E": "0.298371109",
        "w1'": "0.149780716", "w2'": "0.199561432", "w3'": "0.249751144", "w4'": "0.299502287",
        "w5'": "0.358916480", "w6'": "0.408666186", "w7'": "0.511301270", "w8'": "0.561370121",
    },
)  # fmt: skip


# --- the step, twice -----------------------------------------------------------------------------------


def neurons_of(example: Example) -> list[str]:
    """Return the neurons, the hidden ones first."""
    return list(dict.fromkeys(target for _, target, _ in example.weights.values()))


def by_hand(example: Example) -> dict[str, float]:
    """Compute by the articles' formulas: s is a weighted sum, a its sigmoid, δ the slope of the loss in s, w' a new weight."""
    numbers = dict(example.inputs)  # the name of a neuron is that of its activation
    result: dict[str, float] = {}
    for neuron in neurons_of(example):
        incoming = [(source, w) for source, target, w in example.weights.values() if target == neuron]
        s = sum(numbers[source] * w for source, w in incoming) + example.biases.get(neuron[0], 0.0)
        numbers[neuron] = a = 1.0 / (1.0 + exp(-s))
        result |= {f"s_{neuron}": s, f"a_{neuron}": a}
    result["E"] = sum((numbers[neuron] - target) ** 2 for neuron, target in example.targets.items()) / len(example.targets)

    delta: dict[str, float] = {}
    for neuron in reversed(neurons_of(example)):  # the outputs first, and all with the old weights
        if neuron in example.targets:
            error = numbers[neuron] - example.targets[neuron]
        else:
            error = sum(delta[target] * w for source, target, w in example.weights.values() if source == neuron)
        delta[neuron] = error * numbers[neuron] * (1.0 - numbers[neuron])
    result |= {f"δ_{neuron}": delta[neuron] for neuron in neurons_of(example)}
    gradients = {name: delta[target] * numbers[source] for name, (source, target, _) in example.weights.items()}
    result |= {f"∂E/∂{name}": gradient for name, gradient in gradients.items()}
    return result | {f"{name}'": w - example.rate * gradients[name] for name, (_, _, w) in example.weights.items()}


def graph_of(example: Example) -> dict[str, Value]:
    """Return the scalar Values of the graph by their names in the formulas; the loss is "E"."""
    values = {name: Value(x, requires_grad=False) for name, x in example.inputs.items()}
    values |= {name: Value(w) for name, (_, _, w) in example.weights.items()}
    for neuron in neurons_of(example):
        edges = [(name, source) for name, (source, target, _) in example.weights.items() if target == neuron]
        first, *others = (values[source if source[0] == "x" else f"a_{source}"] * values[name] for name, source in edges)
        s = sum(others, first)
        if neuron[0] in example.biases:
            s = s + example.biases[neuron[0]]
        values |= {f"s_{neuron}": s, f"a_{neuron}": s.sigmoid()}
    first, second = ((values[f"a_{neuron}"] - target) ** 2 for neuron, target in example.targets.items())
    values["E"] = (first + second) / 2.0
    for name, value in values.items():
        value.label = name
    values["E"].backward()
    return values


def by_graph(example: Example) -> dict[str, float]:
    """Return the numbers of by_hand() from the graph, which knows sums, products and the sigmoid, but no formula for δ."""
    values = graph_of(example)
    result = {name: value.item() for name, value in values.items() if name[0] in "saE"}
    result |= {f"δ_{neuron}": values[f"s_{neuron}"].grad for neuron in neurons_of(example)}
    result |= {f"∂E/∂{name}": values[name].grad for name in example.weights}
    SGD([values[name] for name in example.weights], lr=example.rate).step()
    return result | {f"{name}'": values[name].item() for name in example.weights}


def as_layers(example: Example) -> Sequential:
    """Return the same network as layers on arrays, each with a weight matrix of shape (targets, sources)."""
    sizes = [len(example.inputs), len(neurons_of(example)) - len(example.targets), len(example.targets)]
    hidden, output = (Linear(n, m, bias=bool(example.biases), rng=0) for n, m in zip(sizes, sizes[1:], strict=False))
    for layer, letter in (hidden, "h"), (output, "o"):
        edges = [edge for edge in example.weights.values() if edge[1][0] == letter]
        for source, target, w in edges:
            layer.weight.data[int(target[1:]) - 1, int(source[1:]) - 1] = w
        if layer.bias is not None:
            layer.bias.data[:] = example.biases[letter]
            layer.bias.requires_grad = False
    return Sequential(hidden, Sigmoid(), output, Sigmoid())


def train(example: Example, steps: int) -> list[float]:
    """Return the loss before the first step, and after each."""
    model = as_layers(example)
    x, t = np.array(list(example.inputs.values())), np.array(list(example.targets.values()))
    optimizer = SGD(model.parameters(), lr=example.rate)
    losses = []
    for _ in common.progress(steps + 1, "step", example.name):
        loss = mse_loss(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    return losses


# --- tables and pictures -------------------------------------------------------------------------------

HEADER = ("", "by hand", "by graph", "printed")
PARTS = {
    "forward: s = Σ a · w + b,  a = σ(s),  E = ½ Σ (a - t)²": "saE",
    "backward: δo = (a - t) a (1 - a),  δh = (Σ δo w) a (1 - a),  ∂E/∂w = δ · a": "δ∂",
    "new weights: w' = w - rate · ∂E/∂w": "w",
}


def rows_of(example: Example) -> list[tuple[str, str, str, str]]:
    """Return the lines of the table: name, number by hand, number from the graph, number printed by the author."""
    hand, graph = by_hand(example), by_graph(example)
    return [(name, f"{hand[name]:.9f}", f"{graph[name]:.9f}", example.printed.get(name, "")) for name in hand]


def largest_difference(example: Example) -> float:
    """Return the largest difference between the numbers by hand and those from the graph."""
    hand, graph = by_hand(example), by_graph(example)
    return max(abs(hand[name] - graph[name]) for name in hand)


def draw_network(example: Example, axis: Any) -> None:
    """Draw the network with the names of the table: a weight is written on its line, near the hidden layer."""
    columns = list(example.inputs), [n for n in neurons_of(example) if n not in example.targets], list(example.targets)
    places = {
        neuron: (2.0 * column, (len(names) - 1) / 2 - row)
        for column, names in enumerate(columns)
        for row, neuron in enumerate(names)
    }
    for name, (source, target, weight) in example.weights.items():
        (x, y), (to_x, to_y) = places[source], places[target]
        nearer = 1 / 3 if target in example.targets else 2 / 3
        axis.plot([x, to_x], [y, to_y], color=GREY, linewidth=6 * weight)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        place = (x + nearer * (to_x - x), y + nearer * (to_y - y))
        axis.text(*place, f"{name}  {weight:.2f}", ha="center", va="center", fontsize=13, bbox=box)
    for names, color, what in zip(columns, (GREEN, PURPLE, BLUE), ("inputs", "hidden", "outputs"), strict=True):
        bias = f", bias {example.biases[names[0][0]]:.2f}" if names[0][0] in example.biases else ""
        axis.text(places[names[0]][0], len(columns[1]) / 2, what + bias, ha="center", color=color, weight="bold")
        for neuron in names:
            axis.plot(*places[neuron], "o", markersize=46, color=color)
            axis.text(*places[neuron], neuron, ha="center", va="center", color="white", weight="bold", fontsize=16)
    for neuron, number in (example.inputs | example.targets).items():
        x, y = places[neuron]
        axis.text(x, y - 0.42, f"{'target' if neuron in example.targets else 'input'} {number:g}", ha="center", va="center")
    axis.set(xlim=(-0.6, 4.6), ylim=(-0.6 - len(columns[1]) / 3, 0.3 + len(columns[1]) / 2))


def plot_numbers(example: Example, path: Path) -> Path:
    """Plot the network, and beside it every number of one step."""
    rows = rows_of(example)
    with picture(path, 2, 2, (16.0, 12.0)) as (figure, axes):
        figure.suptitle(f"{example.title}\none step with the rate {example.rate:g}, by hand and by the graph")
        axes[0, 0].set_title("the weights before the step")
        draw_network(example, axes[0, 0])
        axes[0, 0].get_gridspec().set_height_ratios((18, 13))  # in rows of text
        for axis, (title, letters) in zip((axes[1, 0], axes[0, 1], axes[1, 1]), PARTS.items(), strict=True):
            part = [row for row in rows if row[0][0] in letters]
            height = (len(part) + 1) / (18 if axis is axes[0, 1] else 13)
            printed = {row[0]: row[3] for row in part if row[3]}
            shown = 4 if 2 * len(printed) > len(part) else 3  # a few printed numbers get no column: they are in the title
            table = axis.table(
                [row[:shown] for row in part], colLabels=HEADER[:shown],
                bbox=(0, 1 - height, 1, height), colWidths=(0.19, *[0.81 / (shown - 1)] * (shown - 1)),
            )  # fmt: skip
            table.auto_set_font_size(False)
            for (row, column), cell in table.get_celld().items():
                cell.set(edgecolor="#dddddd", fontsize=13)
                if row == 0 or column == 0:
                    cell.get_text().set(weight="bold")
                elif column == 3:
                    cell.get_text().set_color(ORANGE)
            if printed and shown == 3:
                title += "\nthe author printed " + ", ".join(f"{name} = {number}" for name, number in printed.items())
            axis.set_title(title)
        for axis in axes.flat:
            axis.axis("off")
    return path


def plot_losses(curves: dict[str, list[float]], path: Path) -> Path:
    """Plot the loss over many more steps on the one sample."""
    with picture(path, size=(10.0, 6.0)) as (_, axis):
        styles = (BLUE, "o", "articles' deltas, reconstructed", (9, 6), "left"), (ORANGE, "s", "Mazur", (-9, -14), "right")
        for losses, (color, marker, label, offset, side) in zip(curves.values(), styles, strict=True):
            shown = [step for step in (1, 100, 1_000, 10_000, 20_000) if step < len(losses)]
            axis.loglog(range(1, len(losses)), losses[1:], color=color)
            axis.loglog(shown, [losses[step] for step in shown], marker, color=color, label=label)
            for step in shown:
                place = (step, losses[step])
                axis.annotate(f"{losses[step]:.6f}", place, offset, textcoords="offset points", color=color, fontsize=11, ha=side)
        axis.set(title="The same step repeated: the loss on the one sample", xlabel="steps", ylabel="loss E")
        axis.set(xlim=(0.2, 1e5), ylim=(3e-6, 1.0))
        axis.grid(alpha=0.3, color=GREY)
        axis.legend(loc="lower left")
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("worked_example", __doc__, epochs=20_000, quick=1_000, epoch="steps on the one sample", seeded=False)
    args = parser.parse_args(arguments)
    files, curves = [], {}
    for example in ARTICLE, MAZUR:
        print(f"\n{example.title}")
        print(
            "\n".join(
                f"{name:>8} {hand:>13} {graph:>13} {printed:>13}" for name, hand, graph, printed in (HEADER, *rows_of(example))
            )
        )
        print(f"largest difference by hand and by graph: {largest_difference(example):.1e}")
        graph = draw(graph_of(example)["E"], title=example.title).save(args.out / f"{example.name}_graph.svg")
        files += [graph, plot_numbers(example, args.out / f"{example.name}_numbers.png")]
        curves[example.name] = train(example, common.epochs_of(args))
        print(f"loss {curves[example.name][0]:.9f}, after one step {curves[example.name][1]:.9f}")
    files.append(plot_losses(curves, args.out / "losses.png"))
    before, after, *_ = curves["article"]
    common.finish(files, "loss of the articles' example after one step", after, f"{before:.3f}, before it")


if __name__ == "__main__":
    main()

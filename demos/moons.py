"""Separate two moons with a network built neuron by neuron from scalars: micrograd's demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import autograd
from autograd import Value, draw, no_grad
from demos import common
from demos.common import BLUE, ORANGE, picture
from nn import MLP, SGD, Neuron


def margin_loss(model: MLP, points: np.ndarray, labels: np.ndarray) -> tuple[Value, float]:
    """Return the max-margin (hinge) loss with a small weight decay, and the accuracy."""
    scores = [model(point) for point in points]
    losses = [(1 - label * score).relu() for label, score in zip(labels.tolist(), scores, strict=True)]
    decay = 1e-4 * sum(p * p for p in model.parameters())
    right = sum((score > 0) == (label > 0) for label, score in zip(labels, scores, strict=True))
    return sum(losses) / len(losses) + decay, right / len(scores)


def train(model: MLP, points: np.ndarray, labels: np.ndarray, steps: int, compiled: bool = False) -> list[float]:
    """Train on all points at once; return the loss before each step."""
    loss_of = autograd.compile(margin_loss) if compiled else margin_loss
    optimizer = SGD(model.parameters(), lr=1.0)
    history = []
    bar = common.progress(steps, "step")
    for k in bar:
        loss, accuracy = loss_of(model, points, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = 1.0 - 0.9 * k / steps
        optimizer.step()
        history.append(loss.item())
        bar.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.2f}")
    return history


# --- pictures ------------------------------------------------------------------------------------------


def plot_boundary(model: MLP, points: np.ndarray, labels: np.ndarray, path: Path, width: int) -> Path:
    """Plot the score on a grid of `width` columns, the line where it is zero, and the points."""
    (left, bottom), (right, top) = points.min(axis=0) - 0.4, points.max(axis=0) + 0.4
    x, y = np.linspace(left, right, width), np.linspace(bottom, top, round(width * (top - bottom) / (right - left)))
    with no_grad():
        scores = np.array([[model([a, b]).item() for a in x.tolist()] for b in y.tolist()])
    with picture(path, size=(10.0, 6.2)) as (figure, axis):
        tints = common.package("matplotlib").colormaps["RdBu"](np.linspace(0.2, 0.8, 14))  # without the darkest
        colors = axis.contourf(x, y, scores, range(-6, 7), colors=tints, extend="both")
        axis.contour(x, y, scores, [0.0], colors="black", linewidths=2.5)
        axis.contour(x, y, scores, [-1.0, 1.0], colors="black", linewidths=1.2, linestyles="--")
        axis.plot([], color="black", linewidth=2.5, label="boundary: score 0")
        axis.plot([], color="black", linewidth=1.2, linestyle="--", label="margin: score ±1")
        for label, marker, color in (-1, "o", ORANGE), (1, "s", BLUE):
            mine = points[labels == label].T
            axis.scatter(*mine, s=55, c=color, marker=marker, zorder=3, edgecolors="white", label=f"points with $y={label:+d}$")
        axis.set(title="Two moons, separated by an MLP with 337 parameters", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
        figure.legend(loc="outside lower center", ncols=4, fontsize=11, columnspacing=1.2, handletextpad=0.4)
        figure.colorbar(colors, ax=axis, label="score", shrink=0.85)
    return path


def plot_loss(history: list[float], path: Path) -> Path:
    """Plot the loss at every step."""
    with picture(path) as (_, axis):
        axis.semilogy(history, color=BLUE)
        axis.set(title="Training on two moons", xlabel="step", ylabel="loss (max margin and weight decay)")
        axis.grid(alpha=0.3)
    return path


def draw_neuron(neuron: Neuron, points: np.ndarray, path: Path) -> Path:
    """Draw the graph of one neuron's output, with its gradients, at the point that excites it most."""
    point = max(points, key=lambda point: neuron(point).item())
    x = [Value(item, label=f"x{i}") for i, item in enumerate(point.tolist())]
    for name, parameter in neuron.named_parameters():
        parameter.label = name
    out = neuron(x)
    out.label = "out"
    neuron.zero_grad()
    out.backward()
    return draw(out).save(path)


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("moons", __doc__)
    common.compile_option(parser)
    parser.add_argument("--steps", type=common.count, help="steps of gradient descent (default: 100)")
    args = parser.parse_args(arguments)

    points, labels = common.load_moons(30 if args.quick else 100, args.seed)
    model = MLP(2, [16, 16, 1], rng=args.seed)
    print(model)

    history = train(model, points, labels, args.steps or (3 if args.quick else 100), args.compile)
    with no_grad():
        _, accuracy = margin_loss(model, points, labels)

    neuron = model.layers[0].neurons[0]
    files = [
        plot_boundary(model, points, labels, args.out / "boundary.png", 20 if args.quick else 80),
        plot_loss(history, args.out / "loss.png"),
        draw_neuron(neuron, points, args.out / "neuron.svg"),
    ]
    common.finish(files, "accuracy", accuracy, "0.5, guessing")


if __name__ == "__main__":
    main()

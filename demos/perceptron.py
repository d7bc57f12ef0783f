"""Compare Rosenblatt's perceptron with a network of one hidden layer, on classes that a line separates or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd import no_grad
from demos import common
from demos.common import BLUE, GREY, ORANGE, picture
from nn import Adam, Linear, Module, Sequential, Tanh, binary_cross_entropy_with_logits, step

HIDDEN = 4  # units of the hidden layer; three suffice for each shape, but sometimes get stuck


def datasets(samples: int, rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return points (n, 2) and labels (n,), 0 or 1: two clouds that a line separates, and three shapes that none does."""
    seed = int(rng.integers(2**31))
    labels = np.arange(samples) % 2
    clouds = rng.normal(scale=0.35, size=(samples, 2)) + np.where(labels == 0, -0.9, 0.9)[:, None]
    circles, ring = common.load_circles(samples, seed, noise=0.08)
    moons, moon = common.load_moons(samples, seed)
    corners = rng.choice([-1.0, 1.0], size=(samples, 2))
    xor = corners + rng.normal(scale=0.25, size=(samples, 2))
    return {
        "two clouds": (clouds, labels),
        "moons": (moons - moons.mean(axis=0), (moon + 1) // 2),
        "circles": (circles, ring),
        "XOR": (xor, (corners[:, 0] * corners[:, 1] < 0.0).astype(int)),
    }


# --- two ways to learn ---------------------------------------------------------------------------------


def perceptron(points: np.ndarray, labels: np.ndarray, passes: int, rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """Train by Rosenblatt's rule (1958): where the prediction is wrong, add the point to the weights, or subtract it.

    Where no line separates the points it never stops: the weights returned are the best so far, as in Gallant's pocket
    algorithm (1990).

    Returns:
        The weights (3,), the last one the bias, and the number of wrong predictions after each pass.
    """
    inputs = np.column_stack([points, np.ones(len(points))])
    weights, best, mistakes = np.zeros(3), np.zeros(3), []
    for _ in common.progress(passes, "pass", "perceptron"):
        for i in rng.permutation(len(inputs)):
            weights = weights + (labels[i] - step(inputs[i] @ weights)) * inputs[i]
        mistakes.append(int(np.sum(step(inputs @ weights) != labels)))
        if mistakes[-1] == min(mistakes):
            best = weights
        if not mistakes[-1]:
            break
    return best, mistakes


def train(points: np.ndarray, labels: np.ndarray, epochs: int, rng: np.random.Generator) -> tuple[Sequential, list[int]]:
    """Train a 2-4-1 network on all points in every step; return it, and the number of wrong predictions after each."""
    model = Sequential(Linear(2, HIDDEN, rng=rng), Tanh(), Linear(HIDDEN, 1, rng=rng))
    optimizer = Adam(model.named_parameters(), lr=0.05)
    mistakes = []
    for _ in common.progress(epochs, "epoch", "network"):
        logits = model(points)[:, 0]  # (n,)
        loss = binary_cross_entropy_with_logits(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mistakes.append(int(np.sum((logits.data > 0.0) != labels)))
    return model, mistakes


@no_grad()
def scores_of(model: Any, points: np.ndarray) -> np.ndarray:
    """Return the scores (n,) of a network or of a perceptron's weights: above 0 is class 1."""
    if isinstance(model, Module):
        return model(points).data[:, 0]
    return points @ model[:2] + model[2]


def accuracy(model: Any, points: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean((scores_of(model, points) > 0.0) == labels))


# --- pictures ------------------------------------------------------------------------------------------


@no_grad()
def hidden_space(model: Sequential, points: np.ndarray) -> np.ndarray:
    """Return points (..., 2) as the hidden layer maps them, projected so that the output layer's plane is the line x = 0.

    The first coordinate is the distance to that plane, the second the direction within it of the largest spread.
    """
    hidden, output = model[:2], model[2]
    length = np.linalg.norm(output.weight.data)
    normal = output.weight.data[0] / length
    square = hidden(np.random.default_rng(0).uniform(-1.0, 1.0, (500, 2))).data
    inside = square - square.mean(axis=0)
    inside = inside - np.outer(inside @ normal, normal)
    along = np.linalg.svd(inside, full_matrices=False)[2][0]
    h = hidden(points).data  # (..., HIDDEN)
    return np.stack([h @ normal + output.bias.data[0] / length, h @ along], axis=-1)


def scatter(axis: Any, points: np.ndarray, labels: np.ndarray) -> None:
    for label, color, marker in (0, ORANGE, "o"), (1, BLUE, "s"):
        axis.scatter(*points[labels == label].T, s=26, c=color, marker=marker, edgecolors="white", linewidths=0.6, zorder=3)


def plot_boundaries(data: dict[str, Any], models: dict[str, Any], path: Path) -> Path:
    """Plot in each column a data set: the perceptron's line, the network's boundary, and its hidden layer."""
    grid = np.linspace(-2.1, 2.1, 120)
    mesh = np.stack(np.meshgrid(grid, grid), axis=-1)  # (120, 120, 2)
    tints = common.package("matplotlib").colormaps["RdBu"]([0.28, 0.36, 0.43, 0.57, 0.64, 0.72])
    with picture(path, 3, len(data), (16.5, 12.6)) as (figure, axes):
        figure.suptitle("A perceptron draws a line. A hidden layer bends the space until a line is enough (new points)")
        for column, (name, (points, labels)) in zip(axes.T, data.items(), strict=True):
            line, network = models[name]
            for axis, model, who in zip(column, (line, network), ("perceptron", f"2-{HIDDEN}-1 network"), strict=False):
                scores = scores_of(model, mesh.reshape(-1, 2)).reshape(mesh.shape[:2])
                levels = [-np.inf, -2.0, -1.0, 0.0, 1.0, 2.0, np.inf] if model is network else [-np.inf, 0.0, np.inf]
                axis.contourf(grid, grid, scores, np.nan_to_num(levels, posinf=1e6, neginf=-1e6),
                              colors=tints if model is network else tints[[1, 4]])  # fmt: skip
                axis.contour(grid, grid, scores, [0.0], colors="black", linewidths=2.2)
                scatter(axis, points, labels)
                axis.set_title(f"{name}, {who}: {accuracy(model, points, labels):.0%}", fontsize=14)
                axis.set(xlim=(-2.1, 2.1), ylim=(-2.1, 2.1), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
            for lines in (hidden_space(network, mesh[::8]), hidden_space(network, mesh[:, ::8].swapaxes(0, 1))):
                column[2].plot(*lines.transpose(2, 1, 0), color=GREY, linewidth=0.6, alpha=0.7)
            scatter(column[2], hidden_space(network, points), labels)
            column[2].axvline(0.0, color="black")
            column[2].set_title(f"the same points in its hidden layer:\n{HIDDEN} numbers, seen in two dimensions", fontsize=14)
            column[2].set(xlabel="distance from undecided")
        axes[0, 0].set_ylabel("$x_2$")
        axes[1, 0].set_ylabel("$x_2$")
        axes[2, 0].set_ylabel("across, the widest view")
        for axis in axes[1]:
            axis.set_xlabel("$x_1$")
    return path


def plot_mistakes(curves: dict[str, tuple[list[int], list[int]]], samples: int, path: Path) -> Path:
    """Plot the share of wrong predictions on the training points over the passes."""
    with picture(path, 1, len(curves), (16.0, 4.4)) as (figure, axes):
        figure.suptitle("Errors on the training points: the perceptron only settles where a line is enough")
        for axis, (name, (line, network)) in zip(axes, curves.items(), strict=True):
            axis.plot(np.arange(1, len(line) + 1), np.array(line) / samples, color=ORANGE, linewidth=1.4, label="perceptron")
            axis.plot(np.arange(1, len(network) + 1), np.array(network) / samples, color=BLUE, linestyle="--", label="network")
            axis.plot(len(line), line[-1] / samples, "o", color=ORANGE, markersize=8, clip_on=False)
            axis.set(title=name, xlabel="passes over the points", ylim=(0.0, 0.75), xscale="log")
        axes[0].set_ylabel("share of errors")
        axes[0].legend()
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("perceptron", __doc__, epochs=400, quick=60)
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)
    samples = 80 if args.quick else 300
    train_data, test_data = datasets(samples, rng), datasets(samples, rng)

    models, curves = {}, {}
    for name, (points, labels) in train_data.items():
        print(name)
        line, line_mistakes = perceptron(points, labels, 20 if args.quick else 100, rng)
        network, mistakes = train(points, labels, common.epochs_of(args), rng)
        models[name], curves[name] = (line, network), (line_mistakes, mistakes)

    print(f"\n{'accuracy on new points':<24} {'perceptron':>10} {'network':>10}")
    results = {name: [accuracy(model, *test_data[name]) for model in models[name]] for name in models}
    for name, (line, network) in results.items():
        print(f"{name:<24} {line:>10.3f} {network:>10.3f}")
    files = [
        plot_boundaries(test_data, models, args.out / "boundaries.png"),
        plot_mistakes(curves, samples, args.out / "mistakes.png"),
    ]
    line, network = np.mean([results[name] for name in ("moons", "circles", "XOR")], axis=0)
    common.finish(files, "accuracy on moons, circles and XOR", network, f"{line:.3f}, the perceptron")


if __name__ == "__main__":
    main()

"""Overfit few noisy points with a network that is too large; then hold it back with weight decay and dropout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd import no_grad
from demos import common
from demos.common import BLUE, GREY, ORANGE, picture
from nn import AdamW, Dropout, Linear, Sequential, SiLU, accuracy, cross_entropy, evaluate, sigmoid

NOISE = 0.3  # of the moons: so much that no classifier is perfect
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)  # units in each of the two hidden layers
SMALL, LARGE = 8, 128  # enough for the moons, and far too many
DECAYS, DROPOUTS = (0.1, 0.3, 1.0, 3.0, 10.0), (0.1, 0.3, 0.5, 0.7, 0.9)
DECAY, DROPOUT = 3.0, 0.5  # good values


class Data(NamedTuple):
    """Points or images x (n, inputs) with their classes y (n,): few to train, many to test."""

    x: np.ndarray
    y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


def moons(rng: np.random.Generator, points: int = 80, tests: int = 2_000) -> Data:
    """Return two half moons with so much noise that they overlap."""
    (x, y), (test_x, test_y) = (common.load_moons(n, int(rng.integers(2**31)), NOISE) for n in (points, tests))
    return Data(x, (y + 1) // 2, test_x, (test_y + 1) // 2)


def digits(rng: np.random.Generator, samples: int = 200) -> Data:
    """Return a few digits to train, and 1,000 others to test."""
    x, y, test_x, test_y = common.load_digits(rng)
    return Data(x[:samples].astype(np.float32), y[:samples], test_x.astype(np.float32), test_y)


# --- training ------------------------------------------------------------------------------------------


class Setting(NamedTuple):
    """The size of a network, and its regularisation."""

    units: int
    decay: float = 0.0
    dropout: float = 0.0


def train(data: Data, setting: Setting, epochs: int, rng: np.random.Generator) -> Sequential:
    """Train a network with two hidden layers of equal size on all samples in every step."""
    sizes = data.x.shape[1], setting.units, setting.units
    layers = []
    for inputs, units in pairwise(sizes):
        layers += [Linear(inputs, units, rng=rng, dtype=data.x.dtype), SiLU(), Dropout(setting.dropout, rng=rng)]
    model = Sequential(*layers, Linear(setting.units, int(data.y.max()) + 1, rng=rng, dtype=data.x.dtype))
    optimizer = AdamW(model.named_parameters(), lr=0.01, weight_decay=setting.decay)
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = cross_entropy(model(data.x), data.y)
        loss.backward()
        optimizer.step()
    return model


def errors(model: Sequential, data: Data) -> tuple[float, float]:
    """Return the error rates on the training and on the test samples."""
    parts = (data.x, data.y), (data.test_x, data.test_y)
    train_error, test_error = (1.0 - evaluate(model, part, {"accuracy": accuracy})["accuracy"] for part in parts)
    return train_error, test_error


def study(draws: Sequence[Data], settings: Sequence[Setting], epochs: int, rng: np.random.Generator, what: str) -> np.ndarray:
    """Return the errors (settings, draws, 2) of each setting on each draw of the data."""
    results = []
    for i in (bar := common.progress(len(settings), "setting", what)):
        results.append([errors(train(data, settings[i], epochs, rng), data) for data in draws])
        bar.set_postfix(test_error=f"{np.mean(results[-1], axis=0)[1]:.3f}")
    return np.array(results)


def best_possible(x: np.ndarray) -> np.ndarray:
    """Return scores (n,), above 0 where the second moon is likelier by the densities that the points are drawn from."""
    arcs, labels = common.load_moons(400, 0, noise=0.0)
    nearness = np.exp(-((x[:, None] - arcs) ** 2).sum(axis=2) / (2.0 * NOISE**2))  # (n, 400)
    return np.log(nearness[:, labels > 0].sum(axis=1)) - np.log(nearness[:, labels < 0].sum(axis=1))


# --- pictures ------------------------------------------------------------------------------------------


def draw_gap(axis: Any, ticks: Sequence[Any], results: np.ndarray) -> None:
    """Plot both errors for each setting (settings, draws, 2) with their spread; the area between them is the gap."""
    places, means, spreads = range(len(ticks)), results.mean(axis=1), results.std(axis=1)
    axis.fill_between(places, *means.T, color=GREY, alpha=0.15, linewidth=0, label="the gap")
    axis.errorbar(places, means[:, 1], spreads[:, 1], color=ORANGE, marker="o", capsize=4, label="test error")
    axis.errorbar(places, means[:, 0], spreads[:, 0], color=BLUE, marker="s", linestyle="--", capsize=4, label="training error")
    axis.set_xticks(places, [f"{tick:g}" if tick else "none" for tick in ticks])
    axis.grid(alpha=0.3)


def plot_sizes(on_moons: np.ndarray, on_digits: np.ndarray, best: float, path: Path) -> Path:
    """Plot the gap over the size of the network."""
    with picture(path, 1, 2, (14.0, 6.4)) as (figure, axes):
        figure.suptitle("Large networks memorise few samples. Whether their test error grows depends on the data")
        parts = (on_moons, "80 points of two moons, with much noise"), (on_digits, "200 digits")
        for axis, (results, title) in zip(axes, parts, strict=True):
            draw_gap(axis, SIZES, results)
            tested = 100.0 * results[:, :, 1].mean(axis=1)  # (sizes,)
            worse = f"{SIZES[-1]} units: {tested[-1] - tested.min():.1f} % more errors than with {SIZES[tested.argmin()]}"
            axis.set(title=f"{title}\n{worse}", ylabel="share of errors", ylim=(-0.01, None))
            axis.set_xlabel("units in each of two hidden layers")
        axes[0].axhline(best, color="black", linestyle=":", label="least possible test error")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return path


def plot_strengths(large: np.ndarray, decays: np.ndarray, dropouts: np.ndarray, best: float, path: Path) -> Path:
    """Plot the gap of the large network on moons over the strength of the regularisation."""
    with picture(path, 1, 2, (14.0, 6.4)) as (figure, axes):
        figure.suptitle(f"Two moons, {LARGE} units in each hidden layer: regularisation closes the gap, up to a point")
        draw_gap(axes[0], (0.0, *DECAYS), np.concatenate([large, decays]))
        draw_gap(axes[1], (0.0, *DROPOUTS), np.concatenate([large, dropouts]))
        axes[0].set(title="weight decay", xlabel="strength of AdamW's weight decay", ylabel="share of errors")
        axes[1].set(title="dropout", xlabel="share of units dropped in each step", ylabel="share of errors")
        top = max(axis.get_ylim()[1] for axis in axes)
        for axis in axes:
            axis.axhline(best, color="black", linestyle=":", label="least possible test error")
            axis.set_ylim(-0.01, top)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return path


def plot_boundaries(panels: dict[str, Callable[[np.ndarray], np.ndarray]], data: Data, path: Path) -> Path:
    """Plot for each function its probability over the plane, its boundary, and the training points."""
    (left, bottom), (right, top) = data.x.min(axis=0) - 0.3, data.x.max(axis=0) + 0.3
    x, y = np.meshgrid(np.linspace(left, right, 200), np.linspace(bottom, top, 160))
    tints = common.package("matplotlib").colormaps["RdBu"](np.linspace(0.2, 0.8, 10))
    with picture(path, 2, 3, (14.5, 9.4)) as (figure, axes):
        figure.suptitle(f"{len(data.y)} noisy points of two moons, and the boundaries of networks")
        for axis, (title, score) in zip(axes.flat, panels.items(), strict=True):
            chances = sigmoid(score(np.column_stack([x.ravel(), y.ravel()]))).reshape(x.shape)
            colors = axis.contourf(x, y, chances, np.linspace(0.0, 1.0, 11), colors=tints)
            axis.contour(x, y, chances, [0.5], colors="black", linewidths=2.2)
            for label, marker, color in (0, "o", ORANGE), (1, "s", BLUE):
                axis.scatter(*data.x[data.y == label].T, s=40, c=color, marker=marker, edgecolors="white", zorder=3)
            wrong = np.mean((score(data.x) > 0) != data.y), np.mean((score(data.test_x) > 0) != data.test_y)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            axis.set_title(f"{title}\nerrors: {wrong[0]:.1%} training, {wrong[1]:.1%} test", fontsize=13)
        figure.colorbar(colors, ax=axes, label="probability of the blue squares", pad=0.01, aspect=40)
    return path


# --- the demo ------------------------------------------------------------------------------------------


def scorer(model: Sequential) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from points (n, 2) to scores (n,), above 0 for the second class."""

    def score(points: np.ndarray) -> np.ndarray:
        with no_grad():
            logits = model.eval()(points).data  # (n, 2)
        return logits[:, 1] - logits[:, 0]

    return score


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("overfitting", __doc__, epochs=600, quick=20)
    parser.add_argument("--draws", type=common.count, help="number of draws of the data (6; with --quick 2)")
    args = parser.parse_args(arguments)
    epochs, draws = common.epochs_of(args), args.draws or (2 if args.quick else 6)
    rng = np.random.default_rng(args.seed)

    clouds = [moons(rng) for _ in range(draws)]
    sizes = [Setting(units) for units in SIZES]
    on_moons = study(clouds, sizes, epochs, rng, "sizes, moons")
    on_digits = study([digits(rng) for _ in range((draws + 1) // 2)], sizes, epochs, rng, "sizes, digits")
    decays = study(clouds, [Setting(LARGE, decay=decay) for decay in DECAYS], epochs, rng, "weight decay")
    dropouts = study(clouds, [Setting(LARGE, dropout=dropout) for dropout in DROPOUTS], epochs, rng, "dropout")
    best = float(np.mean([np.mean((best_possible(data.test_x) > 0) != data.test_y) for data in clouds]))

    shown = {
        "1 unit in each layer": Setting(1),
        f"{SMALL} units": Setting(SMALL),
        f"{LARGE} units": Setting(LARGE),
        f"{LARGE} units, weight decay {DECAY:g}": Setting(LARGE, decay=DECAY),
        f"{LARGE} units, dropout {DROPOUT:g}": Setting(LARGE, dropout=DROPOUT),
    }
    panels = {title: scorer(train(clouds[0], setting, epochs, rng)) for title, setting in shown.items()}
    panels["the best possible, from the true densities"] = best_possible

    large = on_moons[[SIZES.index(LARGE)]]
    files = [
        plot_sizes(on_moons, on_digits, best, args.out / "sizes.png"),
        plot_strengths(large, decays, dropouts, best, args.out / "strengths.png"),
        plot_boundaries(panels, clouds[0], args.out / "boundaries.png"),
    ]
    held = decays[DECAYS.index(DECAY)], dropouts[DROPOUTS.index(DROPOUT)]
    held_back, dropped = (float(results[:, 1].mean()) for results in held)
    baseline = f"{large[0, :, 1].mean():.3f} without, {dropped:.3f} with dropout, {best:.3f} the least possible"
    common.finish(files, f"test error of {LARGE} units with weight decay", held_back, baseline)


if __name__ == "__main__":
    main()

"""Compare how methods learn from 50 to 4,000 digits: two networks, support vector machines and naive Bayes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demos import common
from demos.common import BLUE, GREEN, GREY, ORANGE, PURPLE, Digits, picture
from nn import Adam, Conv2d, Dropout, Flatten, Linear, OneCycleLR, ReLU, Sequential, accuracy, cross_entropy, evaluate

SIZES = (50, 100, 200, 400, 1_000, 2_000, 4_000, 10_000, 20_000, 60_000)  # the last three with --full only
BATCH, LEAST = 64, 4_000  # an epoch has at least 4,000 digits: fewer digits do not mean fewer steps
CNN, DENSE, RBF, LINEAR, BAYES = METHODS = (
    "convolutional net",
    "784-128-10 net",
    "SVM, RBF kernel",
    "SVM, linear",
    "naive Bayes",
)
LOOKS = dict(zip(METHODS, zip((ORANGE, BLUE, GREEN, PURPLE, GREY), "osD^v", strict=True), strict=True))  # colour and marker


# --- the methods, none with settings that depend on the number of digits -------------------------------


def dense(rng: np.random.Generator) -> Sequential:
    """Return a network with 128 hidden neurons: 101,770 parameters. It does not know which pixels are neighbours."""
    first, last = Linear(784, 128, rng=rng, dtype=np.float32), Linear(128, 10, rng=rng, dtype=np.float32)
    return Sequential(Flatten(), first, ReLU(), Dropout(0.3, rng=rng), last)


def convolutional(rng: np.random.Generator) -> Sequential:
    """Return two convolutions with stride 2 and a linear layer: 8,882 parameters."""
    return Sequential(
        Conv2d(1, 8, 5, stride=2, rng=rng, dtype=np.float32),  # (n, 8, 12, 12)
        ReLU(),
        Conv2d(8, 24, 5, stride=2, rng=rng, dtype=np.float32),  # (n, 24, 4, 4)
        ReLU(),
        Flatten(),
        Dropout(0.5, rng=rng),
        Linear(384, 10, rng=rng, dtype=np.float32),
    )


def score_network(model: Sequential, data: Digits, epochs: int, rate: float, rng: np.random.Generator) -> float:
    """Train a network, with a learning rate that rises and falls; return its accuracy on the test digits."""
    images, labels, test_images, test_labels = data
    images, test_images = (part.reshape(-1, 1, 28, 28).astype(np.float32) for part in (images, test_images))
    steps = max(len(labels), LEAST) * epochs // BATCH
    optimizer = Adam(model.named_parameters(), lr=rate)
    scheduler = OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    for _ in range(steps):
        batch = rng.integers(len(labels), size=BATCH)
        optimizer.zero_grad()
        loss = cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        scheduler.step()
    return evaluate(model, (test_images, test_labels), {"accuracy": accuracy})["accuracy"]


def peers() -> dict[str, Any]:
    """Return the methods to compare with; naive Bayes does best on black and white pixels."""
    svm, bayes = common.package("sklearn.svm"), common.package("sklearn.naive_bayes")
    return {RBF: svm.SVC(C=10.0), LINEAR: svm.SVC(C=0.1, kernel="linear"), BAYES: bayes.BernoulliNB(binarize=0.5)}


def score_all(data: Digits, epochs: int, rng: np.random.Generator) -> list[float]:
    """Return the test accuracy of each method, trained on the same digits."""
    networks = [(convolutional(rng), 1e-2), (dense(rng), 4e-3)]
    return [score_network(model, data, epochs, rate, rng) for model, rate in networks] + [
        peer.fit(*data[:2]).score(*data[2:]) for peer in peers().values()
    ]


# --- the picture ---------------------------------------------------------------------------------------


def plot(sizes: Sequence[int], scores: np.ndarray, path: Path) -> Path:
    """Plot accuracy, and error on logarithmic axes, where a straight line is a power law of the number of digits."""
    with picture(path, 1, 2, (14.0, 6.6)) as (figure, axes):
        figure.suptitle(
            f"More digits, fewer mistakes: mean and standard deviation over {len(scores)} draws of the digits\n"
            f"in the legend: the gain in accuracy from {sizes[-2]:,} to {sizes[-1]:,} digits"
        )
        for axis, values, what in (axes[0], scores, "accuracy"), (axes[1], 1.0 - scores, "error"):
            for method, column in zip(METHODS, np.moveaxis(values, 2, 0), strict=True):  # (draws, sizes)
                color, marker = LOOKS[method]
                middle, spread = column.mean(axis=0), column.std(axis=0)
                axis.plot(sizes, middle, color=color, marker=marker, label=f"{method}: {middle[-1] - middle[-2]:+.3f}")
                axis.fill_between(sizes, middle - spread, middle + spread, color=color, alpha=0.2, linewidth=0)
            axis.set(xscale="log", xlabel="training digits", ylabel=f"{what} on test digits")
            axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axis.minorticks_off()
            axis.grid(alpha=0.3)
        ticks = [0.03, 0.05, 0.1, 0.2, 0.3, 0.5]
        axes[1].set(yscale="log", ylim=(0.025, None))
        axes[1].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes[1].minorticks_off()
        axes[0].set_title("accuracy")
        axes[1].set_title("error, both axes logarithmic")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return path


# --- the demo ------------------------------------------------------------------------------------------


def learning_curve(data: Digits, sizes: Sequence[int], epochs: int, rng: np.random.Generator) -> list[list[float]]:
    """Return the scores of all methods for each size; a smaller set of digits is part of each larger one."""
    order, curve = rng.permutation(len(data.train_labels)), []
    for i in (bar := common.progress(len(sizes), "size")):
        part = order[: sizes[i]]
        few = data._replace(train_images=data.train_images[part], train_labels=data.train_labels[part])
        curve.append(score_all(few, epochs, rng))
        bar.set_postfix(digits=sizes[i], accuracy=f"{curve[-1][0]:.3f}")
    return curve


def show_table(sizes: Sequence[int], scores: np.ndarray) -> None:
    """Print mean and standard deviation of the accuracies (draws, sizes, methods)."""
    print("digits " + "".join(f"{method:>20}" for method in METHODS))
    for size, means, spreads in zip(sizes, scores.mean(axis=0), scores.std(axis=0), strict=True):
        print(f"{size:6,} " + "".join(f"{mean:12.3f} ± {spread:.3f}" for mean, spread in zip(means, spreads, strict=True)))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("learning_curve", __doc__, epochs=12)
    parser.add_argument("--draws", type=common.count, help="number of draws of training and test digits (4; with --quick 2)")
    common.digit_options(parser)
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)

    curves = []
    for _ in range(args.draws or (2 if args.quick else 4)):
        data = common.digits_of(args, rng)
        sizes = [size for size in SIZES if size <= len(data.train_labels)]
        curves.append(learning_curve(data, sizes, common.epochs_of(args), rng))
    scores = np.array(curves)  # (draws, sizes, methods)
    show_table(sizes, scores)

    files = [plot(sizes, scores, args.out / "learning_curve.png")]
    most = dict(zip(METHODS, scores[:, -1].mean(axis=0), strict=True))
    others = ", ".join(f"{most[name]:.3f} {name}" for name in (RBF, DENSE, BAYES))
    common.finish(files, f"test accuracy of the {CNN} with {sizes[-1]:,} digits", most[CNN], others)


if __name__ == "__main__":
    main()

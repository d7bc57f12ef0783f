"""Recognise handwritten digits with a LeNet-like convolutional network, and look at its filters and feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nn
from autograd import no_grad
from demos import common
from demos.common import BLUE, ORANGE, as_pictures, picture


def build(rng: np.random.Generator) -> nn.Sequential:
    """Return LeNet-5 of 1998 with ReLU and max pooling: 61,706 parameters."""
    settings: dict[str, Any] = {"rng": rng, "dtype": np.float32}
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2, **settings),  # (n, 6, 28, 28)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (n, 6, 14, 14)
        nn.Conv2d(6, 16, 5, **settings),  # (n, 16, 10, 10)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (n, 16, 5, 5)
        nn.Flatten(),
        nn.Linear(400, 120, **settings),
        nn.ReLU(),
        nn.Linear(120, 84, **settings),
        nn.ReLU(),
        nn.Linear(84, 10, **settings),
    )


class ShiftedDigits:
    """A data set of digits, each shifted at random by up to two pixels whenever it is read: free augmentation."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> None:
        self.framed = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))  # (n, 1, 32, 32)
        self.labels, self.rng = labels, rng

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        top, left = self.rng.integers(5, size=2)  # of a window of the original size
        return self.framed[index, :, top : top + 28, left : left + 28], self.labels[index]


def train(
    model: nn.Module, images: np.ndarray, labels: np.ndarray, epochs: int, rng: np.random.Generator, test: tuple | None = None
) -> nn.History:
    """Train the model on shifted digits; the test digits are only measured, no choice depends on them."""
    loader = nn.DataLoader(ShiftedDigits(images, labels, rng), batch_size=32, shuffle=True, rng=rng)
    optimizer = nn.AdamW(model.named_parameters(), lr=4e-3)
    schedule = nn.OneCycleLR(optimizer, 4e-3, epochs=epochs, steps_per_epoch=len(loader))
    metrics = {"accuracy": nn.accuracy} if test else {}
    return nn.fit(
        model, nn.cross_entropy, optimizer, loader, test, epochs=epochs, scheduler=schedule, schedule_every="step",
        metrics=metrics, restore_best=False)  # fmt: skip


@no_grad()
def scores(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Return the logits (n, 10) of the model, computed in parts to save memory."""
    return np.concatenate([model(images[start : start + 500]).data for start in range(0, len(images), 500)])


# --- pictures ------------------------------------------------------------------------------------------


def plot_curves(history: nn.History, baseline: float, path: Path) -> Path:
    """Plot loss and accuracy after every epoch."""
    with picture(path, 1, 2, (12.0, 5.0)) as (figure, axes):
        good = history["accuracy"][-1] > baseline
        beside = "better than" if good else "not yet as well as"
        figure.suptitle(f"A convolutional network learns to read digits, {beside} the three nearest neighbours")
        axes[0].plot(history["epoch"], history["loss"], "o-", color=BLUE, label="training digits, shifted at random")
        axes[0].plot(history["epoch"], history["validation_loss"], "s--", color=ORANGE, label="test digits")
        axes[0].set(xlabel="epoch", ylabel="loss", ylim=(0.0, None))
        last = history["accuracy"][-1]
        axes[1].plot(history["epoch"], history["accuracy"], "s--", color=ORANGE, label=f"the network: {last:.3f} at the end")
        axes[1].axhline(baseline, color=common.GREY, linestyle=":", label=f"the three nearest neighbours: {baseline:.3f}")
        axes[1].set(xlabel="epoch", ylabel="accuracy on test digits", ylim=(min(0.8, *history["accuracy"]), 1.0))
        for axis in axes:
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.grid(alpha=0.3)
            axis.legend()
    return path


@no_grad()
def plot_maps(model: nn.Sequential, images: np.ndarray, path: Path) -> Path:
    """Plot the six filters of the first layer, and the response of each to the digits (4, 1, 28, 28)."""
    filters = model[0].weight.data[:, 0]  # (6, 5, 5)
    biases = model[0].bias.data  # (6,)
    maps = model[:2](images).data  # (4, 6, 28, 28)
    limit = np.abs(filters).max()
    with picture(path, len(images) + 1, 7, (13.0, 10.2)) as (figure, axes):
        figure.suptitle("The first layer: six filters, and the response of each to a digit")
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        axes[0, 0].text(0.5, 0.5, "filters\n(blue excites,\nred inhibits)", ha="center", va="center")
        for number, (axis, weights, bias) in enumerate(zip(axes[0, 1:], filters, biases, strict=True), start=1):
            axis.imshow(weights, cmap="RdBu", vmin=-limit, vmax=limit)
            axis.set_title(f"filter {number}\nbias {bias:+.2f}")
        for row, image, found in zip(axes[1:], images, maps, strict=True):
            row[0].imshow(image[0], cmap="gray")
            for axis, one in zip(row[1:], found, strict=True):
                axis.imshow(one, cmap="magma", vmin=0.0, vmax=maps.max())
        figure.supxlabel("On the empty background the response is the bias of the filter: above zero, it is not black.")
    return path


@no_grad()
def plot_second_maps(model: nn.Sequential, images: np.ndarray, path: Path) -> Path:
    """Plot the response of the sixteen filters of the second layer to the digits (4, 1, 28, 28)."""
    maps = model[:5](images).data  # (4, 16, 10, 10)
    top = np.quantile(maps, 0.995)
    with picture(path, len(images), 17, (16.0, 5.0)) as (figure, axes):
        figure.suptitle("The second layer: sixteen filters on top of the first six, each for a larger part of a digit")
        for row, image, found in zip(axes, images, maps, strict=True):
            row[0].imshow(image[0], cmap="gray")
            for axis, one in zip(row[1:], found, strict=True):
                axis.imshow(one, cmap="magma", vmin=0.0, vmax=top)
        for number, axis in enumerate(axes[0, 1:], start=1):
            axis.set_title(number)
        for axis in axes.flat:
            axis.axis("off")
    return path


def plot_mistakes(answers: np.ndarray, images: np.ndarray, labels: np.ndarray, path: Path) -> Path:
    """Plot the first 30 test digits that the model gets wrong."""
    wrong = np.flatnonzero(answers != labels)
    with picture(path, 3, 10, (13.0, 5.4)) as (figure, axes):
        shown = f"the first 30 of {len(wrong)}" if len(wrong) > 30 else f"all {len(wrong)}"
        figure.suptitle(f"What the network gets wrong among {len(labels):,} test digits: {shown}")
        for axis in axes.flat:
            axis.axis("off")
        for axis, index in zip(axes.flat, wrong[:30], strict=False):
            axis.imshow(images[index, 0], cmap="gray")
            axis.set_title(f"{answers[index]} (is {labels[index]})", fontsize=12)
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("cnn", __doc__, epochs=8, quick=3)
    common.digit_options(parser)
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)

    data = common.digits_of(args, rng)
    images, test_images = as_pictures(data.train_images), as_pictures(data.test_images)
    print(f"{len(images):,} digits to train, {len(test_images):,} to test")
    model = build(rng)
    print(model)

    history = train(model, images, data.train_labels, common.epochs_of(args), rng, (test_images, data.test_labels))
    print(history)
    neighbours = common.package("sklearn.neighbors").KNeighborsClassifier(3).fit(data.train_images, data.train_labels)
    baseline = neighbours.score(data.test_images, data.test_labels)

    some = np.array([np.argmax(data.test_labels == digit) for digit in (0, 2, 4, 7)])  # the first of each
    answers = scores(model, test_images).argmax(axis=1)
    files = [
        plot_curves(history, baseline, args.out / "curves.png"),
        plot_maps(model, test_images[some], args.out / "feature_maps.png"),
        plot_second_maps(model, test_images[some], args.out / "second_layer.png"),
        plot_mistakes(answers, test_images, data.test_labels, args.out / "mistakes.png"),
    ]
    result = nn.accuracy(scores(model, test_images), data.test_labels)
    common.finish(files, "test accuracy", result, f"{baseline:.3f}, the three nearest neighbours")


if __name__ == "__main__":
    main()

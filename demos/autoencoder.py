"""Detect anomalies, which an autoencoder reproduces badly: in digits and single numbers, beside a Gaussian and PCA."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd import Value
from autograd.ops import step
from demos import common
from demos.common import BLUE, GREEN, GREY, ORANGE, PURPLE, Digits, picture
from nn import AdamW, Linear, Module, OneCycleLR, ReLU, Sequential, Sigmoid, fit, mse_loss

CODE = 16  # numbers that an image of 784 pixels is compressed to
NORMAL = (0, 1, 2, 3, 4)  # the digits that it is trained on; all others are anomalies


def build(rng: np.random.Generator) -> Sequential:
    """784-128-16-128-784."""
    settings: dict[str, Any] = {"rng": rng, "dtype": np.float32}
    encoder = Sequential(Linear(784, 128, **settings), ReLU(), Linear(128, CODE, **settings))
    decoder = Sequential(Linear(CODE, 128, **settings), ReLU(), Linear(128, 784, **settings), Sigmoid())
    return Sequential(encoder, decoder)


class OneBit(Module):
    """Reduces a code to one bit: adds so much noise during training that only far left and far right can be told apart.

    Without noise, one number would pass through the code unchanged, and nothing would be an anomaly.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def forward(self, x: Value) -> Value:
        return (x + self.rng.normal(0.0, 4.0, x.shape)).sigmoid() if self.training else step(x)


def build_narrow(rng: np.random.Generator) -> Sequential:
    """Return a model that maps one number to one bit and back to one number."""
    return Sequential(Linear(1, 8, rng=rng), ReLU(), Linear(8, 1, rng=rng), OneBit(rng), Linear(1, 1, rng=rng))


def train(model: Module, x: np.ndarray, epochs: int, lr: float, rng: np.random.Generator) -> Module:
    """Train the model to reproduce its inputs, which are its targets."""
    optimizer = AdamW(model.named_parameters(), lr=lr)
    schedule = OneCycleLR(optimizer, lr, epochs=epochs, steps_per_epoch=-(-len(x) // 32))
    fit(model, mse_loss, optimizer, (x, x), epochs=epochs, scheduler=schedule, schedule_every="step", rng=rng)
    return model.eval()


def error(x: np.ndarray, again: np.ndarray) -> np.ndarray:
    """Return the anomaly scores (n,): the mean squared error of the reconstruction."""
    return np.mean((x - again) ** 2, axis=1)


def rate(anomalous: np.ndarray, scores: np.ndarray) -> float:
    """Return the probability that an anomaly scores higher than a normal sample: 1 is perfect, 0.5 chance (ROC AUC)."""
    return float(common.package("sklearn.metrics").roc_auc_score(anomalous, scores))


def images_of(data: Digits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return normal images to train, all images to test, and which of these are anomalies."""
    normal = data.train_images[np.isin(data.train_labels, NORMAL)]
    return normal.astype(np.float32), data.test_images.astype(np.float32), ~np.isin(data.test_labels, NORMAL)


def rate_of_each(labels: np.ndarray, scores: np.ndarray) -> dict[int, float]:
    """Return the area under ROC for each anomalous digit against the normal ones."""
    parts = {digit: np.isin(labels, (*NORMAL, digit)) for digit in range(10) if digit not in NORMAL}
    return {digit: rate(labels[part] == digit, scores[part]) for digit, part in parts.items()}


def image_scores(model: Module, normal: np.ndarray, tests: np.ndarray) -> dict[str, np.ndarray]:
    """Return the anomaly scores (n,) of the test images by each method; all train on the same normal images."""
    decomposition, covariance = common.package("sklearn.decomposition"), common.package("sklearn.covariance")
    pca = decomposition.PCA(CODE, random_state=0).fit(normal)
    return {
        f"autoencoder, {CODE} numbers": error(tests, model(tests).data),
        f"PCA, {CODE} components": error(tests, pca.inverse_transform(pca.transform(tests))),
        # 784 x 784 covariances from few images are uncertain: Ledoit and Wolf's estimate shrinks them to a round cloud.
        "Gaussian density": covariance.LedoitWolf().fit(normal).mahalanobis(tests),  # grows as the density falls
    }


class Line:
    """The one-dimensional example: the ink of a digit. Zeros and ones are normal: zeros have much ink, ones little."""

    def __init__(self, data: Digits, epochs: int, rng: np.random.Generator) -> None:
        normal = np.isin(data.train_labels, (0, 1))
        ink = data.train_images[normal].mean(axis=1, keepdims=True)  # (n, 1)
        self.mean, self.spread = ink.mean(), ink.std()
        self.normal = (ink - self.mean) / self.spread
        self.tests = (data.test_images.mean(axis=1, keepdims=True) - self.mean) / self.spread
        self.anomalous = ~np.isin(data.test_labels, (0, 1))
        self.model = train(build_narrow(rng), self.normal, epochs, 0.02, rng)
        self.mixture = common.package("sklearn.mixture").GaussianMixture(2, random_state=0).fit(self.normal)

    def scores(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return the scores by the squared error of the reconstruction, and by the densities of one and of two Gaussians.

        The squared distance to the mean is -2 log(density) of one Gaussian up to a constant.
        """
        return {
            "autoencoder, one bit": error(x, self.model(x).data),
            "one Gaussian": x[:, 0] ** 2,
            "two Gaussians": -2.0 * self.mixture.score_samples(x),
        }


# --- pictures ------------------------------------------------------------------------------------------


def plot_reconstructions(model: Module, data: Digits, scores: np.ndarray, anomalous: np.ndarray, path: Path) -> Path:
    """Plot digits and their reconstructions, five normal ones and five anomalies, each the median of its class."""
    chosen = [np.flatnonzero(data.test_labels == digit) for digit in range(10)]
    middle = [of[np.argsort(scores[of])[len(of) // 2]] for of in chosen]
    images = data.test_images[middle].astype(np.float32)
    again = model(images).data
    with picture(path, 3, 10, (15.0, 5.6)) as (figure, axes):
        areas = rate_of_each(data.test_labels, scores)
        hardest = min(areas, key=lambda digit: areas[digit])
        worse = f"the others are reproduced worse, but many a {hardest} passes for normal"
        if rate(anomalous, scores) < 0.75:
            worse = "it can hardly tell the others from them"
        figure.suptitle(f"It learned the digits 0 to 4: {worse}")
        figure.supxlabel("Each is the median of its class; below it its score, the mean squared error.")
        top = np.max((images - again) ** 2)
        for column, (index, digit, back) in enumerate(zip(middle, images, again, strict=True)):
            axes[0, column].imshow(digit.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
            axes[1, column].imshow(back.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
            axes[2, column].imshow(((digit - back) ** 2).reshape(28, 28), cmap="magma", vmin=0, vmax=top)
            axes[2, column].set_xlabel(f"{scores[index]:.3f}")
            axes[0, column].set_title("anomaly" if anomalous[index] else "normal", color=ORANGE if anomalous[index] else BLUE)
        for axis, text in zip(axes[:, 0], ("in", "out", "squared\ndifference"), strict=True):
            axis.set_ylabel(text, rotation=0, ha="right", va="center")
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
    return path


def plot_scores(scores: dict[str, np.ndarray], anomalous: np.ndarray, path: Path) -> Path:
    """Plot histograms of the autoencoder's score, and the ROC curves of all methods."""
    with picture(path, 1, 2, (13.0, 5.6)) as (figure, axes):
        larger = (
            "mostly have larger errors" if rate(anomalous, next(iter(scores.values()))) > 0.75 else "hardly have larger errors"
        )
        figure.suptitle(f"Digits that it was not trained on {larger}")
        mine = next(iter(scores.values()))
        bins = np.linspace(0.0, np.quantile(mine, 0.995), 40)
        for of, name, color in (~anomalous, "normal: 0 to 4", BLUE), (anomalous, "anomalies: 5 to 9", ORANGE):
            axes[0].hist(mine[of], bins, alpha=0.6, color=color, label=name)
        axes[0].set(xlabel="reconstruction error", ylabel="test digits")
        axes[0].legend()
        roc_curve = common.package("sklearn.metrics").roc_curve
        for (name, found), color, style in zip(scores.items(), (ORANGE, BLUE, GREEN), ("-", "--", "-."), strict=True):
            false, true, _ = roc_curve(anomalous, found)
            axes[1].plot(false, true, style, color=color, label=f"{name}: area {rate(anomalous, found):.3f}")
        axes[1].plot([0, 1], [0, 1], ":", color="black", linewidth=1.2, label="guessing: area 0.5")
        axes[1].set(xlabel="normal digits flagged", ylabel="anomalies found", xlim=(0, 1), ylim=(0, 1.01))
        axes[1].legend(loc="lower right", fontsize=12)
    return path


def plot_line(line: Line, path: Path) -> Path:
    """Plot the ink of normal digits and anomalies, and below it the scores of the methods."""
    x = np.linspace(-line.mean / line.spread, max(3.0, line.tests.max()), 500)[:, None]
    ink = x[:, 0] * line.spread + line.mean
    with picture(path, 2, 1, (10.0, 8.4)) as (figure, axes):
        sees = rate(line.anomalous, line.scores(line.tests)["autoencoder, one bit"]) > 0.55
        figure.suptitle(
            "One number: for one Gaussian, the gap between two clusters is most normal;\n"
            f"two Gaussians{', or an autoencoder with one bit,' * sees} can see that it is an anomaly"
        )
        bins = np.linspace(ink[0], ink[-1], 45)
        for of, name, color in (~line.anomalous, "normal: zeros and ones", BLUE), (line.anomalous, "anomalies: 2 to 9", ORANGE):
            found = line.tests[of, 0] * line.spread + line.mean
            axes[0].hist(found, bins, density=True, alpha=0.55, color=color, label=name)
        one = np.exp(-0.5 * x[:, 0] ** 2) / np.sqrt(2.0 * np.pi)
        two = np.exp(line.mixture.score_samples(x))
        axes[0].plot(ink, one / line.spread, color=GREEN, linestyle="--", label="one Gaussian fitted to the normal digits")
        axes[0].plot(ink, two / line.spread, color=GREY, linestyle=":", label="two Gaussians fitted to them")
        axes[0].set(ylabel="density")
        looks = zip((PURPLE, GREEN, GREY), ("-", "--", ":"), strict=True)
        for (name, score), (color, style) in zip(line.scores(x).items(), looks, strict=True):
            area = rate(line.anomalous, line.scores(line.tests)[name])
            axes[1].plot(ink, score - score.min(), style, color=color, label=f"{name}: area under ROC {area:.3f}")
        axes[1].set(xlabel="ink of a digit: its mean grey value", ylabel="anomaly score above its least", ylim=(0.0, 6.0))
        for axis in axes:
            axis.set_xlim(ink[0], ink[-1])
            axis.legend()
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("autoencoder", __doc__, epochs=40, quick=5)
    args: Any = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)
    data, epochs = common.load_digits(rng), common.epochs_of(args)
    if args.quick:
        data = common.few(data)

    print("area under ROC: how often an anomaly scores higher than a normal digit; 1 is always, 0.5 is guessing")
    line = Line(data, epochs, rng)
    for name, score in line.scores(line.tests).items():
        print(f"one number, {name}: area under ROC {rate(line.anomalous, score):.3f}")

    normal, tests, anomalous = images_of(data)
    model = train(build(rng), normal, epochs, 3e-3, rng)
    scores = image_scores(model, normal, tests)
    areas = {name: rate(anomalous, score) for name, score in scores.items()}
    for name, area in areas.items():
        print(f"digits, {name}: area under ROC {area:.3f}")

    mine = next(iter(scores))
    each = rate_of_each(data.test_labels, scores[mine])
    print("the autoencoder on each anomaly:", ", ".join(f"{digit}: {area:.3f}" for digit, area in each.items()))

    files = [
        plot_line(line, args.out / "one_number.png"),
        plot_reconstructions(model, data, scores[mine], anomalous, args.out / "reconstructions.png"),
        plot_scores(scores, anomalous, args.out / "scores.png"),
    ]
    others = ", ".join(f"{area:.3f} {name}" for name, area in areas.items() if name != mine)
    common.finish(files, "area under ROC on digits", areas[mine], others)


if __name__ == "__main__":
    main()

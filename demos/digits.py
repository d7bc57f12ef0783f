"""Recognise handwritten digits with a 784-16-16-10 network, with ReLU and with sigmoid, and look at its weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import autograd
from autograd import Value, check_model, draw, no_grad
from demos import common
from demos.common import BLUE, ORANGE, Digits, picture
from nn import AdamW, DataLoader, Linear, Module, OneCycleLR, ReLU, Sequential, Sigmoid, cross_entropy


def build(rng: np.random.Generator, activation: Callable[[], Module] = ReLU) -> Sequential:
    """Return a network with 784 inputs, two hidden layers of 16 neurons and 10 outputs: 13,002 parameters."""
    return Sequential(
        Linear(784, 16, rng=rng),
        activation(),
        Linear(16, 16, rng=rng),
        activation(),
        Linear(16, 10, rng=rng),
    )


class Score(NamedTuple):
    """Loss and accuracy of the model at one time."""

    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


def evaluate(model: Module, data: Digits) -> Score:
    """Return loss and accuracy on the training and the test digits."""
    return Score(*loss_and_accuracy(model, *data[:2]), *loss_and_accuracy(model, *data[2:]))


@no_grad()
def loss_and_accuracy(model: Module, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    logits = model(images)  # (n, 10)
    return cross_entropy(logits, labels).item(), float(np.mean(logits.data.argmax(axis=1) == labels))


def train(
    model: Module, data: Digits, epochs: int, rng: np.random.Generator, what: str = "training", compiled: bool = False
) -> list[Score]:
    """Train the model; return the scores before the first epoch and after each.

    With so many weights for so few digits, weight decay pulls the weights that are not needed to zero.
    """
    loader = DataLoader((data.train_images, data.train_labels), batch_size=32, shuffle=True, rng=rng)
    optimizer = AdamW(model.named_parameters(), lr=1e-2, weight_decay=0.1)
    schedule = OneCycleLR(optimizer, 1e-2, epochs=epochs, steps_per_epoch=len(loader))
    scores = [evaluate(model, data)]

    def step(images: np.ndarray, labels: np.ndarray) -> None:
        loss = cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    step = autograd.compile(step) if compiled else step
    bar = common.progress(epochs, "epoch", what)
    for _ in bar:
        for images, labels in loader:
            step(images, labels)
        scores.append(evaluate(model, data))
        bar.set_postfix(loss=f"{scores[-1].train_loss:.3f}", test_accuracy=f"{scores[-1].test_accuracy:.3f}")
    return scores


WHAT_WEIGHTS_SHOW = """One might hope that these neurons detect edges, and the next layer loops and lines.
They do not: nothing in the training asks for it. Each compares some regions of the image
with others, and only together do they tell the digits apart. The border, which is black
in every digit, has learned nothing: only weight decay acts there, and darkens it."""


def baselines(data: Digits) -> tuple[float, float]:
    """Return test accuracies without a network: of the three nearest training digits, and of a linear model."""
    neighbours = common.package("sklearn.neighbors").KNeighborsClassifier(3)
    linear = common.package("sklearn.linear_model").LogisticRegression(C=0.05, max_iter=1_000)
    nearest, logistic = (model.fit(*data[:2]).score(*data[2:]) for model in (neighbours, linear))
    return nearest, logistic


@no_grad()
def dead_neurons(model: Sequential, images: np.ndarray) -> np.ndarray:
    """Return which (16,) of the first layer's neurons give 0 for every image: they have no gradient and stop learning."""
    return model[:2](images).data.max(axis=0) == 0.0


def reading(dead: np.ndarray, trained: bool) -> str:
    """Return how to read the pictures of the weights."""
    if not trained:
        return "Hardly trained, these neurons still look much like the random numbers they started from."
    if not dead.any():
        return WHAT_WEIGHTS_SHOW
    fate = f"Dead neurons, here {dead.sum()}, give 0 for every training digit: their gradient is 0, and they fade to black."
    return f"{WHAT_WEIGHTS_SHOW}\n{fate}"


# --- pictures ------------------------------------------------------------------------------------------


def plot_curves(scores: dict[str, list[Score]], path: Path) -> Path:
    """Plot loss and accuracy after every epoch, for each activation."""
    with picture(path, 1, 2, (13.0, 5.6)) as (figure, axes):
        figure.suptitle("ReLU against sigmoid: the same network, the same digits in the same order")
        for axis, what in zip(axes, ("loss", "accuracy"), strict=True):
            for (name, history), color in zip(scores.items(), (BLUE, ORANGE), strict=True):
                for part, style in ("train", "-"), ("test", "--"):
                    curve = [getattr(score, f"{part}_{what}") for score in history]
                    axis.plot(curve, label=f"{name}, {part}: {curve[-1]:.3f} at the end", color=color, linestyle=style)
            axis.set(xlabel="epoch", ylabel=what, xlim=(0, len(history) - 1))
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.grid(alpha=0.3)
            axis.legend(fontsize=12)
        axes[0].set_ylim(bottom=0.0)
        axes[1].set_ylim(0.0, 1.0)
    return path


def plot_predictions(model: Module, images: np.ndarray, labels: np.ndarray, path: Path) -> Path:
    """Plot the first 40 test digits, each with the prediction of the model."""
    images, labels = images[:40], labels[:40]
    with no_grad():
        answers = model(images).data.argmax(axis=1)
    with picture(path, 4, 10, (13.0, 6.4)) as (figure, axes):
        right = np.sum(answers == labels)
        figure.suptitle(f"Predictions on test digits: {right} of {len(labels)} right, mistakes in a frame")
        for axis, image, answer, label in zip(axes.flat, images, answers, labels, strict=True):
            axis.imshow(image.reshape(28, 28), cmap="gray", vmin=0.0, vmax=1.0)
            axis.set(xticks=[], yticks=[])
            if answer == label:
                axis.set_title(f"{answer}")
                axis.spines[:].set_visible(False)
            else:
                axis.set_title(f"{answer} (is {label})", color=ORANGE)
                axis.spines[:].set(visible=True, color=ORANGE, linewidth=5)
    return path


def plot_weights(weight: np.ndarray, dead: np.ndarray, trained: bool, path: Path) -> Path:
    """Plot the weights (16, 784) of the first layer as images, one for each neuron, all on one scale."""
    colormap = common.red_to_green()
    limit = np.quantile(np.abs(weight), 0.995)  # a few large weights would leave all others dark
    with picture(path, 4, 4, (9.2, 11.0)) as (figure, axes):
        seen = "no clean strokes, but blobs of both signs" if trained else "hardly trained, still much like random numbers"
        figure.suptitle(f"The weights of the 16 neurons in the first layer:\n{seen}")
        for number, (axis, row) in enumerate(zip(axes.flat, weight, strict=True), start=1):
            image = axis.imshow(row.reshape(28, 28), cmap=colormap, vmin=-limit, vmax=limit)
            axis.set_title(f"neuron {number}{' (dead)' if dead[number - 1] else ''}", fontsize=12)
            axis.axis("off")
        bar = figure.colorbar(image, ax=axes, location="bottom", extend="both", shrink=0.8, aspect=30)
        bar.set_label("red: a bright pixel here inhibits the neuron        green: it excites it")
        figure.supxlabel(reading(dead, trained), fontsize=12)
    return path


def draw_loss(model: Module, images: np.ndarray, labels: np.ndarray, path: Path) -> Path:
    """Draw the graph of the loss of a few digits, with the gradients."""
    for name, parameter in model.named_parameters():
        parameter.label = name
    logits = model(Value(images, label="images", requires_grad=False))
    loss = cross_entropy(logits, labels)
    logits.label, loss.label = "logits", "loss"
    model.zero_grad()
    loss.backward()
    return draw(loss).save(path)


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("digits", __doc__, epochs=20, quick=3)
    common.digit_options(parser)
    common.compile_option(parser)
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)

    data = common.digits_of(args, rng)
    print(f"{len(data.train_labels):,} digits to train, {len(data.test_labels):,} to test")

    # Both start from the same random weights, and see the digits in the same order.
    start = rng.integers(2**32)
    networks = {"ReLU": build(np.random.default_rng(start)), "sigmoid": build(np.random.default_rng(start), Sigmoid)}
    model = networks["ReLU"]
    print(model)

    images, labels = data.train_images[:32], data.train_labels[:32]
    print("Before the training: are the gradients right? Each slope is compared with the change of the loss after a small")
    print("step along a random direction, which moves many numbers at once, often of several parameters. It counts for each")
    print("of these, so two may show the same slope. Parameters that move the loss far less have their own directions.")
    print(check_model(model, cross_entropy, images, labels))

    epochs = common.epochs_of(args)
    scores = {name: train(net, data, epochs, np.random.default_rng(start), name, args.compile) for name, net in networks.items()}
    relu, sigmoid = (history[-1].test_accuracy for history in scores.values())
    nearest, logistic = baselines(data)
    dead, trained = dead_neurons(model, data.train_images), epochs >= 5

    files = [
        plot_curves(scores, args.out / "curves.png"),
        plot_predictions(model, data.test_images, data.test_labels, args.out / "predictions.png"),
        plot_weights(model.parameters()[0].data, dead, trained, args.out / "weights.png"),
        draw_loss(model, data.test_images[:4], data.test_labels[:4], args.out / "loss_graph.svg"),
    ]
    print(reading(dead, trained))
    others = f"{nearest:.3f}, the three nearest neighbours; {logistic:.3f}, logistic regression; {sigmoid:.3f} with sigmoid"
    common.finish(files, "test accuracy", relu, others)


if __name__ == "__main__":
    main()

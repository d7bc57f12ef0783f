"""Code that the demos of names share: names as numbers, the bigram, training, sampling, and a plot of predictions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import nn
from autograd import no_grad
from demos import common
from demos.common import BLUE, GREEN, GREY, ORANGE, picture

LETTERS = ".abcdefghijklmnopqrstuvwxyz"  # the dot, number 0, is before and after every name
LONGEST = 12  # steps: the longest name has 11 letters, and an end
IGNORED = -100  # a target that nn.cross_entropy ignores


class Names(NamedTuple):
    """Names as numbers (n, LONGEST): a row of targets is its row of inputs one step later, and IGNORED after the end."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def encode(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets (n, LONGEST): for "al" the inputs start with . a l, and the targets are a l . only."""
    inputs = np.zeros((len(names), LONGEST), int)
    targets = np.full((len(names), LONGEST), IGNORED)
    for row, name in enumerate(names):
        numbers = [LETTERS.index(letter) for letter in name]
        inputs[row, 1 : len(name) + 1] = numbers
        targets[row, : len(name) + 1] = [*numbers, 0]
    return inputs, targets


def load(args: argparse.Namespace, rng: np.random.Generator) -> Names:
    """Return nine of ten names, shuffled, to train, and the others to test; of 500 names with --quick."""
    names = common.load_names()
    inputs, targets = encode([names[k] for k in rng.permutation(len(names))[: 500 if args.quick else None]])
    cut = len(inputs) * 9 // 10
    return Names((inputs[:cut], targets[:cut]), (inputs[cut:], targets[cut:]))


def bigram(names: Names, smoothing: float = 0.1) -> float:
    """Return the loss of the bigram model on the test names: the next letter depends only on the last one.

    It counts pairs of letters in the training names. `smoothing` is added to every count, so no pair is impossible.
    """
    inputs, targets = names.train
    counts = np.full((len(LETTERS), len(LETTERS)), smoothing)
    known = targets != IGNORED
    np.add.at(counts, (inputs[known], targets[known]), 1)
    scores = np.log(counts / counts.sum(axis=1, keepdims=True))  # (last letter, next letter)
    return nn.cross_entropy(scores[names.test[0]], names.test[1]).item()


def sized(name: str, model: nn.Module) -> str:
    """Return the name of a model with its number of parameters."""
    return f"{name}, {sum(parameter.size for parameter in model.parameters()):,} parameters"


def train(model: nn.Module, names: Names, epochs: int, lr: float, rng: np.random.Generator, compiled: bool = False) -> nn.History:
    """Train with AdamW and a learning rate that rises and falls; the test names are only measured."""
    loader = nn.DataLoader(names.train, batch_size=64, shuffle=True, rng=rng)
    optimizer = nn.AdamW(model.named_parameters(), lr=lr, weight_decay=0.05)
    scheduler = nn.OneCycleLR(optimizer, max_lr=lr, total_steps=epochs * len(loader) + 1)
    return nn.fit(
        model, nn.cross_entropy, optimizer, loader, names.test,
        epochs=epochs, scheduler=scheduler, schedule_every="step", restore_best=False, clip_norm=1.0,
        compile=compiled,
    )  # fmt: skip


@no_grad()
def expected(model: nn.Module, beginning: str, temperature: float = 1.0) -> np.ndarray:
    """Return the probabilities (steps, 27) of the next letter at the start of a name and after each of its letters.

    A temperature below 1 makes likely letters likelier, one above 1 makes all more equal.
    """
    inputs, _ = encode([beginning])
    scores = model.eval()(inputs[:, : len(beginning) + 1])[0] / temperature  # (steps, 27)
    return nn.softmax(scores).data


def sample(model: nn.Module, temperature: float, rng: np.random.Generator) -> str:
    """Sample a new name, letter by letter."""
    name = ""
    while len(name) < LONGEST - 1:
        letter = rng.choice(len(LETTERS), p=expected(model, name, temperature)[-1])
        if letter == 0:
            break
        name += LETTERS[letter]
    return name


def print_samples(model: nn.Module, rng: np.random.Generator, each: int = 10) -> None:
    """Print new names at three temperatures; those in capitals are in the list, to train or to test."""
    real = set(common.load_names())
    print("(the temperature divides the scores: below 1 likely letters become likelier, above 1 all become more equal)")
    for temperature in 0.5, 1.0, 1.5:
        names = [sample(model, temperature, rng) or "." for _ in range(each)]
        print(f"temperature {temperature}:", *(name.upper() if name in real else name for name in names))


def finish(files: Sequence[Path], loss: float, others: str) -> None:
    """Print the last lines, and what their numbers mean."""
    print("A loss of x nats per letter is like a choice between e^x equally likely letters:", end=" ")
    print(f"{loss:.3f} nats, {np.exp(loss):.1f} letters. The bigram counts which letter follows which.")
    common.finish(files, "nats per letter", loss, others)


# --- pictures ------------------------------------------------------------------------------------------


def plot_losses(histories: dict[str, nn.History], bigram_loss: float, path: Path, title: str) -> Path:
    """Plot the loss of each model after each epoch, on training and test names, beside the bigram's."""
    with picture(path, size=(9.6, 6.0)) as (_, axis):
        for (name, history), color in zip(histories.items(), (BLUE, GREEN), strict=False):
            test = history["validation_loss"]
            marker = "o" if len(test) < 4 else None  # a line of one point is invisible
            axis.plot(history["epoch"], test, color=color, marker=marker, label=f"{name}: {test[-1]:.3f} at the end")
            axis.plot(history["epoch"], history["loss"], color=color, linestyle="--", linewidth=1.4, marker=marker)
        axis.axhline(bigram_loss, color=ORANGE, linestyle=":", label=f"bigram, counts of 729 pairs of letters: {bigram_loss:.3f}")
        axis.plot([], color=GREY, linestyle="--", linewidth=1.4, label="training, with dropout")
        axis.set(title=title, xlabel="epoch", ylabel="loss, nats per letter (solid: test names)")
        choices = axis.secondary_yaxis("right", functions=(np.exp, lambda count: np.log(np.maximum(count, 1e-9))))
        choices.set_ylabel("as uncertain as between so many letters: $e^{loss}$")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    return path


def plot_expected(model: nn.Module, names: Sequence[str], path: Path) -> Path:
    """Plot for each name the probabilities of every step, with a ring around the actual letter."""
    with picture(path, 1, len(names), (4.4 * len(names), 9.4)) as (figure, axes):
        figure.suptitle(
            "What is next? A column shows the model's probabilities, the ring the actual letter\n"
            "x nats per letter: on average as uncertain as between $e^x$ equally likely letters"
        )
        for axis, name in zip(axes, names, strict=True):
            table = expected(model, name)  # (steps, 27)
            actual = [LETTERS.index(letter) for letter in name + "."]
            image = axis.imshow(table.T, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
            axis.plot(actual, "o", markersize=15, markerfacecolor="none", markeredgecolor=ORANGE, markeredgewidth=1.8)
            surprise = -np.log(table[np.arange(len(actual)), actual]).mean()
            axis.set(title=f"{name}: {surprise:.2f} nats per letter", xlabel="read so far (. is the start)")
            axis.set_xticks(range(len(actual)), [".", *name])
            axis.set_yticks(range(len(LETTERS)), ["end", *LETTERS[1:]])
        axes[0].set_ylabel("next letter")
        figure.colorbar(image, ax=axes, label="probability", shrink=0.6)
    return path


if __name__ == "__main__":
    raise SystemExit("this is not a demo: run python -m demos.names or python -m demos.gpt, which use it")

"""Train a small network on the outputs of a large one, with few labelled digits: knowledge distillation.

Only 400 digits have labels, for the teacher and for the student; the other 3,600 training digits have none. The teacher
predicts their probabilities, and the student learns to predict the same (Hinton, Vinyals and Dean 2015). A second student
is told only the decisions of the teacher: it does as well here, so the digits without labels help most. A third student
learns from the 400 labels alone; its digits are shifted at random by up to two pixels, as the teacher's are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nn
from autograd import softmax
from demos import cnn, common
from demos.common import BLUE, GREEN, GREY, ORANGE, Digits, as_pictures, picture

NAMES = ("teacher", "student alone", "student taught", "student told")
COLORS = (GREY, ORANGE, BLUE, GREEN)
TEMPERATURE = 2.0


def build_student(rng: np.random.Generator) -> nn.Sequential:
    """Return a 784-16-10 network: 12,730 parameters, a fifth of the teacher's, and a thirtieth of its multiplications."""
    hidden, output = nn.Linear(784, 16, rng=rng, dtype=np.float32), nn.Linear(16, 10, rng=rng, dtype=np.float32)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), output)


def soft_loss(logits: Any, answers: np.ndarray) -> Any:
    """Return the cross-entropy of the student's softened probabilities with the teacher's (n, 10).

    A temperature above 1 lifts small probabilities: a 7 that could be a 1 says more than "7". The factor, its square,
    keeps the gradients as large as without a temperature.
    """
    return TEMPERATURE**2 * nn.kl_div(nn.log_softmax(logits / TEMPERATURE), answers, reduction="batchmean")


def train(
    model: nn.Module, images_and_targets: Any, loss: Callable[..., Any], epochs: int, rng: np.random.Generator
) -> nn.Module:
    """Train the student. If `epochs` is inversely proportional to the number of digits, all students make equally many steps."""
    optimizer = nn.AdamW(model.named_parameters(), lr=3e-3, weight_decay=0.1)
    loader = nn.DataLoader(images_and_targets, batch_size=32, shuffle=True, rng=rng)
    schedule = nn.OneCycleLR(optimizer, 3e-3, epochs=epochs, steps_per_epoch=len(loader))
    nn.fit(model, loss, optimizer, loader, epochs=epochs, scheduler=schedule, schedule_every="step", progress=False)
    return model


def run(data: Digits, labelled: int, epochs: int, rng: np.random.Generator) -> tuple[list[float], np.ndarray]:
    """Return the test accuracies of teacher, student alone, taught and told; and the teacher's logits (n, 10)."""
    pictures, tests = as_pictures(data.train_images), as_pictures(data.test_images)
    labels = data.train_labels[:labelled]
    teacher = cnn.build(rng)
    cnn.train(teacher, pictures[:labelled], labels, max(1, 3 * epochs // 2), rng)
    logits = cnn.scores(teacher, pictures)
    answers = softmax(logits / TEMPERATURE)

    start, order, moves = rng.integers(2**32, size=3)  # all students start from the same weights
    moved = cnn.ShiftedDigits(pictures[:labelled], labels, np.random.default_rng(moves))  # as for the teacher
    lessons = (
        (moved, nn.cross_entropy, epochs * len(pictures) // labelled),  # alone
        ((pictures, answers), soft_loss, epochs),  # taught: the probabilities of all digits
        ((pictures, logits.argmax(axis=1)), nn.cross_entropy, epochs),  # told: only the digit that the teacher predicts
    )
    results = [nn.accuracy(cnn.scores(teacher, tests), data.test_labels)]
    for lesson, loss, passes in lessons:
        student = build_student(np.random.default_rng(start))
        train(student, lesson, loss, passes, np.random.default_rng(order))
        results.append(nn.accuracy(cnn.scores(student, tests), data.test_labels))
    return results, answers


# --- pictures ------------------------------------------------------------------------------------------


def plot_results(results: np.ndarray, labelled: int, path: Path) -> Path:
    """Plot the accuracies (runs, 4), and the gain of the taught student over the one alone, run by run."""
    with picture(path, 1, 2, (13.0, 5.6)) as (figure, axes):
        gains = results[:, 2] - results[:, 1]
        better = "learns more from a teacher than" if gains.mean() > 0.0 else "does not learn more from this teacher than"
        figure.suptitle(f"With {labelled} labelled digits, a small network {better} from the labels")
        for column, (scores, color) in enumerate(zip(results.T, COLORS, strict=True)):
            axes[0].scatter(column + np.linspace(-0.2, 0.2, len(scores)), scores, color=color, s=40, zorder=3)
            axes[0].hlines(scores.mean(), column - 0.35, column + 0.35, color=color, alpha=0.6)
            axes[0].text(column, results.max() + 0.008, f"{scores.mean():.3f}", ha="center", color=color)
        axes[0].set_xticks(range(4), [name.replace(" ", "\n") for name in NAMES])
        axes[0].set(ylabel="accuracy on test digits", ylim=(results.min() - 0.02, results.max() + 0.02))
        axes[0].set_title("a dot is one run, a line the mean\n(teacher and alone: digits shifted at random)")
        axes[0].grid(axis="y", alpha=0.3)
        axes[1].bar(range(len(gains)), gains, color=BLUE, alpha=0.6, width=0.6)
        axes[1].axhline(gains.mean(), color=BLUE, linestyle="--", label=f"mean {gains.mean():+.3f}")
        axes[1].axhline(0.0, color="black", linewidth=1.0)
        axes[1].set_xticks(range(len(gains)))
        axes[1].set(xlabel="run (other digits, other initial weights)", ylabel="gain in accuracy", title="taught minus alone\n")
        axes[1].set_ylim(min(0.0, 1.2 * gains.min()), 1.4 * max(gains.max(), 0.01))
        axes[1].legend(loc="upper right")
    return path


def plot_answers(data: Digits, answers: np.ndarray, path: Path) -> Path:
    """Plot the teacher's probabilities for its six most ambiguous digits, beside their labels."""
    order = np.argsort(answers.max(axis=1))
    chosen = order[: len(order) // 10 : max(1, len(order) // 60)][:6]
    with picture(path, 2, 6, (14.0, 5.6)) as (figure, axes):
        figure.suptitle(
            f"A teacher's probabilities say more than labels, here softened\n"
            f"(temperature {TEMPERATURE:g}: its ten outputs are divided by {TEMPERATURE:g} before the softmax)"
        )
        for image_axis, axis, index in zip(*axes, chosen, strict=True):
            image_axis.imshow(data.train_images[index].reshape(28, 28), cmap="gray")
            image_axis.set_title(f"label {data.train_labels[index]}")
            image_axis.axis("off")
            axis.bar(range(10), answers[index], color=BLUE)
            axis.set(ylim=(0.0, 1.0), xticks=range(10))
            axis.tick_params(labelsize=11)
        axes[1, 0].set_ylabel("probability")
        figure.supxlabel("digit", fontsize=13)
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("distillation", __doc__, epochs=20, quick=5)
    parser.add_argument("--labelled", type=common.count, default=400, help="number of digits with labels (%(default)s)")
    parser.add_argument("--runs", type=common.count, help="runs, with seeds from --seed on (default: 5; with --quick 2)")
    args = parser.parse_args(arguments)
    if args.labelled > (most := 600 if args.quick else 4_000):
        parser.error(f"argument --labelled: there are only {most:,} training digits{' with --quick' * args.quick}")
    epochs, results = common.epochs_of(args), []
    for seed in range(args.seed, args.seed + (args.runs or (2 if args.quick else 5))):
        rng = np.random.default_rng(seed)
        data = common.load_digits(rng)
        if args.quick:
            data = common.few(data, 600)
        scores, answers = run(data, args.labelled, epochs, rng)
        results.append(scores)
        print(f"seed {seed}:", ", ".join(f"{name} {score:.3f}" for name, score in zip(NAMES, scores, strict=True)))

    table = np.array(results)  # (runs, 4)
    gains = table[:, 2] - table[:, 1]
    spread = f" ± {gains.std(ddof=1):.3f}" if len(gains) > 1 else ""
    print(f"taught minus alone: {gains.mean():+.3f}{spread} (mean and standard deviation of {len(gains)} runs)")
    print(f"taught minus told: {np.mean(table[:, 2] - table[:, 3]):+.3f}")

    files = [
        plot_results(table, args.labelled, args.out / "results.png"),
        plot_answers(data, answers, args.out / "answers.png"),
    ]
    teacher, alone, taught, told = table.mean(axis=0)
    what = f"test accuracy of the taught student, mean of {len(gains)} runs"
    common.finish(files, what, taught, f"{alone:.3f} alone, {told:.3f} told only the decisions; {teacher:.3f}, the teacher")


if __name__ == "__main__":
    main()

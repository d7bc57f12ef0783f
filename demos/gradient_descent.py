"""Follow gradient descent on a single weight by hand: from 5 to 4.2 in one step, then towards 3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autograd import Value, draw
from demos import common
from demos.common import BLUE, GREEN, GREY, ORANGE, PURPLE, picture
from nn import SGD, half_square_loss

# The articles' example: the network is y = w * x, and the best weight is 6 / 2 = 3. The articles call the label y_hat.
WEIGHT, INPUT, LABEL, RATE = 5.0, 2.0, 6.0, 0.1


class Step(NamedTuple):
    """The numbers of one step. At the first, loss and gradient are both 8, by coincidence: they are different things."""

    weight: float
    prediction: float
    loss: float
    gradient: float


def forward(w: Value) -> tuple[Value, Value]:
    """Return the prediction w * x and its loss, half the squared error, whose slope in w is (w * x - label) * x."""
    prediction = w * INPUT
    loss = half_square_loss(prediction, LABEL)
    prediction.label, loss.label = "y", "loss"
    return prediction, loss


def descend(steps: int, rate: float = RATE) -> list[Step]:
    """Run gradient descent from the weight 5; return the numbers before the first step and after each."""
    w = Value(WEIGHT, label="w")
    optimizer = SGD([w], lr=rate)
    history = []
    for _ in common.progress(steps + 1, "step", f"rate {rate:g}"):
        prediction, loss = forward(w)
        optimizer.zero_grad()
        loss.backward()
        history.append(Step(w.item(), prediction.item(), loss.item(), w.grad))
        optimizer.step()
    return history


def print_table(history: list[Step], rows: int = 11) -> None:
    """Print the first steps beside the closed form: the distance to 3 shrinks by the same factor in every step."""
    factor = 1.0 - RATE * INPUT**2
    print(f"{'step':>4} {'w':>10} {'y = 2w':>10} {'loss':>10} {'gradient':>10} {f'3 + 2 * {factor:g}^k':>14}")
    for k, step in enumerate(history[:rows]):
        print(f"{k:>4} " + " ".join(f"{number:>10.6g}" for number in step) + f" {3.0 + 2.0 * factor**k:>14.6g}")


# --- pictures ------------------------------------------------------------------------------------------


def loss_of(w: np.ndarray | float) -> np.ndarray | float:
    return (w * INPUT - LABEL) ** 2 / 2.0


def plot_descent(history: list[Step], path: Path) -> Path:
    """Plot the loss over the weight, with tangents at the first weights and the steps that follow from them."""
    w = np.linspace(1.7, 5.45, 200)
    with picture(path, size=(12.0, 7.6)) as (_, axis):
        axis.plot(w, loss_of(w), color=GREY, linewidth=3, label="loss = ½ (2w - 6)²")
        for k, (step, after, color) in enumerate(zip(history, history[1:], (ORANGE, BLUE, PURPLE), strict=False)):
            near = np.array([step.weight - 0.62, step.weight + 0.4])
            tangent = step.loss + step.gradient * (near - step.weight)
            axis.plot(near, tangent, color=color, label=f"tangent at w = {step.weight:g}: slope {step.gradient:g}")
            axis.plot(step.weight, step.loss, "o", color=color, markersize=11, zorder=4)
            height = -0.75 - 0.85 * k
            axis.plot([step.weight] * 2, [height, step.loss], color=color, linewidth=1, linestyle=":")
            arrow = {"arrowstyle": "-|>", "color": color, "lw": 2.5}
            axis.annotate("", (after.weight, height), (step.weight, height), arrowprops=arrow)
            change = f"w: {step.weight:g} - {RATE:g} · {step.gradient:g} = {after.weight:g}"
            axis.text(step.weight + 0.07, height, change, color=color, va="center", fontsize=13)
        for step in history[3:7]:
            axis.plot(step.weight, step.loss, "o", color=GREY, markersize=7, zorder=3)
        axis.plot(LABEL / INPUT, 0.0, "*", color=GREEN, markersize=20, zorder=4, label="the best weight: w = 3, loss 0")
        arrow = {"arrowstyle": "->", "color": GREY, "shrinkB": 8}
        axis.annotate("the height of this point\nis the loss: 8", (WEIGHT, 8.0), (3.6, 8.9), arrowprops=arrow)
        slope = "the slope of this line is\nthe gradient: 8 as well,\nbut a different thing"
        axis.annotate(slope, (4.5, 4.0), (5.25, 2.9), arrowprops=arrow)
        axis.set(title="Gradient descent on one weight: each step moves w by a tenth of the slope",
                 xlabel="weight w", ylabel="loss", xlim=(1.6, 6.7), ylim=(-3.1, 12.2), yticks=range(0, 13, 2))  # fmt: skip
        axis.axhline(0.0, color=GREY, linewidth=0.8)
        axis.legend(loc="upper left", fontsize=12)
    return path


def plot_rates(runs: dict[float, list[Step]], path: Path) -> Path:
    """Plot the weights of the first steps on the parabola, for several learning rates."""
    w = np.linspace(-0.2, 6.2, 200)
    with picture(path, 2, 2, (12.0, 9.0)) as (figure, axes):
        figure.suptitle("The learning rate decides: the distance to 3 is multiplied by 1 - 4 · rate in every step")
        for axis, (rate, history) in zip(axes.flat, runs.items(), strict=True):
            weights = np.array([step.weight for step in history[:9]])
            axis.plot(w, loss_of(w), color=GREY, linewidth=1.5)
            axis.plot(weights, loss_of(weights), "o-", color=BLUE, linewidth=1.2, markersize=7)
            axis.plot(weights[0], loss_of(weights[0]), "o", color=ORANGE, markersize=11, zorder=4)
            axis.plot(3.0, 0.0, "*", color=GREEN, markersize=16, zorder=5)
            factor = 1.0 - 4.0 * rate
            manner = "step by step" if factor > 0.0 else "there at once" if factor == 0.0 else "from side to side"
            axis.set_title(f"rate {rate:g}, factor {factor:g}: {'away from it' if abs(factor) > 1.0 else manner}")
            axis.set(xlabel="weight w", ylabel="loss", xlim=(-0.2, 6.2), ylim=(-1.0, 20.0), yticks=range(0, 21, 5))
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("gradient_descent", __doc__, epochs=20, quick=10, epoch="steps", seeded=False)
    args = parser.parse_args(arguments)
    steps = common.epochs_of(args)

    history = descend(steps)
    print_table(history)
    runs = {rate: descend(8, rate) for rate in (RATE, 0.25, 0.45, 0.53)}

    _, loss = forward(Value(WEIGHT, label="w"))
    loss.backward()
    files = [
        plot_descent(history, args.out / "descent.png"),
        plot_rates(runs, args.out / "rates.png"),
        draw(loss, title="The graph of the first loss").save(args.out / "graph.svg"),
    ]
    common.finish(files, f"weight after {steps} steps", history[-1].weight, "5 before the first; 3 is the best")


if __name__ == "__main__":
    main()

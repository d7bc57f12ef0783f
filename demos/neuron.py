"""Look at one neuron: a weighted sum and a nonlinearity. With weights set by hand it finds edges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autograd import Value, draw, draw_network, no_grad
from demos import common
from demos.common import BLUE, ORANGE, picture
from nn import MLP, Linear, Neuron, sigmoid

BIAS = -10.0  # the neuron fires where the weighted sum is above 10
ROWS, COLUMNS = 4, 8  # of the bright region that it detects


def three_inputs(rng: np.random.Generator) -> Value:
    """Return z = g(a1 w1 + a2 w2 + a3 w3), a neuron with three inputs: a sum, then a sigmoid."""
    neuron = Neuron(3, nonlin=False, rng=rng)
    for number, weight in enumerate(neuron.w, 1):
        weight.label = f"w{number}"
    neuron.b.label = "bias"
    a = [Value(x, label=f"a{number}", requires_grad=False) for number, x in enumerate((1.2, 0.25, -0.5), 1)]
    total = neuron(a)
    z = total.sigmoid()
    total.label, z.label = "sum", "z"
    return z


# --- the edge detector ---------------------------------------------------------------------------------


def edge_weights() -> np.ndarray:
    """Return weights (12, 12): +1 on 4 rows in the middle, -1 on 2 above and 2 below them, and a margin of 0."""
    weights = -np.ones((2 * ROWS, COLUMNS))
    weights[ROWS // 2 : -ROWS // 2] = 1.0
    return np.pad(weights, 2)


def edge_detector() -> Linear:
    """Return a neuron that fires where the middle is bright and the rows above and below are dark."""
    neuron = Linear(edge_weights().size, 1, rng=0)
    neuron.weight.data[:] = edge_weights().ravel()
    neuron.bias.data[:] = BIAS
    return neuron


def small_images() -> dict[str, np.ndarray]:
    """Return images for it, with grey values from 0, black, to 1, white; three of them have the sums 8, 10 and 12."""
    weights = edge_weights()
    middle, around, nothing = weights > 0.0, weights < 0.0, np.zeros(weights.shape)
    stripes = nothing.copy()
    stripes[:, ::2] = 1.0
    return {
        "a bright bar": middle * 1.0,
        "dim: sum 12": middle * 12.0 / middle.sum(),
        "dimmer: sum 10": middle * 10.0 / middle.sum(),
        "dimmest: sum 8": middle * 8.0 / middle.sum(),
        "all white": nothing + 1.0,
        "all black": nothing,
        "only around it": around * 1.0,
        "vertical stripes": stripes,
    }


@no_grad()
def answers(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted sums of images (..., 12, 12) without the bias, and the outputs of the neuron, from 0 to 1."""
    scores = edge_detector()(images.reshape(*images.shape[:-2], -1)).data[..., 0]  # (...)
    return scores - BIAS, sigmoid(scores)


def slide(image: np.ndarray) -> np.ndarray:
    """Return the outputs of the neuron at every place of a larger image, padded with black, as a convolution does."""
    high, wide = edge_weights().shape
    padded = np.pad(image, ((high // 2, high - high // 2 - 1), (wide // 2, wide - wide // 2 - 1)))
    return answers(np.lib.stride_tricks.sliding_window_view(padded, (high, wide)))[1]


# --- pictures ------------------------------------------------------------------------------------------


def plot_edge_detector(path: Path) -> Path:
    """Plot the weights, and the outputs of the neuron on small images."""
    images = small_images()
    sums, outputs = answers(np.stack(list(images.values())))
    with picture(path, 2, 5, (15.5, 7.4)) as (figure, axes):
        figure.suptitle("A neuron set by hand: it fires where the middle is bright and the rows above and below are dark")
        image = axes[0, 0].imshow(edge_weights(), cmap=common.red_to_green(), vmin=-1.0, vmax=1.0)
        axes[0, 0].set_title("its weights; bias -10")
        bar = figure.colorbar(image, ax=axes[0, 0], location="bottom", ticks=(-1, 0, 1), shrink=0.9)
        bar.set_label("weight")
        for row, weight in (2.5, "-1"), (5.5, "+1"), (8.5, "-1"):
            axes[0, 0].text(5.5, row, weight, ha="center", va="center")
        z = np.linspace(-36.0, 36.0, 300)
        axes[1, 0].plot(z, sigmoid(z + BIAS), color=BLUE)
        axes[1, 0].plot(sums, outputs, "o", color=ORANGE, clip_on=False)
        axes[1, 0].set(title="its output", xlabel="weighted sum", ylabel="σ(sum - 10)", xlim=(-36, 36), ylim=(0, 1))
        axes[1, 0].set(xticks=(-32, 0, 10, 32))
        for axis, name, shown, total, out in zip(axes[:, 1:].flat, images, images.values(), sums, outputs, strict=True):
            axis.imshow(shown, cmap="gray", vmin=0.0, vmax=1.0)
            axis.set_title(name, color=ORANGE if out > 0.5 else "black")
            axis.set_xlabel(f"sum {total:.0f}\noutput {out:.4f}", color=ORANGE if out > 0.5 else "black", fontsize=14)
        for axis in [axes[0, 0], *axes[:, 1:].flat]:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(visible=True, color="#999999")
    return path


def plot_digits(images: np.ndarray, path: Path) -> Path:
    """Plot where the neuron fires when it slides over digits."""
    with picture(path, 2, len(images), (2.6 * len(images), 5.6)) as (figure, axes):
        figure.suptitle("The same neuron at every place of a digit: it finds horizontal strokes")
        for image, (above, below) in zip(images, axes.T, strict=True):
            above.imshow(image, cmap="gray", vmin=0.0, vmax=1.0)
            shown = below.imshow(slide(image), cmap="inferno", vmin=0.0, vmax=1.0)
            above.axis("off")
            below.axis("off")
        figure.colorbar(shown, ax=axes[1].tolist(), label="output")
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    args = common.options("neuron", __doc__).parse_args(arguments)
    rng = np.random.default_rng(args.seed)

    z = three_inputs(rng)
    z.backward()
    files = [draw(z, title="A neuron: three inputs, a sum, a sigmoid").save(args.out / "neuron.svg")]

    files.append(plot_edge_detector(args.out / "edge_detector.png"))
    for name, image in small_images().items():
        total, out = answers(image)
        print(f"{name:<16} sum {total:>4.0f}  output {out:.4f}")
    if not args.quick:
        data = common.load_digits(rng)
        shown = [data.test_images[data.test_labels == digit][0].reshape(28, 28) for digit in (1, 2, 4, 5, 7)]
        files.append(plot_digits(np.stack(shown), args.out / "digits.png"))

    model = MLP(3, [4, 2], rng=rng)
    print(model)
    for name, direction in ("left_to_right", "LR"), ("bottom_to_top", "BT"):
        drawing = draw_network(model, direction=direction, title="3 inputs, 4 hidden neurons, 2 outputs")
        files.append(drawing.save(args.out / f"network_{name}.svg"))

    _, at_twelve = answers(small_images()["dim: sum 12"])
    common.finish(files, "output of the edge detector for a sum of 12", float(at_twelve), "0.500, for a sum of 10")


if __name__ == "__main__":
    main()

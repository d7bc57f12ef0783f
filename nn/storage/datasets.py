"""Read MNIST, and files in its format, idx; local files take precedence over a download."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nn.extras import extra

IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # http://yann.lecun.com/exdb/mnist
MNIST_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
PathLike = str | os.PathLike[str]


def read_idx(path: PathLike) -> np.ndarray:
    """Read the array in a file of the idx format, which MNIST's files have; also compressed by gzip.

    The format: two zero bytes, a byte for the dtype, one for the number of axes, their lengths as
    big-endian 32-bit integers, then the numbers, big-endian.

    Returns:
        An array of uint8, int8, int16, int32, float32 or float64, in the byte order of this machine.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it is not an idx file, or shorter or longer than its header says.
    """
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is a damaged gzip file ({error}): download it again") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in IDX_DTYPES:
        raise ValueError(
            f"{path} is not an idx file: expected 00 00, a dtype of {', '.join(f'{code:02x}' for code in IDX_DTYPES)} and the "
            f"number of axes, got {data[:4].hex(' ') or 'nothing'}"
        )
    dtype, start = np.dtype(IDX_DTYPES[data[2]]), 4 + 4 * data[3]
    if len(data) < start:
        raise ValueError(f"{path} is truncated: it ends within its header, after {len(data)} bytes: download it again")
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        what = "truncated" if len(data) < expected else "too long"
        raise ValueError(
            f"{path} is {what}: its header says {shape} of {dtype.name}, so {expected:,} bytes, but it has {len(data):,}: "
            "download it again"
        )
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def mnist(folder: PathLike | None = None, *, dtype: Any = np.uint8) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read MNIST's handwritten digits, or a data set in the same files, such as Fashion-MNIST.

    Args:
        folder: the folder of the four files (train-images-idx3-ubyte or train-images.idx3-ubyte, ..., also with .gz), or
            of a mnist.npz, or an .npz file with x_train, y_train, x_test and y_test. Without it the data is read from
            scikit-learn's cache, or downloaded into it from openml.org (15 MB).
        dtype: the dtype of the images: np.uint8 for 0 to 255, a floating dtype for 0 to 1.

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
            raise ValueError(f"expected images (samples, height, width) and labels (samples,), got {x.shape} and {y.shape}")
        if x.dtype.kind not in "iu" or x.size and not 0 <= x.min() <= x.max() <= 255:
            raise ValueError(f"images must be integers from 0 to 255, got others of the dtype {x.dtype}: dtype= scales them")
        if y.dtype.kind not in "iu" and not (y.dtype.kind == "f" and (y == np.rint(y)).all()):
            raise ValueError(f"labels must be integers, got others of the dtype {y.dtype}")
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
        raise ValueError(f"{path} is not an .npz file of numeric arrays, or is damaged: download it again") from None
    raise ValueError(f"{path} is not an .npz file of MNIST: expected {', '.join(wanted)}, got {', '.join(held) or 'nothing'}")


def _mnist_from_openml() -> list[np.ndarray]:
    fetch = extra("sklearn.datasets", "mnist() without a folder").fetch_openml
    parser = "pandas" if find_spec("pandas") else "liac-arff"  # pandas reads ten times faster
    try:
        x, y = fetch("mnist_784", version=1, as_frame=False, return_X_y=True, parser=parser)
    except OSError as error:  # URLError is one
        raise ConnectionError(
            f"MNIST is not in scikit-learn's cache, and openml.org does not answer ({error}): download {', '.join(MNIST_FILES)} "
            "(or mnist.npz) elsewhere and pass their folder, mnist(folder)"
        ) from error
    x, y = x.reshape(-1, 28, 28), y.astype(np.int64)
    return [x[:60_000], y[:60_000], x[60_000:], y[60_000:]]

"""Readers of MNIST and its format: files, archives, downloads, and damaged files."""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets

import nn
from nn.storage.datasets import IDX_DTYPES


def idx(array: np.ndarray) -> bytes:
    code = next(code for code, dtype in IDX_DTYPES.items() if np.dtype(dtype) == array.dtype.newbyteorder(">"))
    return (
        bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(IDX_DTYPES[code]).tobytes()
    )


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("compress", [False, True])
def test_read_idx(tmp_path: Path, dtype: str, compress: bool) -> None:
    array = np.arange(-12, 12).astype(dtype).reshape(2, 3, 4)
    (tmp_path / "file").write_bytes(gzip.compress(idx(array)) if compress else idx(array))
    found = nn.read_idx(tmp_path / "file")
    assert (found == array).all() and found.dtype == np.dtype(dtype) and found.dtype.isnative
    found += 1  # it is writeable


def test_a_file_of_the_format_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\0\0\x0b\x02\0\0\0\x01\0\0\0\x02\x01\x00\xff\xff")
    assert nn.read_idx(tmp_path / "file").tolist() == [[256, -1]]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not an idx file: .* got nothing"),
        (b"PK\x03\x04", "not an idx file: expected 00 00, a dtype of 08, 09, 0b.* got 50 4b 03 04"),
        (b"\0\0\x07\x01", "not an idx file"),
        (b"\0\0\x08\x02\0\0\0\x01", "truncated: it ends within its header, after 8 bytes"),
        (idx(np.zeros((2, 3), "u1"))[:-1], r"truncated: its header says \(2, 3\) of uint8, so 18 bytes, but it has 17"),
        (idx(np.zeros((2, 3), "u1")) + b"\0", "too long: its header says .* but it has 19"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "truncated: its header says"),
        (gzip.compress(bytes(1000), mtime=0)[:-9], "damaged gzip file"),
    ],
)
def test_files_that_are_damaged(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ValueError, match=text):
        nn.read_idx(tmp_path / "file")


def mnist_arrays() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(256, size=shape).astype("u1") for shape in ((6, 28, 28), 6, (2, 28, 28), 2)]


@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("compress", [False, True])
def test_mnist_from_files(tmp_path: Path, dot: bool, compress: bool) -> None:
    arrays = mnist_arrays()
    names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    for name, array in zip(names, arrays, strict=True):
        path = tmp_path / ((name.replace("-idx", ".idx") if dot else name) + ".gz" * compress)
        path.write_bytes(gzip.compress(idx(array)) if compress else idx(array))
    found = nn.mnist(tmp_path)
    assert all((a == b).all() for a, b in zip(found, arrays, strict=True))
    assert [array.dtype.name for array in found] == ["uint8", "int64", "uint8", "int64"]
    x = nn.mnist(tmp_path, dtype=np.float32)[0]
    assert x.dtype == np.float32 and (x == arrays[0].astype("f4") / 255).all()


def test_mnist_from_an_archive_and_errors(tmp_path: Path) -> None:
    arrays = dict(zip(("x_train", "y_train", "x_test", "y_test"), mnist_arrays(), strict=True))
    with pytest.raises(FileNotFoundError, match="neither mnist.npz nor train-images-idx3-ubyte nor train-images-idx3-ubyte.gz"):
        nn.mnist(tmp_path)
    np.savez(tmp_path / "mnist.npz", **arrays)
    for place in (tmp_path, tmp_path / "mnist.npz"):
        assert (nn.mnist(place)[0] == arrays["x_train"]).all()
    np.savez(tmp_path / "other.npz", **{**arrays, "y_train": arrays["y_test"]})
    with pytest.raises(ValueError, match=r"\(6, 28, 28\) and \(2,\)"):
        nn.mnist(tmp_path / "other.npz")


def test_mnist_from_openml(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array(list("0123456789") * 7000)
    images = np.zeros((70_000, 784), "u1")
    images[:, 0] = labels.astype(int)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda name, **options: (images, labels))
    x_train, y_train, x_test, y_test = nn.mnist()
    assert x_train.shape == (60_000, 28, 28) and x_test.shape == (10_000, 28, 28)
    assert (x_train[:, 0, 0] == y_train).all() and (x_test[:, 0, 0] == y_test).all()

    def offline(name: str, **options: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", offline)
    with pytest.raises(ConnectionError, match=r"no route to host.*download train-images-idx3-ubyte.*mnist\(folder\)"):
        nn.mnist()


def test_a_missing_extra_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"mnist\(\) without a folder needs sklearn .*pip install 'valuegrad\[nn\]'"):
        nn.mnist()


def write_mnist(path: Path, **change: Any) -> Path:
    arrays = {"x_train": np.zeros((3, 2, 2), np.uint8), "y_train": np.arange(3), "x_test": np.zeros((1, 2, 2), np.uint8)}
    np.savez(path, **{**arrays, "y_test": np.zeros(1, int), **change})
    return path


def test_an_archive_of_something_else_is_not_mnist(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    assert nn.mnist(write_mnist(path))[0].shape == (3, 2, 2)
    np.savez(path, weights=np.ones(1), bias=np.ones(1))
    for place in (path, tmp_path):
        with pytest.raises(
            ValueError, match="not an .npz file of MNIST: expected x_train, y_train, x_test, .* got weights, bias"
        ):
            nn.mnist(place)
    for content in (b"", b"hello, world", path.read_bytes()[:40]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="mnist.npz is not an .npz file of numeric arrays, or is damaged: download it again"):
            nn.mnist(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"x_train": np.full((3, 2, 2), 0.5)}, "images must be integers from 0 to 255, got others of the dtype float64"),
        ({"x_test": np.full((1, 2, 2), 300)}, "images must be integers from 0 to 255, got others of the dtype int64"),
        ({"y_train": np.array([0.5, 1.0, 2.0])}, "labels must be integers, got others of the dtype float64"),
        ({"y_train": np.array(["a", "b", "c"])}, "labels must be integers, got others of the dtype <U1"),
    ],
)
def test_images_and_labels_that_would_lose_something(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        nn.mnist(write_mnist(tmp_path / "mnist.npz", **change))

"""Write and read files of named arrays and texts: whole or not at all, and without trust in their content.

There are two formats, chosen by the suffix when writing and by the content when reading: `.npz` (an uncompressed zip of NumPy's
array files) needs only NumPy, `.safetensors` the package of that name. Pickles are never read, because they can run code.
checkpoints.py gives the names their meaning.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nn.extras import extra

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted and needs no lock
    fcntl = None  # type: ignore[assignment]

Arrays = dict[str, np.ndarray]
Texts = dict[str, str]

CONVERT = """pickles are refused, because reading one can run code. If you trust the file, convert it once, in PyTorch:
    state = torch.load({name!r}, map_location="cpu", weights_only=True)
    safetensors.torch.save_file(state, {new!r})
and read that with nn.from_pytorch(model, {new!r})"""

LONGEST = 65_000  # characters of a name in a zip

#: The header of an array file, as NumPy writes it. Others are refused, because evaluating a header could run code.
HEAD = re.compile(
    rb"\x93NUMPY[\x01-\x03]\x00.{2,4}?"
    rb"\{'descr': '([<>|][biufcO]\d*)', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \} *\n",
    re.DOTALL,
)

SAFETENSORS_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8", "BOOL": "|b1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1",
}  # fmt: skip


class CheckpointError(ValueError):
    """Reports a file that is not a checkpoint, is damaged, or does not fit its target. Nothing was changed."""


# --- writing --------------------------------------------------------------------------------------------


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], texts: Texts) -> None:
    """Write a file in the format of its suffix."""
    write = {".npz": _write_npz, ".safetensors": _write_safetensors}.get(path.suffix)
    if write is None:
        raise ValueError(f"a checkpoint must be a .npz or a .safetensors file, got the path {str(path)!r}: change its suffix")
    with replacing(path) as file:
        write(file, arrays, texts)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` when the block ends without an error.

    At every moment, also if the process is killed or the machine stops, `path` is the whole old or the whole new file. The next
    process that writes the same path removes the leftovers of a killed one.
    """
    path = Path(os.path.realpath(path))  # follows links, as open() does
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the path of a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to save into: create it with os.makedirs")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"the folder {path.parent} may not be written to: save into another one, or allow it with os.chmod")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} may not be written to: choose another path, or allow it with os.chmod")
    _remove_leftovers(path)
    file = _locked_file(path)
    try:
        with file:
            if path.exists():
                os.chmod(file.name, stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name == "nt":
                file.close()  # an open file cannot be renamed there; elsewhere it stays locked until it is
            os.replace(file.name, path)
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        raise
    if os.name != "nt":  # write the new name in the folder to the disk as well
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _locked_file(path: Path) -> BinaryIO:
    """Return a new temporary file beside `path`, locked while this process lives and the file is open."""
    while True:
        file = open(path.with_name(f"{_beginning(path)}.{secrets.token_hex(4)}.tmp"), "xb")  # noqa: SIM115
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks: leftovers stay
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink or os.name == "nt":
            return file
        file.close()  # another process removed it as a leftover before it was locked


def _beginning(path: Path) -> str:
    """Return the start of the names of temporary files of `path`: its name, or a digest of a very long name."""
    name = f".{path.name}"
    return name if len(os.fsencode(name)) <= 240 else "." + hashlib.sha256(os.fsencode(path.name)).hexdigest()


def _remove_leftovers(path: Path) -> None:
    """Delete temporary files of `path` that no running process holds."""
    pattern = re.compile(re.escape(_beginning(path)) + r"\.[0-9a-f]{8}\.tmp")
    for entry in list(os.scandir(path.parent)):
        if pattern.fullmatch(entry.name):
            with suppress(OSError), open(entry.path, "rb") as file:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(entry.path)


def _write_npz(file: BinaryIO, arrays: Mapping[str, np.ndarray], texts: Texts) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            if len(name) > LONGEST:
                raise ValueError(
                    f"the name {name[:40]}... has {len(name)} characters, and a .npz file takes {LONGEST}: shorten it"
                )
            # ZipInfo without a date: the same state gives the same bytes
            with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name), text)


def _write_safetensors(file: BinaryIO, arrays: Mapping[str, np.ndarray], texts: Texts) -> None:
    for name, array in arrays.items():
        if array.dtype.str not in SAFETENSORS_DTYPES.values():
            raise TypeError(f"safetensors has no dtype {array.dtype}, which {name} has: save to a .npz file")
    flat = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    file.write(extra("safetensors.numpy", "a .safetensors file").save(flat, metadata=texts))


# --- reading --------------------------------------------------------------------------------------------


def read_arrays(path: Path) -> tuple[Arrays, Texts]:
    """Return the arrays, which are writable copies, and the texts of a file in either format.

    Sizes stated in the file are compared with its length before memory is allocated for them.

    Raises:
        FileNotFoundError, IsADirectoryError: if the path is not a file.
        CheckpointError: if it has neither format, is a pickle, or is damaged.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the path of a file in it")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}: nothing was saved there, or the path is wrong (see os.getcwd())")
    with open(path, "rb") as file:
        head = file.read(16)
        file.seek(0)
        read = _kind(path, head)
        try:
            return read(path, file)
        except (CheckpointError, ImportError, MemoryError):
            raise
        except Exception as error:  # any error of a parser for damaged bytes
            raise damaged(path, f"{type(error).__name__}: {error}") from error


def damaged(path: Path, what: str) -> CheckpointError:
    """Return the error for a file that is not as it was written."""
    return CheckpointError(f"{path} is damaged or cut off ({what}): copy it again, or load an older checkpoint")


def pickled(path: Path, what: str) -> CheckpointError:
    """Return the error for a file with a pickle in it."""
    return CheckpointError(f"{path} {what}: " + CONVERT.format(name=str(path), new=str(path.with_suffix(".safetensors"))))


def _kind(path: Path, head: bytes) -> Any:
    """Return the reader for a file that begins with these bytes."""
    if not head:
        raise CheckpointError(f"{path} is empty: load an older checkpoint")
    if head.startswith(b"PK"):
        return _read_npz
    if head[8:9] == b"{":
        return _read_safetensors
    if head[0] == 0x80 and head[1:2] and head[1] <= 5:
        raise pickled(path, "is a pickle")
    raise CheckpointError(
        f"{path} is not a checkpoint: it begins with {head[:8]!r}, but a .npz file begins with b'PK', a .safetensors file with a "
        "size and '{'. Only files written by nn.save are read (pickles never are)"
    )


def _read_npz(path: Path, file: BinaryIO) -> tuple[Arrays, Texts]:
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if any(name.endswith("data.pkl") for name in names):
            raise pickled(path, "is a file of torch.save, which holds a pickle")
        if len(set(names)) < len(names):
            raise damaged(path, "a name occurs twice")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise CheckpointError(
                f"{path} is compressed, which checkpoints are not: nn.save did not write it, or it was repacked. Read arrays of "
                "np.savez_compressed with dict(np.load(path)), which nn.from_pytorch(model, ...) takes as well"
            )
        if sum(member.file_size for member in members) > size:
            raise damaged(path, "it states more bytes than it has")
        arrays, texts = {}, {}
        for member in members:
            content = archive.read(member)
            if member.filename.endswith(".npy"):
                arrays[member.filename.removesuffix(".npy")] = _parse_npy(path, member.filename, content)
            else:
                texts[member.filename] = content.decode()
    return arrays, texts


def _parse_npy(path: Path, name: str, content: bytes) -> np.ndarray:
    match = HEAD.match(content)
    if match is None:
        raise damaged(path, f"{name} has no header of an array of numbers")
    descr, fortran, sizes = (group.decode() for group in match.groups())
    if "O" in descr:
        raise pickled(path, f"holds an array of Python objects, {name}, which is a pickle")
    shape = tuple(int(size) for size in sizes.split(",") if size.strip())
    return _array(path, name, memoryview(content)[match.end() :], np.dtype(descr), shape, "F" if fortran == "True" else "C")


def _read_safetensors(path: Path, file: BinaryIO) -> tuple[Arrays, Texts]:
    content = file.read()
    items = extra("safetensors", "a .safetensors file").deserialize(content)  # checks the head against the size
    head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    arrays = {}
    for name, spec in items:
        data, kind = memoryview(spec["data"]), spec["dtype"]
        if kind == "BF16":  # the upper half of a float32
            data, kind = memoryview((np.frombuffer(data, "<u2").astype("<u4") << 16).tobytes()), "F32"
        if kind not in SAFETENSORS_DTYPES:
            raise CheckpointError(f"{path} holds {name} in the dtype {kind}, which NumPy lacks: convert it to float32 in PyTorch")
        arrays[name] = _array(path, name, data, np.dtype(SAFETENSORS_DTYPES[kind]), tuple(spec["shape"]))
    return arrays, head.get("__metadata__", {})


def _array(path: Path, name: str, data: memoryview, dtype: np.dtype, shape: tuple[int, ...], order: Any = "C") -> np.ndarray:
    if math.prod(shape) * dtype.itemsize != len(data):
        raise damaged(path, f"{name} of the shape {shape} and dtype {dtype} has {len(data)} bytes")
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order=order)

"""Checkpoints: save() writes a whole training run into one file, load() restores it, bit for bit.

A checkpoint holds the state of each part (model, optimizer, scheduler, generator, ...) by name. Arrays are entries
such as `model/0.weight` and `optimizer/state/0/momentum_buffer`; the rest is JSON, in the entry `checkpoint.json`, together
with the SHA-256 of each array; the 32 bytes in `checkpoint.sha256` are the SHA-256 of the JSON. archives.py writes and reads
the files; nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from nn.module import Module
from nn.storage.archives import Arrays, CheckpointError, Texts, damaged, read_arrays, write_arrays

FORMAT, VERSION = "valuegrad checkpoint", 1
JSON, DIGEST = "checkpoint.json", "checkpoint.sha256"


@dataclass(frozen=True)
class Checkpoint:
    """Holds the content of a checkpoint.

    Attributes:
        path: the file.
        step, extra: the arguments of save().
        parts: the state_dict of each part by its name; that of an item in a list or dict is named like `scheduler/0`.
        missing, unexpected: after ``load(..., strict=False)``, the names that only the parts, or only the file, have.
    """

    path: Path
    step: Any
    extra: Any
    parts: dict[str, Any] = field(repr=False)
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


def save(
    path: str | os.PathLike[str],
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    generator: Any = None,
    step: Any = None,
    extra: Any = None,
    **parts: Any,
) -> None:
    """Write a checkpoint.

    A part is anything with state_dict() and load_state_dict(), a numpy Generator, or a list or dict of parts. The generators
    inside a model (such as that of a Dropout) are saved with it, including their count of spawn(). Gradients are not saved: save
    after a step. The file is written beside `path` and then replaces it, so a crash or a full disk loses nothing.

    Args:
        path: the file: `.npz`, or `.safetensors` with the package of that name (``pip install 'valuegrad[nn]'``).
        model, optimizer, scheduler, generator: the parts that most runs have, or None.
        step: the progress of the run: a number, or a dict such as ``{"epoch": 3, "batch": 17}``.
        extra: anything else made of dicts, lists, tuples, strings, numbers, bools, None and arrays.
        parts: further parts by name: ``save(path, model, loader=loader)``.

    Raises:
        TypeError: for a part without a state, or with something in it that only pickle could save.
        ValueError: for another suffix, or if two parts, parameters or buffers would have the same name.
        OSError: if writing fails or is not allowed; the old file stays.

    >>> import os, tempfile
    >>> import nn
    >>> path = os.path.join(tempfile.mkdtemp(), "run.npz")
    >>> model = nn.Linear(3, 2, rng=0)
    >>> save(path, model, generator=np.random.default_rng(0), step=10, extra={"losses": [0.5, 0.25]})
    >>> other = nn.Linear(3, 2)
    >>> load(path, other, generator=np.random.default_rng()).step
    10
    >>> bool((other.weight.data == model.weight.data).all())
    True
    >>> load(path).extra
    {'losses': [0.5, 0.25]}
    """
    named = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "generator": generator, **parts}
    arrays: Arrays = {}
    packed = {name: _pack(_state(part), name, arrays) for name, part in _leaves(named).items()}
    content = {
        "format": FORMAT,
        "version": VERSION,
        "step": _pack(step, "step", arrays),
        "extra": _pack(extra, "extra", arrays),
        "parts": packed,
        "arrays": {name: {"sha256": _digest(array), "order": _order(array)} for name, array in arrays.items()},
    }
    text = json.dumps(content, allow_nan=False)
    # an array, not a second text: safetensors writes texts in no fixed order
    write_arrays(Path(path), arrays | {DIGEST: _digest_of_text(text)}, {JSON: text})


def load(
    path: str | os.PathLike[str],
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    generator: Any = None,
    *,
    strict: bool = True,
    **parts: Any,
) -> Checkpoint:
    """Read a checkpoint, and set the given parts from it: all of them, or none if there is an error.

    ``load(path)`` alone only reads the file. Numbers must fit the dtype they are loaded into without loss, as float32 fits
    float64.
    (``model.load_state_dict(load(path).parts["model"])`` rounds.)

    Args:
        path: a file written by save().
        model, optimizer, scheduler, generator, parts: the parts to set, with the same structure as the saved ones.
        strict: whether the names in the file must be those of the parts. Otherwise matching names are set, and the result has
            the `missing` and `unexpected` names. Shapes must match in any case.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: a ValueError for a file that is not a checkpoint, is damaged, a pickle, or written by a newer version;
            or for missing or unexpected names, other shapes, or another kind of generator.
        TypeError: for a part without a state.
    """
    path = Path(path)
    checkpoint = _read(path)
    named = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "generator": generator, **parts}
    leaves = _leaves(named)
    held = {name.partition("/")[0] for name in checkpoint.parts}
    for name in leaves:
        if (part := name.partition("/")[0]) not in held:
            raise CheckpointError(f"{path} holds {', '.join(sorted(held)) or 'no part'}, but no {part}: leave {part}= out")
    for name, part in leaves.items():
        _refuse_other_kind(path, name, part, checkpoint.parts.get(name))
    missing = [name for name in leaves if name not in checkpoint.parts]
    given = {_key(name) for name, part in named.items() if part is not None}
    unexpected = [name for name in checkpoint.parts if name not in leaves and name.partition("/")[0] in given]
    if strict and missing + unexpected:
        for name, part in leaves.items():  # name the parameters of added and removed layers as well
            if isinstance(part, Module) and name in checkpoint.parts:
                only_here, only_there = _names_apart(part.state_dict(), checkpoint.parts[name])
                missing += [f"{name}/{key}" for key in only_here]
                unexpected += [f"{name}/{key}" for key in only_there]
        raise CheckpointError(
            f"{path} does not fit: missing in the file: {', '.join(missing) or 'nothing'}; "
            f"only in the file: {', '.join(unexpected) or 'nothing'}. Build the parts as they were when they were saved, "
            "or pass strict=False"
        )
    states = {name: state for name, state in checkpoint.parts.items() if name in leaves}
    numbered = any(hasattr(leaves[name], "param_groups") for name in states)  # optimisers refer to parameters by number
    for name, state in states.items():
        with _explained(path, name):
            only_here, only_there = _check(leaves[name], state, numbered)
        missing += [f"{name}/{key}" for key in only_here]
        unexpected += [f"{name}/{key}" for key in only_there]
    _set_all(path, leaves, states, strict)
    return Checkpoint(path, checkpoint.step, checkpoint.extra, checkpoint.parts, tuple(missing), tuple(unexpected))


# --- parts and their states -----------------------------------------------------------------------------


def _leaves(parts: Any, prefix: str = "") -> dict[str, Any]:
    """Return everything with a state in nested dicts and lists by its path, including the generators of modules."""
    leaves: dict[str, Any] = {}
    for key, part in parts.items() if isinstance(parts, Mapping) else enumerate(parts):
        name = f"{prefix}/{_key(key)}" if prefix else _key(key)
        if isinstance(part, (Mapping, list, tuple)):
            found = _leaves(part, name)
        elif isinstance(part, np.random.Generator) or _is_part(part):
            found = {name: part}
            if isinstance(part, Module):
                found |= {f"{name}/generators/{_key(path)}": item for path, item in part.named_generators()}
        elif part is None:
            continue
        else:
            raise TypeError(
                f"{name} must have state_dict() and load_state_dict(), or be a numpy Generator (np.random.default_rng(seed)) or "
                f"a list or dict of these, got {type(part).__name__}; pass other data as extra="
            )
        if found.keys() & leaves.keys():
            raise ValueError(f"two parts would have the name {name}, as under the keys 1 and '1' of a dict: rename one")
        leaves |= found
    return leaves


def _is_part(item: Any) -> bool:
    """Return whether an object has a state to save and to set; a class has none."""
    return hasattr(item, "state_dict") and hasattr(item, "load_state_dict") and not isinstance(item, type)


def _key(key: Any) -> str:
    """Return a key as one step of a path; a slash in it becomes %2F, so that paths are unique."""
    return quote(str(key), safe="")


def _state(part: Any) -> Any:
    if not isinstance(part, np.random.Generator):
        return part.state_dict()
    seeds = part.bit_generator.seed_seq  # the source of spawn(), with its count
    return dict(part.bit_generator.state) | ({"seed_seq": seeds.state} if isinstance(seeds, np.random.SeedSequence) else {})


def _set_state(part: Any, state: Any, strict: bool) -> None:
    if isinstance(part, np.random.Generator):
        bits: Any = part.bit_generator
        bits.state = state
        if "seed_seq" in state:  # it has no setter, but unpickling sets it
            bits.__setstate__((bits.state, np.random.SeedSequence(**state["seed_seq"])))
    elif isinstance(part, Module):
        part.load_state_dict(state, strict=strict)
    else:
        part.load_state_dict(state)


def _check(part: Any, state: Any, ordered: bool) -> tuple[list[str], list[str]]:
    """Raise an error for numbers that would lose digits; return the names that only a module, or only its state, has.

    With `ordered`, also raise an error for another order of the names. load_state_dict() checks the rest.
    """
    if isinstance(part, np.random.Generator):
        kind, saved = type(part.bit_generator), state.get("bit_generator")
        if saved != kind.__name__:
            raise ValueError(f"expected the state of a {kind.__name__}, got that of a {saved}: make a generator of that kind")
        kind().state = state
    if not isinstance(part, Module):
        return [], []
    names = refuse_loss(part, state)
    here, there = [name for name in names if name in state], [name for name in state if name in names]
    if ordered and here != there:
        raise ValueError(
            f"its parameters were saved in the order {', '.join(there)}, but are now {', '.join(here)}; the optimizer refers to "
            "them by number. Build the model as it was, or load it without the optimizer"
        )
    return _names_apart(names, state)


def _names_apart(here: Iterable[str], there: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the names that are only here, and those that are only there."""
    known, saved = list(here), list(there)
    return [name for name in known if name not in saved], [name for name in saved if name not in known]


def _refuse_other_kind(path: Path, name: str, part: Any, state: Any) -> None:
    """Raise CheckpointError for the state of an optimiser where a model is loaded, or the other way round."""
    if not isinstance(state, dict) or not state:
        return
    optimizer, model = isinstance(state.get("groups"), list), all(isinstance(item, np.ndarray) for item in state.values())
    if isinstance(part, Module) and optimizer or hasattr(part, "param_groups") and model:
        raise CheckpointError(
            f"{path} holds the state of {'an optimiser' if optimizer else 'a model'} as {name}, got {type(part).__name__}: "
            "pass the parts in the order in which they were saved, or by name, as in load(path, model=..., optimizer=...)"
        )


def refuse_loss(model: Module, arrays: Mapping[str, Any]) -> list[str]:
    """Raise ValueError for arrays that do not fit the dtypes of the model without loss; return all names of the model."""
    items: list[tuple[str, Any]] = [*model.named_parameters(), *model.named_buffers()]
    dtypes = {name: item.dtype for name, item in items}
    found = [
        f"{name} is {array.dtype} and would become {dtypes[name]}"
        for name, array in arrays.items()
        if name in dtypes and not np.can_cast(array.dtype, dtypes[name], "safe")
    ]
    if found:
        raise ValueError(
            f"digits would be lost: {'; '.join(found)}. Build the model with that dtype=, or pass the arrays to "
            "model.load_state_dict(), which rounds"
        )
    return list(dtypes)


def _set_all(path: Path, leaves: Mapping[str, Any], states: Mapping[str, Any], strict: bool) -> None:
    """Set all states; after an error, restore the states that the parts had."""
    before: list[tuple[Any, Any]] = []
    try:
        for name, state in states.items():
            with _explained(path, name):
                before.append((leaves[name], deepcopy(_state(leaves[name]))))
                _set_state(leaves[name], state, strict)
    except BaseException:
        for part, state in reversed(before):
            _set_state(part, state, True)
        raise


@contextmanager
def _explained(path: Path, name: str) -> Iterator[None]:
    """Turn an error in the block into a CheckpointError that names the file and the part."""
    try:
        yield
    except Exception as error:
        what = str(error) if isinstance(error, (ValueError, TypeError)) else f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path} does not fit {name}: {what}. Nothing was changed") from error


# --- JSON for everything but arrays --------------------------------------------------------------------


def _pack(item: Any, name: str, arrays: Arrays) -> Any:
    """Return the item as JSON; its arrays go into `arrays`, and types that JSON lacks become {"$kind": content}."""
    if item is None or isinstance(item, (bool, str)):
        return item
    if isinstance(item, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost: save .data and .mask, or .filled()")
    if isinstance(item, (np.ndarray, np.generic)):
        if item.dtype.kind not in "biufc":
            raise TypeError(f"{name} is an array of the dtype {item.dtype}: save numbers, or a list of strings")
        if isinstance(item, np.generic):
            return {"$scalar": [item.dtype.str, item.tobytes().hex()]}
        arrays[name] = _as_stored(item)
        return {"$array": name}
    if isinstance(item, int):
        return int(item)
    if isinstance(item, float):
        return float(item) if math.isfinite(item) else {"$float": struct.pack(">d", item).hex()}
    if isinstance(item, (list, tuple)):
        packed = [_pack(value, f"{name}/{index}", arrays) for index, value in enumerate(item)]
        return packed if isinstance(item, list) else {"$tuple": packed}
    if isinstance(item, Mapping):
        pairs = [(key, _pack(value, f"{name}/{_key(key)}", arrays)) for key, value in item.items()]
        if all(isinstance(key, str) and not key.startswith("$") for key in item):
            return dict(pairs)
        if all(isinstance(key, (str, int)) for key in item) and len({str(key) for key in item}) == len(item):
            return {"$dict": [[key, value] for key, value in pairs]}
        raise TypeError(f"{name} is a dict with keys other than strings and integers: {list(item)}")
    raise TypeError(
        f"{name} is of the type {type(item).__name__}, which only pickle could save: convert it to dicts, lists, strings, "
        "numbers and arrays (for a Value, .data)"
    )


def _unpack(item: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Undo _pack()."""
    if isinstance(item, list):
        return [_unpack(value, arrays) for value in item]
    if not isinstance(item, dict):
        return item
    kind = next(iter(item), "")
    if not kind.startswith("$"):
        return {key: _unpack(value, arrays) for key, value in item.items()}
    content: Any = item[kind]
    if kind == "$array":
        return arrays[content]
    if kind == "$scalar":
        return np.frombuffer(bytes.fromhex(content[1]), content[0])[0]
    if kind == "$float":
        return struct.unpack(">d", bytes.fromhex(content))[0]
    if kind == "$tuple":
        return tuple(_unpack(content, arrays))
    return {key: _unpack(value, arrays) for key, value in content}


def _as_stored(array: np.ndarray) -> np.ndarray:
    """Return the array as it is stored: little-endian, in C order, or in F order if it has only that."""
    return np.asarray(array, array.dtype.newbyteorder("<"), order=_order(array))


def _order(array: np.ndarray) -> Any:
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _digest(array: np.ndarray) -> str:
    """Return the SHA-256 of the dtype, the shape and the numbers in C order."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _digest_of_text(text: str) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)


# --- reading and verifying ------------------------------------------------------------------------------


def _read(path: Path) -> Checkpoint:
    """Return the checkpoint in a file, after verifying every checksum."""
    arrays, texts = read_arrays(path)
    content = _verified_json(path, texts, arrays.pop(DIGEST, None))
    try:
        entries = content["arrays"]
        if arrays.keys() != entries.keys() or texts.keys() != {JSON}:
            raise ValueError(f"wrong entries: {', '.join(sorted(arrays.keys() ^ entries.keys())) or sorted(texts)}")
        for name, entry in entries.items():
            # safetensors has no memory order: restore it, because the last bits of matrix products depend on it
            arrays[name] = np.asarray(arrays[name], order=entry["order"])
            if _digest(arrays[name]) != entry["sha256"]:
                raise ValueError(f"the numbers of {name} do not match their checksum")
        step, extra = (_unpack(content[key], arrays) for key in ("step", "extra"))
        parts = {name: _unpack(state, arrays) for name, state in content["parts"].items()}
    except Exception as error:  # including JSON that save() did not write
        raise damaged(path, str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}") from error
    return Checkpoint(path, step, extra, parts)


def _verified_json(path: Path, texts: Texts, digest: Any) -> dict[str, Any]:
    """Return the content of checkpoint.json, after checking its checksum, format and version."""
    if JSON not in texts:
        raise CheckpointError(
            f"{path} is not a checkpoint: it has no entry {JSON}. Read arrays that nn.save did not write with np.load, and "
            "weights of PyTorch or of to_pytorch(), in a .npz or .safetensors file, with nn.from_pytorch(model, path)"
        )
    if not np.array_equal(digest, _digest_of_text(texts[JSON])):
        raise damaged(path, f"{JSON} does not match its checksum")
    try:
        content = json.loads(texts[JSON])
        kind, version = content["format"], content["version"]
        if kind != FORMAT or version != int(version):
            raise ValueError(f"{kind!r}, version {version!r}")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of this library: {type(error).__name__}: {error}") from error
    if version > VERSION:
        raise CheckpointError(
            f"{path} has version {version} of the format, but this library reads up to {VERSION}: pip install -U valuegrad"
        )
    return content

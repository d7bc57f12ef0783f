"""Checkpoints: save() writes a whole training run into one file, load() puts it back, bit for bit.

A checkpoint holds the state of each part (model, optimizer, scheduler, generator, ...) by name. Arrays are entries
such as `model/0.weight` and `optimizer/state/0/momentum_buffer`; the rest is JSON, in the entry `checkpoint.json`, together
with the SHA-256 of each array; and the 32 bytes in `checkpoint.sha256` are that of the JSON. How files are written
and read is in archives.py; nothing is ever unpickled.
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
    """What a checkpoint holds.

    Attributes:
        path: the file.
        step, extra: as they were given to save().
        parts: the state_dict of each part by its name; that of an item in a list or dict is called `scheduler/0`.
        missing, unexpected: after ``load(..., strict=False)``, the names that only the parts, or only the file, had.
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

    A part is anything with state_dict() and load_state_dict(), a numpy Generator, or a list or dict of parts. The
    generators inside a model (that of a Dropout) are saved with it, and with each what it will spawn(). Gradients are
    not saved: save after a step. The file is written beside `path` and then takes its place, so a crash, or a full
    disk, loses nothing.

    Args:
        path: the file: `.npz`, or `.safetensors` with the package of that name (``pip install 'valuegrad[nn]'``).
        model, optimizer, scheduler, generator: the parts that most runs have, or None.
        step: how far the run is: a number, or a dict such as ``{"epoch": 3, "batch": 17}``.
        extra: anything else made of dicts, lists, tuples, strings, numbers, bools, None and arrays.
        parts: further parts by name: ``save(path, model, loader=loader)``.

    Raises:
        TypeError: for a part without state, or something in one that cannot be saved without pickle.
        ValueError: for another suffix, or if two parts, parameters or buffers would have the same name.
        OSError: if the disk refuses, or the file there may not be written to; it is then still there.

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
    # an array and no second text: safetensors writes texts in no fixed order
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
    """Read a checkpoint, and set the parts that are given from it: all of them, or none if there is an error.

    ``load(path)`` alone only reads. Numbers must fit the dtype of what they are loaded into without loss: float32
    into float64 does. (``model.load_state_dict(load(path).parts["model"])`` rounds.)

    Args:
        path: a file written by save().
        model, optimizer, scheduler, generator, parts: what to set, made with the same structure as what was saved.
        strict: whether the names in the file must be those of the parts. Otherwise what fits in name is set, and
            the result has the `missing` and `unexpected` names. Shapes must always fit.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: a ValueError that says what is wrong: no checkpoint, damaged, written by a newer version, a
            pickle; or names missing or unexpected, other shapes, another kind of generator.
        TypeError: for a part without state.
    """
    path = Path(path)
    checkpoint = _read(path)
    named = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "generator": generator, **parts}
    leaves = _leaves(named)
    held = {name.partition("/")[0] for name in checkpoint.parts}
    for name in leaves:
        if (part := name.partition("/")[0]) not in held:
            raise CheckpointError(f"{path} holds no {part}, but {', '.join(sorted(held)) or 'no part'}: leave {part}= away")
    for name, part in leaves.items():
        _refuse_other_kind(path, name, part, checkpoint.parts.get(name))
    missing = [name for name in leaves if name not in checkpoint.parts]
    given = {_key(name) for name, part in named.items() if part is not None}
    unexpected = [name for name in checkpoint.parts if name not in leaves and name.partition("/")[0] in given]
    if strict and missing + unexpected:
        for name, part in leaves.items():  # a layer more or less is told by its parameters, too
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
    numbered = any(hasattr(leaves[name], "param_groups") for name in states)  # optimisers know parameters by number
    for name, state in states.items():
        with _explained(path, name):
            only_here, only_there = _check(leaves[name], state, numbered)
        missing += [f"{name}/{key}" for key in only_here]
        unexpected += [f"{name}/{key}" for key in only_there]
    _set_all(path, leaves, states, strict)
    return Checkpoint(path, checkpoint.step, checkpoint.extra, checkpoint.parts, tuple(missing), tuple(unexpected))


# --- parts and their states -----------------------------------------------------------------------------


def _leaves(parts: Any, prefix: str = "") -> dict[str, Any]:
    """Whatever has a state in nested dicts and lists, by its path; with each module its generators."""
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
                f"{name} is of the type {type(part).__name__}, but a part has state_dict() and load_state_dict(), or is a "
                "numpy Generator (np.random.default_rng(seed)), or a list or dict of such; other data belong into extra="
            )
        if found.keys() & leaves.keys():
            raise ValueError(f"two parts would have the name {name}, as under the keys 1 and '1' of a dict: rename one")
        leaves |= found
    return leaves


def _is_part(item: Any) -> bool:
    """Whether it has a state to save and to set; a class has none yet."""
    return hasattr(item, "state_dict") and hasattr(item, "load_state_dict") and not isinstance(item, type)


def _key(key: Any) -> str:
    """A key as one step of a path: a slash in it becomes %2F, so that no two paths are the same."""
    return quote(str(key), safe="")


def _state(part: Any) -> Any:
    if not isinstance(part, np.random.Generator):
        return part.state_dict()
    seeds = part.bit_generator.seed_seq  # what spawn() makes generators from, and counts
    return dict(part.bit_generator.state) | ({"seed_seq": seeds.state} if isinstance(seeds, np.random.SeedSequence) else {})


def _set_state(part: Any, state: Any, strict: bool) -> None:
    if isinstance(part, np.random.Generator):
        bits: Any = part.bit_generator
        bits.state = state
        if "seed_seq" in state:  # it has no setter, but pickling sets it
            bits.__setstate__((bits.state, np.random.SeedSequence(**state["seed_seq"])))
    elif isinstance(part, Module):
        part.load_state_dict(state, strict=strict)
    else:
        part.load_state_dict(state)


def _check(part: Any, state: Any, ordered: bool) -> tuple[list[str], list[str]]:
    """Refuse what cannot be set without loss; the names that only a module has, and those that only its state has.

    `ordered`: whether names in another order are refused, too. What is left to check is checked by load_state_dict().
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
            f"its parameters stood in the order {', '.join(there)}, and now {', '.join(here)}; the optimizer knows them by "
            "number. Build the model as it was, or load it without the optimizer"
        )
    return _names_apart(names, state)


def _names_apart(here: Iterable[str], there: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names that are only here, and those that are only there."""
    known, saved = list(here), list(there)
    return [name for name in known if name not in saved], [name for name in saved if name not in known]


def _refuse_other_kind(path: Path, name: str, part: Any, state: Any) -> None:
    """Raise CheckpointError for the state of an optimiser where a model is loaded, or the other way round."""
    if not isinstance(state, dict) or not state:
        return
    optimizer, model = isinstance(state.get("groups"), list), all(isinstance(item, np.ndarray) for item in state.values())
    if isinstance(part, Module) and optimizer or hasattr(part, "param_groups") and model:
        raise CheckpointError(
            f"{path} holds as {name} the state of {'an optimiser' if optimizer else 'a model'}, got {type(part).__name__} "
            "for it: give the parts in the order in which they were saved, or by name, as in load(path, model=..., optimizer=...)"
        )


def refuse_loss(model: Module, arrays: Mapping[str, Any]) -> list[str]:
    """ValueError if an array does not fit without loss into the dtype that the model has for it; else all its names."""
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
    """Set all states; if one is refused, put back what the parts had."""
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
    """An error in the block becomes a CheckpointError with the file and the part."""
    try:
        yield
    except Exception as error:
        what = str(error) if isinstance(error, (ValueError, TypeError)) else f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path} does not fit {name}: {what}. Nothing was changed") from error


# --- JSON for everything that is no array ---------------------------------------------------------------


def _pack(item: Any, name: str, arrays: Arrays) -> Any:
    """The item as JSON can hold it; its arrays go into `arrays`. What JSON lacks is {"$kind": content}."""
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
        raise TypeError(f"{name} is a dict with other keys than strings and integers: {list(item)}")
    raise TypeError(
        f"{name} is of the type {type(item).__name__}, which only pickle could save: turn it into dicts, lists, strings, "
        "numbers and arrays (of a Value, .data)"
    )


def _unpack(item: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """What _pack() was given."""
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
    """The array as files keep it: little-endian, in the order C, or F if it is in that order only."""
    return np.asarray(array, array.dtype.newbyteorder("<"), order=_order(array))


def _order(array: np.ndarray) -> Any:
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _digest(array: np.ndarray) -> str:
    """The SHA-256 of the dtype, the shape and the numbers in the order C."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _digest_of_text(text: str) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)


# --- reading and verifying ------------------------------------------------------------------------------


def _read(path: Path) -> Checkpoint:
    """The checkpoint in a file, after every checksum has been verified."""
    arrays, texts = read_arrays(path)
    content = _verified_json(path, texts, arrays.pop(DIGEST, None))
    try:
        entries = content["arrays"]
        if arrays.keys() != entries.keys() or texts.keys() != {JSON}:
            raise ValueError(f"wrong entries: {', '.join(sorted(arrays.keys() ^ entries.keys())) or sorted(texts)}")
        for name, entry in entries.items():
            # safetensors knows no orders: each array gets its own back, on which the last bits of matrix products depend
            arrays[name] = np.asarray(arrays[name], order=entry["order"])
            if _digest(arrays[name]) != entry["sha256"]:
                raise ValueError(f"the numbers of {name} do not give their checksum")
        step, extra = (_unpack(content[key], arrays) for key in ("step", "extra"))
        parts = {name: _unpack(state, arrays) for name, state in content["parts"].items()}
    except Exception as error:  # also whatever a JSON says that was not written by save()
        raise damaged(path, str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}") from error
    return Checkpoint(path, step, extra, parts)


def _verified_json(path: Path, texts: Texts, digest: Any) -> dict[str, Any]:
    """What stands in checkpoint.json, if its checksum, format and version are right."""
    if JSON not in texts:
        raise CheckpointError(
            f"{path} is no checkpoint: it has no entry {JSON}. Arrays that nn.save did not write are read by np.load, and "
            "weights of PyTorch or of to_pytorch(), in a .npz or .safetensors file, by nn.from_pytorch(model, path)"
        )
    if not np.array_equal(digest, _digest_of_text(texts[JSON])):
        raise damaged(path, f"{JSON} does not give its checksum")
    try:
        content = json.loads(texts[JSON])
        kind, version = content["format"], content["version"]
        if kind != FORMAT or version != int(version):
            raise ValueError(f"{kind!r}, version {version!r}")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is no checkpoint of this library: {type(error).__name__}: {error}") from error
    if version > VERSION:
        raise CheckpointError(
            f"{path} is of version {version} of the format, and this library reads up to {VERSION}: pip install -U valuegrad"
        )
    return content

"""Checkpoints: everything saved is restored bit for bit, and no bad file changes or runs anything."""

from __future__ import annotations

import inspect
import io
import json
import os
import pickle
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value
from nn.storage import archives as files
from nn.storage.archives import replacing
from nn.storage.checkpoints import DIGEST, JSON, VERSION
from nn.training.data import DataLoader

KINDS = pytest.mark.parametrize("suffix", [".npz", ".safetensors"])


class Run:
    """A small training run in which everything has a state."""

    def __init__(self, seed: int = 0, hidden: int = 4) -> None:
        rng = np.random.default_rng(seed)
        self.model = nn.Sequential(
            nn.Linear(3, hidden, rng=rng),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(0.3, rng=rng),
            nn.Linear(hidden, 2, rng=rng),
        )
        self.optimizer = nn.Adam(self.model.parameters(), lr=0.05)
        self.scheduler = nn.CosineAnnealingLR(self.optimizer, 30)
        self.generator = np.random.Generator(np.random.MT19937(seed + 1))

    def train(self, steps: int) -> Run:
        for _ in range(steps):
            x = self.generator.normal(size=(8, 3))
            self.optimizer.zero_grad()
            nn.cross_entropy(self.model(x), (x[:, 0] > 0.0).astype(int)).backward()
            self.optimizer.step()
            self.scheduler.step()
        return self

    def parts(self) -> dict[str, Any]:
        return vars(self)

    def state(self) -> str:
        """Return all of the state as a text of every bit."""
        generators = [self.generator, *(item for _, item in self.model.named_generators())]
        states = [self.model.state_dict(), self.optimizer.state_dict(), self.scheduler.state_dict()]
        return exact([*states, [generator.bit_generator.state for generator in generators]])


def exact(item: Any) -> str:
    """Return a text that is equal only for nested data of equal types and bits."""
    if isinstance(item, dict):
        return "{" + ", ".join(f"{key!r}: {exact(value)}" for key, value in item.items()) + "}"
    if isinstance(item, (list, tuple)):
        return f"{type(item).__name__}({', '.join(map(exact, item))})"
    if isinstance(item, (np.ndarray, np.generic)):
        return f"{type(item).__name__} {item.dtype} {item.shape} {item.tobytes().hex()}"
    return struct.pack(">d", item).hex() if isinstance(item, float) else repr(item)


@pytest.fixture(params=[".npz", ".safetensors"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Run]:
    """Return a checkpoint of each format, and the run in it."""
    run = Run().train(3)
    path = tmp_path / f"run{request.param}"
    nn.save(path, **run.parts(), step=3, extra={"losses": [0.5, 0.25]})
    return path, run


def refused(path: Path, *words: str, **options: Any) -> str:
    """Check that loading fails with all these words and changes nothing; return the text of the error."""
    other = Run(seed=5).train(2)
    before = other.state()
    with pytest.raises(nn.CheckpointError) as caught:
        nn.load(path, **other.parts(), **options)
    assert other.state() == before, "something was changed"
    for word in [str(path), *words]:
        assert word in str(caught.value)
    return str(caught.value)


# --- what comes back ------------------------------------------------------------------------------------


def test_a_run_continues_bit_for_bit(saved: tuple[Path, Run]) -> None:
    path, run = saved
    other = Run(seed=5).train(2)
    checkpoint = nn.load(path, **other.parts())
    assert other.state() == run.state()
    assert (checkpoint.step, checkpoint.extra) == (3, {"losses": [0.5, 0.25]})
    assert (checkpoint.missing, checkpoint.unexpected) == ((), ())
    assert other.train(20).state() == run.train(20).state()


@KINDS
def test_a_run_continues_in_another_process(suffix: str, tmp_path: Path) -> None:
    straight = Run().train(20).state()
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    nn.save(first, **Run().train(10).parts())
    program = (
        "import nn, sys; from tests.nn.storage.test_checkpoints import Run; run = Run(seed=7)"
        "; nn.load(sys.argv[1], **run.parts()); nn.save(sys.argv[2], **run.train(10).parts())"
    )
    subprocess.run([sys.executable, "-c", program, str(first), str(second)], check=True, cwd=Path(__file__).parents[3])
    end = Run(seed=9)
    nn.load(second, **end.parts())
    assert end.state() == straight


def test_a_loader_and_other_parts_are_saved_by_their_own_names(tmp_path: Path) -> None:
    def loader() -> DataLoader:
        return DataLoader(np.arange(12.0), batch_size=3, shuffle=True, rng=3)

    path, whole, first, second = tmp_path / "a.npz", loader(), loader(), loader()
    expected = [batch.tolist() for _ in range(2) for batch in whole]
    found = []
    for batch in first:
        found.append(batch.tolist())
        if len(found) == 2:
            nn.save(path, loader=first)
            break
    nn.load(path, loader=second)
    found += [batch.tolist() for _ in range(2) for batch in second]
    assert found == expected


def subclasses(base: type) -> list[type]:
    """Return the subclasses of a class in this library."""
    found = [kind for kind in base.__subclasses__() if kind.__module__.startswith("nn.")]
    return [*found, *(deeper for kind in found for deeper in subclasses(kind))]


SCHEDULES: list[Callable[[Any], Any]] = [
    lambda optimizer: nn.ExponentialLR(optimizer, 0.9),
    lambda optimizer: nn.ReduceLROnPlateau(optimizer, patience=1),
    lambda optimizer: nn.OneCycleLR(optimizer, 0.01, total_steps=20),
    lambda optimizer: nn.CosineAnnealingWarmRestarts(optimizer, 4),
    lambda optimizer: nn.SequentialLR(
        optimizer, [nn.LinearLR(optimizer, 0.5, total_iters=3), nn.ExponentialLR(optimizer, 0.9)], [3]
    ),
]


def run_with(make_optimizer: Callable[[Any], Any], make_schedule: Callable[[Any], Any]) -> dict[str, Any]:
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))
    optimizer = make_optimizer(model.parameters())
    return {"model": model, "optimizer": optimizer, "scheduler": make_schedule(optimizer), "rng": np.random.default_rng(2)}


def steps_with(parts: dict[str, Any], steps: int) -> str:
    """Train, and return the state at the end."""
    model, optimizer = parts["model"], parts["optimizer"]
    for _ in range(steps):
        x = parts["rng"].normal(size=(6, 3))

        def loss(x: np.ndarray = x) -> Value:
            optimizer.zero_grad()
            out = nn.mse_loss(model(x), x[:, :1] * x[:, 1:2])
            out.backward()
            return out

        error = optimizer.step(loss)
        if (schedule := parts["scheduler"]) is not None:
            schedule.step(error.item()) if isinstance(schedule, nn.ReduceLROnPlateau) else schedule.step()
    return exact([part.state_dict() for part in parts.values() if hasattr(part, "state_dict")])


def goes_on(make_optimizer: Callable[[Any], Any], make_schedule: Callable[[Any], Any], path: Path) -> None:
    straight = steps_with(run_with(make_optimizer, make_schedule), 12)
    first, second = run_with(make_optimizer, make_schedule), run_with(make_optimizer, make_schedule)
    steps_with(first, 5)
    nn.save(path, **first)
    nn.load(path, **second)
    assert steps_with(second, 7) == straight


@pytest.mark.parametrize("kind", subclasses(nn.Optimizer), ids=lambda kind: kind.__name__)
def test_every_optimizer_continues_bit_for_bit(kind: Any, tmp_path: Path) -> None:
    options = {"max_iter": 3, "momentum": 0.9}
    options = {name: item for name, item in options.items() if name in inspect.signature(kind).parameters}
    goes_on(lambda parameters: kind(parameters, **options), lambda optimizer: None, tmp_path / "a.npz")


@pytest.mark.parametrize("make", SCHEDULES)
def test_schedules_continue_bit_for_bit(make: Callable[[Any], Any], tmp_path: Path) -> None:
    goes_on(lambda parameters: nn.SGD(parameters, lr=0.1, momentum=0.9), make, tmp_path / "a.npz")


def test_parts_may_be_lists_and_dicts(tmp_path: Path) -> None:
    path = tmp_path / "gan.npz"
    models = {"a/b": nn.Linear(2, 2, rng=0), "a": nn.Linear(2, 2, rng=1)}
    nn.save(path, models, generator=[np.random.default_rng(0), {"x": np.random.default_rng(1)}])
    others = {"a/b": nn.Linear(2, 2, rng=2), "a": nn.Linear(2, 2, rng=3)}
    generators = [np.random.default_rng(2), {"x": np.random.default_rng(3)}]
    checkpoint = nn.load(path, others, generator=generators)
    assert list(checkpoint.parts) == ["model/a%2Fb", "model/a", "generator/0", "generator/1/x"]
    for name in models:
        assert exact(others[name].state_dict()) == exact(models[name].state_dict())
    assert generators[0].random() == np.random.default_rng(0).random()
    assert generators[1]["x"].random() == np.random.default_rng(1).random()
    with pytest.raises(nn.CheckpointError, match="only in the file: generator/1/x"):
        nn.load(path, generator=generators[:1])
    with pytest.raises(nn.CheckpointError, match="missing in the file: model;"):
        nn.load(path, models["a"])


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
@KINDS
def test_generators_of_every_kind(kind: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    make = getattr(np.random, kind)
    generator, other = np.random.Generator(make(1)), np.random.Generator(make(2))
    generator.integers(5, dtype=np.int32)  # half of a 64-bit word is kept for the next call
    nn.save(path, generator=generator)
    nn.load(path, generator=other)
    assert exact(other.bit_generator.state) == exact(generator.bit_generator.state)
    assert (other.integers(2**30, size=50, dtype=np.int32) == generator.integers(2**30, size=50, dtype=np.int32)).all()


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
@KINDS
def test_spawned_generators_continue(kind: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    make = getattr(np.random, kind)
    generator, other = np.random.Generator(make([1, 2**80])), np.random.Generator(make(2))
    generator.spawn(2)
    nn.save(path, generator=generator)
    state = nn.load(path, generator=other).parts["generator"]
    for child, twin in zip(generator.spawn(2), other.spawn(2), strict=True):
        assert child.random() == twin.random()
    other.bit_generator.state = state  # as in NumPy
    assert other.random() == generator.random()


def test_a_generator_is_restored_with_its_spawn_count(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    nn.save(path, generator=np.random.default_rng(0), optimizer=nn.SGD([Value(1.0)]))
    generator, twin = np.random.default_rng(1), np.random.default_rng(1)
    with pytest.raises(nn.CheckpointError, match="the state of SGD"):
        nn.load(path, generator=generator, optimizer=nn.Adam([Value(1.0)]))
    assert generator.spawn(1)[0].random() == twin.spawn(1)[0].random() and generator.random() == twin.random()


NUMBERS = np.array([[0.1, -0.0, np.inf], [np.nan, 5e-324, -1e38]])
EXTRAS = {
    "floats": [0.1, -0.0, float("inf"), float("-inf"), float("nan"), 5e-324, 1.7976931348623157e308],
    "a nan with a payload": struct.unpack(">d", bytes.fromhex("fff8000000000123"))[0],
    "others": [None, True, False, 0, -(2**127), "", 'text "é\n☃\0', [], {}, (), (1, (2.5, [3]))],
    "keys": {0: "a", 7: np.float32(0.1), "$array": {"$tuple": 1}, "a/b": np.zeros(2), "%2F": 1, "ä\0": np.ones(1)},
    "scalars": [np.float64(0.1), np.float32("nan"), np.int64(-3), np.bool_(True), np.float16(0.1)],
    "arrays": [NUMBERS, NUMBERS.astype(np.float32), np.float16([0.1, 6e-8]), np.array(2.5), np.array(3, np.int8), np.array(True)],
    "empty": [np.zeros(0), np.zeros((3, 0, 2), np.float32), np.zeros((0,), np.int64)],
    "whole": [np.arange(6).reshape(2, 3).astype(kind) for kind in "bhilBHIL?"],
    "strided": [np.arange(20.0)[::-3], np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0)[:, ::2]],
}


@KINDS
def test_every_kind_of_number_comes_back_bit_for_bit(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    nn.save(path, step={"epoch": 3, "batch": 17}, extra=EXTRAS)
    checkpoint = nn.load(path)
    assert exact(checkpoint.extra) == exact(EXTRAS)
    assert checkpoint.step == {"epoch": 3, "batch": 17}
    for array in checkpoint.extra["arrays"]:
        array += np.array(1, array.dtype)  # writable, like the saved one


@KINDS
def test_orders_in_memory(suffix: str, tmp_path: Path) -> None:
    """Matrix products of an array in Fortran order differ in their last bits, so the order is part of the state."""
    path = tmp_path / f"a{suffix}"
    arrays = [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6.0).astype(">f8"), np.arange(3).astype(">i4")]
    nn.save(path, extra=arrays)
    fortran, *swapped = nn.load(path).extra
    assert fortran.flags.f_contiguous and not fortran.flags.c_contiguous
    for array, before in zip([fortran, *swapped], arrays, strict=True):
        assert (array == before).all()
        assert array.dtype == before.dtype.newbyteorder("<"), "files are little-endian"
    model, other = nn.Linear(3, 2, rng=0), nn.Linear(3, 2, rng=1)
    model.weight.data = np.asfortranarray(model.weight.data)
    nn.save(path, model)
    nn.load(path, other)
    assert other.weight.data.strides == model.weight.data.strides


def test_complex_numbers_are_for_npz(tmp_path: Path) -> None:
    waves = [np.array([1 + 2j]), np.complex64(1j), np.array([0.1], np.longdouble)]
    nn.save(tmp_path / "a.npz", extra=waves)
    assert exact(nn.load(tmp_path / "a.npz").extra) == exact(waves)
    with pytest.raises(TypeError, match=r"safetensors has no dtype complex128, which extra/0 has: save to a .npz file"):
        nn.save(tmp_path / "a.safetensors", extra=waves)
    assert os.listdir(tmp_path) == ["a.npz"]


def test_float32_models_and_scalar_parameters(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    model = nn.Linear(3, 2, rng=0, dtype=np.float32)
    nn.save(path, model, extra=nn.MLP(1, [1]).state_dict())
    wide = nn.Linear(3, 2)
    nn.load(path, wide)  # without loss
    assert wide.weight.dtype == np.float64 and (wide.weight.data == model.weight.data).all()
    small, other = nn.MLP(2, [2, 1]), nn.MLP(2, [2, 1])
    nn.save(path, small)
    nn.load(path, other)
    assert [parameter.data for parameter in other.parameters()] == [parameter.data for parameter in small.parameters()]


def test_the_file_can_be_read_without_this_library(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    model = nn.Linear(3, 2, rng=0)
    nn.save(path, model, step=4)
    with np.load(path) as entries:
        assert (entries["model/weight"] == model.weight.data).all()
    content = json.loads(zipfile.ZipFile(path).read(JSON))
    assert (content["format"], content["version"], content["step"]) == ("valuegrad checkpoint", VERSION, 4)


def test_the_same_state_gives_the_same_bytes(saved: tuple[Path, Run]) -> None:
    path, run = saved
    again = path.with_stem("again")
    nn.save(again, **run.parts(), step=3, extra={"losses": [0.5, 0.25]})
    assert again.read_bytes() == path.read_bytes()


# --- what cannot be saved -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"a": [1, {2}]}, "extra/a/1 is of the type set, which only pickle could save"),
        (Value(1.0), r"\(for a Value, .data\)"),
        (lambda x: x, "extra is of the type function"),
        (1j, "extra is of the type complex"),
        ([np.array([None])], "extra/0 is an array of the dtype object"),
        (np.array(["text"]), "extra is an array of the dtype <U4: save numbers, or a list of strings"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), r"extra is a masked array, whose mask would be lost: save .data and .mask"),
        ({(1, 2): 3}, r"extra is a dict with keys other than strings and integers: \[\(1, 2\)\]"),
        ({1: 3, "1": 3}, "extra is a dict with keys other"),
    ],
)
def test_extras_that_only_pickle_could_save(extra: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=words):
        nn.save(tmp_path / "a.npz", extra=extra)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (5, r"generator must have state_dict\(\) and load_state_dict\(\), .* got int"),
        (np.zeros(3), "generator must have .* got ndarray; pass other data as extra="),
        (nn.Linear, "generator must have .* got type"),
        (
            [np.random.default_rng(0), np.random.RandomState(0)],
            r"generator/1 must have .*np.random.default_rng.* got RandomState",
        ),
    ],
)
def test_parts_without_state(part: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(TypeError, match=words):
        nn.save(path, generator=part)
    nn.save(path)
    with pytest.raises(TypeError, match=words):
        nn.load(path, generator=part)


def test_two_things_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    one, two = nn.Linear(1, 1), nn.Linear(1, 1)
    with pytest.raises(ValueError, match="two parts would have the name nets/1, as under the keys 1 and '1'"):
        nn.save(path, nets={1: one, "1": two})
    model = nn.Module()
    model.items = {1: Value(1.0), "1": Value(2.0)}
    with pytest.raises(ValueError, match=r"two parameters or buffers with the path items\.1"):
        nn.save(path, model)
    with pytest.raises(ValueError, match=r"two parameters or buffers with the path items\.1"):
        model.load_state_dict({"items.1": 3.0})
    model.items = {"a.b": Value(1.0), "a": {"b": np.zeros(2)}}
    with pytest.raises(ValueError, match=r"two parameters or buffers with the path items\.a\.b"):
        model.state_dict()
    nn.save(path, **{"a/b": one, "a": {"b": two}})
    assert list(nn.load(path).parts) == ["a%2Fb", "a/b"]


def test_a_name_too_long_for_a_zip(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the name extra/nnn.* has 66006 characters, and a \.npz file takes 65000"):
        nn.save(tmp_path / "a.npz", extra={"n" * 66_000: np.ones(1)})
    assert not os.listdir(tmp_path)


def test_a_file_that_may_not_be_written_to_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "best.npz"
    nn.save(path, step=1)
    monkeypatch.setattr(os, "access", lambda file, mode: mode != os.W_OK)  # as for all users but root after chmod a-w
    with pytest.raises(PermissionError, match=r"best\.npz may not be written to: .*os\.chmod"):
        nn.save(path, step=2)
    assert nn.load(path).step == 1 and os.listdir(tmp_path) == ["best.npz"]


def test_bad_paths(tmp_path: Path) -> None:
    for name in ("a", "a.pt", "a.NPZ"):
        with pytest.raises(ValueError, match=f"a checkpoint must be a .npz or a .safetensors file, got the path .*{name}'"):
            nn.save(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere to save into: create it with os.makedirs"):
        nn.save(tmp_path / "nowhere" / "a.npz")
    (tmp_path / "b.npz").mkdir()
    with pytest.raises(IsADirectoryError, match="b.npz is a folder: give the path of a file in it"):
        nn.save(tmp_path / "b.npz")
    with pytest.raises(IsADirectoryError, match="b.npz is a folder: give the path of a file in it"):
        nn.load(tmp_path / "b.npz")
    with pytest.raises(FileNotFoundError, match="there is no file .*c.npz: nothing was saved there"):
        nn.load(tmp_path / "c.npz")
    assert os.listdir(tmp_path) == ["b.npz"]


# --- writing is atomic ----------------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, model = tmp_path / "a.npz", nn.Linear(3, 2, rng=0)
    nn.save(path, model, step=1)

    def full(file: Any, *rest: Any, **options: Any) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space left"):
        nn.save(path, model, step=2)
    assert nn.load(path, model).step == 1
    assert os.listdir(tmp_path) == ["a.npz"]


def test_the_disk_is_asked_to_write_before_the_new_file_takes_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("fsync", "replace"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, call=call: (calls.append(name), call(*args))[1])
    nn.save(tmp_path / "a.npz", step=1)
    assert calls == ["fsync", "replace", "fsync"]  # the file, its name, the folder


def test_leftovers_of_killed_runs_are_removed_and_those_of_living_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    dead, other = tmp_path / ".a.npz.0123abcd.tmp", tmp_path / ".b.npz.0123abcd.tmp"
    dead.write_bytes(b"half")
    other.write_bytes(b"half")
    with replacing(path) as file:
        file.write(b"slow")
        living = Path(file.name)
        assert not dead.exists()
        nn.save(path, step=1)
        assert living.exists()
        assert nn.load(path).step == 1
    assert path.read_bytes() == b"slow", "whoever is ready last wins, with a whole file"
    assert sorted(os.listdir(tmp_path)) == [other.name, path.name]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_permissions_and_links(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    old = os.umask(0o027)
    try:
        nn.save(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o600)
    link = tmp_path / "latest.npz"
    link.symlink_to(path)
    nn.save(link, step=5)
    assert link.is_symlink() and nn.load(path).step == 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "a private checkpoint stays private"


def test_without_the_package_safetensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    nn.save(path)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"pip install 'valuegrad\[nn\]'"):
        nn.save(tmp_path / "b.safetensors")
    with pytest.raises(ImportError, match=r"pip install 'valuegrad\[nn\]'"):
        nn.load(path)
    assert os.listdir(tmp_path) == ["a.safetensors"]


# --- files that do not fit ------------------------------------------------------------------------------


def test_other_shapes_and_names(saved: tuple[Path, Run]) -> None:
    path, _ = saved
    wider = Run(hidden=6)
    before = wider.state()
    with pytest.raises(nn.CheckpointError, match=r"does not fit model: .*0.weight has the shape \(6, 3\), got \(4, 3\)"):
        nn.load(path, **wider.parts())
    assert wider.state() == before
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    with pytest.raises(nn.CheckpointError, match="only in the file: model/generators/3.rng"):
        nn.load(path, model)
    with pytest.raises(nn.CheckpointError, match=r"holds generator, model, optimizer, scheduler, but no loader: leave loader="):
        nn.load(path, loader=np.random.default_rng(0))


def test_names_are_returned_when_not_strict(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
    nn.save(path, model)
    other = nn.Sequential(nn.Linear(3, 4, rng=2), nn.Dropout(0.5, rng=2), nn.ReLU(), nn.Linear(4, 2, bias=False, rng=3))
    with pytest.raises(nn.CheckpointError, match="missing in the file: model/generators/1.rng"):
        nn.load(path, other)
    checkpoint = nn.load(path, other, strict=False)
    assert checkpoint.missing == ("model/generators/1.rng", "model/3.weight")
    assert checkpoint.unexpected == ("model/2.weight", "model/2.bias")
    assert (other[0].weight.data == model[0].weight.data).all()
    with pytest.raises(nn.CheckpointError, match="missing: 3.weight; unexpected: 2.weight, 2.bias"):
        nn.load(path, nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.ReLU(), nn.Linear(4, 2, bias=False)))


def test_lost_digits_raise_an_error(tmp_path: Path) -> None:
    path, narrow = tmp_path / "a.npz", nn.Linear(3, 2, dtype=np.float32)
    nn.save(path, nn.Linear(3, 2, rng=0))
    before = exact(narrow.state_dict())
    words = r"digits would be lost: weight is float64 and would become float32; bias .* Build the model with that dtype="
    with pytest.raises(nn.CheckpointError, match=words):
        nn.load(path, narrow)
    assert exact(narrow.state_dict()) == before
    narrow.load_state_dict(nn.load(path).parts["model"])  # the explicit way to round
    assert narrow.weight.dtype == np.float32


def test_other_optimisers_and_generators(saved: tuple[Path, Run]) -> None:
    path, _ = saved
    other = Run(seed=5)
    before = other.state()
    with pytest.raises(nn.CheckpointError, match="does not fit optimizer: .*Adam.*SGD"):
        nn.load(path, other.model, nn.SGD(other.model.parameters(), lr=0.1))
    with pytest.raises(nn.CheckpointError, match="expected the state of a PCG64, got that of a MT19937: make a generator"):
        nn.load(path, other.model, generator=np.random.default_rng(0))
    assert other.state() == before


class Pair(nn.Module):
    """Two layers of one shape, whose order is arbitrary."""

    def __init__(self, *names: str) -> None:
        for name in names:
            setattr(self, name, nn.Linear(2, 2))


def test_an_optimizer_is_not_loaded_for_parameters_in_another_order(tmp_path: Path) -> None:
    path, model, other = tmp_path / "a.npz", Pair("a", "b"), Pair("b", "a")
    nn.save(path, model, nn.Adam(model.parameters()))
    words = (
        "saved in the order a.weight, a.bias, b.weight, b.bias, but are now b.weight, .*the optimizer refers to them by number"
    )
    with pytest.raises(nn.CheckpointError, match=words):
        nn.load(path, other, nn.Adam(other.parameters()))
    nn.load(path, other)
    assert (other.b.weight.data == model.b.weight.data).all()


class Stubborn:
    """A part whose load_state_dict() fails after it has changed something."""

    def __init__(self, number: int, broken: bool = False) -> None:
        self.number, self.broken = number, broken

    def state_dict(self) -> dict[str, Any]:
        return {"number": self.number}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.number = state["number"]
        if self.broken and self.number == 1:
            raise KeyError("half way")


def test_earlier_parts_are_restored_when_a_later_part_fails(tmp_path: Path) -> None:
    path, run = tmp_path / "a.npz", Run().train(2)
    nn.save(path, **run.parts(), last=Stubborn(1))
    other, last = Run(seed=5).train(1), Stubborn(2, broken=True)
    before = other.state()
    with pytest.raises(nn.CheckpointError, match="does not fit last: KeyError: 'half way'. Nothing was changed"):
        nn.load(path, **other.parts(), last=last)
    assert (other.state(), last.number) == (before, 2)


# --- damaged files --------------------------------------------------------------------------------------


def test_a_truncated_file_is_refused(saved: tuple[Path, Run]) -> None:
    path, _ = saved
    content = path.read_bytes()
    for length in [*range(1, len(content), 101), len(content) - 1]:
        path.write_bytes(content[:length])
        refused(path)
    path.write_bytes(content[:-50])
    refused(path, "is damaged or cut off", "copy it again, or load an older checkpoint")


def test_one_flipped_bit_is_found_or_harmless(saved: tuple[Path, Run]) -> None:
    path, run = saved
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    found = 0
    for place, bit in zip(rng.choice(len(content), 200, replace=False), rng.integers(8, size=200), strict=True):
        broken = bytearray(content)
        broken[place] ^= 1 << bit
        path.write_bytes(broken)
        other = Run(seed=5)
        before = other.state()
        try:
            checkpoint = nn.load(path, **other.parts())
        except nn.CheckpointError:
            found += 1
            assert other.state() == before, (place, bit)
        else:
            assert other.state() == run.state(), (place, bit)
            assert (checkpoint.step, checkpoint.extra) == (3, {"losses": [0.5, 0.25]}), (place, bit)
    assert found > 150


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_entries(path: Path, entries: Any, **options: Any) -> None:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(name, content)


def npy(array: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def digest_of(text: bytes) -> bytes:
    """Return the entry with the checksum of the JSON."""
    return npy(np.frombuffer(sha256(text).digest(), np.uint8))


def with_content(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the JSON of a checkpoint, with a correct checksum."""
    entries = entries_of(path)
    content = json.loads(entries[JSON])
    change(content)
    entries[JSON] = json.dumps(content).encode()
    entries[DIGEST + ".npy"] = digest_of(entries[JSON])
    write_entries(path, entries)


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "run.npz"
    nn.save(path, **Run().train(1).parts())
    return path


def test_newer_versions_and_other_formats(npz: Path) -> None:
    with_content(npz, lambda content: content.update(version=VERSION + 1))
    refused(npz, f"has version {VERSION + 1} of the format", "pip install -U valuegrad")
    with_content(npz, lambda content: content.update(version="new"))
    refused(npz, "is not a checkpoint of this library")
    with_content(npz, lambda content: content.update(version=1, format="other"))
    refused(npz, "is not a checkpoint of this library: ValueError: 'other'")


def test_a_json_with_a_right_checksum_and_wrong_content(npz: Path) -> None:
    entries = entries_of(npz)
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda content: content.pop("parts"),
        lambda content: content.pop("arrays"),
        lambda content: content.update(parts=[]),
        lambda content: content.update(arrays=5),
        lambda content: content.update(step={"$array": "nowhere"}),
        lambda content: content.update(step={"$float": "xyz"}),
        lambda content: content.update(step={"$scalar": ["|O8", "0" * 16]}),
        lambda content: content.update(step={"$dict": 5}),
        lambda content: content["parts"].update(model=5),
        lambda content: content["parts"].update(optimizer=[]),
        lambda content: content["parts"].update(generator={"bit_generator": "MT19937"}),
        lambda content: content["parts"].update(generator=None),
    ]
    for change in changes:
        write_entries(npz, entries)
        with_content(npz, change)
        refused(npz)
    text = b'{"format": "valuegrad checkpoint", "version": 1, "arrays": {}, "parts": {}, "extra": null, "step": '
    for step in (b"[" * 100_000 + b"]" * 100_000, b"[" * 500 + b"]" * 500 + b"}", b"9" * 5000 + b"}", b"NaN"):
        write_entries(npz, {JSON: text + step, DIGEST + ".npy": digest_of(text + step)})
        refused(npz)


def test_zips_with_missing_doubled_and_foreign_entries(npz: Path) -> None:
    entries = entries_of(npz)
    for name in entries:
        write_entries(npz, {other: content for other, content in entries.items() if other != name})
        refused(npz, "it has no entry checkpoint.json" if name == JSON else "is damaged")
    write_entries(npz, entries | {"model/more.npy": npy(np.zeros(2))})
    refused(npz, "wrong entries: model/more")
    write_entries(npz, entries | {"readme": b"text"})
    refused(npz, "wrong entries")
    write_entries(npz, entries | {"readme": b"\xff"})
    refused(npz, "UnicodeDecodeError")
    with pytest.warns(UserWarning, match="Duplicate name"):
        write_entries(npz, [*entries.items(), ("model/0.bias.npy", npy(np.zeros(4)))])
    refused(npz, "a name occurs twice")
    write_entries(npz, entries | {"model/0.bias.npy": npy(np.ones(4))})
    refused(npz, "the numbers of model/0.bias do not match their checksum")
    write_entries(npz, entries | {"model/0.bias.npy": npy(np.ones(4))[:-1]})
    refused(npz, "model/0.bias.npy of the shape (4,) and dtype float64 has 31 bytes")
    write_entries(npz, {})
    refused(npz, "it has no entry checkpoint.json")
    np.savez(npz, a=np.zeros(3))
    refused(npz, "it has no entry checkpoint.json", "np.load", "nn.from_pytorch")


def test_zip_bombs_and_absurd_heads(npz: Path) -> None:
    entries = entries_of(npz)
    write_entries(npz, {"model/a.npy": bytes(10_000_000)}, compression=zipfile.ZIP_DEFLATED)
    refused(npz, "is compressed, which checkpoints are not")
    head = npy(np.zeros(4))
    for shape in ("(10000000000000000,)", "(1000000,1000000,1000000)", "(0, 99999999999999999999)", "(-4,)", "(4.0,)", "4"):
        broken = head.replace(b"(4,)", shape.encode())
        assert broken != head
        write_entries(npz, entries | {"model/0.bias.npy": broken})
        refused(npz, "is damaged")
    for descr in (
        b"'<f3'",
        b"'|V8'",
        b"[('a', '<f8')]",
        b"'|S8'",
        b"__import__('os').system('touch /tmp/x')",
        b"'<f'",
        b"'<f999'",
    ):
        write_entries(npz, entries | {"model/0.bias.npy": head.replace(b"'<f8'", descr)})
        refused(npz, "is damaged")
    write_entries(npz, entries | {"model/0.bias.npy": head.replace(b"NUMPY\x01", b"NUMPY\x09")})
    refused(npz, "has no header of an array of numbers")
    write_entries(npz, entries)
    content = bytearray(npz.read_bytes())
    place = content.rindex(b"PK\x01\x02") + 24  # the size of the last entry, in the directory
    content[place - 4 : place + 4] = struct.pack("<LL", 2**31, 2**31)
    npz.write_bytes(content)
    refused(npz, "it states more bytes than it has")


def test_absurd_heads_of_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    spec = {"dtype": "F64", "shape": [10**15], "data_offsets": [0, 8 * 10**15]}
    for head in (json.dumps({"a": spec}).encode(), b"{", b"{}" + b" " * 50, b'{"__metadata__": 5}'):
        path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(8))
        refused(path, "is")
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    refused(path, "is damaged")


# --- pickles --------------------------------------------------------------------------------------------


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])
def test_pickles_are_refused_and_not_executed(suffix: str, npz: Path, tmp_path: Path) -> None:
    trap, path = tmp_path / "executed", tmp_path / f"evil{suffix}"
    payload = Payload(trap)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps(payload, protocol))
        refused(
            path, "is a pickle: pickles are refused, because reading one can run code" if protocol > 1 else "is not a checkpoint"
        )
    with zipfile.ZipFile(path, "w") as archive:  # what torch.save writes
        archive.writestr("archive/data.pkl", pickle.dumps(payload))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/data/0", bytes(32))
    refused(
        path, "is a file of torch.save, which holds a pickle", f"torch.load({str(path)!r}", "safetensors.torch.save_file(state"
    )
    objects = npy(np.array([payload], dtype=object))
    path.write_bytes(objects)
    refused(path, "is not a checkpoint")
    write_entries(path, entries_of(npz) | {"model/0.bias.npy": objects})
    refused(path, "holds an array of Python objects, model/0.bias.npy, which is a pickle", "pickles are refused")
    write_entries(path, entries_of(npz) | {"model/0.bias.npy": pickle.dumps(payload)})
    refused(path, "is damaged")
    with path.open("wb") as file:
        np.savez(file, a=np.array([payload], dtype=object))
    refused(path, "pickles are refused")
    assert not trap.exists()
    pickle.loads(pickle.dumps(payload))
    assert trap.exists(), "the payload of this test must be a live one"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: load an older checkpoint"),
        (b"x", "is not a checkpoint: it begins with b'x'"),
        (b"\x80", "is not a checkpoint"),
        (b"some text, long enough to look like something\n" * 20, "is not a checkpoint: it begins with b'some tex'"),
        (b"PK", "is damaged or cut off"),
        (b"PK\x03\x04" + bytes(100), "is damaged or cut off"),
        (bytes(1000), "is not a checkpoint"),
        (npy(np.zeros(3)), r"is not a checkpoint: it begins with b'\x93NUMPY"),
        (b'{"a": 1}{', "is"),
    ],
)
def test_files_of_another_kind(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    refused(path, words)


def test_random_bytes(tmp_path: Path) -> None:
    path, rng = tmp_path / "a.npz", np.random.default_rng(0)
    for head in (b"", b"PK\x03\x04", b"\x10\0\0\0\0\0\0\0{"):
        for _ in range(30):
            path.write_bytes(head + rng.bytes(int(rng.integers(1, 300))))
            with pytest.raises(nn.CheckpointError):
                nn.load(path)


# --- weights of PyTorch, without PyTorch ----------------------------------------------------------------


def test_weights_under_the_names_of_pytorch(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2, rng=1))
    weights = nn.to_pytorch(model)
    assert list(weights)[:2] == ["0.weight", "0.bias"]
    assert weights["1.num_batches_tracked"].dtype == np.int64
    assert all(array.flags.c_contiguous and array.flags.writeable for array in weights.values())
    weights["0.weight"][:] = 0.5
    assert (model[0].weight.data != 0.5).all(), "copies"
    path = tmp_path / "a.safetensors"
    save_file({name: array.astype(np.float32) if array.ndim else array for name, array in weights.items()}, path)
    assert nn.from_pytorch(model, path) == []
    assert (model[0].weight.data == 0.5).all() and model[0].weight.dtype == np.float64
    assert nn.read_weights(path)["0.weight"].dtype == np.float32


def test_errors_of_from_pytorch(tmp_path: Path) -> None:
    model = nn.Linear(2, 1, rng=0)
    before = exact(model.state_dict())
    good = {"weight": np.ones((1, 2)), "bias": np.ones(1)}
    with pytest.raises(ValueError, match=r"missing: bias; weight has the shape \(1, 2\), got \(2, 1\); unexpected: b"):
        nn.from_pytorch(model, {"weight": np.ones((2, 1)), "b": np.ones(1)})
    with pytest.raises(TypeError, match=r"takes a state_dict or a path, got Linear: pass torch_model.state_dict\(\)"):
        nn.from_pytorch(model, model)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bias must be a tensor of PyTorch or an array, got list"):
        nn.from_pytorch(model, good | {"bias": [1.0]})
    with pytest.raises(ValueError, match="digits would be lost: weight is float64 and would become float32"):
        nn.from_pytorch(nn.Linear(2, 1, dtype=np.float32), good)
    path = tmp_path / "a.npz"
    nn.save(path, model)
    with pytest.raises(nn.CheckpointError, match="is a checkpoint of this library: read it with nn.load"):
        nn.from_pytorch(model, path)
    assert exact(model.state_dict()) == before
    assert nn.from_pytorch(model, {"weight": np.zeros((1, 2)), "more": np.zeros(1)}, strict=False) == ["bias", "more"]


def test_bfloat16_and_dtypes_that_numpy_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    numbers = np.array([1.0, -2.5, np.inf, 3e38, 1e-40], np.float32)
    upper = (numbers.view(np.uint32) >> 16).astype("<u2")

    def write(kind: str, data: bytes, size: int) -> None:
        head = json.dumps({"a": {"dtype": kind, "shape": [size], "data_offsets": [0, len(data)]}}).encode()
        path.write_bytes(struct.pack("<Q", len(head)) + head + data)

    write("BF16", upper.tobytes(), 5)
    assert (nn.read_weights(path)["a"] == (upper.astype(np.uint32) << 16).view(np.float32)).all()
    write("F8_E4M3", b"12345", 5)
    with pytest.raises(
        nn.CheckpointError, match="holds a in the dtype F8_E4M3, which NumPy lacks: convert it to float32 in PyTorch"
    ):
        nn.read_weights(path)


def tied() -> nn.Sequential:
    model = nn.Sequential(nn.Embedding(5, 3, rng=0), nn.Linear(3, 5, rng=1))
    model[1].weight = model[0].weight
    return model


def test_tied_weights_go_to_pytorch_and_back_under_all_their_names(tmp_path: Path) -> None:
    model, twin = tied(), tied()
    state = nn.to_pytorch(model)
    assert sorted(state) == ["0.weight", "1.bias", "1.weight"]
    assert not np.shares_memory(state["0.weight"], state["1.weight"])
    model[0].weight.data += 1.0
    assert nn.from_pytorch(twin, nn.to_pytorch(model)) == []
    assert (twin[1].weight.data == model[0].weight.data).all()
    np.savez(tmp_path / "weights.npz", **state)
    assert nn.from_pytorch(model, tmp_path / "weights.npz") == []
    assert (model[0].weight.data == state["0.weight"]).all()
    with pytest.raises(ValueError, match="1.weight and 0.weight are one parameter or buffer of this Sequential"):
        nn.from_pytorch(model, state | {"1.weight": state["1.weight"] + 1.0})
    nn.save(tmp_path / "run.npz", model)
    nn.load(tmp_path / "run.npz", twin)
    assert (twin[1].weight.data == state["0.weight"]).all()


def test_the_prefix_of_dataparallel_is_named() -> None:
    model = nn.Linear(2, 1)
    with pytest.raises(ValueError, match=r"Fix: remove the prefix 'module.' of DataParallel, .*removeprefix\('module.'\)"):
        nn.from_pytorch(model, {f"module.{name}": array for name, array in nn.to_pytorch(model).items()})


def test_the_error_for_a_missing_layer_names_its_parameters(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    nn.save(path, nn.Sequential(nn.Linear(2, 3), nn.Dropout(), nn.Linear(3, 1)))
    with pytest.raises(nn.CheckpointError, match=r"only in the file: model/generators/1.rng, model/2.weight, model/2.bias"):
        nn.load(path, nn.Sequential(nn.Linear(2, 3)))


def test_model_and_optimizer_that_were_swapped_are_named(tmp_path: Path) -> None:
    path, model = tmp_path / "run.npz", nn.Sequential(nn.Linear(2, 3), nn.Dropout())
    optimizer = nn.SGD(model.parameters())
    nn.save(path, model, optimizer)
    with pytest.raises(nn.CheckpointError, match="holds the state of a model as model, got SGD: pass .* in the order"):
        nn.load(path, optimizer, model)
    with pytest.raises(nn.CheckpointError, match="holds the state of an optimiser as optimizer, got Sequential: pass"):
        nn.load(path, optimizer=model)


def test_errors_for_other_files_name_the_right_reader(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", weight=np.ones((1, 2)))
    with pytest.raises(nn.CheckpointError, match=r"in a .npz or .safetensors file, with nn.from_pytorch\(model, path\)"):
        nn.load(tmp_path / "other.npz")


# --- names of files, and states of older versions --------------------------------------------------------


@pytest.mark.parametrize("name", ["n" * 251, "n" * 230, "é" * 125, "模型 ü"])
def test_every_name_that_a_file_may_have(tmp_path: Path, name: str) -> None:
    """The name of the temporary file fits, and the leftover of a killed process is removed."""
    path, model = tmp_path / f"{name}.npz", nn.Linear(2, 1, rng=0)
    left = path.with_name(files._beginning(path) + ".0123abcd.tmp")
    left.write_bytes(b"half a file")
    nn.save(path, model, step=3)
    assert nn.load(path, nn.Linear(2, 1)).step == 3 and [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "access", lambda path, mode: Path(path) != tmp_path.resolve())
    with pytest.raises(PermissionError, match=f"the folder {tmp_path.resolve()} may not be written to: save into another one"):
        nn.save(tmp_path / "run.npz", nn.Linear(2, 1))


OLD = {"weight": np.full(3, 2.0), "bias": np.zeros(3), "running_mean": np.ones(3), "running_var": np.full(3, 4.0)}


def test_states_of_batch_norm_before_it_counted_batches() -> None:
    """They load as in PyTorch, and the count stays; everything else must be present."""
    layer = nn.BatchNorm1d(3)
    layer(np.random.default_rng(0).normal(size=(5, 3)))
    assert nn.from_pytorch(layer, OLD) == [] and layer.num_batches_tracked == 1
    assert nn.Sequential(nn.Tanh(), layer).load_state_dict({f"1.{name}": array for name, array in OLD.items()}) == []
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(layer.eval()(x).data, 2.0 * (x - 1.0) / np.sqrt(4.0 + 1e-5))
    with pytest.raises(ValueError, match="does not fit BatchNorm1d: missing: running_var"):
        layer.load_state_dict({name: array for name, array in OLD.items() if name != "running_var"})


def test_an_average_over_all_batches_cannot_continue_without_their_number() -> None:
    layer = nn.BatchNorm1d(3, momentum=None)
    with pytest.warns(
        UserWarning, match=r"no num_batches_tracked, which BatchNorm1d\(momentum=None\) needs to continue averaging"
    ):
        assert layer.load_state_dict(OLD) == []
    assert (layer.running_mean == 1.0).all() and layer.num_batches_tracked == 0

"""A training run that is killed with SIGKILL at random moments ends as if it had run without interruption."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn.training.data import DataLoader

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is of POSIX")

WIDTH = 16
BALLAST = 100_000  # numbers that make a checkpoint large, so that a step spends most of its time writing


def train(path: Path, steps: int, every: int = 1, loaded: Any = None, saved: Any = None) -> dict[str, np.ndarray]:
    """Train from the checkpoint, if there is one, to a number of steps; save a checkpoint after each `every` of them.

    The event `loaded` is set when training begins, and `saved` after the first checkpoint.
    """
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(5, WIDTH, rng=rng),
        nn.BatchNorm1d(WIDTH),
        nn.ReLU(),
        nn.Dropout(0.2, rng=rng),
        nn.Linear(WIDTH, WIDTH, rng=rng),
        nn.Tanh(),
        nn.Linear(WIDTH, 3, rng=rng),
    )
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    scheduler = nn.OneCycleLR(optimizer, 0.01, total_steps=steps)
    x = rng.normal(size=(70, 5))
    loader = DataLoader((x, np.argmax(x[:, :3], axis=1)), batch_size=16, shuffle=True, rng=1)
    noise = np.random.default_rng(2)
    parts: dict[str, Any] = {
        "model": model, "optimizer": optimizer, "scheduler": scheduler, "generator": noise, "loader": loader,
    }  # fmt: skip
    done = nn.load(path, **parts).step if path.exists() else 0
    if loaded is not None:
        loaded.set()
    while done < steps:
        for inputs, labels in loader:
            optimizer.zero_grad()
            nn.cross_entropy(model(inputs + 0.1 * noise.normal(size=inputs.shape)), labels).backward()
            optimizer.step()
            scheduler.step()
            done += 1
            if done % every == 0:
                nn.save(path, **parts, step=done, extra=np.full(BALLAST, done))
                if saved is not None:
                    saved.set()
            if done == steps:
                break
    return model.state_dict()


def leftovers(path: Path) -> list[str]:
    return [name for name in os.listdir(path.parent) if name.endswith(".tmp")]


def kill_and_resume(path: Path, kills: int, steps: int, every: int = 1) -> int:
    """Kill a run repeatedly, let it end, and compare; return how often it was killed while writing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    begin = time.perf_counter()
    expected = train(path.with_stem("straight"), steps, every)
    pace = (time.perf_counter() - begin) / steps
    rng = np.random.default_rng()
    last = writing = 0
    for number in range(kills):
        loaded, saved = context.Event(), context.Event()
        process = context.Process(target=train, args=(path, steps, every, loaded, saved))
        process.start()
        assert (saved if number % 2 else loaded).wait(60.0)  # every other run makes progress for certain
        time.sleep(rng.uniform(0.0, 5.0 * every * pace))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it was over before: give it more steps"
        writing += bool(leftovers(path))
        if path.exists():
            checkpoint = nn.load(path)
            assert last <= checkpoint.step < steps, "a checkpoint was lost"
            last = checkpoint.step
            assert (checkpoint.extra == last).all()
    print(f"{kills} kills, {writing} of them inside the writing, the last at step {last}")
    process = context.Process(target=train, args=(path, steps, every))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert not leftovers(path)
    end, straight = nn.load(path), nn.load(path.with_stem("straight"))
    assert last < end.step == straight.step
    for name, array in expected.items():
        assert end.parts["model"][name].tobytes() == array.tobytes(), name
    assert path.read_bytes() == path.with_stem("straight").read_bytes()  # optimizer, schedule and generators, too
    return writing


@pytest.mark.slow
def test_a_killed_run_ends_like_an_uninterrupted_one(tmp_path: Path) -> None:
    kill_and_resume(tmp_path / "run.npz", kills=6, steps=80)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".npz", pytest.param(".safetensors", marks=pytest.mark.long)])
@pytest.mark.parametrize("every", [1, pytest.param(3, marks=pytest.mark.long)])
def test_fifty_kills(suffix: str, every: int, tmp_path: Path) -> None:
    assert kill_and_resume(tmp_path / f"run{suffix}", kills=50, steps=300 * every, every=every) > 5, "few kills hit the writing"

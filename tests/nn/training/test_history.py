"""History: a table of epochs that is shown, saved and plotted."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from tests.nn.training.fit_checks import X, Y, network, run


def test_the_history_is_shown_saved_and_plotted(tmp_path: Path) -> None:
    history = run(network(), validation=(X, Y), metrics={"r2": nn.r2_score})
    lines = repr(history).splitlines()
    assert lines[0].split() == ["epoch", "loss", "validation_loss", "r2", "lr", "seconds"] and len(lines) == 6
    assert json.loads(history.to_json())[2]["r2"] == history["r2"][2]
    history.rows[0]["r2"] = math.nan
    assert json.loads(history.to_json())[0]["r2"] is None
    figure = history.plot(tmp_path / "history.png")
    assert (tmp_path / "history.png").stat().st_size > 10_000
    first, second = figure.axes
    assert [line.get_label() for line in first.lines] == ["loss", "validation loss", "best epoch"]
    assert [line.get_label() for line in second.lines] == ["r2", "best epoch"]
    with pytest.raises(KeyError, match="the history has epoch, loss, .* but no 'f1'"):
        history["f1"]
    with pytest.raises(ValueError, match="no epochs to plot"):
        nn.History().plot()


def test_the_history_is_a_table(tmp_path: Path) -> None:
    history = run(network(), validation=(X, Y))
    assert "loss" in history and "accuracy" not in history
    assert list(history) == history.rows and history.rows[2] in history
    assert history[-1] == {name: history[name][-1] for name in history.names} and history[1]["epoch"] == 2
    assert [row["epoch"] for row in history[-2:]] == [4, 5]
    with pytest.raises(IndexError):
        history[5]
    nn.save(tmp_path / "run.npz", network(), extra={"history": history.rows})
    again = nn.History(nn.load(tmp_path / "run.npz", network()).extra["history"])
    assert again.rows == history.rows
    for attribute in ("rows", "best_epoch"):
        assert f"{attribute}:" in (nn.History.__doc__ or "")


def test_a_history_of_numpy_numbers() -> None:
    rows: list[Any] = [{"epoch": np.int64(1), "loss": np.float32(0.5)}, {"epoch": 2, "loss": np.float64(math.nan), "f1": 1.0}]
    history = nn.History(rows)
    assert json.loads(history.to_json()) == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": None, "f1": 1.0}]
    assert history.names == ["epoch", "loss", "f1"] and math.isnan(history["f1"][0]) and "nan" in repr(history)

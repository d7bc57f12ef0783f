"""Fixtures that several test files share."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path

import pytest

#: Comparisons with PyTorch run where it is installed: python -m tests.pytorch makes such an environment.
collect_ignore = [] if importlib.util.find_spec("torch") else ["pytorch"]


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No dot and no graphviz-pure; the folder that stands for PATH and for pip's folder of commands."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder))
    return folder

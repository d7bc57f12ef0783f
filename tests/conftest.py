"""Fixtures that several test files share."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No dot and no graphviz-pure; the folder that stands for PATH and for pip's folder of commands."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder))
    return folder

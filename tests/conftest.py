"""Fixtures that several test files share, and the number of random examples that hypothesis draws."""

from __future__ import annotations

import gc
import importlib.util
import shutil
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("few", max_examples=15, deadline=None, derandomize=True)
settings.register_profile("many", max_examples=100, deadline=None, derandomize=True)  # in .ci/run, with --hypothesis-profile
settings.load_profile("few")

#: Comparisons with PyTorch and JAX run if these are installed: python -m tests.pytorch and python -m tests.jax install them.
collect_ignore = [folder for folder, name in (("pytorch", "torch"), ("jax", "jax")) if importlib.util.find_spec(name) is None]


def pytest_collection_finish() -> None:
    """Keep imported modules and collected tests out of the collector's full runs, which take a twentieth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Hide dot and graphviz-pure, and return the empty folder that replaces PATH and pip's folder of commands."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder))
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start a headless Chromium, for the tests marked `browser`."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on PATH")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page, a text or the path of a file, without network; fail if pages write to the console."""
    problems: list[str] = []
    contexts = []

    def opened(page: str | Path, width: int = 1200, height: int = 800, **options: Any) -> Any:
        path = page if isinstance(page, Path) else tmp_path / f"page{len(contexts)}.html"
        if isinstance(page, str):
            path.write_text(page, encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, offline=True, **options))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(20_000)
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on(
            "request", lambda request: None if request.url.startswith("file:") else problems.append(f"asked for {request.url}")
        )
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-ready=true]")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert problems == []

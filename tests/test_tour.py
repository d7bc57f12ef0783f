"""The notebook: it runs, it shows pictures, and what is stored in it is what it gives."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient", reason="notebooks are run by pip install 'valuegrad[test]'")
for package in ("ipykernel", "matplotlib", "sklearn"):
    pytest.importorskip(package, reason="the notebook needs pip install 'valuegrad[test]'")
nbformat = pytest.importorskip("nbformat", reason="it comes with nbclient")

ROOT = Path(__file__).parent.parent
TOUR = ROOT / "demos" / "tour.ipynb"
LARGEST = 1_500_000  # bytes: all of it is text in every clone
LONGEST = 15  # lines of a cell


def stored() -> Any:
    return nbformat.read(TOUR, as_version=4)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(notebook: Any) -> list[list[str]]:
    """What each code cell shows: the types of its outputs, the richest of each."""
    return [[richest(output) for output in cell.outputs] for cell in code(notebook)]


def richest(output: Any) -> str:
    found = output.get("data", {})
    return next((kind for kind in ("image/svg+xml", "image/png", "text/html") if kind in found), output.output_type)


@pytest.fixture
def this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel named python3 that is the Python that runs the test, whatever others are installed."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))


def test_the_notebook_runs_and_shows_what_is_stored(this_python: None, tmp_path: Path) -> None:
    committed, notebook = stored(), stored()
    for cell in code(notebook):
        cell.outputs = []
    folder = tmp_path / "run"
    folder.mkdir()
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        coalesce_streams=True,  # else a print may come in two pieces
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()  # raises where a cell does
    assert kinds(notebook) == kinds(committed)
    pages = {path.name for path in (folder / "out").iterdir()}
    assert {"expression.html", "training.html"} <= pages


def test_pictures_are_stored() -> None:
    svgs = [
        output.data["image/svg+xml"] for cell in code(stored()) for output in cell.outputs if richest(output) == "image/svg+xml"
    ]
    assert len(svgs) >= 9
    assert all(svg.startswith("<svg") and svg.rstrip().endswith("</svg>") for svg in svgs)
    assert not any(
        output.output_type in ("error", "stream") and output.get("name") != "stdout"
        for cell in code(stored())
        for output in cell.outputs
    )


def test_what_is_stored_stays_small_and_quiet() -> None:
    """No times, no names of this machine: running it again changes little."""
    text = TOUR.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    notebook = stored()
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(not cell.metadata for cell in notebook.cells)
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    assert str(ROOT) not in text


def test_cells_are_short_and_explained() -> None:
    notebook = stored()
    assert max(len(cell.source.splitlines()) for cell in code(notebook)) <= LONGEST
    assert sum(cell.cell_type == "markdown" for cell in notebook.cells) >= len(code(notebook)) - 3

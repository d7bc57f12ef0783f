"""The notebooks run, show pictures, and store the outputs that running them gives."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.demos.test_prose import unsupported

nbclient = pytest.importorskip("nbclient", reason="notebooks are run by pip install 'valuegrad[test]'")
for package in ("ipykernel", "matplotlib", "sklearn"):
    pytest.importorskip(package, reason="the notebooks need pip install 'valuegrad[test]'")
nbformat = pytest.importorskip("nbformat", reason="it comes with nbclient")

ROOT = Path(__file__).parents[2]
PICTURES = {"tour": 9, "articles": 3}  # drawn graphs in each, at least
LARGEST = 1_500_000  # bytes: all of it is text in every clone
LONGEST = 15  # lines of a cell


def path_of(name: str) -> Path:
    return ROOT / "demos" / f"{name}.ipynb"


def stored(name: str) -> Any:
    return nbformat.read(path_of(name), as_version=4)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(notebook: Any) -> list[list[str]]:
    """Return the richest type of each output of each code cell."""
    return [[richest(output) for output in cell.outputs] for cell in code(notebook)]


def richest(output: Any) -> str:
    found = output.get("data", {})
    return next((kind for kind in ("image/svg+xml", "image/png", "text/html") if kind in found), output.output_type)


@pytest.fixture
def this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Install a kernel named python3 that is the Python of this test, whichever others are installed."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))


def printed(notebook: Any) -> list[str]:
    """Return the text that its cells print, without the checks of gradients: an error bar has a few digits of noise."""
    outputs = [output for cell in code(notebook) if "check_gradients(" not in cell.source for output in cell.outputs]
    return [output.text for output in outputs if output.output_type == "stream"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_the_notebook_runs_and_shows_its_stored_outputs(name: str, this_python: None, tmp_path: Path) -> None:
    committed, notebook = stored(name), stored(name)
    for cell in code(notebook):
        cell.outputs = []
    folder = tmp_path / "run"
    folder.mkdir()
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        coalesce_streams=True,  # or a print may be two outputs
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()  # raises where a cell does
    assert kinds(notebook) == kinds(committed)
    assert unsupported(name, notebook.cells) == []  # its text is true of these outputs, too
    if name == "tour":
        assert {"expression.html", "training.html"} <= {path.name for path in (folder / "out").iterdir()}
    else:
        assert printed(notebook) == printed(committed)  # nothing in it is random


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_stored(name: str) -> None:
    outputs = [output for cell in code(stored(name)) for output in cell.outputs]
    svgs = [output.data["image/svg+xml"] for output in outputs if richest(output) == "image/svg+xml"]
    assert len(svgs) >= PICTURES[name]
    assert all(svg.startswith("<svg") and svg.rstrip().endswith("</svg>") for svg in svgs)
    assert not any(output.output_type in ("error", "stream") and output.get("name") != "stdout" for output in outputs)


@pytest.mark.parametrize("name", PICTURES)
def test_stored_outputs_stay_small_and_quiet(name: str) -> None:
    """There are no times and no names of this machine: running it again changes little."""
    text = path_of(name).read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    notebook = stored(name)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(not cell.metadata for cell in notebook.cells)
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    assert str(ROOT) not in text


@pytest.mark.parametrize("name", PICTURES)
def test_cells_are_short_and_explained(name: str) -> None:
    notebook = stored(name)
    assert max(len(cell.source.splitlines()) for cell in code(notebook)) <= LONGEST
    assert sum(cell.cell_type == "markdown" for cell in notebook.cells) >= len(code(notebook)) - 3

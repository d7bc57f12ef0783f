"""The demo that draws graphs writes every file that it lists, in the format of its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from demos import draw_graph

for package in ("tqdm", "sklearn", "mlxtend"):
    pytest.importorskip(package, reason="the demos need pip install 'valuegrad[demos]'")

WORDS = {".dot": "digraph", ".mmd": "flowchart", ".txt": "data", ".html": "<!doctype html>"}


def suffixes_of(row: str) -> list[str]:
    """Return the formats in a line of the table, after name, nodes, drawn and seconds."""
    return row.split()[4:]


def check_file(path: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".svg":
        assert ElementTree.fromstring(content).tag.endswith("svg")
    elif path.suffix == ".png":
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
    elif path.suffix == ".pdf":
        assert content.startswith(b"%PDF")
    elif path.suffix == ".json":
        assert json.loads(content)["nodes"]
    else:
        assert WORDS[path.suffix] in content.decode().lower()


@pytest.mark.slow
def test_every_graph_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "pictures"
    draw_graph.main(["--out", str(folder)])
    heading, *rows, last = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "nodes", "drawn", "seconds", "files"]
    assert [row.split()[0] for row in rows[: len(draw_graph.EXAMPLES)]] == list(draw_graph.EXAMPLES)
    assert last.startswith(f"all in {folder}; open first: {folder / 'expression.html'}")
    written = {
        f"{row.split()[0]}.{suffix}" for row in rows if row.split()[0] in draw_graph.EXAMPLES for suffix in suffixes_of(row)
    }
    assert written == {path.name for path in folder.iterdir()}
    for path in folder.iterdir():
        check_file(path)
    counts = {row.split()[0]: row.split()[1:3] for row in rows[: len(draw_graph.EXAMPLES)]}
    assert counts["expression"] == ["4", "4"]
    assert counts["textbook"] == counts["textbook-upwards"] == ["9", "9"]
    assert counts["moons"][0] == "65,818" and int(counts["moons"][1]) < 100
    assert counts["digits"] == ["14", "14"]
    assert int(counts["lstm"][0]) > 300 and int(counts["lstm"][1]) < 50


def test_without_graphviz_the_texts_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("autograd.drawing.write.render.executable", lambda: None)
    draw_graph.main(["--quick", "--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert not {"moons", "digits"} & {line.split()[0] for line in lines}  # --quick draws what needs no data
    assert all(suffixes_of(row) == ["dot", "mmd", "txt", "json", "html"] for row in lines[1:-2])
    assert lines[-2] == (
        "not all pictures could be written: for pictures, pip install 'valuegrad[draw]', "
        "or install Graphviz (https://graphviz.org/download)"
    )
    assert len(list(tmp_path.glob("*.html"))) == len(draw_graph.EXAMPLES) - 2
    assert not list(tmp_path.glob("*.svg"))


def test_path_without_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    draw_graph.main(["--only", "lstm", "--out", str(tmp_path)])
    row = capsys.readouterr().out.splitlines()[1]
    assert row.startswith("lstm") and "pdf" not in suffixes_of(row)
    assert {path.name for path in tmp_path.iterdir()} == {f"lstm.{suffix}" for suffix in suffixes_of(row)}


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz-pure writes no PDF")
def test_a_system_dot_writes_a_pdf(tmp_path: Path) -> None:
    draw_graph.main(["--only", "expression", "--out", str(tmp_path)])
    check_file(tmp_path / "expression.pdf")


def test_the_recurrent_network_is_drawn_as_one_step() -> None:
    drawing = draw_graph.lstm(0)()
    (step,) = [group for group in drawing.groups if group.title == "step *"]
    assert step.count == draw_graph.STEPS
    assert {"gates.weight", "predict.weight"} <= {name for node in drawing.nodes for name in node.names}


def test_failure_and_comparison_show_shapes_and_changes() -> None:
    (failed,) = [node for node in draw_graph.failure(0)().nodes if node.role == "failed"]
    assert "(5, 8)" in failed.notes[0]
    marks = {mark for node in draw_graph.comparison(0)().nodes for mark in node.marks}
    assert {"added", "removed", "changed"} <= marks


def test_an_unknown_graph_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        draw_graph.main(["--only", "cat"])
    assert "textbook-upwards" in capsys.readouterr().err

"""Drawings: nodes, edges and texts of pictures, and files with and without Graphviz."""

from __future__ import annotations

import json
import shutil
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import graphviz
import numpy as np
import pytest
from graphviz.backend import dot_command

import nn
from autograd import Drawing, Value, concatenate, draw, gradient, scope, stack, where
from autograd.ops import clip, linear, maximum, table
from tests.ops.samples import all_samples

SAMPLES = all_samples()
SVG = "{http://www.w3.org/2000/svg}"


def titles(drawing: Drawing) -> list[str]:
    return [node.title for node in drawing.nodes]


def pairs(drawing: Drawing) -> list[tuple[str, str]]:
    return [(edge.source, edge.target) for edge in drawing.edges]


def svg_texts(drawing: Drawing, folder: Path) -> list[str]:
    """Return all texts of a picture, from a well-formed SVG."""
    tree = ElementTree.parse(drawing.save(folder / "picture.svg"))
    return [(element.text or "").replace("\xa0", "").strip() for element in tree.iter(f"{SVG}text")]


def expression() -> tuple[Value, Value, Value]:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    d = a * b + a**3.0
    d.label = "d"
    d.backward()
    return a, b, d


# --- what is in the picture -----------------------------------------------------------------------


def test_nodes_and_edges_of_an_expression() -> None:
    _, _, d = expression()
    drawing = draw(d)
    assert titles(drawing) == ["d = • + •", "a * b", "b", "a ** 3", "3", "a"]
    assert [node.role for node in drawing.nodes] == ["computed", "computed", "leaf", "computed", "constant", "leaf"]
    assert pairs(drawing) == [("n1", "n0"), ("n3", "n0"), ("n5", "n1"), ("n2", "n1"), ("n5", "n3"), ("n4", "n3")]
    assert drawing.total == 6
    assert drawing.note == ""
    assert repr(drawing) == "<Drawing of 6 nodes and 6 edges>"
    assert drawing.nodes[0].rows == (("data", "2.0000"), ("grad", "1.0000"))
    assert drawing.nodes[5].rows == (("data", "2.0000"), ("grad", "9.0000"))


def test_a_leaf_alone_and_a_value_used_twice() -> None:
    x = Value(3.0)
    assert repr(draw(x)) == "<Drawing of 1 node and 0 edges>"
    assert pairs(draw(x * x)) == [("n1", "n0"), ("n1", "n0")]


def test_a_constant_array_is_one_node_and_a_number_one_at_each_use() -> None:
    x, array = Value(np.ones((2, 3))), np.full((2, 3), 5.0)
    drawing = draw((x + array) * array)
    assert [node.role for node in drawing.nodes] == ["computed", "computed", "constant", "leaf"]
    assert drawing.nodes[2].rows == (
        ("(2, 3) float64",),
        ("", "min", "mean", "max", "norm"),
        ("data", "5", "5", "5", "12.2"),
    )
    y = Value(1.0)
    assert titles(draw((y + 2.0) * 2.0)).count("2") == 2


def test_frozen_leaves_are_dashed_and_the_output_is_marked() -> None:
    drawing = draw(Value(1.0) * Value(2.0, requires_grad=False))
    assert [node.role for node in drawing.nodes] == ["computed", "frozen", "leaf"]
    assert drawing.nodes[1].rows == (("data", "2.0000"),)
    first, last, _ = (line for line in drawing.source.splitlines() if line.strip().startswith("n") and "label" in line)
    assert "dashed" in last
    assert "dashed" not in first
    assert "penwidth" in first


def test_tensors_are_summarised() -> None:
    x = Value(np.arange(6.0, dtype=np.float32).reshape(2, 3), label="x")
    total = x.sum()
    assert [len(node.rows) for node in draw(total).nodes] == [1, 3]  # no gradients before backward()
    total.backward()
    *_, node = draw(total).nodes
    assert node.rows == (
        ("(2, 3) float32",),
        ("", "min", "mean", "max", "norm"),
        ("data", "0", "2.5", "5", "7.42"),
        ("grad", "1", "1", "1", "2.45"),
    )
    assert draw(Value(np.zeros((0, 3)))).nodes[0].rows == (("(0, 3) float64",), ("no elements",))


def test_numbers_are_never_rounded_to_nothing() -> None:
    def shown(number: float) -> str:
        return draw(Value(number)).nodes[0].rows[0][1]

    assert [shown(x) for x in (1.0, -0.0, 1e-9, -123456.78901, 1e20)] == [
        "1.0000",
        "0.0000",
        "1.000e-09",
        "-123456.7890",
        "1.000e+20",
    ]
    assert [shown(x) for x in (np.inf, -np.inf, np.nan)] == ["inf", "-inf", "nan"]
    assert '<FONT COLOR="#b03a00"><B>-inf</B></FONT>' in draw(Value(-np.inf)).source
    assert draw(Value([np.inf, -np.inf])).nodes[0].rows[2] == ("data", "-inf", "nan", "inf", "inf")


def test_drawing_changes_nothing() -> None:
    x = Value(np.ones(3))
    y = x * 2.0
    draw(y)
    assert getattr(x, "_grad", None) is None
    assert getattr(y, "_grad", None) is None


@pytest.mark.parametrize(
    ("compute", "formula"),
    [
        (lambda s, x, u: s + s, "s + s"),
        (lambda s, x, u: -s, "-s"),
        (lambda s, x, u: 2 - s, "2 - s"),
        (lambda s, x, u: s**0.5, "s ** 0.5"),
        (lambda s, x, u: s.tanh(), "tanh(s)"),
        (lambda s, x, u: u @ x.T, "• @ •"),
        (lambda s, x, u: u.exp(), "exp"),
        (lambda s, x, u: u.sum(axis=0), "sum(axis=0)"),
        (lambda s, x, u: x.sum((0, 1), keepdims=True), "sum(axis=(0, 1), keepdims=True)"),
        (lambda s, x, u: x.mean(), "mean(x)"),
        (lambda s, x, u: x.softmax(0), "softmax(x, axis=0)"),
        (lambda s, x, u: x.softmax(-1), "softmax(x)"),
        (lambda s, x, u: u.reshape(4, -1), "reshape(shape=(4, -1))"),
        (lambda s, x, u: x.T, "transpose(x)"),
        (lambda s, x, u: x[0, 1:], "x[0, 1:]"),
        (lambda s, x, u: x[::-1, None, ..., [0, 1]], "x[…]"),
        (lambda s, x, u: u[[0, 1]], "•[[0, 1]]"),
        (lambda s, x, u: u[np.ones((3, 4), bool)], "•[array]"),
        (lambda s, x, u: x.at[0].set(1.0), "x.at[0].set(1)"),
        (lambda s, x, u: u.at[0, 1:].add(x[0, 1:]), "•.at[0, 1:].add(•)"),
        (lambda s, x, u: maximum(x, u), "max(x, •)"),
        (lambda s, x, u: clip(x, 0), "clip(x, low=0)"),
        (lambda s, x, u: where(u.data > 0, x, u), "where(x, •, condition=array)"),
        (lambda s, x, u: u.astype(np.float32), "astype(dtype=float32)"),
        (lambda s, x, u: stack([s, s]), "stack(s, s)"),
        (lambda s, x, u: concatenate([x] * 20), "concatenate"),
        (lambda s, x, u: linear(u, x), "linear(•, x)"),
    ],
)
def test_formulas(compute: Any, formula: str) -> None:
    s, x, u = Value(2.0, "s"), Value(np.ones((3, 4)), "x"), Value(np.ones((3, 4)))
    assert titles(draw(compute(s, x, u)))[0] == formula


def test_long_labels_are_shortened_and_left_out_of_formulas() -> None:
    x, y = Value(1.0, label="x" * 100), Value(1.0, label="y" * 15)
    assert titles(draw(x * y)) == ["• * •", "y" * 15, "x" * 39 + "…"]
    assert titles(draw(x.relu()))[0] == "relu"


@pytest.mark.parametrize("name", sorted(table()))
def test_every_op_can_be_drawn(name: str) -> None:
    for sample in SAMPLES[name]:
        inputs = [Value(item) for item in sample.inputs]
        drawing = draw(sample.call(*inputs))
        assert drawing.nodes[0].title, sample.name
        assert sum(node.role == "leaf" for node in drawing.nodes) == len(inputs), sample.name


def test_a_recorded_backward_pass_is_a_graph_like_any_other() -> None:
    x = Value(np.linspace(0.1, 0.9, 6).reshape(2, 3), label="x")
    y = (x.relu() @ x.T).log_softmax()[np.arange(2), [0, 1]].sum() + x.logsumexp(axis=1).max() * x.squeeze().min()
    drawing = draw(gradient(y, x))
    assert drawing.total == len(drawing.nodes) > 30
    assert ElementTree.fromstring(drawing._repr_svg_() or "")


# --- the budget, and large graphs -----------------------------------------------------------------


def test_only_the_nodes_nearest_to_the_output_are_kept_where_nothing_is_folded() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(30):
        y = y * 0.5 + x
    drawing = draw(y, max_nodes=7, fold=False)
    assert titles(drawing) == ["• + x", "• * 0.5", "0.5", "• + x", "• * 0.5", "• + x", "x", "…", "…"]
    assert drawing.total == 91
    assert drawing.note == "showing 7 nodes of 91: left out 84 far from the output, max_nodes=... shows more"
    assert drawing.note in drawing.source
    assert repr(drawing) == f"<Drawing of 7 nodes and {len(drawing.edges)} edges, of 91 nodes in the graph>"
    assert {edge.target for edge in drawing.edges if edge.source.endswith("_cut")} == {"n4", "n6"}
    assert draw(y, max_nodes=91).note == ""


def test_a_very_deep_graph() -> None:
    x = Value(1.0)
    y = x
    for _ in range(200_000):
        y = y.sin() + x
    drawing = draw(y)
    assert drawing.total == 400_001
    assert len(drawing.nodes) < 10
    assert "showing" in drawing.source
    for _ in range(5_000):
        x = x.sin()
    assert len(draw(x, fold=False).nodes) == 151  # and the dots


def test_the_same_graph_gives_the_same_text() -> None:
    def source() -> str:
        model = nn.MLP(2, [3, 1], rng=0)
        loss = (model([1.0, -2.0]) - 1.0) ** 2
        loss.backward()
        return draw(loss, max_nodes=30).source

    assert source() == source()


def test_operands_without_names_are_drawn_in_order() -> None:
    x, y = Value(1.0), Value(2.0)
    assert draw(x - y).nodes[0].ordered
    assert "ordering=in" in draw(x - y).source
    assert not draw(x + y).nodes[0].ordered
    assert not draw(x - 1.0).nodes[0].ordered


# --- escaping, tooltips ---------------------------------------------------------------------------

ODD = [
    '"',
    "\\",
    "\\N",
    "\\\\",
    "<b>",
    "</B>",
    "&lt;",
    "a|b",
    "{x}",
    "}",
    "$θ^2$",
    "<",
    "->",
    "n0",
    "%s",
    "'",
    "\u2202L",
]


@pytest.mark.parametrize("label", ODD)
def test_labels_are_shown_unchanged(label: str, tmp_path: Path) -> None:
    x = Value(1.0, label=label)
    assert svg_texts(draw(x), tmp_path)[0] == label
    assert f"{label} + 1" in svg_texts(draw(x + 1.0), tmp_path)


def test_characters_that_xml_does_not_allow(tmp_path: Path) -> None:
    drawing = draw(Value(1.0, label="one\ntwo\x00\x1b\ud800"))
    assert svg_texts(drawing, tmp_path)[0] == "one two\ufffd\ufffd\ufffd"


def tooltips(svg: str | None) -> str:
    links = ElementTree.fromstring(svg or "").iter(f"{SVG}a")
    return "\n".join(link.attrib["{http://www.w3.org/1999/xlink}title"] for link in links)


def test_the_module_path_is_a_tooltip() -> None:
    model = nn.MLP(1, [2, 1], rng=0)
    found = tooltips(draw(model([1.0]))._repr_svg_())
    assert all(f"in MLP.layers.{path}" in found for path in ("0.neurons.0", "0.neurons.1", "1.neurons.0"))
    with scope('odd "place" <x> & C:\\N'):
        y = Value(1.0) * 2.0
    assert 'in odd "place" <x> & C:/N' in tooltips(draw(y)._repr_svg_())


def test_a_scope_may_have_the_name_of_a_node() -> None:
    with scope("n0"):
        y = Value(1.0) * 2.0
    drawing = draw(y * 3.0, depth=0)
    assert [node.title for node in drawing.nodes] == ["• * 3", "3", "n0"]
    assert ElementTree.fromstring(drawing._repr_svg_() or "")


# --- arguments ------------------------------------------------------------------------------------


def test_wrong_arguments_are_named() -> None:
    x = Value(1.0)
    with pytest.raises(
        TypeError, match=r"but got int: pass the result of a computation with Values, such as a loss or model\(x\)"
    ):
        draw(3)
    with pytest.raises(TypeError, match=r"but got none for MLP: write draw\(model, x\), or draw_network\(model\)"):
        draw(nn.MLP(2, [1]))
    with pytest.raises(TypeError, match=r"draw\(value\) takes no inputs"):
        draw(x, 1.0)
    for depth in (-1, 0.5):
        with pytest.raises(ValueError, match="an integer of at least 0, or None for as deep as fits, but got"):
            draw(x, depth=depth)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"'LR' \(inputs left, output right\) or 'BT' .*, but got 'TB'"):
        draw(x, direction="TB")
    for number in (0, 1e3):
        with pytest.raises(ValueError, match="an integer of at least 1, but got"):
            draw(x, max_nodes=number)  # type: ignore[arg-type]
    assert "rankdir=BT" in draw(x, direction="BT").source


@pytest.mark.parametrize("name", ["picture", "picture.jpeg", "picture.svg.zip"])
def test_an_unknown_format_lists_the_known_ones(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"ends with one of .svg, .png, .pdf, .dot, .gv, .mmd, .mermaid, .txt, .json, .html, but got '"
    ):
        draw(Value(1.0)).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


# --- files and notebooks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start"), [("a.svg", b"<?xml"), ("a.PNG", b"\x89PNG"), ("a.dot", b"digraph"), ("a.gv", b"digraph")]
)
def test_files_in_new_folders(name: str, start: bytes, tmp_path: Path) -> None:
    _, _, d = expression()
    path = draw(d).save(str(tmp_path / "new" / "folder" / name))
    assert path == tmp_path / "new" / "folder" / name
    assert path.read_bytes().startswith(start)
    assert list(path.parent.iterdir()) == [path]
    assert Path("dot") == dot_command.DOT_BINARY


def test_the_svg_shows_every_text(tmp_path: Path) -> None:
    _, _, d = expression()
    texts = svg_texts(draw(d), tmp_path)
    assert {"d = • + •", "a * b", "a ** 3", "a", "b", "3", "data", "grad", "-3.0000", "9.0000"} <= set(texts)


def test_a_notebook_shows_svg() -> None:
    bundle = draw(Value(1.0))._repr_mimebundle_()
    assert bundle["image/svg+xml"] == draw(Value(1.0))._repr_svg_()
    assert bundle["text/plain"] == "<Drawing of 1 node and 0 edges>"


def test_the_digraph_is_one_of_the_graphviz_package() -> None:
    drawing = draw(Value(1.0) * 2.0)
    assert isinstance(drawing.digraph, graphviz.Digraph)
    assert drawing.source == drawing.digraph.source


def test_without_graphviz_the_text_is_written_with_a_warning(nothing_installed: Path, tmp_path: Path) -> None:
    drawing = draw(Value(1.0))
    with pytest.warns(
        UserWarning,
        match=r"wrote .*a\.dot, .* instead of a\.svg: .* pip install 'valuegrad\[draw\]', or .*Graphviz",
    ):
        path = drawing.save(tmp_path / "a.svg")
    assert path == tmp_path / "a.dot"
    assert path.read_text(encoding="utf-8") == drawing.source
    assert not (tmp_path / "a.svg").exists()
    assert drawing._repr_svg_() is None
    assert list(drawing._repr_mimebundle_()) == ["text/plain"]
    assert "pip install" in drawing._repr_mimebundle_()["text/plain"]


def command(folder: Path, name: str, program: str) -> None:
    """Write an executable Python program that takes the arguments of dot."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\nsys.stdin.read()\n{program}\n")
    path.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="commands are made by their first line")
def test_dot_is_preferred_to_graphviz_pure(nothing_installed: Path, tmp_path: Path) -> None:
    command(nothing_installed, "graphviz-pure", "print('pure', *sys.argv[1:])")
    assert draw(Value(1.0)).save(tmp_path / "a.pdf").read_text() == "pure -Kdot -Tpdf\n"
    command(nothing_installed, "dot", "print('dot', *sys.argv[1:])")
    assert draw(Value(1.0)).save(tmp_path / "a.pdf").read_text() == "dot -Kdot -Tpdf\n"


@pytest.mark.skipif(sys.platform == "win32", reason="commands are made by their first line")
def test_a_format_that_the_command_does_not_know(nothing_installed: Path, tmp_path: Path) -> None:
    command(nothing_installed, "graphviz-pure", "sys.exit('Format: \"pdf\" not recognized. Use one of: png svg')")
    with pytest.warns(UserWarning, match=r"wrote .*a\.dot.*graphviz-pure cannot write pdf, save as \.svg, or install Graphviz"):
        assert draw(Value(1.0)).save(tmp_path / "a.pdf") == tmp_path / "a.dot"
    command(nothing_installed, "graphviz-pure", "sys.exit('out of memory')")
    with pytest.raises(graphviz.CalledProcessError, match="out of memory"):
        draw(Value(1.0)).save(tmp_path / "a.pdf")
    assert Path("dot") == dot_command.DOT_BINARY


@pytest.mark.skipif(shutil.which("dot") is not None, reason="Graphviz' own dot writes pdf")
def test_graphviz_pure_writes_no_pdf(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="cannot write pdf"):
        assert draw(Value(1.0)).save(tmp_path / "a.pdf").suffix == ".dot"


# --- texts, JSON, pages, show() -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.mmd", "---\ntitle"), ("a.mermaid", "---\ntitle"), ("a.txt", "a sum of products"), ("a.html", "<!doctype html>")],
)
def test_text_formats(name: str, start: str, tmp_path: Path) -> None:
    _, _, d = expression()
    path = draw(d, title="a sum of products").save(tmp_path / name)
    text = path.read_text(encoding="utf-8")
    assert text.lower().startswith(start)
    assert text == draw(d, title="a sum of products").as_text(path.suffix)


def test_json_has_all_numbers(tmp_path: Path) -> None:
    a, b, d = expression()
    found = json.loads(draw(d).save(tmp_path / "a.json").read_text(encoding="utf-8"))
    nodes = {node.get("title", ""): node for node in found["nodes"]}
    assert (found["format"], found["version"], found["total"]) == ("valuegrad picture", 1, 6)
    assert nodes["a"]["grad"]["values"] == [a.grad]
    assert nodes["b"]["data"]["mean"] == b.data
    flows = [edge["flow"]["mean"] for edge in found["edges"] if edge["source"] == nodes["a"]["name"]]
    assert sum(flows) == a.grad


def test_show_opens_the_page_in_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    draw(Value(1.0) * 2.0).show()
    (address,) = opened
    assert address.startswith("file://")
    page = Path(address.removeprefix("file://"))
    assert page.name == "graph.html"
    assert page.stat().st_size > 50_000
    shutil.rmtree(page.parent)


def test_show_displays_itself_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    notebook = SimpleNamespace(get_ipython=lambda: object(), display=SimpleNamespace(display=shown.append))
    monkeypatch.setitem(sys.modules, "IPython", notebook)  # type: ignore[arg-type]
    drawing = draw(Value(1.0) * 2.0)
    drawing.show()
    assert shown == [drawing]


def test_a_drawing_keeps_no_graph_alive() -> None:
    x = Value(np.ones(3))
    y = x * 2.0
    drawing = draw(y.sum())
    gone = weakref.ref(y)
    del y
    assert gone() is None
    assert drawing.total == 4

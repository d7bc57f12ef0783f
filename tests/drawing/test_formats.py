"""DOT, SVG, Mermaid and text of pictures built by hand: every role and mark, and hostile labels."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import graphviz
import pytest

from autograd.drawing import palette
from autograd.drawing.palette import gradient_colour
from autograd.drawing.picture import MARKS, ROLES, Edge, Group, Node, Picture, Summary
from autograd.drawing.write import dot
from autograd.drawing.write.dot import digraph_of
from autograd.drawing.write.mermaid import mermaid_of
from autograd.drawing.write.render import NoRenderer, executable, inline_svg, rendered
from autograd.drawing.write.text import tree_of

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}title"
needs_renderer = pytest.mark.skipif(executable() is None, reason="neither dot nor graphviz-pure is installed")
commands = pytest.mark.skipif(sys.platform == "win32", reason="commands are made by their first line")


def svg_of(picture: Picture, direction: str = "LR") -> ElementTree.Element:
    return ElementTree.fromstring(rendered(digraph_of(picture, direction), "svg"))


def texts_in(svg: ElementTree.Element) -> list[str]:
    return [(element.text or "").replace("\xa0", " ").strip() for element in svg.iter(f"{SVG}text")]


def tooltips_in(svg: ElementTree.Element) -> list[str]:
    return [link.attrib[LINK] for link in svg.iter(f"{SVG}a")]


def kinds_in(svg: ElementTree.Element) -> dict[str, int]:
    """Count nodes, edges and clusters in an SVG."""
    found = [element.attrib.get("class", "") for element in svg.iter(f"{SVG}g")]
    return {kind: found.count(kind) for kind in ("node", "edge", "cluster")}


def number(value: float) -> tuple[tuple[str, ...], ...]:
    return (("data", f"{value:.4f}"),)


def expression() -> Picture:
    """Return the picture of ``d = a * b + a ** 3`` after a backward pass."""
    nodes = (
        Node("n0", "computed", "d = • + •", data=Summary.of(2.0), grad=Summary.of(1.0), rows=number(2.0)),
        Node("n1", "computed", "a * b", data=Summary.of(-6.0), grad=Summary.of(1.0), rows=number(-6.0)),
        Node("n2", "computed", "a ** 3", data=Summary.of(8.0), grad=Summary.of(1.0), rows=number(8.0), ordered=True),
        Node("n3", "leaf", "a", data=Summary.of(2.0), grad=Summary.of(9.0), rows=number(2.0)),
        Node("n4", "leaf", "b", data=Summary.of(-3.0), grad=Summary.of(2.0), rows=number(-3.0)),
        Node("n5", "constant", "3", data=Summary.of(3.0)),
    )
    edges = (
        Edge("n1", "n0", 0, flow=Summary.of(1.0)),
        Edge("n2", "n0", 1, flow=Summary.of(1.0)),
        Edge("n3", "n1", 0, flow=Summary.of(-3.0), local=Summary.of(-3.0)),
        Edge("n4", "n1", 1, flow=Summary.of(2.0)),
        Edge("n3", "n2", 0, flow=Summary.of(12.0)),
        Edge("n5", "n2", 1),
    )
    return Picture(nodes, edges, total=6, edges_total=6, differentiated=True)


def network() -> Picture:
    """Return two layers of neurons for many samples, folded; the second layer is collapsed."""
    nodes = (
        Node("n0", "computed", "loss"),
        Node("n1", "computed", "relu", 100, group="MLP/layers.1", names=("layers.1.w",)),
        Node("n2", "computed", "sum", 1600, group="MLP/layers.0/neurons", rows=(("", "min", "mean"), ("data", "-1.0", "nan"))),
        Node("n3", "leaf", "w.*", 32, group="MLP/layers.0/neurons", names=tuple(f"layers.0.neurons.{i}.w" for i in range(32))),
    )
    edges = (
        Edge("n1", "n0", count=100),
        Edge("n2", "n1", count=1600),
        Edge("n2", "n2", count=1500),
        Edge("n3", "n2", 1, count=1600),
    )
    groups = (
        Group("MLP", "MLP", kind="MLP", nodes=4000, parameters=65),
        Group("MLP/layers.0", "layers.0", "MLP", kind="Layer"),
        Group("MLP/layers.0/neurons", "neurons.*", "MLP/layers.0", count=16, kind="Neuron"),
        Group("MLP/layers.1", "layers.1", "MLP", count=2, nodes=900, parameters=17, collapsed=True, kind="Layer"),
    )
    return Picture(nodes, edges, groups, total=5000, edges_total=9000)


def neurons() -> Picture:
    """Return a network of 2-2-1 neurons, as in textbooks."""
    nodes = [Node(f"in{i}", "neuron", f"x{i}", group="0", op="#e41a1c") for i in range(2)]
    nodes += [Node(f"hidden{i}", "neuron", f"h{i}", group="1", op="#984ea3") for i in range(2)]
    nodes += [Node("out", "neuron", "y", group="2", op="#4daf4a")]
    edges = [Edge(f"in{i}", f"hidden{j}", i, strength=i - j / 2, label=f"{i - j / 2}") for i in range(2) for j in range(2)]
    edges += [Edge(f"hidden{i}", "out", i, strength=-1.0) for i in range(2)]
    groups = (Group("0", "input layer"), Group("1", "hidden layer 1"), Group("2", "output layer"))
    return Picture(tuple(nodes), tuple(edges), groups, 5, 6, root="out", title="2-2-1", legend=(("#e41a1c", "inputs"),))


def chain(length: int) -> Picture:
    """Return ``y = y * 0.5`` and ``y = y + x`` in turn; the operations have no names."""
    titles = ("• * 0.5", "• + x")
    nodes = [Node(f"n{i}", "computed", titles[i % 2]) for i in range(length)] + [Node("x", "leaf", "x")]
    edges = [Edge(f"n{i + 1}", f"n{i}") for i in range(length - 1)] + [Edge("x", f"n{i}", 1) for i in range(1, length, 2)]
    return Picture(tuple(nodes), tuple(edges), total=length + 1)


EXAMPLES = {
    "expression": expression(),
    "network": network(),
    "neurons": neurons(),
    "chain": chain(40),
    "nothing": Picture((), ()),
}

# --- DOT and SVG ----------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["LR", "BT"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_picture_gives_the_same_text(name: str, direction: str) -> None:
    picture = EXAMPLES[name]
    source = digraph_of(picture, direction).source
    assert source == digraph_of(picture, direction).source
    assert f"rankdir={direction}" in source
    assert mermaid_of(picture, direction) == mermaid_of(picture, direction)
    assert f"flowchart {direction}" in mermaid_of(picture, direction)
    assert tree_of(picture) == tree_of(picture)


@needs_renderer
@pytest.mark.parametrize("direction", ["LR", "BT"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_a_well_formed_svg(name: str, direction: str) -> None:
    svg = svg_of(EXAMPLES[name], direction)
    shown = EXAMPLES[name].visible
    texts = " ".join(texts_in(svg))
    assert all(node.title in texts for node in shown.nodes)
    assert kinds_in(svg)["node"] == len(shown.nodes)
    assert kinds_in(svg)["cluster"] == len({node.group for node in shown.nodes} - {""}) + (name == "network")


@needs_renderer
def test_an_expression_shows_numbers_and_gradients_at_edges() -> None:
    svg = svg_of(expression())
    assert kinds_in(svg) == {"node": 6, "edge": 6, "cluster": 0}
    texts = texts_in(svg)
    assert {"d = • + •", "a * b", "data", "-6.0000", "← -3", "← 12"} <= set(texts)
    assert "↓ 12" in texts_in(svg_of(expression(), "BT"))
    assert "a → a * b\nlocal derivative -3\ngradient flowing back -3" in tooltips_in(svg)
    assert "ordering=in" in digraph_of(expression(), "LR").source


@needs_renderer
def test_scopes_are_nested_clusters_and_closed_ones_folders() -> None:
    svg = svg_of(network())
    assert kinds_in(svg) == {"node": 4, "edge": 4, "cluster": 3}
    texts = texts_in(svg)
    assert {
        "MLP",
        "layers.0",
        "neurons.*",
        "×16",
        "Neuron",
        "×32",
        "×1,600",
        "layers.1",
        "×2",
        "900 nodes, 17 parameters",
    } <= set(texts)
    assert texts.count("Layer") == 2
    assert texts.count("MLP") == 1  # the class is not repeated
    assert "nan" in texts
    assert {"×1,500", "×100"} <= set(texts)  # at edges whose count is not that of a node
    assert "MLP\nMLP\n4,000 nodes\n65 parameters" in tooltips_in(svg)
    assert "shape=folder" in digraph_of(network(), "LR").source


@needs_renderer
def test_every_parameter_is_found_by_its_name() -> None:
    text = rendered(digraph_of(network(), "LR"), "svg").decode()
    assert all(f"layers.0.neurons.{i}.w" in text for i in range(32))
    many = tuple(f"transformer.block{i}.attention.weight" for i in range(3000))
    text = rendered(digraph_of(Picture((Node("n0", "leaf", "w", 3000, names=many),), ()), "LR"), "svg").decode()
    assert all(name in text for name in many)
    tooltip = tooltips_in(ElementTree.fromstring(text))[-1]
    assert len(tooltip) < 2100
    assert tooltip.endswith("…")


def test_tooltips_say_where_a_node_comes_from() -> None:
    node = Node(
        "n0", "computed", "a * b", 3, names=("c", "a * b"), shape=(2, 3), dtype="float32", place="MLP.layers.0",
        line="model.py:12", source="c = a * b", notes=("Half of it is zero.",), marks=("dead",), parts=4,
    )  # fmt: skip
    source = digraph_of(Picture((node,), ()), "LR").source
    lines = ["a * b ×3", "a chain of 4 operations", "names: c", "(2, 3) float32", "in MLP.layers.0", "model.py:12: c = a * b"]
    assert f'tooltip="{"&#10;".join([*lines, "dead", "Half of it is zero."])}"' in source


@needs_renderer
@pytest.mark.parametrize("role", ROLES)
def test_every_role_in_every_format(role: str) -> None:
    node = Node("n1", role, "what", rows=number(1.0), data=Summary.of(1.0))
    picture = Picture((Node("n0", "computed", "out"), node), (Edge("n1", "n0"),))
    svg = svg_of(picture)
    assert "what" in texts_in(svg)
    assert kinds_in(svg)["node"] == 2
    assert "what" in tree_of(picture)
    assert re.search(rf"n1\W+what[^\n]*:::{role}\n[^$]*classDef {role} ", mermaid_of(picture, "LR"))


def test_roles_look_different() -> None:
    """Roles differ in outline, shape or text, not only in colour."""
    looks = {role: {key: text for key, text in look.items() if "color" not in key} for role, look in dot.STYLES.items()}
    assert set(looks) == set(ROLES)
    assert "dashed" in looks["frozen"]["style"]
    assert "dotted" in looks["unreached"]["style"]
    assert "rounded" in looks["leaf"]["style"]
    assert "rounded" not in looks["computed"]["style"]
    assert (looks["neuron"]["shape"], looks["scope"]["shape"], looks["cut"]["shape"]) == ("circle", "folder", "plaintext")
    assert "penwidth" in looks["failed"]
    output, other = (line for line in digraph_of(chain(2), "LR").source.splitlines() if "<B>•" in line)
    assert "penwidth" in output
    assert "penwidth" not in other


@needs_renderer
@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_is_written_as_a_word(mark: str) -> None:
    picture = Picture((Node("n0", "computed", "y", marks=(mark,)), Node("n1", "leaf", "x")), (Edge("n1", "n0", marks=(mark,)),))
    svg = svg_of(picture)
    assert mark in texts_in(svg)
    assert f"x → y\n{mark}" in tooltips_in(svg)
    assert f"! {mark}" in tree_of(picture)
    assert f"! {mark}" in mermaid_of(picture, "LR")


@needs_renderer
def test_title_notes_and_legend_are_above_the_picture() -> None:
    long = "word " * 60
    picture = Picture(
        (Node("n0", "leaf", "x"),),
        (),
        title="A <title> & more",
        notes=("First.", long),
        legend=(("#e41a1c", "inputs"), ("red;", "odd")),
    )
    texts = texts_in(svg_of(picture))
    assert {"A <title> & more", "First.", "inputs", "odd", "█"} <= set(texts)
    assert max(map(len, texts)) <= dot.LONGEST_LINE
    assert sum("word" in text for text in texts) > 2
    assert "gradient (rms)" not in " ".join(texts)
    assert any(text.startswith("gradient (rms) 0.9") for text in texts_in(svg_of(expression())))


def test_strengths_beyond_the_scale() -> None:
    for strength in (7.0, -math.inf, math.nan):
        picture = Picture((Node("a", "neuron"), Node("b", "neuron")), (Edge("a", "b", strength=strength),), root="b")
        assert "nan" not in digraph_of(picture, "LR").source + mermaid_of(picture, "LR")
        assert "inf" not in digraph_of(picture, "LR").source + mermaid_of(picture, "LR")


def test_colours_of_gradients_are_ordered_by_lightness() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = palette.channels(colour)
        return 0.3 * red + 0.59 * green + 0.11 * blue

    steps = [lightness(gradient_colour(10.0**power, 1e-6, 1.0)) for power in (-9, -6, -5, -4, -3, -2, -1, 0, 3)]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == steps[1]
    assert steps[-1] == steps[-2]
    assert gradient_colour(0.0, 1e-6, 1.0) == palette.WHITE
    assert gradient_colour(math.nan, 1e-6, 1.0) == gradient_colour(math.inf, 1e-6, 1.0) == palette.ALARM
    assert gradient_colour(0.95, 0.95, 1.0) != gradient_colour(0.1, 0.1, 1.0)  # a narrow range is not stretched


def test_gradients_that_have_no_place_on_the_scale() -> None:
    nodes = tuple(Node(f"n{i}", "leaf", "x", grad=Summary.of(size)) for i, size in enumerate((0.0, math.inf, math.nan)))
    assert "gradient (rms)" not in digraph_of(Picture(nodes, ()), "LR").source
    nodes += tuple(Node(f"n{i}", "leaf", "x", grad=Summary.of(float(i))) for i in (3, 4, 5))
    source = digraph_of(Picture(nodes, ()), "LR").source
    assert source.count(f'BGCOLOR="{palette.ALARM}"') == 2
    assert "gradient (rms)" in source


# --- hostile labels -------------------------------------------------------------------------------

HOSTILE = [
    '"', "'", "\\", "\\N", "\\\\", "a\\", "<b>", "</B>", "<", "&lt;", "&amp;", "&#60;", "a|b", "{x}", "}", "]", "])",
    "[a](http://b.c)", "->", "n0", "end", "%s", "%% x", "a;b", "$x^2$", "`code`", "**bold**", "_x_", "__init__", "* item",
    "- item", "1. first", "# head", "> quote", "~~no~~", "#quot;", "fa:fa-car", ":::leaf", "---", "<script>alert(1)</script>",
    "w_1", "a ** 3", "• + •", "x[0, 1:]", "\U0001f44d\U0001f3fd", "שלום", "∂L",
]  # fmt: skip


def hostile() -> Picture:
    """Return a picture with each text as a title, a name, a note, the name of a scope, and at an edge."""
    nodes = [Node("n0", "computed", "out")]
    nodes += [
        Node(f"{text}:{text}", "leaf", text, names=(text,), notes=(text,), group=f"scope/{text}", rows=((text,),))
        for text in HOSTILE
    ]
    edges = tuple(Edge(node.name, "n0", i, label=node.title) for i, node in enumerate(nodes[1:]))
    return Picture(
        tuple(nodes),
        edges,
        tuple(Group(f"scope/{text}", text, kind="K") for text in HOSTILE),
        title=HOSTILE[0],
        notes=tuple(HOSTILE),
    )


@needs_renderer
def test_texts_are_unchanged_in_an_svg() -> None:
    svg = svg_of(hostile())
    texts = texts_in(svg)
    assert min(texts.count(text) for text in HOSTILE) >= 4  # title, row, scope, edge, note
    assert kinds_in(svg)["cluster"] == len(HOSTILE)
    tooltips = "\n".join(tooltips_in(svg))
    assert all(text.replace("\\", "/") in tooltips for text in HOSTILE)


def unescaped(text: str) -> str:
    """Decode the entity codes of a label as Mermaid does."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text)


def test_mermaid_gets_entity_codes() -> None:
    text = mermaid_of(hostile(), "LR")
    labels = re.findall(r'^  .*?x\d+\(\["(.*)"\]\):::leaf$', text, re.MULTILINE)
    assert [unescaped(label) for label in labels] == HOSTILE
    assert [unescaped(label) for label in re.findall(r'-->\|"(.*)"\| n0$', text, re.MULTILINE)] == HOSTILE
    assert not re.search(r'["<>&\\`\[\]{}|]', "".join(labels))
    title = json.loads(text.splitlines()[1].removeprefix("title: "))
    assert title.startswith(f"{HOSTILE[0]}. {HOSTILE[0]}. ")
    assert text.count("subgraph") == text.count("\n  end\n") == len(HOSTILE)


def test_control_characters_are_replaced() -> None:
    label = "one\ntwo\x00\x1b\ud800\u202e"
    picture = Picture((Node("n0", "leaf", label, notes=(label,), names=(label,)),), (), title=label)
    wanted = "one two\ufffd\ufffd\ufffd\ufffd"
    assert tree_of(picture) == f"{wanted}\n\n{wanted}\n"
    assert mermaid_of(picture, "LR").count(wanted) == 2
    source = digraph_of(picture, "LR").source
    assert source.count(wanted) == 4  # heading, title, and two lines of the tooltip
    assert source.encode("utf-8")
    if executable() is not None:
        assert wanted in texts_in(svg_of(picture))


@needs_renderer
@pytest.mark.parametrize("role", ROLES)
def test_nodes_without_any_text(role: str) -> None:
    picture = Picture((Node("n0", role, rows=((),)),), ())
    assert kinds_in(svg_of(picture))["node"] == 1
    assert ":::" in mermaid_of(picture, "LR")
    assert tree_of(picture) == f"{role}\n"


# --- loops, closed scopes -------------------------------------------------------------------------


@needs_renderer
@pytest.mark.parametrize("direction", ["LR", "BT"])
def test_loops_through_scopes(direction: str) -> None:
    """Folded time steps form loops, which Graphviz rejects in its default ranking of clusters."""
    names = [f"n{i}" for i in range(12)]
    nodes = tuple(Node(name, "computed", name, 5, group=("", "a", "a/b", "c")[i % 4]) for i, name in enumerate(names))
    edges = [Edge(source, target) for source, target in zip(names[1:], names, strict=False)]
    edges += [Edge(names[i], names[(i + 5) % 12], 1) for i in range(12)] + [Edge("n3", "n3", 2)]
    picture = Picture(nodes, tuple(edges), (Group("a", "a"), Group("a/b", "b", "a"), Group("c", "c")))
    assert kinds_in(svg_of(picture, direction)) == {"node": 12, "edge": 24, "cluster": 3}
    lines = tree_of(picture).splitlines()
    assert len([line for line in lines if "[" not in line]) == 12 + 24 - 11
    assert mermaid_of(picture, direction).count("-->") == 24


def test_a_closed_scope_hides_what_is_in_it() -> None:
    whole = network()
    opened = Picture(whole.nodes, whole.edges, tuple(Group(**{**vars(group), "collapsed": False}) for group in whole.groups))
    for text, closed in ((mermaid_of(opened, "LR"), mermaid_of(whole, "LR")), (tree_of(opened), tree_of(whole))):
        assert "relu" in text
        assert "relu" not in closed
        assert "layers.1 ×2, Layer" in closed
    assert mermaid_of(opened, "LR").count("subgraph") == 4
    assert mermaid_of(whole, "LR").count("subgraph") == 3


def test_scopes_may_be_nested_deeply() -> None:
    groups = tuple(Group(f"g{i}", f"g{i}", f"g{i - 1}" if i else "") for i in range(300))
    picture = Picture((Node("n0", "computed", "y", group="g299"), Node("n1", "leaf", "x")), (Edge("n1", "n0"),), groups)
    assert digraph_of(picture, "LR").source.count("subgraph") == 300
    assert mermaid_of(picture, "LR").count("subgraph") == 300
    assert tree_of(picture).count(" / ") == 299


# --- Mermaid --------------------------------------------------------------------------------------


def test_mermaid_of_a_folded_network() -> None:
    assert (
        mermaid_of(network(), "BT")
        == """\
---
title: "TITLE"
---
flowchart BT
  n0["loss"]:::output
  subgraph g0["MLP"]
    x1[["layers.1 ×2, Layer<br>900 nodes, 17 parameters"]]:::scope
    subgraph g1["layers.0, Layer"]
      subgraph g2["neurons.#42; ×16, Neuron"]
        n2["sum ×1,600"]:::computed
        n3(["w.#42; ×32"]):::leaf
      end
    end
  end
  class g0,g1,g2 frame
  x1 -->|"×100"| n0
  n2 -->|"×1,600"| x1
  n2 -->|"×1,500"| n2
  n3 -->|"×1,600"| n2
  classDef leaf fill:#deecf7,stroke:#0072b2,color:#1a1a1a
  classDef computed fill:#ffffff,stroke:#7d8894,color:#1a1a1a
  classDef scope fill:#e6eaf5,stroke:#5b6b9a,color:#1a1a1a
  classDef frame fill:#f6f8fa,stroke:#b4bfca,color:#1a1a1a
  classDef output fill:#fdebd0,stroke:#b86e00,color:#1a1a1a,stroke-width:3px
""".replace("TITLE", network().note)
    )


def test_mermaid_of_neurons_has_their_colours() -> None:
    text = mermaid_of(neurons(), "LR")
    assert '  x2(("h0")):::neuron' in text.replace("    ", "  ")
    assert "  style x2 fill:#984ea3,color:#ffffff" in text
    assert "  linkStyle 1 stroke:#d55e00,stroke-width:1.8px" in text
    assert 'title: "2-2-1"' in text


# --- trees ----------------------------------------------------------------------------------------


def test_the_tree_of_an_expression() -> None:
    assert (
        tree_of(expression())
        == """\
d = • + •  data 2.0000  grad 1.0000
├─ a * b   data -6.0000  grad 1.0000
│  ├─ a    data 2.0000  grad 9.0000
│  └─ b    data -3.0000  grad 2.0000
└─ a ** 3  data 8.0000  grad 1.0000
   ├─ ↑ a
   └─ 3
"""
    )


def test_the_tree_of_a_folded_network() -> None:
    note = network().note
    assert (
        tree_of(network())
        == f"""\
{note}

loss
│ [MLP]
▼ layers.1 ×2, Layer  900 nodes, 17 parameters
│ [layers.0, Layer / neurons.* ×16, Neuron]
▼ sum ×1,600
├─ ↑ sum
└─ w.* ×32
"""
    )


def test_a_long_chain_stays_narrow() -> None:
    lines = tree_of(chain(3000)).splitlines()
    assert len(lines) == 3000 + 1500
    assert max(map(len, lines)) < 25
    assert lines[:4] == ["• * 0.5", "▼ • + x", "├─ x", "▼ • * 0.5"]


def test_deep_parts_are_written_further_down() -> None:
    """Each node has two operands with operands, so that none can continue at the same depth."""
    nodes = tuple(Node(f"n{i}", "computed", "• + •") for i in range(600))
    edges = [Edge(f"n{i + 2}", f"n{i}") for i in range(598)] + [Edge(f"n{i + 3}", f"n{i}", 1) for i in range(597)]
    lines = tree_of(Picture(nodes, tuple(edges))).splitlines()
    assert max(map(len, lines)) < 60
    below = [line.split("↓ ")[1] for line in lines if "↓" in line]
    assert below
    written = [re.sub("^[^•]*", "", line) for line in lines if "↓" not in line and "↑" not in line]
    assert set(below) <= set(written)
    assert len([line for line in written if line]) == 600


def test_operands_out_of_order_are_numbered() -> None:
    nodes = (
        Node("n0", "computed", "• - •", ordered=True), Node("n1", "computed", "exp(x)"), Node("n2", "leaf"),
        Node("n3", "leaf", "x"),
    )  # fmt: skip
    picture = Picture(nodes, (Edge("n1", "n0", 0), Edge("n2", "n0", 1), Edge("n3", "n1")))
    assert tree_of(picture) == "• - •\n├─ 2) leaf\n▼ 1) exp(x)\n└─ x\n"


def test_nodes_that_do_not_reach_the_output() -> None:
    nodes = (
        Node("n0", "computed", "y"),
        Node("n1", "unreached", "w", marks=("unreached",)),
        Node("n2", "computed", "z"),
        Node("n3", "leaf", "v"),
    )
    picture = Picture(nodes, (Edge("n3", "n2"),))
    assert tree_of(picture) == "y\n\nnot below the output:\nw  ! unreached\nz\n└─ v\n"


def test_arrays_and_many_numbers() -> None:
    nodes = (
        Node("n0", "computed", "y", shape=(2,), data=Summary.of([1.0, -2.0]), grad=Summary.of([3.0, 4.0]), marks=("inf",)),
        Node("n1", "constant", "", 3, data=Summary.of([1.0, 2.0, 3.0])),
        Node("n2", "cut", "… 5 more", 5),
        Node("n3", "computed", "sum of 9 terms", 2, parts=8, data=Summary.of([])),
    )
    picture = Picture(nodes, tuple(Edge(f"n{i}", "n0", i) for i in (1, 2, 3)))
    assert (
        tree_of(picture)
        == """\
y                     (2,)  data -2.0000 … 1.0000  grad norm 5.0000  ! inf
├─ constant ×3        data 1.0000 … 3.0000
├─ … 5 more
└─ sum of 9 terms ×2  8 operations each
"""
    )


# --- running Graphviz -----------------------------------------------------------------------------


def command(folder: Path, name: str, program: str) -> None:
    """Write an executable Python program that takes the arguments of dot."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\nsys.stdin.read()\n{program}\n")
    path.chmod(0o755)


def test_without_a_renderer_the_message_says_what_to_install(nothing_installed: Path) -> None:
    with pytest.raises(NoRenderer, match=r"pip install 'valuegrad\[draw\]', or install Graphviz \(https://graphviz.org"):
        rendered(digraph_of(expression(), "LR"), "svg")
    assert tree_of(expression()) and mermaid_of(expression(), "LR")


@commands
def test_a_layout_that_takes_too_long_is_stopped(nothing_installed: Path) -> None:
    command(nothing_installed, "dot", "import time\ntime.sleep(60)")
    with pytest.raises(NoRenderer, match=r"dot was stopped after 0.3 s without a layout: draw fewer nodes, or save as .html"):
        rendered(digraph_of(expression(), "LR"), "svg", seconds=0.3)


@commands
def test_failures_of_graphviz_are_distinguished(nothing_installed: Path) -> None:
    digraph = digraph_of(expression(), "LR")
    command(nothing_installed, "graphviz-pure", "sys.exit('Format: \"pdf\" not recognized. Use one of: png svg')")
    with pytest.raises(NoRenderer, match=r"graphviz-pure cannot write pdf, save as .svg, or install Graphviz"):
        rendered(digraph, "pdf")
    command(nothing_installed, "graphviz-pure", "sys.exit('out of memory')")
    with pytest.raises(graphviz.CalledProcessError, match="out of memory"):
        rendered(digraph, "svg")
    command(nothing_installed, "dot", "print('dot', *sys.argv[1:])")
    assert rendered(digraph, "svg").split() == b"dot -Kdot -Tsvg".split()
    assert rendered(digraph, "png").split() == b"dot -Kdot -Tpng -Gdpi=192".split()


@commands
def test_right_angles_where_curves_fail(nothing_installed: Path) -> None:
    fails = "if '-Gsplines=ortho' not in sys.argv: sys.exit('libpath/shortest.c:324: triangulation failed')\nprint('angles')"
    command(nothing_installed, "dot", fails)
    assert rendered(digraph_of(expression(), "LR"), "svg") == b"angles\n"


@needs_renderer
def test_an_inline_svg_is_never_cut_off() -> None:
    text = inline_svg(rendered(digraph_of(expression(), "LR"), "svg"))
    svg: Any = ElementTree.fromstring(text)
    assert svg.attrib["style"] == "max-width: 100%; height: auto"
    assert {"viewBox", "width", "height"} <= set(svg.attrib)
    assert not text.startswith("<?xml")


# Adobe's metrics of Helvetica, in thousandths.
HELVETICA = {"d": 556, "a": 556, "t": 278, "g": 556, "r": 333, "2": 556, ".": 278, "0": 556, "-": 333, "\u00a0": 278}


@needs_renderer
@pytest.mark.parametrize("name", ["expression", "network", "chain"])
def test_texts_stay_in_their_boxes_whatever_the_font(name: str) -> None:
    """Every text has a fixed length that ends inside its node, and there is a list of fonts to choose from."""
    svg = svg_of(EXAMPLES[name])
    families = [family.strip() for family in svg.attrib["font-family"].split(",")]
    assert families[0] == "Helvetica"
    assert {"Arial", "Liberation Sans", "DejaVu Sans"} <= set(families)
    assert families[-1] == "sans-serif"
    checked = 0
    for group in svg.iter(f"{SVG}g"):
        shapes = [item for item in group.iter() if item.tag in (f"{SVG}polygon", f"{SVG}path")]
        if group.attrib.get("class") != "node" or not shapes:
            continue
        places = re.findall(r"-?[\d.]+,-?[\d.]+", " ".join(item.attrib.get("points") or item.attrib["d"] for item in shapes))
        edges = [float(place.split(",")[0]) for place in places]
        for item in group.iter(f"{SVG}text"):
            if not (item.text or "").strip():
                continue
            assert "font-family" not in item.attrib
            assert item.attrib["lengthAdjust"] == "spacingAndGlyphs"
            x, length = float(item.attrib["x"]), float(item.attrib["textLength"])
            left = x - {"start": 0.0, "middle": length / 2, "end": length}[item.attrib["text-anchor"]]
            assert min(edges) - 0.5 <= left and left + length <= max(edges) + 0.5, item.text
            checked += 1
            if set(item.text or "") <= set(HELVETICA) and "font-weight" not in item.attrib:
                units = sum(HELVETICA[c] for c in item.text or "")
                assert length == pytest.approx(units * float(item.attrib["font-size"]) / 1000.0, abs=0.01)
    assert checked >= len(EXAMPLES[name].visible.nodes)


def test_graphviz_itself_reads_every_example(tmp_path: Path) -> None:
    """If dot is installed, it and graphviz-pure must agree on the contents of the picture."""
    if shutil.which("dot") is None:
        pytest.skip("no dot on PATH")
    for picture in (*EXAMPLES.values(), hostile()):
        assert svg_of(picture).tag == f"{SVG}svg"

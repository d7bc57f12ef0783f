"""Writes a picture as a Mermaid flowchart, which GitHub and many editors render. Colours of gradients are left out.

Mermaid reads labels as HTML and as Markdown; characters with a meaning in either are written as entity codes.
"""

from __future__ import annotations

import json
import math
import re

from autograd.drawing.palette import (
    FRAME_FILLS,
    FRAME_LINE,
    INK,
    OUTPUT_COLOURS,
    ROLE_COLOURS,
    ink_on,
    line_width,
    sign_colour,
)
from autograd.drawing.picture import Edge, Group, Node, Picture
from autograd.drawing.write.text import count_text, group_text, heading_of, identifiers_of, printable, texts_of

ROUND = ("([", "])")
SHAPES = {"leaf": ROUND, "frozen": ROUND, "unreached": ROUND, "scope": ("[[", "]]"), "neuron": ("((", "))")}
THICK = "stroke-width:3px"
STYLES = {"frozen": "stroke-dasharray:5 3", "unreached": "stroke-dasharray:2 3", "failed": THICK, "output": THICK}
COLOURS = {**ROLE_COLOURS, "cut": ("none", "none"), "frame": (FRAME_FILLS[0], FRAME_LINE), "output": OUTPUT_COLOURS}
#: Special characters of HTML and Mermaid, and those of Markdown at positions where they have a meaning.
SPECIAL = re.compile(
    r"""["<>&#\\\[\]{}|`~$;%]|\*(?! )|(?<! )\*|(?<!\w)_|_(?!\w)|^[-+=](?= |$)|^\*|(?<=^\d)[.)]|(?<=\w):(?=[\w/])|(?<=www)\.|@"""
)


def mermaid_of(picture: Picture, direction: str) -> str:
    """Return the visible part of a picture as a ``flowchart``. The same picture gives the same text.

    GitHub draws at most 500 edges and 50,000 characters; the text itself has no limit.

    Args:
        picture: nodes, edges and groups.
        direction: ``"LR"`` for inputs left and output right, ``"BT"`` for inputs below and output above.

    >>> nodes = Node("n0", "computed", "d = a * b"), Node("n1", "leaf", "a")
    >>> print(mermaid_of(Picture(nodes, (Edge("n1", "n0", count=2),)), "LR"), end="")
    flowchart LR
      n0["d = a * b"]:::output
      n1(["a"]):::leaf
      n1 -->|"×2"| n0
      classDef leaf fill:#deecf7,stroke:#0072b2,color:#1a1a1a
      classDef output fill:#fdebd0,stroke:#b86e00,color:#1a1a1a,stroke-width:3px
    """
    shown = picture.visible
    groups = {group.name: group for group in picture.groups}
    names = identifiers_of(shown.nodes)
    classes = {node.name: "output" if node.name in shown.roots and node.role == "computed" else node.role for node in shown.nodes}
    written = {node.name: node_text(node, names[node.name], classes[node.name], groups.get(node.name)) for node in shown.nodes}
    lines = [*front_matter(picture), f"flowchart {direction}", *nested(shown, written)]
    lines += [f"  {edge_text(edge, names)}" for edge in shown.edges]
    lines += link_styles(shown)
    used = {*classes.values(), *("frame" for node in shown.nodes if node.group)}
    lines += [f"  classDef {name} {class_look(name)}" for name in COLOURS if name in used]
    return "\n".join(lines + own_colours(shown, names)) + "\n"


def class_look(name: str) -> str:
    """Return the colours and lines of a class of nodes: ``fill:#ffffff,stroke:#7d8894,color:#1a1a1a``."""
    fill, line = COLOURS[name]
    ink = "" if name == "cut" else f"color:{'#4a545e' if name == 'constant' else INK}"
    return ",".join(part for part in (f"fill:{fill}", f"stroke:{line}", ink, STYLES.get(name, "")) if part)


def front_matter(picture: Picture) -> list[str]:
    """Return title and notes as front matter, which Mermaid shows above the picture."""
    texts = heading_of(picture)
    return ["---", f"title: {json.dumps('. '.join(texts), ensure_ascii=False)}", "---"] if texts else []


def nested(shown: Picture, written: dict[str, str]) -> list[str]:
    """Return the lines of nodes, those of a scope in its subgraph, from the outermost in, without recursion."""
    groups = {group.name: group for group in shown.groups}
    names = {name: f"g{number}" for number, name in enumerate(groups)}
    inside: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    placed: set[str] = set()
    for node in shown.nodes:
        inside.setdefault(node.group, []).append(written[node.name])
        name = node.group
        while name and name not in placed:
            placed.add(name)
            children.setdefault(groups[name].parent, []).append(name)
            name = groups[name].parent
    lines = []
    todo = [("", 0, True)]
    while todo:
        name, depth, begins = todo.pop()
        if not begins:
            lines.append("  " * depth + "end")
            continue
        if name:
            lines.append("  " * depth + f'subgraph {names[name]}["{escaped(group_text(groups[name]))}"]')
            todo.append((name, depth, False))
        lines += ["  " * (depth + 1) + line for line in inside.get(name, [])]
        todo += [(child, depth + 1, True) for child in reversed(children.get(name, []))]
    frames = ",".join(names[name] for name in groups if name in placed)
    return [*lines, f"  class {frames} frame"] if frames else lines


def node_text(node: Node, name: str, look: str, group: Group | None) -> str:
    """Return the line of a node: ``n1(["a<br>data 2.0000"]):::leaf``."""
    if node.role == "scope" and group is not None:
        title = group_text(group)
    else:
        title = (node.title or ("" if texts_of(node) else node.op or node.role)) + (
            "" if node.role == "cut" else count_text(node.count)
        )
    label = "<br>".join(escaped(text) for text in (title.strip(), *texts_of(node)) if text)
    first, last = SHAPES.get(node.role, ("[", "]"))
    return f'{name}{first}"{label}"{last}:::{look}'


def edge_text(edge: Edge, names: dict[str, str]) -> str:
    """Return the line of an edge: ``n1 -->|"×16"| n0``."""
    label = escaped(" ".join(text for text in (edge.label, count_text(edge.count).strip()) if text))
    arrow = "-.->" if "removed" in edge.marks else "-->"
    return f"{names[edge.source]} {arrow}" + (f'|"{label}"|' if label else "") + f" {names[edge.target]}"


def link_styles(shown: Picture) -> list[str]:
    """Return styles for edges with a strength: blue for positive, orange for negative; the stronger, the wider."""
    lines = []
    for number, edge in enumerate(shown.edges):
        if edge.strength is not None and math.isfinite(edge.strength):
            colour, width = sign_colour(edge.strength), line_width(edge.strength)
            lines.append(f"  linkStyle {number} stroke:{colour},stroke-width:{width:.1f}px")
    return lines


def own_colours(shown: Picture, names: dict[str, str]) -> list[str]:
    """Return styles for neurons, which have the colours of their layers."""
    neurons = [node for node in shown.nodes if node.role == "neuron" and re.fullmatch("#[0-9a-fA-F]{6}", node.op)]
    return [f"  style {names[node.name]} fill:{node.op},color:{ink_on(node.op)}" for node in neurons]


def escaped(text: str) -> str:
    """Escape a text for use inside a quoted label, with entity codes such as ``#34;``."""
    return SPECIAL.sub(lambda found: f"#{ord(found[0])};", printable(text))

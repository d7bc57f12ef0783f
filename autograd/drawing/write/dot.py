"""Writes a picture as DOT, a graph of the graphviz package: the look of nodes, edges and scopes. Layout is left to render.py."""

from __future__ import annotations

import html
import math
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograd.drawing.palette import (
    ALARM,
    FRAME_FILLS,
    FRAME_LINE,
    INK,
    MARK_COLOURS,
    OUTPUT_COLOURS,
    QUIET,
    ROLE_COLOURS,
    TITLE_COLOURS,
    WHITE,
    blend,
    channels,
    gradient_colour,
    line_width,
    sign_colour,
)
from autograd.drawing.picture import Edge, Group, Node, Picture, Summary, depths_of, groups_in_use, plural
from autograd.drawing.write.text import count_text, identifiers_of, printable

if TYPE_CHECKING:
    import graphviz

FONT, SPACE, NEW_LINE = "Helvetica", "&#160;", "&#10;"
STYLES = {
    "leaf": {"style": "rounded,filled", "margin": "0.03,0.02"},
    "frozen": {"style": "rounded,filled,dashed", "margin": "0.03,0.02"},
    "constant": {"style": "rounded,filled", "fontsize": "9", "fontcolor": QUIET},
    "computed": {"style": "filled", "margin": "0.015"},
    "scope": {"shape": "folder", "style": "filled", "margin": "0.06,0.04"},
    "failed": {"style": "filled", "margin": "0.015", "penwidth": "2.2"},
    "unreached": {"style": "rounded,filled,dotted", "margin": "0.03,0.02"},
    "neuron": {"shape": "circle", "style": "filled"},  # grid.py draws networks
    "cut": {"shape": "plaintext", "fontcolor": QUIET},
}
DIFFERENCES = {mark: {"color": MARK_COLOURS[mark], "penwidth": "2.2"} for mark in ("added", "removed", "changed")}
DIFFERENCES["removed"]["style"] = "filled,dashed"
BADGES = {**MARK_COLOURS, "removed": ALARM}  # white text is hard to read on orange

FEW_GRADIENTS = 3  # a colour scale needs at least this many
FEW_EDGES = 60  # up to this number, if nothing is folded, gradients are written at the edges
MANY_EDGES = 1_000  # beyond this number, the search for a layout is shorter and lines are straight
LONGEST_LINE, LONGEST_TOOLTIP = 88, 2000  # characters
LONGEST_STRING = 4000  # old versions of Graphviz read 16,384 bytes at a time


def digraph_of(picture: Picture, direction: str) -> graphviz.Digraph:
    """Return the visible part of a picture as a ``graphviz.Digraph``. The same picture gives the same DOT text.

    Args:
        picture: nodes, edges and groups.
        direction: ``"LR"`` for inputs left and output right, ``"BT"`` for inputs below and output above.

    >>> picture = Picture((Node("n0", "computed", "2 * a"), Node("n1", "leaf", "a")), (Edge("n1", "n0"),))
    >>> digraph_of(picture, "LR").source.splitlines()[-2]
    '\\tn1 -> n0 [tooltip="a → 2 * a"]'
    """
    import graphviz

    context = Context.of(picture, direction)
    digraph = graphviz.Digraph("graph_of_values")
    digraph.attr(rankdir=direction, nodesep="0.18", ranksep="0.4", fontname=FONT, fontsize="11", fontcolor=QUIET, tooltip=" ")
    if any(node.group for node in context.shown.nodes):
        digraph.attr(newrank="true")  # the default fails if a loop passes through scopes
    if len(context.shown.edges) > MANY_EDGES:  # 3 s instead of minutes for 5,000 edges
        digraph.attr(splines="line", nslimit="0.2", mclimit="0.2")
    digraph.attr("node", shape="box", margin="0", height="0.2", width="0.2")
    digraph.attr("node", fontname=FONT, fontsize="11", fontcolor=INK)
    digraph.attr("edge", color="#8a949e", arrowsize="0.6", fontname=FONT, fontsize="8", fontcolor=QUIET)
    if label := picture_label(context):
        digraph.attr(label=label, labelloc="t", labeljust="l")
    draw_nodes(digraph, context)
    for edge in context.shown.edges:
        digraph.edge(context.names[edge.source], context.names[edge.target], **edge_look(edge, context))
    return digraph


@dataclass(frozen=True)
class Context:
    """Everything that the look of a node or edge depends on besides itself.

    Attributes:
        picture, shown: the whole picture, and its visible part.
        direction: from the inputs to the output.
        groups, nodes: all groups and the visible nodes, by name.
        names: the names of nodes in the DOT text.
        scale: the smallest and largest gradient (root mean square); None if there are too few gradients.
        roomy: whether there is room for gradients at the edges.
    """

    picture: Picture
    shown: Picture
    direction: str
    groups: dict[str, Group]
    nodes: dict[str, Node]
    names: dict[str, str]
    scale: tuple[float, float] | None
    roomy: bool

    @staticmethod
    def of(picture: Picture, direction: str) -> Context:
        shown = picture.visible
        nodes = {node.name: node for node in shown.nodes}
        names = identifiers_of(shown.nodes)
        groups = {group.name: group for group in picture.groups}
        roomy = len(shown.edges) <= FEW_EDGES and all(node.count == 1 for node in shown.nodes)
        return Context(picture, shown, direction, groups, nodes, names, scale_of(shown.nodes), roomy)


# --- colours of gradients -------------------------------------------------------------------------


def gradient_of(node: Node) -> Summary | None:
    """Return the gradient that colours a node, or None."""
    return node.grad if node.grad is not None and node.grad.size and node.role != "constant" else None


def scale_of(nodes: tuple[Node, ...]) -> tuple[float, float] | None:
    """Return the smallest and largest gradient of these nodes that fit on a logarithmic scale."""
    found = [gradient.rms for node in nodes if (gradient := gradient_of(node)) is not None]
    sizes = [size for size in found if 0.0 < size < math.inf]
    return (min(sizes), max(sizes)) if len(sizes) >= FEW_GRADIENTS and min(sizes) < max(sizes) else None


# --- scopes ---------------------------------------------------------------------------------------


def draw_nodes(digraph: graphviz.Digraph, context: Context) -> None:
    """Draw all nodes, those of a scope in its cluster. Clusters are filled from the innermost out, without recursion."""
    import graphviz

    inside: dict[str, list[Node]] = {}
    for node in context.shown.nodes:
        inside.setdefault(node.group, []).append(node)
    depths = depths_of(context.picture.groups)
    groups = groups_in_use(context.picture.groups, context.shown.nodes)
    clusters = {}
    for number, group in enumerate(groups):  # Graphviz draws a frame if the name begins with "cluster"
        clusters[group.name] = graphviz.Digraph(f"cluster_{number}")
    for group in sorted(groups, key=lambda group: -depths[group.name]):
        cluster = clusters[group.name]
        cluster.attr(**cluster_look(group, depths[group.name], context.direction))
        for node in inside.get(group.name, []):
            draw_node(cluster, node, context)
        clusters.get(group.parent, digraph).subgraph(cluster)
    for node in inside.get("", []):
        draw_node(digraph, node, context)


def cluster_look(group: Group, depth: int, direction: str) -> dict[str, str]:
    """Return the attributes of a frame with its title at the top; deeper frames are darker."""
    lines = [group.name, group.kind, count_text(group.count).strip()]
    lines += [plural(number, what) for number, what in ((group.nodes, "node"), (group.parameters, "parameter")) if number]
    top = "b" if direction == "BT" else "t"  # as seen from the first rank
    look = {"label": f"<{scope_title(group)}>", "labelloc": top, "labeljust": "l", "tooltip": tooltip(lines), "margin": "7"}
    return look | {
        "style": "rounded,filled",
        "fillcolor": FRAME_FILLS[min(depth, len(FRAME_FILLS)) - 1],
        "color": FRAME_LINE,
        "penwidth": "1",
    }


def scope_title(group: Group) -> str:
    """Return the title of a scope with its count and class."""
    title = f"<B>{escaped(group.title or group.name)}</B>{bold(count_text(group.count))}"
    return title if group.kind in ("", group.title) else f"{title}{small(group.kind, SPACE * 2)}"


# --- nodes ----------------------------------------------------------------------------------------


def node_look(node: Node, context: Context) -> dict[str, str]:
    """Return the attributes of a node."""
    is_output = node.name in context.shown.roots and node.role == "computed"
    look = dict(STYLES[node.role])
    if node.role != "cut":
        look["fillcolor"], look["color"] = OUTPUT_COLOURS if is_output else ROLE_COLOURS[node.role]
    if is_output:
        look["penwidth"] = "2.2"
    if node.role in ("cut", "neuron"):
        look["label"] = escaped_label(node.title or "…")
    else:
        look["label"] = html_label(node, context)
    for mark in node.marks:
        look |= DIFFERENCES.get(mark, {})
    if node.ordered:
        look["ordering"] = "in"
    return look | {"tooltip": tooltip(node_lines(node, other_names(node)))}


def draw_node(digraph: graphviz.Digraph, node: Node, context: Context) -> None:
    """Draw a node; if its tooltip has no room for all its names, add them as a comment, for searches in the file."""
    name = context.names[node.name]
    digraph.node(name, **node_look(node, context))
    names = printable(", ".join(other_names(node)).replace("\\", "/").replace('"', "'"))
    if len(names) > LONGEST_TOOLTIP:
        parts = (names[at : at + LONGEST_STRING] for at in range(0, len(names), LONGEST_STRING))
        digraph.body.append("\t" + f"{name} [comment=" + " + ".join(f'"{part}"' for part in parts) + "]\n")


def other_names(node: Node) -> list[str]:
    """Return the names of a node other than its title."""
    return [name for name in node.names if name != node.title]


def html_label(node: Node, context: Context) -> str:
    """Return a table in the HTML of Graphviz: the title, the colour of the gradient, marks, then the texts."""
    columns = max(map(len, node.rows), default=1)
    lines = [title_row(node, columns, context), *(text_row(row, columns) for row in node.rows if row)]
    lines = [line for line in lines if line] or [f"<TR><TD>{small(node.op or node.role)}</TD></TR>"]
    colour = strip_row(node, columns, context)  # not in the last row, where rounded corners cut it
    return html_table([lines[0], *colour, *(badge_row(badge_text(node, mark), mark, columns) for mark in node.marks), *lines[1:]])


def strip_row(node: Node, columns: int, context: Context) -> list[str]:
    """Return a thin line in the colour of the gradient, if there is a gradient."""
    gradient = gradient_of(node)
    if gradient is None or context.scale is None:
        return []
    colour = gradient_colour(gradient.rms, *context.scale)
    return [f'<TR><TD COLSPAN="{columns}" HEIGHT="5" CELLPADDING="0" BGCOLOR="{colour}"></TD></TR>']


def title_row(node: Node, columns: int, context: Context) -> str:
    """Return the title and the number of copies, or an empty string."""
    group = context.groups.get(node.name) if node.role == "scope" else None
    if group is not None:
        return f'<TR><TD COLSPAN="{columns}">{scope_title(group)}</TD></TR>'
    if not node.title and node.count == 1:
        return ""
    title = escaped(node.title) if node.role == "constant" or not node.title else f"<B>{escaped(node.title)}</B>"
    colour = TITLE_COLOURS["output" if node.name in context.shown.roots else "computed"]
    tint = f' BGCOLOR="{colour}"' if node.role == "computed" else ""
    copies = count_text(node.count) if node.title else count_text(node.count).strip()
    return f'<TR><TD COLSPAN="{columns}"{tint}>{title}{bold(copies)}</TD></TR>'


def text_row(row: tuple[str, ...], columns: int) -> str:
    """Return a row with one text over the whole width, or with a name and its numbers."""
    first, *others = row
    if not others:
        return f'<TR><TD COLSPAN="{columns}">{small(first)}</TD></TR>'
    cells = [f'<TD ALIGN="RIGHT">{SPACE}{number_cell(text)}{SPACE}</TD>' for text in others]
    return f'<TR><TD ALIGN="LEFT">{small(first, SPACE)}</TD>{"".join(cells)}</TR>'


def badge_text(node: Node, mark: str) -> str:
    """Return a mark with the number of units or elements that have it: ``5 of 32 dead``."""
    counted = next((item for item in (node.data, node.grad) if item is not None and item.bad), None)
    if mark in ("nan", "inf") and counted is not None and counted.size > 1:
        number = counted.nans if mark == "nan" else counted.bad - counted.nans
        return f"{number:,} of {counted.size:,} {mark}" if number else mark
    found = re.match("[0-9,]+ of [0-9,]+", node.notes[0]) if node.notes else None
    return f"{found[0]} {mark}" if mark == "dead" and found else mark


def badge_row(text: str, mark: str, columns: int) -> str:
    """Return a row with a mark, white on its colour."""
    text = f'<FONT POINT-SIZE="9" COLOR="{WHITE}"><B>{escaped(text)}</B></FONT>'
    return f'<TR><TD COLSPAN="{columns}" BGCOLOR="{BADGES.get(mark, QUIET)}">{text}</TD></TR>'


def node_lines(node: Node, names: list[str]) -> list[str]:
    """Return the lines of a tooltip."""
    kind = f"{node.shape} {node.dtype}" if node.shape is not None else node.dtype
    return [
        (node.title or node.op or node.role) + (count_text(node.count) if node.role != "scope" else ""),
        f"a chain of {node.parts:,} operations" if node.parts > 1 else "",
        f"names: {', '.join(names)}" if names else "",
        kind if node.shape else "",
        f"in {node.place}" if node.place else "",
        f"{node.line}: {node.source}".strip(": "),
        *node.marks,
        *node.notes,
    ]


# --- edges ----------------------------------------------------------------------------------------


def edge_look(edge: Edge, context: Context) -> dict[str, str]:
    """Return the attributes of an edge: labels, colour and width."""
    look: dict[str, str] = {}
    label = " ".join(edge_texts(edge, context))
    if label:
        look["label"] = escaped_label(f" {label} ")
    if edge.count > 1:
        look["penwidth"] = f"{min(1.0 + 0.5 * math.log10(edge.count), 3.0):.2f}"
    if edge.strength is not None and math.isfinite(edge.strength):
        look |= strength_look(max(-1.0, min(1.0, edge.strength)))
    for mark in edge.marks:
        look |= {"color": MARK_COLOURS[mark]} if mark in MARK_COLOURS else {"style": "dashed"}
        look |= {"style": "dashed"} if mark == "removed" else {}
    if "cut" in (context.nodes[edge.source].role, context.nodes[edge.target].role):
        look["style"] = "dotted"
    look["tooltip"] = tooltip(edge_lines(edge, context))
    if label:
        look["labeltooltip"] = look["tooltip"]
    return look


def edge_texts(edge: Edge, context: Context) -> list[str]:
    """Return the few texts written at an edge: labels make a picture wide, so the rest is in the tooltip."""
    texts = [edge.label]
    if edge.count != max(context.nodes[edge.source].count, context.nodes[edge.target].count):  # otherwise the nodes show it
        texts.append(count_text(edge.count).strip())
    if context.roomy and context.picture.differentiated and edge.flow is not None and edge.flow.size == 1:
        texts.append(f"{'←' if context.direction == 'LR' else '↓'} {size_text(edge.flow)}")
    return [text for text in texts if text]


def strength_look(strength: float) -> dict[str, str]:
    """Return the colours and width of a strength: blue for positive, orange for negative; the stronger, the darker and wider."""
    hue = channels(sign_colour(strength))
    pale = (222, 226, 230)
    return {
        "color": blend(pale, hue, abs(strength) ** 0.5),
        "penwidth": f"{line_width(strength):.2f}",
        "fontcolor": blend(hue, (0, 0, 0), 0.2),
    }


def edge_lines(edge: Edge, context: Context) -> list[str]:
    """Return the lines of a tooltip."""
    known = context.picture.differentiated
    ends = [
        context.nodes[name].title or context.nodes[name].op or context.nodes[name].role for name in (edge.source, edge.target)
    ]
    return [
        " → ".join(ends) + count_text(edge.count),
        edge.label,
        f"local derivative {size_text(edge.local)}" if known and edge.local is not None and edge.local.size else "",
        f"gradient flowing back {size_text(edge.flow)}" if known and edge.flow is not None and edge.flow.size else "",
        *edge.marks,
    ]


def size_text(summary: Summary) -> str:
    """Return a number in three digits, or the root mean square of several."""
    if summary.size == 1:
        return f"{summary.mean + 0.0:.3g}"
    return f"rms {summary.rms:.3g}"


# --- the heading of the whole picture -------------------------------------------------------------


def picture_label(context: Context) -> str:
    """Return title, notes and legend; "" if there are none."""
    picture = context.picture
    lines = [f'<TR><TD ALIGN="LEFT"><FONT COLOR="{INK}" POINT-SIZE="13"><B>{escaped(picture.title)}</B></FONT></TD></TR>'] * bool(
        picture.title
    )
    for text in (picture.note, *picture.notes):
        wrapped = textwrap.wrap(printable(text), LONGEST_LINE)
        lines += [f'<TR><TD ALIGN="LEFT">{escaped(line)}</TD></TR>' for line in wrapped]
    lines += [legend_row([colour], "", meaning) for colour, meaning in picture.legend]
    if context.scale is not None:
        low, high = min(context.scale[0], context.scale[1] / 10.0), context.scale[1]
        steps = [gradient_colour(low * (high / low) ** (step / 8), low, high) for step in range(9)]
        gradients = [gradient_of(node) for node in context.shown.nodes]
        zero = ", white is zero" if any(g is not None and g.norm == 0.0 for g in gradients) else ""
        lines.append(legend_row(steps, f"gradient (rms) {low:.2g} ", f"{high:.2g}{zero}"))
    return html_table(lines) if lines else ""


def legend_row(colours: list[str], before: str, after: str) -> str:
    """Return squares in some colours, and their meaning. They are text, because cells are stretched to the widest note."""
    known = [colour for colour in colours if re.fullmatch("#[0-9a-fA-F]{6}", colour)]
    squares = "".join(f'<FONT COLOR="{colour}">█</FONT>' for colour in known)
    return f'<TR><TD ALIGN="LEFT">{small(before)}{squares}{small(after, SPACE)}</TD></TR>'


# --- texts ----------------------------------------------------------------------------------------


def html_table(lines: list[str]) -> str:
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{"".join(lines)}</TABLE>>'


def number_cell(text: str) -> str:
    """Return a number, inf and nan in red, or the heading of a column."""
    if text.lstrip("-") in ("inf", "nan"):
        return f'<FONT COLOR="{ALARM}"><B>{text}</B></FONT>'
    return small(text) if text.isalpha() else escaped(text)


def small(text: str, before: str = "") -> str:
    return f'<FONT POINT-SIZE="9" COLOR="{QUIET}">{before}{escaped(text)}</FONT>' if text else ""


def bold(text: str) -> str:
    return f'<FONT COLOR="{QUIET}"><B>{text.replace(" ", SPACE)}</B></FONT>' if text else ""


def escaped(text: str) -> str:
    r"""Escape a text for use inside a table: Graphviz replaces ``\N`` by the name of the node.

    In old versions, a label that consists of a bracket is an error.
    """
    return html.escape(printable(text)).replace("\\", "\\\\").replace("]", "&#93;")


def escaped_label(text: str) -> str:
    """Escape a text for use as a plain label, in which Graphviz reads entities such as ``&lt;``."""
    return html.escape(printable(text), quote=False).replace("\\", "\\\\")


def tooltip(lines: list[str]) -> str:
    """Return a tooltip with a line for each text, and slashes for backslashes, whose meaning depends on the version."""
    texts = [printable(line.replace("\\", "/")) for line in lines if line]
    whole = [text if len(text) <= LONGEST_TOOLTIP else text[: LONGEST_TOOLTIP - 1] + "…" for text in texts]
    return NEW_LINE.join(html.escape(text) for text in whole) or " "

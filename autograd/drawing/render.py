"""From a picture to DOT text and files. The only module that knows graphviz.

Layout and drawing are the work of Graphviz' `dot`, or of graphviz-pure, which pip can install.
"""

from __future__ import annotations

import html
import re
import shutil
import sysconfig
import threading
import warnings
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from autograd.drawing.picture import Node, Picture, picture_of
from autograd.value import Value

if TYPE_CHECKING:
    import graphviz  # at run time where it is used: a tenth of the time that `import autograd` would take

FORMATS = (".svg", ".png", ".pdf", ".dot", ".gv")
DIRECTIONS = {"LR": "inputs left, output right", "BT": "inputs below, output above"}
GRAPHVIZ = "Graphviz (https://graphviz.org/download)"

FONT, SPACE = "Helvetica", "&#160;"
# Blue and orange of Okabe and Ito's palette, which the colour-blind tell apart; outlines differ as well.
INK, QUIET, ALARM = "#1a1a1a", "#5f6b76", "#b03a00"
TINTS = ("#edf0f3", "#f8d9a8")  # behind the title of a computed node, and of the output
STYLES = {
    "leaf": {"style": "rounded,filled", "margin": "0.03,0.02", "fillcolor": "#deecf7", "color": "#0072b2"},
    "frozen": {"style": "rounded,filled,dashed", "margin": "0.03,0.02", "fillcolor": "#f4f8fb", "color": "#0072b2"},
    "computed": {"style": "filled", "margin": "0.015", "fillcolor": "#ffffff", "color": "#7d8894"},
    "constant": {
        "style": "rounded,filled",
        "fillcolor": "#f1f1f1",
        "color": "#f1f1f1",
        "fontsize": "9",
        "fontcolor": QUIET,
    },
}
OUTPUT = {"fillcolor": "#fdebd0", "color": "#b86e00", "penwidth": "2.2"}

_one_at_a_time = threading.Lock()  # the path of the executable is a global of the graphviz package


class NoRenderer(Exception):
    """Nothing here can draw the format; the message says what to install."""


def draw(value: Value, *, max_nodes: int = 150, direction: str = "LR") -> Drawing:
    """A picture of the graph below a Value, with the data and gradients of this moment.

    Leaves are blue and rounded, dashed if frozen; constants are grey; the output is orange. Hovering
    over a node of an SVG shows the module that computed it.

    Args:
        value: the output; what it was computed from is drawn.
        max_nodes: of a larger graph, the nodes nearest to the output are drawn, and a note says so.
        direction: ``"LR"`` for inputs left and output right, ``"BT"`` for inputs below and output above.

    Raises:
        TypeError: if `value` is not a Value.
        ValueError: for another direction, or less than one node.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> drawing = draw((a * b + 10.0).tanh())
    >>> drawing
    <Drawing of 6 nodes and 5 edges>
    >>> [node.title for node in drawing.nodes]
    ['tanh', '• + 10', 'a * b', '10', 'a', 'b']
    """
    if not isinstance(value, Value):
        raise TypeError(
            f"draw(value) takes the Value whose graph is to be drawn, but got {type(value).__name__}: "
            "pass the result of a computation with Values, such as a loss or model(x)"
        )
    if direction not in DIRECTIONS:
        choices = " or ".join(f"{name!r} ({meaning})" for name, meaning in DIRECTIONS.items())
        raise ValueError(f"draw(direction=...) takes {choices}, but got {direction!r}")
    if not isinstance(max_nodes, int) or max_nodes < 1:
        raise ValueError(f"draw(max_nodes=...) takes a whole number from 1 on, but got {max_nodes!r}")
    return Drawing(picture_of(value, max_nodes), direction)


class Drawing:
    """A picture of a graph: shown by notebooks as it is, written to files by save().

    Attributes:
        nodes, edges: what is drawn; nodes have a title and rows of text, edges are pairs of node names.
        total: the number of nodes of the whole graph.
        note: what is left out, or an empty string.
        digraph: the picture as a ``graphviz.Digraph``, to be changed at will.
    """

    def __init__(self, picture: Picture, direction: str) -> None:
        self.nodes, self.edges, self.total, self.note = picture.nodes, picture.edges, picture.total, picture.note
        self.digraph = digraph_of(picture, direction)

    @property
    def source(self) -> str:
        """The DOT text, the same for the same graph."""
        return str(self.digraph.source)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture, in the format that the suffix names: .svg, .png, .pdf, or .dot and .gv for text.

        Folders are made. Where nothing is installed that could draw the format, the DOT text is written
        beside it instead, with a warning that says what to install.

        Returns:
            The path of the file that was written.

        Raises:
            ValueError: for any other suffix.

        >>> from tempfile import TemporaryDirectory
        >>> from autograd import Value
        >>> with TemporaryDirectory() as folder:
        ...     path = draw(Value(2.0) * 3.0).save(f"{folder}/pictures/product.dot")
        ...     path.name, path.read_text().split()[0]
        ('product.dot', 'digraph')
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in FORMATS:
            raise ValueError(f"save({str(path)!r}) takes a path that ends with one of {', '.join(FORMATS)}, but got {suffix!r}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix not in (".dot", ".gv"):
            try:
                path.write_bytes(rendered(self.digraph, suffix[1:]))
                return path
            except NoRenderer as reason:
                wanted, path = path, path.with_suffix(".dot")
                warnings.warn(f"{path} was written, the graph as text, instead of {wanted.name}: {reason}", stacklevel=2)
        path.write_text(self.source, encoding="utf-8")
        return path

    def _repr_svg_(self) -> str | None:
        return self._repr_mimebundle_().get("image/svg+xml")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """What a notebook shows: the picture, or a text that says what to install for it."""
        try:
            return {"image/svg+xml": rendered(self.digraph, "svg").decode("utf-8"), "text/plain": repr(self)}
        except NoRenderer as reason:
            return {"text/plain": f"{self!r}, not shown: {reason}"}

    def __repr__(self) -> str:
        counts = f"{len(self.nodes):,} nodes and {len(self.edges):,} edges"
        return f"<Drawing of {counts}{f', of {self.total:,} nodes in the graph' if self.note else ''}>"


# --- DOT text -------------------------------------------------------------------------------------


def digraph_of(picture: Picture, direction: str) -> graphviz.Digraph:
    """The picture as a graph of the graphviz package."""
    import graphviz

    digraph = graphviz.Digraph("graph_of_values")
    digraph.attr(rankdir=direction, nodesep="0.18", ranksep="0.4", fontname=FONT, fontsize="11", fontcolor=QUIET)
    if picture.note:
        digraph.attr(label=picture.note, labelloc="t", labeljust="l")
    digraph.attr("node", shape="box", margin="0", height="0.2", width="0.2")
    digraph.attr("node", fontname=FONT, fontsize="11", fontcolor=INK)
    digraph.attr("edge", color="#8a949e", arrowsize="0.6")
    for node in picture.nodes:
        output = OUTPUT if node.name == "n0" else {}
        tooltip = {"tooltip": tooltip_text(node.place)} if node.place else {}
        ordering = {"ordering": "in"} if node.ordered else {}
        digraph.node(node.name, html_label(node), **{**STYLES[node.role], **output, **ordering, **tooltip})
        if node.cut:
            digraph.node(f"{node.name}_cut", "…", shape="plaintext", fontcolor=QUIET)
            digraph.edge(f"{node.name}_cut", node.name, style="dotted")
    for source, target in picture.edges:
        digraph.edge(source, target)
    return digraph


def html_label(node: Node) -> str:
    """A table in Graphviz' HTML: the title in one row, the texts below it."""
    columns = max(map(len, node.rows), default=1)
    lines = []
    if node.title:
        title = escaped(node.title) if node.role == "constant" else f"<B>{escaped(node.title)}</B>"
        tint = f' BGCOLOR="{TINTS[node.name == "n0"]}"' if node.role == "computed" else ""
        lines.append(f'<TR><TD COLSPAN="{columns}"{tint}>{title}</TD></TR>')
    for first, *others in node.rows:
        if others:
            cells = [
                f'<TD ALIGN="LEFT">{small(first, SPACE)}</TD>',
                *(f'<TD ALIGN="RIGHT">{SPACE}{cell(text)}{SPACE}</TD>' for text in others),
            ]
        else:
            cells = [f'<TD COLSPAN="{columns}">{small(first)}</TD>']
        lines.append(f"<TR>{''.join(cells)}</TR>")
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{"".join(lines)}</TABLE>>'


def cell(text: str) -> str:
    """A number, inf and nan in red; or the head of a column."""
    if text.lstrip("-") in ("inf", "nan"):
        return f'<FONT COLOR="{ALARM}"><B>{text}</B></FONT>'
    return small(text) if text.isalpha() else text


def small(text: str, before: str = "") -> str:
    return f'<FONT POINT-SIZE="9" COLOR="{QUIET}">{before}{escaped(text)}</FONT>' if text else ""


def escaped(text: str) -> str:
    """Any text inside of a table; Graphviz would replace a single backslash and an N by the name of the node."""
    return html.escape(printable(text)).replace("\\", "\\\\")


def tooltip_text(text: str) -> str:
    """Any text as a tooltip. How often a backslash must be doubled there depends on the version of Graphviz."""
    return html.escape(printable(text.replace("\\", "/")))


def printable(text: str) -> str:
    """`text` on one line, without the characters that XML does not allow."""
    return re.sub(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", re.sub(r"\s+", " ", text))


# --- pictures -------------------------------------------------------------------------------------


def executable() -> str | None:
    """The path of `dot`, else of graphviz-pure where pip puts commands or on PATH, or None."""
    beside = shutil.which("graphviz-pure", path=sysconfig.get_path("scripts"))
    return shutil.which("dot") or beside or shutil.which("graphviz-pure")


def rendered(digraph: graphviz.Digraph, kind: str) -> bytes:
    """The contents of a picture file; NoRenderer if nothing is installed that could make it."""
    import graphviz
    from graphviz.backend import dot_command

    found = executable()
    if found is None:
        raise NoRenderer(f"for pictures, pip install 'valuegrad[draw]', or install {GRAPHVIZ}")
    if kind == "png":
        digraph = digraph.copy()
        digraph.attr(dpi="192")
    with _one_at_a_time:
        usual, dot_command.DOT_BINARY = dot_command.DOT_BINARY, Path(found)
        try:
            return bytes(digraph.pipe(kind, quiet=True))
        except graphviz.CalledProcessError as error:
            if b"not recognized" not in error.stderr:
                raise
            raise NoRenderer(f"{Path(found).stem} cannot write {kind}, save as .svg, or install {GRAPHVIZ}") from None
        finally:
            dot_command.DOT_BINARY = usual

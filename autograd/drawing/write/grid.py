"""Writes a network of neurons as DOT: a regular grid, as in textbooks. dot.py writes all other pictures.

All positions are computed here, and Graphviz (`neato`) only draws: its layouts shift neurons to shorten lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograd.drawing.palette import ALARM, BLUE, INK, ORANGE, QUIET, ink_on, line_width, sign_colour
from autograd.drawing.picture import Edge, Node, Picture
from autograd.drawing.write.dot import FONT, SPACE, escaped, node_lines, tooltip

if TYPE_CHECKING:
    import graphviz  # imported in functions: it takes a tenth of the time of `import autograd`

Point = tuple[float, float]

DISC = 0.62  # the diameter of a neuron; all lengths are in inches
STEP, GAP = 0.82, {"LR": 2.2, "BT": 1.7}  # the least distances between neurons of a layer, and between layers
TEXT = {"LR": 0.18, "BT": 0.42}  # the room that a weight takes beside the next one: its height or its width
APART = {"LR": 0.62, "BT": 0.5}  # additional distance between layers for each weight written between two neurons
NO_WEIGHT = "#c4cad0"
WRITTEN = {ORANGE: "#a84900"}  # text must be darker than a line to be read
FEW_NAMES = 3  # in a tooltip, as the name of each weight is also a name of its neuron


def grid_of(picture: Picture, direction: str) -> graphviz.Digraph:
    """Return the picture of a network as a ``graphviz.Digraph``. The same picture gives the same text.

    Args:
        picture: its groups are the layers, each with its neurons in order.
        direction: ``"LR"`` for inputs left and output right, ``"BT"`` for inputs below and output above.
    """
    import graphviz

    grid = Grid.of(picture, direction)
    digraph = graphviz.Digraph("network", engine="neato")
    digraph.attr(layout="neato", splines="line", outputorder="edgesfirst", bgcolor="white", pad="0.15", tooltip=" ")
    digraph.attr(fontname=FONT, fontsize="11", fontcolor=QUIET)
    digraph.attr("node", shape="circle", fixedsize="true", width=str(DISC), style="filled", penwidth="0", fontname=FONT)
    digraph.attr("edge", arrowhead="none", fontname=FONT)
    if label := picture_label(picture):
        digraph.attr(label=label, labelloc="t", labeljust="l")
    for number in range(len(grid.columns)):
        draw_caption(digraph, grid, number)
    for node in picture.nodes:
        digraph.node(node.name, pos=position(grid.points[node.name]), **neuron_look(node))
    for edge in sorted(picture.edges, key=lambda edge: abs(edge.strength or 0.0)):  # the strong ones on top
        digraph.edge(edge.source, edge.target, **line_look(edge, grid))
    for number, edge in enumerate(edge for edge in picture.edges if edge.label):
        digraph.node(f"weight{number}", edge.label, pos=position(grid.point_on(edge)), **weight_look(edge, grid))
    return digraph


@dataclass(frozen=True)
class Grid:
    """The positions of all nodes.

    Attributes:
        direction: from the inputs to the output.
        titles: the titles of the layers.
        columns: the nodes of each layer, in order.
        layer: the number of the layer of each node.
        nodes: the nodes by name.
        points: the centre of each node.
        step, gap: the distance between neurons of a layer, and between layers.
    """

    direction: str
    titles: list[str]
    columns: list[list[Node]]
    layer: dict[str, int]
    nodes: dict[str, Node]
    points: dict[str, Point]
    step: float
    gap: float

    @staticmethod
    def of(picture: Picture, direction: str) -> Grid:
        """Return a grid with room for weights, if they are written, and for many lines."""
        columns = [[node for node in picture.nodes if node.group == group.name] for group in picture.groups]
        fans = [min(len(first), len(second)) + 1 for first, second in zip(columns, columns[1:], strict=False)]
        fan = max(fans, default=0) if any(edge.label for edge in picture.edges) else 0
        step = max(STEP, TEXT[direction] * fan)
        gap = max(GAP[direction], 0.22 * max(map(len, columns)), APART[direction] * fan)
        layer = {node.name: number for number, column in enumerate(columns) for node in column}
        nodes = {node.name: node for node in picture.nodes}
        grid = Grid(direction, [group.title for group in picture.groups], columns, layer, nodes, {}, step, gap)
        for number, column in enumerate(columns):
            for index, node in enumerate(column):
                grid.points[node.name] = grid.turned(number * gap, (index - (len(column) - 1) / 2) * step)
        return grid

    @property
    def half(self) -> float:
        """The distance from the middle of the largest layer to its end."""
        return (max(map(len, self.columns)) - 1) / 2 * self.step + DISC / 2

    def turned(self, along: float, across: float) -> Point:
        """Return the point at distances along the direction and across it: downwards in "LR", to the right in "BT"."""
        return (along, -across) if self.direction == "LR" else (across, along)

    def point_on(self, edge: Edge) -> Point:
        """Return the point on a line at which its weight is written.

        There the lines between two layers cross a column at equal distances: with n targets a step apart, the lines of one
        source are step / (n + 1) apart, as far as the last line of one source is from the first of the next.
        """
        sources, targets = (len(self.columns[self.layer[name]]) for name in (edge.source, edge.target))
        part = 1.0 / (targets + 1) if targets <= sources else 1.0 - 1.0 / (sources + 1)
        (x, y), (to_x, to_y) = self.points[edge.source], self.points[edge.target]
        return x + part * (to_x - x), y + part * (to_y - y)


def position(point: Point) -> str:
    """Return a position that Graphviz does not change."""
    return f"{point[0]:.4f},{point[1]:.4f}!"


def draw_caption(digraph: graphviz.Digraph, grid: Grid, number: int) -> None:
    """Draw the title of a layer and its functions: above its column in "LR", left of its row in "BT"."""
    title, *functions = grid.titles[number].split(", ")
    lines = [f"<B>{escaped(title)}</B>", *(escaped(function) for function in functions)]
    if grid.direction == "LR":
        point = (number * grid.gap, grid.half + 0.12 + 0.1 * len(lines))
        label = "<BR/>".join(lines)
    else:
        width = 0.092 * max(len(title), *map(len, functions), 1)  # about the width of the text, to align the ends
        point = (-grid.half - 0.25 - width / 2, number * grid.gap)
        label = "".join(f'{line}<BR ALIGN="RIGHT"/>' for line in lines)
    colour = grid.columns[number][0].op
    digraph.node(
        f"caption{number}", f"<{label}>", pos=position(point), shape="plaintext", style="", fixedsize="false",
        fontsize="12", fontcolor=colour, tooltip=tooltip([title]),
    )  # fmt: skip


def neuron_look(node: Node) -> dict[str, str]:
    """Return the attributes of a disc with title and bias, or of a dashed ring for neurons that are left out."""
    size = 12 if len(node.title) < 7 else 8
    texts = [f'<BR/><FONT POINT-SIZE="8">{escaped(text)}</FONT>' for row in node.rows for text in row]
    names = list(node.names[:FEW_NAMES]) + ["…"] * (len(node.names) > FEW_NAMES)
    look = {
        "label": f"<<B>{escaped(node.title)}</B>{''.join(texts)}>",
        "fontsize": str(size),
        "tooltip": tooltip(node_lines(node, names)),
    }
    if node.role == "cut":
        return look | {"fillcolor": "white", "fontcolor": node.op, "color": node.op, "penwidth": "1", "style": "filled,dashed"}
    look |= {"fillcolor": node.op, "fontcolor": ink_on(node.op)}
    return look | ({"color": ALARM, "penwidth": "3"} if node.marks else {})


def line_look(edge: Edge, grid: Grid) -> dict[str, str]:
    """Return the attributes of a line: colour by the sign of its weight, width by its size; weak lines are transparent."""
    strength = edge.strength or 0.0
    colour = ink_of(edge, NO_WEIGHT)
    if not edge.label and not edge.marks:
        colour += f"{90 + round(165 * abs(strength)):02x}"
    style = {"style": "dashed"} if edge.marks else {}
    return {
        "color": colour,
        "penwidth": f"{line_width(strength):.2f}",
        "tooltip": tooltip(list(edge_lines(edge, grid))),
        **style,
    }


def weight_look(edge: Edge, grid: Grid) -> dict[str, str]:
    """Return the attributes of a number on its line."""
    colour = ink_of(edge, QUIET)
    return {
        "shape": "box", "style": "filled,rounded", "fillcolor": "white", "fixedsize": "false",
        "width": "0.3", "height": "0.15", "margin": "0.01,0", "fontsize": "9", "fontcolor": WRITTEN.get(colour, colour),
        "tooltip": tooltip(list(edge_lines(edge, grid))),
    }  # fmt: skip


def ink_of(edge: Edge, zero: str) -> str:
    """Return the colour of a line: blue for positive, orange for negative, red for NaN and infinity."""
    if edge.marks:
        return ALARM
    return sign_colour(edge.strength) if edge.strength else zero


def edge_lines(edge: Edge, grid: Grid) -> Iterator[str]:
    """Yield the lines of a tooltip."""
    yield f"{grid.nodes[edge.source].title} → {grid.nodes[edge.target].title}"
    if edge.local is not None:
        yield f"weight {edge.local.mean:.6g}"
    if edge.flow is not None:
        yield f"gradient {edge.flow.mean:.6g}"


def picture_label(picture: Picture) -> str:
    """Return title, notes and legend; "" if there are none."""
    lines = [f'<FONT COLOR="{INK}" POINT-SIZE="14"><B>{escaped(picture.title)}</B></FONT>'] if picture.title else []
    lines += [escaped(note) for note in picture.notes]
    for colour, meaning in picture.legend:
        lines.append(f'<FONT COLOR="{colour}"><B>{"—" if colour in (BLUE, ORANGE) else "●"}</B></FONT>{SPACE}{escaped(meaning)}')
    return "<" + "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines) + ">" if lines else ""

"""Writes a picture as plain text: a tree from the output down, for terminals, logs and screen readers.

If only one operand of a node has operands itself, it continues at the same depth, marked ▼, so that a chain of a thousand
operations stays narrow. A node that is used twice is written once, and referred to after that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from autograd.drawing.picture import Edge, Group, Node, Picture, Summary, number_text

DEEPEST = 10  # levels of indentation; deeper parts are written further down
WIDEST = 48  # characters of the column with the titles

#: Control characters, lone surrogates, and marks that change the direction of the text.
UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def tree_of(picture: Picture) -> str:
    """Return a line for each visible node, from the output down, with its count, shape, numbers and marks.

    ``▼`` leads to an operand at the same depth, ``↑ a`` refers to a line above, ``↓ a`` to one below; scopes are
    named in brackets where they begin. The same picture gives the same text.

    >>> from autograd.drawing.picture import Edge
    >>> nodes = Node("n0", "computed", "d = a * b"), Node("n1", "leaf", "a"), Node("n2", "constant", "2")
    >>> print(tree_of(Picture(nodes, (Edge("n1", "n0"), Edge("n2", "n0", 1)))), end="")
    d = a * b
    ├─ a
    └─ 2
    """
    tree = TreeWriter(picture)
    tree.write_all()
    width = min(WIDEST, max((len(left) for left, right in tree.lines if right), default=0))
    heading = heading_of(picture)
    lines = [f"{left:<{width}}  {right}" if right else left for left, right in tree.lines]
    return "\n".join([*heading, *([""] if heading and lines else []), *lines]) + "\n"


class TreeWriter:
    """Collects the lines of a tree: (titles, numbers)."""

    def __init__(self, picture: Picture) -> None:
        self.groups = {group.name: group for group in picture.groups}
        shown = picture.visible
        self.roots, self.outputs = shown.roots, shown.outputs
        self.nodes = {node.name: node for node in shown.nodes}
        self.operands: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        uses = dict.fromkeys(self.nodes, 0)
        used = set()
        for edge in sorted(shown.edges, key=lambda edge: edge.slot):
            self.operands[edge.target].append(edge)
            uses[edge.source] += 1 + (edge.source == edge.target)  # a loop always needs a reference
            used.update({edge.source} - {edge.target})
        self.ends = [name for name in self.nodes if name not in used]
        seen = Counter(node.title for node in shown.nodes)
        self.ambiguous = {name for name, node in self.nodes.items() if not node.title or seen[node.title] > 1}
        self.referred = {name for name, number in uses.items() if number > 1}
        self.written: set[str] = set()
        self.lines: list[tuple[str, str]] = []

    def write_all(self) -> None:
        """Write the trees of the outputs, then the nodes not below them: other results, and unreached parameters."""
        for root in self.roots:
            if root in self.nodes and root not in self.written:
                self.lines += [("", "")] * bool(self.lines)
                self.write(root)
        rest = [name for name in (*self.ends, *self.nodes) if name not in self.written]
        if rest:
            self.lines += [("", ""), ("not below the outputs:" if len(self.roots) > 1 else "not below the output:", "")]
        for name in rest:
            if name not in self.written:
                self.write(name)

    def write(self, first: str) -> None:
        """Write the tree below a node, then the parts of it that are too deep."""
        blocks = [first]
        for start in blocks:  # the list grows during the loop
            if start in self.written:
                continue
            if start != first:
                self.lines.append(("", ""))
            todo = [("", "", start, "", "")]
            while todo:
                prefix, branch, name, number, around = todo.pop()
                node = self.nodes[name]
                if name in self.written:
                    self.lines.append((f"{prefix}{branch}{number}↑ {self.title(node)}", ""))
                elif self.operands[name] and len(prefix) >= 3 * DEEPEST:
                    self.referred.add(name)
                    blocks.append(name)
                    self.lines.append((f"{prefix}{branch}{number}↓ {self.title(node)}", ""))
                else:
                    self.write_node(node, prefix, branch, number, around)
                    inner = prefix + {"├─ ": "│  ", "└─ ": "   "}.get(branch, "")
                    todo += reversed(self.below(node, inner))

    def write_node(self, node: Node, prefix: str, branch: str, number: str, around: str) -> None:
        """Write the line of a node, after the names of the scopes that begin there."""
        entered = self.entered(node.group, around) if self.operands[node.name] else []
        if entered:
            self.lines.append((f"{prefix}{'│ ' if branch else ''}[{' / '.join(entered)}]", ""))
        self.written.add(node.name)
        texts = [*texts_of(node), *["output"] * (node.name in self.outputs)]
        self.lines.append((f"{prefix}{branch}{number}{self.title(node)}{self.after_title(node)}", "  ".join(texts)))

    def below(self, node: Node, prefix: str) -> list[tuple[str, str, str, str, str]]:
        """Return the operands of a node with their prefixes, in the order of writing."""
        edges = self.operands[node.name]
        deep = [edge for edge in edges if self.operands[edge.source] and edge.source not in self.written]
        in_line = len(deep) == 1
        ordered = [edge for edge in edges if edge is not deep[0]] + deep if in_line else edges
        branches = ["├─ "] * (len(edges) - 1) + ["▼ " if in_line else "└─ "]
        numbered = node.ordered and ordered != edges
        return [
            (prefix, branch, edge.source, f"{edge.slot + 1}) " if numbered else "", node.group)
            for edge, branch in zip(ordered, branches, strict=False)
        ]

    def entered(self, name: str, around: str) -> list[str]:
        """Return the scope `name` and those around it, outermost first, without those that also hold the scope `around`."""
        known = {""}
        while around not in known:
            known.add(around)
            around = self.groups[around].parent
        found: list[str] = []
        while name not in known:
            found.insert(0, group_text(self.groups[name]))
            name = self.groups[name].parent
        return found

    def title(self, node: Node) -> str:
        """Return the title of a node, with its name if a line refers to it and other nodes have the same title."""
        title = printable(node.title) or node.op or node.role
        return f"{title} ({node.name})" if node.name in self.ambiguous & self.referred else title

    def after_title(self, node: Node) -> str:
        """Return what follows the title: ``" ×16"`` for copies, and the class of a collapsed scope."""
        group = self.groups.get(node.name)
        if group is None or node.role != "scope":
            return "" if node.role == "cut" else count_text(node.count)
        return group_text(group).removeprefix(printable(group.title or group.name))


def heading_of(picture: Picture) -> list[str]:
    """Return the heading of a picture: title and notes, each on one line."""
    return [printable(text) for text in (picture.title, picture.note, *picture.notes) if text]


def identifiers_of(nodes: Iterable[Node]) -> dict[str, str]:
    """Return names without a meaning in DOT and Mermaid, where a colon marks a port and "end" a keyword."""
    names = [node.name for node in nodes]
    return {name: name if re.fullmatch(r"n\d+", name) else f"x{number}" for number, name in enumerate(names)}


def texts_of(node: Node) -> list[str]:
    """Return the other texts of a node: ``["(2, 3)", "data -1.0000 … 2.0000", "grad norm 0.5000", "! zero gradient"]``."""
    size = [str(node.shape)] if node.shape else []
    if node.role == "scope":
        size = [cell for row in node.rows for cell in row]
    parts = f"{node.parts:,} operations{' each' * (node.count > 1)}" if node.parts > 1 else ""
    grad = node.grad
    data = "" if node.role == "constant" and node.title else summary_text("data", node.data)
    texts = [*size, parts, data, summary_text("grad", grad), *(f"! {mark}" for mark in node.marks)]
    return [text for text in texts if text]


def summary_text(what: str, summary: Summary | None) -> str:
    """Return a number in full; for several their range, or the norm of a gradient."""
    if summary is None or not summary.size:
        return ""
    if summary.size == 1:
        return f"{what} {number_text(summary.mean)}"
    if what == "grad":
        return f"grad norm {number_text(summary.norm)}"
    return f"{what} {number_text(summary.minimum)} … {number_text(summary.maximum)}"


def group_text(group: Group) -> str:
    """Return the title of a group: ``"layers.0 ×16, Neuron"``."""
    title = printable(group.title or group.name) + count_text(group.count)
    return title if group.kind in ("", group.title) else f"{title}, {printable(group.kind)}"


def count_text(count: int) -> str:
    """Return ``" ×16"``; an empty string for one."""
    return f" ×{count:,}" if count > 1 else ""


def printable(text: str) -> str:
    """Return a text on one line, without characters that XML does not allow or that change the direction of the text."""
    return UNPRINTABLE.sub("\ufffd", re.sub(r"\s+", " ", text))

"""draw() turns a Value, a function or an exception into a Drawing, which notebooks show and save() writes in any format."""

from __future__ import annotations

import inspect
import json
import re
import sys
import tempfile
import warnings
import webbrowser
from dataclasses import replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd.drawing.compare import compare_pictures
from autograd.drawing.failure import failed_root, marked_as_failed, model_of
from autograd.drawing.picture import Edge, Group, Node, Picture, plural
from autograd.drawing.read.budget import fit_to_budget
from autograd.drawing.read.compose import LIMIT, Composer
from autograd.drawing.read.folded_graph import fold_graph
from autograd.drawing.read.folding import find_copies, no_copies
from autograd.drawing.read.gradients import cotangents_of
from autograd.drawing.read.graph import Outputs, index_graph, without_collector
from autograd.drawing.read.marks import with_marks
from autograd.drawing.write.dot import digraph_of
from autograd.drawing.write.grid import grid_of
from autograd.drawing.write.mermaid import mermaid_of
from autograd.drawing.write.page import page_of
from autograd.drawing.write.render import NoRenderer, inline_svg, rendered
from autograd.drawing.write.text import tree_of
from autograd.scopes import Place, record_lines
from autograd.transforms.trees import is_dataclass, is_module, map_tree, state_kept
from autograd.value import Value
from autograd.web import jsonable

if TYPE_CHECKING:
    import graphviz  # imported in functions: it takes a tenth of the time of `import autograd`

PICTURES = (".svg", ".png", ".pdf")
TEXTS = (".dot", ".gv", ".mmd", ".mermaid", ".txt", ".json", ".html")
UNRECORDED = "the output is a leaf: nothing was recorded, as under no_grad()"
DIRECTIONS = {"LR": "inputs left, output right", "BT": "inputs below, output above"}


def draw(
    what: Any,
    *inputs: Any,
    max_nodes: int = 150,
    fold: bool | None = None,
    depth: int | None = None,
    direction: str = "LR",
    parameters: Any = None,
    title: str = "",
) -> Drawing:
    """Draw the graph of a Value, or of a function, with its current data and gradients.

    Leaves are blue and rounded, dashed if frozen; constants are grey; the output is orange. Modules and scopes
    are frames. If a graph is larger than `max_nodes`, copies of the same structure (samples, neurons, time
    steps) are drawn once and marked ``×16``; then scopes are collapsed, the innermost first; then the nodes farthest
    from the output are left out. `drawing.note` tells what was done.

    Args:
        what: the output, a Value, or several in a list, tuple, dict or dataclass, all in one picture; or a function
            that returns one of these when called with the inputs; or an exception that such a function raised, to draw
            the graph up to the operation that failed.
        inputs: the arguments of a function. Floats and floating arrays, also in lists, tuples, dicts and
            dataclasses, become Values named after the parameters; modules, integers and everything else are
            passed unchanged. Source lines are recorded, and `.grad` is left alone: the picture shows the gradients of
            this call.
        max_nodes: the largest number of nodes to draw, not counting the dots for nodes that are left out.
        fold: True folds copies in small graphs as well, False never.
        depth: scopes nested deeper are collapsed; by default as few as needed to stay within `max_nodes`.
        direction: ``"LR"`` for inputs left and output right, ``"BT"`` for inputs below and output above.
        parameters: a module, or a dict of Values, to name the leaves and to mark those that the output does
            not depend on. Modules that were called in the graph are found without it.
        title: a heading.

    Raises:
        TypeError: if `what` is none of these, inputs are given with a Value, the function returns no Value, or `parameters`
            holds none.
        ValueError: for an unknown direction, fewer than one node, or a negative depth.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> drawing = draw((a * b + 10.0).tanh())
    >>> drawing
    <Drawing of 6 nodes and 5 edges>
    >>> [node.title for node in drawing.nodes]
    ['tanh', '• + 10', '10', 'a * b', 'b', 'a']
    >>> [node.title for node in draw({"twice": a * 2.0, "square": a * a}).nodes]
    ['twice = a * 2', '2', 'square = a * a', 'a']
    """
    check_options(max_nodes, depth, direction)
    given = what.__class__ is Value or is_nesting(what)
    if inputs and (isinstance(what, BaseException) or given):
        raise TypeError("draw(value) takes no inputs: they are for a function, draw(f, *inputs)")
    if isinstance(what, BaseException):
        stand_in, name, cause = failed_root(what)
        parameters = model_of(what) if parameters is None else parameters
        picture = picture_of([("", stand_in)], max_nodes, fold, depth, parameters, flows=False)
        return Drawing(replace(marked_as_failed(picture, name, cause, what, depth, max_nodes), title=title), direction)
    labels: dict[int, str] = {}
    result = what if given else evaluated(what, inputs, labels)
    outputs, notes = outputs_of(result)
    if not outputs:
        raise TypeError(without_outputs(result, given))
    notes += [UNRECORDED] if not given and all(value.op is None for _, value in outputs) else []
    here = None if given else Place([])  # the line of this call, not shown for Values that library code computes
    picture = picture_of(outputs, max_nodes, fold, depth, parameters, own_pass=not given, labels=labels, here=here)
    return Drawing(replace(picture, title=title, notes=(*notes, *picture.notes)), direction)


def picture_of(
    outputs: Outputs,
    max_nodes: int,
    fold: bool | None,
    depth: int | None,
    parameters: Any,
    *,
    own_pass: bool = False,
    flows: bool = True,
    labels: dict[int, str] | None = None,
    here: Place | None = None,
) -> Picture:
    """Return the picture of the graph below some outputs: the steps of autograd/drawing/read, in order.

    With `own_pass` the gradients come from a separate backward pass, otherwise from `.grad`.
    """
    with without_collector():
        graph = index_graph(outputs, parameters, labels)
        fold = graph.total > max_nodes if fold is None else fold
        folding = find_copies(graph, max(1, 2 * max_nodes // 3)) if fold else no_copies(graph)
        folded = fold_graph(graph, folding)
        leaves, nodes = graph.values[: graph.leaves], graph.values[graph.leaves :]
        ends = [graph.values[number] for number in graph.outputs]
        cotangents, seeds, notes = cotangents_of(nodes, leaves, ends, own_pass) if flows else (None, {}, [])
        picture = Composer(graph, folding, folded, cotangents, own_pass, here, seeds).picture(max(LIMIT, max_nodes))
        picture = with_marks(picture)
        notes = notes if picture.differentiated or cotangents is None else []  # they describe the gradients shown
        return fit_to_budget(replace(picture, notes=(*notes, *picture.notes)), depth, max_nodes)


def check_options(max_nodes: int, depth: int | None, direction: str) -> None:
    if not isinstance(direction, str) or direction not in DIRECTIONS:
        choices = " or ".join(f"{name!r} ({meaning})" for name, meaning in DIRECTIONS.items())
        raise ValueError(f"draw(direction=...) takes {choices}, but got {direction!r}")
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool) or max_nodes < 1:
        raise ValueError(f"draw(max_nodes=...) takes an integer of at least 1, but got {max_nodes!r}")
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 0):
        raise ValueError(f"draw(depth=...) takes an integer of at least 0, or None for as deep as fits, but got {depth!r}")


# --- functions ------------------------------------------------------------------------------------


def evaluated(function: Any, inputs: tuple[Any, ...], labels: dict[int, str]) -> Any:
    """Call a function with Values for its inputs, and return its result; note the names of inputs in `labels`, by id."""
    if not callable(function):
        raise TypeError(
            f"draw(value) takes the Value whose graph is to be drawn, several in a list, tuple or dict, a function with its "
            f"inputs, or an exception, but got {type(function).__name__}: pass the result of a computation with Values, such "
            "as a loss or model(x)"
        )
    if is_module(function) and not inputs:
        raise TypeError(
            f"draw(model, *inputs) takes the inputs of the model, but got none for {type(function).__name__}: "
            "write draw(model, x), or draw_network(model) for its neurons and weights"
        )
    names = parameter_names(function, len(inputs))
    values = [as_values(item, name, labels) for item, name in zip(inputs, names, strict=True)]
    try:
        with record_lines(), state_kept(function):
            return function(*values)
    except Exception as error:
        error.add_note("draw(error) draws the graph up to the operation that failed")
        raise


def is_nesting(what: Any) -> bool:
    """Return whether this is a list, tuple, dict or dataclass, which may hold several outputs."""
    return isinstance(what, (list, tuple, dict)) or (is_dataclass(what) and not callable(what))


def outputs_of(result: Any) -> tuple[Outputs, list[str]]:
    """Return the Values in a result with their names, each once; and notes on everything else in it."""
    if result.__class__ is Value:
        return [("output", result)], []
    found: dict[int, tuple[str, Value]] = {}
    others: list[Any] = []
    result = result._asdict() if isinstance(result, tuple) and hasattr(result, "_asdict") else result

    def collect(item: Any, path: str) -> None:
        if item.__class__ is Value:
            found.setdefault(id(item), (output_name(path), item))
        else:
            others.append(item)

    map_tree(collect, result, other=collect, module=collect)
    rest = "is not a Value and is" if len(others) == 1 else "are not Values and are"
    notes = [f"{plural(len(others), 'output')} {rest} not drawn"] if others else []
    return list(found.values()), notes


def output_name(path: str) -> str:
    """Return the name of an output from its path: ``[0]`` is output 0, ``['loss']`` and ``.loss`` are loss."""
    key = re.fullmatch(r"\['([^']*)'\]|\.(\w+)", path)
    return (key[1] or key[2]) if key else f"output {path[1:-1]}" if re.fullmatch(r"\[\d+\]", path) else f"output{path}"


def without_outputs(result: Any, given: bool) -> str:
    """Return why a result cannot be drawn."""
    if given:
        return f"draw([a, b]) takes Values in a list, tuple, dict or dataclass, but found none in this {type(result).__name__}"
    return (
        f"draw(f, *inputs): the function returned {type(result).__name__} and no Value: its inputs become Values if they are "
        "floats or floating arrays (2.0, not 2); the result may depend on none of these, or have left the graph"
    )


def parameter_names(function: Any, count: int) -> list[str]:
    """Return the names of the first parameters of a function."""
    try:
        names = list(inspect.signature(getattr(function, "forward", function)).parameters)
    except (TypeError, ValueError):  # some functions in C have no signature
        names = []
    return [names[i] if i < len(names) else f"input {i}" for i in range(count)]


def as_values(item: Any, name: str, labels: dict[int, str]) -> Any:
    """Return an argument with Values for its floats and floating arrays; note the names of Values it holds in `labels`."""

    def as_value(leaf: Any, path: str) -> Any:
        if leaf.__class__ is not Value:
            if not isinstance(leaf, float) and getattr(getattr(leaf, "dtype", None), "kind", "") != "f":
                return leaf
            return Value(leaf, label=f"{name}{path}")
        labels[id(leaf)] = f"{name}{path}"  # it belongs to the caller: its own label stays
        return leaf

    return map_tree(as_value, item, module=lambda module, path: module)


# --- the drawing ----------------------------------------------------------------------------------


class Drawing:
    """Shows a graph in notebooks, and writes it to files with save().

    Attributes:
        picture: the whole picture as plain data, also the contents of collapsed groups.
        nodes, edges, groups: the visible ones. Nodes have a title, rows of text, numbers and marks.
        total: the number of nodes of the whole graph.
        note: a sentence on folded, collapsed and left-out nodes, or an empty string.
        digraph: the picture as a ``graphviz.Digraph``, which may be changed.
    """

    def __init__(self, picture: Picture, direction: str = "LR") -> None:
        self.picture, self.direction, self.total, self.note = picture, direction, picture.total, picture.note
        visible = picture.visible
        self.nodes: tuple[Node, ...] = visible.nodes
        self.edges: tuple[Edge, ...] = visible.edges
        self.groups: tuple[Group, ...] = visible.groups

    @cached_property
    def digraph(self) -> graphviz.Digraph:
        is_network = any(node.role == "neuron" for node in self.nodes)
        return grid_of(self.picture, self.direction) if is_network else digraph_of(self.picture, self.direction)

    @property
    def source(self) -> str:
        """The DOT text. The same graph gives the same text."""
        return str(self.digraph.source)

    @property
    def mermaid(self) -> str:
        """The text of a Mermaid flowchart, which GitHub and many editors render."""
        return mermaid_of(self.picture, self.direction)

    @property
    def text(self) -> str:
        """The graph as a tree in plain text, the output first."""
        return tree_of(self.picture)

    @property
    def html(self) -> str:
        """The page that plays the backward pass: a single file that needs no network."""
        return page_of(self.picture, self.direction)

    def to_json(self) -> dict[str, Any]:
        """Return the picture as dicts, lists, strings and finite numbers: "NaN", "Infinity" and "-Infinity" are strings."""
        found: dict[str, Any] = jsonable(self.picture.to_json())
        return found

    def compare(self, later: Drawing) -> Drawing:
        """Return what differs in a later drawing: nodes added, removed, or changed in shape or setting. Numbers are ignored.

        >>> from autograd import Value
        >>> x = Value(2.0, label="x")
        >>> change = draw(x.tanh() * 3.0).compare(draw(x.exp().tanh() * 3.0))
        >>> change.picture.notes
        ('1 node added',)
        >>> [node.title for node in change.nodes if "added" in node.marks]
        ['exp(x)']
        """
        if not isinstance(later, Drawing):
            raise TypeError(f"compare() takes another Drawing, but got {type(later).__name__}: draw(before).compare(draw(after))")
        return Drawing(compare_pictures(self.picture, later.picture), later.direction)

    def find(self, name: str) -> tuple[Node, ...]:
        """Return the nodes whose title, label, parameter path or operation contains this text, exact matches first.

        Nodes inside collapsed scopes are found as well.

        >>> from autograd import Value
        >>> a = Value(2.0, label="a")
        >>> [node.title for node in draw(a * 3.0).find("a")]
        ['a', 'a * 3']
        """
        return self.picture.find(name)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the picture in the format given by the suffix. Missing folders are created.

        .svg, .png, .pdf
            An image. If nothing that can render the format is installed, the DOT text is written beside it instead,
            with a warning that tells what to install.
        .html
            A page to zoom, search, open and close scopes, and play the backward pass.
        .dot or .gv, .mmd or .mermaid, .txt, .json
            The DOT text, the Mermaid text, a tree in plain text, and all data, with NaN and infinities as strings.

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
        if suffix not in PICTURES + TEXTS:
            known = ", ".join(PICTURES + TEXTS)
            raise ValueError(f"save({str(path)!r}) takes a path that ends with one of {known}, but got {suffix!r}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix in TEXTS:
            path.write_text(self.as_text(suffix), encoding="utf-8")
            return path
        try:
            path.write_bytes(rendered(self.digraph, suffix[1:]))
        except NoRenderer as reason:
            text = path.with_suffix(".dot")
            text.write_text(self.source, encoding="utf-8")
            warnings.warn(f"wrote {text}, the graph as text, instead of {path.name}: {reason}", stacklevel=2)
            return text
        return path

    def as_text(self, suffix: str) -> str:
        """Return the contents of a text file with this suffix."""
        if suffix in (".dot", ".gv"):
            return self.source
        if suffix in (".mmd", ".mermaid"):
            return self.mermaid
        if suffix == ".json":
            return json.dumps(self.to_json(), indent=1, allow_nan=False)
        return self.html if suffix == ".html" else self.text

    def show(self) -> None:
        """Show the picture in a notebook; elsewhere, open the page in a browser."""
        if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
            sys.modules["IPython"].display.display(self)
            return
        path = self.save(Path(tempfile.mkdtemp(prefix="valuegrad-")) / "graph.html")
        webbrowser.open(path.as_uri())

    def _repr_svg_(self) -> str | None:
        return self._repr_mimebundle_().get("image/svg+xml")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Return what a notebook shows: the picture, or a tree of text and what to install for the picture."""
        try:
            return {"image/svg+xml": inline_svg(rendered(self.digraph, "svg")), "text/plain": repr(self)}
        except NoRenderer as reason:
            return {"text/plain": f"{self!r}, not shown as a picture: {reason}\n{self.text}"}

    def __repr__(self) -> str:
        drawn = [node for node in self.nodes if node.role != "cut"]
        counts = f"{plural(len(drawn), 'node')} and {plural(len(self.edges), 'edge')}"
        return f"<Drawing of {counts}{f', of {self.total:,} nodes in the graph' if self.note else ''}>"

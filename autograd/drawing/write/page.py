"""Writes a picture as one HTML file that can be explored, and that plays the backward pass.

Its scripts are in `page_files/`, with the layout library (dagre, MIT licence); autograd.web puts the page together.
"""

from __future__ import annotations

import dataclasses
import html
from importlib.resources import files

from autograd import web
from autograd.drawing.palette import RAMP
from autograd.drawing.picture import Edge, Group, Node, Picture, Summary

FILES = files("autograd.drawing.write") / "page_files"
SCRIPTS = (
    "dagre.min.js", "model.js", "playback.js", "layout.js", "shapes.js", "view.js", "panel.js", "questions.js", "page.js",
)  # fmt: skip
#: What the JSON of a picture leaves out: the defaults of every class.
DEFAULTS = {
    part.__name__: {field.name: field.default for field in dataclasses.fields(part) if field.default is not dataclasses.MISSING}
    for part in (Picture, Node, Edge, Group, Summary)
}


def page_of(picture: Picture, direction: str = "LR") -> str:
    """Return the text of the page.

    Args:
        picture: the whole picture; the reader can open its collapsed groups.
        direction: ``"LR"`` for inputs left and output right, ``"BT"`` for inputs below and output above; the page has
            a button that changes it.

    >>> page = page_of(Picture((Node("n0", "leaf", "</script>"),), (), total=1))
    >>> page.startswith("<!doctype html>"), page.count("</script>") == page.count("<script")
    (True, True)
    """
    return web.page(
        FILES,
        picture.to_json(),
        title=picture.title or "Graph",
        scripts=SCRIPTS,
        constants={"DEFAULTS": DEFAULTS, "RAMP": RAMP},
        blanks={"direction": html.escape(direction)},
    )

"""From a picture to one HTML file that can be explored, and that plays the backward pass.

The file needs no network: styles, scripts, the layout library (dagre, MIT licence) and the picture as JSON are all in
it. What it does is written in `page_files/`; here they are only put together. Nothing of a picture becomes HTML but
its heading, which is escaped; the rest is data, which the scripts show as text.
"""

from __future__ import annotations

import html
import json
import math
import re
from importlib.resources import files
from typing import Any

from autograd.drawing.palette import RAMP
from autograd.drawing.picture import Picture

#: In the order in which they are read: each may use what is in those before it.
SCRIPTS = ("model.js", "playback.js", "layout.js", "shapes.js", "view.js", "panel.js", "questions.js", "page.js")


def page_of(picture: Picture, direction: str = "LR") -> str:
    """The text of the page.

    Args:
        picture: what is shown, also what is inside of collapsed groups, which the reader can open.
        direction: ``"LR"`` for inputs left and output right, ``"BT"`` for inputs below and output above; the page has
            a button that changes it.

    >>> from autograd.drawing.picture import Node
    >>> page = page_of(Picture((Node("n0", "leaf", "</script>"),), (), total=1))
    >>> page.startswith("<!doctype html>"), page.count("</script>") == page.count("<script")
    (True, True)
    """
    parts = {
        "title": html.escape(encodable(picture.title or "Graph")),
        "direction": html.escape(direction),
        "style": text_of("page.css"),
        "picture": json_text(picture.to_json()),
        "dagre": text_of("dagre.min.js"),
        "script": "\n".join([f"const RAMP = {json.dumps(RAMP)};", *map(text_of, SCRIPTS)]),
    }
    # In one pass, so that a picture whose labels look like a blank is not filled in.
    return re.sub(r"\{\{(\w+)\}\}", lambda blank: parts[blank[1]], text_of("page.html"))


def text_of(name: str) -> str:
    """A file of the folder `page_files`."""
    return (files("autograd.drawing.write") / "page_files" / name).read_text(encoding="utf-8")


def json_text(item: Any) -> str:
    """JSON for a script element: ASCII only, without "<", so that no text in it can end the element.

    JSON has no NaN and no infinities: they are the strings "NaN", "Infinity" and "-Infinity", which JavaScript's
    Number() reads back.

    >>> json_text(["</script>", float("nan"), -float("inf")])
    '["\\\\u003c/script>","NaN","-Infinity"]'
    """
    return json.dumps(finite(item), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def finite(item: Any) -> Any:
    """The same with every number that is not finite as its name in JavaScript."""
    if isinstance(item, dict):
        return {key: finite(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return [finite(value) for value in item]
    if isinstance(item, float) and not math.isfinite(item):
        return "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"
    return item


def encodable(text: str) -> str:
    """The same without half surrogate pairs, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")

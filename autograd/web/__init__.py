"""Put HTML pages together: a frame with head, palette, keys and theme, and JSON that a script can hold. It draws nothing.

A page is one HTML file that needs no network: it holds styles, scripts and data. Data never becomes HTML: scripts show it
as text.
"""

from __future__ import annotations

import dataclasses
import enum
import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from numbers import Integral, Real
from typing import Any

__all__ = ["json_text", "jsonable", "page"]


def page(
    folder: Traversable,
    data: Any,
    *,
    title: str,
    scripts: Sequence[str] = ("page.js",),
    constants: Mapping[str, Any] | None = None,
    blanks: Mapping[str, str] | None = None,
) -> str:
    """Return a page as text: `page.html`, `page.css` and the scripts of a folder, in the frame that all pages share.

    A ``{{name}}`` in `page.html` is a blank: ``{{title}}``, ``{{theme}}`` for the button that changes the theme,
    ``{{player}}`` for the buttons of a player, and those of `blanks`.

    Args:
        folder: the folder of the files.
        data: the data of the scripts, which read it as ``DATA``.
        title: the title of the page.
        scripts: the files in the order in which they run, after `base.js`: each may use the names in those before it.
        constants: more values for the scripts, by their names there.
        blanks: the HTML that fills the other blanks.
    """
    base = files("autograd.web")
    snippets = {name: read(base, f"{name}.html") for name in ("theme", "player")}
    known = {"title": html.escape(encodable(title)), **snippets, **(blanks or {})}
    given = [f"const {name} = {json_text(value)};" for name, value in (constants or {}).items()]
    parts = {
        "title": known["title"],
        "style": read(base, "base.css") + read(folder, "page.css"),
        "body": filled(read(folder, "page.html"), known),
        "data": json_text(data),
        "script": "\n".join([read(base, "base.js"), *given, *(read(folder, name) for name in scripts)]),
    }
    return filled(read(base, "base.html"), parts)


def read(folder: Traversable, name: str) -> str:
    """Return the text of a file."""
    return (folder / name).read_text(encoding="utf-8")


def filled(template: str, parts: Mapping[str, str]) -> str:
    """Fill the blanks in one pass, so that a part that looks like a blank stays as it is.

    >>> filled("{{a}} and {{b}}", {"a": "{{b}}", "b": "2"})
    '{{b}} and 2'
    """
    return re.sub(r"\{\{(\w+)\}\}", lambda blank: parts[blank[1]], template)


def encodable(text: str) -> str:
    """Return the text without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


# --- JSON ------------------------------------------------------------------------------------------


def jsonable(item: Any) -> Any:
    """Return the item in the types of JSON: dicts, lists, strings, numbers, booleans and None.

    Dataclasses become dicts, enum members their names, NumPy's numbers Python's. JSON has no NaN and no infinities: they
    become the strings "NaN", "Infinity" and "-Infinity", which Python's ``float()`` and JavaScript's ``Number()`` read.

    Args:
        item: made of mappings, sequences, dataclasses, enum members, strings and numbers.

    >>> jsonable({"slopes": (1.5, float("nan"), -float("inf"))})
    {'slopes': [1.5, 'NaN', '-Infinity']}
    """
    if item is None or isinstance(item, (str, bool)):
        return item
    if isinstance(item, float):
        return float(item) if math.isfinite(item) else "NaN" if math.isnan(item) else "Infinity" if item > 0.0 else "-Infinity"
    if isinstance(item, enum.Enum):
        return item.name
    if isinstance(item, Integral):
        return int(item)
    if isinstance(item, Real):
        return jsonable(float(item))
    if dataclasses.is_dataclass(item):
        return {field.name: jsonable(getattr(item, field.name)) for field in dataclasses.fields(item)}
    if isinstance(item, Mapping):
        return {name: jsonable(value) for name, value in item.items()}
    return [jsonable(value) for value in item]


def json_text(item: Any) -> str:
    """Return JSON for a script element: ASCII without "<", so that no text in it can end the element.

    >>> json_text(["</script>", float("nan"), -float("inf")])
    '["\\\\u003c/script>","NaN","-Infinity"]'
    """
    dumped = partial(json.dumps, separators=(",", ":"), allow_nan=False)
    try:
        text = dumped(item)  # in C: 10x faster than jsonable(), which matters for long recordings
    except (TypeError, ValueError):
        text = dumped(jsonable(item))
    return text.replace("<", "\\u003c")

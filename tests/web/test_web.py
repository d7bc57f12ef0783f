"""The parts that pages share: the frame and its blanks, and JSON that loses nothing."""

from __future__ import annotations

import enum
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import web
from autograd.web import filled, json_text, jsonable

HOSTILE = "</script><b>{{style}} {{body}}\ud800"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the files of a small page."""
    (tmp_path / "page.html").write_text("<h1>{{title}}</h1>{{theme}}{{player}}<p>{{words}}</p>\n", encoding="utf-8")
    (tmp_path / "page.css").write_text("p { margin: 0; }\n", encoding="utf-8")
    (tmp_path / "page.js").write_text('byId("play").title = DATA.text + LIMIT;\n', encoding="utf-8")
    return tmp_path


def test_a_page_is_put_together(folder: Path) -> None:
    page = web.page(folder, {"text": "x"}, title="A & B", constants={"LIMIT": 3}, blanks={"words": "{{data}}"})
    assert page.startswith("<!doctype html>") and page.count("<title>A &amp; B</title>") == page.count("<h1>A &amp; B</h1>") == 1
    assert "<p>{{data}}</p>" in page and "p { margin: 0; }" in page and "const LIMIT = 3;" in page
    assert page.index("function onKeys") < page.index("const LIMIT") < page.index("DATA.text + LIMIT")
    assert all(f'id="{name}"' in page for name in ("theme", "first", "back", "play", "next", "last", "data"))


def test_no_text_of_the_data_or_the_title_becomes_html(folder: Path) -> None:
    plain, hostile = (
        web.page(folder, {"text": text}, title=text, constants={"LIMIT": text}, blanks={"words": ""}) for text in ("x", HOSTILE)
    )
    assert [hostile.count(tag) for tag in ("</script>", "<b>", "<style>")] == [
        plain.count(tag) for tag in ("</script>", "<b>", "<style>")
    ]
    assert "&lt;/script&gt;&lt;b&gt;{{style}}" in hostile
    hostile.encode("utf-8")


def test_a_blank_that_nothing_fills_is_an_error() -> None:
    with pytest.raises(KeyError, match="name"):
        filled("{{name}}", {})


class Colour(enum.Enum):
    RED = 1


@dataclass
class Part:
    colour: Colour
    sizes: tuple[int, ...]


@pytest.mark.parametrize(
    ("item", "plain"),
    [
        (Part(Colour.RED, (1, 2)), {"colour": "RED", "sizes": [1, 2]}),
        ({"a": np.float32(0.5), "b": np.int64(3)}, {"a": 0.5, "b": 3}),
        ([None, True, "text", 1, -0.0, 2.5], [None, True, "text", 1, -0.0, 2.5]),
        ([math.nan, math.inf, -math.inf, np.float32("nan")], ["NaN", "Infinity", "-Infinity", "NaN"]),
    ],
)
def test_json_keeps_everything(item: Any, plain: Any) -> None:
    found = jsonable(item)
    assert found == plain and json.loads(json.dumps(found, allow_nan=False)) == plain


def test_python_reads_back_the_numbers_that_json_lacks() -> None:
    numbers = [math.nan, math.inf, -math.inf]
    assert [float(text) for text in jsonable(numbers)[1:]] == numbers[1:] and math.isnan(float(jsonable(numbers)[0]))
    assert jsonable(numbers) == ["NaN", "Infinity", "-Infinity"] == json.loads(json_text(numbers))

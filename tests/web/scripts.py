"""Collects the scripts of each page as a browser gets them; python -m tests.web.scripts FOLDER writes them.

A linter can then tell a name that no script declares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import autograd
from autograd import Recorder, Value, draw
from autograd.drawing.write.page import FILES
from demos import playground

ROOT = Path(autograd.__file__).parent.parent


def pages() -> dict[str, str]:
    """Return a page of each kind, as text."""
    x = Value(2.0, label="x")
    recorder = Recorder([x])
    recorder.step(x * x)
    return {"graph": draw(x * x).html, "recording": recorder.page(), "playground": playground.page_of({})}


def script_of(page: str) -> str:
    """Return the script of a page, without its directive and the library that lays graphs out."""
    script = re.findall(r"<script>\n(.*?)</script>", page, re.DOTALL)[-1]
    for part in ('"use strict";\n', (FILES / "dagre.min.js").read_text(encoding="utf-8")):
        script = script.replace(part, "")
    return str(script)


def sources() -> list[Path]:
    """Return the files that are written by hand: scripts, styles and HTML."""
    folders = (ROOT / "autograd", ROOT / "demos")
    found = [path for folder in folders for suffix in ("js", "css", "html") for path in sorted(folder.rglob(f"*.{suffix}"))]
    return [path for path in found if not path.name.endswith(".min.js")]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (folder / f"{name}.js").write_text(script_of(page), encoding="utf-8")

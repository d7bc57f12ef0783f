"""Runs Graphviz to render DOT as the bytes of an SVG, PNG or PDF.

`dot` of Graphviz, or graphviz-pure, which pip can install, does the layout and the drawing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from autograd.drawing.write.fonts import fix_text_lengths

if TYPE_CHECKING:
    import graphviz  # imported in functions: it takes a tenth of the time of `import autograd`

GRAPHVIZ = "Graphviz (https://graphviz.org/download)"
WIDE = 640  # points: about the width of a notebook
SECONDS = 60.0  # a picture whose layout takes longer is too large to be read


class NoRenderer(Exception):
    """Raised if nothing installed can render a format, or not in time; the message tells what to install or to do."""


def executable() -> str | None:
    """Return the path of `dot`, otherwise of graphviz-pure among the scripts of this environment or on PATH, or None."""
    beside = shutil.which("graphviz-pure", path=sysconfig.get_path("scripts"))
    return shutil.which("dot") or beside or shutil.which("graphviz-pure")


def rendered(digraph: graphviz.Digraph, kind: str, seconds: float = SECONDS) -> bytes:
    """Return the contents of an image file.

    Args:
        digraph: the graph to render.
        kind: ``"svg"``, ``"png"``, ``"pdf"``, or another format of Graphviz.
        seconds: how long the layout may take before it is stopped.

    Raises:
        NoRenderer: if nothing installed can render the format, or if it takes too long.
        graphviz.CalledProcessError: if Graphviz fails in another way.
    """
    import graphviz

    found = executable()
    if found is None:
        raise NoRenderer(f"for pictures, pip install 'valuegrad[draw]', or install {GRAPHVIZ}")
    command = [found, f"-K{digraph.engine}", f"-T{kind}", *(["-Gdpi=192"] if kind == "png" else [])]
    done = run_command(command, digraph.source, seconds)
    if b"shortest.c" in done.stderr:  # old versions fail to route curves in one of a hundred pictures with loops
        done = run_command([*command, "-Gsplines=ortho"], digraph.source, seconds)
    if done.returncode == 0:
        return fix_text_lengths(done.stdout) if kind == "svg" else done.stdout
    if b"not recognized" in done.stderr:
        raise NoRenderer(f"{Path(found).stem} cannot write {kind}, save as .svg, or install {GRAPHVIZ}")
    raise graphviz.CalledProcessError(done.returncode, command, output=done.stdout, stderr=done.stderr)


def run_command(command: list[str], source: str, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run a command with a text as its input. Raise NoRenderer if it takes too long."""
    try:
        return subprocess.run(command, input=source.encode("utf-8"), capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise NoRenderer(
            f"{Path(command[0]).stem} was stopped after {seconds:g} s without a layout: "
            "draw fewer nodes, or save as .html, which lays out open scopes only, or as .txt"
        ) from None


def inline_svg(svg: bytes) -> str:
    """Return an SVG for a notebook or page: never wider than its container, never enlarged.

    Notebooks show it as an image, which obeys a given width and ignores styles: wide images therefore have no width.

    >>> inline_svg(b'<?xml version="1.0"?><svg width="200pt" height="90pt" viewBox="0 0 200 90"></svg>')
    '<svg style="max-width: 100%; height: auto" width="200pt" height="90pt" viewBox="0 0 200 90"></svg>'
    >>> inline_svg(b'<svg width="2000pt" height="90pt" viewBox="0 0 2000 90"></svg>')
    '<svg style="width: min(100%, 2000pt); height: auto" viewBox="0 0 2000 90"></svg>'
    """
    text = svg.decode("utf-8")
    text = text[text.index("<svg ") :]
    size = re.search(r'width="(\d+)pt" height="\d+pt"\s*', text[: text.index(">")])
    if size is not None and int(size[1]) > WIDE:
        return text.replace("<svg ", f'<svg style="width: min(100%, {size[1]}pt); height: auto" ', 1).replace(size[0], "", 1)
    return text.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)

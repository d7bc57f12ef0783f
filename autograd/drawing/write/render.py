"""Runs Graphviz: a graph of the graphviz package becomes the bytes of an SVG, PNG or PDF. It decides nothing about looks.

Layout and drawing are the work of Graphviz' `dot`, or of graphviz-pure, which pip can install.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from autograd.drawing.write.fonts import steady

if TYPE_CHECKING:
    import graphviz  # at run time where it is used: a tenth of the time that `import autograd` would take

GRAPHVIZ = "Graphviz (https://graphviz.org/download)"
WIDE = 640  # points: about what a notebook has room for
SECONDS = 60.0  # a layout that takes longer would not be a picture that anybody can read


class NoRenderer(Exception):
    """Nothing here can draw the format, or not in time; the message says what to install or to do."""


def executable() -> str | None:
    """The path of `dot`, else of graphviz-pure where pip puts commands or on PATH, or None."""
    beside = shutil.which("graphviz-pure", path=sysconfig.get_path("scripts"))
    return shutil.which("dot") or beside or shutil.which("graphviz-pure")


def rendered(digraph: graphviz.Digraph, kind: str, seconds: float = SECONDS) -> bytes:
    """The contents of a picture file.

    Args:
        digraph: what to draw.
        kind: ``"svg"``, ``"png"``, ``"pdf"``, or another format that Graphviz knows.
        seconds: how long the layout may take; after that it is stopped.

    Raises:
        NoRenderer: if nothing is installed that could make it, or if it takes too long.
        graphviz.CalledProcessError: if Graphviz fails in another way.
    """
    import graphviz

    found = executable()
    if found is None:
        raise NoRenderer(f"for pictures, pip install 'valuegrad[draw]', or install {GRAPHVIZ}")
    command = [found, f"-K{digraph.engine}", f"-T{kind}", *(["-Gdpi=192"] if kind == "png" else [])]
    done = run_command(command, digraph.source, seconds)
    if (
        b"shortest.c" in done.stderr
    ):  # old versions lose their way with curves around nodes, in one of a hundred pictures with loops
        done = run_command([*command, "-Gsplines=ortho"], digraph.source, seconds)
    if done.returncode == 0:
        return steady(done.stdout) if kind == "svg" else done.stdout
    if b"not recognized" in done.stderr:
        raise NoRenderer(f"{Path(found).stem} cannot write {kind}, save as .svg, or install {GRAPHVIZ}")
    raise graphviz.CalledProcessError(done.returncode, command, output=done.stdout, stderr=done.stderr)


def run_command(command: list[str], source: str, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """A command with a text as its input; NoRenderer if it takes too long."""
    try:
        return subprocess.run(command, input=source.encode("utf-8"), capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise NoRenderer(
            f"{Path(command[0]).stem} was stopped after {seconds:g} s without a layout: "
            "draw fewer nodes, or save as .html, which lays out what is open, or as .txt"
        ) from None


def inline_svg(svg: bytes) -> str:
    """An SVG to stand inside of a notebook or page: never wider than the place it is in, never enlarged.

    Notebooks show it as an image, which heeds a width that is given and no style: wide ones have none.

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

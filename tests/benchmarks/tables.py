"""Write the tables of the README beside this file: `python -m tests.benchmarks.NAME --write` replaces one by its measurements."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

README = Path(__file__).with_name("README.md")


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    return [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in (header, ["---"] * len(header), *rows)]


def write_table(name: str, lines: Sequence[str], readme: Path = README) -> None:
    """Replace the README's text between ``<!-- table: NAME -->`` and ``<!-- end -->``, if the command line has --write."""
    if "--write" not in sys.argv:
        return
    text = readme.read_text(encoding="utf-8")
    start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
    written, count = re.subn(
        f"({re.escape(start)}).*?({end})", lambda block: "\n".join([block[1].rstrip(), *lines, block[2]]), text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"expected one block {start.strip()} ... {end} in {readme}, got {count}")
    readme.write_text(written, encoding="utf-8")

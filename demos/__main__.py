"""List the demos."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Sequence
from pathlib import Path


def demos() -> Iterator[tuple[str, str]]:
    """Yield the name of each demo, a file with a function main(), and the first line of its docstring. It imports none."""
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(item, ast.FunctionDef) and item.name == "main" for item in module.body):
            yield path.stem, (ast.get_docstring(module) or "").partition("\n")[0]


def main(arguments: Sequence[str] | None = None) -> None:
    argparse.ArgumentParser(prog="python -m demos", description=__doc__).parse_args(arguments)
    found = dict(demos())
    width = max(map(len, found))
    print("Run a demo with python -m demos.NAME; --help lists its options, and --quick takes a few seconds.\n")
    for name, line in found.items():
        print(f"  {name:<{width}}  {line}")


if __name__ == "__main__":
    main()

"""The structure of the code in numbers: lines and imports by room, circles, and how far a value walks through the files.

usage: python -m tests.benchmarks.house [--draw FILE.dot]

A room is a folder, or a file beside the folders. Lines of code do not include blank lines, comments and docstrings. A walk
counts the Python calls into this project's files that a statement makes the second time it runs, the files that it enters,
and how often it returns to a file that it had left. To measure another checkout, run this file by its path, with PYTHONPATH
set to that checkout.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import graphviz
import numpy as np

import autograd
import nn
from autograd import Value, check_gradients, draw

ROOT = Path(autograd.__file__).parents[1]


def modules(*packages: str) -> dict[str, Path]:
    """Return the modules of packages by name."""
    paths = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def room(path: Path) -> str:
    """Return the folder of a file."""
    return path.relative_to(ROOT).parent.as_posix()


def lines_of_code(path: Path) -> int:
    """Count the lines with a token that is neither a comment nor part of a docstring."""
    text = path.read_text(encoding="utf-8")
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            documentation |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in empty]
    return len({line for token in tokens for line in range(token.start[0], token.end[0] + 1)} - documentation)


def imports(files: dict[str, Path]) -> dict[str, set[str]]:
    """Return the modules of this project that each module imports."""
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
        deepest = {name for name in names if not any(other.startswith(f"{name}.") and other in files for other in names)}
        found[module] = {name for name in deepest if name in files and name != module}
    return found


def circles(below: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other."""
    reached = {node: set(names) for node, names in below.items()}
    for _ in below:
        longer = {node: names.union(*(reached.get(name, set()) for name in names)) for node, names in reached.items()}
        if longer == reached:
            break
        reached = longer
    inside = {node: names for node, names in reached.items() if node in names}
    groups = {frozenset(name for name in names if node in reached.get(name, ())) for node, names in inside.items()}
    return sorted(map(sorted, groups))


def walk(statement: Callable[[], Any]) -> tuple[int, int, int]:
    """Return the calls into files of this project, the files, and the returns to a file that was left."""
    statement()
    places: list[str] = []

    def enter(frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(str(ROOT)) and name != __file__:
            places.append(name)

    sys.setprofile(enter)
    statement()
    sys.setprofile(None)
    visits = [name for i, name in enumerate(places) if i == 0 or places[i - 1] != name]
    return len(places), len(set(places)), len(visits) - len(set(visits))


def walks() -> dict[str, Callable[[], Any]]:
    """Return the statements to measure, by title."""
    a, b = Value(2.0), Value(-3.0)
    c = a * b
    x = Value(np.linspace(0.1, 1.0, 5))
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    data = np.random.default_rng(0).normal(size=(32, 4))

    def batch() -> None:
        nn.fit(model, nn.MSELoss(), optimizer, (data, data[:, :1]), epochs=1, progress=False)

    return {
        "c = a * b": lambda: a * b,
        "c.backward()": c.backward,
        "np.sum(np.sin(x) ** 2)": lambda: np.sum(np.sin(x) ** 2),
        "fit, one batch": batch,
        "draw(c)": lambda: draw(c),
        "check_gradients": lambda: check_gradients(lambda x: np.sum(np.sin(x) ** 2), np.linspace(0.1, 1.0, 5)),
    }


def drawing(files: dict[str, Path], below: dict[str, set[str]]) -> graphviz.Digraph:
    """Draw the files in their rooms, and an arrow for the imports from one room to another."""
    graph = graphviz.Digraph(graph_attr={"rankdir": "LR", "ranksep": "1.5"}, node_attr={"shape": "box", "fontname": "sans"})
    for folder in sorted({room(path) for path in files.values()}):
        inside = [path for path in files.values() if room(path) == folder]
        names = "\\l".join(f"{path.stem} ({lines_of_code(path)})" for path in inside)
        graph.node(folder, f"{folder}\\n\\n{names}\\l")
    arrows = Counter((room(files[module]), room(files[name])) for module, names in below.items() for name in names)
    for (start, end), count in arrows.items():
        if start != end:
            graph.edge(start, end, label=str(count))
    return graph


def main() -> None:
    """Print the rooms, circles and walks; draw the imports if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", metavar="FILE", help="write rooms and imports as DOT, for dot -Tsvg or graphviz-pure -Tsvg")
    options = parser.parse_args()
    files = modules("autograd", "nn")
    below = imports(files)
    print(f"{'room':28} {'files':>5} {'lines of code':>13} {'rooms it imports':>16}")
    for folder in sorted({room(path) for path in files.values()}):
        inside = [module for module, path in files.items() if room(path) == folder]
        others = {room(files[name]) for module in inside for name in below[module]} - {folder}
        print(f"{folder:28} {len(inside):5} {sum(lines_of_code(files[module]) for module in inside):13} {len(others):16}")
    print(f"{'together':28} {len(files):5} {sum(map(lines_of_code, files.values())):13}")
    print(f"\nimports between files: {sum(map(len, below.values()))}, circles: {circles(below) or 'none'}")
    print(f"\n{'walk':28} {'calls':>5} {'files':>5} {'returns':>7}")
    for name, statement in walks().items():
        print(f"{name:28} {' '.join(f'{number:{width}}' for number, width in zip(walk(statement), (5, 5, 7), strict=True))}")
    if options.draw:
        Path(options.draw).write_text(drawing(files, below).source, encoding="utf-8")


if __name__ == "__main__":
    main()

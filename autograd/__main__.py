"""Print the functions of NumPy and SciPy that work on Values, as the table of operations has them.

usage: python -m autograd          print all: function, orders of its derivatives, note
       python -m autograd WORD     print the functions with that word in their names
       python -m autograd stub     write the stubs of Value's methods and of autograd.ops
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autograd
from autograd.numpy.dispatch import CONSTANT, SUPPORTED, refusal
from autograd.numpy.method_table import methods_stub
from autograd.op import Op
from autograd.ops import functions, needs_scipy, table
from autograd.ops.catalogue import ops_stub
from autograd.ops.kinks import zero_rule

Row = tuple[str, str, str]

#: The listed modules of NumPy by the prefix of their functions.
HOMES = {"np.": np, "np.linalg.": np.linalg, "np.fft.": np.fft, "np.lib.stride_tricks.": np.lib.stride_tricks}


def main() -> None:
    """Print the support table, or write the stubs."""
    words = sys.argv[1:]
    if words == ["stub"]:
        here = Path(__file__).parent
        for path, text in ((here / "numpy" / "methods.pyi", methods_stub()), (here / "ops" / "__init__.pyi", ops_stub())):
            path.write_text(text, encoding="utf-8")
            print(path)
    elif len(words) > 1 or any(word.startswith("-") for word in words):
        print(__doc__, end="", file=sys.stdout if words in (["-h"], ["--help"]) else sys.stderr)
        sys.exit(words not in (["-h"], ["--help"]))
    else:
        print(support_table(*words), end="")


def supported() -> dict[str, Callable[..., Any]]:
    """Return, by name, our function for each function of NumPy and SciPy that takes Values, and all other operations."""
    named: dict[str, Callable[..., Any]] = {}
    for theirs, ours in SUPPORTED.items():
        for prefix, home in HOMES.items():
            named |= {prefix + name: ours for name, item in vars(home).items() if item is theirs and name[0] != "_"}
    by_scipy = {name: item for name, item in functions().items() if needs_scipy(item)}
    for name in ("multigammaln", "polygamma"):  # no ufuncs, so that SciPy's functions do not take Values
        del by_scipy[name]
    named |= {f"scipy.special.{name}": item for name, item in by_scipy.items()}
    known = {id(item) for item in named.values()}
    for name, item in functions().items():
        if id(item) not in known:
            named[f"autograd.{name}" if name in autograd.__all__ else f"autograd.ops.{name}"] = item
    return named


def rows() -> list[Row]:
    """Return rows (function, orders of its derivatives, note) for all functions that take Values, also with plain results."""
    found = [(name, orders(item), note(item)) for name, item in supported().items()]
    constant = [("np.linalg." if item is np.linalg.matrix_rank else "np.") + item.__name__ for item in CONSTANT]
    return sorted(found) + [(name, "plain", "Return a plain result, without a derivative") for name in sorted(set(constant))]


def orders(function: Callable[..., Any]) -> str:
    """Return "all", or "zero" if the derivative is zero everywhere."""
    op = function if isinstance(function, Op) else table().get(function.__name__)  # the op behind a composed function
    rules = [rule for _, rule in op.rules] if op is not None else [None]
    return "zero" if all(rule is zero_rule for rule in rules) or hasattr(function, "steps") else "all"


def note(function: Callable[..., Any]) -> str:
    """Return the first sentence of the docstring."""
    first = (function.__doc__ or "").strip().split("\n")[0]
    return re.split(r"\.\s+(?=[A-Z])", first)[0].removesuffix(".")


def support_table(word: str = "") -> str:
    """Return the rows of functions with `word` in their names, as a Markdown table; if there are none, the reason."""
    found = [row for row in rows() if word in row[0]]
    lines = ["| function | orders | note |", "|---|---|---|"] if found else reasons(word)
    lines += [f"| `{name}` | {order} | {text.replace('|', chr(92) + '|')} |" for name, order, text in found]
    return "\n".join(lines) + "\n"


def reasons(word: str) -> list[str]:
    """Return lines that say that no function has the word in its name, and why NumPy's function of that name takes no Values."""
    theirs = [vars(home).get(word.rpartition(".")[2]) for home in HOMES.values()]
    refused = [refusal(item) for item in theirs if callable(item) and not isinstance(item, type)]
    return [f"no function that works on Values has {word!r} in its name", *refused]


if __name__ == "__main__":
    main()

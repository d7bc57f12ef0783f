"""The functions of NumPy and SciPy that work on Values.

usage: python -m autograd          the table of all: function, orders of its derivatives, note
       python -m autograd WORD     the rows with that word in the name of the function
       python -m autograd stub     write numpy/stub.pyi, the stub of the methods that Value takes from the table
"""

from __future__ import annotations

import sys
from pathlib import Path

from autograd.numpy.methods import stub
from autograd.support import support_table


def main() -> None:
    """Print the support table, or write the stub of Value's methods."""
    words = sys.argv[1:]
    if words == ["stub"]:
        path = Path(__file__).with_name("numpy") / "stub.pyi"
        path.write_text(stub(), encoding="utf-8")
        print(path)
    elif len(words) > 1 or any(word.startswith("-") for word in words):
        print(__doc__, end="", file=sys.stdout if words in (["-h"], ["--help"]) else sys.stderr)
        sys.exit(words not in (["-h"], ["--help"]))
    else:
        print(support_table(*words), end="")


if __name__ == "__main__":
    main()

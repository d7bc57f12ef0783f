"""``python -m autograd``: the functions of NumPy and SciPy that Values support; ``stub`` writes methods.pyi."""

from __future__ import annotations

import sys
from pathlib import Path

from autograd.method_table import stub
from autograd.support import support_table


def main() -> None:
    """Print the support table, or write the stub of Value's methods."""
    if sys.argv[1:] == ["stub"]:
        path = Path(__file__).with_name("methods.pyi")
        path.write_text(stub(), encoding="utf-8")
        print(path)
    elif sys.argv[1:]:
        sys.exit(f"python -m autograd takes no argument, or stub, but got {' '.join(sys.argv[1:])}")
    else:
        print(support_table(), end="")


if __name__ == "__main__":
    main()

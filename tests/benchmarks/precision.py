"""Print the largest errors of elementwise operations against mpmath as a Markdown table: values, first and second derivatives.

`python -m tests.benchmarks.precision [name ...]` takes about ten minutes for all. Errors are in ulp, the distance from the
right number to the next one of the dtype, by ranges of the size of the largest input. Errors above the bound of the operation
are bold. The points, and the rule for errors near zeros, are those of tests/ops/precision.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import numpy as np

from tests.benchmarks.tables import write_table
from tests.ops.precision import REFERENCES, Measured, measured

#: The largest size in each range.
RANGES = {"below 1e-3": 1e-3, "to 10": 10.0, "to 1000": 1e3, "above": np.inf}


def range_of(item: Measured) -> str:
    size = max(map(abs, item.point))
    return next(name for name, end in RANGES.items() if size <= end)


def cell(items: Iterable[Measured]) -> str:
    """Return the largest errors of the value and of the first and second derivatives."""
    worst = [0.0, 0.0, 0.0]
    for item in items:
        worst[len(item.key)] = max(worst[len(item.key)], item.ulp)
    bound = REFERENCES[item.name].bound
    return ", ".join(f"{ulp:.1f}" if ulp <= most else f"**{ulp:.3g}**" for ulp, most in zip(worst, bound, strict=True))


def rows(names: Iterable[str]) -> Iterable[str]:
    yield "| operation | dtype | " + " | ".join(RANGES) + " | bound |"
    yield "|---" * (len(RANGES) + 3) + "|"
    for name in names:
        bound = ", ".join(f"{most:g}" for most in REFERENCES[name].bound) + ("" if REFERENCES[name].relative else " *")
        for dtype in (np.float64, np.float32):
            found = measured(name, dtype)
            by_range = {key: [item for item in found if range_of(item) == key] for key in RANGES}
            cells = [cell(items) if items else "" for items in by_range.values()]
            yield " | ".join([f"| `{name}`", np.dtype(dtype).name, *cells, bound]) + " |"
    yield ""
    yield "\\* errors no larger than those from a change of the inputs by an ulp do not count, as near zeros."


def main() -> None:
    lines = []
    for line in rows([word for word in sys.argv[1:] if word != "--write"] or REFERENCES):
        print(line, flush=True)
        lines.append(line)
    write_table("precision", [line for line in lines if line.startswith("|")])


if __name__ == "__main__":
    main()

"""The error of a Value that is turned into a plain number or array, where its gradient would be lost without a word."""

from __future__ import annotations

from typing import Any

from autograd.ops.plain import describe


def leaving_message(value: Any) -> str:
    """What went wrong, and what to write instead."""
    return (
        f"a plain number or array would silently drop the gradient of {describe(value)}: take .item() or .data "
        "if that is meant, autograd's functions (as logsumexp) for those of math and SciPy, array() or stack() to join, "
        "v.at[i].set(u) to assign"
    )

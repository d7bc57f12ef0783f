"""The colours of pictures and pages: of roles, marks, layers and signs, and the colour scale of gradients.

Most come from the palette of Okabe and Ito, which colour-blind readers can tell apart; no meaning depends on colour alone.
"""

from __future__ import annotations

import math

INK, QUIET, ALARM, WHITE = "#1a1a1a", "#5f6b76", "#b03a00", "#ffffff"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#00664b", "#7a4a8c"
#: The fill and the outline of a node, by its role.
ROLE_COLOURS = {
    "leaf": ("#deecf7", BLUE),
    "frozen": ("#f4f8fb", BLUE),
    "constant": ("#f1f1f1", "#f1f1f1"),
    "computed": (WHITE, "#7d8894"),
    "scope": ("#e6eaf5", "#5b6b9a"),
    "failed": ("#fbe3d8", ALARM),
    "unreached": (WHITE, QUIET),
    "neuron": ("#e8e8e8", "#4a545e"),
}
OUTPUT_COLOURS = ("#fdebd0", "#b86e00")
TITLE_COLOURS = {"computed": "#edf0f3", "output": "#f8d9a8"}  # behind titles
FRAME_FILLS, FRAME_LINE = ("#f6f8fa", "#edf1f5", "#e4eaf0", "#dbe2ea"), "#b4bfca"  # of scopes, from the outermost in
MARK_COLOURS = {"nan": ALARM, "inf": ALARM, "exploding gradient": ALARM, "added": GREEN, "removed": ORANGE, "changed": PURPLE}
#: Fills of neurons; white text has a contrast of at least 5.3 on each.
INPUT_LAYER, HIDDEN_LAYER, OUTPUT_LAYER = "#b83a3a", "#7048b0", "#23784a"
#: From pale yellow for small gradients to dark blue for large ones; lightness alone shows the order.
RAMP = ((248, 230, 140), (168, 216, 170), (65, 174, 188), (36, 98, 160), (12, 30, 92))


def gradient_colour(norm: float, low: float, high: float) -> str:
    """Return the colour of a gradient on a logarithmic scale: pale is small, dark is large, white is zero, red is not finite.

    The scale spans at least a factor of ten, so that small differences do not look large.

    >>> gradient_colour(1e-5, 1e-5, 1.0), gradient_colour(1.0, 1e-5, 1.0), gradient_colour(0.0, 1e-5, 1.0)
    ('#f8e68c', '#0c1e5c', '#ffffff')
    """
    if not math.isfinite(norm):
        return ALARM
    if norm == 0.0:
        return WHITE
    top = math.log10(high)
    bottom = min(math.log10(low), top - 1.0)
    at = min(max((math.log10(norm) - bottom) / (top - bottom), 0.0), 1.0) * (len(RAMP) - 1)
    first = min(int(at), len(RAMP) - 2)
    return blend(RAMP[first], RAMP[first + 1], at - first)


def sign_colour(strength: float) -> str:
    """Return blue for positive strengths and zero, orange for negative ones."""
    return BLUE if strength >= 0.0 else ORANGE


def line_width(strength: float) -> float:
    """Return the width of a line in points: the stronger, the wider."""
    return 0.5 + 2.5 * min(abs(strength), 1.0)


def blend(first: tuple[int, int, int], second: tuple[int, int, int], share: float) -> str:
    """Return a colour between two, ``"#rrggbb"``: `share` 0 is the first, 1 the second."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(first, second, strict=True))


def channels(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of ``"#rrggbb"``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def ink_on(colour: str) -> str:
    """Return black or white, whichever is easier to read on a colour."""
    red, green, blue = channels(colour)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE

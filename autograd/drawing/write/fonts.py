"""Keeps the text of an SVG inside its boxes, whatever fonts the reader has installed.

Layouts are computed with the widths of Helvetica. Without it a browser uses another font, which may be a sixth wider, and
text overflows its box. Therefore every SVG names fonts of the same widths, and every text has a fixed length.
"""

from __future__ import annotations

import html
import re

#: Helvetica, fonts of the same widths, and fonts of other systems.
FAMILY = "Helvetica,Arial,Liberation Sans,Nimbus Sans,Arimo,DejaVu Sans Condensed,DejaVu Sans,sans-serif"
#: The widths of ASCII characters, starting with the space, in thousandths of the font size, from Adobe's font metrics.
# fmt: off
REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
    556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)
BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611,
    611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
)
# fmt: on
OTHER = 278  # for each byte of another character: about right, and what graphviz-pure reserves
NARROW = {"\u00a0": 278, "•": 350, "·": 278, "−": 584}  # other characters that are narrower

TEXT = re.compile(rb"<text ([^>]*)>([^<]*)</text>")


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a text in Helvetica.

    >>> text_width("width", 10.0), text_width("width", 10.0, bold=True)
    (23.34, 26.11)
    """
    widths = BOLD if bold else REGULAR
    units = 0
    for c in text:
        units += widths[ord(c) - 32] if " " <= c <= "~" else NARROW.get(c, OTHER * len(c.encode("utf-8", "replace")))
    return round(units * size / 1000.0, 2)


def fix_text_lengths(svg: bytes) -> bytes:
    """Return an SVG by Graphviz with several fonts to choose from, and with the lengths of texts fixed to fit their boxes.

    >>> fix_text_lengths(b'<text x="8" font-family="Helvetica,sans-Serif" font-size="10.00">width</text>')
    b'<text x="8" font-size="10.00" textLength="23.34" lengthAdjust="spacingAndGlyphs">width</text>'
    """
    return TEXT.sub(with_length, svg).replace(b"<svg ", f'<svg font-family="{FAMILY}" '.encode(), 1)


def with_length(found: re.Match[bytes]) -> bytes:
    """Return a text element with its length and without its font, which is set for the whole SVG."""
    attributes, content = found[1].decode(), html.unescape(found[2].decode())
    size = re.search(r'font-size="([\d.]+)"', attributes)
    if 'font-family="Helvetica' not in attributes or size is None or not content.strip():
        return found[0]
    attributes = re.sub(' ?font-family="[^"]*"', "", attributes)
    width = text_width(content, float(size[1]), 'font-weight="bold"' in attributes)
    attributes += f' textLength="{width:g}" lengthAdjust="spacingAndGlyphs"'
    return b"<text %s>%s</text>" % (attributes.encode(), found[2])

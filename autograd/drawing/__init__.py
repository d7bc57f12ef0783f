"""Drawing: a picture of the graph below a Value."""

from autograd.drawing.render import Drawing, draw

__all__ = ["Drawing", "draw"]

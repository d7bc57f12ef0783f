"""Drawing: pictures of the graph below a Value, a page that plays its backward pass, and networks as textbooks draw them."""

from autograd.drawing.drawings import Drawing, draw
from autograd.drawing.network import draw_network

__all__ = ["Drawing", "draw", "draw_network"]

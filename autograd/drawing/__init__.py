"""Drawing: pictures of the graph below a Value, a page that plays its backward pass, and networks as textbooks draw them."""

from autograd.drawing.drawings import Drawing, draw
from autograd.drawing.network import draw_network
from autograd.recording import Recorder

__all__ = ["Drawing", "Recorder", "draw", "draw_network"]

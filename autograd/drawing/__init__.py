"""Draws graphs of Values as pictures and as pages that play the backward pass, and networks as in textbooks."""

from autograd.drawing.drawings import Drawing, draw
from autograd.drawing.network import draw_network

__all__ = ["Drawing", "draw", "draw_network"]

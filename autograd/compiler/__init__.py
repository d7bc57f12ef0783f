"""Record what a function computes once, as a program of NumPy calls, and replay it. README.md explains the parts."""

from autograd.compiler.compiled import Compiled as Compiled
from autograd.compiler.state import draw as draw
from autograd.compiler.state import effect as effect
from autograd.compiler.state import known_finite as known_finite
from autograd.compiler.state import live as live
from autograd.compiler.vectors import join_data as join_data
from autograd.compiler.vectors import split_vector as split_vector
from autograd.compiler.vectors import vector_of as vector_of

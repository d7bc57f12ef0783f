"""Gradient verification: the gradients of the graph against differences of the function itself."""

from autograd.verify.numerical import GradientReport, check_gradients
from autograd.verify.operations import check_operation

__all__ = ["GradientReport", "check_gradients", "check_operation"]

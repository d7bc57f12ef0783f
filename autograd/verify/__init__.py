"""Gradient verification: is this gradient right, whoever computed it, and if not, which operation is wrong?"""

from autograd.verify.check import assert_gradients, check_gradients, check_model
from autograd.verify.operations import check_operation
from autograd.verify.report import Blame, GradientError, GradientReport, Points, Row, Verdict
from autograd.verify.subjects.frameworks import from_jax, from_torch

__all__ = [
    "Blame", "GradientError", "GradientReport", "Points", "Row", "Verdict", "assert_gradients", "check_gradients", "check_model",
    "check_operation", "from_jax", "from_torch",
]  # fmt: skip

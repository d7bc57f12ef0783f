"""valuegrad: reverse-mode automatic differentiation that can be read, trusted and used."""

from __future__ import annotations

from autograd.backward import gradient
from autograd.ops.elementwise import (
    abs, add, astype, clip, cos, div, exp, leaky_relu, log, maximum, minimum, mul, neg, pow, relu, sigmoid,
    sin, softplus, sqrt, sub, tanh, where,
)  # fmt: skip
from autograd.ops.linalg import linear, matmul
from autograd.ops.reductions import log_softmax, logsumexp, max, mean, min, softmax, sum
from autograd.ops.shapes import broadcast_to, concatenate, expand_dims, reshape, squeeze, stack, transpose
from autograd.scopes import debug, no_grad, record_lines, scope
from autograd.value import Value

# A star import leaves out what would hide a builtin: abs, max, min, pow, sum.
__all__ = [
    "Value", "add", "astype", "broadcast_to", "clip", "concatenate", "cos", "debug", "div", "exp", "expand_dims",
    "gradient", "leaky_relu", "linear", "log", "log_softmax", "logsumexp", "matmul", "maximum", "mean", "minimum",
    "mul", "neg", "no_grad", "record_lines", "relu", "reshape", "scope", "sigmoid", "sin", "softmax", "softplus", "sqrt",
    "squeeze", "stack", "sub", "tanh", "transpose", "where",
]  # fmt: skip

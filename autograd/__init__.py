"""valuegrad: reverse-mode automatic differentiation that can be read, trusted and used.

This module has the names that a program usually needs. autograd.ops has all operations, and NumPy's functions take Values.
"""

import warnings
from typing import Any

from autograd import allocator, ops

# isort: off
from autograd.value import Value
from autograd.ops import array, concatenate, stack, where
from autograd.ops import cos, exp, log, log_softmax, logsumexp, relu, sigmoid, sin, softmax, softplus, sqrt, tanh
from autograd.scopes import debug, no_grad, record_lines, scope
from autograd.backward import gradient
from autograd.transforms.functional import (
    elementwise_grad, grad, hessian, hvp, jacobian, jvp, stop_gradient, value_and_grad, vjp)  # fmt: skip
from autograd.transforms.checkpoint import checkpoint
from autograd.compiler.compiled import compile as compile
from autograd.ops.define import primitive
from autograd.verify import assert_gradients, check_gradients, check_model
from autograd.drawing import Drawing, draw, draw_network
from autograd.recording import Recorder
# isort: on

allocator.keep_freed_memory()

#: All of these names but compile, which a star import would put in place of Python's own.
__all__ = [
    "Value", "array", "concatenate", "stack", "where",
    "cos", "exp", "log", "log_softmax", "logsumexp", "relu", "sigmoid", "sin", "softmax", "softplus", "sqrt", "tanh",
    "debug", "no_grad", "record_lines", "scope",
    "elementwise_grad", "grad", "gradient", "hessian", "hvp", "jacobian", "jvp", "stop_gradient", "value_and_grad", "vjp",
    "checkpoint", "primitive",
    "assert_gradients", "check_gradients", "check_model",
    "Drawing", "Recorder", "draw", "draw_network",
]  # fmt: skip

#: Operations that moved from here to autograd.ops.
MOVED = {
    "abs", "adaptive_avg_pool", "add", "astype", "avg_pool", "broadcast_to", "celu", "centre", "clip", "conv", "conv_transpose",
    "div", "elu", "expand_dims", "gelu", "glu", "gru", "hard_sigmoid", "hard_tanh", "leaky_relu", "linear", "log_loss", "lstm",
    "matmul", "max", "max_pool", "maximum", "mean", "min", "minimum", "mish", "mul", "multigammaln", "neg", "normal_cdf",
    "polygamma", "pow", "prelu", "put_along_axis", "relu6", "reshape", "rms_normalise", "rnn", "selu", "silu",
    "softmax_cross_entropy", "softsign", "squeeze", "step", "sub", "sum", "transpose",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in MOVED:
        warnings.warn(f"autograd.{name} is deprecated: use autograd.ops.{name}", DeprecationWarning, stacklevel=2)
        return getattr(ops, name)
    raise AttributeError(f"module 'autograd' has no attribute {name!r}")

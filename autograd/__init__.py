"""valuegrad: reverse-mode automatic differentiation that can be read, trusted and used."""

# fmt: off
# isort: off
from autograd.backward import gradient
from autograd.drawing import Drawing, draw, draw_network
from autograd.transforms.functional import (
    elementwise_grad, grad, hessian, hvp, jacobian, jvp, stop_gradient, value_and_grad, vjp)
from autograd.ops.activations import (
    celu, elu, gelu, glu, hard_sigmoid, hard_tanh, log_loss, mish, normal_cdf, prelu, relu6, selu, silu, softmax_cross_entropy,
    softsign, step)
from autograd.ops.convolution import adaptive_avg_pool, avg_pool, conv, conv_transpose, max_pool
from autograd.ops.elementwise import (
    add, astype, cos, div, exp, log, mul, neg, pow, sigmoid, sin, softplus, sqrt, sub, tanh, where)
from autograd.ops.define import primitive
from autograd.ops.indexing import put_along_axis
from autograd.ops.normalisation import centre, rms_normalise
from autograd.ops.kinks import abs, clip, leaky_relu, maximum, minimum, relu
from autograd.ops.products import linear, matmul
from autograd.ops.recurrence import gru, lstm, rnn
from autograd.ops.reductions import log_softmax, logsumexp, max, mean, min, softmax, sum
from autograd.ops.shapes import array, broadcast_to, concatenate, expand_dims, reshape, squeeze, stack, transpose
from autograd.ops.special import multigammaln, polygamma
from autograd.transforms.checkpoint import checkpoint
from autograd.recording import Recorder
from autograd.scopes import debug, no_grad, record_lines, scope
from autograd.value import Value
from autograd.verify import assert_gradients, check_gradients, check_model

SHADOWING = [abs, max, min, pow, sum]  # public as well, but a star import must not hide Python's own
__all__ = [
    "Drawing", "Recorder", "Value", "add", "array", "assert_gradients", "astype", "broadcast_to", "centre",
    "check_gradients", "check_model", "checkpoint", "clip", "concatenate", "cos", "debug", "div", "draw", "draw_network",
    "elementwise_grad", "exp",
    "expand_dims", "grad", "gradient", "hessian", "hvp", "jacobian", "jvp", "leaky_relu", "linear", "log", "log_softmax",
    "logsumexp", "matmul", "maximum", "mean", "minimum", "mul", "multigammaln", "neg", "no_grad", "polygamma", "primitive",
    "put_along_axis", "record_lines", "relu", "reshape", "rms_normalise", "scope", "sigmoid", "sin", "softmax", "softplus",
    "sqrt", "squeeze",
    "celu", "elu", "gelu", "glu", "hard_sigmoid", "hard_tanh", "log_loss", "mish", "normal_cdf", "prelu", "relu6", "selu", "silu",
    "softmax_cross_entropy", "softsign", "step",
    "gru", "lstm", "rnn",
    "adaptive_avg_pool", "avg_pool", "conv", "conv_transpose", "max_pool",
    "stack", "stop_gradient", "sub", "tanh", "transpose", "value_and_grad", "vjp", "where",
]

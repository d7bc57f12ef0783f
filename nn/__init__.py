"""Neural networks on autograd: neurons of scalar Values, layers on arrays, losses and optimisers."""

# isort: off
from autograd import leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh
from nn.module import Module
from nn.neurons import MLP, Layer, Neuron
from nn.containers import Sequential
from nn.layers import Linear
from nn.activations import LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Softplus, Tanh
from nn.losses import cross_entropy, hinge_loss, mse_loss
from nn.optimisers import SGD, Adam, Optimizer

# fmt: off
__all__ = [
    "leaky_relu", "log_softmax", "relu", "sigmoid", "softmax", "softplus", "tanh",  # functions of autograd
    "Module",
    "MLP", "Layer", "Neuron",
    "Sequential",  # containers
    "Linear",  # layers
    "LeakyReLU", "LogSoftmax", "ReLU", "Sigmoid", "Softmax", "Softplus", "Tanh",  # activations
    "cross_entropy", "hinge_loss", "mse_loss",  # losses
    "SGD", "Adam", "Optimizer",  # optimisers
]

"""Neural networks on autograd: neurons of scalar Values, layers on arrays, losses and optimisers."""

from autograd import leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh
from nn.layers import LeakyReLU, Linear, LogSoftmax, ReLU, Sequential, Sigmoid, Softmax, Softplus, Tanh
from nn.losses import cross_entropy, hinge_loss, mse_loss
from nn.module import Module
from nn.neurons import MLP, Layer, Neuron
from nn.optimisers import SGD, Adam, Optimizer

__all__ = [
    "MLP", "SGD", "Adam", "Layer", "LeakyReLU", "Linear", "LogSoftmax", "Module", "Neuron", "Optimizer", "ReLU",
    "Sequential", "Sigmoid", "Softmax", "Softplus", "Tanh", "cross_entropy", "hinge_loss", "leaky_relu",
    "log_softmax", "mse_loss", "relu", "sigmoid", "softmax", "softplus", "tanh",
]  # fmt: skip

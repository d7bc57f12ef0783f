"""Neural networks on autograd: neurons of scalar Values, layers on arrays, losses, optimisers, data, training, checkpoints."""

# isort: off
# fmt: off
from autograd import log_softmax, relu, sigmoid, softmax, softplus, tanh
from autograd.ops import celu, elu, gelu, glu, hard_sigmoid, hard_tanh, leaky_relu, mish, prelu, relu6, selu, silu, softsign, step
from nn.module import Module
from nn.seeds import seed
from nn.layers.neurons import MLP, Layer, Neuron
from nn.containers import ModuleDict, ModuleList, Residual, Sequential
from nn.layers.linear import Bilinear, Dropout, Embedding, Flatten, Identity, Linear, dropout
from nn.layers.convolution import (
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, MaxPool1d,
    MaxPool2d)
from nn.layers.normalisation import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from nn.layers.attention import MultiHeadAttention, TransformerBlock, scaled_dot_product_attention, sinusoidal_positions
from nn.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from nn.layers.activations import (
    CELU, ELU, GELU, GLU, SELU, FunctionModule, Hardsigmoid, Hardtanh, LeakyReLU, LogSoftmax, Mish, PReLU, ReLU, ReLU6, Sigmoid,
    SiLU, Softmax, Softplus, Softsign, Step, Tanh)
from nn.losses import (
    BCELoss, BCEWithLogitsLoss, CosineEmbeddingLoss, CosineSimilarity, CrossEntropyLoss, GaussianNLLLoss, HalfSquareLoss,
    HingeEmbeddingLoss, HingeLoss, HuberLoss, KLDivLoss, L1Loss, MSELoss, MarginRankingLoss, MultiMarginLoss, NLLLoss,
    PoissonNLLLoss, SmoothL1Loss, TripletMarginLoss, binary_cross_entropy, binary_cross_entropy_with_logits,
    cosine_embedding_loss, cosine_similarity, cross_entropy, gaussian_nll_loss, half_square_loss, hinge_embedding_loss,
    hinge_loss, huber_loss, kl_div, l1_loss, margin_ranking_loss, mse_loss, multi_margin_loss, nll_loss, poisson_nll_loss,
    smooth_l1_loss, triplet_margin_loss)
from nn.training.guards import (
    DeadUnitWarning, Guard, GuardWarning, NonFiniteGradientWarning, StaleGradientWarning, UnreachedParameterWarning,
    ZeroGradientWarning)
from nn.training.optimisers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, Optimizer, RAdam, RMSprop
from nn.training.lbfgs import LBFGS
from nn.training.clipping import clip_grad_norm, clip_grad_norm_, clip_grad_value, clip_grad_value_
from nn.training.schedules import (
    ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, ExponentialLR, LambdaLR, LinearLR, LRScheduler, MultiplicativeLR,
    MultiStepLR, PolynomialLR, ReduceLROnPlateau, ScheduleOrderWarning, StepLR)
from nn.training.momentum_schedules import CyclicLR, OneCycleLR
from nn.training.composite_schedules import ChainedScheduler, SequentialLR
from nn.training.data import DataLoader, Subset, collate_samples, random_split
from nn.storage.datasets import mnist, read_idx
from nn.storage.tables import read_csv
from nn.storage.checkpoints import Checkpoint, CheckpointError, load, save
from nn.training.metrics import accuracy, r2_score
from nn.training.history import History
from nn.training.evaluation import evaluate
from nn.training.fit import SaveCheckpoint, StopTraining, Training, fit
from nn.pytorch import from_pytorch, read_weights, to_pytorch

__all__ = [
    "celu", "elu", "gelu", "glu", "hard_sigmoid", "hard_tanh", "leaky_relu", "log_softmax", "mish", "prelu", "relu", "relu6",
    "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "step", "tanh",  # functions of autograd
    "Module", "seed",
    "MLP", "Layer", "Neuron",
    "ModuleDict", "ModuleList", "Residual", "Sequential",  # containers
    "Bilinear", "Dropout", "Embedding", "Flatten", "Identity", "Linear", "dropout",  # layers
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d", "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d",
    "MaxPool1d", "MaxPool2d",  # convolution
    "BatchNorm1d", "BatchNorm2d", "GroupNorm", "LayerNorm", "RMSNorm",  # normalisation
    "MultiHeadAttention", "TransformerBlock", "scaled_dot_product_attention", "sinusoidal_positions",  # attention
    "GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell",  # recurrent
    "CELU", "ELU", "FunctionModule", "GELU", "GLU", "Hardsigmoid", "Hardtanh", "LeakyReLU", "LogSoftmax", "Mish", "PReLU",
    "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softplus", "Softsign", "Step", "Tanh",  # activations
    "BCELoss", "BCEWithLogitsLoss", "CosineEmbeddingLoss", "CosineSimilarity", "CrossEntropyLoss", "GaussianNLLLoss",
    "HalfSquareLoss", "HingeEmbeddingLoss", "HingeLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss",
    "MultiMarginLoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "TripletMarginLoss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "gaussian_nll_loss",
    "half_square_loss", "hinge_embedding_loss", "hinge_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss",
    "mse_loss", "multi_margin_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss", "triplet_margin_loss",  # losses
    "DeadUnitWarning", "Guard", "GuardWarning", "NonFiniteGradientWarning", "StaleGradientWarning", "UnreachedParameterWarning",
    "ZeroGradientWarning",  # guards
    "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "AdamW", "NAdam", "Optimizer", "RAdam", "RMSprop",  # optimisers
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value", "clip_grad_value_",  # clipping
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR", "LambdaLR",
    "LinearLR", "LRScheduler", "MultiplicativeLR", "MultiStepLR", "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau",
    "ScheduleOrderWarning", "SequentialLR", "StepLR",  # schedules
    "DataLoader", "Subset", "collate_samples", "random_split",  # data
    "mnist", "read_csv", "read_idx",  # readers
    "Checkpoint", "CheckpointError", "load", "save",  # saving
    "History", "SaveCheckpoint", "StopTraining", "Training", "accuracy", "evaluate", "fit", "r2_score",  # training
    "from_pytorch", "read_weights", "to_pytorch",  # pytorch
]

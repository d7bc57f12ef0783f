"""Small dtypes and integers in networks: every layer, activation, loss and metric takes integers as the same floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value

INTEGERS = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]

Make = Callable[[Any], Any]

#: How to make each layer in a dtype, and the shapes of its inputs.
LAYERS: dict[str, tuple[Make, list[tuple[int, ...]]]] = {
    "Linear": (lambda d: nn.Linear(4, 3, dtype=d, rng=0), [(5, 4)]),
    "Bilinear": (lambda d: nn.Bilinear(4, 2, 3, dtype=d, rng=0), [(5, 4), (5, 2)]),
    "Dropout": (lambda d: nn.Dropout(0.5, rng=0), [(5, 4)]),
    "Flatten": (lambda d: nn.Flatten(), [(5, 2, 2)]),
    "Identity": (lambda d: nn.Identity(), [(5, 4)]),
    "Conv1d": (lambda d: nn.Conv1d(2, 3, 2, padding_mode="circular", padding=1, dtype=d, rng=0), [(2, 2, 6)]),
    "Conv2d": (lambda d: nn.Conv2d(2, 3, 2, dtype=d, rng=0), [(2, 2, 5, 4)]),
    "ConvTranspose1d": (lambda d: nn.ConvTranspose1d(2, 3, 2, dtype=d, rng=0), [(2, 2, 6)]),
    "ConvTranspose2d": (lambda d: nn.ConvTranspose2d(2, 3, 2, dtype=d, rng=0), [(2, 2, 5, 4)]),
    "MaxPool1d": (lambda d: nn.MaxPool1d(2, padding=1), [(2, 2, 6)]),
    "MaxPool2d": (lambda d: nn.MaxPool2d(2), [(2, 2, 4, 4)]),
    "AvgPool1d": (lambda d: nn.AvgPool1d(3), [(2, 2, 6)]),
    "AvgPool2d": (lambda d: nn.AvgPool2d(2, padding=1), [(2, 2, 4, 4)]),
    "AdaptiveAvgPool1d": (lambda d: nn.AdaptiveAvgPool1d(2), [(2, 2, 5)]),
    "AdaptiveAvgPool2d": (lambda d: nn.AdaptiveAvgPool2d(1), [(2, 2, 20, 20)]),
    "BatchNorm1d": (lambda d: nn.BatchNorm1d(4, dtype=d), [(5, 4)]),
    "BatchNorm2d": (lambda d: nn.BatchNorm2d(2, affine=False, dtype=d), [(3, 2, 4, 4)]),
    "GroupNorm": (lambda d: nn.GroupNorm(2, 4, dtype=d), [(3, 4, 5)]),
    "LayerNorm": (lambda d: nn.LayerNorm(4, dtype=d), [(5, 4)]),
    "RMSNorm": (lambda d: nn.RMSNorm(4, dtype=d), [(5, 4)]),
    "MultiHeadAttention": (lambda d: nn.MultiHeadAttention(4, 2, dtype=d, rng=0), [(3, 5, 4)]),
    "TransformerBlock": (lambda d: nn.TransformerBlock(4, 2, dropout=0.0, norm_first=True, dtype=d, rng=0), [(3, 5, 4)]),
    "RNN": (lambda d: nn.RNN(4, 3, dtype=d, rng=0), [(5, 2, 4), (1, 2, 3)]),
    "GRU": (lambda d: nn.GRU(4, 3, dtype=d, rng=0), [(5, 2, 4), (1, 2, 3)]),
    "LSTM": (lambda d: nn.LSTM(4, 3, dtype=d, rng=0), [(5, 2, 4)]),
    "RNNCell": (lambda d: nn.RNNCell(4, 3, dtype=d, rng=0), [(2, 4), (2, 3)]),
    "GRUCell": (lambda d: nn.GRUCell(4, 3, dtype=d, rng=0), [(2, 4), (2, 3)]),
    "LSTMCell": (lambda d: nn.LSTMCell(4, 3, dtype=d, rng=0), [(2, 4)]),
    "PReLU": (lambda d: nn.PReLU(4, dtype=d), [(5, 4)]),
    "Residual": (lambda d: nn.Residual(nn.Linear(4, 4, dtype=d, rng=0)), [(5, 4)]),
    "Sequential": (lambda d: nn.Sequential(nn.Flatten(), nn.Linear(4, 3, dtype=d, rng=0)), [(5, 2, 2)]),
    "MLP": (lambda d: nn.MLP(3, [4, 1], rng=0), [(3,)]),
    "Layer": (lambda d: nn.Layer(3, 1, rng=0), [(3,)]),
    "Neuron": (lambda d: nn.Neuron(3, rng=0), [(3,)]),
}  # fmt: skip

#: Activations with their settings: modules are made with them, functions called with them.
ACTIVATIONS: dict[str, dict[str, Any]] = {
    name: {} for name in [
        "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign", "Sigmoid",
        "Hardsigmoid", "Tanh", "Hardtanh", "Step", "Softmax", "LogSoftmax", "GLU",
        "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "sigmoid",
        "hard_sigmoid", "tanh", "hard_tanh", "step", "softmax", "log_softmax", "glu",
    ]
}  # fmt: skip

#: What the targets of each loss are: "any" numbers, "unit" for 0 and 1, "classes", "ones" for signs, "none", and "vectors".
LOSSES = {
    "mse_loss": "any", "half_square_loss": "any", "l1_loss": "any", "huber_loss": "any", "smooth_l1_loss": "any",
    "gaussian_nll_loss": "var", "poisson_nll_loss": "any", "cross_entropy": "classes", "nll_loss": "classes",
    "multi_margin_loss": "classes", "binary_cross_entropy": "unit", "binary_cross_entropy_with_logits": "unit", "kl_div": "unit",
    "hinge_loss": "ones", "hinge_embedding_loss": "ones", "margin_ranking_loss": "pair", "cosine_similarity": "any",
    "cosine_embedding_loss": "rows", "triplet_margin_loss": "triple", "r2_score": "any", "accuracy": "classes",
    "MSELoss": "any", "HalfSquareLoss": "any", "L1Loss": "any", "HuberLoss": "any", "SmoothL1Loss": "any",
    "GaussianNLLLoss": "var", "PoissonNLLLoss": "any", "CrossEntropyLoss": "classes", "NLLLoss": "classes",
    "MultiMarginLoss": "classes", "BCELoss": "unit", "BCEWithLogitsLoss": "unit", "KLDivLoss": "unit", "HingeLoss": "ones",
    "HingeEmbeddingLoss": "ones", "MarginRankingLoss": "pair", "CosineSimilarity": "any", "CosineEmbeddingLoss": "rows",
    "TripletMarginLoss": "triple",
}  # fmt: skip

#: What takes no array of numbers to compute with, or has tests of its own below.
OTHERS = {"Module", "FunctionModule", "ModuleDict", "ModuleList", "Embedding", "prelu", "dropout", "scaled_dot_product_attention",
          "sinusoidal_positions"}  # fmt: skip


def whole(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> Any:
    """Whole numbers of a dtype, with sums and squares far outside of int8 and uint8."""
    high = 2 if dtype is np.bool_ else 120
    low = -high if np.dtype(dtype).kind == "i" else 0
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def parts(out: Any) -> list[Any]:
    """The Values or arrays of a result, also of a nested one."""
    if isinstance(out, (tuple, list)):
        return [part for item in out for part in parts(item)]
    return [] if out is None else [out]


def plain(out: Any) -> Any:
    return out.data if isinstance(out, Value) else np.asarray(out)


def run(module: Any, inputs: list[Any]) -> list[Any]:
    """All results of a module, and the gradients of its parameters."""
    outs = parts(module(*inputs))
    if module.parameters():
        sum(out.sum() for out in outs if isinstance(out, Value)).backward()
    return [*map(plain, outs), *(parameter.grad for parameter in module.parameters())]


def test_every_layer_activation_loss_and_metric_is_here() -> None:
    layers = {name for name in nn.__all__ if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)}
    functions = {
        name for name in nn.__all__
        if getattr(getattr(nn, name), "__module__", "") in ("nn.losses", "nn.attention", "nn.layers") or hasattr(autograd, name)
    }  # fmt: skip
    here = LAYERS.keys() | ACTIVATIONS.keys() | LOSSES.keys() | OTHERS
    assert (layers | functions | {"accuracy", "r2_score"}) - here == set(), "add it to the sweep over integers"


@pytest.mark.parametrize("name", LAYERS)
def test_layers_take_integers_as_the_same_floats(name: str) -> None:
    make, shapes = LAYERS[name]
    for dtype in INTEGERS:
        inputs = [whole(shape, dtype) for shape in shapes]
        twins = [item.astype(float) for item in inputs]
        for came, right in zip(run(make(np.float64), inputs), run(make(np.float64), twins), strict=True):
            np.testing.assert_allclose(np.asarray(came, float), np.asarray(right, float), 1e-13, 1e-13, err_msg=dtype.__name__)


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"MLP", "Layer", "Neuron"}))  # whose numbers are Python's
def test_layers_of_float32_give_float32_for_integers(name: str) -> None:
    make, shapes = LAYERS[name]
    layer = make(np.float32)
    if layer.parameters() or hasattr(layer, "running_mean"):
        for dtype in (np.uint8, np.int64):
            for out in parts(layer(*(whole(shape, dtype) for shape in shapes))):
                assert out.dtype == np.float32, dtype


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_take_integers_as_the_same_floats(name: str) -> None:
    function = getattr(nn, name)
    function = function() if isinstance(function, type) else function
    for dtype in INTEGERS:
        x = whole((3, 4), dtype)
        scalars = [] if "softmax" in name.lower() or name.lower() == "glu" else [x[0, 0]]
        for item, twin in ((x, x.astype(float)), *((item, float(item)) for item in scalars)):
            came = np.asarray(function(item))
            assert came.dtype == np.float64
            np.testing.assert_array_equal(came, function(twin), dtype.__name__)


def arguments(kind: str, dtype: Any) -> list[Any]:
    """Predictions and targets of a loss, all whole numbers of a dtype."""
    shape = (4, 3)
    x, y = whole(shape, dtype, 1), whole(shape, dtype, 2)
    labels = np.array([2, 0, 1, 1])
    return {
        "any": [x, y], "var": [x, y, np.ones(shape, dtype)], "triple": [x, y, whole(shape, dtype, 3)],
        "classes": [x, labels.astype(np.int64 if dtype is np.bool_ else dtype)], "ones": [x, np.ones(shape, dtype)],
        "unit": [np.eye(4, 3, dtype=dtype), np.eye(4, 3, 1, dtype=dtype)], "pair": [x, y, np.ones(shape, dtype)],
        "rows": [x, y, np.ones(4, dtype)],
    }[kind]  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_metrics_take_integers_as_the_same_floats(name: str) -> None:
    function = getattr(nn, name)
    function = function() if isinstance(function, type) else function
    for dtype in INTEGERS:
        inputs = arguments(LOSSES[name], dtype)
        twins = [inputs[0].astype(float), *(item if LOSSES[name] == "classes" else item.astype(float) for item in inputs[1:])]
        right = plain(function(*twins))
        np.testing.assert_array_equal(plain(function(*inputs)), right, dtype.__name__)
        np.testing.assert_array_equal(plain(function(Value(twins[0]), *inputs[1:])), right, dtype.__name__)


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in ("r2_score", "accuracy")])
def test_losses_of_float32_give_float32_for_integers(name: str) -> None:
    function = getattr(nn, name)
    how = {"axis": -1} if name in ("cosine_similarity", "CosineSimilarity") else {"reduction": "none"}
    for dtype in (np.uint8, np.int64):
        x, *others = arguments(LOSSES[name], dtype)
        x = Value(x.astype(np.float32) / np.float32(64.0 if LOSSES[name] != "unit" else 1.0))
        out = function(**how)(x, *others) if isinstance(function, type) else function(x, *others, **how)
        assert out.dtype == np.float32

"""Small dtypes and integers in networks: every layer, activation, loss and metric treats integers as the same floats."""

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

#: Activations with their settings, for modules and functions.
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

#: Functions that take no array of numbers, or have their own tests below.
OTHERS = {"Module", "FunctionModule", "ModuleDict", "ModuleList", "Embedding", "prelu", "dropout", "scaled_dot_product_attention",
          "sinusoidal_positions"}  # fmt: skip


def whole(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> Any:
    """Return whole numbers of a dtype, with sums and squares far outside of int8 and uint8."""
    high = 2 if dtype is np.bool_ else 120
    low = -high if np.dtype(dtype).kind == "i" else 0
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def parts(out: Any) -> list[Any]:
    """Return the Values or arrays of a result, also of a nested one."""
    if isinstance(out, (tuple, list)):
        return [part for item in out for part in parts(item)]
    return [] if out is None else [out]


def plain(out: Any) -> Any:
    return out.data if isinstance(out, Value) else np.asarray(out)


def run(module: Any, inputs: list[Any]) -> list[Any]:
    """Return all results of a module, and the gradients of its parameters."""
    outs = parts(module(*inputs))
    if module.parameters():
        sum(out.sum() for out in outs if isinstance(out, Value)).backward()
    return [*map(plain, outs), *(parameter.grad for parameter in module.parameters())]


def test_every_layer_activation_loss_and_metric_is_here() -> None:
    layers = {name for name in nn.__all__ if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)}
    homes = ("nn.losses", "nn.layers.attention", "nn.layers.linear")
    functions = {
        name for name in nn.__all__
        if getattr(getattr(nn, name), "__module__", "") in homes or hasattr(autograd.ops, name)
    }  # fmt: skip
    here = LAYERS.keys() | ACTIVATIONS.keys() | LOSSES.keys() | OTHERS
    assert (layers | functions | {"accuracy", "r2_score"}) - here == set(), "add it to the sweep over integers"


@pytest.mark.parametrize("name", LAYERS)
def test_layers_take_integers_as_the_same_floats(name: str) -> None:
    make, shapes = LAYERS[name]
    for dtype in INTEGERS:
        inputs = [whole(shape, dtype) for shape in shapes]
        twins = [item.astype(float) for item in inputs]
        for got, right in zip(run(make(np.float64), inputs), run(make(np.float64), twins), strict=True):
            np.testing.assert_allclose(np.asarray(got, float), np.asarray(right, float), 1e-13, 1e-13, err_msg=dtype.__name__)


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"MLP", "Layer", "Neuron"}))  # these have Python's numbers
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
            got = np.asarray(function(item))
            assert got.dtype == np.float64
            np.testing.assert_array_equal(got, function(twin), dtype.__name__)


def arguments(kind: str, dtype: Any) -> list[Any]:
    """Return predictions and targets of a loss, all whole numbers of a dtype."""
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


# --- places where integers are labels, lengths, weights, states ------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS[1:])
def test_embeddings_take_indices_of_any_integers(dtype: Any) -> None:
    layer = nn.Embedding(128, 3, padding_idx=-1, rng=0)
    indices = np.array([[0, 100], [127, 127]])
    np.testing.assert_array_equal(layer(indices.astype(dtype)).data, layer(indices).data)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64])
def test_labels_that_fill_their_dtype(dtype: Any) -> None:
    """200 classes as uint8 and an ignored label of 255: no sum of labels wraps."""
    scores = np.random.default_rng(0).normal(size=(5, 200))
    labels = np.array([199, 128, 3, 255, 5])
    weights = np.arange(1, 201)
    for loss in (nn.cross_entropy, nn.nll_loss):
        x, y = Value(scores), Value(scores)
        loss(x, labels.astype(dtype), weights.astype(np.uint8), ignore_index=255).backward()
        loss(y, labels, weights.astype(float), ignore_index=255).backward()
        np.testing.assert_array_equal(x.grad, y.grad)
    assert nn.accuracy(scores, scores.argmax(-1).astype(dtype)) == 1.0


def test_weights_of_samples_as_integers() -> None:
    prediction, target, weight = Value(np.array([1.0, 2.0])), np.array([200, 3], np.uint8), np.array([200, 100], np.uint8)
    assert nn.mse_loss(prediction, target, weight=weight).data == pytest.approx((200 * 199**2 + 100) / 300, rel=1e-15)


def test_recurrent_layers_take_integers_as_states_and_lengths() -> None:
    layer = nn.LSTM(3, 4, dtype=np.float32, rng=0)
    x, h, c = whole((6, 2, 3), np.uint8), np.ones((1, 2, 4), np.int64), np.full((1, 2, 4), 2, np.uint8)
    out, state = layer(x, (h, c), lengths=np.array([6, 3], np.uint8))
    right, right_state = layer(*(x.astype(np.float32), (h.astype(np.float32), c.astype(np.float32))), lengths=[6, 3])
    for got, wanted in zip((out, *state), (right, *right_state), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got.data, wanted.data)


def test_attention_takes_integers_beside_float32() -> None:
    x = whole((2, 5, 4), np.uint8)
    for place in range(3):
        given = [Value(x.astype(np.float32)) if i == place else x for i in range(3)]
        out = nn.scaled_dot_product_attention(*given)
        assert out.dtype == np.float32
        np.testing.assert_allclose(out.data, nn.scaled_dot_product_attention(*[x.astype(float)] * 3), 1e-5)


def test_layers_that_only_move_or_look_up_leave_integers_as_they_are() -> None:
    x = whole((2, 2, 3), np.uint8)
    for layer in (nn.Flatten(), nn.Identity(), nn.Dropout(0.5).eval()):
        assert layer(x).dtype == np.uint8


# --- float16 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, nn.AdamW, nn.RMSprop, nn.Adagrad, nn.Adadelta, nn.Adamax, nn.NAdam, nn.RAdam])
def test_optimisers_move_parameters_of_float16_as_those_of_float32(make: Any) -> None:
    """Gradients of 1e-4, whose squares are 0 in float16, and of 300, whose squares are infinite."""
    found = []
    for dtype in (np.float16, np.float32):
        w = Value(np.array([0.25, -0.5, 0.125], dtype))
        optimizer = make([w], lr=2.0**-8)
        for _ in range(4):
            optimizer.zero_grad()
            w.grad = np.array([1e-4, 1.0, 300.0 if make is not nn.SGD else 3.0], np.float16)
            optimizer.step()
            w.data = w.data.astype(np.float16)  # the parameters of both are rounded
        found.append(w.data.astype(float))
        state = make([Value(np.zeros(3, dtype))])
        state.load_state_dict(optimizer.state_dict())
        assert all(item.dtype == np.float32 for item in next(iter(state.state.values())).values() if np.ndim(item))
    np.testing.assert_array_equal(*found)


def test_a_step_on_float16_changes_the_array_in_place() -> None:
    w = Value(np.ones(2, np.float16))
    held = w.data
    w.grad = np.ones(2)
    nn.Adam([w], lr=0.25).step()
    np.testing.assert_array_equal(held, [0.75, 0.75])
    assert w.data is held


def test_gradients_of_float16_are_clipped_by_factors_that_it_cannot_hold() -> None:
    w = Value(np.ones(4096, np.float16))
    w.grad = np.full(4096, 6e4, np.float16)
    assert nn.clip_grad_norm([w], 0.1) == pytest.approx(64 * 6e4, rel=1e-3)
    np.testing.assert_allclose(w.grad.astype(float), 0.1 / 64, 2e-3)
    nn.clip_grad_value([w], 1e6)  # more than float16 has
    np.testing.assert_allclose(w.grad.astype(float), 0.1 / 64, 2e-3)
    assert nn.training.guards.finite_and_nonzero(np.full(4, 6e4, np.float16)) == (True, True)


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm1d, lambda n, dtype: nn.LayerNorm(n, dtype=dtype), lambda n, dtype: nn.GroupNorm(1, n, dtype=dtype), nn.RMSNorm],
)
def test_statistics_of_float16_are_those_of_float64(layer: Any) -> None:
    x = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float16) * np.float16(200.0)
    small, exact = layer(300, dtype=np.float16), layer(300, dtype=np.float64)
    a, b = Value(x), Value(x.astype(float))
    out, right = small(a), exact(b)
    seed = np.random.default_rng(1).normal(size=x.shape)
    (out * seed.astype(np.float16)).sum().backward()
    (right * seed.astype(np.float16).astype(float)).sum().backward()
    for got, wanted in ((out.data, right.data), (a.grad, b.grad), (small.weight.grad, exact.weight.grad)):
        assert got.dtype == np.float16
        np.testing.assert_allclose(got.astype(float), wanted, 0.0, 4e-3 * np.abs(wanted).max())
    for name, buffer in small.named_buffers():
        np.testing.assert_allclose(buffer.astype(float), dict(exact.named_buffers())[name], 2e-3, 0.1)


def test_losses_of_many_float16() -> None:
    x, labels = np.full((70000, 2), 2.0, np.float16), np.zeros(70000, int)
    assert nn.cross_entropy(Value(x), labels, weight=np.array([3, 1])).data == pytest.approx(np.log(2.0), rel=1e-3)
    assert nn.mse_loss(Value(x), np.zeros(x.shape), weight=np.full(x.shape, 30)).data == pytest.approx(4.0, rel=1e-3)
    assert nn.huber_loss(Value(x), np.zeros(x.shape), delta=0.5).data == pytest.approx(0.875, rel=1e-3)
    far = np.full((2, 4), 300.0, np.float16)  # the product of the lengths is 360,000
    np.testing.assert_allclose(nn.cosine_similarity(Value(far), far).data, 1.0, 1e-3)
    assert nn.r2_score(np.array([1100, 2100, 2900], np.float16), np.array([1000, 2000, 3000], np.float16)) == pytest.approx(0.985)


def test_attention_on_float16_whose_products_overflow() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float16) * np.float16(500.0)
    out = nn.scaled_dot_product_attention(Value(x), x, x)
    assert out.dtype == np.float16
    np.testing.assert_allclose(out.data.astype(float), nn.scaled_dot_product_attention(*[x.astype(float)] * 3), 1e-3)


@pytest.mark.parametrize("layer", [nn.Linear(2, 3, dtype=np.float16, rng=0), nn.Conv1d(2, 3, 1, dtype=np.float16, rng=0)])
def test_gradients_of_biases_count_all_samples(layer: Any) -> None:
    x = np.zeros((4096, 2) if isinstance(layer, nn.Linear) else (64, 2, 64), np.float16)
    layer(x).sum().backward()
    np.testing.assert_array_equal(layer.bias.grad, 4096.0)


def test_rows_that_are_looked_up_often_get_the_whole_gradient() -> None:
    layer = nn.Embedding(4, 2, dtype=np.float16, rng=0)
    layer(np.ones(5000, np.uint8)).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[0.0, 0.0], [5000.0, 5000.0], [0.0, 0.0], [0.0, 0.0]])

"""Linear, Bilinear, Embedding, Flatten and Dropout: closed forms, gradients by numbers, errors."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, gradient
from autograd.verify import Verdict, check_gradients
from tests.nn.layers.layer_checks import r, smooth, verified


@pytest.mark.parametrize("bias", [True, False])
def test_linear_gradients(bias: bool) -> None:
    verified(nn.Linear(3, 2, bias, rng=0), r(4, 3))
    verified(nn.Bilinear(3, 2, 2, bias, rng=0), r(4, 3), r(4, 2))


def test_linear_and_bilinear_are_their_formulas() -> None:
    layer, x = nn.Linear(3, 2, rng=0), r(4, 3)
    np.testing.assert_allclose(layer(x).data, x @ layer.weight.data.T + layer.bias.data)  # type: ignore[union-attr]
    both, y = nn.Bilinear(3, 5, 2, rng=0), r(4, 5)
    expected = np.einsum("ni,oij,nj->no", x, both.weight.data, y) + both.bias.data  # type: ignore[union-attr]
    np.testing.assert_allclose(both(x, y).data, expected)
    np.testing.assert_allclose(both(x[0], y[0]).data, expected[0])
    np.testing.assert_allclose(both(x[None], y[None]).data, expected[None])


def test_bilinear_refuses_other_shapes() -> None:
    text = "Bilinear(3, 5, 2) takes (..., 3) and (..., 5) with the same axes in front, got the shapes (4, 3) and (1, 5)"
    with pytest.raises(ValueError, match=re.escape(text)):
        nn.Bilinear(3, 5, 2)(r(4, 3), r(1, 5))
    with pytest.raises(ValueError, match="takes .*"):
        nn.Bilinear(3, 5, 2)(r(4, 5), r(4, 3))


# --- embedding --------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", [None, 1])
def test_embedding_gradients(padding: int | None) -> None:
    model = nn.Embedding(4, 3, padding, rng=0)
    if padding is None:
        verified(model, np.array([[0, 1, 1], [3, 1, 0]]))
    out = model([[0, 1, 1], [3, 1, 0]])
    (out * np.arange(18.0).reshape(2, 3, 3)).sum().backward()
    expected = np.zeros((4, 3))
    for number, index in enumerate([0, 1, 1, 3, 1, 0]):
        expected[index] += np.arange(3 * number, 3 * number + 3.0) * (index != padding)
    np.testing.assert_array_equal(model.weight.grad, expected)


def test_the_padding_row_has_no_derivative_of_any_order() -> None:
    model = nn.Embedding(3, 2, -1, rng=0)
    assert model.padding_idx == 2
    np.testing.assert_array_equal(model.weight.data[2], 0.0)
    model.weight.data = np.ones((3, 2))
    out = model([2, 0, 2])
    np.testing.assert_array_equal(out.data, 1.0)  # any row is looked up
    slope = gradient((out**3).sum(), model.weight)
    np.testing.assert_array_equal(slope.data, [[3.0, 3.0], [0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(gradient(slope.sum(), model.weight).data, [[6.0, 6.0], [0.0, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint32", "int64", "uint64"])
def test_embedding_takes_every_integer_dtype(dtype: str) -> None:
    model = nn.Embedding(5, 2, rng=0)
    indices = np.array([[4, 0], [1, 4]], dtype)
    np.testing.assert_array_equal(model(indices).data, model.weight.data[indices])
    np.testing.assert_array_equal(model(indices.tolist()).data, model.weight.data[indices])
    assert model(4).shape == (2,)
    assert model([]).shape == (0, 2)
    assert model(np.zeros((3, 0), dtype)).shape == (3, 0, 2)


def test_embedding_refuses_indices_outside_its_table() -> None:
    model = nn.Embedding(5, 2)
    for wrong, reach in ([0, 5], "0 to 5"), ([-1, 2], "-1 to 2"):
        text = f"Embedding(5, 2) has the rows 0 to 4, got indices from {reach}"
        with pytest.raises(ValueError, match=re.escape(text)):
            model(wrong)
    for data in (np.ones(2), np.array([True]), Value([1.0])):
        with pytest.raises(TypeError, match=r"takes integers, got the dtype \w+: use indices.astype\(int\)"):
            model(data)
    with pytest.raises(ValueError, match="padding_idx must be one of the 5 rows, got 5"):
        nn.Embedding(5, 2, 5)


# --- flatten ----------------------------------------------------------------------------------------


def test_flatten() -> None:
    x = r(2, 3, 4)
    for layer, shape in (
        (nn.Flatten(), (2, 12)),
        (nn.Flatten(0), (24,)),
        (nn.Flatten(0, 1), (6, 4)),
        (nn.Flatten(-1), (2, 3, 4)),
    ):
        np.testing.assert_array_equal(layer(x), x.reshape(shape))
        verified(layer, x)
    assert nn.Flatten()(np.zeros((0, 3, 4))).shape == (0, 12)
    with pytest.raises(
        ValueError, match=r"Flatten\(start_axis=1, end_axis=-1\) takes inputs with these axes, in this order, got .*\(3,\)"
    ):
        nn.Flatten()(np.zeros(3))
    with pytest.raises(ValueError, match="in this order"):
        nn.Flatten(2, 1)(x)


def test_identity_returns_its_input() -> None:
    x = Value([1.0])
    assert nn.Identity()(x) is x


# --- dropout ----------------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_the_share() -> None:
    out = nn.Dropout(0.3, rng=0)(np.ones(100_000))
    assert set(np.unique(out)) == {0.0, 1.0 / 0.7}
    assert abs(np.mean(out == 0.0) - 0.3) < 0.005  # 3.4 deviations
    assert abs(out.mean() - 1.0) < 0.01


def test_each_call_of_dropout_draws_new_numbers_from_its_generator() -> None:
    rng = np.random.default_rng(0)
    layer = nn.Dropout(0.5, rng)
    assert layer.rng is rng
    first, second = layer(np.ones(50)), layer(np.ones(50))
    assert (first != second).any()
    assert [name for name, _ in layer.named_generators()] == ["rng"]
    np.testing.assert_array_equal(nn.Dropout(0.5, 0)(np.ones(50)), first)
    copied = pickle.loads(pickle.dumps(layer))
    np.testing.assert_array_equal(copied(np.ones(50)), layer(np.ones(50)))


def test_dropout_leaves_the_global_state_of_numpy_alone() -> None:
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    nn.Sequential(nn.Dropout(), nn.Linear(3, 2))(np.ones(3))
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


def test_dropout_at_its_ends_and_in_eval_mode() -> None:
    x = Value(r(3, 4))
    assert nn.Dropout(0.0)(x) is x
    assert nn.Dropout(0.9).eval()(x) is x
    np.testing.assert_array_equal(nn.Dropout(1.0)(x).data, np.zeros((3, 4)))
    assert nn.Dropout(1.0)(3.0) == 0.0
    for p in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=f"dropout needs a probability from 0 to 1, got p={p}"):
            nn.Dropout(p)
        with pytest.raises(ValueError, match="needs a probability"):
            nn.dropout(x, p)


@pytest.mark.parametrize("mode", [True, False])
def test_dropout_gradients(mode: bool) -> None:
    layer = nn.Dropout(0.4).train(mode)

    def function(x: Any) -> Any:
        layer.rng = np.random.default_rng(1)
        return smooth(layer(x))

    assert check_gradients(function, r(3, 4), order=2).verdict is Verdict.PASS
    x = Value(r(3, 4))
    layer(x).sum().backward()
    assert set(np.unique(x.grad)) == ({0.0, 1.0 / 0.6} if mode else {1.0})


# --- all of them --------------------------------------------------------------------------------------


LAYERS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "Linear": (lambda dtype: nn.Linear(3, 2, dtype=dtype, rng=0), (r(4, 3),)),
    "Bilinear": (lambda dtype: nn.Bilinear(3, 3, 2, dtype=dtype, rng=0), (r(4, 3), r(4, 3))),
    "Embedding": (lambda dtype: nn.Embedding(3, 2, 0, dtype=dtype, rng=0), (np.array([0, 1, 1]),)),
    "Flatten": (lambda dtype: nn.Flatten(), (r(2, 3, 2),)),
    "Dropout": (lambda dtype: nn.Dropout(0.5, 0), (r(20),)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_float32_stays(name: str) -> None:
    make, inputs = LAYERS[name]
    layer = make(np.float32)
    values = [Value(x.astype(np.float32)) if x.dtype.kind == "f" else x for x in inputs]
    out = layer(*values)
    assert out.dtype == np.float32
    out.sum().backward()
    assert {p.grad.dtype for p in layer.parameters()} | {np.dtype(np.float32)} == {np.dtype(np.float32)}
    assert all(x.grad.dtype == np.float32 for x in values if isinstance(x, Value))


@pytest.mark.parametrize("name", ["Linear", "Bilinear", "Embedding"])
def test_frozen_layers_have_no_gradient(name: str) -> None:
    make, inputs = LAYERS[name]
    layer = make(np.float64).freeze()
    values = [Value(x) if x.dtype.kind == "f" else x for x in inputs]
    layer(*values).sum().backward()
    assert not any(p.grad.any() for p in layer.parameters())
    assert all(x.grad.any() for x in values if isinstance(x, Value))
    layer.unfreeze()
    layer(*values).sum().backward()
    assert all(p.grad.any() for p in layer.parameters())


def test_the_same_seed_gives_the_same_layer_and_the_repr_its_sizes() -> None:
    for make, _ in LAYERS.values():
        for p, q in zip(make(np.float64).parameters(), make(np.float64).parameters(), strict=True):
            np.testing.assert_array_equal(p.data, q.data)
    assert [make(float).extra_repr() for make, _ in LAYERS.values()] == [
        "3, 2", "3, 3, 2", "3, 2, padding_idx=0", "start_axis=1, end_axis=-1", "0.5",
    ]  # fmt: skip
    assert nn.Bilinear(1, 2, 3, bias=False).extra_repr() == "1, 2, 3, bias=False"


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(4, 2), nn.Dropout(), nn.Flatten(), nn.Embedding(3, 2), nn.LayerNorm(4), nn.BatchNorm1d(4), nn.GroupNorm(2, 4),
        nn.Conv1d(4, 2, 1), nn.MaxPool1d(2), nn.MultiHeadAttention(4, 2), nn.LSTM(4, 2), nn.GRUCell(4, 2), nn.ReLU(), nn.PReLU(),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_a_tuple_of_a_recurrent_layer_is_named(layer: Any) -> None:
    with pytest.raises(TypeError, match=rf"{type(layer).__name__} takes one .* tuple of 2.*: out, state = lstm\(x\)"):
        layer(nn.LSTM(3, 4, rng=0)(np.ones((5, 2, 3))))


def test_a_tuple_of_numbers_is_data() -> None:
    assert nn.Linear(2, 1)((1.0, 2.0)).shape == (1,)

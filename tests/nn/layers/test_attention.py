"""Attention: closed forms, masks, gradients by numbers, the transformer block, errors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, gradient
from autograd.verify import Verdict, check_gradients, check_model
from tests.nn.layers.layer_checks import r, smooth
from tests.sweeps import slow


def formula(query: Any, key: Any, value: Any, seen: Any = True) -> Any:
    """Compute attention by loops over rows; `seen` (L, S) is the attended part."""
    out = np.zeros((*query.shape[:-1], value.shape[-1]))
    seen = np.broadcast_to(seen, (*query.shape[:-1], key.shape[-2]))
    for place in np.ndindex(query.shape[:-1]):
        chosen = seen[place]
        powers = np.exp(key[place[:-1]][chosen] @ query[place] / np.sqrt(query.shape[-1]))
        if chosen.any():
            out[place] = powers @ value[place[:-1]][chosen] / powers.sum()
    return out


QUERY, KEY, VALUE = r(2, 3, 4), r(2, 5, 4), r(2, 5, 3)
SEEN = np.array([[True, False, True, True, False], [False] * 5, [True] * 5])


def attend(*inputs: Any, **how: Any) -> Any:
    return nn.scaled_dot_product_attention(*inputs, **how)


def test_scaled_dot_products_are_their_formula() -> None:
    np.testing.assert_allclose(attend(QUERY, KEY, VALUE), formula(QUERY, KEY, VALUE))
    np.testing.assert_allclose(attend(QUERY[0], KEY[0], VALUE[0]), formula(QUERY[0], KEY[0], VALUE[0]))
    np.testing.assert_allclose(attend(QUERY, KEY, VALUE, scale=1.0), formula(2.0 * QUERY, KEY, VALUE))
    np.testing.assert_allclose(attend(QUERY, KEY, VALUE, is_causal=True), formula(QUERY, KEY, VALUE, np.tri(3, 5, dtype=bool)))
    np.testing.assert_allclose(attend(QUERY, KEY, VALUE, SEEN), formula(QUERY, KEY, VALUE, SEEN))
    both = SEEN & np.tri(3, 5, dtype=bool)
    np.testing.assert_allclose(attend(QUERY, KEY, VALUE, SEEN, is_causal=True), formula(QUERY, KEY, VALUE, both))
    np.testing.assert_allclose(attend(QUERY, KEY, VALUE, np.where(SEEN, 0.0, -np.inf)), formula(QUERY, KEY, VALUE, SEEN))
    lists = attend(QUERY.tolist(), KEY.tolist(), VALUE.tolist(), SEEN.tolist())
    np.testing.assert_allclose(lists, formula(QUERY, KEY, VALUE, SEEN))


def test_a_query_without_keys_gets_zeros_and_gives_no_gradient() -> None:
    values = [Value(x) for x in (QUERY, KEY, VALUE)]
    out = attend(*values, SEEN)
    np.testing.assert_array_equal(out.data[:, 1], 0.0)
    out.sum().backward()
    assert not values[0].grad[:, 1].any()
    assert all(np.isfinite(x.grad).all() for x in values)
    nothing = attend(*values, np.zeros((3, 5), bool))
    np.testing.assert_array_equal(nothing.data, 0.0)
    slopes = gradient(nothing.sum(), values)
    assert not any(slope.data.any() for slope in slopes)


@pytest.mark.parametrize("how", [{}, {"is_causal": True}, {"attn_mask": SEEN}, {"attn_mask": np.where(SEEN, r(3, 5), -np.inf)}])
def test_first_and_second_derivatives(how: dict[str, Any]) -> None:
    report = check_gradients(lambda q, k, v: smooth(attend(q, k, v, **how)), QUERY, KEY, VALUE, order=2)
    assert report.verdict is Verdict.PASS, report


def test_a_mask_of_floats_can_be_learned() -> None:
    """Keys that -inf in a mask ignores get no gradient."""
    data = r(3, 5)
    report = check_gradients(lambda m: smooth(attend(QUERY, KEY, VALUE, m)), data, order=2)
    assert report.verdict is Verdict.PASS, report
    mask = Value(np.where(SEEN, data, -np.inf))
    smooth(attend(QUERY, KEY, VALUE, mask)).backward()
    assert not mask.grad[~SEEN].any() and np.isfinite(mask.grad).all() and mask.grad[0].any()


def test_dropped_weights() -> None:
    eye = np.eye(200)
    out = attend(r(1, 200), np.zeros((200, 200)), eye, dropout_p=0.25, rng=0)
    assert set(np.unique(out.round(12))) == {0.0, round(1.0 / 200 / 0.75, 12)}
    np.testing.assert_array_equal(attend(r(1, 200), np.zeros((200, 200)), eye, dropout_p=1.0), np.zeros((1, 200)))


@pytest.mark.parametrize(
    ("inputs", "mask", "error", "text"),
    [
        ((QUERY, KEY, VALUE), np.ones((3, 4), bool), ValueError, "the scores, (..., L, S) = (2, 3, 5), got the shape (3, 4)"),
        ((QUERY, KEY, VALUE), np.ones((7, 1, 3, 5), bool), ValueError, "got the shape (7, 1, 3, 5)"),
        ((QUERY, KEY, VALUE), np.ones((3, 5), int), TypeError, "got the dtype int64: use mask.astype(bool)"),
        ((QUERY, KEY, VALUE[:, :4]), None, ValueError, "(..., S, Ev), got the shapes (2, 3, 4), (2, 5, 4), (2, 4, 3)"),
        ((QUERY, KEY[..., :3], VALUE), None, ValueError, "takes queries (..., L, E), keys (..., S, E)"),
        ((QUERY[0, 0], KEY, VALUE), None, ValueError, "got the shapes (4,), (2, 5, 4), (2, 5, 3)"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit(inputs: Any, mask: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        attend(*inputs, mask)


# --- many heads ---------------------------------------------------------------------------------------


def test_heads_are_attention_side_by_side() -> None:
    layer, x = nn.MultiHeadAttention(6, 2, rng=0), r(2, 4, 6)
    out, weights = layer(x, average_attn_weights=False)
    q, k, v = (x @ part.T for part in np.split(layer.in_proj_weight.data, 3))
    heads = [formula(q[..., part], k[..., part], v[..., part]) for part in (slice(0, 3), slice(3, 6))]
    np.testing.assert_allclose(out.data, np.concatenate(heads, -1) @ layer.out_proj.weight.data.T)
    assert weights.shape == (2, 2, 4, 4)
    np.testing.assert_allclose(weights.data.sum(-1), 1.0)
    np.testing.assert_allclose(layer(x)[1].data, weights.data.mean(1))
    assert layer(x, need_weights=False)[1] is None


def test_one_input_three_inputs_and_batches_anywhere() -> None:
    layer, x = nn.MultiHeadAttention(6, 3, rng=0), r(2, 4, 6)
    layer.in_proj_bias.data = r(18)  # type: ignore[union-attr]
    out = layer(x)[0].data
    np.testing.assert_allclose(layer(x, x.copy(), x.copy())[0].data, out)
    np.testing.assert_allclose(layer(x, x.copy())[0].data, out)
    np.testing.assert_allclose(layer(x[0])[0].data, out[0])
    np.testing.assert_allclose(layer(x[None])[0].data, out[None])
    last = nn.MultiHeadAttention(6, 3, batch_first=False, rng=0)
    last.load_state_dict(layer.state_dict())
    np.testing.assert_allclose(last(x.swapaxes(0, 1))[0].data, out.swapaxes(0, 1))


def test_masks_of_all_kinds_say_the_same() -> None:
    layer, x, y = nn.MultiHeadAttention(4, 2, rng=0), r(2, 3, 4), r(2, 5, 4)
    padding = np.array([[False, False, True, False, True], [False, True, True, False, False]])
    side = np.array([[False, True, False, False, False], [False, False, False, True, True], [False] * 5])
    minus = [np.where(mask, -np.inf, 0.0) for mask in (padding, side)]
    expected = layer(y[:, :3], y, key_padding_mask=padding, attn_mask=side)[0].data
    each = np.repeat(padding[:, None, None] | side, 2, 1)  # (batch, heads, L, S)
    for given in (
        {"key_padding_mask": minus[0], "attn_mask": side}, {"key_padding_mask": padding, "attn_mask": minus[1]},
        {"key_padding_mask": minus[0], "attn_mask": minus[1]}, {"attn_mask": each.reshape(4, 3, 5)},
        {"key_padding_mask": Value(minus[0]), "attn_mask": side.tolist()},
    ):  # fmt: skip
        np.testing.assert_allclose(layer(y[:, :3], y, **given)[0].data, expected)
    changed = np.where(padding[..., None], 100.0, y)  # masked keys have no effect
    np.testing.assert_allclose(layer(y[:, :3], changed, key_padding_mask=padding, attn_mask=side)[0].data, expected)
    causal = ~np.tri(3, dtype=bool)
    np.testing.assert_allclose(layer(x, is_causal=True)[0].data, layer(x, attn_mask=causal)[0].data)
    both = layer(x, is_causal=True, key_padding_mask=padding[:, 1:4])[0].data
    np.testing.assert_allclose(both, layer(x, attn_mask=causal, key_padding_mask=padding[:, 1:4])[0].data)


def test_a_sample_that_is_all_padding_gets_the_bias_alone() -> None:
    layer, x = nn.MultiHeadAttention(4, 2, rng=0), Value(r(2, 3, 4))
    layer.out_proj.bias.data = r(4)  # type: ignore[union-attr]
    padding = np.array([[False] * 3, [True] * 3])
    out, weights = layer(x, key_padding_mask=padding)
    np.testing.assert_array_equal(out.data[1], np.tile(r(4), (3, 1)))
    np.testing.assert_array_equal(weights.data[1], 0.0)
    out.sum().backward()
    assert x.grad[0].any() and not x.grad[1].any()
    assert all(np.isfinite(p.grad).all() for p in layer.parameters())


@pytest.mark.parametrize("sizes", slow({}, {"kdim": 3, "vdim": 2}))
def test_gradients_of_many_heads(sizes: dict[str, int]) -> None:
    layer = nn.MultiHeadAttention(4, 2, **sizes, rng=0)
    inputs = r(1, 3, 4), r(1, 2, sizes.get("kdim", 4)), r(1, 2, sizes.get("vdim", 4))

    def loss(model: Any, *inputs: Any) -> Any:
        out, weights = model(*inputs, attn_mask=[[True, False], [False, False], [False, True]])
        return smooth(out) + smooth(weights)

    report = check_model(layer, lambda model: loss(model, *inputs), order=2)
    assert report.verdict is Verdict.PASS, report
    report = check_gradients(lambda *x: loss(layer, *x), *inputs, order=2)
    assert report.verdict is Verdict.PASS, report
    if not sizes:
        report = check_gradients(lambda x: smooth(layer(x, is_causal=True)[0]), inputs[0], order=2)
        assert report.verdict is Verdict.PASS, report


def test_dropout_of_weights_in_training_only() -> None:
    layer, x = nn.MultiHeadAttention(4, 2, dropout=0.5, rng=0), r(2, 3, 4)
    assert (layer(x)[0].data != layer(x)[0].data).any()
    assert [name for name, _ in layer.named_generators()] == ["rng"]
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].data, layer(x)[0].data)

    def function(x: Any) -> Any:
        layer.rng = np.random.default_rng(1)
        return smooth(layer.train()(x)[0])

    assert check_gradients(function, x[:1], order=2).verdict is Verdict.PASS


def test_parameters_have_pytorchs_names() -> None:
    names = [name for name, _ in nn.MultiHeadAttention(4, 2).named_parameters()]
    assert sorted(names) == ["in_proj_bias", "in_proj_weight", "out_proj.bias", "out_proj.weight"]
    names = [name for name, _ in nn.MultiHeadAttention(4, 2, bias=False, kdim=3).named_parameters()]
    assert sorted(names) == ["k_proj_weight", "out_proj.weight", "q_proj_weight", "v_proj_weight"]


@pytest.mark.parametrize(
    ("inputs", "masks", "text"),
    [
        ([r(2, 3, 5)], {}, "takes queries, keys and values (..., L, 4), (..., S, 4), (..., S, 4) with the batch in front"),
        ([r(2, 3, 4), r(3, 3, 4)], {}, "got the shapes (2, 3, 4), (3, 3, 4), (3, 3, 4)"),
        ([r(2, 3, 4), r(2, 3, 4), r(2, 5, 4)], {}, "got the shapes (2, 3, 4), (2, 3, 4), (2, 5, 4)"),
        ([r(4)], {}, "got the shapes (4,), (4,), (4,)"),
        ([r(2, 3, 4)], {"key_padding_mask": np.ones(3, bool)}, "must have the shape (batch, S) = (2, 3), got (3,)"),
        ([r(2, 3, 4)], {"attn_mask": np.ones((2, 3, 3), bool)},
         "attn_mask must have the shape (L, S) = (3, 3) or (batch * heads, L, S) = (4, 3, 3), got (2, 3, 3)"),
    ],
)  # fmt: skip
def test_calls_that_do_not_fit(inputs: Any, masks: Any, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        nn.MultiHeadAttention(4, 2)(*inputs, **masks)


def test_invalid_settings() -> None:
    with pytest.raises(ValueError, match="num_heads must divide embed_dim, got 3 heads and embed_dim=4"):
        nn.MultiHeadAttention(4, 3)
    with pytest.raises(ValueError, match="needs a probability"):
        nn.MultiHeadAttention(4, 2, dropout=2.0)
    with pytest.raises(TypeError, match="must have bools, or floats to add, got the dtype int64"):
        nn.MultiHeadAttention(4, 2)(r(2, 3, 4), attn_mask=np.ones((3, 3), int))
    with pytest.raises(ValueError, match="the activation must be one of relu, gelu, or a function, got 'tanh'"):
        nn.TransformerBlock(4, 2, activation="tanh")


# --- the block ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_first", [True, *slow(False)])
@pytest.mark.parametrize("causal", [True, *slow(False)])
def test_gradients_of_a_transformer_block(norm_first: bool, causal: bool) -> None:
    block, x = nn.TransformerBlock(4, 2, 5, 0.0, "gelu", norm_first=norm_first, causal=causal, rng=0), r(1, 3, 4)
    report = check_model(block, lambda block: smooth(block(x)), order=2)
    assert report.verdict is Verdict.PASS, report
    assert check_gradients(lambda x: smooth(block(x)), x, order=2).verdict is Verdict.PASS


def test_the_places_of_norms_and_residuals() -> None:
    for norm_first in (True, False):
        block, x = nn.TransformerBlock(4, 2, activation=np.tanh, norm_first=norm_first, rng=0).eval(), r(2, 3, 4)

        def feed(x: Any, block: Any = block) -> Any:
            return block.linear2(np.tanh(block.linear1(x)))

        if norm_first:
            middle = x + block.self_attn(block.norm1(x))[0]
            expected = middle + feed(block.norm2(middle))
        else:
            middle = block.norm1(x + block.self_attn(x)[0])
            expected = block.norm2(middle + feed(middle))
        np.testing.assert_allclose(block(x).data, expected.data)
    assert block.linear1.weight.shape == (16, 4)


def test_a_causal_block_does_not_look_ahead() -> None:
    block, x = nn.TransformerBlock(4, 2, causal=True, rng=0).eval(), Value(r(2, 5, 4))
    block(x)[:, 2].sum().backward()
    assert not x.grad[:, 3:].any() and x.grad[:, :3].any()
    free = nn.TransformerBlock(4, 2, rng=0).eval()
    np.testing.assert_array_equal(free(x, is_causal=True).data, block(x).data)


def test_every_dropout_of_a_block_draws_from_one_generator() -> None:
    rng = np.random.default_rng(0)
    block = nn.TransformerBlock(4, 2, dropout=0.5, rng=rng)
    assert all(generator is rng for _, generator in block.named_generators())
    x = r(2, 3, 4)
    assert (block(x).data != block(x).data).any()
    again, other = (nn.TransformerBlock(4, 2, dropout=0.5, rng=0) for _ in range(2))
    np.testing.assert_array_equal(again(x).data, other(x).data)
    rest = block.eval()(x).data
    np.testing.assert_array_equal(block(x).data, rest)

    def function(x: Any) -> Any:
        block.self_attn.rng = block.dropout.rng = block.dropout1.rng = block.dropout2.rng = np.random.default_rng(1)
        return smooth(block.train()(x))

    assert check_gradients(function, x[:1], order=1).verdict is Verdict.PASS


@pytest.mark.parametrize("place", ["self_attn", "dropout", "dropout1", "dropout2"])
def test_each_of_the_four_dropouts_does_something(place: str) -> None:
    block, x = nn.TransformerBlock(4, 2, dropout=0.0, rng=0), r(2, 3, 4)
    rest = block(x).data
    if place == "self_attn":
        block.self_attn.dropout = 0.5
    else:
        getattr(block, place).p = 0.5
    assert (block(x).data != rest).any()


def test_names_and_shapes_of_a_block() -> None:
    shapes = {name: p.shape for name, p in nn.TransformerBlock(4, 2, 5).named_parameters()}
    assert shapes == {
        "self_attn.in_proj_weight": (12, 4), "self_attn.in_proj_bias": (12,), "self_attn.out_proj.weight": (4, 4),
        "self_attn.out_proj.bias": (4,), "linear1.weight": (5, 4), "linear1.bias": (5,), "linear2.weight": (4, 5),
        "linear2.bias": (4,), "norm1.weight": (4,), "norm1.bias": (4,), "norm2.weight": (4,), "norm2.bias": (4,),
    }  # fmt: skip
    without = [name for name, _ in nn.TransformerBlock(4, 2, 5, bias=False).named_parameters()]
    assert not any("bias" in name for name in without) and len(without) == 6


def test_float32_stays_also_with_masks_of_float64() -> None:
    block = nn.TransformerBlock(4, 2, causal=True, dtype=np.float32, rng=0)
    x = Value(r(2, 3, 4).astype(np.float32))
    for mode in (True, False):
        out = block.train(mode)(x, src_mask=np.zeros((3, 3)), src_key_padding_mask=np.zeros((2, 3)))
        assert out.dtype == np.float32
        out.sum().backward()
        assert x.grad.dtype == np.float32 and all(p.grad.dtype == np.float32 for p in block.parameters())


def test_a_frozen_block_has_no_gradient() -> None:
    block, x = nn.TransformerBlock(4, 2, rng=0).freeze(), Value(r(2, 3, 4))
    smooth(block(x)).backward()
    assert not any(p.grad.any() for p in block.parameters())
    assert x.grad.any()


def test_sinusoidal_positions() -> None:
    table = nn.sinusoidal_positions(7, 6)
    for time in range(7):
        for i in range(3):
            angle = time / 10000 ** (2 * i / 6)
            np.testing.assert_allclose(table[time, 2 * i : 2 * i + 2], [np.sin(angle), np.cos(angle)])
    assert nn.sinusoidal_positions(3, 5, np.float32).shape == (3, 5)
    assert nn.sinusoidal_positions(3, 5, np.float32).dtype == np.float32


def test_lists_with_the_time_first_and_no_times() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, 4))
    layer = nn.MultiHeadAttention(4, 2, batch_first=False, rng=0)
    np.testing.assert_array_equal(layer(x.tolist())[0].data, layer(x)[0].data)
    assert nn.sinusoidal_positions(0, 5).shape == (0, 5)

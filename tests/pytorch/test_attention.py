"""Attention and the transformer block against PyTorch: outputs, weights and all gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import nn
from tests.pytorch.test_layers import compare, convert

BATCH, L, S, E, HEADS = 3, 4, 5, 6, 2


def bools(*shape: int) -> np.ndarray:
    """Return bools: some are True, and in each row at least the first is False."""
    mask = np.random.default_rng(1).random(shape) < 0.4
    mask[..., 0] = False
    return mask


def floats(*shape: int) -> np.ndarray:
    return np.where(bools(*shape), -np.inf, np.random.default_rng(2).normal(size=shape))


MASKS = {
    "none": None, "bools": ~bools(L, S), "floats": floats(L, S), "keys": ~bools(BATCH, 1, 1, S),
    "each": floats(BATCH, HEADS, L, S), "finite": np.random.default_rng(4).normal(size=(L, S)),
}  # fmt: skip


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("scale", [None, 0.3])
def test_scaled_dot_product_attention(mask: str, scale: float | None) -> None:
    rng = np.random.default_rng(0)
    query, key, value = (rng.normal(size=(BATCH, HEADS, *shape)) for shape in [(L, E), (S, E), (S, 7)])
    theirs = torch.nn.functional.scaled_dot_product_attention
    compare(nn.scaled_dot_product_attention, theirs, query, key, value, attn_mask=MASKS[mask], scale=scale)


@pytest.mark.parametrize(("queries", "keys"), [(4, 4), (3, 5), (5, 3)])
def test_causal_attention(queries: int, keys: int) -> None:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(BATCH, *shape)) for shape in [(queries, E), (keys, E), (keys, E)]]
    compare(nn.scaled_dot_product_attention, torch.nn.functional.scaled_dot_product_attention, *inputs, is_causal=True)


def test_a_row_without_keys_is_zero_as_in_the_function_of_pytorch() -> None:
    rng = np.random.default_rng(0)
    mask = bools(L, S)
    mask[1] = True
    inputs = [rng.normal(size=(BATCH, *shape)) for shape in [(L, E), (S, E), (S, E)]]
    compare(nn.scaled_dot_product_attention, torch.nn.functional.scaled_dot_product_attention, *inputs, attn_mask=~mask)


def attentions(bias: bool = True, batch_first: bool = True, **sizes: Any) -> tuple[Any, Any]:
    ours = nn.MultiHeadAttention(E, HEADS, 0.0, bias, batch_first=batch_first, **sizes, rng=0)
    theirs = torch.nn.MultiheadAttention(E, HEADS, 0.0, bias, batch_first=batch_first, **sizes, dtype=torch.float64)
    convert(ours, theirs, random=True)
    return ours, theirs


def sequences(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("sizes", [{}, {"kdim": 5}, {"vdim": 7}, {"kdim": 5, "vdim": 7}])
def test_cross_attention_and_its_weights(which: int, bias: bool, average: bool, sizes: dict[str, int]) -> None:
    ours, theirs = attentions(bias, **sizes)
    inputs = sequences((BATCH, L, E), (BATCH, S, sizes.get("kdim", E)), (BATCH, S, sizes.get("vdim", E)))

    def output(out: Any) -> Any:
        return out[which] + 0.0 * out[1 - which].sum()  # gives all parameters a gradient

    compare(ours, theirs, *inputs, average_attn_weights=average, pick=output)


@pytest.mark.parametrize("batch", [(BATCH,), ()])
@pytest.mark.parametrize("padding", [None, "bools", "floats"])
@pytest.mark.parametrize("mask", [None, "bools", "floats", "each"])
def test_masks(batch: Any, padding: str | None, mask: str | None) -> None:
    ours, theirs = attentions()
    inputs = sequences((*batch, L, E), (*batch, S, E), (*batch, S, E))
    kinds: dict[Any, Any] = {None: None, "bools": bools, "floats": floats}
    paddings = None if padding is None else kinds[padding](*batch, S)
    sides = None if mask is None else floats(len(batch) * BATCH * HEADS or HEADS, L, S) if mask == "each" else kinds[mask](L, S)
    if isinstance(paddings, np.ndarray) and isinstance(sides, np.ndarray) and paddings.dtype != sides.dtype:
        pytest.skip("PyTorch warns of masks of two kinds")
    compare(ours, theirs, *inputs, key_padding_mask=paddings, attn_mask=sides, need_weights=False, pick=lambda out: out[0])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_self_attention(batch_first: bool, causal: bool, bias: bool) -> None:
    ours, theirs = attentions(bias, batch_first)
    (x,) = sequences((BATCH, L, E))
    if not batch_first:
        x = x.swapaxes(0, 1)
    length = x.shape[1 if batch_first else 0]
    blocked = torch.nn.Transformer.generate_square_subsequent_mask(length, dtype=torch.float64) if causal else None

    class Ours(nn.Module):
        def __init__(self) -> None:
            self.attention = ours

        def forward(self, x: Any) -> Any:
            out, weights = self.attention(x, is_causal=causal)
            return out.sum(-1) + weights.sum()

    class Theirs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = theirs

        def forward(self, x: Any) -> Any:
            out, weights = self.attention(x, x, x, attn_mask=blocked, is_causal=causal)
            return out.sum(-1) + weights.sum()

    compare(Ours(), Theirs(), x)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("mask", [None, "causal", "padding", "floats"])
@pytest.mark.parametrize("training", [True, False])
def test_transformer_block(norm_first: bool, activation: str, bias: bool, mask: str | None, training: bool) -> None:
    p = 0.0 if training else 0.3
    ours = nn.TransformerBlock(E, HEADS, 11, p, activation, 1e-3, norm_first, bias, causal=mask == "causal", rng=0)
    theirs = torch.nn.TransformerEncoderLayer(
        E, HEADS, 11, p, activation, 1e-3, batch_first=True, norm_first=norm_first, bias=bias, dtype=torch.float64
    )
    convert(ours, theirs, random=True)
    ours.train(training)
    theirs.train(training)
    (x,) = sequences((BATCH, L, E))
    given: dict[str, Any] = {}
    if mask == "padding":
        given["src_key_padding_mask"] = bools(BATCH, L)
    if mask == "floats":
        given["src_mask"] = floats(L, L)
    causal = ~np.tri(L, dtype=bool) if mask == "causal" else None

    class Theirs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, child in theirs.named_children():
                setattr(self, name, child)

        def forward(self, x: Any, **how: Any) -> Any:
            return theirs(x, **how) if causal is None else theirs(x, src_mask=torch.tensor(causal))

    compare(ours, Theirs(), x, **given)


def test_the_parameters_start_as_those_of_pytorch() -> None:
    """The same distributions: bounds and which are zero."""
    ours, theirs = nn.MultiHeadAttention(E, HEADS, kdim=5), torch.nn.MultiheadAttention(E, HEADS, kdim=5)
    for name, parameter in ours.named_parameters():
        other = theirs.get_parameter(name)
        assert parameter.shape == tuple(other.shape)
        assert np.any(parameter.data) == bool(torch.any(other)), name
        fan = sum(parameter.shape)
        bound = 1.0 / np.sqrt(E) if name == "out_proj.weight" else np.sqrt(6.0 / fan)
        assert np.abs(parameter.data).max() <= bound
        assert float(other.detach().abs().max()) <= bound


def test_float32_stays() -> None:
    ours = nn.TransformerBlock(E, HEADS, dropout=0.0, dtype=np.float32, rng=0)
    theirs = torch.nn.TransformerEncoderLayer(E, HEADS, 4 * E, 0.0, batch_first=True)
    convert(ours, theirs)
    (x,) = sequences((BATCH, L, E))
    out = ours(x.astype(np.float32))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.data, theirs(torch.tensor(x.astype(np.float32))).detach().numpy(), rtol=1e-4, atol=1e-5)

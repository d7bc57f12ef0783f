"""Attention: scaled dot products, multiple heads, a block of transformers, and sinusoidal positions.

Arrays are (..., time, features): the batch comes first, as in PyTorch with batch_first=True. There are two kinds of masks. Masks
of floats are added to the scores. Masks of bools follow PyTorch, where their meaning differs: in
scaled_dot_product_attention() True means attend, in modules True means ignore. A query for which every key is masked attends
to nothing: its weights and its gradient are zero. (PyTorch's function agrees, its MultiheadAttention gives nan.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Value, relu, softmax, where
from autograd.ops import astype, gelu, linear, mean, reshape
from nn.arrays import Rng, as_tensor, flag, floating, shape_of
from nn.init import glorot_uniform
from nn.layers.linear import Dropout, Linear, dropout, require_probability
from nn.layers.normalisation import LayerNorm
from nn.module import Module
from nn.seeds import generator

Mask = Any  # bools, floats, a Value of floats, or None


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Mask = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    rng: Rng = None,
) -> Any:
    """Return ``softmax(query @ key.T * scale) @ value``: means of values, weighted by the match of keys (Vaswani et al. 2017).

    Args:
        query: (..., L, E).
        key: (..., S, E).
        value: (..., S, Ev).
        attn_mask: broadcasts to (..., L, S). Bools: True means attend. Floats are added to the scores.
        dropout_p: the probability of dropping a weight, also outside of training.
        is_causal: whether query n attends to the keys 0 to n only; a mask applies as well.
        scale: the factor of the scores, by default 1 / sqrt(E).
        rng: a numpy Generator or a seed, or None, see nn.seed(), for the dropout.

    Returns:
        (..., L, Ev).

    Raises:
        TypeError: if a mask is neither bools nor floats.
        ValueError: if the shapes do not fit.

    >>> q = k = v = np.random.default_rng(0).normal(size=(5, 4, 8))
    >>> out = scaled_dot_product_attention(q, k, v, is_causal=True)
    >>> np.allclose(out[:, 0], v[:, 0])
    True
    """
    query, key, value = map(as_tensor, (query, key, value))
    like = next((item for item in (query, key, value) if item.dtype.kind == "f"), None)
    query, key, value = (floating(item, "scaled_dot_product_attention()", like) for item in (query, key, value))
    shapes = (query.shape, key.shape, value.shape)
    if min(map(len, shapes)) < 2 or shapes[0][-1] != shapes[1][-1] or shapes[1][-2] != shapes[2][-2]:
        raise ValueError(
            "scaled_dot_product_attention() takes queries (..., L, E), keys (..., S, E) and values (..., S, Ev), got the shapes "
            f"{', '.join(map(str, shapes))}"
        )
    if attn_mask is not None and not isinstance(attn_mask, Value):
        attn_mask = np.asarray(attn_mask)
        attn_mask = ~attn_mask if attn_mask.dtype == bool else attn_mask
    return _attend(query, key, value, [attn_mask], is_causal, scale, dropout_p, rng)[0]


def _attend(
    query: Any,
    key: Any,
    value: Any,
    masks: list[Mask],
    is_causal: bool,
    scale: float | None = None,
    dropout_p: float = 0.0,
    rng: Rng = None,
) -> tuple[Any, Any]:
    """Return the means of the values and the weights, computed in float32 for float16; True in masks means ignore."""
    if query.dtype == key.dtype == value.dtype == np.float16:  # its products overflow, and have 3 digits in the softmax
        query, key, value = (item.astype(np.float32) for item in (query, key, value))
        outs = _attend(query, key, value, masks, is_causal, scale, dropout_p, rng)
        return outs[0].astype(np.float16), outs[1].astype(np.float16)
    scale = np.shape(query)[-1] ** -0.5 if scale is None else scale
    scores = (query * scale) @ key.swapaxes(-1, -2)  # (..., L, S)
    shape = np.shape(scores)
    left_out = ~np.tri(*shape[-2:], dtype=np.bool_) if is_causal else None
    for mask in masks:
        if mask is None:
            continue
        blocked, added = _split_mask(mask, shape)
        left_out = blocked if left_out is None else left_out | blocked
        scores = scores if added is None else scores + astype(added, scores.dtype)
    weights = dropout(_masked_softmax(scores, left_out), dropout_p, rng)
    return weights @ value, weights


def _split_mask(mask: Mask, shape: tuple[int, ...]) -> tuple[np.ndarray, Any]:
    """Return the bools of ignored keys, and the numbers that a mask adds elsewhere, or None."""
    mask = as_tensor(mask)
    if mask.dtype.kind not in "bf":
        raise TypeError(
            f"a mask of attention must have bools, or floats to add, got the dtype {mask.dtype}: use mask.astype(bool)"
        )
    try:
        fits = np.broadcast_shapes(mask.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"a mask of attention must broadcast to the scores, (..., L, S) = {shape}, got the shape {mask.shape}")
    if mask.dtype == bool:
        return mask, None
    blocked = mask == -np.inf
    return blocked, where(blocked, 0.0, mask) if blocked.any() else mask


def _masked_softmax(scores: Any, left_out: np.ndarray | None) -> Any:
    """Return the softmax over the last axis, without ignored keys; zeros where all are ignored."""
    if left_out is None:
        return softmax(scores)
    nothing = left_out.all(-1, keepdims=True)
    weights = softmax(where(left_out & ~nothing, -np.inf, scores))
    return where(nothing, 0.0, weights) if nothing.any() else weights


class MultiHeadAttention(Module):
    """Attends with `num_heads` heads in parallel, each on its own projection of the inputs (Vaswani et al. 2017).

    Parameters have the names and layouts of torch.nn.MultiheadAttention: `in_proj_weight` (3 * embed_dim, embed_dim), whose
    thirds project to queries, keys and values, or `q_proj_weight`, `k_proj_weight` and `v_proj_weight` if kdim or vdim differs;
    `in_proj_bias`; `out_proj`, a Linear. Projections start with glorot_uniform(), biases at zero.

    Args:
        embed_dim: the length of queries and outputs; num_heads divides it.
        num_heads: the number of heads.
        dropout: the probability of dropping a weight of attention in training mode.
        bias: whether the projections have biases.
        kdim, vdim: the lengths of keys and values, by default embed_dim.
        batch_first: True for (batch, time, features), False (the default of PyTorch) for (time, batch, features).
        dtype: the dtype of the parameters.
        rng: a numpy Generator or a seed, or None, see nn.seed(), for the parameters and for the dropout,
            which keeps it as the attribute `rng`.

    Raises:
        ValueError: if num_heads does not divide embed_dim, or an input has another shape.

    >>> attention = MultiHeadAttention(8, 2, rng=0)
    >>> out, weights = attention(np.ones((3, 5, 8)), is_causal=True)
    >>> out.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = True,
        *,
        dtype: Any = np.float64,
        rng: Rng = None,
    ) -> None:
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"num_heads must divide embed_dim, got {num_heads} heads and embed_dim={embed_dim}")
        require_probability(dropout)
        self.rng = generator(rng)
        self.embed_dim, self.num_heads, self.batch_first = embed_dim, num_heads, flag("batch_first", batch_first)
        self.dropout = dropout
        widths = (embed_dim, kdim or embed_dim, vdim or embed_dim)
        if widths == (embed_dim,) * 3:
            self.in_proj_weight = Value(glorot_uniform((3 * embed_dim, embed_dim), self.rng, dtype))
        else:
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight = (
                Value(glorot_uniform((embed_dim, width), self.rng, dtype)) for width in widths
            )
        self.widths = widths
        self.in_proj_bias = Value(np.zeros(3 * embed_dim, dtype)) if flag("bias", bias) else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype, rng=self.rng)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data = np.zeros(embed_dim, dtype)

    def forward(
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        key_padding_mask: Mask = None,
        need_weights: bool = True,
        attn_mask: Mask = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Attend from queries to keys and values.

        Args:
            query: (batch, L, embed_dim), or without the batch.
            key: (batch, S, kdim), by default the queries.
            value: (batch, S, vdim), by default the keys.
            key_padding_mask: (batch, S): bools, where True means ignore, or floats that are added to the scores.
            need_weights: whether to return the weights.
            attn_mask: (L, S), or (batch * num_heads, L, S), of the same kinds.
            average_attn_weights: whether to average the weights over the heads.
            is_causal: whether query n attends to the keys 0 to n only, without a mask; masks apply as well.

        Returns:
            The output (batch, L, embed_dim), and the weights (batch, L, S), or (batch, num_heads, L, S), or None.
        """
        key = query if key is None else key
        value = key if value is None else value
        same = query is key is value
        inputs = [query] if same else [query, key, value]
        if not self.batch_first and len(shape_of(query, self)) > 2:
            inputs = [np.swapaxes(item, 0, 1) for item in inputs]
        self._check(inputs if not same else inputs * 3)
        q, k, v = map(self._heads, self._projected(inputs))  # (..., heads, time, embed_dim / heads)
        shape = (*np.shape(q)[:-1], np.shape(k)[-2])  # (..., heads, L, S)
        masks = [_padding(key_padding_mask, shape), _of_heads(attn_mask, shape)]
        p = self.dropout if self.training else 0.0
        out, weights = _attend(q, k, v, masks, is_causal, dropout_p=p, rng=self.rng)
        out = out.swapaxes(-3, -2)  # (..., L, heads, embed_dim / heads)
        out = self.out_proj(reshape(out, (*np.shape(out)[:-2], self.embed_dim)))
        if not self.batch_first and len(out.shape) > 2:
            out = out.swapaxes(0, 1)
        weights = None if not need_weights else mean(weights, -3) if average_attn_weights else weights
        return out, weights

    def _check(self, inputs: list[Any]) -> None:
        shapes = [shape_of(item, self) for item in inputs]
        fits = all(len(shape) > 1 and shape[-1] == width for shape, width in zip(shapes, self.widths, strict=True))
        batches = {shape[:-2] for shape in shapes}
        if not fits or len(batches) > 1 or shapes[1][-2] != shapes[2][-2]:
            wanted = ", ".join(f"(..., {time}, {width})" for time, width in zip("LSS", self.widths, strict=True))
            raise ValueError(
                f"MultiHeadAttention takes queries, keys and values {wanted} with the batch in front, "
                f"got the shapes {', '.join(map(str, shapes))}"
            )

    def _projected(self, inputs: list[Any]) -> list[Any]:
        """Return queries, keys and values (..., time, embed_dim); those of one input take one product."""
        n, bias = self.embed_dim, self.in_proj_bias
        if len(inputs) == 1 and self.widths == (n, n, n):
            both = linear(inputs[0], self.in_proj_weight, bias)  # (..., time, 3 * embed_dim)
            return [both[..., place : place + n] for place in (0, n, 2 * n)]
        if self.widths == (n, n, n):
            weights = [self.in_proj_weight[place : place + n] for place in (0, n, 2 * n)]
        else:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        biases = [None if bias is None else bias[place : place + n] for place in (0, n, 2 * n)]
        return [linear(*given) for given in zip(inputs, weights, biases, strict=True)]

    def _heads(self, x: Any) -> Any:
        """Return (..., time, embed_dim) as (..., heads, time, embed_dim / heads)."""
        return reshape(x, (*np.shape(x)[:-1], self.num_heads, self.embed_dim // self.num_heads)).swapaxes(-3, -2)

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, {self.num_heads}" + (f", dropout={self.dropout}" if self.dropout else "")


def _padding(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask of keys (..., S) in a shape for scores (..., heads, L, S)."""
    if mask is None:
        return None
    wanted = (*shape[:-3], shape[-1])
    if np.shape(mask) != wanted:
        raise ValueError(f"key_padding_mask must have the shape (batch, S) = {wanted}, got {np.shape(mask)}")
    return reshape(as_tensor(mask), (*shape[:-3], 1, 1, shape[-1]))


def _of_heads(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask (L, S), or one for each sample and head, in a shape for scores (..., heads, L, S)."""
    if mask is None or np.shape(mask) == shape[-2:]:
        return mask
    each = (math.prod(shape[:-2]), *shape[-2:])
    if np.shape(mask) != each:
        raise ValueError(
            f"attn_mask must have the shape (L, S) = {shape[-2:]} or (batch * heads, L, S) = {each}, got {np.shape(mask)}"
        )
    return reshape(as_tensor(mask), shape)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": relu, "gelu": gelu}


class TransformerBlock(Module):
    """Applies self-attention and two linear layers, each with a residual connection and a LayerNorm: a layer of a transformer.

    Names and layouts are those of torch.nn.TransformerEncoderLayer, so its weights load without change.

    Args:
        d_model: the length of inputs and outputs.
        nhead: the number of heads.
        dim_feedforward: the length between the two linear layers, by default 4 * d_model (PyTorch: 2048).
        dropout: the probability of dropout, at four places, in training mode.
        activation: "relu", "gelu" or a function.
        layer_norm_eps: added to the variance in norm1 and norm2.
        norm_first: whether to normalise before attention and linear layers, inside the residual connection, or after it.
        bias: whether linear layers and norms have biases.
        causal: whether each time attends only to itself and earlier ones, as in a decoder such as GPT.
        dtype: the dtype of the parameters.
        rng: a numpy Generator or a seed, or None, see nn.seed(), for the parameters and all dropouts.

    Raises:
        ValueError: for an unknown activation; if nhead does not divide d_model, or an input has another shape.

    >>> block = TransformerBlock(8, 2, causal=True, rng=0).eval()
    >>> x = np.random.default_rng(1).normal(size=(3, 5, 8))
    >>> np.allclose(block(x)[:, :4].data, block(x[:, :4]).data)  # independent of later times
    True
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int | None = None,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
        *,
        causal: bool = False,
        dtype: Any = np.float64,
        rng: Rng = None,
    ) -> None:
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise ValueError(f"the activation must be one of {', '.join(ACTIVATIONS)}, or a function, got {activation!r}")
        rng = generator(rng)
        width = 4 * d_model if dim_feedforward is None else dim_feedforward
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self.norm_first, self.causal = norm_first, causal
        self.self_attn = MultiHeadAttention(d_model, nhead, dropout, bias, dtype=dtype, rng=rng)
        self.linear1 = Linear(d_model, width, bias, dtype=dtype, rng=rng)
        self.linear2 = Linear(width, d_model, bias, dtype=dtype, rng=rng)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout, self.dropout1, self.dropout2 = (Dropout(dropout, rng) for _ in range(3))

    def forward(self, src: Any, src_mask: Mask = None, src_key_padding_mask: Mask = None, is_causal: bool = False) -> Any:
        """Map (batch, time, d_model) to the same shape; masks are those of MultiHeadAttention."""
        given = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal or self.causal}
        if self.norm_first:
            x = src + self._attention(self.norm1(src), **given)
            return x + self._feed_forward(self.norm2(x))
        x = self.norm1(src + self._attention(src, **given))
        return self.norm2(x + self._feed_forward(x))

    def _attention(self, x: Any, **given: Any) -> Any:
        return self.dropout1(self.self_attn(x, need_weights=False, **given)[0])

    def _feed_forward(self, x: Any) -> Any:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

    def extra_repr(self) -> str:
        return ", ".join(["norm_first=True"] * self.norm_first + ["causal=True"] * self.causal)


def sinusoidal_positions(length: int, features: int, dtype: Any = np.float64) -> np.ndarray:
    """Return (length, features): a code of each position, to add to the inputs of a transformer (Vaswani et al. 2017).

    Feature 2i is ``sin(time / 10000^(2i / features))`` and feature 2i + 1 the cosine of the same.

    >>> sinusoidal_positions(2, 4).round(2)
    array([[0.  , 1.  , 0.  , 1.  ],
           [0.84, 0.54, 0.01, 1.  ]])
    """
    angles = np.arange(length)[:, None] / 10000.0 ** (np.arange(0, features, 2) / features)  # (length, features / 2)
    both = np.stack([np.sin(angles), np.cos(angles)], -1)  # (length, features / 2, 2)
    return both.reshape(length, features + features % 2)[:, :features].astype(dtype)

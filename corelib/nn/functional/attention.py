"""Attention: over given queries, keys and values, and with PyTorch's projections around it."""

from __future__ import annotations

import math
import warnings

from ... import ops
from ...dtypes import bool_
from ...dtypes import dtype as DType
from ...tensor import Tensor
from .dropout import dropout

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]

scaled_dot_product_attention = ops.scaled_dot_product_attention


def canonical_mask(
    mask: Tensor | None, name: str, other: Tensor | None, other_name: str, dtype: DType, check_other: bool = True
) -> Tensor | None:
    """A mask that is added to the scores: True becomes -inf, False 0, and a floating mask stays.

    Raises:
        AssertionError: for a mask that is neither bool nor floating.
    """
    if mask is None:
        return None
    if mask.dtype != bool_ and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if check_other and other is not None and mask.dtype != other.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if mask.is_floating_point():
        return mask
    return ops.zeros(tuple(mask.shape), dtype=dtype, device=mask.device).masked_fill_(mask, -math.inf)


def _check_shapes(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    num_heads: int,
) -> bool:
    """Whether the input is batched; AssertionError where the dimensions do not fit."""
    if query.dim() not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor"
        )
    dims = query.dim()
    kind = "For batched (3-D)" if dims == 3 else "For unbatched (2-D)"
    if key.dim() != dims or value.dim() != dims:
        raise AssertionError(
            f"{kind} `query`, expected `key` and `value` to be {dims}-D"
            f" but found {key.dim()}-D and {value.dim()}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != dims - 1:
        raise AssertionError(
            f"{kind} `query`, expected `key_padding_mask` to be `None` or {dims - 1}-D"
            f" but found {key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(
                f"{kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D"
                f" but found {attn_mask.dim()}-D tensor instead"
            )
        expected = (num_heads, query.shape[0], key.shape[0])
        if dims == 2 and attn_mask.dim() == 3 and tuple(attn_mask.shape) != expected:
            raise AssertionError(f"Expected `attn_mask` shape to be {expected} but got {attn_mask.shape}")
    return dims == 3


def _projected(
    query: Tensor, key: Tensor, value: Tensor, weights: tuple[Tensor, Tensor, Tensor] | Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value through their projections; one product where all three are the same tensor."""
    if isinstance(weights, Tensor):
        if query is key and key is value:
            q, k, v = ops.chunk(ops.linear(query, weights, bias), 3, -1)
            return q, k, v
        w_q, w_k, w_v = ops.chunk(weights, 3, 0)
    else:
        w_q, w_k, w_v = weights
    b_q, b_k, b_v = (None, None, None) if bias is None else ops.chunk(bias, 3, 0)
    return ops.linear(query, w_q, b_q), ops.linear(key, w_k, b_k), ops.linear(value, w_v, b_v)


def _with_zeros(x: Tensor | None, dim: int = -1) -> Tensor | None:
    """One more entry, of zeros, at the end of a dimension."""
    if x is None:
        return None
    shape = list(x.shape)
    shape[dim] = 1
    return ops.cat([x, ops.zeros(tuple(shape), dtype=x.dtype, device=x.device)], dim)


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What ``nn.MultiheadAttention`` computes, from its parameters.

    Args:
        query: (L, N, E), or (L, E); key (S, N, E_k) and value (S, N, E_v) alike.
        in_proj_weight: (3 E, E), the three projections in one; or None and each of its own with
            ``use_separate_proj_weight``.
        key_padding_mask: (N, S) or (S): True, or -inf, where a key is to be ignored.
        attn_mask: (L, S) or (N * heads, L, S): True, or what is added to the scores.
        is_causal: a hint that ``attn_mask``, which must be given, is the causal mask.

    Returns:
        The outputs (L, N, E), and with ``need_weights`` the attention weights (N, L, S), or (N, heads, L, S) with
        ``average_attn_weights=False``.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        if query is key and key is value:
            query = key = value = query.unsqueeze(1)
        else:
            query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    key_padding_mask = canonical_mask(key_padding_mask, "key_padding_mask", attn_mask, "attn_mask", query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. "
            "You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    hinted = is_causal and key_padding_mask is None and not need_weights
    attn_mask = None if hinted else canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
    head_dim = width // num_heads
    _check_widths(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)

    weights: tuple[Tensor, Tensor, Tensor] | Tensor | None = in_proj_weight
    if use_separate_proj_weight:
        for name, weight in (("q", q_proj_weight), ("k", k_proj_weight), ("v", v_proj_weight)):
            if weight is None:
                raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)  # type: ignore[assignment]
    if weights is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    q, k, v = _projected(query, key, value, weights, in_proj_bias)
    if attn_mask is not None:
        attn_mask = _three_dimensional(attn_mask, length, key.shape[0], batch * num_heads)

    if bias_k is not None and bias_v is not None:
        for name, static in (("key", static_k), ("value", static_v)):
            if static is not None:
                raise AssertionError(f"bias cannot be added to static {name}.")
        k, v = ops.cat([k, bias_k.repeat(1, batch, 1)]), ops.cat([v, bias_v.repeat(1, batch, 1)])
        attn_mask, key_padding_mask = _with_zeros(attn_mask), _with_zeros(key_padding_mask)
    elif bias_k is not None:
        raise AssertionError("bias_k is set but bias_v is None")
    elif bias_v is not None:
        raise AssertionError("bias_v is set but bias_k is None")

    def heads(x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], batch * num_heads, head_dim).transpose(0, 1)

    q = heads(q)
    k = heads(k) if static_k is None else _static(static_k, "static_k", batch * num_heads, head_dim)
    v = heads(v) if static_v is None else _static(static_v, "static_v", batch * num_heads, head_dim)
    if add_zero_attn:
        k, v = _with_zeros(k, 1), _with_zeros(v, 1)  # type: ignore[assignment]
        attn_mask, key_padding_mask = _with_zeros(attn_mask), _with_zeros(key_padding_mask)
    source = k.size(1)
    if key_padding_mask is not None:
        if tuple(key_padding_mask.shape) != (batch, source):
            at = 0 if key_padding_mask.shape[0] != batch else 1
            raise AssertionError(
                f"Expected key_padded_mask.shape[{at}] to be {(batch, source)[at]}, "
                f"but got {key_padding_mask.shape[at]}"
            )
        per_head = key_padding_mask.view(batch, 1, 1, source).expand(-1, num_heads, -1, -1)
        per_head = per_head.reshape(batch * num_heads, 1, source)
        attn_mask = per_head if attn_mask is None else attn_mask + per_head
    if not training:
        dropout_p = 0.0

    scores_of: Tensor | None = None
    if need_weights:
        scores = ops.matmul(q * math.sqrt(1.0 / head_dim), k.transpose(-2, -1))
        scores_of = ops.softmax(scores if attn_mask is None else scores + attn_mask, -1)
        if dropout_p > 0.0:
            scores_of = dropout(scores_of, dropout_p)
        out = ops.matmul(scores_of, v)
    else:
        out = scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, hinted)
    out = ops.linear(out.transpose(0, 1).reshape(length, batch, width), out_proj_weight, out_proj_bias)
    if scores_of is not None:
        scores_of = scores_of.view(batch, num_heads, length, source)
        if average_attn_weights:
            scores_of = scores_of.mean(1)
    if not batched:
        out = out.squeeze(1)
        scores_of = None if scores_of is None else scores_of.squeeze(0)
    return out, scores_of


def _check_widths(query: Tensor, key: Tensor, value: Tensor, expected: int, num_heads: int, separate: bool) -> None:
    width = query.shape[-1]
    if width != expected:
        raise AssertionError(f"was expecting embedding dimension of {expected}, but got {width}")
    if width % num_heads:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if separate:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
    elif key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")


def _three_dimensional(mask: Tensor, length: int, source: int, heads: int) -> Tensor:
    expected = (length, source) if mask.dim() == 2 else (heads, length, source)
    if tuple(mask.shape) != expected:
        raise RuntimeError(f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should be {expected}.")
    return mask.unsqueeze(0) if mask.dim() == 2 else mask


def _static(given: Tensor, name: str, heads: int, head_dim: int) -> Tensor:
    for dim, size in ((0, heads), (2, head_dim)):
        if given.size(dim) != size:
            raise AssertionError(f"expecting {name}.size({dim}) of {size}, but got {given.size(dim)}")
    return given

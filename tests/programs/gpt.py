"""A small GPT on characters: tied weights, AdamW with two groups, accumulated gradients, clipping, warmup, sampling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

TEXT = "the quick brown fox jumps over the lazy dog and runs away from the slow green turtle near the river "
BLOCK = 16


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional

    class CausalSelfAttention(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            assert width % heads == 0
            self.c_attn = nn.Linear(width, 3 * width, bias=False)
            self.c_proj = nn.Linear(width, width, bias=False)
            self.heads = heads
            self.register_buffer("mask", torch.tril(torch.ones(BLOCK, BLOCK)).view(1, 1, BLOCK, BLOCK))

        def forward(self, x: Any, cache: Any = None) -> tuple[Any, Any]:
            B, T, C = x.size()
            q, k, v = self.c_attn(x).split(C, dim=2)
            q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in (q, k, v))
            if cache is not None:
                k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
            past = k.size(2) - T
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.mask[:, :, past : past + T, : past + T] == 0, float("-inf"))
            y = F.softmax(att, dim=-1) @ v
            return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C)), (k, v)

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.ln_1 = nn.LayerNorm(width)
            self.attn = CausalSelfAttention(width, heads)
            self.ln_2 = nn.LayerNorm(width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any, cache: Any = None) -> tuple[Any, Any]:
            y, cache = self.attn(self.ln_1(x), cache)
            x = x + y
            return x + self.mlp(self.ln_2(x)), cache

    class GPT(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, vocabulary: int, width: int = 32, heads: int = 4, layers: int = 2) -> None:
            super().__init__()
            self.transformer = nn.ModuleDict(
                {
                    "wte": nn.Embedding(vocabulary, width),
                    "wpe": nn.Embedding(BLOCK, width),
                    "h": nn.ModuleList([Block(width, heads) for _ in range(layers)]),
                    "ln_f": nn.LayerNorm(width),
                }
            )
            self.lm_head = nn.Linear(width, vocabulary, bias=False)
            self.lm_head.weight = self.transformer.wte.weight
            self.apply(self._init_weights)
            for name, p in self.named_parameters():
                if name.endswith("c_proj.weight"):
                    nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(2 * layers))

        def _init_weights(self, module: Any) -> None:
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, mean=0.0, std=0.05)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

        def forward(self, idx: Any, targets: Any = None, caches: Any = None) -> tuple[Any, Any, list[Any]]:
            past = 0 if caches is None else caches[0][0].size(2)
            positions = torch.arange(past, past + idx.size(1), dtype=torch.long, device=idx.device)
            x = self.transformer.wte(idx) + self.transformer.wpe(positions)
            new_caches = []
            for i, block in enumerate(self.transformer.h):
                x, cache = block(x, None if caches is None else caches[i])
                new_caches.append(cache)
            logits = self.lm_head(self.transformer.ln_f(x))
            loss = None
            if targets is not None:
                loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
            return logits, loss, new_caches

    characters = sorted(set(TEXT))
    data = torch.tensor([characters.index(c) for c in TEXT * 3], dtype=torch.long)
    random = np.random.default_rng(0)

    def batch() -> tuple[Any, Any]:
        ix = random.integers(0, len(data) - BLOCK - 1, 4)
        return torch.stack([data[i : i + BLOCK] for i in ix]), torch.stack([data[i + 1 : i + 1 + BLOCK] for i in ix])

    model = GPT(len(characters))
    start(model)
    assert model.lm_head.weight is model.transformer.wte.weight
    decay = [p for p in model.parameters() if p.dim() >= 2]
    other = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": other, "weight_decay": 0.0}], lr=3e-3, betas=(0.9, 0.95)
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 5))

    losses = []
    model.train()
    for _ in range(20):
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for _micro in range(2):
            x, y = batch()
            _, loss, _ = model(x, y)
            (loss / 2).backward()
            total += loss.item() / 2
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(total)

    model.eval()
    with torch.no_grad():  # greedy, with a cache of keys and values, and again without
        idx = data[:4].unsqueeze(0)
        logits, _, caches = model(idx)
        for _ in range(8):
            new = torch.topk(logits[:, -1, :], 1).indices
            idx = torch.cat((idx, new), dim=1)
            logits, _, caches = model(new, caches=caches)
        whole, _, _ = model(idx)
        assert torch.allclose(whole[:, -1], logits[:, -1], atol=1e-4)
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))

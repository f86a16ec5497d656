"""Fine-tuning with low-rank adapters: frozen base, modules replaced by name, adapters saved alone, merged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional

    class LoRALinear(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, base: Any, r: int = 4, alpha: int = 8) -> None:
            super().__init__()
            self.base = base
            self.lora_A = nn.Parameter(torch.empty(r, base.in_features))
            self.lora_B = nn.Parameter(torch.zeros(base.out_features, r))
            self.scaling = alpha / r
            nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
            for p in self.base.parameters():
                p.requires_grad_(False)

        def forward(self, x: Any) -> Any:
            return self.base(x) + (x @ self.lora_A.transpose(0, 1) @ self.lora_B.transpose(0, 1)) * self.scaling

        @torch.no_grad()  # type: ignore[misc]
        def merge(self) -> Any:
            self.base.weight += (self.lora_B @ self.lora_A) * self.scaling
            return self.base

    class Classifier(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(20, 16)
            self.norm = nn.LayerNorm(16)
            self.query, self.key, self.value = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 16)
            self.head = nn.Linear(16, 3)

        def forward(self, tokens: Any) -> Any:
            x = self.norm(self.embed(tokens))
            x = x + F.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
            return self.head(x.mean(dim=1))

    generator = np.random.default_rng(0)
    tokens = torch.from_numpy(generator.integers(0, 20, (48, 7)))
    labels = (tokens[:, 0] + tokens[:, 1]) % 3

    model = Classifier()
    for name, module in list(model.named_children()):
        if isinstance(module, nn.Linear) and name in {"query", "value"}:
            setattr(model, name, LoRALinear(module))
    start(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "lora_" in name or name.startswith("head")
    trainable = [p for p in model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trainable) < sum(p.numel() for p in model.parameters()) / 2
    frozen = model.query.base.weight.detach().clone()

    optimizer = torch.optim.AdamW(trainable, lr=2e-2)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=16)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[4])
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(tokens), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    assert torch.equal(model.query.base.weight, frozen) and model.key.weight.grad is None

    adapters = {k: v for k, v in model.state_dict().items() if "lora_" in k}
    assert len(adapters) == 4
    result = model.load_state_dict(adapters, strict=False)
    assert not result.unexpected_keys and len(result.missing_keys) > 0
    model.eval()
    with torch.no_grad():
        before = model(tokens)
        model.query, model.value = model.query.merge(), model.value.merge()
        assert torch.allclose(model(tokens), before, atol=1e-4)
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))

"""Denoising diffusion on points in the plane: noise schedule, time embedding, exponential average, sampling."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional
    random = np.random.default_rng(0)
    steps = 50

    def normal(*shape: int) -> Any:
        return torch.from_numpy(random.standard_normal(shape).astype(np.float32))

    class SinusoidalPosEmb(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, dim: int) -> None:
            super().__init__()
            self.dim = dim

        def forward(self, t: Any) -> Any:
            half = self.dim // 2
            freqs = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=t.device) / (half - 1))
            args = t[:, None].float() * freqs[None]
            return torch.cat([torch.cos(args), torch.sin(args)], dim=-1)

    class Denoiser(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, hidden: int = 32) -> None:
            super().__init__()
            self.time = nn.Sequential(SinusoidalPosEmb(16), nn.Linear(16, hidden), nn.SiLU())
            self.input = nn.Linear(2, hidden)
            self.blocks = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(2)])
            self.output = nn.Linear(hidden, 2)

        def forward(self, x: Any, t: Any) -> Any:
            emb = self.time(t)
            h = self.input(x)
            for block in self.blocks:
                h = h + F.silu(block(h + emb))
            return self.output(h)

    class Diffusion(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model
            betas = torch.linspace(1e-4, 0.05, steps)
            alphas = 1.0 - betas
            alphas_cumprod = torch.cumprod(alphas, dim=0)
            self.register_buffer("betas", betas)
            self.register_buffer("alphas_cumprod", alphas_cumprod)
            self.register_buffer("sqrt_alphas_cumprod", torch.sqrt(alphas_cumprod))
            self.register_buffer("sqrt_one_minus", torch.sqrt(1.0 - alphas_cumprod), persistent=False)

        def q_sample(self, x: Any, t: Any, noise: Any) -> Any:
            return self.sqrt_alphas_cumprod[t].unsqueeze(-1) * x + self.sqrt_one_minus[t].unsqueeze(-1) * noise

        def forward(self, x: Any, t: Any) -> Any:
            noise = normal(*x.shape)
            return F.mse_loss(self.model(self.q_sample(x, t, noise), t), noise)

        @torch.no_grad()  # type: ignore[misc]
        def sample(self, count: int) -> Any:
            x = normal(count, 2)
            for i in reversed(range(steps)):
                t = torch.full((count,), i, dtype=torch.long)
                beta = self.betas[i]
                x = (x - beta / self.sqrt_one_minus[i] * self.model(x, t)) / (1 - beta).sqrt()
                if i > 0:
                    x = x + beta.sqrt() * normal(count, 2)
            return x

    diffusion = Diffusion(Denoiser())
    start(diffusion)
    ema = copy.deepcopy(diffusion)
    for p in ema.parameters():
        p.requires_grad_(False)
    optimizer = torch.optim.AdamW(diffusion.model.parameters(), lr=5e-3)
    angles = random.uniform(0, 2 * math.pi, 256)
    circle = torch.from_numpy(np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    losses = []
    for _ in range(20):
        batch = circle[torch.from_numpy(random.integers(0, 256, 64))]
        t = torch.from_numpy(random.integers(0, steps, 64))
        loss = diffusion(batch, t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for average, p in zip(ema.parameters(), diffusion.parameters(), strict=True):
                average.mul_(0.9).add_(p, alpha=0.1)
        losses.append(loss.item())
    assert torch.isfinite(ema.sample(16)).all()
    return ema, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))

"""A variational autoencoder: reparametrization, binary cross entropy plus the divergence from a normal."""

from __future__ import annotations

from typing import Any

import numpy as np


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional
    random = np.random.default_rng(0)

    class VAE(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int = 36, hidden: int = 24, latent: int = 4) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU())
            self.mu = nn.Linear(hidden, latent)
            self.logvar = nn.Linear(hidden, latent)
            self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, inputs), nn.Sigmoid())

        def encode(self, x: Any) -> tuple[Any, Any]:
            h = self.encoder(x)
            return self.mu(h), self.logvar(h)

        def reparameterize(self, mu: Any, logvar: Any) -> Any:
            std = torch.exp(0.5 * logvar)
            eps = torch.from_numpy(random.standard_normal(tuple(std.shape)).astype(np.float32))
            return mu + eps * std

        def forward(self, x: Any) -> tuple[Any, Any, Any]:
            mu, logvar = self.encode(x.view(x.size(0), -1))
            return self.decoder(self.reparameterize(mu, logvar)), mu, logvar

    def loss_function(recon: Any, x: Any, mu: Any, logvar: Any) -> Any:
        bce = F.binary_cross_entropy(recon, x.view(x.size(0), -1), reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return (bce + kld) / x.size(0)

    centers = random.uniform(1, 5, (32, 2))
    rows, columns = np.mgrid[0:6, 0:6]
    blobs = np.exp(-((rows - centers[:, :1, None]) ** 2 + (columns - centers[:, 1:, None]) ** 2) / 2)
    images = torch.tensor(blobs.astype(np.float32)).unsqueeze(1)

    model = VAE()
    start(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        recon, mu, logvar = model(images)
        loss = loss_function(recon, images, mu, logvar)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        sample = model.decoder(torch.zeros(2, 4)).view(2, 1, 6, 6)
    assert sample.min() >= 0 and sample.max() <= 1
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))

"""A graph attention network on an edge list: gather, scatter softmax and index_add, on two communities."""

from __future__ import annotations

from typing import Any

import numpy as np


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional

    def scatter_softmax(scores: Any, target: Any, nodes: int) -> Any:
        """Softmax over the edges that end in the same node."""
        scores = (scores - scores.max()).exp()
        total = torch.zeros(nodes, scores.size(1)).scatter_add(0, target.unsqueeze(1).expand_as(scores), scores)
        return scores / (total[target] + 1e-16)

    class GATLayer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, outputs: int, heads: int, concat: bool = True) -> None:
            super().__init__()
            self.heads, self.outputs, self.concat = heads, outputs, concat
            self.proj = nn.Linear(inputs, heads * outputs, bias=False)
            self.source_score = nn.Parameter(torch.empty(1, heads, outputs))
            self.target_score = nn.Parameter(torch.empty(1, heads, outputs))
            self.bias = nn.Parameter(torch.zeros(heads * outputs if concat else outputs))
            self.leaky_relu = nn.LeakyReLU(0.2)
            nn.init.xavier_uniform_(self.proj.weight)
            nn.init.xavier_uniform_(self.source_score)
            nn.init.xavier_uniform_(self.target_score)

        def forward(self, x: Any, edges: Any) -> Any:
            source, target = edges
            h = self.proj(x).view(-1, self.heads, self.outputs)
            scores = (h * self.source_score).sum(-1)[source] + (h * self.target_score).sum(-1)[target]
            attention = scatter_softmax(self.leaky_relu(scores), target, x.size(0))
            messages = h.index_select(0, source) * attention.unsqueeze(-1)
            out = torch.zeros_like(h).index_add(0, target, messages)
            out = out.view(-1, self.heads * self.outputs) if self.concat else out.mean(dim=1)
            return out + self.bias

    class GAT(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([GATLayer(6, 4, heads=3), GATLayer(12, 2, heads=2, concat=False)])

        def forward(self, x: Any, edges: Any) -> Any:
            x = F.elu(self.layers[0](x, edges))
            return self.layers[1](x, edges)

    random = np.random.default_rng(0)
    nodes = 30
    label = (np.arange(nodes) >= nodes // 2).astype(np.int64)
    pairs = [
        (i, j)
        for i in range(nodes)
        for j in range(nodes)
        if i == j or random.random() < (0.3 if label[i] == label[j] else 0.03)
    ]
    edges = torch.tensor(pairs, dtype=torch.long).t().contiguous()
    features = torch.tensor((random.normal(0, 1, (nodes, 6)) + label[:, None] * 0.5).astype(np.float32))
    labels = torch.tensor(label)
    train_mask = torch.tensor(random.random(nodes) < 0.5)

    model = GAT()
    start(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=5e-4)
    losses = []
    for _ in range(20):
        model.train()
        optimizer.zero_grad()
        logits = model(features, edges)
        loss = F.cross_entropy(logits[train_mask], labels[train_mask])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        accuracy = (model(features, edges).argmax(1) == labels)[~train_mask].float().mean().item()
    assert 0 <= accuracy <= 1
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))

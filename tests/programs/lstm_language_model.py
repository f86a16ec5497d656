"""A word language model: embedding, LSTM with a carried hidden state, truncated backpropagation, clipped gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

TEXT = """we went to the sea in the morning and the sea was calm
we walked along the shore and the wind was cold
in the evening the wind was calm and we went to the fire
the fire was warm and the night was cold and we slept"""


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn = torch.nn

    class RNNModel(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, tokens: int, inputs: int, hidden: int, layers: int) -> None:
            super().__init__()
            self.encoder = nn.Embedding(tokens, inputs)
            self.rnn = nn.LSTM(inputs, hidden, layers)
            self.decoder = nn.Linear(hidden, tokens)
            self.hidden, self.layers = hidden, layers
            nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
            nn.init.zeros_(self.decoder.bias)

        def forward(self, input: Any, hidden: Any) -> tuple[Any, Any]:
            output, hidden = self.rnn(self.encoder(input), hidden)
            return self.decoder(output).view(-1, self.decoder.out_features), hidden

        def init_hidden(self, batch: int) -> tuple[Any, Any]:
            weight = next(self.parameters())
            zeros = weight.new_zeros(self.layers, batch, self.hidden)
            return zeros, weight.new_zeros(self.layers, batch, self.hidden)

    def repackage_hidden(h: Any) -> Any:
        return h.detach() if isinstance(h, torch.Tensor) else tuple(repackage_hidden(v) for v in h)

    words = TEXT.split()
    vocabulary = sorted(set(words))
    ids = np.array([vocabulary.index(w) for w in words * 5], dtype=np.int64)
    batch_size, bptt = 4, 6
    count = len(ids) // batch_size
    data = torch.from_numpy(ids[: count * batch_size]).view(batch_size, -1).t().contiguous()

    model = RNNModel(len(vocabulary), 12, 16, 2)
    start(model)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)
    hidden = model.init_hidden(batch_size)
    losses: list[float] = []
    i = 0
    while len(losses) < 20:
        if i + bptt + 1 > data.size(0):
            i = 0
            hidden = model.init_hidden(batch_size)
        source, target = data[i : i + bptt], data[i + 1 : i + 1 + bptt].reshape(-1)
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        output, hidden = model(source, hidden)
        loss = criterion(output, target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        i += bptt
    assert math.exp(losses[-1]) < len(vocabulary) * 1.1
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))

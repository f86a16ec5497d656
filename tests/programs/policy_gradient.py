"""REINFORCE with a baseline on a small cart-pole: episodes, discounted returns, log-probabilities of actions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class CartPole:
    """The usual equations of motion."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def reset(self) -> np.ndarray[Any, Any]:
        self.state = self.random.uniform(-0.05, 0.05, 4)
        return self.state.astype(np.float32)

    def step(self, action: int) -> tuple[np.ndarray[Any, Any], float, bool]:
        x, v, angle, spin = self.state
        force = 10.0 if action == 1 else -10.0
        cos, sin = math.cos(angle), math.sin(angle)
        push = (force + 0.05 * spin**2 * sin) / 1.1
        turn = (9.8 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / 1.1))
        v_dot = push - 0.05 * turn * cos / 1.1
        self.state = np.array([x + 0.02 * v, v + 0.02 * v_dot, angle + 0.02 * spin, spin + 0.02 * turn])
        done = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.21
        return self.state.astype(np.float32), 1.0, done


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional

    class Policy(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.affine = nn.Linear(4, 32)
            self.action_head = nn.Linear(32, 2)
            self.value_head = nn.Linear(32, 1)

        def forward(self, x: Any) -> tuple[Any, Any]:
            x = F.relu(self.affine(x))
            return F.softmax(self.action_head(x), dim=-1), self.value_head(x)

    env = CartPole(0)
    random = np.random.default_rng(1)
    policy = Policy()
    start(policy)
    optimizer = torch.optim.RMSprop(policy.parameters(), lr=2e-3)

    losses = []
    for _episode in range(20):
        state = env.reset()
        log_probs, values, rewards = [], [], []
        for _ in range(40):
            probs, value = policy(torch.from_numpy(state).float().unsqueeze(0))
            action = int(random.random() < probs[0, 1].item())
            log_probs.append(torch.log(probs[0, action]))
            values.append(value.squeeze())
            state, reward, done = env.step(action)
            rewards.append(reward)
            if done:
                break

        R, returns = 0.0, []
        for r in rewards[::-1]:
            R = r + 0.99 * R
            returns.insert(0, R)
        returns_ = torch.tensor(returns)
        returns_ = (returns_ - returns_.mean()) / (returns_.std() + 1e-6)
        policy_losses, value_losses = [], []
        for log_prob, value, R in zip(log_probs, values, returns_, strict=True):
            advantage = R - value.item()
            policy_losses.append(-log_prob * advantage)
            value_losses.append(F.mse_loss(value, R))
        optimizer.zero_grad()
        loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return policy, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))

"""A deep Q-network on a grid: replay memory, a target network with soft updates, clipped gradients."""

from __future__ import annotations

import math
from collections import deque, namedtuple
from typing import Any

import numpy as np

Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))
SIZE = 4


class Grid:
    """Walk from one corner to the other; the state is one-hot."""

    def reset(self) -> np.ndarray[Any, Any]:
        self.at = [0, 0]
        return self._state()

    def _state(self) -> np.ndarray[Any, Any]:
        state = np.zeros(SIZE * SIZE, dtype=np.float32)
        state[self.at[0] * SIZE + self.at[1]] = 1
        return state

    def step(self, action: int) -> tuple[np.ndarray[Any, Any], float, bool]:
        axis, way = divmod(action, 2)
        self.at[axis] = min(max(self.at[axis] + (1 if way else -1), 0), SIZE - 1)
        done = self.at == [SIZE - 1, SIZE - 1]
        return self._state(), 1.0 if done else -0.05, done


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional

    class DQN(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, observations: int, actions: int) -> None:
            super().__init__()
            self.layer1 = nn.Linear(observations, 32)
            self.layer2 = nn.Linear(32, 32)
            self.layer3 = nn.Linear(32, actions)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.layer1(x))
            x = F.relu(self.layer2(x))
            return self.layer3(x)

    policy_net, target_net = DQN(SIZE * SIZE, 4), DQN(SIZE * SIZE, 4)
    start(policy_net)
    target_net.load_state_dict(policy_net.state_dict())
    optimizer = torch.optim.AdamW(policy_net.parameters(), lr=1e-2, amsgrad=True)
    memory: deque[Transition] = deque(maxlen=500)
    random = np.random.default_rng(0)
    env = Grid()
    gamma, tau, batch_size, steps_done = 0.9, 0.05, 16, 0

    def select_action(state: Any) -> Any:
        nonlocal steps_done
        epsilon = 0.1 + 0.8 * math.exp(-steps_done / 100)
        steps_done += 1
        explore, action = random.random() < epsilon, int(random.integers(4))
        if explore:
            return torch.tensor([[action]], dtype=torch.long)
        with torch.no_grad():
            return policy_net(state).max(1).indices.view(1, 1)

    def optimize_model() -> float:
        batch = Transition(*zip(*[memory[i] for i in random.choice(len(memory), batch_size, False)], strict=True))
        non_final_mask = torch.tensor(tuple(s is not None for s in batch.next_state), dtype=torch.bool)
        non_final_next_states = torch.cat([s for s in batch.next_state if s is not None])
        state_action_values = policy_net(torch.cat(batch.state)).gather(1, torch.cat(batch.action))
        next_state_values = torch.zeros(batch_size)
        with torch.no_grad():
            next_state_values[non_final_mask] = target_net(non_final_next_states).max(1).values
        expected = (next_state_values * gamma) + torch.cat(batch.reward)
        loss = nn.SmoothL1Loss()(state_action_values, expected.unsqueeze(1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(policy_net.parameters(), 100)
        optimizer.step()
        return loss.item()  # type: ignore[no-any-return]

    losses: list[float] = []
    while len(losses) < 20:
        state = torch.tensor(env.reset(), dtype=torch.float32).unsqueeze(0)
        for _ in range(30):
            action = select_action(state)
            observation, reward, done = env.step(action.item())
            next_state = None if done else torch.tensor(observation, dtype=torch.float32).unsqueeze(0)
            memory.append(Transition(state, action, next_state, torch.tensor([reward])))
            state = next_state
            if len(memory) >= 64 and len(losses) < 20:
                losses.append(optimize_model())
                target_state, policy_state = target_net.state_dict(), policy_net.state_dict()
                for key in policy_state:
                    target_state[key] = policy_state[key] * tau + target_state[key] * (1 - tau)
                target_net.load_state_dict(target_state)
            if done:
                break
    return policy_net, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))

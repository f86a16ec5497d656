"""L-BFGS, a quasi-Newton method with a limited memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import enable_grad, no_grad
from ..creation import zeros_like
from ..ops import cat
from ..tensor import Tensor
from ._options import check_lr, number
from ._rule import real
from ._wolfe import Point, strong_wolfe
from .optimizer import Optimizer, ParamsT

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Each step makes up to ``max_iter`` iterations, for which it calls the closure again and again.

    Args:
        params: of one group only.
        max_eval: most calls of the closure a step; ``max_iter * 5 // 4`` unless given.
        tolerance_grad: stop where no element of the gradient is larger.
        tolerance_change: stop where neither parameters nor loss change more.
        history_size: number of past updates that the curvature is estimated from.
        line_search_fn: None (a fixed step of ``lr``) or "strong_wolfe".

    The state, under the first parameter, has PyTorch's names: "func_evals", "n_iter", "d", "t", "old_dirs",
    "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss" and "al".
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]  # type: ignore[no-any-return]

    def _flat_grad(self) -> Tensor:
        grads = [real(zeros_like(p) if p.grad is None else p.grad) for p in self._params]
        return cat([grad.reshape(-1) for grad in grads], 0)

    def _move(self, step: float, direction: Tensor) -> None:
        offset = 0
        for p in map(real, self._params):
            p.add_(direction[offset : offset + p.numel()].view_as(p), alpha=step)
            offset += p.numel()

    @no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Minimize for up to ``max_iter`` iterations.

        Args:
            closure: sets the gradients anew and returns the loss; required.

        Returns:
            The loss before the step.
        """
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")

        def loss_and_grad() -> tuple[Any, Tensor]:
            with enable_grad():
                loss = closure()
            return loss, self._flat_grad()

        group = self.param_groups[0]
        lr, max_iter, max_eval = number(group["lr"]), group["max_iter"], group["max_eval"]
        least_grad, least_change = group["tolerance_grad"], group["tolerance_change"]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss, grad = loss_and_grad()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        if _largest(grad) <= least_grad:
            return first_loss

        for iteration in range(1, max_iter + 1):
            state["n_iter"] += 1
            direction = state["d"] = self._direction(state, grad, group["history_size"])
            state["prev_flat_grad"] = grad
            state["prev_loss"] = previous = loss
            first = state["n_iter"] == 1
            t = state["t"] = min(1.0, 1.0 / grad.abs().sum().item()) * lr if first else lr
            slope = grad.dot(direction).item()
            if slope > -least_change:
                break
            used = 0
            if group["line_search_fn"] is not None:
                found, used = self._search(
                    loss_and_grad, direction, t, Point(0.0, loss, grad, slope), max_eval - evaluations
                )
                loss, grad, t = found.value, found.gradient, found.t
                state["t"] = t
                self._move(t, direction)
            else:
                self._move(t, direction)
                if iteration != max_iter:  # else the values would not be used
                    new_loss, grad = loss_and_grad()
                    loss = float(new_loss)
                    used = 1
            evaluations += used
            state["func_evals"] += used
            if (
                iteration == max_iter
                or evaluations >= max_eval
                or _largest(grad) <= least_grad
                or _largest(direction * t) <= least_change
                or abs(loss - previous) < least_change
            ):
                break
        return first_loss

    def _search(
        self, loss_and_grad: Callable[[], tuple[Any, Tensor]], direction: Tensor, t: float, start: Point, max_ls: int
    ) -> tuple[Point, int]:
        values = [p.clone() for p in self._params]

        def evaluate(t: float) -> tuple[float, Tensor]:
            self._move(t, direction)
            loss, grad = loss_and_grad()
            for p, value in zip(self._params, values, strict=True):
                p.copy_(value)
            return float(loss), grad

        return strong_wolfe(evaluate, t, direction, start, max_ls=max_ls)

    @staticmethod
    def _direction(state: dict[str, Any], grad: Tensor, history_size: int) -> Tensor:
        """The next direction: the gradient, by the inverse curvature that past steps and gradients give."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -grad
        differences, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        y = grad - state["prev_flat_grad"]
        s = state["d"] * state["t"]
        ys = y.dot(s)
        if ys.item() > 1e-10:
            if len(differences) == history_size:
                for past in (differences, steps, inverses):
                    past.pop(0)
            differences.append(y)
            steps.append(s)
            inverses.append(1.0 / ys)
            state["H_diag"] = ys / y.dot(y)
        al = state.setdefault("al", [None] * history_size)
        q = -grad
        for i in reversed(range(len(differences))):
            al[i] = steps[i].dot(q) * inverses[i]
            q = q - differences[i] * al[i]
        r: Tensor = q * state["H_diag"]
        for y, s, inverse, a in zip(differences, steps, inverses, al, strict=False):
            r = r + s * (a - y.dot(r) * inverse)
        return r


def _largest(x: Tensor) -> float:
    return x.abs().max().item()  # type: ignore[no-any-return]

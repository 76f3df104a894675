# mypy: disable-error-code="no-any-return"
"""Muon: steps along orthogonalised momentum for matrices, AdamW for everything else.

``torch.optim.Muon`` takes two-dimensional parameters only; most of ours are convolutions.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.adamw import adamw

LEAST_SIDE = 16  # of a matrix that is worth orthogonalising
ENDS = ("downs.0.", "patch_embed", "final_conv")  # first and last layers are left to AdamW
QUINTIC = (3.4445, -4.7750, 2.0315)
ADAMW_RMS = 0.2  # root mean square of AdamW's steps, which Muon's are scaled to


def orthogonalised(matrices: Float[Tensor, "*b r c"], *, steps: int = 5) -> Float[Tensor, "*b r c"]:
    """Nearly UVᵀ of each matrix UΣVᵀ: all singular values within 0.7..1.2.

    A quintic Newton–Schulz iteration (Jordan et al., *Muon*, 2024); in bfloat16 on a GPU, while
    most CPUs multiply that ten times slower than single precision.
    """
    a, b, c = QUINTIC
    x = matrices.bfloat16() if matrices.is_cuda else matrices.float()
    is_tall = x.shape[-2] > x.shape[-1]
    x = x.mT if is_tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return (x.mT if is_tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Groups with ``orthogonal`` set are matrices: with Nesterov momentum M of their gradients,
    W ← (1 − η λ) W − η 0.2 √max(r, c) · UVᵀ(M), so that rate and decay mean what they mean to
    AdamW (Liu et al., *Muon is scalable for LLM training*, 2025, eq. 4). The other groups are
    stepped by AdamW. A convolution is a matrix of its output channels. ``factor``: of a group's
    rate, for whoever sets the rates.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        lr: float,
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "betas": betas, "weight_decay": 0.0}
        super().__init__(groups, {**defaults, "orthogonal": False, "factor": 1.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            if group["orthogonal"]:
                self._step_matrices(group)
            else:
                self._step_adamw(group)

    def _step_matrices(self, group: dict[str, Any]) -> None:
        alike: dict[tuple[int, ...], list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for parameter, gradient in _with_gradients(group):
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
            ahead = gradient.lerp(momentum, group["momentum"]).flatten(1)
            alike[tuple(ahead.shape)].append((parameter, ahead))
        for (rows, columns), members in alike.items():
            length = group["lr"] * ADAMW_RMS * max(rows, columns) ** 0.5
            directions = orthogonalised(torch.stack([ahead for _, ahead in members]))
            for (parameter, _), direction in zip(members, directions, strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.sub_(direction.view(parameter.shape), alpha=length)

    def _step_adamw(self, group: dict[str, Any]) -> None:
        pairs = _with_gradients(group)
        for parameter, _ in pairs:
            state = self.state[parameter]
            if not state:
                state["mean"], state["square"] = (torch.zeros_like(parameter) for _ in range(2))
                state["step"] = torch.zeros((), device=parameter.device)
        states = [self.state[parameter] for parameter, _ in pairs]
        adamw(
            [parameter for parameter, _ in pairs],
            [gradient for _, gradient in pairs],
            [state["mean"] for state in states],
            [state["square"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=1e-8,
            maximize=False,
        )


def _with_gradients(group: dict[str, Any]) -> list[tuple[nn.Parameter, Tensor]]:
    return [(p, p.grad) for p in group["params"] if p.grad is not None]


def is_matrix(name: str, parameter: Tensor) -> bool:
    """Whether a network's parameter is one that Muon is meant for: an inner, whole map."""
    if parameter.ndim < 2 or any(end in name for end in ENDS):
        return False
    rows, columns = parameter.shape[0], parameter[0].numel()
    return min(rows, columns) >= LEAST_SIDE and parameter.shape[1] > 1  # 1: depthwise


def is_vector(parameter: Tensor) -> bool:
    """Norms, biases and scales."""
    return parameter.numel() == max(parameter.shape, default=1)

"""Shared by tasks in which every token asks a question whose answer is yes or no, 1 or 0."""

from __future__ import annotations

from typing import ClassVar

import torch

from assay.tasks.base import Task


class Decision(Task[torch.Tensor]):
    """A task with answers 0 or 1, float64 (batch, N), for all N tokens; networks' outputs are compared with 1/2."""

    largest_tolerance: ClassVar[float] = 0.49  # answers are compared with 1/2
    mean_error_name: ClassVar[str] = "balanced share of wrong answers"

    @property
    def positions(self) -> int:
        """N."""
        return self.length

    @property
    def asking(self) -> int:
        """N: every token asks."""
        return self.length

    @property
    def answer_shape(self) -> tuple[int]:
        """(N,)."""
        return (self.length,)

    @property
    def tolerance(self) -> float:
        """1/4: every answer is on its side of 1/2 with room to spare; lower bounds hold for all errors below 1/2."""
        return 0.25

    @property
    def mean_tolerance(self) -> float:
        """1/10: learned is what answers 90 % right, of either answer alike."""
        return 0.1

    def errors(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Distance of each answer from 0 or 1, in float64; an answer beyond them is as good: shape (batch, N)."""
        return (outputs.double().clamp(0, 1) - targets.double()).abs()

    def mean_error(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """Mean of the shares of wrong answers among tokens whose answer is 1 and among those whose answer is 0.

        An answer is wrong on the other side of 1/2, or if it is not a number. Where all tokens are of one kind, the
        share among them.
        """
        wrong, matched = ~((outputs > 0.5) == (targets > 0.5)) | outputs.isnan(), targets > 0.5
        shares = [wrong[kind].double().mean() for kind in (matched, ~matched) if kind.any()]
        return torch.stack(shares).mean().item()

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy, with an output's distance from 1/2 as the logarithm of the odds.

        Tokens of either answer weigh as much as the others, as in the mean error, where either is at least a
        hundredth of the batch.
        """
        share = targets.mean().clamp(0.01, 0.99)
        weights = 0.5 * (targets / share + (1 - targets) / (1 - share))
        return torch.nn.functional.binary_cross_entropy_with_logits(outputs - 0.5, targets, weights)

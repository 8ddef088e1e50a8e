"""The standard backbone: pre-norm residual blocks of a mixer and an MLP, for networks that learn.

    x = tokens W + position table
    x = x + mixer(norm(x));  x = x + MLP(norm(x))        for each block
    answer = norm(x) R                                   for the asking tokens

Only what the asking tokens need is computed: the last block's mixer, MLP and readout run on them alone.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from assay.networks.base import Mixer, Network
from assay.size import Size
from assay.tasks.base import Task

_MLP_FACTOR = 4


class Block(nn.Module):
    """x + mixer(norm(x)), then x + MLP(norm(x)), for the last tokens."""

    def __init__(self, mixer: Mixer, width: int) -> None:
        super().__init__()
        self.mixer = mixer
        self.before_mixer, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        narrow = nn.Linear(_MLP_FACTOR * width, width)
        nn.init.zeros_(narrow.weight)
        self.mlp = nn.Sequential(nn.Linear(width, _MLP_FACTOR * width), nn.GELU(), narrow)

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        """(batch, length, width) -> (batch, last, width)."""
        tokens_out = tokens[:, -last:] + self.mixer(self.before_mixer(tokens), last)
        return tokens_out + self.mlp(self.before_mlp(tokens_out))


class StandardBackbone(Network):
    """A network that learns, of `depth` blocks around mixers of one kind."""

    def __init__(self, task: Task[Any], mixer: type[Mixer], width: int, depth: int = 1) -> None:
        super().__init__()
        self.task = task
        self.family = mixer.family  # ty: ignore[invalid-attribute-access]
        self.embed = nn.Linear(task.token_features, width)
        self.positions = nn.Parameter(torch.empty(task.positions, width))
        self._start()
        self.blocks = nn.ModuleList(Block(mixer(width), width) for _ in range(depth))
        self.before_readout = nn.LayerNorm(width)
        self.readout = nn.Linear(width, task.output_width)
        self.size = Size(
            width=width,
            depth=depth,
            state=depth * width * mixer.state_per_width,
            parameters=sum(parameter.numel() for parameter in self.parameters()),
        )

    @torch.no_grad()
    def _start(self) -> None:
        """Give every position a code of its own, and every name of a position that position's code.

        Codes are coordinate axes as far as the width reaches, then random directions; a token that only asks has none.
        Where a feature names a position, its embedding starts as the position's code: what is to be learned is to use
        pointers, not the order in which they are numbered.
        """
        positions, width = self.positions.shape
        codes = nn.functional.normalize(torch.randn(positions, width), dim=1)
        codes[:width] = torch.eye(width)[:positions]
        self.positions.copy_(math.sqrt(width) * codes)
        self.positions[self.task.length :] = 0
        nn.init.normal_(self.embed.weight)
        pointing = self.task.pointing()
        if pointing is not None:
            names = self.positions[: self.task.length] / math.sqrt(pointing.names)
            self.embed.weight[:, pointing.token] = names.T

    def embedded(self, inputs: Any) -> Tensor:
        """Tokens as the first block sees them: (batch, positions, width)."""
        return self.embed(self.task.tokens(inputs)) + self.positions

    def attention(self, inputs: Any) -> Tensor:
        """Attention weights of the asking tokens in the last block, of a mixer that has them: (batch, 1, asking, T)."""
        tokens = self.embedded(inputs)
        for block in self.blocks[:-1]:
            tokens = block(tokens, self.task.positions)
        last: Any = self.blocks[-1]
        return last.mixer.weights(last.before_mixer(tokens), self.task.asking).unsqueeze(1)

    def forward(self, inputs: Any) -> Tensor:
        """Answers of the asking tokens: (batch, asking, output width)."""
        tokens = self.embedded(inputs)
        for block in self.blocks[:-1]:
            tokens = block(tokens, self.task.positions)
        return self.readout(self.before_readout(self.blocks[-1](tokens, self.task.asking)))

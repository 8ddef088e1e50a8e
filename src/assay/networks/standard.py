"""The standard backbone: pre-norm residual blocks of a mixer and an MLP, for networks that learn.

    x = tokens W + position table, and a constant in front if the task has a blank
    x = x + mixer(norm(x));  x = x + MLP(norm(x))        for each block
    answer = norm(x) R                                   for the asking tokens

Only what the asking tokens need is computed: the last block's mixer, MLP and readout run on them alone. Where several
tokens ask and no layer looks ahead, the sequence is shown twice, since what a token asks for may come after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from assay.networks.base import Mixer, Network
from assay.networks.codes import circular_codes, position_codes
from assay.networks.layer_check import declared_state, is_causal
from assay.networks.passes import passes_for
from assay.resources import Averages, Resources
from assay.size import Size
from assay.tasks.base import Features, Symbols, Task

_MLP_FACTOR = 4


def standard_resources(task: Task[Any], layers: Sequence[Mixer], width: int, *, causal: bool) -> Resources:
    """What the standard backbone has with these layers, one a block: they need hold no weights (torch's meta device).

    A state is carried only where no layer looks ahead. The first token is a constant where the task has a blank, which
    the count of tokens in `Resources.state` leaves out.
    """
    blank = int(task.blank)

    def state(tokens: int) -> int | None:
        whole, rest = divmod(tokens, task.positions)
        shown = whole * (task.positions + blank) + (rest + blank if rest else 0)
        numbers = [declared_state(layer, shown) for layer in layers]
        known = [number for number in numbers if number is not None]
        return sum(known) if len(known) == len(numbers) else None

    return Resources(
        precision=32,
        passes=passes_for(task, causal),
        embedding=width,
        state=state if causal and state(task.positions) is not None else None,
        averages=_averages(layers[0]) if len(layers) == 1 else None,
    )


def _averages(layer: Mixer) -> Averages | None:
    """What a layer declares of its averages; nothing where it inherits that from a class whose outputs it changes."""
    declares = next(kind for kind in type(layer).__mro__ if "averages" in vars(kind))
    computes = next(kind for kind in type(layer).__mro__ if "forward" in vars(kind))
    return layer.averages() if issubclass(declares, computes) else None


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
    """A network that learns, of `depth` blocks around mixers of one kind, each made by `mixer(width)`."""

    def __init__(self, task: Task[Any], mixer: Callable[[int], Mixer], width: int, depth: int = 1) -> None:
        super().__init__()
        self.task, self.width = task, width
        blocks = [Block(mixer(width), width) for _ in range(depth)]
        kind = blocks[0].mixer
        self.family = kind.family  # ty: ignore[invalid-attribute-access]
        self.causal = all(is_causal(block.mixer, width) for block in blocks)
        self.passes = passes_for(task, self.causal)
        shown = task.shown
        self.embed: Any = _embedding(shown, width)
        self.positions = nn.Parameter(position_codes(task.positions, task.length, width))
        self.blank = nn.Parameter(torch.randn(width)) if task.blank else None
        self.blocks = nn.ModuleList(blocks)
        if isinstance(shown, Features):
            self._start_names(shown)
        self.before_readout = nn.LayerNorm(width)
        self.readout = nn.Linear(width, math.prod(task.answer_shape[1:]))
        state = self.resources.state
        self.size = Size(
            width=width,
            heads=kind.heads,
            head_width=width // kind.heads if kind.heads > 1 else 0,
            depth=depth,
            state=0 if state is None else state(self.passes * task.positions) or 0,
            parameters=sum(parameter.numel() for parameter in self.parameters()),
        )

    @property
    def resources(self) -> Resources:
        """What its layers declare, on this task."""
        layers: Any = [block.mixer for block in self.blocks]
        return standard_resources(self.task, layers, self.width, causal=self.causal)

    @torch.no_grad()
    def _start_names(self, shown: Features) -> None:
        """Give every name of a position that position's code, and let mixers start accordingly.

        What is to be learned is to use pointers, not the order in which they are numbered.
        """
        if shown.pointing is not None:
            names = self.positions[: self.task.length] / math.sqrt(shown.pointing.names)
            self.embed.weight[:, shown.pointing.token] = names.T
            for block in self.blocks:
                block.mixer.start_for_pointers()  # ty: ignore

    def embedded(self, inputs: Any) -> Tensor:
        """Tokens as the first block sees them, a blank in front if the task has one: (batch, tokens, width)."""
        tokens = self.embed(self.task.tokens(inputs)) + self.positions
        if self.blank is not None:
            tokens = torch.cat([self.blank.expand(len(tokens), 1, -1), tokens], dim=1)
        return tokens.repeat(1, self.passes, 1)

    def attention(self, inputs: Any) -> Tensor:
        """Attention of the asking tokens in the last block, if its mixer has any: (batch, heads, asking, length)."""
        last: Any = self.blocks[-1]
        return last.mixer.weights(last.before_mixer(self._before_last(self.embedded(inputs))), self.task.asking)

    def forward(self, inputs: Any) -> Tensor:
        """Answers of the asking tokens: (batch, *answer shape)."""
        return self.answers(self.embedded(inputs))

    def answers(self, embedded: Tensor) -> Tensor:
        """The same from embedded tokens (batch, tokens, width): all that a token knows before it looks at others."""
        return self.read(self.blocks[-1](self._before_last(embedded), self.task.asking))

    def read(self, tokens: Tensor) -> Tensor:
        """Answers from what the last block makes of the asking tokens (batch, asking, width)."""
        return self.readout(self.before_readout(tokens)).reshape(-1, *self.task.answer_shape)

    def _before_last(self, tokens: Tensor) -> Tensor:
        for block in self.blocks[:-1]:
            tokens = block(tokens, tokens.shape[1])
        return tokens


def _embedding(shown: Features | Symbols, width: int) -> nn.Module:
    """A linear map of a token's numbers, or a table of codes for symbols."""
    if isinstance(shown, Features):
        embedding = nn.Linear(shown.token, width)
        nn.init.normal_(embedding.weight)
        return embedding
    return nn.Embedding.from_pretrained(circular_codes(shown.modulus, width), freeze=False)

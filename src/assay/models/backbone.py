"""The standard backbone: pre-norm residual blocks of a layer and an MLP, for networks that learn.

    x = tokens W + position table, and a constant in front if there is a sink token
    x = x + layer(norm(x));  x = x + MLP(norm(x))        for each block
    answer = norm(x) R                                   at the query positions

Only what the query positions need is computed: the last block's layer, MLP and readout run on them alone. Where answers
may depend on later tokens and no layer looks ahead, the sequence is shown twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from assay.errors import AssayError, require, unknown
from assay.layers.common.check import declared_state, is_causal
from assay.layers.layer import HasWeights, Layer
from assay.models.codes import circular_codes, position_codes
from assay.models.network import Network
from assay.models.passes import passes_for
from assay.resources import Averages, Resources
from assay.sizes import Size
from assay.tasks.spec import Spec, Vectors

_MLP_FACTOR = 4


def standard_resources(spec: Spec, layers: Sequence[Layer], width: int, *, causal: bool, loops: int = 1) -> Resources:
    """What the standard backbone has with these layers, one a block: they need hold no weights (torch's meta device).

    Each loop carries a state of its own.
    A state is carried only where no layer looks ahead. The count of tokens in `Resources.state` leaves a sink out.
    """
    sink = int(spec.sink)

    def state(tokens: int) -> int | None:
        whole, rest = divmod(tokens, spec.length)
        seen = whole * (spec.length + sink) + (rest + sink if rest else 0)
        numbers = [declared_state(layer, seen) for layer in layers]
        known = [number for number in numbers if number is not None]
        return loops * sum(known) if len(known) == len(numbers) else None

    return Resources(
        precision=32,
        passes=passes_for(spec, causal),
        embedding=width,
        state=state if causal and state(spec.length) is not None else None,
        averages=_averages(layers[0]) if len(layers) * loops == 1 else None,
    )


def _averages(layer: Layer) -> Averages | None:
    """What a layer declares of its averages; nothing where it inherits that from a class whose outputs it changes."""
    declares = next(kind for kind in type(layer).__mro__ if "averages" in vars(kind))
    computes = next(kind for kind in type(layer).__mro__ if "forward" in vars(kind))
    return layer.averages() if issubclass(declares, computes) else None


class Block(nn.Module):
    """x + layer(norm(x)), then x + MLP(norm(x)), for the last tokens; or the layer alone, if it is a whole block."""

    def __init__(self, layer: Layer, width: int) -> None:
        super().__init__()
        self.layer = layer
        if layer.block:
            return
        self.before_layer, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        narrow = nn.Linear(_MLP_FACTOR * width, width)
        nn.init.zeros_(narrow.weight)
        self.mlp = nn.Sequential(nn.Linear(width, _MLP_FACTOR * width), nn.GELU(), narrow)

    def forward(self, tokens: Tensor, last: int) -> Tensor:
        if self.layer.block:
            return self.layer(tokens, last)
        tokens_out = tokens[:, -last:] + self.layer(self.before_layer(tokens), last)
        return tokens_out + self.mlp(self.before_mlp(tokens_out))


class RandomPlaces:
    """Places of a table at which sequences begin: the same in every run of a network of one seed."""

    def __init__(self) -> None:
        self._seed, self._drawn = int(torch.randint(1 << 40, ())), 0

    def draw(self, count: int, places: int) -> Tensor:
        """So many numbers from 0 to places - 1, others at every call."""
        self._drawn += 1
        return torch.randint(places, (count,), generator=torch.Generator().manual_seed(self._seed + self._drawn))


class Backbone(Network):
    """A network that learns, for a spec: one block for each layer.

    Args:
        spec: tokens, answers and query positions. Other lengths than the spec's are taken where there is no table, or
            a longer one.
        layers: of this width.
        width: m.
        positions: `table`, a learned code for each position, or `none`.
        loops: how often all blocks are run.
        longest: tokens that a table has codes for, if more than the spec's. In training every sequence then begins at a
            random place of the table, so that all codes are learned; else at its first. Not where tokens point at
            positions, which have as many codes as names.

    Raises:
        AssayError: answers are wanted in causal order, and a layer looks ahead.
    """

    def __init__(
        self,
        spec: Spec,
        layers: Sequence[Layer],
        width: int,
        positions: str = "table",
        loops: int = 1,
        longest: int = 0,
    ) -> None:
        super().__init__()
        if positions not in ("none", "table"):
            raise unknown("positions", positions, ("none", "table"))
        self.spec, self.width, self.loops = spec, width, loops
        blocks = [Block(layer, width) for layer in layers]
        heads = max(layer.heads for layer in layers)
        self.family = layers[0].family if len({layer.family for layer in layers}) == 1 else "hybrid"
        looking = [not is_causal(layer, width) for layer in layers]
        self.causal = not any(looking)
        if spec.order == "causal" and spec.queries > 1 and not self.causal:
            ahead = type(layers[looking.index(True)]).__name__
            raise AssayError(f"{ahead} looks ahead; answers in causal order need layers that do not")
        self.passes = passes_for(spec, self.causal)
        self.embed = _embedding(spec, width)
        held = max(spec.length, longest) if spec.pointing is None else spec.length
        named = held if spec.pointing is None else spec.pointing.positions
        table = position_codes(held, named, width) if positions == "table" else None
        self.positions = None if table is None else nn.Parameter(table)
        self._places = RandomPlaces() if table is not None and held > spec.length else None
        self.sink = nn.Parameter(torch.randn(width)) if spec.sink else None
        self.blocks = nn.ModuleList(blocks)
        if spec.pointing is not None and table is not None:
            self._start_names(table[: spec.pointing.positions] / math.sqrt(spec.pointing.names))
        self.before_readout = nn.LayerNorm(width)
        self.readout = nn.Linear(width, spec.answer.width)
        state = self.resources.state
        self.size = Size(
            width=width,
            heads=heads,
            head_width=width // heads if heads > 1 else 0,
            depth=len(layers) * loops,
            state=0 if state is None else state(self.passes * spec.length) or 0,
            parameters=sum(parameter.numel() for parameter in self.parameters()),
        )

    @property
    def resources(self) -> Resources:
        layers = [block.layer for block in self.stack]
        return standard_resources(self.spec, layers, self.width, causal=self.causal, loops=self.loops)

    @property
    def stack(self) -> list[Block]:
        """The blocks of one loop, in order."""
        return [block for block in self.blocks if isinstance(block, Block)]

    @torch.no_grad()
    def _start_names(self, codes: Tensor) -> None:
        """Give every name of a position that position's code, and let layers start accordingly.

        What is to be learned is to use pointers, not the order in which they are numbered.
        """
        assert self.spec.pointing is not None
        self.embed.weight[:, self.spec.pointing.value_width :] = codes.T
        for block in self.stack:
            block.layer.start_for_pointers()

    def embedded(self, tokens: Tensor) -> Tensor:
        """Tokens as the first block sees them, the sink token in front if there is one: (batch, positions, width).

        Raises:
            AssayError: more or fewer tokens than the table has positions.
        """
        x = embed(self.spec, tokens, self.embed)
        if self.positions is not None:
            x = x + self._codes(*x.shape[:2])
        if self.sink is not None:
            x = torch.cat([self.sink.expand(len(x), 1, -1), x], dim=1)
        return x.repeat(1, self.passes, 1) if self.passes > 1 else x

    def _codes(self, batch: int, length: int) -> Tensor:
        """Codes of positions, (length, width), or (batch, length, width) where every sequence begins at its own."""
        assert self.positions is not None
        held = len(self.positions)
        if self._places is None:
            require(length == held, "length", length, f"{held}, as many as the position table has")
            return self.positions
        require(length <= held, "length", length, f"at most {held}, as many as the position table has")
        if not self.training:
            return self.positions[:length]
        return self.positions[self._places.draw(batch, held - length + 1)[:, None] + torch.arange(length)]

    def attention(self, tokens: Tensor) -> Tensor:
        """Attention map of the query positions in the last block: (batch, heads, queries, N).

        Raises:
            AssayError: its layer has none.
        """
        last = self.stack[-1]
        if not isinstance(last.layer, HasWeights):
            raise AssayError(f"{type(last.layer).__name__} has no attention map: it has no weights(tokens, last)")
        return last.layer.weights(last.before_layer(self._before_last(self.embedded(tokens))), self.spec.queries)

    def forward(self, tokens: Tensor, queries: int = 0) -> Tensor:
        """Outputs at the last `queries` positions, the spec's unless given: (batch, queries, *output shape)."""
        return self.answers(self.embedded(tokens), queries)

    def answers(self, embedded: Tensor, queries: int = 0) -> Tensor:
        """The same from embedded tokens (batch, tokens, width): all that a token knows before it looks at others."""
        return self.read(self.blocks[-1](self._before_last(embedded), queries or self.spec.queries))

    def read(self, tokens: Tensor) -> Tensor:
        """Outputs from what the last block makes of the query tokens (batch, queries, width)."""
        outputs = self.readout(self.before_readout(tokens))
        return outputs.reshape(*tokens.shape[:2], *self.spec.answer.output_shape)

    def _before_last(self, tokens: Tensor) -> Tensor:
        for block in ([*self.blocks] * self.loops)[:-1]:
            tokens = block(tokens, tokens.shape[1])
        return tokens


def _embedding(spec: Spec, width: int) -> nn.Linear | nn.Embedding:
    """A linear map of a token's numbers, or one table of codes for all vocabularies, one after another."""
    if isinstance(spec.tokens, Vectors):
        embedding = nn.Linear(spec.tokens.width, width)
        nn.init.normal_(embedding.weight)
        return embedding
    counts = spec.tokens.counts
    codes = [circular_codes(count, width) if spec.cyclic else torch.randn(count, width) for count in counts]
    return nn.Embedding.from_pretrained(torch.cat(codes), freeze=False)


def embed(spec: Spec, tokens: Tensor, embedding: nn.Module) -> Tensor:
    """Codes of tokens, (batch, length, width): of a token of several symbols, the sum of theirs."""
    if isinstance(spec.tokens, Vectors) or len(spec.tokens.counts) == 1:
        return embedding(tokens)
    return embedding(tokens + spec.tokens.offsets(tokens.device)).sum(dim=2)

"""Feed-forward network on the flattened input; its width is that of the first layer"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from assay.errors import require
from assay.models import NETWORKS
from assay.models.codes import MOST_SYMBOLS
from assay.models.network import Network
from assay.resources import Resources
from assay.sizes import Size
from assay.tasks.spec import Pointing, Spec, Symbols, Vectors

_LATER_WIDTH = 256


@NETWORKS.register
class FeedForward(Network):
    """f(x) = g(W x): W has `width` rows, the resource of Theorem 10; g is a generous network of fixed size.

    x is the whole input. Where tokens that ask name positions, each of them is answered by itself, with the same
    weights, as other architectures do: x is all values and that token's pointers.
    (Theorem 10: Sanford, Hsu, Telgarsky, NeurIPS 2023.)
    """

    family = "feed-forward"
    version: ClassVar[int] = 2

    def __init__(self, spec: Spec, width: int) -> None:
        super().__init__()
        self.spec = spec
        self.layers = nn.Sequential(
            _first_of_numbers(spec, width) if isinstance(spec.tokens, Vectors) else _first_of_symbols(spec, width),
            nn.GELU(),
            nn.Linear(width, _LATER_WIDTH),
            nn.GELU(),
            nn.Linear(_LATER_WIDTH, spec.answer.width * (spec.queries if spec.pointing is None else 1)),
        )
        self.size = Size(width=width, depth=2, parameters=sum(p.numel() for p in self.parameters()))

    @property
    def first(self) -> nn.Module:
        """The first layer, W."""
        return self.layers[0]

    @property
    def resources(self) -> Resources:
        """The rows of W, which alone sees the input."""
        return Resources(precision=32, first_layer=self.size.width)

    def forward(self, tokens: Tensor, queries: int = 0) -> Tensor:
        """Outputs at the query positions: (batch, queries, *output shape).

        Raises:
            AssayError: tokens of another length than the spec's.
        """
        length = self.spec.length
        require(tokens.shape[1] == length, "length", tokens.shape[1], f"{length}, that of the first layer")
        return self.layers(flattened(self.spec, tokens)).reshape(-1, *self.spec.output_shape)


def flattened(spec: Spec, tokens: Tensor) -> Tensor:
    """All tokens as one vector: (batch, numbers), or for symbols the numbers of their columns, (batch, symbols).

    Where query tokens name positions, a vector for each: all values, then its own indicators, (batch, queries,
    numbers).

    >>> from assay import SparseAveraging
    >>> task = SparseAveraging(length=4, sparsity=2, dimension=3, layout="last", queries=2)
    >>> flattened(task.spec, task.encode(task.sample(5, seed=0).inputs)).shape
    torch.Size([5, 2, 16])
    """
    if isinstance(spec.tokens, Symbols):
        shown = tokens.unflatten(1, (-1, 1)) if tokens.ndim == 2 else tokens
        places = sum(spec.tokens.counts) * torch.arange(spec.length, device=tokens.device).unsqueeze(1)
        return (shown + places + spec.tokens.offsets(tokens.device)).flatten(1)
    if spec.pointing is None:
        return tokens.flatten(1)
    values = tokens[:, : spec.pointing.positions, : spec.pointing.value_width].flatten(1)
    names = tokens[:, -spec.queries :, spec.pointing.value_width :]
    return torch.cat([values.unsqueeze(1).expand(-1, spec.queries, -1), names], dim=2)


def flat_width(spec: Spec) -> int:
    """Numbers in one vector of the flattened tokens of such a spec."""
    if spec.pointing is None:
        return spec.numbers
    return spec.pointing.positions * (spec.pointing.value_width + 1)


@torch.no_grad()
def _first_of_numbers(spec: Spec, width: int) -> nn.Linear:
    """Where a feature names a position, its column starts as that of the position's value, scaled to like size."""
    layer = nn.Linear(flat_width(spec), width)
    positions = spec.length if spec.pointing is None else spec.pointing.positions
    nn.init.normal_(layer.weight, std=1 / math.sqrt(positions))
    if spec.pointing is not None and not layer.weight.is_meta:  # without numbers torch would load code for this
        _start_names(layer, spec.pointing)
    return layer


def _start_names(layer: nn.Linear, pointing: Pointing) -> None:
    numbers = pointing.positions * pointing.value_width
    values = layer.weight[:, :numbers].unflatten(1, (pointing.positions, pointing.value_width)).sum(dim=2)
    scale = math.sqrt(pointing.positions / (pointing.names * pointing.value_width))
    layer.weight[:, numbers:] = scale * values


def _first_of_symbols(spec: Spec, width: int) -> nn.EmbeddingBag:
    """The rows of W that belong to the symbols present, summed: W times the one-hot input, at less cost."""
    assert isinstance(spec.tokens, Symbols)
    symbols, most = sum(spec.tokens.counts), MOST_SYMBOLS // spec.length
    require(symbols <= most, "symbols", symbols, f"at most {most} where {spec.length} tokens are symbols")
    layer = nn.EmbeddingBag(spec.length * symbols, width, mode="sum")
    nn.init.normal_(layer.weight, std=1 / math.sqrt(spec.length))
    return layer

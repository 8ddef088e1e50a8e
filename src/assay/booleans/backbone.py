"""The standard backbone, one block of attention and MLP, trained on all words of a small Boolean function.

It has normalisation, a residual stream and an MLP of several units after the layer. So bounds on the heads of the bare
form do not speak of it: with an MLP of n units one head is enough for the parity of n bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from assay.booleans.bare import all_words
from assay.booleans.function import BooleanFunction
from assay.errors import require_integer
from assay.layers.attention import Attention
from assay.models.backbone import Backbone
from assay.tasks.answers import Classes
from assay.tasks.spec import Spec, Symbols

MOST_INPUTS = 8
_ASKER = 2  # a symbol beside the bits
_RATE, _BETWEEN = 0.003, 20


@dataclass(frozen=True)
class TrainedBackbone:
    """What one seed came to.

    Attributes:
        wrong: words, of all 2^n, the fewest at any look, every 20 steps.
        steps: until all were right, or all.
        parameters: of the network.
    """

    wrong: int
    steps: int
    parameters: int


def train_backbone(
    function: BooleanFunction, seed: int, *, heads: int = 1, width: int = 32, steps: int = 1000
) -> TrainedBackbone:
    """Train by cross entropy on all words at once, with Adam at .003, in float32.

    The sequence is the bits and a query token, which answers; positions have codes that are learned.

    >>> train_backbone(BooleanFunction.symmetric("or", 2, lambda ones: ones > 0), seed=0).wrong
    0

    Raises:
        AssayError: more than 8 bits, or a number that is not allowed.
    """
    require_integer("inputs", function.inputs, 1, MOST_INPUTS)
    require_integer("steps", steps, 1, 1_000_000)
    words = all_words(function.inputs)
    tokens = torch.cat([words, torch.full((len(words), 1), _ASKER)], dim=1)
    wanted = torch.from_numpy(function.table).long()
    spec = Spec(Symbols(_ASKER + 1), Classes(2), function.inputs + 1, queries=1, order="any")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Backbone(spec, [Attention(width, heads)], width)
    adam = torch.optim.Adam(network.parameters(), lr=_RATE)
    fewest, last = len(words) + 1, steps
    for step in range(steps + 1):
        outputs = network(tokens)[:, 0]
        if step % _BETWEEN == 0 or step == steps:
            fewest = min(fewest, int((outputs.argmax(dim=1) != wanted).sum()))
            if fewest == 0:
                last = step
                break
        if step < steps:
            adam.zero_grad()
            torch.nn.functional.cross_entropy(outputs, wanted).backward()
            adam.step()
    return TrainedBackbone(fewest, last, network.size.parameters)

"""Networks of one shape together, by torch.func.vmap of the module's own forward pass."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import Tensor
from torch.func import functional_call, vmap

from assay.models.batched.recurrent import replace_parts
from assay.models.network import Network


def mapped_form(network: Network) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    """The form of a network; what a layer draws at random differs between networks."""
    template = copy.deepcopy(network)
    replace_parts(template)

    def one(parameters: dict[str, Tensor], tokens: Tensor) -> Tensor:
        return functional_call(template, parameters, (tokens,))

    def forward(parameters: dict[str, Tensor], tokens: Tensor) -> Tensor:
        return vmap(one, randomness="different")(parameters, tokens)

    return forward

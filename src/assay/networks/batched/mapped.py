"""Networks around any mixer together, by torch.func.vmap of the module's own forward pass."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import Tensor
from torch.func import functional_call, vmap

from assay.networks.batched.recurrent import replace_parts
from assay.networks.standard import Backbone


def mapped_form(network: Backbone) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    """The form of a backbone around any mixer; what a mixer draws at random differs between networks."""
    template = copy.deepcopy(network)
    replace_parts(template)

    def one(parameters: dict[str, Tensor], tokens: Tensor) -> Tensor:
        return functional_call(template, parameters, (tokens,))

    def forward(parameters: dict[str, Tensor], tokens: Tensor) -> Tensor:
        return vmap(one, randomness="different")(parameters, tokens)

    return forward

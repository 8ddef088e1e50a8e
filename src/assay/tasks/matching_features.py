"""Numbers about a token that say little of its partners: what trivial baselines of the matching tasks are fitted on.

Residues are looked at coarsely: by one or two of their digits in base 4, or in at most 8 classes of neighbouring
residues. Which tokens, pairs or windows a task adds up is said by its `partners`, on Fourier transforms over the group
of the coarse residues, where sums of tokens are products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import torch

BASE = 4
CLASSES = 8  # of residues that are shown as symbols, each of at least 4
Partners = Callable[[torch.Tensor], torch.Tensor]
PARTIAL = frozenset({"sums of classes", "sums at one digit", "sums at two digits"})


def symbol_features(residues: torch.Tensor, modulus: int, members: int, partners: Partners) -> dict[str, torch.Tensor]:
    """Numbers about each token, by the baseline that sees them: (batch, N, columns).

    `own residue`: the residue and the token's place. `histogram`: also how often it occurs, how many different ones
    there are, and how many tokens each class has. `sums of classes`: how many of the partners' sums may be 0 with it.

    Args:
        residues: (batch, N).
        modulus: M.
        members: residues in a sum.
        partners: see `counts_of_zero`.
    """
    number = torch.arange(residues.shape[1]).expand_as(residues)
    ordered = residues.sort(dim=1).values
    different = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(dim=1, keepdim=True).expand_as(residues)
    alike = torch.searchsorted(ordered, residues, right=True) - torch.searchsorted(ordered, residues)
    own = [number, residues]
    found = {"own residue": own, "histogram": [*own, different, alike]}
    classes = min(CLASSES, modulus // 4)
    if classes > 1:
        coarse = (residues.double() * (classes / modulus)).long().clamp(max=classes - 1)
        found["histogram"] += [(coarse == one).sum(dim=1, keepdim=True).expand_as(residues) for one in range(classes)]
        zeros = [counts_of_zero([coarse], [classes], partners, carry) for carry in range(members)]
        found["sums of classes"] = [*own, different, alike, *zeros, torch.stack(zeros).sum(dim=0)]
    return _columns(found)


def digit_features(digits: Sequence[torch.Tensor], partners: Partners) -> dict[str, torch.Tensor]:
    """The same for residues that are shown as digits, each (batch, N), from -1 to 2.

    `own digits`: these, and the token's place. `histogram`: how many tokens have the same digit, the opposite one or 0,
    for each digit. `sums at one digit`: how many of the partners' sums are 0 there, for each digit. `sums at two
    digits`: for each two of three or more.
    """
    places = [digit % BASE for digit in digits]
    filled = torch.stack([place != 0 for place in places]).sum(dim=0)
    own = [torch.arange(filled.shape[1]).expand_as(filled), filled, *places]
    found = {"own digits": own, "histogram": [*own]}
    for place in places:
        same = place.unsqueeze(2) == place.unsqueeze(1)
        opposite = (place.unsqueeze(2) + place.unsqueeze(1)) % BASE == 0
        empty = (place == 0).sum(dim=1, keepdim=True).expand_as(place)
        found["histogram"] += [same.sum(dim=2), opposite.sum(dim=2), empty]
    one = [counts_of_zero([place], [BASE], partners) for place in places]
    if len(places) > 1:
        found["sums at one digit"] = [filled, *_summed_up(one)]
    if len(places) > 2:
        two = [counts_of_zero(pair, [BASE, BASE], partners) for pair in combinations(places, 2)]
        likely = _logarithms(two) - (len(places) - 2) * _logarithms(one)
        found["sums at two digits"] = [filled, likely, *_summed_up(one), *_summed_up(two)]
    return _columns(found)


def counts_of_zero(
    coarse: Sequence[torch.Tensor], sizes: Sequence[int], partners: Partners, carry: int = 0
) -> torch.Tensor:
    """How many of a token's partners' sums make 0 with it, all of them coarse: (batch, N).

    Args:
        coarse: coordinates of each token's coarse residue, each (batch, N).
        sizes: of the group's cyclic factors.
        partners: from the transforms of single tokens (batch, N, *sizes) to those of a token's partners' sums,
            (batch, N, *sizes), or (batch, 1, *sizes) where all tokens have the same partners.
        carry: what was lost when residues were made coarse: the sum looked for is -carry.
    """
    axes = tuple(range(2, 2 + len(sizes)))
    cell = torch.zeros_like(coarse[0])
    wanted = torch.zeros_like(coarse[0])
    volume = 1
    for coordinate, size in zip(coarse, sizes, strict=True):
        cell, wanted = cell * size + coordinate, wanted * size + (-carry - coordinate) % size
        volume *= size
    single = torch.nn.functional.one_hot(cell, volume).float().unflatten(2, tuple(sizes))
    sums = torch.fft.ifftn(partners(torch.fft.fftn(single, dim=axes)), dim=axes).real.flatten(2)
    return sums.expand(*cell.shape, volume).gather(2, wanted.unsqueeze(2)).squeeze(2).round()


def _columns(found: dict[str, list[torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {name: torch.stack([column.double() for column in columns], dim=2) for name, columns in found.items()}


def _logarithms(counts: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(counts).add(0.5).log().sum(dim=0)


def _summed_up(counts: list[torch.Tensor]) -> list[torch.Tensor]:
    """What does not depend on the order of the digits: the product, and the least, the next and the largest."""
    ordered = torch.stack(counts).sort(dim=0).values
    return [_logarithms(counts), *ordered[:3], ordered[-1]]

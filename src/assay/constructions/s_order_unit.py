"""Match_s by one unit of s-order attention: the cosine of a sum of s angles as a sum of 2^(s-1) products.

    cos(a_1 + ... + a_s) = sum over even sets T of (-1)^(|T|/2) * prod over T of sin * prod off T of cos

Each product is one coordinate of the score, a sink token adds one more: score width 2^(s-1) + 1. s = 2 is Theorem 6 of
Sanford, Hsu, Telgarsky (NeurIPS 2023), s = 3 Theorem 18. Here are the coordinates for any s, and a unit of any order in
plain form; `third_order` is the construction for s = 3 with a kernel that does not hold all tuples.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from assay.arithmetic.fixed_point import FixedPoint
from assay.constructions.presence import Arithmetic, choose_arithmetic, coordinate_error, residue_angles, sink_gap
from assay.constructions.softmax_bound import DTYPES, UNIT_ROUNDOFF, gamma
from assay.errors import require, require_integer


def even_sets(order: int) -> list[tuple[int, ...]]:
    """The subsets of 0 ... s-1 with an even number of elements.

    >>> even_sets(3)
    [(), (0, 1), (0, 2), (1, 2)]
    """
    return [chosen for size in range(0, order + 1, 2) for chosen in combinations(range(order), size)]


def tuple_arithmetic(order: int, length: int, modulus: int, tolerance: float) -> Arithmetic:
    """Dtype and temperature for all (N + 1)^(s-1) tuples of N residues and a sink.

    Raises:
        AssayError: no float format holds the gap at this modulus, or the tolerance.
    """
    terms = len(even_sets(order))
    rounding = {
        dtype: terms * (gamma(terms + order + 2, UNIT_ROUNDOFF[dtype]) + (order + 1) * coordinate_error(dtype))
        for dtype in DTYPES
    }
    what = f"Match{order} with cosines at N = {length}, M = {modulus}"
    return choose_arithmetic(what, (length + 1) ** (order - 1), sink_gap(modulus), rounding, tolerance)


def match_factors(
    residues: Tensor, modulus: int, order: int, arithmetic: Arithmetic
) -> tuple[Tensor, list[Tensor], Tensor]:
    """Query, the s - 1 keys, and the value, of a sink (position 0) and N residues (batch, N).

    Shapes (batch, N, 2^(s-1) + 1), (batch, N + 1, 2^(s-1) + 1) each, (batch, N + 1, 1). A tuple of residues scores the
    temperature times the cosine of the sum of their angles, the tuple of sinks 1 - gap times the temperature, mixed
    ones 0. The value is 1 for residues and 0 for the sink.
    """
    angles = residue_angles(residues, modulus)
    trigonometric = torch.stack([angles.cos(), angles.sin()])
    sets = even_sets(order)

    def factor(place: int) -> Tensor:
        return torch.stack([trigonometric[int(place in chosen)] for chosen in sets], dim=-1)

    def key(place: int) -> Tensor:
        padded = torch.zeros(len(residues), residues.shape[1] + 1, len(sets) + 1, dtype=torch.float64)
        padded[:, 1:, :-1] = factor(place)
        padded[:, 0, -1] = 1
        return padded.to(arithmetic.dtype)

    signs = torch.tensor([(-1.0) ** (len(chosen) // 2) for chosen in sets], dtype=torch.float64)
    sink = torch.full((*residues.shape, 1), 1 - sink_gap(modulus), dtype=torch.float64)
    query = torch.cat([signs * factor(0), sink], dim=-1).to(arithmetic.dtype) * arithmetic.temperature
    value = torch.ones(len(residues), residues.shape[1] + 1, 1, dtype=arithmetic.dtype)
    value[:, 0] = 0
    return query, [key(place) for place in range(1, order)], value


def s_order_attention(
    query: Tensor, keys: list[Tensor], values: list[Tensor], numbers: FixedPoint | None = None
) -> Tensor:
    """softmax over all tuples (j_1, ..., j_(s-1)) of sum_t q_it k1_j1t k2_j2t ..., applied to products of values.

    Plain: holds all tuples, memory and time O(N^s) for each example.

    Args:
        query: (batch, T, m).
        keys: s - 1 tensors (batch, N, m).
        values: s - 1 tensors (batch, N, d).
        numbers: the fixed-point format of all of these, of scores, weights and outputs; in float64.

    Returns:
        (batch, T, d).
    """

    def rounded(activations: Tensor) -> Tensor:
        return activations if numbers is None else numbers.round(activations.double())

    query, keys, values = rounded(query), [rounded(key) for key in keys], [rounded(value) for value in values]
    tuples, products = keys[0], values[0]
    for key, value in zip(keys[1:], values[1:], strict=True):
        tuples = (tuples.unsqueeze(2) * key.unsqueeze(1)).flatten(1, 2)
        products = (products.unsqueeze(2) * value.unsqueeze(1)).flatten(1, 2)
    scores = rounded(query @ tuples.transpose(1, 2))
    return rounded(rounded(torch.softmax(scores, dim=-1)) @ products)


def match_mass(residues: Tensor, modulus: int, order: int, tolerance: float = 0.25) -> Tensor:
    """For each residue, the mass on tuples that make its sum 0 modulo M, to be compared with 1/2: (batch, N).

    Plain s-order attention; worst-case error `tolerance`.

    >>> match_mass(torch.tensor([[1, 2, 3, 5]]), modulus=11, order=4).gt(0.5).tolist()  # 1+2+3+5, 1+5+5+0 no, ...
    [[True, True, True, True]]

    Raises:
        AssayError: an order below 2, residues outside [0, M), a tolerance of 1/2 or more, or a modulus or tolerance
            that float64 does not carry.
    """
    require_integer("order", order, 2, None)
    require(bool(((residues >= 0) & (residues < modulus)).all()), "residues", "...", f"from 0 to {modulus - 1}")
    require(0 < tolerance < 0.5, "tolerance", tolerance, "above 0 and below 1/2")
    arithmetic = tuple_arithmetic(order, residues.shape[1], modulus, tolerance)
    query, keys, value = match_factors(residues, modulus, order, arithmetic)
    return s_order_attention(query, keys, [value] * (order - 1)).squeeze(2)

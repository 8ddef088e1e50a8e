"""Diagonal complex layers that track a solvable group, as many as its derived length, and the proof that they do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, Refuted
from assay.groups.abelian import cyclic_factors
from assay.groups.certify import SINGLE, WeightsCertificate
from assay.groups.group import Group, Table
from assay.groups.structure import Elements, derived_series, inverses

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DiagonalLayer:
    """h_t = exp(2 pi i e / m) h_(t-1) in each channel, e by the letter and by what the layers below have read.

    Layer k tells in which coset of the k-th derived subgroup G_k the product so far is, from the coset of G_(k-1) that
    the layer below tells. Cosets are numbered.

    Attributes:
        moduli: m of each channel.
        before: number of the coset of G_(k-1) before the token, from that after it and the letter, (cosets, letters).
        exponents: e, by the coset before and the letter, int64 (cosets, letters, channels).
        joined: number of the coset of G_k, by that of G_(k-1) after the token and the exponents that the channels have,
            counted with the last channel first: int64 (cosets, product of the moduli).
    """

    moduli: tuple[int, ...]
    before: Integers
    exponents: Integers
    joined: Integers

    def places(self, exponents: Integers) -> Integers:
        """Numbers of exponents (..., channels), the last channel counting fastest."""
        return np.ravel_multi_index(tuple(np.moveaxis(exponents, -1, 0)), self.moduli)


@dataclass(frozen=True, eq=False)
class DiagonalLayers:
    """Layers for the words of a solvable group; the last one tells the element itself.

    Attributes:
        letters: the element that each letter stands for.
        layers: from the first on, one for each step of the derived series.
        elements: the element of each number that the last layer tells, int64 (|G|,).
    """

    letters: tuple[int, ...]
    layers: tuple[DiagonalLayer, ...]
    elements: Integers

    @property
    def channels(self) -> int:
        """Complex numbers of state, over all layers."""
        return sum(len(layer.moduli) for layer in self.layers)

    def run(self, words: Integers) -> Integers:
        """The element that is read after each token of words of letter numbers, int64 (batch, length), by complex64."""
        after = np.zeros_like(words)
        for layer in self.layers:
            steps = layer.exponents[layer.before[after, words], words]
            read = np.empty_like(steps)
            for channel, m in enumerate(layer.moduli):
                h = np.multiply.accumulate(_phases(m)[steps[:, :, channel]], axis=1)
                read[:, :, channel] = np.rint(np.angle(h.astype(np.complex128)) * (m / (2 * np.pi))).astype(int) % m
            after = layer.joined[after, layer.places(read)]
        return self.elements[after]


def _phases(m: int) -> NDArray[np.complex64]:
    """The m-th roots of unity, the nearest single ones; +-1 and +-i are exact."""
    angles = 2 * np.pi * np.arange(m) / m
    real, imaginary = np.cos(angles), np.sin(angles)
    for part in (real, imaginary):
        part[np.abs(part) < 1e-9] = 0
    return (real + 1j * imaginary).astype(np.complex64)


def diagonal_layers(group: Group, letters: tuple[int, ...]) -> DiagonalLayers:
    """Weights by the derived series G = G_0 > G_1 > ... > 1.

    With q and q' the chosen elements of the cosets of G_(k-1) before and after a letter x, the product is n q, n in
    G_(k-1); then n q x = n (q x q'^-1) q', so that n gains a factor of G_(k-1), which counts modulo G_k: an Abelian
    group, each of whose cyclic factors is a channel that turns.

    >>> from assay.groups import named_group
    >>> [layer.moduli for layer in diagonal_layers(named_group("S4"), tuple(range(24))).layers]
    [(2,), (3,), (2, 2)]

    Raises:
        AssayError: the group is not solvable.
    """
    series = derived_series(group.table)
    if series[-1].sum() > 1:
        orders = " > ".join(str(int(one.sum())) for one in series)
        raise AssayError(f"diagonal layers need a solvable group; the derived series of {group.name}, {orders}, stays")
    layers, coset = [], np.zeros(group.order, dtype=np.int64)
    for above, below in pairwise(series):
        finer = _cosets(group.table, below)
        layers.append(_layer(group.table, np.array(letters), above, coset, finer))
        coset = finer
    return DiagonalLayers(letters, tuple(layers), np.argsort(coset))


def _cosets(table: Table, inner: Elements) -> Integers:
    """Numbers of the cosets of a normal subgroup, by their first elements, (|G|,)."""
    return np.unique(table[:, inner].min(axis=1), return_inverse=True)[1].reshape(len(table))


def _layer(table: Table, letters: Integers, above: Elements, coarse: Integers, fine: Integers) -> DiagonalLayer:
    """The layer that goes from cosets of `above`, numbered `coarse`, to finer ones."""
    back = inverses(table)
    chosen = np.unique(coarse, return_index=True)[1]  # an element of each coset of G_(k-1)
    inner = np.unique(fine[above])  # cosets of G_k in G_(k-1)
    firsts = np.unique(fine, return_index=True)[1][inner]
    quotient = np.searchsorted(inner, fine[table[np.ix_(firsts, firsts)]])
    factors = cyclic_factors(quotient)
    moved = table[np.ix_(chosen, letters)]  # q x
    gained = table[moved, back[chosen[coarse[moved]]]]  # q x q'^-1
    lifted = np.empty(len(firsts), dtype=np.int64)  # an element of G_(k-1) for each number of exponents
    lifted[np.ravel_multi_index(tuple(factors.exponents.T), factors.orders)] = firsts
    return DiagonalLayer(
        moduli=factors.orders,
        before=coarse[table[np.ix_(chosen, back[letters])]],
        exponents=factors.exponents[np.searchsorted(inner, fine[gained])],
        joined=fine[table[lifted, chosen[:, None]]],
    )


def certify_diagonal(weights: DiagonalLayers, group: Group) -> WeightsCertificate:
    """Proof that the layers read every product right, up to a stated number of tokens.

    It is enumerated in each layer, for all elements g and letters x, that the exponents of g x are those of g and the
    gain, and that the coset before the token is told; and at last that what is read is g. So all answers are right by
    induction in exact arithmetic. In complex64 a product errs by sqrt(5) u (Brent, Percival, Zimmermann 2007) and a
    stored phase by u, relatively, so that a phase is off by at most (1 + (sqrt(5) + 1) u (1 + 4 u))^t - 1 after t
    tokens, and read right below sin(pi / m). Where m is 2 or 4, all products are exact.

    Raises:
        Refuted: a coset or an exponent is not the right one.
    """
    table, letters = group.table, np.array(weights.letters)
    products = table[:, letters]
    coarse = np.zeros(group.order, dtype=np.int64)
    for number, layer in enumerate(weights.layers, 1):
        exponents = _exponents_told(group, weights, number)
        gains = layer.exponents[coarse[:, None], np.arange(len(letters))]
        after = coarse[products]
        right = [
            (layer.before[after, np.arange(len(letters))] == coarse[:, None]).all(),
            ((exponents[:, None] + gains) % layer.moduli == exponents[products]).all(),
        ]
        if not all(right):
            raise Refuted(f"diagonal layer {number} does not tell the coset of a product from that before it")
        coarse = layer.joined[coarse, layer.places(exponents)]
    if not (weights.elements[coarse] == np.arange(group.order)).all():
        raise Refuted("the last diagonal layer does not tell the element")
    turning = [m for layer in weights.layers for m in layer.moduli if m not in (2, 4)]
    step = (math.sqrt(5) + 1) * SINGLE * (1 + 4 * SINGLE)
    margin = math.sin(math.pi / max(turning)) - 1e-12 if turning else 1.0  # reading the angle takes float64
    return WeightsCertificate(
        weights="diagonal complex layers",
        layers=len(weights.layers),
        steps=0,
        state=2 * weights.channels,
        letters=len(letters),
        arithmetic="complex64",
        token_error=step if turning else 0.0,
        margin=margin,
        horizon=math.floor(math.log1p(margin) / math.log1p(step) * (1 - 1e-9)) if turning else None,
        justification=f"{group.order} elements times {len(letters)} letters enumerated in each layer; "
        + (f"products of phases of order {max(turning)} err by (sqrt(5) + 1) u" if turning else "exact phases"),
    )


def _exponents_told(group: Group, weights: DiagonalLayers, number: int) -> Integers:
    """The exponents of each element, (|G|, channels), as a layer counts them along words that reach it from 1."""
    layers = weights.layers[:number]
    letters = np.array(weights.letters)
    found = [np.zeros((group.order, len(layer.moduli)), dtype=np.int64) for layer in layers]
    known, new = np.zeros(group.order, dtype=bool), np.array([0])
    known[0] = True
    while len(new):
        told = np.zeros(len(new), dtype=np.int64)
        steps = []
        for layer, exponents in zip(layers, found, strict=True):
            steps.append(exponents[new][:, None] + layer.exponents[told])
            told = layer.joined[told, layer.places(exponents[new])]
        reached, first = np.unique(group.table[np.ix_(new, letters)], return_index=True)
        fresh = ~known[reached]
        for layer, exponents, step in zip(layers, found, steps, strict=True):
            flat = step.reshape(-1, len(layer.moduli)) % layer.moduli
            exponents[reached[fresh]] = flat[first[fresh]]
        new = reached[fresh]
        known[new] = True
    return found[-1]

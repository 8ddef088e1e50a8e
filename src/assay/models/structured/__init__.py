"""Attention with known structure, evaluated exactly without forming all its scores.

The same functions as dense attention computes, by other ways of adding up the same terms: where a weight depends on a
sum of residues or on a distance of positions only, nearly all weights are too small to matter, and how small they are
together is known beforehand. What is left out is at most `TAIL` of what stays, so that an answer differs from that of
exact arithmetic by TAIL and some roundings in float64, whatever the modulus and the length.

    profile     how a weight falls off with a distance, and from where on the rest does not matter
    residues    pairs of residues: sort, and look near minus one's own
    triples     triples of residues: the same for each partner, or numbers of pairs by a Fourier transform
    transform   convolutions of residues, with a bound on their error
    positions   sparse averaging by keys on the moment curve: look near the pointers
    tiles       attention whose largest score is known: dense, in memory linear in the length
"""

from __future__ import annotations

TAIL = 2.0**-60  # share of the total weight that may be left out: a hundredth of a rounding in float64
SHORTEST = 64  # tokens from which on constructions use these; below, dense attention takes a millisecond

__all__ = ["SHORTEST", "TAIL"]

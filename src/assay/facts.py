"""Statements with what they rest on: proved here, published, conditional on an open question, or measured."""

from __future__ import annotations

from dataclasses import dataclass

PROVED, PUBLISHED, CONDITIONAL, MEASURED = "proved", "published", "conditional", "measured"


@dataclass(frozen=True)
class Fact:
    """One statement about what was asked for, at all lengths unless it says otherwise.

    Attributes:
        name: what it speaks of.
        says: one sentence.
        status: `proved`, in the source or by what Assay computes; `published`, as its paper states it; `conditional` on
            an open question of complexity; `measured`.
        rests_on: the theorem, paper or measurement.
    """

    name: str
    says: str
    status: str
    rests_on: str

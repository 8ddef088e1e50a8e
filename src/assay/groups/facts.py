"""What is known of a group's word problem: proved here, published, conditional, or measured, each with its source."""

from __future__ import annotations

import json
from pathlib import Path

from assay.evidence import CONDITIONAL, MEASURED, PROVED, PUBLISHED, Fact
from assay.groups.structure import Structure

# Rows of the battery of 'assay place' that are words of 16 generators of a group, and the steps that training had; the
# measurements of known layers come with Assay.
ROWS = {"Z2": ("parity", 1000), "S3": ("s3", 800), "S5": ("s5", 800)}
_REFERENCE = Path(__file__).parents[1] / "placing" / "reference.jsonl"


def facts_of(name: str, structure: Structure) -> tuple[Fact, ...]:
    """Facts that follow from the structure alone; counts of Householder steps are told beside them.

    >>> from assay.groups import named_group
    >>> from assay.groups.structure import structure_of
    >>> [(one.name, one.status) for one in facts_of("A5", structure_of(named_group("A5")))][2:5]
    [('eigenvalues', 'published'), ('diagonal', 'published'), ('fixed depth', 'conditional')]
    """
    found = [
        Fact(
            "finite state",
            f"one recurrent layer with {structure.order} numbers of state and a 0/1 matrix for each letter is right at "
            "any length",
            PROVED,
            "every letter permutes the one-hot states",
        )
    ]
    if structure.order > 1:
        found += _eigenvalues(structure)
        found += _solvable(structure) if structure.solvable else _not_solvable()
        found.append(
            Fact(
                "drift",
                "affine recurrences, reflections and phases among them, do not contract errors along directions that "
                "tell states apart; where weights are not exact, they are right up to a horizon",
                PUBLISHED,
                "arXiv 2605.07755, its abstract; the horizons are proved here",
            )
        )
    return (*found, *_measured(name))


def _eigenvalues(structure: Structure) -> list[Fact]:
    found = [
        Fact(
            "eigenvalues",
            "Householder steps with eigenvalues in [0, 1] give no orthogonal matrix but the identity; it takes [-1, 1]",
            PROVED,
            "the determinant is the product of all 1 - b, which is 1 or -1 only if every b is 0",
        )
    ]
    if structure.order % 2 == 0:
        found.append(
            Fact(
                "eigenvalues",
                "linear recurrences whose eigenvalues are real and at least 0 are not right at any depth, in finite "
                "precision: words of an element of order 2 are parity",
                PUBLISHED,
                "Grazzi et al., arXiv 2411.12537; such an element exists by Cauchy's theorem",
            )
        )
    return found


def _solvable(structure: Structure) -> list[Fact]:
    length = structure.derived_length
    found = [
        Fact(
            "diagonal",
            f"{_layers(length)} of diagonal complex recurrences, the derived length, {_verb(length)} enough",
            PROVED,
            "phases for the Abelian factors of the derived series; weights and their horizon are below",
        )
    ]
    if length != 1:
        found.append(
            Fact("diagonal", "fewer diagonal complex layers do not do it", PUBLISHED, "arXiv 2603.01959, its abstract")
        )
    found.append(
        Fact(
            "fixed depth",
            "attention of a depth that does not depend on the length is enough; words of solvable groups are in ACC0, "
            "within TC0",
            PUBLISHED,
            "Liu et al. 2023, arXiv 2210.10749; Barrington and Thérien 1988",
        )
    )
    return found


def _not_solvable() -> list[Fact]:
    return [
        Fact(
            "diagonal",
            "no number of diagonal complex layers does it",
            PUBLISHED,
            "arXiv 2603.01959, its abstract",
        ),
        Fact(
            "fixed depth",
            "unless TC0 = NC1, attention of fixed depth and logarithmic precision does not do it at all lengths, nor "
            "do linear recurrences with diagonal transitions: words of groups that are not solvable are complete for "
            "NC1",
            CONDITIONAL,
            "TC0 is not NC1; Barrington 1989; Merrill, Petty, Sabharwal 2024, arXiv 2404.08819",
        ),
        Fact(
            "depth",
            "attention of a depth of the order of log2 N is enough for words of N letters",
            PUBLISHED,
            "Liu et al. 2023, arXiv 2210.10749",
        ),
    ]


def _measured(name: str) -> list[Fact]:
    """What training of known layers came to, where the battery has words of this group."""
    if name not in ROWS:
        return []
    row, steps = ROWS[name]
    lines = [json.loads(line) for line in _REFERENCE.read_text("utf-8").splitlines()]
    placed = {line["layer"]: line["placed"] for line in lines if line["placed"]["row"] == row}
    shares = {layer: one["learned"] / one["seeds"] for layer, one in placed.items()}
    parts = {
        "learned by": [layer for layer, share in shares.items() if share == 1],
        "by some seeds of": [layer for layer, share in shares.items() if 0 < share < 1],
        "by no seed of": [layer for layer, share in shares.items() if share == 0],
    }
    said = "; ".join(f"{verb} {', '.join(layers)}" for verb, layers in parts.items() if layers)
    first = next(iter(placed.values()))
    return [
        Fact(
            "training",
            f"words of 16 generators, one layer of width {first['width']}, at most {steps:,} steps: {said}",
            MEASURED,
            f"row {row} of 'assay place': {first['seeds']} seeds each, learned at an error of {first['tolerance']}",
        )
    ]


def _layers(count: int | None) -> str:
    return f"{count} layer{'s' * (count != 1)}"


def _verb(count: int | None) -> str:
    return "is" if count == 1 else "are"

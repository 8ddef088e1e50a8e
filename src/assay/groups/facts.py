"""What is known of a group's word problem: proved here, published or conditional, each with its source."""

from __future__ import annotations

from assay.evidence import CONDITIONAL, PROVED, PUBLISHED, Fact
from assay.groups.structure import Structure


def facts_of(structure: Structure) -> tuple[Fact, ...]:
    """Facts that follow from the structure alone; counts of Householder steps are told beside them.

    >>> from assay.groups import named_group
    >>> from assay.groups.structure import structure_of
    >>> [(one.name, one.status) for one in facts_of(structure_of(named_group("A5")))][2:5]
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
    return tuple(found)


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


def _layers(count: int | None) -> str:
    return f"{count} layer{'s' * (count != 1)}"


def _verb(count: int | None) -> str:
    return "is" if count == 1 else "are"

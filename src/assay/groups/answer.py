"""What `assay group` says of a group: its structure, the layers that track its words, and what that rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeVar

from assay.frames import Framed
from assay.groups.certify import WeightsCertificate
from assay.groups.characters import LARGEST_WITH_CHARACTERS, Characters, characters_of
from assay.groups.diagonal import DiagonalLayers, certify_diagonal, diagonal_layers
from assay.groups.facts import Fact, facts_of
from assay.groups.finite_state import FiniteState, certify_finite_state, finite_state
from assay.groups.group import Group
from assay.groups.reflections import (
    Reflections,
    certify_reflections,
    cube_reflections,
    integer_reflections,
    orthogonal_reflections,
)
from assay.groups.representations import FewestSteps, RealIrreducible, fewest_steps, real_irreducibles
from assay.groups.structure import Structure, structure_of
from assay.groups.text import headline
from assay.schema import plain_object

_LARGEST_WITH_WEIGHTS = 200  # elements
_MOST_POINTS = 32  # of transpositions

Network = FiniteState | Reflections | DiagonalLayers
_Made = TypeVar("_Made", FiniteState, Reflections, DiagonalLayers)


@dataclass(frozen=True)
class Part:
    """An irreducible part of a representation.

    Attributes:
        kind: `real`, `complex` or `quaternionic`, by the Frobenius-Schur indicator.
        dimension: of its real matrices.
        character: its trace on each conjugacy class, rounded to 6 digits.
    """

    kind: str
    dimension: int
    character: tuple[float, ...]


@dataclass(frozen=True)
class Steps:
    """Householder steps at each token for some letters, and a representation with them.

    Attributes:
        letters: their labels; empty where all elements are letters.
        count: enough: one DeltaProduct layer with eigenvalues in [-1, 1] is right with them.
        least: no faithful orthogonal representation has fewer; equal to `count` unless a search was cut short.
        dimension: of the representation.
        parts: its irreducible parts.
    """

    letters: tuple[str, ...]
    count: int
    least: int
    dimension: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class ShownClass:
    """A conjugacy class: the label of its first element, the number of its elements, and their order."""

    representative: str
    size: int
    order: int


@dataclass(frozen=True, repr=False)
class GroupAnswer(Framed):
    """Everything that is said of a group.

    Attributes:
        name: as it was asked for.
        generators: labels of the letters, where not all elements are letters.
        structure: what follows from the table.
        classes: with labels.
        steps: where all elements are letters; None above 720 elements.
        steps_generators: where the generators are.
        networks: explicit weights, each with its certificate.
        facts: what is proved, published or conditional.
        left_out: what was not computed, and why.
        certificate: the file that the weights and their proof were written to; None where there is none.
    """

    name: str
    generators: tuple[str, ...]
    structure: Structure
    classes: tuple[ShownClass, ...]
    steps: Steps | None
    steps_generators: Steps | None
    networks: tuple[tuple[Network, WeightsCertificate], ...]
    facts: tuple[Fact, ...]
    left_out: tuple[str, ...]
    certificate: str | None = None

    @property
    def line(self) -> str:
        """The answer."""
        return headline(self)

    def rows(self) -> Iterable[object]:
        """A row for each fact."""
        return self.facts

    @property
    def weights(self) -> tuple[WeightsCertificate, ...]:
        """Certificates of the networks."""
        return tuple(certificate for _, certificate in self.networks)

    @property
    def horizon(self) -> int | None:
        """Tokens up to which float32 reflections, with as few steps as are enough, are proved to be right.

        None where they are exact, as signs are, or where there are none.
        """
        whole = [one for one in self.weights if one.steps and one.letters == self.structure.order]
        return max((one.horizon for one in whole if one.horizon is not None), default=None)

    def to_json(self) -> dict[str, object]:
        """The answer as plain JSON values."""
        structure, steps, generators = self.structure, self.steps, self.steps_generators
        return plain_object(
            {
                "group": self.name,
                "answer": headline(self),
                "order": structure.order,
                "abelian": structure.abelian,
                "nilpotent": structure.nilpotent,
                "solvable": structure.solvable,
                "derived_length": structure.derived_length,
                "derived_series": list(structure.derived_series),
                "centre": structure.centre,
                "exponent": structure.exponent,
                "element_orders": {str(order): count for order, count in structure.element_orders},
                "conjugacy_classes": [asdict(one) for one in self.classes],
                "generators": list(self.generators),
                "householder_steps": None if steps is None else steps.count,
                "householder_steps_least_orthogonal": None if steps is None else steps.least,
                "householder_steps_generators": None if generators is None else generators.count,
                "householder_steps_generators_least_orthogonal": None if generators is None else generators.least,
                "representation": None if steps is None else _representation(steps),
                "representation_generators": None if generators is None else _representation(generators),
                "eigenvalue_range": [-1, 1] if structure.order > 1 else [0, 1],
                "eigenvalues_0_to_1_enough": structure.order == 1,
                "diagonal_layers": structure.derived_length,
                "horizon": self.horizon,
                "weights": [asdict(one) for one in self.weights],
                "facts": [asdict(one) for one in self.facts],
                "left_out": list(self.left_out),
                "certificate": self.certificate,
            }
        )


def _representation(steps: Steps) -> dict[str, object]:
    return {"dimension": steps.dimension, "parts": [asdict(part) for part in steps.parts]}


def answer_group(group: Group) -> GroupAnswer:
    """All that is said of a group, with weights that were checked.

    >>> from assay.groups import named_group
    >>> found = answer_group(named_group("A5"))
    >>> found.steps.count, found.structure.derived_length, [one.steps for one in found.weights]
    (2, None, [0, 4, 2])

    Raises:
        Refuted: weights do not hold; a fault of Assay.
    """
    structure = structure_of(group)
    classes = tuple(ShownClass(group.labels[one.representative], one.size, one.order) for one in structure.classes)
    steps, best = {}, {}
    letters = {"all": tuple(range(group.order)), "generators": group.generators}
    characters = characters_of(group) if group.order <= LARGEST_WITH_CHARACTERS else None
    if characters is not None:
        irreducibles = real_irreducibles(characters)
        for which, chosen in letters.items():
            best[which] = fewest_steps(group, irreducibles, chosen)
            labels = () if which == "all" else tuple(group.labels[one] for one in chosen)
            steps[which] = _shown(best[which], characters, labels)
    return GroupAnswer(
        name=group.name,
        generators=tuple(group.labels[one] for one in group.generators),
        structure=structure,
        classes=classes,
        steps=steps.get("all"),
        steps_generators=steps.get("generators"),
        networks=tuple(_weights(group, structure, characters, letters, best)),
        facts=facts_of(structure),
        left_out=tuple(_left_out(group, steps)),
    )


def _shown(found: FewestSteps, characters: Characters, letters: tuple[str, ...]) -> Steps:
    parts = tuple(_part(part, characters) for part in found.parts)
    return Steps(letters, found.steps, found.least, found.dimension, parts)


def _part(part: RealIrreducible, characters: Characters) -> Part:
    trace = characters.values(part.characters).sum(axis=0).real
    return Part(part.kind, part.dimension, tuple(round(float(value), 6) + 0.0 for value in trace))


def _weights(
    group: Group,
    structure: Structure,
    characters: Characters | None,
    letters: dict[str, tuple[int, ...]],
    best: dict[str, FewestSteps],
) -> Iterator[tuple[Network, WeightsCertificate]]:
    """All weights that there are for this group, each with its certificate."""
    if 1 < group.order <= _LARGEST_WITH_WEIGHTS and characters is not None:
        yield _proved(finite_state(group, letters["all"]), certify_finite_state, group)
        for which, chosen in letters.items():
            if which == "generators" and best[which].steps == best["all"].steps:
                continue
            if group.action.shape[1] <= _MOST_POINTS:
                yield _proved(integer_reflections(group, chosen), certify_reflections, group)
            if group.name == "S4" and which == "all":
                yield _proved(cube_reflections(group, chosen), certify_reflections, group)
            found = orthogonal_reflections(group, characters, best[which], chosen)
            yield _proved(found, certify_reflections, group)
    if structure.solvable and group.order > 1:
        yield _proved(diagonal_layers(group, letters["all"]), certify_diagonal, group)


def _proved(
    weights: _Made, certify: Callable[[_Made, Group], WeightsCertificate], group: Group
) -> tuple[_Made, WeightsCertificate]:
    return weights, certify(weights, group)


def _left_out(group: Group, steps: dict[str, Steps]) -> Iterator[str]:
    if group.order > LARGEST_WITH_CHARACTERS:
        yield f"no characters above {LARGEST_WITH_CHARACTERS} elements, and so no count of Householder steps"
    if group.order > _LARGEST_WITH_WEIGHTS:
        yield f"no weights of reflections above {_LARGEST_WITH_WEIGHTS} elements"
    elif group.action.shape[1] > _MOST_POINTS:
        yield f"no weights of whole numbers: it acts on {group.action.shape[1]} points, above {_MOST_POINTS}"
    for found in steps.values():
        if found.least < found.count:
            which = "generators" if found.letters else "all elements"
            yield f"whether fewer than {found.count} steps are enough for {which}: the search was cut short"

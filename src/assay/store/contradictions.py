"""When two answers to one question contradict each other.

They do if they differ in task, family, architecture, source, size, verdict or kind of error, or in error or tolerance
by more than 1e-6 of the largest of these four numbers. So the last digits may depend on the processor; but a training
run that took another course on another processor is a contradiction, to be seen rather than hidden. Where the verdict
is `measured` the answer is in `detail`, and its numbers (whole ones exactly, others to 1 %) and truth values are
compared too. The rest may differ: times, versions, wording, and what else is kept beside a statement.
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.evidence import Evidence

_STATED = ("task", "family", "architecture", "source", "size", "verdict", "error_kind", "error", "tolerance")
_SAME = 1e-6  # of the larger number: processors round differently
_SAME_MEASUREMENT = 1e-2  # measured numbers are found by iteration, such as both ends of a needed norm's interval


@dataclass(frozen=True)
class Contradiction:
    """Two answers to one question that cannot both hold.

    Attributes:
        fields: names of the fields in which they differ.
        first: the answer met first.
        first_in: the ledger it is from.
        second: the other answer.
        second_in: the ledger that one is from.
    """

    fields: tuple[str, ...]
    first: Evidence
    first_in: str
    second: Evidence
    second_in: str


def differences(one: Evidence, other: Evidence) -> tuple[str, ...]:
    """Names of the fields in which two answers to one question contradict each other; none if they agree."""
    scale = max(abs(number) for evidence in (one, other) for number in (evidence.error, evidence.tolerance))
    found = [name for name in _STATED if not _agree(getattr(one, name), getattr(other, name), _SAME, _SAME * scale)]
    if one.verdict == other.verdict == "measured" and not _agree_measured(one.detail, other.detail):
        found.append("detail")
    return tuple(found)


def _agree(one: object, other: object, share: float, floor: float = 0.0) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)) and float in (type(one), type(other)):
        return abs(one - other) <= max(floor, share * max(abs(one), abs(other)))
    return one == other


def _agree_measured(one: object, other: object) -> bool:
    """Whether all numbers and truth values that both have in the same place agree; words may differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_agree_measured(one[name], other[name]) for name in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_agree_measured, one, other))
    return isinstance(one, str) or _agree(one, other, _SAME_MEASUREMENT)

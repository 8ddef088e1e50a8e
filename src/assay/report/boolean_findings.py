"""What a study of Boolean functions found, gathered from its evidence, and held against what is impossible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.evidence import Evidence
from assay.questions.boolean import BareTraining, BooleanPlan, ConstructedHeads, ImpossibleHeads

Answers = Mapping[str, Evidence]


@dataclass(frozen=True)
class Heads:
    """What is known of the heads of a function.

    Attributes:
        function: its name.
        inputs: n.
        needed: fewer heads are impossible in exact arithmetic; None while that is not answered.
        constructed: heads of explicit weights; None without any.
        learned: the fewest heads with which a seed learned all words; None if none did, or nothing is answered.
        learned_seeds: that did, with so many.
        tried: the most heads that were trained; 0 for none.
        seeds: of what was trained.
        backbone: seeds with which the standard backbone learned all words; None where it was not trained.
        backbone_wrong: the fewest words that a seed of it has wrong.
    """

    function: str
    inputs: int
    needed: int | None
    constructed: int | None
    learned: int | None
    learned_seeds: int
    tried: int
    seeds: int
    backbone: int | None
    backbone_wrong: int | None


@dataclass(frozen=True)
class Errors:
    """How often a number of heads is wrong on uniform bits.

    Attributes:
        function: its name.
        inputs: n.
        heads: H.
        least: no H heads are wrong less often, in exact arithmetic; None while that is not answered.
        trained: the share of the best seed, whose answers are exact; None where no seed's are.
        wrong: words of each seed, ascending.
        exact: whether the answers of each of these are those of exact arithmetic.
    """

    function: str
    inputs: int
    heads: int
    least: float | None
    trained: float | None
    wrong: tuple[int, ...]
    exact: tuple[bool, ...]


@dataclass(frozen=True)
class Margins:
    """The margin of explicit weights of a symmetric function.

    Attributes:
        function: its name.
        inputs: n.
        heads: H.
        bits: log2 of 1 / margin.
        proved: the smaller of float32 and float64 in which the network is proved right; None for neither.
        measured: in which it was right.
        fixed_bits: of the smallest fixed-point format that was right; None where it was not sought or found.
    """

    function: str
    inputs: int
    heads: int
    bits: float
    proved: str | None
    measured: str | None
    fixed_bits: int | None


@dataclass(frozen=True)
class BooleanFindings:
    """What a study of Boolean functions found.

    Attributes:
        answer: what is impossible, constructed and learned at the largest n of each function, in words.
        heads: for each function and n.
        errors: of what was trained, for each function, n and number of heads.
        margins: of explicit weights.
        refuted: a sentence for each network that was trained and has fewer errors than is possible; there should be
            none.
        unanswered: questions without an answer.
    """

    answer: str
    heads: tuple[Heads, ...]
    errors: tuple[Errors, ...]
    margins: tuple[Margins, ...]
    refuted: tuple[str, ...]
    unanswered: int


def gather_boolean(plan: BooleanPlan, answers: Answers) -> BooleanFindings:
    """The findings from the answers there are, by the keys of their questions."""
    heads, errors = tuple(_heads(plan, answers)), tuple(_errors(plan, answers))
    return BooleanFindings(
        answer=_answer(heads),
        heads=heads,
        errors=errors,
        margins=tuple(_margins(plan, answers)),
        refuted=tuple(said for one in errors if (said := _refuted(one))),
        unanswered=sum(question.key not in answers for question in plan.questions()),
    )


def _heads(plan: BooleanPlan, answers: Answers) -> Iterator[Heads]:
    for name in plan.functions:
        for n in sorted({*plan.inputs, *(n for training in plan.trained for n in training.inputs)}):
            if name not in plan.at(n):
                continue
            needed, explicit = answers.get(ImpossibleHeads(name, n).key), _constructed(plan, answers, name, n)
            trained = {heads: piece for _, heads, piece in _trained(plan, answers, name, n)}
            right = {
                heads: sum(one["wrong"] == 0 and one["exact"] for one in piece.detail["seeds"])
                for heads, piece in trained.items()
            }
            learned = min((heads for heads, count in right.items() if count), default=None)
            wrong = _backbone_wrong(plan, answers, name, n)
            yield Heads(
                name,
                n,
                None if needed is None else needed.detail["at_least"],
                None if explicit is None else explicit["heads"],
                learned,
                0 if learned is None else right[learned],
                max(trained, default=0),
                len(plan.seeds),
                sum(count == 0 for count in wrong) if wrong else None,
                min(wrong, default=None),
            )


def _errors(plan: BooleanPlan, answers: Answers) -> Iterator[Errors]:
    for name in plan.functions:
        for n in sorted({n for training in plan.trained for n in training.inputs}):
            if name not in plan.at(n):
                continue
            bound = answers.get(ImpossibleHeads(name, n).key)
            for _, heads, piece in _trained(plan, answers, name, n):
                seeds = sorted(piece.detail["seeds"], key=lambda one: one["wrong"])
                exact = [one["wrong"] for one in seeds if one["exact"]]
                yield Errors(
                    name,
                    n,
                    heads,
                    None if bound is None else _least(bound.detail["errors"], heads),
                    min(exact) / (1 << n) if exact else None,
                    tuple(one["wrong"] for one in seeds),
                    tuple(one["exact"] for one in seeds),
                )


def _least(errors: list[dict[str, Any]], heads: int) -> float:
    return errors[heads]["error"] if heads < len(errors) else 0.0


def _trained(
    plan: BooleanPlan, answers: Answers, name: str, inputs: int
) -> Iterator[tuple[BareTraining, int, Evidence]]:
    """What was trained, by heads, ascending."""
    for training in plan.trained:
        if inputs in training.inputs:
            for heads in range(1, plan.most_heads(training, name, inputs) + 1):
                piece = answers.get(plan.learned(training, name, inputs, heads).key)
                if piece is not None:
                    yield training, heads, piece


def _backbone_wrong(plan: BooleanPlan, answers: Answers, name: str, inputs: int) -> list[int]:
    if plan.backbone is None or inputs not in plan.backbone.inputs:
        return []
    keys = [plan.of_backbone(name, inputs, seed).key for seed in plan.seeds]
    return [answers[key].detail["wrong"] for key in keys if key in answers]


def _constructed(plan: BooleanPlan, answers: Answers, name: str, inputs: int) -> dict[str, Any] | None:
    piece = answers.get(ConstructedHeads(name, inputs).key)
    return None if piece is None else piece.detail


def _margins(plan: BooleanPlan, answers: Answers) -> Iterator[Margins]:
    for name in plan.functions:
        for n in sorted({*plan.inputs, *plan.margins}):
            detail = _constructed(plan, answers, name, n) if name in plan.constructed_at(n) else None
            if detail is not None and "poles" in detail["certificate"]:
                yield Margins(
                    name,
                    n,
                    detail["heads"],
                    detail["bits"],
                    detail["proved_format"],
                    detail["right_format"],
                    detail["fixed_bits"],
                )


def _refuted(one: Errors) -> str:
    """How a trained network contradicts what is proved; empty where it does not."""
    if one.least is None or one.trained is None or one.trained >= one.least:
        return ""
    return (
        f"{one.heads} heads of {one.function}, n = {one.inputs}, are wrong on a share of {one.trained:.4g} in exact "
        f"arithmetic, but at least {one.least:.4g} is proved"
    )


def _answer(heads: tuple[Heads, ...]) -> str:
    said = []
    for name in dict.fromkeys(one.function for one in heads):
        known = [one for one in heads if one.function == name and one.needed is not None]
        if not known:
            continue
        last = known[-1]
        parts = [f"{last.needed} needed"]
        parts += [] if last.constructed is None else [f"{last.constructed} constructed"]
        if last.tried:
            parts.append(
                f"{last.learned} learned" if last.learned else f"not learned within this budget with up to {last.tried}"
            )
        said.append(f"{name} of {last.inputs} bits: {', '.join(parts)}")
    if not said:
        return "Nothing is answered yet."
    return f"Heads of one softmax layer, before a linear threshold: {'; '.join(said)}."

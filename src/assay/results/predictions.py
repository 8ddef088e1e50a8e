"""What theorems say of trained layers that track states: whether such networks can, at some depth and all lengths.

A layer is taken for the model whose equations it has: softmax attention, a linear recurrence with these eigenvalues, a
recurrence that is not linear. Of other layers, and of a user's own, nothing is predicted. Weights that prove that it
can are those of the bare layer, without the normalisation that a trained network has. That something cannot be done is
said of all words: a network that is wrong on some may still be right on most that a study draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.groups import named_group
from assay.languages.alternation import blocks_of
from assay.languages.automaton import Automaton, components, make_automaton
from assay.languages.classes import Classes, classify, decide_c_rasp
from assay.languages.expression import automaton_of
from assay.schema import Json

if TYPE_CHECKING:
    from assay.groups.answer import GroupAnswer, Steps

Verdict = Literal["can", "cannot", "open"]
Model = Literal["attention", "attention with positions", "nonnegative", "real", "reflections", "recurrent", ""]

_NONNEGATIVE = {"gated-linear", "min-gru", "min-lstm"}  # that tokens set; fixed ones cannot forget what they choose
_BY_EIGENVALUES = {"selective", "delta-net", "gated-delta-net", "delta-product"}
_NOT_LINEAR = {"lstm", "gru"}
_SIGNED = {"delta-product"}  # unless told otherwise
_GRAZZI = "Grazzi et al. 2024, arXiv 2411.12537"


@dataclass(frozen=True)
class Prediction:
    """What is known of a kind of network on a task, at all lengths.

    Attributes:
        verdict: `can` at some depth, `cannot` at any, or `open`, where no theorem here decides.
        kind: `proved`, here or by weights that Assay writes down; `reported` by a paper; `conditional`; `` where open.
        why: one sentence without its end, with its source.
        depth: layers of weights that are known; None where none are written down.
    """

    verdict: Verdict
    kind: Literal["proved", "reported", "conditional", ""]
    why: str
    depth: int | None = None


_TOLD = "the theorems that are used here say nothing of attention that is told positions"
_COUNTS = "such attention does what C-RASP does (arXiv 2608.13433)"
_AUTOMATA = "one layer: saturated LSTMs and GRUs are finite automata (Merrill 2019, arXiv 1906.01615)"


def predicted(
    task: Json,
    architecture: str,
    options: Json,
    positions: str,
    depth: int,
    distribution: str,
) -> Prediction | None:
    """What is known of a network on a task, both as questions describe them; None for another task or layer.

    At any depth, unless the words are those of an alternation alone: then at this one.

    >>> words = {"name": "language", "expression": "(aa)*", "alphabet": ""}
    >>> [predicted(words, name, {}, "none", 2, "half").verdict for name in ("attention", "selective", "lstm")]
    ['cannot', 'cannot', 'can']
    """
    model = model_of(architecture, options, positions)
    if not model or task["name"] not in ("language", "group-word"):
        return None
    if task["name"] == "language":
        classes, counted = _language(task["expression"], task["alphabet"])
        if distribution != "accepted":
            return _of_language(model, classes, counted)
        if (found := _alternation(model, classes, depth)) is not None:
            return found
        found = _of_language(model, classes, counted)
        promised = Prediction("open", "", "only words of the language are drawn, of which no theorem here speaks")
        return found if found.verdict == "can" else promised
    found = _group(task["group"])
    steps = found.steps_generators if task["generators"] else found.steps
    allowed = options.get("steps", 2) if architecture == "delta-product" else 1
    return _of_group(model, found, steps, allowed, _even_letter(task))


def decided(task: Json) -> str:
    """What is decided of a language or group, in a few words; empty for another task.

    >>> decided({"name": "group-word", "group": "S4"})
    'solvable, derived length 3'
    """
    if task["name"] == "group-word":
        structure = _group(task["group"]).structure
        solvable = f"solvable, derived length {structure.derived_length}" if structure.solvable else "not solvable"
        return "Abelian" if structure.abelian else solvable
    if task["name"] != "language":
        return ""
    classes, _ = _language(task["expression"], task["alphabet"])
    names = {"R-trivial": classes.r_trivial, "C-RASP": classes.c_rasp, "star-free": classes.star_free}
    return next((name for name, decision in names.items() if decision.holds), "not star-free")


def _alternation(model: Model, classes: Classes, depth: int) -> Prediction | None:
    """On words of an alternation alone, where attention has this depth; None for other languages and models."""
    blocks = blocks_of(classes.automaton)
    if blocks is None or not model.startswith("attention"):
        return None
    needed = max(1, blocks - 2)
    if depth >= needed:
        why = f"block {blocks} has been reached if one of its letters stands behind block {blocks - 1}: depth {needed}"
        return Prediction("can", "proved", why, needed)
    if model != "attention":
        return Prediction("open", "", _TOLD)
    kind = "proved" if depth == 1 else "reported"
    source = (
        "a^A b^B and a^(A-1) b a b^(B-1) have the same counts, and end in different blocks"
        if depth == 1
        else "arXiv 2506.16055"
    )
    return Prediction("cannot", kind, f"{blocks} blocks take depth {needed}: {source}")


def model_of(architecture: str, options: Json, positions: str) -> Model:
    """The model whose equations a layer of the backbone has; empty where it has those of none."""
    if architecture == "attention":
        alone = positions == "none" and not options.get("rotary")
        return "attention" if alone else "attention with positions"
    if architecture in _NOT_LINEAR:
        return "recurrent"
    if architecture in _NONNEGATIVE:
        return "nonnegative"
    if architecture not in _BY_EIGENVALUES:
        return ""
    signed = options.get("eigenvalues", "signed" if architecture in _SIGNED else "positive") == "signed"
    if not signed:
        return "nonnegative"
    return "real" if architecture == "selective" else "reflections"


@cache
def _language(expression: str, alphabet: str) -> tuple[Classes, bool]:
    automaton = automaton_of(expression, alphabet or None)
    return classify(automaton), counting_tracks(automaton)


@cache
def _group(name: str) -> GroupAnswer:
    from assay.groups.answer import answer_group  # slow to import, and only studies of groups need it

    return answer_group(named_group(name))


def counting_tracks(automaton: Automaton) -> bool:
    """Whether C-RASP tells the state after every letter, read at that letter, which it then knows.

    For each letter s and state r, the words w such that w s leads to r must be in C-RASP.

    >>> counting_tracks(automaton_of("(b*ac)*")), counting_tracks(automaton_of("(bc(c)*)*"))
    (True, False)
    """
    rows = automaton.table.tolist()
    for after in automaton.table.T:
        for state in np.unique(after):
            before = make_automaton(automaton.letters, rows, 0, np.flatnonzero(after == state).tolist())
            if not decide_c_rasp(before, components(before)).holds:
                return False
    return True


def _of_language(model: Model, classes: Classes, counted: bool) -> Prediction:
    if model == "recurrent":
        return Prediction("can", "reported", _AUTOMATA)
    if model.startswith("attention"):
        return _attention(classes, counted, positions=model != "attention")
    letter = classes.even_letter
    if classes.star_free.holds:
        why = "the language is star-free, a cascade of resets (Krohn and Rhodes 1965; Sarrof et al. 2024)"
        return Prediction("can", "reported", why)
    if model == "nonnegative" and letter is not None:
        why = f"{letter} is counted modulo an even number, and eigenvalues are real and at least 0 ({_GRAZZI})"
        return Prediction("cannot", "reported", why)
    if classes.solvable.holds is False and model == "real":
        return Prediction("cannot", "reported", "a group in it is not solvable (arXiv 2603.01959)")
    if classes.groups is not None and all(_is_power_of_two(group.order) for group in classes.groups):
        if model == "nonnegative":
            return Prediction("open", "", "a word, but no letter, is counted modulo an even number")
        why = f"all groups in it are of orders 2^k: a cascade of resets and signs (Krohn and Rhodes 1965; {_GRAZZI})"
        return Prediction("can", "reported", why)
    return Prediction("open", "", "no theorem here decides it for these eigenvalues")


def _attention(classes: Classes, counted: bool, *, positions: bool) -> Prediction:
    if classes.c_rasp.holds:
        from assay.languages.synthesis import program_of

        depth = program_of(classes.automaton).depth
        return Prediction("can", "proved", f"in C-RASP, by a program of depth {depth}", depth)
    if counted:
        return Prediction(
            "can", "proved", "counting decides the words before each letter, which is known where it is read"
        )
    if positions:
        return Prediction("open", "", _TOLD)
    if classes.star_free.holds is False:
        return Prediction(
            "cannot", "reported", f"{_COUNTS}; the language is periodic, which no such program is (proved)"
        )
    return Prediction("cannot", "reported", f"{_COUNTS}; the language is outside, also if read at each letter")


def _even_letter(task: Json) -> bool:
    """Whether a letter of the words has an even order, so that repeating it is counting modulo an even number."""
    group = named_group(task["group"])
    for letter in group.generators if task["generators"] else range(group.order):
        power, order = letter, 1
        while power:
            power, order = int(group.table[power, letter]), order + 1
        if letter and order % 2 == 0:
            return True
    return False


def _of_group(model: Model, found: GroupAnswer, steps: Steps | None, allowed: int, even: bool) -> Prediction:
    structure = found.structure
    if structure.order == 1:
        return Prediction("can", "proved", "every answer is the same")
    if model == "recurrent":
        return Prediction("can", "reported", _AUTOMATA)
    if model == "attention":
        return Prediction(
            "cannot", "reported", f"{_COUNTS}; words of a group are periodic, which no program is (proved)"
        )
    if model == "attention with positions":
        if not structure.solvable:
            why = "complete for NC1 (Barrington 1989), unless TC0 = NC1"
            return Prediction("cannot", "conditional", why)
        return Prediction("open", "", "depth that does not grow is enough (arXiv 2210.10749), with other positions")
    if model == "nonnegative":
        if even:
            return Prediction("cannot", "reported", f"a letter has an even order: repeating it is parity ({_GRAZZI})")
        return Prediction("open", "", "no theorem here decides it for these eigenvalues")
    if model == "real":
        if not structure.solvable:
            return Prediction("cannot", "reported", "not solvable (arXiv 2603.01959)")
        if _is_power_of_two(structure.order):
            return Prediction("can", "reported", f"of order 2^k: signs (Krohn and Rhodes 1965; {_GRAZZI})")
        return Prediction("open", "", "phases of its order are not real; no theorem here decides it")
    if steps is None:
        return Prediction("open", "", "Householder steps are not counted above 720 elements")
    if steps.count <= allowed:
        written = any(0 < one.steps <= allowed for one in found.weights)
        by = "by weights" if written else "by an orthogonal representation"
        count = f"{steps.count} Householder step{'s' * (steps.count != 1)}"
        return Prediction("can", "proved", f"one layer with {count} a token, {by}", 1)
    why = f"no orthogonal representation has fewer than {steps.least} steps a token; others are not excluded"
    return Prediction("open", "", why)


def _is_power_of_two(order: int) -> bool:
    return order & (order - 1) == 0

"""What `assay boolean` says of a function: heads that are needed, heads that are enough, and what that rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np

from assay.booleans.cuts import MOST_INPUTS, Cuts, cuts_of
from assay.booleans.degree import Degree, threshold_degree
from assay.booleans.facts import CONDITIONS, Claim, claims_of
from assay.booleans.function import BooleanFunction
from assay.booleans.mean import LeastError, least_error
from assay.booleans.properties import Structure, structure_of
from assay.booleans.rounded import bits_of
from assay.booleans.softmax_heads import SEARCH_INPUTS, Constructed, constructed_heads, heads_with_bit
from assay.booleans.text import headline
from assay.errors import require
from assay.frames import Framed
from assay.schema import Json, plain_object

_MOST_WRITTEN, _MOST_CHANGES = 64, 40  # inputs and changes up to which weights of symmetric functions take seconds
_MOST_FEW = 256  # inputs, of functions with at most two changes
_MOST_ERRORS = 4096  # inputs up to which least errors take seconds
_MOST_LISTED = 1000  # inputs up to which they are listed


@dataclass(frozen=True, eq=False, repr=False)
class BooleanAnswer(Framed):
    """Everything that is said of a Boolean function.

    Attributes:
        function: of n bits.
        degree: its threshold degree, with a certificate.
        structure: what it is.
        constructed: heads that are enough; None where none are known.
        heads_if_asker_has_a_bit: a lower bound.
        least: what so many heads as were asked for get wrong at least; None if none were.
        cuts: bounds by splits of the inputs; None for one input and above 12.
        left_out: what was not computed, and why.
        certificate: the file that the proof of the degree was written to; None where there is none.
    """

    function: BooleanFunction
    degree: Degree
    structure: Structure
    constructed: Constructed | None
    heads_if_asker_has_a_bit: int
    least: LeastError | None
    cuts: Cuts | None
    left_out: tuple[str, ...]
    certificate: str | None = None

    @property
    def line(self) -> str:
        """The answer."""
        return headline(self)

    def rows(self) -> Iterable[object]:
        """A row for each claim."""
        return self.claims

    @property
    def inputs(self) -> int:
        """n."""
        return self.function.inputs

    @property
    def heads_lower_bound(self) -> int:
        """Heads that one softmax layer needs under `CONDITIONS`."""
        return max(value for value, _ in self._lower_bounds())

    @property
    def lower_bound_by(self) -> str:
        """Which bound that is: the degree, unless a cut gives more."""
        return max(self._lower_bounds(), key=lambda bound: bound[0])[1]

    def _lower_bounds(self) -> list[tuple[int, str]]:
        bounds = [(self.degree.at_least, "degree")]
        if self.cuts is not None:
            best = {one.bound: one.value for one in self.cuts.best}
            balanced = self.cuts.balanced
            bounds.append((best.get("heads_by_sign_rank", balanced.heads_by_sign_rank), "the sign-rank of a cut"))
            bounds.append((best.get("heads_by_behaviours", balanced.heads_by_behaviours), "the behaviours of a cut"))
        return bounds

    @property
    def is_parity(self) -> bool:
        """Whether it is parity or its complement."""
        return self.function.sign_changes == self.inputs

    @property
    def is_majority(self) -> bool:
        """Whether it is 1 where more than half of the bits are."""
        values = self.function.by_count
        return values is not None and np.array_equal(values, 2 * np.arange(self.inputs + 1) > self.inputs)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Each number with what is safe to say, what is not to be said, and what it rests on."""
        return claims_of(self)

    def to_json(self) -> Json:
        """The answer as plain JSON values."""
        structure, made, degree = self.structure, self.constructed, self.degree.at_least
        layer, explicit = (None, None) if made is None else (made.layer, made.symmetric)
        margin = None if made is None else made.margin
        return plain_object(
            {
                "function": self.function.name,
                "inputs": self.inputs,
                "answer": headline(self),
                "threshold_degree": self.degree.degree,
                "threshold_degree_at_least": self.degree.at_least,
                "threshold_degree_at_most": self.degree.at_most,
                "weak_degree_at_least": self.degree.weak_at_least,
                "heads_lower_bound": self.heads_lower_bound,
                "heads_if_asker_has_a_bit": self.heads_if_asker_has_a_bit,
                "readouts": [
                    {"degree": r, "heads_polynomial": -(-degree // r), "heads_rational": -(-degree // (2 * r))}
                    for r in (2, 3, 4)
                ],
                "sigmoid_attention_excluded": degree > 1,
                "heads_constructed": None if made is None else made.heads,
                "margin": None if margin is None else float(margin),
                "margin_bits": None if margin is None else bits_of(margin),
                "layer": None if layer is None else layer.to_json(),
                "count_layer": None if explicit is None else explicit.certificate,
                "format_proved": None if explicit is None else explicit.proved_format,
                "format_measured": None if explicit is None else explicit.smallest_format,
                "conditions": list(CONDITIONS),
                "least_error": None if self.least is None else _least(self.least, self.inputs),
                "constant": structure.constant,
                "symmetric": structure.symmetric,
                "monotone": structure.monotone,
                "unate": structure.unate,
                "threshold_function": False if degree > 1 else True if self.degree.at_most <= 1 else None,
                "depends_on": list(structure.depends_on) if self.inputs <= _MOST_LISTED else None,
                "junta": len(structure.depends_on),
                "is_decision_list": structure.decision_list is not None,
                "decision_list": _decision_list(structure) if self.inputs <= _MOST_LISTED else None,
                "hard_heads_lower_bound": structure.fewest_fixed,
                "average_sensitivity": float(structure.average_sensitivity),
                "cuts": None if self.cuts is None else asdict(self.cuts),
                "claims": [asdict(one) for one in self.claims],
                "left_out": list(self.left_out),
                "certificate": self.certificate,
            }
        )


def answer_boolean(
    function: BooleanFunction, heads: int | None = None, tell: Callable[[str], None] = lambda _: None
) -> BooleanAnswer:
    """All that is said of a function.

    Args:
        function: of n bits; up to 100,000 if it is symmetric, up to 16 otherwise.
        heads: for which the least error is wanted.
        tell: is told of steps that take long.

    >>> from assay.booleans.named import named_function
    >>> found = answer_boolean(named_function("multiplexer", 6), heads=2)
    >>> found.heads_lower_bound, found.constructed.heads, found.least.error > 0
    (3, 3, True)
    """
    if heads is not None:
        require(function.inputs <= _MOST_ERRORS, "heads", heads, f"left out above {_MOST_ERRORS} inputs")
    degree = threshold_degree(function, tell)
    return BooleanAnswer(
        function=function,
        degree=degree,
        structure=structure_of(function),
        constructed=construct(function, degree, tell),
        heads_if_asker_has_a_bit=heads_with_bit(function, degree),
        least=None if heads is None else least_error(function, heads, degree),
        cuts=cuts_of(function) if function.inputs <= MOST_INPUTS else None,
        left_out=tuple(_left_out(function, degree)),
    )


def construct(
    function: BooleanFunction, degree: Degree, tell: Callable[[str], None] = lambda _: None
) -> Constructed | None:
    """Heads that are enough.

    For s changes along the counts c, s heads 1 / (t_h + c) with different t_h > 0 and a constant give every polynomial
    in c of degree at most s divided by the product of all t_h + c: partial fractions. Up to 64 inputs and 40 changes,
    or 256 inputs and 2 changes, such weights are written down, with poles on both sides.
    """
    if function.sign_changes is None and function.inputs > SEARCH_INPUTS and degree.at_most == 1:
        why = "a threshold function: one head that weighs all tokens alike averages what they add to the sum"
        return Constructed(1, None, why)
    if function.sign_changes is None:
        return constructed_heads(function, degree.at_least, tell)
    why = "one head 1 / (t_h + count) for each change along the counts; partial fractions"
    if function.sign_changes == 0:
        return Constructed(0, None, "a constant")
    written = function.inputs <= _MOST_WRITTEN and function.sign_changes <= _MOST_CHANGES
    if not written and not (function.inputs <= _MOST_FEW and function.sign_changes <= 2):
        return Constructed(function.sign_changes, None, why)
    from assay.booleans.symmetric_heads import symmetric_heads  # which needs torch

    return Constructed(function.sign_changes, None, f"{why}, evaluated at all counts", symmetric_heads(function))


def _left_out(function: BooleanFunction, degree: Degree) -> Iterator[str]:
    if degree.degree is None:
        yield f"the threshold degree from {degree.at_least} to {degree.at_most}: it was not decided"
    if function.by_count is None and function.inputs > MOST_INPUTS:
        yield f"heads that are enough, and hard-attention heads: above {MOST_INPUTS} inputs"
    if function.inputs > MOST_INPUTS:
        yield f"cuts: above {MOST_INPUTS} inputs"


def _least(least: LeastError, inputs: int) -> Json:
    return {
        "heads": least.heads,
        "error": float(least.error),
        "wrong_inputs": int(least.error * (1 << inputs)) if inputs <= _MOST_LISTED else None,
        "optimum_of_polynomials": least.optimum,
        "justification": least.justification,
    }


def _decision_list(structure: Structure) -> Json | None:
    if structure.decision_list is None:
        return None
    return {"rules": [asdict(rule) for rule in structure.decision_list], "default": structure.default}

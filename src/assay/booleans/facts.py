"""What is said of a Boolean function, number by number: what is safe to say, what is not, and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.booleans.rounded import at_least, at_most
from assay.evidence import PROVED, PUBLISHED

if TYPE_CHECKING:
    from assay.booleans.answer import BooleanAnswer

CONDITIONS = (
    "one softmax layer; the bits are in different tokens, one each; the query token is the same for all inputs",
    "scores and values of a token depend on its own bit and on its position in any way; any width and masks",
    "the answer is the sign of a constant plus a linear function of all heads' outputs, without normalisation before",
    "exact real arithmetic: nothing is rounded between the scores and the sign",
)
_EXACT = "clearing the positive denominators leaves a polynomial of degree H in the bits"
_ROUNDING = "by rounding alone, one head in float32 can compute parity of 7 bits"


@dataclass(frozen=True)
class Claim:
    """One number, what it allows to be said, and what it does not.

    Attributes:
        name: of the number.
        value: it; None where it is open.
        safe_to_say: one sentence.
        not_to_be_said: what it does not show.
        status: `proved` or `published`, see `assay.evidence`.
        justification: theorem, paper or enumeration.
    """

    name: str
    value: int | float | bool | str | None
    safe_to_say: str
    not_to_be_said: str
    status: str
    justification: str


def claims_of(found: BooleanAnswer) -> tuple[Claim, ...]:
    """All claims, in the order in which they are shown."""
    return (*_degree(found), *_heads(found), *_least(found), *_structure(found), *_cuts(found), *_published(found))


def _degree(found: BooleanAnswer) -> Iterator[Claim]:
    degree = found.degree
    between = f"{degree.at_least}" if degree.degree is not None else f"{degree.at_least} to {degree.at_most}"
    yield Claim(
        "threshold degree",
        degree.degree,
        f"it is the sign of a polynomial of degree {degree.at_most}"
        + (f", and of none of degree {degree.at_least - 1}" if degree.at_least else ""),
        "how large the coefficients or the margin of such a polynomial are"
        if degree.degree is not None
        else f"that it is {between.replace(' to ', ' or ')}: what lies between was left open",
        PROVED,
        degree.justification,
    )


def _heads(found: BooleanAnswer) -> Iterator[Claim]:
    least = found.heads_lower_bound
    yield Claim(
        "heads, at least",
        least,
        f"under the conditions, {_heads_text(least)} needed in one layer"
        + (": fewer are wrong at some input" if least else ", since it is constant"),
        f"that a float network needs as many unless its answers are those of exact evaluation: {_ROUNDING}; nor "
        "anything of two layers, an MLP after the heads, pooled answers, or tokens with several bits",
        PROVED,
        _EXACT if found.lower_bound_by == "degree" else f"{found.lower_bound_by}, in exact arithmetic",
    )
    with_bit = found.heads_if_asker_has_a_bit
    yield Claim(
        "heads, if the query token holds a bit",
        with_bit,
        f"{_heads_text(with_bit)} needed whichever bit it is",
        "that this is enough",
        PROVED,
        "that bit fixed, it is a layer with a fixed query for the function of the others",
    )
    readouts = "; ".join(
        f"degree {r}: {-(-found.degree.at_least // r)}, rational {-(-found.degree.at_least // (2 * r))}" for r in (2, 3)
    )
    yield Claim(
        "heads, other readouts",
        readouts,
        f"at least so many for the sign of a polynomial, or of a quotient of two, of the outputs: {readouts}",
        "anything of an MLP: with one head and one ReLU for each bit it computes parity",
        PROVED,
        "degree r of the outputs is degree r H of the bits; of a quotient, numerator times denominator: 2 r H",
    )
    threshold = found.degree.at_most <= 1
    if threshold or found.degree.at_least > 1:
        yield Claim(
            "linear or sigmoid attention",
            threshold,
            "one head without normalisation by a sum is enough"
            if threshold
            else "one layer without normalisation by a sum does not do it, whatever its heads",
            "the same of softmax, or with a nonlinear readout",
            PROVED,
            "its outputs are sums over tokens, of degree 1 in the bits, so that f must be a threshold function",
        )
    if found.constructed is not None:
        made = found.constructed
        margin = "" if made.margin is None else f", with a margin of {float(made.margin):.2g} of the sum"
        if made.symmetric is not None:
            proved, tried = made.symmetric.proved_format, made.symmetric.smallest_format
            margin += f"; proved right on all words in {proved}" if proved else ""
            margin += f"; right in {tried}, measured" if tried and tried != proved else ""
            margin += "" if proved or tried else "; in float64 rounding is larger than that"
        yield Claim(
            "heads, constructed",
            made.heads,
            f"{_heads_text(made.heads)} enough in exact arithmetic{margin}",
            "that training finds such weights, or that a number format with few bits holds them"
            + ("" if made.heads == least else "; nor that fewer are not enough"),
            PROVED,
            made.justification,
        )


def _least(found: BooleanAnswer) -> Iterator[Claim]:
    if found.least is None:
        return
    least = found.least
    share = f"{at_least(100 * least.error)} %"
    yield Claim(
        f"errors of {least.heads} head{'s' * (least.heads != 1)}",
        float(least.error),
        f"on uniform bits, under the conditions, {_heads_text(least.heads)} wrong on at least {share} of the inputs"
        if least.error
        else f"the threshold degree does not exclude that {_heads_text(least.heads)} always right",
        "that heads get as good as that"
        + ("" if least.optimum else ", or that a polynomial of that degree does")
        + "; nor anything of other distributions",
        PROVED,
        least.justification,
    )


def _structure(found: BooleanAnswer) -> Iterator[Claim]:
    structure = found.structure
    sensitivity = float(structure.average_sensitivity)
    yield Claim(
        "average sensitivity",
        sensitivity,
        f"flipping a bit changes the value at {sensitivity:.6g} of {found.inputs} places, in the mean over all inputs",
        "a number of heads: that it limits one layer with an MLP is published, without a constant that is used here",
        PROVED,
        "all neighbouring inputs" if found.inputs <= 16 else "all neighbouring counts, weighted by their inputs",
    )
    is_list = structure.decision_list is not None
    yield Claim(
        "decision list",
        is_list,
        f"it is {'a' if is_list else 'no'} 1-decision list, so that one hard-attention head "
        f"{'is enough' if is_list else 'does not do it'}",
        "the same of softmax heads",
        PROVED,
        "Rivest's greedy method, which is exact; a head that attends to the token with the largest score reads the "
        "first literal, in the order of scores, that holds",
    )
    if structure.fewest_fixed is not None:
        fixed = structure.fewest_fixed
        yield Claim(
            "hard-attention heads, at least",
            fixed,
            f"{_heads_text(fixed)} needed in one layer if each attends to one token, whatever is made of their outputs",
            "that as many are enough; nor anything of averages over tied tokens",
            PROVED,
            "fixing the bit that a head prefers to all others makes it constant; "
            f"f is constant with {fixed} bits fixed, and not with fewer",
        )


def _cuts(found: BooleanAnswer) -> Iterator[Claim]:
    if found.cuts is None or found.structure.constant:
        return
    cut = found.cuts.balanced
    best = {one.bound: one for one in found.cuts.best}
    bits = max(cut.one_way_bits)
    if "one_way_bits" in best:
        bits = max(bits, best["one_way_bits"].value)
    yield Claim(
        "one-way bits of a cut",
        bits,
        f"H heads of width d_h with p-bit numbers need H (d_h + 2) p >= {bits} where one party's tokens come first",
        f"that this excludes a usual head: one of width 1 with 32-bit numbers hands on 96 bits, and {bits} are needed; "
        "nor anything of two layers",
        PROVED,
        f"different rows, exact; rank {cut.rank}, fooling set {'' if cut.fooling_set_exact else 'of at least '}"
        f"{cut.fooling_set}, VC dimension {'' if cut.vc_exact else 'at least '}{cut.vc_dimension} of the balanced cut",
    )
    yield Claim(
        "discrepancy of the balanced cut",
        cut.discrepancy,
        f"a layer with a message of b bits errs on at least (1 - 2^b x {at_most(2 * cut.discrepancy)}) / 2 of inputs",
        f"anything where b is above {max(0.0, -math.log2(cut.discrepancy) - 1):.1f}, as it is for usual heads",
        PROVED,
        "all rectangles" if cut.discrepancy_exact else "an upper bound: spectral norm / sqrt(rows x columns)",
    )
    heads = max([cut.heads_by_sign_rank, *(best[name].value for name in ("heads_by_sign_rank",) if name in best)])
    rank = max([cut.sign_rank_at_least, *(best[name].value for name in ("sign_rank_at_least",) if name in best)])
    yield Claim(
        "sign-rank of a cut, at least",
        rank,
        f"{_heads_text(heads)} needed under the conditions, by this alone",
        "the sign-rank itself: Forster's bound may be far below it",
        PROVED,
        "sqrt(rows x columns) / spectral norm in float64, made larger by 1e-9 (Forster 2002); a layer's is at most "
        "2 (2^H - 1)",
    )
    if found.cuts.split_vc is not None:
        yield Claim(
            "split-VC dimension",
            found.cuts.split_vc,
            "one layer of any precision has a size of at least some power of it, in the order of growth",
            "a number of heads at this n: the theorem has no constant",
            PUBLISHED,
            f"Kozachinskiy 2024, arXiv 2412.20195; all cuts, {'exact' if found.cuts.split_vc_exact else 'at least'}",
        )


def _published(found: BooleanAnswer) -> Iterator[Claim]:
    if found.is_parity and found.inputs > 1:
        yield Claim(
            "two layers",
            2,
            "two layers are enough for parity at all lengths, and one layer with an MLP of fixed size is not",
            "from which n on one layer fails: the constants are not given here",
            PUBLISHED,
            "arXiv 2501.02535, by average sensitivity",
        )
    if found.is_majority and found.inputs % 2 == 1 and found.inputs >= 5:
        yield Claim(
            "hard-attention heads for majority",
            (found.inputs + 3) // 2,
            f"at least {(found.inputs + 3) // 2} are needed, for odd n from 5 on, whatever is made of their outputs",
            "that this was checked here",
            PUBLISHED,
            "(n + 3) / 2, a proof that its authors checked in Lean",
        )


def _heads_text(count: int) -> str:
    return f"{count} head{'s are' if count != 1 else ' is'}"

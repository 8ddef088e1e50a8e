"""Answers of how many dimensions documents need: the numbers they give, and that they never contradict each other."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.errors import AssayError
from assay.retrieval.limits import MOST_DOCUMENTS, necessary_dimensions
from assay.retrieval.random_documents import share_served
from assay.sizing.documents import by_bits, explicit, size_documents
from test_retrieval_limits import is_served
from test_retrieval_random import check_draws


def sized(documents, top, bits=16, dimensions=None, share=1.0):
    return size_documents(documents, top, bits, dimensions, share)


def test_fifty_thousand_documents_and_pairs():
    found = sized(50_000, 2)
    assert found.answer == (
        "Necessary: 4 dimensions. Enough at 16 bits, proved for all 1.25e+09 sets of 2: 28 (14 bits would do). "
        "Random documents, in real numbers: 43 for 99 % of the sets, 75 for all."
    )
    assert found.fits is None
    assert found.question == {"documents": 50_000, "top": 2, "bits": 16, "share": 1.0}
    amounts = {one.name: one.amount for one in found.statements}
    assert amounts == {
        "necessary": 4,
        "enough": 28,
        "enough, by bits": None,
        "random documents": 43,
        "random, all sets": 75,
        "training": 233,
    }
    says = {one.name: f"{one.says} ({one.justification})" for one in found.statements}
    assert "Radon's theorem asks for 4, the bits of a query for 2" in says["necessary"]
    assert "28 dimensions at 16 bits, for all sets" in says["enough"]
    assert "(14 bits would do)" in says["enough"]
    assert "proved in integers" in says["enough"]
    assert "rounding to these bits is not in it" in says["random documents"]
    assert "with probability at least 1/2" in says["random, all sets"]
    assert "extrapolated: it was measured from 4 to 12" in says["training"]
    assert "at temperature 0.1" in says["training"]
    assert "no theorem" in says["training"]


@pytest.mark.parametrize(
    ("bits", "start"),
    [
        (
            8,
            "Necessary: 4 dimensions. Enough at 8 bits, proved for all 1.25e+09 sets of 2: 99 (1 bit would do).",
        ),
        (2, "Necessary: 16 dimensions. Enough at 2 bits, proved for all 1.25e+09 sets of 2: 99 (1 bit would do). Ran"),
        (1, "Necessary: 31 dimensions. Enough at 1 bit, proved for all 1.25e+09 sets of 2: 99. Random documents, in"),
        (
            64,
            "Necessary: 4 dimensions. Enough at 64 bits, proved for all 1.25e+09 sets of 2: 20 (18 bits would do). Random",
        ),
    ],
)
def test_first_lines_at_other_bits(bits, start):
    """ceil(log2 C(50,000, 2) / p), by whole numbers; 9 symbols of 11 letters, one-hot."""
    assert sized(50_000, 2, bits).answer.startswith(start)
    sets, said = math.comb(50_000, 2), sized(50_000, 2, bits).amount("necessary")
    assert said == max(4, next(d for d in range(1, 99) if 2 ** (bits * d) >= sets))


def test_what_is_enough_is_listed_by_bits_and_no_entry_is_beaten_by_another():
    listed = {one.bits: one.dimensions for one in by_bits(50_000, 2)}
    assert listed == {1: 99, 10: 40, 11: 36, 13: 32, 14: 28, 17: 24, 18: 20}
    for documents, top in ((50_000, 2), (10, 4), (1_000, 1), (200, 30), (30_000, 2), (5, 4)):
        known = by_bits(documents, top)
        for bits in range(1, 65):  # the last entry of at most so many bits is the answer at these bits
            assert explicit(documents, top, bits) == next(one for one in reversed(known) if one.bits <= bits)
    says = {one.name: one.says for one in sized(50_000, 2, 8).statements}
    assert says["enough, by bits"] == (
        "99 dimensions at 1 bit, 40 at 10, 36 at 11, 32 at 13, 28 at 14, 24 at 17, 20 at 18; Assay knows of no fewer at 8 "
        "bits, nor at bits between these"
    )


@pytest.mark.parametrize(("bits", "dimensions"), [(8, None), (8, 3), (1, 64)])
def test_each_line_says_in_which_numbers_it_holds(bits, dimensions):
    for one in sized(50_000, 2, bits, dimensions).statements:
        numbers = {"necessary": "any numbers|at 1 bit: ", "enough": f"at {bits} bit", "training": "in floating point"}
        wanted = numbers.get(one.name, "in real numbers" if one.name.startswith("random") else f"at {bits} bit")
        assert re.search(wanted, f"{one.says} ({one.justification})"), one


def test_the_moment_curve_is_said_to_be_enough_where_64_bits_hold_its_scores():
    """4 dimensions: (n / 2)^4 times 4 or so, twice, and a sign."""
    assert sized(30_000, 2, 64).amount("enough") == 4
    assert sized(30_000, 2, 50).amount("enough") > 4
    assert sized(10**9, 1, 63).amount("enough") == 2


def test_bits_of_documents_are_said_where_they_ask_for_more():
    found = sized(50_000, 2, 1)
    assert found.amount("documents on a grid") is None  # 20, less than the 31 that queries of one bit need
    assert "documents on a grid" not in {one.name for one in sized(1_000, 2, 8).statements}
    # of few bits and large k the sums of documents are fewer than the queries are: never, as both have these bits
    for top in (1, 2, 5, 30):
        for bits in (1, 2, 8):
            necessary, grid = (sized(1_000, top, bits).amount(n) for n in ("necessary", "documents on a grid"))
            assert grid is None or grid > necessary


@pytest.mark.parametrize(
    ("documents", "top", "says"),
    [
        (4, 2, "all 6 sets of 2:"),
        (1_000, 2, "all 499,500 sets of 2:"),
        (2_000, 2, "all 2e+06 sets of 2:"),
        (10**6, 100, "all 10^442 sets of 100:"),
        (10**6, 999_900, "all 10^442 sets of 999,900:"),
    ],
)
def test_sets_are_counted(documents, top, says):
    assert says in sized(documents, top).answer
    power = re.search(r"10\^(\d+)", says)
    assert power is None or len(str(math.comb(documents, top))) - 1 == int(power[1])


def test_training_is_said_for_pairs_only_and_as_an_extrapolation_only_where_it_is_one():
    assert sized(1_000, 3).amount("training") is None
    assert sized(1_000, 1).amount("training") is None
    within = next(one for one in sized(46, 2).statements if one.name == "training")
    assert within.amount == 12
    assert "extrapolated" not in within.says
    beyond = next(one for one in sized(60, 2).statements if one.name == "training")
    assert beyond.amount > 12
    assert "extrapolated" in beyond.says


def test_a_share_of_the_sets_is_not_said_to_need_what_all_of_them_do():
    found = sized(50_000, 2, share=0.5)
    assert found.answer.startswith("Necessary for all sets: 4 dimensions.")
    assert " for 50 % of the sets, 75 for all." in found.answer
    few = sized(50_000, 2, dimensions=3, share=1e-9)
    assert few.fits is None
    assert few.answer.startswith("In real numbers, yes")
    assert sized(50_000, 2, dimensions=3).fits is False


@pytest.mark.parametrize(
    ("arguments", "fits", "start", "change"),
    [
        (
            (50_000, 2, 16, 3),
            False,
            "No: 3 dimensions cannot serve every set of top 2 of 50,000 documents at 16 bits; 4 are necessary.",
            (28, 16),
        ),
        (
            (50_000, 2, 16, 27),
            None,
            "Open: for top 2 of 50,000 documents at 16 bits, random documents of 27 dimensions serve ",
            (28, 16),
        ),
        ((50_000, 2, 16, 28), True, "Yes: explicit vectors of 28 dimensions serve every set of top 2 of 50,000", None),
        (
            (50_000, 2, 1, 80),
            None,
            "In real numbers, yes: for top 2 of 50,000 documents at 1 bit, random documents of "
            "80 dimensions serve all but ",
            (99, 1),
        ),
        ((50_000, 2, 8, 3), False, "No: 3 dimensions cannot serve every set", (99, 8)),
        ((50_000, 2, 8, 64), None, "Open: for top 2 of 50,000 documents at 8 bits, random documents of 64", (99, 8)),
        ((50_000, 2, 1, 30), False, "No: 30 dimensions cannot serve every set", (99, 1)),
        ((50_000, 2, 1, 40, 0.99), None, "Open: ", (99, 1)),
        ((50_000, 1, 1, 1), False, "No: 1 dimension cannot serve every set", (42, 1)),
    ],
)
def test_dimensions_are_judged(arguments, fits, start, change):
    found = size_documents(*arguments)
    assert found.fits is fits
    assert found.answer.startswith(start)
    proved = "{} dimensions, which are proved to be enough at {} bit"
    assert found.change.startswith(proved.format(*change) if change else "")
    assert bool(found.change) is (change is not None)
    assert found.question["dimensions"] == arguments[3]


def check(documents, top, bits):
    """Bounds never cross, and the answer is whole."""
    found = sized(documents, top, bits)
    necessary, enough = found.amount("necessary"), found.amount("enough")
    assert 1 <= necessary <= enough <= documents - 1
    assert necessary == necessary_dimensions(documents, top, bits)
    how = explicit(documents, top, bits)
    assert how.dimensions == enough
    assert how.bits <= bits
    assert how.documents >= documents
    some, every = found.amount("random documents"), found.amount("random, all sets")
    assert (some is None) == (min(top, documents - top) == 1 or min(top, documents - top) > 10_000)
    if some is not None:
        assert 1 <= some <= every <= documents - 1
        assert every >= min(2 * min(top, documents - top), documents - min(top, documents - top))  # no draw beats Radon
    assert str(f"{enough:,}") in found.answer
    return necessary, enough


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.data())
def test_small_answers_are_consistent(documents, data):
    top, bits = data.draw(st.integers(1, documents - 1)), data.draw(st.integers(1, 64))
    check(documents, top, bits)


def exponents(low, high):
    return st.floats(math.log(low), math.log(high)).map(lambda power: min(high, max(low, round(math.exp(power)))))


@settings(max_examples=30, deadline=None)
@given(exponents(2, MOST_DOCUMENTS), exponents(1, 60), st.booleans(), st.integers(1, 64))
@example(MOST_DOCUMENTS, 2, False, 1)
@example(MOST_DOCUMENTS, 1, True, 64)
@example(2, 1, False, 1)
@example(3, 2, False, 64)
def test_answers_are_consistent_at_any_size(documents, top, opposite, bits):
    top = min(top, documents - 1)
    assert check(documents, top, bits) == check(documents, documents - top, bits)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(exponents(2, MOST_DOCUMENTS), exponents(1, 10**6), st.booleans(), st.integers(1, 64))
def test_what_is_necessary_never_exceeds_what_is_enough(documents, top, opposite, bits):
    """By formula: without random documents, which take the time."""
    top = min(top, documents - 1)
    top = documents - top if opposite else top
    how = explicit(documents, top, bits)
    assert 1 <= necessary_dimensions(documents, top, bits) <= how.dimensions <= documents - 1
    assert how.bits <= bits
    assert how.documents >= documents


@settings(max_examples=100, deadline=None)
@given(exponents(2, MOST_DOCUMENTS - 1), exponents(1, 300), st.integers(1, 63), st.integers(1, 1_000))
def test_what_is_enough_grows_with_documents_and_falls_with_bits(documents, top, bits, further):
    top = min(top, documents - 1)
    enough = explicit(documents, top, bits).dimensions
    assert necessary_dimensions(documents, top, bits) <= enough
    assert explicit(min(documents + further, MOST_DOCUMENTS), top, bits).dimensions >= enough
    assert explicit(documents, top, bits + 1).dimensions <= enough
    if 3 * (top + 1) <= documents:
        assert explicit(documents, top + 1, bits).dimensions >= enough


def verdict(found):
    """False, open and True as numbers."""
    return {False: 0, None: 1, True: 2}[found.fits]


@settings(max_examples=15, deadline=None)
@given(exponents(2, 10**7), st.integers(1, 12), st.integers(1, 32), st.data())
def test_verdicts_do_not_fall_as_dimensions_grow(documents, top, bits, data):
    top = min(top, documents - 1)
    necessary, enough = (sized(documents, top, bits).amount(name) for name in ("necessary", "enough"))
    places = {1, necessary - 1, necessary, enough - 1, enough, enough + 1, 10**6, data.draw(st.integers(1, 2 * enough))}
    judged = [(d, sized(documents, top, bits, d)) for d in sorted(places - {0})]
    assert [verdict(one) for _, one in judged] == sorted(verdict(one) for _, one in judged)
    for d, one in judged:
        assert one.fits is (False if d < necessary else True if d >= enough else None)
        served = one.amount("random, at this size")
        assert served is None or 0 <= served <= 1
        assert bool(one.change) == (d < enough) or not one.change
        if one.change:
            assert int(one.change.split(" ")[0].replace(",", "")) > d
    fewer_bits = verdict(sized(documents, top, max(1, bits - 1), necessary))
    assert fewer_bits <= verdict(sized(documents, top, bits, necessary))


@settings(max_examples=8, deadline=None)
@given(exponents(1, 600), st.integers(1, 6), st.integers(1, 24), st.sampled_from([1.0, 0.99, 0.5, 1e-6]))
def test_forward_and_backward_agree(dimensions, top, bits, share):
    """The largest n of d is the last of which d are enough, so for each kind of statement."""
    found = sized(None, top, bits, dimensions, share)
    assert found.fits is None
    assert found.question == {"dimensions": dimensions, "top": top, "bits": bits, "share": share}
    for name in ("necessary", "enough"):
        most = found.amount(name)
        if most > top:
            assert sized(most, top, bits).amount(name) <= dimensions
        if most < MOST_DOCUMENTS:
            assert sized(most + 1, top, bits).amount(name) > dimensions
    assert found.amount("enough") <= found.amount("necessary")
    most = found.amount("random documents")
    assert (most is None) == (top == 1)
    if most is None:
        return
    name = "random, all sets" if share == 1 else "random documents"
    if top < most and min(top, most - top) > 1:
        assert sized(most, top, bits, share=share).amount(name) <= dimensions
    if most < MOST_DOCUMENTS and min(top, most + 1 - top) > 1:
        assert sized(most + 1, top, bits, share=share).amount(name) > dimensions


@settings(max_examples=12, deadline=None)
@given(
    st.none() | exponents(2, MOST_DOCUMENTS),
    exponents(1, 100),
    st.booleans(),
    st.integers(1, 64),
    st.none() | exponents(1, 10**6),
    st.sampled_from([1.0, 1.0, 0.999999, 0.99, 0.5, 1e-3, 1e-12, 5e-324]),
)
@example(None, 2**52, False, 64, 1, 1.0)
@example(None, 2, False, 64, 10**6, 0.99)
@example(2**53, 10_001, False, 8, 10, 1.0)
@example(2**53, 2**52, False, 8, None, 1.0)
@example(20_000, 10_000, False, 1, 30_000, 0.99)
def test_every_legal_question_has_a_whole_answer(documents, top, opposite, bits, dimensions, share):
    if documents is None and dimensions is None:
        dimensions = 7
    if documents is not None:
        top = min(top, documents - 1)
        top = documents - top if opposite else top
    found = sized(documents, top, bits, dimensions, share)
    assert found.answer.endswith(".")
    text = json.dumps(found.to_json(), allow_nan=False)
    assert "Infinity" not in text
    for words in (found.answer, found.change, *(one.says for one in found.statements)):
        assert not re.search(r"\bnan\b|\binf\b|None|\b1 bits\b|\b1 dimensions\b|\(0 %", words)
    assert {one.name for one in found.statements} >= {"necessary", "enough"}
    assert all(one.justification for one in found.statements)


def test_words_of_the_reverse_answer():
    found = sized(None, 2, 14, 28)
    assert found.answer == (
        "28 dimensions at 14 bits, top 2: proved for 130,321 documents; random documents, in real numbers, serve all "
        f"sets of {found.amount('random documents'):,} documents; no number of documents up to 2^53 is excluded, and Assay "
        "looks no further."
    )
    assert found.amount("enough") == 19**4
    assert sized(None, 2, 8, 2).answer == (
        "2 dimensions at 8 bits, top 2: proved for 3 documents; random documents, in real numbers, serve all sets of "
        f"{sized(None, 2, 8, 2).amount('random documents')} documents; all sets of more than 4 cannot be served."
    )
    assert "no number of documents above 5" in sized(None, 5, 8, 1).answer


def test_a_number_that_nothing_is_sought_beyond_is_not_printed_as_a_count():
    found = sized(None, 2, 8, 768)
    assert found.answer == (
        "768 dimensions at 8 bits, top 2: proved for up to 2^53 documents; random documents, in real numbers, serve all "
        "sets of up to 2^53 documents; no number of documents up to 2^53 is excluded, and Assay looks no further."
    )
    for words in (found.answer, *(one.says for one in found.statements)):
        assert "at least" not in words
        assert f"{MOST_DOCUMENTS:,}" not in words
    assert found.amount("necessary") == MOST_DOCUMENTS


@pytest.mark.parametrize(("documents", "top", "dimensions"), [(40, 2, 7), (30, 4, 10), (16, 12, 6)])
def test_shares_at_a_size_are_those_of_draws(documents, top, dimensions):
    said = sized(documents, top, dimensions=dimensions).amount("random, at this size")
    assert said == share_served(dimensions, documents, top)
    check_draws(dimensions, documents, top, 250)


@pytest.mark.long
@pytest.mark.parametrize(
    ("documents", "top", "share"),
    [
        (20, 2, 0.5),
        (50, 2, 0.9),
        (100, 2, 0.5),
        (100, 2, 0.99),
        (300, 2, 0.5),
        (60, 5, 0.5),
        (60, 5, 0.9),
        (100, 10, 0.5),
        (40, 20, 0.5),
        (40, 20, 0.95),
        (80, 70, 0.5),
        (1_000, 2, 0.5),
    ],
)
def test_dimensions_for_most_sets_are_where_draws_pass_the_share(documents, top, share):
    """At the dimensions said draws reach the share, at one fewer they do not: 1,500 linear programs each."""
    least = sized(documents, top, share=share).amount("random documents")
    generator, draws = np.random.default_rng(documents + top), 1_500
    for dimensions in (least - 1, least):
        found = np.mean(
            [is_served(generator.standard_normal((documents, dimensions)), range(top)) for _ in range(draws)]
        )
        error = 4.5 * math.sqrt(share * (1 - share) / draws) + 1 / draws
        assert found >= share - error if dimensions == least else found < share + error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((None, 2, 16, None), "retrieval is sized by a number of documents, a number of dimensions, or both"),
        ((1, 1, 16, None), "documents = 1 is not allowed; it must be an integer from 2 to 9007199254740992"),
        ((2**53 + 1, 1, 16, None), "documents = 9007199254740993 is not allowed"),
        ((5, 5, 16, None), "top = 5 is not allowed; it must be an integer from 1 to documents - 1 = 4"),
        ((5, 0, 16, None), "top = 0 is not allowed"),
        ((5, 2, 0, None), "bits = 0 is not allowed; it must be an integer from 1 to 64"),
        ((5, 2, 65, None), "bits = 65 is not allowed; it must be an integer from 1 to 64"),
        ((5, 2, 16, 0), "dimensions = 0 is not allowed; it must be an integer from 1 up"),
        ((5, 2, 16, 1.5), "dimensions = 1.5 is not allowed"),
        ((None, 0, 16, 4), "top = 0 is not allowed"),
        ((None, 2**53, 16, 4), "top = 9007199254740992 is not allowed; it must be an integer from 1 to"),
        ((5, 2, 16, None, 0.0), "share = 0.0 is not allowed; it must be above 0 and at most 1"),
        ((5, 2, 16, None, 1.01), "share = 1.01 is not allowed"),
        ((5, 2, 16, None, math.nan), "share = nan is not allowed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments, says):
    with pytest.raises(AssayError) as refused:
        size_documents(*arguments)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("bits", [1, 4, 16])
def test_all_the_smallest_answers_are_consistent(bits):
    for documents in range(2, 13):
        for top in range(1, documents):
            check(documents, top, bits)

"""What holds for every bound: hypotheses are checked, searches agree with checks, larger errors ask for no more."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import Match2, Match3, SparseAveraging
from assay.bounds import BOUNDS, bounds_of
from assay.bounds.bound import Check, state_in_last_pass
from assay.resources import Averages, Resources
from assay.tasks import TASKS
from assay.tasks.copy import Copy
from assay.tasks.recall import Recall


def network(width, *, passes=2, precision=1, heads=0):
    """One that declares everything, `width` of each; heads are the width where they are what a bound limits."""
    averages = Averages(heads or 1, width, arithmetic="exact" if heads else "fixed")
    return Resources(
        precision=precision,
        passes=passes,
        embedding=width,
        state=lambda tokens: width,
        averages=averages,
        first_layer=width,
    )


# One case for each bound where all hypotheses hold: task, passes, distribution, a small error.
HOLD = {
    "answer-entropy": (Match3(length=16), 2, "uniform", 0.005),
    "attention-message": (SparseAveraging(64, 3, 2), 1, "gaussian", 0.1),
    "attention-message-mean": (SparseAveraging(64, 3, 2), 1, "gaussian", 0.1),
    "copy-state": (Copy(length=64), 2, "uniform", 0.1),
    "feed-forward-rank": (SparseAveraging(64, 3, 2), 1, "gaussian", 0.1),
    "feed-forward-rank-mean": (SparseAveraging(64, 3, 2), 1, "gaussian", 0.1),
    "match-state": (Match3(length=65), 2, "uniform", 0.1),
    "match2-ask": (Match2(length=64), 2, "ask", 0.1),
    "match2-uniform": (Match2(length=64), 2, "uniform", 0.05),
    "match3-halves-messages": (Match3(length=65), 1, "halves", 0.1),
    "match3-halves-state": (Match3(length=65), 2, "halves", 0.1),
    "match3-index-messages": (Match3(length=65), 1, "index", 0.1),
    "match3-index-state": (Match3(length=65), 2, "index", 0.1),
    "match3-index-warren": (Match3(length=257), 1, "index", 0.1),
    "match3-messages": (Match3(length=65), 1, "uniform", 0.1),
    "match3-warren": (Match3(length=257), 1, "uniform", 0.1),
    "recall-state": (Recall(pairs=16, length=64), 2, "uniform", 0.1),
    "recurrent-state": (SparseAveraging(64, 3, 2), 2, "gaussian", 0.1),
    "recurrent-state-chain": (SparseAveraging(64, 3, 2), 2, "chain", 0.1),
    "recurrent-state-gaussian": (SparseAveraging(64, 3, 2), 2, "gaussian", 0.1),
    "recurrent-state-mean": (SparseAveraging(64, 3, 2, "last"), 1, "gaussian", 0.1),
}
NAMES = BOUNDS.names()
BY_HEADS = ("match3-warren", "match3-index-warren")  # widths play no part


def family(name, passes, precision=1):
    if name in BY_HEADS:
        return lambda width: network(1, passes=passes, precision=precision, heads=width)
    return lambda width: network(width, passes=passes, precision=precision)


def checked(name, width=1, **changed):
    task, passes, distribution, error = HOLD[name]
    given = {"distribution": distribution, "error": error} | {
        k: v for k, v in changed.items() if k in ("distribution", "error")
    }
    declared = changed.get("network", family(name, changed.get("passes", passes))(width))
    return BOUNDS[name]().check(changed.get("task", task), declared, **given)


def test_every_bound_has_a_case_and_speaks_of_a_task():
    assert sorted(HOLD) == NAMES
    for name in NAMES:
        bound = BOUNDS[name]
        assert bound.name == name
        assert HOLD[name][0].name in bound.speaks_of
        assert set(bound.speaks_of) <= set(TASKS.names())
        assert bound.source
        assert bound.cut
        assert bound.cut != "TMP"
        assert bound.justified in ("proved", "estimated")
        assert bound.unmet.__doc__
    assert [bound.name for bound in bounds_of(SparseAveraging(9, 2))] == [
        name for name in NAMES if BOUNDS[name].speaks_of == ("sparse-averaging",)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_where_all_hypotheses_hold_a_tiny_network_is_excluded(name):
    found = checked(name)
    assert found.status == "binds", found
    assert found.reason == ""
    assert found.slack < 0


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_declared_is_not_spoken_of(name):
    found = checked(name, network=Resources(precision=1, passes=HOLD[name][1]))
    assert found == Check("vacuous", 0.0, None, f"the network declares no {BOUNDS[name].resource}")


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_width_is_open_and_the_one_below_is_not(name):
    task, passes, distribution, error = HOLD[name]
    widths = []
    for precision in (1, 2, 8, 32):
        networks = family(name, passes, precision)
        width = BOUNDS[name]().smallest(task, networks, error=error, distribution=distribution)
        given = {"error": error, "distribution": distribution}
        assert BOUNDS[name]().check(task, networks(width), **given).status == "vacuous"
        if width > 1:
            assert BOUNDS[name]().check(task, networks(width - 1), **given).status == "binds"
        widths.append(width)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 1


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(errors=st.lists(st.floats(0, 1), min_size=2, max_size=2), width=st.integers(1, 64))
def test_a_larger_error_never_asks_for_more(name, errors, width):
    tight, loose = (checked(name, width, error=error) for error in sorted(errors))
    assert loose.required <= tight.required + 1e-9


ALL, LAST = SparseAveraging(16, 4, 2), SparseAveraging(16, 4, 2, "last")
WHOLE, WHOLE_LAST = SparseAveraging(4, 4), SparseAveraging(4, 4, 1, "last")
FLOAT = replace(network(1), averages=Averages(1, 1))
SMALL2, SMALL3 = Match2(length=64, modulus=66), Match3(length=65, modulus=65)

UNMET = [
    ("attention-message", {"task": ALL, "error": 0.25}, "an error below 1/q = 0.25"),
    ("attention-message", {"task": WHOLE_LAST, "error": 0.1}, "more than q tokens beside the query token"),
    ("attention-message-mean", {"distribution": "hard"}, "independent centred values"),
    ("attention-message-mean", {"distribution": "chain"}, "uniform pointers"),
    ("attention-message-mean", {"task": WHOLE, "error": 0.1}, "q below N"),
    ("attention-message-mean", {"error": 2.0}, "needs no knowledge of the pointers"),
    ("feed-forward-rank", {"task": ALL, "error": 0.25}, "an error below 1/q = 0.25"),
    ("feed-forward-rank-mean", {"distribution": "sign"}, "needs gaussian values"),
    ("feed-forward-rank-mean", {"task": WHOLE}, "q below N"),
    ("recurrent-state", {"task": ALL, "error": 0.25}, "an error below 1/q = 0.25"),
    ("recurrent-state", {"task": LAST, "passes": 2}, "one pass in the layout last"),
    ("recurrent-state", {"task": WHOLE_LAST, "passes": 1}, "more than q data tokens before"),
    ("recurrent-state-mean", {"task": ALL}, "needs the layout last"),
    ("recurrent-state-mean", {"passes": 2}, "needs one pass"),
    ("recurrent-state-mean", {"distribution": "hard"}, "not known here"),
    ("recurrent-state-mean", {"distribution": "uniform"}, "not known here"),
    ("recurrent-state-chain", {"distribution": "gaussian"}, "needs 'chain' inputs"),
    ("recurrent-state-chain", {"task": LAST}, "every token asks"),
    ("recurrent-state-chain", {"task": SparseAveraging(1, 1)}, "more than one token"),
    ("recurrent-state-gaussian", {"distribution": "sign"}, "needs gaussian values"),
    ("recurrent-state-gaussian", {"task": LAST}, "every token asks"),
    ("recurrent-state-gaussian", {"task": SparseAveraging(257, 4)}, "up to N = 256"),
    ("recall-state", {"distribution": "other"}, "needs 'uniform' inputs"),
    ("recall-state", {"task": Recall(pairs=2, one=True)}, "one pass where one of several keys is asked for"),
    ("recall-state", {"task": Recall(pairs=2, vocabulary=4), "error": 0.75}, "an error below 1 - 1/V = 0.75"),
    ("copy-state", {"distribution": "other"}, "needs 'uniform' inputs"),
    ("copy-state", {"error": 0.875}, "an error below 1 - 1/A = 0.875"),
    ("match-state", {"error": 0.5}, "an error below 1/2"),
    ("match-state", {"passes": 1}, "two passes"),
    ("match-state", {"passes": 3}, "two passes"),
    ("match-state", {"task": SMALL3}, "a modulus of at least 66"),
    ("match-state", {"task": SMALL2}, "a modulus of at least 67"),
    ("match-state", {"task": Match2(length=1)}, "a length of at least 2"),
    ("match2-ask", {"distribution": "uniform"}, "needs 'ask' inputs"),
    ("match2-ask", {"task": SMALL2}, "a modulus of at least 67"),
    ("match2-ask", {"error": 0.25}, "needs no knowledge of the first half"),
    ("match2-uniform", {"distribution": "planted"}, "independent residues"),
    ("match2-uniform", {"distribution": "digits"}, "given in digits"),
    ("match2-uniform", {"task": Match2(length=513)}, "up to N = 512"),
    *[
        (f"match3-{kind}-{where}", changed, said)
        for kind, least in (("index", 66), ("halves", 130))
        for where in ("state", "messages", *["warren"] * (kind == "index"))
        for changed, said in (
            ({"distribution": "uniform"}, f"needs '{kind}' inputs"),
            ({"error": 0.5}, "an error below 1/2"),
            ({"task": Match3(length=65, modulus=least - 1)}, f"a modulus of at least {least}"),
            ({"task": Match3(length=2, modulus=60)}, "a length of at least 3"),
        )
    ],
    *[(f"match3-{kind}-state", {"passes": passes}, "two passes") for kind in ("index", "halves") for passes in (1, 3)],
    *[
        (f"{kind}-warren", {"network": known}, "exact arithmetic")
        for kind in ("match3", "match3-index")
        for known in (FLOAT, network(1))
    ],
    *[
        (f"{kind}-messages", {"network": known}, "fixed point with an exact softmax")
        for kind in ("match3", "match3-index", "match3-halves")
        for known in (FLOAT, network(1, heads=1))
    ],
    ("match3-warren", {"error": 0.5}, "an error below 1/2"),
    ("match3-warren", {"task": SMALL3}, "a modulus of at least 66"),
    ("match3-messages", {"error": 0.5}, "an error below 1/2"),
    ("match3-messages", {"task": SMALL3}, "a modulus of at least 66"),
    ("match3-messages", {"task": Match3(length=2)}, "a length of at least 3"),
    ("answer-entropy", {"distribution": "planted"}, "independent tokens"),
    ("answer-entropy", {"distribution": "digits"}, "given in digits"),
    ("answer-entropy", {"task": Match3(length=65)}, "to N = 64"),
    ("answer-entropy", {"task": Match3(length=1, modulus=5)}, "from N = 2"),
    ("answer-entropy", {"task": TASKS["directed-triangle"](length=25)}, "to N = 24"),
    ("answer-entropy", {"error": 0.4}, "no knowledge of the second half"),
]


@pytest.mark.parametrize(("name", "changed", "says"), UNMET, ids=lambda value: value if isinstance(value, str) else "")
def test_a_hypothesis_that_fails_is_named_and_nothing_is_excluded(name, changed, says):
    found = checked(name, **changed)
    assert (found.status, found.required) == ("vacuous", 0.0)
    assert says in found.reason


def test_every_bound_has_a_hypothesis_that_is_seen_to_fail():
    assert {name for name, _, _ in UNMET} == set(NAMES)


# Where the resource is counted


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("match-state", 33),  # token 0 and Alice's 32, in the first pass
        ("match3-index-state", 33),
        ("match3-halves-state", 33),
        ("match2-ask", 64 + 32),
        ("match2-uniform", 64),
        ("answer-entropy", 16),
        ("recall-state", 64 + 48),  # pairs and filler; the queries are the last 16 of 64
        ("copy-state", 64 + 32),
        ("recurrent-state", 64),
        ("recurrent-state-chain", 64),
        ("recurrent-state-gaussian", 64),
        ("recurrent-state-mean", 64),
    ],
)
def test_state_is_counted_at_the_cut(name, cut):
    task, passes, _, _ = HOLD[name]
    growing = Resources(precision=3, passes=passes, state=lambda tokens: 1000 + tokens)
    assert BOUNDS[name]().available(task, growing) == 3 * (1000 + cut)


def test_cuts_of_the_worst_case_in_one_and_several_passes():
    growing = Resources(precision=1, state=lambda tokens: tokens)
    match, average = BOUNDS["match-state"](), BOUNDS["recurrent-state"]()
    assert match.available(Match2(length=64), growing) == 32
    assert match.available(Match2(length=64), replace(growing, passes=3)) == 2 * 64 + 32
    assert average.available(SparseAveraging(64, 3), growing) == 63
    assert average.available(SparseAveraging(64, 3, layout="last"), growing) == 64
    assert average.available(SparseAveraging(64, 3), replace(growing, passes=4)) == 3 * 64
    assert state_in_last_pass(Match2(length=64), Resources(precision=1)) is None


def test_only_errors_of_all_answers_are_held_against_what_was_learned():
    """Bounds on token 0's answer say so: what is judged is the error of all tokens."""
    at_one = {name for name in NAMES if BOUNDS[name].error_at != "every token that asks"}
    assert at_one == {name for name in NAMES if name.startswith(("match3-index", "match3-halves"))}


# A layer with a matrix of m x m numbers


@pytest.mark.parametrize(("layers", "least"), [(1, 32), (2, 23)])
def test_match3_with_a_matrix_of_state_at_65536(layers, least):
    """32,767 bits: 32 x 31^2 = 30,752 in one layer, 64 x 22^2 = 30,976 in two."""
    task = Match3(length=65_536)

    def networks(width):
        return Resources(precision=32, passes=2, state=lambda tokens: layers * width**2)

    statuses = [BOUNDS["match-state"]().check(task, networks(width)).status for width in (20, least - 1, least)]
    assert statuses == ["binds", "binds", "vacuous"]
    assert BOUNDS["match-state"]().smallest(task, networks) == least


def test_averaging_with_a_matrix_of_state_at_1048576():
    """32 x 181^2 = 1,048,352 < 1,048,575 = N - q + log2 q."""
    task, bound = SparseAveraging(1_048_576, 2), BOUNDS["recurrent-state"]()

    def networks(width):
        return Resources(precision=32, passes=2, state=lambda tokens: width**2)

    assert [bound.check(task, networks(width)).status for width in (181, 182)] == ["binds", "vacuous"]
    assert bound.check(task, networks(181)).required == 1_048_575
    assert bound.smallest(task, networks) == 182


SLOW = {"answer-entropy": 64, "match2-uniform": 512, "recurrent-state-gaussian": 256}  # evaluated up to here
EVEN = {"copy-state": 1 << 20}
CLOSED = [name for name in NAMES if name not in SLOW and "halves" not in name]


@pytest.mark.parametrize("name", NAMES)
def test_large_lengths(name):
    """The largest that is evaluated, 4,096 or 2^20: something is required, and a search ends."""
    task, passes, distribution, error = HOLD[name]
    length = (SLOW | EVEN).get(name, (1 << 20) - 1 if name in CLOSED else 4097)
    large = replace(task, length=length, **({"modulus": 0} if hasattr(task, "modulus") else {}))
    bound, networks = BOUNDS[name](), family(name, passes, precision=32)
    bound.check(task, networks(1), error=error, distribution=distribution)  # compiled before
    found = bound.check(large, networks(1), error=error, distribution=distribution)
    smallest = bound.smallest(large, networks, error=error, distribution=distribution)
    assert found.required > 10 or name == "answer-entropy"
    assert smallest is None or smallest >= 1
    assert not math.isnan(found.required)

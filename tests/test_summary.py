"""Findings in sentences: one place is compared, what is not learned is said so, and nothing else is claimed."""

import pytest

from assay.report.comparisons import Compared, ComparedCell, ComparedKind, ComparedRow, Trained
from assay.report.findings import Findings
from assay.report.found import Failure, Reported
from assay.report.summary import headline, summary
from assay.report.sweeps import OtherLengths, Sweep, Unfinished
from assay.report.terminal import short_text
from assay.results.frontier import Point, Series


def learned(name, *points, field="width", largest=False):
    """A series of points (x, value), or (x, value, more)."""
    made = tuple(Point(x, value, **dict(*more)) for x, value, *more in points)
    return Series(name.partition(",")[0], name, "training", "learned", "mean", made, field=field, largest=largest)


def stated(name, source, verdict, kind, *points):
    return Series(name, name, source, verdict, kind, tuple(Point(x, width) for x, width in points))


def sweep(*series, title="Averages", **more):
    return Sweep(
        name=title.lower(),
        title=title,
        task={"name": title.lower()},
        follows={},
        along="length",
        symbol="N",
        columns={"length": "N"},
        tolerance=(0.25, 0.25),
        mean_tolerance=more.pop("mean_tolerance", (0.25, 0.25)),
        all_inputs="over all inputs",
        mean_error_name=more.pop("mean_error_name", "root-mean-square error"),
        distribution="gaussian",
        distribution_text="",
        steps=(500, 2000),
        series=series,
        **more,
    )


def findings(*lines, **more):
    return Findings(
        study="study", title="A study", command="assay run study", seeds=(0, 1, 2), precision=32, sweeps=lines, **more
    )


LEARNED = (
    "Learned: a root-mean-square error of at most 0.25 on gaussian inputs, by 2 of 3 seeds, within 500 to 2,000 steps."
)


def test_architectures_are_compared_at_the_largest_place_that_all_were_trained_at():
    found = sweep(learned("attention", (8, 4), (16, 6), (32, 8)), learned("lstm", (8, 8), (16, 16)))
    assert headline(findings(found)) == ["Averages, N = 16: learned at width 6 by attention, 16 by lstm.", LEARNED]


def test_sizes_that_are_equal_share_their_number_and_what_failed_is_said_to_have():
    found = sweep(
        learned("attention", (16, 6)),
        learned("delta-net, eigenvalues=signed", (16, 6)),
        learned("lstm", (16, 48, {"censored": True})),
    )
    assert headline(findings(found))[0] == (
        "Averages, N = 16: learned at width 6 by attention and delta-net (eigenvalues=signed); "
        "not learned within this budget by lstm, up to width 48."
    )


def test_the_largest_value_that_was_tried_is_at_least_and_a_first_width_is_called_the_smallest_tried():
    most = sweep(
        learned("attention", (32, 32, {"first": True}), field="K", largest=True),
        learned("min-gru", (32, 2, {"censored": True}), field="K", largest=True),
    )
    assert headline(findings(most))[0] == (
        "Averages, N = 32: the largest K learned is at least 32 by attention; "
        "not learned within this budget by min-gru, down to K 2."
    )
    first = sweep(learned("attention", (8, 16, {"first": True})), learned("lstm", (8, 1, {"first": True})))
    assert headline(findings(first))[0] == (
        "Averages, N = 8: learned at width 1 by lstm, 16, the smallest tried, by attention."
    )


def test_different_quantities_are_not_compared():
    found = sweep(learned("attention", (8, 9)), learned("delta-net", (8, 4), field="key width"))
    assert headline(findings(found))[:2] == [
        "Averages, N = 8: learned at width 9 by attention.",
        "Learned at key width 4 by delta-net.",
    ]


def test_a_headline_speaks_of_the_lines_that_differ_most_and_a_summary_of_all():
    lines = [
        sweep(learned("attention", (8, width)), learned("lstm", (8, 8)), title=title)
        for title, width in (("Equal", 8), ("Twice", 4), ("Far", 1), ("Eight", 64))
    ]
    said = [f"{one.title}, N = 8: learned at" for one in lines]
    assert [sentence[: len(said[2])] for sentence in headline(findings(*lines))[:2]] == [
        said[2],
        said[3][: len(said[2])],
    ]
    told = summary(findings(*lines))
    assert all(any(sentence.startswith(start) for sentence in told) for start in said)


def test_two_measures_are_named_and_more_are_called_the_tasks_own():
    names = ["error rate", "balanced error rate", "root-mean-square error"]
    lines = [
        sweep(learned("attention", (8, 4)), title=f"T{number}", mean_error_name=name, mean_tolerance=(0.1, 0.1))
        for number, name in enumerate(names)
    ]
    assert headline(findings(*lines[:2]))[-1] == (
        "Learned: an error rate of at most 0.1 on gaussian inputs or a balanced error rate of at most 0.1 on gaussian "
        "inputs, by 2 of 3 seeds, within 500 to 2,000 steps."
    )
    assert "a mean error within the task's tolerance, by 2 of 3 seeds" in " ".join(summary(findings(*lines)))


def test_laws_bounds_and_constructions_have_sentences_of_their_own():
    found = sweep(
        learned("attention", *((n, n) for n in (8, 16, 32, 64))),
        stated("attention", "bound", "impossible", "mean", (8, 2), (64, 20)),
        stated("lstm", "bound", "impossible", "mean", (64, 30)),
        stated("attention", "bound", "impossible", "worst", (64, 40)),
        stated("bare-attention", "sign", "constructed", "worst", (32, 12), (128, 20)),
    )
    told = summary(findings(found))
    assert "Averages: laws fitted to what was learned: attention N^1.00." in told
    assert "Averages, N = 64: bounds on the mean error exclude widths below 21 for attention." in told
    assert "Averages, N = 32: explicit weights of width 12 hold in the worst case (sign, bare-attention)." in told


def test_other_lengths_are_compared_at_the_longest_common_one_and_for_what_learned():
    lengths = (
        OtherLengths("attention", 16, "width", 8, True, {32: (0.0, 0.5, 1.0), 64: (0.5,)}),
        OtherLengths("lstm", 16, "width", 8, True, {32: (0.0,)}),
        OtherLengths("gru", 16, "width", 8, False, {32: (0.9,)}),
    )
    told = summary(findings(sweep(learned("attention", (16, 8)), lengths=lengths)))
    assert (
        "Averages, trained at N = 16 and tested at 32: root-mean-square error 0.5 by attention and 0 by lstm, "
        "the median over seeds."
    ) in told


def compared(reaches, unanswered=0):
    cells = [
        tuple(ComparedCell(None, Trained(3, 3, 0.0, None, {64: 0.25}, {}, reach), None, 0) for reach in row)
        for row in reaches
    ]
    rows = tuple(ComparedRow(f"task {number}", "solvable", row) for number, row in enumerate(cells))
    kinds = (ComparedKind("solvable", len(rows), (0.75, None)),)
    return Compared(
        "States",
        "uniform",
        "",
        16,
        64,
        0.01,
        (500, 800),
        ("lstm, width 8", "gru, width 8"),
        rows,
        kinds,
        0,
        0,
        (),
        unanswered,
    )


def test_networks_are_compared_by_how_many_tasks_they_hold_on():
    told = headline(findings(comparisons=(compared([(64, 16), (64, 64), (0, 0)]),)))
    assert told[0] == (
        "States, trained at length 16 within 500 to 800 steps: of 3 tasks those that 2 of 3 seeds learned up to "
        "length 64 are 2 by lstm (width 8), 1 by gru (width 8)."
    )
    assert headline(findings(comparisons=(compared([(64, 16)], unanswered=4),))) == ["States: 4 runs not finished."]
    told = summary(findings(comparisons=(compared([(64, 16)]),)))
    assert "solvable (1), share of right answers at length 64: lstm 0.750." in told


@pytest.mark.parametrize("say", [headline, summary])
def test_of_nothing_nothing_is_said(say):
    assert say(findings()) == []
    assert say(findings(sweep())) == []


def test_what_refutes_a_claim_comes_first():
    found = sweep(learned("attention", (8, 4)))
    assert headline(findings(found, contradictions=("this cannot be", "nor this")))[0] == "REFUTED: this cannot be."


def shown(found, seconds=None):
    return short_text(Reported(found, 7, "ledger", "out/study.html"), seconds).splitlines()


def test_the_terminal_has_at_most_twenty_lines_of_eighty_columns_and_always_ends_with_the_report():
    lines = [sweep(learned("attention", (8, 4)), learned("lstm", (8, 9)), title=f"Number {one}") for one in range(30)]
    failures = (Failure("a search for something " * 20, "because " * 40, refused=False),) * 3
    waiting = sweep(learned("attention", (8, 4)), title="Last", unfinished=(Unfinished("gru", 8, None),))
    told = shown(findings(*lines, waiting, failures=failures, contradictions=("no " * 300, "and no")), seconds=305)
    assert len(told) == 20
    assert all(len(one) <= 80 for one in told)
    assert told[0] == "A study"
    assert told[1] == "Number 0, N = 8: learned at width 4 by attention, 9 by lstm."
    assert any(one.startswith("REFUTED, 2 contradictions, the first: no no") for one in told)
    assert any(one.startswith("3 questions or searches failed, the first: a search") for one in told)
    assert told[-3:] == [
        "1 search not finished.",
        "report  out/study.html  (5 min 5 s, 7 new answers)",
        "tables  assay report study --tables",
    ]
    assert "There is more in the tables and in the report." in told


def test_what_fits_is_said_in_full_and_without_a_run_no_time():
    told = shown(findings(sweep(learned("attention", (8, 4)))))
    assert "There is more in the tables and in the report." not in told
    assert "No contradiction: nothing constructed or learned is smaller than a bound allows." in told
    assert told[-2] == "report  out/study.html"
    assert shown(findings())[1] == "Nothing is answered yet."

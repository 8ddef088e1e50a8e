"""Studies: the shipped files are whole, and ask what they should."""

import pytest

from assay import AssayError
from assay.bounds import BOUNDS
from assay.evidence import content_hash
from assay.learning.search import ladder
from assay.studies import shipped
from assay.studies.runner import study_evidence
from assay.studies.study import load_study


@pytest.mark.parametrize(
    ("name", "quick"), [(name, quick) for name in sorted(shipped()) for quick in (False, True)[: 2 - ("large" in name)]]
)
def test_shipped_studies_can_be_read(name, quick):
    study = load_study(name, quick=quick)
    stated, searches = study.stated(), study.searches()
    assert stated
    assert all(unit.ladder[unit.start] > 0 and len(unit.seeds) >= 3 for unit in searches)
    assert {question["bound"] for question in stated if question["kind"] == "bound"} == set(BOUNDS.names())
    assert len({content_hash(unit.question) for unit in searches}) == len(searches)


def test_the_shipped_study_asks_what_it_promises():
    study = load_study("sparse-averaging")
    lengths = {}
    for unit in study.searches():
        if unit.question["task"]["sparsity"] == 2:
            lengths.setdefault(unit.question["architecture"], set()).add(unit.question["task"]["length"])
    assert lengths["attention"] == lengths["feed-forward"] == {8, 16, 32, 64}
    assert lengths["lstm"] >= {8, 16, 32}
    assert max(question["task"]["length"] for question in study.stated()) == 4096


def test_a_study_without_a_quick_form_says_so():
    with pytest.raises(AssayError, match="has no quick form"):
        load_study("sparse-averaging-large", quick=True)


def test_quick_changes_only_what_it_names():
    full, quick = load_study("sparse-averaging"), load_study("sparse-averaging", quick=True)
    assert quick.name == "sparse-averaging-quick"
    assert quick.tables["task"] == full.tables["task"]
    assert quick.tables["learning"]["seeds"] == full.tables["learning"]["seeds"]
    assert quick.tables["learning"]["ratio"] != full.tables["learning"]["ratio"]
    assert {unit.question["architecture"] for unit in quick.searches()} == {
        unit.question["architecture"] for unit in full.searches()
    }


def test_an_empty_ledger_holds_no_evidence_of_a_study():
    assert study_evidence(load_study("sparse-averaging"), []) == []


def test_a_ladder_reaches_its_ends():
    for unit in load_study("sparse-averaging").searches():
        assert unit.ladder == ladder(unit.ladder[0], unit.ladder[-1], 1.15)

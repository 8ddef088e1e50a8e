"""`assay cite`: what Assay, a name and a folder of results rest on; and every citation has its paper."""

import json
import re
from pathlib import Path

import pytest

from assay import AssayError, __version__, cite
from assay.references import AUTHORS, FOUNDING, RELEASED, TITLE, citations_in, cited_in, papers
from assay.sessions.catalogue import REGISTRIES, catalogue
from assay.studies import shipped
from fresh import assay
from test_cli import complaint, printed

ROOT = Path(__file__).parent.parent
CFF = (ROOT / "CITATION.cff").read_text("utf-8")
FILES = [registry.path(name) for registry in REGISTRIES for name in registry.names() if registry.path(name)]
FILES += list(shipped().values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_citation_of_what_is_registered_has_an_entry(path):
    text = path.read_text("utf-8")
    found = cited_in(text)
    known = {label for paper in found for label in paper.labels} | {paper.fields.get("eprint") for paper in found}
    assert set(citations_in(text)) <= known, "src/assay/references.bib lacks it, or the docstring writes it another way"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_whoever_names_a_theorem_by_its_number_says_of_which_paper(path):
    text = path.read_text("utf-8")
    if re.search(r"\bTheorem \d", text):
        assert papers()[FOUNDING] in cited_in(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_label_that_several_papers_have_stands_with_a_number(path):
    found = cited_in(path.read_text("utf-8"))
    labels = [label for paper in found for label in paper.labels]
    assert len(set(labels)) == len(labels), f"{[paper.key for paper in found]}"


def test_entries_are_whole():
    assert list(papers()) == sorted(papers())
    assert (ROOT / "src/assay/references.bib").read_text("utf-8").count("\n@") == len(papers())
    for paper in papers().values():
        assert {"author", "title", "year"} <= set(paper.fields)
        assert paper.fields["year"] in paper.key
        assert paper.fields.keys() & {"eprint", "journal", "booktitle", "publisher"}
        assert all(value.count("{") == value.count("}") for value in paper.fields.values())


def test_citation_cff_says_the_same():
    assert f'title: "{TITLE}"' in CFF
    assert f'  - name: "{AUTHORS}"' in CFF
    assert f"version: {__version__}" in CFF
    assert f"date-released: {RELEASED}-" in CFF
    founding = papers()[FOUNDING].fields
    assert founding["title"].strip("{}") in CFF
    assert f"arXiv:{founding['eprint']}" in CFF
    assert [f"family-names: {surname}" in CFF for surname in papers()[FOUNDING].surnames] == [True] * 3


def test_assay_alone_is_cited_in_words_and_as_bibtex():
    done = assay("cite")
    assert done.returncode == 0
    assert f"(Version {__version__})" in done.stdout
    assert "Sanford, C., Hsu, D., & Telgarsky, M. (2023)." in done.stdout
    assert assay("cite", "--format", "bibtex").stdout.startswith("@software{assay,")
    assert "@" not in assay("cite", "--format", "apa").stdout


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("recall", {"arora2023zoology"}),
        ("gated-delta-net", {"yang2024gated"}),
        ("delta-net", {"grazzi2024unlocking", "schlag2021linear", "yang2024parallelizing"}),
        ("match3-warren", {"warren1968lower"}),
        ("recurrent-state", {FOUNDING}),
        ("bare-attention", {FOUNDING}),
        ("match-state", set()),  # its proof is Assay's own
    ],
)
def test_a_name_is_cited_by_the_papers_of_its_file(name, keys):
    assert set(printed("cite", name)["papers"]) == keys


def test_a_study_is_cited_by_the_papers_of_what_it_asks_about():
    assert {"sanford2023representational", "hochreiter1997long", "vaswani2017attention"} <= set(
        printed("cite", "sparse-averaging")["papers"]
    )
    assert "weller2025theoretical" in printed("cite", "retrieval")["papers"]


def test_everything_that_is_listed_can_be_cited():
    for name in {one for entries in catalogue().values() for one in entries}:
        assert cite(name).bibtex.startswith("@software{assay,"), name


def test_a_layer_of_a_users_own_is_cited_by_its_docstring(tmp_path):
    (tmp_path / "mine.py").write_text('class Mine:\n    """As in Gu and Dao 2023, but not."""\n', "utf-8")
    assert printed("cite", "mine.py:Mine", cwd=tmp_path)["papers"] == ["gu2023mamba"]


def test_results_are_cited_with_what_makes_them_again(tmp_path):
    study = Path(__file__).parent / "tiny.toml"
    assert assay("run", study, "--out", tmp_path / "out").returncode == 0
    found = printed("cite", "out", cwd=tmp_path)
    assert FOUNDING in found["papers"]
    assert re.search(rf"seeds 0.*assay {__version__}, .*torch \S+; \d+ answers", found["note"])
    assert f"note = {{{found['note']}}}" in found["bibtex"]
    assert json.dumps(found)


def test_python_cites_what_the_command_does(tmp_path):
    for name in ("", "recall"):
        told = printed("cite", *[name] * bool(name))
        assert {**cite(name).to_json(), "schema": told["schema"]} == json.loads(json.dumps(told))
    assert repr(cite()) == "<Citation Assay and the paper whose theorems it runs: Assay and 1 paper>"
    with pytest.raises(AssayError, match="did you mean 'recall'"):
        cite("recal")
    with pytest.raises(AssayError, match="does not exist"):
        cite(tmp_path)


def test_what_cannot_be_cited_is_one_line(tmp_path):
    assert "name 'recal' is not known; did you mean 'recall'" in complaint("cite", "recal")
    assert complaint("cite", tmp_path)

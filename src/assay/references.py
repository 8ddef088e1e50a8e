"""Papers: those that docstrings cite, in `references.bib`, and how they and Assay itself are cited.

A docstring names its papers where it speaks of them, as "Jelassi et al. 2024" or by an arXiv number, and nothing else
does: `cited_in` finds them in any text. So a layer of a user's own is cited as a shipped one is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assay import __version__

_FILE = Path(__file__).parent / "references.bib"
_ENTRY = re.compile(r"^@(\w+)\{(\w+),\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (\w+) = \{(.*)\},$", re.MULTILINE)
_NAME = r"[A-Z][\w\-]+"
_LABEL = re.compile(
    rf"\b{_NAME}(?: et al\.|(?:, {_NAME})* and {_NAME}|(?:, {_NAME})+)?,? \(?(?:[A-Z]\w+ )?(?:1[89]|20)\d\d\b(?!\.\d)"
)
_NUMBER = re.compile(r"\b\d{4}\.\d{4,5}\b")
TITLE = "Assay: what a sequence architecture can represent, and how large it must be"
AUTHORS = "The Assay authors"
RELEASED = 2026  # the year of this version, as in CITATION.cff
FOUNDING = "sanford2023representational"  # the paper whose theorems Assay runs


@dataclass(frozen=True)
class Paper:
    """One entry of the bibliography.

    Attributes:
        kind: of BibTeX: article, inproceedings, book, misc.
        key: of BibTeX.
        fields: of BibTeX, in order; authors as `Surname, First and Surname, First`.
    """

    kind: str
    key: str
    fields: dict[str, str]

    @property
    def surnames(self) -> list[str]:
        """Of its authors."""
        return [author.split(",")[0] for author in self.fields["author"].split(" and ")]

    @property
    def labels(self) -> set[str]:
        """As texts cite it, without commas.

        >>> sorted(papers()["yang2024gated"].labels)
        ['Yang Kautz Hatamizadeh 2024', 'Yang et al. 2024']
        """
        names, year = self.surnames, self.fields["year"]
        short = {f"{names[0]} et al. {year}"} if len(names) > 2 else set()
        return short | ({f"{' '.join(names)} {year}"} if len(names) <= 3 else set())

    def bibtex(self) -> str:
        """The entry as it stands in a .bib file."""
        return "\n".join([f"@{self.kind}{{{self.key},", *(f"  {k} = {{{v}}}," for k, v in self.fields.items()), "}"])

    def apa(self) -> str:
        """One line in the style of the APA.

        >>> papers()["warren1968lower"].apa()[:68]
        'Warren, H. E. (1968). Lower Bounds for Approximation by Nonlinear Ma'
        """
        of = {key: value.replace("--", "–") for key, value in self.fields.items()}
        place = of.get("journal") or of.get("booktitle") or of.get("publisher") or ""
        volume = ", " + of["volume"] + (f"({of['number']})" if "number" in of else "") if "volume" in of else ""
        pages = ", " + of["pages"] if "pages" in of else ""
        number = f"arXiv:{of['eprint']}" if "eprint" in of else ""
        people = f"{_apa_authors(of['author'])} ({of['year']})"
        says = [people, of["title"].strip("{}"), f"{place}{volume}{pages}", number]
        return " ".join(f"{part.rstrip('.')}{'' if part.endswith('?') else '.'}" for part in says if part)


def _apa_authors(authors: str) -> str:
    people = []
    for author in authors.split(" and "):
        surname, _, first = author.partition(", ")
        people.append(", ".join(filter(None, [surname, " ".join(f"{name[0]}." for name in first.split())])))
    return people[0] if len(people) == 1 else f"{', '.join(people[:-1])}, & {people[-1]}"


@cache
def papers() -> dict[str, Paper]:
    """All entries of `references.bib`, by key."""
    entries = _ENTRY.findall(_FILE.read_text("utf-8"))
    return {key: Paper(kind, key, dict(_FIELD.findall(body))) for kind, key, body in entries}


def assay_itself(note: str = "") -> Paper:
    """The entry for this version of Assay; `note` says which of its results are meant."""
    fields = {"author": f"{{{AUTHORS}}}", "title": f"{{{TITLE}}}", "year": str(RELEASED)}
    fields |= {"version": __version__, "license": "Apache-2.0"}
    return Paper("software", "assay", {**fields, **({"note": note} if note else {})})


def assay_apa() -> str:
    """One line on this version of Assay in the style of the APA."""
    return f"{AUTHORS} ({RELEASED}). {TITLE} (Version {__version__}) [Computer software]."


def citations_in(text: str) -> list[str]:
    """Whatever looks like a citation in a text: names with a year, without commas, and arXiv numbers.

    >>> citations_in("the rule of (Schlag et al. 2021; Gu and Dao, ICLR 2023), see arXiv 2406.06484")
    ['Schlag et al. 2021', 'Gu Dao 2023', '2406.06484']
    """
    plain = " ".join(text.split())
    labels = [re.sub(r"[,(]|\band |\b(?:NeurIPS|ICLR|ICML|ACL) ", "", label) for label in _LABEL.findall(plain)]
    return [*(" ".join(label.split()) for label in labels), *_NUMBER.findall(plain)]


def cited_in(text: str) -> list[Paper]:
    """The papers that a text cites, in the order of the bibliography.

    Where several papers have one label, such as "Yang et al. 2024", the arXiv number beside it says which is meant.

    >>> [paper.key for paper in cited_in("(Liu et al. 2023, arXiv 2210.10749; Cho et al. 2014)")]
    ['cho2014learning', 'liu2023transformers']
    """
    found = citations_in(text)
    by_number = [paper for paper in papers().values() if paper.fields.get("eprint") in found]
    said = {label for paper in by_number for label in paper.labels}
    by_label = [paper for paper in papers().values() if paper.labels & set(found) - said]
    return [paper for paper in papers().values() if paper in by_number or paper in by_label]

"""What `assay cite` does: how to cite Assay, what a name rests on, and the results in a folder."""

from __future__ import annotations

import inspect
import tomllib
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError, unknown
from assay.evidence import Evidence
from assay.models.bare_models import BARE_MODELS
from assay.references import FOUNDING, Paper, assay_apa, assay_itself, cited_in, papers
from assay.schema import Result
from assay.sessions.catalogue import REGISTRIES, catalogue
from assay.store.ledger import LEDGER, Ledger
from assay.store.source import entry_at, name_code
from assay.studies import shipped


@dataclass(frozen=True, repr=False)
class Citation(Result):
    """What to cite.

    Attributes:
        cites: what is cited: Assay, a name, or a folder.
        note: which of Assay's results are meant; empty for Assay as a whole.
        papers: keys of what else to cite, in the order of the bibliography.
        bibtex: entries for a .bib file.
        apa: the same in the style of the APA, a line for each.
    """

    cites: str
    note: str
    papers: tuple[str, ...]
    bibtex: str
    apa: str

    @property
    def line(self) -> str:
        """What is cited, and how many papers."""
        return f"{self.cites}: Assay and {len(self.papers)} paper{'s' * (len(self.papers) != 1)}"


def cite(name: str | Path = "") -> Citation:
    """How to cite Assay, or what a name or results rest on: the papers that docstrings name, as BibTeX and APA.

    Args:
        name: what `assay ls` lists, such as a task or a study, a class as `file.py:Class`, or a folder of results;
            Assay itself and the paper whose theorems it runs unless given.

    >>> found = cite("recall")
    >>> found
    <Citation recall: Assay and 1 paper>
    >>> print(found.apa.splitlines()[1][:60])
    Arora, S., Eyuboglu, S., Timalsina, A., Johnson, I., Poli, M

    Raises:
        AssayError: there is no such name, or nothing in the folder's ledger.
    """
    if not str(name):
        return _citation("Assay and the paper whose theorems it runs", "", [papers()[FOUNDING]])
    if Path(name).is_dir():
        return _of_results(Path(name))
    return _citation(str(name), "", _papers_of(str(name)))


def _citation(cites: str, note: str, found: list[Paper]) -> Citation:
    bibtex = "\n\n".join([assay_itself(note).bibtex(), *(paper.bibtex() for paper in found)])
    apa = "\n".join([assay_apa(), *(paper.apa() for paper in found)])
    return Citation(cites, note, tuple(paper.key for paper in found), bibtex, apa)


def _papers_of(name: str) -> list[Paper]:
    """What a registered thing, a study or a user's class cites; the file of a user's class is imported.

    Raises:
        AssayError: there is no such name.
    """
    if name in shipped():
        return _papers_of_study(shipped()[name])
    if ":" in name:
        where, _, attribute = name.rpartition(":")
        entry = entry_at(f"{name_code(where)}:{attribute}", object)
        file = inspect.getsourcefile(entry) if entry else None
        return cited_in(Path(file or where).read_text("utf-8"))
    if name in BARE_MODELS:
        return [papers()[FOUNDING]]
    texts = _texts({name})
    if not texts:
        raise unknown("name", name, {one for entries in catalogue().values() for one in entries})
    return cited_in("\n".join(texts))


def _texts(names: set[str]) -> list[str]:
    """The files of everything that Assay ships under these names; nothing is imported."""
    paths = [registry.path(name) for registry in REGISTRIES for name in sorted(names)]
    return [path.read_text("utf-8") for path in paths if path is not None]


def _papers_of_study(path: Path) -> list[Paper]:
    """What the file cites, and what all that it names does."""
    text = path.read_text("utf-8")
    named = _names_in(tomllib.loads(text))
    return cited_in("\n".join([text, *_texts(named)]))


def _names_in(value: object) -> set[str]:
    """All texts in a study's tables: among them the names of tasks, layers, constructions and protocols."""
    if isinstance(value, dict):
        return set().union(*map(_names_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(_names_in, value))
    return set(value.split("+")) if isinstance(value, str) else set()


def _of_results(folder: Path) -> Citation:
    """What the ledger of a folder has answers about.

    Raises:
        AssayError: there is no ledger, or nothing in it.
    """
    with Ledger(folder / LEDGER, create=False) as ledger:
        evidence = list(ledger)
    if not evidence:
        raise AssayError(f"the ledger of {folder} is empty, so that there is nothing to cite; 'assay run' fills it")
    named = {name for piece in evidence for name in _names_of(piece)}
    studies = [name for name in shipped() if any(folder.glob(f"{name}*.html"))]
    texts = _texts(named) + [shipped()[name].read_text("utf-8") for name in studies]
    return _citation(f"the results in {folder}", _note(folder, evidence), cited_in("\n".join(texts)))


def _names_of(piece: Evidence) -> set[str]:
    return {str(piece.task.get("name", "")), piece.source, *piece.architecture.split("+")}


def _note(folder: Path, evidence: list[Evidence]) -> str:
    """Which results, by which versions and seeds: what somebody needs who makes a figure again."""
    reports = sorted(page.stem for page in folder.glob("*.html"))
    seeds = sorted({piece.question["seed"] for piece in evidence if isinstance(piece.question.get("seed"), int)})
    versions = sorted({f"{name} {version}" for piece in evidence for name, version in piece.versions.items()})
    commands = [_command(name) for name in reports]
    parts = [
        ", ".join(commands),
        f"seeds {', '.join(map(str, seeds))}" if seeds else "",
        ", ".join(versions),
        f"{len(evidence)} answers",
    ]
    return "; ".join(filter(None, parts))


def _command(report: str) -> str:
    """The command that made the report of this name, where it is one of a shipped study."""
    study = report.removesuffix("-quick")
    return f"assay run {study}{' --quick' * (study != report)}" if study in shipped() else f"report {report}"

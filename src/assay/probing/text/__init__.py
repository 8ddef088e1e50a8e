"""The three texts that heads are probed on unless others are given: a novel, a manual and a program."""

from __future__ import annotations

from importlib.resources import files

TEXTS = ("novel", "manual", "program")


def shipped_texts() -> dict[str, str]:
    """The texts by name.

    The novel is chapters 1 to 3 of Jane Austen's *Northanger Abbey* (1817), in the public domain. Wording and
    punctuation are those of Project Gutenberg's edition, as it is packaged by janeaustenr 1.0.0 on CRAN; lines were
    joined to paragraphs, with an empty line between two, and no word was changed. The manual is Assay's page on study
    files, the program its module `assay.ledger`, both as they were once: these copies do not change with them.

    >>> {name: text.split()[:3] for name, text in shipped_texts().items()}
    {'novel': ['CHAPTER', '1', 'No'], 'manual': ['#', 'Study', 'files'], 'program': ['\"\"\"The', 'ledger:', 'every']}
    """
    return {name: files(__name__).joinpath(f"{name}.txt").read_text("utf-8") for name in TEXTS}

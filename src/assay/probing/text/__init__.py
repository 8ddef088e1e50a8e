"""The text that heads are probed on unless another is given."""

from __future__ import annotations

from importlib.resources import files


def default_text() -> str:
    """Chapters 1 to 3 of Jane Austen's *Northanger Abbey* (1817), in the public domain.

    Wording and punctuation are those of Project Gutenberg's edition, as it is packaged by janeaustenr 1.0.0 on CRAN.
    Lines were joined to paragraphs, with an empty line between two; no word was changed.

    >>> default_text().split("\\n\\n")[1][:63]
    'No one who had ever seen Catherine Morland in her infancy would'
    """
    return files(__name__).joinpath("northanger_abbey.txt").read_text("utf-8")

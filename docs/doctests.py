"""Doctests in docstrings as blocks of code: an extension of griffe, which reads the docstrings for the site."""

import re

from griffe import Extension, Object

_DOCTEST = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)


class Doctests(Extension):
    """Puts a fence around every run of lines that begins with a prompt."""

    def on_object(self, *, obj: Object, **_kwargs: object) -> None:
        """Called by griffe for each object that it has read."""
        if obj.docstring:
            obj.docstring.value = _DOCTEST.sub(r"\n```pycon\n\g<0>\n```", obj.docstring.value)

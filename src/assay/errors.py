"""Errors a user can act on: one line that names the parameter, the value given and what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from string import Formatter

_NEAR = 0.65  # share of letters in common from which a name is taken for a misspelt one
# What people call what is known by another name: for suggestions only.
_ALSO_CALLED = {
    **dict.fromkeys(("transformer", "softmax", "self-attention", "mha", "multi-head"), ("attention",)),
    **dict.fromkeys(("rnn", "recurrent-network"), ("lstm", "gru")),
    **dict.fromkeys(("mlp", "ffn", "feedforward", "dense"), ("feed-forward",)),
    **dict.fromkeys(("3-attention", "triple-attention", "higher-order"), ("third-order",)),
    "averaging": ("sparse-averaging",),
    "q-sparse-averaging": ("sparse-averaging",),
    "2sum": ("match2",),
    "3sum": ("match3",),
    "triangle": ("directed-triangle",),
}


class AssayError(ValueError):
    """A request that cannot be met as it stands; its message is one line. The command line exits with code 2 on it."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What is wrong: one line, unless several things are."""
        return (str(self),)

    def spelt(self, spell: Callable[[str], str]) -> tuple[str, ...]:
        """The lines, with the parameters that they name as `spell` writes them: where that is known, see below."""
        return self.lines


class ParameterError(AssayError):
    """Parameters that do not go together, or one that is needed: an argument in Python, an option in a command.

    Args:
        template: the line; a field with a name stands for the parameter of that name, others for `values` in order.
        values: what else the line shows.

    >>> error = ParameterError("{key_heads} needs {query_heads}: there are {} heads", 8)
    >>> str(error), error.spelt(lambda name: f"--{name.replace('_', '-')}")
    ('key_heads needs query_heads: there are 8 heads', ('--key-heads needs --query-heads: there are 8 heads',))
    """

    def __init__(self, template: str, *values: object) -> None:
        super().__init__(template, *values)
        self._template, self._values = template, values

    def __str__(self) -> str:
        return self._line(str)

    def spelt(self, spell: Callable[[str], str]) -> tuple[str, ...]:
        """One line, with each parameter as `spell` writes it."""
        return (self._line(spell),)

    def _line(self, spell: Callable[[str], str]) -> str:
        fields = {name for _, name, _, _ in Formatter().parse(self._template) if name}
        return self._template.format(*self._values, **{name: spell(name) for name in fields})


class AssayErrors(AssayError):
    """Several things that are wrong with one request: a line each."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = tuple(lines)
        super().__init__("\n".join(self._lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """One for each thing that is wrong."""
        return self._lines


class Refuted(AssayError):
    """A claim that was checked and does not hold; the message says why. The command line exits with code 1 on it."""


class DiskError(AssayError):
    """The disk is full or fails, so that a result could not be written. The command line exits with code 74 on it."""


class CertificateError(AssayError):
    """A network with a certificate met an input for which it could not establish its guarantee, and gave no answer."""


def unknown(kind: str, name: str, known: Iterable[str], also: Mapping[str, str] | None = None) -> AssayError:
    """The error for a name that nobody registered, with the nearest known ones; `also` has other words for some.

    >>> str(unknown("task", "sparse-average", ["sparse-averaging", "match2"]))
    "task 'sparse-average' is not known; did you mean 'sparse-averaging'? Known: match2, sparse-averaging"
    """
    names = sorted(set(known))
    return AssayError(
        f"{kind} {name!r} is not known{suggestion(name, names, also)} Known: {', '.join(names) or 'none'}"
    )


def suggestion(name: str, known: Iterable[str], also: Mapping[str, str] | None = None) -> str:
    """The end of a sentence that says that a name is not known: which may be meant, if any come near.

    >>> suggestion("rnn", ["lstm", "gru", "attention"]), suggestion("--N", ["--out", "--length"], {"N": "--length"})
    ("; did you mean 'lstm' or 'gru'?", "; did you mean '--length'?")
    """
    names, word = list(known), str(name).lstrip("-")  # what a file states may be anything
    if also is not None and word in also:
        near = [also[word]]
    else:
        near = [one for one in _ALSO_CALLED.get(word.lower(), ()) if one in names]
    if not near:
        bare = {one.lstrip("-"): one for one in names}
        near = [bare[one] for one in get_close_matches(word, bare, n=2, cutoff=_NEAR)]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else "."


def one_line(text: str) -> str:
    r"""A text on one line, with escapes for what cannot be printed: messages show what files and users give.

    >>> one_line("a\n b\x1b[2J\ud800")
    'a b\\x1b[2J\\ud800'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in " ".join(text.split()))


def require(condition: bool, parameter: str, value: object, allowed: str) -> None:
    """Raise the standard error unless `condition` holds.

    >>> require(False, "sparsity", 9, "an integer from 1 to length = 8")
    Traceback (most recent call last):
    assay.errors.AssayError: sparsity = 9 is not allowed; it must be an integer from 1 to length = 8
    """
    if not condition:
        raise AssayError(f"{parameter} = {one_line(str(value))} is not allowed; it must be {allowed}")


def require_integer(name: str, value: object, low: int, high: int | None, high_name: str = "") -> None:
    """Raise the standard error unless `value` is an integer from `low` to `high` (None: any that is larger).

    >>> require_integer("sparsity", 9, 1, 8, "length")
    Traceback (most recent call last):
    assay.errors.AssayError: sparsity = 9 is not allowed; it must be an integer from 1 to length = 8
    """
    top = f"to {f'{high_name} = ' if high_name else ''}{high}" if high is not None else "up"
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= low and (high is None or value <= high)
    require(fits, name, value, f"an integer from {low} {top}")

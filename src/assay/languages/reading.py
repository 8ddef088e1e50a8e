"""A language as users give it: a regular expression, or a JSON file with an automaton."""

from __future__ import annotations

from pathlib import Path

from assay.errors import AssayError, ParameterError, one_line, require, unknown
from assay.languages.automaton import Automaton, make_automaton
from assay.store.files import parse_json, read_text

_MOST_BYTES = 1 << 20
_KEYS = ("letters", "transitions", "start", "accepting")


def read_language(given: str, alphabet: str | None = None) -> Automaton:
    """The minimal automaton of an expression, or of the file if the word ends in `.json`.

    Raises:
        AssayError: see `automaton_of` and `automaton_from_json`.
    """
    if not given.endswith(".json"):
        from assay.languages.expression import automaton_of

        return automaton_of(given, alphabet)
    if alphabet is not None:
        raise ParameterError("{alphabet} is for expressions; an automaton has its own letters")
    return automaton_from_json(read_text(Path(given), _MOST_BYTES), one_line(given))


def automaton_from_json(text: str, name: str = "the automaton") -> Automaton:
    """The minimal automaton of the language of a deterministic one.

    The text is one object with four keys:

    - `letters`: a list of different characters;
    - `transitions`: for each state a list with the next state for each letter; states are numbers from 0;
    - `start`: the state before the first letter; `accepting`: a list of the states that accept.

    >>> text = '{"letters": ["a"], "transitions": [[1], [0]], "start": 0, "accepting": [0]}'
    >>> automaton_from_json(text).accepts("aa")
    True

    Raises:
        AssayError: it is no such object; the message begins with `name`.
    """
    content = parse_json(text, name)
    if not isinstance(content, dict):
        raise AssayError(f"{name} is no automaton: it must be an object with {', '.join(_KEYS)}")
    for key in content:
        if key not in _KEYS:
            raise unknown(f"{name}: key", key, _KEYS)
    for key in _KEYS:
        if key not in content:
            raise AssayError(f"{name} is no automaton: it lacks {key}; it must have {', '.join(_KEYS)}")
    letters, rows, start, accepting = (content[key] for key in _KEYS)
    letters = list(letters) if isinstance(letters, str) else letters
    characters = isinstance(letters, list) and all(isinstance(one, str) and len(one) == 1 for one in letters)
    try:
        require(characters, "letters", str(letters)[:80], "a list of single characters")
        lists = isinstance(rows, list) and all(isinstance(row, list) for row in rows)
        require(lists, "transitions", str(rows)[:80], "a list of states, each a list of next states")
        require(isinstance(accepting, list), "accepting", str(accepting)[:80], "a list of states")
        return make_automaton("".join(letters), rows, start, accepting)
    except AssayError as error:
        raise AssayError(f"{name}: {error}") from None

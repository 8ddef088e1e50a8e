"""The command `assay size`: its questions, what it prints, and what it refuses in one line."""

import json
import shlex

import pytest

from assay.schema import SCHEMA
from assay.sizing.answer import Sized, Statement
from assay.sizing.averaging_heads import size_head
from assay.sizing.head import Layout
from assay.sizing.stored_pairs import size_pairs
from assay.sizing.text import sized_text
from fresh import assay
from test_cli import complaint, printed


def plain(sized):
    return json.loads(json.dumps(sized.to_json(), allow_nan=False))


@pytest.mark.parametrize(
    ("options", "sized"),
    [
        (("--head-width", 16, "--keys", 64, "--average", 3, "--bits", 8), lambda: size_head(16, 64, 3, bits=8)),
        (("--head-width", 16, "--keys", 64), lambda: size_head(16, 64)),
        (("--head-width", 32, "--average", 3, "--cache", "q4_0"), lambda: size_head(32, average=3, cache="q4_0")),
        (("--keys", 64, "--average", 3, "--norm", "1,2.5"), lambda: size_head(keys=64, average=3, norms=(1.0, 2.5))),
        (
            ("--head-width", 16, "--keys", 64, "--query-heads", 8, "--key-heads", 2, "--rotary", 0.5),
            lambda: size_head(16, 64, layout=Layout(8, 2, 0.5)),
        ),
        (("--pairs", 16, "--values", 32), lambda: size_pairs(16, 32)),
        (
            ("--pairs", 16, "--values", 32, "--state", 10, "--bits", 16, "--error", 0.1),
            lambda: size_pairs(16, 32, state_bits=160, error=0.1),
        ),
        (("--pairs", 16, "--values", 32, "--state", 10), lambda: size_pairs(16, 32, state_bits=320)),
        (
            ("--values", 32, "--state-bits", 160, "--keys-of", 64),
            lambda: size_pairs(values=32, state_bits=160, keys_of=64),
        ),
    ],
)
def test_the_command_says_what_the_functions_say(options, sized):
    assert printed("size", *options) == {"schema": SCHEMA, **plain(sized())}
    lines = assay("size", *options).stdout.splitlines()
    assert lines[0] == sized().answer
    assert any(line.startswith(sized().statements[0].name) for line in lines)


ONE_LINE = [
    ((), "size needs what one question is asked by"),
    (("--bits", 3), "size needs what one question is asked by"),
    (("--keys", 3, "--pairs", 3), "--keys (heads) and --pairs (recall) belong to different questions"),
    (("--documents", 3, "--values", 3), "--values (recall) and --documents (retrieval) belong to different questions"),
    (("--head-width", 3), "two or three of --head-width, --keys, --average"),
    (("--head-width", 4, "--keys", 8, "--average", 9), "average = 9"),
    (("--head-width", 4, "--keys", 8, "--bits", 8, "--cache", "fp16"), "--bits and --cache"),
    (("--head-width", 4, "--keys", 8, "--key-heads", 2), "go together"),
    (("--head-width", 4, "--keys", 8, "--norm", "1,x"), "--norm = x"),
    (("--head-width", 4, "--keys", 8, "--norm", "nan"), "norm = nan"),
    (("--head-width", 4, "--keys", 8, "--cache", "q4"), "did you mean 'q4_0'"),
    (("--pairs", 4), "--values and --pairs"),
    (("--values", 4), "--values and --pairs"),
    (("--pairs", 4, "--values", 4, "--state", 3, "--state-bits", 3), "--state and --state-bits"),
    (("--pairs", 4, "--values", 4, "--bits", 3), "--bits needs --state"),
    (("--pairs", 4, "--values", 4, "--error", "nan"), "error = nan"),
    (("--pairs", 4, "--values", 4, "--state", 0), "state = 0"),
    (("--documents", 4), "--top and --documents"),
]


@pytest.mark.parametrize(("options", "says"), ONE_LINE)
def test_wrong_questions_get_one_line(options, says):
    assert says in complaint("size", *options)


def test_documents_are_sized():
    found = printed("size", "--documents", 1000, "--top", 2, "--bits", 16)
    assert found["answer"]
    assert found["statements"]


def test_the_answer_comes_first_then_the_change_then_warnings_then_why():
    statements = (Statement("necessary", "2 bits", 2, "a theorem"), Statement("enough", "word " * 60, 3, "a theorem"))
    text = sized_text(Sized({}, "No.", False, statements, "3 bits instead of 2", ("near the limit",))).splitlines()
    assert text[:3] == ["No.", "Smallest change: 3 bits instead of 2.", "Mind: near the limit."]
    assert text[3:5] == ["", "necessary  2 bits"]
    assert text.count("           (a theorem)") == 1  # not repeated
    assert max(map(len, text)) <= 118


def test_the_page_on_sizes_shows_what_is_printed():
    from pathlib import Path

    page = (Path(__file__).parent.parent / "docs" / "size.md").read_text("utf-8").splitlines()
    commands = [(line, page[place + 1 :]) for place, line in enumerate(page) if line.startswith("    $ assay size ")]
    assert len(commands) >= 8
    for command, after in commands:
        assert after[0].strip() == assay(*shlex.split(command)[2:]).stdout.splitlines()[0], command


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--group", "S5"), "words are sized by --length and either --group or --language"),
        (("--length", 5), "words are sized by --length and either --group or --language"),
        (("--group", "S5", "--language", "a", "--length", 5), "words are sized by --length and either"),
        (("--group", "S5", "--length", 5, "--bits", 8), "--bits is not allowed with words"),
        (("--group", "X9", "--length", 5), "group = X9 is not allowed"),
        (("--group", "S5", "--length", 0), "length = 0 is not allowed"),
        (("--group", "S6", "--length", 9), "S6 has 720 elements; no weights for so many are written down"),
        (("--language", "(ab", "--length", 5), "is no regular expression"),
        (("--group", "S5", "--length", 5, "--top", 2), "belong to different questions"),
    ],
)
def test_words_that_cannot_be_sized_are_refused_in_one_line(given, said, tmp_path):
    done = assay("size", *given, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_words_take_as_many_bits_as_there_are_products_or_states():
    """By enumeration: products of all words of three letters, and states of all words of at most N letters."""
    from itertools import product

    from assay.groups import named_group
    from assay.languages.reading import read_language
    from assay.sizing.tracking import size_group, size_language

    for name in ("Z1", "Z2", "S3", "Q8", "A4"):
        table = named_group(name).table
        reached = {int(table[table[a, b], c]) for a, b, c in product(range(len(table)), repeat=3)}
        assert (
            2 ** size_group(name, 3).amount("necessary")
            >= len(reached)
            > 2 ** size_group(name, 3).amount("necessary") / 2
        )
    for expression, length in (("(ab)*", 1), ("(ab)*", 5), ("a*b*c*", 2), ("(a|b)*abb", 4), ("aaaa", 2)):
        automaton = read_language(expression, None)
        states = {0}
        for count in range(1, length + 1):
            for word in product(range(len(automaton.letters)), repeat=count):
                state = 0
                for letter in word:
                    state = automaton.table[state, letter]
                states.add(int(state))
        assert 2 ** size_language(expression, length).amount("necessary") >= len(states)
        assert 2 ** (size_language(expression, length).amount("necessary") - 1) < len(states)


def test_weights_that_do_not_reach_the_length_are_not_the_answer():
    from assay.sizing.tracking import size_group

    short, long = size_group("A5", 1000), size_group("A5", 10**6)
    assert short.amount("weights") == 3 < long.amount("weights") == 5
    assert long.amount("too short") == 3
    assert "3 numbers of state" in short.answer
    assert "5 numbers of state" in long.answer

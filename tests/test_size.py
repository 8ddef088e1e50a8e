"""The command `assay size`: its questions, what it prints, and what it refuses in one line."""

import json

import pytest

from assay.sizing.answer import Sized, Statement
from assay.sizing.head import Layout
from assay.sizing.heads import size_head
from assay.sizing.pairs import size_pairs
from assay.sizing.text import sized_text
from fresh import assay
from test_cli import complaint, printed


def plain(sized):
    return json.loads(json.dumps(sized.to_json(), allow_nan=False))


@pytest.mark.parametrize(("options", "sized"), [
    (("--head-width", 16, "--keys", 64, "--average", 3, "--bits", 8), lambda: size_head(16, 64, 3, bits=8)),
    (("--head-width", 16, "--keys", 64), lambda: size_head(16, 64)),
    (("--head-width", 32, "--average", 3, "--cache", "q4_0"), lambda: size_head(32, average=3, cache="q4_0")),
    (("--keys", 64, "--average", 3, "--norm", "1,2.5"), lambda: size_head(keys=64, average=3, norms=(1.0, 2.5))),
    (("--head-width", 16, "--keys", 64, "--query-heads", 8, "--key-heads", 2, "--rotary", 0.5),
     lambda: size_head(16, 64, layout=Layout(8, 2, 0.5))),
    (("--pairs", 16, "--values", 32), lambda: size_pairs(16, 32)),
    (("--pairs", 16, "--values", 32, "--state", 10, "--bits", 16, "--error", 0.1),
     lambda: size_pairs(16, 32, state_bits=160, error=0.1)),
    (("--pairs", 16, "--values", 32, "--state", 10), lambda: size_pairs(16, 32, state_bits=320)),
    (("--values", 32, "--state-bits", 160, "--keys-of", 64), lambda: size_pairs(values=32, state_bits=160, keys_of=64)),
])  # fmt: skip
def test_the_command_says_what_the_functions_say(options, sized):
    assert printed("size", *options) == plain(sized())
    lines = assay("size", *options).stdout.splitlines()
    assert lines[0] == sized().answer
    assert any(line.startswith(sized().statements[0].name) for line in lines)


ONE_LINE = [
    ((), "size needs options of one question"),
    (("--bits", 3), "size needs options of one question"),
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
        assert after[0].strip() == assay(*command.split()[2:]).stdout.splitlines()[0], command

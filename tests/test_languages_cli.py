"""The command `assay language`: what it prints, and what it refuses in one line."""

import json
import re
from pathlib import Path

import pytest

from assay.languages.answer import DECISIONS, answer_language
from assay.languages.expression import automaton_of
from assay.schema import SCHEMA
from fresh import assay
from test_cli import complaint, printed

EVEN = {"letters": ["a", "b"], "transitions": [[1, 0], [0, 1]], "start": 0, "accepting": [0]}


@pytest.mark.parametrize("given", [("(ab)*|c+",), ("(aa)*",), ("a*", "--alphabet", "ab"), ("()", "--alphabet", "a")])
def test_the_command_says_what_the_functions_say(given):
    answer = answer_language(given[0], automaton_of(given[0], given[-1] if len(given) > 1 else None))
    found = printed("language", *given)
    assert found == {"schema": SCHEMA, **json.loads(json.dumps(answer.to_json()))}
    assert all(found[name] in (True, False) and found["why"][name] for name in DECISIONS)
    lines = assay("language", *given).stdout.splitlines()
    assert lines[0] == answer.answer
    assert max(map(len, lines[1:])) <= 118


def test_an_automaton_in_a_file_is_read_and_made_minimal(tmp_path):
    file = tmp_path / "dfa.json"
    larger = {**EVEN, "transitions": [[1, 2], [2, 1], [1, 0]], "accepting": [0, 2]}
    for content in (EVEN, larger):
        file.write_text(json.dumps(content), "utf-8")
        found = printed("language", "dfa.json", cwd=tmp_path)
        assert (found["states"], found["monoid"], found["star_free"], found["solvable"]) == (2, 2, False, True)
        assert found["groups"] == [{"order": 2, "abelian": True, "solvable": True, "states": [0, 1], "words": ["a"]}]
        assert found["automaton"] == EVEN
    file.write_text(json.dumps(found["automaton"]), "utf-8")
    assert printed("language", "dfa.json", cwd=tmp_path) == found


ONE_LINE = [
    (("(ab",), "(ab is no regular expression"),
    (("a|b)",), "beyond character 4, ')'"),
    (("()",), "names no letter"),
    (("a", "--alphabet", ""), "letters = '' is not allowed"),
    (("abc", "--alphabet", "ab"), "letter 'c' of abc is not in the alphabet ab"),
    (("a{1000000}",), "1000000 letters"),
    (("(a|b)*a(a|b){20}",), "more than 1024 states"),
    (("nothing.json",), "nothing.json cannot be read"),
    (("even.json", "--alphabet", "ab"), "--alphabet is for expressions"),
]


@pytest.mark.parametrize(("given", "says"), ONE_LINE)
def test_wrong_expressions_get_one_line(given, says, tmp_path):
    assert says in complaint("language", *given, cwd=tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no JSON text"),
        ("[1]", "it must be an object with letters, transitions, start, accepting"),
        (json.dumps({**EVEN, "accept": []}), "key 'accept' is not known; did you mean 'accepting'?"),
        (json.dumps({k: v for k, v in EVEN.items() if k != "start"}), "lacks start"),
        (json.dumps({**EVEN, "letters": ["ab", "c"]}), "letters ="),
        (json.dumps({**EVEN, "letters": []}), "letters = ''"),
        (json.dumps({**EVEN, "letters": ["a", "a"]}), "letters = 'aa'"),
        (json.dumps({**EVEN, "transitions": [[0], [1]]}), "state 0 has 1 transitions"),
        (json.dumps({**EVEN, "transitions": [[0, 2], [1, 0]]}), "transition of state 0 on b = 2"),
        (json.dumps({**EVEN, "transitions": [[0, "1"], [1, 0]]}), "transition of state 0 on b = 1 is not allowed"),
        (json.dumps({**EVEN, "transitions": {"0": [0, 1]}}), "transitions ="),
        (json.dumps({**EVEN, "start": None}), "start = None"),
        (json.dumps({**EVEN, "accepting": 0}), "accepting = 0"),
        (json.dumps({**EVEN, "accepting": [True]}), "accepting state = True"),
        (json.dumps({"letters": ["a"], "transitions": [[0]] * 5000, "start": 0, "accepting": []}), "states = 5000"),
        (json.dumps({"letters": ["a"], "transitions": [[0]] * 10**6, "start": 0, "accepting": []}), "bytes; at most"),
    ],
)
def test_what_is_no_automaton_gets_one_line(content, says, tmp_path):
    (tmp_path / "dfa.json").write_text(content, "utf-8")
    line = complaint("language", "dfa.json", cwd=tmp_path)
    assert "dfa.json" in line
    assert says in line


def test_the_page_on_languages_shows_what_is_printed():
    page = (Path(__file__).parent.parent / "docs" / "languages.md").read_text("utf-8").splitlines()
    shown = [(line, page[place + 1]) for place, line in enumerate(page) if line.startswith("    $ assay language ")]
    assert len(shown) >= 6
    for command, line in shown:
        words = command.split()[3:]
        assert line.strip() == assay("language", *(word.strip("'") for word in words)).stdout.splitlines()[0]


def test_the_python_of_the_page_on_languages_runs(capsys):
    page = (Path(__file__).parent.parent / "docs" / "languages.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(code, "languages.md", "exec"), {})
    printed_lines = [eval(line.replace(" ", ",", 2)) for line in capsys.readouterr().out.splitlines()]
    assert [
        answers if not isinstance(answers[0], list) else [one[-1] for one in answers] for _, _, answers in printed_lines
    ] == [[1.0, 0.0]] * 3

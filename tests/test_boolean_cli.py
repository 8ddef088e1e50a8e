"""`assay boolean` as it is used, its page, and what it says."""

import hashlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assay.booleans.answer import answer_boolean
from assay.booleans.facts import CONDITIONS
from assay.booleans.function import BooleanFunction
from assay.booleans.named import NAMES, named_function
from assay.booleans.reading import function_from
from assay.booleans.text import boolean_text, headline
from assay.errors import AssayError
from assay.evidence import PROVED, PUBLISHED, canonical
from assay.studies.study_file import load_study
from boolean_twins import inputs_of, random_function
from fresh import assay
from test_cli import complaint, printed

PAGE = (Path(__file__).parent.parent / "docs" / "boolean.md").read_text("utf-8")
KEYS = {
    "threshold_degree",
    "threshold_degree_at_least",
    "threshold_degree_at_most",
    "heads_lower_bound",
    "heads_constructed",
    "margin",
    "margin_bits",
    "layer",
    "heads_if_asker_has_a_bit",
    "hard_heads_lower_bound",
    "least_error",
    "average_sensitivity",
    "symmetric",
    "monotone",
    "unate",
    "threshold_function",
    "decision_list",
    "depends_on",
    "cuts",
    "readouts",
    "sigmoid_attention_excluded",
    "conditions",
    "left_out",
    "claims",
    "answer",
    "certificate",
}
# name, inputs: degree, heads, heads with a bit in the query, hard heads
KNOWN = {
    ("parity", 8): (8, 8, 7, 8),
    ("majority", 9): (1, 1, 1, 5),
    ("exactly-3", 8): (2, 2, 2, 4),
    ("mod-3", 8): (5, 5, 5, 7),
    ("multiplexer", 6): (3, 3, 2, 3),
    ("parity", 1): (1, 1, 0, 1),
    ("mod-1", 3): (0, 0, 0, 0),
    ("half", 20_000): (2, 2, 2, 10_001),
}


@pytest.mark.parametrize(("name", "inputs"), KNOWN)
def test_the_answer_as_json(name, inputs):
    found = printed("boolean", name, "--inputs", inputs)
    assert found.keys() >= KEYS
    keys = ("threshold_degree", "heads_lower_bound", "heads_if_asker_has_a_bit", "hard_heads_lower_bound")
    assert tuple(found[key] for key in keys) == KNOWN[name, inputs]
    assert found["heads_constructed"] == found["heads_lower_bound"]
    assert found["conditions"] == list(CONDITIONS)
    degree = found["threshold_degree"]
    for one in found["readouts"]:  # r H and 2 r H are at least the degree, and no smaller H has that
        for heads, factor in ((one["heads_polynomial"], 1), (one["heads_rational"], 2)):
            assert heads * factor * one["degree"] >= degree
            assert degree == 0 or (heads - 1) * factor * one["degree"] < degree
    assert found["sigmoid_attention_excluded"] == (degree > 1)
    for claim in found["claims"]:
        assert claim["status"] in (PROVED, PUBLISHED)
        assert all(claim[key] for key in ("safe_to_say", "not_to_be_said", "justification"))


def test_least_errors_are_printed_for_heads_that_are_asked_for():
    assert printed("boolean", "parity", "--inputs", 16)["least_error"] is None
    for heads, error in ((1, 0.402), (4, 0.151), (8, 0.018), (16, 0.0)):
        found = printed("boolean", "parity", "--inputs", 16, "--heads", heads)["least_error"]
        assert round(found["error"], 3) == error
        assert found["wrong_inputs"] == found["error"] * 2**16


def test_a_table_and_a_function_of_a_user_are_the_same(tmp_path):
    (tmp_path / "my.py").write_text("def f(x):\n    print('asked')\n    return x[0] ^ (x[1] & x[2])\n", "utf-8")
    digits = "".join(str(x[0] ^ (x[1] & x[2])) for x in inputs_of(3))
    found = [printed("boolean", "my.py:f", "--inputs", 3, cwd=tmp_path), printed("boolean", "--table", digits)]
    assert found[0].pop("function") == "my.py:f"
    assert found[1].pop("function") == f"table {digits}"
    for one in found:
        one.pop("answer")
    assert found[0] == found[1]
    assert found[0]["threshold_degree"] == 2


@pytest.mark.parametrize("name", ["parity", "majority", "multiplexer", "mod-3", "and"])
def test_the_text_begins_with_the_answer_and_says_what_is_not_to_be_said(name):
    found = answer_boolean(named_function(name, 6), heads=1)
    text = boolean_text(found)
    joined = " ".join(text.split())
    assert joined.startswith(headline(found))
    assert all(len(line) <= 118 for line in text.splitlines())
    for claim in found.claims:
        for said in (claim.safe_to_say, claim.not_to_be_said, claim.justification):
            assert " ".join(said.split()) in joined
    for condition in CONDITIONS:
        assert condition in joined
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["answer"] == headline(found)


def test_the_bound_on_heads_is_never_said_without_exact_arithmetic_and_rounding():
    found = answer_boolean(named_function("parity", 7))
    (claim,) = [one for one in found.claims if one.name == "heads, at least"]
    assert "float32" in claim.not_to_be_said
    assert "in exact arithmetic" in headline(found)
    assert "exact real arithmetic" in " ".join(CONDITIONS)


def test_what_is_left_open_is_said(monkeypatch):
    monkeypatch.setattr("assay.booleans.degree.LARGEST_WORK", 128 * 29**2)
    found = answer_boolean(random_function(1, 7))
    assert found.degree.degree is None
    assert f"threshold degree from {found.degree.at_least} to {found.degree.at_most}" in headline(found)
    assert "needs at least 3 heads" in headline(found)
    assert found.to_json()["threshold_degree"] is None
    assert found.to_json()["threshold_function"] is False
    assert "it was not decided" in found.left_out[0]


def test_a_certificate_is_written_and_verified(tmp_path):
    done = printed("boolean", "multiplexer", "--inputs", 6, "--certificate", "d.json", cwd=tmp_path)
    assert done["certificate"] == "d.json"
    found = printed("verify", "d.json", cwd=tmp_path)
    assert (found["holds"], found["at_least"], found["at_most"]) == (True, 3, 3)
    data = json.loads((tmp_path / "d.json").read_text("utf-8"))
    (tmp_path / "d.json").write_text(json.dumps({**data, "values": data["values"][::-1]}), "utf-8")
    assert printed("verify", "d.json", cwd=tmp_path, code=1)["reason"].endswith("it was altered")


WRONG = {
    "parity": "--inputs is needed: how many bits parity has",
    "": "either a function's name or --table is needed, and not both",
    "parity --inputs 3 --table 01": "either a function's name or --table is needed, and not both",
    "parityy --inputs 3": "function 'parityy' is not known; did you mean 'parity'",
    "parity --inputs 0": "inputs = 0 is not allowed; it must be an integer from 1 to 100000",
    "parity --inputs 100001": "inputs = 100001 is not allowed; it must be an integer from 1 to 100000",
    "half --inputs 7": "inputs = 7 is not allowed; it must be an even number",
    "exactly-9 --inputs 8": "K of exactly-K = 9 is not allowed; it must be an integer from 0 to inputs = 8",
    "mod-0 --inputs 8": "M of mod-M = 0 is not allowed; it must be an integer from 1 to inputs + 1 = 9",
    "multiplexer --inputs 7": "k address bits and 2^k data bits make 3 (1 + 2), 6 (2 + 4), 11 (3 + 8)",
    "--table 011": "number of digits of table = 3 is not allowed; it must be 2^n digits for n from 1 to 16",
    "--table 012x": "--table has '2'; it must consist of digits 0 and 1",
    "--table 0110 --inputs 3": "inputs = 3 is not allowed; it must be 2, since the table has 2^2 digits",
    "my.py --inputs 3": "my.py names no function; write my.py:function",
    "my.py:g --inputs 3": "my.py has no function 'g'",
    "my.py:three --inputs 1": "my.py:three at (0) = 3 is not allowed; it must be 0, 1, False or True",
    "my.py:fails --inputs 2": "my.py:fails fails at (0, 0): ZeroDivisionError",
    "my.py:Kind --inputs 2": "function = my.py:Kind is not allowed",
    "my.py:three --inputs 17": "inputs = 17 is not allowed; it must be an integer from 1 to 16",
    "none.py:f --inputs 2": "there is no file",
    "parity --inputs 1000 --certificate d.json": "above 256 the degree rests on the theorem",
    "parity --inputs 8 --certificate gone/d.json": "gone/d.json cannot be written",
    "parity --inputs 8 --heads -1": "heads = -1 is not allowed; it must be an integer from 0 up",
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_input_is_refused_in_one_line(words, tmp_path):
    own = "def three(x):\n    return 3\ndef fails(x):\n    return 1 / 0\nclass Kind:\n    pass\n"
    (tmp_path / "my.py").write_text(own, "utf-8")
    assert WRONG[words] in complaint("boolean", *shlex.split(words), cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".json") == []


def test_names_are_what_they_say():
    for x in inputs_of(6):
        ones = sum(x)
        place = sum(bit << j for j, bit in enumerate(x))
        expected = {
            "parity": ones % 2 == 1,
            "majority": ones > 3,
            "and": ones == 6,
            "or": ones > 0,
            "half": ones == 3,
            "exactly-2": ones == 2,
            "at-least-4": ones >= 4,
            "mod-4": ones in (0, 4),
            "multiplexer": x[2 + x[0] + 2 * x[1]] == 1,
        }
        assert len(expected) == len(NAMES)
        for name, value in expected.items():
            assert named_function(name, 6).table[place] == value


def test_what_a_user_function_gives_may_be_of_any_kind_of_number():
    assert function_from(None, None, "01 10").table.tolist() == [False, True, True, False]
    with pytest.raises(AssayError, match="is not known"):
        function_from("exactly-", 3, None)


def test_nothing_heavy_is_imported():
    script = "import sys; from assay.booleans.answer import answer_boolean; from assay.booleans.named import *\n"
    script += (
        "answer_boolean(named_function('multiplexer', 6), 1)\n"
        "assert not {'torch', 'matplotlib', 'sympy', 'sklearn'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_progress_is_told_of_what_takes_long(monkeypatch):
    monkeypatch.setattr("assay.booleans.degree._TOLD", 0)
    told = []
    answer_boolean(function_from(None, None, "0100110101110010"), tell=told.append)
    assert told[:2] == ["degree 0: 16 points, 1 monomial", "degree 1: 16 points, 5 monomials"]


def test_help_names_the_command():
    assert "boolean" in assay("--help").stdout
    assert "multiplexer" in assay("boolean", "--help").stdout


def test_examples_of_the_page_are_what_the_command_prints():
    examples = re.findall(r"^    \$ assay boolean (.+)\n    (.+)$", PAGE, re.MULTILINE)
    assert len(examples) >= 4
    for words, answer in examples:
        assert printed("boolean", *shlex.split(words))["answer"] == answer


def test_the_table_of_the_page_is_what_is_computed():
    names, _, counts = [
        [cell.strip() for cell in line.split("|")[2:-1]] for line in PAGE.splitlines() if line.startswith("|")
    ]
    for name, count in zip(names, counts, strict=True):
        found = answer_boolean(named_function(name, 8))
        assert found.heads_lower_bound == found.constructed.heads == int(count)


def test_a_float_layer_of_the_answer_is_right():
    """The weights as anyone would copy them: softmax of logarithms, values, in float64; margins allow for it here."""
    found = printed("boolean", "multiplexer", "--inputs", 6)
    for x in inputs_of(6):
        total = float(found["layer"]["constant"])
        for head in found["layer"]["heads"]:
            weights = np.array([pair[bit] for pair, bit in zip(head["weights"], x, strict=True)] + [head["sink"]])
            values = [a * bit / pair[1] for a, pair, bit in zip(head["numerator"][1:], head["weights"], x, strict=True)]
            scores = np.exp(np.log(weights) - np.log(weights).max())
            total += float(scores @ np.array([*values, head["numerator"][0] / head["sink"]]) / scores.sum())
        assert (total > 0) == bool(x[2 + x[0] + 2 * x[1]])


@pytest.mark.parametrize(("bits", "heads"), [(bits, heads) for bits in range(6, 17, 2) for heads in (1, 2, bits // 2)])
def test_what_is_said_of_least_errors_is_never_more_than_is_proved(bits, heads):
    found = answer_boolean(named_function("parity", bits), heads)
    (said,) = re.findall(r"wrong on at least ([0-9.]+) % of uniform", headline(found).replace("\n", " "))
    assert found.least is not None
    assert 0.99 * float(found.least.error) <= float(said) / 100 <= float(found.least.error)


def test_a_threshold_function_of_many_bits_takes_one_head():
    weights = [1, 2, 3, 5, 7, 11, 13, 17, 19]
    table = [sum(w for j, w in enumerate(weights) if x >> j & 1) > 38 for x in range(1 << 9)]
    found = answer_boolean(BooleanFunction.of_table("weighted", table))
    assert (found.heads_lower_bound, found.constructed.heads) == (1, 1)


def test_heads_are_not_asked_about_where_that_takes_hours(tmp_path):
    done = assay("boolean", "parity", "--inputs", "10000", "--heads", "5", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == "assay: heads = 5 is not allowed; it must be left out above 4096 inputs"


@pytest.mark.parametrize(
    "changes", [{"inputs": 10**30}, {"inputs": 7}, {"blocks": [[]] * 100, "values": "0"}, {"ignored": [9]}]
)
def test_files_whose_inputs_do_not_fit_are_refused_in_one_line(changes, tmp_path):
    assay("boolean", "multiplexer", "--inputs", "3", "--certificate", "m.json", cwd=tmp_path)
    data = json.loads((tmp_path / "m.json").read_text("utf-8")) | changes
    del data["sha256"]
    data["sha256"] = hashlib.sha256(canonical(data).encode()).hexdigest()
    (tmp_path / "m.json").write_text(json.dumps(data), "utf-8")
    done = assay("verify", "m.json", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_value_that_cannot_be_shown_is_refused_in_one_line(tmp_path):
    (tmp_path / "odd.py").write_text(
        "class Odd:\n    def __eq__(self, other):\n        return False\n"
        "    def __repr__(self):\n        raise RuntimeError('no')\n"
        "def f(bits):\n    return Odd()\n"
    )
    done = assay("boolean", "odd.py:f", "--inputs", "2", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_study_of_functions_that_there_are_not_is_refused(tmp_path):
    (tmp_path / "f.toml").write_text('name = "f"\n[boolean]\nfunctions = ["half"]\ninputs = [3]\n', "utf-8")
    done = assay("run", "f.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is none of half of so many bits: [3]" in done.stderr


def test_margins_of_more_changes_than_are_written_down_are_not_asked_for(tmp_path):
    (tmp_path / "f.toml").write_text('name = "f"\n[boolean]\nfunctions = ["parity"]\nmargins = [3, 41]\n', "utf-8")
    assert [question.inputs for question in load_study(str(tmp_path / "f.toml")).singles()] == [3]

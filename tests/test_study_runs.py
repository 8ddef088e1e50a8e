"""Studies as they are run, in new processes: any seeds, files as editors write them, and layers that fail."""

import re

import pytest

from assay import Ledger
from assay.studies.workers import failure
from fresh import assay
from test_cli import TINY, rows

HEAD = "from assay.layers.attention import Attention"
AT_CONSTRUCTION = """
class AtConstruction(Attention):
    def __init__(self, width):
        raise KeyError("no\\nweights")
"""
FORWARD = """
class Forward(Attention):
    def forward(self, tokens, last):
        raise RuntimeError("a\\n\\x1b[2Jb")
"""
BACKWARD = """
class Backward(Attention):
    def forward(self, tokens, last):
        outputs = super().forward(tokens, last)
        outputs.register_hook(lambda gradient: 1 / 0)
        return outputs
"""
AT_ONE_WIDTH = """
class AtOneWidth(Attention):
    def __init__(self, width):
        super().__init__(width)
        assert width != 4, "width 4"
"""
UNSENDABLE = """
class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(first)

class Unsendable(Attention):
    def forward(self, tokens, last):
        raise Odd(1, 2)
"""
LEAVES = """
class Leaves(Attention):
    def forward(self, tokens, last):
        raise SystemExit(0)
"""
LAYERS = {
    "AtConstruction": (AT_CONSTRUCTION, "KeyError: 'no\\nweights'", "raise KeyError"),
    "Forward": (FORWARD, "RuntimeError: a \\x1b[2Jb", "raise RuntimeError"),
    "Backward": (BACKWARD, "ZeroDivisionError: division by zero", "1 / 0"),
    "AtOneWidth": (AT_ONE_WIDTH, "AssertionError: width 4", "assert width"),
    "Unsendable": (UNSENDABLE, "layers.Odd: 1", "raise Odd"),
    "Leaves": (LEAVES, "SystemExit: 0", "raise SystemExit"),
}
MODULE = HEAD + "".join(source for source, _, _ in LAYERS.values())
MENDED = HEAD + "".join(f"\n\nclass {name}(Attention):\n    pass" for name in LAYERS)
SEARCH = """
[[sweeps.averaging.search]]
architecture = "layers:{name}"
at = [3]
start = 4
steps = 40
highest = 6
rates = [0.02]
"""


def reason(name):
    """What is said of this layer: the error, and the line of the module that raised it."""
    _, error, raised = LAYERS[name]
    (line,) = [number for number, text in enumerate(MODULE.splitlines(), 1) if raised in text]
    return f"at width 4: {error} (layers.py, line {line})"


def study(folder, *searches, **changes):
    """The tiny study with another search for each of these layers, and other values of its keys."""
    text = TINY.read_text("utf-8")
    for key, value in changes.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, count=1, flags=re.MULTILINE)
    added = "".join(SEARCH.format(name=name) for name in searches)
    (folder / "s.toml").write_text(text.replace("[[attention_maps]]", f"{added}\n[[attention_maps]]"), "utf-8")
    return folder / "s.toml"


def test_any_seeds_are_run_to_the_end_and_so_is_a_file_with_a_byte_order_mark(tmp_path):
    path = study(tmp_path, seeds="[42, 1337, 20231129]")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    done = assay("run", path, "--out", tmp_path, "--workers", 2)
    assert done.returncode == 0, done.stderr
    with Ledger(tmp_path / "ledger.sqlite", create=False) as ledger:
        runs = [piece.question for piece in ledger if piece.question["kind"] == "training"]
    assert {run["seed"] for run in runs if not run["attention_map"]} == {42, 1337, 20231129}
    page = (tmp_path / "tiny.html").read_text("utf-8")
    assert "at least 2 of 3 seeds" in page
    assert "outvoted" not in page + done.stdout


def test_one_seed_is_said_to_be_one(tmp_path):
    path = study(tmp_path, seeds=f"[{2**63 - 1}]")
    done = assay("run", path, "--out", tmp_path, "--workers", 2, "--tables")
    assert done.returncode == 0, done.stderr
    said = "A learned width needs 1 of 1 seed only: a run that learned by chance is not outvoted."
    assert said in done.stdout
    assert said in (tmp_path / "tiny.html").read_text("utf-8")


@pytest.mark.timeout(900)  # of 30 seconds on a quiet machine
def test_faulty_layers_cost_their_own_rows_say_why_and_are_asked_again_when_they_are_mended(tmp_path):
    good, mixed = tmp_path / "good", tmp_path / "mixed"
    good.mkdir()
    mixed.mkdir()
    (tmp_path / "layers.py").write_text(MODULE)
    assert assay("run", study(good, seeds="[5]"), "--out", good).returncode == 0
    path = study(mixed, *LAYERS, seeds="[5]")
    dry = assay("run", path, "--out", mixed, "--dry-run", path=tmp_path)
    assert dry.returncode == 0, dry.stderr
    done = assay("run", path, "--out", mixed, "--tables", path=tmp_path)
    assert done.returncode == 70, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"assay: {len(LAYERS)} failed, the report says why")
    page = (mixed / "tiny.html").read_text("utf-8")
    for name in LAYERS:
        line = f"layers:{name} on sparse-averaging at N = 3, q = 1 failed {reason(name)}"
        assert line in done.stdout.splitlines()
        assert any(line in told for told in done.stderr.splitlines())
        assert f"cannot be timed: {reason(name)}" in dry.stdout
        assert reason(name).replace("'", "&#39;") in page
    kept, expected = rows(mixed), rows(good)
    assert set(expected) <= set(kept)
    assert {verdict for _, verdict, *_ in set(kept) - set(expected)} == {"impossible"}  # bounds on what they declare

    (tmp_path / "layers.py").write_text(MENDED)
    done = assay("run", path, "--out", mixed, path=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout
    assert set(kept) < set(rows(mixed))


def test_a_study_in_which_everything_fails_still_has_a_report(tmp_path):
    (tmp_path / "layers.py").write_text(MODULE)
    path, line = tmp_path / "s.toml", 'task = { name = "sparse-averaging", sparsity = 1, layout = "last" }'
    path.write_text(f'name = "s"\n[sweeps.averaging]\n{line}\n{SEARCH.format(name="Forward")}')
    done = assay("run", path, "--out", tmp_path, "--json", path=tmp_path)
    assert done.returncode == 70, done.stderr
    assert '"failures": [{"what": "layers:Forward on sparse-averaging at N = 3, q = 1"' in done.stdout
    assert "What failed" in (tmp_path / "s.html").read_text("utf-8")
    again = assay("report", path, "--out", tmp_path, path=tmp_path)
    assert again.returncode == 2
    assert "holds no evidence of s; 'assay run' gathers it" in again.stderr


def test_the_reason_of_a_failure_is_one_line_of_bounded_length():
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    for error in (Mute(), ValueError("x\n" * 10**5), MemoryError(), KeyboardInterrupt()):
        said = failure(error, 3)
        assert said.reason.startswith("at width 3: ")
        assert said.reason.isprintable()
        assert len(said.reason) < 500
        assert said.refused is isinstance(error, MemoryError)

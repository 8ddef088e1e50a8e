"""Layers that know nothing of Assay, as docs/how-to has them (layer.md, packages.md): in one study, and refused.

Those of PyPI packages are tested where these can be imported. CONTRIBUTING.md says how to install them into a folder:

    PYTHONPATH=~/outside/site-packages pytest -q -m long -n 0 tests/test_outside_layers.py
"""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from assay.models import named_architecture
from assay.models.candidates import Candidates, require_declared
from fresh import assay
from test_certificate_files import ECHO
from test_cli import complaint, printed

HOW_TO = Path(__file__).parent.parent / "docs" / "how-to"
PAGE = "".join((HOW_TO / name).read_text("utf-8") for name in ("layer.md", "packages.md"))
FILES = {name: text for name, text in re.findall(r'```(?:python|toml) title="(\S+)"\n(.*?)```', PAGE, re.DOTALL)}
COMMANDS = re.findall(r"^    assay (train .* (\S+\.safetensors))$", PAGE, re.MULTILINE)
REFUSALS = re.findall(r"^(--architecture .*)\n(assay: .*)$", PAGE, re.MULTILINE)
MEASURED = dict(re.findall(r"^\| `(\w+\.py:\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
PACKAGES = {
    "mamba_layer.py": "mambapy",
    "min_gru_layer.py": "minGRU_pytorch",
    "min_lstm_layer.py": "minGRU_pytorch",
    "mlstm_layer.py": "xlstm",
    "slstm_layer.py": "xlstm",
    "x_layer.py": "x_transformers",
}
TRAIN = ["train", "k-hop", "--length", 8, "--width", 8, "--steps", 3, "--out", "x.safetensors"]
BOUND = '''
"""Two numbers for every token"""
from assay.bounds.bound import Bound

class TwoNumbers(Bound):
    name = "two-numbers"
    error_kind = "worst"
    resource = "embedding bits"
    cut = "all that a token knows before it looks at others"
    source = "a bound of another package"

    def unmet(self, task, error, distribution, network):
        return "" if error < 1 else "every answer is that close"

    def amount(self, task, error, distribution, network):
        return 64.0

    def available(self, task, network):
        return network.embedding_bits
'''
ENTRY_POINTS = """
[assay.constructions]
echo = echo_weights:Echo

[assay.proofs]
echo = echo_weights:prove

[assay.bounds]
two-numbers = two_numbers:TwoNumbers
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files of the page."""
    made = tmp_path_factory.mktemp("outside")
    for name, text in FILES.items():
        (made / name).write_text(text, "utf-8")
    return made


def findings_of(report):
    return json.loads(report.read_text("utf-8").partition('id="findings">')[2].partition("</script>")[0])


def test_the_page_keeps_its_word():
    classes = [text for text in re.split(r"\n\n\n(?=class )", FILES["small_layers.py"]) if text.startswith("class ")]
    assert len(classes) == 4
    assert all(len(text.strip().splitlines()) <= 25 for text in classes)
    assert FILES.keys() > PACKAGES.keys()
    assert all(len(list(filter(str.strip, FILES[name].splitlines()))) <= 12 for name in PACKAGES)
    assert {name.partition(":")[0] for name in MEASURED} == PACKAGES.keys()


def test_what_is_measured_is_what_the_page_shows(folder):
    (facts,) = require_declared(Candidates(named_architecture(f"{folder / 'small_layers.py'}:Delta")), 8)
    assert f"    {facts.name}: {facts.line}\n" in PAGE
    ranks = {}
    for name in ("Linear", "Window", "Selective"):
        (facts,) = require_declared(Candidates(named_architecture(f"{folder / 'small_layers.py'}:{name}")), 8)
        assert facts.causal
        ranks[name] = (facts.state, facts.rank)
    assert ranks == {"Linear": (72, 72), "Window": (48, 24), "Selective": (32, 32)}
    for name in ("Encoder", "Multihead"):
        (facts,) = require_declared(Candidates(named_architecture(f"{folder / 'torch_layers.py'}:{name}")), 8)
        assert (facts.causal, facts.causality_declared) == (False, name == "Multihead")


def test_layers_of_the_page_and_what_another_package_brings_in_one_study(folder):
    """Every layer, a hybrid, a construction with its proof, and a bound: in the ledger and in the report."""
    package = folder / "package"
    about = package / "echo-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: echo\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (package / "echo_weights.py").write_text(ECHO)
    (package / "two_numbers.py").write_text(BOUND)
    asked = 'bounds = [6]\nmethods = ["echo"]\nconstructions = [6]\ncertificates = [6]'
    (folder / "all.toml").write_text(FILES["outside.toml"].replace("bounds = [6]", asked))
    done = assay("run", "all.toml", "--out", "out", cwd=folder, path=package)
    assert done.returncode == 0, done.stderr
    report = folder / "out" / "outside.html"
    text, found = report.read_text("utf-8"), json.dumps(findings_of(report))
    for name in re.findall(r'architecture = "(.*?)"', FILES["outside.toml"]):
        assert name in text
        assert name in found
    assert "echo" in found
    rows = findings_of(report)["evidence"]
    verdicts = {(row["source"], row["verdict"], row["width"]) for row in rows}
    assert ("two-numbers", "impossible", 1) in verdicts
    tried, proved = sorted(row["justification"] for row in rows if row["source"] == "echo")
    assert "tried on 30 draws" in tried
    assert proved.startswith("proved from the weights as stored")


@pytest.mark.parametrize(("options", "said"), REFUSALS)
def test_refusals_are_those_of_the_page(folder, options, said):
    shown, found = said.removesuffix("..."), complaint(*TRAIN, *options.split(), cwd=folder)
    assert found == said or (shown != said and found.startswith(shown))
    assert not (folder / "x.safetensors").exists()


@pytest.mark.parametrize(("command", "file"), COMMANDS)
def test_the_commands_of_the_page_run(folder, command, file):
    found = printed(*command.split(), "--width", 8, "--steps", 2, cwd=folder)
    assert found["architecture"] in command
    assert (folder / file).exists()


def test_a_file_of_weights_names_each_layer_of_a_hybrid(folder):
    hybrid = "small_layers.py:Delta+torch_layers.py:Multihead"
    assert printed(*TRAIN[:-1], "hybrid.st", "--architecture", hybrid, cwd=folder)["architecture"] == hybrid
    needed = ("--code", "small_layers.py", "--code", "torch_layers.py")
    asked = ("precision", "hybrid.st", "--draws", 4, "--most-bits", 4)
    assert "--code names it: small_layers.py and torch_layers.py" in complaint(*asked, cwd=folder)
    assert "above its tolerance" in complaint(*asked, *needed, cwd=folder)  # opened, and not learned


@pytest.mark.long
@pytest.mark.parametrize("name", MEASURED)
def test_layers_of_packages_are_measured_and_trained(folder, name):
    package = PACKAGES[name.partition(":")[0]]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed: see CONTRIBUTING.md")
    out = folder / "package.safetensors"
    done = assay(*TRAIN[:-1], out, "--architecture", name, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"{name}: {MEASURED[name]}" in done.stderr.splitlines()
    assert out.exists()


@pytest.mark.long
def test_layers_of_packages_in_one_study(folder):
    missing = {package for package in PACKAGES.values() if find_spec(package) is None}
    if missing:
        pytest.skip(f"{', '.join(sorted(missing))} not installed: see CONTRIBUTING.md")
    search = [f'    {{ architecture = "{name}", at = [6], lowest = 4, highest = 4 }},\n' for name in MEASURED]
    head = FILES["outside.toml"].partition("search")[0]
    (folder / "packages.toml").write_text(f"{head}search = [\n{''.join(search)}]\n")
    done = assay("run", "packages.toml", "--out", "packages", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.dumps(findings_of(folder / "packages" / "outside.html"))
    assert all(name in found for name in MEASURED)


@pytest.mark.long
@pytest.mark.parametrize("name", MEASURED)
def test_layers_of_packages_are_placed(folder, name):
    """On the cheapest row; the whole battery takes minutes for each."""
    package = PACKAGES[name.partition(":")[0]]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed: see CONTRIBUTING.md")
    card = printed("place", name, "--on", "flip-flop", "--rates", "0.01", "--out", "placed", cwd=folder)
    (row,) = card["placed"]
    assert (row["row"], row["failed"], row["seeds"]) == ("flip-flop", "", 3)
    assert card["headline"].startswith(name)

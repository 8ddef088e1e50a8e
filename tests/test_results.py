"""What commands answer with, in Python and as JSON: one line, plain values, and keys that are recorded.

`python tests/test_results.py` records the keys of every command's JSON anew: raise `assay.schema.SCHEMA` first.
"""

import json
import sys
from dataclasses import FrozenInstanceError, fields, is_dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import assay
from assay.cli.doctor import Check, Checked
from assay.errors import AssayError
from assay.evidence import Verification
from assay.examine.subject import subject_of
from assay.frames import Framed
from assay.placing.card import Card
from assay.probing.chosen import Chosen
from assay.report.findings import Findings
from assay.report.found import Reported
from assay.schema import SCHEMA, Result
from assay.sessions.export import Exported
from assay.sessions.place import listing
from assay.store.contradictions import Contradiction
from assay.store.merging import Merged, MergedLedger
from assay.studies.estimate import Estimate, Part
from assay.tasks import make_task
from fresh import assay as command
from statements import statement
from test_report_schema import keys as declared

RECORDED = Path(__file__).parent / "commands_schema.txt"
AVERAGING = {"length": 5, "sparsity": 2}
# Objects whose keys are names of what was asked about, or stand elsewhere.
OPEN = "task tried constants worst_input lengths parties baselines more question_of differ_in first second certificate"


@cache
def unit():
    return assay.build("sparse-averaging", **AVERAGING, method="sign", tolerance=0.1)


def boolean():
    return assay.boolean("parity", inputs=2, heads=1)


def contradiction():
    return Contradiction(("error",), statement(1), "a", statement(1, error=0.9), "b")


RESULTS = {
    "attack": lambda: assay.attack(unit(), budget=20),
    "baselines": lambda: assay.baselines("match2", length=4, modulus=3, distribution="uniform"),
    "boolean": boolean,
    "bound": lambda: assay.bound("sparse-averaging", **AVERAGING, architecture="attention", width=3),
    "build": unit,
    "check": lambda: assay.check(unit(), draws=3),
    "cite": lambda: assay.cite("recall"),
    "communication": lambda: assay.communication("sparse-averaging", [0, 1], length=3, sparsity=1),
    "doctor": lambda: Checked((Check("torch", "ok", "there"),)),
    "embeddings": lambda: assay.embeddings(np.eye(3, dtype=np.float32), [[0], [1, 2]]),
    "estimate": lambda: Estimate("tiny", 2, (Part("bound", 1.0, 0, 0.1, "measured"),), 1, 0, 0.1, 0.1, 100, 1000),
    "export": lambda: Exported("x.csv", "evidence", 3),
    "group": lambda: assay.group("S3"),
    "language": lambda: assay.language("(ab)*"),
    "merge": lambda: Merged("a", False, 2, (MergedLedger("b", 1, 0, None),), (contradiction(),)),
    "place": lambda: Card("gru", (), (), (), (0.01,), True, "assay place gru", "a machine"),
    "precision": lambda: assay.precision(unit(), draws=2),
    "protocol": lambda: assay.protocol("injectivity", unit(), bits=1, fraction=0),
    "run": lambda: Reported(Findings(study="tiny", title="Tiny", command="run", seeds=(0,), precision=32), 0, "l", "r"),
    "size": lambda: assay.size(documents=100, top=2),
    "train": lambda: assay.train("match2", length=8, width=4, steps=2),
    "verify": lambda: Verification("c.json", True, claim="it holds"),
}


@cache
def result(name):
    return RESULTS[name]()


def walked(value, path):
    """A line for each object: where it is found, and its keys; those of a list together."""
    objects = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
    names = sorted({name for one in objects for name in one})
    if names:
        yield f"{path}: {', '.join(names)}"
    for name in names:
        if name not in OPEN.split():
            parts = [part for one in objects for part in (one[name] if isinstance(one[name], list) else [one[name]])]
            yield from walked(parts, f"{path}.{name}")


def others():
    """Of commands whose answer is no dataclass of their own."""
    yield from walked(listing(), "place --list")
    yield from (line.replace("findings", "probe --set", 1) for line in declared(Chosen))


def recorded():
    lines = [line for name in RESULTS for line in walked(result(name).to_json(), name)]
    return "\n".join([f"schema {SCHEMA}", *lines, *others()]) + "\n"


def test_keys_are_those_recorded_for_this_number():
    said = "keys of a command's JSON changed: raise SCHEMA, then run python tests/test_results.py"
    assert RECORDED.read_text("utf-8") == recorded(), said


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_frozen_say_themselves_in_a_line_and_become_json(name):
    found = result(name)
    assert isinstance(found, Result)
    assert is_dataclass(found)
    with pytest.raises(FrozenInstanceError):
        setattr(found, fields(found)[0].name, None)
    assert repr(found) == f"<{type(found).__name__} {found.line}>"
    assert found.line.isprintable()
    told = found.to_json()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    if isinstance(found, Framed):
        pytest.importorskip("pandas")
        assert len(found.frame()) == len(list(found.rows()))


def test_every_field_of_a_result_is_documented():
    for name in RESULTS:
        found = type(result(name))
        lacking = [one.name for one in fields(found) if f"{one.name}: " not in (found.__doc__ or "")]
        assert not lacking, f"{found.__name__} does not say what {', '.join(lacking)} is"


SAME = {
    "bound": ["sparse-averaging", "--length", 5, "--sparsity", 2, "--architecture", "attention", "--width", 3],
    "boolean": ["parity", "--inputs", 2, "--heads", 1],
    "language": ["(ab)*"],
    "group": ["S3"],
    "size": ["--documents", 100, "--top", 2],
}


@pytest.mark.parametrize("name", SAME)
def test_a_command_prints_what_its_function_returns(name):
    done = command(name, *SAME[name], "--json")
    assert json.loads(done.stdout) == {"schema": SCHEMA, **json.loads(json.dumps(result(name).to_json()))}, done.stderr


def test_what_is_built_is_written_loaded_proved_and_tried(tmp_path):
    weights, proof = tmp_path / "u.safetensors", tmp_path / "u.json"
    built = assay.build("sparse-averaging", **AVERAGING, method="sign", out=weights, certificate=proof)
    assert (built.file, built.certificate, built.proof["method"]) == (str(weights), str(proof), "sign")
    other = tmp_path / "other.safetensors"
    done = command("build", "sparse-averaging", "--length", 5, "--sparsity", 2, "--method", "sign", "--out", other)
    assert done.returncode == 0, done.stderr
    inputs = built.task.sample(2, seed=0).inputs
    answers = [network(inputs) for network in (built.network, assay.load(weights), assay.load(other))]
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])
    found = assay.verify(proof)
    assert found.holds, found
    assert assay.certify(built).guaranteed_error == found.certificate["claim"]["guaranteed_error"]
    assert assay.check(weights, draws=2).file == str(weights)


def test_certificates_of_other_kinds_are_verified_too(tmp_path):
    of_group, of_function = tmp_path / "g.json", tmp_path / "f.json"
    assert assay.group("S3", certificate=of_group).to_json()["certificate"] == str(of_group)
    assert assay.boolean("parity", inputs=3, certificate=of_function).certificate == str(of_function)
    assert "a group of 6 elements" in assay.verify(of_group).claim
    assert (assay.verify(of_function).at_least, assay.verify(of_function).at_most) == (3, 3)


def test_a_trained_network_is_examined_with_and_without_its_file(tmp_path):
    asked = {"length": 8, "width": 4, "steps": 2}
    kept = assay.train("match2", **asked, out=tmp_path / "t.safetensors")
    assert kept.mean_error == result("train").mean_error, "the same question has the same answer"
    found = assay.attack(result("train"), budget=30)
    assert (found.origin, found.error) == ("trained", assay.attack(kept.file, budget=30).error)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: assay.build("match2", lenght=4), "parameter of match2 'lenght' is not known; did you mean 'length'"),
        (lambda: assay.build(make_task("match2", length=4), length=5), "length is not known here: the task is given"),
        (lambda: assay.build("match2", length=4, certificate="c.json"), "certificate needs out"),
        (lambda: assay.attack("x.safetensors", length=4), "parameters of a task need task"),
        (lambda: assay.attack(unit(), width=4), "has its own task, width and weights"),
        (lambda: assay.baselines(length=4), "length needs a task"),
        (lambda: assay.bound("match2", length=4, depth=2), "and options need architecture"),
        (lambda: assay.size(), "size needs what one question is asked by"),
    ],
)
def test_what_cannot_be_met_is_one_line(wrong, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssayError) as error:
        wrong()
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_construction_and_a_subject_are_networks_too():
    network = unit().network
    first, second, third = (assay.attack(one, budget=20) for one in (unit(), network, subject_of(network)))
    assert first == second == third


def test_no_module_takes_the_place_of_a_name():
    """`import assay.sizes` must not hide `assay.sizes`: every name of the package is what its home says."""
    modules = {path.stem for path in Path(assay.__file__).parent.iterdir()}
    assert not modules & set(assay.__all__)
    assert all(getattr(assay, name) is not None for name in assay.__all__)


if __name__ == "__main__":
    RECORDED.write_text(recorded(), "utf-8")
    sys.stdout.write(f"{RECORDED}: schema {SCHEMA}\n")

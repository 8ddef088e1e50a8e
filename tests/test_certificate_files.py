"""Certificates and weights files that are altered on purpose: none is verified, and none ends in a fault."""

import hashlib
import json
import math
import os
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay import AssayError, Match3Local, SparseAveraging, load
from assay.constructions import CONSTRUCTIONS, build
from assay.evidence import canonical
from assay.proofs.certificate_file import _own_sha256, verify, write_certificate
from assay.store.tensors import read_tensors, write_tensors
from fresh import assay

ODD = [None, True, False, math.nan, math.inf, "", "\0", "\ud800", 10**400, -(10**400), [], {}, -0.0, 0, "../x", 1e300]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certified")
    unit = build(SparseAveraging(length=5, sparsity=2), method="sign", tolerance=0.2)
    write_certificate(unit, folder / "unit.safetensors", folder / "unit.json")
    return folder


def places(value, path=()):
    """Paths to everything in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [found for key, entry in inside for found in places(entry, (*path, key))]


def changed(value, path, new):
    value = deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return value


def text_of(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"


def refuted(path):
    """Why a certificate does not hold, or is none; empty if it holds."""
    try:
        return verify(path).reason
    except AssayError as error:
        return str(error)


anything = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
fuzz = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@fuzz
@given(data=st.data(), new=anything, resigned=st.booleans())
def test_no_altered_certificate_is_verified_or_ends_in_a_fault(folder, data, new, resigned):
    certificate = json.loads((folder / "unit.json").read_text())
    altered = changed(certificate, data.draw(st.sampled_from(places(certificate))), new)
    if text_of(altered) == text_of(certificate):
        return
    if resigned:
        unsigned = {key: value for key, value in altered.items() if key != "sha256"}
        altered["sha256"] = hashlib.sha256(text_of(unsigned)[:-1].encode()).hexdigest()
    (folder / "altered.json").write_text(text_of(altered))
    reason = refuted(folder / "altered.json")
    assert reason
    assert "\n" not in reason


@pytest.mark.parametrize("what", ["task", "settings"])
def test_no_odd_setting_or_task_in_a_weights_file_is_taken(folder, what, tmp_path):
    metadata, tensors = read_tensors(folder / "unit.safetensors")
    certificate = json.loads((folder / "unit.json").read_text())
    described = json.loads(metadata[what])
    weights, path = tmp_path / "unit.safetensors", tmp_path / "unit.json"
    for place in [*places(described), ("more",)]:
        for new in ODD:
            text = text_of(changed(described, place, new))
            write_tensors(weights, tensors, {**metadata, what: text})
            certificate["weights"]["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
            certificate["sha256"] = _own_sha256(certificate)
            path.write_text(canonical(certificate) + "\n")
            assert "\n" not in refuted(path) != "", (place, new)
            with pytest.raises(AssayError) as error:
                load(weights)
            assert str(error.value).isprintable(), (place, new)


@pytest.mark.parametrize("text", ["", "null", "[]", "3", "[" * 100_000, '{"name":', "NaN"])
@pytest.mark.parametrize("what", ["task", "settings"])
def test_a_weights_file_without_a_task_or_settings_is_refused(folder, what, text, tmp_path):
    metadata, tensors = read_tensors(folder / "unit.safetensors")
    write_tensors(tmp_path / "a", tensors, {**metadata, what: text})
    with pytest.raises(AssayError):
        load(tmp_path / "a")
    del metadata[what]
    write_tensors(tmp_path / "a", tensors, metadata)
    with pytest.raises(AssayError):
        load(tmp_path / "a")


def test_tensors_of_other_shapes_types_or_names_are_refused(folder, tmp_path):
    metadata, tensors = read_tensors(folder / "unit.safetensors")
    for keys, said in [
        (tensors["keys"].double(), "keys is stored as torch.float64"),
        (tensors["keys"].bfloat16(), "keys is stored as torch.bfloat16"),
        (tensors["keys"][:-1], "keys is stored as torch.float32 (4, "),
    ]:
        write_tensors(tmp_path / "a", {**tensors, "keys": keys}, metadata)
        with pytest.raises(AssayError) as error:
            load(tmp_path / "a")
        assert said in str(error.value)
    write_tensors(tmp_path / "a", {**tensors, "more": tensors["keys"].clone()}, metadata)
    with pytest.raises(AssayError, match="tensors key, keys, more, query, value are stored"):
        load(tmp_path / "a")


def test_a_tolerance_below_what_is_guaranteed_is_refused(folder, tmp_path):
    metadata, tensors = read_tensors(folder / "unit.safetensors")
    stated = {**json.loads(metadata["settings"]), "tolerance": 1e-9}
    write_tensors(tmp_path / "a", tensors, {**metadata, "settings": canonical(stated)})
    with pytest.raises(AssayError, match="states a tolerance of 1e-09, but guarantees no error below"):
        load(tmp_path / "a")


def named(folder, name, at):
    """A certificate that names another weights file, with its checksum made anew."""
    certificate = json.loads((folder / "unit.json").read_text())
    certificate["weights"]["file"] = name
    certificate["sha256"] = _own_sha256(certificate)
    at.write_text(canonical(certificate) + "\n")
    return at


@pytest.mark.parametrize(
    "name",
    ["a\0b", "\ud800", "", ".", "..", "../{folder}/unit.safetensors", "{path}/unit.safetensors", "/dev/zero", "a\nb"],
)
def test_weights_are_named_by_a_plain_name_beside_the_certificate(folder, name):
    name = name.format(folder=folder.name, path=folder) if "{" in name else name
    with pytest.raises(AssayError, match="it must be the plain name of a file beside the certificate") as error:
        verify(named(folder, name, folder / "named.json"))
    assert str(error.value).isprintable()


def test_weights_beside_the_certificate_may_be_a_link_within_the_folder_only(folder, tmp_path):
    (tmp_path / "b.safetensors").write_bytes((folder / "unit.safetensors").read_bytes())
    (tmp_path / "inside").symlink_to("b.safetensors")
    (tmp_path / "outside").symlink_to(folder / "unit.safetensors")
    assert verify(named(folder, "inside", tmp_path / "c.json")).holds
    path = named(folder, "outside", tmp_path / "c.json")
    with pytest.raises(AssayError, match="outside is a link to another folder; name the weights' file as weights"):
        verify(path)
    assert verify(path, tmp_path / "outside").holds


def test_the_command_line_answers_odd_names_pipes_and_devices_in_one_line(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (
        named(folder, "a\0b", tmp_path / "nul.json"),
        named(folder, "\ud800", tmp_path / "surrogate.json"),
        named(folder, "pipe", tmp_path / "pipe.json"),
        tmp_path / "pipe",
        "/dev/zero",
    ):
        found = assay("verify", path)
        assert found.returncode == 2
        assert not found.stdout
        assert len(found.stderr.splitlines()) == 1, path


def test_a_truth_value_is_no_tolerance(folder, tmp_path):
    metadata, tensors = read_tensors(folder / "unit.safetensors")
    certificate = json.loads((folder / "unit.json").read_text())
    stated = {**json.loads(metadata["settings"]), "tolerance": True}
    write_tensors(tmp_path / "unit.safetensors", tensors, {**metadata, "settings": canonical(stated)})
    certificate["claim"]["settings"]["tolerance"] = True
    certificate["weights"]["sha256"] = hashlib.sha256((tmp_path / "unit.safetensors").read_bytes()).hexdigest()
    certificate["sha256"] = _own_sha256(certificate)
    (tmp_path / "unit.json").write_text(canonical(certificate) + "\n")
    found = assay("verify", tmp_path / "unit.json")
    assert found.returncode == 1
    assert "setting tolerance of sign = True is not allowed" in found.stdout
    assert assay("check", tmp_path / "unit.safetensors").returncode == 2


@pytest.mark.parametrize("method", CONSTRUCTIONS.names())
def test_every_construction_declares_its_settings(method):
    declared = CONSTRUCTIONS[method].declares
    assert "tolerance" in declared
    for setting in declared.values():
        assert setting.allowed
        assert not any(setting.fits(value) for value in ODD if value != {} and value not in (-0.0, 0, 1e300))


def test_the_settings_of_the_unit_within_a_window_are_its_own_to_declare(tmp_path):
    network = build(Match3Local(length=6, modulus=5, window=1))
    network.save(tmp_path / "a")
    metadata, tensors = read_tensors(tmp_path / "a")
    stated = json.loads(metadata["settings"])
    stated["unit"]["temperature"] = True
    write_tensors(tmp_path / "a", tensors, {**metadata, "settings": canonical(stated)})
    with pytest.raises(AssayError, match="setting temperature of sign = True is not allowed"):
        load(tmp_path / "a")


ECHO = '''
"""A state with a slot for every value, each stored several times over"""
from assay.constructions.recurrent import StoreAll
from assay.constructions.settings import Setting
from assay.proofs.proof import require_fact
from assay.proofs.recurrent import recurrent

class Echo(StoreAll):
    method = "echo"
    declares = {**StoreAll.declares, "times": Setting("2 or 3", lambda times: type(times) is int and times in (2, 3))}

    def __init__(self, task, tolerance, dtype, times):
        super().__init__(task, tolerance, dtype)
        self.settings["times"] = times

    @classmethod
    def build(cls, task, tolerance):
        return cls(task, tolerance, "float64", 2)

def prove(stored):
    require_fact(stored.settings["times"] == 2, "values are stored twice")
    return recurrent(stored)
'''


def test_a_construction_of_another_package_brings_its_own_settings(tmp_path):
    """One file with a construction and its proof, found by entry points; nothing of Assay knows its settings."""
    package = tmp_path / "package"
    about = package / "echo-1.0.dist-info"
    about.mkdir(parents=True)
    (package / "echo_weights.py").write_text(ECHO)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: echo\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[assay.constructions]\necho = echo_weights:Echo\n\n[assay.proofs]\necho = echo_weights:prove\n"
    )
    weights, path = tmp_path / "echo.safetensors", tmp_path / "echo.json"
    task = ("sparse-averaging", "--length", 6, "--sparsity", 2, "--layout", "last")
    built = assay("build", *task, "--method", "echo", "--out", weights, "--certificate", path, path=str(package))
    assert built.returncode == 0, built.stderr
    claim = json.loads(path.read_text())["claim"]
    assert claim["settings"] == {"dtype": "float64", "times": 2, "tolerance": claim["settings"]["tolerance"]}
    assert assay("verify", path, path=str(package)).returncode == 0
    metadata, tensors = read_tensors(weights)
    for times, said in [
        (3, "values are stored twice"),
        (5, "setting times of echo = 5 is not allowed; it must be 2 or 3"),
    ]:
        stated = {**json.loads(metadata["settings"]), "times": times}
        write_tensors(weights, tensors, {**metadata, "settings": canonical(stated)})
        certificate = json.loads(path.read_text())
        certificate["weights"]["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
        certificate["sha256"] = _own_sha256(certificate)
        path.write_text(canonical(certificate) + "\n")
        found = assay("verify", path, path=str(package))
        assert found.returncode == 1
        assert said in found.stdout

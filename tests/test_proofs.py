"""Proofs of sparse-averaging constructions, certificates as files, and what happens to altered ones."""

import hashlib
import itertools
import json
import math
import subprocess
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from flint import arb

from assay import AssayError, SparseAveraging, load
from assay.arithmetic.rounding import exact, gamma, softmax_rounding, upper
from assay.cli.text import proof_text
from assay.constructions import CONSTRUCTIONS, build
from assay.evidence import canonical
from assay.proofs import PROOFS, certify
from assay.proofs.averaging import averaging_bound
from assay.proofs.certificate_file import _own_sha256, verify, write_certificate
from assay.proofs.proof import Stored, prove, require_fact
from assay.store.tensors import read_tensors, write_tensors
from assay.tasks import make_task
from fresh import assay

METHODS = ["sign", "cyclic", "reed-solomon", "heads", "recurrent", "feed-forward"]
TASKS = [
    SparseAveraging(length=1, sparsity=1),
    SparseAveraging(length=5, sparsity=5),
    SparseAveraging(length=16, sparsity=2, layout="last"),
    SparseAveraging(length=12, sparsity=2, layout="last", queries=20),
    SparseAveraging(length=64, sparsity=3, dimension=3),
    SparseAveraging(length=300, sparsity=4),
]


def test_every_construction_has_a_proof():
    assert PROOFS.names() == CONSTRUCTIONS.names()


@pytest.mark.parametrize("tolerance", [0.05, 1e-6], ids=["float32", "float64"])
@pytest.mark.parametrize("task", TASKS, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_what_is_proved_is_what_the_certificate_states(method, task, tolerance):
    unit = build(task, method=method, tolerance=tolerance)
    proof = certify(unit)
    stated = unit.certificate().guaranteed_error
    assert 0 < proof.guaranteed_error <= stated * (1 + 1e-9)
    assert proof.guaranteed_error <= tolerance * (1 + 1e-9)
    assert all(step.statement and step.how for step in proof.steps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", METHODS)
def test_measured_errors_stay_within_what_is_proved(method, dtype):
    """All pointer sets, values that make the error the L1 distance of the weights from uniform."""
    task = SparseAveraging(length=7, sparsity=2, layout="last")
    unit = build(task, method=method, tolerance=0.2)
    proof = certify(unit)
    sets = task.all_sets()
    values = torch.full((len(sets), 7, 1), -1.0, dtype=dtype)
    values.scatter_(1, sets.unsqueeze(2), 1.0)
    inputs = task.inputs(values, sets.unsqueeze(1))
    assert task.answer.errors(unit(inputs), task.targets(inputs)).max() <= proof.guaranteed_error


def test_the_averaging_bound_contains_the_formula():
    """2 (rho + (1 - rho) tanh(s/4)) in ordinary floating point, and never less."""
    for q, positions, gap, spread in itertools.product((1, 3), (4, 100), (3.0, 20.0), (0.0, 0.1)):
        t = (positions - q) * math.exp(-gap)
        plain = 2 * (t / (q + t) + q / (q + t) * math.tanh(spread / 4))
        for dtype, roundoff in ((torch.float32, 2**-24), (torch.float64, 2**-53)):
            ball = averaging_bound(q, positions, arb(gap), arb(spread), dtype)
            slack = 1e-5 if dtype == torch.float32 else 1e-12
            assert plain < upper(ball) <= (1 + 1e-6) * plain + (2 * positions + 100) * roundoff + slack


def test_softmax_rounding_holds_on_random_scores():
    """A float32 softmax average against float64, at scores with the gap and spread that the bound is told."""
    generator = torch.Generator().manual_seed(0)
    for positions, q, gap, spread in [(8, 2, 5.0, 0.01), (300, 3, 12.0, 0.0), (4096, 1, 30.0, 0.0)]:
        scores = -gap - 8 * torch.rand(200, positions, generator=generator)
        scores[:, :q] = spread * torch.rand(200, q, generator=generator)
        scores[:, 0] = spread
        values = torch.sign(torch.randn(200, positions, 1, generator=generator))
        exactly = torch.softmax(scores.double(), dim=1).unsqueeze(1) @ values.double()
        found = torch.softmax(scores, dim=1).unsqueeze(1) @ values
        assert (found.double() - exactly).abs().max() <= upper(
            softmax_rounding(positions, arb(gap), arb(spread), torch.float32)
        )


def test_gamma_and_upper_round_outwards():
    assert gamma(3, torch.float32).contains(exact(Fraction(3, 2**24) / (1 - Fraction(3, 2**24))))
    assert Fraction(upper(exact(Fraction(1, 3)))) >= Fraction(1, 3)
    with pytest.raises(AssayError, match="lose everything"):
        gamma(1 << 24, torch.float32)


def test_what_cannot_be_decided_is_not_proved():
    with pytest.raises(AssayError, match="not proved: x"):
        require_fact(arb(1, 1e-3) > 1, "x")


@pytest.mark.parametrize("method", METHODS)
def test_any_altered_number_is_refused(method):
    """Each entry of each tensor moved to the next number: the proof fails, or proves no less than it states."""
    unit = build(SparseAveraging(length=6, sparsity=2, layout="last"), method=method, tolerance=0.2)
    stored = Stored.of(unit)
    for name, tensor in stored.tensors.items():
        for place in range(tensor.numel()):
            changed = tensor.clone().flatten()
            changed[place] = (
                changed[place] + 1
                if not tensor.is_floating_point()
                else torch.nextafter(changed[place], torch.tensor(torch.inf, dtype=tensor.dtype))
            )
            with pytest.raises(AssayError):
                prove(replace(stored, tensors={**stored.tensors, name: changed.view_as(tensor)}))


@pytest.mark.parametrize("method", ["sign", "cyclic", "reed-solomon", "heads"])
def test_a_colder_softmax_proves_less(method):
    unit = build(SparseAveraging(length=6, sparsity=2), method=method, tolerance=0.01)
    stored = Stored.of(unit)
    halved = {**stored.settings, "temperature": stored.settings["temperature"] / 2}
    tensors = {**stored.tensors, "query": stored.tensors["query"] / 2} if "query" in stored.tensors else stored.tensors
    proved = prove(replace(stored, settings=halved, tensors=tensors))
    assert proved.guaranteed_error > 1.5 * prove(stored).guaranteed_error


def test_sets_that_keys_do_not_separate_are_counted():
    """Two equal keys: a set that holds just one of them has no query, and the forward pass refuses it."""
    unit = build(SparseAveraging(length=8, sparsity=2), method="sign")
    assert not certify(unit).refuses
    unit.keys[1] = unit.keys[0]
    proof = certify(unit)
    assert proof.refuses
    refused = sum(len({0, 1} & set(pair)) == 1 for pair in itertools.combinations(range(8), 2))
    found = [step.statement for step in proof.steps if step.statement.endswith("are refused")]
    assert len(found) == 1
    assert int(found[0].split("; ")[1].split()[0]) >= refused


def test_all_pointer_sets_are_enumerated_up_to_a_million():
    unit = build(SparseAveraging(length=64, sparsity=3), method="sign")
    proof = certify(unit)
    assert any(f"exhaustive over all {math.comb(64, 3)} pointer sets" in step.how for step in proof.steps)
    assert not proof.refuses
    assert certify(build(SparseAveraging(length=300, sparsity=4), method="sign")).refuses


@pytest.fixture
def certified(tmp_path):
    unit = build(SparseAveraging(length=6, sparsity=2), method="sign", tolerance=0.2)
    weights, path = tmp_path / "unit.safetensors", tmp_path / "unit.json"
    write_certificate(unit, weights, path)
    return weights, path


def test_a_certificate_holds_and_says_what_it_justification(certified):
    result = verify(certified[1])
    assert result.holds
    assert not result.reason
    assert len(result.checked) == 4
    assert json.loads(certified[1].read_text())["claim"]["guaranteed_error"] <= 0.2


def refuted(path):
    """Why a certificate does not hold, or is none."""
    try:
        return verify(path).reason
    except AssayError as error:
        return str(error)


@pytest.mark.parametrize("which", [0, 1], ids=["weights", "certificate"])
def test_any_changed_byte_is_found(certified, which):
    file = certified[which]
    content = file.read_bytes()
    places = range(0, len(content), max(1, len(content) // 250))
    assert len(places) >= 200
    for place in places:
        for flip in (0x01, 0x20):
            changed = bytearray(content)
            changed[place] ^= flip
            file.write_bytes(bytes(changed))
            assert refuted(certified[1]), (place, flip)
    file.write_bytes(content)
    assert verify(certified[1]).holds


@pytest.mark.parametrize("length_change", [-1, 1])
@pytest.mark.parametrize("which", [0, 1], ids=["weights", "certificate"])
def test_a_byte_too_few_or_too_many_is_found(certified, which, length_change):
    content = certified[which].read_bytes()
    certified[which].write_bytes(content[:-1] if length_change < 0 else content + b" ")
    assert not verify(certified[1]).holds


def resign(path, certificate):
    certificate["sha256"] = _own_sha256(certificate)
    path.write_text(canonical(certificate) + "\n")


@pytest.mark.parametrize(
    ("key", "value"),
    [("guaranteed_error", 1e-9), ("arithmetic", "float64"), ("refuses", True), ("steps", []), ("method", "heads")],
)
def test_a_false_claim_with_all_checksums_made_anew_is_found(certified, key, value):
    certificate = json.loads(certified[1].read_text())
    certificate["claim"][key] = value
    resign(certified[1], certificate)
    result = verify(certified[1])
    assert not result.holds
    assert f"another {key}" in result.reason


def test_altered_weights_with_all_checksums_made_anew_are_found(certified):
    weights, path = certified
    metadata, tensors = read_tensors(weights)
    tensors["keys"][0, 0] *= 1.5
    write_tensors(weights, tensors, metadata)
    certificate = json.loads(path.read_text())
    certificate["weights"]["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    resign(path, certificate)
    result = verify(path)
    assert not result.holds
    assert "keys[0, 0]" in result.reason


def test_the_command_line_verifies_and_refuses(certified, tmp_path):
    good = assay("verify", str(certified[1]), "--json")
    assert good.returncode == 0
    assert json.loads(good.stdout)["holds"]
    certified[0].write_bytes(certified[0].read_bytes()[:-1] + b"\x7f")
    bad = assay("verify", str(certified[1]))
    assert bad.returncode == 1
    named = json.loads(certified[1].read_text())["weights"]
    other = hashlib.sha256(certified[0].read_bytes()).hexdigest()
    assert (
        f"does NOT hold: {certified[0]} is not the weights file that the certificate names: {named['file']}, SHA-256 "
        f"{named['sha256']}; this one has {other}"
    ) in bad.stdout
    missing = assay("verify", str(tmp_path / "none.json"))
    assert missing.returncode == 2
    assert len(missing.stderr.splitlines()) == 1


def test_another_layout_of_a_certificate_is_said_to_be_one_and_can_be_restored(certified):
    path = certified[1]
    whole = path.read_text()
    path.write_text(whole.removesuffix("\n"))
    said = verify(path)
    assert not said.holds
    assert f"lacks the newline at its end: nothing else differs; 'echo >> {path}' restores it" in said.reason
    subprocess.run(["sh", "-c", f"echo >> {path}"], check=True)
    assert verify(path).holds
    path.write_text(json.dumps(json.loads(whole), indent=1))
    said = verify(path)
    assert not said.holds
    assert "another layout, and its content as it was: a certificate is one line of JSON" in said.reason
    path.write_text(canonical(json.loads(path.read_text())) + "\n")  # as the reason says
    assert path.read_text() == whole


def test_a_guarantee_says_over_which_inputs_and_of_which_error_it_is():
    for task, words in (
        (
            SparseAveraging(length=9, sparsity=3),
            "over all sets of 3 pointers and all values in the unit ball: every answer",
        ),
        (make_task("match2", length=5, modulus=7), "over all residues: every answer"),
    ):
        claim = {"task": task.to_json(), "refuses": False, "guaranteed_error": 0.1, "arithmetic": "float32"}
        first = proof_text({**claim, "steps": [], "assumes": []}).splitlines()[0]
        assert first.startswith(f"proved {words} errs by at most 0.1 (")
        assert ("Euclidean" in first) is isinstance(task, SparseAveraging)
        assert first.endswith("in float32, rounding included")


@pytest.mark.long
def test_exp_in_float32_is_within_two_units_over_all_arguments():
    """What the proofs take for granted of torch.exp: every float32 from -104 to 0, against float64."""
    bits = torch.arange(0x80000000, 0xC2D00000 + 1, 1 << 22, dtype=torch.int64)
    for first in bits.tolist():
        numbers = torch.arange(first, min(first + (1 << 22), 0xC2D00001)).to(torch.int64)
        x = (numbers - (1 << 32)).to(torch.int32).view(torch.float32)
        found, exactly = torch.exp(x), torch.exp(x.double())
        normal = exactly >= 2.0**-126
        unit = torch.ldexp(torch.ones_like(exactly), exactly.log2().floor().int() - 23)
        assert ((found.double() - exactly).abs()[normal] <= 2 * unit[normal]).all(), first
        assert (found[~normal] <= 2.0**-125).all()


@pytest.mark.parametrize("method", ["sign", "cyclic", "reed-solomon", "heads"])
@pytest.mark.parametrize("temperature", [-1.0, 0.0, math.nan, math.inf, 1e300, 10**400, True])
@pytest.mark.parametrize("sparsity", [2, 6])
def test_a_temperature_that_is_none_proves_nothing(method, temperature, sparsity):
    """Where every token is pointed to there is no gap to check; the temperature must be one all the same."""
    unit = build(SparseAveraging(length=6, sparsity=sparsity), method=method, tolerance=0.2)
    stored = Stored.of(unit)
    tensors = dict(stored.tensors)
    if "query" in tensors and not isinstance(temperature, int):
        tensors["query"] = tensors["query"] * (temperature / stored.settings["temperature"])
    with pytest.raises((ValueError, OverflowError, RuntimeError)):
        prove(replace(stored, settings={**stored.settings, "temperature": temperature}, tensors=tensors))


def test_a_file_cannot_bring_its_own_prover(certified, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    metadata, tensors = read_tensors(certified[0])
    for key, value in (("method", "evil:proof"), ("task", canonical({"name": "evil:Task", "length": 3}))):
        weights = resigned(certified, {**metadata, key: value}, tensors)
        result = verify(certified[1], weights)
        assert not result.holds
        assert "is not known" in result.reason
        with pytest.raises(AssayError, match=r"needs evil:\w+, no part of Assay"):
            load(weights)


def resigned(certified, metadata, tensors):
    """Other weights, with all checksums made anew."""
    weights, path = certified
    write_tensors(weights, tensors, metadata)
    certificate = json.loads(path.read_text())
    certificate["weights"]["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    resign(path, certificate)
    return weights


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tolerance": 1e-30}, "is proved, above 1e-30"),
        ({"comment": 1}, "setting of sign 'comment' is not known"),
        ({"temperature": -5.0}, "the weights do not prove it"),
        ({"score_width": 3}, "another settings"),
        ({"dtype": "float16"}, "the weights do not prove it"),
    ],
)
def test_altered_settings_with_all_checksums_made_anew_are_found(certified, settings, said):
    metadata, tensors = read_tensors(certified[0])
    changed = {**json.loads(metadata["settings"]), **settings}
    result = verify(certified[1], resigned(certified, {**metadata, "settings": canonical(changed)}, tensors))
    assert not result.holds
    assert said in result.reason


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("weights"),
        lambda c: c.update(claim="all is well"),
        lambda c: c["weights"].update(file=3),
        lambda c: c.update(comment="verified"),
        lambda c: c["claim"].update(comment="verified"),
        lambda c: c.update({"assay-certificate": True}),
        lambda c: c["claim"].update(refuses=0),
        lambda c: c["claim"]["task"].update(length=6.0),
    ],
)
def test_a_certificate_of_another_shape_with_its_checksum_made_anew_is_found(certified, change):
    certificate = json.loads(certified[1].read_text())
    change(certificate)
    resign(certified[1], certificate)
    assert refuted(certified[1])


@pytest.mark.parametrize("text", ["", "[" * 100_000, "NaN", '{"sha256": NaN}', "null", "[]"])
def test_a_file_that_is_no_certificate_is_refused(certified, text):
    certified[1].write_text(text)
    with pytest.raises(AssayError, match="no certificate"):
        verify(certified[1])


def test_keys_that_answer_nothing_have_no_certificate(certified):
    metadata, tensors = read_tensors(certified[0])
    tensors["keys"][:] = tensors["keys"][:1].clone()
    result = verify(certified[1], resigned(certified, metadata, tensors))
    assert not result.holds


@pytest.mark.parametrize("sparsity", [2, 4, 8])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", ["all", "last"])
def test_small_gaps_can_be_certified_too(sparsity, method, layout):
    """At the default tolerance and a length just above q, scores are close together."""
    for length in (sparsity, sparsity + 1, sparsity + 2):
        unit = build(SparseAveraging(length=length, sparsity=sparsity, layout=layout), method=method)
        assert certify(unit).guaranteed_error <= unit.certificate().guaranteed_error * (1 + 1e-6)


def test_products_beyond_float64_are_left_to_algebra():
    unit = build(SparseAveraging(length=24, sparsity=22), method="cyclic", tolerance=0.001)
    assert certify(unit).guaranteed_error <= 0.001

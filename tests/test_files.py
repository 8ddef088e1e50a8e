"""Reading files that nobody vouches for: regular ones only, as far as a stated size, and JSON that is JSON."""

import os

import numpy as np
import pytest

from assay import AssayError
from assay.probing import heads
from assay.probing.certificate import certify
from assay.probing.chosen import is_probe_certificate, verify_set
from assay.probing.source import open_heads
from assay.store.files import parse_json, read_bounded, read_text, sha256_of
from assay.store.tensors import read_any_tensors
from assay.studies.study_file import load_study


def test_a_file_and_a_link_to_one_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_bounded(tmp_path / "a", 5) == read_bounded(tmp_path / "b", 5) == b"12345"
    assert sha256_of(tmp_path / "a", 5).startswith("5994471abb01112afcc18159f6cc74b4")


def test_one_byte_more_than_is_allowed_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    with pytest.raises(AssayError, match="a cannot be read: it has 5 bytes; at most 4 are allowed"):
        read_bounded(tmp_path / "a", 4)


def test_what_is_no_file_is_refused_and_nothing_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "around").symlink_to(tmp_path / "around")
    for name, said in [
        ("pipe", "it is a pipe"),
        ("zero", "it is a device"),
        ("", "it is a folder"),
        ("around", "symbolic links"),
        ("none", "No such file"),
        ("a\0b", r"a\\x00b cannot be read: no file can have this name"),
        ("\ud800", r"\\ud800 cannot be read: no file can have this name"),
    ]:
        for read in (read_bounded, read_text, sha256_of):
            with pytest.raises(AssayError, match=said) as error:
                read(tmp_path / name, 100)
            assert str(error.value).isprintable()


def test_a_text_that_is_none_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"ab\xff")
    with pytest.raises(AssayError, match=r"no text in UTF-8 \(byte 2\)"):
        read_text(tmp_path / "a", 100)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[-Infinity]", "1e999", "9" * 5000, "[" * 100_000, '{"a":1} 2'])
def test_json_that_is_none_is_refused_in_one_line(text):
    with pytest.raises(AssayError, match="it is no JSON text") as error:
        parse_json(text, "it")
    assert "\n" not in str(error.value)


def test_json_is_read_as_it_stands():
    assert parse_json('{"a": [1, 2.5, true, null, "x"]}', "it") == {"a": [1, 2.5, True, None, "x"]}


@pytest.mark.parametrize("kind", ["pipe", "zero", "folder"])
def test_no_reader_waits_for_a_pipe_or_reads_a_device(kind, tmp_path):
    for read, name in [
        (read_any_tensors, "a.safetensors"),
        (heads.read_arrays, "a.npz"),
        (load_study, "a.toml"),
        (verify_set, "a.json"),
    ]:
        path = tmp_path / name
        {"pipe": os.mkfifo, "zero": lambda at: at.symlink_to("/dev/zero"), "folder": os.mkdir}[kind](path)
        with pytest.raises(AssayError, match="cannot be read: it is a "):
            read(str(path) if read is load_study else path)
        assert not is_probe_certificate(path)


def test_arrays_are_not_unpacked_beyond_what_is_allowed(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", keys=np.zeros((1, 1000, 8)))
    monkeypatch.setattr(heads, "LARGEST_FILE", 10_000)
    with pytest.raises(AssayError, match=r"a.npz holds 64\d\d\d bytes of arrays; at most 10000 are allowed"):
        heads.read_arrays(tmp_path / "a.npz")


def test_a_note_of_a_file_is_said_to_be_the_files(tmp_path):
    np.savez(tmp_path / "a.npz", keys=np.eye(4)[None], note=np.array("Proved.\x1b[2J"), text=np.array("a\x1b"))
    (heads,) = open_heads(tmp_path / "a.npz")
    assert heads.note == r"Its file says: Proved.\x1b[2J"
    assert heads.text == r"a\x1b"


def test_a_study_that_is_nested_too_deeply_or_no_text_is_refused(tmp_path):
    for content, said in [(b"a = " + b"[" * 100_000, "nested too deeply"), (b"a = '\xff'", "no text in UTF-8")]:
        (tmp_path / "a.toml").write_bytes(content)
        with pytest.raises(AssayError, match=said) as error:
            load_study(str(tmp_path / "a.toml"))
        assert "\n" not in str(error.value)


def test_a_probes_certificate_that_was_altered_does_not_hold_and_one_of_another_form_is_none(tmp_path):
    path = tmp_path / "a.json"
    certify(np.eye(3), [0, 1]).write(path)
    whole = path.read_text()
    assert verify_set(path).holds
    path.write_text(whole.replace('"positions":[0,1]', '"positions":[0,2]'))
    assert "SHA-256 differs" in verify_set(path).reason
    for odd in ('"\\ud800"', "true", "1e999", "NaN", "{}", "9" * 5000):
        path.write_text(whole.replace('"positions":[0,1]', f'"positions":{odd}'))
        with pytest.raises(AssayError, match=r"no certificate|positions") as error:
            verify_set(path)
        assert "\n" not in str(error.value)

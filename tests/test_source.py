"""Code of a user's own: what its digest follows, and what stands for it in the key of a question."""

import subprocess
import sys
from dataclasses import dataclass, make_dataclass
from typing import ClassVar

import pytest

import assay
from assay import AssayError, Match2
from assay.bounds import bounds_of
from assay.layers import LAYERS
from assay.layers.gru import GRU
from assay.models import named_architecture
from assay.registry import Registry
from assay.store.source import code_of, name_code
from assay.store.syntax import Module, digest_of, imports_of
from assay.tasks import TASKS, make_task, parameters_of
from assay.training.loop import code_of_run

LAYER = """
from assay.layers.gru import GRU
{imports}

class Layer(GRU):
    window = {window}
"""


def module(text, name="some.module", inside=()):
    return Module(name, "/some/module.py", text.encode(), inside)


def layer(folder, *, window=2, imports="", **others):
    """A file with a layer, and others beside it, in a folder of its own."""
    folder.mkdir()
    for name, text in {**others, "layer": LAYER.format(window=window, imports=imports)}.items():
        (folder / f"{name}.py").write_text(text)
    return folder / "layer.py"


def in_new_process(path):
    """The digest of a file's code, as a process that knows nothing of other files has it."""
    told = f"from assay.store.source import *; print(code_of(name_code({str(path)!r}) + ':').digest)"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return ran.stdout


@pytest.mark.parametrize(
    "other",
    [
        "def f(a, b=2):\n    return f'{a:>{b}} of {b}'\n",
        "def f( a , b = 2 ) :  # a comment\n    '''Words.'''\n    return (f\"{a:>{b}}\"\n        f\" of {b}\")\n",
        '"""Words."""\n\n\ndef f(\n    a,\n    b=2,\n):\n    """Other."""\n    return f"{a:>{b}}" " of " f"{b}"\n',
    ],
)
def test_layout_comments_and_docstrings_are_no_part_of_a_digest(other):
    """The digest is the same for all versions of Python."""
    assert digest_of(module(other)) == "57d0fa3d023b2bd81b4beac9bca12e25"


@pytest.mark.parametrize(
    "other",
    [
        "def f(a, b=3):\n    return a\n",
        "def f(a, *, b=2):\n    return a\n",
        "def f(a, b=2):\n    return 'a'\n",
        "def f(a, b=2.0):\n    return a\n",
        "def f(a, b=None):\n    return a\n",
        "def f(a, b):\n    return a\n",
        "def f(a, b=True):\n    return a\n",
        "def f(a, b=1):\n    return a\n",
        "async def f(a, b=2):\n    return a\n",
        "def f(a, b=2):\n    return f'a'\n",
        "def f(a, b=2):\n    return f'{a}'\n",
    ],
)
def test_what_a_program_does_is_part_of_its_digest(other):
    assert digest_of(module(other)) != digest_of(module("def f(a, b=2):\n    return a\n"))


def test_imports_are_found_wherever_they_stand():
    text = "import a.b\nfrom . import c\nfrom .d import e\ndef f():\n    from g import h\n"
    assert imports_of(module(text)) == ["a.b", "some", "some.c", "some.d", "some.d.e", "g", "g.h"]
    assert imports_of(module("from . import c", "some", ("/some",))) == ["some", "some.c"]


def test_a_digest_follows_the_local_modules_that_are_imported(tmp_path):
    files = {"imports": "import near", "near": "import deep.inner\n", "unrelated": "A = 1\n"}
    path = layer(tmp_path / "one", **files)
    (tmp_path / "one" / "deep").mkdir()
    deep = tmp_path / "one" / "deep" / "inner.py"
    deep.write_text("B = 1\n")
    first = in_new_process(path)
    (tmp_path / "one" / "unrelated.py").write_text("A = 2\n")
    deep.write_text("B = 1  # one\n")
    assert in_new_process(path) == first
    deep.write_text("B = 2\n")
    second = in_new_process(path)
    assert second != first
    path.rename(tmp_path / "one" / "other.py")
    (tmp_path / "one").rename(tmp_path / "two")
    assert in_new_process(tmp_path / "two" / "other.py") == second


def test_installed_packages_stand_with_their_versions(tmp_path):
    import numpy

    named = name_code(str(layer(tmp_path / "packages", imports="import numpy.linalg, math, assay.errors")))
    assert named == "layer.py"
    assert code_of("layer.py:Layer").packages == (f"assay=={assay.__version__}", f"numpy=={numpy.__version__}")


def test_what_is_shipped_has_its_own_name_and_what_derives_from_it_its_version(tmp_path, monkeypatch):
    assert LAYERS.named("assay.layers.gru:GRU") == "gru"
    path = layer(tmp_path / "derived")
    path = path.rename(path.with_name("derived.py"))
    name = LAYERS.named(f"{path}:Layer")
    first = LAYERS.code(name)
    assert first.endswith(" gru=1")
    monkeypatch.setattr(GRU, "version", 2)
    assert LAYERS.code(name) == first.replace("gru=1", "gru=2")


@pytest.mark.parametrize(
    "name",
    [":X", "a..b:X", ".a:X", "..:X", "a.py:X:Y", "none.py:X", "x" * 300 + ".py:X", "x" * 5000 + ":X", "a\nb:X", "-:X"],
)
def test_odd_names_are_refused_in_one_line(name):
    for named in (named_architecture, TASKS.named):
        with pytest.raises(AssayError) as refused:
            named(name)
        assert str(refused.value).isprintable()


def test_two_files_of_one_name_are_told_apart(tmp_path):
    first = tmp_path / "a.py"
    first.write_text("class A: pass\n")
    assert name_code(str(first)) == name_code(str(first)) == "a.py"
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.py").write_text("class B: pass\n")
    with pytest.raises(AssayError, match=r"are both a\.py; in one process, give one of them another name"):
        name_code(str(tmp_path / "b" / "a.py"))
    first.write_text("class A: x = 1\n")
    with pytest.raises(AssayError, match="was edited while this process uses it"):
        name_code(str(first))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", "broken.py line 1: SyntaxError"),
        ("x = 1\nraise OSError('no\\n disk')\n", "broken.py line 2: OSError: no disk"),
        ("import no_such_module_anywhere\n", "broken.py line 1: ModuleNotFoundError"),
        ("from . import near\n", "broken.py line 1: ImportError"),
        ("x = 1\0", "broken.py: SyntaxError: source code string cannot contain null bytes"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_in_one_line(text, said, tmp_path):
    (tmp_path / "broken.py").write_text(text)
    for _ in range(2):
        with pytest.raises(AssayError, match="cannot be imported") as refused:
            LAYERS.named(str(tmp_path / "broken.py:Layer"))
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_class_that_is_in_no_file_is_said_to_be():
    """That of a notebook, or of a function: it can be used, but nothing can be kept under its name."""

    class Inner(GRU):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Local(Match2):
        pass

    made = make_dataclass("Made", [], bases=(Match2,), frozen=True, kw_only=True, namespace={"__module__": "__main__"})
    for task in (Local(length=4), made(length=4)):
        with pytest.raises(AssayError, match="put it into one") as refused:
            code_of_run("gru", task)
        assert "\n" not in str(refused.value)
    assert Local(length=4).to_json()["name"].endswith("Local")
    assert LAYERS.name_of(Inner).endswith("Inner")
    with pytest.raises(AssayError, match="put it into one"):
        LAYERS.code(LAYERS.name_of(Inner))


def test_a_derived_task_is_another():
    """No bound on Match2 speaks of what was derived from it, unless that says that it is Match2."""

    @dataclass(frozen=True, kw_only=True)
    class Other(Match2):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Same(Match2):
        name: ClassVar[str] = "match2"

    assert Other(length=4).name == "Other"
    assert not bounds_of(Other(length=4))
    assert bounds_of(Same(length=4))


def test_a_file_registers_one_entry_of_a_kind():
    registry = Registry("thing", "assay.tasks")

    @registry.register
    class First:
        pass

    registry.register(First)
    with pytest.raises(AssayError, match="a file registers one"):

        @registry.register
        class Second:
            pass


TASK = """
from dataclasses import dataclass
from typing import ClassVar, Literal, Optional
from assay.tasks.match2 import Match2

@dataclass(frozen=True, kw_only=True)
class Mine(Match2):
    symbols: ClassVar[dict] = {"length": "N", "extra": "E"}
    extra: int = 3
    share: float = 0.5
    way: Literal["a", "b"] = "a"
    most: Optional[int] = None
    loud: bool = False
"""


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_parameters_have_the_types_that_a_task_declares(future, tmp_path):
    path = tmp_path / f"typed{bool(future)}.py"
    path.write_text(future + TASK)
    name = TASKS.named(f"{path}:Mine")
    types = parameters_of(name)
    assert (types["length"], types["extra"], types["share"], types["loud"]) == (int, int, float, bool)
    assert make_task(f"{path}:Mine", length=4, extra=5).to_json()["name"] == f"{path.name}:Mine"
    with pytest.raises(AssayError, match="did you mean 'extra'"):
        make_task(name, length=4, E=2)


def test_what_names_an_architecture(tmp_path):
    path = layer(tmp_path / "named")
    path = path.rename(path.with_name("named.py"))
    assert named_architecture(f"{path}:Layer") == "named.py:Layer"
    assert named_architecture("gru") == "gru"
    with pytest.raises(AssayError, match=r"names no class; it has: .*named\.py:Layer$"):
        named_architecture(str(path))
    with pytest.raises(AssayError, match="did you mean 'attention'"):
        named_architecture("transformer")
    with pytest.raises(AssayError, match="did you mean 'third-order'") as refused:
        named_architecture("third-ordr")
    known = str(refused.value).split("Known: ")[1].split(", ")
    assert known == sorted(set(known))


def test_a_folder_without_init_in_a_package_that_is_not_imported(tmp_path):
    path = layer(tmp_path / "one", imports="from parts_one.inner.scale import SCALE")
    inner = path.parent / "parts_one" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("")
    (inner / "scale.py").write_text("SCALE = 1\n")
    before = in_new_process(path)
    assert before
    (inner / "scale.py").write_text("SCALE = 2\n")
    assert in_new_process(path) != before

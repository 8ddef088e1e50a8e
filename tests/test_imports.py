"""Imports go one way: a module of a package imports only from packages that stand before its own in CONTRIBUTING."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "assay"
MODULES = sorted(SOURCE.rglob("*.py"))


def order():
    """Packages and top-level modules as CONTRIBUTING lists them, bottom first."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = page.split("## How it hangs together")[1].split("## ")[0]
    return re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)


def place_of(name):
    return name.split(".")[1] if "." in name else name


def imported(path):
    """Names of modules, wherever in the file they are imported; `from assay import x` counts as `assay.x`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            module = node.module or ""
            yield from (f"assay.{alias.name}" for alias in node.names) if module == "assay" else (module,)


def test_contributing_lists_every_package():
    there = {path.name for path in SOURCE.iterdir() if any(path.glob("*.py"))}  # not what was one, and its caches
    there |= {path.stem for path in SOURCE.glob("*.py") if not path.stem.startswith("__")}
    found = order()
    assert len(found) == len(set(found))
    assert set(found) == there


@pytest.mark.parametrize("package", order())
def test_imports_go_one_way(package):
    places = {name: number for number, name in enumerate(order())}
    paths = [path for path in MODULES if path.relative_to(SOURCE).with_suffix("").parts[0] == package]
    assert paths
    for path in paths:
        for name in imported(path):
            if name.startswith("assay.") and name != "assay.__version__":
                assert places[place_of(name)] <= places[package], f"{path.relative_to(ROOT)} imports {name}"


def test_the_entry_of_the_package_is_lazy():
    """`import assay` imports nothing of its own: names come when they are asked for, so no package depends on all."""
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    own = [node for node in tree.body if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("assay")]
    assert own == []


# What proofs take from constructions, for the reasons that CONTRIBUTING gives.
SHARED = {"constructions", "construction", "weights_file", "active_clip", "presence", "answering", "trials"}
ALONE = ("proof", "certificate_file", "__init__", "presence")  # files that may know what a construction is


def test_proofs_share_with_constructions_what_contributing_says():
    page = (
        (ROOT / "CONTRIBUTING.md")
        .read_text("utf-8")
        .split("## What proofs share with constructions")[1]
        .split("## ")[0]
    )
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == SHARED
    taken = {}
    for path in (SOURCE / "proofs").glob("*.py"):
        names = {name.rpartition(".")[2] for name in imported(path) if name.startswith("assay.constructions")}
        taken |= dict.fromkeys(names, path.name)
        if path.stem not in ALONE:
            assert names <= {"active_clip", "presence"}, f"{path.name} takes {names}"
    assert set(taken) == SHARED

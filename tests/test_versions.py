"""Code that answers questions has a version; one that was edited without a thought of it is found here.

`versions.txt` has a line for each: kind, name, version, and a digest of its module and of those of its kind that it
imports, without comments, docstrings and layout. `python tests/test_versions.py` records them anew.
"""

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import assay
from assay.bounds import BOUNDS
from assay.constructions import CONSTRUCTIONS
from assay.examine.protocols import PROTOCOLS
from assay.layers import LAYERS
from assay.models import NETWORKS
from assay.models.bare_models import BARE_VERSION
from assay.probing.questions import PROBE_VERSION
from assay.proofs import PROOFS
from assay.questions.baselines import BASELINES_VERSION
from assay.questions.boolean import BOOLEAN_VERSION
from assay.questions.certificate import PROOF_VERSION
from assay.questions.memory import MEMORY_VERSION
from assay.questions.precision import PRECISION_VERSION
from assay.questions.retrieval import RETRIEVAL_VERSION
from assay.store.syntax import Module, digest_of, imports_of, short_sha256
from assay.tasks import TASKS
from assay.training.question import RECIPE_VERSION

RECORD = Path(__file__).with_name("versions.txt")
# A registry's entries, and whose modules their code is, beside their own.
ENTRIES = {
    "task": (TASKS, ["tasks"]),
    "layer": (LAYERS, ["layers"]),
    "network": (NETWORKS, ["models"]),
    "construction": (CONSTRUCTIONS, ["constructions", "models", "layers", "arithmetic"]),
    "bound": (BOUNDS, ["bounds"]),
    "protocol": (PROTOCOLS, ["examine.protocols"]),
}
# What else answers: its version, the modules it begins in, and whose modules their code is.
FEATURES = ["tasks.graph_features", "tasks.matching_features", "tasks.token_features"]
ROUTINES = {
    "baselines": (BASELINES_VERSION, ["baselines.fit", *FEATURES], ["baselines"]),
    "bare models": (BARE_VERSION, ["models.bare_models"], ["models"]),
    "recipe": (
        RECIPE_VERSION,
        [
            "training.loop",
            "training.batched",
            "training.overlap",
            "models.backbone",
            "layers.common.short_conv",
            "layers.common.users_layer",
        ],
        ["training"],
    ),
    "precision": (PRECISION_VERSION, ["examine.precision.search"], ["examine.precision"]),
    "proofs": (PROOF_VERSION, [f"proofs.{name.replace('-', '_')}" for name in PROOFS.names()], ["proofs"]),
    "probing": (PROBE_VERSION, ["probing.questions"], ["probing"]),
    "retrieval": (RETRIEVAL_VERSION, ["questions.retrieval"], ["retrieval"]),
    "memory": (MEMORY_VERSION, ["retrieval.memories"], ["retrieval"]),
    "boolean": (BOOLEAN_VERSION, ["questions.boolean"], ["boolean"]),
}
WHAT_TO_DO = (
    "changed, but its version did not. Where any answer may differ, raise the version (`version` of its class, "
    "or RECIPE_VERSION and the like); in any case record it: python tests/test_versions.py"
)


@cache
def module(name):
    path = find_spec(name).origin
    return Module(name, path, Path(path).read_bytes(), ("",) if path.endswith("__init__.py") else ())


@cache
def facts(name):
    return digest_of(module(name)), imports_of(module(name))


def exists(name):
    parts = Path(assay.__file__).parent.joinpath(*name.split(".")[1:])
    return parts.with_suffix(".py").is_file() or (parts / "__init__.py").is_file()


def modules_of(begin, folders):
    """Digests, by name, of these modules and of all in these folders that they import, directly or not."""
    found, waiting = {}, [f"assay.{name}" for name in begin]
    while waiting:
        name = waiting.pop()
        if name not in found and exists(name):
            found[name], imported = facts(name)
            waiting += [one for one in imported if one.startswith(tuple(f"assay.{folder}." for folder in folders))]
    return found


def digest(begin, folders):
    return short_sha256(repr(sorted(modules_of(begin, folders).items())).encode())


def now():
    """Version and digest of everything that answers, by kind and name."""
    found = {}
    for kind, (registry, folders) in ENTRIES.items():
        for name in registry.names():
            begin = registry[name].__module__.removeprefix("assay.")
            found[f"{kind} {name}"] = str(registry.code(name)), digest([begin], folders)
    for name, (version, begin, folders) in ROUTINES.items():
        found[f"routine {name}"] = str(version), digest(begin, folders)
    return found


def recorded():
    lines = [line.rsplit(" ", 2) for line in RECORD.read_text("utf-8").splitlines()]
    return {name: (version, found) for name, version, found in lines}


def complaints(before, after):
    """What is to be done about everything that differs from the record."""
    said = []
    for name in sorted(before.keys() | after.keys()):
        was, is_now = before.get(name), after.get(name)
        if was is None or is_now is None:
            said.append(f"{name} is {'new' if was is None else 'gone'}; record it: python tests/test_versions.py")
        elif was[0] == is_now[0] and was[1] != is_now[1]:
            said.append(f"{name} {WHAT_TO_DO}")
        elif was != is_now:
            said.append(f"{name} has another version; record it: python tests/test_versions.py")
    return said


def test_code_that_changed_has_another_version():
    said = complaints(recorded(), now())
    assert not said, "\n".join(said)


def test_what_is_said_of_code_that_changed():
    before = {"task a": ("1", "x"), "task b": ("1", "x"), "task c": ("1", "x"), "task d": ("1", "x")}
    after = {"task a": ("1", "x"), "task b": ("1", "y"), "task c": ("2", "y"), "task e": ("1", "x")}
    changed, other, gone, new = complaints(before, after)
    assert changed.startswith("task b changed, but its version did not")
    assert other.startswith("task c has another version")
    assert (gone.split(";")[0], new.split(";")[0]) == ("task d is gone", "task e is new")


def test_digests_follow_helpers_of_the_same_kind():
    """Match2's labels are in another module; the modules of registries are part of nothing."""
    found = {name.removeprefix("assay.tasks.") for name in modules_of(["tasks.match2"], ["tasks"])}
    assert found >= {"match2", "match_labels", "matching", "task", "counter"}
    assert found.isdisjoint({"assay.tasks", "sparse_averaging"})


if __name__ == "__main__":
    lines = [f"{name} {version} {found}\n" for name, (version, found) in sorted(now().items())]
    RECORD.write_text("".join(lines), "utf-8")
    sys.stdout.write(f"{RECORD}: {len(lines)} recorded\n")

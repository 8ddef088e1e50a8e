"""What `assay doctor` looks at: whether this installation and this machine can do what the commands promise.

Every check is a function that says what it found and, unless all is well, what to do. What a check trips over is a
problem, not an end. Torch is imported by the checks that need it, so that its absence is one of the findings.
"""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import tempfile
import tomllib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import TimeoutError as NoAnswer
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from assay import __version__
from assay.cli.machine import allowed_cores, file_system, free_memory
from assay.cli.options import option_of
from assay.errors import AssayError
from assay.evidence import Evidence, Json
from assay.schema import Result
from assay.store.files import free_bytes, nearest_folder, require_folder
from assay.store.ledger import LEDGER, Ledger
from assay.store.versions import machine

_PACKAGE = "assay-attention"
_SOURCE = Path(__file__).parents[3]  # where pyproject.toml is if this is a checkout
_OLDEST_SQLITE = (3, 22, 0)  # from there on, a ledger that may only be read can be read
_GIGABYTE = 2**30
_FEW_MEMORY, _LITTLE_DISK, _NO_DISK = 2 * _GIGABYTE, _GIGABYTE, 2**26
_NETWORK_FILES = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "lustre", "beegfs", "ceph"}
_START_SECONDS = 60.0
_EXTRAS = {
    "probe": "reads attention heads of models",
    "cluster": "runs studies on a Ray cluster",
    "frames": "gives data frames",
}


@dataclass(frozen=True)
class Check:
    """One finding: ok, a warning (slower, or something optional is amiss), or a problem (something will not work)."""

    name: str
    status: Literal["ok", "warning", "problem"]
    found: str
    advice: str = ""


@dataclass(frozen=True, repr=False)
class Checked(Result):
    """All findings.

    Attributes:
        checks: in order.
    """

    checks: tuple[Check, ...]

    @cached_property
    def problems(self) -> int:
        """How many there are."""
        return [check.status for check in self.checks].count("problem")

    @cached_property
    def warnings(self) -> int:
        """How many there are."""
        return [check.status for check in self.checks].count("warning")

    @property
    def line(self) -> str:
        """Both numbers."""
        return f"problems {self.problems}, warnings {self.warnings}"


def examine(out: Path) -> Checked:
    """All findings, for results that go to the folder `out`, which is not made; some ten seconds."""
    checks: list[Check] = []
    for name, check in _checks(out):
        try:
            checks.append(replace(check(), name=name))
        except Exception as error:  # whatever it is, the other checks are worth having
            words = "; ".join(error.spelt(option_of)) if isinstance(error, AssayError) else str(error)
            said = " ".join(words.split()) or type(error).__name__
            advice = "" if isinstance(error, AssayError) else "this check could not be made"
            checks.append(Check(name, "problem", said, advice))
    return Checked(tuple(checks))


def _checks(out: Path) -> Iterator[tuple[str, Callable[[], Check]]]:
    yield "assay", _assay
    yield "dependencies", _dependencies
    for extra, purpose in _EXTRAS.items():
        yield f"extra {extra}", partial(_extra, extra, purpose)
    yield "torch", _torch
    yield "numpy", _numpy
    yield "threads", _threads
    yield "openmp", _openmp
    yield "memory", _memory
    yield "output folder", partial(_output_folder, out)
    yield "disk", partial(_disk, out)
    yield "sqlite", partial(_sqlite, out)
    yield "ledger", partial(_ledger, out)
    yield "determinism", _determinism
    yield "workers", _workers


def _ok(found: str) -> Check:
    return Check("", "ok", found)


def _warning(found: str, advice: str) -> Check:
    return Check("", "warning", found, advice)


def _problem(found: str, advice: str) -> Check:
    return Check("", "problem", found, advice)


def _assay() -> Check:
    return _ok(f"{__version__} at {Path(__file__).parents[1]}, Python {platform.python_version()}, {machine()}")


def _dependencies() -> Check:
    needed = _requirements()
    if not needed:
        return _problem("its requirements are not known", f"install it: pip install {_PACKAGE}")
    amiss = _amiss(needed[""])
    if amiss:
        return _problem(", ".join(amiss), f"pip install --upgrade {_PACKAGE}")
    found = f"{len(needed[''])} at or above their floors"
    differing = _untested()
    if differing:
        found += f"; not the versions of constraints.txt, so last digits may differ: {', '.join(differing)}"
    return _ok(found)


def _extra(extra: str, purpose: str) -> Check:
    needed = _requirements().get(extra)
    if needed is None:
        return _ok(f"not part of this version ({purpose})")
    amiss = _amiss(needed)
    command = f"pip install '{_PACKAGE}[{extra}]'"
    if not amiss:
        return _ok(f"{', '.join(f'{name} {metadata.version(name)}' for name in needed)} ({purpose})")
    if all(line.endswith("is missing") for line in amiss) and len(amiss) == len(needed):
        return _ok(f"not installed ({purpose}: {command})")
    return _warning(", ".join(amiss), command)


def _requirements() -> dict[str, dict[str, str]]:
    """Packages and their floors by extra, `""` being those always needed; a checkout's own, or else what pip noted."""
    project = _SOURCE / "pyproject.toml"
    if project.is_file():
        stated = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if stated.get("name") == _PACKAGE:
            lines = {"": stated["dependencies"], **stated.get("optional-dependencies", {})}
            return {extra: _floors(needed) for extra, needed in lines.items()}
    try:
        noted = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {"": []}
    for line in noted:
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)""", line)
        found.setdefault(extra[1] if extra else "", []).append(line)
    return {extra: _floors(needed) for extra, needed in found.items()}


def _floors(lines: list[str]) -> dict[str, str]:
    """Name and smallest version of requirements such as `torch>=2.6`.

    >>> _floors(["torch>=2.6", 'gguf>=0.10; extra == "probe"', "ty==0.0.105", "assay-attention[probe]"])
    {'torch': '2.6', 'gguf': '0.10', 'ty': '0.0.105'}
    """
    found = (re.match(r"([\w.-]+)[^;]*?[>=]=\s*([\w.]+)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def _amiss(needed: dict[str, str]) -> list[str]:
    said = []
    for name, floor in needed.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            said.append(f"{name} is missing")
            continue
        if _numbers(version) < _numbers(floor):
            said.append(f"{name} {version} is older than {floor}")
    return said


def _untested() -> list[str]:
    constraints = _SOURCE / "constraints.txt"
    if not constraints.is_file():
        return []
    pinned: dict[str, set[str]] = {}  # some have several, by Python version
    for line in constraints.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==([\w.+]+)", line):
            pinned.setdefault(match[1], set()).add(match[2])
    found = {name: metadata.version(name).split("+")[0] for name in _requirements()[""]}
    return [f"{name} {version}" for name, version in found.items() if version not in pinned.get(name, {version})]


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, to compare versions by.

    >>> _numbers("2.13.0+cpu") > _numbers("2.6"), _numbers("2.6") >= _numbers("2.6.0")
    (True, True)
    """
    found = [int(part) for part in re.match(r"[\d.]*", version)[0].split(".") if part]  # ty: ignore[not-subscriptable]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _torch() -> Check:
    import torch

    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
    devices = f", {torch.cuda.device_count()} GPUs" if torch.cuda.is_available() else ""
    found = f"{torch.__version__} ({build}{devices}), BLAS {blas[1] if blas else 'unknown'}, "
    found += f"CPU features {torch.backends.cpu.get_cpu_capability()}"
    if not blas:
        return _warning(found, "without BLAS products of matrices are slow; install torch from PyPI")
    return _ok(found)


def _numpy() -> Check:
    import numpy

    config: Any = numpy.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {})
    features = config.get("SIMD Extensions", {}).get("found", [])
    found = f"{numpy.__version__}, BLAS {blas.get('name', 'unknown')} {blas.get('version', '')}".rstrip()
    return _ok(f"{found}, CPU features {' '.join(features) or 'baseline'}")


def _threads() -> Check:
    import torch

    cores, allowed = os.cpu_count() or 1, allowed_cores()
    found = f"torch uses {torch.get_num_threads()}; this process may use {allowed:g} of {cores} cores"
    if allowed < cores:
        return _warning(found, f"give 'assay run' --workers {max(1, int(allowed))}, as it counts all cores")
    if torch.get_num_threads() > cores:
        return _warning(found, f"more threads than cores are slow; set OMP_NUM_THREADS to {cores} or less")
    return _ok(found)


def _openmp() -> Check:
    import torch

    torch.ones(2)  # loads the runtimes
    names = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "KMP_BLOCKTIME")
    found = ", ".join(f"{name} {os.environ.get(name, 'unset')}" for name in names[:2])
    found = ", ".join([found, *(f"{name} {os.environ[name]}" for name in names[2:] if name in os.environ)])
    maps = Path("/proc/self/maps")
    text = maps.read_text(encoding="utf-8", errors="replace") if maps.is_file() else ""
    runtimes = sorted(set(re.findall(r"/lib(gomp|iomp5|omp)\b[^/\n]*\.so", text)))
    found += f"; runtime {' and '.join(runtimes)}" if runtimes else ""
    if os.environ.get("OMP_WAIT_POLICY", "").upper() == "ACTIVE":
        return _warning(found, "threads that wait actively slow a shared machine down; unset OMP_WAIT_POLICY")
    if len(runtimes) > 1:
        return _warning(found, "two OpenMP runtimes in one process can be slow or deadlock; reinstall torch from PyPI")
    if not torch.backends.openmp.is_available():
        return _warning(found, "this torch was built without OpenMP and uses one thread")
    return _ok(found)


def _memory() -> Check:
    free = free_memory()
    if free is None:
        return _ok("not known on this system")
    found = f"{free / _GIGABYTE:.1f} GB available"
    if free < _FEW_MEMORY:
        return _warning(found, "a worker takes 0.4 GB and more; use fewer --workers and smaller lengths")
    return _ok(found)


def _output_folder(out: Path) -> Check:
    require_folder(out, is_out=True)
    return _ok(f"{out} {'can be written to' if out.exists() else 'is not there yet and can be made'}")


def _disk(out: Path) -> Check:
    free = free_bytes(out)
    found = f"{free / _GIGABYTE:.1f} GB free for {out}"
    if free < _NO_DISK:
        return _problem(found, "free some space, or choose another folder with --out")
    if free < _LITTLE_DISK:
        return _warning(found, "studies take some megabytes, kept attention heads up to hundreds")
    return _ok(found)


def _sqlite(out: Path) -> Check:
    found = f"{sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        return _problem(found, f"a Python with SQLite {'.'.join(map(str, _OLDEST_SQLITE))} or newer is needed")
    with (
        tempfile.TemporaryDirectory(dir=nearest_folder(out), prefix=".assay-") as folder,
        closing(sqlite3.connect(Path(folder) / "try.sqlite", timeout=0, isolation_level=None)) as one,
        closing(sqlite3.connect(Path(folder) / "try.sqlite", timeout=0, isolation_level=None)) as other,
    ):
        (mode,) = one.execute("PRAGMA journal_mode = WAL").fetchone()
        one.execute("CREATE TABLE numbers (number)")
        one.execute("BEGIN IMMEDIATE")
        try:
            other.execute("BEGIN IMMEDIATE")
            kept_out = False
        except sqlite3.OperationalError:
            kept_out = True
    kind = file_system(nearest_folder(out))
    found += f", journal mode {mode}{f', file system {kind}' if kind else ''}"
    if mode != "wal" or not kept_out:
        return _problem(found, "files cannot be locked there; choose another folder with --out")
    if kind in _NETWORK_FILES:
        return _warning(found, "only processes of one machine may write to a ledger there; merge ledgers of several")
    return _ok(found)


def _ledger(out: Path) -> Check:
    path = out / LEDGER
    if not path.exists() and not path.with_name(f"{LEDGER}-wal").exists():
        return _ok(f"none yet at {path}")
    with Ledger(path, create=False) as ledger:
        return _ok(f"{path} has {sum(1 for _ in ledger)} answers, all readable")


def _tiny_question() -> Json:
    from assay.models.candidates import Candidates
    from assay.tasks import make_task
    from assay.training.question import TrainingQuestion

    task = make_task("sparse-averaging", length=8, sparsity=2, layout="last")
    recipe = {"steps": 20, "batch": 16, "check_every": 10, "validation": 64, "test": 64}
    return TrainingQuestion.usual(Candidates("attention"), task, recipe, 8, seed=0, rate=0.01).to_json()


def _outcome(evidence: Evidence) -> tuple[float, Json]:
    return evidence.error, evidence.detail


@contextmanager
def _one_thread() -> Generator[None]:
    """As in a worker: sums are split among threads, so that their last digits depend on the number of these."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _determinism() -> Check:
    from assay.studies.workers import answer

    question = _tiny_question()
    with _one_thread():
        first, second = (_outcome(answer(question, Path())) for _ in range(2))
    if first != second:
        return _problem(
            f"two equal trainings ended with errors {first[0]!r} and {second[0]!r}",
            "results cannot be repeated on this machine; unset MKL_CBWR and other settings of libraries, update torch",
        )
    return _ok("two equal trainings gave bitwise equal numbers")


def _workers() -> Check:
    from assay.studies.workers import Failed, Workers, answer

    question = _tiny_question()
    with _one_thread():
        expected = _outcome(answer(question, Path()))
    with tempfile.TemporaryDirectory() as folder, Workers(2, Path(folder)) as pool:
        futures = [pool.submit(question) for _ in range(2)]
        try:
            answers = [future.result(timeout=_START_SECONDS) for future in futures]
        except NoAnswer:
            return _problem(f"no answer within {_START_SECONDS:g} seconds", "use --workers 1, or a less busy machine")
    for given in answers:
        if isinstance(given, Failed):
            return _problem(f"one failed with {given.reason}", "install Assay and torch anew")
        if _outcome(given) != expected:
            return _warning(
                "start, but their numbers are not those of this process", "unset OMP_NUM_THREADS and the like"
            )
    return _ok("start, and give bitwise the numbers of this process")

"""Workers on a Ray cluster: each question is a task for one core; the driver alone writes the ledger."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import Future
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from assay.errors import AssayError, require
from assay.evidence import Evidence, Json
from assay.store.source import Code, codes_in
from assay.store.versions import versions
from assay.studies.engines.engine import Engine, WorkerLost
from assay.studies.workers import Failed, _start, attempt

_OMP = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # read by OpenMP as soon as torch is imported
_QUIET = {
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # Ray tells of dead workers on standard output, which is for results
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_OBJECTS = 10**8  # bytes of shared memory of a Ray that is started here: answers are small
_REACH_SECONDS = 10.0
_COUNT_EVERY = 5.0  # seconds between looks at how many cores the cluster has


class RayEngine(Engine):
    """Cores of a Ray cluster, one question each.

    Assay must be installed on every node, in the version that runs here; so must the packages that a user's own code
    imports. That code itself goes with the questions. Questions on attention heads are refused: their keys are in a
    file of this machine.
    """

    def __init__(self, workers: int | None, address: str | None) -> None:
        """Do not start anything yet.

        Raises:
            AssayError: Ray is not installed, or nothing can be at that address.
        """
        self._ray = _import_ray()
        if address is not None:
            host, _, port = address.rpartition(":")
            fits = address == "auto" or (bool(host) and "/" not in host and port.isdecimal())
            require(fits, "address", address, "HOST:PORT of the head node of a Ray cluster, or auto")
        self.workers, self.address = workers, address
        self._counted, self._cores = -_COUNT_EVERY, 1

    @property
    def slots(self) -> int:
        """How many questions it answers at a time: the cores of the cluster, nodes that joined included."""
        now = time.monotonic()
        if now - self._counted >= _COUNT_EVERY:
            self._counted, self._cores = now, max(1, int(self._ray.cluster_resources().get("CPU", 0)))
        return min(self._cores, self.workers or self._cores)

    def submit(self, question: Json) -> Future[Evidence | Failed]:
        """Start answering a question."""
        if question["kind"] == "probe":
            raise AssayError("questions on attention heads cannot be asked of engine 'ray': their keys are kept here")
        return self._task.remote(question, versions(), codes_in(question)).future()

    def result(self, future: Future[Evidence | Failed]) -> Evidence | Failed:
        """The answer that a finished future holds, or why there is none."""
        errors = self._ray.exceptions
        lost = errors.WorkerCrashedError, errors.NodeDiedError, errors.ObjectLostError, errors.OutOfMemoryError
        try:
            return future.result()
        except errors.RayTaskError as error:
            raise _cause(error) from None
        except lost as error:
            raise WorkerLost from error
        except errors.RayError as error:
            raise AssayError(f"Ray cannot go on: {_line(error)}; what is finished is kept") from error

    def __enter__(self) -> Self:
        if self.address is None:
            place: dict[str, Any] = {
                "address": "local",
                "num_cpus": self.workers or os.cpu_count(),
                "include_dashboard": False,
                "object_store_memory": _OBJECTS,
            }
        else:
            _reach(self.address)
            place = {"address": self.address}
        try:
            self._ray.init(**place, runtime_env={"env_vars": _OMP}, log_to_driver=False, logging_level="CRITICAL")
        except (Exception, SystemExit) as error:  # Ray leaves the process where a cluster does not answer
            hint = "" if self.address is None else " (one that asks for a token needs RAY_AUTH_MODE=token, see Ray)"
            what = "no Ray can be started here" if self.address is None else f"no Ray cluster at {self.address}{hint}"
            raise AssayError(f"{what}: {_line(error)}") from error
        # Lost tasks come back to the desk, which asks again: not to be repeated by Ray as well.
        self._task = self._ray.remote(num_cpus=1, max_retries=0)(_answer)
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()


def _answer(question: Json, expected: dict[str, str], codes: tuple[Code, ...]) -> Evidence | Failed:
    _prepare()
    if versions() != expected:
        raise AssayError(
            f"a node of the cluster has {_text(versions())}, this machine {_text(expected)}; they must be the same"
        )
    return attempt(question, Path(), codes)


@cache
def _prepare() -> None:
    """Once in each worker process: what the processes of one machine do as well."""
    _start()


def _cause(error: Any) -> BaseException:
    """What a question raised in its worker; one line where the worker cannot even import Assay."""
    if "failed to import on the worker" in str(error.cause):
        return AssayError("a node of the cluster cannot import assay; it must be installed on all of them")
    return error.cause


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _text(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _import_ray() -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        return import_module("ray")
    except ImportError:
        raise AssayError("engine 'ray' needs Ray: pip install 'assay-attention[cluster]'") from None


def _reach(address: str) -> None:
    """Find out whether anything listens: Ray itself tries for more than a minute."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise AssayError(f"no Ray cluster at {address}: {error}") from None

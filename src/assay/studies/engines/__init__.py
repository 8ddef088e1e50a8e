"""Where the questions of a study are answered: worker processes of this machine, or a Ray cluster."""

from __future__ import annotations

import os
from pathlib import Path

from assay.errors import ParameterError, unknown
from assay.studies.engines.engine import Engine

ENGINES = ("local", "ray")


def open_engine(name: str, *, workers: int | None, folder: Path, address: str | None = None) -> Engine:
    """The engine of this name, not yet started: `with` starts it.

    Args:
        name: one of `ENGINES`.
        workers: questions answered at a time; as many as there are cores unless given.
        folder: of the ledger, where questions on attention heads find the heads.
        address: of a Ray cluster that is running, HOST:PORT or auto; without one, Ray is started on this machine and
            shut down after use.

    >>> open_engine("cloud", workers=2, folder=Path("."))
    Traceback (most recent call last):
    assay.errors.AssayError: engine 'cloud' is not known. Known: local, ray

    Raises:
        AssayError: there is no such engine, Ray is not installed, or the address is none of a Ray cluster.
    """
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    if name == "ray":
        from assay.studies.engines.cluster import RayEngine

        return RayEngine(workers, address)
    if address is not None:
        raise ParameterError("{address} is for {engine} ray")
    from assay.studies.engines.local import LocalEngine

    return LocalEngine(workers or os.cpu_count() or 1, folder)

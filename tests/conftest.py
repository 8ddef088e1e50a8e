"""One thread per test process: the suite runs in two, and OpenMP threads that spin would starve each other."""

import gc
import os

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "1"

from assay.studies.workers import fork_workers  # noqa: E402: the environment is set before anything is imported

fork_workers()  # as the command line does


def pytest_collection() -> None:
    """Nothing that is imported is looked at again by the collector of garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()

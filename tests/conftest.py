"""One thread per test process: the suite runs in two, and OpenMP threads that spin would starve each other."""

import gc
import os

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "1"

from hypothesis import settings  # the environment is set before anything is imported

from assay.studies.workers import fork_workers

fork_workers()  # as the command line does
settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")


def pytest_collection() -> None:
    """Nothing that is imported is looked at again by the collector of garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()

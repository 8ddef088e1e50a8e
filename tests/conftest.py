"""One thread per test process: the suite runs in two, and OpenMP threads that spin would starve each other."""

import os
from multiprocessing import set_forkserver_preload

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "1"

set_forkserver_preload(["assay.studies.preloaded"])  # as the command line does

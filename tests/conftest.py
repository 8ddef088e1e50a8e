"""One thread per test process: the suite runs in two, and OpenMP threads that spin would starve each other."""

import os

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "1"

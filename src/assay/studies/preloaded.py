"""Imported once, by the fork server of the command line, for all the worker processes that are forked from it.

Such a worker is there in milliseconds, where a new interpreter imports torch for two seconds. In the fork server alone,
OpenMP's environment is set, before torch is there, and the process is deaf to Ctrl-C; elsewhere nothing is done.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

MODULES = ("cli", "questions.bound", "questions.construction", "training.question", "questions.certificate")

if any("multiprocessing.forkserver" in word for word in sys.orig_argv):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it comes to the whole group, and the parent decides
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["OMP_NUM_THREADS"] = "1"  # also: no threads of BLAS, which do not survive a fork
    for _name in MODULES:
        import_module(f"assay.{_name}")

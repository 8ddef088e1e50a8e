"""Imported once, by the fork server of the command line, for all the worker processes that are forked from it.

Such a worker is there in milliseconds, where a new interpreter imports torch for two seconds. Importing this module
sets OpenMP's environment, before torch is there, and makes the process deaf to Ctrl-C: it is for fork servers alone.
"""

from __future__ import annotations

import os
import signal
from importlib import import_module

signal.signal(signal.SIGINT, signal.SIG_IGN)  # it comes to the whole group, and the parent decides
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "1"  # also: no threads of BLAS, which do not survive a fork
for _name in ("cli", "questions.bound", "questions.construction", "training.question", "questions.certificate"):
    import_module(f"assay.{_name}")

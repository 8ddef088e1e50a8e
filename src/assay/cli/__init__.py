"""The command line. Results go to standard output, progress and errors to standard error.

Torch and matplotlib are imported by the commands that need them, so that help and listings answer at once. Exit codes:
0 all is well, 1 a claim was refuted, 2 the request cannot be met, 70 a fault of the program, 74 a result could not be
written, 129 ended with its terminal, 130 interrupted, 141 nobody reads standard output any more, 143 terminated.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import cache
from importlib import import_module
from multiprocessing import active_children
from typing import Any

from typer.exceptions import TyperException
from typer.main import get_command

from assay.cli.exits import ENDINGS, Ended, ExitCode, heed_signals, ignore_signals
from assay.cli.options import app, option_of
from assay.cli.streams import SteadyStream
from assay.errors import AssayError, DiskError, Refuted, one_line
from assay.studies.workers import fork_workers

for _group in (
    "studies",
    "place",
    "networks",
    "baselines",
    "limits",
    "probe",
    "size",
    "languages",
    "groups",
    "boolean",
    "embeddings",
    "export",
    "cite",
    "upkeep",
):  # importing them registers their commands, which help lists in this order
    import_module(f"assay.cli.{_group}")


def main() -> None:
    """Entry point: runs a command and turns what goes wrong into one line and an exit code."""
    # Spinning OpenMP threads bring a shared machine to a halt; this must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.set_threshold(100_000)  # else a sixth of the time to import torch goes into looking for garbage
    fork_workers()
    sys.stdout = output = SteadyStream(sys.stdout)
    sys.stderr = SteadyStream(sys.stderr)
    heed_signals()
    try:
        code = _delivered(_run(), output)
    except Ended as ended:
        code = ended.code
    ignore_signals()
    if code in ENDINGS:
        for child in active_children():  # a second signal may have cut short the clean-up that ends them
            child.terminate()
        kept = "; what is finished is kept, and the same command goes on from there"
        _complain(f"{ENDINGS[code]}{kept if sys.argv[1:2] in (['run'], ['place'], ['probe'], ['embeddings']) else ''}")
    sys.exit(code)


@cache
def command() -> Callable[..., Any]:
    """All commands as one, made once in a process: it takes twice as long as what most of them do."""
    return get_command(app)


def _run() -> ExitCode:
    """The code of a command, which was run, and what went wrong said in one line."""
    try:
        return ExitCode(command()(sys.argv[1:] or ["--help"], standalone_mode=False) or 0)
    except DiskError as error:
        _complain(str(error))
        return ExitCode.UNWRITTEN
    except AssayError as error:
        _complain(*error.spelt(option_of))
        return ExitCode.REFUTED if isinstance(error, Refuted) else ExitCode.REFUSED
    except TyperException as error:
        _complain(error.format_message())
        return ExitCode.REFUSED
    except SystemExit as error:
        return _code_of(error)
    except Exception as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            _complain("this needs more memory than the machine has; a smaller size or fewer instances need less")
            return ExitCode.REFUSED
        traceback.print_exc()  # a fault of ours, or of a user's module: no claim was refuted
        return ExitCode.FAULT


def _code_of(left: SystemExit) -> ExitCode:
    """The code where something has ended the program: completion, Ray's handler of SIGTERM, or a user's module."""
    if "completion" in "".join(sys.argv[1:2]) or any(name.endswith("ASSAY_COMPLETE") for name in os.environ):
        return ExitCode.FINE
    if left.code == signal.SIGTERM:
        return ExitCode.TERMINATED
    _complain(f"a module has ended the program with exit code {left.code}, so that there is no result")
    return ExitCode.FAULT


def _delivered(code: ExitCode, output: SteadyStream) -> ExitCode:
    """The code of a command whose result went to `output`: a verdict that could not be written is none."""
    output.flush()
    if output.failure is None or code not in (ExitCode.FINE, ExitCode.REFUTED):
        return code
    if isinstance(output.failure, ConnectionError):
        return ExitCode.BROKEN_PIPE
    _complain(f"standard output cannot be written: {output.failure.strerror}; files that were written are whole")
    return ExitCode.UNWRITTEN


def _complain(*messages: str) -> None:
    for message in messages:
        print(f"assay: {one_line(message)}", file=sys.stderr)

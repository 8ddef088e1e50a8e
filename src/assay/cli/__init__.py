"""The command line. Results go to standard output, progress and errors to standard error.

Torch and matplotlib are imported by the commands that need them, so that help and listings answer at once. Exit codes:
0 all is well, 1 a claim was refuted, 2 the request cannot be met, 70 a fault of the program, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module

from typer.exceptions import TyperException

from assay.cli.options import app
from assay.errors import AssayError, Refuted, one_line

INTERRUPTED, FAULT = 130, 70

for _group in (
    "studies",
    "networks",
    "limits",
    "heads",
    "upkeep",
):  # importing them registers their commands, which help lists in this order
    import_module(f"assay.cli.{_group}")


def main() -> None:
    """Entry point: runs a command and turns what goes wrong into one line and an exit code."""
    # Spinning OpenMP threads bring a shared machine to a halt; this must be set before torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except AssayError as error:
        code = _complain(str(error), code=1 if isinstance(error, Refuted) else 2)
    except TyperException as error:
        code = _complain(error.format_message())
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            code = _complain("this needs more memory than the machine has; a smaller size or fewer instances need less")
        else:  # a fault of ours, or of a user's module: no claim was refuted
            traceback.print_exc()
            code = FAULT
    if code == INTERRUPTED:
        kept = (
            "; what is finished is kept, and the same command goes on from there"
            if sys.argv[1:2] in (["run"], ["probe"])
            else ""
        )
        print(f"assay: interrupted{kept}", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str, code: int = 2) -> int:
    print(f"assay: {one_line(message)}", file=sys.stderr)
    return code

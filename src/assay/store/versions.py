"""What computed a result: versions and machine, stored with every piece of evidence and printed in every report."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import version

from assay import __version__


@cache
def versions() -> dict[str, str]:
    """Versions of Assay, Python and the libraries that compute."""
    return {
        "assay": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
    }


def machine() -> str:
    """Processor and cores, in a few words."""
    return f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"

"""What this machine has left for a program, as Linux says it: cores, memory, and where files lie."""

from __future__ import annotations

import os
from pathlib import Path


def allowed_cores() -> float:
    """Cores by affinity and by the control group's quota."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _words("/sys/fs/cgroup/cpu.max")
    if len(quota) != 2:
        quota = _words("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") + _words("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    limited = len(quota) == 2 and quota[0].isdigit() and int(quota[1]) > 0
    return min(affinity, int(quota[0]) / int(quota[1])) if limited else affinity


def free_memory() -> int | None:
    """Bytes that can be had, by the system and by the control group's limit."""
    found = []
    if Path("/proc/meminfo").is_file():
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
        found.append(1024 * int(fields["MemAvailable"].split()[0]))
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        words = _words(limit) + _words(used)
        if len(words) == 2 and all(word.isdigit() for word in words):
            found.append(max(0, int(words[0]) - int(words[1])))
    return min(found, default=None)


def file_system(folder: Path) -> str | None:
    """The type of the file system a folder is on."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return None
    entries = [line.split() for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    above = [(point, kind) for _, point, kind, *_ in entries if folder.resolve().is_relative_to(point)]
    return max(above, key=lambda entry: len(entry[0]), default=("", None))[1]


def _words(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").split()
    except OSError:
        return []

"""What the comparisons with other code share: the machine, tables, and a file that every run adds a line to."""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

Row = dict[str, Any]


def options(description: str, rounds: int) -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, help="medians are of so many, interleaved")
    parser.add_argument("--tiny", action="store_true", help="smallest sizes only, to see that it runs")
    parser.add_argument("--json", type=Path, default=Path("assay-out/benchmarks.jsonl"), help="gets one more line")
    return parser


def machine() -> Row:
    """What the numbers were measured on."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "scipy", "numba")},
    }


def show(title: str, rows: list[Row]) -> None:
    """Print a table; its columns are the keys of the first row."""
    cells = [[_text(row.get(name, "")) for name in rows[0]] for row in rows]
    widths = [max(map(len, column)) for column in zip(list(rows[0]), *cells, strict=True)]
    print(f"\n{title}")
    for line in [list(rows[0]), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def keep(benchmark: str, rows: list[Row], path: Path) -> None:
    """Add the rows, with machine and time, to a file of one JSON object a line, and print the machine."""
    entry = {
        "benchmark": benchmark,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rows": rows,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    print(f"\n{', '.join(f'{name} {value}' for name, value in entry['machine'].items())}; kept in {path}")


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

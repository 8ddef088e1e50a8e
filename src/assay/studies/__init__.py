"""Studies: files that say what to ask, and the runner that asks it."""

from __future__ import annotations

from pathlib import Path


def shipped() -> dict[str, Path]:
    """Files of the studies that come with Assay, by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.toml"))}

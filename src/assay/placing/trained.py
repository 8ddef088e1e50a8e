"""What training came to on words of a group: of the known layers, in rows of the battery."""

from __future__ import annotations

import json
from pathlib import Path

from assay.evidence import MEASURED, Fact

# Rows that are words of 16 generators of a group, and the steps that training had. The module imports no battery, which
# takes a second, as 'assay group' takes milliseconds; the tests hold the rows against it.
ROWS = {"Z2": ("parity", 1000), "S3": ("s3", 800), "S5": ("s5", 800)}
_REFERENCE = Path(__file__).with_name("reference.jsonl")


def trained_on_group(name: str) -> tuple[Fact, ...]:
    """What training of known layers came to, where the battery has words of this group."""
    if name not in ROWS:
        return ()
    row, steps = ROWS[name]
    lines = [json.loads(line) for line in _REFERENCE.read_text("utf-8").splitlines()]
    placed = {line["layer"]: line["placed"] for line in lines if line["placed"]["row"] == row}
    shares = {layer: one["learned"] / one["seeds"] for layer, one in placed.items()}
    parts = {
        "learned by": [layer for layer, share in shares.items() if share == 1],
        "by some seeds of": [layer for layer, share in shares.items() if 0 < share < 1],
        "by no seed of": [layer for layer, share in shares.items() if share == 0],
    }
    said = "; ".join(f"{verb} {', '.join(layers)}" for verb, layers in parts.items() if layers)
    first = next(iter(placed.values()))
    fact = Fact(
        "training",
        f"words of 16 generators, one layer of width {first['width']}, at most {steps:,} steps: {said}",
        MEASURED,
        f"row {row} of 'assay place': {first['seeds']} seeds each, learned at an error of {first['tolerance']}",
    )
    return (fact,)

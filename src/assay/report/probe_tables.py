"""Tables of a probe of attention heads: what is lost in each format, what is in reach, and every head."""

from __future__ import annotations

from typing import Any

from assay.probing.caches import KEPT
from assay.probing.headline import ALLOWED, able, first_to_lose, median, ranked_by

Probe = dict[str, Any]

LOSSES = {
    "written": "written error",
    "output": "output error",
    "weights": "attention error",
    "kept": "mass sets keep",
    "output of values": "output error of values",
}
STATISTICS = {
    "entropy": "entropy",
    "sink_mass": "sink mass",
    "score_spread": "score spread",
    "output_size": "output size",
}


def probe_columns(probe: Probe) -> list[str]:
    """What `probe_rows` has."""
    sizes = probe["sparsities"]
    return [
        "layer",
        "head",
        *(f"{title}, {name}" for name in _formats(probe) for title in _losses_known(probe).values()),
        *(["fewest bits, keys by channel", "fewest bits, values by token"] if probe["has_values"] else []),
        *(["longest context, one token"] if probe["has_queries"] else []),
        *(f"reach, {kind}, q = {size}" for kind in probe["kinds"] for size in sizes if probe["has_queries"]),
        *(STATISTICS.values() if probe["has_queries"] else ()),
        "norm in use",
        "q at half existence",
        *(f"needed / in use, q = {size}" for size in sizes if probe["has_queries"]),
        *(f"needed norm, q = {size}" for size in sizes if not probe["has_queries"]),
    ]


def probe_rows(probe: Probe) -> list[list[Any]]:
    """A row for each head: names and numbers in the order of `probe_columns`, None where there is no number."""
    sizes = list(map(str, probe["sparsities"]))
    known = probe["has_queries"]
    return [
        [
            row["layer"],
            row["place"],
            *(row["losses"].get(name, {}).get(figure) for name in _formats(probe) for figure in _losses_known(probe)),
            *(
                [row["fewest"].get("channel", {}).get("keys"), row["fewest"].get("token", {}).get("values")]
                if probe["has_values"]
                else []
            ),
            *([row["context"]] if known else []),
            *(row["reach"].get(kind, {}).get(size) for kind in probe["kinds"] for size in sizes if known),
            *(row["statistics"].get(name) for name in STATISTICS if known),
            row["norm_in_use"],
            row["half"],
            *(row["ratio"].get("random", {}).get(size) for size in sizes if known),
            *(row["needed"]["random"].get(size) for size in sizes if not known),
        ]
        for row in probe["heads"]
    ]


def loss_rows(probe: Probe) -> list[dict[str, Any]]:
    """For each format: heads that lose sets or outputs, the median head's errors, the first to lose."""
    return [_loss_row(probe, name) for name in _formats(probe)]


def summary_rows(probe: Probe) -> list[dict[str, Any]]:
    """For each size: heads that reach most random and most contiguous sets, and the best head."""
    return [
        {
            "q": size,
            "able": {kind: len(able(probe, size, kind)) for kind in probe["kinds"]},
            "best": _strongest(probe, str(size)),
        }
        for size in probe["sparsities"]
    ]


def _loss_row(probe: Probe, name: str) -> dict[str, Any]:
    losses = [row["losses"][name] for row in probe["heads"] if name in row["losses"]]
    first, loss = first_to_lose(probe, name)[0]

    def off(figure: str) -> int | None:
        known = [one[figure] for one in losses if one[figure] is not None]
        return sum(error > ALLOWED for error in known) if probe["has_values"] else None

    return {
        "format": name,
        "bits": losses[0]["bits"],
        "heads": len(losses),
        "lost": sum(one["kept"] is not None and one["kept"] < KEPT for one in losses),
        "off": off("output"),
        "off_values": off("output of values"),
        "weights": median(one["weights"] for one in losses),
        "output": median(one["output"] for one in losses),
        "first": first,
        "loss": loss,
        "by": LOSSES[ranked_by(probe, name)],
    }


def _formats(probe: Probe) -> list[str]:
    """The formats that heads took."""
    return [name for name in probe["formats"] if any(name in row["losses"] for row in probe["heads"])]


def _losses_known(probe: Probe) -> dict[str, str]:
    known = {"output": probe["has_values"], "output of values": probe["has_values"], "written": probe["has_written"]}
    return {figure: title for figure, title in LOSSES.items() if known.get(figure, True)}


def _strongest(probe: Probe, size: str) -> dict[str, Any] | None:
    """The head that reaches the largest share of random sets; None where none reaches any."""
    best = max(probe["heads"], key=lambda row: row["reach"].get("random", {}).get(size, 0))
    return best if best["reach"].get("random", {}).get(size, 0) > 0 else None

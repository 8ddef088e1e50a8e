"""Sets of positions that a user chose: what each head can do with them, and an exact proof for one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, Refuted, require
from assay.probing.certificate import LARGEST, certify, read
from assay.probing.geometry import exists, separates
from assay.probing.heads import Heads
from assay.probing.plan import Plan, require_causal
from assay.probing.reach import MASS, needed_norms
from assay.probing.sets import given
from assay.store.files import is_marked


def probe_chosen(
    heads: Heads,
    sets: Iterable[Iterable[int]],
    *,
    position: int | None = None,
    layer: int | None = None,
    head: int | None = None,
    certificate: Path | None = None,
) -> dict[str, Any]:
    """What the heads of a layer, or of all, can do with these sets, as plain JSON values.

    Args:
        heads: what is probed.
        sets: of positions; for a causal head, of those up to the query's.
        position: of the query, for causal heads; the last unless given.
        layer: the only one that is wanted.
        head: the only place in a layer that is wanted.
        certificate: where to write an exact certificate that the first set exists or not; for one head and set.

    Returns a dictionary with `name`, `length` (keys that count), `mass`, `rows` and `certificate` (its path, answer and
    margin; None unless asked for). A row has `layer`, `head`, `positions`, `exists` and `separates` (yes, no or
    undecided), `needed_norm` (None where no query was found) and `at_least` (no shorter query does), `norm_in_use` and
    `ratio` (None without queries), and `within_reach` (None without queries, and where the norm in use lies between the
    bounds of the needed norm).

    Raises:
        AssayError: a set or head that is not there, a position for heads that are not causal, or a certificate for more
            than one head or set.

    >>> from assay.probing.heads import make_heads
    >>> found = probe_chosen(make_heads("identity", np.eye(4)[None]), [[0, 1]])
    >>> found["rows"][0]["exists"], round(found["rows"][0]["needed_norm"], 1)
    ('yes', 4.4)
    """
    require_causal(heads, position)
    seen = Plan(heads, (1,), position=position).seen
    wanted = [
        index
        for index in range(heads.count)
        if layer in (None, heads.layer[index]) and head in (None, heads.place[index])
    ]
    require(
        bool(wanted),
        "layer and head",
        (layer, head),
        f"of a head; layers are 0 to {max(heads.layer)}, heads 0 to {max(heads.place)}",
    )
    described = given(sets, seen)["sets"]
    if certificate is not None and (len(wanted) > 1 or len(described) > 1):
        raise AssayError(
            f"certificate = {certificate} is for one set and one head; {len(described)} and {len(wanted)} were chosen: "
            "choose with --layer and --head"
        )
    known: dict[tuple[int, tuple[int, ...]], dict[str, Any]] = {}
    rows = []
    for index in wanted:
        for positions in described:
            key = (heads.key_head[index], tuple(positions))
            if key not in known:
                known[key] = _of_keys(heads.keys[key[0], :seen].astype(np.float64), positions, heads.scale)
            in_use = None if heads.norms_in_use is None else float(heads.norms_in_use[index])
            rows.append(
                {
                    "layer": heads.layer[index],
                    "head": heads.place[index],
                    "positions": positions,
                    **known[key],
                    **_reach(known[key], in_use),
                }
            )
    proof = None
    if certificate is not None:
        proved = certify(heads.keys[heads.key_head[wanted[0]], :seen], described[0])
        proved.check()
        proved.write(certificate)
        margin = None if proved.margin is None else float(proved.margin)
        proof = {"file": str(certificate), "answer": proved.answer, "margin": margin}
    return {"name": heads.name, "length": seen, "mass": MASS, "note": heads.note, "rows": rows, "certificate": proof}


def is_probe_certificate(path: Path) -> bool:
    """Whether this file says that it is an exact certificate of a probe; nothing in it is checked."""
    return is_marked(path, "assay-probe-certificate", LARGEST)


def verify_set(path: Path) -> dict[str, Any]:
    """Check an exact certificate from its keys alone: what it says, whether that holds, and the reason if not.

    Raises:
        AssayError: no such file, or no certificate in it.
    """
    try:
        certificate = read(path)
        certificate.check()
    except Refuted as error:
        return {"file": str(path), "holds": False, "reason": str(error)}
    which = "a query" if certificate.answer == "yes" else "no query"
    claim = (
        f"{which} has equal scores on positions {list(certificate.positions)} and smaller ones on the others of "
        f"{len(certificate.keys)} keys of width {len(certificate.keys[0])}, in exact arithmetic"
    )
    return {"file": str(path), "holds": True, "claim": claim, "answer": certificate.answer}


def _of_keys(keys: NDArray[np.float64], positions: list[int], scale: float) -> dict[str, Any]:
    found = needed_norms(keys, np.array([positions]), scale=scale)
    needed = float(found.at_most[0])
    return {
        "exists": exists(keys, positions).answer,
        "separates": separates(keys, positions).answer,
        "needed_norm": needed if np.isfinite(needed) else None,
        "at_least": float(found.at_least[0]),
    }


def _reach(row: dict[str, Any], in_use: float | None) -> dict[str, Any]:
    needed = row["needed_norm"]
    if in_use is None:
        return {"norm_in_use": None, "ratio": None, "within_reach": None}
    ratio = None if needed is None or in_use == 0 else needed / in_use
    reached = needed is not None and needed <= in_use
    is_open = not reached and row["at_least"] <= in_use
    return {"norm_in_use": in_use, "ratio": ratio, "within_reach": None if is_open else reached}

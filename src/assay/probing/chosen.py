"""Sets of positions that a user chose: what each head can do with them, and an exact proof for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.errors import ParameterError, Refuted, require
from assay.evidence import Verification
from assay.probing.best_share import best_margins
from assay.probing.budget import Budget, query_budget
from assay.probing.certificate import LARGEST, certify, read
from assay.probing.geometry import exists, separates
from assay.probing.heads import Heads
from assay.probing.one_head import HeadOnText
from assay.probing.plan import Plan
from assay.probing.reach import MASS, needed_norms
from assay.probing.sets import given
from assay.probing.uses import head_on_text
from assay.store.files import is_marked


@dataclass(frozen=True)
class ChosenSet:
    """What a head can do with a set.

    Attributes:
        layer: of the head.
        head: place in the layer.
        positions: of the set, ascending.
        reach: whether a query of the ellipsoid of the head's own has equal scores on the set and 90 % of the softmax
            there: yes (a query was found), no (there is none, up to rounding) or open; None without queries.
        margin: the log-odds of the best share found, above those of 90 %, nats; None without queries, and where the set
            is all keys.
        at_most: no query of the ellipsoid has a larger margin, up to rounding; likewise.
        exists: whether some query at all has equal scores on it and smaller ones elsewhere: yes, no or undecided; None
            where reach is known.
        separates: whether some query scores all of it above all others; likewise.
        needed_norm: of a query with equal scores and 90 % of the softmax there; likewise, and where none was found.
        at_least: no shorter query does; None where reach is known.
    """

    layer: int
    head: int
    positions: tuple[int, ...]
    reach: str | None = None
    margin: float | None = None
    at_most: float | None = None
    exists: str | None = None
    separates: str | None = None
    needed_norm: float | None = None
    at_least: float | None = None


@dataclass(frozen=True)
class Proved:
    """An exact certificate that was written: its file, whether the set exists (yes or no), and the query's margin."""

    file: str
    answer: str
    margin: float | None


@dataclass(frozen=True)
class Chosen:
    """What heads can do with sets on a text: a row for each head and set; `length` keys count."""

    name: str
    text: str
    note: str
    length: int
    mass: float
    rows: tuple[ChosenSet, ...]
    certificate: Proved | None


def probe_chosen(
    heads: Heads,
    sets: Iterable[Iterable[int]],
    *,
    position: int | None = None,
    layer: int | None = None,
    head: int | None = None,
    certificate: Path | None = None,
) -> Chosen:
    """What the heads of a layer, or of all, can do with these sets.

    Args:
        heads: what is probed.
        sets: of positions; for a causal head, of those up to the query's.
        position: of the query, for causal heads; the last unless given.
        layer: the only one that is wanted.
        head: the only place in a layer that is wanted.
        certificate: where to write an exact certificate that the first set exists or not; for one head and set.

    Raises:
        AssayError: a set or head that is not there, a position for heads that are not causal, or a certificate for more
            than one head or set.

    >>> from assay.probing.heads import make_heads
    >>> (row,) = probe_chosen(make_heads("identity", np.eye(4)[None]), [[0, 1]]).rows
    >>> row.exists, round(row.needed_norm, 1)
    ('yes', 4.4)
    >>> probe_chosen(make_heads("own", np.eye(4)[None], 9 * np.eye(4)[None]), [[0, 1]]).rows[0].reach
    'yes'
    """
    plan = Plan((heads,), (1,), position=position)
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
    described = given(sets, plan.seen)
    if certificate is not None and (len(wanted) > 1 or len(described) > 1):
        raise ParameterError(
            "{certificate} = {} is for one set and one head; {} and {} were chosen: choose with {layer} and {head}",
            certificate,
            len(described),
            len(wanted),
        )
    rows = [row for index in wanted for row in _rows(plan, index, described)]
    proof = None
    if certificate is not None:
        proved = certify(heads.keys[heads.key_head[wanted[0]], : plan.seen], described[0])
        proved.check()
        proved.write(certificate)
        proof = Proved(str(certificate), proved.answer, None if proved.margin is None else float(proved.margin))
    return Chosen(heads.name, heads.text, heads.note, plan.seen, MASS, tuple(rows), proof)


def is_probe_certificate(path: Path) -> bool:
    """Whether this file says that it is an exact certificate of a probe; nothing in it is checked."""
    return is_marked(path, "assay-probe-certificate", LARGEST)


def verify_set(path: Path) -> Verification:
    """Check an exact certificate from its keys alone.

    Raises:
        AssayError: no such file, or no certificate in it.
    """
    try:
        certificate = read(path)
        certificate.check()
    except Refuted as error:
        return Verification(str(path), False, str(error))
    which = "a query" if certificate.answer == "yes" else "no query"
    claim = (
        f"{which} has equal scores on positions {list(certificate.positions)} and smaller ones on the others of "
        f"{len(certificate.keys)} keys of width {len(certificate.keys[0])}, in exact arithmetic"
    )
    return Verification(str(path), True, claim=claim, answer=certificate.answer)


def _rows(plan: Plan, index: int, described: list[list[int]]) -> list[ChosenSet]:
    heads = plan.heads
    rows = [ChosenSet(heads.layer[index], heads.place[index], tuple(positions)) for positions in described]
    if plan.asks_uses:
        head = head_on_text(heads, index, plan.seen)
        budget = query_budget(head.queries)
        return [_with_reach(row, head, budget) for row in rows]
    keys = heads.keys[heads.key_head[index], : plan.seen].astype(np.float64)
    return [_of_keys(row, keys, heads.scale) for row in rows]


def _with_reach(row: ChosenSet, head: HeadOnText, budget: Budget) -> ChosenSet:
    found = best_margins(head.keys, np.array([row.positions]), budget, scale=head.scale)
    low, high = float(found.at_least[0]), float(found.at_most[0])
    reach = "yes" if low >= 0 else "no" if high < 0 else "open"
    return replace(row, reach=reach, margin=_finite(low), at_most=_finite(high))


def _of_keys(row: ChosenSet, keys: NDArray[np.float64], scale: float) -> ChosenSet:
    found = needed_norms(keys, np.array([row.positions]), scale=scale)
    return replace(
        row,
        exists=exists(keys, row.positions).answer,
        separates=separates(keys, row.positions).answer,
        needed_norm=_finite(float(found.at_most[0])),
        at_least=float(found.at_least[0]),
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None

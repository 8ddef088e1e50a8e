"""What a probe asks: what heads do and lose, existence around the predicted thresholds, and needed norms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assay.errors import AssayError, require, require_integer
from assay.probing.cache_formats import BLOCK, GGUF, cache_format
from assay.probing.heads import Heads, shown
from assay.probing.questions import Asked, probe_question, uses_question
from assay.probing.sets import KINDS, drawn
from assay.probing.thresholds import face_threshold, separation_threshold
from assay.tasks.counter import LARGEST_SEED

SPARSITIES = (1, 2, 4, 8)
_AROUND = (0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0)  # times the predicted threshold: where existence is asked about


@dataclass(frozen=True)
class Plan:
    """A probe of heads.

    Attributes:
        heads: what is probed.
        sparsities: sizes q of the sets whose needed norms are asked for.
        sets: how many sets of each size and kind.
        curves: how many sets at each point of the existence curves; 0 leaves them out.
        seed: of the sets, from 0 to 2^63 - 1.
        position: of the query; a causal head has only the keys up to there. The last one unless given.
        formats: in which a cache is taken to be stored, see `assay.probing.cache_formats`; unless given, q8_0 and q4_0,
            or token-8 and token-4 where the width does not take these.
    """

    heads: Heads
    sparsities: tuple[int, ...] = SPARSITIES
    sets: int = 32
    curves: int = 32
    seed: int = 0
    position: int | None = None
    formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.formats:
            cache_format(name)
        require_integer("sets", self.sets, 1, None)
        require_integer("curves", self.curves, 0, None)
        require_integer("seed", self.seed, 0, LARGEST_SEED)
        if self.position is not None:
            require_integer("position", self.position, 0, self.heads.length - 1)
        require(bool(self.sparsities), "sparsities", self.sparsities, "at least one")
        for sparsity in self.sparsities:
            require_integer("sparsity", sparsity, 1, self.seen, "positions seen")

    @property
    def seen(self) -> int:
        """Keys that count: those that a query at `position` sees."""
        if self.position is None or not self.heads.causal:
            return self.heads.length
        return self.position + 1

    @property
    def curve(self) -> dict[Asked, list[int]]:
        """Sizes of sets at which existence and separation are asked about."""
        width, seen = self.heads.width, self.seen
        around = {
            "exists": face_threshold(width, seen),
            "separates": separation_threshold(width, seen),
        }
        most = {"exists": seen, "separates": max(1, seen // 2)}  # S is separated from the rest as the rest from S
        return {
            asked: sorted({min(max(1, round(share * middle)), most[asked]) for share in _AROUND})
            for asked, middle in around.items()
        }  # ty: ignore[invalid-explicit-return]

    @property
    def cached(self) -> tuple[str, ...]:
        """The formats of a cache that are asked about."""
        values = self.heads.values
        widths = (self.heads.width, self.heads.width if values is None else values.shape[2])
        return self.formats or (("token-8", "token-4") if any(width % BLOCK for width in widths) else GGUF)

    @property
    def asks_uses(self) -> bool:
        """Whether heads are asked what they do with their own queries: these must be known, and have a choice.

        Of causal heads the queries are taken for those of the last positions, so there are no more than keys.
        """
        if self.heads.queries is None or self.seen < 2:
            return False
        after = self.heads.length - self.seen
        return not self.heads.causal or after < self.heads.queries.shape[1] <= self.heads.length

    def questions(self) -> Iterator[dict[str, Any]]:
        """All questions: heads are asked one after the other, so that an interrupted probe has whole heads."""
        asked: list[tuple[Asked, int, Iterable[int]]] = [("norm", self.sets, self.sparsities)]
        asked += [(what, self.curves, sizes) for what, sizes in self.curve.items() if self.curves]
        own = [drawn(kind, self.sets, self.sparsities, self.seen, self.seed) for kind in KINDS]
        for key_head in range(len(self.heads.keys)):
            for head in range(self.heads.count) if self.asks_uses else ():
                if self.heads.key_head[head] == key_head:
                    yield uses_question(self.heads, head, own, self.cached)
            for what, count, sizes in asked:
                for kind in KINDS:
                    sets = drawn(kind, count, sizes, self.seen, self.seed)
                    yield probe_question(self.heads, key_head, what, sets)


def require_causal(heads: Heads, position: int | None) -> None:
    """Raise the standard error for a position of the query that would make no difference."""
    if position is not None and not heads.causal:
        raise AssayError(
            f"position = {position} is not allowed with {shown(heads.name)}: "
            "its heads are not causal, so that every query sees all keys"
        )

"""What a probe asks: what heads do and lose on each text; of keys alone, which sets exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay.errors import AssayError, require, require_integer
from assay.probing.cache_formats import GGUF, cache_format
from assay.probing.heads import Heads, shown
from assay.probing.questions import ProbeQuestion, exists_question, uses_question
from assay.probing.sets import KINDS, DrawnSets
from assay.probing.thresholds import face_threshold
from assay.tasks.counter import LARGEST_SEED

SPARSITIES = (1, 2, 4, 8)
CURVES = 32  # sets at each point of the existence curve of keys without queries
_AROUND = (0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0)  # times the predicted threshold: where existence is asked about


@dataclass(frozen=True)
class Plan:
    """A probe of heads.

    Attributes:
        texts: the same heads on each text.
        sparsities: sizes q of the sets whose reach is asked for.
        sets: how many sets of each size and kind.
        curves: how many sets at each point of the existence curve; 0 leaves it out. Unless given, 32 where queries are
            not known, as nothing else can be said of keys alone, and 0 where they are.
        seed: of the sets, from 0 to 2^63 - 1.
        position: of the query; a causal head has only the keys up to there. The last one unless given.
        formats: in which a cache is taken to be stored, see `assay.probing.cache_formats`; unless given, q8_0 and q4_0,
            or token-8 and token-4 where the width does not take these.

    Raises:
        AssayError: texts whose heads are not the same ones, or a number that is not allowed.
    """

    texts: tuple[Heads, ...]
    sparsities: tuple[int, ...] = SPARSITIES
    sets: int = 32
    curves: int | None = None
    seed: int = 0
    position: int | None = None
    formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(bool(self.texts), "texts", 0, "at least one")
        kinds = {_kind(heads) for heads in self.texts}
        require(len(kinds) == 1, "heads on several texts", "different", "of one model, with as many keys and queries")
        for name in self.formats:
            for part, width in self._widths.items():
                allowed = f"a format that takes {part} of width {width}, as token-4 and channel-4"
                require(cache_format(name).fits(width), "format", name, allowed)
        require_integer("sets", self.sets, 1, None)
        if self.curves is not None:
            require_integer("curves", self.curves, 0, None)
        require_integer("seed", self.seed, 0, LARGEST_SEED)
        if self.position is not None:
            require_integer("position", self.position, 0, self.heads.length - 1)
            if not self.heads.causal:
                raise AssayError(
                    f"position = {self.position} is not allowed with {shown(self.heads.name)}: "
                    "its heads are not causal, so that every query sees all keys"
                )
        require(bool(self.sparsities), "sparsities", self.sparsities, "at least one")
        for sparsity in self.sparsities:
            require_integer("sparsity", sparsity, 1, self.seen, "positions seen")
        asks = self.asks_uses or self.curve_sets > 0
        require(asks, "curves", self.curves, "1 or more for keys without queries: nothing else is asked of them")

    @property
    def heads(self) -> Heads:
        """Those of the first text: what they are is the same on all."""
        return self.texts[0]

    @property
    def seen(self) -> int:
        """Keys that count: those that a query at `position` sees."""
        return self.heads.length if self.position is None else self.position + 1

    @property
    def curve(self) -> list[int]:
        """Sizes of sets whose existence is asked about."""
        middle = face_threshold(self.heads.width, self.seen)
        return sorted({min(max(1, round(share * middle)), self.seen) for share in _AROUND})

    @property
    def curve_sets(self) -> int:
        """How many sets there are at each point of the existence curve."""
        return (0 if self.asks_uses else CURVES) if self.curves is None else self.curves

    @property
    def cached(self) -> tuple[str, ...]:
        """The formats of a cache that are asked about."""
        fit = all(cache_format(name).fits(width) for name in GGUF for width in self._widths.values())
        return self.formats or (GGUF if fit else ("token-8", "token-4"))

    @property
    def asks_uses(self) -> bool:
        """Whether heads are asked what they do with their own queries: these must be known, and have a choice.

        Of causal heads the queries are taken for those of the last positions, so there are no more than keys.
        """
        if self.heads.queries is None or self.seen < 2:
            return False
        after = self.heads.length - self.seen
        return not self.heads.causal or after < self.heads.queries.shape[1] <= self.heads.length

    @property
    def _widths(self) -> dict[str, int]:
        values = self.heads.values
        return {"keys": self.heads.width} | ({} if values is None else {"values": values.shape[2]})

    def questions(self) -> Iterator[ProbeQuestion]:
        """All questions: heads are asked one after the other, so that an interrupted probe has whole heads."""
        own = tuple(DrawnSets(kind, self.sets, self.sparsities, self.seen, self.seed) for kind in KINDS)
        for head in range(self.heads.count) if self.asks_uses else ():
            for heads in self.texts:
                yield uses_question(heads, head, own, self.cached)
        for key_head in range(len(self.heads.keys)) if self.curve_sets else ():
            for heads in self.texts:
                for kind in KINDS:
                    sets = DrawnSets(kind, self.curve_sets, tuple(self.curve), self.seen, self.seed)
                    yield exists_question(heads, key_head, sets)


def _kind(heads: Heads) -> tuple[object, ...]:
    shapes = tuple((name, array.shape) for name, array in heads.arrays.items())
    return heads.causal, heads.plain, heads.scale, heads.key_head, heads.layer, heads.place, shapes

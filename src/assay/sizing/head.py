"""What is asked of a head, as a value, and which norms the queries of trained heads have."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.errors import require, require_integer
from assay.sizing.caches import Cache
from assay.sizing.head_limits import serves


@dataclass(frozen=True)
class Head:
    """A head and what it is to do.

    Attributes:
        width: d, of queries and keys.
        keys: N.
        average: q.
        cache: how keys are stored.
        norm: n, the largest of a query, in the units of `sizing.generic`; infinity for any.
    """

    width: int
    keys: int
    average: int
    cache: Cache
    norm: float = math.inf

    def serves(self) -> bool:
        """Whether it serves most sets."""
        return serves(self.width, self.keys, self.average, self.cache, self.norm)


@dataclass(frozen=True)
class Layout:
    """What a layer adds to one head.

    Attributes:
        query_heads: of a layer; 0 where not given.
        key_heads: that they share, as many query heads each; 0 where not given.
        rotary: coordinates that rotary positions turn, an even number, or their share, up to 1.
    """

    query_heads: int = 0
    key_heads: int = 0
    rotary: float = 0.0

    def check(self, width: int | None) -> None:
        """Raise the standard error for heads that do not divide, or coordinates that cannot be turned.

        Raises:
            AssayError: the message names what.
        """
        if self.query_heads or self.key_heads:
            require_integer("key_heads", self.key_heads, 1, None)
            fits = self.query_heads >= 1 and self.query_heads % self.key_heads == 0
            require(fits, "query_heads", self.query_heads, f"a multiple of key_heads = {self.key_heads}")
        allowed = f"a share up to 1, or an even number{'' if width is None else f' up to head_width = {width}'}"
        share, count = self.rotary <= 1, self.rotary % 2 == 0 and self.rotary <= (width or math.inf)
        require(self.rotary >= 0 and (share or count), "rotary", self.rotary, allowed)

    def turned(self, width: int) -> int:
        """Coordinates that rotary positions turn in a head of this width: whole pairs.

        >>> Layout(rotary=0.25).turned(64), Layout(rotary=32).turned(64)
        (16, 32)
        """
        return int(self.rotary) if self.rotary > 1 else 2 * round(self.rotary * width / 2)


@dataclass(frozen=True)
class InUse:
    """Norms n of the queries of a trained model's heads: each head's 95th percentile, on one text of 256 tokens.

    Attributes:
        model: and its head width.
        low: a tenth of its heads are below.
        median: of its heads.
        high: a tenth of its heads are above.
    """

    model: str
    low: float
    median: float
    high: float


SMOLLM2 = InUse("SmolLM2-135M (270 heads, d = 64)", 1.8, 2.6, 3.6)
MINILM = InUse("MiniLM-L6 (72 heads, d = 32)", 0.9, 1.35, 2.9)


def in_use_text(norm: float) -> str:
    """How many of SmolLM2's heads have queries of this norm.

    >>> in_use_text(2.17), in_use_text(29.0)
    ('more than half of the heads of SmolLM2 have it', 'fewer than a tenth of the heads of SmolLM2 have it')
    """
    shares = ((SMOLLM2.low, "nine tenths"), (SMOLLM2.median, "half"), (SMOLLM2.high, "a tenth"))
    share = next((f"more than {name}" for limit, name in shares if norm <= limit), "fewer than a tenth")
    return f"{share} of the heads of SmolLM2 have it"
